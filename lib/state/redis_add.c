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
#include "redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attrib/event.h"

#define LOOK_EVERY 64 /* groups, at the server's memory */

/* A claim on a touch's id that was left behind. */
struct redis_left {
	bool is;
	struct attrib_claimer claimer;
};

/* One that has to be left behind. */
struct redis_leaf {
	struct attrib_id id;
	struct attrib_claimer claimer;
	uint32_t received_at;
};

/* The facts of one entity in a group, and what became of them. */
struct redis_run {
	size_t from, n;           /* of what is sorted */
	redisReply *before;       /* owned: what stood there; NULL: nothing */
	redisReply *exec;         /* borrowed: what stands there once it was added to */
	size_t bytes_at, bytes_n; /* what is sent */
	size_t leaves_at, leaves_n;
	bool asks;    /* its touches' claims may have been left behind */
	bool lasting; /* never expires */
	bool mends;   /* others made it lasting meanwhile: so does this */
	bool packs;
	bool left; /* its leaves are sent */
	/* counted once it is done */
	bool made;
	int64_t copies;
	uint64_t refused, refused_full;
};

struct group {
	struct redis *redis;
	struct redis_adding *adding;
	const struct attrib_fact *facts;
	struct attrib_added *results;
	bool full;
};

static const struct attrib_fact *fact_of(
	const struct group *g, const struct redis_run *run, size_t i)
{
	return g->adding->sorted[run->from + i];
}

static struct attrib_added *result_of(const struct group *g, const struct redis_run *run, size_t i)
{
	return &g->results[fact_of(g, run, i) - g->facts];
}

static const struct attrib_entity *entity_of(const struct group *g, const struct redis_run *run)
{
	return &fact_of(g, run, 0)->entity;
}

static bool is_id(const struct group *g, const struct redis_run *run)
{
	return entity_of(g, run)->kind == ATTRIB_ENTITY_ID;
}

static struct attrib_str bytes_of(const struct group *g, const struct redis_run *run)
{
	return (struct attrib_str){(const char *)g->adding->bytes.p + run->bytes_at, run->bytes_n};
}

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

/* -- the group, by entity ------------------------------------------------------------------------- */

static int by_entity(const void *a, const void *b)
{
	const struct attrib_fact *x = *(const struct attrib_fact *const *)a;
	const struct attrib_fact *y = *(const struct attrib_fact *const *)b;
	int order = state_compare(x->entity.kind, y->entity.kind);

	if (!order)
		order = attrib_id_cmp(&x->entity.id, &y->entity.id);
	return order ? order : (x > y) - (x < y);
}

static int grow(void **p, size_t *room, size_t n, size_t size)
{
	size_t more = *room * 2 > n ? *room * 2 : n;
	void *grown;

	if (n <= *room)
		return 0;
	grown = realloc(*p, more * size);
	if (!grown)
		return ATTRIB_E_NOMEM;
	*p = grown;
	*room = more;
	return 0;
}

static int make_room(struct redis_adding *adding, size_t n)
{
	size_t room = adding->room, runs = adding->run_room;
	void *sorted = adding->sorted, *lefts = adding->lefts, *run = adding->runs;
	int err = grow(&sorted, &room, n, sizeof *adding->sorted);

	adding->sorted = sorted;
	room = adding->room;
	if (!err)
		err = grow(&lefts, &room, n, sizeof *adding->lefts);
	adding->lefts = lefts;
	if (!err)
		adding->room = room;
	if (!err)
		err = grow(&run, &runs, n, sizeof *adding->runs);
	adding->runs = run;
	adding->run_room = runs;
	return err;
}

static bool same_entity(const struct attrib_fact *a, const struct attrib_fact *b)
{
	return a->entity.kind == b->entity.kind && attrib_id_eq(&a->entity.id, &b->entity.id);
}

