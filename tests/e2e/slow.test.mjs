// Thousands of connections that send a few bytes and wait: memory stays bounded, others are served,
// and each of them is cut at its deadline.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { CATALOG, Shop, sleep } from './support.mjs';

const COUNT = 3000;
let shop;
before(async () => { shop = await Shop.open({ catalog: CATALOG, settings: 'head_timeout = 3s\nbody_timeout = 3s' }); });
after(() => shop.close());

const resident = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${shop.process.pid}/status`, 'utf8'))[1]) * 1024;

test(`${COUNT} slow connections`, async (t) => {
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
