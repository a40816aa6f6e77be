-- What the merge writes. A conversion is one row for ever; its path and its credits are replaced as
-- a unit; refunds and cancels are facts that are kept by their own keys and split over the credits.
-- Ordinals: kind 1 order, 2 lead. Channels 1 link, 2 affiliate, 3 utm, 4 code, 5 view, 6 other,
-- 7 direct, 8 unattributed. Arrays over models: policy, last_touch, first_touch, linear, position,
-- time_decay. Texts that are absent are empty in keys and NULL in views.

CREATE TABLE attrib.conversion (
	site              text COLLATE "C" NOT NULL,
	kind              smallint NOT NULL,
	order_id          text COLLATE "C" NOT NULL,
	ticket            bigint NOT NULL DEFAULT 0,
	merged_into       text COLLATE "C" NOT NULL DEFAULT '',
	base_status       smallint NOT NULL DEFAULT 0,
	reason            text NOT NULL DEFAULT '',
	counted           boolean NOT NULL DEFAULT false,
	late              boolean NOT NULL DEFAULT false,
	signed            boolean NOT NULL DEFAULT false,
	currency          text COLLATE "C" NOT NULL DEFAULT '',
	exponent          smallint NOT NULL DEFAULT 2,
	gross             bigint NOT NULL DEFAULT 0,
	total             bigint NOT NULL DEFAULT 0,
	refunded          bigint NOT NULL DEFAULT 0,
	refund_total      bigint NOT NULL DEFAULT 0,
	over_refund       boolean NOT NULL DEFAULT false,
	cancelled         boolean NOT NULL DEFAULT false,
	placed_at         timestamptz,
	counted_at        timestamptz,
	first_received_at timestamptz,
	day               date,
	order_kind        text NOT NULL DEFAULT '',
	order_source      text NOT NULL DEFAULT '',
	source            text NOT NULL DEFAULT '',
	rule              text NOT NULL DEFAULT '',
	policy_version    int NOT NULL DEFAULT 0,
	catalog_version   bigint NOT NULL DEFAULT 0,
	credited          boolean NOT NULL DEFAULT false,
	creator_claims    int NOT NULL DEFAULT 0,
	channel_claims    int NOT NULL DEFAULT 0,
	PRIMARY KEY (site, kind, order_id)
);
CREATE INDEX conversion_merged ON attrib.conversion (site, kind, merged_into) WHERE merged_into <> '';
SELECT attrib.describe('conversion', 'An order or a lead, counted once. Ticket 0 = only a lock or facts that wait for their order.',
	'site: shop',
	'kind: 1 order, 2 lead',
	'order_id: canonical id',
	'ticket: of the decision; only a higher one replaces it',
	'merged_into: not empty: this id is another''s alias, nothing of it counts',
	'base_status: before refunds and cancels: 1 provisional, 2 pending, 3 paid, 4 excluded; 0 = not decided',
	'reason: why it is excluded, late, not counted or not credited; else empty',
	'counted: goes into sums',
	'late: first received later than lock_after behind its time: unattributed',
	'signed: some signed source has spoken for it',
	'currency: ISO 4217',
	'exponent: of the currency: 2 = cents',
	'gross: minor units, on the site''s basis (after discounts, without tax and shipping)',
	'total: minor units: what refunds are a part of',
	'refunded: minor units of gross: refund_total x gross / total rounded half up, or from the refunds'' own parts; gross when cancelled',
	'refund_total: minor units of total: the maximum over sources of that source''s own total, clamped at total',
	'over_refund: more was refunded than the total',
	'cancelled: by the latest cancel fact',
	'placed_at: T',
	'counted_at: date of revenue',
	'first_received_at: of its first observation',
	'day: local day of counted_at when it was written: the day of the rollups',
	'order_kind: one_off, first, renewal, ...',
	'order_source: web, pos, draft, marketplace, ...',
	'source: whose money counts: shopify, native, ...',
	'rule: that decided',
	'policy_version: it was decided by',
	'catalog_version: it was decided by',
	'credited: the policy model credits a creator',
	'creator_claims: creators with an eligible touch: each would report this order alone',
	'channel_claims: channels with an eligible touch of a creator');

