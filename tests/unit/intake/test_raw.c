/*
 * Kept bodies: what is sealed is opened by its own key only, shows nothing of itself, and is no event.
 */
#include "attrib/raw.h"
#include "world.h"

#define BODY "{\"email\":\"canary@example.com\"}"

static const uint8_t key[ATTRIB_RAW_KEY_BYTES] = {1, 2, 3};

static struct attrib_buf sealed(const char *body)
{
	struct attrib_raw raw = {.vendor = ATTRIB_VENDOR_STANDARD,
		.received_at = NOW,
		.site = ATTRIB_STR("acme"),
		.reason = ATTRIB_STR("order.total: expected an amount"),
		.request_id = ATTRIB_STR("msg_1"),
		.body = attrib_str_of(body)};
	struct attrib_buf out;

	attrib_buf_init(&out);
	assert_int_equal(attrib_raw_seal(&raw, key, &out), 0);
	return out;
}

static void what_is_sealed_is_opened(void **state)
{
	static const char *const bodies[] = {"", "{", BODY};
	struct world *w = *state;
	struct attrib_raw raw;

	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		struct attrib_buf record = sealed(bodies[i]);
		assert_int_equal(attrib_raw_read(attrib_buf_view(&record), &raw), 0);
		assert_int_equal(raw.vendor, ATTRIB_VENDOR_STANDARD);
		assert_int_equal(raw.received_at, NOW);
		assert_text(raw.site, "acme");
		assert_text(raw.reason, "order.total: expected an amount");
		assert_text(raw.request_id, "msg_1");
		assert_int_equal(raw.body.n, 0);
		assert_int_equal(
			attrib_raw_open(attrib_buf_view(&record), key, &w->arena, &raw), 0);
		assert_text(raw.body, bodies[i]);
		attrib_buf_done(&record);
	}
}

static void two_records_of_one_body_differ(void **state)
{
	struct attrib_buf a = sealed(BODY), b = sealed(BODY);

	(void)state;
	assert_int_equal(a.n, b.n);
	assert_memory_not_equal(a.p + a.n - 40, b.p + b.n - 40, 40);
	assert_null(memmem(a.p, a.n, "canary", 6));
	attrib_buf_done(&a);
	attrib_buf_done(&b);
}

/* Every bit of head, body and tag counts, and so does the key. */
static void changed_records_are_refused(void **state)
{
	struct attrib_buf record = sealed(BODY);
	uint8_t other[ATTRIB_RAW_KEY_BYTES] = {1, 2, 4};
	struct world *w = *state;
	struct attrib_raw raw;

	assert_int_equal(attrib_raw_open(attrib_buf_view(&record), other, &w->arena, &raw),
		ATTRIB_E_CORRUPT);
	for (size_t bit = 0; bit < 8 * record.n; bit++) {
		record.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(
			attrib_raw_open(attrib_buf_view(&record), key, &w->arena, &raw), 0);
		record.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t n = 0; n < record.n; n++) {
		struct attrib_str cut = {(char *)record.p, n};
		assert_int_not_equal(attrib_raw_open(cut, key, &w->arena, &raw), 0);
	}
	assert_int_equal(attrib_raw_open(attrib_buf_view(&record), key, &w->arena, &raw), 0);
	attrib_buf_done(&record);
}

static void it_is_no_event(void **state)
{
	struct attrib_buf record = sealed(BODY), event_record;
	struct world *w = *state;
	struct attrib_event event;
	struct attrib_raw raw;

	assert_int_equal(
		attrib_event_decode(attrib_buf_view(&record), &w->arena, &event), ATTRIB_E_VERSION);
	attrib_buf_done(&record);
	attrib_buf_init(&event_record);
	event = *one_event(w, ATTRIB_TRUST_SIGNED, "{\"type\":\"visit\",\"url\":\"/\"}");
	attrib_event_encode(&event, &event_record);
	assert_int_equal(attrib_raw_read(attrib_buf_view(&event_record), &raw), ATTRIB_E_NOT_FOUND);
	attrib_buf_done(&event_record);
}

static void long_ones(void **state)
{
	static char bytes[ATTRIB_RAW_BODY_MAX + 1];
	struct attrib_raw raw = {.site = {bytes, 100},
				  .reason = {bytes, 5000},
				  .request_id = {bytes, 5000},
				  .body = {bytes, ATTRIB_RAW_BODY_MAX}},
			  again;
	struct attrib_buf out;

	(void)state;
	attrib_buf_init(&out);
	assert_int_equal(attrib_raw_seal(&raw, key, &out), 0);
	assert_true(out.n <= 1u << 20); /* the journal's limit of a record */
	assert_int_equal(attrib_raw_read(attrib_buf_view(&out), &again), 0);
	assert_int_equal(again.reason.n, 1024);
	raw.body.n++;
	assert_int_equal(attrib_raw_seal(&raw, key, &out), ATTRIB_E_TOO_LARGE);
	attrib_buf_done(&out);
}

static void days(void **state)
{
	(void)state;
	assert_int_equal(attrib_raw_day(0), 0);
	assert_int_equal(attrib_raw_day(ATTRIB_US_PER_DAY - 1), 0);
	assert_int_equal(attrib_raw_day(ATTRIB_US_PER_DAY), 1);
	assert_int_equal(attrib_raw_day(-1), -1);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WORLD(what_is_sealed_is_opened),
		cmocka_unit_test(two_records_of_one_body_differ),
		WITH_WORLD(changed_records_are_refused),
		WITH_WORLD(it_is_no_event),
		cmocka_unit_test(long_ones),
		cmocka_unit_test(days),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
