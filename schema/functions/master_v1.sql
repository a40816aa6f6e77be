-- Which master of a shared state decides. A flush keeps the row of its master locked until it ends, and a new master waits
-- for those locks: so whatever the one before has decided is in before anything that the new one decides, or never.

CREATE OR REPLACE FUNCTION attrib.add_master(p_instance bytea, p_state bytea, p_master text)
RETURNS void LANGUAGE sql AS $$
	UPDATE attrib.state_master SET superseded_at = clock_timestamp() WHERE state = p_state AND superseded_at IS NULL;
	INSERT INTO attrib.state_master (state, master, generation, met_by)
	SELECT p_state, p_master, 1 + coalesce(max(generation), 0), p_instance FROM attrib.state_master WHERE state = p_state
	ON CONFLICT (state, master) DO UPDATE SET generation = excluded.generation, superseded_at = NULL;
	DELETE FROM attrib.state_master WHERE state = p_state
		AND generation <= (SELECT max(generation) - 64 FROM attrib.state_master WHERE state = p_state)
$$;
COMMENT ON FUNCTION attrib.add_master(bytea, bytea, text) IS 'From now on this master decides. The caller has locked the table.';

CREATE OR REPLACE FUNCTION attrib.meet_master_v1(p_instance bytea, p_state bytea, p_master text, p_former text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	known attrib.state_master;
BEGIN
	SELECT * INTO known FROM attrib.state_master WHERE state = p_state AND master = p_master;
	IF NOT FOUND THEN
		LOCK TABLE attrib.state_master IN SHARE ROW EXCLUSIVE MODE;
		SELECT * INTO known FROM attrib.state_master WHERE state = p_state AND master = p_master;
		IF NOT FOUND THEN
			-- the one that it goes on from may be there still, and nobody may have met it
			IF p_former IS NOT NULL
				AND NOT EXISTS (SELECT FROM attrib.state_master WHERE state = p_state AND master = p_former) THEN
				PERFORM attrib.add_master(p_instance, p_state, p_former);
			END IF;
			PERFORM attrib.add_master(p_instance, p_state, p_master);
			RETURN NULL;
		END IF;
	END IF;
	IF known.superseded_at IS NULL THEN
		RETURN NULL;
	END IF;
	RETURN (SELECT format('%s, which instance %s met at %s', master, encode(met_by, 'hex'),
		to_char(met_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'))
		FROM attrib.state_master WHERE state = p_state AND superseded_at IS NULL);
END $$;
COMMENT ON FUNCTION attrib.meet_master_v1(bytea, bytea, text, text) IS 'An instance is connected to a master of its state, which went on from p_former (NULL: not known). One that nobody has met yet decides from now on. NULL = it decides, else which one does.';

CREATE OR REPLACE FUNCTION attrib.take_master_v1(p_instance bytea, p_state bytea, p_master text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	decides text;
BEGIN
	LOCK TABLE attrib.state_master IN SHARE ROW EXCLUSIVE MODE;
	SELECT master INTO decides FROM attrib.state_master WHERE state = p_state AND superseded_at IS NULL;
	IF decides IS DISTINCT FROM p_master THEN
		PERFORM attrib.add_master(p_instance, p_state, p_master);
		RETURN decides;
	END IF;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION attrib.take_master_v1(bytea, bytea, text) IS 'Makes a master the one that decides its state, also one whose place another has taken. Returns which one it was, NULL = no other.';

CREATE OR REPLACE FUNCTION attrib.begin_v3(p_instance bytea, p_epoch bigint, p_lanes bytea[],
	p_from bigint[], p_numbers bigint[], p_state bytea, p_master text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	outcome text := attrib.begin_v2(p_instance, p_epoch, p_lanes, p_from, p_numbers);
BEGIN
	IF outcome = 'go' AND p_state IS NOT NULL THEN
		PERFORM FROM attrib.state_master WHERE state = p_state AND master = p_master AND superseded_at IS NULL FOR SHARE;
		IF NOT FOUND THEN
			RETURN 'superseded';
		END IF;
	END IF;
	RETURN outcome;
END $$;
COMMENT ON FUNCTION attrib.begin_v3(bytea, bigint, bytea[], bigint[], bigint[], bytea, text) IS 'begin_v2 of a batch that was decided by a master of a shared state (NULL: by a memory): superseded = another one decides.';
