-- Where a flush is staged: temporary tables of the daemon's session, emptied by every commit. The
-- stage_ tables are what COPY fills, the work_ tables what the merge notes on its way. What is joined
-- has an index: a plan that guessed a table small must stay cheap when it is not. Indexes begin with what
-- differs most, the order: the site is mostly one.

CREATE OR REPLACE FUNCTION attrib.stage_v1()
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF to_regclass('pg_temp.stage_decision') IS NOT NULL THEN
		PERFORM attrib.stage_v1_rollups();
		RETURN;
	END IF;
	CREATE TEMP TABLE stage_decision (
		site text COLLATE "C", kind smallint, order_id text COLLATE "C", merged_into text COLLATE "C",
		ticket bigint, base_status smallint, reason text, counted boolean, late boolean, signed boolean,
		currency text COLLATE "C", exponent smallint, gross bigint, total bigint,
		placed_at timestamptz, lock_at timestamptz, counted_at timestamptz, first_received_at timestamptz,
		order_kind text, order_source text, source text, rule text, code text, code_rule text,
		policy_version int, catalog_version bigint, has_keys boolean,
		PRIMARY KEY (order_id, kind, site)
	) ON COMMIT DELETE ROWS;
	CREATE TEMP TABLE stage_step (
		site text COLLATE "C", kind smallint, order_id text COLLATE "C", step smallint,
		channel smallint, key text COLLATE "C", folded text COLLATE "C", creator text COLLATE "C",
		campaign text COLLATE "C", placement text COLLATE "C", tracker text COLLATE "C",
		occurred_at timestamptz, window_ends_at timestamptz, eligible boolean,
		by_click_id boolean, viewed boolean, reason text, credit smallint, event_id text COLLATE "C",
		flags int, discount bigint,
		PRIMARY KEY (order_id, kind, site, step)
	) ON COMMIT DELETE ROWS;
	CREATE TEMP TABLE stage_credit (
		site text COLLATE "C", kind smallint, order_id text COLLATE "C", n smallint,
		channel smallint, creator text COLLATE "C", campaign text COLLATE "C",
		placement text COLLATE "C", tracker text COLLATE "C", touched_at timestamptz,
		share bigint[], amount bigint[], PRIMARY KEY (order_id, kind, site, n)
	) ON COMMIT DELETE ROWS;
	CREATE TEMP TABLE stage_alias (
		site text COLLATE "C", order_id text COLLATE "C", kind text COLLATE "C", value text COLLATE "C",
		conflict boolean
	) ON COMMIT DELETE ROWS;
	CREATE TEMP TABLE stage_refund (
		site text COLLATE "C", order_id text COLLATE "C", source text COLLATE "C",
		refund_id text COLLATE "C", event_id text COLLATE "C", currency text COLLATE "C",
		amount bigint, tax bigint, shipping bigint, has_parts boolean, cumulative boolean,
		voided boolean, occurred_at timestamptz, received_at timestamptz
	) ON COMMIT DELETE ROWS;
	CREATE TEMP TABLE stage_cancel (
		site text COLLATE "C", order_id text COLLATE "C", event_id text COLLATE "C",
		source text COLLATE "C", reversed boolean, occurred_at timestamptz, received_at timestamptz
	) ON COMMIT DELETE ROWS;
	-- Keys that were named together; order_id where an order named them.
	CREATE TEMP TABLE stage_key (
		set_no int, site text COLLATE "C", order_id text COLLATE "C", kind smallint, key bytea
	) ON COMMIT DELETE ROWS;
	CREATE TEMP TABLE stage_traffic (
		site text COLLATE "C", bucket_at timestamptz, channel smallint, key text COLLATE "C",
		type smallint, verdicts int, count bigint, uniques bigint
	) ON COMMIT DELETE ROWS;
	-- Sketches of the visitors of rows of stage_traffic.
	CREATE TEMP TABLE stage_visitor (
		site text COLLATE "C", bucket_at timestamptz, channel smallint, key text COLLATE "C", marks bit varying
	) ON COMMIT DELETE ROWS;

	CREATE INDEX ON stage_alias (value, site);
	CREATE INDEX ON stage_refund (order_id, site);
	CREATE INDEX ON stage_cancel (order_id, site);
	CREATE INDEX ON stage_key (set_no);
	CREATE INDEX ON stage_traffic (site, bucket_at);

	-- Names under which facts may wait for an order of this batch, or stand in it.
	CREATE TEMP TABLE work_name (site text COLLATE "C", name text COLLATE "C", PRIMARY KEY (name, site)) ON COMMIT DELETE ROWS;
	-- Conversions whose sums may change; subtracted = their old sums are in work_money; fresh = this
	-- batch has made the row: it had none.
	CREATE TEMP TABLE work_touched (
		site text COLLATE "C", kind smallint, order_id text COLLATE "C",
		subtracted boolean NOT NULL DEFAULT false, fresh boolean NOT NULL DEFAULT false,
		PRIMARY KEY (order_id, kind, site)
	) ON COMMIT DELETE ROWS;
	-- Decisions with a higher ticket than what is stored.
	CREATE TEMP TABLE work_apply (
		site text COLLATE "C", kind smallint, order_id text COLLATE "C",
		fresh boolean, keep_path boolean, keep_all boolean, PRIMARY KEY (order_id, kind, site)
	) ON COMMIT DELETE ROWS;
	-- Touched orders that may have something refunded: told = by refunds, cancelled = by the latest cancel.
	CREATE TEMP TABLE work_refund (
		site text COLLATE "C", order_id text COLLATE "C", told boolean, cancelled boolean,
		PRIMARY KEY (order_id, site)
	) ON COMMIT DELETE ROWS;
	-- An amount to split over the credits of a conversion, by their shares or by their amounts.
	CREATE TEMP TABLE work_split (
		site text COLLATE "C", kind smallint, order_id text COLLATE "C", amount bigint, by_share boolean,
		PRIMARY KEY (order_id, kind, site)
	) ON COMMIT DELETE ROWS;
	CREATE TEMP TABLE work_key (
		set_no int, site text COLLATE "C", order_id text COLLATE "C", kind smallint, key bytea,
		customer bigint, node bigint
	) ON COMMIT DELETE ROWS;
	CREATE INDEX ON work_key (set_no);
	CREATE INDEX ON work_key (node);
	CREATE TEMP TABLE work_set (set_no int PRIMARY KEY, label int) ON COMMIT DELETE ROWS;
	CREATE TEMP TABLE work_label (
		label int PRIMARY KEY, site text COLLATE "C", customer bigint, fresh boolean
	) ON COMMIT DELETE ROWS;
	CREATE TEMP TABLE work_loser (customer bigint PRIMARY KEY, winner bigint) ON COMMIT DELETE ROWS;
	CREATE TEMP TABLE work_owner (
		site text COLLATE "C", order_id text COLLATE "C", customer bigint, PRIMARY KEY (order_id, site)
	) ON COMMIT DELETE ROWS;
	CREATE TEMP TABLE work_customer (customer bigint PRIMARY KEY) ON COMMIT DELETE ROWS;
	-- What customer_order is to say of touched orders; stored = their kind there, NULL = none.
	CREATE TEMP TABLE work_order (
		site text COLLATE "C", order_id text COLLATE "C", customer bigint, placed_at timestamptz, valid boolean,
		stored smallint, PRIMARY KEY (order_id, site)
	) ON COMMIT DELETE ROWS;
	CREATE TEMP TABLE work_kind (
		site text COLLATE "C", order_id text COLLATE "C", customer bigint, placed_at timestamptz, valid boolean,
		kind smallint, stored smallint, new boolean, PRIMARY KEY (order_id, site)
	) ON COMMIT DELETE ROWS;
	PERFORM attrib.stage_v1_rollups();
