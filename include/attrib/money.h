/*
 * Money is an integer count of minor units (cents) of one ISO 4217 currency.
 *
 * Amounts are int64_t in minor units, |amount| <= ATTRIB_MONEY_MAX; the exponent (EUR 2, JPY 0,
 * KWD 3) comes from the currency. Currencies are never added to each other.
 */
#ifndef ATTRIB_MONEY_H
#define ATTRIB_MONEY_H

#include <stdint.h>
#include "attrib/error.h"
#include "attrib/str.h"

#define ATTRIB_MONEY_MAX ((int64_t)1000000000000000) /* 10^15 minor units */

/* Exponent of a currency (0..4) by its upper-case code, or ATTRIB_E_BAD_CURRENCY. */
int attrib_currency_exponent(struct attrib_str currency);

/* Parses a decimal ("119.00", "-5", "12.5") into minor units. More fraction digits than the
 * exponent are accepted only when they are zeros. ATTRIB_E_BAD_AMOUNT for anything else,
 * ATTRIB_E_OVERFLOW beyond ATTRIB_MONEY_MAX. */
int attrib_money_parse(struct attrib_str decimal, int exponent, int64_t *out) ATTRIB_MUST_CHECK;

/* Writes "119.00" with exactly `exponent` fraction digits; out holds at least 32 bytes.
 * Returns the length. */
int attrib_money_format(int64_t amount, int exponent, char *out);

/* Splits `amount` over n weights by largest remainder: out[i] sums to amount exactly.
 * Equal remainders go to the smaller index. amount may be negative (its mirror image is split).
 * Weights are >= 0 and their sum is > 0 and < 2^62; else ATTRIB_E_INVALID. */
int attrib_money_split(
	int64_t amount, const uint64_t *weights, size_t n, int64_t *out) ATTRIB_MUST_CHECK;

/* a * num / den rounded half up (half away from zero below 0); den > 0, result must fit. */
int64_t attrib_money_scale(int64_t a, int64_t num, int64_t den);

#endif
