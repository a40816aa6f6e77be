/*
 * The world of world.h.
 */
#include "world.h"

static const struct attrib_id lane = {{0x1a}};

static struct attrib_str text(const char *s)
{
	return s ? attrib_str_of(s) : ATTRIB_STR_NONE;
}

void world_init(struct world *w)
{
	uint8_t secret[ATTRIB_SECRET_BYTES];

	*w = (struct world){0};
	for (size_t i = 0; i < sizeof secret; i++)
		secret[i] = (uint8_t)i;
	w->keys = attrib_keys_new(secret);
	assert_non_null(w->keys);
	attrib_arena_init(&w->arena, 1u << 16);
	w->site = (struct attrib_site){.name = ATTRIB_STR("shop"),
		.time_zone = ATTRIB_STR("UTC"),
		.zone = attrib_zone_load("UTC")};
	attrib_policy_defaults(&w->site.policy);
	w->site.policy.version = 1;
	w->batch = attrib_batch_new();
	assert_non_null(w->batch);
}

void world_done(struct world *w)
{
	attrib_engine_free(w->engine);
	if (w->state)
		w->state->ops->free(w->state);
	attrib_catalog_unref(w->catalog);
	attrib_batch_free(w->batch);
	attrib_zone_free((struct attrib_zone *)w->site.zone);
	attrib_arena_done(&w->arena);
	attrib_keys_free(w->keys);
}

struct attrib_tracker *world_tracker(
	struct world *w, enum attrib_tracker_kind kind, const char *key, const char *creator)
{
	struct attrib_tracker *tracker = &w->trackers[w->tracker_count++];

	*tracker = (struct attrib_tracker){.kind = kind,
		.site = w->site.name,
		.key = text(key),
		.creator = text(creator),
		.valid_from = ATTRIB_NEVER,
		.valid_to = ATTRIB_FOREVER,
		.window_us = ATTRIB_WINDOW_INHERIT,
		.recorded_at = ATTRIB_NEVER,
		.superseded_at = ATTRIB_FOREVER};
	return tracker;
}

struct attrib_campaign *world_campaign(struct world *w, const char *name)
{
	struct attrib_campaign *campaign = &w->campaigns[w->campaign_count++];

	*campaign = (struct attrib_campaign){.site = w->site.name,
		.name = text(name),
		.window_us = ATTRIB_WINDOW_INHERIT,
		.recorded_at = ATTRIB_NEVER,
		.superseded_at = ATTRIB_FOREVER};
	return campaign;
}

struct attrib_creator_key *world_creator_key(
	struct world *w, const char *creator, const char *customer)
{
	struct attrib_creator_key *key = &w->creator_keys[w->creator_key_count++];

	*key = (struct attrib_creator_key){.site = w->site.name,
		.creator = text(creator),
		.key = {ATTRIB_KEY_CUSTOMER,
			attrib_id_of(w->keys, ATTRIB_ID_CUSTOMER, w->site.name, text(customer))},
		.recorded_at = ATTRIB_NEVER,
		.superseded_at = ATTRIB_FOREVER};
	return key;
}

static struct attrib_catalog *build(struct world *w, uint64_t version)
{
	struct attrib_catalog_builder *builder = attrib_catalog_builder_new();
	struct attrib_catalog *catalog;

	assert_non_null(builder);
	assert_int_equal(attrib_catalog_add_site(builder, &w->site), 0);
	if (w->neighbour.name.n)
		assert_int_equal(attrib_catalog_add_site(builder, &w->neighbour), 0);
	for (size_t i = 0; i < w->tracker_count; i++)
		assert_int_equal(attrib_catalog_add_tracker(builder, &w->trackers[i]), 0);
	for (size_t i = 0; i < w->campaign_count; i++)
		assert_int_equal(attrib_catalog_add_campaign(builder, &w->campaigns[i]), 0);
	for (size_t i = 0; i < w->creator_key_count; i++)
		assert_int_equal(attrib_catalog_add_creator_key(builder, &w->creator_keys[i]), 0);
	assert_int_equal(attrib_catalog_build(builder, version, &catalog), 0);
	return catalog;
}

