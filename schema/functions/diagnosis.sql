-- Which rules a campaign, creator or post meets: its figures beside benchmarks and beside its own history.

CREATE OR REPLACE FUNCTION attrib.diagnosis_figures(p_site text, p_from date, p_to date)
RETURNS TABLE (site text, scope text, scope_key text, creator text, kpi jsonb)
LANGUAGE sql STABLE AS $$
	SELECT r.site, s.scope, r.cut[1], CASE s.scope WHEN 'creator' THEN r.cut[1] WHEN 'placement' THEN p.creator END,
		to_jsonb(r) - 'site' - 'cut' || jsonb_build_object('profit', r.revenue - r.cost, 'click_orders', coalesce(r.click_orders, 0), 'known_orders', r.orders - r.unknown_customers,
			'new_customer_share', r.new_customers / nullif(r.orders - r.unknown_customers, 0),
			'filtered_share', r.clicks_filtered / nullif(r.clicks_raw, 0), 'contested_claims', round(r.conflict_rate * r.claims),
			'views_6s', round(r.vtr_6s * r.impressions), 'views_completed', round(r.vcr * r.views), 'bounce_rates', b.rates, 'bounce_notes', b.notes, 'bounce_rate', b.rates / nullif(b.notes, 0))
	FROM unnest('{campaign,creator,placement}'::text[]) s (scope)
	CROSS JOIN LATERAL attrib.kpi_rows(p_site, p_from, p_to, NULL, 'net', ARRAY[s.scope]) r
	LEFT JOIN attrib.placement p ON s.scope = 'placement' AND p.site = r.site AND p.name = r.cut[1]
	LEFT JOIN (SELECT n.site, o.scope, o.scope_key, sum(n.rate) AS rates, count(*) AS notes
		FROM attrib.bounce_notes(p_site, p_from, p_to) n
		JOIN attrib.placement l ON l.site = n.site AND l.name = n.placement
		CROSS JOIN LATERAL (VALUES ('placement', l.name), ('creator', l.creator), ('campaign', l.campaign)) o (scope, scope_key)
		GROUP BY 1, 2, 3) b ON b.site = r.site AND b.scope = s.scope AND b.scope_key = r.cut[1]
	WHERE r.cut[1] IS NOT NULL
$$;
COMMENT ON FUNCTION attrib.diagnosis_figures(text, date, date) IS 'All figures of every campaign, creator and placement by their names, with those that only metric_list() knows. creator: of the creator or post.';

CREATE OR REPLACE FUNCTION attrib.figure(p_value numeric)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT trim_scale(round(p_value, CASE WHEN abs(p_value) >= 1 THEN 2 ELSE 4 END))::text
$$;
COMMENT ON FUNCTION attrib.figure(numeric) IS 'A number for people: two digits behind the point, below 1 four.';

CREATE OR REPLACE FUNCTION attrib.judge(p_site text, p_metric text, p_now jsonb, p_before jsonb, p_platform text, p_tier text,
	p_content_type text, p_compared_with text, p_margin numeric, p_minimum bigint)
RETURNS TABLE (value numeric, observations numeric, observed text, low numeric, high numeric, before numeric, told text,
	low_source text, high_source text)
LANGUAGE sql STABLE ROWS 1 AS $$
	SELECT v.value, v.observations, m.observed, b.low, b.high, h.before,
		concat(m.metric, ' ', attrib.figure(v.value), CASE WHEN v.above IS NOT NULL AND v.below IS NOT NULL THEN format(' = %s %s%s / %s %s',
			attrib.figure(v.above), m.numerator, CASE WHEN m.factor <> 1 THEN ' x ' || m.factor END, attrib.figure(v.below), m.denominator) END),
		CASE WHEN s.low IS NULL THEN h.words ELSE s.source END, CASE WHEN s.high IS NULL THEN h.words ELSE s.source END
	FROM attrib.metric_list() m
	CROSS JOIN LATERAL (SELECT coalesce((p_now ->> m.metric)::numeric, CASE WHEN m.denominator IS NULL THEN 0 END) AS value,
		coalesce((p_now ->> m.observed)::numeric, 0) AS observations,
		(p_now ->> m.numerator)::numeric AS above, (p_now ->> m.denominator)::numeric AS below) v
	LEFT JOIN LATERAL attrib.benchmark_of(p_site, m.metric, p_platform, p_tier, p_content_type) s ON p_compared_with <> 'history'
	LEFT JOIN LATERAL (SELECT (p_before ->> m.metric)::numeric AS before,
		format('own history: %s of %s %s in the period before', attrib.figure((p_before ->> m.metric)::numeric),
			attrib.figure((p_before ->> m.observed)::numeric), m.observed) AS words
		WHERE p_compared_with <> 'benchmark' AND (p_before ->> m.observed)::numeric >= coalesce(p_minimum, m.minimum)) h ON true
	CROSS JOIN LATERAL (SELECT coalesce(s.low, h.before - p_margin * abs(h.before)) AS low,
		coalesce(s.high, h.before + p_margin * abs(h.before)) AS high) b
	WHERE m.metric = p_metric AND v.value IS NOT NULL AND v.observations >= coalesce(p_minimum, m.minimum)
