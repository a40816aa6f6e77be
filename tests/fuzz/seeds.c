/*
 * fuzz_seeds DIRECTORY COUNT: inputs for targets that take any bytes for a description of what they play.
 * The same every time.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define STEP 23 /* bytes that each is longer than the one before */

static void write_seed(const char *dir, int i)
{
	uint64_t state = UINT64_C(0x9e3779b97f4a7c15) * (uint64_t)(i + 1);
	char path[4096];

	snprintf(path, sizeof path, "%s/%04d", dir, i);
	FILE *file = fopen(path, "w");
	if (!file)
		exit(EXIT_FAILURE);
	for (int n = i * STEP; n > 0; n--) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		fputc((int)(state >> 32 & 0xff), file);
	}
	if (fclose(file))
		exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return EXIT_FAILURE;
	mkdir(argv[1], 0700);
	for (int i = 0; i < atoi(argv[2]); i++)
		write_seed(argv[1], i);
	return EXIT_SUCCESS;
}
