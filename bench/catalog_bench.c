/*
 * What asking the catalog costs: owners of codes and links among many, utm rules among many.
 *
 *   catalog_bench [trackers, default 100000]
 */
#include <inttypes.h>

#include "attrib/catalog.h"
#include "measure.h"

#define QUESTIONS 2000000
#define KEYS      4096 /* asked for in turn, spread over all trackers */

static struct attrib_str key_text(char *out, size_t size, const char *before, uint64_t number)
{
	int n = snprintf(out, size, "%s%" PRIu64, before, number);

	return (struct attrib_str){out, (size_t)n};
}

static struct attrib_catalog *build(uint64_t n)
{
	static const char *const beginnings[] = {"code", "instagram/social/spring"};
	struct attrib_catalog_builder *builder = attrib_catalog_builder_new();
	struct attrib_catalog *catalog;
	char text[64];

	bench_must(builder ? 0 : ATTRIB_E_NOMEM, "builder");
	for (uint64_t i = 0; i < n; i++) {
		struct attrib_tracker t = {
			.kind = i % 10 ? ATTRIB_TRACKER_CODE : ATTRIB_TRACKER_UTM,
			.site = ATTRIB_STR("acme"),
			.creator = ATTRIB_STR("lisa"),
			.valid_from = ATTRIB_NEVER,
			.valid_to = ATTRIB_FOREVER,
			.superseded_at = ATTRIB_FOREVER,
		};

		t.key = key_text(text, sizeof text, beginnings[i % 10 == 0], i);
		bench_must(attrib_catalog_add_tracker(builder, &t), "add");
	}
	bench_must(attrib_catalog_build(builder, 1, &catalog), "build");
	return catalog;
}

static void line(const char *what, double us, uint64_t found)
{
	printf("%-28s %6.0f ns each, %" PRIu64 " owned\n", what, us * 1e3 / QUESTIONS, found);
}

static void ask_codes(const struct attrib_catalog *catalog, uint64_t n)
{
	static char texts[KEYS][32];
	static struct attrib_str keys[KEYS];
	uint64_t found = 0;
	double start;

	for (uint64_t i = 0; i < KEYS; i++)
		keys[i] = key_text(texts[i], sizeof texts[i], "code", i * 7919 % n);
	start = bench_us(CLOCK_MONOTONIC);
	for (uint64_t i = 0; i < QUESTIONS; i++)
		found += attrib_catalog_owner(catalog, ATTRIB_STR("acme"), ATTRIB_TRACKER_CODE,
				 keys[i % KEYS], 5, 5) != NULL;
	line("owner of a code", bench_us(CLOCK_MONOTONIC) - start, found);
}

static void ask_utm(const struct attrib_catalog *catalog, uint64_t n)
{
	static char texts[KEYS][32];
	static struct attrib_utm landings[KEYS];
	uint64_t found = 0;
	double start;

	for (uint64_t i = 0; i < KEYS; i++) {
		landings[i].source = ATTRIB_STR("instagram");
		landings[i].medium = ATTRIB_STR("social");
		landings[i].campaign = key_text(texts[i], sizeof texts[i], "spring", i * 10 % n);
		landings[i].content = ATTRIB_STR("story");
	}
	start = bench_us(CLOCK_MONOTONIC);
	for (uint64_t i = 0; i < QUESTIONS; i++)
		found += attrib_catalog_utm(
				 catalog, ATTRIB_STR("acme"), &landings[i % KEYS], 5, 5) != NULL;
	line("owner of a landing's utm", bench_us(CLOCK_MONOTONIC) - start, found);
}

int main(int argc, char **argv)
{
	uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
	struct attrib_catalog *catalog;
	double start = bench_us(CLOCK_MONOTONIC);

	bench_must(n ? 0 : ATTRIB_E_INVALID, "arguments");
	catalog = build(n);
	printf("%-28s %6.0f ms for %" PRIu64 "\n", "build",
		(bench_us(CLOCK_MONOTONIC) - start) / 1e3, n);
	ask_codes(catalog, n);
	ask_utm(catalog, n);
	attrib_catalog_unref(catalog);
	return 0;
}
