// What the same events cost a daemon with its state in memory, one with its state in Redis, and more of them over one Redis:
// processor time an event in attribd, in Redis and in PostgreSQL, commands, bytes and rows; and how long
// clients wait for their answers, which wait for no Redis.
//
//   ATTRIBD=build/daemon/attribd node bench/instances.mjs [--instances N] [--events N] [--visitors N] [--orders 0..14]
//     [--rounds N] [--rate N] [--seconds N]
//
// Of 100 events 45 are landings (a third of them without a key), 35 clicks, 10 carts at least, and up to 14 orders, half of
// them with a code; all visitors are known before. Requests have 100 events, one after the other to each instance. The
// time to an answer is that of single events from when each was due, `rate` a second, from memory's daemon and the first
// one's of Redis in turns. All run all the time; what is idle costs next to nothing. Needs redis-server, and `npm ci` in
// tests/e2e once. With more cores than two the daemons, too, run beside each other; then the rate at which all are
// level says how it scales.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { Agent, request as ask } from 'node:http';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CATALOG, Shop, WRITE_KEY, root, sleep } from '../tests/e2e/support.mjs';
import { Redis } from '../tests/support/redis.mjs';

const option = (fallback) => ({ type: 'string', default: fallback });
const { values } = parseArgs({ options: { instances: option('2'), events: option('40000'), visitors: option('10000'), orders: option('10'), rounds: option('3'), rate: option('500'), seconds: option('4') } });
const [INSTANCES, EVENTS, VISITORS, ORDERS, ROUNDS, RATE, SECONDS] = ['instances', 'events', 'visitors', 'orders', 'rounds', 'rate', 'seconds'].map((name) => Number(values[name]));
const REQUEST = 100;
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const sum = (list) => list.reduce((a, b) => a + b, 0);

// -- what is sent ----------------------------------------------------------------------------------

let serial = 0;
function event(visitor = Math.floor(Math.random() * VISITORS)) {
  const i = (serial += 1), kind = i % 100;
  const base = { event_id: `e-${i}`, visitor_id: `v-${visitor}` };
  if (kind < 35) return { ...base, type: 'click', link: i % 2 ? 'ann-link' : 'bob-link' };
  if (kind < 80) return { ...base, type: 'visit', url: `https://shop.example/${['', '?ref=bob', '?utm_source=tiktok&utm_medium=video'][i % 3]}` };
  if (kind < 80 + ORDERS) return { ...base, type: 'purchase', customer_id: `c-${visitor}`, order: { id: `o-${i}`, currency: 'EUR', total: '49.90', codes: i % 2 ? ['ANN10'] : [] } };
  return { ...base, type: 'cart' };
}

// -- who takes it ----------------------------------------------------------------------------------

const opened = [];
class Setup {
  static async open(name, instances, shared) {
    const setup = new Setup();
    opened.push(setup);
    setup.name = name;
    if (shared) setup.redis = await Redis.open();
    const shop = await Shop.open({ catalog: CATALOG, start: false, settings: shared ? `state = ${setup.redis.url}` : '' });
    setup.shops = [shop];
    for (const verb of ['stop', 'start']) execFileSync(join(root, 'tools/private-postgres'), [verb, shop.postgresDir]); // with fsync
    await shop.start();
    while (setup.shops.length < instances) {
      const dir = join(shop.dir, `state-${setup.shops.length}`);
      mkdirSync(dir);
      cpSync(join(shop.dir, 'state/secret'), join(dir, 'secret'));
      const other = await shop.sibling(`instance-${setup.shops.length}`, dir);
      setup.shops.push(other);
      await other.start();
    }
    return setup;
  }

  async send(n, visitor) {
    let left = n / REQUEST, next = 0;
    await Promise.all(this.shops.map(async (shop) => {
      while (left-- > 0) {
        const response = await shop.events(Array.from({ length: REQUEST }, () => event(visitor?.(next++))), { type: 'application/x-ndjson' });
        const answer = await response.json();
        if (response.status !== 200 || answer.rejected.length) throw new Error(JSON.stringify(answer));
      }
    }));
    for (const shop of this.shops) await shop.quiet();
  }

  async metric(name) {
    return sum(await Promise.all(this.shops.map(async (shop) =>
      Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(await (await fetch(`${shop.admin}/metrics`)).text())[1]))));
  }

  // A backend tells its statistics when it has been idle for ten seconds.
  async rows() {
    await sleep(11000);
    const [{ rows }] = await this.shops[0].query('SELECT (tup_inserted + tup_updated + tup_deleted)::float8 AS rows FROM pg_stat_database WHERE datname = current_database()');
    return { rows, events: sum(await Promise.all(this.shops.map(async (shop) => (await shop.status()).sink.flushed))) };
  }

  async figures() {
    const [{ wal }] = await this.shops[0].query("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 AS wal");
    const info = this.redis?.cli('info', 'everything');
    const number = (name) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
    return {
      'attribd us': sum(this.shops.map((shop) => used(shop.process.pid))), 'of it engine us': sum(this.shops.map((shop) => used(shop.process.pid, 'engine'))),
      'Redis us': this.redis ? used(this.redis.process.pid) : 0, 'PostgreSQL us': postgres(this.shops[0].postgresDir),
      'Redis commands': number('total_commands_processed'), 'bytes to Redis': number('total_net_input_bytes'), 'bytes from Redis': number('total_net_output_bytes'),
      'bytes of WAL': wal, 'merges x 1000': 1000 * await this.metric('attribd_sink_flushes_total'),
    };
  }

  async close() {
    for (const shop of this.shops?.slice(1) ?? []) await shop.kill();
    await this.shops?.[0].close();
    await this.redis?.close();
  }
}

