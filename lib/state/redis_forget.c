/*
 * The walk over all keys, a page of them at a time: it counts what is there, keeps what would go too early, and
 * forgets. Redis lets go by itself of what nobody has added to for long enough; forgetting is for what never expires
 * because something in it lasts, and for whoever wants it to happen by a watermark.
 *
 * A page is one script, which also looks for its keys: names and values that nothing is wanted of stay where they are.
 */
#include "redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attrib/time.h"

#define AT_ONCE  200           /* keys: nobody else is answered meanwhile */
#define ROOM     (8 * AT_ONCE) /* SCAN may bring more than it was asked for */
#define CURSOR   32
#define WALK_KEY "at1:#walk" /* the instance that walks; goes a minute after its last page */

enum reads { READS_NONE, READS_LASTING, READS_ALL };

struct redis_walk {
	struct redis *redis;
	bool shared;  /* nobody else walks meanwhile */
	int64_t hold; /* seconds */
	enum reads reads;
	int64_t ids_before, facts_before, by;
	int64_t began_at; /* the server's clock */
	char cursor[CURSOR];
	struct attrib_buf packed;
	struct attrib_entity entities[ROOM]; /* of a page, to be read */
	size_t n;
	int64_t counts[KINDS]; /* copies in [0]; of READS_LASTING those that went, negative */
};

/* -- one entity ----------------------------------------------------------------------------------- */

/* What is to stand in the place of a value, which may be nothing, is packed; goes: it does not stay as it is. */
static int judge(struct redis_walk *walk, const struct attrib_entity *entity,
	struct attrib_str value, bool *goes)
{
	struct redis_fold *fold = &walk->redis->fold;
	struct redis_claim claim;
	size_t had, went = 0;
	int err;

	*goes = false;
	attrib_buf_clear(&walk->packed);
	if (entity->kind == ATTRIB_ENTITY_ID) {
		err = redis_claim_read(value, &claim);
		if (!err)
			*goes = claim.received_at * ATTRIB_US_PER_S < walk->ids_before;
		return err;
	}
	err = redis_fold_read(fold, value);
	if (err || !fold->facts)
		return err;
	had = state_facts_count(fold->facts);
	went = state_facts_forget(&fold->pool, &fold->facts, walk->facts_before);
	*goes = went > 0;
	walk->counts[0] += (walk->reads == READS_ALL ? (int64_t)had : 0) - (int64_t)went;
	return went && fold->facts ? redis_fold_pack(fold, &walk->packed) : 0;
}

static int replace(
	struct redis_walk *walk, const struct attrib_entity *entity, struct attrib_str value)
{
	int64_t replaced;
	int err;

	redis_ask_replace(walk->redis, entity, value, attrib_buf_view(&walk->packed));
	err = redis_link_take_integer(&walk->redis->link, &replaced);
	if (!err && replaced && walk->packed.n == 0) {
		walk->redis->stats.forgotten++;
		walk->counts[entity->kind]--;
	}
	return err;
}

static int visit(
	struct redis_walk *walk, const struct attrib_entity *entity, struct attrib_str value)
{
	bool goes;
	int err = judge(walk, entity, value, &goes);

	if (err == ATTRIB_E_CORRUPT)
		return redis_take_out(walk->redis, entity, value);
	return err || !goes ? err : replace(walk, entity, value);
}

static int visit_all(struct redis_walk *walk)
{
	redisReply *reply;
	int err;

	if (walk->n == 0)
		return 0;
	redis_ask_values(walk->redis, walk->entities, walk->n);
	err = redis_link_take_values(&walk->redis->link, walk->n, &reply);
	if (err)
		return err;
	for (size_t i = 0; i < walk->n && !err; i++)
		if (reply->element[i]->type == REDIS_REPLY_STRING)
			err = visit(walk, &walk->entities[i], redis_text(reply->element[i]));
	freeReplyObject(reply);
	return err;
}

/* -- a page --------------------------------------------------------------------------------------- */

/* Whoever walks ('' = alone), where, how many keys, seconds to hold for, what is read. Answers with 0 when somebody else
 * walks. EXPIRE with GT makes no life shorter, and ends none that lasts. */
