/*
 * The backend in Redis when the server has lost what it was told, all of it or some, and who the server says that it
 * is: which state, and which master of it.
 */
#include "redis.h"
#include "redis_server.h"

/* -- what was lost -------------------------------------------------------------------------------- */

static void test_tickets_outlive_the_server_s_data(void **unused)
{
	struct attrib_state *state = open_clean(), *other = open_at(url, 5000);
	struct attrib_fact fact = touch(1, 1, 1);
	struct attrib_added result;
	uint64_t ticket, last = 0;

	(void)unused;
	assert_int_equal(
		state->ops->add(state, NULL, 0, NULL, &last), 0); /* nothing, first of all */
	for (int i = 0; i < 30; i++) {
		struct attrib_state *who = i % 3 ? state : other;
		if (i % 4 == 2)
			tell("FLUSHALL");
		assert_int_equal(who->ops->add(who, &fact, 1, &result, &ticket), 0);
		assert_true(ticket > last);
		last = ticket;
	}
	state->ops->free(state);
	other->ops->free(other);
}

/* What was reached is told by the next add. */
static void test_a_server_that_has_lost_facts_is_noticed(void **unused)
{
	struct attrib_state *state = open_clean(), *next = open_at(url, 5000);
	struct attrib_added result;
	redisReply *yesterday;

	(void)unused;
	assert_int_equal(known(state, 1), 0);
	assert_int_equal(known(state, 2), 0);
	must_add(state, touch(1, 1, 1));
	reached(state, 1, 10);
	assert_int_equal(known(next, 1), 0);
	must_add(state, touch(1, 2, 1));
	assert_int_equal(known(next, 1), 10);
	yesterday = ask("DUMP at1:#lanes");
	reached(state, 1, 20);
	reached(state, 2, 5);
	must_add(state, touch(1, 3, 1));
	assert_int_equal(known(next, 1), 20);
	assert_int_equal(known(next, 2), 5);

	for (int round = 0; round < 2; round++) {
		tell("FLUSHALL");
		if (round)
			freeReplyObject(
				ask("RESTORE at1:#lanes 0 %b", yesterday->str, yesterday->len));
		reached(state, 1, 30);
		assert_int_equal(add(state, touch(1, 4, 1), &result), ATTRIB_E_NOT_FOUND);
		assert_true(attrib_state_redis_has_lost(state));
		assert_int_equal(add(state, touch(1, 4, 1), &result), ATTRIB_E_NOT_FOUND);
		assert_int_equal(count(state, 1), 1);
		assert_int_equal(known(next, 1), round ? 10 : 0);
		assert_int_equal(known(state, 1), round ? 10 : 0);
		assert_int_equal(known(state, 2), 0);
		assert_false(attrib_state_redis_has_lost(state));
		must_add(state, touch(1, 1, 1));
		reached(state, 1, 20);
		must_add(state, touch(1, 2, 1));
		assert_int_equal(known(next, 1), 20);
	}
	freeReplyObject(yesterday);
	state->ops->free(state);
	next->ops->free(next);
}

/* A replica takes over that has not heard the last group: it knows all that was told before. */
static void test_a_loss_of_the_last_group_is_noticed(void **unused)
{
	struct attrib_state *state = open_clean();
	struct attrib_fact fact = touch(1, 1, 1);
	struct attrib_added result;
	redisReply *before;

	(void)unused;
	assert_int_equal(known(state, 500), 0);
	must_add(state, fact);
	before = ask("DUMP at1:#lanes");
	for (uint64_t number = 2; number < 4; number++) {
		fact = touch(number, number, 1);
		fact.claimer.number = number;
		must_add(state, fact);
		tell("FLUSHALL");
		freeReplyObject(ask("RESTORE at1:#lanes 0 %b", before->str, before->len));
		assert_int_equal(add(state, touch(9, 9, 1), &result), ATTRIB_E_NOT_FOUND);
		assert_int_equal(known(state, 500), 1);
	}
	freeReplyObject(before);
	state->ops->free(state);
}

/* A lane of which nothing was told yet: that it is looked after was. */
static void test_a_loss_before_anything_was_told_is_noticed(void **unused)
{
	struct attrib_state *state = open_clean();
	struct attrib_added result;

	(void)unused;
	assert_int_equal(known(state, 1), 0);
	must_add(state, touch(1, 1, 1));
	tell("FLUSHALL");
	assert_int_equal(add(state, touch(1, 2, 1), &result), ATTRIB_E_NOT_FOUND);
	state->ops->free(state);
}

#define SECOND INT64_C(1000000)

