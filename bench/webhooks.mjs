// Orders, durable, against what a shop would write itself: a signed Shopify order of 6 KB and a native purchase
// of 350 bytes, at attribd and at bench/naive (fastify, pg, one INSERT for each). Each system has one core for
// itself and its PostgreSQL, with fsync; who asks has the other one.
//
//   node bench/webhooks.mjs [--rounds N] [--seconds N] [--connections N]      ATTRIBD names the daemon (a release build)
//
// The time to an answer at half of what the naive one takes, by a clock that does not wait for answers (latency
// from when a request was due), then as many as each takes (wrk, closed loop; runs alternate, the median counts).
// Needs wrk, taskset, two cores, and `npm ci` in tests/e2e and in bench/naive once.

import { execFile, execFileSync, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { Agent, request as ask } from 'node:http';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { SITE, SECRETS, iso } from '../tests/e2e/vendors.mjs';
import { Shop, WRITE_KEY, attribd, freePort, root, sleep } from '../tests/e2e/support.mjs';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '5' }, connections: { type: 'string', default: '64' } } });
const [ROUNDS, SECONDS, CONNECTIONS] = [values.rounds, values.seconds, values.connections].map(Number);
const CORE = '0', OTHER = '1';
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const server = (dir, verb) => execFileSync('taskset', ['-c', CORE, join(root, 'tools/private-postgres'), verb, dir]).toString().trim();

// -- what is sent ----------------------------------------------------------------------------------

function shopifyOrder() {
  const { customer, ...order } = JSON.parse(readFileSync(join(root, 'tests/data/shopify/codes.json'), 'utf8'));
  const text = JSON.stringify({ ...order, id: '@ID@', order_number: '@ID@', name: '#@ID@', checkout_token: 'c@ID@', cart_token: 't@ID@', token: 'o@ID@', email: '@ID@@example.com',
    contact_email: null, phone: null, customer: { ...customer, id: '@ID@', email: null, phone: null }, note_attributes: [],
    created_at: iso(), processed_at: iso(), updated_at: iso(), note: '' }).replaceAll('"@ID@"', '@ID@');
  return text.replace('"note":""', `"note":"${'x'.repeat(Math.max(0, 6144 - text.length))}"`);
}
function nativePurchase() {
  const text = JSON.stringify({ type: 'purchase', occurred_at: iso(), visitor_id: 'v-@ID@', email: '@ID@@example.com',
    order: { id: '@ID@', currency: 'EUR', total: '119.00', tax: '19.00', shipping: '5.00', discount: '10.00', codes: ['ANN10'], status: 'paid', source: 'web' }, url: '' });
  return text.replace('"url":""', `"url":"https://shop.example/?x=${'x'.repeat(Math.max(0, 350 - text.length - 24))}"`);
}
const KINDS = {
  'Shopify order, 6 KB': { path: '/webhooks/shopify/acme', template: shopifyOrder(), env: { SECRET: SECRETS.shopify } },
  'native purchase, 350 bytes': { path: '/v1/events', template: nativePurchase(), env: { AUTH: `Bearer ${WRITE_KEY}` } },
};

// -- who answers -----------------------------------------------------------------------------------

let shop, naive, dir;
const ports = {};

// Both systems, new: what the one before has left to write is none of the next one's.
async function open() {
  shop = await Shop.open({ site: SITE, start: false });
  server(shop.postgresDir, 'stop'); // it was started without fsync, and anywhere
  server(shop.postgresDir, 'start');
  writeFileSync(shop.config, readFileSync(shop.config, 'utf8').replace('workers = 2', 'workers = 1').replace(/(flush_interval|webhook_timeout) = .*\n/g, ''));
  await shop.start();
  execFileSync('taskset', ['-a', '-p', '-c', CORE, String(shop.process.pid)]);

  dir = join(shop.dir, 'naive-pg');
  const conninfo = server(dir, 'start');
  const port = await freePort();
  naive = spawn('taskset', ['-c', CORE, process.execPath, join(root, 'bench/naive/server.mjs')],
    { stdio: 'inherit', env: { ...process.env, CONNINFO: conninfo, PORT: String(port), SECRET: SECRETS.shopify, WRITE_KEY, NODE_ENV: 'production' } });
  Object.assign(ports, { naive: port, attribd: shop.port });
  for (let i = 0; i < 600; i++) {
    try { return void await fetch(`http://127.0.0.1:${port}/`); } catch { await sleep(50); }
  }
  throw new Error('the naive receiver does not answer');
}

async function close() {
  naive?.kill();
  if (dir) execFileSync(join(root, 'tools/private-postgres'), ['destroy', dir]);
  await shop?.close();
  naive = dir = shop = undefined;
}

// -- as many as it takes ---------------------------------------------------------------------------

