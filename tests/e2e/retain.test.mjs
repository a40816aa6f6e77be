// Segments of the journal go when PostgreSQL and both checkpoints hold them and they were retained for long
// enough; every start and every backup that comes afterwards ends with exact numbers, or with a refusal
// that says what is missing.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CATALOG, Shop, sleep } from './support.mjs';

let shop;
const settings = (more) => `journal.segment_size = 16K\ncheckpoint_interval = 100ms\n${more}`;
before(async () => { shop = await Shop.open({ catalog: CATALOG, settings: settings('journal.retain = 0') }); });
after(() => shop.close());

async function configure(more) {
  await shop.stop();
  shop.writeConfig({ settings: settings(more) });
  await shop.start();
}

let n = 0;
const buy = (i, total = '10.00', more = {}) => ({ type: 'purchase', event_id: `e-${i}-${total}`, visitor_id: `v-${i}`, customer_id: `c-${i}`,
  order: { id: `o-${i}`, currency: 'EUR', total, ...more } });
// A connection that is closed without a status leaves its events in doubt: they are sent again, and count once.
async function post(batch) {
  for (;;) {
    try {
      const response = await shop.events(batch);
      await response.text();
      return response.status;
    } catch (error) {
      if (shop.exit) throw error;
    }
  }
}
async function orders(count) {
  while (count > 0) {
    const batch = [];
    for (; count > 0 && batch.length < 40; count--) {
      n += 1;
      batch.push({ type: 'visit', event_id: `t-${n}`, visitor_id: `v-${n}`, url: 'https://shop.example/?utm_source=tiktok&utm_medium=video&utm_campaign=bob' });
      batch.push(buy(n));
    }
    // a busy machine sheds, and at the quota there is room a moment later
    let status = 503;
    for (let i = 0; i < 600 && status === 503; i++) {
      status = await post(batch);
      if (status === 503) await sleep(50);
    }
    assert.equal(status, 200);
  }
}

async function check() {
  await shop.quiet();
  const [row] = await shop.query(`select (select count(*)::int from attrib.conversion_status where status = 'paid') as orders,
    (select coalesce(sum(visits), 0)::int from attrib.traffic_daily) as visits,
    (select count(*)::int from attrib.order_credit where creator = 'bob' and model = 'policy') as credits`);
  assert.deepEqual(row, { orders: n, visits: n, credits: n });
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
  assert.deepEqual(await shop.query('select * from attrib.check_adjustments()'), []);
}

const state = (...name) => join(shop.dir, 'state', ...name);
const segments = () => readdirSync(state('journal')).filter((f) => f.endsWith('.seg'));
const lanes = () => new Set(segments().map((f) => f.slice(0, 32)));
async function until(what, done) {
  for (let i = 0; i < 1200; i++) {
    if (shop.exit) throw new Error(`attribd exited ${JSON.stringify(shop.exit)}:\n${shop.log}`);
    if (await done()) return;
    await sleep(50);
  }
  throw new Error(`${what}: not within a minute\n${segments().join('\n')}\n${shop.log}`);
}
// A checkpoint is made when there is something new: whoever waits for two has to bring it.
const withNews = (done) => async () => {
  if (await done()) return true;
  await orders(1);
  await sleep(150);
  return false;
};
async function refused(why) {
  await assert.rejects(shop.start(), /attribd exited/);
  assert.deepEqual(shop.exit, { code: 78, signal: null }, shop.log);
  assert.match(shop.log, why);
}

const host = () => /host=(\S+)/.exec(shop.conninfo)[1];
const dump = () => execFileSync('pg_dump', ['-h', host(), '-U', 'attrib', '-Fc', 'attrib'], { maxBuffer: 1 << 28 });
function restore(bytes) {
  const psql = (sql) => execFileSync('psql', ['-qX', '-h', host(), '-U', 'attrib', '-d', 'postgres', '-c', sql]);
  psql('drop database attrib with (force)');
  psql('create database attrib');
  execFileSync('pg_restore', ['-h', host(), '-U', 'attrib', '-d', 'attrib'], { input: bytes });
}

test('what PostgreSQL and both checkpoints hold goes; what is being written stays', async () => {
  await orders(400);
  await shop.quiet();
  await until('the closed segments are deleted', withNews(() => segments().length === 2));
  assert.match(shop.log, /journal: \d+ segments? \(\d+ bytes\) that PostgreSQL and the checkpoints hold (was|were) deleted; \d+ bytes in \d+ segments are left/);
  assert.ok(await shop.metric('attribd_journal_deleted_segments_total') > 4);
  assert.equal(await shop.metric('attribd_journal_segments'), 2);
  assert.ok(await shop.metric('attribd_journal_bytes') < 3 * 16384);
  await orders(10);
  await check();
});

