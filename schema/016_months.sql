-- What a year of a large shop is answered from: months of the daily sums, and claims by scope. They are filled from
-- what is there already behind the functions (functions/rollups.sql), which know how.

CREATE TABLE attrib.rollup_month (
	site          text COLLATE "C" NOT NULL,
	month         date NOT NULL CHECK (extract(day FROM month) = 1),
	kind          smallint NOT NULL,
	creator       text COLLATE "C" NOT NULL,
	campaign      text COLLATE "C" NOT NULL,
	placement     text COLLATE "C" NOT NULL,
	channel       smallint NOT NULL,
	currency      text COLLATE "C" NOT NULL,
	customer_kind smallint NOT NULL,
	conversions   bigint[] NOT NULL,
	gross         bigint[] NOT NULL,
	refunded      bigint[] NOT NULL,
	PRIMARY KEY (site, month, kind, creator, campaign, placement, channel, currency, customer_kind)
);
SELECT attrib.describe('rollup_month', 'rollup_money by month and without trackers: what whole months are read from where the day does not matter (money_rows). Always equal to the rows: attrib.check_rollups().',
	'site: shop', 'month: its first day, local', 'kind: 1 order, 2 lead', 'creator: handle; empty = unattributed',
	'campaign: empty = none', 'placement: empty = none', 'channel: ordinal', 'currency: ISO 4217',
	'customer_kind: 0 unknown, 1 new, 2 returning',
	'conversions: sums of shares, out of 10^12', 'gross: minor units', 'refunded: minor units of gross');

CREATE TABLE attrib.rollup_path (
	site       text COLLATE "C" NOT NULL,
	day        date NOT NULL,
	grain      smallint NOT NULL,
	creator    text COLLATE "C" NOT NULL,
	campaign   text COLLATE "C" NOT NULL,
	placement  text COLLATE "C" NOT NULL,
	claims     bigint NOT NULL,
	clicked    bigint NOT NULL,
	code_only  bigint NOT NULL,
	click_only bigint NOT NULL,
	contested  bigint NOT NULL,
	PRIMARY KEY (site, day, grain, creator, campaign, placement)
);
SELECT attrib.describe('rollup_path', 'Claims of counted orders by local day of counted_at. An order counts once in each scope that has an eligible touch of a creator on its path, so scopes do not add up to coarser ones. Rows of grain 0 are the scopes (creator, campaign, placement); rows of a coarser grain are what a key of it has less than the scopes in it together (0 or negative), so that grain 0 and its own rows add up to it, and the order of one scope, which most are, is in one row. Read by path_cells. Always equal to the rows: attrib.check_rollups().',
	'site: shop', 'day: local day of counted_at',
	'grain: 0 creator, campaign and placement; 1 site, 2 campaign, 3 creator, 4 creator and campaign, 5 placement; what a grain does not look at is empty',
	'creator: handle', 'campaign: empty = none', 'placement: empty = none',
	'claims: orders with an eligible touch of the scope', 'clicked: claims with a valid click of it',
	'code_only: claims by its codes and no valid click', 'click_only: claims by valid clicks and none of its codes',
	'contested: claims of orders that another creator claims, too');

CREATE TABLE attrib.rollup_path_month (LIKE attrib.rollup_path INCLUDING COMMENTS);
ALTER TABLE attrib.rollup_path_month RENAME COLUMN day TO month;
ALTER TABLE attrib.rollup_path_month ADD PRIMARY KEY (site, month, grain, creator, campaign, placement),
	ADD CHECK (extract(day FROM month) = 1);
SELECT attrib.describe('rollup_path_month', 'rollup_path by month.', 'month: its first day, local');

INSERT INTO attrib.schema_version (version, oldest_daemon) VALUES (16, 6);
