/*
 * Who a server is: an id beside the facts. It is set where there is none and never changed, so all that share
 * the server are told the same one, whoever came first. Two servers can have the same one, when a replica was
 * promoted: which of them it is, is told by the id of their history, that a server changes when it becomes a master.
 */
#include "redis.h"

#include <string.h>

#include "attrib/id.h"
#include "redis_info.h"

#define IDENTITY_KEY "at1:#state"

static int take_identity(struct redis_link *link, struct attrib_id *id, bool *found)
{
	redisReply *reply;
	int err = redis_link_take(link, REDIS_NIL_OR_TEXT, &reply);

	if (err)
		return err;
	*found = reply->type == REDIS_REPLY_STRING;
	if (*found && reply->len != sizeof id->b)
		err = redis_link_fail(
			link, ATTRIB_E_CONFIG, "the key " IDENTITY_KEY " is none of attribd's");
	else if (*found)
		memcpy(id->b, reply->str, sizeof id->b);
	freeReplyObject(reply);
	return err;
}

static void ask_set(struct redis_link *link, const struct attrib_id *id)
{
	REDIS_COMMAND(link, ATTRIB_STR("SET"), ATTRIB_STR(IDENTITY_KEY), redis_id_bytes(id),
		ATTRIB_STR("NX"), ATTRIB_STR("GET"));
}

int redis_claim(struct redis *redis)
{
	struct attrib_id id;
	char hex[2 * sizeof id.b];
	bool found;
	int err;

	if (attrib_id_none(&redis->identity))
		return 0;
	ask_set(&redis->link, &redis->identity);
	err = take_identity(&redis->link, &id, &found);
	if (err || !found || attrib_id_eq(&id, &redis->identity))
		return err;
	attrib_hex(id.b, sizeof id.b, hex);
	return redis_link_fail(&redis->link, ATTRIB_E_CONFIG,
		"it holds another shared state (%.*s): the address has to lead to the one that "
		"decides "
		"the sites",
		(int)sizeof hex, hex);
}

/* -- which master -------------------------------------------------------------------------------- */

int redis_judge_master(struct redis *redis)
{
	if (!redis->stay.id[0] || !strcmp(redis->stay.id, redis->link.master.id))
		return 0;
	redis->moved = true;
	return redis_link_fail(&redis->link, ATTRIB_E_UNAVAILABLE,
		"another master answers than before: %s", redis->link.master.id);
}

int redis_judge_again(struct redis *redis, const redisReply *info)
{
	struct attrib_master now;
	int err = redis_info_master(&redis->link, info, &now);

	if (err || !strcmp(now.id, redis->link.master.id))
		return err;
	return redis_link_fail(
		&redis->link, ATTRIB_E_UNAVAILABLE, "the server's data have begun another history");
}

int attrib_state_redis_master(struct attrib_state *state, struct attrib_master *out)
{
	struct redis *redis = redis_of(state);
	int err = redis_link_open(&redis->link);

	if (err)
		return err;
	*out = redis->link.master;
	out->state = redis->identity;
	return 0;
}

void attrib_state_redis_stay(struct attrib_state *state, const struct attrib_master *master)
{
	struct redis *redis = redis_of(state);

	redis->stay = master ? *master : (struct attrib_master){0};
	redis->moved = false;
}

void attrib_state_redis_refuse(struct attrib_state *state, const char *why)
{
	redis_link_fail(&redis_of(state)->link, 0, "%s", why);
}

bool attrib_state_redis_moved(const struct attrib_state *state)
{
	return ((const struct redis *)state)->moved;
}

int attrib_state_redis_identity(const char *url, int timeout_ms, bool make, struct attrib_id *id,
	bool *found, struct attrib_master *master, char why[ATTRIB_REDIS_WHY])
{
	struct redis_link link;
	int err = redis_link_open_url(&link, url, timeout_ms);

	if (!err && make)
		ask_set(&link, id);
	else if (!err)
		REDIS_COMMAND(&link, ATTRIB_STR("GET"), ATTRIB_STR(IDENTITY_KEY));
	if (!err)
		err = take_identity(&link, id, found);
	if (!err && master)
		*master = link.master;
	return redis_link_close(&link, err, why);
}
