/*
 * Removal effects. The states of a player are the histories that end with a touch of it. A player is taken out
 * by sending every walk that enters one of its states to nowhere; since every walk ends in the order otherwise,
 * the effect is the chance that a walk enters one.
 *
 * That chance stands in the start's row once all other players' states are out of the chain. One elimination
 * for each player would do the same work again and again: players are halved instead, each half goes on with
 * a chain that has the other half out already. All players together cost a few eliminations of the whole.
 */
#include "attrib/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "attrib/money.h"
#include "chain.h"
#include "keys.h"

#define NOBODY     UINT32_MAX      /* before the first touch */
#define SHARE_UNIT 1000000000000.0 /* effects are split by whole weights */

struct attrib_markov {
	unsigned order;
	struct model_keys states; /* the last touches, newest first */
	struct model_keys steps;  /* from, to: CHAIN_END, CHAIN_START, CHAIN_TOUCHES + number */
	uint64_t *times;          /* owned; of each step */
	size_t times_room;
};

struct attrib_markov *attrib_markov_new(unsigned order)
{
	struct attrib_markov *markov = calloc(1, sizeof *markov);

	if (markov)
		markov->order = order;
	return markov;
}

void attrib_markov_free(struct attrib_markov *markov)
{
	if (!markov)
		return;
	model_keys_done(&markov->states);
	model_keys_done(&markov->steps);
	free(markov->times);
	free(markov);
}

/* -- paths ------------------------------------------------------------------------------------------ */

static int room_for_times(struct attrib_markov *markov)
{
	size_t room = markov->times_room ? 2 * markov->times_room : 64;
	uint64_t *times;

	if (markov->steps.n <= markov->times_room)
		return 0;
	times = realloc(markov->times, room * sizeof *times);
	if (!times)
		return ATTRIB_E_NOMEM;
	memset(times + markov->times_room, 0, (room - markov->times_room) * sizeof *times);
	markov->times = times;
	markov->times_room = room;
	return 0;
}

static int add_step(struct attrib_markov *markov, uint32_t from, uint32_t to, uint64_t times)
{
	const uint32_t key[MODEL_KEY_WORDS] = {from, to};
	uint32_t step = model_keys_put(&markov->steps, key);

	if (step == MODEL_KEY_NONE || room_for_times(markov))
		return ATTRIB_E_NOMEM;
	markov->times[step] += times;
	return 0;
}

/* The history goes on with a touch; a touch that no longer counts is forgotten. */
static void remember(const struct attrib_markov *markov, uint32_t *last, uint32_t player)
{
	memmove(last + 1, last, (markov->order - 1) * sizeof *last);
	last[0] = player;
}

int attrib_markov_add(struct attrib_markov *markov, const uint32_t *path, size_t n, uint64_t times)
{
	uint32_t last[MODEL_KEY_WORDS] = {NOBODY, NOBODY, NOBODY, NOBODY};
	uint32_t state, at = CHAIN_START;
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		remember(markov, last, path[i]);
		state = model_keys_put(&markov->states, last);
		if (state == MODEL_KEY_NONE)
			return ATTRIB_E_NOMEM;
		err = add_step(markov, at, CHAIN_TOUCHES + state, times);
		at = CHAIN_TOUCHES + state;
	}
	return err ? err : add_step(markov, at, CHAIN_END, times);
}

/* -- the chain -------------------------------------------------------------------------------------- */

/* Players by rank: the most visited first, so that the rest, with few ways, leaves the chain first. */
struct ranking {
	struct rank {
		uint32_t player, first; /* first of its states */
		uint64_t visits;
	} * ranks;         /* owned; one more than there are players, for the end of the last */
	uint32_t *rank_of; /* owned; by player */
	uint32_t *number;  /* owned; in the chain, by state */
};

static void ranking_done(struct ranking *ranking)
{
	free(ranking->ranks);
	free(ranking->rank_of);
	free(ranking->number);
}