static const char page[] =
	"if ARGV[1]~='' then if redis.call('GET',KEYS[1])~=ARGV[1] then return 0 end "
	"redis.call('EXPIRE',KEYS[1],60) end "
	"local found=redis.call('SCAN',ARGV[2],'MATCH','" REDIS_PREFIX "*','COUNT',ARGV[3]) "
	"local hold,reads=tonumber(ARGV[4]),tonumber(ARGV[5]) "
	"local n,keys={v=0,c=0,o=0,i=0},{} "
	"for _,k in ipairs(found[2]) do local kind=#k==21 and string.sub(k,5,5) "
	"if kind and n[kind] then n[kind]=n[kind]+1 "
	"if hold>0 then redis.call('EXPIRE',k,hold,'GT') end "
	"if reads==2 or (reads==1 and redis.call('TTL',k)==-1) then keys[#keys+1]=k end "
	"end end return {found[1],keys,n.v,n.c,n.o,n.i}";

static void ask_page(struct redis_walk *walk)
{
	struct redis_link *link = &walk->redis->link;
	const struct attrib_id *instance = &walk->redis->instance;

	redis_link_command(link, 9);
	redis_link_word(link, ATTRIB_STR("EVAL"));
	redis_link_word(link, attrib_str_of(page));
	redis_link_word(link, ATTRIB_STR("1"));
	redis_link_word(link, ATTRIB_STR(WALK_KEY));
	redis_link_word(link, walk->shared ? redis_id_bytes(instance) : ATTRIB_STR_NONE);
	redis_link_word(link, attrib_str_of(walk->cursor));
	redis_link_number(link, AT_ONCE);
	redis_link_number(link, walk->hold);
	redis_link_number(link, walk->reads);
}

static bool is_page(const redisReply *reply)
{
	if (reply->elements != 2 + ATTRIB_ENTITY_ID ||
		reply->element[0]->type != REDIS_REPLY_STRING || reply->element[0]->len >= CURSOR ||
		reply->element[1]->type != REDIS_REPLY_ARRAY || reply->element[1]->elements > ROOM)
		return false;
	for (size_t i = 2; i < reply->elements; i++)
		if (reply->element[i]->type != REDIS_REPLY_INTEGER)
			return false;
	return true;
}

/* *over: somebody else walks. */
static int scan(struct redis_walk *walk, bool *over)
{
	const redisReply *keys;
	redisReply *reply;
	int err;

	ask_page(walk);
	err = redis_link_take(&walk->redis->link,
		REDIS_TYPE(REDIS_REPLY_ARRAY) | REDIS_TYPE(REDIS_REPLY_INTEGER), &reply);
	if (err)
		return err;
	walk->n = 0;
	*over = reply->type == REDIS_REPLY_INTEGER;
	if (!*over && !is_page(reply)) {
		err = redis_link_fail(
			&walk->redis->link, ATTRIB_E_UNAVAILABLE, "no answer to SCAN");
	} else if (!*over) {
		memcpy(walk->cursor, reply->element[0]->str, reply->element[0]->len + 1);
		keys = reply->element[1];
		for (size_t i = 0; i < keys->elements; i++)
			walk->n += redis_key_entity(
				redis_text(keys->element[i]), &walk->entities[walk->n]);
		for (int kind = ATTRIB_ENTITY_VISITOR; kind <= ATTRIB_ENTITY_ID; kind++)
			walk->counts[kind] += reply->element[1 + kind]->integer;
	}
	freeReplyObject(reply);
	return err;
}

/* -- beginning and end ---------------------------------------------------------------------------- */

static int start(struct redis *redis, struct redis_walk **out)
{
	struct redis_walk *walk;

	redis_walk_done(redis);
	walk = calloc(1, sizeof *walk);
	if (!walk)
		return ATTRIB_E_NOMEM;
	walk->redis = redis;
	walk->cursor[0] = '0';
	walk->ids_before = walk->facts_before = ATTRIB_NEVER;
	redis->walk = *out = walk;
	return redis_begin(redis);
}

void redis_walk_done(struct redis *redis)
{
	if (redis->walk)
		attrib_buf_done(&redis->walk->packed);
	free(redis->walk);
	redis->walk = NULL;
}

/* Held since when and until when, and what was forgotten by; of a walk that is still one's own. */
static const char over[] =
	"if redis.call('GET',KEYS[1])~=ARGV[1] then return 0 end "
	"if ARGV[3]~='0' then redis.call('HSET',KEYS[2],'held',ARGV[2],'until',ARGV[3]) end "
	"if ARGV[4]~='0' then redis.call('HSET',KEYS[2],'walked',ARGV[4]) end "
	"redis.call('DEL',KEYS[1]) return 1";

