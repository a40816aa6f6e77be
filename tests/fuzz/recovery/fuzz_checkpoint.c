/*
 * A checkpoint that is made while records go on being applied, what may happen to the file, and the load.
 *
 * A file as it was written loads, and with the records behind its positions applied again it decides as an
 * engine that has read everything. One with other bytes does not load. One with other bytes and checksums that fit
 * may load or not: nothing breaks or leaks, and what is in it can be walked over.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "attrib/checkpoint.h"
#include "attrib/engine.h"
#include "checkpoint_format.h"
#include "event.h"
#include "world.h"

#define RECORDS_MAX 160
#define GROUP_MAX   16
#define FILE_MAX    (1u << 20)

static const struct attrib_id lane = {{0x1a}}, instance = {{0xaa}};

struct history {
	struct attrib_buf bytes; /* all payloads */
	size_t offsets[RECORDS_MAX + 1];
	size_t count;
	bool sane; /* every payload is one of a worker */
};

struct machine {
	struct attrib_state *state;
	struct attrib_engine *engine;
};

/* -- records ------------------------------------------------------------------------------------ */

static void write_history(struct history *history, struct input *in)
{
	*history = (struct history){.sane = true};
	attrib_buf_init(&history->bytes);
	while (in->n && history->count < RECORDS_MAX) {
		history->sane &= fuzz_payload(in, &history->bytes);
		history->offsets[++history->count] = history->bytes.n;
	}
	require(!history->bytes.err);
}

static void apply(struct machine *m, const struct history *history, size_t from, size_t to,
	struct attrib_batch *batch)
{
	struct attrib_engine_record records[GROUP_MAX];

	while (from < to) {
		size_t n = to - from < GROUP_MAX ? to - from : GROUP_MAX;
		for (size_t i = 0; i < n; i++) {
			size_t at = history->offsets[from + i];
			records[i] = (struct attrib_engine_record){lane, from + i + 1,
				{(const char *)history->bytes.p + at,
					history->offsets[from + i + 1] - at}};
		}
		require(attrib_engine_apply(m->engine, records, n, !batch, batch) == 0);
		from += n;
	}
}

static void machine_start(struct machine *m)
{
	require(attrib_engine_new(m->state, world.keys, world.catalog, &m->engine) == 0);
}

static void machine_end(struct machine *m)
{
	attrib_engine_free(m->engine);
	m->state->ops->free(m->state);
}

static struct attrib_memory_options memory_options(void)
{
	return (struct attrib_memory_options){.hash_seed = 7};
}

/* Everything from `from` on, and all orders once more. */
static uint64_t decide(struct machine *m, const struct history *history, size_t from)
{
	struct attrib_batch *batch = attrib_batch_new();
	bool left = true;

	require(batch != NULL);
	apply(m, history, from, history->count, batch);
	require(attrib_engine_set_catalog(m->engine, world.catalog, true) == 0);
	while (left)
		require(attrib_engine_redecide(m->engine, 3, batch, &left) == 0);
	uint64_t sum = fuzz_digest(batch);
	attrib_batch_free(batch);
	return sum;
}

/* -- writing ------------------------------------------------------------------------------------ */

static struct attrib_checkpoints *open_all(void)
{
	struct attrib_checkpoints_options options = {
		.dir = world.root, .instance = instance, .io = &world.io};
	struct attrib_checkpoints *all;
	int err = attrib_checkpoints_open(&options, &all);

	require(err == 0 || err == ATTRIB_E_VERSION);
	return err ? NULL : all;
}

static void end_block(struct attrib_checkpoint_file *file, struct attrib_buf *block)
{
	if (block->n)
		require(attrib_checkpoint_write(file, block) == 0);
	attrib_buf_clear(block);
}

/* Between two steps some more records are applied; returns how many have been when it is done. */
static void dump(struct machine *m, const struct history *history, size_t at, struct input *in,
	struct attrib_checkpoint_file *file)
{
	struct attrib_dump step = ATTRIB_DUMP_START;
	size_t most = 1 + take_back_below(in, 4096);
	struct attrib_buf block;

	attrib_buf_init(&block);
	while (!step.done) {
		size_t more = take_back_below(in, 4);
		require(attrib_state_memory_dump(m->state, &step, &block) == 0);
		if (block.n >= most)
			end_block(file, &block);
		if (more > history->count - at)
			more = history->count - at;
		apply(m, history, at, at + more, NULL);
		at += more;
	}
	end_block(file, &block);
	require(attrib_state_memory_dump_end(m->state, &step, &block) == 0);
	require(attrib_checkpoint_finish(file, &block) == 0);
	attrib_buf_done(&block);
}

static void write_checkpoint(const struct history *history, size_t at, struct input *in)
{
	struct attrib_checkpoint_lane applied = {.lane = lane, .applied = at};
	struct attrib_checkpoint_head head = {.lanes = &applied, .lane_count = 1};
	struct attrib_memory_options options = memory_options();
	struct attrib_checkpoints *all = open_all();
	struct attrib_checkpoint_file *file;
	struct machine m;

	require(all && attrib_state_memory_new(&options, &m.state) == 0);
	machine_start(&m);
	apply(&m, history, 0, at, NULL);
	require(attrib_checkpoint_create(all, &head, 0, &file) == 0);
	dump(&m, history, at, in, file);
	require(attrib_checkpoint_publish(file) == 0);
	attrib_checkpoints_close(all);
	machine_end(&m);
}

/* -- damage --------------------------------------------------------------------------------------- */

