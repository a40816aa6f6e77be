/*
 * The rules that do not depend on where facts are kept: rules.h.
 */
#include "rules.h"

#include <stdlib.h>

const struct attrib_cap_limit attrib_cap_limits[ATTRIB_CAP_COUNT] = {
	[ATTRIB_CAP_TOUCH] = {256, true, false},
	[ATTRIB_CAP_FILTERED] = {16, false, false},
	[ATTRIB_CAP_EDGE] = {256, true, false},
	[ATTRIB_CAP_ORDER] = {64, true, false},
	[ATTRIB_CAP_IDENTITY] = {256, true, true},
};

static bool is_kind(enum attrib_entity_kind kind)
{
	switch (kind) {
	case ATTRIB_ENTITY_VISITOR:
	case ATTRIB_ENTITY_CUSTOMER:
	case ATTRIB_ENTITY_ORDER:
	case ATTRIB_ENTITY_ID:
		return true;
	}
	return false;
}

static bool is_type(enum attrib_fact_type type)
{
	switch (type) {
	case ATTRIB_FACT_SEEN:
	case ATTRIB_FACT_TOUCH:
	case ATTRIB_FACT_EDGE:
	case ATTRIB_FACT_ORDER:
		return true;
	}
	return false;
}

int state_check_fact(const struct attrib_fact *fact)
{
	if (!is_kind(fact->entity.kind) || !is_type(fact->type) || fact->cap >= ATTRIB_CAP_COUNT)
		return ATTRIB_E_INVALID;
	if ((fact->entity.kind == ATTRIB_ENTITY_ID) != (fact->type == ATTRIB_FACT_SEEN))
		return ATTRIB_E_INVALID;
	if (fact->body.n > STATE_BODY_MAX)
		return ATTRIB_E_TOO_LARGE;
	return fact->claimer.number > STATE_NUMBER_MAX ? ATTRIB_E_OVERFLOW : 0;
}

int state_compare_load(const struct attrib_fact *a, const struct attrib_fact *b)
{
	int order = state_compare(a->type, b->type);

	if (!order)
		order = state_compare(a->at, b->at);
	if (!order)
		order = attrib_id_cmp(&a->id, &b->id);
	return order ? order : state_compare(a->sub, b->sub);
}

int state_compare_copies(const struct attrib_fact *a, const struct attrib_fact *b)
{
	int order = state_compare(a->type, b->type);

	if (!order)
		order = attrib_id_cmp(&a->id, &b->id);
	if (!order)
		order = state_compare(a->sub, b->sub);
	if (!order)
		order = state_compare(b->trust, a->trust);
	if (!order)
		order = state_compare(a->at, b->at);
	if (!order)
		order = (a->content_hash < b->content_hash) - (a->content_hash > b->content_hash);
	return order ? order : state_compare(b->cap, a->cap);
}

static int by_copies(const void *a, const void *b)
{
	return state_compare_copies(a, b);
}

static int by_load(const void *a, const void *b)
{
	return state_compare_load(a, b);
}

static bool same_name(const struct attrib_fact *a, const struct attrib_fact *b)
{
	return a->type == b->type && a->sub == b->sub && attrib_id_eq(&a->id, &b->id);
}

size_t state_merge_copies(struct attrib_fact *facts, size_t count)
{
	size_t n = 0;

	qsort(facts, count, sizeof *facts, by_copies);
	for (size_t i = 0; i < count; i++) {
		if (!n || !same_name(&facts[n - 1], &facts[i]))
			facts[n++] = facts[i];
		else if (facts[i].received_at < facts[n - 1].received_at)
			facts[n - 1].received_at = facts[i].received_at;
	}
	qsort(facts, n, sizeof *facts, by_load);
	return n;
}
