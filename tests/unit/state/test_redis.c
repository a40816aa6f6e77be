/*
 * The backend in Redis where it is more than the seam: addresses, which servers it takes, what becomes of
 * their errors, what expires, how many commands an add takes. The sentences of state.h: tests/conformance.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "attrib/state_redis.h"
#include "attrib/time.h"
#include "redis.h"
#include "redis_address.h"

#define IDS_TTL   1000
#define FACTS_TTL 5000
#define SLOT      (FACTS_TTL / 32 + 1) /* in which a life begins anew once, and by which it is longer */

static redisContext *admin;
static const char *url;

/* -- how a test speaks to the server -------------------------------------------------------------- */

/* As redisCommand; %b is bytes and their number. */
static redisReply *ask(const char *format, ...)
{
	redisReply *reply;
	va_list args;

	va_start(args, format);
	reply = redisvCommand(admin, format, args);
	va_end(args);
	assert_non_null(reply);
	if (reply->type == REDIS_REPLY_ERROR)
		fail_msg("%s: %s", format, reply->str);
	return reply;
}

static void tell(const char *command)
{
	freeReplyObject(ask(command, NULL));
}

static long long number(const char *command)
{
	redisReply *reply = ask(command, NULL);
	long long out = reply->integer;

	assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
	freeReplyObject(reply);
	return out;
}

static struct attrib_state *open_at(const char *where, int timeout_ms)
{
	struct attrib_redis_options options = {.url = where,
		.ids_ttl_s = IDS_TTL,
		.facts_ttl_s = FACTS_TTL,
		.timeout_ms = timeout_ms};
	struct attrib_state *state = NULL;

	assert_int_equal(attrib_state_redis_new(&options, &state), 0);
	return state;
}

static struct attrib_state *open_clean(void)
{
	tell("FLUSHALL");
	tell("CONFIG RESETSTAT"); /* of evicted keys, too */
	return open_at(url, 5000);
}

static struct attrib_id id_of(uint64_t number)
{
	struct attrib_id id = {.b = "an id"};

	memcpy(id.b + 8, &number, sizeof number);
	return id;
}

static struct attrib_fact touch(uint64_t visitor, uint64_t id, int64_t at)
{
	return (struct attrib_fact){
		.entity = {ATTRIB_ENTITY_VISITOR, id_of(visitor)},
		.type = ATTRIB_FACT_TOUCH,
		.cap = ATTRIB_CAP_TOUCH,
		.id = id_of(id),
		.at = at,
		.received_at = at,
		.content_hash = 7,
		.body = ATTRIB_STR("body"),
		.claimer = {id_of(500), 1},
	};
}

static struct attrib_fact lasting(uint64_t visitor, uint64_t id)
{
	struct attrib_fact fact = touch(visitor, id, 1);

	fact.type = ATTRIB_FACT_EDGE;
	fact.cap = ATTRIB_CAP_IDENTITY;
	return fact;
}

static struct attrib_fact seen(uint64_t id)
{
	return (struct attrib_fact){.entity = {ATTRIB_ENTITY_ID, id_of(id)},
		.type = ATTRIB_FACT_SEEN,
		.claimer = {id_of(500), 1}};
}

static int add(struct attrib_state *state, struct attrib_fact fact, struct attrib_added *result)
{
	uint64_t ticket;

	return state->ops->add(state, &fact, 1, result, &ticket);
}

static void must_add(struct attrib_state *state, struct attrib_fact fact)
{
	struct attrib_added result;

	if (add(state, fact, &result))
		fail_msg("%s", attrib_state_redis_error(state));
}

static size_t count(struct attrib_state *state, uint64_t visitor)
{
	struct attrib_entity entity = {ATTRIB_ENTITY_VISITOR, id_of(visitor)};
	struct attrib_loaded loaded;
	struct attrib_arena arena;

	attrib_arena_init(&arena, 4096);
	assert_int_equal(state->ops->load(state, &entity, 1, &arena, &loaded), 0);
	attrib_arena_done(&arena);
	return loaded.count;
}

