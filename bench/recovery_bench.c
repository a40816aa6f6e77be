/*
 * How long a start takes, from the whole journal and from a checkpoint near its end, and what making the
 * checkpoint costs the engine. Each phase is a process of its own, so that its memory can be told.
 *
 *   recovery_bench DIR [records, default 1000000] [visitors, default a tenth of them]
 *
 * First the records are journaled and applied; when 99 of 100 are, the state is copied in steps between groups, as
 * the daemon does, and another thread writes the file; what is left of it when the last record is applied comes at
 * once. Then the state is built again: from the journal alone, and
 * from the checkpoint and the last hundredth of the journal.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "attrib/checkpoint.h"
#include "attrib/journal.h"
#include "measure.h"
#include "records.h"

#define GROUP   512
#define COMMIT  32 /* groups */
#define STEP_US 300
#define SHARE   15

static char journal_dir[4096], checkpoint_dir[4096];
static const struct attrib_id instance = {{7}};

struct world {
	struct attrib_keys *keys;
	struct attrib_catalog *catalog;
	struct attrib_arena arena;
	struct attrib_memory_options memory;
	struct attrib_state *state;
	struct attrib_engine *engine;
	struct attrib_journal *journal;
	struct attrib_checkpoints *files;
};

static void world_init(struct world *w)
{
	static const uint8_t secret[ATTRIB_SECRET_BYTES] = {1};
	struct attrib_journal_options journal = {.dir = journal_dir, .instance = instance};
	struct attrib_checkpoints_options files = {.dir = checkpoint_dir, .instance = instance};

	w->keys = attrib_keys_new(secret);
	bench_must(w->keys ? 0 : ATTRIB_E_NOMEM, "keys");
	attrib_arena_init(&w->arena, 1u << 20);
	w->catalog = bench_catalog(&w->arena);
	w->memory.hash_seed = attrib_keys_hash_seed(w->keys);
	bench_must(attrib_journal_open(&journal, &w->journal), "journal");
	bench_must(attrib_checkpoints_open(&files, &w->files), "checkpoints");
}

static void world_begin(struct world *w)
{
	if (!w->state)
		bench_must(attrib_state_memory_new(&w->memory, &w->state), "state");
	bench_must(attrib_engine_new(w->state, w->keys, w->catalog, &w->engine), "engine");
}

/* -- making a checkpoint ------------------------------------------------------------------------ */

struct copy {
	struct attrib_dump dump;
	struct attrib_checkpoint_file *file;
	struct attrib_buf block, writing;
	pthread_t thread;
	bool busy, done;
	atomic_bool written;
	double rested_at, steps, longest, longest_wall, took, began;
};

static void *write_block(void *arg)
{
	struct copy *copy = arg;

	bench_must(attrib_checkpoint_write(copy->file, &copy->writing), "write");
	atomic_store(&copy->written, true);
	return NULL;
}

/* One block is filled while another one is written. */
static bool hand_over(struct copy *copy, bool wait)
{
	struct attrib_buf free;

	if (copy->busy && !wait && !atomic_load(&copy->written))
		return false;
	if (copy->busy)
		pthread_join(copy->thread, NULL);
	copy->busy = false;
	if (!copy->block.n)
		return true;
	free = copy->writing;
	copy->writing = copy->block;
	copy->block = free;
	attrib_buf_clear(&copy->block);
	atomic_store(&copy->written, false);
	bench_must(pthread_create(&copy->thread, NULL, write_block, copy) ? ATTRIB_E_NOMEM : 0,
		"thread");
	return copy->busy = true;
}

static void copy_begin(
	struct world *w, struct copy *copy, const struct attrib_id *lane, uint64_t applied)
{
	struct attrib_checkpoint_lane at = {.lane = *lane, .applied = applied};
	struct attrib_checkpoint_head head = {.lanes = &at, .lane_count = 1};

	*copy = (struct copy){.began = bench_us(CLOCK_MONOTONIC)};
	bench_must(attrib_checkpoint_create(w->files, &head, 0, &copy->file), "create");
}

static void copy_end(struct world *w, struct copy *copy)
{
	while (copy->block.n || copy->busy)
		hand_over(copy, true);
	bench_must(attrib_state_memory_dump_end(w->state, &copy->dump, &copy->block), "end");
	bench_must(attrib_checkpoint_finish(copy->file, &copy->block), "finish");
	printf("checkpoint: %.1f MB in %.2f s; %.0f steps, the longest %.2f ms of processor time "
	       "(%.2f ms by "
	       "the clock)\n",
		(double)attrib_checkpoint_bytes(copy->file) / 1e6,
		(bench_us(CLOCK_MONOTONIC) - copy->began) / 1e6, copy->steps, copy->longest / 1e3,
		copy->longest_wall / 1e3);
	bench_must(attrib_checkpoint_publish(copy->file), "publish");
	attrib_buf_done(&copy->block);
	attrib_buf_done(&copy->writing);
	copy->done = true;
}

/* As the daemon's engine thread, by its own processor time: the machine may have other work. */
static void copy_step(struct world *w, struct copy *copy)
{
	double began = bench_us(CLOCK_THREAD_CPUTIME_ID), wall = bench_us(CLOCK_MONOTONIC), took;

	if (began < copy->rested_at ||
		(copy->block.n >= ATTRIB_DUMP_BLOCK && !hand_over(copy, false)))
		return;
	do {
		bench_must(attrib_state_memory_dump(w->state, &copy->dump, &copy->block), "dump");
		if (copy->block.n >= ATTRIB_DUMP_BLOCK && !hand_over(copy, false))
			break;
	} while (!copy->dump.done && bench_us(CLOCK_THREAD_CPUTIME_ID) - began < STEP_US);
	took = bench_us(CLOCK_THREAD_CPUTIME_ID) - began;
	wall = bench_us(CLOCK_MONOTONIC) - wall;
	copy->steps++;
	copy->took += took;
	copy->longest = took > copy->longest ? took : copy->longest;
	copy->longest_wall = wall > copy->longest_wall ? wall : copy->longest_wall;
	copy->rested_at = began + took + SHARE * took;
	if (copy->dump.done)
		copy_end(w, copy);
}

