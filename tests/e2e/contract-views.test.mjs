// The views by the contract: names and order of columns, costs and their spreading, periods, traffic
// by the site's own day, keys that nobody owns.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ago, click, id, purchase, refund, rows, tell, visit } from './contract.mjs';
import { BROWSER, CATALOG, Shop } from './support.mjs';

const today = new Date().toLocaleDateString('sv-SE', { timeZone: 'Europe/Berlin' });

let shop;
before(async () => {
  shop = await Shop.open({ site: `
[site beta]
write_key = beta-secret-key
time_zone = America/New_York
currency = USD
cost_spread = equal
customer_history = partial
[site gamma]
write_key = gamma-secret-key
cost_spread = revenue
[site delta]
write_key = delta-secret-key
cost_spread = none
`, catalog: {
    creator: `${CATALOG.creator}acme,idle,Idle,,,\nbeta,ann,,,,\nbeta,bob,,,,\nbeta,cat,,,,\ngamma,ann,,,,\ngamma,bob,,,,\ndelta,ann,,,,\n`,
    campaign: `${CATALOG.campaign}beta,bc,,,,,\ngamma,gc,,,,,\ngamma,kinds,,,,,\ndelta,dc,,,,,\n`,
    placement: CATALOG.placement,
    tracker: `${CATALOG.tracker}beta,code,A,ann,bc,,
beta,code,B,bob,bc,,
beta,code,C,cat,bc,,
beta,link,beta-link,ann,bc,,https://beta.example/
gamma,code,A,ann,gc,,
gamma,code,B,bob,gc,,
delta,code,A,ann,dc,,
`,
    cost: `site,cost_id,campaign,creator,placement,kind,amount,currency,incurred_on,covers_from,covers_to
acme,1,spring,ann,,fee,30.00,EUR,2026-01-01,,
acme,2,spring,bob,,fee,10.00,EUR,2026-01-01,,
acme,3,spring,,,paid_media,20.00,EUR,2026-01-01,,
acme,4,spring,ann,,product_retail,8.00,EUR,2026-01-01,,
acme,5,,ann,ann-post,commission,2.00,EUR,2026-01-01,,
acme,6,spring,idle,,fee,7.00,EUR,2026-01-01,,
gamma,2,kinds,,,fee,10.00,EUR,2026-01-01,,
gamma,3,kinds,,,agency,10.00,EUR,2026-01-01,,
gamma,4,kinds,ann,,fee,1.00,EUR,2026-01-01,,
gamma,5,kinds,bob,,fee,1.00,EUR,2026-01-01,,
gamma,6,kinds,cat,,fee,1.00,EUR,2026-01-01,,
beta,1,bc,,,fee,100.00,USD,2026-01-01,,
beta,2,bc,ann,,fee,10.00,USD,2026-01-01,2026-01-01,2026-01-10
gamma,1,gc,,,fee,100.00,EUR,2026-01-01,,
delta,1,dc,,,fee,100.00,EUR,2026-01-01,,
` } });
});
after(() => shop.close());

const KPIS = 'reach_rate, frequency, engagements, er_followers, er_reach, er_impressions, er_views, cpe, cpm, cpc, cpl, follower_conversion, ctr_impressions, ctr_views, cvr_clicks, lead_rate, vtr_6s, vtr_full, vcr, avg_percent_viewed, avg_watch_seconds, revenue, aov, roi, revenue_cost_ratio, roas_total, roas_ads, roi_margin, mer, cpa, cac, nc_roas, clv, clv_to_date, cac_to_clv, repeat_rate, emv, emv_multiple, refund_rate, net_revenue, mentions, net_sentiment, share_of_voice';

