#include "model.h"

#include <stdlib.h>
#include <string.h>

void model_done(struct model *model)
{
	free(model->copies);
	*model = (struct model){0};
}

static bool same_entity(const struct attrib_entity *a, const struct attrib_entity *b)
{
	return a->kind == b->kind && attrib_id_eq(&a->id, &b->id);
}

static bool same_name(const struct attrib_fact *a, const struct attrib_fact *b)
{
	return same_entity(&a->entity, &b->entity) && a->type == b->type && a->sub == b->sub &&
	       attrib_id_eq(&a->id, &b->id);
}

void model_add(struct model *model, const struct attrib_fact *fact)
{
	for (size_t i = 0; i < model->n; i++) {
		struct attrib_fact *c = &model->copies[i];

		if (same_name(c, fact) && c->cap == fact->cap && c->trust == fact->trust &&
			c->at == fact->at && c->content_hash == fact->content_hash) {
			if (fact->received_at < c->received_at)
				c->received_at = fact->received_at;
			return;
		}
	}
	if (model->n == model->room) {
		model->room = model->room ? model->room * 2 : 64;
		model->copies = realloc(model->copies, model->room * sizeof *model->copies);
		if (!model->copies)
			abort();
	}
	model->copies[model->n++] = *fact;
}

#define LESS(a, b)                                                                                 \
	if ((a) != (b))                                                                            \
	return (a) < (b)

/* a before b: older under a cap. */
static bool older(const struct attrib_fact *a, const struct attrib_fact *b)
{
	LESS(a->at, b->at);
	LESS(attrib_id_cmp(&a->id, &b->id), 0);
	LESS(a->sub, b->sub);
	LESS(a->type, b->type);
	LESS(a->trust, b->trust);
	return a->content_hash < b->content_hash;
}

/* a before b: listed earlier. */
static bool earlier(const struct attrib_fact *a, const struct attrib_fact *b)
{
	LESS(a->type, b->type);
	LESS(a->at, b->at);
	LESS(attrib_id_cmp(&a->id, &b->id), 0);
	return a->sub < b->sub;
}

/* a's content counts more than b's. */
static bool better(const struct attrib_fact *a, const struct attrib_fact *b)
{
	LESS(b->trust, a->trust);
	LESS(a->at, b->at);
	LESS(b->content_hash, a->content_hash);
	return a->cap > b->cap;
}

static bool kept(const struct model *model, const struct attrib_fact *copy)
{
	const struct attrib_cap_limit *limit = &attrib_cap_limits[copy->cap];
	size_t newer = 0, elder = 0;

	for (size_t i = 0; i < model->n; i++) {
		const struct attrib_fact *c = &model->copies[i];

		if (c == copy || c->cap != copy->cap || !same_entity(&c->entity, &copy->entity))
			continue;
		if (older(c, copy))
			elder++;
		else
			newer++;
	}
	return newer < limit->newest || (limit->first && elder == 0);
}

size_t model_kept(const struct model *model, const struct attrib_entity *entity)
{
	size_t n = 0;

	for (size_t i = 0; i < model->n; i++)
		n += same_entity(&model->copies[i].entity, entity) &&
		     kept(model, &model->copies[i]);
	return n;
}

static void merge_into(struct attrib_fact *fact, const struct attrib_fact *copy)
{
	int64_t received_at =
		fact->received_at < copy->received_at ? fact->received_at : copy->received_at;

	if (better(copy, fact))
		*fact = *copy;
	fact->received_at = received_at;
}

static void sort(struct attrib_fact *facts, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct attrib_fact fact = facts[i];
		size_t j = i;

		for (; j > 0 && earlier(&fact, &facts[j - 1]); j--)
			facts[j] = facts[j - 1];
		facts[j] = fact;
	}
}

size_t model_load(
	const struct model *model, const struct attrib_entity *entity, struct attrib_fact *out)
{
	size_t n = 0;

	for (size_t i = 0; i < model->n; i++) {
		const struct attrib_fact *c = &model->copies[i];
		size_t j = 0;

		if (!same_entity(&c->entity, entity) || !kept(model, c))
			continue;
		while (j < n && !same_name(&out[j], c))
			j++;
		if (j == n)
			out[n++] = *c;
		else
			merge_into(&out[j], c);
	}
	sort(out, n);
	return n;
}
