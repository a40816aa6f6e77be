/*
 * The writing side of facts.h: which facts an event makes. evidence.c has the bodies of touches.
 */
#include "facts.h"

#include <stdlib.h>
#include <string.h>

#include "evidence.h"
#include "grow.h"

#define LEAD_MARK 0x4c /* any constant: both ids stay uniform, and never meet */

/* One event on its way to facts. */
struct source {
	struct attrib_facts *facts;
	const struct attrib_event *event;
	const struct attrib_claimer *claimer;
	struct attrib_id order; /* entity of its order or lead; none without one */
};

static enum attrib_edge conversion_edge(const struct attrib_event *event)
{
	return event->type == ATTRIB_EVENT_LEAD ? ATTRIB_EDGE_LEAD : ATTRIB_EDGE_ORDER;
}

void attrib_facts_init(
	struct attrib_facts *facts, struct attrib_keys *keys, struct attrib_arena *arena)
{
	*facts = (struct attrib_facts){.keys = keys, .arena = arena};
	attrib_buf_init(&facts->scratch);
}

void attrib_facts_done(struct attrib_facts *facts)
{
	attrib_buf_done(&facts->scratch);
	free(facts->rows);
}

void attrib_facts_clear(struct attrib_facts *facts)
{
	facts->n = 0;
}

struct attrib_id attrib_order_entity(const struct attrib_id *key, bool lead)
{
	struct attrib_id id = *key;

	if (lead)
		id.b[0] ^= LEAD_MARK;
	return id;
}

struct attrib_edge_end attrib_edge_end(const struct attrib_fact *edge)
{
	struct attrib_edge_end end = {.other = edge->id};

	if (edge->body.n >= sizeof end.other)
		memcpy(&end.other, edge->body.p, sizeof end.other);
	if (edge->body.n >= 2 * sizeof end.other)
		memcpy(&end.via, edge->body.p + sizeof end.other, sizeof end.via);
	return end;
}

/* A new fact with what all facts of the event share; NULL when memory is out. */
static struct attrib_fact *fact_new(struct source *source, enum attrib_entity_kind kind,
	const struct attrib_id *entity, enum attrib_fact_type type)
{
	struct attrib_facts *facts = source->facts;
	struct attrib_fact *fact;

	if (ATTRIB_GROW(facts->rows, facts->cap, facts->n + 1) != 0)
		return NULL;
	fact = &facts->rows[facts->n++];
	*fact = (struct attrib_fact){
		.entity = {kind, *entity},
		.type = type,
		.trust = (uint8_t)source->event->trust,
		.at = source->event->occurred_at,
		.received_at = source->event->received_at,
		.claimer = *source->claimer,
	};
	return fact;
}

static int fact_body(struct attrib_facts *facts, struct attrib_fact *fact, struct attrib_str body)
{
	fact->body = attrib_arena_str(facts->arena, body);
	fact->content_hash = attrib_hash64(body.p, body.n, 0);
	return fact->body.p ? 0 : ATTRIB_E_NOMEM;
}

static int claim_id(struct source *source, const struct attrib_id *id, size_t *claim)
{
	struct attrib_fact *fact = fact_new(source, ATTRIB_ENTITY_ID, id, ATTRIB_FACT_SEEN);

	if (!fact)
		return ATTRIB_E_NOMEM;
	*claim = source->facts->n - 1;
	return 0;
}

int attrib_facts_claim(struct attrib_facts *facts, const struct attrib_event *event,
	const struct attrib_id *id, const struct attrib_claimer *claimer, size_t *claim)
{
	struct source source = {.facts = facts, .event = event, .claimer = claimer};

	return claim_id(&source, id, claim);
}

/* -- touches ------------------------------------------------------------------------------------ */

static bool can_be_credited(const struct attrib_event *event)
{
	switch (event->type) {
	case ATTRIB_EVENT_CLICK:
	case ATTRIB_EVENT_VISIT:
		return event->link.n || event->affiliate.n || event->has_utm;
	case ATTRIB_EVENT_VIEW:
		return event->link.n != 0;
	case ATTRIB_EVENT_CODE_APPLIED: /* the codes on the order decide */
	case ATTRIB_EVENT_CART:
	case ATTRIB_EVENT_CHECKOUT:
	case ATTRIB_EVENT_LEAD: /* what an order carries is read from its observation */
	case ATTRIB_EVENT_PURCHASE:
	case ATTRIB_EVENT_REFUND:
	case ATTRIB_EVENT_CANCEL:
	case ATTRIB_EVENT_IDENTIFY:
	case ATTRIB_EVENT_ERASE:
		break;
	}
	return false;
}

