// Every column of the key figures against a second computation from the rows (figures.mjs), on random shops that a real
// daemon counted: three zones with half and quarter hours, the day of the changed clocks, several currencies, costs that
// are spread, posts, claims, customers. Days, weeks and months of a period add up to it, and months stand for their days
// to the last digit. And a rollup that is tampered with does not go unseen.
//
//   ATTRIB_SEED=n         the first shop's seed (default: from the clock; printed)
//   ATTRIB_KPI_SHOPS=n    how many (default 1)

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Shop, WRITE_KEY } from '../e2e/support.mjs';
import { figures, claimsOf, readRows } from './figures.mjs';
import { plusDays, randomShop } from './figures_shop.mjs';

const SEED = Number(process.env.ATTRIB_SEED ?? Date.now() % 1e9);
const SHOPS = Number(process.env.ATTRIB_KPI_SHOPS ?? 1);
const GRAINS = [null, 'campaign', 'creator', 'placement'];

const keyOf = (site) => (site === 'acme' ? WRITE_KEY : `${WRITE_KEY}-${site}`);

async function openShop(story) {
  const [acme, ...others] = story.sites;
  const section = (s) => `[site ${s.name}]\nwrite_key = ${keyOf(s.name)}\npublic_key = public-${s.name}\ntime_zone = ${s.zone}\ncurrency = ${s.currency}\ncustomer_history = ${s.history}\n${story.config(s)}`;
  const shop = await Shop.open({ start: false, site: story.config(acme), global: others.map(section).join('\n') });
  for (const [table, rows] of Object.entries(story.tables)) {
    const columns = [...new Set(rows.flatMap(Object.keys))];
    for (const row of rows) for (const c of columns) row[c] ??= null;
    if (rows.length) await shop.query(`INSERT INTO attrib.${table} (${columns.map((c) => `"${c}"`)}) SELECT ${columns.map((c) => `"${c}"`)} FROM jsonb_populate_recordset(NULL::attrib.${table}, $1)`, [JSON.stringify(rows)]);
  }
  await shop.start();
  return shop;
}

async function tellAll(shop, story) {
  for (const part of [0, 1, 2]) for (const { name } of story.sites) {
    const events = story.events[name].filter((_, i) => i % 3 === part);
    const answer = await (await shop.events(events, { key: keyOf(name) })).json();
    assert.deepEqual(answer.rejected, [], JSON.stringify(answer.rejected?.slice(0, 3)));
  }
  await shop.quiet();
}

// -- comparing ---------------------------------------------------------------------------------------

const same = (a, b) => a === b || (a !== null && b !== null && Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b)));
// What is left of an order that moved elsewhere is a row of zeros.
const EMPTIED = new Set(['gross', 'refunded', 'net_revenue', 'orders', 'new_customers', 'unknown_customers', 'leads']);

async function shown(client, { site, from, to, model, basis, by }) {
  const { rows } = await client.query(`SELECT extract(epoch FROM now()) AS at, to_jsonb(r) || jsonb_build_object('time_to_conversion_p50', extract(epoch FROM r.time_to_conversion_p50),
      'time_to_conversion_p90', extract(epoch FROM r.time_to_conversion_p90)) AS r
    FROM attrib.kpi_rows($1, $2, $3, $4, $5, $6) r WHERE r.site = $1`, [site, from, to, model, basis, by ? [by] : []]);
  return { now: Number(rows[0]?.at ?? 0) * 1000, cells: Object.fromEntries(rows.map(({ r }) => [r.cut?.[0] ?? '', r])) };
}

const seen = new Set();
// Differences as texts, and how many values were compared.
async function differences(client, db, question) {
  const { now, cells } = await shown(client, question);
  const expected = figures(db, { ...question, now });
  const out = [];
  let compared = 0;
  for (const key of new Set([...Object.keys(cells), ...Object.keys(expected)])) {
    if (!cells[key]) { out.push(`${key}: is not there`); continue; }
    const { site, cut, ...columns } = cells[key];
    for (const [name, value] of Object.entries(columns)) {
      if (expected[key] && !(name in expected[key])) { out.push(`${name}: nobody recomputes it`); continue; }
      const wanted = expected[key]?.[name] ?? null;
      if (name === 'currency' ? !expected[key] || value === wanted : same(value, wanted)) { if (wanted !== null) seen.add(name); compared += wanted === null ? 0 : 1; continue; }
      if (wanted === null && value === 0 && (EMPTIED.has(name) || !expected[key])) continue;
      if (!expected[key] && name === 'mer') continue;
      out.push(`${key || '(none)'}.${name}: ${value} and not ${wanted}`);
    }
  }
  return { out, compared };
}

