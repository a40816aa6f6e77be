/*
 * Groups of records through the engine: decode, add, and (unless silent) decide and count.
 *
 * Within a group everything is added before anything is loaded, so its result does not depend on
 * where records were cut into groups. All that may fail comes before traffic is counted: decisions
 * replace each other, counts add up.
 */
#include "internal.h"

#include <stdlib.h>

#include "grow.h"

#define ARENA_BLOCK (1u << 20)

#define COUNTS_AHEAD 16 /* rows that are asked for before the first of them is searched for */

int attrib_engine_new(struct attrib_state *state, struct attrib_keys *keys,
	struct attrib_catalog *catalog, struct attrib_engine **out)
{
	struct attrib_engine *engine = calloc(1, sizeof *engine);

	if (!engine)
		return ATTRIB_E_NOMEM;
	engine->state = state;
	engine->keys = keys;
	attrib_engine_use_catalog(engine, catalog);
	attrib_arena_init(&engine->arena, ARENA_BLOCK);
	attrib_facts_init(&engine->facts, keys, &engine->arena);
	attrib_closure_init(&engine->closure, state, &engine->arena);
	engine->decider.closure = &engine->closure;
	engine->decider.complete_from = ATTRIB_NEVER;
	*out = engine;
	return 0;
}

void attrib_engine_free(struct attrib_engine *engine)
{
	if (!engine)
		return;
	attrib_catalog_unref(engine->catalog);
	attrib_catalog_unref(engine->base);
	attrib_facts_done(&engine->facts);
	attrib_closure_done(&engine->closure);
	attrib_arena_done(&engine->arena);
	free(engine->counts);
	free(engine->notes);
	free(engine->added);
	free(engine);
}

void attrib_engine_get_stats(const struct attrib_engine *engine, struct attrib_engine_stats *out)
{
	*out = engine->stats;
}

void attrib_engine_get_marks(const struct attrib_engine *engine, struct attrib_engine_marks *out)
{
	*out = (struct attrib_engine_marks){
		.newest_received_at = engine->stats.newest_received_at,
		.complete_from = engine->decider.complete_from,
		.bad_payloads = engine->stats.bad_payloads,
		.unknown_sites = engine->stats.unknown_sites,
	};
}

void attrib_engine_resume(struct attrib_engine *engine, const struct attrib_engine_marks *marks)
{
	engine->stats.newest_received_at = marks->newest_received_at;
	engine->decider.complete_from = marks->complete_from;
	engine->stats.bad_payloads = marks->bad_payloads;
	engine->stats.unknown_sites = marks->unknown_sites;
}

void attrib_engine_clear(struct attrib_engine *engine)
{
	attrib_facts_clear(&engine->facts);
	attrib_closure_clear(&engine->closure);
	attrib_arena_reset(&engine->arena);
	engine->count_n = engine->note_n = 0;
	engine->oldest_received_at = ATTRIB_FOREVER;
}

/* What could not be folded for want of memory looks like an empty key: nothing is decided by it. */
static int check_memory(const struct attrib_engine *engine)
{
	return engine->arena.failed ? ATTRIB_E_NOMEM : 0;
}

/* -- reading a group ------------------------------------------------------------------------------ */

static int put_count(struct attrib_engine *engine, const struct attrib_count *count)
{
	if (ATTRIB_GROW(engine->counts, engine->count_cap, engine->count_n + 1) != 0)
		return ATTRIB_E_NOMEM;
	engine->counts[engine->count_n++] = *count;
	return 0;
}

/* Traffic of one event: whether it counts is known when its claim was added. In silence nothing does,
 * but the first click of a day claims that it was the first. */
static int take_count(struct attrib_engine *engine, struct attrib_known_site *site,
	const struct attrib_event *event, const struct attrib_claimer *claimer, size_t claim,
	bool silent)
{
	struct attrib_count count = {.claim = claim, .unique_claim = ATTRIB_NO_FACT};
	struct attrib_id unique;
	int err = 0;

	if (silent && event->type != ATTRIB_EVENT_CLICK)
		return 0;
	attrib_traffic_of(event, &engine->arena, &count.traffic);
	count.key_hash = attrib_traffic_hash(&count.traffic);
	count.marked =
		!silent && attrib_traffic_mark(event, &count.traffic, engine->keys, &count.bit);
	if (!silent)
		err = put_count(engine, &count);
	if (err || !attrib_traffic_unique(event, &count.traffic, &site->day, engine->keys,
			   &engine->arena, &unique))
		return err;
	err = attrib_facts_claim(&engine->facts, event, &unique, claimer, &count.unique_claim);
	count.traffic.bucket_at = site->day.start_at;
	count.traffic.verdicts = 0;
	count.marked = false;
	return err || silent ? err : put_count(engine, &count);
}

