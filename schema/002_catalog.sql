-- What marketers fill: creators, campaigns, placements, trackers, costs and the numbers of the
-- platforms. Each table has a twin <name>_history that triggers fill (functions/history.sql): a
-- decision sees what was recorded by its own time. Periods are in the site's local time.

CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE attrib.catalog_state (
	one        boolean PRIMARY KEY DEFAULT true CHECK (one),
	version    bigint NOT NULL,
	changed_by xid8
);
INSERT INTO attrib.catalog_state (version) VALUES (1);
SELECT attrib.describe('catalog_state', 'The version of the catalog: grows by one with every transaction that changes a tracker or a campaign.',
	'one: there is one row',
	'version: grows',
	'changed_by: transaction of the last change');

CREATE TABLE attrib.creator (
	site      text COLLATE "C" NOT NULL,
	handle    text COLLATE "C" NOT NULL,
	name      text,
	platform  text,
	tier      text,
	followers bigint CHECK (followers >= 0),
	PRIMARY KEY (site, handle)
);
SELECT attrib.describe('creator', 'Who earns credit.',
	'site: shop',
	'handle: the key that trackers, costs and reports use',
	'name: for people',
	'platform: of the main account: instagram, tiktok, youtube, ...',
	'tier: nano, micro, mid, macro, mega',
	'followers: of the main account, as last known');

CREATE TABLE attrib.creator_account (
	site       text COLLATE "C" NOT NULL,
	creator    text COLLATE "C" NOT NULL,
	platform   text COLLATE "C" NOT NULL,
	handle     text COLLATE "C" NOT NULL,
	tier       text,
	valid_from timestamp NOT NULL DEFAULT '-infinity',
	PRIMARY KEY (site, platform, handle, valid_from)
);
SELECT attrib.describe('creator_account', 'Further accounts of creators.',
	'site: shop',
	'creator: handle in creator',
	'platform: instagram, tiktok, youtube, ...',
	'handle: name of the account there',
	'tier: of this account, from valid_from on',
	'valid_from: site''s local time');

CREATE TABLE attrib.campaign (
	site      text COLLATE "C" NOT NULL,
	name      text COLLATE "C" NOT NULL,
	goal      text CHECK (goal IN ('awareness', 'consideration', 'conversion')),
	starts_on date,
	ends_on   date,
	currency  text COLLATE "C" CHECK (currency ~ '^[A-Z]{3}$'),
	budget    numeric CHECK (budget >= 0),
	"window"  interval CHECK ("window" >= interval '0'),
	code_rule text CHECK (code_rule IN ('always', 'fallback', 'if_involved', 'if_winner', 'never')),
	PRIMARY KEY (site, name),
	CHECK (ends_on >= starts_on)
);
SELECT attrib.describe('campaign', 'A paid effort with goal, dates and budget. Its dates do not limit its trackers.',
	'site: shop',
	'name: the key that trackers, costs and reports use',
	'goal: awareness, consideration or conversion',
	'starts_on: first day, site''s local date',
	'ends_on: last day; both days included',
	'currency: of the budget, ISO 4217',
	'budget: major units',
	'window: how long a touch stays eligible; NULL = the site''s',
	'code_rule: always, fallback, if_involved, if_winner, never; NULL = the site''s');

CREATE TABLE attrib.placement (
	site           text COLLATE "C" NOT NULL,
	name           text COLLATE "C" NOT NULL,
	campaign       text COLLATE "C",
	creator        text COLLATE "C",
	platform       text,
	content_type   text,
	posted_at      timestamp,
	url            text,
	paid           boolean,
	length_seconds numeric CHECK (length_seconds >= 0),
	PRIMARY KEY (site, name)
);
SELECT attrib.describe('placement', 'One post of a campaign.',
	'site: shop',
	'name: the key that trackers, costs and reports use',
	'campaign: it belongs to',
	'creator: who posted it',
	'platform: where',
	'content_type: post, reel, story, short, video, live, ...',
	'posted_at: site''s local time',
	'url: of the post',
	'paid: true = paid media, false = organic',
	'length_seconds: of a video');

CREATE TABLE attrib.tracker (
	tracker_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	site        text COLLATE "C" NOT NULL,
	kind        text COLLATE "C" NOT NULL CHECK (kind IN ('link', 'affiliate', 'code', 'utm')),
	key         text COLLATE "C" NOT NULL,
	folded      text COLLATE "C" NOT NULL CHECK (folded <> ''),
	creator     text COLLATE "C",
	campaign    text COLLATE "C",
	placement   text COLLATE "C",
	destination text CHECK (destination ~* '^https?://'),
	valid_from  timestamp,
	valid_to    timestamp,
	"window"    interval CHECK ("window" >= interval '0'),
	code_rule   text CHECK (code_rule IN ('always', 'fallback', 'if_involved', 'if_winner', 'never')),
	generic     boolean NOT NULL DEFAULT false,
	CHECK (valid_to > valid_from),
	CONSTRAINT tracker_natural_key UNIQUE NULLS NOT DISTINCT (site, kind, folded, valid_from),
	CONSTRAINT tracker_one_owner EXCLUDE USING gist
		(site WITH =, kind WITH =, folded WITH =, tsrange(valid_from, valid_to) WITH &&)
);
SELECT attrib.describe('tracker', 'A key that a creator was given. One folded key has one owner at a time.',
	'tracker_id: surrogate, for the history',
	'site: shop',
	'kind: link, affiliate, code, utm',
	'key: as written; utm: source/medium/campaign/term/content, * matches any',
	'folded: attrib.fold of the key, set by a trigger: what facts are compared with',
	'creator: who earns; NULL = nobody',
	'campaign: it belongs to',
	'placement: it belongs to',
	'destination: of a link: absolute http(s) URL',
	'valid_from: site''s local time, included; NULL = since ever',
	'valid_to: site''s local time, excluded; NULL = open',
	'window: how long a touch stays eligible; NULL = the campaign''s, then the site''s',
	'code_rule: of a code; NULL = the campaign''s, then the site''s',
	'generic: a key that is public and never earns');

