-- Trackers that are handed out: `attribd link add` and POST /v1/links are these functions, so what is
-- checked is checked once. An import replaces a row whose key exists; this never does.

CREATE OR REPLACE FUNCTION attrib.link_fields()
RETURNS TABLE (field text, pattern text, expected text) LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	VALUES ('site', '.', 'a site of the configuration'),
	('kind', '^(link|affiliate|code|utm)$', 'link, affiliate, code or utm'),
	('key', '^[^[:cntrl:]]{1,200}$', 'at most 200 characters without control characters'),
	('creator', '.', 'a creator'),
	('campaign', '.', 'a campaign'),
	('placement', '.', 'a placement'),
	('destination', '^[Hh][Tt][Tt][Pp][Ss]?://[^][:space:][:cntrl:]/?#\\@{}"<>]+([/?#][^[:space:][:cntrl:]]*)?$',
		'an absolute http or https URL'),
	('valid_from', '^\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d)?)?$', 'a date or a local time such as 2026-11-01 12:30, without zone'),
	('valid_to', '^\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d)?)?$', 'a date or a local time such as 2026-11-01 12:30, without zone'),
	('window', '^(0|\d{1,7}(ms|s|m|h|d))$', 'a duration such as 30d, 12h or 45m'),
	('code_rule', '^(always|fallback|if_involved|if_winner|never)$', 'always, fallback, if_involved, if_winner or never'),
	('sub', '^[^[:cntrl:]]{1,200}$', 'at most 200 characters without control characters')
$$;
COMMENT ON FUNCTION attrib.link_fields() IS 'What a link to be added may say, what its text must match, and how that is called.';

CREATE OR REPLACE FUNCTION attrib.is_local_time(p_text text)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN p_text::timestamp IS NOT NULL;
EXCEPTION WHEN data_exception THEN
	RETURN false;
END $$;
COMMENT ON FUNCTION attrib.is_local_time(text) IS 'True for a time that the calendar and the clock have.';

