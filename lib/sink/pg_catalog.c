/*
 * The catalog out of the database: every recorded version of every tracker, campaign and customer key
 * of a creator, in one snapshot with the catalog version. Local times become instants by the site's time zone here, in
 * SQL, so that the catalog knows instants only.
 */
#include <stdlib.h>

#include "pg_conn.h"

#define MICROSECONDS(instant) "(extract(epoch FROM " instant ") * 1000000)::bigint"
#define LOCAL(column)                                                                              \
	MICROSECONDS("nullif(nullif(h." column ", 'infinity'), '-infinity')"                       \
		     " AT TIME ZONE coalesce(s.time_zone, 'UTC')")
#define RECORDED                                                                                   \
	MICROSECONDS("h.recorded_at") ", " MICROSECONDS("nullif(h.superseded_at, 'infinity')")

#define WINDOW     MICROSECONDS("h.\"window\"")
#define VALID_FROM LOCAL("valid_from")
#define VALID_TO   LOCAL("valid_to")
#define TRACKER                                                                                    \
	"SELECT h.site, attrib.channel_number(h.kind), h.key, h.creator, h.campaign, h.placement," \
	" h.destination, h.code_rule, h.generic, " WINDOW ", " VALID_FROM ", " VALID_TO ", "
#define OF_SITE " LEFT JOIN attrib.site s ON s.name = h.site"

static const char tracker_sql[] = TRACKER RECORDED ", '' FROM attrib.tracker_history h" OF_SITE;

/* A code under the ids that vendors have for it, for as long as both are recorded. */
#define BOTH_FROM MICROSECONDS("greatest(h.recorded_at, a.recorded_at)")
#define BOTH_TO   MICROSECONDS("nullif(least(h.superseded_at, a.superseded_at), 'infinity')")
static const char code_alias_sql[] = TRACKER BOTH_FROM
	", " BOTH_TO ", a.external_id"
	" FROM attrib.tracker_history h JOIN attrib.code_alias_history a"
	" ON a.site = h.site AND attrib.fold(a.key) = h.folded AND h.kind = 'code'"
	" AND a.recorded_at < h.superseded_at AND h.recorded_at < a.superseded_at" OF_SITE;

static const char campaign_sql[] = "SELECT h.site, h.name, h.code_rule, " MICROSECONDS(
	"h.\"window\"") ", " RECORDED " FROM attrib.campaign_history h";

static const char creator_key_sql[] =
	"SELECT h.site, h.creator, h.key_kind, encode(h.key, 'hex'), " RECORDED
	" FROM attrib.creator_customer_history h";

static int code_rule(const PGresult *r, int row, int column, enum attrib_code_rule *out)
{
	*out = ATTRIB_CODE_RULE_INHERIT;
	return PQgetisnull(r, row, column) ? 0
					   : attrib_code_rule_parse(pg_str(r, row, column), out);
}

static int add_tracker(struct attrib_catalog_builder *builder, const PGresult *r, int row)
{
	struct attrib_tracker t = {
		.site = pg_str(r, row, 0),
		.kind = (enum attrib_tracker_kind)pg_int(r, row, 1, 0),
		.key = pg_str(r, row, 2),
		.creator = pg_str(r, row, 3),
		.campaign = pg_str(r, row, 4),
		.placement = pg_str(r, row, 5),
		.destination = pg_str(r, row, 6),
		.generic = PQgetvalue(r, row, 8)[0] == 't',
		.window_us = pg_int(r, row, 9, ATTRIB_WINDOW_INHERIT),
		.valid_from = pg_int(r, row, 10, ATTRIB_NEVER),
		.valid_to = pg_int(r, row, 11, ATTRIB_FOREVER),
		.recorded_at = pg_int(r, row, 12, ATTRIB_NEVER),
		.superseded_at = pg_int(r, row, 13, ATTRIB_FOREVER),
		.alias = pg_str(r, row, 14),
	};
	int err = code_rule(r, row, 7, &t.code_rule);

	return err ? err : attrib_catalog_add_tracker(builder, &t);
}

static int add_campaign(struct attrib_catalog_builder *builder, const PGresult *r, int row)
{
	struct attrib_campaign c = {
		.site = pg_str(r, row, 0),
		.name = pg_str(r, row, 1),
		.window_us = pg_int(r, row, 3, ATTRIB_WINDOW_INHERIT),
		.recorded_at = pg_int(r, row, 4, ATTRIB_NEVER),
		.superseded_at = pg_int(r, row, 5, ATTRIB_FOREVER),
	};
	int err = code_rule(r, row, 2, &c.code_rule);

	return err ? err : attrib_catalog_add_campaign(builder, &c);
}

static int add_creator_key(struct attrib_catalog_builder *builder, const PGresult *r, int row)
{
	struct attrib_creator_key k = {
		.site = pg_str(r, row, 0),
		.creator = pg_str(r, row, 1),
		.key.kind = (enum attrib_customer_kind)pg_int(r, row, 2, 0),
		.recorded_at = pg_int(r, row, 4, ATTRIB_NEVER),
		.superseded_at = pg_int(r, row, 5, ATTRIB_FOREVER),
	};
	int err = attrib_hex_decode(pg_str(r, row, 3), k.key.id.b, sizeof k.key.id.b);

	return err ? err : attrib_catalog_add_creator_key(builder, &k);
}

static int add_rows(PGconn *conn, const char *sql, struct attrib_catalog_builder *builder,
	int (*add)(struct attrib_catalog_builder *builder, const PGresult *r, int row),
	struct attrib_sink_error *error)
{
	PGresult *result = NULL;
	int err = pg_query(conn, sql, 0, NULL, &result, error);

	if (err)
		return err;
	for (int i = 0; i < PQntuples(result) && !err; i++) {
		err = add(builder, result, i);
		if (err)
			pg_say(error, "a row of the catalog can't be read");
	}
	PQclear(result);
	return err;
}

static int load(PGconn *conn, struct attrib_catalog_builder *builder, uint64_t *version,
	struct attrib_sink_error *error)
{
	PGresult *result = NULL;
	int err = pg_run(conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", 0, NULL, error);

	if (!err)
		err = pg_query(
			conn, "SELECT version FROM attrib.catalog_state", 0, NULL, &result, error);
	if (err)
		return err;
	*version = (uint64_t)pg_int(result, 0, 0, 0);
	PQclear(result);
	err = add_rows(conn, tracker_sql, builder, add_tracker, error);
	if (!err)
		err = add_rows(conn, code_alias_sql, builder, add_tracker, error);
	if (!err)
		err = add_rows(conn, campaign_sql, builder, add_campaign, error);
	if (!err)
		err = add_rows(conn, creator_key_sql, builder, add_creator_key, error);
	return err ? err : pg_run(conn, "COMMIT", 0, NULL, error);
}

int attrib_postgres_load_catalog(const char *conninfo, struct attrib_catalog_builder *builder,
	uint64_t *version, struct attrib_sink_error *error)
{
	uint64_t found = 0;
	PGconn *conn;
	int err = pg_connect(conninfo, NULL, &conn, error);

	if (err)
		return err;
	err = pg_check_schema(conn, error);
	if (!err)
		err = load(conn, builder, &found, error);
	PQfinish(conn);
	if (!err)
		*version = found;
	return err;
}
