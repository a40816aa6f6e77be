/*
 * The sites of the configuration into attrib.site, all or none, and the history of their settings out
 * of attrib.site_policy, as of the same transaction.
 */
#include <stdio.h>
#include <stdlib.h>

#include "pg_own.h"
#include "pg_positions.h"

struct site_params {
	char *name, *time_zone, *history, *spread, *policy, *forward;
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
	free(p->forward);
}

static int put_forward(
	PGconn *conn, const struct attrib_site_row *row, struct attrib_sink_error *error)
{
	char *name = dup(row->site->name), *events = dup(row->forward_events), since[24];
	const char *params[] = {name, events, since};
	int err = ATTRIB_E_NOMEM;

	snprintf(since, sizeof since, "%lld", (long long)row->forward_since);
	if (name && events)
		err = pg_run(conn,
			"SELECT attrib.put_forward_v1($1, string_to_array($2, ','),"
			" to_timestamp($3::bigint / 1000000.0))",
			3, params, error);
	free(name);
	free(events);
	return err;
}

/* Of an instance that shares its state, or of nobody: what stands may be another's word. */
static int judge_put(
	const PGresult *result, struct attrib_site_row *row, struct attrib_sink_error *error)
{
	const char *outcome = PQgetisnull(result, 0, 0) ? "" : PQgetvalue(result, 0, 0);
	struct attrib_str name = row->site->name;

	row->overruled = strcmp(outcome, "overruled") == 0;
	if (row->overruled || !outcome[0])
		return 0;
	pg_say(error,
		"site %.*s: the instances of this state have other settings of %.100s: give this "
		"one "
		"the same, or change them there first",
		name.n < 60 ? (int)name.n : 60, name.p, outcome);
	return ATTRIB_E_FENCED;
}

static int put_site(PGconn *conn, struct attrib_site_row *row, const struct attrib_owner *owner,
	struct attrib_sink_error *error)
{
	const struct attrib_policy *policy = &row->site->policy;
	struct site_params p = {dup(row->site->name), dup(row->site->time_zone),
		dup(row->customer_history), dup(row->cost_spread), dup(row->policy_json),
		dup(row->forward_events)};
	bool memory = owner && !owner->shares;
	char model[16], id[PG_ID_TEXT];
	const char *params[] = {owner ? id : NULL, p.name, p.time_zone, policy->currency, p.history,
		model, p.spread, p.policy, p.forward};
	PGresult *result = NULL;
	int err = ATTRIB_E_NOMEM;

	snprintf(model, sizeof model, "%d", policy->primary_model + 1);
	if (owner)
		pg_id(&owner->instance, id);
	if (p.name && p.time_zone && p.history && p.spread && p.policy && p.forward)
		err = memory ? pg_run(conn,
				       "SELECT attrib.put_site_v1($1, $2, $3, $4, $5::int, $6, "
				       "$7::jsonb)",
				       7, params + 1, error)
			     : pg_query(conn,
				       "SELECT attrib.put_site_v2($1::bytea, $2, $3, $4, $5, "
				       "$6::int, $7, $8::jsonb, $9)",
				       9, params, &result, error);
	if (err == ATTRIB_E_INVALID) {
		err = ATTRIB_E_CONFIG;
		pg_say(error, "site %.60s: PostgreSQL refuses its settings (time zone %.60s)",
			p.name, p.time_zone);
	}
	if (!err && result)
		err = judge_put(result, row, error);
	PQclear(result);
	site_params_done(&p);
	return err;
}

/* Settings as lines: whatever stands in the table, each line is one name and one value. */
static const char versions_sql[] =
	"SELECT p.version, (extract(epoch FROM p.recorded_at) * 1000000)::bigint,"
	" (SELECT string_agg(s.key || ' = ' || translate(coalesce(s.value, ''), E'\n\r', '  '),"
	" E'\n' ORDER BY s.key COLLATE \"C\") FROM jsonb_each_text(p.settings) s)"
	" FROM attrib.site_policy p WHERE p.site = $1 ORDER BY p.version DESC";

static int take_versions(struct attrib_site_row *row, const PGresult *r, struct attrib_arena *arena)
{
	size_t n = (size_t)PQntuples(r);

	row->version_count = 0;
	row->versions = attrib_arena_raw(arena, n * sizeof *row->versions);
	if (!row->versions)
		return ATTRIB_E_NOMEM;
	for (size_t i = 0; i < n; i++) {
		struct attrib_str settings = pg_str(r, (int)i, 2);
		row->versions[i] =
			(struct attrib_site_version){.version = (uint32_t)pg_int(r, (int)i, 0, 0),
				.recorded_at = pg_int(r, (int)i, 1, ATTRIB_NEVER),
				.settings = attrib_arena_str(arena, settings)};
		if (settings.n && !row->versions[i].settings.p)
			return ATTRIB_E_NOMEM;
	}
	row->version_count = n;
	return 0;
}

static int read_versions(PGconn *conn, struct attrib_site_row *row, struct attrib_arena *arena,
	struct attrib_sink_error *error)
{
	char *name = dup(row->site->name);
	const char *params[] = {name};
	PGresult *result = NULL;
	int err = name ? pg_query(conn, versions_sql, 1, params, &result, error) : ATTRIB_E_NOMEM;

	if (!err) {
		err = take_versions(row, result, arena);
		PQclear(result);
	}
	free(name);
	return err;
}

static int put_all(PGconn *conn, struct attrib_site_row *rows, size_t n,
	const struct attrib_owner *owner, struct attrib_arena *arena,
	struct attrib_sink_error *error)
{
	int err = pg_check_schema(conn, error);

	if (!err)
		err = pg_run(conn, "BEGIN", 0, NULL, error);
	if (!err && owner)
		err = pg_check_secret(conn, owner->secret_fingerprint, error);
	for (size_t i = 0; i < n && owner && !err; i++)
		err = pg_own_site(conn, owner, rows[i].site->name, error);
	if (!err) /* in the order that everybody locks sites in; the configuration has its own */
		err = pg_run(conn, "SELECT FROM attrib.site ORDER BY name FOR NO KEY UPDATE", 0,
			NULL, error);
	for (size_t i = 0; i < n && !err; i++)
		err = put_site(conn, &rows[i], owner, error);
	for (size_t i = 0; i < n && !err; i++)
		err = rows[i].overruled ? 0 : put_forward(conn, &rows[i], error);
	for (size_t i = 0; i < n && !err; i++)
		err = read_versions(conn, &rows[i], arena, error);
	return err ? err : pg_run(conn, "COMMIT", 0, NULL, error);
}

int attrib_postgres_put_sites(const char *conninfo, struct attrib_site_row *rows, size_t n,
	const struct attrib_owner *owner, struct attrib_arena *arena,
	struct attrib_sink_error *error)
{
	PGconn *conn = NULL;
	int err = pg_connect(conninfo, NULL, &conn, error);

	if (!err)
		err = put_all(conn, rows, n, owner, arena, error);
	PQfinish(conn);
	return err;
}
