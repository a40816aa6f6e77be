-- What sketches of visitors cost: the merge of a batch of clicks with and without them, and questions about a period.
--
--   psql -X -f bench/visitors.sql DATABASE     a migrated database of its own, as its superuser
--
-- Figures are milliseconds of the backend's processor time (and of the clock, of questions).

\set QUIET on
\pset pager off
SET client_min_messages = warning;
SET jit = off;
SELECT attrib.stage_v1(), attrib.put_site_v1('acme', 'Europe/Berlin', 'EUR', 'complete', 1, 'none', '{}') \g /dev/null
CREATE FUNCTION cpu_ms() RETURNS numeric LANGUAGE sql AS $$ SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::numeric / 1e6 $$;
CREATE TABLE merged (keys int, n int, clicks int, sketches boolean, ms numeric);

-- Clicks of one batch, by visitors of whom there are a million; sketches only in every second batch.
CREATE PROCEDURE merge_batch(p_keys int, p_clicks int, p_n int) LANGUAGE plpgsql AS $$
DECLARE
	at    timestamptz := timestamptz '2026-11-02 08:00Z' + (p_n / 10) * interval '15 minutes';
	began numeric;
BEGIN
	CREATE TEMP TABLE IF NOT EXISTS click (key text, bit int) ON COMMIT DELETE ROWS;
	INSERT INTO click
	SELECT 'key-' || (random() * (p_keys - 1))::int, (h & 1023)::int + 1024 * least(23, floor(-log(2.0, 1 - (h >> 10) / 4194304.0)))::int
	FROM (SELECT ('x' || substr(md5((random() * 1e6)::int::text), 1, 8))::bit(32)::bigint AS h FROM generate_series(1, p_clicks)) v;
	INSERT INTO stage_traffic SELECT 'acme', at, 1, key, 1, 0, count(*), 0 FROM click GROUP BY key
	UNION ALL SELECT 'acme', timestamptz '2026-11-01 23:00Z', 1, key, 1, 0, 0, count(*) FROM click GROUP BY key;
	IF p_n % 2 = 0 THEN
		INSERT INTO stage_visitor
		SELECT 'acme', at, 1, key, "bit"(bit_or(B'1'::bit(24576) >> bit), (max(bit) / 1024 + 1) * 1024, true) FROM click GROUP BY key;
	END IF;
	began := cpu_ms();
	PERFORM attrib.merge_v1_rows();
	INSERT INTO merged VALUES (p_keys, p_n, p_clicks, p_n % 2 = 0, cpu_ms() - began);
	COMMIT;
END $$;
SELECT format('CALL merge_batch(%s, 10000, %s)', keys, n) FROM (VALUES (1, 20, 40), (2, 1000, 60), (3, 20000, 12)) v (nth, keys, batches)
CROSS JOIN generate_series(1, batches) n ORDER BY nth, n \gexec
SELECT keys, sketches, round(1000 * sum(ms) / sum(clicks), 2) AS us_a_click
FROM (SELECT *, max(n) OVER (PARTITION BY keys) AS last FROM merged) m WHERE n > last / 2 GROUP BY 1, 2 ORDER BY 1, 2;

-- Half a year of 1,000 creators with a link each, about 1,300 visitors a day and link.
TRUNCATE attrib.visitor_day, attrib.visitor_month;
INSERT INTO attrib.creator (site, handle) SELECT 'acme', 'c' || i FROM generate_series(1, 1000) i;
INSERT INTO attrib.tracker (site, kind, key, creator, destination)
SELECT 'acme', 'link', 'l' || i, 'c' || i, 'https://shop.example/' FROM generate_series(1, 1000) i;
CREATE TABLE sketch AS
SELECT i, "bit"(bit_or(B'1'::bit(24576) >> (floor(random() * 1024)::int + 1024 * least(11, floor(-log(2.0, (1 - random())::numeric)))::int)),
	12288, true)::bit varying AS marks FROM generate_series(1, 200) i, generate_series(1, 1300) g GROUP BY i;
INSERT INTO attrib.visitor_day
SELECT 'acme', 1, 'l' || k, d::date, marks FROM generate_series(timestamp '2026-01-01', '2026-06-30', '1 day') d
CROSS JOIN generate_series(1, 1000) k JOIN sketch ON i = 1 + (k * 7 + extract(day FROM d)::int) % 200;
INSERT INTO attrib.visitor_month
SELECT 'acme', 1, 'l' || k, d::date, marks FROM generate_series(timestamp '2026-01-01', '2026-06-30', '1 month') d
CROSS JOIN generate_series(1, 1000) k JOIN sketch ON i = 1 + (k * 7 + extract(month FROM d)::int) % 200;
VACUUM ANALYZE;
CREATE TABLE asked (nth int, what text, ms numeric, clock_ms numeric);
CREATE PROCEDURE ask(p_nth int, p_what text, p_from date, p_to date, p_by text[]) LANGUAGE plpgsql AS $$
DECLARE
	cpu   numeric := cpu_ms();
	began timestamptz := clock_timestamp();
BEGIN
	PERFORM count(*) FROM attrib.visitors_between('acme', p_from, p_to, p_by);
	INSERT INTO asked VALUES (p_nth, p_what, cpu_ms() - cpu, 1000 * extract(epoch FROM clock_timestamp() - began));
END $$;
SELECT format('CALL ask(%s, %L, %L, %L, %L)', nth, what, first_day, last_day, dimensions) FROM (VALUES (1, 'a day by creator', '2026-02-03', '2026-02-03', '{creator}'),
	(2, 'a month by creator', '2026-02-01', '2026-02-28', '{creator}'), (3, 'a quarter by creator', '2026-01-01', '2026-03-31', '{creator}'),
	(4, 'a quarter of the site', '2026-01-01', '2026-03-31', '{}'), (5, 'half a year by creator', NULL, NULL, '{creator}'),
	(6, '15 January to 14 April by creator', '2026-01-15', '2026-04-14', '{creator}'))
	v (nth, what, first_day, last_day, dimensions) CROSS JOIN generate_series(1, 5) \gexec
SELECT what, round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ms)::numeric) AS cpu_ms,
	round(percentile_cont(0.5) WITHIN GROUP (ORDER BY clock_ms)::numeric) AS clock_ms FROM asked GROUP BY nth, what ORDER BY nth;
SELECT pg_size_pretty(pg_total_relation_size('attrib.visitor_day')) AS days, pg_size_pretty(pg_total_relation_size('attrib.visitor_month')) AS months;
