/*
 * The PostgreSQL sink: one flush, one transaction. The flush thread owns it and blocks in libpq; the
 * timeouts of pg_conn bound that.
 *
 * Whether a COMMIT whose answer was lost has happened is not asked: the same batch is flushed again,
 * and begin_v1 finds the lane positions at their targets or not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attrib/buf.h"
#include "pg_conn.h"
#include "pg_isolate.h"
#include "pg_stage.h"

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
	PGconn *conn;                      /* owned; NULL = not attached */
	uint64_t epoch;                    /* 0 until the first attach */
	struct attrib_position *positions; /* owned: what the last attach gave out */
	struct attrib_sink_error error;
};

static struct postgres_sink *of(const struct attrib_sink *sink)
{
	return (struct postgres_sink *)sink;
}

static void disconnect(struct postgres_sink *s)
{
	PQfinish(s->conn);
	s->conn = NULL;
}

static void bytea(const void *bytes, size_t n, char *out) /* out: 2n + 3 */
{
	memcpy(out, "\\x", 2);
	attrib_hex(bytes, n, out + 2);
	out[2 + 2 * n] = '\0';
}

static int read_positions(struct postgres_sink *s, size_t *count)
{
	char id[2 * sizeof s->instance.b + 3];
	const char *params[] = {id};
	PGresult *result = NULL;
	size_t n;
	int err;

	bytea(s->instance.b, sizeof s->instance.b, id);
	err = pg_query(s->conn,
		"SELECT encode(lane, 'hex'), number FROM attrib.lane_position WHERE instance = "
		"$1::bytea"
		" ORDER BY lane",
		1, params, &result, &s->error);
	if (err)
		return err;
	n = (size_t)PQntuples(result);
	free(s->positions);
	s->positions = calloc(n ? n : 1, sizeof *s->positions);
	if (!s->positions)
		err = ATTRIB_E_NOMEM;
	for (size_t i = 0; i < n && !err; i++) {
		struct attrib_position *p = &s->positions[i];

		err = attrib_hex_decode(pg_str(result, (int)i, 0), p->lane.b, sizeof p->lane.b);
		p->number = (uint64_t)pg_int(result, (int)i, 1, 0);
	}
	PQclear(result);
	*count = n;
	return err;
}

static int judge_attach(
	struct postgres_sink *s, const PGresult *result, struct attrib_sink_attach *out)
{
	const char *outcome = PQgetvalue(result, 0, 0);

	if (strcmp(outcome, "fenced") == 0) {
		pg_say(&s->error,
			"another process runs under this instance's identity (epoch %s, ours %llu)",
			PQgetvalue(result, 0, 1), (unsigned long long)s->epoch);
		return ATTRIB_E_FENCED;
	}
	if (strcmp(outcome, "secret") == 0) {
		pg_say(&s->error,
			"the database was written with another secret: all instances of one "
			"database share one secret_file");
		return ATTRIB_E_CONFIG;
	}
	out->epoch = s->epoch = (uint64_t)pg_int(result, 0, 1, 0);
	out->base = (uint64_t)pg_int(result, 0, 2, 0);
	out->catalog_version = (uint64_t)pg_int(result, 0, 3, 0);
	return 0;
}

static int take_epoch(struct postgres_sink *s, struct attrib_sink_attach *out)
{
	char id[2 * sizeof s->instance.b + 3], fingerprint[2 * sizeof s->fingerprint + 3],
		epoch[24];
	const char *params[] = {id, fingerprint, epoch};
	PGresult *result = NULL;
	int err;

	bytea(s->instance.b, sizeof s->instance.b, id);
	bytea(s->fingerprint, sizeof s->fingerprint, fingerprint);
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
		err = take_epoch(s, &taken);
	if (!err)
		err = read_positions(s, &taken.position_count);
	if (!err)
		err = pg_run(s->conn, "SELECT attrib.stage_v1()", 0, NULL, &s->error);
	if (!err)
		err = count_quarantined(s);
	if (err) {
		disconnect(s);
		return err == ATTRIB_E_INVALID ? ATTRIB_E_UNAVAILABLE : err;
	}
	taken.positions = s->positions;
	*out = taken;
	return 0;
}

