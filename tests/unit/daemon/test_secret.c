/* The installation's secret: made once, kept for ever, refused when it is not one. */
#include "files.h"

#include <errno.h>
#include <sys/wait.h>

#include "config.h"

static void it_is_made_once_and_then_read(void **state)
{
	static const uint8_t zero[ATTRIB_SECRET_BYTES];
	uint8_t first[ATTRIB_SECRET_BYTES] = {0}, again[ATTRIB_SECRET_BYTES] = {0};
	const char *file = files_path("secret");
	struct stat st;

	(void)state;
	assert_int_equal(attribd_secret_load(file, first), 0);
	assert_memory_not_equal(first, zero, sizeof first);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_size, ATTRIB_SECRET_BYTES);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(attribd_secret_load(file, again), 0);
	assert_memory_equal(first, again, sizeof first);
	assert_int_equal(attribd_secret_load(files_path("other"), again), 0);
	assert_memory_not_equal(first, again, sizeof first);
}

/* Root may run a command before the daemon's own user has started it. */
static void it_belongs_to_the_owner_of_its_directory(void **state)
{
	uint8_t secret[ATTRIB_SECRET_BYTES];
	struct stat directory, file;

	(void)state;
	assert_int_equal(mkdir(files_path("theirs"), 0700), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(files_path("theirs"), 4711, 4712), 0);
	assert_int_equal(attribd_secret_load(files_path("theirs/secret"), secret), 0);
	assert_int_equal(stat(files_path("theirs"), &directory), 0);
	assert_int_equal(stat(files_path("theirs/secret"), &file), 0);
	assert_int_equal(file.st_uid, directory.st_uid);
	assert_int_equal(file.st_gid, directory.st_gid);
}

static void what_is_no_secret_is_refused(void **state)
{
	uint8_t secret[ATTRIB_SECRET_BYTES] = {0}, bytes[ATTRIB_SECRET_BYTES + 1] = {7};
	const char *file = files_write("short", bytes, ATTRIB_SECRET_BYTES - 1);

	(void)state;
	assert_int_equal(chmod(file, 0600), 0);
	assert_int_equal(attribd_secret_load(file, secret), ATTRIB_E_CONFIG);
	file = files_write("long", bytes, ATTRIB_SECRET_BYTES + 1);
	assert_int_equal(chmod(file, 0600), 0);
	assert_int_equal(attribd_secret_load(file, secret), ATTRIB_E_CONFIG);
	file = files_write("open", bytes, ATTRIB_SECRET_BYTES);
	assert_int_equal(chmod(file, 0604), 0);
	assert_int_equal(attribd_secret_load(file, secret), ATTRIB_E_CONFIG);
	assert_int_equal(chmod(file, 0640), 0);
	assert_int_equal(attribd_secret_load(file, secret), 0);
	assert_int_equal(attribd_secret_load(files_path("no/such/dir"), secret), ATTRIB_E_IO);
	assert_int_equal(errno, ENOENT);
}

/* A crash in the middle left its temporary file, and in a container the next start has the same
 * process id. */
static void a_leftover_of_a_crash_is_in_nobodys_way(void **state)
{
	uint8_t secret[ATTRIB_SECRET_BYTES];
	char name[64];

	(void)state;
	snprintf(name, sizeof name, "crashed.%ld.new", (long)getpid());
	files_text(name, "half a secret");
	assert_int_equal(attribd_secret_load(files_path("crashed"), secret), 0);
}

/* Several processes start at once on one empty directory: they agree. */
static void racing_starts_agree(void **state)
{
	const char *file = files_path("raced");
	uint8_t secret[ATTRIB_SECRET_BYTES], other[ATTRIB_SECRET_BYTES];
	int ends[2], status;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	for (int i = 0; i < 8; i++) {
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			if (attribd_secret_load(file, secret))
				_exit(1);
			_exit(write(ends[1], secret, sizeof secret) != sizeof secret);
		}
	}
	for (int i = 0; i < 8; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(attribd_secret_load(file, secret), 0);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(read(ends[0], other, sizeof other), sizeof other);
		assert_memory_equal(secret, other, sizeof secret);
	}
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_made_once_and_then_read),
		cmocka_unit_test(it_belongs_to_the_owner_of_its_directory),
		cmocka_unit_test(what_is_no_secret_is_refused),
		cmocka_unit_test(a_leftover_of_a_crash_is_in_nobodys_way),
		cmocka_unit_test(racing_starts_agree),
	};

	return cmocka_run_group_tests_name("secret", tests, files_begin, files_end);
}
