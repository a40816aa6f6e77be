/*
 * Removal effects against three other ways to them that share nothing with lib/model: all walks one by one,
 * linear equations with partial pivoting, and walks by chance.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attrib/model.h"
#include "chain.h"
#include "random.h"

#define PATHS_MAX   300
#define STATES_MAX  (PATHS_MAX * PATH_TOUCHES + 1)
#define PLAYERS_MAX 40
#define BEFORE      (-1) /* no touch yet */

/* -- the chain, written down plainly ---------------------------------------------------------------- */

/* State 0 is the start; a state is the last touches, newest first. times[s][STATES_MAX]: to the order. */
static struct {
	struct path paths[PATHS_MAX];
	size_t path_count;
	unsigned order;
	int states[STATES_MAX][3];
	size_t n;
	double (*times)[STATES_MAX + 1];
	double sums[STATES_MAX];
} plain;

static size_t state_of(const int last[3])
{
	for (size_t i = 0; i < plain.n; i++) {
		if (memcmp(plain.states[i], last, sizeof plain.states[i]) == 0)
			return i;
	}
	memcpy(plain.states[plain.n], last, sizeof plain.states[0]);
	return plain.n++;
}

static void count_path(const struct path *path)
{
	int last[3] = {BEFORE, BEFORE, BEFORE};
	size_t at = state_of(last), to;

	for (size_t k = 0; k < path->n; k++) {
		for (unsigned i = plain.order - 1; i > 0; i--)
			last[i] = last[i - 1];
		last[0] = (int)path->touches[k];
		to = state_of(last);
		plain.times[at][to] += (double)path->times;
		plain.sums[at] += (double)path->times;
		at = to;
	}
	plain.times[at][STATES_MAX] += (double)path->times;
	plain.sums[at] += (double)path->times;
}

static void write_down(unsigned order)
{
	plain.order = order;
	plain.n = 0;
	memset(plain.sums, 0, sizeof plain.sums);
	memset(plain.times, 0, STATES_MAX * sizeof *plain.times);
	for (size_t i = 0; i < plain.path_count; i++)
		count_path(&plain.paths[i]);
}

static void make_paths(size_t count, uint32_t players)
{
	plain.path_count = count;
	random_paths(plain.paths, count, players, 0);
	plain.paths[0].n = 1 + random_below(PATH_TOUCHES); /* somebody is on a path */
	for (size_t k = 0; k < plain.paths[0].n; k++)
		plain.paths[0].touches[k] = random_below(players);
}

static int begin(void **state)
{
	(void)state;
	plain.times = calloc(STATES_MAX, sizeof *plain.times);
	return plain.times ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	free(plain.times);
	return 0;
}

static void solve(unsigned order, size_t players, double *effects)
{
	struct attrib_markov *markov = attrib_markov_new(order);

	assert_non_null(markov);
	for (size_t i = 0; i < plain.path_count; i++) {
		const struct path *path = &plain.paths[i];
		assert_int_equal(attrib_markov_add(markov, path->touches, path->n, path->times), 0);
	}
	memset(effects, 0, players * sizeof *effects);
	assert_int_equal(attrib_markov_effects(markov, players, effects), 0);
	attrib_markov_free(markov);
}

/* -- by hand ---------------------------------------------------------------------------------------- */

/* Of five orders three begin with A and one with B; a third of A's go on to B. */
static void a_case_by_hand(void **state)
{
	const uint32_t ab[] = {0, 1};
	struct attrib_markov *markov = attrib_markov_new(1);
	struct attrib_model_part parts[3];
	double effects[3] = {0};

	(void)state;
	assert_int_equal(attrib_markov_add(markov, ab, 2, 1), 0);
	assert_int_equal(attrib_markov_add(markov, ab, 1, 2), 0);
	assert_int_equal(attrib_markov_add(markov, ab + 1, 1, 1), 0);
	assert_int_equal(attrib_markov_add(markov, ab, 0, 1), 0);
	assert_int_equal(attrib_markov_effects(markov, 3, effects), 0);
	assert_true(fabs(effects[0] - 0.6) < 1e-15);
	assert_true(fabs(effects[1] - 0.4) < 1e-15);
	assert_true(effects[2] == 0);
	assert_int_equal(attrib_markov_split(effects, 3, 4, 101, 50, parts), 0);
	assert_int_equal(parts[0].orders, 2400000000);
	assert_int_equal(parts[1].orders, 1600000000);
	assert_int_equal(parts[0].gross, 61);
	assert_int_equal(parts[1].gross, 40);
	assert_int_equal(parts[0].refunded, 30);
	assert_int_equal(parts[1].refunded, 20);
	assert_int_equal(parts[2].gross + parts[2].orders + parts[2].refunded, 0);
	attrib_markov_free(markov);
}

