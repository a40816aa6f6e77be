/*
 * What forgetting waits for: the mark of each instance, beside the facts, and what may be gone in spite of them.
 *
 * Facts expire by the server's clock, so what may be gone is told by that clock, too: a lag ago, and no further than it
 * was for as long as a walk has held all that there is. It is the same for every instance, and right after a time in
 * which nobody could hold anything. Marks are a sorted set, for the least is asked with every batch.
 */
#include "redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attrib/time.h"

#define MARKS_KEY "at1:#marks" /* sorted set: instances by their marks */
#define HEARD_KEY "at1:#heard" /* likewise: by when they said it */

/* Instance, mark, lag, and what ZADD takes: NX leaves a mark that stands there. No mark is believed beyond the clock: one of
 * an instance whose own is ahead. A state that begins has nothing that a walk would forget. */
static const char say[] =
	"local t=redis.call('TIME') local now=t[1]*1000000+t[2] local least,of=now,'' "
	"local mark=tonumber(ARGV[2]) if mark>now then mark=now end "
	"redis.call('ZADD',KEYS[1],ARGV[4],string.format('%.0f',mark),ARGV[1]) "
	"redis.call('ZADD',KEYS[2],string.format('%.0f',now),ARGV[1]) "
	"local first=redis.call('ZRANGEBYSCORE',KEYS[1],'-inf','+inf','WITHSCORES','LIMIT',0,1) "
	"if first[1] then of=first[1] least=math.min(least,tonumber(first[2])) end "
	"local heard,all=0,redis.call('ZRANGEBYSCORE',KEYS[2],'-inf','+inf','WITHSCORES') "
	"for i=1,#all,2 do if all[i]==of then heard=tonumber(all[i+1]) end end "
	"local g=redis.call('HMGET',KEYS[3],'gone','until','held','walked') "
	"local gone,free=tonumber(g[1] or '0'),now-tonumber(ARGV[3]) "
	"if now>tonumber(g[2] or '0') and free>gone then gone=free "
	"redis.call('HSET',KEYS[3],'gone',string.format('%.0f',gone)) end "
	"local walked=tonumber(g[4] or '0') if walked==0 then walked=gone "
	"redis.call('HSET',KEYS[3],'walked',string.format('%.0f',gone)) end "
	"return {of,now,least,heard,gone,tonumber(g[3] or '0'),walked}";

static void ask(struct redis *redis, int64_t mark, struct attrib_str how)
{
	struct redis_link *link = &redis->link;

	redis_link_command(link, 10);
	redis_link_word(link, ATTRIB_STR("EVAL"));
	redis_link_word(link, attrib_str_of(say));
	redis_link_word(link, ATTRIB_STR("3"));
	redis_link_word(link, ATTRIB_STR(MARKS_KEY));
	redis_link_word(link, ATTRIB_STR(HEARD_KEY));
	redis_link_word(link, ATTRIB_STR(REDIS_GONE_KEY));
	redis_link_word(link, redis_id_bytes(&redis->instance));
	redis_link_number(link, mark);
	redis_link_number(link, redis->lag_us);
	redis_link_word(link, how);
}

static bool are_marks(const redisReply *reply)
{
	if (reply->elements != 7 || reply->element[0]->type != REDIS_REPLY_STRING ||
		reply->element[0]->len != sizeof(struct attrib_id))
		return false;
	for (size_t i = 1; i < reply->elements; i++)
		if (reply->element[i]->type != REDIS_REPLY_INTEGER)
			return false;
	return true;
}

static int take(struct redis *redis)
{
	struct attrib_redis_marks *marks = &redis->marks;
	redisReply *reply;
	int err = redis_link_take(&redis->link, REDIS_TYPE(REDIS_REPLY_ARRAY), &reply);

	if (err)
		return err;
	if (are_marks(reply)) {
		memcpy(&marks->of, reply->element[0]->str, sizeof marks->of);
		marks->now = reply->element[1]->integer;
		marks->least = reply->element[2]->integer;
		marks->of_heard_at = reply->element[3]->integer;
		marks->gone = reply->element[4]->integer;
		marks->held_at = reply->element[5]->integer;
		marks->walked_by = reply->element[6]->integer;
	} else {
		err = redis_link_fail(
			&redis->link, ATTRIB_E_UNAVAILABLE, "no answer to what marks there are");
	}
	freeReplyObject(reply);
	return err;
}

void redis_ask_mark(struct redis *redis, bool *asked)
{
	*asked = redis->mark != ATTRIB_NEVER;
	if (*asked)
		ask(redis, redis->mark, ATTRIB_STR("CH"));
}

int redis_take_mark(struct redis *redis)
{
	return take(redis);
}

/* -- what the caller sees ------------------------------------------------------------------------- */

int attrib_state_redis_join(struct attrib_state *state, int64_t mark)
{
	struct redis *redis = redis_of(state);
	int err = redis_begin(redis);

	if (err)
		return err;
	ask(redis, mark, ATTRIB_STR("NX"));
	return take(redis);
}

void attrib_state_redis_say(struct attrib_state *state, int64_t mark)
{
	redis_of(state)->mark = mark;
}

void attrib_state_redis_marks(const struct attrib_state *state, struct attrib_redis_marks *out)
{
	*out = ((const struct redis *)state)->marks;
}

