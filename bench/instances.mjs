// What the same events cost a daemon with its state in memory, one with its state in Redis, and more of them over one Redis:
// processor time an event in attribd, in Redis and in PostgreSQL, commands, bytes and rows; and how long
// clients wait for their answers, which wait for no Redis.
//
//   ATTRIBD=build/daemon/attribd node bench/instances.mjs [--instances N] [--events N] [--visitors N] [--orders 0..14]
//     [--rounds N] [--rate N] [--seconds N]
//   ATTRIBD=build/daemon/attribd node bench/instances.mjs --share 0.1 [--instances N] [--events N] [--visitors N] [--orders 0..14] [--rounds N]
//
// Of 100 events 45 are landings (a third of them without a key), 35 clicks, 10 carts at least, and up to 14 orders, half of
// them with a code; all visitors are known before. Requests have 100 events, one after the other to each instance. The
// time to an answer is that of single events from when each was due, `rate` a second, from memory's daemon and the first
// one's of Redis, a second of each in turns. All run all the time; what is idle costs next to nothing. Needs redis-server, and `npm ci` in
// tests/e2e once. With more cores than two the daemons, too, run beside each other; then the rate at which all are
// level says how it scales.
//
// With --share how it scales is measured on any machine: each instance may use that part of one core and no more (see
// share.mjs), so that instances are full and Redis, PostgreSQL and the client are not. Then one, two ... of them over one
// Redis and one PostgreSQL get `events` each, over four connections each, as fast as they take them, in turns.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { Agent, request as ask } from 'node:http';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CATALOG, Shop, WRITE_KEY, root, sleep } from '../tests/e2e/support.mjs';
import { Redis } from '../tests/support/redis.mjs';
import { Share } from './share.mjs';

const option = (fallback) => ({ type: 'string', default: fallback });
const { values } = parseArgs({ options: { instances: option('2'), events: option('40000'), visitors: option('10000'), orders: option('10'), rounds: option('3'), rate: option('500'), seconds: option('4'), share: option('0') } });
const [INSTANCES, EVENTS, VISITORS, ORDERS, ROUNDS, RATE, SECONDS, SHARE] = ['instances', 'events', 'visitors', 'orders', 'rounds', 'rate', 'seconds', 'share'].map((name) => Number(values[name]));
if (!(SHARE >= 0 && SHARE <= 1)) throw new Error(`--share ${values.share}: expected a part of one core, between 0 and 1`);
const REQUEST = 100, CONNECTIONS = 4;
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

const opened = [], shares = [];
async function end() {
  for (const setup of opened.splice(0)) await setup.close();
  for (const share of shares.splice(0)) share.close();
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => end().finally(() => process.exit(1)));

