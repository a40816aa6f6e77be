-- Forwarding. The merge compares each touched conversion of a forwarding site with what was last told
-- of it, and writes the difference; the daemons claim what is due, send it and note what became of it.
-- Locks: forwarded rows by key, behind the rollups; rows of the outbox are only added by a merge, and
-- only locked by those who send, who lock nothing else.

CREATE OR REPLACE FUNCTION attrib.put_forward_v1(p_site text, p_events text[], p_at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF cardinality(p_events) > 0 THEN
		INSERT INTO attrib.forward AS f (site, events, since) VALUES (p_site, p_events, p_at)
		ON CONFLICT (site) DO UPDATE SET events = excluded.events WHERE f.events <> excluded.events;
		RETURN;
	END IF;
	DELETE FROM attrib.forward WHERE site = p_site;
	IF FOUND THEN
		UPDATE attrib.outbox_event SET state = 'dead', next_at = 'infinity', holder = NULL,
			error = 'forwarding of the site was switched off', done_at = clock_timestamp()
		WHERE site = p_site AND state = 'waiting';
	END IF;
END $$;
COMMENT ON FUNCTION attrib.put_forward_v1(text, text[], timestamptz) IS 'Switches forwarding of a site on (types of events; p_at = since when, of a site that did not forward) or off (none): what waits then is given up. After the lock of the site''s row.';

CREATE OR REPLACE FUNCTION attrib.forward_time(at timestamptz)
RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
	SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;
COMMENT ON FUNCTION attrib.forward_time(timestamptz) IS 'An instant as ISO 8601 in UTC, with milliseconds.';

CREATE OR REPLACE FUNCTION attrib.forward_state(c attrib.conversion, p_model int)
RETURNS jsonb LANGUAGE sql STABLE AS $$
	SELECT jsonb_build_object('model', attrib.model_name(p_model), 'currency', nullif(c.currency, ''),
		'status', CASE WHEN c.merged_into <> '' THEN 'merged'
			ELSE attrib.status_name(c.base_status, c.cancelled, c.refunded, c.gross) END,
		'gross', attrib.major(a.gross, c.currency)::text,
		'refunded', attrib.major(a.refunded, c.currency)::text,
		'net', attrib.major(a.gross - a.refunded, c.currency)::text,
		'credits', CASE WHEN a.counts THEN coalesce((
			SELECT jsonb_agg(jsonb_build_object('creator', nullif(k.creator, ''), 'campaign', nullif(k.campaign, ''),
				'placement', nullif(k.placement, ''), 'channel', attrib.channel_name(k.channel),
				'tracker', nullif(k.tracker, ''),
				'share', trim_scale(k.share[p_model]::numeric / 1000000000000)::text,
				'gross', attrib.major(k.amount[p_model], c.currency)::text,
				'refunded', attrib.major(k.refunded[p_model], c.currency)::text,
				'net', attrib.major(k.amount[p_model] - k.refunded[p_model], c.currency)::text) ORDER BY k.n)
			FROM attrib.credit k
			WHERE (k.site, k.kind, k.order_id) = (c.site, c.kind, c.order_id) AND k.share[p_model] <> 0), '[]')
			ELSE '[]' END)
	FROM (SELECT counts, CASE WHEN counts THEN c.gross ELSE 0 END AS gross,
			CASE WHEN counts THEN c.refunded ELSE 0 END AS refunded
		FROM (VALUES (c.counted AND c.merged_into = '')) v (counts)) a
$$;
COMMENT ON FUNCTION attrib.forward_state(attrib.conversion, int) IS 'What is told of a conversion, and whose change is told: status, money and the credits of a model, amounts as texts in major units. What does not count has amounts of 0 and no credits.';

CREATE OR REPLACE FUNCTION attrib.forward_data(c attrib.conversion, p_event text, p_n int, p_told jsonb, p_before jsonb)
RETURNS text LANGUAGE sql STABLE AS $$
	SELECT concat('{"event_id":', to_json(p_event), ',"revision":', p_n, ',"site":', to_json(c.site),
		',"kind":"', attrib.kind_name(c.kind), '","order_id":', to_json(c.order_id),
		',"status":', p_told->'status', ',"merged_into":' || to_json(nullif(c.merged_into, ''))::text,
		',"currency":', p_told->'currency', ',"gross":', p_told->'gross', ',"refunded":', p_told->'refunded',
		',"net":', p_told->'net',
		',"placed_at":', coalesce(to_json(attrib.forward_time(c.placed_at))::text, 'null'),
		',"counted_at":', coalesce(to_json(attrib.forward_time(c.counted_at))::text, 'null'),
		',"customer_kind":"', attrib.customer_kind_name((SELECT o.kind FROM attrib.customer_order o
			WHERE c.kind = 1 AND o.site = c.site AND o.order_id = c.order_id)),
		'","model":', p_told->'model', ',"credits":', p_told->'credits',
		CASE WHEN p_before IS NOT NULL THEN ',"adjustment":' || jsonb_build_object(
			'amount', CASE WHEN p_told->'currency' = p_before->'currency'
				THEN ((p_told->>'net')::numeric - (p_before->>'net')::numeric)::text END,
			'previous', p_before - 'model')::text END, '}')
$$;
COMMENT ON FUNCTION attrib.forward_data(attrib.conversion, text, int, jsonb, jsonb) IS 'The part `data` of an event, as JSON. p_before NULL = it is the first of its conversion; else the change of net is its adjustment (null when the currency has changed).';

CREATE OR REPLACE FUNCTION attrib.merge_v1_outbox()
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM attrib.forward) THEN
		RETURN;
	END IF;
	WITH changed AS (
		SELECT c, c.site, c.kind, c.order_id, f.events, coalesce(o.n, 0) + 1 AS n, o.told AS before, s.told,
			CASE WHEN o.n IS NULL THEN 'conversion.created' ELSE 'conversion.adjusted' END AS type,
			concat(attrib.kind_name(c.kind), ':', c.order_id,
				':' || (o.n + 1) || '-' || left(md5(o.told::text || s.told::text), 12)) AS event_id
		FROM work_touched t
		JOIN attrib.forward f ON f.site = t.site
		JOIN attrib.conversion c ON (c.site, c.kind, c.order_id) = (t.site, t.kind, t.order_id)
		JOIN attrib.site w ON w.name = c.site
		LEFT JOIN attrib.forwarded o ON (o.site, o.kind, o.order_id) = (t.site, t.kind, t.order_id)
		CROSS JOIN LATERAL attrib.forward_state(c, w.primary_model) s (told)
		WHERE CASE WHEN o.n IS NULL
			THEN c.counted AND c.merged_into = '' AND greatest(c.first_received_at, c.counted_at) >= f.since
			ELSE o.told <> s.told END
	), kept AS (
		INSERT INTO attrib.forwarded AS o (site, kind, order_id, n, told)
		SELECT site, kind, order_id, n, told FROM changed ORDER BY site, kind, order_id
		ON CONFLICT (site, kind, order_id) DO UPDATE SET n = excluded.n, told = excluded.told
	)
	INSERT INTO attrib.outbox_event (site, kind, order_id, n, type, event_id, webhook_id, body, created_at, next_at)
	SELECT site, kind, order_id, n, type, event_id,
		'msg_' || left(encode(sha256(convert_to(data, 'UTF8')), 'hex'), 32),
		concat('{"type":"', type, '","timestamp":"', attrib.forward_time(now()), '","data":', data, '}'),
		clock_timestamp(), clock_timestamp()
	FROM changed CROSS JOIN LATERAL attrib.forward_data(c, event_id, n, told, before) d (data)
	WHERE type = ANY (events) ORDER BY site, kind, order_id;