static int sort_group(struct group *g, size_t n)
{
	struct redis_adding *adding = g->adding;
	struct redis_run *run = NULL;
	int err = make_room(adding, n);

	adding->run_count = adding->leaf_count = 0;
	attrib_buf_clear(&adding->bytes);
	if (err)
		return err;
	for (size_t i = 0; i < n; i++)
		adding->sorted[i] = &g->facts[i];
	qsort(adding->sorted, n, sizeof *adding->sorted, by_entity);
	for (size_t i = 0; i < n; i++) {
		if (!run || !same_entity(adding->sorted[i], adding->sorted[run->from])) {
			run = &adding->runs[adding->run_count++];
			*run = (struct redis_run){.from = i};
		}
		run->n++;
	}
	return 0;
}

/* -- what an entity makes of its facts ------------------------------------------------------------ */

static bool is_refused(struct group *g, const struct attrib_fact *fact, bool known,
	struct redis_run *run, struct attrib_added *result)
{
	if (known || !g->full || fact->trust != ATTRIB_TRUST_STRANGER)
		return false;
	*result = (struct attrib_added){.refused = true, .mine = true};
	run->refused_full++;
	return true;
}

static const struct attrib_claimer *find_left(const struct group *g, const struct redis_run *run,
	const struct attrib_fact *fact, size_t i)
{
	const struct redis_adding *adding = g->adding;

	if (fact->type != ATTRIB_FACT_TOUCH)
		return NULL;
	if (run->asks && adding->lefts[run->from + i].is)
		return &adding->lefts[run->from + i].claimer;
	for (size_t k = 0; k < run->leaves_n; k++)
		if (attrib_id_eq(&adding->leaves[run->leaves_at + k].id, &fact->id))
			return &adding->leaves[run->leaves_at + k].claimer;
	return NULL;
}

static int leave(struct group *g, struct redis_run *run, const struct attrib_fact *fact,
	const struct state_dropped *dropped)
{
	struct redis_adding *adding = g->adding;
	void *p = adding->leaves;
	int err;

	if (!dropped->is || (g->full && fact->trust == ATTRIB_TRUST_STRANGER))
		return 0;
	err = grow(&p, &adding->leaf_room, adding->leaf_count + 1, sizeof *adding->leaves);
	adding->leaves = p;
	if (err)
		return err;
	adding->leaves[adding->leaf_count++] = (struct redis_leaf){
		.id = dropped->id,
		.claimer = {g->redis->fold.lanes[dropped->claim.lane], dropped->claim.number},
		.received_at = state_seconds(dropped->received_at),
	};
	run->leaves_n++;
	return 0;
}

static void begin_run(struct group *g, struct redis_run *run, bool sends)
{
	run->leaves_at = g->adding->leaf_count;
	run->leaves_n = 0;
	run->left = false;
	run->copies = 0;
	run->refused = run->refused_full = 0;
	if (!sends)
		return;
	run->bytes_at = g->adding->bytes.n;
	run->bytes_n = 0;
}

/* Adds the facts to what has been read; what has an effect is what will be sent, where it is wanted. */
static int add_facts(struct group *g, struct redis_run *run, bool sends)
{
	struct redis_fold *fold = &g->redis->fold;
	struct state_facts_result r;
	int err = 0;

	begin_run(g, run, sends);
	for (size_t i = 0; i < run->n && !err; i++) {
		const struct attrib_fact *fact = fact_of(g, run, i);
		const struct attrib_claimer *left = find_left(g, run, fact, i);
		bool dropped = fold->facts && state_facts_have_dropped(fold->facts);
		if (is_refused(g, fact, fold->facts != NULL, run, result_of(g, run, i)))
			continue;
		err = redis_fold_add(fold, fact, left, &r);
		if (err)
			break;
		/* the first touch that is kept out is stored: it tells that claims are left behind */
		if (sends && (r.stored || (r.dropped.is && !dropped)))
			redis_value_put(&g->adding->bytes, fact, left ? left : &fact->claimer);
		*result_of(g, run, i) = r.added;
		run->refused += r.added.refused;
		run->copies += r.facts;
		err = leave(g, run, fact, &r.dropped);
	}
	run->lasting = fold->facts && state_facts_have_lasting(fold->facts);
	if (sends)
		run->bytes_n = g->adding->bytes.n - run->bytes_at;
	return err ? err : g->adding->bytes.err;
}

