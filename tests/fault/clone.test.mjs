// A clone: the state directory of a running daemon is copied, both run, and clients tell either of them.
// PostgreSQL lets one of the two go on; the other one ends and says why. What that one had acknowledged and
// not written is in its journal alone until it is adopted, and then counts once.

import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { rng } from '../oracle/random.mjs';
import { sleep } from '../e2e/support.mjs';
import { differences, prove } from './checker.mjs';
import { Wire } from './wire.mjs';
import { play, workload } from './workload.mjs';

const SEED = Number(process.env.ATTRIB_SEED ?? Date.now() % 1e9);
let wire;
let twin;
before(async () => { wire = await Wire.open(); });
after(async () => {
  await twin?.kill();
  await wire.close();
});

// What a client sees behind a balancer: now the one, now the other, as long as both run.
const balanced = (r, daemons) => ({
  get base() {
    const running = daemons().filter((daemon) => !daemon.exit);
    return r.pick(running.length ? running : daemons()).base;
  },
  get log() { return daemons().map((daemon) => daemon.log).join('\n'); },
});

test(`a clone of a running daemon: one goes on, nothing is lost, nothing counts twice (seed ${SEED})`, async (t) => {
  await wire.fresh();
  const { shop, log } = wire;
  const r = rng(SEED);
  const copied = join(shop.dir, 'copied');
  const daemons = () => [shop, twin].filter(Boolean);
  const batches = workload(SEED, { orders: 150, largest: 12 });
  const cloneAt = Math.floor(batches.length * (0.2 + 0.4 * r.next()));
  await play(balanced(r, daemons), log, batches.slice(0, cloneAt), { seed: SEED });
  // PostgreSQL is away when both begin to acknowledge, so that each has what the other lacks.
  await wire.postgres('stop');
  cpSync(join(shop.dir, 'state'), copied, { recursive: true });
  twin = await shop.sibling('twin', copied);
  await twin.start();
  const half = Math.floor((cloneAt + batches.length) / 2);
  await play(balanced(r, daemons), log, batches.slice(cloneAt, half), { seed: SEED + 1 });
  await wire.postgres('start');
  await wire.answers();
  await play(balanced(r, daemons), log, batches.slice(half), { seed: SEED + 2 });
  while (!daemons().some((daemon) => daemon.exit)) await sleep(10);

  const [over, left] = shop.exit ? [shop, twin] : [twin, shop];
  assert.deepEqual(over.exit, { code: 78, signal: null }, over.log);
  assert.match(over.log, /another process runs under this instance's identity/);
  await left.quiet();
  const lost = (await differences((sql) => shop.query(sql), log)).join('\n');
  assert.match(lost, /^lost: /m, 'negative control: without the journal of the other one something is missing');
  await left.stop();
  const told = await shop.cli('journal', 'adopt', over === shop ? join(shop.dir, 'state') : copied, '-c', left.config);
  await left.start();
  left.query = (sql) => shop.query(sql); // one database, and the original knows its name
  const { acked, maybe } = await prove(left, log, `seed ${SEED}`);
  t.diagnostic(`${over === shop ? 'the original' : 'the clone'} ended; ${told.trim().split('\n').at(-1)}; ${acked} events acknowledged, ${maybe} in doubt`);
});
