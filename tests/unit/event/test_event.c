/*
 * The codec: every member survives, damage is told, nothing outside the payload is read. Payloads
 * are decoded from heap blocks of their exact size, so AddressSanitizer sees one byte too many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "attrib/event.h"
#include "random_event.h"

static uint64_t start_seed(void)
{
	const char *given = getenv("ATTRIB_TEST_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);

	print_message("ATTRIB_TEST_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

/* Decodes an exact copy. The copy outlives the call in *copy: texts are views of it. */
static int decode(
	const void *p, size_t n, struct attrib_arena *arena, struct attrib_event *out, char **copy)
{
	*copy = malloc(n ? n : 1);
	if (n)
		memcpy(*copy, p, n);
	return attrib_event_decode((struct attrib_str){*copy, n}, arena, out);
}

static struct attrib_event plain_click(void)
{
	struct attrib_event e = {.type = ATTRIB_EVENT_CLICK,
		.site = ATTRIB_STR("acme"),
		.source = ATTRIB_STR("redirect"),
		.received_at = 1793534400000000,
		.occurred_at = 1793534400000000,
		.event_id = ATTRIB_STR("0123456789abcdefABCDEF"),
		.link = ATTRIB_STR("lisa-reel"),
		.referrer_host = ATTRIB_STR("l.instagram.com")};

	memset(e.id.b, 1, 16);
	memset(e.visitor.b, 2, 16);
	memset(e.click.b, 3, 16);
	return e;
}

static void test_random_events_survive(void **state)
{
	uint64_t seed = start_seed();
	struct attrib_event in, out;
	struct attrib_arena arena;
	struct attrib_buf buf;

	(void)state;
	attrib_arena_init(&arena, 1 << 16);
	attrib_buf_init(&buf);
	for (int i = 0; i < 2000; i++) {
		const char *difference;
		char *copy;
		random_event(&seed, &arena, &in);
		attrib_buf_clear(&buf);
		attrib_event_encode(&in, &buf);
		assert_int_equal(buf.err, 0);
		assert_int_equal(decode(buf.p, buf.n, &arena, &out, &copy), 0);
		difference = event_difference(&in, &out);
		if (difference)
			fail_msg("event %d: %s differs", i, difference);
		free(copy);
		attrib_arena_reset(&arena);
	}
	attrib_buf_done(&buf);
	attrib_arena_done(&arena);
}

static void test_every_type_survives(void **state)
{
	struct attrib_arena arena;
	struct attrib_buf buf;

	(void)state;
	attrib_arena_init(&arena, 4096);
	attrib_buf_init(&buf);
	for (int type = 1; type <= ATTRIB_EVENT_TYPE_MAX; type++) {
		struct attrib_event in = plain_click(), out;
		struct attrib_order order = {.id = ATTRIB_STR("1001"),
			.placed_at = ATTRIB_NEVER,
			.paid_at = ATTRIB_NEVER,
			.updated_at = ATTRIB_NEVER};
		struct attrib_refund refund = {.order_id = ATTRIB_STR("1001"), .amount = 4000};
		in.type = (enum attrib_event_type)type;
		if (in.type == ATTRIB_EVENT_PURCHASE || in.type == ATTRIB_EVENT_LEAD)
			in.order = &order;
		if (in.type == ATTRIB_EVENT_REFUND)
			in.refund = &refund;
		attrib_buf_clear(&buf);
		attrib_event_encode(&in, &buf);
		assert_int_equal(attrib_event_decode(attrib_buf_view(&buf), &arena, &out), 0);
		assert_null(event_difference(&in, &out));
	}
	attrib_buf_done(&buf);
	attrib_arena_done(&arena);
}

static void test_is_compact(void **state)
{
	struct attrib_event click = plain_click();
	struct attrib_buf buf;

	(void)state;
	attrib_buf_init(&buf);
	attrib_event_encode(&click, &buf);
	assert_in_range(buf.n, 100, 150);
	attrib_buf_done(&buf);
}

static int decode_plain(struct attrib_buf *buf, struct attrib_event *out)
{
	struct attrib_arena arena;
	char *copy;
	int err;

	attrib_arena_init(&arena, 4096);
	err = decode(buf->p, buf->n, &arena, out, &copy);
	free(copy);
	attrib_arena_done(&arena);
	return err;
}

