-- What PostgreSQL refused for its data: the flush sets it aside, a person has it merged again. The rows
-- are kept as they were staged, each under its kind's own key.

CREATE OR REPLACE FUNCTION attrib.short_key(word text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN octet_length(word) <= 1000 THEN word ELSE left(word, 200) || '#' || md5(word) END
$$;
COMMENT ON FUNCTION attrib.short_key(text) IS 'A text that an index takes, however long the word.';

CREATE OR REPLACE FUNCTION attrib.named_rows(p_rows jsonb)
RETURNS jsonb LANGUAGE sql STABLE AS $$
	SELECT jsonb_object_agg(t.key, (SELECT jsonb_agg((SELECT jsonb_object_agg(a.attname, c.value)
			FROM jsonb_array_elements(r.value) WITH ORDINALITY AS c (value, n)
			JOIN pg_attribute a ON a.attrelid = to_regclass('pg_temp.' || t.key) AND a.attnum = c.n))
		FROM jsonb_array_elements(t.value) r))
	FROM jsonb_each(p_rows) t
$$;
COMMENT ON FUNCTION attrib.named_rows(jsonb) IS 'Rows of staging tables, given as arrays by table, as objects by the tables'' columns.';

CREATE OR REPLACE FUNCTION attrib.refused_marks(p_old jsonb, p_new jsonb)
RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
	SELECT coalesce(jsonb_agg((r || jsonb_build_object('marks', marks))), '[]') FROM (
		SELECT r - 'marks' AS r, attrib.mark_union((r->>'marks')::bit varying)::text AS marks
		FROM jsonb_array_elements(coalesce(p_old#>'{rows,stage_visitor}', '[]') || coalesce(p_new#>'{rows,stage_visitor}', '[]')) r
		GROUP BY 1) u
$$;
COMMENT ON FUNCTION attrib.refused_marks(jsonb, jsonb) IS 'The visitors of two refused rows of traffic of one key.';

CREATE OR REPLACE FUNCTION attrib.refused_again(p_old jsonb, p_new jsonb)
RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE
	WHEN p_new->>'what' = 'traffic' THEN jsonb_set(jsonb_set(jsonb_set(p_new,
		'{rows,stage_traffic,0,count}', to_jsonb(((p_old#>>'{rows,stage_traffic,0,count}')::numeric
			+ (p_new#>>'{rows,stage_traffic,0,count}')::numeric)::text)),
		'{rows,stage_traffic,0,uniques}', to_jsonb(((p_old#>>'{rows,stage_traffic,0,uniques}')::numeric
			+ (p_new#>>'{rows,stage_traffic,0,uniques}')::numeric)::text)),
		'{rows,stage_visitor}', attrib.refused_marks(p_old, p_new))
	WHEN (p_old->>'ticket')::bigint > (p_new->>'ticket')::bigint THEN p_old
	ELSE p_new END
$$;
COMMENT ON FUNCTION attrib.refused_again(jsonb, jsonb) IS 'What is kept when the same key is refused once more: the higher ticket, the later fact, the sum of traffic.';

CREATE OR REPLACE FUNCTION attrib.refuse_v1(p_site text, p_key jsonb, p_order_id text, p_detail jsonb, p_rows jsonb)
RETURNS void LANGUAGE sql AS $$
	INSERT INTO attrib.quarantine AS q (site, reason, key, order_id, detail)
	VALUES (p_site, 'refused', attrib.short_key(p_key::text), attrib.short_key(p_order_id),
		p_detail || jsonb_build_object('rows', attrib.named_rows(p_rows)))
	ON CONFLICT (site, reason, key) DO UPDATE SET detail = attrib.refused_again(q.detail, excluded.detail)
$$;
COMMENT ON FUNCTION attrib.refuse_v1(text, jsonb, text, jsonb, jsonb) IS 'Sets a row of a batch aside, within the transaction that merges the others.';

CREATE OR REPLACE FUNCTION attrib.refused_unit(p_quarantine attrib.quarantine)
RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT coalesce(attrib.short_key((p_quarantine.detail->'group')::text), p_quarantine.key)
$$;
COMMENT ON FUNCTION attrib.refused_unit(attrib.quarantine) IS 'What a refused row is merged again with: orders that were merged into one, or itself.';

CREATE OR REPLACE FUNCTION attrib.restage_v1(p_rows jsonb, p_set int)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	t record;
BEGIN
	FOR t IN SELECT * FROM jsonb_each(p_rows) WHERE key LIKE 'stage\_%' LOOP
		EXECUTE format('INSERT INTO pg_temp.%1$I SELECT * FROM jsonb_populate_recordset(NULL::pg_temp.%1$I, $1)', t.key)
			USING t.value;
	END LOOP;
	-- each document counts its sets from 1
	UPDATE stage_key SET set_no = -p_set WHERE set_no > 0;
END $$;
COMMENT ON FUNCTION attrib.restage_v1(jsonb, int) IS 'Stages the rows of one refused document; p_set: another number for each.';

CREATE OR REPLACE FUNCTION attrib.retry_v1(p_site text, p_unit text)
RETURNS TABLE (key text, order_id text, outcome text, message text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	waiting attrib.quarantine[];
	stale   text[] := '{}';
	q       attrib.quarantine;
	n       int := 0;
	why     jsonb;
	state   text; said text; a_table text; a_column text; a_constraint text;
BEGIN
	PERFORM attrib.stage_v1();
	waiting := ARRAY(SELECT w FROM attrib.quarantine w
		WHERE w.site = p_site AND w.reason = 'refused' AND attrib.refused_unit(w) = p_unit
		ORDER BY w.key FOR UPDATE);
	BEGIN
		FOREACH q IN ARRAY waiting LOOP
			n := n + 1;
			IF q.detail ? 'escaped' THEN
				RAISE character_not_in_repertoire USING MESSAGE = 'its text can''t be stored';
			ELSIF EXISTS (SELECT FROM jsonb_to_recordset(q.detail->'rows'->'stage_decision')
					AS d (kind smallint, order_id text, ticket bigint)
				JOIN attrib.conversion c ON (c.site, c.kind, c.order_id) = (q.site, d.kind, d.order_id)
				WHERE c.ticket >= d.ticket) THEN
				stale := stale || q.key;
			ELSE
				PERFORM attrib.restage_v1(q.detail->'rows', n);
			END IF;
		END LOOP;
		PERFORM attrib.merge_v1_rows();
		PERFORM attrib.unstage_v1();
		DELETE FROM attrib.quarantine d USING unnest(waiting) w
		WHERE (d.site, d.reason, d.key) = (w.site, w.reason, w.key);
	EXCEPTION WHEN data_exception OR integrity_constraint_violation OR program_limit_exceeded THEN
		GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, said = MESSAGE_TEXT, a_table = TABLE_NAME,
			a_column = COLUMN_NAME, a_constraint = CONSTRAINT_NAME;
		why := jsonb_build_object('sqlstate', state, 'message', said, 'table', a_table,
			'column', a_column, 'constraint', a_constraint);
		UPDATE attrib.quarantine d SET detail = d.detail || why FROM unnest(waiting) w
		WHERE (d.site, d.reason, d.key) = (w.site, w.reason, w.key);
	END;
	RETURN QUERY SELECT w.key, w.order_id, CASE WHEN why IS NOT NULL THEN 'refused'
		WHEN w.key = ANY (stale) THEN 'outdated' ELSE 'applied' END, said
	FROM unnest(waiting) w ORDER BY w.key;
END $$;
COMMENT ON FUNCTION attrib.retry_v1(text, text) IS 'Merges a refused unit again, one transaction. Outcome: applied; outdated = something later is stored already; refused = again, and it stays. What is not refused leaves the quarantine.';
