// Faults at single calls: which there are, and what must hold after each.
//
// A point is SCENE/MODE:GROUP:N: in this scene, what becomes of call N of a group of files (shim.h). A scene
// is where a daemon starts: with an empty state directory, or with what a killed one left behind.

import assert from 'node:assert/strict';
import { sleep } from '../e2e/support.mjs';
import { rng } from '../oracle/random.mjs';
import { check, settle } from './checker.mjs';
import { post } from './workload.mjs';

// shim: what the shim does. next: the state directory of the next start, `kept` as the process left it, `cut`
// what a power cut leaves of it, `torn` the same with some of what was never synced. A process that goes
// on after its fault is cut in the end: what it acknowledged wrongly is then gone. writes: for them only.
export const MODES = {
  'kill-before': { shim: 'kill-before', next: 'kept' },
  'kill-mid': { shim: 'kill-mid', next: 'kept', writes: true },
  'kill-after': { shim: 'kill-after', next: 'kept' },
  'cut-before': { shim: 'kill-before', next: 'cut' },
  'cut-mid': { shim: 'kill-mid', next: 'cut', writes: true },
  'cut-after': { shim: 'kill-after', next: 'cut' },
  'torn-before': { shim: 'kill-before', next: 'torn' },
  'torn-mid': { shim: 'kill-mid', next: 'torn', writes: true },
  eio: { shim: 'eio', next: 'cut' },
  'eio-on': { shim: 'eio-on', next: 'cut' },
  enospc: { shim: 'enospc', next: 'cut' },
  'enospc-on': { shim: 'enospc-on', next: 'cut', writes: true },
  eintr: { shim: 'eintr', next: 'cut' },
  'eintr-on': { shim: 'eintr-on', next: 'cut', writes: true },
  short: { shim: 'short', next: 'cut', writes: true },
  'short-on': { shim: 'short-on', next: 'cut', writes: true },
};

export const kills = (mode) => MODES[mode].shim.startsWith('kill');

// All points of a scene, from the calls of a run without faults.
export function pointsOf(scene, calls) {
  return calls.flatMap(({ group, n, kind, length }) => Object.entries(MODES)
    .filter(([, { writes }]) => !writes || (kind === 'write' && length > 1))
    .map(([mode]) => `${scene}/${mode}:${group}:${n}`));
}

export function parse(point) {
  const [scene, mode, group, n] = point.split(/[/:]/);
  assert.ok(MODES[mode] && n, `${point}: expected SCENE/MODE:GROUP:N`);
  return { scene, mode, call: `${group}:${n}` };
}

// A generator of its own for each point, the same in every run with this seed.
export const generator = (seed, point) => rng([...point].reduce((h, c) => Math.imul(h ^ c.charCodeAt(0), 16777619), seed ^ 0x811c9dc5));

const PATIENCE_MS = 120000;
const PAUSE_MS = 1500; // where a fault may be what is waited for in vain

// What happens first: the daemon takes requests, or it ends.
export async function startedOrEnded(shop) {
  for (const until = Date.now() + PATIENCE_MS; Date.now() < until;) {
    if (shop.exit) return;
    try {
      if ((await fetch(`${shop.admin}/readyz`)).ok) return;
    } catch { /* not yet */ }
    await sleep(5);
  }
  throw new Error(`neither ready nor ended:\n${shop.log}`);
}

// True when it has ended within this time.
async function exits(shop, ms) {
  for (const until = Date.now() + ms; !shop.exit && Date.now() < until;) await sleep(2);
  return Boolean(shop.exit);
}

// Everything is counted, or the daemon ends on the way there.
async function quietOrEnded(shop) {
  try {
    await shop.quiet();
  } catch (error) {
    if (!await exits(shop, 5000)) throw error;
  }
}

async function ended(shop) {
  shop.process.kill('SIGTERM');
  assert.ok(await exits(shop, PATIENCE_MS), `still there long after SIGTERM:\n${shop.log}`);
  return shop.exit;
}

// The disk is full: events are refused, visitors are redirected, it counts as healthy. Then there is room
// again, and the refused batch goes in.
async function outlastFullDisk(shop, log, batch) {
  assert.equal((await shop.click('ann-link')).response.status, 302, 'a full disk redirects');
  assert.equal((await fetch(`${shop.admin}/healthz`)).status, 200, 'a full disk is healthy');
  shop.release();
  let outcome;
  for (const until = Date.now() + PATIENCE_MS; outcome !== 'acked' && Date.now() < until;) outcome = await post(shop, log, batch);
  assert.equal(outcome, 'acked', `it goes on by itself:\n${shop.log}`);
}

// One client, one request after the other, as long as somebody listens. After each quarter the scene may want a
// pause, for something that has to happen. What each request became, in order.
async function tell(shop, log, { batches, pause }, { lasts = false, patience = PAUSE_MS } = {}) {
  const outcomes = [];
  for (const [i, batch] of batches.entries()) {
    if (pause && i && i % Math.ceil(batches.length / 4) === 0) await pause(shop, patience);
    const outcome = await post(shop, log, batch);
    outcomes.push(outcome);
    if (outcome === 'unsent') break;
    if (outcome === 'rejected' && lasts) await outlastFullDisk(shop, log, batch);
  }
  // who was met by the fault with his last words says them again
  if (['maybe', 'rejected'].includes(outcomes.at(-1)) && !shop.exit) outcomes.push(await post(shop, log, batches.at(-1)));
  return outcomes;
}

