/*
 * The cache behind closure.h. Nodes are numbered in the order in which they were wanted; the ones
 * from `unloaded` on are the next round.
 */
#include "closure.h"

#include <stdlib.h>
#include <string.h>

#include "grow.h"
#include "unique.h"

void attrib_closure_init(
	struct attrib_closure *closure, struct attrib_state *state, struct attrib_arena *arena)
{
	*closure = (struct attrib_closure){.state = state, .arena = arena};
}

void attrib_closure_done(struct attrib_closure *closure)
{
	attrib_table_done(&closure->index);
	free(closure->nodes);
}

void attrib_closure_clear(struct attrib_closure *closure)
{
	attrib_table_clear(&closure->index);
	closure->n = closure->unloaded = 0;
}

/* Ids come out of a keyed function: one multiplication spreads them over a small table. */
static uint64_t hash_of(enum attrib_entity_kind kind, const struct attrib_id *id)
{
	uint64_t halves[2];

	memcpy(halves, id, sizeof halves);
	halves[0] = (halves[0] ^ halves[1] ^ kind) * 0x9e3779b97f4a7c15;
	return halves[0] ^ halves[0] >> 32;
}

struct attrib_node *attrib_closure_want(
	struct attrib_closure *closure, enum attrib_entity_kind kind, const struct attrib_id *id)
{
	uint64_t hash = hash_of(kind, id), at = hash;
	struct attrib_node *node;
	size_t row;

	while (attrib_table_next(&closure->index, hash, &at, &row)) {
		node = closure->nodes[row];
		if (node->entity.kind == kind && attrib_id_eq(&node->entity.id, id))
			return node;
	}
	if (ATTRIB_GROW(closure->nodes, closure->cap, closure->n + 1) != 0 ||
		attrib_table_reserve(&closure->index, 1) != 0)
		return NULL;
	node = attrib_arena_alloc(closure->arena, sizeof *node);
	if (!node)
		return NULL;
	node->entity = (struct attrib_entity){kind, *id};
	attrib_table_put(&closure->index, hash, closure->n);
	closure->nodes[closure->n++] = node;
	return node;
}

int attrib_closure_load(struct attrib_closure *closure)
{
	size_t n = closure->n - closure->unloaded;
	struct attrib_node **nodes = closure->nodes + closure->unloaded;
	struct attrib_entity *entities;
	struct attrib_loaded *loaded;
	int err;

	if (n == 0)
		return 0;
	entities = attrib_arena_raw(closure->arena, n * sizeof *entities);
	loaded = attrib_arena_alloc(closure->arena, n * sizeof *loaded);
	if (!entities || !loaded)
		return ATTRIB_E_NOMEM;
	for (size_t i = 0; i < n; i++)
		entities[i] = nodes[i]->entity;
	err = closure->state->ops->load(closure->state, entities, n, closure->arena, loaded);
	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		nodes[i]->facts = loaded[i].facts;
		nodes[i]->count = loaded[i].count;
	}
	closure->unloaded = closure->n;
	return 0;
}

int attrib_node_decode(struct attrib_node *node, struct attrib_arena *arena)
{
	size_t n = 0;

	if (node->decoded)
		return 0;
	for (size_t i = 0; i < node->count; i++)
		n += node->facts[i].type == ATTRIB_FACT_ORDER;
	node->observations = attrib_arena_raw(arena, n * sizeof *node->observations);
	if (n && !node->observations)
		return ATTRIB_E_NOMEM;
	for (size_t i = 0; i < node->count; i++) {
		const struct attrib_fact *fact = &node->facts[i];
		struct attrib_observation *o = &node->observations[node->observation_count];
		int err;
		if (fact->type != ATTRIB_FACT_ORDER)
			continue;
		err = attrib_event_decode(fact->body, arena, &o->event);
		if (err == ATTRIB_E_NOMEM)
			return err;
		if (err || !o->event.order) /* of a newer version: as if it had not been sent */
			continue;
		o->fact = fact;
		o->foreign_aliases = 0;
		node->observation_count++;
	}
	node->decoded = true;
	return 0;
}

const struct attrib_fact *attrib_node_edge(
	const struct attrib_node *node, enum attrib_edge sub, size_t *i)
{
	while (*i < node->count) {
		const struct attrib_fact *fact = &node->facts[(*i)++];
		if (fact->type == ATTRIB_FACT_EDGE && fact->sub == sub)
			return fact;
	}
	return NULL;
}

static int by_id(const void *a, const void *b)
{
	return attrib_id_cmp(a, b);
}

/* How many others its edges of one kind name. */
static int degree(const struct attrib_node *node, enum attrib_edge sub, int64_t before,
	struct attrib_arena *arena, size_t *out)
{
	const struct attrib_fact *edge;
	struct attrib_id *ids;
	size_t i = 0, n = 0;

	while ((edge = attrib_node_edge(node, sub, &i)))
		n++;
	*out = n;
	if (n <= ATTRIB_HUB_DEGREE) /* the usual case: whoever they are */
		return 0;
	ids = attrib_arena_raw(arena, n * sizeof *ids);
	if (!ids)
		return ATTRIB_E_NOMEM;
	for (i = n = 0; (edge = attrib_node_edge(node, sub, &i));)
		if (edge->received_at < before)
			ids[n++] = attrib_edge_end(edge).other;
	*out = attrib_sort_unique(ids, n, sizeof *ids, by_id);
	return 0;
}

int attrib_node_is_hub(
	const struct attrib_node *node, int64_t before, struct attrib_arena *arena, bool *hub)
{
	size_t visitors, customers;
	int err = degree(node, ATTRIB_EDGE_VISITOR, before, arena, &visitors);

	if (err == 0)
		err = degree(node, ATTRIB_EDGE_CUSTOMER, before, arena, &customers);
	if (err == 0)
		*hub = visitors > ATTRIB_HUB_DEGREE || customers > ATTRIB_HUB_DEGREE;
	return err;
}

int attrib_nodes_add(
	struct attrib_nodes *nodes, struct attrib_node *node, struct attrib_arena *arena)
{
	if (nodes->n == nodes->cap) {
		size_t cap = nodes->cap ? nodes->cap * 2 : 16;
		struct attrib_node **p =
			attrib_arena_raw(arena, cap * sizeof(struct attrib_node *));
		if (!p)
			return ATTRIB_E_NOMEM;
		if (nodes->n)
			memcpy(p, nodes->p, nodes->n * sizeof(struct attrib_node *));
		nodes->p = p;
		nodes->cap = cap;
	}
	nodes->p[nodes->n++] = node;
	return 0;
}