CREATE TABLE attrib.path_row (
	site           text COLLATE "C" NOT NULL,
	kind           smallint NOT NULL,
	order_id       text COLLATE "C" NOT NULL,
	step           smallint NOT NULL,
	channel        smallint NOT NULL,
	key            text COLLATE "C" NOT NULL,
	folded         text COLLATE "C" NOT NULL,
	creator        text COLLATE "C" NOT NULL,
	campaign       text COLLATE "C" NOT NULL,
	placement      text COLLATE "C" NOT NULL,
	tracker        text COLLATE "C" NOT NULL,
	occurred_at    timestamptz NOT NULL,
	window_ends_at timestamptz,
	eligible       boolean NOT NULL,
	suspect        boolean NOT NULL,
	by_click_id    boolean NOT NULL,
	viewed         boolean NOT NULL,
	reason         text NOT NULL,
	credit         smallint,
	event_id       text COLLATE "C" NOT NULL,
	PRIMARY KEY (site, kind, order_id, step)
);
CREATE INDEX path_row_unowned ON attrib.path_row (site, channel, folded) WHERE creator = '';
SELECT attrib.describe('path_row', 'Every touch considered for a conversion, eligible or not and why.',
	'site: shop', 'kind: 1 order, 2 lead', 'order_id: of the conversion',
	'step: 1, 2, ... by (occurred_at, event id)',
	'channel: ordinal',
	'key: as first sent',
	'folded: what the catalog was asked for',
	'creator: owner of the key then; empty = nobody',
	'campaign: of the tracker', 'placement: of the tracker',
	'tracker: key of the tracker as written; empty = none',
	'occurred_at: when', 'window_ends_at: eligible until; NULL = no window',
	'eligible: could earn', 'suspect: flagged, still eligible',
	'by_click_id: came by a click id that the order carries',
	'viewed: a view, not a click',
	'reason: why it is eligible or not',
	'credit: n of the credit that it was collapsed into',
	'event_id: the tie-break');

CREATE TABLE attrib.credit (
	site       text COLLATE "C" NOT NULL,
	kind       smallint NOT NULL,
	order_id   text COLLATE "C" NOT NULL,
	n          smallint NOT NULL,
	channel    smallint NOT NULL,
	creator    text COLLATE "C" NOT NULL,
	campaign   text COLLATE "C" NOT NULL,
	placement  text COLLATE "C" NOT NULL,
	tracker    text COLLATE "C" NOT NULL,
	touched_at timestamptz NOT NULL,
	share      bigint[] NOT NULL,
	amount     bigint[] NOT NULL,
	refunded   bigint[] NOT NULL,
	PRIMARY KEY (site, kind, order_id, n)
);
SELECT attrib.describe('credit', 'Who gets what of a conversion, one row per touch of the collapsed path, arrays over the models. In every model the rows of a conversion sum to it exactly.',
	'site: shop', 'kind: 1 order, 2 lead', 'order_id: of the conversion',
	'n: 1, 2, ... in the order of the touches',
	'channel: ordinal',
	'creator: who; empty = nobody', 'campaign: of the tracker', 'placement: of the tracker',
	'tracker: key as written',
	'touched_at: the touch''s time',
	'share: out of 10^12, by model',
	'amount: minor units of gross, by model, by largest remainder of the shares',
	'refunded: minor units, by model: largest remainder of the cumulative refund over the amounts, equal remainders to the earlier touch');

CREATE TABLE attrib.refund_fact (
	site        text COLLATE "C" NOT NULL,
	order_id    text COLLATE "C" NOT NULL,
	source      text COLLATE "C" NOT NULL,
	refund_id   text COLLATE "C" NOT NULL,
	event_id    text COLLATE "C" NOT NULL,
	resolved    text COLLATE "C",
	currency    text COLLATE "C",
	amount      bigint NOT NULL,
	tax         bigint NOT NULL,
	shipping    bigint NOT NULL,
	has_parts   boolean NOT NULL,
	cumulative  boolean NOT NULL,
	voided      boolean NOT NULL,
	occurred_at timestamptz NOT NULL,
	received_at timestamptz NOT NULL,
	PRIMARY KEY (site, order_id, source, refund_id)
);
CREATE INDEX refund_fact_resolved ON attrib.refund_fact (site, resolved);
SELECT attrib.describe('refund_fact', 'Refunds as they were told: of one refund id the latest by (occurred_at, event id).',
	'site: shop', 'order_id: as the refund names it', 'source: whose refund',
	'refund_id: unique within order and source', 'event_id: the tie-break',
	'resolved: the conversion that it applies to; NULL = waits for its order',
	'currency: ISO 4217; NULL = the order''s',
	'amount: minor units of the order''s total', 'tax: part of amount', 'shipping: part of amount',
	'has_parts: tax and shipping are known',
	'cumulative: amount is all that the source refunded so far',
	'voided: taken back',
	'occurred_at: when', 'received_at: when it reached us');

