/*
 * The batch: decisions and traffic by key, the rest as lists that SQL keys itself. Texts are copied
 * into the batch's arena, so the engine's group may go.
 */
#include <stdlib.h>

#include "batch_rows.h"
#include "grow.h"
#include "traffic.h"

#define ARENA_BLOCK (256u << 10)

const char *attrib_reason_text(enum attrib_reason reason)
{
	static const char *const texts[] = {
#define X(name, text) text,
		ATTRIB_REASONS(X)
#undef X
	};

	return (unsigned)reason < ATTRIB_REASON_COUNT ? texts[reason] : "";
}

const char *attrib_rule_text(enum attrib_rule rule)
{
	static const char *const texts[] = {
#define X(name, text) text,
		ATTRIB_RULES(X)
#undef X
	};

	return (unsigned)rule < sizeof texts / sizeof *texts ? texts[rule] : "";
}

struct attrib_batch *attrib_batch_new(void)
{
	struct attrib_batch *batch = calloc(1, sizeof *batch);

	if (batch)
		attrib_arena_init(&batch->arena, ARENA_BLOCK);
	return batch;
}

void attrib_batch_free(struct attrib_batch *batch)
{
	if (!batch)
		return;
	struct rows *all[] = {&batch->decisions, &batch->traffic, &batch->refunds, &batch->cancels,
		&batch->links, &batch->positions, &batch->sorted_decisions, &batch->sorted_traffic};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]->p);
	attrib_table_done(&batch->decision_index);
	attrib_table_done(&batch->traffic_index);
	attrib_arena_done(&batch->arena);
	free(batch);
}

void attrib_batch_reset(struct attrib_batch *batch)
{
	attrib_arena_reset(&batch->arena);
	attrib_table_clear(&batch->decision_index);
	attrib_table_clear(&batch->traffic_index);
	batch->decisions.n = batch->traffic.n = batch->refunds.n = 0;
	batch->cancels.n = batch->links.n = batch->positions.n = 0;
	batch->site = ATTRIB_STR_NONE;
	batch->records = 0;
}

struct attrib_arena *attrib_batch_arena(struct attrib_batch *batch)
{
	return &batch->arena;
}

static void *rows_add(struct rows *rows, size_t size)
{
	if (attrib_grow(&rows->p, &rows->cap, rows->n + 1, size) != 0)
		return NULL;
	return (char *)rows->p + rows->n++ * size;
}

/* A pointer to a keyed row: index, list and the room that seal will want. */
static int rows_index(struct rows *rows, struct rows *sorted, struct attrib_table *index,
	uint64_t hash, void *row)
{
	if (attrib_table_reserve(index, 1) != 0 ||
		attrib_grow(&rows->p, &rows->cap, rows->n + 1, sizeof(void *)) != 0 ||
		attrib_grow(&sorted->p, &sorted->cap, rows->n + 1, sizeof(void *)) != 0)
		return ATTRIB_E_NOMEM;
	((void **)rows->p)[rows->n++] = row;
	attrib_table_put(index, hash, rows->n - 1);
	return 0;
}

/* -- copies ------------------------------------------------------------------------------------- */

static bool keep_str(struct attrib_arena *arena, struct attrib_str *s)
{
	if (s->n == 0) {
		*s = ATTRIB_STR_NONE;
		return true;
	}
	*s = attrib_arena_str(arena, *s);
	return s->p != NULL;
}

/* Replaces *array by a copy in the arena. */
static bool keep_array(struct attrib_arena *arena, const void **array, size_t n, size_t size)
{
	void *copy;

	if (n == 0) {
		*array = NULL;
		return true;
	}
	copy = attrib_arena_raw(arena, n * size);
	if (!copy)
		return false;
	memcpy(copy, *array, n * size);
	*array = copy;
	return true;
}
#define KEEP_ARRAY(arena, array, n) keep_array(arena, (const void **)&(array), n, sizeof *(array))

static bool keep_step(struct attrib_arena *arena, struct attrib_step *step)
{
	return keep_str(arena, &step->key) && keep_str(arena, &step->folded) &&
	       keep_str(arena, &step->creator) && keep_str(arena, &step->campaign) &&
	       keep_str(arena, &step->placement) && keep_str(arena, &step->tracker) &&
	       keep_str(arena, &step->event_id);
}

static bool keep_credit(struct attrib_arena *arena, struct attrib_credit *credit)
{
	return keep_str(arena, &credit->creator) && keep_str(arena, &credit->campaign) &&
	       keep_str(arena, &credit->placement) && keep_str(arena, &credit->tracker);
}

static bool keep_alias(struct attrib_arena *arena, struct attrib_order_name *alias)
{
	return keep_str(arena, &alias->kind) && keep_str(arena, &alias->value);
}

