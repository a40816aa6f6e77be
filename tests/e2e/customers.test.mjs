// Imports whose rows name persons, over the real command and HTTP: who bought before our time makes
// unknown orders new or returning, and a creator's own orders are nobody's credit.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { attribd, CATALOG, Shop, untilFor } from './support.mjs';

const KEY = 'pets-secret-key';
let shop;
before(async () => {
  shop = await Shop.open({
    site: `[site pets]\nwrite_key = ${KEY}\ntime_zone = Europe/Berlin\ncurrency = EUR\ncustomer_history = partial\n`,
    catalog: {
      ...CATALOG,
      tracker: `${CATALOG.tracker}pets,code,MAX10,max,walks,,\npets,code,TOM10,tom,walks,,\n`,
      cost: 'site,cost_id,campaign,creator,kind,amount,currency,incurred_on\npets,c-1,walks,max,fee,300.00,EUR,2026-01-01\n',
    },
  });
});
after(() => shop.close());

const run = (...args) => new Promise((done) => {
  execFile(attribd, args, (error, stdout, stderr) => done({ code: error ? error.code : 0, stdout, stderr }));
});
let files = 0;
const importing = (table, text, config = shop.config) => {
  const file = join(shop.dir, `${table}-${files++}.csv`);
  writeFileSync(file, text);
  return run('import', table, file, '-c', config);
};
const imported = async (table, text) => {
  const result = await importing(table, text);
  assert.equal(result.code, 0, result.stderr);
  return result.stdout;
};

const order = (id, person, { placed_at, codes = ['MAX10'], total = '119.00' } = {}) => ({ type: 'purchase', event_id: `e-${id}`, ...person,
  order: { id, currency: 'EUR', total, codes, ...(placed_at && { placed_at }) } });
async function tell(...events) {
  const response = await shop.events(events, { key: KEY });
  const answer = await response.json();
  assert.deepEqual([response.status, answer.rejected], [200, []]);
}
async function kinds(...ids) {
  const rows = await shop.query("select order_id, customer_kind as kind from attrib.conversion_status where site = 'pets'", []);
  return ids.map((id) => rows.find((r) => r.order_id === id)?.kind);
}
const cac = async () => (await shop.query(`select new_customers::float as new, unknown_customers::float as unknown, round(cac, 2)::text as cac
  from attrib.cac where site = 'pets' and campaign = 'walks'`))[0];
const consistent = async () => assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
const ledger = async () => JSON.stringify(await shop.query(`select
  (select jsonb_agg(to_jsonb(t) order by id) from attrib.customer t) as customers,
  (select jsonb_agg(to_jsonb(t) order by site, kind, key) from attrib.customer_key t) as keys,
  (select jsonb_agg(to_jsonb(t) order by site, order_id) from attrib.customer_order t) as orders,
  (select jsonb_agg(to_jsonb(t) order by t) from attrib.rollup_money t) as money,
  (select jsonb_agg(to_jsonb(t) order by site, creator, key) from attrib.creator_customer t) as creators,
  (select jsonb_agg(customers_imported_at order by name) from attrib.site) as imported`));
const until = untilFor(() => [shop]);

const CUSTOMERS = `site,email,phone,customer_id,first_order_at
pets,Old@Example.com ,,,
pets,,0049 30 901820,,2026-03-01
pets,,,c-later,2026-11-20
pets,unheard@example.com,,c-unheard,2025-05-01T10:00:00+02:00
`;

