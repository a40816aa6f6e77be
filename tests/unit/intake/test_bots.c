/*
 * Bot lists: what a line may be, and what a good list finds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <pthread.h>

#include <cmocka.h>

#include "attrib/bots.h"

static struct attrib_bots *list_of(const char *text)
{
	struct attrib_bots *bots = NULL;
	struct attrib_buf problems;

	attrib_buf_init(&problems);
	if (attrib_bots_parse("list", attrib_str_of(text), &problems, &bots))
		fail_msg("%.*s", (int)problems.n, problems.p);
	assert_int_equal(problems.n, 0);
	attrib_buf_done(&problems);
	return bots;
}

static void refused(struct attrib_str text, const char *expected)
{
	struct attrib_bots *bots = NULL;
	struct attrib_buf problems;

	attrib_buf_init(&problems);
	assert_int_equal(attrib_bots_parse("list", text, &problems, &bots), ATTRIB_E_CONFIG);
	assert_null(bots);
	attrib_buf_char(&problems, '\0');
	assert_string_equal((char *)problems.p, expected);
	attrib_buf_done(&problems);
}

static void check(const struct attrib_bots *bots, const char *user_agent, bool expected)
{
	if (attrib_bots_match(bots, attrib_str_of(user_agent)) != expected)
		fail_msg("%s", user_agent);
}

static void test_lines(void **state)
{
	struct attrib_bots *bots = list_of("# a list\r\n\n   \n^Start\\/\r\nin(side|sight)\n"
					   "(?i)either\n lead\ntrail \n#comment\n\\#5\nlast$");

	(void)state;
	check(bots, "Start/1", true);
	check(bots, "A Start/1", false);
	check(bots, "so insight", true);
	check(bots, "Insight", false);
	check(bots, "EITHER way", true);
	check(bots, "lead", false);
	check(bots, "a lead", true);
	check(bots, "trail", false);
	check(bots, "trail x", true);
	check(bots, "comment", false);
	check(bots, "no #5", true);
	check(bots, "the last", true);
	check(bots, "last one", false);
	check(bots, "", false);
	attrib_bots_free(bots);
}

/* Expressions that no word can stand for are asked for every user agent. */
static void test_without_words(void **state)
{
	struct attrib_bots *bots = list_of("^\\d+$\n^[^ ]{20,}$\nfoo");

	(void)state;
	check(bots, "12345", true);
	check(bots, "12345a", false);
	check(bots, "abcdefghijklmnopqrstuvwxyz", true);
	check(bots, "a foo", true);
	check(bots, "a bar", false);
	attrib_bots_free(bots);
}

/* User agents are bytes; so are expressions. */
static void test_bytes(void **state)
{
	struct attrib_bots *bots = list_of("\xfcr\xe4\n\\x00z");

	(void)state;
	check(bots, "a \xfcr\xe4 b", true);
	check(bots, "a \xfcr\xe5 b", false);
	assert_true(attrib_bots_match(bots, (struct attrib_str){"a\0z", 3}));
	attrib_bots_free(bots);
}

static void test_only_the_beginning_is_looked_at(void **state)
{
	struct attrib_bots *bots = list_of("robot");
	char text[ATTRIB_USER_AGENT_MAX + 8];

	(void)state;
	memset(text, 'x', sizeof text);
	memcpy(text + ATTRIB_USER_AGENT_MAX - 5, "robot", 5);
	assert_true(attrib_bots_match(bots, (struct attrib_str){text, sizeof text}));
	memcpy(text + ATTRIB_USER_AGENT_MAX - 5, "xrobot", 6);
	assert_false(attrib_bots_match(bots, (struct attrib_str){text, sizeof text}));
	attrib_bots_free(bots);
}

static void test_refused(void **state)
{
	static char large[ATTRIB_BOTS_BYTES_MAX + 1];

	(void)state;
	refused(ATTRIB_STR("good\n(?!look)ahead\n\n*\n"),
		"list:2: expected a regular expression as RE2 takes it, got \"(?!look)ahead\" "
		"(invalid perl operator: (?!)\n"
		"list:4: expected a regular expression as RE2 takes it, got \"*\" (no argument for "
		"repetition operator: *)\n");
	refused(ATTRIB_STR("a|"), "list:1: expected a regular expression as RE2 takes it, got "
				  "\"a|\" (it is found in every text)\n");
	refused(ATTRIB_STR("a{1000}{1000}"),
		"list:1: expected a regular expression as RE2 takes it, got \"a{1000}{1000}\" "
		"(bad repetition operator: {1000}{1000})\n");
	refused(ATTRIB_STR("# nothing\n\n"),
		"list:2: expected at least one regular expression, got \"\"\n");
	refused(ATTRIB_STR(""), "list:1: expected at least one regular expression, got \"\"\n");
	memset(large, 'a', sizeof large);
	refused((struct attrib_str){large, sizeof large},
		"list:1: expected a list of at most 256 KiB, got \"more\"\n");
	refused((struct attrib_str){large, ATTRIB_BOTS_PATTERN_MAX + 1},
		"list:1: expected a regular expression of at most 1024 bytes, got "
		"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"\"\n");
}

static void test_too_many(void **state)
{
	struct attrib_buf text;

	(void)state;
	attrib_buf_init(&text);
	for (int i = 0; i < ATTRIB_BOTS_PATTERNS_MAX + 2; i++)
		attrib_buf_printf(&text, "a%d\n", i);
	refused(attrib_buf_view(&text),
		"list:10001: expected at most 10000 expressions, got \"a10000\"\n");
	attrib_buf_done(&text);
}

static void *ask(void *arg)
{
	const struct attrib_bots *bots = arg;
	char text[64];

	for (int i = 0; i < 2000; i++) {
		snprintf(text, sizeof text, "%d Mozilla foo%dbar", i, i % 7);
		if (attrib_bots_match(bots, attrib_str_of(text)) != (i % 7 == 3))
			return arg;
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct attrib_bots *bots = list_of("foo[3]+bar\nnever(a|b)*c\n^\\d+$");
	pthread_t threads[4];
	void *wrong;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask, bots), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
	attrib_bots_free(bots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_without_words),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_only_the_beginning_is_looked_at),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("bots", tests, NULL, NULL);
}
