-- Commissions. The last step of a merge compares what each touched conversion earns by the rules with what stands, and
-- writes the difference, rollups included; a change of rules does the same for the conversions that it concerns, at the
-- end of its transaction. Both hold the site's row. Conversions go by the rules of today; those of which something is in
-- a payout go by the rules that were recorded then, so that only the order itself can change them.

CREATE OR REPLACE FUNCTION attrib.commission_terms(p_site text, p_kind smallint, p_creator text, p_campaign text,
	p_currency text, p_at timestamp, p_recorded timestamptz)
RETURNS TABLE (kind text, rate numeric, amount numeric, cap numeric, currency text, hold_days bigint)
LANGUAGE sql STABLE AS $$
	SELECT DISTINCT ON (r.kind) r.kind, r.rate, r.amount, r.cap, r.currency, r.hold_days
	FROM (SELECT h.*, dense_rank() OVER (ORDER BY h.creator = '', h.campaign = '') AS place
		FROM attrib.commission_rule_history h
		WHERE h.site = p_site AND h.creator IN (p_creator, '') AND h.campaign IN (p_campaign, '')
			AND (h.kind = 'per_lead') = (p_kind = 2) AND (h.kind <> 'percent' OR h.currency IN (p_currency, ''))
			AND h.valid_from <= p_at AND coalesce(p_at < h.valid_to, true)
			AND CASE WHEN p_recorded IS NULL THEN h.superseded_at = 'infinity'
				ELSE h.recorded_at <= p_recorded AND h.superseded_at > p_recorded END) r
	WHERE r.place = 1
	ORDER BY r.kind, r.currency <> p_currency, r.currency, r.valid_from DESC
$$;
COMMENT ON FUNCTION attrib.commission_terms(text, smallint, text, text, text, timestamp, timestamptz) IS 'The rules for a conversion (1 order, 2 lead) of a creator and campaign, in a currency, placed at a local time, as they were recorded at an instant (NULL = now): those of the most specific scope, one of each kind: in the currency of the order before others, then the latest.';

CREATE OR REPLACE FUNCTION attrib.commission_rows(p_site text, p_kind smallint, p_order_id text)
RETURNS TABLE (creator text, campaign text, rule text, currency text, placement text, channel smallint, tracker text,
	day date, rate numeric, amount bigint, basis bigint, earned bigint, hold_until timestamptz, reason text)
LANGUAGE sql STABLE AS $$
	SELECT k.creator, k.campaign, r.kind, u.currency, k.placement, k.channel, k.tracker, c.day, r.rate, u.amount,
		CASE WHEN r.kind = 'percent' THEN n.net ELSE 0 END,
		CASE WHEN c.cancelled THEN 0
			WHEN r.kind = 'percent' THEN least(round(n.net * r.rate)::bigint, u.cap)
			WHEN k.amount[1] = 0 THEN u.amount
			ELSE attrib.scale_half_up(u.amount, n.net, k.amount[1]) END,
		c.counted_at + r.hold_days * interval '24 hours',
		CASE WHEN c.cancelled THEN 'cancelled' WHEN c.refunded = c.gross AND c.gross > 0 THEN 'refunded' ELSE '' END
	FROM attrib.conversion c
	CROSS JOIN LATERAL (SELECT * FROM attrib.credit k
		WHERE (k.site, k.kind, k.order_id) = (p_site, p_kind, p_order_id) AND k.share[1] > 0 AND k.creator <> '' OFFSET 0) k
	CROSS JOIN LATERAL (SELECT min(m.ruled_at) AS at FROM attrib.commission m WHERE (m.site, m.kind, m.order_id)
		= (p_site, p_kind, p_order_id) AND m.creator = k.creator AND m.campaign = k.campaign) f
	CROSS JOIN LATERAL (SELECT c.placed_at AT TIME ZONE s.time_zone AS placed
		FROM attrib.site s WHERE s.name = p_site OFFSET 0) z
	CROSS JOIN LATERAL attrib.commission_terms(p_site, p_kind, k.creator, k.campaign, c.currency, z.placed, f.at) r
	CROSS JOIN LATERAL (SELECT k.amount[1] - k.refunded[1] AS net) n
	CROSS JOIN LATERAL (SELECT x.currency,
			round(r.amount * 10::numeric ^ attrib.currency_exponent(x.currency))::bigint AS amount,
			round(r.cap * 10::numeric ^ attrib.currency_exponent(x.currency))::bigint AS cap
		FROM (SELECT CASE WHEN r.kind = 'percent' THEN c.currency ELSE r.currency END AS currency) x) u
	WHERE (c.site, c.kind, c.order_id) = (p_site, p_kind, p_order_id) AND c.counted AND c.merged_into = ''
		AND coalesce(r.rate, r.amount) > 0
		AND (r.kind <> 'per_new_customer' OR EXISTS (SELECT FROM attrib.customer_order o
			WHERE o.site = p_site AND o.order_id = p_order_id AND o.kind = 1))
