-- Traffic by local day and owner, and the keys that nobody owns.

CREATE OR REPLACE FUNCTION attrib.traffic_rows(p_site text, p_from date, p_to date)
RETURNS TABLE (site text, day date, campaign text, creator text, placement text, channel text, tracker text,
	type int, verdicts int, count bigint, uniques bigint)
LANGUAGE sql STABLE AS $$
	SELECT site, day, campaign, creator, placement, attrib.channel_name(channel), tracker, type, verdicts, count, uniques
	FROM attrib.traffic_pieces(p_site, p_from, p_to, false, NULL)
$$;
COMMENT ON FUNCTION attrib.traffic_rows(text, date, date) IS 'Traffic by local day with its owner by the catalog as it stands now: what the views of traffic sum. NULL arguments = all.';

CREATE OR REPLACE FUNCTION attrib.traffic_days(p_site text, p_from date, p_to date)
RETURNS TABLE (site text, day date, campaign text, creator text, channel text, tracker text, clicks bigint,
	unique_clicks bigint, visits bigint, carts bigint, checkouts bigint, leads bigint, filtered bigint,
	views bigint, codes_applied bigint, suspect_clicks bigint, placement text)
LANGUAGE sql STABLE AS $$
	SELECT site, day, campaign, creator, channel, tracker,
		coalesce(sum(count) FILTER (WHERE type = 1 AND class <> 'filtered'), 0)::bigint,
		coalesce(sum(uniques) FILTER (WHERE class <> 'filtered'), 0)::bigint,
		coalesce(sum(count) FILTER (WHERE type = 2 AND class <> 'filtered'), 0)::bigint,
		coalesce(sum(count) FILTER (WHERE type = 5 AND class <> 'filtered'), 0)::bigint,
		coalesce(sum(count) FILTER (WHERE type = 6 AND class <> 'filtered'), 0)::bigint,
		coalesce(sum(count) FILTER (WHERE type = 7 AND class <> 'filtered'), 0)::bigint,
		coalesce(sum(count) FILTER (WHERE class = 'filtered'), 0)::bigint,
		coalesce(sum(count) FILTER (WHERE type = 3 AND class <> 'filtered'), 0)::bigint,
		coalesce(sum(count) FILTER (WHERE type = 4 AND class <> 'filtered'), 0)::bigint,
		coalesce(sum(count) FILTER (WHERE type = 1 AND class = 'suspect'), 0)::bigint,
		placement
	FROM (SELECT r.*, attrib.flag_class(r.verdicts) AS class FROM attrib.traffic_rows(p_site, p_from, p_to) r) t
	GROUP BY site, day, campaign, creator, channel, tracker, placement
$$;
COMMENT ON FUNCTION attrib.traffic_days(text, date, date) IS 'What traffic_daily shows; NULL arguments = all.';

CREATE OR REPLACE VIEW attrib.traffic_daily AS
SELECT site COLLATE "C" AS site, day, campaign COLLATE "C" AS campaign, creator COLLATE "C" AS creator, channel,
	tracker COLLATE "C" AS tracker, clicks, unique_clicks, visits, carts, checkouts, leads, filtered, views,
	codes_applied, suspect_clicks, placement COLLATE "C" AS placement
FROM attrib.traffic_days(NULL, NULL, NULL);
SELECT attrib.describe('traffic_daily', 'Traffic by local day, channel and tracker; the owner is who owns the key by the catalog as it stands now.',
	'site: shop', 'day: local date', 'campaign: of the tracker', 'creator: NULL = nobody owned the key',
	'channel: link, affiliate, utm, code, view, direct (no key)',
	'tracker: key as written; of an unowned key as folded; NULL = direct; (other) = beyond the daily cap of keys',
	'clicks: valid and suspect ones',
	'unique_clicks: distinct visitors of the day and tracker; do not add up over days',
	'visits: landings, one each under the strongest key', 'carts: events', 'checkouts: events',
	'leads: events; leads that were told twice are one conversion', 'filtered: invalid events of any type: bots, prefetch, HEAD, own site',
	'views: events', 'codes_applied: events', 'suspect_clicks: contained in clicks',
	'placement: of the tracker');

CREATE OR REPLACE FUNCTION attrib.traffic_daily_between(site text, from_date date, to_date date)
RETURNS SETOF attrib.traffic_daily LANGUAGE sql STABLE AS $$
	SELECT * FROM attrib.traffic_days($1, $2, $3)
