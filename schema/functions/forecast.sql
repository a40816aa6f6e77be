-- What one planned post is to bring, from what posts brought in their first 30 local days: those of the creator and
-- those of the creators of its tier. Nothing is fitted that a reader could not do again by hand:
--
-- Creators of a tier differ (variance b between them), and so do posts of one creator (variance w within). Both are
-- the moments of the one-way random-effects table: w = SSW / (N - k), b = max(0, (SSB / (k - 1) - w) / n0) with
-- n0 = (N - sum(n^2) / N) / (k - 1), for N posts of k creators (Searle, Casella, McCulloch: Variance Components, 1992).
-- The tier's mean weighs creators by n / (n b + w); the creator stands at its own mean by the credibility
-- Z = n b / (n b + w), else at the tier's (Buehlmann, Straub 1970). One more post varies around that by
-- V = w + b (1 - Z) + (1 - Z)^2 / sum(n / (n b + w)).
--
-- expected is this mean, of the figures as they are. low and high are the same of ln(1 + figure), which is where posts
-- spread evenly, at mean -+ t sqrt(V) with Student's t for 0.9 of min(N - k, k - 1) degrees of freedom: the next post
-- falls between them with 80 %. Bounds of counts are rounded outwards.
--
-- The tier speaks from 8 creators and N - k of 8 on; without it the creator's own posts, from 5 on: k = 1, b = 0, which
-- is the textbook's interval mean -+ t s sqrt(1 + 1/n). Below that there is no answer.

