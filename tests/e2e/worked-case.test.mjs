// The case that the program exists for: one order that carries everything at once, told by several
// sources, counted once.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BROWSER, CATALOG, Shop } from './support.mjs';

let shop;
before(async () => {
  shop = await Shop.open({ catalog: {
    ...CATALOG,
    cost: `site,cost_id,campaign,creator,placement,kind,amount,currency,incurred_on
acme,fee-ann,spring,ann,,fee,40.00,EUR,2026-11-01
acme,fee-bob,spring,bob,,fee,20.00,EUR,2026-11-01
` } });
});
after(() => shop.close());

const order = (visitor_id, more = {}) => ({
  type: 'purchase', visitor_id, email: 'buyer@example.com', ...more,
  order: { id: '1001', currency: 'EUR', total: '119.00', tax: '19.00', codes: ['ANN10'], status: 'paid',
    aliases: { name: '#1001' } },
});
const status = async () => (await shop.query(
  "select * from attrib.conversion_status where site = 'acme' and order_id = '1001'"));
const num = (rows) => rows.map((r) => Object.fromEntries(Object.entries(r).map(([k, v]) =>
  [k, typeof v === 'string' && /^-?\d+(\.\d+)?$/.test(v) && k !== 'order_id' ? Number(v) : v])));
const one = async (sql) => num(await shop.query(sql));

let visitor;

test('a click on A, a landing with B in affiliate id and UTM, and the page\'s own order', async () => {
  const click = await shop.click('ann-link');
  assert.equal(click.response.status, 302);
  assert.match(click.location, /^https:\/\/shop\.example\/p\?x=1&attr_click=[\w-]{22}#top$/);
  visitor = click.cookie;
  assert.ok(visitor);
  const landing = await shop.pixel({ e: 'visit', vid: visitor,
    url: 'https://shop.example/?utm_source=tiktok&utm_medium=video&utm_campaign=bob&ref=bob' });
  assert.equal(landing.status, 200);
  const pixel = await shop.pixel({ e: 'purchase', vid: visitor, 'order.id': '1001', 'order.currency': 'EUR',
    'order.total': '119.00', 'order.tax': '19.00', 'order.codes': 'ANN10' });
  assert.equal(pixel.status, 200);
  await shop.quiet(3);
  const [row] = num(await status());
  assert.equal(row.status, 'provisional');
  assert.deepEqual(await one("select * from attrib.order_credit where order_id = '1001' and model = 'policy' and false"), []);
  const [dc] = await one("select * from attrib.double_count where site = 'acme'");
  assert.ok(!dc || dc.orders === 0, 'a provisional order is in no sum');
});

test('the shop confirms it, twice: one order, one creator, the full amount', async () => {
  for (const event_id of ['e-1', 'e-2']) {
    const response = await shop.events(order(visitor, { event_id }));
    assert.deepEqual([response.status, await response.json()], [200, { accepted: 1, rejected: [] }]);
  }
  await shop.quiet(5);
  await checkTheOrder();
});

test('and once more after a restart', async () => {
  await shop.restart();
  await shop.events(order(visitor, { event_id: 'e-3' }));
  await shop.quiet(6);
  await checkTheOrder();
});

async function checkTheOrder() {
  const rows = num(await status());
  assert.equal(rows.length, 1);
  assert.equal(rows[0].status, 'paid');
  assert.equal(rows[0].customer_kind, 'new');
  assert.equal(rows[0].gross, 100);
  const credits = await one("select * from attrib.order_credit where order_id = '1001' order by model, touched_at");
  const policy = credits.filter((c) => c.model === 'policy');
  assert.equal(policy.length, 1);
  assert.deepEqual([policy[0].creator, policy[0].channel, policy[0].placement, policy[0].gross, policy[0].share],
    ['ann', 'link', 'ann-post', 100, 1]);
  for (const model of ['last_touch', 'first_touch', 'linear', 'position', 'time_decay']) {
    const total = credits.filter((c) => c.model === model).reduce((a, c) => a + Math.round(c.gross * 100), 0);
    assert.equal(total, 10000, model);
  }
  const path = await shop.query("select * from attrib.path_step where order_id = '1001' order by step");
  assert.deepEqual(path.map((p) => [p.channel, p.creator, p.eligible]), [
    ['link', 'ann', true], ['utm', 'bob', true], ['affiliate', 'bob', true], ['code', 'ann', true]]);
  assert.ok(path.every((p) => p.reason.length > 0), 'every step says why');
  const [dc] = await one("select * from attrib.double_count where site = 'acme'");
  assert.deepEqual(dc, { site: 'acme', currency: 'EUR', orders: 1, claims: 2, claimed_revenue: 200,
    credited_revenue: 100, avoided_claims: 1, avoided_revenue: 100 });
  const [dcc] = await one("select * from attrib.double_count_by_channel where site = 'acme'");
  assert.equal(dcc.avoided_claims, 3);
  const roi = await one("select * from attrib.roi where site = 'acme' and model = 'policy' order by row_kind, creator");
  const ann = roi.find((r) => r.creator === 'ann');
  assert.deepEqual([ann.cost, ann.gross, ann.net, ann.conversions, ann.new_customers, ann.roi, ann.cac],
    [40, 100, 100, 1, 1, 1.5, 40]);
  const bob = roi.find((r) => r.creator === 'bob');
  assert.deepEqual([bob.cost, bob.net, bob.roi, bob.cpa, bob.cac], [20, 0, -1, null, null]);
  const [cac] = await one("select * from attrib.cac where site = 'acme' and campaign = 'spring'");
  assert.deepEqual([cac.cost, cac.new_customers, cac.cac], [60, 1, 60]);
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
}

test('a refund of a third lowers net and nothing else', async () => {
  const before = num(await status())[0];
  await shop.events({ type: 'refund', event_id: 'r-1', refund: { id: 'r-1', order_id: '1001', amount: '39.67', currency: 'EUR' } });
  await shop.quiet(7);
  const [row] = num(await status());
  // 39.67 of 119.00 on a basis of 100.00 is 33.34 (half up)
  assert.deepEqual([row.status, row.gross, row.refunded, row.net], ['partially_refunded', 100, 33.34, 66.66]);
  assert.equal(row.customer_kind, before.customer_kind);
  const credits = await one("select * from attrib.order_credit where order_id = '1001' and model = 'policy'");
  assert.deepEqual([credits.length, credits[0].creator, credits[0].net], [1, 'ann', 66.66]);
  const [dc] = await one("select * from attrib.double_count where site = 'acme'");
  assert.deepEqual([dc.orders, dc.claims, dc.credited_revenue], [1, 2, 100]);
  const [ann] = await one("select * from attrib.roi where site = 'acme' and model = 'policy' and creator = 'ann'");
  assert.deepEqual([ann.gross, ann.refunded, ann.net], [100, 33.34, 66.66]);
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
});

test('traffic was counted once for each event', async () => {
  const rows = await shop.query(`select channel, sum(clicks)::int as clicks, sum(unique_clicks)::int as uniques,
    sum(visits)::int as visits from attrib.traffic_daily where site = 'acme' group by channel order by channel`);
  assert.deepEqual(rows, [
    { channel: 'affiliate', clicks: 0, uniques: 0, visits: 1 },
    { channel: 'link', clicks: 1, uniques: 1, visits: 0 }]);
  assert.ok(BROWSER.length > 0);
});
