-- The merge of one staged batch, the only writer of results. Its order of locks: the instance (by
-- begin_v1), aliases and facts by key, conversions by key, sites by name, then rollups and traffic by
-- key. What one order does to another (a refund that named it by an alias, a customer's first order)
-- is looked at under the lock of the site, in statements that see what the session before committed.
-- A conversion's sums are subtracted before and added after whatever changes it, so that rollups
-- change by the difference and only where rows did. An order that is new has nothing to subtract.
-- Every look-up goes from the batch outwards, by a whole key. Where the planner could turn it round
-- (it guesses from a young database's statistics), OFFSET 0 keeps it from that; and what shares no
-- more than the site with a row, as its time zone, stands in a sub-query: joined, it would offer the
-- site as a key.

CREATE OR REPLACE FUNCTION attrib.resolve_order(p_site text, p_name text)
RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	name   text := p_name;
	target text;
BEGIN
	SELECT c.merged_into INTO target FROM attrib.conversion c
	WHERE c.site = p_site AND c.kind = 1 AND c.order_id = p_name AND c.ticket > 0;
	IF target = '' THEN
		RETURN p_name;
	ELSIF target IS NULL THEN
		SELECT a.order_id INTO name FROM attrib.order_alias a WHERE a.site = p_site AND a.value = p_name
		ORDER BY a.kind LIMIT 1;
	END IF;
	FOR hop IN 1..8 LOOP -- a chain longer than this would be a circle
		SELECT c.merged_into INTO target FROM attrib.conversion c
		WHERE c.site = p_site AND c.kind = 1 AND c.order_id = name AND c.merged_into <> '';
		EXIT WHEN NOT FOUND;
		name := target;
	END LOOP;
	RETURN name;
END $$;
COMMENT ON FUNCTION attrib.resolve_order(text, text) IS 'The order that a name stands for: its own id first, then an alias; absorbed orders lead to the one that took them. NULL = not known yet.';

CREATE OR REPLACE FUNCTION attrib.word_replaces(occurred_at timestamptz, received_at timestamptz,
	old_occurred_at timestamptz, old_received_at timestamptz)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE
	WHEN (occurred_at = received_at) <> (old_occurred_at = old_received_at) THEN occurred_at <> received_at
	WHEN occurred_at = received_at THEN occurred_at < old_occurred_at
	ELSE occurred_at > old_occurred_at END
$$;
COMMENT ON FUNCTION attrib.word_replaces(timestamptz, timestamptz, timestamptz, timestamptz) IS 'Of two copies of one word (one event id), whether the first stands: the later date that was stated. Without one a word has the date of its receipt, and the first receipt stands: a retry changes nothing.';

CREATE OR REPLACE FUNCTION attrib.merge_v1_facts()
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	-- within a batch the copies are put in the order of word_replaces
	INSERT INTO attrib.refund_fact AS f (site, order_id, source, refund_id, event_id, currency, amount,
		tax, shipping, has_parts, cumulative, voided, occurred_at, received_at)
	SELECT DISTINCT ON (site, order_id, source, refund_id, event_id) site, order_id, source, refund_id,
		event_id, currency, amount, tax, shipping, has_parts, cumulative, voided, occurred_at, received_at
	FROM stage_refund ORDER BY site, order_id, source, refund_id, event_id,
		nullif(occurred_at, received_at) DESC NULLS LAST, occurred_at
	ON CONFLICT (site, order_id, source, refund_id, event_id) DO UPDATE SET
		currency = excluded.currency, amount = excluded.amount, tax = excluded.tax,
		shipping = excluded.shipping, has_parts = excluded.has_parts,
		cumulative = excluded.cumulative, voided = excluded.voided,
		occurred_at = excluded.occurred_at, received_at = excluded.received_at
	WHERE attrib.word_replaces(excluded.occurred_at, excluded.received_at, f.occurred_at, f.received_at);

	INSERT INTO attrib.cancel_fact AS f (site, order_id, event_id, source, reversed, occurred_at, received_at)
	SELECT DISTINCT ON (site, order_id, event_id) site, order_id, event_id, source, reversed,
		occurred_at, received_at
	FROM stage_cancel ORDER BY site, order_id, event_id,
		nullif(occurred_at, received_at) DESC NULLS LAST, occurred_at
	ON CONFLICT (site, order_id, event_id) DO UPDATE SET source = excluded.source,
		reversed = excluded.reversed, occurred_at = excluded.occurred_at,
		received_at = excluded.received_at
	WHERE attrib.word_replaces(excluded.occurred_at, excluded.received_at, f.occurred_at, f.received_at);
END $$;
COMMENT ON FUNCTION attrib.merge_v1_facts() IS 'Step of merge_v1: refunds and cancels by their own keys.';

CREATE OR REPLACE FUNCTION attrib.merge_v1_absorb()
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	-- The engine unites the names of an order that it knows, and then the batch decides all of them. An
	-- order that stands here and not in the batch is one that it has forgotten.
	UPDATE stage_decision d SET merged_into = k.into_id, counted = false, counted_at = NULL, has_keys = false
	FROM (
		SELECT n.site, n.order_id, min(n.into_id) AS into_id FROM (
			SELECT d.site, d.order_id, a.order_id AS into_id
			FROM stage_decision d CROSS JOIN LATERAL (SELECT * FROM attrib.order_alias a
				WHERE a.site = d.site AND a.value = d.order_id OFFSET 0) a
			WHERE d.kind = 1 AND a.kind <> 'number'
			UNION ALL
			SELECT s.site, s.order_id, k.into_id
			FROM stage_alias s
			CROSS JOIN LATERAL (SELECT * FROM stage_decision d
				WHERE (d.site, d.kind, d.order_id) = (s.site, 1, s.order_id) OFFSET 0) d
			LEFT JOIN LATERAL (SELECT * FROM attrib.order_alias a
				WHERE (a.site, a.kind, a.value) = (s.site, s.kind, s.value) OFFSET 0) a ON true
			LEFT JOIN LATERAL (SELECT * FROM attrib.conversion c
				WHERE (c.site, c.kind, c.order_id) = (a.site, 1, a.order_id) OFFSET 0) c ON true
			CROSS JOIN LATERAL (VALUES (a.order_id), (CASE WHEN s.kind <> 'number' THEN s.value END)) k (into_id)
			WHERE NOT s.conflict AND (a.order_id = s.order_id OR c.source IS DISTINCT FROM d.source)) n
		CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM attrib.conversion c
				WHERE (c.site, c.kind, c.order_id) = (n.site, 1, n.into_id) AND c.ticket > 0)
			AND NOT EXISTS (SELECT FROM stage_decision x
				WHERE (x.site, x.kind, x.order_id) = (n.site, 1, n.into_id)) AS forgotten OFFSET 0) i
		WHERE n.into_id <> n.order_id AND i.forgotten
		GROUP BY 1, 2) k
	WHERE (d.site, d.kind, d.order_id) = (k.site, 1, k.order_id) AND d.merged_into = ''
		AND NOT EXISTS (SELECT FROM attrib.conversion c
			WHERE (c.site, c.kind, c.order_id) = (d.site, 1, d.order_id) AND c.ticket > 0 AND c.merged_into = '');
	IF FOUND THEN
		DELETE FROM stage_step s USING stage_decision d
		WHERE (s.site, s.kind, s.order_id) = (d.site, d.kind, d.order_id) AND d.merged_into <> '';
		DELETE FROM stage_credit k USING stage_decision d
		WHERE (k.site, k.kind, k.order_id) = (d.site, d.kind, d.order_id) AND d.merged_into <> '';
		UPDATE stage_key k SET order_id = NULL FROM stage_decision d
		WHERE (d.site, d.kind, d.order_id) = (k.site, 1, k.order_id) AND d.merged_into <> '';
	END IF;
