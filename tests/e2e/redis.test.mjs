// The state in Redis: the same results as in memory, and whatever happens to Redis, no order is lost or counted twice.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ago, click, purchase, refund, visit } from './contract.mjs';
import { Redis } from '../support/redis.mjs';
import { CATALOG, Shop, sleep, untilFor } from './support.mjs';

let redis, shop;
before(async () => {
  redis = await Redis.open();
  shop = await Shop.open({ catalog: CATALOG, settings: `state = ${redis.url}` });
});
after(async () => {
  await shop?.close();
  await redis?.close();
});

const ready = async () => {
  const response = await fetch(`${shop.admin}/readyz`);
  return [response.status, (await response.text()).trim()];
};
const until = untilFor(() => [shop]);

// Whether some value has a text in it.
const holds = (text) => redis.cli('eval', `for _, k in ipairs(redis.call('keys', '*')) do
  if redis.call('type', k).ok == 'string' and string.find(redis.call('get', k), ARGV[1], 1, true) then return 1 end end return 0`, '0', text) === '1';

let sent = 0;
async function send(n) {
  for (let i = 0; i < n; i++) {
    sent += 1;
    const order = { type: 'purchase', visitor_id: `v-${sent}`, customer_id: `k-${sent}`, order: { id: `o-${sent}`, currency: 'EUR', total: '20.00' } };
    const response = await shop.events([
      { type: 'click', event_id: `c-${sent}`, visitor_id: `v-${sent}`, link: 'ann-link' }, { ...order, event_id: `p-${sent}` }]);
    assert.equal(response.status, 200, 'acknowledged whatever Redis does');
    if (i % 3 === 0) await shop.events({ ...order, event_id: `again-${sent}` });
  }
}

// Every order is there, once, and ann's; clicks are never too few, and too many only where Redis has lost some.
async function allCounted({ exact }) {
  let row;
  for (let i = 0; i < 400; i++, await sleep(50)) { // what is decided again after it has said that it is quiet
    await shop.quiet();
    [row] = await shop.query("select count(*)::int as orders, sum(gross)::text as gross from attrib.order_credit where model = 'policy' and creator = 'ann'");
    if (exact || row.orders === sent) break;
  }
  assert.deepEqual(row, { orders: sent, gross: `${sent * 20}.00` });
  const [t] = await shop.query("select sum(clicks)::int as clicks from attrib.traffic_daily where tracker = 'ann-link'");
  assert.ok(exact ? t.clicks === sent : t.clicks >= sent, `${t.clicks} clicks of ${sent}`);
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
}

test('orders are counted as with a state in memory', async () => {
  await send(60);
  await allCounted({ exact: true });
  assert.deepEqual(await ready(), [200, 'ready']);
  assert.equal(await shop.metric('attribd_state_up'), 1);
  for (const kind of ['visitor', 'customer', 'order', 'id'])
    await until(`not as many ${kind}s`, async () => await shop.metric(`attribd_state_entities{kind="${kind}"}`) >= sent);
  assert.equal(await shop.metric('attribd_state_entities{kind="order"}'), sent);
  const bytes = await shop.metric('attribd_state_bytes');
  assert.ok(bytes > 400 * sent && bytes < 1e7, `${bytes} bytes`);
  for (const name of ['commands', 'round_trips']) assert.ok(await shop.metric(`attribd_state_${name}_total`) > 10, name);
  for (const name of ['lost', 'overtaken', 'packed']) assert.equal(await shop.metric(`attribd_state_${name}_total`), 0, name);
  assert.equal(await shop.metric('attribd_state_connections_total'), 1);
});

test('a restart and a kill go on from what Redis has', async () => {
  await shop.restart();
  await send(20);
  await shop.kill();
  await shop.start();
  await send(20);
  await allCounted({ exact: true });
  assert.match(shop.log, /state rebuilt from (\d|\d\d) records/, 'not from all of the journal');
});

