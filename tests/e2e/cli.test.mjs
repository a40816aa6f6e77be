// The command line as a stranger meets it.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { attribd, CATALOG, Shop } from './support.mjs';

let shop;
before(async () => { shop = await Shop.open({ catalog: CATALOG }); });
after(() => shop.close());

const run = (...args) => new Promise((done) => {
  execFile(attribd, args, (error, stdout, stderr) => done({ code: error ? error.code : 0, stdout, stderr }));
});
const file = (name, text) => {
  const path = join(shop.dir, name);
  writeFileSync(path, text);
  return path;
};

test('--help and --version', async () => {
  const help = await run('--help');
  assert.equal(help.code, 0);
  for (const word of ['serve', 'check-config', 'migrate', 'import', 'report', 'journal']) assert.ok(help.stdout.includes(word), word);
  assert.match((await run('--version')).stdout, /^attribd \d+\.\d+\.\d+/);
  const unknown = await run('dance');
  assert.equal(unknown.code, 64);
});

test('check-config names file, line, key and expectation; exit 78', async () => {
  const bad = file('bad.conf', '[attribd]\nlisten = nowhere\nstate_dir = /tmp/x\npostgres = postgresql:///x\nwat = 1\n\n[site a]\nwindow.link = soon\n');
  const result = await run('check-config', '-c', bad);
  assert.equal(result.code, 78);
  assert.match(result.stderr, /bad\.conf:2: listen: expected/);
  assert.match(result.stderr, /bad\.conf:5: wat:/);
  assert.match(result.stderr, /bad\.conf:8: window\.link: expected/);
  const good = await run('check-config', '-c', shop.config);
  assert.equal(good.code, 0);
  assert.ok(!(good.stdout + good.stderr).includes('test-secret-key'), 'secrets are not printed');
});

test('import is all or nothing and names line and column', async () => {
  const csv = file('cost.csv', 'site,cost_id,campaign,creator,kind,amount,currency,incurred_on\nacme,a,spring,ann,fee,10.00,EUR,2026-11-01\nacme,b,spring,ann,fee,ten,EUR,2026-11-01\n');
  const result = await run('import', 'cost', csv, '-c', shop.config);
  assert.equal(result.code, 65);
  assert.match(result.stderr, /cost\.csv:3: amount/);
  assert.deepEqual(await shop.query('select * from attrib.cost'), []);
});

test('importing an existing key replaces it and keeps history', async () => {
  for (const amount of ['10.00', '12.50']) {
    const result = await run('import', 'cost', file('cost.csv', `cost_id,campaign,creator,kind,amount,currency,incurred_on\nfee-1,spring,ann,fee,${amount},EUR,2026-11-01\n`), '-c', shop.config);
    assert.equal(result.code, 0, result.stderr);
  }
  assert.deepEqual(await shop.query('select cost_id, amount::text from attrib.cost'), [{ cost_id: 'fee-1', amount: '12.50' }]);
});

test('report in three formats', async () => {
  const args = ['report', 'roi', '--site', 'acme', '-c', shop.config];
  const table = await run(...args);
  assert.equal(table.code, 0, table.stderr);
  assert.match(table.stdout, /creator/);
  const csv = await run(...args, '--format', 'csv');
  assert.match(csv.stdout.split('\n')[0], /^site,row_kind,campaign,creator,model,currency,cost,gross,refunded,net,conversions,new_customers,roi/);
  const json = JSON.parse((await run(...args, '--format', 'json')).stdout);
  const ann = json.find((row) => row.creator === 'ann' && row.model === 'policy');
  assert.equal(Number(ann.cost), 12.5);
  assert.equal(Number(ann.roi), -1);
  const ranged = await run(...args, '--from', '2026-01-01', '--to', '2026-12-31', '--format', 'json');
  assert.equal(ranged.code, 0, ranged.stderr);
  const unknown = await run('report', 'nonsense', '-c', shop.config);
  assert.equal(unknown.code, 64);
  assert.match(unknown.stderr, /double_count/);
});

test('journal verify', async () => {
  await shop.events({ type: 'visit', event_id: 'jv', url: 'https://shop.example/' });
  const result = await run('journal', 'verify', join(shop.dir, 'state/journal'));
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stdout, /1 record/);
});

test('admin: health, readiness, metrics', async () => {
  for (const path of ['/healthz', '/readyz']) assert.equal((await fetch(shop.admin + path)).status, 200, path);
  const metrics = await fetch(`${shop.admin}/metrics`);
  assert.match(metrics.headers.get('content-type'), /^text\/plain/);
  const text = await metrics.text();
  assert.match(text, /^# TYPE attribd_\w+ counter$/m);
  for (const line of text.trim().split('\n')) assert.match(line, /^(#.*|[a-z_:]+(\{[^}]*\})? -?[0-9.e+-]+)$/);
});

test('SIGTERM answers what is in flight, flushes and exits 0', async () => {
  const sending = Array.from({ length: 40 }, (_, i) => shop.events({ type: 'purchase', event_id: `t-${i}`, customer_id: `t-${i}`,
    order: { id: `term-${i}`, currency: 'EUR', total: '1.00' } }).then((r) => r.status, () => 0));
  await Promise.race(sending);
  const exit = await shop.stop();
  assert.deepEqual(exit, { code: 0, signal: null });
  const acknowledged = (await Promise.all(sending)).filter((s) => s === 200).length;
  const [row] = await shop.query("select count(*)::int as n from attrib.conversion_status where order_id like 'term-%'");
  assert.ok(row.n >= acknowledged, `${acknowledged} acknowledged, ${row.n} counted`);
  assert.ok(acknowledged > 0);
});