void world_open(struct world *w)
{
	struct attrib_memory_options options = {.hash_seed = 7};

	w->catalog = build(w, 1);
	assert_int_equal(attrib_state_memory_new(&options, &w->state), 0);
	assert_int_equal(attrib_engine_new(w->state, w->keys, w->catalog, &w->engine), 0);
}

void world_swap(struct world *w, uint64_t version)
{
	struct attrib_catalog *old = w->catalog;

	w->catalog = build(w, version);
	assert_int_equal(attrib_engine_set_catalog(w->engine, w->catalog, false), 0);
	attrib_catalog_unref(old);
}

void world_reopen(struct world *w, uint64_t version)
{
	bool left = true;

	world_swap(w, version);
	while (left)
		assert_int_equal(attrib_engine_redecide(w->engine, 2, w->batch, &left), 0);
}

/* -- events --------------------------------------------------------------------------------------- */

void event_id(struct world *w, struct attrib_event *event, const char *id)
{
	event->event_id = text(id);
	event->id = attrib_id_of(w->keys,
		event->trust == ATTRIB_TRUST_SIGNED ? ATTRIB_ID_EVENT : ATTRIB_ID_EVENT_OPEN,
		w->site.name, text(id));
}

void event_visitor(struct world *w, struct attrib_event *event, const char *visitor)
{
	event->visitor =
		visitor ? attrib_id_of(w->keys, ATTRIB_ID_VISITOR, w->site.name, text(visitor))
			: (struct attrib_id){{0}};
}

void event_click_id(struct world *w, struct attrib_event *event, const char *click)
{
	event->click = attrib_id_of(w->keys, ATTRIB_ID_CLICK, w->site.name, text(click));
}

void event_customer(struct world *w, struct attrib_event *event, const char *key)
{
	event->keys[event->key_count++] = (struct attrib_customer_key){ATTRIB_KEY_CUSTOMER,
		attrib_id_of(w->keys, ATTRIB_ID_CUSTOMER, w->site.name, text(key))};
}

void world_shared(struct world *w, const char *key, int visitors, int64_t at)
{
	for (int i = 0; i < visitors; i++) {
		const char *name = attrib_arena_printf(&w->arena, "%s-%d", key, i).p;
		struct attrib_event *event = world_event(w, ATTRIB_EVENT_IDENTIFY, name, at);

		event_visitor(w, event, name);
		event_customer(w, event, key);
	}
}

void event_alias(struct world *w, struct attrib_event *event, const char *kind, const char *value)
{
	struct attrib_str both = attrib_arena_printf(&w->arena, "%s=%s", kind, value);

	event->order->aliases[event->order->alias_count++] =
		(struct attrib_alias){.kind = text(kind),
			.value = text(value),
			.id = attrib_id_of(w->keys, ATTRIB_ID_ALIAS, w->site.name, both)};
}

struct attrib_event *world_event(
	struct world *w, enum attrib_event_type type, const char *id, int64_t at)
{
	struct attrib_event *event = attrib_arena_alloc(&w->arena, sizeof *event);

	assert_non_null(event);
	assert_true(w->pending_count < WORLD_ROWS_MAX);
	event->type = type;
	event->trust = ATTRIB_TRUST_SIGNED;
	event->site = w->site.name;
	event->source = ATTRIB_STR("native");
	event->received_at = event->occurred_at = at;
	event_id(w, event, id);
	w->pending[w->pending_count++] = event;
	return event;
}

struct attrib_event *world_click(
	struct world *w, const char *id, const char *visitor, const char *link, int64_t at)
{
	struct attrib_event *event = world_event(w, ATTRIB_EVENT_CLICK, id, at);

	event_visitor(w, event, visitor);
	event->link = text(link);
	return event;
}

