/*
 * The closed form against the two definitions of the Shapley value, each computed by enumeration, and against
 * what it promises: nothing is lost, equals get the same, who is on no path gets nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "attrib/model.h"
#include "random.h"

#define PLAYERS 6
#define ORDERS  12
#define ROUNDS  60
#define WHOLE   60 /* divides by every number of players there is */

static struct path paths[ORDERS];

static void make_orders(void)
{
	random_paths(paths, ORDERS, PLAYERS - 1, 1); /* the last player is on no path */
	for (size_t i = 0; i < ORDERS; i++)
		paths[i].gross *= WHOLE;
}

static struct attrib_shapley *play(void)
{
	struct attrib_shapley *shapley = attrib_shapley_new(PLAYERS);

	assert_non_null(shapley);
	for (size_t i = 0; i < ORDERS; i++)
		assert_int_equal(attrib_shapley_add(shapley, paths[i].touches, paths[i].n,
					 paths[i].gross, paths[i].refunded),
			0);
	return shapley;
}

static unsigned mask_of(const struct path *path)
{
	unsigned mask = 0;

	for (size_t k = 0; k < path->n; k++)
		mask |= 1u << path->touches[k];
	return mask;
}

/* What a set of players is worth: the orders whose players are all in it. */
static double worth(unsigned set, bool money)
{
	double sum = 0;

	for (size_t i = 0; i < ORDERS; i++) {
		if ((mask_of(&paths[i]) & ~set) == 0)
			sum += money ? (double)paths[i].gross : 1;
	}
	return sum;
}

static double factorial(int n)
{
	return n < 2 ? 1 : n * factorial(n - 1);
}

static double by_coalitions(unsigned player, bool money)
{
	double value = 0;

	for (unsigned set = 0; set < 1u << PLAYERS; set++) {
		int size = __builtin_popcount(set);
		if (set & 1u << player)
			continue;
		value += factorial(size) * factorial(PLAYERS - size - 1) / factorial(PLAYERS) *
			 (worth(set | 1u << player, money) - worth(set, money));
	}
	return value;
}

/* What each player adds when it comes, over all orders of coming. */
static void by_permutations(unsigned came, double *sums, size_t *count)
{
	if (came == (1u << PLAYERS) - 1) {
		(*count)++;
		return;
	}
	for (unsigned player = 0; player < PLAYERS; player++) {
		size_t before = *count;
		if (came & 1u << player)
			continue;
		by_permutations(came | 1u << player, sums, count);
		sums[player] += (double)(*count - before) *
				(worth(came | 1u << player, true) - worth(came, true));
	}
}

static void equals_all_coalitions(void **state)
{
	(void)state;
	random_begin();
	for (int round = 0; round < ROUNDS; round++) {
		struct attrib_shapley *shapley;
		const struct attrib_model_part *parts;
		make_orders();
		shapley = play();
		parts = attrib_shapley_parts(shapley);
		for (unsigned i = 0; i < PLAYERS; i++) {
			assert_true(fabs((double)parts[i].gross - by_coalitions(i, true)) < 1e-6);
			assert_true(fabs((double)parts[i].orders / ATTRIB_MODEL_ORDER_UNIT -
					    by_coalitions(i, false)) < ORDERS * 1e-9);
		}
		attrib_shapley_free(shapley);
	}
}

static void equals_all_permutations(void **state)
{
	(void)state;
	random_begin();
	for (int round = 0; round < 3; round++) {
		double sums[PLAYERS] = {0};
		size_t count = 0;
		struct attrib_shapley *shapley;
		make_orders();
		shapley = play();
		by_permutations(0, sums, &count);
		assert_int_equal(count, 720);
		for (unsigned i = 0; i < PLAYERS; i++)
			assert_true(fabs((double)attrib_shapley_parts(shapley)[i].gross -
					    sums[i] / (double)count) < 1e-6);
		attrib_shapley_free(shapley);
	}
}

