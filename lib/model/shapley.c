/*
 * The Shapley value in closed form. The worth of a set of players is a sum over orders, and the value of a sum
 * of games is the sum of the values; in the game of one order its players are alike and all others never
 * matter, so it goes to them in equal parts.
 */
#include "attrib/model.h"

#include <stdbool.h>
#include <stdlib.h>

#include "attrib/money.h"

struct attrib_shapley {
	size_t players;
	struct attrib_model_part *parts; /* owned */
	uint64_t *seen;                  /* owned; the number of the order that met a player last */
	uint64_t order;
	/* of the order at hand */
	size_t room;
	uint32_t *distinct; /* owned */
	uint64_t *weights;  /* owned */
	int64_t *out;       /* owned; three lists of `room` */
};

struct attrib_shapley *attrib_shapley_new(size_t players)
{
	struct attrib_shapley *shapley = calloc(1, sizeof *shapley);

	if (!shapley)
		return NULL;
	shapley->players = players;
	shapley->parts = calloc(players + 1, sizeof *shapley->parts);
	shapley->seen = calloc(players + 1, sizeof *shapley->seen);
	if (shapley->parts && shapley->seen)
		return shapley;
	attrib_shapley_free(shapley);
	return NULL;
}

void attrib_shapley_free(struct attrib_shapley *shapley)
{
	if (!shapley)
		return;
	free(shapley->parts);
	free(shapley->seen);
	free(shapley->distinct);
	free(shapley->weights);
	free(shapley->out);
	free(shapley);
}

const struct attrib_model_part *attrib_shapley_parts(const struct attrib_shapley *shapley)
{
	return shapley->parts;
}

static int make_room(struct attrib_shapley *shapley, size_t n)
{
	if (n <= shapley->room)
		return 0;
	free(shapley->distinct);
	free(shapley->weights);
	free(shapley->out);
	shapley->distinct = malloc(n * sizeof *shapley->distinct);
	shapley->weights = malloc(n * sizeof *shapley->weights);
	shapley->out = malloc(3 * n * sizeof *shapley->out);
	shapley->room = shapley->distinct && shapley->weights && shapley->out ? n : 0;
	return shapley->room ? 0 : ATTRIB_E_NOMEM;
}

/* The players of a path in the order of their first touches; returns how many. */
static size_t distinct(struct attrib_shapley *shapley, const uint32_t *path, size_t n)
{
	size_t count = 0;

	shapley->order++;
	for (size_t i = 0; i < n; i++) {
		if (shapley->seen[path[i]] == shapley->order)
			continue;
		shapley->seen[path[i]] = shapley->order;
		shapley->weights[count] = 1;
		shapley->distinct[count++] = path[i];
	}
	return count;
}

static bool known(const struct attrib_shapley *shapley, const uint32_t *path, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (path[i] >= shapley->players)
			return false;
	}
	return n > 0;
}

int attrib_shapley_add(struct attrib_shapley *shapley, const uint32_t *path, size_t n,
	int64_t gross, int64_t refunded)
{
	int64_t *orders, *amounts, *refunds;
	size_t count;
	int err;

	if (!known(shapley, path, n) || gross < 0 || refunded < 0 || refunded > gross)
		return ATTRIB_E_INVALID;
	err = make_room(shapley, n);
	if (err)
		return err;
	count = distinct(shapley, path, n);
	orders = shapley->out;
	amounts = orders + shapley->room;
	refunds = amounts + shapley->room;
	err = attrib_money_split(ATTRIB_MODEL_ORDER_UNIT, shapley->weights, count, orders);
	if (!err)
		err = attrib_money_split(gross, shapley->weights, count, amounts);
	/* equal parts of a smaller amount are smaller one by one: nobody's net falls below zero */
	if (!err)
		err = attrib_money_split(refunded, shapley->weights, count, refunds);
	for (size_t i = 0; i < count && !err; i++) {
		struct attrib_model_part *part = &shapley->parts[shapley->distinct[i]];
		part->orders += orders[i];
		part->gross += amounts[i];
		part->refunded += refunds[i];
	}
	return err;
}
