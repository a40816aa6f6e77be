// One arrival of a history: shuffled, some events twice, in groups, the catalog as it grew.

import { DAY, iso, micros } from '../time.mjs';
import { catalogAsOf } from './shop.mjs';

// The same event received again. Times are clamped by the receipt, so a copy whose times would be
// clamped in another way is another content; those are left alone.
function again(r, line, maxLate) {
  const received = micros(line.received_at);
  const later = received + r.pick([999, 1e6, 7 * DAY, 50 * DAY]);
  const { occurred_at, order = {} } = line.event;
  const times = [occurred_at, order.placed_at, order.paid_at, order.updated_at].filter(Boolean).map(micros);
  const same = occurred_at && times.every((t) => t <= received && (line.trust === 'signed' || t >= later - maxLate));
  return same ? { ...line, received_at: iso(later) } : undefined;
}

// Lines for attrib-play: events, {group}, {flush} and {catalog}; plain = as it happened.
export function arrival(r, { catalog, events }, { plain = false, maxLate }) {
  if (plain) return [{ catalog }, ...events, { group: true }];
  const copies = events.flatMap((e) => (r.chance(0.3) ? [e, again(r, e, maxLate)].filter(Boolean) : [e]));
  const out = [];
  const moments = [...catalog.trackers, ...catalog.campaigns, ...catalog.creator_customers, ...(catalog.sites[0].versions ?? [])]
    .flatMap((row) => [row.recorded_at, row.superseded_at]).filter(Boolean).sort();
  const stages = moments.length && r.chance(0.6) ? [catalogAsOf(catalog, r.pick(moments)), catalog] : [catalog];
  out.push({ catalog: stages[0] });
  const swap = stages.length > 1 ? r.int(copies.length + 1) : -1;
  r.shuffle(copies).forEach((e, i) => {
    if (i === swap) out.push({ catalog });
    out.push(e);
    if (r.chance(0.2)) out.push({ group: true });
    if (r.chance(0.03)) out.push({ flush: true });
  });
  if (swap === copies.length) out.push({ group: true }, { catalog });
  return [...out, { group: true }];
}
