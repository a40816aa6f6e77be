-- Who writes, and for which shops: the schema's own version, the instances with their lane
-- positions (the guard of every flush), the sites with the settings that merges and views need.

CREATE SCHEMA IF NOT EXISTS attrib;
COMMENT ON SCHEMA attrib IS 'attribd: which creator earned which order. Amounts in tables are integers in minor units of their currency; amounts in views are numeric in major units.';

-- Comments of a whole relation in one call; an unknown column is an error, a missing one is found by
-- the tests.
CREATE FUNCTION attrib.describe(relation text, about text, VARIADIC columns text[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	kind text;
	item text;
BEGIN
	SELECT CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END INTO STRICT kind
	FROM pg_class WHERE oid = ('attrib.' || quote_ident(relation))::regclass;
	EXECUTE format('COMMENT ON %s attrib.%I IS %L', kind, relation, about);
	FOREACH item IN ARRAY columns LOOP
		EXECUTE format('COMMENT ON COLUMN attrib.%I.%I IS %L', relation,
			split_part(item, ': ', 1), substr(item, strpos(item, ': ') + 2));
	END LOOP;
END $$;
COMMENT ON FUNCTION attrib.describe(text, text, text[]) IS 'Sets the comments of a table or view and of its columns, each given as "column: text".';

CREATE TABLE attrib.schema_version (
	version       int PRIMARY KEY,
	oldest_daemon int NOT NULL,
	applied_at    timestamptz NOT NULL DEFAULT now()
);
SELECT attrib.describe('schema_version', 'One row per applied migration.',
	'version: number of the migration',
	'oldest_daemon: the lowest schema version that a daemon may have been built for to use this one',
	'applied_at: when');

CREATE TABLE attrib.schema_part (
	name       text COLLATE "C" PRIMARY KEY,
	digest     text NOT NULL,
	applied_at timestamptz NOT NULL DEFAULT now()
);
SELECT attrib.describe('schema_part', 'Functions and views: they are created again whenever their text has changed.',
	'name: file, as functions/merge_v1.sql',
	'digest: SHA-256 of the text, hex; "all" holds that of all parts in order',
	'applied_at: when');

CREATE TABLE attrib.secret (
	one         boolean PRIMARY KEY DEFAULT true CHECK (one),
	fingerprint bytea NOT NULL
);
SELECT attrib.describe('secret', 'All instances of one database share one secret, because ids are keyed by it.',
	'one: there is one row',
	'fingerprint: SHA-256 over the secret under a fixed label; says nothing about the secret');

CREATE TABLE attrib.instance (
	id              bytea PRIMARY KEY CHECK (length(id) = 16),
	epoch           bigint NOT NULL,
	base            bigint NOT NULL DEFAULT 0,
	catalog_version bigint NOT NULL DEFAULT 0,
	records         bigint NOT NULL DEFAULT 0,
	started_at      timestamptz NOT NULL DEFAULT now(),
	flushed_at      timestamptz
);
SELECT attrib.describe('instance', 'Every attribd that ever wrote here. Its row is locked first by each flush.',
	'id: random, kept in the state directory',
	'epoch: grows with every start; a process with a lower one is fenced',
	'base: the highest record number that was flushed, over all lanes, for life',
	'catalog_version: catalog that the last flush was decided with',
	'records: records flushed, rows or not',
	'started_at: last start',
	'flushed_at: last flush');

CREATE TABLE attrib.lane_position (
	instance bytea NOT NULL REFERENCES attrib.instance ON DELETE CASCADE,
	lane     bytea NOT NULL CHECK (length(lane) = 16),
	number   bigint NOT NULL,
	PRIMARY KEY (instance, lane)
);
SELECT attrib.describe('lane_position', 'How far each journal lane has reached this database: written in the transaction of its rows.',
	'instance: whose lane',
	'lane: random id of the lane',
	'number: every record up to it is here');

CREATE TABLE attrib.site (
	name             text COLLATE "C" PRIMARY KEY,
	time_zone        text NOT NULL,
	currency         text COLLATE "C" NOT NULL,
	customer_history text NOT NULL CHECK (customer_history IN ('complete', 'partial')),
	primary_model    smallint NOT NULL DEFAULT 1,
	cost_spread      text NOT NULL DEFAULT 'direct_cost'
		CHECK (cost_spread IN ('direct_cost', 'equal', 'revenue', 'none')),
	policy_version   int NOT NULL DEFAULT 0
);
SELECT attrib.describe('site', 'The shops of the configuration, written by the daemon at start and reload. Its row is the lock of the site''s customers and rollups.',
	'name: as in [site NAME]',
	'time_zone: IANA name; days of reports are days of this zone',
	'currency: ISO 4217',
	'customer_history: complete = a first sighting is a new customer; partial = unknown',
	'primary_model: ordinal of the model that cac reports, 1 = policy',
	'cost_spread: how campaign cost without creator is spread: direct_cost, equal, revenue, none',
	'policy_version: newest version in site_policy');

CREATE TABLE attrib.site_policy (
	site        text COLLATE "C" NOT NULL REFERENCES attrib.site,
	version     int NOT NULL,
	recorded_at timestamptz NOT NULL DEFAULT now(),
	settings    jsonb NOT NULL,
	PRIMARY KEY (site, version)
);
SELECT attrib.describe('site_policy', 'History of the settings that a decision depends on.',
	'site: shop',
	'version: grows by one with every change; each conversion names the one it was decided by',
	'recorded_at: when the daemon first ran with it',
	'settings: names and values as in the configuration');

INSERT INTO attrib.schema_version (version, oldest_daemon) VALUES (1, 1);
