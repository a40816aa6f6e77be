/*
 * Random facts, few ids, many collisions: whatever the order, the grouping and the repeats, the end
 * is what the model says; and each answer to an add tells the truth about what it did.
 *
 * The seed is printed; TEST_SEED=<number> runs that one again.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "model.h"

#define ENTITIES  3
#define FACTS_MAX 1600
#define LOAD_MAX  1024

static uint64_t first_seed;

static uint64_t next(uint64_t *rng)
{
	uint64_t z = *rng += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint64_t below(uint64_t *rng, uint64_t n)
{
	return next(rng) % n;
}

/* How wild a history is. */
struct shape {
	size_t facts;
	uint64_t ids, instants, contents;
	bool orders; /* observations of orders, else touches and edges */
};

static const struct attrib_entity entities[ENTITIES] = {
	{ATTRIB_ENTITY_VISITOR, {{1, 2, 3}}},
	{ATTRIB_ENTITY_CUSTOMER, {{1, 2, 3}}},
	{ATTRIB_ENTITY_ORDER, {{9}}},
};

static const char *const bodies[] = {"", "a", "bb", "a longer body than the others have"};

static void fill_type(struct attrib_fact *fact, const struct shape *shape, uint64_t *rng)
{
	if (shape->orders) {
		fact->type = ATTRIB_FACT_ORDER;
		fact->cap = ATTRIB_CAP_ORDER;
	} else if (below(rng, 4) == 0) {
		fact->type = ATTRIB_FACT_EDGE;
		fact->cap = ATTRIB_CAP_EDGE;
	} else {
		fact->type = ATTRIB_FACT_TOUCH;
		fact->cap = below(rng, 3) ? ATTRIB_CAP_TOUCH : ATTRIB_CAP_FILTERED;
	}
}

static struct attrib_fact random_fact(const struct shape *shape, uint64_t *rng)
{
	struct attrib_fact fact = {
		.entity = entities[below(rng, ENTITIES)],
		.sub = (uint8_t)below(rng, 2),
		.trust = (uint8_t)below(rng, 2),
		.id = id_of_number(below(rng, shape->ids)),
		.at = (int64_t)below(rng, shape->instants),
		.received_at = (int64_t)below(rng, 50),
		.body = attrib_str_of(bodies[below(rng, shape->contents)]),
		.claimer = {id_of_number(1 + below(rng, 3)), below(rng, 4)},
	};

	fill_type(&fact, shape, rng);
	fact.content_hash = attrib_hash64(fact.body.p, fact.body.n, 7);
	return fact;
}

static void shuffle(struct attrib_fact *facts, size_t n, uint64_t *rng)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = below(rng, i);
		struct attrib_fact fact = facts[i - 1];

		facts[i - 1] = facts[j];
		facts[j] = fact;
	}
}

static bool equal(const struct attrib_fact *a, const struct attrib_fact *b)
{
	return a->type == b->type && a->sub == b->sub && a->trust == b->trust && a->cap == b->cap &&
	       attrib_id_eq(&a->id, &b->id) && a->at == b->at && a->received_at == b->received_at &&
	       a->content_hash == b->content_hash && attrib_str_eq(a->body, b->body);
}

static void check_against_model(
	struct attrib_state *state, const struct model *model, uint64_t seed)
{
	static struct attrib_fact expected[LOAD_MAX];
	struct attrib_loaded loaded[ENTITIES];
	struct attrib_arena arena;
	int err;

	attrib_arena_init(&arena, 4096);
	err = state->ops->load(state, entities, ENTITIES, &arena, loaded);
	CHECK(err == 0, "seed %llu: load returned %d", (unsigned long long)seed, err);
	for (size_t e = 0; e < ENTITIES; e++) {
		size_t n = model_load(model, &entities[e], expected);

		CHECK(loaded[e].count == n, "seed %llu: entity %zu has %zu facts, not %zu",
			(unsigned long long)seed, e, loaded[e].count, n);
		for (size_t i = 0; i < n; i++)
			CHECK(equal(&loaded[e].facts[i], &expected[i]),
				"seed %llu: entity %zu, fact %zu differs", (unsigned long long)seed,
				e, i);
	}
	attrib_arena_done(&arena);
}

/* Adds everything in groups of random size. */
static void add_in_groups(
	struct attrib_state *state, const struct attrib_fact *facts, size_t n, uint64_t *rng)
{
	struct attrib_added results[32];
	uint64_t ticket, last = 0;

