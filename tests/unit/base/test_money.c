/* Minor units. The split is compared with a naive one that sorts. */
#include "check.h"

#include "attrib/money.h"

static void exponents_follow_iso_4217(void **state)
{
	static const struct {
		const char *codes;
		int exponent;
	} cases[] = {
		{"EUR USD GBP CHF SEK PLN CZK AED ZWG AFN MXN INR CNY", 2},
		{"JPY KRW CLP VND ISK UGX UYI XAF XOF XPF BIF PYG", 0},
		{"BHD IQD JOD KWD LYD OMR TND", 3},
		{"CLF UYW", 4},
		{"eur XAU XXX XTS AAA ZZZ EU EURO", ATTRIB_E_BAD_CURRENCY},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct attrib_str rest = attrib_str_of(cases[i].codes);
		while (rest.n) {
			struct attrib_str code = attrib_str_split(rest, ' ', &rest);
			assert_int_equal(attrib_currency_exponent(code), cases[i].exponent);
		}
	}
	assert_int_equal(attrib_currency_exponent(ATTRIB_STR_NONE), ATTRIB_E_BAD_CURRENCY);
}

/* The lookup halves a sorted list: every code that is found by trying all must be counted. */
static void all_codes_are_reachable(void **state)
{
	char code[3];
	int found = 0;

	(void)state;
	for (int i = 0; i < 26 * 26 * 26; i++) {
		code[0] = (char)('A' + i / 676);
		code[1] = (char)('A' + i / 26 % 26);
		code[2] = (char)('A' + i % 26);
		found += attrib_currency_exponent((struct attrib_str){code, 3}) >= 0;
	}
	assert_int_equal(found, 144 + 17 + 7 + 2);
}

