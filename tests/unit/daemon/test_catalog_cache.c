/* The catalog on disk: what was written comes back, and what is damaged does not. */
#include "files.h"

#include "catalog_cache.h"

static struct attribd_config *config_of(const char *window)
{
	struct attribd_config *config;
	char text[256];

	snprintf(text, sizeof text,
		"[attribd]\nstate_dir = /tmp\npostgres = host=/nowhere\n"
		"[site acme]\nwrite_key = a-secret-write-key\nwindow.link = %s\n",
		window);
	assert_int_equal(attribd_config_load(files_text("conf", text), &config, NULL), 0);
	return config;
}

static struct attrib_catalog *catalog_of(const struct attribd_config *config, uint32_t version)
{
	struct attrib_catalog_builder *builder = attrib_catalog_builder_new();
	struct attrib_tracker tracker = {.kind = ATTRIB_TRACKER_LINK,
		.site = ATTRIB_STR("acme"),
		.key = ATTRIB_STR("lisa"),
		.creator = ATTRIB_STR("lisa"),
		.destination = ATTRIB_STR("https://shop.example/"),
		.valid_from = ATTRIB_NEVER,
		.valid_to = ATTRIB_FOREVER,
		.window_us = ATTRIB_WINDOW_INHERIT,
		.recorded_at = 0,
		.superseded_at = ATTRIB_FOREVER};
	struct attrib_site site = config->sites[0].site;
	struct attrib_catalog *catalog;

	site.policy.version = version;
	assert_int_equal(attrib_catalog_add_site(builder, &site), 0);
	assert_int_equal(attrib_catalog_add_tracker(builder, &tracker), 0);
	assert_int_equal(attrib_catalog_build(builder, 42, &catalog), 0);
	return catalog;
}

static void what_was_written_comes_back(void **state)
{
	struct attribd_config *config = config_of("10d"), *changed;
	struct attrib_catalog *catalog = catalog_of(config, 3), *again;
	struct attrib_catalog_builder *builder = attrib_catalog_builder_new();
	struct attrib_site site = config->sites[0].site;
	struct attrib_str rows;
	struct attrib_buf file;
	uint64_t version = 0;

	(void)state;
	attrib_buf_init(&file);
	assert_int_equal(attribd_catalog_cache_write(files_path("cache"), config, catalog), 0);
	assert_int_equal(
		attribd_catalog_cache_read(files_path("cache"), config, &site, &file, &rows), 0);
	assert_int_equal(site.policy.version, 3);
	assert_int_equal(attrib_catalog_decode(rows, builder, &version), 0);
	assert_int_equal(version, 42);
	assert_int_equal(attrib_catalog_build(builder, version, &again), 0);
	assert_non_null(attrib_catalog_link(again, ATTRIB_STR("lisa"), 0));

	/* a policy that says something else has another version, which only PostgreSQL knows */
	changed = config_of("11d");
	site = changed->sites[0].site;
	attrib_buf_clear(&file);
	assert_int_equal(
		attribd_catalog_cache_read(files_path("cache"), changed, &site, &file, &rows), 0);
	assert_int_equal(site.policy.version, changed->sites[0].site.policy.version);
	assert_int_not_equal(site.policy.version, 3);
	attrib_buf_done(&file);
	attrib_catalog_unref(again);
	attrib_catalog_unref(catalog);
	attribd_config_free(changed);
	attribd_config_free(config);
}

/* Every byte counts: changed or cut anywhere, the file is refused. */
static void a_damaged_file_is_no_file(void **state)
{
	struct attribd_config *config = config_of("10d");
	struct attrib_catalog *catalog = catalog_of(config, 3);
	struct attrib_site site = config->sites[0].site;
	struct attrib_buf good, file;
	struct attrib_str rows;

	(void)state;
	attrib_buf_init(&good);
	attrib_buf_init(&file);
	assert_int_equal(
		attribd_catalog_cache_read(files_path("absent"), config, &site, &good, &rows),
		ATTRIB_E_NOT_FOUND);
	assert_int_equal(attribd_catalog_cache_write(files_path("whole"), config, catalog), 0);
	assert_int_equal(
		attribd_catalog_cache_read(files_path("whole"), config, &site, &good, &rows), 0);
	for (size_t i = 0; i < good.n; i++) {
		attrib_buf_clear(&file);
		files_write("cut", good.p, i);
		assert_int_equal(
			attribd_catalog_cache_read(files_path("cut"), config, &site, &file, &rows),
			ATTRIB_E_CORRUPT);
		attrib_buf_clear(&file);
		good.p[i] ^= 0x81;
		files_write("flipped", good.p, good.n);
		good.p[i] ^= 0x81;
		assert_int_equal(attribd_catalog_cache_read(
					 files_path("flipped"), config, &site, &file, &rows),
			ATTRIB_E_CORRUPT);
	}
	attrib_buf_done(&good);
	attrib_buf_done(&file);
	attrib_catalog_unref(catalog);
	attribd_config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_comes_back),
		cmocka_unit_test(a_damaged_file_is_no_file),
	};
	return cmocka_run_group_tests(tests, files_begin, files_end);
}
