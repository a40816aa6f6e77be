// What the views show of a site's books, as sorted lines of text: once from the model, once from the
// database, so that two of them compare by line whatever their order was.

import { createHash } from 'node:crypto';
import { books } from './books.mjs';
import { MODELS } from './model.mjs';
import { major } from './money.mjs';
import { PLAY_SECRET } from './visitors.mjs';

export const sorted = (list) => list.sort((a, b) => (a < b ? -1 : 1));
export const NOTHING = { orders: [], credits: [], overlap: [], quarantined: [], traffic: [], visitors: [] };
const digest = (text) => createHash('md5').update(text).digest('hex');

// secret: the installation's, by which visitors are found in sketches; null: they are left out.
export function shownByModel(catalog, events, history, secret = PLAY_SECRET) {
  const b = books(catalog, events, history);
  const money = (o, n) => Number(major(n, o.currency));
  const all = [...b.orders, ...b.leads];
  const overlap = (name) => Object.entries(b[name]).map(([currency, w]) => [name, currency, w.orders, w.claims, w.avoided_claims,
    ...[w.claimed_revenue, w.credited_revenue, w.avoided_revenue].map((n) => Number(major(n, currency)))].join(' '));
  return {
    orders: sorted(all.map((o) => [o.kind, o.order_id, o.state, o.currency, money(o, o.gross), money(o, o.refunded), o.counted,
      o.kind === 'lead' ? '-' : o.customer_kind].join(' '))),
    credits: sorted(all.filter((o) => o.counted).flatMap((o) => MODELS.flatMap((model) => o.credits[model].map((c) =>
      [o.kind, o.order_id, model, c.creator || '-', c.channel, money(o, c.amount), money(o, c.refunded)].join(' '))))),
    overlap: sorted([...overlap('double_count'), ...overlap('double_count_by_channel')]),
    quarantined: sorted(Object.entries(b.quarantined).filter(([, n]) => n > 0).map((words) => words.join(' '))),
    traffic: sorted(Object.entries(b.traffic).map(([name, t]) => [name, t.clicks, t.visits, t.carts, t.checkouts, t.leads, t.views, t.codes_applied, t.filtered].join(' '))),
    ...(secret && { visitors: sorted([...b.visitorsBy(secret)].map(([name, bits]) => `${name} ${digest(bits)}`)) }),
  };
}

// By site. rows: asks the database; numbers must come as numbers, dates as texts (JSON does).
export async function shownByDatabase(rows) {
  const sites = new Map();
  const put = (site, what, ...words) => {
    if (!sites.has(site)) sites.set(site, structuredClone(NOTHING));
    sites.get(site)[what].push(words.join(' '));
  };
  for (const o of await rows('SELECT * FROM attrib.conversion_status')) {
    put(o.site, 'orders', o.kind, o.order_id, o.status, o.currency, o.gross, o.refunded, o.counted, o.kind === 'lead' ? '-' : o.customer_kind);
  }
  for (const c of await rows('SELECT site, kind, order_id, model, creator, channel, gross, refunded FROM attrib.order_credit')) {
    put(c.site, 'credits', c.kind, c.order_id, c.model, c.creator ?? '-', c.channel, c.gross, c.refunded);
  }
  for (const view of ['double_count', 'double_count_by_channel']) {
    for (const d of await rows(`SELECT * FROM attrib.${view}`)) {
      put(d.site, 'overlap', view, d.currency, d.orders, d.claims, d.avoided_claims, d.claimed_revenue, d.credited_revenue, d.avoided_revenue);
    }
  }
  for (const q of await rows('SELECT site, reason, count(*) AS n FROM attrib.quarantine GROUP BY site, reason')) put(q.site, 'quarantined', q.reason, q.n);
  for (const t of await rows('SELECT * FROM attrib.traffic_daily')) {
    put(t.site, 'traffic', t.day, t.channel, t.tracker ?? '', t.clicks, t.visits, t.carts, t.checkouts, t.leads, t.views, t.codes_applied, t.filtered);
  }
  for (const span of ['day', 'month']) {
    for (const v of await rows(`SELECT site, ${span}, attrib.channel_name(channel) AS channel, key, md5(marks::text) FROM attrib.visitor_${span}`)) {
      put(v.site, 'visitors', span, v[span], v.channel, v.key, v.md5);
    }
  }
  for (const site of sites.values()) for (const list of Object.values(site)) sorted(list);
  return sites;
}

// The lines of one list that the other lacks; each stands for one line of the other.
export function only(a, b) {
  const left = new Map();
  for (const line of b) left.set(line, (left.get(line) ?? 0) + 1);
  return a.filter((line) => {
    const n = left.get(line) ?? 0;
    left.set(line, n - 1);
    return n <= 0;
  });
}

// Empty when both show the same.
export function differences(got, want) {
  return Object.keys(want).flatMap((what) => [['database', only(got[what], want[what])], ['model', only(want[what], got[what])]]
    .filter(([, lines]) => lines.length).map(([side, lines]) => `${side}, ${what}:\n${lines.join('\n')}`)).join('\n');
}