/* A touch and an id as a lane brings them, received at that second. */
static void bring(struct attrib_state *state, uint64_t lane, int64_t second, bool mine[2])
{
	struct attrib_fact facts[] = {touch(1, 1, SECOND), seen(2)};
	struct attrib_added results[2];
	uint64_t ticket;

	for (int i = 0; i < 2; i++) {
		facts[i].claimer.lane = id_of(lane);
		facts[i].received_at = second * SECOND;
	}
	assert_int_equal(state->ops->add(state, facts, 2, results, &ticket), 0);
	for (int i = 0; i < 2; i++)
		mine[i] = results[i].mine;
}

static void check_counts(struct attrib_state *state, uint64_t lane, int64_t second, bool counts)
{
	bool mine[2];

	bring(state, lane, second, mine);
	assert_int_equal(mine[0], counts);
	assert_int_equal(mine[1], counts);
}

/* One has claimed and not counted yet, another has left it to that one; then the claim is lost, and the other adds
 * again what it has. */
static void test_who_adds_again_does_not_claim_for_itself(void **unused)
{
	struct attrib_state *late = open_clean(), *other = open_at(url, 5000);
	bool ignored[2];

	(void)unused;
	check_counts(late, 1, 10, true);
	check_counts(other, 2, 11, false);
	tell("FLUSHALL");
	attrib_state_redis_again(other, 20 * SECOND);
	bring(other, 2, 11, ignored);
	attrib_state_redis_again(other, ATTRIB_NEVER);
	check_counts(late, 1, 10, true);
	check_counts(late, 1, 10, true);
	check_counts(other, 3, 20, true);
	check_counts(other, 3, 21, false);
	late->ops->free(late);
	other->ops->free(other);
}

/* All that was added has to be added again, and by the other instance, too; once. */
static void check_all_is_lost(struct attrib_state *state, struct attrib_state *other)
{
	struct attrib_added result;

	assert_int_equal(add(state, touch(1, 4, 1), &result), ATTRIB_E_NOT_FOUND);
	assert_int_equal(add(other, touch(1, 5, 1), &result), ATTRIB_E_NOT_FOUND);
	assert_int_equal(known(state, 1), 0);
	assert_int_equal(known(other, 2), 0);
	reached(state, 1, 10);
	reached(other, 2, 10);
	for (int i = 0; i < 2; i++) {
		must_add(state, touch(1, 4, 1));
		must_add(other, touch(1, 5, 1));
	}
}

static void evict(void)
{
	tell("CONFIG SET maxmemory-policy volatile-random");
	tell("CONFIG SET maxmemory 1");
	tell("CONFIG SET maxmemory 0");
	assert_int_equal(number("EXISTS at1:#lanes"), 1);
}

/* A connection that stays is asked now and then, and with stats. */
static void test_single_facts_that_were_thrown_away_are_noticed(void **unused)
{
	struct attrib_state *state = open_clean(), *other = open_at(url, 5000);
	struct attrib_state_stats stats;
	struct attrib_redis_stats cost;
	uint64_t confirmed;

	(void)unused;
	assert_int_equal(known(state, 1), 0);
	assert_int_equal(known(other, 2), 0);
	must_add(state, touch(1, 1, 1));
	must_add(other, touch(1, 2, 1));
	reached(state, 1, 10);
	reached(other, 2, 10);
	state->ops->stats(state, &stats);
	attrib_state_redis_stats(state, &cost);
	confirmed = cost.confirmed;
	assert_true(confirmed > 0);

	evict();
	state->ops->stats(state, &stats);
	assert_false(attrib_state_redis_has_lost(state));
	check_refused(state, ATTRIB_E_CONFIG, "noeviction");
	tell("CONFIG SET maxmemory-policy noeviction");
	check_all_is_lost(state, other);

	evict();
	tell("CONFIG SET maxmemory-policy noeviction");
	attrib_state_redis_stats(state, &cost);
	confirmed = cost.confirmed;
	state->ops->stats(state, &stats);
	assert_true(attrib_state_redis_has_lost(state));
	attrib_state_redis_stats(state, &cost);
	assert_int_equal(cost.confirmed, confirmed);
	check_all_is_lost(state, other);
	state->ops->free(state);
	other->ops->free(other);
}

static void test_a_value_that_was_taken_out_is_added_again(void **unused)
{
	struct attrib_state *state = open_clean(), *other = open_at(url, 5000);
	struct attrib_id id = id_of(1);
	struct attrib_added result;

	(void)unused;
	assert_int_equal(known(state, 1), 0);
	assert_int_equal(known(other, 2), 0);
	freeReplyObject(ask("SET at1:v%b x", &id, (size_t)16));
	assert_int_equal(add(state, touch(1, 1, 1), &result), ATTRIB_E_CORRUPT);
	check_all_is_lost(state, other);
	state->ops->free(state);
	other->ops->free(other);
}

