/*
 * The running daemon: every part of it in one struct, made and freed by serve.c, stopped by serve_stop.c.
 */
#ifndef ATTRIBD_SERVER_H
#define ATTRIBD_SERVER_H

#include "attrib/journal.h"
#include "bell.h"
#include "catalog_thread.h"
#include "checkpoint.h"
#include "damage.h"
#include "errand.h"
#include "flush.h"
#include "forward.h"
#include "gaps.h"
#include "listener.h"
#include "progress.h"
#include "pump.h"
#include "raw_keys.h"
#include "snapshot.h"
#include "told.h"
#include "trim.h"
#include "worker.h"

struct attribd_server {
	const char *config_file;           /* borrowed */
	struct attribd_snapshot *snapshot; /* main thread */
	struct attribd_snapshots snapshots;
	struct attribd_progress progress;
	struct attribd_told told; /* admin thread */
	struct attrib_id instance;
	uint8_t secret[ATTRIB_SECRET_BYTES];
	uint8_t fingerprint[32];
	int lock;                       /* owned; of the state directory */
	struct attrib_journal *journal; /* owned */
	struct attribd_damage damage;   /* engine thread, once it runs */
	struct attribd_held held;       /* constant once threads run */
	struct attribd_trim trim;
	struct attribd_checkpoint checkpoint; /* the engine thread's, once it runs */
	struct attribd_raw_keys raw_keys;

	struct event_base *base; /* main thread */
	struct event bell_event, on_term, on_int, on_hup, every_hour;
	struct attribd_bell bell; /* rung by threads that want the main thread's attention */
	bool stopping;            /* main thread; a signal asked for it */
	atomic_bool taking;       /* the public door is open */

	struct attribd_listener public, admin;
	struct attribd_worker *workers; /* owned */
	int worker_count;
	struct attribd_flood *flood; /* owned; shared by the workers */
	atomic_size_t request_bytes; /* shared by the workers */
	struct attribd_worker admin_worker;
	struct attribd_errands errands; /* of the admin worker */
	struct attribd_pump pump;
	struct attribd_flush flush;
	struct attribd_catalog_thread catalog;
	int64_t ask_at; /* admin thread; monotonic: before that PostgreSQL is not asked again */
	struct attribd_forward forward;
};

/* Routes of the admin listener; their worker's context is the server. */
extern const struct attribd_route attribd_admin_routes[];
/* Whoever asks is let in already. */
attribd_handler attribd_admin_explain, attribd_admin_add_links, attribd_admin_list_links,
	attribd_admin_list_reports, attribd_admin_report, attribd_admin_import;

/* -- what admin handlers share that ask PostgreSQL (admin_ask.c) ------------------------------------ */

/* They run on the thread that also says whether the daemon is alive: so they wait a short time, and after
 * a failure they don't even try for a while. False: it is answered already. */
bool attribd_admin_may_ask(struct attribd_exchange *exchange);
/* Notes that PostgreSQL did not answer, and answers that. */
void attribd_admin_unanswered(struct attribd_exchange *exchange);
/* A parameter of the request's query, decoded; p is NULL when it is not there. */
struct attrib_str attribd_admin_parameter(struct attribd_exchange *exchange, const char *wanted);
/* The site of the request, or the only one there is. NULL: it is answered already. */
const struct attribd_site_config *attribd_admin_site(struct attribd_exchange *exchange);

#endif
