// The shop's own export beside what is counted: what is missing, extra or different is told with its line,
// and what was not heard is fetched through the daemon's own door, once, however often it is asked for.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { CATALOG, Shop, attribd, root, sleep } from './support.mjs';

const DATA = join(root, 'tests/data/exports');
const SITES = ['shopify', 'stripe-balance', 'stripe-payments', 'woocommerce'];
let shop;
before(async () => { shop = await Shop.open({ catalog: CATALOG, global: [...SITES, 'big'].map((s) => `[site ${s}]\nwrite_key = key-${s}\ncustomer_history = complete\n`).join('') + '[site shut]\n' }); });
after(() => shop.close());

// {status, rows, say}: rows of --format csv as objects.
async function reconcile(file, ...args) {
  const run = promisify(execFile)(attribd, ['reconcile', file, '-c', shop.config, '--format', 'csv', ...args], { maxBuffer: 1 << 28 });
  const { stdout, stderr, code = 0 } = await run.catch((error) => error);
  const [head, ...lines] = stdout.trim().split('\n').map((line) => line.split(','));
  const rows = lines.map((cells) => Object.fromEntries(cells.map((cell, i) => [head[i], cell])));
  return { status: code, rows, say: stderr };
}
const short = ({ rows }) => rows.map((r) => [r.difference, r.order_id, r.line, r.shop, r.attribd].join(' '));
const file = (text, name = 'orders.csv') => {
  writeFileSync(join(shop.dir, name), text);
  return join(shop.dir, name);
};
const orders = (site) => shop.query('select order_id, status, gross, refunded, currency from attrib.conversion_status where site = $1 order by order_id', [site]);

async function told(...events) {
  const response = await shop.events(events);
  assert.equal((await response.json()).rejected.length, 0);
  await shop.quiet();
}
const order = (id, more = {}) => ({ type: 'purchase', occurred_at: '2026-11-02T11:00:00Z', order: { id, currency: 'EUR', total: '100.00', ...more } });

test('every kind of difference, by id and by another name', async () => {
  await told(
    order('equal', { aliases: { name: '#1' } }), order('other-total', { total: '99.00' }), order('other-refund'), order('other-currency', { currency: 'USD' }),
    { type: 'refund', occurred_at: '2026-11-03T11:00:00Z', refund: { id: 'r', order_id: 'other-refund', amount: '10.00', currency: 'EUR' } },
    order('open', { status: 'pending' }), order('stopped'), order('extra'), order('excluded', { test: true }),
    order('outside', { placed_at: '2026-10-01T11:00:00Z' }));
  const list = file(`order_id,name,total,refunded,status,placed_at
5678,#1,100.00,,paid,2026-11-02 12:00:00
other-total,,100.00,,paid,2026-11-02 12:00:00
other-refund,,100.00,30.00,paid,2026-11-02 12:00:00
other-currency,,100.00,,paid,2026-11-02 12:00:00
open,,100.00,,paid,2026-11-02 12:00:00
stopped,,100.00,,cancelled,2026-11-02 12:00:00
missing,#7,100.00,25.00,paid,2026-11-02 12:00:00
excluded,,100.00,,paid,2026-11-02 12:00:00
`);
  const found = await reconcile(list, '--site', 'acme');
  assert.deepEqual(short(found), ['amount other-total 3 100.00 99.00', 'refund other-refund 4 30.00 10.00', 'amount other-currency 5 100.00 EUR 100.00 USD',
    'status open 6 paid pending', 'status stopped 7 cancelled paid', 'missing missing 8 100.00 ', 'extra extra   100.00']);
  assert.equal(found.status, 1);
  assert.match(found.say, /orders\.csv: an export of the kind plain, by its header\n8 orders of 2026-11-02 to 2026-11-02: 1 missing, 1 extra, 2 amount, 1 refund, 2 status\n/);
  const { stdout } = await promisify(execFile)(attribd, ['reconcile', list, '-c', shop.config, '--site', 'acme', '--format', 'json']).catch((error) => error);
  assert.deepEqual(JSON.parse(stdout).map((r) => r.difference), found.rows.map((r) => r.difference));
  const other = await reconcile(list, '--site', 'acme', '--from', '2026-10-01', '--to', '2026-10-31');
  assert.deepEqual([short(other), other.status], [['extra outside   100.00'], 1]);

  const filled = await reconcile(list, '--site', 'acme', '--backfill');
  assert.match(filled.say, /5 events sent, 0 refused/);
  assert.equal(filled.status, 1, 'other totals and extra orders stay');
  await shop.quiet();
  const again = await reconcile(list, '--site', 'acme', '--backfill');
  assert.deepEqual(short(again), ['amount other-total 3 100.00 99.00', 'amount other-currency 5 100.00 EUR 100.00 USD', 'extra extra   100.00']);
  assert.doesNotMatch(again.say, /sent/);
  assert.deepEqual((await orders('acme')).filter((o) => ['missing', 'other-refund', 'stopped', 'open'].includes(o.order_id)).map((o) => [o.order_id, o.status, o.refunded]),
    [['missing', 'partially_refunded', '25.00'], ['open', 'paid', '0.00'], ['other-refund', 'partially_refunded', '30.00'], ['stopped', 'cancelled', '100.00']]);
});

