/*
 * Hears of catalog changes: a connection that LISTENs and otherwise sleeps.
 */
#include <stdlib.h>

#include "pg_conn.h"

struct attrib_postgres_watch {
	PGconn *conn; /* owned */
};

int attrib_postgres_watch_new(const char *conninfo, int timeout_ms,
	struct attrib_postgres_watch **out, struct attrib_sink_error *error)
{
	const struct pg_timeouts timeouts = {.statement_ms = timeout_ms};
	struct attrib_postgres_watch *watch = calloc(1, sizeof *watch);
	int err;

	if (!watch)
		return ATTRIB_E_NOMEM;
	err = pg_connect(conninfo, &timeouts, &watch->conn, error);
	if (!err)
		err = pg_run(watch->conn, "LISTEN attrib_catalog", 0, NULL, error);
	if (err) {
		attrib_postgres_watch_free(watch);
		return err;
	}
	*out = watch;
	return 0;
}

int attrib_postgres_watch_fd(const struct attrib_postgres_watch *watch)
{
	return PQsocket(watch->conn);
}

int attrib_postgres_watch_ask(struct attrib_postgres_watch *watch, struct attrib_sink_error *error)
{
	return pg_run(watch->conn, "SELECT", 0, NULL, error);
}

int attrib_postgres_watch_poll(struct attrib_postgres_watch *watch, bool *changed)
{
	PGnotify *notify;
	bool heard = false;

	if (PQconsumeInput(watch->conn) != 1 || PQstatus(watch->conn) != CONNECTION_OK)
		return ATTRIB_E_UNAVAILABLE;
	while ((notify = PQnotifies(watch->conn)) != NULL) {
		heard = true;
		PQfreemem(notify);
	}
	*changed = heard;
	return 0;
}

void attrib_postgres_watch_free(struct attrib_postgres_watch *watch)
{
	if (!watch)
		return;
	PQfinish(watch->conn);
	free(watch);
}