$$;
COMMENT ON FUNCTION attrib.judge(text, text, jsonb, jsonb, text, text, text, text, numeric, bigint) IS 'A figure of a scope with the bounds that it is judged by: those of the benchmark, else of its own history by a margin. No row = there is no such figure, or too few observations.';

CREATE OR REPLACE FUNCTION attrib.diagnosis_rows(p_site text, p_from date, p_to date)
RETURNS TABLE (site text, scope text, scope_key text, rule text, metric text, condition text, value numeric, observations numeric,
	observed text, low numeric, high numeric, source text, before numeric, evidence text, advice text)
LANGUAGE sql STABLE SET jit = off AS $$
	WITH now AS MATERIALIZED (
		SELECT * FROM attrib.diagnosis_figures(p_site, p_from, p_to)
	), before AS MATERIALIZED (
		SELECT * FROM attrib.diagnosis_figures(p_site, p_from - (p_to - p_from + 1), p_from - 1)
		WHERE p_from IS NOT NULL AND p_to IS NOT NULL AND scope <> 'placement'
	), rules AS (
		SELECT DISTINCT ON (s.name, r.rule) s.name AS shop, r.*
		FROM attrib.site s JOIN attrib.diagnosis_rule r ON r.site IN (s.name, '')
		ORDER BY s.name, r.rule, r.site DESC
	), known AS (
		SELECT n.*, b.kpi AS before, a.platform, a.tier, a.content_type
		FROM now n
		LEFT JOIN before b ON b.site = n.site
			AND (b.scope, b.scope_key) = (CASE n.scope WHEN 'placement' THEN 'creator' ELSE n.scope END, CASE n.scope WHEN 'placement' THEN n.creator ELSE n.scope_key END)
		CROSS JOIN LATERAL attrib.audience_of(n.site, n.scope, n.scope_key) a
	)
	SELECT k.site, k.scope, k.scope_key, r.rule, r.metric, r.condition, f.value, f.observations, f.observed, f.low, f.high,
		CASE r.condition WHEN 'low' THEN f.low_source ELSE f.high_source END, f.before,
		concat(f.told, CASE r.condition WHEN 'low' THEN format(' is below %s (%s)', attrib.figure(f.low), f.low_source)
				ELSE format(' is above %s (%s)', attrib.figure(f.high), f.high_source) END,
			'; ' || a.told || CASE r.also_condition
				WHEN 'low' THEN format(' is below %s (%s)', attrib.figure(a.low), a.low_source)
				WHEN 'high' THEN format(' is above %s (%s)', attrib.figure(a.high), a.high_source)
				WHEN 'good' THEN format(' is not below %s (%s)', attrib.figure(a.low), a.low_source) ELSE '' END),
		r.advice
	FROM known k
	JOIN rules r ON r.shop = k.site AND r.enabled
	CROSS JOIN LATERAL attrib.judge(k.site, r.metric, k.kpi, k.before, k.platform, k.tier, k.content_type, r.compared_with, r.margin,
		r.minimum) f
	LEFT JOIN LATERAL attrib.judge(k.site, r.also_metric, k.kpi, k.before, k.platform, k.tier, k.content_type, 'any', r.margin, NULL) a
		ON true
	WHERE CASE r.condition WHEN 'low' THEN f.value < f.low ELSE f.value > f.high END
		AND CASE r.also_condition WHEN 'low' THEN a.value < a.low WHEN 'high' THEN a.value > a.high WHEN 'good' THEN a.value >= a.low
			WHEN 'none' THEN a.value = 0 ELSE true END
$$;
COMMENT ON FUNCTION attrib.diagnosis_rows(text, date, date) IS 'What kpi_diagnosis and kpi_diagnosis_between show; NULL arguments = all.';
