-- What the KPIs are made of, by scope: a cell of money, traffic, cost, posts, paths or persons knows its site,
-- campaign, creator, placement and channel (empty = none), and every cut is a sum of cells by some of
-- these and what the catalog knows of them. Money is in the site's currency, at dated rates; what has no rate is
-- left out and stands in kpi_unconverted. NULL dates = all time; days are the site's own, both included.

CREATE OR REPLACE FUNCTION attrib.cut_of(p_by text[], p_site text, p_campaign text, p_creator text, p_placement text,
	p_channel text)
RETURNS text[] LANGUAGE sql STABLE AS $$
	SELECT ARRAY(SELECT nullif(CASE dimension
		WHEN 'campaign' THEN p_campaign
		WHEN 'creator' THEN p_creator
		WHEN 'placement' THEN p_placement
		WHEN 'channel' THEN p_channel
		WHEN 'tier' THEN (SELECT tier FROM attrib.creator WHERE site = p_site AND handle = p_creator)
		WHEN 'platform' THEN coalesce((SELECT platform FROM attrib.placement WHERE site = p_site AND name = p_placement),
			(SELECT platform FROM attrib.creator WHERE site = p_site AND handle = p_creator))
		WHEN 'content_type' THEN (SELECT content_type FROM attrib.placement WHERE site = p_site AND name = p_placement)
		WHEN 'paid' THEN (SELECT CASE WHEN paid THEN 'paid' ELSE 'organic' END FROM attrib.placement
			WHERE site = p_site AND name = p_placement AND paid IS NOT NULL)
		WHEN 'group' THEN 'group' -- its place: the sites of a group are added by kpi_rows
		END, '') FROM unnest(p_by) WITH ORDINALITY AS b (dimension, n) ORDER BY n)
$$;
COMMENT ON FUNCTION attrib.cut_of(text[], text, text, text, text, text) IS 'Where a cell belongs in a cut by campaign, creator, placement, channel, tier (of the creator), platform (of the post, else of the creator''s main account), content_type, paid (paid or organic), group (its place only: kpi_rows adds up the sites of a group): a value for each dimension, NULL = none.';

