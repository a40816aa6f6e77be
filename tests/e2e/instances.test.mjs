// Several attribd for one site over one Redis and one PostgreSQL: whoever gets an event, the results are those of one
// daemon that got each event once; and who does not belong to them is refused.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ago, click, purchase, refund, visit } from './contract.mjs';
import { Redis } from '../support/redis.mjs';
import { CATALOG, Shop, sleep, untilFor } from './support.mjs';

const SEED = Number(process.env.ATTRIB_SEED ?? 20260127);
let state = SEED;
function random(n) { // mulberry32
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % n;
}
const pick = (list) => list[random(list.length)];

let redis, oracle, a, b, c;
before(async () => {
  console.log(`seed ${SEED}`);
  redis = await Redis.open();
  a = await Shop.open({ catalog: CATALOG, settings: `state = ${redis.url}`, start: false });
  oracle = await Shop.open({ catalog: CATALOG });
});
after(async () => {
  for (const shop of [b, c]) await shop?.kill();
  await a?.close();
  await oracle?.close();
  await redis?.close();
});

const newSecret = (dir) => writeFileSync(join(a.dir, dir, 'secret'), randomBytes(96), { mode: 0o600 });
const all = () => [a, b, c];
const until = untilFor(all);
async function refused(daemon, why) {
  await daemon.start({ ready: false });
  assert.deepEqual(await daemon.exited, { code: 78, signal: null }, daemon.log);
  assert.match(daemon.log, why);
}
// It ends with its next write; where it had one to do before it is told anything, nobody answers.
async function endsWithItsNextWrite(daemon, why) {
  const answer = await daemon.events(click('ann-link', ago(1))).catch((error) => error);
  await until(`it goes on after ${answer.status ?? answer}`, () => daemon.exit);
  assert.deepEqual(await daemon.exited, { code: 78, signal: null });
  assert.match(daemon.log, why);
}
const settle = () => Promise.all(all().filter((s) => s && !s.exit).map((s) => s.quiet()));

// Stories of persons: links, affiliate ids and UTM on several devices, orders with codes, refunds, further words.
let persons = 0;
function story() {
  const p = (persons += 1);
  const device = () => ({ visitor_id: `v-${p}-${random(2)}` });
  const events = [];
  for (let i = random(4); i >= 0; i--)
    events.push(random(2) ? click(pick(['ann-link', 'bob-link']), ago(1 + random(25), random(600)), device())
      : visit(`https://shop.example/?${pick(['ref=ann', 'ref=bob', 'utm_source=tiktok&utm_medium=video'])}`, ago(1 + random(25), random(600)), device()));
  for (let i = random(3); i > 0; i--) {
    const order = { id: `o-${p}-${i}`, total: `${10 + random(90)}.00`, codes: pick([[], [], ['ANN10'], ['BOB10']]) };
    const who = { ...device(), customer_id: `k-${p}` };
    const placed = 1 + random(20);
    events.push(purchase(order, { ...who, occurred_at: ago(placed) }));
    if (!random(3)) events.push(purchase({ ...order, total: '200.00' }, { ...who, occurred_at: ago(placed - 0.5) }));
    if (!random(3)) events.push(refund({ id: `r-${p}-${i}`, order_id: order.id, amount: '5.00' }, { occurred_at: ago(placed - 0.7) }));
  }
  return events;
}

let duplicates = 0;
// The events in any order, 30 % of them twice or more, each on any instance that takes it; and to the one that tells what is right.
async function spray(stories, targets = all(), between = async () => {}) {
  const events = Array.from({ length: stories }, story).flat();
  const sent = events.flatMap((e) => (random(100) < 30 ? [e, e] : [e]));
  duplicates += sent.length - events.length;
  for (let i = sent.length - 1; i > 0; i--) {
    const k = random(i + 1);
    [sent[i], sent[k]] = [sent[k], sent[i]];
  }
  const groups = [];
  while (sent.length) groups.push(sent.splice(0, 1 + random(6)));
  for (const [i, group] of groups.entries()) {
    if (i === groups.length >> 1) await between();
    const open = targets.filter((s) => !s.exit && !s.leaving);
    assert.equal((await pick(open).events(group)).status, 200);
  }
  assert.equal((await oracle.events(events)).status, 200);
}

