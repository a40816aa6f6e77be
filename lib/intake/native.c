/*
 * Bodies of native events: an object, an array or lines. Syntax is a matter of the whole body, what
 * an item says is its own: the good ones are taken whatever stands beside them.
 */
#include "native_json.h"

#define NOT_JSON   "the body is not valid JSON (UTF-8, at most 32 levels, nothing behind it)"
#define NOT_EVENTS "expected an object or an array of objects"
#define TOO_MANY   "more than 2500 events"

static int take_item(const struct sender *sender, struct attrib_json item, size_t index,
	struct attrib_intake_result *out)
{
	struct draft draft;

	draft_init(&draft, sender, index);
	return result_take(out, &draft, !note_item(&draft, item));
}

static size_t count_items(struct attrib_json array)
{
	struct attrib_json_walk walk;
	struct attrib_json value;
	struct attrib_str name;
	size_t n = 0;

	attrib_json_walk(array, &walk);
	while (n <= ATTRIB_INTAKE_EVENTS_MAX && attrib_json_next(&walk, &name, &value))
		n++;
	return n;
}

static int take_array(
	const struct sender *sender, struct attrib_json array, struct attrib_intake_result *out)
{
	struct attrib_json_walk walk;
	struct attrib_json value;
	struct attrib_str name;
	size_t index = 0, n = count_items(array);
	int err;

	if (n > ATTRIB_INTAKE_EVENTS_MAX)
		return result_refuse(sender, out, 0, ATTRIB_E_TOO_MANY, TOO_MANY);
	err = result_open(sender, n, out);
	attrib_json_walk(array, &walk);
	while (err == 0 && attrib_json_next(&walk, &name, &value))
		err = take_item(sender, value, index++, out);
	return err;
}

int take_json(const struct sender *sender, struct attrib_str body, struct attrib_intake_result *out)
{
	struct attrib_json root;
	int err = attrib_json_parse(sender->intake->arena, body, &root);

	if (err == ATTRIB_E_BAD_JSON)
		return result_refuse(sender, out, 0, err, NOT_JSON);
	if (err)
		return err;
	if (attrib_json_kind(root) == ATTRIB_JSON_ARRAY)
		return take_array(sender, root, out);
	if (attrib_json_kind(root) != ATTRIB_JSON_OBJECT)
		return result_refuse(sender, out, 0, ATTRIB_E_BAD_JSON, NOT_EVENTS);
	err = result_open(sender, 1, out);
	return err ? err : take_item(sender, root, 0, out);
}

/* The next line that is not blank; false at the end. */
static bool next_line(struct attrib_str *rest, struct attrib_str *line)
{
	while (rest->n) {
		*line = attrib_str_trim(attrib_str_split(*rest, '\n', rest));
		if (line->n)
			return true;
	}
	return false;
}

static size_t count_lines(struct attrib_str body)
{
	struct attrib_str line;
	size_t n = 0;

	while (n <= ATTRIB_INTAKE_EVENTS_MAX && next_line(&body, &line))
		n++;
	return n;
}

/* Behind each line stand the next ones or the body's padding: there is always something to read. */
static int take_lines(
	const struct sender *sender, struct attrib_str body, struct attrib_intake_result *out)
{
	size_t index = 0, n = count_lines(body);
	struct attrib_json item;
	struct attrib_str line;
	int err;

	if (n > ATTRIB_INTAKE_EVENTS_MAX)
		return result_refuse(sender, out, 0, ATTRIB_E_TOO_MANY, TOO_MANY);
	err = result_open(sender, n, out);
	while (err == 0 && next_line(&body, &line)) {
		err = attrib_json_parse(sender->intake->arena, line, &item);
		if (err == ATTRIB_E_BAD_JSON)
			return result_refuse(sender, out, index, err, "a line is not valid JSON");
		if (err == 0)
			err = take_item(sender, item, index++, out);
	}
	return err;
}

int attrib_intake_native(const struct attrib_intake *intake, enum attrib_trust trust,
	struct attrib_str source, enum attrib_body_form form, struct attrib_str body,
	struct attrib_intake_result *out)
{
	struct sender sender = {.intake = intake,
		.trust = trust,
		.source = source,
		.visit = trust == ATTRIB_TRUST_STRANGER ? intake->visit : NULL};

	if (form == ATTRIB_BODY_NDJSON)
		return take_lines(&sender, body, out);
	return take_json(&sender, body, out);
}