/* A remembered id: the first claim stays, the least receipt counts. */
static void add_claims(struct group *g, struct redis_run *run, const struct redis_claim *before)
{
	struct attrib_buf *bytes = &g->adding->bytes;
	struct redis_claim claim = {0};
	bool known = before != NULL;

	begin_run(g, run, true);
	if (known)
		claim = *before;
	for (size_t i = 0; i < run->n; i++) {
		const struct attrib_fact *fact = fact_of(g, run, i);
		struct attrib_added *result = result_of(g, run, i);
		uint32_t received_at = state_seconds(fact->received_at);
		if (is_refused(g, fact, known, run, result))
			continue;
		*result = (struct attrib_added){0};
		if (!known) {
			claim = (struct redis_claim){fact->claimer, received_at};
			redis_claim_put(bytes, &claim.claimer, received_at);
			result->added = result->mine = known = true;
			continue;
		}
		result->mine = !attrib_id_none(&fact->claimer.lane) &&
			       attrib_id_eq(&fact->claimer.lane, &claim.claimer.lane) &&
			       fact->claimer.number == claim.claimer.number;
		result->changed = received_at < claim.received_at;
		if (!result->changed)
			continue;
		claim.received_at = received_at;
		redis_claim_put_earlier(bytes, received_at);
	}
	run->bytes_n = bytes->n - run->bytes_at;
}

/* -- first: set where there is none --------------------------------------------------------------- */

static void ask_set(struct group *g, const struct redis_run *run)
{
	struct redis_link *link = &g->redis->link;
	const struct attrib_entity *entity = entity_of(g, run);
	char room[REDIS_KEY_BYTES];
	struct attrib_str key = redis_key(entity, room), bytes = bytes_of(g, run);

	if (!bytes.n)
		REDIS_COMMAND(link, ATTRIB_STR("GET"), key);
	else if (run->lasting)
		REDIS_COMMAND(
			link, ATTRIB_STR("SET"), key, bytes, ATTRIB_STR("NX"), ATTRIB_STR("GET"));
	else
		REDIS_COMMAND(link, ATTRIB_STR("SET"), key, bytes, ATTRIB_STR("NX"),
			ATTRIB_STR("GET"), ATTRIB_STR("EX"),
			attrib_str_of(is_id(g, run) ? g->redis->ids_ttl : g->redis->facts_ttl));
}

/* Behind the order itself: when the connection is lost in between, the group is added again. */
static void ask_list(struct group *g, const struct attrib_entity *order)
{
	char place[24];

	snprintf(place, sizeof place, "%llu", (unsigned long long)redis_order_place(&order->id));
	REDIS_COMMAND(&g->redis->link, ATTRIB_STR("ZADD"), ATTRIB_STR(REDIS_ORDERS_KEY),
		attrib_str_of(place), (struct attrib_str){(const char *)&order->id, 16});
}

static int ask_first(struct group *g)
{
	struct redis_adding *adding = g->adding;
	int err = 0;

	for (size_t i = 0; i < adding->run_count && !err; i++) {
		struct redis_run *run = &adding->runs[i];
		redis_fold_clear(&g->redis->fold);
		if (is_id(g, run))
			add_claims(g, run, NULL);
		else
			err = add_facts(g, run, true);
		if (err || adding->bytes.err)
			return err ? err : adding->bytes.err;
		ask_set(g, run);
		if (entity_of(g, run)->kind == ATTRIB_ENTITY_ORDER)
			ask_list(g, entity_of(g, run));
	}
	return err;
}

