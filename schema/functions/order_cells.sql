-- Money by what rollups do not keep apart: what kind of order it was, where it came from, by a new or a returning
-- customer. Read from the orders themselves, and only for a cut that asks for it: that is why this is no SQL function, which
-- would be planned with every other cut.

CREATE OR REPLACE FUNCTION attrib.cuts_orders(p_by text[])
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT p_by && '{customer,order_kind,order_source}'
$$;
COMMENT ON FUNCTION attrib.cuts_orders(text[]) IS 'Whether a cut has a dimension that only orders know: customer, order_kind, order_source.';

CREATE OR REPLACE FUNCTION attrib.order_cut(p_by text[], p_cut text[], p_customer text, p_kind text, p_source text)
RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT ARRAY(SELECT CASE dimension WHEN 'customer' THEN p_customer WHEN 'order_kind' THEN nullif(p_kind, '')
			WHEN 'order_source' THEN nullif(p_source, '') ELSE p_cut[n] END
		FROM unnest(p_by) WITH ORDINALITY AS b (dimension, n) ORDER BY n)
$$;
COMMENT ON FUNCTION attrib.order_cut(text[], text[], text, text, text) IS 'A cut of cut_of with the dimensions that only the order knows: customer (new, returning, unknown), order_kind, order_source.';

CREATE OR REPLACE FUNCTION attrib.order_cells(p_site text, p_from date, p_to date, p_model int, p_by text[])
RETURNS TABLE (site text, cut text[], gross numeric, refunded numeric, orders numeric, new_customers numeric,
	unknown_customers numeric, new_gross numeric, new_refunded numeric, paid_gross numeric, paid_refunded numeric,
	margin numeric, margin_refunded numeric, leads numeric)
LANGUAGE plpgsql STABLE ROWS 10 AS $$
BEGIN
	IF NOT attrib.cuts_orders(p_by) THEN
		RETURN;
	END IF;
	RETURN QUERY
	WITH credits AS (
		SELECT c.site, c.kind, k.campaign, k.creator, k.placement, k.channel, coalesce(o.kind, 0) AS customer, c.order_kind, c.order_source,
			s.currency AS home, k.share[m.model] / 1e12::numeric AS share, v.gross, v.refunded, coalesce(p.paid, false) AS paid,
			(SELECT rate FROM attrib.margin a WHERE a.site = c.site AND a.campaign IN (k.campaign, '') AND a.valid_from <= c.day
				ORDER BY a.campaign DESC, a.valid_from DESC LIMIT 1) AS rate
		FROM attrib.conversion c
		JOIN attrib.credit k ON (k.site, k.kind, k.order_id) = (c.site, c.kind, c.order_id)
		JOIN attrib.site s ON s.name = c.site
		LEFT JOIN attrib.customer_order o ON c.kind = 1 AND o.site = c.site AND o.order_id = c.order_id
		LEFT JOIN attrib.placement p ON p.site = k.site AND p.name = k.placement
		CROSS JOIN LATERAL (SELECT coalesce(p_model, s.primary_model) AS model) m
		CROSS JOIN LATERAL (SELECT attrib.minor_rate_on(c.currency, s.currency, c.day) AS factor) x
		CROSS JOIN LATERAL (SELECT CASE WHEN x.factor IS NOT NULL THEN attrib.major(attrib.scaled(k.amount[m.model], x.factor), s.currency) END AS gross,
			CASE WHEN x.factor IS NOT NULL THEN attrib.major(attrib.scaled(k.refunded[m.model], x.factor), s.currency) END AS refunded) v
		WHERE c.counted AND c.merged_into = '' AND (p_site IS NULL OR c.site = p_site)
			AND (p_from IS NULL OR c.day >= p_from) AND (p_to IS NULL OR c.day <= p_to)
	)
	SELECT c.site, attrib.order_cut(p_by, attrib.cut_of(p_by, c.site, c.campaign, c.creator, c.placement, attrib.channel_name(c.channel)),
			CASE WHEN c.kind = 1 THEN attrib.customer_kind_name(c.customer) END, c.order_kind, c.order_source),
		sum(c.gross) FILTER (WHERE c.kind = 1), sum(c.refunded) FILTER (WHERE c.kind = 1),
		coalesce(sum(c.share) FILTER (WHERE c.kind = 1), 0), coalesce(sum(c.share) FILTER (WHERE c.kind = 1 AND c.customer = 1), 0),
		coalesce(sum(c.share) FILTER (WHERE c.kind = 1 AND c.customer = 0), 0),
		sum(c.gross) FILTER (WHERE c.kind = 1 AND c.customer = 1), sum(c.refunded) FILTER (WHERE c.kind = 1 AND c.customer = 1),
		sum(c.gross) FILTER (WHERE c.kind = 1 AND c.paid), sum(c.refunded) FILTER (WHERE c.kind = 1 AND c.paid),
		CASE WHEN bool_and(c.rate IS NOT NULL) FILTER (WHERE c.kind = 1 AND c.gross <> 0) THEN sum(c.gross * c.rate) FILTER (WHERE c.kind = 1) END,
		sum(c.refunded * c.rate) FILTER (WHERE c.kind = 1),
		coalesce(sum(c.share) FILTER (WHERE c.kind = 2), 0)
	FROM credits c
	GROUP BY 1, 2;
END $$;
COMMENT ON FUNCTION attrib.order_cells(text, date, date, int, text[]) IS 'What money_cells brings, from the orders, for a cut that has customer, order_kind or order_source; no rows for any other. Money in another currency is rounded order by order.';