static void ask_over(struct redis_walk *walk)
{
	struct redis_link *link = &walk->redis->link;
	int64_t hold_us = walk->hold * ATTRIB_US_PER_S;

	redis_link_command(link, 9);
	redis_link_word(link, ATTRIB_STR("EVAL"));
	redis_link_word(link, attrib_str_of(over));
	redis_link_word(link, ATTRIB_STR("2"));
	redis_link_word(link, ATTRIB_STR(WALK_KEY));
	redis_link_word(link, ATTRIB_STR(REDIS_GONE_KEY));
	redis_link_word(link, redis_id_bytes(&walk->redis->instance));
	redis_link_number(link, walk->began_at);
	redis_link_number(link, hold_us ? walk->began_at + hold_us : 0);
	redis_link_number(link, walk->reads == READS_NONE ? 0 : walk->by);
}

/* Others hear of it with their next stats. */
static int end(struct redis_walk *walk)
{
	struct attrib_redis_marks *marks = &walk->redis->marks;
	int64_t mine;
	int err;

	ask_over(walk);
	err = redis_link_take_integer(&walk->redis->link, &mine);
	if (err || !mine)
		return err;
	if (walk->hold)
		marks->held_at = walk->began_at;
	if (walk->reads != READS_NONE)
		marks->walked_by = walk->by;
	return 0;
}

/* What has been added since the walk met its place is missing until the next one. */
static int tell(struct redis_walk *walk)
{
	struct redis *redis = walk->redis;
	size_t n = 0;
	int err = 0;

	if (walk->shared)
		err = end(walk);
	for (int i = walk->reads == READS_ALL ? 0 : 1; i < KINDS; i++, n++) {
		redis_ask_count(redis, i, walk->counts[i]);
		redis->uncounted[i] = 0;
	}
	if (walk->reads != READS_ALL)
		redis->uncounted[0] += walk->counts[0];
	redis_ask_bytes(redis);
	if (!err)
		err = redis_link_skip(&redis->link, REDIS_TYPE(REDIS_REPLY_INTEGER), n);
	return err ? err : redis_take_bytes(redis);
}

static int step(struct redis_walk *walk, bool *done)
{
	int err = redis_begin(walk->redis);

	*done = false;
	if (!err)
		err = scan(walk, done);
	if (!err && !*done)
		err = visit_all(walk);
	if (!err && !*done && strcmp(walk->cursor, "0") == 0) {
		*done = true;
		err = tell(walk);
	}
	return err;
}

int redis_forget(struct attrib_state *state, int64_t ids_before, int64_t facts_before)
{
	struct redis *redis = redis_of(state);
	struct redis_walk *walk;
	bool done = false;
	int err = start(redis, &walk);

	if (!err) {
		walk->reads = READS_ALL;
		walk->ids_before = ids_before;
		walk->facts_before = facts_before;
	}
	while (!err && !done)
		err = step(walk, &done);
	redis_walk_done(redis);
	return err;
}

/* -- in steps ------------------------------------------------------------------------------------- */

/* One that ended in the middle and begins again goes on as the one who walks. */
static const char claim[] = "local by=redis.call('GET',KEYS[1]) "
			    "if by and by~=ARGV[1] then return 0 end "
			    "redis.call('SET',KEYS[1],ARGV[1],'EX',60) "
			    "local t=redis.call('TIME') return t[1]*1000000+t[2]";

static int take_claim(struct redis_walk *walk)
{
	struct redis_link *link = &walk->redis->link;

	REDIS_COMMAND(link, ATTRIB_STR("EVAL"), attrib_str_of(claim), ATTRIB_STR("1"),
		ATTRIB_STR(WALK_KEY), redis_id_bytes(&walk->redis->instance));
	return redis_link_take_integer(link, &walk->began_at);
}

int attrib_state_redis_walk(
	struct attrib_state *state, const struct attrib_redis_walk *what, bool *mine)
{
	struct redis *redis = redis_of(state);
	struct redis_walk *walk;
	int err = start(redis, &walk);

	if (!err) {
		walk->shared = true;
		walk->hold = (int64_t)what->hold_s;
		walk->reads = what->facts_before == ATTRIB_NEVER ? READS_NONE : READS_LASTING;
		walk->facts_before = what->facts_before;
		walk->by = what->by;
		err = take_claim(walk);
	}
	*mine = !err && walk->began_at > 0;
	if (!*mine)
		redis_walk_done(redis);
	return err;
}

int attrib_state_redis_step(struct attrib_state *state, bool *done)
{
	struct redis *redis = redis_of(state);
	int err;

	*done = true;
	if (!redis->walk)
		return 0;
	err = step(redis->walk, done);
	*done |= err != 0;
	if (*done)
		redis_walk_done(redis);
	return err;
}
