/*
 * How far each lane was added. The server is told with every add, and asked in the same step whether it still
 * knows what it was told before: by a script, so that one which has lost that does not learn of later records
 * without the earlier ones. What it holds is the number of the next record, so none at all is a loss, too.
 */
#include "redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of each lane: its id, what the server was told, and what it is to know. Returns whether it knows less. */
static const char tell[] = "local lost=0 for i=1,#ARGV,3 do "
			   "local known=tonumber(redis.call('HGET',KEYS[1],ARGV[i]) or '0') "
			   "if known<tonumber(ARGV[i+1]) then lost=1 "
			   "elseif known<tonumber(ARGV[i+2]) then "
			   "redis.call('HSET',KEYS[1],ARGV[i],ARGV[i+2]) end end "
			   "return lost";

static struct redis_lane *find(struct redis *redis, const struct attrib_id *id)
{
	for (size_t i = 0; i < redis->lane_count; i++)
		if (attrib_id_eq(&redis->lanes[i].id, id))
			return &redis->lanes[i];
	return NULL;
}

static struct redis_lane *find_or_make(struct redis *redis, const struct attrib_id *id)
{
	struct redis_lane *lane = find(redis, id), *grown;
	size_t room = redis->lane_room ? redis->lane_room * 2 : 16;

	if (lane)
		return lane;
	if (redis->lane_count == redis->lane_room) {
		grown = realloc(redis->lanes, room * sizeof *grown);
		if (!grown)
			return NULL;
		redis->lanes = grown;
		redis->lane_room = room;
	}
	lane = &redis->lanes[redis->lane_count++];
	*lane = (struct redis_lane){.id = *id};
	return lane;
}

static void begin_tell(struct redis_link *link, size_t lanes)
{
	redis_link_command(link, 4 + 3 * lanes);
	redis_link_word(link, ATTRIB_STR("EVAL"));
	redis_link_word(link, attrib_str_of(tell));
	redis_link_word(link, ATTRIB_STR("1"));
	redis_link_word(link, ATTRIB_STR(REDIS_LANES_KEY));
}

static void tell_lane(struct redis_link *link, const struct redis_lane *lane, uint64_t next)
{
	redis_link_word(link, redis_id_bytes(&lane->id));
	redis_link_number(link, (int64_t)lane->told);
	redis_link_number(link, (int64_t)next);
}

void redis_ask_lanes(struct redis *redis, bool *asked)
{
	struct redis_link *link = &redis->link;

	*asked = redis->lane_count > 0;
	if (!*asked)
		return;
	begin_tell(link, redis->lane_count);
	for (size_t i = 0; i < redis->lane_count; i++)
		tell_lane(link, &redis->lanes[i], redis->lanes[i].reached);
}

int redis_take_lanes(struct redis *redis)
{
	int64_t lost;
	int err = redis_link_take_integer(&redis->link, &lost);

	if (err)
		return err;
	redis->has_lost |= lost != 0;
	redis->cost.confirmed += !lost && redis->kept;
	redis->kept = false;
	for (size_t i = 0; i < redis->lane_count && !lost; i++)
		redis->lanes[i].told = redis->lanes[i].reached;
	return 0;
}

/* -- what was lost otherwise ---------------------------------------------------------------------- */

void redis_doubt_lanes(struct redis *redis)
{
	for (size_t i = 0; i < redis->lane_count; i++)
		redis->lanes[i].told = redis->lanes[i].reached;
}

int redis_lose_lanes(struct redis *redis)
{
	REDIS_COMMAND(&redis->link, ATTRIB_STR("DEL"), ATTRIB_STR(REDIS_LANES_KEY));
	redis->has_lost |= redis->lane_count > 0;
	return redis_link_skip(&redis->link, REDIS_TYPE(REDIS_REPLY_INTEGER), 1);
}

/* Of a process of the server, so many keys. What another instance has noted is not noted again. */
static const char note[] =
	"local known=redis.call('GET',KEYS[1]) or '' "
	"if string.sub(known,1,#ARGV[1])==ARGV[1] and "
	"tonumber(string.sub(known,#ARGV[1]+2))>=tonumber(ARGV[2]) then return 0 end "
	"redis.call('SET',KEYS[1],ARGV[1]..' '..ARGV[2]) redis.call('DEL',KEYS[2]) return 1";

int redis_note_evicted(struct redis *redis)
{
	struct redis_link *link = &redis->link;
	char keys[24];
	int64_t news;
	int err;

	if (redis->evicted == redis->evicted_noted)
		return 0;
	snprintf(keys, sizeof keys, "%llu", (unsigned long long)redis->evicted);
	REDIS_COMMAND(link, ATTRIB_STR("EVAL"), attrib_str_of(note), ATTRIB_STR("2"),
		ATTRIB_STR(REDIS_EVICTED_KEY), ATTRIB_STR(REDIS_LANES_KEY),
		attrib_str_of(link->run_id), attrib_str_of(keys));
	err = redis_link_take_integer(link, &news);
	if (err)
		return err;
	redis->evicted_noted = redis->evicted;
	redis->has_lost |= news != 0 && redis->lane_count > 0;
	return 0;
}

/* -- the group that is being added --------------------------------------------------------------- */

