/*
 * Fixtures of one_shop.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "one_shop.h"

struct test_pg pg;
struct shop shop;

int shop_open(void **state)
{
	(void)state;
	test_pg_init(&pg, true);
	shop_site(&pg, "complete");
	shop_init(&shop, &pg, 1);
	return 0;
}

int shop_close(void **state)
{
	(void)state;
	shop_done(&shop);
	test_pg_done(&pg);
	return 0;
}