// Processor time in microseconds: of a process, or of its threads of that name.
function used(pid, name) {
  const tasks = `/proc/${pid}/task`;
  return sum(readdirSync(tasks).filter((id) => !name || readFileSync(`${tasks}/${id}/comm`, 'utf8').startsWith(name))
    .map((id) => Number(readFileSync(`${tasks}/${id}/schedstat`, 'utf8').split(' ')[0]) / 1000));
}
function postgres(dir) {
  const stat = (pid) => readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
  const master = Number(readFileSync(join(dir, 'data/postmaster.pid'), 'utf8').split('\n')[0]);
  return sum(readdirSync('/proc').filter((pid) => /^\d+$/.test(pid)).map((pid) => {
    try {
      const of = stat(pid);
      return Number(pid) === master || Number(of[1]) === master ? sum(of.slice(11, Number(pid) === master ? 15 : 13).map(Number)) * 1e4 : 0;
    } catch { return 0; }
  }));
}

// -- what it costs ---------------------------------------------------------------------------------

async function cost(setup) {
  const before = await setup.figures(), began = performance.now();
  await setup.send(EVENTS);
  const seconds = (performance.now() - began) / 1000, after = await setup.figures();
  return { 'events/s until level': EVENTS / seconds, ...Object.fromEntries(Object.keys(after).map((name) => [name, (after[name] - before[name]) / EVENTS])) };
}

// -- how long it takes -----------------------------------------------------------------------------

function post(shop, agent) {
  const body = JSON.stringify(event());
  return new Promise((done, fail) => {
    ask({ host: '127.0.0.1', port: shop.port, path: '/v1/events', method: 'POST', agent,
      headers: { authorization: `Bearer ${WRITE_KEY}`, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } }, (response) => {
      response.resume().on('end', () => (response.statusCode === 200 ? done() : fail(new Error(`answered ${response.statusCode}`))));
    }).on('error', fail).end(body);
  });
}

async function pace(setup) {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const taken = [], waiting = [], began = performance.now();
  for (let i = 0; i < RATE * SECONDS;) {
    for (const now = performance.now() - began; i < RATE * SECONDS && (i * 1000) / RATE <= now; i++) {
      const due = began + (i * 1000) / RATE;
      waiting.push(post(setup.shops[0], agent).then(() => taken.push(performance.now() - due)));
    }
    await sleep(1);
  }
  await Promise.all(waiting);
  agent.destroy();
  const sorted = taken.sort((a, b) => a - b);
  return { p50: sorted[Math.floor(sorted.length * 0.5)], p99: sorted[Math.floor(sorted.length * 0.99)] };
}

// -- side by side ----------------------------------------------------------------------------------

try {
  const setups = [await Setup.open('memory', 1, false), await Setup.open('Redis', 1, true)];
  if (INSTANCES > 1) setups.push(await Setup.open(`Redis, ${INSTANCES} instances`, INSTANCES, true));
  for (const setup of setups) await setup.send(VISITORS, (i) => i);
  const all = () => Promise.all(setups.map((setup) => setup.rows()));
  const before = await all();
  const found = new Map(setups.map((setup) => [setup, { costs: [], times: [] }]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const setup of setups) found.get(setup).costs.push(await cost(setup));
    for (const setup of setups.slice(0, 2)) found.get(setup).times.push(await pace(setup));
  }
  console.log(`${EVENTS} events of ${VISITORS} known visitors, ${ORDERS} orders in 100, medians of ${ROUNDS}; for an event:`);
  const names = Object.keys(found.get(setups[0]).costs[0]);
  const width = Math.max(...names.map((name) => name.length));
  console.log(`${''.padEnd(width)}  ${setups.map(({ name }) => name.padStart(20)).join('')}`);
  for (const name of names) console.log(`${name.padEnd(width)}  ${setups.map((setup) => median(found.get(setup).costs.map((one) => one[name])).toFixed(2).padStart(20)).join('')}`);
  const after = await all();
  console.log(`${'rows written'.padEnd(width)}  ${after.map(({ rows, events }, i) => ((rows - before[i].rows) / (events - before[i].events)).toFixed(2).padStart(20)).join('')}`);
  const time = (setup, name) => median(found.get(setup).times.map((one) => one[name]));
  for (const name of ['p50', 'p99']) {
    const [memory, redis] = setups.map((setup, i) => i < 2 && time(setup, name));
    console.log(`answers at ${RATE}/s, ${name}: memory ${memory.toFixed(2)} ms, Redis ${redis.toFixed(2)} ms, ratio ${(redis / memory).toFixed(2)}`);
  }
} finally {
  for (const setup of opened) await setup.close();
}
