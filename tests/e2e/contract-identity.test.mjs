// Corners of identity, trust and the redirect, by the contract.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ago, cancel, click, credits, id, money, order, path, purchase, refund, rows, tell, visit, winner } from './contract.mjs';
import { BROWSER, CATALOG, Shop } from './support.mjs';

let shop;
before(async () => { shop = await Shop.open({ settings: 'trusted_proxies = 127.0.0.0/8', catalog: CATALOG }); });
after(() => shop.close());

const consistent = async () => assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
const pixel = (params) => shop.pixel(params);

test('a shared device: a touch belongs to the customer with the earliest edge at or after it, else the latest before', async () => {
  const on = (customer_id, occurred_at) => ({ type: 'identify', event_id: id('i'), visitor_id: 'dev', customer_id, occurred_at });
  await tell(shop, click('ann-link', ago(5), { visitor_id: 'dev' }), on('mum', ago(4)), click('bob-link', ago(3), { visitor_id: 'dev' }), on('dad', ago(2)),
    purchase({ id: 'mum-1' }, { customer_id: 'mum' }), purchase({ id: 'dad-1' }, { customer_id: 'dad' }));
  assert.equal(await winner(shop, 'mum-1'), 'ann:link');
  assert.equal(await winner(shop, 'dad-1'), 'bob:link');
});

test('a provisional order is shown, in no sum, and confirmed by a signed one with the same id', async () => {
  await pixel({ e: 'visit', vid: 'prov', url: 'https://shop.example/?ref=ann' });
  await pixel({ e: 'purchase', vid: 'prov', 'order.id': 'prov', 'order.currency': 'EUR', 'order.total': '50.00' });
  await shop.quiet();
  assert.deepEqual(await money(shop, 'prov'), ['provisional', 50, 0, 50]);
  assert.deepEqual(await credits(shop, 'prov'), []);
  await tell(shop, purchase({ id: 'prov', total: '60.00' }));
  assert.deepEqual(await money(shop, 'prov'), ['paid', 60, 0, 60]);
  assert.equal(await winner(shop, 'prov'), 'ann:affiliate', 'the visitor of the page counts');
});

test('a click id credits the order that carries it and makes no identity', async () => {
  const clicked = await shop.click('bob-link');
  await shop.quiet();
  await tell(shop, purchase({ id: 'cl-1' }, { customer_id: 'cl', click_id: clicked.click }), purchase({ id: 'cl-2' }, { customer_id: 'cl' }));
  assert.equal(await winner(shop, 'cl-1'), 'bob:link');
  assert.equal(await winner(shop, 'cl-2'), 'null:unattributed');
});

test('the token of a cart leads from the order to the visitor who filled it, and links no customer', async () => {
  await pixel({ e: 'visit', vid: 'cart-v', url: 'https://shop.example/?ref=ann' });
  await pixel({ e: 'cart', vid: 'cart-v', cart_token: 'c-4711' });
  await pixel({ e: 'checkout', vid: 'guess', checkout_token: 'tok-2' });
  await shop.quiet();
  await tell(shop, purchase({ id: 'tok-1', aliases: { cart_token: 'c-4711' } }, { customer_id: 'tok' }),
    purchase({ id: 'tok-2' }, { customer_id: 'tok' }));
  assert.equal(await winner(shop, 'tok-1'), 'ann:affiliate');
  assert.equal(await winner(shop, 'tok-2'), 'null:unattributed', 'an order id is no token');
});

test('a pixel with the cookie: the cookie beats vid', async () => {
  const clicked = await shop.click('ann-link');
  await shop.pixel({ e: 'visit', vid: 'someone-else', url: 'https://shop.example/?ref=bob' }, { headers: { cookie: `attr_vid=${clicked.cookie}` } });
  await shop.quiet();
  await tell(shop, purchase({ id: 'ck-1' }, { visitor_id: clicked.cookie }), purchase({ id: 'ck-2' }, { visitor_id: 'someone-else' }));
  assert.equal(await winner(shop, 'ck-1'), 'bob:affiliate');
  assert.equal(await winner(shop, 'ck-2'), 'null:unattributed');
});

