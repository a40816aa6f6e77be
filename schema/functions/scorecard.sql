-- One creator beside what is normal, beside the creators of its tier and platform, and beside its own past. It is asked for at
-- every look at a creator, so it reads what these have in rollups and in the catalog, never everybody's orders; and
-- each source is a small function of its own, planned once where the plan does not depend on what is asked.

CREATE OR REPLACE FUNCTION attrib.scorecard_money(p_site text, p_from date, p_to date, p_model int, p_creators text[], p_campaigns text[])
RETURNS TABLE (creator text, campaign text, gross numeric, refunded numeric, orders numeric, new_customers numeric,
	unknown_customers numeric, margin numeric)
-- planned for what is asked: a period has days beside its months or not, and a list that the plan knows is looked up by hash
LANGUAGE plpgsql STABLE ROWS 100 SET jit = off SET enable_nestloop = on SET enable_sort = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	own     text;
	units   numeric;
	margins boolean := EXISTS (SELECT FROM attrib.margin m WHERE m.site = p_site);
BEGIN
	SELECT s.currency, attrib.minor_units(s.currency) INTO own, units FROM attrib.site s WHERE s.name = p_site;
	RETURN QUERY WITH money AS MATERIALIZED ( -- elements are taken out of their arrays once
		SELECT r.day, r.creator, r.campaign, r.placement, r.channel, r.currency, r.customer_kind, r.gross[p_model] AS gross,
			r.refunded[p_model] AS refunded, r.conversions[p_model] AS orders
		FROM attrib.money_rows(p_site, p_from, p_to, true, true) r
		WHERE r.kind = 1 AND r.creator = ANY (p_creators) AND (p_campaigns IS NULL OR r.campaign = ANY (p_campaigns))
	), parts AS (
		SELECT o.day, o.creator, o.campaign, sum(o.gross) / units AS gross, sum(o.refunded) / units AS refunded, sum(o.orders) AS orders,
			coalesce(sum(o.orders) FILTER (WHERE o.customer_kind = 1), 0) AS new_customers,
			coalesce(sum(o.orders) FILTER (WHERE o.customer_kind = 0), 0) AS unknown_customers
		FROM money o WHERE o.currency = own GROUP BY 1, 2, 3
		UNION ALL
		SELECT f.day, f.creator, f.campaign, CASE WHEN x.factor IS NOT NULL THEN attrib.major(attrib.scaled(f.gross, x.factor), own) END,
			CASE WHEN x.factor IS NOT NULL THEN attrib.major(attrib.scaled(f.refunded, x.factor), own) END, f.orders,
			CASE WHEN f.customer_kind = 1 THEN f.orders ELSE 0 END, CASE WHEN f.customer_kind = 0 THEN f.orders ELSE 0 END
		FROM (SELECT m.day, m.creator, m.campaign, m.placement, m.channel, m.currency, m.customer_kind, sum(m.gross)::bigint AS gross,
				sum(m.refunded)::bigint AS refunded, sum(m.orders) AS orders
			FROM money m WHERE m.currency <> own
			GROUP BY 1, 2, 3, 4, 5, 6, 7) f
		CROSS JOIN LATERAL (SELECT attrib.minor_rate_on(f.currency, own, f.day) AS factor) x
	)
	SELECT c.creator, c.campaign, sum(c.gross), sum(c.refunded), sum(c.orders) / 1000000000000, sum(c.new_customers) / 1000000000000,
		sum(c.unknown_customers) / 1000000000000, CASE WHEN bool_and(c.rate IS NOT NULL) FILTER (WHERE c.gross <> 0) THEN sum((c.gross - c.refunded) * c.rate) END
	FROM (SELECT p.*, CASE WHEN margins THEN (SELECT m.rate FROM attrib.margin m WHERE m.site = p_site AND m.campaign IN (p.campaign, '')
			AND m.valid_from <= p.day ORDER BY m.campaign DESC, m.valid_from DESC LIMIT 1) END AS rate FROM parts p OFFSET 0) c
	GROUP BY c.creator, c.campaign;