static struct attrib_refund_fact refund_of(const struct attrib_event *event)
{
	const struct attrib_refund *refund = event->refund;
	struct attrib_refund_fact fact = {
		.site = event->site,
		.source = event->source,
		.order_id = refund->order_id,
		.refund_id = refund->id,
		.event_id = event->event_id,
		.amount = refund->amount,
		.tax = refund->tax,
		.shipping = refund->shipping,
		.has_parts = refund->has_parts,
		.cumulative = refund->cumulative,
		.voided = refund->status == ATTRIB_REFUND_VOID,
		.occurred_at = event->occurred_at,
		.received_at = event->received_at,
	};

	memcpy(fact.currency, refund->currency, sizeof fact.currency);
	return fact;
}

/* What goes to SQL as it is. A stranger refunds, cancels and links nothing. */
static int take_note(struct attrib_engine *engine, const struct attrib_event *event)
{
	struct attrib_note note = {.type = event->type};
	struct attrib_customer_key *keys;

	if (event->trust != ATTRIB_TRUST_SIGNED || event->type == ATTRIB_EVENT_ERASE)
		return 0;
	if (event->refund) {
		note.type = ATTRIB_EVENT_REFUND;
		note.refund = refund_of(event);
	} else if (event->type == ATTRIB_EVENT_CANCEL) {
		note.cancel = (struct attrib_cancel_fact){.site = event->site,
			.source = event->source,
			.order_id = event->cancel_order_id,
			.event_id = event->event_id,
			.reversed = event->cancel_reversed,
			.occurred_at = event->occurred_at,
			.received_at = event->received_at};
	} else if (event->key_count > 1 && !event->order) {
		keys = attrib_arena_raw(&engine->arena, event->key_count * sizeof *keys);
		if (!keys)
			return ATTRIB_E_NOMEM;
		memcpy(keys, event->keys, event->key_count * sizeof *keys);
		note.type = ATTRIB_EVENT_IDENTIFY;
		note.link = (struct attrib_customer_link){event->site, event->key_count, keys};
	} else {
		return 0;
	}
	if (ATTRIB_GROW(engine->notes, engine->note_cap, engine->note_n + 1) != 0)
		return ATTRIB_E_NOMEM;
	engine->notes[engine->note_n++] = note;
	return 0;
}

/* The site of an event, found among those that other records named. Its name stays, as the payload's
 * does not. */
static struct attrib_known_site *find_site(struct attrib_engine *engine, struct attrib_event *event)
{
	struct attrib_str name = event->site;
	size_t place = name.n ? 5 * name.n + (uint8_t)name.p[0] + (uint8_t)name.p[name.n - 1] : 0;
	struct attrib_known_site *known = &engine->sites[place % ATTRIB_KNOWN_SITES];

	if (!known->site || !attrib_str_eq(known->site->name, name)) {
		const struct attrib_site *site = attrib_catalog_site(engine->catalog, name);
		if (!site)
			return NULL;
		*known = (struct attrib_known_site){site, {site->zone, ATTRIB_NEVER, 0}};
	}
	event->site = known->site->name;
	return known;
}

static int read_record(
	struct attrib_engine *engine, const struct attrib_engine_record *record, bool silent)
{
	struct attrib_claimer claimer = {record->lane, record->number};
	struct attrib_known_site *site;
	struct attrib_event event;
	size_t claim;
	int err;

