/*
 * Bytes to events. Everything is checked against the payload's end, nothing is trusted; what passes
 * is a structure that the engine can walk without asking again. Bit rot is not found here: the
 * journal has a checksum over every record.
 */
#include "fields.h"

#include <endian.h>

/* Each takes from the front of *in; false = it is not there. */
static inline bool varint_take(struct attrib_str *in, uint64_t *out)
{
	uint64_t v = 0;

	if (in->n && (uint8_t)in->p[0] < 0x80) { /* nearly all */
		*out = (uint8_t)in->p[0];
		*in = (struct attrib_str){in->p + 1, in->n - 1};
		return true;
	}
	for (size_t i = 0; i < in->n && i < VARINT_MAX; i++) {
		uint8_t byte = (uint8_t)in->p[i];
		v |= (uint64_t)(byte & 0x7f) << 7 * i;
		if (byte < 0x80) {
			*in = (struct attrib_str){in->p + i + 1, in->n - i - 1};
			*out = v;
			return true;
		}
	}
	return false;
}

static inline bool bytes_take(struct attrib_str *in, uint64_t n, struct attrib_str *out)
{
	if (n > in->n)
		return false;
	*out = (struct attrib_str){in->p, n};
	*in = (struct attrib_str){in->p + n, in->n - n};
	return true;
}

static inline int64_t unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

/* A number that fills the whole field. */
static inline bool get_number(struct attrib_str in, uint64_t *out)
{
	return varint_take(&in, out) && in.n == 0;
}

static inline bool get_small(struct attrib_str in, uint32_t *out)
{
	uint64_t v;

	if (!get_number(in, &v) || v > UINT32_MAX)
		return false;
	*out = (uint32_t)v;
	return true;
}

static inline bool is_number(int64_t v)
{
	return v >= -ATTRIB_EVENT_NUMBER_MAX && v <= ATTRIB_EVENT_NUMBER_MAX;
}

static inline bool get_signed(struct attrib_str in, int64_t *out, int64_t base)
{
	uint64_t v;

	if (!get_number(in, &v))
		return false;
	*out = (int64_t)((uint64_t)base + (uint64_t)unzigzag(v));
	return is_number(*out);
}

static inline bool get_instant(struct attrib_str in, int64_t *out)
{
	uint64_t v;

	if (in.n != sizeof v)
		return false;
	memcpy(&v, in.p, sizeof v);
	*out = (int64_t)le64toh(v);
	return is_number(*out);
}

static inline bool get_fixed(struct attrib_str in, void *out, size_t n)
{
	if (in.n != n)
		return false;
	memcpy(out, in.p, n);
	return true;
}

static bool get_keys(struct attrib_str in, struct attrib_event *event)
{
	size_t n = in.n / 17;

	if (in.n % 17 || n > ATTRIB_CUSTOMER_KEYS_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		uint8_t kind = (uint8_t)in.p[17 * i];
		if (kind < ATTRIB_KEY_EMAIL || kind > ATTRIB_KEY_CUSTOMER)
			return false;
		event->keys[i].kind = (enum attrib_customer_kind)kind;
		memcpy(event->keys[i].id.b, in.p + 17 * i + 1, 16);
	}
	event->key_count = n;
	return true;
}

static bool get_codes(struct attrib_str in, struct attrib_order *order)
{
	uint64_t head, amount;

	while (in.n) {
		struct attrib_order_code *code = &order->codes[order->code_count];
		if (order->code_count == ATTRIB_ORDER_CODES_MAX || !varint_take(&in, &head) ||
			!bytes_take(&in, head >> 1, &code->code))
			return false;
		code->has_amount = head & 1;
		if (code->has_amount) {
			if (!varint_take(&in, &amount))
				return false;
			code->amount = unzigzag(amount);
			if (!is_number(code->amount))
				return false;
		}
		order->code_count++;
	}
	return true;
}

static bool get_aliases(struct attrib_str in, struct attrib_order *order)
{
	struct attrib_str id;
	uint64_t n;

	while (in.n) {
		struct attrib_alias *alias = &order->aliases[order->alias_count];
		if (order->alias_count == ATTRIB_ALIASES_MAX || !varint_take(&in, &n) ||
			!bytes_take(&in, n, &alias->kind) || !varint_take(&in, &n) ||
			!bytes_take(&in, n, &alias->value) || !bytes_take(&in, 16, &id))
			return false;
		memcpy(alias->id.b, id.p, 16);
		order->alias_count++;
	}
	return true;
}

