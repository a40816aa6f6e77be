// The engine over a state in Redis, one core each, and what redis-benchmark -P 32 makes of the same commands on the same
// server. Then the same events by more instances: what each process takes for one. At the end the two walks over all keys,
// the one that holds them and the one that reads what never expires: processor time of Redis for a key.
//
//   node bench/redis.mjs [--records N] [--known N] [--visitors N] [--orders 0..14] [--instances N] [--rounds N]
//
// BENCH names redis_bench of a release build. The first `known` records fill the state and are not measured. Runs of both
// alternate, medians count. The mix of redis-benchmark: each kind of command that took part, alone, with as many
// bytes as a command of ours has on average; the time is that for as many of each as ours were (MGET: with as many keys). The
// server counts commands, so those within a transaction or a script are in. Needs redis-server, redis-benchmark, two cores.

import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Redis } from '../tests/support/redis.mjs';

const option = (fallback) => ({ type: 'string', default: fallback });
const { values } = parseArgs({ options: { records: option('300000'), known: option('300000'), visitors: option('200000'), orders: option('4'), instances: option('1'), rounds: option('3') } });
const [RECORDS, KNOWN, VISITORS, INSTANCES, ROUNDS] = [values.records, values.known, values.visitors, values.instances, values.rounds].map(Number);
const bench = process.env.BENCH ?? fileURLToPath(new URL('../build/release/bench/redis_bench', import.meta.url));
const SERVER = '0', CLIENT = '1'; // cores
const sum = (list) => list.reduce((a, b) => a + b, 0);
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

// -- the server ------------------------------------------------------------------------------------

const redis = await Redis.open();
execFileSync('taskset', ['-a', '-p', '-c', SERVER, String(redis.process.pid)]);
redis.cli('config', 'set', 'latency-tracking-info-percentiles', '50 99 100');

// Microseconds that its scripts took by the server's clock: half of them, 99 of 100, and the longest one.
function scripts() {
  const [, ...took] = /^latency_percentiles_usec_eval:p50=([\d.]+),p99=([\d.]+),p100=([\d.]+)/m.exec(redis.cli('info', 'latencystats'));
  return took.map(Number);
}

function info() {
  const text = redis.cli('info', 'everything');
  const number = (name) => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(text)?.[1] ?? 0);
  const calls = Object.fromEntries([...text.matchAll(/^cmdstat_([^:|]+):calls=(\d+)/gm)].map(([, name, n]) => [name, Number(n)]));
  return { calls, commands: number('total_commands_processed'), input: number('total_net_input_bytes'), output: number('total_net_output_bytes'),
    memory: number('used_memory'), empty: number('used_memory_startup'), found: number('keyspace_hits') + number('keyspace_misses') };
}

