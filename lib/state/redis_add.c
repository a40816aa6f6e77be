/*
 * Adding a group.
 *
 * First every entity of it is set where there is none, which also tells what stands there otherwise (SET
 * NX GET): most are new, and are done. To the others that which is new to them is appended, and they are
 * read again in the same transaction, so what stands before the own copies is what they came to. From
 * that the answers are made, by the code that memory has. So an add takes one or two round trips, whoever
 * else adds meanwhile; nothing is tried again, and a group that is added twice has been added once.
 *
 * What a full cap drops leaves its claim behind as a remembered id (state.h). Whoever adds to an entity
 * that has dropped a touch asks for those ids in between. Two instances that add the same touch in the
 * very moment in which it is dropped may both be told that it is theirs.
 */
#include "redis_group.h"

#include <stdio.h>
#include <string.h>

#define LOOK_EVERY 64 /* groups, at the server's memory */

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

/* -- first: set where there is none --------------------------------------------------------------- */

static void ask_set(struct redis_group *g, const struct redis_run *run)
{
	struct redis_link *link = &g->redis->link;
	const struct attrib_entity *entity = redis_entity_of(g, run);
	char room[REDIS_KEY_BYTES];
	struct attrib_str key = redis_key(entity, room), bytes = redis_bytes_of(g, run);

	if (!bytes.n)
		REDIS_COMMAND(link, ATTRIB_STR("GET"), key);
	else if (run->lasting)
		REDIS_COMMAND(
			link, ATTRIB_STR("SET"), key, bytes, ATTRIB_STR("NX"), ATTRIB_STR("GET"));
	else
		REDIS_COMMAND(link, ATTRIB_STR("SET"), key, bytes, ATTRIB_STR("NX"),
			ATTRIB_STR("GET"), ATTRIB_STR("EX"),
			attrib_str_of(
				redis_is_id(g, run) ? g->redis->ids_ttl : g->redis->facts_ttl));
}

/* Behind the order itself: when the connection is lost in between, the group is added again. */
static void ask_list(struct redis_group *g, const struct attrib_entity *order)
{
	char place[24];

	snprintf(place, sizeof place, "%llu", (unsigned long long)redis_order_place(&order->id));
	REDIS_COMMAND(&g->redis->link, ATTRIB_STR("ZADD"), ATTRIB_STR(REDIS_ORDERS_KEY),
		attrib_str_of(place), (struct attrib_str){(const char *)&order->id, 16});
}

static int ask_first(struct redis_group *g)
{
	struct redis_adding *adding = g->adding;
	int err = 0;

	for (size_t i = 0; i < adding->run_count && !err; i++) {
		struct redis_run *run = &adding->runs[i];
		redis_fold_clear(&g->redis->fold);
		if (redis_is_id(g, run))
			redis_run_claims(g, run, NULL);
		else
			err = redis_run_facts(g, run, true);
		if (err || adding->bytes.err)
			return err ? err : adding->bytes.err;
		ask_set(g, run);
		if (redis_entity_of(g, run)->kind == ATTRIB_ENTITY_ORDER)
			ask_list(g, redis_entity_of(g, run));
	}
	return err;
}

