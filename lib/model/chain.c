/*
 * Taking out a state m gives each way u -> m -> v to u -> v: what u sends to m goes where m sends it, in the
 * proportions of m's row without m itself. This is Gaussian elimination in the form of Grassmann, Taksar and
 * Heyman: 1 - p(m,m) is the sum of m's other steps, so nothing is ever subtracted, no digit is lost, and no
 * pivot has to be looked for. The sum of each row stays as it is.
 *
 * States leave from the highest number down. The steps of a row are sorted, so m, the highest that is left,
 * stands last in every row that has it; rows are kept in lists by their last step, and the list of m names
 * all its predecessors.
 */
#include "chain.h"

#include <stdlib.h>
#include <string.h>

#define NOBODY 0 /* ends a list: the row of the end never stands in one */

int chain_init(struct chain *chain, uint32_t n, size_t *left)
{
	*chain = (struct chain){.rows = calloc(n, sizeof *chain->rows), .n = n, .left = left};
	return chain->rows ? 0 : ATTRIB_E_NOMEM;
}

static void drop_row(struct chain *chain, uint32_t row)
{
	*chain->left += chain->rows[row].n;
	free(chain->rows[row].steps);
	chain->rows[row] = (struct chain_row){0};
}

void chain_done(struct chain *chain)
{
	for (uint32_t i = 0; chain->rows && i < chain->n; i++)
		drop_row(chain, i);
	free(chain->rows);
	chain->rows = NULL;
}

int chain_row_alloc(struct chain *chain, uint32_t row, uint32_t n)
{
	if (n > *chain->left)
		return ATTRIB_E_TOO_LARGE;
	chain->rows[row].steps = malloc((n ? n : 1) * sizeof *chain->rows[row].steps);
	if (!chain->rows[row].steps)
		return ATTRIB_E_NOMEM;
	chain->rows[row].n = n;
	*chain->left -= n;
	return 0;
}

static int by_to(const void *a, const void *b)
{
	const struct chain_step *x = a, *y = b;

	return x->to < y->to ? -1 : x->to > y->to;
}

void chain_row_sort(struct chain *chain, uint32_t row)
{
	qsort(chain->rows[row].steps, chain->rows[row].n, sizeof *chain->rows[row].steps, by_to);
}

/* -- taking out ------------------------------------------------------------------------------------- */

struct lists {
	uint32_t *first, *next;
};

static void list_row(const struct chain *chain, struct lists *lists, uint32_t row)
{
	const struct chain_row *r = &chain->rows[row];
	uint32_t last;

	if (r->n == 0)
		return;
	last = r->steps[r->n - 1].to;
	lists->next[row] = lists->first[last];
	lists->first[last] = row;
}

static double sum_of(const struct chain_row *row)
{
	double sum = 0;

	for (uint32_t i = 0; i < row->n; i++)
		sum += row->steps[i].weight;
	return sum;
}

/* a and factor x b, both sorted, into out, which has room for both; returns how many. */
static uint32_t merge(
	const struct chain_row *a, const struct chain_row *b, double factor, struct chain_step *out)
{
	uint32_t i = 0, j = 0, n = 0;

	while (i < a->n || j < b->n) {
		bool of_a = j == b->n || (i < a->n && a->steps[i].to <= b->steps[j].to);
		bool of_b = i == a->n || (j < b->n && b->steps[j].to <= a->steps[i].to);
		struct chain_step step = {of_a ? a->steps[i].to : b->steps[j].to, 0};
		if (of_a)
			step.weight += a->steps[i++].weight;
		if (of_b)
			step.weight += factor * b->steps[j++].weight;
		out[n++] = step;
	}
	return n;
}

/* The row's last step goes the ways of `through`, whose sum is `sum`. */
static int reroute(struct chain *chain, uint32_t row, const struct chain_row *through, double sum,
	struct chain_step *scratch)
{
	struct chain_row *r = &chain->rows[row];
	struct chain_row rest = {r->steps, r->n - 1};
	uint32_t n = merge(&rest, through, r->steps[rest.n].weight / sum, scratch);
	int err;

	drop_row(chain, row);
	err = chain_row_alloc(chain, row, n);
	if (!err)
		memcpy(r->steps, scratch, n * sizeof *scratch);
	return err;
}

static int take_out(
	struct chain *chain, struct lists *lists, uint32_t state, struct chain_step *scratch)
{
	struct chain_row through = chain->rows[state];
	uint32_t row, next;
	double sum;
	int err = 0;

	if (through.n && through.steps[through.n - 1].to == state)
		through.n--;
	sum = sum_of(&through);
	for (row = lists->first[state]; row != NOBODY && !err; row = next) {
		next = lists->next[row];
		if (row >= state)
			continue; /* itself, or one that is out already */
		err = reroute(chain, row, &through, sum, scratch);
		if (!err)
			list_row(chain, lists, row);
	}
	drop_row(chain, state);
	return err;
}

/* All states from `keep` on. */
static int take_out_all(struct chain *chain, uint32_t keep)
{
	struct lists lists = {
		calloc(chain->n, sizeof *lists.first), calloc(chain->n, sizeof *lists.next)};
	struct chain_step *scratch = malloc(2 * (size_t)chain->n * sizeof *scratch);
	int err = lists.first && lists.next && scratch ? 0 : ATTRIB_E_NOMEM;

	for (uint32_t row = CHAIN_START; row < chain->n && !err; row++)
		list_row(chain, &lists, row);
	for (uint32_t state = chain->n; state-- > keep && !err;)
		err = take_out(chain, &lists, state, scratch);
	if (!err)
		chain->n = keep;
	free(lists.first);
	free(lists.next);
	free(scratch);
	return err;
}

/* -- keeping some ----------------------------------------------------------------------------------- */

/* What is kept gets the low numbers, what leaves the high ones. */
struct order {
	uint32_t from, to;
};

static uint32_t number(const struct order *order, uint32_t state)
{
	if (state < CHAIN_TOUCHES || state >= order->to)
		return state;
	if (state >= order->from)
		return CHAIN_TOUCHES + (state - order->from);
	return state + (order->to - order->from);
}

static int copy_row(
	const struct chain *chain, uint32_t row, const struct order *order, struct chain *out)
{
	const struct chain_row *from = &chain->rows[row];
	struct chain_row *to = &out->rows[number(order, row)];
	int err = chain_row_alloc(out, number(order, row), from->n);

	if (err)
		return err;
	for (uint32_t i = 0; i < from->n; i++)
		to->steps[i] = (struct chain_step){
			number(order, from->steps[i].to), from->steps[i].weight};
	if (order->from > CHAIN_TOUCHES)
		chain_row_sort(out, number(order, row));
	return 0;
}

int chain_keep(const struct chain *chain, uint32_t from, uint32_t to, struct chain *out)
{
	const struct order order = {from, to};
	int err = chain_init(out, chain->n, chain->left);

	for (uint32_t row = CHAIN_START; row < chain->n && !err; row++)
		err = copy_row(chain, row, &order, out);
	return err ? err : take_out_all(out, CHAIN_TOUCHES + (to - from));
}
