/*
 * What state.h says, sentence by sentence, over every backend.
 */
#include <stdlib.h>
#include <string.h>

#include "attrib/time.h"
#include "backend.h"

#define DAY    ATTRIB_US_PER_DAY
#define SECOND ATTRIB_US_PER_S

static struct attrib_fact touch(uint64_t visitor, uint64_t id, int64_t at)
{
	return (struct attrib_fact){
		.entity = {ATTRIB_ENTITY_VISITOR, id_of_number(visitor)},
		.type = ATTRIB_FACT_TOUCH,
		.sub = 1,
		.cap = ATTRIB_CAP_TOUCH,
		.id = id_of_number(id),
		.at = at,
		.received_at = at + 5,
		.content_hash = 77,
		.body = ATTRIB_STR("body"),
		.claimer = {id_of_number(500), 1},
	};
}

static struct attrib_fact seen(uint64_t id, int64_t received_at, uint64_t number)
{
	return (struct attrib_fact){
		.entity = {ATTRIB_ENTITY_ID, id_of_number(id)},
		.type = ATTRIB_FACT_SEEN,
		.received_at = received_at,
		.claimer = {id_of_number(500), number},
	};
}

static struct attrib_fact observation(uint64_t order, uint64_t id, int64_t at)
{
	struct attrib_fact fact = touch(0, id, at);

	fact.entity = (struct attrib_entity){ATTRIB_ENTITY_ORDER, id_of_number(order)};
	fact.type = ATTRIB_FACT_ORDER;
	fact.cap = ATTRIB_CAP_ORDER;
	fact.trust = 1;
	return fact;
}

static bool is(const struct attrib_added *r, bool added, bool changed, bool mine, bool refused)
{
	return r->added == added && r->changed == changed && r->mine == mine &&
	       r->refused == refused;
}

static void test_a_fact_comes_back_whole(void **unused)
{
	struct attrib_state *state = backend_open();
	struct attrib_fact fact = touch(1, 2, 3);
	struct attrib_added r;
	struct attrib_loaded loaded;
	struct attrib_arena arena;

	(void)unused;
	attrib_arena_init(&arena, 4096);
	fact.sub = 4;
	fact.trust = 1;
	fact.body = ATTRIB_STR("with\0zero");
	r = backend_add(state, &fact);
	CHECK(is(&r, true, false, true, false), "first add");
	loaded = backend_load(state, &fact.entity, &arena);
	CHECK(loaded.count == 1, "%zu facts", loaded.count);
	CHECK(!memcmp(&loaded.facts[0].entity, &fact.entity, sizeof fact.entity), "entity");
	CHECK(loaded.facts[0].type == fact.type && loaded.facts[0].sub == 4, "name");
	CHECK(loaded.facts[0].trust == 1 && loaded.facts[0].cap == fact.cap, "trust, cap");
	CHECK(attrib_id_eq(&loaded.facts[0].id, &fact.id), "id");
	CHECK(loaded.facts[0].at == 3 && loaded.facts[0].received_at == 8, "instants");
	CHECK(loaded.facts[0].content_hash == 77, "content_hash");
	CHECK(attrib_str_eq(loaded.facts[0].body, fact.body), "body");
	CHECK(attrib_id_eq(&loaded.facts[0].claimer.lane, &fact.claimer.lane), "lane");
	CHECK(loaded.facts[0].claimer.number == 1, "number");
	attrib_arena_done(&arena);
	state->ops->free(state);
}

static void test_an_unknown_entity_is_empty(void **unused)
{
	struct attrib_state *state = backend_open();
	struct attrib_fact fact = touch(1, 2, 3);
	struct attrib_entity others[] = {
		{ATTRIB_ENTITY_CUSTOMER, id_of_number(1)},
		{ATTRIB_ENTITY_VISITOR, id_of_number(2)},
		{ATTRIB_ENTITY_ID, id_of_number(1)},
		{ATTRIB_ENTITY_VISITOR, id_of_number(1)},
	};
	struct attrib_loaded loaded[4];
	struct attrib_arena arena;

	(void)unused;
	attrib_arena_init(&arena, 4096);
	backend_add(state, &fact);
	CHECK(state->ops->load(state, others, 4, &arena, loaded) == 0, "load");
	for (size_t i = 0; i < 3; i++)
		CHECK(loaded[i].count == 0, "entity %zu has facts", i);
	CHECK(loaded[3].count == 1, "the known one has %zu", loaded[3].count);
	others[0].kind = (enum attrib_entity_kind)0;
	others[1].kind = (enum attrib_entity_kind)5;
	for (size_t i = 0; i < 2; i++)
		CHECK(state->ops->load(state, &others[i], 1, &arena, loaded) == ATTRIB_E_INVALID,
			"kind %zu", i);
	attrib_arena_done(&arena);
	state->ops->free(state);
}

