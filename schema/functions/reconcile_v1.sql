-- A shop's own list of orders beside what is counted: export_row is what COPY fills from its export,
-- reconcile_v1 says where the two differ. Persons are no part of it.

CREATE OR REPLACE FUNCTION attrib.stage_export_v1()
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	CREATE TEMP TABLE export_row (
		line bigint, id text COLLATE "C", name text COLLATE "C", currency text COLLATE "C",
		total bigint, refunded bigint, status smallint, placed_at timestamptz
	);
END $$;
COMMENT ON FUNCTION attrib.stage_export_v1() IS 'Creates export_row, a temporary table of the session: orders of an export, or parts of them, by line; amounts in minor units; status 0 unknown, 1 pending, 2 paid, 3 cancelled.';

CREATE OR REPLACE FUNCTION attrib.export_twice_v1()
RETURNS TABLE (line bigint, id text, first_line bigint) LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY SELECT max(r.line), r.id, min(r.line) FROM export_row r
	GROUP BY r.id HAVING count(*) > 1 ORDER BY 1 LIMIT 1;
END $$;
COMMENT ON FUNCTION attrib.export_twice_v1() IS 'An order that the export names on two lines, where it should be on one. No row = none.';

-- The state without refunds, which are compared as money: 1 pending, 2 paid, 3 cancelled.
CREATE OR REPLACE FUNCTION attrib.state_of_base(base_status smallint, cancelled boolean)
RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN cancelled THEN 3 WHEN base_status = 3 THEN 2 WHEN base_status = 2 THEN 1 ELSE 0 END
$$;
COMMENT ON FUNCTION attrib.state_of_base(smallint, boolean) IS 'State of an order as exports tell it: 1 pending, 2 paid, 3 cancelled; 0 = told by strangers alone, or excluded.';

CREATE OR REPLACE FUNCTION attrib.reconcile_v1(p_site text, p_from date, p_to date, p_stripe boolean)
RETURNS TABLE (difference text, order_id text, line bigint, placed_at timestamptz, currency text, shop text,
	attribd text, due int, total bigint, refunded bigint, known_as text, placed_us bigint) LANGUAGE plpgsql
-- compiling the plan takes longer than running it
SET jit = off AS $$
#variable_conflict use_column
DECLARE
	zone    text := (SELECT time_zone FROM attrib.site WHERE name = p_site);
	from_at timestamptz := attrib.local_start(p_from, zone);
	to_at   timestamptz := attrib.local_start(p_to + 1, zone); -- excluded
