-- Traffic by days and months: what a merge adds to buckets it adds to the local day and month that they are in. Nobody's
-- name is in it: as with buckets, views ask the catalog whose a key is. Days are those of the time zone in
-- rollup_traffic_zone, from `since` on; of what is before, buckets alone tell. A site that changes its zone begins
-- anew behind its last bucket, until rebuild_traffic has made the days of the zone from all buckets.

CREATE OR REPLACE FUNCTION attrib.merge_v1_traffic()
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM stage_traffic) THEN
		RETURN;
	END IF;
	-- Merges share the zone; who changes it waits for them, and finds their buckets.
	PERFORM FROM attrib.rollup_traffic_zone z WHERE EXISTS (SELECT FROM stage_traffic s WHERE s.site = z.site)
	ORDER BY z.site FOR SHARE;

	INSERT INTO attrib.traffic AS t
	SELECT site, bucket_at, channel, key, type, verdicts, sum(count), sum(uniques) FROM stage_traffic
	GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
	ON CONFLICT (site, bucket_at, channel, key, type, verdicts)
	DO UPDATE SET count = t.count + excluded.count, uniques = t.uniques + excluded.uniques;
	INSERT INTO attrib.rollup_traffic AS t
	SELECT s.site, d.day, s.channel, s.key, s.type, s.verdicts, sum(s.count), sum(s.uniques)
	FROM stage_traffic s
	CROSS JOIN LATERAL (SELECT time_zone, since FROM attrib.rollup_traffic_zone WHERE site = s.site OFFSET 0) z
	CROSS JOIN LATERAL (SELECT (s.bucket_at AT TIME ZONE z.time_zone)::date AS day) d
	WHERE d.day >= z.since
	GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
	ON CONFLICT (site, day, channel, key, type, verdicts)
	DO UPDATE SET count = t.count + excluded.count, uniques = t.uniques + excluded.uniques;
	INSERT INTO attrib.rollup_traffic_month AS t
	SELECT s.site, d.month, s.channel, s.key, s.type, s.verdicts, sum(s.count), sum(s.uniques)
	FROM stage_traffic s
	CROSS JOIN LATERAL (SELECT time_zone, since FROM attrib.rollup_traffic_zone WHERE site = s.site OFFSET 0) z
	CROSS JOIN LATERAL (SELECT attrib.month_of((s.bucket_at AT TIME ZONE z.time_zone)::date) AS month) d
	WHERE d.month >= z.since
	GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
	ON CONFLICT (site, month, channel, key, type, verdicts)
	DO UPDATE SET count = t.count + excluded.count, uniques = t.uniques + excluded.uniques;
END $$;
COMMENT ON FUNCTION attrib.merge_v1_traffic() IS 'Step of merge_v1: adds the staged traffic to its buckets, days and months, in key order.';

CREATE OR REPLACE FUNCTION attrib.follow_zone()
RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	first_day date := '-infinity';
BEGIN
	PERFORM FROM attrib.rollup_traffic_zone WHERE site = NEW.name FOR UPDATE;
	SELECT (max(bucket_at) AT TIME ZONE NEW.time_zone)::date + 1 INTO first_day FROM attrib.traffic WHERE site = NEW.name;
	INSERT INTO attrib.rollup_traffic_zone (site, time_zone, since)
	VALUES (NEW.name, NEW.time_zone, coalesce(first_day, '-infinity'))
	ON CONFLICT (site) DO UPDATE SET time_zone = excluded.time_zone, since = excluded.since;
	-- what a zone further east has called these days
	DELETE FROM attrib.rollup_traffic WHERE site = NEW.name AND day >= first_day;
	DELETE FROM attrib.rollup_traffic_month WHERE site = NEW.name AND month >= first_day;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION attrib.follow_zone() IS 'Trigger: the days of a site''s traffic are those of its time zone; another one begins behind the last bucket.';

CREATE OR REPLACE TRIGGER follow_zone_new AFTER INSERT ON attrib.site
	FOR EACH ROW EXECUTE FUNCTION attrib.follow_zone();
CREATE OR REPLACE TRIGGER follow_zone AFTER UPDATE OF time_zone ON attrib.site
	FOR EACH ROW WHEN (OLD.time_zone <> NEW.time_zone) EXECUTE FUNCTION attrib.follow_zone();

