/*
 * The PostgreSQL sink: one flush, one transaction. The flush thread owns it and blocks in libpq; the
 * timeouts of pg_conn and pg_wait bound that.
 *
 * Whether a COMMIT whose answer was lost has happened is not asked: the same batch is flushed again,
 * and begin_v1 finds the lane positions at their targets or not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg_conn.h"
#include "pg_isolate.h"
#include "pg_master.h"
#include "pg_positions.h"
#include "pg_session.h"
#include "pg_stage.h"
#include "pg_wait.h"

#define CONFLICT_TRIES   6
#define STATEMENT_MS     30000   /* see struct pg_timeouts */
#define STATEMENT_MS_MAX 3600000 /* ... and what a batch may get at the most */
#define CANCELED         "57014" /* SQLSTATE of a statement that took too long */

struct postgres_sink {
	struct attrib_sink sink; /* first: the seam's handle is this object */
	char *conninfo;          /* owned */
	struct attrib_id instance;
	uint8_t fingerprint[32];
	struct pg_timeouts timeouts;
	bool (*fits)(void *arg, const struct attrib_positions *positions,
		struct attrib_sink_error *error);
	void *fits_arg;
	PGconn *conn;                  /* owned; NULL = not attached */
	struct pg_session session;     /* of conn */
	struct pg_session former;      /* given up, and perhaps still in its transaction */
	uint64_t epoch;                /* 0 until the first attach */
	struct pg_positions positions; /* owned: what the last attach read */
	struct pg_positions confirmed; /* owned: the same, and what was flushed since */
	struct attrib_master master;   /* that decides what is flushed; none = a memory does */
	struct attrib_sink_error error;
};

static struct postgres_sink *of(const struct attrib_sink *sink)
{
	return (struct postgres_sink *)sink;
}

static void disconnect(struct postgres_sink *s)
{
	if (s->conn && pg_wait_gave_up(s->conn) && s->session.pid[0])
		s->former = s->session;
	s->session = (struct pg_session){0};
	PQfinish(s->conn);
	s->conn = NULL;
}

/* What is in doubt is not in memory any more but in the journal: a start writes it again. */
static int say_set_back(struct postgres_sink *s)
{
	pg_say(&s->error,
		"the database was set back to an older state while this daemon ran: start it "
		"again, and what the database lacks is written from the journal");
	return ATTRIB_E_FENCED;
}

static int judge_attach(
	struct postgres_sink *s, const PGresult *result, struct attrib_sink_attach *out)
{
	const char *outcome = PQgetvalue(result, 0, 0);

	if (strcmp(outcome, "fenced") == 0) {
		if ((uint64_t)pg_int(result, 0, 1, 0) < s->epoch)
			return say_set_back(s);
		pg_say(&s->error,
			"another process runs under this instance's identity, or has taken its "
			"sites over (epoch %s, ours %llu)",
			PQgetvalue(result, 0, 1), (unsigned long long)s->epoch);
		return ATTRIB_E_FENCED;
	}
	if (strcmp(outcome, "secret") == 0) {
		pg_say(&s->error,
			"the database was written with another secret: all instances of one "
			"database share one secret_file");
		return ATTRIB_E_CONFIG;
	}
	out->epoch = (uint64_t)pg_int(result, 0, 1, 0);
	out->base = (uint64_t)pg_int(result, 0, 2, 0);
	out->catalog_version = (uint64_t)pg_int(result, 0, 3, 0);
	return 0;
}

static int take_epoch(struct postgres_sink *s, struct attrib_sink_attach *out)
{
	char id[PG_ID_TEXT], fingerprint[2 * sizeof s->fingerprint + 3] = "\\x", epoch[24];
	const char *params[] = {id, fingerprint, epoch};
	PGresult *result = NULL;
	int err;

	pg_id(&s->instance, id);
	attrib_hex(s->fingerprint, sizeof s->fingerprint, fingerprint + 2);
	snprintf(epoch, sizeof epoch, "%llu", (unsigned long long)s->epoch);
	err = pg_query(s->conn, "SELECT * FROM attrib.attach_v1($1::bytea, $2::bytea, $3::bigint)",
		3, params, &result, &s->error);
	if (err)
		return err;
	err = judge_attach(s, result, out);
	PQclear(result);
	return err;
}

