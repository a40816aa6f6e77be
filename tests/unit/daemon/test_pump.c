/*
 * The engine thread at a start: what an earlier one left in the journal is applied, whatever is in
 * the way of reading it, and what is too old is forgotten, or kept out of a full memory.
 */
#include "files.h"

#include <sys/resource.h>
#include <unistd.h>

#include "attrib/event.h"
#include "attrib/sink.h"
#include "metrics.h"
#include "pump.h"

#define RECORDS 10

static const char config_text[] = "[attribd]\nstate_dir = /nowhere\nflush_interval = 10ms\n"
				  "dedupe = 7d\n[site acme]\n";

struct fixture {
	struct attribd_snapshots snapshots;
	struct attribd_progress progress;
	struct attrib_journal *journal;
	struct attribd_bell owner;
	struct attribd_flush flush;
	struct attribd_held held;
	struct attribd_pump pump;
};

static void open_journal(struct fixture *f)
{
	struct attrib_journal_options options = {
		.dir = files_path("journal"), .instance = {{7}}, .segment_size = 1 << 20};

	assert_int_equal(attrib_journal_open(&options, &f->journal), 0);
}

/* Records that the engine can't use are counted one by one: proof that it saw them. */
static void put_no_event(int i, struct attrib_buf *out)
{
	(void)i;
	attrib_buf_str(out, ATTRIB_STR("no event"));
}

/* A cart every third day: each claims its id. */
static void put_cart(int i, struct attrib_buf *out)
{
	int64_t at = (100 + 3 * i) * ATTRIB_US_PER_DAY;
	struct attrib_event event = {.type = ATTRIB_EVENT_CART,
		.trust = ATTRIB_TRUST_SIGNED,
		.site = ATTRIB_STR("acme"),
		.source = ATTRIB_STR("native"),
		.received_at = at,
		.occurred_at = at,
		.id = {{1, (uint8_t)i}}};

	attrib_event_encode(&event, out);
}

/* A stranger's click by another visitor every month. */
static void put_click(int i, struct attrib_buf *out)
{
	int64_t at = (100 + 30 * i) * ATTRIB_US_PER_DAY;
	struct attrib_event event = {.type = ATTRIB_EVENT_CLICK,
		.site = ATTRIB_STR("acme"),
		.source = ATTRIB_STR("redirect"),
		.received_at = at,
		.occurred_at = at,
		.link = ATTRIB_STR("ann"),
		.id = {{1, (uint8_t)i}},
		.visitor = {{2, (uint8_t)i}}};

	attrib_event_encode(&event, out);
}

static void leave_records(struct fixture *f, void (*put)(int i, struct attrib_buf *out))
{
	struct attrib_buf record;
	struct attrib_lane *lane;
	uint64_t number;

	open_journal(f);
	assert_int_equal(attrib_lane_open(f->journal, 0, &lane), 0);
	attrib_buf_init(&record);
	for (int i = 0; i < RECORDS; i++) {
		attrib_buf_clear(&record);
		put(i, &record);
		assert_int_equal(attrib_lane_append(lane, attrib_buf_view(&record), &number), 0);
	}
	attrib_buf_done(&record);
	assert_int_equal(attrib_lane_close(lane), 0);
	attrib_journal_close(f->journal);
	open_journal(f);
}

static struct attrib_catalog *catalog_of(const struct attribd_config *config)
{
	struct attrib_catalog_builder *builder = attrib_catalog_builder_new();
	struct attrib_catalog *catalog;

	assert_int_equal(attrib_catalog_add_site(builder, &config->sites[0].site), 0);
	assert_int_equal(attrib_catalog_build(builder, 1, &catalog), 0);
	return catalog;
}

static int begin_within(
	void **state, void (*put)(int i, struct attrib_buf *out), uint64_t memory_limit)
{
	static const uint8_t secret[ATTRIB_SECRET_BYTES] = {1};
	struct fixture *f = calloc(1, sizeof *f);
	struct attribd_pump_options options = {.flush = &f->flush,
		.snapshots = &f->snapshots,
		.progress = &f->progress,
		.held = &f->held,
		.secret = secret,
		.memory_limit = memory_limit};
	struct attribd_config *config;
	struct attrib_sink *sink;

	assert_int_equal(files_begin(state), 0);
	*state = f;
	assert_int_equal(attribd_config_load(files_text("conf", config_text), &config, NULL), 0);
	attribd_snapshots_init(&f->snapshots);
	assert_int_equal(attribd_snapshots_publish(&f->snapshots, config, catalog_of(config),
				 ATTRIBD_CATALOG_POSTGRES, 0),
		0);
	leave_records(f, put);
	assert_int_equal(attribd_bell_init(&f->owner), 0);
	assert_int_equal(attribd_pump_prepare(&f->pump), 0);
	assert_int_equal(attrib_sink_null_new(&sink), 0);
	assert_int_equal(
		attribd_flush_init(&f->flush, sink, &f->progress, &f->pump.bell, &f->owner), 0);
	f->held.journal = options.journal = f->journal;
	assert_int_equal(attribd_pump_init(&f->pump, &options), 0);
	return 0;
}

