/*
 * Packing, finding and dropping copies. Every operation walks the entity's records from the start:
 * nearly all entities have a handful, caps bound the rest to some hundreds.
 */
#include "facts.h"

#include <stddef.h>
#include <stdlib.h>

struct state_facts {
	uint32_t used;  /* bytes of data */
	uint16_t count; /* records */
	uint8_t flags;  /* of what is or was here */
	uint8_t links;  /* attrib_fact_link of all records that are or were here */
	uint8_t data[];
};

#define COPIES  1 /* a name has more than one copy */
#define DROPPED 2 /* a cap has dropped a touch */

/* The head of a record; its body follows. Checkpoints hold it as it stands here. */
struct __attribute__((packed)) record {
	uint8_t type, sub, trust, cap;
	uint16_t lane;
	uint64_t number : 48;
	uint32_t body : 24; /* bytes */
	struct attrib_id id;
	int64_t at, received_at;
	uint64_t content_hash;
};
_Static_assert(sizeof(struct record) == 55, "a record's head is packed");
_Static_assert(offsetof(struct state_facts, data) == 8, "a copy begins with 8 bytes");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "copies are read as they were written");

static inline const struct record *record_at(const struct state_facts *facts, size_t offset)
{
	return (const struct record *)(facts->data + offset);
}

static inline size_t record_bytes(const struct record *record)
{
	return sizeof *record + record->body;
}

/* In place: a record that is copied while its bytes are still being stored waits for them. */
static void record_fill(
	struct record *r, const struct attrib_fact *fact, const struct state_claim *claim)
{
	r->type = (uint8_t)fact->type;
	r->sub = fact->sub;
	r->trust = fact->trust;
	r->cap = fact->cap;
	r->lane = claim->lane;
	r->number = claim->number & STATE_NUMBER_MAX;
	r->body = (uint32_t)fact->body.n & STATE_BODY_MAX;
	r->id = fact->id;
	r->at = fact->at;
	r->received_at = fact->received_at;
	r->content_hash = fact->content_hash;
}

static bool is_lasting(const struct record *r)
{
	return attrib_cap_limits[r->cap].lasting;
}

/* What forgetting goes by: when it was received; of a lasting one that counts for nothing. */
static int64_t passing_at(const struct record *r)
{
	return is_lasting(r) ? INT64_MIN : r->received_at;
}

static bool same_name(const struct record *a, const struct record *b)
{
	return a->type == b->type && a->sub == b->sub && !memcmp(&a->id, &b->id, sizeof a->id);
}

static bool same_copy(const struct record *a, const struct record *b)
{
	return a->content_hash == b->content_hash && a->at == b->at && a->trust == b->trust &&
	       a->cap == b->cap && same_name(a, b);
}

/* Greater: its content counts. */
static int compare_content(const struct record *a, const struct record *b)
{
	int order = state_compare(a->trust, b->trust);

	if (!order)
		order = state_compare(b->at, a->at);
	if (!order)
		order = (a->content_hash > b->content_hash) - (a->content_hash < b->content_hash);
	return order ? order : state_compare(a->cap, b->cap);
}

static int compare_at(const struct record *a, const struct record *b)
{
	int order = state_compare(a->at, b->at);

	if (!order)
		order = memcmp(&a->id, &b->id, sizeof a->id);
	return order ? order : state_compare(a->sub, b->sub);
}

/* The order of newest and oldest under a cap. */
static int compare_age(const struct record *a, const struct record *b)
{
	int order = compare_at(a, b);

	if (!order)
		order = state_compare(a->type, b->type);
	return order ? order : compare_content(a, b);
}

static int compare_load(const struct record *a, const struct record *b)
{
	int order = state_compare(a->type, b->type);

	return order ? order : compare_age(a, b);
}

/* What one walk finds out about a record that is to be added. Pointers are NULL where there is none. */
struct scan {
	size_t place;                 /* where it belongs in load order */
	struct record *same;          /* an equal copy */
	const struct record *content; /* the copy of its name whose content counts */
	int64_t name_received_at;     /* the least over the copies of its name */
	unsigned capped;              /* copies under its cap */
	int64_t newest_received_at;   /* over all copies that are not lasting */
};

static void scan_name(struct scan *scan, const struct record *r)
{
	if (!scan->content || r->received_at < scan->name_received_at)
		scan->name_received_at = r->received_at;
	if (!scan->content || compare_content(r, scan->content) > 0)
		scan->content = r;
}

