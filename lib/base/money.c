/*
 * Minor units: reading and writing decimals, and the two operations that lose a fraction (splitting
 * and scaling), done in 128 bits so that no intermediate value can overflow.
 */
#include "attrib/money.h"

#include <stdbool.h>
#include <stdlib.h>

/* ISO 4217, codes of three letters in order. Codes without a minor unit (XAU, XDR, XXX ...) are no
 * currency of an order. Withdrawn lately, but still on refunds and imports of old orders: ANG, BGN,
 * CUC, HRK, SLL, ZWL. */
static const struct {
	int exponent;
	struct attrib_str codes;
} currencies[] = {
	{2, ATTRIB_STR("AEDAFNALLAMDANGAOAARSAUDAWGAZNBAMBBDBDTBGNBMDBNDBOBBOVBRLBSDBTNBWPBYNBZD"
		       "CADCDFCHECHFCHWCNYCOPCOUCRCCUCCUPCVECZKDKKDOPDZDEGPERNETBEURFJDFKPGBPGEL"
		       "GHSGIPGMDGTQGYDHKDHNLHRKHTGHUFIDRILSINRIRRJMDKESKGSKHRKPWKYDKZTLAKLBPLKR"
		       "LRDLSLMADMDLMGAMKDMMKMNTMOPMRUMURMVRMWKMXNMXVMYRMZNNADNGNNIONOKNPRNZDPAB"
		       "PENPGKPHPPKRPLNQARRONRSDRUBSARSBDSCRSDGSEKSGDSHPSLESLLSOSSRDSSPSTNSVCSYP"
		       "SZLTHBTJSTMTTOPTRYTTDTWDTZSUAHUSDUSNUYUUZSVEDVESWSTXCDXCGYERZARZMWZWG"
		       "ZWL")},
	{0, ATTRIB_STR("BIFCLPDJFGNFISKJPYKMFKRWPYGRWFUGXUYIVNDVUVXAFXOFXPF")},
	{3, ATTRIB_STR("BHDIQDJODKWDLYDOMRTND")},
	{4, ATTRIB_STR("CLFUYW")},
};

static int code_cmp(const void *a, const void *b)
{
	return memcmp(a, b, 3);
}

int attrib_currency_exponent(struct attrib_str currency)
{
	if (currency.n != 3)
		return ATTRIB_E_BAD_CURRENCY;
	for (size_t i = 0; i < sizeof currencies / sizeof *currencies; i++) {
		struct attrib_str codes = currencies[i].codes;
		if (bsearch(currency.p, codes.p, codes.n / 3, 3, code_cmp))
			return currencies[i].exponent;
	}
	return ATTRIB_E_BAD_CURRENCY;
}

static bool all_digits(struct attrib_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	}
	return s.n > 0;
}

static bool all_zeros(struct attrib_str s, size_t from)
{
	for (size_t i = from; i < s.n; i++) {
		if (s.p[i] != '0')
			return false;
	}
	return true;
}

/* Appends one decimal digit; false beyond ATTRIB_MONEY_MAX. */
static bool push_digit(int64_t *amount, int digit)
{
	*amount = *amount * 10 + digit;
	return *amount <= ATTRIB_MONEY_MAX;
}

int attrib_money_parse(struct attrib_str decimal, int exponent, int64_t *out)
{
	struct attrib_str whole, fraction;
	bool negative = decimal.n && decimal.p[0] == '-';
	int64_t amount = 0;

	if (exponent < 0 || exponent > 4)
		return ATTRIB_E_BAD_CURRENCY;
	if (negative)
		decimal = (struct attrib_str){decimal.p + 1, decimal.n - 1};
	whole = attrib_str_split(decimal, '.', &fraction);
	if (!all_digits(whole) || (fraction.p && !all_digits(fraction)) ||
		!all_zeros(fraction, (size_t)exponent))
		return ATTRIB_E_BAD_AMOUNT;
	for (size_t i = 0; i < whole.n; i++) {
		if (!push_digit(&amount, whole.p[i] - '0'))
			return ATTRIB_E_OVERFLOW;
	}
	for (size_t i = 0; i < (size_t)exponent; i++) {
		if (!push_digit(&amount, i < fraction.n ? fraction.p[i] - '0' : 0))
			return ATTRIB_E_OVERFLOW;
	}
	*out = negative ? -amount : amount;
	return 0;
}

