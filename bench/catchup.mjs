// Does the daemon catch up after an outage faster than events arrive? PostgreSQL is stopped while events
// arrive, then started, and clients go on as fast as they can all the time.
//
//   node bench/catchup.mjs [--events N] [--rounds N] [--orders 0..4] [--request 250|1]      ATTRIBD names the daemon
//
// (a release build). Requests of 250 events come from 8 connections of this process, requests of one, as webhooks,
// pixels and tags send them, from 64 connections of wrk (catchup.lua).
// What counts is the ratio: records flushed to records acknowledged, from the moment PostgreSQL is back until
// the backlog is gone (or so many have come again). Above 1 the backlog shrinks under full load. Needs `npm ci`
// in tests/e2e once.

import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CATALOG, Shop, WRITE_KEY, root, sleep } from '../tests/e2e/support.mjs';

const { values } = parseArgs({ options: { events: { type: 'string', default: '200000' }, rounds: { type: 'string', default: '3' }, orders: { type: 'string', default: '4' }, request: { type: 'string', default: '250' } } });
const ORDERS = Math.min(4, Number(values.orders)); // of 100 events
const REFUNDS = ORDERS ? 1 : 0;
const EVENTS = Number(values.events);
const REQUEST = Number(values.request);
const CONNECTIONS = 8;
const SINGLE_CONNECTIONS = 64;
const REFUNDED = (ORDERS * 73) % 100; // so many events ago came the first order of the hundred: 37 x 73 = 1 (mod 100)

// Of 100 events 25 clicks, 60 landings, half of them with a key, 10 carts, up to 4 orders and a refund of one of
// them, the rest checkouts; three visitors for nine events, one or two orders of a customer.
function event(i) {
  const base = { event_id: `e-${i}`, visitor_id: `v-${i % 9 < 3 ? Math.floor(i / 3) : Math.floor(i / 9)}` };
  const kind = (i * 37) % 100;
  if (kind < 25) return { ...base, type: 'click', link: i % 2 ? 'ann-link' : 'bob-link' };
  if (kind < 85) return { ...base, type: 'visit', url: `https://shop.example/${i % 2 ? '?ref=bob' : ''}` };
  if (kind < 95) return { ...base, type: 'cart' };
  if (kind < 95 + ORDERS) return { ...base, type: 'purchase', customer_id: `c-${Math.floor(i / 40)}`, order: { id: `o-${i}`, currency: 'EUR', total: '49.90' } };
  if (kind < 95 + ORDERS + REFUNDS) return { ...base, type: 'refund', refund: { id: 'r', order_id: `o-${i - REFUNDED}`, amount: '9.90', currency: 'EUR' } };
  return { ...base, type: 'checkout' };
}

const shop = await Shop.open({ catalog: CATALOG, start: false });
const server = (verb) => execFileSync(join(root, 'tools/private-postgres'), [verb, shop.postgresDir]); // as it is, with fsync
let next = 0;
let refused = 0;

// Sends until stop() says so, or until there have been `count`; events a second.
const send = (what) => (REQUEST === 1 ? sendSingly(what) : sendBatches(what));

async function sendSingly({ count = Infinity, stop = () => false }) {
  const committed = async () => (await shop.status()).journal.committed;
  const first = await committed();
  const began = performance.now();
  const wrk = spawn('wrk', ['-t', '1', '-c', `${SINGLE_CONNECTIONS}`, '-d', '600', '-s', join(root, 'bench/catchup.lua'), shop.base, '--', `${next}`, `${ORDERS}`, WRITE_KEY]);
  const ended = new Promise((done) => { wrk.once('exit', done); });
  let told = '';
  wrk.stdout.on('data', (chunk) => { told += chunk; });
  let last = first;
  while (last - first < count && !stop()) {
    await sleep(20);
    last = await committed();
  }
  const rate = (last - first) / (performance.now() - began) * 1000;
  wrk.kill('SIGINT');
  await ended;
  refused += Number(/Non-2xx or 3xx responses: (\d+)/.exec(told)?.[1] ?? 0);
  next += (await committed()) - first + SINGLE_CONNECTIONS; // some may have gone without an answer
  return rate;
}

