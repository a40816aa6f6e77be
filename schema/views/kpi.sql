-- The KPIs by site, campaign, creator and placement, over all time as views, over a period as functions with the same
-- columns: kpi_campaign and kpi_campaign_between(site, from_date, to_date, model, basis), and so on; any other
-- cut by kpi_between. The columns are those of kpi_rows, which has the formulas.

DO $$
DECLARE
	columns  text;
	scope    text;
	comments text[] := ARRAY[
		'currency: of the site: all money is in it, at dated rates; what has no rate is in kpi_unconverted',
		'cost: cost_direct + cost_shared, major units',
		'cost_direct: of the scope itself, commissions of its orders included',
		'cost_shared: its part of campaign cost without creator, by the site''s cost_spread',
		'cost_media: of cost, kinds fee and paid_media', 'cost_paid_media: of kind paid_media',
		'gross: credited orders, major units on the site''s basis, by day of counted_at', 'refunded: of gross',
		'net_revenue: gross - refunded', 'revenue: net_revenue, or gross where the basis is gross: what ratios use',
		'orders: sum of shares of credited orders', 'aov: revenue / orders', 'roi: (revenue - cost) / cost',
		'roi_direct: (revenue - cost_direct) / cost_direct', 'revenue_cost_ratio: revenue / cost',
		'roas_total: revenue / cost_media', 'roas_ads: revenue credited to placements that are paid media / cost_paid_media',
		'roi_margin: (revenue x margin - cost) / cost; NULL where some of the revenue has no margin',
		'mer: revenue of the whole site / cost of the whole site', 'cpa: cost / orders',
		'new_customers: sum of shares of first orders of new customers',
		'unknown_customers: sum of shares of orders of which nobody can say new or returning',
		'new_customer_coverage: 1 - unknown_customers / orders', 'cac: cost / new_customers',
		'nc_roas: revenue of first orders of new customers / cost',
		'clv: net revenue over 365 days per customer won by the scope; NULL before one is that old',
		'clv_to_date: net revenue so far per customer won', 'clv_age_days: mean age of these customers, days',
		'cac_to_clv: cac / clv, before a year cac / clv_to_date; above 1 is a loss',
		'repeat_rate: customers won that ordered again / customers won', 'refund_rate: refunded / gross',
		'clicks_raw: clicks as they came', 'clicks: valid ones', 'clicks_suspect: flagged, may earn',
		'clicks_filtered: bots, prefetch, own site', 'visits: landings that are not filtered',
		'visitors: distinct visitors of the whole period with a valid click on a link or a valid landing with an affiliate id or utm; estimated, standard error 2.2 % (1.4 % up to 1,000), and not a sum: scopes and days share visitors',
		'carts: events', 'checkouts: events', 'leads: leads, each counted once, sum of shares',
		'cpc: cost / clicks', 'cpl: cost / leads', 'lead_rate: leads / clicks',
		'click_orders: orders with a valid click of the scope on their path',
		'cvr_clicks: click_orders / clicks', 'cvr_visitors: click_orders / visitors', 'claims: orders with an eligible touch of the scope',
		'code_only_orders: claims by a code and no valid click', 'code_only_share: code_only_orders / claims',
		'click_only_share: claims by a valid click and no code / claims',
		'conflict_rate: claims that another creator has too / claims',
		'time_to_conversion_p50: median time from the credited touch to the order',
		'time_to_conversion_p90: nine of ten are faster',
		'share_7d: net revenue within 7 days of the post / net revenue after posts with a date',
		'share_14d: within 14 days', 'share_30d: within 30 days', 'posts: posts with counts',
		'followers: of the accounts at the time of each post, added over posts', 'impressions: as platforms count',
		'reach_summed: reach of each post, added: persons that saw two posts count twice',
		'reach_rate: reach_summed / followers', 'frequency: impressions / reach_summed',
		'views: as platforms count (3 s Facebook and Instagram, 30 s YouTube)', 'likes: count', 'comments: count',
		'shares: count', 'saves: count', 'reactions: count', 'engagements: what engagement_count lists',
		'er_followers: engagements / followers', 'er_reach: engagements / reach_summed',
		'er_impressions: engagements / impressions', 'er_views: engagements / views', 'cpe: cost / engagements',
		'cpm: cost x 1000 / impressions', 'new_followers: of the brand''s accounts',
		'follower_conversion: new_followers / reach_summed', 'ctr_impressions: clicks / impressions',
		'ctr_views: clicks / views', 'vtr_6s: views of six seconds / impressions',
		'vtr_full: views to the end / impressions', 'vcr: views to the end / views',
		'avg_percent_viewed: seconds watched / (views x length)', 'avg_watch_seconds: seconds watched / views',
		'emv: counts x the rate card of the day of posting', 'emv_multiple: emv / cost',
		'mentions: of the brand', 'net_sentiment: (positive - negative) / mentions',
		'share_of_voice: mentions / mentions of brand and competitors'];
