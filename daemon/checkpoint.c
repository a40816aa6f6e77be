/* See checkpoint.h. */
#include "checkpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "background.h"
#include "clock.h"
#include "log.h"
#include "metrics.h"

#define WARN_AGAIN_US INT64_C(3600000000)  /* between two lines about failures */
#define LEAVE_BYTES   ((uint64_t)64 << 20) /* of the disk, for the journal */

/* -- the engine's side ------------------------------------------------------------------------------ */

static void set_phase(struct attribd_checkpoint *checkpoint, enum attribd_checkpoint_phase phase)
{
	pthread_mutex_lock(&checkpoint->lock);
	checkpoint->phase = phase;
	pthread_cond_signal(&checkpoint->changed);
	pthread_mutex_unlock(&checkpoint->lock);
}

void attribd_checkpoint_begin(
	struct attribd_checkpoint *checkpoint, const struct attrib_checkpoint_head *head)
{
	pthread_mutex_lock(&checkpoint->lock);
	checkpoint->head = *head;
	checkpoint->abandon = false;
	checkpoint->phase = ATTRIBD_CHECKPOINT_OPEN;
	pthread_cond_signal(&checkpoint->changed);
	pthread_mutex_unlock(&checkpoint->lock);
}

struct attrib_buf *attribd_checkpoint_block(struct attribd_checkpoint *checkpoint)
{
	struct attrib_buf *block = NULL;

	pthread_mutex_lock(&checkpoint->lock);
	for (unsigned i = 0; i < ATTRIBD_CHECKPOINT_BLOCKS && !block; i++)
		if (checkpoint->free & 1u << i)
			block = &checkpoint->blocks[i];
	if (block)
		checkpoint->free &= ~(1u << (block - checkpoint->blocks));
	pthread_mutex_unlock(&checkpoint->lock);
	if (block)
		attrib_buf_clear(block);
	return block;
}

void attribd_checkpoint_put(
	struct attribd_checkpoint *checkpoint, struct attrib_buf *block, bool last)
{
	unsigned index = (unsigned)(block - checkpoint->blocks);

	pthread_mutex_lock(&checkpoint->lock);
	if (checkpoint->phase == ATTRIBD_CHECKPOINT_OPEN)
		checkpoint->queue[checkpoint->queued++] = index;
	else
		checkpoint->free |= 1u << index;
	if (last && checkpoint->phase == ATTRIBD_CHECKPOINT_OPEN)
		checkpoint->phase = ATTRIBD_CHECKPOINT_CLOSING;
	pthread_cond_signal(&checkpoint->changed);
	pthread_mutex_unlock(&checkpoint->lock);
}

void attribd_checkpoint_name(struct attribd_checkpoint *checkpoint)
{
	set_phase(checkpoint, ATTRIBD_CHECKPOINT_NAMING);
}

enum attribd_checkpoint_phase attribd_checkpoint_look(struct attribd_checkpoint *checkpoint)
{
	enum attribd_checkpoint_phase phase;

	pthread_mutex_lock(&checkpoint->lock);
	phase = checkpoint->phase;
	if (phase == ATTRIBD_CHECKPOINT_DONE || phase == ATTRIBD_CHECKPOINT_FAILED)
		checkpoint->phase = ATTRIBD_CHECKPOINT_NONE;
	pthread_mutex_unlock(&checkpoint->lock);
	return phase;
}

void attribd_checkpoint_abandon(struct attribd_checkpoint *checkpoint, struct attrib_buf *block)
{
	pthread_mutex_lock(&checkpoint->lock);
	if (block)
		checkpoint->free |= 1u << (block - checkpoint->blocks);
	checkpoint->abandon = true;
	pthread_cond_signal(&checkpoint->changed);
	pthread_mutex_unlock(&checkpoint->lock);
}

/* -- the thread's side ------------------------------------------------------------------------------ */

/* The disk is full, or does not work: the journal would say so, too. Once an hour is enough. */
static void complain(struct attribd_checkpoint *checkpoint, int err, int number)
{
	attribd_metric_add(ATTRIBD_METRIC_CHECKPOINTS_FAILED, 1);
	if (!attribd_clock_due(&checkpoint->warned_at, WARN_AGAIN_US))
		return;
	attribd_log(ATTRIBD_LOG_WARNING,
		"checkpoint: %s; it is dropped, the older ones stay, and the next is tried at its "
		"time",
		err == ATTRIB_E_IO         ? strerror(number)
		: err == ATTRIB_E_NO_SPACE ? "the disk is nearly full"
					   : attrib_error_text(err));
}