test('touches after the order, and of nobody, are on the path with their reason', async () => {
  await tell(shop, visit('https://shop.example/?ref=nobody', ago(3), { visitor_id: 'pa' }), visit('https://shop.example/?ref=ann', ago(2), { visitor_id: 'pa' }),
    purchase({ id: 'pa', placed_at: ago(1), codes: ['NOPE'] }, { visitor_id: 'pa' }), visit('https://shop.example/?ref=bob', ago(0, 5), { visitor_id: 'pa' }));
  const steps = await path(shop, 'pa');
  assert.deepEqual(steps.filter((s) => s.eligible).map((s) => s.creator), ['ann']);
  assert.ok(steps.some((s) => s.tracker === 'nobody' && !s.eligible && s.creator === null));
  assert.ok(steps.every((s) => s.reason), JSON.stringify(steps));
});

test('a bot\'s click is on the path and not eligible; a signed order that carries its click id lifts that', async () => {
  const clicked = await shop.click('ann-link', { headers: { 'user-agent': 'curl/8.0' } });
  await shop.quiet();
  await tell(shop, purchase({ id: 'bot-1' }, { click_id: clicked.click }));
  assert.equal(await winner(shop, 'bot-1'), 'ann:link');
  const other = await shop.click('ann-link', { headers: { 'user-agent': 'Googlebot/2.1' } });
  if (other.cookie) {
    await tell(shop, purchase({ id: 'bot-2' }, { visitor_id: other.cookie }));
    assert.equal(await winner(shop, 'bot-2'), 'null:unattributed');
  }
});

test('zero and empty keys are no keys', async () => {
  await tell(shop, click('ann-link', ago(1), { visitor_id: 'zero' }), { type: 'identify', event_id: id('z'), visitor_id: 'zero', customer_id: '0' },
    purchase({ id: 'z1' }, { customer_id: '0' }), purchase({ id: 'z2' }, { customer_id: '0', email: '' }));
  assert.equal(await winner(shop, 'z1'), 'null:unattributed');
  assert.equal((await order(shop, 'z2')).customer_kind, 'unknown');
});

test('repeats change nothing, whatever their order', async () => {
  const events = [click('ann-link', ago(3), { visitor_id: 'rep' }), purchase({ id: 'rep', codes: ['BOB10'], placed_at: ago(2) }, { visitor_id: 'rep', customer_id: 'rep' }),
    refund({ id: 'rep', order_id: 'rep', amount: '10.00' }, { occurred_at: ago(1) }), cancel('rep', { occurred_at: ago(1) }), cancel('rep', { occurred_at: ago(0, 30), reversed: true })];
  await tell(shop, events);
  const state = async () => ({ money: await money(shop, 'rep'), credits: await credits(shop, 'rep', 'linear'), path: await path(shop, 'rep'),
    traffic: await rows(shop, 'select sum(clicks)::int as clicks from attrib.traffic_daily'), dc: await rows(shop, 'select * from attrib.double_count') });
  const once = await state();
  assert.deepEqual(once.money, ['partially_refunded', 100, 10, 90]);
  await tell(shop, [...events].reverse());
  await tell(shop, events[3]);
  await shop.restart();
  await tell(shop, events);
  assert.deepEqual(await state(), once);
  await consistent();
});

