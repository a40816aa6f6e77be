/*
 * Sending from the outbox, on the forward thread. All rules are in schema/functions/outbox.sql; here is
 * how they are asked, and when a database that hangs is given up.
 */
#include "attrib/outbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "attrib/tools.h"
#include "pg_conn.h"
#include "pg_positions.h"

#define STATEMENT_MS 5000 /* transfers wait for their marks meanwhile */

struct attrib_outbox {
	PGconn *conn; /* owned */
	char holder[PG_ID_TEXT];
};

static const char *const outcomes[] = {[ATTRIB_OUTBOX_SENT] = "sent",
	[ATTRIB_OUTBOX_AGAIN] = "again",
	[ATTRIB_OUTBOX_DEAD] = "dead",
	[ATTRIB_OUTBOX_RELEASED] = "released"};

/* What the database says of itself is no row of ours. */
static int query(struct attrib_outbox *outbox, const char *sql, int n, const char *const *params,
	PGresult **out, struct attrib_sink_error *error)
{
	int err = pg_query(outbox->conn, sql, n, params, out, error);

	return err == ATTRIB_E_INVALID ? ATTRIB_E_UNAVAILABLE : err;
}

/* -- life ---------------------------------------------------------------------------------------- */

/* A crash of the server may forget a mark: then the event is sent again, which receivers are used to. */
static int attach(struct attrib_outbox *outbox, bool first, struct attrib_sink_error *error)
{
	const char *params[] = {outbox->holder};
	int err = pg_check_schema(outbox->conn, error);

	if (!err)
		err = pg_run(outbox->conn, "SET synchronous_commit = off", 0, NULL, error);
	if (!err && first)
		err = pg_run(outbox->conn, "SELECT attrib.outbox_attach_v1($1::bytea)", 1, params,
			error);
	return err;
}

int attrib_outbox_open(const char *conninfo, const struct attrib_id *instance, bool first,
	struct attrib_outbox **out, struct attrib_sink_error *error)
{
	static const struct pg_timeouts timeouts = {.connect_s = 3, .statement_ms = STATEMENT_MS};
	struct attrib_outbox *outbox = calloc(1, sizeof *outbox);
	int err;

	if (!outbox)
		return ATTRIB_E_NOMEM;
	pg_id(instance, outbox->holder);
	err = pg_connect(conninfo, &timeouts, &outbox->conn, error);
	if (!err)
		err = attach(outbox, first, error);
	if (err) {
		attrib_outbox_close(outbox);
		return err;
	}
	*out = outbox;
	return 0;
}

void attrib_outbox_close(struct attrib_outbox *outbox)
{
	if (!outbox)
		return;
	PQfinish(outbox->conn);
	free(outbox);
}

/* -- claiming and marking ------------------------------------------------------------------------- */

static void put_us(char text[48], int64_t us)
{
	snprintf(text, 48, "%" PRId64 " microseconds", us);
}

static void tell(const PGresult *result, void (*event)(void *, const struct attrib_outbox_event *),
	void *arg)
{
	for (int i = 0; i < PQntuples(result); i++) {
		struct attrib_outbox_event e = {.id = pg_int(result, i, 0, 0),
			.claim = (int)pg_int(result, i, 1, 0),
			.tries = (int)pg_int(result, i, 2, 0),
			.begun_us = pg_int(result, i, 3, 0),
			.webhook_id = pg_str(result, i, 4),
			.body = pg_str(result, i, 5)};
		event(arg, &e);
	}
}

int attrib_outbox_claim(struct attrib_outbox *outbox, const char *site, int most, int64_t lease_us,
	void (*event)(void *arg, const struct attrib_outbox_event *event), void *arg,
	struct attrib_sink_error *error)
{
	char limit[16], lease[48];
	const char *params[] = {outbox->holder, site, limit, lease};
	PGresult *result = NULL;
	int err;

	snprintf(limit, sizeof limit, "%d", most);
	put_us(lease, lease_us);
	err = query(outbox,
		"SELECT id, claim, tries, (extract(epoch FROM begun) * 1000000)::bigint, "
		"webhook_id, body"
		" FROM attrib.outbox_claim_v1($1::bytea, $2, $3::int, $4::interval)",
		4, params, &result, error);
	if (err)
		return err;
	tell(result, event, arg);
	PQclear(result);
	return 0;
}

