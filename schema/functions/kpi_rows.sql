-- One place for the formulas: cells of a scope go in, its KPIs come out. A ratio is a fraction; NULL where its
-- denominator is 0 or nobody told it.

CREATE OR REPLACE FUNCTION attrib.check_cut(p_by text[])
RETURNS text[] LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	known text[] := '{campaign,creator,placement,channel,tier,platform,content_type,paid,customer,order_kind,order_source,group}';
	name  text;
BEGIN
	FOREACH name IN ARRAY coalesce(p_by, '{}') LOOP
		IF NOT name = ANY (known) THEN
			RAISE EXCEPTION 'unknown dimension "%"', name USING ERRCODE = '22023', HINT = array_to_string(known, ', ');
		END IF;
	END LOOP;
	RETURN coalesce(p_by, '{}');
END $$;
COMMENT ON FUNCTION attrib.check_cut(text[]) IS 'Dimensions of a cut: campaign, creator, placement, channel, tier, platform, content_type, paid, customer, order_kind, order_source, group; NULL = none: the site as a whole.';

CREATE OR REPLACE FUNCTION attrib.kpi_rows(p_site text, p_from date, p_to date, p_model int, p_basis text, p_by text[])
RETURNS TABLE (site text, cut text[], currency text, cost numeric, cost_direct numeric, cost_shared numeric,
	cost_media numeric, cost_paid_media numeric, gross numeric, refunded numeric, net_revenue numeric, revenue numeric,
	orders numeric, aov numeric, roi numeric, roi_direct numeric, revenue_cost_ratio numeric, roas_total numeric,
	roas_ads numeric, roi_margin numeric, mer numeric, cpa numeric, new_customers numeric, unknown_customers numeric,
	new_customer_coverage numeric, cac numeric, nc_roas numeric, clv numeric, clv_to_date numeric,
	clv_age_days numeric, cac_to_clv numeric, repeat_rate numeric, refund_rate numeric, clicks_raw numeric,
	clicks numeric, clicks_suspect numeric, clicks_filtered numeric, visits numeric, visitors numeric, carts numeric,
	checkouts numeric, leads numeric, cpc numeric, cpl numeric, lead_rate numeric, click_orders numeric,
	cvr_clicks numeric, cvr_visitors numeric, claims numeric, code_only_orders numeric, code_only_share numeric, click_only_share numeric,
	conflict_rate numeric, time_to_conversion_p50 interval, time_to_conversion_p90 interval, share_7d numeric,
	share_14d numeric, share_30d numeric, posts numeric, followers numeric, impressions numeric, reach_summed numeric,
	reach_rate numeric, frequency numeric, views numeric, likes numeric, comments numeric, shares numeric,
	saves numeric, reactions numeric, engagements numeric, er_followers numeric, er_reach numeric,
	er_impressions numeric, er_views numeric, cpe numeric, cpm numeric, new_followers numeric,
	follower_conversion numeric, ctr_impressions numeric, ctr_views numeric, vtr_6s numeric, vtr_full numeric,
	vcr numeric, avg_percent_viewed numeric, avg_watch_seconds numeric, emv numeric, emv_multiple numeric,
	mentions numeric, net_sentiment numeric, share_of_voice numeric)
