/*
 * The other end of the pipe: PostgreSQL instead of lines. The sites of a catalog line are written as the
 * daemon writes those of its configuration, so that views know their time zones and histories.
 */
#include <string.h>

#include "play.h"

static void must(int err, const char *what, const struct attrib_sink_error *error)
{
	if (err)
		play_fail("%s: %s: %s", what, attrib_error_text(err), error ? error->text : "");
}

struct attrib_sink *play_database(const char *conninfo, size_t instance)
{
	static const uint8_t fingerprint[32] = {7};
	struct attrib_postgres_options options = {.conninfo = conninfo,
		.instance = {{(uint8_t)(instance + 1)}},
		.secret_fingerprint = fingerprint};
	struct attrib_sink_error error = {0};
	struct attrib_sink_attach attach;
	struct attrib_sink *sink;

	must(attrib_postgres_migrate(conninfo, NULL, NULL, &error), "migrate", &error);
	must(attrib_sink_postgres_new(&options, &sink), "sink", NULL);
	must(sink->ops->attach(sink, &attach), "attach", sink->ops->error(sink));
	return sink;
}

void play_database_flush(struct attrib_sink *sink, const struct attrib_batch_view *view)
{
	must(sink->ops->flush(sink, view, 0), "flush", sink->ops->error(sink));
}

void play_database_sites(const char *conninfo, const struct play_sites *sites, bool forward)
{
	static const struct attrib_str all = ATTRIB_STR("conversion.created,conversion.adjusted");
	struct attrib_site_row rows[PLAY_SITES_MAX] = {{0}};
	struct attrib_sink_error error = {0};
	struct attrib_arena arena;

	attrib_arena_init(&arena, 4096);
	for (size_t i = 0; i < sites->n; i++)
		rows[i] = (struct attrib_site_row){.site = sites->site[i].site,
			.customer_history = sites->history[i],
			.cost_spread = ATTRIB_STR("direct_cost"),
			.policy_json = ATTRIB_STR("{}"),
			.forward_events = forward ? all : ATTRIB_STR_NONE,
			.forward_since = ATTRIB_US_PER_DAY};
	must(attrib_postgres_put_sites(conninfo, rows, sites->n, NULL, &arena, &error), "sites",
		&error);
	attrib_arena_done(&arena);
}
