/* The table of public routes: what is found, what is 404, and what a 405 allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "route.h"

static char allow_text[128];

/* The route's path, or the Allow line, or "" for 404. */
static const char *find(enum attrib_http_method method, const char *path)
{
	struct attrib_http_request request = {.method = method, .path = attrib_str_of(path)};
	struct attrib_str allow;
	char buf[96];
	const struct attribd_route *route =
		attribd_route_find(attribd_public_routes, &request, buf, sizeof buf, &allow);

	if (route)
		return route->path;
	memcpy(allow_text, allow.p, allow.n);
	allow_text[allow.n] = '\0';
	return allow_text;
}

static void what_is_served(void **state)
{
	(void)state;
	assert_string_equal(find(ATTRIB_HTTP_GET, "/p.gif"), "/p.gif");
	assert_string_equal(find(ATTRIB_HTTP_HEAD, "/p.gif"), "/p.gif");
	assert_string_equal(find(ATTRIB_HTTP_POST, "/v1/events"), "/v1/events");
	assert_string_equal(find(ATTRIB_HTTP_POST, "/v1/beacon"), "/v1/beacon");
	assert_string_equal(find(ATTRIB_HTTP_OPTIONS, "/v1/beacon"), "/v1/beacon");
	assert_string_equal(find(ATTRIB_HTTP_GET, "/a.js"), "/a.js");
	assert_string_equal(find(ATTRIB_HTTP_POST, "/a.js"), "/a.js");
	assert_string_equal(find(ATTRIB_HTTP_GET, "/c/x"), "/c/");
	assert_string_equal(find(ATTRIB_HTTP_POST, "/webhooks/stripe/acme"), "/webhooks/");
	assert_string_equal(find(ATTRIB_HTTP_HEAD, "/c/x/y"), "/c/");
}

static void what_is_not(void **state)
{
	(void)state;
	assert_string_equal(find(ATTRIB_HTTP_GET, "/"), "");
	assert_string_equal(find(ATTRIB_HTTP_GET, ""), "");
	assert_string_equal(find(ATTRIB_HTTP_GET, "/c/"), "");
	assert_string_equal(find(ATTRIB_HTTP_GET, "/p.gif/"), "");
	assert_string_equal(find(ATTRIB_HTTP_GET, "/p.gi"), "");
	assert_string_equal(find(ATTRIB_HTTP_GET, "/P.gif"), "");
	assert_string_equal(find(ATTRIB_HTTP_POST, "/v1/status"), "");
}

static void a_wrong_method_is_told_the_right_ones(void **state)
{
	(void)state;
	assert_string_equal(find(ATTRIB_HTTP_POST, "/p.gif"), "Allow: GET, HEAD\r\n");
	assert_string_equal(find(ATTRIB_HTTP_GET, "/webhooks/stripe/acme"), "Allow: POST\r\n");
	assert_string_equal(find(ATTRIB_HTTP_OTHER, "/c/x"), "Allow: GET, HEAD\r\n");
	assert_string_equal(find(ATTRIB_HTTP_HEAD, "/v1/events"), "Allow: POST\r\n");
	assert_string_equal(find(ATTRIB_HTTP_GET, "/v1/beacon"), "Allow: POST, OPTIONS\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_served),
		cmocka_unit_test(what_is_not),
		cmocka_unit_test(a_wrong_method_is_told_the_right_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
