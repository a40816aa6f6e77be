// What PostgreSQL refuses for its data never blocks the rest: it is set aside, listed, and comes in when it
// is tried again. What is the server's own fault sets nothing aside. The faults are triggers and an index of
// the test's own; they are counted by a sequence, which no rollback takes back.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ago, cancel, click, money, purchase, refund, rows, tell } from './contract.mjs';
import { attribd, CATALOG, Shop, sleep } from './support.mjs';

let shop;
before(async () => {
  shop = await Shop.open({ catalog: CATALOG });
  await shop.query(`
    create sequence faults;
    create function refuse() returns trigger language plpgsql as $$ begin
      perform nextval('faults');
      raise 'order % is refused', new.order_id using errcode = substr(new.order_id, 5, 5), constraint = 'mine';
    end $$;
    -- longer than an index takes, and nothing that could be compressed
    create function fat(id text) returns text language sql immutable as
      $$ select case when id like 'bad-54000%' then (select string_agg(md5(id || i), '') from generate_series(1, 400) i) end $$`);
});
after(() => shop.close());

const poison = () => shop.query(`create trigger refuse before insert or update on attrib.conversion
  for each row when (new.order_id like 'bad-%' and new.order_id not like 'bad-54%') execute function refuse()`);
const heal = () => shop.query('drop trigger refuse on attrib.conversion');
const faults = async () => Number((await shop.query('select case when is_called then last_value else 0 end as n from faults'))[0].n);
const run = (...args) => new Promise((done) => {
  execFile(attribd, args, (error, stdout, stderr) => done({ code: error ? error.code : 0, stdout, stderr }));
});
const quarantine = (...args) => run('quarantine', ...args, '-c', shop.config);
const list = async () => JSON.parse((await quarantine('list', '--format', 'json')).stdout);
// Asks until it is so, as patiently as shop.quiet.
const until = async (what, ask) => {
  for (let i = 0; i < 3600; i++) {
    if (shop.exit) throw new Error(`attribd exited ${JSON.stringify(shop.exit)}:\n${shop.log}`);
    if (await ask()) return;
    await sleep(50);
  }
  throw new Error(`${what} never came:\n${shop.log}`);
};
const says = (pattern) => until(`${pattern} in the log`, () => pattern.test(shop.log));
const sums = async (like) => (await rows(shop, `select count(*) as orders, coalesce(sum(gross), 0) as gross,
  coalesce(sum(refunded), 0) as refunded from attrib.conversion_status where kind = 'order' and order_id like $1`, [like]))[0];
const consistent = async () => {
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
  assert.deepEqual(await shop.query('select * from attrib.check_adjustments()'), []);
};

// An order with all that may hang on it: a click, a number, a second report under that number, a refund by
// it, a cancel.
const story = (order_id, i) => [
  click('ann-link', ago(3), { visitor_id: `v-${order_id}` }),
  purchase({ id: order_id, aliases: { name: `#${order_id}` } },
    { visitor_id: `v-${order_id}`, customer_id: `k-${i % 9}`, occurred_at: ago(2, i) }),
  ...(i % 3 ? [] : [purchase({ id: `#${order_id}`, aliases: { name: `#${order_id}` } }, { occurred_at: ago(1, i) })]),
  ...(i % 4 ? [] : [refund({ id: `r-${order_id}`, order_id: `#${order_id}`, amount: '10.00' })]),
  ...(i % 10 ? [] : [cancel(order_id)]),
];
const BAD = ['bad-23514-a', 'bad-22003-a', 'bad-54000-a', 'bad-23505-b', 'bad-54000-b'];
const good = Array.from({ length: 80 }, (_, i) => `o-${i}`);
const cancelled = good.filter((_, i) => i % 10 === 0).length;
const refunded = good.filter((_, i) => i % 4 === 0 && i % 10 !== 0).length;
const goodSums = { orders: good.length, gross: 100 * good.length, refunded: 100 * cancelled + 10 * refunded };

test('poisoned orders are set aside and everything else is counted once', async () => {
  await poison();
  await shop.query('create index fat on attrib.conversion (fat(order_id))');
  const stories = [...good.map(story), ...BAD.map((order_id, i) => story(order_id, 4 * (i + 1)))];
  for (let i = stories.length - 1; i > 0; i--) { // poison stands between the others
    const j = (i * 7919) % (i + 1);
    [stories[i], stories[j]] = [stories[j], stories[i]];
  }
  for (let i = 0; i < stories.length; i += 17) await shop.events(stories.slice(i, i + 17).flat());
  const status = await shop.quiet();
  assert.ok((await faults()) > 3, 'faults have fired');
  assert.deepEqual(await sums('o-%'), goodSums);
  assert.deepEqual(await sums('bad-%'), { orders: 0, gross: 0, refunded: 0 });
  await consistent();

  const listed = await list();
  assert.equal(status.quarantined, listed.length);
  for (const order_id of BAD) {
    const row = listed.find((r) => r.what === 'order' && r.order_id === order_id);
    assert.equal(row?.reason, 'refused', order_id);
    assert.equal(row.sqlstate, order_id.slice(4, 9));
  }
  assert.ok(listed.every((r) => /bad-/.test(r.key)), JSON.stringify(listed));
  assert.match(listed.find((r) => r.sqlstate === '23514').message, /is refused/);
  assert.match(shop.log, /refused and set aside, the others are in/);
  assert.ok(!/order bad-\S+ is refused/.test(shop.log), 'the log quotes no row');
  assert.equal(await shop.metric('attribd_sink_quarantined'), listed.length);
});

