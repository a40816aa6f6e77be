-- Which creators, channels and outside platforms claim the same orders.

CREATE OR REPLACE VIEW attrib.overlap_creators AS
SELECT site, currency, claimant_a AS creator_a, claimant_b AS creator_b, orders, gross, credited_a, credited_a_gross,
	credited_b, credited_b_gross, credited_neither, credited_neither_gross
FROM attrib.overlap_rows(NULL, NULL, NULL, false);
SELECT attrib.describe('overlap_creators', 'Pairs of creators that both have an eligible touch on the same counted orders, and whom of them the policy model credits. Gross, cancelled and refunded orders included. An order that n creators claim is in n (n - 1) / 2 rows: rows do not add up to orders.',
	'site: shop', 'currency: ISO 4217', 'creator_a: the lesser handle by bytes', 'creator_b: the greater handle',
	'orders: counted orders that both claim', 'gross: of these orders, major units',
	'credited_a: of them credited to creator_a', 'credited_a_gross: their gross',
	'credited_b: of them credited to creator_b', 'credited_b_gross: their gross',
	'credited_neither: of them credited to somebody else or nobody; a, b and neither sum to orders',
	'credited_neither_gross: their gross');

CREATE OR REPLACE FUNCTION attrib.overlap_creators_between(site text, from_date date, to_date date)
RETURNS SETOF attrib.overlap_creators LANGUAGE sql STABLE AS $$
	SELECT * FROM attrib.overlap_rows($1, $2, $3, false)
$$;
COMMENT ON FUNCTION attrib.overlap_creators_between(text, date, date) IS 'The view overlap_creators for the local days from_date..to_date of counted_at, both included; site NULL = all.';

CREATE OR REPLACE VIEW attrib.overlap_channels AS
SELECT site, currency, claimant_a AS channel_a, claimant_b AS channel_b, orders, gross, credited_a, credited_a_gross,
	credited_b, credited_b_gross, credited_neither, credited_neither_gross
FROM attrib.overlap_rows(NULL, NULL, NULL, true);
SELECT attrib.describe('overlap_channels', 'The same for pairs of channels in which creators'' eligible touches were seen; credited is the channel that the credit of the policy model names.',
	'site: shop', 'currency: ISO 4217', 'channel_a: affiliate, code, link, utm, view: the lesser name by bytes',
	'channel_b: the greater name', 'orders: counted orders that both claim', 'gross: of these orders, major units',
	'credited_a: of them credited through channel_a', 'credited_a_gross: their gross',
	'credited_b: of them credited through channel_b', 'credited_b_gross: their gross',
	'credited_neither: of them credited through another channel or to nobody',
	'credited_neither_gross: their gross');

CREATE OR REPLACE FUNCTION attrib.overlap_channels_between(site text, from_date date, to_date date)
RETURNS SETOF attrib.overlap_channels LANGUAGE sql STABLE AS $$
	SELECT * FROM attrib.overlap_rows($1, $2, $3, true)
$$;
COMMENT ON FUNCTION attrib.overlap_channels_between(text, date, date) IS 'The view overlap_channels for the local days from_date..to_date of counted_at, both included; site NULL = all.';

CREATE OR REPLACE VIEW attrib.double_count_by_creator AS
SELECT site, currency, creator, claims, claimed_revenue, credited_orders, credited_revenue, overstated_orders,
	overstated_revenue
FROM attrib.double_count_creator_rows(NULL, NULL, NULL);
SELECT attrib.describe('double_count_by_creator', 'What each creator''s own report would show beside what the policy model credits. Counted orders, gross, cancelled and refunded ones included. Summed over creators: the claims and avoided figures of double_count.',
	'site: shop', 'currency: ISO 4217', 'creator: whose report', 'claims: counted orders with an eligible touch of the creator',
	'claimed_revenue: their gross, major units', 'credited_orders: of them credited to the creator',
	'credited_revenue: their gross', 'overstated_orders: claims - credited_orders',
	'overstated_revenue: claimed_revenue - credited_revenue');

CREATE OR REPLACE FUNCTION attrib.double_count_by_creator_between(site text, from_date date, to_date date)
RETURNS SETOF attrib.double_count_by_creator LANGUAGE sql STABLE AS $$
	SELECT * FROM attrib.double_count_creator_rows($1, $2, $3)
$$;
COMMENT ON FUNCTION attrib.double_count_by_creator_between(text, date, date) IS 'The view double_count_by_creator for the local days from_date..to_date of counted_at, both included; site NULL = all.';

CREATE OR REPLACE VIEW attrib.double_count_outside AS
SELECT site, platform, currency, claims, claimed_revenue, orders, same_creator, another_creator, creator_not_said,
	unattributed, not_counted, unknown_orders, confirmed_orders, confirmed_revenue, overstated_orders, overstated_revenue
