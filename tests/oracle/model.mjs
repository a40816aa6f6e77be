// The independent model: what every order's credit must be, computed naively from the whole list of
// events. Written from the rules in docs/attribution.md, in another language than the engine and
// without its ideas (no facts, no closures, no state): plain lists, sorted and filtered.
//
// Input: a catalog {sites, trackers, campaigns} and events as the daemon receives them:
// {received_at, trust: "signed"|"stranger", site, event: <native event>}.

import { largestRemainder, minor } from './money.mjs';

export const MODELS = ['policy', 'last_touch', 'first_touch', 'linear', 'position', 'time_decay'];
export const ONE = 10n ** 12n;
const MINUTE = 60e6;
const DAY = 86400e6;

// Microseconds since 1970 of an RFC 3339 time in UTC with up to six digits.
export function micros(text) {
  const m = /^(.{19})(?:\.(\d{1,6}))?Z$/.exec(text);
  return Date.parse(m[1] + 'Z') * 1000 + Number((m[2] ?? '').padEnd(6, '0'));
}

const duration = (text) => {
  const m = /^(\d+)(us|ms|s|m|h|d)?$/.exec(text);
  return Number(m[1]) * { us: 1, ms: 1e3, s: 1e6, m: MINUTE, h: 3600e6, d: DAY }[m[2] ?? 's'];
};
const fold = (s) => s.trim().normalize('NFKC').toLowerCase().trim();
const bytesLess = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));

const DEFAULTS = {
  'window.link': '30d', 'window.affiliate': '30d', 'window.utm': '30d', 'window.view': '0',
  code_grace: '30d', collapse: '30m', code_rule: 'always', browser_orders: 'confirm', count_at: 'paid',
  'model.scope': 'creators', repeat_orders: 'all', renewals: 'none', lock_after: '30d', currency: 'EUR',
  affiliate_params: 'ref,aff',
};

export function decideAll(catalog, events) {
  const results = [];
  for (const site of catalog.sites) {
    const settings = { ...DEFAULTS, ...site.settings };
    const mine = events.filter((e) => e.site === site.name).map((e) => normalise(e, settings));
    const world = { site: site.name, settings, catalog, events: mine };
    world.touches = collectTouches(world);
    world.lastReceived = mine.reduce((latest, e) => Math.max(latest, e.received), -Infinity);
    world.observations = new Map();
    for (const e of mine.filter((x) => x.order)) {
      world.observations.set(e.order.id, [...(world.observations.get(e.order.id) ?? []), e]);
    }
    world.orders = new Map([...world.observations.keys()].map((id) => [id, mergeOrder(world, id)]));
    for (const order of world.orders.values()) if (!order.ignored) results.push(decide(world, order));
  }
  return results;
}

// -- events ------------------------------------------------------------------------------------

function normalise({ received_at, trust, event }, settings) {
  const received = micros(received_at);
  let at = event.occurred_at ? micros(event.occurred_at) : received;
  at = Math.min(at, received + 5 * MINUTE);
  const signed = trust === 'signed';
  const landing = parseLanding(event.url, settings);
  const keys = [];
  if (signed) {
    if (event.customer_id) keys.push(`c:${event.customer_id}`);
    if (event.email) keys.push(`e:${fold(event.email)}`);
  }
  return {
    type: event.type, signed, received, at, keys, raw: event,
    id: event.event_id, visitor: event.visitor_id,
    click: event.click_id ?? landing.click,
    link: event.link, affiliate: event.affiliate_id ?? landing.affiliate,
    utm: event.utm ?? landing.utm, order: event.order, refund: event.refund,
  };
}

function parseLanding(url, settings) {
  if (!url) return {};
  const params = new URL(url).searchParams;
  const out = { click: params.get('attr_click') || undefined };
  for (const name of settings.affiliate_params.split(',')) out.affiliate ??= params.get(name) || undefined;
  const utm = {};
  for (const part of ['source', 'medium', 'campaign', 'term', 'content']) {
    const value = params.get(`utm_${part}`);
    if (value) utm[part] = value;
  }
  if (Object.keys(utm).length) out.utm = utm;
  return out;
}

// One entry per (event id, channel), with the earliest receipt over its copies.
function collectTouches({ events }) {
  const found = new Map();
  for (const e of events) {
    if (!['click', 'visit', 'view'].includes(e.type)) continue;
    const add = (channel, rank, key) => {
      const name = JSON.stringify([e.signed, e.type, e.id, channel]);
      const old = found.get(name);
      if (old) old.received = Math.min(old.received, e.received);
      else {
        found.set(name, { channel, rank, key, id: e.id, at: e.at, received: e.received,
          visitor: e.visitor, click: e.type === 'click' ? e.click : undefined });
      }
    };
    if (e.utm) add('utm', 0, e.utm);
    if (e.affiliate) add('affiliate', 1, e.affiliate);
    if (e.link) add(e.type === 'view' ? 'view' : 'link', 2, e.link);
  }
  return [...found.values()];
}

