/*
 * The address of a tracker: what it begins with, what it sets, what of the destination stays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "attrib/link.h"

#define HOME ATTRIB_STR("https://go.example")

static struct attrib_arena arena;

static int set_up(void **state)
{
	(void)state;
	attrib_arena_init(&arena, 256);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	attrib_arena_done(&arena);
	return 0;
}

static void expect(const char *kind, const char *key, const char *destination, const char *sub,
	const char *expected)
{
	struct attrib_link link = {.kind = attrib_str_of(kind),
		.key = attrib_str_of(key),
		.destination = attrib_str_of(destination),
		.sub = attrib_str_of(sub)};
	struct attrib_str url;
	char text[512];

	assert_int_equal(attrib_link_url(&arena, &link, HOME, ATTRIB_STR("ref"), &url), 0);
	snprintf(text, sizeof text, "%.*s", (int)url.n, url.n ? url.p : "");
	assert_string_equal(text, expected);
}

static void a_link_is_ours(void **state)
{
	(void)state;
	expect("link", "abc", "https://s.example/p?a=1", NULL, "https://go.example/c/abc");
	expect("link", "abc", NULL, "ig story/2", "https://go.example/c/abc?sub=ig%20story%2F2");
	expect("link", "a/b c?#%\xc3\xa4", NULL, NULL,
		"https://go.example/c/a%2Fb%20c%3F%23%25%C3%A4");
}

static void an_affiliate_id_is_the_parameter(void **state)
{
	(void)state;
	expect("affiliate", "lisa", "https://s.example", NULL, "https://s.example?ref=lisa");
	expect("affiliate", "lisa", "https://s.example/p?", "x",
		"https://s.example/p?ref=lisa&sub=x");
	expect("affiliate", "l&a=\xe2\x82\xac", "https://s.example/?a=1&ref=tom&flag&b=#top", NULL,
		"https://s.example/?a=1&flag&b=&ref=l%26a%3D%E2%82%AC#top");
	expect("affiliate", "lisa", "https://s.example/?r%65f=tom&sub=old&refs=1", "new",
		"https://s.example/?refs=1&ref=lisa&sub=new");
	expect("affiliate", "lisa", "https://s.example/#a?ref=x", NULL,
		"https://s.example/?ref=lisa#a?ref=x");
}

static void a_utm_rule_sets_what_it_states(void **state)
{
	(void)state;
	expect("utm", "Instagram/creator/spring/term/lisa", "https://s.example/", NULL,
		"https://s.example/?utm_source=Instagram&utm_medium=creator&utm_campaign=spring"
		"&utm_term=term&utm_content=lisa");
	expect("utm", "ig/*//*/ lisa ", "https://s.example/?utm_source=old&utm_medium=kept", NULL,
		"https://s.example/?utm_medium=kept&utm_source=ig&utm_content=lisa");
	expect("utm", "a%2Fb/50%25", "https://s.example/", "x",
		"https://s.example/?utm_source=a%2Fb&utm_medium=50%25&sub=x");
	expect("utm", "a////c/d", "https://s.example/", NULL,
		"https://s.example/?utm_source=a&utm_content=c%2Fd");
}

static void a_code_goes_where_the_shop_takes_it(void **state)
{
	(void)state;
	expect("code", "LISA10", NULL, NULL, "");
	expect("code", "LISA10", "https://s.example/discount/{key}?redirect=/new", "x",
		"https://s.example/discount/LISA10?redirect=/new&sub=x");
	expect("code", "10 % {key}", "https://s.example/{key}?c={key}", NULL,
		"https://s.example/10%20%25%20%7Bkey%7D?c=10%20%25%20%7Bkey%7D");
}

static void what_can_have_no_address(void **state)
{
	static const struct {
		const char *kind, *destination, *home, *param;
	} bad[] = {
		{"link", "https://s.example/", "", "ref"},
		{"affiliate", "https://s.example/", "https://go.example", ""},
		{"affiliate", "", "https://go.example", "ref"},
		{"utm", "", "https://go.example", "ref"},
		{"", "https://s.example/", "https://go.example", "ref"},
		{"Link", "https://s.example/", "https://go.example", "ref"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct attrib_link link = {.kind = attrib_str_of(bad[i].kind),
			.key = ATTRIB_STR("k"),
			.destination = attrib_str_of(bad[i].destination)};
		struct attrib_str url = ATTRIB_STR("untouched");

		assert_int_equal(attrib_link_url(&arena, &link, attrib_str_of(bad[i].home),
					 attrib_str_of(bad[i].param), &url),
			ATTRIB_E_INVALID);
		assert_true(attrib_str_eq(url, ATTRIB_STR("untouched")));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_link_is_ours, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			an_affiliate_id_is_the_parameter, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_utm_rule_sets_what_it_states, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_code_goes_where_the_shop_takes_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_can_have_no_address, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
