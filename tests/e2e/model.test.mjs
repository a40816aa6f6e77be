// Data-driven attribution over stored paths: a small case computed by hand, the sums of every run, and the
// models of rules computed again from the same collapsed paths.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { ago, cancel, click, purchase, refund, rows, tell } from './contract.mjs';
import { attribd, CATALOG, Shop } from './support.mjs';

const day = (days) => new Date(ago(days)).toLocaleDateString('sv-SE', { timeZone: 'Europe/Berlin' });
const FROM = day(20);
const TO = day(10);

// Orders on day 15; a path is its creators, an hour apart.
let visitors = 0;
function journey(id, creators, order = {}, days = 15) {
  const visitor_id = `visitor-${++visitors}`;
  const clicks = creators.map((creator, i) => click(`${creator}-link`, ago(days, (creators.length - i) * 60), { visitor_id }));
  return [...clicks, purchase({ id, ...order }, { visitor_id, occurred_at: ago(days) })];
}

let shop;
before(async () => {
  shop = await Shop.open({ catalog: { ...CATALOG,
    creator: `${CATALOG.creator}acme,cyd,Cyd,tiktok,micro,1000\n`,
    campaign: `${CATALOG.campaign}acme,autumn,conversion,2026-01-01,2030-01-01,EUR,100.00\n`,
    tracker: `${CATALOG.tracker}acme,link,cyd-link,cyd,autumn,,https://shop.example/\n` } });
  await tell(shop, [
    journey('m1', ['ann', 'bob'], { total: '100.01' }),
    journey('m2', ['ann'], { total: '50.00' }),
    journey('m3', ['ann'], { total: '30.00' }),
    journey('m4', ['bob'], { total: '20.00' }),
    journey('m5', [], { total: '10.00' }),
    journey('d1', ['cyd', 'ann', 'cyd'], { total: '33.33', currency: 'USD' }),
    journey('old', ['cyd', 'ann', 'bob', 'ann'], { total: '999.01' }, 25), // outside of the period
    journey('test', ['cyd'], { total: '999.00', test: true }), // not counted
  ].flat());
});
after(() => shop.close());

const model = async (...args) => JSON.parse(await shop.cli('model', ...args, '--from', FROM, '--to', TO, '--format', 'json', '-c', shop.config));
const of = (list, scope, currency = 'EUR') => list.find((r) => r.scope === scope && r.currency === currency);
const numbers = (row, ...names) => names.map((name) => (row[name] === null ? null : Number(row[name])));

test('markov, by hand: three of five begin with ann, a third of them go on to bob', async () => {
  const run = await model('markov');
  // Effects 3/5 and 1/5 + 3/5 x 1/3 = 2/5; so 4 orders and 200.01 EUR in the parts 0.6 and 0.4.
  assert.deepEqual(numbers(of(run, 'ann'), 'share', 'conversions', 'gross', 'net').map((v) => v.toFixed(6)),
    ['0.600000', '2.400000', '120.010000', '120.010000']);
  assert.deepEqual(numbers(of(run, 'bob'), 'share', 'conversions', 'gross', 'net').map((v) => v.toFixed(6)),
    ['0.400000', '1.600000', '80.000000', '80.000000']);
  assert.ok(Math.abs(of(run, 'ann').removal_effect - 0.6) < 1e-12);
  assert.ok(Math.abs(of(run, 'bob').removal_effect - 0.4) < 1e-12);
  assert.deepEqual(numbers(of(run, null), 'share', 'removal_effect', 'conversions', 'net'), [null, null, 1, 10]);
  // policy: the last touch
  assert.deepEqual(numbers(of(run, 'bob'), 'policy_conversions', 'policy_net', 'net_difference'), [2, 120.01, -40.01]);
  // In dollars one journey, cyd ann cyd: behind cyd comes ann or the order, so the chain misses ann in one walk of two.
  assert.deepEqual(numbers(of(run, 'cyd', 'USD'), 'removal_effect', 'conversions', 'gross'), [1, 0.666666667, 22.22]);
  assert.deepEqual(numbers(of(run, 'ann', 'USD'), 'removal_effect', 'conversions', 'gross'), [0.5, 0.333333333, 11.11]);
  assert.equal(of(run, 'cyd'), undefined, 'orders outside of the period, and tests, are in no run');
});

test('with two touches of memory nobody gets around ann any more', async () => {
  const run = await model('markov', '--order', '2');
  assert.deepEqual(numbers(of(run, 'cyd', 'USD'), 'removal_effect', 'conversions', 'gross'), [1, 0.5, 16.66]);
  assert.deepEqual(numbers(of(run, 'ann', 'USD'), 'removal_effect', 'conversions', 'gross'), [1, 0.5, 16.67]);
});

test('shapley, by hand: each order in equal parts to whoever is on its path', async () => {
  const run = await model('shapley');
  assert.deepEqual(numbers(of(run, 'ann'), 'conversions', 'gross'), [2.5, 130.01]); // the odd cent is the earlier one's
  assert.deepEqual(numbers(of(run, 'bob'), 'conversions', 'gross'), [1.5, 70]);
  assert.deepEqual(numbers(of(run, 'cyd', 'USD'), 'conversions', 'gross'), [0.5, 16.67]);
  const [kept] = await rows(shop, 'select * from attrib.model_run order by run_id desc limit 1');
  assert.deepEqual([kept.model, kept.order_n, kept.level, kept.orders, kept.paths], ['shapley', null, 'creator', 6, 5]);
});

