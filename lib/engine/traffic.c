/*
 * Traffic is counted by raw (folded) key and quarter of an hour; views find the owner. An event is
 * one count under its strongest key: link, affiliate, utm, else direct.
 */
#include "traffic.h"

#include "attrib/catalog.h"
#include "attrib/endian.h"
#include "attrib/text.h"

#define BUCKET_US (15 * ATTRIB_US_PER_MIN)

/* Flags that say nothing about whether the click was real. */
#define NOT_VALIDITY (ATTRIB_VERDICT_OVERFLOW | ATTRIB_VERDICT_NO_CONSENT)

static int64_t bucket_of(int64_t at)
{
	return at - at % BUCKET_US;
}

static struct attrib_str utm_key(const struct attrib_utm *utm, struct attrib_arena *arena)
{
	struct attrib_utm folded = {attrib_fold(arena, utm->source),
		attrib_fold(arena, utm->medium), attrib_fold(arena, utm->campaign),
		attrib_fold(arena, utm->term), attrib_fold(arena, utm->content)};

	return attrib_utm_key(arena, &folded);
}

static void strongest_key(const struct attrib_event *event, struct attrib_arena *arena,
	enum attrib_channel *channel, struct attrib_str *key)
{
	*channel = ATTRIB_CHANNEL_DIRECT;
	*key = ATTRIB_STR_NONE;
	if (event->type == ATTRIB_EVENT_CODE_APPLIED) {
		*channel = ATTRIB_CHANNEL_CODE;
		*key = attrib_fold(arena, event->code);
	} else if (event->link.n) {
		*channel = event->type == ATTRIB_EVENT_VIEW ? ATTRIB_CHANNEL_VIEW
							    : ATTRIB_CHANNEL_LINK;
		*key = attrib_fold(arena, event->link);
	} else if (event->affiliate.n) {
		*channel = ATTRIB_CHANNEL_AFFILIATE;
		*key = attrib_fold(arena, event->affiliate);
	} else if (event->has_utm) {
		*channel = ATTRIB_CHANNEL_UTM;
		*key = utm_key(&event->utm, arena);
	}
}

void attrib_traffic_of(
	const struct attrib_event *event, struct attrib_arena *arena, struct attrib_traffic *out)
{
	*out = (struct attrib_traffic){
		.site = event->site,
		.bucket_at = bucket_of(event->occurred_at),
		.type = event->type,
		.verdicts = event->verdicts & ~(uint32_t)NOT_VALIDITY,
	};
	strongest_key(event, arena, &out->channel, &out->key);
	if (event->verdicts & ATTRIB_VERDICT_OVERFLOW && out->channel != ATTRIB_CHANNEL_DIRECT)
		out->key = ATTRIB_STR("(other)");
}

/* The instant at which a local day begins: a function of day and zone alone. */
static int64_t day_start(const struct attrib_zone *zone, int32_t day)
{
	int64_t utc = day * ATTRIB_US_PER_DAY;
	int64_t at = utc - attrib_zone_offset(zone, utc) * ATTRIB_US_PER_S;

	at = utc - attrib_zone_offset(zone, at) * ATTRIB_US_PER_S;
	while (attrib_zone_day(zone, at) < day) /* a day that begins with a leap over midnight */
		at += BUCKET_US;
	return bucket_of(at);
}

static void set_day(struct attrib_day *day, int32_t number)
{
	if (day->start_at != ATTRIB_NEVER && day->day == number)
		return;
	day->day = number;
	day->start_at = day_start(day->zone, number);
}

bool attrib_traffic_unique(const struct attrib_event *event, const struct attrib_traffic *traffic,
	struct attrib_day *day, struct attrib_keys *keys, struct attrib_arena *arena,
	struct attrib_id *id)
{
	struct {
		struct attrib_id visitor;
		int32_t day;
		uint32_t channel;
	} head;
	char *text;

	if (event->type != ATTRIB_EVENT_CLICK || attrib_id_none(&event->visitor) ||
		event->verdicts & ATTRIB_VERDICTS_INVALID)
		return false;
	head.visitor = event->visitor;
	head.day = attrib_zone_day(day->zone, event->occurred_at);
	head.channel = traffic->channel;
	text = attrib_arena_raw(arena, sizeof head + traffic->key.n);
	if (!text)
		return false;
	memcpy(text, &head, sizeof head);
	if (traffic->key.n)
		memcpy(text + sizeof head, traffic->key.p, traffic->key.n);
	/* the text is the sender's own, but so is the visitor: a collision would hide own clicks */
	*id = attrib_id_derive(keys, ATTRIB_ID_UNIQUE, text, sizeof head + traffic->key.n);
	set_day(day, head.day);
	return true;
}

/* Derived once more from the visitor's id, which is keyed and the same in every instance and after every start: who
 * stands in by a customer's key is in PostgreSQL under that very id, and must not be looked up in a sketch. */
bool attrib_traffic_mark(const struct attrib_event *event, const struct attrib_traffic *traffic,
	const struct attrib_keys *keys, uint16_t *bit)
{
	const uint64_t last = UINT64_C(1) << (ATTRIB_SKETCH_RANKS - 1);
	struct attrib_id id;
	uint64_t word;

	if ((event->type != ATTRIB_EVENT_CLICK && event->type != ATTRIB_EVENT_VISIT) ||
		traffic->channel == ATTRIB_CHANNEL_DIRECT || traffic->verdicts != 0 ||
		attrib_id_none(&event->visitor))
		return false;
	id = attrib_id_derive(keys, ATTRIB_ID_SKETCH, &event->visitor, sizeof event->visitor);
	word = attrib_get64(id.b);
	*bit = (uint16_t)(word % ATTRIB_SKETCH_SLOTS +
			  ATTRIB_SKETCH_SLOTS * __builtin_ctzll(word / ATTRIB_SKETCH_SLOTS | last));
	return true;
}
