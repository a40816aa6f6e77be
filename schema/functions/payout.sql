-- Payouts. A payout takes what is approved and not paid yet, and what has to be taken back; its lines never change: what
-- happens to an order afterwards is the difference in a later one. Locks: the rules, so that no change of them is half in,
-- then the site's row, which also stands for its commissions and keeps two runs apart.

CREATE OR REPLACE FUNCTION attrib.payout_create_v1(p_site text, p_creator text, p_to date, p_min numeric)
RETURNS SETOF attrib.payout LANGUAGE plpgsql AS $$
DECLARE
	at timestamptz;
BEGIN
	LOCK TABLE attrib.commission_rule IN SHARE MODE;
	PERFORM FROM attrib.site WHERE name = p_site FOR NO KEY UPDATE;
	at := clock_timestamp();
	RETURN QUERY
	WITH due AS MATERIALIZED (
		SELECT m.id, m.creator, m.currency, m.earned - m.paid AS amount, m.basis - m.paid_basis AS basis
		FROM attrib.commission m
		WHERE m.site = p_site AND m.earned <> m.paid AND (p_creator IS NULL OR m.creator = p_creator)
			AND (m.earned < m.paid OR (m.hold_until <= at AND (p_to IS NULL OR m.day <= p_to)))
	), made AS (
		INSERT INTO attrib.payout (site, creator, currency, amount, lines, up_to, created_at)
		SELECT p_site, d.creator, d.currency, sum(d.amount), count(*), p_to, at FROM due d GROUP BY d.creator, d.currency
		HAVING sum(d.amount) > 0
			AND sum(d.amount) >= coalesce(p_min, 0) * 10::numeric ^ attrib.currency_exponent(d.currency)
		ORDER BY d.creator, d.currency
		RETURNING *
	), lines AS (
		INSERT INTO attrib.payout_line (payout, commission, basis, amount)
		SELECT p.id, d.id, d.basis, d.amount FROM made p JOIN due d USING (creator, currency) ORDER BY p.id, d.id
	), marked AS (
		UPDATE attrib.commission m SET paid = m.paid + d.amount, paid_basis = m.paid_basis + d.basis, lines = m.lines + 1,
			ruled_at = coalesce(m.ruled_at, (SELECT min(g.ruled_at) FROM attrib.commission g
				WHERE (g.site, g.kind, g.order_id) = (m.site, m.kind, m.order_id)
					AND g.creator = m.creator AND g.campaign = m.campaign), at)
		FROM made p JOIN due d USING (creator, currency)
		WHERE m.id = d.id
	)
	SELECT * FROM made ORDER BY id;
END $$;
COMMENT ON FUNCTION attrib.payout_create_v1(text, text, date, numeric) IS 'Makes a payout for each creator (NULL = all) and currency of a site: approved commissions of orders up to a day (NULL = all), less what is to be taken back of earlier payouts. Nothing where that is not more than 0, or less than p_min (major units).';

CREATE OR REPLACE FUNCTION attrib.payout_in(p_site text, p_id bigint, p_state text, p_wanted text)
RETURNS attrib.payout LANGUAGE plpgsql AS $$
DECLARE
	found attrib.payout;
BEGIN
	SELECT * INTO found FROM attrib.payout WHERE id = p_id;
	IF found.id IS NULL OR found.site <> p_site THEN
		RAISE EXCEPTION 'there is no payout %', p_id USING ERRCODE = '55000';
	ELSIF found.state NOT IN (p_state, p_wanted) THEN
		RAISE EXCEPTION 'payout % is %', p_id, found.state USING ERRCODE = '55000';
	END IF;
	RETURN found;
END $$;
COMMENT ON FUNCTION attrib.payout_in(text, bigint, text, text) IS 'A payout of a site (NULL = any) that is in the one state or in the other already.';

CREATE OR REPLACE FUNCTION attrib.payout_paid_v1(p_site text, p_id bigint, p_reference text, p_on date)
RETURNS SETOF attrib.payout LANGUAGE plpgsql AS $$
DECLARE
	before attrib.payout;
BEGIN
	PERFORM FROM attrib.payout WHERE id = p_id FOR UPDATE;
	before := attrib.payout_in(p_site, p_id, 'open', 'paid');
	IF before.state = 'paid' AND before.reference IS DISTINCT FROM p_reference THEN
		RAISE EXCEPTION 'payout % was paid with the reference "%"', p_id, before.reference USING ERRCODE = '55000';
	END IF;
	UPDATE attrib.payout p SET state = 'paid', reference = p_reference,
		paid_on = coalesce(p_on, (SELECT (now() AT TIME ZONE s.time_zone)::date FROM attrib.site s WHERE s.name = p.site))
	WHERE p.id = p_id AND p.state = 'open';
	RETURN QUERY SELECT * FROM attrib.payout WHERE id = p_id;
END $$;
COMMENT ON FUNCTION attrib.payout_paid_v1(text, bigint, text, date) IS 'Notes that an open payout of a site (NULL = any) was sent, with the reference of the transfer, on a day (NULL = today, by the site''s clock). Again with the same reference changes nothing.';

CREATE OR REPLACE FUNCTION attrib.payout_cancel_v1(p_site text, p_id bigint)
RETURNS SETOF attrib.payout LANGUAGE plpgsql AS $$
BEGIN
	PERFORM FROM attrib.site WHERE name = (SELECT site FROM attrib.payout WHERE id = p_id) FOR NO KEY UPDATE;
	PERFORM FROM attrib.payout WHERE id = p_id FOR UPDATE;
	PERFORM attrib.payout_in(p_site, p_id, 'open', 'cancelled');
	PERFORM attrib.stage_v1();
	WITH ended AS (
		UPDATE attrib.payout SET state = 'cancelled' WHERE id = p_id AND state = 'open' RETURNING id
	), freed AS (
		UPDATE attrib.commission m SET paid = m.paid - l.amount, paid_basis = m.paid_basis - l.basis, lines = m.lines - 1,
			ruled_at = CASE WHEN m.lines > 1 THEN m.ruled_at END
		FROM ended e JOIN attrib.payout_line l ON l.payout = e.id WHERE m.id = l.commission
		RETURNING m.site, m.kind, m.order_id
	)
	INSERT INTO work_touched (site, kind, order_id) SELECT DISTINCT site, kind, order_id FROM freed;
	PERFORM attrib.merge_v1_commissions(); -- what is in no payout any more goes by the rules of today
	PERFORM attrib.unstage_v1();
	RETURN QUERY SELECT * FROM attrib.payout WHERE id = p_id;
END $$;
COMMENT ON FUNCTION attrib.payout_cancel_v1(text, bigint) IS 'Cancels a payout of a site (NULL = any) that was never sent: what it would have paid is due again.';