CREATE OR REPLACE FUNCTION attrib.shown(p_value jsonb)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN jsonb_typeof(p_value) = 'string' THEN to_json(left(p_value #>> '{}', 80))::text ELSE left(p_value::text, 80) END
$$;
COMMENT ON FUNCTION attrib.shown(jsonb) IS 'A value as messages quote it, cut to 80 characters.';

-- What can be said without looking at the catalog.
CREATE OR REPLACE FUNCTION attrib.link_form_problems(p_item jsonb)
RETURNS TABLE (field text, problem text) LANGUAGE sql STABLE AS $$
	SELECT g.key, CASE WHEN f.field IS NULL THEN 'expected one of ' || (SELECT string_agg(n.field, ', ') FROM attrib.link_fields() n)
			|| ', got ' || attrib.shown(to_jsonb(g.key))
		ELSE 'expected ' || f.expected || ', got ' || attrib.shown(g.value) END
	FROM jsonb_each(p_item) g LEFT JOIN attrib.link_fields() f ON f.field = g.key
	WHERE f.field IS NULL OR jsonb_typeof(g.value) <> 'string' OR (g.value #>> '{}') !~ f.pattern
		OR (g.key IN ('valid_from', 'valid_to') AND NOT attrib.is_local_time(g.value #>> '{}'))
$$;
COMMENT ON FUNCTION attrib.link_form_problems(jsonb) IS 'What is wrong with the texts of a link to be added.';

-- What a kind needs to be handed out. p_site: {"public_url": bool, "affiliate": bool}.
CREATE OR REPLACE FUNCTION attrib.link_kind_problems(p_item jsonb, p_kind text, p_site jsonb)
RETURNS TABLE (field text, problem text) LANGUAGE sql IMMUTABLE AS $$
	SELECT v.field, v.problem FROM (VALUES
	('destination', p_kind <> 'code' AND NOT p_item ? 'destination', 'expected an absolute http or https URL, got nothing'),
	('destination', p_kind = 'code' AND strpos(p_item ->> 'destination', '{key}') = 0,
		'expected {key} where the shop takes the code, such as https://shop.example/discount/{key}?redirect=/, got '
		|| attrib.shown(p_item -> 'destination')),
	('key', p_kind = 'utm' AND attrib.fold_utm(coalesce(p_item ->> 'key', '')) = '*/*/*/*/*',
		'expected source/medium/campaign/term/content, got ' || coalesce(attrib.shown(p_item -> 'key'), 'nothing')),
	('key', p_kind <> 'utm' AND attrib.fold(p_item ->> 'key') = '', 'expected a key, got blanks'),
	('sub', p_kind = 'code' AND p_item ? 'sub' AND NOT p_item ? 'destination', 'expected a destination that carries it, got none'),
	('valid_to', (p_item ->> 'valid_to')::timestamp <= (p_item ->> 'valid_from')::timestamp,
		'expected a time after valid_from, got ' || attrib.shown(p_item -> 'valid_to')),
	('kind', p_kind = 'link' AND NOT (p_site ->> 'public_url')::boolean,
		'expected the setting public_url of the site, which links begin with; it is not set'),
	('kind', p_kind = 'affiliate' AND NOT (p_site ->> 'affiliate')::boolean,
		'expected the setting affiliate_params of the site, which names the parameter; it is empty')) v (field, wrong, problem)
	WHERE v.wrong
$$;
COMMENT ON FUNCTION attrib.link_kind_problems(jsonb, text, jsonb) IS 'What a link to be added lacks for its kind.';

-- Names that nobody has, and names that contradict the placement's.
CREATE OR REPLACE FUNCTION attrib.link_name_problems(p_site text, p_creator text, p_campaign text, p_placement text)
RETURNS TABLE (field text, problem text) LANGUAGE sql STABLE AS $$
	SELECT v.field, v.problem FROM (SELECT 1) one
	LEFT JOIN attrib.placement p ON p.site = p_site AND p.name = p_placement
	CROSS JOIN LATERAL (VALUES
	('creator', p_creator IS NULL, 'expected a creator, or a placement that has one, got none'),
	('creator', p_creator IS NOT NULL AND NOT EXISTS (SELECT FROM attrib.creator c WHERE c.site = p_site AND c.handle = p_creator),
		format('expected a creator of site %s, got %s', p_site, to_json(p_creator))),
	('campaign', p_campaign IS NOT NULL AND NOT EXISTS (SELECT FROM attrib.campaign c WHERE c.site = p_site AND c.name = p_campaign),
		format('expected a campaign of site %s, got %s', p_site, to_json(p_campaign))),
	('placement', p_placement IS NOT NULL AND p.name IS NULL,
		format('expected a placement of site %s, got %s', p_site, to_json(p_placement))),
	('creator', p.creator <> p_creator,
		format('expected %s, whose placement %s is, got %s', to_json(p.creator), to_json(p_placement), to_json(p_creator))),
	('campaign', p.campaign <> p_campaign,
		format('expected %s, to which placement %s belongs, got %s', to_json(p.campaign), to_json(p_placement), to_json(p_campaign))))
		v (field, wrong, problem)
	WHERE v.wrong
$$;
COMMENT ON FUNCTION attrib.link_name_problems(text, text, text, text) IS 'Names of a link to be added that the catalog does not know, or that its placement contradicts.';

CREATE OR REPLACE FUNCTION attrib.period_text(p_from timestamp, p_to timestamp)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN p_from IS NULL AND p_to IS NULL THEN 'for ever'
		ELSE concat_ws(' ', 'from ' || coalesce(to_char(p_from, 'YYYY-MM-DD HH24:MI:SS'), 'ever'),
			'to ' || to_char(p_to, 'YYYY-MM-DD HH24:MI:SS')) END
$$;
COMMENT ON FUNCTION attrib.period_text(timestamp, timestamp) IS 'A tracker''s period for people.';

-- Whose key it is already. A link's key belongs to one site of an installation, whatever its period.
CREATE OR REPLACE FUNCTION attrib.link_taken_problem(p_new attrib.tracker)
RETURNS text LANGUAGE sql STABLE AS $$
	SELECT CASE WHEN t.site <> p_new.site THEN format('expected a key that no other site has, got %s of site %s', to_json(t.key), t.site)
		ELSE format('expected a key that is free %s, got %s, which is %s %s',
			attrib.period_text(p_new.valid_from, p_new.valid_to), to_json(t.key), coalesce(t.creator || '''s', 'nobody''s'),
			attrib.period_text(t.valid_from, t.valid_to)) END
	FROM attrib.tracker t
	WHERE t.kind = p_new.kind AND t.folded = p_new.folded AND ((t.site <> p_new.site AND t.kind = 'link')
		OR (t.site = p_new.site AND tsrange(t.valid_from, t.valid_to) && tsrange(p_new.valid_from, p_new.valid_to)))
	ORDER BY t.site = p_new.site DESC, t.valid_from LIMIT 1
$$;
COMMENT ON FUNCTION attrib.link_taken_problem(attrib.tracker) IS 'Who has the key of a tracker to be added, or NULL.';

-- Letters that nobody mistakes for another one or for a digit, and no vowels, so that no words come out.
CREATE OR REPLACE FUNCTION attrib.new_key(p_kind text)
RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	letters constant text := '23456789bcdfghjkmnpqrstvwxz';
	bytes bytea;
	made text;
BEGIN
	LOOP
		bytes := uuid_send(gen_random_uuid());
		SELECT string_agg(substr(letters, 1 + get_byte(bytes, i) % length(letters), 1), '') INTO made
		FROM unnest('{0,1,2,3,4,5,9,10}'::int[]) i; -- the others have fixed bits
		-- one of 282,000,000,000: those of trackers that were deleted don't come again either
		IF NOT EXISTS (SELECT FROM attrib.tracker t WHERE t.kind = p_kind AND t.folded = made) THEN
			RETURN CASE WHEN p_kind = 'code' THEN upper(made) ELSE made END;
		END IF;
	END LOOP;
END $$;
COMMENT ON FUNCTION attrib.new_key(text) IS 'A key of eight letters and digits that no tracker of this kind has, of any site.';

CREATE OR REPLACE FUNCTION attrib.link_row(p_item jsonb, p_site text, p_kind text)
RETURNS attrib.tracker LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	made attrib.tracker;
BEGIN
	SELECT p.creator, p.campaign INTO made.creator, made.campaign FROM attrib.placement p
	WHERE p.site = p_site AND p.name = p_item ->> 'placement';
	made.creator := coalesce(p_item ->> 'creator', made.creator);
	made.campaign := coalesce(p_item ->> 'campaign', made.campaign);
	made.site := p_site;
	made.kind := p_kind;
	made.key := p_item ->> 'key';
	made.placement := p_item ->> 'placement';
	made.destination := p_item ->> 'destination';
	made.valid_from := (p_item ->> 'valid_from')::timestamp;
	made.valid_to := (p_item ->> 'valid_to')::timestamp;
	made."window" := (p_item ->> 'window')::interval;
	made.code_rule := p_item ->> 'code_rule';
	made.generic := false;
	RETURN made;
END $$;
COMMENT ON FUNCTION attrib.link_row(jsonb, text, text) IS 'The tracker that a link to be added describes; creator and campaign are the placement''s when it says none.';

-- The same row again, said twice, is no mistake: requests are repeated.
CREATE OR REPLACE FUNCTION attrib.put_link(INOUT p_new attrib.tracker, OUT p_problem text)
RETURNS record LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	same attrib.tracker;
BEGIN
	p_new.key := coalesce(p_new.key, attrib.new_key(p_new.kind));
	p_new.folded := CASE p_new.kind WHEN 'utm' THEN attrib.fold_utm(p_new.key) ELSE attrib.fold(p_new.key) END;
	SELECT t.* INTO same FROM attrib.tracker t
	WHERE t.site = p_new.site AND t.kind = p_new.kind AND t.folded = p_new.folded
		AND to_jsonb(t) - '{tracker_id,key}'::text[] = to_jsonb(p_new) - '{tracker_id,key}'::text[];
	IF FOUND THEN
		p_new := same;
		RETURN;
	END IF;
	p_problem := attrib.link_taken_problem(p_new);
	IF p_problem IS NULL THEN
		INSERT INTO attrib.tracker (site, kind, key, folded, creator, campaign, placement, destination, valid_from, valid_to,
			"window", code_rule)
		VALUES (p_new.site, p_new.kind, p_new.key, p_new.folded, p_new.creator, p_new.campaign, p_new.placement,
			p_new.destination, p_new.valid_from, p_new.valid_to, p_new."window", p_new.code_rule)
		RETURNING * INTO p_new;
	END IF;
END $$;
COMMENT ON FUNCTION attrib.put_link(attrib.tracker) IS 'Adds a tracker, with a made key when it has none, unless its key is taken.';

CREATE OR REPLACE FUNCTION attrib.add_links_v1(p_items jsonb, p_sites jsonb)
RETURNS TABLE (item int, field text, problem text, sub text, t attrib.tracker) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	entry jsonb;
	at_site text;
	of_kind text;
BEGIN
	LOCK TABLE attrib.tracker IN SHARE ROW EXCLUSIVE MODE; -- as an import does: two takers of a key see each other
	item := -1;
	FOR entry IN SELECT value FROM jsonb_array_elements(CASE jsonb_typeof(p_items) WHEN 'array' THEN p_items ELSE jsonb_build_array(p_items) END) LOOP
		item := item + 1;
		t := NULL;
		IF jsonb_typeof(entry) <> 'object' THEN
			RETURN QUERY SELECT item, NULL::text, 'expected an object, got ' || attrib.shown(entry), sub, t;
			CONTINUE;
		END IF;
		SELECT coalesce(jsonb_object_agg(e.key, e.value), '{}') INTO entry FROM jsonb_each(entry) e WHERE e.value NOT IN ('null', '""');
		at_site := coalesce(entry ->> 'site', p_sites ->> 'default');
		of_kind := coalesce(entry ->> 'kind', 'link');
		sub := entry ->> 'sub';
		RETURN QUERY SELECT item, p.field, p.problem, sub, t FROM attrib.link_form_problems(entry) p;
		CONTINUE WHEN FOUND;
		IF p_sites -> 'sites' -> at_site IS NULL THEN
			RETURN QUERY SELECT item, 'site'::text, 'expected a site of the configuration, got '
				|| coalesce(to_json(at_site)::text, 'none'), sub, t;
			CONTINUE;
		END IF;
		t := attrib.link_row(entry, at_site, of_kind);
		RETURN QUERY SELECT item, p.field, p.problem, sub, t FROM attrib.link_kind_problems(entry, of_kind, p_sites -> 'sites' -> at_site) p
			UNION ALL SELECT item, p.field, p.problem, sub, t FROM attrib.link_name_problems(at_site, t.creator, t.campaign, t.placement) p;
		CONTINUE WHEN FOUND;
		RETURN QUERY SELECT item, CASE WHEN p.p_problem IS NOT NULL THEN 'key' END, p.p_problem, sub, p.p_new FROM attrib.put_link(t) p;
	END LOOP;
END $$;
COMMENT ON FUNCTION attrib.add_links_v1(jsonb, jsonb) IS 'Adds trackers that are handed out: an object or a list of them; p_sites = {"default": site or null, "sites": {site: {"public_url": bool, "affiliate": bool}}}. One row for each that was added (or stands there already, the same in everything), at least one with a problem for each that was not. Whoever wants all or nothing rolls back.';

CREATE OR REPLACE FUNCTION attrib.links_v1(p_site text, p_creator text, p_limit int)
RETURNS SETOF attrib.tracker LANGUAGE sql STABLE AS $$
	SELECT * FROM attrib.tracker t
	WHERE t.site = p_site AND (p_creator IS NULL OR t.creator = p_creator) AND t.creator IS NOT NULL
	ORDER BY t.tracker_id DESC LIMIT p_limit
$$;
COMMENT ON FUNCTION attrib.links_v1(text, text, int) IS 'Trackers of a site that belong to a creator, or to any, the newest first.';
