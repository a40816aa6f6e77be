/*
 * One event that was told twice, and what was told too late: which word counts.
 */
#include "attrib/money.h"
#include "world.h"

static void shop(struct world *w)
{
	world_init(w);
	world_tracker(w, ATTRIB_TRACKER_LINK, "l-ada", "ada");
	world_tracker(w, ATTRIB_TRACKER_LINK, "l-bea", "bea");
	world_tracker(w, ATTRIB_TRACKER_AFFILIATE, "partner", "ada")->generic = true;
}

static void identify(struct world *w, const char *id, const char *visitor, const char *key)
{
	struct attrib_event *event = world_event(w, ATTRIB_EVENT_IDENTIFY, id, T0 - 5 * DAYS);

	event_visitor(w, event, visitor);
	event_customer(w, event, key);
}

/* One event id is one touch: of what two devices of a customer say of it, the later time counts. */
static void test_of_two_copies_the_later_is_the_touch(void **unused)
{
	(void)unused;
	for (int turn = 0; turn < 4; turn++) {
		struct world w;
		const struct attrib_decision *d;
		shop(&w);
		world_open(&w);
		identify(&w, "i1", "phone", "m");
		identify(&w, "i2", "laptop", "m");
		world_click(&w, "c", turn & 1 ? "phone" : "laptop", turn & 2 ? "l-ada" : "l-bea",
			T0 - 2 * DAYS);
		world_click(&w, "c", turn & 1 ? "laptop" : "phone", turn & 2 ? "l-bea" : "l-ada",
			T0 - DAYS);
		event_customer(&w, world_order(&w, "o", NULL, NULL), "m");
		d = world_decision(&w, "o");
		assert_int_equal(d->step_count, 1);
		assert_int_equal(d->steps[0].occurred_at, T0 - DAYS);
		check_winner(d, turn & 2 ? "bea" : "ada", LINK);
		world_done(&w);
	}
}

/* Of one time the content decides, the same whoever came first. */
static void test_of_two_copies_of_one_time_one_is_the_touch(void **unused)
{
	char *first = NULL;

	(void)unused;
	for (int turn = 0; turn < 4; turn++) {
		struct world w;
		char *dump;
		shop(&w);
		world_open(&w);
		identify(&w, "i1", "phone", "m");
		identify(&w, "i2", "laptop", "m");
		world_click(&w, "c", turn & 1 ? "phone" : "laptop", turn & 2 ? "l-ada" : "l-bea",
			T0 - DAYS);
		world_click(&w, "c", turn & 1 ? "laptop" : "phone", turn & 2 ? "l-bea" : "l-ada",
			T0 - DAYS);
		event_customer(&w, world_order(&w, "o", NULL, NULL), "m");
		assert_int_equal(world_decision(&w, "o")->step_count, 1);
		attrib_batch_reset(w.batch); /* without the traffic, which counts the first */
		world_order(&w, "o", NULL, NULL)->order->updated_at = T0 + 1;
		world_apply(&w);
		dump = world_dump(&w);
		if (first)
			assert_string_equal(dump, first);
		free(first);
		first = dump;
		world_done(&w);
	}
	free(first);
}

/* Who came with a click id after the order's lock, has not come with it. */
static void test_a_click_that_is_carried_after_the_lock_joins_no_path(void **unused)
{
	static const struct {
		int64_t after; /* received after T + lock_after */
		size_t steps;
	} cases[] = {{0, 1}, {1, 0}};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;
		struct attrib_event *visit;
		shop(&w);
		world_open(&w);
		event_click_id(&w, world_click(&w, "c", NULL, "l-ada", T0 - DAYS), "k");
		visit = world_event(&w, ATTRIB_EVENT_VISIT, "v", T0 - HOUR);
		event_visitor(&w, visit, "laptop");
		event_click_id(&w, visit, "k");
		visit->received_at = T0 + 30 * DAYS + cases[i].after;
		world_order(&w, "o", "laptop", NULL);
		assert_int_equal(world_decision(&w, "o")->step_count, cases[i].steps);
		world_done(&w);
	}
}

