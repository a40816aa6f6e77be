-- Traffic by days and months. Nobody's name is in it: as with buckets, views ask the catalog whose a key is. A day is made of its
-- buckets when it is over, a month of its days, by the merge that first has a newer day; what comes later for them is added.
-- So a merge has next to nothing to do for them. Days are those of the time zone in site_traffic_zone, from `since`
-- until before `until`; of all others buckets alone tell. A site that changes its zone begins anew behind its last
-- bucket, until rebuild_traffic has made the days of the zone from all buckets.

CREATE OR REPLACE FUNCTION attrib.close_traffic(p_site text, p_until date)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	z attrib.site_traffic_zone;
BEGIN
	SELECT * INTO z FROM attrib.site_traffic_zone WHERE site = p_site FOR UPDATE;
	INSERT INTO attrib.rollup_traffic
	SELECT t.site, d.day, t.channel, t.key, t.type, t.verdicts, sum(t.count), sum(t.uniques)
	FROM attrib.traffic t
	CROSS JOIN LATERAL (SELECT (t.bucket_at AT TIME ZONE z.time_zone)::date AS day) d
	WHERE t.site = p_site AND d.day >= z.until AND d.day < p_until
		-- no day begins that far from what local_start says, whatever a clock does about midnight
		AND t.bucket_at >= attrib.local_start(z.until, z.time_zone) - interval '2 hours'
		AND t.bucket_at < attrib.local_start(p_until, z.time_zone) + interval '2 hours'
	GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6;
	INSERT INTO attrib.rollup_traffic_month
	SELECT r.site, attrib.month_of(r.day), r.channel, r.key, r.type, r.verdicts, sum(r.count), sum(r.uniques)
	FROM attrib.rollup_traffic r
	WHERE r.site = p_site AND r.day >= attrib.month_of(z.until) AND r.day < attrib.month_of(p_until) AND attrib.month_of(r.day) >= z.since
	GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6;
	UPDATE attrib.site_traffic_zone SET until = p_until WHERE site = p_site;
END $$;
COMMENT ON FUNCTION attrib.close_traffic(text, date) IS 'Makes the days of a site''s traffic that are over before a local day, and the months among them.';

CREATE OR REPLACE FUNCTION attrib.merge_v1_late_traffic()
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO attrib.rollup_traffic AS t
	SELECT s.site, d.day, s.channel, s.key, s.type, s.verdicts, sum(s.count), sum(s.uniques)
	FROM stage_traffic s
	CROSS JOIN LATERAL (SELECT * FROM attrib.site_traffic_zone WHERE site = s.site OFFSET 0) z
	CROSS JOIN LATERAL (SELECT (s.bucket_at AT TIME ZONE z.time_zone)::date AS day) d
	WHERE d.day >= z.since AND d.day < z.until
	GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
	ON CONFLICT (site, day, channel, key, type, verdicts)
	DO UPDATE SET count = t.count + excluded.count, uniques = t.uniques + excluded.uniques;
	INSERT INTO attrib.rollup_traffic_month AS t
	SELECT s.site, d.month, s.channel, s.key, s.type, s.verdicts, sum(s.count), sum(s.uniques)
	FROM stage_traffic s
	CROSS JOIN LATERAL (SELECT * FROM attrib.site_traffic_zone WHERE site = s.site OFFSET 0) z
	CROSS JOIN LATERAL (SELECT attrib.month_of((s.bucket_at AT TIME ZONE z.time_zone)::date) AS month) d
	WHERE d.month >= z.since AND d.month < attrib.month_of(z.until)
	GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
	ON CONFLICT (site, month, channel, key, type, verdicts)
	DO UPDATE SET count = t.count + excluded.count, uniques = t.uniques + excluded.uniques;
END $$;
COMMENT ON FUNCTION attrib.merge_v1_late_traffic() IS 'Step of merge_v1: adds what is staged for days and months that were made already.';

CREATE OR REPLACE FUNCTION attrib.merge_v1_traffic()
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	sites  text[] := ARRAY(SELECT DISTINCT site FROM stage_traffic);
	closes boolean;
	late   boolean;
	over   record;
BEGIN
	IF sites = '{}' THEN
		RETURN;
	END IF;
	-- Merges share the row of the zone; who makes days, or changes the zone, waits for them and finds their buckets.
	SELECT bool_or((n.last_at AT TIME ZONE z.time_zone)::date > z.until) INTO closes FROM attrib.site_traffic_zone z
	CROSS JOIN LATERAL (SELECT max(s.bucket_at) AS last_at FROM stage_traffic s WHERE s.site = z.site) n WHERE z.site = ANY (sites);
	IF closes THEN
		PERFORM FROM attrib.site_traffic_zone WHERE site = ANY (sites) ORDER BY site FOR UPDATE;
	ELSE
		PERFORM FROM attrib.site_traffic_zone WHERE site = ANY (sites) ORDER BY site FOR SHARE;
	END IF;

	INSERT INTO attrib.traffic AS t
	SELECT site, bucket_at, channel, key, type, verdicts, sum(count), sum(uniques) FROM stage_traffic
	GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
	ON CONFLICT (site, bucket_at, channel, key, type, verdicts)
	DO UPDATE SET count = t.count + excluded.count, uniques = t.uniques + excluded.uniques;

	SELECT bool_or(n.first_at < attrib.local_start(z.until, z.time_zone) + interval '2 hours') INTO late FROM attrib.site_traffic_zone z
	CROSS JOIN LATERAL (SELECT min(s.bucket_at) AS first_at FROM stage_traffic s WHERE s.site = z.site) n WHERE z.site = ANY (sites);
	IF late THEN
		PERFORM attrib.merge_v1_late_traffic();
	END IF;
	IF closes THEN
		FOR over IN SELECT z.site, n.day FROM attrib.site_traffic_zone z
			CROSS JOIN LATERAL (SELECT (max(s.bucket_at) AT TIME ZONE z.time_zone)::date AS day FROM stage_traffic s WHERE s.site = z.site) n
			WHERE z.site = ANY (sites) AND n.day > z.until ORDER BY z.site LOOP
			PERFORM attrib.close_traffic(over.site, over.day);
		END LOOP;
	END IF;
