/* Temporary files of a test: one directory a program, removed at the end. */
#ifndef TEST_FILES_H
#define TEST_FILES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char files_dir[64] __attribute__((unused));

static inline int files_begin(void **state)
{
	(void)state;
	snprintf(files_dir, sizeof files_dir, "/tmp/attribd-test-XXXXXX");
	return mkdtemp(files_dir) ? 0 : -1;
}

static inline int files_end(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -rf '%s'", files_dir);
	return system(command);
}

static inline const char *files_path(const char *name)
{
	static char paths[8][384];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof paths[0], "%s/%s", files_dir, name);
	return path;
}

static inline const char *files_write(const char *name, const void *bytes, size_t n)
{
	const char *path = files_path(name);
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, n, out), n);
	assert_int_equal(fclose(out), 0);
	return path;
}

static inline const char *files_text(const char *name, const char *text)
{
	return files_write(name, text, strlen(text));
}

#endif
