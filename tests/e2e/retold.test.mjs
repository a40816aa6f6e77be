// An exact retry changes nothing, whatever came in between: words that state no time of their own (a
// WooCommerce body that is only the id of an order in the trash, a native cancel or refund without
// occurred_at) keep the date of their first arrival.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CATALOG, Shop, sleep } from './support.mjs';
import { SITE, delivery, gmt, iso, knock, send, shape } from './vendors.mjs';

let shop;
before(async () => { shop = await Shop.open({ site: SITE, catalog: CATALOG }); });
after(() => shop.close());

const state = async (id) => (await shop.query('select status, gross, refunded from attrib.conversion_status where order_id = $1', [id]))[0];
const adjustments = (id) => shop.query('select type, occurred_at, amount, refunded_after from attrib.adjustment where order_id = $1 order by occurred_at, adjustment_id', [id]);

async function told(event) {
  const response = await shop.events(event);
  assert.equal(response.status, 200, await response.clone().text());
  await shop.quiet();
}

test('WooCommerce: the trash of an order, heard again after it was restored', async () => {
  const placed = Date.now() - 3600e3;
  const order = (at, changes = {}) => shape('woocommerce', 'created', { id: 42, date_created_gmt: gmt(placed), date_paid_gmt: gmt(placed),
    date_modified_gmt: gmt(at), transaction_id: '', meta_data: [], ...changes });
  const trash = delivery('woocommerce', { id: 42 }, { headers: { 'x-wc-webhook-topic': 'order.deleted' } });
  await knock(shop, 'woocommerce', order(placed));
  for (const time of ['first', 'a second time, at once']) {
    assert.equal((await send(shop, trash)).status, 200, time);
    await shop.quiet();
    assert.equal((await state('42')).status, 'cancelled', time);
  }
  const restored = Date.now() + 1000;
  await knock(shop, 'woocommerce', order(restored, { status: 'processing' }), { headers: { 'x-wc-webhook-topic': 'order.restored' } });
  assert.equal((await state('42')).status, 'paid');
  const before = await adjustments('42');
  while (Date.now() <= restored) await sleep(50); // whatever is heard from now on is later
  for (const headers of [{}, { 'x-wc-webhook-delivery-id': 'another' }]) {
    assert.equal((await send(shop, { ...trash, headers: { ...trash.headers, ...headers } })).status, 200);
    await shop.quiet();
    assert.equal((await state('42')).status, 'paid');
  }
  assert.deepEqual(await adjustments('42'), before);
  await knock(shop, 'woocommerce', order(Date.now() + 1000, { status: 'trash' })); // a state of a time of its own
  assert.equal((await state('42')).status, 'cancelled');
});

test('native: a cancel without a time, heard again after the order was taken back up', async () => {
  const cancel = { type: 'cancel', order_id: 'n-1' };
  await told({ type: 'purchase', order: { id: 'n-1', total: '119.00', tax: '19.00', currency: 'EUR' } });
  await told(cancel);
  assert.equal((await state('n-1')).status, 'cancelled');
  await told({ ...cancel, reversed: true });
  const before = await adjustments('n-1');
  assert.deepEqual(before.map((a) => a.type), ['cancel', 'uncancel']);
  await told(cancel);
  await told([cancel, cancel, { ...cancel, reversed: true }]);
  assert.equal((await state('n-1')).status, 'paid');
  assert.deepEqual(await adjustments('n-1'), before);
  await told({ ...cancel, event_id: 'once more' }); // another word
  assert.equal((await state('n-1')).status, 'cancelled');
});

test('native: a refund without a time keeps its day and its place', async () => {
  const refund = (amount) => ({ type: 'refund', refund: { id: 'r', order_id: 'n-2', amount, currency: 'EUR' } });
  await told({ type: 'purchase', order: { id: 'n-2', total: '100.00', currency: 'EUR' } });
  await told(refund('50.00'));
  await told(refund('60.00')); // corrected
  const before = await adjustments('n-2');
  assert.deepEqual(before.map((a) => a.amount), ['50.00', '10.00']);
  await told(refund('50.00'));
  assert.equal((await state('n-2')).refunded, '60.00');
  assert.deepEqual(await adjustments('n-2'), before);
});

test('a word that is told with its time after all has that', async () => {
  const at = new Date(Date.now() - 7200e3);
  await told({ type: 'purchase', occurred_at: iso(at - 1000), order: { id: 'n-3', total: '100.00', currency: 'EUR' } });
  const cancel = { type: 'cancel', event_id: 'c', order_id: 'n-3' };
  await told(cancel);
  await told({ ...cancel, occurred_at: iso(at) });
  await told(cancel);
  assert.deepEqual((await adjustments('n-3')).map((a) => iso(a.occurred_at)), [iso(at)]);
});

test('a visit without a time, heard again after its order, keeps its credit', async () => {
  const visit = { type: 'visit', event_id: 'v-again', visitor_id: 'again', url: 'https://shop.example/?utm_source=tiktok&utm_medium=video&utm_campaign=bob' };
  const credits = () => shop.query("select creator, gross from attrib.order_credit where order_id = 'n-again' and model = 'policy'");
  await told(visit);
  await told({ type: 'purchase', event_id: 'o-again', visitor_id: 'again', order: { id: 'n-again', total: '119.00', tax: '19.00', currency: 'EUR' } });
  const before = await credits();
  assert.equal(before.length, 1);
  assert.equal(before[0].creator, 'bob');
  await told(visit);
  await told({ type: 'identify', visitor_id: 'again', customer_id: 'c-again' }); // decided once more
  assert.deepEqual(await credits(), before);
});