test('columns', async () => {
  const columns = {
    order_credit: 'site, kind, order_id, model, creator, campaign, placement, channel, tracker, share, gross, refunded, net, currency, placed_at, counted_at, touched_at',
    conversion_status: 'site, kind, order_id, status, reason, customer_kind, gross, refunded, net, currency, placed_at, counted_at',
    path_step: 'site, kind, order_id, step, channel, tracker, creator, occurred_at, eligible, reason',
    roi: 'site, row_kind, campaign, creator, model, currency, cost, gross, refunded, net, conversions, new_customers, roi, revenue_cost_ratio, roas_total, cpa, cac',
    cac: 'site, campaign, currency, cost, new_customers, unknown_customers, cac',
    double_count: 'site, currency, orders, claims, claimed_revenue, credited_revenue, avoided_claims, avoided_revenue',
    double_count_by_channel: 'site, currency, orders, claims, claimed_revenue, credited_revenue, avoided_claims, avoided_revenue',
    traffic_daily: 'site, day, campaign, creator, channel, tracker, clicks, unique_clicks, visits, carts, checkouts, leads, filtered',
    unknown_tracker: 'site, kind, key, first_seen_at, touches, orders, gross, currency',
    kpi_campaign: `site, campaign, ${KPIS}`, kpi_creator: `site, creator, ${KPIS}`, kpi_placement: `site, placement, ${KPIS}`,
  };
  const got = await shop.query("select table_name, column_name from information_schema.columns where table_schema = 'attrib'");
  const missing = [];
  for (const [view, names] of Object.entries(columns)) for (const name of names.split(', '))
    if (!got.some((g) => g.table_name === view && g.column_name === name)) missing.push(`${view}.${name}`);
  assert.deepEqual(missing, []);
});

const order = (key, o, more = {}) => fetch(`${shop.base}/v1/events`, { method: 'POST', headers: { authorization: `Bearer ${key}` },
  body: JSON.stringify(purchase(o, more)) }).then((r) => assert.equal(r.status, 200));
const roi = (site, model = 'policy') => rows(shop, 'select * from attrib.roi where site = $1 and model = $2 order by row_kind, creator', [site, model]);

test('roi: direct cost, cost of a placement, the spread by direct cost, the remainder and nobody', async () => {
  await tell(shop, purchase({ id: 'a1', codes: ['ANN10'] }, { customer_id: 'a1' }), purchase({ id: 'a2', codes: ['ANN10'] }, { customer_id: 'a1' }),
    purchase({ id: 'a3', total: '40.00' }, { customer_id: 'a3' }), refund({ id: 'a2', order_id: 'a2', amount: '50.00' }));
  const all = await roi('acme');
  const ann = all.find((r) => r.creator === 'ann' && r.campaign === 'spring');
  // 20.00 shared over 40, 10 and 7: largest remainder
  assert.equal(ann.cost_direct, 40);
  assert.equal(ann.cost, 40 + ann.cost_shared);
  assert.equal(ann.cost_shared, 14.03);
  assert.deepEqual([ann.row_kind, ann.currency, ann.gross, ann.refunded, ann.net, ann.conversions, ann.new_customers], ['creator', 'EUR', 200, 50, 150, 2, 1]);
  assert.ok(Math.abs(ann.roi - (150 - 54.03) / 54.03) < 1e-9);
  assert.ok(Math.abs(ann.revenue_cost_ratio - 150 / 54.03) < 1e-9);
  assert.ok(Math.abs(ann.cpa - 54.03 / 2) < 1e-9);
  assert.ok(Math.abs(ann.cac - 54.03) < 1e-9);
  const idle = all.find((r) => r.creator === 'idle');
  assert.deepEqual([idle.roi, idle.cpa, idle.cac, idle.net], [-1, null, null, 0]);
  const nobody = all.filter((r) => r.row_kind === 'unattributed');
  assert.deepEqual(nobody.map((r) => [r.creator, r.net, r.conversions, r.cost]), [[null, 40, 1, 0]]);
  assert.equal(all.filter((r) => r.campaign === 'spring').reduce((s, r) => s + r.cost, 0).toFixed(2), '77.00');
  const [cac] = await rows(shop, "select * from attrib.cac where site = 'acme' and campaign = 'spring'");
  assert.deepEqual([cac.cost, cac.new_customers, cac.cac], [77, 1, 77]);
});

