// One order from what everybody said of it: which names are one order, and what its content is.

import { minor } from './money.mjs';
import { listed, settingsAt } from './settings.mjs';
import { bytesLess } from './text.mjs';
import { MINUTE, duration } from './time.mjs';

// -- names -------------------------------------------------------------------------------------

// Statements of aliases that unite; `refused` are those of a source that used one alias twice.
export function aliasStatements(observations) {
  const words = new Map();
  for (const e of observations) {
    if (!e.signed || e.order.kind !== 'order') continue;
    for (const [kind, value] of Object.entries(e.order.aliases)) {
      if (kind !== 'number' && value === e.order.id) continue; // no other name
      const name = JSON.stringify([kind, value, e.source]);
      if (!words.has(name)) words.set(name, new Map());
      const first = words.get(name).get(e.order.id);
      words.get(name).set(e.order.id, { kind, value, source: e.source, id: e.order.id,
        received: Math.min(first?.received ?? Infinity, e.received) });
    }
  }
  const valid = [];
  const refused = [];
  for (const orders of words.values()) {
    const [owner, ...others] = [...orders.values()].sort((a, b) => a.received - b.received || bytesLess(a.id, b.id));
    valid.push(owner);
    refused.push(...others.map((o) => ({ ...o, owner: owner.id })));
  }
  return { valid, refused };
}

// Raw id -> the id that its order has: the one of which the shop's authority spoke, else the one that is
// no other's alias; of several the one that was placed first, then the smaller.
export function canonicalIds(observations, statements, versions) {
  const said = new Map();
  for (const e of observations) if (e.order.kind === 'order') said.set(e.order.id, [...(said.get(e.order.id) ?? []), e]);
  const ids = [...said.keys()];
  const parent = new Map(ids.map((id) => [id, id]));
  const find = (id) => (parent.get(id) === id ? id : find(parent.get(id)));
  const absorbed = new Set();
  const byAlias = new Map();
  for (const s of statements) {
    if (s.kind !== 'number' && s.value !== s.id && parent.has(s.value)) {
      parent.set(find(s.value), find(s.id));
      absorbed.add(s.value);
    }
    const name = JSON.stringify([s.kind, s.value]);
    if (byAlias.has(name)) parent.set(find(byAlias.get(name)), find(s.id));
    byAlias.set(name, s.id);
  }
  const groups = new Map();
  for (const id of ids) groups.set(find(id), [...(groups.get(find(id)) ?? []), id]);
  const canonical = new Map();
  for (const members of groups.values()) {
    const { settings } = placedAt(versions, members.flatMap((id) => said.get(id)));
    const named = (id) => said.get(id).some((e) => trust(e, settings) === AUTHORITY);
    const T = (id) => tOf(said.get(id), settings);
    const [head] = members.sort((a, b) => named(b) - named(a) || absorbed.has(a) - absorbed.has(b) || T(a) - T(b) || bytesLess(a, b));
    for (const id of members) canonical.set(id, head);
  }
  return canonical;
}

// -- content -----------------------------------------------------------------------------------

// What was paid: the total, else its parts, since a subtotal is without tax and shipping.
function totalOf(money, amount) {
  return money.total !== undefined ? amount('total') : amount('subtotal') + amount('tax') + amount('shipping');
}

function grossOf(basis, money, amount) {
  if (basis === 'total') return totalOf(money, amount);
  if (money.total === undefined || (basis === 'subtotal' && money.subtotal !== undefined)) return amount('subtotal');
  return amount('total') - amount('tax') - amount('shipping');
}

function exclusion(settings, order) {
  for (const what of listed(settings.exclude)) {
    const [kind, name] = what.split(':');
    const hit = { test: order.test, zero_total: order.total === 0n, source: order.source === name,
      kind: order.order_kind === name, tag: order.tags.includes(name) }[kind];
    if (hit) return what;
  }
  return undefined;
}

function statusOf(settings, order) {
  if (order.excluded) return ['excluded', false];
  if (!order.signed && settings.browser_orders !== 'count') return ['provisional', false];
  if (order.status === 'pending') return ['pending', settings.count_at === 'created'];
  return ['paid', true];
}