struct image {
	uint8_t *p; /* owned; of FILE_MAX bytes */
	size_t n;
};

static int open_file(int flags)
{
	char path[512], name[CHECKPOINT_NAME];

	checkpoint_name_format(name, 1, ".ckpt");
	snprintf(path, sizeof path, "%s/%s", world.root, name);
	int fd = open(path, flags);
	require(fd >= 0);
	return fd;
}

static struct image load_image(void)
{
	struct image image = {.p = malloc(FILE_MAX)};
	int fd = open_file(O_RDONLY);
	ssize_t n = read(fd, image.p, FILE_MAX);

	require(image.p && n > 0 && (size_t)n < FILE_MAX);
	close(fd);
	image.n = (size_t)n;
	return image;
}

static void store_image(const struct image *image)
{
	int fd = open_file(O_WRONLY | O_TRUNC);

	require(write(fd, image->p, image->n) == (ssize_t)image->n);
	close(fd);
}

/* Offset of the first block. */
static size_t first_block(const struct image *image)
{
	uint32_t version, bytes;

	require(checkpoint_start_decode(image->p, &version, &bytes) == 0);
	return bytes;
}

static void damage(struct image *image, struct input *in)
{
	for (uint32_t n = 1 + take_back_below(in, 4); n > 0; n--) {
		size_t at = take_back_below(in, (uint32_t)image->n);
		size_t length = 1 + take_back_below(in, 40);
		if (length > image->n - at)
			length = image->n - at;
		switch (take_back_below(in, 4)) {
		case 0:
			memset(image->p + at, take_back(in), length);
			break;
		case 1:
			image->n = at ? at : 1;
			break;
		case 2:
			memset(image->p + image->n, take_back(in), length);
			image->n += length;
			break;
		default:
			image->p[at] ^= (uint8_t)(1u << take_back_below(in, 8));
		}
	}
}

/* Other bytes in the payload of a block, and the checksum that fits. Not in the last one: how wide tables are
 * made is told there, and taken at its word. */
static void forge(struct image *image, struct input *in)
{
	struct attrib_checkpoint_head head;
	struct checkpoint_block block;
	size_t at = first_block(image);
	uint64_t seed;

	require(checkpoint_head_decode(image->p, at, &head, &seed) == 0);
	free(head.lanes);
	checkpoint_block_decode(image->p + at, &block);
	while (!block.last && take_back_below(in, 3)) {
		at += CHECKPOINT_BLOCK_HEAD + block.length;
		checkpoint_block_decode(image->p + at, &block);
	}
	if (block.last)
		return;
	uint8_t *payload = image->p + at + CHECKPOINT_BLOCK_HEAD;
	for (uint32_t n = 1 + take_back_below(in, 6); n > 0; n--)
		payload[take_back_below(in, block.length)] = take_back(in);
	checkpoint_block_encode(seed, at, block.index, false, payload, block.length, image->p + at);
}

/* -- loading ---------------------------------------------------------------------------------------- */

/* NULL: there is none that can be loaded. */
static struct attrib_state *load_state(void)
{
	struct attrib_checkpoint_load how = {.memory = memory_options()};
	struct attrib_checkpoints *all = open_all();
	struct attrib_state *state = NULL;

	if (all && attrib_checkpoints_count(all)) {
		int err = attrib_checkpoints_load(all, 0, &how, &state);
		require(err == 0 || err == ATTRIB_E_CORRUPT || err == ATTRIB_E_NOMEM);
		require(!err == (state != NULL));
	}
	attrib_checkpoints_close(all);
	return state;
}

static void walk(struct attrib_state *state)
{
	struct attrib_entity entities[8];
	struct attrib_loaded loaded[8];
	struct attrib_arena arena;
	uint64_t cursor = 0;
	size_t n;

	attrib_arena_init(&arena, 4096);
	do {
		require(state->ops->orders(state, &cursor, entities, 8, &n) == 0);
		require(state->ops->load(state, entities, n, &arena, loaded) == 0);
	} while (cursor);
	attrib_arena_done(&arena);
	require(state->ops->forget(state, INT64_MAX, INT64_MAX) == 0);
}

static void check_whole(const struct history *history, size_t at)
{
	struct attrib_memory_options options = memory_options();
	struct machine direct, loaded = {.state = load_state()};

	require(loaded.state != NULL);
	require(attrib_state_memory_new(&options, &direct.state) == 0);
	machine_start(&direct);
	machine_start(&loaded);
	apply(&direct, history, 0, at, NULL);
	bool same = decide(&direct, history, at) == decide(&loaded, history, at);
	require(same || !history->sane);
	machine_end(&direct);
	machine_end(&loaded);
}

static void check_changed(struct input *in)
{
	struct image was = load_image(), now = load_image();
	bool forged = take_back_below(in, 2);

	(forged ? forge : damage)(&now, in);
	store_image(&now);
	bool same = now.n == was.n && memcmp(now.p, was.p, now.n) == 0;
	struct attrib_state *state = load_state();
	require(forged || (state != NULL) == same);
	if (state) {
		walk(state);
		state->ops->free(state);
	}
	free(was.p);
	free(now.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct input in = {bytes, n - (n < 128 ? n / 2 : 64)}, back = {bytes, n};
	struct history history;

	fuzz_world_prepare();
	fuzz_world_clear();
	write_history(&history, &in);
	size_t at = take_back_below(&back, (uint32_t)history.count + 1);
	write_checkpoint(&history, at, &back);
	check_whole(&history, at);
	check_changed(&back);
	attrib_buf_done(&history.bytes);
	return 0;
}
