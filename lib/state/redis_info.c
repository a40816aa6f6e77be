/* See redis_info.h. */
#include "redis_info.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attrib/error.h"

#define OLDEST_MAJOR 7 /* SET with NX and GET */

static const char *info_text(const redisReply *info, const char *name)
{
	char line[64];
	const char *at;

	snprintf(line, sizeof line, "\n%s:", name);
	at = strstr(info->str, line);
	return at ? at + strlen(line) : NULL;
}

static bool info_is(const redisReply *info, const char *name, const char *value)
{
	const char *text = info_text(info, name);
	size_t n = strlen(value);

	return text && !strncmp(text, value, n) && (text[n] == '\r' || text[n] == '\0');
}

uint64_t redis_info_number(const redisReply *info, const char *name)
{
	const char *text = info_text(info, name);

	return text ? strtoull(text, NULL, 10) : 0;
}

int redis_info_judge_policy(struct redis_link *link, const redisReply *info)
{
	if (info_is(info, "maxmemory_policy", "noeviction"))
		return 0;
	return redis_link_fail(link, ATTRIB_E_CONFIG,
		"maxmemory-policy has to be noeviction: another one throws facts away and "
		"tells nobody");
}

/* What would lose facts in silence, or could not do what is asked of it. */
static int judge(struct redis_link *link, const redisReply *info)
{
	if (redis_info_number(info, "loading"))
		return redis_link_fail(
			link, ATTRIB_E_UNAVAILABLE, "the server is still loading its data");
	if (redis_info_number(info, "redis_version") < OLDEST_MAJOR)
		return redis_link_fail(
			link, ATTRIB_E_CONFIG, "it has to be Redis 7.0 or Valkey 7.2, or newer");
	if (redis_info_number(info, "cluster_enabled"))
		return redis_link_fail(link, ATTRIB_E_CONFIG,
			"a cluster can't be used: facts of several entities are added at once; one "
			"server with replicas can");
	if (!info_is(info, "role", "master"))
		return redis_link_fail(link, ATTRIB_E_UNAVAILABLE,
			"it is a replica: the address has to lead to the master");
	link->started_with = redis_info_number(info, "used_memory_startup");
	return redis_info_judge_policy(link, info);
}

static void note_run_id(struct redis_link *link, const redisReply *info)
{
	const char *text = info_text(info, "run_id");

	snprintf(link->run_id, sizeof link->run_id, "%.*s", REDIS_RUN_ID, text ? text : "");
}

/* Nothing when there is none, or only zeros. */
static void copy_master_id(const redisReply *info, const char *name, char out[ATTRIB_MASTER_ID + 1])
{
	const char *text = info_text(info, name);
	size_t n = text ? strspn(text, "0123456789abcdef") : 0;

	out[0] = '\0';
	if (n == ATTRIB_MASTER_ID && strspn(text, "0") < n)
		snprintf(out, ATTRIB_MASTER_ID + 1, "%s", text);
}

int redis_info_master(struct redis_link *link, const redisReply *info, struct attrib_master *out)
{
	*out = (struct attrib_master){0};
	copy_master_id(info, "master_replid", out->id);
	copy_master_id(info, "master_replid2", out->former);
	return out->id[0] ? 0
			  : redis_link_fail(link, ATTRIB_E_UNAVAILABLE,
				    "the server does not say which master it is");
}

int redis_info_meet(struct redis_link *link, const redisReply *info)
{
	int err = judge(link, info);

	if (!err)
		err = redis_info_master(link, info, &link->master);
	if (!err)
		note_run_id(link, info);
	return err;
}