// -- the catalog -------------------------------------------------------------------------------

const visible = (row, asOf) =>
  (row.recorded_at ? micros(row.recorded_at) : 0) <= asOf &&
  asOf < (row.superseded_at ? micros(row.superseded_at) : Infinity);
const from = (row) => (row.valid_from ? micros(row.valid_from) : -Infinity);
const to = (row) => (row.valid_to ? micros(row.valid_to) : Infinity);
const validAt = (row, at) => from(row) <= at && at < to(row);

function trackersOf(world, kind, asOf) {
  return world.catalog.trackers.filter((t) => t.site === world.site && t.kind === kind && visible(t, asOf));
}

function ownerOf(world, touch, asOf) {
  if (touch.channel === 'utm') return utmOwner(world, touch.key, touch.at, asOf);
  const kind = touch.channel === 'view' ? 'link' : touch.channel;
  return trackersOf(world, kind, asOf).find((t) => fold(t.key) === fold(touch.key) && validAt(t, touch.at));
}

const UTM_PARTS = ['source', 'medium', 'campaign', 'term', 'content'];

function utmOwner(world, utm, at, asOf) {
  const candidates = [];
  for (const t of trackersOf(world, 'utm', asOf)) {
    if (!validAt(t, at)) continue;
    const pattern = t.key.split('/');
    const stated = UTM_PARTS.map((_, i) => (pattern[i] && pattern[i] !== '*' ? 1 : 0));
    const fits = UTM_PARTS.every((part, i) => !stated[i] || fold(pattern[i]) === fold(utm[part] ?? ''));
    if (fits) candidates.push({ t, score: stated.reduce((a, b) => a + b, 0), stated: stated.join('') });
  }
  candidates.sort((a, b) => b.score - a.score || (a.stated > b.stated ? -1 : 1));
  return candidates[0]?.t;
}

function codeOwner(world, code, at, asOf) {
  const rows = trackersOf(world, 'code', asOf).filter((t) => fold(t.key) === fold(code));
  const now = rows.find((t) => validAt(t, at));
  if (now) return now;
  const grace = duration(world.settings.code_grace);
  return rows.filter((t) => to(t) <= at && at < to(t) + grace).sort((a, b) => to(b) - to(a))[0];
}

function inherited(world, tracker, name, asOf) {
  if (tracker?.[name]) return tracker[name];
  const campaign = world.catalog.campaigns?.find(
    (c) => c.site === world.site && c.name === tracker?.campaign && visible(c, asOf));
  return campaign?.[name] || undefined;
}

// -- one order ---------------------------------------------------------------------------------

// The merge of an order's observations received by `asOf`: each group from the best one that has it.
function mergeOrder(world, id, asOf = Infinity) {
  const { settings } = world;
  const seen = world.observations.get(id).filter((e) => e.received <= asOf);
  const signed = seen.filter((e) => e.signed);
  const best = signed.length ? signed : seen;
  if (!signed.length && settings.browser_orders === 'ignore') return { id, ignored: true };
  const updated = (e) => Math.min(e.order.updated_at ? micros(e.order.updated_at) : e.at, e.received + 5 * MINUTE);
  const newest = (has) => [...best.filter(has), ...(signed.length ? seen.filter((e) => !e.signed && has(e)) : [])]
    .sort((a, b) => b.signed - a.signed || updated(b) - updated(a))[0];
  const placed = best.filter((e) => e.order.placed_at).map((e) => micros(e.order.placed_at));
  const T = placed.length ? Math.min(...placed) : Math.min(...best.map((e) => e.at));
  const money = newest((e) => e.order.total !== undefined || e.order.subtotal !== undefined)?.order ?? {};
  const currency = money.currency ?? settings.currency;
  const amount = (name) => (money[name] === undefined ? 0n : minor(money[name], currency));
  const gross = money.total !== undefined
    ? amount('total') - amount('tax') - amount('shipping') : amount('subtotal');
  const status = newest((e) => e.order.status !== undefined)?.order.status ?? 'paid';
  const lock = T + duration(settings.lock_after);
  // Money and status follow the latest word for ever; what decides the credit is locked.
  const codes = newest((e) => e.order.codes !== undefined && e.received <= lock)?.order.codes ?? [];
  const visibleObs = seen.filter((e) => e.received <= lock);
  return {
    id, T, lock, gross, currency, status, signed: signed.length > 0,
    total: money.total !== undefined ? amount('total') : gross,
    late: Math.min(...seen.map((e) => e.received)) > lock,
    test: best.some((e) => e.order.test === true),
    renewal: best.some((e) => e.order.kind === 'renewal'),
    codes: codes.map((c) => (typeof c === 'string' ? { code: c, amount: 0n }
      : { code: c.code, amount: c.amount === undefined ? 0n : minor(c.amount, currency) })),
    visitors: new Set(visibleObs.map((e) => e.visitor).filter(Boolean)),
    clicks: new Set(visibleObs.map((e) => e.click).filter(Boolean)),
    keys: new Set(visibleObs.filter((e) => e.signed).flatMap((e) => e.keys)),
  };
}

