// What plans are made from: the forecast of a post, and what became of customers that were won. Random posts come from a seed that never changes; their truth
// is known, and what is said of them has to hold as often as it claims.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { rng } from '../oracle/random.mjs';
import { purchase, refund, rows, tell } from './contract.mjs';
import { Shop } from './support.mjs';

const csv = (header, lines) => `${header}\n${lines.map((l) => l.join(',')).join('\n')}\n`;

const SEED = 20261;
const TIERS = 150; // of the simulation
let shop;
before(async () => {
  shop = await Shop.open({ site: 'lock_after = 365d\nmax_late = 365d', catalog: {
    creator: csv('site,handle,platform,tier', [['acme', 'lisa', 'instagram', 'mid'], ['acme', 'mia', 'tiktok', 'mid']]),
    campaign: csv('site,name', [['acme', 'spring'], ['acme', 'summer']]),
    tracker: csv('site,kind,key,creator,campaign', [['acme', 'code', 'LISA', 'lisa', 'spring'], ['acme', 'code', 'MIA', 'mia', 'summer']]),
    exchange_rate: csv('base,quote,rate,valid_on', [['USD', 'EUR', '0.5', '2020-01-01']]),
  } });
});
after(() => shop.close());

// -- forecast --------------------------------------------------------------------------------------

// Posts as the catalog has them, with a link each, and what their first 30 days brought.
async function posted(site, creators, posts) {
  await shop.query("SELECT attrib.put_site_v1($1, 'Europe/Berlin', 'EUR', 'complete', 1, 'direct_cost', '{}')", [site]);
  await shop.query(`INSERT INTO attrib.creator (site, handle, platform, tier)
    SELECT $1, handle, 'instagram', tier FROM jsonb_to_recordset($2) AS r (handle text, tier text)`, [site, JSON.stringify(creators)]);
  const all = posts.map((p, n) => ({ name: `p${n}`, days: 60, type: 'reel', link: true, ...p }));
  const from = `FROM jsonb_to_recordset($2) AS r (name text, creator text, days int, type text, paid boolean, link boolean, clicks bigint, orders bigint, cents bigint, cost numeric)`;
  const sql = (text) => shop.query(`${text} ${from}`, [site, JSON.stringify(all)]);
  await sql(`INSERT INTO attrib.placement (site, name, creator, content_type, posted_at, paid)
    SELECT $1, name, creator, type, current_date - days, paid`);
  await shop.query(`INSERT INTO attrib.tracker (site, kind, key, folded, creator, placement) SELECT $1, 'link', name, name, creator, name ${from} WHERE link`,
    [site, JSON.stringify(all)]);
  // on the last day that counts
  await sql(`INSERT INTO attrib.traffic SELECT $1, (current_date - days + 29 + time '23:00') AT TIME ZONE 'Europe/Berlin', 1, name, 1, 0, clicks, clicks`);
  await sql(`INSERT INTO attrib.rollup_money SELECT $1, current_date - days + 29, 1, creator, '', name, 1, name, 'EUR', 1,
    array_fill(orders * 1000000000000, '{6}'), array_fill(cents + 1, '{6}'), array_fill(1::bigint, '{6}')`);
  await shop.query('SELECT attrib.rebuild_months($1), attrib.rebuild_traffic($1)', [site]);
  await shop.query(`INSERT INTO attrib.cost (site, cost_id, placement, kind, amount, currency) SELECT $1, name, name, 'fee', cost, 'EUR' ${from} WHERE cost IS NOT NULL`,
    [site, JSON.stringify(all)]);
}
const forecast = async (...args) => Object.fromEntries((await rows(shop, `select * from attrib.forecast(${args.map((_, i) => `$${i + 1}`)})`, args)).map((r) => [r.figure, r]));
const said = (row) => [row.expected, row.low, row.high, row.reason];

