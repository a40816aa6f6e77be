/* The state directory: one process, one name. */
#include "files.h"

#include "statedir.h"

static void one_process_at_a_time(void **state)
{
	const char *dir = files_path("locked");
	int first, second;

	(void)state;
	assert_int_equal(attribd_statedir_lock(dir, &first), 0);
	assert_int_equal(attribd_statedir_lock(dir, &second), ATTRIB_E_UNAVAILABLE);
	close(first);
	assert_int_equal(attribd_statedir_lock(dir, &second), 0);
	close(second);
	assert_int_equal(attribd_statedir_lock(files_path("no/parent"), &first), ATTRIB_E_IO);
}

static void a_name_for_life(void **state)
{
	struct attrib_id first, again, other;

	(void)state;
	assert_int_equal(mkdir(files_path("a"), 0700), 0);
	assert_int_equal(mkdir(files_path("b"), 0700), 0);
	assert_int_equal(attribd_statedir_instance(files_path("a"), &first), 0);
	assert_int_equal(attribd_statedir_instance(files_path("a"), &again), 0);
	assert_int_equal(attribd_statedir_instance(files_path("b"), &other), 0);
	assert_true(attrib_id_eq(&first, &again));
	assert_false(attrib_id_eq(&first, &other));
	assert_false(attrib_id_none(&first));
}

static void the_shared_state_is_remembered(void **state)
{
	const struct attrib_id first = {{1, 2}}, second = {{3}};
	struct attrib_id id;

	(void)state;
	assert_int_equal(mkdir(files_path("s"), 0700), 0);
	assert_int_equal(attribd_statedir_shared(files_path("s"), &id), ATTRIB_E_NOT_FOUND);
	assert_int_equal(attribd_statedir_keep_shared(files_path("s"), &first), 0);
	assert_int_equal(attribd_statedir_shared(files_path("s"), &id), 0);
	assert_true(attrib_id_eq(&id, &first));
	assert_int_equal(attribd_statedir_keep_shared(files_path("s"), &second), 0);
	assert_int_equal(attribd_statedir_shared(files_path("s"), &id), 0);
	assert_true(attrib_id_eq(&id, &second));
	assert_int_equal(attribd_statedir_keep_shared(files_path("nowhere"), &first), ATTRIB_E_IO);
}

static void a_damaged_name_is_no_reason_for_a_new_one(void **state)
{
	struct attrib_id id;

	(void)state;
	assert_int_equal(mkdir(files_path("c"), 0700), 0);
	files_text("c/instance", "0123456789abcdef0123456789abcde");
	assert_int_equal(attribd_statedir_instance(files_path("c"), &id), ATTRIB_E_CORRUPT);
	files_text("c/instance", "0123456789abcdef0123456789abcdeg\n");
	assert_int_equal(attribd_statedir_instance(files_path("c"), &id), ATTRIB_E_CORRUPT);
	files_text("c/instance", "0123456789abcdef0123456789abcdef\n");
	assert_int_equal(attribd_statedir_instance(files_path("c"), &id), 0);
	assert_int_equal(id.b[15], 0xef);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_process_at_a_time),
		cmocka_unit_test(a_name_for_life),
		cmocka_unit_test(the_shared_state_is_remembered),
		cmocka_unit_test(a_damaged_name_is_no_reason_for_a_new_one),
	};
	return cmocka_run_group_tests(tests, files_begin, files_end);
}
