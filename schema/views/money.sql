-- ROI, CAC and double counting: over all time as views, over a period as functions with the same
-- columns. They read rollups and costs; only periods by other dates than the order's read orders.

CREATE OR REPLACE VIEW attrib.roi AS
SELECT site, row_kind, campaign, creator, model, currency, cost, gross, refunded, net, conversions,
	new_customers, roi, revenue_cost_ratio, roas_total, cpa, cac, cost_direct, cost_shared, roi_direct,
	unknown_customers
FROM attrib.roi_rows(NULL, NULL, NULL, NULL, 'net', 'order', false);
SELECT attrib.describe('roi', 'Return on investment by campaign, creator, model and currency, over all time, costs whole. Rows of one campaign, model and currency add up to the campaign. Ratios are fractions; NULL where the denominator is 0.',
	'site: shop',
	'row_kind: creator; shared = cost that was not spread over creators; unattributed = orders of nobody',
	'campaign: NULL = outside of campaigns', 'creator: NULL in shared and unattributed rows',
	'model: policy, last_touch, first_touch, linear, position, time_decay', 'currency: ISO 4217',
	'cost: cost_direct + cost_shared, major units',
	'gross: credited orders on the site''s basis, major units', 'refunded: of gross, major units',
	'net: gross - refunded', 'conversions: sum of shares of counted orders, cancelled and refunded ones included',
	'new_customers: sum of shares of first orders of new customers',
	'roi: (net - cost) / cost', 'revenue_cost_ratio: net / cost',
	'roas_total: net / cost of kinds fee and paid_media', 'cpa: cost / conversions, major units',
	'cac: cost / new_customers, major units',
	'cost_direct: cost of the creator itself, commissions included', 'cost_shared: its part of campaign cost without creator; of shared rows: what was not spread',
	'roi_direct: (net - cost_direct) / cost_direct',
	'unknown_customers: sum of shares of orders of which nobody can say new or returning');

CREATE OR REPLACE FUNCTION attrib.roi_of_rollups(p_site text, p_from date, p_to date, p_model int, p_basis text)
RETURNS SETOF attrib.roi
-- Joined and added up by hashing: how many rows there are is more than the planner can know, and it would sort thousands
-- that it takes for a handful. Planned for what is asked, since constants take half of it away.
LANGUAGE plpgsql STABLE SET enable_nestloop = off SET enable_sort = off SET jit = off SET plan_cache_mode = force_custom_plan AS $$
BEGIN
	RETURN QUERY SELECT r.site, r.row_kind, r.campaign, r.creator, r.model, r.currency, r.cost, r.gross, r.refunded, r.net, r.conversions,
		r.new_customers, r.roi, r.revenue_cost_ratio, r.roas_total, r.cpa, r.cac, r.cost_direct, r.cost_shared, r.roi_direct, r.unknown_customers
	FROM attrib.roi_rows(p_site, p_from, p_to, p_model, p_basis, 'order', false) r;
END $$;
COMMENT ON FUNCTION attrib.roi_of_rollups(text, date, date, int, text) IS 'What roi_between shows by the date of the order, which reads no order.';

CREATE OR REPLACE FUNCTION attrib.roi_between(site text, from_date date, to_date date,
	model text DEFAULT NULL, basis text DEFAULT 'net', by text DEFAULT 'order')
RETURNS SETOF attrib.roi LANGUAGE sql STABLE AS $$
	SELECT * FROM attrib.roi_of_rollups($1, $2, $3, attrib.model_number($4, $1), attrib.check_basis($5))
	WHERE attrib.check_dating($6) = 'order'
	UNION ALL
	SELECT site, row_kind, campaign, creator, model, currency, cost, gross, refunded, net, conversions, new_customers,
		roi, revenue_cost_ratio, roas_total, cpa, cac, cost_direct, cost_shared, roi_direct, unknown_customers
	FROM attrib.roi_rows($1, $2, $3, attrib.model_number($4, $1), attrib.check_basis($5), attrib.check_dating($6), false)
	WHERE attrib.check_dating($6) <> 'order'
$$;
COMMENT ON FUNCTION attrib.roi_between(text, date, date, text, text, text) IS 'The view roi for the local days from_date..to_date, both included; cost evenly over the days that it covers. site NULL = all sites, model NULL = the primary one, basis net or gross: the revenue that ratios use. by: order = all by order date (day of counted_at), touch = by the day of the credited touch, refund = orders by order date and refunded by its own date.';

