/*
 * attribd outbox list|retry: events that receivers have not confirmed, and another try now for those that
 * have failed or were given up. The running daemon sends them.
 */
#include <stdio.h>
#include <string.h>

#include "cmd.h"

static void print_row(void *arg, const struct attrib_retry_row *row)
{
	++*(unsigned long *)arg;
	printf("%s %s: %s\n", row->site, row->key, row->outcome);
}

static int retry(const char *conninfo, const char *site, char **names, int count)
{
	struct attrib_sink_error error = {0};
	unsigned long n = 0;
	const struct attrib_retry retry = {.conninfo = conninfo,
		.site = site,
		.names = (const char *const *)names,
		.name_count = (size_t)count,
		.row = print_row,
		.arg = &n};
	int err = attrib_postgres_outbox_retry(&retry, &error);

	if (err == ATTRIB_E_NOT_FOUND && count) {
		cmd_complain("outbox: nothing that has failed has one of these order, event or "
			     "webhook ids; see attribd outbox list");
		return EX_DATAERR;
	}
	if (err && err != ATTRIB_E_NOT_FOUND)
		return cmd_database_failed(err, &error);
	printf("%lu event%s due again\n", n, n == 1 ? " is" : "s are");
	return fflush(stdout) ? EX_IOERR : EX_OK;
}

int cmd_outbox(const struct cmd_line *line)
{
	return cmd_list_or_retry(line, "outbox", retry);
}
