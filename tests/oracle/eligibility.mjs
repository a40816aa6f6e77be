// Which touches may earn an order, and why the others may not.

import { fold, bytesLess } from './text.mjs';
import { duration, monthsLater } from './time.mjs';

const byTime = (a, b) => a.at - b.at || bytesLess(a.id, b.id) || a.rank - b.rank;
const touchName = (t) => JSON.stringify([t.signed, t.type, t.id, t.channel]);
const before = (a, b) => a.T < b.T || (a.T === b.T && bytesLess(a.id, b.id) < 0);

// The reason why a touch is invalid, whoever owns it.
function invalid(t, order) {
  for (const verdict of ['bot', 'prefetch', 'head', 'own_site']) {
    if (!t.verdicts.has(verdict)) continue;
    if (verdict === 'bot' && t.click !== undefined && order.signedClicks.has(t.click)) continue;
    return verdict;
  }
  return undefined;
}

// What is odd about a touch that still counts.
function suspicions(t, order) {
  const fast = order.T - t.at < duration(order.settings.too_fast);
  return [...['flood', 'paid_ad'].filter((verdict) => t.verdicts.has(verdict)), ...(fast ? ['too_fast'] : [])];
}

class Judge {
  constructor(world, order, asOf) {
    this.world = world;
    this.order = order;
    this.asOf = asOf;
    this.snapshot = world.at(asOf);
    this.refused = []; // invalid touches inside of their windows, with the reason
  }

  isSelf(creator) {
    const own = this.world.catalog.keysOfCreator(creator, this.asOf);
    if (!own.length) return false;
    const { identity } = this.snapshot;
    this.customerKeys ??= identity.keysOf(identity.customersOfOrder(this.order));
    return own.some((k) => this.customerKeys.has(k));
  }

  // The touch with its owner, when its key earns at all.
  owned(t) {
    const owner = this.world.catalog.owner(t, this.asOf);
    if (!owner && t.channel !== 'utm') return undefined;
    if (owner?.generic) return undefined;
    return { ...t, owner, creator: owner?.creator };
  }

  inWindow(t) {
    const { order, world } = this;
    const window = duration(world.catalog.inherited(t.owner, 'window', this.asOf) ?? order.settings[`window.${t.channel}`]);
    return t.at <= order.T && order.T < t.at + window;
  }

  valid(t) {
    const reason = invalid(t, this.order) ?? (t.creator && this.isSelf(t.creator) ? 'self_referral' : undefined);
    if (reason && this.inWindow(t)) this.refused.push({ ...t, reason });
    return !reason;
  }

  // Also eligible, whatever their window: what the winners of this person's leads had. An order that is
  // not counted itself is decided as if it were.
  keptByLeads() {
    const { order, snapshot, world, asOf } = this;
    const kept = new Map();
    if (order.kind !== 'order') return kept;
    const same = (other) => snapshot.identity.isSamePerson(order, other);
    const leads = [...snapshot.orders.values()].filter((o) => o.kind === 'lead' && o.counted && same(o));
    if (!leads.length) return kept;
    const orders = [...snapshot.orders.values()].filter((o) => o.kind === 'order' && o.name !== order.name && o.counted && same(o));
    for (const lead of leads) {
      const inside = (o) => lead.T <= o.T && o.T < lead.T + duration(order.settings.lead_window);
      if (!inside(order) || orders.some((o) => inside(o) && before(o, order))) continue;
      const judged = judge(world, lead, asOf);
      for (const t of judged.eligible) {
        if (t.channel !== 'code' && t.creator && t.creator === judged.winner.creator) kept.set(touchName(t), t);
      }
    }
    return kept;
  }

  // Touches that an earlier counted order has used (repeat_orders = first).
  used() {
    const { order, snapshot, world, asOf } = this;
    const names = new Set();
    if (order.kind !== 'order' || order.settings.repeat_orders !== 'first') return names;
    for (const other of snapshot.orders.values()) {
      if (other.kind !== 'order' || other.name === order.name || !other.counted || !before(other, order)) continue;
      for (const t of judge(world, other, asOf, true).eligible) if (t.channel !== 'code') names.add(touchName(t));
    }
    return names;
  }

