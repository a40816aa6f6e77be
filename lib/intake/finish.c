/*
 * The last step of a draft: what its type demands, what its sender may say, and what follows from
 * the fields together.
 */
#include "parts.h"

#include "attrib/text.h"

#define AHEAD_US (5 * ATTRIB_US_PER_MIN) /* how far clocks may run before ours */

static const struct {
	uint64_t required;
	bool signed_only;
} rules[ATTRIB_EVENT_TYPE_MAX + 1] = {
	[ATTRIB_EVENT_CLICK] = {BIT(LINK), false},
	[ATTRIB_EVENT_VISIT] = {BIT(URL), false},
	[ATTRIB_EVENT_VIEW] = {BIT(LINK), false},
	[ATTRIB_EVENT_CODE_APPLIED] = {BIT(CODE), false},
	[ATTRIB_EVENT_LEAD] = {BIT(LEAD_KEY), false},
	[ATTRIB_EVENT_PURCHASE] = {BIT(ORDER_KEY), false},
	[ATTRIB_EVENT_REFUND] = {BIT(REFUND_KEY) | BIT(REFUND_ORDER), true},
	[ATTRIB_EVENT_CANCEL] = {BIT(ORDER_ID), true},
	[ATTRIB_EVENT_ERASE] = {0, true},
};

static bool refuse_missing(struct draft *draft, const struct field *field)
{
	return draft_refuse_as(draft,
		field->form == FORM_ID ? ATTRIB_E_BAD_ID : ATTRIB_E_MISSING_FIELD,
		"%s: is missing, a %s needs it", draft_name_of(draft, field).p,
		attrib_event_type_name(draft->event.type));
}

static bool check_rules(struct draft *draft)
{
	enum attrib_event_type type = draft->event.type;
	uint64_t left = rules[type].required;

	if (rules[type].signed_only && draft->event.trust == ATTRIB_TRUST_STRANGER)
		return draft_refuse_as(draft, ATTRIB_E_UNAUTHORIZED, "type: %s needs a secret key",
			attrib_event_type_name(type));
	if (type == ATTRIB_EVENT_REFUND && draft->event.refund->status != ATTRIB_REFUND_VOID)
		left |= BIT(REFUND_AMOUNT);
	for (; left; left &= left - 1) {
		int id = __builtin_ctzll(left);
		if (!draft_sent(draft, (uint64_t)1 << id) || draft->noted[id].n == 0)
			return refuse_missing(draft, &fields[id]);
	}
	return true;
}

bool draft_declined(const struct draft *draft)
{
	const struct attrib_visit *visit = draft->sender->visit;

	return (visit && visit_opted_out(visit)) ||
	       (draft_sent(draft, BIT(CONSENT)) && !draft->consent);
}

/* Who it was: a genuine cookie, else the id that was sent; nobody without consent. */
static void find_visitor(struct draft *draft)
{
	const struct sender *sender = draft->sender;
	const struct attrib_intake *intake = sender->intake;
	struct attrib_event *event = &draft->event;
	struct attrib_str cookie = ATTRIB_STR_NONE;

	if (draft_declined(draft)) {
		event->verdicts |= ATTRIB_VERDICT_NO_CONSENT;
		return;
	}
	if (sender->visit)
		cookie = visit_cookie(intake, sender->visit);
	event->visitor = cookie.p ? visitor_of_text(intake->keys, event->site, cookie)
				  : attrib_visitor_id(intake->keys, event->site, draft->visitor_id);
	if (sender->visit && intake->site->consent_required && attrib_id_none(&event->visitor))
		event->verdicts |= ATTRIB_VERDICT_NO_CONSENT;
}

/* A server may know whose touch it was, and no browser: then the customer key stands for one, and its
 * edges lead to it as to any other. */
static void stand_in_visitor(struct attrib_event *event)
{
	bool is_touch = event->type == ATTRIB_EVENT_CLICK || event->type == ATTRIB_EVENT_VISIT ||
			event->type == ATTRIB_EVENT_VIEW;

	if (is_touch && event->key_count && attrib_id_none(&event->visitor))
		event->visitor = event->keys[0].id;
}

static bool check_who(struct draft *draft)
{
	const struct attrib_event *event = &draft->event;
	bool who = draft->visitor_id.n || draft->customer_id.n || draft->email.n ||
		   draft->phone.n || !attrib_id_none(&event->visitor);

	if (event->type == ATTRIB_EVENT_ERASE)
		who = event->key_count || !attrib_id_none(&event->visitor);
	if (who || (event->type != ATTRIB_EVENT_IDENTIFY && event->type != ATTRIB_EVENT_ERASE))
		return true;
	return draft_refuse_as(draft, ATTRIB_E_MISSING_FIELD,
		"visitor_id, customer_id, email or phone: one of them is needed");
}

/* Explicit fields override what the URL says; utm as a whole, because its parts belong together. */
static void take_landing(struct draft *draft)
{
	const struct attrib_intake *intake = draft->sender->intake;
	struct attrib_event *event = &draft->event;
	struct attrib_utm *utm = &event->utm;
	struct attrib_landing landing;
	struct attrib_str click = draft->click_id;

	attrib_landing_parse(intake->arena, draft->url, intake->site, &landing);
	event->has_utm =
		utm->source.n || utm->medium.n || utm->campaign.n || utm->term.n || utm->content.n;
	if (!event->has_utm) {
		*utm = landing.utm;
		event->has_utm = landing.has_utm;
	}
	if (event->affiliate.n == 0)
		event->affiliate = landing.affiliate;
	if (click.n == 0)
		click = landing.click_id;
	if (click.n == 0 && event->type == ATTRIB_EVENT_CLICK)
		click = event->event_id; /* a click is its own click id */
	if (click.n)
		event->click = attrib_id_of(intake->keys, ATTRIB_ID_CLICK, event->site, click);
	event->ad_clicks = landing.ad_clicks;
	event->referrer_host = host_of_url(intake->arena, draft->referrer);
}

