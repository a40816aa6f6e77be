// Orders by the contract: money, states, refunds, cancels, aliases.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { cancel, ago, credits, id, money, order, purchase, refund, rows, tell, winner } from './contract.mjs';
import { CATALOG, Shop, WRITE_KEY } from './support.mjs';

let shop;
before(async () => { shop = await Shop.open({ catalog: CATALOG }); });
after(() => shop.close());

const consistent = async () => {
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
  assert.deepEqual(await shop.query('select * from attrib.check_adjustments()'), []);
};

test('gross is the total without tax and shipping, the subtotal only without a total', async () => {
  await tell(shop,
    purchase({ id: 'g-1', total: '119.00', subtotal: '77.00', tax: '19.00', shipping: '0.00' }),
    purchase({ id: 'g-2', total: undefined, subtotal: '77.00', tax: '19.00' }),
    purchase({ id: 'g-3', total: '119.00', shipping: '9.00' }),
    purchase({ id: 'g-4', total: '119.00', discount: '10.00' }),
    purchase({ id: 'g-5', total: 119.25 }),
    purchase({ id: 'g-6', total: '0.00', codes: ['ANN10'] }));
  assert.deepEqual(await money(shop, 'g-1'), ['paid', 100, 0, 100]);
  assert.deepEqual(await money(shop, 'g-2'), ['paid', 77, 0, 77]);
  assert.deepEqual(await money(shop, 'g-3'), ['paid', 110, 0, 110]);
  assert.deepEqual(await money(shop, 'g-4'), ['paid', 119, 0, 119]);
  assert.deepEqual(await money(shop, 'g-5'), ['paid', 119.25, 0, 119.25]);
  assert.deepEqual(await money(shop, 'g-6'), ['paid', 0, 0, 0]);
  assert.equal(await winner(shop, 'g-6'), 'ann:code');
  assert.equal((await credits(shop, 'g-6'))[0].share, 1, 'shares of zero money are shares');
});

test('currencies have their own minor units', async () => {
  await tell(shop,
    purchase({ id: 'jpy', currency: 'JPY', total: '1200', codes: ['ANN10'] }),
    purchase({ id: 'kwd', currency: 'KWD', total: '1.234', codes: ['ANN10'] }),
    refund({ id: 'r-jpy', order_id: 'jpy', amount: '200', currency: 'JPY' }));
  assert.deepEqual(await money(shop, 'jpy'), ['partially_refunded', 1200, 200, 1000]);
  assert.deepEqual(await money(shop, 'kwd'), ['paid', 1.234, 0, 1.234]);
  const response = await shop.events(purchase({ id: 'jpy-2', currency: 'JPY', total: '12.5' }));
  assert.equal(response.status, 400);
  assert.equal((await response.json()).rejected[0].code, 'bad_amount');
});

test('amounts that JSON numbers cannot carry exactly are refused', async () => {
  const send = async (total) => (await shop.events(`{"type":"purchase","event_id":"${id('n')}","order":{"id":"${id('num')}","currency":"EUR","total":${total}}}`)).status;
  assert.equal(await send('10.5'), 200);
  assert.equal(await send('1e1'), 200);
  assert.equal(await send('1234567890123456.78'), 400);
  assert.equal(await send('10.005'), 400);
  assert.equal(await send('-1'), 400);
});

test('ids above 2^53 stay what they are', async () => {
  await shop.events(`[{"type":"purchase","event_id":9007199254740993,"order":{"id":9007199254740993,"currency":"EUR","total":"1.00"}},
    {"type":"purchase","event_id":9007199254740992,"order":{"id":9007199254740992,"currency":"EUR","total":"2.00"}}]`);
  await shop.quiet();
  assert.deepEqual(await money(shop, '9007199254740993'), ['paid', 1, 0, 1]);
  assert.deepEqual(await money(shop, '9007199254740992'), ['paid', 2, 0, 2]);
});

