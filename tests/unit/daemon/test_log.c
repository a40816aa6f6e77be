/* The log: whole lines, on stderr, that nobody can forge. */
#include "files.h"

#include "log.h"

static char text[4096];

/* Runs `say` with stderr into a file and reads it back into text. */
static void captured(void (*say)(void))
{
	const char *file = files_path("log");
	int saved = dup(STDERR_FILENO);
	FILE *in;

	assert_non_null(freopen(file, "w", stderr));
	say();
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	in = fopen(file, "r");
	assert_non_null(in);
	text[fread(text, 1, sizeof text - 1, in)] = 0;
	fclose(in);
}

static void say_levels(void)
{
	attribd_log(ATTRIBD_LOG_ERROR, "disk %d", 1);
	attribd_log(ATTRIBD_LOG_INFO, "up");
	attribd_log(ATTRIBD_LOG_DEBUG, "not shown");
	attribd_log_set_level(ATTRIBD_LOG_DEBUG);
	attribd_log(ATTRIBD_LOG_DEBUG, "shown");
	attribd_log_set_level(ATTRIBD_LOG_INFO);
}

static void a_line_has_level_and_message(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	captured(say_levels);
	assert_string_equal(text, "error disk 1\ninfo up\ndebug shown\n");
	setenv("JOURNAL_STREAM", "8:1", 1);
	captured(say_levels);
	assert_string_equal(text, "<3>disk 1\n<6>up\n<7>shown\n");
	unsetenv("JOURNAL_STREAM");
}

static void say_forged(void)
{
	attribd_log(ATTRIBD_LOG_WARNING, "site %s", "a\nerror b\r\x1b[31m\x7f");
}

static void control_characters_become_blanks(void **state)
{
	(void)state;
	captured(say_forged);
	assert_string_equal(text, "warning site a error b  [31m \n");
}

static void say_long(void)
{
	char message[3000];

	memset(message, 'x', sizeof message - 1);
	message[sizeof message - 1] = 0;
	attribd_log(ATTRIBD_LOG_INFO, "%s", message);
}

static void long_lines_are_cut(void **state)
{
	(void)state;
	captured(say_long);
	assert_int_equal(strlen(text), 1024);
	assert_int_equal(text[1023], '\n');
	assert_int_equal(strspn(text + strlen("info "), "x"), 1024 - strlen("info ") - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_level_and_message),
		cmocka_unit_test(control_characters_become_blanks),
		cmocka_unit_test(long_lines_are_cut),
	};

	return cmocka_run_group_tests_name("log", tests, files_begin, files_end);
}
