/*
 * The state directory: one process at a time, and a name for life.
 */
#ifndef ATTRIBD_STATEDIR_H
#define ATTRIBD_STATEDIR_H

#include "attrib/error.h"
#include "attrib/id.h"

/* Makes the directory when absent (its parent must exist) and locks <dir>/lock until the process
 * ends or *fd is closed. ATTRIB_E_UNAVAILABLE: another process has it; ATTRIB_E_IO with errno. */
int attribd_statedir_lock(const char *dir, int *fd) ATTRIB_MUST_CHECK;
/* Locks a directory that is not to be changed. One without a file `lock`, because nobody ran on it since
 * it was copied, is nobody's: *fd is -1 then. Errors as above. */
int attribd_statedir_lock_copy(const char *dir, int *fd) ATTRIB_MUST_CHECK;
/* Reads <dir>/instance (32 hex digits), or makes it from random bytes, synced. ATTRIB_E_IO,
 * ATTRIB_E_CORRUPT. */
int attribd_statedir_instance(const char *dir, struct attrib_id *out) ATTRIB_MUST_CHECK;
/* <dir>/shared_state: the id of the shared state that this directory was last on. ATTRIB_E_NOT_FOUND: none yet;
 * ATTRIB_E_IO, ATTRIB_E_CORRUPT. */
int attribd_statedir_shared(const char *dir, struct attrib_id *out) ATTRIB_MUST_CHECK;
/* Remembers it, synced. ATTRIB_E_IO. */
int attribd_statedir_keep_shared(const char *dir, const struct attrib_id *id) ATTRIB_MUST_CHECK;

#endif