/* Of the last group a restored server may have half: the positions that it was told do not say. */
static void test_another_process_is_not_believed_to_have_what_it_was_not_told(void **unused)
{
	struct attrib_state *state = open_clean();
	struct attrib_added result;

	(void)unused;
	assert_int_equal(known(state, 1), 0);
	must_add(state, touch(1, 1, 1));
	reached(state, 1, 10);
	must_add(state, touch(1, 1, 1));
	for (int other = 0; other < 2; other++) {
		reached(state, 1, 20 + (uint64_t)other);
		((struct redis *)state)->spoke_to[0] ^= other ? 1 : 0;
		tell("CLIENT KILL TYPE normal SKIPME yes");
		assert_int_equal(add(state, touch(1, 2, 1), &result), ATTRIB_E_UNAVAILABLE);
		assert_int_equal(
			add(state, touch(1, 2, 1), &result), other ? ATTRIB_E_NOT_FOUND : 0);
	}
	assert_int_equal(known(state, 1), 20);
	must_add(state, touch(1, 2, 1));
	state->ops->free(state);
}

static bool owes(struct attrib_state *state)
{
	bool is = false;

	assert_int_equal(attrib_state_redis_owes(state, &is), 0);
	return is;
}

static struct attrib_state *open_for(uint8_t instance)
{
	struct attrib_redis_options options = {.url = url,
		.ids_ttl_s = IDS_TTL,
		.facts_ttl_s = FACTS_TTL,
		.timeout_ms = 5000,
		.instance = {{instance}}};
	struct attrib_state *state;

	assert_int_equal(attrib_state_redis_new(&options, &state), 0);
	return state;
}

static void test_what_is_owed_outlives_the_debtor_and_not_the_facts(void **unused)
{
	struct attrib_state *state, *other;

	(void)unused;
	tell("FLUSHALL");
	state = open_for(1);
	other = open_for(2);
	assert_false(owes(state));
	assert_int_equal(attrib_state_redis_owe(state, true), 0);
	state->ops->free(state);
	state = open_for(1);
	assert_true(owes(state));
	assert_false(owes(other));
	assert_int_equal(attrib_state_redis_owe(other, false), 0);
	assert_true(owes(state));
	tell("FLUSHALL");
	assert_false(owes(state));
	assert_int_equal(attrib_state_redis_owe(state, true), 0);
	assert_int_equal(attrib_state_redis_owe(state, false), 0);
	assert_false(owes(state));
	state->ops->free(state);
	other->ops->free(other);
}

/* What was not added again to its end is lost until the lanes are asked for once more. */
static void test_a_healing_that_is_given_up_is_not_forgotten(void **unused)
{
	struct attrib_state *state = open_clean();
	struct attrib_added result;

	(void)unused;
	assert_int_equal(known(state, 1), 0);
	attrib_state_redis_lose(state);
	assert_true(attrib_state_redis_has_lost(state));
	assert_int_equal(known(state, 500), 0);
	attrib_state_redis_lose(state);
	assert_int_equal(add(state, touch(1, 1, 1), &result), ATTRIB_E_NOT_FOUND);
	assert_int_equal(known(state, 500), 0); /* not told of what came behind the rest */
	must_add(state, touch(1, 1, 1));
	assert_int_equal(known(state, 500), 1);
	state->ops->free(state);
}

/* -- who it is ----------------------------------------------------------------------------------- */

static void test_whoever_asks_first_makes_the_identity(void **state)
{
	struct attrib_id first = {{1}}, second = {{2}}, id;
	char why[ATTRIB_REDIS_WHY];
	bool found;

	(void)state;
	tell("FLUSHALL");
	assert_int_equal(attrib_state_redis_identity(url, 5000, false, &id, &found, NULL, why), 0);
	assert_false(found);
	assert_int_equal(
		attrib_state_redis_identity(url, 5000, true, &first, &found, NULL, why), 0);
	assert_false(found);
	assert_int_equal(
		attrib_state_redis_identity(url, 5000, true, &second, &found, NULL, why), 0);
	assert_true(found && attrib_id_eq(&first, &second));
	tell("SET at1:#state short");
	assert_int_equal(attrib_state_redis_identity(url, 5000, false, &id, &found, NULL, why),
		ATTRIB_E_CONFIG);
	assert_non_null(strstr(why, "at1:#state"));
	assert_int_equal(attrib_state_redis_identity(
				 "unix:/nowhere/redis.sock", 5000, false, &id, &found, NULL, why),
		ATTRIB_E_UNAVAILABLE);
	assert_int_equal(attrib_state_redis_identity("unix:", 5000, false, &id, &found, NULL, why),
		ATTRIB_E_CONFIG);
	assert_string_equal(why, attrib_redis_url_problem("unix:"));
}

