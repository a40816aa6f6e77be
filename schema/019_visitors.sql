-- Distinct visitors by key, local day and month: schema/functions/visitors.sql says what a sketch is.

CREATE TABLE attrib.visitor_day (
	site    text COLLATE "C" NOT NULL,
	channel smallint NOT NULL,
	key     text COLLATE "C" NOT NULL,
	day     date NOT NULL,
	marks   bit varying NOT NULL,
	PRIMARY KEY (site, channel, key, day)
);
SELECT attrib.describe('visitor_day', 'Sketches of the visitors whom valid clicks and landings of a key brought, by local day; from the version on that has this table. No person is in it: a bit is shared by thousands of visitors, none can be told or taken out, so erasing a person leaves it as it is.',
	'site: shop', 'channel: ordinal: 1 link, 2 affiliate, 3 utm', 'key: folded; (other) = beyond the daily cap of keys',
	'day: local date when it was written', 'marks: a bit for each slot and rank that a visitor has, up to the last rank that has one');

CREATE TABLE attrib.visitor_month (
	site    text COLLATE "C" NOT NULL,
	channel smallint NOT NULL,
	key     text COLLATE "C" NOT NULL,
	month   date NOT NULL,
	marks   bit varying NOT NULL,
	PRIMARY KEY (site, channel, key, month)
);
SELECT attrib.describe('visitor_month', 'The unions of visitor_day, by month: so that a long period reads few of them.',
	'site: shop', 'channel: ordinal', 'key: folded', 'month: its first day', 'marks: of all its days');

-- Their rows have two more columns.
DROP VIEW IF EXISTS attrib.kpi_site, attrib.kpi_campaign, attrib.kpi_creator, attrib.kpi_placement CASCADE;
DROP FUNCTION IF EXISTS attrib.kpi_rows(text, date, date, int, text, text[]) CASCADE;
DELETE FROM attrib.schema_part; -- what hung on them is made again, too

INSERT INTO attrib.schema_version (version, oldest_daemon) VALUES (19, 6);
