#include "backend.h"

const struct backend *backend;

static struct attrib_state *open_memory(const struct backend_options *options)
{
	struct attrib_memory_options memory = {
		.hash_seed = 0x5eed,
		.max_bytes = options->max_bytes,
		.first_ticket = options->first_ticket,
	};
	struct attrib_state *state = NULL;

	CHECK(attrib_state_memory_new(&memory, &state) == 0, "cannot be opened");
	return state;
}

const struct backend backends[] = {
	{"memory", open_memory},
};
const size_t backend_count = sizeof backends / sizeof *backends;

struct attrib_state *backend_open(void)
{
	return backend->open(&(struct backend_options){0});
}

struct attrib_added backend_add(struct attrib_state *state, const struct attrib_fact *fact)
{
	struct attrib_added result;
	uint64_t ticket;
	int err = state->ops->add(state, fact, 1, &result, &ticket);

	CHECK(err == 0, "add returned %d", err);
	return result;
}

struct attrib_loaded backend_load(
	struct attrib_state *state, const struct attrib_entity *entity, struct attrib_arena *arena)
{
	struct attrib_loaded loaded = {0};
	int err = state->ops->load(state, entity, 1, arena, &loaded);

	CHECK(err == 0, "load returned %d", err);
	CHECK(loaded.entity.kind == entity->kind && attrib_id_eq(&loaded.entity.id, &entity->id),
		"loaded another entity");
	return loaded;
}

struct attrib_id id_of_number(uint64_t number)
{
	struct attrib_id id = {.b = {0xa7}};

	for (int i = 0; i < 8; i++)
		id.b[15 - i] = (uint8_t)(number >> (8 * i));
	return id;
}
