/*
 * What names an event and the people in it: the event's id, sent or derived, and customer keys.
 */
#include "parts.h"

#include "attrib/text.h"

/* Addresses without '@' ("n/a", "none") would make strangers one customer. */
struct attrib_str attrib_email_normalise(struct attrib_arena *arena, struct attrib_str email)
{
	struct attrib_str folded = attrib_fold(arena, email);

	return folded.n && memchr(folded.p, '@', folded.n) ? folded : ATTRIB_STR_NONE;
}

struct attrib_str attrib_phone_normalise(struct attrib_arena *arena, struct attrib_str phone)
{
	char *p = attrib_arena_raw(arena, phone.n + 1);
	size_t n = 0, zeros = 0;

	if (!p)
		return ATTRIB_STR_NONE;
	p[n++] = '+';
	for (size_t i = 0; i < phone.n; i++) {
		if (phone.p[i] >= '0' && phone.p[i] <= '9')
			p[n++] = phone.p[i];
	}
	/* "0049..." is "+49..."; a single 0 belongs to the number */
	if (n > 3 && p[1] == '0' && p[2] == '0') {
		memmove(p + 1, p + 3, n - 3);
		n -= 2;
	}
	while (zeros + 1 < n && p[zeros + 1] == '0')
		zeros++;
	return n - 1 - zeros < 5 ? ATTRIB_STR_NONE : (struct attrib_str){p, n};
}

static struct attrib_str normalise(
	struct attrib_arena *arena, enum attrib_customer_kind kind, struct attrib_str value)
{
	switch (kind) {
	case ATTRIB_KEY_EMAIL:
		return attrib_email_normalise(arena, value);
	case ATTRIB_KEY_PHONE:
		return attrib_phone_normalise(arena, value);
	case ATTRIB_KEY_CUSTOMER:
		return attrib_str_trim(value);
	}
	return ATTRIB_STR_NONE;
}

bool attrib_customer_key_of(struct attrib_keys *keys, struct attrib_arena *arena,
	struct attrib_str site, enum attrib_customer_kind kind, struct attrib_str value,
	struct attrib_customer_key *out)
{
	static const enum attrib_id_domain domains[] = {
		[ATTRIB_KEY_EMAIL] = ATTRIB_ID_EMAIL,
		[ATTRIB_KEY_PHONE] = ATTRIB_ID_PHONE,
		[ATTRIB_KEY_CUSTOMER] = ATTRIB_ID_CUSTOMER,
	};
	struct attrib_str normal = normalise(arena, kind, value);

	if (normal.n == 0 || attrib_str_eq(normal, ATTRIB_STR("0")))
		return false;
	*out = (struct attrib_customer_key){kind, attrib_id_of(keys, domains[kind], site, normal)};
	return true;
}

static void add_key(struct draft *draft, enum attrib_customer_kind kind, struct attrib_str value)
{
	const struct attrib_intake *intake = draft->sender->intake;
	struct attrib_event *event = &draft->event;

	if (attrib_customer_key_of(intake->keys, intake->arena, event->site, kind, value,
		    &event->keys[event->key_count]))
		event->key_count++;
}

void draft_customer(struct draft *draft)
{
	if (draft->event.trust == ATTRIB_TRUST_STRANGER)
		return;
	add_key(draft, ATTRIB_KEY_EMAIL, draft->email);
	add_key(draft, ATTRIB_KEY_PHONE, draft->phone);
	add_key(draft, ATTRIB_KEY_CUSTOMER, draft->customer_id);
}

/* Facts that mean the same however often they are told. The others happen again: without a time of
 * their own, the moment and place in the request tell two of them apart. */
static bool is_retold(enum attrib_event_type type)
{
	switch (type) {
	case ATTRIB_EVENT_LEAD:
	case ATTRIB_EVENT_PURCHASE:
	case ATTRIB_EVENT_REFUND:
	case ATTRIB_EVENT_CANCEL:
	case ATTRIB_EVENT_IDENTIFY:
		return true;
	case ATTRIB_EVENT_CLICK:
	case ATTRIB_EVENT_VISIT:
	case ATTRIB_EVENT_VIEW:
	case ATTRIB_EVENT_CODE_APPLIED:
	case ATTRIB_EVENT_CART:
	case ATTRIB_EVENT_CHECKOUT:
	case ATTRIB_EVENT_ERASE:
		return false;
	}
	return false;
}

