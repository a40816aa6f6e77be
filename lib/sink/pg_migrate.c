/*
 * Migrations: forward only, numbered, each in one transaction. Functions and views follow in the
 * transaction of the last one, and by themselves whenever their text has changed: they hold no data,
 * so they are simply created again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "pg_conn.h"
#include "pg_schema.h"

/* Two operators must not migrate at once; any number that nobody else locks. */
#define LOCK_SQL "SELECT pg_advisory_lock(1635021938, 0)"

struct migration {
	PGconn *conn;
	void (*line)(void *arg, const char *text);
	void *arg;
	struct attrib_sink_error *error;
};

int pg_schema_version(void)
{
	return (int)pg_schema_migration_count;
}

static void say(const struct migration *m, const char *format, const char *name)
{
	char text[128];

	snprintf(text, sizeof text, format, name);
	if (m->line)
		m->line(m->arg, text);
}

static int run(struct migration *m, const char *sql)
{
	return pg_run(m->conn, sql, 0, NULL, m->error);
}

static int run_file(struct migration *m, const struct pg_schema_file *file)
{
	char text[sizeof m->error->text];
	int err = run(m, file->text);

	if (!err)
		return 0;
	snprintf(text, sizeof text, "%.60s: %.180s", file->name, m->error->text);
	memcpy(m->error->text, text, sizeof text);
	return err;
}

static int read_version(struct migration *m, int *version)
{
	PGresult *result = NULL;
	int err = pg_query(m->conn, "SELECT to_regclass('attrib.schema_version') IS NOT NULL", 0,
		NULL, &result, m->error);

	if (err)
		return err;
	if (PQgetvalue(result, 0, 0)[0] != 't') {
		PQclear(result);
		*version = 0;
		return 0;
	}
	PQclear(result);
	err = pg_query(m->conn, "SELECT coalesce(max(version), 0) FROM attrib.schema_version", 0,
		NULL, &result, m->error);
	if (err)
		return err;
	*version = (int)pg_int(result, 0, 0, 0);
	PQclear(result);
	return 0;
}

/* Creates a function or view file again when its text differs from what was created last. */
static int put_part(struct migration *m, const struct pg_schema_file *part)
{
	const char *params[] = {part->name, part->text};
	PGresult *result = NULL;
	bool same;
	int err = pg_query(m->conn,
		"SELECT digest = encode(sha256(convert_to($2, 'UTF8')), 'hex') FROM "
		"attrib.schema_part"
		" WHERE name = $1",
		2, params, &result, m->error);

	if (err)
		return err;
	same = PQntuples(result) == 1 && PQgetvalue(result, 0, 0)[0] == 't';
	PQclear(result);
	if (same)
		return 0;
	err = run_file(m, part);
	if (err)
		return err;
	say(m, "created %s", part->name);
	return pg_run(m->conn,
		"INSERT INTO attrib.schema_part (name, digest)"
		" VALUES ($1, encode(sha256(convert_to($2, 'UTF8')), 'hex'))"
		" ON CONFLICT (name) DO UPDATE SET digest = excluded.digest, applied_at = now()",
		2, params, m->error);
}

/* Bodies are not checked here, because functions may call others that come later. */
static int put_parts(struct migration *m)
{
	int err = run(m, "SET LOCAL check_function_bodies = off");

	for (size_t i = 0; i < pg_schema_part_count && !err; i++)
		err = put_part(m, &pg_schema_parts[i]);
	return err;
}

static int step(struct migration *m, const struct pg_schema_file *file, bool last)
{
	int err = run(m, "BEGIN");

	if (!err && file)
		err = run_file(m, file);
	if (!err && last)
		err = put_parts(m);
	if (!err)
		err = run(m, "COMMIT");
	if (!err && file)
		say(m, "applied %s", file->name);
	return err;
}

static int refuse_newer(struct migration *m, int version)
{
	pg_say(m->error,
		"the database has schema version %d, this attribd only knows up to %d: "
		"install the newer program",
		version, pg_schema_version());
	return ATTRIB_E_SCHEMA;
}

static int migrate(struct migration *m)
{
	int version = 0;
	int err = run(m, LOCK_SQL);

	if (!err)
		err = read_version(m, &version);
	if (err)
		return err;
	if (version > pg_schema_version())
		return refuse_newer(m, version);
	if (version == pg_schema_version())
		return step(m, NULL, true);
	for (int i = version; i < pg_schema_version() && !err; i++)
		err = step(m, &pg_schema_migrations[i], i + 1 == pg_schema_version());
	return err;
}

int attrib_postgres_migrate(const char *conninfo, void (*line)(void *arg, const char *text),
	void *arg, struct attrib_sink_error *error)
{
	static const struct pg_timeouts timeouts = {.endless = true};
	struct migration m = {.line = line, .arg = arg, .error = error};
	int err = pg_connect(conninfo, &timeouts, &m.conn, error);

	if (err)
		return err;
	err = migrate(&m);
	PQfinish(m.conn); /* an open transaction and the lock end with it */
	return err;
}
