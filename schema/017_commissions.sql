-- What creators are paid for orders: the rules, what each order earned, and the payouts. A commission follows the
-- policy model; functions/commission.sql keeps it, functions/payout.sql pays it.

CREATE TABLE attrib.commission_rule (
	site       text COLLATE "C" NOT NULL,
	campaign   text COLLATE "C" NOT NULL DEFAULT '',
	creator    text COLLATE "C" NOT NULL DEFAULT '',
	kind       text COLLATE "C" NOT NULL CHECK (kind IN ('percent', 'per_order', 'per_new_customer', 'per_lead')),
	rate       numeric CHECK (rate BETWEEN 0 AND 1),
	amount     numeric CHECK (amount >= 0),
	currency   text COLLATE "C" NOT NULL DEFAULT '' CHECK (currency ~ '^([A-Z]{3})?$'),
	cap        numeric CHECK (cap >= 0),
	hold_days  bigint NOT NULL DEFAULT 30 CHECK (hold_days BETWEEN 0 AND 3650),
	valid_from timestamp NOT NULL DEFAULT '-infinity',
	valid_to   timestamp,
	PRIMARY KEY (site, campaign, creator, kind, currency, valid_from),
	CHECK (valid_to > valid_from),
	CHECK (CASE kind WHEN 'percent' THEN rate IS NOT NULL AND amount IS NULL ELSE rate IS NULL AND amount IS NOT NULL END),
	CHECK (kind = 'percent' OR currency <> ''),
	CHECK (cap IS NULL OR (kind = 'percent' AND currency <> ''))
);
SELECT attrib.describe('commission_rule', 'What creators earn. The most specific scope with a rule for the order decides: creator in the campaign, then creator, then campaign, then site; its rules of different kinds add up.',
	'site: shop',
	'campaign: empty = all',
	'creator: handle; empty = all',
	'kind: percent of net revenue; per_order, per_new_customer, per_lead: a fixed amount each',
	'rate: of percent: fraction of net revenue, 0 to 1; 0 = no commission',
	'amount: of the fixed kinds: major units; 0 = no commission',
	'currency: ISO 4217; of the fixed kinds what is paid; of percent: only orders in it, empty = in any',
	'cap: of percent: at most this for one order, major units',
	'hold_days: days of 24 hours behind the date of revenue until a commission is approved: the return window',
	'valid_from: by the time of the order, site''s local time, included; of several rules of one kind that are valid the latest',
	'valid_to: site''s local time, excluded; NULL = open');

CREATE TABLE attrib.commission_rule_history (LIKE attrib.commission_rule INCLUDING COMMENTS,
	recorded_at timestamptz NOT NULL, superseded_at timestamptz NOT NULL DEFAULT 'infinity');
SELECT attrib.describe('commission_rule_history', 'Every version of every row of commission_rule. A commission that is in a payout keeps the versions of that time.',
	'recorded_at: when this version came into force',
	'superseded_at: when another or a deletion replaced it; infinity = current');
CREATE INDEX commission_rule_history_scope ON attrib.commission_rule_history (site, creator, campaign);

CREATE TABLE attrib.commission_stale (
	site       text COLLATE "C" NOT NULL,
	creator    text COLLATE "C" NOT NULL,
	valid_from timestamp NOT NULL,
	valid_to   timestamp
);
SELECT attrib.describe('commission_stale', 'Scopes of rules that the transaction at hand has changed; its end computes their commissions again. Empty for everybody else.',
	'site: shop', 'creator: empty = all', 'valid_from: of the rule', 'valid_to: of the rule');

