-- Data-driven attribution: what `attribd model` computed over the stored paths, run by run.

CREATE TABLE attrib.model_run (
	run_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	site        text COLLATE "C" NOT NULL,
	model       text COLLATE "C" NOT NULL CHECK (model IN ('markov', 'shapley')),
	order_n     smallint CHECK (order_n BETWEEN 1 AND 3),
	level       text COLLATE "C" NOT NULL CHECK (level IN ('creator', 'campaign', 'channel')),
	from_date   date NOT NULL,
	to_date     date NOT NULL,
	computed_at timestamptz NOT NULL DEFAULT now(),
	orders      bigint NOT NULL,
	paths       bigint NOT NULL,
	CHECK ((model = 'markov') = (order_n IS NOT NULL)),
	CHECK (from_date <= to_date)
);
CREATE INDEX model_run_question ON attrib.model_run (site, model, level, from_date, to_date);
SELECT attrib.describe('model_run', 'One run of attribd model: a data-driven model over the paths of a period as they were stored then.',
	'run_id: number of the run, growing', 'site: shop', 'model: markov or shapley',
	'order_n: of markov: how many touches the next step depends on, 1 to 3; NULL = shapley',
	'level: who shares: creator, campaign or channel',
	'from_date: first day, local date of counted_at', 'to_date: last day, included',
	'computed_at: when', 'orders: counted orders of the period', 'paths: of them, those with a touch on the collapsed path');

CREATE TABLE attrib.model_credit (
	run_id         bigint NOT NULL REFERENCES attrib.model_run ON DELETE CASCADE,
	currency       text COLLATE "C" NOT NULL,
	touched        boolean NOT NULL,
	scope          text COLLATE "C" NOT NULL,
	share          numeric,
	removal_effect double precision,
	conversions    numeric NOT NULL,
	gross          bigint NOT NULL,
	refunded       bigint NOT NULL,
	net            bigint GENERATED ALWAYS AS (gross - refunded) STORED,
	PRIMARY KEY (run_id, currency, touched, scope)
);
SELECT attrib.describe('model_credit', 'Who gets what by a run. The rows of a run and currency sum to its orders, gross and refunded exactly.',
	'run_id: of model_run', 'currency: ISO 4217; each is a model of its own',
	'touched: false = orders without a touch, one row: they are nobody''s in every model',
	'scope: creator, campaign or channel by the run''s level; empty = nobody, or outside of campaigns',
	'share: of the conversions with a touch, a fraction; NULL where not touched',
	'removal_effect: of markov: part of all orders of the currency that the chain loses without the scope, a fraction; NULL = shapley, or not touched',
	'conversions: orders, to nine digits behind the point', 'gross: minor units', 'refunded: minor units of gross',
	'net: gross - refunded');

INSERT INTO attrib.schema_version (version, oldest_daemon) VALUES (15, 6);
