/*
 * What forgetting in Redis waits for: marks of instances, what may be gone, and walks that hold and forget, a page at a
 * time and by one instance. The server's clock can't be moved, so what it would do in days stands in short lives.
 */
#include "redis_server.h"

#define LAG   1000 /* seconds */
#define MANY  2000 /* entities: several pages */
#define SHORT 10   /* seconds that a life is cut to */
#define S     ATTRIB_US_PER_S

/* -- how a test speaks to the server -------------------------------------------------------------- */

static int64_t number_of(const char *script)
{
	redisReply *reply = ask("EVAL %s 0", script);
	int64_t out = reply->integer;

	assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
	freeReplyObject(reply);
	return out;
}

static int64_t server_now(void)
{
	return number_of("local t=redis.call('TIME') return t[1]*1000000+t[2]");
}

/* The shortest life of all entities that have one, and the longest. */
static int64_t shortest(void)
{
	return number_of("local least=1e9 for _,k in ipairs(redis.call('KEYS','at1:[vio]*')) do "
			 "local t=redis.call('TTL',k) if t>=0 then least=math.min(least,t) end end "
			 "return least");
}

static void shorten(const char *pattern)
{
	freeReplyObject(ask("EVAL %s 0 %s %d",
		"for _,k in ipairs(redis.call('KEYS',ARGV[1])) do "
		"redis.call('EXPIRE',k,ARGV[2],'XX') end return 1",
		pattern, SHORT));
}

static struct attrib_state *open_as(uint64_t instance)
{
	struct attrib_redis_options options = {.url = url,
		.ids_ttl_s = 2 * LAG,
		.facts_ttl_s = 5 * LAG,
		.lag_s = LAG,
		.timeout_ms = 5000,
		.instance = id_of(instance)};
	struct attrib_state *state = NULL;

	assert_int_equal(attrib_state_redis_new(&options, &state), 0);
	return state;
}

static struct attrib_redis_marks say(struct attrib_state *state, int64_t mark)
{
	struct attrib_redis_marks out;
	struct attrib_state_stats stats;

	attrib_state_redis_say(state, mark);
	state->ops->stats(state, &stats);
	attrib_state_redis_marks(state, &out);
	return out;
}

static bool is(const struct attrib_id *id, uint64_t number)
{
	struct attrib_id other = id_of(number);

	return attrib_id_eq(id, &other);
}

static size_t how_many(void)
{
	struct attrib_redis_instance *all;
	char why[ATTRIB_REDIS_WHY];
	int64_t now;
	size_t n;

	assert_int_equal(attrib_state_redis_instances(url, 5000, &all, &n, &now, why), 0);
	free(all);
	return n;
}

/* -- marks ---------------------------------------------------------------------------------------- */

static void test_the_least_mark_is_known_to_all(void **unused)
{
	struct attrib_state *one = open_as(1), *two = open_as(2);
	struct attrib_redis_marks marks;
	int64_t began = server_now();

	(void)unused;
	tell("FLUSHALL");
	marks = say(one, began - 7 * S);
	assert_int_equal(marks.least, began - 7 * S);
	marks = say(two, began - 20 * S);
	assert_int_equal(marks.least, began - 20 * S);
	assert_true(is(&marks.of, 2));
	assert_in_range(marks.of_heard_at, began, marks.now);
	marks = say(one, began - 3 * S);
	assert_int_equal(marks.least, began - 20 * S);
	assert_true(is(&marks.of, 2));
	marks = say(two, began - S); /* it has caught up */
	assert_int_equal(marks.least, began - 3 * S);
	assert_true(is(&marks.of, 1));
	marks = say(
		one, began + 900 * S); /* a clock is wrong: it goes no further than the server's */
	assert_int_equal(marks.least, began - S);
	marks = say(two, began + 900 * S);
	assert_in_range(marks.least, began, marks.now);
	assert_int_equal(how_many(), 2);
	one->ops->free(one);
	two->ops->free(two);
}

static void test_a_mark_outlives_its_instance_and_goes_with_one_that_leaves(void **unused)
{
	struct attrib_state *one = open_as(1), *two = open_as(2);
	struct attrib_redis_marks marks;
	int64_t began = server_now();

	(void)unused;
	tell("FLUSHALL");
	assert_int_equal(attrib_state_redis_leave(one), ATTRIB_E_UNAVAILABLE); /* of nobody yet */
	say(two, began - 50 * S);
	two->ops->free(two);
	marks = say(one, began);
	assert_int_equal(marks.least, began - 50 * S);
	two = open_as(2);
	assert_int_equal(attrib_state_redis_join(two, began), 0); /* it comes back */
	attrib_state_redis_marks(two, &marks);
	assert_int_equal(marks.least, began - 50 * S);
	assert_int_equal(attrib_state_redis_leave(two), 0);
	assert_int_equal(how_many(), 1);
	marks = say(one, began);
	assert_int_equal(marks.least, began);
	two->ops->stats(two, &(struct attrib_state_stats){0}); /* it is not said again */
	assert_int_equal(how_many(), 1);
	assert_int_equal(attrib_state_redis_join(two, began - S), 0);
	assert_int_equal(how_many(), 2);
	one->ops->free(one);
	two->ops->free(two);
}

