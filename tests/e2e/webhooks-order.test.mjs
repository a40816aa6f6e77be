// Vendors promise no order of their deliveries, and repeat them: every arrival of one story ends alike. Each
// site hears the same story in an order of its own, with repeats; ATTRIB_SEED starts from another one.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Shop } from './support.mjs';
import { SECRETS, delivery, gmt, iso, seconds, send, shape } from './vendors.mjs';

const MINUTE = 60e3;
const SITES = ['s0', 's1', 's2', 's3', 's4', 's5'];
const seed = process.env.ATTRIB_SEED ?? '1';
let random = BigInt(seed);
const below = (n) => {
  random = (random * 6364136223846793005n + 1442695040888963407n) & ((1n << 64n) - 1n);
  return Number((random >> 33n) % BigInt(n));
};
const shuffled = (list) => {
  const all = [...list];
  for (let i = all.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [all[i], all[j]] = [all[j], all[i]];
  }
  return all;
};

let shop;
before(async () => {
  const site = (name) => `[site ${name}]\nwrite_key = key-${name}\ncurrency = EUR\ncustomer_history = complete\n${
    Object.entries(SECRETS).map(([vendor, secret]) => `webhook_secret.${vendor} = ${secret}\n`).join('')}`;
  shop = await Shop.open({ global: SITES.map(site).join('\n'), catalog: {
    creator: `site,handle,name\n${SITES.map((s) => `${s},ann,Ann\n${s},bob,Bob\n`).join('')}`,
    tracker: `site,kind,key,creator\n${SITES.map((s) => `${s},code,ANN10,ann\n${s},affiliate,bob,bob\n`).join('')}`,
  } });
});
after(() => shop.close());

const placed = Date.now() - 60 * MINUTE;
const later = (minutes) => placed + minutes * MINUTE;

const shopifyOrder = (state, at, changes = {}) => shape('shopify', 'codes', { id: 41, created_at: iso(placed), processed_at: iso(placed),
  updated_at: iso(at), financial_status: state, discount_codes: [{ code: 'Ann10', amount: '12.00', type: 'percentage' }],
  landing_site: '/?ref=bob', ...changes });
const shopifyRefund = (id, name, at) => shape('shopify', name, { id, order_id: 41, created_at: iso(at), processed_at: iso(at) });
const woo = (at, changes = {}) => shape('woocommerce', 'created', { id: 42, date_created_gmt: gmt(placed), date_modified_gmt: gmt(at),
  date_paid_gmt: gmt(placed), transaction_id: '', meta_data: [{ id: 1, key: 'ref', value: 'bob' }], ...changes });
const stripe = (name, at, object = {}) => {
  const event = shape('stripe', name, { created: seconds(at) });
  return { ...event, data: { object: { ...event.data.object, client_reference_id: null, ...object } } };
};

const STORIES = {
  shopify: [
    shopifyOrder('pending', placed), shopifyOrder('paid', placed), // in one second
    shopifyOrder('paid', later(1), { tags: 'vip' }),
    shopifyRefund(51, 'refund-tax-included', later(2)), shopifyRefund(52, 'refund-of-some-money', later(3)),
    shopifyOrder('partially_refunded', later(3), { tags: 'vip', refunds: [shopifyRefund(51, 'refund-tax-included', later(2)), shopifyRefund(52, 'refund-of-some-money', later(3))] }),
    shopifyRefund(53, 'refund-without-transactions', later(4)),
  ],
  woocommerce: [
    woo(placed, { status: 'pending', date_paid_gmt: null }), woo(placed),
    woo(later(1), { status: 'cancelled' }), woo(later(1), { status: 'on-hold' }), // in one second: it was cancelled
    woo(later(2), { status: 'completed' }),
    woo(later(3), { status: 'completed', refunds: [{ id: 1, reason: '', total: '-24.99' }] }),
    woo(later(4), { status: 'completed', refunds: [{ id: 2, reason: '', total: '-37.48' }, { id: 1, reason: '', total: '-24.99' }] }),
    woo(later(5), { status: 'completed', refunds: [{ id: 1, reason: '', total: '-24.99' }] }),
  ],
  stripe: [
    stripe('completed-unpaid', placed, { id: 'cs_4', payment_intent: 'pi_4', metadata: { ref: 'bob' } }),
    stripe('async-succeeded', later(1), { id: 'cs_4', payment_intent: 'pi_4', metadata: { ref: 'bob' } }),
    stripe('refund-created', later(2), { id: 're_4', payment_intent: 'pi_4', amount: 2499, created: seconds(later(2)) }),
    stripe('refund-updated', later(3), { id: 're_4', payment_intent: 'pi_4', amount: 2499, created: seconds(later(2)) }),
    stripe('refund-created', later(4), { id: 're_5', payment_intent: 'pi_4', amount: 1249, created: seconds(later(4)) }),
    stripe('refund-failed', later(5), { id: 're_5', payment_intent: 'pi_4', amount: 1249, created: seconds(later(4)) }),
  ],
};
const ENDS = {
  shopify: [['41', 'partially_refunded', '89.92', '66.81', [['ann', 'code', '89.92', '66.81']]]],
  woocommerce: [['42', 'partially_refunded', '100.00', '20.00', [['bob', 'affiliate', '100.00', '20.00']]]],
  stripe: [['pi_4', 'partially_refunded', '100.00', '20.00', [['bob', 'affiliate', '100.00', '20.00']]]],
};

async function end(site, order_id) {
  const orders = await shop.query('select order_id, status, gross, refunded from attrib.conversion_status where site = $1 and order_id = $2', [site, order_id]);
  const credits = await shop.query("select creator, channel, gross, refunded from attrib.order_credit where site = $1 and model = 'policy' and order_id = $2", [site, order_id]);
  return orders.map((o) => [o.order_id, o.status, o.gross, o.refunded, credits.map((c) => [c.creator, c.channel, c.gross, c.refunded])]);
}
const adjustments = (site, order_id) => shop.query(`select type, case type when 'refund' then adjustment_id end as refund_id, occurred_at, amount, refunded_after from attrib.adjustment
  where site = $1 and order_id = $2 order by occurred_at, 2`, [site, order_id]);

for (const [vendor, story] of Object.entries(STORIES)) {
  test(`${vendor}: ${SITES.length} arrivals of one story`, async (t) => {
    t.diagnostic(`seed ${seed}`);
    const told = story.map((body) => delivery(vendor, body));
    for (const site of SITES) {
      const arrival = site === 's0' ? told : shuffled([...told, ...told.filter(() => below(2))]);
      for (const one of arrival) assert.equal((await send(shop, one, { site })).status, 200);
    }
    await shop.quiet();
    const [[id]] = ENDS[vendor];
    const first = await adjustments('s0', id);
    assert.ok(first.length > 1);
    for (const site of SITES) {
      assert.deepEqual(await end(site, id), ENDS[vendor], site);
      assert.deepEqual(await adjustments(site, id), first, site);
    }
  });
}
