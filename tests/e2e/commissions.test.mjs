// Commissions from the rule to the statement: what is earned for real orders, what a payout takes, what a late
// observation and a refund change, and what a creator is shown. docs/commissions.md is run by guides.test.mjs.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ago, click, purchase, refund, rows, tell } from './contract.mjs';
import { CATALOG, Shop } from './support.mjs';

const RULES = `campaign,creator,kind,rate,amount,currency,cap,hold_days,valid_from
,,percent,0.1,,,,7,
,bob,per_order,,2.50,EUR,,7,
spring,ann,percent,0.2,,EUR,30,7,
spring,ann,percent,0.5,,EUR,,7,2031-01-01
`;
const BUYERS = ['carla.customer@example.com', 'dora.customer@example.com', 'emil.customer@example.com'];
let shop;
before(async () => {
  shop = await Shop.open({ catalog: CATALOG });
  await shop.import('commission_rule', RULES);
});
after(() => shop.close());

const commissions = () => rows(shop, `select order_id, creator, campaign, rule, commission, status, reason from attrib.commission_status
  order by order_id, creator`);
const sound = async () => assert.deepEqual(await rows(shop, 'select * from attrib.check_commissions()'), []);
const payout = (...args) => shop.cli('payout', ...args, '-c', shop.config);
const report = async (...args) => JSON.parse(await shop.cli('report', ...args, '--format', 'json', '-c', shop.config));
const sold = (id, days, email, more = {}) => purchase({ id: `order-${id}`, total: '119.00', tax: '19.00', status: 'paid', placed_at: ago(days), ...more },
  { email, occurred_at: ago(days) });

test('a file with mistakes changes nothing, and each is named', async () => {
  await assert.rejects(shop.import('commission_rule', 'kind,rate,amount,currency\npercent,ten,,\nbonus,0.1,,\npercent,0.1,,euro\n'), (error) => {
    assert.equal(error.code, 65);
    assert.match(error.stderr, /:2: rate: expected [^\n]*, got "ten"\n/);
    assert.match(error.stderr, /:3: kind: expected percent, per_order, per_new_customer or per_lead, got "bonus"\n/);
    assert.match(error.stderr, /:4: currency: expected [^\n]*, got "euro"\n[^\n]*nothing was imported/);
    return true;
  });
  await assert.rejects(shop.import('commission_rule', 'kind,rate,amount,currency\npercent,,5,EUR\n'), /:2: .*expected a row with/);
  assert.match(await shop.import('commission_rule', RULES), /4 rows .*0 new, 4 replaced/);
  assert.equal((await rows(shop, 'select * from attrib.commission_rule_history')).length, 4, 'the same again is no new version');
});

test('orders earn by the rule of their scope, and again when rules change', async () => {
  await tell(shop, sold(1, 20, BUYERS[0], { codes: ['ANN10'] }), sold(2, 20, BUYERS[1], { codes: ['BOB10'] }), sold(3, 2, BUYERS[2], { codes: ['ANN10'] }));
  await tell(shop, sold(4, 20, BUYERS[0], { codes: ['ANN10'], total: '1190.00', tax: '190.00' }));
  const earned = (await commissions()).map((c) => [c.order_id, c.creator, c.commission, c.status]);
  assert.deepEqual(earned, [['order-1', 'ann', 20, 'approved'], ['order-2', 'bob', 2.5, 'approved'], ['order-3', 'ann', 20, 'pending'],
    ['order-4', 'ann', 30, 'approved']]);
  await shop.import('commission_rule', 'creator,kind,rate,hold_days\nbob,percent,0.05,7\n');
  assert.deepEqual((await commissions()).filter((c) => c.creator === 'bob').map((c) => [c.rule, c.commission]), [['per_order', 2.5], ['percent', 5]]);
  await shop.query("delete from attrib.commission_rule where creator = 'bob' and kind = 'percent'");
  assert.deepEqual((await commissions()).filter((c) => c.creator === 'bob').map((c) => [c.rule, c.commission]), [['per_order', 2.5], ['percent', 0]]);
  await sound();
});

test('commissions are in cost and roi on the day of their order', async () => {
  const [ann] = await rows(shop, "select cost, net, roi from attrib.roi where model = 'policy' and creator = 'ann'");
  assert.deepEqual(ann, { cost: 70, net: 1200, roi: 1130 / 70 });
  const day = ago(2).slice(0, 10);
  assert.deepEqual((await report('kpi_creator', '--from', day, '--to', day)).map((k) => [k.creator, Number(k.cost)]), [['ann', 20]]);
});

test('two runs at once pay once', async () => {
  const said = await Promise.all(Array.from({ length: 4 }, () => payout('create')));
  assert.deepEqual(said.join('').split('\n').filter((l) => l.startsWith('payout')).sort(), ['payout 1: acme 50.00 EUR to ann, 2 commissions, open',
    'payout 2: acme 2.50 EUR to bob, 1 commission, open']);
  assert.equal(said.filter((s) => s === 'nothing is to be paid\n').length, 3);
  await sound();
});

