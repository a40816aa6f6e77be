-- ROI, CAC and double counting, from rollups and costs only (other dates than that of the order: from rows). One function computes, views and period functions call it.
-- A cost without period counts whole; with a period evenly over the days that it covers.

CREATE OR REPLACE FUNCTION attrib.cost_in_period(amount bigint, first_day date, last_day date,
	from_date date, to_date date)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE
	WHEN from_date IS NULL AND to_date IS NULL THEN amount
	WHEN to_date < first_day OR from_date > last_day THEN 0
	-- What is due by the end less what was due before the start: periods side by side add up.
	ELSE round(amount::numeric * (least(last_day, coalesce(to_date, last_day)) - first_day + 1)
			/ (last_day - first_day + 1))::bigint
		- round(amount::numeric * greatest(0, coalesce(from_date, first_day) - first_day)
			/ (last_day - first_day + 1))::bigint
	END
$$;
COMMENT ON FUNCTION attrib.cost_in_period(bigint, date, date, date, date) IS 'The part of a cost, evenly by days over [first_day, last_day], that falls into a period, both ends included; minor units.';

CREATE OR REPLACE FUNCTION attrib.cost_rows(p_site text, p_from date, p_to date, p_convert boolean, p_campaigns text[])
RETURNS TABLE (site text, campaign text, creator text, placement text, currency text, kind text, amount bigint)
LANGUAGE sql STABLE AS $$
	SELECT w.site, w.campaign, w.creator, w.placement, w.currency, w.kind, sum(part.amount)::bigint
	FROM (SELECT c.site, coalesce(c.campaign, p.campaign, '') AS campaign, coalesce(c.creator, p.creator, '') AS creator,
			coalesce(c.placement, '') AS placement, CASE WHEN x.rate IS NULL THEN c.currency ELSE s.currency END AS currency, c.kind,
			round(c.amount * coalesce(x.rate, 1)
				* attrib.minor_units(CASE WHEN x.rate IS NULL THEN c.currency ELSE s.currency END))::bigint AS amount,
			coalesce(c.covers_from, c.covers_to, d.starts_on, c.incurred_on) AS since,
			coalesce(c.covers_to, c.covers_from, d.ends_on, c.incurred_on) AS till
		FROM attrib.cost c
		LEFT JOIN attrib.site s ON s.name = c.site
		LEFT JOIN attrib.placement p ON p.site = c.site AND p.name = c.placement
		LEFT JOIN attrib.campaign d ON d.site = c.site AND d.name = coalesce(c.campaign, p.campaign)
			AND d.starts_on IS NOT NULL AND d.ends_on IS NOT NULL
		CROSS JOIN LATERAL (SELECT CASE WHEN NOT p_convert THEN NULL WHEN c.currency = s.currency THEN 1
			ELSE attrib.rate_on(c.currency, s.currency, c.incurred_on) END) x (rate)
		WHERE (p_site IS NULL OR c.site = p_site)
			-- what lies outside is worth nothing in the period, and nothing to compute
			AND (p_from IS NULL OR coalesce(c.covers_to, c.covers_from, d.ends_on, c.incurred_on) >= p_from)
			AND (p_to IS NULL OR coalesce(c.covers_from, c.covers_to, d.starts_on, c.incurred_on) <= p_to)
			AND (p_campaigns IS NULL OR coalesce(c.campaign, p.campaign, '') IN (SELECT unnest(p_campaigns)))
		OFFSET 0) w -- computed once: cost_in_period looks at each several times
	CROSS JOIN LATERAL (SELECT CASE WHEN (p_from IS NULL OR w.since >= p_from) AND (p_to IS NULL OR w.till <= p_to) THEN w.amount
		ELSE attrib.cost_in_period(w.amount, w.since, w.till, p_from, p_to) END) part (amount)
	GROUP BY 1, 2, 3, 4, 5, 6
	HAVING (p_from IS NULL AND p_to IS NULL) OR sum(part.amount) <> 0
	UNION ALL
	SELECT r.site, r.campaign, r.creator, r.placement, CASE WHEN x.factor IS NULL THEN r.currency ELSE s.currency END,
		'commission', sum(attrib.scaled(r.earned, x.factor))::bigint
	FROM attrib.commission_sums(p_site, p_from, p_to, p_convert) r
	JOIN attrib.site s ON s.name = r.site
	CROSS JOIN LATERAL (SELECT CASE WHEN p_convert AND r.currency <> s.currency
		THEN attrib.minor_rate_on(r.currency, s.currency, r.day) END) x (factor)
	WHERE p_campaigns IS NULL OR r.campaign IN (SELECT unnest(p_campaigns))
	GROUP BY 1, 2, 3, 4, 5
	HAVING sum(r.earned) <> 0
