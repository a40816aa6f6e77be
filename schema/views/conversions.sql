-- What happened to each order, who was credited, and the path behind it.

CREATE OR REPLACE VIEW attrib.conversion_status AS
SELECT c.site, attrib.kind_name(c.kind) AS kind, c.order_id,
	attrib.status_name(c.base_status, c.cancelled, c.refunded, c.gross) AS status,
	nullif(c.reason, '') AS reason,
	attrib.customer_kind_name(o.kind) AS customer_kind,
	attrib.major(c.gross, c.currency) AS gross,
	attrib.major(c.refunded, c.currency) AS refunded,
	attrib.major(c.gross - c.refunded, c.currency) AS net,
	nullif(c.currency, '') AS currency, c.placed_at, c.counted_at, c.counted, c.over_refund,
	nullif(c.order_kind, '') AS order_kind, nullif(c.order_source, '') AS order_source,
	nullif(c.source, '') AS source, c.rule, c.policy_version, c.catalog_version,
	nullif(c.code, '') AS code, nullif(c.code_rule, '') AS code_rule
FROM attrib.conversion c
LEFT JOIN attrib.customer_order o ON c.kind = 1 AND o.site = c.site AND o.order_id = c.order_id
WHERE c.ticket > 0 AND c.merged_into = '';
SELECT attrib.describe('conversion_status', 'Every order and lead with what became of it, counted or not; the only view that shows the money of pending, provisional and excluded ones.',
	'site: shop', 'kind: order or lead', 'order_id: canonical id',
	'status: provisional, pending, paid, partially_refunded, refunded, cancelled, excluded',
	'reason: why it is excluded, late, not counted or not credited',
	'customer_kind: new, returning, unknown; of an order that is cancelled, fully refunded or not counted: unknown',
	'gross: major units on the site''s basis', 'refunded: major units of gross; gross when cancelled',
	'net: gross - refunded', 'currency: ISO 4217', 'placed_at: when it was placed',
	'counted_at: date of revenue', 'counted: is in sums', 'over_refund: more was refunded than its total',
	'order_kind: one_off, first, renewal, ...', 'order_source: web, pos, draft, ...',
	'source: whose money counts', 'rule: that decided', 'policy_version: it was decided by',
	'catalog_version: it was decided by', 'code: the owned code that was asked; NULL = none',
	'code_rule: by which it was asked: always, fallback, if_involved, if_winner, never');

CREATE OR REPLACE VIEW attrib.order_credit AS
SELECT c.site, attrib.kind_name(c.kind) AS kind, c.order_id, attrib.model_name(m.model::int) AS model,
	nullif(k.creator, '') AS creator, nullif(k.campaign, '') AS campaign,
	nullif(k.placement, '') AS placement, attrib.channel_name(k.channel) AS channel,
	nullif(k.tracker, '') AS tracker,
	m.share::numeric / 1000000000000 AS share,
	attrib.major(m.amount, c.currency) AS gross,
	attrib.major(m.refunded, c.currency) AS refunded,
	attrib.major(m.amount - m.refunded, c.currency) AS net,
	nullif(c.currency, '') AS currency, c.placed_at, c.counted_at, k.touched_at
FROM attrib.conversion c
JOIN attrib.credit k USING (site, kind, order_id)
CROSS JOIN LATERAL unnest(k.share, k.amount, k.refunded) WITH ORDINALITY AS m (share, amount, refunded, model)
WHERE c.counted AND c.merged_into = '' AND m.share <> 0;
SELECT attrib.describe('order_credit', 'Who gets what of each counted order and lead, by model. The rows of one order and model sum to the order exactly.',
	'site: shop', 'kind: order or lead', 'order_id: canonical id',
	'model: policy, last_touch, first_touch, linear, position, time_decay',
	'creator: NULL = unattributed', 'campaign: of the tracker', 'placement: of the tracker',
	'channel: link, affiliate, utm, code, view, other, unattributed',
	'tracker: key as written; of other: source/medium',
	'share: fraction of the order', 'gross: major units', 'refunded: major units', 'net: gross - refunded',
	'currency: ISO 4217', 'placed_at: when the order was placed', 'counted_at: date of revenue',
	'touched_at: when the touch was');

CREATE OR REPLACE VIEW attrib.path_step AS
SELECT p.site, attrib.kind_name(p.kind) AS kind, p.order_id, p.step, attrib.channel_name(p.channel) AS channel,
	coalesce(nullif(p.tracker, ''), nullif(p.key, '')) AS tracker, nullif(p.creator, '') AS creator,
	p.occurred_at, p.eligible, p.reason,
	nullif(p.campaign, '') AS campaign, nullif(p.placement, '') AS placement, p.key, p.window_ends_at,
	attrib.suspect_flags(p.flags) <> 0 AS suspect, p.by_click_id, p.credit, p.event_id,
	attrib.flag_names(p.flags) AS flags, attrib.major(nullif(p.discount, 0), c.currency) AS discount
FROM attrib.path_row p
JOIN attrib.conversion c USING (site, kind, order_id)
WHERE c.ticket > 0 AND c.merged_into = '';
SELECT attrib.describe('path_step', 'Every touch that was considered for an order or lead, and why it could earn or not.',
	'site: shop', 'kind: order or lead', 'order_id: canonical id', 'step: 1, 2, ... by time',
	'channel: link, affiliate, utm, code, view', 'tracker: key of the tracker as written; of an unowned touch: the key as sent',
	'creator: owner of the key then; NULL = nobody', 'occurred_at: when', 'eligible: could earn',
	'reason: why', 'campaign: of the tracker', 'placement: of the tracker', 'key: as first sent',
	'window_ends_at: eligible until', 'suspect: flagged, still eligible',
	'by_click_id: came by a click id that the order carries',
	'credit: n of the credit that it was collapsed into', 'event_id: the tie-break',
	'flags: what is wrong or odd about it: bot, prefetch, head, own_site, flood, paid_ad, too_fast; the last three make it suspect',
	'discount: of a code, major units of the order''s currency; NULL = not told');
