// Random histories of one small shop: a catalog and up to forty events around a few orders.

import { major } from './money.mjs';
import { rng } from './random.mjs';

const DAY = 86400e6;
const START = Date.parse('2026-03-01T00:00:00Z') * 1000;

export const iso = (us) =>
  `${new Date(Math.floor(us / 1000)).toISOString().slice(0, 19)}.${String(us % 1e6).padStart(6, '0')}Z`;

const CREATORS = ['ada', 'bea', 'cyd', 'dov', 'eve', 'fay'];
const UTMS = [
  { source: 'instagram', medium: 'story', campaign: 'spring' },
  { source: 'instagram', medium: 'reel' },
  { source: 'tiktok', medium: 'video', campaign: 'spring', content: 'clip 1' },
  { source: 'newsletter', medium: 'email' },
];

export function randomCatalog(r, site = 'shop') {
  const creators = CREATORS.slice(0, 1 + r.int(CREATORS.length));
  const trackers = [];
  const add = (kind, key, more = {}) =>
    trackers.push({ site, kind, key, creator: r.pick(creators), campaign: r.chance(0.5) ? 'spring' : '', ...more });
  for (const c of creators) {
    if (r.chance(0.8)) add('link', `l-${c}`, { creator: c, destination: 'https://shop.example/' });
    if (r.chance(0.7)) add('affiliate', c, { creator: c });
    if (r.chance(0.8)) add('code', `${c.toUpperCase()}10`, { creator: c, ...(r.chance(0.3) ? { code_rule: r.pick(['fallback', 'if_involved', 'if_winner', 'never', 'always']) } : {}) });
  }
  if (r.chance(0.6)) add('utm', 'instagram/story');
  if (r.chance(0.4)) add('utm', 'instagram/*/*');
  if (r.chance(0.4)) add('utm', '*/video/spring');
  if (r.chance(0.3)) add('code', 'WELCOME', { generic: true });
  if (r.chance(0.4)) {
    // A code that changes hands in mid-April.
    add('code', 'SHARED', { creator: creators[0], valid_to: iso(START + 45 * DAY) });
    if (r.chance(0.5)) add('code', 'SHARED', { creator: creators.at(-1), valid_from: iso(START + (45 + r.int(3) * 5) * DAY) });
  }
  if (r.chance(0.3)) {
    for (const t of trackers) if (t.kind === 'link' && r.chance(0.3)) t.window = `${1 + r.int(20)}d`;
  }
  const settings = {
    collapse: r.pick(['30m', '30m', '0', '2h', '1d']),
    code_rule: r.pick(['always', 'always', 'fallback', 'if_involved', 'if_winner', 'never']),
    'window.link': r.pick(['30d', '7d', '1d']), 'window.affiliate': r.pick(['30d', '14d']),
    'window.utm': r.pick(['30d', '7d', '0']), code_grace: r.pick(['30d', '0', '3d']),
    'model.scope': r.pick(['creators', 'creators', 'all']), lock_after: r.pick(['30d', '30d', '5d']),
  };
  return {
    version: 1, trackers, sites: [{ name: site, settings }],
    campaigns: [{ site, name: 'spring', window: r.chance(0.2) ? '10d' : '', code_rule: r.chance(0.2) ? 'never' : '' }],
  };
}

