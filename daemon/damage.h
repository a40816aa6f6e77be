/*
 * What the reader of the journal finds damaged: logged, counted, and copied to the quarantine.
 */
#ifndef ATTRIBD_DAMAGE_H
#define ATTRIBD_DAMAGE_H

#include "attrib/journal.h"

struct attribd_damage {
	struct attrib_journal *journal;       /* borrowed */
	char dir[4096];                       /* of the quarantine */
	struct attrib_quarantine *quarantine; /* owned; made by the first damage */
	uint64_t uncopied, bytes, missing; /* stretches without a copy; sums over all stretches */
};

void attribd_damage_init(
	struct attribd_damage *damage, struct attrib_journal *journal, const char *state_dir);
void attribd_damage_done(struct attribd_damage *damage);
/* For attrib_reader_on_damage; `arg` is a struct attribd_damage. One thread. */
void attribd_damage_hear(void *arg, const struct attrib_damage *found);

#endif