$$;
COMMENT ON FUNCTION attrib.traffic_daily_between(text, date, date) IS 'The view traffic_daily for the local days from_date..to_date, both included; site NULL = all.';
DROP FUNCTION IF EXISTS attrib.traffic_between(text, date, date); -- its name before
DROP FUNCTION IF EXISTS attrib.traffic_pieces(text, date, date, boolean);
DROP FUNCTION IF EXISTS attrib.traffic_pieces_of(text, text, date, date, date, date, boolean);

CREATE OR REPLACE FUNCTION attrib.traffic_quality_rows(p_site text, p_from date, p_to date)
RETURNS TABLE (site text, day date, campaign text, creator text, channel text, tracker text, type text,
	raw bigint, valid bigint, suspect bigint, filtered bigint)
LANGUAGE sql STABLE AS $$
	SELECT site, day, campaign, creator, channel, tracker, attrib.traffic_type_name(type), sum(count)::bigint,
		coalesce(sum(count) FILTER (WHERE class = 'valid'), 0)::bigint,
		coalesce(sum(count) FILTER (WHERE class = 'suspect'), 0)::bigint,
		coalesce(sum(count) FILTER (WHERE class = 'filtered'), 0)::bigint
	FROM (SELECT r.*, attrib.flag_class(r.verdicts) AS class FROM attrib.traffic_rows(p_site, p_from, p_to) r) t
	GROUP BY site, day, campaign, creator, channel, tracker, type
	HAVING sum(count) <> 0
$$;
COMMENT ON FUNCTION attrib.traffic_quality_rows(text, date, date) IS 'What traffic_quality shows; NULL arguments = all.';

CREATE OR REPLACE VIEW attrib.traffic_quality AS
SELECT site, day, campaign, creator, channel, tracker, type, raw, valid, suspect, filtered
FROM attrib.traffic_quality_rows(NULL, NULL, NULL);
SELECT attrib.describe('traffic_quality', 'How much of the traffic is what it looks like, by local day, tracker and type of event: raw = valid + suspect + filtered. Suspect events can earn credit and are flagged, filtered ones can''t.',
	'site: shop', 'day: local date', 'campaign: of the tracker', 'creator: NULL = nobody owned the key',
	'channel: link, affiliate, utm, code, view, direct (no key)',
	'tracker: key as written; of an unowned key as folded; NULL = direct; (other) = beyond the daily cap of keys',
	'type: click, visit, view, code_applied, cart, checkout, lead', 'raw: all events',
	'valid: nothing to say against them', 'suspect: flood, paid_ad', 'filtered: bot, prefetch, head, own_site');

CREATE OR REPLACE FUNCTION attrib.traffic_quality_between(site text, from_date date, to_date date)
RETURNS SETOF attrib.traffic_quality LANGUAGE sql STABLE AS $$
	SELECT * FROM attrib.traffic_quality_rows($1, $2, $3)
$$;
COMMENT ON FUNCTION attrib.traffic_quality_between(text, date, date) IS 'The view traffic_quality for the local days from_date..to_date, both included; site NULL = all.';

CREATE OR REPLACE FUNCTION attrib.traffic_reason_rows(p_site text, p_from date, p_to date)
RETURNS TABLE (site text, day date, campaign text, creator text, channel text, tracker text, type text,
	class text, reason text, events bigint)
LANGUAGE sql STABLE AS $$
	SELECT site, day, campaign, creator, channel, tracker, attrib.traffic_type_name(type),
		attrib.flag_class(verdicts) AS class, (attrib.flag_names(verdicts))[1] AS reason, sum(count)::bigint
	FROM attrib.traffic_rows(p_site, p_from, p_to)
	WHERE attrib.flag_class(verdicts) <> 'valid'
	GROUP BY site, day, campaign, creator, channel, tracker, type, 8, 9
	HAVING sum(count) <> 0
$$;
COMMENT ON FUNCTION attrib.traffic_reason_rows(text, date, date) IS 'What traffic_reason shows; NULL arguments = all.';

CREATE OR REPLACE VIEW attrib.traffic_reason AS
SELECT site, day, campaign, creator, channel, tracker, type, class, reason, events
FROM attrib.traffic_reason_rows(NULL, NULL, NULL);
SELECT attrib.describe('traffic_reason', 'Why events are suspect or filtered. An event with several reasons counts once, under the first of: bot, prefetch, head, own_site, flood, paid_ad; so the rows sum to suspect and filtered of traffic_quality.',
	'site: shop', 'day: local date', 'campaign: of the tracker', 'creator: NULL = nobody owned the key',
	'channel: link, affiliate, utm, code, view, direct (no key)',
	'tracker: key as written; of an unowned key as folded; NULL = direct; (other) = beyond the daily cap of keys',
	'type: click, visit, view, code_applied, cart, checkout, lead', 'class: suspect or filtered',
	'reason: bot, prefetch, head, own_site, flood, paid_ad', 'events: count');

