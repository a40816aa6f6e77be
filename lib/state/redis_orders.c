/*
 * The walk over orders, by a list of them beside the facts.
 */
#include "redis.h"

#include <string.h>

/* A walk goes by place. Its cursor is the place of the last order, and how many of that very place
 * were met: two of one are as rare as a collision of 53 bits. */
#define PLACE_BITS 53
#define MET_MAX    ((1u << (64 - PLACE_BITS)) - 1)

uint64_t redis_order_place(const struct attrib_id *id)
{
	return attrib_hash64(id, sizeof *id, 0) >> (64 - PLACE_BITS);
}

static void ask_orders(struct redis *redis, uint64_t place, uint64_t met, size_t max)
{
	struct redis_link *link = &redis->link;

	redis_link_command(link, 7);
	redis_link_word(link, ATTRIB_STR("ZRANGEBYSCORE"));
	redis_link_word(link, ATTRIB_STR(REDIS_ORDERS_KEY));
	redis_link_number(link, (int64_t)place);
	redis_link_word(link, ATTRIB_STR("+inf"));
	redis_link_word(link, ATTRIB_STR("LIMIT"));
	redis_link_number(link, (int64_t)met);
	redis_link_number(link, (int64_t)max);
}

static const char drop_listed[] = "if redis.call('EXISTS',KEYS[1])==0 then "
				  "redis.call('ZREM',KEYS[2],string.sub(KEYS[1],-16)) end return 1";

/* One that the server has let go leaves the list, unless it has come back: whoever adds it lists it behind. */
static void ask_drop(struct redis *redis, const struct attrib_entity *order)
{
	char key[REDIS_KEY_BYTES];

	REDIS_COMMAND(&redis->link, ATTRIB_STR("EVAL"), attrib_str_of(drop_listed), ATTRIB_STR("2"),
		redis_key(order, key), ATTRIB_STR(REDIS_ORDERS_KEY));
}

/* Which of the listed orders are there. */
static int check_orders(
	struct redis *redis, const redisReply *listed, struct attrib_entity *out, size_t *n)
{
	struct attrib_entity entity = {.kind = ATTRIB_ENTITY_ORDER};
	char key[REDIS_KEY_BYTES];
	int64_t is_there;
	size_t gone = 0;
	int err = 0;

	for (size_t i = 0; i < listed->elements; i++) {
		if (listed->element[i]->len != sizeof entity.id)
			return redis_link_fail(&redis->link, ATTRIB_E_UNAVAILABLE,
				"the list of orders has an entry of %zu bytes",
				listed->element[i]->len);
		memcpy(&entity.id, listed->element[i]->str, sizeof entity.id);
		REDIS_COMMAND(&redis->link, ATTRIB_STR("EXISTS"), redis_key(&entity, key));
	}
	for (size_t i = 0; i < listed->elements && !err; i++) {
		err = redis_link_take_integer(&redis->link, &is_there);
		if (err)
			break;
		memcpy(&entity.id, listed->element[i]->str, sizeof entity.id);
		if (is_there)
			out[(*n)++] = entity;
		else
			ask_drop(redis, &entity);
		gone += !is_there;
	}
	return err ? err : redis_link_skip(&redis->link, REDIS_TYPE(REDIS_REPLY_INTEGER), gone);
}

static uint64_t cursor_behind(const redisReply *listed, uint64_t before)
{
	struct attrib_id id;
	uint64_t place = before >> (64 - PLACE_BITS), met = 0, last = 0;

	for (size_t i = 0; i < listed->elements; i++) {
		memcpy(&id, listed->element[i]->str, sizeof id);
		met = i && redis_order_place(&id) == last ? met + 1 : 1;
		last = redis_order_place(&id);
	}
	if (last == place && met == listed->elements)
		met += before & MET_MAX;
	return last << (64 - PLACE_BITS) | (met < MET_MAX ? met : MET_MAX);
}

int redis_orders(struct attrib_state *state, uint64_t *cursor, struct attrib_entity *out,
	size_t max, size_t *n)
{
	struct redis *redis = redis_of(state);
	redisReply *listed;
	uint64_t behind = 0;
	int err;

	if (!max)
		return ATTRIB_E_INVALID;
	*n = 0;
	err = redis_begin(redis);
	if (err)
		return err;
	ask_orders(redis, *cursor >> (64 - PLACE_BITS), *cursor & MET_MAX, max);
	err = redis_link_take(&redis->link, REDIS_TYPE(REDIS_REPLY_ARRAY), &listed);
	if (err)
		return err;
	err = check_orders(redis, listed, out, n);
	if (!err && listed->elements == max)
		behind = cursor_behind(listed, *cursor);
	freeReplyObject(listed);
	if (!err)
		*cursor = behind;
	return err;
}
