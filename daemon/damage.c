/* See damage.h. */
#include "damage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "metrics.h"

#define MAX_FILES 256
#define MAX_BYTES ((uint64_t)256 * 1024 * 1024)

void attribd_damage_init(
	struct attribd_damage *damage, struct attrib_journal *journal, const char *state_dir)
{
	*damage = (struct attribd_damage){.journal = journal};
	snprintf(damage->dir, sizeof damage->dir, "%s/quarantine", state_dir);
}

void attribd_damage_done(struct attribd_damage *damage)
{
	attrib_quarantine_close(damage->quarantine);
	damage->quarantine = NULL;
}

static int keep(struct attribd_damage *damage, const struct attrib_damage *found)
{
	const struct attrib_quarantine_options options = {
		.dir = damage->dir, .max_files = MAX_FILES, .max_bytes = MAX_BYTES};
	int err = 0;

	if (!damage->quarantine)
		err = attrib_quarantine_open(damage->journal, &options, &damage->quarantine);
	return err ? err : attrib_quarantine_keep(damage->quarantine, found);
}

static void count(struct attribd_damage *damage, const struct attrib_damage *found)
{
	damage->bytes += found->length;
	if (found->to >= found->from && found->to != UINT64_MAX)
		damage->missing += found->to - found->from + 1;
	attribd_metric_set(ATTRIBD_METRIC_JOURNAL_DAMAGED_BYTES, (int64_t)damage->bytes);
	attribd_metric_set(ATTRIBD_METRIC_JOURNAL_MISSING, (int64_t)damage->missing);
	if (damage->quarantine)
		attribd_metric_set(ATTRIBD_METRIC_JOURNAL_QUARANTINED,
			(int64_t)attrib_quarantine_files(damage->quarantine));
}

/* With a full quarantine there may be thousands: one line for every power of two. */
static void tell_full(struct attribd_damage *damage)
{
	damage->uncopied++;
	if ((damage->uncopied & (damage->uncopied - 1)) == 0)
		attribd_log(ATTRIBD_LOG_ERROR,
			"journal: %s is full (%d files, %llu MiB): %llu damaged stretches of this "
			"start were not copied; they stay in their segments",
			damage->dir, MAX_FILES, (unsigned long long)(MAX_BYTES >> 20),
			(unsigned long long)damage->uncopied);
}

static void tell(const struct attribd_damage *damage, const struct attrib_damage *found, int err)
{
	char lane[33] = {0}, text[ATTRIB_DAMAGE_TEXT];

	attrib_hex(found->lane.b, sizeof found->lane.b, lane);
	attrib_damage_text(found, text);
	attribd_log(ATTRIBD_LOG_ERROR, "journal: lane %s, segment %016llx: %s; %s%s", lane,
		(unsigned long long)found->segment, text,
		err                  ? "no copy: "
		: found->length == 0 ? "reading goes on"
				     : "reading goes on, a copy is in ",
		err == ATTRIB_E_IO   ? strerror(errno)
		: err                ? attrib_error_text(err)
		: found->length == 0 ? ""
				     : damage->dir);
}

void attribd_damage_hear(void *arg, const struct attrib_damage *found)
{
	struct attribd_damage *damage = arg;
	int err = keep(damage, found);

	count(damage, found);
	if (err == ATTRIB_E_TOO_MANY)
		tell_full(damage);
	else
		tell(damage, found, err);
}
