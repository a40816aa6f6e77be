/*
 * The contract of state.h as plainly as it can be put: an array of every copy ever added, from which
 * a load is computed anew. It shares no code with any backend.
 */
#ifndef ATTRIB_CONFORMANCE_MODEL_H
#define ATTRIB_CONFORMANCE_MODEL_H

#include "attrib/state.h"

struct model {
	struct attrib_fact *copies; /* owned; bodies are borrowed from the test */
	size_t n, room;
};

void model_done(struct model *model);
void model_add(struct model *model, const struct attrib_fact *fact);
/* The facts of an entity in load order into out; returns how many. Claimers are left out. */
size_t model_load(
	const struct model *model, const struct attrib_entity *entity, struct attrib_fact *out);
/* How many copies of the entity the caps keep. */
size_t model_kept(const struct model *model, const struct attrib_entity *entity);

#endif
