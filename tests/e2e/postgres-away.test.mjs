// PostgreSQL stops and comes back while events arrive: ingest goes on, nothing is lost or doubled.
// And a daemon that starts without PostgreSQL works from its cached catalog.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CATALOG, Shop, sleep } from './support.mjs';

let shop;
before(async () => { shop = await Shop.open({ catalog: CATALOG }); });
after(() => shop.close());

let sent = 0;
async function send(n) {
  for (let i = 0; i < n; i++) {
    sent += 1;
    const response = await shop.events([
      { type: 'click', event_id: `c-${sent}`, visitor_id: `v-${sent}`, link: 'ann-link' },
      { type: 'purchase', event_id: `p-${sent}`, visitor_id: `v-${sent}`, customer_id: `k-${sent}`,
        order: { id: `o-${sent}`, currency: 'EUR', total: '20.00' } }]);
    assert.equal(response.status, 200, 'acknowledged without PostgreSQL');
    if (i % 3 === 0) await shop.events({ type: 'purchase', event_id: `again-${sent}`, visitor_id: `v-${sent}`, customer_id: `k-${sent}`,
      order: { id: `o-${sent}`, currency: 'EUR', total: '20.00' } });
  }
}

async function allCounted() {
  await shop.quiet();
  const [row] = await shop.query("select count(*)::int as orders, sum(gross)::text as gross from attrib.order_credit where model = 'policy' and creator = 'ann'");
  assert.deepEqual(row, { orders: sent, gross: `${sent * 20}.00` });
  const [t] = await shop.query("select sum(clicks)::int as clicks from attrib.traffic_daily where tracker = 'ann-link'");
  assert.equal(t.clicks, sent);
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
}

test('PostgreSQL stops and starts in mid-stream', async () => {
  await send(50);
  for (let round = 0; round < 3; round++) {
    const sending = send(60);
    await sleep(20);
    shop.stopPostgres();
    await sending;
    await send(30);
    assert.ok((await shop.status()).lag_seconds >= 0);
    shop.startPostgres();
    await send(30);
  }
  await allCounted();
});

test('backends are terminated again and again', async () => {
  for (let round = 0; round < 10; round++) {
    await send(10);
    await shop.query("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'");
  }
  await allCounted();
});

test('a start without PostgreSQL redirects and acknowledges from the cached catalog', async () => {
  await shop.stop();
  shop.stopPostgres();
  await shop.start();
  await send(20);
  assert.equal((await shop.click('ann-link')).response.status, 302);
  sent += 0;
  shop.startPostgres();
  await shop.quiet();
  const [row] = await shop.query("select count(*)::int as orders from attrib.order_credit where model = 'policy' and creator = 'ann'");
  assert.equal(row.orders, sent);
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
});
