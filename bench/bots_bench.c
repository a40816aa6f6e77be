/*
 * What asking the bot list costs: browsers and in-app browsers, robots, and texts that were made to
 * cost as much as they can.
 *
 *   bots_bench [LIST] [rounds]      the built-in list; rounds: 100000
 *
 * Instructions: valgrind --tool=callgrind --toggle-collect=attrib_bots_match bots_bench LIST 1000,
 * divided by the number of questions that is printed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "attrib/bots.h"
#include "measure.h"

#define HOSTILE 4096

static const char *const browsers[] = {
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
	"Chrome/130.0.0.0 Safari/537.36",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
	"Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
	"Gecko) Mobile/22A3354 Instagram 350.0.0.0.1 (iPhone15,2; iOS 18_0; de_DE; de; "
	"scale=3.00; 1179x2556; 600000000)",
	"Mozilla/5.0 (Linux; Android 14; SM-A546B Build/UP1A.231005.007; wv) AppleWebKit/537.36 "
	"(KHTML, like Gecko) Version/4.0 Chrome/129.0.6668.100 Mobile Safari/537.36 "
	"trill_2023509030 JsSdk/1.0 NetType/WIFI Channel/googleplay AppName/musical_ly "
	"app_version/35.9.3 ByteLocale/de-DE Region/DE AppId/1233 BytedanceWebview/d8a21c6",
	"Mozilla/5.0 (Linux; Android 11; CUBOT X30) AppleWebKit/537.36 (KHTML, like Gecko) "
	"Chrome/90.0.4430.210 Mobile Safari/537.36",
};
static const char *const robots[] = {
	"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
	"facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
	"curl/8.5.0",
};

static void measure(const char *what, const struct attrib_bots *bots,
	const struct attrib_str *agents, size_t n, size_t questions)
{
	size_t matches = 0;
	double began = bench_us(CLOCK_MONOTONIC);

	for (size_t i = 0; i < questions; i++)
		matches += attrib_bots_match(bots, agents[i % n]);
	printf("%-10s %8zu questions, %5.1f %% robots, %8.0f ns each\n", what, questions,
		100.0 * (double)matches / (double)questions,
		(bench_us(CLOCK_MONOTONIC) - began) * 1e3 / (double)questions);
}

/* Pieces of the list's own expressions, cut so that few of them match. */
static void make_hostile(struct attrib_str list, char (*out)[ATTRIB_USER_AGENT_MAX])
{
	srand(1);
	for (size_t i = 0; i < HOSTILE; i++) {
		for (size_t n = 0; n < ATTRIB_USER_AGENT_MAX; n++) {
			size_t at = (size_t)rand() % list.n;
			for (size_t k = (size_t)rand() % 5;
				k-- > 0 && at < list.n && n < ATTRIB_USER_AGENT_MAX - 1;)
				out[i][n++] = list.p[at++];
			out[i][n] = (char)(' ' + rand() % 95);
		}
	}
}

static struct attrib_str read_list(const char *file, char *buffer, size_t size)
{
	FILE *in = fopen(file, "re");
	size_t n = in ? fread(buffer, 1, size, in) : 0;

	if (in)
		fclose(in);
	return (struct attrib_str){buffer, n};
}

int main(int argc, char **argv)
{
	static char buffer[ATTRIB_BOTS_BYTES_MAX + 1], hostile[HOSTILE][ATTRIB_USER_AGENT_MAX];
	static struct attrib_str agents[HOSTILE];
	const char *file = argc > 1 && *argv[1] ? argv[1] : NULL;
	size_t rounds = argc > 2 ? (size_t)atol(argv[2]) : 100000;
	struct attrib_str list =
		file ? read_list(file, buffer, sizeof buffer) : attrib_bots_builtin;
	struct attrib_bots *bots;
	struct attrib_buf problems;
	double began = bench_us(CLOCK_MONOTONIC);

	attrib_buf_init(&problems);
	if (attrib_bots_parse(file ? file : "built in", list, &problems, &bots)) {
		fwrite(problems.p, 1, problems.n, stderr);
		return EXIT_FAILURE;
	}
	printf("read in %.1f ms\n", (bench_us(CLOCK_MONOTONIC) - began) / 1e3);
	for (size_t i = 0; i < sizeof browsers / sizeof *browsers; i++)
		agents[i] = attrib_str_of(browsers[i]);
	measure("browsers", bots, agents, sizeof browsers / sizeof *browsers, rounds);
	for (size_t i = 0; i < sizeof robots / sizeof *robots; i++)
		agents[i] = attrib_str_of(robots[i]);
	measure("robots", bots, agents, sizeof robots / sizeof *robots, rounds);
	make_hostile(list, hostile);
	for (size_t i = 0; i < HOSTILE; i++)
		agents[i] = (struct attrib_str){hostile[i], sizeof hostile[i]};
	measure("hostile", bots, agents, HOSTILE, rounds / 10);
	attrib_bots_free(bots);
	attrib_buf_done(&problems);
	return EXIT_SUCCESS;
}
