/*
 * The backend in Redis: meeting a server, tickets, replacing, loading, life.
 *
 * Every key is one entity, and its value a log of copies (redis_value.h). So an add is an APPEND, which
 * two instances cannot lose to each other, and a load of any number of entities is one MGET.
 */
#include "redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attrib/time.h"

/* The ticket is at least what is given and the server's clock in microseconds: so it goes on above all
 * that were ever given when the server has lost its own. It never falls. */
static const char raise_ticket[] =
	"local t=redis.call('TIME') local to=t[1]*1000000+t[2] "
	"local floor=tonumber(ARGV[1]) if to<floor then to=floor end "
	"if tonumber(redis.call('GET',KEYS[1]) or '0')<to then "
	"redis.call('SET',KEYS[1],string.format('%.0f',to)) end return 1";

static const char replace[] =
	"if redis.call('GET',KEYS[1])~=ARGV[1] then return 0 end "
	"redis.call('INCR',KEYS[3]) "
	"if ARGV[2]~='' then redis.call('SET',KEYS[1],ARGV[2],'KEEPTTL') return 1 end "
	"redis.call('DEL',KEYS[1]) redis.call('ZREM',KEYS[2],string.sub(KEYS[1],-16)) return 1";

/* -- beginning ----------------------------------------------------------------------------------- */

static int lift_ticket(struct redis *redis)
{
	char floor[24];

	snprintf(floor, sizeof floor, "%llu", (unsigned long long)redis->ticket);
	REDIS_COMMAND(&redis->link, ATTRIB_STR("EVAL"), attrib_str_of(raise_ticket),
		ATTRIB_STR("1"), ATTRIB_STR(REDIS_TICKET_KEY), attrib_str_of(floor));
	return redis_link_skip(&redis->link, REDIS_TYPE(REDIS_REPLY_INTEGER), 1);
}

int redis_begin(struct redis *redis)
{
	int err;

	if (redis->link.context && redis->met == redis->link.connections)
		return 0;
	err = redis_link_open(&redis->link);
	if (!err)
		err = redis_judge_master(redis);
	if (err)
		return err;
	redis->looked = 0;
	redis->evicted = redis->evicted_noted = 0;
	if (strcmp(redis->spoke_to, redis->link.run_id) != 0)
		redis_doubt_lanes(redis);
	memcpy(redis->spoke_to, redis->link.run_id, sizeof redis->spoke_to);
	err = redis_claim(redis);
	if (!err)
		err = lift_ticket(redis);
	if (!err)
		redis->met = redis->link.connections;
	return err;
}

int redis_ticket(struct redis *redis, uint64_t told, uint64_t *ticket)
{
	int64_t again;
	int err;

	if (told <= redis->ticket) {
		err = lift_ticket(redis);
		REDIS_COMMAND(&redis->link, ATTRIB_STR("INCR"), ATTRIB_STR(REDIS_TICKET_KEY));
		if (!err)
			err = redis_link_take_integer(&redis->link, &again);
		if (err)
			return err;
		told = (uint64_t)again;
	}
	*ticket = redis->ticket = told;
	return 0;
}

/* -- replacing ----------------------------------------------------------------------------------- */

void redis_ask_replace(struct redis *redis, const struct attrib_entity *entity,
	struct attrib_str value, struct attrib_str to)
{
	char key[REDIS_KEY_BYTES];

	REDIS_COMMAND(&redis->link, ATTRIB_STR("EVAL"), attrib_str_of(replace), ATTRIB_STR("3"),
		redis_key(entity, key), ATTRIB_STR(REDIS_ORDERS_KEY),
		ATTRIB_STR(REDIS_REPLACED_KEY), value, to);
}

int redis_take_out(struct redis *redis, const struct attrib_entity *entity, struct attrib_str value)
{
	char hex[2 * sizeof entity->id];
	int64_t was_there;
	int err;

	attrib_hex(&entity->id, sizeof entity->id, hex);
	redis_link_fail(&redis->link, 0, "answers are left");
	err = redis_begin(redis);
	if (err)
		return err;
	redis_ask_replace(redis, entity, value, ATTRIB_STR_NONE);
	err = redis_link_take_integer(&redis->link, &was_there);
	if (!err && was_there)
		err = redis_lose_lanes(redis);
	return err ? err
		   : redis_link_fail(&redis->link, ATTRIB_E_CORRUPT,
			     "the value of %.*s (kind %d) was none of attribd's, and was taken out",
			     (int)sizeof hex, hex, (int)entity->kind);
}

/* -- loading ------------------------------------------------------------------------------------- */

static int load_claim(
	struct attrib_str value, struct attrib_arena *arena, struct attrib_loaded *out)
{
	struct attrib_fact *fact;
	struct redis_claim claim;
	int err = redis_claim_read(value, &claim);

	if (err)
		return err;
	fact = attrib_arena_alloc(arena, sizeof *fact);
	if (!fact)
		return ATTRIB_E_NOMEM;
	fact->entity = out->entity;
	fact->type = ATTRIB_FACT_SEEN;
	fact->id = out->entity.id;
	fact->at = fact->received_at = claim.received_at * ATTRIB_US_PER_S;
	fact->claimer = claim.claimer;
	out->facts = fact;
	out->count = 1;
	return 0;
}

