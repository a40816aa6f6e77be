/* See pg_wait.h. */
#include "pg_wait.h"

#include <errno.h>
#include <libpq-events.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

struct patience {
	int ms;
	bool gave_up;
};

/* Goes with the connection, whoever closes it. */
static int on_event(PGEventId id, void *info, void *arg)
{
	(void)arg;
	if (id == PGEVT_CONNDESTROY)
		free(PQinstanceData(((PGEventConnDestroy *)info)->conn, on_event));
	return 1;
}

int pg_wait_init(PGconn *conn, int patience_ms)
{
	struct patience *patience = malloc(sizeof *patience);

	if (!patience)
		return ATTRIB_E_NOMEM;
	*patience = (struct patience){.ms = patience_ms};
	if (!PQregisterEventProc(conn, on_event, "patience", NULL) ||
		!PQsetInstanceData(conn, on_event, patience) || PQsetnonblocking(conn, 1)) {
		free(patience);
		PQsetInstanceData(conn, on_event, NULL);
		return ATTRIB_E_NOMEM;
	}
	return 0;
}

static struct patience *patience_of(const PGconn *conn)
{
	return PQinstanceData(conn, on_event);
}

int pg_wait_gave_up(const PGconn *conn)
{
	const struct patience *patience = patience_of(conn);

	return patience && patience->gave_up ? patience->ms : 0;
}

/* libpq takes note of the end of a connection only when it reads it. */
static void give_up(PGconn *conn)
{
	patience_of(conn)->gave_up = true;
	shutdown(PQsocket(conn), SHUT_RDWR);
	PQconsumeInput(conn);
}

/* One step of the socket; false when there will be no other. */
static bool step(PGconn *conn, short events)
{
	struct pollfd fd = {.fd = PQsocket(conn), .events = events};
	int n;

	do {
		n = poll(&fd, 1, patience_of(conn)->ms);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		give_up(conn);
	return n > 0 && PQconsumeInput(conn) == 1;
}

bool pg_wait_sent(PGconn *conn)
{
	int left;

	while ((left = PQflush(conn)) > 0) {
		if (!step(conn, POLLIN | POLLOUT))
			return false;
	}
	return left == 0;
}

PGresult *pg_wait_result(PGconn *conn)
{
	while (PQisBusy(conn) && step(conn, POLLIN))
		;
	return PQgetResult(conn);
}

static bool is_last(const PGconn *conn, const PGresult *result)
{
	return PQresultStatus(result) == PGRES_COPY_IN || PQstatus(conn) != CONNECTION_OK;
}

PGresult *pg_wait_exec(PGconn *conn, const char *sql, int n, const char *const *params)
{
	PGresult *kept = NULL, *next;
	int sent = n ? PQsendQueryParams(conn, sql, n, NULL, params, NULL, NULL, 0)
		     : PQsendQuery(conn, sql);

	if (!sent || !pg_wait_sent(conn))
		return NULL;
	while ((next = pg_wait_result(conn)) != NULL) {
		bool last = is_last(conn, next);

		if (kept && PQresultStatus(kept) == PGRES_FATAL_ERROR) {
			PQclear(next);
		} else {
			PQclear(kept);
			kept = next;
		}
		if (last)
			break;
	}
	return kept;
}