static struct scan scan_for(struct state_facts *facts, const struct record *fresh)
{
	struct scan scan = {.newest_received_at = INT64_MIN};
	size_t at, used = facts ? facts->used : 0;

	for (at = 0; at < used; at += record_bytes(record_at(facts, at))) {
		struct record *r = (struct record *)(facts->data + at);

		if (compare_load(r, fresh) < 0)
			scan.place = at + record_bytes(r);
		if (passing_at(r) > scan.newest_received_at)
			scan.newest_received_at = passing_at(r);
		scan.capped += r->cap == fresh->cap;
		if (!same_name(r, fresh))
			continue;
		scan_name(&scan, r);
		if (same_copy(r, fresh))
			scan.same = r;
	}
	return scan;
}

/* The two oldest under a cap, by age; NULL where there is none. */
static void find_oldest(
	const struct state_facts *facts, uint8_t cap, const struct record *oldest[2])
{
	oldest[0] = oldest[1] = NULL;
	for (size_t at = 0; at < facts->used; at += record_bytes(record_at(facts, at))) {
		const struct record *r = record_at(facts, at);
		if (r->cap != cap)
			continue;
		if (!oldest[0] || compare_age(r, oldest[0]) < 0) {
			oldest[1] = oldest[0];
			oldest[0] = r;
		} else if (!oldest[1] || compare_age(r, oldest[1]) < 0) {
			oldest[1] = r;
		}
	}
}

/* The copy that has to go when `fresh` comes: one of the stored, `fresh` itself, or NULL. Kept are the
 * newest and, where the cap says so, the oldest: then the second oldest goes. Few caps are ever full,
 * so who is oldest is found out only then. */
static const struct record *victim_of(
	const struct state_facts *facts, const struct scan *scan, const struct record *fresh)
{
	const struct attrib_cap_limit *limit = &attrib_cap_limits[fresh->cap];
	const struct record *oldest[2];

	if (scan->capped < (unsigned)limit->newest + limit->first)
		return NULL;
	find_oldest(facts, fresh->cap, oldest);
	if (compare_age(fresh, oldest[0]) < 0)
		return limit->first ? oldest[0] : fresh;
	if (!limit->first)
		return oldest[0];
	return oldest[1] && compare_age(fresh, oldest[1]) > 0 ? oldest[1] : fresh;
}

static size_t bytes_for(size_t used)
{
	return sizeof(struct state_facts) + used;
}

/* Where facts with so many bytes of data will lie: where they are when the piece has that size, else
 * a new one, to which `move` goes once nothing can fail any more. NULL when memory is out. A piece's
 * size is that of its data, so it needs no field. */
static struct state_facts *room_for(struct state_pool *pool, struct state_facts *facts, size_t used)
{
	if (facts && state_pool_room(bytes_for(facts->used)) == state_pool_room(bytes_for(used)))
		return facts;
	return state_pool_alloc(pool, bytes_for(used));
}

/* had: the bytes of data when the old piece was made. */
static void move(
	struct state_pool *pool, struct state_facts *to, struct state_facts **facts, size_t had)
{
	struct state_facts *old = *facts;

	if (to == old)
		return;
	if (old) {
		memcpy(to, old, bytes_for(old->used));
		state_pool_free(pool, old, bytes_for(had));
	} else {
		*to = (struct state_facts){0};
	}
	*facts = to;
}

static void cut(struct state_facts *facts, size_t at)
{
	size_t bytes = record_bytes(record_at(facts, at));

	memmove(facts->data + at, facts->data + at + bytes, facts->used - at - bytes);
	facts->used -= (uint32_t)bytes;
	facts->count--;
}

static void paste(
	struct state_facts *facts, size_t at, const struct record *record, struct attrib_str body)
{
	size_t bytes = record_bytes(record);

	memmove(facts->data + at + bytes, facts->data + at, facts->used - at);
	memcpy(facts->data + at, record, sizeof *record);
	if (body.n)
		memcpy(facts->data + at + sizeof *record, body.p, body.n);
	facts->used += (uint32_t)bytes;
	facts->count++;
}

static int64_t newest_of(const struct state_facts *facts)
{
	int64_t newest = INT64_MIN;

	for (size_t at = 0; at < facts->used; at += record_bytes(record_at(facts, at))) {
		if (passing_at(record_at(facts, at)) > newest)
			newest = passing_at(record_at(facts, at));
	}
	return newest;
}

