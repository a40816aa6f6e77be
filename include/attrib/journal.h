/*
 * The journal: lanes of append-only segments. It is the only queue between the workers and the
 * engine; live running, catching up and recovery read the same records through the same reader.
 *
 * A start opens new lanes with random ids, one per worker, and never writes to an older lane.
 * Record numbers of an instance grow for life: a lane opened at this start begins above every
 * number that any earlier lane of the instance reached (base). (lane id, number) names a record.
 *
 * Directory: <state_dir>/journal/<lane id in hex>-<first number, 16 hex digits>.seg
 * Segment:   head {magic, format version, lane id, instance id, base, first number, record seed,
 *            created_at, checksum} twice, then records {u64 checksum, u32 length, u32 low half of
 *            the number, payload, padding to 8}; byte by byte in lib/journal/format.h. The checksum
 *            is XXH3-64 over number, offset, length and payload, seeded by the segment's random
 *            seed: text of a client can't imitate a record, an old block of a recycled file can't
 *            verify. Length 0 is invalid, so a zeroed tail ends a segment; a torn tail is normal.
 *
 * One process at a time opens a directory (the daemon's lock on its state directory sees to that);
 * only attrib_journal_verify may run beside it. The journal reads the monotonic clock to time
 * commits and to stamp later segments; wall-clock time is an argument.
 */
#ifndef ATTRIB_JOURNAL_H
#define ATTRIB_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>
#include "attrib/error.h"
#include "attrib/id.h"
#include "attrib/str.h"

#define ATTRIB_RECORD_MAX   (1u << 20)  /* bytes of one payload; it has at least 1 */
#define ATTRIB_SEGMENT_SIZE (64u << 20) /* when the options say 0 */

/* What opening has to say of single files. */
enum attrib_journal_note {
	ATTRIB_JOURNAL_NEWER,   /* the segment of a newer format because of which it fails */
	ATTRIB_JOURNAL_FOREIGN, /* a lane of another instance: neither read nor touched */
	ATTRIB_JOURNAL_LEDGER,  /* the file `ledger` can't be used; the open goes on without it */
};

struct attrib_journal_options {
	const char *dir; /* the journal directory; made when absent */
	struct attrib_id instance;
	uint64_t segment_size; /* bytes; a lane rotates when the next commit does not fit. One
	                           * commit is never split, so a large one may exceed it */
	uint64_t quota;        /* bytes over all lanes; 0 = none. Above: append = NO_SPACE */
	/* called by the open, once a file or lane, with a sentence that names it; NULL = nobody */
	void (*note)(void *arg, enum attrib_journal_note what, const char *text);
	void *note_arg;
};

struct attrib_journal; /* all lanes of one instance */
struct attrib_lane;    /* the open, writable lane of one worker */

/* Scans the directory: finds lanes, their record ranges and the base for new lanes; removes what a
 * crash left half made, and changes nothing else. A segment of a newer format: ATTRIB_E_VERSION.
 * ATTRIB_E_NOT_FOUND: the parent directory is absent. errno is kept on ATTRIB_E_IO. */
int attrib_journal_open(const struct attrib_journal_options *options,
	struct attrib_journal **out) ATTRIB_MUST_CHECK;
/* After its lanes are closed and its readers freed. */
void attrib_journal_close(struct attrib_journal *journal);
/* No record of an earlier start has a higher number; new lanes begin above it. It is the highest,
 * over starts, of that start's base plus the records of all its lanes, so that
 * attrib_journal_committed never falls. The caller raises it to what PostgreSQL knows, before the
 * first lane is opened. */
uint64_t attrib_journal_base(const struct attrib_journal *journal);
void attrib_journal_raise_base(struct attrib_journal *journal, uint64_t base);

/* -- writing: one thread (the worker) per lane ------------------------------------------------- */

/* Opens a lane with a fresh random id; its first segment is synced, and so is the directory. `now`
 * stamps it. A full disk is no failure: appends say NO_SPACE until there is room for the first
 * segment. ATTRIB_E_IO, ATTRIB_E_NOMEM. */
int attrib_lane_open(
	struct attrib_journal *journal, int64_t now, struct attrib_lane **out) ATTRIB_MUST_CHECK;
/* Waits for a running commit, commits what is appended (in place) and closes; the lane is gone
 * whatever the result: that of the last commit. */
int attrib_lane_close(struct attrib_lane *lane);
struct attrib_id attrib_lane_id(const struct attrib_lane *lane);