const FIGURES = {
  orders: 'select order_id, status, customer_kind, gross, refunded, net from attrib.conversion_status order by 1',
  credits: 'select order_id, model, creator, campaign, channel, tracker, share, gross, refunded, net from attrib.order_credit order by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10',
  paths: 'select order_id, step, channel, tracker, creator, eligible, reason from attrib.path_step order by 1, 2',
  traffic: 'select channel, tracker, creator, sum(visits)::int as visits, sum(clicks)::int as clicks from attrib.traffic_daily group by 1, 2, 3 order by 1, 2, 3',
};
async function equal({ traffic = true } = {}) {
  await oracle.quiet();
  await settle();
  for (const [name, sql] of Object.entries(FIGURES)) {
    if (name === 'traffic' && !traffic) continue;
    const right = await oracle.query(sql);
    assert.ok(right.length > 3, `${name}: nothing to compare`);
    let got;
    for (let i = 0; i < 400; i++) { // what an instance decides again after it has said that it is quiet
      got = await a.query(sql);
      if (JSON.stringify(got) === JSON.stringify(right)) break;
      await sleep(50);
    }
    assert.deepEqual(got, right, name);
  }
  assert.deepEqual(await a.query('select * from attrib.check_rollups()'), []);
}

test('two instances meet an empty Redis and an empty database at once: one state, both serve the site', async () => {
  newSecret('state');
  b = await a.instance('b', (text) => text.replace(/^postgres = .*$/m, '$& application_name=b'));
  await Promise.all([a.start(), b.start()]);
  const known = (dir) => { try { return readFileSync(join(a.dir, dir, 'shared_state'), 'utf8'); } catch { return ''; } };
  await until('nobody knows the state', () => known('state') && known('b'));
  const ids = ['state', 'b'].map(known);
  assert.equal(ids[0], ids[1]);
  assert.equal((await a.query("select encode(state, 'hex') as id from attrib.site_state"))[0].id, ids[0].trim());
  c = await a.instance('c');
  await c.start();
});

test('a stream with duplicates on all of them gives what one instance gives that gets each event once', async () => {
  await spray(60);
  assert.ok(duplicates > 30);
  await equal();
});

test('each is stopped and started again while events come, and one is killed', async () => {
  for (const leaving of all()) {
    leaving.leaving = true;
    await Promise.all([leaving.restart(), spray(6)]);
    leaving.leaving = false;
    await spray(6);
  }
  await spray(20, all(), async () => {
    await b.kill();
  });
  await b.start();
  await spray(10);
  await equal();
});

test('Redis is flushed in the middle: all add again what they had, also one that has nothing to do, and it is the same state', async () => {
  const before = await Promise.all(all().map((s) => s.metric('attribd_state_lost_total')));
  await settle();
  await spray(20, [a, b], async () => redis.cli('flushall'));
  await until('not all have noticed', async () =>
    (await Promise.all(all().map((s) => s.metric('attribd_state_lost_total')))).every((n, i) => n > before[i]));
  await equal({ traffic: false });
  assert.equal(redis.cli('exists', 'at1:#state'), '1');
});

test('Redis is killed and comes back empty, and so do two instances at once', async () => {
  await Promise.all([a.kill(), b.kill()]);
  await redis.kill();
  await redis.start();
  await Promise.all([a.start(), b.start()]);
  await spray(10);
  await equal({ traffic: false });
});

test('Redis is flushed while an instance is down: the others decide without what it had, and it again when it starts', async () => {
  const before = await a.metric('attribd_state_lost_total');
  for (let i = 0; i < 3; i++) { // so that it has no other reason to decide all again
    assert.equal((await b.events(click('ann-link', ago(1)))).status, 200);
    await b.quiet();
    await sleep(100);
  }
  await b.kill();
  redis.cli('flushall');
  await until('a has not noticed', async () => await a.metric('attribd_state_lost_total') > before);
  const right = await oracle.query(FIGURES.credits);
  await until('nothing is missing while b is down', async () => JSON.stringify(await a.query(FIGURES.credits)) !== JSON.stringify(right));
  await Promise.all([a.quiet(), c.quiet()]);
  await sleep(300);
  await b.start();
  await equal({ traffic: false });
});

// Redis loses all while b halts, and the others decide without what b had. What b does from then on is up to the caller.
async function withoutB() {
  const before = await a.metric('attribd_state_lost_total');
  await settle();
  const right = JSON.stringify(await oracle.query(FIGURES.credits));
  const lacks = async () => JSON.stringify(await a.query(FIGURES.credits)) !== right;
  b.process.kill('SIGSTOP');
  redis.cli('flushall');
  await until('a has not noticed', async () => await a.metric('attribd_state_lost_total') > before);
  await until('nothing is missing without b', lacks);
  await Promise.all([a.quiet(), c.quiet()]);
  await sleep(300);
  return lacks;
}
const times = (shop, text) => shop.log.split(text).length - 1;

