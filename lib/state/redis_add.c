/*
 * Adding a group.
 *
 * First every remembered id of it is set where there is none, which also tells what stands there otherwise
 * (SET NX GET): most are new, and are done. Of the other entities what stands there is read, all at once. Then
 * those without anything are set likewise; to the others that which is new to them is appended, and they are
 * read again in the same transaction, so what stands before the own copies is what they came to. From that
 * the answers are made, by the code that memory has. Whoever was new to the first look and no longer to the
 * second is appended to in a third step, which needs no fourth. So an add takes one to three round trips,
 * whoever else adds meanwhile; nothing is tried again, and a group that is added twice has been added once.
 *
 * What a full cap drops leaves its claim behind as a remembered id (state.h). Whoever adds to an entity
 * that has dropped a touch asks for those ids in between. Two instances that add the same touch in the
 * very moment in which it is dropped may both be told that it is theirs.
 */
#include "redis_ask.h"

#include <stdio.h>
#include <string.h>

#define LOOK_EVERY 64 /* groups, at the server's memory */
#define PUTS       2  /* steps in which something is put there */

/* What stands there now, and what stood there before this group's own bytes. */
static struct attrib_str value_of(const struct redis_run *run)
{
	return redis_text(run->exec);
}

static struct attrib_str base_of(const struct redis_run *run)
{
	struct attrib_str value = value_of(run);

	return (struct attrib_str){value.p, value.n - run->bytes_n};
}

static int take_ticket(struct redis *redis, uint64_t *ticket)
{
	redisReply *reply;
	int err = redis_link_take(&redis->link, REDIS_TYPE(REDIS_REPLY_INTEGER), &reply);

	if (err)
		return err;
	err = redis_ticket(redis, reply, ticket);
	freeReplyObject(reply);
	return err;
}

/* -- first: ids are set where there is none, others read ------------------------------------------ */

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

	for (size_t i = 0; i < g->adding->run_count && !err; i++)
		if (redis_is_id(g, &g->adding->runs[i]))
			err = redis_take_set(g, &g->adding->runs[i]);
	return err;
}

static bool is_read(const struct redis_group *g, const struct redis_run *run)
{
	return !redis_is_id(g, run);
}

static int first_value(struct redis_group *g, struct redis_run *run, redisReply **value)
{
	(void)g;
	if ((*value)->type != REDIS_REPLY_STRING)
		return 0;
	run->before = *value;
	*value = NULL; /* the run's now */
	return 0;
}

static int take_values(struct redis_group *g)
{
	size_t n = redis_pages(g, is_read), next = 0;
	redisReply *page;
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		err = redis_link_take(&g->redis->link, REDIS_TYPE(REDIS_REPLY_ARRAY), &page);
		if (err)
			break;
		err = redis_give_page(g, is_read, page, first_value, &next);
		freeReplyObject(page);
	}
	return err;
}

/* -- what was left behind ------------------------------------------------------------------------- */

static void ask_lefts(struct redis_group *g, struct redis_run *run, size_t *asked)
{
	char key[REDIS_KEY_BYTES];

	run->asks = true;
	for (size_t i = 0; i < run->n; i++) {
		struct attrib_entity id = {ATTRIB_ENTITY_ID, redis_fact_of(g, run, i)->id};
		g->adding->lefts[run->from + i].is = false;
		REDIS_COMMAND(&g->redis->link, ATTRIB_STR("GET"), redis_key(&id, key));
		++*asked;
	}
}

static int take_lefts(struct redis_group *g, struct redis_run *run)
{
	int err = 0;

	for (size_t i = 0; i < run->n && !err; i++) {
		struct redis_left *left = &g->adding->lefts[run->from + i];
		struct redis_claim claim;
		redisReply *reply;
		err = redis_link_take(&g->redis->link, REDIS_NIL_OR_TEXT, &reply);
		if (err)
			break;
		left->is = reply->type == REDIS_REPLY_STRING &&
			   redis_claim_read(redis_text(reply), &claim) == 0;
		if (left->is)
			left->claimer = claim.claimer;
		freeReplyObject(reply);
	}
	return err;
}