/* An order that is first heard of after the lock of another has used nothing up. */
static void test_an_order_that_was_heard_of_later_used_nothing(void **unused)
{
	static const struct {
		int64_t after; /* received after T + lock_after of the later one */
		enum attrib_reason reason;
	} cases[] = {{0, ATTRIB_REASON_USED}, {1, ATTRIB_REASON_ELIGIBLE}};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world w;
		struct attrib_event *early;
		shop(&w);
		w.site.policy.repeat_first = true;
		world_open(&w);
		world_click(&w, "c", "v", "l-ada", T0 - DAYS);
		early = world_order(&w, "early", "v", NULL);
		early->order->placed_at = T0;
		early->received_at = T0 + 30 * DAYS + cases[i].after;
		event_at(world_order(&w, "later", "v", NULL), T0);
		assert_int_equal(
			step_of(world_decision(&w, "later"), "l-ada")->reason, cases[i].reason);
		world_done(&w);
	}
}

/* Of many words about an order the middle ones go. When none is left that was heard by the lock of a
 * later order, that one knows of no earlier one. */
static void test_an_order_whose_early_word_is_gone_used_nothing(void **unused)
{
	(void)unused;
	for (int words = 64; words <= 65; words++) { /* the newest, and with the next the first */
		struct world w;
		struct attrib_event *early;
		shop(&w);
		w.site.policy.repeat_first = true;
		world_open(&w);
		world_click(&w, "c", "v", "l-ada", T0 - DAYS);
		early = world_order(&w, "early", "v", NULL);
		event_at(early, T0 - HOUR);
		early->order->updated_at = T0;
		for (int i = 0; i < words; i++) {
			early = world_order(&w, "early", "v", NULL);
			event_at(early, T0 - HOUR);
			early->order->updated_at = i ? T0 + i : T0 - 1;
			early->received_at = T0 + 31 * DAYS;
		}
		world_order(&w, "later", "v", NULL);
		assert_int_equal(step_of(world_decision(&w, "later"), "l-ada")->reason,
			words == 64 ? ATTRIB_REASON_USED : ATTRIB_REASON_ELIGIBLE);
		world_done(&w);
	}
}

/* Whatever words there are about a lead, one that names the customer makes it the customer's. */
static void test_one_of_many_words_names_the_customer(void **unused)
{
	(void)unused;
	for (int named = 0; named < 3; named++) {
		struct world w;
		int64_t lead_at = T0 - 33 * DAYS;
		shop(&w);
		world_open(&w);
		for (int word = 0; word < 3; word++) {
			struct attrib_event *lead = world_lead(&w, "L", NULL, lead_at);
			lead->order->updated_at = lead_at + word;
			if (word == named)
				event_customer(&w, lead, "m");
		}
		world_click(&w, "c", "v", "l-ada", lead_at - DAYS);
		identify(&w, "i", "v", "m");
		event_customer(&w, world_order(&w, "o", NULL, NULL), "m");
		assert_int_equal(step_of(world_decision(&w, "o"), "l-ada")->reason,
			ATTRIB_REASON_KEPT_BY_LEAD);
		world_done(&w);
	}
}

/* The keys of an order and its other names: in one order, each once, of every kind. */
static void test_keys_and_names_are_listed_once(void **unused)
{
	struct world w;
	const struct attrib_decision *d;

	(void)unused;
	shop(&w);
	world_open(&w);
	for (int word = 0; word < 2; word++) {
		struct attrib_event *event = world_order(&w, "o", NULL, NULL);
		event->order->updated_at = T0 + word;
		event_customer(&w, event, "a");
		event_customer(&w, event, "b");
		event->keys[word].kind = ATTRIB_KEY_PHONE;
		event_customer(&w, event, "c");
		event->keys[2].kind = ATTRIB_KEY_EMAIL;
		event_alias(&w, event, "name", "7");
		event_alias(&w, event, "checkout_token", "7");
		event_alias(&w, event, "name", "8");
	}
	d = world_decision(&w, "o");
	assert_int_equal(
		d->key_count, 5); /* an e-mail, and two texts as phone and as customer id */
	for (size_t i = 1; i < d->key_count; i++)
		assert_true(d->keys[i - 1].kind < d->keys[i].kind ||
			    (d->keys[i - 1].kind == d->keys[i].kind &&
				    attrib_id_cmp(&d->keys[i - 1].id, &d->keys[i].id) < 0));
	assert_int_equal(d->alias_count, 3);
	check_str(d->aliases[0].kind, "checkout_token");
	check_str(d->aliases[1].value, "7");
	check_str(d->aliases[2].value, "8");
	world_done(&w);
}

