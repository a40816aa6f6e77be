/*
 * Units of a batch: decisions are joined by their names, which sorting brings together.
 */
#include "pg_units.h"

#include <stdlib.h>

/* Sets of decisions: each points at an earlier one of its set, the first at itself. */
static size_t root_of(size_t *sets, size_t i)
{
	while (sets[i] != i)
		i = sets[i] = sets[sets[i]];
	return i;
}

static void join(size_t *sets, size_t a, size_t b)
{
	a = root_of(sets, a);
	b = root_of(sets, b);
	if (a < b)
		sets[b] = a;
	else
		sets[a] = b;
}

/* -- names -------------------------------------------------------------------------------------- */

struct name {
	struct attrib_str site, value;
	enum attrib_conversion_kind kind;
	size_t decision;
};

static int compare_names(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int order = attrib_str_cmp(x->site, y->site);

	if (!order)
		order = (int)x->kind - (int)y->kind;
	return order ? order : attrib_str_cmp(x->value, y->value);
}

static size_t count_names(const struct attrib_batch_view *batch)
{
	size_t n = batch->decision_count;

	for (size_t i = 0; i < batch->decision_count; i++)
		n += batch->decisions[i]->alias_count;
	return n;
}

static void list_names(const struct attrib_batch_view *batch, struct name *names)
{
	for (size_t i = 0; i < batch->decision_count; i++) {
		const struct attrib_decision *d = batch->decisions[i];

		*names++ = (struct name){d->site, d->order_id, d->kind, i};
		for (size_t j = 0; j < d->alias_count; j++)
			*names++ = (struct name){d->site, d->aliases[j].value, d->kind, i};
	}
}

static int join_names(const struct attrib_batch_view *batch, size_t *units)
{
	size_t n = count_names(batch);
	struct name *names = calloc(n ? n : 1, sizeof *names);

	if (!names)
		return ATTRIB_E_NOMEM;
	list_names(batch, names);
	qsort(names, n, sizeof *names, compare_names);
	for (size_t i = 1; i < n; i++) {
		if (compare_names(&names[i - 1], &names[i]) == 0)
			join(units, names[i - 1].decision, names[i].decision);
	}
	free(names);
	return 0;
}

static int compare_to_decision(const void *key, const void *element)
{
	const struct attrib_decision *d = *(const struct attrib_decision *const *)element;
	struct name name = {d->site, d->order_id, d->kind, 0};

	return compare_names(key, &name);
}

static void join_merged(const struct attrib_batch_view *batch, size_t *units, size_t *groups)
{
	for (size_t i = 0; i < batch->decision_count; i++) {
		const struct attrib_decision *d = batch->decisions[i];
		struct name target = {d->site, d->merged_into, d->kind, i};
		const struct attrib_decision *const *found =
			d->merged_into.n ? bsearch(&target, batch->decisions, batch->decision_count,
						   sizeof *batch->decisions, compare_to_decision)
					 : NULL;

		if (!found)
			continue;
		join(units, i, (size_t)(found - batch->decisions));
		join(groups, i, (size_t)(found - batch->decisions));
	}
}

/* -- units -------------------------------------------------------------------------------------- */

struct place {
	size_t unit, group, decision;
};

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->unit != y->unit)
		return x->unit < y->unit ? -1 : 1;
	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return x->decision < y->decision ? -1 : x->decision > y->decision;
}

static void put_decisions(struct pg_units *units, const struct place *places)
{
	for (size_t i = 0; i < units->batch->decision_count; i++) {
		units->decisions[i] = units->batch->decisions[places[i].decision];
		units->joined[i] = i > 0 && places[i].group == places[i - 1].group;
		if (i == 0 || places[i].unit != places[i - 1].unit)
			units->first[units->count++] = i;
	}
}

static int place_decisions(struct pg_units *units)
{
	size_t n = units->batch->decision_count;
	size_t *sets = calloc(2 * n + 1, sizeof *sets), *groups = sets ? sets + n : NULL;
	struct place *places = calloc(n + 1, sizeof *places);
	int err = sets && places ? 0 : ATTRIB_E_NOMEM;

	for (size_t i = 0; i < n && !err; i++)
		sets[i] = groups[i] = i;
	if (!err)
		err = join_names(units->batch, sets);
	if (!err) {
		join_merged(units->batch, sets, groups);
		for (size_t i = 0; i < n; i++)
			places[i] = (struct place){root_of(sets, i), root_of(groups, i), i};
		qsort(places, n, sizeof *places, compare_places);
		put_decisions(units, places);
	}
	free(sets);
	free(places);
	return err;
}

int pg_units_init(struct pg_units *units, const struct attrib_batch_view *batch)
{
	size_t n = batch->decision_count;
	int err;

	*units = (struct pg_units){.batch = batch};
	units->row_count = n + batch->refund_count + batch->cancel_count + batch->link_count +
			   batch->traffic_count;
	units->decisions = calloc(n + 1, sizeof *units->decisions);
	units->first = calloc(units->row_count + 1, sizeof *units->first);
	units->joined = calloc(n + 1, sizeof *units->joined);
	err = units->decisions && units->first && units->joined ? place_decisions(units)
								: ATTRIB_E_NOMEM;
	if (err) {
		pg_units_done(units);
		return err;
	}
	for (size_t row = n; row < units->row_count; row++)
		units->first[units->count++] = row;
	units->first[units->count] = units->row_count;
	return 0;
}

void pg_units_done(struct pg_units *units)
{
	free(units->decisions);
	free(units->first);
	free(units->joined);
}

size_t pg_units_group_end(const struct pg_units *units, size_t row)
{
	size_t end = row + 1;

	while (end < units->batch->decision_count && units->joined[end])
		end++;
	return end;
}

/* How many of the next n rows lie in from..to-1, and how many of them before; *from and *to become
 * relative to what follows them. */
static size_t clip(size_t *from, size_t *to, size_t n, size_t *before)
{
	size_t first = *from < n ? *from : n, end = *to < n ? *to : n;

	*from -= first;
	*to -= end;
	*before = first;
	return end - first;
}

void pg_units_view(
	const struct pg_units *units, size_t from, size_t to, struct attrib_batch_view *out)
{
	const struct attrib_batch_view *b = units->batch;
	size_t before;

	*out = (struct attrib_batch_view){0};
	out->decision_count = clip(&from, &to, b->decision_count, &before);
	out->decisions = units->decisions + before;
	out->refund_count = clip(&from, &to, b->refund_count, &before);
	out->refunds = out->refund_count ? b->refunds + before : NULL;
	out->cancel_count = clip(&from, &to, b->cancel_count, &before);
	out->cancels = out->cancel_count ? b->cancels + before : NULL;
	out->link_count = clip(&from, &to, b->link_count, &before);
	out->links = out->link_count ? b->links + before : NULL;
	out->traffic_count = clip(&from, &to, b->traffic_count, &before);
	out->traffic = out->traffic_count ? b->traffic + before : NULL;
}