const AFTER = {
  shopify: [['5678901234567', 'paid', '100.00', '0.00', 'EUR'], ['5678901234569', 'pending', '10.00', '0.00', 'EUR'], ['5678901234570', 'refunded', '20.00', '20.00', 'EUR'],
    ['5678901234571', 'cancelled', '30.00', '30.00', 'EUR'], ['5678901234572', 'paid', '1.234', '0.000', 'KWD'], ['9007199254740993', 'partially_refunded', '5000', '1200', 'JPY']],
  'stripe-balance': [['pi_1', 'partially_refunded', '124.95', '59.50', 'EUR'], ['pi_2', 'paid', '20.00', '0.00', 'EUR'], ['pi_9', 'paid', '5000', '0', 'JPY']],
  'stripe-payments': [['pi_3Nabc', 'partially_refunded', '124.95', '59.50', 'EUR'], ['pi_3Nabd', 'paid', '5000', '0', 'JPY'], ['pi_3Nabe', 'refunded', '20.00', '20.00', 'EUR'],
    ['py_3Nabh', 'paid', '12.345', '0.000', 'KWD']],
  woocommerce: [['727', 'paid', '100.00', '0.00', 'EUR'], ['728', 'partially_refunded', '20.00', '7.50', 'EUR'], ['729', 'pending', '30.00', '0.00', 'EUR'], ['730', 'refunded', '40.00', '40.00', 'EUR'],
    ['731', 'cancelled', '50.00', '50.00', 'EUR'], ['732', 'paid', '60.00', '0.00', 'EUR'], ['734', 'paid', '5000', '0', 'JPY']],
};

for (const [kind, expected] of Object.entries(AFTER)) {
  test(`an export of ${kind} fills a shop that heard nothing, once`, async () => {
    const list = join(DATA, `${kind}.csv`);
    const start = (await shop.status()).journal.committed;
    const first = await reconcile(list, '--site', kind, '--backfill');
    assert.match(first.say, new RegExp(`kind ${kind}, by its header`));
    assert.equal(first.status, 0, first.say);
    await shop.quiet();
    assert.deepEqual((await orders(kind)).map(Object.values), expected);
    assert.ok((await shop.status()).journal.committed > start);
    const second = await reconcile(list, '--site', kind, '--backfill');
    assert.deepEqual([second.rows, second.status], [[], 0]);
    assert.match(second.say, /: no difference\n/);
  });
}

test('who bought and by whose code came along, and no address stays anywhere', async () => {
  assert.deepEqual(await shop.query("select channel, tracker from attrib.path_step where site = 'shopify' and order_id = '5678901234567'"), [{ channel: 'code', tracker: 'LISA10' }]);
  const kinds = await shop.query("select customer_kind from attrib.conversion_status where site = 'shopify' and order_id in ('5678901234567', '5678901234572') order by order_id");
  assert.deepEqual(kinds.map((k) => k.customer_kind), ['new', 'returning'], 'one buyer by her address');
  const tables = await shop.query("select format('select %L as t from %s x where x::text ~ %L', oid::regclass, oid::regclass, 'ann@example|john\\.doe@|stripe1@') as sql from pg_class where relkind = 'r' and relnamespace = 'attrib'::regnamespace");
  assert.ok(tables.length > 20);
  for (const { sql } of tables) assert.deepEqual(await shop.query(sql), [], sql);
});

