-- Whose state decides a site: an instance's own memory, or a state that instances share (p_state, the id that lies in
-- it). A lock of site_state is taken behind that of the own instance.

CREATE OR REPLACE FUNCTION attrib.last_flush_text(p_at timestamptz)
RETURNS text LANGUAGE sql STABLE AS $$
	SELECT '(last flush ' || coalesce(to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'), 'never') || ')'
$$;
COMMENT ON FUNCTION attrib.last_flush_text(timestamptz) IS 'When something was flushed last, as people are told of it.';

CREATE OR REPLACE FUNCTION attrib.instance_text(p_instance bytea)
RETURNS text LANGUAGE sql STABLE AS $$
	SELECT format('instance %s %s', encode(p_instance, 'hex'),
		attrib.last_flush_text((SELECT flushed_at FROM attrib.instance WHERE id = p_instance)))
$$;
COMMENT ON FUNCTION attrib.instance_text(bytea) IS 'An instance as people are told of it: id and last flush.';

CREATE OR REPLACE FUNCTION attrib.owner_text(p_instance bytea, p_state bytea)
RETURNS text LANGUAGE sql STABLE AS $$
	SELECT CASE WHEN p_state IS NULL THEN attrib.instance_text(p_instance)
	ELSE format('shared state %s %s', encode(p_state, 'hex'),
		attrib.last_flush_text((SELECT max(flushed_at) FROM attrib.instance WHERE state = p_state))) END
$$;
COMMENT ON FUNCTION attrib.owner_text(bytea, bytea) IS 'The owner of a site as people are told of it: a shared state, else an instance.';

CREATE OR REPLACE FUNCTION attrib.own_site_v2(p_instance bytea, p_state bytea, p_site text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	owner attrib.site_state;
BEGIN
	INSERT INTO attrib.instance AS i (id, epoch, state) VALUES (p_instance, 0, p_state)
	ON CONFLICT (id) DO UPDATE SET state = excluded.state WHERE i.state IS DISTINCT FROM excluded.state;
	INSERT INTO attrib.site_state (site, instance, state) VALUES (p_site, p_instance, p_state) ON CONFLICT DO NOTHING;
	UPDATE attrib.site_state SET state = p_state -- what its memory had is in the state that it shares now
	WHERE site = p_site AND instance = p_instance AND state IS NULL AND p_state IS NOT NULL;
	SELECT * INTO owner FROM attrib.site_state WHERE site = p_site;
	IF owner.state = p_state OR (owner.instance = p_instance AND owner.state IS NULL) THEN
		RETURN NULL;
	END IF;
	RETURN attrib.owner_text(owner.instance, owner.state);
END $$;
COMMENT ON FUNCTION attrib.own_site_v2(bytea, bytea, text) IS 'Makes an instance, or the state that it shares (NULL: none), the owner of a site that has none. NULL = it is the owner, else who is.';

CREATE OR REPLACE FUNCTION attrib.own_site_v1(p_instance bytea, p_site text)
RETURNS text LANGUAGE sql AS $$
	SELECT attrib.own_site_v2(p_instance, NULL, p_site)
$$;
COMMENT ON FUNCTION attrib.own_site_v1(bytea, text) IS 'own_site_v2 of an instance with a memory of its own.';

CREATE OR REPLACE FUNCTION attrib.take_site_v2(p_instance bytea, p_state bytea, p_site text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	owner attrib.site_state;
BEGIN
	IF attrib.own_site_v2(p_instance, p_state, p_site) IS NULL THEN
		RETURN NULL;
	END IF;
	SELECT * INTO owner FROM attrib.site_state WHERE site = p_site FOR UPDATE;
	UPDATE attrib.site_state SET instance = p_instance, state = p_state, taken_at = now(), lost_at = clock_timestamp()
	WHERE site = p_site;
	DELETE FROM attrib.site_settings WHERE site = p_site;
	UPDATE attrib.instance SET epoch = epoch + 1 -- whoever still runs is fenced
	WHERE id <> p_instance AND (id = owner.instance OR state = owner.state);
	RETURN attrib.owner_text(owner.instance, owner.state);
END $$;
COMMENT ON FUNCTION attrib.take_site_v2(bytea, bytea, text) IS 'Makes an instance, or the state that it shares, the owner of a site, whoever has it; processes of the one before end at their next flush. Returns who that was, NULL = nobody else.';

CREATE OR REPLACE FUNCTION attrib.take_site_v1(p_instance bytea, p_site text)
RETURNS text LANGUAGE sql AS $$
	SELECT attrib.take_site_v2(p_instance, NULL, p_site)
$$;
COMMENT ON FUNCTION attrib.take_site_v1(bytea, text) IS 'take_site_v2 of an instance with a memory of its own.';

CREATE OR REPLACE FUNCTION attrib.give_up_v1(p_instance bytea, p_lane bytea, p_number bigint)
RETURNS void LANGUAGE sql AS $$
	INSERT INTO attrib.instance (id, epoch) VALUES (p_instance, 0) ON CONFLICT DO NOTHING;
	INSERT INTO attrib.lane_position AS p (instance, lane, number, given_up)
	VALUES (p_instance, p_lane, p_number, true)
	ON CONFLICT (instance, lane) DO UPDATE SET given_up = true, number = greatest(p.number, excluded.number);
	UPDATE attrib.site_state SET lost_at = clock_timestamp()
	WHERE instance = p_instance OR state = (SELECT state FROM attrib.instance WHERE id = p_instance)
$$;
COMMENT ON FUNCTION attrib.give_up_v1(bytea, bytea, bigint) IS 'Notes that a state directory goes on without records of a lane. No record of it up to p_number is expected any more, and what the instance''s memory does not know of before now is known better here.';
