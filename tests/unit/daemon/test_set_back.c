/*
 * A sink that was set back behind what the newest checkpoint has forgotten: the start begins with an older one, or
 * with the whole journal, and what is emitted again counts as it did. The control is the only start that has
 * neither: it counts an event twice, since the id by which it would know it is forgotten.
 */
#include "files.h"

#include <dirent.h>

#include "attrib/event.h"
#include "attrib/sink.h"
#include "pump.h"

#define REPEATS   999 /* of the first cart, in some segments */
#define COMMIT    50  /* of them: no commit is cut in two */
#define CONFIRMED 700 /* number of the last record that the backup has: one of those */
#define RECORDS   (2 + REPEATS + LATER)
#define LATER     100 /* carts, one in three days: by then the first id is forgotten */

static const char config_text[] = "[attribd]\nstate_dir = /nowhere\nflush_interval = 10ms\n"
				  "dedupe = 7d\n[site acme]\n";
static const struct attrib_id instance = {{7}};

/* -- a sink that remembers ------------------------------------------------------------------------ */

struct books {
	struct attrib_sink sink;
	struct attrib_sink_error error;
	struct attrib_position positions[16];
	size_t count;
	int64_t carts;
	uint64_t records;
};

static struct books books;

static int books_attach(struct attrib_sink *sink, struct attrib_sink_attach *out)
{
	(void)sink;
	*out = (struct attrib_sink_attach){
		.epoch = 1, .positions = books.positions, .position_count = books.count};
	return 0;
}

static void advance(const struct attrib_position *to)
{
	size_t i = 0;

	while (i < books.count && !attrib_id_eq(&books.positions[i].lane, &to->lane))
		i++;
	assert_true(i < sizeof books.positions / sizeof *books.positions);
	books.positions[i] = *to;
	books.count += i == books.count;
}

static int books_flush(
	struct attrib_sink *sink, const struct attrib_batch_view *batch, uint64_t catalog_version)
{
	(void)sink;
	(void)catalog_version;
	for (size_t i = 0; i < batch->traffic_count; i++)
		if (batch->traffic[i]->type == ATTRIB_EVENT_CART)
			books.carts += batch->traffic[i]->count;
	books.records += batch->records;
	for (size_t i = 0; i < batch->position_count; i++)
		advance(&batch->positions[i]);
	return 0;
}

static const struct attrib_sink_error *books_error(const struct attrib_sink *sink)
{
	(void)sink;
	return &books.error;
}

static void books_free(struct attrib_sink *sink)
{
	(void)sink;
}

static const struct attrib_sink_ops books_ops = {.name = "books",
	.attach = books_attach,
	.flush = books_flush,
	.error = books_error,
	.free = books_free};

/* -- lives of a daemon ---------------------------------------------------------------------------- */

struct life {
	struct attribd_snapshots snapshots;
	struct attribd_progress progress;
	struct attrib_journal *journal;
	struct attribd_bell owner;
	struct attribd_flush flush;
	struct attribd_held held;
	struct attribd_checkpoint checkpoint;
	struct attribd_pump pump;
};

static void open_journal(struct life *life)
{
	struct attrib_journal_options options = {
		.dir = files_path("journal"), .instance = instance, .segment_size = 16384};

	assert_int_equal(attrib_journal_open(&options, &life->journal), 0);
}

static void publish(struct life *life)
{
	struct attrib_catalog_builder *builder = attrib_catalog_builder_new();
	struct attribd_config *config;
	struct attrib_catalog *catalog;

	assert_int_equal(attribd_config_load(files_text("conf", config_text), &config, NULL), 0);
	assert_int_equal(attrib_catalog_add_site(builder, &config->sites[0].site), 0);
	assert_int_equal(attrib_catalog_build(builder, 1, &catalog), 0);
	attribd_snapshots_init(&life->snapshots);
	assert_int_equal(attribd_snapshots_publish(
				 &life->snapshots, config, catalog, ATTRIBD_CATALOG_POSTGRES, 0),
		0);
}