static void reached(struct attrib_state *state, uint64_t lane, uint64_t number)
{
	assert_int_equal(
		attrib_state_redis_reached(state, &(struct attrib_claimer){id_of(lane), number}),
		0);
}

static uint64_t known(struct attrib_state *state, uint64_t lane)
{
	struct attrib_claimer out = {id_of(lane), 77};

	assert_int_equal(attrib_state_redis_lanes(state, &out, 1), 0);
	return out.number;
}

/* The call fails so, and says why. */
static void check_refused(struct attrib_state *state, int err, const char *why)
{
	struct attrib_added result;

	assert_int_equal(add(state, touch(1, 1, 1), &result), err);
	if (!strstr(attrib_state_redis_error(state), why))
		fail_msg("'%s' says nothing of '%s'", attrib_state_redis_error(state), why);
}

/* -- addresses ------------------------------------------------------------------------------------ */

static void test_addresses(void **unused)
{
	static const struct {
		const char *url, *host, *path, *user, *password;
		int port, db;
	} good[] = {
		{"redis://shop", "shop", "", "", "", 6379, 0},
		{"redis://shop/", "shop", "", "", "", 6379, 0},
		{"redis://10.0.0.1:7000/3", "10.0.0.1", "", "", "", 7000, 3},
		{"redis://[::1]:7000", "::1", "", "", "", 7000, 0},
		{"redis://:p%40%2Fss@shop:1", "shop", "", "", "p@/ss", 1, 0},
		{"redis://me:a:b@c@shop", "shop", "", "me", "a:b@c", 6379, 0},
		{"unix:/run/redis.sock", "", "/run/redis.sock", "", "", 0, 0},
		{"unix:///run/redis.sock?db=2", "", "/run/redis.sock", "", "", 0, 2},
		{"unix://me:word@/run/redis.sock", "", "/run/redis.sock", "me", "word", 0, 0},
	};
	static const char *const bad[] = {"", "memory", "redis:", "redis://", "redis://:6379",
		"redis://shop:", "redis://shop:0", "redis://shop:65536", "redis://shop:6379x",
		"redis://shop/x", "redis://shop/65536", "redis://[::1", "redis://[::1]x",
		"redis://me@shop", "redis://:%zz@shop", "redis://:%4@shop", "redis://:%00@shop",
		"rediss://shop", "unix:", "unix:redis.sock", "unix:/a?db=", "unix:/a?x=1",
		"unix://me@/a"};
	struct redis_address a;

	(void)unused;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		if (redis_address_parse(good[i].url, &a))
			fail_msg("%s: %s", good[i].url, attrib_redis_url_problem(good[i].url));
		assert_string_equal(a.host, good[i].host);
		assert_string_equal(a.path, good[i].path);
		assert_string_equal(a.user, good[i].user);
		assert_string_equal(a.password, good[i].password);
		assert_int_equal(a.port, good[i].port);
		assert_int_equal(a.db, good[i].db);
		assert_int_equal(a.authenticates, good[i].password[0] != 0);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (!attrib_redis_url_problem(bad[i]))
			fail_msg("%s is taken", bad[i]);
	assert_non_null(strstr(attrib_redis_url_problem("rediss://shop"), "stunnel"));
}

/* -- servers -------------------------------------------------------------------------------------- */

static void test_a_server_that_evicts_is_refused(void **unused)
{
	struct attrib_state *state = open_clean();

	(void)unused;
	tell("CONFIG SET maxmemory-policy allkeys-lru");
	check_refused(state, ATTRIB_E_CONFIG, "noeviction");
	tell("CONFIG SET maxmemory-policy noeviction");
	must_add(state, touch(1, 1, 1));
	state->ops->free(state);
}

