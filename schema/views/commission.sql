-- Commissions for the shop, and for the creator.

CREATE OR REPLACE VIEW attrib.payouts AS
SELECT p.site, p.id AS payout, p.creator, p.currency, attrib.major(p.amount, p.currency) AS amount, p.lines, p.up_to,
	p.state, p.created_at, p.paid_on, p.reference
FROM attrib.payout p;
SELECT attrib.describe('payouts', 'What was or is to be paid to creators.',
	'site: shop', 'payout: its number', 'creator: who is paid', 'currency: ISO 4217', 'amount: major units',
	'lines: how many commissions', 'up_to: newest day of orders that was asked for; NULL = all',
	'state: open = to be sent, paid, cancelled = never sent', 'created_at: when', 'paid_on: local date', 'reference: of the transfer');

CREATE OR REPLACE VIEW attrib.commission_status AS
SELECT m.site, attrib.kind_name(m.kind) AS kind, m.order_id, m.creator, nullif(m.campaign, '') AS campaign,
	nullif(m.placement, '') AS placement, nullif(m.tracker, '') AS tracker, m.day, m.rule, m.rate,
	attrib.major(m.amount, m.currency) AS amount,
	CASE WHEN m.rule = 'percent' THEN attrib.major(m.basis, m.currency) END AS basis,
	attrib.major(m.earned, m.currency) AS commission, m.currency,
	CASE WHEN m.reason <> '' THEN 'reversed'
		WHEN m.lines > 0 AND m.earned = m.paid AND NOT EXISTS (SELECT FROM attrib.payout_line l
			JOIN attrib.payout p ON p.id = l.payout WHERE l.commission = m.id AND p.state = 'open') THEN 'paid'
		WHEN m.hold_until > now() THEN 'pending'
		ELSE 'approved' END AS status,
	nullif(m.reason, '') AS reason, m.hold_until, attrib.major(m.paid, m.currency) AS paid,
	attrib.major(m.earned - m.paid, m.currency) AS due, m.line
FROM attrib.commission m;
SELECT attrib.describe('commission_status', 'What each order or lead earns a creator, by the policy model, whatever model a report shows.',
	'site: shop', 'kind: order or lead', 'order_id: of the conversion', 'creator: who earns',
	'campaign: of the credit', 'placement: of the credit', 'tracker: key as written', 'day: local day of the revenue',
	'rule: percent, per_order, per_new_customer, per_lead', 'rate: of percent: fraction',
	'amount: of the fixed kinds, before refunds, major units', 'basis: of percent: credited net revenue, major units',
	'commission: what it earns as it stands now, major units', 'currency: ISO 4217',
	'status: pending until hold_until, then approved; paid = in a payout that was sent, all of it; reversed = earns nothing any more',
	'reason: of reversed: cancelled, refunded, not_counted, merged, credit_moved, no_rule',
	'hold_until: approved from then on', 'paid: in payouts that were not cancelled, major units',
	'due: commission - paid; negative = the next payout takes it back', 'line: its name on statements');

CREATE OR REPLACE FUNCTION attrib.commission_status_between(site text, from_date date, to_date date)
RETURNS SETOF attrib.commission_status LANGUAGE sql STABLE AS $$
	SELECT * FROM attrib.commission_status m
	WHERE ($1 IS NULL OR m.site = $1) AND ($2 IS NULL OR m.day >= $2) AND ($3 IS NULL OR m.day <= $3)
$$;
COMMENT ON FUNCTION attrib.commission_status_between(text, date, date) IS 'The view commission_status for orders of the local days from_date..to_date, both included. NULL arguments = all.';

-- No column of the next two comes from anything that the shop's customers are known by.
CREATE OR REPLACE VIEW attrib.statement_line AS
SELECT m.site, m.creator, m.line, m.day, attrib.kind_name(m.kind) AS kind, nullif(m.campaign, '') AS campaign,
	attrib.channel_name(m.channel) AS channel, nullif(m.tracker, '') AS tracker, m.rule, m.rate,
	attrib.major(m.amount, m.currency) AS amount,
	CASE WHEN m.rule = 'percent' THEN attrib.major(e.basis, m.currency) END AS basis,
	attrib.major(e.amount, m.currency) AS commission, m.currency, e.status,
	(m.hold_until AT TIME ZONE s.time_zone)::date AS hold_until, e.payout, e.reference, e.paid_on
