// Makes a failing history small: what can be left out while it still fails is left out.

const withSite = (h, site) => ({ ...h, catalog: { ...h.catalog, sites: [site] } });

// The settings of a site, and those of each of its versions, as lists.
function settingsParts(site) {
  const list = (settings) => Object.entries(settings ?? {});
  if (!site.versions) {
    return [[(h) => list(h.catalog.sites[0].settings), (h, l) => withSite(h, { ...h.catalog.sites[0], settings: Object.fromEntries(l) })]];
  }
  return site.versions.map((_, i) => [(h) => list(h.catalog.sites[0].versions?.[i]?.settings),
    (h, l) => withSite(h, { ...h.catalog.sites[0], versions: h.catalog.sites[0].versions.map((v, j) => (i === j ? { ...v, settings: Object.fromEntries(l) } : v)) })]);
}

// `fails(history)` resolves to a text that says how it fails, or to nothing.
export async function shrink(history, fails) {
  let best = history;
  let why = await fails(best);
  if (!why) return { history, why };
  const enough = Date.now() + 30_000; // a failure that nobody sees is worth less than a long one
  const attempt = async (candidate) => {
    if (Date.now() > enough || JSON.stringify(candidate).length >= JSON.stringify(best).length) return false;
    const answer = await fails(candidate).catch(() => undefined);
    if (!answer) return false;
    best = candidate;
    why = answer;
    return true;
  };
  const without = (list, i, n) => [...list.slice(0, i), ...list.slice(i + n)];
  const dropFrom = async (get, set) => {
    for (let n = Math.max(1, get(best).length >> 1); n >= 1; n >>= 1) {
      for (let i = 0; i < get(best).length;) if (!await attempt(set(best, without(get(best), i, n)))) i += n;
    }
  };
  const parts = [
    [(h) => h.lines, (h, lines) => ({ ...h, lines })],
    ...['trackers', 'campaigns', 'creator_customers'].map((name) =>
      [(h) => h.catalog[name], (h, list) => ({ ...h, catalog: { ...h.catalog, [name]: list } })]),
    [(h) => h.catalog.sites[0].versions ?? [], (h, versions) => withSite(h, { name: h.catalog.sites[0].name, ...(versions.length ? { versions } : { settings: {} }) })],
    ...settingsParts(history.catalog.sites[0]),
  ];
  for (let size = -1; size !== JSON.stringify(best).length;) {
    size = JSON.stringify(best).length;
    for (const [get, set] of parts) await dropFrom(get, set);
  }
  return { history: best, why };
}
