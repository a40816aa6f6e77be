-- Decided conversions on their way to other systems: which sites forward, what each receiver was told
-- last, and the queue.

CREATE TABLE attrib.forward (
	site   text COLLATE "C" PRIMARY KEY,
	events text[] NOT NULL,
	since  timestamptz NOT NULL
);
SELECT attrib.describe('forward', 'Sites whose decided conversions are forwarded, written by the daemon at start and reload. No row = merges keep nothing for anybody.',
	'site: shop',
	'events: types that go out: conversion.created, conversion.adjusted',
	'since: what was received and counted before it is history and not forwarded; by the clock of the daemon');

CREATE TABLE attrib.forwarded (
	site     text COLLATE "C" NOT NULL,
	kind     smallint NOT NULL,
	order_id text COLLATE "C" NOT NULL,
	n        int NOT NULL,
	told     jsonb NOT NULL,
	PRIMARY KEY (site, kind, order_id)
);
SELECT attrib.describe('forwarded', 'What was last put into the outbox of each forwarded conversion: the next event is the difference.',
	'site: shop', 'kind: 1 order, 2 lead', 'order_id: canonical id',
	'n: revisions so far; 1 = its creation',
	'told: status, model, currency, amounts and credits as the event had them');

CREATE TABLE attrib.outbox_event (
	id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	site       text COLLATE "C" NOT NULL,
	kind       smallint NOT NULL,
	order_id   text COLLATE "C" NOT NULL,
	n          int NOT NULL,
	type       text COLLATE "C" NOT NULL,
	event_id   text COLLATE "C" NOT NULL,
	webhook_id text COLLATE "C" NOT NULL,
	body       text NOT NULL,
	created_at timestamptz NOT NULL,
	state      text COLLATE "C" NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'dead')),
	next_at    timestamptz NOT NULL,
	begun_at   timestamptz,
	tries      int NOT NULL DEFAULT 0,
	claims     int NOT NULL DEFAULT 0,
	holder     bytea,
	error      text,
	done_at    timestamptz,
	UNIQUE (site, kind, order_id, n)
);
CREATE INDEX outbox_event_due ON attrib.outbox_event (site, next_at, id) WHERE state = 'waiting';
CREATE INDEX outbox_event_held ON attrib.outbox_event (holder) WHERE holder IS NOT NULL;
CREATE INDEX outbox_event_done ON attrib.outbox_event (state, done_at) WHERE state <> 'waiting';
SELECT attrib.describe('outbox_event', 'Events that are sent to receivers, written in the transaction of what they tell of. Those of one conversion go one after the other.',
	'id: in the order in which they were written',
	'site: shop', 'kind: 1 order, 2 lead', 'order_id: of the conversion',
	'n: revision of the conversion',
	'type: conversion.created or conversion.adjusted',
	'event_id: of its creation <kind>:<order id>; of a change with revision and digest behind it',
	'webhook_id: the same at every try, and another one for other content',
	'body: what is sent, byte for byte',
	'created_at: when it was written',
	'state: waiting, sent, or dead = given up, and all later ones of the conversion wait for a retry',
	'next_at: the earliest time of the next try; while one is under way the time at which it counts as lost; infinity = behind a dead one',
	'begun_at: first try, since it was written or retried; NULL = none yet',
	'tries: since then',
	'claims: all tries of its life: who marks one names it',
	'holder: instance that is trying; NULL = nobody',
	'error: why the last try failed; never a body',
	'done_at: when it was sent, or given up');

INSERT INTO attrib.schema_version (version, oldest_daemon) VALUES (11, 6);
