-- What explain says, for people: aligned lines, instants in the site's own time.

-- Rows of texts in columns, two blanks apart. What strangers sent may be in it: control characters
-- never reach a terminal.
CREATE OR REPLACE FUNCTION attrib.aligned(p_rows jsonb, p_right int)
RETURNS TABLE (line text) LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	WITH cells AS (
		SELECT r.n AS row_no, c.n AS column_no, regexp_replace(coalesce(c.cell, '-'), '[\u0001-\u001f\u007f-\u009f]', '?', 'g') AS cell
		FROM jsonb_array_elements(p_rows) WITH ORDINALITY AS r (cells, n)
		CROSS JOIN LATERAL jsonb_array_elements_text(r.cells) WITH ORDINALITY AS c (cell, n)
	), widths AS (
		SELECT column_no, max(char_length(cell)) AS width FROM cells GROUP BY column_no
	)
	SELECT rtrim('  ' || string_agg(CASE WHEN column_no >= p_right THEN lpad(cell, width) ELSE rpad(cell, width) END,
		'  ' ORDER BY column_no))
	FROM cells JOIN widths USING (column_no) GROUP BY row_no ORDER BY row_no
$$;
COMMENT ON FUNCTION attrib.aligned(jsonb, int) IS 'An array of arrays of texts as aligned, indented lines; columns from p_right on are aligned to the right; null is a dash.';

CREATE OR REPLACE FUNCTION attrib.explain_text(p_site text, p_kind text, p_order text)
RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
	e    jsonb := attrib.explain(p_site, p_kind, p_order);
	zone text := (SELECT time_zone FROM attrib.site WHERE name = p_site);
	rows jsonb;