BEGIN
	CREATE TEMP TABLE export_order AS
	SELECT r.id, min(r.line) AS line, max(r.name) AS name, max(r.currency) AS currency,
		sum(r.total)::bigint AS total, sum(r.refunded)::bigint AS refunded,
		max(r.status)::int AS status, min(r.placed_at) AS placed_at
	FROM export_row r GROUP BY r.id
	HAVING coalesce(min(r.placed_at) >= from_at, true) AND coalesce(min(r.placed_at) < to_at, true);
	IF p_from IS NULL THEN
		SELECT min(o.placed_at), max(o.placed_at) + interval '1 microsecond' INTO from_at, to_at FROM export_order o;
	END IF;

	-- An order's own id goes before any other name, as in resolve_order.
	CREATE TEMP TABLE export_match AS
	SELECT e.*, CASE WHEN c.merged_into = '' THEN c.order_id ELSE attrib.resolve_order(p_site, n.found) END AS found
	FROM export_order e
	CROSS JOIN LATERAL (SELECT coalesce(
		(SELECT c.order_id FROM attrib.conversion c
			WHERE (c.site, c.kind, c.order_id) = (p_site, 1, e.id) AND c.ticket > 0),
		(SELECT min(a.order_id) FROM attrib.order_alias a WHERE a.site = p_site AND a.value = e.id),
		(SELECT c.order_id FROM attrib.conversion c
			WHERE (c.site, c.kind, c.order_id) = (p_site, 1, e.name) AND c.ticket > 0),
		(SELECT min(a.order_id) FROM attrib.order_alias a WHERE a.site = p_site AND a.value = e.name)) AS found) n
	LEFT JOIN attrib.conversion c ON (c.site, c.kind, c.order_id) = (p_site, 1, n.found);
	CREATE INDEX ON export_match (found); -- a plan that guessed a table small must stay cheap when it is not
	ANALYZE export_match;

	RETURN QUERY
	WITH compared AS (
		SELECT m.*, c.order_id AS ours, c.base_status, c.total AS our_total, c.refund_total AS our_refunded,
			c.currency AS our_currency, attrib.state_of_base(c.base_status, c.cancelled) AS our_state,
			attrib.status_name(c.base_status, c.cancelled, c.refunded, c.gross) AS our_status,
			CASE WHEN m.refunded IS NOT NULL THEN least(m.refunded, m.total) END AS clamped,
			CASE WHEN m.currency <> c.currency THEN ' ' || m.currency ELSE '' END AS sign,
			CASE WHEN m.currency <> c.currency THEN ' ' || c.currency ELSE '' END AS our_sign
		FROM export_match m
		LEFT JOIN attrib.conversion c ON (c.site, c.kind, c.order_id) = (p_site, 1, m.found) AND c.ticket > 0
	), found AS (
		SELECT 'missing' AS difference, id AS order_id, line, placed_at, currency,
			attrib.major(total, currency)::text AS shop, NULL::text AS attribd,
			1 + 2 * (coalesce(clamped, 0) > 0)::int + 4 * (status = 3)::int AS due,
			total, clamped AS refunded, NULL::text AS known_as, 1 AS rank
		FROM compared WHERE ours IS NULL AND total IS NOT NULL
		UNION ALL
		SELECT 'amount', ours, line, placed_at, currency, attrib.major(total, currency) || sign,
			attrib.major(our_total, our_currency) || our_sign, 0, total, clamped, ours, 2
		FROM compared WHERE total IS NOT NULL AND (total, currency) <> (our_total, our_currency)
		UNION ALL
		SELECT 'refund', ours, line, placed_at, currency, attrib.major(clamped, currency)::text,
			attrib.major(our_refunded, our_currency)::text,
			CASE WHEN clamped > our_refunded AND currency = our_currency THEN 2 ELSE 0 END,
			total, clamped, ours, 3
		FROM compared WHERE clamped <> our_refunded
		UNION ALL
		SELECT 'status', ours, line, placed_at, currency, ('{pending,paid,cancelled}'::text[])[status], our_status,
			CASE WHEN base_status = 1 THEN 1 + 4 * (status = 3)::int WHEN status = 3 THEN 4
				WHEN status = 2 AND our_state = 1 THEN 8 ELSE 0 END,
			total, clamped, ours, 4
		FROM compared WHERE ours IS NOT NULL AND base_status <> 4 AND status > 0 AND status <> our_state
		UNION ALL
		SELECT 'extra', c.order_id, NULL, c.placed_at, c.currency, NULL,
			attrib.major(c.total, c.currency)::text, 0, NULL, NULL, c.order_id, 5
		FROM attrib.conversion c
		WHERE c.site = p_site AND c.kind = 1 AND c.ticket > 0 AND c.merged_into = '' AND c.base_status IN (2, 3)
			AND coalesce(c.placed_at >= from_at AND c.placed_at < to_at, true)
			AND NOT EXISTS (SELECT FROM export_match m WHERE m.found = c.order_id)
			AND (NOT p_stripe OR c.source = 'stripe' OR EXISTS (SELECT FROM attrib.order_alias a
				WHERE a.site = p_site AND a.order_id = c.order_id AND a.kind IN ('payment_intent', 'session')))
	)
	SELECT f.difference, f.order_id, f.line, f.placed_at, f.currency, f.shop, f.attribd, f.due, f.total, f.refunded, f.known_as,
		(extract(epoch FROM f.placed_at) * 1000000)::bigint
	FROM found f ORDER BY f.line NULLS LAST, f.placed_at, f.order_id, f.rank;
END $$;
COMMENT ON FUNCTION attrib.reconcile_v1(text, date, date, boolean) IS 'Where the orders of export_row differ from what is counted: one row for each difference (missing, extra, amount, refund, status), with what the shop and what attribd has. p_from, p_to: local days of placing, both included; NULL = what the export spans, also for extra ones. p_stripe: only orders that Stripe knows are extra. due: what the export can tell anew: 1 the order, 2 its refund, 4 its cancel, 8 that it is paid; total, refunded (of the total, clamped), known_as and placed_us (microseconds since 1970) are what it says of that. Excluded orders and those of strangers are not extra.';

CREATE OR REPLACE FUNCTION attrib.export_period_v1(p_site text, p_from date, p_to date)
RETURNS TABLE (orders bigint, from_day text, to_day text) LANGUAGE plpgsql STABLE AS $$
DECLARE
	zone text := (SELECT time_zone FROM attrib.site WHERE name = p_site);
BEGIN
	RETURN QUERY SELECT count(*), coalesce(p_from, (min(o.placed_at) AT TIME ZONE zone)::date)::text,
		coalesce(p_to, (max(o.placed_at) AT TIME ZONE zone)::date)::text FROM export_order o;
END $$;
COMMENT ON FUNCTION attrib.export_period_v1(text, date, date) IS 'After reconcile_v1: how many orders were compared, and the local days that they span where no period was asked for.';
