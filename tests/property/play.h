/*
 * attrib-play: the engine behind a pipe, so that a model in another language can be compared with
 * it. Lines of JSON in, decisions as lines of JSON out; what they look like: PLAY.md.
 */
#ifndef ATTRIB_TEST_PLAY_H
#define ATTRIB_TEST_PLAY_H

#include <stdio.h>

#include "attrib/batch.h"
#include "attrib/catalog.h"
#include "attrib/checkpoint.h"
#include "attrib/engine.h"
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

/* A sink into PostgreSQL, migrated and attached, of one of several instances. */
struct attrib_sink *play_database(const char *conninfo, size_t instance);
void play_database_flush(struct attrib_sink *sink, const struct attrib_batch_view *view);
/* Writes the sites' settings that views need. forward: what is decided goes into the outbox, too. */
void play_database_sites(const char *conninfo, const struct play_sites *sites, bool forward);

/* A state in Redis, and taking away all that is there. */
struct attrib_state *play_redis(const char *url);
void play_redis_empty(const char *url);

/* A copy of the state that is made while records are applied, and what a start from it would read again. */
struct play_copy {
	bool making, late; /* late: positions as of its end, which is wrong */
	struct attrib_dump dump;
	struct attrib_buf blocks, end;
	uint64_t noted; /* the last record that the copy has for sure */
	struct attrib_engine_marks marks;
	struct attrib_engine_record
		*records; /* owned, with their payloads: all since the beginning */
	size_t record_n, record_cap;
};
void play_copy_keep(struct play_copy *copy, const struct attrib_engine_record *record);
/* how: "begin", or "late" for one that notes its positions at the end. */
void play_copy_begin(struct play_copy *copy, const struct attrib_engine *engine, uint64_t applied,
	struct attrib_str how);
/* One step between two groups. */
void play_copy_step(struct play_copy *copy, struct attrib_state *state, uint64_t applied);
/* The rest of the steps, then a new state from the copy; the old one is freed. */
struct attrib_state *play_copy_load(
	struct play_copy *copy, struct attrib_state *state, uint64_t applied);
void play_copy_done(struct play_copy *copy);

__attribute__((noreturn, format(printf, 1, 2))) void play_fail(const char *format, ...);

#endif
