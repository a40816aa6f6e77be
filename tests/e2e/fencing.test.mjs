// One identity, one process: on one directory a lock sees to it, and for a copied directory
// PostgreSQL does. Whoever attached last goes on; the older one ends and says why.

import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
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

test('a second daemon on one state directory does not start', async () => {
  const second = await shop.sibling('second', join(shop.dir, 'state'));
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
  twin = await shop.sibling('twin', join(shop.dir, 'copied'));
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

test('the older one lacks records of the newer one: it starts when it is told to, with what it had acknowledged', async () => {
  await twin.stop();
  await assert.rejects(shop.start(), /attribd exited/);
  assert.deepEqual(shop.exit, { code: 78, signal: null });
  assert.match(shop.log, /PostgreSQL has records up to \d+, this journal has none/);
  await shop.cli('take-over', '-c', shop.config);
  await shop.start();
  await shop.quiet();
  assert.equal(await counted(), n);
});