// -- what must hold of a run with a fault, before the next start ----------------------------------------------------

const SYNCS = ['sync', 'syncdir'];
const failed = (call) => call.result < 0 && call.errno > 0;

// The kernel takes what a failed sync was to carry for written: a second try would report success.
export function noSyncAgain(calls) {
  const gone = new Set();
  for (const { kind, path, ...call } of calls) {
    if (kind === 'create') gone.delete(path);
    if (kind !== 'sync') continue;
    assert.ok(!gone.has(path), `${path} is synced again after a sync that failed`);
    if (failed(call)) gone.add(path);
  }
}

const lostForGood = ({ kind, path, errno }) => path.endsWith('.seg') &&
  (kind === 'sync' || (kind === 'write' && errno !== 4 && errno !== 28)); // EINTR, ENOSPC

// From the failed write or sync of its segment on a lane takes nothing; it has the only worker.
function nothingMore(calls, outcomes) {
  const at = calls.findIndex((call) => call.fault !== '-' && failed(call) && lostForGood(call));
  if (at < 0) return;
  const more = calls.slice(at + 1).filter((call) => call.path === calls[at].path && call.kind !== 'truncate' && call.fault === '-');
  assert.deepEqual(more.map(({ kind }) => kind), [], `${calls[at].path} is used after a failure`);
  const first = outcomes.findIndex((outcome) => outcome !== 'acked');
  assert.ok(first < 0 || !outcomes.slice(first).includes('acked'), `acknowledged after a failure: ${outcomes.join(' ')}`);
}

function afterwards(shop, mode, exit, calls, outcomes) {
  const fired = calls.filter(({ fault }) => fault !== '-').length;
  assert.deepEqual(shop.disk.unexplained(shop.state), [], 'the shim did not see how these files came');
  if (kills(mode) && fired) assert.deepEqual(exit, { code: null, signal: 'SIGKILL' });
  else assert.ok([0, 74].includes(exit.code), `ended with ${JSON.stringify(exit)}:\n${shop.log}`);
  noSyncAgain(calls);
  nothingMore(calls, outcomes);
  if (mode === 'enospc' && fired && outcomes.length > 1 && !calls.some((c) => SYNCS.includes(c.kind) && c.fault !== '-')) {
    assert.equal(outcomes.at(-1), 'acked', `it goes on by itself: ${outcomes.join(' ')}`);
  }
  return { fired, refused: outcomes.includes('rejected') };
}

// -- a point --------------------------------------------------------------------------------------------------------

// A run with a fault from start to stop. fired: how many faults did; refused: events were, with a 503.
async function faulty(shop, log, scene, mode, call, r) {
  const { shim, next } = MODES[mode];
  await shop.startShimmed({ point: `${shim}:${call}` });
  await startedOrEnded(shop);
  const outcomes = shop.exit ? [] : await tell(shop, log, scene, { lasts: mode === 'enospc-on' });
  if (!shop.exit) await quietOrEnded(shop);
  const exit = await ended(shop);
  const seen = afterwards(shop, mode, exit, shop.replay(), outcomes);
  if (next !== 'kept') shop.powerCut(next === 'torn' ? r : undefined);
  return seen;
}

// The next start: what was acknowledged is there before anything is sent again. Then what is in doubt is sent
// again, and what was refused or never sent, and the books of the whole day are exact.
async function recovered(shop, log, batches, what) {
  await shop.start();
  await shop.quiet();
  await check(shop, log, what);
  await settle(shop, log);
  const told = new Set(log.acked.map((event) => event.event_id));
  for (const batch of batches) {
    if (batch.every((event) => told.has(event.event_id))) continue;
    assert.equal(await post(shop, log, batch), 'acked');
  }
  await shop.quiet();
  await check(shop, log, `${what}, after the rest was sent`);
}

// Plays one point; again: a further one, for the start after it. Returns what faulty does.
export async function play(stage, scene, point, seed, again) {
  const { mode, call } = parse(point);
  const r = generator(seed, point);
  const shop = await stage.shop(scene);
  const log = scene.log.copy();
  try {
    const seen = await faulty(shop, log, scene, mode, call, r);
    if (again && kills(mode)) seen.fired += (await faulty(shop, log, { batches: [] }, parse(again).mode, parse(again).call, r)).fired;
    await recovered(shop, log, scene.batches, point);
    return seen;
  } finally {
    await shop.close();
  }
}

// The calls of a run of this scene without a fault.
export async function rehearse(stage, scene) {
  const shop = await stage.shop(scene);
  const log = scene.log.copy();
  try {
    await shop.startShimmed();
    await startedOrEnded(shop);
    const outcomes = await tell(shop, log, scene, { patience: PATIENCE_MS });
    assert.ok(!shop.exit && outcomes.every((outcome) => outcome === 'acked'), shop.log);
    await shop.quiet();
    await check(shop, log, 'without a fault');
    assert.deepEqual(await ended(shop), { code: 0, signal: null });
    const calls = shop.replay();
    assert.deepEqual(shop.disk.unexplained(shop.state), [], 'the shim did not see how these files came');
    return calls;
  } finally {
    await shop.close();
  }
}