END $$;
COMMENT ON FUNCTION attrib.merge_v1_traffic() IS 'Step of merge_v1: adds the staged traffic to its buckets, in key order, and to days and months that are over.';

CREATE OR REPLACE FUNCTION attrib.follow_zone()
RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	first_day date;
BEGIN
	PERFORM FROM attrib.site_traffic_zone WHERE site = NEW.name FOR UPDATE;
	first_day := coalesce((SELECT (max(bucket_at) AT TIME ZONE NEW.time_zone)::date + 1 FROM attrib.traffic WHERE site = NEW.name), '-infinity');
	INSERT INTO attrib.site_traffic_zone (site, time_zone, since, until) VALUES (NEW.name, NEW.time_zone, first_day, first_day)
	ON CONFLICT (site) DO UPDATE SET time_zone = excluded.time_zone, since = excluded.since, until = excluded.until;
	-- what a zone further east has called these days
	DELETE FROM attrib.rollup_traffic WHERE site = NEW.name AND day >= first_day;
	DELETE FROM attrib.rollup_traffic_month WHERE site = NEW.name AND month >= attrib.month_of(first_day);
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
	PERFORM FROM attrib.site_traffic_zone WHERE p_site IS NULL OR site = p_site ORDER BY site FOR UPDATE;
	DELETE FROM attrib.rollup_traffic WHERE p_site IS NULL OR site = p_site;
	DELETE FROM attrib.rollup_traffic_month WHERE p_site IS NULL OR site = p_site;
	UPDATE attrib.site_traffic_zone SET since = '-infinity', until = '-infinity' WHERE p_site IS NULL OR site = p_site;
	PERFORM attrib.close_traffic(z.site, (n.last_at AT TIME ZONE z.time_zone)::date)
	FROM attrib.site_traffic_zone z
	CROSS JOIN LATERAL (SELECT max(bucket_at) AS last_at FROM attrib.traffic WHERE site = z.site) n
	WHERE (p_site IS NULL OR z.site = p_site) AND n.last_at IS NOT NULL;
END $$;
COMMENT ON FUNCTION attrib.rebuild_traffic(text) IS 'Makes rollup_traffic and rollup_traffic_month of one site (NULL = all) from the buckets, by the site''s time zone of today. Merges wait for the end of the transaction.';

CREATE OR REPLACE FUNCTION attrib.check_traffic()
RETURNS TABLE (what text, key jsonb, stored jsonb, expected jsonb) LANGUAGE sql STABLE AS $$
	WITH buckets AS (
		SELECT t.*, (t.bucket_at AT TIME ZONE z.time_zone)::date AS day, z.since, z.until
		FROM attrib.traffic t JOIN attrib.site_traffic_zone z ON z.site = t.site
	), told AS (
		SELECT 'rollup_traffic' AS what, site, day, channel, key, type, verdicts, sum(count) AS count, sum(uniques) AS uniques
		FROM buckets WHERE day >= since AND day < until GROUP BY 2, 3, 4, 5, 6, 7
		UNION ALL
		SELECT 'rollup_traffic_month', site, attrib.month_of(day), channel, key, type, verdicts, sum(count), sum(uniques)
		FROM buckets WHERE attrib.month_of(day) >= since AND attrib.month_of(day) < attrib.month_of(until) GROUP BY 2, 3, 4, 5, 6, 7
	), kept AS ( -- nothing is there before it is made
		SELECT 'rollup_traffic' AS what, r.* FROM attrib.rollup_traffic r
		JOIN attrib.site_traffic_zone z ON z.site = r.site AND r.day >= z.since
		UNION ALL
		SELECT 'rollup_traffic_month', r.* FROM attrib.rollup_traffic_month r
		JOIN attrib.site_traffic_zone z ON z.site = r.site AND r.month >= z.since
	)
	SELECT what, jsonb_build_array(site, day, channel, key, type, verdicts), jsonb_build_array(k.count, k.uniques),
		jsonb_build_array(t.count, t.uniques)
	FROM kept k FULL JOIN told t USING (what, site, day, channel, key, type, verdicts)
	WHERE coalesce(k.count, 0) <> coalesce(t.count, 0) OR coalesce(k.uniques, 0) <> coalesce(t.uniques, 0)
	UNION ALL
	SELECT 'site_traffic_zone', jsonb_build_array(s.name), to_jsonb(z.time_zone), to_jsonb(s.time_zone)
	FROM attrib.site s LEFT JOIN attrib.site_traffic_zone z ON z.site = s.name
	WHERE z.time_zone IS DISTINCT FROM s.time_zone
$$;
COMMENT ON FUNCTION attrib.check_traffic() IS 'Part of check_rollups: days and months of traffic against its buckets.';

-- The first time, for what is there already.
DO $$
BEGIN
	IF EXISTS (SELECT FROM attrib.site_traffic_zone WHERE since = 'infinity') THEN
		PERFORM attrib.rebuild_traffic();
	END IF;
END $$;
