#include "backend.h"

#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "attrib/state_redis.h"

const struct backend *backend;

static struct attrib_state *open_memory(const struct backend_options *options)
{
	struct attrib_memory_options memory = {
		.hash_seed = 0x5eed,
		.max_bytes = options->max_bytes,
		.first_ticket = options->first_ticket,
	};
	struct attrib_state *state = NULL;

	CHECK(attrib_state_memory_new(&memory, &state) == 0, "cannot be opened");
	return state;
}

/* The server is the test's own (tests/support/with-redis): it is emptied. */
static void empty_redis(const char *url)
{
	redisContext *context = redisConnectUnix(url + strlen("unix:"));
	redisReply *reply;

	CHECK(context && !context->err, "%s cannot be reached", url);
	reply = redisCommand(context, "FLUSHALL");
	CHECK(reply && reply->type == REDIS_REPLY_STATUS, "FLUSHALL");
	freeReplyObject(reply);
	redisFree(context);
}

static struct attrib_state *connect_redis(const struct backend_options *options)
{
	struct attrib_redis_options redis = {
		.url = getenv("ATTRIB_TEST_REDIS"),
		.ids_ttl_s = 1000000,
		.facts_ttl_s = 2000000,
		.max_bytes = options->max_bytes,
		.first_ticket = options->first_ticket,
		.timeout_ms = 20000,
	};
	struct attrib_state *state = NULL;

	CHECK(redis.url != NULL, "run by tests/support/with-redis");
	CHECK(attrib_state_redis_new(&redis, &state) == 0, "cannot be opened");
	return state;
}

static struct attrib_state *open_redis(const struct backend_options *options)
{
	struct attrib_state *state = connect_redis(options);

	empty_redis(getenv("ATTRIB_TEST_REDIS"));
	return state;
}

static struct attrib_state *join_redis(void)
{
	return connect_redis(&(struct backend_options){0});
}

const struct backend backends[] = {
	{"memory", open_memory, NULL, .pair_bytes = {100, 300}, .left_bytes = 5, .share = 1},
	{"redis", open_redis, join_redis, .pair_bytes = {100, 600}, .left_bytes = 250, .share = 2},
};
const size_t backend_count = sizeof backends / sizeof *backends;

static const char *backend_error(const struct attrib_state *state)
{
	return backend == &backends[0] ? "" : attrib_state_redis_error(state);
}

struct attrib_state *backend_open(void)
{
	return backend->open(&(struct backend_options){0});
}

struct attrib_added backend_add(struct attrib_state *state, const struct attrib_fact *fact)
{
	struct attrib_added result;
	uint64_t ticket;
	int err = state->ops->add(state, fact, 1, &result, &ticket);

	CHECK(err == 0, "add returned %d: %s", err, backend_error(state));
	return result;
}

struct attrib_loaded backend_load(
	struct attrib_state *state, const struct attrib_entity *entity, struct attrib_arena *arena)
{
	struct attrib_loaded loaded = {0};
	int err = state->ops->load(state, entity, 1, arena, &loaded);

	CHECK(err == 0, "load returned %d: %s", err, backend_error(state));
	CHECK(loaded.entity.kind == entity->kind && attrib_id_eq(&loaded.entity.id, &entity->id),
		"loaded another entity");
	return loaded;
}

struct attrib_id id_of_number(uint64_t number)
{
	struct attrib_id id = {.b = {0xa7}};

	for (int i = 0; i < 8; i++)
		id.b[15 - i] = (uint8_t)(number >> (8 * i));
	return id;
}
