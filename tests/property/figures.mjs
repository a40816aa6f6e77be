// The key figures once more, from the rows of orders, traffic and what marketers filled in, in plain JavaScript: lists
// that are filtered and added anew for each question, no rollup, no day that somebody wrote down, and nothing
// shared with schema/functions but the meaning of the columns. What is slow and obvious is right here.

import { dayOf, instant, plusDays, wall } from './figures_shop.mjs';

const DAYS = 86400e3;
const FRACTION = { EUR: 2, INR: 2, KWD: 3, USD: 2, GBP: 2, CHF: 2, JPY: 0 };
const sum = (list) => list.reduce((a, b) => a + b, 0);
// What nobody told is no 0: NULL when there is nothing to add.
const sumOrNull = (list) => { const told = list.filter((x) => x !== null && x !== undefined); return told.length ? sum(told) : null; };
const roundHalfAway = (x) => Math.sign(x) * Math.round(Math.abs(x) + 1e-9);
const within = (day, from, to) => (from === null || day >= from) && (to === null || day <= to);

const TABLES = ['site', 'conversion', 'credit', 'path_row', 'customer_order', 'traffic', 'visitor_day', 'tracker', 'placement', 'creator', 'campaign', 'cost', 'exchange_rate', 'margin',
  'post_metrics', 'follower_count', 'engagement_count', 'rate_card', 'mention_daily', 'commission'];
export async function readRows(client) {
  const db = {};
  for (const table of TABLES) db[table] = (await client.query(`SELECT coalesce(json_agg(t), '[]') AS rows FROM attrib.${table} t`)).rows[0].rows;
  return db;
}

// Major units of `to` for one of `from` on a day; null = nobody says.
function rate(db, from, to, day) {
  if (from === to) return 1;
  const newest = (base, quote) => db.exchange_rate.filter((x) => x.base === base && x.quote === quote && x.valid_on <= day).sort((a, b) => (a.valid_on < b.valid_on ? 1 : -1))[0]?.rate;
  const direct = newest(from, to);
  if (direct !== undefined) return direct;
  const inverse = newest(to, from);
  return inverse === undefined ? null : 1 / inverse;
}
function inMinor(db, minor, from, to, day) {
  const x = rate(db, from, to, day);
  return x === null ? null : roundHalfAway(minor * x * 10 ** (FRACTION[to] - FRACTION[from]));
}

const CLASS = (verdicts) => (verdicts & 255 ? 'filtered' : verdicts & (256 | 512 | 4096) ? 'suspect' : 'valid');
const KIND = { 1: 'link', 2: 'affiliate', 3: 'utm', 4: 'code', 5: 'link' };

function ownerOf(db, site, channel, key, ms) {
  const local = wall(ms, site.time_zone);
  const at = (t) => t && t.replace('T', ' ');
  const parts = key.split('/');
  const rule = (t) => t.folded.split('/');
  const fits = (t) => (t.kind === 'utm' ? rule(t).every((p, i) => p === '*' || p === (parts[i] ?? '')) : t.folded === key);
  const stated = (t) => rule(t).map((p) => (p === '*' ? 0 : 1));
  const weight = (t) => `${sum(stated(t))}${stated(t).join('')}`;
  return db.tracker.filter((t) => t.site === site.name && t.kind === KIND[channel] && fits(t) && (!t.valid_from || at(t.valid_from) <= local) && (!t.valid_to || at(t.valid_to) > local))
    .sort((a, b) => (weight(a) < weight(b) ? 1 : -1))[0];
}

// -- visitors: the bits of the days, and how many visitors are expected to have so many ------------------------

function visitorsOf(rows) {
  const bits = new Set(rows.flatMap((v) => [...v.marks].flatMap((bit, i) => (bit === '1' ? [i] : [])))).size;
  if (!bits) return null;
  const expected = (n) => 1024 * (sum(Array.from({ length: 23 }, (_, i) => -Math.expm1(-n / 1024 / 2 ** (i + 1)))) - Math.expm1(-n / 1024 / 2 ** 23));
  let [low, high] = [0, 1e12];
  for (let i = 0; i < 200; i += 1) {
    const middle = (low + high) / 2;
    if (expected(middle) < bits) low = middle; else high = middle;
  }
  return Math.round(low);
}