void redis_lanes_begin(struct redis *redis, const struct attrib_fact *facts, size_t n)
{
	struct redis_lane *lane = NULL;

	for (size_t i = 0; i < redis->lane_count; i++)
		redis->lanes[i].adds = 0;
	for (size_t i = 0; i < n; i++) {
		const struct attrib_claimer *claimer = &facts[i].claimer;
		if (!lane || !attrib_id_eq(&lane->id, &claimer->lane))
			lane = find(redis, &claimer->lane);
		if (lane && lane->adds <= claimer->number)
			lane->adds = claimer->number + 1;
	}
}

static bool is_news(const struct redis_lane *lane)
{
	return lane->adds > lane->told;
}

void redis_ask_added(struct redis *redis, bool *asked)
{
	struct redis_link *link = &redis->link;
	size_t n = 0;

	for (size_t i = 0; i < redis->lane_count; i++)
		n += is_news(&redis->lanes[i]);
	/* what was lost before the group is not there yet */
	*asked = n > 0 && !redis->has_lost;
	if (!*asked)
		return;
	begin_tell(link, n);
	for (size_t i = 0; i < redis->lane_count; i++)
		if (is_news(&redis->lanes[i]))
			tell_lane(link, &redis->lanes[i], redis->lanes[i].adds);
}

int redis_take_added(struct redis *redis)
{
	int64_t lost;
	int err = redis_link_take_integer(&redis->link, &lost);

	if (err)
		return err;
	redis->has_lost |= lost != 0;
	for (size_t i = 0; i < redis->lane_count && !lost; i++) {
		struct redis_lane *lane = &redis->lanes[i];
		if (!is_news(lane))
			continue;
		lane->told = lane->adds;
		if (lane->reached < lane->told)
			lane->reached = lane->told;
	}
	return 0;
}

/* -- what the caller sees ------------------------------------------------------------------------- */

int attrib_state_redis_reached(struct attrib_state *state, const struct attrib_claimer *lane)
{
	struct redis_lane *known = find_or_make(redis_of(state), &lane->lane);

	if (!known)
		return ATTRIB_E_NOMEM;
	if (known->reached <= lane->number)
		known->reached = lane->number + 1;
	return 0;
}

bool attrib_state_redis_has_lost(const struct attrib_state *state)
{
	return ((const struct redis *)state)->has_lost;
}

void attrib_state_redis_lose(struct attrib_state *state)
{
	redis_of(state)->has_lost = true;
}

static int ask_known(
	struct redis *redis, const struct attrib_claimer *lanes, size_t n, redisReply **reply)
{
	struct redis_link *link = &redis->link;
	int err = redis_begin(redis);

	if (!err)
		err = redis_claim(redis);
	if (err)
		return err;
	redis_link_command(link, 2 + n);
	redis_link_word(link, ATTRIB_STR("HMGET"));
	redis_link_word(link, ATTRIB_STR(REDIS_LANES_KEY));
	for (size_t i = 0; i < n; i++)
		redis_link_word(link, redis_id_bytes(&lanes[i].lane));
	return redis_link_take_values(link, n, reply);
}

int attrib_state_redis_lanes(struct attrib_state *state, struct attrib_claimer *lanes, size_t n)
{
	struct redis *redis = redis_of(state);
	redisReply *reply;
	int err;

	for (size_t i = 0; i < n; i++)
		if (!find_or_make(redis, &lanes[i].lane))
			return ATTRIB_E_NOMEM;
	if (n == 0)
		return 0;
	err = ask_known(redis, lanes, n, &reply);
	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		struct attrib_str text = redis_text(reply->element[i]);
		struct redis_lane *lane = find(redis, &lanes[i].lane);
		uint64_t next = text.n ? strtoull(text.p, NULL, 10) : 1;
		lanes[i].number = next - 1;
		lane->told = lane->reached = next;
		REDIS_COMMAND(&redis->link, ATTRIB_STR("HSETNX"), ATTRIB_STR(REDIS_LANES_KEY),
			redis_id_bytes(&lanes[i].lane), ATTRIB_STR("1"));
	}
	freeReplyObject(reply);
	err = redis_link_skip(&redis->link, REDIS_TYPE(REDIS_REPLY_INTEGER), n);
	redis->has_lost &= err != 0;
	return err;
}

void attrib_state_redis_again(struct attrib_state *state, int64_t until)
{
	redis_of(state)->again_until = until;
}

/* -- what follows from adding again -------------------------------------------------------------- */

#define OWED_KEY "at1:#owed"

int attrib_state_redis_owe(struct attrib_state *state, bool owes)
{
	struct redis *redis = redis_of(state);
	int err = redis_begin(redis);

	if (err)
		return err;
	REDIS_COMMAND(&redis->link, ATTRIB_STR("HSET"), ATTRIB_STR(OWED_KEY),
		redis_id_bytes(&redis->instance), owes ? ATTRIB_STR("1") : ATTRIB_STR("0"));
	return redis_link_skip(&redis->link, REDIS_TYPE(REDIS_REPLY_INTEGER), 1);
}

int attrib_state_redis_owes(struct attrib_state *state, bool *owes)
{
	struct redis *redis = redis_of(state);
	redisReply *reply;
	int err = redis_begin(redis);

	if (err)
		return err;
	REDIS_COMMAND(&redis->link, ATTRIB_STR("HGET"), ATTRIB_STR(OWED_KEY),
		redis_id_bytes(&redis->instance));
	err = redis_link_take(&redis->link, REDIS_NIL_OR_TEXT, &reply);
	if (err)
		return err;
	*owes = attrib_str_eq(redis_text(reply), ATTRIB_STR("1"));
	freeReplyObject(reply);
	return 0;
}
