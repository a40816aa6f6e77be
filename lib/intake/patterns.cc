/*
 * patterns.h over RE2's filtered set. Texts are bytes: user agents are no UTF-8 in particular. No
 * exception leaves this file; the only one there could be is that memory is out.
 */
#include "patterns.h"

#include <cstdio>
#include <new>
#include <string>
#include <vector>

#include <re2/filtered_re2.h>

struct patterns {
	re2::FilteredRE2 filter;
	std::vector<std::string> words;
	bool always = false;
};

namespace
{

constexpr int64_t memory_max = 256 << 10; /* of one expression and its automaton */

RE2::Options options_of_list()
{
	RE2::Options options;

	options.set_encoding(RE2::Options::EncodingLatin1);
	options.set_max_mem(memory_max);
	options.set_never_capture(true);
	options.set_log_errors(false);
	return options;
}

re2::StringPiece piece_of(attrib_str s)
{
	return re2::StringPiece(s.p, s.n);
}

int add(patterns &patterns, attrib_str text, char why[PATTERNS_WHY_MAX])
{
	RE2::Options options = options_of_list();
	RE2 expression(piece_of(text), options);
	int id;

	if (!expression.ok()) {
		std::snprintf(why, PATTERNS_WHY_MAX, "%s", expression.error().c_str());
		return ATTRIB_E_INVALID;
	}
	if (RE2::PartialMatch("", expression)) {
		std::snprintf(why, PATTERNS_WHY_MAX, "it is found in every text");
		return ATTRIB_E_INVALID;
	}
	return patterns.filter.Add(piece_of(text), options, &id) == RE2::NoError ? 0
										 : ATTRIB_E_INVALID;
}

} // namespace

struct patterns *patterns_new(void)
{
	return new (std::nothrow) patterns;
}

void patterns_free(struct patterns *patterns)
{
	delete patterns;
}

int patterns_add(struct patterns *patterns, struct attrib_str pattern, char why[PATTERNS_WHY_MAX])
try {
	return add(*patterns, pattern, why);
} catch (const std::bad_alloc &) {
	return ATTRIB_E_NOMEM;
}

int patterns_compile(struct patterns *patterns)
try {
	std::vector<int> potential;

	patterns->filter.Compile(&patterns->words);
	patterns->filter.AllPotentials({}, &potential);
	patterns->always = !potential.empty();
	return 0;
} catch (const std::bad_alloc &) {
	return ATTRIB_E_NOMEM;
}

size_t patterns_words(const struct patterns *patterns)
{
	return patterns->words.size();
}

struct attrib_str patterns_word(const struct patterns *patterns, size_t index)
{
	const std::string &word = patterns->words[index];

	return attrib_str{word.data(), word.size()};
}

bool patterns_always(const struct patterns *patterns)
{
	return patterns->always;
}

bool patterns_match(
	const struct patterns *patterns, struct attrib_str text, const int *words, size_t n)
try {
	return patterns->filter.FirstMatch(piece_of(text), std::vector<int>(words, words + n)) >= 0;
} catch (const std::bad_alloc &) {
	return false;
}