static void test_a_repeat_changes_nothing(void **unused)
{
	struct attrib_state *state = backend_open();
	struct attrib_fact fact = touch(1, 2, 3), other = fact;
	struct attrib_added r[4];
	struct attrib_fact group[4];
	uint64_t ticket;

	(void)unused;
	other.claimer.number = 2;
	group[0] = group[1] = group[2] = fact;
	group[3] = other;
	CHECK(state->ops->add(state, group, 4, r, &ticket) == 0, "add");
	CHECK(is(&r[0], true, false, true, false), "first");
	CHECK(is(&r[1], false, false, true, false), "repeat in the group");
	CHECK(is(&r[3], false, false, false, false), "repeat by another record");
	r[0] = backend_add(state, &fact);
	CHECK(is(&r[0], false, false, true, false), "repeat later");
	other = fact;
	other.claimer.lane = id_of_number(501);
	r[0] = backend_add(state, &other);
	CHECK(is(&r[0], false, false, false, false), "repeat from another lane");
	r[0] = backend_add(state, &fact);
	CHECK(is(&r[0], false, false, true, false), "the first claimer stays");
	state->ops->free(state);
}

static void test_nobody_is_never_the_claimer(void **unused)
{
	struct attrib_state *state = backend_open();
	struct attrib_fact fact = touch(1, 2, 3), id = seen(1, 2, 3);
	struct attrib_added r;

	(void)unused;
	memset(&fact.claimer.lane, 0, sizeof fact.claimer.lane);
	id.claimer.lane = fact.claimer.lane;
	r = backend_add(state, &fact);
	CHECK(r.added, "fact");
	r = backend_add(state, &fact);
	CHECK(!r.mine, "a fact's claimer is nobody");
	r = backend_add(state, &id);
	CHECK(r.added, "id");
	r = backend_add(state, &id);
	CHECK(!r.mine, "an id's claimer is nobody");
	state->ops->free(state);
}

/* One copy after another of one fact: what the answer says and what is to be seen then. */
static void test_copies_merge(void **unused)
{
	static const struct {
		uint8_t trust;
		int64_t at, received_at;
		uint64_t hash;
		bool changed;
		int64_t seen_at, seen_received_at;
		uint64_t seen_hash;
	} steps[] = {
		{0, 100, 50, 7, false, 100, 50, 7}, /* the first: added */
		{0, 100, 60, 7, false, 100, 50, 7}, /* received later: nothing */
		{0, 100, 40, 7, true, 100, 40, 7},  /* received earlier */
		{0, 110, 45, 9, false, 100, 40, 7}, /* later */
		{0, 110, 30, 9, true, 100, 30, 7},  /* later, received earlier */
		{0, 100, 99, 8, true, 100, 30, 8},  /* greater hash */
		{0, 99, 99, 1, true, 99, 30, 1},    /* earlier */
		{1, 500, 99, 2, true, 500, 30, 2},  /* the shop's own word */
		{0, 5, 99, 99, false, 500, 30, 2},  /* a stranger's never beats it */
		{1, 500, 99, 1, false, 500, 30, 2}, /* lesser hash */
		{1, 499, 20, 1, true, 499, 20, 1},
	};
	static const char letters[] = "abcdefghij"; /* bodies, by hash */
	struct attrib_state *state = backend_open();
	struct attrib_fact fact = touch(1, 2, 3);
	struct attrib_loaded loaded;
	struct attrib_arena arena;

	(void)unused;
	attrib_arena_init(&arena, 4096);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct attrib_added r;

		fact.trust = steps[i].trust;
		fact.at = steps[i].at;
		fact.received_at = steps[i].received_at;
		fact.content_hash = steps[i].hash;
		fact.body = (struct attrib_str){&letters[steps[i].hash % 10], 1};
		r = backend_add(state, &fact);
		CHECK(is(&r, i == 0, steps[i].changed, true, false), "step %zu", i);
		loaded = backend_load(state, &fact.entity, &arena);
		CHECK(loaded.count == 1, "step %zu: %zu facts", i, loaded.count);
		CHECK(loaded.facts[0].at == steps[i].seen_at, "step %zu: at", i);
		CHECK(loaded.facts[0].received_at == steps[i].seen_received_at, "step %zu", i);
		CHECK(loaded.facts[0].content_hash == steps[i].seen_hash, "step %zu: hash", i);
		CHECK(loaded.facts[0].body.p[0] == letters[steps[i].seen_hash % 10],
			"step %zu: body", i);
	}
	attrib_arena_done(&arena);
	state->ops->free(state);
}

static void test_the_name_of_a_fact(void **unused)
{
	struct attrib_state *state = backend_open();
	struct attrib_fact base = touch(1, 2, 3), fact;
	struct attrib_loaded loaded;
	struct attrib_arena arena;

	(void)unused;
	attrib_arena_init(&arena, 4096);
	backend_add(state, &base);
	fact = base, fact.sub = 2;
	CHECK(backend_add(state, &fact).added, "sub is part of the name");
	fact = base, fact.id = id_of_number(3);
	CHECK(backend_add(state, &fact).added, "id is part of the name");
	fact = base, fact.type = ATTRIB_FACT_EDGE, fact.cap = ATTRIB_CAP_EDGE;
	CHECK(backend_add(state, &fact).added, "type is part of the name");
	fact = base, fact.entity.kind = ATTRIB_ENTITY_CUSTOMER;
	CHECK(backend_add(state, &fact).added, "the entity's kind is part of the name");
	fact = base, fact.cap = ATTRIB_CAP_FILTERED;
	CHECK(!backend_add(state, &fact).added, "cap is content");
	loaded = backend_load(state, &base.entity, &arena);
	CHECK(loaded.count == 4, "%zu facts", loaded.count);
	attrib_arena_done(&arena);
	state->ops->free(state);
}