END $$;
COMMENT ON FUNCTION attrib.merge_v1_outbox() IS 'Step of merge_v1: of the touched conversions of forwarding sites what has changed since it was last told goes into the outbox. A conversion is told of from when it first counts, unless that was before forwarding began.';

CREATE OR REPLACE FUNCTION attrib.outbox_attach_v1(p_holder bytea)
RETURNS void LANGUAGE sql AS $$
	UPDATE attrib.outbox_event SET holder = NULL, next_at = clock_timestamp()
	WHERE holder = p_holder AND state = 'waiting'
$$;
COMMENT ON FUNCTION attrib.outbox_attach_v1(bytea) IS 'A process of an instance begins to send: what a former one had under way is due at once.';

CREATE OR REPLACE FUNCTION attrib.outbox_claim_v1(p_holder bytea, p_site text, p_most int, p_lease interval)
RETURNS TABLE (id bigint, claim int, tries int, begun interval, webhook_id text, body text) LANGUAGE sql
-- The first few of a queue that may be long, by its index: right whatever statistics say of a young table.
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
	WITH due AS (
		SELECT o.id, o.site, o.kind, o.order_id, o.n, o.next_at FROM attrib.outbox_event o
		WHERE o.site = p_site AND o.state = 'waiting' AND o.next_at <= clock_timestamp()
		ORDER BY o.next_at, o.id LIMIT p_most + 64 FOR UPDATE SKIP LOCKED
	), looked AS (
		SELECT d.id, d.next_at, (SELECT max(e.next_at) FROM attrib.outbox_event e
			WHERE (e.site, e.kind, e.order_id) = (d.site, d.kind, d.order_id)
				AND e.n < d.n AND e.state <> 'sent') AS held
		FROM due d
	), chosen AS (
		SELECT l.id, l.held, row_number() OVER (PARTITION BY l.held IS NULL ORDER BY l.next_at, l.id) AS place
		FROM looked l
	), taken AS (
		UPDATE attrib.outbox_event o SET
			holder = CASE WHEN c.held IS NULL THEN p_holder END,
			claims = o.claims + (c.held IS NULL)::int,
			tries = o.tries + (c.held IS NULL)::int,
			begun_at = CASE WHEN c.held IS NULL THEN coalesce(o.begun_at, clock_timestamp()) ELSE o.begun_at END,
			next_at = CASE WHEN c.held IS NULL THEN clock_timestamp() + p_lease
				ELSE greatest(c.held, clock_timestamp() + interval '1 s') END
		FROM chosen c
		WHERE o.id = c.id AND (c.held IS NOT NULL OR c.place <= p_most)
		RETURNING o.*, c.held
	)
	SELECT t.id, t.claims, t.tries, clock_timestamp() - t.begun_at, t.webhook_id, t.body
	FROM taken t WHERE t.held IS NULL ORDER BY t.id
