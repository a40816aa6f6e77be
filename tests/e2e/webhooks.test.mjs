// Shopify, WooCommerce, Stripe and Standard Webhooks: a click, the order that its vendor tells of, a refund,
// and the exact money in order_credit. The vendors' own libraries sign or judge what is sent.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { credits, money, order, path, rows, winner } from './contract.mjs';
import { CATALOG, Shop, sleep } from './support.mjs';
import { SITE, delivery, gmt, iso, knock, seconds, send, sendAsWordPress, shape, shopifyAccepts, standardReads, stripeReads } from './vendors.mjs';

const MINUTE = 60e3;
let shop;
before(async () => {
  shop = await Shop.open({ site: SITE, catalog: CATALOG });
});
after(() => shop.close());

const all = async (order_id) => (await credits(shop, order_id)).map((c) => [c.creator, c.channel, c.gross, c.refunded, c.net]);

// A visitor follows a creator's link; the shop's order comes a little later.
async function visitor(link) {
  const { cookie, click } = await shop.click(link);
  await shop.quiet();
  return { cookie, click, placed: Date.now() + 1000 };
}

async function until(what) {
  for (let i = 0; i < 600 && !await what(); i++) await sleep(50);
  assert.ok(await what());
}

// -- Shopify ------------------------------------------------------------------------------------------

let serial = 0;
const fresh = () => { serial++; return { id: 5000 + serial, name: `#2${serial}`, order_number: 2000 + serial, cart_token: `cart-${serial}`, checkout_token: `checkout-${serial}` }; };
const shopifyOrder = (name, placed, changes = {}) => shape('shopify', name, { ...fresh(), landing_site: null, referring_site: null, customer: null,
  email: `buyer${serial}@example.com`, contact_email: null, created_at: iso(placed), processed_at: iso(placed), updated_at: iso(placed), ...changes });
const shopifyRefund = (name, order_id, at, changes = {}) => shape('shopify', name, { id: 9000 + (++serial), order_id, created_at: iso(at), processed_at: iso(at), ...changes });

test('Shopify: click, unpaid order, payment, refund of goods and of shipping', async () => {
  const { click, placed } = await visitor('ann-link');
  const body = shopifyOrder('tax-included', placed, { landing_site: `/p?attr_click=${click}`, financial_status: 'pending' });
  const first = delivery('shopify', body);
  assert.equal(await shopifyAccepts(first), true, 'its own library takes our signature');
  await knock(shop, 'shopify', body);
  assert.deepEqual(await money(shop, String(body.id)), ['pending', 100, 0, 100]);
  await knock(shop, 'shopify', { ...body, financial_status: 'paid' }); // in the same second
  assert.deepEqual(await money(shop, String(body.id)), ['paid', 100, 0, 100]);
  assert.deepEqual(await all(String(body.id)), [['ann', 'link', 100, 0, 100]]);
  // 59.50 with 9.50 tax are 50.00 of the goods, 5.95 of shipping are none of them
  await knock(shop, 'shopify', shopifyRefund('refund-tax-included', body.id, placed + MINUTE));
  assert.deepEqual(await all(String(body.id)), [['ann', 'link', 100, 50, 50]]);
  await knock(shop, 'shopify', shopifyRefund('refund-shipping-before-2024-10', body.id, placed + 2 * MINUTE));
  assert.deepEqual(await money(shop, String(body.id)), ['partially_refunded', 100, 50, 50]);
});

test('Shopify: an update that brings the refund along tells nothing new', async () => {
  const { cookie, placed } = await visitor('bob-link');
  const body = shopifyOrder('tax-included', placed, { note_attributes: [{ name: 'attr_vid', value: cookie }] });
  const refund = shopifyRefund('refund-tax-included', body.id, placed + MINUTE);
  await knock(shop, 'shopify', refund); // before its order
  await knock(shop, 'shopify', body);
  await knock(shop, 'shopify', { ...body, financial_status: 'partially_refunded', refunds: [refund], updated_at: iso(placed + MINUTE) });
  assert.deepEqual(await all(String(body.id)), [['bob', 'link', 100, 50, 50]]);
  const again = await rows(shop, 'select count(*)::int as n from attrib.adjustment where order_id = $1', [String(body.id)]);
  assert.deepEqual(again, [{ n: 1 }]);
});