test('forecast: a creator alone, as a textbook works it out', async () => {
  // ln(1 + clicks) = 1, 2, 2, 2, 3 times ln 10: mean 2, s^2 = 0.5, and 1.5332 x sqrt(0.5 x 1.2) = 1.1876 to both sides
  const own = [9, 99, 99, 99, 999].map((clicks) => ({ creator: 'ann', clicks, orders: 2, cents: 10000, cost: 40 }));
  await posted('book', [{ handle: 'ann' }, { handle: 'new' }], [...own,
    { creator: 'ann', days: 29, clicks: 5000, orders: 5000, cents: 1 }, // too young to tell
    { creator: 'ann', paid: true, clicks: 5000, orders: 5000, cents: 1 }, { creator: 'ann', link: false, clicks: 5000, orders: 0, cents: 0 },
    { creator: 'new', type: 'story', clicks: 1, orders: 1, cents: 1 }]);
  // a day after the thirtieth, or a click that is none, counts for nothing
  await shop.query(`INSERT INTO attrib.traffic SELECT site, bucket_at + interval '1 hour', channel, key, type, verdicts, 7000, 0 FROM attrib.traffic WHERE site = 'book'
    UNION ALL SELECT site, bucket_at, channel, key, type, 1, 7000, 0 FROM attrib.traffic WHERE site = 'book'`);
  const ann = await forecast('book', 'ann');
  assert.deepEqual(Object.keys(ann), ['clicks', 'orders', 'revenue', 'roi']);
  assert.deepEqual(said(ann.clicks), [261, 5, 1540, null]);
  assert.deepEqual(said(ann.orders), [2, 2, 2, null]);
  assert.deepEqual(said(ann.revenue), [100, 100, 100, null]);
  assert.deepEqual(said(ann.roi), [1.5, 1.5, 1.5, null]);
  assert.deepEqual([ann.roi.cost, ann.roi.own_posts, ann.roi.tier_posts, ann.roi.tier_creators], [40, 5, 0, 0]);
  assert.deepEqual(said((await forecast('book', 'ann', null, 'reel', 200)).roi), [-0.5, -0.5, -0.5, null]);
});

test('forecast: no answer below the minimum, and why', async () => {
  for (const args of [['book', 'new'], ['book', 'ann', 'tiktok'], ['book', 'ann', null, 'story']])
    for (const row of Object.values(await forecast(...args))) assert.deepEqual(said(row), [null, null, null, 'too few posts'], args.join());
  assert.deepEqual(said((await forecast('book', 'nobody')).orders), [null, null, null, 'unknown creator']);
  assert.equal((await forecast('book', 'new')).clicks.own_posts, 1);
});

test('forecast: a tier speaks for those who have posted little', async () => {
  // means 10, 20 .. 80 of two posts each, 5 to both sides: w = 50, b = (1200 - 50) / 2 = 575, Z = 1150 / 1200
  const creators = [1, 2, 3, 4, 5, 6, 7, 8].map((i) => ({ handle: `c${i}`, tier: 'micro' }));
  const posts = creators.flatMap(({ handle }, i) => [-5, 5].map((d) => ({ creator: handle, clicks: 10 * (i + 1) + d, orders: 1, cents: 100 })));
  await posted('tier', [...creators, { handle: 'new', tier: 'micro' }, { handle: 'other', tier: 'mid' }], posts);
  const [fresh, best] = [await forecast('tier', 'new'), await forecast('tier', 'c8')];
  assert.equal(fresh.clicks.expected, 45);
  assert.equal(best.clicks.expected, 78.54);
  assert.ok(best.clicks.low > fresh.clicks.low && best.clicks.high - best.clicks.low < fresh.clicks.high - fresh.clicks.low);
  assert.deepEqual([fresh.clicks.own_posts, fresh.clicks.tier_posts, fresh.clicks.tier_creators], [0, 16, 8]);
  assert.deepEqual([best.clicks.own_posts, best.clicks.tier_posts, best.clicks.tier_creators], [2, 14, 7]);
  assert.deepEqual([fresh.roi.reason, fresh.roi.expected, fresh.revenue.expected], ['no cost', null, 1]);
  assert.equal((await forecast('tier', 'other')).clicks.reason, 'too few posts');
  await shop.query("DELETE FROM attrib.placement WHERE site = 'tier' AND name = 'p0'");
  assert.equal((await forecast('tier', 'new')).clicks.reason, 'too few posts', 'seven more posts than creators');
  const report = JSON.parse(await shop.cli('report', 'forecast', '--creator', 'new', '--site', 'acme', '--format', 'json', '-c', shop.config));
  assert.deepEqual(report, []);
});