$$;
COMMENT ON FUNCTION attrib.commission_rows(text, smallint, text) IS 'What a conversion earns its creator by the policy model as it stands now, minor units. percent: of the credited net revenue, rounded half up, at most the cap; fixed amounts in the proportion of net to gross, rounded half up. Nothing of what does not count.';

CREATE OR REPLACE FUNCTION attrib.commission_reason(p_site text, p_kind smallint, p_order_id text, p_creator text, p_campaign text)
RETURNS text LANGUAGE sql STABLE AS $$
	SELECT CASE WHEN c.merged_into <> '' THEN 'merged'
		WHEN NOT c.counted THEN 'not_counted'
		WHEN NOT EXISTS (SELECT FROM attrib.credit k WHERE (k.site, k.kind, k.order_id) = (p_site, p_kind, p_order_id)
			AND k.share[1] > 0 AND k.creator = p_creator AND k.campaign = p_campaign) THEN 'credit_moved'
		WHEN c.cancelled THEN 'cancelled'
		WHEN c.refunded = c.gross AND c.gross > 0 THEN 'refunded'
		ELSE 'no_rule' END
	FROM attrib.conversion c WHERE (c.site, c.kind, c.order_id) = (p_site, p_kind, p_order_id)
$$;
COMMENT ON FUNCTION attrib.commission_reason(text, smallint, text, text, text) IS 'Why a commission stands no more. no_rule: no rule makes one of this kind, as after a change of rules, or of a customer who turns out to be none that is new.';

