#include "random_event.h"

uint64_t random_next(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static bool coin(uint64_t *seed)
{
	return random_next(seed) & 1;
}

static struct attrib_str text(uint64_t *seed, struct attrib_arena *arena)
{
	static const size_t lengths[] = {0, 0, 1, 7, 22, 127, 128, 255, 20000};
	size_t n = lengths[random_next(seed) % (sizeof lengths / sizeof *lengths)];
	char *p = attrib_arena_raw(arena, n + 1);

	for (size_t i = 0; i < n; i++)
		p[i] = (char)(1 + random_next(seed) % 127);
	return (struct attrib_str){p, n};
}

static struct attrib_id id(uint64_t *seed)
{
	uint64_t words[2] = {random_next(seed), random_next(seed)};
	struct attrib_id out = {{0}};

	if (coin(seed))
		memcpy(out.b, words, sizeof out.b);
	return out;
}

static int64_t number(uint64_t *seed)
{
	static const int64_t edges[] = {0, 1, -1, 63, -64, 64, ATTRIB_EVENT_NUMBER_MAX,
		-ATTRIB_EVENT_NUMBER_MAX, 1000000000000000};
	size_t pick = random_next(seed) % 12;

	return pick < 9 ? edges[pick]
			: (int64_t)((random_next(seed) & ATTRIB_EVENT_NUMBER_MAX) >>
				    random_next(seed) % 58);
}

static int64_t instant(uint64_t *seed)
{
	return coin(seed) ? ATTRIB_NEVER : number(seed);
}

static void currency(uint64_t *seed, char out[4])
{
	if (coin(seed))
		memcpy(out, coin(seed) ? "EUR" : "JPY", 4);
}

static struct attrib_order *order(uint64_t *seed, struct attrib_arena *arena)
{
	struct attrib_order *o = attrib_arena_alloc(arena, sizeof *o);

	*o = (struct attrib_order){.id = text(seed, arena),
		.key = id(seed),
		.name = text(seed, arena),
		.kind = text(seed, arena),
		.source = text(seed, arena),
		.test = coin(seed),
		.has_amounts = coin(seed),
		.has_total = coin(seed),
		.has_subtotal = coin(seed),
		.total = number(seed),
		.subtotal = number(seed),
		.tax = number(seed),
		.shipping = number(seed),
		.discount = number(seed),
		.has_status = coin(seed),
		.status = (enum attrib_order_status)(random_next(seed) % 3),
		.placed_at = instant(seed),
		.paid_at = instant(seed),
		.updated_at = instant(seed),
		.has_codes = coin(seed)};
	currency(seed, o->currency);
	o->code_count = random_next(seed) % (ATTRIB_ORDER_CODES_MAX + 1);
	for (size_t i = 0; i < o->code_count; i++) {
		o->codes[i].code = text(seed, arena);
		o->codes[i].has_amount = coin(seed);
		o->codes[i].amount = o->codes[i].has_amount ? number(seed) : 0;
	}
	o->alias_count = random_next(seed) % (ATTRIB_ALIASES_MAX + 1);
	for (size_t i = 0; i < o->alias_count; i++)
		o->aliases[i] =
			(struct attrib_alias){text(seed, arena), text(seed, arena), id(seed)};
	return o;
}

static struct attrib_refund *refund(uint64_t *seed, struct attrib_arena *arena)
{
	struct attrib_refund *r = attrib_arena_alloc(arena, sizeof *r);

	*r = (struct attrib_refund){.id = text(seed, arena),
		.order_id = text(seed, arena),
		.amount = number(seed),
		.has_parts = coin(seed),
		.tax = number(seed),
		.shipping = number(seed),
		.cumulative = coin(seed),
		.status = (enum attrib_refund_status)(random_next(seed) % 3)};
	currency(seed, r->currency);
	return r;
}

void random_event(uint64_t *seed, struct attrib_arena *arena, struct attrib_event *e)
{
	*e = (struct attrib_event){
		.type = (enum attrib_event_type)(1 + random_next(seed) % ATTRIB_EVENT_TYPE_MAX),
		.trust = (enum attrib_trust)(random_next(seed) % 2),
		.site = text(seed, arena),
		.source = text(seed, arena),
		.verdicts = (uint32_t)random_next(seed),
		.received_at = (int64_t)(random_next(seed) & ATTRIB_EVENT_NUMBER_MAX),
		.occurred_at = number(seed),
		.event_id = text(seed, arena),
		.id = id(seed),
		.visitor = id(seed),
		.click = id(seed),
		.cart_token = id(seed),
		.checkout_token = id(seed),
		.link = text(seed, arena),
		.affiliate = text(seed, arena),
		.code = text(seed, arena),
		.has_utm = coin(seed),
		.ad_clicks = (uint32_t)random_next(seed),
		.referrer_host = text(seed, arena),
		.country = text(seed, arena),
		.cancel_order_id = text(seed, arena),
		.cancel_reversed = coin(seed)};
	if (e->has_utm)
		e->utm = (struct attrib_utm){text(seed, arena), text(seed, arena),
			text(seed, arena), text(seed, arena), text(seed, arena)};
	if (coin(seed))
		e->occurred_at = e->received_at;
	e->key_count = random_next(seed) % (ATTRIB_CUSTOMER_KEYS_MAX + 1);
	for (size_t i = 0; i < e->key_count; i++) {
		e->keys[i].kind = (enum attrib_customer_kind)(1 + random_next(seed) % 3);
		e->keys[i].id = id(seed);
	}
	if (e->type == ATTRIB_EVENT_PURCHASE || e->type == ATTRIB_EVENT_LEAD)
		e->order = order(seed, arena);
	if (e->type == ATTRIB_EVENT_REFUND)
		e->refund = refund(seed, arena);
}
