// Every call by which the daemon changes its state directory fails, is short, or is the last one, by kill -9
// or by a power cut (README.md).
//
//   ATTRIB_SEED=n           the workload and the choice of points (default: from the clock; printed)
//   ATTRIB_FAULT_POINTS=n   how many points of each scene, or `all` (default 40; of the day with checkpoints half of it)
//   ATTRIB_POINT=p          only this one: SCENE/MODE:GROUP:N, or only one SCENE

import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { attribd, sleep } from '../e2e/support.mjs';
import { rng } from '../oracle/random.mjs';
import { Log, differences } from './checker.mjs';
import { generator, kills, parse, play, pointsOf, rehearse, startedOrEnded } from './points.mjs';
import { SETTINGS, SHIM, Stage } from './stage.mjs';
import { post, workload } from './workload.mjs';

const SEED = Number(process.env.ATTRIB_SEED ?? Date.now() % 1e9);
const MOST = process.env.ATTRIB_FAULT_POINTS === 'all' ? Infinity : Number(process.env.ATTRIB_FAULT_POINTS ?? 40);
const ONLY = process.env.ATTRIB_POINT;
const TOGETHER = 2;
const FEW = 3; // failures after which there is no use in going on

const again = (point) => `ATTRIBD=${attribd} ATTRIB_SHIM=${SHIM} ATTRIB_SEED=${SEED} ATTRIB_POINT=${point} node --test tests/fault/io.test.mjs`;

let stage;
before(async () => { stage = await Stage.open(); });
after(() => stage.close());

const r = rng(SEED);
const batches = workload(SEED, { orders: 80, largest: 12 });
const fresh = () => ({ log: new Log(), batches });
// Copies of the state all the time, and segments go as soon as they are not needed any more.
const TRIMMED = `${SETTINGS}\ncheckpoint_interval = 20ms\njournal.retain = 0\njournal.retain_bytes = 1`;
// Time for that, at each quarter of the day: for a copy with what came since the last one, and from the second
// copy on for the thread that deletes. A fault may keep them from it for ever.
async function someDeleted(shop, ms) {
  const place = join(shop.state, 'checkpoint');
  const copies = () => (existsSync(place) ? readdirSync(place) : []).filter((name) => name.endsWith('.ckpt')).sort();
  const before = copies();
  const happened = () => copies().at(-1) !== before.at(-1) && (!before.length || /segments? .* deleted/.test(shop.log));
  for (const until = Date.now() + ms; Date.now() < until && !shop.exit && !happened();) await sleep(5);
}
const trimmed = () => ({ ...fresh(), settings: TRIMMED, pause: someDeleted });

// Damages one of the two copies of a segment's head, which costs no record.
function damage(journal) {
  const [name] = readdirSync(journal).filter((n) => n.endsWith('.seg')).sort();
  const bytes = readFileSync(join(journal, name));
  bytes[8] ^= 1;
  writeFileSync(join(journal, name), bytes);
}

// What a daemon leaves that was killed when a new segment had no name yet, and PostgreSQL has nothing of it.
// Something is damaged, so that the recovery keeps a copy.
async function leftBehind() {
  const shop = await stage.shop({ settings: SETTINGS.replace(/flush_interval = .*/, 'flush_interval = 60s') });
  const log = new Log();
  const half = batches.slice(0, batches.length / 2);
  const calls = await rehearse(stage, { ...fresh(), batches: half });
  const last = calls.filter((call) => call.group === 'journal' && call.kind === 'rename').at(-1);
  await shop.startShimmed({ point: `kill-before:journal:${last.n}` });
  await startedOrEnded(shop);
  for (const batch of half) await post(shop, log, batch);
  assert.equal((await shop.exited).signal, 'SIGKILL');
  damage(join(shop.state, 'journal'));
  const state = join(stage.dir, 'left-behind');
  cpSync(shop.state, state, { recursive: true });
  return { log, state, template: await stage.keep(shop), batches: batches.slice(batches.length / 2) };
}

// As many points of each mode as of any other, while there are.
function choose(points, most) {
  if (ONLY?.includes('/')) return points.filter((point) => point === ONLY);
  const modes = new Map();
  for (const point of r.shuffle(points)) {
    const { mode } = parse(point);
    modes.set(mode, [...(modes.get(mode) ?? []), point]);
  }
  const chosen = [];
  for (let i = 0; chosen.length < Math.min(most, points.length); i++) chosen.push(...[...modes.values()].flatMap((list) => list.slice(i, i + 1)));
  return chosen.slice(0, most);
}

