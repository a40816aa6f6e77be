// Restarts of every kind: other numbers of workers, kill -9 in the middle of a recovery, PostgreSQL
// away. The counts of the status never fall and are equal again when it is quiet.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { rng } from '../oracle/random.mjs';
import { CATALOG, Shop, sleep } from './support.mjs';

const SEED = Number(process.env.ATTRIB_SEED ?? Date.now() % 1e9);
let shop;
before(async () => { shop = await Shop.open({ catalog: CATALOG }); });
after(() => shop.close());

let sent = 0;
async function send(count) {
  while (count > 0) {
    const batch = [];
    for (; batch.length < 500 && count > 0; count -= 1) {
      sent += 1;
      batch.push({ type: 'click', event_id: `c-${sent}`, visitor_id: `v-${sent % 1997}`, link: 'ann-link' });
      batch.push({ type: 'purchase', event_id: `p-${sent}`, visitor_id: `v-${sent % 1997}`,
        order: { id: `o-${sent}`, currency: 'EUR', total: '10.00' } });
    }
    // one connection each: they go to the worker with the fewest
    const response = await shop.events(batch);
    assert.equal(response.status, 200);
    await response.text();
  }
}

async function allCounted() {
  const s = await shop.quiet(2 * sent);
  assert.equal(s.journal.committed, 2 * sent, 'each record is one number');
  const [row] = await shop.query("select count(*)::int as orders, sum(gross)::text as gross from attrib.order_credit where model = 'policy' and creator = 'ann'");
  assert.deepEqual(row, { orders: sent, gross: `${sent * 10}.00` });
  const [t] = await shop.query('select sum(clicks)::int as clicks from attrib.traffic_daily');
  assert.equal(t.clicks, sent);
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
  return s;
}

// Asks all the time, through all restarts; remembers the highest of each and every fall.
function watch() {
  const seen = { committed: 0, applied: 0, flushed: 0 };
  const falls = [];
  let on = true;
  const looking = (async () => {
    while (on) {
      try {
        const s = await shop.status();
        const now = { committed: s.journal.committed, applied: s.engine.applied, flushed: s.sink.flushed };
        assert.ok(now.flushed <= now.applied && now.applied <= now.committed, JSON.stringify(now));
        for (const k of Object.keys(seen)) {
          // a catalog that still has decisions to write keeps flushed one below
          if (now[k] < seen[k] - (k === 'flushed')) falls.push(`${k}: ${seen[k]} -> ${now[k]}`);
          seen[k] = Math.max(seen[k], now[k]);
        }
      } catch (error) {
        if (error.code === 'ERR_ASSERTION') falls.push(error.message);
      }
      await sleep(3);
    }
  })();
  return async () => { on = false; await looking; return falls; };
}

function workers(count) {
  shop.writeConfig({ settings: '' });
  return import('node:fs').then(({ readFileSync, writeFileSync }) =>
    writeFileSync(shop.config, readFileSync(shop.config, 'utf8').replace(/workers = .*/, `workers = ${count}`)));
}

test('another number of workers at every start', async () => {
  const end = watch();
  for (const [i, count] of [1, 4, 2, 1, 3].entries()) {
    await shop.stop();
    await workers(count);
    await shop.start();
    await send(150);
    if (i % 2) await shop.kill('SIGKILL').then(() => shop.start());
  }
  await allCounted();
  assert.deepEqual(await end(), []);
});

test(`kill -9 during recovery, again and again (seed ${SEED})`, async (t) => {
  const r = rng(SEED);
  const end = watch();
  let early = 0;
  await send(6000);
  await shop.kill('SIGKILL');
  for (let i = 0; i < 12; i++) {
    await shop.start({ ready: false });
    await sleep(r.int(250));
    early += !/state rebuilt/.test(shop.log);
    assert.equal((await shop.kill('SIGKILL')).signal, 'SIGKILL');
  }
  t.diagnostic(`${early} of 12 kills came before the state was complete`);
  await shop.start();
  await send(10);
  await allCounted();
  assert.deepEqual(await end(), []);
});

test('restarts while PostgreSQL is away: nothing falls, the rest is counted once it is back', async () => {
  const end = watch();
  const { journal } = await shop.status();
  shop.stopPostgres();
  await shop.stop();
  await shop.start();
  assert.equal((await shop.status()).journal.committed, journal.committed);
  await send(100);
  await shop.kill('SIGKILL');
  await shop.start();
  await send(100);
  assert.equal((await shop.status()).journal.committed, 2 * sent);
  shop.startPostgres();
  await allCounted();
  assert.deepEqual(await end(), []);
});

test('SIGTERM at any time of a start ends with 0', async () => {
  const r = rng(SEED + 1);
  await shop.stop();
  for (let i = 0; i < 8; i++) {
    await shop.start({ ready: false });
    // before its handlers and mask exist a process dies of any signal
    while (!/attribd \S+: \d+ workers/.test(shop.log) && !shop.exit) await sleep(2);
    await sleep(r.int(60));
    assert.deepEqual(await shop.stop(), { code: 0, signal: null }, shop.log);
  }
  shop.stopPostgres();
  await shop.start({ ready: false });
  while (!/attribd \S+: \d+ workers/.test(shop.log) && !shop.exit) await sleep(2);
  assert.deepEqual(await shop.stop(), { code: 0, signal: null }, 'PostgreSQL away');
  shop.startPostgres();
  await shop.start();
  await allCounted();
});
