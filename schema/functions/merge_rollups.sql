-- What a merge adds to the rollups: the difference between what the touched conversions contributed before and
-- what they do now, aggregated by key. Days first, then months of the same difference, so that a month is the
-- sum of its days whatever happened to them. Rows are locked in key order, table after table.

CREATE OR REPLACE FUNCTION attrib.stage_v1_rollups()
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF to_regclass('pg_temp.work_path') IS NOT NULL THEN
		RETURN;
	END IF;
	-- What touched conversions contribute to rollups: once with -1 as they were, once with 1 as they are.
	CREATE TEMP TABLE IF NOT EXISTS work_money (
		sign smallint, site text COLLATE "C", day date, kind smallint, creator text COLLATE "C",
		campaign text COLLATE "C", placement text COLLATE "C", channel smallint,
		tracker text COLLATE "C", currency text COLLATE "C", customer_kind smallint,
		share bigint[], amount bigint[], refunded bigint[]
	) ON COMMIT DELETE ROWS;
	CREATE TEMP TABLE IF NOT EXISTS work_claim (
		sign smallint, site text COLLATE "C", day date, kind smallint, currency text COLLATE "C",
		gross bigint, credited boolean, creator_claims int, channel_claims int
	) ON COMMIT DELETE ROWS;
	CREATE TEMP TABLE work_path (
		sign smallint, site text COLLATE "C", day date, order_id text COLLATE "C", creator text COLLATE "C",
		campaign text COLLATE "C", placement text COLLATE "C", clicked boolean, coded boolean, contested boolean, scopes int
	) ON COMMIT DELETE ROWS;
	-- The difference that goes into days, and from there into months.
	CREATE TEMP TABLE work_day_money (
		site text COLLATE "C", day date, kind smallint, creator text COLLATE "C", campaign text COLLATE "C",
		placement text COLLATE "C", channel smallint, tracker text COLLATE "C", currency text COLLATE "C",
		customer_kind smallint, conversions bigint[], gross bigint[], refunded bigint[]
	) ON COMMIT DELETE ROWS;
	CREATE TEMP TABLE work_day_path (
		site text COLLATE "C", day date, grain smallint, creator text COLLATE "C", campaign text COLLATE "C",
		placement text COLLATE "C", claims bigint, clicked bigint, code_only bigint, click_only bigint, contested bigint
	) ON COMMIT DELETE ROWS;
END $$;
COMMENT ON FUNCTION attrib.stage_v1_rollups() IS 'Part of stage_v1: what a merge notes for the rollups. A session that has staged since before an update gets what it lacks.';

CREATE OR REPLACE FUNCTION attrib.month_of(p_day date)
RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT date_trunc('month', p_day::timestamp)::date
$$;
COMMENT ON FUNCTION attrib.month_of(date) IS 'The first day of a day''s month.';

CREATE OR REPLACE FUNCTION attrib.path_scopes(p_site text, p_kind smallint, p_order_id text)
RETURNS TABLE (creator text, campaign text, placement text, clicked boolean, coded boolean, scopes int) ROWS 2 LANGUAGE sql STABLE AS $$
	SELECT creator, campaign, placement,
		bool_or(channel IN (1, 2, 3) AND NOT viewed AND attrib.suspect_flags(flags) = 0), bool_or(channel = 4),
		(count(*) OVER ())::int
	FROM attrib.path_row
	WHERE (site, kind, order_id) = (p_site, p_kind, p_order_id) AND eligible AND creator <> ''
	GROUP BY creator, campaign, placement
$$;
COMMENT ON FUNCTION attrib.path_scopes(text, smallint, text) IS 'The scopes that claim an order, whether by a valid click, and by a code, and how many they are.';

