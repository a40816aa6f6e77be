// Traffic by local day: each event once, a landing as one visit under its strongest key.

import { fold } from './text.mjs';
import { localDay } from './time.mjs';

const INVALID = ['bot', 'prefetch', 'head', 'own_site'];
const utmKey = (utm) => ['source', 'medium', 'campaign', 'term', 'content'].map((part) => fold(utm[part] ?? '')).join('/').replace(/\/+$/, '');

export function strongestKey(e) {
  if (e.type === 'code_applied') return ['code', fold(e.code)];
  if (e.type === 'view') return ['view', fold(e.link)];
  if (e.affiliate) return ['affiliate', fold(e.affiliate)];
  if (e.link) return ['link', fold(e.link)];
  if (e.utm) return ['utm', utmKey(e.utm)];
  return ['direct', ''];
}

const COLUMNS = { click: 'clicks', visit: 'visits', cart: 'carts', checkout: 'checkouts', lead: 'leads', view: 'views', code_applied: 'codes_applied' };

// {"day channel key": {clicks, visits, ..., filtered}}
export function trafficOf(world) {
  const zone = world.versions.at(-1).time_zone;
  const rows = {};
  for (const e of world.events) {
    if (!COLUMNS[e.type]) continue;
    const [channel, key] = strongestKey(e);
    const name = `${localDay(e.at, zone)} ${channel} ${key}`;
    rows[name] ??= Object.fromEntries([...Object.values(COLUMNS), 'filtered'].map((column) => [column, 0]));
    const filtered = INVALID.some((v) => e.verdicts.has(v));
    rows[name][filtered ? 'filtered' : COLUMNS[e.type]] += 1;
  }
  return rows;
}