static int take_first(struct group *g)
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
		if (entity_of(g, run)->kind == ATTRIB_ENTITY_ORDER)
			err = redis_link_skip(link, REDIS_TYPE(REDIS_REPLY_INTEGER), 1);
		if (err)
			return err;
	}
	return 0;
}

/* -- what was left behind ------------------------------------------------------------------------- */

static void ask_lefts(struct group *g, struct redis_run *run, size_t *asked)
{
	char key[REDIS_KEY_BYTES];

	run->asks = true;
	for (size_t i = 0; i < run->n; i++) {
		struct attrib_entity id = {ATTRIB_ENTITY_ID, fact_of(g, run, i)->id};
		g->adding->lefts[run->from + i].is = false;
		REDIS_COMMAND(&g->redis->link, ATTRIB_STR("GET"), redis_key(&id, key));
		++*asked;
	}
}

static int take_lefts(struct group *g, struct redis_run *run)
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

static int plan_known(struct group *g, struct redis_run *run, size_t *asked)
{
	struct redis_claim claim;
	int err;

	if (is_id(g, run)) {
		err = redis_claim_read(redis_text(run->before), &claim);
		if (!err)
			add_claims(g, run, &claim);
	} else {
		err = redis_fold_read(&g->redis->fold, redis_text(run->before));
		if (!err && !run->asks && g->redis->fold.facts &&
			state_facts_have_dropped(g->redis->fold.facts)) {
			ask_lefts(g, run, asked);
			return 0;
		}
		if (!err)
			err = add_facts(g, run, true);
	}
	return err == ATTRIB_E_CORRUPT
		       ? redis_take_out(g->redis, entity_of(g, run), redis_text(run->before))
		       : err;
}

static int plan_all_known(struct group *g)
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

static void ask_leaves(struct group *g, struct redis_run *run, size_t *asked)
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

static void ask_append(struct group *g, const struct redis_run *run)
{
	struct redis_link *link = &g->redis->link;
	char room[REDIS_KEY_BYTES];
	struct attrib_str key = redis_key(entity_of(g, run), room);

	REDIS_COMMAND(link, ATTRIB_STR("APPEND"), key, bytes_of(g, run));
	if (is_id(g, run))
		REDIS_COMMAND(link, ATTRIB_STR("GET"), key);
	else if (run->lasting)
		REDIS_COMMAND(link, ATTRIB_STR("GETEX"), key, ATTRIB_STR("PERSIST"));
	else
		REDIS_COMMAND(link, ATTRIB_STR("GETEX"), key, ATTRIB_STR("EX"),
			attrib_str_of(g->redis->facts_ttl));
}

/* What stands there ends with what was sent: nobody comes in between in a transaction. */
static int spread(struct group *g, const redisReply *exec)
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
						      bytes_of(g, run).p, run->bytes_n) != 0)
			return redis_link_fail(link, ATTRIB_E_UNAVAILABLE,
				"what was appended is not what stands there");
		at += 2;
	}
	return 0;
}

static int take_append(struct group *g, size_t leaves, size_t appended, redisReply **exec)
{
	struct redis_link *link = &g->redis->link;
	int err = redis_link_skip(link, REDIS_NIL_OR_TEXT, leaves);

	if (!err) /* MULTI, and every command in it */
		err = redis_link_skip(link, REDIS_TYPE(REDIS_REPLY_STATUS), 1 + 2 * appended);
	if (!err)
		err = redis_link_take(link, REDIS_TYPE(REDIS_REPLY_ARRAY), exec);
	return err ? err : spread(g, *exec);
}

