// GA4's Measurement Protocol: the events that a server sends to Google as well, as Google describes them
// (tests/data/ga4 has recorded ones). Click, landing, order, refund, and the exact money.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { credits, money, order, path, rows } from './contract.mjs';
import { BROWSER, CATALOG, PUBLIC_KEY, Shop, WRITE_KEY, root } from './support.mjs';

const MINUTE = 60e3;
let shop;
before(async () => {
  shop = await Shop.open({ site: 'ga4.measurement_id = G-ACME123\nown_hosts = shop.example\n', catalog: { ...CATALOG,
    cost: 'site,cost_id,campaign,creator,kind,amount,currency,incurred_on\nacme,c1,spring,ann,fee,40.00,EUR,2026-10-01\n' } });
});
after(() => shop.close());

const all = async (order_id) => (await credits(shop, order_id)).map((c) => [c.creator, c.channel, c.gross, c.refunded, c.net]);
const micros = (ms) => String(Math.round(ms * 1000));
const event = (name, params) => ({ name, params });

function post(body, { door = '/mp/collect', key = WRITE_KEY, id = 'G-ACME123', headers = {} } = {}) {
  const query = new URLSearchParams({ ...(id ? { measurement_id: id } : {}), ...(key ? { api_secret: key } : {}) });
  return fetch(`${shop.base}${door}?${query}`, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
}

async function say(body, options) {
  const response = await post(body, options);
  assert.deepEqual([response.status, await response.text()], [204, '']);
  await shop.quiet();
}

async function problems(body, options) {
  const response = await post(body, { door: '/debug/mp/collect', ...options });
  assert.equal(response.status, 200);
  return (await response.json()).validationMessages.map((m) => [m.fieldPath, m.validationCode]);
}

const shape = (name, changes) => ({ ...JSON.parse(readFileSync(join(root, 'tests/data/ga4', `${name}.json`), 'utf8')), ...changes });

async function landing(client_id, link = 'ann-link') {
  const { click } = await shop.click(link);
  await say({ client_id, events: [event('page_view', { page_location: `https://shop.example/p?attr_click=${click}`,
    page_referrer: 'https://www.instagram.com/', session_id: '1793534400', engagement_time_msec: 100 })] });
}

test('click, page view, basket, purchase, refund', async () => {
  const placed = Date.now() + 1000;
  await landing('555.1');
  await say({ client_id: '555.1', events: [event('view_item', {}), event('add_to_cart', { currency: 'EUR', value: 119 }), event('begin_checkout', {})] });
  const bought = shape('purchase', { client_id: '555.1', user_id: 'user-5', timestamp_micros: micros(placed) });
  bought.events[0].params = { ...bought.events[0].params, transaction_id: 'G-1' };
  await say(bought);
  // the value is without tax and shipping
  assert.deepEqual(await all('G-1'), [['ann', 'link', 100, 0, 100]]);
  const refund = { client_id: '555.1', timestamp_micros: micros(placed + MINUTE), events: [event('refund', { transaction_id: 'G-1', currency: 'EUR', value: 20, tax: 3.8 })] };
  await say(refund);
  assert.deepEqual(await all('G-1'), [['ann', 'link', 100, 20, 80]]);
  const before = await rows(shop, "select * from attrib.order_credit where order_id = 'G-1' order by model, creator");
  for (const body of [bought, refund, bought]) await say(body);
  assert.deepEqual(await rows(shop, "select * from attrib.order_credit where order_id = 'G-1' order by model, creator"), before, 'told again');
  await say({ ...refund, timestamp_micros: micros(placed + 2 * MINUTE), events: [event('refund', { transaction_id: 'G-1', currency: 'EUR', value: 5 })] });
  assert.deepEqual(await money(shop, 'G-1'), ['partially_refunded', 100, 25, 75]);
  const [roi] = await rows(shop, "select cost, gross, refunded, net, conversions, roi from attrib.roi where creator = 'ann' and model = 'policy'");
  assert.deepEqual(roi, { cost: 40, gross: 100, refunded: 25, net: 75, conversions: 1, roi: 0.875 });
  const [day] = await rows(shop, 'select sum(carts)::int as carts, sum(checkouts)::int as checkouts from attrib.traffic_daily');
  assert.deepEqual(day, { carts: 1, checkouts: 1 });
});

test('a coupon in another case wins over the click; campaign parameters; a lead', async () => {
  await landing('555.2', 'bob-link');
  await say({ client_id: '555.2', events: [event('purchase', { transaction_id: 'G-2', value: 50, currency: 'EUR', coupon: 'ann10' })] });
  assert.deepEqual(await all('G-2'), [['ann', 'code', 50, 0, 50]]);
  await say({ client_id: '555.3', events: [event('campaign_details', { source: 'tiktok', medium: 'video', campaign: 'bob' })] });
  await say({ client_id: '555.3', timestamp_micros: micros(Date.now()), events: [event('generate_lead', { lead_id: 'lead-3', value: 7, currency: 'EUR' }), event('sign_up', { method: 'mail' })] });
  const leads = await rows(shop, "select order_id, creator, channel from attrib.order_credit where kind = 'lead' and model = 'policy' order by order_id");
  assert.equal(leads.length, 2);
  assert.ok(leads.every((l) => l.creator === 'bob' && l.channel === 'utm'));
  assert.ok(leads.some((l) => l.order_id === 'lead-3'));
});

test('a public key is a stranger: its order is provisional, its refund is not heard', async () => {
  const browser = { key: PUBLIC_KEY, headers: { 'user-agent': BROWSER, origin: 'https://shop.example' } };
  const purchase = { client_id: '555.4', user_id: 'user-4', events: [event('purchase', { transaction_id: 'G-4', value: 999, currency: 'EUR' })] };
  await say(purchase, browser);
  assert.equal((await order(shop, 'G-4')).status, 'provisional');
  const refund = { client_id: '555.4', events: [event('refund', { transaction_id: 'G-4', value: 1, currency: 'EUR' })] };
  assert.deepEqual(await problems(refund, browser), [['events[0].type', 'VALUE_INVALID']]);
  await say(refund, browser);
  purchase.events[0].params.value = 60;
  await say(purchase);
  assert.deepEqual(await money(shop, 'G-4'), ['paid', 60, 0, 60]);
});

test('keys and ids: the secret names the site, the measurement id may not contradict', async () => {
  const body = { client_id: '1.1', events: [event('page_view', { page_location: 'https://shop.example/' })] };
  for (const id of ['G-ACME123', 'acme', null]) assert.equal((await post(body, { id })).status, 204, id);
  for (const options of [{ id: 'G-OTHER' }, { key: 'wrong' }, { key: null }, { key: 'wrong', door: '/debug/mp/collect' }])
    assert.equal((await post(body, options)).status, 401, JSON.stringify(options));
  assert.equal((await post('{')).status, 400);
  assert.equal((await fetch(`${shop.base}/mp/collect`)).status, 405);
  await shop.quiet();
});

test('/debug/mp/collect says what is wrong, and records nothing', async () => {
  const { journal: { committed } } = await shop.status();
  assert.deepEqual(await problems(shape('purchase')), []);
  assert.deepEqual(await problems({ client_id: '1.1', events: [event('view_item', {})] }), []);
  assert.deepEqual(await problems({ events: [event('purchase', {})] }), [['client_id', 'VALUE_REQUIRED']]);
  assert.deepEqual(await problems('[]'), [['the body is not one JSON object', 'VALUE_INVALID']]);
  assert.deepEqual(await problems({ client_id: '1.1', events: Array(26).fill(event('page_view', {})) }), [['events', 'EXCEEDED_MAX_ENTITIES']]);
  assert.deepEqual(await problems({ client_id: '1.1', events: [event('purchase', { value: 1 }), event('purchase', { transaction_id: 'D', value: 'x' }),
    event('purchase', { transaction_id: 'D', value: 1, currency: 'EURO' }), event('refund', { transaction_id: 'D' }), { params: {} }, event('purchase', { transaction_id: 'D', value: -1 })] }),
  [['events[0].params.transaction_id', 'VALUE_REQUIRED'], ['events[1].params.value', 'VALUE_INVALID'], ['events[2].params.currency', 'VALUE_INVALID'],
    ['events[3].params.value', 'VALUE_REQUIRED'], ['events[4].name', 'VALUE_REQUIRED'], ['events[5].params.value', 'VALUE_INVALID']]);
  assert.deepEqual(await problems({ client_id: '1.1', timestamp_micros: 1793534400000, events: [event('page_view', { page_location: '/' })] }), [['events[0].timestamp_micros', 'VALUE_INVALID']]);
  assert.equal((await shop.status()).journal.committed, committed);
  const [found] = await shop.query("select count(*)::int as n from attrib.conversion_status where order_id = 'D'");
  assert.equal(found.n, 0);
});

test('a bad event costs no other; yen, dinars and numbers that were calculated', async () => {
  const purchases = [['Y-1', 1000.4, 'JPY'], ['K-1', 12.3454, 'KWD'], ['E-1', 0.1 + 0.2, 'EUR'], ['E-2', '12.34', 'EUR'], ['BAD', 'x', 'EUR']]
    .map(([transaction_id, value, currency]) => event('purchase', { transaction_id, value, currency }));
  await say({ client_id: '1.2', events: purchases });
  const found = await rows(shop, "select order_id, gross, currency from attrib.conversion_status where order_id = any($1) order by order_id", [['Y-1', 'K-1', 'E-1', 'E-2', 'BAD']]);
  assert.deepEqual(found.map((r) => [r.order_id, r.gross, r.currency]), [['E-1', 0.3, 'EUR'], ['E-2', 12.34, 'EUR'], ['K-1', 12.345, 'KWD'], ['Y-1', 1000, 'JPY']]);
});

test('a refund before its order', async () => {
  await say({ client_id: '1.3', events: [event('refund', { transaction_id: 'G-9', value: 10, currency: 'EUR' })] });
  await say({ client_id: '1.3', events: [event('purchase', { transaction_id: 'G-9', value: 40, tax: 7.6, shipping: 5, currency: 'EUR', coupon: 'BOB10' })] });
  assert.deepEqual(await all('G-9'), [['bob', 'code', 40, 10, 30]]);
  assert.deepEqual((await path(shop, 'G-9')).map((s) => s.channel), ['code']);
});

test('the rollups still equal their rows', async () => {
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
  assert.deepEqual(await shop.query('select * from attrib.quarantine'), []);
});
