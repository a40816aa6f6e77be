/*
 * Whose state decides a site: asked by every daemon that writes its sites, and given to another when an
 * operator says so.
 */
#include <stdio.h>
#include <stdlib.h>

#include "pg_master.h"
#include "pg_own.h"
#include "pg_positions.h"

static int ask(PGconn *conn, const char *sql, const struct attrib_owner *owner,
	struct attrib_str site, PGresult **out, struct attrib_sink_error *error)
{
	char id[PG_ID_TEXT], state[PG_ID_TEXT], *name = strndup(site.p, site.n);
	const char *params[] = {id, owner->shares ? state : NULL, name};
	int err = ATTRIB_E_NOMEM;

	pg_id(&owner->instance, id);
	pg_id(&owner->state, state);
	if (name)
		err = pg_query(conn, sql, 3, params, out, error);
	free(name);
	return err;
}

int pg_check_secret(PGconn *conn, const uint8_t fingerprint[32], struct attrib_sink_error *error)
{
	char text[2 * 32 + 3] = "\\x";
	const char *params[] = {text};
	PGresult *result = NULL;

	attrib_hex(fingerprint, 32, text + 2);
	int err = pg_query(
		conn, "SELECT attrib.take_secret_v1($1::bytea)", 1, params, &result, error);
	if (err)
		return err;
	if (PQgetvalue(result, 0, 0)[0] != 't') {
		pg_say(error, "the database was written with another secret: put the secret_file "
			      "of its state_dir into this one");
		err = ATTRIB_E_CONFIG;
	}
	PQclear(result);
	return err;
}

/* What the owner is not. */
static void tell_owner(const struct attrib_owner *asking, struct attrib_str site, const char *owner,
	struct attrib_sink_error *error)
{
	char state[PG_ID_TEXT], here[96] = "this state_dir: start that one";

	pg_id(&asking->state, state);
	if (asking->shares)
		snprintf(here, sizeof here, "shared state %s, which `state` leads to: correct it",
			state + 2);
	pg_say(error, "site %.*s is decided by %s, not by %s, or 'attribd take-over'",
		site.n < 60 ? (int)site.n : 60, site.p, owner, here);
}

int pg_own_site(PGconn *conn, const struct attrib_owner *owner, struct attrib_str site,
	struct attrib_sink_error *error)
{
	PGresult *result = NULL;
	int err = ask(conn, "SELECT attrib.own_site_v2($1::bytea, $2::bytea, $3)", owner, site,
		&result, error);

	if (err)
		return err;
	if (!PQgetisnull(result, 0, 0)) {
		tell_owner(owner, site, PQgetvalue(result, 0, 0), error);
		err = ATTRIB_E_FENCED;
	}
	PQclear(result);
	return err;
}

static void tell(const struct attrib_postgres_take_over *what, const char *text)
{
	if (what->line)
		what->line(what->arg, text);
}

static int take_site(PGconn *conn, const struct attrib_postgres_take_over *what,
	struct attrib_str site, struct attrib_sink_error *error)
{
	PGresult *result = NULL;
	char text[256];
	int err = ask(conn, "SELECT attrib.take_site_v2($1::bytea, $2::bytea, $3)", &what->owner,
		site, &result, error);

	if (err)
		return err;
	if (PQgetisnull(result, 0, 0))
		snprintf(text, sizeof text, "site %.*s is decided by %s",
			site.n < 60 ? (int)site.n : 60, site.p,
			what->owner.shares ? "the shared state" : "this state_dir");
	else
		snprintf(text, sizeof text, "site %.*s was decided by %s, now by %s",
			site.n < 60 ? (int)site.n : 60, site.p, PQgetvalue(result, 0, 0),
			what->owner.shares ? "the shared state" : "this state_dir");
	PQclear(result);
	tell(what, text);
	return 0;
}