async function sendBatches({ count = Infinity, stop = () => false }) {
  const end = next + count;
  const began = performance.now();
  const from = next;
  await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    while (next < end && !stop()) {
      const request = Array.from({ length: REQUEST }, () => event(next++));
      const response = await shop.events(request, { type: 'application/x-ndjson' });
      await response.text();
      if (response.status !== 200) refused += 1;
    }
  }));
  return (next - from) / (performance.now() - began) * 1000;
}

// Processor time by thread of the daemon, and of its backends in PostgreSQL, in microseconds.
async function spent() {
  const used = (path) => Number(readFileSync(path, 'utf8').split(' ')[0]) / 1000;
  const times = { postgres: 0 };
  const tasks = `/proc/${shop.process.pid}/task`;
  for (const id of readdirSync(tasks)) {
    const name = readFileSync(`${tasks}/${id}/comm`, 'utf8').trim().replace(/[-\d/]+$/, '');
    times[name] = (times[name] ?? 0) + used(`${tasks}/${id}/schedstat`);
  }
  for (const { pid } of await shop.query("SELECT pid FROM pg_stat_activity WHERE application_name = 'attribd'")) times.postgres += used(`/proc/${pid}/schedstat`);
  return times;
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const round = (n) => Math.round(n / 100) * 100;
const found = { ingest: [], idle: [], ratio: [] };
const costs = {};
const cost = (what, before, after, records) => {
  for (const name of Object.keys(after)) ((costs[what] ??= {})[name] ??= []).push((after[name] - (before[name] ?? 0)) / records);
};
try {
  server('stop');
  server('start');
  await shop.start();
  for (let i = 0; i < Number(values.rounds); i++) {
    await shop.quiet();
    const start = await spent();
    server('stop');
    found.ingest.push(await send({ count: EVENTS }));
    server('start');
    const back = await spent();
    cost('ingest', start, { ...back, postgres: start.postgres }, EVENTS);
    const before = await shop.status();
    while ((await shop.status()).sink.flushed === before.sink.flushed) await sleep(5);
    const [began, first] = [performance.now(), (await shop.status()).sink.flushed];
    const { journal } = await shop.quiet();
    found.idle.push((journal.committed - first) / (performance.now() - began) * 1000);
    cost('catch-up', { ...back, postgres: 0 }, await spent(), journal.committed - before.sink.flushed);

    server('stop');
    await send({ count: EVENTS });
    server('start');
    const away = (await shop.status()).sink.flushed;
    let from;
    let to = await shop.status();
    let over = false;
    const look = async () => {
      for (; !over; await sleep(20)) {
        to = await shop.status();
        if (to.sink.flushed > away) from ??= to; // it has noticed
        over = from && (to.sink.flushed >= from.journal.committed || to.journal.committed >= from.journal.committed + EVENTS);
      }
    };
    await Promise.all([look(), send({ stop: () => over })]);
    found.ratio.push((to.sink.flushed - from.sink.flushed) / (to.journal.committed - from.journal.committed));
  }
  await shop.quiet();
} finally {
  await shop.close();
}
console.log(`ingest while PostgreSQL was away   ${round(median(found.ingest))} events/s`);
console.log(`catch-up without ingest            ${round(median(found.idle))} events/s, ${(median(found.idle) / median(found.ingest)).toFixed(2)} times that`);
console.log(`catch-up under full ingest         ${median(found.ratio).toFixed(2)} records flushed for each that came in (${found.ratio.map((n) => n.toFixed(2)).join(' ')})`);
for (const [what, threads] of Object.entries(costs)) {
  const list = Object.entries(threads).map(([name, us]) => [name, median(us)]).filter(([, us]) => us >= 0.05).sort((a, b) => b[1] - a[1]);
  console.log(`${what}: us of processor time a record: ${list.map(([name, us]) => `${name} ${us.toFixed(1)}`).join(', ')}`);
}
if (refused) console.log(`${refused} requests were refused`);
