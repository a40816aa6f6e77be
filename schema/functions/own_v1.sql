-- Whose state decides a site. A lock of site_state is taken behind that of the own instance.

CREATE OR REPLACE FUNCTION attrib.instance_text(p_instance bytea)
RETURNS text LANGUAGE sql STABLE AS $$
	SELECT format('instance %s (last flush %s)', encode(p_instance, 'hex'),
		coalesce(to_char((SELECT flushed_at FROM attrib.instance WHERE id = p_instance) AT TIME ZONE 'UTC',
			'YYYY-MM-DD HH24:MI:SS "UTC"'), 'never'))
$$;
COMMENT ON FUNCTION attrib.instance_text(bytea) IS 'An instance as people are told of it: id and last flush.';

CREATE OR REPLACE FUNCTION attrib.own_site_v1(p_instance bytea, p_site text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	owner bytea;
BEGIN
	INSERT INTO attrib.instance (id, epoch) VALUES (p_instance, 0) ON CONFLICT DO NOTHING;
	INSERT INTO attrib.site_state (site, instance) VALUES (p_site, p_instance) ON CONFLICT DO NOTHING;
	SELECT instance INTO owner FROM attrib.site_state WHERE site = p_site;
	RETURN CASE WHEN owner <> p_instance THEN attrib.instance_text(owner) END;
END $$;
COMMENT ON FUNCTION attrib.own_site_v1(bytea, text) IS 'Makes an instance the owner of a site that has none. NULL = it is the owner, else who is.';

CREATE OR REPLACE FUNCTION attrib.take_site_v1(p_instance bytea, p_site text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	owner bytea;
BEGIN
	IF attrib.own_site_v1(p_instance, p_site) IS NULL THEN
		RETURN NULL;
	END IF;
	SELECT instance INTO owner FROM attrib.site_state WHERE site = p_site FOR UPDATE;
	UPDATE attrib.site_state SET instance = p_instance, taken_at = now(), lost_at = clock_timestamp()
	WHERE site = p_site;
	UPDATE attrib.instance SET epoch = epoch + 1 WHERE id = owner; -- if it still runs, it is fenced
	RETURN attrib.instance_text(owner);
END $$;
COMMENT ON FUNCTION attrib.take_site_v1(bytea, text) IS 'Makes an instance the owner of a site, whoever has it; a process of the one before ends at its next flush. Returns who that was, NULL = nobody else.';

CREATE OR REPLACE FUNCTION attrib.give_up_v1(p_instance bytea, p_lane bytea, p_number bigint)
RETURNS void LANGUAGE sql AS $$
	INSERT INTO attrib.instance (id, epoch) VALUES (p_instance, 0) ON CONFLICT DO NOTHING;
	INSERT INTO attrib.lane_position AS p (instance, lane, number, given_up)
	VALUES (p_instance, p_lane, p_number, true)
	ON CONFLICT (instance, lane) DO UPDATE SET given_up = true, number = greatest(p.number, excluded.number);
	UPDATE attrib.site_state SET lost_at = clock_timestamp() WHERE instance = p_instance
$$;
COMMENT ON FUNCTION attrib.give_up_v1(bytea, bytea, bigint) IS 'Notes that a state directory goes on without records of a lane. No record of it up to p_number is expected any more, and what the instance''s memory does not know of before now is known better here.';