// -- cohorts ---------------------------------------------------------------------------------------

test('cohorts: who came when, who came back, what one has brought by then', async () => {
  // the middle of the local month so many months ago
  const month = (ago) => { const d = new Date(); return new Date(Date.UTC(d.getUTCFullYear(), d.getUTCMonth() - ago, 15, 12)).toISOString(); };
  const cohort = (ago) => `${month(ago).slice(0, 8)}01`;
  const buy = (who, id, total, ago, code, more = {}) => purchase({ id, total, codes: code ? [code] : [], ...more }, { occurred_at: month(ago), email: `${who}@example.com` });
  // in UTC the last evening of the month before: in Berlin the first of the cohort's
  const edge = `${new Date(Date.parse(`${cohort(4)}T00:00:00Z`) - 1800e3).toISOString()}`;
  await tell(shop, buy('a', 'a1', '100.00', 4, 'LISA'), buy('a', 'a2', '30.00', 3), buy('a', 'a3', '50.00', 1), buy('b', 'b1', '60.00', 4, 'MIA'),
    { ...buy('c', 'c1', '20.00', 4), occurred_at: edge }, buy('c', 'c2', '40.00', 3, null, { currency: 'USD' }), buy('d', 'd1', '10.00', 1, 'LISA'),
    buy('e', 'e1', '70.00', 4, 'MIA'));
  await tell(shop, refund({ id: 'r1', order_id: 'a2', amount: '10.00' }, { occurred_at: month(2) }), refund({ id: 'r2', order_id: 'e1', amount: '70.00' }, { occurred_at: month(2) }));
  const columns = 'to_char(cohort, \'YYYY-MM-DD\') as cohort, customers, orders, net_revenue, repeat_customers, repeat_rate, month_0, month_1, month_2, month_3, month_4';
  const list = async (sql) => (await rows(shop, `select ${columns}${sql}`)).map((r) => Object.values(r));
  const third = 1 / 3;
  const near = (got, expected) => {
    assert.equal(got.length, expected.length, JSON.stringify(got));
    got.forEach((row, i) => row.forEach((v, j) => (typeof expected[i][j] === 'number' ? assert.ok(Math.abs(v - expected[i][j]) < 1e-9, `${i}, ${j}: ${v} and not ${expected[i][j]}`)
      : assert.equal(v, expected[i][j], `${i}, ${j}`))));
  };
  // a: 100, then 20, then 50; b: 60; c: 20, then 40 USD; e gave all back, and was no customer
  near(await list(" from attrib.kpi_cohort where site = 'acme' order by 1"), [
    [cohort(4), 3, 6, 270, 2, 2 * third, 60, 220 * third, 220 * third, 90, null], [cohort(1), 1, 1, 10, 0, 0, 10, null, null, null, null]]);
  near(await list(", creator from attrib.kpi_cohort_creator where site = 'acme' order by 1, creator"), [
    [cohort(4), 1, 3, 170, 1, 1, 100, 120, 120, 170, null, 'lisa'], [cohort(4), 1, 1, 60, 0, 0, 60, 60, 60, 60, null, 'mia'],
    [cohort(4), 1, 2, 40, 1, 1, 20, 40, 40, 40, null, null], [cohort(1), 1, 1, 10, 0, 0, 10, null, null, null, null, 'lisa']]);
  near(await list(`, campaign from attrib.kpi_cohort_campaign_between('acme', '${cohort(2)}', '${month(0).slice(0, 10)}')`), [
    [cohort(1), 1, 1, 10, 0, 0, 10, null, null, null, null, 'spring']]);
  const report = JSON.parse(await shop.cli('report', 'kpi_cohort_creator', '--creator', 'mia', '--format', 'json', '-c', shop.config));
  assert.deepEqual(report.map((r) => [r.cohort, Number(r.customers)]), [[cohort(4), 1]]);
});