test('Redis stops answering, and is read-only, and full: events wait in the journal', async () => {
  const trouble = [
    [() => redis.kill('SIGSTOP'), () => redis.kill('SIGCONT')],
    [() => redis.cli('replicaof', '127.0.0.1', '1'), () => redis.cli('replicaof', 'no', 'one')],
    [() => redis.cli('config', 'set', 'maxmemory', '1'), () => redis.cli('config', 'set', 'maxmemory', '0')],
  ];
  for (const [begin, end] of trouble) {
    await begin();
    await send(15);
    await until('nobody said so', async () => await shop.metric('attribd_state_up') === 0);
    assert.match((await ready()).join(' '), /^200 ready; the state does not answer/);
    await end();
    await allCounted({ exact: true });
    assert.deepEqual(await ready(), [200, 'ready']);
  }
  assert.match(shop.log, /state: .*READONLY.*; events are taken/);
  assert.match(shop.log, /state: .*OOM/);
});

test('connections are cut in mid-stream', async () => {
  for (let round = 0; round < 10; round++) {
    const sending = send(8);
    await sleep(5);
    redis.cli('client', 'kill', 'type', 'normal', 'skipme', 'yes');
    await sending;
  }
  await allCounted({ exact: true });
});

test('Redis is flushed in mid-stream: its facts come back from the journal', async () => {
  const lost = await shop.metric('attribd_state_lost_total');
  for (let round = 0; round < 6; round++) {
    const sending = send(15);
    await sleep(10 * round);
    redis.cli('flushall');
    await sending;
  }
  await allCounted({ exact: false });
  assert.ok(await shop.metric('attribd_state_lost_total') > lost, 'no flush was noticed');
});

test('Redis is killed and comes back empty', async () => {
  for (let round = 0; round < 3; round++) {
    const sending = send(20);
    await sleep(20 * round);
    await redis.kill();
    await sending;
    await send(10);
    await redis.start();
  }
  await allCounted({ exact: false });
  // what was told before is known: sent again it is one order still, ann's
  await shop.events({ type: 'purchase', event_id: 'late', visitor_id: 'v-1', customer_id: 'k-1', order: { id: 'o-1', currency: 'EUR', total: '20.00' } });
  await allCounted({ exact: false });
});

test('the daemon and Redis are both lost: the journal has it all', async () => {
  await send(10);
  await shop.kill();
  await redis.kill();
  await redis.start();
  await shop.start();
  await send(10);
  await allCounted({ exact: false });
});

test('a story ends as it does in memory', async () => {
  const other = await Shop.open({ catalog: CATALOG });
  try {
    const story = [
      visit('https://shop.example/?ref=bob', ago(20), { visitor_id: 's-1' }),
      click('ann-link', ago(10), { visitor_id: 's-1' }),
      purchase({ id: 's-o1', total: '119.00', tax: '19.00', codes: ['BOB10'] }, { occurred_at: ago(9), visitor_id: 's-1', email: 's@example.com' }),
      visit('https://shop.example/?utm_source=tiktok&utm_medium=video', ago(5), { visitor_id: 's-2', email: 's@example.com' }),
      purchase({ id: 's-o2', total: '50.00' }, { occurred_at: ago(4), visitor_id: 's-2', email: 's@example.com' }),
      refund({ id: 's-r1', order_id: 's-o1', amount: '20.00', currency: 'EUR' }, { occurred_at: ago(3) }),
    ];
    const figures = [];
    for (const s of [other, shop]) {
      for (const event of [...story, ...story.toReversed()]) assert.equal((await s.events(event)).status, 200);
      await s.quiet();
      figures.push([
        await s.query("select order_id, status, customer_kind, gross, refunded, net from attrib.conversion_status where order_id like 's-%' order by 1"),
        await s.query("select order_id, model, creator, channel, share, gross, net from attrib.order_credit where order_id like 's-%' order by 1, 2, 3, 4"),
        await s.query("select order_id, step, channel, creator, eligible, reason from attrib.path_step where order_id like 's-%' order by 1, 2"),
      ]);
    }
    assert.ok(figures[0].every((rows) => rows.length > 1));
    assert.ok(holds('s-o1') && !holds('s@example.com'), 'orders are in Redis, addresses are not');
    assert.deepEqual(figures[1], figures[0]);
  } finally {
    await other.close();
  }
});

test('a server that evicts is refused at the start', async () => {
  await shop.stop();
  redis.cli('config', 'set', 'maxmemory-policy', 'allkeys-lru');
  await shop.start({ ready: false });
  assert.deepEqual(await shop.exited, { code: 78, signal: null });
  assert.match(shop.log, /state: maxmemory-policy has to be noeviction.*; stopping/);
});
