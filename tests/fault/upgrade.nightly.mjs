// A rolling upgrade: three daemons of an older build over one Redis and one PostgreSQL, each request to any of them, 30 % of
// the events twice. While that goes on the present build brings the schema forward under the older ones, then each is
// stopped or killed and followed by the present build on its directory, until none is left; then they go back in the same
// way, where the schema lets the older build in, else that is refused in words. After each way: nothing
// acknowledged is lost, nothing counts twice, all sums are the model's, traffic exact.
//
//   ATTRIB_OLDER=path              the older attribd; ./check --nightly builds the commit in tests/fault/older
//   ATTRIBD=path                   the present one
//   ATTRIB_SEED=n                  the first schedule's seed (default: from the clock; printed)
//   ATTRIB_UPGRADE_SCHEDULES=n     how many (default 1; nightly 20)
//   ATTRIB_UPGRADE_ORDERS=n        of each way (default 120)

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { CATALOG, Shop, attribd } from '../e2e/support.mjs';
import { rng } from '../oracle/random.mjs';
import { Redis } from '../support/redis.mjs';
import { lastingDifferences, Log, settle } from './checker.mjs';
import { play, sprayed, workload } from './workload.mjs';

const OLDER = process.env.ATTRIB_OLDER;
assert.ok(OLDER && existsSync(OLDER), `ATTRIB_OLDER names no attribd: ${OLDER}`);
const SEED = Number(process.env.ATTRIB_SEED ?? Date.now() % 1e9);
const SCHEDULES = Number(process.env.ATTRIB_UPGRADE_SCHEDULES ?? 1);
const ORDERS = Number(process.env.ATTRIB_UPGRADE_ORDERS ?? 120);
const NAMES = ['b', 'c'];

// Three daemons of the older build; use(instances) decides what becomes of them.
async function stage(use) {
  const redis = await Redis.open();
  let shop, instances = [];
  try {
    shop = await Shop.open({ catalog: CATALOG, settings: `state = ${redis.url}`, program: OLDER });
    instances = [shop];
    for (const name of NAMES) {
      instances.push(await shop.instance(name));
      await instances.at(-1).start();
    }
    await use(instances);
  } finally {
    for (const instance of instances.slice(1)) await instance.kill();
    await shop?.close();
    await redis.close();
  }
}

const versions = async (shop) => (await shop.query('SELECT version, oldest_daemon AS oldest FROM attrib.schema_version ORDER BY version DESC LIMIT 1'))[0];
const migrate = (program, shop) => execFileSync(program, ['migrate', '-c', shop.config], { encoding: 'utf8', stdio: 'pipe' });

// One after the other, in any order: it ends, and the other build goes on in its place.
async function follow(instance, program, r, fired) {
  const how = r.pick(['SIGTERM', 'SIGKILL']);
  instance.away = true;
  await instance.kill(how);
  instance.program = program;
  await instance.start();
  instance.away = false;
  fired.push(how);
}

// Plays a shop's day; the steps happen one after the other, spread over it, and each has batches behind it.
async function day(instances, log, seed, name, steps) {
  const r = rng(seed), batches = workload(seed, { orders: ORDERS, largest: 8, name });
  const at = new Map(steps.map((step, k) => [Math.floor((batches.length * (k + 0.2 + 0.6 * r.next())) / steps.length), step]));
  let last = Promise.resolve();
  await play(sprayed(r, instances), log, batches, { seed, at: (i) => {
    if (!at.has(i)) return undefined;
    last = last.then(at.get(i));
    last.catch(() => {}); // it is awaited below
    return last; // of this client; the others go on
  } });
  await last;
  assert.ok(at.size === steps.length && at.size > 0, 'a step has not happened');
  for (const instance of instances) await instance.quiet();
  await settle(sprayed(r, instances), log);
}

async function right(instances, log, what) {
  const lines = await lastingDifferences(instances, log);
  assert.deepEqual(lines.slice(0, 40), [], `${what}\n${sprayed(rng(1), instances).log}`);
  assert.deepEqual(await instances[0].query('SELECT detail FROM attrib.quarantine'), [], what);
}

// The older build meets a schema that says that it is too old.
async function refused(instance) {
  await instance.stop();
  instance.program = OLDER;
  await instance.start({ ready: false });
  assert.deepEqual(await instance.exited, { code: 78, signal: null }, instance.log);
  assert.match(instance.log, /needs a newer attribd .*install the newer program/);
  instance.program = undefined;
  await instance.start();
}

async function schedule(t, seed) {
  await stage(async (instances) => {
    const [shop] = instances, r = rng(seed), log = new Log(), fired = [];
    const order = () => [...instances].sort(() => r.next() - 0.5);
    const again = `again with ATTRIB_SEED=${seed} ATTRIB_UPGRADE_SCHEDULES=1 ATTRIB_UPGRADE_ORDERS=${ORDERS}`;
    const first = await versions(shop);
    await day(instances, log, seed, `up-${seed}-`, [
      async () => { migrate(attribd, shop); fired.push('migrate'); },
      ...order().map((instance) => () => follow(instance, undefined, r, fired)),
    ]);
    await right(instances, log, `forward; ${again}`);
    const now = await versions(shop);
    t.diagnostic(`schema ${first.version} to ${now.version}, daemons from ${now.oldest} on; ${fired.join(', ')}`);

    if (now.version > first.version) {
      assert.throws(() => migrate(OLDER, shop), ({ stderr }) => /only knows up to \d+: install the newer program/.test(stderr));
    }
    if (now.oldest > first.version) {
      await refused(r.pick(instances));
      t.diagnostic('the older build is refused');
      return;
    }
    const back = [];
    await day(instances, log, seed + 1, `back-${seed}-`, order().map((instance) => () => follow(instance, OLDER, r, back)));
    const errors = await Promise.all(instances.map((instance) => instance.metric('attribd_sink_errors_total')));
    await right(instances, log, `back; ${again}`);
    t.diagnostic(`back: ${back.join(', ')}; errors of older flushes: ${errors.join(', ')}`);
    await day(instances, log, seed + 2, `again-${seed}-`, [() => follow(r.pick(instances), undefined, r, back)]);
    await right(instances, log, `one of them forward again; ${again}`);
    assert.equal(fired.length + back.length, 1 + 2 * instances.length + 1);
  });
}

for (let round = 0; round < SCHEDULES; round++) {
  const seed = SEED + 10 * round;
  test(`rolling upgrade ${round + 1} of ${SCHEDULES}, seed ${seed}, ${ORDERS} orders each way`, (t) => schedule(t, seed));
}

// The control: a schema whose functions no longer do what the older daemons call them for.
test('functions that fail the older build are noticed', () => stage(async (instances) => {
  const log = new Log();
  await day(instances, log, SEED, 'control-', [async () => {
    migrate(attribd, instances[0]);
    await instances[0].query('CREATE OR REPLACE FUNCTION attrib.merge_v1_refunds() RETURNS void LANGUAGE sql AS $$ SELECT $$');
  }]);
  assert.ok((await lastingDifferences(instances, log, { looks: 1 })).some((line) => /refund/.test(line)), 'nobody noticed');
}));
