-- The end of an import whose rows name persons: pg_temp.import_text holds a row for each key of each
-- line, hashed by whoever read the file.

CREATE OR REPLACE FUNCTION attrib.take_secret_v1(p_fingerprint bytea)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO attrib.secret (fingerprint) VALUES (p_fingerprint) ON CONFLICT DO NOTHING;
	RETURN (SELECT fingerprint = p_fingerprint FROM attrib.secret);
END $$;
COMMENT ON FUNCTION attrib.take_secret_v1(bytea) IS 'True when keys made with this secret are the keys of this database. The first secret decides.';

CREATE OR REPLACE FUNCTION attrib.import_creator_customer_v1()
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	added bigint;
BEGIN
	SELECT count(DISTINCT i.line) INTO added FROM pg_temp.import_text i
	WHERE NOT EXISTS (SELECT FROM attrib.creator_customer c
		WHERE (c.site, c.creator, c.key_kind, c.key) = (i.site, i.creator, i.kind, i.key));
	INSERT INTO attrib.creator_customer (site, creator, key_kind, key)
	SELECT DISTINCT site, creator, kind, key FROM pg_temp.import_text ORDER BY 1, 2, 3, 4
	ON CONFLICT DO NOTHING;
	RETURN added;
END $$;
COMMENT ON FUNCTION attrib.import_creator_customer_v1() IS 'Adds the staged keys of creators. Returns how many lines brought something new.';

-- Of a date the day is known and not the hour: it stands for the day's end, so that it makes no order
-- of that day a second one.
CREATE OR REPLACE FUNCTION attrib.first_ordered_at(p_told text, p_zone text)
RETURNS timestamptz LANGUAGE sql STABLE AS $$
	SELECT CASE
	WHEN p_told IS NULL THEN '-infinity'
	WHEN length(p_told) = 10 THEN (p_told::date + 1)::timestamp AT TIME ZONE p_zone - interval '1 microsecond'
	ELSE p_told::timestamptz END
$$;
COMMENT ON FUNCTION attrib.first_ordered_at(text, text) IS 'What an imported first_order_at says: NULL = before everything; a date = the end of that local day; else an instant.';

CREATE OR REPLACE FUNCTION attrib.import_customers_v1()
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	added bigint;
BEGIN
	PERFORM attrib.stage_v1();
	-- From here on flushes of these sites wait.
	PERFORM FROM attrib.site WHERE name IN (SELECT site FROM pg_temp.import_text) ORDER BY name FOR NO KEY UPDATE;
	SELECT count(DISTINCT i.line) INTO added FROM pg_temp.import_text i
	WHERE NOT EXISTS (SELECT FROM attrib.customer_key k WHERE (k.site, k.kind, k.key) = (i.site, i.kind, i.key));
	INSERT INTO stage_key (set_no, site, kind, key) SELECT line, site, kind, key FROM pg_temp.import_text;
	ANALYZE stage_key;
	PERFORM attrib.merge_v1_unite();

	WITH told AS (
		SELECT k.customer, min(attrib.first_ordered_at(i.first_order_at, s.time_zone)) AS at
		FROM pg_temp.import_text i JOIN attrib.site s ON s.name = i.site
		JOIN attrib.customer_key k ON (k.site, k.kind, k.key) = (i.site, i.kind, i.key)
		GROUP BY k.customer
	), earlier AS (
		UPDATE attrib.customer c SET first_ordered_at = t.at FROM told t
		WHERE c.id = t.customer AND (c.first_ordered_at IS NULL OR t.at < c.first_ordered_at)
		RETURNING c.id
	), complete AS (
		UPDATE attrib.site SET customers_imported_at = now(), customer_history = 'complete'
		WHERE customers_imported_at IS NULL AND name IN (SELECT site FROM pg_temp.import_text)
		RETURNING name
	)
	INSERT INTO work_customer
	SELECT id FROM earlier
	UNION SELECT c.id FROM attrib.customer c JOIN complete ON complete.name = c.site
	ON CONFLICT DO NOTHING;

	PERFORM attrib.merge_v1_kinds();
	PERFORM attrib.merge_v1_sums(1::smallint);
	PERFORM attrib.merge_v1_rollups();
	PERFORM attrib.merge_v1_commissions();
	RETURN added;
END $$;
COMMENT ON FUNCTION attrib.import_customers_v1() IS 'Puts the staged customers into the ledger: keys of a line are one customer, the earliest first order counts, and the history of their sites is complete from now on. Returns how many lines brought a new key.';