test('spreading: equal with the odd unit to the first handle, by revenue, and none', async () => {
  await order('beta-secret-key', { id: 'b1', currency: 'USD', codes: ['A'] });
  await order('beta-secret-key', { id: 'b2', currency: 'USD', codes: ['B'] });
  await order('beta-secret-key', { id: 'b3', currency: 'USD', codes: ['C'] });
  await order('gamma-secret-key', { id: 'g1', total: '75.00', codes: ['A'] });
  await order('gamma-secret-key', { id: 'g2', total: '25.00', codes: ['B'] });
  await order('delta-secret-key', { id: 'd1', codes: ['A'] });
  await shop.quiet();
  assert.deepEqual((await roi('beta')).filter((r) => r.creator).map((r) => [r.creator, r.cost_shared]), [['ann', 33.34], ['bob', 33.33], ['cat', 33.33]]);
  assert.deepEqual((await roi('gamma')).filter((r) => r.creator && r.campaign === 'gc').map((r) => [r.creator, r.cost_shared]), [['ann', 75], ['bob', 25]]);
  assert.deepEqual((await roi('gamma')).filter((r) => r.campaign === 'kinds').map((r) => [r.creator, r.cost_shared]), [['ann', 6.67], ['bob', 6.67], ['cat', 6.66]],
    'shared cost of several kinds is one sum');
  const delta = await roi('delta');
  assert.deepEqual(delta.map((r) => [r.row_kind, r.creator, r.cost]), [['creator', 'ann', 0], ['shared', null, 100]]);
  assert.equal((await rows(shop, "select * from attrib.cac where site = 'beta'"))[0].new_customers, 0);
});

test('roi_between(site, from, to, model, basis): both days included, cost evenly over what it covers', async () => {
  const [ann] = await rows(shop, "select * from attrib.roi_between('beta', '2026-01-01', '2026-01-05', 'policy', 'net') where creator = 'ann'");
  assert.equal(ann.cost_direct, 5);
  const [one] = await rows(shop, "select * from attrib.roi_between('acme', $1, $1, 'policy', 'gross') where creator = 'ann' and campaign = 'spring'", [today]);
  assert.deepEqual([one.gross, one.net, one.conversions], [200, 150, 2]);
  assert.deepEqual(await rows(shop, "select * from attrib.roi_between('acme', '2025-01-01', '2025-01-05', 'policy', 'net') where net <> 0"), []);
  const between = await shop.query("select p.proname, pg_get_function_identity_arguments(p.oid) as args from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'attrib' and proname like '%\\_between' order by 1");
  const names = between.map((b) => b.proname);
  for (const name of ['roi_between', 'cac_between', 'double_count_between', 'double_count_by_channel_between', 'order_credit_between', 'conversion_status_between'])
    assert.ok(names.includes(name), `${name}: ${names}`);
});

test('order_credit_between adds up to roi_between', async () => {
  const [sum] = await rows(shop, "select sum(gross) as gross, sum(net) as net from attrib.order_credit_between('acme', $1, $1, 'policy') where creator = 'ann'", [today]);
  assert.deepEqual(sum, { gross: 200, net: 150 });
  const [n] = await rows(shop, "select count(*)::int as n from attrib.conversion_status_between('acme', $1, $1)", [today]);
  assert.equal(n.n, 3);
});

test('double_count', async () => {
  const [before] = await rows(shop, "select * from attrib.double_count where site = 'acme' and currency = 'EUR'");
  await tell(shop, click('bob-link', ago(1), { visitor_id: 'dc' }), visit('https://shop.example/?ref=bob', ago(1), { visitor_id: 'dc' }),
    purchase({ id: 'dc', codes: ['ANN10'] }, { visitor_id: 'dc' }), { type: 'cancel', event_id: id('dc'), order_id: 'dc' });
  const [now] = await rows(shop, "select * from attrib.double_count where site = 'acme' and currency = 'EUR'");
  assert.deepEqual([now.orders - before.orders, now.claims - before.claims, now.claimed_revenue - before.claimed_revenue,
    now.credited_revenue - before.credited_revenue, now.avoided_claims - before.avoided_claims, now.avoided_revenue - before.avoided_revenue],
  [1, 2, 200, 100, 1, 100], 'cancelled ones included');
  const [c] = await rows(shop, "select * from attrib.double_count_by_channel where site = 'acme' and currency = 'EUR'");
  assert.equal(c.avoided_claims, 2);
});