int attrib_outbox_mark(struct attrib_outbox *outbox, const struct attrib_outbox_mark *mark,
	bool *held, struct attrib_sink_error *error)
{
	char id[24], claim[16], wait[48];
	const char *params[] = {
		outbox->holder, id, claim, outcomes[mark->outcome], wait, mark->error};
	PGresult *result = NULL;
	int err;

	snprintf(id, sizeof id, "%" PRId64, mark->id);
	snprintf(claim, sizeof claim, "%d", mark->claim);
	put_us(wait, mark->wait_us);
	err = query(outbox,
		"SELECT attrib.outbox_mark_v1($1::bytea, $2::bigint, $3::int, $4, $5::interval, "
		"$6)",
		6, params, &result, error);
	if (err)
		return err;
	*held = PQgetvalue(result, 0, 0)[0] == 't';
	PQclear(result);
	return 0;
}

/* -- the queue ------------------------------------------------------------------------------------ */

int attrib_outbox_queue(struct attrib_outbox *outbox, const char *const *sites, size_t n,
	struct attrib_outbox_queue *out, struct attrib_sink_error *error)
{
	struct attrib_buf names;
	PGresult *result = NULL;
	int err;

	attrib_buf_init(&names);
	err = pg_put_names(&names, sites, n);
	if (!err) {
		const char *params[] = {(const char *)names.p};
		err = query(outbox,
			"SELECT waiting, (extract(epoch FROM oldest) * 1000000)::bigint, dead"
			" FROM attrib.outbox_queue_v1($1::text[])",
			1, params, &result, error);
	}
	attrib_buf_done(&names);
	if (err)
		return err;
	*out = (struct attrib_outbox_queue){.waiting = pg_int(result, 0, 0, 0),
		.oldest_us = pg_int(result, 0, 1, 0),
		.dead = pg_int(result, 0, 2, 0)};
	PQclear(result);
	return 0;
}

int attrib_outbox_trim(struct attrib_outbox *outbox, int64_t sent_us, int64_t dead_us, int most,
	int64_t *deleted, struct attrib_sink_error *error)
{
	char sent[48], dead[48], limit[16];
	const char *params[] = {sent, dead, limit};
	PGresult *result = NULL;
	int err;

	put_us(sent, sent_us);
	put_us(dead, dead_us);
	snprintf(limit, sizeof limit, "%d", most);
	err = query(outbox, "SELECT attrib.outbox_trim_v1($1::interval, $2::interval, $3::int)", 3,
		params, &result, error);
	if (err)
		return err;
	*deleted = pg_int(result, 0, 0, 0);
	PQclear(result);
	return 0;
}

/* -- for people ----------------------------------------------------------------------------------- */

static int retry_named(
	PGconn *conn, const struct attrib_retry *retry, struct attrib_sink_error *error)
{
	PGresult *result = NULL;
	int err = pg_query_retry(conn,
		"SELECT site, event_id, order_id FROM attrib.outbox_retry_v1($1, $2::text[])"
		" ORDER BY id",
		retry, &result, error);

	if (err)
		return err;
	for (int i = 0; i < PQntuples(result); i++) {
		struct attrib_retry_row row = {PQgetvalue(result, i, 0), PQgetvalue(result, i, 1),
			PQgetvalue(result, i, 2), "due again", ""};
		retry->row(retry->arg, &row);
	}
	err = PQntuples(result) ? 0 : ATTRIB_E_NOT_FOUND;
	PQclear(result);
	return err;
}

int attrib_postgres_outbox_retry(const struct attrib_retry *retry, struct attrib_sink_error *error)
{
	PGconn *conn;
	int err;

	*error = (struct attrib_sink_error){0};
	err = pg_connect(retry->conninfo, NULL, &conn, error);
	if (err)
		return err;
	err = pg_check_schema(conn, error);
	if (!err)
		err = retry_named(conn, retry, error);
	if (err == ATTRIB_E_INVALID)
		err = ATTRIB_E_UNAVAILABLE;
	PQfinish(conn);
	return err;
}
