/*
 * A worker with a real lane, and clients over socket pairs: what the tests of the edge stand on. The
 * including test defines its `routes` and the text of its configuration.
 */
#ifndef TEST_EDGE_H
#define TEST_EDGE_H

#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "attrib/journal.h"
#include "worker.h"

#define TIMEOUT_MS 20000

extern const char config_text[];
extern const struct attribd_route routes[];

static struct attribd_snapshots snapshots;
static struct attribd_progress progress;
static struct attrib_journal *journal;
static struct attribd_worker worker;
static atomic_size_t request_bytes;
static bool begin_early; /* the test starts the worker itself */

static inline int begin(void **state)
{
	static const uint8_t secret[ATTRIB_SECRET_BYTES] = {1};
	struct attrib_journal_options journal_options = {
		.instance = {{7}}, .segment_size = 1 << 20};
	struct attribd_worker_options options = {.snapshots = &snapshots,
		.progress = &progress,
		.secret = secret,
		.routes = routes,
		.request_bytes = &request_bytes};
	struct attribd_config *config;
	struct attrib_catalog *catalog;

	assert_int_equal(files_begin(state), 0);
	assert_int_equal(attribd_config_load(files_text("conf", config_text), &config, NULL), 0);
	assert_int_equal(attrib_catalog_build(attrib_catalog_builder_new(), 1, &catalog), 0);
	attribd_snapshots_init(&snapshots);
	assert_int_equal(
		attribd_snapshots_publish(&snapshots, config, catalog, ATTRIBD_CATALOG_CACHE, 0),
		0);
	journal_options.dir = files_path("journal");
	assert_int_equal(attrib_journal_open(&journal_options, &journal), 0);
	assert_int_equal(attrib_lane_open(journal, 0, &options.lane), 0);
	/* the commit is always another thread's, so that answers really wait */
	attrib_lane_set_sync(options.lane, ATTRIB_SYNC_COMPANION);
	assert_int_equal(attribd_worker_init(&worker, &options), 0);
	return begin_early ? 0 : attribd_worker_start(&worker);
}

static inline int finish(void **state)
{
	attribd_worker_stop(&worker);
	attribd_worker_join(&worker);
	attribd_worker_done(&worker);
	attrib_journal_close(journal);
	attribd_snapshots_done(&snapshots);
	return files_end(state);
}

/* -- a client ------------------------------------------------------------------------------------ */

static inline int dial(void)
{
	struct attribd_peer peer = {.text = "127.0.0.1"};
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
	attribd_worker_hand(&worker, ends[1], &peer);
	return ends[0];
}

static inline void put(int fd, const char *bytes, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
		assert_true(sent > 0);
		bytes += sent;
		n -= (size_t)sent;
	}
}

static char answer[1 << 20] __attribute__((unused));

/* Reads until the other side closes, or `until` has come. */
static inline void get(int fd, const char *until)
{
	size_t n = 0;

	answer[0] = '\0';
	while (!until || !strstr(answer, until)) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		if (poll(&poll_fd, 1, TIMEOUT_MS) != 1)
			fail_msg("no answer; so far: %s", answer);
		ssize_t got = recv(fd, answer + n, sizeof answer - 1 - n, 0);
		if (got <= 0)
			break;
		n += (size_t)got;
		answer[n] = '\0';
	}
	if (until && !strstr(answer, until))
		fail_msg("closed before \"%s\"; so far: %s", until, answer);
}

static inline void get_end(int fd)
{
	get(fd, NULL);
	close(fd);
}

/* The bodies of GETs below, in order: "a b c"; statuses other than 200 as numbers. */
static inline void check_bodies(const char *expected)
{
	char seen[256] = "", *p = answer;

	while ((p = strstr(p, "HTTP/1.1 "))) {
		char *body = strstr(p, "\r\n\r\n");
		assert_non_null(body);
		char *next = strstr(body, "HTTP/1.1 ");
		int n = (int)(next ? next - body - 4 : (ptrdiff_t)strlen(body + 4));
		bool ok = strncmp(p + 9, "200", 3) == 0;
		snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s%.*s",
			seen[0] ? " " : "", ok ? n : 3, ok ? body + 4 : p + 9);
		p = body;
	}
	assert_string_equal(seen, expected);
}

#define GET(path)  "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define LAST(path) "GET " path " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

#endif
