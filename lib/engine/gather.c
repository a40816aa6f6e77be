/*
 * From a person to the touches of a path. A click that came both with the visitor and on the order
 * is one touch; the order's click id is then its evidence.
 */
#include <stdlib.h>

#include "attrib/text.h"
#include "evidence.h"
#include "path.h"
#include "unique.h"

#define FUTURE_US (5 * ATTRIB_US_PER_MIN)

struct gather {
	struct attrib_path *path;
	struct attrib_person *person;
	struct attrib_arena *arena;
	int64_t lock_at;
};

struct attrib_candidate *attrib_path_add(struct attrib_path *path, struct attrib_arena *arena)
{
	struct attrib_candidate *c;

	if (path->n == path->cap) {
		size_t cap = path->cap ? path->cap * 2 : 16;
		c = attrib_arena_raw(arena, cap * sizeof *c);
		if (!c)
			return NULL;
		if (path->n)
			memcpy(c, path->candidates, path->n * sizeof *c);
		path->candidates = c;
		path->cap = cap;
	}
	c = &path->candidates[path->n++];
	*c = (struct attrib_candidate){.row = ATTRIB_NO_ROW, .kept_until = ATTRIB_NEVER};
	c->step.credit = -1;
	c->step.window_ends_at = ATTRIB_NEVER;
	return c;
}

static void fold_utm(
	const struct attrib_utm *raw, struct attrib_arena *arena, struct attrib_utm *out)
{
	out->source = attrib_fold(arena, raw->source);
	out->medium = attrib_fold(arena, raw->medium);
	out->campaign = attrib_fold(arena, raw->campaign);
	out->term = attrib_fold(arena, raw->term);
	out->content = attrib_fold(arena, raw->content);
}

/* What the pieces of evidence of one event have in common. */
struct piece {
	const struct attrib_fact *fact;
	const struct attrib_evidence *evidence;
	int64_t at;
	bool by_click, by_signed;
};

/* listed: "UTM first", then affiliate, then link. */
static struct attrib_candidate *add_piece(struct gather *gather, const struct piece *piece,
	enum attrib_channel channel, size_t listed, struct attrib_str key)
{
	struct attrib_candidate *c = attrib_path_add(gather->path, gather->arena);

	if (!c)
		return NULL;
	c->fact = piece->fact;
	if (piece->fact)
		c->id = piece->fact->id;
	c->verdicts = piece->evidence->verdicts;
	c->signed_click = piece->by_signed;
	c->listed = listed;
	c->step.channel = channel;
	c->step.view = channel == ATTRIB_CHANNEL_VIEW;
	c->step.occurred_at = piece->at;
	c->step.event_id = piece->evidence->event_id;
	c->step.by_click_id = piece->by_click;
	c->step.key = key;
	if (channel != ATTRIB_CHANNEL_UTM)
		c->step.folded = attrib_fold(gather->arena, key);
	return c;
}

static int add_pieces(struct gather *gather, const struct piece *piece)
{
	const struct attrib_evidence *e = piece->evidence;
	enum attrib_channel link =
		e->type == ATTRIB_EVENT_VIEW ? ATTRIB_CHANNEL_VIEW : ATTRIB_CHANNEL_LINK;
	struct attrib_candidate *c;

	if (e->has_utm) {
		c = add_piece(gather, piece, ATTRIB_CHANNEL_UTM, 0,
			attrib_utm_key(gather->arena, &e->utm));
		if (!c)
			return ATTRIB_E_NOMEM;
		fold_utm(&e->utm, gather->arena, &c->utm);
		c->step.folded = attrib_utm_key(gather->arena, &c->utm);
	}
	if (e->affiliate.n && !add_piece(gather, piece, ATTRIB_CHANNEL_AFFILIATE, 1, e->affiliate))
		return ATTRIB_E_NOMEM;
	if (e->link.n && !add_piece(gather, piece, link, 2, e->link))
		return ATTRIB_E_NOMEM;
	return 0;
}

static int64_t touch_time(const struct attrib_fact *fact)
{
	int64_t latest = fact->received_at + FUTURE_US;

	return fact->at > latest ? latest : fact->at;
}

