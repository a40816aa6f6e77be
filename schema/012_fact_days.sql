-- Facts arrive about in the order of their dates, as orders do: a summary of the pages is enough for periods, and
-- costs the merge next to nothing. A tree that begins with the site is also what the planner may take for a look-up by
-- order, as long as it knows nothing of the table: it would read all facts of the site for each.

DROP INDEX attrib.refund_fact_occurred, attrib.cancel_fact_occurred;
CREATE INDEX refund_fact_occurred ON attrib.refund_fact USING brin (occurred_at);
CREATE INDEX cancel_fact_occurred ON attrib.cancel_fact USING brin (occurred_at);

INSERT INTO attrib.schema_version (version, oldest_daemon) VALUES (12, 6);