/* Facts that the merge has set aside; those of a flush are seen before its COMMIT. */
static int count_quarantined(struct postgres_sink *s)
{
	PGresult *result = NULL;
	int err = pg_query(
		s->conn, "SELECT count(*) FROM attrib.quarantine", 0, NULL, &result, &s->error);

	if (err)
		return err;
	s->sink.quarantined = (uint64_t)pg_int(result, 0, 0, 0);
	PQclear(result);
	return 0;
}

/* Does the database have what this process knows to be in it, and the journal what the database
 * has? */
static int judge_positions(struct postgres_sink *s)
{
	struct attrib_positions view = pg_positions_view(&s->positions);

	if (!pg_positions_cover(&s->positions, &s->confirmed))
		return say_set_back(s);
	if (s->epoch == 0 && s->fits && !s->fits(s->fits_arg, &view, &s->error))
		return ATTRIB_E_CONFIG;
	return 0;
}

/* A process that is refused has changed nothing: it may be an old copy of one that runs. */
static int take_identity(struct postgres_sink *s, struct attrib_sink_attach *out)
{
	int err = pg_run(s->conn, "BEGIN", 0, NULL, &s->error);

	if (!err)
		err = pg_positions_read(s->conn, &s->instance, &s->positions, &s->error);
	if (!err)
		err = judge_positions(s);
	if (!err)
		err = take_epoch(s, out);
	if (!err)
		err = pg_run(s->conn, "COMMIT", 0, NULL, &s->error);
	if (!err) /* if the answer is lost, the next attach takes another one */
		s->epoch = out->epoch;
	return err;
}

static int remember_confirmed(struct postgres_sink *s)
{
	struct attrib_batch_view all = {
		.positions = s->positions.p, .position_count = s->positions.count};

	return pg_positions_raise(&s->confirmed, &all);
}

static int postgres_attach(struct attrib_sink *sink, struct attrib_sink_attach *out)
{
	struct postgres_sink *s = of(sink);
	struct attrib_sink_attach taken = {0};
	int err;

	disconnect(s);
	err = pg_connect(s->conninfo, &s->timeouts, &s->conn, &s->error);
	if (!err)
		err = pg_check_schema(s->conn, &s->error);
	if (!err)
		err = pg_session_know(s->conn, &s->session, &s->error);
	if (!err)
		pg_session_end(s->conn, &s->former);
	if (!err)
		err = take_identity(s, &taken);
	if (!err)
		err = remember_confirmed(s);
	if (!err)
		err = pg_run(s->conn, "SELECT attrib.stage_v1()", 0, NULL, &s->error);
	if (!err)
		err = count_quarantined(s);
	if (err) {
		disconnect(s);
		return err == ATTRIB_E_INVALID ? ATTRIB_E_UNAVAILABLE : err;
	}
	taken.positions = s->positions.p;
	taken.position_count = s->positions.count;
	taken.given_up = s->positions.given_up;
	*out = taken;
	return 0;
}