/* The touches of one entity; of a visitor those that belong to the order's person. */
static int add_touches(struct gather *gather, const struct attrib_node *node,
	const struct attrib_belonging *belonging, const struct attrib_person_click *click)
{
	int err = 0;

	for (size_t i = 0; i < node->count && err == 0; i++) {
		const struct attrib_fact *fact = &node->facts[i];
		struct attrib_evidence evidence;
		struct piece piece = {.fact = fact,
			.evidence = &evidence,
			.by_click = click != NULL,
			.by_signed = click && click->by_signed};
		if (fact->type != ATTRIB_FACT_TOUCH || fact->received_at > gather->lock_at)
			continue;
		piece.at = touch_time(fact);
		if (belonging && !attrib_belongs(gather->person, belonging, piece.at))
			continue;
		if (attrib_evidence_read(fact, &evidence))
			err = add_pieces(gather, &piece);
	}
	return err;
}

static int add_visitor(struct gather *gather, const struct attrib_person_visitor *visitor)
{
	struct attrib_closure *closure = gather->person->closure;
	struct attrib_belonging belonging;
	const struct attrib_fact *edge;
	struct attrib_node *click;
	int err = attrib_belonging_of(gather->person, visitor, &belonging);

	if (err || (belonging.simple && !belonging.mine))
		return err;
	err = add_touches(gather, visitor->node, &belonging, NULL);
	for (size_t i = 0;
		err == 0 && (edge = attrib_node_edge(visitor->node, ATTRIB_EDGE_CARRIES, &i));) {
		if (edge->received_at > gather->lock_at)
			continue;
		click = attrib_closure_want(closure, ATTRIB_ENTITY_VISITOR, &edge->id);
		err = click ? attrib_closure_load(closure) : ATTRIB_E_NOMEM;
		if (err == 0)
			err = add_touches(gather, click, &belonging, NULL);
	}
	return err;
}

/* -- what the order itself carries ---------------------------------------------------------------- */

static bool known_key(
	const struct attrib_candidate *known, size_t n, const struct attrib_candidate *c)
{
	for (size_t i = 0; i < n; i++)
		if (known[i].step.channel == c->step.channel &&
			attrib_str_eq(known[i].step.folded, c->step.folded))
			return true;
	return false;
}

/* Of what was added from `from` on, each key once: an order is told often, a code is typed twice. */
static void drop_repeats(struct attrib_path *path, size_t from)
{
	struct attrib_candidate *added = path->candidates + from;
	size_t kept = 0;

	for (size_t i = 0; i < path->n - from; i++)
		if (!known_key(added, kept, &added[i]))
			added[kept++] = added[i];
	path->n = from + kept;
}

/* Affiliate id and utm on the order are touches at T. */
static int add_order_evidence(struct gather *gather)
{
	const struct attrib_order_group *group = gather->path->group;
	size_t from = gather->path->n;
	int err = 0;

	for (size_t i = 0; i < group->observation_count && err == 0; i++) {
		const struct attrib_event *event = &group->observations[i]->event;
		struct attrib_evidence evidence = {.type = event->type,
			.affiliate = event->affiliate,
			.utm = event->utm,
			.has_utm = event->has_utm};
		struct piece piece = {.evidence = &evidence, .at = group->order.placed_at};
		if (group->observations[i]->fact->received_at <= gather->lock_at)
			err = add_pieces(gather, &piece);
	}
	if (err == 0)
		drop_repeats(gather->path, from);
	return err;
}

static int add_codes(struct gather *gather)
{
	const struct attrib_order *order = gather->path->group->order.codes;
	size_t from = gather->path->n;

	for (size_t i = 0; order && i < order->code_count; i++) {
		struct attrib_candidate *c = attrib_path_add(gather->path, gather->arena);
		if (!c)
			return ATTRIB_E_NOMEM;
		c->step.channel = ATTRIB_CHANNEL_CODE;
		c->step.key = order->codes[i].code;
		c->step.folded = attrib_fold(gather->arena, c->step.key);
		c->step.occurred_at = gather->path->group->order.placed_at;
		c->step.discount = order->codes[i].has_amount ? order->codes[i].amount : 0;
		c->listed = i;
		if (c->step.folded.n == 0)
			gather->path->n--;
	}
	drop_repeats(gather->path, from);
	return 0;
}

