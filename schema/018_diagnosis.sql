-- What figures say of a scope and what to do about it, as rows: a site adds its own, replaces one, or turns it off.

CREATE TABLE attrib.diagnosis_rule (
	site           text COLLATE "C" NOT NULL DEFAULT '',
	rule           text COLLATE "C" NOT NULL,
	metric         text COLLATE "C" NOT NULL,
	condition      text NOT NULL CHECK (condition IN ('low', 'high')),
	compared_with  text NOT NULL DEFAULT 'any' CHECK (compared_with IN ('benchmark', 'history', 'any')),
	margin         numeric NOT NULL DEFAULT 0.25 CHECK (margin >= 0),
	also_metric    text COLLATE "C",
	also_condition text CHECK (also_condition IN ('low', 'high', 'good', 'none')),
	advice         text NOT NULL,
	minimum        bigint CHECK (minimum >= 0),
	enabled        boolean NOT NULL DEFAULT true,
	PRIMARY KEY (site, rule),
	CHECK ((also_metric IS NULL) = (also_condition IS NULL))
);
SELECT attrib.describe('diagnosis_rule', 'When a figure is low or high, and what to do then. A site''s row replaces that of every site.',
	'site: shop; empty = every site', 'rule: its name',
	'metric: id of a figure that metric_list() knows',
	'condition: low or high',
	'compared_with: benchmark; history = the period of the same length before; any = the benchmark''s bound where there is one, else history',
	'margin: how far from history is low or high, a fraction of it: 0.25 = below 3/4 is low, above 5/4 is high',
	'also_metric: a second figure that has to fit; NULL = none',
	'also_condition: low, high, good = known and not low, none = it is 0; compared as with any',
	'advice: what to do, in words',
	'minimum: observations of the metric below which nothing is said; NULL = that of metric_list()',
	'enabled: false = the rule is off');
INSERT INTO attrib.diagnosis_rule (rule, metric, condition, compared_with, margin, also_metric, also_condition, advice) VALUES
	('low_ctr', 'ctr_impressions', 'low', 'any', 0.25, NULL, NULL, 'Few of those who see it click: try another hook, another thumbnail, other first three seconds.'),
	('high_ctr', 'ctr_impressions', 'high', 'any', 0.25, NULL, NULL, 'Many of those who see it click: boost the post.'),
	('low_vtr', 'vtr_6s', 'low', 'any', 0.25, NULL, NULL, 'Viewers leave within six seconds: a faster pace, the point earlier.'),
	('low_completion', 'vcr', 'low', 'any', 0.25, NULL, NULL, 'Few watch to the end: a faster pace, or a shorter video.'),
	('low_cvr_good_ctr', 'cvr_clicks', 'low', 'any', 0.25, 'ctr_impressions', 'good', 'The post does its part and the page does not: look at the landing page and the offer.'),
	('high_cvr', 'cvr_clicks', 'high', 'any', 0.25, NULL, NULL, 'These visitors buy: retarget look-alikes of them.'),
	('high_bounce', 'bounce_rate', 'high', 'any', 0.25, NULL, NULL, 'Visitors leave at once: the landing page does not keep what the post promises.'),
	('engaged_no_sale', 'er_followers', 'high', 'any', 0.25, 'orders', 'none', 'Liked and not bought at all: a paid boost, or another offer.'),
	('engaged_few_sales', 'er_followers', 'high', 'any', 0.25, 'cvr_clicks', 'low', 'Liked and hardly bought: a paid boost, or another offer.'),
	('engaged_no_sale_views', 'er_views', 'high', 'any', 0.25, 'orders', 'none', 'Liked and not bought at all: a paid boost, or another offer.'),
	('engaged_few_sales_views', 'er_views', 'high', 'any', 0.25, 'cvr_clicks', 'low', 'Liked and hardly bought: a paid boost, or another offer.'),
	('low_roas', 'roas_total', 'low', 'any', 0.25, NULL, NULL, 'The spend does not come back: look at bid, creative and budget.'),
	('falling_roas', 'roas_total', 'low', 'history', 0.25, NULL, NULL, 'The spend brings less than it did: look at bid, creative and budget.'),
	('high_roas', 'roas_total', 'high', 'any', 0.25, NULL, NULL, 'The spend comes back more than usual: scale it, and watch the marginal return.'),
	('repeated_views', 'frequency', 'high', 'any', 0.25, NULL, NULL, 'Impressions are far above reach: the same persons see it again and again; widen the audience.'),
	('low_reach', 'reach_rate', 'low', 'any', 0.25, NULL, NULL, 'The post reaches few of the followers: another time of posting, another platform.'),
	('code_leaked', 'code_only_share', 'high', 'history', 1, NULL, NULL, 'Far more orders than usual have the code and no click: the code has leaked, look for it on coupon sites and change it.');

CREATE TABLE attrib.diagnosis_rule_history (LIKE attrib.diagnosis_rule INCLUDING COMMENTS,
	recorded_at timestamptz NOT NULL, superseded_at timestamptz NOT NULL DEFAULT 'infinity');
SELECT attrib.describe('diagnosis_rule_history', 'Every version of every row of diagnosis_rule.',
	'recorded_at: when this version came into force',
	'superseded_at: when another or a deletion replaced it; infinity = current');

-- The same short videos under the names that platforms have for them; what is a loss by its own formula.
INSERT INTO attrib.benchmark (metric, platform, tier, content_type, low, high, source) VALUES
	('vcr', '', '', 'reel', 0.50, 0.70, 'industry guides'),
	('vcr', 'tiktok', '', '', 0.50, 0.70, 'industry guides'),
	('roi', '', '', '', 0, NULL, 'break-even: below, the cost does not come back'),
	('roas_total', '', '', '', 1, NULL, 'break-even: below, the media do not come back'),
	('marginal_roi', '', '', '', 0, NULL, 'break-even: below, the last part of the spend does not come back'),
	('break_even_orders', '', '', '', NULL, 0, 'break-even: above, so many are missing'),
	('break_even_revenue', '', '', '', NULL, 0, 'break-even: above, so much is missing'),
	('cac_to_clv', '', '', '', NULL, 1, 'break-even: above, a customer costs more than it brings'),
	('reach_rate', '', '', '', 0.10, NULL, 'a tenth of the followers, to begin with: no guide names a number')
ON CONFLICT DO NOTHING;

-- A scorecard asks for what one creator has.
CREATE INDEX placement_creator ON attrib.placement (site, creator);
CREATE INDEX tracker_creator ON attrib.tracker (site, creator);

INSERT INTO attrib.schema_version (version, oldest_daemon) VALUES (18, 6);
