/*
 * The sites of the configuration into attrib.site, all or none.
 */
#include <stdio.h>
#include <stdlib.h>

#include "pg_conn.h"

struct site_params {
	char *name, *time_zone, *history, *spread, *policy;
};

static char *dup(struct attrib_str s)
{
	char *p = malloc(s.n + 1);

	if (!p)
		return NULL;
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

static void site_params_done(struct site_params *p)
{
	free(p->name);
	free(p->time_zone);
	free(p->history);
	free(p->spread);
	free(p->policy);
}

static int put_site(PGconn *conn, struct attrib_site_row *row, uint32_t *version,
	struct attrib_sink_error *error)
{
	const struct attrib_policy *policy = &row->site->policy;
	struct site_params p = {dup(row->site->name), dup(row->site->time_zone),
		dup(row->customer_history), dup(row->cost_spread), dup(row->policy_json)};
	char model[16];
	const char *params[] = {
		p.name, p.time_zone, policy->currency, p.history, model, p.spread, p.policy};
	PGresult *result = NULL;
	int err = ATTRIB_E_NOMEM;

	snprintf(model, sizeof model, "%d", policy->primary_model + 1);
	if (p.name && p.time_zone && p.history && p.spread && p.policy)
		err = pg_query(conn,
			"SELECT attrib.put_site_v1($1, $2, $3, $4, $5::int, $6, $7::jsonb)", 7,
			params, &result, error);
	if (!err) {
		*version = (uint32_t)pg_int(result, 0, 0, 0);
		PQclear(result);
	} else if (err == ATTRIB_E_INVALID) {
		err = ATTRIB_E_CONFIG;
		pg_say(error, "site %.60s: PostgreSQL refuses its settings (time zone %.60s)",
			p.name, p.time_zone);
	}
	site_params_done(&p);
	return err;
}

/* The versions count only after the commit, so they wait in a list of their own. */
static int put_all(PGconn *conn, struct attrib_site_row *rows, size_t n, uint32_t *versions,
	struct attrib_sink_error *error)
{
	int err = pg_check_schema(conn, error);

	if (!err)
		err = pg_run(conn, "BEGIN", 0, NULL, error);
	for (size_t i = 0; i < n && !err; i++)
		err = put_site(conn, &rows[i], &versions[i], error);
	return err ? err : pg_run(conn, "COMMIT", 0, NULL, error);
}

int attrib_postgres_put_sites(const char *conninfo, struct attrib_site_row *rows, size_t n,
	struct attrib_sink_error *error)
{
	uint32_t *versions = calloc(n ? n : 1, sizeof *versions);
	PGconn *conn = NULL;
	int err = versions ? pg_connect(conninfo, NULL, &conn, error) : ATTRIB_E_NOMEM;

	if (!err)
		err = put_all(conn, rows, n, versions, error);
	for (size_t i = 0; i < n && !err; i++)
		rows[i].site->policy.version = versions[i];
	PQfinish(conn);
	free(versions);
	return err;
}