test('with partial history a first order is of an unknown customer', async () => {
  await tell(
    order('by-mail', { email: 'old@example.com' }, { placed_at: '2026-11-02T10:00:00Z' }),
    order('by-phone', { phone: '+49 (30) 90 18 20' }, { placed_at: '2026-11-03T10:00:00Z' }),
    order('later', { customer_id: 'c-later' }, { placed_at: '2026-11-04T10:00:00Z' }),
    order('first', { email: 'first@example.com' }, { placed_at: '2026-11-05T10:00:00Z' }),
    order('second', { email: 'first@example.com' }, { placed_at: '2026-11-06T10:00:00Z' }),
    order('guest', {}, { placed_at: '2026-11-07T10:00:00Z' }));
  await shop.quiet();
  assert.deepEqual(await kinds('by-mail', 'by-phone', 'later', 'first', 'second', 'guest'),
    ['unknown', 'unknown', 'unknown', 'unknown', 'returning', 'unknown']);
  assert.deepEqual(await cac(), { new: 0, unknown: 5, cac: null });
});

test('a bad row is named with line and column, and nothing is imported', async () => {
  const before = await ledger();
  const bad = await importing('customers', `${CUSTOMERS}pets,no address,,,\npets,,,c-9,01.11.2026\npets,,,,\nnowhere,a@b.example,,,\n`);
  assert.equal(bad.code, 65);
  assert.match(bad.stderr, /\.csv:6: email: expected an address/);
  assert.match(bad.stderr, /\.csv:7: first_order_at: expected a date/);
  assert.match(bad.stderr, /\.csv:8: expected an email, phone or customer_id/);
  assert.match(bad.stderr, /\.csv:9: site: expected a site of the configuration/);
  assert.match(bad.stderr, /nothing was imported/);
  assert.doesNotMatch(bad.stderr, /no address|01\.11|nowhere/, 'no value of the file is repeated');
  const header = await importing('customers', 'site,mail\npets,a@b.example\n');
  assert.equal(header.code, 65);
  assert.match(header.stderr, /\.csv:1: header: expected columns of customers \(site, email, phone, customer_id, first_order_at\)/);
  assert.equal(await ledger(), before);
});

test('another secret is refused, and so is a secret that can not be read', async () => {
  const before = await ledger();
  const other = join(shop.dir, 'other.conf');
  mkdirSync(join(shop.dir, 'other-state'));
  writeFileSync(other, readFileSync(shop.config, 'utf8').replace(/state_dir = .*/, `state_dir = ${join(shop.dir, 'other-state')}`));
  for (const [table, text] of [['customers', CUSTOMERS], ['creator_customer', 'site,creator,email\npets,max,a@b.example\n']]) {
    const refused = await importing(table, text, other);
    assert.equal(refused.code, 78, refused.stderr);
    assert.match(refused.stderr, /another secret/);
  }
  const nowhere = join(shop.dir, 'nowhere.conf');
  writeFileSync(nowhere, readFileSync(shop.config, 'utf8').replace(/state_dir = .*/, `state_dir = ${join(shop.dir, 'no-such-state')}`));
  assert.equal((await importing('customers', CUSTOMERS, nowhere)).code, 74);
  assert.equal(await ledger(), before);
});

test('an import tells new from returning, and cac follows', async () => {
  assert.match(await imported('customers', CUSTOMERS), /imported 4 rows into customers \(1 new, 3 known\)/);
  assert.deepEqual(await kinds('by-mail', 'by-phone', 'later', 'first', 'second', 'guest'),
    ['returning', 'returning', 'new', 'new', 'returning', 'unknown']);
  assert.deepEqual(await cac(), { new: 2, unknown: 1, cac: '150.00' });
  await consistent();
});

test('the same import again changes nothing', async () => {
  const before = await ledger();
  assert.match(await imported('customers', CUSTOMERS), /imported 4 rows into customers \(0 new, 4 known\)/);
  assert.equal(await ledger(), before);
});

test('the history stays complete: for later orders, a reload and a restart', async () => {
  await tell(order('heard', { email: 'UNHEARD@example.com' }, { placed_at: '2026-11-08T10:00:00Z' }),
    order('stranger', { email: 'stranger@example.com' }, { placed_at: '2026-11-08T11:00:00Z' }));
  await shop.quiet();
  assert.deepEqual(await kinds('heard', 'stranger'), ['returning', 'new']);
  shop.process.kill('SIGHUP');
  await until('no reload', () => /configuration reloaded/.test(shop.log));
  await shop.restart();
  await tell(order('after', { email: 'after@example.com' }, { placed_at: '2026-11-09T10:00:00Z' }));
  await shop.quiet();
  assert.deepEqual(await kinds('first', 'stranger', 'after'), ['new', 'new', 'new']);
  await consistent();
});

