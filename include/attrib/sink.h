/*
 * The sink seam: where batches go. PostgreSQL in production; NDJSON and null for tests and benches.
 *
 * A flush is one transaction that holds rows, rollups and lane positions. It is guarded by a
 * compare-and-set of the instance's epoch and positions, so a batch can be flushed again after any
 * doubt: a position that is already at its target means success.
 */
#ifndef ATTRIB_SINK_H
#define ATTRIB_SINK_H

#include <stdbool.h>
#include <stdint.h>
#include "attrib/batch.h"
#include "attrib/error.h"
#include "attrib/master.h"

struct attrib_sink_attach {
	uint64_t epoch;           /* ours from now on; every older one is fenced */
	uint64_t base;            /* highest record number that the sink has seen of us */
	uint64_t catalog_version; /* of the last flush; differs from now: decide all again */
	struct attrib_position *positions; /* owned by the sink until its free */
	size_t position_count;
	size_t given_up; /* the last ones, as in attrib_positions */
};

struct attrib_sink_error {
	char sqlstate[6]; /* empty without one */
	char text[256];   /* for the log; never a secret, never a row's content */
	/* After ATTRIB_E_INVALID: where, empty when not told, and what the database said, which may
	 * quote a value: for the quarantine, not for the log. */
	char table[64], column[64], constraint[64], message[256];
};

struct attrib_sink {
	const struct attrib_sink_ops *ops;
	uint64_t quarantined; /* facts that wait for a person, as of the last attach or flush */
	uint64_t refused;     /* rows that flushes set aside since this sink was made; error() tells
				 of the last one right after its flush */
};
struct attrib_sink_ops {
	const char *name;
	/* Connects, checks the schema version (ATTRIB_E_SCHEMA), takes the next epoch for this
	 * instance and reads its positions. Call again after ATTRIB_E_UNAVAILABLE. */
	int (*attach)(struct attrib_sink *sink, struct attrib_sink_attach *out);
	/* Flushes one sealed batch. 0: committed (now or before); rows that were refused for their data
	 * are set aside and counted in `refused`. ATTRIB_E_UNAVAILABLE: try again later, same batch.
	 * ATTRIB_E_INVALID: the same, but so many rows were refused that it can't be their fault.
	 * ATTRIB_E_FENCED: another process has our identity, stop. ATTRIB_E_SUPERSEDED: nothing was written, what
	 * has decided the batch decides no more. */
	int (*flush)(struct attrib_sink *sink, const struct attrib_batch_view *batch,
		uint64_t catalog_version);
	/* What is flushed from now on was decided by this master of a shared state. One that nobody has met before
	 * takes the place of the others. ATTRIB_E_SUPERSEDED: another has taken its place, error() tells which;
	 * nothing has changed. ATTRIB_E_UNAVAILABLE as above. NULL: nobody here shares a state. */
	int (*meet)(struct attrib_sink *sink, const struct attrib_master *master);
	const struct attrib_sink_error *(*error)(const struct attrib_sink *sink);
	void (*free)(struct attrib_sink *sink);
};

/* What PostgreSQL knows of an instance's lanes. */
struct attrib_positions {
	const struct attrib_position *p; /* borrowed */
	size_t count;
	size_t given_up; /* the last ones: what the journal lacks of these lanes is no news */
};

struct attrib_postgres_options {
	const char *conninfo;
	struct attrib_id instance;
	const uint8_t *secret_fingerprint; /* 32 bytes: all instances of one database agree on it */
	int connect_timeout_s, statement_timeout_ms, tcp_user_timeout_ms; /* 0 = 5, 30000, 10000 */
	/* Asked at the first attach, before it takes an epoch: does the journal fit the positions?
	 * False fails the attach with ATTRIB_E_CONFIG and the text that it wrote. NULL = it does. */
	bool (*fits)(void *arg, const struct attrib_positions *positions,
		struct attrib_sink_error *error);
	void *fits_arg;
};
int attrib_sink_postgres_new(
	const struct attrib_postgres_options *options, struct attrib_sink **out) ATTRIB_MUST_CHECK;
/* One JSON object per row on a FILE (borrowed): for tests. No refunds are split here. */
int attrib_sink_ndjson_new(void *file, struct attrib_sink **out) ATTRIB_MUST_CHECK;
int attrib_sink_null_new(struct attrib_sink **out) ATTRIB_MUST_CHECK;

/* The rest of what the program asks PostgreSQL. Each opens its own connection; messages go to
 * error->text. */

