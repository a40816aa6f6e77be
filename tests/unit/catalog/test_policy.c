/*
 * The words of the contract and its defaults.
 */
#include "rows.h"

static void test_channel_names(void **unused)
{
	static const char *const names[] = {"unknown", "link", "affiliate", "utm", "code", "view",
		"other", "direct", "unattributed", "unknown"};

	(void)unused;
	for (size_t i = 0; i < COUNT(names); i++)
		assert_string_equal(attrib_channel_name((enum attrib_channel)i), names[i]);
}

static void test_model_names(void **unused)
{
	static const char *const names[] = {"policy", "last_touch", "first_touch", "linear",
		"position", "time_decay", "unknown"};

	(void)unused;
	assert_int_equal(ATTRIB_MODEL_COUNT, COUNT(names) - 1);
	for (size_t i = 0; i < COUNT(names); i++)
		assert_string_equal(attrib_model_name((enum attrib_model)i), names[i]);
}

static void test_code_rules(void **unused)
{
	static const struct {
		const char *text;
		int err;
		enum attrib_code_rule rule;
	} cases[] = {
		{"always", 0, ATTRIB_CODE_RULE_ALWAYS},
		{"fallback", 0, ATTRIB_CODE_RULE_FALLBACK},
		{"if_involved", 0, ATTRIB_CODE_RULE_IF_INVOLVED},
		{"if_winner", 0, ATTRIB_CODE_RULE_IF_WINNER},
		{"never", 0, ATTRIB_CODE_RULE_NEVER},
		{"", ATTRIB_E_INVALID, ATTRIB_CODE_RULE_INHERIT},
		{"Always", ATTRIB_E_INVALID, ATTRIB_CODE_RULE_INHERIT},
		{"inherit", ATTRIB_E_INVALID, ATTRIB_CODE_RULE_INHERIT},
		{"if_", ATTRIB_E_INVALID, ATTRIB_CODE_RULE_INHERIT},
	};

	(void)unused;
	for (size_t i = 0; i < COUNT(cases); i++) {
		enum attrib_code_rule rule = ATTRIB_CODE_RULE_INHERIT;

		assert_int_equal(
			attrib_code_rule_parse(attrib_str_of(cases[i].text), &rule), cases[i].err);
		assert_int_equal(rule, cases[i].rule);
	}
}

static void test_defaults(void **unused)
{
	struct attrib_policy p;

	(void)unused;
	attrib_policy_defaults(&p);
	assert_int_equal(p.window_us[ATTRIB_CHANNEL_LINK], 30 * ATTRIB_US_PER_DAY);
	assert_int_equal(p.window_us[ATTRIB_CHANNEL_AFFILIATE], 30 * ATTRIB_US_PER_DAY);
	assert_int_equal(p.window_us[ATTRIB_CHANNEL_UTM], 30 * ATTRIB_US_PER_DAY);
	assert_int_equal(p.window_us[ATTRIB_CHANNEL_VIEW], 0);
	assert_int_equal(p.code_grace_us, 30 * ATTRIB_US_PER_DAY);
	assert_int_equal(p.collapse_us, 30 * ATTRIB_US_PER_MIN);
	assert_int_equal(p.code_rule, ATTRIB_CODE_RULE_ALWAYS);
	assert_int_equal(p.browser_orders, ATTRIB_BROWSER_CONFIRM);
	assert_false(p.count_at_created);
	assert_false(p.scope_all);
	assert_false(p.repeat_first);
	assert_int_equal(p.renewals, ATTRIB_RENEWALS_NONE);
	assert_int_equal(p.lead_window_us, 90 * ATTRIB_US_PER_DAY);
	assert_int_equal(p.lock_after_us, 30 * ATTRIB_US_PER_DAY);
	assert_int_equal(p.max_late_us, 90 * ATTRIB_US_PER_DAY);
	assert_int_equal(p.recorded_at, ATTRIB_NEVER);
	assert_int_equal(p.time_decay_half_life_us, 7 * ATTRIB_US_PER_DAY);
	assert_int_equal(p.revenue_basis, ATTRIB_BASIS_NET_OF_TAX_AND_SHIPPING);
	assert_string_equal(p.currency, "EUR");
	assert_int_equal(p.primary_model, ATTRIB_MODEL_POLICY);
	assert_int_equal(p.order_source.n, 0);
}

static void test_what_a_version_reaches(void **unused)
{
	struct attrib_site oldest = {.name = ACME}, newest = {.name = ACME, .before = &oldest};

	(void)unused;
	newest.policy.lock_after_us = 30;
	newest.policy.recorded_at = 130;
	assert_true(attrib_site_reaches(&newest, 100));
	assert_true(attrib_site_reaches(&newest, 101));
	assert_false(attrib_site_reaches(&newest, 99));
	oldest.policy.recorded_at = 1000; /* there is nothing else to ask */
	assert_true(attrib_site_reaches(&oldest, 0));
}

static void test_one_version_is_number_and_time(void **unused)
{
	struct attrib_site a = {.name = ACME}, b = {.name = ACME, .before = &a};

	(void)unused;
	a.policy.version = b.policy.version = 3;
	assert_true(attrib_site_same_version(&a, &b));
	b.policy.recorded_at = 1;
	assert_false(attrib_site_same_version(&a, &b));
	b.policy.recorded_at = 0;
	b.policy.version = 4;
	assert_false(attrib_site_same_version(&a, &b));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_channel_names),
		cmocka_unit_test(test_model_names),
		cmocka_unit_test(test_code_rules),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_what_a_version_reaches),
		cmocka_unit_test(test_one_version_is_number_and_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
