/*
 * The visitor cookie, and the people that customer keys name.
 */
#include "world.h"

static const uint8_t random_bytes[16] = {1, 2, 3, 250, 251, 252};

static void test_cookie_is_its_own_proof(void **state)
{
	struct world *w = *state;
	struct attrib_str cookie = attrib_visitor_cookie(&w->arena, w->keys, random_bytes);
	struct attrib_str text;

	assert_int_equal(cookie.n, 45);
	text = attrib_visitor_verify(w->keys, cookie);
	assert_int_equal(text.n, 22);
	assert_memory_equal(text.p, cookie.p, 22);
	assert_id(attrib_visitor_id(w->keys, w->site.name, cookie),
		attrib_id_of(w->keys, ATTRIB_ID_VISITOR, w->site.name, text));
}

static void test_forged_cookies_are_nobody(void **state)
{
	struct world *w = *state;
	struct attrib_str cookie = attrib_visitor_cookie(&w->arena, w->keys, random_bytes);
	struct attrib_id nobody;
	char forged[45];

	for (size_t i = 0; i < 45; i++) {
		if (i == 22)
			continue;
		memcpy(forged, cookie.p, 45);
		forged[i] = forged[i] == 'A' ? 'B' : 'A';
		assert_null(attrib_visitor_verify(w->keys, (struct attrib_str){forged, 45}).p);
		nobody = attrib_visitor_id(w->keys, w->site.name, (struct attrib_str){forged, 45});
		assert_true(attrib_id_none(&nobody));
	}
	for (size_t n = 0; n < 45; n++)
		assert_null(attrib_visitor_verify(w->keys, (struct attrib_str){cookie.p, n}).p);
}

static void test_cookie_of_another_secret(void **state)
{
	struct world *w = *state;
	uint8_t secret[ATTRIB_SECRET_BYTES] = {9};
	struct attrib_keys *others = attrib_keys_new(secret);
	struct attrib_str cookie = attrib_visitor_cookie(&w->arena, others, random_bytes);

	assert_null(attrib_visitor_verify(w->keys, cookie).p);
	attrib_keys_free(others);
}

static void test_texts_are_ids_too(void **state)
{
	struct world *w = *state;
	struct attrib_id id;

	assert_id(attrib_visitor_id(w->keys, w->site.name, ATTRIB_STR("GA1.2.3")),
		id_of(w, ATTRIB_ID_VISITOR, "GA1.2.3"));
	id = attrib_visitor_id(w->keys, w->site.name, ATTRIB_STR_NONE);
	assert_true(attrib_id_none(&id));
	id = attrib_visitor_id(w->keys, w->site.name, ATTRIB_STR("0"));
	assert_true(attrib_id_none(&id));
}

static void test_normalised(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *phone, *expected;
	} phones[] = {
		{"+49 (171) 123-456", "+49171123456"},
		{"0049171123456", "+49171123456"},
		{"49171123456", "+49171123456"},
		{"0171 123456", "+0171123456"},
		{"", ""},
		{"0", ""},
		{"1234", ""},
		{"000000000", ""},
		{"no phone", ""},
		{"00", ""},
		{"000", ""},
		{"12345", "+12345"},
	};

	for (size_t i = 0; i < sizeof phones / sizeof *phones; i++)
		assert_text(attrib_phone_normalise(&w->arena, attrib_str_of(phones[i].phone)),
			phones[i].expected);
	assert_text(attrib_email_normalise(&w->arena, ATTRIB_STR(" Ann@EXAMPLE.com ")),
		"ann@example.com");
	assert_text(
		attrib_email_normalise(&w->arena, ATTRIB_STR("J\xc3\x96@x.de")), "j\xc3\xb6@x.de");
	assert_text(attrib_email_normalise(&w->arena, ATTRIB_STR("guest")), "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_cookie_is_its_own_proof),
		TEST(test_forged_cookies_are_nobody),
		TEST(test_cookie_of_another_secret),
		TEST(test_texts_are_ids_too),
		TEST(test_normalised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
