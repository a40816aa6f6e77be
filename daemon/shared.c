/*
 * Redis says who it is, the state directory who it was, PostgreSQL who it has to be. Redis forgets: an empty one is
 * given its id back by whoever knows it, and only by those. Of several that meet a new one at once the first decides.
 */
#include "shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "attrib/state_redis.h"
#include "attrib/time.h"
#include "clock.h"
#include "statedir.h"

#define TIMEOUT_MS  2000
#define AGAIN_US    100000
#define PATIENCE_US (5 * ATTRIB_US_PER_S) /* whoever has nothing to do notices a loss within 2 s */

static int fail(struct attrib_sink_error *error, int err, const char *why)
{
	snprintf(error->text, sizeof error->text, "state: %.240s", why);
	return err == ATTRIB_E_CONFIG || err == ATTRIB_E_UNAUTHORIZED ? ATTRIB_E_FENCED : err;
}

static int look(const struct attribd_config *config, struct attrib_owner *owner, bool *found,
	char why[ATTRIB_REDIS_WHY])
{
	*found = false;
	return attrib_state_redis_identity(
		config->state, TIMEOUT_MS, false, &owner->state, found, &owner->master, why);
}

static int make_new(const struct attribd_config *config, struct attrib_owner *owner,
	struct attrib_sink_error *error)
{
	char why[ATTRIB_REDIS_WHY];
	bool found;

	attrib_random(&owner->state, sizeof owner->state);
	int err = attrib_state_redis_identity(
		config->state, TIMEOUT_MS, true, &owner->state, &found, &owner->master, why);
	return err ? fail(error, err, why) : 0;
}

/* An empty one that this state_dir does not know: it may be the wrong one, and has lost all otherwise. */
static int is_nobodys(const struct attribd_config *config, struct attrib_sink_error *error)
{
	struct attrib_str *sites = calloc(config->site_count + 1, sizeof *sites);
	char hex[2 * sizeof(struct attrib_id) + 1] = "";
	struct attrib_id id;
	bool found;
	int err = sites ? 0 : ATTRIB_E_NOMEM;

	for (size_t i = 0; i < config->site_count && !err; i++)
		sites[i] = config->sites[i].site.name;
	if (!err)
		err = attrib_postgres_shared_state(
			config->postgres, sites, config->site_count, &id, &found, error);
	free(sites);
	if (err || !found)
		return err;
	attrib_hex(id.b, sizeof id.b, hex);
	snprintf(error->text, sizeof error->text,
		"the sites are decided by shared state %s, and the one that `state` leads to is "
		"empty: if it has "
		"lost its data, start an instance first that was on it; else correct `state`, or "
		"'attribd "
		"take-over'",
		hex);
	return ATTRIB_E_FENCED;
}

/* Of those that begin at once the first puts it there before it tells PostgreSQL; and of those that were on one that has
 * lost all each puts it back as soon as it notices. */
static bool comes_back(const struct attribd_config *config, struct attrib_owner *owner)
{
	int64_t ends = attribd_clock_mono() + PATIENCE_US;
	char why[ATTRIB_REDIS_WHY];
	bool found;

	while (attribd_clock_mono() < ends) {
		if (look(config, owner, &found, why) == 0 && found)
			return true;
		usleep(AGAIN_US);
	}
	return false;
}

static int make(const struct attribd_config *config, bool take, struct attrib_owner *owner,
	struct attrib_sink_error *error)
{
	int err = take ? 0 : is_nobodys(config, error);

	if (err == ATTRIB_E_FENCED && comes_back(config, owner)) {
		error->text[0] = '\0';
		return 0;
	}
	return err ? err : make_new(config, owner, error);
}

static int find(const struct attribd_config *config, bool take, struct attrib_owner *owner,
	struct attrib_sink_error *error)
{
	char why[ATTRIB_REDIS_WHY];
	bool found;
	int away = look(config, owner, &found, why), err;

	if (!away && found)
		return 0;
	if (away && (take || away != ATTRIB_E_UNAVAILABLE))
		return fail(error, away, why);
	err = attribd_statedir_shared(config->state_dir, &owner->state);
	if (err != ATTRIB_E_NOT_FOUND)
		return err ? fail(error, err, "the file `shared_state` can't be read") : 0;
	if (away)
		return fail(error, away, why);
	return make(config, take, owner, error);
}

int attribd_shared_find(const struct attribd_config *config, bool take, struct attrib_owner *owner,
	struct attrib_sink_error *error)
{
	int err = attribd_config_shares_state(config) ? find(config, take, owner, error) : 0;

	owner->shares = !err && attribd_config_shares_state(config);
	if (owner->shares && owner->master.id[0])
		owner->master.state = owner->state;
	return err;
}

int attribd_shared_keep(const struct attribd_config *config, const struct attrib_owner *owner)
{
	struct attrib_id known;

	if (!owner->shares)
		return 0;
	if (attribd_statedir_shared(config->state_dir, &known) == 0 &&
		attrib_id_eq(&known, &owner->state))
		return 0;
	return attribd_statedir_keep_shared(config->state_dir, &owner->state);
}
