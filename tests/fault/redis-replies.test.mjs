// What stands between the daemon and its Redis, or the Redis itself, says something wrong, too much, too little or
// nothing, or loses facts, while a shop's day arrives, 30 % of it twice: nothing acknowledged is lost, nothing counts
// twice, credits are the model's, the daemon stays, and so does its memory.
//
//   ATTRIB_SEED=n                  default: from the clock; printed
//   ATTRIB_REDIS_ROUNDS=n          how often each fault (default 1, nightly 30)
//   ATTRIB_REDIS_FAULT='name'      that one only

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { CATALOG, Shop, sleep, untilFor } from '../e2e/support.mjs';
import { rng } from '../oracle/random.mjs';
import { RedisProxy } from '../support/redis-proxy.mjs';
import { Redis } from '../support/redis.mjs';
import { lastingDifferences, Log, settle } from './checker.mjs';
import { inTurn, play, post, workload } from './workload.mjs';

const SEED = Number(process.env.ATTRIB_SEED ?? Date.now() % 1e9);
const ROUNDS = Number(process.env.ATTRIB_REDIS_ROUNDS ?? 1);
const ORDERS = 12;
const MEMORY_MB = 320; // more than that on top of what it had: it believed what was announced
const ANNOUNCED = 600 << 20;

let redis, proxy, shop;
const log = new Log();
before(async () => {
  redis = await Redis.open();
  proxy = await RedisProxy.open(redis.socket);
  shop = await Shop.open({ catalog: CATALOG, settings: `state = ${proxy.url}`, start: false });
  // what a sanitizer keeps of freed memory is none that the daemon holds
  await shop.start({ env: { ASAN_OPTIONS: [process.env.ASAN_OPTIONS, 'quarantine_size_mb=16'].filter(Boolean).join(':') } });
});
after(async () => {
  await shop?.close();
  await proxy?.close();
  await redis?.close();
});

