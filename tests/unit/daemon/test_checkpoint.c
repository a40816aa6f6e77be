/*
 * The thread that writes checkpoints: a copy has its name when it was asked for, and not before; what fails or
 * is given up costs that copy, and no block.
 */
#include "files.h"

#include <unistd.h>

#include "checkpoint.h"
#include "metrics.h"

struct fixture {
	struct attribd_checkpoint checkpoint;
	struct attribd_bell engine;
	struct attrib_journal *journal;
	struct attrib_state *state;
};

static const struct attrib_id instance = {{7}};

static int begin(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct attrib_journal_options options = {.instance = instance};
	struct attrib_memory_options memory = {0};

	assert_int_equal(files_begin(state), 0);
	*state = f;
	options.dir = files_path("journal");
	assert_int_equal(attrib_journal_open(&options, &f->journal), 0);
	assert_int_equal(attribd_bell_init(&f->engine), 0);
	assert_int_equal(attrib_state_memory_new(&memory, &f->state), 0);
	assert_int_equal(attribd_checkpoint_init(
				 &f->checkpoint, files_path(""), &instance, f->journal, &f->engine),
		0);
	assert_int_equal(attribd_checkpoint_start(&f->checkpoint), 0);
	return 0;
}

static int finish(void **state)
{
	struct fixture *f = *state;

	attribd_checkpoint_stop(&f->checkpoint);
	pthread_join(f->checkpoint.thread, NULL);
	attribd_checkpoint_done(&f->checkpoint);
	f->state->ops->free(f->state);
	attrib_journal_close(f->journal);
	attribd_bell_done(&f->engine);
	free(f);
	return files_end(state);
}

/* Rings until the phase is one of the two. */
static enum attribd_checkpoint_phase await(
	struct fixture *f, enum attribd_checkpoint_phase one, enum attribd_checkpoint_phase other)
{
	enum attribd_checkpoint_phase phase;

	while ((phase = attribd_checkpoint_look(&f->checkpoint)) != one && phase != other)
		attribd_bell_wait(&f->engine, 10000);
	return phase;
}

static void open_copy(struct fixture *f, int64_t made_at)
{
	struct attrib_checkpoint_head head = {.made_at = made_at};

	attribd_checkpoint_begin(&f->checkpoint, &head);
}

static void put_all(struct fixture *f)
{
	struct attrib_dump dump = ATTRIB_DUMP_START;
	struct attrib_buf *block = attribd_checkpoint_block(&f->checkpoint);

	assert_non_null(block);
	while (!dump.done)
		assert_int_equal(attrib_state_memory_dump(f->state, &dump, block), 0);
	attribd_checkpoint_put(&f->checkpoint, block, false);
	while (!(block = attribd_checkpoint_block(&f->checkpoint)))
		attribd_bell_wait(&f->engine, 10000);
	assert_int_equal(attrib_state_memory_dump_end(f->state, &dump, block), 0);
	attribd_checkpoint_put(&f->checkpoint, block, true);
}

static void check_blocks(struct fixture *f)
{
	for (int i = 0; i < ATTRIBD_CHECKPOINT_BLOCKS; i++)
		assert_non_null(attribd_checkpoint_block(&f->checkpoint));
	assert_null(attribd_checkpoint_block(&f->checkpoint));
	for (int i = 0; i < ATTRIBD_CHECKPOINT_BLOCKS; i++)
		attribd_checkpoint_put(&f->checkpoint, &f->checkpoint.blocks[i], false);
}

static bool exists(const char *name)
{
	return access(files_path(name), F_OK) == 0;
}

static void a_copy_waits_for_its_name(void **state)
{
	struct fixture *f = *state;
	int64_t before = attribd_metric_value(ATTRIBD_METRIC_CHECKPOINTS);

	for (int i = 1; i <= 3; i++) {
		open_copy(f, i);
		put_all(f);
		assert_int_equal(await(f, ATTRIBD_CHECKPOINT_WRITTEN, ATTRIBD_CHECKPOINT_FAILED),
			ATTRIBD_CHECKPOINT_WRITTEN);
		assert_int_equal(atomic_load(&f->checkpoint.made_at), i - 1);
		attribd_checkpoint_name(&f->checkpoint);
		assert_int_equal(await(f, ATTRIBD_CHECKPOINT_DONE, ATTRIBD_CHECKPOINT_FAILED),
			ATTRIBD_CHECKPOINT_DONE);
		assert_int_equal(atomic_load(&f->checkpoint.made_at), i);
		check_blocks(f);
	}
	assert_int_equal(attribd_metric_value(ATTRIBD_METRIC_CHECKPOINTS) - before, 3);
	assert_false(exists("checkpoint/0000000000000001.ckpt"));
	assert_true(exists("checkpoint/0000000000000002.ckpt"));
	assert_true(exists("checkpoint/0000000000000003.ckpt"));
}

/* At any of its phases. */
static void what_is_given_up_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	int64_t before = attribd_metric_value(ATTRIBD_METRIC_CHECKPOINTS_FAILED);

	for (int phase = 0; phase < 3; phase++) {
		struct attrib_buf *block = NULL;

		open_copy(f, 1);
		if (phase == 1)
			block = attribd_checkpoint_block(&f->checkpoint);
		if (phase == 2) {
			put_all(f);
			await(f, ATTRIBD_CHECKPOINT_WRITTEN, ATTRIBD_CHECKPOINT_FAILED);
		}
		attribd_checkpoint_abandon(&f->checkpoint, block);
		await(f, ATTRIBD_CHECKPOINT_FAILED, ATTRIBD_CHECKPOINT_FAILED);
		check_blocks(f);
	}
	assert_int_equal(atomic_load(&f->checkpoint.made_at), 0);
	assert_int_equal(attribd_metric_value(ATTRIBD_METRIC_CHECKPOINTS_FAILED) - before, 0);
	for (int i = 1; i <= 3; i++) {
		char name[64];
		snprintf(name, sizeof name, "checkpoint/000000000000000%d.ckpt.new", i);
		assert_false(exists(name));
	}
}

static void what_fails_is_counted_and_tried_again(void **state)
{
	struct fixture *f = *state;
	int64_t before = attribd_metric_value(ATTRIBD_METRIC_CHECKPOINTS_FAILED);

	assert_int_equal(rmdir(files_path("checkpoint")), 0);
	for (int i = 1; i <= 3; i++) {
		open_copy(f, 1);
		await(f, ATTRIBD_CHECKPOINT_FAILED, ATTRIBD_CHECKPOINT_FAILED);
		assert_int_equal(
			attribd_metric_value(ATTRIBD_METRIC_CHECKPOINTS_FAILED) - before, i);
		check_blocks(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_copy_waits_for_its_name, begin, finish),
		cmocka_unit_test_setup_teardown(what_is_given_up_leaves_nothing, begin, finish),
		cmocka_unit_test_setup_teardown(
			what_fails_is_counted_and_tried_again, begin, finish),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