test('pending is shown and in no sum; paid counts it once', async () => {
  const before = (await rows(shop, "select * from attrib.double_count where currency = 'EUR'"))[0];
  await tell(shop, purchase({ id: 'pend', status: 'pending', codes: ['ANN10'], updated_at: ago(2), placed_at: ago(2) }));
  assert.deepEqual(await money(shop, 'pend'), ['pending', 100, 0, 100]);
  assert.deepEqual(await credits(shop, 'pend'), []);
  assert.equal((await rows(shop, "select * from attrib.double_count where currency = 'EUR'"))[0].orders, before.orders);
  await tell(shop, purchase({ id: 'pend', status: 'paid', codes: ['ANN10'], updated_at: ago(1), paid_at: ago(1) }));
  const row = await order(shop, 'pend');
  assert.equal(row.status, 'paid');
  assert.equal(row.placed_at.toISOString().slice(0, 10), ago(2).slice(0, 10), 'T stays when it was placed');
  assert.equal(row.counted_at.toISOString().slice(0, 10), ago(1).slice(0, 10), 'the date of revenue is when it was paid');
  assert.equal(await winner(shop, 'pend'), 'ann:code');
  await tell(shop, purchase({ id: 'pend', status: 'pending', codes: ['ANN10'], updated_at: ago(2) }));
  assert.equal((await order(shop, 'pend')).status, 'paid', 'older news change nothing');
  await consistent();
});

test('a test order is excluded', async () => {
  await tell(shop, purchase({ id: 'test-1', test: true, codes: ['ANN10'] }));
  const row = await order(shop, 'test-1');
  assert.deepEqual([row.status, row.reason], ['excluded', 'test']);
  assert.deepEqual(await credits(shop, 'test-1'), []);
});

test('a renewal counts and is unattributed', async () => {
  await tell(shop, purchase({ id: 'ren-1', kind: 'renewal', codes: ['ANN10'] }));
  const row = await order(shop, 'ren-1');
  assert.deepEqual([row.status, row.reason], ['paid', 'renewal']);
  const [credit] = await credits(shop, 'ren-1');
  assert.deepEqual([credit.creator, credit.channel, credit.gross], [null, 'unattributed', 100]);
});

test('refunds: partial ones add up, one id counts once by its latest word, over-refunds are clamped', async () => {
  await tell(shop, purchase({ id: 'ref-1', total: '119.00', tax: '19.00', codes: ['ANN10'] }));
  await tell(shop, refund({ id: 'a', order_id: 'ref-1', amount: '39.67' }, { occurred_at: ago(0, 60) }));
  assert.deepEqual(await money(shop, 'ref-1'), ['partially_refunded', 100, 33.34, 66.66]);
  await tell(shop, refund({ id: 'a', order_id: 'ref-1', amount: '11.90' }, { occurred_at: ago(0, 90) }));
  assert.deepEqual(await money(shop, 'ref-1'), ['partially_refunded', 100, 33.34, 66.66], 'an older word of the same id');
  await tell(shop, refund({ id: 'a', order_id: 'ref-1', amount: '11.90' }, { occurred_at: ago(0, 30) }));
  assert.deepEqual(await money(shop, 'ref-1'), ['partially_refunded', 100, 10, 90], 'the latest word of one id');
  await tell(shop, refund({ id: 'b', order_id: 'ref-1', amount: '500.00' }, { occurred_at: ago(0, 20) }));
  assert.deepEqual(await money(shop, 'ref-1'), ['refunded', 100, 100, 0]);
  assert.equal((await order(shop, 'ref-1')).over_refund, true);
  assert.deepEqual((await credits(shop, 'ref-1')).map((c) => [c.gross, c.refunded, c.net]), [[100, 100, 0]]);
  await tell(shop, refund({ id: 'b', order_id: 'ref-1', amount: '500.00', status: 'void' }, { occurred_at: ago(0, 10) }));
  assert.deepEqual(await money(shop, 'ref-1'), ['partially_refunded', 100, 10, 90]);
  await consistent();
});

test('a refund before its order waits, a void before its refund holds', async () => {
  await tell(shop, refund({ id: 'early', order_id: 'ref-2', amount: '50.00' }, { occurred_at: ago(0, 5) }));
  await tell(shop, refund({ id: 'gone', order_id: 'ref-2', amount: '10.00', status: 'void' }, { occurred_at: ago(0, 4) }));
  await tell(shop, purchase({ id: 'ref-2', codes: ['BOB10'] }));
  assert.deepEqual(await money(shop, 'ref-2'), ['partially_refunded', 100, 50, 50]);
  await tell(shop, refund({ id: 'gone', order_id: 'ref-2', amount: '10.00' }, { occurred_at: ago(0, 6) }));
  assert.deepEqual(await money(shop, 'ref-2'), ['partially_refunded', 100, 50, 50]);
  await consistent();
});

test('a refund in another currency is quarantined', async () => {
  await tell(shop, purchase({ id: 'ref-3' }));
  const before = (await shop.status()).quarantined;
  await tell(shop, refund({ id: 'usd', order_id: 'ref-3', amount: '50.00', currency: 'USD' }));
  assert.deepEqual(await money(shop, 'ref-3'), ['paid', 100, 0, 100]);
  assert.equal((await shop.status()).quarantined, before + 1);
});

