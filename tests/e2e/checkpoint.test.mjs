// Checkpoints: a start goes on from a copy of the state, a damaged copy is passed over for an older one, and
// whatever the start began from, the books are those of a daemon that never stopped.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CATALOG, Shop, sleep } from './support.mjs';

const EVERY = 'checkpoint_interval = 100ms';
const NEVER = 'checkpoint_interval = 10m';

let shop;
before(async () => { shop = await Shop.open({ catalog: CATALOG, settings: EVERY }); });
after(() => shop.close());

const place = () => join(shop.dir, 'state/checkpoint');
const files = () => readdirSync(place()).filter((name) => name.endsWith('.ckpt')).sort();
const host = () => /host=(\S+)/.exec(shop.conninfo)[1];
const dump = () => execFileSync('pg_dump', ['-h', host(), '-U', 'attrib', '-Fc', 'attrib'], { maxBuffer: 1 << 28 });
function restore(bytes) {
  const psql = (sql) => execFileSync('psql', ['-qX', '-h', host(), '-U', 'attrib', '-d', 'postgres', '-c', sql]);
  psql('drop database attrib with (force)');
  psql('create database attrib');
  execFileSync('pg_restore', ['-h', host(), '-U', 'attrib', '-d', 'attrib'], { input: bytes });
}

// Each step: a click whose order comes a step later, the click once more, and the order of the step before.
let n = 0;
async function steps(count) {
  for (let i = 0; i < count; i++) {
    n += 1;
    const click = (k) => ({ type: 'click', event_id: `t-${k}`, visitor_id: `v-${k % 7}-${k}`, link: k % 2 ? 'ann-link' : 'bob-link' });
    const batch = [click(n), { type: 'cart', event_id: `k-${n}`, visitor_id: `v-${n % 7}-${n}` }];
    if (n > 1) {
      batch.push(click(n - 1), { type: 'purchase', event_id: `e-${n - 1}`, visitor_id: `v-${(n - 1) % 7}-${n - 1}`, customer_id: `c-${n % 5}`,
        order: { id: `o-${n - 1}`, currency: 'EUR', total: '10.00' } });
    }
    assert.equal((await shop.events(batch)).status, 200);
  }
}

// As if it had never stopped: every order once, its credit by its click, every click and cart counted once.
async function check() {
  await shop.quiet();
  const [row] = await shop.query(`select (select count(*)::int from attrib.conversion_status where status = 'paid') as orders,
    (select coalesce(sum(clicks), 0)::int from attrib.traffic_daily) as clicks,
    (select coalesce(sum(carts), 0)::int from attrib.traffic_daily) as carts,
    (select count(*)::int from attrib.order_credit where creator = 'ann' and model = 'policy') as ann,
    (select count(*)::int from attrib.order_credit where creator = 'bob' and model = 'policy') as bob`);
  const orders = n - 1;
  assert.deepEqual(row, { orders, clicks: n, carts: n, ann: Math.ceil(orders / 2), bob: Math.floor(orders / 2) }, shop.log);
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
}

// Until a checkpoint was begun after everything that is there now: the first that comes may have been under way.
async function saved(count = 1) {
  await shop.quiet();
  for (let i = 0; i <= count; i++) {
    const before = files().at(-1) ?? '';
    await steps(1);
    for (let k = 0; k < 3000 && (files().at(-1) ?? '') <= before; k++) await sleep(10);
    assert.ok(files().at(-1) > before, `no new checkpoint\n${shop.log}`);
  }
}

const loaded = () => {
  const found = /state loaded from checkpoint (\d+) .*\n(?:.*\n)*?.*state rebuilt from (\d+) records/.exec(shop.log);
  return found && { sequence: Number(found[1]), records: Number(found[2]) };
};
const last = () => parseInt(files().at(-1), 16);

test('kill -9: the next start goes on from the copy and reads the few records behind it', async () => {
  await steps(60);
  await saved();
  await shop.quiet();
  const behind = 6;
  shop.writeConfig({ settings: NEVER });
  await shop.kill();
  await shop.start();
  await steps(behind);
  await shop.quiet();
  const sequence = last();
  await shop.kill();
  await shop.start();
  await check();
  assert.equal(loaded()?.sequence, sequence, shop.log);
  // two records more with each order
  assert.ok(loaded().records >= 4 * behind && loaded().records <= 4 * behind + 8, shop.log);
  assert.ok(await shop.metric('attribd_checkpoint_age_seconds') >= 0);
  assert.ok(await shop.metric('attribd_checkpoint_bytes') > 1000);
});

test('SIGTERM leaves a copy of everything', async () => {
  await steps(5);
  await shop.stop();
  assert.deepEqual(shop.exit, { code: 0, signal: null });
  await shop.start();
  await check();
  assert.equal(loaded()?.records, 0, shop.log);
  assert.equal(files().length, 2);
  // nothing new, nothing to write
  const before = files();
  await shop.restart();
  await shop.stop();
  assert.deepEqual(files(), before);
  await shop.start();
});