END $$;
COMMENT ON FUNCTION attrib.scorecard_money(text, date, date, int, text[], text[]) IS 'money_cells of some creators of one site by campaign, empty = none; campaigns NULL = all. Major units.';

CREATE OR REPLACE FUNCTION attrib.scorecard_cost(p_site text, p_from date, p_to date, p_model int, p_creators text[], p_campaigns text[])
RETURNS TABLE (creator text, cost numeric, media numeric)
LANGUAGE plpgsql STABLE ROWS 100 SET jit = off SET enable_nestloop = off SET enable_sort = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
	own    text;
	spread text;
	theirs text[]; -- campaigns that one of them may have a part in, and none
BEGIN
	SELECT s.currency, s.cost_spread INTO own, spread FROM attrib.site s WHERE s.name = p_site;
	theirs := ARRAY(SELECT '' UNION SELECT unnest(p_campaigns)
		UNION SELECT t.campaign FROM attrib.tracker t WHERE t.site = p_site AND t.creator IN (SELECT unnest(p_creators))
		UNION SELECT p.campaign FROM attrib.placement p WHERE p.site = p_site AND p.creator IN (SELECT unnest(p_creators))
		UNION SELECT c.campaign FROM attrib.cost c WHERE c.site = p_site AND c.creator IN (SELECT unnest(p_creators))
		UNION SELECT r.campaign FROM attrib.rollup_commission r WHERE r.site = p_site AND r.creator IN (SELECT unnest(p_creators)));
	RETURN QUERY WITH spend AS MATERIALIZED (
		SELECT r.campaign, r.creator, r.currency, r.kind IN ('fee', 'paid_media') AS is_media, r.amount
		FROM attrib.cost_rows(p_site, p_from, p_to, true, theirs) r
	), direct AS (
		SELECT s.campaign, s.creator, sum(s.amount)::bigint AS amount, coalesce(sum(s.amount) FILTER (WHERE s.is_media), 0)::bigint AS media,
			bool_or(sum(s.amount) > 0) OVER (PARTITION BY s.campaign) AND spread = 'direct_cost' AS decides
		FROM spend s WHERE s.creator <> '' AND s.currency = own GROUP BY 1, 2
	), shared AS ( -- two pots: all of it, and the media in it, which only roas_total looks at
		SELECT s.campaign, pot.of_media, sum(s.amount) AS amount, EXISTS (SELECT FROM direct d WHERE d.campaign = s.campaign AND d.decides) AS by_cost
		FROM spend s JOIN (VALUES (false), (true)) pot (of_media) ON s.is_media OR NOT pot.of_media
		WHERE s.creator = '' AND s.currency = own AND s.campaign <> '' AND spread <> 'none' GROUP BY 1, 2
	), others AS ( -- what the campaign's direct costs don't decide takes everybody in the campaign
		SELECT array_agg(DISTINCT h.campaign) AS campaigns FROM shared h WHERE NOT h.by_cost HAVING count(*) > 0
	), revenue AS MATERIALIZED (
		SELECT m.campaign, m.creator, (m.gross - m.refunded) * attrib.minor_units(own) AS net
		FROM others o
		CROSS JOIN LATERAL (SELECT array_agg(DISTINCT h.creator) AS handles FROM attrib.tracker_history h
			WHERE h.site = p_site AND h.creator IS NOT NULL AND o.campaigns IS NOT NULL) k -- who never had a key has no revenue
		CROSS JOIN LATERAL attrib.scorecard_money(p_site, p_from, p_to, p_model, k.handles, o.campaigns) m
		WHERE m.orders <> 0 OR m.gross <> 0 OR m.refunded <> 0
	), members AS (
		SELECT s.campaign, s.creator FROM spend s WHERE s.creator <> ''
		UNION SELECT t.campaign, t.creator FROM others o JOIN attrib.tracker t ON t.site = p_site AND t.campaign = ANY (o.campaigns)
			AND t.creator <> '' AND NOT t.generic
		UNION SELECT p.campaign, p.creator FROM others o JOIN attrib.placement p ON p.site = p_site AND p.campaign = ANY (o.campaigns) AND p.creator <> ''
		UNION SELECT r.campaign, r.creator FROM revenue r
	), weighted AS (
		SELECT h.campaign, h.of_media, h.amount, m.creator, CASE spread
			WHEN 'direct_cost' THEN greatest(coalesce(d.amount, 0), 0)
			WHEN 'revenue' THEN greatest(coalesce(r.net, 0), 0)
			ELSE 1 END::numeric AS weight
		FROM shared h
		JOIN members m ON m.campaign = h.campaign
		LEFT JOIN direct d ON d.campaign = m.campaign AND d.creator = m.creator
		LEFT JOIN revenue r ON r.campaign = m.campaign AND r.creator = m.creator
	), whole AS ( -- nothing to go by = equally
		SELECT w.campaign, w.of_media, w.amount, w.creator, CASE WHEN sum(w.weight) OVER pot = 0 THEN 1 ELSE w.weight END AS weight,
			CASE WHEN sum(w.weight) OVER pot = 0 THEN count(*) OVER pot ELSE sum(w.weight) OVER pot END AS weights
		FROM weighted w WINDOW pot AS (PARTITION BY w.campaign, w.of_media)
	), floors AS (
		SELECT w.*, sign(w.amount) * div(abs(w.amount) * w.weight, w.weights) AS part, mod(abs(w.amount) * w.weight, w.weights) AS remainder
		FROM whole w
	), parts AS (
		SELECT f.creator, f.of_media, f.part + sign(f.amount) * (row_number() OVER (pot ORDER BY f.remainder DESC, f.creator COLLATE "C")
			<= abs(f.amount - sum(f.part) OVER pot))::int AS amount
		FROM floors f WINDOW pot AS (PARTITION BY f.campaign, f.of_media)
	), sums AS (
		SELECT d.creator, d.amount::numeric AS amount, d.media::numeric AS media FROM direct d
		UNION ALL
		SELECT p.creator, CASE WHEN p.of_media THEN 0 ELSE p.amount END, CASE WHEN p.of_media THEN p.amount ELSE 0 END FROM parts p
	)
	SELECT s.creator, attrib.major(sum(s.amount), own), attrib.major(sum(s.media), own)
	FROM sums s WHERE s.creator IN (SELECT unnest(p_creators)) GROUP BY s.creator;
