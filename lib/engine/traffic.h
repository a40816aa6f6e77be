/*
 * What an event adds to the counts of traffic, and the id that makes a click unique.
 */
#ifndef ATTRIB_ENGINE_TRAFFIC_H
#define ATTRIB_ENGINE_TRAFFIC_H

#include "attrib/arena.h"
#include "attrib/batch.h"
#include "attrib/event.h"
#include "attrib/id.h"

/* The row that an event of traffic is counted in. Its key comes from the arena or the event; it is
 * empty when memory is out, which the arena remembers. */
void attrib_traffic_of(
	const struct attrib_event *event, struct attrib_arena *arena, struct attrib_traffic *out);
/* The local day of a zone that was last asked about: most clicks are of one day, and where it begins is
 * three searches in the zone's table. */
struct attrib_day {
	const struct attrib_zone *zone; /* borrowed */
	int64_t start_at;               /* ATTRIB_NEVER: no day yet */
	int32_t day;
};
/* The id that the first valid click of (local day, tracker, visitor) claims; false: none is due.
 * day is then set to that local day, at whose start uniques are counted: the bucket of the click that came
 * first would depend on the order of arrival. */
bool attrib_traffic_unique(const struct attrib_event *event, const struct attrib_traffic *traffic,
	struct attrib_day *day, struct attrib_keys *keys, struct attrib_arena *arena,
	struct attrib_id *id);

/* The bit of the visitor whom a valid click on a link, or a valid landing with an affiliate id or utm, brought: what
 * may earn credit, without what is suspect. false: it brought nobody that can be told from others. */
bool attrib_traffic_mark(const struct attrib_event *event, const struct attrib_traffic *traffic,
	const struct attrib_keys *keys, uint16_t *bit);

/* Of site, channel and key: the rows of one key in different buckets share it. */
uint64_t attrib_traffic_hash(const struct attrib_traffic *traffic);
/* The row of the batch to which such traffic adds; a new one counts nothing yet. NULL: out of memory.
 * Valid until the batch is reset. key_hash: attrib_traffic_hash. */
struct attrib_traffic *attrib_batch_traffic_row(
	struct attrib_batch *batch, const struct attrib_traffic *traffic, uint64_t key_hash);
/* Sets a bit of the row's sketch. 0 or ATTRIB_E_NOMEM. */
int attrib_batch_mark(
	struct attrib_batch *batch, struct attrib_traffic *row, uint16_t bit) ATTRIB_MUST_CHECK;
/* Two steps that bring near what the search for the row will read: asked for many rows before the
 * first of them is searched for. */
void attrib_batch_traffic_near(
	const struct attrib_batch *batch, const struct attrib_traffic *traffic, uint64_t key_hash);
void attrib_batch_traffic_nearer(
	const struct attrib_batch *batch, const struct attrib_traffic *traffic, uint64_t key_hash);

#endif
