-- What marketers fill beside campaigns and costs: what people say, what a margin is, what is normal, which
-- reactions count as engagement, who belongs together. Site '' = every site that has no row of its own.

CREATE TABLE attrib.site_group (
	name text COLLATE "C" NOT NULL,
	site text COLLATE "C" NOT NULL,
	PRIMARY KEY (name, site)
);
SELECT attrib.describe('site_group', 'Shops of one owner that are reported together. Currencies are never added: a group''s reports have a row for each.',
	'name: of the group', 'site: a member');

CREATE TABLE attrib.margin (
	site       text COLLATE "C" NOT NULL,
	campaign   text COLLATE "C" NOT NULL DEFAULT '',
	rate       numeric NOT NULL CHECK (rate BETWEEN 0 AND 1),
	valid_from date NOT NULL DEFAULT '-infinity',
	PRIMARY KEY (site, campaign, valid_from)
);
SELECT attrib.describe('margin', 'Contribution margin, for roi_margin.',
	'site: shop',
	'campaign: empty = all campaigns without a row of their own',
	'rate: fraction of revenue that is left after the cost of the goods, 0 to 1',
	'valid_from: local date of the order, until the next');

CREATE TABLE attrib.engagement_count (
	site     text COLLATE "C" NOT NULL DEFAULT '',
	platform text COLLATE "C" NOT NULL DEFAULT '',
	count    text COLLATE "C" NOT NULL CHECK (count IN ('likes', 'comments', 'shares', 'saves', 'reactions', 'clicks', 'views')),
	PRIMARY KEY (site, platform, count)
);
SELECT attrib.describe('engagement_count', 'Which counts of a post are engagements. The rows of the site and platform decide, else those of the platform for every site, else those of the site for every platform, else those of neither.',
	'site: shop; empty = every site', 'platform: where; empty = everywhere',
	'count: likes, comments, shares, saves, reactions, clicks or views of post_metrics');
INSERT INTO attrib.engagement_count (site, platform, count) VALUES
	('', '', 'likes'), ('', '', 'comments'), ('', '', 'shares'), ('', '', 'saves'),
	('', 'tiktok', 'likes'), ('', 'tiktok', 'comments'), ('', 'tiktok', 'shares');

CREATE TABLE attrib.mention_daily (
	site       text COLLATE "C" NOT NULL,
	subject    text COLLATE "C" NOT NULL DEFAULT '',
	platform   text COLLATE "C" NOT NULL DEFAULT '',
	term       text COLLATE "C" NOT NULL DEFAULT '',
	campaign   text COLLATE "C" NOT NULL DEFAULT '',
	counted_on date NOT NULL,
	mentions   bigint NOT NULL CHECK (mentions >= 0),
	positive   bigint CHECK (positive >= 0),
	neutral    bigint CHECK (neutral >= 0),
	negative   bigint CHECK (negative >= 0),
	PRIMARY KEY (site, subject, platform, term, campaign, counted_on)
);
SELECT attrib.describe('mention_daily', 'What people said on a day, counted by a listening tool.',
	'site: shop', 'subject: empty = the brand; else a competitor''s name', 'platform: where; empty = everywhere',
	'term: tag, keyword or hashtag; empty = all', 'campaign: that the term belongs to; empty = none',
	'counted_on: local date', 'mentions: all of them', 'positive: of mentions', 'neutral: of mentions', 'negative: of mentions');

CREATE TABLE attrib.benchmark (
	site         text COLLATE "C" NOT NULL DEFAULT '',
	metric       text COLLATE "C" NOT NULL,
	platform     text COLLATE "C" NOT NULL DEFAULT '',
	tier         text COLLATE "C" NOT NULL DEFAULT '',
	content_type text COLLATE "C" NOT NULL DEFAULT '',
	low          numeric,
	high         numeric,
	source       text,
	PRIMARY KEY (site, metric, platform, tier, content_type),
	CHECK (low IS NOT NULL OR high IS NOT NULL),
	CHECK (low <= high)
);
SELECT attrib.describe('benchmark', 'What is normal. A site''s row replaces that of every site.',
	'site: shop; empty = every site', 'metric: id of a kpi', 'platform: where; empty = everywhere',
	'tier: of the creator; empty = every tier', 'content_type: of the post; empty = every type',
	'low: below is low, in the metric''s own unit (ratios are fractions)', 'high: above is high', 'source: where it is from');