static int take_first(struct redis_group *g)
{
	struct redis_link *link = &g->redis->link;
	redisReply *reply;

	for (size_t i = 0; i < g->adding->run_count; i++) {
		struct redis_run *run = &g->adding->runs[i];
		int err = redis_link_take(link, REDIS_NIL_OR_TEXT, &reply);
		if (err)
			return err;
		if (reply->type == REDIS_REPLY_STRING) {
			run->before = reply;
		} else {
			run->made = run->bytes_n > 0;
			freeReplyObject(reply);
		}
		if (redis_entity_of(g, run)->kind == ATTRIB_ENTITY_ORDER)
			err = redis_link_skip(link, REDIS_TYPE(REDIS_REPLY_INTEGER), 1);
		if (err)
			return err;
	}
	return 0;
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

/* -- then: append to what was there --------------------------------------------------------------- */

static int plan_known(struct redis_group *g, struct redis_run *run, size_t *asked)
{
	struct redis_claim claim;
	int err;

	if (redis_is_id(g, run)) {
		err = redis_claim_read(redis_text(run->before), &claim);
		if (!err)
			redis_run_claims(g, run, &claim);
	} else {
		err = redis_fold_read(&g->redis->fold, redis_text(run->before));
		if (!err && !run->asks && g->redis->fold.facts &&
			state_facts_have_dropped(g->redis->fold.facts)) {
			ask_lefts(g, run, asked);
			return 0;
		}
		if (!err)
			err = redis_run_facts(g, run, true);
	}
	return err == ATTRIB_E_CORRUPT
		       ? redis_take_out(g->redis, redis_entity_of(g, run), redis_text(run->before))
		       : err;
}

static int plan_all_known(struct redis_group *g)
{
	struct redis_adding *adding = g->adding;
	size_t asked = 0;
	int err = 0;

	for (size_t i = 0; i < adding->run_count && !err; i++)
		if (adding->runs[i].before)
			err = plan_known(g, &adding->runs[i], &asked);
	for (size_t i = 0; asked && i < adding->run_count && !err; i++)
		if (adding->runs[i].asks)
			err = take_lefts(g, &adding->runs[i]);
	for (size_t i = 0; asked && i < adding->run_count && !err; i++)
		if (adding->runs[i].asks)
			err = plan_known(g, &adding->runs[i], &asked);
	return err ? err : adding->bytes.err;
}

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

static bool is_appended_to(const struct redis_run *run)
{
	return run->before && run->bytes_n;
}

static void ask_append(struct redis_group *g, const struct redis_run *run)
{
	struct redis_link *link = &g->redis->link;
	char room[REDIS_KEY_BYTES];
	struct attrib_str key = redis_key(redis_entity_of(g, run), room);

	REDIS_COMMAND(link, ATTRIB_STR("APPEND"), key, redis_bytes_of(g, run));
	if (redis_is_id(g, run))
		REDIS_COMMAND(link, ATTRIB_STR("GET"), key);
	else if (run->lasting)
		REDIS_COMMAND(link, ATTRIB_STR("GETEX"), key, ATTRIB_STR("PERSIST"));
	else
		REDIS_COMMAND(link, ATTRIB_STR("GETEX"), key, ATTRIB_STR("EX"),
			attrib_str_of(g->redis->facts_ttl));
}

/* What stands there ends with what was sent: nobody comes in between in a transaction. */
static int spread(struct redis_group *g, const redisReply *exec)
{
	struct redis_link *link = &g->redis->link;
	size_t at = 0;

	for (size_t i = 0; i < g->adding->run_count; i++) {
		struct redis_run *run = &g->adding->runs[i];
		struct attrib_str value;
		int err = 0;
		if (!is_appended_to(run))
			continue;
		if (at + 2 > exec->elements)
			return redis_link_fail(link, ATTRIB_E_UNAVAILABLE, "a short answer");
		err = redis_link_expect(link, REDIS_TYPE(REDIS_REPLY_INTEGER), exec->element[at]);
		if (!err)
			err = redis_link_expect(
				link, REDIS_TYPE(REDIS_REPLY_STRING), exec->element[at + 1]);
		if (err)
			return err;
		run->exec = exec->element[at + 1];
		value = value_of(run);
		if (value.n < run->bytes_n || memcmp(value.p + value.n - run->bytes_n,
						      redis_bytes_of(g, run).p, run->bytes_n) != 0)
			return redis_link_fail(link, ATTRIB_E_UNAVAILABLE,
				"what was appended is not what stands there");
		at += 2;
	}
	return 0;
}

static int take_append(struct redis_group *g, size_t leaves, size_t appended, redisReply **exec)
{
	struct redis_link *link = &g->redis->link;
	int err = redis_link_skip(link, REDIS_NIL_OR_TEXT, leaves);

	if (!err) /* MULTI, and every command in it */
		err = redis_link_skip(link, REDIS_TYPE(REDIS_REPLY_STATUS), 1 + 2 * appended);
	if (!err)
		err = redis_link_take(link, REDIS_TYPE(REDIS_REPLY_ARRAY), exec);
	return err ? err : spread(g, *exec);
}

static int append(struct redis_group *g, uint64_t *ticket, redisReply **exec)
{
	struct redis_adding *adding = g->adding;
	size_t leaves = 0, appended = 0;
	redisReply *reply;
	int err;

	for (size_t i = 0; i < adding->run_count; i++) {
		if (!is_appended_to(&adding->runs[i]))
			continue;
		ask_leaves(g, &adding->runs[i], &leaves);
		appended++;
	}
	if (!appended)
		return 0;
	REDIS_COMMAND(&g->redis->link, ATTRIB_STR("MULTI"));
	for (size_t i = 0; i < adding->run_count; i++)
		if (is_appended_to(&adding->runs[i]))
			ask_append(g, &adding->runs[i]);
	REDIS_COMMAND(&g->redis->link, ATTRIB_STR("EXEC"));
	REDIS_COMMAND(&g->redis->link, ATTRIB_STR("INCR"), ATTRIB_STR(REDIS_TICKET_KEY));
	err = take_append(g, leaves, appended, exec);
	if (!err)
		err = redis_link_take(&g->redis->link, REDIS_TYPE(REDIS_REPLY_INTEGER), &reply);
	if (err)
		return err;
	err = redis_ticket(g->redis, reply, ticket);
	freeReplyObject(reply);
	return err;
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

/* What is rarely needed: claims left behind, a value that has grown long, a life that was cut short. */
static int finish(struct redis_group *g)
{
	unsigned any = REDIS_NIL_OR_TEXT | REDIS_TYPE(REDIS_REPLY_INTEGER);
	char key[REDIS_KEY_BYTES];
	size_t asked = 0;
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
			REDIS_COMMAND(&g->redis->link, ATTRIB_STR("PERSIST"),
				redis_key(redis_entity_of(g, run), key));
			asked++;
		}
	}
	return err ? err : redis_link_skip(&g->redis->link, any, asked);
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
	redisReply *reply;
	size_t counts;
	int err;

	redis_tell_counts(redis, &counts);
	err = ask_first(g);
	if (looks)
		redis_ask_bytes(redis);
	redis_ask_lanes(redis, &lanes);
	REDIS_COMMAND(&redis->link, ATTRIB_STR("INCR"), ATTRIB_STR(REDIS_TICKET_KEY));
	if (!err)
		err = redis_take_counts(redis, counts);
	if (!err)
		err = take_first(g);
	if (!err && looks)
		err = redis_take_bytes(redis);
	if (!err && lanes)
		err = redis_take_lanes(redis);
	if (!err)
		err = redis_link_take(&redis->link, REDIS_TYPE(REDIS_REPLY_INTEGER), &reply);
	if (err)
		return err;
	err = redis_ticket(redis, reply, ticket);
	freeReplyObject(reply);
	return err;
}

static int add_group(struct redis_group *g, uint64_t *ticket)
{
	redisReply *exec = NULL;
	int err = first(g, ticket);

	if (!err)
		err = plan_all_known(g);
	if (!err)
		err = append(g, ticket, &exec);
	if (!err)
		err = finish(g);
	if (!err)
		count(g);
	freeReplyObject(exec);
	for (size_t i = 0; i < g->adding->run_count; i++)
		freeReplyObject(g->adding->runs[i].before);
	return err;
}

int redis_add(struct attrib_state *state, const struct attrib_fact *facts, size_t n,
	struct attrib_added *results, uint64_t *ticket)
{
	struct redis *redis = redis_of(state);
	struct redis_group g = {redis, &redis->adding, facts, results, false};
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = state_check_fact(&facts[i]);
	if (!err)
		err = redis_begin(redis);
	if (!err)
		err = redis_group_sort(&g, n);
	if (err)
		return err;
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
