// The harness must be able to catch a lie: the same comparison with a model that is told, or tells,
// something wrong. Each lie must have been told often enough, and never go unnoticed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrival, randomHistory } from '../oracle/history/index.mjs';
import { decideAll } from '../oracle/model.mjs';
import { duration } from '../oracle/time.mjs';
import { byOrder, fromEngine, fromModel, same } from './compare.mjs';
import { Player } from './player.mjs';

const ENOUGH = 5;
const SEEDS = 400;

const settingsOf = (site) => (site.versions ?? [site]).map((v) => v.settings);
const withSettings = (catalog, change) => {
  const copy = structuredClone(catalog);
  for (const settings of copy.sites.flatMap(settingsOf)) change(settings);
  return copy;
};
const withEvents = (h, change) => ({ ...h, events: h.events.map((e) => change(structuredClone(e))) });

// Of an alias that one source gave two orders, only the one that it gave it to last keeps it.
function lastOwnerOfAliases(h) {
  const owners = new Map();
  for (const e of h.events) { // by time of receipt
    for (const alias of Object.entries(e.trust === 'signed' ? e.event.order?.aliases ?? {} : {})) {
      owners.set(JSON.stringify([alias, e.source ?? 'native']), e.event.order.id);
    }
  }
  return withEvents(h, (e) => {
    for (const alias of Object.entries(e.event.order?.aliases ?? {})) {
      if (owners.get(JSON.stringify([alias, e.source ?? 'native'])) !== e.event.order.id) delete e.event.order.aliases[alias[0]];
    }
    return e;
  });
}

// What the model hears: another history than the engine's.
const HEARD = {
  'ties of time go to the smaller id': ['none', (h) => withEvents(h, (e) => {
    e.event.event_id = e.event.event_id?.replace(/^[a-c]|^[x-z]/, (c) => ({ a: 'z', b: 'y', c: 'x', x: 'c', y: 'b', z: 'a' })[c]);
    return e;
  })],
  'the end of a window is inside': ['none', (h) => ({ ...h, catalog: withSettings(h.catalog, (s) => {
    for (const name of ['window.link', 'window.affiliate', 'window.utm']) if (s[name] !== '0') s[name] = `${duration(s[name]) + 1}us`;
  }) })],
  'a collapse of exactly the gap': ['none', (h) => ({ ...h, catalog: withSettings(h.catalog, (s) => { s.collapse = `${duration(s.collapse) + 1}us`; }) })],
  'the newest settings decide every order': ['policy_versions', (h) => ({ ...h, catalog: { ...h.catalog,
    sites: h.catalog.sites.map((s) => (s.versions ? { ...s, versions: [{ ...s.versions.at(-1), recorded_at: undefined }] } : s)) } })],
  'today\'s catalog decides every order': ['catalog_history', (h) => ({ ...h, catalog: { ...h.catalog,
    trackers: h.catalog.trackers.filter((t) => !t.superseded_at).map((t) => ({ ...t, recorded_at: undefined })) } })],
  'a stranger\'s word is the shop\'s': ['strangers', (h) => withEvents(h, (e) => ({ ...e, trust: 'signed' }))],
  'bots count': ['verdicts', (h) => withEvents(h, (e) => ({ ...e, verdicts: e.verdicts?.filter((v) => v !== 'bot') }))],
  'creators earn from themselves': ['self_referral', (h) => ({ ...h, catalog: { ...h.catalog, creator_customers: [] } })],
  'touches earn again and again': ['repeat', (h) => ({ ...h, catalog: withSettings(h.catalog, (s) => { s.repeat_orders = 'all'; }) })],
  'a lead keeps nothing': ['leads', (h) => ({ ...h, catalog: withSettings(h.catalog, (s) => { s.lead_window = '0'; }) })],
  'every renewal earns': ['renewals', (h) => ({ ...h, catalog: withSettings(h.catalog, (s) => { s.renewals = 'all'; }) })],
  'gifts and tests are sales': ['excludes', (h) => ({ ...h, catalog: withSettings(h.catalog, (s) => { s.exclude = ''; }) })],
  'the last one owns an alias': ['aliases,alias_conflicts', lastOwnerOfAliases],
  'other names are other orders': ['aliases', (h) => withEvents(h, (e) => { delete e.event.order?.aliases; return e; })],
};

// What the model says: other decisions than it made.
const text = (_, v) => (typeof v === 'bigint' ? String(v) : v);
const SAID = {
  'remainder to the later touch': (d) => {
    const { linear } = d.credits;
    const amounts = linear.map((c) => c.amount).reverse();
    linear.forEach((c, i) => { c.amount = amounts[i]; });
  },
  'one cent too many': (d) => { d.gross += 1n; },
  'last touch is first touch': (d) => { d.credits.last_touch = d.credits.first_touch; },
};

async function control(t, name, only, lying) {
  const player = new Player();
  t.after(() => player.close());
  let told = 0;
  for (let seed = 1; seed <= SEEDS && told < ENOUGH; seed++) {
    const history = randomHistory(seed, { only, also: only });
    const truth = byOrder(decideAll(history.catalog, history.events), fromModel);
    const lie = byOrder(lying(history), fromModel);
    if (same(lie, truth)) continue;
    told += 1;
    const got = byOrder(await player.play(arrival(history.r, history, { plain: true })), fromEngine);
    assert.ok(!same(got, lie), `seed ${seed}: the lie went unnoticed`);
    assert.ok(same(got, truth), `seed ${seed}: the truth was not believed`);
  }
  assert.equal(told, ENOUGH, `${name}: the histories hardly touch this rule`);
}

for (const [name, [only, change]] of Object.entries(HEARD)) {
  test(`negative control: ${name}`, (t) => control(t, name, only.split(','), (history) => {
    const { catalog, events } = change(history);
    return decideAll(catalog, events);
  }));
}

for (const [name, change] of Object.entries(SAID)) {
  test(`negative control: ${name}`, (t) => control(t, name, ['none'], ({ catalog, events }) => {
    const decisions = JSON.parse(JSON.stringify(decideAll(catalog, events), text), (key, v) => (['gross', 'amount', 'share', 'total'].includes(key) ? BigInt(v) : v));
    decisions.forEach((d) => change(d));
    return decisions;
  }));
}