CREATE TABLE attrib.cancel_fact (
	site        text COLLATE "C" NOT NULL,
	order_id    text COLLATE "C" NOT NULL,
	event_id    text COLLATE "C" NOT NULL,
	source      text COLLATE "C" NOT NULL,
	resolved    text COLLATE "C",
	reversed    boolean NOT NULL,
	occurred_at timestamptz NOT NULL,
	received_at timestamptz NOT NULL,
	PRIMARY KEY (site, order_id, event_id)
);
CREATE INDEX cancel_fact_resolved ON attrib.cancel_fact (site, resolved);
SELECT attrib.describe('cancel_fact', 'Cancels and un-cancels; the latest by (occurred_at, event id) decides.',
	'site: shop', 'order_id: as the event names it', 'event_id: the tie-break', 'source: who said so',
	'resolved: the conversion that it applies to; NULL = waits for its order',
	'reversed: an un-cancel', 'occurred_at: when', 'received_at: when it reached us');

CREATE TABLE attrib.order_alias (
	site     text COLLATE "C" NOT NULL,
	kind     text COLLATE "C" NOT NULL,
	value    text COLLATE "C" NOT NULL,
	order_id text COLLATE "C" NOT NULL,
	PRIMARY KEY (site, kind, value)
);
CREATE INDEX order_alias_value ON attrib.order_alias (site, value);
SELECT attrib.describe('order_alias', 'Other names of orders, from signed sources.',
	'site: shop',
	'kind: name, number, checkout_token, cart_token, order_key, transaction_id, payment_intent, session',
	'value: as sent', 'order_id: the order that it names');

CREATE TABLE attrib.customer (
	id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	site             text COLLATE "C" NOT NULL,
	complete         boolean NOT NULL DEFAULT false,
	first_ordered_at timestamptz
);
SELECT attrib.describe('customer', 'One person, as far as keys of signed events unite.',
	'id: surrogate', 'site: shop',
	'complete: all earlier orders are known, though not the site''s whole history',
	'first_ordered_at: an order before our time, when one is known');

CREATE TABLE attrib.customer_key (
	site     text COLLATE "C" NOT NULL,
	kind     smallint NOT NULL,
	key      bytea NOT NULL,
	customer bigint NOT NULL,
	PRIMARY KEY (site, kind, key)
);
CREATE INDEX customer_key_customer ON attrib.customer_key (customer);
SELECT attrib.describe('customer_key', 'Keyed hashes that name a customer.',
	'site: shop', 'kind: 1 e-mail, 2 phone, 3 the shop''s customer id',
	'key: 16 bytes, keyed hash of the normalised value', 'customer: whose');

CREATE TABLE attrib.customer_order (
	site      text COLLATE "C" NOT NULL,
	order_id  text COLLATE "C" NOT NULL,
	customer  bigint NOT NULL,
	placed_at timestamptz NOT NULL,
	valid     boolean NOT NULL,
	kind      smallint NOT NULL,
	PRIMARY KEY (site, order_id)
);
CREATE INDEX customer_order_customer ON attrib.customer_order (customer, placed_at, order_id);
SELECT attrib.describe('customer_order', 'The ledger of new and returning: orders of customers. Guarded by the lock of the site''s row.',
	'site: shop', 'order_id: canonical', 'customer: whose',
	'placed_at: T; first by (T, order id)',
	'valid: counted, not cancelled, not fully refunded',
	'kind: 0 unknown, 1 new, 2 returning');

