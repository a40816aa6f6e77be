// PostgreSQL away for long: ingest goes on until the journal has its quota, and the journal is the only queue:
// the engine stops reading, so memory stays as it is however much arrives.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { afterEach, test } from 'node:test';
import { CATALOG, Shop, sleep } from '../e2e/support.mjs';
import { Log, check } from './checker.mjs';
import { post, workload } from './workload.mjs';

const SEED = Number(process.env.ATTRIB_SEED ?? Date.now() % 1e9);
const FILL = 48000; // more than the engine reads ahead of PostgreSQL: a batch of 40,000 records
const MORE = 24000;
const REQUEST = 500;
const FLAT = 24; // bytes a record; the state takes a hundred and more for each
const SANITIZER = 'quarantine_size_mb=0:thread_local_quarantine_size_kb=0'; // otherwise it holds back what was freed

const options = [process.env.ASAN_OPTIONS, SANITIZER].filter(Boolean).join(':');
let shop;
async function open(settings) {
  shop = await Shop.open({ catalog: CATALOG, start: false, settings });
  await shop.start({ env: { ASAN_OPTIONS: options } });
}
afterEach(() => shop.close());

const resident = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${shop.process.pid}/status`, 'utf8'))[1]) * 1024;

// Each by a visitor of its own, so that the state grows with each that is read.
let told = 0;
async function visits(n) {
  for (const end = told + n; told < end;) {
    const request = Array.from({ length: REQUEST }, () => {
      told += 1;
      return { type: 'visit', event_id: `t-${told}`, visitor_id: `v-${told}`, url: 'https://shop.example/?ref=ann' };
    });
    const response = await shop.events(request, { type: 'application/x-ndjson' });
    assert.equal(response.status, 200, await response.text());
  }
}

// The engine has come to rest: what it may read it has read.
async function resting() {
  for (let last = -1; ;) {
    const { applied } = (await shop.status()).engine;
    if (applied === last) return applied;
    last = applied;
    await sleep(500);
  }
}

test('memory is flat while events arrive and PostgreSQL is away', async (t) => {
  await open();
  await visits(1000);
  await shop.quiet();
  shop.stopPostgres();
  await visits(FILL);
  const applied = await resting();
  assert.ok(applied < told, 'the engine has stopped reading');
  const full = resident();
  await visits(MORE);
  assert.equal(await resting(), applied, 'and reads no further');
  assert.equal((await shop.status()).journal.committed, told);
  const flat = (resident() - full) / MORE;
  shop.startPostgres();
  await shop.quiet();
  const read = (resident() - full) / MORE;
  t.diagnostic(`bytes of memory for each of ${MORE} records: ${Math.round(flat)} while PostgreSQL was away, ${Math.round(read)} once they were read`);
  assert.ok(flat < FLAT, `${flat} bytes a record`);
  assert.ok(read > 4 * FLAT, 'negative control: what is read shows');
  const [row] = await shop.query('SELECT sum(visits)::int AS visits FROM attrib.traffic_daily');
  assert.equal(row.visits, told);
});

test(`at the quota events get 503, redirects and health go on, and what was taken is counted (seed ${SEED})`, async (t) => {
  await open('journal.segment_size = 64K\njournal.quota = 1M');
  const log = new Log();
  shop.stopPostgres();
  let refused = 0;
  for (let round = 0; refused < 20; round++) {
    for (const batch of workload(SEED + round, { orders: 100, touches: 12, largest: 200, name: `${round}-` })) {
      if (await post(shop, log, batch) === 'rejected') refused += 1;
    }
  }
  const { click } = await shop.click('ann-link');
  assert.ok(click, 'visitors are redirected');
  assert.equal((await fetch(`${shop.admin}/healthz`)).status, 200);
  shop.startPostgres();
  await shop.quiet();
  await check(shop, log, `seed ${SEED}`);
  t.diagnostic(`${log.acked.length} events taken before the quota of the journal was reached, ${refused} requests refused`);
});
