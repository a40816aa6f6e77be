/*
 * Versions as texts to versions as the catalog has them.
 */
#include "site_history.h"

#include "log.h"

static void tell_problems(const struct attrib_site *site, struct attrib_str problems)
{
	while (problems.n) {
		struct attrib_str line = attrib_str_split(problems, '\n', &problems);
		attribd_log(ATTRIBD_LOG_WARNING, "site %.*s: version %u of its settings: %.*s",
			(int)site->name.n, site->name.p, site->policy.version, (int)line.n, line.p);
	}
}

int attribd_history_add(struct attribd_history *history, const struct attrib_site *now,
	const struct attrib_site_version *version, struct attrib_arena *arena)
{
	struct attrib_site *site = attrib_arena_raw(arena, sizeof *site);
	struct attrib_buf problems;
	int err;

	if (!site)
		return ATTRIB_E_NOMEM;
	*site = *now;
	site->policy.version = version->version;
	site->policy.recorded_at = version->recorded_at;
	site->before = NULL;
	attrib_buf_init(&problems);
	err = attribd_config_read_version(version->settings, arena, site, &problems);
	tell_problems(site, attrib_buf_view(&problems));
	attrib_buf_done(&problems);
	if (err)
		return err;
	if (history->oldest)
		history->oldest->before = site;
	else
		history->newest = site;
	history->oldest = site;
	return 0;
}