test('imports while orders arrive: every order ends as if the import had come first', async () => {
  const n = 300;
  const people = Array.from({ length: n }, (_, i) => i);
  const csv = (part) => `site,customer_id\n${people.filter((i) => i % 6 === part).map((i) => `pets,crowd-${i}\n`).join('')}`;
  const sending = (async () => {
    for (let i = 0; i < n; i += 20) {
      await tell(...people.slice(i, i + 20).map((p) => order(`crowd-${p}`, { customer_id: `crowd-${p}`, email: `crowd-${p}@example.com` }, { placed_at: '2026-11-10T10:00:00Z' })));
    }
  })();
  for (const part of [0, 2, 4]) await imported('customers', csv(part));
  await sending;
  await shop.quiet();
  assert.deepEqual(await kinds(...people.map((i) => `crowd-${i}`)), people.map((i) => (i % 2 ? 'new' : 'returning')));
  await consistent();
});

test('a creator\'s own order is no credit of theirs, from the import on', async () => {
  const credit = async (id) => (await shop.query("select creator from attrib.order_credit where site = 'pets' and order_id = $1 and model = 'policy'", [id]))[0].creator;
  await tell(order('own', { email: 'max@walks.example' }), order('fan', { email: 'fan@walks.example' }),
    order('other-code', { email: 'max@walks.example' }, { codes: ['TOM10'] }));
  await shop.quiet();
  assert.deepEqual([await credit('own'), await credit('fan'), await credit('other-code')], ['max', 'max', 'tom']);
  assert.match(await imported('creator_customer', 'site,creator,email,customer_id\npets,max,Max@Walks.example,0\n'), /\(1 new, 0 known\)/);
  await until('the order is not decided again', async () => (await credit('own')) === null);
  assert.deepEqual([await credit('fan'), await credit('other-code')], ['max', 'tom']);
  await tell(order('own-again', { email: 'max@walks.example' }));
  await shop.quiet();
  assert.equal(await credit('own-again'), null);
  // also by the catalog that a start reads, and taken back like every row of the catalog
  await shop.restart();
  await tell(order('own-restarted', { email: 'max@walks.example' }));
  await shop.quiet();
  assert.equal(await credit('own-restarted'), null);
  await shop.query("delete from attrib.creator_customer where creator = 'max'");
  await until('a deletion is not noticed', async () => (await credit('own-restarted')) === 'max');
  await consistent();
});

test('help lists every table with its columns', async () => {
  const { stdout } = await run('help', 'import');
  const listed = {};
  for (const [, table, columns] of stdout.matchAll(/^ {2}([a-z_]+) {2,}([a-z].*(?:\n {21}[a-z].*)*)/gm)) listed[table] = columns.split(/,\s+/);
  const computed = { tracker: ['tracker_id', 'folded'] };
  const own = { customers: ['site', 'email', 'phone', 'customer_id', 'first_order_at'], creator_customer: ['site', 'creator', 'email', 'phone', 'customer_id'] };
  const unknown = await run('import', 'nonsense', 'x', '-c', shop.config);
  assert.equal(unknown.code, 64);
  const tables = [...unknown.stderr.matchAll(/^ {2}([a-z_]+)$/gm)].map((m) => m[1]);
  assert.deepEqual(Object.keys(listed).sort(), [...tables].sort());
  for (const table of tables) {
    const rows = await shop.query("select column_name from information_schema.columns where table_schema = 'attrib' and table_name = $1", [table]);
    const columns = own[table] ?? rows.map((r) => r.column_name).filter((c) => !computed[table]?.includes(c));
    assert.deepEqual([...listed[table]].sort(), [...columns].sort(), table);
  }
});