class Setup {
  static async open(name, instances, shared) {
    const setup = new Setup();
    opened.push(setup);
    setup.name = name;
    if (shared) setup.redis = await Redis.open();
    const shop = await Shop.open({ catalog: CATALOG, start: false, settings: shared ? `state = ${setup.redis.url}` : '' });
    setup.shops = [shop];
    if (SHARE) writeFileSync(shop.config, readFileSync(shop.config, 'utf8').replace(/^(flush_interval|webhook_timeout) = .*\n/gm, '')); // a merge costs what many small ones don't share
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

function post(shop, agent, body, type = 'application/json') {
  return new Promise((done, fail) => {
    ask({ host: '127.0.0.1', port: shop.port, path: '/v1/events', method: 'POST', agent,
      headers: { authorization: `Bearer ${WRITE_KEY}`, 'content-type': type, 'content-length': Buffer.byteLength(body) } }, (response) => {
      response.resume().on('end', () => (response.statusCode === 200 ? done() : fail(new Error(`answered ${response.statusCode}`))));
    }).on('error', fail).end(body);
  });
}

// One second of it, in milliseconds each.
async function pace(setup, agent) {
  const taken = [], waiting = [], began = performance.now();
  for (let i = 0; i < RATE;) {
    for (const now = performance.now() - began; i < RATE && (i * 1000) / RATE <= now; i++) {
      const due = began + (i * 1000) / RATE;
      waiting.push(post(setup.shops[0], agent, JSON.stringify(event())).then(() => taken.push(performance.now() - due)));
      waiting.at(-1).catch(() => {}); // it is awaited below
    }
    await sleep(1);
  }
  await Promise.all(waiting);
  return taken;
}

// Seconds of the one and of the other in turns, so that what else the machine does meets both: of each the times of its seconds.
async function paces(setups) {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const times = setups.map(() => []);
  for (let second = 0; second < SECONDS; second++) for (const i of second % 2 ? [1, 0] : [0, 1]) times[i].push(await pace(setups[i], agent));
  agent.destroy();
  return times;
}

const percentile = (times, p) => [...times].sort((a, b) => a - b)[Math.floor((times.length * p) / 100)];

// -- how it scales ---------------------------------------------------------------------------------

// Microseconds in which the machine's cores had nothing to do, all together.
const idle = () => Number(readFileSync('/proc/stat', 'utf8').split('\n')[0].split(/\s+/)[4]) * 1e4;

async function level(shop) {
  for (; ; await sleep(50)) {
    const { journal, engine, sink } = await shop.status();
    if (engine.applied === journal.committed && sink.flushed === journal.committed) return;
  }
}

// The first n instances get what they take, until PostgreSQL has all of it.
async function flood(setup, shares, n) {
  const shops = setup.shops.slice(0, n), groups = shares.slice(0, n);
  const bodies = Array.from({ length: (n * EVENTS) / REQUEST }, () => Array.from({ length: REQUEST }, () => JSON.stringify(event())).join('\n'));
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const look = () => ({
    ...Object.fromEntries(shops.map((shop, i) => [i, used(shop.process.pid)])), Redis: used(setup.redis.process.pid), PostgreSQL: postgres(setup.shops[0].postgresDir),
    client: sum(Object.values(process.cpuUsage())), idle: idle(),
    ...Object.fromEntries(groups.flatMap((group, i) => Object.entries(group.figures()).map(([name, n]) => [`${name} ${i}`, n]))),
  });
  const before = look(), began = performance.now();
  await Promise.all(shops.flatMap((shop) => Array.from({ length: CONNECTIONS }, async () => {
    for (let body; (body = bodies.pop());) await post(shop, agent, body, 'application/x-ndjson');
  })));
  const acknowledged = performance.now() - began;
  await Promise.all(shops.map(level));
  const us = (performance.now() - began) * 1000, after = look();
  agent.destroy();
  const spent = Object.fromEntries(Object.keys(after).map((name) => [name, after[name] - before[name]]));
  const least = (of) => Math.min(...shops.map((_, i) => of(i)));
  return {
    'acknowledged/s': (n * EVENTS * 1000) / acknowledged, 'merged/s': (n * EVENTS * 1e6) / us, 'attribd us an event': sum(shops.map((_, i) => spent[i])) / (n * EVENTS),
    'share used, % (least)': least((i) => (100 * spent[i]) / (SHARE * us)),
    'throttled periods (least)': least((i) => spent[`throttled ${i}`]), 'of periods, % (least)': least((i) => (100 * spent[`throttled ${i}`]) / spent[`periods ${i}`]),
    ...Object.fromEntries(['Redis', 'PostgreSQL', 'client', 'idle'].map((name) => [`${name}, cores`, spent[name] / us])),
  };
}

const table = (columns, names, cell) => {
  const width = Math.max(...names.map((name) => name.length));
  console.log(`${''.padEnd(width)}  ${columns.map((name) => name.padStart(20)).join('')}`);
  for (const name of names) console.log(`${name.padEnd(width)}  ${columns.map((_, i) => cell(i, name).padStart(20)).join('')}`);
};

async function scale() {
  for (let i = 0; i < INSTANCES; i++) shares.push(new Share(`attribd-bench-${process.pid}-${i}`, SHARE));
  const setup = await Setup.open('Redis', INSTANCES, true);
  await setup.send(VISITORS, (i) => i);
  setup.shops.forEach((shop, i) => shares[i].take(shop.process.pid));
  const found = setup.shops.map(() => []);
  for (let round = 0; round < ROUNDS; round++) for (const [i, rounds] of found.entries()) rounds.push(await flood(setup, shares, i + 1));
  console.log(`${EVENTS} events for each instance of ${VISITORS} known visitors, ${ORDERS} orders in 100, ${SHARE} of a core for each instance, medians of ${ROUNDS}; all of it together, or of the instance with the least:`);
  table(found.map((_, i) => `${i + 1} instance${i ? 's' : ''}`), Object.keys(found[0][0]), (i, name) => median(found[i].map((one) => one[name])).toFixed(2));
  for (const name of ['acknowledged/s', 'merged/s']) {
    for (const [i, rounds] of found.entries()) {
      const ratios = rounds.map((one, round) => one[name] / found[0][round][name]);
      if (i) console.log(`${name}, ${i + 1} instances by one: ${median(ratios).toFixed(2)} (rounds: ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`);
    }
  }
}

// -- side by side ----------------------------------------------------------------------------------

async function compare() {
  const setups = [await Setup.open('memory', 1, false), await Setup.open('Redis', 1, true)];
  if (INSTANCES > 1) setups.push(await Setup.open(`Redis, ${INSTANCES} instances`, INSTANCES, true));
  for (const setup of setups) await setup.send(VISITORS, (i) => i);
  const all = () => Promise.all(setups.map((setup) => setup.rows()));
  const before = await all();
  const found = new Map(setups.map((setup) => [setup, { costs: [] }])), times = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (const setup of setups) found.get(setup).costs.push(await cost(setup));
    times.push(await paces(setups.slice(0, 2)));
  }
  console.log(`${EVENTS} events of ${VISITORS} known visitors, ${ORDERS} orders in 100, medians of ${ROUNDS}; for an event:`);
  const names = Object.keys(found.get(setups[0]).costs[0]);
  const after = await all();
  const rows = after.map(({ rows, events }, i) => (rows - before[i].rows) / (events - before[i].events));
  table(setups.map(({ name }) => name), [...names, 'rows written'], (i, name) => (names.includes(name) ? median(found.get(setups[i]).costs.map((one) => one[name])) : rows[i]).toFixed(2));
  const show = (name, of) => {
    const [memory, redis] = [0, 1].map((i) => of(times.flatMap((round) => round[i])));
    const ratios = times.map((round) => of(round[1]) / of(round[0]));
    console.log(`answers at ${RATE}/s, ${name}: memory ${memory.toFixed(2)} ms, Redis ${redis.toFixed(2)} ms, ratio ${(redis / memory).toFixed(2)} (rounds: ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`);
  };
  for (const p of [50, 99]) show(`p${p} of a second, median`, (seconds) => median(seconds.map((second) => percentile(second, p))));
  show('p99 of all', (seconds) => percentile(seconds.flat(), 99));
}

try {
  await (SHARE ? scale() : compare());
} finally {
  await end();
}
