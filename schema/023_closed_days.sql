-- Days and months of traffic are made when they are over: a day that is going on is read from its buckets, and a merge adds
-- to a day only what comes late.

ALTER TABLE attrib.site_traffic_zone ADD COLUMN until date NOT NULL DEFAULT '-infinity';
ALTER TABLE attrib.site_traffic_zone ALTER COLUMN until DROP DEFAULT;
SELECT attrib.describe('site_traffic_zone', 'Whose days the rollups of a site''s traffic are, and which: from since until before until, and the whole months among them. Merges share its row; who changes it has it alone.',
	'since: first local day; -infinity = every day; set back by rebuild_traffic',
	'until: first local day that is not in the rollups: the one that is going on');
UPDATE attrib.site_traffic_zone z SET until = greatest(z.since,
	(SELECT (max(t.bucket_at) AT TIME ZONE z.time_zone)::date FROM attrib.traffic t WHERE t.site = z.site));
ALTER TABLE attrib.site_traffic_zone ADD CHECK (until >= since);
DELETE FROM attrib.rollup_traffic r USING attrib.site_traffic_zone z WHERE z.site = r.site AND r.day >= z.until;
DELETE FROM attrib.rollup_traffic_month r USING attrib.site_traffic_zone z WHERE z.site = r.site AND r.month >= date_trunc('month', z.until::timestamp)::date;
COMMENT ON TABLE attrib.rollup_traffic IS 'traffic by local day: what whole days that are over are read from while one owner has the key (traffic_pieces). From site_traffic_zone.since until before its until always equal to the buckets: attrib.check_rollups().';

DROP FUNCTION IF EXISTS attrib.traffic_pieces_of(text, text, date, date, date, boolean);

INSERT INTO attrib.schema_version (version, oldest_daemon) VALUES (23, 6);
