// What is not authentic, or was heard before, changes nothing: forged, changed, stale and misdirected
// deliveries get one and the same 401 and reach no disk; captured ones, sent again in any order and under any
// unsigned header, leave every row as it was.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CATALOG, Shop, sleep } from './support.mjs';
import { SECRETS, delivery, gmt, iso, seconds, send, shape, shopifyAccepts } from './vendors.mjs';

const MINUTE = 60e3;
const NEXT = { shopify: 'shpss_next', woocommerce: 'woo-next', stripe: 'whsec_next', standard: 'whsec_c2Vjb25kIHNlY3JldCBvZiBvdXJz' };
let shop;
before(async () => {
  const site = Object.keys(SECRETS).map((v) => `webhook_secret.${v} = ${SECRETS[v]},${NEXT[v]}\n`).join('');
  shop = await Shop.open({ site, catalog: CATALOG, global: '[site other]\nwrite_key = other-key\nwebhook_secret.shopify = shpss_other\n' });
});
after(() => shop.close());

const placed = Date.now() - 30 * MINUTE;
const BODIES = {
  shopify: shape('shopify', 'codes', { id: 1, discount_codes: [{ code: 'ANN10', amount: '1.00' }], created_at: iso(placed), processed_at: iso(placed), updated_at: iso(placed) }),
  woocommerce: shape('woocommerce', 'created', { id: 2, date_created_gmt: gmt(placed), date_modified_gmt: gmt(placed), date_paid_gmt: gmt(placed) }),
  stripe: shape('stripe', 'completed', { created: seconds(placed) }),
  standard: { type: 'purchase', occurred_at: iso(placed), order: { id: 'S-1', currency: 'EUR', total: '119.00' } },
};
const VENDORS = Object.keys(BODIES);
const without = (headers, name) => Object.fromEntries(Object.entries(headers).filter(([k]) => k !== name));
const signatureOf = { shopify: 'x-shopify-hmac-sha256', woocommerce: 'x-wc-webhook-signature', stripe: 'stripe-signature', standard: 'webhook-signature' };
const committed = async () => (await shop.status()).journal.committed;

function forgeries(vendor) {
  const good = delivery(vendor, BODIES[vendor]);
  const name = signatureOf[vendor];
  const signed = good.headers[name];
  const last = signed.length - (signed.endsWith('=') ? 3 : 2); // within the signature, not its padding
  const flipped = signed.slice(0, last) + (signed[last] === 'a' ? 'b' : 'a') + signed.slice(last + 1);
  const list = {
    'another secret': delivery(vendor, BODIES[vendor], { secret: vendor === 'standard' ? 'whsec_b3RoZXIgc2VjcmV0' : 'another' }),
    'no signature': { ...good, headers: without(good.headers, name) },
    'an empty signature': { ...good, headers: { ...good.headers, [name]: '' } },
    'one character of the signature': { ...good, headers: { ...good.headers, [name]: flipped } },
    'half of the signature': { ...good, headers: { ...good.headers, [name]: signed.slice(0, signed.length / 2) } },
    'a byte more': { ...good, text: `${good.text}\n` },
    'another amount': { ...good, text: good.text.replace(/1/, '9') },
    'the same JSON in other bytes': { ...good, text: JSON.stringify(JSON.parse(good.text), null, 1) },
    'no body': { ...good, text: '' },
    'not even JSON': { ...good, text: '{' },
  };
  if (vendor === 'stripe' || vendor === 'standard') {
    list['six minutes late'] = delivery(vendor, BODIES[vendor], { at: Date.now() - 6 * MINUTE });
    list['six minutes early'] = delivery(vendor, BODIES[vendor], { at: Date.now() + 6 * MINUTE });
  }
  if (vendor === 'stripe') list['another time'] = { ...good, headers: { ...good.headers, [name]: signed.replace(/t=\d+/, `t=${seconds() + 1}`) } };
  if (vendor === 'standard') list['another id'] = { ...good, headers: { ...good.headers, 'webhook-id': 'msg_other' } };
  return list;
}

for (const vendor of VENDORS) {
  test(`${vendor}: forgeries are refused alike, and nothing is written`, async () => {
    const start = await committed();
    const answers = new Set();
    for (const [name, forged] of Object.entries(forgeries(vendor))) {
      const response = await send(shop, forged);
      assert.equal(response.status, 401, name);
      answers.add(await response.text());
      if (vendor === 'shopify') assert.equal(await shopifyAccepts(forged), false, `its own library: ${name}`);
    }
    assert.equal(answers.size, 1);
    assert.equal(await committed(), start);
  });
}