// -- identity ----------------------------------------------------------------------------------

// Customers as known when the order was locked: key -> representative, and for each visitor its edges
// to customers. Another order's edge has that order's T as it was known by then.
function identity(world, order) {
  if (order.lock < world.lastReceived) return identityAt(world, order);
  world.identity ??= identityAt(world, order); // nothing is locked out: the same for all such orders
  return world.identity;
}

function identityAt(world, { id, T, lock }) {
  const parent = new Map();
  const find = (k) => {
    if (!parent.has(k)) parent.set(k, k);
    return parent.get(k) === k ? k : find(parent.get(k));
  };
  const edges = new Map();
  const known = world.events.filter((e) => e.signed && e.received <= lock && e.keys.length);
  for (const e of known) for (const k of e.keys) parent.set(find(k), find(e.keys[0]));
  for (const e of known) {
    if (!e.visitor) continue;
    const at = !e.order ? e.at : e.order.id === id ? T : timeAsOf(world, e.order.id, lock);
    if (!edges.has(e.visitor)) edges.set(e.visitor, []);
    edges.get(e.visitor).push({ at, customer: find(e.keys[0]) });
  }
  return { find, edges };
}

function timeAsOf(world, id, lock) {
  const all = world.observations.get(id).every((e) => e.received <= lock);
  return all ? world.orders.get(id).T : mergeOrder(world, id, lock).T;
}

// Whose touch of a visitor: the customer with the earliest edge at or after it, else the latest before.
function touchOwner(edges, at) {
  const after = edges.filter((e) => e.at >= at).sort((a, b) => a.at - b.at)[0];
  const before = edges.filter((e) => e.at < at).sort((a, b) => b.at - a.at)[0];
  return (after ?? before)?.customer;
}

function touchesOf(world, order) {
  const { find, edges } = identity(world, order);
  let customer = order.keys.size ? find([...order.keys][0]) : undefined;
  if (!customer) {
    const candidates = new Set([...order.visitors].flatMap((v) => (edges.get(v) ?? []).map((e) => e.customer)));
    if (candidates.size === 1) [customer] = candidates;
  }
  return world.touches.filter((t) => {
    if (t.received > order.lock) return false;
    if (t.click && order.clicks.has(t.click)) return true;
    if (!t.visitor) return false;
    const own = edges.get(t.visitor) ?? [];
    if (!own.length) return order.visitors.has(t.visitor);
    return customer !== undefined && touchOwner(own, t.at) === customer;
  });
}

// -- the decision ------------------------------------------------------------------------------

const STRENGTH = ['code', 'utm', 'view', 'link', 'affiliate', 'click_id'];
const byTime = (a, b) => a.at - b.at || bytesLess(a.id, b.id) || a.rank - b.rank;

function eligibleTouches(world, order) {
  const { settings } = world;
  const out = [];
  for (const t of touchesOf(world, order)) {
    const owner = ownerOf(world, t, order.lock);
    if (!owner && t.channel !== 'utm') continue;
    if (owner?.generic) continue;
    const window = duration(inherited(world, owner, 'window', order.lock) ?? settings[`window.${t.channel}`]);
    if (!(t.at <= order.T && order.T < t.at + window)) continue;
    const byClick = t.click !== undefined && order.clicks.has(t.click);
    out.push({ ...t, owner, creator: owner?.creator, evidence: byClick ? 'click_id' : t.channel });
  }
  out.sort(byTime);
  const seen = new Set();
  order.codes.forEach((c, i) => {
    if (seen.has(fold(c.code))) return;
    seen.add(fold(c.code));
    const owner = codeOwner(world, c.code, order.T, order.lock);
    if (!owner || owner.generic || !owner.creator) return;
    out.push({ channel: 'code', evidence: 'code', key: c.code, at: order.T, owner, creator: owner.creator,
      discount: c.amount, listed: i });
  });
  return out;
}

