-- Traffic of a period in pieces, each with one owner: whole months where they are asked for, whole days, and buckets where a
-- key may change hands within a day or the rollups do not reach. The owner of a piece is that of its first instant,
-- by the catalog as it stands now.

CREATE OR REPLACE FUNCTION attrib.spans_across(p_at timestamptz, p_zone text, p_unit text)
RETURNS SETOF date LANGUAGE sql STABLE PARALLEL SAFE AS $$
	-- a clock that is set back about midnight has an hour of two days twice
	SELECT date_trunc(p_unit, (p_at - x) AT TIME ZONE p_zone)::date FROM unnest('{1us,30min,1h,90min,2h}'::interval[]) x
	INTERSECT
	SELECT date_trunc(p_unit, (p_at + x) AT TIME ZONE p_zone)::date FROM unnest('{0,30min,1h,90min,2h}'::interval[]) x
$$;
COMMENT ON FUNCTION attrib.spans_across(timestamptz, text, text) IS 'The local days (or months, p_unit) with instants before an instant and from it on. None, where one begins with it.';

CREATE OR REPLACE FUNCTION attrib.traffic_pieces_of(p_site text, p_zone text, p_since date, p_until date, p_from date, p_to date,
	p_months boolean, p_creators text[])
RETURNS TABLE (day date, campaign text, creator text, placement text, channel smallint, tracker text, type smallint,
	verdicts int, count bigint, uniques bigint)
-- Keys that change hands are looked up, whoever asks: kpi_rows wants all else hashed. Making so wide a plan takes longer than
-- a better one saves.
LANGUAGE plpgsql STABLE ROWS 10000 SET enable_nestloop = on SET jit = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
	first_day   date := greatest(p_from, p_since); -- that the rollups have
	last_day    date := least(p_to, p_until - 1);
	first_month date := date_trunc('month', first_day - 1) + interval '1 month';
	behind      date := date_trunc('month', last_day + 1); -- the last whole month
	turns       timestamptz[]; -- when rules for utm begin or end