static inline bool get_field(
	const struct field *f, struct attrib_str in, void *base, int64_t received_at)
{
	void *at = (char *)base + f->offset;

	switch ((enum form)f->form) {
	case TEXT:
		*(struct attrib_str *)at = in;
		return true;
	case ID:
		return get_fixed(in, at, 16);
	case SMALL:
		return get_small(in, at);
	case FLAG:
		*(bool *)at = true;
		return in.n == 0;
	case AMOUNT:
		return get_signed(in, at, 0);
	case INSTANT:
		return get_instant(in, at);
	case AFTER:
		return get_signed(in, at, received_at);
	case CURRENCY:
		return get_fixed(in, at, 3);
	case KEYS:
		return get_keys(in, base);
	case CODES:
		return get_codes(in, base);
	case ALIASES:
		return get_aliases(in, base);
	case END:
		break;
	}
	return false;
}

struct reader {
	struct attrib_event *event;
	void *base[256 / TAGS]; /* NULL = the type has no such object */
};

static bool has_order(enum attrib_event_type type)
{
	return type == ATTRIB_EVENT_PURCHASE || type == ATTRIB_EVENT_LEAD;
}

/* The type is known: makes room for its object. */
static int open_object(struct reader *r, struct attrib_arena *arena)
{
	struct attrib_event *event = r->event;

	if (event->type < ATTRIB_EVENT_CLICK || event->type > ATTRIB_EVENT_TYPE_MAX)
		return ATTRIB_E_CORRUPT;
	if (has_order(event->type)) {
		event->order = attrib_arena_alloc(arena, sizeof *event->order);
		if (!event->order)
			return ATTRIB_E_NOMEM;
		event->order->placed_at = event->order->paid_at = event->order->updated_at =
			ATTRIB_NEVER;
	} else if (event->type == ATTRIB_EVENT_REFUND) {
		event->refund = attrib_arena_alloc(arena, sizeof *event->refund);
		if (!event->refund)
			return ATTRIB_E_NOMEM;
	}
	r->base[1] = event->order;
	r->base[2] = event->refund;
	return 0;
}

static inline bool read_field(struct reader *r, uint8_t tag, struct attrib_str in)
{
	const struct field *f = &fields_by_tag[tag];
	void *base = r->base[tag / TAGS];

	if (f->form == END)
		return true; /* of a newer writer */
	if (!base || !get_field(f, in, base, r->event->received_at))
		return false;
	/* occurred_at is told relative to received_at, and not at all when they are equal */
	if (f->form == INSTANT && base == r->event)
		r->event->occurred_at = r->event->received_at;
	return true;
}

/* Enums that the engine will switch over, and what no event lacks. */
static bool is_whole(const struct attrib_event *event)
{
	if (event->received_at == ATTRIB_NEVER || event->trust > ATTRIB_TRUST_SIGNED)
		return false;
	if (event->order && event->order->status > ATTRIB_ORDER_PAID)
		return false;
	return !event->refund || event->refund->status <= ATTRIB_REFUND_VOID;
}

/* The head of a field and its bytes from the front of *in; false = it is cut off. */
static inline bool take_field(struct attrib_str *in, uint8_t *tag, struct attrib_str *bytes)
{
	uint64_t n;

	*tag = (uint8_t)in->p[0];
	if (in->n > 1 && (uint8_t)in->p[1] < 0x80) { /* nearly all */
		n = (uint8_t)in->p[1];
		*in = (struct attrib_str){in->p + 2, in->n - 2};
	} else {
		*in = (struct attrib_str){in->p + 1, in->n - 1};
		if (!varint_take(in, &n))
			return false;
	}
	return bytes_take(in, n, bytes);
}

static int read_fields(struct attrib_str in, struct attrib_arena *arena, struct attrib_event *event)
{
	struct reader r = {.event = event, .base = {event}};
	struct attrib_str bytes;
	uint8_t tag, last = 0;
	int err = 0;

	while (in.n) {
		if (!take_field(&in, &tag, &bytes) || tag <= last || (last == 0 && tag != 1) ||
			!read_field(&r, tag, bytes))
			return ATTRIB_E_CORRUPT;
		if (last == 0)
			err = open_object(&r, arena);
		if (err)
			return err;
		last = tag;
	}
	return last && is_whole(event) ? 0 : ATTRIB_E_CORRUPT;
}

int attrib_event_decode(
	struct attrib_str payload, struct attrib_arena *arena, struct attrib_event *out)
{
	uint8_t version = payload.n ? (uint8_t)payload.p[0] : 0;

	if (version == 0)
		return ATTRIB_E_CORRUPT;
	if (version > EVENT_VERSION)
		return ATTRIB_E_VERSION;
	memset(out, 0, sizeof *out); /* of half a kilobyte: no second copy of it */
	out->received_at = out->occurred_at = ATTRIB_NEVER;
	return read_fields((struct attrib_str){payload.p + 1, payload.n - 1}, arena, out);
}