// -- groups of sites -----------------------------------------------------------------------------------

test('groups: sums are added by currency, ratios made of the sums', async () => {
  await posted('rupee', [{ handle: 'ann' }], [{ creator: 'ann', clicks: 10, orders: 1, cents: 100, cost: 3 }]);
  await shop.query("UPDATE attrib.site SET currency = 'INR' WHERE name = 'rupee'");
  await shop.query(`INSERT INTO attrib.site_group (name, site) VALUES ('house', 'acme'), ('house', 'book'), ('house', 'tier'), ('house', 'rupee'), ('alone', 'acme'), ('none', 'nowhere')`);
  const site = Object.fromEntries((await rows(shop, 'select * from attrib.kpi_site')).map((s) => [s.site, s]));
  const [alone, eur, inr, ...others] = await rows(shop, 'select * from attrib.kpi_group order by site_group, currency');
  assert.deepEqual([others.length, alone.site_group, alone.currency, eur.site_group, eur.currency, inr.site_group, inr.currency], [0, 'alone', 'EUR', 'house', 'EUR', 'house', 'INR']);
  const bare = ({ site: _, site_group: __, clv_age_days: ___, ...figures }) => figures;
  assert.deepEqual(bare(alone), bare(site.acme), 'a group of one');
  assert.deepEqual(bare(inr), bare(site.rupee), 'one of its currency');
  const sum = (name) => ['acme', 'book', 'tier'].map((s) => site[s][name]).filter((v) => v !== null).reduce((a, b) => a + b, 0);
  for (const name of ['cost', 'cost_direct', 'gross', 'refunded', 'net_revenue', 'revenue', 'orders', 'new_customers', 'unknown_customers', 'clicks', 'clicks_raw', 'claims', 'click_orders'])
    assert.ok(Math.abs(eur[name] - sum(name)) < 1e-6, `${name}: ${eur[name]} and not ${sum(name)}`);
  assert.ok(sum('cost') > 0 && sum('clicks') > 0 && sum('new_customers') > 0 && sum('claims') > 0);
  for (const [name, value] of Object.entries({ roi: (sum('revenue') - sum('cost')) / sum('cost'), aov: sum('revenue') / sum('orders'), cpc: sum('cost') / sum('clicks'), cac: sum('cost') / sum('new_customers'),
    mer: sum('revenue') / sum('cost'), refund_rate: sum('refunded') / sum('gross'), conflict_rate: 0 })) assert.ok(Math.abs(eur[name] - value) < 1e-9, `${name}: ${eur[name]} and not ${value}`);
  assert.equal(eur.time_to_conversion_p50, null);
  const told = async (sql) => { await shop.query(sql); return rows(shop, "select roi_margin, share_of_voice from attrib.kpi_group where currency = 'EUR' order by site_group"); };
  const half = "insert into attrib.margin (site, rate) values ('acme', 0.5); insert into attrib.mention_daily (site, subject, counted_on, mentions) values ('acme', '', '2026-01-01', 3), ('acme', 'rival', '2026-01-01', 7), ('book', '', '2026-01-01', 9)";
  assert.deepEqual((await told(half)).map((g) => [g.roi_margin, g.share_of_voice]), [[null, 0.3], [null, null]], 'what only some of the sites tell, says nothing of all');
  const [, both] = await told("insert into attrib.margin (site, rate) values ('book', 0.5), ('tier', 0.5); insert into attrib.mention_daily (site, subject, counted_on, mentions) values ('book', 'rival', '2026-01-01', 1)");
  assert.ok(Math.abs(both.roi_margin - (sum('revenue') / 2 - sum('cost')) / sum('cost')) < 1e-9);
  assert.equal(both.share_of_voice, 0.6);
  const names = async (sql) => (await rows(shop, sql)).map((g) => `${g.name} ${g.currency}`).sort();
  assert.deepEqual(await names("select site_group as name, currency from attrib.kpi_group_between('acme', current_date - 400, current_date)"), ['alone EUR', 'house EUR', 'house INR']);
  assert.deepEqual(await names("select site_group as name, currency from attrib.kpi_group_between('rupee', current_date - 400, current_date)"), ['house EUR', 'house INR']);
  const cut = await rows(shop, "select site_name, cut[1] as creator, cut[2] as name, (kpi ->> 'cost')::numeric as cost from attrib.kpi_between('book', null, null, '{creator,group}') where kpi ->> 'currency' = 'EUR' and cut[1] = 'ann'");
  assert.deepEqual(cut, [{ site_name: null, creator: 'ann', name: 'house', cost: site.book.cost }]);
  const report = JSON.parse(await shop.cli('report', 'kpi_group', '--site', 'acme', '--format', 'json', '-c', shop.config));
  assert.deepEqual(report.map((g) => `${g.site_group} ${g.currency}`), ['alone EUR', 'house EUR', 'house INR']);
});

