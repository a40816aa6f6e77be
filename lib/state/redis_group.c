/*
 * Sorting a group by entity, and adding what belongs to one.
 */
#include "redis_group.h"

#include <stdlib.h>
#include <string.h>

#include "attrib/event.h"
#include "attrib/time.h"

#define US_PER_MS 1000

/* -- the group, by entity ------------------------------------------------------------------------- */

/* Remembered ids come last. Ids come out of a keyed function, so their first bytes hardly ever meet. */
static uint64_t key_of(const struct attrib_entity *entity)
{
	uint64_t first;

	memcpy(&first, &entity->id, sizeof first);
	return first >> 1 | (uint64_t)(entity->kind == ATTRIB_ENTITY_ID) << 63;
}

static int by_entity(const void *a, const void *b)
{
	const struct redis_sorted *x = a, *y = b;
	int order;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	order = state_compare(x->fact->entity.kind, y->fact->entity.kind);
	if (!order)
		order = attrib_id_cmp(&x->fact->entity.id, &y->fact->entity.id);
	return order ? order : (x->fact > y->fact) - (x->fact < y->fact);
}

static int grow(void **p, size_t *room, size_t n, size_t size)
{
	size_t more = *room * 2 > n ? *room * 2 : n;
	void *grown;

	if (n <= *room)
		return 0;
	grown = realloc(*p, more * size);
	if (!grown)
		return ATTRIB_E_NOMEM;
	*p = grown;
	*room = more;
	return 0;
}

static int make_room(struct redis_adding *adding, size_t n)
{
	size_t room = adding->room, runs = adding->run_room;
	void *sorted = adding->sorted, *lefts = adding->lefts, *run = adding->runs;
	int err = grow(&sorted, &room, n, sizeof *adding->sorted);

	adding->sorted = sorted;
	room = adding->room;
	if (!err)
		err = grow(&lefts, &room, n, sizeof *adding->lefts);
	adding->lefts = lefts;
	if (!err)
		adding->room = room;
	if (!err)
		err = grow(&run, &runs, n, sizeof *adding->runs);
	adding->runs = run;
	adding->run_room = runs;
	return err;
}

static bool same_entity(const struct attrib_fact *a, const struct attrib_fact *b)
{
	return a->entity.kind == b->entity.kind && attrib_id_eq(&a->entity.id, &b->entity.id);
}

int redis_group_sort(struct redis_group *g, size_t n)
{
	struct redis_adding *adding = g->adding;
	struct redis_run *run = NULL;
	int err = make_room(adding, n);

	adding->run_count = adding->leaf_count = 0;
	attrib_buf_clear(&adding->bytes);
	if (err || !n)
		return err;
	for (size_t i = 0; i < n; i++)
		adding->sorted[i] =
			(struct redis_sorted){key_of(&g->facts[i].entity), &g->facts[i]};
	qsort(adding->sorted, n, sizeof *adding->sorted, by_entity);
	for (size_t i = 0; i < n; i++) {
		if (!run || !same_entity(adding->sorted[i].fact, adding->sorted[run->from].fact)) {
			run = &adding->runs[adding->run_count++];
			*run = (struct redis_run){.from = i};
		}
		run->n++;
	}
	return 0;
}

/* -- whose a claim is ----------------------------------------------------------------------------- */

/* The lane of what is added again; the number is then the millisecond up to which a copy counts. */
static const struct attrib_id again_lane = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

static struct attrib_claimer claimer_of(const struct redis_group *g, const struct attrib_fact *fact)
{
	int64_t until = g->redis->again_until;

	if (until == ATTRIB_NEVER)
		return fact->claimer;
	return (struct attrib_claimer){again_lane, (uint64_t)(until / US_PER_MS)};
}

static bool is_again(const struct attrib_id *lane)
{
	return attrib_id_eq(lane, &again_lane);
}

static bool counts_again(const struct attrib_fact *fact, uint64_t until)
{
	return fact->received_at / US_PER_MS <= (int64_t)until;
}

static bool is_own(const struct attrib_fact *fact, const struct attrib_claimer *first)
{
	if (is_again(&first->lane))
		return counts_again(fact, first->number);
	return !attrib_id_none(&fact->claimer.lane) &&
	       attrib_id_eq(&fact->claimer.lane, &first->lane) &&
	       fact->claimer.number == first->number;
}

/* -- what an entity makes of its facts ------------------------------------------------------------ */

static bool is_refused(struct redis_group *g, const struct attrib_fact *fact, bool known,
	struct redis_run *run, struct attrib_added *result)
{
	if (known || !g->full || fact->trust != ATTRIB_TRUST_STRANGER)
		return false;
	*result = (struct attrib_added){.refused = true, .mine = true};
	run->refused_full++;
	return true;
}

static const struct attrib_claimer *find_left(const struct redis_group *g,
	const struct redis_run *run, const struct attrib_fact *fact, size_t i)
{
	const struct redis_adding *adding = g->adding;

	if (fact->type != ATTRIB_FACT_TOUCH)
		return NULL;
	if (run->asks && adding->lefts[run->from + i].is)
		return &adding->lefts[run->from + i].claimer;
	for (size_t k = 0; k < run->leaves_n; k++)
		if (attrib_id_eq(&adding->leaves[run->leaves_at + k].id, &fact->id))
			return &adding->leaves[run->leaves_at + k].claimer;
	return NULL;
}

