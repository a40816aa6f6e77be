// What a checkpoint costs those who send events: acknowledged events a second at the public door, and how long
// their requests take, while a checkpoint of many persons is being made and between two.
//
//   node bench/checkpoint.mjs [--persons N] [--checkpoints N] [--connections N] [--rest SECONDS]
//
// ATTRIBD names the daemon (a release build). Clients send as fast as they are answered. The daemon begins the next
// checkpoint `rest` seconds after the one before, so that the two kinds of windows alternate; when one was under way
// its metrics tell. Needs `npm ci` in tests/e2e once.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CATALOG, Shop, root, sleep } from '../tests/e2e/support.mjs';

const option = (fallback) => ({ type: 'string', default: fallback });
const { values } = parseArgs({ options: { persons: option('1000000'), checkpoints: option('8'), connections: option('4'), rest: option('5') } });
const PERSONS = Number(values.persons);
const CHECKPOINTS = Number(values.checkpoints);
const REQUEST = 100;

const shop = await Shop.open({ catalog: CATALOG, start: false, settings: `checkpoint_interval = ${values.rest}s` });
let sent = 0;
const answered = []; // {began, ended} of each request, in ms

// First each person once, then any of them.
function visit() {
  const i = sent++;
  const person = i < PERSONS ? i : Math.floor(Math.random() * PERSONS);
  return `{"type":"visit","event_id":"e-${i}","visitor_id":"v-${person}","url":"https://shop.example/?ref=${i % 2 ? 'ann' : 'bob'}"}\n`;
}

async function send(stop) {
  await Promise.all(Array.from({ length: Number(values.connections) }, async () => {
    while (!stop()) {
      let body = '';
      for (let i = 0; i < REQUEST; i++) body += visit();
      const began = performance.now();
      const response = await shop.events(body, { type: 'application/x-ndjson' });
      await response.text();
      if (response.status !== 200) throw new Error(`answered ${response.status}`);
      answered.push({ began, ended: performance.now() });
    }
  }));
}

async function metrics() {
  const text = await (await fetch(`${shop.admin}/metrics`)).text();
  const value = (name) => Number(text.split('\n').find((line) => line.startsWith(`${name} `)).split(' ')[1]);
  return {
    made: value('attribd_checkpoints_total{result="ok"}'), failed: value('attribd_checkpoints_total{result="failed"}'),
    took: value('attribd_checkpoint_duration_milliseconds'), bytes: value('attribd_checkpoint_bytes'),
    step: value('attribd_checkpoint_longest_step_microseconds'),
  };
}

// The windows in which checkpoints were under way, and those between, until there are enough.
async function watch(windows) {
  for (let before = await metrics(), last; windows.with.length < CHECKPOINTS; await sleep(20)) {
    const now = await metrics();
    if (now.made === before.made) continue;
    const ended = performance.now();
    const window = { from: ended - now.took, to: ended, ...now };
    // what was under way when clients began is not counted
    if (last) {
      windows.with.push(window);
      windows.without.push({ from: last.to, to: window.from });
    }
    last = window;
    before = now;
  }
}

function figures(windows) {
  const length = windows.reduce((sum, { from, to }) => sum + to - from, 0);
  const within = answered.filter(({ began, ended }) => windows.some(({ from, to }) => began >= from && ended <= to));
  const took = within.map(({ began, ended }) => ended - began).sort((a, b) => a - b);
  const ended = answered.filter((one) => windows.some(({ from, to }) => one.ended >= from && one.ended < to));
  return { seconds: length / 1000, rate: ended.length * REQUEST / length * 1000, p50: took[Math.floor(took.length / 2)], p99: took[Math.floor(took.length * 0.99)], longest: took.at(-1) };
}

const windows = { with: [], without: [] };
try {
  for (const verb of ['stop', 'start']) execFileSync(join(root, 'tools/private-postgres'), [verb, shop.postgresDir]); // with fsync
  await shop.start();
  await send(() => sent >= PERSONS);
  await shop.quiet(PERSONS);
  answered.length = 0;
  await Promise.all([watch(windows), send(() => windows.with.length >= CHECKPOINTS)]);
} finally {
  await shop.close();
}
const last = windows.with.at(-1);
console.log(`${PERSONS} persons, checkpoints of ${Math.round(last.bytes / 1e6)} MB, longest step ${(last.step / 1000).toFixed(2)} ms, ${last.failed} failed`);
const found = { without: figures(windows.without), with: figures(windows.with) };
for (const [name, f] of Object.entries(found)) {
  console.log(`${name.padEnd(8)} ${f.seconds.toFixed(1).padStart(6)} s  ${String(Math.round(f.rate / 100) * 100).padStart(7)} events/s   p50 ${f.p50.toFixed(1)} ms  p99 ${f.p99.toFixed(1)} ms  longest ${f.longest.toFixed(1)} ms`);
}
console.log(`ratio ${(found.with.rate / found.without.rate).toFixed(3)}`);
