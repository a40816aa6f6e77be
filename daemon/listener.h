/*
 * A listening socket on an event loop. What is accepted goes to a callback; when descriptors run out
 * accepting pauses for a moment instead of spinning, and the backlog waits in the kernel.
 */
#ifndef ATTRIBD_LISTENER_H
#define ATTRIBD_LISTENER_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include "attrib/error.h"
#include "config.h"
#include "proxy.h"

typedef void attribd_accepted(void *arg, int fd, const struct attribd_peer *peer);

struct attribd_listener {
	int fd; /* owned; -1 = closed */
	struct event event, pause;
	attribd_accepted *accepted;
	void *arg;
	int64_t told_at; /* monotonic; when running out of descriptors was logged last */
	char text[ATTRIBD_ADDRESS_TEXT + 8]; /* "127.0.0.1:8080", with the port that was given */
};

/* Binds and listens. ATTRIB_E_IO with errno, and fd = -1: nothing is left to close. */
int attribd_listener_open(
	struct attribd_listener *listener, const struct attribd_address *address) ATTRIB_MUST_CHECK;
/* Accepts on this loop from now on. */
void attribd_listener_start(struct attribd_listener *listener, struct event_base *base,
	attribd_accepted *accepted, void *arg);
/* Takes what stands in the backlog, then closes: nobody who was let in is refused. */
void attribd_listener_close(struct attribd_listener *listener);

#endif