END $$;
COMMENT ON FUNCTION attrib.merge_v1_absorb() IS 'Step of merge_v1: an order that comes under another name of one that the engine has forgotten is that one: it is absorbed, and counts nothing twice.';

CREATE OR REPLACE FUNCTION attrib.merge_v1_claims(p_site text, p_kind smallint, p_order_id text)
RETURNS TABLE (credited boolean, creators int, channels int) ROWS 1 LANGUAGE sql STABLE AS $$
	SELECT k.credited, p.creators::int, p.channels::int
	FROM (SELECT coalesce(bool_or(share[1] > 0), false) AS credited FROM stage_credit
		WHERE (site, kind, order_id) = (p_site, p_kind, p_order_id) AND creator <> '') k
	CROSS JOIN (SELECT count(DISTINCT creator) AS creators, count(DISTINCT channel) AS channels FROM stage_step
		WHERE (site, kind, order_id) = (p_site, p_kind, p_order_id) AND eligible AND creator <> '') p
$$;
COMMENT ON FUNCTION attrib.merge_v1_claims(text, smallint, text) IS 'Of a staged decision: whether the policy model credits a creator, and how many creators and channels have an eligible touch.';

CREATE OR REPLACE FUNCTION attrib.merge_v1_lock()
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO work_name
	SELECT site, order_id FROM stage_refund UNION SELECT site, order_id FROM stage_cancel
	UNION SELECT site, order_id FROM stage_decision WHERE kind = 1
	UNION SELECT site, value FROM stage_alias;

	INSERT INTO work_touched (site, kind, order_id)
	SELECT site, kind, order_id FROM stage_decision
	UNION SELECT site, kind, merged_into FROM stage_decision WHERE merged_into <> ''
	UNION SELECT site, 1, order_id FROM stage_refund
	UNION SELECT site, 1, order_id FROM stage_cancel
	UNION SELECT site, 1, resolved FROM (
		SELECT f.site, f.resolved FROM work_name n CROSS JOIN LATERAL (SELECT site, resolved
			FROM attrib.refund_fact f WHERE f.site = n.site AND f.order_id = n.name OFFSET 0) f
		UNION SELECT f.site, f.resolved FROM work_name n CROSS JOIN LATERAL (SELECT site, resolved
			FROM attrib.cancel_fact f WHERE f.site = n.site AND f.order_id = n.name OFFSET 0) f
		UNION SELECT site, attrib.resolve_order(site, order_id) FROM stage_refund
		UNION SELECT site, attrib.resolve_order(site, order_id) FROM stage_cancel) r
	WHERE resolved IS NOT NULL;

	-- The rows first, the locks in a later statement: an upsert with a pre-read would count a new order
	-- twice when two sessions race for it. Who could insert a decided order has all of it in; of what is
	-- not decided, or decided by others as well, a stub is enough.
	WITH made AS (
		INSERT INTO attrib.conversion (site, kind, order_id, ticket, merged_into, base_status, reason, counted,
			late, signed, currency, exponent, gross, total, placed_at, counted_at, first_received_at, day,
			order_kind, order_source, source, rule, code, code_rule, policy_version, catalog_version,
			credited, creator_claims, channel_claims)
		SELECT d.site, d.kind, d.order_id, ticket, merged_into, base_status, reason, counted,
			late, signed, currency, exponent, gross, total, placed_at, counted_at, first_received_at,
			(coalesce(counted_at, placed_at) AT TIME ZONE w.time_zone)::date,
			order_kind, order_source, source, rule, code, code_rule, policy_version, catalog_version,
			p.credited, p.creators, p.channels
		FROM stage_decision d CROSS JOIN LATERAL attrib.merge_v1_claims(d.site, d.kind, d.order_id) p
		CROSS JOIN LATERAL (SELECT time_zone FROM attrib.site WHERE name = d.site OFFSET 0) w
		UNION ALL
		SELECT site, kind, order_id, 0, '', 0, '', false, false, false, '', 2, 0, 0, NULL, NULL, NULL, NULL,
			'', '', '', '', '', '', 0, 0, false, 0, 0
		FROM work_touched t WHERE NOT EXISTS (SELECT FROM stage_decision d
			WHERE (d.site, d.kind, d.order_id) = (t.site, t.kind, t.order_id))
		ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING RETURNING site, kind, order_id, ticket
	), fresh AS (
		INSERT INTO work_apply SELECT site, kind, order_id, true, false, false FROM made WHERE ticket > 0
	)
	UPDATE work_touched t SET subtracted = true, fresh = true FROM made m
	WHERE (t.site, t.kind, t.order_id) = (m.site, m.kind, m.order_id);
	PERFORM FROM work_touched t JOIN attrib.conversion c USING (site, kind, order_id)
	WHERE NOT t.fresh ORDER BY c.site, c.kind, c.order_id FOR UPDATE OF c;
	PERFORM FROM attrib.site WHERE name IN (SELECT site FROM work_touched UNION SELECT site FROM stage_key)
	ORDER BY name FOR NO KEY UPDATE;