/* Puts one record into the lane's memory buffer and returns its number in *number. Nothing is
 * durable yet. ATTRIB_E_NO_SPACE (quota; or the disk was full at the last commit and still is; or
 * 32 MiB wait behind a sync that hangs), ATTRIB_E_IO (the lane failed for good), ATTRIB_E_TOO_LARGE,
 * ATTRIB_E_INVALID (empty), ATTRIB_E_NOMEM: nothing was appended. */
int attrib_lane_append(
	struct attrib_lane *lane, struct attrib_str payload, uint64_t *number) ATTRIB_MUST_CHECK;

/* The one call behind which durability happens: starts a commit of everything appended so far.
 * The lane's companion thread carries it out. Where recent syncs were fast this call waits for it, a
 * millisecond at the most, and returns with the commit done; else attrib_lane_fd becomes readable when it
 * ends. While a commit
 * runs, further appends gather in the other buffer and this call does nothing. The outcome of a
 * companion's commit that was not reaped yet is taken first, and returned if it is an error.
 * After 0, attrib_lane_committed says whether it is done. Else ATTRIB_E_IO or ATTRIB_E_NO_SPACE as
 * below. */
int attrib_lane_commit(struct attrib_lane *lane);
/* An eventfd, readable after each commit that was not waited for; the worker calls attrib_lane_reap. */
int attrib_lane_fd(const struct attrib_lane *lane);
/* Clears the eventfd and returns the outcome of the last finished commit, once: 0;
 * ATTRIB_E_NO_SPACE: every record above attrib_lane_committed is withdrawn, also those appended since
 * the commit began; no byte of them is kept and their numbers will be given again, so whoever waits
 * for one must be told now. Later appends may succeed;
 * ATTRIB_E_IO (from then on always): a write or sync failed, whatever is above attrib_lane_committed
 * is in doubt, the lane accepts no more and nothing will be retried. */
int attrib_lane_reap(struct attrib_lane *lane);
/* Highest durable number (any thread may read it), and highest appended one (owner only). */
uint64_t attrib_lane_committed(const struct attrib_lane *lane);
uint64_t attrib_lane_appended(const struct attrib_lane *lane);
/* Owner only. COMPANION: never waits for a commit; IN_PLACE: runs each in the caller, however long it takes;
 * AUTO, the default: as said at attrib_lane_commit. */
enum attrib_lane_sync { ATTRIB_SYNC_AUTO, ATTRIB_SYNC_IN_PLACE, ATTRIB_SYNC_COMPANION };
void attrib_lane_set_sync(struct attrib_lane *lane, enum attrib_lane_sync mode);

/* Called by any thread after a commit, so that the engine wakes. NULL = nobody. Set once, before
 * the first lane is opened. */
void attrib_journal_on_commit(struct attrib_journal *journal, void (*wake)(void *arg), void *arg);

/* Instance-wide count of durable records: base plus what every lane of this start committed. */
uint64_t attrib_journal_committed(struct attrib_journal *journal);
/* Bytes on disk over all lanes, with the room that is prepared ahead of the records (about 256 KiB a
 * lane, which the quota does not count). */
uint64_t attrib_journal_bytes(struct attrib_journal *journal);
uint64_t attrib_journal_segments(struct attrib_journal *journal);
/* Segments of other instances that the directory held: they are neither read nor touched. */
uint64_t attrib_journal_foreign(const struct attrib_journal *journal);

/* -- reading: one thread (the engine) ---------------------------------------------------------- */

struct attrib_record {
	uint32_t lane; /* index of the lane in this process, see attrib_journal_lane_id */
	uint64_t number;
	struct attrib_str payload; /* borrowed from the reader until the next read */
};

/* Lanes of earlier starts come first; indexes hold until close, new lanes are added at the end. Any
 * thread may ask. */
uint32_t attrib_journal_lane_count(struct attrib_journal *journal);
struct attrib_id attrib_journal_lane_id(struct attrib_journal *journal, uint32_t lane);
/* First and last known record of a lane (last = committed for the lanes of this start). */
void attrib_journal_lane_range(
	struct attrib_journal *journal, uint32_t lane, uint64_t *first, uint64_t *last);