/* The batch's targets as two array literals. */
struct targets {
	struct attrib_buf lanes, numbers;
};

static int targets_init(struct targets *t, const struct attrib_batch_view *batch)
{
	attrib_buf_init(&t->lanes);
	attrib_buf_init(&t->numbers);
	for (size_t i = 0; i < batch->position_count; i++) {
		char hex[2 * sizeof batch->positions[i].lane.b];

		attrib_hex(batch->positions[i].lane.b, sizeof batch->positions[i].lane.b, hex);
		attrib_buf_printf(
			&t->lanes, "%s\"\\\\x%.*s\"", i ? "," : "{", (int)sizeof hex, hex);
		attrib_buf_printf(&t->numbers, "%s%llu", i ? "," : "{",
			(unsigned long long)batch->positions[i].number);
	}
	attrib_buf_put(
		&t->lanes, batch->position_count ? "}" : "{}", batch->position_count ? 2 : 3);
	attrib_buf_put(
		&t->numbers, batch->position_count ? "}" : "{}", batch->position_count ? 2 : 3);
	return t->lanes.err ? t->lanes.err : t->numbers.err;
}

static void targets_done(struct targets *t)
{
	attrib_buf_done(&t->lanes);
	attrib_buf_done(&t->numbers);
}

/* 0 and *done, or ATTRIB_E_FENCED. Opens the transaction. */
static int begin(struct postgres_sink *s, const char *id, const struct targets *t, bool *done)
{
	char epoch[24];
	const char *params[] = {id, epoch, (const char *)t->lanes.p, (const char *)t->numbers.p};
	const char *outcome;
	PGresult *result = NULL;
	int err;

	snprintf(epoch, sizeof epoch, "%llu", (unsigned long long)s->epoch);
	/* plans made for another batch's sizes may fit this one badly: a session lives for months */
	err = pg_run(s->conn, "BEGIN; DISCARD PLANS", 0, NULL, &s->error);
	if (!err)
		err = pg_query(s->conn,
			"SELECT attrib.begin_v1($1::bytea, $2::bigint, $3::bytea[], $4::bigint[])",
			4, params, &result, &s->error);
	if (err)
		return err;
	outcome = PQgetvalue(result, 0, 0);
	*done = strcmp(outcome, "done") == 0;
	if (!*done && strcmp(outcome, "go") != 0) {
		pg_say(&s->error, strcmp(outcome, "fenced") == 0
					  ? "another process runs under this instance's identity"
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
	const struct targets *t, const struct writing *w)
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
	struct postgres_sink *s, const char *id, const struct targets *t, struct writing *w)
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

static int flush_once(struct postgres_sink *s, const struct targets *t, struct writing *w)
{
	char id[2 * sizeof s->instance.b + 3];
	struct attrib_sink_error ignored;
	bool done = false;
	int err;

	w->refused = 0;
	bytea(s->instance.b, sizeof s->instance.b, id);
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
static int flush_until(struct postgres_sink *s, const struct targets *t, struct writing *w)
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
	struct targets targets;
	int err = targets_init(&targets, batch);

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
	targets_done(&targets);
	return err;
}

static const struct attrib_sink_error *postgres_error(const struct attrib_sink *sink)
{
	return &of(sink)->error;
}

static void postgres_free(struct attrib_sink *sink)
{
	struct postgres_sink *s = of(sink);

	disconnect(s);
	free(s->positions);
	free(s->conninfo);
	free(s);
}

static const struct attrib_sink_ops postgres_ops = {
	.name = "postgres",
	.attach = postgres_attach,
	.flush = postgres_flush,
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
	memcpy(s->fingerprint, options->secret_fingerprint, sizeof s->fingerprint);
	s->timeouts = (struct pg_timeouts){.connect_s = options->connect_timeout_s,
		.statement_ms = options->statement_timeout_ms,
		.tcp_user_ms = options->tcp_user_timeout_ms};
	*out = &s->sink;
	return 0;
}
