/*
 * An eventfd behind a flag. Order matters in clear: the descriptor is emptied first and the flag
 * falls second; the other way round a ring between the two would be swallowed with its flag still
 * up, and no later ring would ever reach the descriptor.
 */
#include "bell.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

int attribd_bell_init(struct attribd_bell *bell)
{
	atomic_init(&bell->rung, false);
	bell->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return bell->fd < 0 ? ATTRIB_E_IO : 0;
}

void attribd_bell_done(struct attribd_bell *bell)
{
	if (bell->fd >= 0)
		close(bell->fd);
	bell->fd = -1;
}

void attribd_bell_ring(struct attribd_bell *bell)
{
	uint64_t one = 1;

	if (!atomic_exchange(&bell->rung, true))
		(void)!write(bell->fd, &one, sizeof one);
}

void attribd_bell_clear(struct attribd_bell *bell)
{
	uint64_t count;

	(void)!read(bell->fd, &count, sizeof count);
	atomic_store(&bell->rung, false);
}

void attribd_bell_wait(struct attribd_bell *bell, int64_t timeout_us)
{
	struct pollfd poll_fd = {.fd = bell->fd, .events = POLLIN};

	poll(&poll_fd, 1, timeout_us < 0 ? -1 : (int)((timeout_us + 999) / 1000));
	attribd_bell_clear(bell);
}