CREATE TABLE attrib.commission (
	id         bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
	site       text COLLATE "C" NOT NULL,
	kind       smallint NOT NULL,
	order_id   text COLLATE "C" NOT NULL,
	creator    text COLLATE "C" NOT NULL,
	campaign   text COLLATE "C" NOT NULL,
	rule       text COLLATE "C" NOT NULL,
	currency   text COLLATE "C" NOT NULL,
	line       text COLLATE "C" NOT NULL DEFAULT left(replace(gen_random_uuid()::text, '-', ''), 16),
	placement  text COLLATE "C" NOT NULL,
	channel    smallint NOT NULL,
	tracker    text COLLATE "C" NOT NULL,
	day        date NOT NULL,
	rate       numeric,
	amount     bigint,
	basis      bigint NOT NULL,
	earned     bigint NOT NULL,
	hold_until timestamptz NOT NULL,
	reason     text NOT NULL,
	ruled_at   timestamptz,
	paid       bigint NOT NULL DEFAULT 0,
	paid_basis bigint NOT NULL DEFAULT 0,
	lines      int NOT NULL DEFAULT 0,
	PRIMARY KEY (site, kind, order_id, creator, campaign, rule, currency)
);
CREATE INDEX commission_creator ON attrib.commission (creator, site, day);
CREATE INDEX commission_due ON attrib.commission (creator, site) WHERE earned <> paid;
SELECT attrib.describe('commission', 'What a creator earns for a conversion by one kind of rule, from the credit of the policy model. Never deleted: what does not stand any more has earned 0. Guarded by the lock of the site''s row.',
	'id: surrogate, for payout_line', 'site: shop', 'kind: 1 order, 2 lead', 'order_id: of the conversion',
	'creator: who earns', 'campaign: of the credit; empty = none',
	'rule: kind of the rule', 'currency: of all amounts, ISO 4217',
	'line: names it on statements; random, so that it says nothing of the order',
	'placement: of the credit', 'channel: ordinal', 'tracker: key as written',
	'day: local day of the conversion''s counted_at',
	'rate: of percent: fraction', 'amount: of the fixed kinds: minor units before refunds',
	'basis: of percent: credited net revenue, minor units; else 0',
	'earned: minor units, as the order stands now',
	'hold_until: approved from then on',
	'reason: why earned is 0: cancelled, refunded, not_counted, merged, credit_moved, no_rule; else empty',
	'ruled_at: it goes by the rules that were recorded then, because some of it is in a payout; NULL = by those of today',
	'paid: sum of its lines in payouts, minor units', 'paid_basis: of its lines', 'lines: number of its lines in payouts that were not cancelled');

CREATE TABLE attrib.rollup_commission (
	site      text COLLATE "C" NOT NULL,
	day       date NOT NULL,
	campaign  text COLLATE "C" NOT NULL,
	creator   text COLLATE "C" NOT NULL,
	placement text COLLATE "C" NOT NULL,
	currency  text COLLATE "C" NOT NULL,
	earned    bigint NOT NULL,
	PRIMARY KEY (site, day, campaign, creator, placement, currency)
);
SELECT attrib.describe('rollup_commission', 'Sums of commission.earned: a cost of kind commission. Always equal to the rows: attrib.check_commissions().',
	'site: shop', 'day: local day of the conversion''s counted_at', 'campaign: of the credit', 'creator: who earns',
	'placement: of the credit', 'currency: ISO 4217', 'earned: minor units');

CREATE TABLE attrib.payout (
	id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	site       text COLLATE "C" NOT NULL,
	creator    text COLLATE "C" NOT NULL,
	currency   text COLLATE "C" NOT NULL,
	amount     bigint NOT NULL CHECK (amount > 0),
	lines      int NOT NULL,
	up_to      date,
	state      text COLLATE "C" NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'paid', 'cancelled')),
	created_at timestamptz NOT NULL,
	reference  text,
	paid_on    date,
	CHECK ((state = 'paid') = (paid_on IS NOT NULL))
);
CREATE INDEX payout_creator ON attrib.payout (site, creator);
SELECT attrib.describe('payout', 'What is paid to a creator at once, in one currency. Its lines never change.',
	'id: its number', 'site: shop', 'creator: who is paid', 'currency: ISO 4217',
	'amount: sum of its lines, minor units', 'lines: number of its lines',
	'up_to: newest day of orders that was asked for; NULL = all',
	'state: open = to be sent, paid, cancelled = never sent, its lines count nothing',
	'created_at: when', 'reference: of the transfer, by whoever paid', 'paid_on: local date; NULL = not paid');

CREATE TABLE attrib.payout_line (
	payout     bigint NOT NULL REFERENCES attrib.payout,
	commission bigint NOT NULL REFERENCES attrib.commission (id),
	basis      bigint NOT NULL,
	amount     bigint NOT NULL,
	PRIMARY KEY (commission, payout)
);
CREATE INDEX payout_line_payout ON attrib.payout_line (payout);
SELECT attrib.describe('payout_line', 'What a payout pays of a commission: the difference between what is earned and what was paid before; negative = taken back.',
	'payout: id of the payout', 'commission: id of the commission',
	'basis: of percent: net revenue that it stands for, minor units', 'amount: minor units');

INSERT INTO attrib.schema_version (version, oldest_daemon) VALUES (17, 6);
