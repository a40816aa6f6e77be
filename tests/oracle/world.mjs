// One site's events as they were known at some instant, and what follows from them alone: the orders,
// the identities, the touches. Naive: a snapshot is made anew from the list of events.

import { Catalog } from './catalog.mjs';
import { readEvents, touchesOf } from './events.mjs';
import { Identity } from './identity.mjs';
import { aliasStatements, canonicalIds, mergeOrder } from './orders.mjs';
import { versionsOf } from './settings.mjs';

export class World {
  constructor(catalog, site, events) {
    this.site = site.name;
    this.versions = versionsOf(site);
    this.catalog = new Catalog(catalog, site.name);
    // Intake reads with the settings of today.
    this.events = readEvents(events.filter((e) => e.site === site.name), this.versions.at(-1));
    this.#nameOrders();
    const changes = [...this.events.map((e) => e.received), ...this.versions.map((v) => v.recorded)];
    this.lastChange = changes.reduce((a, b) => Math.max(a, b), -Infinity);
    this.snapshots = new Map();
    this.judged = new Map(); // what eligibility found, by order and instant
  }

  // Every observation gets the name of the order that it is of, under whatever id it came.
  #nameOrders() {
    const observations = this.events.filter((e) => e.order);
    const statements = aliasStatements(observations);
    this.aliases = statements.valid;
    this.canonical = canonicalIds(observations, statements.valid, this.versions);
    // Orders that another name unites have nothing to quarrel about.
    this.refusedAliases = new Set(statements.refused.filter((s) => this.canonical.get(s.id) !== this.canonical.get(s.owner))
      .map((s) => JSON.stringify([s.kind, s.value, s.id])));
    for (const e of observations) {
      const id = e.order.kind === 'order' ? this.canonical.get(e.order.id) : e.order.id;
      e.name = `${e.order.kind}:${id}`;
    }
  }

  // Whether a decision hung on what the rules leave open.
  get tied() {
    return [...this.snapshots.values()].some((s) => s.identity.tied);
  }

  at(cut) {
    const instant = cut >= this.lastChange ? Infinity : cut;
    if (!this.snapshots.has(instant)) this.snapshots.set(instant, new Snapshot(this, instant));
    return this.snapshots.get(instant);
  }
}

class Snapshot {
  constructor(world, cut) {
    const events = world.events.filter((e) => e.received <= cut);
    const seen = new Map();
    for (const e of events.filter((x) => x.order)) seen.set(e.name, [...(seen.get(e.name) ?? []), e]);
    this.cut = cut;
    const recorded = world.versions.filter((v) => v.recorded <= cut);
    const versions = recorded.length ? recorded : world.versions.slice(0, 1);
    this.orders = new Map();
    for (const [name, list] of seen) {
      const [kind] = name.split(':', 1);
      this.orders.set(name, mergeOrder(versions, kind, name.slice(kind.length + 1), list));
    }
    this.identity = new Identity(events, (name) => this.orders.get(name).T);
    this.#indexTouches(touchesOf(events));
  }

  #indexTouches(touches) {
    this.byVisitor = new Map();
    this.byClick = new Map();
    this.ofCustomers = [];
    const add = (map, key, t) => { if (key !== undefined) map.set(key, [...(map.get(key) ?? []), t]); };
    for (const t of touches) {
      add(this.byClick, t.click, t);
      add(this.byVisitor, t.visitor, t);
      if (t.visitor === undefined && t.keys.length) this.ofCustomers.push(t);
    }
  }

  // The touches that an order finds: by a click id that it carries, its visitors, its customers.
  touchesOf(order) {
    const { identity } = this;
    const customers = identity.customersOfOrder(order);
    const found = new Set([...order.clicks].flatMap((click) => this.byClick.get(click) ?? []));
    const visitors = new Set([...order.visitors, ...[...customers].flatMap((c) => identity.visitorsOf(c))]);
    for (const visitor of visitors) {
      for (const t of this.byVisitor.get(visitor) ?? []) {
        if (identity.isOrdersMoment(order, customers, visitor, t.at)) found.add(t);
      }
    }
    for (const t of customers.size ? this.ofCustomers : []) if (customers.has(identity.customer(t.keys[0]))) found.add(t);
    return [...found];
  }
}
