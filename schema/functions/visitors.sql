-- Distinct visitors of any period, scope and cut. They can't be had by adding up days: who came on Monday and on
-- Tuesday is one. So the engine sends a sketch with each row of valid clicks (include/attrib/batch.h): a bit string in
-- which a visitor is one of 1,024 slots x 24 ranks, rank r with probability 2^-r (Flajolet and Martin, Probabilistic
-- Counting Algorithms for Data Base Applications, 1985). The sketch of a union is the OR of the sketches, which
-- is a loop over bytes inside PostgreSQL; registers that hold the highest rank only (HyperLogLog) would be half as large,
-- but no function there takes their maximum. How many visitors set so many bits is answered by inverting the
-- expectation (Lang, Back to the Future: an Even More Nearly Optimal Cardinality Estimation Algorithm, 2017), one formula
-- from one visitor to billions. Standard error: ln 2 / sqrt(1024) = 2.2 %; up to 1,000 visitors 1.4 %; up to 55 the
-- answer is the number of bits, wrong only when two of the visitors share one.
--
-- A sketch is stored up to the last rank that has a bit, so equal sets of visitors are equal bytes.

CREATE OR REPLACE FUNCTION attrib.mark_or(a bit varying, b bit varying)
RETURNS bit varying LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
	IF length(a) < length(b) THEN
		RETURN b | "bit"(a, length(b), true);
	END IF;
	RETURN a | "bit"(b, length(a), true);
END $$;
COMMENT ON FUNCTION attrib.mark_or(bit varying, bit varying) IS 'The sketch of the visitors of two sketches.';

