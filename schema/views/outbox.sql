-- What has not been sent, for people.

CREATE OR REPLACE VIEW attrib.outbox AS
SELECT o.site, attrib.kind_name(o.kind) AS kind, o.order_id, o.n AS revision, o.type,
	CASE WHEN o.state = 'dead' THEN 'dead'
	WHEN EXISTS (SELECT FROM attrib.outbox_event e WHERE (e.site, e.kind, e.order_id) = (o.site, o.kind, o.order_id)
		AND e.n < o.n AND e.state <> 'sent') THEN 'held'
	WHEN o.holder IS NOT NULL THEN 'sending'
	ELSE 'waiting' END AS state,
	o.tries, o.created_at, CASE WHEN o.state = 'waiting' THEN nullif(o.next_at, 'infinity') END AS next_at,
	o.done_at AS dead_at, o.error, o.event_id, o.webhook_id
FROM attrib.outbox_event o WHERE o.state <> 'sent';
SELECT attrib.describe('outbox', 'Forwarded events that their receiver has not confirmed yet.',
	'site: shop', 'kind: order or lead', 'order_id: of the conversion', 'revision: of the conversion',
	'type: conversion.created or conversion.adjusted',
	'state: waiting, sending, held = behind an earlier one of its conversion, dead = given up, until a retry',
	'tries: so far', 'created_at: when it was written', 'next_at: the earliest time of the next try; NULL = none',
	'dead_at: when it was given up', 'error: why the last try failed', 'event_id: as the receiver gets it',
	'webhook_id: as the receiver gets it');
