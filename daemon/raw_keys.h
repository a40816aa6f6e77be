/*
 * The keys by which webhooks that could not be used are encrypted: a random one for each day, a file
 * each in <state_dir>/raw-keys, destroyed after ATTRIB_RAW_DAYS. The main thread tends them in time, so a
 * worker never waits for a disk to have one.
 */
#ifndef ATTRIBD_RAW_KEYS_H
#define ATTRIBD_RAW_KEYS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "attrib/raw.h"

#define RAW_KEY_SLOTS 4 /* days at hand; more than are tended, so that none is changed in use */

struct attribd_raw_keys {
	char directory[4096];
	struct {
		_Atomic int64_t day; /* -1 = none */
		uint8_t key[ATTRIB_RAW_KEY_BYTES];
	} slots[RAW_KEY_SLOTS];
};

void attribd_raw_keys_init(struct attribd_raw_keys *keys, const char *state_dir);
/* Main thread, at start and every hour: makes the keys of today and tomorrow where they are missing, and
 * destroys those that are too old. An error, with errno; what is at hand stays so. */
int attribd_raw_keys_tend(struct attribd_raw_keys *keys, int64_t now) ATTRIB_MUST_CHECK;
/* Any thread. False: there is none for that instant. */
bool attribd_raw_key(const struct attribd_raw_keys *keys, int64_t at,
	uint8_t out[ATTRIB_RAW_KEY_BYTES]) ATTRIB_MUST_CHECK;
/* From its file, for commands. False: it was destroyed, or can't be read. */
bool attribd_raw_key_load(
	const char *state_dir, int64_t at, uint8_t out[ATTRIB_RAW_KEY_BYTES]) ATTRIB_MUST_CHECK;

#endif