test('one vendor\'s delivery at another\'s door, or at another site\'s', async () => {
  const start = await committed();
  for (const vendor of VENDORS) {
    for (const door of VENDORS.filter((v) => v !== vendor)) {
      assert.equal((await send(shop, { ...delivery(vendor, BODIES[vendor]), vendor: door })).status, 401, `${vendor} at ${door}`);
    }
    assert.equal((await send(shop, delivery(vendor, BODIES[vendor]), { site: 'other' })).status, 401, `${vendor} at another site`);
    assert.equal((await send(shop, delivery(vendor, BODIES[vendor]), { site: 'nobody' })).status, 404);
  }
  assert.equal((await send(shop, { ...delivery('shopify', BODIES.shopify), vendor: 'magento' })).status, 404);
  assert.equal(await committed(), start);
});

const picture = async () => ({
  status: await shop.query('select * from attrib.conversion_status order by order_id'),
  credit: await shop.query('select * from attrib.order_credit order by order_id, model, creator, touched_at'),
  adjustment: await shop.query('select * from attrib.adjustment order by order_id, occurred_at, adjustment_id'),
  traffic: await shop.query('select * from attrib.traffic_daily order by 1, 2, 3, 4, 5, 6'),
});

test('either of two secrets; captured deliveries again, in another order, under other headers', async () => {
  const later = (minutes) => placed + minutes * MINUTE;
  const story = [
    ['shopify', BODIES.shopify], ['shopify', { ...BODIES.shopify, updated_at: iso(later(3)), tags: 'vip' }],
    ['shopify', shape('shopify', 'refund-of-some-money', { id: 11, order_id: 1, created_at: iso(later(4)), processed_at: iso(later(4)) })],
    ['woocommerce', BODIES.woocommerce],
    ['woocommerce', { ...BODIES.woocommerce, date_modified_gmt: gmt(later(2)), refunds: [{ id: 1, total: '-10.00' }] }],
    ['woocommerce', { ...BODIES.woocommerce, date_modified_gmt: gmt(later(5)), refunds: [] }],
    ['stripe', BODIES.stripe], ['stripe', shape('stripe', 'charge-refunded', { created: seconds(later(3)) })],
    ['stripe', shape('stripe', 'refund-created', { created: seconds(later(3)) })],
    ['standard', [BODIES.standard, { type: 'visit', visitor_id: 'v-1', url: 'https://shop.example/?ref=ann' }]],
  ].map(([vendor, body], i) => delivery(vendor, body, { secret: (i % 2 ? NEXT : SECRETS)[vendor] }));
  for (const captured of story) assert.equal((await send(shop, captured)).status, 200);
  await shop.quiet();
  const before = await picture();
  assert.equal(before.status.length, 3, 'WooCommerce names the payment intent that is Stripe\'s order');
  assert.deepEqual(before.adjustment.map((a) => [a.order_id, a.adjustment_id, a.amount]), [['1', '11', '16.81'], ['2', 're_3Nabc', '47.62']]);
  const headers = { 'x-shopify-topic': 'customers/redact', 'x-shopify-webhook-id': 'other', 'x-wc-webhook-topic': 'order.deleted', 'x-wc-webhook-delivery-id': '77' };
  for (let round = 0; round < 3; round++) {
    for (const captured of [...story].sort((a, b) => (a.text.length * (round + 7)) % 101 - (b.text.length * (round + 7)) % 101)) {
      assert.equal((await send(shop, { ...captured, headers: { ...captured.headers, ...headers } })).status, 200);
    }
  }
  await shop.quiet();
  assert.deepEqual(await picture(), before);
  await shop.restart();
  await shop.quiet();
  assert.deepEqual(await picture(), before);
});

test('what is authentic and can\'t be used is answered 200 and told in the log', async () => {
  for (const [vendor, body, why] of [['shopify', shape('shopify', 'unknown-state'), /order\.status.* \(id 5678901234567\)/], ['stripe', '{"type":', /JSON/],
    ['woocommerce', shape('woocommerce', 'bad-refund'), /refunds.* \(id 727\)/]]) {
    const response = await send(shop, delivery(vendor, body));
    const answer = await response.json();
    assert.equal(response.status, 200);
    assert.match(answer.rejected[0].message, why);
    const line = new RegExp(`a webhook of ${vendor} for site acme could not be used: .*${why.source}`);
    for (let i = 0; i < 200 && !line.test(shop.log); i++) await sleep(25); // the log comes by another way
    assert.match(shop.log, line);
  }
});
