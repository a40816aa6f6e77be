-- A large shop's catalog: creators, campaigns, posts, their links and codes, what they cost, what platforms counted.
-- Words that begin with a colon are put in by year.mjs. Nothing is random: bench.dice throws the same every time.

-- step: dice
CREATE SCHEMA bench;
CREATE FUNCTION bench.dice(i bigint, throw int) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT (hashint8extended(i, throw) & 9007199254740991)::float8 / 9007199254740992
$$;
CREATE FUNCTION bench.waiting(i bigint, throw int, mean float8, most float8) RETURNS interval LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT least(-ln(1 - bench.dice(i, throw)) * mean, most) * interval '1 day'
$$;

-- step: site
INSERT INTO attrib.site (name, time_zone, currency, customer_history) VALUES ('acme', 'Europe/Berlin', 'EUR', 'complete');

-- step: creators
INSERT INTO attrib.creator (site, handle, name, platform, tier, followers)
SELECT 'acme', 'creator-' || lpad(n::text, 4, '0'), 'Creator ' || n,
	('{instagram,tiktok,youtube}'::text[])[1 + floor(bench.dice(n, 101) * 3)::int], t.tier, t.least + floor(bench.dice(n, 103) * t.least)
FROM generate_series(1, :creators) n
CROSS JOIN LATERAL (SELECT bench.dice(n, 102) AS d) d
CROSS JOIN LATERAL (SELECT CASE WHEN d < 0.40 THEN 'nano' WHEN d < 0.75 THEN 'micro' WHEN d < 0.90 THEN 'mid'
	WHEN d < 0.98 THEN 'macro' ELSE 'mega' END AS tier, CASE WHEN d < 0.40 THEN 3000 WHEN d < 0.75 THEN 20000
	WHEN d < 0.90 THEN 120000 WHEN d < 0.98 THEN 500000 ELSE 1500000 END AS least) t;

-- step: campaigns
INSERT INTO attrib.campaign (site, name, goal, starts_on, ends_on, currency, budget)
SELECT 'acme', 'campaign-' || lpad(n::text, 3, '0'), ('{awareness,consideration,conversion}'::text[])[1 + n % 3],
	s.starts_on, s.starts_on + 21 + floor(bench.dice(n, 112) * 35)::int, 'EUR', 50000
FROM generate_series(1, :campaigns) n
CROSS JOIN LATERAL (SELECT date ':year_start' + floor(bench.dice(n, 111) * 310)::int AS starts_on) s;

-- step: posts
CREATE UNLOGGED TABLE bench.post AS
SELECT n, 'post-' || lpad(n::text, 5, '0') AS name, c.name AS campaign, k.handle AS creator, k.platform,
	'post' || lpad(n::text, 5, '0') AS link, 'CODE' || lpad(n::text, 5, '0') AS code, 'code' || lpad(n::text, 5, '0') AS folded_code,
	(c.starts_on + floor(bench.dice(n, 122) * (c.ends_on - c.starts_on - 7))::int
		+ (8 + bench.dice(n, 123) * 13) * interval '1 hour') AS posted_at,
	-- a few posts sell most
	k.followers ^ 0.5 * (0.1 - ln(1 - bench.dice(n, 124))) AS weight
FROM generate_series(1, :posts) n
JOIN attrib.campaign c ON c.name = 'campaign-' || lpad((1 + n % :campaigns)::text, 3, '0')
JOIN attrib.creator k ON k.handle = 'creator-' || lpad((1 + floor(bench.dice(n, 121) * :creators)::int)::text, 4, '0');
ALTER TABLE bench.post ADD PRIMARY KEY (n);
INSERT INTO attrib.placement (site, name, campaign, creator, platform, content_type, posted_at, paid, length_seconds)
SELECT 'acme', name, campaign, creator, platform, ('{reel,story,video,post}'::text[])[1 + n % 4], posted_at,
	bench.dice(n, 125) < 0.15, CASE WHEN n % 4 IN (0, 2) THEN 30 END
FROM bench.post;

-- step: links and codes
INSERT INTO attrib.tracker (site, kind, key, creator, campaign, placement, destination)
SELECT 'acme', 'link', link, creator, campaign, name, 'https://shop.example/' FROM bench.post;
INSERT INTO attrib.tracker (site, kind, key, creator, campaign, placement)
SELECT 'acme', 'code', code, creator, campaign, name FROM bench.post;

-- step: costs
INSERT INTO attrib.cost (site, cost_id, campaign, creator, placement, kind, amount, currency, incurred_on)
SELECT 'acme', 'fee-' || n, NULL, NULL, name, 'fee', round((weight * 12)::numeric, 2), 'EUR', posted_at::date FROM bench.post
UNION ALL
SELECT 'acme', 'product-' || n, NULL, NULL, name, 'product_cogs', 49.90, 'EUR', posted_at::date FROM bench.post WHERE n % 2 = 0
UNION ALL
SELECT 'acme', 'boost-' || p.n, NULL, NULL, p.name, 'paid_media', round((p.weight * 5)::numeric, 2), 'EUR', p.posted_at::date
FROM bench.post p JOIN attrib.placement a ON a.name = p.name AND a.paid
UNION ALL
SELECT 'acme', 'agency-' || name, name, NULL, NULL, 'agency', 2500, 'EUR', starts_on FROM attrib.campaign;

-- step: the platforms' counts
INSERT INTO attrib.post_metrics (site, placement, taken_at, impressions, reach, likes, comments, shares, saves, views,
	views_6s, views_completed, watch_seconds, new_followers)
SELECT 'acme', p.name, p.posted_at + w * interval '7 days', i.seen, i.seen * 0.7, i.seen * 0.04, i.seen * 0.004, i.seen * 0.003,
	i.seen * 0.005, i.seen * 0.8, i.seen * 0.4, i.seen * 0.2, i.seen * 6, i.seen * 0.001
FROM bench.post p CROSS JOIN generate_series(1, 6) w
CROSS JOIN LATERAL (SELECT floor(p.weight * 900 * (1 - 0.5 ^ w))::bigint AS seen) i;

-- step: which posts are met how often
CREATE UNLOGGED TABLE bench.slot AS
SELECT (row_number() OVER (ORDER BY p.campaign, p.n) - 1)::int AS slot, p.n AS post
FROM bench.post p CROSS JOIN (SELECT sum(weight) AS weight FROM bench.post) s
CROSS JOIN LATERAL generate_series(1, ceil(p.weight / s.weight * 40 * :posts)::int);
ALTER TABLE bench.slot ADD PRIMARY KEY (slot);
ANALYZE bench.post, bench.slot;
