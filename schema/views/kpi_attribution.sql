-- What only attribution can say of a site, and what people say of it.

CREATE OR REPLACE VIEW attrib.kpi_attribution AS
SELECT site, currency, attributed_revenue, other_revenue, unattributed_revenue, attributed_share, orders, contested_orders,
	conflict_rate, claimed_revenue, credited_revenue, avoided_double_count, unmapped_share
FROM attrib.attribution_rows(NULL, NULL, NULL, NULL, 'net');
SELECT attrib.describe('kpi_attribution', 'How much of a site''s revenue has an owner, what was claimed twice, and what nobody registered, over all time, by the site''s primary model. Money at the rate of its day; what has none is in kpi_unconverted.',
	'site: shop', 'currency: of the site',
	'attributed_revenue: credited to creators, net, major units; the three add up to the revenue of kpi_site',
	'other_revenue: credited to utm parameters that nobody owns', 'unattributed_revenue: credited to nobody',
	'attributed_share: attributed_revenue / all revenue', 'orders: counted orders',
	'contested_orders: of orders, those that two creators or more would have claimed',
	'conflict_rate: contested_orders / orders', 'claimed_revenue: gross of what every creator alone would have claimed, by the policy model',
	'credited_revenue: gross of the orders that a creator is credited with, by the policy model',
	'avoided_double_count: claimed_revenue - credited_revenue',
	'unmapped_share: of clicks and visits that carry a key and are not filtered, those whose key belongs to no creator');

CREATE OR REPLACE FUNCTION attrib.kpi_attribution_between(site text, from_date date, to_date date, model text DEFAULT NULL,
	basis text DEFAULT 'net')
RETURNS SETOF attrib.kpi_attribution LANGUAGE sql STABLE AS $$
	SELECT * FROM attrib.attribution_rows($1, $2, $3, attrib.model_number($4, $1), attrib.check_basis($5))
$$;
COMMENT ON FUNCTION attrib.kpi_attribution_between(text, date, date, text, text) IS 'The view kpi_attribution for the local days from_date..to_date, both included; site NULL = all, model NULL = the primary one, basis net or gross of the revenue columns.';

CREATE OR REPLACE VIEW attrib.kpi_mention AS
SELECT site, platform, term, mentions, positive, negative, net_sentiment, share_of_voice, mentions_before, change
FROM attrib.mention_rows(NULL, NULL, NULL);
SELECT attrib.describe('kpi_mention', 'What people say, by platform and tag, keyword or hashtag, over all time.',
	'site: shop', 'platform: where; NULL = everywhere', 'term: tag, keyword or hashtag; NULL = all', 'mentions: of the brand',
	'positive: of mentions', 'negative: of mentions', 'net_sentiment: (positive - negative) / mentions',
	'share_of_voice: mentions / mentions of brand and competitors; NULL where no competitor was counted',
	'mentions_before: over as many days right before the period; NULL = nobody counted', 'change: (mentions - mentions_before) / mentions_before');

CREATE OR REPLACE FUNCTION attrib.kpi_mention_between(site text, from_date date, to_date date)
RETURNS SETOF attrib.kpi_mention LANGUAGE sql STABLE AS $$
	SELECT * FROM attrib.mention_rows($1, $2, $3)
$$;
COMMENT ON FUNCTION attrib.kpi_mention_between(text, date, date) IS 'The view kpi_mention for the local days from_date..to_date, both included, beside as many days before; site NULL = all.';