static void test_what_leads_on_is_told(void **unused)
{
	struct attrib_state *state = backend_open();
	struct attrib_fact fact = touch(1, 2, 3), edge = fact, other = fact;

	(void)unused;
	CHECK(backend_add(state, &fact).links == 0, "nothing leads on from a touch");
	edge.type = other.type = ATTRIB_FACT_EDGE;
	edge.cap = other.cap = ATTRIB_CAP_EDGE;
	edge.sub = 4;
	CHECK(backend_add(state, &edge).links == 1u << 4, "an edge does");
	CHECK(backend_add(state, &fact).links == 1u << 4, "whatever is added again");
	other.sub = 200;
	CHECK(backend_add(state, &other).links == (1u << 4 | 1u << 7), "high kinds share a bit");
	fact.entity.id = id_of_number(77);
	CHECK(backend_add(state, &fact).links == 0, "every entity has its own");
	fact.entity.kind = ATTRIB_ENTITY_ORDER;
	fact.type = ATTRIB_FACT_ORDER;
	fact.cap = ATTRIB_CAP_ORDER;
	CHECK(backend_add(state, &fact).links == 1, "an observation has the first bit");
	state->ops->free(state);
}

static void test_load_order(void **unused)
{
	/* type, at, id, sub in the order wanted; added from the back */
	static const struct {
		enum attrib_fact_type type;
		int64_t at;
		uint64_t id;
		uint8_t sub;
	} wanted[] = {
		{ATTRIB_FACT_TOUCH, -5, 300, 1},
		{ATTRIB_FACT_TOUCH, 10, 1, 1},
		{ATTRIB_FACT_TOUCH, 10, 1, 2},
		{ATTRIB_FACT_TOUCH, 10, 2, 1},
		{ATTRIB_FACT_TOUCH, 10, 256, 0},
		{ATTRIB_FACT_TOUCH, 11, 0, 0},
		{ATTRIB_FACT_EDGE, 1, 1, 1},
	};
	size_t n = sizeof wanted / sizeof *wanted;
	struct attrib_state *state = backend_open();
	struct attrib_loaded loaded;
	struct attrib_arena arena;
	struct attrib_fact fact;

	(void)unused;
	attrib_arena_init(&arena, 4096);
	for (size_t i = n; i-- > 0;) {
		fact = touch(1, wanted[i].id, wanted[i].at);
		fact.type = wanted[i].type;
		fact.sub = wanted[i].sub;
		backend_add(state, &fact);
	}
	loaded = backend_load(state, &fact.entity, &arena);
	CHECK(loaded.count == n, "%zu facts", loaded.count);
	for (size_t i = 0; i < n; i++) {
		struct attrib_id id = id_of_number(wanted[i].id);

		CHECK(loaded.facts[i].type == wanted[i].type &&
				loaded.facts[i].at == wanted[i].at &&
				attrib_id_eq(&loaded.facts[i].id, &id) &&
				loaded.facts[i].sub == wanted[i].sub,
			"place %zu", i);
	}
	attrib_arena_done(&arena);
	state->ops->free(state);
}

/* Adds the instants [0, total), every step-th first, so that the order is neither up nor down. */
static void add_many(struct attrib_state *state, const struct attrib_fact *like, int64_t total)
{
	for (int64_t i = 0; i < total; i++) {
		struct attrib_fact fact = *like;

		fact.at = i * 7 % total; /* total is no multiple of 7 */
		fact.id = id_of_number((uint64_t)fact.at);
		backend_add(state, &fact);
	}
}

static void test_caps_keep_the_newest_and_the_first(void **unused)
{
	static const struct {
		enum attrib_cap cap;
		size_t newest;
		bool first;
	} caps[] = {
		{ATTRIB_CAP_TOUCH, 256, true},
		{ATTRIB_CAP_FILTERED, 16, false},
		{ATTRIB_CAP_EDGE, 256, true},
		{ATTRIB_CAP_ORDER, 64, true},
	};
	const int64_t total = 600;
	struct attrib_arena arena;

	(void)unused;
	attrib_arena_init(&arena, 65536);
	for (size_t c = 0; c < sizeof caps / sizeof *caps; c++) {
		struct attrib_state *state = backend_open();
		struct attrib_fact like = touch(1, 1, 1);
		struct attrib_loaded loaded;
		size_t first = caps[c].first;

		like.cap = (uint8_t)caps[c].cap;
		add_many(state, &like, total);
		loaded = backend_load(state, &like.entity, &arena);
		CHECK(loaded.count == caps[c].newest + first, "cap %zu keeps %zu", c, loaded.count);
		CHECK(!first || loaded.facts[0].at == 0, "cap %zu lost the first", c);
		for (size_t i = 0; i < caps[c].newest; i++)
			CHECK(loaded.facts[first + i].at ==
					total - (int64_t)caps[c].newest + (int64_t)i,
				"cap %zu, newest %zu", c, i);
		state->ops->free(state);
	}
	attrib_arena_done(&arena);
}

