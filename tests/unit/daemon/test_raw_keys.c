/* Keys of days: made in time, the same after a restart, destroyed when they are old. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "attrib/time.h"
#include "files.h"
#include "raw_keys.h"

#define NOW ((int64_t)1793534400000000)
#define DAY ATTRIB_US_PER_DAY

static void keys_of_days(void **state)
{
	struct attribd_raw_keys keys, again;
	uint8_t today[ATTRIB_RAW_KEY_BYTES], other[ATTRIB_RAW_KEY_BYTES];

	(void)state;
	attribd_raw_keys_init(&keys, files_dir);
	assert_false(attribd_raw_key(&keys, NOW, today));
	assert_int_equal(attribd_raw_keys_tend(&keys, NOW), 0);
	assert_true(attribd_raw_key(&keys, NOW, today));
	assert_true(attribd_raw_key(&keys, NOW + DAY, other));
	assert_memory_not_equal(today, other, sizeof today);
	assert_false(attribd_raw_key(&keys, NOW - DAY, other));
	assert_false(attribd_raw_key(&keys, NOW + 2 * DAY, other));
	assert_true(attribd_raw_key_load(files_dir, NOW, other));
	assert_memory_equal(today, other, sizeof today);
	attribd_raw_keys_init(&again, files_dir);
	assert_int_equal(attribd_raw_keys_tend(&again, NOW + DAY / 4), 0);
	assert_true(attribd_raw_key(&again, NOW, other));
	assert_memory_equal(today, other, sizeof today);
}

/* The day before stays at hand, for a worker whose clock was read before midnight. */
static void they_live_for_thirty_days(void **state)
{
	struct attribd_raw_keys keys;
	uint8_t first[ATTRIB_RAW_KEY_BYTES], key[ATTRIB_RAW_KEY_BYTES];

	(void)state;
	attribd_raw_keys_init(&keys, files_dir);
	assert_int_equal(attribd_raw_keys_tend(&keys, NOW), 0);
	assert_true(attribd_raw_key(&keys, NOW, first));
	for (int day = 1; day <= ATTRIB_RAW_DAYS; day++) {
		assert_int_equal(attribd_raw_keys_tend(&keys, NOW + day * DAY), 0);
		assert_true(attribd_raw_key(&keys, NOW + (day - 1) * DAY, key));
		assert_true(attribd_raw_key_load(files_dir, NOW, key));
		assert_memory_equal(key, first, sizeof key);
	}
	assert_int_equal(attribd_raw_keys_tend(&keys, NOW + (ATTRIB_RAW_DAYS + 1) * DAY), 0);
	assert_false(attribd_raw_key_load(files_dir, NOW, key));
	assert_true(attribd_raw_key_load(files_dir, NOW + DAY, key));
}

static void without_a_directory_there_are_none(void **state)
{
	struct attribd_raw_keys keys;
	uint8_t key[ATTRIB_RAW_KEY_BYTES];

	(void)state;
	attribd_raw_keys_init(&keys, "/nowhere/at/all");
	assert_int_not_equal(attribd_raw_keys_tend(&keys, NOW), 0);
	assert_false(attribd_raw_key(&keys, NOW, key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_days),
		cmocka_unit_test(they_live_for_thirty_days),
		cmocka_unit_test(without_a_directory_there_are_none),
	};
	return cmocka_run_group_tests_name("raw_keys", tests, files_begin, files_end);
}
