/*
 * attribd journal verify|dump|adopt DIR. The first two read the segments and say whether they are whole,
 * or what stands in them; they change nothing and may run beside the daemon.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "attrib/journal.h"
#include "cmd.h"
#include "cmd_adopt.h"
#include "cmd_dump.h"

static void say(void *arg, const char *text)
{
	(void)arg;
	printf("%s\n", text);
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void print_count(const char *before, uint64_t n, const char *noun)
{
	printf("%s%llu %s%s", before, (unsigned long long)n, noun, plural(n));
}

static void summarise(const struct attrib_journal_report *report)
{
	print_count("", report->records, "record");
	print_count(" in ", report->segments, "segment");
	print_count(" of ", report->lanes, "lane");
	print_count(", ", report->bytes, "byte");
	if (report->torn_tails) {
		print_count(", ", report->torn_tails, "torn tail");
		printf(" (normal after a crash)");
	}
	if (report->damaged_stretches) {
		printf("; DAMAGED in %llu place%s", (unsigned long long)report->damaged_stretches,
			plural(report->damaged_stretches));
		print_count(", ", report->damaged_bytes, "byte");
		printf("\n");
	} else {
		printf("; no damage\n");
	}
}

/* People name the state directory, too. */
static const char *find_directory(const char *dir, char *inner, size_t size)
{
	struct stat st;
	int n = snprintf(inner, size, "%s/journal", dir);

	return n > 0 && (size_t)n < size && stat(inner, &st) == 0 && S_ISDIR(st.st_mode) ? inner
											 : dir;
}

static int verify(const char *dir)
{
	struct attrib_journal_report report = {0};

	int err = attrib_journal_verify(dir, &report, say, NULL);
	if (err)
		return cmd_journal_failed(dir, err);
	summarise(&report);
	if (fflush(stdout))
		return EX_IOERR;
	return report.damaged_stretches ? EX_DATAERR : EX_OK;
}

int cmd_journal_failed(const char *dir, int err)
{
	cmd_complain("%s: %s", dir,
		err != ATTRIB_E_VERSION && errno ? strerror(errno) : attrib_error_text(err));
	return err == ATTRIB_E_NOT_FOUND ? EX_IOERR : cmd_exit_status(err);
}

/* Each of the three takes others. */
static bool takes(const struct cmd_line *line, const char *what, unsigned options)
{
	unsigned all = CMD_OPTION_LANE | CMD_OPTION_FROM | CMD_OPTION_TO | CMD_OPTION_FORMAT |
		       CMD_OPTION_CONFIG;

	if (!(line->given & all & ~options))
		return true;
	cmd_complain("journal %s takes no %s; see attribd help journal", what,
		options == 0                   ? "options"
		: options == CMD_OPTION_CONFIG ? "option but -c"
					       : "-c");
	return false;
}

int cmd_journal(const struct cmd_line *line)
{
	const char *what = line->operands[1];
	char inner[4096];
	const char *dir = find_directory(line->operands[2], inner, sizeof inner);

	errno = 0;
	if (strcmp(what, "verify") == 0)
		return takes(line, what, 0) ? verify(dir) : EX_USAGE;
	if (strcmp(what, "dump") == 0)
		return takes(line, what, ~(unsigned)CMD_OPTION_CONFIG) ? cmd_dump(line, dir)
								       : EX_USAGE;
	if (strcmp(what, "adopt") == 0)
		return takes(line, what, CMD_OPTION_CONFIG)
			       ? cmd_journal_adopt(line, line->operands[2])
			       : EX_USAGE;
	cmd_complain("journal: expected verify, dump or adopt, got \"%s\"", what);
	return EX_USAGE;
}
