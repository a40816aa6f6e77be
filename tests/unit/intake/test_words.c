/*
 * Words in a text: the same as looking for each of them by itself.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "words.h"

#define WORDS_MAX 64

static struct words *words_of(const char *const *texts, size_t n)
{
	struct attrib_str list[WORDS_MAX];
	struct words *words;

	for (size_t i = 0; i < n; i++)
		list[i] = attrib_str_of(texts[i]);
	assert_int_equal(words_new(list, n, &words), 0);
	return words;
}

static bool stands_in(const char *word, const char *text, size_t n)
{
	size_t length = strlen(word);

	for (size_t i = 0; i + length <= n; i++) {
		size_t j = 0;
		while (j < length && tolower((unsigned char)text[i + j]) == (unsigned char)word[j])
			j++;
		if (j == length)
			return true;
	}
	return false;
}

static void test_overlaps(void **state)
{
	static const char *const texts[] = {"he", "she", "his", "hers", "e", "\xfc-", "x"};
	struct words *words = words_of(texts, 7);
	int found[WORDS_MAX];

	(void)state;
	assert_int_equal(words_find(words, ATTRIB_STR("uSHErs"), found, WORDS_MAX), 4);
	assert_int_equal(words_find(words, ATTRIB_STR("hishehe"), found, WORDS_MAX), 4);
	assert_int_equal(words_find(words, ATTRIB_STR("a\xfc-"), found, WORDS_MAX), 1);
	assert_int_equal(found[0], 5);
	assert_int_equal(words_find(words, ATTRIB_STR("h"), found, WORDS_MAX), 0);
	assert_int_equal(words_find(words, ATTRIB_STR_NONE, found, WORDS_MAX), 0);
	/* no more than there is room for */
	assert_int_equal(words_find(words, ATTRIB_STR("ushers"), found, 2), 2);
	words_free(words);
}

static void test_no_words(void **state)
{
	struct words *words = words_of(NULL, 0);
	int found[1];

	(void)state;
	assert_int_equal(words_find(words, ATTRIB_STR("anything \xff"), found, 1), 0);
	words_free(words);
}

/* Few letters, so that words are parts of each other in every way. */
static void make_text(char *out, size_t n, bool capitals)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (char)((capitals && rand() % 3 == 0 ? 'A' : 'a') + rand() % 3);
	out[n] = '\0';
}

static bool is_new(char texts[][8], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(texts[i], texts[n]) == 0)
			return false;
	}
	return true;
}

static void check_text(
	const struct words *words, char texts[][8], size_t n, const char *text, size_t length)
{
	int found[WORDS_MAX];
	size_t expected = 0, got;

	got = words_find(words, (struct attrib_str){text, length}, found, WORDS_MAX);
	for (size_t i = 0; i < n; i++)
		expected += stands_in(texts[i], text, length);
	assert_int_equal(got, expected);
	for (size_t i = 0; i < got; i++) {
		assert_true(stands_in(texts[found[i]], text, length));
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(found[i], found[j]);
	}
}

static void test_random(void **state)
{
	char texts[WORDS_MAX][8], text[64];

	(void)state;
	srand(7);
	for (int round = 0; round < 300; round++) {
		const char *list[WORDS_MAX];
		size_t n = 0, most = 1 + (size_t)rand() % 20;
		for (size_t tries = 0; tries < most; tries++) {
			make_text(texts[n], 1 + (size_t)rand() % 6, false);
			list[n] = texts[n];
			n += is_new(texts, n);
		}
		struct words *words = words_of(list, n);
		for (int i = 0; i < 30; i++) {
			size_t length = (size_t)rand() % 40;
			make_text(text, length, true);
			check_text(words, texts, n, text, length);
		}
		words_free(words);
	}
}

/* Every byte is a class of its own: the table is refused before it is made. */
static void test_too_large(void **state)
{
	size_t n = (size_t)1 << 17;
	char *bytes = malloc(n);
	struct attrib_str list[2] = {{bytes, n}, ATTRIB_STR("a")};
	struct words *words;

	(void)state;
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)tolower((int)(i % 200 + 50));
	assert_int_equal(words_new(list, 2, &words), ATTRIB_E_TOO_LARGE);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overlaps),
		cmocka_unit_test(test_no_words),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_too_large),
	};

	return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
