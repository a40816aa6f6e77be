/*
 * What all inputs share: a directory, keys, a catalog; and what an engine decided, as one number.
 */
#ifndef FUZZ_WORLD_H
#define FUZZ_WORLD_H

#include "attrib/batch.h"
#include "attrib/catalog.h"
#include "attrib/io.h"

struct fuzz_world {
	char *root;
	struct attrib_keys *keys;
	struct attrib_zone *zone;
	struct attrib_catalog *catalog;
	struct attrib_io io; /* no sync: what the disk holds is decided elsewhere */
};
extern struct fuzz_world world;

/* Once; it is removed when the process ends. */
void fuzz_world_prepare(void);
/* Empties the directory. */
void fuzz_world_clear(void);

/* Of decisions and traffic, but for tickets. Seals the batch. */
uint64_t fuzz_digest(struct attrib_batch *batch);

#endif
