/*
 * The state in Redis instead of memory, for several engines at once.
 */
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "attrib/state_redis.h"
#include "play.h"

struct attrib_state *play_redis(const char *url)
{
	struct attrib_redis_options options = {
		.url = url, .ids_ttl_s = 100000, .facts_ttl_s = 100000, .timeout_ms = 60000};
	struct attrib_state *state;

	if (attrib_state_redis_new(&options, &state))
		play_fail("%s: %s", url, attrib_redis_url_problem(url));
	return state;
}

/* The server of a test is on a socket: unix:/path, perhaps with ?db=n. */
void play_redis_empty(const char *url)
{
	const char *path = url + strlen("unix:"), *query = strchr(path, '?');
	char *name = strndup(path, query ? (size_t)(query - path) : strlen(path));
	redisContext *context = redisConnectUnix(name);
	redisReply *reply;

	if (!context || context->err)
		play_fail("%s: no connection", url);
	freeReplyObject(redisCommand(context, "SELECT %s", query ? query + strlen("?db=") : "0"));
	reply = redisCommand(context, "FLUSHDB");
	if (!reply || reply->type != REDIS_REPLY_STATUS)
		play_fail("%s: it can't be emptied", url);
	freeReplyObject(reply);
	redisFree(context);
	free(name);
}