CREATE OR REPLACE FUNCTION attrib.rebuild_traffic(p_site text DEFAULT NULL)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	-- Every flush begins with its instance: those under way are waited for, others wait.
	LOCK TABLE attrib.instance IN EXCLUSIVE MODE;
	PERFORM FROM attrib.rollup_traffic_zone WHERE p_site IS NULL OR site = p_site ORDER BY site FOR UPDATE;
	DELETE FROM attrib.rollup_traffic WHERE p_site IS NULL OR site = p_site;
	DELETE FROM attrib.rollup_traffic_month WHERE p_site IS NULL OR site = p_site;
	INSERT INTO attrib.rollup_traffic
	SELECT t.site, (t.bucket_at AT TIME ZONE z.time_zone)::date, t.channel, t.key, t.type, t.verdicts, sum(t.count), sum(t.uniques)
	FROM attrib.traffic t JOIN attrib.rollup_traffic_zone z ON z.site = t.site
	WHERE p_site IS NULL OR t.site = p_site
	GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6;
	INSERT INTO attrib.rollup_traffic_month
	SELECT site, attrib.month_of(day), channel, key, type, verdicts, sum(count), sum(uniques)
	FROM attrib.rollup_traffic WHERE p_site IS NULL OR site = p_site
	GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6;
	UPDATE attrib.rollup_traffic_zone SET since = '-infinity' WHERE since <> '-infinity' AND (p_site IS NULL OR site = p_site);
END $$;
COMMENT ON FUNCTION attrib.rebuild_traffic(text) IS 'Makes rollup_traffic and rollup_traffic_month of one site (NULL = all) from the buckets, by the site''s time zone of today. Merges wait for the end of the transaction.';

CREATE OR REPLACE FUNCTION attrib.check_traffic()
RETURNS TABLE (what text, key jsonb, stored jsonb, expected jsonb) LANGUAGE sql STABLE AS $$
	WITH buckets AS (
		SELECT t.*, (t.bucket_at AT TIME ZONE z.time_zone)::date AS day, z.since
		FROM attrib.traffic t JOIN attrib.rollup_traffic_zone z ON z.site = t.site
	), told AS (
		SELECT 'rollup_traffic' AS what, site, day, channel, key, type, verdicts, sum(count) AS count, sum(uniques) AS uniques
		FROM buckets WHERE day >= since GROUP BY 2, 3, 4, 5, 6, 7
		UNION ALL
		SELECT 'rollup_traffic_month', site, attrib.month_of(day), channel, key, type, verdicts, sum(count), sum(uniques)
		FROM buckets WHERE attrib.month_of(day) >= since GROUP BY 2, 3, 4, 5, 6, 7
	), kept AS (
		SELECT 'rollup_traffic' AS what, r.* FROM attrib.rollup_traffic r
		JOIN attrib.rollup_traffic_zone z ON z.site = r.site AND r.day >= z.since
		UNION ALL
		SELECT 'rollup_traffic_month', r.* FROM attrib.rollup_traffic_month r
		JOIN attrib.rollup_traffic_zone z ON z.site = r.site AND r.month >= z.since
	)
	SELECT what, jsonb_build_array(site, day, channel, key, type, verdicts), jsonb_build_array(k.count, k.uniques),
		jsonb_build_array(t.count, t.uniques)
	FROM kept k FULL JOIN told t USING (what, site, day, channel, key, type, verdicts)
	WHERE coalesce(k.count, 0) <> coalesce(t.count, 0) OR coalesce(k.uniques, 0) <> coalesce(t.uniques, 0)
	UNION ALL
	SELECT 'rollup_traffic_zone', jsonb_build_array(s.name), to_jsonb(z.time_zone), to_jsonb(s.time_zone)
	FROM attrib.site s LEFT JOIN attrib.rollup_traffic_zone z ON z.site = s.name
	WHERE z.time_zone IS DISTINCT FROM s.time_zone
$$;
COMMENT ON FUNCTION attrib.check_traffic() IS 'Part of check_rollups: days and months of traffic against its buckets.';

-- The first time, for what is there already.
DO $$
BEGIN
	IF EXISTS (SELECT FROM attrib.rollup_traffic_zone WHERE since = 'infinity') THEN
		PERFORM attrib.rebuild_traffic();
	END IF;
END $$;