// -- cost: spread over time, then over creators -------------------------------------------------------

function costsOf(db, site, from, to) {
  return db.cost.filter((c) => c.site === site.name).flatMap((c) => {
    const post = db.placement.find((p) => p.site === site.name && p.name === c.placement);
    const campaign = c.campaign ?? post?.campaign ?? '';
    const dates = db.campaign.find((d) => d.site === site.name && d.name === campaign && d.starts_on && d.ends_on);
    const [first, last] = [c.covers_from ?? c.covers_to ?? dates?.starts_on ?? c.incurred_on, c.covers_to ?? c.covers_from ?? dates?.ends_on ?? c.incurred_on];
    const x = rate(db, c.currency, site.currency, c.incurred_on);
    const whole = roundHalfAway(c.amount * (x ?? 1) * 10 ** FRACTION[x === null ? c.currency : site.currency]);
    const days = (a, b) => Math.round((Date.parse(b) - Date.parse(a)) / DAYS) + 1;
    // what is due by a day, so that periods side by side add up
    const due = (day) => (day < first ? 0 : roundHalfAway((whole * days(first, day < last ? day : last)) / days(first, last)));
    const amount = from === null ? whole : due(to) - due(plusDays(from, -1));
    return from !== null && amount === 0 ? [] : [{ campaign, creator: c.creator ?? post?.creator ?? '', placement: c.placement ?? '', kind: c.kind, amount, told: x !== null }];
  });
}

// What creators earn for orders, on the orders' days.
function commissionsOf(db, site, from, to) {
  return db.commission.filter((c) => c.site === site.name && c.earned !== 0).flatMap((c) => {
    const { counted_at } = db.conversion.find((x) => x.site === site.name && x.kind === c.kind && x.order_id === c.order_id);
    const day = dayOf(Date.parse(counted_at), site.time_zone);
    const amount = inMinor(db, c.earned, c.currency, site.currency, day);
    return within(day, from, to) ? [{ campaign: c.campaign, creator: c.creator, placement: c.placement, kind: 'commission', amount: amount ?? c.earned, told: amount !== null }] : [];
  });
}

// One pot over its members by largest remainder; the odd units to the first handles.
function split(amount, members, weightOf) {
  let weights = members.map(weightOf);
  if (sum(weights) === 0) weights = members.map(() => 1);
  const whole = weights.reduce((a, b) => a + BigInt(b), 0n);
  const parts = members.map((creator, i) => ({ creator, part: (BigInt(amount) * BigInt(weights[i])) / whole, rest: (BigInt(amount) * BigInt(weights[i])) % whole }));
  let left = BigInt(amount) - parts.reduce((a, p) => a + p.part, 0n);
  for (const p of [...parts].sort((a, b) => (a.rest === b.rest ? (a.creator < b.creator ? -1 : 1) : a.rest < b.rest ? 1 : -1))) if (left > 0n) { p.part += 1n; left -= 1n; }
  return parts.map((p) => ({ creator: p.creator, amount: Number(p.part) }));
}

