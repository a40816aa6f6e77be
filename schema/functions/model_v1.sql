-- Data-driven attribution: the paths go out as lists of numbers, what the program made of them comes back.
-- One transaction: scopes are numbered in a temporary table that both ways use.

CREATE OR REPLACE FUNCTION attrib.model_scope_of(level text, creator text, campaign text, channel int)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE level WHEN 'creator' THEN creator WHEN 'campaign' THEN campaign ELSE attrib.channel_name(channel) END
$$;
COMMENT ON FUNCTION attrib.model_scope_of(text, text, text, int) IS 'Who shares by a credit at a level: creator, campaign or channel. Empty = nobody, or outside of campaigns.';

CREATE OR REPLACE FUNCTION attrib.model_touches(p_site text, p_level text, p_from date, p_to date)
RETURNS TABLE (order_id text, currency text, gross bigint, refunded bigint, n smallint, scope text) LANGUAGE sql STABLE AS $$
	SELECT c.order_id, c.currency, c.gross, c.refunded, k.n, attrib.model_scope_of(p_level, k.creator, k.campaign, k.channel)
	FROM attrib.conversion c
	-- the touches of the collapsed path: linear gives each of them a part, nobody's row is no touch
	LEFT JOIN attrib.credit k ON (k.site, k.kind, k.order_id) = (c.site, c.kind, c.order_id)
		AND k.share[4] > 0 AND k.channel <> 8
	WHERE c.site = p_site AND c.kind = 1 AND c.counted AND c.merged_into = '' AND c.day BETWEEN p_from AND p_to
$$;
COMMENT ON FUNCTION attrib.model_touches(text, text, date, date) IS 'Counted orders of the local days p_from..p_to with the touches of their collapsed paths; n NULL = an order without a touch.';

CREATE OR REPLACE FUNCTION attrib.stage_model_v1(p_site text, p_level text, p_from date, p_to date)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	scopes bigint;
BEGIN
	CREATE TEMP TABLE model_scope (id int NOT NULL, scope text COLLATE "C" PRIMARY KEY) ON COMMIT DROP;
	INSERT INTO model_scope
	SELECT row_number() OVER (ORDER BY t.scope) - 1, t.scope FROM (
		SELECT DISTINCT scope COLLATE "C" AS scope FROM attrib.model_touches(p_site, p_level, p_from, p_to)
		WHERE n IS NOT NULL) t;
	GET DIAGNOSTICS scopes = ROW_COUNT;
	CREATE TEMP TABLE model_part (currency text NOT NULL, id int, paths bigint NOT NULL, effect double precision,
		conversions bigint NOT NULL, gross bigint NOT NULL, refunded bigint NOT NULL) ON COMMIT DROP;
	RETURN scopes;
END $$;
COMMENT ON FUNCTION attrib.stage_model_v1(text, text, date, date) IS 'Numbers the scopes of a period from 0, in the order of their bytes, until the end of the transaction; returns how many. model_part waits for the parts: id NULL = orders without a touch, paths = orders of its currency, conversions in 10^-9.';

CREATE OR REPLACE FUNCTION attrib.model_paths_v1(p_site text, p_level text, p_from date, p_to date)
RETURNS TABLE (currency text, gross bigint, refunded bigint, path int[]) LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY SELECT t.currency, t.gross, t.refunded, array_agg(s.id ORDER BY t.n) FILTER (WHERE t.n IS NOT NULL)
	FROM attrib.model_touches(p_site, p_level, p_from, p_to) t
	LEFT JOIN model_scope s ON s.scope = t.scope
	GROUP BY t.order_id, t.currency, t.gross, t.refunded ORDER BY t.order_id;
END $$;
COMMENT ON FUNCTION attrib.model_paths_v1(text, text, date, date) IS 'The collapsed paths of counted orders by the numbers of stage_model_v1; path NULL = an order without a touch. Minor units.';

