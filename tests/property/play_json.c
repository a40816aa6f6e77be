/*
 * Reading members of a tree, and writing a tree back: an event inside of a line becomes the body of a
 * request again.
 */
#include "play.h"

bool play_member(struct attrib_json object, const char *name, struct attrib_json *out)
{
	struct attrib_json_walk walk;
	struct attrib_json value;
	struct attrib_str key;

	if (attrib_json_kind(object) != ATTRIB_JSON_OBJECT)
		return false;
	attrib_json_walk(object, &walk);
	while (attrib_json_next(&walk, &key, &value)) {
		if (attrib_str_eq(key, attrib_str_of(name))) {
			*out = value;
			return true;
		}
	}
	return false;
}

struct attrib_str play_text(struct attrib_json object, const char *name)
{
	struct attrib_json value;

	if (!play_member(object, name, &value) || attrib_json_kind(value) != ATTRIB_JSON_STRING)
		return ATTRIB_STR_NONE;
	return attrib_json_string(value);
}

static void put_all(struct attrib_json value, struct attrib_buf *out, bool object)
{
	struct attrib_json_walk walk;
	struct attrib_json item;
	struct attrib_str key;
	bool first = true;

	attrib_buf_char(out, object ? '{' : '[');
	attrib_json_walk(value, &walk);
	while (attrib_json_next(&walk, &key, &item)) {
		if (!first)
			attrib_buf_char(out, ',');
		first = false;
		if (object) {
			attrib_buf_json(out, key);
			attrib_buf_char(out, ':');
		}
		play_json(item, out);
	}
	attrib_buf_char(out, object ? '}' : ']');
}

void play_json(struct attrib_json value, struct attrib_buf *out)
{
	char decimal[ATTRIB_JSON_DECIMAL_MAX];
	bool integer;

	switch (attrib_json_kind(value)) {
	case ATTRIB_JSON_NULL:
		attrib_buf_str(out, ATTRIB_STR("null"));
		break;
	case ATTRIB_JSON_BOOL:
		attrib_buf_str(
			out, attrib_json_bool(value) ? ATTRIB_STR("true") : ATTRIB_STR("false"));
		break;
	case ATTRIB_JSON_NUMBER:
		attrib_buf_put(out, decimal, attrib_json_decimal(value, decimal, &integer));
		break;
	case ATTRIB_JSON_STRING:
		attrib_buf_json(out, attrib_json_string(value));
		break;
	case ATTRIB_JSON_ARRAY:
		put_all(value, out, false);
		break;
	case ATTRIB_JSON_OBJECT:
		put_all(value, out, true);
		break;
	}
}