static int by_visits(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;

	if (x->visits != y->visits)
		return x->visits > y->visits ? -1 : 1;
	return x->player < y->player ? -1 : x->player > y->player;
}

static void count_visits(const struct attrib_markov *markov, struct rank *ranks)
{
	for (size_t i = 0; i < markov->steps.n; i++) {
		uint32_t to = markov->steps.keys[i][1];
		if (to >= CHAIN_TOUCHES)
			ranks[markov->states.keys[to - CHAIN_TOUCHES][0]].visits +=
				markov->times[i];
	}
}

static void number_states(
	const struct attrib_markov *markov, size_t players, struct ranking *ranking)
{
	uint32_t *next = ranking->number; /* how many states, then where the next one goes */
	const size_t states = markov->states.n;
	uint32_t first = CHAIN_TOUCHES;

	for (size_t i = 0; i < states; i++)
		ranking->ranks[ranking->rank_of[markov->states.keys[i][0]]].first++;
	for (size_t rank = 0; rank <= players; rank++) {
		uint32_t count = ranking->ranks[rank].first;
		ranking->ranks[rank].first = first;
		first += count;
	}
	for (size_t i = 0; i < states; i++)
		next[i] = ranking->ranks[ranking->rank_of[markov->states.keys[i][0]]].first++;
	for (size_t rank = players; rank > 0; rank--)
		ranking->ranks[rank].first = ranking->ranks[rank - 1].first;
	ranking->ranks[0].first = CHAIN_TOUCHES;
}

static int rank_players(const struct attrib_markov *markov, size_t players, struct ranking *ranking)
{
	ranking->ranks = calloc(players + 1, sizeof *ranking->ranks);
	ranking->rank_of = calloc(players + 1, sizeof *ranking->rank_of);
	ranking->number = calloc(markov->states.n + 1, sizeof *ranking->number);
	if (!ranking->ranks || !ranking->rank_of || !ranking->number)
		return ATTRIB_E_NOMEM;
	for (size_t i = 0; i < players; i++)
		ranking->ranks[i].player = (uint32_t)i;
	count_visits(markov, ranking->ranks);
	qsort(ranking->ranks, players, sizeof *ranking->ranks, by_visits);
	for (size_t i = 0; i < players; i++)
		ranking->rank_of[ranking->ranks[i].player] = (uint32_t)i;
	number_states(markov, players, ranking);
	return 0;
}

static uint32_t place(const struct ranking *ranking, uint32_t state)
{
	return state < CHAIN_TOUCHES ? state : ranking->number[state - CHAIN_TOUCHES];
}

static int make_chain(const struct attrib_markov *markov, const struct ranking *ranking,
	struct chain *chain, uint32_t *counts)
{
	int err = 0;

	for (size_t i = 0; i < markov->steps.n; i++)
		counts[place(ranking, markov->steps.keys[i][0])]++;
	for (uint32_t row = CHAIN_START; row < chain->n && !err; row++) {
		err = chain_row_alloc(chain, row, counts[row]);
		counts[row] = 0;
	}
	for (size_t i = 0; i < markov->steps.n && !err; i++) {
		uint32_t row = place(ranking, markov->steps.keys[i][0]);
		chain->rows[row].steps[counts[row]++] = (struct chain_step){
			place(ranking, markov->steps.keys[i][1]), (double)markov->times[i]};
	}
	for (uint32_t row = CHAIN_START; row < chain->n && !err; row++)
		chain_row_sort(chain, row);
	return err;
}

static int build(
	const struct attrib_markov *markov, const struct ranking *ranking, struct chain *chain)
{
	uint32_t *counts = calloc(chain->n, sizeof *counts);
	int err = counts ? make_chain(markov, ranking, chain, counts) : ATTRIB_E_NOMEM;

	free(counts);
	return err;
}

/* -- effects ---------------------------------------------------------------------------------------- */