static void make(struct world *w, uint64_t n, uint64_t visitors)
{
	struct attrib_engine_record group[GROUP];
	struct bench_maker maker;
	struct attrib_arena arena;
	struct attrib_lane *lane;
	struct attrib_id id;
	struct copy copy = {0};
	double without = 0, with = 0;
	uint64_t in_copy = 0, before = 0, begin = n - n / 100;

	world_begin(w);
	attrib_arena_init(&arena, 1u << 20);
	bench_maker_init(&maker, w->keys, visitors);
	bench_must(attrib_lane_open(w->journal, 0, &lane), "lane");
	id = attrib_lane_id(lane);
	for (uint64_t i = 0; i < n; i += GROUP) {
		double start;

		attrib_arena_reset(&arena);
		for (size_t k = 0; k < GROUP; k++) {
			group[k].lane = id;
			group[k].payload = attrib_arena_str(&arena, bench_maker_next(&maker));
			bench_must(attrib_lane_append(lane, group[k].payload, &group[k].number),
				"append");
		}
		if (i / GROUP % COMMIT == 0)
			bench_must(attrib_lane_commit(lane), "commit");
		if (!copy.file && i >= begin)
			copy_begin(w, &copy, &id, i);
		start = bench_us(CLOCK_THREAD_CPUTIME_ID);
		bench_must(attrib_engine_apply(w->engine, group, GROUP, true, NULL), "apply");
		if (copy.file && !copy.done) {
			copy_step(w, &copy);
			with += bench_us(CLOCK_THREAD_CPUTIME_ID) - start;
			in_copy += GROUP;
		} else if (i >= begin - n / 10 && i < begin) { /* with a state of about that size */
			before += GROUP;
			without += bench_us(CLOCK_THREAD_CPUTIME_ID) - start;
		}
	}
	while (!copy.done) { /* no records wait: without a rest */
		copy.rested_at = 0;
		copy_step(w, &copy);
	}
	printf("applied: %.0f k records/s of processor time without, %.0f k while it is made "
	       "(%" PRIu64 " records)\n",
		(double)before / without * 1e3, (double)in_copy / with * 1e3, in_copy);
	printf("running: %.0f MB resident, %" PRIu64 " records\n", (double)bench_resident() / 1e6,
		maker.number);
	bench_must(attrib_lane_close(lane), "close");
}

/* -- starting ------------------------------------------------------------------------------------ */

static uint64_t replay(struct world *w, uint64_t after)
{
	struct attrib_engine_record group[GROUP];
	struct attrib_record records[GROUP];
	struct attrib_reader *reader;
	uint64_t count = 0;
	size_t n;

	bench_must(attrib_reader_new(w->journal, &reader), "reader");
	for (;;) {
		bench_must(attrib_reader_read(reader, 0, after, records, GROUP, &n), "read");
		if (n == 0)
			break;
		for (size_t i = 0; i < n; i++)
			group[i] =
				(struct attrib_engine_record){attrib_journal_lane_id(w->journal, 0),
					records[i].number, records[i].payload};
		bench_must(attrib_engine_apply(w->engine, group, n, true, NULL), "apply");
		after = group[n - 1].number;
		count += n;
	}
	attrib_reader_free(reader);
	return count;
}

static void start(struct world *w, bool checkpoint)
{
	double wall = bench_us(CLOCK_MONOTONIC), cpu = bench_us(CLOCK_PROCESS_CPUTIME_ID),
	       loaded = 0;
	uint64_t first, last, after = 0, count;

	if (checkpoint) {
		struct attrib_checkpoint_load load = {.memory = w->memory};

		bench_must(attrib_checkpoints_load(w->files, 0, &load, &w->state), "load");
		after = attrib_checkpoints_head(w->files, 0)->lanes[0].applied;
		loaded = bench_us(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	}
	world_begin(w);
	count = replay(w, after);
	wall = bench_us(CLOCK_MONOTONIC) - wall;
	cpu = bench_us(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	attrib_journal_lane_range(w->journal, 0, &first, &last);
	printf("%s: %" PRIu64
	       " records read, %.2f s by the clock, %.2f s of the processor (%.2f loading): %.0f k "
	       "journaled records/s; %.0f MB resident\n",
		checkpoint ? "checkpoint" : "journal alone", count, wall / 1e6, cpu / 1e6,
		loaded / 1e6, (double)(last - first + 1) / cpu * 1e3,
		(double)bench_resident() / 1e6);
}

static void in_child(int phase, uint64_t n, uint64_t visitors)
{
	struct world w = {0};
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		world_init(&w);
		if (phase == 0)
			make(&w, n, visitors);
		else
			start(&w, phase == 2);
		exit(fflush(stdout) ? 1 : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
		exit(1);
}

int main(int argc, char **argv)
{
	uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
	uint64_t visitors = argc > 3 ? strtoull(argv[3], NULL, 10) : n / 10;

	bench_must(argc > 1 && n >= 100 * GROUP && visitors ? 0 : ATTRIB_E_INVALID, "arguments");
	snprintf(journal_dir, sizeof journal_dir, "%s/journal", argv[1]);
	snprintf(checkpoint_dir, sizeof checkpoint_dir, "%s/checkpoint", argv[1]);
	for (int phase = 0; phase < 3; phase++)
		in_child(phase, n, visitors);
	return 0;
}
