-- Groups of sites: kpi_rows adds their cells, with the one formula of each figure.

CREATE OR REPLACE FUNCTION attrib.in_group(p_site text, p_group text)
RETURNS boolean LANGUAGE sql STABLE AS $$
	SELECT p_site IS NULL OR EXISTS (SELECT FROM attrib.site_group WHERE name = p_group AND site = p_site)
$$;
COMMENT ON FUNCTION attrib.in_group(text, text) IS 'Whether a site belongs to a group; NULL site = any.';