/* -- what each makes of what stands there ---------------------------------------------------------- */

static int plan_known(struct redis_group *g, struct redis_run *run, size_t *asked)
{
	struct redis_fold *fold = &g->redis->fold;
	struct redis_claim claim;
	int err;

	if (redis_is_id(g, run)) {
		err = redis_claim_read(redis_text(run->before), &claim);
		if (!err)
			redis_run_claims(g, run, &claim);
	} else {
		err = redis_fold_read(fold, redis_text(run->before));
		if (!err && !run->asks && fold->facts && state_facts_have_dropped(fold->facts)) {
			ask_lefts(g, run, asked);
			return 0;
		}
		if (!err)
			err = redis_run_facts(g, run, true);
	}
	run->planned = true;
	return err == ATTRIB_E_CORRUPT
		       ? redis_take_out(g->redis, redis_entity_of(g, run), redis_text(run->before))
		       : err;
}

static int plan(struct redis_group *g, struct redis_run *run, size_t *asked)
{
	if (run->before)
		return plan_known(g, run, asked);
	run->planned = true;
	if (redis_is_id(g, run))
		return 0; /* as it was set */
	redis_fold_clear(&g->redis->fold);
	return redis_run_facts(g, run, true);
}

static bool waits_for_lefts(const struct redis_run *run)
{
	return run->asks && !run->planned;
}

static int plan_all(struct redis_group *g)
{
	struct redis_adding *adding = g->adding;
	size_t asked = 0;
	int err = 0;

	for (size_t i = 0; i < adding->run_count && !err; i++)
		if (!adding->runs[i].planned)
			err = plan(g, &adding->runs[i], &asked);
	for (size_t i = 0; asked && i < adding->run_count && !err; i++)
		if (waits_for_lefts(&adding->runs[i]))
			err = take_lefts(g, &adding->runs[i]);
	for (size_t i = 0; asked && i < adding->run_count && !err; i++)
		if (waits_for_lefts(&adding->runs[i]))
			err = plan_known(g, &adding->runs[i], &asked);
	return err ? err : adding->bytes.err;
}

/* -- then: it is put there -------------------------------------------------------------------------- */

static void ask_leaves(struct redis_group *g, struct redis_run *run, size_t *asked)
{
	struct attrib_buf *bytes = &g->adding->bytes;
	char key[REDIS_KEY_BYTES];

	for (size_t i = 0; i < run->leaves_n && !run->left; i++) {
		const struct redis_leaf *leaf = &g->adding->leaves[run->leaves_at + i];
		struct attrib_entity id = {ATTRIB_ENTITY_ID, leaf->id};
		size_t at = bytes->n;
		redis_claim_put(bytes, &leaf->claimer, leaf->received_at);
		REDIS_COMMAND(&g->redis->link, ATTRIB_STR("SET"), redis_key(&id, key),
			(struct attrib_str){(const char *)bytes->p + at, bytes->n - at},
			ATTRIB_STR("NX"), ATTRIB_STR("GET"), ATTRIB_STR("EX"),
			attrib_str_of(g->redis->ids_ttl));
		++*asked;
	}
	run->left = true;
}

static bool is_set(const struct redis_group *g, const struct redis_run *run)
{
	(void)g;
	return !run->before && !run->made && run->bytes_n;
}

static bool is_appended_to(const struct redis_group *g, const struct redis_run *run)
{
	(void)g;
	return run->planned && run->before && run->bytes_n && !run->exec;
}

static bool is_aged(const struct redis_group *g, const struct redis_run *run)
{
	return is_appended_to(g, run) && run->ages;
}

static bool is_listed(const struct redis_group *g, const struct redis_run *run)
{
	return !g->listed && redis_entity_of(g, run)->kind == ATTRIB_ENTITY_ORDER &&
	       (run->before || run->bytes_n);
}

/* Some that were new are there by now: others were quicker. */
static int take_sets(struct redis_group *g)
{
	int err = 0;

	for (size_t i = 0; i < g->adding->run_count && !err; i++) {
		struct redis_run *run = &g->adding->runs[i];
		if (!is_set(g, run))
			continue;
		err = redis_take_set(g, run);
		run->planned = run->made;
		g->redis->cost.overtaken += !err && !run->made;
	}
	return err;
}

