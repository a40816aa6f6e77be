-- Orders with their paths, credits and customers, as a merge would leave them. Of 100 orders 65 have met a creator, 30
-- carry a code, 4 are refunded in part or whole, 10 name no customer. Shares and amounts sum exactly, odd units
-- go to the later touch: it is the engine that knows the largest remainder, for sums it makes no difference.

-- step: draws, by orders
CREATE UNLOGGED TABLE IF NOT EXISTS bench.draw (i bigint, slot int, touched_at timestamptz, placed_at timestamptz);
INSERT INTO bench.draw
SELECT i, CASE WHEN m.met THEN s.slot END, CASE WHEN m.met THEN t.touched_at END,
	CASE WHEN m.met THEN t.touched_at + bench.waiting(i, 4, 0.8, 25)
		ELSE timestamp ':year_start' AT TIME ZONE 'Europe/Berlin' + bench.dice(i, 5) * interval '365 days' END
FROM generate_series(:first::bigint, :last::bigint) i
CROSS JOIN (SELECT count(*) AS slots FROM bench.slot) n
CROSS JOIN LATERAL (SELECT bench.dice(i, 1) < 0.65 AS met) m
JOIN bench.slot s ON s.slot = floor(bench.dice(i, 2) * n.slots)::int
JOIN bench.post p ON p.n = s.post
CROSS JOIN LATERAL (SELECT p.posted_at AT TIME ZONE 'Europe/Berlin' + bench.waiting(i, 3, 6, 45) AS touched_at) t;

-- step: orders in the order of their times
CREATE UNLOGGED TABLE bench.orders AS
SELECT n, '10' || lpad(n::text, 9, '0') AS order_id, i, slot, touched_at, placed_at, (placed_at AT TIME ZONE 'Europe/Berlin')::date AS day,
	gross, CASE WHEN bench.dice(i, 7) >= 0.04 THEN 0 WHEN bench.dice(i, 8) < 0.5 THEN gross
		ELSE 1 + floor(gross * (0.1 + 0.8 * bench.dice(i, 9)))::bigint END AS refunded,
	CASE WHEN bench.dice(i, 10) < 0.9 THEN 1 + floor(bench.dice(i, 11) * :orders * 0.55)::bigint END AS customer,
	slot IS NOT NULL AND bench.dice(i, 12) < 0.46 AS coded,
	CASE WHEN slot IS NULL THEN 0 WHEN bench.dice(i, 12) < 0.18 THEN 0 -- by the code alone
		ELSE 1 + (bench.dice(i, 13) < 0.35)::int + (bench.dice(i, 13) < 0.13)::int + (bench.dice(i, 13) < 0.05)::int END AS clicks
FROM (SELECT row_number() OVER (ORDER BY placed_at, i) AS n, d.*, 1500 + least(floor(-ln(1 - bench.dice(i, 6)) * 4500), 400000)::bigint AS gross
	FROM bench.draw d) d;
DROP TABLE bench.draw;
ALTER TABLE bench.orders ADD PRIMARY KEY (n);
ANALYZE bench.orders;

-- step: touches, by orders
CREATE UNLOGGED TABLE IF NOT EXISTS bench.touch (n bigint, step smallint, credit smallint, credits smallint, channel smallint,
	post int, at timestamptz);
INSERT INTO bench.touch
SELECT o.n, j, CASE WHEN j > o.clicks AND o.clicks > 0 THEN o.clicks ELSE j END, greatest(o.clicks, 1),
	CASE WHEN j > o.clicks THEN 4 ELSE 1 END, s.post,
	CASE WHEN j > o.clicks THEN o.placed_at ELSE o.touched_at - (o.clicks - j) * bench.waiting(o.i, 14, 2, 8) END
FROM bench.orders o
CROSS JOIN (SELECT count(*)::int AS slots FROM bench.slot) z
CROSS JOIN LATERAL generate_series(1, o.clicks + o.coded::int) AS g (j)
-- the last click and the code are one creator's; clicks before it are of neighbours, often of the same campaign
JOIN bench.slot s ON s.slot = CASE WHEN j >= o.clicks THEN o.slot
	ELSE (o.slot + floor(bench.dice(o.i, 20 + j) * 400)::int) % z.slots END
WHERE o.n BETWEEN :first AND :last
ORDER BY o.n, g.j;

-- step: index of the touches
CREATE INDEX ON bench.touch (n);
ANALYZE bench.touch;

-- step: conversions, by orders
INSERT INTO attrib.conversion (site, kind, order_id, ticket, base_status, counted, signed, currency, gross, total, refunded,
	refund_total, placed_at, counted_at, first_received_at, day, order_kind, order_source, source, rule, policy_version,
	catalog_version, credited, creator_claims, channel_claims)
SELECT 'acme', 1, o.order_id, o.n, 3, true, true, 'EUR', o.gross, o.gross, o.refunded, o.refunded, o.placed_at, o.placed_at, o.placed_at,
	o.day, 'one_off', 'web', 'native', CASE WHEN o.slot IS NULL THEN 'none' ELSE 'last_touch' END, 1, 1, o.slot IS NOT NULL,
	coalesce(t.creators, 0), coalesce(t.channels, 0)
FROM bench.orders o
LEFT JOIN (SELECT t.n, count(DISTINCT p.creator) AS creators, count(DISTINCT t.channel) AS channels
	FROM bench.touch t JOIN bench.post p ON p.n = t.post WHERE t.n BETWEEN :first AND :last GROUP BY t.n) t ON t.n = o.n
