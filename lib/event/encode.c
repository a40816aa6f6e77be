/*
 * Events to bytes: one walk over the tables of fields.c, straight into the caller's buffer.
 */
#include "fields.h"

#define HEAD_MAX (1 + VARINT_MAX) /* bytes of a field's tag and length */

static inline uint64_t zigzag(uint64_t v)
{
	return v << 1 ^ (0 - (v >> 63));
}

static inline size_t varint_put(uint8_t *p, uint64_t v)
{
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		p[n++] = (uint8_t)(v | 0x80);
	p[n++] = (uint8_t)v;
	return n;
}

static inline size_t varint_size(uint64_t v)
{
	return v < 0x80 ? 1 : (size_t)(70 - __builtin_clzll(v)) / 7;
}

/* The head of a field whose n bytes the caller writes next: where they go, or NULL. The room for all
 * of it is there, and out->n is already behind it. */
static inline uint8_t *field_head(struct attrib_buf *out, const struct field *f, size_t n)
{
	uint8_t *p;

	if (out->err || (out->cap - out->n < HEAD_MAX + n && attrib_buf_reserve(out, HEAD_MAX + n)))
		return NULL;
	p = out->p + out->n;
	*p++ = f->tag;
	p += varint_put(p, n);
	out->n = (size_t)(p - out->p) + n;
	return p;
}

static inline void put_bytes(
	struct attrib_buf *out, const struct field *f, const void *bytes, size_t n)
{
	uint8_t *p = n ? field_head(out, f, n) : NULL;

	if (p)
		memcpy(p, bytes, n);
}

static inline void put_number(struct attrib_buf *out, const struct field *f, uint64_t v)
{
	uint8_t *p = v ? field_head(out, f, varint_size(v)) : NULL;

	if (p)
		varint_put(p, v);
}

static void put_instant(struct attrib_buf *out, const struct field *f, int64_t at)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)((uint64_t)at >> 8 * i);
	if (at != ATTRIB_NEVER)
		put_bytes(out, f, bytes, sizeof bytes);
}

static void put_keys(
	struct attrib_buf *out, const struct field *f, const struct attrib_event *event)
{
	uint8_t bytes[ATTRIB_CUSTOMER_KEYS_MAX * 17], *p = bytes;

	for (size_t i = 0; i < event->key_count; i++) {
		*p++ = (uint8_t)event->keys[i].kind;
		memcpy(p, event->keys[i].id.b, 16);
		p += 16;
	}
	put_bytes(out, f, bytes, (size_t)(p - bytes));
}

static uint8_t *text_put(uint8_t *p, struct attrib_str s)
{
	if (s.n)
		memcpy(p, s.p, s.n);
	return p + s.n;
}

static void put_codes(
	struct attrib_buf *out, const struct field *f, const struct attrib_order *order)
{
	size_t n = 0;
	uint8_t *p;

	for (size_t i = 0; i < order->code_count; i++) {
		const struct attrib_order_code *code = &order->codes[i];
		n += varint_size(2 * code->code.n) + code->code.n;
		n += code->has_amount ? varint_size(zigzag((uint64_t)code->amount)) : 0;
	}
	p = n ? field_head(out, f, n) : NULL;
	for (size_t i = 0; p && i < order->code_count; i++) {
		const struct attrib_order_code *code = &order->codes[i];
		p += varint_put(p, 2 * code->code.n + code->has_amount);
		p = text_put(p, code->code);
		if (code->has_amount)
			p += varint_put(p, zigzag((uint64_t)code->amount));
	}
}

static void put_aliases(
	struct attrib_buf *out, const struct field *f, const struct attrib_order *order)
{
	size_t n = 0;
	uint8_t *p;

	for (size_t i = 0; i < order->alias_count; i++) {
		const struct attrib_alias *a = &order->aliases[i];
		n += varint_size(a->kind.n) + a->kind.n + varint_size(a->value.n) + a->value.n + 16;
	}
	p = n ? field_head(out, f, n) : NULL;
	for (size_t i = 0; p && i < order->alias_count; i++) {
		const struct attrib_alias *a = &order->aliases[i];
		p = text_put(p + varint_put(p, a->kind.n), a->kind);
		p = text_put(p + varint_put(p, a->value.n), a->value);
		memcpy(p, a->id.b, 16);
		p += 16;
	}
}

static inline void put_field(
	struct attrib_buf *out, const struct field *f, const void *base, int64_t received_at)
{
	const void *at = (const char *)base + f->offset;
	const struct attrib_str *text = at;

	switch ((enum form)f->form) {
	case TEXT:
		put_bytes(out, f, text->p, text->n);
		break;
	case ID:
		put_bytes(out, f, at, attrib_id_none(at) ? 0 : 16);
		break;
	case SMALL:
		put_number(out, f, *(const uint32_t *)at);
		break;
	case FLAG:
		if (*(const bool *)at)
			field_head(out, f, 0);
		break;
	case AMOUNT:
		put_number(out, f, zigzag(*(const uint64_t *)at));
		break;
	case INSTANT:
		put_instant(out, f, *(const int64_t *)at);
		break;
	case AFTER:
		put_number(out, f, zigzag(*(const uint64_t *)at - (uint64_t)received_at));
		break;
	case CURRENCY:
		put_bytes(out, f, at, strnlen(at, 3));
		break;
	case KEYS:
		put_keys(out, f, base);
		break;
	case CODES:
		put_codes(out, f, base);
		break;
	case ALIASES:
		put_aliases(out, f, base);
		break;
	case END:
		break;
	}
}

static void put_struct(
	struct attrib_buf *out, const struct field *fields, const void *base, int64_t received_at)
{
	for (const struct field *f = fields; f->form != END; f++)
		put_field(out, f, base, received_at);
}

void attrib_event_encode(const struct attrib_event *event, struct attrib_buf *out)
{
	attrib_buf_char(out, EVENT_VERSION);
	put_struct(out, event_fields, event, event->received_at);
	if (event->order)
		put_struct(out, order_fields, event->order, event->received_at);
	if (event->refund)
		put_struct(out, refund_fields, event->refund, event->received_at);
}
