/*
 * The backend in Redis where it is more than the seam: what expires, two that add at once, how many commands an add
 * takes. The sentences of state.h: tests/conformance.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "redis.h"
#include "redis_server.h"

/* -- what expires --------------------------------------------------------------------------------- */

static long long life(const char *kind, uint64_t id)
{
	struct attrib_id name = id_of(id);
	redisReply *reply = ask("TTL at1:%s%b", kind, &name, (size_t)16);
	long long seconds = reply->integer;

	freeReplyObject(reply);
	return seconds;
}

static void check_whole_life(const char *kind, uint64_t id)
{
	assert_in_range(life(kind, id), FACTS_TTL + SLOT - 100, FACTS_TTL + SLOT);
}

static void test_what_is_kept_how_long(void **unused)
{
	struct attrib_state *state = open_clean();
	struct attrib_id name = id_of(1);

	(void)unused;
	must_add(state, seen(1));
	assert_in_range(life("i", 1), IDS_TTL - 100, IDS_TTL);
	must_add(state, touch(1, 1, 1));
	check_whole_life("v", 1);
	freeReplyObject(ask("EXPIRE at1:v%b 10", &name, (size_t)16));
	must_add(state, touch(1, 1, 1)); /* nothing new */
	must_add(state, touch(1, 2, 1)); /* of the same slot: its life has begun in it */
	assert_in_range(life("v", 1), 1, 10);
	must_add(state, touch(1, 3, SLOT * ATTRIB_US_PER_S));
	check_whole_life("v", 1);
	freeReplyObject(ask("EXPIRE at1:v%b 10", &name, (size_t)16));
	must_add(state, touch(1, 4, 1)); /* a clock was wrong, then or now */
	check_whole_life("v", 1);
	must_add(state, lasting(1, 5));
	assert_int_equal(life("v", 1), -1);
	must_add(state, touch(1, 6, 3 * SLOT * ATTRIB_US_PER_S));
	assert_int_equal(life("v", 1), -1);
	must_add(state, lasting(2, 1));
	assert_int_equal(life("v", 2), -1);
	for (uint64_t i = 0; i < 60; i++)
		must_add(state, touch(3, i, (int64_t)i));
	check_whole_life("v", 3);
	state->ops->free(state);
}

static atomic_bool deletes;

static void *delete (void *arg)
{
	redisContext *own = redisConnectUnix(url + strlen("unix:"));
	struct attrib_id name = id_of(1);

	(void)arg;
	while (atomic_load(&deletes))
		freeReplyObject(redisCommand(own, "DEL at1:v%b", &name, (size_t)16));
	redisFree(own);
	return NULL;
}

/* What goes between two steps of an add comes back by it, and lives no longer than others. */
static void test_what_goes_meanwhile_lives_as_long(void **unused)
{
	struct attrib_state *state = open_clean();
	struct attrib_redis_stats cost = {0};
	pthread_t thread;

	(void)unused;
	atomic_store(&deletes, true);
	assert_int_equal(pthread_create(&thread, NULL, delete, NULL), 0);
	for (uint64_t i = 0; cost.overtaken < 20; i++) {
		must_add(state, touch(1, i, 1));
		assert_int_not_equal(life("v", 1), -1);
		attrib_state_redis_stats(state, &cost);
	}
	atomic_store(&deletes, false);
	assert_int_equal(pthread_join(thread, NULL), 0);
	state->ops->free(state);
}

/* -- two at once ---------------------------------------------------------------------------------- */

#define MANY 60

struct rival {
	pthread_t thread;
	struct attrib_state *state;
	pthread_barrier_t *begin;
	struct attrib_fact facts[MANY];
	struct attrib_added results[MANY];
	int err;
};

static void *add_all(void *arg)
{
	struct rival *rival = arg;
	uint64_t ticket;

	pthread_barrier_wait(rival->begin);
	rival->err =
		rival->state->ops->add(rival->state, rival->facts, MANY, rival->results, &ticket);
	return NULL;
}

/* Ids, touches of strangers and of visitors that are known, and what makes a stranger last. */
static struct attrib_fact make_one(uint64_t round, uint64_t i)
{
	uint64_t name = 1000 + round * MANY + i;