test('Shopify: a refund in the buyer\'s money, one without money, and a cancelled order', async () => {
  const placed = Date.now();
  const body = shopifyOrder('codes', placed, { discount_codes: [{ code: 'ann10', amount: '12.00', type: 'percentage' }] });
  await knock(shop, 'shopify', body);
  assert.deepEqual(await all(String(body.id)), [['ann', 'code', 89.92, 0, 89.92]]);
  await knock(shop, 'shopify', shopifyRefund('refund-without-transactions', body.id, placed + MINUTE));
  assert.deepEqual(await money(shop, String(body.id)), ['paid', 89.92, 0, 89.92]);
  await knock(shop, 'shopify', shopifyRefund('refund-in-buyers-currency', body.id, placed + 2 * MINUTE));
  assert.deepEqual(await money(shop, String(body.id)), ['partially_refunded', 89.92, 50, 39.92]);
  await knock(shop, 'shopify', { ...body, cancelled_at: iso(placed + 3 * MINUTE), updated_at: iso(placed + 3 * MINUTE) });
  assert.deepEqual(await money(shop, String(body.id)), ['cancelled', 89.92, 89.92, 0]);
});

test('Shopify: an edited order, yen, dinars, an id above 2^53, a test', async () => {
  const placed = Date.now();
  const body = shopifyOrder('tax-included', placed);
  await knock(shop, 'shopify', body);
  const edited = { ...shopifyOrder('edited', placed + MINUTE), id: body.id, name: body.name, order_number: body.order_number,
    cart_token: body.cart_token, checkout_token: body.checkout_token, processed_at: body.processed_at, email: body.email };
  await knock(shop, 'shopify', edited);
  assert.deepEqual(await money(shop, String(body.id)), ['paid', 120, 0, 120]);
  for (const [name, currency, gross] of [['yen', 'JPY', 9091], ['dinar', 'KWD', 12.345]]) {
    const other = shopifyOrder(name, placed);
    await knock(shop, 'shopify', other);
    const row = await order(shop, String(other.id));
    assert.deepEqual([row.currency, row.gross], [currency, gross]);
  }
  const large = JSON.stringify(shopifyOrder('tax-included', placed)).replace(/"id":\d+/, '"id":9223372036854775807');
  await knock(shop, 'shopify', large);
  assert.equal((await order(shop, '9223372036854775807')).gross, 100);
  const trial = shopifyOrder('test-order', placed);
  await knock(shop, 'shopify', trial);
  assert.deepEqual((await order(shop, String(trial.id))).status, 'excluded');
});

test('Shopify: the compliance topics and what nobody wants are answered 200', async () => {
  for (const name of ['customers-redact', 'customers-data-request', 'shop-redact', 'checkout']) {
    const response = await send(shop, delivery('shopify', shape('shopify', name)));
    assert.equal(response.status, 200, name);
  }
});

// -- WooCommerce ----------------------------------------------------------------------------------------

const wooOrder = (placed, changes = {}) => {
  serial++;
  return shape('woocommerce', 'created', { id: 700 + serial, number: `W${serial}`, order_key: `wc_order_${serial}`, transaction_id: `tx-${serial}`,
    customer_id: 0, billing: { email: `woo${serial}@example.com`, phone: '' }, meta_data: [], date_created_gmt: gmt(placed),
    date_modified_gmt: gmt(placed), date_paid_gmt: gmt(placed), ...changes });
};