static bool keep_parts(struct attrib_arena *arena, struct attrib_decision *d)
{
	if (!KEEP_ARRAY(arena, d->keys, d->key_count) ||
		!KEEP_ARRAY(arena, d->aliases, d->alias_count) ||
		!KEEP_ARRAY(arena, d->steps, d->step_count) ||
		!KEEP_ARRAY(arena, d->credits, d->credit_count))
		return false;
	for (size_t i = 0; i < d->alias_count; i++)
		if (!keep_alias(arena, (struct attrib_order_name *)&d->aliases[i]))
			return false;
	for (size_t i = 0; i < d->step_count; i++)
		if (!keep_step(arena, (struct attrib_step *)&d->steps[i]))
			return false;
	for (size_t i = 0; i < d->credit_count; i++)
		if (!keep_credit(arena, (struct attrib_credit *)&d->credits[i]))
			return false;
	return true;
}

static struct attrib_decision *keep_decision(
	struct attrib_arena *arena, const struct attrib_decision *decision)
{
	struct attrib_decision *d = attrib_arena_raw(arena, sizeof *d);

	if (!d)
		return NULL;
	*d = *decision;
	if (!keep_str(arena, &d->site) || !keep_str(arena, &d->order_id) ||
		!keep_str(arena, &d->merged_into) || !keep_str(arena, &d->order_kind) ||
		!keep_str(arena, &d->order_source) || !keep_str(arena, &d->source) ||
		!keep_str(arena, &d->code) || !keep_parts(arena, d))
		return NULL;
	return d;
}

/* -- keyed rows --------------------------------------------------------------------------------- */

static uint64_t hash_str(struct attrib_str s, uint64_t seed)
{
	return attrib_hash64(s.p, s.n, seed);
}

int attrib_batch_put_decision(struct attrib_batch *batch, const struct attrib_decision *decision)
{
	uint64_t hash = hash_str(decision->order_id, hash_str(decision->site, decision->kind));
	uint64_t at = hash;
	struct attrib_decision *copy, **slot;
	size_t row;

	while (attrib_table_next(&batch->decision_index, hash, &at, &row)) {
		slot = (struct attrib_decision **)batch->decisions.p + row;
		if (attrib_batch_decision_cmp(*slot, decision) != 0)
			continue; /* uncovered: two keys of one hash of 64 bits */
		if ((*slot)->ticket > decision->ticket)
			return 0;
		copy = keep_decision(&batch->arena, decision);
		if (copy)
			*slot = copy;
		return copy ? 0 : ATTRIB_E_NOMEM;
	}
	copy = keep_decision(&batch->arena, decision);
	if (!copy)
		return ATTRIB_E_NOMEM;
	return rows_index(
		&batch->decisions, &batch->sorted_decisions, &batch->decision_index, hash, copy);
}

uint64_t attrib_traffic_hash(const struct attrib_traffic *t)
{
	return hash_str(t->key, hash_str(t->site, t->channel));
}

/* What else tells two rows of one key apart. */
static uint64_t row_hash(const struct attrib_traffic *t, uint64_t key_hash)
{
	uint64_t rest =
		(uint64_t)t->bucket_at ^ (uint64_t)t->type << 56 ^ (uint64_t)t->verdicts << 32;
	uint64_t hash = (key_hash ^ rest) * 0x9e3779b97f4a7c15;

	return hash ^ hash >> 32;
}

static bool same_traffic(const struct attrib_traffic *a, const struct attrib_traffic *b)
{
	return a->bucket_at == b->bucket_at && a->channel == b->channel && a->type == b->type &&
	       a->verdicts == b->verdicts && attrib_str_eq(a->key, b->key) &&
	       attrib_str_eq(a->site, b->site);
}

/* Sites are few and rows many: one copy of the name for a run of rows. */
static bool keep_site(struct attrib_batch *batch, struct attrib_str *site)
{
	if (!attrib_str_eq(batch->site, *site)) {
		if (!keep_str(&batch->arena, site))
			return false;
		batch->site = *site;
	}
	*site = batch->site;
	return true;
}

void attrib_batch_traffic_near(
	const struct attrib_batch *batch, const struct attrib_traffic *traffic, uint64_t key_hash)
{
	attrib_table_prefetch(&batch->traffic_index, row_hash(traffic, key_hash));
}

void attrib_batch_traffic_nearer(
	const struct attrib_batch *batch, const struct attrib_traffic *traffic, uint64_t key_hash)
{
	uint64_t hash = row_hash(traffic, key_hash), at = hash;
	size_t row;

	if (attrib_table_next(&batch->traffic_index, hash, &at, &row))
		__builtin_prefetch(((struct attrib_traffic **)batch->traffic.p)[row], 1);
}

/* A new row, its key right behind it. */
static struct attrib_traffic *new_traffic(
	struct attrib_batch *batch, const struct attrib_traffic *traffic)
{
	struct attrib_traffic *row = attrib_arena_raw(&batch->arena, sizeof *row + traffic->key.n);