static void test_caps_answer(void **unused)
{
	struct attrib_state *state = backend_open();
	struct attrib_fact fact = touch(1, 1, 1);
	struct attrib_added r;
	struct attrib_state_stats stats;

	(void)unused;
	fact.cap = ATTRIB_CAP_FILTERED;
	for (uint64_t i = 0; i < 16; i++) {
		fact.id = id_of_number(100 + i);
		fact.at = 100 + (int64_t)i;
		r = backend_add(state, &fact);
		CHECK(is(&r, true, false, true, false), "fact %llu", (unsigned long long)i);
	}
	fact.id = id_of_number(50);
	fact.at = 50;
	r = backend_add(state, &fact);
	CHECK(is(&r, false, false, true, true), "older than all: kept out, but claimed");
	CHECK(backend_add(state, &fact).mine, "by this record");
	fact.claimer.number = 2;
	CHECK(!backend_add(state, &fact).mine, "and by no other");
	fact.claimer.number = 1;
	fact.id = id_of_number(200);
	fact.at = 200;
	r = backend_add(state, &fact);
	CHECK(is(&r, true, true, true, false), "newer: another goes");
	fact.id = id_of_number(100);
	fact.at = 100;
	r = backend_add(state, &fact);
	CHECK(is(&r, false, false, true, true), "the one that went stays away, and its claimer");
	fact.cap = ATTRIB_CAP_TOUCH;
	r = backend_add(state, &fact);
	CHECK(is(&r, true, false, true, false), "caps are counted apart");
	state->ops->stats(state, &stats);
	CHECK(stats.facts == 17, "%llu facts", (unsigned long long)stats.facts);
	CHECK(stats.refused == 4, "%llu refused", (unsigned long long)stats.refused);
	state->ops->free(state);
}

/* Whatever a cap drops: a repeat of it is nobody's new touch, until its id would have expired. */
static void test_dropped_touches_leave_their_claim(void **unused)
{
	struct attrib_state *state = backend_open();
	struct attrib_fact fact = touch(1, 1, 1);
	const uint64_t n = 300;

	(void)unused;
	for (int round = 0; round < 3; round++) {
		for (uint64_t i = 0; i < n; i++) {
			fact.id = id_of_number(1000 + i);
			fact.at = fact.received_at = (int64_t)(i * 7 % n) * SECOND;
			fact.claimer.number = round < 2 ? 1 + i : 5000 + i;
			CHECK(backend_add(state, &fact).mine == (round < 2), "round %d, %llu",
				round, (unsigned long long)i);
		}
	}
	fact.entity.id = id_of_number(2);
	CHECK(backend_add(state, &fact).mine, "another visitor's is another touch");
	CHECK(state->ops->forget(state, (int64_t)n * SECOND, ATTRIB_NEVER) == 0, "forget");
	fact.entity.id = id_of_number(1);
	fact.id = id_of_number(1000 + 43); /* 43 * 7 % 300 = 1: the oldest but the first */
	fact.at = fact.received_at = SECOND;
	CHECK(backend_add(state, &fact).mine, "it expires like an id");
	state->ops->free(state);
}

static void test_ids_are_claimed_once(void **unused)
{
	struct attrib_state *state = backend_open();
	struct attrib_fact first = seen(1, 100 * SECOND, 1), later = seen(1, 200 * SECOND, 2),
			   earlier = seen(1, 51 * SECOND - 1, 3);
	struct attrib_added r;
	struct attrib_loaded loaded;
	struct attrib_arena arena;

	(void)unused;
	attrib_arena_init(&arena, 4096);
	r = backend_add(state, &first);
	CHECK(is(&r, true, false, true, false), "first");
	r = backend_add(state, &later);
	CHECK(is(&r, false, false, false, false), "another record");
	r = backend_add(state, &earlier);
	CHECK(is(&r, false, true, false, false), "received earlier");
	r = backend_add(state, &earlier);
	CHECK(is(&r, false, false, false, false), "and once more");
	r = backend_add(state, &first);
	CHECK(is(&r, false, false, true, false), "the claimer again");
	loaded = backend_load(state, &first.entity, &arena);
	CHECK(loaded.count == 1 && loaded.facts[0].type == ATTRIB_FACT_SEEN, "loads as one fact");
	CHECK(loaded.facts[0].received_at == 50 * SECOND, "the least, in whole seconds");
	CHECK(attrib_id_eq(&loaded.facts[0].claimer.lane, &first.claimer.lane) &&
			loaded.facts[0].claimer.number == 1,
		"the first claimer");
	attrib_arena_done(&arena);
	state->ops->free(state);
}