/* Of a chain with one player: what goes from the start to its states. */
static double entering(const struct chain *chain)
{
	const struct chain_row *start = &chain->rows[CHAIN_START];
	double touched = 0, rest = 0;

	for (uint32_t i = 0; i < start->n; i++) {
		if (start->steps[i].to >= CHAIN_TOUCHES)
			touched += start->steps[i].weight;
		else
			rest += start->steps[i].weight;
	}
	return touched / (touched + rest);
}

/* The chain has the states of the players ranked from..to - 1, and no others. Depth: log2 of the players. */
static int halve(const struct chain *chain, const struct ranking *ranking, size_t from, size_t to,
	double *effects)
{
	const size_t middle = from + (to - from) / 2, ends[] = {from, middle, to};
	const uint32_t first = ranking->ranks[from].first;
	int err = 0;

	if (to - from == 1) {
		effects[ranking->ranks[from].player] = entering(chain);
		return 0;
	}
	for (int half = 0; half < 2 && !err; half++) {
		struct chain kept;
		err = chain_keep(chain, CHAIN_TOUCHES + (ranking->ranks[ends[half]].first - first),
			CHAIN_TOUCHES + (ranking->ranks[ends[half + 1]].first - first), &kept);
		if (!err)
			err = halve(&kept, ranking, ends[half], ends[half + 1], effects);
		chain_done(&kept);
	}
	return err;
}

int attrib_markov_effects(const struct attrib_markov *markov, size_t players, double *effects)
{
	size_t left = ATTRIB_MARKOV_STEPS_MAX;
	struct ranking ranking = {0};
	struct chain chain = {0};
	int err = rank_players(markov, players, &ranking);

	if (!err)
		err = chain_init(&chain, (uint32_t)(CHAIN_TOUCHES + markov->states.n), &left);
	if (!err)
		err = build(markov, &ranking, &chain);
	if (!err && players)
		err = halve(&chain, &ranking, 0, players, effects);
	chain_done(&chain);
	ranking_done(&ranking);
	return err;
}

/* -- parts ------------------------------------------------------------------------------------------ */

static void weigh(const double *effects, size_t players, uint64_t *weights)
{
	double sum = 0;

	for (size_t i = 0; i < players; i++)
		sum += effects[i];
	for (size_t i = 0; i < players; i++)
		weights[i] = sum > 0 ? (uint64_t)llround(effects[i] / sum * SHARE_UNIT) : 0;
}

static int split_all(uint64_t *weights, size_t players, uint64_t orders, int64_t gross,
	int64_t refunded, int64_t *out, struct attrib_model_part *parts)
{
	int err = attrib_money_split(
		(int64_t)orders * ATTRIB_MODEL_ORDER_UNIT, weights, players, out);

	for (size_t i = 0; i < players && !err; i++)
		parts[i].orders = out[i];
	if (!err)
		err = attrib_money_split(gross, weights, players, out);
	for (size_t i = 0; i < players && !err; i++) {
		parts[i].gross = out[i];
		parts[i].refunded = 0;
		weights[i] = (uint64_t)out[i];
	}
	/* by the gross, so that nobody's net falls below zero */
	if (!err && gross)
		err = attrib_money_split(refunded, weights, players, out);
	for (size_t i = 0; i < players && !err && gross; i++)
		parts[i].refunded = out[i];
	return err;
}

int attrib_markov_split(const double *effects, size_t players, uint64_t orders, int64_t gross,
	int64_t refunded, struct attrib_model_part *parts)
{
	uint64_t *weights = calloc(players + 1, sizeof *weights);
	int64_t *out = calloc(players + 1, sizeof *out);
	int err = weights && out ? 0 : ATTRIB_E_NOMEM;

	if (!err && (gross < 0 || refunded < 0 || refunded > gross ||
			    orders > (uint64_t)INT64_MAX / ATTRIB_MODEL_ORDER_UNIT))
		err = ATTRIB_E_INVALID;
	if (!err) {
		weigh(effects, players, weights);
		err = split_all(weights, players, orders, gross, refunded, out, parts);
	}
	free(weights);
	free(out);
	return err;
}
