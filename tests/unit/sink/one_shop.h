/*
 * The one shop of most tests of the sink, in a database of its own for each test.
 */
#ifndef ATTRIB_TEST_SINK_ONE_SHOP_H
#define ATTRIB_TEST_SINK_ONE_SHOP_H

#include "shop.h"

extern struct test_pg pg;
extern struct shop shop;

/* Setup and teardown for cmocka. */
int shop_open(void **state);
int shop_close(void **state);

/* The answer to a query, as text; its arguments are formatted. */
#define expect(text, ...) assert_string_equal(test_pg_text(&pg, __VA_ARGS__), text)

#endif
