// Random histories of one shop, played through intake, engine and in-memory state in random orders,
// groupings, with repeats and with a catalog that grows meanwhile; every decision (status, money, path,
// every credit of every model to the cent) is compared with the independent model in tests/oracle.
//
//   ATTRIB_SEED=n        the first history's seed (default: from the clock; printed)
//   ATTRIB_HISTORIES=n   how many (default 5000; 3 arrivals each)
//   ATTRIB_ONLY=a,b      with no other features than these (tests/oracle/history/features.mjs)
//   ATTRIB_PLAY=path     the tool that holds engine and state

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SEED = Number(process.env.ATTRIB_SEED ?? Date.now() % 1e9);
const HISTORIES = Number(process.env.ATTRIB_HISTORIES ?? 5000);
const ARRIVALS = 3;
const ONLY = process.env.ATTRIB_ONLY?.split(',');
const worker = fileURLToPath(new URL('worker.mjs', import.meta.url));

// One process a core, each with every n-th seed and an engine of its own. The first that finds a
// difference ends the others.
async function play(from, count) {
  const step = Math.min(availableParallelism(), 8, count);
  const found = new AbortController();
  const shares = await Promise.all(Array.from({ length: step }, async (_, i) => {
    const task = JSON.stringify({ from: from + i, to: from + count, step, arrivals: ARRIVALS, only: ONLY });
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [worker, task], { maxBuffer: 1 << 26, signal: found.signal });
      const share = JSON.parse(stdout);
      if (share.failure) found.abort();
      return share;
    } catch (error) {
      if (error.name === 'AbortError') return {};
      found.abort();
      throw error;
    }
  }));
  return shares;
}

test(`${HISTORIES} random histories x ${ARRIVALS} arrivals from seed ${SEED}`, async (t) => {
  const shares = await play(SEED, HISTORIES);
  const failed = shares.find((s) => s.failure);
  assert.ok(!failed, failed?.failure);
  const sum = (f) => shares.reduce((a, s) => a + f(s), 0);
  const features = {};
  for (const s of shares) for (const [f, n] of Object.entries(s.features)) features[f] = (features[f] ?? 0) + n;
  t.diagnostic(`${sum((s) => s.orders)} orders compared, ${sum((s) => s.split)} of them shared by several creators`);
  t.diagnostic(`${sum((s) => s.tied)} histories left out: two customers of one visitor at one instant, of which the rules say nothing`);
  t.diagnostic(`histories by feature: ${Object.entries(features).map(([f, n]) => `${f} ${n}`).sort().join(', ')}`);
  assert.equal(sum((s) => s.histories), HISTORIES);
  assert.ok(sum((s) => s.tied) <= 1 + HISTORIES / 50, 'few histories are left out');
  assert.ok(HISTORIES < 100 || sum((s) => s.split) > HISTORIES / 10, 'the histories are not trivial');
});
