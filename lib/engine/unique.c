/* See unique.h. */
#include "unique.h"

#include <stdlib.h>
#include <string.h>

#define SHORT    16  /* rows that are inserted one by one */
#define ROW_MOST 512 /* bytes */

/* Puts the i-th row where it belongs among those before it. */
static void insert(char *p, size_t i, size_t size, int (*cmp)(const void *, const void *))
{
	char row[ROW_MOST];
	size_t to = i;

	while (to > 0 && cmp(p + (to - 1) * size, p + i * size) > 0)
		to--;
	if (to == i)
		return;
	memcpy(row, p + i * size, size);
	memmove(p + (to + 1) * size, p + to * size, (i - to) * size);
	memcpy(p + to * size, row, size);
}

void attrib_sort(void *rows, size_t n, size_t size, int (*cmp)(const void *, const void *))
{
	if (n > SHORT || size > ROW_MOST)
		qsort(rows, n, size, cmp);
	else
		for (size_t i = 1; i < n; i++)
			insert(rows, i, size, cmp);
}

size_t attrib_sort_unique(void *rows, size_t n, size_t size, int (*cmp)(const void *, const void *))
{
	char *p = rows;
	size_t kept = 0;

	attrib_sort(rows, n, size, cmp);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || cmp(p + (kept - 1) * size, p + i * size) != 0)
			memmove(p + kept++ * size, p + i * size, size);
	return kept;
}
