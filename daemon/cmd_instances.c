/*
 * attribd instances: who shares the state in Redis, how far each has come, and the word of an operator that one of them
 * will never come back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attrib/state_redis.h"
#include "attrib/time.h"
#include "cmd.h"
#include "statedir.h"

#define TIMEOUT_MS 2000
#define QUIET_US   ATTRIB_US_PER_MIN /* whoever was heard of since is no dead one */

/* Whom the state directory of this configuration names; nobody when it has none, or may not be read. */
static struct attrib_id own_id(const struct attribd_config *config)
{
	struct attrib_id id = {{0}};
	char path[4096];

	snprintf(path, sizeof path, "%s/instance", config->state_dir);
	if (access(path, R_OK) || attribd_statedir_instance(config->state_dir, &id))
		id = (struct attrib_id){{0}};
	return id;
}

static void print_one(const struct attrib_redis_instance *one, int64_t now, bool own)
{
	char hex[2 * sizeof one->id], mark[32];
	int64_t mark_s = (now - one->mark) / ATTRIB_US_PER_S,
		heard_s = (now - one->heard_at) / ATTRIB_US_PER_S;

	attrib_hex(&one->id, sizeof one->id, hex);
	attrib_time_format(one->mark, mark);
	printf("%.*s  %.19sZ  %13lld s  %10lld s%s\n", (int)sizeof hex, hex, mark,
		(long long)mark_s, (long long)(heard_s > 0 ? heard_s : 0), own ? "  this one" : "");
}

static int failed(int err, const char *why)
{
	cmd_complain("state: %s", why[0] ? why : attrib_error_text(err));
	return cmd_exit_status(err);
}

static int list(const struct attribd_config *config)
{
	struct attrib_id own = own_id(config);
	struct attrib_redis_instance *all;
	char why[ATTRIB_REDIS_WHY] = "";
	int64_t now;
	size_t n;
	int err = attrib_state_redis_instances(config->state, TIMEOUT_MS, &all, &n, &now, why);

	if (err)
		return failed(err, why);
	printf("%-32s  %-20s  %15s  %12s\n", "instance", "has written up to", "behind by",
		"heard of");
	for (size_t i = 0; i < n; i++)
		print_one(&all[i], now, attrib_id_eq(&all[i].id, &own));
	free(all);
	return fflush(stdout) ? EX_IOERR : EX_OK;
}

static int retire(const struct attribd_config *config, const char *name)
{
	char why[ATTRIB_REDIS_WHY] = "";
	struct attrib_id id;
	int err;

	if (attrib_hex_decode(attrib_str_of(name), &id, sizeof id)) {
		cmd_complain("instances retire: expected 32 hex digits, as attribd instances "
			     "prints them, got \"%s\"",
			name);
		return EX_USAGE;
	}
	err = attrib_state_redis_retire(config->state, TIMEOUT_MS, &id, QUIET_US, why);
	if (err == ATTRIB_E_NOT_FOUND)
		cmd_complain("instances retire: nobody waits for %s", name);
	else if (err == ATTRIB_E_INVALID)
		cmd_complain("instances retire: %s was heard of within the last minute: stop it "
			     "instead",
			name);
	else if (err)
		return failed(err, why);
	else
		printf("nobody waits for %s any more\n", name);
	return err ? EX_DATAERR : fflush(stdout) ? EX_IOERR : EX_OK;
}

int cmd_instances(const struct cmd_line *line)
{
	const char *word = line->operand_count > 1 ? line->operands[1] : NULL;
	struct attribd_config *config;
	int status;

	if (word && (strcmp(word, "retire") != 0 || line->operand_count != 3)) {
		cmd_complain("instances: expected nothing, or retire and an instance");
		return EX_USAGE;
	}
	status = cmd_load_config(line->config, &config);
	if (status)
		return status;
	if (!attribd_config_shares_state(config)) {
		cmd_complain("instances: state is memory, which nobody shares");
		status = EX_CONFIG;
	} else {
		status = word ? retire(config, line->operands[2]) : list(config);
	}
	attribd_config_free(config);
	return status;
}
