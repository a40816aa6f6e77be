// Settings that change what counts, each on a site of its own beside the defaults.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ago, click, id, purchase, rows, visit } from './contract.mjs';
import { BROWSER, Shop } from './support.mjs';

const SETTINGS = {
  all: 'model.scope = all', first: 'repeat_orders = first', created: 'count_at = created', ignore: 'browser_orders = ignore',
  count: 'browser_orders = count', partial: 'customer_history = partial', renew: 'renewals = all', months: 'renewals = months:3',
  short: 'window.link = 1d\nwindow.affiliate = 2d\nwindow.utm = 3d\nwindow.view = 4d', param: 'affiliate_params = partner',
  rule: 'code_rule = fallback', lead: 'lead_window = 5d',
};

let shop;
before(async () => {
  const sites = Object.keys(SETTINGS);
  shop = await Shop.open({
    site: Object.entries(SETTINGS).map(([name, text]) => `[site ${name}]\nwrite_key = ${name}-secret-key, ${name}-second-key\npublic_key = ${name}-public\ncustomer_history = ${name === 'partial' ? 'partial' : 'complete'}\n${name === 'partial' ? '' : text}\n`).join(''),
    catalog: {
      creator: `site,handle\n${sites.map((s) => `${s},ann\n${s},bob\n`).join('')}`,
      tracker: `site,kind,key,creator,destination\n${sites.map((s) => `${s},link,${s}-ann,ann,https://shop.example/\n${s},link,${s}-bob,bob,https://shop.example/\n${s},affiliate,ann,ann,\n${s},utm,x/y,ann,\n${s},code,ANN10,ann,\n`).join('')}`,
    },
  });
});
after(() => shop.close());

async function tell(site, ...events) {
  const response = await shop.events(events.flat(), { key: `${site}-second-key` });
  const answer = await response.json();
  assert.deepEqual([response.status, answer.rejected], [200, []], JSON.stringify(answer));
  return shop.quiet();
}
const status = async (site, order_id) => (await rows(shop, 'select * from attrib.conversion_status where site = $1 and order_id = $2', [site, order_id]))[0];
const credit = async (site, order_id, model = 'policy') => (await rows(shop, `select creator, channel, tracker, share, gross from attrib.order_credit
  where site = $1 and order_id = $2 and model = $3 order by touched_at, creator`, [site, order_id, model])).map((c) => `${c.creator}:${c.channel}`).join(' ');
const pixel = (site, params) => fetch(`${shop.base}/p.gif?${new URLSearchParams({ site, ...params })}`, { headers: { 'user-agent': BROWSER } });
const bought = (order_id, total = '100.00') => ({ e: 'purchase', 'order.id': order_id, 'order.currency': 'EUR', 'order.total': total });

test('model.scope = all: unowned utm takes shares, and never the policy\'s from an owner', async () => {
  await tell('all', click('all-ann', ago(2), { visitor_id: 'v' }), visit('https://s.example/?utm_source=news&utm_medium=mail', ago(1), { visitor_id: 'v' }), purchase({ id: 'o' }, { visitor_id: 'v' }));
  assert.equal(await credit('all', 'o'), 'ann:link');
  assert.equal(await credit('all', 'o', 'linear'), 'ann:link null:other');
});

test('repeat_orders = first: a touch earns its first order only, a code always', async () => {
  await tell('first', click('first-ann', ago(3), { visitor_id: 'v' }), purchase({ id: 'o1', placed_at: ago(2) }, { visitor_id: 'v' }), purchase({ id: 'o2', placed_at: ago(1) }, { visitor_id: 'v' }),
    purchase({ id: 'o3', codes: ['ANN10'] }, { visitor_id: 'v' }));
  assert.deepEqual([await credit('first', 'o1'), await credit('first', 'o2'), await credit('first', 'o3')], ['ann:link', 'null:unattributed', 'ann:code']);
  await tell('first', { type: 'cancel', event_id: id('x'), order_id: 'o1' });
  const [order] = await rows(shop, "select eligible, reason from attrib.path_step where site = 'first' and order_id = 'o2'");
  assert.ok(order.reason);
});

test('count_at = created: a pending order counts, by the day it was placed', async () => {
  await tell('created', purchase({ id: 'o', status: 'pending', placed_at: ago(3), codes: ['ANN10'] }));
  assert.equal(await credit('created', 'o'), 'ann:code');
  const row = await status('created', 'o');
  assert.equal(row.status, 'pending');
  assert.equal(row.counted_at.toISOString(), row.placed_at.toISOString());
});

