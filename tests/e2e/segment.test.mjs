// Segment's API, driven by the libraries that shops have in their code: @segment/analytics-node and
// @rudderstack/rudder-sdk-node. Click, landing, code, order, refund, and the exact money.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import Rudder from '@rudderstack/rudder-sdk-node';
import { Analytics } from '@segment/analytics-node';
import { credits, id, money, order, path, rows, tell } from './contract.mjs';
import { BROWSER, CATALOG, PUBLIC_KEY, Shop, WRITE_KEY, root } from './support.mjs';

const MINUTE = 60e3;
let shop;
before(async () => {
  shop = await Shop.open({ site: 'own_hosts = shop.example\n', catalog: { ...CATALOG,
    cost: 'site,cost_id,campaign,creator,kind,amount,currency,incurred_on\nacme,c1,spring,ann,fee,50.00,EUR,2026-10-01\n' } });
});
after(() => shop.close());

const basic = (key) => `Basic ${Buffer.from(`${key}:`).toString('base64')}`;
const all = async (order_id) => (await credits(shop, order_id)).map((c) => [c.creator, c.channel, c.gross, c.refunded, c.net]);

async function post(call, body, { key = WRITE_KEY, headers = {} } = {}) {
  const response = await fetch(`${shop.base}/v1/${call}`, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...(key ? { authorization: basic(key) } : {}), ...headers } });
  const text = await response.text();
  return { status: response.status, headers: response.headers, ...(text ? JSON.parse(text) : {}) };
}

// A message that is taken and counted.
async function say(call, body, options) {
  const answer = await post(call, body, options);
  assert.deepEqual([answer.status, answer.rejected], [200, []], JSON.stringify(answer));
  await shop.quiet();
  return answer;
}

const shape = (name, changes) => ({ ...JSON.parse(readFileSync(join(root, 'tests/data/segment', `${name}.json`), 'utf8')), ...changes });

// What an order is in the books, whole: to see that nothing changed.
const books = async (order_id) => JSON.stringify([await rows(shop, 'select * from attrib.order_credit where order_id = $1 order by model, creator, channel', [order_id]),
  await rows(shop, 'select * from attrib.adjustment where order_id = $1 order by occurred_at', [order_id]), await order(shop, order_id)]);

const segment = (options = {}) => new Analytics({ writeKey: WRITE_KEY, host: shop.base, flushInterval: 20, ...options });

async function done(client) {
  await client.closeAndFlush({ timeout: 20e3 });
  await shop.quiet();
}

// Everything that a shop tells of one customer, by a client of either library.
async function tellStory(say, { who, link, order_id, more = {} }) {
  const { click } = await shop.click(link);
  const page = { url: `https://shop.example/p?attr_click=${click}`, referrer: 'https://www.instagram.com/' };
  await say.page({ anonymousId: who, name: 'Landing', properties: page });
  await say.track({ anonymousId: who, event: 'Product Viewed', properties: { product_id: 'p1' } });
  await say.track({ anonymousId: who, event: 'Product Added', properties: { product_id: 'p1', cart_id: `cart-${who}` } });
  await say.track({ anonymousId: who, event: 'Checkout Started', properties: { order_id, checkout_id: `checkout-${who}` } });
  await say.track({ anonymousId: who, event: 'Coupon Applied', properties: { order_id, coupon_id: 'BOB10' } });
  await say.identify({ anonymousId: who, userId: `user-${who}`, traits: { email: `${who}@example.com` } });
  await say.track({ userId: `user-${who}`, event: 'Order Completed', properties: { order_id, checkout_id: `checkout-${who}`,
    total: 124.95, tax: 19.95, shipping: 5, currency: 'EUR', products: [{ product_id: 'p1', price: 119, quantity: 1 }], ...more } });
}

// -- the libraries -----------------------------------------------------------------------------------

