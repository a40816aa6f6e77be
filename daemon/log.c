/*
 * The log writer. One write(2) a line, so lines of several threads never mix; control characters of
 * the message become spaces, so nobody can forge a second line.
 */
#include "log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

static _Atomic int max_level = ATTRIBD_LOG_INFO;

static const char *const names[] = {
	[ATTRIBD_LOG_ERROR] = "error",
	[ATTRIBD_LOG_WARNING] = "warning",
	[ATTRIBD_LOG_NOTICE] = "notice",
	[ATTRIBD_LOG_INFO] = "info",
	[ATTRIBD_LOG_DEBUG] = "debug",
};

void attribd_log_set_level(enum attribd_log_level level)
{
	atomic_store_explicit(&max_level, (int)level, memory_order_relaxed);
}

/* systemd tells by this variable that stderr goes to its journal, which reads the <N> prefix. */
static int put_prefix(char *line, enum attribd_log_level level)
{
	if (getenv("JOURNAL_STREAM"))
		return snprintf(line, LINE_MAX_BYTES, "<%d>", (int)level);
	return snprintf(line, LINE_MAX_BYTES, "%s ", names[level]);
}

void attribd_log(enum attribd_log_level level, const char *format, ...)
{
	char line[LINE_MAX_BYTES + 1];
	int start, n;
	va_list args;

	if ((int)level > atomic_load_explicit(&max_level, memory_order_relaxed))
		return;
	start = put_prefix(line, level);
	va_start(args, format);
	n = vsnprintf(line + start, (size_t)(LINE_MAX_BYTES - start), format, args);
	va_end(args);
	if (n < 0)
		return;
	n += start;
	if (n > LINE_MAX_BYTES - 1)
		n = LINE_MAX_BYTES - 1;
	for (int i = start; i < n; i++) {
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = ' ';
	}
	line[n++] = '\n';
	/* there is nobody left to tell when stderr is gone */
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}
