-- A site of the configuration into the database, at start and at every reload.

CREATE OR REPLACE FUNCTION attrib.put_site_v1(p_name text, p_time_zone text, p_currency text,
	p_customer_history text, p_primary_model int, p_cost_spread text, p_settings jsonb)
RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	before  attrib.site;
	current int;
	history text := p_customer_history;
BEGIN
	PERFORM now() AT TIME ZONE p_time_zone;
	INSERT INTO attrib.site (name, time_zone, currency, customer_history, primary_model, cost_spread)
	VALUES (p_name, p_time_zone, p_currency, p_customer_history, p_primary_model, p_cost_spread)
	ON CONFLICT DO NOTHING;
	SELECT * INTO before FROM attrib.site WHERE name = p_name FOR NO KEY UPDATE;
	IF before.customers_imported_at IS NOT NULL THEN -- an import goes before the configuration
		history := 'complete';
	END IF;

	SELECT version INTO current FROM attrib.site_policy
	WHERE site = p_name AND version = before.policy_version AND settings = p_settings;
	IF NOT FOUND THEN
		INSERT INTO attrib.site_policy (site, version, settings)
		VALUES (p_name, before.policy_version + 1, p_settings) RETURNING version INTO current;
	END IF;
	UPDATE attrib.site SET time_zone = p_time_zone, currency = p_currency,
		customer_history = history, primary_model = p_primary_model,
		cost_spread = p_cost_spread, policy_version = current
	WHERE name = p_name;
	IF before.customer_history <> history THEN
		PERFORM attrib.rekind_v1(p_name);
	END IF;
	RETURN current;
END $$;
COMMENT ON COLUMN attrib.site_policy.recorded_at IS 'from when on it decides: the orders that were not yet locked by its lock_after then';
COMMENT ON FUNCTION attrib.put_site_v1(text, text, text, text, int, text, jsonb) IS 'Writes a site''s settings; a changed policy becomes a new version. Returns the version in force.';
