-- What waits for a person, in words.

CREATE OR REPLACE VIEW attrib.quarantined AS
SELECT site, reason, CASE reason WHEN 'alias_conflict' THEN 'order' WHEN 'refund_currency' THEN 'refund'
		ELSE detail->>'what' END AS what,
	nullif(order_id, '') AS order_id, key, seen_at, detail->>'sqlstate' AS sqlstate,
	concat_ws(' ', nullif(detail->>'table', ''), nullif(detail->>'column', ''), nullif(detail->>'constraint', '')) AS place,
	CASE reason
	WHEN 'alias_conflict' THEN format('%s "%s" is a name of order "%s"', detail->>'kind', detail->>'value', detail->>'names')
	WHEN 'refund_currency' THEN format('refund "%s" of %s is in %s, its order in %s', detail->>'refund_id',
		detail->>'source', detail->>'currency', detail->>'order_currency')
	ELSE detail->>'message' END AS message
FROM attrib.quarantine;
SELECT attrib.describe('quarantined', 'What could not be applied and waits for a person. Refused rows are merged again by attribd quarantine retry; the others leave when a later event settles them.',
	'site: shop', 'reason: alias_conflict, refund_currency, or refused = by PostgreSQL, for its data',
	'what: order, lead, refund, cancel, customer (keys that were named together) or traffic',
	'order_id: that it concerns; NULL = none', 'key: names the row for retry', 'seen_at: first',
	'sqlstate: PostgreSQL''s error; NULL = the merge''s own rule', 'place: table, column and constraint, as far as they were told',
	'message: why');