static void test_a_replica_is_waited_for(void **unused)
{
	struct attrib_state *state = open_clean();

	(void)unused;
	must_add(state, touch(1, 1, 1));
	tell("REPLICAOF 127.0.0.1 1");
	check_refused(state, ATTRIB_E_UNAVAILABLE, "READONLY");
	check_refused(state, ATTRIB_E_UNAVAILABLE, "replica");
	tell("REPLICAOF NO ONE");
	must_add(state, touch(1, 2, 1));
	assert_int_equal(count(state, 1), 2);
	state->ops->free(state);
}

static void test_a_full_server_keeps_what_it_has(void **unused)
{
	struct attrib_state *state = open_clean();

	(void)unused;
	must_add(state, touch(1, 1, 1));
	tell("CONFIG SET maxmemory 1");
	check_refused(state, ATTRIB_E_UNAVAILABLE, "OOM");
	tell("CONFIG SET maxmemory 0");
	must_add(state, touch(1, 2, 1));
	assert_int_equal(count(state, 1), 2);
	state->ops->free(state);
}

static struct attrib_state *open_as(const char *who)
{
	char where[200];

	snprintf(where, sizeof where, "unix://%s@%s", who, url + strlen("unix:"));
	return open_at(where, 5000);
}

static void test_passwords(void **unused)
{
	struct attrib_state *state = open_clean(), *knows = open_as(":a%20word"),
			    *wrong = open_as(":another");

	(void)unused;
	freeReplyObject(ask("CONFIG SET requirepass %s", "a word"));
	freeReplyObject(ask("AUTH %s", "a word"));
	check_refused(state, ATTRIB_E_UNAUTHORIZED, "NOAUTH");
	check_refused(wrong, ATTRIB_E_UNAUTHORIZED, "WRONGPASS");
	must_add(knows, touch(1, 1, 1));
	freeReplyObject(ask("CONFIG SET requirepass %s", ""));
	must_add(state, touch(1, 1, 1));
	state->ops->free(state);
	wrong->ops->free(wrong);
	knows->ops->free(knows);
}

/* The commands that lib/state/README.md names are all that it needs, and it needs them all. */
static const char *const commands[] = {"get", "set", "mget", "append", "expire", "persist",
	"exists", "del", "eval", "incr", "hincrby", "hget", "hset", "hsetnx", "hmget", "zadd",
	"zrem", "zrangebyscore", "scan", "msetnx", "time", "ttl", "info", "select"};