test('@segment/analytics-node: click, landing, code, order, refund', async () => {
  const client = segment({ flushAt: 3 });
  const failed = [];
  client.on('error', (error) => failed.push(error));
  await tellStory(client, { who: 'sue', link: 'ann-link', order_id: 'S-1' });
  await done(client);
  assert.deepEqual(failed, []);
  assert.deepEqual(await all('S-1'), [['ann', 'link', 100, 0, 100]]);
  const later = segment();
  later.track({ userId: 'user-sue', event: 'Order Refunded', messageId: 'refund-1', properties: { order_id: 'S-1', total: 24.99, currency: 'EUR' } });
  await done(later);
  // 24.99 of 124.95 are a fifth
  assert.deepEqual(await all('S-1'), [['ann', 'link', 100, 20, 80]]);
  assert.deepEqual(await money(shop, 'S-1'), ['partially_refunded', 100, 20, 80]);
  const [roi] = await rows(shop, "select cost, gross, refunded, net, conversions, roi from attrib.roi where creator = 'ann' and model = 'policy'");
  assert.deepEqual(roi, { cost: 50, gross: 100, refunded: 20, net: 80, conversions: 1, roi: 0.6 });
  const [day] = await rows(shop, "select sum(carts)::int as carts, sum(checkouts)::int as checkouts from attrib.traffic_daily");
  assert.deepEqual(day, { carts: 1, checkouts: 1 });
});

test('@segment/analytics-node: the code on the order wins over the click of another creator', async () => {
  const client = segment();
  await tellStory(client, { who: 'tom', link: 'ann-link', order_id: 'S-2', more: { coupon: 'bob10', discount: 10 } });
  await done(client);
  assert.deepEqual(await all('S-2'), [['bob', 'code', 100, 0, 100]]);
  assert.deepEqual((await path(shop, 'S-2')).map((s) => [s.channel, s.creator, s.eligible]), [['link', 'ann', true], ['code', 'bob', true]]);
});

test('@rudderstack/rudder-sdk-node: the same story, packed and not', async () => {
  const told = (client) => Object.fromEntries(['page', 'track', 'identify'].map((call) => [call, (message) => client[call](message)]));
  for (const gzip of [true, false]) {
    const order_id = `R-${gzip}`;
    const client = new Rudder(WRITE_KEY, { dataPlaneUrl: shop.base, flushInterval: 50, logLevel: 'silly', ...(gzip ? {} : { gzip }) });
    const flush = async () => { do await client.flush(); while (client.queue.length); await client.flush(); await shop.quiet(); };
    await tellStory(told(client), { who: `rud-${gzip}`, link: 'bob-link', order_id });
    // a text with three decimals is no amount in euros: that refund is refused, and nothing else
    client.track({ userId: 'u', event: 'Order Refunded', properties: { order_id, total: '62.475', currency: 'EUR' } });
    await flush();
    assert.deepEqual(await all(order_id), [['bob', 'link', 100, 0, 100]]);
    client.track({ userId: 'u', event: 'Order Refunded', properties: { order_id, total: 62.475, currency: 'EUR' } });
    await flush();
    // 62.48 of 124.95, rounded half up
    assert.deepEqual(await all(order_id), [['bob', 'link', 100, 50, 50]]);
  }
});

test('packed bodies: gzip alone, whole, and no larger than others', async () => {
  const send = (bytes, { call = 'track', encoding = 'gzip', key = basic(WRITE_KEY) } = {}) => fetch(`${shop.base}/v1/${call}`, { method: 'POST', body: bytes,
    headers: { 'content-encoding': encoding, ...(key ? { authorization: key } : {}) } });
  const message = (more) => JSON.stringify({ userId: 'u', event: 'Product Added', ...more });
  const packed = gzipSync(message());
  assert.equal((await send(packed)).status, 200);
  assert.equal((await send(gzipSync(message({ writeKey: WRITE_KEY })), { key: null })).status, 200);
  for (const bytes of [packed.subarray(0, -1), Buffer.concat([packed, packed]), Buffer.from(message())]) assert.equal((await send(bytes)).status, 400);
  for (const encoding of ['deflate', 'br', 'gzip, gzip']) assert.equal((await send(packed, { encoding })).status, 415, encoding);
  assert.equal((await send(gzipSync(message({ pad: 'x'.repeat(32 << 10) })))).status, 413);
  assert.equal((await send(gzipSync(`{"batch":[${' '.repeat(499 << 10)}]}`), { call: 'batch' })).status, 200);
  assert.equal((await send(gzipSync(Buffer.alloc(100 << 20, 32)), { call: 'batch' })).status, 413);
  assert.equal((await fetch(`${shop.base}/mp/collect?api_secret=${WRITE_KEY}`, { method: 'POST', body: packed, headers: { 'content-encoding': 'gzip' } })).status, 415);
});