$$;
COMMENT ON FUNCTION attrib.cost_rows(text, date, date, boolean, text[]) IS 'Costs by campaign, creator, placement (empty = none), currency and kind in minor units. Placements lend their campaign and creator. Spread in time over covers_from..covers_to, else the campaign''s dates, else the day. And what commissions earn, as they stand, on the day of their orders: a row of kind commission of its own. p_convert: in the site''s currency by the rate of incurred_on (of the order''s day), where there is one. p_campaigns: of these (empty = none); NULL = all.';

-- No SQL function: it would be planned with every report by the order's day.
CREATE OR REPLACE FUNCTION attrib.revenue_of_orders(p_site text, p_from date, p_to date, p_model int, p_by text)
RETURNS TABLE (site text, day date, campaign text, creator text, currency text, customer_kind smallint, model int, conversions bigint,
	gross bigint, refunded bigint)
LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF p_by = 'refund' THEN
		RETURN QUERY SELECT a.site, c.day, k.campaign, k.creator, c.currency, 0::smallint, a.model::int, 0::bigint, 0::bigint, a.amount::bigint
		FROM attrib.adjustment_credit_rows(p_site, p_from, p_to) a
		JOIN attrib.conversion c ON c.site = a.site AND c.kind = 1 AND c.order_id = a.order_id AND c.counted
		JOIN attrib.credit k ON k.site = a.site AND k.kind = 1 AND k.order_id = a.order_id AND k.n = a.n
		WHERE p_model IS NULL OR a.model = p_model;
	ELSIF p_by = 'touch' THEN
		RETURN QUERY SELECT c.site, c.day, k.campaign, k.creator, c.currency, coalesce(o.kind, 0::smallint), m.model, k.share[m.model],
			k.amount[m.model], k.refunded[m.model]
		FROM attrib.site s
		JOIN attrib.credit k ON k.site = s.name AND k.kind = 1
		JOIN attrib.conversion c ON c.site = k.site AND c.kind = 1 AND c.order_id = k.order_id
		LEFT JOIN attrib.customer_order o ON o.site = c.site AND o.order_id = c.order_id
		JOIN generate_series(1, 6) m (model) ON p_model IS NULL OR m.model = p_model
		WHERE c.counted AND c.merged_into = '' AND (p_site IS NULL OR s.name = p_site)
			AND (p_from IS NULL OR k.touched_at >= attrib.local_start(p_from, s.time_zone))
			AND (p_to IS NULL OR k.touched_at < attrib.local_start(p_to + 1, s.time_zone));
	END IF;
END $$;
COMMENT ON FUNCTION attrib.revenue_of_orders(text, date, date, int, text) IS 'What revenue_rows reads of the orders themselves: refund = refunded alone, by the days of refunds; touch = all, by the days of the credited touches.';

CREATE OR REPLACE FUNCTION attrib.revenue_rows(p_site text, p_from date, p_to date, p_model int, p_by text, p_convert boolean)
RETURNS TABLE (site text, campaign text, creator text, currency text, model int, gross bigint, refunded bigint,
	conversions numeric, new_customers numeric, unknown_customers numeric)
