/* Recorded versions of a site's settings come back as the catalog wants them, whatever became of them. */
#include "files.h"

#include "site_history.h"

#define DAY ATTRIB_US_PER_DAY

static struct attribd_config *config_of(const char *lines)
{
	struct attribd_config *config;
	char text[512];

	snprintf(text, sizeof text,
		"[attribd]\nstate_dir = /tmp\npostgres = host=/nowhere\n[site acme]\n%s", lines);
	assert_int_equal(attribd_config_load(files_text("conf", text), &config, NULL), 0);
	return config;
}

/* Reads the lines over a site of the defaults; what could not be read is in *problems. */
static struct attrib_site read_back(
	const char *lines, struct attrib_arena *arena, struct attrib_buf *problems)
{
	struct attrib_site site = {.name = ATTRIB_STR("acme")};

	site.policy.version = 7;
	site.policy.code_grace_us = 1; /* not what a version that does not state it has */
	assert_int_equal(
		attribd_config_read_version(attrib_str_of(lines), arena, &site, problems), 0);
	assert_int_equal(site.policy.version, 7);
	assert_true(attrib_str_eq(site.name, ATTRIB_STR("acme")));
	assert_int_equal(site.policy.code_grace_us, 30 * DAY);
	return site;
}

/* All settings that decisions depend on survive, none of the others is among them. */
static void written_and_read_back(void **state)
{
	static const char *const samples[] = {
		"",
		"time_zone = Europe/Berlin\ncurrency = CHF\nrevenue_basis = total\n"
		"count_at = created\nwindow.link = 1d\nwindow.affiliate = 2d\nwindow.utm = 3d\n"
		"window.view = 4d\ncollapse = 5m\ncode_rule = if_winner\n"
		"browser_orders = count\norder_source = till\nmodel.scope = all\n"
		"model.half_life = 6d\nrepeat_orders = first\nrenewals = months:12\n"
		"lead_window = 8d\nlock_after = 9d\nmax_late = 10d\nexclude = test,tag:gift\n"
		"too_fast = 5s\nwrite_key = nobody-sees-this\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
		struct attribd_config *config = config_of(samples[i]);
		struct attrib_buf lines, again, problems;
		struct attrib_arena arena;
		struct attrib_site site;
		attrib_arena_init(&arena, 1024);
		attrib_buf_init(&lines);
		attrib_buf_init(&again);
		attrib_buf_init(&problems);
		attribd_config_put_version(&config->sites[0].site, &lines);
		attrib_buf_char(&lines, '\0');
		assert_null(strstr((char *)lines.p, "nobody-sees-this"));
		site = read_back((char *)lines.p, &arena, &problems);
		assert_int_equal(problems.n, 0);
		attribd_config_put_version(&site, &again);
		assert_int_equal(again.n, lines.n - 1);
		assert_memory_equal(again.p, lines.p, again.n);
		attrib_buf_done(&lines);
		attrib_buf_done(&again);
		attrib_buf_done(&problems);
		attrib_arena_done(&arena);
		attribd_config_free(config);
	}
}

/* A key that is gone is left out, a value that is refused has its default; both are told. */
static void what_cannot_be_read_is_told(void **state)
{
	struct attrib_buf problems;
	struct attrib_arena arena;
	struct attrib_site site;

	(void)state;
	attrib_arena_init(&arena, 1024);
	attrib_buf_init(&problems);
	site = read_back("collapse = 5m\nfrom.the.past = 3\nwindow.link = a while\n"
			 "write_key = x\n\nno value",
		&arena, &problems);
	attrib_buf_char(&problems, '\0');
	assert_int_equal(site.policy.collapse_us, 5 * ATTRIB_US_PER_MIN);
	assert_int_equal(site.policy.window_us[ATTRIB_CHANNEL_LINK], 30 * DAY);
	assert_string_equal((char *)problems.p,
		"from.the.past: expected a setting that decisions depend on, got an unknown name;"
		" it is left out\n"
		"window.link: expected a duration such as 30d, 12h, 45m, 10s or 250ms from 0 to "
		"366d, got \"a while\";"
		" its default \"30d\" is taken\n"
		"write_key: expected a setting that decisions depend on, got an unknown name;"
		" it is left out\n"
		"no value: expected a setting that decisions depend on, got an unknown name;"
		" it is left out\n");
	attrib_buf_done(&problems);
	attrib_arena_done(&arena);
}

static void versions_are_linked_newest_first(void **state)
{
	static const struct attrib_site_version versions[] = {
		{3, 300, ATTRIB_STR("collapse = 3m\n")},
		{2, 200, ATTRIB_STR("collapse = 2m\n")},
		{1, 100, ATTRIB_STR("")},
	};
	struct attribd_config *config = config_of("collapse = 9m\nmodel.primary = linear\n");
	struct attribd_history history = {0};
	const struct attrib_site *site;
	struct attrib_arena arena;

	(void)state;
	attrib_arena_init(&arena, 1024);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(
			attribd_history_add(&history, &config->sites[0].site, &versions[i], &arena),
			0);
	site = history.newest;
	for (size_t i = 0; i < 3; i++, site = site->before) {
		assert_int_equal(site->policy.version, versions[i].version);
		assert_int_equal(site->policy.recorded_at, versions[i].recorded_at);
		assert_int_equal(site->policy.collapse_us,
			(i < 2 ? 3 - (int64_t)i : 30) * ATTRIB_US_PER_MIN);
		assert_int_equal(site->policy.primary_model, ATTRIB_MODEL_LINEAR);
	}
	assert_null(site);
	attrib_arena_done(&arena);
	attribd_config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_and_read_back),
		cmocka_unit_test(what_cannot_be_read_is_told),
		cmocka_unit_test(versions_are_linked_newest_first),
	};
	return cmocka_run_group_tests(tests, files_begin, files_end);
}