/* A B C and C B A: whoever remembers two touches knows that B comes next, and that B is not the end. */
static void memory_tells_walks_apart(void **state)
{
	const uint32_t there[] = {0, 1, 2}, back[] = {2, 1, 0};
	const double expected[2][2] = {{2.0 / 3, 0.5}, {1, 1}};

	(void)state;
	for (unsigned order = 1; order <= 2; order++) {
		struct attrib_markov *markov = attrib_markov_new(order);
		double effects[3] = {0};
		assert_int_equal(attrib_markov_add(markov, there, 3, 7), 0);
		assert_int_equal(attrib_markov_add(markov, back, 3, 7), 0);
		assert_int_equal(attrib_markov_effects(markov, 3, effects), 0);
		assert_true(fabs(effects[0] - expected[order - 1][0]) < 1e-15);
		assert_true(fabs(effects[1] - expected[order - 1][1]) < 1e-15);
		assert_true(fabs(effects[2] - effects[0]) < 1e-15);
		attrib_markov_free(markov);
	}
}

/* -- all walks -------------------------------------------------------------------------------------- */

#define CUT_OFF 1e-7

struct bounds {
	double least, most;
};

/* A walk is followed until the order, or until it is too unlikely; what it would still meet then is open. */
static void walk(size_t at, double chance, unsigned met, struct bounds *bounds, size_t players)
{
	for (size_t i = 0; i < players && chance < CUT_OFF; i++) {
		bounds[i].least += met & 1u << i ? chance : 0;
		bounds[i].most += chance;
	}
	if (chance < CUT_OFF)
		return;
	for (size_t i = 0; i < players; i++) {
		double ends = chance * plain.times[at][STATES_MAX] / plain.sums[at];
		bounds[i].least += met & 1u << i ? ends : 0;
		bounds[i].most += met & 1u << i ? ends : 0;
	}
	for (size_t to = 1; to < plain.n; to++) {
		if (plain.times[at][to] > 0)
			walk(to, chance * plain.times[at][to] / plain.sums[at],
				met | 1u << plain.states[to][0], bounds, players);
	}
}

static void equals_all_walks(void **state)
{
	const size_t players = 4;
	double widest = 0;

	(void)state;
	random_begin();
	for (int round = 0; round < 30; round++) {
		make_paths(2 + random_below(4), (uint32_t)players);
		for (unsigned order = 1; order <= ATTRIB_MARKOV_ORDER_MAX; order++) {
			struct bounds bounds[4] = {{0}};
			double effects[4];
			write_down(order);
			walk(0, 1, 0, bounds, players);
			solve(order, players, effects);
			for (size_t i = 0; i < players; i++) {
				assert_true(effects[i] >= bounds[i].least - 1e-9);
				assert_true(effects[i] <= bounds[i].most + 1e-9);
				widest = fmax(widest, bounds[i].most - bounds[i].least);
			}
		}
	}
	printf("# the bounds of all walks are at most %.1e apart\n", widest);
	assert_true(widest < 0.05);
}

/* -- equations -------------------------------------------------------------------------------------- */

static double *matrix; /* plain.n rows of plain.n + 1 */
static double *cell(size_t row, size_t column)
{
	return &matrix[row * (plain.n + 1) + column];
}

/* h(s) = 1 of the player's states, else the sum of p(s, t) h(t). */
static void write_equations(size_t player)
{
	memset(matrix, 0, plain.n * (plain.n + 1) * sizeof *matrix);
	for (size_t s = 0; s < plain.n; s++) {
		*cell(s, s) = 1;
		if (plain.states[s][0] == (int)player) {
			*cell(s, plain.n) = 1;
			continue;
		}
		for (size_t t = 0; t < plain.n; t++)
			*cell(s, t) -= plain.times[s][t] / plain.sums[s];
	}
}

static void pivot(size_t column)
{
	size_t best = column;

	for (size_t row = column + 1; row < plain.n; row++) {
		if (fabs(*cell(row, column)) > fabs(*cell(best, column)))
			best = row;
	}
	for (size_t k = 0; k <= plain.n; k++) {
		double kept = *cell(column, k);
		*cell(column, k) = *cell(best, k);
		*cell(best, k) = kept;
	}
}

