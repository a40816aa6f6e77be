/*
 * Memory that is out, and a state that fails, at every single place: the call says so, and the same
 * call again ends in the batch that it would have filled without.
 *
 * The linker puts this file's allocator in front of the C library's, and makes every piece of an arena
 * an allocation of its own (--wrap, in CMakeLists.txt).
 */
#include "world.h"

/* -- memory --------------------------------------------------------------------------------------- */

static size_t allocations_left; /* until one fails; 0: none does */

static bool is_out(void)
{
	return allocations_left && --allocations_left == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_attrib_arena_init(struct attrib_arena *arena, size_t block_size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_attrib_arena_init(struct attrib_arena *arena, size_t block_size);

void *__wrap_malloc(size_t size)
{
	return is_out() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return is_out() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return is_out() ? NULL : __real_realloc(p, size);
}

void __wrap_attrib_arena_init(struct attrib_arena *arena, size_t block_size)
{
	(void)block_size;
	__real_attrib_arena_init(arena, 16);
}

/* -- state ---------------------------------------------------------------------------------------- */

static size_t calls_left; /* until one fails; 0: none does */
static const struct attrib_state_ops *real;

static bool is_away(void)
{
	return calls_left && --calls_left == 0;
}

/* Some of the facts are in there when it fails. */
static int failing_add(struct attrib_state *state, const struct attrib_fact *facts, size_t n,
	struct attrib_added *results, uint64_t *ticket)
{
	bool away = is_away();
	int err = real->add(state, facts, away ? n / 2 : n, results, ticket);

	return away ? ATTRIB_E_UNAVAILABLE : err;
}

static int failing_load(struct attrib_state *state, const struct attrib_entity *entities, size_t n,
	struct attrib_arena *arena, struct attrib_loaded *out)
{
	return is_away() ? ATTRIB_E_UNAVAILABLE : real->load(state, entities, n, arena, out);
}

static int failing_orders(struct attrib_state *state, uint64_t *cursor, struct attrib_entity *out,
	size_t max, size_t *n)
{
	return is_away() ? ATTRIB_E_UNAVAILABLE : real->orders(state, cursor, out, max, n);
}

static void state_stats(struct attrib_state *state, struct attrib_state_stats *out)
{
	real->stats(state, out);
}

static void state_free(struct attrib_state *state)
{
	real->free(state);
}

static void state_wrap(struct attrib_state *state)
{
	static const struct attrib_state_ops ops = {.name = "failing",
		.add = failing_add,
		.load = failing_load,
		.orders = failing_orders,
		.stats = state_stats,
		.free = state_free};

	real = state->ops;
	state->ops = &ops;
}

/* -- a shop in which much happens ----------------------------------------------------------------- */

static void shop(struct world *w, bool repeat_first)
{
	world_init(w);
	w->site.policy.repeat_first = repeat_first;
	w->site.policy.renewals = ATTRIB_RENEWALS_MONTHS;
	w->site.policy.renewal_months = 2;
	world_tracker(w, ATTRIB_TRACKER_LINK, "L-Ada", "ada");
	world_tracker(w, ATTRIB_TRACKER_AFFILIATE, "Bea", "bea")->campaign = ATTRIB_STR("spring");
	world_tracker(w, ATTRIB_TRACKER_CODE, "ADA10", "ada");
	world_tracker(w, ATTRIB_TRACKER_UTM, "instagram/story", "bea");
	world_campaign(w, "spring");
	world_creator_key(w, "ada", "m9");
	world_open(w);
}

/* Two devices, two customers at one of them, an order under two names, a lead, a renewal. */
static void people(struct world *w)
{
	struct attrib_event *event;

	event = world_click(w, "c1", "phone", "L-Ada", T0 - 3 * DAYS);
	event_click_id(w, event, "k1");
	world_landing(w, "v1", "laptop", "BEA", "Instagram", "Story", T0 - 2 * DAYS);
	world_landing(w, "v2", "laptop", NULL, "Forum", "Post", T0 - 2 * DAYS);
	event = world_event(w, ATTRIB_EVENT_VISIT, "v3", T0 - DAYS);
	event_visitor(w, event, "laptop");
	event_click_id(w, event, "k1");
	event = world_event(w, ATTRIB_EVENT_IDENTIFY, "i1", T0 - DAYS);
	event_visitor(w, event, "phone");
	event_customer(w, event, "m1");
	event_customer(w, event, "m2");
	event = world_event(w, ATTRIB_EVENT_IDENTIFY, "i2", T0 - 2 * DAYS);
	event_visitor(w, event, "phone");
	event_customer(w, event, "m3");
	event = world_lead(w, "lead", "laptop", T0 - DAYS);
	event_customer(w, event, "m2");
}

static void orders(struct world *w)
{
	struct attrib_event *event;

	event = world_order(w, "o1", "laptop", "Ada10");
	event_customer(w, event, "m2");
	event_click_id(w, event, "k1");
	event_alias(w, event, "name", "#1");
	event->affiliate = ATTRIB_STR("Bea");
	event = world_order(w, "o1b", NULL, NULL);
	event->source = ATTRIB_STR("other");
	event_alias(w, event, "name", "#1");
	event = world_order(w, "o2", "phone", NULL);
	event_customer(w, event, "m3");
	event_at(event, T0 + HOUR);
	event = world_order(w, "o2", "phone", NULL); /* said after the lock of the others */
	event_customer(w, event, "m3");
	event->received_at = T0 + 35 * DAYS;
	event->order->total = 9900;
	event = world_order(w, "o3", "laptop", NULL);
	event_customer(w, event, "m1");
	event_at(event, T0 + 20 * DAYS);
	event->order->kind = ATTRIB_STR("renewal");
	world_order(w, "o4", "tablet", NULL)->trust = ATTRIB_TRUST_STRANGER;
	event = world_order(w, "o5", NULL, NULL); /* first heard of too late */
	event->received_at = T0 + 40 * DAYS;
}

static void notes(struct world *w)
{
	struct attrib_event *event = world_event(w, ATTRIB_EVENT_REFUND, "r1", T0 + DAYS);

	event->refund = attrib_arena_alloc(&w->arena, sizeof *event->refund);
	assert_non_null(event->refund);
	*event->refund = (struct attrib_refund){.id = ATTRIB_STR("r1"),
		.order_id = ATTRIB_STR("o1"),
		.amount = 500,
		.status = ATTRIB_REFUND_DONE};
	event = world_event(w, ATTRIB_EVENT_CANCEL, "x1", T0 + DAYS);
	event->cancel_order_id = ATTRIB_STR("o2");
	world_landing(
		w, "v4", "laptop", "bea", NULL, NULL, T0 - HOUR); /* what leads to orders again */
}

/* A key and a browser that too many share. */
static void crowd(struct world *w)
{
	for (int i = 0; i < 22; i++) {
		struct attrib_str id = attrib_arena_printf(&w->arena, "u%d", i);
		struct attrib_event *event =
			world_event(w, ATTRIB_EVENT_IDENTIFY, id.p, T0 - DAYS + i);
		event_visitor(w, event, id.p);
		event_customer(w, event, "everybody");
		event = world_event(w, ATTRIB_EVENT_VISIT, id.p, T0 - DAYS + i);
		event_visitor(w, event, "kiosk");
		event_customer(w, event, id.p);
	}
	event_customer(w, world_order(w, "o6", "kiosk", NULL), "everybody");
}

/* Each is the first of its kind to want room: for a claim, an observation, a touch, a code, a lead's. */
static void cart(struct world *w)
{
	world_event(w, ATTRIB_EVENT_CART, "cart", T0);
}

static void carried(struct world *w)
{
	world_order(w, "o7", NULL, NULL)->affiliate = ATTRIB_STR("Bea");
	world_order(w, "o8", NULL, "Ada10");
}

static void kept(struct world *w)
{
	struct attrib_event *lead = world_lead(w, "lead", "tv", T0 - 45 * DAYS);

	lead->affiliate = ATTRIB_STR("Bea");
	event_customer(w, lead, "m7");
	event_customer(w, world_order(w, "o9", NULL, NULL), "m7");
}

/* An order that used a touch which only its cart leads to ... */
static void earlier(struct world *w)
{
	struct attrib_event *event, *order = world_order(w, "o10", NULL, NULL);

	event_customer(w, order, "m8");
	event_alias(w, order, "cart_token", "tok");
	event = world_event(w, ATTRIB_EVENT_CART, "cart", T0 - HOUR);
	event_visitor(w, event, "kitchen");
	event->cart_token = order->order->aliases[0].id;
	world_click(w, "c2", "kitchen", "L-Ada", T0 - HOUR);
}

/* ... is looked at by a later one, which can't change it any more. */
static void later(struct world *w)
{
	struct attrib_event *order = world_order(w, "o11", NULL, NULL);

	event_customer(w, order, "m8");
	event_at(order, T0 + 31 * DAYS);
}

/* Leads to a hub: no further. */
static void one_of_the_crowd(struct world *w)
{
	world_landing(w, "v5", "u1", "bea", NULL, NULL, T0 + HOUR);
}

/* Who filled the cart comes back: it leads to the order. */
static void back(struct world *w)
{
	world_landing(w, "v6", "kitchen", "bea", NULL, NULL, T0 - MIN);
}

/* A lead by a click id that only it knows ... */
static void lead_of_a_click(struct world *w)
{
	struct attrib_event *lead;

	event_click_id(w, world_click(w, "c3", NULL, "L-Ada", T0 - 46 * DAYS), "k2");
	lead = world_lead(w, "lead", NULL, T0 - 45 * DAYS);
	event_click_id(w, lead, "k2");
	event_customer(w, lead, "m6");
}

/* ... and the order that it keeps its creator for. */
static void order_of_the_lead(struct world *w)
{
	event_customer(w, world_order(w, "o12", NULL, NULL), "m6");
}

struct story {
	void (*parts[4])(struct world *w); /* one group each */
	bool often;                        /* a touch earns for every order */
	bool new_catalog;                  /* in the end; failures are made from there on */
	int err;                           /* of the failures that are made */
	size_t *left;
};

/* -- the same, with failures ---------------------------------------------------------------------- */

/* A call that may fail: once more then. */
struct call {
	const struct attrib_engine_record *records; /* NULL: the walk goes on */
	size_t n;
	bool more; /* the walk is not at its end */
};

static int try_call(struct world *w, struct call *call)
{
	return call->records
		       ? attrib_engine_apply(w->engine, call->records, call->n, false, w->batch)
		       : attrib_engine_redecide(w->engine, 2, w->batch, &call->more);
}

static void make_call(struct world *w, const struct story *story, size_t *left, struct call *call)
{
	bool armed = *left > 0;
	int err;

	*story->left = *left;
	err = try_call(w, call);
	*left = *story->left;
	*story->left = 0;
	if (armed && !*left) {
		assert_int_equal(err, story->err);
		err = try_call(w, call);
	}
	assert_int_equal(err, 0);
}

static void apply_part(struct world *w, const struct story *story, size_t i, size_t *left)
{
	struct attrib_engine_record records[WORLD_ROWS_MAX];
	struct call call = {.records = records};

	story->parts[i](w);
	call.n = world_records(w, records);
	w->pending_count = 0;
	make_call(w, story, left, &call);
}

static void walk(struct world *w, const struct story *story, size_t *left)
{
	struct call call = {.more = true};

	world_tracker(w, ATTRIB_TRACKER_UTM, "forum/post", "cyd");
	w->site.policy.version = 2;
	w->site.policy.code_rule = ATTRIB_CODE_RULE_NEVER;
	world_swap(w, 2);
	while (call.more)
		make_call(w, story, left, &call);
}

/* Whether the k-th failure of the story came. */
static bool play(const struct story *story, size_t k, char **dump)
{
	struct world w;
	size_t none = 0, left = k;

	shop(&w, !story->often);
	state_wrap(w.state);
	for (size_t i = 0; story->parts[i]; i++)
		apply_part(&w, story, i, story->new_catalog ? &none : &left);
	if (story->new_catalog)
		walk(&w, story, &left);
	*dump = world_dump(&w);
	world_done(&w);
	return k && !left;
}

/* The same batch, or the lines that differ first. */
static void must_equal(const char *got, const char *expected, size_t k)
{
	size_t line = 0;

	if (strcmp(got, expected) == 0)
		return;
	for (size_t i = 0; got[i] && got[i] == expected[i]; i++)
		if (got[i] == '\n')
			line = i + 1;
	fail_msg("failure %zu: got %.*s, expected %.*s", k, (int)strcspn(got + line, "\n"),
		got + line, (int)strcspn(expected + line, "\n"), expected + line);
}

static void check_story(const struct story *story)
{
	char *expected, *got;
	bool failed;

	assert_false(play(story, 0, &expected));
	for (size_t k = 1;; k++) {
		failed = play(story, k, &got);
		must_equal(got, expected, k);
		free(got);
		if (!failed)
			break;
	}
	free(expected);
}

static void check_both(struct story story)
{
	story.err = ATTRIB_E_NOMEM;
	story.left = &allocations_left;
	check_story(&story);
	story.err = ATTRIB_E_UNAVAILABLE;
	story.left = &calls_left;
	check_story(&story);
}

static void test_a_group_is_applied_again(void **unused)
{
	(void)unused;
	check_both((struct story){.parts = {people, orders, notes}});
	check_both((struct story){.parts = {cart}});
	check_both((struct story){.parts = {carried}});
	check_both((struct story){.parts = {kept}});
	check_both((struct story){.parts = {earlier, later}});
	check_both((struct story){.parts = {earlier, back}});
	check_both((struct story){.parts = {lead_of_a_click, order_of_the_lead}, .often = true});
}

static void test_hubs_are_found_again(void **unused)
{
	(void)unused;
	check_both((struct story){.parts = {crowd, one_of_the_crowd}});
}

static void test_a_walk_goes_on(void **unused)
{
	(void)unused;
	check_both((struct story){.parts = {people, orders}, .new_catalog = true});
}

static void test_a_row_of_traffic_is_there_or_not(void **unused)
{
	struct attrib_traffic row = {
		.site = ATTRIB_STR("shop"), .key = ATTRIB_STR("ada"), .count = 1};
	struct attrib_batch_view view;
	size_t failures = 0;
	int err;

	(void)unused;
	do {
		struct attrib_batch *batch = attrib_batch_new();
		allocations_left = ++failures;
		err = attrib_batch_put_traffic(batch, &row);
		allocations_left = 0;
		attrib_batch_seal(batch, &view);
		assert_int_equal(view.traffic_count, err == 0);
		attrib_batch_free(batch);
	} while (err == ATTRIB_E_NOMEM);
	assert_int_equal(err, 0);
	assert_true(failures > 1);
}

static void test_marks_that_failed_are_set_by_the_next_try(void **unused)
{
	const struct attrib_mark second = {NULL, 7}, first = {&second, 9};
	struct attrib_traffic row = {
		.site = ATTRIB_STR("shop"), .key = ATTRIB_STR("ada"), .count = 1, .marks = &first};
	struct attrib_batch_view view;
	size_t failures = 0, half_done = 0;
	int err;

	(void)unused;
	do {
		struct attrib_batch *batch = attrib_batch_new();
		size_t bits = 0;
		allocations_left = ++failures;
		err = attrib_batch_put_traffic(batch, &row);
		allocations_left = 0;
		attrib_batch_seal(batch, &view);
		half_done += err && view.traffic_count && view.traffic[0]->count == 0;
		if (err)
			assert_int_equal(attrib_batch_put_traffic(batch, &row), 0);
		attrib_batch_seal(batch, &view);
		assert_int_equal(view.traffic[0]->count, 1);
		for (const struct attrib_mark *m = view.traffic[0]->marks; m; m = m->next)
			bits |= 1u << m->bit;
		assert_int_equal(bits, 1 << 7 | 1 << 9);
		attrib_batch_free(batch);
	} while (err == ATTRIB_E_NOMEM);
	assert_int_equal(err, 0);
	assert_int_equal(half_done, 2);
}

static void test_what_cannot_be_made_is_not_there(void **unused)
{
	struct world w;
	struct attrib_engine *engine = NULL;

	(void)unused;
	shop(&w, true);
	allocations_left = 1;
	assert_int_equal(attrib_engine_new(w.state, w.keys, w.catalog, &engine), ATTRIB_E_NOMEM);
	assert_null(engine);
	allocations_left = 1;
	assert_null(attrib_batch_new());
	attrib_engine_free(NULL);
	attrib_batch_free(NULL);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_group_is_applied_again),
		cmocka_unit_test(test_hubs_are_found_again),
		cmocka_unit_test(test_a_walk_goes_on),
		cmocka_unit_test(test_a_row_of_traffic_is_there_or_not),
		cmocka_unit_test(test_marks_that_failed_are_set_by_the_next_try),
		cmocka_unit_test(test_what_cannot_be_made_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
