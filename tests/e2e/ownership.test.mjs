// The orders of a site are decided by the memory of one instance: a second state directory on the same
// database is refused until an operator says that it takes over.

import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CATALOG, Shop } from './support.mjs';

let shop;
let other;
before(async () => {
  shop = await Shop.open({ catalog: CATALOG });
  other = await fresh('other');
});
after(async () => {
  await other.kill();
  await shop.close();
});

// A daemon with an empty state directory: all that it has is the installation's secret.
async function fresh(name, from = 'state') {
  mkdirSync(join(shop.dir, name));
  copyFileSync(join(shop.dir, from, 'secret'), join(shop.dir, name, 'secret'));
  return shop.sibling(name, join(shop.dir, name));
}

let n = 0;
async function order(target, site = {}) {
  n += 1;
  const response = await target.events({ type: 'purchase', event_id: `e-${n}`, customer_id: `c-${n}`,
    order: { id: `o-${n}`, currency: 'EUR', total: '10.00' } }, site);
  assert.equal(response.status, 200);
}

async function counted() {
  const [row] = await shop.query("select count(*)::int as orders from attrib.conversion_status where status = 'paid'");
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
  return row.orders;
}

const instance = (state) => readFileSync(join(shop.dir, state, 'instance'), 'utf8').trim();

async function refused(daemon) {
  await assert.rejects(daemon.start(), /attribd exited/);
  assert.deepEqual(daemon.exit, { code: 78, signal: null }, daemon.log);
}

test('a second state directory on the database is refused, with the owner, its last flush and what to do', async () => {
  await order(shop);
  await shop.quiet();
  await refused(other);
  assert.match(other.log, new RegExp(`site acme is decided by instance ${instance('state')} \\(last flush 20\\d\\d-\\d\\d-\\d\\d .* UTC\\)`));
  assert.match(other.log, /attribd take-over/);
  await order(shop); // the owner goes on
  await shop.quiet();
  assert.equal(await counted(), n);
});

test('a moved state directory is the same instance', async () => {
  await shop.stop();
  renameSync(join(shop.dir, 'state'), join(shop.dir, 'moved'));
  writeFileSync(shop.config, readFileSync(shop.config, 'utf8').replace(/state_dir = .*/, `state_dir = ${join(shop.dir, 'moved')}`));
  await shop.start();
  await order(shop);
  await shop.quiet();
  assert.equal(await counted(), n);
});

test('nobody takes over a directory whose daemon runs', async () => {
  await assert.rejects(shop.cli('take-over', '-c', shop.config), (e) => e.code === 69 && /stop it first/.test(e.stderr));
});

test('nor one without the secret of the database', async () => {
  mkdirSync(join(shop.dir, 'bare'));
  const bare = await shop.sibling('bare', join(shop.dir, 'bare'));
  await assert.rejects(bare.cli('take-over', '-c', bare.config), (e) => e.code === 78 && /another secret: put the secret_file/.test(e.stderr));
  await order(shop);
  await shop.quiet();
});

test('told so, the second one takes over and the first one ends; then the first one is refused', async () => {
  assert.match(await other.cli('take-over', '-c', other.config), /site acme was decided by instance/);
  await other.start();
  await order(other);
  await other.quiet();
  await order(shop); // acknowledged, in the journal of the first one
  n -= 1;
  assert.deepEqual(await shop.exited, { code: 78, signal: null });
  assert.match(shop.log, /has taken its sites over/);
  assert.equal(await counted(), n);
  await refused(shop);
  assert.match(shop.log, new RegExp(`site acme is decided by instance ${instance('other')}`));
  await order(other);
  await other.quiet();
  assert.equal(await counted(), n);
});

test('a reload that adds a site of another instance is refused', async () => {
  const third = await fresh('third', 'other');
  const text = readFileSync(third.config, 'utf8');
  writeFileSync(third.config, text.replace('[site acme]', '[site beta]').replaceAll('test-', 'beta-'));
  await third.cli('migrate', '-c', third.config);
  await third.start();
  await order(third, { key: 'beta-secret-key' });
  await third.quiet();
  const before = readFileSync(third.config, 'utf8');
  writeFileSync(third.config, `${before}\n[site acme]\nwrite_key = test-secret-key\ntime_zone = Europe/Berlin\ncurrency = EUR\n`);
  third.process.kill('SIGHUP');
  while (!/reload refused.*site acme is decided by/.test(third.log)) await new Promise((done) => setTimeout(done, 20));
  assert.equal((await third.events({ type: 'visit', event_id: 'v', url: 'https://shop.example/' })).status, 401);
  await order(third, { key: 'beta-secret-key' });
  await third.quiet();
  await third.stop();
});