INSERT INTO attrib.benchmark (metric, platform, tier, content_type, low, high, source) VALUES
	('er_followers', 'instagram', '', '', 0.02, 0.03, 'industry guides'),
	('er_followers', 'instagram', 'macro', '', 0.02, 0.03, 'industry guides'),
	('er_followers', 'instagram', 'mid', '', 0.05, NULL, 'industry guides'),
	('er_followers', 'instagram', 'micro', '', 0.08, 0.10, 'industry guides'),
	('er_followers', 'tiktok', '', '', 0.05, 0.15, 'industry guides'),
	('er_impressions', 'tiktok', '', '', 0.05, 0.10, 'industry guides'),
	('er_views', 'youtube', '', '', 0.04, 0.06, 'industry guides'),
	('vcr', '', '', 'short', 0.50, 0.70, 'industry guides'),
	('vcr', '', '', 'video', 0.40, 0.60, 'industry guides'),
	('frequency', '', '', '', 1.2, 1.5, 'industry guides'),
	('cvr_clicks', '', '', '', 0.01, NULL, 'industry guides');

ALTER TABLE attrib.kpi_target
	ADD COLUMN model text CHECK (model IN ('policy', 'last_touch', 'first_touch', 'linear', 'position', 'time_decay')),
	ADD COLUMN basis text CHECK (basis IN ('net', 'gross')),
	ADD COLUMN starts_on date;
SELECT attrib.describe('kpi_target', 'A KPI is a metric that is judged against a target.',
	'model: attribution model; NULL = the site''s primary one', 'basis: net or gross revenue; NULL = net',
	'starts_on: first day that counts, local date; NULL = the campaign''s first day, else all time');

CREATE TABLE attrib.ad_map (
	site      text COLLATE "C" NOT NULL,
	platform  text COLLATE "C" NOT NULL,
	ad_id     text COLLATE "C" NOT NULL,
	placement text COLLATE "C" NOT NULL,
	PRIMARY KEY (site, platform, ad_id)
);
SELECT attrib.describe('ad_map', 'Which placement an ad of a platform belongs to.',
	'site: shop', 'platform: where', 'ad_id: as the platform names it', 'placement: the post');

CREATE TABLE attrib.audience_snapshot (
	site      text COLLATE "C" NOT NULL,
	creator   text COLLATE "C" NOT NULL,
	platform  text COLLATE "C" NOT NULL,
	taken_on  date NOT NULL,
	dimension text COLLATE "C" NOT NULL,
	value     text COLLATE "C" NOT NULL,
	share     numeric NOT NULL CHECK (share BETWEEN 0 AND 1),
	PRIMARY KEY (site, creator, platform, taken_on, dimension, value)
);
SELECT attrib.describe('audience_snapshot', 'Who follows a creator, as a platform or an audit says.',
	'site: shop', 'creator: handle', 'platform: where', 'taken_on: local date',
	'dimension: country, age, gender, suspected_fake, ...', 'value: of the dimension', 'share: fraction of the followers');

CREATE TABLE attrib.placement_note (
	site      text COLLATE "C" NOT NULL,
	placement text COLLATE "C" NOT NULL,
	noted_on  date NOT NULL,
	kind      text COLLATE "C" NOT NULL,
	value     numeric,
	note      text,
	PRIMARY KEY (site, placement, noted_on, kind)
);
SELECT attrib.describe('placement_note', 'What no counter tells of a post.',
	'site: shop', 'placement: the post', 'noted_on: local date', 'kind: comment_quality, direct_messages, poll, ...',
	'value: a number, where there is one', 'note: in words');

DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['site_group', 'margin', 'engagement_count', 'mention_daily', 'benchmark', 'ad_map',
		'audience_snapshot', 'placement_note'] LOOP
		EXECUTE format('CREATE TABLE attrib.%I (LIKE attrib.%I INCLUDING COMMENTS, '
			'recorded_at timestamptz NOT NULL, '
			'superseded_at timestamptz NOT NULL DEFAULT ''infinity'')', name || '_history', name);
		PERFORM attrib.describe(name || '_history', 'Every version of every row of ' || name || '.',
			'recorded_at: when this version came into force',
			'superseded_at: when another or a deletion replaced it; infinity = current');
	END LOOP;
END $$;
-- The twin of kpi_target: its columns in the same order, the two instants last.
ALTER TABLE attrib.kpi_target_history RENAME TO kpi_target_before;
CREATE TABLE attrib.kpi_target_history (LIKE attrib.kpi_target INCLUDING COMMENTS,
	recorded_at timestamptz NOT NULL, superseded_at timestamptz NOT NULL DEFAULT 'infinity');
INSERT INTO attrib.kpi_target_history
SELECT site, metric, scope, scope_key, target, direction, "primary", deadline, NULL, NULL, NULL, recorded_at, superseded_at
FROM attrib.kpi_target_before;
DROP TABLE attrib.kpi_target_before;
SELECT attrib.describe('kpi_target_history', 'Every version of every row of kpi_target.',
	'recorded_at: when this version came into force',
	'superseded_at: when another or a deletion replaced it; infinity = current');
CREATE INDEX ON attrib.mention_daily_history (site, subject, counted_on) WHERE superseded_at = 'infinity';

INSERT INTO attrib.schema_version (version, oldest_daemon) VALUES (13, 6);