END $$;
COMMENT ON FUNCTION attrib.scorecard_cost(text, date, date, int, text[], text[]) IS 'cost_cells of some creators of one site: cost and the media in it, direct and their part of what their campaigns share by the site''s cost_spread, as roi_rows splits it. Major units. p_campaigns: in which they have revenue.';

CREATE OR REPLACE FUNCTION attrib.scorecard_traffic(p_site text, p_from date, p_to date, p_creators text[])
RETURNS TABLE (creator text, clicks_raw numeric, clicks numeric, clicks_filtered numeric, visits numeric)
LANGUAGE sql STABLE ROWS 100 AS $$
	SELECT creator, coalesce(sum(count) FILTER (WHERE type = 1), 0), coalesce(sum(count) FILTER (WHERE type = 1 AND class = 'valid'), 0),
		coalesce(sum(count) FILTER (WHERE type = 1 AND class = 'filtered'), 0),
		coalesce(sum(count) FILTER (WHERE type = 2 AND class <> 'filtered'), 0)
	FROM (SELECT creator, type, attrib.flag_class(verdicts) AS class, sum(count) AS count
		FROM attrib.traffic_pieces(p_site, p_from, p_to, true, p_creators) GROUP BY 1, 2, 3) t
	GROUP BY creator
$$;
COMMENT ON FUNCTION attrib.scorecard_traffic(text, date, date, text[]) IS 'traffic_cells of some creators of one site.';

CREATE OR REPLACE FUNCTION attrib.scorecard_claims(p_site text, p_from date, p_to date, p_creators text[])
RETURNS TABLE (creator text, claims numeric, click_orders numeric, code_only_orders numeric, contested numeric)
LANGUAGE plpgsql STABLE ROWS 100 SET jit = off SET enable_nestloop = on SET plan_cache_mode = force_custom_plan AS $$
BEGIN
	RETURN QUERY SELECT r.creator, sum(r.claims), sum(r.clicked), sum(r.code_only), sum(r.contested)
	FROM attrib.path_rows(p_site, p_from, p_to) r
	WHERE r.grain IN (0, 3) AND r.creator IN (SELECT unnest(p_creators))
	GROUP BY r.creator HAVING sum(r.claims) <> 0;
