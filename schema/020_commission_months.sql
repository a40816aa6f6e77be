-- Whole months of commissions, as of money: a quarter of a thousand creators is three thousand rows and not ninety thousand.

CREATE TABLE attrib.rollup_commission_month (
	site      text COLLATE "C" NOT NULL,
	month     date NOT NULL CHECK (extract(day FROM month) = 1),
	campaign  text COLLATE "C" NOT NULL,
	creator   text COLLATE "C" NOT NULL,
	placement text COLLATE "C" NOT NULL,
	currency  text COLLATE "C" NOT NULL,
	earned    bigint NOT NULL,
	PRIMARY KEY (site, month, campaign, creator, placement, currency)
);
SELECT attrib.describe('rollup_commission_month', 'rollup_commission by month. Always equal to the rows: attrib.check_commissions().',
	'site: shop', 'month: its first day, local', 'campaign: of the credit', 'creator: who earns',
	'placement: of the credit', 'currency: ISO 4217', 'earned: minor units');

INSERT INTO attrib.rollup_commission_month
SELECT site, date_trunc('month', day::timestamp)::date, campaign, creator, placement, currency, sum(earned)
FROM attrib.rollup_commission GROUP BY 1, 2, 3, 4, 5, 6;

INSERT INTO attrib.schema_version (version, oldest_daemon) VALUES (20, 6);
