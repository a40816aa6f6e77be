// Corners of the contract: edges to the microsecond, ties by bytes, names that are two things, days with
// 25 hours, and reports that add up to the orders.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ago, cancel, click, id, money, order, path, purchase, refund, rows, tell, visit, winner } from './contract.mjs';
import { CATALOG, Shop, WRITE_KEY } from './support.mjs';

let shop;
before(async () => {
  shop = await Shop.open({
    site: 'exclude = test, zero_total, tag:Gift Card, source:pos, kind:draft\nlock_after = 366d\n',
    catalog: { ...CATALOG, campaign: `${CATALOG.campaign}acme,empty,,,,,\n`, cost: `site,cost_id,campaign,creator,kind,amount,currency,incurred_on
acme,1,spring,ann,fee,30.00,EUR,2026-01-01
acme,2,spring,,agency,20.01,EUR,2026-01-01
acme,3,empty,,fee,9.00,EUR,2026-01-01
acme,4,,,other,3.00,EUR,2026-01-01
` },
  });
});
after(() => shop.close());

const consistent = async () => {
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
  assert.deepEqual(await shop.query('select * from attrib.check_adjustments()'), []);
};

test('a window and the collapse end at the microsecond', async () => {
  const at = [['in', '2026-10-02T05:00:00.000002Z'], ['out', '2026-10-02T05:00:00.000001Z'], ['same', '2026-11-01T05:00:00.000001Z'], ['after', '2026-11-01T05:00:00.000002Z']];
  for (const [who, clicked] of at)
    await tell(shop, click('ann-link', clicked, { visitor_id: `edge-${who}` }), purchase({ id: `edge-${who}`, placed_at: '2026-11-01T05:00:00.000001Z' }, { visitor_id: `edge-${who}` }));
  const got = [];
  for (const [who] of at) got.push([await winner(shop, `edge-${who}`), (await path(shop, `edge-${who}`))[0].reason]);
  assert.deepEqual(got, [['ann:link', 'eligible'], ['null:unattributed', 'older than the window'], ['ann:link', 'eligible'], ['null:unattributed', 'after the order was placed']]);
  for (const [who, first, credits] of [['two', '2026-11-01T04:30:00.000000Z', 2], ['one', '2026-11-01T04:30:00.000001Z', 1]]) {
    await tell(shop, click('ann-link', first, { visitor_id: who }), click('ann-link', '2026-11-01T05:00:00Z', { visitor_id: who }), purchase({ id: who, placed_at: '2026-11-01T06:00:00Z' }, { visitor_id: who }));
    const [{ n }] = await rows(shop, "select count(*)::int as n from attrib.order_credit where order_id = $1 and model = 'linear'", [who]);
    assert.equal(n, credits, who);
  }
});

test('at one instant the greater id is newer, as bytes', async () => {
  const t = ago(1);
  for (const [who, ann, bob, wins] of [['case', 'tie-a', 'tie-Z', 'ann:link'], ['utf8', 'tie-é', 'tie-z', 'ann:link'], ['digits', 'tie-10', 'tie-9', 'bob:link']]) {
    await tell(shop, { ...click('ann-link', t, { visitor_id: who }), event_id: ann }, { ...click('bob-link', t, { visitor_id: who }), event_id: bob }, purchase({ id: `tie-${who}` }, { visitor_id: who }));
    assert.equal(await winner(shop, `tie-${who}`), wins, who);
  }
});

test('a refund goes to the order of that id, once there is one', async () => {
  await tell(shop, purchase({ id: 'num-a', aliases: { number: '5001' } }), refund({ id: 'r', order_id: '5001', amount: '10.00' }));
  assert.deepEqual(await money(shop, 'num-a'), ['partially_refunded', 100, 10, 90]);
  await tell(shop, purchase({ id: '5001' }));
  assert.deepEqual([await money(shop, 'num-a'), await money(shop, '5001')], [['paid', 100, 0, 100], ['partially_refunded', 100, 10, 90]]);
  await consistent();
});

