// Settings are history: an order is decided by the version that stood when it locked, whatever touches
// it later; a new version decides the open orders again, and them alone.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CATALOG, Shop, sleep } from './support.mjs';

const DAY = 86400e3;
const LOCK = 30 * DAY; // lock_after of the defaults

let shop;
before(async () => {
  shop = await Shop.open({ catalog: CATALOG });
});
after(() => shop.close());

const iso = (ms) => new Date(ms).toISOString();
let sent = 0;
async function tell(...events) {
  const response = await shop.events(events);
  assert.deepEqual(await response.json(), { accepted: events.length, rejected: [] });
  sent += events.length;
  await shop.quiet(sent);
}

const order = (id, placed, more = {}) => ({ type: 'purchase', event_id: `e-${id}-${sent}`, visitor_id: `v-${id}`,
  order: { id, currency: 'EUR', total: '10.00', codes: ['ANN10'], placed_at: iso(placed), ...more } });

// Bob's affiliate link an hour before the order, then an order with ann's code.
async function buy(id, placed, more) {
  await tell({ type: 'visit', event_id: `t-${id}`, visitor_id: `v-${id}`, occurred_at: iso(placed - 3600e3),
    affiliate_id: 'bob', url: 'https://shop.example/' }, order(id, placed, more));
}

const explained = async (id) => JSON.parse(await shop.cli('explain', id, '--site', 'acme', '--format', 'json', '-c', shop.config));
const version = async (id) => (await shop.query('select policy_version as v from attrib.conversion_status where order_id = $1', [id]))[0].v;
// The version that decided, as explain and the view have it, and the creator that it credits.
async function by(id) {
  const e = await explained(id);
  assert.equal(e.policy_version, await version(id));
  return [e.policy_version, e.models.find((m) => m.model === 'policy').credits[0].creator];
}
const versions = async () => (await shop.query('select count(*)::int as n from attrib.site_policy'))[0].n;
const written = async (id) => (await shop.query('select ticket::text from attrib.conversion where order_id = $1', [id]))[0].ticket;

const loads = () => shop.metric('attribd_catalog_reloads_total');

// With these settings, and all that follows from them written.
async function reload(site) {
  const seen = await loads();
  shop.writeConfig({ site });
  shop.process.kill('SIGHUP');
  while (await loads() === seen) await sleep(5);
  await shop.quiet();
}

// An order that locks soon after it was taken, and then does: how soon depends on the machine.
async function buyAndLock() {
  for (const margin of [3e3, 15e3, 60e3]) {
    const id = `locked-${margin}`;
    const placed = Date.now() - LOCK + margin;
    await buy(id, placed, { status: 'pending' });
    if ((await explained(id)).late) continue;
    while (Date.now() <= placed + LOCK) await sleep(100);
    return { id, placed };
  }
  return assert.fail('every order was late');
}

let locked;
let first;

test('a new version decides the open orders, a locked one keeps its own', async () => {
  locked = await buyAndLock();
  await buy('open', Date.now() - DAY);
  first = await versions();
  assert.deepEqual([await by(locked.id), await by('open')], [[first, 'ann'], [first, 'ann']]);
  const before = await written(locked.id);
  await reload('code_rule = never');
  assert.deepEqual(await by('open'), [first + 1, 'bob']);
  assert.deepEqual(await by(locked.id), [first, 'ann']);
  assert.equal(await written(locked.id), before, 'it is not even written again');
  await buy('later', Date.now());
  assert.deepEqual(await by('later'), [first + 1, 'bob']);
});

test('a late update of the locked order changes its status, not its version', async () => {
  const before = await written(locked.id);
  assert.equal((await explained(locked.id)).status, 'pending');
  await tell(order(locked.id, locked.placed, { status: 'paid', updated_at: iso(Date.now()) }));
  assert.notEqual(await written(locked.id), before);
  assert.equal((await explained(locked.id)).status, 'paid');
  assert.deepEqual(await by(locked.id), [first, 'ann']);
});

test('the same settings make no version', async () => {
  const count = await versions();
  await reload('code_rule = never\nmodel.primary = linear\ncookie_domain = shop.example');
  assert.equal(await versions(), count);
});

test('a walk over a new catalog decides each order by its own version', async () => {
  const before = [await written(locked.id), await written('open')];
  await shop.query("update attrib.tracker set campaign = null where kind = 'code' and key = 'ANN10'");
  for (let i = 0; i < 400 && await written('open') === before[1]; i++) await sleep(25);
  await shop.quiet();
  assert.notEqual(await written(locked.id), before[0], 'both carry the key');
  assert.deepEqual([await by(locked.id), await by('open')], [[first, 'ann'], [first + 1, 'bob']]);
});

test('settings that change while the daemon is down', async () => {
  await shop.stop();
  await shop.query(`update attrib.site_policy set settings = settings || '{"of.the.past": "1"}' where version = $1`, [first]);
  shop.writeConfig({ site: 'code_rule = fallback\nwindow.affiliate = 30m' });
  await shop.start();
  for (let i = 0; i < 400 && await version('open') !== first + 2; i++) await sleep(25);
  await shop.quiet();
  assert.deepEqual([await by(locked.id), await by('open'), await by('later')],
    [[first, 'ann'], [first + 2, 'ann'], [first + 2, 'ann']]);
  assert.match(shop.log, new RegExp(`version ${first} of its settings: of\\.the\\.past: expected`));
});

test('settings that change while PostgreSQL is away decide when it has recorded them', async () => {
  shop.stopPostgres();
  const seen = shop.log.split('configuration reloaded').length;
  shop.writeConfig({ site: 'code_rule = never' });
  shop.process.kill('SIGHUP');
  while (shop.log.split('configuration reloaded').length === seen) await sleep(5);
  shop.startPostgres();
  for (let i = 0; i < 800 && await version('open') !== first + 3; i++) await sleep(25);
  await shop.quiet();
  assert.deepEqual([await by(locked.id), await by('open')], [[first, 'ann'], [first + 3, 'bob']]);
});

test('a start without PostgreSQL knows the history from its copy', async () => {
  await shop.stop();
  shop.stopPostgres();
  await shop.start({ ready: false });
  while (!(await fetch(`${shop.admin}/healthz`).catch(() => ({}))).ok) await sleep(20);
  while (!/catalog: .*trying again/.test(shop.log)) await sleep(20);
  const response = await shop.events([order(locked.id, locked.placed, { status: 'paid', total: '12.00', updated_at: iso(Date.now()) })]);
  assert.equal(response.status, 200);
  assert.doesNotMatch(shop.log, /waiting for PostgreSQL instead/);
  shop.startPostgres();
  await shop.quiet(sent + 1);
  assert.deepEqual([await by(locked.id), await by('open')], [[first, 'ann'], [first + 3, 'bob']]);
  assert.equal(Number((await explained(locked.id)).gross), 12);
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
});

test('an order of a browser that counted is in no sum once they are ignored', async () => {
  await reload('browser_orders = count');
  assert.equal((await shop.pixel({ e: 'purchase', vid: 'b', 'order.id': 'browser', 'order.currency': 'EUR', 'order.total': '5.00' })).status, 200);
  await shop.quiet();
  const said = async () => (await shop.query("select status, counted from attrib.conversion_status where order_id = 'browser'"))[0];
  assert.deepEqual(await said(), { status: 'paid', counted: true });
  await reload('browser_orders = ignore');
  assert.deepEqual(await said(), { status: 'provisional', counted: false });
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
});
