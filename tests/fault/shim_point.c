/*
 * What becomes of a call: counting, the fault, the log.
 *
 * A record of the log is a line of fields with a tab between them,
 *
 *   group  n  kind  fault  result  errno  path  to  offset  length  bytes
 *
 * and behind it the bytes that a write wrote (none when all of them are zeros: then bytes is "z").
 * One lock is around call and record: the log has the calls in the order in which they happened, and a
 * process that is killed here leaves no call that the log does not know.
 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define GROUPS     32
#define GROUP_NAME 64
#define VECTORS    64
#define LOG_FD     900 /* out of the way of the daemon's own */
#define INTERRUPTS 50  /* EINTR does not come for ever */

static const char *const kinds[] = {
	[SHIM_OPEN] = "open",
	[SHIM_CREATE] = "create",
	[SHIM_MKDIR] = "mkdir",
	[SHIM_WRITE] = "write",
	[SHIM_TRUNCATE] = "truncate",
	[SHIM_ALLOCATE] = "allocate",
	[SHIM_SYNC] = "sync",
	[SHIM_SYNCDIR] = "syncdir",
	[SHIM_RENAME] = "rename",
	[SHIM_LINK] = "link",
	[SHIM_UNLINK] = "unlink",
};

enum act { ACT_FAIL, ACT_SHORT, ACT_HANG, ACT_KILL_BEFORE, ACT_KILL_MID, ACT_KILL_AFTER, ACT_NONE };

static const struct mode {
	const char *name;
	enum act act;
	int error;
	bool lasts;
} modes[] = {
	{"kill-before", ACT_KILL_BEFORE, 0, false},
	{"kill-mid", ACT_KILL_MID, 0, false},
	{"kill-after", ACT_KILL_AFTER, 0, false},
	{"eio", ACT_FAIL, EIO, false},
	{"eio-on", ACT_FAIL, EIO, true},
	{"enospc", ACT_FAIL, ENOSPC, false},
	{"enospc-on", ACT_FAIL, ENOSPC, true},
	{"eintr", ACT_FAIL, EINTR, false},
	{"eintr-on", ACT_FAIL, EINTR, true},
	{"short", ACT_SHORT, 0, false},
	{"short-on", ACT_SHORT, 0, true},
	{"hang-on", ACT_HANG, 0, true},
};

static struct {
	char dir[PATH_MAX];
	const char *hold, *lie;
	const struct mode *mode;
	char group[GROUP_NAME];
	unsigned long n;
	int log;
} shim = {.log = -1};

static struct group {
	char name[GROUP_NAME];
	unsigned long n;
} groups[GROUPS];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* -- what the environment asks for -------------------------------------------------------------- */

static void die(const char *why)
{
	fprintf(stderr, "shim: %s\n", why);
	_exit(64);
}

static void read_point(const char *text)
{
	char mode[GROUP_NAME];

	if (sscanf(text, "%63[^:]:%63[^:]:%lu", mode, shim.group, &shim.n) != 3)
		die("ATTRIB_SHIM_POINT: expected MODE:GROUP:N");
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		if (strcmp(modes[i].name, mode) == 0)
			shim.mode = &modes[i];
	if (!shim.mode)
		die("ATTRIB_SHIM_POINT: no such mode");
}