END $$;
COMMENT ON FUNCTION attrib.merge_v1_lock() IS 'Step of merge_v1: finds the conversions that the batch touches and locks them in key order, then their sites.';

CREATE OR REPLACE FUNCTION attrib.merge_v1_split()
RETURNS TABLE (site text, kind smallint, order_id text, n smallint, parts bigint[]) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH split AS (
		SELECT k.site, k.kind, k.order_id, m.model, array_agg(k.n ORDER BY k.n) AS ns,
			attrib.split_amount(w.amount, array_agg(m.weight ORDER BY k.n)) AS parts
		FROM work_split w JOIN attrib.credit k USING (site, kind, order_id)
		CROSS JOIN LATERAL unnest(CASE WHEN w.by_share THEN k.share ELSE k.amount END)
			WITH ORDINALITY AS m (weight, model)
		GROUP BY k.site, k.kind, k.order_id, m.model, w.amount
	)
	SELECT s.site, s.kind, s.order_id, p.n, array_agg(p.part ORDER BY s.model)
	FROM split s CROSS JOIN LATERAL unnest(s.ns, s.parts) AS p (n, part)
	GROUP BY s.site, s.kind, s.order_id, p.n;
END $$;
COMMENT ON FUNCTION attrib.merge_v1_split() IS 'Step of merge_v1: splits the amounts of work_split over the credits of their conversions, in every model, by split_amount.';