CREATE TABLE attrib.cost (
	site        text COLLATE "C" NOT NULL,
	cost_id     text COLLATE "C" NOT NULL,
	campaign    text COLLATE "C",
	creator     text COLLATE "C",
	placement   text COLLATE "C",
	kind        text COLLATE "C" NOT NULL CHECK (kind IN ('fee', 'product_retail', 'product_cogs',
		'paid_media', 'agency', 'commission', 'other')),
	amount      numeric NOT NULL,
	currency    text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
	incurred_on date NOT NULL DEFAULT current_date,
	covers_from date,
	covers_to   date,
	PRIMARY KEY (site, cost_id),
	CHECK (covers_to >= covers_from)
);
SELECT attrib.describe('cost', 'What was paid. Cost of a campaign without creator is spread over its creators by reports.',
	'site: shop',
	'cost_id: natural key: importing it again replaces it',
	'campaign: NULL = the placement''s, else of the whole site',
	'creator: NULL = the placement''s, else shared',
	'placement: it was paid for',
	'kind: fee, product_retail, product_cogs, paid_media, agency, commission, other',
	'amount: major units; negative = a credit note',
	'currency: ISO 4217',
	'incurred_on: local date',
	'covers_from: first day that it pays for',
	'covers_to: last day that it pays for, included');

CREATE TABLE attrib.post_metrics (
	site            text COLLATE "C" NOT NULL,
	placement       text COLLATE "C" NOT NULL,
	taken_at        timestamp NOT NULL,
	scope           text COLLATE "C" NOT NULL DEFAULT 'total' CHECK (scope IN ('organic', 'paid', 'total')),
	mode            text COLLATE "C" NOT NULL DEFAULT 'cumulative' CHECK (mode IN ('cumulative', 'delta')),
	impressions     bigint,
	reach           bigint,
	likes           bigint,
	comments        bigint,
	shares          bigint,
	saves           bigint,
	reactions       bigint,
	clicks          bigint,
	views           bigint,
	views_6s        bigint,
	views_completed bigint,
	watch_seconds   numeric,
	new_followers   bigint,
	PRIMARY KEY (site, placement, taken_at, scope, mode)
);
SELECT attrib.describe('post_metrics', 'The platforms'' own numbers of a post: cumulative snapshots (the latest counts) or deltas (they add up). Paid is never added to a total.',
	'site: shop',
	'placement: the post',
	'taken_at: site''s local time',
	'scope: organic, paid or total',
	'mode: cumulative or delta',
	'impressions: times shown',
	'reach: persons',
	'likes: count', 'comments: count', 'shares: count', 'saves: count', 'reactions: count',
	'clicks: as the platform counts them',
	'views: as the platform counts them (3 s Facebook and Instagram, 30 s YouTube)',
	'views_6s: views of six seconds or more',
	'views_completed: views to the end',
	'watch_seconds: watched in total',
	'new_followers: of the brand''s account');

CREATE TABLE attrib.follower_count (
	site       text COLLATE "C" NOT NULL,
	owner      text COLLATE "C" NOT NULL CHECK (owner IN ('brand', 'creator')),
	creator    text COLLATE "C" NOT NULL DEFAULT '',
	platform   text COLLATE "C" NOT NULL,
	counted_on date NOT NULL,
	followers  bigint NOT NULL CHECK (followers >= 0),
	PRIMARY KEY (site, owner, creator, platform, counted_on)
);
SELECT attrib.describe('follower_count', 'Followers over time.',
	'site: shop',
	'owner: brand or creator',
	'creator: handle; empty for the brand',
	'platform: where',
	'counted_on: local date',
	'followers: count');

CREATE TABLE attrib.rate_card (
	site       text COLLATE "C" NOT NULL,
	platform   text COLLATE "C" NOT NULL,
	action     text COLLATE "C" NOT NULL,
	value      numeric NOT NULL,
	currency   text COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
	valid_from date NOT NULL DEFAULT '-infinity',
	PRIMARY KEY (site, platform, action, valid_from)
);
SELECT attrib.describe('rate_card', 'What an action is worth, for earned media value.',
	'site: shop',
	'platform: where',
	'action: cpm (of 1,000 impressions) or a count''s name in post_metrics',
	'value: major units each',
	'currency: ISO 4217',
	'valid_from: local date, until the next');