test('every run sums to the orders of its period, refunded and cancelled ones included', async () => {
  await tell(shop, refund({ id: 'x1', order_id: 'm1', amount: '33.34' }, { occurred_at: ago(5) }), cancel('m4', { occurred_at: ago(5) }));
  for (const args of [['markov'], ['markov', '--order', '2'], ['markov', '--order', '3'], ['shapley']]) {
    for (const level of ['creator', 'campaign', 'channel']) await model(...args, '--level', level);
  }
  const wrong = await rows(shop, `with kept as (
      select run_id, currency, sum(conversions) as conversions, sum(gross) as gross, sum(refunded) as refunded
      from attrib.model_credit where run_id > (select min(run_id) + 2 from attrib.model_run) group by 1, 2),
    truth as (select currency, count(*) as conversions, sum(gross) as gross, sum(refunded) as refunded
      from attrib.conversion where kind = 1 and counted and day between $1 and $2 group by 1)
    select * from kept join truth t using (currency)
    where (kept.conversions, kept.gross, kept.refunded) is distinct from (t.conversions, t.gross, t.refunded)`, [FROM, TO]);
  assert.deepEqual(wrong, []);
  const [{ n }] = await rows(shop, 'select count(distinct run_id) as n from attrib.model_credit');
  assert.equal(n, 15);
  const policy = await rows(shop, `select currency, sum(policy_net) as net from attrib.model_comparison
    where model = 'markov' and order_n = 2 and level = 'channel' group by 1 order by 1`);
  assert.deepEqual(policy, [{ currency: 'EUR', net: 156.67 }, { currency: 'USD', net: 33.33 }]);
});

test('the report has the newest run of each question', async () => {
  const list = JSON.parse(await shop.cli('report', 'model_comparison', '--site', 'acme', '--format', 'json', '-c', shop.config));
  const questions = new Set(list.map((r) => [r.model, r.order_n, r.level].join()));
  assert.equal(questions.size, 12);
  assert.equal(new Set(list.map((r) => r.run_id)).size, 12);
  assert.ok(list.every((r) => Number(r.run_id) > 3), 'the first three were asked again since');
});

// What docs/attribution.md says of the rules, over the collapsed path.
const weights = {
  last_touch: (n) => Array.from({ length: n }, (_, i) => (i === n - 1 ? 1 : 0)),
  first_touch: (n) => Array.from({ length: n }, (_, i) => (i === 0 ? 1 : 0)),
  linear: (n) => Array(n).fill(1),
  position: (n) => (n === 1 ? [1] : n === 2 ? [1, 1] : Array.from({ length: n }, (_, i) => (i === 0 || i === n - 1 ? 0.4 : 0.2 / (n - 2)))),
};
function split(amount, parts) {
  const sum = parts.reduce((a, b) => a + b);
  const exact = parts.map((p) => (amount * p) / sum);
  const out = exact.map((e) => Math.floor(e + 1e-9));
  const order = exact.map((e, i) => [Math.round((e - out[i]) * 1e6), i]).sort((a, b) => b[0] - a[0] || a[1] - b[1]);
  for (let left = amount - out.reduce((a, b) => a + b), i = 0; left > 0; left--, i++) out[order[i][1]]++;
  return out;
}

test('last, first, linear and position touch, computed again from the same paths, are what is stored', async () => {
  const names = ['policy', 'last_touch', 'first_touch', 'linear', 'position'];
  const stored = await shop.query(`select k.order_id, c.gross::int, array_agg(k.amount::text order by k.touched_at, k.n) as amounts
    from attrib.credit k join attrib.conversion c using (site, kind, order_id)
    where c.counted and k.channel <> 8 group by 1, 2`);
  assert.equal(stored.length, 6);
  for (const order of stored) {
    const amounts = order.amounts.map((a) => a.slice(1, -1).split(',').map(Number));
    for (const [name, weigh] of Object.entries(weights)) {
      assert.deepEqual(amounts.map((a) => a[names.indexOf(name)]), split(order.gross, weigh(amounts.length)), `${order.order_id} ${name}`);
    }
  }
});

test('a run is kept before it is told, so whoever closes the pipe loses nothing', async () => {
  const newest = async () => (await rows(shop, 'select max(run_id) as id from attrib.model_run'))[0].id;
  const earlier = await newest();
  const process = spawn(attribd, ['model', 'shapley', '--from', FROM, '--to', TO, '-c', shop.config], { stdio: ['ignore', 'pipe', 'ignore'] });
  process.stdout.destroy();
  await once(process, 'exit');
  assert.ok(await newest() > earlier);
});

test('what it does not take it says', async () => {
  const refused = async (...args) => {
    const error = await shop.cli('model', ...args, '-c', shop.config).then(() => null, (e) => e);
    assert.equal(error?.code, 64);
    return error.stderr;
  };
  assert.match(await refused('magic', '--from', FROM, '--to', TO), /expected markov or shapley, got "magic"/);
  assert.match(await refused('markov', '--order', '4', '--from', FROM, '--to', TO), /--order: expected 1 to 3, got "4"/);
  assert.match(await refused('shapley', '--order', '1', '--from', FROM, '--to', TO), /--order: shapley has none/);
  assert.match(await refused('markov', '--level', 'post', '--from', FROM, '--to', TO), /--level: expected creator, campaign or channel/);
  assert.match(await refused('markov', '--from', FROM), /expected both ends of the period/);
  assert.match(await refused('markov', '--from', TO, '--to', FROM), /the period ends before it begins/);
  assert.match(await refused('markov', '--from', 'May', '--to', FROM), /expected dates such as 2026-11-01/);
  assert.deepEqual(JSON.parse(await shop.cli('model', 'markov', '--from', '2020-01-01', '--to', '2020-01-02', '--format', 'json', '-c', shop.config)), [],
    'a period without orders has no rows');
});
