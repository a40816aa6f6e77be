// Stripe reports the same money in two ways: a running total of the charge (charge.refunded), which says
// nothing when a refund fails later, and single refunds, which do. Random charges are played by what Stripe
// itself would hold of them; whichever of the events a shop asked for, and in whatever order they arrive,
// what is refunded is what Stripe holds in the end.
//
//   ATTRIB_SEED=n   the seed (default: from the clock; printed)

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { rng } from '../oracle/random.mjs';
import { Shop } from './support.mjs';
import { SITE, delivery, seconds, send, shape } from './vendors.mjs';

const SEED = Number(process.env.ATTRIB_SEED ?? Date.now() % 1e9);
const TOTAL = 12495, GROSS = 10000; // minor units: with and without tax and shipping
const placed = Date.now() - 30 * 864e5;

let shop;
before(async () => { shop = await Shop.open({ site: SITE }); });
after(() => shop.close());

const event = (name, at, object) => {
  const body = shape('stripe', name, { created: seconds(at) });
  return { ...body, data: { object: { ...body.data.object, ...object } } };
};
const sold = (pi) => event('completed', placed, { id: `cs_${pi}`, payment_intent: pi, customer: null, customer_details: null, metadata: {}, client_reference_id: null });

// What a charge goes through: [{at, refund}, {at, fails}], each in a second of its own.
function randomStory(r) {
  const steps = [];
  let at = placed, left = TOTAL;
  for (let i = 0, n = 1 + r.int(4); i < n && left > 0; i++) {
    at += 1000 * (1 + r.int(86400));
    const amount = r.chance(0.2) ? left : 1 + r.int(left);
    left -= amount;
    steps.push({ at, id: i, amount });
    if (r.chance(0.5)) {
      steps.push({ at: at + 1000 * (1 + r.int(3 * 86400)), id: i, amount, made: at, fails: true });
      if (r.chance(0.5)) left += amount; // else the shop does not try it again
    }
  }
  return steps.sort((a, b) => a.at - b.at);
}

// The events of it, each with the kind of topic that tells it; and what stands in the end.
function played(pi, steps) {
  const told = [];
  let held = 0;
  for (const s of steps) {
    const refund = { id: `re_${pi}_${s.id}`, charge: `ch_${pi}`, payment_intent: pi, amount: s.amount, created: seconds(s.made ?? s.at) };
    if (s.fails) {
      held -= s.amount;
      told.push({ by: 'failure', body: event('refund-failed', s.at, refund) });
      told.push({ by: 'single', body: { ...event('refund-failed', s.at, refund), type: 'refund.updated' } });
    } else {
      held += s.amount;
      told.push({ by: 'single', body: event('refund-created', s.at, refund) });
      told.push({ by: 'total', body: event('charge-refunded', s.at, { id: `ch_${pi}`, payment_intent: pi, amount_refunded: held }) });
    }
  }
  return { told, held };
}

const ASKED = { 'both ways': ['total', 'single', 'failure'], 'the running total and failures': ['total', 'failure'], 'single refunds': ['single', 'failure'] };
const refunded = (held) => (Math.min(GROSS, Math.round((held * GROSS) / TOTAL)) / 100).toFixed(2);

async function hear(deliveries) {
  for (let i = 0; i < deliveries.length; i += 32)
    for (const response of await Promise.all(deliveries.slice(i, i + 32).map((d) => send(shop, d)))) assert.equal(response.status, 200);
  await shop.quiet();
}

function* orders(list) {
  if (list.length < 2) yield list;
  else for (const [i, first] of list.entries()) for (const rest of orders(list.filter((_, k) => k !== i))) yield [first, ...rest];
}

async function expectStates(expected) {
  const found = new Map((await shop.query('select order_id, status, refunded from attrib.conversion_status')).map((o) => [o.order_id, o]));
  for (const [pi, { held, why }] of expected) assert.equal(found.get(pi).refunded, refunded(held), `${pi}: ${why}`);
  assert.deepEqual(await shop.query('select * from attrib.check_adjustments()'), []);
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
}

test('a refund, the running total that holds it and its failure, in all 24 orders', async () => {
  const expected = new Map();
  const all = [...orders([0, 1, 2, 3])];
  for (const order of all) {
    const pi = `pi_${order.join('')}`;
    const { told } = played(pi, [{ at: placed + 1000, id: 0, amount: 5950 }, { at: placed + 9000, id: 0, amount: 5950, made: placed + 1000, fails: true }]);
    const list = [sold(pi), ...told.filter((t) => t.body.type !== 'refund.updated').map((t) => t.body)];
    assert.equal(list.length, 4);
    for (const i of order) assert.equal((await send(shop, delivery('stripe', list[i]))).status, 200);
    expected.set(pi, { held: 0, why: order.join(' ') });
  }
  await shop.quiet();
  await expectStates(expected);
  const [{ explain }] = await shop.query("select attrib.explain('acme', 'order', 'pi_0123')");
  assert.deepEqual(explain.adjustments.map((a) => [a.id, a.counts, a.reason]).sort(), [
    ['ch_pi_0123', false, 'all of it was taken back since'], ['re_pi_0123_0', false, 'taken back'], ['re_pi_0123_0', false, 'taken back']]);
  const days = await shop.query("select amount, occurred_at from attrib.adjustment where order_id = 'pi_3210' order by occurred_at");
  assert.deepEqual(days.map((d) => [d.amount, d.occurred_at.getTime()]), [['47.62', seconds(placed + 1000) * 1e3], ['-47.62', seconds(placed + 9000) * 1e3]]);
});

test('random charges, by whichever events, in random orders, with repeats', async (t) => {
  t.diagnostic(`seed ${SEED}`);
  const r = rng(SEED);
  const expected = new Map();
  const all = [];
  for (let i = 0; i < 40; i++) {
    const steps = randomStory(r);
    for (const [why, kinds] of Object.entries(ASKED)) {
      const pi = `pi_${i}_${kinds.length}${kinds[0]}`;
      const { told, held } = played(pi, steps);
      const heard = [sold(pi), ...told.filter((x) => kinds.includes(x.by)).map((x) => x.body)].map((body) => delivery('stripe', body));
      all.push(...heard, ...heard.filter(() => r.chance(0.2)));
      expected.set(pi, { held, why: `${why}: ${JSON.stringify(steps)}` });
    }
  }
  await hear(r.shuffle(all));
  await expectStates(expected);
  assert.ok([...expected.values()].some(({ held }) => held > 0), 'something stayed refunded');
});