test('an instance has added again and is killed before it could write what it decided by that: it decides again when it starts', async () => {
  const lacks = await withoutB();
  const lock = await a.connect();
  await lock.query('begin');
  await lock.query('lock table attrib.conversion in exclusive mode');
  b.process.kill('SIGCONT');
  await until('b does not write', async () =>
    (await a.query("select from pg_stat_activity where application_name = 'b' and wait_event_type = 'Lock'")).length > 0);
  assert.ok(times(b, 'were added again in') > 0);
  await b.kill();
  await a.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'b'");
  await lock.end();
  await a.quiet();
  assert.ok(await lacks(), 'b has written');
  await b.start();
  await equal({ traffic: false });
});

test('an instance is stopped while it adds again, with events in its journal: nothing of the rest is taken for added', async () => {
  const many = Array.from({ length: 6000 }, (_, i) => click('ann-link', ago(3), { visitor_id: `many-${i}` }));
  for (let i = 0; i < many.length; i += 2000)
    for (const shop of [b, oracle]) assert.equal((await shop.events(many.slice(i, i + 2000))).status, 200);
  const bought = many.filter((_, i) => i % 500 === 499).map((e) => purchase({ id: `bought-${e.visitor_id}` }, { visitor_id: e.visitor_id, occurred_at: ago(1) }));
  for (const shop of [a, oracle]) assert.equal((await shop.events(bought)).status, 200);
  await equal({ traffic: false });
  const [lost, whole] = ['it has lost what was added', 'were added again in'].map((text) => times(b, text));
  redis.cli('flushall');
  await until('b has not noticed', async () => times(b, 'it has lost what was added') > lost);
  await redis.kill('SIGSTOP');
  assert.equal(times(b, 'were added again in'), whole, 'b was quicker');
  const late = Array.from({ length: 40 }, (_, i) => click('bob-link', ago(2), { visitor_id: `late-${i}` }));
  for (const e of late) assert.equal((await b.events(e)).status, 200);
  assert.equal((await oracle.events(late)).status, 200);
  b.process.kill('SIGTERM');
  await sleep(100);
  await redis.kill('SIGCONT');
  await b.exited;
  await b.start();
  await equal({ traffic: false });
});

test('an instance that was never on the state is refused while Redis is empty', async () => {
  const late = await a.instance('late');
  const other = await Redis.open();
  try {
    writeFileSync(late.config, readFileSync(late.config, 'utf8').replace(redis.url, other.url));
    await refused(late, /the sites are decided by shared state [0-9a-f]{32}, and the one that `state` leads to is empty.*take-over/);
    assert.equal(other.cli('exists', 'at1:#state'), '0', 'it stays empty');
    other.cli('set', 'at1:#state', 'sixteen bytes...');
    await refused(late, /site acme is decided by shared state [0-9a-f]{32} \(last flush .*\), not by shared state 7369787465656e2062797465732e2e2e/);
  } finally {
    await other.close();
  }
});

test('one that starts while Redis is empty waits until another has put back who it is', async () => {
  const soon = await a.instance('soon');
  try {
    for (const shop of all()) shop.process.kill('SIGSTOP');
    redis.cli('flushall');
    const ready = soon.start();
    await sleep(500);
    for (const shop of all()) shop.process.kill('SIGCONT');
    await ready;
    assert.equal(readFileSync(join(a.dir, 'soon', 'shared_state'), 'utf8'), readFileSync(join(a.dir, 'state', 'shared_state'), 'utf8'));
    await soon.stop();
    await equal({ traffic: false });
  } finally {
    for (const shop of all()) shop.process.kill('SIGCONT');
    await soon.kill();
  }
});

test('a memory of its own is refused', async () => {
  const lone = await a.instance('lone', (text) => text.replace(/^state = .*$/m, ''));
  await refused(lone, /site acme is decided by shared state [0-9a-f]{32} \(last flush .*\), not by this state_dir/);
});

test('another secret is refused, with what to copy', async () => {
  const stranger = await a.instance('stranger');
  newSecret('stranger');
  await refused(stranger, /written with another secret: .*secret_file/);
});

test('a new instance with other settings is refused, with their names', async () => {
  const odd = await a.instance('odd', (text) => text.replace('customer_history = complete', 'customer_history = complete\nwindow.link = 3d\ncollapse = 1h'));
  await refused(odd, /site acme: the instances of this state have other settings of collapse, window.link/);
});