// Processor time of its one thread, in seconds.
const spent = () => Number(readFileSync(`/proc/${redis.process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e9;

// -- ours ------------------------------------------------------------------------------------------

class Instance {
  constructor(i) {
    this.process = spawn('taskset', ['-c', CLIENT, bench, redis.url, values.records, values.known, values.visitors, values.orders, String(i), values.instances], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.lines = createInterface(this.process.stdout)[Symbol.asyncIterator]();
  }

  async line() {
    const { value, done } = await this.lines.next();
    if (done) throw new Error('redis_bench ended early');
    return value;
  }

  go() { this.process.stdin.write('\n'); }
}

// The next walk of an instance that has said what comes before it.
async function walk(instance) {
  await instance.line();
  redis.cli('config', 'resetstat');
  const keys = Number(redis.cli('dbsize')), cpu = spent();
  instance.go();
  const told = JSON.parse(await instance.line());
  return { ...told, keys, server: spent() - cpu, took: scripts() };
}

async function ours() {
  redis.cli('flushall');
  const instances = Array.from({ length: INSTANCES }, (_, i) => new Instance(i));
  const all = () => Promise.all(instances.map((one) => one.line()));
  await all(); // ready
  for (const one of instances) one.go();
  await all(); // known
  redis.cli('config', 'resetstat');
  const cpu = spent();
  for (const one of instances) one.go();
  const told = (await all()).map((line) => JSON.parse(line));
  const took = spent() - cpu, after = info();
  const walks = [await walk(instances[0]), await walk(instances[0])];
  const counts = redis.cli('hgetall', 'at1:#counts').split('\n');
  const count = (name) => Number(counts[counts.indexOf(name) + 1] ?? 0);
  return { ...after, walks, seconds: Math.max(...told.map((one) => one.seconds)), server: took, engine: sum(told.map((one) => one.cpu)),
    asked: sum(told.map((one) => one.commands)), roundTrips: sum(told.map((one) => one.round_trips)), overtaken: sum(told.map((one) => one.overtaken)),
    visitors: count('visitors'), ids: count('ids'), keys: Number(redis.cli('dbsize')) };
}

// -- redis-benchmark -------------------------------------------------------------------------------

// One kind of command: how many a second, and what each takes the server.
function flood(keys, n, command) {
  const cpu = spent();
  const out = execFileSync('taskset', ['-c', CLIENT, 'redis-benchmark', '-s', redis.socket, '-P', '32', '-r', String(keys), '-n', String(n), '--csv', ...command],
    { stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 26 }).toString();
  return { rate: Number(out.trim().split('\n').at(-1).split('","')[1]), cpu: (spent() - cpu) / n };
}

function theirs(own) {
  const key = 'at1:v__rand_int__';
  const text = (overhead) => 'x'.repeat(Math.max(8, Math.round(own.input / own.commands) - overhead));
  const { set = 0, append = 0, get = 0, mget = 0 } = own.calls;
  const keys = Math.max(1, Math.round((own.found - set - get) / Math.max(1, mget)));
  const kinds = { set: ['SET', key, text(76), 'NX', 'GET', 'EX', '700000'], append: ['APPEND', key, text(44)], mget: ['MGET', ...Array(keys).fill(key)],
    zadd: ['ZADD', 'at1:#orders', '__rand_int__', '__rand_int__'], expire: ['EXPIRE', key, '700000'], persist: ['PERSIST', key] };
  redis.cli('flushall');
  const plain = flood(own.keys, 400000, ['SET', key, text(44)]); // also fills the space of keys
  const taken = Object.entries(kinds).filter(([name]) => own.calls[name] > own.commands / 1000);
  const floods = taken.map(([name, command]) => ({ n: own.calls[name], ...flood(own.keys, name === 'mget' ? 20 + Math.round(1e6 / keys) : 400000, command) }));
  const covered = sum(floods.map(({ n }) => n));
  return { plain, keys, covered: covered / own.commands, rate: covered / sum(floods.map(({ n, rate }) => n / rate)), cpu: sum(floods.map(({ n, cpu }) => n * cpu)) / covered };
}

// -- side by side ----------------------------------------------------------------------------------

const figures = [];
try {
  console.log(`${RECORDS} events of ${VISITORS} visitors, ${KNOWN} before them, ${values.orders} orders in 100; ${INSTANCES} instance${INSTANCES > 1 ? 's' : ''}`);
  for (let round = 0; round < ROUNDS; round++) {
    const own = await ours();
    figures.push({ own, other: theirs(own) });
  }
} finally {
  await redis.close();
}
const of = (get) => median(figures.map(({ own, other }) => get(own, other)));
const whole = (get) => Math.round(of(get));
const us = (get) => (of(get) * 1e6).toFixed(2);
const ratio = (get) => of(get).toFixed(2);
const { own, other } = figures[0]; // what does not depend on the machine
const each = (n) => (n / RECORDS).toFixed(2);
const used = own.memory - own.empty;
const perSecond = ({ commands, seconds }) => commands / seconds;
console.log(`${whole(({ seconds }) => RECORDS / seconds)} events/s, ${whole(perSecond)} commands/s`);
console.log(`redis-benchmark -P 32: SET ${whole((_, { plain }) => plain.rate)}/s, ratio ${ratio((own, { plain }) => perSecond(own) / plain.rate)};`
  + ` the mix ${whole((_, { rate }) => rate)}/s, ratio ${ratio((own, { rate }) => perSecond(own) / rate)}`);
console.log(`the mix: ${(100 * other.covered).toFixed(1)} % of the commands, with MGET of ${other.keys} keys`);
console.log(`processor time of the server for a command: ours ${us((own) => own.server / own.commands)} us, the mix ${us((_, { cpu }) => cpu)} us,`
  + ` ratio ${ratio((own, { cpu }) => cpu * own.commands / own.server)}`);
console.log(`an event: ${each(own.commands)} commands, ${each(own.asked)} of them sent; processor ${us(({ engine }) => engine / RECORDS)} us engine,`
  + ` ${us(({ server }) => server / RECORDS)} us Redis; ${Math.round(own.input / RECORDS)} bytes to Redis, ${Math.round(own.output / RECORDS)} from it`);
console.log(`512 events: ${(own.roundTrips / (RECORDS / 512)).toFixed(1)} round trips; ${own.overtaken} entities overtaken by another instance in all`);
console.log(`memory: ${Math.round(used / (RECORDS + KNOWN))} bytes for an event, ${Math.round(used / own.keys)} for each of ${own.keys} keys`
  + ` (${own.visitors} visitors and clicks, ${own.ids} ids)`);
const kinds = Object.entries(own.calls).filter(([, n]) => n > RECORDS / 1000).sort(([, a], [, b]) => b - a);
console.log(`commands: ${kinds.map(([name, n]) => `${name} ${(n / RECORDS).toFixed(3)}`).join(', ')}`);
for (const [i, what] of ['holds', 'forgets'].entries()) {
  const took = (part) => whole(({ walks }) => walks[i].took[part]);
  const most = Math.round(Math.min(...figures.map(({ own }) => own.walks[i].took[2]))); // what else runs makes it longer
  console.log(`the walk that ${what}: processor time of Redis ${us(({ walks }) => walks[i].server / walks[i].keys)} us a key, ${Math.round(own.walks[i].keys / own.walks[i].pages)} keys a page;`
    + ` by its clock a page ${took(0)} us, 99 of 100 within ${took(1)}, the longest ${most} (least of the rounds); ${whole(({ walks }) => walks[i].keys / walks[i].seconds)} keys/s without a rest`);
}