/* An equal copy is there already: only its received_at can fall. */
static void add_equal(struct state_facts *facts, const struct scan *scan,
	const struct record *fresh, struct state_facts_result *result)
{
	result->added.changed = fresh->received_at < scan->name_received_at;
	result->newest_received_at = scan->newest_received_at;
	if (fresh->received_at >= scan->same->received_at)
		return;
	scan->same->received_at = fresh->received_at;
	result->stored = true;
	result->newest_received_at = newest_of(facts);
}

/* The victim is the last of its name: if it is a touch, its claim is left behind. fresh: comes in its
 * place, or is the victim. */
static void note_dropped(struct state_facts *facts, const struct record *victim,
	const struct record *fresh, struct state_dropped *out)
{
	if (victim->type != ATTRIB_FACT_TOUCH || (victim != fresh && same_name(victim, fresh)))
		return;
	for (size_t at = 0; facts->flags & COPIES && at < facts->used;
		at += record_bytes(record_at(facts, at)))
		if (record_at(facts, at) != victim && same_name(record_at(facts, at), victim))
			return;
	facts->flags |= DROPPED;
	*out = (struct state_dropped){.is = true,
		.id = victim->id,
		.claim = {victim->lane, victim->number},
		.received_at = victim->received_at};
}

static int add_copy(struct state_pool *pool, struct state_facts **facts, const struct scan *scan,
	const struct record *fresh, const struct record *victim, const struct attrib_fact *fact,
	struct state_facts_result *result)
{
	size_t place = scan->place, hole = 0, freed = 0, had = *facts ? (*facts)->used : 0;
	bool known = scan->content != NULL;
	struct state_facts *to;

	if (victim == fresh) {
		if (!known)
			note_dropped(*facts, fresh, fresh, &result->dropped);
		result->added.refused = true;
		result->newest_received_at = scan->newest_received_at;
		return 0;
	}
	result->added.added = !known;
	result->added.changed =
		victim || (known && (compare_content(fresh, scan->content) > 0 ||
					    fresh->received_at < scan->name_received_at));
	if (victim) {
		hole = (size_t)((const uint8_t *)victim - (*facts)->data);
		freed = record_bytes(victim);
	}
	to = room_for(pool, *facts, had + record_bytes(fresh) - freed);
	if (!to)
		return ATTRIB_E_NOMEM;
	if (victim) {
		note_dropped(*facts, victim, fresh, &result->dropped);
		cut(*facts, hole);
		place -= hole < place ? freed : 0;
	}
	move(pool, to, facts, had);
	paste(*facts, place, fresh, fact->body);
	if (victim)
		result->newest_received_at = newest_of(*facts);
	else
		result->newest_received_at = passing_at(fresh) > scan->newest_received_at
						     ? passing_at(fresh)
						     : scan->newest_received_at;
	(*facts)->flags |= known ? COPIES : 0;
	(*facts)->links |= attrib_fact_link(fact->type, fact->sub);
	result->facts = victim ? 0 : 1;
	result->stored = true;
	return 0;
}

/* Whose the name is: the first claimer keeps it, here or left behind. */
static void find_claimer(const struct scan *scan, const struct state_claim *left,
	struct record *fresh, struct attrib_added *added)
{
	struct state_claim first = {fresh->lane, fresh->number};

	if (scan->content)
		first = (struct state_claim){scan->content->lane, scan->content->number};
	else if (left)
		first = *left;
	else
		return;
	added->mine = fresh->lane && fresh->lane == first.lane && fresh->number == first.number;
	fresh->lane = first.lane;
	fresh->number = first.number;
}

int state_facts_add(struct state_pool *pool, struct state_facts **facts,
	const struct attrib_fact *fact, const struct state_claim *claim,
	const struct state_claim *left, struct state_facts_result *result)
{
	const struct record *victim;
	struct record fresh;
	struct scan scan;
	int err = 0;

	record_fill(&fresh, fact, claim);
	scan = scan_for(*facts, &fresh);
	*result = (struct state_facts_result){0};
	find_claimer(&scan, left, &fresh, &result->added);
	result->first = (struct state_claim){fresh.lane, fresh.number};
	if (scan.same) {
		add_equal(*facts, &scan, &fresh, result);
	} else {
		victim = victim_of(*facts, &scan, &fresh);
		if (!scan.content && !left)
			result->added.mine = victim != &fresh || fact->type == ATTRIB_FACT_TOUCH;
		err = add_copy(pool, facts, &scan, &fresh, victim, fact, result);
	}
	if (err == 0)
		result->added.links = (*facts)->links;
	return err;
}

