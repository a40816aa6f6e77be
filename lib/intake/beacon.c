/*
 * navigator.sendBeacon: the native form as text/plain, from a browser.
 */
#include "native_json.h"

int attrib_intake_beacon(const struct attrib_intake *intake, const struct attrib_visit *visit,
	struct attrib_str body, struct attrib_intake_result *out)
{
	struct sender sender = {.intake = intake,
		.trust = ATTRIB_TRUST_STRANGER,
		.source = ATTRIB_STR("beacon"),
		.visit = visit};

	if (body.n > ATTRIB_BEACON_BODY_MAX)
		return result_refuse(
			&sender, out, 0, ATTRIB_E_TOO_LARGE, "a beacon has at most 64 KiB");
	return take_json(&sender, body, out);
}

static bool find_site(struct attrib_json object, struct attrib_str *site)
{
	struct attrib_json_walk walk;
	struct attrib_json value;
	struct attrib_str name;

	attrib_json_walk(object, &walk);
	while (attrib_json_next(&walk, &name, &value)) {
		if (attrib_str_eq(name, ATTRIB_STR("site")) &&
			attrib_json_kind(value) == ATTRIB_JSON_STRING) {
			*site = attrib_json_string(value);
			return true;
		}
	}
	return false;
}

int attrib_intake_beacon_site(
	struct attrib_arena *arena, struct attrib_str body, struct attrib_str *site)
{
	struct attrib_json root;
	struct attrib_json_walk walk;
	struct attrib_str name, found;
	int err = attrib_json_parse(arena, body, &root);

	if (err)
		return err;
	if (attrib_json_kind(root) == ATTRIB_JSON_ARRAY) {
		attrib_json_walk(root, &walk);
		if (!attrib_json_next(&walk, &name, &root))
			return ATTRIB_E_MISSING_FIELD;
	}
	if (attrib_json_kind(root) != ATTRIB_JSON_OBJECT || !find_site(root, &found))
		return ATTRIB_E_MISSING_FIELD;
	found = attrib_arena_str(arena, found); /* the tree is gone with the next parse */
	if (!found.p)
		return ATTRIB_E_NOMEM;
	*site = found;
	return 0;
}