CREATE OR REPLACE FUNCTION attrib.merge_v1_decisions()
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	-- An order that was forgotten and came again updates the status and the money, never the path: it is
	-- late, or would be if its time were what it is here. And a stranger's copy takes nothing back that
	-- a signed source has said. But who knows it from its first word on, and by a word that places it
	-- earlier, has forgotten nothing: that order is late for everybody. A memory that was lost knows of
	-- older orders what it hears afterwards.
	INSERT INTO work_apply
	SELECT d.site, d.kind, d.order_id, c.ticket = 0, k.path AND d.merged_into = '',
		k.path AND c.signed AND NOT d.signed
	FROM stage_decision d
	CROSS JOIN LATERAL (SELECT * FROM attrib.conversion c
		WHERE (c.site, c.kind, c.order_id) = (d.site, d.kind, d.order_id) OFFSET 0) c
	LEFT JOIN LATERAL (SELECT o.lost_at FROM attrib.site_state o WHERE o.site = d.site OFFSET 0) o ON true
	CROSS JOIN LATERAL (SELECT c.ticket > 0 AND c.merged_into = '' AND (d.late AND NOT c.late
			AND NOT (d.first_received_at > d.lock_at AND d.first_received_at <= c.first_received_at)
		OR d.first_received_at > greatest(c.first_received_at, c.placed_at + (d.lock_at - d.placed_at))
		OR coalesce(c.first_received_at < o.lost_at AND d.first_received_at >= o.lost_at, false)) AS path) k
	WHERE d.ticket > c.ticket;

	UPDATE attrib.conversion c SET ticket = d.ticket, merged_into = d.merged_into,
		base_status = d.base_status, reason = d.reason, counted = d.counted, late = d.late,
		signed = d.signed, currency = d.currency, exponent = d.exponent, gross = d.gross, total = d.total,
		placed_at = d.placed_at, counted_at = d.counted_at, first_received_at = d.first_received_at,
		day = (coalesce(d.counted_at, d.placed_at) AT TIME ZONE w.time_zone)::date, order_kind = d.order_kind,
		order_source = d.order_source, source = d.source, rule = d.rule, code = d.code, code_rule = d.code_rule,
		policy_version = d.policy_version, catalog_version = d.catalog_version,
		credited = p.credited, creator_claims = p.creators, channel_claims = p.channels, refunded = 0
	FROM (SELECT d.* FROM work_touched t
		CROSS JOIN LATERAL (SELECT d.* FROM work_apply a JOIN stage_decision d USING (site, kind, order_id)
			WHERE (a.site, a.kind, a.order_id) = (t.site, t.kind, t.order_id)
				AND NOT a.keep_path AND NOT a.keep_all OFFSET 0) d
		WHERE NOT t.fresh OFFSET 0) d
	CROSS JOIN LATERAL attrib.merge_v1_claims(d.site, d.kind, d.order_id) p
	CROSS JOIN LATERAL (SELECT time_zone FROM attrib.site WHERE name = d.site OFFSET 0) w
	WHERE (c.site, c.kind, c.order_id) = (d.site, d.kind, d.order_id);

	UPDATE attrib.conversion c SET ticket = d.ticket, base_status = d.base_status,
		reason = CASE WHEN d.base_status = 3 THEN c.reason ELSE d.reason END,
		counted = d.counted, signed = c.signed OR d.signed, currency = d.currency,
		exponent = d.exponent, gross = d.gross, total = d.total,
		counted_at = coalesce(c.counted_at, d.counted_at),
		day = (coalesce(c.counted_at, d.counted_at, c.placed_at) AT TIME ZONE w.time_zone)::date
	FROM stage_decision d
	JOIN work_apply a USING (site, kind, order_id)
	CROSS JOIN LATERAL (SELECT time_zone FROM attrib.site WHERE name = d.site OFFSET 0) w
	WHERE a.keep_path AND NOT a.keep_all
		AND (c.site, c.kind, c.order_id) = (d.site, d.kind, d.order_id);
	UPDATE attrib.conversion c SET ticket = d.ticket
	FROM stage_decision d JOIN work_apply a USING (site, kind, order_id)
	WHERE a.keep_all AND (c.site, c.kind, c.order_id) = (d.site, d.kind, d.order_id);

	DELETE FROM attrib.path_row r USING work_apply a
	WHERE NOT a.fresh AND NOT a.keep_path AND NOT a.keep_all
		AND (r.site, r.kind, r.order_id) = (a.site, a.kind, a.order_id);
	DELETE FROM attrib.credit k USING work_apply a
	WHERE NOT a.fresh AND NOT a.keep_path AND NOT a.keep_all
		AND (k.site, k.kind, k.order_id) = (a.site, a.kind, a.order_id);
	INSERT INTO attrib.path_row
	SELECT s.* FROM stage_step s JOIN work_apply a USING (site, kind, order_id)
	WHERE NOT a.keep_path AND NOT a.keep_all;
	INSERT INTO attrib.credit
	SELECT k.*, array_fill(0::bigint, ARRAY[cardinality(k.amount)])
	FROM stage_credit k JOIN work_apply a USING (site, kind, order_id)
	WHERE NOT a.keep_path AND NOT a.keep_all;

	INSERT INTO work_split
	SELECT site, kind, order_id, d.gross, true
	FROM work_apply a JOIN stage_decision d USING (site, kind, order_id)
	WHERE a.keep_path AND NOT a.keep_all;
	IF FOUND THEN
		UPDATE attrib.credit k SET amount = s.parts FROM attrib.merge_v1_split() s
		WHERE (k.site, k.kind, k.order_id, k.n) = (s.site, s.kind, s.order_id, s.n);
		DELETE FROM work_split;
	END IF;
END $$;
COMMENT ON FUNCTION attrib.merge_v1_decisions() IS 'Step of merge_v1: replaces conversions, paths and credits as units by decisions with a higher ticket.';

CREATE OR REPLACE FUNCTION attrib.merge_v1_aliases()
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	-- An alias changes hands when both orders have been decided again. An order that was forgotten is
	-- not: it keeps what it has.
	INSERT INTO attrib.order_alias AS o (site, kind, value, order_id)
	SELECT DISTINCT ON (s.site, s.kind, s.value) s.site, s.kind, s.value, s.order_id
	FROM stage_alias s CROSS JOIN LATERAL (SELECT FROM work_apply a
		WHERE (a.site, a.kind, a.order_id) = (s.site, 1, s.order_id) OFFSET 0) a
	WHERE NOT s.conflict ORDER BY s.site, s.kind, s.value, s.order_id
	ON CONFLICT (site, kind, value) DO UPDATE SET order_id = excluded.order_id
	WHERE o.order_id <> excluded.order_id AND EXISTS (SELECT FROM work_apply a
		WHERE (a.site, a.kind, a.order_id) = (o.site, 1, o.order_id) AND NOT a.keep_path AND NOT a.keep_all);

	DELETE FROM attrib.quarantine q USING work_apply a
	WHERE q.site = a.site AND q.order_id = a.order_id AND a.kind = 1 AND q.reason = 'alias_conflict';
	INSERT INTO attrib.quarantine (site, reason, key, order_id, detail)
	SELECT s.site, 'alias_conflict', s.kind || '=' || s.value || ':' || s.order_id, s.order_id,
		jsonb_build_object('kind', s.kind, 'value', s.value, 'names', a.order_id)
	FROM stage_alias s CROSS JOIN LATERAL (SELECT a.order_id FROM attrib.order_alias a
		WHERE (a.site, a.kind, a.value) = (s.site, s.kind, s.value) OFFSET 0) a
	WHERE a.order_id <> s.order_id
		AND attrib.resolve_order(s.site, a.order_id) IS DISTINCT FROM attrib.resolve_order(s.site, s.order_id)
	ORDER BY 1, 3 ON CONFLICT DO NOTHING;
END $$;
COMMENT ON FUNCTION attrib.merge_v1_aliases() IS 'Step of merge_v1: the aliases that decided orders hold, and those that they stated and another order of their source holds.';

