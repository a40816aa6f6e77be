-- Traffic by local day and by month beside its buckets (functions/merge_traffic.sql), which fill it from what is there.

CREATE TABLE attrib.rollup_traffic (
	site     text COLLATE "C" NOT NULL,
	day      date NOT NULL,
	channel  smallint NOT NULL,
	key      text COLLATE "C" NOT NULL,
	type     smallint NOT NULL,
	verdicts int NOT NULL,
	count    bigint NOT NULL,
	uniques  bigint NOT NULL,
	PRIMARY KEY (site, day, channel, key, type, verdicts)
) WITH (fillfactor = 80);
CREATE INDEX rollup_traffic_key ON attrib.rollup_traffic (site, channel, key, day);
SELECT attrib.describe('rollup_traffic', 'traffic by local day: what whole days are read from while one owner has the key (traffic_pieces). From site_traffic_zone.since on always equal to the buckets: attrib.check_rollups().',
	'site: shop', 'day: local day of the bucket, by site_traffic_zone', 'channel: ordinal',
	'key: folded; empty = direct; (other) = beyond the daily cap of keys', 'type: as in traffic', 'verdicts: as in traffic',
	'count: events', 'uniques: as in traffic');

CREATE TABLE attrib.rollup_traffic_month (LIKE attrib.rollup_traffic INCLUDING COMMENTS) WITH (fillfactor = 80);
ALTER TABLE attrib.rollup_traffic_month RENAME COLUMN day TO month;
ALTER TABLE attrib.rollup_traffic_month ADD PRIMARY KEY (site, month, channel, key, type, verdicts),
	ADD CHECK (extract(day FROM month) = 1);
SELECT attrib.describe('rollup_traffic_month', 'rollup_traffic by month.', 'month: its first day, local');

CREATE TABLE attrib.site_traffic_zone (
	site      text COLLATE "C" PRIMARY KEY,
	time_zone text NOT NULL,
	since     date NOT NULL
);
SELECT attrib.describe('site_traffic_zone', 'Whose days the rollups of a site''s traffic are. Merges share its row, who changes the zone has it alone.',
	'site: shop', 'time_zone: that of the site, kept by a trigger',
	'since: first local day that is all in the rollups, and first month if it begins with it; -infinity = every day; set back by rebuild_traffic');
INSERT INTO attrib.site_traffic_zone SELECT name, time_zone, 'infinity' FROM attrib.site;

-- Where a key changes hands, its buckets of that day are read.
DROP INDEX attrib.traffic_key;
CREATE INDEX traffic_key ON attrib.traffic (site, channel, key, bucket_at);

INSERT INTO attrib.schema_version (version, oldest_daemon) VALUES (21, 6);
