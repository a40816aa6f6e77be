-- Why an order or lead is what it is: everything that its rows know, in one document, for
-- `attribd explain`, the admin listener and whoever asks. Its keys are only ever added to. Nothing is
-- decided here: the engine's reasons are shown as they are stored; only what a creator without credit
-- lost to, and which refunds counted, is read off the rows again.

CREATE OR REPLACE FUNCTION attrib.explain_adjustments(c attrib.conversion)
RETURNS jsonb LANGUAGE sql STABLE AS $$
	WITH facts AS (
		SELECT f.* FROM attrib.refund_fact f WHERE f.site = c.site AND f.resolved = c.order_id AND c.kind = 1
	), refunds AS (
		SELECT f.*, w.amount AS stands, w.voided AS taken_back, f.currency IS NULL OR f.currency = c.currency AS fits,
			(f.order_id, f.event_id) = (w.order_id, w.event_id) AS latest,
			(f.order_id, f.event_id) = (w.order_id, w.event_id) AND NOT w.voided
				AND (f.currency IS NULL OR f.currency = c.currency) AS adds
		FROM facts f
		JOIN attrib.refund_words(ARRAY(SELECT f::attrib.refund_fact FROM facts f)) w USING (source, refund_id)
	), sums AS (
		SELECT source, coalesce(sum(stands) FILTER (WHERE NOT cumulative), 0) AS singles,
			coalesce(max(stands) FILTER (WHERE cumulative), 0) AS running
		FROM refunds WHERE adds GROUP BY source
	), best AS ( -- as merge_v1_refunds chooses: the source that reports most
		SELECT source, singles >= running AS by_singles FROM sums
		ORDER BY greatest(singles, running) DESC, source LIMIT 1
	), judged AS (
		SELECT r.*, CASE
			WHEN taken_back THEN 'taken back'
			WHEN NOT latest THEN 'a later word of this refund decides'
			WHEN NOT fits THEN 'not in the currency of the order'
			WHEN stands = 0 AND amount > 0 THEN 'all of it was taken back since'
			WHEN r.source <> b.source THEN format('%s reports at least as much: the same money', b.source)
			WHEN cumulative = by_singles THEN 'the single refunds and the running total of one source are the same money'
			WHEN cumulative AND row_number() OVER (PARTITION BY r.source, cumulative, adds
				ORDER BY stands DESC, occurred_at DESC, event_id DESC) > 1 THEN 'a running total with a greater one' END AS reason
		FROM refunds r LEFT JOIN best b ON true
	), cancels AS (
		SELECT *, row_number() OVER (ORDER BY occurred_at DESC, event_id DESC) = 1 AS last
		FROM attrib.cancel_fact WHERE site = c.site AND resolved = c.order_id AND c.kind = 1
	)
	SELECT coalesce(jsonb_agg(fact ORDER BY occurred_at, event_id), '[]') FROM (
		SELECT occurred_at, event_id, jsonb_build_object('type', 'refund', 'occurred_at', occurred_at,
			'received_at', received_at, 'source', source, 'id', refund_id, 'event_id', event_id,
			'order_id', order_id, 'currency', coalesce(currency, c.currency),
			'amount', attrib.major(amount, coalesce(currency, c.currency)),
			'tax', CASE WHEN has_parts THEN attrib.major(tax, coalesce(currency, c.currency)) END,
			'shipping', CASE WHEN has_parts THEN attrib.major(shipping, coalesce(currency, c.currency)) END,
			'cumulative', cumulative, 'stands', attrib.major(stands, coalesce(currency, c.currency)), 'voided', voided, 'counts', reason IS NULL, 'reason', reason) AS fact
		FROM judged
		UNION ALL
		SELECT occurred_at, event_id, jsonb_build_object('type', CASE WHEN reversed THEN 'uncancel' ELSE 'cancel' END,
			'occurred_at', occurred_at, 'received_at', received_at, 'source', source, 'event_id', event_id,
			'order_id', order_id, 'counts', last, 'reason', CASE WHEN NOT last THEN 'a later word decides' END)
		FROM cancels) f
$$;
COMMENT ON FUNCTION attrib.explain_adjustments(attrib.conversion) IS 'Refunds and cancels of an order by time, with what counts and why not. Part of explain.';

