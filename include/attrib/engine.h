/*
 * The engine: groups of records in, a batch out. Pure: no socket, file, clock, thread or log; what
 * it knows of time stands in the records. One thread owns it.
 *
 * For each group: decode, add the facts, load the closures that they touch, decide, fill the batch.
 * The result of a decision is a function of the set of facts, the policy and the catalog; neither
 * the order of records nor their grouping nor repeats change it.
 */
#ifndef ATTRIB_ENGINE_H
#define ATTRIB_ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include "attrib/batch.h"
#include "attrib/catalog.h"
#include "attrib/id.h"
#include "attrib/state.h"

struct attrib_engine_record {
	struct attrib_id lane;
	uint64_t number;
	struct attrib_str payload; /* encoded event */
};

struct attrib_engine_stats {
	uint64_t records, events, duplicates, touches, decisions, bad_payloads, unknown_sites;
	uint64_t late_orders, closures_cut; /* closures that hit the bound */
	int64_t newest_received_at;         /* of all events so far; 0 before the first */
};

struct attrib_engine;
/* Borrows state and keys; takes a reference of the catalog. */
int attrib_engine_new(struct attrib_state *state, struct attrib_keys *keys,
	struct attrib_catalog *catalog, struct attrib_engine **out) ATTRIB_MUST_CHECK;
void attrib_engine_free(struct attrib_engine *engine);

/* Applies a group of records in order. silent: they are confirmed in the sink already, so only state
 * is built and nothing is put into the batch (which may be NULL then). A record that can't be
 * decoded is counted and skipped. Errors are the state's: the group may then be applied again. */
int attrib_engine_apply(struct attrib_engine *engine, const struct attrib_engine_record *records,
	size_t n, bool silent, struct attrib_batch *batch) ATTRIB_MUST_CHECK;

/* Swaps the catalog. Open orders whose keys differ are to be decided again: they wait in the engine
 * until attrib_engine_redecide has worked them off. `all`: whatever differs (after a start). */
int attrib_engine_set_catalog(
	struct attrib_engine *engine, struct attrib_catalog *catalog, bool all);
/* Looks at up to max orders; *left tells whether there are more. */
int attrib_engine_redecide(struct attrib_engine *engine, size_t max, struct attrib_batch *batch,
	bool *left) ATTRIB_MUST_CHECK;

/* How far back a decision may look, from the watermark of what is still to come. */
struct attrib_memory_span {
	int64_t facts_us;      /* facts received earlier than that matter to nobody */
	int64_t lock_after_us; /* orders placed earlier are locked or late */
};
struct attrib_memory_span attrib_memory_span_of(const struct attrib_catalog *catalog);

/* Forgets ids received before ids_before, and facts that can't matter to any order, when all that is
 * still to come was received at `watermark` or later. Orders that were locked by then are decided as
 * late from now on: the sink keeps the path that it has. */
int attrib_engine_forget(
	struct attrib_engine *engine, int64_t ids_before, int64_t watermark) ATTRIB_MUST_CHECK;

void attrib_engine_get_stats(const struct attrib_engine *engine, struct attrib_engine_stats *out);

/* What an engine knows beside the facts in its state, for whoever copies that state: one that goes on with
 * the copy takes it over before its first record. */
struct attrib_engine_marks {
	int64_t newest_received_at; /* as in the stats */
	int64_t complete_from;      /* orders placed earlier may have lost facts */
	uint64_t bad_payloads, unknown_sites;
};
void attrib_engine_get_marks(const struct attrib_engine *engine, struct attrib_engine_marks *out);
void attrib_engine_resume(struct attrib_engine *engine, const struct attrib_engine_marks *marks);

#endif