static int leave(struct redis_group *g, struct redis_run *run, const struct attrib_fact *fact,
	const struct state_dropped *dropped)
{
	struct redis_adding *adding = g->adding;
	void *p = adding->leaves;
	int err;

	if (!dropped->is || (g->full && fact->trust == ATTRIB_TRUST_STRANGER))
		return 0;
	err = grow(&p, &adding->leaf_room, adding->leaf_count + 1, sizeof *adding->leaves);
	adding->leaves = p;
	if (err)
		return err;
	adding->leaves[adding->leaf_count++] = (struct redis_leaf){
		.id = dropped->id,
		.claimer = {g->redis->fold.lanes[dropped->claim.lane], dropped->claim.number},
		.received_at = state_seconds(dropped->received_at),
	};
	run->leaves_n++;
	return 0;
}

static void begin_run(struct redis_group *g, struct redis_run *run, bool sends)
{
	run->leaves_at = g->adding->leaf_count;
	run->leaves_n = 0;
	run->left = run->ages = run->goes = false;
	run->copies = 0;
	run->refused = run->refused_full = 0;
	if (!sends)
		return;
	run->bytes_at = g->adding->bytes.n;
	run->bytes_n = 0;
}

/* A life is long, and begins anew with the first fact of each slot, which is a part of it: so most cost nothing. One
 * that came out of turn makes it longer, never shorter. */
static int64_t slot_of(const struct redis_group *g, int64_t received_at)
{
	return received_at / g->redis->slot_us;
}

int redis_run_facts(struct redis_group *g, struct redis_run *run, bool sends)
{
	struct redis_fold *fold = &g->redis->fold;
	int64_t slot = slot_of(g, fold->newest_received_at);
	bool lasted = fold->facts && state_facts_have_lasting(fold->facts);
	struct attrib_claimer claimer;
	struct state_facts_result r;
	int err = 0;

	begin_run(g, run, sends);
	for (size_t i = 0; i < run->n && !err; i++) {
		const struct attrib_fact *fact = redis_fact_of(g, run, i);
		const struct attrib_claimer *left = find_left(g, run, fact, i);
		struct attrib_added *result = redis_result_of(g, run, i);
		bool dropped = fold->facts && state_facts_have_dropped(fold->facts);
		bool was_new = run->mixed && result->added;
		if (is_refused(g, fact, fold->facts != NULL, run, result))
			continue;
		claimer = claimer_of(g, fact);
		err = redis_fold_add(fold, fact, &claimer, left, &r);
		if (err)
			break;
		if (is_again(&fold->lanes[r.first.lane]))
			r.added.mine = counts_again(fact, r.first.number);
		/* the first touch that is kept out is stored: it tells that claims are left behind */
		if (sends && (r.stored || (r.dropped.is && !dropped)))
			redis_value_put(&g->adding->bytes, fact, left ? left : &claimer);
		*result = r.added;
		result->added |= was_new && result->mine;
		run->ages |= slot_of(g, fact->received_at) != slot;
		run->goes |= slot_of(g, fact->received_at) - slot > REDIS_SLOTS / 2;
		run->refused += r.added.refused;
		run->copies += r.facts;
		err = leave(g, run, fact, &r.dropped);
	}
	run->lasting = fold->facts && state_facts_have_lasting(fold->facts);
	if (run->lasting)
		run->ages = !lasted;
	if (lasted)
		run->goes = false;
	if (sends)
		run->bytes_n = g->adding->bytes.n - run->bytes_at;
	return err ? err : g->adding->bytes.err;
}

void redis_run_claims(
	struct redis_group *g, struct redis_run *run, const struct redis_claim *before)
{
	struct attrib_buf *bytes = &g->adding->bytes;
	struct redis_claim claim = {0};
	bool known = before != NULL;

	begin_run(g, run, true);
	if (known)
		claim = *before;
	for (size_t i = 0; i < run->n; i++) {
		const struct attrib_fact *fact = redis_fact_of(g, run, i);
		struct attrib_added *result = redis_result_of(g, run, i);
		uint32_t received_at = state_seconds(fact->received_at);
		if (is_refused(g, fact, known, run, result))
			continue;
		*result = (struct attrib_added){0};
		if (!known) {
			claim = (struct redis_claim){claimer_of(g, fact), received_at};
			redis_claim_put(bytes, &claim.claimer, received_at);
			result->added = result->mine = known = true;
			continue;
		}
		result->mine = is_own(fact, &claim.claimer);
		result->changed = received_at < claim.received_at;
		if (!result->changed)
			continue;
		claim.received_at = received_at;
		redis_claim_put_earlier(bytes, received_at);
		run->goes = true; /* all claims are of one length */
	}
	run->bytes_n = bytes->n - run->bytes_at;
}

void redis_adding_done(struct redis_adding *adding)
{
	free(adding->sorted);
	free(adding->lefts);
	free(adding->runs);
	free(adding->leaves);
	attrib_buf_done(&adding->bytes);
}