test('refunds of merged orders are one sum; one id of one source is one refund', async () => {
  await tell(shop, purchase({ id: '#M1', codes: ['ANN10'] }), refund({ id: 'x', order_id: '#M1', amount: '10.00' }, { occurred_at: ago(0, 5) }));
  await tell(shop, purchase({ id: 'M1', codes: ['ANN10'], aliases: { name: '#M1' } }), refund({ id: 'x', order_id: 'M1', amount: '10.00' }, { occurred_at: ago(0, 4) }), refund({ id: 'y', order_id: 'M1', amount: '5.00' }));
  assert.deepEqual([await money(shop, 'M1'), await money(shop, '#M1')], [['partially_refunded', 100, 15, 85], undefined]);
  await consistent();
});

test('a refund counts while it is in the order\'s currency', async () => {
  const before = (await shop.status()).quarantined;
  const aside = async () => (await shop.status()).quarantined - before;
  await tell(shop, refund({ id: 'u', order_id: 'cur', amount: '10.00', currency: 'USD' }));
  assert.equal(await aside(), 0, 'it waits for its order');
  await tell(shop, purchase({ id: 'cur', updated_at: ago(0, 50) }));
  assert.deepEqual([await money(shop, 'cur'), await aside()], [['paid', 100, 0, 100], 1]);
  await tell(shop, purchase({ id: 'cur', currency: 'USD', updated_at: ago(0, 40) }));
  assert.deepEqual([await money(shop, 'cur'), await aside()], [['partially_refunded', 100, 10, 90], 0]);
  await consistent();
});

test('exclude by tag, source, kind and zero total; a later word brings an order back', async () => {
  const cases = [[{ tags: ['vip', 'GIFT card '] }, 'excluded tag'], [{ tags: 'a, gift card' }, 'excluded tag'], [{ tags: ['gift', 'card'] }, null], [{ source: 'POS' }, 'excluded source'],
    [{ kind: 'draft' }, 'excluded kind'], [{ total: '0.00' }, 'zero total'], [{ total: '5.00', tax: '5.00' }, null]];
  await tell(shop, cases.map(([what], i) => purchase({ id: `ex-${i}`, ...what })));
  for (const [i, [, reason]] of cases.entries()) {
    const row = await order(shop, `ex-${i}`);
    assert.deepEqual([row.status, row.reason], [reason ? 'excluded' : 'paid', reason], JSON.stringify(cases[i]));
  }
  await tell(shop, purchase({ id: 'ex-back', tags: ['gift card'], updated_at: ago(0, 50) }, { customer_id: 'ex' }));
  assert.equal((await order(shop, 'ex-back')).customer_kind, 'unknown');
  await tell(shop, purchase({ id: 'ex-back', tags: [], updated_at: ago(0, 40) }, { customer_id: 'ex' }));
  const back = await order(shop, 'ex-back');
  assert.deepEqual([back.status, back.customer_kind], ['paid', 'new']);
  await consistent();
});

test('who is new follows refunds, voids and older orders', async () => {
  const who = { customer_id: 'kinds' };
  const kinds = async () => Promise.all(['k1', 'k2', 'k3'].map(async (k) => (await order(shop, k))?.customer_kind));
  await tell(shop, purchase({ id: 'k2', placed_at: ago(5) }, who), purchase({ id: 'k3', placed_at: ago(4) }, who));
  assert.deepEqual(await kinds(), [undefined, 'new', 'returning']);
  await tell(shop, purchase({ id: 'k1', placed_at: ago(8) }, who));
  assert.deepEqual(await kinds(), ['new', 'returning', 'returning']);
  await tell(shop, refund({ id: 'all', order_id: 'k1', amount: '100.00' }));
  assert.deepEqual(await kinds(), ['unknown', 'new', 'returning']);
  await tell(shop, refund({ id: 'all', order_id: 'k1', amount: '100.00', status: 'void' }), cancel('k2'));
  assert.deepEqual(await kinds(), ['new', 'unknown', 'returning']);
  await consistent();
});