FROM attrib.commission m
JOIN attrib.site s ON s.name = m.site
CROSS JOIN LATERAL (
	SELECT p.id AS payout, l.basis, l.amount, CASE p.state WHEN 'paid' THEN 'paid' ELSE 'approved' END AS status,
		p.reference, p.paid_on
	FROM attrib.payout_line l JOIN attrib.payout p ON p.id = l.payout
	WHERE l.commission = m.id AND p.state <> 'cancelled'
	UNION ALL
	SELECT NULL, m.basis - m.paid_basis, m.earned - m.paid, CASE WHEN m.reason <> '' OR m.earned < m.paid THEN 'reversed'
		WHEN m.hold_until > now() THEN 'pending' ELSE 'approved' END, NULL, NULL
	WHERE m.lines = 0 OR m.earned <> m.paid) e;
CREATE OR REPLACE VIEW attrib.statement AS
SELECT site, creator, 'line' AS row_kind, line, day, kind, campaign, channel, tracker, rule, rate, amount, basis, commission,
	currency, status, hold_until, payout, reference, paid_on
FROM attrib.statement_line
UNION ALL
SELECT site, creator, 'sum', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, sum(basis), sum(commission), currency,
	status, NULL, NULL, NULL, NULL
FROM attrib.statement_line GROUP BY site, creator, currency, status
UNION ALL
SELECT site, creator, 'total', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, sum(basis), sum(commission), currency,
	NULL, NULL, NULL, NULL, NULL
FROM attrib.statement_line GROUP BY site, creator, currency;
-- Both have the same columns.
DO $$
DECLARE
	columns text[] := ARRAY['site: shop', 'creator: whose',
		'line: names a commission, the same for ever; one that was paid and changed afterwards has several rows',
		'day: local day of the revenue', 'kind: order or lead', 'campaign: of the credit', 'channel: of the credit',
		'tracker: link, affiliate id or code as written', 'rule: percent, per_order, per_new_customer, per_lead',
		'rate: of percent: fraction', 'amount: of the fixed kinds, before refunds, major units',
		'basis: of percent: net revenue that the row stands for, major units',
		'commission: major units; negative = taken back of an earlier payout', 'currency: ISO 4217',
		'status: pending until hold_until, approved, paid, reversed = earns nothing, or is taken back with the next payout',
		'hold_until: local date of its approval', 'payout: number; NULL = in none', 'reference: of the transfer',
		'paid_on: local date'];
BEGIN
	PERFORM attrib.describe('statement_line', 'The lines of statements: of each commission one for each of its payouts, and one for what is in none.',
		VARIADIC columns);
	PERFORM attrib.describe('statement', 'What a creator may see: commissions without order ids or anything of a customer, with sums by status and in total for each currency.',
		VARIADIC columns || 'row_kind: line; sum = of a status; total'::text);
END $$;

CREATE OR REPLACE FUNCTION attrib.statement_between(site text, from_date date, to_date date)
RETURNS SETOF attrib.statement LANGUAGE sql STABLE AS $$
	SELECT site, creator, 'line', line, day, kind, campaign, channel, tracker, rule, rate, amount, basis, commission,
		currency, status, hold_until, payout, reference, paid_on
	FROM attrib.statement_line l
	WHERE ($1 IS NULL OR l.site = $1) AND ($2 IS NULL OR l.day >= $2) AND ($3 IS NULL OR l.day <= $3)
	UNION ALL
	SELECT site, creator, 'sum', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, sum(basis), sum(commission), currency,
		status, NULL, NULL, NULL, NULL
	FROM attrib.statement_line l
	WHERE ($1 IS NULL OR l.site = $1) AND ($2 IS NULL OR l.day >= $2) AND ($3 IS NULL OR l.day <= $3)
	GROUP BY site, creator, currency, status
	UNION ALL
	SELECT site, creator, 'total', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, sum(basis), sum(commission), currency,
		NULL, NULL, NULL, NULL, NULL
	FROM attrib.statement_line l
	WHERE ($1 IS NULL OR l.site = $1) AND ($2 IS NULL OR l.day >= $2) AND ($3 IS NULL OR l.day <= $3)
	GROUP BY site, creator, currency
$$;
COMMENT ON FUNCTION attrib.statement_between(text, date, date) IS 'The view statement for orders of the local days from_date..to_date, both included. NULL arguments = all.';
