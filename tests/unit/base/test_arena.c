/* The bump allocator: alignment, growth, large blocks, reset. */
#include "check.h"

#include "attrib/arena.h"

static void pieces_are_aligned_zeroed_and_apart(void **state)
{
	struct attrib_arena arena;
	unsigned char *p[300];

	(void)state;
	attrib_arena_init(&arena, 256);
	for (size_t i = 0; i < COUNT(p); i++) {
		p[i] = attrib_arena_alloc(&arena, i);
		assert_non_null(p[i]);
		assert_int_equal((uintptr_t)p[i] % 16, 0);
		for (size_t k = 0; k < i; k++)
			assert_int_equal(p[i][k], 0);
		memset(p[i], (int)i, i);
	}
	for (size_t i = 0; i < COUNT(p); i++) {
		for (size_t k = 0; k < i; k++)
			assert_int_equal(p[i][k], (unsigned char)i);
	}
	attrib_arena_done(&arena);
}

static void a_large_piece_does_not_end_the_current_block(void **state)
{
	struct attrib_arena arena;
	char *first, *next;

	(void)state;
	attrib_arena_init(&arena, 1024);
	first = attrib_arena_raw(&arena, 16);
	assert_non_null(attrib_arena_raw(&arena, 100000));
	next = attrib_arena_raw(&arena, 16);
	assert_in_range(next - first, 16, 1024 - 16);
	attrib_arena_done(&arena);
}

static void reset_keeps_one_block_and_counts_from_zero(void **state)
{
	struct attrib_arena arena;
	struct attrib_arena_block *kept;

	(void)state;
	attrib_arena_init(&arena, 1024);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 10; i++)
			assert_non_null(attrib_arena_raw(&arena, 500));
		assert_non_null(attrib_arena_raw(&arena, 5000));
		assert_true(arena.used >= 10000);
		attrib_arena_reset(&arena);
		assert_int_equal(arena.used, 0);
		assert_non_null(arena.head);
	}
	kept = arena.head;
	memset(attrib_arena_raw(&arena, 1024), 0xff, 1024);
	assert_ptr_equal(arena.head, kept);
	attrib_arena_reset(&arena);
	assert_int_equal(*(unsigned char *)attrib_arena_alloc(&arena, 1), 0);
	attrib_arena_done(&arena);
	attrib_arena_reset(&arena);
	assert_null(arena.head);
}

static void sizes_that_cannot_be_are_refused(void **state)
{
	volatile size_t most = SIZE_MAX; /* a compiler that knew it would warn */
	struct attrib_arena arena;

	(void)state;
	attrib_arena_init(&arena, 64);
	assert_null(attrib_arena_raw(&arena, most));
	assert_null(attrib_arena_alloc(&arena, most - 40));
	assert_int_equal(arena.used, 0);
	attrib_arena_done(&arena);
}

/* So that whoever made many pieces need not ask for each. */
static void a_refusal_is_remembered_until_the_reset(void **state)
{
	struct attrib_arena arena;

	(void)state;
	attrib_arena_init(&arena, 64);
	assert_false(arena.failed);
	assert_null(attrib_arena_raw(&arena, SIZE_MAX));
	assert_non_null(attrib_arena_raw(&arena, 16));
	assert_true(arena.failed);
	assert_null(attrib_arena_raw(&arena, SIZE_MAX)); /* whatever room the block has */
	attrib_arena_reset(&arena);
	assert_false(arena.failed);
	attrib_arena_done(&arena);
}

static void strings_are_copied_and_terminated(void **state)
{
	struct attrib_arena arena;
	char text[] = "abc";
	struct attrib_str copy;

	(void)state;
	attrib_arena_init(&arena, 64);
	copy = attrib_arena_str(&arena, attrib_str_of(text));
	text[0] = 'x';
	assert_string_equal(copy.p, "abc");
	assert_int_equal(copy.n, 3);
	copy = attrib_arena_str(&arena, ATTRIB_STR_NONE);
	assert_string_equal(copy.p, "");
	copy = attrib_arena_printf(&arena, "%s-%d-%0200d", "a", 7, 1);
	assert_int_equal(copy.n, 204);
	assert_int_equal(strlen(copy.p), 204);
	attrib_arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_aligned_zeroed_and_apart),
		cmocka_unit_test(a_large_piece_does_not_end_the_current_block),
		cmocka_unit_test(reset_keeps_one_block_and_counts_from_zero),
		cmocka_unit_test(sizes_that_cannot_be_are_refused),
		cmocka_unit_test(a_refusal_is_remembered_until_the_reset),
		cmocka_unit_test(strings_are_copied_and_terminated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
