-- Names of the ordinals that tables keep.

CREATE OR REPLACE FUNCTION attrib.kind_name(kind int)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT ('{order,lead}'::text[])[kind]
$$;
COMMENT ON FUNCTION attrib.kind_name(int) IS 'order or lead.';

CREATE OR REPLACE FUNCTION attrib.channel_name(channel int)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT ('{link,affiliate,utm,code,view,other,direct,unattributed}'::text[])[channel]
$$;
COMMENT ON FUNCTION attrib.channel_name(int) IS 'How a touch was seen: link, affiliate, utm, code, view; other = an unowned utm; direct = traffic without key; unattributed = credit of nobody.';

CREATE OR REPLACE FUNCTION attrib.channel_number(channel text)
RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT array_position('{link,affiliate,utm,code,view,other,direct,unattributed}'::text[], channel)::smallint
$$;
COMMENT ON FUNCTION attrib.channel_number(text) IS 'Ordinal of a channel''s name.';

CREATE OR REPLACE FUNCTION attrib.flag_names(flags int)
RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT coalesce(array_agg(name ORDER BY bit), '{}') FROM (VALUES (1, 'bot'), (2, 'prefetch'), (4, 'head'),
		(8, 'own_site'), (256, 'flood'), (512, 'paid_ad'), (4096, 'too_fast')) v (bit, name)
	WHERE flags & bit <> 0
$$;
COMMENT ON FUNCTION attrib.flag_names(int) IS 'Names of a set of verdicts. Invalid: bot, prefetch, head, own_site (bits below 256). Suspect: flood, paid_ad, too_fast.';

CREATE OR REPLACE FUNCTION attrib.traffic_type_name(type int)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT ('{click,visit,view,code_applied,cart,checkout,lead}'::text[])[type]
$$;
COMMENT ON FUNCTION attrib.traffic_type_name(int) IS 'Type of an event that is traffic: click, visit, view, code_applied, cart, checkout, lead.';

CREATE OR REPLACE FUNCTION attrib.suspect_flags(flags int)
RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT flags & 4864
$$;
COMMENT ON FUNCTION attrib.suspect_flags(int) IS 'Of a set of verdicts those that make it suspect: flood, paid_ad, too_fast. 0 = none.';

CREATE OR REPLACE FUNCTION attrib.flag_class(flags int)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN flags & 255 <> 0 THEN 'filtered' WHEN attrib.suspect_flags(flags) <> 0 THEN 'suspect' ELSE 'valid' END
$$;
COMMENT ON FUNCTION attrib.flag_class(int) IS 'What a set of verdicts makes of an event: filtered (invalid), suspect, or valid. Beyond the cap of keys, or without consent, is valid.';

CREATE OR REPLACE FUNCTION attrib.model_name(model int)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT ('{policy,last_touch,first_touch,linear,position,time_decay}'::text[])[model]
$$;
COMMENT ON FUNCTION attrib.model_name(int) IS 'Name of a model by its place in the arrays, from 1.';

CREATE OR REPLACE FUNCTION attrib.customer_kind_name(kind int)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT ('{unknown,new,returning}'::text[])[coalesce(kind, 0) + 1]
$$;
COMMENT ON FUNCTION attrib.customer_kind_name(int) IS 'unknown, new or returning.';

CREATE OR REPLACE FUNCTION attrib.status_name(base_status int, cancelled boolean, refunded bigint, gross bigint)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE
	WHEN base_status = 4 THEN 'excluded'
	WHEN cancelled THEN 'cancelled'
	WHEN base_status = 1 THEN 'provisional'
	WHEN base_status = 2 THEN 'pending'
	WHEN refunded > 0 AND refunded >= gross THEN 'refunded'
	WHEN refunded > 0 THEN 'partially_refunded'
	WHEN base_status = 3 THEN 'paid' END
$$;
COMMENT ON FUNCTION attrib.status_name(int, boolean, bigint, bigint) IS 'What became of an order or lead: provisional, pending, paid, partially_refunded, refunded, cancelled, excluded. NULL = there is none.';