CREATE OR REPLACE FUNCTION attrib.merge_v1_resolve()
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	WITH facts AS (
		UPDATE attrib.refund_fact f SET resolved = n.resolved
		FROM (SELECT n.site, n.name, attrib.resolve_order(n.site, n.name) AS resolved FROM work_name n
			CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM attrib.refund_fact f
				WHERE f.site = n.site AND f.order_id = n.name) AS told OFFSET 0) t
			WHERE t.told OFFSET 0) n
		WHERE f.site = n.site AND f.order_id = n.name AND f.resolved IS DISTINCT FROM n.resolved
		RETURNING f.site, f.resolved
	), cancels AS (
		UPDATE attrib.cancel_fact f SET resolved = n.resolved
		FROM (SELECT n.site, n.name, attrib.resolve_order(n.site, n.name) AS resolved FROM work_name n
			CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM attrib.cancel_fact f
				WHERE f.site = n.site AND f.order_id = n.name) AS told OFFSET 0) t
			WHERE t.told OFFSET 0) n
		WHERE f.site = n.site AND f.order_id = n.name AND f.resolved IS DISTINCT FROM n.resolved
		RETURNING f.site, f.resolved
	)
	INSERT INTO work_touched (site, kind, order_id)
	SELECT site, 1, resolved FROM (SELECT * FROM facts UNION SELECT * FROM cancels) f
	WHERE resolved IS NOT NULL ORDER BY 1, 3 ON CONFLICT DO NOTHING;
	PERFORM FROM work_touched t JOIN attrib.conversion c USING (site, kind, order_id)
	WHERE NOT t.subtracted ORDER BY c.site, c.kind, c.order_id FOR UPDATE OF c;
	PERFORM attrib.merge_v1_sums(-1::smallint);
END $$;
COMMENT ON FUNCTION attrib.merge_v1_resolve() IS 'Step of merge_v1: binds facts to the orders that they name, now that the decisions are in.';

CREATE OR REPLACE FUNCTION attrib.merge_v1_refunds()
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	-- A row that this batch has made and no word speaks of has nothing refunded.
	INSERT INTO work_refund
	SELECT t.site, t.order_id, r.told, x.cancelled
	FROM work_touched t
	CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM attrib.refund_fact f
		WHERE f.site = t.site AND f.resolved = t.order_id) AS told OFFSET 0) r
	LEFT JOIN LATERAL (SELECT NOT f.reversed AS cancelled FROM attrib.cancel_fact f
		WHERE f.site = t.site AND f.resolved = t.order_id
		ORDER BY f.occurred_at DESC, f.event_id DESC LIMIT 1) x ON true
	WHERE t.kind = 1 AND (r.told OR x.cancelled IS NOT NULL OR NOT t.fresh);
	IF NOT FOUND THEN
		RETURN;
	END IF;

	UPDATE attrib.conversion c SET refunded = e.refunded, refund_total = e.refund_total,
		over_refund = e.over_refund, cancelled = e.cancelled
	FROM (SELECT c.site, c.kind, c.order_id, coalesce(r.cancelled, false) AS cancelled,
			least(coalesce(s.amount, 0), greatest(c.total, 0)) AS refund_total,
			coalesce(s.amount, 0) > greatest(c.total, 0) AS over_refund,
			attrib.refunded_of(s.amount, s.net, coalesce(r.cancelled, false), c.gross, c.total) AS refunded
		FROM work_refund r
		CROSS JOIN LATERAL (SELECT * FROM attrib.conversion c
			WHERE (c.site, c.kind, c.order_id) = (r.site, 1, r.order_id) OFFSET 0) c
		CROSS JOIN LATERAL (SELECT array_agg(f) AS facts FROM attrib.refund_fact f
			WHERE f.site = r.site AND f.resolved = r.order_id) f
		CROSS JOIN LATERAL (SELECT w.currency FROM attrib.site w WHERE w.name = r.site OFFSET 0) w
		LEFT JOIN LATERAL attrib.refund_told(f.facts, c.currency, w.currency) s ON true
		WHERE c.ticket > 0 AND c.merged_into = '') e
	WHERE (c.site, c.kind, c.order_id) = (e.site, e.kind, e.order_id)
		AND (c.refunded, c.refund_total, c.over_refund, c.cancelled)
			IS DISTINCT FROM (e.refunded, e.refund_total, e.over_refund, e.cancelled);

	UPDATE attrib.credit k SET refunded = s.parts
	FROM (SELECT k.site, k.kind, k.order_id, k.n, k.refunded, CASE WHEN c.refunded = 0
			THEN array_fill(0::bigint, ARRAY[cardinality(k.amount)]) ELSE k.amount END AS parts
		FROM work_refund r
		CROSS JOIN LATERAL (SELECT * FROM attrib.conversion c
			WHERE (c.site, c.kind, c.order_id) = (r.site, 1, r.order_id) OFFSET 0) c
		CROSS JOIN LATERAL (SELECT * FROM attrib.credit k
			WHERE (k.site, k.kind, k.order_id) = (c.site, c.kind, c.order_id) OFFSET 0) k
		LEFT JOIN LATERAL (SELECT NOT a.keep_path AND NOT a.keep_all AS written FROM work_apply a
			WHERE (a.site, a.kind, a.order_id) = (c.site, c.kind, c.order_id) OFFSET 0) a ON true
		-- credits that have just been written have nothing refunded yet
		WHERE c.refunded = c.gross AND c.refunded <> 0
			OR c.refunded = 0 AND a.written IS NOT TRUE) s
	WHERE (k.site, k.kind, k.order_id, k.n) = (s.site, s.kind, s.order_id, s.n) AND s.refunded <> s.parts;
	INSERT INTO work_split
	SELECT c.site, c.kind, c.order_id, c.refunded, false
	FROM work_refund r CROSS JOIN LATERAL (SELECT * FROM attrib.conversion c
		WHERE (c.site, c.kind, c.order_id) = (r.site, 1, r.order_id) OFFSET 0) c
	WHERE c.refunded <> 0 AND c.refunded <> c.gross;
	IF FOUND THEN
		UPDATE attrib.credit k SET refunded = s.parts FROM attrib.merge_v1_split() s
		WHERE (k.site, k.kind, k.order_id, k.n) = (s.site, s.kind, s.order_id, s.n)
			AND k.refunded <> s.parts;
		DELETE FROM work_split;
	END IF;

	DELETE FROM attrib.quarantine q USING work_refund r
	WHERE q.site = r.site AND q.order_id = r.order_id AND q.reason = 'refund_currency';
	INSERT INTO attrib.quarantine (site, reason, key, order_id, detail)
	SELECT f.site, 'refund_currency', jsonb_build_array(f.order_id, f.source, f.refund_id)::text, c.order_id,
		jsonb_build_object('refund_id', f.refund_id, 'source', f.source, 'currency', f.currency,
			'amount', f.amount, 'order_currency', c.currency)
	FROM work_refund r
	CROSS JOIN LATERAL (SELECT * FROM attrib.conversion c
		WHERE (c.site, c.kind, c.order_id) = (r.site, 1, r.order_id) OFFSET 0) c
	JOIN attrib.refund_fact f ON f.site = r.site AND f.resolved = r.order_id
	WHERE r.told AND c.ticket > 0 AND f.currency <> c.currency
		AND EXISTS (SELECT FROM attrib.refund_words(ARRAY(SELECT r FROM attrib.refund_fact r
				WHERE r.site = c.site AND r.resolved = c.order_id)) w
			WHERE (w.order_id, w.source, w.refund_id, w.event_id)
				= (f.order_id, f.source, f.refund_id, f.event_id) AND NOT w.voided)
	ORDER BY 1, 3 ON CONFLICT DO NOTHING;