static uint64_t magnitude(int64_t value)
{
	return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

int attrib_money_format(int64_t amount, int exponent, char *out)
{
	char digits[24];
	int n = 0, at = 0;

	for (uint64_t rest = magnitude(amount); rest || n <= exponent; rest /= 10)
		digits[n++] = (char)('0' + rest % 10);
	if (amount < 0)
		out[at++] = '-';
	while (n > 0) {
		if (n == exponent)
			out[at++] = '.';
		out[at++] = digits[--n];
	}
	out[at] = '\0';
	return at;
}

static size_t count_from(const int64_t *remainders, size_t n, int64_t floor)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += remainders[i] >= floor;
	return count;
}

/* The largest value that at least `units` remainders reach. Found by halving the range of values:
 * a path is short, and neither memory nor the order of the weights is disturbed. */
static int64_t cut_remainder(const int64_t *remainders, size_t n, uint64_t sum, uint64_t units)
{
	int64_t low = 0, high = (int64_t)sum;

	while (high - low > 1) {
		int64_t mid = low + (high - low) / 2;
		if (count_from(remainders, n, mid) >= units)
			low = mid;
		else
			high = mid;
	}
	return low;
}

static int sum_weights(const uint64_t *weights, size_t n, uint64_t *out)
{
	const uint64_t limit = (uint64_t)1 << 62;
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		if (weights[i] >= limit - sum)
			return ATTRIB_E_INVALID;
		sum += weights[i];
	}
	*out = sum;
	return sum ? 0 : ATTRIB_E_INVALID;
}

/* total * weight / sum, and what is left over. Nearly always 64 bits are enough: there dividing costs a
 * tenth. */
static uint64_t part_of(uint64_t total, uint64_t weight, uint64_t sum, uint64_t *rest)
{
	unsigned __int128 product = (unsigned __int128)total * weight;

	if (product <= UINT64_MAX) {
		*rest = (uint64_t)product % sum;
		return (uint64_t)product / sum;
	}
	*rest = (uint64_t)(product % sum);
	return (uint64_t)(product / sum);
}

int attrib_money_split(int64_t amount, const uint64_t *weights, size_t n, int64_t *out)
{
	const uint64_t total = magnitude(amount);
	uint64_t sum, units = total, above, rest;
	int64_t cut;
	int err = sum_weights(weights, n, &sum);

	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		units -= part_of(total, weights[i], sum, &rest);
		out[i] = (int64_t)rest;
	}
	/* `units` are left: one to each remainder above the cut, the rest to those at it, in order. */
	cut = units ? cut_remainder(out, n, sum, units) : INT64_MAX - 1;
	above = count_from(out, n, cut + 1);
	units -= above;
	for (size_t i = 0; i < n; i++) {
		bool extra = out[i] > cut || (out[i] == cut && units > 0);
		uint64_t part = part_of(total, weights[i], sum, &rest) + extra;
		if (out[i] == cut && extra)
			units--;
		out[i] = (int64_t)(amount < 0 ? 0 - part : part);
	}
	return 0;
}

int64_t attrib_money_scale(int64_t a, int64_t num, int64_t den)
{
	bool negative = (a < 0) != (num < 0);
	unsigned __int128 product = (unsigned __int128)magnitude(a) * magnitude(num);
	uint64_t result = (uint64_t)((2 * product + (uint64_t)den) / (2 * (unsigned __int128)den));

	return (int64_t)(negative ? 0 - result : result);
}