	switch (i % 4) {
	case 0:
		return seen(name);
	case 1:
		return touch(name, name, 1);
	case 2:
		return lasting(name, name);
	default:
		return touch(i, name, 1 + (int64_t)i);
	}
}

/* All facts are given to both at the same time: each is one's own. */
static void add_twice(struct rival rivals[2], uint64_t round)
{
	for (uint64_t i = 0; i < 2; i++) {
		for (uint64_t k = 0; k < MANY; k++) {
			rivals[i].facts[k] = make_one(round, k);
			rivals[i].facts[k].claimer = (struct attrib_claimer){id_of(600 + i), round};
		}
		assert_int_equal(pthread_create(&rivals[i].thread, NULL, add_all, &rivals[i]), 0);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(rivals[i].thread, NULL), 0);
		assert_int_equal(rivals[i].err, 0);
	}
	for (uint64_t k = 0; k < MANY; k++)
		if (rivals[0].results[k].mine == rivals[1].results[k].mine)
			fail_msg("round %llu, fact %llu: %s claims it", (unsigned long long)round,
				(unsigned long long)k,
				rivals[0].results[k].mine ? "each" : "neither");
}

static void test_of_two_that_add_at_once_one_claims(void **unused)
{
	struct attrib_redis_stats cost[2] = {0};
	struct rival rivals[2] = {0};
	pthread_barrier_t begin;
	uint64_t round = 0;

	(void)unused;
	pthread_barrier_init(&begin, NULL, 2);
	rivals[0].state = open_clean();
	rivals[1].state = open_at(url, 5000);
	for (int i = 0; i < 2; i++)
		rivals[i].begin = &begin;
	while (round < 40 || cost[0].overtaken + cost[1].overtaken < 200) {
		add_twice(rivals, ++round);
		for (int i = 0; i < 2; i++)
			attrib_state_redis_stats(rivals[i].state, &cost[i]);
	}
	for (uint64_t i = 2; i < MANY; i += 4)
		assert_int_equal(life("v", 1000 + round * MANY + i), -1);
	for (uint64_t i = 1; i < MANY; i += 4)
		check_whole_life("v", 1000 + round * MANY + i);
	for (int i = 0; i < 2; i++)
		rivals[i].state->ops->free(rivals[i].state);
	pthread_barrier_destroy(&begin);
}

/* In the place of a value comes another one that is as long and has one fact more, when nothing was appended yet. */
struct replacer {
	pthread_t thread;
	redisContext *own;
	uint64_t visitor;
	unsigned wait_us;
	struct attrib_buf from, to;
};

static void *replace(void *arg)
{
	static const char script[] =
		"if redis.call('GET',KEYS[1])~=ARGV[1] then return 0 end "
		"redis.call('INCR',KEYS[2]) redis.call('SET',KEYS[1],ARGV[2]) return 1";
	struct replacer *r = arg;
	struct attrib_id name = id_of(r->visitor);

	usleep(r->wait_us);
	freeReplyObject(redisCommand(r->own, "EVAL %s 2 at1:v%b at1:#replaced %b %b", script, &name,
		sizeof name, r->from.p, r->from.n, r->to.p, r->to.n));
	return NULL;
}

static void put_value(struct attrib_buf *out, uint64_t visitor, uint64_t id, size_t body)
{
	static const char x[200] = {0};
	struct attrib_fact fact = touch(visitor, id, 1);

	fact.body = (struct attrib_str){x, body};
	fact.claimer.lane = id_of(700);
	redis_value_put(out, &fact, &fact.claimer);
}

/* Whether the group was added to the value that came. */
static bool came(const struct replacer *r)
{
	struct attrib_id name = id_of(r->visitor);
	redisReply *value = ask("GET at1:v%b", &name, sizeof name);
	bool came = value->len > r->to.n && !memcmp(value->str, r->to.p, r->to.n);

	freeReplyObject(value);
	return came;
}

