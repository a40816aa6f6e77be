// One identity, one process: on one directory a lock sees to it, and for a copied directory
// PostgreSQL does. Whoever attached last goes on; the older one ends and says why.

import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CATALOG, Shop } from './support.mjs';

let shop;
let twin;
before(async () => { shop = await Shop.open({ catalog: CATALOG }); });
after(async () => {
  if (twin) await twin.kill();
  await shop.close();
});

let n = 0;
async function order(target) {
  n += 1;
  const response = await target.events({ type: 'purchase', event_id: `e-${n}`, customer_id: `c-${n}`,
    order: { id: `o-${n}`, currency: 'EUR', total: '10.00' } });
  assert.equal(response.status, 200);
}

async function counted() {
  const [row] = await shop.query("select count(*)::int as orders from attrib.conversion_status where status = 'paid'");
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
  return row.orders;
}

function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

// A daemon with a configuration of its own in the same database.
async function another(name, state) {
  const made = Object.assign(new Shop(), { dir: shop.dir, conninfo: shop.conninfo, port: await freePort(), adminPort: await freePort() });
  made.base = `http://127.0.0.1:${made.port}`;
  made.admin = `http://127.0.0.1:${made.adminPort}`;
  made.config = join(shop.dir, `${name}.conf`);
  writeFileSync(made.config, readFileSync(shop.config, 'utf8').replace(`:${shop.port}`, `:${made.port}`)
    .replace(`:${shop.adminPort}`, `:${made.adminPort}`).replace(/state_dir = .*/, `state_dir = ${state}`));
  return made;
}

test('a second daemon on one state directory does not start', async () => {
  const second = await another('second', join(shop.dir, 'state'));
  await second.start({ ready: false });
  assert.deepEqual(await second.exited, { code: 69, signal: null });
  assert.match(second.log, /another attribd runs on this state_dir/);
  await order(shop);
  await shop.quiet();
});

test('of two daemons with one identity the older one ends', async () => {
  for (let i = 0; i < 20; i++) await order(shop);
  await shop.quiet();
  cpSync(join(shop.dir, 'state'), join(shop.dir, 'copied'), { recursive: true });
  twin = await another('twin', join(shop.dir, 'copied'));
  await twin.start();
  await order(twin);
  await twin.quiet();
  await order(shop); // acknowledged: it is in the journal of the older one
  const exit = await shop.exited;
  assert.equal(exit.signal, null);
  assert.equal(exit.code, 78);
  assert.match(shop.log, /another process runs under this instance's identity/);
  await order(twin);
  await twin.quiet();
  assert.equal(await counted(), n - 1);
});

test('what the older one had acknowledged is counted when it starts again', async () => {
  await twin.stop();
  await shop.start();
  await shop.quiet();
  assert.equal(await counted(), n);
});

test('a state directory older than the database says which records it lacks', async () => {
  await shop.stop();
  cpSync(join(shop.dir, 'state'), join(shop.dir, 'backup'), { recursive: true });
  await shop.start();
  for (let i = 0; i < 7; i++) await order(shop);
  await shop.quiet();
  await shop.stop();
  const restored = await another('restored', join(shop.dir, 'backup'));
  await restored.start();
  await order(restored);
  await restored.quiet();
  await restored.stop();
  assert.match(restored.log, /records that PostgreSQL has .* not in this journal/);
  assert.equal(await counted(), n);
});