test('restarts and kills with load: lanes of earlier starts go whole, counts never fall, numbers are exact', async () => {
  assert.equal((await shop.quiet()).journal.committed, 2 * n);
  for (let round = 0; round < 4; round++) {
    await shop.kill(round % 2 ? 'SIGKILL' : 'SIGTERM');
    const old = lanes();
    await shop.start();
    await orders(round === 2 ? 0 : 60);
    await check();
    assert.equal((await shop.status()).journal.committed, 2 * n);
    await until('lanes of earlier starts are deleted', withNews(() => [...lanes()].every((lane) => !old.has(lane))));
    assert.ok(existsSync(state('journal', 'ledger')));
  }
  await shop.restart();
  await check();
});

test('an older database is healed from retained segments', async () => {
  await configure('journal.retain = 1h');
  await orders(30);
  await check();
  const backup = dump();
  await orders(120);
  await check();
  await shop.restart();
  await orders(20);
  await check();
  assert.ok(segments().length > 6, 'nothing was deleted');
  await shop.stop();
  restore(backup);
  await shop.start();
  await check();
});

let old;
let newer;
test('one that is older than what is retained is refused with what is missing', async () => {
  await orders(10);
  await check();
  old = dump();
  await configure('journal.retain = 0');
  await orders(30);
  await check();
  const present = lanes();
  await shop.restart();
  await orders(1);
  await check();
  await until('the lanes are deleted', withNews(() => [...lanes()].every((lane) => !present.has(lane))));
  await check();
  await shop.stop();
  newer = dump();
  restore(old);
  await refused(/lane [0-9a-f]{32}: records \d+ to \d+ are neither in PostgreSQL nor in this journal/);
  assert.match(shop.log, /the database is older than what this journal has retained \(\d+ lanes?, see above\): restore a newer backup/);
  restore(newer);
  await shop.start();
  await check();
});

// `where` of each file: 0 is its head.
function damageCheckpoints(where) {
  for (const name of readdirSync(state('checkpoint'))) {
    const file = state('checkpoint', name);
    const bytes = readFileSync(file);
    bytes[Math.floor(bytes.length * where) + 20] ^= 0x55;
    writeFileSync(file, bytes);
  }
}

test('without a checkpoint and without segments: refused; told so, it goes on and takes nothing back', async () => {
  await shop.stop();
  cpSync(state(), join(shop.dir, 'kept'), { recursive: true });
  for (const lose of [() => rmSync(state('checkpoint'), { recursive: true }), () => damageCheckpoints(0), () => damageCheckpoints(0.6)]) {
    rmSync(state(), { recursive: true });
    cpSync(join(shop.dir, 'kept'), state(), { recursive: true });
    lose();
    // what is damaged behind its head is met when it is read: the doors may be open by then
    await shop.start({ ready: false });
    assert.deepEqual(await shop.exited, { code: 78, signal: null }, shop.log);
    assert.match(shop.log, /checkpoint.*attribd take-over/);
  }
  const before = await shop.query("select order_id, creator, gross from attrib.order_credit where model = 'policy' order by 1");
  const lacks = await shop.cli('take-over', '-c', shop.config);
  assert.match(lacks, /lane [0-9a-f]{32}: records \d+ to \d+ are neither in a checkpoint nor in this journal\n/);
  await shop.start();
  // what comes again about an order of that time is known less of: it keeps its credit
  for (const i of [1, 2, n - 1]) assert.equal(await post(buy(i, '10.00', { tax: '0.00', updated_at: new Date().toISOString() })), 200);
  await shop.quiet();
  assert.deepEqual(await shop.query("select order_id, creator, gross from attrib.order_credit where model = 'policy' order by 1"), before);
  // and what is new is decided as ever
  await orders(20);
  await check();
  await until('two checkpoints', withNews(() => readdirSync(state('checkpoint')).filter((f) => f.endsWith('.ckpt')).length > 1));
  await shop.restart();
  await orders(5);
  await check();
});

test('at the quota what is only retained goes first; what PostgreSQL lacks is kept and events get 503, until it is back', async () => {
  await configure('journal.retain = 1h\njournal.quota = 200K');
  for (let i = 0; i < 10; i++) {
    await orders(80);
    await shop.quiet();
    await until('room below the quota', withNews(async () => await shop.metric('attribd_journal_bytes') <= 200 * 1024 * 7 / 8));
  }
  await check();
  assert.ok(await shop.metric('attribd_journal_deleted_segments_total') > 5);
  assert.ok(segments().length > 6, 'no more than was needed');
  shop.stopPostgres();
  let status = 200;
  let batch;
  for (let i = 0; i < 100 && status === 200; i++) {
    batch = Array.from({ length: 80 }, (_, k) => buy(n + 1 + k));
    status = await post(batch);
    if (status === 200) n += 80;
  }
  assert.equal(status, 503);
  shop.startPostgres();
  for (let i = 0; i < 600 && status !== 200; i++) {
    status = await post(batch);
    if (status !== 200) await sleep(100);
  }
  assert.equal(status, 200, 'it goes on by itself');
  n += 80;
  await shop.quiet();
  const [row] = await shop.query("select count(*)::int as orders from attrib.conversion_status where status = 'paid'");
  assert.equal(row.orders, n);
});