	engine->stats.records++;
	err = attrib_event_decode(record->payload, &engine->arena, &event);
	if (err) {
		engine->stats.bad_payloads += err != ATTRIB_E_NOMEM;
		return err == ATTRIB_E_NOMEM ? err : 0;
	}
	site = find_site(engine, &event);
	if (!site) {
		engine->stats.unknown_sites++;
		return 0;
	}
	engine->stats.events++;
	if (event.received_at > engine->stats.newest_received_at)
		engine->stats.newest_received_at = event.received_at;
	if (event.received_at < engine->oldest_received_at)
		engine->oldest_received_at = event.received_at;
	err = attrib_facts_add(&engine->facts, &event, &claimer, &claim);
	if (err == 0 && claim != ATTRIB_NO_FACT)
		err = take_count(engine, site, &event, &claimer, claim, silent);
	if (err == 0 && !silent)
		err = take_note(engine, &event);
	return err ? err : check_memory(engine);
}

static int add_facts(struct attrib_engine *engine, uint64_t *ticket)
{
	struct attrib_facts *facts = &engine->facts;

	if (ATTRIB_GROW(engine->added, engine->added_cap, facts->n) != 0)
		return ATTRIB_E_NOMEM;
	return engine->state->ops->add(engine->state, facts->rows, facts->n, engine->added, ticket);
}

/* -- decisions ------------------------------------------------------------------------------------ */

/* The names under which the order is no conversion of its own any more. */
static int put_absorbed(const struct attrib_order_group *group,
	const struct attrib_decision *decision, struct attrib_batch *batch)
{
	int err = 0;

	for (size_t i = 1; i < group->members.n && err == 0; i++) {
		struct attrib_decision absorbed = *decision;
		absorbed.order_id = group->members.p[i]->observations[0].event.order->id;
		absorbed.merged_into = decision->order_id;
		absorbed.reason = ATTRIB_REASON_MERGED;
		absorbed.rule = ATTRIB_RULE_NONE;
		absorbed.counted = false;
		absorbed.counted_at = ATTRIB_NEVER;
		absorbed.key_count = absorbed.alias_count = 0;
		absorbed.step_count = absorbed.credit_count = 0;
		if (!attrib_str_eq(absorbed.order_id, decision->order_id))
			err = attrib_batch_put_decision(batch, &absorbed);
	}
	return err;
}

int attrib_engine_decide(struct attrib_engine *engine, struct attrib_order_group *group,
	uint64_t ticket, struct attrib_decision *decision)
{
	int err = attrib_decide(&engine->decider, group, decision);

	if (err == 0)
		err = check_memory(engine);
	if (err)
		return err;
	decision->ticket = ticket;
	engine->stats.decisions++;
	engine->stats.late_orders += decision->late;
	engine->stats.closures_cut += engine->decider.cut;
	return 0;
}

int attrib_engine_put(struct attrib_batch *batch, const struct attrib_order_group *group,
	const struct attrib_decision *decision)
{
	int err = attrib_batch_put_decision(batch, decision);

	return err ? err : put_absorbed(group, decision, batch);
}

/* Whether the group's facts can change this order: they came before its lock, or are its own. */
static bool is_touched(const struct attrib_engine *engine, const struct attrib_order_group *group)
{
	for (size_t i = 0; i < group->members.n; i++)
		if (group->members.p[i]->reached)
			return true;
	return engine->oldest_received_at <= group->order.lock_at;
}

static int decide_orders(struct attrib_engine *engine, uint64_t ticket, struct attrib_batch *batch)
{
	struct attrib_closure *closure = &engine->closure;
	struct attrib_nodes orders = {0};
	bool cut;
	int err = attrib_reach_orders(closure, engine->facts.rows, engine->added, engine->facts.n,
		engine->oldest_received_at, engine->repeat_first, &orders, &cut);

	engine->stats.closures_cut += cut;
	if (err == 0)
		err = attrib_closure_load(closure);
	for (size_t i = 0; i < orders.n && err == 0; i++) {
		struct attrib_order_group *group;
		struct attrib_decision decision;
		err = attrib_group_named(closure, orders.p[i], &orders);
		if (err == 0)
			err = attrib_group_of(closure, engine->catalog, orders.p[i], &group);
		if (err || !group || group->decided)
			continue;
		group->decided = true;
		if (!is_touched(engine, group))
			continue;
		err = attrib_engine_decide(engine, group, ticket, &decision);
		if (err == 0)
			err = attrib_engine_put(batch, group, &decision);
	}
	return err;
}

/* -- what is counted and passed on ---------------------------------------------------------------- */

