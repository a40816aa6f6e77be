// Instances wait for one that is away before anything of the state is forgotten that its orders may want; it is listed, and
// can be retired. Times that take days are put into Redis by hand.

import assert from 'node:assert/strict';
import { readFileSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ago, click, purchase } from './contract.mjs';
import { Redis } from '../support/redis.mjs';
import { CATALOG, Shop, untilFor } from './support.mjs';

const DAY = 86400;
let redis, a, b, door;
before(async () => {
  redis = await Redis.open();
  a = await Shop.open({ catalog: CATALOG, settings: `state = ${redis.url}`, start: false });
  door = join(a.dir, 'b.sock'); // by which b alone comes to Redis
  symlinkSync(redis.socket, door);
  writeFileSync(join(a.dir, 'state', 'secret'), randomBytes(96), { mode: 0o600 });
  b = await a.instance('b', (text) => text.replace(redis.url, `unix:${door}`));
  await a.start();
  await b.start();
});
after(async () => {
  await b?.kill();
  await a?.close();
  await redis?.close();
});

const until = untilFor(() => [a, b]);
const idOf = (dir) => readFileSync(join(a.dir, dir, 'instance'), 'utf8').trim();
const lua = (script, ...args) => redis.cli('eval', script, '0', ...args.map(String));
const UNHEX = "local id=string.gsub(ARGV[1],'..',function(x) return string.char(tonumber(x,16)) end) ";

async function instances() {
  const lines = (await a.cli('instances', '-c', a.config)).trimEnd().split('\n').slice(1);
  return lines.map((line) => {
    const [, id, behind, heard, own] = /^([0-9a-f]{32}) .*Z +(-?\d+) s +(\d+) s( {2}this one)?$/.exec(line) ?? assert.fail(line);
    return { id, behind: Number(behind), heard: Number(heard), own: !!own };
  });
}
const retire = async (id) => a.cli('instances', 'retire', id, '-c', a.config);

// A click that a has taken, and its order in the journal of b, which is killed before it has seen Redis again.
async function leaveOrder(name) {
  const who = { visitor_id: name };
  assert.equal((await a.events(click('ann-link', ago(1), who))).status, 200);
  await a.quiet();
  unlinkSync(door);
  redis.cli('client', 'kill', 'type', 'normal', 'skipme', 'yes');
  assert.equal((await b.events(purchase({ id: name }, { ...who, occurred_at: ago(0.5) }))).status, 200);
  await b.kill();
  symlinkSync(redis.socket, door);
}
const EACH_TOUCH = "for _, k in ipairs(redis.call('keys', 'at1:v*')) do ";
const lives = () => Number(lua(`local least = 1e9 ${EACH_TOUCH} least = math.min(least, redis.call('ttl', k)) end return least`));
const live = (ms) => lua(`${EACH_TOUCH} redis.call('pexpire', k, ARGV[1]) end`, ms);
// b has said nothing, and has come no further, for so long.
const backdate = (seconds) => lua(`${UNHEX} local at = redis.call('time')[1] * 1e6 - ARGV[2] * 1e6
  for _, key in ipairs({'at1:#marks', 'at1:#heard'}) do redis.call('zadd', key, at, id) end`, idOf('b'), seconds);
const creditOf = async (id) => (await a.query("select string_agg(creator, ',') as by from attrib.order_credit where order_id = $1 and model = 'policy'", [id]))[0].by;

test('each instance is listed, the own one as such; a clean stop takes it out, and a start brings it back', async () => {
  const ids = () => instances().then((all) => all.map(({ id }) => id).sort());
  const both = [idOf('state'), idOf('b')].sort();
  const all = () => until('not all are listed', async () => String(await ids()) === String(both)); // their engines begin behind readyz
  await all();
  assert.equal((await instances()).find(({ own }) => own).id, idOf('state'));
  assert.equal((await b.events(click('ann-link', ago(1)))).status, 200);
  await b.stop();
  assert.deepEqual(await ids(), [idOf('state')]);
  await b.start();
  await all();
  await assert.rejects(retire(idOf('b')), (error) => error.code === 65 && /was heard of within the last minute/.test(error.stderr));
  await assert.rejects(retire('00'.repeat(16)), (error) => error.code === 65 && /nobody waits for 0{32}/.test(error.stderr));
  assert.deepEqual(await ids(), both);
});