/* What stands there ends with what was sent: nobody comes in between in a transaction. */
static int second_value(struct redis_group *g, struct redis_run *run, redisReply **value)
{
	struct attrib_str own = redis_bytes_of(g, run), text = redis_text(*value);

	if (text.n < own.n || memcmp(text.p + text.n - own.n, own.p, own.n) != 0)
		return redis_link_fail(&g->redis->link, ATTRIB_E_UNAVAILABLE,
			"what was appended is not what stands there");
	run->exec = *value;
	return 0;
}

static void ask_transaction(struct redis_group *g)
{
	REDIS_COMMAND(&g->redis->link, ATTRIB_STR("MULTI"));
	redis_ask_each(g, is_appended_to, redis_ask_append);
	redis_ask_values(g, is_appended_to);
	redis_ask_each(g, is_aged, redis_ask_age);
	REDIS_COMMAND(&g->redis->link, ATTRIB_STR("EXEC"));
}

static int take_transaction(struct redis_group *g, redisReply **exec)
{
	struct redis_link *link = &g->redis->link;
	size_t appended = redis_how_many(g, is_appended_to), read = redis_pages(g, is_appended_to);
	size_t n = appended + read + redis_how_many(g, is_aged), next = 0;
	int err =
		redis_link_skip(link, REDIS_TYPE(REDIS_REPLY_STATUS), 1 + n); /* MULTI, and each */

	if (!err)
		err = redis_link_take(link, REDIS_TYPE(REDIS_REPLY_ARRAY), exec);
	if (!err && (*exec)->elements != n)
		err = redis_link_fail(link, ATTRIB_E_UNAVAILABLE, "a short answer");
	for (size_t i = 0; i < n && !err; i++) {
		redisReply *reply = (*exec)->element[i];
		if (i >= appended && i < appended + read)
			err = redis_give_page(g, is_appended_to, reply, second_value, &next);
		else
			err = redis_link_expect(link, REDIS_TYPE(REDIS_REPLY_INTEGER), reply);
	}
	return err;
}

/* Leaves nothing to be put but to those that others have set meanwhile. */
static int put(struct redis_group *g, uint64_t *ticket, redisReply **exec)
{
	struct redis_link *link = &g->redis->link;
	bool appends = redis_how_many(g, is_appended_to) > 0;
	bool lists = redis_how_many(g, is_listed) > 0;
	size_t leaves = 0;
	int err;

	if (!appends && !lists && !redis_how_many(g, is_set))
		return 0;
	for (size_t i = 0; i < g->adding->run_count; i++)
		if (is_appended_to(g, &g->adding->runs[i]))
			ask_leaves(g, &g->adding->runs[i], &leaves);
	redis_ask_each(g, is_set, redis_ask_set);
	if (appends)
		ask_transaction(g);
	if (lists) /* behind the orders: when the connection is lost in between, the group is added again */
		redis_ask_list(g, is_listed);
	REDIS_COMMAND(link, ATTRIB_STR("INCR"), ATTRIB_STR(REDIS_TICKET_KEY));
	err = redis_link_skip(link, REDIS_NIL_OR_TEXT, leaves);
	if (!err)
		err = take_sets(g);
	if (!err && appends)
		err = take_transaction(g, exec);
	if (!err)
		err = redis_link_skip(link, REDIS_TYPE(REDIS_REPLY_INTEGER), lists);
	g->listed = true;
	return err ? err : take_ticket(g->redis, ticket);
}

/* -- the answers ---------------------------------------------------------------------------------- */

