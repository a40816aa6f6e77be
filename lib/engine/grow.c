/* See grow.h. */
#include "grow.h"

#include <stdlib.h>

int attrib_grow(void **rows, size_t *cap, size_t n, size_t size)
{
	size_t more = *cap + n; /* at least twice as many: rows come one by one */
	void *p;

	if (n <= *cap)
		return 0;
	p = realloc(*rows, more * size);
	if (!p)
		return ATTRIB_E_NOMEM;
	*rows = p;
	*cap = more;
	return 0;
}