static void test_numbers_of_claimers_are_long(void **unused)
{
	const uint64_t greatest = ((uint64_t)1 << 48) - 1;
	struct attrib_state *state = backend_open();
	struct attrib_fact id = seen(1, 100, greatest), fact = touch(1, 2, 3);
	struct attrib_added r;
	uint64_t ticket;

	(void)unused;
	fact.claimer.number = greatest;
	backend_add(state, &id);
	backend_add(state, &fact);
	CHECK(backend_add(state, &id).mine && backend_add(state, &fact).mine, "greatest");
	id.claimer.number = fact.claimer.number = greatest - 1;
	CHECK(!backend_add(state, &id).mine && !backend_add(state, &fact).mine, "one less");
	fact.claimer.number = greatest + 1;
	CHECK(state->ops->add(state, &fact, 1, &r, &ticket) == ATTRIB_E_OVERFLOW, "one more");
	state->ops->free(state);
}

static void test_many_lanes(void **unused)
{
	struct attrib_state *state = backend_open();

	(void)unused;
	for (uint64_t i = 0; i < 2000; i++) {
		struct attrib_fact id = seen(i, 5, 9);

		id.claimer.lane = id_of_number(10000 + i);
		backend_add(state, &id);
	}
	for (uint64_t i = 0; i < 2000; i++) {
		struct attrib_fact id = seen(i, 5, 9);

		id.claimer.lane = id_of_number(10000 + i);
		CHECK(backend_add(state, &id).mine, "lane %llu", (unsigned long long)i);
		id.claimer.lane = id_of_number(10001 + i);
		CHECK(!backend_add(state, &id).mine, "lane %llu", (unsigned long long)i);
	}
	state->ops->free(state);
}

static void test_facts_that_fit_nowhere(void **unused)
{
	struct attrib_state *state = backend_open();
	struct attrib_fact bad[6];
	struct attrib_added r;
	struct attrib_state_stats stats;
	uint64_t ticket;

	(void)unused;
	for (size_t i = 0; i < 6; i++)
		bad[i] = touch(1, 2, 3);
	bad[0].cap = ATTRIB_CAP_COUNT;
	bad[1].type = ATTRIB_FACT_SEEN;
	bad[2].entity.kind = ATTRIB_ENTITY_ID;
	bad[3].entity.kind = (enum attrib_entity_kind)0;
	bad[4].entity.kind = (enum attrib_entity_kind)5;
	bad[5].type = (enum attrib_fact_type)9;
	for (size_t i = 0; i < 6; i++)
		CHECK(state->ops->add(state, &bad[i], 1, &r, &ticket) == ATTRIB_E_INVALID,
			"fact %zu is taken", i);
	state->ops->stats(state, &stats);
	CHECK(stats.facts == 0, "some of it stayed");
	state->ops->free(state);
}

static void test_tickets_grow(void **unused)
{
	struct attrib_state *state = backend->open(&(struct backend_options){.first_ticket = 1000});
	struct attrib_fact fact = touch(1, 2, 3);
	struct attrib_added r;
	uint64_t ticket, last = 1000;

	(void)unused;
	for (int i = 0; i < 5; i++) {
		CHECK(state->ops->add(state, &fact, 1, &r, &ticket) == 0, "add");
		CHECK(ticket > last, "%llu after %llu", (unsigned long long)ticket,
			(unsigned long long)last);
		last = ticket;
	}
	CHECK(state->ops->add(state, NULL, 0, NULL, &ticket) == 0, "an empty group");
	CHECK(ticket > last, "an empty group takes a ticket, too");
	state->ops->free(state);
}

static void test_large_bodies(void **unused)
{
	const size_t large = 300000;
	struct attrib_state *state = backend_open();
	struct attrib_fact fact = observation(1, 1, 1);
	struct attrib_loaded loaded;
	struct attrib_arena arena;
	char *bytes = malloc(large);

	(void)unused;
	CHECK(bytes != NULL, "memory");
	attrib_arena_init(&arena, 4096);
	memset(bytes, 'x', large);
	backend_add(state, &fact);
	fact.id = id_of_number(2);
	fact.body = (struct attrib_str){bytes, large};
	backend_add(state, &fact);
	fact.id = id_of_number(3);
	fact.body = ATTRIB_STR_NONE;
	backend_add(state, &fact);
	loaded = backend_load(state, &fact.entity, &arena);
	CHECK(loaded.count == 3, "%zu facts", loaded.count);
	CHECK(loaded.facts[1].body.n == large && !memcmp(loaded.facts[1].body.p, bytes, large),
		"the large one");
	CHECK(loaded.facts[2].body.n == 0, "the empty one");
	free(bytes);
	attrib_arena_done(&arena);
	state->ops->free(state);
}

#define PART 100

