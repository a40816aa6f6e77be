// Random faults between the daemon and PostgreSQL while a shop's day arrives: nothing acknowledged is lost,
// nothing counts twice, all sums are the model's.
//
//   ATTRIB_SEED=n        the first schedule's seed (default: from the clock; printed)
//   ATTRIB_SCHEDULES=n   how many (default 15)
//   ATTRIB_ORDERS=n      of each (default 80; nightly 2,000)
//   ATTRIB_FAULT=name    this fault only

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sleep } from '../e2e/support.mjs';
import { rng } from '../oracle/random.mjs';
import { prove } from './checker.mjs';
import { FAULTS } from './faults.mjs';
import { Wire } from './wire.mjs';
import { play, workload } from './workload.mjs';

const SEED = Number(process.env.ATTRIB_SEED ?? Date.now() % 1e9);
const SCHEDULES = Number(process.env.ATTRIB_SCHEDULES ?? 15);
const ORDERS = Number(process.env.ATTRIB_ORDERS ?? 80);
const NAMES = Object.keys(FAULTS).filter((name) => !process.env.ATTRIB_FAULT || name === process.env.ATTRIB_FAULT);

let wire;
before(async () => { wire = await Wire.open('workers = 2\nflush_interval = 50ms\nflush_timeout = 500ms'); });
after(() => wire.close());

// Which fault before which batch: all kinds come round once, whatever the dice say.
function planOf(r, seed, batches) {
  const plan = new Map();
  const n = 2 + r.int(2) + Math.floor(ORDERS / 400);
  for (let k = 0; k < n; k++) {
    const at = Math.floor((batches * (k + 0.2 + 0.6 * r.next())) / (n + 0.5));
    plan.set(at, k === 0 ? NAMES[seed % NAMES.length] : r.pick(NAMES));
  }
  return plan;
}

// Waits for a fault. When everybody else has sent all there is, and it is written, no flush comes that it could meet.
async function settled(fault) {
  let over = false;
  const end = fault.finally(() => { over = true; });
  for (let still = 0; !over; await sleep(50)) {
    still = await wire.written() ? still + 1 : 0;
    wire.played = still >= 20;
    if (wire.played) wire.proxy.disarm();
  }
  wire.played = false;
  await end;
}

// Returns the names of the faults that fired.
async function schedule(seed) {
  const r = rng(seed);
  const batches = workload(seed, { orders: ORDERS, largest: Math.max(4, Math.min(40, ORDERS / 10)) });
  const plan = planOf(r, seed, batches.length);
  const fired = [];
  let last = Promise.resolve();
  const happen = async (name) => { if (await FAULTS[name]({ wire, r })) fired.push(name); };
  await wire.fresh();
  // One fault after the other; the connection that comes to one waits for the one before.
  await play(wire.shop, wire.log, batches, { seed, at: async (i) => {
    if (!plan.has(i)) return;
    const before = last;
    last = before.then(() => happen(plan.get(i)));
    last.catch(() => {}); // it is awaited below
    await settled(before);
  } });
  wire.played = true;
  let over = false;
  last = last.finally(() => { over = true; });
  for (; !over; await sleep(20)) if (await wire.idle()) wire.proxy.disarm(); // no flush is left to wait for
  await last;
  await prove(wire.shop, wire.log, `again with ATTRIB_SEED=${seed} ATTRIB_SCHEDULES=1 ATTRIB_ORDERS=${ORDERS}; fired: ${fired.join(', ') || 'nothing'}`);
  return fired;
}

const total = new Map();
for (let round = 0; round < SCHEDULES; round++) {
  const seed = SEED + round;
  test(`schedule ${round + 1} of ${SCHEDULES}, seed ${seed}, ${ORDERS} orders`, async (t) => {
    const fired = await schedule(seed);
    for (const name of fired) total.set(name, (total.get(name) ?? 0) + 1);
    t.diagnostic(`${fired.length} faults: ${fired.join('; ')}`);
    assert.ok(fired.length > 0, 'no fault fired');
  });
}

test('each kind of fault has fired', (t) => {
  for (const [name, n] of total) t.diagnostic(`${n} x ${name}`);
  if (SCHEDULES >= 3 * NAMES.length) assert.deepEqual(NAMES.filter((name) => !total.has(name)), []);
  assert.ok(total.size >= Math.min(SCHEDULES, NAMES.length) / 2);
});