async function flood(system, kind, seconds = SECONDS) {
  const { path, template, env } = KINDS[kind];
  const file = join(shop.dir, 'template.json');
  writeFileSync(file, template);
  const { stdout } = await promisify(execFile)('taskset', ['-c', OTHER, 'wrk', '-t1', `-c${CONNECTIONS}`, `-d${Math.ceil(seconds)}s`, '-s', join(root, 'bench/orders.lua'), `http://127.0.0.1:${ports[system]}`],
    { env: { PATH: process.env.PATH, TEMPLATE: file, TARGET: path, ...env } });
  if (/Non-2xx|Socket errors/.test(stdout)) console.error(`${system}, ${kind}: ${/(Non-2xx|Socket errors).*/.exec(stdout)[0]}`);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)[1]);
}

// Processor time of a process, or of a PostgreSQL with its backends, in microseconds: what neighbours on the
// core make no larger.
const stat = (pid) => readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
const spent = (pid) => (Number(stat(pid)[11]) + Number(stat(pid)[12]) + Number(stat(pid)[13]) + Number(stat(pid)[14])) * 1e4;
function spentBy(postgres) {
  const master = Number(readFileSync(join(postgres, 'data/postmaster.pid'), 'utf8').split('\n')[0]);
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid)).reduce((sum, pid) => {
    try { return sum + (Number(pid) === master || Number(stat(pid)[1]) === master ? spent(pid) : 0); } catch { return sum; }
  }, 0);
}
const costs = () => ({ naive: spent(naive.pid), 'its PostgreSQL': spentBy(dir), attribd: spent(shop.process.pid) });

// -- how long it takes -----------------------------------------------------------------------------

let serial = 9e12;
function post(system, kind, agent) {
  const { path, template, env } = KINDS[kind];
  const body = template.replaceAll('@ID@', String(serial++));
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body),
    ...(env.AUTH ? { authorization: env.AUTH } : { 'x-shopify-hmac-sha256': createHmac('sha256', env.SECRET).update(body).digest('base64') }) };
  return new Promise((done, fail) => {
    ask({ host: '127.0.0.1', port: ports[system], path, method: 'POST', agent, headers }, (response) => {
      response.resume().on('end', () => (response.statusCode === 200 ? done() : fail(new Error(`${system}: ${response.statusCode}`))));
    }).on('error', fail).end(body);
  });
}

// Requests at their times, whether or not those before were answered; {p50, p99} in milliseconds.
async function pace(system, kind, rate) {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const taken = [], waiting = [];
  const began = performance.now(), total = Math.floor(rate * SECONDS);
  for (let i = 0; i < total;) {
    for (const now = performance.now() - began; i < total && (i * 1000) / rate <= now; i++) {
      const due = began + (i * 1000) / rate;
      waiting.push(post(system, kind, agent).then(() => taken.push(performance.now() - due)));
    }
    await sleep(1);
  }
  await Promise.all(waiting);
  agent.destroy();
  const sorted = taken.sort((a, b) => a - b);
  return { p50: sorted[Math.floor(sorted.length * 0.5)], p99: sorted[Math.floor(sorted.length * 0.99)] };
}

// -- side by side ----------------------------------------------------------------------------------

const SYSTEMS = ['naive', 'attribd'];
async function compare(kind) {
  const half = (await flood('naive', kind)) / 2;
  await flood('attribd', kind, 0.5); // both are warm
  for (const system of SYSTEMS) {
    const { p50, p99 } = await pace(system, kind, half);
    console.log(`  at ${half.toFixed(0)}/s, half of what the naive one takes: ${system} p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`);
  }
  const rates = { naive: [], attribd: [] };
  const before = costs();
  for (let round = 0; round < ROUNDS; round++) for (const system of SYSTEMS) rates[system].push(await flood(system, kind));
  const after = costs(), count = (system) => rates[system].reduce((a, b) => a + b) * SECONDS;
  const each = (name, system) => `${name} ${((after[name] - before[name]) / count(system)).toFixed(0)} us`;
  const [own, other] = [median(rates.attribd), median(rates.naive)];
  console.log(`  at most: naive ${other.toFixed(0)}/s, attribd ${own.toFixed(0)}/s, ratio ${(own / other).toFixed(1)}`);
  console.log(`  processor time for each: ${each('naive', 'naive')} and ${each('its PostgreSQL', 'naive')}; ${each('attribd', 'attribd')}`);
  const { journal, sink } = await shop.status();
  const shed = /attribd_shed_total (\d+)/.exec(await (await fetch(`${shop.admin}/metrics`)).text())[1];
  console.log(`  attribd: ${journal.committed} durable, ${sink.flushed} of them in PostgreSQL so far, ${shed} shed`);
}

try {
  execFileSync('taskset', ['-a', '-p', '-c', OTHER, String(process.pid)]);
  console.log(`attribd: ${attribd}; ${CONNECTIONS} connections, ${ROUNDS} rounds of ${SECONDS} s`);
  for (const [kind, { template }] of Object.entries(KINDS)) {
    console.log(`\n${kind} (${template.replaceAll('@ID@', String(serial)).length} bytes)`);
    await open();
    await compare(kind);
    await close();
  }
} finally {
  await close();
}
