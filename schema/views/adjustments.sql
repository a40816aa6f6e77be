-- What was refunded, taken back and cancelled when, and from whose credit.

CREATE OR REPLACE FUNCTION attrib.adjustment_list(p_site text, p_from date, p_to date)
RETURNS TABLE (site text, kind text, order_id text, adjustment_id text, type text, occurred_at timestamptz,
	amount numeric, refunded_after numeric, currency text, counted boolean, source text)
LANGUAGE sql STABLE AS $$
	SELECT c.site, attrib.kind_name(c.kind), c.order_id, a.adjustment_id, a.type, a.occurred_at,
		attrib.major(a.refunded_after - a.refunded_before, c.currency), attrib.major(a.refunded_after, c.currency),
		nullif(c.currency, ''), c.counted, a.source
	FROM attrib.adjustment_rows(p_site, p_from, p_to) a
	JOIN attrib.conversion c ON c.site = a.site AND c.kind = 1 AND c.order_id = a.order_id
	ORDER BY a.site, a.order_id, a.seq
$$;
COMMENT ON FUNCTION attrib.adjustment_list(text, date, date) IS 'What adjustment and adjustment_between show; NULL arguments = all.';

CREATE OR REPLACE VIEW attrib.adjustment AS
SELECT site, kind, order_id, adjustment_id, type, occurred_at, amount, refunded_after, currency, counted, source
FROM attrib.adjustment_list(NULL, NULL, NULL);
SELECT attrib.describe('adjustment', 'One row per change of an order''s refunded money, by (occurred_at, event id): the state after all that had occurred by then less the state before, by the rules of conversion_status.refunded. What changed nothing (the same money from a second source, a refund beyond the total) has no row. The amounts of an order sum to its refunded exactly. Orders as they stand now, counted or not.',
	'site: shop', 'kind: order', 'order_id: canonical id',
	'adjustment_id: id of the refund; of a cancel or uncancel: of its event',
	'type: refund (or a later word of it), void, cancel, uncancel', 'occurred_at: when',
	'amount: change of refunded, major units of gross: positive = refunded, negative = given back',
	'refunded_after: refunded with it', 'currency: ISO 4217', 'counted: the order is in sums',
	'source: who said so');

CREATE OR REPLACE FUNCTION attrib.adjustment_between(site text, from_date date, to_date date)
RETURNS SETOF attrib.adjustment LANGUAGE sql STABLE AS $$
	SELECT * FROM attrib.adjustment_list($1, $2, $3)
$$;
COMMENT ON FUNCTION attrib.adjustment_between(text, date, date) IS 'The view adjustment for the local days from_date..to_date of occurred_at, both included; site NULL = all.';

CREATE OR REPLACE FUNCTION attrib.adjustment_credit_list(p_site text, p_from date, p_to date, p_model int)
RETURNS TABLE (site text, kind text, order_id text, model text, creator text, campaign text, placement text,
	channel text, tracker text, adjustment_id text, type text, occurred_at timestamptz, amount numeric,
	refunded_after numeric, currency text, counted_at timestamptz, touched_at timestamptz)
LANGUAGE sql STABLE AS $$
	SELECT c.site, attrib.kind_name(c.kind), c.order_id, attrib.model_name(a.model), nullif(k.creator, ''),
		nullif(k.campaign, ''), nullif(k.placement, ''), attrib.channel_name(k.channel), nullif(k.tracker, ''),
		a.adjustment_id, a.type, a.occurred_at, attrib.major(a.amount, c.currency),
		attrib.major(a.refunded_after, c.currency), nullif(c.currency, ''), c.counted_at, k.touched_at
	FROM attrib.adjustment_credit_rows(p_site, p_from, p_to) a
	JOIN attrib.conversion c ON c.site = a.site AND c.kind = 1 AND c.order_id = a.order_id AND c.counted
	JOIN attrib.credit k ON k.site = a.site AND k.kind = 1 AND k.order_id = a.order_id AND k.n = a.n
	WHERE p_model IS NULL OR a.model = p_model
	ORDER BY a.site, a.order_id, a.seq, a.model, a.n
$$;
COMMENT ON FUNCTION attrib.adjustment_credit_list(text, date, date, int) IS 'What adjustment_credit and adjustment_credit_between show; NULL arguments = all.';

CREATE OR REPLACE VIEW attrib.adjustment_credit AS
SELECT site, kind, order_id, model, creator, campaign, placement, channel, tracker, adjustment_id, type,
	occurred_at, amount, refunded_after, currency, counted_at, touched_at
FROM attrib.adjustment_credit_list(NULL, NULL, NULL, NULL);
SELECT attrib.describe('adjustment_credit', 'What each adjustment of a counted order took from, or gave back to, each of its credits, by model: the difference of two largest-remainder splits, of all that was refunded after it and before it. The rows of one credit and model sum to order_credit.refunded exactly, those of one adjustment and model to the adjustment. Credits as they stand now; what changed nothing has no row.',
	'site: shop', 'kind: order', 'order_id: canonical id',
	'model: policy, last_touch, first_touch, linear, position, time_decay',
	'creator: NULL = unattributed', 'campaign: of the tracker', 'placement: of the tracker',
	'channel: link, affiliate, utm, code, view, other, unattributed',
	'tracker: key as written; of other: source/medium',
	'adjustment_id: id of the refund; of a cancel or uncancel: of its event',
	'type: refund, void, cancel, uncancel', 'occurred_at: when',
	'amount: change of the credit''s refunded, major units: positive = taken, negative = given back',
	'refunded_after: the credit''s refunded with it', 'currency: ISO 4217',
	'counted_at: the order''s date of revenue', 'touched_at: when the touch was');

CREATE OR REPLACE FUNCTION attrib.adjustment_credit_between(site text, from_date date, to_date date,
	model text DEFAULT NULL)
RETURNS SETOF attrib.adjustment_credit LANGUAGE sql STABLE AS $$
	SELECT * FROM attrib.adjustment_credit_list($1, $2, $3, attrib.model_number($4, $1))
$$;
COMMENT ON FUNCTION attrib.adjustment_credit_between(text, date, date, text) IS 'The view adjustment_credit for the local days from_date..to_date of occurred_at, both included; site NULL = all, model NULL = the primary one.';