test('days of 25 and of 23 hours begin and end at local midnight', async () => {
  const seen = ['2026-10-24T21:59:59.999999Z', '2026-10-24T22:00:00Z', '2026-10-25T22:59:59Z', '2026-10-25T23:00:00Z', '2026-03-28T22:59:59Z', '2026-03-28T23:00:00Z', '2026-03-29T21:59:59Z', '2026-03-29T22:00:00Z'];
  await tell(shop, seen.map((at) => visit('https://shop.example/?ref=Days', at)));
  const days = await rows(shop, "select to_char(day, 'MM-DD') as day, visits from attrib.traffic_daily where tracker = 'days' order by day");
  assert.deepEqual(days.map((d) => [d.day, d.visits]), [['03-28', 1], ['03-29', 2], ['03-30', 1], ['10-24', 1], ['10-25', 2], ['10-26', 1]]);
});

test('roi adds up to order_credit in every model, and to every cost', async () => {
  await tell(shop, click('ann-link', ago(3), { visitor_id: 'roi' }), visit('https://shop.example/?ref=bob', ago(2), { visitor_id: 'roi' }), click('ann-link', ago(1), { visitor_id: 'roi' }),
    purchase({ id: 'roi-1', total: '33.33' }, { visitor_id: 'roi', customer_id: 'roi' }), refund({ id: 'x', order_id: 'roi-1', amount: '10.01' }), purchase({ id: 'roi-2', currency: 'USD', codes: ['BOB10'] }));
  const sums = (from, share) => shop.query(`select model, currency, campaign, creator, sum(gross)::text as gross, sum(refunded)::text as refunded, sum(net)::text as net, trim_scale(sum(${share}))::text as orders
    from attrib.${from} group by 1, 2, 3, 4 having sum(${share}) <> 0 order by 1, 2, 3, 4`);
  const credited = await sums("order_credit where kind = 'order'", 'share');
  assert.ok(credited.length >= 18, `${credited.length} rows`);
  assert.deepEqual(await sums('roi', 'conversions'), credited);
  const costs = await rows(shop, "select model, campaign, sum(cost) as cost from attrib.roi where currency = 'EUR' group by 1, 2 having sum(cost) <> 0 order by 1, 2");
  assert.deepEqual(costs.map((c) => [c.campaign, c.cost]), Array.from({ length: 6 }, () => [['empty', 9], ['spring', 50.01], [null, 3]]).flat());
  const [empty] = await rows(shop, "select roi, cpa, cac from attrib.roi where campaign = 'empty' and model = 'policy'");
  assert.deepEqual(empty, { roi: -1, cpa: null, cac: null });
});

test('NDJSON with one line that is no JSON takes nothing and names the line', async () => {
  const line = () => JSON.stringify(visit('https://shop.example/', ago(0)));
  const { committed } = (await shop.quiet()).journal;
  const response = await fetch(`${shop.base}/v1/events`, { method: 'POST', headers: { authorization: `Bearer ${WRITE_KEY}`, 'content-type': 'application/x-ndjson' }, body: `${line()}\n{bad\n${line()}\n` });
  const answer = await response.json();
  assert.deepEqual([response.status, answer.accepted, answer.rejected.map((r) => [r.index, r.code])], [400, 0, [[1, 'bad_json']]]);
  assert.equal((await shop.status()).journal.committed, committed);
  const batch = Array.from({ length: 2500 }, () => ({ ...visit('https://shop.example/', ago(0)), event_id: id('b') }));
  assert.equal((await shop.events(batch, { type: 'application/x-ndjson' })).status, 200);
  assert.equal((await shop.events([...batch, batch[0]], { type: 'application/x-ndjson' })).status, 413);
});