static void test_only_who_was_not_heard_of_is_retired(void **unused)
{
	struct attrib_id one = id_of(1), nobody = id_of(9);
	struct attrib_state *state = open_as(1);
	char why[ATTRIB_REDIS_WHY];

	(void)unused;
	tell("FLUSHALL");
	say(state, 1);
	assert_int_equal(attrib_state_redis_retire(url, 5000, &one, 60 * S, why), ATTRIB_E_INVALID);
	assert_int_equal(attrib_state_redis_retire(url, 5000, &nobody, 0, why), ATTRIB_E_NOT_FOUND);
	assert_int_equal(how_many(), 1);
	assert_int_equal(attrib_state_redis_retire(url, 5000, &one, 0, why), 0);
	assert_int_equal(how_many(), 0);
	assert_int_equal(attrib_state_redis_retire("unix:/nowhere", 5000, &one, 0, why),
		ATTRIB_E_UNAVAILABLE);
	assert_true(why[0]);
	assert_int_equal(attrib_state_redis_retire("unix:", 5000, &one, 0, why), ATTRIB_E_CONFIG);
	assert_string_equal(why, attrib_redis_url_problem("unix:"));
	state->ops->free(state);
}

/* -- walks ---------------------------------------------------------------------------------------- */

static void add_many(struct attrib_state *state)
{
	struct attrib_added results[200];
	struct attrib_fact facts[200];
	uint64_t ticket;

	for (uint64_t i = 0; i < MANY; i += 200) {
		for (uint64_t k = 0; k < 200; k++) {
			facts[k] = touch(1000 + i + k, 1, 1);
			if (k % 2)
				facts[k] = seen(i + k);
		}
		assert_int_equal(state->ops->add(state, facts, 200, results, &ticket), 0);
	}
}

static size_t walk(struct attrib_state *state, struct attrib_redis_walk what)
{
	bool mine, done = false;
	size_t steps = 0;

	assert_int_equal(attrib_state_redis_walk(state, &what, &mine), 0);
	assert_true(mine);
	for (; !done; steps++)
		assert_int_equal(attrib_state_redis_step(state, &done), 0);
	return steps;
}

static const struct attrib_redis_walk holds = {.hold_s = LAG, .facts_before = ATTRIB_NEVER};

static void test_a_walk_holds_what_would_go(void **unused)
{
	struct attrib_state *state = open_as(1);

	(void)unused;
	tell("FLUSHALL");
	add_many(state);
	must_add(state, lasting(7, 99));
	shorten("at1:v*");
	assert_in_range(shortest(), 0, SHORT);
	assert_true(walk(state, holds) > 2);
	assert_in_range(shortest(), LAG - 100, LAG);
	assert_int_equal(
		number_of("local longest=0 for _,k in ipairs(redis.call('KEYS','at1:i*')) do "
			  "longest=math.max(longest,redis.call('TTL',k)) end return "
			  "longest>1500 and 1 or 0"),
		1); /* no life was made shorter */
	assert_int_equal(number_of("local n=0 for _,k in ipairs(redis.call('KEYS','at1:v*')) do "
				   "if redis.call('TTL',k)==-1 then n=n+1 end end return n"),
		1);
	state->ops->free(state);
}

static void test_what_may_be_gone_goes_on_unless_all_is_held(void **unused)
{
	struct attrib_redis_marks first, then;
	struct attrib_state *state = open_as(1);
	bool mine, done;

	(void)unused;
	tell("FLUSHALL");
	add_many(state);
	first = say(state, 1);
	assert_int_equal(first.gone, first.now - LAG * S);
	assert_int_equal(first.walked_by, first.gone); /* what begins has nothing to forget */
	assert_int_equal(first.held_at, 0);
	then = say(state, 1);
	assert_int_equal(then.walked_by, first.gone);
	assert_int_equal(then.gone, then.now - LAG * S);
	assert_true(then.gone > first.gone);
	assert_int_equal(attrib_state_redis_walk(state, &holds, &mine), 0);
	assert_int_equal(attrib_state_redis_step(state, &done), 0);
	assert_false(done);
	first = say(state, 1); /* not all is held yet */
	assert_int_equal(first.gone, first.now - LAG * S);
	walk(state, holds);
	first = say(state, 1);
	then = say(state, 1);
	assert_int_equal(then.gone, first.gone);
	assert_in_range(then.held_at, first.gone + LAG * S - 60 * S, then.now);
	freeReplyObject(ask("HSET at1:#gone until 1")); /* a lag later */
	then = say(state, 1);
	assert_int_equal(then.gone, then.now - LAG * S);
	state->ops->free(state);
}

