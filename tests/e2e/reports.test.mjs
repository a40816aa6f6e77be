// Reports beyond the contract's, as one shop's story over HTTP: whose claims overlap, what platforms
// claim, what was refunded when and from whom, and how good the traffic is.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ago, cancel, click, purchase, refund, rows, tell, visit } from './contract.mjs';
import { BROWSER, CATALOG, Shop } from './support.mjs';

const local = (at) => new Date(at).toLocaleDateString('sv-SE', { timeZone: 'Europe/Berlin' });
// at noon, so that no two of them share a local day
const at = Object.fromEntries([22, 21, 20, 19, 10, 5, 3, 2, 1].map((days) => [days, `${ago(days).slice(0, 10)}T12:00:00Z`]));
const on = (days) => local(at[days]);

let shop;
before(async () => {
  shop = await Shop.open({ catalog: CATALOG });
  await tell(shop,
    click('ann-link', at[22], { visitor_id: 'v1' }), click('bob-link', at[21], { visitor_id: 'v1' }),
    purchase({ id: 'r1', codes: ['ANN10'], aliases: { name: '#R1' } }, { visitor_id: 'v1', occurred_at: at[20] }),
    purchase({ id: 'r2', total: '50.00' }, { visitor_id: 'v1', occurred_at: at[19] }),
    purchase({ id: 'r3', total: '30.00' }, { occurred_at: at[19] }),
    purchase({ id: 'r4', total: '20.00', codes: ['ANN10'], test: true }, { occurred_at: at[19] }));
});
after(() => shop.close());

const report = async (name, ...args) => JSON.parse(await shop.cli('report', name, '--site', 'acme', '--format', 'json', ...args, '-c', shop.config));
const numbers = (row, ...names) => names.map((name) => (row[name] === null ? null : Number(row[name])));

test('two creators claim the same orders; each is credited with one', async () => {
  const [pair, ...others] = await report('overlap_creators');
  assert.deepEqual(others, []);
  assert.deepEqual([pair.creator_a, pair.creator_b, pair.currency], ['ann', 'bob', 'EUR']);
  assert.deepEqual(numbers(pair, 'orders', 'gross', 'credited_a', 'credited_a_gross', 'credited_b', 'credited_b_gross', 'credited_neither'), [2, 150, 1, 100, 1, 50, 0]);
  const own = await report('double_count_by_creator');
  assert.deepEqual(own.map((r) => [r.creator, ...numbers(r, 'claims', 'claimed_revenue', 'credited_orders', 'credited_revenue', 'overstated_orders', 'overstated_revenue')]),
    [['bob', 2, 150, 1, 50, 1, 100], ['ann', 2, 150, 1, 100, 1, 50]]);
  const [channels] = await report('overlap_channels', '--from', on(20), '--to', on(20));
  assert.deepEqual([channels.channel_a, channels.channel_b, Number(channels.orders)], ['code', 'link', 1]);
});

test('claims of outside platforms: what was decided of each, and what they add up to', async () => {
  await shop.import('order_claim', `site,order_id,platform,creator,amount,currency
acme,#R1,instagram,ann,100.00,EUR
acme,r2,instagram,ann,50.00,EUR
acme,r3,instagram,ann,30.00,EUR
acme,r4,instagram,ann,20.00,EUR
acme,r9,instagram,ann,10.00,EUR
acme,r1,tiktok,,,
`);
  const claims = await report('outside_claim');
  assert.deepEqual(claims.map((c) => [c.platform, c.order_id, c.matched_order, c.verdict, c.also_claimed_by]), [
    ['instagram', '#R1', 'r1', 'same creator', 'tiktok'],
    ['instagram', 'r2', 'r2', 'another creator: bob', null],
    ['instagram', 'r3', 'r3', 'unattributed', null],
    ['instagram', 'r4', 'r4', 'not counted: test', null],
    ['instagram', 'r9', null, 'unknown order', null],
    ['tiktok', 'r1', 'r1', 'creator not said: ann', 'instagram/ann'],
  ]);
  assert.equal(claims.find((c) => c.order_id === 'r9').status, null, 'an order that nobody knows has no status');
  const sums = await report('double_count_outside');
  assert.deepEqual(sums.map((s) => [s.platform, ...numbers(s, 'claims', 'claimed_revenue', 'confirmed_orders', 'confirmed_revenue', 'overstated_orders', 'overstated_revenue')]), [
    ['instagram', 5, 210, 1, 100, 4, 110],
    ['tiktok', 1, 100, 1, 100, 0, 0],
    [null, 6, 310, 1, 100, 5, 210],
  ]);
});

