/*
 * Figures: the server's memory, and how many entities of each kind and copies there are. The latter are counts beside the
 * facts, which all instances add to, and which a walk over all keys puts right.
 */
#include "redis.h"

#include <stdio.h>
#include <stdlib.h>

#include "redis_info.h"

void redis_ask_bytes(struct redis *redis)
{
	REDIS_COMMAND(&redis->link, ATTRIB_STR("INFO"), ATTRIB_STR("memory"), ATTRIB_STR("stats"),
		ATTRIB_STR("replication"));
}

int redis_take_bytes(struct redis *redis)
{
	redisReply *info;
	uint64_t used, aside;
	int err = redis_link_take(&redis->link, REDIS_TYPE(REDIS_REPLY_STRING), &info);

	if (err)
		return err;
	used = redis_info_number(info, "used_memory");
	aside = redis->link.started_with + redis_info_number(info, "mem_clients_normal");
	redis->bytes = used > aside ? used - aside : 0;
	redis->evicted = redis_info_number(info, "evicted_keys");
	redis->kept = redis->evicted == redis->evicted_noted;
	err = redis_info_judge_policy(&redis->link, info);
	if (!err)
		err = redis_judge_again(redis, info);
	freeReplyObject(info);
	return err;
}

static const struct attrib_str count_names[KINDS] = {
	{"copies", 6},
	[ATTRIB_ENTITY_VISITOR] = {"visitors", 8},
	[ATTRIB_ENTITY_CUSTOMER] = {"customers", 9},
	[ATTRIB_ENTITY_ORDER] = {"orders", 6},
	[ATTRIB_ENTITY_ID] = {"ids", 3},
};

void redis_tell_counts(struct redis *redis, size_t *n)
{
	*n = 0;
	for (int i = 0; i < KINDS; i++) {
		char by[24];
		if (!redis->uncounted[i])
			continue;
		snprintf(by, sizeof by, "%lld", (long long)redis->uncounted[i]);
		redis->uncounted[i] = 0;
		REDIS_COMMAND(&redis->link, ATTRIB_STR("HINCRBY"), ATTRIB_STR(REDIS_COUNTS_KEY),
			count_names[i], attrib_str_of(by));
		++*n;
	}
}

void redis_ask_count(struct redis *redis, int kind, int64_t count)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)count);
	REDIS_COMMAND(&redis->link, ATTRIB_STR("HSET"), ATTRIB_STR(REDIS_COUNTS_KEY),
		count_names[kind], attrib_str_of(text));
}

int redis_take_counts(struct redis *redis, size_t n)
{
	return redis_link_skip(&redis->link, REDIS_TYPE(REDIS_REPLY_INTEGER), n);
}

static uint64_t count_of(const redisReply *reply)
{
	long long count = reply->type == REDIS_REPLY_STRING ? atoll(reply->str) : 0;

	return count > 0 ? (uint64_t)count : 0;
}

static int ask_counts(struct redis *redis)
{
	redisReply *reply;
	bool lanes, mark;
	size_t n;
	int err = redis_begin(redis);

	if (err)
		return err;
	redis_tell_counts(redis, &n);
	redis_ask_bytes(redis);
	redis_ask_lanes(redis, &lanes);
	redis_ask_mark(redis, &mark);
	redis_link_command(&redis->link, 2 + KINDS);
	redis_link_word(&redis->link, ATTRIB_STR("HMGET"));
	redis_link_word(&redis->link, ATTRIB_STR(REDIS_COUNTS_KEY));
	for (int i = 0; i < KINDS; i++)
		redis_link_word(&redis->link, count_names[i]);
	err = redis_take_counts(redis, n);
	if (!err)
		err = redis_take_bytes(redis);
	if (!err && lanes)
		err = redis_take_lanes(redis);
	if (!err && mark)
		err = redis_take_mark(redis);
	if (!err)
		err = redis_link_take_values(&redis->link, KINDS, &reply);
	if (err)
		return err;
	for (size_t i = 0; i < KINDS; i++) {
		uint64_t *to = i ? &redis->stats.entities[i] : &redis->stats.facts;
		*to = count_of(reply->element[i]);
	}
	freeReplyObject(reply);
	return redis_note_evicted(redis);
}

void redis_stats(struct attrib_state *state, struct attrib_state_stats *out)
{
	struct redis *redis = redis_of(state);

	if (ask_counts(redis) == 0)
		redis->stats.bytes = redis->bytes;
	*out = redis->stats;
}
