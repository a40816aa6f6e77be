// SIGHUP: sites come and go while the daemon runs, with PostgreSQL and without.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CATALOG, Shop, sleep } from './support.mjs';

const SITES = ['acme', 'north', 'south'];
const catalog = { ...CATALOG };
for (const site of ['north', 'south']) {
  catalog.creator += `${site},eve,Eve,instagram,mid,100\n`;
  catalog.campaign += `${site},fall,conversion,2026-01-01,2030-01-01,EUR,50.00\n`;
  catalog.tracker += `${site},affiliate,eve,eve,fall,,\n`;
}
const section = (name) => `[site ${name}]\nwrite_key = key-of-${name}\ntime_zone = Europe/Berlin\ncurrency = EUR\ncustomer_history = complete\n`;
const sections = (...names) => ({ global: names.map(section).join('\n') });

let shop;
before(async () => {
  shop = await Shop.open({ ...sections('north', 'south'), start: false });
  await shop.start(); // a site has to be known before its catalog is
  for (const [table, csv] of Object.entries(catalog)) await shop.import(table, csv);
  await shop.stop();
  shop.writeConfig({});
  await shop.start();
});
after(() => shop.close());

async function reload() {
  const seen = shop.log.split('configuration reloaded').length;
  shop.process.kill('SIGHUP');
  while (shop.log.split('configuration reloaded').length === seen) await sleep(5);
}

let n = 0;
async function buy(site) {
  n += 1;
  const response = await shop.events([
    { type: 'visit', event_id: `v-${n}`, visitor_id: `p-${n}`, affiliate_id: site === 'acme' ? 'ann' : 'eve', url: 'https://shop.example/' },
    { type: 'purchase', event_id: `e-${n}`, visitor_id: `p-${n}`, order: { id: `o-${n}`, currency: 'EUR', total: '10.00' } }],
  { key: site === 'acme' ? undefined : `key-of-${site}` });
  return response.status;
}

async function known(site) {
  for (let i = 0; i < 600; i++) {
    const status = await buy(site);
    if (status === 200) return;
    assert.equal(status, 401);
    await sleep(20);
  }
  assert.fail(`${site} was never taken`);
}

async function orders() {
  await shop.quiet();
  const rows = await shop.query(`select site, count(*)::int as orders from attrib.order_credit
    where model = 'policy' and creator is not null group by site order by site`);
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
  return Object.fromEntries(rows.map((r) => [r.site, r.orders]));
}

test('a site that is added is served, counted and owned at once', async () => {
  assert.equal(await buy('north'), 401);
  shop.writeConfig(sections('north'));
  await reload();
  await known('north');
  assert.equal(await buy('acme'), 200);
  assert.deepEqual(await orders(), { acme: 1, north: 1 });
});

test('a site that is added while PostgreSQL is away', async () => {
  assert.equal(await buy('south'), 401);
  shop.stopPostgres();
  shop.writeConfig(sections('north', 'south'));
  await reload();
  await known('south');
  assert.equal(await buy('north'), 200);
  shop.startPostgres();
  assert.deepEqual(await orders(), { acme: 1, north: 2, south: 1 });
  const versions = await shop.query(`select c.site, c.policy_version = s.policy_version as current
    from attrib.conversion c join attrib.site s on s.name = c.site group by 1, 2 order by 1, 2`);
  assert.deepEqual(versions, SITES.map((site) => ({ site, current: true })));
});

test('events of a site that is removed behind them are counted', async () => {
  for (let i = 0; i < 30; i++) assert.equal(await buy('south'), 200);
  shop.writeConfig(sections('north'));
  await reload();
  while (await buy('south') === 200) await sleep(5);
  const seen = await orders();
  assert.ok(seen.south >= 31, JSON.stringify(seen));
  assert.equal((await shop.status()).quarantined, 0);
});

test('a configuration with an error changes nothing', async () => {
  shop.writeConfig({ global: section('north').replace('EUR', 'nonsense') });
  shop.process.kill('SIGHUP');
  while (!/reload refused/.test(shop.log)) await sleep(5);
  assert.equal(await buy('north'), 200);
  assert.equal(await buy('acme'), 200);
});

test('many reloads under load', async () => {
  const before = (await orders()).acme;
  let on = true;
  let bought = 0;
  const buying = Promise.all(Array.from({ length: 4 }, async () => {
    while (on) {
      assert.equal(await buy('acme'), 200);
      bought += 1;
    }
  }));
  for (let i = 0; i < 30; i++) {
    shop.writeConfig(i % 2 ? sections('north') : {});
    shop.process.kill('SIGHUP');
    await sleep(20);
  }
  on = false;
  await buying;
  assert.equal((await orders()).acme, before + bought);
});