static void test_a_value_that_was_replaced_by_one_as_long_is_read_again(void **unused)
{
	struct attrib_state *state = open_clean();
	struct replacer r = {.own = redisConnectUnix(url + strlen("unix:"))};
	struct attrib_added result;
	int times = 0;

	(void)unused;
	must_add(state, touch(1, 1, 1)); /* it is connected */
	for (r.visitor = 10; times < 3; r.visitor++) {
		struct attrib_id name = id_of(r.visitor);
		attrib_buf_clear(&r.from);
		attrib_buf_clear(&r.to);
		put_value(&r.from, r.visitor, 1, 69 + 20);
		put_value(&r.to, r.visitor, 1, 10);
		put_value(&r.to, r.visitor, 2, 10);
		assert_int_equal(r.from.n, r.to.n);
		freeReplyObject(ask("SET at1:v%b %b", &name, sizeof name, r.from.p, r.from.n));
		r.wait_us = (unsigned)(r.visitor * 7 % 200);
		assert_int_equal(pthread_create(&r.thread, NULL, replace, &r), 0);
		assert_int_equal(add(state, touch(r.visitor, 2, 1), &result), 0);
		assert_int_equal(pthread_join(r.thread, NULL), 0);
		if (came(&r)) {
			assert_false(result.mine);
			times++;
		}
	}
	attrib_buf_done(&r.from);
	attrib_buf_done(&r.to);
	redisFree(r.own);
	state->ops->free(state);
}

/* Appends to what stands there, and once the group has come, too, puts all of it into another order. */
struct shuffler {
	pthread_t thread;
	redisContext *own;
	struct attrib_id visitor;
	struct attrib_buf from, more;
	long long times; /* that it was put into another order */
	atomic_bool ends;
};

static void *shuffle(void *arg)
{
	static const char script[] =
		"local v,n=redis.call('GET',KEYS[1]),#ARGV[1] "
		"if v==ARGV[1] then redis.call('APPEND',KEYS[1],ARGV[2]) return 0 end "
		"if #v<=n+#ARGV[2] or v:sub(1,n)~=ARGV[1] then return 0 end "
		"redis.call('SET',KEYS[1],v:sub(n+1)..ARGV[1]) redis.call('INCR',KEYS[2]) return 1";
	struct shuffler *s = arg;

	while (!atomic_load(&s->ends)) {
		redisReply *reply = redisCommand(s->own, "EVAL %s 2 at1:v%b at1:#replaced %b %b",
			script, &s->visitor, sizeof s->visitor, s->from.p, s->from.n, s->more.p,
			s->more.n);
		s->times += reply->integer;
		freeReplyObject(reply);
	}
	return NULL;
}

/* Others have come before the group, and one of them has packed the value before it was read again. */
static void test_what_was_replaced_with_the_own_copies_tells_that_they_were_new(void **unused)
{
	struct attrib_state *state = open_clean();
	struct shuffler s = {.own = redisConnectUnix(url + strlen("unix:"))};
	struct attrib_added result;

	(void)unused;
	must_add(state, touch(1, 1, 1)); /* it is connected */
	for (uint64_t visitor = 10; s.times < 100; visitor++) {
		s.visitor = id_of(visitor);
		attrib_buf_clear(&s.from);
		attrib_buf_clear(&s.more);
		put_value(&s.from, visitor, 1, 10);
		put_value(&s.more, visitor, 3, 10);
		freeReplyObject(
			ask("SET at1:v%b %b", &s.visitor, sizeof s.visitor, s.from.p, s.from.n));
		atomic_store(&s.ends, false);
		assert_int_equal(pthread_create(&s.thread, NULL, shuffle, &s), 0);
		assert_int_equal(add(state, touch(visitor, 2, 1), &result), 0);
		atomic_store(&s.ends, true);
		assert_int_equal(pthread_join(s.thread, NULL), 0);
		assert_true(result.mine);
		assert_true(result.added);
	}
	attrib_buf_done(&s.from);
	attrib_buf_done(&s.more);
	redisFree(s.own);
	state->ops->free(state);
}