END $$;
COMMENT ON FUNCTION attrib.scorecard_claims(text, date, date, text[]) IS 'path_cells of some creators of one site.';

CREATE OR REPLACE FUNCTION attrib.scorecard_posts(p_site text, p_from date, p_to date, p_creators text[])
RETURNS TABLE (creator text, posts numeric, followers numeric, impressions numeric, reach numeric, views numeric, views_6s numeric,
	views_completed numeric, engagements numeric)
-- planned for what is asked: a handful of posts are looked up, thousands are joined by hash
LANGUAGE plpgsql STABLE ROWS 100 SET jit = off SET enable_nestloop = on SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	names text[] := ARRAY(SELECT p.name FROM attrib.placement p
		JOIN (SELECT DISTINCT unnest(p_creators) AS creator) c USING (creator)
		WHERE p.site = p_site AND (p_from IS NULL -- nothing was told of the others in the period
			OR EXISTS (SELECT FROM attrib.post_metrics m WHERE m.site = p_site AND m.placement = p.name
				AND m.taken_at >= p_from AND m.taken_at < coalesce(p_to + 1, 'infinity'))));
BEGIN
	RETURN QUERY WITH engaging AS MATERIALIZED (
		SELECT p.platform, ARRAY(SELECT e.count FROM attrib.engagement_count e
			WHERE (e.site, e.platform) = (SELECT b.site, b.platform FROM attrib.engagement_count b
				WHERE b.site IN (p_site, '') AND b.platform IN (coalesce(p.platform, ''), '')
				ORDER BY b.site <> '' AND b.platform <> '' DESC, b.platform <> '' DESC, b.site <> '' DESC LIMIT 1)) AS counts
		FROM (SELECT DISTINCT coalesce(l.platform, '') AS platform FROM attrib.placement l WHERE l.site = p_site) p
	)
	SELECT p.creator, count(*)::numeric, sum(f.followers) FILTER (WHERE x.engagements IS NOT NULL OR c.reach IS NOT NULL), sum(c.impressions),
		sum(c.reach), sum(c.views), sum(c.views_6s), sum(c.views_completed), sum(x.engagements)
	FROM attrib.post_counts(p_site, p_from, p_to, names) c
	JOIN attrib.placement p ON p.site = p_site AND p.name = c.placement
	JOIN engaging e ON e.platform = coalesce(p.platform, '')
	CROSS JOIN LATERAL attrib.followers_on(p_site, p.creator, p.platform, p.posted_at::date) f
	CROSS JOIN LATERAL (SELECT sum(v.value) AS engagements FROM (VALUES ('likes', c.likes), ('comments', c.comments), ('shares', c.shares),
		('saves', c.saves), ('reactions', c.reactions), ('clicks', c.clicks), ('views', c.views)) v (count, value) WHERE v.count = ANY (e.counts)) x
	GROUP BY p.creator;
END $$;
COMMENT ON FUNCTION attrib.scorecard_posts(text, date, date, text[]) IS 'post_cells of some creators of one site.';

CREATE OR REPLACE FUNCTION attrib.scorecard_counts(p_site text, p_from date, p_to date, p_model int, p_creators text[])
RETURNS TABLE (creator text, revenue numeric, gross numeric, refunded numeric, orders numeric, new_customers numeric,
	known_orders numeric, cost numeric, cost_media numeric, profit numeric, margin_profit numeric, clicks numeric, clicks_raw numeric,
	clicks_filtered numeric, visits numeric, claims numeric, click_orders numeric, code_only_orders numeric, contested_claims numeric,
	posts numeric, followers numeric, impressions numeric, reach_summed numeric, views numeric, views_6s numeric, views_completed numeric,
	engagements numeric, bounce_rates numeric, bounce_notes numeric, uncovered_cost numeric, earned_per_order numeric,
	earned_per_revenue numeric, profit_change numeric, cost_rise numeric, orders_each numeric)