CREATE OR REPLACE FUNCTION attrib.put_model_v1(p_site text, p_model text, p_order int, p_level text, p_from date, p_to date)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	run bigint;
BEGIN
	INSERT INTO attrib.model_run (site, model, order_n, level, from_date, to_date, orders, paths)
	SELECT p_site, p_model, p_order, p_level, p_from, p_to, coalesce(sum(c.conversions), 0) / 1000000000,
		coalesce(sum(c.conversions) FILTER (WHERE c.id IS NOT NULL), 0) / 1000000000
	FROM model_part c
	RETURNING run_id INTO run;
	INSERT INTO attrib.model_credit (run_id, currency, touched, scope, share, removal_effect, conversions, gross, refunded)
	SELECT run, p.currency, p.id IS NOT NULL,
		CASE WHEN p.id IS NULL THEN attrib.model_scope_of(p_level, '', '', 8) ELSE s.scope END,
		CASE WHEN p.id IS NOT NULL THEN p.conversions::numeric / 1000000000 / p.paths END, p.effect,
		p.conversions::numeric / 1000000000, p.gross, p.refunded
	FROM model_part p LEFT JOIN model_scope s USING (id);
	RETURN run;
END $$;
COMMENT ON FUNCTION attrib.put_model_v1(text, text, int, text, date, date) IS 'Keeps what stands in model_part as a run; returns its number.';

CREATE OR REPLACE FUNCTION attrib.model_comparison_rows(p_run bigint)
RETURNS TABLE (site text, level text, from_date date, to_date date, model text, order_n smallint, run_id bigint,
	computed_at timestamptz, scope text, currency text, share numeric, removal_effect double precision,
	conversions numeric, gross numeric, refunded numeric, net numeric, policy_conversions numeric, policy_gross numeric,
	policy_refunded numeric, policy_net numeric, net_difference numeric)
LANGUAGE sql STABLE AS $$
	WITH run AS (
		SELECT r.* FROM attrib.model_run r
		WHERE CASE WHEN p_run IS NOT NULL THEN r.run_id = p_run ELSE NOT EXISTS (
			SELECT FROM attrib.model_run l
			WHERE (l.site, l.model, l.level, l.from_date, l.to_date) = (r.site, r.model, r.level, r.from_date, r.to_date)
				AND l.order_n IS NOT DISTINCT FROM r.order_n AND l.run_id > r.run_id) END),
	mine AS (
		SELECT k.run_id, k.currency, k.scope, sum(k.share) AS share, sum(k.removal_effect) AS removal_effect,
			sum(k.conversions) AS conversions, sum(k.gross)::bigint AS gross, sum(k.refunded)::bigint AS refunded
		FROM attrib.model_credit k JOIN run USING (run_id) GROUP BY 1, 2, 3),
	policy AS (
		SELECT run.run_id, m.currency, attrib.model_scope_of(run.level, m.creator, m.campaign, m.channel) AS scope,
			sum(m.conversions[1]) / 1000000000000 AS conversions, sum(m.gross[1])::bigint AS gross,
			sum(m.refunded[1])::bigint AS refunded
		FROM run JOIN attrib.rollup_money m ON m.site = run.site AND m.kind = 1 AND m.day BETWEEN run.from_date AND run.to_date
		GROUP BY 1, 2, 3)
	SELECT run.site, run.level, run.from_date, run.to_date, run.model, run.order_n, run_id, run.computed_at,
		nullif(scope, ''), currency, trim_scale(m.share), m.removal_effect, trim_scale(v.conversions),
		attrib.major(v.gross, currency), attrib.major(v.refunded, currency), attrib.major(v.gross - v.refunded, currency),
		trim_scale(v.p_conversions), attrib.major(v.p_gross, currency), attrib.major(v.p_refunded, currency),
		attrib.major(v.p_gross - v.p_refunded, currency),
		attrib.major(v.gross - v.refunded - v.p_gross + v.p_refunded, currency)
	FROM mine m FULL JOIN policy p USING (run_id, currency, scope) JOIN run USING (run_id)
	CROSS JOIN LATERAL (SELECT coalesce(m.conversions, 0) AS conversions, coalesce(m.gross, 0) AS gross,
		coalesce(m.refunded, 0) AS refunded, coalesce(p.conversions, 0) AS p_conversions,
		coalesce(p.gross, 0) AS p_gross, coalesce(p.refunded, 0) AS p_refunded) v
	WHERE v.conversions <> 0 OR v.p_conversions <> 0
$$;
COMMENT ON FUNCTION attrib.model_comparison_rows(bigint) IS 'The rows of model_comparison of one run; NULL = of the newest run of each question.';