test('an order is known by its aliases, to those too who know nothing else', async () => {
  const plain = (order_id, more) => purchase({ id: order_id, codes: ['ANN10'], total: '10.00', ...more });
  await tell(shop, plain('5001', { aliases: { name: '#1001', checkout_token: 'tok' } }));
  await tell(shop, plain('#1001'), plain('tok'));
  await tell(shop, plain('#1002'));
  await pixel({ e: 'purchase', vid: 'al', 'order.id': '#1003', 'order.currency': 'EUR', 'order.total': '10.00' });
  await tell(shop, plain('5002', { aliases: { name: '#1002' } }), plain('5003', { aliases: { name: '#1003' } }));
  await tell(shop, refund({ id: 'al', order_id: '#1002', amount: '4.00' }), cancel('tok'));
  const all = await rows(shop, "select order_id, status, net from attrib.conversion_status where order_id like '500_' or order_id like '#100_' or order_id = 'tok' order by status");
  assert.deepEqual(all.map((r) => [r.order_id, r.status, r.net]), [['5001', 'cancelled', 0], ['5003', 'paid', 10], ['5002', 'partially_refunded', 6]], JSON.stringify(all));
  await consistent();
});

test('a number is no id: another order may have it', async () => {
  await tell(shop, purchase({ id: '91', total: '10.00', aliases: { number: '90' } }), purchase({ id: '90', total: '20.00', aliases: { number: '89' } }));
  assert.deepEqual([await money(shop, '91'), await money(shop, '90')], [['paid', 10, 0, 10], ['paid', 20, 0, 20]]);
});

test('one text of two kinds is two aliases, and a cart leads to the order of either', async () => {
  await tell(shop, visit('https://shop.example/?ref=ann', ago(2), { visitor_id: 'kinds' }), { type: 'cart', event_id: id('cart'), occurred_at: ago(1), visitor_id: 'kinds', cart_token: 'same' },
    purchase({ id: 'kind-a', total: '10.00', aliases: { cart_token: 'same' } }), purchase({ id: 'kind-b', total: '20.00', aliases: { transaction_id: 'same' } }));
  assert.deepEqual([await money(shop, 'kind-a'), await money(shop, 'kind-b')], [['paid', 10, 0, 10], ['paid', 20, 0, 20]]);
  assert.equal(await winner(shop, 'kind-a'), 'ann:affiliate');
  await tell(shop, visit('https://shop.example/?ref=bob', ago(1, 30), { visitor_id: 'kinds' }));
  assert.equal(await winner(shop, 'kind-a'), 'bob:affiliate', 'a touch that comes later finds the order through the cart');
  await tell(shop, purchase({ id: 'same', total: '5.00' }));
  assert.equal(await money(shop, 'kind-b'), undefined, 'an order of that id is both');
});

test('strangers\' times are clamped, the shop\'s are kept', async () => {
  await tell(shop, click('ann-link', ago(200), { visitor_id: 'old' }), purchase({ id: 'old-1', placed_at: ago(190) }, { visitor_id: 'old' }),
    click('ann-link', new Date(Date.now() + 86400e3).toISOString(), { visitor_id: 'future' }));
  const row = await order(shop, 'old-1');
  assert.equal(row.placed_at.toISOString().slice(0, 10), ago(190).slice(0, 10));
  const [traffic] = await rows(shop, "select max(day) <= current_date + 1 as ok from attrib.traffic_daily");
  assert.equal(traffic.ok, true);
});

test('a unicode link, affiliate id and code', async () => {
  await shop.import('tracker', 'site,kind,key,creator,destination\nacme,affiliate,Жанна,ann,\nacme,code,ИЗАБЕЛЛА-10,bob,\n');
  await new Promise((done) => setTimeout(done, 1500));
  await tell(shop, visit(`https://shop.example/?ref=${encodeURIComponent('ЖАННА')}`, ago(1), { visitor_id: 'uni' }), purchase({ id: 'uni-1' }, { visitor_id: 'uni' }), purchase({ id: 'uni-2', codes: ['изабелла-10'] }));
  assert.equal(await winner(shop, 'uni-1'), 'ann:affiliate');
  assert.equal(await winner(shop, 'uni-2'), 'bob:code');
});