static void drop_foreign_fields(struct attrib_event *event)
{
	if (event->type != ATTRIB_EVENT_CLICK && event->type != ATTRIB_EVENT_VIEW)
		event->link = ATTRIB_STR_NONE;
	if (event->type != ATTRIB_EVENT_CODE_APPLIED)
		event->code = ATTRIB_STR_NONE;
	if (event->type != ATTRIB_EVENT_CANCEL) {
		event->cancel_order_id = ATTRIB_STR_NONE;
		event->cancel_reversed = false;
	}
}

static void judge(struct draft *draft)
{
	const struct sender *sender = draft->sender;
	struct attrib_event *event = &draft->event;
	struct attrib_str referrer = event->referrer_host;

	if (landing_is_search_ad(event->ad_clicks) &&
		(event->affiliate.n || event->type == ATTRIB_EVENT_CLICK))
		event->verdicts |= ATTRIB_VERDICT_PAID_AD;
	if (event->trust == ATTRIB_TRUST_SIGNED)
		return;
	if (sender->visit)
		event->verdicts |= verdict_of(sender->intake->bots, sender->visit->request);
	if (attrib_site_owns_host(sender->intake->site, referrer) ||
		(event->type == ATTRIB_EVENT_VISIT && referrer.n &&
			attrib_str_eq(referrer, host_of_url(sender->intake->arena, draft->url))))
		event->verdicts |= ATTRIB_VERDICT_OWN_SITE;
}

/* Returns -1 when it was too long ago to be believed, 1 when it is too far ahead, else 0. */
static int clamp(const struct draft *draft, int64_t *at)
{
	const struct attrib_intake *intake = draft->sender->intake;
	int64_t oldest = intake->now - intake->site->site->policy.max_late_us;

	if (*at == ATTRIB_NEVER)
		return 0;
	if (*at > intake->now + AHEAD_US) {
		*at = intake->now + AHEAD_US;
		return 1;
	}
	if (draft->event.trust == ATTRIB_TRUST_STRANGER && *at < oldest) {
		*at = oldest;
		return -1;
	}
	return 0;
}

static void finish_order(struct draft *draft)
{
	const struct attrib_intake *intake = draft->sender->intake;
	struct attrib_order *order = draft->event.order;

	order->key = attrib_id_of(intake->keys, ATTRIB_ID_ORDER, draft->event.site, order->id);
	order->has_total = draft_sent(
		draft, draft->event.type == ATTRIB_EVENT_LEAD ? BIT(LEAD_VALUE) : BIT(ORDER_TOTAL));
	order->has_amounts = order->has_total;
	if (draft->event.type == ATTRIB_EVENT_PURCHASE) {
		order->has_subtotal = draft_sent(draft, BIT(ORDER_SUBTOTAL));
		order->has_amounts =
			draft_sent(draft, BIT(ORDER_TOTAL) | BIT(ORDER_SUBTOTAL) | BIT(ORDER_TAX) |
						  BIT(ORDER_SHIPPING) | BIT(ORDER_DISCOUNT));
		order->has_status = draft_sent(draft, BIT(ORDER_STATUS) | BIT(ORDER_PAID_AT));
		if (order->has_status && !order->status)
			order->status = ATTRIB_ORDER_PAID;
		order->has_codes = draft_sent(draft, BIT(ORDER_CODES));
	}
	if (order->has_amounts && !order->currency[0])
		memcpy(order->currency, intake->site->site->policy.currency,
			sizeof order->currency);
	if (draft->event.type == ATTRIB_EVENT_PURCHASE && !order->has_codes &&
		draft->event.code.n) {
		order->has_codes = true;
		order->codes[order->code_count++].code = draft->event.code;
	}
	if (draft->event.trust == ATTRIB_TRUST_STRANGER)
		order->alias_count = 0; /* two orders become one only by the shop's word */
	clamp(draft, &order->placed_at);
	clamp(draft, &order->paid_at);
	clamp(draft, &order->updated_at);
}

static bool is_ignored(const struct draft *draft)
{
	const struct attrib_policy *policy = &draft->sender->intake->site->site->policy;

	return draft->event.type == ATTRIB_EVENT_PURCHASE &&
	       draft->event.trust == ATTRIB_TRUST_STRANGER &&
	       policy->browser_orders == ATTRIB_BROWSER_IGNORE;
}

/* A page whose visitor takes the consent back identifies nobody. There is nothing to record; the answer
 * ends the cookies. */
static bool is_withdrawal(const struct draft *draft)
{
	return draft->event.type == ATTRIB_EVENT_IDENTIFY && draft->sender->visit &&
	       draft_declined(draft);
}

bool draft_finish(struct draft *draft, bool *keep)
{
	struct attrib_event *event = &draft->event;

	if (!check_rules(draft))
		return false;
	if (is_withdrawal(draft)) {
		*keep = false;
		return true;
	}
	find_visitor(draft);
	draft_customer(draft);
	if (!check_who(draft))
		return false;
	stand_in_visitor(event);
	take_landing(draft);
	judge(draft);
	draft->clamped = clamp(draft, &event->occurred_at);
	if (event->order)
		finish_order(draft);
	if (event->refund)
		event->refund->has_parts =
			draft_sent(draft, BIT(REFUND_TAX) | BIT(REFUND_SHIPPING));
	if (!draft_identify(draft))
		return false;
	drop_foreign_fields(event);
	*keep = !is_ignored(draft);
	return true;
}
