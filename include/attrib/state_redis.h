/*
 * The state in Redis or Valkey: one for all instances that decide the same sites. The seam is state.h;
 * how it is kept there, and what is asked of the server: lib/state/README.md.
 *
 * One thread; calls wait for the server, each read and write at most `timeout_ms`. Nothing is kept in
 * this process: an error leaves the connection closed, the next call opens a new one and looks at the
 * server again. Whoever uses it ignores SIGPIPE.
 */
#ifndef ATTRIB_STATE_REDIS_H
#define ATTRIB_STATE_REDIS_H

#include "attrib/master.h"
#include "attrib/state.h"

struct attrib_redis_options {
	/* redis://[[user]:password@]host[:port][/db] or unix:[//[user]:password@]/path[?db=n]; %XX in user
	 * and password. An IPv6 address stands in brackets. */
	const char *url;
	uint64_t ids_ttl_s; /* > 0: a remembered id goes so long after it was first claimed */
	uint64_t
		facts_ttl_s; /* > 0: an entity goes when so long nothing was added; lasting facts stay */
	uint64_t
		lag_s; /* of both: what is for instances that are behind, see attrib_state_redis_say */
	uint64_t
		max_bytes; /* of the server's memory, 0 = none: above it strangers make no new entities */
	uint64_t first_ticket;     /* tickets are greater */
	int timeout_ms;            /* > 0 */
	struct attrib_id identity; /* who the server has to be, see below; all zero = anybody */
	struct attrib_id instance; /* who asks: what it owes is kept by this name */
};

/* Why a URL can't be used, in words; NULL: it can. */
const char *attrib_redis_url_problem(const char *url);

/* Connects to nothing yet. ATTRIB_E_CONFIG: attrib_redis_url_problem tells why; ATTRIB_E_NOMEM.
 *
 * Besides those of the seam its calls return ATTRIB_E_UNAVAILABLE (not there, not in time, not now: it
 * loads, is a replica, is full), ATTRIB_E_UNAUTHORIZED, ATTRIB_E_CONFIG (a server that can't be used:
 * too old, evicting, a cluster) and ATTRIB_E_CORRUPT (a value that is none of ours; it is taken out, so
 * that the next try finds none). */
int attrib_state_redis_new(
	const struct attrib_redis_options *options, struct attrib_state **out) ATTRIB_MUST_CHECK;
/* Why the last call failed, as a sentence for a log; of this state, until its next call. */
const char *attrib_state_redis_error(const struct attrib_state *state);

/* Who a server is for all that share it: an id that lies beside the facts, and was made once. With
 * options.identity every new connection, and attrib_state_redis_lanes, puts it there when there is none (the
 * server has lost all that it had) and is refused with ATTRIB_E_CONFIG when there is another one.
 *
 * This asks a server that nothing is known of: *found and *id of it. With `make` it gets *id when it has none; of
 * several that do so at once all are told the same. *master (NULL: not wanted) is the server's, of no
 * state yet. Errors as above, in words in why. */
#define ATTRIB_REDIS_WHY 400
int attrib_state_redis_identity(const char *url, int timeout_ms, bool make, struct attrib_id *id,
	bool *found, struct attrib_master *master, char why[ATTRIB_REDIS_WHY]) ATTRIB_MUST_CHECK;

/* Which master the connection leads to, a new one if there is none; of options.identity. */
int attrib_state_redis_master(
	struct attrib_state *state, struct attrib_master *out) ATTRIB_MUST_CHECK;
/* From now on no other master is spoken to (NULL: any is): calls return ATTRIB_E_UNAVAILABLE when a new connection
 * leads to another one, and it has moved, until this is called again. Without a call any is. */
void attrib_state_redis_stay(struct attrib_state *state, const struct attrib_master *master);
bool attrib_state_redis_moved(const struct attrib_state *state);
/* Gives the connection up, for this reason. */
void attrib_state_redis_refuse(struct attrib_state *state, const char *why);

/* How far the records of each lane were added is kept beside the facts, so that a server which has lost what
 * it had is noticed: it was flushed, was restored, or became the master without having heard all. Where single
 * facts are gone (it evicted some, or a value was none of ours) that knowledge is taken out, for all instances.
 *
 * Fills in the numbers of n lanes, 0 for one that the server knows nothing of; from then on they are looked
 * after. Then everything behind them has to be added, again or for the first time. */
int attrib_state_redis_lanes(
	struct attrib_state *state, struct attrib_claimer *lanes, size_t n) ATTRIB_MUST_CHECK;
/* All records of a lane up to this number are added; the server is told with the next add, or stats, and of what had
 * facts with their add. When it
 * turns out to know less than it was told, an add returns ATTRIB_E_NOT_FOUND once it has added its facts, and
 * so do all others until attrib_state_redis_lanes has been asked for all. ATTRIB_E_NOMEM. */
int attrib_state_redis_reached(
	struct attrib_state *state, const struct attrib_claimer *lane) ATTRIB_MUST_CHECK;
bool attrib_state_redis_has_lost(const struct attrib_state *state);
/* Not all was added again that attrib_state_redis_lanes told of: it is lost still. */
void attrib_state_redis_lose(struct attrib_state *state);