/* The start is the first unknown: it is what is left when all others are out, from the last on. */
static double by_equations(size_t player)
{
	write_equations(player);
	for (size_t column = 0; column < plain.n; column++) {
		pivot(column);
		for (size_t row = 0; row < plain.n; row++) {
			double factor = *cell(row, column) / *cell(column, column);
			for (size_t k = column; row != column && factor != 0 && k <= plain.n; k++)
				*cell(row, k) -= factor * *cell(column, k);
		}
	}
	return *cell(0, plain.n) / *cell(0, 0);
}

static void check_equations(size_t players, unsigned order)
{
	double effects[PLAYERS_MAX];

	write_down(order);
	matrix = malloc(plain.n * (plain.n + 1) * sizeof *matrix);
	assert_non_null(matrix);
	solve(order, players, effects);
	for (size_t i = 0; i < players; i++)
		assert_true(fabs(effects[i] - by_equations(i)) < 1e-11);
	free(matrix);
}

static void equals_linear_equations(void **state)
{
	(void)state;
	random_begin();
	for (int round = 0; round < 20; round++) {
		size_t players = 1 + random_below(8);
		make_paths(1 + random_below(12), (uint32_t)players);
		for (unsigned order = 1; order <= ATTRIB_MARKOV_ORDER_MAX; order++)
			check_equations(players, order);
	}
	make_paths(PATHS_MAX, PLAYERS_MAX);
	check_equations(PLAYERS_MAX, 1);
}

/* -- chance ----------------------------------------------------------------------------------------- */

#define WALKS 10000

static size_t step(size_t at)
{
	double left = random_part() * plain.sums[at];

	for (size_t to = 1; to < plain.n; to++) {
		left -= plain.times[at][to];
		if (left < 0)
			return to;
	}
	return 0; /* the order */
}

static void walk_by_chance(size_t *hits)
{
	uint64_t met = 0;

	for (size_t at = step(0); at; at = step(at))
		met |= (uint64_t)1 << plain.states[at][0];
	for (size_t i = 0; i < PLAYERS_MAX; i++)
		hits[i] += met >> i & 1;
}

static void equals_walks_by_chance(void **state)
{
	double worst = 0;

	(void)state;
	random_begin();
	make_paths(PATHS_MAX, PLAYERS_MAX);
	for (unsigned order = 1; order <= ATTRIB_MARKOV_ORDER_MAX; order++) {
		double effects[PLAYERS_MAX];
		size_t hits[PLAYERS_MAX] = {0};
		write_down(order);
		solve(order, PLAYERS_MAX, effects);
		for (int i = 0; i < WALKS; i++)
			walk_by_chance(hits);
		for (size_t i = 0; i < PLAYERS_MAX; i++) {
			double found = (double)hits[i] / WALKS,
			       sigma = sqrt(effects[i] * (1 - effects[i]) / WALKS) + 1e-9;
			worst = fmax(worst, fabs(found - effects[i]) / sigma);
		}
	}
	printf("# %d walks for each order: at most %.2f standard errors away\n", WALKS, worst);
	assert_true(worst < 5);
}

/* -- promises --------------------------------------------------------------------------------------- */

static void parts_sum_to_the_orders(void **state)
{
	(void)state;
	random_begin();
	for (int round = 0; round < 200; round++) {
		struct attrib_model_part parts[PLAYERS_MAX], sum = {0};
		double effects[PLAYERS_MAX];
		int64_t gross = random_below(3) ? random_below(1000000) : 0,
			refunded = random_below((uint32_t)gross + 1);
		uint64_t orders = 1 + random_below(1000);
		make_paths(10, PLAYERS_MAX);
		solve(1 + random_below(3), PLAYERS_MAX, effects);
		assert_int_equal(
			attrib_markov_split(effects, PLAYERS_MAX, orders, gross, refunded, parts),
			0);
		for (size_t i = 0; i < PLAYERS_MAX; i++) {
			assert_true(effects[i] >= 0 && effects[i] <= 1);
			assert_true(effects[i] > 0 || parts[i].orders == 0);
			assert_true(parts[i].refunded >= 0 && parts[i].refunded <= parts[i].gross);
			sum.orders += parts[i].orders;
			sum.gross += parts[i].gross;
			sum.refunded += parts[i].refunded;
		}
		assert_int_equal(sum.orders, (int64_t)orders * ATTRIB_MODEL_ORDER_UNIT);
		assert_int_equal(sum.gross, gross);
		assert_int_equal(sum.refunded, refunded);
	}
}