-- Planned for what is asked each time, which leaves out most of it: a cut reads either rollups or orders, a period has months or
-- not, and a site is found by its key. Compiling so wide a plan takes longer than running it; and whole scopes are
-- read, which is best done by hashing, whatever the statistics of a young database say.
LANGUAGE plpgsql STABLE SET jit = off SET enable_nestloop = off SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH money AS (SELECT * FROM attrib.money_cells(p_site, p_from, p_to, p_model, p_by) WHERE NOT attrib.cuts_orders(p_by)
		UNION ALL SELECT * FROM attrib.order_cells(p_site, p_from, p_to, p_model, p_by)),
	traffic AS (SELECT * FROM attrib.traffic_cells(p_site, p_from, p_to, p_by)),
	visited AS (SELECT * FROM attrib.visitor_cells(p_site, p_from, p_to, p_by)),
	costs AS (SELECT * FROM attrib.cost_cells(p_site, p_from, p_to, p_model, p_by)),
	posted AS (SELECT * FROM attrib.post_cells(p_site, p_from, p_to, p_by)),
	paths AS (SELECT * FROM attrib.path_cells(p_site, p_from, p_to, p_by)),
	credits AS (SELECT * FROM attrib.credit_cells(p_site, p_from, p_to, p_model, p_by)),
	said AS (SELECT * FROM attrib.mention_cells(p_site, p_from, p_to, p_by)),
	scopes AS (
		SELECT site, cut FROM money UNION SELECT site, cut FROM traffic UNION SELECT site, cut FROM costs
		UNION SELECT site, cut FROM posted UNION SELECT site, cut FROM paths UNION SELECT site, cut FROM said
	), sums AS (
		SELECT s.site, s.cut, z.currency, c.direct + c.shared AS cost,
			m.gross - n.net * m.refunded AS known_revenue,
			c.direct, c.shared, c.media, c.paid_media,
			m.gross, m.refunded, m.gross - m.refunded AS net, m.orders, m.new_customers, m.unknown_customers, m.leads,
			b.revenue, b.new_revenue, b.paid_revenue, b.margin,
			t.clicks_raw, t.clicks_valid AS clicks, t.clicks_suspect, t.clicks_filtered, t.visits, i.visitors, t.carts, t.checkouts,
			a.claims, a.click_orders, a.code_only_orders, a.click_only_orders, a.contested,
			k.ttc_p50, k.ttc_p90, k.posted_net, k.net_7d, k.net_14d, k.net_30d, k.customers, k.repeat_customers,
			k.customer_net, k.customer_days, k.grown_customers, k.grown_net,
			p.posts, p.followers, p.impressions, p.reach, p.likes, p.comments, p.shares, p.saves, p.reactions, p.views, p.views_6s,
			p.views_completed, p.watch_seconds, p.length_seconds, p.new_followers, p.engagements, p.emv,
			y.mentions, y.positive, y.negative, y.all_mentions
		FROM scopes s
		JOIN attrib.site z ON z.name = s.site
		LEFT JOIN money m ON m.site = s.site AND m.cut = s.cut
		LEFT JOIN traffic t ON t.site = s.site AND t.cut = s.cut
		LEFT JOIN visited i ON i.site = s.site AND i.cut = s.cut
		LEFT JOIN costs c ON c.site = s.site AND c.cut = s.cut
		LEFT JOIN posted p ON p.site = s.site AND p.cut = s.cut
		LEFT JOIN paths a ON a.site = s.site AND a.cut = s.cut
		LEFT JOIN credits k ON k.site = s.site AND k.cut = s.cut
		LEFT JOIN said y ON y.site = s.site AND y.cut = s.cut
		CROSS JOIN LATERAL (SELECT CASE WHEN p_basis = 'gross' THEN 0 ELSE 1 END AS net) n
		CROSS JOIN LATERAL (SELECT coalesce(m.gross - n.net * m.refunded, 0) AS revenue,
			m.new_gross - n.net * m.new_refunded AS new_revenue, m.paid_gross - n.net * m.paid_refunded AS paid_revenue,
			m.margin - n.net * m.margin_refunded AS margin) b
	), together AS (
		-- Sites as they are; with the dimension group those of each group together, a row for each currency. Whatever is
		-- added here can be added over sites; of how long orders take there is no sum. What only some of them tell (margins,
		-- competitors) says nothing of all.
		SELECT CASE WHEN g.name IS NULL THEN s.site END AS site, CASE WHEN g.name IS NULL THEN s.cut
				ELSE array_replace(s.cut, 'group', g.name COLLATE "default") END AS cut, s.currency,
			-- the cells of a cut add up to the site, or group
			sum(sum(s.known_revenue)) OVER unit / nullif(sum(sum(s.cost)) OVER unit, 0) AS mer,
			CASE WHEN count(*) = 1 THEN max(s.ttc_p50) END AS ttc_p50, CASE WHEN count(*) = 1 THEN max(s.ttc_p90) END AS ttc_p90,
			sum(s.cost) AS cost, sum(s.direct) AS direct, sum(s.shared) AS shared, sum(s.media) AS media,
			sum(s.paid_media) AS paid_media, sum(s.gross) AS gross, sum(s.refunded) AS refunded, sum(s.net) AS net,
			sum(s.orders) AS orders, sum(s.new_customers) AS new_customers,
			sum(s.unknown_customers) AS unknown_customers, sum(s.leads) AS leads, sum(s.revenue) AS revenue,
			sum(s.new_revenue) AS new_revenue, sum(s.paid_revenue) AS paid_revenue,
			CASE WHEN bool_and(coalesce(s.gross, 0) = 0 OR s.margin IS NOT NULL) THEN sum(s.margin) END AS margin,
			sum(s.clicks_raw) AS clicks_raw, sum(s.clicks) AS clicks, sum(s.clicks_suspect) AS clicks_suspect,
			sum(s.clicks_filtered) AS clicks_filtered, sum(s.visits) AS visits, sum(s.carts) AS carts,
			sum(s.visitors) AS visitors, -- each shop knows its own
			sum(s.checkouts) AS checkouts, sum(s.claims) AS claims, sum(s.click_orders) AS click_orders,
			sum(s.code_only_orders) AS code_only_orders, sum(s.click_only_orders) AS click_only_orders,
			sum(s.contested) AS contested, sum(s.posted_net) AS posted_net, sum(s.net_7d) AS net_7d,
			sum(s.net_14d) AS net_14d, sum(s.net_30d) AS net_30d, sum(s.customers) AS customers,
			sum(s.repeat_customers) AS repeat_customers, sum(s.customer_net) AS customer_net,
			sum(s.customer_days) AS customer_days, sum(s.grown_customers) AS grown_customers,
			sum(s.grown_net) AS grown_net, sum(s.posts) AS posts, sum(s.followers) AS followers,
			sum(s.impressions) AS impressions, sum(s.reach) AS reach, sum(s.likes) AS likes,
			sum(s.comments) AS comments, sum(s.shares) AS shares, sum(s.saves) AS saves,
			sum(s.reactions) AS reactions, sum(s.views) AS views, sum(s.views_6s) AS views_6s,
			sum(s.views_completed) AS views_completed, sum(s.watch_seconds) AS watch_seconds,
			sum(s.length_seconds) AS length_seconds, sum(s.new_followers) AS new_followers,
			sum(s.engagements) AS engagements, sum(s.emv) AS emv, sum(s.mentions) AS mentions,
			sum(s.positive) AS positive, sum(s.negative) AS negative,
			CASE WHEN bool_and(s.mentions IS NULL OR s.all_mentions IS NOT NULL) THEN sum(s.all_mentions) END AS all_mentions
		FROM sums s
		LEFT JOIN attrib.site_group g ON g.site = s.site AND 'group' = ANY (p_by)
		WHERE g.name IS NOT NULL OR NOT 'group' = ANY (p_by)
		GROUP BY coalesce(g.name, s.site), 1, 2, 3
		WINDOW unit AS (PARTITION BY coalesce(g.name, s.site), s.currency)
	)
	SELECT site, cut, currency, cost, direct, shared, media, paid_media, gross, refunded, net, revenue, trim_scale(orders),
		revenue / nullif(orders, 0), (revenue - cost) / nullif(cost, 0), (revenue - direct) / nullif(direct, 0),
		revenue / nullif(cost, 0), revenue / nullif(media, 0), coalesce(paid_revenue, 0) / nullif(paid_media, 0),
		(margin - cost) / nullif(cost, 0), mer, cost / nullif(orders, 0), trim_scale(new_customers), trim_scale(unknown_customers),
		1 - unknown_customers / nullif(orders, 0), cost / nullif(new_customers, 0), coalesce(new_revenue, 0) / nullif(cost, 0),
		grown_net / nullif(grown_customers, 0), customer_net / nullif(customers, 0), customer_days / nullif(customers, 0),
		cost / nullif(new_customers, 0) / nullif(coalesce(grown_net / nullif(grown_customers, 0), customer_net / nullif(customers, 0)), 0),
		coalesce(repeat_customers, 0) / nullif(customers, 0), refunded / nullif(gross, 0),
		clicks_raw, clicks, clicks_suspect, clicks_filtered, visits, visitors, carts, checkouts, trim_scale(leads),
		cost / nullif(clicks, 0), cost / nullif(leads, 0), coalesce(leads, 0) / nullif(clicks, 0), click_orders,
		coalesce(click_orders, 0) / nullif(clicks, 0), coalesce(click_orders, 0) / nullif(visitors, 0), claims, code_only_orders, code_only_orders / nullif(claims, 0),
		click_only_orders / nullif(claims, 0), contested / nullif(claims, 0), ttc_p50, ttc_p90,
		net_7d / nullif(posted_net, 0), net_14d / nullif(posted_net, 0), net_30d / nullif(posted_net, 0),
		posts, followers, impressions, reach, reach / nullif(followers, 0), impressions / nullif(reach, 0), views, likes,
		comments, shares, saves, reactions, engagements, engagements / nullif(followers, 0), engagements / nullif(reach, 0),
		engagements / nullif(impressions, 0), engagements / nullif(views, 0), cost / nullif(engagements, 0),
		cost * 1000 / nullif(impressions, 0), new_followers, new_followers / nullif(reach, 0), clicks / nullif(impressions, 0),
		clicks / nullif(views, 0), views_6s / nullif(impressions, 0), views_completed / nullif(impressions, 0),
		views_completed / nullif(views, 0), watch_seconds / nullif(length_seconds, 0), watch_seconds / nullif(views, 0), emv,
		emv / nullif(cost, 0), mentions, (positive - negative) / nullif(mentions, 0), mentions / nullif(all_mentions, 0)
	FROM together;
END $$;
COMMENT ON FUNCTION attrib.kpi_rows(text, date, date, int, text, text[]) IS 'All KPIs of every scope of a cut: what kpi_site, kpi_campaign, kpi_creator, kpi_placement and kpi_between show. NULL dates = all time, NULL model = the site''s primary one; basis net or gross: the revenue that ratios use. With the dimension group a row is of all sites of a group that have the same currency, and its site is NULL.';

CREATE OR REPLACE FUNCTION attrib.check_step(p_step text)
RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF p_step IS NULL OR p_step NOT IN ('day', 'week', 'month') THEN
		RAISE EXCEPTION 'unknown step "%"', p_step USING ERRCODE = '22023', HINT = 'day, week or month';
	END IF;
	RETURN p_step;
END $$;
COMMENT ON FUNCTION attrib.check_step(text) IS 'day, week or month.';
