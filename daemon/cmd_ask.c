/*
 * A blocking request to the daemon that runs here; see cmd_ask.h.
 */
#include "cmd_ask.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_SECONDS 10

/* Where the daemon listens; every address is also the loopback one. */
static int dial(const struct attribd_address *address)
{
	struct timeval wait = {.tv_sec = WAIT_SECONDS};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(address->port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(address->port)};
	bool is_v4 = inet_pton(AF_INET, address->host, &v4.sin_addr) == 1;
	int fd, rc;

	if (is_v4 && v4.sin_addr.s_addr == htonl(INADDR_ANY))
		v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (!is_v4 && inet_pton(AF_INET6, address->host, &v6.sin6_addr) != 1)
		return -1;
	if (!is_v4 && IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr))
		v6.sin6_addr = in6addr_loopback;
	fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	rc = is_v4 ? connect(fd, (struct sockaddr *)&v4, sizeof v4)
		   : connect(fd, (struct sockaddr *)&v6, sizeof v6);
	if (rc == 0)
		return fd;
	close(fd);
	return -1;
}

static bool send_all(int fd, struct attrib_str bytes)
{
	while (bytes.n) {
		ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes.p += n;
		bytes.n -= (size_t)n;
	}
	return true;
}

/* The status of the answer, and where its body begins; 0 = none came. */
static int receive(int fd, char *answer, const char **body)
{
	size_t n = 0;
	ssize_t got;

	while (n < CMD_ANSWER_MAX - 1 &&
		(got = recv(fd, answer + n, CMD_ANSWER_MAX - 1 - n, 0)) > 0)
		n += (size_t)got;
	answer[n] = '\0';
	*body = strstr(answer, "\r\n\r\n");
	if (strncmp(answer, "HTTP/1.1 ", 9) != 0 || !*body)
		return 0;
	*body += 4;
	return atoi(answer + 9);
}

int cmd_ask(const struct attribd_address *address, struct attrib_str request, char *answer,
	const char **body)
{
	int fd = dial(address), status = 0;

	if (fd < 0)
		return 0;
	if (send_all(fd, request))
		status = receive(fd, answer, body);
	close(fd);
	return status;
}