END $$;
COMMENT ON FUNCTION attrib.stage_v1() IS 'Creates the temporary tables of a flushing session, once.';

CREATE OR REPLACE FUNCTION attrib.unstage_v1()
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	name text;
BEGIN
	FOR name IN SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind = 'r'
		AND (relname LIKE 'stage\_%' OR relname LIKE 'work\_%') LOOP
		EXECUTE format('DELETE FROM pg_temp.%I', name);
	END LOOP;
END $$;
COMMENT ON FUNCTION attrib.unstage_v1() IS 'Empties the temporary tables of stage_v1 before the transaction ends: for another merge within it.';

CREATE OR REPLACE FUNCTION attrib.begin_v1(p_instance bytea, p_epoch bigint, p_lanes bytea[], p_numbers bigint[])
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	current bigint;
	behind  int;
	ahead   int;
BEGIN
	SELECT epoch INTO current FROM attrib.instance WHERE id = p_instance FOR UPDATE;
	IF current IS DISTINCT FROM p_epoch THEN
		RETURN 'fenced';
	END IF;
	SELECT count(*) FILTER (WHERE coalesce(p.number, 0) < t.number),
		count(*) FILTER (WHERE p.number > t.number) INTO behind, ahead
	FROM unnest(p_lanes, p_numbers) AS t (lane, number)
	LEFT JOIN attrib.lane_position p ON p.instance = p_instance AND p.lane = t.lane;
	IF cardinality(p_lanes) > 0 AND behind = 0 THEN
		RETURN 'done';
	END IF;
	RETURN CASE WHEN ahead > 0 THEN 'ahead' ELSE 'go' END;
