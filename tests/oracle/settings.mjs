// A site's settings and their history.

import { duration, micros } from './time.mjs';

const DEFAULTS = {
  'window.link': '30d', 'window.affiliate': '30d', 'window.utm': '30d', 'window.view': '0',
  code_grace: '30d', collapse: '30m', code_rule: 'always', browser_orders: 'confirm', count_at: 'paid',
  'model.scope': 'creators', 'model.half_life': '7d', repeat_orders: 'all', renewals: 'none', lead_window: '90d',
  lock_after: '30d', max_late: '90d', currency: 'EUR', affiliate_params: 'ref,aff', order_source: '',
  revenue_basis: 'net_of_tax_and_shipping', exclude: 'test', too_fast: '5s', time_zone: 'UTC', own_hosts: '',
};

// The versions of a site, oldest first. Settings without versions are one that was always known.
export function versionsOf(site) {
  const all = (site.versions ?? [{ settings: site.settings }]).map((v) => ({
    ...DEFAULTS, ...v.settings, recorded: v.recorded_at ? micros(v.recorded_at) : -Infinity }));
  return all.sort((a, b) => a.recorded - b.recorded);
}

// The version that decides an order: the newest recorded by T + its own lock_after. placed(version): the
// T that the order has by it, since a version also says whose word counts most.
export function settingsAt(versions, placed) {
  const known = versions.filter((v) => v.recorded <= placed(v) + duration(v.lock_after));
  return known.at(-1) ?? versions[0];
}

export const listed = (text) => text.split(',').map((s) => s.trim()).filter(Boolean);