END $$;
COMMENT ON FUNCTION attrib.merge_v1_refunds() IS 'Step of merge_v1: refunded of the touched orders from the set of their facts, and its split over the credits. Over sources the maximum of each source''s own total; clamped; on the basis rounded half up once; cancelled = gross.';

CREATE OR REPLACE FUNCTION attrib.merge_v1_unite()
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	-- Sets of keys and what joins them: a customer that is known already, or a new key in both.
	INSERT INTO work_key
	SELECT s.set_no, s.site, s.order_id, s.kind, s.key, k.customer,
		coalesce(-k.customer, dense_rank() OVER (ORDER BY s.site, s.kind, s.key))
	FROM stage_key s LEFT JOIN attrib.customer_key k USING (site, kind, key);
	INSERT INTO work_set
	SELECT set_no, min(label) FROM (SELECT set_no, min(set_no) OVER (PARTITION BY node) AS label FROM work_key) k
	GROUP BY set_no;
	LOOP
		UPDATE work_set w SET label = m.label
		FROM (SELECT k.set_no, min(n.label) AS label FROM work_key k
			JOIN (SELECT node, min(s.label) AS label FROM work_key JOIN work_set s USING (set_no)
				GROUP BY node) n USING (node)
			GROUP BY k.set_no) m
		WHERE m.set_no = w.set_no AND m.label < w.label;
		EXIT WHEN NOT FOUND;
	END LOOP;

	INSERT INTO work_label
	SELECT label, site, coalesce(customer, nextval('attrib.customer_id_seq')), customer IS NULL FROM (
		SELECT label, min(site) AS site, min(customer) AS customer
		FROM work_set JOIN work_key USING (set_no) GROUP BY label ORDER BY label) l;
	INSERT INTO attrib.customer (id, site) OVERRIDING SYSTEM VALUE
	SELECT customer, site FROM work_label WHERE fresh ORDER BY customer;

	INSERT INTO work_loser
	SELECT DISTINCT k.customer, l.customer
	FROM work_key k JOIN work_set USING (set_no) JOIN work_label l USING (label)
	WHERE k.customer <> l.customer;
	IF FOUND THEN
		UPDATE attrib.customer_key k SET customer = w.winner FROM work_loser w WHERE k.customer = w.customer;
		UPDATE attrib.customer_order o SET customer = w.winner FROM work_loser w WHERE o.customer = w.customer;
		UPDATE attrib.customer c SET first_ordered_at = least(c.first_ordered_at, w.first_ordered_at)
		FROM (SELECT winner, min(x.first_ordered_at) AS first_ordered_at
			FROM work_loser JOIN attrib.customer x ON x.id = work_loser.customer GROUP BY winner) w
		WHERE c.id = w.winner;
		DELETE FROM attrib.customer c USING work_loser w WHERE c.id = w.customer;
		INSERT INTO work_customer SELECT DISTINCT winner FROM work_loser;
	END IF;
	INSERT INTO attrib.customer_key (site, kind, key, customer)
	SELECT DISTINCT k.site, k.kind, k.key, l.customer
	FROM work_key k JOIN work_set USING (set_no) JOIN work_label l USING (label)
	WHERE k.customer IS NULL ORDER BY 1, 2, 3;
	INSERT INTO work_owner
	SELECT DISTINCT k.site, k.order_id, l.customer
	FROM work_key k JOIN work_set USING (set_no) JOIN work_label l USING (label)
	WHERE k.order_id IS NOT NULL;
