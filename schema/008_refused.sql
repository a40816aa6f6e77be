-- What PostgreSQL refuses for its data is set aside row by row, so that the rest of its batch goes on.

CREATE INDEX quarantine_refused ON attrib.quarantine (site) WHERE reason = 'refused';
SELECT attrib.describe('quarantine', 'What could not be applied and waits for a person.',
	'reason: alias_conflict, refund_currency, or refused = by PostgreSQL, for its data',
	'key: of the fact, so that a repeat is no second row; of what was refused: a JSON array, what and its ids',
	'order_id: conversion that it concerns; empty = none',
	'detail: what was refused; with reason refused also sqlstate, table, column, constraint and message, and under rows what was to be merged, in columns of the staging tables; escaped = some text of it can''t be stored and has \xNN in its place');

INSERT INTO attrib.schema_version (version, oldest_daemon) VALUES (8, 6);
