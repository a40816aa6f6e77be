-- Settings of a site where several instances state them. What an instance says anew stands, and goes for all; what it said
-- before and says again does not: so configurations that are changed one after the other never set each other back.

CREATE OR REPLACE FUNCTION attrib.put_site_v2(p_instance bytea, p_name text, p_time_zone text, p_currency text,
	p_customer_history text, p_primary_model int, p_cost_spread text, p_settings jsonb, p_forward text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	saying   jsonb := jsonb_build_object('time_zone', p_time_zone, 'currency', p_currency, 'customer_history', p_customer_history,
		'primary_model', p_primary_model, 'cost_spread', p_cost_spread, 'forward.events', p_forward) || p_settings;
	before   jsonb;
	standing attrib.site_settings;
BEGIN
	PERFORM FROM attrib.site WHERE name = p_name FOR NO KEY UPDATE;
	SELECT stated INTO before FROM attrib.site_settings WHERE (site, instance) = (p_name, p_instance);
	SELECT * INTO standing FROM attrib.site_settings WHERE site = p_name ORDER BY number DESC LIMIT 1;
	IF standing.stated <> saying AND (p_instance IS NULL OR before = saying) THEN
		RETURN 'overruled';
	END IF;
	IF standing.stated <> saying AND before IS NULL THEN
		RETURN (SELECT string_agg(key, ', ' ORDER BY key) FROM jsonb_each(standing.stated || saying)
			WHERE standing.stated -> key IS DISTINCT FROM saying -> key);
	END IF;
	PERFORM attrib.put_site_v1(p_name, p_time_zone, p_currency, p_customer_history, p_primary_model, p_cost_spread, p_settings);
	IF p_instance IS NOT NULL AND before IS DISTINCT FROM saying THEN
		INSERT INTO attrib.site_settings (site, instance, number, stated)
		VALUES (p_name, p_instance, coalesce(standing.number, 0) + 1, saying)
		ON CONFLICT (site, instance) DO UPDATE SET number = excluded.number, stated = excluded.stated;
	END IF;
	IF standing.stated <> saying THEN
		PERFORM pg_notify('attrib_catalog', '');
	END IF;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION attrib.put_site_v2(bytea, text, text, text, text, int, text, jsonb, text) IS 'Writes a site''s settings for an instance of a shared state; NULL for nobody, whose word goes only where no such instance has spoken. NULL = they stand; overruled = it had said so before, and another one has said something newer, which stands; else the names of what a new instance says otherwise.';