__attribute__((constructor)) static void begin(void)
{
	const char *dir = getenv("ATTRIB_SHIM_DIR"), *log = getenv("ATTRIB_SHIM_LOG");
	const char *point = getenv("ATTRIB_SHIM_POINT");

	if (!dir || !log)
		return;
	if (point)
		read_point(point);
	shim.hold = getenv("ATTRIB_SHIM_HOLD");
	shim.lie = getenv("ATTRIB_SHIM_LIE");
	int fd = (int)syscall(
		SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	shim.log = fcntl(fd, F_DUPFD_CLOEXEC, LOG_FD);
	close(fd);
	if (shim.log < 0)
		die("ATTRIB_SHIM_LOG can't be written");
	snprintf(shim.dir, sizeof shim.dir, "%s", dir);
}

const char *shim_below(const char *path)
{
	size_t n = strlen(shim.dir);

	if (n == 0 || strncmp(path, shim.dir, n) != 0)
		return NULL;
	if (path[n] == '\0')
		return ".";
	return path[n] == '/' ? path + n + 1 : NULL;
}

/* -- which call it is --------------------------------------------------------------------------- */

static const char *target(const struct shim_call *call)
{
	return call->to[0] ? call->to : call->path;
}

static struct group *group_of(const struct shim_call *call)
{
	const char *path = target(call);
	size_t n = strcspn(path, "/."), i;
	char name[GROUP_NAME];

	snprintf(name, sizeof name, "%.*s", (int)n, path);
	if (strcmp(path, ".") == 0)
		strcpy(name, "dir");
	for (i = 0; i < GROUPS && groups[i].name[0]; i++)
		if (strcmp(groups[i].name, name) == 0)
			return &groups[i];
	if (i == GROUPS)
		die("more groups of files than anybody expected");
	strcpy(groups[i].name, name);
	return &groups[i];
}

static bool held(void)
{
	return !shim.hold || syscall(SYS_faccessat, AT_FDCWD, shim.hold, F_OK) == 0;
}

/* A disk that is full for a while refuses what takes room, and nothing else. */
static bool takes_room(enum shim_kind kind)
{
	switch (kind) {
	case SHIM_CREATE:
	case SHIM_MKDIR:
	case SHIM_WRITE:
	case SHIM_ALLOCATE:
	case SHIM_RENAME:
	case SHIM_LINK:
		return true;
	case SHIM_OPEN:
	case SHIM_TRUNCATE:
	case SHIM_SYNC:
	case SHIM_SYNCDIR:
	case SHIM_UNLINK:
		break;
	}
	return false;
}

static bool meant(const struct shim_call *call, const struct group *group)
{
	const struct mode *mode = shim.mode;

	if (!mode || strcmp(group->name, shim.group) != 0 || group->n < shim.n)
		return false;
	if (!mode->lasts)
		return group->n == shim.n;
	if (mode->act == ACT_HANG && call->kind != SHIM_SYNC)
		return false;
	if (mode->error == ENOSPC && !takes_room(call->kind))
		return false;
	if (mode->error == EINTR && group->n >= shim.n + INTERRUPTS)
		return false;
	return held();
}

static enum act choose(const struct shim_call *call, const struct group *group)
{
	if (!meant(call, group))
		return ACT_NONE;
	if (call->kind == SHIM_WRITE && call->length > 1)
		return shim.mode->act;
	if (shim.mode->act == ACT_SHORT)
		return ACT_NONE;
	return shim.mode->act == ACT_KILL_MID ? ACT_KILL_BEFORE : shim.mode->act;
}

/* -- the log ------------------------------------------------------------------------------------ */

static bool all_zeros(const struct shim_call *call)
{
	for (int i = 0; i < call->data_n; i++) {
		const char *p = call->data[i].iov_base;
		size_t n = call->data[i].iov_len;
		if (n && (p[0] || memcmp(p, p + 1, n - 1) != 0))
			return false;
	}
	return true;
}

/* The first n bytes of the call's data behind the line. */
static int put_data(const struct shim_call *call, size_t n, struct iovec *out)
{
	int used = 0;

	for (int i = 0; i < call->data_n && n > 0; i++) {
		if (used == VECTORS)
			die("a write of more pieces than anybody expected");
		out[used] = call->data[i];
		if (out[used].iov_len > n)
			out[used].iov_len = n;
		n -= out[used++].iov_len;
	}
	return used;
}

static void put_record(const struct shim_call *call, const struct group *group, const char *fault,
	long result, int error)
{
	char line[2 * PATH_MAX + 512], bytes[24] = "0";
	struct iovec out[1 + VECTORS];
	int used = 0;

	if (call->kind == SHIM_WRITE && result > 0) {
		bool zeros = all_zeros(call);
		snprintf(bytes, sizeof bytes, zeros ? "z" : "%ld", result);
		used = zeros ? 0 : put_data(call, (size_t)result, out + 1);
	}
	int n = snprintf(line, sizeof line, "%s\t%lu\t%s\t%s\t%ld\t%d\t%s\t%s\t%lld\t%zu\t%s\n",
		group->name, group->n, kinds[call->kind], fault, result, error, call->path,
		call->to, (long long)call->offset, call->length, bytes);
	out[0] = (struct iovec){line, (size_t)n};
	if (syscall(SYS_writev, shim.log, out, 1 + used) < 0)
		die("the log can't be written");
}

/* -- what happens ------------------------------------------------------------------------------- */

static long perform(const struct shim_call *call)
{
	const long *a = call->args;
	return syscall(call->number, a[0], a[1], a[2], a[3], a[4]);
}

static long perform_half(const struct shim_call *call)
{
	size_t n = call->length / 2;

	if (n > call->data[0].iov_len)
		n = call->data[0].iov_len;
	/* the calls without an offset stand where call->offset is */
	long result = syscall(SYS_pwrite64, call->args[0], call->data[0].iov_base, n, call->offset);
	if (result > 0 && (call->number == SYS_write || call->number == SYS_writev))
		lseek((int)call->args[0], result, SEEK_CUR);
	return result;
}

static void die_here(void)
{
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

/* Others go on meanwhile: they have their own files. */
static void hang(void)
{
	const struct timespec pause_for = {.tv_nsec = 1000000};

	pthread_mutex_unlock(&lock);
	while (held())
		nanosleep(&pause_for, NULL);
	pthread_mutex_lock(&lock);
}

static bool lies(const struct shim_call *call, const struct group *group)
{
	char name[GROUP_NAME + 16];

	if (!shim.lie || (call->kind != SHIM_SYNC && call->kind != SHIM_SYNCDIR))
		return false;
	snprintf(name, sizeof name, "%s:%s", kinds[call->kind], group->name);
	return strcmp(shim.lie, name) == 0;
}

static long act_on(const struct shim_call *call, enum act act, bool lie)
{
	switch (act) {
	case ACT_FAIL:
		errno = shim.mode->error;
		return -1;
	case ACT_SHORT:
	case ACT_KILL_MID:
		return perform_half(call);
	case ACT_KILL_BEFORE:
		errno = 0;
		return -1;
	case ACT_HANG:
	case ACT_KILL_AFTER:
	case ACT_NONE:
		break;
	}
	return lie ? 0 : perform(call);
}

long shim_run(struct shim_call *call)
{
	pthread_mutex_lock(&lock);
	struct group *group = group_of(call);
	group->n++;
	enum act act = choose(call, group);
	if (act == ACT_HANG)
		hang();
	bool lie = lies(call, group);
	const char *fault = act != ACT_NONE ? shim.mode->name : lie ? "lie" : "-";
	long result = act_on(call, act, lie);
	int error = result < 0 ? errno : 0;
	put_record(call, group, fault, result, error);
	if (act == ACT_KILL_BEFORE || act == ACT_KILL_MID || act == ACT_KILL_AFTER)
		die_here();
	pthread_mutex_unlock(&lock);
	errno = error ? error : errno;
	return result;
}