test('a payout is sent once, or cancelled', async () => {
  assert.match(await payout('paid', '1', '--reference', 'T-1', '--on', '2026-01-31'), /^payout 1: .*, paid\n$/);
  assert.match(await payout('paid', '1', '--reference', 'T-1'), /^payout 1: .*, paid\n$/);
  for (const [args, said] of [[['cancel', '1'], /payout 1 is paid/], [['paid', '1', '--reference', 'T-2'], /was paid with the reference "T-1"/],
    [['cancel', '9'], /there is no payout 9/], [['paid', 'x'], /expected the number of a payout, got "x"/],
    [['create', '--to', 'today'], /expected a date .* got "today"/]])
    await assert.rejects(payout(...args), (error) => error.code === 65 && said.test(error.stderr), args.join(' '));
  for (const [args, said] of [[['send', '1'], /expected create, list, paid or cancel, got "send"/], [['paid'], /expected the number/],
    [['create', '1'], /expected nothing/], [['cancel', '2', '--min', '1'], /does not take/]])
    await assert.rejects(payout(...args), (error) => error.code === 64 && said.test(error.stderr), args.join(' '));
  assert.match(await payout('cancel', '2'), /^payout 2: .*, cancelled\n$/);
  assert.match(await payout('create', '--creator', 'bob', '--min', '2.50'), /^payout 3: acme 2.50 EUR to bob/);
  assert.deepEqual((await report('payouts')).map((p) => [p.payout, p.state, p.reference, p.paid_on]),
    [[1, 'paid', 'T-1', '2026-01-31'], [2, 'cancelled', null, null], [3, 'open', null, null]]);
  assert.equal(await payout('list', '--creator', 'bob', '--format', 'csv'), await shop.cli('report', 'payouts', '--creator', 'bob', '--format', 'csv', '-c', shop.config));
  await sound();
});

test('a late observation moves the order to another creator, who is paid; the first gives it back', async () => {
  const [link] = await rows(shop, "select key from attrib.tracker where creator = 'ann' and kind = 'link'");
  const [other] = await rows(shop, "select key from attrib.tracker where creator = 'bob' and kind = 'link'");
  await tell(shop, click(link.key, ago(23), { visitor_id: 'v-1' }), { ...sold(5, 20, 'finn.customer@example.com'), visitor_id: 'v-1' });
  assert.deepEqual((await commissions()).filter((c) => c.order_id === 'order-5').map((c) => [c.creator, c.commission]), [['ann', 20]]);
  await payout('create', '--creator', 'ann');
  await tell(shop, click(other.key, ago(21), { visitor_id: 'v-1' }));
  assert.deepEqual((await commissions()).filter((c) => c.order_id === 'order-5').map((c) => [c.creator, c.commission, c.status, c.reason]),
    [['ann', 0, 'reversed', 'credit_moved'], ['bob', 2.5, 'approved', null]]);
  assert.match(await payout('create'), /^payout \d: acme 2.50 EUR to bob, 1 commission, open\n$/);
  await sound();
});

test('a refund after payment is a negative line of the next payout', async () => {
  await tell(shop, refund({ id: 'r-1', order_id: 'order-1', amount: '59.50' }));
  await tell(shop, sold(6, 15, BUYERS[2], { codes: ['ANN10'], total: '238.00', tax: '38.00' }));
  assert.equal(await payout('create'), 'nothing is to be paid\n', '30 for the new order, 10 of the refund, 20 of the order that moved');
  await tell(shop, sold(7, 15, BUYERS[2], { codes: ['ANN10'] }));
  assert.match(await payout('create'), /^payout \d: acme 20.00 EUR to ann, 4 commissions, open\n$/);
  await sound();
});

test('a statement adds up, and shows nothing of orders, customers and others', async () => {
  const lines = await report('statement', '--creator', 'ann');
  const sum = (kind) => lines.filter((l) => l.row_kind === kind).reduce((n, l) => n + Number(l.commission), 0);
  const [{ earned }] = await rows(shop, "select sum(commission) as earned from attrib.commission_status where creator = 'ann'");
  assert.deepEqual([sum('line'), sum('sum'), sum('total')], [earned, earned, earned]);
  const twice = lines.filter((l) => l.row_kind === 'line').map((l) => l.line).filter((l, i, all) => all.indexOf(l) !== i);
  assert.equal(new Set(twice).size, 2, 'the refunded and the moved one were in two payouts');

  const customers = (await rows(shop, "select encode(key, 'hex') as key from attrib.customer_key")).map((k) => String(k.key));
  assert.equal(customers.length, 4);
  const secret = [/order-\d/, /customer@/, /carla|dora|emil|finn/i, /v-1/, /bob/i, ...customers.map((k) => new RegExp(k))];
  const shown = async (...args) => Promise.all([
    ...['table', 'csv', 'json'].map((format) => shop.cli('report', ...args, '--format', format, '-c', shop.config)),
    fetch(`${shop.admin}/v1/reports/${args[0]}?creator=ann`).then((r) => r.text())]);
  for (const text of await shown('statement', '--creator', 'ann', '--from', ago(30).slice(0, 10), '--to', ago(0).slice(0, 10))) {
    assert.match(text, /ANN10/);
    for (const word of secret) assert.doesNotMatch(text, word);
  }
  // The same look finds what is there to be found.
  assert.match((await shown('commission_status', '--creator', 'ann')).join(), secret[0]);
});

test('a rule of a campaign that ended leaves its orders as they were', async () => {
  const before = await commissions();
  await shop.import('commission_rule', `${RULES.split('\n')[0]},valid_to\nspring,ann,percent,0.2,,EUR,30,7,,${ago(1).slice(0, 10)}\n`);
  assert.deepEqual(await commissions(), before);
  await tell(shop, sold(8, 0, BUYERS[0], { codes: ['ANN10'] }));
  assert.deepEqual((await commissions()).filter((c) => c.order_id === 'order-8').map((c) => [c.rule, c.commission, c.status]), [['percent', 10, 'pending']]);
  await sound();
});