CREATE OR REPLACE VIEW attrib.cac AS
SELECT r.site, r.campaign, r.currency, sum(r.cost) AS cost, sum(r.new_customers) AS new_customers,
	sum(r.unknown_customers) AS unknown_customers, sum(r.cost) / nullif(sum(r.new_customers), 0) AS cac
FROM attrib.roi_rows(NULL, NULL, NULL, NULL, 'net', 'order', false) r
JOIN attrib.site s ON s.name = r.site AND attrib.model_name(s.primary_model) = r.model
GROUP BY r.site, r.campaign, r.currency;
SELECT attrib.describe('cac', 'Customer acquisition cost by campaign and currency, over all time, by the site''s primary model.',
	'site: shop', 'campaign: NULL = outside of campaigns', 'currency: ISO 4217',
	'cost: all cost of the campaign, major units',
	'new_customers: sum of shares of first orders of new customers',
	'unknown_customers: sum of shares of orders of which nobody can say new or returning: the coverage of this figure',
	'cac: cost / new_customers, major units; NULL without a new customer');

-- What longer signatures have replaced; here, where no view depends on them any more.
DROP FUNCTION IF EXISTS attrib.roi_between(text, date, date, text, text);
DROP FUNCTION IF EXISTS attrib.roi_rows(text, date, date, int, text);
DROP FUNCTION IF EXISTS attrib.roi_rows(text, date, date, int, text, text);
DROP FUNCTION IF EXISTS attrib.revenue_rows(text, date, date);
DROP FUNCTION IF EXISTS attrib.cost_rows(text, date, date);
DROP FUNCTION IF EXISTS attrib.cost_rows(text, date, date, boolean);

CREATE OR REPLACE FUNCTION attrib.cac_between(site text, from_date date, to_date date,
	model text DEFAULT NULL, basis text DEFAULT 'net')
RETURNS SETOF attrib.cac LANGUAGE sql STABLE AS $$
	SELECT r.site, r.campaign, r.currency, sum(r.cost), sum(r.new_customers), sum(r.unknown_customers),
		sum(r.cost) / nullif(sum(r.new_customers), 0)
	FROM attrib.roi_between($1, $2, $3, $4, $5) r GROUP BY r.site, r.campaign, r.currency
$$;
COMMENT ON FUNCTION attrib.cac_between(text, date, date, text, text) IS 'The view cac for the local days from_date..to_date, both included; model NULL = the primary one.';

CREATE OR REPLACE VIEW attrib.creator_money AS
SELECT site, nullif(campaign, '') AS campaign, nullif(creator, '') AS creator, attrib.model_name(model) AS model,
	currency, trim_scale(conversions) AS conversions, attrib.major(gross, currency) AS gross,
	attrib.major(refunded, currency) AS refunded, attrib.major(gross - refunded, currency) AS net
FROM attrib.revenue_rows(NULL, NULL, NULL, NULL, 'order', false);
SELECT attrib.describe('creator_money', 'Credited money by campaign, creator, model and currency, over all time. The money of roi without cost; as creator_money_between it can be dated three ways.',
	'site: shop', 'campaign: NULL = outside of campaigns', 'creator: NULL = unattributed',
	'model: policy, last_touch, first_touch, linear, position, time_decay', 'currency: ISO 4217',
	'conversions: sum of shares of counted orders', 'gross: credited orders, major units',
	'refunded: of gross, major units', 'net: gross - refunded');

CREATE OR REPLACE FUNCTION attrib.creator_money_between(site text, from_date date, to_date date,
	model text DEFAULT NULL, by text DEFAULT 'order')
RETURNS SETOF attrib.creator_money LANGUAGE sql STABLE AS $$
	SELECT r.site, nullif(r.campaign, ''), nullif(r.creator, ''), attrib.model_name(r.model), r.currency,
		trim_scale(r.conversions), attrib.major(r.gross, r.currency), attrib.major(r.refunded, r.currency),
		attrib.major(r.gross - r.refunded, r.currency)
	FROM attrib.revenue_rows($1, $2, $3, attrib.model_number($4, $1), attrib.check_dating($5), false) r
$$;
COMMENT ON FUNCTION attrib.creator_money_between(text, date, date, text, text) IS 'The view creator_money for the local days from_date..to_date, both included; site NULL = all, model NULL = the primary one. by order: orders counted in the period, with all that was ever refunded of them. by touch: orders whose credited touch was in the period, so that money stands where the post worked. by refund: gross of the orders counted in the period less what was refunded in it, of whatever order: net is what the books of the period show. Periods side by side add up; over all time the three are one.';

