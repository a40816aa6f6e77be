/*
 * Who a server is: an id beside the facts. It is set where there is none and never changed, so all that share
 * the server are told the same one, whoever came first.
 */
#include "redis.h"

#include <stdio.h>
#include <string.h>

#include "attrib/id.h"

#define IDENTITY_KEY "at1:#state"

static struct attrib_str bytes_of(const struct attrib_id *id)
{
	return (struct attrib_str){(const char *)id->b, sizeof id->b};
}

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
	REDIS_COMMAND(link, ATTRIB_STR("SET"), ATTRIB_STR(IDENTITY_KEY), bytes_of(id),
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

int attrib_state_redis_identity(const char *url, int timeout_ms, bool make, struct attrib_id *id,
	bool *found, char why[ATTRIB_REDIS_WHY])
{
	struct redis_address address;
	struct redis_link link;
	int err;

	if (redis_address_parse(url, &address)) {
		snprintf(why, ATTRIB_REDIS_WHY, "%s", attrib_redis_url_problem(url));
		return ATTRIB_E_CONFIG;
	}
	redis_link_init(&link, &address, timeout_ms);
	err = redis_link_open(&link);
	if (!err && make)
		ask_set(&link, id);
	else if (!err)
		REDIS_COMMAND(&link, ATTRIB_STR("GET"), ATTRIB_STR(IDENTITY_KEY));
	if (!err)
		err = take_identity(&link, id, found);
	snprintf(why, ATTRIB_REDIS_WHY, "%s", err ? link.why : "");
	redis_link_done(&link);
	return err;
}
