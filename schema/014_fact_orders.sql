-- The facts of an order are looked up by order and site. With the site in front the planner may take the site alone for
-- a key, as long as it knows nothing of the table: see 012.

DROP INDEX attrib.refund_fact_resolved, attrib.cancel_fact_resolved;
CREATE INDEX refund_fact_resolved ON attrib.refund_fact (resolved, site);
CREATE INDEX cancel_fact_resolved ON attrib.cancel_fact (resolved, site);

INSERT INTO attrib.schema_version (version, oldest_daemon) VALUES (14, 6);