/* Adds a part of many at once: a backend may be far away. */
static void add_part(struct attrib_state *state, const struct attrib_fact *facts, size_t n,
	struct attrib_added *results)
{
	uint64_t ticket;

	CHECK(state->ops->add(state, facts, n, results, &ticket) == 0, "add");
}

static void test_many_entities(void **unused)
{
	const uint64_t n = 20000;
	struct attrib_state *state = backend_open();
	struct attrib_fact touches[PART], ids[PART];
	struct attrib_added added[PART];
	struct attrib_entity visitors[PART];
	struct attrib_loaded loaded[PART];
	struct attrib_state_stats stats;
	struct attrib_arena arena;

	(void)unused;
	attrib_arena_init(&arena, 4096);
	for (int round = 0; round < 2; round++) {
		for (uint64_t i = 0; i < n; i++) {
			touches[i % PART] = touch(i, i, (int64_t)i);
			ids[i % PART] = seen(i, 1, i);
			visitors[i % PART] = touches[i % PART].entity;
			if (i % PART < PART - 1)
				continue;
			if (round == 0)
				add_part(state, touches, PART, added);
			add_part(state, ids, PART, added);
			CHECK(state->ops->load(state, visitors, PART, &arena, loaded) == 0, "load");
			for (uint64_t k = 0; k < PART; k++) {
				CHECK(loaded[k].count == 1 &&
						loaded[k].facts[0].at == touches[k].at,
					"visitor %llu", (unsigned long long)(i - PART + 1 + k));
				CHECK(added[k].mine && added[k].added == (round == 0), "id %llu",
					(unsigned long long)(i - PART + 1 + k));
			}
			attrib_arena_reset(&arena);
		}
	}
	state->ops->stats(state, &stats);
	CHECK(stats.entities[ATTRIB_ENTITY_VISITOR] == n, "visitors");
	CHECK(stats.entities[ATTRIB_ENTITY_ID] == n, "ids");
	CHECK(stats.entities[ATTRIB_ENTITY_ORDER] == 0, "orders");
	CHECK(stats.facts == n, "facts");
	CHECK(stats.bytes > n * backend->pair_bytes[0] && stats.bytes < n * backend->pair_bytes[1],
		"%llu bytes", (unsigned long long)stats.bytes);
	attrib_arena_done(&arena);
	state->ops->free(state);
}

static void add_orders(struct attrib_state *state, uint64_t from, uint64_t n)
{
	struct attrib_fact facts[PART];
	struct attrib_added added[PART];
	size_t k = 0;

	for (uint64_t i = 0; i < n; i++) {
		facts[k++] = observation(from + i, 1, 1);
		if (k == PART || i == n - 1) {
			add_part(state, facts, k, added);
			k = 0;
		}
	}
}

/* Walks with room for max while between any two calls grow more orders come. */
static void walk(struct attrib_state *state, uint64_t there, size_t max, uint64_t grow)
{
	struct attrib_entity out[300];
	uint8_t *met = calloc(there, 1);
	uint64_t cursor = 0, more = there;
	size_t n;

	CHECK(met != NULL, "memory");
	do {
		CHECK(state->ops->orders(state, &cursor, out, max, &n) == 0, "orders");
		CHECK(n <= max, "%zu of %zu", n, max);
		for (size_t i = 0; i < n; i++) {
			uint64_t number = 0;

			CHECK(out[i].kind == ATTRIB_ENTITY_ORDER, "kind");
			for (int b = 8; b < 16; b++)
				number = number << 8 | out[i].id.b[b];
			if (number < there)
				CHECK(met[number]++ == 0, "met %llu twice",
					(unsigned long long)number);
		}
		if (cursor && more < there * 6) {
			add_orders(state, more, grow);
			more += grow;
		}
	} while (cursor);
	for (uint64_t i = 0; i < there; i++)
		CHECK(met[i], "missed %llu of %llu, room %zu", (unsigned long long)i,
			(unsigned long long)there, max);
	free(met);
}

static void test_orders_are_walked_while_more_come(void **unused)
{
	static const struct {
		uint64_t there;
		size_t max;
		uint64_t grow;
	} cases[] = {
		{1, 1, 0},
		{40, 300, 0},
		{1000, 300, 0},
		{1000, 1, 3},
		{1000, 7, 50},
		{1000, 64, 500},
		{3000, 100, 900},
		{3000, 300, 300},
	};

	(void)unused;
	for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
		struct attrib_state *state = backend_open();
		struct attrib_fact visitor = touch(1, 1, 1);

		backend_add(state, &visitor);
		add_orders(state, 0, cases[c].there);
		walk(state, cases[c].there, cases[c].max, cases[c].grow);
		state->ops->free(state);
	}
}

static void test_no_orders_to_walk(void **unused)
{
	struct attrib_state *state = backend_open();
	struct attrib_entity out[2];
	uint64_t cursor = 0;
	size_t n = 9;

	(void)unused;
	CHECK(state->ops->orders(state, &cursor, out, 2, &n) == 0, "orders");
	CHECK(n == 0 && cursor == 0, "%zu", n);
	state->ops->free(state);
}

