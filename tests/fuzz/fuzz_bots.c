/*
 * A bot list of any bytes, and any user agent: the last line of the input is asked of the list that
 * stands before it. Nothing breaks; a list is either taken, or refused with problems that name a line;
 * and looking for words first never changes the answer that the expressions give by themselves.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "attrib/bots.h"
#include "patterns.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_problems(const struct attrib_buf *problems)
{
	struct attrib_str rest = attrib_buf_view(problems), line;

	require(problems->n > 0 && problems->p[problems->n - 1] == '\n');
	while (rest.n) {
		line = attrib_str_split(rest, '\n', &rest);
		require(line.n > 5 && memcmp(line.p, "list:", 5) == 0);
	}
}

/* One expression, as if all of its words had been found. */
static bool finds(struct attrib_str line, struct attrib_str user_agent)
{
	struct patterns *patterns = patterns_new();
	char why[PATTERNS_WHY_MAX];
	int words[4096];
	bool found;

	require(patterns != NULL);
	require(patterns_add(patterns, line, why) == 0);
	require(patterns_compile(patterns) == 0);
	require(patterns_words(patterns) < sizeof words / sizeof *words);
	for (size_t i = 0; i < patterns_words(patterns); i++)
		words[i] = (int)i;
	found = patterns_match(patterns, user_agent, words, patterns_words(patterns));
	patterns_free(patterns);
	return found;
}

static bool some_line_finds(struct attrib_str list, struct attrib_str user_agent)
{
	while (list.n) {
		struct attrib_str line = attrib_str_split(list, '\n', &list);
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (attrib_str_trim(line).n && line.p[0] != '#' && finds(line, user_agent))
			return true;
	}
	return false;
}

/* Only a long list can have so many words that some of those in a user agent are left out. */
static void check_answer(
	const struct attrib_bots *bots, struct attrib_str list, struct attrib_str user_agent)
{
	bool slow = some_line_finds(list, user_agent);
	bool fast = attrib_bots_match(bots, user_agent);

	require(fast == slow || (slow && list.n >= 128));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct attrib_str all = {(const char *)bytes, n}, list = all, user_agent = ATTRIB_STR_NONE;
	const char *end = n ? memrchr(bytes, '\n', n) : NULL;
	struct attrib_bots *bots = NULL;
	struct attrib_buf problems;

	if (end) {
		list.n = (size_t)(end - list.p);
		user_agent = (struct attrib_str){end + 1, n - list.n - 1};
	}
	if (user_agent.n > ATTRIB_USER_AGENT_MAX)
		user_agent.n = ATTRIB_USER_AGENT_MAX;
	attrib_buf_init(&problems);
	if (attrib_bots_parse("list", list, &problems, &bots) == 0) {
		require(problems.n == 0);
		check_answer(bots, list, user_agent);
	} else {
		require(bots == NULL);
		check_problems(&problems);
	}
	attrib_bots_free(bots);
	attrib_buf_done(&problems);
	return 0;
}