FROM attrib.double_count_outside_rows(NULL, NULL, NULL);
SELECT attrib.describe('double_count_outside', 'What outside platforms report as their own (order_claim) beside what we counted and credit, by currency of the claim; one more row for all platforms together (platform NULL), in which an order that several of them claim is confirmed once. claims = same_creator + another_creator + creator_not_said + unattributed + not_counted + unknown_orders.',
	'site: shop', 'platform: who claims; NULL = all of them added up',
	'currency: of the claim, ISO 4217; not said: the order''s, of an unknown order the site''s',
	'claims: rows of order_claim', 'claimed_revenue: their amounts, major units; a claim without amount claims the order''s gross',
	'orders: distinct counted orders among them',
	'same_creator: claims of orders that we credit to the creator that is named',
	'another_creator: claims of orders that we credit to another creator',
	'creator_not_said: claims that name no creator, of orders that we credit to one',
	'unattributed: claims of counted orders that we credit to nobody',
	'not_counted: claims of orders that are pending, provisional or excluded', 'unknown_orders: claims of orders that we do not know',
	'confirmed_orders: distinct orders of same_creator and creator_not_said',
	'confirmed_revenue: our gross of these orders, each once; only of orders in this currency',
	'overstated_orders: claims - confirmed_orders: what adding the reports up counts too much',
	'overstated_revenue: claimed_revenue - confirmed_revenue, without the amounts of claims whose order is in another currency');

CREATE OR REPLACE FUNCTION attrib.double_count_outside_between(site text, from_date date, to_date date)
RETURNS SETOF attrib.double_count_outside LANGUAGE sql STABLE AS $$
	SELECT * FROM attrib.double_count_outside_rows($1, $2, $3)
$$;
COMMENT ON FUNCTION attrib.double_count_outside_between(text, date, date) IS 'The view double_count_outside for claims of orders of the local days from_date..to_date, both included: of counted_at, of what is not counted of placed_at. A claim has no date of its own: those of unknown orders are in no period. site NULL = all.';

CREATE OR REPLACE FUNCTION attrib.outside_claim_list(p_site text, p_from date, p_to date)
RETURNS TABLE (site text, platform text, order_id text, creator text, amount numeric, currency text,
	matched_order text, verdict text, credited_creator text, also_claimed_by text, status text, gross numeric,
	order_currency text, counted_at timestamptz)
LANGUAGE sql STABLE AS $$
	SELECT site, platform, order_id, nullif(creator, ''), amount, currency, matched,
		finding || coalesce(': ' || detail, ''), nullif(credited, ''),
		nullif(array_to_string(ARRAY(SELECT DISTINCT w COLLATE "C" FROM unnest(array_remove(everybody, who)) w ORDER BY 1), ', '), ''),
		status, attrib.major(gross, order_currency), order_currency, counted_at
	FROM (SELECT r.*, w.who, array_agg(w.who) OVER (PARTITION BY r.site, r.matched IS NULL, coalesce(r.matched, r.order_id)) AS everybody
		FROM attrib.outside_claim_rows(p_site, p_from, p_to) r
		CROSS JOIN LATERAL (SELECT concat_ws('/', r.platform, nullif(r.creator, '')) AS who) w) c
$$;
COMMENT ON FUNCTION attrib.outside_claim_list(text, date, date) IS 'What outside_claim and outside_claim_between show; NULL arguments = all.';

CREATE OR REPLACE VIEW attrib.outside_claim AS
SELECT site, platform, order_id, creator, amount, currency, matched_order, verdict, credited_creator, also_claimed_by,
	status, gross, order_currency, counted_at
FROM attrib.outside_claim_list(NULL, NULL, NULL);
SELECT attrib.describe('outside_claim', 'Every claim of an outside platform, what we decided about its order, and who else claimed it.',
	'site: shop', 'platform: who claims', 'order_id: as the platform names it', 'creator: for whom; NULL = not said',
	'amount: claimed, major units; not said: the order''s gross', 'currency: of the claim, ISO 4217',
	'matched_order: canonical id of the order that it means, by id or alias; NULL = unknown',
	'verdict: same creator; another creator: WHO; creator not said: WHO is credited; unattributed; not counted: WHY; unknown order',
	'credited_creator: by the policy model; NULL = nobody',
	'also_claimed_by: other claims of the same order, as platform/creator; NULL = nobody else',
	'status: of the order', 'gross: of the order, major units', 'order_currency: ISO 4217', 'counted_at: the order''s date of revenue');

CREATE OR REPLACE FUNCTION attrib.outside_claim_between(site text, from_date date, to_date date)
RETURNS SETOF attrib.outside_claim LANGUAGE sql STABLE AS $$
	SELECT * FROM attrib.outside_claim_list($1, $2, $3)
$$;
COMMENT ON FUNCTION attrib.outside_claim_between(text, date, date) IS 'The view outside_claim for orders of the local days from_date..to_date, both included; claims of unknown orders are in no period. site NULL = all.';
