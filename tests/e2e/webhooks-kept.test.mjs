// A webhook that is authentic and can't be used is answered 200 and not lost: it stands in the journal as it
// came, encrypted, survives a kill, and is sent again once it can be used.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Shop } from './support.mjs';
import { SECRETS, delivery, gmt, send, shape } from './vendors.mjs';

const SITE = 'tokyo';
const CANARY = 'canary-7f3a@example.com';
const section = (currency) => `[site ${SITE}]\nwrite_key = key-${SITE}\ncurrency = ${currency}\n${
  Object.entries(SECRETS).map(([vendor, secret]) => `webhook_secret.${vendor} = ${secret}\n`).join('')}`;
let shop;
before(async () => { shop = await Shop.open({ global: section('JPY') }); });
after(() => shop.close());

const placed = Date.now() - 60e3;
// No currency: the site's. It has cents, and yen have none.
const wooOrder = { ...shape('woocommerce', 'created', { id: 71, date_created_gmt: gmt(placed), date_modified_gmt: gmt(placed), date_paid_gmt: gmt(placed),
  billing: { email: CANARY, phone: '' } }), currency: undefined };
const native = { type: 'purchase', email: CANARY, order: { id: 'S-7', total: '11.90', tax: '1.90' } };

const webhooks = (...args) => shop.cli('webhooks', ...args, '-c', shop.config).then((out) => [0, out], (e) => [e.code, e.stdout]);
const files = (dir) => readdirSync(dir).flatMap((name) => {
  const path = join(dir, name);
  return statSync(path).isDirectory() ? files(path) : [path];
});
const orders = () => shop.query('select order_id, gross, currency from attrib.conversion_status where site = $1 order by order_id', [SITE]);

test('it is answered 200, journaled, and survives a kill', async () => {
  for (const [vendor, body] of [['woocommerce', wooOrder], ['standard', native]]) {
    const response = await send(shop, delivery(vendor, body, { id: 'msg_7' }), { site: SITE });
    assert.equal(response.status, 200);
    assert.match((await response.json()).rejected[0].message, /order\.total/);
  }
  assert.equal((await shop.status()).journal.committed, 2);
  await shop.kill();
  await shop.start();
  await shop.quiet();
  const [code, out] = await webhooks('list');
  assert.equal(code, 0);
  assert.match(out, /woocommerce tokyo: order\.total: .* \(id 71\)\n/);
  assert.match(out, /standard tokyo: order\.total/);
  assert.deepEqual(await orders(), []);
  assert.match(await shop.cli('journal', 'dump', join(shop.dir, 'state')), / webhook vendor=woocommerce site="tokyo" reason="order\.total/);
});

test('nothing of it can be read on the disk', () => {
  const state = join(shop.dir, 'state');
  const bytes = files(state).map((path) => [path, readFileSync(path)]);
  assert.ok(bytes.some(([path]) => path.includes('raw-keys')));
  for (const [path, content] of bytes) {
    for (const secret of [CANARY, 'wc_order_58d2d042d1d', 'Street 1']) assert.equal(content.indexOf(secret), -1, path);
    if (path.includes('raw-keys')) assert.equal(statSync(path).mode & 0o777, 0o600);
  }
});

test('as long as it can\'t be used a retry says why, and keeps no second copy', async () => {
  const [code, out] = await webhooks('retry', '--site', SITE);
  assert.equal(code, 65);
  assert.match(out, /still refused: .*order\.total/);
  assert.match(out, /0 taken, 2 refused, 0 can't be read any more/);
  assert.equal((await shop.status()).journal.committed, 2);
});

test('after the repair it is taken, once', async () => {
  await shop.stop();
  writeFileSync(shop.config, readFileSync(shop.config, 'utf8').replace(section('JPY'), section('EUR')));
  await shop.start();
  for (let i = 0; i < 2; i++) {
    const [code, out] = await webhooks('retry');
    assert.equal(code, 0);
    assert.match(out, /2 taken, 0 refused, 0 can't be read any more/);
    await shop.quiet();
    assert.deepEqual(await orders(), [{ order_id: '71', gross: '100.00', currency: 'EUR' }, { order_id: 'S-7', gross: '10.00', currency: 'EUR' }]);
  }
});

test('without its key it is gone, wherever the journal lies', async () => {
  rmSync(join(shop.dir, 'state/raw-keys'), { recursive: true });
  const [code, out] = await webhooks('retry');
  assert.equal(code, 0);
  assert.match(out, /its key is destroyed: order\.total/);
  assert.match(out, /0 taken, 0 refused, 2 can't be read any more/);
});

test('without a daemon a retry says so', async () => {
  await shop.stop();
  await shop.start();
  await send(shop, delivery('stripe', '{"type":'), { site: SITE });
  await shop.stop();
  const [code] = await webhooks('retry');
  assert.equal(code, 69);
});