/* By the effects the last would get 1 of 11, but 2 of 10: largest remainder gives less of more now and then. */
static void nobody_gives_back_more_than_it_got(void **state)
{
	const double effects[] = {0.6, 0.6, 0.2};
	struct attrib_model_part parts[3];

	(void)state;
	assert_int_equal(attrib_markov_split(effects, 3, 1, 11, 10, parts), 0);
	assert_int_equal(parts[0].gross, 5);
	assert_int_equal(parts[1].gross, 5);
	assert_int_equal(parts[2].gross, 1);
	assert_int_equal(parts[0].refunded, 5);
	assert_int_equal(parts[1].refunded, 4);
	assert_int_equal(parts[2].refunded, 1);
}

/* Other numbers for the players change whose effect it is, and nothing else. */
static void numbers_of_players_mean_nothing(void **state)
{
	(void)state;
	random_begin();
	for (unsigned order = 1; order <= ATTRIB_MARKOV_ORDER_MAX; order++) {
		double effects[PLAYERS_MAX], mirrored[PLAYERS_MAX];
		make_paths(40, PLAYERS_MAX);
		solve(order, PLAYERS_MAX, effects);
		for (size_t i = 0; i < plain.path_count; i++) {
			for (size_t k = 0; k < plain.paths[i].n; k++)
				plain.paths[i].touches[k] =
					PLAYERS_MAX - 1 - plain.paths[i].touches[k];
		}
		solve(order, PLAYERS_MAX, mirrored);
		for (size_t i = 0; i < PLAYERS_MAX; i++)
			assert_true(fabs(effects[i] - mirrored[PLAYERS_MAX - 1 - i]) < 1e-12);
	}
}

static void refuses_what_cannot_be_split(void **state)
{
	struct attrib_model_part parts[2];
	const double none[2] = {0}, some[2] = {1, 0};

	(void)state;
	assert_int_equal(attrib_markov_split(none, 2, 1, 1, 0, parts), ATTRIB_E_INVALID);
	assert_int_equal(attrib_markov_split(some, 2, 1, 1, 2, parts), ATTRIB_E_INVALID);
	assert_int_equal(attrib_markov_split(some, 2, UINT64_MAX, 1, 0, parts), ATTRIB_E_INVALID);
}

/* start -> 2 -> 3 -> 4 -> end and back from each: to keep one state takes more steps than there are. */
static void says_when_the_chain_is_too_large(void **state)
{
	size_t left = 11, all = left;
	struct chain chain, kept;

	(void)state;
	assert_int_equal(chain_init(&chain, 5, &left), 0);
	for (uint32_t row = CHAIN_START; row < 5; row++) {
		assert_int_equal(chain_row_alloc(&chain, row, row == CHAIN_START ? 1 : 2), 0);
		chain.rows[row].steps[0] = (struct chain_step){row == CHAIN_START ? 2 : 0, 1};
		if (row > CHAIN_START)
			chain.rows[row].steps[1] = (struct chain_step){row == 4 ? 2 : row + 1, 1};
	}
	assert_int_equal(chain_keep(&chain, 2, 3, &kept), ATTRIB_E_TOO_LARGE);
	chain_done(&kept);
	assert_int_equal(left, all - 7);
	left = 100;
	assert_int_equal(chain_keep(&chain, 2, 3, &kept), 0);
	chain_done(&kept);
	assert_int_equal(left, 100);
	chain_done(&chain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_case_by_hand),
		cmocka_unit_test(memory_tells_walks_apart),
		cmocka_unit_test_setup_teardown(equals_all_walks, begin, end),
		cmocka_unit_test_setup_teardown(equals_linear_equations, begin, end),
		cmocka_unit_test_setup_teardown(equals_walks_by_chance, begin, end),
		cmocka_unit_test_setup_teardown(parts_sum_to_the_orders, begin, end),
		cmocka_unit_test(nobody_gives_back_more_than_it_got),
		cmocka_unit_test_setup_teardown(numbers_of_players_mean_nothing, begin, end),
		cmocka_unit_test(refuses_what_cannot_be_split),
		cmocka_unit_test(says_when_the_chain_is_too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