struct attrib_event *world_landing(struct world *w, const char *id, const char *visitor,
	const char *affiliate, const char *source, const char *medium, int64_t at)
{
	struct attrib_event *event = world_event(w, ATTRIB_EVENT_VISIT, id, at);

	event_visitor(w, event, visitor);
	event->affiliate = text(affiliate);
	event->utm.source = text(source);
	event->utm.medium = text(medium);
	event->has_utm = source || medium;
	return event;
}

struct attrib_event *world_order(
	struct world *w, const char *order_id, const char *visitor, const char *code)
{
	struct attrib_str id =
		attrib_arena_printf(&w->arena, "e-%s-%zu", order_id, w->pending_count);
	struct attrib_event *event = world_event(w, ATTRIB_EVENT_PURCHASE, id.p, T0);
	struct attrib_order *order = attrib_arena_alloc(&w->arena, sizeof *order);

	assert_non_null(order);
	event_visitor(w, event, visitor);
	event->order = order;
	order->id = text(order_id);
	order->key = attrib_id_of(w->keys, ATTRIB_ID_ORDER, w->site.name, order->id);
	order->has_amounts = order->has_total = true;
	order->total = 10000;
	memcpy(order->currency, "EUR", 4);
	order->has_status = true;
	order->status = ATTRIB_ORDER_PAID;
	order->placed_at = T0;
	order->paid_at = order->updated_at = ATTRIB_NEVER;
	order->has_codes = code != NULL;
	if (code)
		order->codes[order->code_count++].code = text(code);
	return event;
}

struct attrib_event *world_lead(
	struct world *w, const char *lead_id, const char *visitor, int64_t at)
{
	struct attrib_event *event = world_order(w, lead_id, visitor, NULL);
	struct attrib_order *lead = event->order;

	event->type = ATTRIB_EVENT_LEAD;
	*lead = (struct attrib_order){.id = lead->id,
		.key = lead->key,
		.placed_at = ATTRIB_NEVER,
		.paid_at = ATTRIB_NEVER,
		.updated_at = ATTRIB_NEVER};
	event->occurred_at = event->received_at = at;
	return event;
}

void event_at(struct attrib_event *event, int64_t at)
{
	event->occurred_at = event->received_at = event->order->placed_at = at;
}

/* -- running -------------------------------------------------------------------------------------- */

size_t world_records(struct world *w, struct attrib_engine_record records[WORLD_ROWS_MAX])
{
	struct attrib_buf buf;

	attrib_buf_init(&buf);
	for (size_t i = 0; i < w->pending_count; i++) {
		attrib_buf_clear(&buf);
		attrib_event_encode(w->pending[i], &buf);
		assert_int_equal(buf.err, 0);
		records[i] = (struct attrib_engine_record){
			lane, ++w->number, attrib_arena_str(&w->arena, attrib_buf_view(&buf))};
	}
	attrib_buf_done(&buf);
	return w->pending_count;
}

void world_apply(struct world *w)
{
	struct attrib_engine_record records[WORLD_ROWS_MAX];
	size_t n = world_records(w, records);

	assert_int_equal(attrib_engine_apply(w->engine, records, n, false, w->batch), 0);
	w->pending_count = 0;
}

static const struct attrib_state_ops *real;
static size_t loaded;

static int counting_load(struct attrib_state *state, const struct attrib_entity *entities, size_t n,
	struct attrib_arena *arena, struct attrib_loaded *out)
{
	loaded += n;
	return real->load(state, entities, n, arena, out);
}

size_t world_loads(struct world *w)
{
	struct attrib_state_ops counting = *w->state->ops;

	real = w->state->ops;
	loaded = 0;
	counting.load = counting_load;
	w->state->ops = &counting;
	world_apply(w);
	w->state->ops = real;
	return loaded;
}

const struct attrib_batch_view *world_view(struct world *w)
{
	attrib_batch_seal(w->batch, &w->view);
	return &w->view;
}