BEGIN
	SELECT string_agg('r.' || quote_ident(name), ', ' ORDER BY n) INTO columns
	FROM pg_proc p CROSS JOIN LATERAL unnest(p.proargnames, p.proargmodes) WITH ORDINALITY AS a (name, mode, n)
	WHERE p.oid = 'attrib.kpi_rows(text, date, date, int, text, text[])'::regprocedure AND mode = 't' AND name NOT IN ('site', 'cut');
	FOREACH scope IN ARRAY ARRAY['site', 'campaign', 'creator', 'placement'] LOOP
		EXECUTE format('CREATE OR REPLACE VIEW attrib.kpi_%1$s AS SELECT r.site%2$s, %3$s '
			'FROM attrib.kpi_rows(NULL, NULL, NULL, NULL, ''net'', %4$L) r', scope,
			CASE WHEN scope <> 'site' THEN format(', r.cut[1] AS %I', scope) ELSE '' END, columns,
			CASE WHEN scope <> 'site' THEN ARRAY[scope] ELSE '{}'::text[] END);
		EXECUTE format('CREATE OR REPLACE FUNCTION attrib.kpi_%1$s_between(site text, from_date date, to_date date, '
			'model text DEFAULT NULL, basis text DEFAULT ''net'') RETURNS SETOF attrib.kpi_%1$s LANGUAGE sql STABLE AS %5$L', scope,
			NULL, NULL, NULL, format('SELECT r.site%s, %s FROM attrib.kpi_rows($1, $2, $3, attrib.model_number($4, $1), '
				'attrib.check_basis($5), %L) r', CASE WHEN scope <> 'site' THEN ', r.cut[1]' ELSE '' END, columns,
				CASE WHEN scope <> 'site' THEN ARRAY[scope] ELSE '{}'::text[] END));
		EXECUTE format('COMMENT ON FUNCTION attrib.kpi_%1$s_between(text, date, date, text, text) IS %2$L', scope,
			format('The view kpi_%s for the local days from_date..to_date, both included; site NULL = all, model NULL = the primary one, basis net or gross: the revenue that ratios use.', scope));
		PERFORM attrib.describe('kpi_' || scope, format('All KPIs %s over all time, by the site''s primary model. Ratios are fractions; NULL where the denominator is 0 or nobody told it.',
				CASE scope WHEN 'site' THEN 'of each site' ELSE 'of each ' || scope END),
			VARIADIC ARRAY['site: shop'] || CASE WHEN scope <> 'site' THEN ARRAY[scope || ': NULL = none: what belongs to no ' || scope] ELSE '{}' END || comments);
	END LOOP;
END $$;

CREATE OR REPLACE FUNCTION attrib.kpi_between(site text, from_date date, to_date date, by text[] DEFAULT '{}',
	model text DEFAULT NULL, basis text DEFAULT 'net')
RETURNS TABLE (site_name text, cut text[], kpi jsonb) LANGUAGE sql STABLE AS $$
	SELECT r.site, r.cut, to_jsonb(r) - 'site' - 'cut'
	FROM attrib.kpi_rows(CASE WHEN NOT 'group' = ANY ($4) THEN $1 END, $2, $3, attrib.model_number($5, $1),
		attrib.check_basis($6), attrib.check_cut($4)) r
	WHERE NOT 'group' = ANY ($4) OR attrib.in_group($1, r.cut[array_position($4, 'group')])
$$;
COMMENT ON FUNCTION attrib.kpi_between(text, date, date, text[], text, text) IS 'All KPIs of any cut by campaign, creator, placement, channel, tier, platform, content_type, paid, customer, order_kind, order_source, group (one or more): a value of cut for each dimension of by. By customer (new, returning, unknown), order_kind, order_source: these cut money and orders, which are then read from the orders and not from rollups. What has no such dimension (cost of a creator in a cut by channel) stands under NULL. Dates NULL = all time. By group: whole groups that the site belongs to (site NULL = all groups), a row for each currency, site_name NULL.';