/* Everything that the backend can do. */
static void use(struct attrib_state *state)
{
	struct attrib_redis_walk walk = {.hold_s = 1, .facts_before = 8, .by = 1};
	struct attrib_fact order = touch(9, 9, 9), old = touch(5, 1, 1);
	struct attrib_state_stats stats;
	struct attrib_entity out[4];
	uint64_t cursor = 0;
	bool mine, done;
	size_t n;

	assert_int_equal(attrib_state_redis_lanes(state, &old.claimer, 1), 0);
	assert_int_equal(attrib_state_redis_join(state, 1), 0);
	attrib_state_redis_say(state, 2);
	reached(state, 500, 1);
	order.entity.kind = ATTRIB_ENTITY_ORDER;
	order.type = ATTRIB_FACT_ORDER;
	order.cap = ATTRIB_CAP_ORDER;
	must_add(state, order);
	must_add(state, old);
	must_add(state, lasting(4, 1));
	must_add(state, touch(3, 1, 1));
	must_add(state, touch(3, 2, SLOT * ATTRIB_US_PER_S));
	must_add(state, lasting(3, 3));
	must_add(state, seen(1));
	for (uint64_t i = 0; i < 300; i++)
		must_add(state, touch(2, i, (int64_t)i));
	must_add(state, touch(2, 20, 20));
	assert_int_equal(count(state, 2), 257);
	assert_int_equal(state->ops->orders(state, &cursor, out, 4, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(state->ops->forget(state, 5, 8), 0);
	assert_int_equal(count(state, 5), 0);
	state->ops->stats(state, &stats);
	assert_int_equal(stats.entities[ATTRIB_ENTITY_ORDER], 1);
	assert_int_equal(attrib_state_redis_walk(state, &walk, &mine), 0);
	assert_int_equal(attrib_state_redis_step(state, &done), 0);
	assert_true(mine && done);
	assert_int_equal(attrib_state_redis_leave(state), 0);
}

static void test_the_rights_that_are_named_suffice(void **unused)
{
	struct attrib_state *state;

	(void)unused;
	tell("FLUSHALL");
	tell("ACL SETUSER attribd reset on >word resetkeys ~at1:*");
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		freeReplyObject(ask("ACL SETUSER attribd +%s", commands[i]));
	state = open_as("attribd:word");
	use(state);
	state->ops->free(state);
	tell("ACL SETUSER attribd -append");
	state = open_as("attribd:word");
	must_add(state, touch(77, 1, 1));
	assert_int_equal(
		add(state, touch(77, 2, 2), &(struct attrib_added){0}), ATTRIB_E_UNAUTHORIZED);
	state->ops->free(state);
	tell("ACL DELUSER attribd");
}

static void test_another_database(void **unused)
{
	char where[200];
	struct attrib_state *state = open_clean(), *other;

	(void)unused;
	snprintf(where, sizeof where, "%s?db=3", url);
	other = open_at(where, 5000);
	must_add(state, touch(1, 1, 1));
	assert_int_equal(count(other, 1), 0);
	must_add(other, touch(1, 2, 1));
	assert_int_equal(count(state, 1), 1);
	state->ops->free(state);
	other->ops->free(other);
}

/* -- errors --------------------------------------------------------------------------------------- */

static void test_a_lost_connection_is_opened_again(void **unused)
{
	struct attrib_state *state = open_clean();
	struct attrib_redis_stats cost;
	struct attrib_added result;

	(void)unused;
	for (uint64_t i = 0; i < 5; i++) {
		must_add(state, touch(1, i, 1));
		tell("CLIENT KILL TYPE normal SKIPME yes");
		assert_int_equal(add(state, touch(1, i, 1), &result), ATTRIB_E_UNAVAILABLE);
		assert_int_equal(add(state, touch(1, i, 1), &result), 0);
		assert_true(!result.added && result.mine);
	}
	assert_int_equal(count(state, 1), 5);
	attrib_state_redis_stats(state, &cost);
	assert_int_equal(cost.connections, 6);
	state->ops->free(state);
}

/* A server that says what it is told to, once. */
struct liar {
	pthread_t thread;
	int listens;
	const char *says;
};

static void *lie(void *arg)
{
	struct liar *liar = arg;
	int fd = accept(liar->listens, NULL, NULL);
	char heard[4096];

	if (liar->says) {
		if (read(fd, heard, sizeof heard) > 0)
			(void)!write(fd, liar->says, strlen(liar->says));
	} else {
		while (read(fd, heard, sizeof heard) > 0)
			; /* and never an answer */
	}
	close(fd);
	return NULL;
}

static void test_a_server_that_is_none(void **unused)
{
	static const char *const lies[] = {"", "HTTP/1.1 400 Bad Request\r\n\r\n", "+OK\r\n",
		":1\r\n", "$-1\r\n", "*-1\r\n", "$5\r\nab", "$3\r\nabcde", "*1\r\n*1\r\n*1\r\n",
		"\r\n", "-ERR unknown command\r\n", "-LOADING\r\n", "-\r\n", "$0\r\n\r\n",
		"$17\r\nredis_version:7.0\r\n", "*2147483647\r\n", "*2147483648\r\n",
		"$600000000\r\n", "*500000\r\n*500000\r\n*500000\r\n", NULL};
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	char where[128];

	(void)unused;
	snprintf(name.sun_path, sizeof name.sun_path, "/tmp/attrib-liar.%d", (int)getpid());
	snprintf(where, sizeof where, "unix:%s", name.sun_path);
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		struct liar liar = {.listens = socket(AF_UNIX, SOCK_STREAM, 0), .says = lies[i]};
		struct attrib_state *state = open_at(where, 300);
		struct attrib_added result;
		int err;

		unlink(name.sun_path);
		assert_int_equal(bind(liar.listens, (struct sockaddr *)&name, sizeof name), 0);
		assert_int_equal(listen(liar.listens, 1), 0);
		assert_int_equal(pthread_create(&liar.thread, NULL, lie, &liar), 0);
		err = add(state, touch(1, 1, 1), &result);
		if (err != ATTRIB_E_UNAVAILABLE && err != ATTRIB_E_CONFIG)
			fail_msg("'%s': %d", lies[i] ? lies[i] : "(silence)", err);
		assert_true(attrib_state_redis_error(state)[0] != 0);
		pthread_join(liar.thread, NULL);
		close(liar.listens);
		state->ops->free(state);
	}
	unlink(name.sun_path);
	struct attrib_state *nobody = open_at(where, 300);
	check_refused(nobody, ATTRIB_E_UNAVAILABLE, "No such file");
	nobody->ops->free(nobody);
}

static void test_a_value_of_somebody_else_is_taken_out(void **unused)
{
	static const char *const values[] = {
		"x", "\x80", "\x80\x01\x01\x01\x01\x01\x01", "\x02 a copy that is cut off"};
	struct attrib_state *state = open_clean();
	struct attrib_entity id = {ATTRIB_ENTITY_ID, id_of(1)};
	struct attrib_loaded loaded;
	struct attrib_arena arena;
	struct attrib_added result;

	(void)unused;
	attrib_arena_init(&arena, 4096);
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		freeReplyObject(ask("SET at1:v%b %s", &id.id, (size_t)16, values[i]));
		assert_int_equal(add(state, touch(1, 1, 1), &result), ATTRIB_E_CORRUPT);
		assert_non_null(strstr(attrib_state_redis_error(state), "taken out"));
		assert_int_equal(add(state, touch(1, 1, 1), &result), 0);
		assert_true(result.added && result.mine);
		freeReplyObject(ask("SET at1:i%b %s", &id.id, (size_t)16, values[i]));
		assert_int_equal(
			state->ops->load(state, &id, 1, &arena, &loaded), ATTRIB_E_CORRUPT);
		assert_int_equal(state->ops->load(state, &id, 1, &arena, &loaded), 0);
		assert_int_equal(loaded.count, 0);
		freeReplyObject(ask("SET at1:v%b %s", &id.id, (size_t)16, values[i]));
		assert_int_equal(state->ops->forget(state, 1, 1), ATTRIB_E_CORRUPT);
		assert_int_equal(state->ops->forget(state, 1, 1), 0);
	}
	freeReplyObject(ask("DEL at1:v%b", &id.id, (size_t)16));
	freeReplyObject(ask("RPUSH at1:v%b x", &id.id, (size_t)16));
	check_refused(state, ATTRIB_E_CONFIG, "WRONGTYPE");
	attrib_arena_done(&arena);
	state->ops->free(state);
}