	if (!row)
		return NULL;
	*row = *traffic;
	row->count = row->uniques = 0;
	row->marks = NULL;
	row->key = ATTRIB_STR_NONE;
	if (traffic->key.n) {
		memcpy(row + 1, traffic->key.p, traffic->key.n);
		row->key = (struct attrib_str){(const char *)(row + 1), traffic->key.n};
	}
	return keep_site(batch, &row->site) ? row : NULL;
}

struct attrib_traffic *attrib_batch_traffic_row(
	struct attrib_batch *batch, const struct attrib_traffic *traffic, uint64_t key_hash)
{
	uint64_t hash = row_hash(traffic, key_hash), at = hash;
	struct attrib_traffic *fresh;
	size_t row;

	while (attrib_table_next(&batch->traffic_index, hash, &at, &row)) {
		struct attrib_traffic *old = ((struct attrib_traffic **)batch->traffic.p)[row];
		if (same_traffic(old, traffic))
			return old;
	}
	fresh = new_traffic(batch, traffic);
	if (!fresh || rows_index(&batch->traffic, &batch->sorted_traffic, &batch->traffic_index,
			      hash, fresh) != 0)
		return NULL;
	return fresh;
}

int attrib_batch_mark(struct attrib_batch *batch, struct attrib_traffic *row, uint16_t bit)
{
	struct attrib_mark *mark = attrib_arena_raw(&batch->arena, sizeof *mark);

	if (!mark)
		return ATTRIB_E_NOMEM;
	*mark = (struct attrib_mark){row->marks, bit};
	row->marks = mark;
	return 0;
}

int attrib_batch_put_traffic(struct attrib_batch *batch, const struct attrib_traffic *traffic)
{
	struct attrib_traffic *row =
		attrib_batch_traffic_row(batch, traffic, attrib_traffic_hash(traffic));

	if (!row)
		return ATTRIB_E_NOMEM;
	for (const struct attrib_mark *mark = traffic->marks; mark; mark = mark->next)
		if (attrib_batch_mark(batch, row, mark->bit) != 0)
			return ATTRIB_E_NOMEM;
	row->count += traffic->count;
	row->uniques += traffic->uniques;
	return 0;
}

/* -- lists -------------------------------------------------------------------------------------- */

int attrib_batch_put_refund(struct attrib_batch *batch, const struct attrib_refund_fact *refund)
{
	struct attrib_refund_fact copy = *refund, *slot;

	if (!keep_str(&batch->arena, &copy.site) || !keep_str(&batch->arena, &copy.source) ||
		!keep_str(&batch->arena, &copy.order_id) ||
		!keep_str(&batch->arena, &copy.refund_id) ||
		!keep_str(&batch->arena, &copy.event_id))
		return ATTRIB_E_NOMEM;
	slot = rows_add(&batch->refunds, sizeof *slot);
	if (!slot)
		return ATTRIB_E_NOMEM;
	*slot = copy;
	return 0;
}

int attrib_batch_put_cancel(struct attrib_batch *batch, const struct attrib_cancel_fact *cancel)
{
	struct attrib_cancel_fact copy = *cancel, *slot;

	if (!keep_str(&batch->arena, &copy.site) || !keep_str(&batch->arena, &copy.source) ||
		!keep_str(&batch->arena, &copy.order_id) ||
		!keep_str(&batch->arena, &copy.event_id))
		return ATTRIB_E_NOMEM;
	slot = rows_add(&batch->cancels, sizeof *slot);
	if (!slot)
		return ATTRIB_E_NOMEM;
	*slot = copy;
	return 0;
}

int attrib_batch_put_link(struct attrib_batch *batch, const struct attrib_customer_link *link)
{
	struct attrib_customer_link copy = *link, *slot;

	if (!keep_str(&batch->arena, &copy.site) ||
		!KEEP_ARRAY(&batch->arena, copy.keys, copy.count))
		return ATTRIB_E_NOMEM;
	slot = rows_add(&batch->links, sizeof *slot);
	if (!slot)
		return ATTRIB_E_NOMEM;
	*slot = copy;
	return 0;
}

int attrib_batch_set_position(
	struct attrib_batch *batch, const struct attrib_id *lane, uint64_t number)
{
	struct attrib_position *positions = batch->positions.p, *slot;

	for (size_t i = 0; i < batch->positions.n; i++) {
		if (!attrib_id_eq(&positions[i].lane, lane))
			continue;
		if (positions[i].number < number)
			positions[i].number = number;
		return 0;
	}
	slot = rows_add(&batch->positions, sizeof *slot);
	if (!slot)
		return ATTRIB_E_NOMEM;
	*slot = (struct attrib_position){*lane, number};
	return 0;
}

void attrib_batch_count_records(struct attrib_batch *batch, uint64_t n)
{
	batch->records += n;
}