/* What both kept ones have is needed by no start any more. */
static void release(struct attribd_checkpoint *checkpoint)
{
	const struct attrib_checkpoint_head *older;

	if (attrib_checkpoints_count(checkpoint->files) < 2)
		return;
	older = attrib_checkpoints_head(checkpoint->files, 1);
	for (uint32_t i = 0; i < older->lane_count; i++)
		attrib_journal_release(checkpoint->journal, ATTRIB_HOLDER_STATE,
			&older->lanes[i].lane, older->lanes[i].applied);
}

static void note_newest(struct attribd_checkpoint *checkpoint)
{
	bool any = attrib_checkpoints_count(checkpoint->files) > 0;
	const struct attrib_checkpoint_head *newest =
		any ? attrib_checkpoints_head(checkpoint->files, 0) : NULL;

	atomic_store(&checkpoint->made_at, any ? newest->made_at : 0);
	atomic_store(&checkpoint->bytes, any ? attrib_checkpoints_bytes(checkpoint->files, 0) : 0);
}

/* The next block that was handed over, once there is one; NULL: no more, or not wanted any more. */
static struct attrib_buf *next_block(struct attribd_checkpoint *checkpoint, bool *last)
{
	struct attrib_buf *block = NULL;

	pthread_mutex_lock(&checkpoint->lock);
	while (!checkpoint->queued && !checkpoint->stop && !checkpoint->abandon)
		pthread_cond_wait(&checkpoint->changed, &checkpoint->lock);
	if (!checkpoint->stop && !checkpoint->abandon) {
		block = &checkpoint->blocks[checkpoint->queue[0]];
		memmove(checkpoint->queue, checkpoint->queue + 1,
			--checkpoint->queued * sizeof *checkpoint->queue);
		*last = !checkpoint->queued && checkpoint->phase == ATTRIBD_CHECKPOINT_CLOSING;
	}
	pthread_mutex_unlock(&checkpoint->lock);
	return block;
}

static void give_back(struct attribd_checkpoint *checkpoint, const struct attrib_buf *block)
{
	pthread_mutex_lock(&checkpoint->lock);
	checkpoint->free |= 1u << (block - checkpoint->blocks);
	pthread_mutex_unlock(&checkpoint->lock);
	attribd_bell_ring(checkpoint->engine);
}

/* False: dropped without anything that went wrong. */
static bool write_blocks(
	struct attribd_checkpoint *checkpoint, struct attrib_checkpoint_file *file, int *err)
{
	struct attrib_buf *block;
	bool last = false;

	while (!last && !*err) {
		block = next_block(checkpoint, &last);
		if (!block)
			return false;
		*err = last ? attrib_checkpoint_finish(file, block)
			    : attrib_checkpoint_write(file, block);
		give_back(checkpoint, block);
	}
	return true;
}

/* Until the engine wants its name; false: it does not any more. */
static bool await_name(struct attribd_checkpoint *checkpoint)
{
	bool wanted;

	set_phase(checkpoint, ATTRIBD_CHECKPOINT_WRITTEN);
	attribd_bell_ring(checkpoint->engine);
	pthread_mutex_lock(&checkpoint->lock);
	while (checkpoint->phase == ATTRIBD_CHECKPOINT_WRITTEN && !checkpoint->stop &&
		!checkpoint->abandon)
		pthread_cond_wait(&checkpoint->changed, &checkpoint->lock);
	wanted = checkpoint->phase == ATTRIBD_CHECKPOINT_NAMING;
	pthread_mutex_unlock(&checkpoint->lock);
	return wanted;
}

static bool write_file(struct attribd_checkpoint *checkpoint, int *err)
{
	struct attrib_checkpoint_file *file;

	*err = attrib_checkpoint_create(checkpoint->files, &checkpoint->head, LEAVE_BYTES, &file);
	if (*err)
		return false;
	if (!write_blocks(checkpoint, file, err) || *err || !await_name(checkpoint)) {
		attrib_checkpoint_drop(file);
		return false;
	}
	*err = attrib_checkpoint_publish(file);
	return *err == 0;
}