	for (size_t i = 0, part; i < n; i += part) {
		part = 1 + below(rng, 32);
		part = part < n - i ? part : n - i;
		CHECK(state->ops->add(state, facts + i, part, results, &ticket) == 0, "add failed");
		CHECK(ticket > last, "the ticket did not grow");
		last = ticket;
	}
}

static void run_order(const struct shape *shape, uint64_t seed)
{
	static struct attrib_fact facts[FACTS_MAX * 2];
	struct model model = {0};
	uint64_t rng = seed;
	size_t n = shape->facts;

	for (size_t i = 0; i < n; i++) {
		facts[i] = random_fact(shape, &rng);
		model_add(&model, &facts[i]);
	}
	for (size_t i = 0, repeats = n / 3; i < repeats; i++)
		facts[n++] = facts[below(&rng, shape->facts)];
	for (int round = 0; round < 3; round++) {
		struct attrib_state *state = backend_open();

		shuffle(facts, n, &rng);
		add_in_groups(state, facts, n, &rng);
		check_against_model(state, &model, seed);
		state->ops->free(state);
	}
	model_done(&model);
}

static const struct attrib_fact *find(
	const struct attrib_fact *facts, size_t n, const struct attrib_fact *name)
{
	for (size_t i = 0; i < n; i++) {
		if (facts[i].type == name->type && facts[i].sub == name->sub &&
			attrib_id_eq(&facts[i].id, &name->id))
			return &facts[i];
	}
	return NULL;
}

/* -- several at once ------------------------------------------------------------------------------ */

#define STATES   3
#define FIRST_ID 100000 /* of those that no touch leaves behind */

struct side {
	pthread_t thread;
	struct attrib_state *state;
	struct attrib_fact *facts; /* all of them, in an order of its own */
	struct attrib_added *added;
	size_t n;
	uint64_t rng;
	int err;
};

static void *add_side(void *arg)
{
	struct side *side = arg;
	uint64_t ticket, last = 0;

	for (size_t i = 0, part; i < side->n && !side->err; i += part) {
		part = 1 + below(&side->rng, 16);
		part = part < side->n - i ? part : side->n - i;
		side->err = side->state->ops->add(
			side->state, side->facts + i, part, side->added + i, &ticket);
		if (!side->err && ticket <= last)
			side->err = 1;
		last = ticket;
	}
	return NULL;
}

static bool same_name(const struct attrib_fact *a, const struct attrib_fact *b)
{
	return !memcmp(&a->entity, &b->entity, sizeof a->entity) && find(a, 1, b);
}

/* Each name is one side's, whoever it was, and it alone was told so; it was new once. */
static void check_one_claimer(
	const struct side *sides, const struct attrib_fact *name, uint64_t seed)
{
	size_t owners = 0, added = 0;

	for (size_t s = 0; s < STATES; s++) {
		bool mine = false;
		for (size_t i = 0; i < sides[s].n; i++)
			if (same_name(&sides[s].facts[i], name)) {
				mine |= sides[s].added[i].mine;
				added += sides[s].added[i].added;
			}
		owners += mine;
	}
	CHECK(owners == 1 && added == 1,
		"seed %llu: a fact of kind %d is %zu sides', %zu times new",
		(unsigned long long)seed, (int)name->entity.kind, owners, added);
}

/* Everybody adds everything, at the same time, under a name of his own. */
static void run_at_once(const struct shape *shape, bool overflows, uint64_t seed)
{
	struct side sides[STATES];
	struct model model = {0};
	uint64_t rng = seed;
	size_t n = shape->facts, ids = shape->facts / 2;

	for (size_t s = 0; s < STATES; s++)
		sides[s] = (struct side){.state = s ? backend->join() : backend_open(),
			.facts = calloc(n + ids, sizeof *sides[s].facts),
			.added = calloc(n + ids, sizeof *sides[s].added),
			.n = n + ids,
			.rng = seed + s};
	for (size_t i = 0; i < n; i++) {
		struct attrib_fact fact = random_fact(shape, &rng);
		model_add(&model, &fact);
		for (size_t s = 0; s < STATES; s++) {
			sides[s].facts[i] = fact;
			sides[s].facts[i].claimer =
				(struct attrib_claimer){id_of_number(900 + s), 1};
		}
	}
	for (size_t s = 0; s < STATES; s++) {
		for (size_t i = 0; i < ids; i++)
			sides[s].facts[n + i] = (struct attrib_fact){
				.entity = {ATTRIB_ENTITY_ID, id_of_number(FIRST_ID + i)},
				.type = ATTRIB_FACT_SEEN,
				.claimer = {id_of_number(900 + s), 1}};
		shuffle(sides[s].facts, sides[s].n, &sides[s].rng);
		CHECK(pthread_create(&sides[s].thread, NULL, add_side, &sides[s]) == 0, "thread");
	}
	for (size_t s = 0; s < STATES; s++)
		pthread_join(sides[s].thread, NULL);
	for (size_t s = 0; s < STATES; s++)
		CHECK(sides[s].err == 0, "seed %llu: side %zu: %d", (unsigned long long)seed, s,
			sides[s].err);
	for (size_t i = 0; i < sides[0].n; i++)
		if (!overflows || sides[0].facts[i].type == ATTRIB_FACT_SEEN)
			check_one_claimer(sides, &sides[0].facts[i], seed);
	for (size_t s = 0; s < STATES; s++) {
		check_against_model(sides[s].state, &model, seed);
		sides[s].state->ops->free(sides[s].state);
		free(sides[s].facts);
		free(sides[s].added);
	}
	model_done(&model);
}