CREATE OR REPLACE FUNCTION attrib.kpi_series(site text, from_date date, to_date date, step text DEFAULT 'week',
	by text[] DEFAULT '{}', model text DEFAULT NULL, basis text DEFAULT 'net')
RETURNS TABLE (site_name text, period_start date, period_end date, cut text[], kpi jsonb) LANGUAGE sql STABLE AS $$
	SELECT k.site_name, b.first_day, b.last_day, k.cut, k.kpi
	FROM (SELECT greatest(p::date, $2) AS first_day, least((p + ('1 ' || attrib.check_step($4))::interval)::date - 1, $3) AS last_day
		FROM generate_series(date_trunc($4, $2::timestamp), $3::timestamp, ('1 ' || attrib.check_step($4))::interval) p) b
	CROSS JOIN LATERAL attrib.kpi_between($1, b.first_day, b.last_day, $5, $6, $7) k
$$;
COMMENT ON FUNCTION attrib.kpi_series(text, date, date, text, text[], text, text) IS 'kpi_between for each day, week (from Monday) or month of a period, in the site''s own local days; the first and last may be cut short.';

CREATE OR REPLACE FUNCTION attrib.funnel_rows(p_site text, p_from date, p_to date, p_model int)
RETURNS TABLE (site text, campaign text, step int, stage text, count numeric, of_stage_before numeric, of_first numeric)
LANGUAGE sql STABLE AS $$
	SELECT r.site, r.cut[1], v.step, v.stage, v.count,
		v.count / nullif(lag(v.count) OVER scope, 0), v.count / nullif(first_value(v.count) OVER scope, 0)
	FROM attrib.kpi_rows(p_site, p_from, p_to, p_model, 'net', '{campaign}') r
	CROSS JOIN LATERAL (VALUES (1, 'impressions', r.impressions), (2, 'clicks', r.clicks), (3, 'visits', r.visits),
		(4, 'carts', r.carts), (5, 'checkouts', r.checkouts), (6, 'orders', r.orders),
		(7, 'new_customers', r.new_customers)) v (step, stage, count)
	WINDOW scope AS (PARTITION BY r.site, r.cut[1] ORDER BY v.step)
$$;
COMMENT ON FUNCTION attrib.funnel_rows(text, date, date, int) IS 'What kpi_funnel shows.';

CREATE OR REPLACE VIEW attrib.kpi_funnel AS
SELECT site, campaign, step, stage, count, of_stage_before, of_first FROM attrib.funnel_rows(NULL, NULL, NULL, NULL);
SELECT attrib.describe('kpi_funnel', 'From being seen to a new customer, by campaign, over all time. Stages are counted by different means (platforms, links, pages, orders), so one may exceed the stage before it.',
	'site: shop', 'campaign: NULL = outside of campaigns', 'step: 1 to 7',
	'stage: impressions, clicks, visits, carts, checkouts, orders, new_customers', 'count: of the stage; NULL = nobody told',
	'of_stage_before: count / count of the stage before', 'of_first: count / impressions');

CREATE OR REPLACE FUNCTION attrib.kpi_funnel_between(site text, from_date date, to_date date, model text DEFAULT NULL)
RETURNS SETOF attrib.kpi_funnel LANGUAGE sql STABLE AS $$
	SELECT * FROM attrib.funnel_rows($1, $2, $3, attrib.model_number($4, $1))
$$;
COMMENT ON FUNCTION attrib.kpi_funnel_between(text, date, date, text) IS 'The view kpi_funnel for the local days from_date..to_date, both included; site NULL = all.';

CREATE OR REPLACE VIEW attrib.kpi_unconverted AS
SELECT r.site, 'revenue' AS what, r.currency, s.currency AS into_currency, min(r.day) AS first_on, max(r.day) AS last_on,
	attrib.major(sum(r.gross[1]), r.currency) AS amount