static void test_a_walk_forgets_what_never_expires_and_counts(void **unused)
{
	struct attrib_redis_walk what = {.facts_before = 50, .by = 4711};
	struct attrib_state *state = open_as(1);
	struct attrib_redis_marks marks;
	struct attrib_state_stats stats;

	(void)unused;
	tell("FLUSHALL");
	add_many(state);
	for (uint64_t visitor = 7; visitor < 9; visitor++) {
		must_add(state, lasting(visitor, 99));
		must_add(state, touch(visitor, 1, visitor == 7 ? 49 : 50));
	}
	tell("DEL at1:#counts");
	walk(state, what);
	assert_int_equal(count(state, 7), 1); /* who is who */
	assert_int_equal(count(state, 8), 2);
	assert_int_equal(count(state, 1000), 1); /* that one expires */
	marks = say(state, 1);
	assert_int_equal(marks.walked_by, 4711);
	assert_int_equal(marks.held_at, 0);
	state->ops->stats(state, &stats);
	assert_int_equal(stats.entities[ATTRIB_ENTITY_VISITOR], MANY / 2 + 2);
	assert_int_equal(stats.entities[ATTRIB_ENTITY_ID], MANY / 2);
	state->ops->free(state);
}

static void test_one_walks_at_a_time(void **unused)
{
	struct attrib_state *one = open_as(1), *two = open_as(2);
	bool mine, done;

	(void)unused;
	tell("FLUSHALL");
	add_many(one);
	assert_int_equal(attrib_state_redis_walk(one, &holds, &mine), 0);
	assert_true(mine);
	assert_int_equal(attrib_state_redis_walk(two, &holds, &mine), 0);
	assert_false(mine);
	assert_int_equal(attrib_state_redis_step(two, &done), 0);
	assert_true(done); /* of nothing */
	one->ops->free(one);
	one = open_as(1); /* it was killed in the middle, and is back */
	assert_int_equal(attrib_state_redis_walk(one, &holds, &mine), 0);
	assert_true(mine);
	assert_int_equal(attrib_state_redis_step(one, &done), 0);
	assert_false(done);
	tell("DEL at1:#walk"); /* it said nothing for a minute */
	assert_int_equal(attrib_state_redis_walk(two, &holds, &mine), 0);
	assert_true(mine);
	assert_int_equal(attrib_state_redis_step(one, &done), 0);
	assert_true(done);
	assert_int_equal(say(one, 1).held_at, 0); /* the other one's is not over */
	for (done = false; !done;)
		assert_int_equal(attrib_state_redis_step(two, &done), 0);
	assert_true(say(one, 1).held_at > 0);
	walk(one, holds);
	one->ops->free(one);
	two->ops->free(two);
}

static void test_a_walk_ends_with_its_connection(void **unused)
{
	struct attrib_state *state = open_as(1);
	bool mine, done = false;

	(void)unused;
	tell("FLUSHALL");
	add_many(state);
	shorten("at1:v*");
	assert_int_equal(attrib_state_redis_walk(state, &holds, &mine), 0);
	assert_int_equal(attrib_state_redis_step(state, &done), 0);
	tell("CLIENT KILL TYPE normal SKIPME yes");
	assert_int_equal(attrib_state_redis_step(state, &done), ATTRIB_E_UNAVAILABLE);
	assert_true(done);
	assert_in_range(shortest(), 0, SHORT);
	walk(state, holds); /* from the beginning */
	assert_in_range(shortest(), LAG - 100, LAG);
	state->ops->free(state);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_least_mark_is_known_to_all),
		cmocka_unit_test(test_a_mark_outlives_its_instance_and_goes_with_one_that_leaves),
		cmocka_unit_test(test_only_who_was_not_heard_of_is_retired),
		cmocka_unit_test(test_a_walk_holds_what_would_go),
		cmocka_unit_test(test_what_may_be_gone_goes_on_unless_all_is_held),
		cmocka_unit_test(test_a_walk_forgets_what_never_expires_and_counts),
		cmocka_unit_test(test_one_walks_at_a_time),
		cmocka_unit_test(test_a_walk_ends_with_its_connection),
	};

	return RUN_WITH_REDIS("redis_marks", tests);
}
