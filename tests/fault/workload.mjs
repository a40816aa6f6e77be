// What a fault programme plays: a seeded shop's day, and the clients that tell it over several
// connections and write down what they were answered.

import { major } from '../oracle/money.mjs';
import { rng } from '../oracle/random.mjs';
import { WRITE_KEY, sleep } from '../e2e/support.mjs';

const QUERIES = ['ref=ann', 'ref=bob', 'utm_source=tiktok&utm_medium=video&utm_campaign=bob', 'utm_source=news&utm_medium=mail', ''];
const STEP_MS = 7; // no two events at one instant: the rules leave such ties open
const ANSWER_MS = 60000; // who waits longer for an answer has none

// The day's events in their order: to each order fewer than `touches` touches before, to some a second report of the
// same, refunds, a cancel, and a cancel taken back.
function day(r, { orders, touches, name }) {
  const start = Date.now() - 3 * 86400e3;
  const events = [];
  const put = (event) => events.push({ event_id: `${name}e-${events.length}`,
    occurred_at: new Date(start + events.length * STEP_MS).toISOString().replace('Z', '000Z'), ...event });
  const touch = (visitor_id) => {
    if (r.chance(0.4)) put({ type: 'click', visitor_id, link: r.pick(['ann-link', 'bob-link', 'nobody']) });
    else put({ type: 'visit', visitor_id, url: `https://shop.example/?${r.pick(QUERIES)}` });
  };
  const money = (most) => major(BigInt(1 + r.int(most)), 'EUR');
  for (let i = 0; i < orders; i++) {
    const visitor_id = `${name}v-${r.int(Math.ceil(orders / 2))}`;
    for (let n = r.int(touches); n > 0; n--) touch(visitor_id);
    const order_id = `${name}o-${i}`;
    const purchase = { type: 'purchase', visitor_id, customer_id: `${name}c-${r.int(Math.ceil(orders / 3))}`,
      order: { id: order_id, currency: 'EUR', total: money(20000), codes: r.chance(0.3) ? [r.pick(['ANN10', 'bob10', 'NONE'])] : [],
        aliases: r.chance(0.2) ? { name: `#${order_id}` } : undefined } };
    put(purchase);
    if (r.chance(0.05)) put(purchase);
    for (let n = r.chance(0.12) ? 1 + r.int(2) : 0; n > 0; n--) {
      put({ type: 'refund', refund: { id: `r-${r.int(3)}`, order_id: `${name}o-${r.int(i + 1)}`, amount: money(5000), currency: 'EUR' } });
    }
    if (r.chance(0.05)) put({ type: 'cancel', order_id });
    if (r.chance(0.02)) put({ type: 'cancel', order_id: `${name}o-${r.int(i + 1)}`, reversed: true });
  }
  return events;
}

// Batches to send, in this order. Of the events `duplicates` come a second time, later. Names begin with
// `name`, so that two workloads of one shop have nothing to do with one another.
export function workload(seed, { orders = 2000, touches = 4, duplicates = 0.3, largest = 40, name = '' } = {}) {
  const r = rng(seed);
  const places = day(r, { orders, touches, name }).flatMap((event, i, all) => {
    const again = r.chance(duplicates) ? [{ event, at: i + r.int(all.length - i) + 0.5 }] : [];
    return [{ event, at: i }, ...again];
  });
  const queue = places.sort((a, b) => a.at - b.at).map((place) => place.event);
  const batches = [];
  for (let i = 0; i < queue.length;) {
    const n = 1 + r.int(largest);
    batches.push(queue.slice(i, i + n));
    i += n;
  }
  return batches;
}

// What became of each event of a request, by its answer. Undefined: there was none.
function outcomes(events, status, text) {
  if (status === 200 || status === 400) {
    const { rejected } = JSON.parse(text);
    const bad = new Set(rejected.map((item) => item.index));
    return events.map((_, i) => (status === 400 || bad.has(i) ? 'rejected' : 'acked'));
  }
  if (status === 503 || (status >= 400 && status < 500)) return events.map(() => 'rejected');
  throw new Error(`an answer that nobody should get: ${status} ${text}`);
}

async function ask(shop, events) {
  const response = await fetch(`${shop.base}/v1/events`, {
    method: 'POST', signal: AbortSignal.timeout(ANSWER_MS),
    headers: { authorization: `Bearer ${WRITE_KEY}`, 'content-type': 'application/x-ndjson' },
    body: events.map((event) => JSON.stringify(event)).join('\n'),
  });
  return { status: response.status, text: await response.text() };
}

// In the place of a shop: each request goes to any of these that is not away.
export const sprayed = (r, shops) => ({
  get base() { return r.pick(shops.filter((shop) => !shop.away)).base; },
  get log() { return shops.map((shop) => shop.log).join('\n--\n'); },
});

// Sends one batch, writes into the log what the answer says, and returns it: acked, rejected (some of it
// was), maybe (no full answer) or unsent (nobody listens).
export async function post(shop, log, events) {
  const request = log.sending(events);
  let answer;
  try {
    answer = await ask(shop, events);
  } catch (error) {
    const unsent = error.cause?.code === 'ECONNREFUSED';
    request.ended(events.map(() => (unsent ? 'unsent' : 'maybe')));
    return unsent ? 'unsent' : 'maybe';
  }
  const found = outcomes(events, answer.status, answer.text);
  request.ended(found);
  return found.includes('rejected') ? 'rejected' : 'acked';
}

// Faults in the middle of a load. plan: pairs of a batch and a fault, each of which happens, those of one batch too: one after
// the other, in the order of the plan. happen(fault) is awaited by ended(), and by no connection.
export function inTurn(plan, happen) {
  let last = Promise.resolve();
  return {
    at: (i) => {
      for (const [batch, fault] of plan) if (batch === i) last = last.then(() => happen(fault));
      last.catch(() => {});
    },
    ended: () => last,
  };
}

// Sends all batches over several connections. What was shed or not sent is sent again until it is
// acknowledged; what got no answer with the chance `again` (a client that gives up leaves a MAYBE).
// at(i): called before batch i is sent, to let faults happen; what it returns is awaited by this connection.
export async function play(shop, log, batches, { seed = 1, connections = 4, again = 0.7, at = () => {}, tries = 6000 } = {}) {
  const r = rng(seed);
  let next = 0;
  const deliver = async (batch) => {
    for (let left = tries; left > 0; left--) {
      const outcome = await post(shop, log, batch);
      if (outcome === 'acked' || (outcome === 'maybe' && !r.chance(again))) return;
      await sleep(10);
    }
    throw new Error(`gave up sending:\n${shop.log}`);
  };
  const connection = async () => {
    for (let i = next++; i < batches.length; i = next++) {
      await at(i);
      await deliver(batches[i]);
    }
  };
  await Promise.all(Array.from({ length: connections }, connection));
}
