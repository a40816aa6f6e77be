/* See redis_server.h. */
#include "redis_server.h"

#include <signal.h>
#include <stdio.h>

const char *url;
static redisContext *admin;

int redis_server_open(void)
{
	signal(SIGPIPE, SIG_IGN);
	url = getenv("ATTRIB_TEST_REDIS");
	if (!url) {
		fputs("run by tests/support/with-redis\n", stderr);
		return 1;
	}
	admin = redisConnectUnix(url + strlen("unix:"));
	return 0;
}

int redis_server_close(int failed)
{
	redisFree(admin);
	return failed;
}

redisReply *ask(const char *format, ...)
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

void tell(const char *command)
{
	freeReplyObject(ask(command, NULL));
}

long long number(const char *command)
{
	redisReply *reply = ask(command, NULL);
	long long out = reply->integer;

	assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
	freeReplyObject(reply);
	return out;
}

struct attrib_state *open_at(const char *where, int timeout_ms)
{
	struct attrib_redis_options options = {.url = where,
		.ids_ttl_s = IDS_TTL,
		.facts_ttl_s = FACTS_TTL,
		.timeout_ms = timeout_ms};
	struct attrib_state *state = NULL;

	assert_int_equal(attrib_state_redis_new(&options, &state), 0);
	return state;
}

struct attrib_state *open_clean(void)
{
	tell("FLUSHALL");
	tell("CONFIG RESETSTAT"); /* of evicted keys, too */
	return open_at(url, 5000);
}

struct attrib_id id_of(uint64_t number)
{
	struct attrib_id id = {.b = "an id"};

	memcpy(id.b + 8, &number, sizeof number);
	return id;
}

struct attrib_fact touch(uint64_t visitor, uint64_t id, int64_t at)
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

struct attrib_fact lasting(uint64_t visitor, uint64_t id)
{
	struct attrib_fact fact = touch(visitor, id, 1);

	fact.type = ATTRIB_FACT_EDGE;
	fact.cap = ATTRIB_CAP_IDENTITY;
	return fact;
}

struct attrib_fact seen(uint64_t id)
{
	return (struct attrib_fact){.entity = {ATTRIB_ENTITY_ID, id_of(id)},
		.type = ATTRIB_FACT_SEEN,
		.claimer = {id_of(500), 1}};
}

int add(struct attrib_state *state, struct attrib_fact fact, struct attrib_added *result)
{
	uint64_t ticket;

	return state->ops->add(state, &fact, 1, result, &ticket);
}

void must_add(struct attrib_state *state, struct attrib_fact fact)
{
	struct attrib_added result;

	if (add(state, fact, &result))
		fail_msg("%s", attrib_state_redis_error(state));
}

size_t count(struct attrib_state *state, uint64_t visitor)
{
	struct attrib_entity entity = {ATTRIB_ENTITY_VISITOR, id_of(visitor)};
	struct attrib_loaded loaded;
	struct attrib_arena arena;

	attrib_arena_init(&arena, 4096);
	assert_int_equal(state->ops->load(state, &entity, 1, &arena, &loaded), 0);
	attrib_arena_done(&arena);
	return loaded.count;
}

void reached(struct attrib_state *state, uint64_t lane, uint64_t number)
{
	assert_int_equal(
		attrib_state_redis_reached(state, &(struct attrib_claimer){id_of(lane), number}),
		0);
}

uint64_t known(struct attrib_state *state, uint64_t lane)
{
	struct attrib_claimer out = {id_of(lane), 77};

	assert_int_equal(attrib_state_redis_lanes(state, &out, 1), 0);
	return out.number;
}

void check_refused(struct attrib_state *state, int err, const char *why)
{
	struct attrib_added result;

	assert_int_equal(add(state, touch(1, 1, 1), &result), err);
	if (!strstr(attrib_state_redis_error(state), why))
		fail_msg("'%s' says nothing of '%s'", attrib_state_redis_error(state), why);
}
