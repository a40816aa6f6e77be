/*
 * The walk behind person.h, in rounds of loads: what the order names, its keys' customer, its
 * visitors' customers, and then the visitors of the order's customer.
 */
#include "person.h"

#include <stdlib.h>

#include "alias.h"

static size_t entities(const struct attrib_person *person)
{
	return person->visitor_count + person->key_count + person->click_count;
}

/* The place of a node in the lists of this decision; SIZE_MAX: it is new, and *err or the bound may
 * have kept it out. */
static struct attrib_node *wanted(struct attrib_person *person, enum attrib_entity_kind kind,
	const struct attrib_id *id, bool *known, int *err)
{
	struct attrib_node *node = attrib_closure_want(person->closure, kind, id);

	*err = node ? 0 : ATTRIB_E_NOMEM;
	if (!node)
		return NULL;
	*known = node->stamp == person->closure->stamp;
	if (!*known && entities(person) == ATTRIB_CLOSURE_MAX) {
		person->cut = true;
		return NULL;
	}
	return node;
}

static void place(struct attrib_person *person, struct attrib_node *node, size_t slot)
{
	node->stamp = person->closure->stamp;
	node->slot = (uint32_t)slot;
}

static int add_visitor(struct attrib_person *person, const struct attrib_id *id)
{
	bool known;
	int err;
	struct attrib_node *node = wanted(person, ATTRIB_ENTITY_VISITOR, id, &known, &err);

	if (!node || known)
		return err;
	place(person, node, person->visitor_count);
	person->visitors[person->visitor_count++] = (struct attrib_person_visitor){.node = node};
	return 0;
}

static int add_click(struct attrib_person *person, const struct attrib_id *id, bool by_signed)
{
	bool known;
	int err;
	struct attrib_node *node = wanted(person, ATTRIB_ENTITY_VISITOR, id, &known, &err);

	if (!node)
		return err;
	if (!known) {
		place(person, node, person->click_count);
		person->clicks[person->click_count++] = (struct attrib_person_click){.node = node};
	}
	if (by_signed)
		person->clicks[node->slot].by_signed = true;
	return 0;
}

static int add_key(struct attrib_person *person, const struct attrib_id *id, bool own)
{
	bool known;
	int err;
	struct attrib_node *node = wanted(person, ATTRIB_ENTITY_CUSTOMER, id, &known, &err);

	if (!node)
		return err;
	if (!known) {
		place(person, node, person->key_count);
		person->keys[person->key_count] = (struct attrib_person_key){
			.node = node, .parent = (uint32_t)person->key_count};
		person->key_count++;
	}
	if (own)
		person->keys[node->slot].own = true;
	return 0;
}

/* -- customers ---------------------------------------------------------------------------------- */

uint32_t attrib_person_root(const struct attrib_person *person, uint32_t key)
{
	while (person->keys[key].parent != key)
		key = person->keys[key].parent;
	return key;
}

struct attrib_person_key *attrib_person_key_of(
	struct attrib_person *person, const struct attrib_id *id)
{
	struct attrib_node *node = attrib_closure_want(person->closure, ATTRIB_ENTITY_CUSTOMER, id);

	return node && node->stamp == person->closure->stamp ? &person->keys[node->slot] : NULL;
}

/* Keys that are new since the last time, and the keys that they are linked to, until there are none. */
static int expand_keys(struct attrib_person *person)
{
	const struct attrib_fact *edge;
	int err = 0;

	while (err == 0 && person->keys_expanded < person->key_count) {
		struct attrib_person_key *key = &person->keys[person->keys_expanded++];
		err = attrib_closure_load(person->closure);
		if (err == 0)
			err = attrib_node_is_hub(
				key->node, person->lock_at + 1, person->closure->arena, &key->hub);
		if (err || key->hub)
			continue;
		for (size_t i = 0;
			err == 0 && (edge = attrib_node_edge(key->node, ATTRIB_EDGE_CUSTOMER, &i));)
			if (attrib_person_sees(person, edge))
				err = add_key(person, &edge->id, false);
	}
	return err;
}

static void unite(struct attrib_person *person, struct attrib_person_key *key)
{
	const struct attrib_fact *edge;
	struct attrib_person_key *other;
	uint32_t a, b;

	for (size_t i = 0; (edge = attrib_node_edge(key->node, ATTRIB_EDGE_CUSTOMER, &i));) {
		if (!attrib_person_sees(person, edge) ||
			!(other = attrib_person_key_of(person, &edge->id)) || other->hub)
			continue;
		a = attrib_person_root(person, (uint32_t)(key - person->keys));
		b = attrib_person_root(person, (uint32_t)(other - person->keys));
		person->keys[b].parent = a;
	}
}

/* Which keys are one customer. All keys of the order are one, whoever told them. */
static void unite_keys(struct attrib_person *person)
{
	uint32_t own = UINT32_MAX, root;

	for (size_t i = 0; i < person->key_count; i++)
		if (!person->keys[i].hub)
			unite(person, &person->keys[i]);
	for (uint32_t i = 0; i < person->key_count; i++) {
		if (!person->keys[i].own || person->keys[i].hub)
			continue;
		root = attrib_person_root(person, i);
		if (own != UINT32_MAX && root != own)
			person->keys[root].parent = own;
		else
			own = root;
	}
}