static void write_one(struct attribd_checkpoint *checkpoint)
{
	int err = 0;
	bool done = write_file(checkpoint, &err);
	int number = errno;

	if (err)
		complain(checkpoint, err, number);
	if (done) {
		attribd_metric_add(ATTRIBD_METRIC_CHECKPOINTS, 1);
		checkpoint->warned_at = 0;
		note_newest(checkpoint);
		release(checkpoint);
	}
	pthread_mutex_lock(&checkpoint->lock);
	free(checkpoint->head.lanes);
	checkpoint->head.lanes = NULL;
	while (checkpoint->queued)
		checkpoint->free |= 1u << checkpoint->queue[--checkpoint->queued];
	checkpoint->phase = done ? ATTRIBD_CHECKPOINT_DONE : ATTRIBD_CHECKPOINT_FAILED;
	pthread_mutex_unlock(&checkpoint->lock);
	attribd_bell_ring(checkpoint->engine);
}

static void *checkpoint_main(void *arg)
{
	struct attribd_checkpoint *checkpoint = arg;
	bool stop = false;

	attribd_background("checkpoint");
	while (!stop) {
		pthread_mutex_lock(&checkpoint->lock);
		while (checkpoint->phase != ATTRIBD_CHECKPOINT_OPEN &&
			checkpoint->phase != ATTRIBD_CHECKPOINT_CLOSING && !checkpoint->stop)
			pthread_cond_wait(&checkpoint->changed, &checkpoint->lock);
		stop = checkpoint->stop;
		pthread_mutex_unlock(&checkpoint->lock);
		if (!stop)
			write_one(checkpoint);
	}
	return NULL;
}

/* -- life ------------------------------------------------------------------------------------------- */

static void on_note(void *arg, enum attrib_checkpoint_note what, const char *text)
{
	(void)arg;
	attribd_log(what == ATTRIB_CHECKPOINT_NEWER ? ATTRIBD_LOG_ERROR : ATTRIBD_LOG_WARNING,
		"checkpoint: %s", text);
}

int attribd_checkpoint_init(struct attribd_checkpoint *checkpoint, const char *state_dir,
	const struct attrib_id *instance, struct attrib_journal *journal,
	struct attribd_bell *engine)
{
	char dir[4096];
	struct attrib_checkpoints_options options = {
		.dir = dir, .instance = *instance, .note = on_note};
	int err;

	snprintf(dir, sizeof dir, "%s/checkpoint", state_dir);
	*checkpoint = (struct attribd_checkpoint){.journal = journal,
		.engine = engine,
		.free = (1u << ATTRIBD_CHECKPOINT_BLOCKS) - 1};
	pthread_mutex_init(&checkpoint->lock, NULL);
	pthread_cond_init(&checkpoint->changed, NULL);
	err = attrib_checkpoints_open(&options, &checkpoint->files);
	if (!err)
		note_newest(checkpoint);
	return err;
}

int attribd_checkpoint_start(struct attribd_checkpoint *checkpoint)
{
	if (pthread_create(&checkpoint->thread, NULL, checkpoint_main, checkpoint))
		return ATTRIB_E_NOMEM;
	checkpoint->started = true;
	return 0;
}

void attribd_checkpoint_stop(struct attribd_checkpoint *checkpoint)
{
	if (!checkpoint->started)
		return;
	pthread_mutex_lock(&checkpoint->lock);
	checkpoint->stop = true;
	pthread_cond_signal(&checkpoint->changed);
	pthread_mutex_unlock(&checkpoint->lock);
}

void attribd_checkpoint_done(struct attribd_checkpoint *checkpoint)
{
	if (!checkpoint->journal) /* never made */
		return;
	for (int i = 0; i < ATTRIBD_CHECKPOINT_BLOCKS; i++)
		attrib_buf_done(&checkpoint->blocks[i]);
	free(checkpoint->head.lanes);
	attrib_checkpoints_close(checkpoint->files);
	pthread_mutex_destroy(&checkpoint->lock);
	pthread_cond_destroy(&checkpoint->changed);
}