test('a batch is sent again when the daemon can\'t answer, and counts once', async () => {
  // between library and daemon: the first answer is lost after the batch was taken, the second says 503
  let tries = 0;
  const bodies = [];
  const between = createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk)).on('end', async () => {
      const body = Buffer.concat(chunks);
      bodies.push(body);
      if (++tries === 2) { response.writeHead(503, { 'retry-after': '0' }).end(); return; }
      const { host, connection, 'content-length': length, ...headers } = request.headers;
      const answer = await fetch(shop.base + request.url, { method: 'POST', headers, body });
      if (tries === 1) { response.destroy(); return; }
      response.writeHead(answer.status).end(await answer.text());
    });
  });
  await new Promise((open) => between.listen(0, '127.0.0.1', open));
  const client = segment({ host: `http://127.0.0.1:${between.address().port}`, maxRetries: 5 });
  client.track({ userId: 'user-b', event: 'Order Completed', properties: { order_id: 'B-1', total: 50, currency: 'EUR', coupon: 'ANN10' } });
  client.track({ userId: 'user-b', event: 'Order Refunded', messageId: 'refund-b', properties: { order_id: 'B-1', total: 10, currency: 'EUR' } });
  await done(client);
  between.close();
  assert.equal(tries, 3);
  assert.deepEqual(await all('B-1'), [['ann', 'code', 50, 10, 40]]);
  const before = await books('B-1');
  for (const body of bodies) await say('batch', body.toString());
  assert.equal(await books('B-1'), before, 'captured bodies change nothing');
});

// -- whose word counts --------------------------------------------------------------------------------

test('a public key: touches, a provisional order, and no word about anything else', async () => {
  const { click } = await shop.click('ann-link');
  const browser = { key: PUBLIC_KEY, headers: { 'user-agent': BROWSER, origin: 'https://shop.example' } };
  const page = await say('page', { anonymousId: 'p-1', messageId: id('m'), properties: { url: `https://shop.example/?attr_click=${click}` } }, browser);
  assert.equal(page.headers.get('access-control-allow-origin'), 'https://shop.example');
  await say('identify', { anonymousId: 'p-1', userId: 'user-p', traits: { email: 'p@example.com' } }, browser);
  await say('alias', { previousId: 'p-1', userId: 'user-p' }, browser);
  const completed = { anonymousId: 'p-1', userId: 'user-p', event: 'Order Completed', messageId: id('m'),
    properties: { order_id: 'P-1', total: 999, currency: 'EUR' } };
  await say('track', completed, browser);
  assert.deepEqual((await order(shop, 'P-1')).status, 'provisional');
  assert.equal((await order(shop, 'P-1')).customer_kind, 'unknown', 'a stranger names nobody');
  for (const event of ['Order Refunded', 'Order Cancelled']) {
    const answer = await post('track', { anonymousId: 'p-1', event, messageId: id('m'), properties: { order_id: 'P-1', total: 1 } }, browser);
    assert.deepEqual([answer.status, answer.rejected[0].code], [400, 'unauthorized']);
  }
  await say('track', { ...completed, properties: { order_id: 'P-1', total: 119, tax: 19, currency: 'EUR' } });
  assert.deepEqual(await all('P-1'), [['ann', 'link', 100, 0, 100]]);
  await say('track', { ...completed, messageId: id('m') }, browser);
  assert.deepEqual(await all('P-1'), [['ann', 'link', 100, 0, 100]], 'the shop has said what it costs');
});

test('keys: Basic, Bearer, in the body; none, and wrong ones', async () => {
  const message = { userId: 'u', event: 'Product Added' };
  for (const [key, headers, body] of [[WRITE_KEY, {}, {}], [null, { authorization: `Bearer ${WRITE_KEY}` }, {}], [null, {}, { writeKey: WRITE_KEY }]])
    assert.equal((await post('track', { ...message, ...body }, { key, headers })).accepted, 1);
  for (const [key, headers, body] of [[null, {}, {}], ['wrong', {}, {}], [null, {}, { writeKey: 'wrong' }], ['wrong', {}, { writeKey: WRITE_KEY }],
    [null, { authorization: 'Basic ?' }, { writeKey: WRITE_KEY }], [null, { authorization: `Bearer ${WRITE_KEY}x` }, {}]]) {
    const answer = await post('track', { ...message, ...body }, { key, headers });
    assert.deepEqual([answer.status, answer.code], [401, 'unauthorized']);
  }
  assert.equal((await post('track', '{"writeKey":', { key: null })).code, 'bad_json');
  const preflight = await fetch(`${shop.base}/v1/track`, { method: 'OPTIONS', headers: { origin: 'https://shop.example',
    'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type' } });
  assert.equal(preflight.status, 204);
  assert.match(preflight.headers.get('access-control-allow-headers'), /authorization/i);
  assert.equal((await fetch(`${shop.base}/v1/track`)).status, 405);
  assert.equal((await fetch(`${shop.base}/v1/import`, { method: 'POST' })).status, 404);
});