/* What is added from now on was added before, and may be lost; ATTRIB_NEVER: it is new again.
 *
 * A lost claim has told others to leave the counting to its claimer, who perhaps has not counted yet: it is in the
 * middle of it, or was killed. So whoever adds again does not claim for its own record: of what is claimed so every copy
 * that was received up to `until` is told that it is its own (attrib_added.mine), and counts when it comes; later ones
 * are repeats. Of what is counted by then some may count once more, nothing is left out. */
void attrib_state_redis_again(struct attrib_state *state, int64_t until);

/* Who adds again what was lost owes the decisions that follow from it: others may have decided without. It is kept
 * beside the facts until the caller says that they are in the sink, for the case that it ends before. To be said when
 * the lanes were asked for, and before anything is added: else a server that loses that, too, is not noticed. */
int attrib_state_redis_owe(struct attrib_state *state, bool owes) ATTRIB_MUST_CHECK;
int attrib_state_redis_owes(struct attrib_state *state, bool *owes) ATTRIB_MUST_CHECK;

/* The mark of an instance: nothing that was received before it can still come from it. It is kept beside the facts,
 * also of one that was killed, and goes with one that leaves; the least of all is what forgetting waits for.
 *
 * What expires by itself does so by the server's clock, `lag_s` later than it has to. So as long as the least mark is
 * younger than that nothing is missed by anybody. When it is older somebody has to hold what is there (a walk, below).
 * What may be gone in spite of that, because nobody did or the server was away, is known all the same. */
struct attrib_redis_marks {
	int64_t now;         /* the server's clock when it told the rest; 0: not asked yet */
	int64_t least;       /* of all marks; `now` without any, and never later */
	struct attrib_id of; /* whose it is */
	int64_t of_heard_at; /* when that one last said anything */
	/* What was received before this, less the time for which facts (or ids) are needed, may be gone. Never falls, but
	 * with the server's data: `now` less the lag, unless all is held. */
	int64_t gone;
	int64_t held_at; /* when the last whole walk that held began; 0: none did */
	int64_t walked_by; /* gone, as the last whole walk that forgot went by; as at first before one did */
};
/* Says a mark where none of this instance stands, as one that comes anew, and asks for all. */
int attrib_state_redis_join(struct attrib_state *state, int64_t mark) ATTRIB_MUST_CHECK;
/* The mark from now on; the server is told with the next stats, and never believes one beyond its own clock. */
void attrib_state_redis_say(struct attrib_state *state, int64_t mark);
/* As they were told with the last stats. */
void attrib_state_redis_marks(const struct attrib_state *state, struct attrib_redis_marks *out);
/* All that this instance has acknowledged is in the sink, and no more comes: nobody waits for it. No connection is opened
 * for that. */
int attrib_state_redis_leave(struct attrib_state *state) ATTRIB_MUST_CHECK;

struct attrib_redis_instance {
	struct attrib_id id;
	int64_t mark, heard_at;
};
/* All that have a mark, the least first, and the server's clock; *out is owned by the caller. Of a server that nothing
 * is known of, as attrib_state_redis_identity. */
int attrib_state_redis_instances(const char *url, int timeout_ms,
	struct attrib_redis_instance **out, size_t *n, int64_t *now,
	char why[ATTRIB_REDIS_WHY]) ATTRIB_MUST_CHECK;
/* Takes the mark of one out that was not heard of for quiet_us. ATTRIB_E_NOT_FOUND: it has none; ATTRIB_E_INVALID: it
 * was heard of since. */
int attrib_state_redis_retire(const char *url, int timeout_ms, const struct attrib_id *id,
	int64_t quiet_us, char why[ATTRIB_REDIS_WHY]) ATTRIB_MUST_CHECK;

/* A walk over all that is kept, for all instances: a page a step, so that nobody waits for long. It counts what is
 * there anew, and */
struct attrib_redis_walk {
	uint64_t hold_s; /* > 0: gives what has less to live so long */
	/* forgets by it, as the seam's forget does, but only of entities that never expire; ATTRIB_NEVER: nothing */
	int64_t facts_before;
	int64_t by; /* what facts_before follows from: walked_by when it is over */
};
/* One instance walks at a time: *mine = false while another does. One that ends in the middle is waited for a minute. */
int attrib_state_redis_walk(struct attrib_state *state, const struct attrib_redis_walk *walk,
	bool *mine) ATTRIB_MUST_CHECK;
/* The next page. *done: that was the last, or another instance has taken over. After an error it is over, too. */
int attrib_state_redis_step(struct attrib_state *state, bool *done) ATTRIB_MUST_CHECK;

/* What it has cost so far. */
struct attrib_redis_stats {
	uint64_t commands, round_trips;
	uint64_t connections; /* opened; those after the first are after an error */
	uint64_t overtaken;   /* entities that got facts of others between two steps of an add */
	uint64_t packed;      /* values written anew, shorter */
	uint64_t ticket;      /* the greatest that is known */
	uint64_t
		confirmed; /* times that the server was found to lack nothing that was added before; every 64
				 groups, and with stats */
};
void attrib_state_redis_stats(const struct attrib_state *state, struct attrib_redis_stats *out);

#endif
