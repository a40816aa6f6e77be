-- Figures that are judged: of which counts each is made, how many of what it takes to say something, and what is normal.

CREATE OR REPLACE FUNCTION attrib.metric_list()
RETURNS TABLE (n int, metric text, numerator text, denominator text, factor int, observed text, minimum int,
	worse text, formula text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	VALUES (1, 'revenue', 'revenue', NULL, 1, 'orders', 0, NULL::text, 'credited orders less refunds, major units'),
	(2, 'orders', 'orders', NULL, 1, 'orders', 0, NULL, 'sum of shares of credited orders'),
	(3, 'cost', 'cost', NULL, 1, 'orders', 0, NULL, 'direct cost and the part of what its campaigns share, major units'),
	(4, 'roi', 'profit', 'cost', 1, 'orders', 0, NULL, '(revenue - cost) / cost'),
	(5, 'roi_margin', 'margin_profit', 'cost', 1, 'orders', 0, NULL, '(revenue x margin - cost) / cost'),
	(6, 'roas_total', 'revenue', 'cost_media', 1, 'orders', 0, NULL, 'revenue / cost of kinds fee and paid_media'),
	(7, 'aov', 'revenue', 'orders', 1, 'orders', 5, NULL, 'revenue / orders'),
	(8, 'cpa', 'cost', 'orders', 1, 'orders', 5, NULL, 'cost / orders'),
	(9, 'cac', 'cost', 'new_customers', 1, 'new_customers', 5, NULL, 'cost / new customers'),
	(10, 'refund_rate', 'refunded', 'gross', 1, 'orders', 20, 'up', 'refunded / gross'),
	(11, 'new_customer_share', 'new_customers', 'known_orders', 1, 'known_orders', 20, 'down', 'first orders of new customers / orders of which new or returning is known'),
	(12, 'cvr_clicks', 'click_orders', 'clicks', 1, 'clicks', 100, NULL, 'orders with a valid click of the scope / valid clicks'),
	(13, 'cpc', 'cost', 'clicks', 1, 'clicks', 100, NULL, 'cost / valid clicks'),
	(14, 'filtered_share', 'clicks_filtered', 'clicks_raw', 1, 'clicks_raw', 100, 'up', 'filtered clicks / clicks as they came'),
	(15, 'bounce_rate', 'bounce_rates', 'bounce_notes', 1, 'bounce_notes', 1, NULL, 'mean of the bounce rates that a shop''s web analytics told of the posts: the newest placement_note of kind bounce_rate of each'),
	(16, 'code_only_share', 'code_only_orders', 'claims', 1, 'claims', 20, 'up', 'claims by a code and no valid click / claims'),
	(17, 'conflict_rate', 'contested_claims', 'claims', 1, 'claims', 20, NULL, 'claims that another creator has too / claims'),
	(18, 'er_followers', 'engagements', 'followers', 1, 'posts', 1, NULL, 'engagements / followers at each post, added'),
	(19, 'er_reach', 'engagements', 'reach_summed', 1, 'reach_summed', 1000, NULL, 'engagements / reach, added over posts'),
	(20, 'er_impressions', 'engagements', 'impressions', 1, 'impressions', 1000, NULL, 'engagements / impressions'),
	(21, 'er_views', 'engagements', 'views', 1, 'views', 1000, NULL, 'engagements / views'),
	(22, 'reach_rate', 'reach_summed', 'followers', 1, 'posts', 1, NULL, 'reach / followers at each post, both added'),
	(23, 'frequency', 'impressions', 'reach_summed', 1, 'reach_summed', 1000, NULL, 'impressions / reach, added over posts'),
	(24, 'ctr_impressions', 'clicks', 'impressions', 1, 'impressions', 1000, NULL, 'valid clicks / impressions'),
	(25, 'ctr_views', 'clicks', 'views', 1, 'views', 1000, NULL, 'valid clicks / views'),
	(26, 'vtr_6s', 'views_6s', 'impressions', 1, 'impressions', 1000, NULL, 'views of six seconds / impressions'),
	(27, 'vcr', 'views_completed', 'views', 1, 'views', 1000, NULL, 'views to the end / views'),
	(28, 'cpm', 'cost', 'impressions', 1000, 'impressions', 1000, NULL, 'cost x 1000 / impressions'),
	(29, 'cpe', 'cost', 'engagements', 1, 'engagements', 100, NULL, 'cost / engagements'),
	(30, 'break_even_orders', 'uncovered_cost', 'earned_per_order', 1, 'orders', 5, NULL, 'orders still needed to cover the cost, at what an order has earned; 0 where it is covered'),
	(31, 'break_even_revenue', 'uncovered_cost', 'earned_per_revenue', 1, 'orders', 5, NULL, 'revenue still needed to cover the cost; 0 where it is covered'),
	(32, 'marginal_roi', 'profit_change', 'cost_rise', 1, 'orders_each', 5, NULL, 'what the last part of the spend has brought: (profit - profit of the period before) / (cost - cost of the period before), where the cost rose by a tenth or more')
$$;
COMMENT ON FUNCTION attrib.metric_list() IS 'Figures that scorecards and diagnoses judge: numerator x factor / denominator (NULL = a sum), and how many of what (observed) it takes to judge one. worse: of signals of an audience''s quality, the direction that is bad. Beside counts of kpi_site they are made of: profit = revenue - cost; margin_profit = revenue x margin - cost; known_orders = orders - unknown_customers; bounce_rates = sum of what was told, bounce_notes = of how many posts; contested_claims = claims that another creator has too; earned = revenue x margin, without a margin the revenue itself; uncovered_cost = cost - earned, not below 0; earned_per_order = earned / orders; earned_per_revenue = earned / revenue; orders_each = the fewer orders of this period and the one before.';

-- The same as a list of expressions: what metric_list() names is taken from where it stands, without looking it up.
DO $$
BEGIN
	EXECUTE format('CREATE OR REPLACE FUNCTION attrib.scorecard_values(p_site text, p_from date, p_to date, p_model int, p_creators text[]) '
		'RETURNS TABLE (creator text, n int, above numeric, below numeric, seen numeric) LANGUAGE plpgsql STABLE ROWS 3000 SET jit = off AS %L',
		(SELECT format('BEGIN RETURN QUERY SELECT f.creator, v.* '
			'FROM attrib.scorecard_counts(p_site, p_from, p_to, p_model, p_creators) f CROSS JOIN LATERAL (VALUES %s) v; END',
			string_agg(format('(%s, f.%I, %s, coalesce(f.%I, 0))', m.n, m.numerator, coalesce('f.' || quote_ident(m.denominator), 'NULL'), m.observed),
				', ' ORDER BY m.n))
		FROM attrib.metric_list() m));
END $$;
COMMENT ON FUNCTION attrib.scorecard_values(text, date, date, int, text[]) IS 'Every figure of metric_list() of some creators of one site: numerator (above), denominator (below), observations (seen).';

CREATE OR REPLACE FUNCTION attrib.benchmark_of(p_site text, p_metric text, p_platform text, p_tier text, p_content_type text)
RETURNS TABLE (low numeric, high numeric, source text)
LANGUAGE sql STABLE ROWS 1 AS $$
	SELECT b.low, b.high, concat_ws(', ', b.source, nullif(concat_ws(' ', nullif(b.platform, ''), nullif(b.tier, ''),
		nullif(b.content_type, '')), ''), CASE WHEN b.site <> '' THEN 'of the site' END)
	FROM attrib.benchmark b
	WHERE b.metric = p_metric AND b.site IN (p_site, '') AND b.platform IN (coalesce(p_platform, ''), '')
		AND b.tier IN (coalesce(p_tier, ''), '') AND b.content_type IN (coalesce(p_content_type, ''), '')
	ORDER BY b.site <> '' DESC, b.platform <> '' DESC, b.tier <> '' DESC, b.content_type <> '' DESC LIMIT 1
$$;
COMMENT ON FUNCTION attrib.benchmark_of(text, text, text, text, text) IS 'The benchmark that fits best: one of the site before one of every site, then one of the platform, of the tier, of the content type. source says which it was.';

CREATE OR REPLACE FUNCTION attrib.audience_of(p_site text, p_scope text, p_key text)
RETURNS TABLE (platform text, tier text, content_type text)
LANGUAGE sql STABLE ROWS 1 AS $$
	SELECT CASE count(DISTINCT coalesce(p.platform, c.platform, '')) WHEN 1 THEN max(coalesce(p.platform, c.platform)) END,
		CASE count(DISTINCT coalesce(o.tier, c.tier, '')) WHEN 1 THEN max(coalesce(o.tier, c.tier)) END,
		CASE count(DISTINCT coalesce(p.content_type, '')) WHEN 1 THEN max(p.content_type) END
	FROM (SELECT 1) one
	LEFT JOIN attrib.placement p ON p.site = p_site
		AND CASE p_scope WHEN 'placement' THEN p.name WHEN 'creator' THEN p.creator WHEN 'campaign' THEN p.campaign END = p_key
	LEFT JOIN attrib.creator o ON o.site = p_site AND o.handle = p.creator
	LEFT JOIN attrib.creator c ON p_scope = 'creator' AND c.site = p_site AND c.handle = p_key
$$;
COMMENT ON FUNCTION attrib.audience_of(text, text, text) IS 'By which benchmarks a campaign, creator or placement is judged: the platform, tier and content type of its posts where they agree, of a creator without posts those of the main account; NULL = various, or not told.';

CREATE OR REPLACE FUNCTION attrib.bounce_notes(p_site text, p_from date, p_to date)
RETURNS TABLE (site text, placement text, rate numeric)
LANGUAGE sql STABLE AS $$
	SELECT DISTINCT ON (n.site, n.placement) n.site, n.placement, n.value
	FROM attrib.placement_note n
	WHERE n.kind = 'bounce_rate' AND n.value IS NOT NULL AND (p_site IS NULL OR n.site = p_site)
		AND (p_from IS NULL OR n.noted_on >= p_from) AND (p_to IS NULL OR n.noted_on <= p_to)
	ORDER BY n.site, n.placement, n.noted_on DESC
$$;
COMMENT ON FUNCTION attrib.bounce_notes(text, date, date) IS 'The bounce rate of each post as the shop''s web analytics told it, the newest of the period, a fraction. What a visitor does behind the landing carries no creator''s key, so it is not counted here.';