/* -- order ---------------------------------------------------------------------------------------- */

/* One id is of one trust; what the click id proves is united by the caller. */
int attrib_candidate_cmp_copy(const struct attrib_candidate *a, const struct attrib_candidate *b)
{
	const struct attrib_fact *x = a->fact, *y = b->fact;
	int order = attrib_int_cmp(y->at, x->at);

	return order ? order
		     : (x->content_hash < y->content_hash) - (x->content_hash > y->content_hash);
}

static int by_touch(const void *left, const void *right)
{
	const struct attrib_candidate *a = left, *b = right;
	int order = attrib_id_cmp(&a->id, &b->id);

	if (order == 0)
		order = attrib_candidate_cmp_copy(a, b);
	return order ? order : attrib_int_cmp((int64_t)a->listed, (int64_t)b->listed);
}

/* One event is one content: of several copies the best stays, with what any of them proves. */
static void drop_copies(struct attrib_path *path)
{
	size_t kept = 0;

	attrib_sort(path->candidates, path->n, sizeof *path->candidates, by_touch);
	for (size_t i = 0; i < path->n;) {
		size_t first = i, end = i;
		bool by_click = false, by_signed = false;
		while (end < path->n &&
			attrib_id_eq(&path->candidates[end].id, &path->candidates[first].id)) {
			by_click |= path->candidates[end].step.by_click_id;
			by_signed |= path->candidates[end].signed_click;
			end++;
		}
		for (; i < end; i++) {
			struct attrib_candidate c = path->candidates[i];
			if (attrib_candidate_cmp_copy(&path->candidates[first], &c) != 0 ||
				(i > first && c.listed == path->candidates[i - 1].listed))
				continue;
			c.step.by_click_id = by_click;
			c.signed_click = by_signed;
			path->candidates[kept++] = c;
		}
	}
	path->n = kept;
}

static int by_time(const void *left, const void *right)
{
	const struct attrib_candidate *a = left, *b = right;
	bool a_code = attrib_candidate_is_code(a);
	int order = attrib_int_cmp(a->step.occurred_at, b->step.occurred_at);

	if (order == 0)
		order = attrib_int_cmp(a_code, attrib_candidate_is_code(b));
	if (order == 0 && !a_code)
		order = attrib_str_cmp(a->step.event_id, b->step.event_id);
	if (order == 0)
		order = attrib_id_cmp(&a->id, &b->id);
	if (order == 0)
		order = attrib_int_cmp(a->lead_id.n == 0, b->lead_id.n == 0);
	if (order == 0)
		order = attrib_str_cmp(a->lead_id, b->lead_id);
	return order ? order : attrib_int_cmp((int64_t)a->listed, (int64_t)b->listed);
}

void attrib_path_sort(struct attrib_path *path)
{
	attrib_sort(path->candidates, path->n, sizeof *path->candidates, by_time);
}

int attrib_path_gather(struct attrib_path *path, struct attrib_person *person,
	const struct attrib_order_group *group)
{
	struct gather gather = {.path = path,
		.person = person,
		.arena = person->closure->arena,
		.lock_at = group->order.lock_at};
	int err;

	*path = (struct attrib_path){.site = group->site, .group = group};
	err = attrib_person_customer(person, &path->customer, &path->customer_count);
	for (size_t i = 0; i < person->visitor_count && err == 0; i++)
		err = add_visitor(&gather, &person->visitors[i]);
	for (size_t i = 0; i < person->click_count && err == 0; i++)
		err = add_touches(&gather, person->clicks[i].node, NULL, &person->clicks[i]);
	if (err)
		return err;
	if (path->n)
		drop_copies(path);
	err = add_order_evidence(&gather);
	if (err == 0)
		err = add_codes(&gather);
	if (err == 0)
		attrib_path_sort(path);
	return err;
}