static void begin(struct life *life)
{
	static const uint8_t secret[ATTRIB_SECRET_BYTES] = {1};
	struct attribd_pump_options options = {.flush = &life->flush,
		.snapshots = &life->snapshots,
		.progress = &life->progress,
		.checkpoint = &life->checkpoint,
		.held = &life->held,
		.secret = secret};

	*life = (struct life){0};
	publish(life);
	open_journal(life);
	assert_int_equal(attribd_bell_init(&life->owner), 0);
	assert_int_equal(attribd_pump_prepare(&life->pump), 0);
	assert_int_equal(attribd_checkpoint_init(&life->checkpoint, files_path(""), &instance,
				 life->journal, &life->pump.bell),
		0);
	life->held.journal = options.journal = life->journal;
	assert_int_equal(attribd_held_take(&life->held, life->checkpoint.files), 0);
	books.sink.ops = &books_ops;
	assert_int_equal(attribd_flush_init(&life->flush, &books.sink, &life->progress,
				 &life->pump.bell, &life->owner),
		0);
	assert_int_equal(attribd_pump_init(&life->pump, &options), 0);
	assert_int_equal(attribd_checkpoint_start(&life->checkpoint), 0);
	assert_int_equal(attribd_flush_start(&life->flush), 0);
	assert_int_equal(attribd_pump_start(&life->pump), 0);
}

/* A stop that leaves a checkpoint of everything. */
static void end(struct life *life)
{
	attribd_pump_stop(&life->pump);
	attribd_pump_join(&life->pump);
	attribd_flush_stop(&life->flush);
	attribd_flush_join(&life->flush);
	attribd_checkpoint_stop(&life->checkpoint);
	pthread_join(life->checkpoint.thread, NULL);
	attribd_pump_done(&life->pump);
	attribd_flush_done(&life->flush);
	attribd_checkpoint_done(&life->checkpoint);
	attribd_held_done(&life->held);
	attribd_snapshots_done(&life->snapshots);
	attrib_journal_close(life->journal);
	attribd_bell_done(&life->owner);
}

/* Until all is read and in the sink. */
static void wait_until_quiet(struct life *life, uint64_t records)
{
	for (int i = 0; i < 5000 && (!atomic_load(&life->progress.attached) ||
					    atomic_load(&life->progress.flushed) < records);
		i++)
		usleep(2000);
	assert_int_equal(atomic_load(&life->progress.flushed), records);
	assert_int_equal(attrib_journal_committed(life->journal), records);
}

static void append_cart(struct attrib_lane *lane, int64_t at, struct attrib_id id)
{
	struct attrib_event event = {.type = ATTRIB_EVENT_CART,
		.trust = ATTRIB_TRUST_SIGNED,
		.site = ATTRIB_STR("acme"),
		.source = ATTRIB_STR("native"),
		.received_at = at,
		.occurred_at = at,
		.id = id};
	struct attrib_buf record;
	uint64_t number;

	attrib_buf_init(&record);
	attrib_event_encode(&event, &record);
	assert_int_equal(attrib_lane_append(lane, attrib_buf_view(&record), &number), 0);
	attrib_buf_done(&record);
}

/* A life that takes `count` carts in a lane of its own: repeats of the first, or later ones of their own ids. */
static struct attrib_id live(int count, bool later, uint64_t records)
{
	const int64_t start = 100 * ATTRIB_US_PER_DAY;
	struct attrib_lane *lane;
	struct attrib_id id;
	struct life life;

	begin(&life);
	assert_int_equal(attrib_lane_open(life.journal, 0, &lane), 0);
	id = attrib_lane_id(lane);
	attrib_lane_set_sync(lane, ATTRIB_SYNC_IN_PLACE);
	for (int i = 0; i < count; i++) {
		append_cart(lane, later ? start + 3 * (i + 1) * ATTRIB_US_PER_DAY : start,
			later ? (struct attrib_id){{2, (uint8_t)i}} : (struct attrib_id){{1}});
		if (i % COMMIT == 0)
			assert_int_equal(attrib_lane_commit(lane), 0);
	}
	assert_int_equal(attrib_lane_close(lane), 0);
	attribd_bell_ring(&life.pump.bell);
	wait_until_quiet(&life, records);
	end(&life);
	return id;
}

