// A copy of the state directory that ran elsewhere and was fenced has acknowledged events that nobody
// else has: `attribd journal adopt` brings them, once, and whatever is doubtful it leaves alone.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CATALOG, Shop, attribd, sleep } from './support.mjs';

let shop;
let clone;
const dir = (name) => join(shop.dir, name);
before(async () => { shop = await Shop.open({ catalog: CATALOG, settings: 'journal.segment_size = 16K' }); });
after(async () => {
  if (clone) await clone.kill();
  await shop.close();
});

let n = 0;
// One request: who is fenced ends soon after its first answer.
async function orders(target, count) {
  const batch = [];
  for (let i = 0; i < count; i++) {
    n += 1;
    batch.push({ type: 'visit', event_id: `t-${n}`, visitor_id: `v-${n}`, url: 'https://shop.example/?utm_source=tiktok&utm_medium=video&utm_campaign=bob' });
    batch.push({ type: 'purchase', event_id: `e-${n}`, visitor_id: `v-${n}`, customer_id: `c-${n}`, order: { id: `o-${n}`, currency: 'EUR', total: '10.00' } });
  }
  assert.equal((await target.events(batch)).status, 200);
}

// Visits alone, until the journal has grown by more than a mebibyte.
let more = 0;
async function manyVisits() {
  for (let i = 0; i < 3; i++) {
    const batch = Array.from({ length: 2000 }, () => {
      more += 1;
      return { type: 'visit', event_id: `a-${more}`, visitor_id: `a-${more}`, url: `https://shop.example/?utm_source=${'x'.repeat(200)}&utm_medium=${more % 10}` };
    });
    assert.equal((await shop.events(batch)).status, 200);
  }
}

async function check() {
  const [row] = await shop.query(`select (select count(*)::int from attrib.conversion_status where status = 'paid') as orders,
    (select coalesce(sum(visits), 0)::int from attrib.traffic_daily) as visits,
    (select count(*)::int from attrib.order_credit where creator = 'bob' and model = 'policy') as credits`);
  assert.deepEqual(row, { orders: n, visits: n + more, credits: n });
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
  assert.deepEqual(await shop.query('select * from attrib.check_adjustments()'), []);
}

// Names and bytes of all files below a directory.
const bytes = (at) => readdirSync(at, { recursive: true, withFileTypes: true }).filter((e) => e.isFile())
  .map((e) => [join(e.parentPath ?? e.path, e.name), readFileSync(join(e.parentPath ?? e.path, e.name)).toString('base64')]).sort();
// A daemon on a directory of its own that never finds PostgreSQL.
async function alone(name) {
  const made = await shop.sibling(name, dir(name));
  writeFileSync(made.config, readFileSync(made.config, 'utf8').replace(/postgres = .*/, 'postgres = host=/nowhere'));
  await made.start({ ready: false });
  while (!made.exit && !/listening on/.test(made.log)) await sleep(20);
  assert.equal(made.exit, undefined, made.log);
  return made;
}
const adopt = (at) => shop.cli('journal', 'adopt', at, '-c', shop.config);
// The same where somebody looks on.
const onTerminal = (at) => execFileSync('script', ['-qec', `${attribd} journal adopt ${at} -c ${shop.config}`, '/dev/null'], { stdio: ['ignore', 'pipe', 'inherit'] }).toString();

test('a clone takes orders, is fenced in the middle, and has acknowledged more than it could write', async () => {
  for (let i = 0; i < 5; i++) await orders(shop, 20);
  await shop.quiet();
  cpSync(dir('state'), dir('clone'), { recursive: true });
  clone = await shop.sibling('clone', dir('clone'));
  await clone.start(); // fences the original, which does not know it yet
  for (let i = 0; i < 5; i++) await orders(clone, 20);
  await clone.quiet();
  // the original acknowledges on, until its flush meets the newer epoch
  await orders(shop, 3);
  assert.deepEqual(await shop.exited, { code: 78, signal: null });
  await orders(clone, 10);
  await clone.quiet();
  // fenced in its turn: the original goes on with what it has
  await shop.cli('take-over', '-c', shop.config);
  await shop.start();
  await orders(clone, 5);
  assert.deepEqual(await clone.exited, { code: 78, signal: null });
  await orders(shop, 2);
  await shop.quiet();
  const [{ orders: counted }] = await shop.query("select count(*)::int as orders from attrib.conversion_status where status = 'paid'");
  assert.ok(counted < n, 'the clone has orders that nobody counted');
});