/* What is known of a lane. */
struct attrib_lane_view {
	struct attrib_id id;
	bool own;        /* opened at this start */
	uint64_t begins; /* number of the first record that it ever had */
	uint64_t first;  /* ... and of the first one that the directory may have */
	uint64_t last;   /* as above */
	uint64_t known;  /* the highest number that the directory ever had of it; >= last */
	uint64_t torn;   /* at most so many records were lost in damage behind `last` */
};
/* False: no lane has the id. */
bool attrib_journal_lane_find(
	struct attrib_journal *journal, const struct attrib_id *id, uint32_t *out);
/* `lane` is below attrib_journal_lane_count. */
void attrib_journal_lane_look(
	struct attrib_journal *journal, uint32_t lane, struct attrib_lane_view *out);

/* Bytes of a segment that are no record any more although they were acknowledged. */
struct attrib_damage {
	struct attrib_id lane;
	uint64_t segment;        /* the first number of the segment, as in its name */
	uint64_t offset, length; /* bytes of the file; length 0: they are not there at all */
	uint64_t from,
		to; /* numbers that are missing; to < from: none. UINT64_MAX: and all behind */
};
/* One sentence, without the names of files. */
#define ATTRIB_DAMAGE_TEXT 192
void attrib_damage_text(const struct attrib_damage *damage, char out[ATTRIB_DAMAGE_TEXT]);

struct attrib_reader;
int attrib_reader_new(struct attrib_journal *journal, struct attrib_reader **out) ATTRIB_MUST_CHECK;
void attrib_reader_free(struct attrib_reader *reader);
/* Up to max committed records of one lane with numbers above `after`, in order; fewer than max does
 * not mean the end. *n = 0: nothing more for now. Reading on with `after` = the last number returned
 * is cheap, any other place is searched from the beginning of its segment.
 * Damage in the middle is skipped to the next valid record and counted (attrib_reader_damaged), so
 * numbers may be missing; a torn tail of an earlier start is the end of its lane. */
int attrib_reader_read(struct attrib_reader *reader, uint32_t lane, uint64_t after,
	struct attrib_record *out, size_t max, size_t *n) ATTRIB_MUST_CHECK;
/* `tell` hears of each stretch of damage once: of what the open met before this call ends, of all
 * else within attrib_reader_read. Called before the first read. */
void attrib_reader_on_damage(struct attrib_reader *reader,
	void (*tell)(void *arg, const struct attrib_damage *damage), void *arg);
/* Stretches of damage met so far, and the bytes in them. */
void attrib_reader_damaged(
	const struct attrib_reader *reader, uint64_t *stretches, uint64_t *bytes);

/* -- deleting segments --------------------------------------------------------------------------- */

/* Those who may want a record again. What all of them have let go of may be deleted. */
enum attrib_holder {
	ATTRIB_HOLDER_SINK,  /* until the database has confirmed it */
	ATTRIB_HOLDER_STATE, /* until every kept checkpoint of the state has it */
	ATTRIB_HOLDERS
};
/* A holder needs no record of the lane up to `upto` any more, for life; a lower number than before
 * and a lane that is not here change nothing. No reader may be below what both have let go of. */
void attrib_journal_release(struct attrib_journal *journal, enum attrib_holder holder,
	const struct attrib_id *lane, uint64_t upto);

/* A segment goes when it has ended, was let go of, and has been kept long enough, or there are too
 * many bytes: then the one that ended first goes before its time. How long is measured in time that
 * daemons have run on the directory, as it notes itself (up to a minute of each start is not counted):
 * no step of the clock and no long stop deletes anything early. The segment that a lane writes stays. */
struct attrib_trim {
	int64_t retain_us;
	uint64_t max_bytes; /* of attrib_journal_bytes; 0 = no limit */
};
struct attrib_trimmed {
	uint64_t segments, bytes;
};
/* One step, by one thread that may wait for the disk: at most one segment of each lane, then one sync of
 * the directory, so that a crash never leaves a lane with a hole. Adds to *out what is gone, also on
 * failure; call it again while that grows. ATTRIB_E_IO with errno, ATTRIB_E_NO_SPACE, ATTRIB_E_NOMEM:
 * what could not be deleted is there and is tried again by the next call. */
int attrib_journal_trim(struct attrib_journal *journal, const struct attrib_trim *rule,
	struct attrib_trimmed *out) ATTRIB_MUST_CHECK;
/* Before the first lane is opened: the directory once had this lane up to `number`. Whoever else keeps
 * positions says so in case that nothing in the directory does; what is known is not changed. */
int attrib_journal_knew(struct attrib_journal *journal, const struct attrib_id *lane,
	uint64_t number) ATTRIB_MUST_CHECK;

