// The connection to PostgreSQL is cut at every boundary between two messages of a flush, in both directions,
// and in the middle of every message, one after the other: also after COMMIT has run and before its answer
// arrives. Whatever is flushed again afterwards counts once.
//
//   ATTRIB_CUTS=all   every cut (default: a sample, with all that is near COMMIT)

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { rng } from '../oracle/random.mjs';
import { check, differences, prove } from './checker.mjs';
import { CLIENT, SERVER } from './proxy.mjs';
import { Wire } from './wire.mjs';
import { play, workload } from './workload.mjs';

const SEED = Number(process.env.ATTRIB_SEED ?? Date.now() % 1e9);
const SAMPLE = 10;
const EVERY = 40; // cuts between two looks at the books

let wire;
before(async () => { wire = await Wire.open(); });
after(() => wire.close());

// One request, so one flush; each time the same words under other names.
let played = 0;
async function flushOne() {
  const request = workload(SEED, { orders: 4, name: `f${played++}-` }).flat();
  await play(wire.shop, wire.log, [request], { again: 1 });
  await wire.shop.quiet();
}

// The messages of a flush, counted by letting one pass.
async function count() {
  await wire.fresh();
  await flushOne();
  await flushOne(); // from the second one on each is like the last
  const { client, server, kinds } = wire.proxy.lastFlush;
  assert.match(kinds.client[0], /^Q BEGIN/);
  assert.equal(kinds.client.at(-1), 'Q COMMIT');
  return { client, server, kinds };
}

function cutsOf({ client, server }) {
  const every = [[CLIENT, client], [SERVER, server]].flatMap(([from, n]) =>
    Array.from({ length: n }, (_, i) => [{ from, n: i + 1, half: false }, { from, n: i + 1, half: true }]).flat());
  if (process.env.ATTRIB_CUTS === 'all') return every;
  const last = { client, server };
  const near = every.filter((cut) => cut.n > last[cut.from] - 2);
  return [...near, ...rng(SEED).shuffle(every.filter((cut) => !near.includes(cut))).slice(0, SAMPLE)];
}

test(`cut at every message of a flush, in both directions (seed ${SEED})`, async (t) => {
  const counted = await count();
  const cuts = cutsOf(counted);
  const fired = { all: 0, half: 0, unanswered: 0 };
  let since = [];
  for (const [i, cut] of cuts.entries()) {
    let met;
    const meeting = wire.proxy.cutAt(cut.from, cut.n, cut.half).then((what) => { met = what; });
    await flushOne();
    assert.ok(met, `${JSON.stringify(cut)}: the flush had fewer messages`);
    await meeting;
    fired.all += 1;
    fired.half += cut.half;
    fired.unanswered += cut.from === SERVER && met.kind === 'C' && met.last === 'Q COMMIT';
    since.push(`${cut.from} ${cut.n}${cut.half ? ' half' : ''}`);
    if (since.length < EVERY && i + 1 < cuts.length) continue;
    await check(wire.shop, wire.log, `seed ${SEED}, cuts at ${since.join(', ')}`);
    since = [];
  }
  t.diagnostic(`a flush of ${counted.client} messages, answered by ${counted.server}: ${fired.all} cuts, ${fired.half} in mid-message, `
    + `${fired.unanswered} with COMMIT done and not answered`);
  assert.equal(fired.all, cuts.length);
  assert.ok(fired.half > 0 && fired.unanswered > 0);
});

// -- negative controls: what a flush that is written twice looks like to the checker -----------------------------

const wrongNow = async () => (await differences((sql) => wire.shop.query(sql), wire.log)).join('\n');

test('negative control: a flush that is played to the server twice is noticed', async () => {
  await wire.fresh();
  await flushOne();
  assert.equal(await wrongNow(), '');
  wire.proxy.replayNext();
  await flushOne();
  await flushOne(); // behind the replay
  assert.equal(wire.proxy.replays, 1);
  assert.match(await wrongNow(), /^traffic: /m);
});

test('negative control: positions that are lost between a crash and the restart are noticed', async () => {
  await wire.fresh();
  await flushOne();
  await prove(wire.shop, wire.log);
  await wire.shop.kill('SIGKILL');
  await wire.shop.query('DELETE FROM attrib.lane_position');
  await wire.shop.start();
  await wire.shop.quiet();
  assert.match(await wrongNow(), /^traffic: /m);
});