static int touch_add(struct source *source, const struct attrib_id *entity, struct attrib_str body,
	uint64_t content_hash)
{
	bool invalid = source->event->verdicts & ATTRIB_VERDICTS_INVALID;
	struct attrib_fact *fact =
		fact_new(source, ATTRIB_ENTITY_VISITOR, entity, ATTRIB_FACT_TOUCH);

	if (!fact)
		return ATTRIB_E_NOMEM;
	fact->id = source->event->id;
	fact->cap = invalid ? ATTRIB_CAP_FILTERED : ATTRIB_CAP_TOUCH;
	fact->content_hash = content_hash;
	fact->body = body;
	return 0;
}

/* The touch at the visitor, and for a click that made a click id at the click as well. */
static int touches_add(struct source *source, size_t *claim)
{
	const struct attrib_event *event = source->event;
	bool at_visitor = !attrib_id_none(&event->visitor);
	bool at_click = event->type == ATTRIB_EVENT_CLICK && !attrib_id_none(&event->click);
	struct attrib_str body;
	uint64_t hash;
	int err = 0;

	if (!can_be_credited(event) || (!at_visitor && !at_click))
		return 0;
	body = attrib_evidence_write(event, source->facts->arena);
	if (!body.p)
		return ATTRIB_E_NOMEM;
	/* what is filtered is capped so low that its own claim would soon be forgotten */
	if (!(event->verdicts & ATTRIB_VERDICTS_INVALID))
		*claim = source->facts->n;
	hash = attrib_hash64(body.p, body.n, 0);
	if (at_visitor)
		err = touch_add(source, &event->visitor, body, hash);
	if (err == 0 && at_click)
		err = touch_add(source, &event->click, body, hash);
	return err;
}

/* -- edges -------------------------------------------------------------------------------------- */

/* What names a customer lasts: without it a touch of today could not find its person. Strangers make no
 * such edges. */
static bool tells_who(enum attrib_entity_kind kind, enum attrib_edge sub)
{
	return kind == ATTRIB_ENTITY_CUSTOMER || sub == ATTRIB_EDGE_CUSTOMER;
}

static int edge_add(struct source *source, enum attrib_entity_kind kind,
	const struct attrib_id *from, enum attrib_edge sub, const struct attrib_id *to)
{
	struct attrib_fact *fact = fact_new(source, kind, from, ATTRIB_FACT_EDGE);

	if (!fact)
		return ATTRIB_E_NOMEM;
	fact->sub = (uint8_t)sub;
	fact->cap = tells_who(kind, sub) ? ATTRIB_CAP_IDENTITY : ATTRIB_CAP_EDGE;
	fact->id = *to;
	return 0;
}

/* An edge between visitor and customer is one of many at different times: named by who told it. */
static int told_edge_add(struct source *source, enum attrib_entity_kind kind,
	const struct attrib_id *from, enum attrib_edge sub, const struct attrib_id *to)
{
	const struct attrib_event *event = source->event;
	bool by_order = !attrib_id_none(&source->order);
	struct attrib_id text[2] = {*to, by_order ? source->order : event->id};
	size_t size = by_order ? sizeof text : sizeof *text;
	int err = edge_add(source, kind, from, sub, to);
	struct attrib_fact *fact;

	if (err)
		return err;
	fact = &source->facts->rows[source->facts->n - 1];
	fact->id = attrib_id_derive(source->facts->keys, ATTRIB_ID_CONTENT, text, sizeof text);
	return fact_body(source->facts, fact, (struct attrib_str){(const char *)text, size});
}

static int both_edges_add(
	struct source *source, const struct attrib_id *visitor, const struct attrib_id *customer)
{
	int err = told_edge_add(
		source, ATTRIB_ENTITY_VISITOR, visitor, ATTRIB_EDGE_CUSTOMER, customer);

	return err ? err
		   : told_edge_add(source, ATTRIB_ENTITY_CUSTOMER, customer, ATTRIB_EDGE_VISITOR,
			     visitor);
}

/* Keys of one signed event are one customer, and the visitor's of that event. */
static int customer_edges_add(struct source *source)
{
	const struct attrib_event *event = source->event;
	const struct attrib_id *first = &event->keys[0].id, *key;
	int err = 0;

	for (size_t i = 0; i < event->key_count && err == 0; i++) {
		key = &event->keys[i].id;
		if (!attrib_id_none(&source->order))
			err = edge_add(source, ATTRIB_ENTITY_CUSTOMER, key, conversion_edge(event),
				&source->order);
		if (err == 0 && !attrib_id_none(&event->visitor))
			err = both_edges_add(source, &event->visitor, key);
		if (err == 0 && !attrib_id_eq(key, first))
			err = edge_add(
				source, ATTRIB_ENTITY_CUSTOMER, first, ATTRIB_EDGE_CUSTOMER, key);
		if (err == 0 && !attrib_id_eq(key, first))
			err = edge_add(
				source, ATTRIB_ENTITY_CUSTOMER, key, ATTRIB_EDGE_CUSTOMER, first);
	}
	return err;
}