/* What a cap drops may be taken for new by two at once: there only the end is told. */
static void test_several_at_once(void **unused)
{
	static const struct {
		struct shape shape;
		bool overflows;
	} cases[] = {
		{{60, 6, 200, 3, false}, false}, {{120, 40, 60, 2, true}, false},
		{{400, 60, 30, 3, false}, true}, /* filtered touches */
		{{300, 40, 400, 4, true}, true}, /* observations */
	};

	(void)unused;
	for (uint64_t i = 0; i < 12 && backend->join; i++)
		run_at_once(&cases[i % 4].shape, cases[i % 4].overflows, first_seed + i);
}

/* -- answers -------------------------------------------------------------------------------------- */

/* True when a fact that was there is gone or different. */
static bool lost_or_altered(
	const struct attrib_fact *before, size_t n, const struct attrib_fact *after, size_t m)
{
	for (size_t i = 0; i < n; i++) {
		const struct attrib_fact *now = find(after, m, &before[i]);

		if (!now || !equal(now, &before[i]))
			return true;
	}
	return false;
}

struct claims {
	struct attrib_fact facts[FACTS_MAX]; /* name and first claimer of what is there */
	size_t n;
	struct attrib_fact left[FACTS_MAX]; /* id and first claimer of touches that were dropped */
	size_t left_n;
	bool dropped[ENTITIES];
};

static bool *has_dropped(struct claims *claims, const struct attrib_entity *entity)
{
	size_t e = 0;

	while (memcmp(&entities[e], entity, sizeof *entity) != 0)
		e++;
	return &claims->dropped[e];
}

static const struct attrib_fact *find_left(const struct claims *claims, const struct attrib_id *id)
{
	for (size_t i = 0; i < claims->left_n; i++)
		if (attrib_id_eq(&claims->left[i].id, id))
			return &claims->left[i];
	return NULL;
}

static void leave(struct claims *claims, const struct attrib_fact *fact)
{
	if (fact->type != ATTRIB_FACT_TOUCH)
		return;
	*has_dropped(claims, &fact->entity) = true;
	if (!find_left(claims, &fact->id))
		claims->left[claims->left_n++] = *fact;
}

static struct attrib_fact *find_claim(struct claims *claims, const struct attrib_fact *fact)
{
	for (size_t i = 0; i < claims->n; i++)
		if (!memcmp(&claims->facts[i].entity, &fact->entity, sizeof fact->entity) &&
			find(&claims->facts[i], 1, fact))
			return &claims->facts[i];
	return NULL;
}

static void forget_claim(struct claims *claims, const struct attrib_fact *fact)
{
	struct attrib_fact *claim = find_claim(claims, fact);

	leave(claims, claim);
	*claim = claims->facts[--claims->n];
}

/* The fact with its first claimer, whom this call may just have made. */
static struct attrib_fact claimed(struct claims *claims, const struct attrib_fact *fact)
{
	const struct attrib_fact *first = find_claim(claims, fact);
	struct attrib_fact out = *fact;

	if (!first && fact->type == ATTRIB_FACT_TOUCH && *has_dropped(claims, &fact->entity))
		first = find_left(claims, &fact->id);
	if (first)
		out.claimer = first->claimer;
	return out;
}

static bool same_claimer(const struct attrib_fact *a, const struct attrib_fact *b)
{
	return attrib_id_eq(&a->claimer.lane, &b->claimer.lane) &&
	       a->claimer.number == b->claimer.number;
}