$$;
COMMENT ON FUNCTION attrib.outbox_claim_v1(bytea, text, int, interval) IS 'Takes up to p_most due events of a site, for so long that nobody else tries them meanwhile. What stands behind an earlier event of its conversion is put off until that one''s next try. begun: since the first try.';

CREATE OR REPLACE FUNCTION attrib.outbox_mark_v1(p_holder bytea, p_id bigint, p_claim int, p_outcome text,
	p_wait interval, p_error text)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	at   timestamptz := clock_timestamp();
	mine attrib.outbox_event;
BEGIN
	UPDATE attrib.outbox_event SET holder = NULL,
		state = CASE WHEN p_outcome IN ('sent', 'dead') THEN p_outcome ELSE state END,
		next_at = CASE p_outcome WHEN 'dead' THEN 'infinity' WHEN 'sent' THEN next_at ELSE at + p_wait END,
		tries = tries - (p_outcome = 'released')::int,
		error = CASE p_outcome WHEN 'sent' THEN NULL WHEN 'released' THEN error ELSE p_error END,
		done_at = CASE WHEN p_outcome IN ('sent', 'dead') THEN at END
	WHERE id = p_id AND claims = p_claim AND holder = p_holder AND state = 'waiting'
	RETURNING * INTO mine;
	IF mine.state = 'sent' THEN
		UPDATE attrib.outbox_event SET next_at = at
		WHERE id = (SELECT e.id FROM attrib.outbox_event e
				WHERE (e.site, e.kind, e.order_id) = (mine.site, mine.kind, mine.order_id)
					AND e.n > mine.n AND e.state <> 'sent' ORDER BY e.n LIMIT 1)
			AND state = 'waiting' AND next_at > at;
	END IF;
	RETURN mine.id IS NOT NULL;