test('settings are changed one instance after the other: the newest word stands for all, and is never set back', async () => {
  const versions = async () => (await a.query('select max(version)::int as v from attrib.site_policy'))[0].v;
  const change = (shop) => writeFileSync(shop.config, readFileSync(shop.config, 'utf8').replace('customer_history = complete', 'customer_history = complete\nwindow.affiliate = 4d'));
  const first = await versions();
  change(oracle);
  oracle.process.kill('SIGHUP');
  change(a);
  a.process.kill('SIGHUP');
  await until('the others did not hear of it', () => [b, c].every((s) => /site acme: other instances have newer settings.*theirs stand \(version/.test(s.log)));
  assert.equal(await versions(), first + 1);
  await spray(15);
  await b.restart(); // with the older ones
  await spray(5);
  assert.equal(await versions(), first + 1);
  await equal({ traffic: false });
  for (const shop of [b, c]) {
    change(shop);
    await shop.restart();
  }
  assert.equal(await versions(), first + 1);
  assert.ok([b, c].every((s) => !/theirs stand/.test(s.log)));
});

// Stops the connection by which an instance hears of changes: its catalog stays as it is.
async function deafenB() {
  const [{ pid }] = await a.query("select pid from pg_stat_activity where query in ('LISTEN attrib_catalog', 'SELECT') and application_name = 'b'");
  process.kill(pid, 'SIGSTOP');
  return () => process.kill(pid, 'SIGCONT');
}

test('an instance with an older catalog decides by it, and again when it hears of the change or starts', async () => {
  const owner = async (id) => (await a.query("select string_agg(creator, ',') as by from attrib.order_credit where order_id = $1 and model = 'policy'", [id]))[0].by;
  const reloads = (shop) => shop.metric('attribd_catalog_reloads_total');
  const give = async (creator) => {
    const before = await reloads(a);
    for (const shop of [a, oracle]) await shop.import('tracker', `site,kind,key,creator,campaign,placement,destination\nacme,code,LAG,${creator},spring,,\n`);
    await until('a does not hear', async () => await reloads(a) > before);
    await settle();
  };
  await give('ann');
  for (const heal of ['hears', 'is killed and starts']) {
    const listens = await deafenB();
    await give('bob');
    const orders = Array.from({ length: 5 }, (_, i) => purchase({ id: `lag-${heal[0]}${i}`, codes: ['LAG'] }, { occurred_at: ago(2), customer_id: `lag-${heal[0]}${i}` }));
    for (const shop of [a, b, oracle]) assert.equal((await shop.events(orders)).status, 200);
    await Promise.all([a.quiet(), b.quiet()]);
    const late = purchase({ id: `late-${heal[0]}`, codes: ['LAG'] }, { occurred_at: ago(2), customer_id: `late-${heal[0]}` });
    for (const shop of [b, oracle]) assert.equal((await shop.events(late)).status, 200);
    await b.quiet();
    assert.equal(await owner(late.order.id), 'ann', 'b did not lag');
    if (heal === 'hears') listens();
    else await b.kill();
    if (heal !== 'hears') {
      listens();
      await b.start();
    }
    await until(`b ${heal} and it stays stale`, async () => await owner(late.order.id) === 'bob');
    await equal({ traffic: false });
    await give('ann');
    await until('not given back', async () => await owner(late.order.id) === 'ann');
  }
});

test('a clone of a state directory fences the one that it was made of; the others go on', async () => {
  await settle();
  cpSync(join(a.dir, 'b'), join(a.dir, 'clone'), { recursive: true });
  const clone = await a.sibling('clone', join(a.dir, 'clone'));
  writeFileSync(clone.config, readFileSync(b.config, 'utf8').replace(/state_dir = .*/, `state_dir = ${join(a.dir, 'clone')}`)
    .replace(`:${b.port}`, `:${clone.port}`).replace(`:${b.adminPort}`, `:${clone.adminPort}`));
  await clone.start();
  try {
    await endsWithItsNextWrite(b, /another process runs under this instance's identity/);
    await spray(10, [a, c, clone]);
    await clone.quiet();
    await equal({ traffic: false });
  } finally {
    await clone.kill();
  }
});

test('the sites are taken over by another Redis: all that were on the first one end', async () => {
  const other = await Redis.open();
  const heir = await a.instance('heir', (text) => readFileSync(a.config, 'utf8').replace(`:${a.port}`, /^listen = .*?(:\d+)/m.exec(text)[1])
    .replace(`:${a.adminPort}`, /^admin_listen = .*?(:\d+)/m.exec(text)[1]).replace(/state_dir = .*/, /state_dir = .*/.exec(text)[0]).replace(redis.url, other.url));
  try {
    assert.match(await heir.cli('take-over', '-c', heir.config), /site acme was decided by shared state [0-9a-f]{32} .*, now by the shared state/);
    await heir.start();
    for (const shop of [a, c]) await endsWithItsNextWrite(shop, /has taken its sites over/);
    assert.equal((await heir.events(click('ann-link', ago(1)))).status, 200);
    await heir.quiet();
  } finally {
    await heir.kill();
    await other.close();
  }
});
