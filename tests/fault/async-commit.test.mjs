// A server whose synchronous_commit is off forgets its last commits in a crash. What PostgreSQL has confirmed may be
// deleted from the journal at once, so attribd's own sessions don't take that setting over.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { prove } from './checker.mjs';
import { Wire } from './wire.mjs';
import { play, workload } from './workload.mjs';

const SEED = Number(process.env.ATTRIB_SEED ?? Date.now() % 1e9);
const ROUNDS = 2;
// What is written behind the back of a commit comes no sooner than this.
const OPTIONS = '-c fsync=off -c synchronous_commit=off -c wal_writer_delay=10s -c wal_writer_flush_after=0 -c log_min_messages=fatal -c max_connections=60';
// Segments are deleted as soon as PostgreSQL and both checkpoints have them.
const SETTINGS = 'workers = 2\nflush_interval = 50ms\njournal.segment_size = 16K\njournal.retain = 0\ncheckpoint_interval = 100ms';
let wire;
before(async () => { wire = await Wire.open(SETTINGS, OPTIONS); });
after(() => wire.close());

test(`PostgreSQL crashes ${ROUNDS} times, and has what it confirmed (seed ${SEED})`, async (t) => {
  await wire.fresh();
  await wire.stage.pool.query('CREATE TABLE stranger (round int)');
  let forgotten = 0;
  for (let round = 0; round < ROUNDS; round++) {
    await play(wire.shop, wire.log, workload(SEED + round, { orders: 40, name: `${round}-` }), { again: 1 });
    await wire.shop.quiet();
    await wire.stage.pool.query(`INSERT INTO stranger VALUES (${round})`);
    await wire.stopImmediately();
    await wire.postgres('start');
    await wire.answers();
    const { rows } = await wire.stage.pool.query(`SELECT 1 FROM stranger WHERE round = ${round}`);
    forgotten += rows.length === 0;
  }
  const { acked } = await prove(wire.shop, wire.log, `seed ${SEED}`);
  assert.equal(wire.shop.exit, undefined, wire.shop.log);
  t.diagnostic(`${acked} events acknowledged; ${forgotten} commits of another session were forgotten`);
  assert.ok(forgotten > 0, 'negative control: the server does forget');
});
