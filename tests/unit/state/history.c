/* See history.h. */
#include "history.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GROUP 37

uint64_t random_next(uint64_t *rng)
{
	uint64_t z = *rng += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint64_t random_below(uint64_t *rng, uint64_t n)
{
	return random_next(rng) % n;
}

/* -- histories ------------------------------------------------------------------------------------ */

static struct attrib_id id_of(uint64_t domain, uint64_t number)
{
	uint64_t state = domain << 32 ^ number, halves[2];
	struct attrib_id id;

	halves[0] = random_next(&state);
	halves[1] = random_next(&state);
	memcpy(&id, halves, sizeof id);
	return id;
}

static const char *const bodies[] = {"", "a", "bb", "a longer body than the others have"};

/* One in four is about one of a few entities, whose caps overflow. */
static uint64_t some_entity(size_t n, uint64_t *rng)
{
	return random_below(rng, 4) ? 3 + random_below(rng, n / 2 + 1) : random_below(rng, 3);
}

static void fill_type(struct attrib_fact *fact, uint64_t *rng)
{
	uint64_t what = random_below(rng, 10);

	if (what < 5) {
		fact->entity.kind = ATTRIB_ENTITY_VISITOR;
		fact->type = ATTRIB_FACT_TOUCH;
		fact->cap = random_below(rng, 4) ? ATTRIB_CAP_TOUCH : ATTRIB_CAP_FILTERED;
	} else if (what < 6) {
		fact->entity.kind = ATTRIB_ENTITY_CUSTOMER;
		fact->type = ATTRIB_FACT_EDGE;
		fact->sub = (uint8_t)random_below(rng, 9);
		fact->cap = ATTRIB_CAP_IDENTITY;
	} else if (what < 7) {
		fact->entity.kind = ATTRIB_ENTITY_ORDER;
		fact->type = random_below(rng, 2) ? ATTRIB_FACT_ORDER : ATTRIB_FACT_EDGE;
		fact->cap = fact->type == ATTRIB_FACT_ORDER ? ATTRIB_CAP_ORDER : ATTRIB_CAP_EDGE;
	} else {
		fact->entity.kind = ATTRIB_ENTITY_ID;
		fact->type = ATTRIB_FACT_SEEN;
	}
}

static struct attrib_fact random_fact(size_t n, size_t i, uint64_t *rng)
{
	struct attrib_fact fact = {
		.trust = (uint8_t)random_below(rng, 2),
		.at = (int64_t)random_below(rng, 1000) * 1000000,
		.received_at = 1700000000000000 + (int64_t)random_below(rng, 5000) * 1000000,
		.body = attrib_str_of(bodies[random_below(rng, 4)]),
		.claimer = {id_of(5, random_below(rng, 3)), i + 1},
	};

	uint64_t entity;

	fill_type(&fact, rng);
	if (fact.entity.kind == ATTRIB_ENTITY_ID)
		fact.id = fact.entity.id = id_of(4, random_below(rng, n));
	else {
		entity = some_entity(n, rng);
		fact.entity.id = id_of(10 + fact.entity.kind, entity);
		/* one event is one visitor's touch */
		fact.id = id_of(20 + entity, random_below(rng, n / 4 + 1));
	}
	fact.content_hash = attrib_hash64(fact.body.p, fact.body.n, 7);
	return fact;
}

struct history history_make(size_t n, uint64_t seed)
{
	struct history history = {calloc(n, sizeof *history.facts), n};
	uint64_t rng = seed;

	assert_non_null(history.facts);
	for (size_t i = 0; i < n; i++)
		history.facts[i] = random_fact(n, i, &rng);
	return history;
}

void history_done(struct history *history)
{
	free(history->facts);
}

/* -- states --------------------------------------------------------------------------------------- */

static const struct attrib_memory_options options = {.hash_seed = 0x5eed};

struct attrib_state *state_open(void)
{
	struct attrib_state *state;

	assert_int_equal(attrib_state_memory_new(&options, &state), 0);
	return state;
}

void history_add(const struct history *history, struct attrib_state *state, size_t from, size_t to)
{
	struct attrib_added results[GROUP];
	uint64_t ticket;

	for (size_t part; from < to; from += part) {
		part = to - from < GROUP ? to - from : GROUP;
		assert_int_equal(
			state->ops->add(state, history->facts + from, part, results, &ticket), 0);
	}
}

static bool equal(const struct attrib_fact *a, const struct attrib_fact *b)
{
	return a->type == b->type && a->sub == b->sub && a->trust == b->trust && a->cap == b->cap &&
	       attrib_id_eq(&a->id, &b->id) && a->at == b->at && a->received_at == b->received_at &&
	       a->content_hash == b->content_hash && attrib_str_eq(a->body, b->body) &&
	       attrib_id_eq(&a->claimer.lane, &b->claimer.lane) &&
	       a->claimer.number == b->claimer.number;
}

static bool entity_differs(
	struct attrib_state *a, struct attrib_state *b, const struct attrib_entity *entity)
{
	struct attrib_loaded in_a = {0}, in_b = {0};
	struct attrib_arena arena;
	bool differs;

	attrib_arena_init(&arena, 1 << 16);
	assert_int_equal(a->ops->load(a, entity, 1, &arena, &in_a), 0);
	assert_int_equal(b->ops->load(b, entity, 1, &arena, &in_b), 0);
	differs = in_a.count != in_b.count;
	for (size_t i = 0; i < in_a.count && !differs; i++)
		differs = !equal(&in_a.facts[i], &in_b.facts[i]);
	attrib_arena_done(&arena);
	return differs;
}

static bool answer_differs(const struct attrib_added *a, const struct attrib_added *b, bool exact)
{
	return a->added != b->added || a->changed != b->changed || a->mine != b->mine ||
	       a->refused != b->refused || (exact && a->links != b->links);
}

const char *history_differs(
	const struct history *history, struct attrib_state *a, struct attrib_state *b, bool exact)
{
	struct attrib_state_stats in_a, in_b;

	a->ops->stats(a, &in_a);
	b->ops->stats(b, &in_b);
	if (memcmp(in_a.entities, in_b.entities, sizeof in_a.entities) != 0 ||
		in_a.facts != in_b.facts)
		return "the number of entities or facts";
	for (size_t i = 0; i < history->n; i++) {
		const struct attrib_fact *fact = &history->facts[i];
		struct attrib_entity left = {ATTRIB_ENTITY_ID, fact->id};

		if (entity_differs(a, b, &fact->entity))
			return "an entity";
		if (fact->type == ATTRIB_FACT_TOUCH && entity_differs(a, b, &left))
			return "what a touch has left behind";
	}
	for (size_t i = 0; i < history->n; i++) {
		struct attrib_added by_a, by_b;
		uint64_t ticket;

		assert_int_equal(a->ops->add(a, &history->facts[i], 1, &by_a, &ticket), 0);
		assert_int_equal(b->ops->add(b, &history->facts[i], 1, &by_b, &ticket), 0);
		if (answer_differs(&by_a, &by_b, exact))
			return "the answer to an add";
	}
	return NULL;
}

/* -- places --------------------------------------------------------------------------------------- */

void place_make(struct place *place)
{
	memset(place, 0, sizeof *place);
	strcpy(place->dir, "/tmp/attrib-checkpoint-XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	snprintf(place->checkpoints, sizeof place->checkpoints, "%s/checkpoint", place->dir);
}

void place_remove(struct place *place)
{
	DIR *dir = opendir(place->checkpoints);
	struct dirent *item;

	while (dir && (item = readdir(dir)) != NULL)
		(void)!unlinkat(dirfd(dir), item->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(place->checkpoints);
	assert_int_equal(rmdir(place->dir), 0);
}

static void hear(void *arg, enum attrib_checkpoint_note what, const char *text)
{
	struct place *place = arg;
	size_t n = strlen(place->told);

	snprintf(place->told + n, sizeof place->told - n, "%d %s\n", (int)what, text);
}

int place_try(struct place *place, const struct attrib_io *io, struct attrib_checkpoints **out)
{
	struct attrib_checkpoints_options how = {.dir = place->checkpoints,
		.instance = {{7}},
		.io = io,
		.note = hear,
		.note_arg = place};

	place->told[0] = '\0';
	return attrib_checkpoints_open(&how, out);
}

struct attrib_checkpoints *place_open(struct place *place, const struct attrib_io *io)
{
	struct attrib_checkpoints *checkpoints;

	assert_int_equal(place_try(place, io, &checkpoints), 0);
	return checkpoints;
}

static int put_all(struct attrib_checkpoint_file *file, struct attrib_state *state)
{
	struct attrib_dump dump = ATTRIB_DUMP_START;
	struct attrib_buf block;
	int err = 0;

	attrib_buf_init(&block);
	while (!err && !dump.done) {
		err = attrib_state_memory_dump(state, &dump, &block);
		if (!err && (block.n >= 4096 || dump.done)) {
			err = attrib_checkpoint_write(file, &block);
			attrib_buf_clear(&block);
		}
	}
	if (!err)
		err = attrib_state_memory_dump_end(state, &dump, &block);
	if (!err)
		err = attrib_checkpoint_finish(file, &block);
	attrib_buf_done(&block);
	return err;
}

int checkpoint_make(struct attrib_checkpoints *checkpoints, struct attrib_state *state,
	uint64_t applied, struct attrib_checkpoint_file **out)
{
	struct attrib_checkpoint_lane lane = {.lane = {{1, 2, 3}}, .applied = applied};
	struct attrib_checkpoint_head head = {.made_at = 1, .lanes = &lane, .lane_count = 1};
	int err = attrib_checkpoint_create(checkpoints, &head, 0, out);

	if (err)
		return err;
	err = put_all(*out, state);
	if (err)
		attrib_checkpoint_drop(*out);
	return err;
}

void checkpoint_publish(
	struct attrib_checkpoints *checkpoints, struct attrib_state *state, uint64_t applied)
{
	struct attrib_checkpoint_file *file;

	assert_int_equal(checkpoint_make(checkpoints, state, applied, &file), 0);
	assert_int_equal(attrib_checkpoint_publish(file), 0);
}

struct attrib_state *checkpoint_load(struct attrib_checkpoints *checkpoints, size_t i)
{
	struct attrib_checkpoint_load load = {.memory = options};
	struct attrib_state *state;

	assert_int_equal(attrib_checkpoints_load(checkpoints, i, &load, &state), 0);
	return state;
}
