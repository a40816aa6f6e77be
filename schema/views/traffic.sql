-- Traffic by local day and owner, and the keys that nobody owns.

CREATE OR REPLACE VIEW attrib.traffic_daily AS
SELECT t.site, (t.bucket_at AT TIME ZONE s.time_zone)::date AS day, o.campaign, o.creator,
	attrib.channel_name(t.channel) AS channel, coalesce(o.key, nullif(t.key, '')) AS tracker,
	coalesce(sum(t.count) FILTER (WHERE t.type = 1 AND t.verdicts & 255 = 0), 0)::bigint AS clicks,
	coalesce(sum(t.uniques) FILTER (WHERE t.verdicts & 255 = 0), 0)::bigint AS unique_clicks,
	coalesce(sum(t.count) FILTER (WHERE t.type = 2 AND t.verdicts & 255 = 0), 0)::bigint AS visits,
	coalesce(sum(t.count) FILTER (WHERE t.type = 5 AND t.verdicts & 255 = 0), 0)::bigint AS carts,
	coalesce(sum(t.count) FILTER (WHERE t.type = 6 AND t.verdicts & 255 = 0), 0)::bigint AS checkouts,
	coalesce(sum(t.count) FILTER (WHERE t.type = 7 AND t.verdicts & 255 = 0), 0)::bigint AS leads,
	coalesce(sum(t.count) FILTER (WHERE t.verdicts & 255 <> 0), 0)::bigint AS filtered,
	coalesce(sum(t.count) FILTER (WHERE t.type = 3 AND t.verdicts & 255 = 0), 0)::bigint AS views,
	coalesce(sum(t.count) FILTER (WHERE t.type = 4 AND t.verdicts & 255 = 0), 0)::bigint AS codes_applied,
	coalesce(sum(t.count) FILTER (WHERE t.type = 1 AND t.verdicts & 255 = 0 AND t.verdicts <> 0), 0)::bigint AS suspect_clicks,
	o.placement
FROM attrib.traffic t
JOIN attrib.site s ON s.name = t.site
LEFT JOIN LATERAL attrib.tracker_at(t.site, t.channel, t.key, t.bucket_at, s.time_zone) o ON true
GROUP BY t.site, (t.bucket_at AT TIME ZONE s.time_zone)::date, o.campaign, o.creator, t.channel,
	coalesce(o.key, nullif(t.key, '')), o.placement;
SELECT attrib.describe('traffic_daily', 'Traffic by local day, channel and tracker; the owner is who owns the key by the catalog as it stands now.',
	'site: shop', 'day: local date', 'campaign: of the tracker', 'creator: NULL = nobody owned the key',
	'channel: link, affiliate, utm, code, view, direct (no key)',
	'tracker: key as written; of an unowned key as folded; NULL = direct; (other) = beyond the daily cap of keys',
	'clicks: valid and suspect ones',
	'unique_clicks: distinct visitors of the day and tracker; do not add up over days',
	'visits: landings, one each under the strongest key', 'carts: events', 'checkouts: events',
	'leads: events', 'filtered: invalid events of any type: bots, prefetch, HEAD, own site',
	'views: events', 'codes_applied: events', 'suspect_clicks: contained in clicks',
	'placement: of the tracker');

CREATE OR REPLACE FUNCTION attrib.traffic_between(site text, from_date date, to_date date)
RETURNS SETOF attrib.traffic_daily LANGUAGE sql STABLE AS $$
	SELECT * FROM attrib.traffic_daily t WHERE ($1 IS NULL OR t.site = $1) AND t.day BETWEEN $2 AND $3
$$;
COMMENT ON FUNCTION attrib.traffic_between(text, date, date) IS 'The view traffic_daily for the local days from_date..to_date, both included; site NULL = all.';

CREATE OR REPLACE VIEW attrib.unknown_tracker AS
WITH seen AS (
	SELECT t.site, CASE t.channel WHEN 5 THEN 1 ELSE t.channel END AS channel, t.key,
		min(t.bucket_at) AS first_seen_at, sum(t.count) AS touches
	FROM attrib.traffic t
	JOIN attrib.site s ON s.name = t.site
	WHERE t.channel <= 5 AND t.type <= 4 AND t.key NOT IN ('', '(other)')
		AND NOT EXISTS (SELECT FROM attrib.tracker_at(t.site, t.channel, t.key, t.bucket_at, s.time_zone))
	GROUP BY 1, 2, 3
), steps AS (
	SELECT DISTINCT p.site, p.kind, p.order_id, CASE p.channel WHEN 5 THEN 1 ELSE p.channel END AS channel,
		p.folded AS key, min(p.occurred_at) OVER own AS first_seen_at, count(*) OVER own AS touches
	FROM attrib.path_row p
	JOIN attrib.site s ON s.name = p.site
	WHERE p.channel <= 5 AND p.creator = '' AND p.tracker = '' AND p.folded <> ''
		AND NOT EXISTS (SELECT FROM attrib.tracker_at(p.site, p.channel, p.folded, p.occurred_at, s.time_zone))
	WINDOW own AS (PARTITION BY p.site, p.kind, p.order_id, p.channel, p.folded)
), orders AS (
	SELECT p.site, p.channel, p.key, c.currency, min(p.first_seen_at) AS first_seen_at, sum(p.touches) AS touches,
		count(*) FILTER (WHERE c.counted AND c.kind = 1) AS orders,
		coalesce(sum(c.gross) FILTER (WHERE c.counted AND c.kind = 1), 0) AS gross
	FROM steps p JOIN attrib.conversion c USING (site, kind, order_id)
	WHERE c.ticket > 0 AND c.merged_into = ''
	GROUP BY 1, 2, 3, 4
)
SELECT site, attrib.channel_name(channel) AS kind, key, least(s.first_seen_at, o.first_seen_at) AS first_seen_at,
	greatest(s.touches, o.touches, 0)::bigint AS touches, coalesce(o.orders, 0) AS orders,
	attrib.major(coalesce(o.gross, 0), o.currency) AS gross, nullif(o.currency, '') AS currency
FROM seen s FULL JOIN orders o USING (site, channel, key);
SELECT attrib.describe('unknown_tracker', 'Keys that were seen while nobody owned them, with the orders that carry them: register them and they heal. One row per currency of its orders.',
	'site: shop', 'kind: link, affiliate, code, utm', 'key: folded', 'first_seen_at: first seen',
	'touches: times seen', 'orders: counted orders with such a touch', 'gross: their gross, major units',
	'currency: ISO 4217; NULL = no order');
