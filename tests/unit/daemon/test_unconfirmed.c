/*
 * Records that do not become durable: nothing is promised, nothing is answered twice, and a visitor
 * goes on.
 */
#include "edge.h"

#include <pthread.h>

#include "../../../lib/journal/internal.h"

const char config_text[] = "[attribd]\n"
			   "state_dir = /tmp\n"
			   "postgres = host=/nowhere\n"
			   "redirect_timeout = 200ms\n"
			   "webhook_timeout = 500ms\n"
			   "[site acme]\n"
			   "write_key = a-secret-write-key\n";

static void record(struct attribd_exchange *exchange)
{
	struct attrib_event event = {.type = ATTRIB_EVENT_VISIT,
		.site = ATTRIB_STR("acme"),
		.source = ATTRIB_STR("test"),
		.event_id = exchange->request->query,
		.received_at = exchange->worker->now,
		.occurred_at = exchange->worker->now};

	exchange->response = (struct attrib_http_response){
		.status = 200, .content_type = "text/plain", .body = exchange->request->query};
	if (!attribd_record(exchange, &event, 1))
		attribd_answer_overload(exchange);
}

/* Like a redirect: the answer goes out whatever becomes of the record. */
static void click(struct attribd_exchange *exchange)
{
	record(exchange);
	exchange->unconfirmed = ATTRIBD_UNCONFIRMED_SEND;
}

const struct attribd_route routes[] = {
	{"/record", false, ATTRIB_HTTP_GET, true, 0, ATTRIBD_METRIC_REQUESTS_OTHER, record, NULL},
	{"/click", false, ATTRIB_HTTP_GET, true, 0, ATTRIBD_METRIC_REQUESTS_OTHER, click, NULL},
	{.path = NULL},
};

/* -- a disk that hangs or fails ------------------------------------------------------------------ */

static pthread_mutex_t disk = PTHREAD_MUTEX_INITIALIZER; /* held by the test: the disk hangs */
static atomic_int disk_errno;
static atomic_int hung;

static int test_fdatasync(int fd)
{
	atomic_fetch_add(&hung, 1);
	pthread_mutex_lock(&disk);
	pthread_mutex_unlock(&disk);
	if (atomic_load(&disk_errno) == EIO) {
		errno = EIO;
		return -1;
	}
	return fdatasync(fd);
}

static ssize_t test_pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (atomic_load(&disk_errno) == ENOSPC) {
		errno = ENOSPC;
		return -1;
	}
	return pwrite(fd, p, n, at);
}

static struct attrib_io io;

static int begin_with_disk(void **state)
{
	int rc;

	atomic_store(&disk_errno, 0);
	begin_early = true;
	rc = begin(state);
	io = attrib_io_system;
	io.fdatasync = test_fdatasync;
	io.pwrite = test_pwrite;
	journal_lane_set_io(worker.lane, &io);
	return rc ? rc : attribd_worker_start(&worker);
}

/* -- tests --------------------------------------------------------------------------------------- */

static void while_a_sync_hangs_nobody_is_answered_but_visitors(void **state)
{
	uint64_t before = attrib_journal_committed(journal);
	int first, duplicate, visitor;

	(void)state;
	pthread_mutex_lock(&disk);
	first = dial();
	put(first, GET("/record?one"), sizeof GET("/record?one") - 1);
	duplicate = dial();
	put(duplicate, GET("/record?one"), sizeof GET("/record?one") - 1);
	visitor = dial();
	put(visitor, LAST("/click?go"), sizeof LAST("/click?go") - 1);
	get_end(visitor);
	check_bodies("go");
	get_end(first);
	assert_string_equal(answer, "");
	get_end(duplicate);
	assert_string_equal(answer, "");
	assert_int_equal(attrib_journal_committed(journal), before);
	pthread_mutex_unlock(&disk);

	/* the disk goes on, and so does everything */
	first = dial();
	put(first, LAST("/record?two"), sizeof LAST("/record?two") - 1);
	get_end(first);
	check_bodies("two");
	assert_int_equal(attrib_journal_committed(journal), before + 4);
}

