/*
 * All unit tests of the engine in one program, and attrib-play: what every mutant is linked into.
 *
 *   mutation_host fast    runs the tests, program after program, until one fails
 *   mutation_host slow    runs the one that takes longer than all others: every allocation that fails
 *   mutation_host play    is attrib-play
 */
#include <stdio.h>
#include <string.h>

#define X(part) int part(void);
#include "parts.h"
#undef X
int test_failing(void);
int play(int argc, char **argv);

static int fast(void)
{
	static int (*const parts[])(void) = {
#define X(part) part,
#include "parts.h"
#undef X
	};

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (parts[i]() != 0)
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "fast") == 0)
		return fast();
	if (argc > 1 && strcmp(argv[1], "slow") == 0)
		return test_failing();
	if (argc > 1 && strcmp(argv[1], "play") == 0)
		return play(argc - 1, argv + 1);
	fputs("usage: mutation_host fast|slow|play\n", stderr);
	return 64;
}