CREATE TABLE attrib.exchange_rate (
	base     text COLLATE "C" NOT NULL CHECK (base ~ '^[A-Z]{3}$'),
	quote    text COLLATE "C" NOT NULL CHECK (quote ~ '^[A-Z]{3}$'),
	rate     numeric NOT NULL CHECK (rate > 0),
	valid_on date NOT NULL,
	PRIMARY KEY (base, quote, valid_on)
);
SELECT attrib.describe('exchange_rate', 'Dated rates for reports in one currency.',
	'base: ISO 4217',
	'quote: ISO 4217',
	'rate: quote units for one base unit',
	'valid_on: date, until the next');

CREATE TABLE attrib.kpi_target (
	site      text COLLATE "C" NOT NULL,
	metric    text COLLATE "C" NOT NULL,
	scope     text COLLATE "C" NOT NULL CHECK (scope IN ('site', 'campaign', 'creator', 'placement')),
	scope_key text COLLATE "C" NOT NULL DEFAULT '',
	target    numeric NOT NULL,
	direction text NOT NULL DEFAULT 'up' CHECK (direction IN ('up', 'down')),
	"primary" boolean NOT NULL DEFAULT false,
	deadline  date,
	PRIMARY KEY (site, metric, scope, scope_key)
);
SELECT attrib.describe('kpi_target', 'A KPI is a metric that is judged against a target.',
	'site: shop',
	'metric: id of a metric',
	'scope: site, campaign, creator or placement',
	'scope_key: its key; empty for the site',
	'target: value to reach, in the metric''s own unit (ratios are fractions)',
	'direction: up = at least, down = at most',
	'primary: primary or secondary',
	'deadline: local date');

CREATE TABLE attrib.order_claim (
	site     text COLLATE "C" NOT NULL,
	order_id text COLLATE "C" NOT NULL,
	platform text COLLATE "C" NOT NULL,
	creator  text COLLATE "C" NOT NULL DEFAULT '',
	amount   numeric,
	currency text COLLATE "C" CHECK (currency ~ '^[A-Z]{3}$'),
	PRIMARY KEY (site, order_id, platform, creator)
);
SELECT attrib.describe('order_claim', 'What an outside platform reports as its own.',
	'site: shop',
	'order_id: as the platform names it',
	'platform: who claims',
	'creator: for whom; empty = not said',
	'amount: claimed, major units',
	'currency: ISO 4217');

CREATE TABLE attrib.code_alias (
	site        text COLLATE "C" NOT NULL,
	vendor      text COLLATE "C" NOT NULL,
	external_id text COLLATE "C" NOT NULL,
	key         text COLLATE "C" NOT NULL,
	PRIMARY KEY (site, vendor, external_id)
);
SELECT attrib.describe('code_alias', 'Vendors that name a promo code by an id of their own.',
	'site: shop',
	'vendor: stripe, ...',
	'external_id: as the vendor sends it',
	'key: the code');

-- The twins. LIKE takes the comments along, not the constraints.
DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['creator', 'creator_account', 'campaign', 'placement', 'tracker',
		'cost', 'post_metrics', 'follower_count', 'rate_card', 'exchange_rate', 'kpi_target',
		'order_claim', 'code_alias'] LOOP
		EXECUTE format('CREATE TABLE attrib.%I (LIKE attrib.%I INCLUDING COMMENTS, '
			'recorded_at timestamptz NOT NULL, '
			'superseded_at timestamptz NOT NULL DEFAULT ''infinity'')', name || '_history', name);
		PERFORM attrib.describe(name || '_history', 'Every version of every row of ' || name || '.',
			'recorded_at: when this version came into force',
			'superseded_at: when another or a deletion replaced it; infinity = current');
	END LOOP;
END $$;
CREATE INDEX ON attrib.tracker_history (tracker_id) WHERE superseded_at = 'infinity';
CREATE INDEX ON attrib.campaign_history (site, name) WHERE superseded_at = 'infinity';
CREATE INDEX ON attrib.creator_history (site, handle) WHERE superseded_at = 'infinity';
CREATE INDEX ON attrib.creator_account_history (site, platform, handle) WHERE superseded_at = 'infinity';
CREATE INDEX ON attrib.placement_history (site, name) WHERE superseded_at = 'infinity';
CREATE INDEX ON attrib.cost_history (site, cost_id) WHERE superseded_at = 'infinity';
CREATE INDEX ON attrib.post_metrics_history (site, placement, taken_at) WHERE superseded_at = 'infinity';
CREATE INDEX ON attrib.follower_count_history (site, owner, creator, platform, counted_on)
	WHERE superseded_at = 'infinity';
CREATE INDEX ON attrib.order_claim_history (site, order_id) WHERE superseded_at = 'infinity';
CREATE INDEX ON attrib.code_alias_history (site, vendor, external_id) WHERE superseded_at = 'infinity';

INSERT INTO attrib.schema_version (version, oldest_daemon) VALUES (2, 2);