test('what an instance that is away wants does not expire: its order gets its credit when it is back', async () => {
  await leaveOrder('waited');
  assert.ok((await instances()).some(({ id }) => id === idOf('b')), 'a kill leaves the mark');
  live(60e3);
  backdate(5 * DAY);
  await until('nobody holds', () => lives() > 6 * DAY);
  assert.ok(await a.metric('attribd_state_watermark_seconds') >= 5 * DAY);
  assert.match(a.log, new RegExp(`nothing is forgotten until instance ${idOf('b')} has applied what it received since .*retire ${idOf('b')}`));
  const [first] = await instances();
  assert.ok(first.id === idOf('b') && first.behind >= 5 * DAY && first.heard >= 5 * DAY, JSON.stringify(first));
  await b.start();
  await b.quiet();
  assert.equal(await creditOf('waited'), 'ann');
  assert.ok(!/were not waited for/.test(b.log));
  await until('b is still waited for', async () => (await instances()).every(({ behind }) => behind < 3600));
});

test('negative control: of one that was retired the touch expires, and its order is counted without', async () => {
  await leaveOrder('retired');
  backdate(5 * DAY);
  assert.equal(await retire(idOf('b')), `nobody waits for ${idOf('b')} any more\n`);
  assert.deepEqual((await instances()).map(({ id }) => id), [idOf('state')]);
  live(300);
  await until('the touch does not expire', () => lives() === 1e9);
  lua("redis.call('hset', 'at1:#gone', 'gone', redis.call('time')[1] * 1e6)"); // as it is told a lag later
  await b.start();
  await b.quiet();
  assert.equal((await a.query("select count(*)::int as n from attrib.conversion_status where order_id = 'retired'"))[0].n, 1);
  assert.notEqual(await creditOf('retired'), 'ann');
  assert.match(b.log, /records received since .* are applied only now, .* touches of their orders may be gone/);
  await until('not counted', async () => await b.metric('attribd_attribution_degraded_total') > 0);
});

// Of keys that never expire: bytes of their values, and how many.
const lastingBytes = () => lua(`local bytes, n = 0, 0 for _, k in ipairs(redis.call('keys', 'at1:[vco]*')) do
  if redis.call('ttl', k) == -1 then bytes = bytes + redis.call('strlen', k) n = n + 1 end end return {bytes, n}`).split('\n').map(Number);

test('what never expires is forgotten, but for who is who; and who can not write has come no further, though its engine has', async () => {
  const who = { visitor_id: 'known', email: 'known@example.com' };
  assert.equal((await a.events([click('ann-link', ago(1), who), purchase({ id: 'known' }, { ...who, occurred_at: ago(0.5) })])).status, 200);
  await a.quiet();
  const lock = await a.connect();
  await lock.query('begin');
  await lock.query('lock table attrib.conversion in exclusive mode');
  assert.equal((await b.events(purchase({ id: 'unwritten' }, { visitor_id: 'unwritten', occurred_at: ago(1) }))).status, 200);
  await until('b does not write', async () => (await a.query("select from pg_stat_activity where wait_event_type = 'Lock'")).length > 0);
  const said = (what) => Number(lua(`${UNHEX} return redis.call('zscore', ARGV[2], id)`, idOf('b'), `at1:#${what}`));
  const [mark, heard] = [said('marks'), said('heard')];
  const [bytes, n] = lastingBytes();
  assert.ok(n >= 2, `${n} of them`);

  const gone = lua(`local gone = string.format('%.0f', redis.call('time')[1] * 1e6 + ARGV[1] * 1e6)
    redis.call('hset', 'at1:#gone', 'gone', gone) return gone`, 400 * DAY);
  await until('nobody forgets', () => redis.cli('hget', 'at1:#gone', 'walked') === gone);
  const [left, kept] = lastingBytes();
  assert.ok(left < bytes && kept === n, `${left} of ${bytes} bytes, ${kept} of ${n}`);

  await until('b says nothing', () => said('heard') > heard);
  assert.equal(said('marks'), mark);
  await lock.end();
  redis.cli('flushall'); // one that has lost all hears of those that run again
  await until('it goes no further', () => said('marks') > mark && redis.cli('zcard', 'at1:#marks') === '2');
});