function costItems(db, site, from, to, money) {
  // Who has a cost that nobody can convert is a creator of the campaign all the same.
  const every = [...costsOf(db, site, from, to), ...commissionsOf(db, site, from, to)];
  const costs = every.filter((c) => c.told);
  const media = (c) => c.kind === 'fee' || c.kind === 'paid_media';
  const items = [];
  // Who is credited with something has a cost, if only 0.
  for (const m of money) if (m.minor !== null && (m.share || m.amount || m.refunded)) items.push({ campaign: m.campaign, creator: m.creator, placement: '', direct: 0, shared: 0, media: 0, paid_media: 0 });
  for (const c of costs) {
    const scope = { campaign: c.campaign, creator: c.creator };
    if (c.creator) items.push({ ...scope, placement: c.placement, direct: c.amount, shared: 0, media: media(c) ? c.amount : 0, paid_media: 0 });
    if (c.creator && c.placement) items.push({ ...scope, placement: '', direct: 0, shared: 0, media: 0, paid_media: 0 });
    if (c.kind === 'paid_media') items.push({ ...scope, placement: c.placement, direct: 0, shared: 0, media: 0, paid_media: c.amount });
  }
  for (const campaign of new Set(costs.filter((c) => !c.creator).map((c) => c.campaign))) {
    const named = (list) => list.filter((x) => x.campaign === campaign && x.creator).map((x) => x.creator);
    const mine = (table) => named(db[table].filter((t) => t.site === site.name && !t.generic));
    const members = campaign === '' || site.cost_spread === 'none' ? []
      : [...new Set([...named(every), ...mine('tracker'), ...mine('placement'), ...named(money.filter((m) => m.share || m.amount || m.refunded))])].sort();
    const weightOf = (creator) => Math.max(0, site.cost_spread === 'direct_cost' ? sum(costs.filter((c) => c.campaign === campaign && c.creator === creator).map((c) => c.amount))
      : site.cost_spread === 'revenue' ? sum(money.filter((m) => m.campaign === campaign && m.creator === creator && m.minor !== null).map((m) => m.minor - m.minorRefunded)) : 1);
    const pot = (list, name) => {
      if (!list.length) return;
      const amount = sum(list.map((c) => c.amount));
      const parts = members.length ? split(amount, members, weightOf) : [{ creator: '', amount }];
      for (const p of parts) items.push({ campaign, creator: p.creator, placement: '', direct: 0, shared: 0, media: 0, paid_media: 0, [name]: p.amount });
    };
    const shared = costs.filter((c) => !c.creator && c.campaign === campaign);
    pot(shared, 'shared');
    pot(shared.filter(media), 'media');
  }
  return items;
}

// -- posts -----------------------------------------------------------------------------------------------

const COUNTS = ['impressions', 'reach', 'likes', 'comments', 'shares', 'saves', 'reactions', 'clicks', 'views', 'views_6s', 'views_completed', 'watch_seconds', 'new_followers'];

function countOf(rows, count, from) {
  const value = (scope) => {
    const told = rows.filter((m) => m.scope === scope && m[count] !== null).sort((a, b) => (a.taken_at < b.taken_at ? -1 : 1));
    const inside = (m) => from === null || m.taken_at >= `${from}T00:00:00`;
    const snapshots = told.filter((m) => m.mode === 'cumulative');
    if (snapshots.some(inside)) return snapshots.at(-1)[count] - (snapshots.filter((m) => !inside(m)).at(-1)?.[count] ?? 0);
    const deltas = told.filter((m) => m.mode === 'delta' && inside(m));
    return count === 'reach' && deltas.length !== 1 ? null : sumOrNull(deltas.map((m) => m[count]));
  };
  return value('total') ?? sumOrNull(['organic', 'paid'].map(value));
}

function followersOf(db, site, post, creator, day) {
  const platform = post.platform ?? creator?.platform;
  const counts = db.follower_count.filter((f) => f.site === site.name && f.owner === 'creator' && f.creator === post.creator && f.platform === platform).sort((a, b) => (a.counted_on < b.counted_on ? -1 : 1));
  const by = day === null ? counts : counts.filter((f) => f.counted_on <= day);
  const found = by.at(-1) ?? counts[0];
  if (found) return found.followers;
  return !post.platform || !creator?.platform || post.platform === creator.platform ? creator?.followers ?? null : null;
}

