/*
 * A few places that are only ever added: readers see a place whole, because the count is raised behind
 * it. The file is replaced by rename and never synced: after a power cut it may be an older one, and an
 * alarm rings a little early.
 */
#include "heard.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "attrib/io.h"
#include "attrib/time.h"

#define PLACES         1024 /* sites x sources; more are not shown */
#define NAME_MAX_BYTES 128

struct place {
	char site[NAME_MAX_BYTES], source[NAME_MAX_BYTES];
	_Atomic int64_t at; /* received */
};
static struct place places[PLACES];
static atomic_size_t place_count;
static pthread_mutex_t adding = PTHREAD_MUTEX_INITIALIZER;
static int64_t kept; /* the sum of what the file has */

static struct place *find(struct attrib_str site, struct attrib_str source)
{
	size_t n = atomic_load_explicit(&place_count, memory_order_acquire);

	for (size_t i = 0; i < n; i++) {
		if (attrib_str_eq(attrib_str_of(places[i].source), source) &&
			attrib_str_eq(attrib_str_of(places[i].site), site))
			return &places[i];
	}
	return NULL;
}

static struct place *add(struct attrib_str site, struct attrib_str source)
{
	struct place *place;
	size_t n;

	pthread_mutex_lock(&adding);
	place = find(site, source);
	n = atomic_load_explicit(&place_count, memory_order_relaxed);
	if (!place && n < PLACES) {
		place = &places[n];
		memcpy(place->site, site.p, site.n);
		memcpy(place->source, source.p, source.n);
		atomic_store_explicit(&place_count, n + 1, memory_order_release);
	}
	pthread_mutex_unlock(&adding);
	return place;
}

static void hear(struct attrib_str site, struct attrib_str source, int64_t at)
{
	struct place *place;
	int64_t before;

	if (site.n >= NAME_MAX_BYTES || source.n >= NAME_MAX_BYTES)
		return;
	place = find(site, source);
	if (!place)
		place = add(site, source);
	if (!place)
		return;
	before = atomic_load_explicit(&place->at, memory_order_relaxed);
	while (before < at && !atomic_compare_exchange_weak_explicit(&place->at, &before, at,
				      memory_order_relaxed, memory_order_relaxed))
		;
}

void attribd_heard(const struct attrib_event *event)
{
	if (event->type == ATTRIB_EVENT_PURCHASE && event->trust == ATTRIB_TRUST_SIGNED)
		hear(event->site, event->source, event->received_at);
}

/* -- the file --------------------------------------------------------------------------------------- */

static int64_t sum(void)
{
	size_t n = atomic_load_explicit(&place_count, memory_order_acquire);
	int64_t all = 0;

	for (size_t i = 0; i < n; i++)
		all += atomic_load_explicit(&places[i].at, memory_order_relaxed) / ATTRIB_US_PER_S;
	return all;
}

void attribd_heard_open(const char *state_dir)
{
	char path[4096], line[512], site[NAME_MAX_BYTES], source[NAME_MAX_BYTES];
	int64_t at;
	FILE *in;

	snprintf(path, sizeof path, "%s/heard", state_dir);
	in = fopen(path, "re");
	while (in && fgets(line, sizeof line, in)) {
		if (sscanf(line, "%" SCNd64 "\t%127[^\t\n]\t%127[^\t\n]", &at, site, source) == 3 &&
			at > 0)
			hear(attrib_str_of(site), attrib_str_of(source), at);
	}
	if (in)
		fclose(in);
	kept = sum();
}

static bool write_file(const char *path, const struct attrib_buf *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return false;
	int err = text->err ? text->err
			    : attrib_io_write(&attrib_io_system, fd, text->p, text->n, 0, NULL);
	close(fd);
	return err == 0;
}

void attribd_heard_keep(const char *state_dir)
{
	size_t n = atomic_load_explicit(&place_count, memory_order_acquire);
	char path[4096], fresh[4096];
	struct attrib_buf text;
	int64_t now = sum();

	if (now == kept)
		return;
	snprintf(path, sizeof path, "%s/heard", state_dir);
	snprintf(fresh, sizeof fresh, "%s/heard.new", state_dir);
	attrib_buf_init(&text);
	for (size_t i = 0; i < n; i++)
		attrib_buf_printf(&text, "%" PRId64 "\t%s\t%s\n",
			atomic_load_explicit(&places[i].at, memory_order_relaxed), places[i].site,
			places[i].source);
	if (write_file(fresh, &text) && rename(fresh, path) == 0)
		kept = now;
	attrib_buf_done(&text);
}

/* -- the metric ------------------------------------------------------------------------------------- */

void attribd_heard_write(struct attrib_buf *out)
{
	static const char family[] = "attribd_signed_order_timestamp_seconds";
	size_t n = atomic_load_explicit(&place_count, memory_order_acquire);

	attrib_buf_printf(out,
		"# HELP %s When the last order of a signed source was received, by site and "
		"source.\n"
		"# TYPE %s gauge\n",
		family, family);
	for (size_t i = 0; i < n; i++) {
		attrib_buf_printf(out, "%s{site=", family);
		attrib_buf_json(out, attrib_str_of(places[i].site));
		attrib_buf_str(out, ATTRIB_STR(",source="));
		attrib_buf_json(out, attrib_str_of(places[i].source));
		attrib_buf_printf(out, "} %" PRId64 "\n",
			atomic_load_explicit(&places[i].at, memory_order_relaxed) /
				ATTRIB_US_PER_S);
	}
}