static int give_up(PGconn *conn, const struct attrib_postgres_take_over *what,
	const struct attrib_position *lane, struct attrib_sink_error *error)
{
	char id[PG_ID_TEXT], lane_id[PG_ID_TEXT], number[24], text[128];
	const char *params[] = {id, lane_id, number};

	pg_id(&what->owner.instance, id);
	pg_id(&lane->lane, lane_id);
	snprintf(number, sizeof number, "%llu", (unsigned long long)lane->number);
	int err = pg_run(conn, "SELECT attrib.give_up_v1($1::bytea, $2::bytea, $3::bigint)", 3,
		params, error);
	if (err)
		return err;
	snprintf(text, sizeof text, "lane %s: goes on without the records that are not here",
		lane_id + 2);
	tell(what, text);
	return 0;
}

static int give_up_all(
	PGconn *conn, const struct attrib_postgres_take_over *what, struct attrib_sink_error *error)
{
	struct pg_positions positions = {0};
	const struct attrib_position *lanes = NULL;
	size_t n = 0;
	int err = pg_positions_read(conn, &what->owner.instance, &positions, error);

	if (!err) {
		const struct attrib_positions view = pg_positions_view(&positions);
		err = what->find(what->arg, &view, &lanes, &n);
	}
	for (size_t i = 0; i < n && !err; i++)
		err = give_up(conn, what, &lanes[i], error);
	pg_positions_done(&positions);
	return err;
}

static int take_master(
	PGconn *conn, const struct attrib_postgres_take_over *what, struct attrib_sink_error *error)
{
	char former[ATTRIB_MASTER_ID + 1], text[256];
	int err = pg_master_take(conn, &what->owner.instance, &what->owner.master, former, error);

	if (err || !former[0])
		return err;
	snprintf(text, sizeof text,
		"master %s of the shared state decides now, and no more master %s",
		what->owner.master.id, former);
	tell(what, text);
	return 0;
}

static int take_over(
	PGconn *conn, const struct attrib_postgres_take_over *what, struct attrib_sink_error *error)
{
	int err = pg_check_schema(conn, error);

	if (!err)
		err = pg_run(conn, "BEGIN", 0, NULL, error);
	if (!err)
		err = pg_check_secret(conn, what->owner.secret_fingerprint, error);
	if (!err)
		err = give_up_all(conn, what, error);
	for (size_t i = 0; i < what->site_count && !err; i++)
		err = take_site(conn, what, what->sites[i], error);
	if (!err && !attrib_master_none(&what->owner.master))
		err = take_master(conn, what, error);
	return err ? err : pg_run(conn, "COMMIT", 0, NULL, error);
}

int attrib_postgres_take_over(const char *conninfo, const struct attrib_postgres_take_over *what,
	struct attrib_sink_error *error)
{
	PGconn *conn = NULL;
	int err = pg_connect(conninfo, NULL, &conn, error);

	if (!err)
		err = take_over(conn, what, error);
	PQfinish(conn);
	return err;
}

/* -- the shared state of sites ------------------------------------------------------------------- */

static int read_shared(PGconn *conn, const struct attrib_str *sites, size_t n,
	struct attrib_id *out, bool *found, struct attrib_sink_error *error)
{
	int err = pg_check_schema(conn, error);

	*found = false;
	for (size_t i = 0; i < n && !*found && !err; i++) {
		char *name = strndup(sites[i].p, sites[i].n);
		const char *params[] = {name};
		PGresult *result = NULL;
		err = !name ? ATTRIB_E_NOMEM
			    : pg_query(conn,
				      "SELECT encode(state, 'hex') FROM attrib.site_state"
				      " WHERE site = $1 AND state IS NOT NULL",
				      1, params, &result, error);
		free(name);
		if (!err && PQntuples(result) > 0) {
			*found = true;
			err = attrib_hex_decode(pg_str(result, 0, 0), out->b, sizeof out->b);
		}
		PQclear(result);
	}
	return err;
}

int attrib_postgres_shared_state(const char *conninfo, const struct attrib_str *sites, size_t n,
	struct attrib_id *out, bool *found, struct attrib_sink_error *error)
{
	PGconn *conn = NULL;
	int err = pg_connect(conninfo, NULL, &conn, error);

	if (!err)
		err = read_shared(conn, sites, n, out, found, error);
	PQfinish(conn);
	return err;
}
