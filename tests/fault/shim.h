/*
 * The shim stands between the daemon and the calls by which it changes its state directory: it counts
 * them, writes down what each did, and makes one of them fail, hang, or be the last one.
 *
 * Two halves: shim.c has the calls as the C library names them and turns each into a struct shim_call;
 * shim_point.c decides what becomes of it. Below the shim there are bare system calls, so that nothing
 * else that is loaded has a say.
 *
 * Environment (paths are absolute, without links):
 *   ATTRIB_SHIM_DIR    the state directory; calls on anything else go through untouched
 *   ATTRIB_SHIM_LOG    the file that gets a record of each call, see shim_point.c
 *   ATTRIB_SHIM_POINT  MODE:GROUP:N, what becomes of call N (from 1 on) of a group
 *   ATTRIB_SHIM_HOLD   modes that last do so while this file exists; unset = for ever
 *   ATTRIB_SHIM_LIE    sync:GROUP or syncdir:GROUP: such calls do nothing and report success
 *
 * A group is the first part of a path below the state directory, up to its first dot: `journal`,
 * `catalog`, `secret`; `dir` is the directory itself. Calls of one group come in an order that hardly
 * depends on the other threads, so that N names the same call in another run.
 */
#ifndef SHIM_H
#define SHIM_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

enum shim_kind {
	SHIM_OPEN, /* of a file that is there, by a call that would have made it */
	SHIM_CREATE,
	SHIM_MKDIR,
	SHIM_WRITE,
	SHIM_TRUNCATE,
	SHIM_ALLOCATE,
	SHIM_SYNC,
	SHIM_SYNCDIR,
	SHIM_RENAME,
	SHIM_LINK,
	SHIM_UNLINK,
};

struct shim_call {
	enum shim_kind kind;
	long number; /* of the system call, and its arguments */
	long args[5];
	char path[PATH_MAX]; /* relative to the state directory; "." is that itself */
	char to[PATH_MAX];   /* RENAME, LINK: the new name */
	off_t offset;        /* WRITE, ALLOCATE */
	size_t length;       /* WRITE: bytes; TRUNCATE, ALLOCATE: the size afterwards */
	const struct iovec *data;
	int data_n;
};

/* The part of an absolute path below the state directory; NULL when it is elsewhere. */
const char *shim_below(const char *path);
/* Lets the call happen, or what the environment says instead; its result with errno. */
long shim_run(struct shim_call *call);

#endif