test('while a daemon runs on either of the two nothing is adopted', async () => {
  await assert.rejects(adopt(dir('clone')), (e) => e.code === 69 && /the daemon runs; stop it first/.test(e.stderr));
  await shop.stop();
  cpSync(dir('clone'), dir('running'), { recursive: true });
  const other = await alone('running');
  await assert.rejects(adopt(dir('running')), (e) => e.code === 69 && /an attribd runs on it/.test(e.stderr));
  await other.kill();
  await assert.rejects(adopt(dir('state')), (e) => e.code === 64 && /the state_dir itself/.test(e.stderr));
  await assert.rejects(adopt(dir('nowhere')), (e) => e.code === 74 && /expected a state_dir/.test(e.stderr));
});

test('a stranger and a damaged copy are refused, and nothing is changed', async () => {
  const before = bytes(dir('state'));
  mkdirSync(dir('stranger'));
  const stranger = await alone('stranger');
  assert.equal((await stranger.stop()).code, 0);
  await assert.rejects(adopt(dir('stranger')), (e) => e.code === 65 && /is of instance [0-9a-f]{32}/.test(e.stdout) && /nothing was adopted/.test(e.stderr));

  cpSync(dir('clone'), dir('damaged'), { recursive: true });
  // one of several commits: in the last one of a lane it would be a torn tail
  const [[, name]] = [...(await shop.cli('journal', 'verify', dir('damaged'))).matchAll(/^(\S+\.seg): (\d+) records/gm)].sort((x, y) => y[2] - x[2]);
  const content = readFileSync(join(dir('damaged'), 'journal', name));
  content[4096 + 30] ^= 1;
  writeFileSync(join(dir('damaged'), 'journal', name), content);
  await assert.rejects(adopt(dir('damaged')), (e) => e.code === 65 && e.stdout.includes(name) && /are damaged, record/.test(e.stdout));
  assert.deepEqual(bytes(dir('state')), before);
});

test('adopted, every acknowledged order is counted once; again it changes nothing', async () => {
  const theirs = bytes(dir('clone'));
  const text = await adopt(dir('clone'));
  assert.match(text, /lane [0-9a-f]{32}: \d+ records? up to \d+ adopted\n/);
  assert.match(text, /adopted \d+ records of \d+ lanes?, \d+ bytes in \d+ segments?; the next start of the daemon counts them\n/);
  assert.deepEqual(bytes(dir('clone')), theirs);
  const ours = bytes(dir('state'));
  assert.match(await adopt(dir('clone')), /nothing to adopt/);
  assert.deepEqual(bytes(dir('state')), ours);
  await shop.start();
  await shop.quiet();
  await check();
  await orders(shop, 3);
  await shop.restart();
  await shop.quiet();
  await check();
});

test('the other way round: a newer copy replaces what a take-over would give up', async () => {
  await shop.stop();
  rmSync(dir('clone'), { recursive: true });
  cpSync(dir('state'), dir('clone'), { recursive: true });
  await shop.start();
  await orders(shop, 4);
  await manyVisits();
  await shop.quiet();
  await shop.kill();
  // the disk of the original is put aside; its older copy would be refused
  cpSync(dir('state'), dir('newest'), { recursive: true });
  rmSync(dir('state'), { recursive: true });
  cpSync(dir('clone'), dir('state'), { recursive: true });
  await assert.rejects(shop.start(), /attribd exited/);
  assert.equal(shop.exit.code, 78);
  const shown = onTerminal(dir('newest'));
  assert.match(shown, /\r1 of \d+ MiB\r2 of \d+ MiB/, 'mebibytes that were read and copied');
  assert.match(shown, /MiB\r\x1b\[Klane [0-9a-f]{32}: /, 'no line is written behind them');
  assert.match(shown, /adopted \d+ records/);
  const piped = spawnSync(attribd, ['journal', 'adopt', dir('newest'), '-c', shop.config]);
  assert.match(piped.stdout.toString(), /nothing to adopt/);
  assert.equal(piped.stderr.toString(), '', 'where nobody looks on nothing is shown');
  assert.doesNotMatch(shown.slice(shown.indexOf('adopted ')), /MiB/);
  await shop.start();
  await orders(shop, 2);
  await shop.quiet();
  await check();
});
