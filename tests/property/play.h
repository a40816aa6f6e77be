/*
 * attrib-play: the engine behind a pipe, so that a model in another language can be compared with
 * it. Lines of JSON in, decisions as lines of JSON out; what they look like: PLAY.md.
 */
#ifndef ATTRIB_TEST_PLAY_H
#define ATTRIB_TEST_PLAY_H

#include <stdio.h>

#include "attrib/batch.h"
#include "attrib/catalog.h"
#include "attrib/intake.h"
#include "attrib/sink.h"
#include "../../lib/intake/json.h"

#define PLAY_SITES_MAX    8
#define PLAY_PARAMS_MAX   8
#define PLAY_VERSIONS_MAX 16 /* of one site's settings */

/* The sites of a catalog line, as intake wants them. */
struct play_sites {
	struct attrib_intake_site site[PLAY_SITES_MAX];
	struct attrib_str params[PLAY_SITES_MAX][PLAY_PARAMS_MAX]; /* affiliate parameters */
	struct attrib_str history[PLAY_SITES_MAX]; /* customer_history; views of the catalog line */
	size_t n;
	struct attrib_zone
		*zones[PLAY_SITES_MAX * PLAY_VERSIONS_MAX]; /* owned: freed with the sites */
	size_t zone_n;
};

/* The member of an object; false when there is none. */
bool play_member(struct attrib_json object, const char *name, struct attrib_json *out);
/* A string member, or none. */
struct attrib_str play_text(struct attrib_json object, const char *name);
/* Writes a tree back as JSON. */
void play_json(struct attrib_json value, struct attrib_buf *out);

/* Builds a catalog of {"version", "sites", "trackers", "campaigns", "creator_customers"}. Says what is
 * wrong on stderr and ends the process: a test's input has no second chance. */
struct attrib_catalog *play_catalog(
	struct attrib_json catalog, struct attrib_keys *keys, struct play_sites *sites);
void play_sites_done(struct play_sites *sites);

/* A sink into PostgreSQL, migrated and attached. */
struct attrib_sink *play_database(const char *conninfo);
void play_database_flush(struct attrib_sink *sink, const struct attrib_batch_view *view);
/* Writes the sites' settings that views need. */
void play_database_sites(const char *conninfo, const struct play_sites *sites);

__attribute__((noreturn, format(printf, 1, 2))) void play_fail(const char *format, ...);

#endif
