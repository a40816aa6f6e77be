-- Refunds, voids and cancels by their own dates. The state of an order after each word is computed from
-- the words up to it, with the functions that the merge uses; an adjustment is the difference to the
-- state before. Order and credits are taken as they stand now: an edit of the order restates all.

CREATE OR REPLACE FUNCTION attrib.local_start(p_day date, p_zone text)
RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
	SELECT p_day::timestamp AT TIME ZONE p_zone
$$;
COMMENT ON FUNCTION attrib.local_start(date, text) IS 'The instant at which a local day begins.';

CREATE OR REPLACE FUNCTION attrib.adjusted_orders(p_site text, p_from date, p_to date)
RETURNS TABLE (site text, order_id text) LANGUAGE sql STABLE AS $$
	SELECT f.site, f.resolved FROM attrib.site s JOIN attrib.refund_fact f ON f.site = s.name
	WHERE f.resolved IS NOT NULL AND (p_site IS NULL OR s.name = p_site)
		AND (p_from IS NULL OR f.occurred_at >= attrib.local_start(p_from, s.time_zone))
		AND (p_to IS NULL OR f.occurred_at < attrib.local_start(p_to + 1, s.time_zone))
	UNION
	SELECT f.site, f.resolved FROM attrib.site s JOIN attrib.cancel_fact f ON f.site = s.name
	WHERE f.resolved IS NOT NULL AND (p_site IS NULL OR s.name = p_site)
		AND (p_from IS NULL OR f.occurred_at >= attrib.local_start(p_from, s.time_zone))
		AND (p_to IS NULL OR f.occurred_at < attrib.local_start(p_to + 1, s.time_zone))
$$;
COMMENT ON FUNCTION attrib.adjusted_orders(text, date, date) IS 'Orders of which a refund, void, cancel or un-cancel was told that occurred in the local days p_from..p_to; NULL arguments = all.';

CREATE OR REPLACE FUNCTION attrib.adjustment_rows(p_site text, p_from date, p_to date)
RETURNS TABLE (site text, order_id text, seq bigint, type text, adjustment_id text, source text,
	occurred_at timestamptz, refunded_before bigint, refunded_after bigint)
LANGUAGE sql STABLE AS $$
	WITH words AS (
		SELECT f.site, f.resolved AS order_id, f.occurred_at, f.event_id, f.source,
			CASE WHEN f.voided THEN 'void' ELSE 'refund' END AS type, f.refund_id AS adjustment_id,
			f AS refund, NULL::boolean AS cancelled
		FROM attrib.adjusted_orders(p_site, p_from, p_to) d
		JOIN attrib.refund_fact f ON f.site = d.site AND f.resolved = d.order_id
		UNION ALL
		SELECT f.site, f.resolved, f.occurred_at, f.event_id, f.source,
			CASE WHEN f.reversed THEN 'uncancel' ELSE 'cancel' END, f.event_id, NULL, NOT f.reversed
		FROM attrib.adjusted_orders(p_site, p_from, p_to) d
		JOIN attrib.cancel_fact f ON f.site = d.site AND f.resolved = d.order_id
	), ordered AS (
		SELECT *, row_number() OVER (PARTITION BY site, order_id
			ORDER BY occurred_at, event_id, type, source, adjustment_id) AS seq
		FROM words
	), known AS ( -- all that was known with each of them
		SELECT o.*, array_agg(refund) FILTER (WHERE cancelled IS NULL) OVER past AS facts,
			(array_agg(cancelled) FILTER (WHERE cancelled IS NOT NULL) OVER past)[count(cancelled) OVER past] AS stopped
		FROM ordered o WINDOW past AS (PARTITION BY site, order_id ORDER BY seq)
	), states AS (
		SELECT k.*, s.time_zone,
			attrib.refunded_of(r.amount, r.net, coalesce(k.stopped, false), c.gross, c.total) AS refunded_after
		FROM known k
		JOIN attrib.site s ON s.name = k.site
		JOIN attrib.conversion c ON c.site = k.site AND c.kind = 1 AND c.order_id = k.order_id
			AND c.ticket > 0 AND c.merged_into = ''
		LEFT JOIN LATERAL attrib.refund_told(k.facts, c.currency, s.currency) r ON true
	), changes AS (
		SELECT *, lag(refunded_after, 1, 0::bigint) OVER (PARTITION BY site, order_id ORDER BY seq) AS refunded_before
		FROM states
	)
	SELECT site, order_id, seq, type, adjustment_id, source, occurred_at, refunded_before, refunded_after
	FROM changes
	WHERE refunded_after <> refunded_before
		AND (p_from IS NULL OR occurred_at >= attrib.local_start(p_from, time_zone))
		AND (p_to IS NULL OR occurred_at < attrib.local_start(p_to + 1, time_zone))
