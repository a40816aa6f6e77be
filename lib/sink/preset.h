/*
 * Exports of social networks and their ad managers: which columns of theirs are which of ours. A preset
 * is data; what is done with it is the same for all (pg_import_preset.c), and so is the reading of their values
 * (preset_value.c).
 */
#ifndef ATTRIB_SINK_PRESET_H
#define ATTRIB_SINK_PRESET_H

#include <stdbool.h>
#include "preset_value.h"

/* What a column is of when it is none of the table's own. */
#define PRESET_ID       "@id"   /* of the post or ad, as the platform names it */
#define PRESET_LINK     "@link" /* address of the post */
#define PRESET_NAME     "@name" /* of the post or ad, for people */
#define PRESET_ON       "@on"   /* the day that the row counts */
#define PRESET_FROM     "@from" /* the first day of the period that it counts, and the last */
#define PRESET_TO       "@to"
#define PRESET_AMOUNT   "@amount" /* that was spent */
#define PRESET_CURRENCY "@currency"

struct preset_column {
	const char *to; /* a count's name in post_metrics, or one of the above */
	const char *
		names; /* as exports head it, in any case, separated by '|'; the first is what is asked for */
	enum preset_kind kind;
	bool required;
};

struct preset {
	const char *name, *about;
	const char *platforms[4]; /* as ad_map may name it, the most wanted first; ends with NULL */
	const char *key; /* POSIX expression: the part of a post's address that tells it; or NULL */
	bool ads; /* rows count what was paid for: rows of one post and day add up, and have a cost */
	const char *scope, *mode; /* of its numbers, unless somebody says otherwise */
	const struct preset_column *
		columns; /* end with a NULL name; of two for one thing the first that the file has */
};

/* The presets, one after the other; NULL behind the last. */
const struct preset *preset_at(size_t index);
const struct preset *preset_find(const char *name);
/* The row is a sum over others: its first field begins with the word for that. */
bool preset_is_total(struct attrib_str first);

#endif