static void test_one_that_lost_its_identity_gets_it_back_and_another_is_refused(void **state)
{
	struct attrib_redis_options options = {.url = url,
		.ids_ttl_s = IDS_TTL,
		.facts_ttl_s = FACTS_TTL,
		.timeout_ms = 5000,
		.identity = {{7}}};
	struct attrib_claimer lane = {id_of(500), 0};
	struct attrib_id id = {{8}};
	char why[ATTRIB_REDIS_WHY];
	struct attrib_state *known;
	uint64_t ticket;
	bool found;

	(void)state;
	tell("FLUSHALL");
	assert_int_equal(attrib_state_redis_new(&options, &known), 0);
	assert_int_equal(known->ops->add(known, NULL, 0, NULL, &ticket), 0);
	assert_int_equal(number("EXISTS at1:#state"), 1);
	tell("FLUSHALL"); /* on one connection: healing asks for the lanes */
	assert_int_equal(attrib_state_redis_lanes(known, &lane, 1), 0);
	assert_int_equal(attrib_state_redis_identity(url, 5000, true, &id, &found, NULL, why), 0);
	assert_true(found && attrib_id_eq(&id, &options.identity));
	tell("FLUSHALL");
	id.b[0] = 8;
	assert_int_equal(attrib_state_redis_identity(url, 5000, true, &id, &found, NULL, why), 0);
	assert_int_equal(attrib_state_redis_lanes(known, &lane, 1), ATTRIB_E_CONFIG);
	assert_non_null(strstr(attrib_state_redis_error(known), "another shared state (0800"));
	assert_int_equal(known->ops->add(known, NULL, 0, NULL, &ticket), ATTRIB_E_CONFIG);
	known->ops->free(known);
}

/* -- which master -------------------------------------------------------------------------------- */

/* As a promotion does. */
static void become_a_master_again(void)
{
	tell("REPLICAOF 127.0.0.1 1");
	tell("REPLICAOF NO ONE");
}

static void test_another_master_is_not_spoken_to(void **unused)
{
	struct attrib_state *state = open_clean();
	struct attrib_master first, second;
	struct attrib_state_stats stats;
	struct attrib_added result;

	(void)unused;
	assert_int_equal(attrib_state_redis_master(state, &first), 0);
	assert_int_equal(strlen(first.id), ATTRIB_MASTER_ID);
	attrib_state_redis_stay(state, &first);
	assert_int_equal(add(state, touch(1, 1, 1), &result), 0);
	tell("FLUSHALL"); /* the same master still */
	state->ops->stats(state, &stats);
	assert_int_equal(add(state, touch(1, 1, 1), &result), 0);
	become_a_master_again();
	state->ops->stats(state, &stats); /* it says so on the same connection */
	assert_non_null(strstr(attrib_state_redis_error(state), "begun another history"));
	assert_false(attrib_state_redis_moved(state));
	assert_int_equal(add(state, touch(2, 1, 1), &result), ATTRIB_E_UNAVAILABLE);
	assert_true(attrib_state_redis_moved(state));
	assert_non_null(strstr(attrib_state_redis_error(state), "another master answers"));
	assert_int_equal(attrib_state_redis_master(state, &second), 0);
	assert_string_not_equal(first.id, second.id);
	assert_string_equal(second.former, first.id);
	assert_int_equal(add(state, touch(2, 1, 1), &result), ATTRIB_E_UNAVAILABLE);
	attrib_state_redis_stay(state, &second);
	assert_false(attrib_state_redis_moved(state));
	assert_int_equal(add(state, touch(2, 1, 1), &result), 0);
	attrib_state_redis_refuse(state, "a reason");
	assert_string_equal(attrib_state_redis_error(state), "a reason");
	assert_int_equal(add(state, touch(2, 1, 1), &result), 0);
	state->ops->free(state);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tickets_outlive_the_server_s_data),
		cmocka_unit_test(test_a_server_that_has_lost_facts_is_noticed),
		cmocka_unit_test(test_a_loss_before_anything_was_told_is_noticed),
		cmocka_unit_test(test_a_loss_of_the_last_group_is_noticed),
		cmocka_unit_test(test_who_adds_again_does_not_claim_for_itself),
		cmocka_unit_test(test_single_facts_that_were_thrown_away_are_noticed),
		cmocka_unit_test(test_a_value_that_was_taken_out_is_added_again),
		cmocka_unit_test(test_another_process_is_not_believed_to_have_what_it_was_not_told),
		cmocka_unit_test(test_what_is_owed_outlives_the_debtor_and_not_the_facts),
		cmocka_unit_test(test_a_healing_that_is_given_up_is_not_forgotten),
		cmocka_unit_test(test_whoever_asks_first_makes_the_identity),
		cmocka_unit_test(
			test_one_that_lost_its_identity_gets_it_back_and_another_is_refused),
		cmocka_unit_test(test_another_master_is_not_spoken_to),
	};

	return RUN_WITH_REDIS("redis_loss", tests);
}