BEGIN
	IF e IS NULL THEN
		RETURN;
	END IF;
	RETURN NEXT regexp_replace(format('%s %s of %s: %s', e->>'kind', e->>'order_id', e->>'site',
		concat_ws(', ', e->>'status', e->>'reason', CASE WHEN NOT (e->>'counted')::boolean THEN 'in no sum' END,
			CASE WHEN (e->>'late')::boolean THEN 'late' END)), '[\u0001-\u001f\u007f-\u009f]', '?', 'g');

	SELECT jsonb_agg(jsonb_build_array(v.name, v.value) ORDER BY v.n) INTO rows FROM (VALUES
		(1, 'decision', e->>'decision'),
		(2, 'placed', attrib.local_text(e->>'placed_at', zone) || ' ' || zone),
		(3, 'revenue of', attrib.local_text(e->>'counted_at', zone)),
		(4, 'money', format('%s gross - %s refunded = %s net %s', e->>'gross', e->>'refunded', e->>'net', e->>'currency')
			|| CASE WHEN (e->>'over_refund')::boolean THEN '; more was refunded than its total' ELSE '' END),
		(5, 'customer', e->>'customer_kind'),
		(6, 'told by', concat_ws(', ', e->>'source', e->>'order_source', e->>'order_kind',
			CASE WHEN NOT (e->>'signed')::boolean THEN 'no signed source' END)),
		(7, 'also known as', nullif(concat_ws(', ',
			(SELECT string_agg(format('%s %s', a->>'kind', a->>'value'), ', ') FROM jsonb_array_elements(e->'aliases') a),
			(SELECT string_agg('order ' || m, ', ') FROM jsonb_array_elements_text(e->'merged') m)), '')),
		(8, 'claims', format('%s by creator, %s by channel', e->>'creator_claims', e->>'channel_claims')),
		(9, 'versions', format('policy %s, catalog %s', e->>'policy_version', e->>'catalog_version'))) v (n, name, value)
	WHERE v.value <> '';
	RETURN QUERY SELECT * FROM attrib.aligned(rows, 99);

	RETURN NEXT '';
	RETURN NEXT 'touches';
	SELECT jsonb_agg(r.cells ORDER BY r.step) INTO rows FROM (
		SELECT 0 AS step, '["","when","channel","key","creator","campaign","placement","eligible until","credit","why"]'::jsonb AS cells
		UNION ALL
		SELECT (s->>'step')::int, jsonb_build_array(s->>'step', attrib.local_text(s->>'occurred_at', zone), s->>'channel',
			s->>'key', s->>'creator', s->>'campaign', s->>'placement', attrib.local_text(s->>'window_ends_at', zone),
			s->>'credit', concat_ws('; ', CASE WHEN (s->>'eligible')::boolean THEN s->>'reason'
				ELSE 'no: ' || (s->>'reason') END,
			CASE WHEN (s->>'by_click_id')::boolean THEN 'by click id' END,
			CASE WHEN (s->>'suspect')::boolean THEN 'suspect: ' || (SELECT string_agg(f, ', ')
				FROM jsonb_array_elements_text(s->'flags') f WHERE f IN ('flood', 'paid_ad', 'too_fast')) END,
			'discount ' || (s->>'discount')))
		FROM jsonb_array_elements(e->'path') s) r;
	RETURN QUERY SELECT * FROM attrib.aligned(CASE WHEN e->'path' = '[]' THEN '[["none"]]' ELSE rows END, 99);

	IF e->'losers' <> '[]' THEN
		RETURN NEXT '';
		RETURN NEXT 'eligible, and credited nothing';
		SELECT jsonb_agg(jsonb_build_array(l->>'creator', l->>'reason') ORDER BY l.n) INTO rows
		FROM jsonb_array_elements(e->'losers') WITH ORDINALITY AS l (l, n);
		RETURN QUERY SELECT * FROM attrib.aligned(rows, 99);
	END IF;

	RETURN NEXT '';
	RETURN NEXT 'credits';
	SELECT jsonb_agg(r.cells ORDER BY r.m, r.k) INTO rows FROM (
		SELECT 0 AS m, 0 AS k, '["model","credit","creator","channel","tracker","share","gross","refunded","net"]'::jsonb AS cells
		UNION ALL
		SELECT m.n, k.n, jsonb_build_array(CASE WHEN k.n = 1 THEN m.v->>'model' ELSE '' END, k.v->>'n',
			coalesce(k.v->>'creator', 'nobody'), k.v->>'channel', k.v->>'tracker',
			trim_scale(round((k.v->>'share')::numeric * 100, 2)) || ' %', k.v->>'gross', k.v->>'refunded', k.v->>'net')
		FROM jsonb_array_elements(e->'models') WITH ORDINALITY AS m (v, n)
		CROSS JOIN LATERAL jsonb_array_elements(m.v->'credits') WITH ORDINALITY AS k (v, n)) r;
	RETURN QUERY SELECT * FROM attrib.aligned(rows, 6);

	IF e->'adjustments' <> '[]' THEN
		RETURN NEXT '';
		RETURN NEXT 'refunds and cancels';
		SELECT jsonb_agg(jsonb_build_array(attrib.local_text(a.v->>'occurred_at', zone), a.v->>'type', a.v->>'source',
			a.v->>'id', concat_ws(' ', a.v->>'amount', a.v->>'currency'),
			CASE WHEN (a.v->>'counts')::boolean THEN 'counts' ELSE 'no: ' || (a.v->>'reason') END) ORDER BY a.n) INTO rows
		FROM jsonb_array_elements(e->'adjustments') WITH ORDINALITY AS a (v, n);
		RETURN QUERY SELECT * FROM attrib.aligned(rows, 99);
		RETURN NEXT format('  %s of the total of %s %s: %s of gross', e->>'refund_total', e->>'total', e->>'currency', e->>'refunded');
	END IF;
END $$;
COMMENT ON FUNCTION attrib.explain_text(text, text, text) IS 'What explain says as lines for people; no lines = unknown.';

CREATE OR REPLACE FUNCTION attrib.local_text(p_at text, p_zone text)
RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
	SELECT to_char(p_at::timestamptz AT TIME ZONE p_zone, 'YYYY-MM-DD HH24:MI:SS')
$$;
COMMENT ON FUNCTION attrib.local_text(text, text) IS 'An instant in a zone''s own time, to the second.';