CREATE OR REPLACE FUNCTION attrib.traffic_reason_between(site text, from_date date, to_date date)
RETURNS SETOF attrib.traffic_reason LANGUAGE sql STABLE AS $$
	SELECT * FROM attrib.traffic_reason_rows($1, $2, $3)
$$;
COMMENT ON FUNCTION attrib.traffic_reason_between(text, date, date) IS 'The view traffic_reason for the local days from_date..to_date, both included; site NULL = all.';

CREATE OR REPLACE FUNCTION attrib.suspect_credit_rows(p_site text, p_from date, p_to date)
RETURNS TABLE (site text, currency text, creator text, reason text, orders bigint, gross numeric, refunded numeric,
	net numeric, only_suspect bigint)
LANGUAGE sql STABLE AS $$
	SELECT site, currency, creator, (attrib.flag_names(attrib.suspect_flags(flags)))[1] AS reason, count(*),
		attrib.major(sum(gross), currency), attrib.major(sum(refunded), currency),
		attrib.major(sum(gross - refunded), currency), count(*) FILTER (WHERE only_suspect)
	FROM (SELECT c.site, c.order_id, c.currency, c.gross, c.refunded, k.creator, bit_or(p.flags) AS flags,
			bool_and(attrib.suspect_flags(p.flags) <> 0) AS only_suspect
		FROM attrib.conversion c
		JOIN attrib.credit k USING (site, kind, order_id)
		JOIN attrib.path_row p ON (p.site, p.kind, p.order_id) = (c.site, c.kind, c.order_id) AND p.credit = k.n
		WHERE c.kind = 1 AND c.counted AND c.merged_into = '' AND k.share[1] > 0 AND k.creator <> ''
			AND (p_site IS NULL OR c.site = p_site)
			AND (p_from IS NULL OR c.day >= p_from) AND (p_to IS NULL OR c.day <= p_to)
		GROUP BY c.site, c.order_id, c.currency, c.gross, c.refunded, k.creator) w
	WHERE attrib.suspect_flags(flags) <> 0
	GROUP BY site, currency, creator, 4
$$;
COMMENT ON FUNCTION attrib.suspect_credit_rows(text, date, date) IS 'What suspect_credit shows; NULL arguments = all.';

CREATE OR REPLACE VIEW attrib.suspect_credit AS
SELECT site, currency, creator, reason, orders, gross, refunded, net, only_suspect
FROM attrib.suspect_credit_rows(NULL, NULL, NULL);
SELECT attrib.describe('suspect_credit', 'Counted orders whose credit by the policy model rests on a touch that is flagged, by creator and reason. An order whose winning touches have several reasons counts once, under the first of: flood, paid_ad, too_fast.',
	'site: shop', 'currency: ISO 4217', 'creator: who is credited',
	'reason: flood = too many from one address on one link; paid_ad = an affiliate click that carries a search ad''s click id; too_fast = the order came right behind it',
	'orders: of which at least one winning touch (with those collapsed into it) is flagged',
	'gross: of these orders, major units', 'refunded: of gross', 'net: gross - refunded',
	'only_suspect: of the orders, those all of whose winning touches are flagged');

CREATE OR REPLACE FUNCTION attrib.suspect_credit_between(site text, from_date date, to_date date)
RETURNS SETOF attrib.suspect_credit LANGUAGE sql STABLE AS $$
	SELECT * FROM attrib.suspect_credit_rows($1, $2, $3)
$$;
COMMENT ON FUNCTION attrib.suspect_credit_between(text, date, date) IS 'The view suspect_credit for the local days from_date..to_date of counted_at, both included; site NULL = all.';

CREATE OR REPLACE VIEW attrib.unknown_tracker AS
WITH seen AS (
	SELECT t.site, CASE t.channel WHEN 5 THEN 1 ELSE t.channel END AS channel, t.key,
		min(t.bucket_at) AS first_seen_at, sum(t.count) AS touches
	FROM attrib.traffic t
	JOIN attrib.site s ON s.name = t.site
	WHERE t.channel <= 5 AND t.type <= 4 AND t.key NOT IN ('', '(other)')
		-- of a key that is one tracker's for ever no bucket has to be asked
		AND NOT EXISTS (SELECT FROM attrib.tracker k
			JOIN (VALUES ('link', 1), ('link', 5), ('affiliate', 2), ('code', 4)) c (kind, channel) ON c.kind = k.kind
			WHERE k.site = t.site AND c.channel = t.channel AND k.folded = t.key AND k.valid_from IS NULL AND k.valid_to IS NULL)
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
