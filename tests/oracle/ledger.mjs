// New or returning: customers are keys that were ever named together, by an event or by an order; the
// first valid order of each is new.

import { bytesLess } from './text.mjs';

export function customerKinds(world, orders, history) {
  const parent = new Map();
  const find = (k) => {
    if (!parent.has(k)) parent.set(k, k);
    return parent.get(k) === k ? k : find(parent.get(k));
  };
  const unite = (keys) => { for (const k of keys) parent.set(find(k), find([...keys][0])); };
  for (const e of world.events) unite(e.keys);
  for (const o of orders) unite([...o.keys]);
  const valid = (o) => o.counted && !o.cancelled && !(o.gross > 0n && o.refunded === o.gross);
  const ledger = new Map();
  for (const o of orders) {
    if (!o.keys.size || !valid(o)) continue;
    const customer = find([...o.keys][0]);
    ledger.set(customer, [...(ledger.get(customer) ?? []), o]);
  }
  const kinds = new Map();
  for (const mine of ledger.values()) {
    mine.sort((a, b) => a.placed_at - b.placed_at || bytesLess(a.order_id, b.order_id));
    mine.forEach((o, i) => kinds.set(o.order_id, i > 0 ? 'returning' : history === 'complete' ? 'new' : 'unknown'));
  }
  return kinds;
}
