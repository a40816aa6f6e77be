/*
 * Query strings from the wild.
 */
#include "world.h"

struct expected {
	const char *query, *source, *medium, *campaign, *term, *content, *affiliate, *click;
	uint32_t ads;
};

static void test_queries(void **state)
{
	static const struct expected cases[] = {
		{"", "", "", "", "", "", "", "", 0},
		{"flag", "", "", "", "", "", "", "", 0},
		{"a=1&&b=2&utm_source=x", "x", "", "", "", "", "", "", 0},
		{"%zz=1&utm_source=%zz&%=%&utm_medium=50%", "%zz", "50%", "", "", "", "", "", 0},
		{"utm_source=a%00b",
			"a\xef\xbf\xbd"
			"b",
			"", "", "", "", "", "", 0},
		{"utm_source=%ff", "\xef\xbf\xbd", "", "", "", "", "", "", 0},
		{"utm_source=A%20B&utm_source=B", "A B", "", "", "", "", "", "", 0},
		{"utm_source=&utm_source=B", "B", "", "", "", "", "", "", 0},
		{"utm_source=+&utm_source=B", "B", "", "", "", "", "", "", 0},
		{"utm_source&utm_source=B", "B", "", "", "", "", "", "", 0},
		{"utm_source=a+b%2Bc", "a b+c", "", "", "", "", "", "", 0},
		{"utm_source=a=b=c", "a=b=c", "", "", "", "", "", "", 0},
		{"UTM_Source=I&utm%5Fmedium=m", "I", "m", "", "", "", "", "", 0},
		{"utm_source=a&amp;utm_medium=b&amp;utm_campaign=c", "a", "b", "c", "", "", "", "",
			0},
		{"utm_source=a;utm_medium=b", "a;utm_medium=b", "", "", "", "", "", "", 0},
		{"mtm_source=a&mtm_cpn=b&mtm_kwd=c&mtm_content=d&mtm_medium=e", "a", "e", "b", "c",
			"d", "", "", 0},
		{"pk_campaign=a&pk_keyword=b&pk_source=c", "c", "", "a", "b", "", "", "", 0},
		{"utm_source=%F0%9F%8D%95&utm_term=%E2%80%8D", "\xf0\x9f\x8d\x95", "", "",
			"\xe2\x80\x8d", "", "", "", 0},
		{"utm_source=\xf0\x9f\x8d\x95", "\xf0\x9f\x8d\x95", "", "", "", "", "", "", 0},
		{"utm_id=5&utm_sourcex=1&utm_=2&utm=3&xutm_source=4", "", "", "", "", "", "", "",
			0},
		{"ref=lisa", "", "", "", "", "", "lisa", "", 0},
		{"aff=tom&ref=lisa", "", "", "", "", "", "lisa", "", 0},
		{"ref=lisa&aff=tom", "", "", "", "", "", "lisa", "", 0},
		{"aff=tom&ref=", "", "", "", "", "", "tom", "", 0},
		{"REF=Lisa%20M", "", "", "", "", "", "Lisa M", "", 0},
		{"attr_click=abc-_1&attr_click=zzz", "", "", "", "", "", "", "abc-_1", 0},
		{"attr_click=%0a", "", "", "", "", "", "", "", 0},
		{"attr_click=a%20b&attr_click=c", "", "", "", "", "", "", "c", 0},
		{"gclid=1&FBCLID=2&ranSiteID=3&msclkid=", "", "", "", "", "", "", "",
			1u << ATTRIB_AD_GCLID | 1u << ATTRIB_AD_FBCLID | 1u << ATTRIB_AD_RANSITEID},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct expected *c = &cases[i];
		struct attrib_landing l;
		char url[400];
		snprintf(
			url, sizeof url, "https://shop.example/p?%s#utm_source=fragment", c->query);
		attrib_landing_parse(&w->arena, attrib_str_of(url), &w->intake_site, &l);
		assert_text(l.utm.source, c->source);
		assert_text(l.utm.medium, c->medium);
		assert_text(l.utm.campaign, c->campaign);
		assert_text(l.utm.term, c->term);
		assert_text(l.utm.content, c->content);
		assert_text(l.affiliate, c->affiliate);
		assert_text(l.click_id, c->click);
		assert_int_equal(l.ad_clicks, c->ads);
		assert_int_equal(l.has_utm, c->source[0] || c->medium[0] || c->campaign[0] ||
						    c->term[0] || c->content[0]);
	}
}

static void test_urls(void **state)
{
	static const char *const urls[] = {"?utm_source=a", "/?utm_source=a", "//h?utm_source=a",
		"p?utm_source=a#", "HTTPS://h:1/?x=?&utm_source=a", "https://u:p@h/?utm_source=a"};
	struct world *w = *state;
	struct attrib_landing l;

	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		attrib_landing_parse(&w->arena, attrib_str_of(urls[i]), &w->intake_site, &l);
		assert_text(l.utm.source, "a");
	}
	attrib_landing_parse(&w->arena, ATTRIB_STR_NONE, &w->intake_site, &l);
	assert_false(l.has_utm);
}

/* Too long for a key: as if it had not been there. */
static void test_long_values(void **state)
{
	struct world *w = *state;
	char url[1200] = "?utm_source=";
	struct attrib_landing l;

	memset(url + 12, 'x', 513);
	strcpy(url + 12 + 513, "&utm_source=short&utm_medium=m");
	attrib_landing_parse(&w->arena, attrib_str_of(url), &w->intake_site, &l);
	assert_text(l.utm.source, "short");
	assert_text(l.utm.medium, "m");
	strcpy(url + 12 + 512, "&utm_medium=m");
	attrib_landing_parse(&w->arena, attrib_str_of(url), &w->intake_site, &l);
	assert_int_equal(l.utm.source.n, 512);
}

/* 4 KiB of anything: texts stay texts, nothing is read outside. */
static void test_garbage(void **state)
{
	static const char *const pieces[] = {"&", "=", "%", "%0", "%00", "utm_source", "ref", "+",
		";", "amp;", "\xff", "\xc3", "#", "?", "utm_", "attr_click", "\xf0\x9f\x8d\x95",
		"x"};
	struct world *w = *state;
	uint64_t seed = 20261101, left;

	print_message("seed %llu\n", (unsigned long long)seed);
	for (int round = 0; round < 300; round++) {
		struct attrib_landing l;
		struct attrib_buf buf;
		char *exact;
		attrib_buf_init(&buf);
		for (left = 4096; left > 16; left = 4096 - buf.n) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			attrib_buf_str(&buf, attrib_str_of(pieces[(seed >> 33) % 18]));
			if (seed >> 60 == 0 && round % 2)
				break;
		}
		exact = malloc(buf.n);
		memcpy(exact, buf.p, buf.n);
		attrib_landing_parse(
			&w->arena, (struct attrib_str){exact, buf.n}, &w->intake_site, &l);
		assert_true(attrib_str_is_text(l.utm.source));
		assert_true(attrib_str_is_text(l.affiliate));
		assert_true(l.utm.source.n <= 512);
		free(exact);
		attrib_buf_done(&buf);
		attrib_arena_reset(&w->arena);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_queries),
		TEST(test_urls),
		TEST(test_long_values),
		TEST(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
