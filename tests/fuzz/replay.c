/*
 * Stands in for libFuzzer where the compiler has none: feeds every file of the given directories to
 * the target once.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static int replay_file(const char *path)
{
	static uint8_t bytes[64 * 1024];
	FILE *file = fopen(path, "rb");
	uint8_t *copy;
	size_t n;

	if (!file)
		return 0;
	n = fread(bytes, 1, sizeof bytes, file);
	fclose(file);
	copy = malloc(n ? n : 1); /* of the exact size, so that a read beyond it is seen */
	if (!copy)
		return 0;
	for (size_t i = 0; i < n; i++)
		copy[i] = bytes[i];
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
	return 1;
}

static int replay_directory(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	char file[4096];
	int count = 0;

	if (!directory)
		return 0;
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
		count += replay_file(file);
	}
	closedir(directory);
	return count;
}

int main(int argc, char **argv)
{
	int count = 0;

	for (int i = 1; i < argc; i++)
		count += replay_directory(argv[i]);
	printf("%d inputs replayed\n", count);
	return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