// Anchored: the newest absorbs what the same creator did less than `collapse` before it; repeat.
function collapse(world, touches) {
  const gap = duration(world.settings.collapse);
  const rest = [...touches];
  const groups = [];
  while (rest.length) {
    const anchor = rest.pop();
    const members = [anchor];
    for (let i = rest.length - 1; i >= 0; i--) {
      if (rest[i].creator === anchor.creator && whoOf(rest[i]) === whoOf(anchor) && anchor.at - rest[i].at < gap) {
        members.push(...rest.splice(i, 1));
      }
    }
    groups.unshift({ anchor, members, source: strongest(members) });
  }
  return groups;
}
const whoOf = (t) => t.creator ?? `other:${otherName(t)}`;
const otherName = (t) => `${fold(t.key.source ?? '')}/${fold(t.key.medium ?? '')}`;

// The newest touch of the strongest evidence; members come newest first.
function strongest(newestFirst) {
  return newestFirst.reduce((a, b) => (STRENGTH.indexOf(b.evidence) > STRENGTH.indexOf(a.evidence) ? b : a));
}

function policyWinner(world, order, eligible) {
  const codes = eligible.filter((t) => t.channel === 'code');
  const others = eligible.filter((t) => t.channel !== 'code' && t.creator);
  const clicks = others.filter((t) => t.channel !== 'view');
  const last = clicks.at(-1) ?? others.at(-1);
  if (codes.length) {
    const code = [...codes].sort((a, b) => (a.discount === b.discount ? a.listed - b.listed : a.discount > b.discount ? -1 : 1))[0];
    const rule = inherited(world, code.owner, 'code_rule', order.lock) ?? world.settings.code_rule;
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

function weights(model, path, order) {
  const n = path.length;
  const at = (i) => path.map((_, j) => (j === i ? 1n : 0n));
  switch (model) {
    case 'last_touch': return at(n - 1);
    case 'first_touch': return at(0);
    case 'linear': return path.map(() => 1n);
    case 'position':
      if (n === 1) return [1n];
      if (n === 2) return [1n, 1n];
      return path.map((_, i) => (i === 0 || i === n - 1 ? 40n * BigInt(n - 2) : 20n));
    case 'time_decay':
      return path.map((g) => {
        const w = BigInt(Math.round(2 ** (-(order.T - g.anchor.at) / (7 * DAY)) * 2 ** 32));
        return w > 0n ? w : 1n;
      });
    default: throw new Error(model);
  }
}

function statusOf(world, order) {
  if (order.test) return ['excluded', false];
  if (!order.signed && world.settings.browser_orders !== 'count') return ['provisional', false];
  if (order.status === 'pending') return ['pending', world.settings.count_at === 'created'];
  return ['paid', true];
}

export function decide(world, order) {
  const [status, counted] = statusOf(world, order);
  const unattributable = order.late || (order.renewal && world.settings.renewals === 'none');
  const eligible = unattributable ? [] : eligibleTouches(world, order);
  const scoped = eligible.filter((t) => t.creator || world.settings['model.scope'] === 'all');
  const path = collapse(world, scoped);
  const winner = unattributable ? { rule: order.late ? 'unattributed' : 'unattributed' } : policyWinner(world, order, eligible);
  const credits = { };
  for (const model of MODELS) credits[model] = [];
  const give = (model, rows, w) => {
    const amounts = largestRemainder(order.gross, w);
    const shares = largestRemainder(ONE, w);
    rows.forEach((r, i) => { if (shares[i] > 0n) credits[model].push({ ...r, amount: amounts[i], share: shares[i] }); });
  };
  const nobody = { creator: '', channel: winner.other !== undefined ? 'other' : 'unattributed', tracker: winner.other ?? '' };
  const rowOf = (g) => (g.anchor.creator
    ? { creator: g.anchor.creator, channel: g.source.channel, tracker: g.source.owner.key }
    : { creator: '', channel: 'other', tracker: otherName(g.anchor) });
  for (const model of MODELS.slice(1)) {
    if (path.length) give(model, path.map(rowOf), weights(model, path, order));
    else give(model, [{ creator: '', channel: 'unattributed', tracker: '' }], [1n]);
  }
  if (winner.creator) {
    const mine = eligible.filter((t) => t.creator === winner.creator).reverse();
    const source = strongest(mine);
    give('policy', [{ creator: winner.creator, channel: source.channel, tracker: source.owner.key }], [1n]);
  } else give('policy', [nobody], [1n]);
  return {
    site: world.site, kind: 'order', order_id: order.id, status, counted, gross: order.gross,
    total: order.total, currency: order.currency, placed_at: order.T, rule: winner.rule, credits,
    claims: [...new Set(eligible.filter((t) => t.creator).map((t) => t.creator))].sort(),
    channel_claims: [...new Set(eligible.filter((t) => t.creator).map((t) => t.channel))].sort(),
  };
}