/* The answer before the one that is in doubt still goes out, the one behind it does not. */
static void order_holds_where_it_breaks(void **state)
{
	static const char requests[] =
		GET("/nothing") GET("/record?a") GET("/nothing") LAST("/click?b");
	int fd;

	(void)state;
	pthread_mutex_lock(&disk);
	fd = dial();
	put(fd, requests, sizeof requests - 1);
	get_end(fd);
	check_bodies("404");
	pthread_mutex_unlock(&disk);
}

static void a_full_disk_is_503_until_there_is_room(void **state)
{
	uint64_t before;
	int fd = dial();

	(void)state;
	put(fd, LAST("/record?settle"), sizeof LAST("/record?settle") - 1);
	get_end(fd);
	check_bodies("settle");
	before = attrib_journal_committed(journal);
	atomic_store(&disk_errno, ENOSPC);
	for (int i = 0; i < 5; i++) {
		fd = dial();
		put(fd, LAST("/record?full"), sizeof LAST("/record?full") - 1);
		get_end(fd);
		/* appended before it was known: closed without a status; known: 503 */
		if (answer[0]) {
			check_bodies("503");
			assert_non_null(strstr(answer, "Retry-After: "));
		}
		fd = dial();
		put(fd, LAST("/click?go"), sizeof LAST("/click?go") - 1);
		get_end(fd);
		assert_non_null(strstr(answer, "HTTP/1.1 "));
	}
	check_bodies("503");
	assert_int_equal(attrib_journal_committed(journal), before);
	atomic_store(&disk_errno, 0);
	fd = dial();
	put(fd, LAST("/record?again"), sizeof LAST("/record?again") - 1);
	get_end(fd);
	check_bodies("again");
	assert_int_equal(attrib_journal_committed(journal), before + 1);
}

/* Two commits, so that what the companion does behind a commit is over as well. */
static void settle(void)
{
	for (int i = 0; i < 2; i++) {
		int fd = dial();

		put(fd, LAST("/record?settle"), sizeof LAST("/record?settle") - 1);
		get_end(fd);
		check_bodies("settle");
	}
}

/* Last: after it the lane takes nothing more. */
static void after_a_failed_sync_nothing_is_acknowledged(void **state)
{
	uint64_t before;
	int syncs, fd;

	(void)state;
	settle();
	before = attrib_journal_committed(journal);
	/* the sync begins, and hangs until it is known to be this record's; then it fails */
	pthread_mutex_lock(&disk);
	syncs = atomic_load(&hung);
	fd = dial();
	put(fd, LAST("/record?lost"), sizeof LAST("/record?lost") - 1);
	while (atomic_load(&hung) == syncs)
		usleep(1000);
	atomic_store(&disk_errno, EIO);
	pthread_mutex_unlock(&disk);
	get_end(fd);
	assert_string_equal(answer, "");
	syncs = atomic_load(&hung);
	atomic_store(&disk_errno, 0);
	for (int i = 0; i < 3; i++) {
		fd = dial();
		put(fd, LAST("/record?later"), sizeof LAST("/record?later") - 1);
		get_end(fd);
		check_bodies("503");
	}
	assert_int_equal(attrib_journal_committed(journal), before);
	assert_int_equal(atomic_load(&hung), syncs);
	assert_int_equal(atomic_load(&progress.failed_lanes), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(while_a_sync_hangs_nobody_is_answered_but_visitors),
		cmocka_unit_test(order_holds_where_it_breaks),
		cmocka_unit_test(a_full_disk_is_503_until_there_is_room),
		cmocka_unit_test(after_a_failed_sync_nothing_is_acknowledged),
	};
	return cmocka_run_group_tests(tests, begin_with_disk, finish);
}
