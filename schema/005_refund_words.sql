-- Refunds keep every word that was told of them, as cancels do: what a refund changed, and what a void
-- took back, each has its own date. And what periods are looked up by.

ALTER TABLE attrib.refund_fact DROP CONSTRAINT refund_fact_pkey,
	ADD PRIMARY KEY (site, order_id, source, refund_id, event_id);
SELECT attrib.describe('refund_fact', 'Refunds as they were told, every word of them. A refund (source and refund id of one order) counts once, by its latest word by (occurred_at, event id), and not at all once a word has taken it back.',
	'event_id: of the word', 'voided: takes the refund back');

CREATE INDEX refund_fact_occurred ON attrib.refund_fact (site, occurred_at);
CREATE INDEX cancel_fact_occurred ON attrib.cancel_fact (site, occurred_at);
-- Rows arrive about in the order of these; a summary of the pages costs the merge next to nothing.
CREATE INDEX conversion_day ON attrib.conversion USING brin (day);
CREATE INDEX credit_touched ON attrib.credit USING brin (touched_at);

INSERT INTO attrib.schema_version (version, oldest_daemon) VALUES (5, 3);