test('refund, void, cancel and un-cancel stand on their own days', async () => {
  await tell(shop,
    refund({ id: 'x2', order_id: '#R1', amount: '10.00' }, { occurred_at: at[1] }),
    cancel('r1', { occurred_at: at[3] }), cancel('r1', { occurred_at: at[2], reversed: true }),
    refund({ id: 'x1', order_id: 'r1', amount: '30.00', status: 'void' }, { occurred_at: at[5] }),
    refund({ id: 'x1', order_id: 'r1', amount: '30.00' }, { occurred_at: at[10] }));
  const list = await report('adjustment');
  assert.deepEqual(list.map((a) => [local(a.occurred_at), a.type, ...numbers(a, 'amount', 'refunded_after')]), [
    [on(10), 'refund', 30, 30], [on(5), 'void', -30, 0], [on(3), 'cancel', 100, 100],
    [on(2), 'uncancel', -100, 0], [on(1), 'refund', 10, 10]]);
  const linear = await rows(shop, `select creator, type, sum(amount) as amount from attrib.adjustment_credit
    where model = 'linear' group by creator, type, occurred_at order by creator, occurred_at`);
  assert.deepEqual(linear.filter((a) => a.creator === 'bob').map((a) => a.amount), [10, -10, 33.33, -33.33, 3.33]);
  assert.deepEqual(linear.filter((a) => a.creator === 'ann').map((a) => a.amount), [20, -20, 66.67, -66.67, 6.67]);
  assert.deepEqual(await shop.query('select * from attrib.check_adjustments()'), []);
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
});

test('money by the date of the order, of the touch, of the refund', async () => {
  const money = async (days, by) => (await report('creator_money', '--from', on(days), '--to', on(days), '--by', by))
    .filter((r) => r.model === 'policy').map((r) => [r.creator, ...numbers(r, 'gross', 'refunded', 'net')]);
  assert.deepEqual(await money(20, 'order'), [['ann', 100, 10, 90]]);
  assert.deepEqual(await money(20, 'refund'), [['ann', 100, 0, 100]]);
  assert.deepEqual(await money(10, 'refund'), [['ann', 0, 30, -30]]);
  assert.deepEqual(await money(3, 'refund'), [['ann', 0, 100, -100]]);
  assert.deepEqual(await money(21, 'touch'), [['bob', 50, 0, 50]]);
  assert.deepEqual(await money(21, 'order'), []);
  const [books] = await rows(shop, "select net from attrib.roi_between('acme', $1, $1, 'policy', 'net', 'refund') where creator = 'ann'", [on(5)]);
  assert.deepEqual(books, { net: 30 });
});

test('traffic: raw is valid, suspect and filtered; what suspect touches earned', async () => {
  for (const agent of [BROWSER, BROWSER, 'Googlebot/2.1 (+http://www.google.com/bot.html)'])
    assert.equal((await shop.click('bob-link', { headers: { 'user-agent': agent } })).response.status, 302);
  await tell(shop, visit('https://shop.example/?ref=bob&gclid=G1', at[2], { visitor_id: 'v5' }),
    purchase({ id: 'r5', total: '40.00' }, { visitor_id: 'v5', occurred_at: at[1] }));
  const quality = await report('traffic_quality', '--from', on(2), '--to', local(Date.now()));
  const of = (tracker) => numbers(quality.find((q) => q.tracker === tracker), 'raw', 'valid', 'suspect', 'filtered');
  assert.deepEqual(of('bob-link'), [3, 2, 0, 1]);
  assert.deepEqual(of('bob'), [1, 0, 1, 0]);
  const reasons = await report('traffic_reason');
  assert.deepEqual(reasons.map((r) => [r.tracker, r.type, r.class, r.reason, Number(r.events)]).sort(),
    [['bob', 'visit', 'suspect', 'paid_ad', 1], ['bob-link', 'click', 'filtered', 'bot', 1]]);
  const [suspect, ...others] = await report('suspect_credit');
  assert.deepEqual([suspect.creator, suspect.reason, ...numbers(suspect, 'orders', 'net', 'only_suspect')], ['bob', 'paid_ad', 1, 40, 1]);
  assert.deepEqual(others, []);
});
