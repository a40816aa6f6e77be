/* Floods: nobody is flagged without reason, whatever else arrives; an address alone on a link is. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "attrib/time.h"
#include "flood.h"

#define NOW  ((int64_t)1793534400000000) /* 2026-11-01T12:00:00Z */
#define MOST 30
#define S    ATTRIB_US_PER_S

static struct attribd_flood *flood;

static int begin(void **state)
{
	(void)state;
	flood = attribd_flood_new();
	return flood ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	attribd_flood_free(flood);
	return 0;
}

static void v4(uint8_t address[16], uint32_t number)
{
	memset(address, 0, 16);
	memset(address + 10, 0xff, 2);
	for (int i = 0; i < 4; i++)
		address[12 + i] = (uint8_t)(number >> (24 - 8 * i));
}

static bool click(uint32_t number, const char *link, int64_t now)
{
	uint8_t address[16];

	v4(address, number);
	return attribd_flood_click(
		flood, address, ATTRIB_STR("acme"), attrib_str_of(link), now, MOST);
}

static void the_click_after_the_most_is_flagged(void **state)
{
	(void)state;
	for (int i = 0; i < MOST; i++)
		assert_false(click(1, "l", NOW + i * S));
	assert_true(click(1, "l", NOW + 59 * S));
	assert_true(click(1, "l", NOW + 60 * S - 1));
	/* the minute is over, and another one begins */
	for (int i = 0; i < MOST; i++)
		assert_false(click(1, "l", NOW + 60 * S + i));
	assert_true(click(1, "l", NOW + 61 * S));
}

/* However they are spread: no more than `most` in any minute, nobody flagged. */
static void no_minute_with_more_no_flag(void **state)
{
	int64_t now = NOW;

	(void)state;
	srand(3);
	for (int i = 0; i < 20000; i++) {
		now += 2 * S + rand() % S;
		assert_false(click(1, "l", now));
	}
}

static void addresses_links_and_sites_count_apart(void **state)
{
	uint8_t address[16];

	(void)state;
	for (int i = 0; i < MOST; i++)
		assert_false(click(1, "l", NOW));
	assert_false(click(2, "l", NOW));
	assert_false(click(1, "m", NOW));
	v4(address, 1);
	assert_false(attribd_flood_click(
		flood, address, ATTRIB_STR("north"), ATTRIB_STR("l"), NOW, MOST));
	assert_true(click(1, "l", NOW));
}

static void of_ipv6_a_network_is_one(void **state)
{
	uint8_t address[16] = {0x20, 0x01, 0x0d, 0xb8, 1, 2, 3, 4};

	(void)state;
	for (int i = 0; i <= MOST; i++) {
		address[15] = address[9] = (uint8_t)i;
		assert_int_equal(attribd_flood_click(flood, address, ATTRIB_STR("acme"),
					 ATTRIB_STR("l"), NOW, MOST),
			i == MOST);
	}
	address[7] = 5;
	assert_false(attribd_flood_click(
		flood, address, ATTRIB_STR("acme"), ATTRIB_STR("l"), NOW, MOST));
}

static void no_address_is_nobody(void **state)
{
	static const uint8_t none[16];

	(void)state;
	for (int i = 0; i < 2 * MOST; i++)
		assert_false(attribd_flood_click(
			flood, none, ATTRIB_STR("acme"), ATTRIB_STR("l"), NOW, MOST));
}

/* Workers read their clocks at different moments; a clock that is set back begins anew. */
static void clocks_that_differ(void **state)
{
	(void)state;
	for (int i = 0; i < MOST; i++)
		assert_false(click(1, "l", NOW + (i % 2 ? -1 : 1) * S));
	assert_true(click(1, "l", NOW - S));
	assert_false(click(1, "l", NOW - ATTRIB_US_PER_DAY));
}

static void the_count_does_not_run_over(void **state)
{
	uint8_t address[16];
	int flagged = 0;

	(void)state;
	v4(address, 1);
	for (int i = 0; i < 10000; i++)
		flagged += attribd_flood_click(flood, address, ATTRIB_STR("acme"), ATTRIB_STR("l"),
			NOW, ATTRIBD_FLOOD_CLICKS_MAX);
	assert_int_equal(flagged, 10000 - ATTRIBD_FLOOD_CLICKS_MAX);
}

/* Millions of others, each below the most: none of them is flagged, and whoever goes on clicking is. */
static void others_are_not_mistaken(void **state)
{
	int flagged = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000000; i++) {
		assert_false(click(i + 2, "l", NOW + i));
		if (i % 10000 == 0)
			flagged += click(1, "l", NOW + i);
	}
	for (int i = 0; i < 100; i++)
		flagged += click(1, "l", NOW + 2 * S);
	assert_true(flagged >= 100 - MOST);
}

#define THREADS 4
#define CLICKS  20000
static atomic_int flagged_by_threads;

static void *click_often(void *arg)
{
	(void)arg;
	for (int i = 0; i < CLICKS; i++) {
		char link[] = {(char)('a' + i % 20), 0};
		if (click(1, link, NOW))
			atomic_fetch_add(&flagged_by_threads, 1);
	}
	return NULL;
}

/* No click of any thread is lost, so all but the first of each link are flagged. */
static void threads_count_together(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, click_often, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(atomic_load(&flagged_by_threads), THREADS * CLICKS - 20 * MOST);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(the_click_after_the_most_is_flagged),
		TEST(no_minute_with_more_no_flag),
		TEST(addresses_links_and_sites_count_apart),
		TEST(of_ipv6_a_network_is_one),
		TEST(no_address_is_nobody),
		TEST(clocks_that_differ),
		TEST(the_count_does_not_run_over),
		TEST(others_are_not_mistaken),
		TEST(threads_count_together),
	};

	return cmocka_run_group_tests_name("flood", tests, NULL, NULL);
}