CREATE OR REPLACE FUNCTION attrib.merge_v1_sums(p_sign smallint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF p_sign < 0 AND NOT EXISTS (SELECT FROM work_touched WHERE NOT subtracted) THEN
		RETURN;
	END IF;
	WITH conversions AS MATERIALIZED (
		SELECT c.site, c.kind, c.order_id, c.day, c.currency, c.gross, c.credited, c.creator_claims, c.channel_claims, t.fresh
		FROM work_touched t
		CROSS JOIN LATERAL (SELECT * FROM attrib.conversion c
			WHERE (c.site, c.kind, c.order_id) = (t.site, t.kind, t.order_id) OFFSET 0) c
		WHERE (p_sign > 0 OR NOT t.subtracted) AND c.counted AND c.merged_into = ''
	), claims AS (
		INSERT INTO work_claim
		SELECT p_sign, site, day, kind, currency, gross, credited, creator_claims, channel_claims FROM conversions
	), paths AS (
		INSERT INTO work_path
		SELECT p_sign, c.site, c.day, c.order_id, p.creator, p.campaign, p.placement, p.clicked, p.coded, c.creator_claims > 1, p.scopes
		FROM conversions c
		CROSS JOIN LATERAL attrib.path_scopes(c.site, c.kind, c.order_id) p
		-- only a decision changes what is on a path, and whether and when it counts: of what refunds alone touch nothing is read
		WHERE c.kind = 1 AND c.creator_claims > 0 AND (c.fresh OR EXISTS (SELECT FROM stage_decision d
			WHERE (d.site, d.kind, d.order_id) = (c.site, c.kind, c.order_id)))
	)
	INSERT INTO work_money
	SELECT p_sign, c.site, c.day, c.kind, k.creator, k.campaign, k.placement, k.channel, k.tracker,
		c.currency, coalesce(o.kind, 0), k.share, k.amount, k.refunded
	FROM conversions c
	CROSS JOIN LATERAL (SELECT * FROM attrib.credit k
		WHERE (k.site, k.kind, k.order_id) = (c.site, c.kind, c.order_id) OFFSET 0) k
	LEFT JOIN attrib.customer_order o ON c.kind = 1 AND o.site = c.site AND o.order_id = c.order_id;
	IF p_sign < 0 THEN
		UPDATE work_touched SET subtracted = true WHERE NOT subtracted;
	END IF;
END $$;
COMMENT ON FUNCTION attrib.merge_v1_sums(smallint) IS 'Step of merge_v1: notes what the touched conversions contribute to rollups, to be subtracted (-1) or added (1).';

CREATE OR REPLACE FUNCTION attrib.add_arrays(a bigint[], b bigint[])
RETURNS bigint[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT ARRAY[a[1] + b[1], a[2] + b[2], a[3] + b[3], a[4] + b[4], a[5] + b[5], a[6] + b[6]]
$$;
COMMENT ON FUNCTION attrib.add_arrays(bigint[], bigint[]) IS 'Sum of two arrays over the six models.';

CREATE OR REPLACE FUNCTION attrib.merge_v1_rollups()
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO work_day_money
	SELECT * FROM (
		SELECT site, day, kind, creator, campaign, placement, channel, tracker, currency, customer_kind,
			ARRAY[sum(sign * share[1]), sum(sign * share[2]), sum(sign * share[3]),
				sum(sign * share[4]), sum(sign * share[5]), sum(sign * share[6])]::bigint[] AS conversions,
			ARRAY[sum(sign * amount[1]), sum(sign * amount[2]), sum(sign * amount[3]),
				sum(sign * amount[4]), sum(sign * amount[5]), sum(sign * amount[6])]::bigint[] AS gross,
			ARRAY[sum(sign * refunded[1]), sum(sign * refunded[2]), sum(sign * refunded[3]),
				sum(sign * refunded[4]), sum(sign * refunded[5]), sum(sign * refunded[6])]::bigint[] AS refunded
		FROM work_money
		GROUP BY site, day, kind, creator, campaign, placement, channel, tracker, currency, customer_kind) d
	WHERE (conversions, gross, refunded) IS DISTINCT FROM
		('{0,0,0,0,0,0}'::bigint[], '{0,0,0,0,0,0}'::bigint[], '{0,0,0,0,0,0}'::bigint[]);
	INSERT INTO attrib.rollup_money AS r
	SELECT * FROM work_day_money
	ORDER BY site, day, kind, creator, campaign, placement, channel, tracker, currency, customer_kind
	ON CONFLICT (site, day, kind, creator, campaign, placement, channel, tracker, currency, customer_kind)
	DO UPDATE SET conversions = attrib.add_arrays(r.conversions, excluded.conversions),
		gross = attrib.add_arrays(r.gross, excluded.gross),
		refunded = attrib.add_arrays(r.refunded, excluded.refunded);
	INSERT INTO attrib.rollup_month AS r
	SELECT site, attrib.month_of(day) AS month, kind, creator, campaign, placement, channel, currency, customer_kind,
		ARRAY[sum(conversions[1]), sum(conversions[2]), sum(conversions[3]), sum(conversions[4]), sum(conversions[5]), sum(conversions[6])]::bigint[],
		ARRAY[sum(gross[1]), sum(gross[2]), sum(gross[3]), sum(gross[4]), sum(gross[5]), sum(gross[6])]::bigint[],
		ARRAY[sum(refunded[1]), sum(refunded[2]), sum(refunded[3]), sum(refunded[4]), sum(refunded[5]), sum(refunded[6])]::bigint[]
	FROM work_day_money
	GROUP BY site, month, kind, creator, campaign, placement, channel, currency, customer_kind
	ORDER BY site, month, kind, creator, campaign, placement, channel, currency, customer_kind
	ON CONFLICT (site, month, kind, creator, campaign, placement, channel, currency, customer_kind)
	DO UPDATE SET conversions = attrib.add_arrays(r.conversions, excluded.conversions),
		gross = attrib.add_arrays(r.gross, excluded.gross),
		refunded = attrib.add_arrays(r.refunded, excluded.refunded);

	INSERT INTO attrib.rollup_claim AS r
	SELECT * FROM (
		SELECT site, day, kind, currency, sum(sign) AS orders, sum(sign * gross) AS gross,
			sum(sign * (creator_claims > 1)::int) AS contested,
			sum(sign * credited::int) AS credited_orders,
			sum(sign * gross * credited::int) AS credited_gross,
			sum(sign * creator_claims) AS creator_claims,
			sum(sign * gross * creator_claims) AS creator_claimed,
			sum(sign * channel_claims) AS channel_claims,
			sum(sign * gross * channel_claims) AS channel_claimed
		FROM work_claim GROUP BY site, day, kind, currency) d
	WHERE (orders, gross, contested, credited_orders, credited_gross, creator_claims, creator_claimed,
		channel_claims, channel_claimed) <> (0, 0, 0, 0, 0, 0, 0, 0, 0)
	ORDER BY site, day, kind, currency
	ON CONFLICT (site, day, kind, currency) DO UPDATE SET orders = r.orders + excluded.orders,
		gross = r.gross + excluded.gross, contested = r.contested + excluded.contested,
		credited_orders = r.credited_orders + excluded.credited_orders,
		credited_gross = r.credited_gross + excluded.credited_gross,
		creator_claims = r.creator_claims + excluded.creator_claims,
		creator_claimed = r.creator_claimed + excluded.creator_claimed,
		channel_claims = r.channel_claims + excluded.channel_claims,
		channel_claimed = r.channel_claimed + excluded.channel_claimed;
	PERFORM attrib.merge_v1_paths();
END $$;
COMMENT ON FUNCTION attrib.merge_v1_rollups() IS 'Step of merge_v1: adds the differences to the rollups, in key order.';

CREATE OR REPLACE FUNCTION attrib.merge_v1_paths()
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM work_path) THEN
		RETURN;
	END IF;
	INSERT INTO work_day_path
	SELECT site, day, grain, creator, campaign, placement, sum(claims) AS claims, sum(clicked) AS clicked,
		sum(code_only) AS code_only, sum(click_only) AS click_only, sum(contested) AS contested
	FROM (
		SELECT site, day, 0 AS grain, creator, campaign, placement, sign AS claims, sign * clicked::int AS clicked,
			sign * (coded AND NOT clicked)::int AS code_only, sign * (clicked AND NOT coded)::int AS click_only,
			sign * contested::int AS contested
		FROM work_path
		UNION ALL -- an order of several scopes: once in a key of each grain, less what it is in the scopes
		SELECT site, day, grain, g.creator, g.campaign, g.placement, sign * (1 - count(*)),
			sign * (bool_or(clicked)::int - sum(clicked::int)),
			sign * ((bool_or(coded) AND NOT bool_or(clicked))::int - sum((coded AND NOT clicked)::int)),
			sign * ((bool_or(clicked) AND NOT bool_or(coded))::int - sum((clicked AND NOT coded)::int)),
			sign * (bool_or(contested)::int - sum(contested::int))
		FROM work_path
		CROSS JOIN LATERAL (VALUES (1, '', '', ''), (2, '', campaign, ''), (3, creator, '', ''),
			(4, creator, campaign, ''), (5, '', '', placement)) g (grain, creator, campaign, placement)
		WHERE scopes > 1
		GROUP BY sign, site, day, order_id, grain, g.creator, g.campaign, g.placement HAVING count(*) > 1) d
	GROUP BY site, day, grain, creator, campaign, placement
	HAVING (sum(claims), sum(clicked), sum(code_only), sum(click_only), sum(contested)) <> (0, 0, 0, 0, 0);
	INSERT INTO attrib.rollup_path AS r
	SELECT * FROM work_day_path ORDER BY site, day, grain, creator, campaign, placement
	ON CONFLICT (site, day, grain, creator, campaign, placement) DO UPDATE SET claims = r.claims + excluded.claims,
		clicked = r.clicked + excluded.clicked, code_only = r.code_only + excluded.code_only,
		click_only = r.click_only + excluded.click_only, contested = r.contested + excluded.contested;
	INSERT INTO attrib.rollup_path_month AS r
	SELECT site, attrib.month_of(day) AS month, grain, creator, campaign, placement, sum(claims), sum(clicked),
		sum(code_only), sum(click_only), sum(contested)
	FROM work_day_path GROUP BY site, month, grain, creator, campaign, placement
	ORDER BY site, month, grain, creator, campaign, placement
	ON CONFLICT (site, month, grain, creator, campaign, placement) DO UPDATE SET claims = r.claims + excluded.claims,
		clicked = r.clicked + excluded.clicked, code_only = r.code_only + excluded.code_only,
		click_only = r.click_only + excluded.click_only, contested = r.contested + excluded.contested;
END $$;
COMMENT ON FUNCTION attrib.merge_v1_paths() IS 'Step of merge_v1: adds what decisions have changed to the claims of scopes.';

