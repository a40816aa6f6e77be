-- Who claims which order, and what adding up everybody's own report would overstate. Counted orders,
-- gross, by the policy model, cancelled and refunded ones included, as in double_count; by local day of
-- counted_at, both ends included, NULL arguments = all. Money is only ever added within a currency.

CREATE OR REPLACE FUNCTION attrib.claim_rows(p_site text, p_from date, p_to date, p_by_channel boolean)
RETURNS TABLE (site text, order_id text, currency text, gross bigint, claimant text, credited boolean)
LANGUAGE sql STABLE AS $$
	SELECT c.site, c.order_id, c.currency, c.gross, l.claimant, coalesce(bool_or(l.claimant = l.winner), false)
	FROM attrib.conversion c
	JOIN attrib.path_row p USING (site, kind, order_id)
	LEFT JOIN attrib.credit k ON (k.site, k.kind, k.order_id) = (c.site, c.kind, c.order_id)
		AND k.share[1] > 0 AND k.creator <> ''
	CROSS JOIN LATERAL (SELECT CASE WHEN p_by_channel THEN attrib.channel_name(p.channel) ELSE p.creator END AS claimant,
		CASE WHEN p_by_channel THEN attrib.channel_name(k.channel) ELSE k.creator END AS winner) l
	WHERE c.kind = 1 AND c.counted AND c.merged_into = '' AND p.eligible AND p.creator <> ''
		AND (p_site IS NULL OR c.site = p_site)
		AND (p_from IS NULL OR c.day >= p_from) AND (p_to IS NULL OR c.day <= p_to)
	GROUP BY c.site, c.order_id, c.currency, c.gross, l.claimant
$$;
COMMENT ON FUNCTION attrib.claim_rows(text, date, date, boolean) IS 'Claims: counted orders with each creator (or channel of a creator) that has an eligible touch on them, and whether the policy model credits that one. Gross in minor units.';

CREATE OR REPLACE FUNCTION attrib.overlap_rows(p_site text, p_from date, p_to date, p_by_channel boolean)
RETURNS TABLE (site text, currency text, claimant_a text, claimant_b text, orders bigint, gross numeric,
	credited_a bigint, credited_a_gross numeric, credited_b bigint, credited_b_gross numeric,
	credited_neither bigint, credited_neither_gross numeric)
LANGUAGE sql STABLE AS $$
	WITH claims AS MATERIALIZED (
		SELECT * FROM attrib.claim_rows(p_site, p_from, p_to, p_by_channel)
	)
	SELECT a.site, a.currency, a.claimant, b.claimant, count(*), attrib.major(sum(a.gross), a.currency),
		count(*) FILTER (WHERE a.credited),
		attrib.major(coalesce(sum(a.gross) FILTER (WHERE a.credited), 0), a.currency),
		count(*) FILTER (WHERE b.credited),
		attrib.major(coalesce(sum(a.gross) FILTER (WHERE b.credited), 0), a.currency),
		count(*) FILTER (WHERE NOT a.credited AND NOT b.credited),
		attrib.major(coalesce(sum(a.gross) FILTER (WHERE NOT a.credited AND NOT b.credited), 0), a.currency)
	FROM claims a JOIN claims b ON b.site = a.site AND b.order_id = a.order_id
		AND a.claimant COLLATE "C" < b.claimant COLLATE "C"
	GROUP BY a.site, a.currency, a.claimant, b.claimant
$$;
COMMENT ON FUNCTION attrib.overlap_rows(text, date, date, boolean) IS 'What overlap_creators and overlap_channels show.';

CREATE OR REPLACE FUNCTION attrib.double_count_creator_rows(p_site text, p_from date, p_to date)
RETURNS TABLE (site text, currency text, creator text, claims bigint, claimed_revenue numeric,
	credited_orders bigint, credited_revenue numeric, overstated_orders bigint, overstated_revenue numeric)
LANGUAGE sql STABLE AS $$
	SELECT site, currency, claimant, count(*), attrib.major(sum(gross), currency), count(*) FILTER (WHERE credited),
		attrib.major(coalesce(sum(gross) FILTER (WHERE credited), 0), currency), count(*) FILTER (WHERE NOT credited),
		attrib.major(coalesce(sum(gross) FILTER (WHERE NOT credited), 0), currency)
	FROM attrib.claim_rows(p_site, p_from, p_to, false)
	GROUP BY site, currency, claimant
$$;
COMMENT ON FUNCTION attrib.double_count_creator_rows(text, date, date) IS 'What double_count_by_creator shows.';

-- A claim without an amount claims the order's gross, one without a currency is in the order's, of an
-- unknown order in the site's. A claim that names no creator can't be contradicted by whom we credit.
CREATE OR REPLACE FUNCTION attrib.outside_claim_rows(p_site text, p_from date, p_to date)
RETURNS TABLE (site text, order_id text, platform text, creator text, amount numeric, currency text,
	matched text, status text, credited text, gross bigint, order_currency text, counted_at timestamptz,
	finding text, detail text)