test('traffic_daily: visits once, unique clicks per visitor, filtered apart, direct, the site\'s own day', async () => {
  await tell(shop,
    click('ann-link', '2026-11-10T22:30:00Z', { visitor_id: 't1' }), click('ann-link', '2026-11-10T22:40:00Z', { visitor_id: 't1' }),
    click('ann-link', '2026-11-10T22:50:00Z', { visitor_id: 't2' }), click('ann-link', '2026-11-10T23:30:00Z', { visitor_id: 't1' }),
    visit('https://shop.example/?utm_source=tiktok&utm_medium=video&utm_campaign=bob&ref=ann', '2026-11-10T12:00:00Z', { visitor_id: 't3' }),
    visit('https://shop.example/', '2026-11-10T12:00:00Z', { visitor_id: 't4' }),
    { type: 'cart', event_id: id('t'), occurred_at: '2026-11-10T12:00:00Z', visitor_id: 't4' },
    { type: 'checkout', event_id: id('t'), occurred_at: '2026-11-10T12:00:00Z', visitor_id: 't4' },
    { type: 'lead', event_id: id('t'), occurred_at: '2026-11-10T12:00:00Z', visitor_id: 't4', lead: { id: 'T-1' } });
  const all = await rows(shop, `select to_char(day, 'YYYY-MM-DD') as day, campaign, creator, channel, tracker, clicks, unique_clicks, visits, carts, checkouts, leads, filtered
    from attrib.traffic_daily where site = 'acme' and day between '2026-11-10' and '2026-11-11' order by 1, channel, tracker`);
  const link = all.filter((r) => r.channel === 'link');
  assert.deepEqual(link.map((r) => [r.day, r.creator, r.campaign, r.tracker, r.clicks, r.unique_clicks]),
    [['2026-11-10', 'ann', 'spring', 'ann-link', 3, 2], ['2026-11-11', 'ann', 'spring', 'ann-link', 1, 1]]);
  assert.deepEqual(all.filter((r) => r.channel === 'affiliate').map((r) => [r.creator, r.visits]), [['ann', 1]]);
  assert.deepEqual(all.filter((r) => r.channel === 'utm'), [], 'one landing is one visit');
  const direct = all.find((r) => r.channel === 'direct');
  assert.deepEqual([direct.creator, direct.tracker, direct.visits, direct.carts, direct.checkouts, direct.leads], [null, null, 1, 1, 1, 1]);
  for (const agent of ['Googlebot/2.1 (+http://www.google.com/bot.html)', BROWSER]) await shop.click('bob-link', { headers: { 'user-agent': agent } });
  await shop.quiet();
  const [bob] = await rows(shop, "select clicks, unique_clicks, filtered from attrib.traffic_daily where tracker = 'bob-link' and to_char(day, 'YYYY-MM-DD') = $1", [today]);
  assert.deepEqual([bob.clicks, bob.filtered], [1, 1]);
});

test('unknown_tracker lists keys of every kind', async () => {
  await tell(shop, visit('https://shop.example/?ref=Stranger', ago(1), { visitor_id: 'un' }), visit('https://shop.example/?utm_source=x&utm_medium=y', ago(1), { visitor_id: 'un' }),
    click('lost-link', ago(1), { visitor_id: 'un' }), purchase({ id: 'un', total: '12.00', codes: ['WHO'] }, { visitor_id: 'un' }));
  const all = await rows(shop, "select kind, key, touches, orders, gross, currency from attrib.unknown_tracker where site = 'acme' order by kind");
  assert.deepEqual(all.map((r) => [r.kind, r.key.split('/').filter(Boolean).join('/'), r.orders, r.gross, r.currency]),
    [['affiliate', 'stranger', 1, 12, 'EUR'], ['code', 'who', 1, 12, 'EUR'], ['link', 'lost-link', 1, 12, 'EUR'], ['utm', 'x/y', 1, 12, 'EUR']]);
  assert.ok(all.every((r) => r.touches >= 1), JSON.stringify(all));
});
