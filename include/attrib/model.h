/*
 * Data-driven attribution: credit by what the paths of all orders say together, rather than by a rule for
 * each of them. Pure: paths go in, parts come out. A player is whoever shares: a creator, a campaign, a
 * channel; the caller numbers them from 0. What each answer means: docs/models.md.
 */
#ifndef ATTRIB_MODEL_H
#define ATTRIB_MODEL_H

#include <stddef.h>
#include <stdint.h>
#include "attrib/error.h"

#define ATTRIB_MARKOV_ORDER_MAX 3
#define ATTRIB_MODEL_ORDER_UNIT 1000000000 /* one order: parts of orders are counted in 10^-9 */

/* What one player gets. Over all players it sums to the orders that were split, exactly. */
struct attrib_model_part {
	int64_t orders;          /* 10^-9 */
	int64_t gross, refunded; /* minor units of one currency; 0 <= refunded <= gross */
};

/* -- Markov: what would be lost without a player ---------------------------------------------------- */

/* Walks over touches: the next touch, or the order, depends on the last `order` touches. Only journeys that
 * ended in an order are known, so every walk ends in one, unless its player is taken out. */
struct attrib_markov;
/* order is 1..ATTRIB_MARKOV_ORDER_MAX. NULL when memory is out; the caller frees it. */
struct attrib_markov *attrib_markov_new(unsigned order);
void attrib_markov_free(struct attrib_markov *markov);
/* One path, seen `times` times (> 0), first touch first; n = 0: an order without a touch. ATTRIB_E_NOMEM. */
int attrib_markov_add(struct attrib_markov *markov, const uint32_t *path, size_t n,
	uint64_t times) ATTRIB_MUST_CHECK;
/* effects[i], i < players: the part of all walks that no longer reaches the order when player i is taken out,
 * 0..1; 0 of players on no path. Exact but for rounding: eliminated state by state, without subtracting.
 * Players of the paths are < players. At least one path was added.
 * ATTRIB_E_NOMEM; ATTRIB_E_TOO_LARGE: the chain needs more than ATTRIB_MARKOV_STEPS_MAX. */
int attrib_markov_effects(
	const struct attrib_markov *markov, size_t players, double *effects) ATTRIB_MUST_CHECK;
#define ATTRIB_MARKOV_STEPS_MAX ((size_t)1 << 25) /* transitions in memory, 16 bytes each */

/* Splits orders (whole ones) and gross by the effects, refunded by the parts of gross; equal remainders go to
 * the smaller index.
 * ATTRIB_E_INVALID: no effect is above 0, or amounts are out of range; ATTRIB_E_NOMEM. */
int attrib_markov_split(const double *effects, size_t players, uint64_t orders, int64_t gross,
	int64_t refunded, struct attrib_model_part *parts) ATTRIB_MUST_CHECK;

/* -- Shapley: the fair part of a player -------------------------------------------------------------- */

/* The game in which a set of players is worth the orders whose players are all in the set. Its Shapley value
 * is closed: each order in equal parts to its distinct players (docs/models.md has the proof). */
struct attrib_shapley;
/* NULL when memory is out; the caller frees it. */
struct attrib_shapley *attrib_shapley_new(size_t players);
void attrib_shapley_free(struct attrib_shapley *shapley);
/* One order; n > 0. Odd units go to the player that was touched earlier. ATTRIB_E_INVALID: a player or an
 * amount is out of range; ATTRIB_E_NOMEM. Nothing is added then. */
int attrib_shapley_add(struct attrib_shapley *shapley, const uint32_t *path, size_t n,
	int64_t gross, int64_t refunded) ATTRIB_MUST_CHECK;
/* One for each player; borrowed. */
const struct attrib_model_part *attrib_shapley_parts(const struct attrib_shapley *shapley);

#endif