function postItems(db, site, from, to, today) {
  return db.placement.filter((p) => p.site === site.name).flatMap((post) => {
    const rows = db.post_metrics.filter((m) => m.site === site.name && m.placement === post.name && (to === null || m.taken_at < `${plusDays(to, 1)}T00:00:00`));
    const counts = Object.fromEntries(COUNTS.map((c) => [c, countOf(rows, c, from)]).filter(([, v]) => v !== null));
    if (!Object.keys(counts).length) return [];
    const day = post.posted_at?.slice(0, 10) ?? null;
    const creator = db.creator.find((c) => c.site === site.name && c.handle === post.creator);
    const list = [[site.name, post.platform ?? ''], ['', post.platform ?? ''], [site.name, ''], ['', '']]
      .map(([s, p]) => db.engagement_count.filter((e) => e.site === s && e.platform === p)).find((l) => l.length) ?? [];
    const worth = Object.entries(counts).map(([count, value]) => {
      const card = db.rate_card.filter((c) => c.site === site.name && c.platform === post.platform && c.action === (count === 'impressions' ? 'cpm' : count) && c.valid_from <= (day ?? today))
        .sort((a, b) => (a.valid_from < b.valid_from ? 1 : -1))[0];
      const x = card ? rate(db, card.currency, site.currency, day ?? today) : null;
      return x === null ? null : (value * x * card.value) / (count === 'impressions' ? 1000 : 1);
    });
    const engagements = sumOrNull(list.map((e) => counts[e.count]));
    const length = post.length_seconds !== null && counts.views !== undefined ? post.length_seconds * counts.views : null;
    return [{ campaign: post.campaign ?? '', creator: post.creator ?? '', placement: post.name, ...counts, engagements, length, worth: sumOrNull(worth),
      followers: engagements !== null || counts.reach !== undefined ? followersOf(db, site, post, creator, day) : null }];
  });
}

// -- a cut ---------------------------------------------------------------------------------------------

const percentile = (list, p) => (list.length ? [...list].sort((a, b) => a - b)[Math.ceil(p * list.length) - 1] : null);
const div = (a, b) => (a === null || b === null || !b ? null : a / b);
const minus = (a, b) => (a === null || b === null ? null : a - b);