WHERE o.n BETWEEN :first AND :last
ORDER BY o.n;

-- step: paths, by orders
INSERT INTO attrib.path_row (site, kind, order_id, step, channel, key, folded, creator, campaign, placement, tracker, occurred_at,
	window_ends_at, eligible, by_click_id, viewed, reason, credit, event_id)
SELECT 'acme', 1, o.order_id, t.step, t.channel, k.key, k.folded, p.creator, p.campaign, p.name, k.key, t.at, t.at + interval '30 days',
	true, t.channel = 1, false, 'in_window', t.credit, 'event-' || o.n || '-' || t.step
FROM bench.touch t
JOIN bench.orders o ON o.n = t.n
JOIN bench.post p ON p.n = t.post
CROSS JOIN LATERAL (SELECT CASE t.channel WHEN 1 THEN p.link ELSE p.code END AS key,
	CASE t.channel WHEN 1 THEN p.link ELSE p.folded_code END AS folded) k
WHERE t.n BETWEEN :first AND :last
ORDER BY t.n, t.step;

-- step: credits, by orders
INSERT INTO attrib.credit (site, kind, order_id, n, channel, creator, campaign, placement, tracker, touched_at, share, amount, refunded)
WITH touches AS (
	SELECT o.n, o.order_id, o.gross, o.refunded, coalesce(t.credit, 1)::smallint AS j, coalesce(t.credits, 1) AS m,
		coalesce(t.channel, 8)::smallint AS channel, coalesce(p.creator, '') AS creator, coalesce(p.campaign, '') AS campaign,
		coalesce(p.name, '') AS placement, CASE t.channel WHEN 1 THEN p.link WHEN 4 THEN p.code ELSE '' END AS tracker,
		coalesce(t.at, o.placed_at) AS at, 0.5 ^ (extract(epoch FROM o.placed_at - coalesce(t.at, o.placed_at))::float8 / 604800) AS decay
	FROM bench.orders o
	LEFT JOIN bench.touch t ON t.n = o.n AND t.step <= greatest(o.clicks, 1)
	LEFT JOIN bench.post p ON p.n = t.post
	WHERE o.n BETWEEN :first AND :last
), ends AS ( -- how much of the order is given away up to this touch and before it, by model
	SELECT t.*, CASE WHEN j = m THEN array_fill(1000000000000, ARRAY[6]) ELSE ARRAY[0, 0, 1000000000000, 1000000000000 * j / m,
			CASE WHEN m = 2 THEN 500000000000 ELSE 400000000000 + 200000000000 * (j - 1) / greatest(m - 2, 1) END,
			floor(1e12::float8 * sum(decay) OVER upto / sum(decay) OVER (PARTITION BY n))::bigint] END AS upto
	FROM touches t WINDOW upto AS (PARTITION BY n ORDER BY j)
), shares AS (
	SELECT e.*, coalesce(lag(upto) OVER (PARTITION BY n ORDER BY j), '{0,0,0,0,0,0}'::bigint[]) AS before FROM ends e
)
SELECT 'acme', 1, order_id, j, channel, creator, campaign, placement, tracker, at, a.share, a.amount, a.refunded
FROM shares s
CROSS JOIN LATERAL (SELECT array_agg(s.upto[x] - s.before[x] ORDER BY x) AS share,
	array_agg(s.gross * s.upto[x] / 1000000000000 - s.gross * s.before[x] / 1000000000000 ORDER BY x) AS amount,
	array_agg(s.refunded * (s.gross * s.upto[x] / 1000000000000) / s.gross
		- s.refunded * (s.gross * s.before[x] / 1000000000000) / s.gross ORDER BY x) AS refunded
	FROM generate_series(1, 6) x) a
ORDER BY n, j;

-- step: refunds
INSERT INTO attrib.refund_fact (site, order_id, source, refund_id, event_id, resolved, currency, amount, tax, shipping, has_parts,
	cumulative, voided, occurred_at, received_at)
SELECT 'acme', order_id, 'native', 'r-' || n, 'refund-' || n, order_id, 'EUR', refunded, 0, 0, false, false, false, t.at, t.at
FROM bench.orders CROSS JOIN LATERAL (SELECT placed_at + bench.waiting(i, 15, 9, 60) AS at) t
WHERE refunded > 0 ORDER BY n;

-- step: customers
INSERT INTO attrib.customer (id, site) OVERRIDING SYSTEM VALUE
SELECT DISTINCT customer, 'acme' FROM bench.orders WHERE customer IS NOT NULL ORDER BY 1;
INSERT INTO attrib.customer_key (site, kind, key, customer)
SELECT 'acme', 1, k.key, id FROM attrib.customer CROSS JOIN LATERAL (SELECT decode(md5(id::text), 'hex') AS key) k ORDER BY k.key;

-- step: new and returning
INSERT INTO attrib.customer_order (site, order_id, customer, placed_at, valid, kind)
SELECT 'acme', order_id, customer, placed_at, valid, CASE WHEN NOT valid THEN 0 WHEN before > 0 THEN 2 ELSE 1 END
FROM (SELECT o.n, o.order_id, o.customer, o.placed_at, v.valid,
		coalesce(sum(v.valid::int) OVER (PARTITION BY o.customer ORDER BY o.placed_at, o.n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
	FROM bench.orders o CROSS JOIN LATERAL (SELECT o.refunded < o.gross AS valid) v WHERE o.customer IS NOT NULL) o
ORDER BY n;
