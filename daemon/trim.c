/* See trim.h. */
#include "trim.h"

#include <errno.h>
#include <string.h>

#include "background.h"
#include "log.h"
#include "metrics.h"

#define ROUND_US 1000000

struct attrib_trim attribd_trim_rule(const struct attribd_config *config)
{
	uint64_t quota = (uint64_t)config->journal_quota;
	struct attrib_trim rule = {.retain_us = config->journal_retain_us,
		.max_bytes = (uint64_t)config->journal_retain_bytes};

	quota -= quota / 8;
	if (quota && (!rule.max_bytes || rule.max_bytes > quota))
		rule.max_bytes = quota;
	return rule;
}

void attribd_trim_confirmed(void *journal, const struct attrib_position *positions, size_t n)
{
	for (size_t i = 0; i < n; i++)
		attrib_journal_release(
			journal, ATTRIB_HOLDER_SINK, &positions[i].lane, positions[i].number);
}

void attribd_trim_confirmed_shared(void *journal, const struct attrib_position *positions, size_t n)
{
	attribd_trim_confirmed(journal, positions, n);
	for (size_t i = 0; i < n; i++)
		attrib_journal_release(
			journal, ATTRIB_HOLDER_STATE, &positions[i].lane, positions[i].number);
}

/* -- the thread ---------------------------------------------------------------------------------- */

static void tell(struct attribd_trim *trim, const struct attrib_trimmed *sum)
{
	unsigned long long n = sum->segments;

	attribd_metric_add(ATTRIBD_METRIC_JOURNAL_DELETED, (int64_t)n);
	attribd_metric_add(ATTRIBD_METRIC_JOURNAL_DELETED_BYTES, (int64_t)sum->bytes);
	attribd_log(ATTRIBD_LOG_NOTICE,
		"journal: %llu segment%s (%llu bytes) that PostgreSQL and the checkpoints hold %s "
		"deleted; %llu bytes in %llu segments are left",
		n, n == 1 ? "" : "s", (unsigned long long)sum->bytes, n == 1 ? "was" : "were",
		(unsigned long long)attrib_journal_bytes(trim->journal),
		(unsigned long long)attrib_journal_segments(trim->journal));
}

/* The beginning of trouble and its end, not every attempt. */
static void complain(struct attribd_trim *trim, int err)
{
	if (err && err != trim->told)
		attribd_log(ATTRIBD_LOG_ERROR,
			"journal: segments that are no longer needed can't be deleted: %s; trying "
			"again until it works",
			err == ATTRIB_E_IO ? strerror(errno) : attrib_error_text(err));
	if (!err && trim->told)
		attribd_log(ATTRIBD_LOG_NOTICE, "journal: segments can be deleted again");
	trim->told = err;
}

static void complain_full(struct attribd_trim *trim)
{
	uint64_t bytes = attrib_journal_bytes(trim->journal);
	bool stuck = trim->rule.max_bytes && bytes > trim->rule.max_bytes;

	if (stuck && !atomic_load(&trim->stuck))
		attribd_log(ATTRIBD_LOG_WARNING,
			"journal: %llu bytes, more than %llu, and nothing of it can be deleted: "
			"PostgreSQL or a checkpoint does not hold it yet",
			(unsigned long long)bytes, (unsigned long long)trim->rule.max_bytes);
	atomic_store(&trim->stuck, stuck);
}

static void round_of(struct attribd_trim *trim)
{
	struct attrib_trimmed sum = {0};
	uint64_t before;
	int err;

	do {
		before = sum.segments;
		err = attrib_journal_trim(trim->journal, &trim->rule, &sum);
	} while (sum.segments > before && !atomic_load(&trim->stop));
	complain(trim, err);
	if (sum.segments)
		tell(trim, &sum);
	complain_full(trim);
}

static void *trim_main(void *arg)
{
	struct attribd_trim *trim = arg;

	attribd_background("trim");
	while (!atomic_load(&trim->stop)) {
		round_of(trim);
		attribd_bell_wait(&trim->bell, ROUND_US);
	}
	return NULL;
}

/* One that nothing can be deleted of is looked at once a round, not with every commit. */
void attribd_trim_look(struct attribd_trim *trim)
{
	if (trim->rule.max_bytes && attrib_journal_bytes(trim->journal) > trim->rule.max_bytes &&
		!atomic_load(&trim->stuck))
		attribd_bell_ring(&trim->bell);
}

/* -- life ---------------------------------------------------------------------------------------- */

int attribd_trim_init(struct attribd_trim *trim, struct attrib_journal *journal,
	const struct attribd_config *config)
{
	*trim = (struct attribd_trim){.journal = journal, .rule = attribd_trim_rule(config)};
	return attribd_bell_init(&trim->bell);
}

int attribd_trim_start(struct attribd_trim *trim)
{
	if (pthread_create(&trim->thread, NULL, trim_main, trim))
		return ATTRIB_E_NOMEM;
	trim->started = true;
	return 0;
}

void attribd_trim_stop(struct attribd_trim *trim)
{
	atomic_store(&trim->stop, true);
	if (trim->started)
		attribd_bell_ring(&trim->bell);
}

void attribd_trim_done(struct attribd_trim *trim)
{
	if (trim->journal)
		attribd_bell_done(&trim->bell);
}