bool state_facts_have_dropped(const struct state_facts *facts)
{
	return facts->flags & DROPPED;
}

bool state_facts_have_lasting(const struct state_facts *facts)
{
	for (size_t at = 0; at < facts->used; at += record_bytes(record_at(facts, at)))
		if (is_lasting(record_at(facts, at)))
			return true;
	return false;
}

size_t state_facts_count(const struct state_facts *facts)
{
	return facts->count;
}

size_t state_facts_load(const struct state_facts *facts, const struct attrib_entity *entity,
	const struct attrib_id *lanes, struct attrib_fact *out)
{
	size_t at = 0;

	for (size_t i = 0; i < facts->count; i++) {
		const struct record *r = record_at(facts, at);

		out[i] = (struct attrib_fact){
			.entity = *entity,
			.type = (enum attrib_fact_type)r->type,
			.sub = r->sub,
			.trust = r->trust,
			.cap = r->cap,
			.id = r->id,
			.at = r->at,
			.received_at = r->received_at,
			.content_hash = r->content_hash,
			.body = {(const char *)(facts->data + at + sizeof *r), r->body},
			.claimer = {lanes[r->lane], r->number},
		};
		at += record_bytes(r);
	}
	return facts->flags & COPIES ? state_merge_copies(out, facts->count) : facts->count;
}

size_t state_facts_forget(struct state_pool *pool, struct state_facts **facts, int64_t before)
{
	struct state_facts *to;
	size_t had = (*facts)->used, left = 0, count = (*facts)->count;

	if (newest_of(*facts) >= before)
		return 0;
	for (size_t at = 0; at < had; at += record_bytes(record_at(*facts, at)))
		left += is_lasting(record_at(*facts, at)) ? record_bytes(record_at(*facts, at)) : 0;
	if (left == had)
		return 0;
	if (!left) {
		state_facts_free(pool, *facts);
		*facts = NULL;
		return count;
	}
	to = room_for(pool, *facts, left);
	if (!to)
		return 0;
	for (size_t at = 0; at < (*facts)->used;) {
		if (is_lasting(record_at(*facts, at)))
			at += record_bytes(record_at(*facts, at));
		else
			cut(*facts, at);
	}
	move(pool, to, facts, had);
	return count - (*facts)->count;
}

size_t state_facts_size(const struct state_facts *facts)
{
	return bytes_for(facts->used);
}

void state_facts_copy(const struct state_facts *facts, uint8_t *out)
{
	memcpy(out, facts, bytes_for(facts->used));
}

/* Gives every record its lane's new number; false when they are no records. */
static bool renumber(struct state_facts *facts, const uint16_t *lanes, size_t lane_count)
{
	size_t at = 0, count = 0;

	for (; facts->used - at >= sizeof(struct record); count++) {
		struct record *r = (struct record *)(facts->data + at);

		if (r->cap >= ATTRIB_CAP_COUNT || r->lane >= lane_count ||
			record_bytes(r) > facts->used - at)
			return false;
		r->lane = lanes[r->lane];
		at += record_bytes(r);
	}
	return at == facts->used && count == facts->count && count > 0;
}

int state_facts_restore(struct state_pool *pool, const uint8_t *p, size_t n, const uint16_t *lanes,
	size_t lane_count, struct state_facts **out, size_t *size, int64_t *newest_received_at)
{
	struct state_facts head, *facts;

	if (n < sizeof head)
		return ATTRIB_E_CORRUPT;
	memcpy(&head, p, sizeof head);
	if (n < bytes_for(head.used))
		return ATTRIB_E_CORRUPT;
	facts = state_pool_alloc(pool, bytes_for(head.used));
	if (!facts)
		return ATTRIB_E_NOMEM;
	memcpy(facts, p, bytes_for(head.used));
	if (!renumber(facts, lanes, lane_count)) {
		state_facts_free(pool, facts);
		return ATTRIB_E_CORRUPT;
	}
	*newest_received_at = newest_of(facts);
	*size = bytes_for(head.used);
	*out = facts;
	return 0;
}

void state_facts_free(struct state_pool *pool, struct state_facts *facts)
{
	if (facts)
		state_pool_free(pool, facts, bytes_for(facts->used));
}