CREATE OR REPLACE FUNCTION attrib.t_for_80(p_df double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT z + (z ^ 3 + z) / (4 * p_df) + (5 * z ^ 5 + 16 * z ^ 3 + 3 * z) / (96 * p_df ^ 2)
		+ (3 * z ^ 7 + 19 * z ^ 5 + 17 * z ^ 3 - 15 * z) / (384 * p_df ^ 3)
		+ (79 * z ^ 9 + 776 * z ^ 7 + 1482 * z ^ 5 - 1920 * z ^ 3 - 945 * z) / (92160 * p_df ^ 4)
	FROM (SELECT 1.2815515655446004::double precision) n (z)
$$;
COMMENT ON FUNCTION attrib.t_for_80(double precision) IS 'Student''s t that 90 % stay below, so that 80 % lie between -t and t, by degrees of freedom (4 or more): Abramowitz and Stegun 26.7.5, off by less than 0.0001.';

-- From the buckets of each post's own links, by their keys: the days of a post are few of all.
CREATE OR REPLACE FUNCTION attrib.forecast_clicks(p_site text)
RETURNS TABLE (site text, placement text, clicks numeric)
LANGUAGE sql STABLE SET jit = off SET enable_nestloop = off AS $$
	SELECT p.site, p.name, sum(c.clicks)
	FROM attrib.placement p
	JOIN attrib.site s ON s.name = p.site
	JOIN attrib.tracker k ON k.site = p.site AND k.placement = p.name AND k.kind = 'link'
	CROSS JOIN LATERAL (SELECT sum(t.count) AS clicks FROM attrib.traffic t
		WHERE t.site = k.site AND t.channel = 1 AND t.key = k.folded AND t.type = 1 AND attrib.flag_class(t.verdicts) = 'valid'
			AND t.bucket_at >= attrib.local_start(p.posted_at::date, s.time_zone)
			AND t.bucket_at < attrib.local_start(p.posted_at::date + 30, s.time_zone)
			AND (k.valid_from IS NULL OR t.bucket_at >= k.valid_from AT TIME ZONE s.time_zone)
			AND (k.valid_to IS NULL OR t.bucket_at < k.valid_to AT TIME ZONE s.time_zone)) c
	WHERE (p_site IS NULL OR p.site = p_site) AND p.posted_at IS NOT NULL
	GROUP BY 1, 2
$$;
COMMENT ON FUNCTION attrib.forecast_clicks(text) IS 'Valid clicks of each post''s own links in its first 30 local days. NULL = all sites.';

CREATE OR REPLACE FUNCTION attrib.forecast_posts(p_site text, p_platform text, p_content_type text)
RETURNS TABLE (site text, tier text, creator text, placement text, clicks numeric, orders numeric, revenue numeric,
	cost numeric)
LANGUAGE sql STABLE AS $$
	WITH posts AS (
		SELECT p.site, c.tier, p.creator, p.name AS placement, p.posted_at::date AS first_day, p.posted_at::date + 29 AS last_day,
			s.currency, s.primary_model
		FROM attrib.placement p
		JOIN attrib.creator c ON c.site = p.site AND c.handle = p.creator
		JOIN attrib.site s ON s.name = p.site
		WHERE (p_site IS NULL OR p.site = p_site) AND p.paid IS NOT TRUE
			AND p.posted_at::date + 30 <= (now() AT TIME ZONE s.time_zone)::date
			AND (p_platform IS NULL OR coalesce(p.platform, c.platform) = p_platform)
			AND (p_content_type IS NULL OR p.content_type = p_content_type)
			-- of a post without a key of its own nobody knows what it brought
			AND EXISTS (SELECT FROM attrib.tracker t WHERE t.site = p.site AND t.placement = p.name)
	), days AS (
		SELECT p.site, p.placement, p.currency AS home, r.day, r.currency, sum(r.conversions[p.primary_model]) AS conversions,
			sum(r.gross[p.primary_model] - r.refunded[p.primary_model]) AS net
		FROM posts p
		JOIN attrib.rollup_money r ON r.site = p.site AND r.placement = p.placement AND r.kind = 1
			AND r.day BETWEEN p.first_day AND p.last_day
		GROUP BY 1, 2, 3, 4, 5
	), money AS (
		SELECT site, placement, sum(conversions) / 1000000000000 AS orders,
			attrib.major(sum(net * attrib.minor_rate_on(currency, home, day)), home) AS revenue
		FROM days GROUP BY site, placement, home
	), costs AS (
		SELECT k.site, k.placement, sum(attrib.major(k.amount, k.currency)) AS cost
		FROM attrib.cost_rows(p_site, NULL, NULL, true, NULL) k
		JOIN attrib.site s ON s.name = k.site AND s.currency = k.currency
		WHERE k.placement <> '' GROUP BY 1, 2
	)
	SELECT p.site, p.tier, p.creator, p.placement, coalesce(c.clicks, 0), coalesce(m.orders, 0), coalesce(m.revenue, 0), k.cost
	FROM posts p
	LEFT JOIN attrib.forecast_clicks(p_site) c USING (site, placement)
	LEFT JOIN money m USING (site, placement)
	LEFT JOIN costs k USING (site, placement)
$$;
COMMENT ON FUNCTION attrib.forecast_posts(text, text, text) IS 'What a forecast goes by: each post that is no paid media, has a tracker of its own and was posted 30 full local days ago or earlier, with the valid clicks, credited orders and net revenue (major units of the site''s currency, by the primary model) of its first 30 local days, and what it cost. NULL = all.';

CREATE OR REPLACE FUNCTION attrib.forecast_pools(p_site text, p_platform text, p_content_type text)
RETURNS TABLE (site text, tier text, creator text, figure text, logarithm boolean, n double precision, mean double precision,
	posts double precision, creators double precision, middle double precision, w double precision, b double precision,
	weights double precision, cost numeric)
LANGUAGE sql STABLE AS $$
	WITH groups AS (
		SELECT p.site, p.tier, p.creator, f.figure, l.logarithm, count(*)::double precision AS n, avg(v.y) AS mean,
			var_pop(v.y) * count(*) AS within, avg(p.cost) AS cost
		FROM attrib.forecast_posts(p_site, p_platform, p_content_type) p
		CROSS JOIN LATERAL (VALUES ('clicks', p.clicks), ('orders', p.orders), ('revenue', p.revenue)) f (figure, x)
		CROSS JOIN (VALUES (false), (true)) l (logarithm)
		CROSS JOIN LATERAL (SELECT CASE WHEN l.logarithm THEN ln(1 + greatest(f.x, 0)) ELSE f.x END::double precision AS y) v
		GROUP BY 1, 2, 3, 4, 5
	), members AS ( -- a pool is a tier, or a creator alone
		SELECT g.*, g.tier AS tier_of, '' AS creator_of FROM groups g WHERE g.tier IS NOT NULL
		UNION ALL SELECT g.*, '', g.creator FROM groups g
	), sums AS (
		SELECT site, tier_of, creator_of, figure, logarithm, sum(n) AS posts, count(*)::double precision AS creators, sum(within) AS within,
			sum(n * mean) / sum(n) AS grand, sum(n * mean ^ 2) - sum(n * mean) ^ 2 / sum(n) AS between_them,
			sum(n) - sum(n ^ 2) / sum(n) AS n0
		FROM members GROUP BY 1, 2, 3, 4, 5
	), variances AS (
		SELECT *, within / nullif(posts - creators, 0) AS w, CASE WHEN creators > 1 AND posts > creators
			THEN greatest(0, (between_them - (creators - 1) * within / (posts - creators)) / n0) ELSE 0 END AS b
		FROM sums
	), middles AS ( -- without any variance all posts are alike, and weigh the same
		SELECT m.site, m.tier_of, m.creator_of, m.figure, m.logarithm, sum(m.n / nullif(m.n * v.b + v.w, 0)) AS weights,
			coalesce(sum(m.n * m.mean / nullif(m.n * v.b + v.w, 0)) / sum(m.n / nullif(m.n * v.b + v.w, 0)), max(v.grand)) AS middle
		FROM members m
		JOIN variances v USING (site, tier_of, creator_of, figure, logarithm)
		GROUP BY 1, 2, 3, 4, 5
	)
	SELECT v.site, nullif(v.tier_of, ''), nullif(v.creator_of, ''), v.figure, v.logarithm, g.n, g.mean, v.posts, v.creators,
		m.middle, v.w, v.b, m.weights, g.cost
	FROM variances v
	JOIN middles m USING (site, tier_of, creator_of, figure, logarithm)
	LEFT JOIN groups g ON g.site = v.site AND g.creator = v.creator_of AND g.figure = v.figure AND g.logarithm = v.logarithm
$$;
COMMENT ON FUNCTION attrib.forecast_pools(text, text, text) IS 'The random-effects table of each tier (creator NULL) and of each creator alone (tier NULL), of figures as they are and of ln(1 + figure): posts N, creators k, the variances w and b, middle = the weighted mean, weights = the sum of n / (n b + w); of a creator also its n, its mean, and what its posts cost on average.';

CREATE OR REPLACE FUNCTION attrib.forecast_rows(p_site text, p_creator text, p_platform text, p_content_type text, p_cost numeric)
RETURNS TABLE (site text, creator text, figure text, expected numeric, low numeric, high numeric, currency text, cost numeric,
	tier text, own_posts bigint, tier_posts bigint, tier_creators bigint, reason text)
LANGUAGE sql STABLE SET jit = off SET enable_nestloop = off AS $$
	WITH pools AS (SELECT * FROM attrib.forecast_pools(p_site, p_platform, p_content_type)),
	asked AS (
		SELECT site, handle AS creator, tier, NULL AS unknown FROM attrib.creator
		WHERE (p_site IS NULL OR site = p_site) AND (p_creator IS NULL OR handle = p_creator)
		UNION ALL
		SELECT p_site, p_creator, NULL, 'unknown creator'
		WHERE p_creator IS NOT NULL AND NOT EXISTS (SELECT FROM attrib.creator WHERE site = p_site AND handle = p_creator)
	), chosen AS (
		SELECT a.site, a.creator, a.tier, a.unknown, s.currency, f.figure, l.logarithm, coalesce(o.n, 0) AS n,
			o.mean, coalesce(p_cost, o.cost) AS cost, coalesce(t.posts, 0) - CASE WHEN t.posts IS NULL THEN 0 ELSE coalesce(o.n, 0) END AS tier_posts,
			coalesce(t.creators, 0) - CASE WHEN t.posts IS NULL OR o.n IS NULL THEN 0 ELSE 1 END AS tier_creators,
			p.posts, p.creators, p.middle, p.w, p.b, coalesce(1 / p.weights, 0) AS of_middle,
			coalesce(o.n * p.b / nullif(o.n * p.b + p.w, 0), 0) AS z
		FROM asked a
		JOIN attrib.site s ON s.name = a.site
		CROSS JOIN (VALUES ('clicks'), ('orders'), ('revenue')) f (figure)
		CROSS JOIN (VALUES (false), (true)) l (logarithm)
		LEFT JOIN pools o ON o.site = a.site AND o.creator = a.creator AND o.figure = f.figure AND o.logarithm = l.logarithm
		LEFT JOIN pools t ON t.site = a.site AND t.tier = a.tier AND t.figure = f.figure AND t.logarithm = l.logarithm
			AND t.creator IS NULL
		LEFT JOIN LATERAL (
			SELECT t.posts, t.creators, t.middle, t.w, t.b, t.weights WHERE t.creators >= 8 AND t.posts - t.creators >= 8
			UNION ALL SELECT o.posts, o.creators, o.middle, o.w, o.b, o.weights
				WHERE o.n >= 5 AND (t.creators >= 8 AND t.posts - t.creators >= 8) IS NOT TRUE) p ON true
	), predicted AS (
		SELECT *, middle + CASE WHEN n > 0 THEN z * (mean - middle) ELSE 0 END AS point,
			attrib.t_for_80(CASE WHEN creators = 1 THEN posts - 1 ELSE least(posts - creators, creators - 1) END)
				* sqrt(w + b * (1 - z) + (1 - z) ^ 2 * of_middle) AS reach
		FROM chosen
	), figures AS (
		SELECT site, creator, tier, unknown, currency, figure, n, cost, tier_posts, tier_creators,
			max(CASE WHEN point < 0 THEN 0 ELSE point END) FILTER (WHERE NOT logarithm) AS expected,
			max(CASE WHEN point < reach THEN 0 ELSE exp(point - reach) - 1 END) FILTER (WHERE logarithm) AS low,
			max(exp(point + reach) - 1) FILTER (WHERE logarithm) AS high
		FROM predicted GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
	)
	SELECT f.site, f.creator, r.figure, r.expected, r.low, r.high, f.currency, round(f.cost, attrib.currency_exponent(f.currency)),
		f.tier, f.n::bigint, f.tier_posts::bigint, f.tier_creators::bigint,
		CASE WHEN f.expected IS NULL THEN coalesce(f.unknown, 'too few posts')
			WHEN r.figure = 'roi' AND r.expected IS NULL THEN 'no cost' END
	FROM figures f
	CROSS JOIN LATERAL (SELECT f.expected::numeric AS expected, f.low::numeric AS low, f.high::numeric AS high,
		attrib.currency_exponent(f.currency) AS digits) v
	CROSS JOIN LATERAL (
		SELECT f.figure, round(v.expected, 2), floor(v.low), ceil(v.high) WHERE f.figure <> 'revenue'
		UNION ALL SELECT f.figure, round(v.expected, v.digits), round(v.low, v.digits), round(v.high, v.digits) WHERE f.figure = 'revenue'
		UNION ALL SELECT 'roi', round((v.expected - f.cost) / nullif(f.cost, 0), 4), round((v.low - f.cost) / nullif(f.cost, 0), 4),
			round((v.high - f.cost) / nullif(f.cost, 0), 4) WHERE f.figure = 'revenue') r (figure, expected, low, high)
$$;
COMMENT ON FUNCTION attrib.forecast_rows(text, text, text, text, numeric) IS 'What forecast shows; NULL site = all, NULL creator = each, NULL platform and content type = whatever was posted.';
