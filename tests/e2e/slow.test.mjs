// Thousands of connections that send a few bytes, or most of a body, and wait: memory stays bounded, others are
// served, and each of them is cut at its deadline or before.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterEach, test } from 'node:test';
import { CATALOG, Shop, sleep } from './support.mjs';

const COUNT = 3000;
const BODIES = 2000;
const PART = 120_000; // of a body; it takes a buffer of 128 KiB
const HELD = 131_072;
const LIMIT = 64 << 20; // a quarter of what they would take
const SANITIZER = 'quarantine_size_mb=0:thread_local_quarantine_size_kb=0'; // otherwise it holds back what was freed
let shop;
async function open(settings) {
  shop = await Shop.open({ catalog: CATALOG, settings, start: false });
  await shop.start({ env: { ASAN_OPTIONS: [process.env.ASAN_OPTIONS, SANITIZER].filter(Boolean).join(':') } });
}
afterEach(() => shop.close());

const resident = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${shop.process.pid}/status`, 'utf8'))[1]) * 1024;

test(`${COUNT} slow connections`, async (t) => {
  await open('head_timeout = 3s\nbody_timeout = 3s');
  const before = resident();
  const sockets = [];
  let closed = 0;
  for (let i = 0; i < COUNT; i++) {
    const socket = connect(shop.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.on('data', () => {});
    socket.on('close', () => { closed += 1; });
    socket.write(i % 2 ? 'POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n[{' : 'GET /p.gif?site=ac');
    sockets.push(socket);
    if (i % 100 === 0) await sleep(1);
  }
  await sleep(200);
  assert.equal((await shop.events({ type: 'visit', visitor_id: 'v', url: 'https://shop.example/' })).status, 200);
  assert.equal((await shop.click('ann-link')).response.status, 302);
  const grown = resident() - before;
  t.diagnostic(`${Math.round(grown / COUNT)} bytes a connection`);
  assert.ok(grown < COUNT * 32 * 1024, `${grown} bytes more`);
  for (let i = 0; i < 600 && closed < COUNT; i++) await sleep(50);
  assert.equal(closed, COUNT, 'each one is cut');
  await shop.quiet();
});

// Most of a body on each connection, and nothing more; how much memory that takes.
async function halfBodies(limit, whileThere = () => {}) {
  await open(`body_timeout = 60s\nrequest_memory = ${limit}`);
  const part = Buffer.alloc(PART, '[');
  const head = Buffer.from('POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n');
  const before = resident();
  const sockets = [];
  let answers = '';
  for (let i = 0; i < BODIES; i++) {
    const socket = connect(shop.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.on('data', (bytes) => { answers += bytes.toString('latin1').split('\r\n\r\n')[0]; });
    socket.write(Buffer.concat([head, part]));
    sockets.push(socket);
    if (i % 50 === 0) await sleep(1);
  }
  let refused;
  for (let there = 0; there < BODIES;) {
    await sleep(50);
    refused = await shop.metric('attribd_requests_given_up_total');
    there = refused + await shop.metric('attribd_request_bytes') / HELD;
  }
  const grown = resident() - before;
  await whileThere();
  for (const socket of sockets) socket.destroy();
  while (await shop.metric('attribd_request_bytes') > 0) await sleep(20);
  await shop.quiet();
  return { grown, refused, answers };
}

test(`${BODIES} bodies that are never finished`, async (t) => {
  const batch = Array.from({ length: 2500 }, (_, i) => ({ type: 'visit', visitor_id: `v${i}`, url: `https://shop.example/${'x'.repeat(250)}` }));
  const { grown, refused, answers } = await halfBodies('64M', async () => {
    assert.equal((await shop.events(batch, { type: 'application/x-ndjson' })).status, 200, 'who is quick is served');
    assert.equal((await shop.click('ann-link')).response.status, 302);
  });
  t.diagnostic(`${Math.round(grown / 2 ** 20)} MiB more, ${refused} given up`);
  assert.ok(grown < 1.5 * LIMIT, `${grown} bytes more`);
  assert.ok(refused >= BODIES - LIMIT / HELD, `${refused} given up`);
  assert.match(answers, /HTTP\/1\.1 503 /);
  assert.match(answers, /Retry-After: 1/);
});

test('negative control: without a bound they take what they send', async () => {
  const { grown, refused } = await halfBodies('4G');
  assert.ok(grown > 3 * LIMIT, `${grown} bytes more`);
  assert.equal(refused, 0);
});