LANGUAGE sql STABLE AS $$
	SELECT r.site, r.campaign, r.creator, CASE WHEN x.factor IS NULL THEN r.currency ELSE s.currency END, r.model::int,
		sum(attrib.scaled(r.gross, x.factor))::bigint, sum(attrib.scaled(r.refunded, x.factor))::bigint,
		sum(r.conversions) / 1000000000000,
		coalesce(sum(r.conversions) FILTER (WHERE r.customer_kind = 1), 0) / 1000000000000,
		coalesce(sum(r.conversions) FILTER (WHERE r.customer_kind = 0), 0) / 1000000000000
	FROM (
		SELECT r.site, r.day, r.campaign, r.creator, r.currency, r.customer_kind, m.model, r.conversions[m.model] AS conversions,
			r.gross[m.model] AS gross, CASE WHEN p_by = 'order' THEN r.refunded[m.model] ELSE 0 END AS refunded
		FROM attrib.money_rows(p_site, p_from, p_to, p_convert, false) r
		JOIN generate_series(1, 6) m (model) ON p_model IS NULL OR m.model = p_model
		WHERE p_by IN ('order', 'refund') AND r.kind = 1
		UNION ALL SELECT * FROM attrib.revenue_of_orders(p_site, p_from, p_to, p_model, p_by) WHERE p_by <> 'order') r
	JOIN attrib.site s ON s.name = r.site
	CROSS JOIN LATERAL (SELECT CASE WHEN p_convert THEN attrib.minor_rate_on(r.currency, s.currency, r.day) END) x (factor)
	GROUP BY 1, 2, 3, 4, 5
	HAVING sum(r.conversions) <> 0 OR sum(r.gross) <> 0 OR sum(r.refunded) <> 0
$$;
COMMENT ON FUNCTION attrib.revenue_rows(text, date, date, int, text, boolean) IS 'Credited orders by campaign, creator (empty = none), currency and model (NULL = each): minor units, and sums of shares. By local day, both ends included: p_by order = of counted_at; touch = of the credited touch; refund = orders by counted_at, what was refunded by its own date. p_convert: in the site''s currency by the rate of the day of counted_at, where there is one.';

CREATE OR REPLACE FUNCTION attrib.roi_rows(p_site text, p_from date, p_to date, p_model int, p_basis text, p_by text,
	p_convert boolean)
RETURNS TABLE (site text, row_kind text, campaign text, creator text, model text, currency text,
	cost numeric, gross numeric, refunded numeric, net numeric, conversions numeric, new_customers numeric,
	roi numeric, revenue_cost_ratio numeric, roas_total numeric, cpa numeric, cac numeric,
	cost_direct numeric, cost_shared numeric, roi_direct numeric, unknown_customers numeric, cost_media numeric)
