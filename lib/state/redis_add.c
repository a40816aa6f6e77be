/*
 * Adding a group.
 *
 * First the values of all visitors, customers and orders of it are asked for, some at a time, and every remembered id is
 * set where there is none, which also tells what stands there otherwise (SET NX GET): most are new, and are done. As soon as
 * some values have come what is new to them is sent (redis_put.c), so the server always has work. An APPEND tells whether
 * others came in between: then the value is read once more, and from what stands before the own copies the answers are made
 * again, by the code that memory has. So an add takes one to three round trips, whoever else adds meanwhile.
 *
 * That a length is the expected one tells that what stood there stands there when values only grow, so whether any was
 * replaced since the first look is asked with it; and one that may have expired meanwhile, and may have been begun anew by
 * others, is read in any case.
 */
#include "redis_put.h"

#include <stdio.h>
#include <string.h>

#define LOOK_EVERY 64 /* groups, at the server's memory */
#define PAGE                                                                                       \
	64 /* values that are asked for at once: the next ones come while these are worked on */

/* -- first: others are read, ids set where there is none ------------------------------------------ */

static bool is_read(const struct redis_group *g, const struct redis_run *run)
{
	return !redis_is_id(g, run);
}

static void ask_values(struct redis_group *g)
{
	size_t next = 0;

	while (redis_ask_page(g, is_read, PAGE, &next))
		;
}

static int first_value(struct redis_group *g, struct redis_run *run, redisReply *value)
{
	run->before = value;
	return redis_put_run(g, run);
}

static int take_values(struct redis_group *g)
{
	size_t last = g->adding->run_count, next = 0;
	int err = 0;

	while (next < last && !err)
		err = redis_take_page(g, is_read, PAGE, &next, first_value);
	return err;
}

/* An id that full memory keeps out may be known. */
static int ask_ids(struct redis_group *g)
{
	for (size_t i = 0; i < g->adding->run_count; i++) {
		struct redis_run *run = &g->adding->runs[i];
		if (!redis_is_id(g, run))
			continue;
		redis_run_claims(g, run, NULL);
		if (g->adding->bytes.err)
			return g->adding->bytes.err;
		run->bytes_n ? redis_ask_set(g, run) : redis_ask_get(g, run);
	}
	return 0;
}

static int take_ids(struct redis_group *g)
{
	int err = 0;

	for (size_t i = 0; i < g->adding->run_count && !err; i++) {
		struct redis_run *run = &g->adding->runs[i];
		if (!redis_is_id(g, run))
			continue;
		err = redis_take_set(g, run);
		if (!err)
			err = redis_put_run(g, run);
	}
	return err;
}

struct first {
	bool looks, lanes;
	size_t counts;
};

static int ask_first(struct redis_group *g, struct first *first)
{
	struct redis *redis = g->redis;
	int err;

	first->looks = redis->looked++ % LOOK_EVERY == 0;
	redis_tell_counts(redis, &first->counts);
	redis_ask_replaced(g);
	ask_values(g);
	err = ask_ids(g);
	if (first->looks)
		redis_ask_bytes(redis);
	redis_ask_lanes(redis, &first->lanes);
	redis_ask_ticket(g);
	return err;
}

static int take_first(struct redis_group *g, const struct first *first)
{
	struct redis *redis = g->redis;
	int err = redis_take_counts(redis, first->counts);

	if (!err)
		err = redis_take_replaced(g, &g->replaced);
	if (!err)
		err = take_values(g);
	if (!err)
		err = take_ids(g);
	if (!err && first->looks)
		err = redis_take_bytes(redis);
	if (!err && first->lanes)
		err = redis_take_lanes(redis);
	return err ? err : redis_take_ticket(g);
}

/* -- last: where others came in between, and what is rarely needed -------------------------------- */

static bool is_read_again(const struct redis_group *g, const struct redis_run *run)
{
	return run->length &&
	       (g->reads || run->goes || run->length != redis_text(run->before).n + run->bytes_n);
}

static int value_now(struct redis_group *g, struct redis_run *run, redisReply *value)
{
	(void)g;
	run->now = value;
	return 0;
}

static int read_again(struct redis_group *g)
{
	size_t asked = 0, taken = 0, last = g->adding->run_count;
	int err = 0;

	while (redis_ask_page(g, is_read_again, REDIS_AT_ONCE, &asked))
		;
	while (taken < last && !err)
		err = redis_take_page(g, is_read_again, REDIS_AT_ONCE, &taken, value_now);
	return err;
}

/* What stood before the own copies; of a value that was replaced since, all of it, with them. */
static struct attrib_str base_of(const struct redis_group *g, struct redis_run *run)
{
	struct attrib_str own = redis_bytes_of(g, run), value = ATTRIB_STR_NONE;

	run->mixed = false;
	if (!run->now)
		return value;
	value = redis_text(run->now);
	run->mixed =
		value.n < run->length || memcmp(value.p + run->length - own.n, own.p, own.n) != 0;
	if (!run->mixed)
		value.n = run->length - own.n;
	return value;
}

/* As if the group had come to what stood there. */
static int answer_by(struct redis_group *g, struct redis_run *run, struct attrib_str base)
{
	size_t at = run->bytes_at, n = run->bytes_n;
	int64_t copies = run->copies;
	struct redis_claim claim;
	int err;

	if (redis_is_id(g, run)) {
		err = base.n ? redis_claim_read(base, &claim) : 0;
		if (!err)
			redis_run_claims(g, run, base.n ? &claim : NULL);
	} else {
		err = redis_fold_read(&g->redis->fold, base);
		if (!err)
			err = redis_run_facts(g, run, false);
	}
	run->bytes_at = at;
	run->bytes_n = n;
	if (run->mixed)
		run->copies = copies; /* those of the first look: what is there has them */
	return err;
}