// The rows of a cut of one site: {key ('' = none): columns}. `now` in ms; by: null or campaign, creator,
// placement, customer, order_kind, order_source.
export function figures(db, { site: name, from = null, to = null, model = null, basis = 'net', by = null, now }) {
  const site = db.site.find((s) => s.name === name);
  const m = (model ?? site.primary_model) - 1;
  const digits = FRACTION[site.currency];
  const major = (minor) => (minor === null ? null : roundHalfAway(minor) / 10 ** digits);
  const cutOf = (x) => (by ? x[by] ?? '' : '');
  const ORDER_CUTS = ['customer', 'order_kind', 'order_source'];

  const orders = db.conversion.filter((c) => c.site === name && c.counted && c.merged_into === '')
    .map((c) => ({ ...c, on: dayOf(Date.parse(c.counted_at), site.time_zone), id: `${c.kind} ${c.order_id}` }));
  const inPeriod = new Map(orders.filter((c) => within(c.on, from, to)).map((c) => [c.id, c]));
  const ledger = new Map(db.customer_order.filter((o) => o.site === name).map((o) => [o.order_id, o]));
  const post = (placement) => db.placement.find((p) => p.site === name && p.name === placement);
  const credits = db.credit.filter((k) => k.site === name && inPeriod.has(`${k.kind} ${k.order_id}`)).map((k) => {
    const c = inPeriod.get(`${k.kind} ${k.order_id}`);
    const margin = db.margin.filter((x) => x.site === name && (x.campaign === k.campaign || x.campaign === '') && x.valid_from <= c.on)
      .sort((a, b) => (a.campaign === b.campaign ? (a.valid_from < b.valid_from ? 1 : -1) : a.campaign < b.campaign ? 1 : -1))[0];
    const newness = c.kind === 1 ? ledger.get(k.order_id)?.kind ?? 0 : 0;
    return { ...k, c, share: k.share[m] / 1e12, amount: k.amount[m], refunded: k.refunded[m], minor: inMinor(db, k.amount[m], c.currency, site.currency, c.on),
      minorRefunded: inMinor(db, k.refunded[m], c.currency, site.currency, c.on), newness,
      customer: c.kind === 1 ? ['unknown', 'new', 'returning'][newness] : '', order_kind: c.order_kind, order_source: c.order_source, margin: margin?.rate ?? null, paid: post(k.placement)?.paid === true };
  });
  const traffic = db.traffic.filter((t) => t.site === name && within(dayOf(Date.parse(t.bucket_at), site.time_zone), from, to)).map((t) => {
    const owner = ownerOf(db, site, t.channel, t.key, Date.parse(t.bucket_at));
    return { ...t, campaign: owner?.campaign ?? '', creator: owner?.creator ?? '', placement: owner?.placement ?? '', class: CLASS(t.verdicts) };
  });
  const sketches = db.visitor_day.filter((v) => v.site === name && within(v.day, from, to)).map((v) => {
    const at = (day) => instant(`${day} 00:00:00`, site.time_zone);
    const owner = ownerOf(db, site, v.channel, v.key, at(v.day)) ?? ownerOf(db, site, v.channel, v.key, at(plusDays(v.day, 1)) - 1);
    return { ...v, campaign: owner?.campaign ?? '', creator: owner?.creator ?? '', placement: owner?.placement ?? '' };
  });
  const costs = costItems(db, site, from, to, credits.filter((k) => k.kind === 1));
  const posts = postItems(db, site, from, to, new Date(now).toISOString().slice(0, 10));
  const touches = db.path_row.filter((p) => p.site === name && p.kind === 1 && p.eligible && p.creator !== '' && inPeriod.has(`1 ${p.order_id}`));
  const said = db.mention_daily.filter((x) => x.site === name && within(x.counted_on, from, to)).map((x) => ({ ...x, creator: '', placement: '' }));

  // What a customer whose first order this is has bought since.
  const since = (orderId) => {
    const first = ledger.get(orderId);
    if (first?.kind !== 1) return null;
    const start = Date.parse(first.placed_at);
    const bought = db.customer_order.filter((o) => o.customer === first.customer && o.valid).map((o) => {
      const c = orders.find((x) => x.kind === 1 && x.order_id === o.order_id) ?? db.conversion.find((x) => x.site === name && x.kind === 1 && x.order_id === o.order_id);
      return { at: Date.parse(o.placed_at), net: inMinor(db, c.gross - c.refunded, c.currency, site.currency, dayOf(Date.parse(c.counted_at), site.time_zone)) };
    });
    return { start, orders: bought.length, net: sumOrNull(bought.map((b) => b.net)), net365: sumOrNull(bought.filter((b) => b.at < start + 365 * DAYS).map((b) => b.net)) };
  };

  const n = basis === 'gross' ? 0 : 1;
  const cells = {};
  const keys = new Set([...credits, ...traffic, ...costs, ...posts, ...touches, ...said].map(cutOf));
  for (const key of keys) {
    const mine = (list) => list.filter((x) => cutOf(x) === key);
    const bought = mine(credits).filter((k) => k.kind === 1);
    const some = (list, what) => sumOrNull(list.map(what));
    const gross = some(bought, (k) => k.minor);
    const refunded = some(bought, (k) => k.minorRefunded);
    const basisOf = (list, factor = () => 1) => some(list, (k) => (k.minor === null || factor(k) === null ? null : (k.minor - n * k.minorRefunded) * factor(k)));
    const revenue = basisOf(bought) ?? 0;
    // of money, some of which has no margin, nobody knows what was earned
    const paying = bought.filter((k) => k.minor);
    const earned = paying.length && paying.every((k) => k.margin !== null) ? basisOf(paying, (k) => k.margin) : null;
    const hasMoney = mine(credits).length > 0;
    const shares = (list) => (hasMoney ? sum(list.map((k) => k.share)) : null);
    const count = (type, classes) => (mine(traffic).length ? sum(mine(traffic).filter((t) => t.type === type && classes.includes(t.class)).map((t) => t.count)) : null);
    const visitors = visitorsOf(mine(sketches));
    const cost = (what) => some(mine(costs), (c) => c[what]);
    const told = (what) => some(mine(posts), (p) => p[what]);
    const claimed = [...new Set(mine(touches).map((p) => p.order_id))].map((id) => {
      const all = touches.filter((p) => p.order_id === id);
      const own = all.filter((p) => cutOf(p) === key);
      return { clicked: own.some((p) => [1, 2, 3].includes(p.channel) && !p.viewed && !(p.flags & (256 | 512 | 4096))), coded: own.some((p) => p.channel === 4), contested: new Set(all.map((p) => p.creator)).size > 1 };
    });
    const claims = claimed.length || null;
    const claimsOf = (test) => (claims ? claimed.filter(test).length : null);

    // customers, paths and posts know nothing of the kinds of orders
    const known = !ORDER_CUTS.includes(by) ? bought : key === '' ? credits.filter((k) => k.kind === 1) : [];
    const won = known.filter((k) => k.share > 0 && k.creator !== '').map((k) => {
      const posted = post(k.placement)?.posted_at;
      const placed = Date.parse(k.c.placed_at);
      return { ...k, net: minus(k.minor, k.minorRefunded), toOrder: (placed - Date.parse(k.touched_at)) / 1000, afterPost: posted ? placed - instant(posted.replace('T', ' '), site.time_zone) : null, since: since(k.order_id) };
    });
    const after = (days) => won.filter((k) => k.afterPost !== null && k.afterPost >= 0 && k.afterPost < days * DAYS);
    const postedNet = some(after(Infinity), (k) => k.net);
    const shareOf = (days) => div(postedNet === null ? null : some(after(days), (k) => k.net) ?? 0, postedNet);
    const customers = won.filter((k) => k.since);
    const grown = customers.filter((k) => k.since.start <= now - 365 * DAYS);
    const per = (list, net) => div(major(some(list, (k) => (net(k) === null ? null : k.share * net(k)))), sum(list.map((k) => k.share)));
    const [direct, shared] = [cost('direct'), cost('shared')];
    const full = direct === null ? null : direct + shared;
    const orderCount = shares(bought);
    const newCustomers = shares(bought.filter((k) => k.newness === 1));
    const unknown = shares(bought.filter((k) => k.newness === 0));
    const clicks = count(1, ['valid']);
    const leads = hasMoney ? sum(mine(credits).filter((k) => k.kind === 2).map((k) => k.share)) : null;
    const [clv, sofar] = [per(grown, (k) => k.since.net365), per(customers, (k) => k.since.net)];
    const brand = mine(said).filter((x) => x.subject === '');
    const mentions = some(brand, (x) => x.mentions);
    const newRevenue = basisOf(bought.filter((k) => k.newness === 1)) ?? 0;
    const engagements = told('engagements');
    const [impressions, reach, views, followers] = ['impressions', 'reach', 'views', 'followers'].map(told);
    const scaled = (x) => (x === null ? null : x / 10 ** digits);
    cells[key] = {
      currency: site.currency, cost: scaled(full), cost_direct: scaled(direct), cost_shared: scaled(shared), cost_media: scaled(cost('media')), cost_paid_media: scaled(cost('paid_media')),
      gross: scaled(gross), refunded: scaled(refunded), net_revenue: scaled(minus(gross, refunded)), revenue: scaled(revenue), orders: orderCount, aov: div(scaled(revenue), orderCount),
      roi: div(minus(revenue, full), full), roi_direct: div(minus(revenue, direct), direct), revenue_cost_ratio: div(revenue, full), roas_total: div(revenue, cost('media')),
      roas_ads: div(basisOf(bought.filter((k) => k.paid)) ?? 0, cost('paid_media')), roi_margin: div(minus(earned, full), full), cpa: div(scaled(full), orderCount),
      new_customers: newCustomers, unknown_customers: unknown, new_customer_coverage: minus(1, div(unknown, orderCount)), cac: div(scaled(full), newCustomers), nc_roas: div(newRevenue, full),
      clv, clv_to_date: sofar, clv_age_days: div(some(customers, (k) => (k.share * (now - k.since.start)) / DAYS), sum(customers.map((k) => k.share))),
      cac_to_clv: div(div(scaled(full), newCustomers), clv ?? sofar), repeat_rate: div(sum(customers.filter((k) => k.since.orders > 1).map((k) => k.share)), sum(customers.map((k) => k.share))),
      refund_rate: div(refunded, gross), clicks_raw: count(1, ['valid', 'suspect', 'filtered']), clicks, clicks_suspect: count(1, ['suspect']), clicks_filtered: count(1, ['filtered']),
      visits: count(2, ['valid', 'suspect']), visitors, cvr_visitors: div(claimsOf((c) => c.clicked) ?? 0, visitors), carts: count(5, ['valid', 'suspect']), checkouts: count(6, ['valid', 'suspect']), leads, cpc: div(scaled(full), clicks), cpl: div(scaled(full), leads),
      lead_rate: div(leads ?? 0, clicks), click_orders: claimsOf((c) => c.clicked), cvr_clicks: div(claimsOf((c) => c.clicked) ?? 0, clicks), claims,
      code_only_orders: claimsOf((c) => c.coded && !c.clicked), code_only_share: div(claimsOf((c) => c.coded && !c.clicked), claims), click_only_share: div(claimsOf((c) => c.clicked && !c.coded), claims),
      conflict_rate: div(claimsOf((c) => c.contested), claims), time_to_conversion_p50: percentile(won.map((k) => k.toOrder), 0.5), time_to_conversion_p90: percentile(won.map((k) => k.toOrder), 0.9),
      share_7d: shareOf(7), share_14d: shareOf(14), share_30d: shareOf(30), posts: mine(posts).length || null, followers, impressions, reach_summed: reach,
      reach_rate: div(reach, followers), frequency: div(impressions, reach), views, likes: told('likes'), comments: told('comments'), shares: told('shares'), saves: told('saves'), reactions: told('reactions'), engagements,
      er_followers: div(engagements, followers), er_reach: div(engagements, reach), er_impressions: div(engagements, impressions), er_views: div(engagements, views), cpe: div(scaled(full), engagements),
      cpm: div(full === null ? null : scaled(full) * 1000, impressions), new_followers: told('new_followers'), follower_conversion: div(told('new_followers'), reach), ctr_impressions: div(clicks, impressions),
      ctr_views: div(clicks, views), vtr_6s: div(told('views_6s'), impressions), vtr_full: div(told('views_completed'), impressions), vcr: div(told('views_completed'), views),
      avg_percent_viewed: div(told('watch_seconds'), told('length')), avg_watch_seconds: div(told('watch_seconds'), views), emv: told('worth'), emv_multiple: div(told('worth'), scaled(full)),
      mentions, net_sentiment: div(minus(some(brand, (x) => x.positive), some(brand, (x) => x.negative)), mentions),
      share_of_voice: div(mentions, mine(said).some((x) => x.subject !== '') ? sum(mine(said).map((x) => x.mentions)) : null),
    };
  }
  const rows = Object.values(cells);
  const revenueOfAll = sumOrNull(rows.map((c) => (basis === 'gross' ? c.gross : c.net_revenue)));
  const mer = div(revenueOfAll, sumOrNull(rows.map((c) => c.cost)));
  for (const row of rows) row.mer = mer;
  return cells;
}