LANGUAGE sql STABLE AS $$
	WITH models AS (
		SELECT n AS model FROM generate_series(1, 6) n WHERE p_model IS NULL OR n = p_model
	), revenue AS (
		SELECT * FROM attrib.revenue_rows(p_site, p_from, p_to, p_model, p_by, p_convert)
	), costs AS (
		SELECT site, campaign, creator, currency, kind IN ('fee', 'paid_media') AS media, sum(amount)::bigint AS amount
		FROM attrib.cost_rows(p_site, p_from, p_to, p_convert, NULL) GROUP BY 1, 2, 3, 4, 5
	), direct AS (
		SELECT site, campaign, creator, currency, sum(amount)::bigint AS amount,
			coalesce(sum(amount) FILTER (WHERE media), 0)::bigint AS media
		FROM costs WHERE creator <> '' GROUP BY 1, 2, 3, 4
	), shared AS ( -- two pots: all of it, and the media in it, which only roas_total looks at
		SELECT site, campaign, currency, pot.media, sum(amount)::bigint AS amount
		FROM costs JOIN (VALUES (false), (true)) pot (media) ON costs.media OR NOT pot.media
		WHERE creator = '' GROUP BY 1, 2, 3, 4
	), members AS (
		SELECT site, campaign, creator FROM direct WHERE campaign <> ''
		UNION SELECT site, campaign, creator FROM attrib.tracker
			WHERE campaign <> '' AND creator <> '' AND NOT generic AND (p_site IS NULL OR site = p_site)
		UNION SELECT site, campaign, creator FROM attrib.placement
			WHERE campaign <> '' AND creator <> '' AND (p_site IS NULL OR site = p_site)
		UNION SELECT site, campaign, creator FROM revenue WHERE campaign <> '' AND creator <> ''
	), weighted AS (
		SELECT h.site, h.campaign, h.currency, h.media, h.amount::numeric AS amount, o.model, m.creator,
			CASE s.cost_spread
			WHEN 'direct_cost' THEN greatest(coalesce(d.amount, 0), 0)
			WHEN 'revenue' THEN greatest(coalesce(r.gross - r.refunded, 0), 0)
			ELSE 1 END::numeric AS weight
		FROM shared h
		JOIN attrib.site s ON s.name = h.site AND s.cost_spread <> 'none'
		JOIN members m ON m.site = h.site AND m.campaign = h.campaign
		CROSS JOIN models o
		LEFT JOIN direct d ON (d.site, d.campaign, d.creator, d.currency) = (m.site, m.campaign, m.creator, h.currency)
		LEFT JOIN revenue r ON (r.site, r.campaign, r.creator, r.currency, r.model)
			= (m.site, m.campaign, m.creator, h.currency, o.model)
	), whole AS ( -- nothing to go by = equally
		SELECT site, campaign, currency, media, model, creator, amount,
			CASE WHEN sum(weight) OVER pot = 0 THEN 1 ELSE weight END AS weight,
			CASE WHEN sum(weight) OVER pot = 0 THEN count(*) OVER pot ELSE sum(weight) OVER pot END AS weights
		FROM weighted WINDOW pot AS (PARTITION BY site, campaign, currency, media, model)
	), floors AS (
		SELECT *, sign(amount) * div(abs(amount) * weight, weights) AS part,
			mod(abs(amount) * weight, weights) AS remainder FROM whole
	), spread AS (
		SELECT site, campaign, creator, currency, model,
			coalesce(sum(part) FILTER (WHERE NOT media), 0)::bigint AS amount,
			coalesce(sum(part) FILTER (WHERE media), 0)::bigint AS media
		FROM (SELECT site, campaign, creator, currency, model, media,
				part + sign(amount) * (row_number() OVER (pot ORDER BY remainder DESC, creator COLLATE "C")
					<= abs(amount - sum(part) OVER pot))::int AS part
			FROM floors WINDOW pot AS (PARTITION BY site, campaign, currency, media, model)) p
		GROUP BY 1, 2, 3, 4, 5
	), rows AS (
		SELECT site, campaign, creator, currency, model, CASE WHEN creator <> '' THEN 'creator' ELSE 'unattributed' END AS row_kind,
			gross, refunded, conversions, new_customers, unknown_customers,
			0::bigint AS direct, 0::bigint AS shared, 0::bigint AS media
		FROM revenue
		UNION ALL
		SELECT site, campaign, creator, currency, model, 'creator', 0, 0, 0, 0, 0, amount, 0, media
		FROM direct CROSS JOIN models
		UNION ALL
		SELECT site, campaign, creator, currency, model, 'creator', 0, 0, 0, 0, 0, 0, amount, media FROM spread
		UNION ALL
		SELECT site, campaign, '', currency, model, 'shared', 0, 0, 0, 0, 0, 0,
			CASE WHEN media THEN 0 ELSE amount END, CASE WHEN media THEN amount ELSE 0 END
		FROM shared h CROSS JOIN models o
		WHERE NOT EXISTS (SELECT FROM spread x WHERE (x.site, x.campaign, x.currency, x.model)
			= (h.site, h.campaign, h.currency, o.model))
	), sums AS (
		SELECT site, row_kind, campaign, creator, model, currency, sum(direct) + sum(shared) AS cost,
			sum(direct) AS direct, sum(shared) AS shared, sum(media) AS media, sum(gross) AS gross,
			sum(refunded) AS refunded, sum(gross) - CASE WHEN p_basis = 'gross' THEN 0 ELSE sum(refunded) END AS revenue,
			sum(conversions) AS conversions, sum(new_customers) AS new_customers,
			sum(unknown_customers) AS unknown_customers
		FROM rows GROUP BY 1, 2, 3, 4, 5, 6
	)
	SELECT site, row_kind, nullif(campaign, ''), nullif(creator, ''), attrib.model_name(model), currency,
		attrib.major(cost, currency), attrib.major(gross, currency), attrib.major(refunded, currency),
		attrib.major(gross - refunded, currency), trim_scale(conversions), trim_scale(new_customers),
		(revenue - cost) / nullif(cost, 0), revenue / nullif(cost, 0), revenue / nullif(media, 0),
		attrib.major(cost, currency) / nullif(conversions, 0),
		attrib.major(cost, currency) / nullif(new_customers, 0),
		attrib.major(direct, currency), attrib.major(shared, currency),
		(revenue - direct) / nullif(direct, 0), trim_scale(unknown_customers),
		attrib.major(media, currency)
	FROM sums