/* It went in between and was begun anew, for ever: now that it is known to all it gets its life. */
static int ask_life(struct redis_group *g, struct redis_run *run, size_t *asked)
{
	struct redis_fold *fold = &g->redis->fold;
	struct attrib_str value = redis_text(run->now);
	int err = redis_is_id(g, run) ? 0 : redis_fold_read(fold, value);

	if (err || (!redis_is_id(g, run) && fold->facts && state_facts_have_lasting(fold->facts)))
		return err;
	redis_ask_age_of(g, run, value);
	++*asked;
	return 0;
}

static int answer_again(struct redis_group *g, struct redis_run *run, size_t *asked)
{
	struct attrib_str base = base_of(g, run);
	int err;

	if (attrib_str_eq(base, redis_text(run->before)))
		return 0;
	g->redis->cost.overtaken++;
	run->made = base.n == 0;
	err = answer_by(g, run, base);
	if (!err && run->made && run->now)
		err = ask_life(g, run, asked);
	if (!err && run->lasting) { /* an EXPIRE of an older build knows no GT */
		redis_ask_age(g, run);
		++*asked;
	}
	return err == ATTRIB_E_CORRUPT
		       ? redis_take_out(g->redis, redis_entity_of(g, run), redis_text(run->now))
		       : err;
}

static int ask_pack(struct redis_group *g, const struct redis_run *run)
{
	struct attrib_buf *bytes = &g->adding->bytes;
	struct attrib_str before = redis_text(run->before);
	size_t at = bytes->n, n = before.n + run->bytes_n;
	int err = attrib_buf_reserve(bytes, n);

	if (err)
		return err;
	attrib_buf_str(bytes, before);
	attrib_buf_str(bytes, redis_bytes_of(g, run));
	err = redis_fold_read(&g->redis->fold, (struct attrib_str){(const char *)bytes->p + at, n});
	if (!err)
		err = redis_fold_pack(&g->redis->fold, bytes);
	if (err)
		return err;
	redis_ask_replace(g->redis, redis_entity_of(g, run),
		(struct attrib_str){(const char *)bytes->p + at, n},
		(struct attrib_str){(const char *)bytes->p + at + n, bytes->n - at - n});
	g->redis->cost.packed++;
	return 0;
}

/* One to which others have come, too, is left to the next that comes alone. */
static bool packs(const struct redis_group *g, const struct redis_run *run)
{
	return run->length && !run->now && !redis_is_id(g, run) &&
	       redis_value_is_long(redis_text(run->before), run->bytes_n);
}

static int finish_run(struct redis_group *g, struct redis_run *run, size_t *asked)
{
	int err = 0;

	if (is_read_again(g, run))
		err = answer_again(g, run, asked);
	if (err)
		return err;
	*asked += redis_ask_leaves(g, run);
	if (!packs(g, run))
		return 0;
	++*asked;
	return ask_pack(g, run);
}

/* That it is all there; and claims left behind, a value that has grown long, a life that was cut short. */
static int finish(struct redis_group *g)
{
	unsigned any = REDIS_NIL_OR_TEXT | REDIS_TYPE(REDIS_REPLY_INTEGER);
	size_t asked = 0;
	bool added;
	int err = read_again(g);

	for (size_t i = 0; i < g->adding->run_count && !err; i++)
		err = finish_run(g, &g->adding->runs[i], &asked);
	if (err)
		return err;
	redis_ask_added(g->redis, &added);
	err = redis_link_skip(&g->redis->link, any, asked);
	return err || !added ? err : redis_take_added(g->redis);
}

static void count(struct redis_group *g)
{
	struct redis *redis = g->redis;

	for (size_t i = 0; i < g->adding->run_count; i++) {
		const struct redis_run *run = &g->adding->runs[i];
		redis->uncounted[redis_entity_of(g, run)->kind] += run->made;
		redis->uncounted[0] += run->copies;
		redis->stats.refused += run->refused;
		redis->stats.refused_full += run->refused_full;
	}
}

/* -- an add --------------------------------------------------------------------------------------- */

static int add_group(struct redis_group *g, uint64_t *ticket)
{
	struct first first;
	int err = ask_first(g, &first);

	if (!err)
		err = take_first(g, &first);
	if (!err)
		err = redis_put(g);
	if (!err)
		err = redis_ticket(g->redis, g->ticket, ticket);
	if (!err)
		err = redis_note_evicted(g->redis);
	if (!err)
		err = finish(g);
	if (!err)
		count(g);
	for (size_t i = 0; i < g->adding->run_count; i++) {
		freeReplyObject(g->adding->runs[i].before);
		freeReplyObject(g->adding->runs[i].now);
	}
	return err;
}

int redis_add(struct attrib_state *state, const struct attrib_fact *facts, size_t n,
	struct attrib_added *results, uint64_t *ticket)
{
	struct redis *redis = redis_of(state);
	struct redis_group g = {
		.redis = redis, .adding = &redis->adding, .facts = facts, .results = results};
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = state_check_fact(&facts[i]);
	if (!err)
		err = redis_begin(redis);
	if (!err)
		err = redis_group_sort(&g, n);
	if (err)
		return err;
	redis_lanes_begin(redis, facts, n);
	g.full = redis->max_bytes && redis->bytes > redis->max_bytes;
	err = add_group(&g, ticket);
	if (err && redis->link.context) /* memory was out while answers were on their way */
		redis_link_fail(&redis->link, err, "%s", attrib_error_text(err));
	if (err || !redis->has_lost)
		return err;
	snprintf(redis->link.why, sizeof redis->link.why,
		"the server has lost what it had: it is added again from the journal");
	return ATTRIB_E_NOT_FOUND;
}