CREATE OR REPLACE FUNCTION attrib.explain_losers(c attrib.conversion, winner attrib.credit)
RETURNS jsonb LANGUAGE sql STABLE AS $$
	WITH eligible AS (
		SELECT p.*, channel <> 4 AND NOT viewed AS clicked, coalesce(nullif(tracker, ''), key) AS name
		FROM attrib.path_row p
		WHERE (p.site, p.kind, p.order_id) = (c.site, c.kind, c.order_id) AND p.eligible AND p.creator <> ''
	), creators AS (
		SELECT creator, count(*) AS touches, jsonb_agg(step ORDER BY step) AS steps, max(occurred_at) AS last_at,
			bool_or(clicked) AS clicked, bool_or(channel <> 4) AS touched,
			(array_agg(name ORDER BY step) FILTER (WHERE channel = 4))[1] AS code
		FROM eligible GROUP BY creator
	), judged AS (
		SELECT l.*, CASE
			WHEN c.rule = 'code' THEN format('code %s of %s decides', c.code, winner.creator)
				|| CASE WHEN l.code IS NULL THEN '' ELSE '; of several codes the larger discount, then the first listed' END
			WHEN l.code IS NOT NULL AND l.code <> c.code THEN format('code %s was not asked: of several codes the larger discount, then the first listed', l.code)
			WHEN NOT l.touched THEN format('code %s may not decide: its rule is %s', l.code, c.code_rule)
			WHEN winner.creator <> '' AND NOT l.clicked AND EXISTS (SELECT FROM creators w
				WHERE w.creator = winner.creator AND w.clicked) THEN format('only views: a click of %s goes before them', winner.creator)
			WHEN winner.creator <> '' THEN format('an older touch: the last one is of %s', winner.creator)
				|| CASE WHEN l.code IS NULL THEN '' ELSE format('; code %s may not decide: its rule is %s', l.code, c.code_rule) END
			ELSE coalesce(nullif(c.reason, ''), 'the policy credits nobody') END AS reason
		FROM creators l WHERE l.creator IS DISTINCT FROM winner.creator
	)
	SELECT coalesce(jsonb_agg(jsonb_build_object('creator', creator, 'touches', touches, 'steps', steps,
		'last_touched_at', last_at, 'reason', reason) ORDER BY last_at DESC, creator), '[]') FROM judged
$$;
COMMENT ON FUNCTION attrib.explain_losers(attrib.conversion, attrib.credit) IS 'Creators with an eligible touch whom the policy credits nothing, and to what they lost. Part of explain.';

CREATE OR REPLACE FUNCTION attrib.explain_decision(c attrib.conversion, winner attrib.credit)
RETURNS text LANGUAGE sql STABLE AS $$
	SELECT CASE
	WHEN c.rule = 'code' THEN format('code %s of %s decides by its rule %s', c.code, winner.creator, c.code_rule)
		|| CASE WHEN winner.channel = 4 THEN ''
			ELSE format('; credited through its %s %s', attrib.channel_name(winner.channel), winner.tracker) END
	WHEN c.rule = 'last owned touch' THEN format('the last touch of a creator is of %s; credited through its %s %s',
		winner.creator, attrib.channel_name(winner.channel), winner.tracker)
	WHEN c.rule = 'unowned utm' THEN format('no creator''s touch decides; the last UTM is nobody''s: %s', winner.tracker)
	WHEN c.reason <> '' THEN format('nobody is credited: %s', c.reason)
	WHEN count(p.step) = 0 THEN 'nobody is credited: no touch was found'
	WHEN NOT bool_or(p.eligible) THEN 'nobody is credited: no touch is eligible'
	ELSE 'nobody is credited: no eligible touch may decide' END
	FROM (SELECT) one LEFT JOIN attrib.path_row p ON (p.site, p.kind, p.order_id) = (c.site, c.kind, c.order_id)
$$;
COMMENT ON FUNCTION attrib.explain_decision(attrib.conversion, attrib.credit) IS 'The rule that fired, as a sentence. Part of explain.';

CREATE OR REPLACE FUNCTION attrib.explain(p_site text, p_kind text, p_order text)
RETURNS jsonb LANGUAGE plpgsql STABLE SET TimeZone = 'UTC' AS $$
DECLARE
	kind_no   int := array_position('{order,lead}'::text[], coalesce(p_kind, 'order'));
	c         attrib.conversion;
	winner    attrib.credit;
	merged    text[];
	aliases   jsonb;
	customer  int;
	path      jsonb;
	models    jsonb;
