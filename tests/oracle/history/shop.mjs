// A random small shop: creators, their keys and how these changed, settings and how these changed.

import { DAY, iso } from '../time.mjs';

export const SITE = 'shop';
export const START = Date.parse('2026-03-01T00:00:00Z') * 1000;
const CREATORS = ['ada', 'bea', 'cyd', 'dov', 'eve', 'fay'];
const RULES = ['always', 'always', 'fallback', 'if_involved', 'if_winner', 'never'];

// A moment at which somebody changes the catalog or a setting.
const changed = (r) => iso(START + (5 + r.int(100)) * DAY + r.int(2) * 43_200e6);

function randomTrackers(r, features, creators) {
  const trackers = [];
  const add = (kind, key, more = {}) =>
    trackers.push({ site: SITE, kind, key, creator: r.pick(creators), campaign: r.chance(0.5) ? 'spring' : '', ...more });
  for (const c of creators) {
    if (r.chance(0.8)) add('link', `l-${c}`, { creator: c, destination: 'https://shop.example/' });
    if (r.chance(0.7)) add('affiliate', c, { creator: c });
    if (r.chance(0.8)) add('code', `${c.toUpperCase()}10`, { creator: c, ...(r.chance(0.3) ? { code_rule: r.pick(RULES) } : {}) });
  }
  if (r.chance(0.6)) add('utm', 'instagram/story');
  if (r.chance(0.4)) add('utm', 'instagram/*/*');
  if (r.chance(0.4)) add('utm', '*/video/spring');
  if (r.chance(0.2)) add('utm', 'tiktok/*/spring');
  if (r.chance(0.3)) add('code', 'WELCOME', { generic: true });
  if (features.has('code_moves')) {
    // A code that changes hands in mid-April, or only ends.
    add('code', 'SHARED', { creator: creators[0], valid_to: iso(START + 45 * DAY) });
    if (r.chance(0.5)) add('code', 'SHARED', { creator: creators.at(-1), valid_from: iso(START + (45 + r.int(3) * 5) * DAY) });
    const link = trackers.find((t) => t.kind === 'link');
    if (link && r.chance(0.4)) {
      link.valid_to = iso(START + 40 * DAY);
      if (r.chance(0.6)) trackers.push({ ...link, creator: r.pick(creators), valid_from: link.valid_to, valid_to: undefined });
    }
  }
  for (const t of trackers) if (t.kind !== 'code' && r.chance(0.1)) t.window = `${1 + r.int(40)}d`;
  return trackers;
}

// Rows that were registered late, or replaced by other ones, with what was there before.
function withHistory(r, rows, change) {
  return rows.flatMap((row) => {
    if (r.chance(0.6)) return [row];
    const at = changed(r);
    if (r.chance(0.4)) return [{ ...row, recorded_at: at }];
    return [{ ...row, superseded_at: at }, ...(r.chance(0.8) ? [{ ...change(row), recorded_at: at }] : [])];
  });
}