static void ask_out(struct redis_link *link, const struct attrib_id *id)
{
	REDIS_COMMAND(link, ATTRIB_STR("ZREM"), ATTRIB_STR(MARKS_KEY), redis_id_bytes(id));
	REDIS_COMMAND(link, ATTRIB_STR("ZREM"), ATTRIB_STR(HEARD_KEY), redis_id_bytes(id));
}

int attrib_state_redis_leave(struct attrib_state *state)
{
	struct redis *redis = redis_of(state);

	redis->mark = ATTRIB_NEVER;
	if (!redis->link.context)
		return ATTRIB_E_UNAVAILABLE;
	ask_out(&redis->link, &redis->instance);
	return redis_link_skip(&redis->link, REDIS_TYPE(REDIS_REPLY_INTEGER), 2);
}

/* -- of a server that nothing is known of ---------------------------------------------------------- */

static void ask_all(struct redis_link *link, const char *key)
{
	REDIS_COMMAND(link, ATTRIB_STR("ZRANGEBYSCORE"), attrib_str_of(key), ATTRIB_STR("-inf"),
		ATTRIB_STR("+inf"), ATTRIB_STR("WITHSCORES"));
}

/* Members and scores by turns; of anything else nothing is read. */
static bool read_member(const redisReply *all, size_t i, struct attrib_id *id, int64_t *score)
{
	const redisReply *member = all->element[2 * i], *text = all->element[2 * i + 1];

	if (member->type != REDIS_REPLY_STRING || member->len != sizeof *id ||
		text->type != REDIS_REPLY_STRING)
		return false;
	memcpy(id, member->str, sizeof *id);
	*score = (int64_t)strtod(text->str, NULL);
	return true;
}

static int64_t heard_at(const redisReply *heard, const struct attrib_id *id)
{
	struct attrib_id other;
	int64_t at;

	for (size_t i = 0; i < heard->elements / 2; i++)
		if (read_member(heard, i, &other, &at) && attrib_id_eq(&other, id))
			return at;
	return 0;
}

static int list(const redisReply *marks, const redisReply *heard, const redisReply *time,
	struct attrib_redis_instance **out, size_t *n, int64_t *now)
{
	*out = calloc(marks->elements / 2 + 1, sizeof **out);
	if (!*out)
		return ATTRIB_E_NOMEM;
	*n = 0;
	for (size_t i = 0; i < marks->elements / 2; i++) {
		struct attrib_redis_instance *one = &(*out)[*n];
		if (read_member(marks, i, &one->id, &one->mark)) {
			one->heard_at = heard_at(heard, &one->id);
			++*n;
		}
	}
	*now = time->elements == 2 && time->element[0]->type == REDIS_REPLY_STRING
		       ? strtoll(time->element[0]->str, NULL, 10) * ATTRIB_US_PER_S
		       : 0;
	return 0;
}

int attrib_state_redis_instances(const char *url, int timeout_ms,
	struct attrib_redis_instance **out, size_t *n, int64_t *now, char why[ATTRIB_REDIS_WHY])
{
	struct redis_link link;
	redisReply *replies[3] = {NULL};
	int err = redis_link_open_url(&link, url, timeout_ms);

	if (!err) {
		ask_all(&link, MARKS_KEY);
		ask_all(&link, HEARD_KEY);
		REDIS_COMMAND(&link, ATTRIB_STR("TIME"));
	}
	for (int i = 0; i < 3 && !err; i++)
		err = redis_link_take(&link, REDIS_TYPE(REDIS_REPLY_ARRAY), &replies[i]);
	if (!err)
		err = list(replies[0], replies[1], replies[2], out, n, now);
	for (int i = 0; i < 3; i++)
		freeReplyObject(replies[i]);
	return redis_link_close(&link, err, why);
}

/* 0: there is no such mark; 1: it was heard of; 2: it is out. */
static const char retire[] =
	"local t=redis.call('TIME') local since=t[1]*1000000+t[2]-tonumber(ARGV[2]) "
	"for _,id in "
	"ipairs(redis.call('ZRANGEBYSCORE',KEYS[2],string.format('(%.0f',since),'+inf')) do "
	"if id==ARGV[1] then return 1 end end "
	"redis.call('ZREM',KEYS[2],ARGV[1]) return redis.call('ZREM',KEYS[1],ARGV[1])*2";

int attrib_state_redis_retire(const char *url, int timeout_ms, const struct attrib_id *id,
	int64_t quiet_us, char why[ATTRIB_REDIS_WHY])
{
	static const int errors[] = {ATTRIB_E_NOT_FOUND, ATTRIB_E_INVALID, 0};
	struct redis_link link;
	char quiet[24];
	int64_t what;
	int err = redis_link_open_url(&link, url, timeout_ms);

	snprintf(quiet, sizeof quiet, "%lld", (long long)quiet_us);
	if (!err)
		REDIS_COMMAND(&link, ATTRIB_STR("EVAL"), attrib_str_of(retire), ATTRIB_STR("2"),
			ATTRIB_STR(MARKS_KEY), ATTRIB_STR(HEARD_KEY), redis_id_bytes(id),
			attrib_str_of(quiet));
	if (!err)
		err = redis_link_take_integer(&link, &what);
	if (!err)
		err = errors[what >= 0 && what <= 2 ? what : 0];
	return redis_link_close(&link, err, why);
}