BEGIN
	IF kind_no IS NULL THEN
		RAISE EXCEPTION 'unknown kind "%"', p_kind USING ERRCODE = '22023', HINT = 'order or lead';
	END IF;
	SELECT * INTO c FROM attrib.conversion o WHERE o.site = p_site AND o.kind = kind_no AND o.ticket > 0
		AND o.order_id = CASE kind_no WHEN 1 THEN attrib.resolve_order(p_site, p_order) ELSE p_order END;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	SELECT * INTO winner FROM attrib.credit k
	WHERE (k.site, k.kind, k.order_id) = (c.site, c.kind, c.order_id) AND k.share[1] > 0 ORDER BY k.n LIMIT 1;
	SELECT o.kind INTO customer FROM attrib.customer_order o
	WHERE c.kind = 1 AND o.site = c.site AND o.order_id = c.order_id;

	WITH RECURSIVE taken AS (
		SELECT c.order_id AS id
		UNION SELECT m.order_id FROM taken t
		JOIN attrib.conversion m ON m.site = c.site AND m.kind = c.kind AND m.merged_into <> '' AND m.merged_into = t.id
	)
	SELECT array_agg(id ORDER BY id) INTO merged FROM taken;
	SELECT jsonb_agg(jsonb_build_object('kind', a.kind, 'value', a.value) ORDER BY a.kind, a.value) INTO aliases
	FROM unnest(merged) m (id) JOIN attrib.order_alias a ON a.site = c.site AND a.order_id = m.id WHERE c.kind = 1;

	SELECT jsonb_agg(jsonb_build_object('step', p.step, 'occurred_at', p.occurred_at,
		'channel', attrib.channel_name(p.channel), 'key', p.key, 'creator', nullif(p.creator, ''),
		'campaign', nullif(p.campaign, ''), 'placement', nullif(p.placement, ''), 'tracker', nullif(p.tracker, ''),
		'eligible', p.eligible, 'reason', p.reason, 'window_ends_at', p.window_ends_at, 'suspect', attrib.suspect_flags(p.flags) <> 0, 'flags', attrib.flag_names(p.flags),
		'discount', attrib.major(nullif(p.discount, 0), c.currency),
		'by_click_id', p.by_click_id, 'view', p.viewed, 'credit', p.credit, 'event_id', p.event_id) ORDER BY p.step)
	INTO path FROM attrib.path_row p WHERE (p.site, p.kind, p.order_id) = (c.site, c.kind, c.order_id);
	SELECT jsonb_agg(jsonb_build_object('model', attrib.model_name(x.model::int), 'credits', x.credits) ORDER BY x.model)
	INTO models FROM (
		SELECT m.model, jsonb_agg(jsonb_build_object('n', k.n, 'creator', nullif(k.creator, ''),
			'campaign', nullif(k.campaign, ''), 'placement', nullif(k.placement, ''),
			'channel', attrib.channel_name(k.channel), 'tracker', nullif(k.tracker, ''), 'touched_at', k.touched_at,
			'share', trim_scale(m.share::numeric / 1000000000000), 'gross', attrib.major(m.amount, c.currency),
			'refunded', attrib.major(m.refunded, c.currency),
			'net', attrib.major(m.amount - m.refunded, c.currency)) ORDER BY k.n) AS credits
		FROM attrib.credit k
		CROSS JOIN LATERAL unnest(k.share, k.amount, k.refunded) WITH ORDINALITY AS m (share, amount, refunded, model)
		WHERE (k.site, k.kind, k.order_id) = (c.site, c.kind, c.order_id) AND m.share <> 0
		GROUP BY m.model) x;

	RETURN jsonb_build_object('site', c.site, 'kind', attrib.kind_name(c.kind), 'order_id', c.order_id,
		'aliases', coalesce(aliases, '[]'), 'merged', to_jsonb(array_remove(merged, c.order_id)),
		'status', attrib.status_name(c.base_status, c.cancelled, c.refunded, c.gross),
		'reason', nullif(c.reason, ''), 'counted', c.counted, 'late', c.late, 'signed', c.signed,
		'placed_at', c.placed_at, 'counted_at', c.counted_at, 'first_received_at', c.first_received_at,
		'order_kind', nullif(c.order_kind, ''), 'order_source', nullif(c.order_source, ''),
		'source', nullif(c.source, ''), 'customer_kind', attrib.customer_kind_name(customer),
		'currency', nullif(c.currency, ''), 'gross', attrib.major(c.gross, c.currency),
		'refunded', attrib.major(c.refunded, c.currency), 'net', attrib.major(c.gross - c.refunded, c.currency),
		'total', attrib.major(c.total, c.currency), 'refund_total', attrib.major(c.refund_total, c.currency),
		'over_refund', c.over_refund, 'cancelled', c.cancelled,
		'rule', nullif(c.rule, ''), 'code', nullif(c.code, ''), 'code_rule', nullif(c.code_rule, ''), 'decision', attrib.explain_decision(c, winner),
		'policy_version', c.policy_version, 'catalog_version', c.catalog_version,
		'creator_claims', c.creator_claims, 'channel_claims', c.channel_claims,
		'path', coalesce(path, '[]'), 'losers', attrib.explain_losers(c, winner),
		'models', coalesce(models, '[]'), 'adjustments', attrib.explain_adjustments(c));
END $$;
COMMENT ON FUNCTION attrib.explain(text, text, text) IS 'Why an order or lead (kind; NULL = order) is what it is: decision, path, losers, credits by model, refunds and cancels. Orders may be named by an alias. Money in major units, instants in UTC. NULL = unknown.';
