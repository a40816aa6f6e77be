/*
 * The metrics: one table, rows of which /metrics prints in this order. A counter only grows; a gauge
 * is either set (the last value wins) or moved up and down by adding.
 *
 * Adding never takes a lock and never shares a cache line between threads: every thread has its own
 * slots, which the writer of /metrics sums up. Slots of a thread that ended keep their counts.
 */
#ifndef ATTRIBD_METRICS_H
#define ATTRIBD_METRICS_H

#include <stdint.h>
#include "attrib/buf.h"

/* X(NAME, type, "family", "labels without braces, or empty", "help"); rows of one family stand
 * together, and the help of the first one is printed. */
#define ATTRIBD_METRICS(X)                                                                         \
	X(REQUESTS_EVENTS, counter, "attribd_requests_total", "route=\"events\"",                  \
		"Requests answered, by route.")                                                    \
	X(REQUESTS_BEACON, counter, "attribd_requests_total", "route=\"beacon\"", "")              \
	X(REQUESTS_PIXEL, counter, "attribd_requests_total", "route=\"pixel\"", "")                \
	X(REQUESTS_TAG, counter, "attribd_requests_total", "route=\"tag\"", "")                    \
	X(REQUESTS_REDIRECT, counter, "attribd_requests_total", "route=\"redirect\"", "")          \
	X(REQUESTS_SEGMENT, counter, "attribd_requests_total", "route=\"segment\"", "")            \
	X(REQUESTS_GA4, counter, "attribd_requests_total", "route=\"ga4\"", "")                    \
	X(REQUESTS_WEBHOOK, counter, "attribd_requests_total", "route=\"webhook\"", "")            \
	X(REQUESTS_ADMIN, counter, "attribd_requests_total", "route=\"admin\"", "")                \
	X(REQUESTS_OTHER, counter, "attribd_requests_total", "route=\"other\"", "")                \
	X(HTTP_2XX, counter, "attribd_responses_total", "class=\"2xx\"",                           \
		"Responses sent, by class of their status.")                                       \
	X(HTTP_3XX, counter, "attribd_responses_total", "class=\"3xx\"", "")                       \
	X(HTTP_4XX, counter, "attribd_responses_total", "class=\"4xx\"", "")                       \
	X(HTTP_5XX, counter, "attribd_responses_total", "class=\"5xx\"", "")                       \
	X(HTTP_ERRORS, counter, "attribd_http_errors_total", "",                                   \
		"Requests refused by the HTTP reader: malformed, too large, too slow.")            \
	X(UNAUTHORIZED, counter, "attribd_unauthorized_total", "",                                 \
		"Requests with a missing or unknown key, or a signature that does not verify.")    \
	X(CONNECTIONS, gauge, "attribd_connections", "",                                           \
		"Open connections of the public listener.")                                        \
	X(CONNECTIONS_ACCEPTED, counter, "attribd_connections_accepted_total", "",                 \
		"Connections accepted.")                                                           \
	X(CONNECTIONS_REFUSED, counter, "attribd_connections_refused_total", "",                   \
		"Connections closed at once because max_connections was reached.")                 \
	X(REQUEST_BYTES, gauge, "attribd_request_bytes", "",                                       \
		"Memory of requests that are not complete and answers that are not taken.")        \
	X(REQUESTS_GIVEN_UP, counter, "attribd_requests_given_up_total", "",                       \
		"Connections given up because those took more than request_memory.")               \
	X(TIMEOUTS, counter, "attribd_timeouts_total", "",                                         \
		"Connections closed at a deadline of reading a request.")                          \
	X(UNCONFIRMED, counter, "attribd_unconfirmed_total", "",                                   \
		"Requests closed without a status because their records could not be confirmed.")  \
	X(SHED, counter, "attribd_shed_total", "",                                                 \
		"Requests answered 503 before anything was written, because of overload.")         \
	X(EVENTS_ACCEPTED, counter, "attribd_events_accepted_total", "",                           \
		"Events accepted and journaled.")                                                  \
	X(EVENTS_REJECTED, counter, "attribd_events_rejected_total", "",                           \
		"Events rejected with a reason in the answer.")                                    \
	X(WEBHOOKS_UNUSABLE, counter, "attribd_webhooks_total", "result=\"unusable\"",             \
		"Authentic webhooks that could not be used, in whole or in part, and such that "   \
		"tell of nothing that is wanted; all of them are answered 200.")                   \
	X(WEBHOOKS_IGNORED, counter, "attribd_webhooks_total", "result=\"ignored\"", "")           \
	X(WEBHOOKS_KEPT, counter, "attribd_webhooks_kept_total", "",                               \
		"Webhooks that could not be used and were journaled as they came, encrypted.")     \
	X(CLAMPED_LATE, counter, "attribd_events_clamped_total", "edge=\"late\"",                  \
		"Accepted events whose occurred_at was moved to an edge of what is believed: a "   \
		"stranger's to max_late ago, anybody's to 5 minutes ahead.")                       \
	X(CLAMPED_FUTURE, counter, "attribd_events_clamped_total", "edge=\"future\"", "")          \
	X(EVENTS_BOT, counter, "attribd_events_verdict_total", "verdict=\"bot\"",                  \
		"Accepted events that carry a verdict; one with several counts under each.")       \
	X(EVENTS_PREFETCH, counter, "attribd_events_verdict_total", "verdict=\"prefetch\"", "")    \
	X(EVENTS_HEAD, counter, "attribd_events_verdict_total", "verdict=\"head\"", "")            \
	X(EVENTS_OWN_SITE, counter, "attribd_events_verdict_total", "verdict=\"own_site\"", "")    \
	X(EVENTS_FLOOD, counter, "attribd_events_verdict_total", "verdict=\"flood\"", "")          \
	X(EVENTS_PAID_AD, counter, "attribd_events_verdict_total", "verdict=\"paid_ad\"", "")      \
	X(EVENTS_OVERFLOW, counter, "attribd_events_verdict_total", "verdict=\"overflow\"", "")    \
	X(EVENTS_NO_CONSENT, counter, "attribd_events_verdict_total", "verdict=\"no_consent\"",    \
		"")                                                                                \
	X(CLICKS_LOST, counter, "attribd_clicks_lost_total", "",                                   \
		"Redirects answered whose click could not be recorded.")                           \
	X(JOURNAL_BYTES, gauge, "attribd_journal_bytes", "", "Bytes of the journal on disk.")      \
	X(JOURNAL_SEGMENTS, gauge, "attribd_journal_segments", "",                                 \
		"Segments of the journal on disk.")                                                \
	X(JOURNAL_DELETED, counter, "attribd_journal_deleted_segments_total", "",                  \
		"Segments that were deleted because nobody needs them any more.")                  \
	X(JOURNAL_DELETED_BYTES, counter, "attribd_journal_deleted_bytes_total", "",               \
		"Bytes of those segments.")                                                        \
	X(JOURNAL_COMMITTED, gauge, "attribd_journal_committed", "",                               \
		"Durable records of this instance, for life.")                                     \
	X(JOURNAL_COMMITS, counter, "attribd_journal_commits_total", "",                           \
		"Group commits of the journal.")                                                   \
	X(JOURNAL_ERRORS, counter, "attribd_journal_errors_total", "",                             \
		"Group commits of the journal that failed.")                                       \
	X(JOURNAL_DAMAGED, gauge, "attribd_journal_damaged_stretches", "",                         \
		"Damaged stretches that the journal reader skipped since the start.")              \
	X(JOURNAL_DAMAGED_BYTES, gauge, "attribd_journal_damaged_bytes", "",                       \
		"Bytes in those stretches.")                                                       \
	X(JOURNAL_MISSING, gauge, "attribd_journal_missing_records", "",                           \
		"Records that those stretches held, as far as their numbers tell.")                \
	X(JOURNAL_QUARANTINED, gauge, "attribd_journal_quarantine_files", "",                      \
		"Copies of damaged stretches in <state_dir>/quarantine.")                          \
	X(ENGINE_RECORDS, counter, "attribd_engine_records_total", "",                             \
		"Journal records applied by the engine since the start.")                          \
	X(ENGINE_DECISIONS, counter, "attribd_engine_decisions_total", "",                         \
		"Decisions made by the engine since the start.")                                   \
	X(ENGINE_QUARANTINED, counter, "attribd_engine_quarantined_total", "",                     \
		"Records set aside because they could not be applied.")                            \
	X(ENGINE_APPLIED, gauge, "attribd_engine_applied", "",                                     \
		"Highest record number applied by the engine.")                                    \
	X(STATE_BYTES, gauge, "attribd_state_bytes", "",                                           \
		"Bytes of memory that the facts of visitors, customers and orders take; of a "     \
		"Redis all that it uses.")                                                         \
	X(STATE_VISITORS, gauge, "attribd_state_entities", "kind=\"visitor\"",                     \
		"What the state holds, clicks among the visitors; of a Redis, what has expired "   \
		"is still counted.")                                                               \
	X(STATE_CUSTOMERS, gauge, "attribd_state_entities", "kind=\"customer\"", "")               \
	X(STATE_ORDERS, gauge, "attribd_state_entities", "kind=\"order\"", "")                     \
	X(STATE_IDS, gauge, "attribd_state_entities", "kind=\"id\"", "")                           \
	X(STATE_REFUSED, counter, "attribd_state_refused_total", "",                               \
		"Facts of strangers that memory_limit kept out.")                                  \
	X(STATE_UP, gauge, "attribd_state_up", "",                                                 \
		"1 while a state in Redis answers; 0 with one in memory, too.")                    \
	X(STATE_LOST, counter, "attribd_state_lost_total", "",                                     \
		"Times that Redis had lost facts, which were added again from the journal.")       \
	X(STATE_READDED, counter, "attribd_state_readded_total", "",                               \
		"Journal records that were added to Redis again because it had lost them.")        \
	X(STATE_SUPERSEDED, counter, "attribd_state_superseded_total", "",                         \
		"Batches given back because the master of Redis that had decided them did so no "  \
		"more; they were decided again.")                                                  \
	X(STATE_MISSING, gauge, "attribd_state_missing_records", "",                               \
		"Records that the state lacked when last mended, and the journal no longer had.")  \
	X(STATE_WATERMARK, gauge, "attribd_state_watermark_seconds", "",                           \
		"How far back the oldest record lies that an instance of a state in Redis may "    \
		"still have to write: nothing later is forgotten.")                                \
	X(ATTRIBUTION_DEGRADED, counter, "attribd_attribution_degraded_total", "",                 \
		"Decisions made when Redis may have lacked facts; made again since, but for "      \
		"those "                                                                           \
		"of records that nobody has waited for.")                                          \
	X(STATE_COMMANDS, counter, "attribd_state_commands_total", "",                             \
		"Commands that were sent to Redis.")                                               \
	X(STATE_ROUND_TRIPS, counter, "attribd_state_round_trips_total", "",                       \
		"Times that an answer of Redis was waited for.")                                   \
	X(STATE_OVERTAKEN, counter, "attribd_state_overtaken_total", "",                           \
		"Entities that got facts of another instance between two steps of an add.")        \
	X(STATE_PACKED, counter, "attribd_state_packed_total", "",                                 \
		"Values in Redis that had grown long and were written anew, shorter.")             \
	X(STATE_CONNECTIONS, counter, "attribd_state_connections_total", "",                       \
		"Connections to Redis that were opened.")                                          \
	X(CHECKPOINTS, counter, "attribd_checkpoints_total", "result=\"ok\"",                      \
		"Checkpoints of the state, by result; one that failed is tried again.")            \
	X(CHECKPOINTS_FAILED, counter, "attribd_checkpoints_total", "result=\"failed\"", "")       \
	X(CHECKPOINT_AGE, gauge, "attribd_checkpoint_age_seconds", "",                             \
		"Since the newest checkpoint was begun; -1 without one.")                          \
	X(CHECKPOINT_BYTES, gauge, "attribd_checkpoint_bytes", "",                                 \
		"Bytes of the newest checkpoint.")                                                 \
	X(CHECKPOINT_MS, gauge, "attribd_checkpoint_duration_milliseconds", "",                    \
		"How long the newest one took, from its first step until it had its name.")        \
	X(CHECKPOINT_STEP_US, gauge, "attribd_checkpoint_longest_step_microseconds", "",           \
		"The longest that the engine waited for one step of it.")                          \
	X(SINK_FLUSHES, counter, "attribd_sink_flushes_total", "",                                 \
		"Batches committed to the database.")                                              \
	X(SINK_ERRORS, counter, "attribd_sink_errors_total", "",                                   \
		"Attempts to flush or to connect that failed; they are repeated.")                 \
	X(SINK_FLUSHED, gauge, "attribd_sink_flushed", "",                                         \
		"Highest record number covered by the database.")                                  \
	X(SINK_QUARANTINED, gauge, "attribd_sink_quarantined", "",                                 \
		"Facts that could not be applied and wait in attrib.quarantine.")                  \
	X(SINK_REFUSED, counter, "attribd_sink_refused_total", "",                                 \
		"Rows that PostgreSQL refused for their data and that were set aside.")            \
	X(SINK_UP, gauge, "attribd_sink_up", "", "1 while the database answers, else 0.")          \
	X(LAG_MS, gauge, "attribd_lag_milliseconds", "",                                           \
		"Age of the oldest durable record that the database does not cover yet.")          \
	X(FORWARD_WAITING, gauge, "attribd_forward_waiting", "",                                   \
		"Forwarded events that their receivers have not confirmed and that are tried.")    \
	X(FORWARD_OLDEST, gauge, "attribd_forward_oldest_seconds", "",                             \
		"Age of the oldest of them; 0 without one.")                                       \
	X(FORWARD_DEAD, gauge, "attribd_forward_dead", "",                                         \
		"Forwarded events that were given up and wait for attribd outbox retry.")          \
	X(FORWARD_SENT, counter, "attribd_forward_tries_total", "result=\"sent\"",                 \
		"Tries to send an event, by result; what failed is tried again or given up.")      \
	X(FORWARD_FAILED, counter, "attribd_forward_tries_total", "result=\"failed\"", "")         \
	X(FORWARD_GIVEN_UP, counter, "attribd_forward_given_up_total", "",                         \
		"Events that were given up.")                                                      \
	X(CATALOG_VERSION, gauge, "attribd_catalog_version", "", "Version of the catalog in use.") \
	X(CATALOG_RELOADS, counter, "attribd_catalog_reloads_total", "",                           \
		"Times that a changed catalog was loaded.")                                        \
	X(CONFIG_RELOADS, counter, "attribd_config_reloads_total", "result=\"ok\"",                \
		"Reloads of the configuration, by result.")                                        \
	X(CONFIG_RELOADS_FAILED, counter, "attribd_config_reloads_total", "result=\"refused\"", "")

enum attribd_metric {
#define X(name, type, family, labels, help) ATTRIBD_METRIC_##name,
	ATTRIBD_METRICS(X)
#undef X
		ATTRIBD_METRIC_COUNT
};

/* Any thread. A gauge takes negative amounts too. */
void attribd_metric_add(enum attribd_metric metric, int64_t amount);
/* Gauges only; one thread per gauge, and no adding to the same one. */
void attribd_metric_set(enum attribd_metric metric, int64_t value);
/* The sum over all threads as of now. */
int64_t attribd_metric_value(enum attribd_metric metric);
/* All metrics as Prometheus text. */
void attribd_metrics_write(struct attrib_buf *out);

#endif