  touches(whateverUsed) {
    const kept = whateverUsed ? new Map() : this.keptByLeads();
    const used = whateverUsed ? new Set() : this.used();
    const found = new Map(this.snapshot.touchesOf(this.order).map((t) => [touchName(t), t]));
    for (const [name, t] of kept) if (!found.has(name)) found.set(name, t);
    const out = [];
    for (const [name, raw] of found) {
      const t = this.owned(raw);
      if (!t || !(kept.has(name) || this.inWindow(t)) || !this.valid(t) || used.has(name)) continue;
      const byClick = t.click !== undefined && this.order.clicks.has(t.click);
      out.push({ ...t, evidence: byClick ? 'click_id' : t.channel, suspect: suspicions(t, this.order) });
    }
    return out.sort(byTime);
  }

  codes() {
    const { order, world } = this;
    const seen = new Set();
    const out = [];
    order.codes.forEach((c, listed) => {
      if (seen.has(fold(c.code))) return;
      seen.add(fold(c.code));
      const owner = world.catalog.codeOwner(c.code, order.T, this.asOf, order.settings.code_grace);
      if (!owner?.creator || owner.generic || this.isSelf(owner.creator)) return;
      out.push({ channel: 'code', evidence: 'code', key: c.code, at: order.T, owner, creator: owner.creator,
        discount: c.amount, listed, suspect: [] });
    });
    return out;
  }

  // A renewal earns as the site says: never, always, or for some months after the person's first order.
  renewalEarns() {
    const { order, snapshot } = this;
    const [, months] = /^months:(\d+)$/.exec(order.settings.renewals) ?? [];
    if (!months) return order.settings.renewals === 'all';
    const times = [...snapshot.orders.values()]
      .filter((o) => o.kind === 'order' && o.counted && (o.name === order.name || snapshot.identity.isSamePerson(order, o)))
      .map((o) => (o.name === order.name ? order.T : o.T));
    return times.length === 0 || order.T < monthsLater(Math.min(...times), Number(months), order.settings.time_zone);
  }
}

function policyWinner(world, order, eligible, asOf) {
  const codes = eligible.filter((t) => t.channel === 'code');
  const others = eligible.filter((t) => t.channel !== 'code' && t.creator);
  const last = others.filter((t) => t.channel !== 'view').at(-1) ?? others.at(-1);
  if (codes.length) {
    const code = [...codes].sort((a, b) => (a.discount === b.discount ? a.listed - b.listed : a.discount > b.discount ? -1 : 1))[0];
    const rule = world.catalog.inherited(code.owner, 'code_rule', asOf) ?? order.settings.code_rule;
    const wins = {
      always: () => true,
      never: () => false,
      fallback: () => ![...others, ...codes].some((t) => t.creator !== code.creator),
      if_involved: () => others.some((t) => t.creator === code.creator),
      if_winner: () => last?.creator === code.creator,
    }[rule]();
    if (wins) return { rule: 'code', creator: code.creator };
  }
  if (last) return { rule: 'last owned touch', creator: last.creator };
  const unowned = eligible.filter((t) => !t.creator).at(-1);
  if (unowned) return { rule: 'unowned utm', other: otherName(unowned) };
  return { rule: 'unattributed' };
}

export const otherName = (t) => `${fold(t.key.source ?? '')}/${fold(t.key.medium ?? '')}`;

// What an order's touches come to, by what was received and recorded by its lock and by `cut`. The order
// is the one as known at `cut`; `whateverUsed` asks what it uses up for later ones: by its own windows,
// whatever earlier orders have used and leads have kept.
export function judge(world, order, cut = Infinity, whateverUsed = false) {
  const asOf = Math.min(order.lock, cut);
  const name = JSON.stringify([order.name, asOf, order.T, order.lock, whateverUsed]);
  if (!world.judged.has(name)) world.judged.set(name, judgeAnew(world, order, asOf, whateverUsed));
  return world.judged.get(name);
}

function judgeAnew(world, order, asOf, whateverUsed) {
  if (order.late) return { reason: 'late', eligible: [], refused: [], winner: { rule: 'unattributed' } };
  const it = new Judge(world, order, asOf);
  const eligible = [...it.touches(whateverUsed), ...it.codes()];
  if (order.renewal && !it.renewalEarns()) {
    return { reason: 'renewal', eligible: [], refused: it.refused, winner: { rule: 'unattributed' } };
  }
  return { eligible, refused: it.refused, winner: policyWinner(world, order, eligible, asOf) };
}
