// One order that four systems report, each by its own name: Shopify by its id, the page by #1001, Segment by
// the number and Stripe by the payment intent; and one refund that three of them report. Whatever arrives
// first, it is one order by its aliases, credited once, refunded once.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BROWSER, CATALOG, Shop, WRITE_KEY } from './support.mjs';
import { SITE, delivery, iso, seconds, send, shape } from './vendors.mjs';

const MINUTE = 60e3;
let shop;
before(async () => { shop = await Shop.open({ site: SITE, catalog: CATALOG }); });
after(() => shop.close());

function* orders(list) {
  if (list.length < 2) yield list;
  else for (const [i, first] of list.entries()) for (const rest of orders(list.filter((_, k) => k !== i))) yield [first, ...rest];
}

async function accepted(response) {
  assert.ok(response.ok, `${response.status} ${await response.clone().text()}`);
}
const segment = (body) => fetch(`${shop.base}/v1/track`, { method: 'POST', body: JSON.stringify(body),
  headers: { authorization: `Basic ${Buffer.from(`${WRITE_KEY}:`).toString('base64')}`, 'content-type': 'application/json' } });

// What the four systems say of order #n, and what three of them say of its refund.
function systems(n, cookie, at) {
  const id = 7_000_000_000_000 + n, pi = `pi_${n}`;
  const stripe = (name, when, object) => {
    const event = shape('stripe', name, { created: seconds(when) });
    return send(shop, delivery('stripe', { ...event, data: { object: { ...event.data.object, payment_intent: pi, ...object } } }));
  };
  const later = at + MINUTE;
  return {
    sold: {
      shopify: () => send(shop, delivery('shopify', shape('shopify', 'tax-included', { id, name: `#${n}`, order_number: n, checkout_token: `tok-${n}`, cart_token: `cart-${n}`,
        created_at: iso(at), processed_at: iso(at), updated_at: iso(at), note_attributes: [], landing_site: null, discount_codes: [] }))),
      page: () => fetch(`${shop.base}/v1/beacon`, { method: 'POST', headers: { 'user-agent': BROWSER, cookie: `attr_vid=${cookie}`, 'content-type': 'text/plain' },
        body: JSON.stringify({ site: 'acme', type: 'purchase', order: { id: `#${n}`, currency: 'EUR', total: '124.95', tax: '19.95', shipping: '5.00' } }) }),
      segment: () => segment({ userId: `u-${n}`, event: 'Order Completed', messageId: `o-${n}`, timestamp: iso(at),
        properties: { order_id: String(n), order_number: n, total: 124.95, tax: 19.95, shipping: 5, currency: 'EUR' } }),
      stripe: () => stripe('completed', at, { id: `cs_${n}`, client_reference_id: null, customer: null, customer_details: { email: `buyer${n}@example.com` }, metadata: { order_name: `#${n}` } }),
    },
    refunded: {
      shopify: () => send(shop, delivery('shopify', shape('shopify', 'refund-tax-included', { id: 8_000_000 + n, order_id: id, created_at: iso(later), processed_at: iso(later) }))),
      segment: () => segment({ userId: `u-${n}`, event: 'Order Refunded', messageId: `r-${n}`, timestamp: iso(later), properties: { order_id: String(n), total: 59.5, currency: 'EUR' } }),
      stripe: () => stripe('refund-created', later, { id: `re_${n}`, amount: 5950, created: seconds(later) }),
    },
  };
}

const NAMES = ['shopify', 'page', 'segment', 'stripe'];

test('in all 24 orders of arrival', async () => {
  const arrivals = [...orders(NAMES)];
  await Promise.all(arrivals.map(async (arrival, i) => {
    const { cookie } = await shop.click('ann-link');
    const { sold, refunded } = systems(1001 + i, cookie, Date.now() + 2000); // in whole seconds, and behind the click
    for (const name of arrival) {
      await accepted(await sold[name]());
      if (i % 3 === 0 && refunded[name]) await accepted(await refunded[name]()); // also before the next one has spoken
    }
    if (i % 3) for (const name of arrival.filter((x) => refunded[x])) await accepted(await refunded[name]());
  }));
  await shop.quiet();
  const client = await shop.connect();
  const ask = async (sql, params) => (await client.query(sql, params)).rows;
  for (const [i, arrival] of arrivals.entries()) {
    const n = 1001 + i, names = [String(7_000_000_000_000 + n), `#${n}`, String(n), `pi_${n}`, `cs_${n}`];
    const found = await ask('select order_id, status, gross, refunded, net from attrib.conversion_status where order_id = any($1)', [names]);
    assert.deepEqual(found, [{ order_id: found[0].order_id, status: 'partially_refunded', gross: found[0].gross, refunded: '50.00', net: '50.00' }], `${arrival}`);
    assert.equal(found[0].gross, '100.00', `${arrival}`);
    for (const name of names) {
      const [{ explain }] = await ask("select attrib.explain('acme', 'order', $1)", [name]);
      assert.equal(explain?.order_id, found[0].order_id, `${arrival}: ${name}`);
    }
    const credits = await ask("select creator, channel, gross, refunded from attrib.order_credit where model = 'policy' and order_id = $1", [found[0].order_id]);
    assert.deepEqual(credits, [{ creator: 'ann', channel: 'link', gross: '100.00', refunded: '50.00' }], `${arrival}: the page knew the visitor`);
    // who knows tax and shipping apart may tell the rest of one refund, never a second one
    const [adjusted] = await ask('select sum(amount) as sum, max(refunded_after) as most from attrib.adjustment where order_id = $1', [found[0].order_id]);
    assert.deepEqual(adjusted, { sum: '50.00', most: '50.00' }, `${arrival}: one refund`);
  }
  const [{ orders: counted }] = await ask('select orders::int from attrib.double_count');
  assert.equal(counted, arrivals.length);
  assert.deepEqual(await ask('select * from attrib.check_rollups()'), []);
  assert.deepEqual(await ask('select * from attrib.check_adjustments()'), []);
  assert.deepEqual(await ask('select * from attrib.quarantine'), []);
  await client.end();
});