static void test_forgetting_goes_by_received_at(void **unused)
{
	struct attrib_state *state = backend_open();
	struct attrib_fact old = touch(1, 1, 500 * DAY), mixed = touch(2, 1, 1),
			   id = seen(1, 99 * SECOND, 1);
	struct attrib_fact young = observation(3, 1, 1);
	struct attrib_state_stats stats;
	struct attrib_arena arena;

	(void)unused;
	attrib_arena_init(&arena, 4096);
	old.received_at = 10 * DAY - 1;
	backend_add(state, &old);
	mixed.received_at = 1 * DAY;
	backend_add(state, &mixed);
	mixed.id = id_of_number(2);
	mixed.received_at = 10 * DAY;
	backend_add(state, &mixed);
	young.received_at = 11 * DAY;
	backend_add(state, &young);
	backend_add(state, &id);
	id.entity.id = id_of_number(2);
	id.received_at = 100 * SECOND;
	backend_add(state, &id);

	CHECK(state->ops->forget(state, ATTRIB_NEVER, ATTRIB_NEVER) == 0, "forget nothing");
	CHECK(state->ops->forget(state, 99 * SECOND, 10 * DAY - 1) == 0, "forget nothing yet");
	state->ops->stats(state, &stats);
	CHECK(stats.forgotten == 0 && stats.facts == 4, "the watermark itself stays");
	CHECK(state->ops->forget(state, 100 * SECOND, 10 * DAY) == 0, "forget");
	state->ops->stats(state, &stats);
	CHECK(stats.forgotten == 2, "%llu forgotten", (unsigned long long)stats.forgotten);
	CHECK(stats.facts == 3, "%llu facts", (unsigned long long)stats.facts);
	CHECK(stats.entities[ATTRIB_ENTITY_ID] == 1, "ids");
	CHECK(backend_load(state, &old.entity, &arena).count == 0, "old");
	CHECK(backend_load(state, &mixed.entity, &arena).count == 2, "one young fact keeps all");
	CHECK(backend_load(state, &young.entity, &arena).count == 1, "young");
	CHECK(backend_add(state, &old).added, "what was forgotten is new again");
	attrib_arena_done(&arena);
	state->ops->free(state);
}

/* Who is who is told once and for all: it stays, and holds nothing else back. */
static void test_lasting_facts_stay(void **unused)
{
	struct attrib_state *state = backend_open();
	struct attrib_fact lasting = touch(1, 1, 1), passing = touch(1, 2, 1);
	struct attrib_state_stats stats;
	struct attrib_loaded loaded;
	struct attrib_arena arena;

	(void)unused;
	attrib_arena_init(&arena, 4096);
	lasting.type = ATTRIB_FACT_EDGE;
	lasting.cap = ATTRIB_CAP_IDENTITY;
	lasting.received_at = 30 * DAY;
	passing.received_at = 5 * DAY;
	backend_add(state, &passing);
	backend_add(state, &lasting);
	CHECK(state->ops->forget(state, ATTRIB_NEVER, 5 * DAY) == 0, "forget nothing yet");
	CHECK(backend_load(state, &lasting.entity, &arena).count == 2, "both");
	CHECK(state->ops->forget(state, ATTRIB_NEVER, 10 * DAY) == 0, "forget");
	loaded = backend_load(state, &lasting.entity, &arena);
	CHECK(loaded.count == 1 && loaded.facts[0].type == ATTRIB_FACT_EDGE, "the lasting one");
	CHECK(attrib_str_eq(loaded.facts[0].body, lasting.body), "is whole");
	CHECK(state->ops->forget(state, ATTRIB_NEVER, 50 * DAY) == 0, "forget");
	CHECK(backend_load(state, &lasting.entity, &arena).count == 1, "whatever the watermark");
	state->ops->stats(state, &stats);
	CHECK(stats.facts == 1 && stats.forgotten == 0, "%llu facts",
		(unsigned long long)stats.facts);
	CHECK(backend_add(state, &passing).added, "what was forgotten is new again");
	CHECK(backend_load(state, &lasting.entity, &arena).count == 2, "beside it");
	attrib_arena_done(&arena);
	state->ops->free(state);
}

/* An earlier copy lowers received_at: the fact is as old as its earliest copy then. */
static void test_forgetting_sees_merged_received_at(void **unused)
{
	struct attrib_state *state = backend_open();
	struct attrib_fact fact = touch(1, 1, 1);
	struct attrib_arena arena;

	(void)unused;
	attrib_arena_init(&arena, 4096);
	fact.received_at = 20 * DAY;
	backend_add(state, &fact);
	fact.received_at = 5 * DAY;
	backend_add(state, &fact);
	CHECK(state->ops->forget(state, ATTRIB_NEVER, 10 * DAY) == 0, "forget");
	CHECK(backend_load(state, &fact.entity, &arena).count == 0, "still there");
	attrib_arena_done(&arena);
	state->ops->free(state);
}