static int load_value(struct redis *redis, struct attrib_str value, struct attrib_arena *arena,
	struct attrib_loaded *out)
{
	int err;

	if (out->entity.kind == ATTRIB_ENTITY_ID) {
		err = load_claim(value, arena, out);
	} else {
		err = redis_fold_read(&redis->fold, value);
		if (!err)
			err = redis_fold_load(&redis->fold, arena, out);
	}
	return err == ATTRIB_E_CORRUPT ? redis_take_out(redis, &out->entity, value) : err;
}

void redis_ask_values(struct redis *redis, const struct attrib_entity *entities, size_t n)
{
	char key[REDIS_KEY_BYTES];

	redis_link_command(&redis->link, 1 + n);
	redis_link_word(&redis->link, ATTRIB_STR("MGET"));
	for (size_t i = 0; i < n; i++)
		redis_link_word(&redis->link, redis_key(&entities[i], key));
}

static int load_some(struct redis *redis, const struct attrib_entity *entities, size_t n,
	struct attrib_arena *arena, struct attrib_loaded *out)
{
	redisReply *reply;
	int err;

	redis_ask_values(redis, entities, n);
	err = redis_link_take_values(&redis->link, n, &reply);
	if (err)
		return err;
	for (size_t i = 0; i < n && !err; i++) {
		const redisReply *value = reply->element[i];
		out[i] = (struct attrib_loaded){.entity = entities[i]};
		if (value->type == REDIS_REPLY_STRING)
			err = load_value(redis, redis_text(value), arena, &out[i]);
	}
	freeReplyObject(reply);
	return err;
}

static int redis_load(struct attrib_state *state, const struct attrib_entity *entities, size_t n,
	struct attrib_arena *arena, struct attrib_loaded *out)
{
	struct redis *redis = redis_of(state);
	int err;

	for (size_t i = 0; i < n; i++)
		if (entities[i].kind < ATTRIB_ENTITY_VISITOR || entities[i].kind >= KINDS)
			return ATTRIB_E_INVALID;
	err = redis_begin(redis);
	for (size_t i = 0; i < n && !err; i += REDIS_AT_ONCE)
		err = load_some(redis, entities + i, n - i < REDIS_AT_ONCE ? n - i : REDIS_AT_ONCE,
			arena, out + i);
	return err;
}

/* -- life ---------------------------------------------------------------------------------------- */

static void redis_free(struct attrib_state *state)
{
	struct redis *redis = redis_of(state);
	size_t n;

	if (redis->link.context) {
		redis_tell_counts(redis, &n);
		(void)redis_take_counts(redis, n); /* whoever forgets next counts anew */
	}
	redis_link_done(&redis->link);
	redis_fold_done(&redis->fold);
	redis_adding_done(&redis->adding);
	redis_walk_done(redis);
	free(redis->lanes);
	free(redis);
}

static const struct attrib_state_ops redis_ops = {
	.name = "redis",
	.add = redis_add,
	.load = redis_load,
	.orders = redis_orders,
	.forget = redis_forget,
	.stats = redis_stats,
	.free = redis_free,
};

static void set_lives(struct redis *redis, const struct attrib_redis_options *options)
{
	uint64_t slot = options->facts_ttl_s / REDIS_SLOTS + 1;

	redis->slot_us = (int64_t)slot * ATTRIB_US_PER_S;
	snprintf(redis->ids_ttl, sizeof redis->ids_ttl, "%llu",
		(unsigned long long)options->ids_ttl_s);
	snprintf(redis->facts_ttl, sizeof redis->facts_ttl, "%llu",
		(unsigned long long)(options->facts_ttl_s + slot));
}

int attrib_state_redis_new(const struct attrib_redis_options *options, struct attrib_state **out)
{
	struct redis_address address;
	struct redis *redis;
	int err;

	if (redis_address_parse(options->url, &address))
		return ATTRIB_E_CONFIG;
	redis = calloc(1, sizeof *redis);
	if (!redis)
		return ATTRIB_E_NOMEM;
	redis->state.ops = &redis_ops;
	redis_link_init(&redis->link, &address, options->timeout_ms);
	attrib_buf_init(&redis->adding.bytes);
	redis->max_bytes = options->max_bytes;
	redis->ticket = options->first_ticket;
	set_lives(redis, options);
	redis->again_until = ATTRIB_NEVER;
	redis->identity = options->identity;
	redis->instance = options->instance;
	redis->lag_us = (int64_t)options->lag_s * ATTRIB_US_PER_S;
	redis->mark = ATTRIB_NEVER;
	err = redis_fold_init(&redis->fold);
	if (err) {
		redis_free(&redis->state);
		return err;
	}
	*out = &redis->state;
	return 0;
}

const char *attrib_state_redis_error(const struct attrib_state *state)
{
	return ((const struct redis *)state)->link.why;
}

void attrib_state_redis_stats(const struct attrib_state *state, struct attrib_redis_stats *out)
{
	const struct redis *redis = (const struct redis *)state;

	*out = redis->cost;
	out->commands = redis->link.commands;
	out->round_trips = redis->link.round_trips;
	out->connections = redis->link.connections;
	out->ticket = redis->ticket;
}
