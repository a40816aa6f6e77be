/* See unique.h. */
#include "unique.h"

#include <stdlib.h>
#include <string.h>

size_t attrib_sort_unique(void *rows, size_t n, size_t size, int (*cmp)(const void *, const void *))
{
	char *p = rows;
	size_t kept = 0;

	if (n > 1)
		qsort(rows, n, size, cmp);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || cmp(p + (kept - 1) * size, p + i * size) != 0)
			memmove(p + kept++ * size, p + i * size, size);
	return kept;
}
