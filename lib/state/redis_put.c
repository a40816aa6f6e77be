/*
 * Whoever is known is appended to, which tells how long the value is then: as long as it was and what was sent, when
 * nobody came in between. Whoever is new is set where there is none, which tells what stands there otherwise; those that
 * are new and last, all at once, or one by one when some of them were there. Who was new to the first look and no longer
 * to the second is appended to in another step, which needs no further one. So nothing is compared and tried again, and
 * a group that is added twice has been added once.
 *
 * What a full cap drops leaves its claim behind as a remembered id (state.h). Whoever adds to an entity
 * that has dropped a touch asks for those ids in between. Two instances that add the same touch in the
 * very moment in which it is dropped may both be told that it is theirs.
 */
#include "redis_put.h"

/* -- what was left behind ------------------------------------------------------------------------- */

static bool waits_for_lefts(const struct redis_run *run)
{
	return run->asks && !run->planned;
}

static void ask_lefts(struct redis_group *g, struct redis_run *run)
{
	char key[REDIS_KEY_BYTES];

	for (size_t i = 0; i < run->n; i++) {
		struct attrib_entity id = {ATTRIB_ENTITY_ID, redis_fact_of(g, run, i)->id};
		g->adding->lefts[run->from + i].is = false;
		REDIS_COMMAND(&g->redis->link, ATTRIB_STR("GET"), redis_key(&id, key));
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

size_t redis_ask_leaves(struct redis_group *g, struct redis_run *run)
{
	struct attrib_buf *bytes = &g->adding->bytes;
	size_t n = run->left ? 0 : run->leaves_n;
	char key[REDIS_KEY_BYTES];

	for (size_t i = 0; i < n; i++) {
		const struct redis_leaf *leaf = &g->adding->leaves[run->leaves_at + i];
		struct attrib_entity id = {ATTRIB_ENTITY_ID, leaf->id};
		size_t at = bytes->n;
		redis_claim_put(bytes, &leaf->claimer, leaf->received_at);
		REDIS_COMMAND(&g->redis->link, ATTRIB_STR("SET"), redis_key(&id, key),
			(struct attrib_str){(const char *)bytes->p + at, bytes->n - at},
			ATTRIB_STR("NX"), ATTRIB_STR("GET"), ATTRIB_STR("EX"),
			attrib_str_of(g->redis->ids_ttl));
	}
	run->left = true;
	return n;
}

/* -- what each makes of what stands there ---------------------------------------------------------- */

static int plan_known(struct redis_group *g, struct redis_run *run)
{
	struct redis_fold *fold = &g->redis->fold;
	bool asked = run->asks;
	struct redis_claim claim;
	int err;

	if (redis_is_id(g, run)) {
		err = redis_claim_read(redis_text(run->before), &claim);
		if (!err)
			redis_run_claims(g, run, &claim);
	} else {
		err = redis_fold_read(fold, redis_text(run->before));
		run->asks = asked || (!err && fold->facts && state_facts_have_dropped(fold->facts));
		if (!err && run->asks && !asked)
			return 0;
		if (!err)
			err = redis_run_facts(g, run, true);
	}
	run->planned = true;
	return err == ATTRIB_E_CORRUPT
		       ? redis_take_out(g->redis, redis_entity_of(g, run), redis_text(run->before))
		       : err;
}

static int plan(struct redis_group *g, struct redis_run *run)
{
	if (run->before)
		return plan_known(g, run);
	run->planned = true;
	if (redis_is_id(g, run))
		return 0; /* as it was set */
	redis_fold_clear(&g->redis->fold);
	return redis_run_facts(g, run, true);
}

/* A life begins anew before the copies for which it does: when the connection is cut in between it is long enough. */
static void ask_append(struct redis_group *g, struct redis_run *run)
{
	run->leaves_asked = redis_ask_leaves(g, run);
	if (run->ages)
		redis_ask_age(g, run);
	redis_ask_append(g, run);
	run->asked = REDIS_ASKED_APPEND;
}

static void ask_new(struct redis_group *g, struct redis_run *run)
{
	run->asked = REDIS_ASKED_SET_TOGETHER;
	if (run->lasting && !g->one_by_one)
		return;
	run->asked = REDIS_ASKED_SET;
	redis_ask_set(g, run);
}

int redis_put_run(struct redis_group *g, struct redis_run *run)
{
	int err = plan(g, run);

	if (!err)
		err = g->adding->bytes.err;
	if (err || !run->planned || !run->bytes_n || run->made)
		return err;
	if (run->before)
		ask_append(g, run);
	else
		ask_new(g, run);
	return 0;
}

/* -- the answers ---------------------------------------------------------------------------------- */

static int take_append(struct redis_group *g, struct redis_run *run)
{
	struct redis_link *link = &g->redis->link;
	int64_t length;
	int err = redis_link_skip(link, REDIS_NIL_OR_TEXT, run->leaves_asked);

	if (!err)
		err = redis_link_skip(link, REDIS_TYPE(REDIS_REPLY_INTEGER), run->ages);
	if (!err)
		err = redis_link_take_integer(link, &length);
	if (err)
		return err;
	if (length < (int64_t)run->bytes_n)
		return redis_link_fail(link, ATTRIB_E_UNAVAILABLE,
			"a value is shorter than what was appended to it");
	run->length = (size_t)length;
	return 0;
}

/* Some that were new are there by now: others were quicker. */
static int take_set(struct redis_group *g, struct redis_run *run)
{
	int err = redis_take_set(g, run);

	run->planned = run->made;
	g->redis->cost.overtaken += !err && !run->made;
	return err;
}

static int take_each(struct redis_group *g)
{
	int err = 0;

	for (size_t i = 0; i < g->adding->run_count && !err; i++) {
		struct redis_run *run = &g->adding->runs[i];
		enum redis_asked asked = run->asked;
		if (asked == REDIS_ASKED_NOTHING || asked == REDIS_ASKED_SET_TOGETHER)
			continue;
		run->asked = REDIS_ASKED_NOTHING;
		err = asked == REDIS_ASKED_SET ? take_set(g, run) : take_append(g, run);
	}
	return err;
}

static int take_together(struct redis_group *g)
{
	int64_t set;
	int err = redis_link_take_integer(&g->redis->link, &set);

	if (err)
		return err;
	for (size_t i = 0; i < g->adding->run_count; i++) {
		struct redis_run *run = &g->adding->runs[i];
		if (run->asked != REDIS_ASKED_SET_TOGETHER)
			continue;
		run->asked = REDIS_ASKED_NOTHING;
		run->made = run->planned = set != 0;
	}
	g->one_by_one = set == 0;
	return 0;
}

/* -- all of a group ------------------------------------------------------------------------------- */

static bool is_asked(const struct redis_group *g, const struct redis_run *run)
{
	(void)g;
	return run->asked != REDIS_ASKED_NOTHING;
}

static bool is_set_together(const struct redis_group *g, const struct redis_run *run)
{
	(void)g;
	return run->asked == REDIS_ASKED_SET_TOGETHER;
}

static bool is_listed(const struct redis_group *g, const struct redis_run *run)
{
	return redis_entity_of(g, run)->kind == ATTRIB_ENTITY_ORDER &&
	       (run->before || run->bytes_n);
}

static bool is_left(const struct redis_group *g, const struct redis_run *run)
{
	(void)g;
	return !run->planned;
}

static int put_some(struct redis_group *g)
{
	struct redis_link *link = &g->redis->link;
	bool together = redis_how_many(g, is_set_together) > 0;
	bool lists = !g->listed && redis_how_many(g, is_listed) > 0;
	uint64_t replaced = 0;
	int err;

	if (!lists && !redis_how_many(g, is_asked))
		return 0;
	if (together)
		redis_ask_set_together(g, is_set_together);
	if (lists) /* behind the orders: when the connection is lost in between, the group is added again */
		redis_ask_list(g, is_listed);
	redis_ask_replaced(g);
	redis_ask_ticket(g);
	redis_link_send(link);
	err = take_each(g);
	if (!err && together)
		err = take_together(g);
	if (!err)
		err = redis_link_skip(link, REDIS_TYPE(REDIS_REPLY_INTEGER), lists);
	g->listed = true;
	if (!err)
		err = redis_take_replaced(g, &replaced);
	g->reads |= replaced != g->replaced;
	return err ? err : redis_take_ticket(g);
}

static int plan_rest(struct redis_group *g)
{
	struct redis_adding *adding = g->adding;
	int err = 0;

	for (size_t i = 0; i < adding->run_count; i++)
		if (waits_for_lefts(&adding->runs[i]))
			ask_lefts(g, &adding->runs[i]);
	for (size_t i = 0; i < adding->run_count && !err; i++)
		if (waits_for_lefts(&adding->runs[i]))
			err = take_lefts(g, &adding->runs[i]);
	for (size_t i = 0; i < adding->run_count && !err; i++)
		if (!adding->runs[i].planned)
			err = redis_put_run(g, &adding->runs[i]);
	return err;
}

int redis_put(struct redis_group *g)
{
	int err = put_some(g);

	while (!err && redis_how_many(g, is_left)) {
		err = plan_rest(g);
		if (!err)
			err = put_some(g);
	}
	return err;
}
