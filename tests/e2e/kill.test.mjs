// kill -9 in the middle of a stream of 20,000 events: nothing acknowledged is lost, nothing counted
// twice, and every credit equals the independent model's.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { books } from '../oracle/books.mjs';
import { major } from '../oracle/money.mjs';
import { rng } from '../oracle/random.mjs';
import { CATALOG, Shop, sleep } from './support.mjs';

const EVENTS = Number(process.env.ATTRIB_KILL_EVENTS ?? 20000);
const KILLS = Number(process.env.ATTRIB_KILLS ?? 3);
const SEED = Number(process.env.ATTRIB_SEED ?? Date.now() % 1e9);

const TRACKERS = CATALOG.tracker.trim().split('\n').slice(1).map((line) => {
  const [site, kind, key, creator, campaign, placement] = line.split(',');
  return { site, kind, key, creator, campaign, placement };
});
const MODEL_CATALOG = { sites: [{ name: 'acme', settings: { affiliate_params: 'ref,aff' } }], trackers: TRACKERS,
  campaigns: [{ site: 'acme', name: 'spring' }] };

// A shop's morning: visits and clicks, one order in eight, some refunds; 30 % are sent twice.
function stream(r) {
  const start = Date.now() - 3 * 86400e3;
  const events = [];
  for (let i = 0; events.length < EVENTS; i++) {
    const visitor_id = `v-${r.int(EVENTS / 8)}`;
    const at = new Date(start + i * 10).toISOString().replace('Z', '000Z');
    const base = { event_id: `e-${i}`, occurred_at: at, visitor_id };
    const dice = r.int(16);
    let event;
    if (dice < 6) event = { ...base, type: 'click', link: r.pick(['ann-link', 'bob-link', 'nobody']) };
    else if (dice < 13) {
      const q = r.pick(['ref=ann', 'ref=bob', 'utm_source=tiktok&utm_medium=video&utm_campaign=bob', 'utm_source=news&utm_medium=mail', '']);
      event = { ...base, type: 'visit', url: `https://shop.example/?${q}` };
    } else if (dice < 15) {
      event = { ...base, type: 'purchase', customer_id: `c-${r.int(EVENTS / 20)}`,
        order: { id: `o-${i}`, currency: 'EUR', total: major(BigInt(100 + r.int(20000)), 'EUR'),
          codes: r.chance(0.3) ? [r.pick(['ANN10', 'bob10', 'NONE'])] : [] } };
    } else {
      const orders = events.filter((e) => e.order);
      if (!orders.length) continue;
      const target = r.pick(orders.slice(-50));
      event = { ...base, visitor_id: undefined, type: 'refund', refund: { id: `r-${r.int(3)}`, order_id: target.order.id,
        amount: major(BigInt(1 + r.int(5000)), 'EUR'), currency: 'EUR' } };
    }
    events.push(JSON.parse(JSON.stringify(event)));
  }
  return events;
}

let shop;
before(async () => { shop = await Shop.open({ catalog: CATALOG }); });
after(() => shop.close());

test(`kill -9 while ${EVENTS} events arrive (seed ${SEED})`, async (t) => {
  const r = rng(SEED);
  const events = stream(r);
  const batches = [];
  for (let i = 0; i < events.length;) {
    const n = 1 + r.int(80);
    batches.push(events.slice(i, i + n));
    i += n;
  }
  const queue = batches.flatMap((b) => (r.chance(0.3) ? [b, b] : [b]));
  const killAt = new Set(Array.from({ length: KILLS }, (_, k) => Math.floor((queue.length * (k + 1)) / (KILLS + 1))));
  let acknowledged = 0;
  let unconfirmed = 0;
  let kills = 0;
  let next = 0;
  let restarting;
  const send = async (batch) => {
    for (let tries = 0; tries < 200; tries++) {
      if (restarting) await restarting;
      try {
        const response = await shop.events(batch, { type: 'application/x-ndjson' });
        if (response.status === 200) {
          const body = await response.json();
          assert.equal(body.accepted, batch.length, JSON.stringify(body.rejected?.[0]));
          acknowledged += batch.length;
          return;
        }
        assert.equal(response.status, 503, await response.text());
      } catch (error) {
        if (error.code === 'ERR_ASSERTION') throw error;
        unconfirmed += 1; // sent, no full answer: send again
      }
      await sleep(20);
    }
    throw new Error('gave up sending');
  };
  const lane = async () => {
    for (let i = next++; i < queue.length; i = next++) {
      if (killAt.has(i)) {
        kills += 1;
        restarting = (async () => { await sleep(5); await shop.kill('SIGKILL'); await shop.start(); })();
        restarting.finally(() => { restarting = undefined; });
      }
      await send(queue[i]);
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  await shop.quiet();
  t.diagnostic(`acknowledged ${acknowledged} of ${events.length} distinct events, ${kills} kills, ${unconfirmed} requests without an answer`);
  assert.equal(kills, KILLS, 'every planned kill fired');
  assert.ok(acknowledged >= events.length);
  await compare(shop, events);
});

async function compare(theShop, events) {
  const received = new Date().toISOString().replace('Z', '000Z');
  const want = books(MODEL_CATALOG, events.map((event) => ({ received_at: received, trust: 'signed', site: 'acme', event })));
  const status = await theShop.query(`select order_id, status, gross::text, refunded::text, net::text from attrib.conversion_status
    where site = 'acme' and kind = 'order'`);
  const wantStatus = new Map(want.orders.map((o) => [o.order_id, o]));
  assert.equal(status.length, want.orders.length, 'number of orders');
  for (const row of status) {
    const o = wantStatus.get(row.order_id);
    assert.deepEqual(row, { order_id: o.order_id, status: o.state, gross: major(o.gross, 'EUR'),
      refunded: major(o.refunded, 'EUR'), net: major(o.net, 'EUR') });
  }
  const key = (c) => [c.order_id, c.model, c.creator ?? '', c.channel, c.gross, c.refunded].join('|');
  const got = (await theShop.query(`select order_id, model, creator, channel, gross::text, refunded::text
    from attrib.order_credit where site = 'acme'`)).map(key).sort();
  const expected = want.orders.flatMap((o) => Object.entries(o.credits).flatMap(([model, list]) => list.map((c) =>
    key({ order_id: o.order_id, model, creator: c.creator, channel: c.channel, gross: major(c.amount, 'EUR'),
      refunded: major(c.refunded, 'EUR') })))).sort();
  assert.deepEqual(got, expected);
  for (const view of ['double_count', 'double_count_by_channel']) {
    const [row] = await theShop.query(`select orders::int, claims::int, avoided_claims::int, claimed_revenue::text,
      credited_revenue::text, avoided_revenue::text from attrib.${view} where site = 'acme'`);
    const w = want[view].EUR;
    assert.deepEqual(row, { orders: w.orders, claims: w.claims, avoided_claims: w.avoided_claims,
      claimed_revenue: major(w.claimed_revenue, 'EUR'), credited_revenue: major(w.credited_revenue, 'EUR'),
      avoided_revenue: major(w.avoided_revenue, 'EUR') }, view);
  }
  const visits = events.filter((e) => e.type === 'visit').length;
  const clicks = events.filter((e) => e.type === 'click').length;
  const [traffic] = await theShop.query(`select sum(clicks)::int as clicks, sum(visits)::int as visits from attrib.traffic_daily`);
  assert.deepEqual(traffic, { clicks, visits }, 'traffic counted once for each event');
  assert.deepEqual(await theShop.query('select * from attrib.check_rollups()'), []);
  assert.deepEqual(await theShop.query('select * from attrib.check_adjustments()'), []);
}