function randomSettings(r, features) {
  return {
    collapse: r.pick(['30m', '30m', '0', '2h', '1d']), code_rule: r.pick(RULES),
    'window.link': r.pick(['30d', '7d', '1d']), 'window.affiliate': r.pick(['30d', '14d']), 'window.utm': r.pick(['30d', '7d', '0']),
    code_grace: r.pick(['30d', '0', '3d']), 'model.scope': r.pick(['creators', 'creators', 'all']), lock_after: r.pick(['30d', '30d', '5d']),
    ...(features.has('views') ? { 'window.view': r.pick(['1d', '7d', '30d']) } : {}),
    ...(features.has('repeat') ? { repeat_orders: 'first' } : {}),
    ...(features.has('renewals') ? { renewals: r.pick(['none', 'all', 'months:1', 'months:2']) } : {}),
    ...(features.has('leads') ? { lead_window: r.pick(['90d', '10d', '0']) } : {}),
    ...(features.has('strangers') ? { browser_orders: r.pick(['confirm', 'count', 'ignore']) } : {}),
    ...(features.has('sources') ? { order_source: r.pick(['', 'shopify', 'stripe', 'native']) } : {}),
    ...(features.has('order_groups') ? { revenue_basis: r.pick(['net_of_tax_and_shipping', 'total', 'subtotal']), count_at: r.pick(['paid', 'created']) } : {}),
    ...(features.has('times') ? { max_late: r.pick(['90d', '3d', '0']), 'model.half_life': r.pick(['7d', '1d', '30d']), time_zone: 'Europe/Berlin' } : {}),
    ...(features.has('excludes') ? { exclude: r.pick(['test', '', 'zero_total', 'test,zero_total', 'source:pos', 'kind:draft,test', 'kind:one_off', 'tag:gift,tag:staff', 'test,tag:gift,source:pos,kind:draft']) } : {}),
    ...(features.has('verdicts') ? { too_fast: r.pick(['0', '10m', '1h']) } : {}),
  };
}

// What intake reads an event with stays the same: the daemon takes it from the file of the day.
const OF_INTAKE = ['max_late', 'time_zone', 'browser_orders'];

function versionsOf(r, features) {
  const same = Object.entries(randomSettings(r, features)).filter(([name]) => OF_INTAKE.includes(name));
  const settings = () => ({ ...randomSettings(r, features), ...Object.fromEntries(same) });
  const times = [...new Set(Array.from({ length: 1 + r.int(3) }, () => changed(r)))].sort();
  return [{ ...(r.chance(0.5) ? {} : { recorded_at: iso(START) }), settings: settings() },
    ...times.map((recorded_at) => ({ recorded_at, settings: settings() }))];
}

export function randomShop(r, features) {
  const creators = CREATORS.slice(0, 1 + r.int(CREATORS.length));
  let trackers = randomTrackers(r, features, creators);
  let campaigns = [{ site: SITE, name: 'spring', ...(r.chance(0.2) ? { window: '10d' } : {}), ...(r.chance(0.2) ? { code_rule: 'never' } : {}) }];
  let own = [];
  if (features.has('self_referral')) {
    own = creators.filter(() => r.chance(0.5)).map((creator) => ({ site: SITE, creator,
      ...r.pick([{ customer_id: 'c0' }, { email: 'p0@example.com' }, { customer_id: 'c1', email: 'P1@example.com' }, { phone: '+49 170 000000' }]) }));
  }
  if (features.has('catalog_history')) {
    trackers = withHistory(r, trackers, (t) => ({ ...t, creator: r.pick(creators), window: r.chance(0.3) ? '3d' : t.window }));
    campaigns = withHistory(r, campaigns, (c) => ({ ...c, window: r.pick([undefined, '2d', '20d']), code_rule: r.pick([undefined, 'always', 'fallback']) }));
    own = withHistory(r, own, (row) => ({ ...row, customer_id: 'c2' }));
  }
  const site = { name: SITE, ...(features.has('policy_versions') ? { versions: versionsOf(r, features) }
    : { settings: randomSettings(r, features) }) };
  return { version: 1, trackers, campaigns, creator_customers: own, sites: [site] };
}

// The catalog as it stood at some instant: what was recorded by then, nothing of what came later.
export function catalogAsOf(catalog, at) {
  const rows = (list) => list.filter((row) => !row.recorded_at || row.recorded_at <= at)
    .map((row) => (row.superseded_at > at ? { ...row, superseded_at: undefined } : row));
  const sites = catalog.sites.map((s) => (s.versions ? { ...s, versions: s.versions.filter((v, i) => i === 0 || v.recorded_at <= at) } : s));
  return { version: 1, sites, trackers: rows(catalog.trackers), campaigns: rows(catalog.campaigns), creator_customers: rows(catalog.creator_customers) };
}