test('a file that is bad says where, and changes nothing', async () => {
  const start = (await shop.status()).journal.committed;
  for (const [text, why] of [['order_id,total\nn-1,1.00\nn-2,1x\n', /orders\.csv:3: total: expected an amount/], ['a,b\n', /orders\.csv:1: expected the header/],
    ['order_id,total\nn-1,1.00\nn-2,2.00\nn-1,1.00\n', /line 4: order n-1 stands on line 2 already/], ['order_id,total\nn-1,"1.00\n', /orders\.csv:2: expected a closing quote/]]) {
    const { status, say } = await reconcile(file(text), '--site', 'acme', '--backfill');
    assert.deepEqual([status, why.test(say)], [65, true], say);
  }
  for (const [args, status] of [[['--site', 'acme', '--from', '2026-11-01'], 64], [['--site', 'acme', '--from', '2026-11-01', '--to', 'now'], 64], [['--site', 'nobody'], 64], [[], 64], [['--site', 'acme', '--preset', 'magento'], 64], [['--site', 'shut', '--backfill'], 78]])
    assert.equal((await reconcile(file('order_id,total\nn-9,1.00\n'), ...args)).status, status, args.join(' '));
  assert.equal((await reconcile(join(shop.dir, 'absent.csv'), '--site', 'acme')).status, 74);
  assert.equal((await shop.status()).journal.committed, start);
});

test('equal is 0; a daemon that is away is 69, and what was refused is told', async () => {
  await told(order('same'));
  const same = file('order_id,total,placed_at\nsame,100.00,2026-11-02T11:00:00Z\n');
  assert.deepEqual([(await reconcile(same, '--site', 'acme')).rows.filter((r) => r.difference !== 'extra'), (await reconcile(file('order_id,total\n'), '--site', 'shut')).status], [[], 0]);
  const refused = await reconcile(file(`order_id,total,email\nx,1.00,\ny${'y'.repeat(300)},1.00,\n`), '--site', 'acme', '--from', '2020-01-01', '--to', '2020-01-02', '--backfill');
  assert.equal(refused.status, 1);
  assert.match(refused.say, /line 3 was refused: "order\.id/);
  assert.match(refused.say, /1 event sent, 1 refused/);
  await shop.stop();
  const away = await reconcile(file('order_id,total\nz,1.00\n'), '--site', 'acme', '--backfill');
  assert.equal(away.status, 69);
  assert.match(away.say, /the same command goes on/);
  await shop.start();
});

// Orders of two rows each; the greatest resident size that was seen of the comparison, KiB.
async function peak(count) {
  await shop.query(`insert into attrib.conversion (site, kind, order_id, ticket, base_status, counted, signed, currency, gross, total, placed_at, counted_at)
    select 'big', 1, (5000000000000 + i)::text, 1, 3, true, true, 'EUR', 1000, 1000, '2026-11-02 11:00Z', '2026-11-02 11:00Z' from generate_series(0, $1::int - 1) i
    on conflict do nothing`, [count]);
  const list = join(shop.dir, 'big.csv');
  const out = createWriteStream(list);
  const head = readFileSync(join(DATA, 'shopify.csv'), 'utf8').split('\n')[0].replace('\ufeff', '').split(',');
  const row = (values) => head.map((c) => values[c] ?? '').join(',');
  out.write(`${head.join(',')}\n`);
  for (let i = 0; i < count; i++) {
    const text = `${row({ Name: `#${i}`, Email: `buyer${i}@example.com`, 'Financial Status': 'paid', Currency: 'EUR', Total: i ? '10.00' : '11.00',
      'Created at': '2026-11-02 12:00:00 +0100', Id: `${5e12 + i}`, 'Lineitem name': '"Tee, ""rot""\nL"' })}\n${row({ Name: `#${i}`, 'Lineitem name': '靴下' })}\n`;
    if (!out.write(text)) await new Promise((done) => out.once('drain', done));
  }
  await new Promise((done) => out.end(done));
  const child = spawn(attribd, ['reconcile', list, '-c', shop.config, '--site', 'big', '--format', 'csv'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '', most = 0, ended;
  child.stdout.on('data', (chunk) => { said += chunk; });
  child.stderr.on('data', (chunk) => { said += chunk; });
  child.once('close', (code) => { ended = code; });
  for (; ended === undefined; await sleep(5)) {
    try {
      most = Math.max(most, Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0));
    } catch { /* it has just ended */ }
  }
  assert.equal(ended, 1, said);
  assert.match(said, /amount,5000000000000,2,/);
  assert.match(said, new RegExp(`${count} orders of 2026-11-02 to 2026-11-02: `));
  return most;
}

test('a hundred thousand rows, in the memory of ten thousand', async (t) => {
  const [few, many] = [await peak(5000), await peak(50000)];
  t.diagnostic(`${few} KiB, ${many} KiB`);
  assert.ok(few > 1000 && many < few + 4096, `${few} KiB, then ${many} KiB`);
});