static void check_answer(const struct attrib_fact *fact, const struct attrib_added *answer,
	const struct model *before, const struct model *after, struct claims *claims, uint64_t seed)
{
	static struct attrib_fact old[LOAD_MAX], now[LOAD_MAX];
	size_t n = model_load(before, &fact->entity, old),
	       m = model_load(after, &fact->entity, now);
	bool known = find(old, n, fact) != NULL, there = find(now, m, fact) != NULL;
	bool altered = lost_or_altered(old, n, now, m);
	struct attrib_fact first = claimed(claims, fact);

	CHECK(answer->added == (there && !known), "seed %llu", (unsigned long long)seed);
	CHECK(!altered || answer->changed, "seed %llu: untold", (unsigned long long)seed);
	CHECK(!answer->changed || altered ||
			(model_kept(before, &fact->entity) == model_kept(after, &fact->entity)),
		"seed %llu: told without reason", (unsigned long long)seed);
	CHECK(!answer->refused || (!altered && n == m), "seed %llu", (unsigned long long)seed);
	CHECK(there || answer->refused, "seed %llu: kept out in silence", (unsigned long long)seed);
	for (size_t i = 0; i < n; i++) {
		if (!find(now, m, &old[i]))
			forget_claim(claims, &old[i]);
	}
	if (there && !known)
		claims->facts[claims->n++] = first;
	else if (!known)
		leave(claims, &first);
	CHECK(answer->mine == ((there || known || fact->type == ATTRIB_FACT_TOUCH) &&
				      same_claimer(fact, &first)),
		"seed %llu", (unsigned long long)seed);
	for (size_t i = 0; i < m; i++) {
		uint8_t link = attrib_fact_link(now[i].type, now[i].sub);

		CHECK((answer->links & link) == link, "seed %llu: a link is missing",
			(unsigned long long)seed);
	}
}

static void run_answers(const struct shape *shape, uint64_t seed)
{
	static struct claims claims;
	struct attrib_state *state = backend_open();
	struct model before = {0}, after = {0};
	uint64_t rng = seed;

	memset(&claims, 0, sizeof claims);
	for (size_t i = 0; i < shape->facts; i++) {
		struct attrib_fact fact = random_fact(shape, &rng);
		struct attrib_added answer = backend_add(state, &fact);

		model_add(&after, &fact);
		check_answer(&fact, &answer, &before, &after, &claims, seed);
		model_add(&before, &fact);
	}
	state->ops->free(state);
	model_done(&before);
	model_done(&after);
}

static void test_any_order_same_end(void **unused)
{
	static const struct shape shapes[] = {
		{30, 4, 4, 3, false}, {120, 6, 200, 3, false},
		{250, 60, 8, 2, false},  /* filtered touches overflow */
		{300, 40, 400, 4, true}, /* observations overflow */
	};

	(void)unused;
	for (uint64_t i = 0; i < 160 / backend->share; i++)
		run_order(&shapes[i % 4], first_seed + i);
}

static void test_any_order_same_end_when_caps_overflow(void **unused)
{
	static const struct shape shapes[] = {
		{FACTS_MAX, 2000, 3000, 2, false},
		{FACTS_MAX, 300, 60, 4, false},
	};

	(void)unused;
	for (uint64_t i = 0; i < 4 / backend->share; i++)
		run_order(&shapes[i % 2], first_seed + i);
}

static void test_answers_are_true(void **unused)
{
	static const struct shape shapes[] = {
		{80, 4, 4, 3, false},
		{150, 50, 30, 2, false},
		{240, 30, 300, 3, true},
	};

	(void)unused;
	for (uint64_t i = 0; i < 24 / backend->share; i++)
		run_answers(&shapes[i % 3], first_seed + i);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_order_same_end),
		cmocka_unit_test(test_any_order_same_end_when_caps_overflow),
		cmocka_unit_test(test_several_at_once),
		cmocka_unit_test(test_answers_are_true),
	};
	const char *given = getenv("TEST_SEED");
	int failed = 0;

	if (given)
		first_seed = strtoull(given, NULL, 10);
	else
		attrib_random(&first_seed, sizeof first_seed);
	first_seed &= UINT32_MAX;
	printf("seed %llu\n", (unsigned long long)first_seed);
	for (size_t i = 0; i < backend_count; i++) {
		backend = &backends[i];
		failed |= cmocka_run_group_tests_name(backend->name, tests, NULL, NULL);
	}
	return failed;
}
