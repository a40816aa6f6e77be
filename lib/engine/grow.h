/*
 * Room in an array on the heap.
 */
#ifndef ATTRIB_ENGINE_GROW_H
#define ATTRIB_ENGINE_GROW_H

#include <stddef.h>

#include "attrib/error.h"

/* Room for `n` rows of `size` bytes; *cap counts rows. On failure nothing changes. */
int attrib_grow(void **rows, size_t *cap, size_t n, size_t size) ATTRIB_MUST_CHECK;
#define ATTRIB_GROW(rows, cap, n) attrib_grow((void **)&(rows), &(cap), n, sizeof *(rows))

#endif
