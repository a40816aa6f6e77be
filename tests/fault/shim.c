/*
 * The calls, as the C library names them. What does not touch the state directory goes through.
 *
 * A way of changing files that is missing here is found out: the harness compares what the log says
 * with what the directory holds.
 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define L(x) ((long)(x))

/* -- names -------------------------------------------------------------------------------------- */

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);
	return n >= m && strcmp(s + n - m, end) == 0;
}

/* False: it is elsewhere, or has no name any more. */
static bool name_of(int fd, char out[PATH_MAX])
{
	char link[64], path[PATH_MAX];

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof path - 1);
	if (n <= 0)
		return false;
	path[n] = '\0';
	const char *below = shim_below(path);
	if (!below || ends_with(path, " (deleted)"))
		return false;
	strcpy(out, below);
	return true;
}

static bool name_at(int dir, const char *name, char out[PATH_MAX])
{
	char base[PATH_MAX], path[2 * PATH_MAX];

	if (name[0] == '/') {
		const char *below = shim_below(name);
		return below && snprintf(out, PATH_MAX, "%s", below) < PATH_MAX;
	}
	if (dir != AT_FDCWD) {
		if (!name_of(dir, base))
			return false;
		return snprintf(out, PATH_MAX, "%s%s%s", strcmp(base, ".") ? base : "",
			       strcmp(base, ".") ? "/" : "", name) < PATH_MAX;
	}
	if (!getcwd(base, sizeof base))
		return false;
	snprintf(path, sizeof path, "%s/%s", base, name);
	return name_at(dir, path, out);
}

/* Runs it when it concerns the state directory, and goes through otherwise. */
static long pass(bool ours, struct shim_call *call)
{
	const long *a = call->args;
	return ours ? shim_run(call) : syscall(call->number, a[0], a[1], a[2], a[3], a[4]);
}

/* -- making and removing names ------------------------------------------------------------------ */

static int open_at(int dir, const char *name, int flags, mode_t mode)
{
	struct shim_call call = {
		.kind = SHIM_OPEN, .number = SYS_openat, .args = {dir, L(name), flags, L(mode)}};
	bool ours = (flags & (O_CREAT | O_TRUNC)) && (flags & O_TMPFILE) != O_TMPFILE &&
		    name_at(dir, name, call.path);

	if (ours && syscall(SYS_faccessat, dir, name, F_OK))
		call.kind = SHIM_CREATE;
	else if (flags & O_TRUNC)
		call.kind = SHIM_TRUNCATE;
	return (int)pass(ours, &call);
}

#define OPEN_MODE(flags, last)                                                                     \
	mode_t mode = 0;                                                                           \
	if (flags & (O_CREAT | O_TMPFILE)) {                                                       \
		va_list list;                                                                      \
		va_start(list, last);                                                              \
		mode = va_arg(list, mode_t);                                                       \
		va_end(list);                                                                      \
	}

int open(const char *name, int flags, ...)
{
	OPEN_MODE(flags, flags)
	return open_at(AT_FDCWD, name, flags, mode);
}

int open64(const char *name, int flags, ...)
{
	OPEN_MODE(flags, flags)
	return open_at(AT_FDCWD, name, flags, mode);
}

int openat(int dir, const char *name, int flags, ...)
{
	OPEN_MODE(flags, flags)
	return open_at(dir, name, flags, mode);
}

int openat64(int dir, const char *name, int flags, ...)
{
	OPEN_MODE(flags, flags)
	return open_at(dir, name, flags, mode);
}

