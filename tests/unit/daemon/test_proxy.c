/* Whose request it is: the rightmost hop that is no trusted proxy, and only behind one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy.h"

/* 10.0.0.0/8, 192.168.1.0/28 and fd00::/8 */
static const struct attribd_cidr trusted[] = {
	{{[10] = 0xff, [11] = 0xff, [12] = 10}, 104},
	{{[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 168, [14] = 1}, 124},
	{{0xfd}, 8},
};

static const char *client_of(const char *peer_text, const char *first, const char *second)
{
	static struct attribd_peer client;
	struct attribd_peer peer;
	struct attrib_http_request request = {.header_count = 1};

	request.headers[0] = (struct attrib_http_header){ATTRIB_STR("Host"), ATTRIB_STR("9.9.9.9")};
	if (first)
		request.headers[request.header_count++] = (struct attrib_http_header){
			ATTRIB_STR("x-forwarded-for"), attrib_str_of(first)};
	if (second)
		request.headers[request.header_count++] = (struct attrib_http_header){
			ATTRIB_STR("X-Forwarded-For"), attrib_str_of(second)};
	assert_true(attribd_peer_parse(attrib_str_of(peer_text), &peer));
	attribd_proxy_client(trusted, 3, &peer, &request, &client);
	return client.text;
}

static void a_stranger_is_who_connects(void **state)
{
	(void)state;
	assert_string_equal(client_of("203.0.113.9", NULL, NULL), "203.0.113.9");
	assert_string_equal(client_of("203.0.113.9", "1.2.3.4", NULL), "203.0.113.9");
	assert_string_equal(client_of("192.168.1.16", "1.2.3.4", NULL), "192.168.1.16");
}

static void behind_a_proxy_it_is_the_rightmost_stranger(void **state)
{
	(void)state;
	assert_string_equal(client_of("10.0.0.1", NULL, NULL), "10.0.0.1");
	assert_string_equal(client_of("10.0.0.1", "1.2.3.4", NULL), "1.2.3.4");
	assert_string_equal(client_of("10.0.0.1", "6.6.6.6, 1.2.3.4", NULL), "1.2.3.4");
	assert_string_equal(client_of("10.0.0.1", "6.6.6.6,1.2.3.4 ,10.9.9.9", NULL), "1.2.3.4");
	assert_string_equal(client_of("192.168.1.15", "6.6.6.6, 2001:db8::1", NULL), "2001:db8::1");
	assert_string_equal(client_of("fd00::7", "[2001:db8::2]:4711", NULL), "2001:db8::2");
	assert_string_equal(client_of("::ffff:10.0.0.1", "1.2.3.4:80", NULL), "1.2.3.4");
	assert_string_equal(client_of("10.0.0.1", "10.0.0.2, 10.0.0.3", NULL), "10.0.0.2");
}

static void several_headers_are_one_list(void **state)
{
	(void)state;
	assert_string_equal(client_of("10.0.0.1", "6.6.6.6", "1.2.3.4, 10.0.0.2"), "1.2.3.4");
	assert_string_equal(client_of("10.0.0.1", "6.6.6.6, 5.5.5.5", "10.0.0.2"), "5.5.5.5");
}

static void what_is_no_address_ends_the_walk(void **state)
{
	(void)state;
	assert_string_equal(client_of("10.0.0.1", "unknown", NULL), "10.0.0.1");
	assert_string_equal(client_of("10.0.0.1", "6.6.6.6, unknown, 10.0.0.2", NULL), "10.0.0.2");
	assert_string_equal(client_of("10.0.0.1", "6.6.6.6,", NULL), "10.0.0.1");
	assert_string_equal(client_of("10.0.0.1", "", NULL), "10.0.0.1");
	assert_string_equal(client_of("10.0.0.1", "1.2.3.4:80:90", NULL), "10.0.0.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stranger_is_who_connects),
		cmocka_unit_test(behind_a_proxy_it_is_the_rightmost_stranger),
		cmocka_unit_test(several_headers_are_one_list),
		cmocka_unit_test(what_is_no_address_ends_the_walk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