// What each creator, and each channel, would have reported alone: {currency: counts}.
export function claimsOf(db, { site: name, from = null, to = null }, byChannel) {
  const site = db.site.find((s) => s.name === name);
  const out = {};
  for (const c of db.conversion.filter((x) => x.site === name && x.kind === 1 && x.counted && x.merged_into === '' && within(dayOf(Date.parse(x.counted_at), site.time_zone), from, to))) {
    const own = db.path_row.filter((p) => p.site === name && p.kind === 1 && p.order_id === c.order_id && p.eligible && p.creator !== '');
    const claims = new Set(own.map((p) => (byChannel ? p.channel : p.creator))).size;
    const credited = db.credit.some((k) => k.site === name && k.kind === 1 && k.order_id === c.order_id && k.creator !== '' && k.share[0] > 0);
    const sums = out[c.currency] ??= { orders: 0, claims: 0, claimed: 0, credited: 0, credited_gross: 0 };
    sums.orders += 1;
    sums.claims += claims;
    sums.claimed += claims * c.gross;
    sums.credited += credited ? 1 : 0;
    sums.credited_gross += credited ? c.gross : 0;
  }
  for (const [currency, s] of Object.entries(out)) {
    const major = (x) => x / 10 ** FRACTION[currency];
    out[currency] = { orders: s.orders, claims: s.claims, claimed_revenue: major(s.claimed), credited_revenue: major(s.credited_gross), avoided_claims: s.claims - s.credited, avoided_revenue: major(s.claimed - s.credited_gross) };
  }
  return out;
}
