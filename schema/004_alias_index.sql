-- All names of one order, for attrib.explain.

CREATE INDEX order_alias_order ON attrib.order_alias (site, order_id);

INSERT INTO attrib.schema_version (version, oldest_daemon) VALUES (4, 3);
