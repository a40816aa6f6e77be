// The independent model: what every order's credit must be, computed naively from the whole list of
// events. Written from the rules in docs/attribution.md, in another language than the engine and
// without its ideas (no facts, no closures, no state): plain lists, sorted and filtered.
//
// Input: a catalog {sites, trackers, campaigns, creator_customers} and events as the daemon receives
// them: {received_at, trust: "signed"|"stranger", site, source, verdicts, event: <native event>}.

import { decide } from './decide.mjs';
import { World } from './world.mjs';

export { MODELS, ONE } from './decide.mjs';
export { micros } from './time.mjs';

// The decision of every order and lead, and of every id that was absorbed: {order_id, merged_into}.
// notes.tied: a decision hung on what the rules leave open.
export function decideAll(catalog, events, notes = {}) {
  const worlds = catalog.sites.map((site) => new World(catalog, site, events));
  const decisions = worlds.flatMap(decideSite);
  notes.tied = worlds.some((world) => world.tied);
  return decisions;
}

export function decideSite(world) {
  const decisions = [...world.at(Infinity).orders.values()].map((order) => decide(world, order));
  const merged = [...world.canonical].filter(([id, head]) => id !== head)
    .map(([id, head]) => ({ site: world.site, kind: 'order', order_id: id, merged_into: head }));
  return [...decisions, ...merged];
}
