/*
 * Rows sorted, and each once.
 */
#ifndef ATTRIB_ENGINE_UNIQUE_H
#define ATTRIB_ENGINE_UNIQUE_H

#include <stddef.h>
#include <stdint.h>

/* Sorts n rows of the given size and moves the first of equal ones together; returns how many are left.
 * rows may be NULL when n is 0. */
size_t attrib_sort_unique(
	void *rows, size_t n, size_t size, int (*cmp)(const void *, const void *));

/* Sorts them, equal ones in the order in which they were. What a decision looks at is a few rows, often in
 * order already, and too large to be moved without need: below SHORT rows no qsort. */
void attrib_sort(void *rows, size_t n, size_t size, int (*cmp)(const void *, const void *));

/* The sign of a - b. */
static inline int attrib_int_cmp(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

#endif