END $$;
COMMENT ON FUNCTION attrib.outbox_mark_v1(bytea, bigint, int, text, interval, text) IS 'Notes what became of a claimed event: sent, again (after p_wait), dead, or released = it was not tried. The next one of its conversion follows a sent one. False: the claim had run out.';

CREATE OR REPLACE FUNCTION attrib.outbox_retry_v1(p_site text, p_names text[])
RETURNS SETOF attrib.outbox_event LANGUAGE sql AS $$
	UPDATE attrib.outbox_event SET state = 'waiting', next_at = clock_timestamp(), begun_at = NULL, tries = 0,
		done_at = NULL
	WHERE (state = 'dead' OR (state = 'waiting' AND tries > 0 AND holder IS NULL))
		AND (p_site IS NULL OR site = p_site)
		AND (p_names IS NULL OR order_id = ANY (p_names) OR event_id = ANY (p_names) OR webhook_id = ANY (p_names))
	RETURNING *
$$;
COMMENT ON FUNCTION attrib.outbox_retry_v1(text, text[]) IS 'Events that were given up, or have failed and wait for their next try, are due now, as if they had never been tried: all, those of a site, or of these order, event or webhook ids.';

CREATE OR REPLACE FUNCTION attrib.outbox_trim_v1(p_sent interval, p_dead interval, p_most int)
RETURNS bigint LANGUAGE sql AS $$
	WITH gone AS (
		SELECT id FROM (SELECT id FROM attrib.outbox_event WHERE state = 'sent' AND done_at < clock_timestamp() - p_sent
			ORDER BY done_at LIMIT p_most FOR UPDATE SKIP LOCKED) s
		UNION
		SELECT e.id FROM (SELECT * FROM attrib.outbox_event WHERE state = 'dead' AND done_at < clock_timestamp() - p_dead
			ORDER BY done_at LIMIT p_most FOR UPDATE SKIP LOCKED) d
		JOIN attrib.outbox_event e ON (e.site, e.kind, e.order_id) = (d.site, d.kind, d.order_id)
			AND e.n >= d.n AND e.state <> 'sent'
	), deleted AS (
		DELETE FROM attrib.outbox_event o USING gone WHERE o.id = gone.id RETURNING 1
	)
	SELECT count(*) FROM deleted
$$;
COMMENT ON FUNCTION attrib.outbox_trim_v1(interval, interval, int) IS 'Deletes events that were sent, or given up, longer ago than that, the latter with what waits behind them; some p_most of each at a time. Returns how many.';

CREATE OR REPLACE FUNCTION attrib.outbox_queue_v1(p_sites text[])
RETURNS TABLE (waiting bigint, oldest interval, dead bigint) LANGUAGE sql STABLE AS $$
	SELECT count(*) FILTER (WHERE state = 'waiting'),
		clock_timestamp() - min(created_at) FILTER (WHERE state = 'waiting'), count(*) FILTER (WHERE state = 'dead')
	FROM attrib.outbox_event WHERE state IN ('waiting', 'dead') AND site = ANY (p_sites)
$$;
COMMENT ON FUNCTION attrib.outbox_queue_v1(text[]) IS 'How much waits for the receivers of these sites, since when, and how much was given up.';

CREATE OR REPLACE FUNCTION attrib.check_outbox()
RETURNS TABLE (what text, key jsonb, stored jsonb, expected jsonb) LANGUAGE sql STABLE AS $$
	SELECT 'told', jsonb_build_array(c.site, c.kind, c.order_id), o.told, e.told
	FROM attrib.forward f
	JOIN attrib.conversion c ON c.site = f.site
	LEFT JOIN attrib.forwarded o ON (o.site, o.kind, o.order_id) = (c.site, c.kind, c.order_id)
	JOIN attrib.site w ON w.name = c.site
	CROSS JOIN LATERAL attrib.forward_state(c, coalesce(attrib.model_number(o.told->>'model', c.site), w.primary_model)) e (told)
	WHERE CASE WHEN o.n IS NULL
		THEN c.counted AND c.merged_into = '' AND greatest(c.first_received_at, c.counted_at) >= f.since
		ELSE o.told <> e.told END
$$;
COMMENT ON FUNCTION attrib.check_outbox() IS 'Conversions of forwarding sites of which something else was told last than what is stored now. No rows = true.';