BEGIN
	IF NOT p_months OR first_month >= behind THEN
		first_month := 'infinity';
		behind := 'infinity';
	END IF;
	turns := ARRAY(SELECT v.local AT TIME ZONE p_zone FROM attrib.tracker t CROSS JOIN LATERAL (VALUES (t.valid_from), (t.valid_to)) v (local)
		WHERE t.site = p_site AND t.kind = 'utm' AND v.local IS NOT NULL ORDER BY 1);

	RETURN QUERY
	WITH ends AS MATERIALIZED ( -- a rule for utm may be anybody's: they share an empty key
		SELECT DISTINCT c.channel, CASE t.kind WHEN 'utm' THEN '' ELSE t.folded END AS key, v.local AT TIME ZONE p_zone AS at
		FROM attrib.tracker t
		CROSS JOIN LATERAL (VALUES (t.valid_from), (t.valid_to)) v (local)
		JOIN (VALUES ('link', 1), ('link', 5), ('affiliate', 2), ('utm', 3), ('code', 4)) c (kind, channel) ON c.kind = t.kind
		WHERE t.site = p_site AND (t.valid_from IS NOT NULL OR t.valid_to IS NOT NULL) AND isfinite(v.local) AND v.local >= first_day - 2 AND v.local < last_day + 3
	), broken_day AS MATERIALIZED (
		SELECT DISTINCT channel, key, d AS day FROM ends CROSS JOIN LATERAL attrib.spans_across(at, p_zone, 'day') d
		WHERE d BETWEEN first_day AND last_day
	), broken_month AS MATERIALIZED (
		SELECT DISTINCT channel, key, d AS month FROM ends CROSS JOIN LATERAL attrib.spans_across(at, p_zone, 'month') d
		WHERE d >= first_month AND d < behind
	), months AS (
		SELECT r.* FROM attrib.rollup_traffic_month r
		WHERE r.site = p_site AND r.month >= first_month AND r.month < behind AND NOT EXISTS (SELECT FROM broken_month b
			WHERE b.channel = r.channel AND b.key = CASE r.channel WHEN 3 THEN '' ELSE r.key END AND b.month = r.month)
	), days AS (
		SELECT r.* FROM (
			SELECT r.* FROM attrib.rollup_traffic r WHERE r.site = p_site AND r.day >= first_day AND r.day <= last_day AND r.day < first_month
			UNION ALL
			SELECT r.* FROM attrib.rollup_traffic r WHERE r.site = p_site AND r.day >= behind AND r.day <= last_day
			UNION ALL
			SELECT r.* FROM broken_month b JOIN attrib.rollup_traffic r ON r.site = p_site AND r.channel = b.channel AND r.key = b.key
				AND r.day >= b.month AND r.day < b.month + interval '1 month'
			WHERE b.channel <> 3
			UNION ALL
			SELECT r.* FROM broken_month b JOIN attrib.rollup_traffic r ON r.site = p_site AND r.channel = 3
				AND r.day >= b.month AND r.day < b.month + interval '1 month'
			WHERE b.channel = 3) r
		WHERE NOT EXISTS (SELECT FROM broken_day b
			WHERE b.channel = r.channel AND b.key = CASE r.channel WHEN 3 THEN '' ELSE r.key END AND b.day = r.day)
	), buckets AS (
		SELECT t.* FROM broken_day b JOIN attrib.traffic t ON t.site = p_site AND t.channel = b.channel AND t.key = b.key
			AND t.bucket_at >= attrib.local_start(b.day, p_zone) - interval '2 hours'
			AND t.bucket_at < attrib.local_start(b.day + 1, p_zone) + interval '2 hours'
		WHERE b.channel <> 3 AND (t.bucket_at AT TIME ZONE p_zone)::date = b.day
		UNION ALL
		SELECT t.* FROM broken_day b JOIN attrib.traffic t ON t.site = p_site AND t.channel = 3
			AND t.bucket_at >= attrib.local_start(b.day, p_zone) - interval '2 hours'
			AND t.bucket_at < attrib.local_start(b.day + 1, p_zone) + interval '2 hours'
		WHERE b.channel = 3 AND (t.bucket_at AT TIME ZONE p_zone)::date = b.day
		UNION ALL
		SELECT t.* FROM (SELECT * FROM (VALUES (p_from, least(p_to, first_day - 1)), (greatest(p_from, last_day + 1), p_to)) v (first_day, last_day)
			WHERE v.first_day <= v.last_day) beside
		JOIN attrib.traffic t ON t.site = p_site AND t.bucket_at >= attrib.local_start(beside.first_day, p_zone) - interval '2 hours'
			AND t.bucket_at < attrib.local_start(beside.last_day + 1, p_zone) + interval '2 hours'
		WHERE (t.bucket_at AT TIME ZONE p_zone)::date BETWEEN beside.first_day AND beside.last_day
	), owned AS MATERIALIZED (
		SELECT c.channel, t.* FROM attrib.tracker t
		JOIN (VALUES ('link', 1), ('link', 5), ('affiliate', 2), ('code', 4)) c (kind, channel) ON c.kind = t.kind
		WHERE t.site = p_site AND (p_creators IS NULL OR t.creator IN (SELECT unnest(p_creators)))
	), pieces AS MATERIALIZED (
		SELECT p.day, p.bucket_at, p.channel, p.key, p.type, p.verdicts, p.count, p.uniques
		FROM (SELECT month AS day, NULL::timestamptz AS bucket_at, channel, key, type, verdicts, count, uniques FROM months
			UNION ALL
			SELECT day, NULL, channel, key, type, verdicts, count, uniques FROM days
			UNION ALL
			SELECT (bucket_at AT TIME ZONE p_zone)::date, bucket_at, channel, key, type, verdicts, count, uniques FROM buckets) p
		WHERE p_creators IS NULL OR p.channel = 3 OR (p.channel, p.key) IN (SELECT o.channel, o.folded FROM owned o)
	), by_rule AS (
		SELECT p.*, coalesce(turns[width_bucket(coalesce(p.bucket_at, attrib.local_start(p.day, p_zone)), turns)], '-infinity') AS turn
		FROM pieces p WHERE channel = 3
	), rules AS (
		SELECT k.key AS asked, k.turn, o.* FROM (SELECT DISTINCT key, turn FROM by_rule) k
		CROSS JOIN LATERAL attrib.tracker_at(p_site, 3, k.key, k.turn, p_zone) o
	)
	SELECT p.day, o.campaign, o.creator, o.placement, p.channel, coalesce(o.key, nullif(p.key, '')), p.type, p.verdicts, p.count, p.uniques
	FROM pieces p
	LEFT JOIN owned o ON o.channel = p.channel AND o.folded = p.key
			AND (o.valid_from IS NULL OR o.valid_from AT TIME ZONE p_zone <= coalesce(p.bucket_at, attrib.local_start(p.day, p_zone)))
			AND (o.valid_to IS NULL OR o.valid_to AT TIME ZONE p_zone > coalesce(p.bucket_at, attrib.local_start(p.day, p_zone)))
	WHERE p.channel <> 3 AND (p_creators IS NULL OR o.creator <> '')
	UNION ALL
	SELECT p.day, o.campaign, o.creator, o.placement, p.channel, coalesce(o.key, nullif(p.key, '')), p.type, p.verdicts, p.count, p.uniques
	FROM by_rule p LEFT JOIN rules o ON o.asked = p.key AND o.turn = p.turn
	WHERE p_creators IS NULL OR o.creator IN (SELECT unnest(p_creators));
END $$;
COMMENT ON FUNCTION attrib.traffic_pieces_of(text, text, date, date, date, date, boolean, text[]) IS 'traffic_pieces of one site, whose row of site_traffic_zone is told, for the days p_from..p_to.';

CREATE OR REPLACE FUNCTION attrib.traffic_pieces(p_site text, p_from date, p_to date, p_months boolean, p_creators text[])
RETURNS TABLE (site text, day date, campaign text, creator text, placement text, channel smallint, tracker text,
	type smallint, verdicts int, count bigint, uniques bigint)
LANGUAGE sql STABLE AS $$
	SELECT s.name, p.*
	FROM attrib.site s
	JOIN attrib.site_traffic_zone z ON z.site = s.name
	CROSS JOIN LATERAL attrib.traffic_pieces_of(s.name, z.time_zone, z.since, z.until, coalesce(p_from, '-infinity'),
		coalesce(p_to, 'infinity'), p_months, p_creators) p
	WHERE p_site IS NULL OR s.name = p_site
$$;
COMMENT ON FUNCTION attrib.traffic_pieces(text, date, date, boolean, text[]) IS 'Traffic of the local days p_from..p_to with its owners by the catalog as it stands now; NULL arguments = all. p_months: whole months may come as one piece, under their first day. p_creators: only what is theirs.';
