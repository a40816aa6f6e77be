/*
 * Forgetting: a walk over all keys. Redis lets go by itself of what nobody has added to for long enough;
 * this is for whoever wants it to happen by a watermark, and for what never expires because something in
 * it lasts. It also counts anew.
 */
#include "redis.h"

#include <stdlib.h>
#include <string.h>

#define AT_ONCE 1000 /* keys */

struct walk {
	struct redis *redis;
	int64_t ids_before, facts_before;
	struct attrib_buf packed;
	struct attrib_entity entities[4 * AT_ONCE]; /* SCAN may bring more than it was asked for */
	size_t n;
	int64_t counts[KINDS];
};

/* What is to stand in the place of a value: *to, which may be empty; false: it stays as it is. */
static int judge(struct walk *walk, const struct attrib_entity *entity, struct attrib_str value,
	bool *goes, int64_t *copies)
{
	struct redis_fold *fold = &walk->redis->fold;
	struct redis_claim claim;
	size_t went = 0;
	int err;

	*goes = false;
	*copies = 0;
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
	went = state_facts_forget(&fold->pool, &fold->facts, walk->facts_before);
	*goes = went > 0;
	*copies = fold->facts ? (int64_t)state_facts_count(fold->facts) : 0;
	return went && fold->facts ? redis_fold_pack(fold, &walk->packed) : 0;
}

static int replace(struct walk *walk, const struct attrib_entity *entity, struct attrib_str value)
{
	redisReply *reply;
	int err;

	redis_ask_replace(walk->redis, entity, value, attrib_buf_view(&walk->packed));
	err = redis_link_take(&walk->redis->link, REDIS_TYPE(REDIS_REPLY_INTEGER), &reply);
	if (err)
		return err;
	walk->redis->stats.forgotten += reply->integer && walk->packed.n == 0;
	freeReplyObject(reply);
	return 0;
}

static int visit(struct walk *walk, const struct attrib_entity *entity, const redisReply *reply)
{
	struct attrib_str value = redis_text(reply);
	int64_t copies;
	bool goes;
	int err = judge(walk, entity, value, &goes, &copies);

	if (err == ATTRIB_E_CORRUPT)
		return redis_take_out(walk->redis, entity, value);
	if (!err && goes)
		err = replace(walk, entity, value);
	if (!goes || walk->packed.n) {
		walk->counts[entity->kind]++;
		walk->counts[0] += copies;
	}
	return err;
}

/* One page of keys; *cursor is 0 at the end. */
static int scan(struct walk *walk, char cursor[32])
{
	const redisReply *keys;
	redisReply *reply;
	int err;

	REDIS_COMMAND(&walk->redis->link, ATTRIB_STR("SCAN"), attrib_str_of(cursor),
		ATTRIB_STR("MATCH"), ATTRIB_STR(REDIS_PREFIX "*"), ATTRIB_STR("COUNT"),
		ATTRIB_STR("1000"));
	err = redis_link_take(&walk->redis->link, REDIS_TYPE(REDIS_REPLY_ARRAY), &reply);
	if (err)
		return err;
	walk->n = 0;
	if (reply->elements != 2 || reply->element[0]->type != REDIS_REPLY_STRING ||
		reply->element[0]->len >= 32 || reply->element[1]->type != REDIS_REPLY_ARRAY ||
		reply->element[1]->elements > 4 * AT_ONCE) {
		err = redis_link_fail(
			&walk->redis->link, ATTRIB_E_UNAVAILABLE, "no answer to SCAN");
	} else {
		memcpy(cursor, reply->element[0]->str, reply->element[0]->len + 1);
		keys = reply->element[1];
		for (size_t i = 0; i < keys->elements; i++)
			walk->n += redis_key_entity(
				redis_text(keys->element[i]), &walk->entities[walk->n]);
	}
	freeReplyObject(reply);
	return err;
}

static int visit_page(struct walk *walk)
{
	char key[REDIS_KEY_BYTES];
	redisReply *reply;
	int err;

	if (walk->n == 0)
		return 0;
	redis_link_command(&walk->redis->link, 1 + walk->n);
	redis_link_word(&walk->redis->link, ATTRIB_STR("MGET"));
	for (size_t i = 0; i < walk->n; i++)
		redis_link_word(&walk->redis->link, redis_key(&walk->entities[i], key));
	err = redis_link_take(&walk->redis->link, REDIS_TYPE(REDIS_REPLY_ARRAY), &reply);
	if (err)
		return err;
	for (size_t i = 0; i < walk->n && i < reply->elements && !err; i++)
		if (reply->element[i]->type == REDIS_REPLY_STRING)
			err = visit(walk, &walk->entities[i], reply->element[i]);
	freeReplyObject(reply);
	return err;
}

/* What has been added since the walk met it is missing until the next one. */
static int tell(struct walk *walk)
{
	size_t n;
	int err;

	memcpy(walk->redis->uncounted, walk->counts, sizeof walk->counts);
	REDIS_COMMAND(&walk->redis->link, ATTRIB_STR("DEL"), ATTRIB_STR(REDIS_COUNTS_KEY));
	redis_tell_counts(walk->redis, &n);
	redis_ask_bytes(walk->redis);
	err = redis_take_counts(walk->redis, 1 + n);
	return err ? err : redis_take_bytes(walk->redis);
}

int redis_forget(struct attrib_state *state, int64_t ids_before, int64_t facts_before)
{
	struct walk *walk = calloc(1, sizeof *walk);
	char cursor[32] = "0";
	int err;

	if (!walk)
		return ATTRIB_E_NOMEM;
	walk->redis = redis_of(state);
	walk->ids_before = ids_before;
	walk->facts_before = facts_before;
	err = redis_begin(walk->redis);
	do {
		if (!err)
			err = scan(walk, cursor);
		if (!err)
			err = visit_page(walk);
	} while (!err && strcmp(cursor, "0") != 0);
	if (!err)
		err = tell(walk);
	attrib_buf_done(&walk->packed);
	free(walk);
	return err;
}