/* What each test begins with: some lives, a checkpoint at the end of each, and a sink that was set back into the
 * middle of the last but one. *state: the first segment of that, which the sink has. */
static int prepare(void **state)
{
	struct attrib_id before[3];
	char name[64] = "journal/";

	assert_int_equal(files_begin(state), 0);
	books = (struct books){0};
	/* the first checkpoint of all may come before the first forgetting */
	before[0] = live(1, false, 1);
	before[1] = live(1, false, 2);
	before[2] = live(REPEATS, false, 2 + REPEATS);
	live(LATER, true, RECORDS);
	assert_int_equal(books.carts, 1 + LATER);
	books = (struct books){.carts = 1};
	advance(&(struct attrib_position){before[0], 1});
	advance(&(struct attrib_position){before[1], 2});
	advance(&(struct attrib_position){before[2], CONFIRMED});
	attrib_hex(before[2].b, sizeof before[2].b, name + strlen(name));
	strcat(name, "-0000000000000003.seg");
	*state = strdup(files_path(name));
	return 0;
}

static int finish(void **state)
{
	free(*state);
	return files_end(state);
}

/* -- what a start makes of it --------------------------------------------------------------------- */

struct outcome {
	int64_t carts;
	bool loaded; /* it began with a checkpoint */
};

static struct outcome start_again(void)
{
	struct outcome outcome;
	struct life life;

	begin(&life);
	wait_until_quiet(&life, RECORDS);
	/* the lack was made up for, whatever is missing before it */
	assert_int_equal(books.records, RECORDS - CONFIRMED);
	outcome = (struct outcome){.carts = books.carts, .loaded = life.pump.loaded};
	end(&life);
	return outcome;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void remove_older(void)
{
	char names[2][300];
	DIR *dir = opendir(files_path("checkpoint"));
	struct dirent *entry;
	size_t n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (strstr(entry->d_name, ".ckpt") && n++ < 2)
			snprintf(names[n - 1], sizeof names[0], "checkpoint/%s", entry->d_name);
	closedir(dir);
	assert_int_equal(n, 2);
	qsort(names, n, sizeof names[0], by_name);
	assert_int_equal(unlink(files_path(names[0])), 0);
}

static void the_older_one_serves(void **state)
{
	struct outcome outcome = start_again();

	(void)state;
	assert_true(outcome.loaded);
	assert_int_equal(outcome.carts, 1 + LATER);
}

static void without_it_the_journal_does(void **state)
{
	(void)state;
	remove_older();
	struct outcome outcome = start_again();
	assert_false(outcome.loaded);
	assert_int_equal(outcome.carts, 1 + LATER);
}

/* The older one again, although the journal would not do. */
static void the_older_one_needs_no_whole_journal(void **state)
{
	assert_int_equal(unlink(*state), 0);
	struct outcome outcome = start_again();
	assert_true(outcome.loaded);
	assert_int_equal(outcome.carts, 1 + LATER);
}

/* Negative control: a copy that has forgotten does not know the repeats that the sink lacks. */
static void with_neither_a_repeat_counts(void **state)
{
	assert_int_equal(unlink(*state), 0);
	remove_older();
	struct outcome outcome = start_again();
	assert_true(outcome.loaded);
	assert_int_equal(outcome.carts, 2 + LATER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_older_one_serves, prepare, finish),
		cmocka_unit_test_setup_teardown(without_it_the_journal_does, prepare, finish),
		cmocka_unit_test_setup_teardown(
			the_older_one_needs_no_whole_journal, prepare, finish),
		cmocka_unit_test_setup_teardown(with_neither_a_repeat_counts, prepare, finish),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