// least: the share of points that must fire.
async function playAll(t, scene, points, { second, most = MOST, least = 0.8 } = {}) {
  const chosen = choose(points, most);
  const total = chosen.length;
  assert.ok(total, `${ONLY}: no such point`);
  const counts = new Map();
  const failures = [];
  const missed = []; // their call did not come
  let [fired, refused] = [0, 0];
  const worker = async () => {
    for (let point = chosen.shift(); point && failures.length < FEW; point = chosen.shift()) {
      try {
        const seen = await play(stage, scene, point, SEED, second && second(point));
        const { mode } = parse(point);
        counts.set(mode, (counts.get(mode) ?? 0) + seen.fired);
        if (seen.fired) fired += 1;
        else missed.push(point);
        refused += seen.refused && mode === 'enospc-on';
      } catch (error) {
        failures.push(`${error.message}\n${again(point)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, worker));
  t.diagnostic(`${points.length} points; of ${total} played ${fired} fired: ${[...counts].sort().map(([mode, n]) => `${mode} ${n}`).join(', ')}; ${refused} full disks refused events`);
  assert.equal(failures.length, 0, failures.join('\n\n'));
  assert.ok(fired >= least * total, `faults fire, but not ${missed.join(' ')}`);
}

// The point at which the start after a killing one is killed.
function secondOf(points) {
  const killing = points.filter((point) => kills(parse(point).mode));
  return (point) => generator(SEED, `again ${point}`).pick(killing);
}

const wanted = (scene) => !ONLY || ONLY.split('/')[0] === scene;

describe(`every call on the state directory (seed ${SEED})`, () => {
  if (wanted('fresh')) {
    test('of a day that begins with nothing', async (t) => {
      await playAll(t, fresh(), pointsOf('fresh', await rehearse(stage, fresh())));
    });
  }
  if (wanted('trimmed')) {
    test('of a day with checkpoints, and segments that are deleted', async (t) => {
      const calls = await rehearse(stage, trimmed());
      for (const what of ['checkpoint', 'journal']) assert.ok(calls.some(({ group, kind }) => group === what && kind === 'unlink'), `${what} deleted`);
      const points = pointsOf('trimmed', calls);
      // which call is the N-th depends on when the threads of checkpoints and deletion come by more than elsewhere
      await playAll(t, trimmed(), points, { second: secondOf(points), most: MOST / 2, least: 0.6 });
    });
  }
  if (wanted('recovery')) {
    test('of a recovery, which is killed a second time', async (t) => {
      const scene = await leftBehind();
      const calls = await rehearse(stage, scene);
      assert.ok(calls.some(({ group }) => group === 'quarantine'));
      const points = pointsOf('recovery', calls);
      await playAll(t, scene, points, { second: secondOf(points) });
    });
  }
});

// A whole day is acknowledged, and then the power goes. What a new database has when all was read again.
async function cutAfterADay(lie) {
  const shop = await stage.shop();
  const log = new Log();
  let next;
  try {
    await shop.startShimmed({ lie });
    await startedOrEnded(shop);
    for (const batch of batches) assert.equal(await post(shop, log, batch), 'acked');
    await shop.kill();
    const calls = shop.replay();
    shop.powerCut();
    next = await stage.shop({ state: shop.state });
    await next.start();
    await next.quiet();
    return { wrong: await differences((sql) => next.query(sql), log), lies: calls.filter((call) => call.fault === 'lie').length };
  } finally {
    await shop.close();
    await next?.close();
  }
}

if (!ONLY) {
  describe(`negative controls (seed ${SEED})`, () => {
    test('an honest daemon loses nothing', async () => {
      assert.deepEqual(await cutAfterADay(), { wrong: [], lies: 0 });
    });

    for (const lie of ['sync:journal', 'syncdir:journal']) {
      test(`a ${lie} that does nothing loses acknowledged events`, async () => {
        const { wrong, lies } = await cutAfterADay(lie);
        assert.ok(lies > 0);
        assert.ok(wrong.some((line) => line.startsWith('lost: orders')), wrong.join('\n'));
      });
    }
  });
}