END $$;
COMMENT ON FUNCTION attrib.merge_v1_unite() IS 'Step of merge_v1: keys named together are one customer, transitively; customers that turn out to be one are united in the older.';

CREATE OR REPLACE FUNCTION attrib.merge_v1_kinds()
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO work_kind
	SELECT site, order_id, customer, placed_at, valid, new_kind, stored, new FROM (
		SELECT o.*, CASE
			WHEN NOT o.valid THEN 0
			WHEN row_number() OVER (PARTITION BY o.customer, o.valid ORDER BY o.placed_at, o.order_id) > 1 THEN 2
			WHEN c.first_ordered_at < o.placed_at THEN 2
			WHEN (SELECT s.customer_history FROM attrib.site s WHERE s.name = o.site) = 'complete' THEN 1
			ELSE 0 END AS new_kind
		FROM (SELECT o.site, o.order_id, o.customer, o.placed_at, o.valid, o.kind AS stored, false AS new
			FROM work_customer w CROSS JOIN LATERAL (SELECT * FROM attrib.customer_order o
				WHERE o.customer = w.customer OFFSET 0) o
			WHERE NOT EXISTS (SELECT FROM work_order n WHERE n.site = o.site AND n.order_id = o.order_id)
			UNION ALL
			SELECT n.site, n.order_id, n.customer, n.placed_at, n.valid, n.stored, true FROM work_order n) o
		CROSS JOIN LATERAL (SELECT c.first_ordered_at FROM attrib.customer c WHERE c.id = o.customer OFFSET 0) c) k
	WHERE new OR stored <> new_kind;
	IF FOUND THEN
		INSERT INTO work_touched (site, kind, order_id)
		SELECT site, 1, order_id FROM work_kind WHERE NOT new ON CONFLICT DO NOTHING;
		PERFORM attrib.merge_v1_sums(-1::smallint);
		INSERT INTO attrib.customer_order AS o (site, order_id, customer, placed_at, valid, kind)
		SELECT site, order_id, customer, placed_at, valid, kind FROM work_kind ORDER BY site, order_id
		ON CONFLICT (site, order_id) DO UPDATE SET customer = excluded.customer,
			placed_at = excluded.placed_at, valid = excluded.valid, kind = excluded.kind
		WHERE (o.customer, o.placed_at, o.valid, o.kind)
			IS DISTINCT FROM (excluded.customer, excluded.placed_at, excluded.valid, excluded.kind);
		DELETE FROM work_kind;
	END IF;
END $$;
COMMENT ON FUNCTION attrib.merge_v1_kinds() IS 'Step of merge_v1: new or returning for the orders in work_order and for all others of the customers in work_customer; orders whose kind flips are touched.';

CREATE OR REPLACE FUNCTION attrib.merge_v1_customers()
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM stage_key) THEN
		PERFORM attrib.merge_v1_unite();
	END IF;
	INSERT INTO work_customer
	SELECT DISTINCT o.customer FROM work_touched t
	CROSS JOIN LATERAL (SELECT * FROM attrib.customer_order o
		WHERE o.site = t.site AND o.order_id = t.order_id OFFSET 0) o
	WHERE t.kind = 1 AND NOT t.fresh -- what is fresh is in no ledger yet
	ON CONFLICT DO NOTHING;

	DELETE FROM attrib.customer_order o
	USING (SELECT t.site, t.order_id FROM work_touched t
		CROSS JOIN LATERAL (SELECT NOT d.has_keys AND NOT a.keep_path AND NOT a.keep_all AS keyless
			FROM work_apply a JOIN stage_decision d USING (site, kind, order_id)
			WHERE (a.site, a.kind, a.order_id) = (t.site, t.kind, t.order_id) OFFSET 0) a
		CROSS JOIN LATERAL (SELECT c.merged_into FROM attrib.conversion c
			WHERE (c.site, c.kind, c.order_id) = (t.site, t.kind, t.order_id) OFFSET 0) c
		WHERE t.kind = 1 AND NOT t.fresh AND (c.merged_into <> '' OR a.keyless) OFFSET 0) a
	WHERE o.site = a.site AND o.order_id = a.order_id;
	INSERT INTO work_order
	SELECT c.site, c.order_id, coalesce(k.customer, o.customer), c.placed_at,
		c.counted AND NOT c.cancelled AND (c.gross <= 0 OR c.refunded < c.gross), o.kind
	FROM work_touched t
	CROSS JOIN LATERAL (SELECT * FROM attrib.conversion c
		WHERE (c.site, c.kind, c.order_id) = (t.site, t.kind, t.order_id) OFFSET 0) c
	LEFT JOIN LATERAL (SELECT * FROM attrib.customer_order o
		WHERE o.site = t.site AND o.order_id = t.order_id AND NOT t.fresh OFFSET 0) o ON true
	LEFT JOIN LATERAL (SELECT k.customer FROM work_apply a JOIN work_owner k USING (site, order_id)
		WHERE (a.site, a.kind, a.order_id) = (t.site, t.kind, t.order_id) AND NOT a.keep_all OFFSET 0) k ON true
	WHERE t.kind = 1 AND c.ticket > 0 AND c.merged_into = '' AND coalesce(k.customer, o.customer) IS NOT NULL;
	INSERT INTO work_customer SELECT customer FROM work_order ON CONFLICT DO NOTHING;
	PERFORM attrib.merge_v1_kinds();
END $$;
COMMENT ON FUNCTION attrib.merge_v1_customers() IS 'Step of merge_v1: the ledger of customers and their orders.';

