// kill -9 in the middle of a stream of 20,000 events: nothing acknowledged is lost, nothing counted
// twice, and every credit equals the independent model's.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CATALOG, Shop, sleep } from '../e2e/support.mjs';
import { Log, prove } from './checker.mjs';
import { play, workload } from './workload.mjs';

const EVENTS = Number(process.env.ATTRIB_KILL_EVENTS ?? 20000);
const KILLS = Number(process.env.ATTRIB_KILLS ?? 3);
const SEED = Number(process.env.ATTRIB_SEED ?? Date.now() % 1e9);
const TOUCHES = 16; // fewer than so many before an order
const PER_ORDER = 8.77; // events, with them

let shop;
before(async () => { shop = await Shop.open({ catalog: CATALOG }); });
after(() => shop.close());

test(`kill -9 while some ${EVENTS} events arrive (seed ${SEED})`, async (t) => {
  const batches = workload(SEED, { orders: Math.ceil(EVENTS / PER_ORDER), touches: TOUCHES, largest: 80 });
  const killAt = new Set(Array.from({ length: KILLS }, (_, k) => Math.floor((batches.length * (k + 1)) / (KILLS + 1))));
  const log = new Log();
  let kills = 0;
  let restarting;
  const restart = async () => { await sleep(5); await shop.kill('SIGKILL'); await shop.start(); };
  await play(shop, log, batches, { seed: SEED, connections: 8, at: async (i) => {
    if (killAt.has(i)) {
      kills += 1;
      restarting = restart();
    }
    await restarting;
  } });
  const { acked, maybe } = await prove(shop, log, `seed ${SEED}`);
  t.diagnostic(`${acked} events acknowledged, ${maybe} in doubt, ${kills} kills`);
  assert.equal(kills, KILLS, 'every planned kill fired');
});