/* A digest's bytes are gathered by two walks over the same content: the first one only counts. */
struct digest {
	char *p; /* NULL: counting */
	size_t n;
};

static void digest_bytes(struct digest *digest, const void *bytes, size_t n)
{
	if (digest->p && n)
		memcpy(digest->p + digest->n, bytes, n);
	digest->n += n;
}

/* A text with its length, so that no two lists of texts give the same bytes. */
static void digest_text(struct digest *digest, struct attrib_str s)
{
	uint32_t n = (uint32_t)s.n;

	digest_bytes(digest, &n, sizeof n);
	digest_bytes(digest, s.p, s.n);
}

static void digest_lists(struct digest *digest, const struct draft *draft)
{
	for (size_t i = 0; i < draft->code_count; i++) {
		digest_text(digest, draft->codes[i].code);
		digest_text(digest, draft->codes[i].amount);
	}
	for (size_t i = 0; i < draft->alias_count; i++) {
		digest_text(digest, draft->aliases[i].kind);
		digest_text(digest, draft->aliases[i].value);
	}
}

/* Everything as it was sent. Fields are named, not numbered: the table may grow between a request
 * and its retry. */
static void digest_draft(struct digest *digest, const struct draft *draft)
{
	const struct attrib_event *event = &draft->event;
	uint64_t left = draft->sent & ~(BIT(EVENT_ID) | BIT(SITE));

	digest_bytes(digest, event->visitor.b, sizeof event->visitor.b);
	if (!is_retold(event->type) && !draft_sent(draft, BIT(OCCURRED_AT))) {
		uint64_t index = draft->index;
		digest_bytes(digest, &event->received_at, sizeof event->received_at);
		digest_bytes(digest, &index, sizeof index);
	}
	for (; left; left &= left - 1) {
		const struct field *field = &fields[__builtin_ctzll(left)];
		digest_bytes(digest, &field->group, 1);
		digest_text(digest, field->name);
		digest_text(digest, draft->noted[field_id(field)]);
	}
	digest_lists(digest, draft);
}

/* What is to be named: the request and the place in it, where the sender names the request. */
static void digest_name(struct digest *digest, const struct draft *draft)
{
	struct attrib_str request = draft->sender->request_id;
	uint64_t index = draft->index;

	if (request.n == 0) {
		digest_draft(digest, draft);
		return;
	}
	digest_text(digest, draft->sender->source);
	digest_text(digest, request);
	digest_bytes(digest, &index, sizeof index);
}

static bool derive_event_id(struct draft *draft)
{
	const struct attrib_intake *intake = draft->sender->intake;
	char *hex = attrib_arena_raw(intake->arena, 32);
	struct digest digest = {0};
	struct attrib_id id;

	digest_name(&digest, draft);
	digest = (struct digest){.p = attrib_arena_raw(intake->arena, digest.n)};
	if (!digest.p || !hex)
		return draft_refuse_as(draft, ATTRIB_E_NOMEM, "out of memory");
	digest_name(&digest, draft);
	id = attrib_id_of(intake->keys, ATTRIB_ID_CONTENT, draft->event.site,
		(struct attrib_str){digest.p, digest.n});
	attrib_hex(id.b, sizeof id.b, hex);
	draft->event.event_id = (struct attrib_str){hex, 32};
	return true;
}

/* "<type>:<event id>": one id may name a fact of each type. */
static struct attrib_str name_of(struct attrib_arena *arena, const struct attrib_event *event)
{
	struct attrib_str type = attrib_str_of(attrib_event_type_name(event->type));
	size_t n = type.n + 1 + event->event_id.n;
	char *p = attrib_arena_raw(arena, n);

	if (!p)
		return ATTRIB_STR_NONE;
	memcpy(p, type.p, type.n);
	p[type.n] = ':';
	memcpy(p + type.n + 1, event->event_id.p, event->event_id.n);
	return (struct attrib_str){p, n};
}

bool draft_identify(struct draft *draft)
{
	const struct attrib_intake *intake = draft->sender->intake;
	struct attrib_event *event = &draft->event;
	struct attrib_str name;

	if (event->event_id.n == 0 && !derive_event_id(draft))
		return false;
	name = name_of(intake->arena, event);
	event->id = attrib_id_of(intake->keys,
		event->trust == ATTRIB_TRUST_SIGNED ? ATTRIB_ID_EVENT : ATTRIB_ID_EVENT_OPEN,
		event->site, name);
	return name.p || draft_refuse_as(draft, ATTRIB_E_NOMEM, "out of memory");
}
