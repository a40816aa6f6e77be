// What PostgreSQL must show after the decisions: refunds and cancels split over the credits, new and
// returning customers, claims and what double counting was avoided. Naive, from the events.

import { largestRemainder, minor, scaleHalfUp } from './money.mjs';
import { MODELS, decideAll, micros } from './model.mjs';

const later = (a, b) => a.at - b.at || Buffer.compare(Buffer.from(a.event_id), Buffer.from(b.event_id));
const latest = (list) => list.reduce((a, b) => (later(a, b) < 0 ? b : a));

const timed = (e) => ({ ...e.event, at: Math.min(micros(e.event.occurred_at ?? e.received_at), micros(e.received_at) + 300e6) });

// The cumulative refund of an order's total in minor units: each refund id once, the latest word.
function refundedTotal(order, events) {
  const byId = new Map();
  for (const e of events.filter((x) => x.type === 'refund' && x.refund.order_id === order.order_id)) {
    byId.set(e.refund.id, [...(byId.get(e.refund.id) ?? []), e]);
  }
  let sum = 0n;
  for (const copies of byId.values()) {
    if (copies.some((e) => e.refund.status === 'void')) continue;
    sum += minor(latest(copies).refund.amount, order.currency);
  }
  return sum > order.total ? order.total : sum;
}

function isCancelled(order, events) {
  const words = events.filter((e) => e.type === 'cancel' && e.order_id === order.order_id);
  return words.length > 0 && !latest(words).reversed;
}

function statusOf(order, refunded, cancelled) {
  if (order.status !== 'paid') return order.status;
  if (cancelled) return 'cancelled';
  if (order.gross > 0n && refunded === order.gross) return 'refunded';
  return refunded > 0n ? 'partially_refunded' : 'paid';
}

export function books(catalog, events) {
  const decisions = decideAll(catalog, events).filter((d) => d.kind === 'order' && !d.merged_into);
  const signed = events.filter((e) => e.trust === 'signed').map(timed);
  const orders = decisions.map((d) => {
    const cancelled = isCancelled(d, signed);
    const total = refundedTotal(d, signed);
    const refunded = cancelled ? d.gross : d.total > 0n ? scaleHalfUp(total, d.gross, d.total) : 0n;
    const credits = {};
    for (const model of MODELS) {
      const gross = d.credits[model].map((c) => c.amount);
      const back = d.gross > 0n ? largestRemainder(refunded, gross) : gross.map(() => 0n);
      credits[model] = d.credits[model].map((c, i) => ({ ...c, refunded: back[i], net: c.amount - back[i] }));
    }
    return { ...d, refunded, net: d.gross - refunded, cancelled, state: statusOf(d, refunded, cancelled), credits };
  });
  const counted = orders.filter((o) => o.counted);
  const sum = (list, f) => list.reduce((a, x) => a + f(x), 0n);
  const doubleCount = (claimsOf, credited) => {
    const claims = counted.flatMap((o) => claimsOf(o).map(() => o));
    const own = counted.filter(credited);
    return {
      orders: counted.length, claims: claims.length, claimed_revenue: sum(claims, (o) => o.gross),
      credited_revenue: sum(own, (o) => o.gross), avoided_claims: claims.length - own.length,
      avoided_revenue: sum(claims, (o) => o.gross) - sum(own, (o) => o.gross),
    };
  };
  const credited = (o) => o.credits.policy[0].creator !== '';
  return {
    orders,
    double_count: doubleCount((o) => o.claims, credited),
    double_count_by_channel: doubleCount((o) => o.channel_claims, credited),
  };
}