static int visitor_keys(struct attrib_person *person, struct attrib_person_visitor *visitor)
{
	const struct attrib_fact *edge;
	int err = attrib_node_is_hub(
		visitor->node, person->lock_at + 1, person->closure->arena, &visitor->hub);

	if (err || visitor->hub)
		return err;
	for (size_t i = 0;
		err == 0 && (edge = attrib_node_edge(visitor->node, ATTRIB_EDGE_CUSTOMER, &i));)
		if (attrib_person_sees(person, edge)) {
			struct attrib_edge_end end = attrib_edge_end(edge);
			err = add_key(person, &end.other, false);
		}
	return err;
}

static int load_visitors(struct attrib_person *person, size_t from)
{
	int err = attrib_closure_load(person->closure);

	for (size_t i = from; i < person->visitor_count && err == 0; i++)
		err = visitor_keys(person, &person->visitors[i]);
	return err ? err : expand_keys(person);
}

/* The only customer that the order's keys and visitors have is the order's. */
static void find_only(struct attrib_person *person)
{
	uint32_t root, only = UINT32_MAX;

	for (uint32_t i = 0; i < person->key_count; i++) {
		if (person->keys[i].hub)
			continue;
		root = attrib_person_root(person, i);
		if (only != UINT32_MAX && root != only)
			return;
		only = root;
	}
	if (only != UINT32_MAX)
		person->keys[only].own = true;
}

bool attrib_person_is_own(const struct attrib_person *person, uint32_t customer)
{
	for (uint32_t i = 0; i < person->key_count; i++)
		if (person->keys[i].own && !person->keys[i].hub)
			return attrib_person_root(person, i) ==
			       attrib_person_root(person, customer);
	return false;
}

static int customer_visitors(struct attrib_person *person)
{
	size_t from = person->visitor_count, keys = person->key_count;
	const struct attrib_fact *edge;
	int err = 0;

	for (uint32_t k = 0; k < keys && err == 0; k++) {
		const struct attrib_person_key *key = &person->keys[k];
		if (key->hub || !attrib_person_is_own(person, k))
			continue;
		for (size_t i = 0;
			err == 0 && (edge = attrib_node_edge(key->node, ATTRIB_EDGE_VISITOR, &i));)
			if (attrib_person_sees(person, edge)) {
				struct attrib_edge_end end = attrib_edge_end(edge);
				err = add_visitor(person, &end.other);
			}
	}
	return err ? err : load_visitors(person, from);
}

static int order_names(struct attrib_person *person, const struct attrib_observation *o)
{
	const struct attrib_event *event = &o->event;
	int err = 0;

	if (!attrib_person_sees(person, o->fact))
		return 0;
	if (!attrib_id_none(&event->visitor))
		err = add_visitor(person, &event->visitor);
	if (err == 0 && !attrib_id_none(&event->click))
		err = add_click(person, &event->click, event->trust == ATTRIB_TRUST_SIGNED);
	for (size_t i = 0; i < event->key_count && err == 0; i++)
		if (event->trust == ATTRIB_TRUST_SIGNED)
			err = add_key(person, &event->keys[i].id, true);
	return err;
}

static bool is_token(struct attrib_str kind)
{
	return attrib_str_eq(kind, ATTRIB_STR("cart_token")) ||
	       attrib_str_eq(kind, ATTRIB_STR("checkout_token"));
}

/* Who filled the cart or began the checkout that became the order. A token is known to its shopper
 * and the shop alone, so a stranger's word is good for it; other aliases can be guessed. */
static int token_visitors(struct attrib_person *person, const struct attrib_node *member)
{
	struct attrib_held_alias held;
	const struct attrib_fact *edge;
	int err = 0;

	for (size_t at = 0; err == 0 && attrib_node_next_alias(member, &at, &held);) {
		const struct attrib_node *token;
		if (!is_token(held.kind) || !attrib_person_sees(person, held.by->fact))
			continue;
		token = attrib_closure_want(person->closure, ATTRIB_ENTITY_ORDER, &held.entity);
		for (size_t i = 0;
			err == 0 && (edge = attrib_node_edge(token, ATTRIB_EDGE_VISITOR, &i));)
			if (attrib_person_sees(person, edge))
				err = add_visitor(person, &edge->id);
	}
	return err;
}

int attrib_person_find(struct attrib_person *person, struct attrib_closure *closure,
	const struct attrib_catalog *catalog, const struct attrib_order_group *group)
{
	size_t keys;
	int err = 0;

	closure->stamp++;
	person->closure = closure;
	person->catalog = catalog;
	person->group = group;
	person->lock_at = group->order.lock_at;
	person->visitor_count = person->key_count = person->click_count = 0;
	person->keys_expanded = 0;
	person->cut = false;
	for (size_t i = 0; i < group->observation_count && err == 0; i++)
		err = order_names(person, group->observations[i]);
	for (size_t i = 0; i < group->members.n && err == 0; i++)
		err = token_visitors(person, group->members.p[i]);
	if (err == 0)
		err = load_visitors(person, 0);
	if (err)
		return err;
	unite_keys(person);
	find_only(person);
	keys = person->key_count;
	err = customer_visitors(person);
	if (person->key_count > keys)
		unite_keys(person);
	return err;
}

int attrib_person_customer(const struct attrib_person *person, struct attrib_id **keys, size_t *n)
{
	*n = 0;
	*keys = attrib_arena_raw(person->closure->arena, person->key_count * sizeof **keys);
	if (!*keys && person->key_count)
		return ATTRIB_E_NOMEM;
	for (uint32_t i = 0; i < person->key_count; i++)
		if (!person->keys[i].hub && attrib_person_is_own(person, i))
			(*keys)[(*n)++] = person->keys[i].node->entity.id;
	return 0;
}
