-- What only attribution can say of a site: how much of the revenue has an owner, how much was claimed twice, how much of
-- the traffic carries keys that nobody registered. And what people say, by term, beside the time before.

CREATE OR REPLACE FUNCTION attrib.attribution_rows(p_site text, p_from date, p_to date, p_model int, p_basis text)
RETURNS TABLE (site text, currency text, attributed_revenue numeric, other_revenue numeric, unattributed_revenue numeric,
	attributed_share numeric, orders numeric, contested_orders numeric, conflict_rate numeric, claimed_revenue numeric,
	credited_revenue numeric, avoided_double_count numeric, unmapped_share numeric)
LANGUAGE sql STABLE SET jit = off AS $$
	WITH money AS (
		SELECT m.site, sum(v.revenue) FILTER (WHERE m.cut[1] IS NOT NULL) AS attributed,
			sum(v.revenue) FILTER (WHERE m.cut[1] IS NULL AND m.cut[2] = 'other') AS other, sum(v.revenue) AS revenue
		FROM attrib.money_cells(p_site, p_from, p_to, p_model, '{creator,channel}') m
		CROSS JOIN LATERAL (SELECT m.gross - CASE WHEN p_basis = 'gross' THEN 0 ELSE m.refunded END AS revenue) v
		GROUP BY m.site
	), claims AS (
		SELECT r.site, sum(r.orders) AS orders, sum(r.contested) AS contested,
			attrib.major(sum(attrib.scaled(r.creator_claimed, x.factor)), s.currency) AS claimed,
			attrib.major(sum(attrib.scaled(r.credited_gross, x.factor)), s.currency) AS credited
		FROM attrib.rollup_claim r
		JOIN attrib.site s ON s.name = r.site
		CROSS JOIN LATERAL (SELECT attrib.minor_rate_on(r.currency, s.currency, r.day) AS factor) x
		WHERE r.kind = 1 AND x.factor IS NOT NULL AND (p_site IS NULL OR r.site = p_site)
			AND (p_from IS NULL OR r.day >= p_from) AND (p_to IS NULL OR r.day <= p_to)
		GROUP BY r.site, s.currency
	), traffic AS (
		SELECT t.site, sum(t.count) AS keyed, coalesce(sum(t.count) FILTER (WHERE t.creator IS NULL), 0) AS unmapped
		FROM attrib.traffic_rows(p_site, p_from, p_to) t
		WHERE t.type IN (1, 2) AND t.tracker IS NOT NULL AND attrib.flag_class(t.verdicts) <> 'filtered'
		GROUP BY t.site
	)
	SELECT s.name, s.currency, coalesce(m.attributed, 0), coalesce(m.other, 0),
		coalesce(m.revenue, 0) - coalesce(m.attributed, 0) - coalesce(m.other, 0), m.attributed / nullif(m.revenue, 0), c.orders, c.contested,
		c.contested / nullif(c.orders, 0), c.claimed, c.credited, c.claimed - c.credited, t.unmapped / nullif(t.keyed, 0)
	FROM attrib.site s
	LEFT JOIN money m ON m.site = s.name
	LEFT JOIN claims c ON c.site = s.name
	LEFT JOIN traffic t ON t.site = s.name
	WHERE p_site IS NULL OR s.name = p_site
$$;
COMMENT ON FUNCTION attrib.attribution_rows(text, date, date, int, text) IS 'What kpi_attribution shows; NULL site and dates = all, NULL model = the primary one; basis net or gross of the revenue columns.';

CREATE OR REPLACE FUNCTION attrib.mention_rows(p_site text, p_from date, p_to date)
RETURNS TABLE (site text, platform text, term text, mentions numeric, positive numeric, negative numeric,
	net_sentiment numeric, share_of_voice numeric, mentions_before numeric, change numeric)
LANGUAGE sql STABLE AS $$
	SELECT site, nullif(platform, ''), nullif(term, ''), mentions, positive, negative, (positive - negative) / nullif(mentions, 0),
		mentions / nullif(all_mentions, 0), before, (coalesce(mentions, 0) - before) / nullif(before, 0)
	FROM (
		SELECT d.site, d.platform, d.term, sum(d.mentions) FILTER (WHERE n.inside AND d.subject = '') AS mentions,
			sum(d.positive) FILTER (WHERE n.inside AND d.subject = '') AS positive,
			sum(d.negative) FILTER (WHERE n.inside AND d.subject = '') AS negative,
			CASE WHEN count(*) FILTER (WHERE n.inside AND d.subject <> '') > 0 THEN sum(d.mentions) FILTER (WHERE n.inside) END AS all_mentions,
			sum(d.mentions) FILTER (WHERE NOT n.inside AND d.subject = '') AS before
		FROM attrib.mention_daily d
		CROSS JOIN LATERAL (SELECT p_from IS NULL OR d.counted_on >= p_from AS inside) n
		WHERE (p_site IS NULL OR d.site = p_site) AND (p_from IS NULL OR d.counted_on >= p_from - (p_to - p_from + 1))
			AND (p_to IS NULL OR d.counted_on <= p_to)
		GROUP BY 1, 2, 3) sums
$$;
COMMENT ON FUNCTION attrib.mention_rows(text, date, date) IS 'What kpi_mention shows; NULL site and dates = all.';
