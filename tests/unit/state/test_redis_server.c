/*
 * The backend in Redis: addresses, which servers it takes, and what becomes of their errors and of values that are none
 * of its own.
 */
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "redis_address.h"
#include "redis_server.h"

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
		cmocka_unit_test(test_a_server_that_does_not_say_which_master_it_is),
	};

	return RUN_WITH_REDIS("redis_server", tests);
}