CREATE OR REPLACE FUNCTION attrib.cut_part(p_by text[], p_part text, p_value text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN p_by && CASE p_part
		WHEN 'campaign' THEN '{campaign}'
		WHEN 'creator' THEN '{creator,tier,platform}'
		WHEN 'placement' THEN '{placement,platform,content_type,paid}'
		WHEN 'channel' THEN '{channel}'
		END::text[] THEN p_value ELSE '' END
$$;
COMMENT ON FUNCTION attrib.cut_part(text[], text, text) IS 'The campaign, creator, placement or channel of a cell if cut_of looks at it in this cut, else empty: cells are added up by these first, so that a cut is asked once for each scope that it knows.';

CREATE OR REPLACE FUNCTION attrib.money_cells(p_site text, p_from date, p_to date, p_model int, p_by text[])
RETURNS TABLE (site text, cut text[], gross numeric, refunded numeric, orders numeric, new_customers numeric,
	unknown_customers numeric, new_gross numeric, new_refunded numeric, paid_gross numeric, paid_refunded numeric,
	margin numeric, margin_refunded numeric, leads numeric)
LANGUAGE sql STABLE AS $$
	WITH sums AS ( -- by what margins and the cut look at; foreign money by its day, scope and customers, because rates round it
		SELECT r.site, r.day, r.kind, r.campaign, r.currency, s.currency AS into,
			CASE WHEN r.currency <> s.currency THEN r.creator ELSE attrib.cut_part(p_by, 'creator', r.creator) END AS creator,
			CASE WHEN r.currency <> s.currency THEN r.placement ELSE attrib.cut_part(p_by, 'placement', r.placement) END AS placement,
			CASE WHEN r.currency <> s.currency OR p_by && '{channel}' THEN r.channel END AS channel,
			CASE WHEN r.currency <> s.currency THEN r.customer_kind END AS customer_kind,
			sum(r.gross[m.model]) AS gross, sum(r.refunded[m.model]) AS refunded,
			sum(r.gross[m.model]) FILTER (WHERE r.customer_kind = 1) AS new_gross,
			sum(r.refunded[m.model]) FILTER (WHERE r.customer_kind = 1) AS new_refunded,
			sum(r.gross[m.model]) FILTER (WHERE p.name IS NOT NULL) AS paid_gross,
			sum(r.refunded[m.model]) FILTER (WHERE p.name IS NOT NULL) AS paid_refunded,
			sum(r.conversions[m.model]) AS conversions,
			sum(r.conversions[m.model]) FILTER (WHERE r.customer_kind = 1) AS new_conversions,
			sum(r.conversions[m.model]) FILTER (WHERE r.customer_kind = 0) AS unknown_conversions
		FROM attrib.money_rows(p_site, p_from, p_to, true, true) r
		JOIN attrib.site s ON s.name = r.site
		LEFT JOIN attrib.placement p ON p.site = r.site AND p.name = r.placement AND p.paid
		CROSS JOIN LATERAL (SELECT coalesce(p_model, s.primary_model) AS model) m
		GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
	), margins AS ( -- of minor units in major ones
		SELECT d.site, d.campaign, d.day, (SELECT rate FROM attrib.margin WHERE site = d.site AND campaign IN (d.campaign, '')
			AND valid_from <= d.day ORDER BY campaign DESC, valid_from DESC LIMIT 1)
			* round(10::numeric ^ -attrib.currency_exponent(d.into), attrib.currency_exponent(d.into)) AS rate
		FROM (SELECT DISTINCT u.site, u.campaign, u.day, u.into FROM sums u) d
	), scopes AS (
		SELECT d.site, d.into, attrib.cut_part(p_by, 'campaign', d.campaign) AS campaign,
			attrib.cut_part(p_by, 'creator', d.creator) AS creator, attrib.cut_part(p_by, 'placement', d.placement) AS placement,
			CASE WHEN p_by && '{channel}' THEN d.channel END AS channel,
			sum(v.gross) FILTER (WHERE d.kind = 1) AS gross, sum(v.refunded) FILTER (WHERE d.kind = 1) AS refunded,
			sum(d.conversions) FILTER (WHERE d.kind = 1) AS orders,
			sum(d.new_conversions) FILTER (WHERE d.kind = 1) AS new_customers,
			sum(d.unknown_conversions) FILTER (WHERE d.kind = 1) AS unknown_customers,
			sum(attrib.scaled(d.new_gross::bigint, x.factor)) FILTER (WHERE d.kind = 1 AND x.factor IS NOT NULL) AS new_gross,
			sum(attrib.scaled(d.new_refunded::bigint, x.factor)) FILTER (WHERE d.kind = 1 AND x.factor IS NOT NULL) AS new_refunded,
			sum(attrib.scaled(d.paid_gross::bigint, x.factor)) FILTER (WHERE d.kind = 1 AND x.factor IS NOT NULL) AS paid_gross,
			sum(attrib.scaled(d.paid_refunded::bigint, x.factor)) FILTER (WHERE d.kind = 1 AND x.factor IS NOT NULL) AS paid_refunded,
			CASE WHEN bool_and(m.rate IS NOT NULL) FILTER (WHERE d.kind = 1 AND v.gross <> 0)
				THEN sum(v.gross * m.rate) FILTER (WHERE d.kind = 1) END AS margin,
			sum(v.refunded * m.rate) FILTER (WHERE d.kind = 1) AS margin_refunded,
			sum(d.conversions) FILTER (WHERE d.kind = 2) AS leads
		FROM sums d
		JOIN margins m ON m.site = d.site AND m.campaign = d.campaign AND m.day = d.day
		CROSS JOIN LATERAL (SELECT CASE WHEN d.currency = d.into THEN 1 ELSE attrib.minor_rate_on(d.currency, d.into, d.day) END AS factor) x
		CROSS JOIN LATERAL (SELECT CASE WHEN x.factor IS NOT NULL THEN attrib.scaled(d.gross::bigint, x.factor) END AS gross,
			CASE WHEN x.factor IS NOT NULL THEN attrib.scaled(d.refunded::bigint, x.factor) END AS refunded) v
		GROUP BY 1, 2, 3, 4, 5, 6
	)
	SELECT d.site, attrib.cut_of(p_by, d.site, d.campaign, d.creator, d.placement, attrib.channel_name(d.channel)) AS cut,
		attrib.major(sum(d.gross), d.into), attrib.major(sum(d.refunded), d.into), coalesce(sum(d.orders), 0) / 1000000000000,
		coalesce(sum(d.new_customers), 0) / 1000000000000, coalesce(sum(d.unknown_customers), 0) / 1000000000000,
		attrib.major(sum(d.new_gross), d.into), attrib.major(sum(d.new_refunded), d.into), attrib.major(sum(d.paid_gross), d.into),
		attrib.major(sum(d.paid_refunded), d.into), CASE WHEN bool_and(d.margin IS NOT NULL OR coalesce(d.gross, 0) = 0) THEN sum(d.margin) END,
		sum(d.margin_refunded), coalesce(sum(d.leads), 0) / 1000000000000
	FROM scopes d
	GROUP BY d.site, cut, d.into
$$;
COMMENT ON FUNCTION attrib.money_cells(text, date, date, int, text[]) IS 'Credited orders (and leads) of one model, NULL = the site''s primary one, by day of counted_at: major units, and sums of shares. new_: of orders of new customers; paid_: credited to placements that are paid media; margin: gross x the campaign''s or site''s margin of the day; NULL where some of the money has none.';

CREATE OR REPLACE FUNCTION attrib.traffic_cells(p_site text, p_from date, p_to date, p_by text[])
RETURNS TABLE (site text, cut text[], clicks_raw numeric, clicks_valid numeric, clicks_suspect numeric,
	clicks_filtered numeric, visits numeric, carts numeric, checkouts numeric)
LANGUAGE sql STABLE AS $$
	WITH scopes AS (
		SELECT site, campaign, creator, placement, channel, type, attrib.flag_class(verdicts) AS class, sum(count) AS count
		FROM attrib.traffic_pieces(p_site, p_from, p_to, true, NULL) GROUP BY 1, 2, 3, 4, 5, 6, 7
	)
	SELECT site, attrib.cut_of(p_by, site, campaign, creator, placement, attrib.channel_name(channel)),
		coalesce(sum(count) FILTER (WHERE type = 1), 0),
		coalesce(sum(count) FILTER (WHERE type = 1 AND class = 'valid'), 0),
		coalesce(sum(count) FILTER (WHERE type = 1 AND class = 'suspect'), 0),
		coalesce(sum(count) FILTER (WHERE type = 1 AND class = 'filtered'), 0),
		coalesce(sum(count) FILTER (WHERE type = 2 AND class <> 'filtered'), 0),
		coalesce(sum(count) FILTER (WHERE type = 5 AND class <> 'filtered'), 0),
		coalesce(sum(count) FILTER (WHERE type = 6 AND class <> 'filtered'), 0)
	FROM scopes GROUP BY 1, 2
$$;
COMMENT ON FUNCTION attrib.traffic_cells(text, date, date, text[]) IS 'Clicks as they came (raw = valid + suspect + filtered), visits, carts and checkouts that are not filtered.';

CREATE OR REPLACE FUNCTION attrib.cost_cells(p_site text, p_from date, p_to date, p_model int, p_by text[])
RETURNS TABLE (site text, cut text[], direct numeric, shared numeric, media numeric, paid_media numeric)
LANGUAGE sql STABLE AS $$
	-- What belongs to a post is known by its cost alone; whatever a scope has besides is the creator's direct
	-- cost and its part of what the campaign shares.
	SELECT c.site, attrib.cut_of(p_by, c.site, c.campaign, c.creator, c.placement, '') AS cut, sum(c.direct), sum(c.shared),
		sum(c.media), sum(c.paid_media)
	FROM (
		SELECT c.site, attrib.cut_part(p_by, 'campaign', c.campaign) AS campaign, attrib.cut_part(p_by, 'creator', c.creator) AS creator,
			attrib.cut_part(p_by, 'placement', c.placement) AS placement, sum(c.direct) AS direct, sum(c.shared) AS shared,
			sum(c.media) AS media, sum(c.paid_media) AS paid_media
		FROM (
			SELECT r.site, r.campaign, r.creator, '' AS placement, r.currency, r.cost_direct AS direct, r.cost_shared AS shared,
				r.cost_media AS media, 0 AS paid_media
			FROM attrib.roi_rows(p_site, p_from, p_to, p_model, 'net', 'order', true) r
			JOIN attrib.site s ON s.name = r.site AND attrib.model_name(coalesce(p_model, s.primary_model)) = r.model
			UNION ALL
			SELECT k.site, k.campaign, k.creator, part.post, k.currency, part.direct * v.amount, 0,
				CASE WHEN k.kind IN ('fee', 'paid_media') THEN part.direct * v.amount ELSE 0 END, part.paid * v.amount
			FROM attrib.cost_rows(p_site, p_from, p_to, true, NULL) k
			CROSS JOIN LATERAL (SELECT attrib.major(k.amount, k.currency) AS amount) v
			CROSS JOIN LATERAL (VALUES (k.placement, 1, 0), ('', -1, 0), (k.placement, 0, 1)) part (post, direct, paid)
			WHERE part.direct <> 0 AND k.placement <> '' AND k.creator <> '' OR part.paid = 1 AND k.kind = 'paid_media') c
		JOIN attrib.site s ON s.name = c.site AND s.currency = c.currency
		GROUP BY 1, 2, 3, 4) c
	GROUP BY c.site, cut
$$;
COMMENT ON FUNCTION attrib.cost_cells(text, date, date, int, text[]) IS 'Cost by scope, major units: direct, the part of the campaign''s shared cost by the site''s cost_spread, the media in both (kinds fee and paid_media), and paid media by itself, which is not spread.';

-- A column for each count, made from its name: every one is found in the same way.
DO $$
DECLARE
	counts text[] := '{impressions,reach,likes,comments,shares,saves,reactions,clicks,views,views_6s,views_completed,watch_seconds,new_followers}';
BEGIN
	EXECUTE (SELECT format($text$
CREATE OR REPLACE FUNCTION attrib.post_counts(p_site text, p_from date, p_to date, p_placements text[])
RETURNS TABLE (site text, placement text, %1$s)
LANGUAGE sql STABLE AS $function$
	WITH snapshots AS (
		SELECT p.*, i.inside, i.says & ~coalesce(bit_or(i.says) OVER (PARTITION BY p.site, p.placement, p.scope, p.mode, i.inside
			ORDER BY p.taken_at DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS newest -- counts that no later one tells
		FROM (SELECT * FROM attrib.post_metrics WHERE p_placements IS NULL
			UNION ALL
			SELECT m.* FROM (SELECT DISTINCT unnest(p_placements) AS name) l JOIN attrib.post_metrics m ON m.site = p_site AND m.placement = l.name) p
		CROSS JOIN LATERAL (SELECT p_from IS NULL OR p.taken_at >= p_from AS inside, -- a bit for each count that is told
			%2$s AS says) i
		WHERE (p_site IS NULL OR p.site = p_site) AND (p_to IS NULL OR p.taken_at < p_to + 1)
	), scopes AS (
		SELECT m.site, m.placement, m.scope, %3$s
		FROM (SELECT *, CASE WHEN mode = 'cumulative' AND inside THEN newest ELSE 0 END AS last,
				CASE WHEN mode = 'cumulative' AND NOT inside THEN newest ELSE 0 END AS before, mode = 'delta' AND inside AS delta
			FROM snapshots WHERE mode = 'delta' OR newest <> 0) m
		GROUP BY 1, 2, 3
	)
	SELECT * FROM (SELECT site, placement, %4$s FROM scopes GROUP BY site, placement) c WHERE num_nonnulls(%5$s) > 0
$function$
$text$,
		string_agg(c || ' numeric', ', ' ORDER BY n), string_agg(format('((p.%I IS NOT NULL)::int << %s)', c, n - 1), ' | ' ORDER BY n),
		string_agg(format('coalesce(max(m.%1$I) FILTER (WHERE m.last & %2$s <> 0) - coalesce(max(m.%1$I) FILTER (WHERE m.before & %2$s <> 0), 0), %3$s) AS %1$I',
			c, 1 << (n - 1)::int, format(CASE c
				-- the persons of several days are not persons: nobody knows how many came twice
				WHEN 'reach' THEN 'CASE WHEN count(m.%1$I) FILTER (WHERE m.delta) = 1 THEN sum(m.%1$I) FILTER (WHERE m.delta) END'
				ELSE 'sum(m.%1$I) FILTER (WHERE m.delta)' END, c)), ', ' ORDER BY n),
		string_agg(format('coalesce(max(%1$I) FILTER (WHERE scope = ''total''), sum(%1$I) FILTER (WHERE scope <> ''total'')) AS %1$I', c), ', ' ORDER BY n),
		string_agg(quote_ident(c), ', ' ORDER BY n))
	FROM unnest(counts) WITH ORDINALITY u (c, n));
END $$;
COMMENT ON FUNCTION attrib.post_counts(text, date, date, text[]) IS 'The platforms'' counts of each post: of cumulative snapshots the newest of the period less the newest before it, else the sum of deltas (of reach only a single one). total decides, else organic and paid are added. p_placements: only these, of one site.';

-- Of tables: the planner puts it in the place of the call.
CREATE OR REPLACE FUNCTION attrib.followers_on(p_site text, p_creator text, p_platform text, p_on date)
RETURNS TABLE (followers bigint) LANGUAGE sql STABLE ROWS 1 AS $$
	SELECT coalesce(
		(SELECT followers FROM attrib.follower_count WHERE site = p_site AND owner = 'creator' AND creator = p_creator
			AND platform = coalesce(p_platform, c.platform)
			ORDER BY counted_on <= coalesce(p_on, 'infinity') DESC, CASE WHEN counted_on <= coalesce(p_on, 'infinity') THEN -(counted_on - date '2000-01-01')
				ELSE counted_on - date '2000-01-01' END LIMIT 1),
		CASE WHEN p_platform IS NULL OR p_platform = c.platform OR c.platform IS NULL THEN c.followers END)
	FROM (SELECT 1) one LEFT JOIN attrib.creator c ON c.site = p_site AND c.handle = p_creator
$$;
COMMENT ON FUNCTION attrib.followers_on(text, text, text, date) IS 'Followers of a creator''s account on a platform (NULL = the main account''s) on a day: the newest follower_count by then, else the first after it, else what creator says of the main account.';

CREATE OR REPLACE FUNCTION attrib.post_cells(p_site text, p_from date, p_to date, p_by text[])
RETURNS TABLE (site text, cut text[], posts numeric, followers numeric, impressions numeric, reach numeric, likes numeric,
	comments numeric, shares numeric, saves numeric, reactions numeric, post_clicks numeric, views numeric, views_6s numeric,
	views_completed numeric, watch_seconds numeric, length_seconds numeric, new_followers numeric, engagements numeric,
	emv numeric)
LANGUAGE sql STABLE AS $$
	WITH posts AS (
		SELECT c.*, coalesce(p.campaign, '') AS campaign, coalesce(p.creator, '') AS creator,
			f.followers, p.length_seconds * c.views AS length_seconds, v.engagements, v.emv
		FROM attrib.post_counts(p_site, p_from, p_to, NULL) c
		JOIN attrib.site s ON s.name = c.site
		LEFT JOIN attrib.placement p ON p.site = c.site AND p.name = c.placement
		CROSS JOIN LATERAL attrib.followers_on(c.site, coalesce(p.creator, ''), p.platform, p.posted_at::date) f
		CROSS JOIN LATERAL (
			SELECT sum(n.value) FILTER (WHERE p.name IS NOT NULL AND EXISTS (SELECT FROM attrib.engagement_count e WHERE e.count = n.count
					AND (e.site, e.platform) = (SELECT b.site, b.platform FROM attrib.engagement_count b
						WHERE b.site IN (c.site, '') AND b.platform IN (coalesce(p.platform, ''), '')
						ORDER BY b.site <> '' AND b.platform <> '' DESC, b.platform <> '' DESC, b.site <> '' DESC LIMIT 1))) AS engagements,
				-- cpm is for a thousand impressions, every other rate for each
				sum(n.value * attrib.rate_on(r.currency, s.currency, coalesce(p.posted_at::date, current_date)) * r.value
					/ CASE WHEN r.action = 'cpm' THEN 1000 ELSE 1 END) AS emv
			FROM (VALUES ('impressions', c.impressions), ('reach', c.reach), ('likes', c.likes), ('comments', c.comments), ('shares', c.shares),
				('saves', c.saves), ('reactions', c.reactions), ('clicks', c.clicks), ('views', c.views), ('views_6s', c.views_6s),
				('views_completed', c.views_completed), ('watch_seconds', c.watch_seconds), ('new_followers', c.new_followers)) n (count, value)
			LEFT JOIN LATERAL (SELECT a.action, a.value, a.currency FROM attrib.rate_card a
				WHERE a.site = c.site AND a.platform = p.platform AND a.action = CASE n.count WHEN 'impressions' THEN 'cpm' ELSE n.count END
					AND a.valid_from <= coalesce(p.posted_at::date, current_date)
				ORDER BY a.valid_from DESC LIMIT 1) r ON true
			WHERE n.value IS NOT NULL) v
	)
	SELECT site, attrib.cut_of(p_by, site, campaign, creator, placement, ''), count(*),
		sum(followers) FILTER (WHERE engagements IS NOT NULL OR reach IS NOT NULL), sum(impressions), sum(reach), sum(likes),
		sum(comments), sum(shares), sum(saves), sum(reactions), sum(clicks), sum(views), sum(views_6s),
		sum(views_completed), sum(watch_seconds), sum(length_seconds), sum(new_followers), sum(engagements), sum(emv)
	FROM posts GROUP BY 1, 2
$$;
COMMENT ON FUNCTION attrib.post_cells(text, date, date, text[]) IS 'Posts with counts in the period: sums of the platforms'' counts; followers at posting of each post; engagements by engagement_count; emv by the rate card of the day of posting; length_seconds: views x length of the video.';

-- No SQL function: it would be planned with every other cut.
CREATE OR REPLACE FUNCTION attrib.order_path_cells(p_site text, p_from date, p_to date, p_by text[])
RETURNS TABLE (site text, cut text[], claims numeric, click_orders numeric, code_only_orders numeric,
	click_only_orders numeric, contested numeric)
LANGUAGE plpgsql STABLE ROWS 100 AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH touches AS (
		SELECT c.site, c.order_id, p.campaign, p.creator, p.placement, p.channel, c.creator_claims > 1 AS contested,
			p.channel IN (1, 2, 3) AND NOT p.viewed AND attrib.suspect_flags(p.flags) = 0 AS click
		FROM attrib.conversion c
		JOIN attrib.path_row p USING (site, kind, order_id)
		WHERE c.kind = 1 AND c.counted AND c.merged_into = '' AND p.eligible AND p.creator <> ''
			AND (p_site IS NULL OR c.site = p_site) AND (p_from IS NULL OR c.day >= p_from) AND (p_to IS NULL OR c.day <= p_to)
	), cuts AS (
		SELECT d.*, attrib.cut_of(p_by, d.site, d.campaign, d.creator, d.placement, attrib.channel_name(d.channel)) AS cut
		FROM (SELECT DISTINCT t.site, t.campaign, t.creator, t.placement, t.channel FROM touches t) d
	)
	SELECT o.site, o.cut, count(*)::numeric, (count(*) FILTER (WHERE o.clicked))::numeric, (count(*) FILTER (WHERE o.coded AND NOT o.clicked))::numeric,
		(count(*) FILTER (WHERE o.clicked AND NOT o.coded))::numeric, (count(*) FILTER (WHERE o.contested))::numeric
	FROM (SELECT t.site, t.order_id, d.cut, bool_or(t.click) AS clicked, bool_or(t.channel = 4) AS coded, bool_or(t.contested) AS contested
		FROM touches t JOIN cuts d USING (site, campaign, creator, placement, channel)
		GROUP BY 1, 2, 3) o
	GROUP BY o.site, o.cut;
END $$;
COMMENT ON FUNCTION attrib.order_path_cells(text, date, date, text[]) IS 'path_cells from the orders'' paths, for cuts that no rollup has: by tier, platform, content_type, paid and channel.';

CREATE OR REPLACE FUNCTION attrib.path_cells(p_site text, p_from date, p_to date, p_by text[])
RETURNS TABLE (site text, cut text[], claims numeric, click_orders numeric, code_only_orders numeric,
	click_only_orders numeric, contested numeric)
LANGUAGE sql STABLE AS $$
	SELECT r.site, attrib.cut_of(p_by, r.site, r.campaign, r.creator, r.placement, '') AS cut, sum(r.claims), sum(r.clicked),
		sum(r.code_only), sum(r.click_only), sum(r.contested)
	FROM (
		SELECT r.site, attrib.cut_part(p_by, 'campaign', r.campaign) AS campaign, attrib.cut_part(p_by, 'creator', r.creator) AS creator,
			attrib.cut_part(p_by, 'placement', r.placement) AS placement, sum(r.claims) AS claims, sum(r.clicked) AS clicked,
			sum(r.code_only) AS code_only, sum(r.click_only) AS click_only, sum(r.contested) AS contested
		FROM attrib.path_rows(p_site, p_from, p_to) r
		WHERE attrib.path_grain(p_by) IS NOT NULL AND (r.grain = 0 OR r.grain = attrib.path_grain(p_by))
		GROUP BY 1, 2, 3, 4 HAVING sum(r.claims) <> 0) r
	GROUP BY r.site, cut
	UNION ALL SELECT * FROM attrib.order_path_cells(p_site, p_from, p_to, p_by) WHERE attrib.path_grain(p_by) IS NULL
$$;
COMMENT ON FUNCTION attrib.path_cells(text, date, date, text[]) IS 'Counted orders with an eligible touch of the scope (claims): with a valid click among them, with codes and no such click, with clicks and no code, claimed by more than one creator. An order counts once in each scope that touched it. Cuts by site, campaign, creator, both of these and placement are read from rollup_path, others from the orders.';

CREATE OR REPLACE FUNCTION attrib.credit_cells(p_site text, p_from date, p_to date, p_model int, p_by text[])
RETURNS TABLE (site text, cut text[], ttc_p50 interval, ttc_p90 interval, posted_net numeric, net_7d numeric,
	net_14d numeric, net_30d numeric, customers numeric, repeat_customers numeric, customer_net numeric,
	customer_days numeric, grown_customers numeric, grown_net numeric)
LANGUAGE sql STABLE AS $$
	WITH credits AS (
		SELECT c.site, c.order_id, k.campaign, k.creator, k.placement, k.channel, k.share[m.model] / 1e12::numeric AS share,
			c.placed_at, k.touched_at, s.currency AS into, (k.amount[m.model] - k.refunded[m.model])
				* attrib.minor_rate_on(c.currency, s.currency, c.day) AS net,
			c.placed_at - p.posted_at AT TIME ZONE s.time_zone AS after_post
		FROM attrib.conversion c
		JOIN attrib.credit k USING (site, kind, order_id)
		JOIN attrib.site s ON s.name = c.site
		CROSS JOIN LATERAL (SELECT coalesce(p_model, s.primary_model) AS model) m
		LEFT JOIN attrib.placement p ON p.site = k.site AND p.name = k.placement
		WHERE c.kind = 1 AND c.counted AND c.merged_into = '' AND k.share[m.model] > 0 AND k.creator <> ''
			AND (p_site IS NULL OR c.site = p_site) AND (p_from IS NULL OR c.day >= p_from) AND (p_to IS NULL OR c.day <= p_to)
	), won AS ( -- the first order of each customer that was won here, and all that the customer has bought since
		SELECT o.site, o.order_id, o.placed_at, count(*) AS orders, sum(a.net) AS net,
			sum(a.net) FILTER (WHERE b.placed_at < o.placed_at + interval '365 days') AS net_365
		FROM (SELECT DISTINCT k.site, k.order_id, k.into FROM credits k) c
		JOIN attrib.customer_order o ON o.site = c.site AND o.order_id = c.order_id AND o.kind = 1
		JOIN attrib.customer_order b ON b.customer = o.customer AND b.valid
		JOIN attrib.conversion p ON p.site = b.site AND p.kind = 1 AND p.order_id = b.order_id
		CROSS JOIN LATERAL (SELECT (p.gross - p.refunded) * attrib.minor_rate_on(p.currency, c.into, p.day) AS net) a
		GROUP BY o.site, o.order_id, o.placed_at
	), cuts AS (
		SELECT d.*, attrib.cut_of(p_by, d.site, d.campaign, d.creator, d.placement, attrib.channel_name(d.channel)) AS cut
		FROM (SELECT DISTINCT k.site, k.campaign, k.creator, k.placement, k.channel FROM credits k) d
	)
	SELECT c.site, d.cut, percentile_disc(0.5) WITHIN GROUP (ORDER BY c.placed_at - c.touched_at),
		percentile_disc(0.9) WITHIN GROUP (ORDER BY c.placed_at - c.touched_at),
		attrib.major(sum(c.net) FILTER (WHERE c.after_post >= interval '0'), c.into),
		attrib.major(coalesce(sum(c.net) FILTER (WHERE c.after_post >= interval '0' AND c.after_post < interval '7 days'), 0), c.into),
		attrib.major(coalesce(sum(c.net) FILTER (WHERE c.after_post >= interval '0' AND c.after_post < interval '14 days'), 0), c.into),
		attrib.major(coalesce(sum(c.net) FILTER (WHERE c.after_post >= interval '0' AND c.after_post < interval '30 days'), 0), c.into),
		sum(c.share) FILTER (WHERE w.order_id IS NOT NULL), sum(c.share) FILTER (WHERE w.orders > 1),
		attrib.major(sum(c.share * w.net), c.into),
		sum(c.share * extract(epoch FROM now() - w.placed_at) / 86400) FILTER (WHERE w.order_id IS NOT NULL),
		sum(c.share) FILTER (WHERE w.placed_at <= now() - interval '365 days'),
		attrib.major(sum(c.share * w.net_365) FILTER (WHERE w.placed_at <= now() - interval '365 days'), c.into)
	FROM credits c
	JOIN cuts d USING (site, campaign, creator, placement, channel)
	LEFT JOIN won w ON w.site = c.site AND w.order_id = c.order_id
	GROUP BY 1, 2, c.into
$$;
COMMENT ON FUNCTION attrib.credit_cells(text, date, date, int, text[]) IS 'From the orders themselves: time from the credited touch to the order; net revenue of credits with a dated post, and what of it came within 7, 14 and 30 days; customers won (shares of first orders of new customers), those with a second order, all net revenue since, and the same over 365 days of those that are that old.';

CREATE OR REPLACE FUNCTION attrib.mention_cells(p_site text, p_from date, p_to date, p_by text[])
RETURNS TABLE (site text, cut text[], mentions numeric, positive numeric, negative numeric, all_mentions numeric)
LANGUAGE sql STABLE AS $$
	SELECT site, attrib.cut_of(p_by, site, campaign, '', '', ''), sum(mentions) FILTER (WHERE subject = ''),
		sum(positive) FILTER (WHERE subject = ''), sum(negative) FILTER (WHERE subject = ''),
		CASE WHEN count(*) FILTER (WHERE subject <> '') > 0 THEN sum(mentions) END
	FROM attrib.mention_daily
	WHERE (p_site IS NULL OR site = p_site) AND (p_from IS NULL OR counted_on >= p_from) AND (p_to IS NULL OR counted_on <= p_to)
	GROUP BY 1, 2
$$;
COMMENT ON FUNCTION attrib.mention_cells(text, date, date, text[]) IS 'Mentions of the brand, and of brand and competitors together where competitors were counted.';
