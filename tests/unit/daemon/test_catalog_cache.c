/* The catalog on disk: what was written comes back, and what is damaged does not. */
#include "files.h"

#include "catalog_cache.h"

/* A site acme with more lines. */
static struct attribd_config *config_of(const char *lines)
{
	struct attribd_config *config;
	char text[256];

	snprintf(text, sizeof text,
		"[attribd]\nstate_dir = /tmp\npostgres = host=/nowhere\n"
		"[site acme]\nwrite_key = a-secret-write-key\n%s",
		lines);
	assert_int_equal(attribd_config_load(files_text("conf", text), &config, NULL), 0);
	return config;
}

/* Version 3 of acme's settings is that of the configuration; before it were two others, when asked. */
static struct attrib_catalog *catalog_of(const struct attribd_config *config, bool history)
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
	struct attrib_site site = config->sites[0].site, second = site, first = site;
	struct attrib_catalog *catalog;

	site.policy.version = 3;
	site.policy.recorded_at = 300;
	site.before = history ? &second : NULL;
	second.policy.version = 2;
	second.policy.recorded_at = 200;
	second.policy.code_rule = ATTRIB_CODE_RULE_NEVER;
	second.policy.order_source = ATTRIB_STR("till");
	second.time_zone = ATTRIB_STR("Asia/Tokyo");
	second.before = &first;
	first.policy.version = 1;
	first.policy.recorded_at = ATTRIB_NEVER;
	first.policy.repeat_first = true;
	assert_int_equal(attrib_catalog_add_site(builder, &site), 0);
	assert_int_equal(attrib_catalog_add_tracker(builder, &tracker), 0);
	assert_int_equal(attrib_catalog_build(builder, 42, &catalog), 0);
	return catalog;
}

static void check_history(const struct attrib_site *site)
{
	assert_int_equal(site->policy.version, 3);
	assert_int_equal(site->policy.recorded_at, 300);
	assert_int_equal(
		site->policy.window_us[ATTRIB_CHANNEL_LINK], 10 * INT64_C(86400) * 1000000);
	assert_int_equal(site->policy.code_rule, ATTRIB_CODE_RULE_ALWAYS);
	site = site->before;
	assert_int_equal(site->policy.version, 2);
	assert_int_equal(site->policy.recorded_at, 200);
	assert_int_equal(site->policy.code_rule, ATTRIB_CODE_RULE_NEVER);
	assert_true(attrib_str_eq(site->policy.order_source, ATTRIB_STR("till")));
	assert_true(attrib_str_eq(site->time_zone, ATTRIB_STR("Asia/Tokyo")));
	assert_non_null(site->zone);
	site = site->before;
	assert_int_equal(site->policy.version, 1);
	assert_int_equal(site->policy.recorded_at, ATTRIB_NEVER);
	assert_true(site->policy.repeat_first);
	assert_null(site->before);
}

struct cached {
	struct attrib_arena arena;
	struct attrib_buf file;
	struct attrib_str rows;
	struct attrib_site sites[2];
	int err;
};

static void cache_read(struct cached *cached, const char *name, const struct attribd_config *config)
{
	attrib_buf_init(&cached->file);
	attrib_arena_init(&cached->arena, 4096);
	for (size_t i = 0; i < config->site_count; i++)
		cached->sites[i] = config->sites[i].site;
	cached->err = attribd_catalog_cache_read(files_path(name), config, cached->sites,
		&cached->arena, &cached->file, &cached->rows);
}

static void cache_done(struct cached *cached)
{
	attrib_arena_done(&cached->arena);
	attrib_buf_done(&cached->file);
}

static void what_was_written_comes_back(void **state)
{
	struct attribd_config *config = config_of("window.link = 10d\n");
	struct attrib_catalog *catalog = catalog_of(config, true), *again;
	struct attrib_catalog_builder *builder = attrib_catalog_builder_new();
	struct cached cached;
	uint64_t version = 0;

	(void)state;
	assert_int_equal(attribd_catalog_cache_write(files_path("cache"), config, catalog), 0);
	cache_read(&cached, "cache", config);
	assert_int_equal(cached.err, 0);
	check_history(&cached.sites[0]);
	assert_int_equal(attrib_catalog_decode(cached.rows, builder, &version), 0);
	assert_int_equal(version, 42);
	assert_int_equal(attrib_catalog_build(builder, version, &again), 0);
	assert_non_null(attrib_catalog_link(again, ATTRIB_STR("lisa"), 0));
	cache_done(&cached);
	attrib_catalog_unref(again);
	attrib_catalog_unref(catalog);
	attribd_config_free(config);
}

/* What was recorded decides until something else is; a site that nobody recorded is as configured. */
static void what_is_not_recorded_waits(void **state)
{
	struct attribd_config *config = config_of("window.link = 10d\n");
	struct attribd_config *changed =
		config_of("window.link = 11d\n[site north]\nwindow.link = 12d\n");
	struct attrib_catalog *catalog = catalog_of(config, true);
	struct cached cached;

	(void)state;
	assert_int_equal(attribd_catalog_cache_write(files_path("cache"), config, catalog), 0);
	cache_read(&cached, "cache", changed);
	assert_int_equal(cached.err, 0);
	check_history(&cached.sites[0]);
	assert_memory_equal(&cached.sites[1], &changed->sites[1].site, sizeof cached.sites[1]);
	cache_done(&cached);
	attrib_catalog_unref(catalog);
	attribd_config_free(changed);
	attribd_config_free(config);
}

/* Every byte counts: changed or cut anywhere, the file is refused, and the sites are as they were. */
static void a_damaged_file_is_no_file(void **state)
{
	struct attribd_config *config = config_of("window.link = 10d\n");
	struct attrib_catalog *catalog = catalog_of(config, false);
	struct cached whole, cached;

	(void)state;
	cache_read(&cached, "absent", config);
	assert_int_equal(cached.err, ATTRIB_E_NOT_FOUND);
	cache_done(&cached);
	assert_int_equal(attribd_catalog_cache_write(files_path("whole"), config, catalog), 0);
	cache_read(&whole, "whole", config);
	assert_int_equal(whole.err, 0);
	for (size_t i = 0; i < whole.file.n; i++) {
		files_write("cut", whole.file.p, i);
		cache_read(&cached, "cut", config);
		assert_int_equal(cached.err, ATTRIB_E_CORRUPT);
		cache_done(&cached);
		whole.file.p[i] ^= 0x81;
		files_write("flipped", whole.file.p, whole.file.n);
		whole.file.p[i] ^= 0x81;
		cache_read(&cached, "flipped", config);
		assert_int_equal(cached.err, ATTRIB_E_CORRUPT);
		assert_memory_equal(
			&cached.sites[0], &config->sites[0].site, sizeof cached.sites[0]);
		cache_done(&cached);
	}
	cache_done(&whole);
	attrib_catalog_unref(catalog);
	attribd_config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_comes_back),
		cmocka_unit_test(what_is_not_recorded_waits),
		cmocka_unit_test(a_damaged_file_is_no_file),
	};
	return cmocka_run_group_tests(tests, files_begin, files_end);
}