CREATE TABLE attrib.traffic (
	site      text COLLATE "C" NOT NULL,
	bucket_at timestamptz NOT NULL,
	channel   smallint NOT NULL,
	key       text COLLATE "C" NOT NULL,
	type      smallint NOT NULL,
	verdicts  int NOT NULL,
	count     bigint NOT NULL,
	uniques   bigint NOT NULL,
	PRIMARY KEY (site, bucket_at, channel, key, type, verdicts)
);
CREATE INDEX traffic_key ON attrib.traffic (site, channel, key);
SELECT attrib.describe('traffic', 'Traffic by raw key and quarter of an hour; views resolve owner and local day.',
	'site: shop', 'bucket_at: start of its 15 minutes', 'channel: ordinal',
	'key: folded; empty = direct; (other) = beyond the daily cap of keys',
	'type: 1 click, 2 visit, 3 view, 4 code_applied, 5 cart, 6 checkout, 7 lead',
	'verdicts: bit set; bits below 256 make it invalid (filtered), the others suspect',
	'count: events', 'uniques: first valid click of (local day, tracker, visitor)');

CREATE TABLE attrib.rollup_money (
	site          text COLLATE "C" NOT NULL,
	day           date NOT NULL,
	kind          smallint NOT NULL,
	creator       text COLLATE "C" NOT NULL,
	campaign      text COLLATE "C" NOT NULL,
	placement     text COLLATE "C" NOT NULL,
	channel       smallint NOT NULL,
	tracker       text COLLATE "C" NOT NULL,
	currency      text COLLATE "C" NOT NULL,
	customer_kind smallint NOT NULL,
	conversions   bigint[] NOT NULL,
	gross         bigint[] NOT NULL,
	refunded      bigint[] NOT NULL,
	PRIMARY KEY (site, day, kind, creator, campaign, placement, channel, tracker, currency, customer_kind)
);
SELECT attrib.describe('rollup_money', 'Sums of the credits of counted conversions by local day of counted_at; arrays over models. Always equal to the rows: attrib.check_rollups().',
	'site: shop', 'day: local day of counted_at', 'kind: 1 order, 2 lead',
	'creator: empty = nobody', 'campaign: of the tracker', 'placement: of the tracker',
	'channel: ordinal', 'tracker: key as written', 'currency: ISO 4217',
	'customer_kind: 0 unknown, 1 new, 2 returning',
	'conversions: sums of shares, out of 10^12',
	'gross: minor units', 'refunded: minor units');

CREATE TABLE attrib.rollup_claim (
	site             text COLLATE "C" NOT NULL,
	day              date NOT NULL,
	kind             smallint NOT NULL,
	currency         text COLLATE "C" NOT NULL,
	orders           bigint NOT NULL,
	gross            bigint NOT NULL,
	contested        bigint NOT NULL,
	credited_orders  bigint NOT NULL,
	credited_gross   bigint NOT NULL,
	creator_claims   bigint NOT NULL,
	creator_claimed  bigint NOT NULL,
	channel_claims   bigint NOT NULL,
	channel_claimed  bigint NOT NULL,
	PRIMARY KEY (site, day, kind, currency)
);
SELECT attrib.describe('rollup_claim', 'What every creator, and every channel, would have reported alone, beside what was credited. Counted conversions, gross, by the policy model, cancelled and refunded ones included.',
	'site: shop', 'day: local day of counted_at', 'kind: 1 order, 2 lead', 'currency: ISO 4217',
	'orders: conversions', 'gross: minor units',
	'contested: conversions with two or more creators'' claims',
	'credited_orders: conversions that the policy model credits to a creator',
	'credited_gross: their gross, minor units',
	'creator_claims: pairs (conversion, creator) with an eligible touch',
	'creator_claimed: their gross, minor units',
	'channel_claims: pairs (conversion, channel)',
	'channel_claimed: their gross, minor units');

CREATE TABLE attrib.quarantine (
	site     text COLLATE "C" NOT NULL,
	reason   text COLLATE "C" NOT NULL,
	key      text COLLATE "C" NOT NULL,
	order_id text COLLATE "C" NOT NULL,
	detail   jsonb NOT NULL,
	seen_at  timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (site, reason, key)
);
CREATE INDEX quarantine_order ON attrib.quarantine (site, order_id);
SELECT attrib.describe('quarantine', 'What could not be applied and waits for a person.',
	'site: shop', 'reason: alias_conflict or refund_currency',
	'key: of the fact, so that a repeat is no second row',
	'order_id: conversion that it concerns', 'detail: what was refused', 'seen_at: first');

INSERT INTO attrib.schema_version (version, oldest_daemon) VALUES (3, 3);