-- replaced by longer signatures
DROP FUNCTION IF EXISTS attrib.revenue_rows(text, date, date, text);
DROP FUNCTION IF EXISTS attrib.revenue_rows(text, date, date, text, boolean);

CREATE OR REPLACE VIEW attrib.double_count AS
SELECT site, currency, orders, claims, claimed_revenue, credited_revenue, avoided_claims, avoided_revenue
FROM attrib.double_count_rows(NULL, NULL, NULL, false);
SELECT attrib.describe('double_count', 'What the creators'' own reports would add up to, and how much of it is counted twice. A claim is (order, creator) with an eligible touch. Counted orders, gross, by the policy model, cancelled and refunded ones included.',
	'site: shop', 'currency: ISO 4217', 'orders: counted orders', 'claims: pairs (order, creator)',
	'claimed_revenue: gross of the claims, major units',
	'credited_revenue: gross of the orders that a creator is credited with, major units',
	'avoided_claims: claims - orders credited', 'avoided_revenue: claimed_revenue - credited_revenue');

CREATE OR REPLACE VIEW attrib.double_count_by_channel AS
SELECT site, currency, orders, claims, claimed_revenue, credited_revenue, avoided_claims, avoided_revenue
FROM attrib.double_count_rows(NULL, NULL, NULL, true);
SELECT attrib.describe('double_count_by_channel', 'The same with a claim per (order, channel): links, affiliate ids, UTM and codes each reporting alone.',
	'site: shop', 'currency: ISO 4217', 'orders: counted orders', 'claims: pairs (order, channel)',
	'claimed_revenue: gross of the claims, major units',
	'credited_revenue: gross of the orders that a creator is credited with, major units',
	'avoided_claims: claims - orders credited', 'avoided_revenue: claimed_revenue - credited_revenue');

CREATE OR REPLACE FUNCTION attrib.double_count_between(site text, from_date date, to_date date)
RETURNS SETOF attrib.double_count LANGUAGE sql STABLE AS $$
	SELECT * FROM attrib.double_count_rows($1, $2, $3, false)
$$;
COMMENT ON FUNCTION attrib.double_count_between(text, date, date) IS 'The view double_count for the local days from_date..to_date, both included; site NULL = all.';

CREATE OR REPLACE FUNCTION attrib.double_count_by_channel_between(site text, from_date date, to_date date)
RETURNS SETOF attrib.double_count_by_channel LANGUAGE sql STABLE AS $$
	SELECT * FROM attrib.double_count_rows($1, $2, $3, true)
$$;
COMMENT ON FUNCTION attrib.double_count_by_channel_between(text, date, date) IS 'The view double_count_by_channel for the local days from_date..to_date, both included; site NULL = all.';

CREATE OR REPLACE FUNCTION attrib.order_credit_between(site text, from_date date, to_date date,
	model text DEFAULT NULL)
RETURNS SETOF attrib.order_credit LANGUAGE sql STABLE AS $$
	SELECT k.* FROM attrib.order_credit k JOIN attrib.site s ON s.name = k.site
	WHERE ($1 IS NULL OR k.site = $1) AND k.model = attrib.model_name(attrib.model_number($4, $1))
		AND (k.counted_at AT TIME ZONE s.time_zone)::date BETWEEN $2 AND $3
$$;
COMMENT ON FUNCTION attrib.order_credit_between(text, date, date, text) IS 'The view order_credit for the local days from_date..to_date of counted_at, both included; site NULL = all, model NULL = the primary one. Its sums are those of roi_between.';

CREATE OR REPLACE FUNCTION attrib.conversion_status_between(site text, from_date date, to_date date)
RETURNS SETOF attrib.conversion_status LANGUAGE sql STABLE AS $$
	SELECT c.* FROM attrib.conversion_status c JOIN attrib.site s ON s.name = c.site
	WHERE ($1 IS NULL OR c.site = $1)
		AND (coalesce(c.counted_at, c.placed_at) AT TIME ZONE s.time_zone)::date BETWEEN $2 AND $3
$$;
COMMENT ON FUNCTION attrib.conversion_status_between(text, date, date) IS 'The view conversion_status for the local days from_date..to_date, both included: of counted_at, of what is not counted of placed_at; site NULL = all.';