CREATE OR REPLACE FUNCTION attrib.merge_v1_commissions()
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM attrib.commission_rule_history) THEN
		RETURN;
	END IF;
	WITH touched AS MATERIALIZED (
		SELECT t.site, t.kind, t.order_id FROM work_touched t
		CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM attrib.commission_rule_history h WHERE h.site = t.site) AS ruled OFFSET 0) r
		WHERE r.ruled
	), wanted AS (
		SELECT t.site, t.kind, t.order_id, e.* FROM touched t
		CROSS JOIN LATERAL (SELECT * FROM attrib.commission_rows(t.site, t.kind, t.order_id) OFFSET 0) e
	), stored AS (
		SELECT m.* FROM touched t CROSS JOIN LATERAL (SELECT * FROM attrib.commission m
			WHERE (m.site, m.kind, m.order_id) = (t.site, t.kind, t.order_id) OFFSET 0) m
	), sides AS (
		SELECT site, kind, order_id, creator, campaign, rule, currency, true AS old, placement, channel, tracker, day, rate,
			amount, basis, earned, hold_until, reason FROM stored
		UNION ALL
		SELECT site, kind, order_id, creator, campaign, rule, currency, false, placement, channel, tracker, day, rate,
			amount, basis, earned, hold_until, reason FROM wanted
	), keyed AS (
		SELECT *, bool_or(NOT old) OVER (PARTITION BY site, kind, order_id, creator, campaign, rule, currency) AS stands
		FROM sides
	), changed AS ( -- what does not stand any more stays as it is and earns nothing; what is the same twice has not changed
		SELECT * FROM (
			SELECT *, count(*) OVER (PARTITION BY site, kind, order_id, creator, campaign, rule, currency,
				placement, channel, tracker, day, rate, amount, basis, earned, hold_until, reason) AS copies
			FROM (SELECT * FROM keyed
				UNION ALL
				SELECT site, kind, order_id, creator, campaign, rule, currency, false, placement, channel, tracker, day, rate,
					amount, 0, 0, hold_until, attrib.commission_reason(site, kind, order_id, creator, campaign), false
				FROM keyed WHERE NOT stands) b) c
		WHERE copies = 1
	), written AS (
		INSERT INTO attrib.commission AS m (site, kind, order_id, creator, campaign, rule, currency, placement, channel,
			tracker, day, rate, amount, basis, earned, hold_until, reason)
		SELECT site, kind, order_id, creator, campaign, rule, currency, placement, channel,
			tracker, day, rate, amount, basis, earned, hold_until, reason
		FROM changed WHERE NOT old ORDER BY 1, 2, 3, 4, 5, 6, 7
		ON CONFLICT (site, kind, order_id, creator, campaign, rule, currency) DO UPDATE SET placement = excluded.placement,
			channel = excluded.channel, tracker = excluded.tracker, day = excluded.day, rate = excluded.rate,
			amount = excluded.amount, basis = excluded.basis, earned = excluded.earned,
			hold_until = excluded.hold_until, reason = excluded.reason
	), days AS (
		INSERT INTO attrib.rollup_commission AS r
		SELECT site, day, campaign, creator, placement, currency, sum(CASE WHEN old THEN -earned ELSE earned END) FROM changed
		GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(CASE WHEN old THEN -earned ELSE earned END) <> 0
		ORDER BY 1, 2, 3, 4, 5, 6
		ON CONFLICT (site, day, campaign, creator, placement, currency) DO UPDATE SET earned = r.earned + excluded.earned
	)
	INSERT INTO attrib.rollup_commission_month AS r
	SELECT site, attrib.month_of(day), campaign, creator, placement, currency, sum(CASE WHEN old THEN -earned ELSE earned END)
	FROM changed
	GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(CASE WHEN old THEN -earned ELSE earned END) <> 0
	ORDER BY 1, 2, 3, 4, 5, 6
	ON CONFLICT (site, month, campaign, creator, placement, currency) DO UPDATE SET earned = r.earned + excluded.earned;
END $$;
COMMENT ON FUNCTION attrib.merge_v1_commissions() IS 'Step of merge_v1, and of whatever else changes conversions or rules: brings the commissions of the conversions in work_touched, and their rollups, to what commission_rows says. Under the lock of their sites.';

CREATE OR REPLACE FUNCTION attrib.commission_sums(p_site text, p_from date, p_to date, p_rates boolean)
RETURNS TABLE (site text, day date, campaign text, creator text, placement text, currency text, earned bigint)
LANGUAGE sql STABLE AS $$
	SELECT r.site, r.month, r.campaign, r.creator, r.placement, r.currency, r.earned
	FROM attrib.rollup_commission_month r JOIN attrib.site s ON s.name = r.site
	WHERE (p_site IS NULL OR r.site = p_site) AND r.month >= attrib.months_from(p_from) AND r.month < attrib.months_to(p_to)
		AND (NOT p_rates OR r.currency = s.currency)
	UNION ALL
	SELECT r.site, r.day, r.campaign, r.creator, r.placement, r.currency, r.earned
	FROM attrib.rollup_commission r
	WHERE (p_site IS NULL OR r.site = p_site) AND r.day = ANY (attrib.days_beside(p_from, p_to))
	UNION ALL -- what is worth something else each day
	SELECT r.site, r.day, r.campaign, r.creator, r.placement, r.currency, r.earned
	FROM attrib.rollup_commission r JOIN attrib.site s ON s.name = r.site
	WHERE p_rates AND (p_site IS NULL OR r.site = p_site) AND r.currency <> s.currency
		AND r.day >= attrib.months_from(p_from) AND r.day < attrib.months_to(p_to)
		AND EXISTS (SELECT FROM attrib.rollup_commission_month m JOIN attrib.site o ON o.name = m.site
			WHERE (p_site IS NULL OR m.site = p_site) AND m.currency <> o.currency)
