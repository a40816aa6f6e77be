/*
 * Why an order is what it is. The answer is put together by attrib.explain, where all rows are; here
 * is only how it is fetched, and how long somebody is made to wait for it.
 */
#include "attrib/tools.h"

#include "pg_conn.h"

static int take(const PGresult *result, struct attrib_buf *out)
{
	if (PQntuples(result) == 0 || PQgetisnull(result, 0, 0))
		return ATTRIB_E_NOT_FOUND;
	for (int i = 0; i < PQntuples(result); i++) {
		attrib_buf_str(out, pg_str(result, i, 0));
		attrib_buf_char(out, '\n');
	}
	return out->err;
}

static int ask(PGconn *conn, const struct attrib_explain *explain, struct attrib_buf *out,
	struct attrib_sink_error *error)
{
	const char *const params[] = {explain->site, explain->kind, explain->order};
	PGresult *result = NULL;
	int err = pg_query(conn,
		explain->text ? "SELECT * FROM attrib.explain_text($1, $2, $3)"
			      : "SELECT attrib.explain($1, $2, $3)",
		3, params, &result, error);

	if (err)
		return pg_unknown_function(err, "attrib.explain", error);
	err = take(result, out);
	PQclear(result);
	return err;
}

int attrib_postgres_explain(const struct attrib_explain *explain, struct attrib_buf *out,
	struct attrib_sink_error *error)
{
	PGconn *conn;
	int err;

	*error = (struct attrib_sink_error){0};
	err = pg_open(explain->conninfo, explain->hurry ? &pg_hurried : NULL, &conn, error);
	if (err)
		return err;
	err = ask(conn, explain, out, error);
	PQfinish(conn);
	return err;
}