static int begin_with(void **state, void (*put)(int i, struct attrib_buf *out))
{
	return begin_within(state, put, 0);
}

static int begin_with_clicks(void **state)
{
	return begin_with(state, put_click);
}

static int begin_full(void **state)
{
	return begin_within(state, put_click, 1);
}

static int begin(void **state)
{
	return begin_with(state, put_no_event);
}

static int begin_with_carts(void **state)
{
	return begin_with(state, put_cart);
}

static int finish(void **state)
{
	struct fixture *f = *state;

	attribd_pump_stop(&f->pump);
	attribd_pump_join(&f->pump);
	attribd_flush_stop(&f->flush);
	attribd_flush_join(&f->flush);
	attribd_pump_done(&f->pump);
	attribd_flush_done(&f->flush);
	attribd_snapshots_done(&f->snapshots);
	attrib_journal_close(f->journal);
	attribd_bell_done(&f->owner);
	free(f);
	return files_end(state);
}

static void start(struct fixture *f)
{
	assert_int_equal(attribd_flush_start(&f->flush), 0);
	assert_int_equal(attribd_pump_start(&f->pump), 0);
}

static bool flushed(struct fixture *f, int tries)
{
	while (atomic_load(&f->progress.flushed) < RECORDS && tries-- > 0)
		usleep(10000);
	return atomic_load(&f->progress.flushed) == RECORDS;
}

static void an_earlier_lane_is_applied(void **state)
{
	struct fixture *f = *state;

	start(f);
	assert_true(flushed(f, 2000));
	assert_int_equal(atomic_load(&f->progress.bad_records), RECORDS);
}

/* Connections may take all descriptors while an old segment has to be opened: it is read later. */
static void records_that_cannot_be_read_now_are_read_later(void **state)
{
	struct fixture *f = *state;
	struct rlimit kept, none;
	int next = dup(0);

	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &kept), 0);
	none = kept;
	none.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	start(f);
	bool skipped = flushed(f, 50);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &kept), 0);
	assert_false(skipped);
	assert_true(flushed(f, 2000));
	assert_int_equal(atomic_load(&f->progress.bad_records), RECORDS);
}

/* The newest record is of day 27 after the first; what lies more than seven days before it goes. */
static void old_ids_are_forgotten(void **state)
{
	struct fixture *f = *state;
	struct attrib_state_stats stats;

	start(f);
	assert_true(flushed(f, 2000));
	attribd_pump_stop(&f->pump);
	attribd_pump_join(&f->pump);
	f->pump.state->ops->stats(f->pump.state, &stats);
	assert_int_equal(atomic_load(&f->progress.bad_records), 0);
	assert_int_equal(stats.forgotten, 7);
	assert_int_equal(stats.entities[ATTRIB_ENTITY_ID], RECORDS - 7);
}

static void stop(struct fixture *f, struct attrib_state_stats *stats)
{
	start(f);
	assert_true(flushed(f, 2000));
	attribd_pump_stop(&f->pump);
	attribd_pump_join(&f->pump);
	f->pump.state->ops->stats(f->pump.state, stats);
}

/* The newest is of day 270 after the first. Windows and lock_after are 30 days, lead_window is 90: a
 * click of 150 days before it and a little is of use. */
static void old_facts_are_forgotten(void **state)
{
	struct attrib_state_stats stats;

	stop(*state, &stats);
	assert_int_equal(stats.entities[ATTRIB_ENTITY_VISITOR], 6);
}

static void a_full_memory_is_counted(void **state)
{
	struct attrib_state_stats stats;
	int64_t before = attribd_metric_value(ATTRIBD_METRIC_STATE_REFUSED);

	stop(*state, &stats);
	assert_int_equal(stats.entities[ATTRIB_ENTITY_VISITOR], 0);
	/* each of them a touch and the claim of a unique click */
	assert_int_equal(attribd_metric_value(ATTRIBD_METRIC_STATE_REFUSED) - before, 2 * RECORDS);
	assert_true(attribd_metric_value(ATTRIBD_METRIC_STATE_BYTES) > 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_earlier_lane_is_applied, begin, finish),
		cmocka_unit_test_setup_teardown(
			records_that_cannot_be_read_now_are_read_later, begin, finish),
		cmocka_unit_test_setup_teardown(old_ids_are_forgotten, begin_with_carts, finish),
		cmocka_unit_test_setup_teardown(old_facts_are_forgotten, begin_with_clicks, finish),
		cmocka_unit_test_setup_teardown(a_full_memory_is_counted, begin_full, finish),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