END $$;
COMMENT ON FUNCTION attrib.begin_v1(bytea, bigint, bytea[], bigint[]) IS 'Locks the instance and compares epoch and lane positions with a batch''s targets: go; done = committed before; fenced = another process has the identity; ahead = some lanes are beyond the batch, others not.';

CREATE OR REPLACE FUNCTION attrib.begin_v2(p_instance bytea, p_epoch bigint, p_lanes bytea[],
	p_from bigint[], p_numbers bigint[])
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	outcome text := attrib.begin_v1(p_instance, p_epoch, p_lanes, p_numbers);
BEGIN
	IF outcome = 'go' AND EXISTS (SELECT FROM unnest(p_lanes, p_from) AS t (lane, number)
		LEFT JOIN attrib.lane_position p ON p.instance = p_instance AND p.lane = t.lane
		WHERE coalesce(p.number, 0) < t.number) THEN
		RETURN 'set back';
	END IF;
	RETURN outcome;
END $$;
COMMENT ON FUNCTION attrib.begin_v2(bytea, bigint, bytea[], bigint[], bigint[]) IS 'begin_v1 that also compares with the positions that the batch begins behind: set back = the database has lost what it had confirmed.';

CREATE OR REPLACE FUNCTION attrib.attach_v1(p_instance bytea, p_fingerprint bytea, p_epoch bigint)
RETURNS TABLE (outcome text, epoch bigint, base bigint, catalog_version bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	held bigint;
BEGIN
	IF NOT attrib.take_secret_v1(p_fingerprint) THEN
		RETURN QUERY SELECT 'secret', 0::bigint, 0::bigint, 0::bigint;
		RETURN;
	END IF;
	INSERT INTO attrib.instance (id, epoch) VALUES (p_instance, 0) ON CONFLICT DO NOTHING;
	SELECT i.epoch INTO held FROM attrib.instance i WHERE i.id = p_instance FOR UPDATE;
	IF p_epoch <> 0 AND p_epoch <> held THEN
		RETURN QUERY SELECT 'fenced', held, 0::bigint, 0::bigint;
		RETURN;
	END IF;
	IF p_epoch = 0 THEN
		UPDATE attrib.instance i SET epoch = i.epoch + 1, started_at = now() WHERE i.id = p_instance;
	END IF;
	RETURN QUERY SELECT 'ok', i.epoch, i.base, i.catalog_version
	FROM attrib.instance i WHERE i.id = p_instance;
END $$;
COMMENT ON FUNCTION attrib.attach_v1(bytea, bytea, bigint) IS 'Takes the next epoch of an instance (p_epoch 0), or confirms the one that a process took before. Outcome: ok, secret = another secret wrote this database, fenced = another process took the identity.';
