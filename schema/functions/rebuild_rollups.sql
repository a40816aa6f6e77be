-- Rollups made anew: of what an older release has left without them, or of days that were written in bulk.

CREATE OR REPLACE FUNCTION attrib.rebuild_months(p_site text DEFAULT NULL)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	-- Whoever merges holds its site before it adds to a rollup.
	PERFORM FROM attrib.site WHERE p_site IS NULL OR name = p_site ORDER BY name FOR NO KEY UPDATE;
	DELETE FROM attrib.rollup_month WHERE p_site IS NULL OR site = p_site;
	INSERT INTO attrib.rollup_month
	SELECT site, attrib.month_of(day), kind, creator, campaign, placement, channel, currency, customer_kind,
		ARRAY[sum(conversions[1]), sum(conversions[2]), sum(conversions[3]), sum(conversions[4]), sum(conversions[5]), sum(conversions[6])]::bigint[],
		ARRAY[sum(gross[1]), sum(gross[2]), sum(gross[3]), sum(gross[4]), sum(gross[5]), sum(gross[6])]::bigint[],
		ARRAY[sum(refunded[1]), sum(refunded[2]), sum(refunded[3]), sum(refunded[4]), sum(refunded[5]), sum(refunded[6])]::bigint[]
	FROM attrib.rollup_money WHERE p_site IS NULL OR site = p_site
	GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9;
	DELETE FROM attrib.rollup_path_month WHERE p_site IS NULL OR site = p_site;
	INSERT INTO attrib.rollup_path_month
	SELECT site, attrib.month_of(day), grain, creator, campaign, placement, sum(claims), sum(clicked), sum(code_only),
		sum(click_only), sum(contested)
	FROM attrib.rollup_path WHERE p_site IS NULL OR site = p_site
	GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6;
END $$;
COMMENT ON FUNCTION attrib.rebuild_months(text) IS 'Makes rollup_month and rollup_path_month of one site (NULL = all) from rollup_money and rollup_path. Merges of the site wait for the end of the transaction.';

CREATE OR REPLACE FUNCTION attrib.rebuild_paths(p_site text DEFAULT NULL)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM FROM attrib.site WHERE p_site IS NULL OR name = p_site ORDER BY name FOR NO KEY UPDATE;
	DELETE FROM attrib.rollup_path WHERE p_site IS NULL OR site = p_site;
	DELETE FROM attrib.rollup_path_month WHERE p_site IS NULL OR site = p_site;
	PERFORM attrib.stage_v1_rollups();
	INSERT INTO work_path
	SELECT 1, c.site, c.day, c.order_id, p.creator, p.campaign, p.placement,
		bool_or(p.channel IN (1, 2, 3) AND NOT p.viewed AND attrib.suspect_flags(p.flags) = 0), bool_or(p.channel = 4), c.creator_claims > 1,
		count(*) OVER (PARTITION BY c.site, c.order_id)
	FROM attrib.conversion c JOIN attrib.path_row p USING (site, kind, order_id)
	WHERE c.kind = 1 AND c.counted AND c.merged_into = '' AND p.eligible AND p.creator <> '' AND (p_site IS NULL OR c.site = p_site)
	GROUP BY c.site, c.kind, c.order_id, p.creator, p.campaign, p.placement;
	PERFORM attrib.merge_v1_paths();
	DELETE FROM work_path; -- the transaction may go on
	DELETE FROM work_day_path;
END $$;
COMMENT ON FUNCTION attrib.rebuild_paths(text) IS 'Makes rollup_path and rollup_path_month of one site (NULL = all) from the orders'' paths. Merges of the site wait for the end of the transaction.';

-- The first time, for what is there already.
DO $$
BEGIN
	IF EXISTS (SELECT FROM attrib.rollup_money) AND NOT EXISTS (SELECT FROM attrib.rollup_month) THEN
		PERFORM attrib.rebuild_paths();
		PERFORM attrib.rebuild_months();
	END IF;
END $$;