static void nothing_is_lost(void **state)
{
	(void)state;
	random_begin();
	for (int round = 0; round < ROUNDS; round++) {
		struct attrib_model_part sum = {0};
		int64_t gross = 0, refunded = 0;
		struct attrib_shapley *shapley;
		random_paths(paths, ORDERS, PLAYERS, 1); /* amounts that do not divide */
		shapley = play();
		for (size_t i = 0; i < PLAYERS; i++) {
			const struct attrib_model_part *part = &attrib_shapley_parts(shapley)[i];
			assert_true(part->refunded >= 0 && part->refunded <= part->gross);
			sum.orders += part->orders;
			sum.gross += part->gross;
			sum.refunded += part->refunded;
		}
		for (size_t i = 0; i < ORDERS; i++) {
			gross += paths[i].gross;
			refunded += paths[i].refunded;
		}
		assert_int_equal(sum.orders, (int64_t)ORDERS * ATTRIB_MODEL_ORDER_UNIT);
		assert_int_equal(sum.gross, gross);
		assert_int_equal(sum.refunded, refunded);
		attrib_shapley_free(shapley);
	}
}

static void who_is_on_no_path_gets_nothing(void **state)
{
	struct attrib_shapley *shapley;

	(void)state;
	random_begin();
	make_orders();
	shapley = play();
	assert_int_equal(attrib_shapley_parts(shapley)[PLAYERS - 1].orders, 0);
	assert_int_equal(attrib_shapley_parts(shapley)[PLAYERS - 1].gross, 0);
	attrib_shapley_free(shapley);
}

static void equals_get_the_same(void **state)
{
	const uint32_t first[] = {0, 2, 0}, second[] = {1, 2}, both[] = {1, 0};
	struct attrib_shapley *shapley = attrib_shapley_new(3);
	const struct attrib_model_part *parts = attrib_shapley_parts(shapley);

	(void)state;
	assert_int_equal(attrib_shapley_add(shapley, first, 3, 1000, 100), 0);
	assert_int_equal(attrib_shapley_add(shapley, second, 2, 1000, 100), 0);
	assert_int_equal(attrib_shapley_add(shapley, both, 2, 500, 0), 0);
	assert_memory_equal(&parts[0], &parts[1], sizeof *parts);
	assert_int_equal(parts[0].gross, 750);
	assert_int_equal(parts[2].gross, 1000);
	attrib_shapley_free(shapley);
}

/* 1.00 in three, of which 0.50 comes back: the odd cent is the first's, and so is the odd one of the refund. */
static void odd_units_go_to_the_earlier_touch(void **state)
{
	const uint32_t path[] = {2, 0, 2, 1};
	struct attrib_shapley *shapley = attrib_shapley_new(3);
	const struct attrib_model_part *parts = attrib_shapley_parts(shapley);

	(void)state;
	assert_int_equal(attrib_shapley_add(shapley, path, 4, 100, 50), 0);
	assert_int_equal(parts[2].gross, 34);
	assert_int_equal(parts[0].gross, 33);
	assert_int_equal(parts[1].gross, 33);
	assert_int_equal(parts[2].refunded, 17);
	assert_int_equal(parts[0].refunded, 17);
	assert_int_equal(parts[1].refunded, 16);
	assert_int_equal(parts[2].orders, 333333334);
	attrib_shapley_free(shapley);
}

static void refuses_what_is_no_order(void **state)
{
	const uint32_t stranger[] = {0, 3}, path[] = {0};
	struct attrib_shapley *shapley = attrib_shapley_new(3);

	(void)state;
	assert_int_equal(attrib_shapley_add(shapley, stranger, 2, 1, 0), ATTRIB_E_INVALID);
	assert_int_equal(attrib_shapley_add(shapley, path, 0, 1, 0), ATTRIB_E_INVALID);
	assert_int_equal(attrib_shapley_add(shapley, path, 1, 1, 2), ATTRIB_E_INVALID);
	assert_int_equal(attrib_shapley_add(shapley, path, 1, -1, 0), ATTRIB_E_INVALID);
	assert_int_equal(attrib_shapley_parts(shapley)[0].orders, 0);
	attrib_shapley_free(shapley);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equals_all_coalitions),
		cmocka_unit_test(equals_all_permutations),
		cmocka_unit_test(nothing_is_lost),
		cmocka_unit_test(who_is_on_no_path_gets_nothing),
		cmocka_unit_test(equals_get_the_same),
		cmocka_unit_test(odd_units_go_to_the_earlier_touch),
		cmocka_unit_test(refuses_what_is_no_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