$$;
COMMENT ON FUNCTION attrib.roi_rows(text, date, date, int, text, text, boolean) IS 'What roi and roi_between show, and cost_media: the part of cost of kinds fee and paid_media. p_convert: all in the site''s currency, where there are rates. NULL arguments = all. Campaign cost without creator is spread over the campaign''s creators by the site''s cost_spread, largest remainder, the odd unit to the first handle in byte order.';

CREATE OR REPLACE FUNCTION attrib.model_number(p_model text, p_site text)
RETURNS int LANGUAGE plpgsql STABLE AS $$
DECLARE
	n int := array_position('{policy,last_touch,first_touch,linear,position,time_decay}'::text[], p_model);
BEGIN
	IF p_model IS NULL THEN
		SELECT primary_model INTO n FROM attrib.site WHERE name = p_site;
		RETURN coalesce(n, 1);
	END IF;
	IF n IS NULL THEN
		RAISE EXCEPTION 'unknown model "%"', p_model USING ERRCODE = '22023',
			HINT = 'policy, last_touch, first_touch, linear, position, time_decay';
	END IF;
	RETURN n;
END $$;
COMMENT ON FUNCTION attrib.model_number(text, text) IS 'Ordinal of a model''s name; NULL = the site''s primary model.';

CREATE OR REPLACE FUNCTION attrib.check_basis(p_basis text)
RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF coalesce(p_basis, 'net') NOT IN ('net', 'gross') THEN
		RAISE EXCEPTION 'unknown basis "%"', p_basis USING ERRCODE = '22023', HINT = 'net or gross';
	END IF;
	RETURN coalesce(p_basis, 'net');
END $$;
COMMENT ON FUNCTION attrib.check_basis(text) IS 'net or gross; NULL = net.';

CREATE OR REPLACE FUNCTION attrib.check_dating(p_by text)
RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF coalesce(p_by, 'order') NOT IN ('order', 'touch', 'refund') THEN
		RAISE EXCEPTION 'unknown dating "%"', p_by USING ERRCODE = '22023', HINT = 'order, touch or refund';
	END IF;
	RETURN coalesce(p_by, 'order');
END $$;
COMMENT ON FUNCTION attrib.check_dating(text) IS 'order, touch or refund; NULL = order.';

CREATE OR REPLACE FUNCTION attrib.double_count_rows(p_site text, p_from date, p_to date, p_by_channel boolean)
RETURNS TABLE (site text, currency text, orders bigint, claims bigint, claimed_revenue numeric,
	credited_revenue numeric, avoided_claims bigint, avoided_revenue numeric)
LANGUAGE sql STABLE AS $$
	SELECT site, currency, orders::bigint, claims::bigint, attrib.major(claimed, currency),
		attrib.major(credited_gross, currency), (claims - credited_orders)::bigint,
		attrib.major(claimed - credited_gross, currency)
	FROM (SELECT site, currency, sum(orders) AS orders, sum(credited_orders) AS credited_orders,
			sum(credited_gross) AS credited_gross,
			sum(CASE WHEN p_by_channel THEN channel_claims ELSE creator_claims END) AS claims,
			sum(CASE WHEN p_by_channel THEN channel_claimed ELSE creator_claimed END) AS claimed
		FROM attrib.rollup_claim
		WHERE kind = 1 AND (p_site IS NULL OR site = p_site)
			AND (p_from IS NULL OR day >= p_from) AND (p_to IS NULL OR day <= p_to)
		GROUP BY site, currency) r
	WHERE orders <> 0
$$;
COMMENT ON FUNCTION attrib.double_count_rows(text, date, date, boolean) IS 'What double_count and double_count_by_channel show; NULL arguments = all.';