$$;
COMMENT ON FUNCTION attrib.adjustment_rows(text, date, date) IS 'What the views adjustment and adjustment_credit show, minor units, of orders counted or not: the refunded part of gross before and after each word that changed it, by (occurred_at, event id). By local day, both included; NULL arguments = all.';

CREATE OR REPLACE FUNCTION attrib.adjustment_credit_rows(p_site text, p_from date, p_to date)
RETURNS TABLE (site text, order_id text, seq bigint, type text, adjustment_id text, occurred_at timestamptz,
	n smallint, model int, amount bigint, refunded_after bigint)
LANGUAGE sql STABLE AS $$
	WITH adjustments AS MATERIALIZED (
		SELECT * FROM attrib.adjustment_rows(p_site, p_from, p_to)
	), credits AS (
		SELECT k.site, k.order_id, m.model::int, array_agg(k.n ORDER BY k.n) AS ns,
			array_agg(m.amount ORDER BY k.n) AS amounts
		FROM (SELECT DISTINCT site, order_id FROM adjustments) a
		JOIN attrib.credit k ON k.site = a.site AND k.kind = 1 AND k.order_id = a.order_id
		CROSS JOIN LATERAL unnest(k.amount) WITH ORDINALITY AS m (amount, model)
		GROUP BY k.site, k.order_id, m.model
	)
	SELECT a.site, a.order_id, a.seq, a.type, a.adjustment_id, a.occurred_at, p.n, k.model,
		p.after - p.before, p.after
	FROM adjustments a JOIN credits k USING (site, order_id)
	CROSS JOIN LATERAL unnest(k.ns, attrib.split_amount(a.refunded_before, k.amounts),
		attrib.split_amount(a.refunded_after, k.amounts)) AS p (n, before, after)
	WHERE p.after <> p.before
$$;
COMMENT ON FUNCTION attrib.adjustment_credit_rows(text, date, date) IS 'adjustment_rows for each credit (n) and model, minor units: the difference of the splits of the refunded part before and after, each by split_amount over the credits'' gross.';

CREATE OR REPLACE FUNCTION attrib.check_adjustments()
RETURNS TABLE (what text, key jsonb, stored bigint, expected bigint) LANGUAGE sql STABLE AS $$
	SELECT 'adjustment', jsonb_build_array(site, order_id), c.refunded, coalesce(a.amount, 0)
	FROM (SELECT site, order_id, refunded FROM attrib.conversion
		WHERE kind = 1 AND ticket > 0 AND merged_into = '') c
	FULL JOIN (SELECT site, order_id, sum(refunded_after - refunded_before)::bigint AS amount
		FROM attrib.adjustment_rows(NULL, NULL, NULL) GROUP BY 1, 2) a USING (site, order_id)
	WHERE coalesce(c.refunded, 0) <> coalesce(a.amount, 0)
	UNION ALL
	SELECT 'adjustment_credit', jsonb_build_array(site, order_id, n, model), k.refunded, coalesce(a.amount, 0)
	FROM (SELECT site, order_id, n, m.model::int, m.refunded FROM attrib.credit
		CROSS JOIN LATERAL unnest(refunded) WITH ORDINALITY AS m (refunded, model) WHERE kind = 1) k
	FULL JOIN (SELECT site, order_id, n, model, sum(amount)::bigint AS amount
		FROM attrib.adjustment_credit_rows(NULL, NULL, NULL) GROUP BY 1, 2, 3, 4) a USING (site, order_id, n, model)
	WHERE coalesce(k.refunded, 0) <> coalesce(a.amount, 0)
$$;
COMMENT ON FUNCTION attrib.check_adjustments() IS 'Orders and credits whose adjustments do not add up to what is refunded of them; minor units. No rows = true. Reads every refund.';