static void test_an_expired_order_is_not_met(void **unused)
{
	struct attrib_state *state = open_clean();
	struct attrib_entity out[4];
	uint64_t cursor = 0;
	size_t n;

	(void)unused;
	for (uint64_t i = 1; i <= 3; i++) {
		struct attrib_fact order = touch(i, 1, 1);
		order.entity.kind = ATTRIB_ENTITY_ORDER;
		order.type = ATTRIB_FACT_ORDER;
		order.cap = ATTRIB_CAP_ORDER;
		must_add(state, order);
		if (i < 3)
			freeReplyObject(ask("DEL at1:o%b", &order.entity.id, (size_t)16));
	}
	assert_int_equal(number("ZCARD at1:#orders"), 3);
	assert_int_equal(state->ops->orders(state, &cursor, out, 4, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(number("ZCARD at1:#orders"), 1);
	state->ops->free(state);
}

/* -- what it costs -------------------------------------------------------------------------------- */

#define GROUP 100

static void cost_of(struct attrib_state *state, const struct attrib_fact *facts,
	struct attrib_redis_stats *cost)
{
	struct attrib_redis_stats before;
	struct attrib_added results[GROUP];
	uint64_t ticket;

	attrib_state_redis_stats(state, &before);
	assert_int_equal(state->ops->add(state, facts, GROUP, results, &ticket), 0);
	attrib_state_redis_stats(state, cost);
	cost->commands -= before.commands;
	cost->round_trips -= before.round_trips;
}

static void test_what_an_add_costs(void **unused)
{
	struct attrib_state *state = open_clean();
	struct attrib_fact facts[GROUP];
	struct attrib_redis_stats cost;

	(void)unused;
	must_add(state, touch(1000, 1, 1));
	for (uint64_t i = 0; i < GROUP; i++)
		facts[i] = i % 2 ? touch(i, 1, 1) : seen(i);
	cost_of(state, facts, &cost);
	assert_int_equal(cost.round_trips, 2);
	/* a look at all visitors; a ticket and what was replaced each time; copies and visitors counted */
	assert_int_equal(cost.commands, GROUP + 1 + 2 * 2 + 2);
	cost_of(state, facts, &cost);
	assert_int_equal(cost.round_trips, 1);              /* repeats append nothing */
	assert_int_equal(cost.commands, GROUP / 2 + 3 + 3); /* the counts of before */
	for (uint64_t i = 0; i < GROUP; i++)
		facts[i] = touch(i % 2 ? i : i + 1, 2 + i % 2, 1);
	cost_of(state, facts, &cost);
	assert_int_equal(cost.round_trips, 2); /* two touches of fifty known visitors */
	assert_int_equal(cost.commands, GROUP / 2 + 1 + 2 * 2);
	for (uint64_t i = 0; i < GROUP; i++)
		facts[i] = lasting(2000 + i, 1);
	cost_of(state, facts, &cost);
	assert_int_equal(cost.round_trips, 2);
	assert_int_equal(cost.commands,
		2 + 1 + 2 * 2 + 1); /* two looks; all are set at once; copies counted */
	state->ops->free(state);
}

static void test_long_values_are_packed(void **unused)
{
	struct attrib_state *state = open_clean();
	struct attrib_id name = id_of(1);
	struct attrib_redis_stats cost;
	redisReply *reply;

	(void)unused;
	for (uint64_t i = 0; i < 1000; i++)
		must_add(state, touch(1, i, (int64_t)i));
	assert_int_equal(count(state, 1), 257);
	attrib_state_redis_stats(state, &cost);
	assert_in_range(cost.packed, 10, 60);
	reply = ask("STRLEN at1:v%b", &name, (size_t)16);
	assert_in_range(reply->integer, 257 * 59, 257 * 59 * 5 / 4 + 1200);
	freeReplyObject(reply);
	assert_int_equal(
		number("DBSIZE"), 1 + (1000 - 257) + 3); /* claims left; ticket, counts, replaced */
	state->ops->free(state);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_kept_how_long),
		cmocka_unit_test(test_what_goes_meanwhile_lives_as_long),
		cmocka_unit_test(test_of_two_that_add_at_once_one_claims),
		cmocka_unit_test(test_a_value_that_was_replaced_by_one_as_long_is_read_again),
		cmocka_unit_test(
			test_what_was_replaced_with_the_own_copies_tells_that_they_were_new),
		cmocka_unit_test(test_an_expired_order_is_not_met),
		cmocka_unit_test(test_what_an_add_costs),
		cmocka_unit_test(test_long_values_are_packed),
	};

	return RUN_WITH_REDIS("redis", tests);
}