static int append(struct group *g, uint64_t *ticket, redisReply **exec)
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
static int answer(struct group *g, struct redis_run *run)
{
	struct attrib_str value = value_of(run), base = base_of(run);
	struct redis_claim claim;
	bool lasting = run->lasting;
	size_t at = run->bytes_at, n = run->bytes_n;
	int err;

	run->packs = !is_id(g, run) && redis_value_is_long(value);
	if (!run->packs && attrib_str_eq(base, redis_text(run->before)))
		return 0;
	g->redis->cost.overtaken += !attrib_str_eq(base, redis_text(run->before));
	run->made = base.n == 0; /* it went in between */
	if (is_id(g, run)) {
		err = base.n ? redis_claim_read(base, &claim) : 0;
		if (!err)
			add_claims(g, run, base.n ? &claim : NULL);
	} else {
		err = redis_fold_read(&g->redis->fold, base);
		if (!err)
			err = add_facts(g, run, false);
	}
	run->mends = run->lasting && !lasting;
	run->bytes_at = at;
	run->bytes_n = n;
	return err == ATTRIB_E_CORRUPT ? redis_take_out(g->redis, entity_of(g, run), value) : err;
}

static int ask_pack(struct group *g, struct redis_run *run)
{
	struct attrib_buf *bytes = &g->adding->bytes;
	size_t at = bytes->n;
	int err = redis_fold_pack(&g->redis->fold, bytes);

	if (err)
		return err;
	redis_ask_replace(g->redis, entity_of(g, run), value_of(run),
		(struct attrib_str){(const char *)bytes->p + at, bytes->n - at});
	g->redis->cost.packed++;
	return 0;
}

/* What is rarely needed: claims left behind, a value that has grown long, a life that was cut short. */
static int finish(struct group *g)
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
				redis_key(entity_of(g, run), key));
			asked++;
		}
	}
	return err ? err : redis_link_skip(&g->redis->link, any, asked);
}

static void count(struct group *g)
{
	struct redis *redis = g->redis;

	for (size_t i = 0; i < g->adding->run_count; i++) {
		const struct redis_run *run = &g->adding->runs[i];
		redis->uncounted[entity_of(g, run)->kind] += run->made;
		redis->uncounted[0] += run->copies;
		redis->stats.refused += run->refused;
		redis->stats.refused_full += run->refused_full;
	}
}

/* -- an add --------------------------------------------------------------------------------------- */

static int first(struct group *g, uint64_t *ticket)
{
	struct redis *redis = g->redis;
	bool looks = redis->looked++ % LOOK_EVERY == 0;
	redisReply *reply;
	size_t counts;
	int err;

	redis_tell_counts(redis, &counts);
	err = ask_first(g);
	if (looks)
		redis_ask_bytes(redis);
	REDIS_COMMAND(&redis->link, ATTRIB_STR("INCR"), ATTRIB_STR(REDIS_TICKET_KEY));
	if (!err)
		err = redis_take_counts(redis, counts);
	if (!err)
		err = take_first(g);
	if (!err && looks)
		err = redis_take_bytes(redis);
	if (!err)
		err = redis_link_take(&redis->link, REDIS_TYPE(REDIS_REPLY_INTEGER), &reply);
	if (err)
		return err;
	err = redis_ticket(redis, reply, ticket);
	freeReplyObject(reply);
	return err;
}

static int add_group(struct group *g, uint64_t *ticket)
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
	struct group g = {redis, &redis->adding, facts, results, false};
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = state_check_fact(&facts[i]);
	if (!err)
		err = redis_begin(redis);
	if (!err)
		err = sort_group(&g, n);
	if (err)
		return err;
	g.full = redis->max_bytes && redis->bytes > redis->max_bytes;
	err = add_group(&g, ticket);
	if (err && redis->link.context) /* memory was out while answers were on their way */
		redis_link_fail(&redis->link, err, "%s", attrib_error_text(err));
	return err;
}

void redis_adding_done(struct redis_adding *adding)
{
	free(adding->sorted);
	free(adding->lefts);
	free(adding->runs);
	free(adding->leaves);
	attrib_buf_done(&adding->bytes);
}