// A stranger, the shop, the source that the shop names as its authority.
const AUTHORITY = 2;
const trust = (e, settings) => (!e.signed ? 0 : e.source === settings.order_source ? AUTHORITY : 1);

const best = (seen, settings) => {
  const most = Math.max(...seen.map((e) => trust(e, settings)));
  return seen.filter((e) => trust(e, settings) === most);
};

// When an order was placed: the earliest time stated, else the earliest of the events, of those trusted most.
function tOf(seen, settings) {
  const stated = best(seen, settings).map((e) => e.order.placed).filter((at) => at !== undefined);
  return Math.min(...(stated.length ? stated : best(seen, settings).map((e) => e.at)));
}

function placedAt(versions, seen) {
  const settings = settingsAt(versions, (version) => tOf(seen, version));
  return { settings, T: tOf(seen, settings) };
}

// The merge of observations of one order: each group from the best one that states it. What decides its
// credit is only what was received by the lock; money and status follow the latest word for ever.
export function mergeOrder(versions, kind, id, seen) {
  const { settings, T } = placedAt(versions, seen);
  const lock = T + duration(settings.lock_after);
  const updated = (e) => Math.min(e.order.updated ?? e.at, e.received + 5 * MINUTE);
  const latest = (list) => [...list].sort((a, b) => trust(b, settings) - trust(a, settings) || updated(b) - updated(a) || b.at - a.at)[0]?.order;
  const believed = seen.some((e) => e.signed) ? seen.filter((e) => e.signed) : seen;
  const told = (field) => latest(believed.filter((e) => e.order[field] !== undefined))?.[field];
  const states = (...fields) => seen.filter((e) => fields.some((f) => e.order[f] !== undefined));
  const money = latest(states('total', 'subtotal')) ?? {};
  const currency = money.currency ?? settings.currency;
  const amount = (name) => (money[name] === undefined ? 0n : minor(money[name], currency));
  const gross = grossOf(settings.revenue_basis, money, amount);
  const state = latest(believed.filter((e) => e.order.status !== undefined || e.order.paid_at !== undefined));
  const inTime = seen.filter((e) => e.received <= lock);
  const { codes = [], currency: codesIn = settings.currency } = latest(inTime.filter((e) => e.order.codes !== undefined)) ?? {};
  const order = {
    kind, id, name: `${kind}:${id}`, T, lock, settings, gross, currency, signed: seen.some((e) => e.signed),
    total: totalOf(money, amount),
    status: state?.status ?? 'paid',
    late: Math.min(...seen.map((e) => e.received)) > lock,
    test: best(seen, settings).some((e) => e.order.test === true),
    order_kind: told('order_kind') ?? 'one_off',
    source: told('source') ?? '',
    tags: told('tags') ?? [],
    codes: codes.map((c) => (typeof c === 'string' ? { code: c, amount: 0n }
      : { code: c.code, amount: c.amount === undefined ? 0n : minor(c.amount, codesIn) })),
    visitors: new Set(inTime.map((e) => e.visitor).filter(Boolean)),
    clicks: new Set(inTime.map((e) => e.click).filter(Boolean)),
    signedClicks: new Set(inTime.filter((e) => e.signed).map((e) => e.click).filter(Boolean)),
    keys: new Set(inTime.flatMap((e) => e.keys)),
    // Whose order it is, for others, is a matter of all that is known.
    visitorsEver: new Set(seen.map((e) => e.visitor).filter(Boolean)),
    keysEver: new Set(seen.flatMap((e) => e.keys)),
    visitorsEver: new Set(seen.map((e) => e.visitor).filter(Boolean)),
  };
  order.renewal = order.order_kind === 'renewal';
  order.excluded = kind === 'lead' ? undefined : exclusion(settings, order);
  [order.state, order.counted] = statusOf(settings, order);
  order.countedAt = !order.counted ? undefined : settings.count_at === 'created' ? T
    : state?.paid ?? latest(believed.filter((e) => e.order.paid_at !== undefined))?.paid ?? T;
  return order;
}