test('WooCommerce: ping, order over HTTP/1.0, refunds that come and go, trash and back', async () => {
  const ping = await sendAsWordPress(shop, { vendor: 'woocommerce', text: 'webhook_id=3', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } });
  assert.equal(ping.status, 200);
  const { cookie, click, placed } = await visitor('ann-link');
  const body = wooOrder(placed, { meta_data: [{ id: 1, key: '_wc_order_attribution_source_type', value: 'utm' },
    { id: 2, key: '_wc_order_attribution_session_entry', value: `https://shop.example/p?attr_click=${click}` },
    { id: 3, key: '_attr_vid', value: cookie }] });
  const id = String(body.id);
  const at = (minutes, changes) => ({ ...body, date_modified_gmt: gmt(placed + minutes * MINUTE), ...changes });
  const refund = (n, total) => ({ id: n, reason: '', total });
  assert.equal((await sendAsWordPress(shop, delivery('woocommerce', body))).status, 200);
  await shop.quiet();
  assert.deepEqual(await all(id), [['ann', 'link', 100, 0, 100]]);
  // 24.99 and 37.48 of 124.95 are a fifth and half of it together
  await knock(shop, 'woocommerce', at(-10, {})); // out of order, and older
  await knock(shop, 'woocommerce', at(1, { refunds: [refund(801, '-24.99')] }));
  assert.deepEqual(await money(shop, id), ['partially_refunded', 100, 20, 80]);
  await knock(shop, 'woocommerce', at(2, { refunds: [refund(802, '-37.48'), refund(801, '-24.99')] }));
  assert.deepEqual(await money(shop, id), ['partially_refunded', 100, 50, 50]);
  await knock(shop, 'woocommerce', at(3, { refunds: [refund(801, '-24.99')] }));
  assert.deepEqual(await money(shop, id), ['partially_refunded', 100, 20, 80]);
  await knock(shop, 'woocommerce', at(4, { refunds: [] }));
  assert.deepEqual(await all(id), [['ann', 'link', 100, 0, 100]]);
  const moved = await rows(shop, 'select amount from attrib.adjustment where order_id = $1 order by occurred_at', [id]);
  assert.deepEqual(moved.map((r) => r.amount), [20, 30, -30, -20]);
  await knock(shop, 'woocommerce', { id: body.id });
  assert.equal((await money(shop, id))[0], 'paid', 'the trash is of now, the last state of four minutes ahead');
  await knock(shop, 'woocommerce', at(4.5, { status: 'cancelled' }));
  assert.deepEqual(await money(shop, id), ['cancelled', 100, 100, 0]);
  await knock(shop, 'woocommerce', at(4.9, { status: 'processing' }));
  assert.deepEqual(await money(shop, id), ['paid', 100, 0, 100]);
});

test('WooCommerce: an order goes to the trash and comes back', async () => {
  const placed = Date.now() - 60 * MINUTE;
  const body = wooOrder(placed);
  await knock(shop, 'woocommerce', body);
  await knock(shop, 'woocommerce', { id: body.id });
  assert.deepEqual(await money(shop, String(body.id)), ['cancelled', 100, 100, 0]);
  await knock(shop, 'woocommerce', { ...body, date_modified_gmt: gmt(Date.now() + MINUTE) });
  assert.deepEqual(await money(shop, String(body.id)), ['paid', 100, 0, 100]);
});

test('WooCommerce: two states of one second', async () => {
  const placed = Date.now();
  const body = wooOrder(placed, { coupon_lines: [{ id: 1, code: 'bob10', discount: '1.00' }] });
  await knock(shop, 'woocommerce', body);
  await knock(shop, 'woocommerce', { ...body, status: 'pending', date_paid_gmt: null });
  assert.deepEqual(await all(String(body.id)), [['bob', 'code', 100, 0, 100]]);
});

// -- Stripe ---------------------------------------------------------------------------------------------

const stripeEvent = (name, at, object = {}, changes = {}) => {
  const event = shape('stripe', name, { created: seconds(at), ...changes });
  event.data = { ...event.data, object: { ...event.data.object, ...object } };
  return event;
};

test('Stripe: click, session that is paid later, refund that fails, refund of a charge', async () => {
  const { click, placed } = await visitor('bob-link');
  const session = { id: 'cs_1', payment_intent: 'pi_1', client_reference_id: click, customer: null,
    customer_details: { email: 'stripe1@example.com' } };
  const first = delivery('stripe', stripeEvent('completed-unpaid', placed, session));
  assert.equal(stripeReads(first).type, 'checkout.session.completed');
  await knock(shop, 'stripe', stripeEvent('completed-unpaid', placed, session));
  assert.deepEqual(await money(shop, 'pi_1'), ['pending', 100, 0, 100]);
  await knock(shop, 'stripe', stripeEvent('async-succeeded', placed + MINUTE, session));
  assert.deepEqual(await all('pi_1'), [['bob', 'link', 100, 0, 100]]);
  const refund = (name, at, object) => stripeEvent(name, at, { payment_intent: 'pi_1', created: seconds(placed + 2 * MINUTE), ...object });
  await knock(shop, 'stripe', refund('refund-created', placed + 2 * MINUTE, { id: 're_1', amount: 2499 }));
  await knock(shop, 'stripe', refund('refund-updated', placed + 3 * MINUTE, { id: 're_1', amount: 2499 }));
  assert.deepEqual(await all('pi_1'), [['bob', 'link', 100, 20, 80]]);
  await knock(shop, 'stripe', refund('refund-failed', placed + 4 * MINUTE, { id: 're_1', amount: 2499 }));
  assert.deepEqual(await all('pi_1'), [['bob', 'link', 100, 0, 100]]);
  // a charge says all that was refunded so far: 49.98 and then 74.97
  await knock(shop, 'stripe', stripeEvent('charge-refunded', placed + 4.2 * MINUTE, { id: 'ch_1', payment_intent: 'pi_1', amount_refunded: 4998 }));
  await knock(shop, 'stripe', stripeEvent('charge-refunded', placed + 4.5 * MINUTE, { id: 'ch_1', payment_intent: 'pi_1', amount_refunded: 7497 }));
  assert.deepEqual(await all('pi_1'), [['bob', 'link', 100, 60, 40]]);
});