// -- the forecast's interval; last, because it fills the database

test('forecast: the interval holds as often as it says', async (t) => {
  t.diagnostic(`seed ${SEED}`);
  const r = rng(SEED);
  const normal = () => Math.sqrt(-2 * Math.log(1 - r.next())) * Math.cos(2 * Math.PI * r.next());
  const poisson = (mean) => {
    if (mean > 100) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()));
    let n = -1;
    for (let left = mean; left >= 0; left += Math.log(1 - r.next())) n += 1;
    return n;
  };
  const creators = []; const posts = []; const truth = new Map();
  // Creators with their own level of each figure, posts that scatter around it.
  const creator = (handle, tier, [level, among, within], count, more) => {
    const own = level + among * normal();
    const draw = () => ({ clicks: poisson(Math.exp(own + within * normal())), orders: poisson(Math.exp(own - 5 + within * normal())),
      cents: Math.round(100 * Math.exp(own + within * normal())) });
    creators.push({ handle, tier });
    for (let i = 0; i < count; i += 1) posts.push({ creator: handle, ...draw() });
    if (more) truth.set(handle, draw());
  };
  for (let i = 0; i < TIERS; i += 1) {
    const kind = [6, r.pick([0.1, 0.7, 1.5]), r.pick([0.4, 0.8])];
    creator(`asked${i}`, `tier${i}`, kind, i % 5, true);
    for (let j = 0; j < 9; j += 1) creator(`other${i}.${j}`, `tier${i}`, kind, 2 + r.int(3));
    creator(`alone${i}`, null, kind, 5 + r.int(5), true);
  }
  await posted('sim', creators, posts);
  const all = await rows(shop, "select * from attrib.forecast where site = 'sim' and (creator like 'asked%' or creator like 'alone%')");
  const rate = (who, figure, factor = 1) => {
    const asked = all.filter((f) => f.creator.startsWith(who) && f.figure === figure);
    assert.equal(asked.length, TIERS);
    const held = asked.filter((f) => {
      const is = figure === 'revenue' ? truth.get(f.creator).cents / 100 : truth.get(f.creator)[figure];
      const [middle, half] = [(Math.log(1 + f.high) + Math.log(1 + f.low)) / 2, (Math.log(1 + f.high) - Math.log(1 + f.low)) / 2];
      return Math.abs(Math.log(1 + is) - middle) <= factor * half + 1e-9;
    });
    return held.length / TIERS;
  };
  const bound = 3.5 * Math.sqrt(0.8 * 0.2 / TIERS);
  for (const who of ['asked', 'alone']) {
    for (const figure of ['clicks', 'revenue']) {
      t.diagnostic(`${who} ${figure}: ${rate(who, figure)}`);
      assert.ok(Math.abs(rate(who, figure) - 0.8) <= bound, `${who} ${figure}: ${rate(who, figure)}`);
      assert.ok(rate(who, figure, 0.6) < 0.8 - bound, 'a narrower one would not');
    }
    // of counts of a few, whole numbers can't be cut at 80 %: at least that
    assert.ok(rate(who, 'orders') >= 0.8 - bound, `${who} orders: ${rate(who, 'orders')}`);
  }
});
