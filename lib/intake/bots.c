/*
 * A bot list: its lines, and the two machines that they become.
 */
#include "attrib/bots.h"

#include <stdlib.h>

#include "patterns.h"
#include "words.h"

#define SHOWN_BYTES_MAX 80
#define WORDS_FOUND_MAX 128 /* different ones in one user agent: no person has a tenth of it */

struct attrib_bots {
	struct patterns *patterns; /* owned */
	struct words *words;       /* owned */
};

struct reader {
	const char *name;
	struct attrib_buf *problems;
	struct patterns *patterns; /* borrowed */
	int line;
	size_t pattern_count, problem_count;
	bool out_of_memory;
};

/* -- lines -------------------------------------------------------------------------------------- */

static void problem(
	struct reader *r, const char *expected, struct attrib_str got, const char *because)
{
	r->problem_count++;
	attrib_buf_printf(r->problems, "%s:%d: expected %s, got ", r->name, r->line, expected);
	if (got.n > SHOWN_BYTES_MAX)
		got.n = SHOWN_BYTES_MAX;
	attrib_buf_json(r->problems, got);
	attrib_buf_printf(r->problems, *because ? " (%s)\n" : "%s\n", because);
}

static void take_pattern(struct reader *r, struct attrib_str pattern)
{
	char why[PATTERNS_WHY_MAX] = "";
	int err;

	r->pattern_count++;
	if (pattern.n > ATTRIB_BOTS_PATTERN_MAX) {
		problem(r, "a regular expression of at most 1024 bytes", pattern, "");
		return;
	}
	err = patterns_add(r->patterns, pattern, why);
	if (err == ATTRIB_E_NOMEM)
		r->out_of_memory = true;
	else if (err)
		problem(r, "a regular expression as RE2 takes it", pattern, why);
}

static void read_lines(struct reader *r, struct attrib_str text)
{
	while (text.n && !r->out_of_memory) {
		struct attrib_str line = attrib_str_split(text, '\n', &text);
		r->line++;
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (attrib_str_trim(line).n == 0 || line.p[0] == '#')
			continue;
		if (r->pattern_count == ATTRIB_BOTS_PATTERNS_MAX) {
			problem(r, "at most 10000 expressions", line, "");
			return;
		}
		take_pattern(r, line);
	}
	if (r->pattern_count == 0) {
		r->line = r->line ? r->line : 1;
		problem(r, "at least one regular expression", ATTRIB_STR(""), "");
	}
}

/* -- the whole ---------------------------------------------------------------------------------- */

static int make_words(struct attrib_bots *bots)
{
	size_t n = patterns_words(bots->patterns);
	struct attrib_str *list = calloc(n + 1, sizeof *list);
	int err;

	if (!list)
		return ATTRIB_E_NOMEM;
	for (size_t i = 0; i < n; i++)
		list[i] = patterns_word(bots->patterns, i);
	err = words_new(list, n, &bots->words);
	free(list);
	return err;
}

static int fill(struct attrib_bots *bots, struct reader *r, struct attrib_str text)
{
	int err;

	r->patterns = bots->patterns = patterns_new();
	if (!bots->patterns)
		return ATTRIB_E_NOMEM;
	if (text.n > ATTRIB_BOTS_BYTES_MAX) {
		r->line = 1;
		problem(r, "a list of at most 256 KiB", ATTRIB_STR("more"), "");
		return ATTRIB_E_CONFIG;
	}
	read_lines(r, text);
	if (r->out_of_memory)
		return ATTRIB_E_NOMEM;
	if (r->problem_count)
		return ATTRIB_E_CONFIG;
	err = patterns_compile(bots->patterns);
	if (!err)
		err = make_words(bots);
	if (err == ATTRIB_E_TOO_LARGE) {
		problem(r, "expressions with fewer different words", ATTRIB_STR("more"), "");
		err = ATTRIB_E_CONFIG;
	}
	return err;
}

int attrib_bots_parse(const char *name, struct attrib_str text, struct attrib_buf *problems,
	struct attrib_bots **out)
{
	struct reader reader = {.name = name, .problems = problems};
	struct attrib_bots *bots = calloc(1, sizeof *bots);
	int err = bots ? fill(bots, &reader, text) : ATTRIB_E_NOMEM;

	if (err)
		attrib_bots_free(bots);
	else
		*out = bots;
	return err;
}

void attrib_bots_free(struct attrib_bots *bots)
{
	if (!bots)
		return;
	words_free(bots->words);
	patterns_free(bots->patterns);
	free(bots);
}

bool attrib_bots_match(const struct attrib_bots *bots, struct attrib_str user_agent)
{
	int found[WORDS_FOUND_MAX];
	size_t n;

	if (user_agent.n > ATTRIB_USER_AGENT_MAX)
		user_agent.n = ATTRIB_USER_AGENT_MAX;
	n = words_find(bots->words, user_agent, found, WORDS_FOUND_MAX);
	if (n == 0 && !patterns_always(bots->patterns))
		return false;
	return patterns_match(bots->patterns, user_agent, found, n);
}
