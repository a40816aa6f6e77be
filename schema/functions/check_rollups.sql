-- The proof that rollups equal the rows: both are recomputed here from conversions, credits and the
-- ledger, and whatever differs is returned.

CREATE OR REPLACE FUNCTION attrib.check_rollups()
RETURNS TABLE (what text, key jsonb, stored jsonb, expected jsonb) LANGUAGE sql STABLE AS $$
	WITH money AS (
		SELECT c.site, c.day, c.kind, k.creator, k.campaign, k.placement, k.channel, k.tracker, c.currency,
			coalesce(o.kind, 0)::smallint AS customer_kind,
			ARRAY[sum(share[1]), sum(share[2]), sum(share[3]), sum(share[4]), sum(share[5]), sum(share[6])]::bigint[] AS conversions,
			ARRAY[sum(amount[1]), sum(amount[2]), sum(amount[3]), sum(amount[4]), sum(amount[5]), sum(amount[6])]::bigint[] AS gross,
			ARRAY[sum(k.refunded[1]), sum(k.refunded[2]), sum(k.refunded[3]), sum(k.refunded[4]),
				sum(k.refunded[5]), sum(k.refunded[6])]::bigint[] AS refunded
		FROM attrib.conversion c JOIN attrib.credit k USING (site, kind, order_id)
		LEFT JOIN attrib.customer_order o ON c.kind = 1 AND o.site = c.site AND o.order_id = c.order_id
		WHERE c.counted AND c.merged_into = ''
		GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
	), claims AS (
		SELECT site, day, kind, currency, count(*) AS orders, sum(gross) AS gross,
			count(*) FILTER (WHERE creator_claims > 1) AS contested,
			count(*) FILTER (WHERE credited) AS credited_orders,
			coalesce(sum(gross) FILTER (WHERE credited), 0) AS credited_gross,
			sum(creator_claims) AS creator_claims, sum(gross * creator_claims) AS creator_claimed,
			sum(channel_claims) AS channel_claims, sum(gross * channel_claims) AS channel_claimed
		FROM attrib.conversion WHERE counted AND merged_into = '' GROUP BY 1, 2, 3, 4
	), months AS (
		SELECT site, attrib.month_of(day) AS month, kind, creator, campaign, placement, channel, currency, customer_kind,
			ARRAY[sum(conversions[1]), sum(conversions[2]), sum(conversions[3]), sum(conversions[4]), sum(conversions[5]), sum(conversions[6])]::bigint[] AS conversions,
			ARRAY[sum(gross[1]), sum(gross[2]), sum(gross[3]), sum(gross[4]), sum(gross[5]), sum(gross[6])]::bigint[] AS gross,
			ARRAY[sum(refunded[1]), sum(refunded[2]), sum(refunded[3]), sum(refunded[4]), sum(refunded[5]), sum(refunded[6])]::bigint[] AS refunded
		FROM money GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
	), touched AS ( -- each order in each key of each grain that claims it
		SELECT site, day, order_id, grain, g.creator, g.campaign, g.placement, bool_or(click) AS clicked, bool_or(code) AS coded,
			bool_or(creators > 1) AS contested
		FROM (
			SELECT c.site, c.day, c.order_id, p.creator, p.campaign, p.placement, p.channel = 4 AS code,
				p.channel IN (1, 2, 3) AND NOT p.viewed AND attrib.suspect_flags(p.flags) = 0 AS click,
				dense_rank() OVER (PARTITION BY c.site, c.order_id ORDER BY p.creator)
					+ dense_rank() OVER (PARTITION BY c.site, c.order_id ORDER BY p.creator DESC) - 1 AS creators
			FROM attrib.conversion c JOIN attrib.path_row p USING (site, kind, order_id)
			WHERE c.kind = 1 AND c.counted AND c.merged_into = '' AND p.eligible AND p.creator <> '') p
		CROSS JOIN LATERAL (VALUES (0, creator, campaign, placement), (1, '', '', ''), (2, '', campaign, ''),
			(3, creator, '', ''), (4, creator, campaign, ''), (5, '', '', placement)) g (grain, creator, campaign, placement)
		GROUP BY 1, 2, 3, 4, 5, 6, 7
	), grains AS (
		SELECT site, day, grain::smallint, creator, campaign, placement, count(*) AS claims,
			count(*) FILTER (WHERE clicked) AS clicked, count(*) FILTER (WHERE coded AND NOT clicked) AS code_only,
			count(*) FILTER (WHERE clicked AND NOT coded) AS click_only, count(*) FILTER (WHERE contested) AS contested
		FROM touched GROUP BY 1, 2, 3, 4, 5, 6
	), paths AS ( -- a coarser grain, less the scopes in it
		SELECT site, day, grain, creator, campaign, placement, sum(claims) AS claims, sum(clicked) AS clicked,
			sum(code_only) AS code_only, sum(click_only) AS click_only, sum(contested) AS contested
		FROM (
			SELECT * FROM grains
			UNION ALL
			SELECT site, day, g.grain::smallint, g.creator, g.campaign, g.placement, -claims, -clicked, -code_only, -click_only, -contested
			FROM grains s
			CROSS JOIN LATERAL (VALUES (1, '', '', ''), (2, '', campaign, ''), (3, creator, '', ''), (4, creator, campaign, ''),
				(5, '', '', placement)) g (grain, creator, campaign, placement)
			WHERE s.grain = 0) k
		GROUP BY 1, 2, 3, 4, 5, 6
	), path_months AS (
		SELECT site, attrib.month_of(day) AS month, grain, creator, campaign, placement, sum(claims) AS claims,
			sum(clicked) AS clicked, sum(code_only) AS code_only, sum(click_only) AS click_only, sum(contested) AS contested
		FROM paths GROUP BY 1, 2, 3, 4, 5, 6
	), zero AS (SELECT '{0,0,0,0,0,0}'::bigint[] AS a)
	SELECT 'rollup_money', jsonb_build_array(site, day, kind, creator, campaign, placement, channel, tracker,
			currency, customer_kind),
		jsonb_build_array(r.conversions, r.gross, r.refunded), jsonb_build_array(m.conversions, m.gross, m.refunded)
	FROM attrib.rollup_money r
	FULL JOIN money m USING (site, day, kind, creator, campaign, placement, channel, tracker, currency, customer_kind)
	CROSS JOIN zero
	WHERE coalesce(r.conversions, a) <> coalesce(m.conversions, a) OR coalesce(r.gross, a) <> coalesce(m.gross, a)
		OR coalesce(r.refunded, a) <> coalesce(m.refunded, a)
	UNION ALL
	SELECT 'rollup_month', jsonb_build_array(site, month, kind, creator, campaign, placement, channel, currency, customer_kind),
		jsonb_build_array(r.conversions, r.gross, r.refunded), jsonb_build_array(m.conversions, m.gross, m.refunded)
	FROM attrib.rollup_month r
	FULL JOIN months m USING (site, month, kind, creator, campaign, placement, channel, currency, customer_kind)
	CROSS JOIN zero
	WHERE coalesce(r.conversions, a) <> coalesce(m.conversions, a) OR coalesce(r.gross, a) <> coalesce(m.gross, a)
		OR coalesce(r.refunded, a) <> coalesce(m.refunded, a)
	UNION ALL
	SELECT 'rollup_path', jsonb_build_array(site, day, grain, creator, campaign, placement),
		jsonb_build_array(r.claims, r.clicked, r.code_only, r.click_only, r.contested),
		jsonb_build_array(m.claims, m.clicked, m.code_only, m.click_only, m.contested)
	FROM attrib.rollup_path r FULL JOIN paths m USING (site, day, grain, creator, campaign, placement)
	WHERE (coalesce(r.claims, 0), coalesce(r.clicked, 0), coalesce(r.code_only, 0), coalesce(r.click_only, 0), coalesce(r.contested, 0))
		<> (coalesce(m.claims, 0), coalesce(m.clicked, 0), coalesce(m.code_only, 0), coalesce(m.click_only, 0), coalesce(m.contested, 0))
	UNION ALL
	SELECT 'rollup_path_month', jsonb_build_array(site, month, grain, creator, campaign, placement),
		jsonb_build_array(r.claims, r.clicked, r.code_only, r.click_only, r.contested),
		jsonb_build_array(m.claims, m.clicked, m.code_only, m.click_only, m.contested)
	FROM attrib.rollup_path_month r FULL JOIN path_months m USING (site, month, grain, creator, campaign, placement)
	WHERE (coalesce(r.claims, 0), coalesce(r.clicked, 0), coalesce(r.code_only, 0), coalesce(r.click_only, 0), coalesce(r.contested, 0))
		<> (coalesce(m.claims, 0), coalesce(m.clicked, 0), coalesce(m.code_only, 0), coalesce(m.click_only, 0), coalesce(m.contested, 0))
	UNION ALL
	SELECT 'rollup_claim', jsonb_build_array(site, day, kind, currency), to_jsonb(r), to_jsonb(m)
	FROM attrib.rollup_claim r FULL JOIN claims m USING (site, day, kind, currency)
	WHERE (coalesce(r.orders, 0), coalesce(r.gross, 0), coalesce(r.contested, 0), coalesce(r.credited_orders, 0),
			coalesce(r.credited_gross, 0), coalesce(r.creator_claims, 0), coalesce(r.creator_claimed, 0),
			coalesce(r.channel_claims, 0), coalesce(r.channel_claimed, 0))
		<> (coalesce(m.orders, 0), coalesce(m.gross, 0), coalesce(m.contested, 0), coalesce(m.credited_orders, 0),
			coalesce(m.credited_gross, 0), coalesce(m.creator_claims, 0), coalesce(m.creator_claimed, 0),
			coalesce(m.channel_claims, 0), coalesce(m.channel_claimed, 0))
	UNION ALL
	SELECT 'credit', jsonb_build_array(c.site, c.kind, c.order_id, model),
		jsonb_build_array(sum(share), sum(amount), sum(k.refunded)), jsonb_build_array(1000000000000, c.gross, c.refunded)
	FROM attrib.conversion c
	LEFT JOIN (SELECT site, kind, order_id, u.* FROM attrib.credit
		CROSS JOIN LATERAL unnest(credit.share, credit.amount, credit.refunded)
			WITH ORDINALITY AS u (share, amount, refunded, model)) k USING (site, kind, order_id)
	WHERE c.ticket > 0 AND c.merged_into = ''
	GROUP BY c.site, c.kind, c.order_id, model, c.gross, c.refunded
	HAVING sum(share) IS DISTINCT FROM 1000000000000 OR sum(amount) <> c.gross OR sum(k.refunded) <> c.refunded
	UNION ALL
	SELECT 'customer_order', jsonb_build_array(o.site, o.order_id), to_jsonb(o.kind), to_jsonb(e.kind)
	FROM attrib.customer_order o
	JOIN (SELECT o.site, o.order_id, CASE
			WHEN NOT o.valid THEN 0
			WHEN EXISTS (SELECT FROM attrib.customer_order b WHERE b.customer = o.customer AND b.valid
				AND (b.placed_at, b.order_id) < (o.placed_at, o.order_id)) THEN 2
			WHEN c.first_ordered_at < o.placed_at THEN 2
			WHEN s.customer_history = 'complete' THEN 1
			ELSE 0 END AS kind
		FROM attrib.customer_order o JOIN attrib.customer c ON c.id = o.customer
		JOIN attrib.site s ON s.name = o.site) e USING (site, order_id)
	WHERE o.kind <> e.kind
	UNION ALL
	SELECT * FROM attrib.check_traffic()
$$;
COMMENT ON FUNCTION attrib.check_rollups() IS 'Differences between what is stored and a recomputation: rollups against rows, days and months of traffic against its buckets, credits against their conversion, new and returning against the ledger. No rows = true.';