$$;
COMMENT ON FUNCTION attrib.commission_sums(text, date, date, boolean) IS 'What commissions earn in a period of local days, minor units: whole months, and the days beside them. p_rates: those in another currency than the site''s by day. NULL dates = all time.';

-- -- rules that change --------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION attrib.recompute_commissions()
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM FROM attrib.site WHERE name IN (SELECT site FROM attrib.commission_stale) ORDER BY name FOR NO KEY UPDATE;
	PERFORM attrib.stage_v1();
	WITH stale AS (
		DELETE FROM attrib.commission_stale RETURNING *
	)
	INSERT INTO work_touched (site, kind, order_id)
	SELECT DISTINCT c.site, c.kind, c.order_id
	FROM stale r
	JOIN attrib.site s ON s.name = r.site
	JOIN attrib.credit k ON k.site = r.site AND k.share[1] > 0 AND k.creator <> '' AND r.creator IN (k.creator, '')
	JOIN attrib.conversion c ON (c.site, c.kind, c.order_id) = (k.site, k.kind, k.order_id)
	WHERE c.counted AND c.placed_at AT TIME ZONE s.time_zone >= r.valid_from
		AND coalesce(c.placed_at AT TIME ZONE s.time_zone < r.valid_to, true);
	PERFORM attrib.merge_v1_commissions();
	PERFORM attrib.unstage_v1();
END $$;
COMMENT ON FUNCTION attrib.recompute_commissions() IS 'Brings the commissions of the scopes in commission_stale to the rules of today. Those that are in a payout keep theirs.';

CREATE OR REPLACE FUNCTION attrib.note_commission_rule()
RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'TRUNCATE' THEN
		INSERT INTO attrib.commission_stale SELECT DISTINCT site, '', timestamp '-infinity' FROM attrib.commission;
		PERFORM attrib.recompute_commissions();
		RETURN NULL;
	END IF;
	IF TG_OP = 'UPDATE' AND NEW IS NOT DISTINCT FROM OLD THEN
		RETURN NULL;
	END IF;
	IF TG_OP <> 'INSERT' THEN
		INSERT INTO attrib.commission_stale VALUES (OLD.site, OLD.creator, OLD.valid_from, OLD.valid_to);
	END IF;
	IF TG_OP <> 'DELETE' THEN
		INSERT INTO attrib.commission_stale VALUES (NEW.site, NEW.creator, NEW.valid_from, NEW.valid_to);
	END IF;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION attrib.note_commission_rule() IS 'Trigger: notes the scope of a rule that changes, for the end of the transaction.';

CREATE OR REPLACE FUNCTION attrib.settle_commission_rules()
RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM attrib.commission_stale) THEN
		PERFORM attrib.recompute_commissions();
	END IF;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION attrib.settle_commission_rules() IS 'Trigger at the end of a transaction that has changed rules, whoever did: the first row does it for all.';

CREATE OR REPLACE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON attrib.commission_rule
	FOR EACH ROW EXECUTE FUNCTION attrib.note_commission_rule();
CREATE OR REPLACE TRIGGER note_all AFTER TRUNCATE ON attrib.commission_rule
	FOR EACH STATEMENT EXECUTE FUNCTION attrib.note_commission_rule();
DROP TRIGGER IF EXISTS settle ON attrib.commission_rule;
CREATE CONSTRAINT TRIGGER settle AFTER INSERT OR UPDATE OR DELETE ON attrib.commission_rule
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION attrib.settle_commission_rules();