async function claimDifferences(client, db, { site, from, to }) {
  const out = [];
  for (const byChannel of [false, true]) {
    const { rows } = await client.query('SELECT to_jsonb(r) AS r FROM attrib.double_count_rows($1, $2, $3, $4) r', [site, from, to, byChannel]);
    const got = Object.fromEntries(rows.map(({ r: { site: _, currency, ...rest } }) => [currency, rest]));
    const expected = claimsOf(db, { site, from, to }, byChannel);
    try { assert.deepEqual(got, expected); } catch { out.push(`claims: ${JSON.stringify(got)} and not ${JSON.stringify(expected)}`); }
  }
  return out;
}

const ADDITIVE = ['cost', 'cost_paid_media', 'gross', 'refunded', 'net_revenue', 'revenue', 'orders', 'new_customers', 'unknown_customers', 'clicks_raw', 'clicks', 'clicks_suspect',
  'clicks_filtered', 'visits', 'carts', 'checkouts', 'leads', 'click_orders', 'claims', 'code_only_orders', 'mentions'];

// money_rows and path_rows that know no months.
const BY_DAYS = `
  CREATE OR REPLACE FUNCTION attrib.money_rows(p_site text, p_from date, p_to date, p_rates boolean, p_margins boolean)
  RETURNS TABLE (site text, day date, kind smallint, creator text, campaign text, placement text, channel smallint, currency text,
    customer_kind smallint, conversions bigint[], gross bigint[], refunded bigint[]) LANGUAGE sql STABLE AS $$
    SELECT r.site, r.day, r.kind, r.creator, r.campaign, r.placement, r.channel, r.currency, r.customer_kind, r.conversions, r.gross, r.refunded
    FROM attrib.rollup_money r WHERE (p_site IS NULL OR r.site = p_site) AND (p_from IS NULL OR r.day >= p_from) AND (p_to IS NULL OR r.day <= p_to) $$;
  CREATE OR REPLACE FUNCTION attrib.path_rows(p_site text, p_from date, p_to date)
  RETURNS TABLE (site text, grain smallint, creator text, campaign text, placement text, claims bigint, clicked bigint, code_only bigint,
    click_only bigint, contested bigint) LANGUAGE sql STABLE AS $$
    SELECT r.site, r.grain, r.creator, r.campaign, r.placement, r.claims, r.clicked, r.code_only, r.click_only, r.contested
    FROM attrib.rollup_path r WHERE (p_site IS NULL OR r.site = p_site) AND (p_from IS NULL OR r.day >= p_from) AND (p_to IS NULL OR r.day <= p_to) $$`;
const CUTS = [[], ['campaign'], ['creator'], ['creator', 'campaign'], ['placement'], ['tier', 'channel']];

// All that reads months, of some periods, as text.
async function periodsRead({ sites, middle }) {
  const first = `${middle.slice(0, 8)}01`;
  const periods = [[null, null], [plusDays(first, -31), plusDays(middle, 40)], [first, plusDays(first, 27)], [first, plusDays(first, 61)]];
  const out = {};
  for (const [s, { name }] of sites.entries()) for (const [i, period] of periods.entries()) {
    const asked = [name, ...period, 1 + (s + i) % 6];
    const read = async (sql, ...more) => (await client.query(`SELECT r::text FROM ${sql} r ORDER BY 1`, [...asked, ...more])).rows.map(({ r }) => r);
    out[`${asked} money`] = await read("attrib.roi_rows($1, $2, $3, $4, 'net', 'order', $5)", i > 1);
    for (const cut of CUTS.filter((_, j) => (s + i + j) % CUTS.length === 0)) out[`${asked} ${cut}`] = await read("attrib.kpi_rows($1, $2, $3, $4, 'net', $5)", cut);
  }
  return out;
}

let shop;
let client;
after(async () => {
  await client?.end();
  await shop?.close();
});

