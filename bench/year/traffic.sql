-- Clicks and landings in buckets of 15 minutes: each link is busy for two weeks after its post, less every day, and seen
-- now and then for two more. One click in twelve is a robot's and comes in bursts. Carts, checkouts and other landings
-- have no key.

-- step: clicks and visits, by days
INSERT INTO attrib.traffic (site, bucket_at, channel, key, type, verdicts, count, uniques)
WITH days AS (
	SELECT p.n, p.link, p.folded_code, d.day, p.weight / s.weight * 500000000 * :scale / 3.64 * 0.75 ^ d.day AS clicks,
		date_bin('15 minutes', p.posted_at AT TIME ZONE 'Europe/Berlin', 'epoch') + d.day * interval '1 day' AS starts_at
	FROM bench.post p
	CROSS JOIN (SELECT sum(weight) AS weight FROM bench.post) s
	CROSS JOIN generate_series(0, 27) AS d (day)
	WHERE (p.posted_at + d.day * interval '1 day')::date - date ':year_start' BETWEEN :first AND :last
), buckets AS (
	SELECT d.*, b.bucket_at, h.throw, d.clicks / 96 * (1 + 0.9 * sin((extract(hour FROM b.bucket_at AT TIME ZONE 'Europe/Berlin')::float8 - 11) / 24 * 2 * pi()))
		* (0.5 + bench.dice(h.throw, 201)) * CASE WHEN d.day < 14 THEN 1 ELSE 8 END AS clicks_here
	FROM days d
	CROSS JOIN generate_series(0, 95) AS q (quarter)
	CROSS JOIN LATERAL (SELECT d.starts_at + q.quarter * interval '15 minutes' AS bucket_at) b
	CROSS JOIN LATERAL (SELECT (d.n * 28 + d.day) * 96::bigint + q.quarter AS throw) h
	WHERE d.day < 14 OR bench.dice(h.throw, 202) < 0.125
)
SELECT 'acme', b.bucket_at, r.channel, r.key, r.type, r.verdicts, c.count, CASE WHEN r.type = 1 AND r.verdicts <> 1 THEN c.count * 0.8 ELSE 0 END
FROM buckets b
CROSS JOIN LATERAL (VALUES (1, b.link, 1, 0, 0.91, 1.0), (1, b.link, 1, 1, 0.08, 0.05), (1, b.link, 1, 256, 0.01, 0.005),
	(1, b.link, 2, 0, 0.75, 1.0), (4, b.folded_code, 4, 0, 0.02, 0.05)) r (channel, key, type, verdicts, part, often)
CROSS JOIN LATERAL (SELECT floor(b.clicks_here * r.part / r.often + bench.dice(b.throw, 210 + r.type * 8 + r.verdicts / 64 + r.verdicts % 2))::bigint AS count) c
WHERE c.count > 0 AND bench.dice(b.throw, 300 + r.type * 8 + r.verdicts / 64 + r.verdicts % 2) < r.often
ORDER BY b.bucket_at, r.channel, r.key;

-- step: traffic without a key
INSERT INTO attrib.traffic (site, bucket_at, channel, key, type, verdicts, count, uniques)
SELECT 'acme', b, 7, '', r.type, r.verdicts, ceil(500000000 * :scale / 35040 * r.part), 0
FROM generate_series(timestamptz ':year_start 00:00Z', timestamptz ':year_end 23:45Z', interval '15 minutes') b
CROSS JOIN (VALUES (2, 0, 1.2), (2, 1, 0.2), (5, 0, 0.12), (6, 0, 0.05)) r (type, verdicts, part);