static uint64_t count_orders(struct attrib_state *state)
{
	struct attrib_entity out[300];
	uint64_t cursor = 0, total = 0;
	size_t n;

	do {
		CHECK(state->ops->orders(state, &cursor, out, 300, &n) == 0, "orders");
		total += n;
	} while (cursor);
	return total;
}

static void test_forgetting_many(void **unused)
{
	struct attrib_state *state = backend_open();
	struct attrib_state_stats empty, stats;
	const uint64_t n = 5000;

	(void)unused;
	state->ops->stats(state, &empty);
	for (uint64_t i = 0; i < n; i++) {
		struct attrib_fact fact = observation(i, 1, 1), id = seen(i, 0, 7);

		fact.received_at = id.received_at = i % 3 ? 20 * DAY : DAY;
		backend_add(state, &fact);
		backend_add(state, &id);
	}
	CHECK(state->ops->forget(state, 2 * DAY, 2 * DAY) == 0, "forget");
	state->ops->stats(state, &stats);
	CHECK(stats.forgotten == 2 * ((n + 2) / 3), "%llu", (unsigned long long)stats.forgotten);
	for (uint64_t i = 0; i < n; i++) {
		struct attrib_fact id = seen(i, 20 * DAY, 7);

		CHECK(backend_add(state, &id).added == (i % 3 == 0), "id %llu",
			(unsigned long long)i);
	}
	CHECK(count_orders(state) == n - (n + 2) / 3, "the walk meets the rest");
	CHECK(state->ops->forget(state, 21 * DAY, 21 * DAY) == 0, "forget all");
	state->ops->stats(state, &stats);
	CHECK(stats.facts == 0 && count_orders(state) == 0, "nothing is left");
	CHECK(stats.bytes < empty.bytes + backend->left_bytes * n, "%llu bytes are left",
		(unsigned long long)stats.bytes);
	state->ops->free(state);
}

static void test_a_full_memory_refuses_strangers(void **unused)
{
	struct attrib_state *state = backend->open(&(struct backend_options){.max_bytes = 1 << 20});
	struct attrib_state_stats stats;
	struct attrib_fact known = touch(0, 1, 1), fact, id;
	struct attrib_added r = {.added = true};
	uint64_t n = 0;

	(void)unused;
	for (; n < 100000 && !r.refused; n++) {
		fact = touch(n, 1, 1);
		r = backend_add(state, &fact);
	}
	CHECK(r.refused && is(&r, false, false, true, true), "refused at last");
	state->ops->stats(state, &stats);
	CHECK(stats.refused_full == 1 && stats.entities[ATTRIB_ENTITY_VISITOR] == n - 1, "counted");
	CHECK(stats.bytes > 1 << 20 && stats.bytes < 2 << 20, "%llu bytes",
		(unsigned long long)stats.bytes);
	id = seen(1, 1, 1);
	CHECK(backend_add(state, &id).refused, "a stranger's id");
	known.id = id_of_number(2);
	CHECK(backend_add(state, &known).added, "what is known grows on");
	fact.trust = 1;
	CHECK(backend_add(state, &fact).added, "the shop's word is taken");
	id.trust = 1;
	CHECK(backend_add(state, &id).added, "the shop's id is taken");
	fact.trust = 0;
	CHECK(!backend_add(state, &fact).refused, "a repeat is no refusal");
	state->ops->free(state);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_fact_comes_back_whole),
		cmocka_unit_test(test_an_unknown_entity_is_empty),
		cmocka_unit_test(test_a_repeat_changes_nothing),
		cmocka_unit_test(test_nobody_is_never_the_claimer),
		cmocka_unit_test(test_copies_merge),
		cmocka_unit_test(test_the_name_of_a_fact),
		cmocka_unit_test(test_what_leads_on_is_told),
		cmocka_unit_test(test_load_order),
		cmocka_unit_test(test_caps_keep_the_newest_and_the_first),
		cmocka_unit_test(test_caps_answer),
		cmocka_unit_test(test_dropped_touches_leave_their_claim),
		cmocka_unit_test(test_ids_are_claimed_once),
		cmocka_unit_test(test_numbers_of_claimers_are_long),
		cmocka_unit_test(test_many_lanes),
		cmocka_unit_test(test_facts_that_fit_nowhere),
		cmocka_unit_test(test_tickets_grow),
		cmocka_unit_test(test_large_bodies),
		cmocka_unit_test(test_many_entities),
		cmocka_unit_test(test_orders_are_walked_while_more_come),
		cmocka_unit_test(test_no_orders_to_walk),
		cmocka_unit_test(test_forgetting_goes_by_received_at),
		cmocka_unit_test(test_forgetting_sees_merged_received_at),
		cmocka_unit_test(test_lasting_facts_stay),
		cmocka_unit_test(test_forgetting_many),
		cmocka_unit_test(test_a_full_memory_refuses_strangers),
	};
	int failed = 0;

	for (size_t i = 0; i < backend_count; i++) {
		backend = &backends[i];
		failed |= cmocka_run_group_tests_name(backend->name, tests, NULL, NULL);
	}
	return failed;
}