/* Bytes of a value that differ make other facts or none: never a read beyond it. */
static void test_damaged_values(void **unused)
{
	struct attrib_state *state = open_clean();
	struct attrib_entity entity = {ATTRIB_ENTITY_VISITOR, id_of(1)};
	struct attrib_loaded loaded;
	struct attrib_arena arena;
	uint64_t z = 1, corrupt = 0, read = 0;
	redisReply *whole;

	(void)unused;
	attrib_arena_init(&arena, 4096);
	for (uint64_t i = 0; i < 40; i++)
		must_add(state, touch(1, i, (int64_t)i));
	whole = ask("GET at1:v%b", &entity.id, (size_t)16);
	assert_int_equal((unsigned char)whole->str[0], 0x80); /* packed, and copies behind it */
	for (int i = 0; i < 1500; i++) {
		size_t at, n = whole->len;
		char was;
		int err;
		z = attrib_hash64(&z, sizeof z, 5);
		at = z % (i % 3 ? 24 : whole->len);
		n -= i % 5 ? 0 : z >> 32 & 127;
		was = whole->str[at];
		whole->str[at] = (char)(was ^ (1 << (z >> 48 & 7)));
		freeReplyObject(ask("SET at1:v%b %b", &entity.id, (size_t)16, whole->str, n));
		whole->str[at] = was;
		err = state->ops->load(state, &entity, 1, &arena, &loaded);
		assert_true(err == 0 || err == ATTRIB_E_CORRUPT);
		corrupt += err != 0;
		read += err == 0;
		attrib_arena_reset(&arena);
	}
	assert_true(corrupt > 100 && read > 100);
	freeReplyObject(whole);
	attrib_arena_done(&arena);
	state->ops->free(state);
}

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