test('a damaged newest one: the older one, and more of the journal', async () => {
  await steps(5);
  await shop.restart();
  await steps(5);
  await shop.quiet();
  await shop.stop();
  const [older, newest] = files();
  const bytes = readFileSync(join(place(), newest));
  bytes[bytes.length >> 1] ^= 1;
  writeFileSync(join(place(), newest), bytes);
  await shop.start();
  await check();
  assert.match(shop.log, new RegExp(`${newest} is damaged: it is passed over`));
  assert.equal(loaded()?.sequence, parseInt(older, 16), shop.log);
  assert.ok(loaded().records > 0);
});

test('both damaged: the journal from its beginning', async () => {
  await steps(3);
  await shop.stop();
  const damaged = files();
  for (const name of damaged) writeFileSync(join(place(), name), readFileSync(join(place(), name)).subarray(0, -1));
  await shop.start();
  await check();
  assert.equal(loaded(), null);
  assert.equal(shop.log.match(/is damaged or incomplete: it is passed over/g)?.length, 2, shop.log);
  await steps(1);
  await shop.stop(); // what was damaged goes when the next one is there
  assert.ok(files().length > 0 && !files().some((name) => damaged.includes(name)));
  await shop.start();
  await check();
  assert.equal(loaded()?.records, 0);
});

test('PostgreSQL set back behind the copy gets what it lacks, once', async () => {
  const backup = dump();
  await steps(8);
  await shop.quiet();
  await shop.stop();
  restore(backup);
  await shop.start();
  await check();
  assert.match(shop.log, /state loaded from checkpoint/);
  assert.match(shop.log, /state rebuilt from 0 records in \d+ ms; [1-9]\d* more are to be written/);
  await steps(4);
  await check();
});

test('PostgreSQL set back behind what was forgotten: the state is rebuilt from the journal', async () => {
  const backup = dump();
  await steps(4);
  await shop.quiet();
  await shop.stop();
  shop.writeConfig({ settings: `${EVERY}\ndedupe = 60s` }); // the watermark of ids moves on by days, at once
  await shop.start();
  await saved(2);
  await shop.stop();
  restore(backup);
  await shop.start();
  await check();
  assert.match(shop.log, /set back behind what the checkpoints have forgotten: the state is rebuilt from the journal/);
  assert.doesNotMatch(shop.log, /state loaded/);
});

test('kill -9 at any time while copies are made', async () => {
  shop.writeConfig({ settings: 'checkpoint_interval = 1ms' });
  for (let i = 0; i < 6; i++) {
    await shop.kill();
    await shop.start();
    await steps(3 + i);
    await sleep(20 * i);
  }
  await shop.kill();
  await shop.start();
  await check();
  assert.ok(files().length >= 1 && files().length <= 2);
});

test('a second signal ends at once; what was half written is gone after the next start', async () => {
  await steps(2);
  await shop.quiet();
  shop.process.kill('SIGTERM');
  for (let i = 0; i < 1000 && !/second signal/.test(shop.log); i++) await sleep(1);
  shop.process.kill('SIGTERM');
  await shop.exited;
  await shop.start();
  assert.deepEqual(readdirSync(place()).filter((name) => name.endsWith('.new') && name < files().at(-1)), []);
  await shop.quiet();
});

test('a copy of another instance is named and left alone', async () => {
  await shop.stop();
  const [name] = files();
  const bytes = readFileSync(join(place(), name));
  const other = await Shop.open({ catalog: CATALOG, start: false });
  try {
    cpSync(place(), join(other.dir, 'state/checkpoint'), { recursive: true });
    await other.start();
    assert.match(other.log, /is of another instance: neither read nor touched/);
    assert.doesNotMatch(other.log, /state loaded/);
    assert.equal((await other.events({ type: 'cart', event_id: 'k', visitor_id: 'v' })).status, 200);
    await other.quiet(1);
    await other.stop();
    assert.deepEqual(readFileSync(join(other.dir, 'state/checkpoint', name)), bytes);
  } finally {
    await other.close();
  }
});

test('a copy of a newer format: the start is refused and names file and versions', async () => {
  const [name] = files();
  const bytes = readFileSync(join(place(), name));
  writeFileSync(join(place(), name), newer(bytes));
  await shop.start({ ready: false });
  assert.deepEqual(await shop.exited, { code: 78, signal: null }, shop.log);
  assert.match(shop.log, new RegExp(`${name} has format version 2, this attribd reads up to 1`));
  rmSync(join(place(), name));
  await shop.start();
  await shop.quiet();
});

// The checksum of the first 16 bytes is XXH3-64, of which this has only what it needs (9 to 16 bytes, seed 0).
function newer(bytes) {
  const made = Buffer.from(bytes);
  made.writeUInt32LE(2, 8);
  const mask = (1n << 64n) - 1n;
  const swap = (v) => { const b = Buffer.alloc(8); b.writeBigUInt64LE(v); return b.readBigUInt64BE(); };
  const lo = made.readBigUInt64LE(0) ^ (0x1f67b3b7a4a44072n ^ 0x78e5c0cc4ee679cbn);
  const hi = made.readBigUInt64LE(8) ^ (0x2172ffcc7dd05a82n ^ 0x8e2443f7744608b8n);
  const product = lo * hi;
  let h = (16n + swap(lo) + hi + ((product & mask) ^ (product >> 64n))) & mask;
  h ^= h >> 37n;
  h = (h * 0x165667919e3779f9n) & mask;
  h ^= h >> 32n;
  made.writeBigUInt64LE(h, 16);
  return made;
}
