/*
 * Regular expressions, the only way to RE2, which is C++. RE2 names for each expression the words
 * without which it can't match; words.h finds those, and only expressions that may match are run. One
 * automaton of all of them would be no answer: its states are made while it runs, and texts exist that
 * make a new one with every byte (measured in bench/README.md).
 */
#ifndef ATTRIB_INTAKE_PATTERNS_H
#define ATTRIB_INTAKE_PATTERNS_H

#include <stdbool.h>
#include <stddef.h>
#include "attrib/error.h"
#include "attrib/str.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PATTERNS_WHY_MAX 160

struct patterns;

/* NULL: memory is out. */
struct patterns *patterns_new(void);
void patterns_free(struct patterns *patterns);
/* ATTRIB_E_INVALID with the reason; an expression that is found in the empty text is found everywhere
 * and refused, too. */
int patterns_add(struct patterns *patterns, struct attrib_str pattern,
	char why[PATTERNS_WHY_MAX]) ATTRIB_MUST_CHECK;
/* Once, behind the last add. */
int patterns_compile(struct patterns *patterns) ATTRIB_MUST_CHECK;
/* The words that texts are to be searched for, behind compile: borrowed, without capital letters. */
size_t patterns_words(const struct patterns *patterns);
struct attrib_str patterns_word(const struct patterns *patterns, size_t index);
/* True when some expression needs no word at all. */
bool patterns_always(const struct patterns *patterns);
/* words: the indexes of those that stand in the text. Any thread. */
bool patterns_match(
	const struct patterns *patterns, struct attrib_str text, const int *words, size_t n);

#ifdef __cplusplus
}
#endif
#endif