/* A payload of version 1 with type CLICK and received_at, then `more`. */
static int decode_after_head(const char *more, size_t n, struct attrib_event *out)
{
	static const char head[] = "\x01\x01\x01\x01\x05\x08\x01\0\0\0\0\0\0\0";
	struct attrib_buf buf;
	int err;

	attrib_buf_init(&buf);
	attrib_buf_put(&buf, head, sizeof head - 1);
	attrib_buf_put(&buf, more, n);
	err = decode_plain(&buf, out);
	attrib_buf_done(&buf);
	return err;
}

static void test_unknown_fields_are_skipped(void **state)
{
	struct attrib_event out = {0};

	(void)state;
	assert_int_equal(
		decode_after_head("\x0f\x03xyz\x20\x01\x07\xf0\x00\xff\x02pq", 14, &out), 0);
	assert_int_equal(out.ad_clicks, 7);
	assert_int_equal(out.received_at, 1);
	assert_int_equal(out.occurred_at, 1);
}

static void test_damage_is_told(void **state)
{
	static const struct {
		const char *what, *bytes;
		size_t n;
	} cases[] = {
		{"tag twice",
			"\x10\x01"
			"a\x10\x01"
			"b",
			6},
		{"tags fall",
			"\x11\x01"
			"a\x10\x01"
			"b",
			6},
		{"tag 0", "\x00\x00", 2},
		{"no length", "\x10", 1},
		{"length beyond the end",
			"\x10\x02"
			"a",
			3},
		{"endless length", "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13},
		{"huge length", "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},
		{"short id",
			"\x0b\x0f"
			"0123456789abcde",
			17},
		{"flag with a value", "\x14\x01\x01", 3},
		{"number with a tail", "\x20\x02\x01\x01", 4},
		{"number without bytes", "\x20\x00", 2},
		{"number beyond 32 bits", "\x20\x05\xff\xff\xff\xff\x1f", 7},
		{"instant beyond all calendars", "\x06\x09\x80\x80\x80\x80\x80\x80\x80\x80\x08",
			11},
		{"order on a click",
			"\x40\x01"
			"1",
			3},
		{"refund on a click",
			"\x80\x01"
			"1",
			3},
		{"half a customer key",
			"\x0c\x05\x01"
			"abcd",
			7},
		{"unknown kind of key",
			"\x0c\x11\x09"
			"0123456789abcdef",
			19},
	};
	struct attrib_event out;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int err = decode_after_head(cases[i].bytes, cases[i].n, &out);
		if (err != ATTRIB_E_CORRUPT)
			fail_msg("%s: %d", cases[i].what, err);
	}
}

static void test_heads(void **state)
{
	static const struct {
		const char *what, *bytes;
		size_t n;
		int err;
	} cases[] = {
		{"empty", "", 0, ATTRIB_E_CORRUPT},
		{"version 0", "\0\x01\x01\x01", 4, ATTRIB_E_CORRUPT},
		{"newer", "\x02\x01\x01\x01", 4, ATTRIB_E_VERSION},
		{"no fields", "\x01", 1, ATTRIB_E_CORRUPT},
		{"no type", "\x01\x05\x08\x01\0\0\0\0\0\0\0", 11, ATTRIB_E_CORRUPT},
		{"no received_at", "\x01\x01\x01\x01", 4, ATTRIB_E_CORRUPT},
		{"type 13", "\x01\x01\x01\x0d\x05\x08\x01\0\0\0\0\0\0\0", 14, ATTRIB_E_CORRUPT},
		{"type 0", "\x01\x01\x01\x00\x05\x08\x01\0\0\0\0\0\0\0", 14, ATTRIB_E_CORRUPT},
		{"trust 2", "\x01\x01\x01\x01\x02\x01\x02\x05\x08\x01\0\0\0\0\0\0\0", 17,
			ATTRIB_E_CORRUPT},
		{"fine", "\x01\x01\x01\x01\x02\x01\x01\x05\x08\x01\0\0\0\0\0\0\0", 17, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct attrib_buf buf = {.p = (uint8_t *)cases[i].bytes, .n = cases[i].n};
		struct attrib_event out;
		int err = decode_plain(&buf, &out);
		if (err != cases[i].err)
			fail_msg("%s: %d", cases[i].what, err);
	}
}

static void test_lists_are_bounded(void **state)
{
	struct attrib_event in = plain_click(), out;
	struct attrib_order order = {.id = ATTRIB_STR("1"), .code_count = ATTRIB_ORDER_CODES_MAX};
	struct attrib_buf buf;

	(void)state;
	in.type = ATTRIB_EVENT_PURCHASE;
	in.order = &order;
	attrib_buf_init(&buf);
	attrib_event_encode(&in, &buf);
	assert_int_equal(decode_plain(&buf, &out), 0);
	/* 16 empty codes are the last field: {tag, 16, sixteen zero bytes}; make them seventeen */
	assert_int_equal(buf.p[buf.n - 17], 16);
	buf.p[buf.n - 17] = 17;
	attrib_buf_char(&buf, 0);
	assert_int_equal(decode_plain(&buf, &out), ATTRIB_E_CORRUPT);
	attrib_buf_done(&buf);
}

/* A result that was not CORRUPT must be an event that encodes again. */
static void decode_damaged(const uint8_t *p, size_t n, struct attrib_arena *arena)
{
	struct attrib_event out;
	struct attrib_buf again;
	char *copy;
	int err = decode(p, n, arena, &out, &copy);

	if (err == 0) {
		attrib_buf_init(&again);
		attrib_event_encode(&out, &again);
		assert_int_equal(again.err, 0);
		assert_true(out.type >= 1 && out.type <= ATTRIB_EVENT_TYPE_MAX);
		attrib_buf_done(&again);
	} else if (err != ATTRIB_E_VERSION) {
		assert_int_equal(err, ATTRIB_E_CORRUPT);
	}
	free(copy);
}

static void test_truncated_and_mutated(void **state)
{
	uint64_t seed = start_seed();
	struct attrib_event in;
	struct attrib_arena arena;
	struct attrib_buf buf;

	(void)state;
	attrib_arena_init(&arena, 1 << 16);
	attrib_buf_init(&buf);
	for (int i = 0; i < 200; i++) {
		random_event(&seed, &arena, &in);
		attrib_buf_clear(&buf);
		attrib_event_encode(&in, &buf);
		for (size_t cut = 0; cut < 60 && cut < buf.n; cut++) {
			decode_damaged(buf.p, random_next(&seed) % buf.n, &arena);
			decode_damaged(buf.p, cut, &arena);
		}
		for (int m = 0; m < 60; m++) {
			size_t at = random_next(&seed) % (m % 2 && buf.n > 64 ? 64 : buf.n);
			buf.p[at] ^= (uint8_t)(1 << random_next(&seed) % 8);
			decode_damaged(buf.p, buf.n, &arena);
		}
		attrib_arena_reset(&arena);
	}
	attrib_buf_done(&buf);
	attrib_arena_done(&arena);
}

static void test_type_names(void **state)
{
	enum attrib_event_type type = ATTRIB_EVENT_ERASE;

	(void)state;
	for (int i = 1; i <= ATTRIB_EVENT_TYPE_MAX; i++) {
		const char *name = attrib_event_type_name((enum attrib_event_type)i);
		assert_int_equal(attrib_event_type_parse(attrib_str_of(name), &type), 0);
		assert_int_equal(type, i);
	}
	assert_int_equal(attrib_event_type_parse(ATTRIB_STR("Click"), &type), ATTRIB_E_BAD_TYPE);
	assert_int_equal(attrib_event_type_parse(ATTRIB_STR_NONE, &type), ATTRIB_E_BAD_TYPE);
	assert_int_equal(type, ATTRIB_EVENT_ERASE);
	assert_string_equal(attrib_event_type_name((enum attrib_event_type)0), "unknown");
	assert_string_equal(attrib_event_type_name((enum attrib_event_type)13), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_events_survive),
		cmocka_unit_test(test_every_type_survives),
		cmocka_unit_test(test_is_compact),
		cmocka_unit_test(test_unknown_fields_are_skipped),
		cmocka_unit_test(test_damage_is_told),
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_lists_are_bounded),
		cmocka_unit_test(test_truncated_and_mutated),
		cmocka_unit_test(test_type_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