// Events in the order in which they happened; each carries when it was received.
export function randomEvents(r, catalog, site = 'shop', size = 40) {
  const events = [];
  const visitors = Array.from({ length: 1 + r.int(5) }, (_, i) => `v-${i}`);
  const customers = Array.from({ length: 1 + r.int(3) }, (_, i) => i);
  const keysOf = (kind) => catalog.trackers.filter((t) => t.kind === kind).map((t) => t.key);
  const typed = (key) => (r.chance(0.2) ? ` ${key.toLowerCase()} ` : key);
  const span = r.pick([2, 10, 60, 90]) * DAY;
  // Whole minutes make equal times likely; order and identify times are kept apart by their number.
  const when = () => START + 10 * DAY + Math.floor((r.next() * span) / 60e6) * 60e6;
  const delay = () => r.pick([0, 0, 1e6, 3600e6, 2 * DAY, 20 * DAY, 40 * DAY]);
  let n = 0;
  const push = (at, trust, event) => {
    n += 1;
    const received = at + delay();
    events.push({ received_at: iso(received), trust, site,
      event: { event_id: `${r.pick('abcxyz'.split(''))}${n}`, occurred_at: iso(at), ...event } });
    return events.at(-1);
  };
  const clicks = [];
  const landing = () => {
    const q = new URLSearchParams();
    if (r.chance(0.6)) for (const [k, v] of Object.entries(r.pick(UTMS))) q.set(`utm_${k}`, r.chance(0.2) ? v.toUpperCase() : v);
    if (r.chance(0.5) && keysOf('affiliate').length) q.set('ref', r.pick(keysOf('affiliate')));
    return `https://shop.example/?x=1&&flag&${q}`;
  };
  const touch = (at) => {
    const visitor_id = r.chance(0.95) ? r.pick(visitors) : undefined;
    if (r.chance(0.4)) {
      const click_id = `click-${n}`;
      if (r.chance(0.5)) clicks.push(click_id);
      push(at, 'signed', { type: 'click', visitor_id, link: typed(r.pick([...keysOf('link'), 'l-unknown'])),
        ...(clicks.at(-1) === click_id ? { click_id } : {}) });
    } else push(at, 'signed', { type: 'visit', visitor_id, url: landing() });
  };
  const order = (i) => {
    const at = when() + i + 1;
    const total = BigInt(1 + r.int(30000));
    const tax = r.chance(0.3) ? total / 6n : 0n;
    const visitor_id = r.chance(0.8) ? r.pick(visitors) : undefined;
    const codes = [];
    for (let k = r.int(3); k > 0; k--) codes.push(r.pick([...keysOf('code'), 'NOBODYS']));
    const currency = r.pick(['EUR', 'EUR', 'JPY', 'KWD']);
    const id = `o-${i}`;
    const base = { type: 'purchase', visitor_id,
      ...(r.chance(0.6) ? { customer_id: `c${r.pick(customers)}` } : {}),
      ...(r.chance(0.3) ? { email: `P${r.pick(customers)}@Example.com` } : {}),
      ...(clicks.length && r.chance(0.2) ? { click_id: r.pick(clicks) } : {}),
      order: { id, currency, total: major(total, currency), ...(tax ? { tax: major(tax, currency) } : {}),
        codes: codes.map((c) => (r.chance(0.4) ? { code: typed(c), amount: major(BigInt(r.int(5)), currency) } : typed(c))),
        ...(r.chance(0.1) ? { status: 'pending' } : {}), ...(r.chance(0.05) ? { test: true } : {}),
        ...(r.chance(0.05) ? { kind: 'renewal' } : {}) } };
    const first = push(at, r.chance(0.9) ? 'signed' : 'stranger', base);
    if (r.chance(0.3)) { // the same order from the page: another word, not a second order
      push(at + 1e6, 'stranger', { ...base, customer_id: undefined, email: undefined,
        order: { id, currency, total: base.order.total } });
    }
    if (r.chance(0.2)) { // an edit
      push(at + DAY + i, 'signed', { ...base, order: { ...base.order, total: major(total + 7n, currency), updated_at: iso(at + DAY) } });
    }
    return first;
  };
  const orders = 1 + r.int(4);
  for (let i = 0; i < orders; i++) order(i);
  const hot = () => Date.parse(r.pick(events.filter((e) => e.event.order)).event.occurred_at) * 1000 - r.int(40) * r.pick([60e6, 3600e6, DAY]);
  while (events.length < size && !r.chance(0.05)) touch(r.chance(0.7) ? Math.max(START, hot()) : when());
  if (r.chance(0.4)) {
    push(when() + 500, 'signed', { type: 'identify', visitor_id: r.pick(visitors), customer_id: `c${r.pick(customers)}`,
      ...(r.chance(0.5) ? { email: `p${r.pick(customers)}@example.com` } : {}) });
  }
  return events.map((e) => JSON.parse(JSON.stringify(e)));
}

// One arrival of a history: shuffled, some events twice (a copy is received no earlier), in groups.
export function arrival(r, events) {
  const again = (e) => ({ ...e, received_at: iso(Date.parse(e.received_at) * 1000 + r.pick([999, 1e6, 7 * DAY, 50 * DAY])) });
  const copies = events.flatMap((e) => (r.chance(0.3) ? [e, again(e)] : [e]));
  const groups = [];
  for (const e of r.shuffle(copies)) {
    if (!groups.length || r.chance(0.2)) groups.push([]);
    groups.at(-1).push(e);
  }
  return groups;
}

export function randomHistory(seed) {
  const r = rng(seed);
  const catalog = randomCatalog(r);
  return { seed, catalog, events: randomEvents(r, catalog), r };
}
