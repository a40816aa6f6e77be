-- The key figures of groups of sites. The columns are those of kpi_site, with the same words.

DO $$
DECLARE
	columns  text;
	comments text[];
BEGIN
	SELECT string_agg('r.' || quote_ident(attname), ', ' ORDER BY attnum),
		array_agg(attname || ': ' || CASE
			WHEN attname = 'currency' THEN 'of its sites: a group has a row for each, currencies are never added'
			WHEN attname IN ('time_to_conversion_p50', 'time_to_conversion_p90') THEN 'NULL where the group has several sites of the currency'
			WHEN attname = 'mer' THEN 'revenue of all sites of the group / cost of all of them'
			ELSE col_description(attrelid, attnum) END ORDER BY attnum)
	INTO columns, comments
	FROM pg_attribute WHERE attrelid = 'attrib.kpi_site'::regclass AND attnum > 0 AND attname <> 'site' AND NOT attisdropped;
	EXECUTE format('CREATE OR REPLACE VIEW attrib.kpi_group AS SELECT r.cut[1] AS site_group, %s '
		'FROM attrib.kpi_rows(NULL, NULL, NULL, NULL, ''net'', ''{group}'') r', columns);
	EXECUTE format('CREATE OR REPLACE FUNCTION attrib.kpi_group_between(site text, from_date date, to_date date, '
		'model text DEFAULT NULL, basis text DEFAULT ''net'') RETURNS SETOF attrib.kpi_group LANGUAGE sql STABLE AS %L',
		format('SELECT r.cut[1], %s FROM attrib.kpi_rows(NULL, $2, $3, attrib.model_number($4, $1), attrib.check_basis($5), '
			'''{group}'') r WHERE attrib.in_group($1, r.cut[1])', columns));
	COMMENT ON FUNCTION attrib.kpi_group_between(text, date, date, text, text) IS 'The view kpi_group for the local days from_date..to_date of each site, both included: groups that the site belongs to, whole; site NULL = all groups. Model NULL = the site''s primary one, basis net or gross: the revenue that ratios use.';
	PERFORM attrib.describe('kpi_group', 'All KPIs of each group of sites (site_group), of its sites of one currency together, over all time, by each site''s primary model. Sums are added, ratios made of the sums.',
		VARIADIC ARRAY['site_group: name of the group'] || comments);
END $$;