CREATE OR REPLACE AGGREGATE attrib.mark_union(bit varying) (SFUNC = attrib.mark_or, STYPE = bit varying, COMBINEFUNC = attrib.mark_or,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE attrib.mark_union(bit varying) IS 'The sketch of the visitors of all sketches.';

CREATE OR REPLACE FUNCTION attrib.mark_count(p_bits bigint)
RETURNS bigint LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
	seen double precision := p_bits / 1024.0; -- bits of a slot
	n    double precision := greatest(seen, 0.75 * power(2, seen) - 0.5); -- visitors of a slot
	hits double precision; -- of a rank
	none double precision;
	diff double precision;
	rise double precision;
BEGIN
	IF p_bits = 0 THEN
		RETURN 0;
	END IF;
	-- Newton's steps to the n of which seen = sum over ranks r of 1 - exp(-n / 2^r) is expected. That the last rank stands for
	-- all that would follow it matters from a billion visitors on.
	FOR step IN 1..30 LOOP
		hits := n / 2;
		diff := -seen;
		rise := 0;
		WHILE hits > 0.015 LOOP
			none := exp(-least(hits, 700)); -- less is an error, not 0
			diff := diff + 1 - none;
			rise := rise + hits * none;
			hits := hits / 2;
		END LOOP;
		-- all further ranks together, by their first two powers
		diff := diff + 2 * hits - hits * hits * 2 / 3;
		rise := rise + 2 * hits - hits * hits * 4 / 3;
		diff := diff * n / rise;
		n := n - diff;
		EXIT WHEN abs(diff) < 1e-7 * n;
	END LOOP;
	RETURN round(n * 1024);
END $$;
COMMENT ON FUNCTION attrib.mark_count(bigint) IS 'How many visitors are expected to set so many bits of a sketch: bit_count of it.';

CREATE OR REPLACE FUNCTION attrib.merge_v1_visitors()
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF to_regclass('pg_temp.stage_visitor') IS NULL THEN
		RETURN; -- a session from before this table
	END IF;
	WITH told AS MATERIALIZED (
		SELECT site, channel, key, day, attrib.mark_union(marks) AS marks
		FROM (SELECT s.site, s.channel, s.key, (s.bucket_at AT TIME ZONE z.time_zone)::date AS day, s.marks
			FROM stage_visitor s
			CROSS JOIN LATERAL (SELECT time_zone FROM attrib.site WHERE name = s.site OFFSET 0) z) s
		GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
	), days AS (
		INSERT INTO attrib.visitor_day AS v (site, channel, key, day, marks) SELECT * FROM told
		ON CONFLICT (site, channel, key, day) DO UPDATE SET marks = attrib.mark_or(v.marks, excluded.marks)
		WHERE attrib.mark_or(v.marks, excluded.marks) <> v.marks
	)
	INSERT INTO attrib.visitor_month AS v (site, channel, key, month, marks)
	SELECT site, channel, key, date_trunc('month', day)::date AS month, attrib.mark_union(marks)
	FROM told GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
	ON CONFLICT (site, channel, key, month) DO UPDATE SET marks = attrib.mark_or(v.marks, excluded.marks)
	WHERE attrib.mark_or(v.marks, excluded.marks) <> v.marks;
END $$;
COMMENT ON FUNCTION attrib.merge_v1_visitors() IS 'Step of merge_v1: the sketches of visitors by local day and month. A row that learns of nobody new is not written again.';

CREATE OR REPLACE FUNCTION attrib.visitor_owners(p_site text, p_from date, p_to date)
RETURNS TABLE (site text, channel smallint, key text, from_day date, end_day date, campaign text, creator text, placement text)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH seen AS MATERIALIZED (
		SELECT v.site, v.channel, v.key, s.time_zone, greatest(min(v.month), p_from) AS from_day,
			least(max(v.month) + interval '1 month', p_to + 1)::date AS end_day
		FROM attrib.visitor_month v
		JOIN attrib.site s ON s.name = v.site
		WHERE (p_site IS NULL OR v.site = p_site) AND (p_from IS NULL OR v.month >= date_trunc('month', p_from)::date)
			AND (p_to IS NULL OR v.month <= p_to)
		GROUP BY 1, 2, 3, 4
	), bounded AS MATERIALIZED (
		SELECT t.site, t.kind, t.folded, string_to_array(t.folded, '/') AS part, b.at::date AS day
		FROM attrib.tracker t CROSS JOIN LATERAL (VALUES (t.valid_from), (t.valid_to)) b (at)
		WHERE b.at IS NOT NULL
	), changes AS (
		SELECT n.site, n.channel, n.key, b.day FROM seen n
		JOIN bounded b ON b.site = n.site AND b.folded = n.key AND b.kind = CASE n.channel WHEN 1 THEN 'link' WHEN 2 THEN 'affiliate' END
		UNION
		SELECT n.site, n.channel, n.key, b.day
		FROM (SELECT site, channel, key, string_to_array(key, '/') AS part FROM seen WHERE channel = 3) n
		JOIN bounded b ON b.site = n.site AND b.kind = 'utm' AND b.part[1] IN ('*', n.part[1])
			AND b.part[2] IN ('*', n.part[2]) AND b.part[3] IN ('*', n.part[3])
			AND b.part[4] IN ('*', n.part[4]) AND b.part[5] IN ('*', n.part[5])
	), turns AS ( -- days at whose beginning another may be the owner than the day before
		SELECT site, channel, key, time_zone, from_day AS day, end_day FROM seen
		UNION
		SELECT n.site, n.channel, n.key, n.time_zone, c.day + d, n.end_day
		FROM seen n JOIN changes c USING (site, channel, key) CROSS JOIN generate_series(0, 1) d
		WHERE c.day + d > n.from_day AND c.day + d < n.end_day
	), spans AS (
		SELECT t.*, lead(t.day, 1, t.end_day) OVER (PARTITION BY t.site, t.channel, t.key ORDER BY t.day) AS next_day FROM turns t
	)
	(SELECT DISTINCT ON (n.site, n.channel, n.key, n.day) -- tracker_at of both ends of the day, without a call for each key
		n.site, n.channel, n.key, n.day, n.next_day, t.campaign, t.creator, t.placement
	FROM spans n
	LEFT JOIN (SELECT t.*, c.channel FROM attrib.tracker t
		JOIN (VALUES ('link', 1), ('affiliate', 2)) c (kind, channel) ON c.kind = t.kind) t
		ON t.site = n.site AND t.channel = n.channel AND t.folded = n.key
			AND ((t.valid_from <= n.day) IS NOT FALSE AND (t.valid_to > n.day) IS NOT FALSE
				OR (t.valid_from < n.day + 1) IS NOT FALSE AND (t.valid_to >= n.day + 1) IS NOT FALSE)
	WHERE n.channel <> 3
	ORDER BY 1, 2, 3, 4, (t.valid_from <= n.day) IS NOT FALSE DESC)
	UNION ALL
	SELECT n.site, n.channel, n.key, n.day, n.next_day, o.campaign, o.creator, o.placement
	FROM spans n
	LEFT JOIN LATERAL (
		SELECT k.* FROM (VALUES (1, attrib.local_start(n.day, n.time_zone)),
			(2, attrib.local_start(n.day + 1, n.time_zone) - interval '1 microsecond')) i (nth, at)
		CROSS JOIN LATERAL attrib.tracker_at(n.site, n.channel, n.key, i.at, n.time_zone) k
		ORDER BY i.nth LIMIT 1) o ON true
	WHERE n.channel = 3;
END $$;
COMMENT ON FUNCTION attrib.visitor_owners(text, date, date) IS 'Who owned each key that brought visitors, from from_day until before end_day, by the catalog as it stands now: of a day on which it changes hands, who had it at the day''s beginning, else at its end.';

CREATE OR REPLACE FUNCTION attrib.visitor_cells(p_site text, p_from date, p_to date, p_by text[])
RETURNS TABLE (site text, cut text[], visitors numeric)
-- from the keys to their sketches, whatever the caller has told the planner
LANGUAGE plpgsql STABLE SET enable_nestloop = on AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT o.site, o.cut, attrib.mark_count(bit_count(bit_or(v.marks::bit(24576))))::numeric
	FROM (SELECT o.site, o.channel, o.key, o.from_day, o.end_day,
			attrib.cut_of(p_by, o.site, o.campaign, o.creator, o.placement, attrib.channel_name(o.channel)) AS cut,
			-- the whole months inside
			date_trunc('month', o.from_day + interval '1 month' - interval '1 day')::date AS first_month,
			date_trunc('month', o.end_day)::date AS end_month
		FROM attrib.visitor_owners(p_site, p_from, p_to) o) o
	CROSS JOIN LATERAL (
		SELECT m.marks FROM attrib.visitor_month m
		WHERE (m.site, m.channel, m.key) = (o.site, o.channel, o.key) AND m.month >= o.first_month AND m.month < o.end_month
		UNION ALL
		SELECT d.marks FROM attrib.visitor_day d
		WHERE (d.site, d.channel, d.key) = (o.site, o.channel, o.key) AND d.day >= o.from_day AND d.day < least(o.first_month, o.end_day)
		UNION ALL
		SELECT d.marks FROM attrib.visitor_day d
		WHERE (d.site, d.channel, d.key) = (o.site, o.channel, o.key) AND d.day >= greatest(o.first_month, o.end_month) AND d.day < o.end_day
		OFFSET 0) v
	GROUP BY 1, 2;
END $$;
COMMENT ON FUNCTION attrib.visitor_cells(text, date, date, text[]) IS 'Distinct visitors with a valid click on a link, or a valid landing with an affiliate id or utm, of the scope: estimated, standard error 2.2 % (1.4 % up to 1,000). Scopes do not add up: who came by two creators counts once for each, and once for both together.';

CREATE OR REPLACE FUNCTION attrib.visitors_between(site text, from_date date, to_date date, by text[] DEFAULT '{}')
RETURNS TABLE (site_name text, cut text[], visitors numeric) LANGUAGE sql STABLE AS $$
	SELECT * FROM attrib.visitor_cells($1, $2, $3, attrib.check_cut($4))
$$;
COMMENT ON FUNCTION attrib.visitors_between(text, date, date, text[]) IS 'The column visitors of kpi_between alone: distinct visitors of any cut for the local days from_date..to_date, both included; NULL = all.';

CREATE OR REPLACE FUNCTION attrib.check_visitors()
RETURNS TABLE (what text, key jsonb) LANGUAGE sql STABLE AS $$
	SELECT 'visitor_month', jsonb_build_array(site, channel, key, month)
	FROM attrib.visitor_month m
	FULL JOIN (SELECT site, channel, key, date_trunc('month', day)::date AS month, attrib.mark_union(marks) AS marks
		FROM attrib.visitor_day GROUP BY 1, 2, 3, 4) d USING (site, channel, key, month)
	WHERE m.marks IS DISTINCT FROM d.marks
$$;
COMMENT ON FUNCTION attrib.check_visitors() IS 'Months whose sketch is not the union of their days'' sketches. No rows = true.';