static void test_a_server_that_does_not_say_which_master_it_is(void **unused)
{
	static const char text[] = "$85\r\n\r\nredis_version:7.2.4\r\nrole:master\r\n"
				   "maxmemory_policy:noeviction\r\nmaster_replid:0123\r\n\r\n";
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	struct liar liar = {.listens = socket(AF_UNIX, SOCK_STREAM, 0), .says = text};
	struct attrib_added result;
	char where[128];

	(void)unused;
	snprintf(name.sun_path, sizeof name.sun_path, "/tmp/attrib-liar.%d", (int)getpid());
	snprintf(where, sizeof where, "unix:%s", name.sun_path);
	unlink(name.sun_path);
	assert_int_equal(bind(liar.listens, (struct sockaddr *)&name, sizeof name), 0);
	assert_int_equal(listen(liar.listens, 1), 0);
	assert_int_equal(pthread_create(&liar.thread, NULL, lie, &liar), 0);
	struct attrib_state *state = open_at(where, 300);
	assert_int_equal(add(state, touch(1, 1, 1), &result), ATTRIB_E_UNAVAILABLE);
	assert_non_null(strstr(attrib_state_redis_error(state), "which master it is"));
	pthread_join(liar.thread, NULL);
	close(liar.listens);
	state->ops->free(state);
	unlink(name.sun_path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_a_server_that_evicts_is_refused),
		cmocka_unit_test(test_a_replica_is_waited_for),
		cmocka_unit_test(test_a_full_server_keeps_what_it_has),
		cmocka_unit_test(test_passwords),
		cmocka_unit_test(test_the_rights_that_are_named_suffice),
		cmocka_unit_test(test_another_database),
		cmocka_unit_test(test_a_lost_connection_is_opened_again),
		cmocka_unit_test(test_a_server_that_is_none),
		cmocka_unit_test(test_a_value_of_somebody_else_is_taken_out),
		cmocka_unit_test(test_damaged_values),
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
		cmocka_unit_test(test_what_is_kept_how_long),
		cmocka_unit_test(test_what_goes_meanwhile_lives_as_long),
		cmocka_unit_test(test_of_two_that_add_at_once_one_claims),
		cmocka_unit_test(test_a_value_that_was_replaced_by_one_as_long_is_read_again),
		cmocka_unit_test(test_an_expired_order_is_not_met),
		cmocka_unit_test(test_what_an_add_costs),
		cmocka_unit_test(test_long_values_are_packed),
		cmocka_unit_test(test_whoever_asks_first_makes_the_identity),
		cmocka_unit_test(
			test_one_that_lost_its_identity_gets_it_back_and_another_is_refused),
		cmocka_unit_test(test_another_master_is_not_spoken_to),
		cmocka_unit_test(test_a_server_that_does_not_say_which_master_it_is),
	};
	int failed;

	signal(SIGPIPE, SIG_IGN);
	url = getenv("ATTRIB_TEST_REDIS");
	if (!url) {
		fputs("run by tests/support/with-redis\n", stderr);
		return 1;
	}
	admin = redisConnectUnix(url + strlen("unix:"));
	failed = cmocka_run_group_tests_name("redis", tests, NULL, NULL);
	redisFree(admin);
	return failed;
}
