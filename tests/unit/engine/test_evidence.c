/*
 * Bodies of touches: what was written is read, and what is cut is none.
 */
#include "evidence.h"
#include "facts.h"
#include "world.h"

#define TEXTS 8

static struct attrib_str *text_of(struct attrib_event *event, size_t i)
{
	struct attrib_str *const texts[TEXTS] = {&event->event_id, &event->link, &event->affiliate,
		&event->utm.source, &event->utm.medium, &event->utm.campaign, &event->utm.term,
		&event->utm.content};

	return texts[i];
}

static struct attrib_fact write(struct attrib_event *event, struct attrib_arena *arena)
{
	struct attrib_fact fact = {.body = attrib_evidence_write(event, arena)};

	assert_non_null(fact.body.p);
	return fact;
}

static void test_every_flag_comes_back(void **unused)
{
	struct attrib_arena arena;

	(void)unused;
	attrib_arena_init(&arena, 4096);
	for (int bit = 0; bit < 32; bit++) {
		struct attrib_event event = {
			.type = ATTRIB_EVENT_VIEW, .verdicts = UINT32_C(1) << bit};
		struct attrib_fact fact = write(&event, &arena);
		struct attrib_evidence got;
		assert_true(attrib_evidence_read(&fact, &got));
		assert_int_equal(got.type, ATTRIB_EVENT_VIEW);
		assert_int_equal(got.verdicts, event.verdicts);
		assert_false(got.has_utm);
	}
	attrib_arena_done(&arena);
}

/* Alone and with all others; empty ones take no room. */
static void test_every_text_comes_back(void **unused)
{
	struct attrib_arena arena;

	(void)unused;
	attrib_arena_init(&arena, 1u << 18);
	for (unsigned set = 0; set < 1u << TEXTS; set++) {
		struct attrib_event event = {.type = ATTRIB_EVENT_CLICK, .has_utm = set >> 3};
		struct attrib_evidence got;
		struct attrib_fact fact;
		size_t size = 6;
		for (size_t i = 0; i < TEXTS; i++)
			if (set >> i & 1) {
				*text_of(&event, i) = attrib_arena_printf(&arena, "%zu", i * 77);
				size += 2 + text_of(&event, i)->n;
			}
		fact = write(&event, &arena);
		assert_int_equal(fact.body.n, size);
		assert_true(attrib_evidence_read(&fact, &got));
		assert_true(attrib_str_eq(got.event_id, event.event_id));
		assert_true(attrib_str_eq(got.link, event.link));
		assert_true(attrib_str_eq(got.affiliate, event.affiliate));
		assert_true(attrib_str_eq(got.utm.source, event.utm.source));
		assert_true(attrib_str_eq(got.utm.medium, event.utm.medium));
		assert_true(attrib_str_eq(got.utm.campaign, event.utm.campaign));
		assert_true(attrib_str_eq(got.utm.term, event.utm.term));
		assert_true(attrib_str_eq(got.utm.content, event.utm.content));
		assert_int_equal(got.has_utm, event.has_utm);
		for (size_t n = 0; n < size; n++) {
			struct attrib_fact cut = {.body = attrib_arena_str(&arena,
							  (struct attrib_str){fact.body.p, n})};
			assert_false(attrib_evidence_read(&cut, &got));
		}
		attrib_arena_reset(&arena);
	}
	attrib_arena_done(&arena);
}

static void test_a_text_has_64_kib_less_one(void **unused)
{
	struct attrib_arena arena;
	char *long_text;

	(void)unused;
	attrib_arena_init(&arena, 1u << 18);
	long_text = attrib_arena_alloc(&arena, UINT16_MAX + 1);
	for (size_t n = UINT16_MAX - 1; n <= UINT16_MAX + 1; n++) {
		struct attrib_event event = {.type = ATTRIB_EVENT_CLICK, .link = {long_text, n}};
		struct attrib_fact fact = write(&event, &arena);
		struct attrib_evidence got;
		assert_true(attrib_evidence_read(&fact, &got));
		assert_int_equal(got.link.n, n < UINT16_MAX ? n : UINT16_MAX);
	}
	attrib_arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_flag_comes_back),
		cmocka_unit_test(test_every_text_comes_back),
		cmocka_unit_test(test_a_text_has_64_kib_less_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