/* What the state could not keep can't be told from a repeat: it counts, but is not unique. */
static bool counts(const struct attrib_engine *engine, const struct attrib_count *count)
{
	const struct attrib_added *unique;

	if (!engine->added[count->claim].mine)
		return false;
	if (count->unique_claim == ATTRIB_NO_FACT)
		return true;
	unique = &engine->added[count->unique_claim];
	return unique->mine && !unique->refused;
}

/* Finds the rows of up to COUNTS_AHEAD counts. Rows and their index are larger than what a core has
 * at hand, so they are asked for in two steps before the first is read. */
static int find_rows(struct attrib_engine *engine, struct attrib_count *rows, size_t n,
	struct attrib_batch *batch)
{
	struct attrib_count *counting[COUNTS_AHEAD];
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		if (counts(engine, &rows[i]))
			counting[found++] = &rows[i];
	for (size_t i = 0; i < found; i++)
		attrib_batch_traffic_near(batch, &counting[i]->traffic, counting[i]->key_hash);
	for (size_t i = 0; i < found; i++)
		attrib_batch_traffic_nearer(batch, &counting[i]->traffic, counting[i]->key_hash);
	for (size_t i = 0; i < found; i++) {
		struct attrib_count *count = counting[i];
		count->row = attrib_batch_traffic_row(batch, &count->traffic, count->key_hash);
		if (!count->row)
			return ATTRIB_E_NOMEM;
		/* a bit that is set is set: unlike a count, this may be done again */
		if (count->marked && attrib_batch_mark(batch, count->row, count->bit) != 0)
			return ATTRIB_E_NOMEM;
	}
	return 0;
}

static int find_all_rows(struct attrib_engine *engine, struct attrib_batch *batch)
{
	int err = 0;

	for (size_t i = 0; i < engine->count_n && err == 0; i += COUNTS_AHEAD) {
		size_t left = engine->count_n - i;
		err = find_rows(engine, &engine->counts[i],
			left < COUNTS_AHEAD ? left : COUNTS_AHEAD, batch);
	}
	return err;
}

/* The one step that must not be made twice: nothing in it can fail. */
static void count_all(struct attrib_engine *engine)
{
	for (size_t i = 0; i < engine->count_n; i++) {
		struct attrib_count *count = &engine->counts[i];
		bool unique = count->unique_claim != ATTRIB_NO_FACT;
		if (!count->row)
			engine->stats.duplicates += !unique;
		else if (unique)
			count->row->uniques++;
		else
			count->row->count++;
	}
}

static int put_note(const struct attrib_note *note, struct attrib_batch *batch)
{
	if (note->type == ATTRIB_EVENT_REFUND)
		return attrib_batch_put_refund(batch, &note->refund);
	if (note->type == ATTRIB_EVENT_CANCEL)
		return attrib_batch_put_cancel(batch, &note->cancel);
	return attrib_batch_put_link(batch, &note->link);
}

static int fill_batch(struct attrib_engine *engine, const struct attrib_engine_record *records,
	size_t n, uint64_t ticket, struct attrib_batch *batch)
{
	int err = decide_orders(engine, ticket, batch);

	for (size_t i = 0; i < engine->note_n && err == 0; i++)
		err = put_note(&engine->notes[i], batch);
	if (err == 0)
		err = find_all_rows(engine, batch);
	for (size_t i = 0; i < n && err == 0; i++)
		if (i == n - 1 || !attrib_id_eq(&records[i].lane, &records[i + 1].lane))
			err = attrib_batch_set_position(batch, &records[i].lane, records[i].number);
	if (err)
		return err;
	count_all(engine);
	attrib_batch_count_records(batch, n);
	return 0;
}

int attrib_engine_apply(struct attrib_engine *engine, const struct attrib_engine_record *records,
	size_t n, bool silent, struct attrib_batch *batch)
{
	uint64_t ticket = 0;
	int err = 0;

	attrib_engine_clear(engine);
	for (size_t i = 0; i < n && err == 0; i++)
		err = read_record(engine, &records[i], silent);
	if (err == 0)
		err = add_facts(engine, &ticket);
	for (size_t i = 0; i < engine->facts.n && err == 0; i++)
		engine->stats.touches +=
			engine->facts.rows[i].type == ATTRIB_FACT_TOUCH && engine->added[i].added;
	return err || silent ? err : fill_batch(engine, records, n, ticket, batch);
}