/* 0 and *done, or ATTRIB_E_FENCED, ATTRIB_E_SUPERSEDED. Opens the transaction. */
static int begin(struct postgres_sink *s, const char *id, const struct pg_targets *t, bool *done)
{
	char epoch[24], state[PG_ID_TEXT];
	bool shares = !attrib_master_none(&s->master);
	const char *params[] = {id, epoch, (const char *)t->lanes.p, (const char *)t->from.p,
		(const char *)t->numbers.p, shares ? state : NULL, s->master.id};
	const char *outcome;
	PGresult *result = NULL;
	int err;

	snprintf(epoch, sizeof epoch, "%llu", (unsigned long long)s->epoch);
	pg_id(&s->master.state, state);
	/* plans made for another batch's sizes may fit this one badly: a session lives for months */
	err = pg_run(s->conn, "BEGIN; DISCARD PLANS", 0, NULL, &s->error);
	if (!err)
		err = pg_query(s->conn,
			"SELECT attrib.begin_v3($1::bytea, $2::bigint, $3::bytea[], $4::bigint[], "
			"$5::bigint[], $6::bytea, $7)",
			7, params, &result, &s->error);
	if (err)
		return err;
	outcome = PQgetvalue(result, 0, 0);
	*done = strcmp(outcome, "done") == 0;
	if (strcmp(outcome, "set back") == 0) {
		err = say_set_back(s);
	} else if (strcmp(outcome, "superseded") == 0) {
		pg_say(&s->error, "another master of the shared state decides");
		err = ATTRIB_E_SUPERSEDED;
	} else if (!*done && strcmp(outcome, "go") != 0) {
		pg_say(&s->error, strcmp(outcome, "fenced") == 0
					  ? "another process runs under this instance's identity, "
					    "or has taken its sites over"
					  : "the database is ahead of this journal in some lanes");
		err = ATTRIB_E_FENCED;
	}
	PQclear(result);
	return err;
}

/* What a flush writes between begin and COMMIT. */
struct writing {
	const struct attrib_batch_view *batch;
	uint64_t catalog_version;
	bool isolate;     /* what is refused for its data is set aside */
	uint64_t refused; /* out */
};

static int merge(struct postgres_sink *s, const char *function, const char *id,
	const struct pg_targets *t, const struct writing *w)
{
	char sql[128], version[24], records[24];
	const char *params[] = {
		id, (const char *)t->lanes.p, (const char *)t->numbers.p, version, records};

	snprintf(sql, sizeof sql,
		"SELECT attrib.%s($1::bytea, $2::bytea[], $3::bigint[], $4::bigint, $5::bigint)",
		function);
	snprintf(version, sizeof version, "%llu", (unsigned long long)w->catalog_version);
	snprintf(records, sizeof records, "%llu", (unsigned long long)w->batch->records);
	return pg_run(s->conn, sql, 5, params, &s->error);
}

static int write_batch(
	struct postgres_sink *s, const char *id, const struct pg_targets *t, struct writing *w)
{
	int err;

	if (w->isolate) {
		err = pg_isolate(s->conn, w->batch, &w->refused, &s->error);
		return err ? err : merge(s, "merge_v1_positions", id, t, w);
	}
	err = pg_stage_batch(s->conn, w->batch, &s->error);
	return err ? err : merge(s, "merge_v1", id, t, w);
}

/* A COMMIT of a transaction that had failed answers ROLLBACK. */
static int commit(struct postgres_sink *s)
{
	PGresult *result = NULL;
	int err = pg_query(s->conn, "COMMIT", 0, NULL, &result, &s->error);

	if (err)
		return err;
	if (strcmp(PQcmdStatus(result), "COMMIT") != 0) {
		pg_say(&s->error, "the transaction was rolled back");
		err = ATTRIB_E_UNAVAILABLE;
	}
	PQclear(result);
	return err;
}

static int flush_once(struct postgres_sink *s, const struct pg_targets *t, struct writing *w)
{
	char id[PG_ID_TEXT];
	struct attrib_sink_error ignored;
	bool done = false;
	int err;

	w->refused = 0;
	pg_id(&s->instance, id);
	err = begin(s, id, t, &done);
	if (!err && !done)
		err = write_batch(s, id, t, w);
	if (!err && !done)
		err = count_quarantined(s);
	if (!err && !done)
		return commit(s);
	if (PQtransactionStatus(s->conn) != PQTRANS_IDLE &&
		pg_run(s->conn, "ROLLBACK", 0, NULL, &ignored))
		disconnect(s);
	return err;
}