LANGUAGE plpgsql STABLE ROWS 100 SET jit = off SET enable_nestloop = on AS $$
BEGIN
	RETURN QUERY WITH money AS MATERIALIZED (
		SELECT * FROM attrib.scorecard_money(p_site, p_from, p_to, p_model, p_creators, NULL)
	)
	SELECT n.creator, v.revenue, m.gross, m.refunded, v.orders, m.new_customers, m.orders - m.unknown_customers, v.cost, c.media,
		v.revenue - v.cost, m.margin - v.cost, t.clicks, t.clicks_raw, t.clicks_filtered, t.visits, a.claims, coalesce(a.click_orders, 0),
		a.code_only_orders, a.contested, p.posts, p.followers, p.impressions, p.reach, p.views, p.views_6s, p.views_completed, p.engagements,
		b.rates, b.notes::numeric, CASE WHEN v.cost > 0 THEN greatest(v.cost - v.earned, 0) END, v.earned / nullif(v.orders, 0),
		v.earned / nullif(v.revenue, 0), NULL::numeric, NULL::numeric, NULL::numeric
	FROM unnest(p_creators) n (creator)
	LEFT JOIN (SELECT d.creator, sum(d.gross) AS gross, sum(d.refunded) AS refunded, sum(d.orders) AS orders,
			sum(d.new_customers) AS new_customers, sum(d.unknown_customers) AS unknown_customers,
			CASE WHEN bool_and(d.margin IS NOT NULL OR coalesce(d.gross, 0) = 0) THEN sum(d.margin) END AS margin
		FROM money d GROUP BY d.creator) m ON m.creator = n.creator
	LEFT JOIN attrib.scorecard_cost(p_site, p_from, p_to, p_model, p_creators,
		ARRAY(SELECT DISTINCT d.campaign FROM money d WHERE d.campaign <> '')) c ON c.creator = n.creator
	LEFT JOIN attrib.scorecard_traffic(p_site, p_from, p_to, p_creators) t ON t.creator = n.creator
	LEFT JOIN attrib.scorecard_claims(p_site, p_from, p_to, p_creators) a ON a.creator = n.creator
	LEFT JOIN attrib.scorecard_posts(p_site, p_from, p_to, p_creators) p ON p.creator = n.creator
	LEFT JOIN (SELECT l.creator, sum(k.rate) AS rates, count(*) AS notes FROM attrib.bounce_notes(p_site, p_from, p_to) k
		JOIN attrib.placement l ON l.site = p_site AND l.name = k.placement AND l.creator = ANY (p_creators) GROUP BY 1) b ON b.creator = n.creator
	CROSS JOIN LATERAL (SELECT coalesce(m.gross - m.refunded, 0) AS revenue, CASE WHEN m.creator IS NOT NULL THEN coalesce(c.cost, 0) ELSE c.cost END AS cost, trim_scale(coalesce(m.orders, 0)) AS orders,
		greatest(coalesce(m.margin, m.gross - m.refunded), 0) AS earned) v
	WHERE coalesce(m.creator, c.creator, t.creator, a.creator, p.creator) IS NOT NULL;
END $$;
COMMENT ON FUNCTION attrib.scorecard_counts(text, date, date, int, text[]) IS 'What metric_list() is made of, under its names, for some creators of one site; whoever has nothing in the period has no row. profit_change, cost_rise and orders_each are of two periods: NULL here.';

CREATE OR REPLACE FUNCTION attrib.two_shares(p_share numeric, p_of numeric, p_before numeric, p_of_before numeric)
RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT round(((p_share - p_before) / sqrt(p * (1 - p) * (1 / p_of + 1 / p_of_before)))::numeric, 2)
	FROM (SELECT (p_share * p_of + p_before * p_of_before) / (p_of + p_of_before) AS p WHERE p_of > 0 AND p_of_before > 0) pooled
	WHERE p > 0 AND p < 1
