/*
 * Checkpoints of a played history: the copy is made in steps between groups, as the daemon makes it, and kept
 * in memory.
 */
#include "play.h"

#include <stdlib.h>
#include <string.h>

#include "../../lib/state/dump.h"

static void must(int err, const char *what)
{
	if (err)
		play_fail("%s: %s", what, attrib_error_text(err));
}

void play_copy_keep(struct play_copy *copy, const struct attrib_engine_record *record)
{
	struct attrib_engine_record *kept;
	char *payload = malloc(record->payload.n + 1);

	if (copy->record_n == copy->record_cap) {
		copy->record_cap = copy->record_cap ? 2 * copy->record_cap : 256;
		copy->records = realloc(copy->records, copy->record_cap * sizeof *copy->records);
	}
	if (!copy->records || !payload)
		play_fail("out of memory");
	memcpy(payload, record->payload.p, record->payload.n);
	kept = &copy->records[copy->record_n++];
	*kept = *record;
	kept->payload.p = payload;
}

void play_copy_begin(struct play_copy *copy, const struct attrib_engine *engine, uint64_t applied,
	struct attrib_str how)
{
	attrib_buf_clear(&copy->blocks);
	copy->dump = ATTRIB_DUMP_START;
	copy->noted = applied;
	copy->making = true;
	copy->late = attrib_str_eq(how, ATTRIB_STR("late"));
	attrib_engine_get_marks(engine, &copy->marks);
}

void play_copy_step(struct play_copy *copy, struct attrib_state *state, uint64_t applied)
{
	if (!copy->making || copy->dump.done)
		return;
	must(attrib_state_memory_dump(state, &copy->dump, &copy->blocks), "copy");
	if (copy->late)
		copy->noted = applied;
}

struct attrib_state *play_copy_load(
	struct play_copy *copy, struct attrib_state *state, uint64_t applied)
{
	struct attrib_checkpoint_load load = {.memory = {.hash_seed = 1}};
	struct state_loading loading;

	if (!copy->making)
		play_fail("no checkpoint was begun");
	while (!copy->dump.done)
		play_copy_step(copy, state, applied);
	must(attrib_state_memory_dump_end(state, &copy->dump, &copy->end), "copy");
	state->ops->free(state);
	must(state_loading_begin(&loading, &load, copy->end.p, copy->end.n), "load");
	must(state_loading_block(&loading, copy->blocks.p, copy->blocks.n), "load");
	must(state_loading_end(&loading, &state), "load");
	state_loading_done(&loading);
	copy->making = false;
	return state;
}

void play_copy_done(struct play_copy *copy)
{
	for (size_t i = 0; i < copy->record_n; i++)
		free((char *)copy->records[i].payload.p);
	free(copy->records);
	attrib_buf_done(&copy->blocks);
	attrib_buf_done(&copy->end);
	*copy = (struct play_copy){0};
}
