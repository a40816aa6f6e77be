-- What rollups say of a period, from as few rows as possible: whole months from months, the days at both ends from days.
-- The one place that knows when a month may stand for its days. NULL dates = all time. They are plain
-- queries, so that the planner sees through them: what the caller asks of a row it asks of the tables.

CREATE OR REPLACE FUNCTION attrib.months_from(p_from date)
RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT date_trunc('month', coalesce(p_from - 1, '-infinity')::timestamp + interval '1 month')::date
$$;
COMMENT ON FUNCTION attrib.months_from(date) IS 'First day of the first whole month of a period that begins on a day; NULL = -infinity.';

CREATE OR REPLACE FUNCTION attrib.months_to(p_to date)
RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT date_trunc('month', coalesce(p_to + 1, 'infinity')::timestamp)::date
$$;
COMMENT ON FUNCTION attrib.months_to(date) IS 'The day after the last whole month of a period that ends on a day; NULL = infinity.';

CREATE OR REPLACE FUNCTION attrib.days_beside(p_from date, p_to date)
RETURNS date[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT ARRAY(SELECT d::date FROM generate_series(p_from, least(attrib.months_from(p_from) - 1, p_to), interval '1 day') d
		UNION ALL SELECT d::date FROM generate_series(greatest(attrib.months_from(p_from), attrib.months_to(p_to)), p_to, interval '1 day') d)
$$;
COMMENT ON FUNCTION attrib.days_beside(date, date) IS 'The days of a period that are in none of its whole months; none at an end that is open.';

CREATE OR REPLACE FUNCTION attrib.days_differ(p_site text, p_from date, p_to date)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN EXISTS (SELECT FROM attrib.rollup_claim c JOIN attrib.site s ON s.name = c.site AND s.currency <> c.currency
			WHERE (p_site IS NULL OR c.site = p_site) AND c.day >= attrib.months_from(p_from) AND c.day < attrib.months_to(p_to))
		OR EXISTS (SELECT FROM attrib.margin g WHERE (p_site IS NULL OR g.site = p_site) AND g.valid_from > attrib.month_of(g.valid_from)
			AND g.valid_from >= attrib.months_from(p_from) AND g.valid_from < attrib.months_to(p_to));
END $$;
COMMENT ON FUNCTION attrib.days_differ(text, date, date) IS 'Whether the whole months of a period have foreign money, or a margin that changes within a month.';

CREATE OR REPLACE FUNCTION attrib.money_rows(p_site text, p_from date, p_to date, p_rates boolean, p_margins boolean)
RETURNS TABLE (site text, day date, kind smallint, creator text, campaign text, placement text, channel smallint, currency text,
	customer_kind smallint, conversions bigint[], gross bigint[], refunded bigint[])
LANGUAGE sql STABLE AS $$
	SELECT r.site, r.month, r.kind, r.creator, r.campaign, r.placement, r.channel, r.currency, r.customer_kind,
		r.conversions, r.gross, r.refunded
	FROM attrib.rollup_month r
	JOIN attrib.site s ON s.name = r.site
	WHERE (p_site IS NULL OR r.site = p_site) AND r.month >= attrib.months_from(p_from) AND r.month < attrib.months_to(p_to)
		AND (NOT p_rates OR r.currency = s.currency)
		AND NOT EXISTS (SELECT FROM attrib.margin g WHERE p_margins AND g.site = r.site AND g.campaign IN ('', r.campaign)
			AND attrib.month_of(g.valid_from) = r.month AND g.valid_from > r.month)
	UNION ALL
	SELECT r.site, r.day, r.kind, r.creator, r.campaign, r.placement, r.channel, r.currency, r.customer_kind,
		r.conversions, r.gross, r.refunded
	FROM attrib.rollup_money r
	WHERE (p_site IS NULL OR r.site = p_site) AND r.day = ANY (attrib.days_beside(p_from, p_to))
	UNION ALL -- what is worth, or leaves, something else each day; where there is none of it, the table is not opened
	SELECT r.site, r.day, r.kind, r.creator, r.campaign, r.placement, r.channel, r.currency, r.customer_kind,
		r.conversions, r.gross, r.refunded
	FROM attrib.rollup_money r
	JOIN attrib.site s ON s.name = r.site
	WHERE (p_rates OR p_margins) AND attrib.days_differ(p_site, p_from, p_to)
		AND (p_site IS NULL OR r.site = p_site) AND r.day >= attrib.months_from(p_from) AND r.day < attrib.months_to(p_to)
		AND (p_rates AND r.currency <> s.currency OR p_margins
			AND (r.site, '', attrib.month_of(r.day)) IN (SELECT g.site, g.campaign, attrib.month_of(g.valid_from) FROM attrib.margin g
				WHERE g.valid_from > attrib.month_of(g.valid_from)) OR p_margins
			AND (r.site, r.campaign, attrib.month_of(r.day)) IN (SELECT g.site, g.campaign, attrib.month_of(g.valid_from) FROM attrib.margin g
				WHERE g.valid_from > attrib.month_of(g.valid_from)))
$$;
COMMENT ON FUNCTION attrib.money_rows(text, date, date, boolean, boolean) IS 'rollup_money of a period by scope, NULL dates = all time. A row stands for a whole month, and has its first day, wherever no day matters to the caller: p_rates = foreign money is to be worth what it was on its day, p_margins = margins are dated. The sums are those of the days, exactly.';

CREATE OR REPLACE FUNCTION attrib.path_rows(p_site text, p_from date, p_to date)
RETURNS TABLE (site text, grain smallint, creator text, campaign text, placement text, claims bigint, clicked bigint,
	code_only bigint, click_only bigint, contested bigint)
LANGUAGE sql STABLE AS $$
	SELECT r.site, r.grain, r.creator, r.campaign, r.placement, r.claims, r.clicked, r.code_only, r.click_only, r.contested
	FROM attrib.rollup_path_month r
	WHERE (p_site IS NULL OR r.site = p_site) AND r.month >= attrib.months_from(p_from) AND r.month < attrib.months_to(p_to)
	UNION ALL
	SELECT r.site, r.grain, r.creator, r.campaign, r.placement, r.claims, r.clicked, r.code_only, r.click_only, r.contested
	FROM attrib.rollup_path r
	WHERE (p_site IS NULL OR r.site = p_site) AND r.day = ANY (attrib.days_beside(p_from, p_to))
$$;
COMMENT ON FUNCTION attrib.path_rows(text, date, date) IS 'rollup_path of a period, NULL dates = all time. Rows of grain 0 and of one other grain (path_grain), summed by what that grain looks at, are its claims.';

CREATE OR REPLACE FUNCTION attrib.path_grain(p_by text[])
RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE
	WHEN b.by <@ '{}' THEN 1
	WHEN b.by <@ '{campaign}' THEN 2
	WHEN b.by <@ '{creator}' THEN 3
	WHEN b.by <@ '{creator,campaign}' THEN 4
	WHEN b.by <@ '{placement}' THEN 5
	WHEN b.by <@ '{creator,campaign,placement}' AND b.by @> '{creator,campaign,placement}' THEN 0
	END::smallint
	-- of what no touch knows there is one cell
	FROM (SELECT array_remove(array_remove(array_remove(array_remove(p_by, 'group'), 'customer'), 'order_kind'), 'order_source') AS by) b
$$;
COMMENT ON FUNCTION attrib.path_grain(text[]) IS 'The grain of rollup_path that a cut asks for; NULL = none: its claims are counted from the paths.';