test('quarantine list and retry on the command line', async () => {
  assert.match((await quarantine('list')).stdout, /bad-23514-a/);
  assert.match((await quarantine('list', '--format', 'csv')).stdout, /^site,reason,what,order_id,key,seen_at,sqlstate,place,message$/m);
  const before = (await list()).length;
  const refused = await quarantine('retry');
  assert.equal(refused.code, 65, refused.stderr);
  assert.match(refused.stdout, /0 applied, 0 outdated, \d+ refused again/);
  assert.equal((await list()).length, before);
  assert.equal((await quarantine('retry', 'nobody')).code, 65);
  for (const args of [['dance'], ['list', 'x'], ['retry', '--format', 'csv'], ['list', '--format', 'xml'], ['list', '--site', 'moon'], []])
    assert.equal((await quarantine(...args)).code, 64, args.join(' '));
  const away = join(shop.dir, 'away.conf');
  writeFileSync(away, `[attribd]\nstate_dir = ${shop.dir}/x\npostgres = host=/nonexistent\n[site acme]\nwrite_key = 0123456789abcdef\n`);
  for (const word of ['list', 'retry']) assert.equal((await run('quarantine', word, '-c', away)).code, 69);
});

test('a later decision, or a retry, brings them in; after a restart, too', async () => {
  await heal();
  await tell(shop, refund({ id: 'later', order_id: 'bad-22003-a', amount: '5.00' }), purchase({ id: 'bad-23505-b', total: '80.00', updated_at: ago(0) }));
  assert.ok(!(await list()).some((r) => r.what === 'order' && r.order_id === 'bad-23505-b'));
  await shop.restart();
  const one = await quarantine('retry', 'bad-23514-a');
  assert.equal(one.code, 0, one.stdout + one.stderr);
  await shop.query('drop index attrib.fat');
  const all = await quarantine('retry', '--site', 'acme');
  assert.equal(all.code, 0, all.stdout + all.stderr);
  assert.deepEqual(await list(), []);
  assert.equal((await quarantine('retry')).code, 0, 'nothing waits');
  await tell(shop, purchase({ id: 'o-last' }));
  assert.equal((await shop.status()).quarantined, 0);
  assert.deepEqual(await sums('o-%'), { ...goodSums, orders: goodSums.orders + 1, gross: goodSums.gross + 100 });
  assert.deepEqual((await sums('bad-%')).orders, BAD.length);
  assert.deepEqual(await money(shop, 'bad-23514-a'), ['partially_refunded', 100, 10, 90]);
  assert.deepEqual(await money(shop, 'bad-22003-a'), ['partially_refunded', 100, 15, 85]);
  await consistent();
});

test('a fault of the server holds the batch back, sets nothing aside and heals without loss', async () => {
  await poison();
  const before = await faults();
  await shop.events([purchase({ id: 'bad-53100' }), ...Array.from({ length: 30 }, (_, i) => story(`s-${i}`, i)).flat()]);
  await says(/flushing: .*\(53100\)/);
  await until('another try', async () => (await faults()) >= before + 3);
  assert.deepEqual(await list(), []);
  assert.equal((await sums('bad-53100')).orders, 0);
  const status = await shop.status();
  assert.ok(status.sink.flushed < status.journal.committed);
  assert.equal((await shop.events([purchase({ id: 's-more' })])).status, 200, 'the journal goes on');
  await heal();
  await shop.quiet();
  assert.deepEqual([(await sums('bad-53100')).orders, (await sums('s-%')).orders], [1, 31]);
  assert.deepEqual(await list(), []);
  await says(/answers again/);
  await consistent();
});

test('when more is refused than single rows can be at fault of, it is the server', async () => {
  // One flush is held, so that what follows is one batch.
  const holder = shop.query(`do $$ begin perform from attrib.instance for update; perform pg_advisory_xact_lock(1);
    while not exists (select from pg_stat_activity where application_name = 'hold off') loop perform pg_sleep(0.02); perform pg_stat_clear_snapshot(); end loop; end $$`);
  await until('the lock', async () => (await shop.query("select from pg_locks where locktype = 'advisory' and granted")).length > 0);
  await shop.events([purchase({ id: 'held' })]);
  await until('a flush that waits', async () => (await shop.query("select from pg_stat_activity where application_name = 'attribd' and wait_event_type = 'Lock'")).length > 0);
  await shop.query("alter table attrib.credit add constraint partition check (order_id not like 'many-%')");
  await shop.events(Array.from({ length: 40 }, (_, i) => purchase({ id: `many-${i}` })));
  await until('the engine', async () => { const { engine, journal } = await shop.status(); return engine.applied === journal.committed; });
  await shop.query("set application_name = 'hold off'; select pg_sleep(1)");
  await holder;
  await says(/more than 10 of \d+ rows were refused for their data, the last in table credit, constraint partition/);
  assert.deepEqual(await list(), []);
  assert.deepEqual([(await sums('held')).orders, (await sums('many-%')).orders], [1, 0]);
  await shop.query('alter table attrib.credit drop constraint partition');
  await shop.quiet();
  // a repair in the middle of an attempt: what had been refused until then is set aside
  assert.equal((await sums('many-%')).orders + (await list()).length, 40);
  assert.equal((await quarantine('retry')).code, 0);
  assert.equal((await sums('many-%')).orders, 40);
  assert.deepEqual(await list(), []);
  await consistent();
});
