/*
 * What the tests of this room include: cmocka and what it wants before it, and short ways to write
 * rows. A row without a period is valid for ever and known since ever.
 */
#ifndef ATTRIB_TEST_CATALOG_ROWS_H
#define ATTRIB_TEST_CATALOG_ROWS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "attrib/catalog.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define ACME         ATTRIB_STR("acme")

static inline struct attrib_tracker row(
	enum attrib_tracker_kind kind, const char *key, const char *creator)
{
	return (struct attrib_tracker){
		.kind = kind,
		.site = ACME,
		.key = attrib_str_of(key),
		.creator = attrib_str_of(creator),
		.valid_from = ATTRIB_NEVER,
		.valid_to = ATTRIB_FOREVER,
		.window_us = ATTRIB_WINDOW_INHERIT,
		.recorded_at = ATTRIB_NEVER,
		.superseded_at = ATTRIB_FOREVER,
	};
}

/* A customer key of a creator, known since ever: its id is made of one byte. */
static inline struct attrib_creator_key creator_key(const char *creator, uint8_t id)
{
	return (struct attrib_creator_key){
		.site = ACME,
		.creator = attrib_str_of(creator),
		.key = {ATTRIB_KEY_EMAIL, {{id}}},
		.recorded_at = ATTRIB_NEVER,
		.superseded_at = ATTRIB_FOREVER,
	};
}

static inline struct attrib_catalog *build_all(const struct attrib_tracker *rows, size_t n,
	const struct attrib_campaign *campaigns, size_t m, const struct attrib_creator_key *keys,
	size_t k)
{
	struct attrib_catalog_builder *builder = attrib_catalog_builder_new();
	struct attrib_catalog *catalog = NULL;

	assert_non_null(builder);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(attrib_catalog_add_tracker(builder, &rows[i]), 0);
	for (size_t i = 0; i < m; i++)
		assert_int_equal(attrib_catalog_add_campaign(builder, &campaigns[i]), 0);
	for (size_t i = 0; i < k; i++)
		assert_int_equal(attrib_catalog_add_creator_key(builder, &keys[i]), 0);
	assert_int_equal(attrib_catalog_build(builder, 7, &catalog), 0);
	return catalog;
}

static inline struct attrib_catalog *build_with(const struct attrib_tracker *rows, size_t n,
	const struct attrib_campaign *campaigns, size_t m)
{
	return build_all(rows, n, campaigns, m, NULL, 0);
}

static inline struct attrib_catalog *build(const struct attrib_tracker *rows, size_t n)
{
	return build_with(rows, n, NULL, 0);
}

/* The row's creator, "" for nobody; fails with the case's number when it is another one. */
static inline void check_creator(
	size_t number, const struct attrib_tracker *owner, const char *creator)
{
	struct attrib_str found = owner ? owner->creator : ATTRIB_STR_NONE;

	if (!attrib_str_eq(found, attrib_str_of(creator)))
		fail_msg("case %zu: \"%.*s\" owns it, not \"%s\"", number, (int)found.n,
			found.n ? found.p : "", creator);
}

#endif