const struct attrib_decision *world_decision(struct world *w, const char *order_id)
{
	if (w->pending_count)
		world_apply(w);
	world_view(w);
	for (size_t i = 0; i < w->view.decision_count; i++)
		if (attrib_str_eq(w->view.decisions[i]->order_id, text(order_id))) {
			check_sums(w->view.decisions[i]);
			return w->view.decisions[i];
		}
	fail_msg("no decision about %s", order_id);
	return NULL;
}

const struct attrib_credit *credit_of(const struct attrib_decision *d, enum attrib_model model)
{
	for (size_t i = 0; i < d->credit_count; i++)
		if (d->credits[i].share[model] == ATTRIB_SHARE_ONE)
			return &d->credits[i];
	fail_msg("the credit of %s is shared", attrib_model_name(model));
	return NULL;
}

void check_sums(const struct attrib_decision *d)
{
	if (d->merged_into.n)
		return;
	for (size_t m = 0; m < ATTRIB_MODEL_COUNT; m++) {
		int64_t share = 0, amount = 0;
		for (size_t i = 0; i < d->credit_count; i++) {
			share += d->credits[i].share[m];
			amount += d->credits[i].amount[m];
		}
		assert_int_equal(share, ATTRIB_SHARE_ONE);
		assert_int_equal(amount, d->gross);
	}
}

const struct attrib_step *step_of(const struct attrib_decision *d, const char *key)
{
	for (size_t i = 0; i < d->step_count; i++)
		if (attrib_str_eq(d->steps[i].key, text(key)))
			return &d->steps[i];
	fail_msg("no step of %s", key);
	return NULL;
}

/* -- dump ----------------------------------------------------------------------------------------- */

#define S(s) (int)(s).n, (s).p ? (s).p : ""

static void dump_id(FILE *f, const char *what, int kind, const struct attrib_id *id)
{
	fprintf(f, " %s %d ", what, kind);
	for (size_t i = 0; i < sizeof id->b; i++)
		fprintf(f, "%02x", id->b[i]);
	fprintf(f, "\n");
}

static void dump_step(FILE *f, const struct attrib_step *s)
{
	fprintf(f, " step %d %.*s = %.*s of %.*s %.*s %.*s %.*s at %lld to %lld by %.*s\n",
		s->channel, S(s->key), S(s->folded), S(s->creator), S(s->campaign), S(s->placement),
		S(s->tracker), (long long)s->occurred_at, (long long)s->window_ends_at,
		S(s->event_id));
	fprintf(f, "  %d %x %lld %d %d %d -> %d\n", s->eligible, s->flags, (long long)s->discount,
		s->by_click_id, s->view, s->reason, s->credit);
}

static void dump_credit(FILE *f, const struct attrib_credit *c)
{
	fprintf(f, " credit %d %.*s %.*s %.*s %.*s at %lld", c->channel, S(c->creator),
		S(c->campaign), S(c->placement), S(c->tracker), (long long)c->touched_at);
	for (size_t m = 0; m < ATTRIB_MODEL_COUNT; m++)
		fprintf(f, " %lld/%lld", (long long)c->share[m], (long long)c->amount[m]);
	fprintf(f, "\n");
}

static void dump_decision(FILE *f, const struct attrib_decision *d)
{
	fprintf(f, "%.*s %d %.*s -> %.*s status %d reason %d rule %d %d%d%d %.*s by %d\n",
		S(d->site), d->kind, S(d->order_id), S(d->merged_into), d->status, d->reason,
		d->rule, d->counted, d->late, d->signed_source, S(d->code), d->code_rule);
	fprintf(f, " %s %d %lld/%lld at %lld %lld %lld %.*s %.*s %.*s policy %u\n", d->currency,
		d->exponent, (long long)d->gross, (long long)d->total, (long long)d->placed_at,
		(long long)d->counted_at, (long long)d->first_received_at, S(d->order_kind),
		S(d->order_source), S(d->source), d->policy_version);
	for (size_t i = 0; i < d->key_count; i++)
		dump_id(f, "key", d->keys[i].kind, &d->keys[i].id);
	for (size_t i = 0; i < d->alias_count; i++)
		fprintf(f, " alias %.*s %.*s %d\n", S(d->aliases[i].kind), S(d->aliases[i].value),
			d->aliases[i].conflict);
	for (size_t i = 0; i < d->step_count; i++)
		dump_step(f, &d->steps[i]);
	for (size_t i = 0; i < d->credit_count; i++)
		dump_credit(f, &d->credits[i]);
}

