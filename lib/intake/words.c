/*
 * The table has a row for each prefix of a word, and a column for each class of bytes that the words
 * tell apart. An entry is the place of the next row, with a mark when a word ends there.
 */
#include "words.h"

#include <stdlib.h>

#define ENTRIES_MAX (((size_t)64 << 20) / sizeof(uint32_t))
#define MARK        ((uint32_t)1 << 31)

struct row {
	uint32_t word;    /* that ends here, plus 1; 0 = none */
	uint32_t suffix;  /* the row of the longest proper suffix that is a prefix, too */
	uint32_t shorter; /* the next row on the way of suffixes at which a word ends; 0 = none */
	uint32_t met;     /* while it is built: the row that is met at this place of the order */
};

struct words {
	uint8_t class[256]; /* 0 = in no word */
	uint32_t width;     /* classes */
	uint32_t row_count;
	uint32_t *next;   /* owned; row_count * width; while it is built: numbers of rows */
	struct row *rows; /* owned */
};

void words_free(struct words *words)
{
	if (!words)
		return;
	free(words->next);
	free(words->rows);
	free(words);
}

/* -- building ----------------------------------------------------------------------------------- */

static size_t make_classes(struct words *words, const struct attrib_str *list, size_t n)
{
	size_t bytes = 0;

	words->width = 1;
	for (size_t i = 0; i < n; i++) {
		bytes += list[i].n;
		for (size_t j = 0; j < list[i].n; j++) {
			uint8_t c = (uint8_t)list[i].p[j];
			if (!words->class[c])
				words->class[c] = (uint8_t)words->width++;
		}
	}
	for (int c = 'A'; c <= 'Z'; c++)
		words->class[c] = words->class[c | 0x20];
	return bytes;
}

static void insert(struct words *words, struct attrib_str word, size_t index)
{
	uint32_t row = 0, *next;

	for (size_t i = 0; i < word.n; i++) {
		next = &words->next[row * words->width + words->class[(uint8_t)word.p[i]]];
		if (!*next)
			*next = words->row_count++;
		row = *next;
	}
	words->rows[row].word = (uint32_t)index + 1;
}

/* Completes one entry: where the child is missing, its suffix goes on. */
static void link_child(struct words *words, uint32_t row, uint32_t class, uint32_t *met)
{
	uint32_t *child = &words->next[row * words->width + class];
	uint32_t suffix = words->next[words->rows[row].suffix * words->width + class];
	struct row *r = &words->rows[*child];

	if (!*child) {
		*child = suffix;
		return;
	}
	r->suffix = row ? suffix : 0;
	r->shorter = words->rows[r->suffix].word ? r->suffix : words->rows[r->suffix].shorter;
	words->rows[(*met)++].met = *child;
}

/* By depth, the root first: the rows of suffixes are complete before they are asked. */
static void link_rows(struct words *words)
{
	uint32_t met = 1;

	for (uint32_t i = 0; i < met; i++) {
		for (uint32_t class = 1; class < words->width; class ++)
			link_child(words, words->rows[i].met, class, &met);
	}
}

static void mark_entries(struct words *words)
{
	for (size_t i = 0; i < (size_t)words->row_count * words->width; i++) {
		const struct row *row = &words->rows[words->next[i]];
		words->next[i] *= words->width;
		if (row->word || row->shorter)
			words->next[i] |= MARK;
	}
}

int words_new(const struct attrib_str *list, size_t n, struct words **out)
{
	struct words *words = calloc(1, sizeof *words);
	size_t rows;

	if (!words)
		return ATTRIB_E_NOMEM;
	rows = make_classes(words, list, n) + 1;
	if (rows > ENTRIES_MAX / words->width) {
		words_free(words);
		return ATTRIB_E_TOO_LARGE;
	}
	words->row_count = 1;
	words->next = calloc(rows * words->width, sizeof *words->next);
	words->rows = calloc(rows, sizeof *words->rows);
	if (!words->next || !words->rows) {
		words_free(words);
		return ATTRIB_E_NOMEM;
	}
	for (size_t i = 0; i < n; i++)
		insert(words, list[i], i);
	link_rows(words);
	mark_entries(words);
	*out = words;
	return 0;
}

/* -- finding ------------------------------------------------------------------------------------ */

static size_t note(const struct words *words, uint32_t row, int *found, size_t n, size_t max)
{
	for (; row; row = words->rows[row].shorter) {
		int word = (int)words->rows[row].word - 1;
		size_t i = 0;
		while (i < n && found[i] != word)
			i++;
		if (word >= 0 && i == n && n < max)
			found[n++] = word;
	}
	return n;
}

size_t words_find(const struct words *words, struct attrib_str text, int *found, size_t max)
{
	uint32_t at = 0;
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		at = words->next[(at & ~MARK) + words->class[(uint8_t)text.p[i]]];
		if (at & MARK)
			n = note(words, (at & ~MARK) / words->width, found, n, max);
	}
	return n;
}
