// What PostgreSQL must show after the decisions: refunds and cancels split over the credits, new and
// returning customers, claims and what double counting was avoided, traffic and its visitors. Naive, from the events.

import { MODELS, decideSite } from './model.mjs';
import { largestRemainder } from './money.mjs';
import { customerKinds } from './ledger.mjs';
import { isCancelled, refundedOf, setAside, settledWords } from './refunds.mjs';
import { trafficOf } from './traffic.mjs';
import { sketchesOf } from './visitors.mjs';
import { World } from './world.mjs';

function statusOf(order, refunded, cancelled) {
  if (order.status === 'excluded') return 'excluded';
  if (cancelled) return 'cancelled';
  if (order.status !== 'paid') return order.status;
  if (order.gross > 0n && refunded === order.gross) return 'refunded';
  return refunded > 0n ? 'partially_refunded' : 'paid';
}

function settle(order, words, world) {
  const cancelled = isCancelled(words);
  const refunded = cancelled ? order.gross : refundedOf(order, words, world);
  const credits = {};
  for (const model of MODELS) {
    const gross = order.credits[model].map((c) => c.amount);
    const back = order.gross > 0n ? largestRemainder(refunded, gross) : gross.map(() => 0n);
    credits[model] = order.credits[model].map((c, i) => ({ ...c, refunded: back[i], net: c.amount - back[i] }));
  }
  return { ...order, set_aside: setAside(order, words), refunded, net: order.gross - refunded, cancelled, state: statusOf(order, refunded, cancelled), credits };
}

const sum = (list, f) => list.reduce((a, x) => a + f(x), 0n);

// By currency, since amounts of several are never added.
function doubleCount(orders, claimsOf) {
  const rows = {};
  for (const currency of new Set(orders.map((o) => o.currency))) {
    const counted = orders.filter((o) => o.counted && o.currency === currency);
    if (!counted.length) continue;
    const claims = counted.flatMap((o) => claimsOf(o).map(() => o));
    const own = counted.filter((o) => o.credits.policy[0].creator !== '');
    rows[currency] = {
      orders: counted.length, claims: claims.length, claimed_revenue: sum(claims, (o) => o.gross),
      credited_revenue: sum(own, (o) => o.gross), avoided_claims: claims.length - own.length,
      avoided_revenue: sum(claims, (o) => o.gross) - sum(own, (o) => o.gross),
    };
  }
  return rows;
}

// The books of one site; history: its customer_history.
export function booksOfSite(catalog, site, events, history = 'partial') {
  const world = new World(catalog, site, events);
  const words = settledWords(world);
  const decided = decideSite(world).filter((d) => !d.merged_into);
  const all = decided.map((d) => settle(d, d.kind === 'order' ? words(d) : [], world));
  const orders = all.filter((o) => o.kind === 'order');
  const kinds = customerKinds(world, orders, history);
  for (const o of all) o.customer_kind = kinds.get(o.order_id) && o.kind === 'order' ? kinds.get(o.order_id) : 'unknown';
  return {
    orders, leads: all.filter((o) => o.kind === 'lead'),
    double_count: doubleCount(orders, (o) => o.claims),
    double_count_by_channel: doubleCount(orders, (o) => o.channel_claims),
    traffic: trafficOf(world),
    visitorsBy: (secret) => sketchesOf(world, secret),
    quarantined: { refund_currency: orders.reduce((n, o) => n + o.set_aside, 0), alias_conflict: world.refusedAliases.size },
  };
}

// The books of a catalog with one site.
export const books = (catalog, events, history) => booksOfSite(catalog, catalog.sites[0], events, history);
