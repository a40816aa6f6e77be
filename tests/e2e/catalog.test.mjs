// The catalog lives: a code that is registered after its orders heals them without a restart, an
// owner's change keeps history, the schema's version is checked.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CATALOG, Shop, sleep, untilFor } from './support.mjs';

let shop;
before(async () => { shop = await Shop.open({ catalog: CATALOG }); });
after(() => shop.close());

const credit = async (id) => (await shop.query("select creator, channel, tracker from attrib.order_credit where order_id = $1 and model = 'policy'", [id]))[0];

const until = untilFor(() => [shop]);

test('an unknown code is listed with its orders and money, then heals', async () => {
  await shop.events([
    { type: 'purchase', event_id: 'l-1', customer_id: 'c-1', order: { id: 'late-1', currency: 'EUR', total: '30.00', codes: ['Zoë15'] } },
    { type: 'purchase', event_id: 'l-2', customer_id: 'c-2', order: { id: 'late-2', currency: 'EUR', total: '20.00', codes: [' zoë15'] } },
    { type: 'purchase', event_id: 'l-3', customer_id: 'c-3', order: { id: 'other-1', currency: 'EUR', total: '20.00' } }]);
  await shop.quiet();
  assert.equal((await credit('late-1')).creator, null);
  const [unknown] = await shop.query("select kind, orders::int, gross::text from attrib.unknown_tracker where site = 'acme' and kind = 'code'");
  assert.deepEqual(unknown, { kind: 'code', orders: 2, gross: '50.00' });
  const [before] = await shop.query("select xmin::text as x from attrib.conversion where order_id = 'other-1'");
  await shop.import('tracker', 'site,kind,key,creator,campaign\nacme,code,ZOË15,bob,spring\n');
  await until('the code does not heal its orders', async () => (await credit('late-1')).creator === 'bob' && (await credit('late-2')).creator === 'bob');
  assert.deepEqual(await shop.query("select * from attrib.unknown_tracker where kind = 'code'"), []);
  const [after] = await shop.query("select xmin::text as x from attrib.conversion where order_id = 'other-1'");
  assert.equal(after.x, before.x, 'other orders are not touched');
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
});

test('a catalog change while the daemon was down is applied at start', async () => {
  await shop.events({ type: 'purchase', event_id: 'd-1', customer_id: 'c-9', order: { id: 'down-1', currency: 'EUR', total: '9.00', codes: ['OFFLINE'] } });
  await shop.quiet();
  await shop.stop();
  await shop.import('tracker', 'site,kind,key,creator\nacme,code,OFFLINE,ann\n');
  await shop.start();
  await until('not decided again after the start', async () => (await credit('down-1')).creator === 'ann');
});

test('plain SQL works as well as import', async () => {
  await shop.query("insert into attrib.tracker(site, kind, key, creator, destination) values ('acme', 'link', 'sql-link', 'bob', 'https://shop.example/sql')");
  await until('the link does not work', async () => (await shop.click('sql-link')).response.status === 302);
});

test('two owners of one key at one time are refused', async () => {
  await assert.rejects(shop.query("insert into attrib.tracker(site, kind, key, creator) values ('acme', 'code', 'ann10', 'bob')"));
});

test('a daemon refuses a schema that it does not know', async () => {
  await shop.stop();
  await shop.query("update attrib.schema_version set version = version + 1000, oldest_daemon = version + 1000");
  await shop.start({ ready: false });
  const exit = await Promise.race([shop.exited, sleep(15000)]);
  assert.ok(exit, 'it exits');
  assert.equal(exit.code, 78);
  assert.match(shop.log, /schema/);
});
