/* URLs and query strings as they come from the street. */
#include "check.h"

#include "attrib/text.h"

static void urls_are_cut(void **state)
{
	static const struct {
		const char *url, *scheme, *host, *path, *query, *fragment;
	} cases[] = {
		{"https://shop.example/p/1?a=1&b=2#top", "https", "shop.example", "/p/1", "a=1&b=2",
			"top"},
		{"https://shop.example", "https", "shop.example", "", "", ""},
		{"https://shop.example?x", "https", "shop.example", "", "x", ""},
		{"https://shop.example#x?y", "https", "shop.example", "", "", "x?y"},
		{"http://u:p@h.example:8080/x", "http", "h.example", "/x", "", ""},
		{"http://a@b@c/", "http", "c", "/", "", ""},
		{"http://[::1]:80/x", "http", "[::1]", "/x", "", ""},
		{"http://[::1", "http", "[", "", "", ""},
		{"HTTPS://Shop.Example/", "HTTPS", "Shop.Example", "/", "", ""},
		{"//cdn.example/x", "", "cdn.example", "/x", "", ""},
		{"/p/1?utm_source=a#b", "", "", "/p/1", "utm_source=a", "b"},
		{"p/1", "", "", "p/1", "", ""},
		{"", "", "", "", "", ""},
		{"?a", "", "", "", "a", ""},
		{"#a", "", "", "", "", "a"},
		{"javascript:alert(1)", "", "", "javascript:alert(1)", "", ""},
		{"android-app://com.example.app/", "android-app", "com.example.app", "/", "", ""},
		{"1http://x/", "", "", "1http://x/", "", ""},
		{"/go?u=http://x/", "", "", "/go", "u=http://x/", ""},
		{"https://evil.example\\@shop.example/", "https", "evil.example",
			"\\@shop.example/", "", ""},
		{"https:///x", "https", "", "/x", "", ""},
		{"https://", "https", "", "", "", ""},
		{"a:/", "", "", "a:/", "", ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct attrib_url url;
		attrib_url_split(attrib_str_of(cases[i].url), &url);
		if (!attrib_str_eq(url.scheme, attrib_str_of(cases[i].scheme)) ||
			!attrib_str_eq(url.host, attrib_str_of(cases[i].host)) ||
			!attrib_str_eq(url.path, attrib_str_of(cases[i].path)) ||
			!attrib_str_eq(url.query, attrib_str_of(cases[i].query)) ||
			!attrib_str_eq(url.fragment, attrib_str_of(cases[i].fragment)))
			fail_msg("%s", cases[i].url);
	}
}

static void urls_may_be_nothing(void **state)
{
	struct attrib_url url;

	(void)state;
	attrib_url_split(ATTRIB_STR_NONE, &url);
	assert_int_equal(url.scheme.n + url.host.n + url.path.n + url.query.n + url.fragment.n, 0);
}

static void queries_are_walked(void **state)
{
	static const struct {
		const char *query, *pairs; /* "name:value;" each */
	} cases[] = {
		{"", ""},
		{"a=1", "a:1;"},
		{"a=1&b=2", "a:1;b:2;"},
		{"flag", "flag:;"},
		{"a=1&&b=2&", "a:1;b:2;"},
		{"&&&", ""},
		{"a=", "a:;"},
		{"=v", ":v;"},
		{"a=b=c", "a:b=c;"},
		{"%zz=%zz", "%zz:%zz;"},
		{"a=1?b=2", "a:1?b=2;"},
		{"a=1;b=2", "a:1;b=2;"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct attrib_str rest = attrib_str_of(cases[i].query), name, value;
		char pairs[100] = "";
		while (attrib_query_next(&rest, &name, &value)) {
			size_t n = strlen(pairs);
			snprintf(pairs + n, sizeof pairs - n, "%.*s:%.*s;", (int)name.n, name.p,
				(int)value.n, value.p ? value.p : "");
		}
		assert_string_equal(pairs, cases[i].pairs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_are_cut),
		cmocka_unit_test(urls_may_be_nothing),
		cmocka_unit_test(queries_are_walked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