// -- what messages say ----------------------------------------------------------------------------------

test('an answer for every item: taken, ignored, refused', async () => {
  const answer = await post('batch', { batch: [
    { type: 'track', event: 'Product Viewed', userId: 'u' },
    { type: 'track', event: 'Video Playback Started', userId: 'u' },
    { type: 'group', groupId: 'g', userId: 'u' },
    { type: 'page', userId: 'u', name: 'Docs' },
    { type: 'track', event: 'Product Added', userId: 'u' },
    { type: 'track', event: 'Order Completed', userId: 'u', properties: { total: 1 } },
    { type: 'track', event: 'Order Completed', userId: 'u', properties: { order_id: 'X', total: 'much' } },
    { type: 'track', event: 'Order Completed', properties: { order_id: 'X', total: 1 } },
    { type: 'dance', userId: 'u' }, 7,
  ] });
  assert.deepEqual([answer.status, answer.accepted], [200, 1]);
  assert.deepEqual(answer.ignored.map((i) => i.index), [0, 1, 2, 3]);
  assert.deepEqual(answer.rejected.map((r) => [r.index, r.code, r.message.split(':')[0]]), [[5, 'bad_id', 'properties.order_id'],
    [6, 'bad_amount', 'properties.total'], [7, 'missing_field', 'userId or anonymousId'], [8, 'bad_type', 'type'], [9, 'bad_field', 'message']]);
  await shop.quiet();
});

test('skew: timestamp = receivedAt - (sentAt - originalTimestamp)', async () => {
  const at = Date.now() - 20 * MINUTE; // when it was, by a right clock
  for (const [name, wrong] of [['slow', -3 * 3600e3], ['fast', 26 * 3600e3]]) {
    const iso = (ms) => new Date(ms + wrong).toISOString();
    await say('batch', { sentAt: iso(Date.now()), batch: [{ type: 'track', event: 'Order Completed', userId: name, timestamp: iso(at),
      properties: { order_id: `skew-${name}`, total: 10 } }] });
    const placed = (await shop.query('select placed_at from attrib.conversion_status where order_id = $1', [`skew-${name}`]))[0].placed_at;
    assert.ok(Math.abs(placed - at) < 5000, `${name}: ${placed.toISOString()}`);
  }
  // a right clock is taken at its word, also when the request is late by a moment
  await say('track', { event: 'Order Completed', userId: 'right', originalTimestamp: new Date(at).toISOString(),
    sentAt: new Date(Date.now() - 20e3).toISOString(), properties: { order_id: 'skew-right', total: 10 } });
  const [right] = await shop.query("select placed_at from attrib.conversion_status where order_id = 'skew-right'");
  assert.equal(right.placed_at.getTime(), at);
});

test('limits: 32 KB a message, 500 KB a batch, 100 bytes of messageId', async () => {
  const pad = (n) => 'x'.repeat(n);
  assert.equal((await post('track', { event: 'Product Added', userId: 'u', properties: { pad: pad(32 << 10) } }).catch(() => ({ status: 413 }))).status, 413);
  const mixed = await post('batch', { batch: [{ type: 'track', event: 'Product Added', userId: 'u', properties: { pad: pad(32 << 10) } },
    { type: 'track', event: 'Product Added', userId: 'u', properties: { pad: pad(31 << 10) } }] });
  assert.deepEqual([mixed.accepted, mixed.rejected.map((r) => [r.index, r.code])], [1, [[0, 'too_large']]]);
  const many = Array.from({ length: 17 }, () => ({ type: 'track', event: 'Product Added', userId: 'u', properties: { pad: pad(30 << 10) } }));
  assert.equal((await post('batch', { batch: many }).catch(() => ({ status: 413 }))).status, 413);
  assert.equal((await post('batch', { batch: many.slice(1) })).accepted, 16);
  assert.equal((await post('track', { event: 'Product Added', userId: 'u', messageId: pad(100) })).accepted, 1);
  assert.equal((await post('track', { event: 'Product Added', userId: 'u', messageId: pad(101) })).rejected[0].code, 'bad_id');
});