LANGUAGE sql STABLE AS $$
	SELECT q.site, q.order_id, q.platform, q.creator,
		coalesce(q.amount, CASE WHEN o.currency = c.currency THEN attrib.major(c.gross, c.currency) END), o.currency,
		c.order_id, attrib.status_name(c.base_status, c.cancelled, c.refunded, c.gross), k.creator, c.gross,
		c.currency, c.counted_at, f.finding, f.detail
	FROM attrib.order_claim q
	JOIN attrib.site s ON s.name = q.site
	LEFT JOIN attrib.conversion c ON c.site = q.site AND c.kind = 1
		AND c.order_id = attrib.resolve_order(q.site, q.order_id) AND c.ticket > 0 AND c.merged_into = ''
	LEFT JOIN attrib.credit k ON (k.site, k.kind, k.order_id) = (c.site, c.kind, c.order_id) AND k.share[1] > 0
	CROSS JOIN LATERAL (SELECT coalesce(q.currency, nullif(c.currency, ''), s.currency) AS currency) o
	CROSS JOIN LATERAL (SELECT * FROM (VALUES
		(c.order_id IS NULL, 'unknown order', NULL),
		(NOT c.counted, 'not counted', coalesce(nullif(c.reason, ''),
			attrib.status_name(c.base_status, c.cancelled, c.refunded, c.gross))),
		(coalesce(k.creator, '') = '', 'unattributed', NULL),
		(k.creator = q.creator, 'same creator', NULL),
		(q.creator = '', 'creator not said', k.creator),
		(true, 'another creator', k.creator)) v (holds, finding, detail) WHERE v.holds LIMIT 1) f
	WHERE (p_site IS NULL OR q.site = p_site)
		AND (p_from IS NULL OR c.day >= p_from) AND (p_to IS NULL OR c.day <= p_to)
$$;
COMMENT ON FUNCTION attrib.outside_claim_rows(text, date, date) IS 'The claims of outside platforms, each with the order that it means (by its id or an alias; matched NULL = unknown) and what we found. amount in major units of currency, gross in minor units of order_currency. A claim has no date but that of its order: periods leave unknown orders out.';

CREATE OR REPLACE FUNCTION attrib.double_count_outside_rows(p_site text, p_from date, p_to date)
RETURNS TABLE (site text, platform text, currency text, claims bigint, claimed_revenue numeric, orders bigint,
	same_creator bigint, another_creator bigint, creator_not_said bigint, unattributed bigint, not_counted bigint,
	unknown_orders bigint, confirmed_orders bigint, confirmed_revenue numeric, overstated_orders bigint,
	overstated_revenue numeric)
LANGUAGE sql STABLE AS $$
	WITH claims AS (
		SELECT r.*, finding IN ('same creator', 'creator not said') AS confirmed,
			coalesce(order_currency = currency, true) AS comparable,
			row_number() OVER (PARTITION BY site, currency, matched, finding IN ('same creator', 'creator not said'), platform) AS nth,
			row_number() OVER (PARTITION BY site, currency, matched, finding IN ('same creator', 'creator not said')) AS nth_of_all
		FROM attrib.outside_claim_rows(p_site, p_from, p_to) r
	), sums AS (
		SELECT site, platform, currency, count(*) AS claims, coalesce(sum(amount), 0) AS claimed,
			coalesce(sum(amount) FILTER (WHERE comparable), 0) AS compared,
			count(DISTINCT matched) FILTER (WHERE finding NOT IN ('unknown order', 'not counted')) AS orders,
			count(*) FILTER (WHERE finding = 'same creator') AS same_creator,
			count(*) FILTER (WHERE finding = 'another creator') AS another_creator,
			count(*) FILTER (WHERE finding = 'creator not said') AS creator_not_said,
			count(*) FILTER (WHERE finding = 'unattributed') AS unattributed,
			count(*) FILTER (WHERE finding = 'not counted') AS not_counted,
			count(*) FILTER (WHERE finding = 'unknown order') AS unknown_orders,
			count(DISTINCT matched) FILTER (WHERE confirmed) AS confirmed_orders,
			attrib.major(coalesce(CASE WHEN grouping(platform) = 1
				THEN sum(gross) FILTER (WHERE confirmed AND comparable AND nth_of_all = 1)
				ELSE sum(gross) FILTER (WHERE confirmed AND comparable AND nth = 1) END, 0), currency) AS confirmed_revenue
		FROM claims GROUP BY GROUPING SETS ((site, platform, currency), (site, currency))
	)
	SELECT site, platform, currency, claims, claimed, orders, same_creator, another_creator, creator_not_said,
		unattributed, not_counted, unknown_orders, confirmed_orders, confirmed_revenue,
		claims - confirmed_orders, compared - confirmed_revenue
	FROM sums
$$;
COMMENT ON FUNCTION attrib.double_count_outside_rows(text, date, date) IS 'What double_count_outside shows.';