$$;
COMMENT ON FUNCTION attrib.two_shares(numeric, numeric, numeric, numeric) IS 'By how many standard errors a share differs from the one before: the z of two proportions with pooled variance, z = (a - b) / sqrt(p (1 - p) (1 / n + 1 / m)), p = (a n + b m) / (n + m) (Fleiss, Statistical Methods for Rates and Proportions). NULL = nothing to compare, or no variance.';

CREATE OR REPLACE FUNCTION attrib.scorecard_rows(p_site text, p_from date, p_to date, p_creator text, p_model text)
RETURNS TABLE (site text, creator text, n int, metric text, value numeric, verdict text, benchmark_low numeric, benchmark_high numeric,
	benchmark_source text, tier text, tier_low numeric, tier_median numeric, tier_high numeric, tier_creators bigint, before numeric,
	change numeric, observations numeric, observed text, z numeric, signal boolean, unknown text)
-- Compiling so wide a plan takes longer than running it, and so does making it anew; of one creator or all, a hash serves both.
LANGUAGE plpgsql STABLE SET jit = off SET plan_cache_mode = force_generic_plan SET enable_nestloop = off AS $$
DECLARE
	shop  text;
	model int;
	asked text[];
	peers text[];
BEGIN
	FOR shop IN SELECT s.name FROM attrib.site s WHERE p_site IS NULL OR s.name = p_site ORDER BY 1 LOOP
		model := attrib.model_number(p_model, shop);
		asked := CASE WHEN p_creator IS NOT NULL THEN ARRAY[p_creator] ELSE ARRAY(
			SELECT c.handle FROM attrib.creator c WHERE c.site = shop
			UNION SELECT h.creator FROM attrib.tracker_history h WHERE h.site = shop AND h.creator <> ''
			UNION SELECT l.creator FROM attrib.placement l WHERE l.site = shop AND l.creator <> ''
			UNION SELECT k.creator FROM attrib.cost k WHERE k.site = shop AND k.creator <> '') END;
		peers := ARRAY(SELECT unnest(asked) UNION SELECT c.handle FROM attrib.creator c WHERE c.site = shop
			AND (c.tier, coalesce(c.platform, '')) IN (
				SELECT o.tier, coalesce(o.platform, '') FROM attrib.creator o WHERE o.site = shop AND o.handle = ANY (asked)));
		RETURN QUERY WITH figured AS MATERIALIZED (
			SELECT v.creator, t.tier, coalesce(t.platform, '') AS platform, v.n, v.above, v.below, v.seen,
				CASE WHEN m.denominator IS NULL THEN v.above ELSE v.above * m.factor / nullif(v.below, 0) END AS value
			FROM attrib.scorecard_values(shop, p_from, p_to, model, peers) v
			JOIN attrib.metric_list() m ON m.n = v.n
			LEFT JOIN attrib.creator t ON t.site = shop AND t.handle = v.creator
		), past AS MATERIALIZED (
			SELECT v.creator, v.n, v.above, v.below, v.seen FROM attrib.scorecard_values(shop, p_from - (p_to - p_from + 1), p_from - 1, model,
				CASE WHEN p_from IS NOT NULL AND p_to IS NOT NULL THEN asked END) v
		), change AS MATERIALIZED ( -- what the last part of the spend has added: the rise of profit over the rise of cost
			SELECT r.creator, r.above - coalesce(p.above, q.above) AS profit_change,
				CASE WHEN r.below > 1.1 * coalesce(p.below, 0) THEN r.below - coalesce(p.below, 0) END AS cost_rise, least(r.seen, p.seen) AS orders_each
			FROM attrib.metric_list() roi
			JOIN attrib.metric_list() revenue ON revenue.metric = 'revenue'
			JOIN past p ON p.n = roi.n
			JOIN past q ON q.n = revenue.n AND q.creator = p.creator
			JOIN figured r ON r.n = roi.n AND r.creator = p.creator
			WHERE roi.metric = 'roi'
		), audience AS MATERIALIZED (
			SELECT c.creator, a.platform, a.tier, a.content_type
			FROM (SELECT DISTINCT g.creator FROM figured g WHERE p_creator IS NULL OR g.creator = p_creator) c
			CROSS JOIN LATERAL attrib.audience_of(shop, 'creator', c.creator) a
		), tiers AS MATERIALIZED (
			SELECT f.tier, f.platform, f.n, count(*) AS creators, percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY f.value) AS at
			FROM figured f JOIN attrib.metric_list() m ON m.n = f.n
			WHERE f.tier IS NOT NULL AND f.value IS NOT NULL AND f.seen >= m.minimum
			GROUP BY 1, 2, 3
		)
		SELECT shop, f.creator, f.n, f.metric, f.value,
			CASE WHEN w.why IS NOT NULL THEN 'unknown' WHEN f.value < j.low THEN 'low' WHEN f.value > j.high THEN 'high' ELSE 'normal' END,
			b.low, b.high, b.source, f.tier, t.at[1]::numeric, t.at[2]::numeric, t.at[3]::numeric, coalesce(t.creators, 0), f.before,
			(f.value - f.before) / nullif(abs(f.before), 0), f.seen, f.observed, z.z,
			CASE WHEN f.worse IS NOT NULL AND f.seen >= f.minimum AND f.seen_before >= f.minimum
				THEN coalesce(CASE f.worse WHEN 'up' THEN z.z ELSE -z.z END >= 3, false) END,
			w.why
		FROM (SELECT g.creator, g.tier, g.platform, m.n, m.metric, m.numerator, m.denominator, m.observed, m.minimum, m.worse, c.below, c.seen,
				CASE WHEN m.denominator IS NULL THEN c.above ELSE c.above * m.factor / nullif(c.below, 0) END AS value,
				CASE WHEN m.denominator IS NULL THEN b.above ELSE b.above * m.factor / nullif(b.below, 0) END AS before,
				coalesce(b.seen, 0) AS seen_before
			FROM figured g
			JOIN attrib.metric_list() m ON m.n = g.n
			LEFT JOIN past b ON b.creator = g.creator AND b.n = g.n
			LEFT JOIN change h ON h.creator = g.creator AND m.metric = 'marginal_roi'
			CROSS JOIN LATERAL (SELECT coalesce(h.profit_change, g.above) AS above, coalesce(h.cost_rise, g.below) AS below,
				coalesce(h.orders_each, g.seen) AS seen) c
			WHERE p_creator IS NULL OR g.creator = p_creator) f
		LEFT JOIN tiers t ON t.tier = f.tier AND t.platform = f.platform AND t.n = f.n
		JOIN audience a ON a.creator = f.creator
		LEFT JOIN LATERAL attrib.benchmark_of(shop, f.metric, a.platform, a.tier, a.content_type) b ON true
		CROSS JOIN LATERAL (SELECT CASE WHEN b.source IS NOT NULL THEN b.low WHEN t.creators >= 5 THEN t.at[1]::numeric END AS low,
			CASE WHEN b.source IS NOT NULL THEN b.high WHEN t.creators >= 5 THEN t.at[3]::numeric END AS high) j
		CROSS JOIN LATERAL (SELECT attrib.two_shares(f.value, f.seen, f.before, f.seen_before) AS z WHERE f.worse IS NOT NULL
			UNION ALL SELECT NULL WHERE f.worse IS NULL) z
		CROSS JOIN LATERAL (SELECT CASE
			WHEN f.value IS NULL THEN 'no ' || replace(CASE WHEN coalesce(f.below, 0) = 0 THEN coalesce(f.denominator, f.numerator)
				ELSE f.numerator END, '_', ' ')
			WHEN f.seen < f.minimum THEN format('%s %s, and it takes %s', attrib.figure(f.seen), f.observed, f.minimum)
			WHEN j.low IS NULL AND j.high IS NULL THEN format('no benchmark, and %s of the 5 creators of a tier and platform that it takes to compare',
				coalesce(t.creators, 0)) END AS why) w;
	END LOOP;
END $$;
COMMENT ON FUNCTION attrib.scorecard_rows(text, date, date, text, text) IS 'What kpi_scorecard and kpi_scorecard_between show; NULL arguments = all, model NULL = the primary one.';