test('browser_orders: ignore and count', async () => {
  assert.equal((await pixel('ignore', { vid: 'v', ...bought('o') })).status, 200);
  assert.equal((await pixel('count', { vid: 'v', ...bought('o') })).status, 200);
  await shop.quiet();
  assert.equal(await status('ignore', 'o'), undefined);
  assert.equal((await status('count', 'o')).status, 'paid');
  await tell('count', purchase({ id: 'o', total: '90.00' }));
  assert.equal((await status('count', 'o')).gross, 90, 'the signed word wins');
});

test('customer_history = partial: a first sighting is unknown until customers are imported', async () => {
  await tell('partial', purchase({ id: 'p1', placed_at: ago(2) }, { customer_id: 'c1' }), purchase({ id: 'p2', placed_at: ago(1) }, { customer_id: 'c1' }));
  assert.deepEqual([(await status('partial', 'p1')).customer_kind, (await status('partial', 'p2')).customer_kind], ['unknown', 'returning']);
});

test('renewals', async () => {
  await tell('renew', purchase({ id: 'o', kind: 'renewal', codes: ['ANN10'] }));
  assert.equal(await credit('renew', 'o'), 'ann:code');
  await tell('months', purchase({ id: 'o0', kind: 'first', placed_at: ago(20), codes: ['ANN10'] }, { customer_id: 'c' }), purchase({ id: 'o', kind: 'renewal', codes: ['ANN10'] }, { customer_id: 'c' }));
  assert.equal(await credit('months', 'o'), 'ann:code');
});

test('windows by channel', async () => {
  const at = (n, event) => [{ ...event, visitor_id: `v${n}` }, purchase({ id: `o${n}` }, { visitor_id: `v${n}` })];
  await tell('short', ...at(1, click('short-ann', ago(0, 1430))), ...at(2, click('short-ann', ago(1, 10))), ...at(3, visit('https://s.example/?ref=ann', ago(1, 1400))),
    ...at(4, visit('https://s.example/?ref=ann', ago(2, 10))), ...at(5, visit('https://s.example/?utm_source=x&utm_medium=y', ago(2, 1400))), ...at(6, visit('https://s.example/?utm_source=x&utm_medium=y', ago(3, 10))),
    ...at(7, { type: 'view', event_id: id('view'), link: 'short-ann', occurred_at: ago(3, 1400) }), ...at(8, { type: 'view', event_id: id('view'), link: 'short-ann', occurred_at: ago(4, 10) }));
  const got = [];
  for (let i = 1; i <= 8; i++) got.push(await credit('short', `o${i}`));
  assert.deepEqual(got, ['ann:link', 'null:unattributed', 'ann:affiliate', 'null:unattributed', 'ann:utm', 'null:unattributed', 'ann:view', 'null:unattributed']);
});

test('affiliate_params and revenue_basis', async () => {
  await tell('param', visit('https://s.example/?ref=ann', ago(1), { visitor_id: 'v1' }), visit('https://s.example/?partner=ann', ago(1), { visitor_id: 'v2' }),
    purchase({ id: 'o1' }, { visitor_id: 'v1' }), purchase({ id: 'o2' }, { visitor_id: 'v2' }));
  assert.deepEqual([await credit('param', 'o1'), await credit('param', 'o2')], ['null:unattributed', 'ann:affiliate']);
  await tell('rule', click('rule-bob', ago(1), { visitor_id: 'v' }), purchase({ id: 'o', codes: ['ANN10'] }, { visitor_id: 'v' }));
  assert.equal(await credit('rule', 'o'), 'bob:link');
});

test('a lead keeps its creator for the first order inside lead_window', async () => {
  const lead = (n, days) => [click('lead-ann', ago(40 + days), { visitor_id: `v${n}` }), { type: 'lead', event_id: id('lead'), occurred_at: ago(days), visitor_id: `v${n}`, customer_id: `c${n}`, lead: { id: `L${n}` } },
    purchase({ id: `o${n}` }, { customer_id: `c${n}` })];
  await tell('lead', click('lead-ann', ago(3), { visitor_id: 'z' }), { type: 'lead', event_id: id('lead'), occurred_at: ago(2), visitor_id: 'z', lead: { id: 'LZ' } }, ...lead(1, 2));
  const [row] = await rows(shop, "select count(*)::int as n from attrib.conversion_status where site = 'lead' and kind = 'lead'");
  assert.equal(row.n, 2);
});