/* Applies the migrations that are missing, each in its own transaction; `line` hears of each. */
int attrib_postgres_migrate(const char *conninfo, void (*line)(void *arg, const char *text),
	void *arg, struct attrib_sink_error *error) ATTRIB_MUST_CHECK;
/* Writes the sites' settings that views and merges need (time zone, currency, customer history,
 * primary model, cost spreading, policy, forwarding); a policy that says something else than the newest version
 * becomes a new one. Then reads each site's versions, newest first: versions[0] says what the policy
 * of the row says, unless the row is overruled. They lie in the arena. `owner` (NULL: nobody) is whose state
 * decides the sites from now on; ATTRIB_E_FENCED when one of them is another's, or a new instance of a shared state
 * says other settings than the others, and nothing is written. */
struct attrib_site_version {
	uint32_t version;
	int64_t recorded_at;
	struct attrib_str settings; /* lines as in attribd.conf, "name = value", sorted by name */
};
struct attrib_site_row {
	const struct attrib_site *site;
	struct attrib_str customer_history, cost_spread;
	struct attrib_str policy_json; /* what a decision depends on, in canonical order */
	struct attrib_str
		forward_events; /* types that are forwarded, comma separated; empty = none */
	int64_t forward_since;  /* now, when it begins to be forwarded */
	bool overruled; /* out: another instance of the shared state has newer settings, which stand */
	struct attrib_site_version *versions; /* out */
	size_t version_count;
};
struct attrib_owner {
	struct attrib_id instance;
	const uint8_t
		*secret_fingerprint; /* 32 bytes; ATTRIB_E_CONFIG when it is not the database's */
	bool shares; /* its facts are in `state`, which instances share; else in its memory */
	struct attrib_id state; /* the id that lies there */
	struct attrib_master
		master; /* take_over only: makes it the one that decides; none = as it is */
};
int attrib_postgres_put_sites(const char *conninfo, struct attrib_site_row *rows, size_t n,
	const struct attrib_owner *owner, struct attrib_arena *arena,
	struct attrib_sink_error *error) ATTRIB_MUST_CHECK;
/* The shared state that decides one of the sites; *found false: none does. */
int attrib_postgres_shared_state(const char *conninfo, const struct attrib_str *sites, size_t n,
	struct attrib_id *out, bool *found, struct attrib_sink_error *error) ATTRIB_MUST_CHECK;
/* Makes an instance, or the state that it shares, the owner of sites, whoever has them, and goes on without records of lanes: all
 * or nothing. `find` is told the positions and returns the lanes; `line` hears a sentence of each
 * thing that was done. */
struct attrib_postgres_take_over {
	struct attrib_owner owner;
	const struct attrib_str *sites;
	size_t site_count;
	/* lane and the number up to which no record is expected; borrowed until the next call */
	int (*find)(void *arg, const struct attrib_positions *positions,
		const struct attrib_position **lanes, size_t *n);
	void (*line)(void *arg, const char *text);
	void *arg;
};
int attrib_postgres_take_over(const char *conninfo, const struct attrib_postgres_take_over *what,
	struct attrib_sink_error *error) ATTRIB_MUST_CHECK;
/* Reads catalog rows with their history into a builder; *version is that of the snapshot. */
int attrib_postgres_load_catalog(const char *conninfo, struct attrib_catalog_builder *builder,
	uint64_t *version, struct attrib_sink_error *error) ATTRIB_MUST_CHECK;
/* A connection that LISTENs for catalog changes: poll() its descriptor, then ask. */
struct attrib_postgres_watch;
/* timeout_ms: what it is asked must be answered in that time; 0 = 30000. */
int attrib_postgres_watch_new(const char *conninfo, int timeout_ms,
	struct attrib_postgres_watch **out, struct attrib_sink_error *error) ATTRIB_MUST_CHECK;
int attrib_postgres_watch_fd(const struct attrib_postgres_watch *watch);
/* Whether anybody is still there: a connection that only listens would never notice that its other
 * end has gone without a word. ATTRIB_E_UNAVAILABLE when nobody is. */
int attrib_postgres_watch_ask(
	struct attrib_postgres_watch *watch, struct attrib_sink_error *error) ATTRIB_MUST_CHECK;
/* True in *changed when a notification came; ATTRIB_E_UNAVAILABLE when the connection is gone. */
int attrib_postgres_watch_poll(
	struct attrib_postgres_watch *watch, bool *changed) ATTRIB_MUST_CHECK;
void attrib_postgres_watch_free(struct attrib_postgres_watch *watch);

#endif
