-- Customers by the month of their first order, in the site's own local months, and what they have bought since.
-- Read from the ledger of customers and their orders. A customer belongs to who is credited with the first order, by
-- shares: the rows of a month by campaign, or by creator, add up to the month.

CREATE OR REPLACE FUNCTION attrib.cohort_rows(p_site text, p_from date, p_to date, p_model int, p_by text[])
RETURNS TABLE (site text, cohort date, cut text[], currency text, customers numeric, orders numeric, net_revenue numeric,
	net_per_customer numeric, repeat_customers numeric, repeat_rate numeric, cumulative numeric[])
LANGUAGE sql STABLE SET jit = off AS $$
	WITH firsts AS (
		SELECT o.site, o.customer, o.order_id, date_trunc('month', o.placed_at AT TIME ZONE s.time_zone)::date AS cohort,
			s.currency, s.time_zone, coalesce(p_model, s.primary_model) AS model
		FROM attrib.customer_order o
		JOIN attrib.site s ON s.name = o.site
		WHERE o.kind = 1 AND (p_site IS NULL OR o.site = p_site)
			AND (p_from IS NULL OR o.placed_at >= attrib.local_start(p_from, s.time_zone))
			AND (p_to IS NULL OR o.placed_at < attrib.local_start(p_to + 1, s.time_zone))
	), bought AS ( -- months by the calendar: the month of the first order is 0
		SELECT f.site, f.order_id, n.month, count(*) AS orders,
			sum((c.gross - c.refunded) * attrib.minor_rate_on(c.currency, f.currency, c.day)) AS net
		FROM firsts f
		JOIN attrib.customer_order b ON b.customer = f.customer AND b.valid
		JOIN attrib.conversion c ON c.site = b.site AND c.kind = 1 AND c.order_id = b.order_id
		CROSS JOIN LATERAL (SELECT age(date_trunc('month', b.placed_at AT TIME ZONE f.time_zone), f.cohort) AS gap) g
		CROSS JOIN LATERAL (SELECT (extract(year FROM g.gap) * 12 + extract(month FROM g.gap))::int AS month) n
		GROUP BY 1, 2, 3
	), since AS (
		SELECT site, order_id, sum(orders) AS orders, coalesce(sum(net), 0) AS net, array_agg(month) AS months,
			array_agg(coalesce(net, 0)) AS nets
		FROM bought GROUP BY 1, 2
	), won AS (
		SELECT f.site, f.cohort, f.currency, f.time_zone,
			attrib.cut_of(p_by, k.site, k.campaign, k.creator, k.placement, attrib.channel_name(k.channel)) AS cut,
			k.share[f.model] / 1e12::numeric AS share, s.orders, s.net, s.months, s.nets
		FROM firsts f
		JOIN since s USING (site, order_id)
		JOIN attrib.credit k ON k.site = f.site AND k.kind = 1 AND k.order_id = f.order_id AND k.share[f.model] > 0
	), sums AS (
		SELECT site, cohort, cut, currency, time_zone, sum(share) AS customers, sum(share * orders) AS orders,
			sum(share * net) AS net, coalesce(sum(share) FILTER (WHERE orders > 1), 0) AS repeats
		FROM won GROUP BY 1, 2, 3, 4, 5
	), by_month AS (
		SELECT w.site, w.cohort, w.cut, b.month, sum(w.share * b.net) AS net
		FROM won w CROSS JOIN LATERAL unnest(w.months, w.nets) b (month, net)
		GROUP BY 1, 2, 3, 4
	)
	SELECT s.site, s.cohort, s.cut, s.currency, trim_scale(s.customers), trim_scale(s.orders), attrib.major(s.net, s.currency),
		attrib.major(s.net, s.currency) / s.customers, trim_scale(s.repeats), s.repeats / s.customers,
		ARRAY(SELECT CASE WHEN s.cohort + make_interval(months => k + 1) <= now() AT TIME ZONE s.time_zone
				THEN attrib.major(coalesce((SELECT sum(b.net) FROM by_month b
					WHERE b.site = s.site AND b.cohort = s.cohort AND b.cut = s.cut AND b.month <= k), 0), s.currency) / s.customers END
			FROM generate_series(0, 12) k ORDER BY k)
	FROM sums s
$$;
COMMENT ON FUNCTION attrib.cohort_rows(text, date, date, int, text[]) IS 'Customers whose first order is known to be their first, by its local month and a cut of who is credited with it: what kpi_cohort, kpi_cohort_campaign and kpi_cohort_creator show. cumulative: net revenue per customer up to the end of month 0 to 12 behind the cohort''s; NULL before that month is over. NULL dates = all time (else the local days of the first order), NULL model = the primary one.';