/* Keys are kept whole, however long. */
static void test_a_long_key_earns(void **unused)
{
	static const size_t lengths[] = {255, 256, 300, 4000};

	(void)unused;
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		struct world w;
		char key[4001];
		memset(key, 'x', lengths[i]);
		key[lengths[i]] = '\0';
		shop(&w);
		world_tracker(&w, ATTRIB_TRACKER_LINK, key, "cleo");
		world_open(&w);
		world_click(&w, "c", "v", key, T0 - DAYS);
		world_order(&w, "o", "v", NULL);
		check_winner(world_decision(&w, "o"), "cleo", LINK);
		world_done(&w);
	}
}

static void test_a_generic_affiliate_never_earns(void **unused)
{
	struct world w;
	const struct attrib_decision *d;

	(void)unused;
	shop(&w);
	world_open(&w);
	world_landing(&w, "a", "v", "partner", NULL, NULL, T0 - DAYS);
	world_order(&w, "o", "v", NULL);
	d = world_decision(&w, "o");
	assert_int_equal(d->steps[0].reason, ATTRIB_REASON_GENERIC);
	check_winner(d, "", UNATTRIBUTED);
	world_done(&w);
}

/* What a stranger says of an order that a signed one has as its other name gives no name. */
static void test_a_strangers_word_names_no_order(void **unused)
{
	struct world w;
	struct attrib_event *event;

	(void)unused;
	shop(&w);
	world_open(&w);
	event = world_order(&w, "#1", "v", NULL);
	event->trust = ATTRIB_TRUST_STRANGER;
	event->order->placed_at = T0 - DAYS;
	event = world_order(&w, "1001", "v", NULL);
	event->order->aliases[0] = (struct attrib_alias){.kind = ATTRIB_STR("name"),
		.value = ATTRIB_STR("#1"),
		.id = w.pending[0]->order->key};
	event->order->alias_count = 1;
	assert_int_equal(world_decision(&w, "1001")->gross, 10000);
	check_str(world_decision(&w, "1001")->merged_into, "");
	assert_int_equal(world_decision(&w, "1001")->placed_at, T0);
	check_str(world_decision(&w, "#1")->merged_into, "1001");
	world_done(&w);
}

/* Amounts that can't be are none, and a currency that nobody knows has two decimals. */
static void test_amounts_that_cannot_be(void **unused)
{
	struct world w;
	struct attrib_event *event;

	(void)unused;
	shop(&w);
	world_open(&w);
	event = world_order(&w, "negative", NULL, NULL);
	event->order->total = 100;
	event->order->tax = 101;
	event = world_order(&w, "nothing", NULL, NULL);
	event->order->total = 101;
	event->order->tax = 101;
	event = world_order(&w, "huge", NULL, NULL);
	event->order->has_total = false;
	event->order->total = 0;
	event->order->has_subtotal = true;
	event->order->subtotal = event->order->tax = event->order->shipping = ATTRIB_MONEY_MAX;
	memcpy(world_order(&w, "foreign", NULL, NULL)->order->currency, "QQQ", 4);
	memcpy(world_order(&w, "yen", NULL, NULL)->order->currency, "JPY", 4);
	assert_int_equal(world_decision(&w, "negative")->gross, 0);
	assert_int_equal(world_decision(&w, "nothing")->gross, 0);
	assert_int_equal(world_decision(&w, "huge")->gross, ATTRIB_MONEY_MAX);
	assert_int_equal(world_decision(&w, "huge")->total, ATTRIB_MONEY_MAX);
	assert_int_equal(world_decision(&w, "foreign")->exponent, 2);
	assert_int_equal(world_decision(&w, "yen")->exponent, 0);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_two_copies_the_later_is_the_touch),
		cmocka_unit_test(test_of_two_copies_of_one_time_one_is_the_touch),
		cmocka_unit_test(test_a_click_that_is_carried_after_the_lock_joins_no_path),
		cmocka_unit_test(test_an_order_that_was_heard_of_later_used_nothing),
		cmocka_unit_test(test_an_order_whose_early_word_is_gone_used_nothing),
		cmocka_unit_test(test_one_of_many_words_names_the_customer),
		cmocka_unit_test(test_keys_and_names_are_listed_once),
		cmocka_unit_test(test_a_long_key_earns),
		cmocka_unit_test(test_a_generic_affiliate_never_earns),
		cmocka_unit_test(test_a_strangers_word_names_no_order),
		cmocka_unit_test(test_amounts_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
