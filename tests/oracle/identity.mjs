// Who is whom, as known at some instant: customers from keys that were named together, and links
// between visitors and customers.


export class Identity {
  tied = false; // somebody asked what the rules leave open: two customers linked to a visitor at one instant
  #parent = new Map();
  #links = new Map(); // visitor -> [{at, order, key}]
  #visitors; // customer -> its visitors

  // placedAt(order name): the T of that order as known then.
  constructor(events, placedAt) {
    const known = events.filter((e) => e.keys.length);
    for (const e of known) for (const k of e.keys) this.#parent.set(this.customer(k), this.customer(e.keys[0]));
    for (const e of known) {
      if (!e.visitor) continue;
      const link = { key: e.keys[0], order: e.name, at: e.order ? placedAt(e.name) : e.at };
      this.#links.set(e.visitor, [...(this.#links.get(e.visitor) ?? []), link]);
    }
  }

  // The customer that a key is of.
  customer(key) {
    if (!this.#parent.has(key)) this.#parent.set(key, key);
    const up = this.#parent.get(key);
    return up === key ? key : this.customer(up);
  }

  keysOf(customers) {
    return new Set([...this.#parent.keys()].filter((k) => customers.has(this.customer(k))));
  }

  linked(visitor) {
    return this.#links.has(visitor);
  }

  // Customers of a visitor. The links of the order in question have the T that it has now.
  customersOf(visitor) {
    return new Set((this.#links.get(visitor) ?? []).map((l) => this.customer(l.key)));
  }

  visitorsOf(customer) {
    if (!this.#visitors) {
      this.#visitors = new Map();
      for (const visitor of this.#links.keys()) {
        for (const c of this.customersOf(visitor)) this.#visitors.set(c, [...(this.#visitors.get(c) ?? []), visitor]);
      }
    }
    return this.#visitors.get(customer) ?? [];
  }

  // Whose is a moment of a visitor: the customer with the earliest link at or after it, else the
  // latest before it.
  owner(visitor, at, order) {
    const links = (this.#links.get(visitor) ?? []).map((l) => (l.order === order?.name && order ? { ...l, at: order.T } : l));
    if (!links.length) return undefined;
    const after = links.filter((l) => l.at >= at).map((l) => l.at);
    const nearest = after.length ? Math.min(...after) : Math.max(...links.map((l) => l.at));
    const owners = new Set(links.filter((l) => l.at === nearest).map((l) => this.customer(l.key)));
    this.tied ||= owners.size > 1;
    return [...owners][0];
  }

  // The customers whose touches an order sees: those of its keys, else its visitors' only one.
  customersOfOrder(order) {
    if (order.keys.size) return new Set([...order.keys].map((k) => this.customer(k)));
    const candidates = new Set([...order.visitors].flatMap((v) => [...this.customersOf(v)]));
    return candidates.size === 1 ? candidates : new Set();
  }

  // Whether what happened at a visitor's `at` is the business of the order's customers; of a visitor
  // whom nobody knows, that of his own orders.
  isOrdersMoment(order, customers, visitor, at) {
    return this.linked(visitor) ? customers.has(this.owner(visitor, at, order)) : order.visitors.has(visitor);
  }

  // Whether another order or lead is of the same person: by a key, without keys by its visitor at its T.
  // All that is known of it tells, behind its own lock too.
  isSamePerson(order, other) {
    const customers = this.customersOfOrder(order);
    if (other.keysEver.size) return [...other.keysEver].some((k) => customers.has(this.customer(k)));
    return [...other.visitorsEver].some((v) => this.isOrdersMoment(order, customers, v, other.T));
  }
}