test('Stripe: free by a promotion code that the catalog comes to know by its id, and a test', async () => {
  const placed = Date.now();
  await knock(shop, 'stripe', stripeEvent('free-by-promotion-code', placed, { id: 'cs_2', discounts: [{ coupon: null, promotion_code: 'promo_1Ann' }] }));
  assert.deepEqual(await money(shop, 'cs_2'), ['paid', 0, 0, 0]);
  assert.equal(await winner(shop, 'cs_2'), 'null:unattributed');
  await shop.import('code_alias', 'site,vendor,external_id,key\nacme,stripe,promo_1Ann,ann10\n');
  await until(async () => await winner(shop, 'cs_2') === 'ann:code');
  assert.deepEqual((await path(shop, 'cs_2')).map((s) => [s.channel, s.tracker, s.creator]), [['code', 'ANN10', 'ann']]);
  assert.deepEqual(await rows(shop, 'select key from attrib.unknown_tracker'), []);
  await knock(shop, 'stripe', stripeEvent('test-mode', placed, { id: 'cs_3', payment_intent: 'pi_3' }));
  assert.equal((await order(shop, 'pi_3')).status, 'excluded');
});

// -- Standard Webhooks ------------------------------------------------------------------------------------

test('Standard Webhooks: native events, named by the request', async () => {
  const { click, placed } = await visitor('ann-link');
  const body = [{ type: 'purchase', occurred_at: iso(placed), click_id: click, order: { id: 'S-1', currency: 'EUR', total: '119.00', tax: '19.00' } },
    { type: 'refund', occurred_at: iso(placed + MINUTE), refund: { id: 'SR-1', order_id: 'S-1', amount: '11.90', currency: 'EUR' } },
    { type: 'purchase', order: { id: '' } }];
  const message = delivery('standard', body);
  assert.deepEqual(standardReads(message), body);
  for (let i = 0; i < 2; i++) {
    const response = await send(shop, message);
    const answer = await response.json();
    assert.deepEqual([response.status, answer.accepted, answer.rejected.map((r) => [r.index, r.code])], [200, 2, [[2, 'bad_id']]]);
  }
  await shop.quiet();
  assert.deepEqual(await all('S-1'), [['ann', 'link', 100, 10, 90]]);
});

// -- one order, three systems ----------------------------------------------------------------------------

test('one order by Shopify, by the shop\'s own server and by Stripe: counted once, refunded once', async () => {
  const { click, placed } = await visitor('ann-link');
  const body = shopifyOrder('tax-included', placed, { note_attributes: [{ name: 'attr_click', value: click }] });
  const id = String(body.id);
  await knock(shop, 'stripe', stripeEvent('completed', placed, { id: 'cs_9', payment_intent: 'pi_9', client_reference_id: null, customer: null,
    customer_details: { email: body.email }, metadata: { order_name: body.name } }));
  const response = await shop.events({ type: 'purchase', occurred_at: iso(placed), order: { id: body.name, currency: 'EUR', total: '124.95', tax: '19.95', shipping: '5.00' } });
  assert.equal(response.status, 200);
  await knock(shop, 'shopify', body);
  const found = await rows(shop, `select order_id, gross from attrib.conversion_status where order_id = any($1)`, [[id, body.name, 'pi_9']]);
  assert.deepEqual(found, [{ order_id: id, gross: 100 }]);
  await knock(shop, 'shopify', shopifyRefund('refund-tax-included', body.id, placed + MINUTE));
  await knock(shop, 'stripe', stripeEvent('refund-created', placed + MINUTE, { id: 're_9', payment_intent: 'pi_9', amount: 5950, created: seconds(placed + MINUTE) }));
  assert.deepEqual(await all(id), [['ann', 'link', 100, 50, 50]]);
});

test('the rollups still equal their rows', async () => {
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
  assert.equal((await shop.status()).quarantined, 2, 'the message with a bad item was kept, both times that it came');
  assert.deepEqual(await shop.query('select * from attrib.quarantine'), []);
});
