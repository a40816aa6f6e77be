/*
 * attribd quarantine list|retry: what could not be applied, and another try.
 */
#include <stdio.h>
#include <string.h>

#include "attrib/tools.h"
#include "cmd.h"

struct tally {
	unsigned long applied, outdated, refused;
};

static void print_row(void *arg, const struct attrib_retry_row *row)
{
	struct tally *tally = arg;

	printf("%s %s: %s%s%s\n", row->site, row->key, row->outcome, *row->message ? ": " : "",
		row->message);
	if (strcmp(row->outcome, "applied") == 0)
		tally->applied++;
	else if (strcmp(row->outcome, "outdated") == 0)
		tally->outdated++;
	else
		tally->refused++;
}

static int nothing_to_retry(const struct attrib_retry *retry)
{
	if (retry->name_count == 0) {
		printf("nothing that was refused waits\n");
		return fflush(stdout) ? EX_IOERR : EX_OK;
	}
	cmd_complain("quarantine: nothing that was refused has one of these keys or order ids; see "
		     "attribd quarantine list");
	return EX_DATAERR;
}

static int retry(const char *conninfo, const char *site, char **names, int count)
{
	struct tally tally = {0};
	struct attrib_sink_error error = {0};
	struct attrib_retry retry = {.conninfo = conninfo,
		.site = site,
		.names = (const char *const *)names,
		.name_count = (size_t)count,
		.row = print_row,
		.arg = &tally};
	int err = attrib_postgres_retry(&retry, &error);

	if (err == ATTRIB_E_NOT_FOUND)
		return nothing_to_retry(&retry);
	if (!err || tally.applied + tally.outdated + tally.refused)
		printf("%lu applied, %lu outdated, %lu refused again\n", tally.applied,
			tally.outdated, tally.refused);
	if (fflush(stdout))
		return EX_IOERR;
	if (err)
		return cmd_database_failed(err, &error);
	return tally.refused ? EX_DATAERR : EX_OK;
}

int cmd_quarantine(const struct cmd_line *line)
{
	return cmd_list_or_retry(line, "quarantined", retry);
}