static void dump_notes(FILE *f, const struct attrib_batch_view *v)
{
	for (size_t i = 0; i < v->refund_count; i++)
		fprintf(f, "refund %.*s %.*s %lld\n", S(v->refunds[i].order_id),
			S(v->refunds[i].refund_id), (long long)v->refunds[i].amount);
	for (size_t i = 0; i < v->cancel_count; i++)
		fprintf(f, "cancel %.*s %.*s %d\n", S(v->cancels[i].order_id),
			S(v->cancels[i].event_id), v->cancels[i].reversed);
	for (size_t i = 0; i < v->link_count; i++) {
		fprintf(f, "link\n");
		for (size_t k = 0; k < v->links[i].count; k++)
			dump_id(f, "key", v->links[i].keys[k].kind, &v->links[i].keys[k].id);
	}
}

/* Each bit once, ascending: a sketch is a set. */
static void dump_marks(FILE *f, const struct attrib_mark *marks)
{
	bool set[ATTRIB_SKETCH_BITS] = {false};

	for (; marks; marks = marks->next)
		set[marks->bit] = true;
	for (size_t bit = 0; bit < ATTRIB_SKETCH_BITS; bit++)
		if (set[bit])
			fprintf(f, "mark %zu\n", bit);
}

char *world_dump(struct world *w)
{
	const struct attrib_batch_view *v = world_view(w);
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	assert_non_null(f);
	for (size_t i = 0; i < v->decision_count; i++)
		dump_decision(f, v->decisions[i]);
	for (size_t i = 0; i < v->traffic_count; i++) {
		fprintf(f, "traffic %lld %d %.*s %d %u: %lld %lld\n",
			(long long)v->traffic[i]->bucket_at, v->traffic[i]->channel,
			S(v->traffic[i]->key), v->traffic[i]->type, v->traffic[i]->verdicts,
			(long long)v->traffic[i]->count, (long long)v->traffic[i]->uniques);
		dump_marks(f, v->traffic[i]->marks);
	}
	dump_notes(f, v);
	fclose(f);
	return out;
}

/* Some events twice, in any order, cut into groups anywhere. */
static void shuffle(struct world *w, unsigned *seed)
{
	struct attrib_event *all[WORLD_ROWS_MAX];
	size_t n = w->pending_count;

	memcpy(all, w->pending, sizeof *all * n);
	for (size_t i = 0; i < w->pending_count; i++)
		if (rand_r(seed) % 3 == 0)
			all[n++] = w->pending[i];
	w->pending_count = 0;
	for (size_t i = n; i-- > 0;) {
		size_t k = (size_t)rand_r(seed) % (i + 1);
		struct attrib_event *swap = all[i];
		all[i] = all[k];
		all[k] = swap;
		w->pending[w->pending_count++] = all[i];
		if (rand_r(seed) % 3 == 0)
			world_apply(w);
	}
	world_apply(w);
}

void check_any_order(void (*open)(struct world *w), void (*history)(struct world *w), int turns)
{
	struct world w;
	char *expected, *got;
	unsigned seed = 1;

	open(&w);
	history(&w);
	world_apply(&w);
	expected = world_dump(&w);
	world_done(&w);
	for (int turn = 0; turn < turns; turn++) {
		open(&w);
		history(&w);
		shuffle(&w, &seed);
		got = world_dump(&w);
		assert_string_equal(got, expected);
		free(got);
		world_done(&w);
	}
	free(expected);
}
