/*
 * Compressed bodies: whole, cut at every byte, damaged at every byte, too large, and bombs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <zlib.h>

#include "unpack.h"

struct packed {
	uint8_t bytes[4096];
	size_t n;
};

static void pack(struct packed *packed, const void *text, size_t n)
{
	z_stream stream = {.next_in = (z_const Bytef *)text,
		.avail_in = (uInt)n,
		.next_out = packed->bytes,
		.avail_out = sizeof packed->bytes};

	assert_int_equal(
		deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	packed->n = stream.total_out;
	deflateEnd(&stream);
}

/* From a block of exactly these bytes, so that the sanitizer sees who reads behind them. */
static int unpack(struct attrib_arena *arena, const uint8_t *bytes, size_t n, size_t max,
	struct attrib_str *out)
{
	char *copy = malloc(n ? n : 1);
	int err;

	memcpy(copy, bytes, n);
	attrib_arena_reset(arena);
	err = attribd_gunzip(arena, (struct attrib_str){copy, n}, max, out);
	free(copy);
	return err;
}

static void what_was_packed_is_there_again(void **state)
{
	static const char text[] = "{\"batch\":[{\"type\":\"track\"},{\"type\":\"track\"}]}";
	struct attrib_arena *arena = *state;
	struct packed packed;
	struct attrib_str out = ATTRIB_STR_NONE;

	pack(&packed, text, sizeof text - 1);
	assert_int_equal(unpack(arena, packed.bytes, packed.n, sizeof text - 1, &out), 0);
	assert_true(attrib_str_eq(out, ATTRIB_STR(text)));
	for (size_t i = 0; i < 64; i++)
		assert_int_equal(out.p[out.n + i], 0);
	pack(&packed, "", 0);
	assert_int_equal(unpack(arena, packed.bytes, packed.n, 10, &out), 0);
	assert_int_equal(out.n, 0);
}

static void one_byte_too_many_is_too_large(void **state)
{
	static const char text[] = "0123456789";
	struct packed packed;
	struct attrib_str out = ATTRIB_STR("untouched");

	pack(&packed, text, 10);
	assert_int_equal(unpack(*state, packed.bytes, packed.n, 10, &out), 0);
	out = ATTRIB_STR("untouched");
	assert_int_equal(unpack(*state, packed.bytes, packed.n, 9, &out), ATTRIB_E_TOO_LARGE);
	assert_true(attrib_str_eq(out, ATTRIB_STR("untouched")));
}

static void a_bomb_takes_no_more_than_is_allowed(void **state)
{
	static char zeros[2 << 20];
	struct packed packed;
	struct attrib_str out;

	pack(&packed, zeros, sizeof zeros);
	assert_true(packed.n < sizeof zeros / 500);
	assert_int_equal(unpack(*state, packed.bytes, packed.n, 1000, &out), ATTRIB_E_TOO_LARGE);
	assert_int_equal(unpack(*state, packed.bytes, packed.n, sizeof zeros, &out), 0);
	assert_int_equal(out.n, sizeof zeros);
}

static void cut_off_or_damaged_it_is_refused(void **state)
{
	static const char text[] = "one member, a few dozen bytes, with a sum at its end";
	struct packed packed;
	struct attrib_str out = ATTRIB_STR_NONE;
	size_t refused = 0;

	pack(&packed, text, sizeof text - 1);
	for (size_t n = 0; n < packed.n; n++)
		assert_int_equal(unpack(*state, packed.bytes, n, 1000, &out), ATTRIB_E_INVALID);
	for (size_t i = 0; i < packed.n; i++) {
		packed.bytes[i] ^= 0x10;
		if (unpack(*state, packed.bytes, packed.n, 1000, &out))
			refused++;
		else /* its time, its system, bits that fill up a byte: no part of what it holds */
			assert_true(attrib_str_eq(out, ATTRIB_STR(text)));
		packed.bytes[i] ^= 0x10;
	}
	assert_true(refused >= packed.n - 10);
}

static void nothing_stands_behind_it(void **state)
{
	struct packed packed;
	struct attrib_str out;
	size_t n;

	pack(&packed, "text", 4);
	n = packed.n;
	packed.bytes[n] = 0;
	assert_int_equal(unpack(*state, packed.bytes, n + 1, 1000, &out), ATTRIB_E_INVALID);
	memcpy(packed.bytes + n, packed.bytes, n); /* a second member */
	assert_int_equal(unpack(*state, packed.bytes, 2 * n, 1000, &out), ATTRIB_E_INVALID);
	assert_int_equal(unpack(*state, (const uint8_t *)"{}", 2, 1000, &out), ATTRIB_E_INVALID);
}

static int setup(void **state)
{
	struct attrib_arena *arena = malloc(sizeof *arena);

	attrib_arena_init(arena, 4096);
	*state = arena;
	return 0;
}

static int teardown(void **state)
{
	attrib_arena_done(*state);
	free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_packed_is_there_again),
		cmocka_unit_test(one_byte_too_many_is_too_large),
		cmocka_unit_test(a_bomb_takes_no_more_than_is_allowed),
		cmocka_unit_test(cut_off_or_damaged_it_is_refused),
		cmocka_unit_test(nothing_stands_behind_it),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
