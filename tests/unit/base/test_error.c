/* The error table: every row is complete, codes are unique, unknown numbers are harmless. */
#include "check.h"

#include "attrib/error.h"

static void every_row_is_complete_and_unique(void **state)
{
	(void)state;
	for (int err = 0; err > -ATTRIB_EI_COUNT; err--) {
		assert_true(strlen(attrib_error_code(err)) > 0);
		assert_true(strlen(attrib_error_text(err)) > 0);
		assert_in_range(attrib_error_http(err), 200, 599);
		for (int other = 0; other > err; other--)
			assert_string_not_equal(attrib_error_code(err), attrib_error_code(other));
	}
}

static void names_lead_to_their_rows(void **state)
{
	(void)state;
	assert_int_equal(attrib_error_http(ATTRIB_OK), 200);
	assert_string_equal(attrib_error_code(ATTRIB_E_TOO_LARGE), "too_large");
	assert_int_equal(attrib_error_http(ATTRIB_E_TOO_LARGE), 413);
	assert_false(attrib_error_retryable(ATTRIB_E_TOO_LARGE));
	assert_true(attrib_error_retryable(ATTRIB_E_NO_SPACE));
	assert_string_equal(attrib_error_code(ATTRIB_E_CONFIG), "config");
}

static void unknown_numbers_are_harmless(void **state)
{
	const int unknown[] = {1, -ATTRIB_EI_COUNT, INT32_MIN, INT32_MAX};

	(void)state;
	for (size_t i = 0; i < COUNT(unknown); i++) {
		assert_string_equal(attrib_error_code(unknown[i]), "unknown");
		assert_int_equal(attrib_error_http(unknown[i]), 500);
		assert_false(attrib_error_retryable(unknown[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_complete_and_unique),
		cmocka_unit_test(names_lead_to_their_rows),
		cmocka_unit_test(unknown_numbers_are_harmless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
