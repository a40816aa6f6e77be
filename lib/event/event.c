/*
 * The names of event types, from the one list in event.h, and the order of customer keys.
 */
#include "attrib/event.h"

static const struct attrib_str names[ATTRIB_EVENT_TYPE_MAX + 1] = {
#define X(name, text, number) [number] = ATTRIB_STR(text),
	ATTRIB_EVENT_TYPES(X)
#undef X
};

const char *attrib_event_type_name(enum attrib_event_type type)
{
	return type > 0 && type <= ATTRIB_EVENT_TYPE_MAX ? names[type].p : "unknown";
}

int attrib_event_type_parse(struct attrib_str s, enum attrib_event_type *out)
{
	for (int type = 1; type <= ATTRIB_EVENT_TYPE_MAX; type++) {
		if (attrib_str_eq(s, names[type])) {
			*out = (enum attrib_event_type)type;
			return 0;
		}
	}
	return ATTRIB_E_BAD_TYPE;
}

int attrib_customer_key_cmp(
	const struct attrib_customer_key *a, const struct attrib_customer_key *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return attrib_id_cmp(&a->id, &b->id);
}
