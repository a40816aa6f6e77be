/*
 * Two numbers in the byte order of the machine, rewritten in place and never synced: after a power cut
 * they may be older ones, which costs nothing but the look of it.
 */
#include "told.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

void attribd_told_open(
	struct attribd_told *told, const char *dir, struct attribd_progress *progress)
{
	char path[4096];
	uint64_t kept[2];

	*told = (struct attribd_told){0};
	snprintf(path, sizeof path, "%s/told", dir);
	told->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (told->fd < 0 || pread(told->fd, kept, sizeof kept, 0) != sizeof kept)
		return;
	told->applied = progress->applied_floor = kept[0];
	told->flushed = progress->flushed_floor = kept[1];
}

void attribd_told_keep(struct attribd_told *told, const struct attribd_progress_view *view)
{
	if (view->applied <= told->applied && view->flushed <= told->flushed)
		return;
	if (view->applied > told->applied)
		told->applied = view->applied;
	if (view->flushed > told->flushed)
		told->flushed = view->flushed;
	uint64_t kept[2] = {told->applied, told->flushed};
	if (told->fd >= 0)
		(void)!pwrite(told->fd, kept, sizeof kept, 0);
}

void attribd_told_close(struct attribd_told *told)
{
	if (told->fd >= 0)
		close(told->fd);
	told->fd = -1;
}