/* The same again when another session was in the way; row by row when something was refused. */
static int flush_until(struct postgres_sink *s, const struct pg_targets *t, struct writing *w)
{
	int err = ATTRIB_E_UNAVAILABLE;

	for (int try = 0; try < CONFLICT_TRIES; try++) {
		s->error = (struct attrib_sink_error){0};
		err = flush_once(s, t, w);
		if (err == ATTRIB_E_INVALID && !w->isolate)
			w->isolate = true;
		else if (!err || !pg_conflict(&s->error))
			break;
	}
	return err;
}

/* A sealed batch can't be cut any more. One that takes longer than a statement may would be tried for
 * ever: from the next attach on it has twice the time. */
static void allow_more_time(struct postgres_sink *s)
{
	int ms = s->timeouts.statement_ms ? s->timeouts.statement_ms : STATEMENT_MS;

	s->timeouts.statement_ms = ms < STATEMENT_MS_MAX / 2 ? 2 * ms : STATEMENT_MS_MAX;
	disconnect(s);
}

static int postgres_flush(
	struct attrib_sink *sink, const struct attrib_batch_view *batch, uint64_t catalog_version)
{
	struct postgres_sink *s = of(sink);
	struct writing writing = {.batch = batch, .catalog_version = catalog_version};
	struct pg_targets targets;
	int err = pg_targets_init(&targets, batch, &s->confirmed);

	if (!err && !s->conn) {
		pg_say(&s->error, "not connected");
		err = ATTRIB_E_UNAVAILABLE;
	}
	if (!err)
		err = flush_until(s, &targets, &writing);
	if (!err)
		s->sink.refused += writing.refused;
	if (err && strcmp(s->error.sqlstate, CANCELED) == 0)
		allow_more_time(s);
	if (s->conn && PQstatus(s->conn) != CONNECTION_OK)
		disconnect(s);
	pg_targets_done(&targets);
	if (!err)
		err = pg_positions_raise(&s->confirmed, batch);
	return err;
}

static int postgres_meet(struct attrib_sink *sink, const struct attrib_master *master)
{
	struct postgres_sink *s = of(sink);
	int err = ATTRIB_E_UNAVAILABLE;

	s->error = (struct attrib_sink_error){0};
	if (s->conn)
		err = pg_master_meet(s->conn, &s->instance, master, &s->error);
	else
		pg_say(&s->error, "not connected");
	if (!err)
		s->master = *master;
	if (s->conn && PQstatus(s->conn) != CONNECTION_OK)
		disconnect(s);
	return err == ATTRIB_E_INVALID ? ATTRIB_E_UNAVAILABLE : err;
}

static const struct attrib_sink_error *postgres_error(const struct attrib_sink *sink)
{
	return &of(sink)->error;
}

static void postgres_free(struct attrib_sink *sink)
{
	struct postgres_sink *s = of(sink);

	disconnect(s);
	pg_positions_done(&s->positions);
	pg_positions_done(&s->confirmed);
	free(s->conninfo);
	free(s);
}

static const struct attrib_sink_ops postgres_ops = {
	.name = "postgres",
	.attach = postgres_attach,
	.flush = postgres_flush,
	.meet = postgres_meet,
	.error = postgres_error,
	.free = postgres_free,
};

int attrib_sink_postgres_new(
	const struct attrib_postgres_options *options, struct attrib_sink **out)
{
	struct postgres_sink *s = calloc(1, sizeof *s);

	if (!s)
		return ATTRIB_E_NOMEM;
	s->conninfo = strdup(options->conninfo);
	if (!s->conninfo) {
		free(s);
		return ATTRIB_E_NOMEM;
	}
	s->sink.ops = &postgres_ops;
	s->instance = options->instance;
	s->fits = options->fits;
	s->fits_arg = options->fits_arg;
	memcpy(s->fingerprint, options->secret_fingerprint, sizeof s->fingerprint);
	s->timeouts = (struct pg_timeouts){.connect_s = options->connect_timeout_s,
		.statement_ms = options->statement_timeout_ms,
		.tcp_user_ms = options->tcp_user_timeout_ms};
	*out = &s->sink;
	return 0;
}
