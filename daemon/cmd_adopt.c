/*
 * attribd journal adopt DIR: the records that only a fenced copy of this state_dir has acknowledged.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attrib/journal.h"
#include "cmd.h"
#include "cmd_adopt.h"
#include "statedir.h"

#define MIB ((uint64_t)1 << 20)

struct adopting {
	const char *dir, *other; /* borrowed; state directories */
	int lock, other_lock;    /* owned */
	struct attrib_id instance;
	struct attrib_journal *journal; /* owned */
	uint64_t told; /* MiB that the terminal shows; it shows something when not 0 */
};

static void end_progress(struct adopting *a)
{
	if (a->told)
		fprintf(stderr, "\r\033[K");
	a->told = 0;
}

static void say(void *arg, const char *text)
{
	end_progress(arg);
	printf("%s\n", text);
}

static void complain_note(void *arg, enum attrib_journal_note what, const char *text)
{
	(void)arg, (void)what;
	cmd_complain("journal: %s", text);
}

static void show_progress(void *arg, uint64_t done, uint64_t total)
{
	struct adopting *a = arg;

	if (done / MIB == a->told)
		return;
	a->told = done / MIB;
	fprintf(stderr, "\r%llu of %llu MiB", (unsigned long long)a->told,
		(unsigned long long)((total + MIB - 1) / MIB));
	fflush(stderr);
}

static int failed(const char *dir, int err)
{
	cmd_complain("%s: %s", dir, err == ATTRIB_E_IO ? strerror(errno) : attrib_error_text(err));
	return cmd_exit_status(err);
}

static int lock_here(struct adopting *a)
{
	int err = attribd_statedir_lock(a->dir, &a->lock);

	if (err == ATTRIB_E_UNAVAILABLE) {
		cmd_complain("%s: the daemon runs; stop it first", a->dir);
		return EX_UNAVAILABLE;
	}
	if (!err)
		err = attribd_statedir_instance(a->dir, &a->instance);
	return err ? failed(a->dir, err) : EX_OK;
}

static int lock_there(struct adopting *a)
{
	char journal[4096];
	struct stat here, there;

	snprintf(journal, sizeof journal, "%s/journal", a->other);
	if (stat(a->dir, &here) || stat(journal, &there)) {
		cmd_complain("%s: %s; expected a state_dir", a->other, strerror(errno));
		return EX_IOERR;
	}
	if (stat(a->other, &there) == 0 && here.st_dev == there.st_dev &&
		here.st_ino == there.st_ino) {
		cmd_complain("%s: this is the state_dir itself; expected a copy of it", a->other);
		return EX_USAGE;
	}
	int err = attribd_statedir_lock_copy(a->other, &a->other_lock);
	if (err == ATTRIB_E_UNAVAILABLE) {
		cmd_complain("%s: an attribd runs on it; stop it first", a->other);
		return EX_UNAVAILABLE;
	}
	return err ? failed(a->other, err) : EX_OK;
}

static int open_here(struct adopting *a)
{
	char dir[4096];
	struct attrib_journal_options options = {
		.dir = dir, .instance = a->instance, .note = complain_note};

	snprintf(dir, sizeof dir, "%s/journal", a->dir);
	int err = attrib_journal_open(&options, &a->journal);
	return err ? failed(dir, err) : EX_OK;
}

static int refused(const struct adopting *a, int err, const struct attrib_adopted *sum)
{
	int status = failed(a->other, err);

	if (sum->segments)
		cmd_complain("%llu segments were adopted before that; run it again",
			(unsigned long long)sum->segments);
	else
		cmd_complain("nothing was adopted");
	return status;
}

static int adopt(struct adopting *a)
{
	char from[4096];
	struct attrib_adopt what = {.from = from,
		.line = say,
		.progress = isatty(STDERR_FILENO) ? show_progress : NULL,
		.arg = a};
	struct attrib_adopted sum = {0};

	snprintf(from, sizeof from, "%s/journal", a->other);
	int err = attrib_journal_adopt(a->journal, &what, &sum);
	int kept = errno;
	end_progress(a);
	errno = kept;
	if (err)
		return refused(a, err, &sum);
	if (sum.lanes == 0)
		printf("nothing to adopt: every record of %s is or was in %s\n", a->other, a->dir);
	else
		printf("adopted %llu records of %llu lane%s, %llu bytes in %llu segment%s; the "
		       "next "
		       "start of the daemon counts them\n",
			(unsigned long long)sum.records, (unsigned long long)sum.lanes,
			sum.lanes == 1 ? "" : "s", (unsigned long long)sum.bytes,
			(unsigned long long)sum.segments, sum.segments == 1 ? "" : "s");
	return EX_OK;
}

int cmd_journal_adopt(const struct cmd_line *line, const char *dir)
{
	struct adopting a = {.other = dir, .lock = -1, .other_lock = -1};
	struct attribd_config *config = NULL;
	int status = cmd_load_config(line->config, &config);

	if (status)
		return status;
	a.dir = config->state_dir;
	status = lock_here(&a);
	if (!status)
		status = lock_there(&a);
	if (!status)
		status = open_here(&a);
	if (!status)
		status = adopt(&a);
	attrib_journal_close(a.journal);
	if (a.other_lock >= 0)
		close(a.other_lock);
	if (a.lock >= 0)
		close(a.lock);
	attribd_config_free(config);
	return fflush(stdout) ? EX_IOERR : status;
}