static void decimals_are_read_strictly(void **state)
{
	static const struct {
		const char *text;
		int exponent, err;
		int64_t amount;
	} cases[] = {
		{"119.00", 2, 0, 11900},
		{"119", 2, 0, 11900},
		{"-5", 2, 0, -500},
		{"12.5", 2, 0, 1250},
		{"0", 2, 0, 0},
		{"-0.00", 2, 0, 0},
		{"007.10", 2, 0, 710},
		{"1.230000", 2, 0, 123},
		{"1.231", 2, ATTRIB_E_BAD_AMOUNT, 0},
		{"1.231", 3, 0, 1231},
		{"500", 0, 0, 500},
		{"500.00", 0, 0, 500},
		{"500.01", 0, ATTRIB_E_BAD_AMOUNT, 0},
		{"0.0001", 4, 0, 1},
		{"10000000000000.00", 2, 0, ATTRIB_MONEY_MAX},
		{"-10000000000000.00", 2, 0, -ATTRIB_MONEY_MAX},
		{"10000000000000.01", 2, ATTRIB_E_OVERFLOW, 0},
		{"99999999999999999999999999999999", 2, ATTRIB_E_OVERFLOW, 0},
		{"9999999999999999999999999999999x", 2, ATTRIB_E_BAD_AMOUNT, 0},
		{"1000000000000001", 0, ATTRIB_E_OVERFLOW, 0},
		{"", 2, ATTRIB_E_BAD_AMOUNT, 0},
		{"-", 2, ATTRIB_E_BAD_AMOUNT, 0},
		{"+1", 2, ATTRIB_E_BAD_AMOUNT, 0},
		{"--1", 2, ATTRIB_E_BAD_AMOUNT, 0},
		{".5", 2, ATTRIB_E_BAD_AMOUNT, 0},
		{"5.", 2, ATTRIB_E_BAD_AMOUNT, 0},
		{"1.2.3", 2, ATTRIB_E_BAD_AMOUNT, 0},
		{"1,23", 2, ATTRIB_E_BAD_AMOUNT, 0},
		{"1e3", 2, ATTRIB_E_BAD_AMOUNT, 0},
		{"0x10", 2, ATTRIB_E_BAD_AMOUNT, 0},
		{" 1", 2, ATTRIB_E_BAD_AMOUNT, 0},
		{"1 ", 2, ATTRIB_E_BAD_AMOUNT, 0},
		{"NaN", 2, ATTRIB_E_BAD_AMOUNT, 0},
		{"1", ATTRIB_E_BAD_CURRENCY, ATTRIB_E_BAD_CURRENCY, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t amount = 77;
		int err = attrib_money_parse(
			attrib_str_of(cases[i].text), cases[i].exponent, &amount);
		if (err != cases[i].err || amount != (err ? 77 : cases[i].amount))
			fail_msg("\"%s\": %d, %lld", cases[i].text, err, (long long)amount);
	}
}

static void check_format(int64_t amount, int exponent, const char *expected)
{
	char out[32];

	assert_int_equal(attrib_money_format(amount, exponent, out), strlen(expected));
	assert_string_equal(out, expected);
}

static void amounts_are_written_with_all_digits(void **state)
{
	(void)state;
	check_format(11900, 2, "119.00");
	check_format(-5, 2, "-0.05");
	check_format(0, 2, "0.00");
	check_format(0, 0, "0");
	check_format(-500, 0, "-500");
	check_format(1, 4, "0.0001");
	check_format(INT64_MIN, 0, "-9223372036854775808");
	check_format(INT64_MIN, 4, "-922337203685477.5808");
	check_format(INT64_MAX, 3, "9223372036854775.807");
}

static void written_amounts_read_back(void **state)
{
	(void)state;
	for (int i = 0; i < 100000; i++) {
		int exponent = (int)(test_random() % 5);
		int64_t amount = (int64_t)(test_random() % (2 * ATTRIB_MONEY_MAX + 1)) -
				 ATTRIB_MONEY_MAX,
			back;
		char out[32];
		int n = attrib_money_format(amount, exponent, out);
		struct attrib_str text = {out, (size_t)n};

		assert_int_equal(attrib_money_parse(text, exponent, &back), 0);
		assert_true(back == amount);
	}
}

static void check_split(int64_t amount, const uint64_t *weights, size_t n, const int64_t *expected)
{
	int64_t out[8];

	assert_int_equal(attrib_money_split(amount, weights, n, out), 0);
	for (size_t i = 0; i < n; i++)
		assert_true(out[i] == expected[i]);
}

static void splits_give_odd_units_to_the_largest_remainder(void **state)
{
	(void)state;
	check_split(100, (uint64_t[]){1, 1, 1}, 3, (int64_t[]){34, 33, 33});
	check_split(-100, (uint64_t[]){1, 1, 1}, 3, (int64_t[]){-34, -33, -33});
	check_split(101, (uint64_t[]){1, 1, 1}, 3, (int64_t[]){34, 34, 33});
	check_split(100, (uint64_t[]){1, 2}, 2, (int64_t[]){33, 67});
	check_split(11900, (uint64_t[]){40, 20, 40}, 3, (int64_t[]){4760, 2380, 4760});
	check_split(1, (uint64_t[]){0, 1, 0}, 3, (int64_t[]){0, 1, 0});
	check_split(0, (uint64_t[]){3, 4}, 2, (int64_t[]){0, 0});
	check_split(1, (uint64_t[]){1, 1}, 2, (int64_t[]){1, 0});
	check_split(INT64_MIN, (uint64_t[]){1}, 1, (int64_t[]){INT64_MIN});
	check_split(INT64_MAX, (uint64_t[]){(UINT64_C(1) << 62) - 1}, 1, (int64_t[]){INT64_MAX});
}

static void splits_refuse_what_has_no_meaning(void **state)
{
	const uint64_t big = UINT64_C(1) << 62;
	int64_t out[2] = {7, 7};

	(void)state;
	assert_int_equal(attrib_money_split(5, (uint64_t[]){0, 0}, 2, out), ATTRIB_E_INVALID);
	assert_int_equal(attrib_money_split(5, (uint64_t[]){0}, 0, out), ATTRIB_E_INVALID);
	assert_int_equal(attrib_money_split(5, (uint64_t[]){big}, 1, out), ATTRIB_E_INVALID);
	assert_int_equal(attrib_money_split(5, (uint64_t[]){big - 1, 1}, 2, out), ATTRIB_E_INVALID);
	assert_int_equal(
		attrib_money_split(5, (uint64_t[]){UINT64_MAX, 2}, 2, out), ATTRIB_E_INVALID);
	assert_int_equal(out[0], 7);
	assert_int_equal(out[1], 7);
}

#define SPLIT_MAX 12

/* Gives the odd units one at a time to the largest remainder that has none yet. */
static void split_naive(int64_t amount, const uint64_t *weights, size_t n, int64_t *out)
{
	__int128 total = amount < 0 ? -(__int128)amount : amount, sum = 0, left = total;
	__int128 remainder[SPLIT_MAX];

	for (size_t i = 0; i < n; i++)
		sum += weights[i];
	for (size_t i = 0; i < n; i++) {
		__int128 part = total * weights[i] / sum;
		remainder[i] = total * weights[i] - part * sum;
		out[i] = (int64_t)part;
		left -= part;
	}
	for (; left > 0; left--) {
		size_t best = 0;
		for (size_t i = 1; i < n; i++) {
			if (remainder[i] > remainder[best])
				best = i;
		}
		out[best]++;
		remainder[best] = -1;
	}
	for (size_t i = 0; amount < 0 && i < n; i++)
		out[i] = -out[i];
}

static uint64_t random_weight(void)
{
	uint64_t bits = test_random();

	switch (bits & 3) {
	case 0:
		return (bits >> 2) % 4;
	case 1:
		return (bits >> 2) % 1000;
	default:
		return (bits >> 2) % ((UINT64_C(1) << 62) / SPLIT_MAX);
	}
}

static int64_t random_amount(void)
{
	uint64_t bits = test_random();
	int64_t amount = (int64_t)((bits >> 2) % (bits & 1 ? ATTRIB_MONEY_MAX : 2000));

	return bits & 2 ? -amount : amount;
}

static void splits_equal_the_naive_split(void **state)
{
	(void)state;
	for (int round = 0; round < 100000; round++) {
		size_t n = 1 + test_random() % SPLIT_MAX;
		int64_t amount = random_amount(), out[SPLIT_MAX], naive[SPLIT_MAX];
		__int128 sum = 0;
		uint64_t weights[SPLIT_MAX];

		for (size_t i = 0; i < n; i++)
			weights[i] = random_weight();
		weights[test_random() % n] |= 1;
		assert_int_equal(attrib_money_split(amount, weights, n, out), 0);
		split_naive(amount, weights, n, naive);
		for (size_t i = 0; i < n; i++) {
			sum += out[i];
			assert_true(out[i] == naive[i]);
			assert_true(weights[i] > 0 || out[i] == 0);
		}
		assert_true(sum == amount);
	}
}

static void scaling_rounds_half_away_from_zero(void **state)
{
	(void)state;
	assert_int_equal(attrib_money_scale(1, 1, 2), 1);
	assert_int_equal(attrib_money_scale(-1, 1, 2), -1);
	assert_int_equal(attrib_money_scale(3, -1, 2), -2);
	assert_int_equal(attrib_money_scale(-3, -1, 2), 2);
	assert_int_equal(attrib_money_scale(1, 1, 3), 0);
	assert_int_equal(attrib_money_scale(2, 1, 3), 1);
	assert_int_equal(attrib_money_scale(5, 1, 10), 1);
	assert_int_equal(attrib_money_scale(4, 1, 10), 0);
	assert_int_equal(attrib_money_scale(0, 5, 7), 0);
	assert_true(attrib_money_scale(ATTRIB_MONEY_MAX, ATTRIB_MONEY_MAX, ATTRIB_MONEY_MAX) ==
		    ATTRIB_MONEY_MAX);
	assert_true(attrib_money_scale(INT64_MIN, INT64_MAX, INT64_MAX) == INT64_MIN);
	assert_true(attrib_money_scale(INT64_MAX, INT64_MIN, INT64_MAX) == INT64_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exponents_follow_iso_4217),
		cmocka_unit_test(all_codes_are_reachable),
		cmocka_unit_test(decimals_are_read_strictly),
		cmocka_unit_test(amounts_are_written_with_all_digits),
		cmocka_unit_test(written_amounts_read_back),
		cmocka_unit_test(splits_give_odd_units_to_the_largest_remainder),
		cmocka_unit_test(splits_refuse_what_has_no_meaning),
		cmocka_unit_test(splits_equal_the_naive_split),
		cmocka_unit_test(scaling_rounds_half_away_from_zero),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