FROM attrib.rollup_money r JOIN attrib.site s ON s.name = r.site
WHERE r.kind = 1 AND r.currency <> s.currency AND r.gross[1] <> 0 AND attrib.rate_on(r.currency, s.currency, r.day) IS NULL
GROUP BY r.site, r.currency, s.currency
UNION ALL
SELECT c.site, 'cost', c.currency, s.currency, min(c.incurred_on), max(c.incurred_on), sum(c.amount)
FROM attrib.cost c JOIN attrib.site s ON s.name = c.site
WHERE c.currency <> s.currency AND attrib.rate_on(c.currency, s.currency, c.incurred_on) IS NULL
GROUP BY c.site, c.currency, s.currency
UNION ALL
SELECT r.site, 'commission', r.currency, s.currency, min(r.day), max(r.day), attrib.major(sum(r.earned), r.currency)
FROM attrib.rollup_commission r JOIN attrib.site s ON s.name = r.site
WHERE r.currency <> s.currency AND r.earned <> 0 AND attrib.rate_on(r.currency, s.currency, r.day) IS NULL
GROUP BY r.site, r.currency, s.currency;
SELECT attrib.describe('kpi_unconverted', 'Money that the KPIs leave out, because no exchange_rate tells what it is worth in the site''s currency.',
	'site: shop', 'what: revenue, cost, or commission', 'currency: ISO 4217', 'into_currency: the site''s',
	'first_on: first day without a rate', 'last_on: last one', 'amount: major units of currency; revenue is gross');

-- What is met: sums are expected in proportion to the time that has passed, ratios as they are.
CREATE OR REPLACE VIEW attrib.kpi_target_status AS
SELECT t.site, t.scope, nullif(t.scope_key, '') AS scope_key, t.metric, t.target, t.direction, t."primary", t.deadline,
	t.starts_on, t.model, t.basis, v.value, v.value / nullif(t.target, 0) AS achieved,
	CASE t.direction WHEN 'up' THEN v.value >= t.target ELSE v.value <= t.target END AS met, e.elapsed,
	CASE t.direction
		WHEN 'up' THEN v.value >= t.target * CASE WHEN e.additive THEN coalesce(e.elapsed, 1) ELSE 1 END
		ELSE v.value <= t.target * CASE WHEN e.additive THEN coalesce(e.elapsed, 1) ELSE 1 END END AS on_track,
	CASE WHEN v.unknown THEN 'no such metric'
		WHEN t."primary" AND count(*) FILTER (WHERE t."primary") OVER (PARTITION BY t.site, t.scope, t.scope_key) > 3
		THEN 'more than three primary targets' END AS warning
FROM (
	SELECT k.*, coalesce(k.starts_on, c.starts_on) AS first_day, (now() AT TIME ZONE s.time_zone)::date AS today, s.primary_model
	FROM attrib.kpi_target k
	JOIN attrib.site s ON s.name = k.site
	LEFT JOIN attrib.campaign c ON c.site = k.site AND k.scope = 'campaign' AND c.name = k.scope_key) t
CROSS JOIN LATERAL (SELECT CASE WHEN t.deadline >= t.first_day THEN least(1, greatest(0, (t.today - t.first_day + 1)::numeric
		/ (t.deadline - t.first_day + 1))) END AS elapsed,
	t.metric IN ('gross', 'net_revenue', 'revenue', 'orders', 'new_customers', 'clicks', 'visits', 'carts', 'checkouts', 'leads',
		'click_orders', 'claims', 'posts', 'impressions', 'reach_summed', 'views', 'likes', 'comments', 'shares', 'saves',
		'reactions', 'engagements', 'new_followers', 'emv', 'mentions', 'cost') AS additive) e
CROSS JOIN LATERAL (SELECT max((k.kpi ->> t.metric)::numeric) AS value, coalesce(bool_and(NOT k.kpi ? t.metric), false) AS unknown
	FROM attrib.kpi_between(t.site, t.first_day, CASE WHEN t.first_day IS NOT NULL THEN least(t.deadline, t.today) END,
		CASE t.scope WHEN 'site' THEN '{}' ELSE ARRAY[t.scope] END, coalesce(t.model, attrib.model_name(t.primary_model)), t.basis) k
	WHERE t.scope = 'site' OR k.cut[1] = t.scope_key) v;
SELECT attrib.describe('kpi_target_status', 'Every target with what has come of it: a KPI is a metric that is judged.',
	'site: shop', 'scope: site, campaign, creator or placement', 'scope_key: its key', 'metric: a column of kpi_site',
	'target: value to reach', 'direction: up = at least, down = at most', 'primary: primary or secondary',
	'deadline: local date', 'starts_on: first day as stated; NULL = the campaign''s, else all time', 'model: NULL = the primary one',
	'basis: NULL = net', 'value: of the metric from the first day to today or the deadline; NULL = nothing to go by',
	'achieved: value / target', 'met: the target is reached', 'elapsed: fraction of the days that have passed; NULL = no dates',
	'on_track: a sum has its part of the target by now, a ratio is reached', 'warning: what is odd about the target');
