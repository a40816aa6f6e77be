-- What refunds and cancels make of an order, as pure functions of its facts: the merge asks with all
-- of them, adjustments with the ones up to an instant, explain shows which of them counted.

CREATE OR REPLACE FUNCTION attrib.refund_words(facts attrib.refund_fact[])
RETURNS SETOF attrib.refund_fact LANGUAGE sql IMMUTABLE AS $$
	WITH words AS (
		SELECT DISTINCT ON (source, refund_id) f.*, bool_or(voided) OVER told AS taken_back,
			min(occurred_at) FILTER (WHERE NOT voided) OVER told AS made_at,
			min(occurred_at) FILTER (WHERE voided) OVER told AS failed_at,
			-- of a void that names no amount it is what the refund said before
			first_value(amount) OVER best AS stated, first_value(currency) OVER best AS stated_in
		FROM unnest(facts) f WINDOW told AS (PARTITION BY source, refund_id),
			best AS (told ORDER BY voided, occurred_at DESC, event_id DESC)
		ORDER BY source, refund_id, occurred_at DESC, event_id DESC, order_id
	)
	SELECT w.site, w.order_id, w.source, w.refund_id, w.event_id, w.resolved, w.currency,
		greatest(w.amount - coalesce(b.amount, 0), 0)::bigint, w.tax, w.shipping,
		w.has_parts AND b.amount IS NULL, w.cumulative, w.taken_back, w.occurred_at, w.received_at
	FROM words w
	LEFT JOIN LATERAL (SELECT sum(v.stated) AS amount FROM words v
		WHERE w.cumulative AND NOT w.taken_back AND v.source = w.source AND v.taken_back AND NOT v.cumulative
			AND v.stated_in IS NOT DISTINCT FROM w.currency
			AND v.failed_at >= w.occurred_at AND coalesce(v.made_at <= w.occurred_at, true)) b ON true
$$;
COMMENT ON FUNCTION attrib.refund_words(attrib.refund_fact[]) IS 'Of the facts of one order: each refund once, by its latest word; taken back when any word of it says so. A running total is lowered by the single refunds of its source that it held and that were taken back since: those made by its time and taken back not before it.';

CREATE OR REPLACE FUNCTION attrib.refund_told(facts attrib.refund_fact[], order_currency text, site_currency text)
RETURNS TABLE (amount bigint, net bigint) ROWS 1 LANGUAGE sql IMMUTABLE AS $$
	SELECT greatest(singles, running)::bigint, (CASE WHEN singles >= running THEN singles_net ELSE running_net END)::bigint
	FROM (SELECT f.source,
			coalesce(sum(f.amount) FILTER (WHERE NOT f.cumulative), 0) AS singles,
			CASE WHEN bool_and(f.has_parts) FILTER (WHERE NOT f.cumulative)
				THEN sum(f.amount - f.tax - f.shipping) FILTER (WHERE NOT f.cumulative) END AS singles_net,
			coalesce(max(f.amount) FILTER (WHERE f.cumulative), 0) AS running,
			(array_agg(CASE WHEN f.has_parts THEN f.amount - f.tax - f.shipping END
				ORDER BY f.amount DESC, f.occurred_at DESC, f.event_id DESC)
				FILTER (WHERE f.cumulative))[1] AS running_net
		-- without a currency it is the order's, read with the decimals of the site's
		FROM (SELECT r.source, r.cumulative, r.has_parts, r.occurred_at, r.event_id,
				round(r.amount * x.scale)::bigint AS amount, round(r.tax * x.scale)::bigint AS tax,
				round(r.shipping * x.scale)::bigint AS shipping
			FROM attrib.refund_words(facts) r
			CROSS JOIN LATERAL (SELECT CASE WHEN r.currency IS NULL THEN 10::numeric
				^ (attrib.currency_exponent(order_currency) - attrib.currency_exponent(site_currency)) ELSE 1 END) x (scale)
			WHERE NOT r.voided AND (r.currency IS NULL OR r.currency = order_currency)) f
		GROUP BY f.source) s
	ORDER BY greatest(singles, running) DESC,
		CASE WHEN singles >= running THEN singles_net ELSE running_net END NULLS LAST, source
	LIMIT 1
$$;
COMMENT ON FUNCTION attrib.refund_told(attrib.refund_fact[], text, text) IS 'What the facts of one order refund of its total, minor units: the maximum over sources of that source''s own total, not clamped. net: the same without tax and shipping, where the refunds told their parts. No row = nothing.';

CREATE OR REPLACE FUNCTION attrib.refunded_of(amount bigint, net bigint, cancelled boolean, gross bigint, total bigint)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE
	WHEN cancelled THEN gross
	WHEN coalesce(amount, 0) <= 0 OR total <= 0 THEN 0
	WHEN amount >= total THEN gross
	WHEN net IS NOT NULL AND gross < total THEN least(greatest(net, 0), gross)
	ELSE attrib.scale_half_up(amount, gross, total) END
$$;
COMMENT ON FUNCTION attrib.refunded_of(bigint, bigint, boolean, bigint, bigint) IS 'Refunded part of an order''s gross from what refund_told says, minor units: clamped at the total; by the parts where they are known, else amount x gross / total rounded half up; all of it when cancelled.';
