// When each source that speaks for a shop was last heard: of orders alone, of signed ones alone, and still
// known after a stop and after a kill.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CATALOG, PUBLIC_KEY, Shop, sleep } from './support.mjs';
import { SITE, delivery, iso, knock, send, shape } from './vendors.mjs';

let shop;
before(async () => { shop = await Shop.open({ site: SITE, catalog: CATALOG, global: '[site other]\nwrite_key = key-other\n' }); });
after(() => shop.close());

async function heard() {
  const text = await (await fetch(`${shop.admin}/metrics`)).text();
  assert.match(text, /# TYPE attribd_signed_order_timestamp_seconds gauge/);
  return Object.fromEntries([...text.matchAll(/^attribd_signed_order_timestamp_seconds\{site="(\w+)",source="(\w+)"\} (\d+)$/gm)].map(([, site, source, at]) => [`${site} ${source}`, Number(at)]));
}
const order = (id) => ({ type: 'purchase', occurred_at: '2026-01-01T00:00:00Z', order: { id, currency: 'EUR', total: '1.00' } });

test('signed orders alone, by site and source, when they are received', async () => {
  assert.deepEqual(await heard(), {});
  await shop.events(order('stranger'), { key: PUBLIC_KEY });
  await shop.events({ type: 'visit', url: 'https://shop.example/' });
  await shop.events({ type: 'refund', refund: { id: 'r', order_id: 'x', amount: '1.00', currency: 'EUR' } });
  assert.equal((await send(shop, { ...delivery('shopify', shape('shopify', 'codes')), headers: { 'x-shopify-hmac-sha256': 'forged' } })).status, 401);
  assert.deepEqual(await heard(), {});
  const start = Math.floor(Date.now() / 1000);
  await shop.events(order('n-1'));
  await shop.events(order('n-2'), { key: 'key-other' });
  await knock(shop, 'shopify', shape('shopify', 'codes', { id: 1, created_at: iso(), processed_at: iso(), updated_at: iso() }));
  const now = await heard();
  assert.deepEqual(Object.keys(now).sort(), ['acme native', 'acme shopify', 'other native']);
  for (const at of Object.values(now)) assert.ok(at >= start && at <= Math.floor(Date.now() / 1000));
});

test('it is known after a stop and after a kill, and goes on', async () => {
  const before = await heard();
  await shop.restart();
  assert.deepEqual(await heard(), before);
  await shop.kill();
  await shop.start();
  assert.deepEqual(await heard(), before);
  while (Math.floor(Date.now() / 1000) <= before['acme native']) await sleep(50);
  await shop.events(order('n-3'));
  await shop.stop(); // nobody has looked meanwhile
  await shop.start();
  const after = await heard();
  assert.ok(after['acme native'] > before['acme native']);
  assert.deepEqual({ ...after, 'acme native': 0 }, { ...before, 'acme native': 0 });
});
