-- The SQL twin of the catalog's lookup, for views: who owns a folded key at an instant, by the
-- catalog as it stands now. So a tracker that is registered late heals the reports of before.

CREATE OR REPLACE FUNCTION attrib.tracker_at(p_site text, p_channel int, p_key text, p_at timestamptz, p_zone text)
RETURNS SETOF attrib.tracker LANGUAGE plpgsql STABLE ROWS 1 AS $$
DECLARE
	part text[];
BEGIN
	IF p_channel <> 3 THEN
		RETURN QUERY SELECT t.* FROM attrib.tracker t
		WHERE t.site = p_site AND t.folded = p_key
			AND t.kind = CASE p_channel WHEN 1 THEN 'link' WHEN 2 THEN 'affiliate' WHEN 4 THEN 'code' WHEN 5 THEN 'link' END
			AND (t.valid_from IS NULL OR t.valid_from AT TIME ZONE p_zone <= p_at)
			AND (t.valid_to IS NULL OR t.valid_to AT TIME ZONE p_zone > p_at)
		LIMIT 1;
		RETURN;
	END IF;
	part := string_to_array(p_key, '/');
	RETURN QUERY SELECT t.* FROM attrib.tracker t
	CROSS JOIN LATERAL (SELECT string_to_array(t.folded, '/') AS r) rule
	WHERE t.site = p_site AND t.kind = 'utm'
		AND (t.valid_from IS NULL OR t.valid_from AT TIME ZONE p_zone <= p_at)
		AND (t.valid_to IS NULL OR t.valid_to AT TIME ZONE p_zone > p_at)
		AND (r[1] = '*' OR r[1] = part[1]) AND (r[2] = '*' OR r[2] = part[2])
		AND (r[3] = '*' OR r[3] = part[3]) AND (r[4] = '*' OR r[4] = part[4])
		AND (r[5] = '*' OR r[5] = part[5])
	-- the most specific one; among equals the leftmost stated part wins
	ORDER BY (r[1] <> '*')::int + (r[2] <> '*')::int + (r[3] <> '*')::int + (r[4] <> '*')::int + (r[5] <> '*')::int DESC,
		r[1] <> '*' DESC, r[2] <> '*' DESC, r[3] <> '*' DESC, r[4] <> '*' DESC, r[5] <> '*' DESC
	LIMIT 1;
END $$;
COMMENT ON FUNCTION attrib.tracker_at(text, int, text, timestamptz, text) IS 'The tracker that owns a folded key (utm: the utm key of a touch) of a channel at an instant; periods are local to the zone. No row = nobody.';