static int alias_edges_add(struct source *source)
{
	const struct attrib_order *order = source->event->order;
	int err = 0;

	for (size_t i = 0; i < order->alias_count && err == 0; i++) {
		struct attrib_id alias = attrib_order_entity(
			&order->aliases[i].id, source->event->type == ATTRIB_EVENT_LEAD);
		err = edge_add(
			source, ATTRIB_ENTITY_ORDER, &alias, ATTRIB_EDGE_ORDER, &source->order);
	}
	return err;
}

/* A click id that came back with a visitor: its touch joins that visitor's paths. */
static int carrier_edges_add(struct source *source)
{
	const struct attrib_event *event = source->event;
	int err;

	if (event->type == ATTRIB_EVENT_CLICK || attrib_id_none(&event->visitor) ||
		attrib_id_none(&event->click))
		return 0;
	err = edge_add(
		source, ATTRIB_ENTITY_VISITOR, &event->visitor, ATTRIB_EDGE_CARRIES, &event->click);
	return err ? err
		   : edge_add(source, ATTRIB_ENTITY_VISITOR, &event->click, ATTRIB_EDGE_CARRIER,
			     &event->visitor);
}

/* A cart or checkout leads from the order that has it as an alias to the visitor who filled it. */
static int token_edges_add(struct source *source, const struct attrib_id *token)
{
	const struct attrib_id *visitor = &source->event->visitor;
	int err;

	if (attrib_id_none(visitor) || attrib_id_none(token))
		return 0;
	err = edge_add(source, ATTRIB_ENTITY_VISITOR, visitor, ATTRIB_EDGE_ORDER, token);
	return err ? err
		   : edge_add(source, ATTRIB_ENTITY_ORDER, token, ATTRIB_EDGE_VISITOR, visitor);
}

/* -- orders ------------------------------------------------------------------------------------- */

/* The observation: the event without what differs between two deliveries of one content. */
static int observation_add(struct source *source)
{
	struct attrib_facts *facts = source->facts;
	struct attrib_event event = *source->event;
	struct attrib_fact *fact;
	struct attrib_str body;

	event.event_id = ATTRIB_STR_NONE;
	event.id = (struct attrib_id){{0}};
	event.received_at = 0;
	event.verdicts = 0;
	attrib_buf_clear(&facts->scratch);
	attrib_event_encode(&event, &facts->scratch);
	if (facts->scratch.err)
		return facts->scratch.err;
	body = attrib_buf_view(&facts->scratch);
	fact = fact_new(source, ATTRIB_ENTITY_ORDER, &source->order, ATTRIB_FACT_ORDER);
	if (!fact)
		return ATTRIB_E_NOMEM;
	fact->id = attrib_id_of(facts->keys, ATTRIB_ID_CONTENT, event.site, body);
	fact->cap = ATTRIB_CAP_ORDER;
	if (event.order->updated_at != ATTRIB_NEVER)
		fact->at = event.order->updated_at;
	return fact_body(facts, fact, body);
}

static int order_add(struct source *source)
{
	const struct attrib_event *event = source->event;
	int err = observation_add(source);

	if (err == 0 && !attrib_id_none(&event->visitor))
		err = edge_add(source, ATTRIB_ENTITY_VISITOR, &event->visitor,
			conversion_edge(event), &source->order);
	if (err == 0 && !attrib_id_none(&event->click))
		err = edge_add(source, ATTRIB_ENTITY_VISITOR, &event->click, conversion_edge(event),
			&source->order);
	if (err == 0 && event->trust == ATTRIB_TRUST_SIGNED)
		err = alias_edges_add(source);
	return err;
}

static bool is_traffic(enum attrib_event_type type)
{
	return type <= ATTRIB_EVENT_LEAD;
}

int attrib_facts_add(struct attrib_facts *facts, const struct attrib_event *event,
	const struct attrib_claimer *claimer, size_t *claim)
{
	struct source source = {.facts = facts, .event = event, .claimer = claimer};
	int err;

	*claim = ATTRIB_NO_FACT;
	if (event->type == ATTRIB_EVENT_ERASE)
		return 0;
	if (event->order)
		source.order =
			attrib_order_entity(&event->order->key, event->type == ATTRIB_EVENT_LEAD);
	err = event->order ? order_add(&source) : carrier_edges_add(&source);
	if (err == 0)
		err = token_edges_add(&source, &event->cart_token);
	if (err == 0)
		err = token_edges_add(&source, &event->checkout_token);
	if (err == 0)
		err = touches_add(&source, claim);
	if (err == 0 && event->trust == ATTRIB_TRUST_SIGNED && event->key_count)
		err = customer_edges_add(&source);
	if (err == 0 && is_traffic(event->type) && *claim == ATTRIB_NO_FACT)
		err = claim_id(&source, &event->id, claim);
	return err;
}
