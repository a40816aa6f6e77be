// SIGTERM: the door closes, what is under way is answered, all of it is synced and flushed, exit 0, and
// each of these has a deadline. A second signal ends at once. Nothing acknowledged is lost either way.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { CATALOG, Shop, WRITE_KEY, sleep } from './support.mjs';

let shop;
before(async () => { shop = await Shop.open({ catalog: CATALOG }); });
after(() => shop.close());

let n = 0;
const acked = new Set();
const order = () => {
  n += 1;
  return { type: 'purchase', event_id: `e-${n}`, customer_id: `c-${n}`, order: { id: `o-${n}`, currency: 'EUR', total: '10.00' } };
};

// Clients on connections that stay open, until nobody listens any more.
function clients(count) {
  const client = async () => {
    for (;;) {
      const sent = [order(), order(), order()];
      try {
        const response = await shop.events(sent);
        await response.text();
        if (response.status === 200) for (const event of sent) acked.add(event.order.id);
      } catch (error) {
        if (error.cause?.code === 'ECONNREFUSED') return;
      }
    }
  };
  return Promise.all(Array.from({ length: count }, client));
}

const counted = async () => new Set((await shop.query("select order_id from attrib.conversion_status where status = 'paid'")).map((row) => row.order_id));
async function nothingLost() {
  const have = await counted();
  assert.deepEqual([...acked].filter((id) => !have.has(id)), [], 'acknowledged and not counted');
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
}

async function under(load, what) {
  const sending = clients(load);
  const before = acked.size;
  while (acked.size < before + 60) await sleep(1);
  await what();
  const exit = await shop.exited;
  await sending;
  return exit;
}

async function logged(pattern) {
  while (!pattern.test(shop.log)) {
    assert.ok(!shop.exit, shop.log);
    await sleep(1);
  }
}

test('under load: everything acknowledged is in PostgreSQL when the daemon is gone', async () => {
  for (let round = 0; round < 3; round++) {
    assert.deepEqual(await under(6, () => shop.process.kill('SIGTERM')), { code: 0, signal: null }, shop.log);
    assert.match(shop.log, /stopped; 0 records stay in the journal/);
    await nothingLost();
    await shop.start();
  }
});

test('a request that is half there is answered; a connection after it is refused', async () => {
  const body = JSON.stringify(order());
  const id = `o-${n}`;
  const socket = connect(shop.port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => { answer += chunk; });
  const closed = new Promise((done) => { socket.on('close', done); });
  socket.write(`POST /v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${WRITE_KEY}\r\nContent-Type: application/json\r\n`
    + `Content-Length: ${body.length}\r\n\r\n${body.slice(0, 20)}`);
  await (await shop.events(order())).text(); // the other request has been read by then
  shop.process.kill('SIGTERM');
  await logged(/SIGTERM: stopping/);
  const refused = async () => fetch(`${shop.base}/healthz`).then(() => false, (error) => error.cause?.code === 'ECONNREFUSED');
  while (!await refused()) await sleep(1);
  socket.write(body.slice(20));
  await closed;
  assert.match(answer, /^HTTP\/1\.1 200 /);
  assert.match(answer, /connection: close/i);
  assert.deepEqual(await shop.exited, { code: 0, signal: null });
  assert.ok((await counted()).has(id));
  await shop.start();
});

test('a second signal ends at once, by that signal; the journal has what was acknowledged', async () => {
  for (const [first, second] of [['SIGTERM', 'SIGTERM'], ['SIGINT', 'SIGTERM']]) {
    const holder = await hold();
    const exit = await under(4, async () => {
      shop.process.kill(first);
      await logged(new RegExp(`${first}: stopping`));
      shop.process.kill(second);
    });
    await holder.end();
    assert.deepEqual(exit, { code: null, signal: second });
    assert.doesNotMatch(shop.log, /records stay/);
    await shop.start();
    await shop.quiet();
    await nothingLost();
  }
});

test('PostgreSQL takes nothing: the deadline ends it with 0, the journal keeps what was acknowledged', async () => {
  const holder = await hold();
  const exit = await under(4, () => shop.process.kill('SIGTERM'));
  assert.deepEqual(exit, { code: 0, signal: null });
  assert.match(shop.log, /stopped: PostgreSQL did not answer in time; [1-9]\d* records stay in the journal/);
  await holder.end();
  await shop.start();
  await shop.quiet();
  await nothingLost();
});

test('PostgreSQL away: no deadline is waited for', async () => {
  shop.stopPostgres();
  const exit = await under(4, () => shop.process.kill('SIGTERM'));
  assert.deepEqual(exit, { code: 0, signal: null });
  assert.match(shop.log, /stopped; [1-9]\d* records stay in the journal/);
  shop.startPostgres();
  await shop.start();
  await shop.quiet();
  await nothingLost();
});

test('PostgreSQL that accepts and says nothing: a start answers health meanwhile, and ends when told so', async () => {
  await shop.stop();
  const mute = createServer(() => {}).listen(0, '127.0.0.1');
  await new Promise((done) => { mute.once('listening', done); });
  const kept = readFileSync(shop.config, 'utf8');
  writeFileSync(shop.config, kept.replace(/postgres = .*/, `postgres = host=127.0.0.1 port=${mute.address().port} user=a`));
  const asked = async (path) => fetch(shop.admin + path).then((response) => response.status, () => 0);
  for (const second of [false, true]) {
    await shop.start({ ready: false });
    while (await asked('/healthz') !== 200) await sleep(5);
    assert.equal(await asked('/readyz'), 503, 'not before it takes events');
    shop.process.kill('SIGTERM');
    if (second) {
      await logged(/SIGTERM: stopping/);
      shop.process.kill('SIGTERM');
    }
    assert.deepEqual(await shop.exited, second ? { code: null, signal: 'SIGTERM' } : { code: 0, signal: null }, shop.log);
    assert.doesNotMatch(shop.log, /listening on/);
  }
  mute.close();
  writeFileSync(shop.config, kept);
  await shop.start();
  await shop.quiet();
  await nothingLost();
});

// A flush waits until this connection ends.
async function hold() {
  const client = await shop.connect();
  await client.query('begin; select 1 from attrib.instance for update');
  return client;
}
