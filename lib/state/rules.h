/*
 * What every backend has in common: which facts it takes, and the orders that its rules speak of.
 *
 * The elements of a set are copies: a copy is (type, sub, id, cap, trust, at, content_hash), and never
 * changes but for received_at, which falls to the least of equal copies. Caps choose among copies.
 * What a load shows is made from the copies that are left: copies of one name become one fact. As
 * choosing the greatest n and the least of a set gives the same whatever the order in which its
 * elements come, so does all that is made from it.
 */
#ifndef ATTRIB_STATE_RULES_H
#define ATTRIB_STATE_RULES_H

#include "attrib/state.h"
#include "attrib/time.h"

#define STATE_NUMBER_MAX (((uint64_t)1 << 48) - 1) /* a claimer's record number */
#define STATE_BODY_MAX   (((size_t)1 << 24) - 1)

/* 0, or why no backend takes such a fact: ATTRIB_E_INVALID, ATTRIB_E_TOO_LARGE, ATTRIB_E_OVERFLOW. */
int state_check_fact(const struct attrib_fact *fact);

static inline int state_compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* Whole seconds, rounded down; until the year 2106. */
static inline uint32_t state_seconds(int64_t at)
{
	int64_t seconds = at < 0 ? 0 : at / ATTRIB_US_PER_S;

	return seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds;
}

/* The order of a load. 0 only for copies of one name with equal `at`. */
int state_compare_load(const struct attrib_fact *a, const struct attrib_fact *b);
/* By name, then the copy whose content counts first. */
int state_compare_copies(const struct attrib_fact *a, const struct attrib_fact *b);

/* Makes one fact of the copies of each name; facts are sorted by load order before and after.
 * Returns how many there are. */
size_t state_merge_copies(struct attrib_fact *facts, size_t count);

#endif
