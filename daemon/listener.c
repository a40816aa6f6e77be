/*
 * accept4 in batches. TCP_NODELAY is set on the listening socket, where accepted ones inherit it.
 */
#include "listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

#define BATCH    64     /* accepted at once before other events have their turn */
#define PAUSE_US 200000 /* after running out of descriptors */
#define TELL_US  10000000

static socklen_t address_of(const struct attribd_address *address, struct sockaddr_storage *out)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;

	memset(out, 0, sizeof *out);
	if (inet_pton(AF_INET, address->host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(address->port);
		return sizeof *v4;
	}
	if (inet_pton(AF_INET6, address->host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(address->port);
		return sizeof *v6;
	}
	return 0;
}

/* The address as the kernel has it: port 0 has become a real one. */
static void name_it(struct attribd_listener *listener)
{
	struct sockaddr_storage sa;
	struct attribd_peer self;
	socklen_t n = sizeof sa;
	unsigned port;

	if (getsockname(listener->fd, (struct sockaddr *)&sa, &n))
		return;
	attribd_peer_of((struct sockaddr *)&sa, &self);
	port = ntohs(sa.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&sa)->sin6_port
					      : ((struct sockaddr_in *)(void *)&sa)->sin_port);
	snprintf(listener->text, sizeof listener->text,
		sa.ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u", self.text, port);
}

int attribd_listener_open(struct attribd_listener *listener, const struct attribd_address *address)
{
	struct sockaddr_storage sa;
	socklen_t n = address_of(address, &sa);
	int one = 1;

	*listener = (struct attribd_listener){.fd = -1};
	errno = EINVAL;
	if (n == 0)
		return ATTRIB_E_IO;
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ATTRIB_E_IO;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&sa, n) || listen(fd, SOMAXCONN)) {
		int kept = errno;
		close(fd);
		errno = kept;
		return ATTRIB_E_IO;
	}
	listener->fd = fd;
	name_it(listener);
	return 0;
}

static void pause_accepting(struct attribd_listener *listener)
{
	struct timeval tv = {.tv_usec = PAUSE_US};

	if (attribd_clock_due(&listener->told_at, TELL_US))
		attribd_log(ATTRIBD_LOG_WARNING, "accept on %s: %s; trying again every 200 ms",
			listener->text, strerror(errno));
	event_del(&listener->event);
	event_add(&listener->pause, &tv);
}

static void accept_batch(struct attribd_listener *listener, int max)
{
	struct sockaddr_storage sa;
	struct attribd_peer peer;

	for (int i = 0; i < max; i++) {
		socklen_t n = sizeof sa;
		int fd = accept4(
			listener->fd, (struct sockaddr *)&sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
				errno == ENOMEM)
				pause_accepting(listener);
			if (errno == ECONNABORTED || errno == EINTR)
				continue;
			return;
		}
		attribd_peer_of((struct sockaddr *)&sa, &peer);
		listener->accepted(listener->arg, fd, &peer);
	}
}

static void on_connection(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	accept_batch(arg, BATCH);
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct attribd_listener *listener = arg;

	(void)fd, (void)what;
	event_add(&listener->event, NULL);
}

void attribd_listener_start(struct attribd_listener *listener, struct event_base *base,
	attribd_accepted *accepted, void *arg)
{
	listener->accepted = accepted;
	listener->arg = arg;
	event_assign(&listener->event, base, listener->fd, EV_READ | EV_PERSIST, on_connection,
		listener);
	evtimer_assign(&listener->pause, base, on_pause_over, listener);
	event_add(&listener->event, NULL);
}

void attribd_listener_close(struct attribd_listener *listener)
{
	if (listener->fd < 0)
		return;
	if (listener->accepted) {
		accept_batch(listener, SOMAXCONN);
		event_del(&listener->event);
		event_del(&listener->pause);
	}
	close(listener->fd);
	listener->fd = -1;
}
