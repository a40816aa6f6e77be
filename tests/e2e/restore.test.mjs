// Backups that don't fit each other: an older state directory is refused with what it lacks, an older
// database gets what it lacks from the journal, once.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CATALOG, Shop } from './support.mjs';

let shop;
before(async () => { shop = await Shop.open({ catalog: CATALOG }); });
after(() => shop.close());

let n = 0;
async function orders(target, count) {
  for (let i = 0; i < count; i++) {
    n += 1;
    const visitor = `v-${n}`;
    for (const event of [
      { type: 'visit', event_id: `t-${n}`, visitor_id: visitor, url: 'https://shop.example/?utm_source=tiktok&utm_medium=video&utm_campaign=bob' },
      { type: 'purchase', event_id: `e-${n}`, visitor_id: visitor, customer_id: `c-${n}`, order: { id: `o-${n}`, currency: 'EUR', total: '10.00' } },
    ]) assert.equal((await target.events(event)).status, 200);
  }
}

// Orders and traffic: what is flushed twice shows in the second.
async function check() {
  const [row] = await shop.query(`select (select count(*)::int from attrib.conversion_status where status = 'paid') as orders,
    (select coalesce(sum(visits), 0)::int from attrib.traffic_daily) as visits,
    (select count(*)::int from attrib.order_credit where creator = 'bob' and model = 'policy') as credits`);
  assert.deepEqual(row, { orders: n, visits: n, credits: n });
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
  assert.deepEqual(await shop.query('select * from attrib.check_adjustments()'), []);
}

const state = () => join(shop.dir, 'state');
const host = () => /host=(\S+)/.exec(shop.conninfo)[1];
const dump = () => execFileSync('pg_dump', ['-h', host(), '-U', 'attrib', '-Fc', 'attrib'], { maxBuffer: 1 << 28 });
function restore(bytes) {
  const psql = (sql) => execFileSync('psql', ['-qX', '-h', host(), '-U', 'attrib', '-d', 'postgres', '-c', sql]);
  psql('drop database attrib with (force)');
  psql('create database attrib');
  execFileSync('pg_restore', ['-h', host(), '-U', 'attrib', '-d', 'attrib'], { input: bytes });
}

async function refused() {
  await assert.rejects(shop.start(), /attribd exited/);
  assert.deepEqual(shop.exit, { code: 78, signal: null }, shop.log);
}

test('an older database gets what it lacks from the journal, once', async () => {
  await orders(shop, 3);
  await shop.quiet();
  const backup = dump();
  await shop.restart();
  await orders(shop, 5);
  await shop.quiet();
  await shop.stop();
  restore(backup);
  await shop.start();
  await shop.quiet();
  await check();
});

test('a database that is set back under a running daemon: it ends, says why, and the next start heals', async () => {
  const backup = dump();
  await orders(shop, 4);
  await shop.quiet();
  restore(backup);
  await orders(shop, 1); // makes it flush
  assert.deepEqual(await shop.exited, { code: 78, signal: null });
  assert.match(shop.log, /set back to an older state.*start it again/);
  await shop.start();
  await shop.quiet();
  await check();
});

test('a database that has never heard of the instance gets the whole journal', async () => {
  await shop.stop();
  await shop.query('delete from attrib.instance');
  await shop.query(`do $$ declare t text; begin for t in select format('attrib.%I', relname) from pg_class
    where relnamespace = 'attrib'::regnamespace and relkind = 'r'
    and relname ~ '^(conversion|credit|path_row|traffic|customer|rollup|order_|key_seen|refund_fact|cancel_fact|unknown)'
    loop execute 'truncate ' || t || ' cascade'; end loop; end $$`);
  await shop.start();
  assert.match(shop.log, /PostgreSQL knows nothing of this instance: all \d+ records/);
  await shop.quiet();
  await check();
});

test('an older state directory is refused, and what it lacks is named', async () => {
  await shop.stop();
  cpSync(state(), join(shop.dir, 'backup'), { recursive: true });
  await shop.start();
  await orders(shop, 7);
  await shop.quiet();
  await shop.stop();
  cpSync(state(), join(shop.dir, 'newest'), { recursive: true });
  rmSync(state(), { recursive: true });
  cpSync(join(shop.dir, 'backup'), state(), { recursive: true });
  const before = await shop.query('select epoch from attrib.instance');
  await refused();
  assert.match(shop.log, /lane [0-9a-f]{32}: PostgreSQL has records up to \d+, this journal has none/);
  assert.match(shop.log, /start with the newest state_dir, or go on without those records with 'attribd take-over'/);
  assert.deepEqual(await shop.query('select epoch from attrib.instance'), before, 'whoever runs with the newest one is not fenced');
});

test('with the newest one it goes on', async () => {
  rmSync(state(), { recursive: true });
  cpSync(join(shop.dir, 'newest'), state(), { recursive: true });
  await shop.start();
  await orders(shop, 1);
  await shop.quiet();
  await check();
});

test('without the newest one: told so, the older one goes on and counts nothing twice', async () => {
  await orders(shop, 6);
  await shop.quiet();
  await shop.stop();
  rmSync(state(), { recursive: true });
  cpSync(join(shop.dir, 'newest'), state(), { recursive: true });
  await refused();
  const lacks = await shop.cli('take-over', '-c', shop.config);
  assert.match(lacks, /lane [0-9a-f]{32}: PostgreSQL has records up to \d+, this journal has none\n/);
  assert.match(lacks, /goes on without the records that are not here/);
  await shop.start();
  await orders(shop, 2);
  await shop.quiet();
  await check();
});