/* The plan was made for what stood there before; it holds when nobody came in between. */
static int answer(struct redis_group *g, struct redis_run *run)
{
	struct attrib_str value = value_of(run), base = base_of(run);
	struct redis_claim claim;
	bool lasting = run->lasting;
	size_t at = run->bytes_at, n = run->bytes_n;
	int err;

	run->packs = !redis_is_id(g, run) && redis_value_is_long(value);
	if (!run->packs && attrib_str_eq(base, redis_text(run->before)))
		return 0;
	g->redis->cost.overtaken += !attrib_str_eq(base, redis_text(run->before));
	run->made = base.n == 0; /* it went in between */
	if (redis_is_id(g, run)) {
		err = base.n ? redis_claim_read(base, &claim) : 0;
		if (!err)
			redis_run_claims(g, run, base.n ? &claim : NULL);
	} else {
		err = redis_fold_read(&g->redis->fold, base);
		if (!err)
			err = redis_run_facts(g, run, false);
	}
	run->mends = run->lasting && !lasting;
	run->bytes_at = at;
	run->bytes_n = n;
	return err == ATTRIB_E_CORRUPT ? redis_take_out(g->redis, redis_entity_of(g, run), value)
				       : err;
}

static int ask_pack(struct redis_group *g, struct redis_run *run)
{
	struct attrib_buf *bytes = &g->adding->bytes;
	size_t at = bytes->n;
	int err = redis_fold_pack(&g->redis->fold, bytes);

	if (err)
		return err;
	redis_ask_replace(g->redis, redis_entity_of(g, run), value_of(run),
		(struct attrib_str){(const char *)bytes->p + at, bytes->n - at});
	g->redis->cost.packed++;
	return 0;
}

/* That it is all there; and what is rarely needed: claims left behind, a value that has grown long, a life that was
 * cut short. */
static int finish(struct redis_group *g)
{
	unsigned any = REDIS_NIL_OR_TEXT | REDIS_TYPE(REDIS_REPLY_INTEGER);
	size_t asked = 0;
	bool added;
	int err = 0;

	for (size_t i = 0; i < g->adding->run_count && !err; i++) {
		struct redis_run *run = &g->adding->runs[i];
		if (run->exec)
			err = answer(g, run);
		if (err)
			break;
		ask_leaves(g, run, &asked);
		if (run->packs) {
			err = ask_pack(g, run);
			asked++;
		}
		if (run->mends) {
			redis_ask_age(g, run);
			asked++;
		} else if (run->exec && run->made && !run->lasting) {
			redis_ask_age_of(g, run, value_of(run));
			asked++;
		}
	}
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

static int first(struct redis_group *g, uint64_t *ticket)
{
	struct redis *redis = g->redis;
	bool looks = redis->looked++ % LOOK_EVERY == 0, lanes;
	size_t counts;
	int err;

	redis_tell_counts(redis, &counts);
	err = ask_ids(g);
	redis_ask_values(g, is_read);
	if (looks)
		redis_ask_bytes(redis);
	redis_ask_lanes(redis, &lanes);
	REDIS_COMMAND(&redis->link, ATTRIB_STR("INCR"), ATTRIB_STR(REDIS_TICKET_KEY));
	if (!err)
		err = redis_take_counts(redis, counts);
	if (!err)
		err = take_ids(g);
	if (!err)
		err = take_values(g);
	if (!err && looks)
		err = redis_take_bytes(redis);
	if (!err && lanes)
		err = redis_take_lanes(redis);
	if (!err)
		err = take_ticket(redis, ticket);
	return err ? err : redis_note_evicted(redis);
}

static int add_group(struct redis_group *g, uint64_t *ticket)
{
	redisReply *exec[PUTS] = {NULL};
	int err = first(g, ticket);

	for (size_t i = 0; i < PUTS && !err; i++) {
		err = plan_all(g);
		if (!err)
			err = put(g, ticket, &exec[i]);
	}
	if (!err)
		err = finish(g);
	if (!err)
		count(g);
	for (size_t i = 0; i < PUTS; i++)
		freeReplyObject(exec[i]);
	for (size_t i = 0; i < g->adding->run_count; i++)
		freeReplyObject(g->adding->runs[i].before);
	return err;
}

int redis_add(struct attrib_state *state, const struct attrib_fact *facts, size_t n,
	struct attrib_added *results, uint64_t *ticket)
{
	struct redis *redis = redis_of(state);
	struct redis_group g = {redis, &redis->adding, facts, results, false, false};
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