test('an alias of the shop joins what a visitor did to the user; of the others it does not', async () => {
  for (const who of ['al-1', 'al-2']) {
    const { click } = await shop.click('bob-link');
    await say('page', { anonymousId: who, properties: { url: `https://shop.example/?attr_click=${click}` } });
  }
  await say('alias', { previousId: 'al-1', userId: 'user-al-1' });
  await say('alias', { previousId: 'al-2', userId: 'user-al-2' }, { key: PUBLIC_KEY });
  for (const n of [1, 2]) await say('track', { userId: `user-al-${n}`, event: 'Order Completed', properties: { order_id: `AL-${n}`, total: 10 } });
  assert.deepEqual(await all('AL-1'), [['bob', 'link', 10, 0, 10]]);
  assert.deepEqual((await all('AL-2')).map((c) => c[0]), [null]);
});

test('a refund before its order, an order that is updated and cancelled, a lead', async () => {
  await say('track', { userId: 'u-9', event: 'Order Refunded', messageId: 'refund-9', properties: { order_id: 'L-1', total: 30, currency: 'EUR' } });
  const at = Date.now() - 10 * MINUTE;
  const completed = { userId: 'u-9', event: 'Order Completed', timestamp: new Date(at).toISOString(), messageId: id('m'),
    properties: { order_id: 'L-1', total: 60, currency: 'EUR', coupon: 'ANN10' } };
  await say('track', completed);
  assert.deepEqual(await money(shop, 'L-1'), ['partially_refunded', 60, 30, 30]);
  await say('track', { ...completed, event: 'Order Updated', messageId: id('m'), timestamp: new Date(at + MINUTE).toISOString(),
    properties: { ...completed.properties, total: 90 } });
  assert.deepEqual(await money(shop, 'L-1'), ['partially_refunded', 90, 30, 60]);
  await say('track', completed); // told again, it is still older
  assert.deepEqual(await money(shop, 'L-1'), ['partially_refunded', 90, 30, 60]);
  await say('track', { userId: 'u-9', event: 'Order Cancelled', messageId: id('m'), properties: { order_id: 'L-1' } });
  assert.deepEqual(await money(shop, 'L-1'), ['cancelled', 90, 90, 0]);
  await say('track', { userId: 'u-9', event: 'Signed Up', messageId: 'lead-9', context: { campaign: { source: 'tiktok', medium: 'video', name: 'bob' } } });
  const [lead] = await credits(shop, 'lead-9', 'policy', 'lead');
  assert.deepEqual([lead.creator, lead.channel], ['bob', 'utm']);
});

test('one order by its own server and by Segment: counted once, refunded once', async () => {
  await say('track', { userId: 'u-n', event: 'Order Completed', properties: { order_id: '20077', order_name: '#20077', total: 124.95, tax: 19.95, shipping: 5, currency: 'EUR' } });
  await tell(shop, { type: 'purchase', order: { id: '#20077', currency: 'EUR', total: '124.95', tax: '19.95', shipping: '5.00', codes: ['ANN10'] } });
  const found = await rows(shop, "select order_id, gross from attrib.conversion_status where order_id in ('20077', '#20077')");
  assert.deepEqual(found, [{ order_id: '20077', gross: 100 }]);
  assert.deepEqual(await all('20077'), [['ann', 'code', 100, 0, 100]]);
  await say('track', { userId: 'u-n', event: 'Order Refunded', messageId: 'sr-1', properties: { order_id: '20077', total: 62.48, currency: 'EUR' } });
  await tell(shop, { type: 'refund', refund: { id: 'nr-1', order_id: '#20077', amount: '62.48', currency: 'EUR' } });
  assert.deepEqual(await money(shop, '20077'), ['partially_refunded', 100, 50, 50]);
});

test('what the libraries were recorded to send, over and over', async () => {
  for (const name of ['analytics-node', 'rudder-sdk-node']) {
    const recorded = shape(name, { sentAt: new Date().toISOString() });
    recorded.batch = recorded.batch.map(({ sentAt, ...message }) => message);
    for (let i = 0; i < 2; i++) assert.equal((await say('batch', recorded)).accepted, 4);
  }
  const found = await rows(shop, "select order_id, gross, currency from attrib.conversion_status where order_id = '50314b8e9bcf000000000000'");
  assert.deepEqual(found, [{ order_id: '50314b8e9bcf000000000000', gross: 22.5, currency: 'USD' }]);
});

test('the rollups still equal their rows', async () => {
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
  assert.deepEqual(await shop.query('select * from attrib.quarantine'), []);
});