-- -- the proof -----------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION attrib.check_commissions()
RETURNS TABLE (what text, key jsonb, stored jsonb, expected jsonb) LANGUAGE sql STABLE AS $$
	WITH wanted AS (
		SELECT c.site, c.kind, c.order_id, e.* FROM attrib.conversion c
		CROSS JOIN LATERAL attrib.commission_rows(c.site, c.kind, c.order_id) e
		WHERE c.counted AND c.site IN (SELECT site FROM attrib.commission_rule_history)
	), lines AS (
		SELECT l.commission AS id, sum(l.amount)::bigint AS paid, sum(l.basis)::bigint AS paid_basis, count(*)::int AS lines
		FROM attrib.payout_line l JOIN attrib.payout p ON p.id = l.payout WHERE p.state <> 'cancelled' GROUP BY 1
	)
	SELECT 'commission', jsonb_build_array(site, kind, order_id, creator, campaign, rule, currency),
		jsonb_build_array(m.placement, m.channel, m.tracker, m.day, m.basis, m.earned, m.hold_until),
		jsonb_build_array(w.placement, w.channel, w.tracker, w.day, w.basis, w.earned, w.hold_until)
	FROM (SELECT * FROM attrib.commission) m
	FULL JOIN wanted w USING (site, kind, order_id, creator, campaign, rule, currency)
	WHERE CASE WHEN w.earned IS NULL THEN (m.earned, m.basis) <> (0, 0) OR m.reason = ''
		ELSE (m.placement, m.channel, m.tracker, m.day, m.rate, m.amount, m.basis, m.earned, m.hold_until, m.reason)
			IS DISTINCT FROM (w.placement, w.channel, w.tracker, w.day, w.rate, w.amount, w.basis, w.earned, w.hold_until, w.reason) END
	UNION ALL
	SELECT 'rollup_commission', jsonb_build_array(site, day, campaign, creator, placement, currency),
		to_jsonb(r.earned), to_jsonb(m.earned)
	FROM attrib.rollup_commission r
	FULL JOIN (SELECT site, day, campaign, creator, placement, currency, sum(earned)::bigint AS earned
		FROM attrib.commission GROUP BY 1, 2, 3, 4, 5, 6) m USING (site, day, campaign, creator, placement, currency)
	WHERE coalesce(r.earned, 0) <> coalesce(m.earned, 0)
	UNION ALL
	SELECT 'rollup_commission_month', jsonb_build_array(site, month, campaign, creator, placement, currency),
		to_jsonb(r.earned), to_jsonb(m.earned)
	FROM attrib.rollup_commission_month r
	FULL JOIN (SELECT site, attrib.month_of(day) AS month, campaign, creator, placement, currency, sum(earned)::bigint AS earned
		FROM attrib.commission GROUP BY 1, 2, 3, 4, 5, 6) m USING (site, month, campaign, creator, placement, currency)
	WHERE coalesce(r.earned, 0) <> coalesce(m.earned, 0)
	UNION ALL
	SELECT 'paid', jsonb_build_array(m.site, m.kind, m.order_id, m.creator, m.campaign, m.rule, m.currency),
		jsonb_build_array(m.paid, m.paid_basis, m.lines, m.ruled_at IS NOT NULL),
		jsonb_build_array(coalesce(l.paid, 0), coalesce(l.paid_basis, 0), coalesce(l.lines, 0), l.lines IS NOT NULL)
	FROM attrib.commission m LEFT JOIN lines l USING (id)
	WHERE (m.paid, m.paid_basis, m.lines, m.ruled_at IS NOT NULL)
		<> (coalesce(l.paid, 0), coalesce(l.paid_basis, 0), coalesce(l.lines, 0), l.lines IS NOT NULL)
	UNION ALL
	SELECT 'payout', jsonb_build_array(p.id), jsonb_build_array(p.amount, p.lines),
		jsonb_build_array(coalesce(sum(l.amount), 0), count(l.payout))
	FROM attrib.payout p LEFT JOIN attrib.payout_line l ON l.payout = p.id
	GROUP BY p.id, p.amount, p.lines HAVING (p.amount, p.lines) <> (coalesce(sum(l.amount), 0), count(l.payout))
$$;
COMMENT ON FUNCTION attrib.check_commissions() IS 'Differences between what is stored and a recomputation: commissions against credits and rules, their rollups against them, what is paid against the lines of payouts. No rows = true. Reads every order of sites with rules.';