int creat(const char *name, mode_t mode)
{
	return open_at(AT_FDCWD, name, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

int mkdirat(int dir, const char *name, mode_t mode)
{
	struct shim_call call = {
		.kind = SHIM_MKDIR, .number = SYS_mkdirat, .args = {dir, L(name), L(mode)}};
	return (int)pass(name_at(dir, name, call.path), &call);
}

int mkdir(const char *name, mode_t mode)
{
	return mkdirat(AT_FDCWD, name, mode);
}

int unlinkat(int dir, const char *name, int flags)
{
	struct shim_call call = {
		.kind = SHIM_UNLINK, .number = SYS_unlinkat, .args = {dir, L(name), flags}};
	return (int)pass(name_at(dir, name, call.path), &call);
}

int unlink(const char *name)
{
	return unlinkat(AT_FDCWD, name, 0);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	struct shim_call call = {.kind = SHIM_RENAME,
		.number = SYS_renameat2,
		.args = {from_dir, L(from), to_dir, L(to), flags}};
	bool ours = name_at(from_dir, from, call.path) && name_at(to_dir, to, call.to);
	return (int)pass(ours, &call);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return renameat2(from_dir, from, to_dir, to, 0);
}

int rename(const char *from, const char *to)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	struct shim_call call = {.kind = SHIM_LINK,
		.number = SYS_linkat,
		.args = {from_dir, L(from), to_dir, L(to), flags}};
	bool ours = name_at(from_dir, from, call.path) && name_at(to_dir, to, call.to);
	return (int)pass(ours, &call);
}

int link(const char *from, const char *to)
{
	return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* -- contents ----------------------------------------------------------------------------------- */

/* Where a write without an offset goes. */
static off_t place_of(int fd)
{
	struct stat st;

	if ((fcntl(fd, F_GETFL) & O_APPEND) && fstat(fd, &st) == 0)
		return st.st_size;
	return lseek(fd, 0, SEEK_CUR);
}

static ssize_t write_vector(struct shim_call *call, int fd, const struct iovec *data, int n)
{
	bool ours = name_of(fd, call->path);

	call->kind = SHIM_WRITE;
	call->data = data;
	call->data_n = n;
	for (int i = 0; ours && i < n; i++)
		call->length += data[i].iov_len;
	if (ours && call->offset < 0)
		call->offset = place_of(fd);
	return pass(ours, call);
}

ssize_t write(int fd, const void *p, size_t n)
{
	struct shim_call call = {.number = SYS_write, .args = {fd, L(p), L(n)}, .offset = -1};
	struct iovec data = {(void *)p, n};
	return write_vector(&call, fd, &data, 1);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	struct shim_call call = {
		.number = SYS_pwrite64, .args = {fd, L(p), L(n), at}, .offset = at};
	struct iovec data = {(void *)p, n};
	return write_vector(&call, fd, &data, 1);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	return pwrite(fd, p, n, at);
}

ssize_t writev(int fd, const struct iovec *data, int n)
{
	struct shim_call call = {.number = SYS_writev, .args = {fd, L(data), n}, .offset = -1};
	return write_vector(&call, fd, data, n);
}

ssize_t pwritev(int fd, const struct iovec *data, int n, off_t at)
{
	struct shim_call call = {.number = SYS_pwritev, .args = {fd, L(data), n, at}, .offset = at};
	return write_vector(&call, fd, data, n);
}

ssize_t pwritev64(int fd, const struct iovec *data, int n, off64_t at)
{
	return pwritev(fd, data, n, at);
}

int ftruncate(int fd, off_t size)
{
	struct shim_call call = {.kind = SHIM_TRUNCATE,
		.number = SYS_ftruncate,
		.args = {fd, size},
		.length = (size_t)size};
	return (int)pass(name_of(fd, call.path), &call);
}

int ftruncate64(int fd, off64_t size)
{
	return ftruncate(fd, size);
}

/* Only the plain form, which makes the file longer, changes what a reader sees. */
int fallocate(int fd, int mode, off_t at, off_t n)
{
	struct shim_call call = {.kind = SHIM_ALLOCATE,
		.number = SYS_fallocate,
		.args = {fd, mode, at, n},
		.offset = at,
		.length = mode ? 0 : (size_t)(at + n)};
	return (int)pass(name_of(fd, call.path), &call);
}

int fallocate64(int fd, int mode, off64_t at, off64_t n)
{
	return fallocate(fd, mode, at, n);
}

int posix_fallocate(int fd, off_t at, off_t n)
{
	int kept = errno, err = fallocate(fd, 0, at, n) ? errno : 0;

	errno = kept;
	return err;
}

int posix_fallocate64(int fd, off64_t at, off64_t n)
{
	return posix_fallocate(fd, at, n);
}

/* -- syncs -------------------------------------------------------------------------------------- */

static int sync_by(long number, int fd)
{
	struct shim_call call = {.kind = SHIM_SYNC, .number = number, .args = {fd}};
	bool ours = name_of(fd, call.path);
	struct stat st;

	if (ours && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		call.kind = SHIM_SYNCDIR;
	return (int)pass(ours, &call);
}

int fsync(int fd)
{
	return sync_by(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return sync_by(SYS_fdatasync, fd);
}