CREATE OR REPLACE FUNCTION attrib.merge_v1_settle()
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM attrib.quarantine WHERE reason = 'refused') THEN
		RETURN;
	END IF;
	DELETE FROM attrib.quarantine q USING (
		SELECT d.site, jsonb_build_array(attrib.kind_name(d.kind), d.order_id)::text AS key, d.ticket
		FROM work_apply a JOIN stage_decision d USING (site, kind, order_id)
		UNION ALL
		SELECT site, jsonb_build_array('refund', order_id, source, refund_id, event_id)::text, NULL FROM stage_refund
		UNION ALL
		SELECT site, jsonb_build_array('cancel', order_id, event_id)::text, NULL FROM stage_cancel) s
	WHERE q.site = s.site AND q.reason = 'refused' AND q.key = attrib.short_key(s.key)
		AND coalesce((q.detail->>'ticket')::bigint <= s.ticket, true);
END $$;
COMMENT ON FUNCTION attrib.merge_v1_settle() IS 'Step of merge_v1: what was refused before and has now come in, as it was or by a later decision, leaves the quarantine.';

CREATE OR REPLACE FUNCTION attrib.merge_v1_rows()
RETURNS void LANGUAGE plpgsql
-- A batch is small beside its tables, every join has an index and is written from the batch outwards:
-- looking up in that order is right whatever the statistics say, and in a young database they say
-- nothing.
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET join_collapse_limit = 1 AS $$
DECLARE
	stranger text;
BEGIN
	PERFORM attrib.stage_v1_rollups();
	SELECT u.site INTO stranger FROM (SELECT site FROM stage_decision UNION SELECT site FROM stage_refund
		UNION SELECT site FROM stage_cancel UNION SELECT site FROM stage_key
		UNION SELECT site FROM stage_traffic) u
	WHERE NOT EXISTS (SELECT FROM attrib.site s WHERE s.name = u.site) LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'attrib.site has no row for site "%"', stranger;
	END IF;

	IF EXISTS (SELECT FROM stage_decision) OR EXISTS (SELECT FROM stage_refund)
		OR EXISTS (SELECT FROM stage_cancel) OR EXISTS (SELECT FROM stage_key) THEN
		PERFORM attrib.merge_v1_facts();
		PERFORM attrib.merge_v1_absorb();
		PERFORM attrib.merge_v1_lock();
		PERFORM attrib.merge_v1_sums(-1::smallint);
		PERFORM attrib.merge_v1_decisions();
		PERFORM attrib.merge_v1_aliases();
		PERFORM attrib.merge_v1_resolve();
		PERFORM attrib.merge_v1_refunds();
		PERFORM attrib.merge_v1_customers();
		PERFORM attrib.merge_v1_sums(1::smallint);
		PERFORM attrib.merge_v1_rollups();
		PERFORM attrib.merge_v1_settle();
		PERFORM attrib.merge_v1_commissions();
		PERFORM attrib.merge_v1_outbox();
	END IF;

	PERFORM attrib.merge_v1_traffic();
	PERFORM attrib.merge_v1_visitors();
END $$;
COMMENT ON FUNCTION attrib.merge_v1_rows() IS 'Merges what is staged: rows and rollups, within the caller''s transaction. What it has worked on stays staged: unstage_v1.';

CREATE OR REPLACE FUNCTION attrib.merge_v1_positions(p_instance bytea, p_lanes bytea[], p_numbers bigint[],
	p_catalog_version bigint, p_records bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO attrib.lane_position AS p (instance, lane, number)
	SELECT p_instance, lane, number FROM unnest(p_lanes, p_numbers) AS t (lane, number)
	ON CONFLICT (instance, lane) DO UPDATE SET number = greatest(p.number, excluded.number);
	UPDATE attrib.instance SET catalog_version = p_catalog_version, records = records + p_records,
		base = greatest(base, (SELECT max(number) FROM unnest(p_numbers) AS number)),
		flushed_at = clock_timestamp()
	WHERE id = p_instance;
END $$;
COMMENT ON FUNCTION attrib.merge_v1_positions(bytea, bytea[], bigint[], bigint, bigint) IS 'Step of merge_v1: how far the instance''s journal is in the database.';

CREATE OR REPLACE FUNCTION attrib.merge_v1(p_instance bytea, p_lanes bytea[], p_numbers bigint[],
	p_catalog_version bigint, p_records bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM attrib.merge_v1_rows();
	PERFORM attrib.merge_v1_positions(p_instance, p_lanes, p_numbers, p_catalog_version, p_records);
END $$;
COMMENT ON FUNCTION attrib.merge_v1(bytea, bytea[], bigint[], bigint, bigint) IS 'Merges the staged batch: rows, rollups and lane positions, within the caller''s transaction and after begin_v1.';

CREATE OR REPLACE FUNCTION attrib.rekind_v1(p_site text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM attrib.stage_v1();
	PERFORM FROM attrib.site WHERE name = p_site FOR NO KEY UPDATE;
	INSERT INTO work_customer SELECT id FROM attrib.customer WHERE site = p_site;
	PERFORM attrib.merge_v1_kinds();
	PERFORM attrib.merge_v1_sums(1::smallint);
	PERFORM attrib.merge_v1_rollups();
	PERFORM attrib.merge_v1_commissions();
	-- The transaction may go on with another site: what has been added is not added again.
	PERFORM attrib.unstage_v1();
END $$;
COMMENT ON FUNCTION attrib.rekind_v1(text) IS 'Decides new or returning again for all customers of a site: after customer_history has changed. One transaction.';
