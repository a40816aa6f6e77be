/* See pg_wait.h. */
#include "pg_wait.h"

#include <errno.h>
#include <libpq-events.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#define LOOK_MS 100 /* how soon a stop is noticed */

struct patience {
	int ms;
	const atomic_bool *stop; /* borrowed */
	int gave_up_ms;          /* 0 = it did not */
};

/* Goes with the connection, whoever closes it. */
static int on_event(PGEventId id, void *info, void *arg)
{
	(void)arg;
	if (id == PGEVT_CONNDESTROY)
		free(PQinstanceData(((PGEventConnDestroy *)info)->conn, on_event));
	return 1;
}

int pg_wait_init(PGconn *conn, int patience_ms, const atomic_bool *stop)
{
	struct patience *patience = malloc(sizeof *patience);

	if (!patience)
		return ATTRIB_E_NOMEM;
	*patience = (struct patience){.ms = patience_ms, .stop = stop};
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

	return patience ? patience->gave_up_ms : 0;
}

/* libpq takes note of the end of a connection only when it reads it. */
static void give_up(PGconn *conn, int waited_ms)
{
	patience_of(conn)->gave_up_ms = waited_ms;
	shutdown(PQsocket(conn), SHUT_RDWR);
	PQconsumeInput(conn);
}

static bool stopped(const struct patience *patience)
{
	return patience->stop && atomic_load(patience->stop);
}

/* As poll() of one socket; 0 = patience is over, and *waited_ms how long that took. */
static int wait_for(const struct patience *patience, struct pollfd *fd, int *waited_ms)
{
	int n;

	for (*waited_ms = 0;;) {
		int left = patience->ms < 0 ? -1 : patience->ms - *waited_ms, ms = left;
		if (stopped(patience))
			return 0;
		if (patience->stop && (left < 0 || left > LOOK_MS))
			ms = LOOK_MS;
		n = poll(fd, 1, ms);
		if (n < 0 && errno == EINTR)
			continue;
		*waited_ms += n ? 0 : ms;
		if (n || ms == left)
			return n;
	}
}

/* One step of the socket; false when there will be no other. */
static bool step(PGconn *conn, short events)
{
	struct pollfd fd = {.fd = PQsocket(conn), .events = events};
	int waited_ms, n = wait_for(patience_of(conn), &fd, &waited_ms);

	if (n == 0)
		give_up(conn, waited_ms);
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