test('a refund without a currency is in its order\'s', async () => {
  await tell(shop, purchase({ id: 'ref-jpy', currency: 'JPY', total: '1000' }), purchase({ id: 'ref-usd', currency: 'USD', total: '10.00' }));
  for (const [order_id, amount] of [['ref-jpy', '100'], ['ref-usd', '1.50']])
    await tell(shop, { type: 'refund', event_id: id('r'), refund: { id: 'bare', order_id, amount } });
  assert.deepEqual(await money(shop, 'ref-jpy'), ['partially_refunded', 1000, 100, 900]);
  assert.deepEqual(await money(shop, 'ref-usd'), ['partially_refunded', 10, 1.5, 8.5]);
});

test('the latest cancel event decides; only a reversed one un-cancels', async () => {
  await tell(shop, purchase({ id: 'can-1', codes: ['ANN10'], placed_at: ago(3) }));
  await tell(shop, refund({ id: 'x', order_id: 'can-1', amount: '20.00' }), cancel('can-1', { occurred_at: ago(2) }));
  assert.deepEqual(await money(shop, 'can-1'), ['cancelled', 100, 100, 0]);
  await tell(shop, purchase({ id: 'can-1', codes: ['ANN10'], updated_at: ago(0) }));
  assert.equal((await order(shop, 'can-1')).status, 'cancelled', 'an update does not un-cancel');
  await tell(shop, cancel('can-1', { occurred_at: ago(1), reversed: true }));
  assert.deepEqual(await money(shop, 'can-1'), ['partially_refunded', 100, 20, 80]);
  await tell(shop, cancel('can-1', { occurred_at: ago(1, 60) }));
  assert.equal((await order(shop, 'can-1')).status, 'partially_refunded', 'an older cancel');
  await tell(shop, cancel('can-2', { occurred_at: ago(1) }), purchase({ id: 'can-2' }));
  assert.equal((await order(shop, 'can-2')).status, 'cancelled', 'a cancel before its order');
  await consistent();
});

test('one order under two names is one order', async () => {
  await tell(shop, purchase({ id: '1001', codes: ['ANN10'], aliases: { name: '#1001', checkout_token: 'tok-1' } }));
  await tell(shop, purchase({ id: '#1001', codes: ['ANN10'], aliases: { name: '#1001' } }));
  const all = await rows(shop, "select order_id, status from attrib.conversion_status where order_id in ('1001', '#1001')");
  assert.equal(all.length, 1, JSON.stringify(all));
  await tell(shop, refund({ id: 'via-alias', order_id: '#1001', amount: '10.00' }));
  assert.deepEqual(await money(shop, all[0].order_id), ['partially_refunded', 100, 10, 90]);
  await consistent();
});

test('an edit restates gross', async () => {
  await tell(shop, purchase({ id: 'edit', total: '100.00', codes: ['ANN10'], updated_at: ago(0, 30) }));
  await tell(shop, purchase({ id: 'edit', total: '80.00', codes: ['ANN10'], updated_at: ago(0, 10) }));
  await tell(shop, purchase({ id: 'edit', total: '90.00', codes: ['ANN10'], updated_at: ago(0, 20) }));
  assert.deepEqual(await money(shop, 'edit'), ['paid', 80, 0, 80]);
  await consistent();
});

test('a group that an observation lacks does not compete, an empty list does', async () => {
  await tell(shop, purchase({ id: 'grp', codes: ['ANN10'], updated_at: ago(0, 30) }));
  await tell(shop, { type: 'purchase', event_id: id('grp'), order: { id: 'grp', status: 'paid', updated_at: ago(0, 20) } });
  assert.deepEqual([await winner(shop, 'grp'), ...(await money(shop, 'grp'))], ['ann:code', 'paid', 100, 0, 100]);
  await tell(shop, purchase({ id: 'grp', codes: [], updated_at: ago(0, 10) }));
  assert.equal(await winner(shop, 'grp'), 'null:unattributed');
});

test('2,500 events in one batch; two write keys', async () => {
  const batch = Array.from({ length: 2500 }, (_, i) => purchase({ id: `big-${i}`, total: '1.00' }));
  await tell(shop, batch);
  const [n] = await rows(shop, "select count(*)::int as n, sum(gross) as gross from attrib.conversion_status where order_id like 'big-%'");
  assert.deepEqual(n, { n: 2500, gross: 2500 });
  assert.ok(WRITE_KEY);
});
