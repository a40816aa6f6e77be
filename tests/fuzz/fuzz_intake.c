/*
 * A body of any bytes; the first one says through which door it came, and with which key. Nothing breaks;
 * what is taken keeps the promises of intake.h, and read a second time it is the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "attrib/analytics.h"
#include "attrib/money.h"
#include "attrib/webhook.h"

#define NOW ((int64_t)1793534400000000) /* 2026-11-01T12:00:00Z */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

struct world {
	struct attrib_arena arena;
	struct attrib_site site;
	struct attrib_str params[2];
	struct attrib_intake_site intake_site;
	struct attrib_intake intake;
	struct attrib_http_request request;
	struct attrib_visit visit;
};

static void require(bool condition)
{
	if (!condition)
		abort();
}

static struct world *world(void)
{
	static struct world w;
	uint8_t secret[ATTRIB_SECRET_BYTES] = {7};

	if (w.intake.keys)
		return &w;
	attrib_arena_init(&w.arena, 65536);
	w.site = (struct attrib_site){.name = ATTRIB_STR("acme"),
		.policy = {.max_late_us = 90 * ATTRIB_US_PER_DAY, .currency = "EUR"}};
	w.params[0] = ATTRIB_STR("ref");
	w.params[1] = ATTRIB_STR("aff");
	w.intake_site = (struct attrib_intake_site){.site = &w.site,
		.affiliate_params = w.params,
		.affiliate_param_count = 2,
		.cookie_domain = ATTRIB_STR(".shop.example")};
	w.visit = (struct attrib_visit){&w.request, ATTRIB_STR("203.0.113.9")};
	w.intake = (struct attrib_intake){.arena = &w.arena,
		.keys = attrib_keys_new(secret),
		.site = &w.intake_site,
		.now = NOW,
		.visit = &w.visit};
	return &w;
}

enum {
	DOOR_SEGMENT = 0, /* and its other calls */
	DOOR_GA4 = 7,
	DOOR_NATIVE,
	DOOR_LINES,
	DOOR_BEACON,
	DOOR_WEBHOOK, /* and those of other vendors */
	DOOR_NONE = DOOR_WEBHOOK + ATTRIB_VENDOR_COUNT
};

static unsigned door_of(uint8_t byte)
{
	return byte >> 1 & 15;
}

static enum attrib_trust trust_of(uint8_t byte)
{
	if (door_of(byte) == DOOR_BEACON)
		return ATTRIB_TRUST_STRANGER;
	return byte & 1 || door_of(byte) >= DOOR_WEBHOOK ? ATTRIB_TRUST_SIGNED
							 : ATTRIB_TRUST_STRANGER;
}

static int read_body(
	struct world *w, uint8_t byte, struct attrib_str body, struct attrib_intake_result *result)
{
	static const struct attrib_str calls[] = {ATTRIB_STR("batch"), ATTRIB_STR("track"),
		ATTRIB_STR("page"), ATTRIB_STR("screen"), ATTRIB_STR("identify"),
		ATTRIB_STR("alias"), ATTRIB_STR("group")};
	unsigned door = door_of(byte);
	enum attrib_trust trust = trust_of(byte);
	struct attrib_webhook hook = {.request = &w->request, .body = body};

	if (door < DOOR_GA4)
		return attrib_intake_segment(
			&w->intake, trust, calls[door - DOOR_SEGMENT], body, result);
	if (door == DOOR_GA4)
		return attrib_intake_ga4(&w->intake, trust, body, result);
	if (door == DOOR_BEACON)
		return attrib_intake_beacon(&w->intake, &w->visit, body, result);
	if (door < DOOR_WEBHOOK)
		return attrib_intake_native(&w->intake, trust, ATTRIB_STR("native"),
			door == DOOR_LINES ? ATTRIB_BODY_NDJSON : ATTRIB_BODY_JSON, body, result);
	hook.vendor = (enum attrib_vendor)(door - DOOR_WEBHOOK);
	return attrib_webhook_read(&w->intake, &hook, result);
}

static void check_amount(int64_t amount)
{
	require(amount >= 0 && amount <= ATTRIB_MONEY_MAX);
}

static void check_order(const struct attrib_event *event)
{
	const struct attrib_order *order = event->order;

	require(order->id.n > 0 && order->code_count <= ATTRIB_ORDER_CODES_MAX &&
		order->alias_count <= ATTRIB_ALIASES_MAX);
	check_amount(order->total);
	check_amount(order->subtotal);
	check_amount(order->tax);
	check_amount(order->shipping);
	check_amount(order->discount);
	require(event->trust == ATTRIB_TRUST_SIGNED || order->alias_count == 0);
}

static void check_event(const struct attrib_event *event, uint8_t byte)
{
	bool stranger = event->trust == ATTRIB_TRUST_STRANGER;

	require(event->trust == trust_of(byte));
	require(event->event_id.n > 0 && event->occurred_at <= NOW + 5 * ATTRIB_US_PER_MIN);
	if (event->order)
		check_order(event);
	if (event->refund)
		check_amount(event->refund->amount);
	require(!stranger ||
		(!event->key_count && !event->refund && event->type != ATTRIB_EVENT_CANCEL &&
			event->occurred_at >= NOW - 90 * ATTRIB_US_PER_DAY));
}

static void check(const struct attrib_intake_result *result, int err, uint8_t byte)
{
	require(!err || (result->whole && result->event_count == 0 && result->reject_count == 1));
	for (size_t i = 0; i < result->event_count; i++)
		check_event(&result->events[i], byte);
	for (size_t i = 0; i < result->reject_count; i++)
		require(result->rejects[i].error && result->rejects[i].message.n);
	for (size_t i = 0; i < result->ignored_count; i++)
		require(!result->ignored[i].error && result->ignored[i].message.n);
}

static void check_same(const struct attrib_intake_result *a, const struct attrib_intake_result *b)
{
	require(a->event_count == b->event_count && a->reject_count == b->reject_count &&
		a->ignored_count == b->ignored_count);
	for (size_t i = 0; i < a->event_count; i++)
		require(attrib_id_eq(&a->events[i].id, &b->events[i].id));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct world *w = world();
	struct attrib_intake_result first, second;
	char *body;
	int err;

	if (n == 0 || door_of(bytes[0]) >= DOOR_NONE)
		return 0;
	body = malloc(n - 1 + 64);
	require(body != NULL);
	memcpy(body, bytes + 1, n - 1);
	memset(body + n - 1, '7', 64); /* would go on with a number */
	attrib_arena_reset(&w->arena);
	err = read_body(w, bytes[0], (struct attrib_str){body, n - 1}, &first);
	check(&first, err, bytes[0]);
	require(read_body(w, bytes[0], (struct attrib_str){body, n - 1}, &second) == err);
	check_same(&first, &second);
	free(body);
	return 0;
}
