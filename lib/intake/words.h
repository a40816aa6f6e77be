/*
 * Which of many words stand in a text, found in one pass over it whatever it holds (Aho and Corasick,
 * 1975): every byte is one step in a table that is complete before the first text is seen.
 */
#ifndef ATTRIB_INTAKE_WORDS_H
#define ATTRIB_INTAKE_WORDS_H

#include "attrib/error.h"
#include "attrib/str.h"

struct words;

/* The words are distinct, not empty, and without capital letters (ASCII); they are copied.
 * ATTRIB_E_TOO_LARGE: their table would pass 64 MiB. */
int words_new(const struct attrib_str *list, size_t n, struct words **out) ATTRIB_MUST_CHECK;
void words_free(struct words *words);

/* Writes the indexes of words that stand in the text, in either case (ASCII), each once; beyond `max`
 * the rest of them is left out. Returns how many it wrote. Any thread. */
size_t words_find(const struct words *words, struct attrib_str text, int *found, size_t max);

#endif