for (let seed = SEED; seed < SEED + SHOPS; seed += 1) {
  const story = randomShop(seed, Date.now());
  let db;
  test(`seed ${seed}: a shop is told of its days`, async (t) => {
    await client?.end();
    await shop?.close();
    shop = await openShop(story);
    client = await shop.connect();
    await client.query("SET TimeZone = 'UTC'");
    await tellAll(shop, story);
    db = await readRows(client);
    t.diagnostic(`${story.middle}: ${db.conversion.length} orders and leads, ${db.credit.length} credits, ${db.path_row.length} touches, ${db.commission.length} commissions`);
    assert.deepEqual((await client.query('SELECT * FROM attrib.check_rollups()')).rows, []);
    assert.ok(db.conversion.length > 150 && db.credit.some((k) => k.creator !== '') && db.commission.some((c) => c.earned > 0));
  });

  test(`seed ${seed}: every figure of every grain is what the rows say`, async (t) => {
    const { r } = story;
    let compared = 0;
    for (const [i, { name: site }] of story.sites.entries()) {
      const start = plusDays(story.middle, -12 + r.int(12));
      const periods = [[null, null], [story.middle, story.middle], [start, plusDays(start, 1 + r.int(14))], [plusDays(story.middle, -40), plusDays(story.middle, 40)]];
      for (const [j, by] of GRAINS.entries()) {
        const [from, to] = by ? r.pick(periods) : periods[2];
        const questions = [{ site, from, to, model: 1 + r.int(6), basis: r.pick(['net', 'gross']), by }];
        if ((j + i) % 2) questions.push({ site, from: null, to: null, model: null, basis: 'net', by });
        for (const question of questions) {
          const found = await differences(client, db, question);
          assert.deepEqual(found.out, [], JSON.stringify(question));
          compared += found.compared;
        }
      }
      for (const [from, to] of [periods[0], periods[2]]) assert.deepEqual(await claimDifferences(client, db, { site, from, to }), []);
      const question = { site, from: periods[2][0], to: periods[2][1], model: 1 + r.int(6), basis: 'net', by: r.pick(['customer', 'order_kind', 'order_source']) };
      assert.deepEqual((await differences(client, db, question)).out, [], JSON.stringify(question));
    }
    t.diagnostic(`${compared} values of ${seen.size} figures`);
    assert.ok(compared > 1000 && seen.size > 80, 'each figure, or nearly, has had a value');
  });

  test(`seed ${seed}: days, weeks and months add up`, async () => {
    // the days around the changed clocks, the weeks, and behind them a new month
    const ranges = { day: [-1, 1], week: [-5, 4], month: [-3, 8] };
    for (const [i, { name }] of story.sites.entries()) for (const [step, range] of Object.entries(ranges)) {
      const [from, to] = range.map((n) => plusDays(story.middle, n));
      const by = [null, 'campaign', 'creator'][i];
      const sums = async (sql) => (await client.query(`SELECT cut, ${ADDITIVE.map((a) => `coalesce(sum((kpi ->> '${a}')::numeric), 0)::float8 AS ${a}`)} FROM ${sql} k GROUP BY cut ORDER BY cut`, [name, from, to, by ? [by] : []])).rows
        .filter((row) => ADDITIVE.some((a) => row[a] !== 0));
      const whole = await sums('attrib.kpi_between($1, $2, $3, $4)');
      const parts = await sums(`attrib.kpi_series($1, $2, $3, '${step}', $4)`);
      assert.ok(whole.length);
      // cost that is spread by the revenue of a period is spread otherwise in another period
      for (const [j, row] of whole.entries()) for (const a of ADDITIVE) if (a !== 'cost' || by !== 'creator') assert.ok(same(parts[j][a], row[a]), `${name} ${step} ${row.cut}.${a}: ${parts[j][a]} and not ${row[a]}`);
    }
  });

  test(`seed ${seed}: months stand for their days`, async () => {
    await client.query('BEGIN');
    const [months] = [await periodsRead(story), await client.query(BY_DAYS)];
    const days = await periodsRead(story);
    await client.query('ROLLBACK');
    assert.deepEqual(months, days);
    assert.ok(Object.values(days).flat().length > 100);

    await client.query('BEGIN');
    await client.query("UPDATE attrib.rollup_month SET gross = ARRAY(SELECT g + 100 FROM unnest(gross) g); UPDATE attrib.rollup_path_month SET contested = contested + 1");
    const wrong = await periodsRead({ ...story, sites: story.sites.slice(0, 1) });
    await client.query('ROLLBACK');
    for (const name of ['acme,,,1 money', 'acme,,,1 ']) assert.notDeepEqual(wrong[name], days[name], `negative control: ${name}`);
  });

  test(`seed ${seed}: a rollup that was tampered with is found`, async () => {
    const changes = { rollup_money: 'gross = ARRAY(SELECT g + 100 FROM unnest(gross) g)', rollup_claim: 'creator_claims = creator_claims + 1' };
    for (const [table, set] of Object.entries(changes)) {
      const [{ day }] = (await client.query(`SELECT min(day)::text AS day FROM attrib.${table} WHERE site = 'acme' AND kind = 1 AND currency = 'EUR' AND day > $1`, [plusDays(story.middle, -12)])).rows;
      await client.query('BEGIN');
      await client.query(`UPDATE attrib.${table} SET ${set} WHERE site = 'acme' AND kind = 1 AND currency = 'EUR' AND day = $1`, [day]);
      const question = { site: 'acme', from: day, to: day, model: 1, basis: 'net', by: null };
      const found = [...(await differences(client, db, question)).out, ...await claimDifferences(client, db, question)];
      await client.query('ROLLBACK');
      assert.ok(found.length, table);
    }
  });
}