/* -- adopting the records of a copy -------------------------------------------------------------- */

/* A copy of this directory that ran elsewhere until it was fenced has acknowledged records that nobody
 * else has. Adopting brings its lanes, and what it has more of a lane that is here, into this journal. */
struct attrib_adopt {
	const char *from; /* the other journal directory; nobody runs on it, and it is only read */
	void (*line)(void *arg, const char *text); /* a sentence about each lane, and why not */
	void (*progress)(void *arg, uint64_t done, uint64_t total); /* bytes read */
	void *arg;
};
struct attrib_adopted {
	uint64_t lanes, segments, records, bytes; /* that were not here; bytes are of the files */
};
/* All or nothing is decided before the first copy: ATTRIB_E_INVALID when a lane is of another instance,
 * differs from the one here, or lacks records before those that it has more; ATTRIB_E_CORRUPT when a
 * segment there is damaged; ATTRIB_E_VERSION. Then a segment at a time under another name, synced, renamed,
 * the directory synced: ATTRIB_E_IO and ATTRIB_E_NO_SPACE may leave some of them here, as whole as ever,
 * and the next call does the rest. To adopt twice changes nothing. The journal, of which no lane is open,
 * has to be opened again to read what was adopted. */
int attrib_journal_adopt(struct attrib_journal *journal, const struct attrib_adopt *what,
	struct attrib_adopted *out) ATTRIB_MUST_CHECK;

/* -- quarantine: what damage looked like -------------------------------------------------------- */

/* Copies of damaged bytes, one file a stretch, in a directory of their own:
 * <lane id>-<segment>-<offset>-<length>.bad, the last three in 16 hex digits. A file is complete
 * when it has its name, and no stretch is copied twice. One thread. */
struct attrib_quarantine;
struct attrib_quarantine_options {
	const char *dir;               /* made when absent */
	uint64_t max_files, max_bytes; /* over all files */
};
/* ATTRIB_E_IO with errno, ATTRIB_E_NOT_FOUND (the parent), ATTRIB_E_NOMEM. */
int attrib_quarantine_open(struct attrib_journal *journal,
	const struct attrib_quarantine_options *options,
	struct attrib_quarantine **out) ATTRIB_MUST_CHECK;
void attrib_quarantine_close(struct attrib_quarantine *quarantine);
/* 0: the copy is durable, now or since an earlier start. ATTRIB_E_TOO_MANY: a limit would be passed;
 * ATTRIB_E_NO_SPACE, ATTRIB_E_IO: there is no copy. The segment is only read. */
int attrib_quarantine_keep(
	struct attrib_quarantine *quarantine, const struct attrib_damage *damage) ATTRIB_MUST_CHECK;
uint64_t attrib_quarantine_files(const struct attrib_quarantine *quarantine);

/* -- verify: reads every segment of a directory without touching it ----------------------------- */

struct attrib_journal_report {
	uint64_t segments, lanes, records, bytes, torn_tails, damaged_stretches, damaged_bytes;
};
/* One record where it stands. */
struct attrib_journal_place {
	struct attrib_id lane;
	uint64_t number, segment, offset;
	struct attrib_str payload; /* borrowed until the call ends */
};
/* Who hears of what; each may be NULL. A record's `false` ends the walk. */
struct attrib_journal_visit {
	bool (*record)(void *arg, const struct attrib_journal_place *place);
	void (*segment)(void *arg, const char *text); /* a sentence about each segment */
	void (*trouble)(void *arg, const char *text); /* ... each damage and the newer format */
	void *arg;
};
/* Which records: of lanes whose id begins with these hex digits, numbers from..to. Segments that
 * can't hold one are not read. */
struct attrib_journal_range {
	struct attrib_str lane; /* lower case; empty = all */
	uint64_t from, to;
};
/* Lanes by id, records by number. A torn tail is normal; damaged stretches are not. The first segment
 * of a newer format ends it: ATTRIB_E_VERSION. ATTRIB_E_NOT_FOUND, ATTRIB_E_IO. */
int attrib_journal_walk(const char *dir, const struct attrib_journal_range *range,
	const struct attrib_journal_visit *visit,
	struct attrib_journal_report *report) ATTRIB_MUST_CHECK;
/* A walk over everything; `line` (may be NULL) hears all sentences. */
int attrib_journal_verify(const char *dir, struct attrib_journal_report *report,
	void (*line)(void *arg, const char *text), void *arg) ATTRIB_MUST_CHECK;

#endif
