/*
 * Trackers that are handed out. What may be added, and under which key, is decided by
 * attrib.add_links_v1, where the catalog is; here is only the transaction around it.
 */
#include "attrib/tools.h"

#include <stdio.h>

#include "pg_conn.h"

#define STATEMENT_MS 600000

static const char add_sql[] =
	"SELECT item, problem, field, sub, (t).site, (t).kind, (t).key, (t).creator, (t).campaign,"
	" (t).placement, (t).destination, to_char((t).valid_from, 'YYYY-MM-DD HH24:MI:SS'),"
	" to_char((t).valid_to, 'YYYY-MM-DD HH24:MI:SS')"
	" FROM attrib.add_links_v1($1::jsonb, $2::jsonb)";
static const char list_sql[] =
	"SELECT 0, NULL, NULL, NULL, site, kind, key, creator, campaign, placement, destination,"
	" to_char(valid_from, 'YYYY-MM-DD HH24:MI:SS'), to_char(valid_to, 'YYYY-MM-DD HH24:MI:SS')"
	" FROM attrib.links_v1($1, $2, $3::int)";

static int connect_to(
	const char *conninfo, bool hurry, PGconn **out, struct attrib_sink_error *error)
{
	static const struct pg_timeouts patient = {.statement_ms = STATEMENT_MS};
	PGconn *conn;
	int err = pg_open(conninfo, hurry ? &pg_hurried : &patient, &conn, error);

	if (err)
		return err;
	err = pg_run(conn, "BEGIN", 0, NULL, error);
	if (err)
		PQfinish(conn);
	else
		*out = conn;
	return err;
}

static const char *text_or_null(const PGresult *rows, int row, int column)
{
	return PQgetisnull(rows, row, column) ? NULL : PQgetvalue(rows, row, column);
}

static void tell(
	const PGresult *rows, void (*row)(void *, const struct attrib_link_row *), void *arg)
{
	for (int i = 0; i < PQntuples(rows); i++) {
		struct attrib_link_row told = {.item = (size_t)pg_int(rows, i, 0, 0),
			.problem = text_or_null(rows, i, 1),
			.field = text_or_null(rows, i, 2),
			.link = {.sub = pg_str(rows, i, 3),
				.site = pg_str(rows, i, 4),
				.kind = pg_str(rows, i, 5),
				.key = pg_str(rows, i, 6),
				.creator = pg_str(rows, i, 7),
				.campaign = pg_str(rows, i, 8),
				.placement = pg_str(rows, i, 9),
				.destination = pg_str(rows, i, 10),
				.valid_from = pg_str(rows, i, 11),
				.valid_to = pg_str(rows, i, 12)}};

		row(arg, &told);
	}
}

static bool has_problem(const PGresult *rows)
{
	for (int i = 0; i < PQntuples(rows); i++) {
		if (!PQgetisnull(rows, i, 1))
			return true;
	}
	return false;
}

static int add_links(PGconn *conn, const struct attrib_link_adder *adder, const char *const *params,
	struct attrib_sink_error *error)
{
	PGresult *rows = NULL;
	bool refused;
	int err = pg_query(conn, add_sql, 2, params, &rows, error);

	if (err)
		return pg_unknown_function(err, "attrib.add_links_v1", error);
	refused = adder->all && has_problem(rows);
	err = pg_run(conn, refused ? "ROLLBACK" : "COMMIT", 0, NULL, error);
	if (!err)
		tell(rows, adder->row, adder->arg);
	PQclear(rows);
	return err ? err : refused ? ATTRIB_E_INVALID : 0;
}

static int connect_and_add(const struct attrib_link_adder *adder, const char *const *params,
	struct attrib_sink_error *error)
{
	PGconn *conn;
	int err = connect_to(adder->conninfo, adder->hurry, &conn, error);

	if (err)
		return err;
	err = add_links(conn, adder, params, error);
	PQfinish(conn);
	return err;
}

int attrib_postgres_add_links(
	const struct attrib_link_adder *adder, struct attrib_sink_error *error)
{
	struct attrib_arena arena;
	const char *params[2];
	int err = ATTRIB_E_NOMEM;

	*error = (struct attrib_sink_error){0};
	if (!attrib_str_is_text(adder->items))
		return ATTRIB_E_INVALID;
	attrib_arena_init(&arena, 4096);
	params[0] = attrib_arena_str(&arena, adder->items).p;
	params[1] = attrib_arena_str(&arena, adder->sites).p;
	if (params[0] && params[1])
		err = connect_and_add(adder, params, error);
	attrib_arena_done(&arena);
	return err;
}

int attrib_postgres_list_links(
	const struct attrib_link_lister *lister, struct attrib_sink_error *error)
{
	char limit[24];
	const char *const params[] = {lister->site, lister->creator, limit};
	PGresult *rows = NULL;
	PGconn *conn;
	int err;

	*error = (struct attrib_sink_error){0};
	snprintf(limit, sizeof limit, "%zu", lister->limit);
	err = connect_to(lister->conninfo, lister->hurry, &conn, error);
	if (err)
		return err;
	err = pg_query(conn, list_sql, 3, params, &rows, error);
	if (!err)
		tell(rows, lister->row, lister->arg);
	PQclear(rows);
	PQfinish(conn);
	return pg_unknown_function(err, "attrib.links_v1", error);
}
