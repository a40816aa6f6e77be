/*
 * The table behind field.h.
 */
#include "field.h"

#include <stddef.h>

#include "draft.h"

#define BASE_TOP    struct draft
#define BASE_UTM    struct draft
#define BASE_ORDER  struct attrib_order
#define BASE_LEAD   struct attrib_order
#define BASE_REFUND struct attrib_refund

const struct field fields[FIELD_COUNT] = {
#define X(id, in, text, kind, most, member)                                                        \
	{.name = ATTRIB_STR(text),                                                                 \
		.max = most,                                                                       \
		.offset = offsetof(BASE_##in, member),                                             \
		.group = GROUP_##in,                                                               \
		.form = FORM_##kind},
	FIELDS(X)
#undef X
};

static const struct {
	struct attrib_str name;
	uint8_t first, end; /* rows */
} groups[GROUP_COUNT] = {
	[GROUP_TOP] = {ATTRIB_STR(""), FIELD_TYPE, FIELD_UTM_SOURCE},
	[GROUP_UTM] = {ATTRIB_STR("utm"), FIELD_UTM_SOURCE, FIELD_ORDER_KEY},
	[GROUP_ORDER] = {ATTRIB_STR("order"), FIELD_ORDER_KEY, FIELD_LEAD_KEY},
	[GROUP_LEAD] = {ATTRIB_STR("lead"), FIELD_LEAD_KEY, FIELD_REFUND_KEY},
	[GROUP_REFUND] = {ATTRIB_STR("refund"), FIELD_REFUND_KEY, FIELD_COUNT},
};

const struct field *field_find(enum group group, struct attrib_str name)
{
	for (size_t i = groups[group].first; i < groups[group].end; i++) {
		if (attrib_str_eq(fields[i].name, name))
			return &fields[i];
	}
	return NULL;
}

const struct field *field_find_path(struct attrib_str path)
{
	struct attrib_str rest, head = attrib_str_split(path, '.', &rest);

	if (!rest.p)
		return field_find(GROUP_TOP, path);
	for (int group = GROUP_UTM; group < GROUP_COUNT; group++) {
		if (attrib_str_eq(groups[group].name, head))
			return field_find((enum group)group, rest);
	}
	return NULL;
}

struct attrib_str field_path(struct attrib_arena *arena, const struct field *field)
{
	if (field->group == GROUP_TOP)
		return field->name;
	return attrib_arena_printf(arena, "%s.%s", groups[field->group].name.p, field->name.p);
}
