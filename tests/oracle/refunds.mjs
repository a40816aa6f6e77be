// Refunds and cancels: facts of their own, settled with the order that they name, under any of its names.

import { exponentOf, minor, scaleHalfUp } from './money.mjs';
import { bytesLess } from './text.mjs';

const later = (a, b) => a.at - b.at || bytesLess(a.id, b.id);
const latest = (list) => list.reduce((a, b) => (later(a, b) < 0 ? b : a));
const max = (list) => list.reduce((a, b) => (a > b ? a : b), 0n);

// An amount in the order's minor units. Without a currency it was read with the site's decimals.
function inOrders(text, refund, order, world) {
  if (text === undefined) return 0n;
  if (refund.currency) return minor(text, order.currency);
  const site = exponentOf(world.versions.at(-1).currency);
  const exponent = exponentOf(order.currency);
  const value = minor(text, world.versions.at(-1).currency);
  return exponent >= site ? value * 10n ** BigInt(exponent - site) : value / 10n ** BigInt(site - exponent);
}

// The words on each order: `of(decision)`, in the order's minor units.
export function settledWords(world) {
  const words = new Map();
  for (const e of world.events) {
    if (!e.signed || !['refund', 'cancel'].includes(e.type)) continue;
    const name = e.type === 'refund' ? e.refund.order_id : e.cancel;
    const alias = world.aliases.find((s) => s.kind !== 'number' && s.value === name);
    const id = world.canonical.get(name) ?? (alias && world.canonical.get(alias.id)) ?? name;
    words.set(id, [...(words.get(id) ?? []), e]);
  }
  return (d) => words.get(d.order_id) ?? [];
}

export function isCancelled(words) {
  const cancels = words.filter((e) => e.type === 'cancel');
  return cancels.length > 0 && !latest(cancels).reversed;
}

// Each refund id of a source: all words of it.
function byRefund(words) {
  const byId = new Map();
  for (const e of words.filter((x) => x.type === 'refund')) {
    const name = JSON.stringify([e.source, e.refund.id]);
    byId.set(name, [...(byId.get(name) ?? []), e]);
  }
  return [...byId.values()];
}

const isVoid = (e) => e.refund.status === 'void';

// Each refund once, its latest word; a void of it takes the whole of it back.
const standing = (words) => byRefund(words).filter((copies) => !copies.some(isVoid)).map(latest);

// Single refunds that were made and taken back: the amount that was last said of them before a void did.
function takenBack(words) {
  return byRefund(words).filter((copies) => copies.some(isVoid) && !latest(copies).refund.cumulative).map((copies) => {
    const made = copies.filter((e) => !isVoid(e));
    const word = latest(made.length ? made : copies);
    return { word, source: word.source, from: made.length ? Math.min(...made.map((e) => e.at)) : -Infinity,
      to: Math.min(...copies.filter(isVoid).map((e) => e.at)) };
  });
}

const isForeign = (e, order) => Boolean(e.refund.currency) && e.refund.currency !== order.currency;
export const setAside = (order, words) => standing(words).filter((e) => isForeign(e, order)).length;

const hasParts = (e) => e.refund.tax !== undefined || e.refund.shipping !== undefined;

// What one source has refunded: its single refunds together or, when that is more, its largest word on all
// that was refunded so far. net: without tax and shipping, when it told them.
function ofSource(list) {
  const netOf = (e) => (hasParts(e) && !e.lowered ? e.amount - e.tax - e.shipping : undefined);
  const singles = list.filter((e) => !e.refund.cumulative);
  const total = singles.reduce((a, e) => a + e.amount, 0n);
  const running = list.filter((e) => e.refund.cumulative).sort((a, b) => (a.amount === b.amount ? later(b, a) : a.amount > b.amount ? -1 : 1))[0];
  if (running && running.amount > total) return { total: running.amount, net: netOf(running) };
  return { total, net: singles.length && singles.every(hasParts) ? singles.reduce((a, e) => a + netOf(e), 0n) : undefined };
}

// On the basis of the order. Parts say more than a ratio where the basis leaves something out.
export function refundedOf(order, words, world) {
  const bySource = new Map();
  const gone = takenBack(words);
  for (const e of standing(words)) {
    if (isForeign(e, order)) continue;
    const amounts = Object.fromEntries(['amount', 'tax', 'shipping'].map((name) => [name, inOrders(e.refund[name], e.refund, order, world)]));
    // a running total held what was made by then and taken back later
    const held = e.refund.cumulative ? gone.filter((g) => g.source === e.source && g.from <= e.at && g.to >= e.at
      && g.word.refund.currency === e.refund.currency) : [];
    const less = held.reduce((sum, g) => sum + inOrders(g.word.refund.amount, g.word.refund, order, world), 0n);
    amounts.amount = amounts.amount > less ? amounts.amount - less : 0n;
    bySource.set(e.source, [...(bySource.get(e.source) ?? []), { ...e, ...amounts, lowered: held.length > 0 }]);
  }
  const sources = [...bySource.values()].map(ofSource);
  const total = max(sources.map((s) => s.total));
  if (total === 0n || order.total <= 0n) return 0n;
  if (total >= order.total) return order.gross;
  const nets = sources.filter((s) => s.total === total && s.net !== undefined).map((s) => s.net);
  if (nets.length && order.gross < order.total) {
    const net = nets.reduce((a, b) => (a < b ? a : b));
    return net < 0n ? 0n : net > order.gross ? order.gross : net;
  }
  return scaleHalfUp(total, order.gross, order.total);
}