const memory = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${shop.process.pid}/status`, 'utf8'))[1]) >> 10;
const until = untilFor(() => [shop]);

// -- faults: armed in the middle of the load; each resolves when it has happened ---------------------------------------------

// The next reply but some, fewer than `most`, of those that of(reply, words) takes becomes make(reply, r).
const reply = (make, of = () => true, most = 20) => (r) => new Promise((fired) => {
  let left = r.int(most);
  proxy.plan = ({ words, reply: bytes, pair }) => {
    if (!of(bytes, words) || left-- > 0) return undefined;
    proxy.pass();
    const fate = make(bytes, r);
    pair.closed.then(fired); // it was noticed
    if (fate.goesOn) fired();
    return fate;
  };
});
const begins = (...types) => (bytes) => types.includes(String.fromCharCode(bytes[0]));
const noise = (r, n) => Buffer.from(Array.from({ length: n }, () => r.int(256)));

// Another length is said of a text than it has.
function otherLength(bytes, r) {
  const at = bytes.indexOf('$');
  const line = bytes.indexOf('\r\n', at);
  const n = Number(bytes.toString('latin1', at + 1, line));
  const other = n > 1 && r.chance(0.5) ? r.int(n) : n + 1 + r.int(5);
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(`$${other}`), bytes.subarray(line)]);
}
const hasText = (bytes) => bytes[0] === 36 ? !bytes.includes('$-1') : bytes[0] === 42 && /^\*\d+\r\n\$\d/.test(bytes.toString('latin1', 0, 20));

// A request that is(words) is preceded by something, of which it waits for the end.
const request = (is, act) => (r) => new Promise((fired) => {
  proxy.ask = async ({ words }) => {
    if (!is(words.map((word) => word.toString('latin1')), r)) return;
    proxy.pass();
    await act();
    fired();
  };
});
// The first step of an add has found that nothing is missing.
const setsOrder = ([verb, key]) => verb === 'SET' && key.startsWith('at1:o');
// The add that set it is over, and has found that nothing is missing.
const loadsBehindIt = () => {
  const steps = [setsOrder, (words) => words[0] === 'EVAL' && words.includes('at1:#lanes'), ([verb]) => verb === 'MGET'];
  return (words) => {
    const last = steps.length === 1;
    return steps[0]?.(words) ? steps.shift() && last : false;
  };
};
const loseVisitors = async () => {
  redis.cli('eval', "for _, k in ipairs(redis.call('keys', 'at1:v*')) do redis.call('del', k) end redis.call('del', 'at1:#lanes')", '0');
};
const flush = async () => { redis.cli('flushall'); };

// What expires is thrown away; how far lanes were added does not, so that tells nothing.
const evicted = () => Number(/evicted_keys:(\d+)/.exec(redis.cli('info', 'stats'))[1]);
async function evict() {
  await until('there are no facts', () => /expires=[1-9]/.test(redis.cli('info', 'keyspace'))); // some may just be added again
  const before = evicted();
  redis.cli('config', 'set', 'maxmemory-policy', 'volatile-random');
  redis.cli('config', 'set', 'maxmemory', '1');
  const some = evicted() > before;
  redis.cli('config', 'set', 'maxmemory', '0');
  redis.cli('config', 'set', 'maxmemory-policy', 'noeviction');
  assert.ok(some, 'nothing was evicted');
}

let saved = false; // the dump may be old
const FAULTS = {
  'a reply is cut': reply((bytes, r) => ({ bytes: bytes.subarray(0, r.int(bytes.length)), end: true })),
  'a long reply is cut': reply((bytes, r) => ({ bytes: bytes.subarray(0, r.int(bytes.length)), end: true }), begins('*')),
  'a request is cut': (r) => new Promise((fired) => {
    let left = r.int(20);
    proxy.ask = ({ request: bytes, pair }) => {
      if (left-- > 0) return undefined;
      proxy.pass();
      pair.closed.then(fired);
      return { bytes: bytes.subarray(0, r.int(bytes.length)), end: true };
    };
  }),
  'random bytes': reply((bytes, r) => ({ bytes: noise(r, 1 + r.int(200)), end: r.chance(0.5) })),
  'random bytes within a reply': reply((bytes, r) => {
    const at = r.int(bytes.length);
    return { bytes: Buffer.concat([bytes.subarray(0, at), noise(r, 30), bytes.subarray(at)]), end: r.chance(0.5) };
  }, begins('*')),
  // no array at all is to hiredis what no text is, which may be an answer
  'another type': reply((bytes, r) => ({ bytes: Buffer.from(r.pick(['-ERR nothing\r\n', '-\r\n', '*0\r\n', '*1\r\n*1\r\n*0\r\n',
    ...(begins('+')(bytes) ? [] : ['+OK\r\n']), ...(begins('*')(bytes) ? ['*-1\r\n'] : [])])) }),
    (bytes, [verb]) => !/^\*0|^\*-1/.test(bytes.toString('latin1', 0, 3)) && String(verb) !== 'ZRANGEBYSCORE'), // of which none may be there
  'no figures': reply(() => ({ bytes: Buffer.from('*0\r\n') }), (bytes, [verb]) => String(verb) === 'HMGET', 2), // they are rare
  'another length': reply((bytes, r) => ({ bytes: otherLength(bytes, r), end: r.chance(0.5) }), hasText),
  'a reply too many': reply((bytes, r) => ({ bytes: Buffer.concat([bytes, Buffer.from(r.pick(['$-1\r\n', '+OK\r\n', ':1\r\n', '*0\r\n']))]), end: false })),
  'a huge text': reply(() => ({ bytes: Buffer.from(`$${ANNOUNCED}\r\n`), stream: ANNOUNCED })),
  'a huge array': reply((bytes, r) => ({ bytes: Buffer.from(`*${r.pick([2 ** 31, 2 ** 31 - 1, 2 ** 24])}\r\n`) })),
  'a reply without end': reply(() => ({ bytes: Buffer.from('$50000\r\n'.padEnd(40000, 'x')), dribble: 2 }), hasText),
  'a reply byte by byte': reply((bytes) => ({ bytes, dribble: 1, goesOn: true }), (bytes) => bytes.length < 2000),
  'no reply': reply(() => ({ hole: true })),
  'flushed within an add': request(setsOrder, flush),
  'flushed around a load': request(([verb], r) => verb === 'MGET' && r.chance(0.3), flush),
  'facts are evicted': evict,
  'restored from an older dump': async () => {
    if (!saved) redis.cli('save');
    saved = true;
    await sleep(30);
    await redis.kill();
    await redis.start();
  },
};
const LOSES = new Set(['flushed within an add', 'flushed around a load', 'facts are evicted', 'restored from an older dump']);
const SLOW = ['a reply without end', 'no reply']; // each waits for the daemon's patience: in the short form one of them

// -- the proof -------------------------------------------------------------------------------------------------------------

let exact = true; // traffic is, until Redis loses something for the first time

const wrong = (looks) => lastingDifferences([shop], log, { looks, repeats: !exact });

const total = new Map();
const again = (what) => `again with ATTRIB_SEED=${SEED} ATTRIB_REDIS_FAULT='${what.join(',')}'`;

// One after the other, while one day arrives.
async function happen(what, seed) {
  const r = rng(seed);
  const batches = workload(seed, { orders: ORDERS, largest: 6, name: `s${seed}-` });
  if (what.some((name) => LOSES.has(name))) exact = false;
  const fire = async (name) => {
    let happened = false;
    const passed = proxy.passed;
    const fired = FAULTS[name](r).then(() => { happened = true; });
    // what waits for a request or a reply finds one, and so does the daemon a connection for the next fault
    for (let i = 0; await Promise.race([fired, sleep(50)]), !happened || proxy.passed < passed + 30; i++) {
      assert.ok(i < 1200, `${name} did not happen; ${again(what)}\n${shop.log}`);
      const id = `s${seed}-${total.size}-${name.replaceAll(' ', '-')}-${i}`;
      await post(shop, log, [{ type: 'visit', event_id: id, visitor_id: id, url: 'https://shop.example/' },
        { ...order(id), event_id: `${id}-p` }]);
      if (happened) await sleep(50);
    }
    total.set(name, (total.get(name) ?? 0) + 1);
  };
  const faults = inTurn(what.map((name, i) => [Math.floor((batches.length * (i + 0.5)) / (what.length + 1)), name]), fire);
  await play(shop, log, batches, { seed, at: faults.at });
  await faults.ended();
  await shop.quiet();
  await settle(shop, log);
  assert.deepEqual((await wrong()).slice(0, 40), [], `${again(what)}\n${shop.log}`);
  assert.equal(shop.exit, undefined);
}

const names = Object.keys(FAULTS).filter((name) => !process.env.ATTRIB_REDIS_FAULT || process.env.ATTRIB_REDIS_FAULT.split(',').includes(name))
  .filter((name) => ROUNDS > 1 || process.env.ATTRIB_REDIS_FAULT || name !== SLOW[SEED % 2]);
for (const [part, of] of [['what is said', (name) => !LOSES.has(name)], ['what is kept', (name) => LOSES.has(name)]]) {
  for (let round = 0; round < ROUNDS && names.some(of); round++) {
    const what = rng(SEED + round).shuffle(names.filter(of));
    test(`${part} is wrong, seed ${SEED}, round ${round + 1}: ${what.join(', ')}`, async (t) => {
      writeFileSync(`/proc/${shop.process.pid}/clear_refs`, '5'); // the highest mark begins anew
      const had = memory('VmRSS');
      await happen(what, SEED + 1000 * round + LOSES.has(what[0]));
      const most = memory('VmHWM');
      t.diagnostic(`${had} MB, at most ${most} MB; traffic ${exact ? 'exact' : 'at least'}`);
      assert.ok(most - had < MEMORY_MB, `${most} MB after ${had}; ${again(what)}`);
    });
  }
}

// -- what may have been decided by too little is counted, and healed ---------------------------------------------------------

const at = (days) => new Date(Date.now() - days * 86400e3).toISOString();
const touch = (name, link, days, customer_id) => ({ type: 'click', event_id: `${name}-${link}`, visitor_id: name, customer_id, link, occurred_at: at(days) });
const order = (name, customer_id = `${name}-c`) => ({ type: 'purchase', event_id: `${name}-p`, visitor_id: name, customer_id, occurred_at: at(1),
  order: { id: `${name}-o`, currency: 'EUR', total: '20.00' } });
const tell = async (...events) => assert.equal(await post(shop, log, events), 'acked');
const creditOf = async (name) => (await shop.query(`SELECT creator FROM attrib.order_credit WHERE model = 'policy' AND order_id = '${name}-o'`))[0]?.creator;

test('what is decided by too little is counted as degraded, and then decided again', async () => {
  exact = false;
  const figures = () => Promise.all(['attribution_degraded', 'state_lost', 'state_readded'].map((name) => shop.metric(`attribd_${name}_total`)));
  const before = await figures();
  const v = `d${SEED}`;
  await tell(touch(v, 'ann-link', 3));
  await shop.quiet();
  const flushed = request(loadsBehindIt(), loseVisitors)();
  await tell(order(v));
  await flushed;
  assert.deepEqual(await wrong(), []);
  assert.equal(await creditOf(v), 'ann');
  (await figures()).forEach((n, i) => assert.ok(n > before[i], `figure ${i}: ${n}, before ${before[i]}`));
  assert.equal(await shop.metric('attribd_state_missing_records'), 0);
  assert.match(shop.log, /of which up to [1-9]\d* may have been decided without/);
});

test('what was thrown away while nobody looked is added again', async () => {
  exact = false;
  const v = `e${SEED}`;
  await tell(touch(v, 'ann-link', 3));
  await shop.quiet();
  await evict();
  await tell(order(v));
  assert.deepEqual(await wrong(), []);
  assert.equal(await creditOf(v), 'ann');
});

test('a value that is none of attribd\'s costs nobody a touch', async () => {
  const v = `g${SEED}`;
  const keys = () => new Set(redis.cli('eval', `local out = {} for _, k in ipairs(redis.call('keys', 'at1:v*')) do
    out[#out + 1] = (k:gsub('.', function(c) return ('%02x'):format(c:byte()) end)) end return out`, '0').split('\n'));
  const others = keys();
  await tell(touch(v, 'ann-link', 3));
  await shop.quiet();
  const spoil = "redis.call('set', (ARGV[1]:gsub('..', function(h) return string.char(tonumber(h, 16)) end)), 'what is this', 'keepttl')";
  for (const key of keys()) if (!others.has(key)) redis.cli('eval', spoil, '0', key);
  await tell(order(v));
  assert.deepEqual(await wrong(), []);
  assert.equal(await creditOf(v), 'ann');
  assert.match(shop.log, /was none of attribd's, and was taken out/);
});

test('every fault has fired', (t) => {
  for (const [name, n] of total) t.diagnostic(`${n} x ${name}`);
  assert.deepEqual(names.filter((name) => !total.get(name)), []);
});

// The control: a proxy that keeps to itself what visitors did, and says that it was added.
test('a Redis that is told nothing and says that it was is noticed by the checker', async () => {
  const done = { SET: '$-1\r\n', MSETNX: ':1\r\n' };
  let swallowed = 0;
  proxy.ask = ({ words: [verb, ...words] }) => {
    if (!done[verb] || !words.some((word) => word.toString('latin1').startsWith('at1:v'))) return undefined;
    swallowed += 1;
    return { answer: Buffer.from(done[verb]) };
  };
  await play(shop, log, workload(SEED, { orders: ORDERS, largest: 6, name: `control-${SEED}-` }), { seed: SEED });
  const found = await wrong(1);
  proxy.pass();
  assert.ok(swallowed > 0);
  assert.ok(found.some((line) => /credits/.test(line)), 'nobody noticed');
});
