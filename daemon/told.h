/*
 * The counts that the status has told, kept over restarts: what was told once is not taken back.
 *
 * A start learns from PostgreSQL how far the sink is, and PostgreSQL may be away; the engine applies
 * again what no flush had confirmed. Neither is a reason for numbers to fall before the eyes of
 * whoever watches them. Only what somebody has seen is kept, so events cost nothing.
 */
#ifndef ATTRIBD_TOLD_H
#define ATTRIBD_TOLD_H

#include "progress.h"

struct attribd_told {
	int fd; /* owned; -1 = nothing is kept */
	uint64_t applied, flushed;
};

/* Reads <dir>/told and sets the floors of `progress`. A file that can't be used is none. */
void attribd_told_open(
	struct attribd_told *told, const char *dir, struct attribd_progress *progress);
/* Admin thread: these numbers go out now. */
void attribd_told_keep(struct attribd_told *told, const struct attribd_progress_view *view);
void attribd_told_close(struct attribd_told *told);

#endif
