// Scorecards and diagnoses: every rule has a case of its own in which it speaks, and is silent in all others; the figures
// of a scorecard are those of kpi_creator, and what is judged is judged by stated bounds.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ago, click, purchase, refund, rows, tell, visit } from './contract.mjs';
import { Shop, attribd, root } from './support.mjs';

const HEALTHY = { platform: 'instagram', type: 'post', followers: 5000, impressions: 2000, reach: 1500, likes: 125, views_6s: 600, clicks: 100, sold: 2 };
const WIDE = { impressions: 20000, reach: 15000, followers: 20000, likes: 500 };
const BUSY = { clicks: 400, impressions: 8000, reach: 6000, followers: 10000, likes: 250 };
// What happened in 30 days (now), what in the 30 days before, and what is to be said of it.
const CASES = {
  healthy: { says: [] },
  steady: { before: {}, says: [] },
  ctr_low: { now: WIDE, says: ['low_ctr'] },
  ctr_high: { now: { impressions: 1000, reach: 800 }, says: ['high_ctr'] },
  cvr_low: { now: { sold: 0 }, says: ['low_cvr_good_ctr'] },
  cvr_low_ctr_low: { now: { ...WIDE, sold: 0 }, says: ['low_ctr'] },
  cvr_of_few: { now: { sold: 0, clicks: 99 }, says: [] },
  cvr_high: { before: {}, now: { sold: 4, price: '25.00' }, says: ['high_cvr'] },
  vtr_low: { before: {}, now: { views_6s: 200 }, says: ['low_vtr'] },
  unwatched: { now: { type: 'reel', views: 1000, views_completed: 300 }, says: ['low_completion'] },
  watched: { now: { type: 'reel', views: 1000, views_completed: 600 }, says: [] },
  bounce: { now: { bounce: 0.8 }, says: ['high_bounce'] },
  bounce_usual: { now: { bounce: 0.6 }, says: [] },
  liked: { now: { impressions: '', likes: 250, clicks: 0, sold: 0 }, says: ['engaged_no_sale'] },
  liked_bought: { now: { impressions: '', likes: 250, clicks: 0, sold: 0, coded: 1 }, says: [] },
  liked_few: { now: { ...BUSY, likes: 500 }, says: ['engaged_few_sales', 'low_cvr_good_ctr'] },
  few: { now: BUSY, says: ['low_cvr_good_ctr'] },
  seen_liked: { now: { platform: 'youtube', impressions: '', views: 1000, likes: 100, clicks: 0, sold: 0 }, says: ['engaged_no_sale_views'] },
  seen_liked_few: { now: { platform: 'youtube', ...BUSY, views: 1000, likes: 100 }, says: ['engaged_few_sales_views', 'low_cvr_good_ctr'] },
  spent: { now: { fee: 200 }, says: ['low_roas'] },
  earned: { now: { fee: 50 }, says: [] },
  earned_less: { before: { fee: 20 }, now: { fee: 50 }, says: ['falling_roas'] },
  earned_more: { before: { fee: 50 }, now: { fee: 20 }, says: ['high_roas'] },
  repeated: { now: { impressions: 3000 }, says: ['repeated_views'] },
  unseen: { now: { followers: 20000, likes: 500 }, says: ['low_reach'] },
  leaked: { before: { sold: 36, coded: 4 }, now: { sold: 20, coded: 20 }, says: ['code_leaked'] },
  leaked_little: { before: { sold: 36, coded: 4 }, now: { sold: 33, coded: 7 }, says: [] },
};
const COUNTS = ['impressions', 'reach', 'likes', 'views', 'views_6s', 'views_completed'];
const csv = (header, lines) => `${header}\n${lines.map((l) => l.join(',')).join('\n')}\n`;
const day = (days) => ago(days).slice(0, 10);
const at = (days, minutes = 0) => `${day(days)}T12:${String(minutes).padStart(2, '0')}:00Z`;
const NOW = [day(30), day(1)];
const stories = Object.entries(CASES).flatMap(([name, c]) => [['now', 15], ['before', 45]].filter(([when]) => when === 'now' || c.before)
  .map(([when, days]) => ({ name, when, days, ...HEALTHY, ...c[when] })));
const scope = (s) => ['acme', s.name, `${s.name}-post`];

let shop;
before(async () => {
  const first = stories.filter((s) => s.when === 'now');
  shop = await Shop.open({ site: 'lock_after = 120d', catalog: {
    creator: csv('site,handle,platform,tier,followers', [...first.map((s) => ['acme', s.name, s.platform, 'mid-sized', s.followers]),
      ...['lisa', 'mia', 'noah', 'zoe', 'ada', 'eve'].map((h) => ['acme', h, 'instagram', 'micro', 1000])]),
    campaign: csv('site,name', [...first.map((s) => ['acme', s.name]), ['acme', 'team'], ['acme', 'solo']]),
    placement: csv('site,name,campaign,creator,platform,content_type,posted_at', [...first.map((s) => ['acme', `${s.name}-post`, s.name, s.name, s.platform, s.type, day(70)]),
      ['acme', 'mia-post', 'team', 'mia', 'instagram', 'post', day(20)]]),
    tracker: csv('site,kind,key,creator,campaign,placement,destination,valid_from,valid_to', [...first.flatMap((s) => [
      ['acme', 'link', `${s.name}-link`, s.name, s.name, `${s.name}-post`, 'https://shop.example/', '', ''], ['acme', 'code', `C-${s.name}`, s.name, s.name, `${s.name}-post`, '', '', '']]),
      ['acme', 'code', 'LISA', 'lisa', 'team', '', '', '', ''], ['acme', 'code', 'MIA', 'mia', 'team', 'mia-post', '', '', ''], ['acme', 'code', 'SOLO', 'lisa', 'solo', '', '', '', ''],
      ['acme', 'affiliate', 'noah', 'noah', 'team', '', '', '', day(40)], ['acme', 'affiliate', 'noah', 'zoe', 'team', '', '', day(40), ''],
      ['acme', 'utm', 'insta/*/ada', 'ada', 'team', '', '', '', ''], ['acme', 'utm', 'insta', 'eve', '', '', '', '', '']]),
    cost: csv('site,cost_id,campaign,creator,placement,kind,amount,currency,incurred_on', [
      ...stories.filter((s) => s.fee).map((s) => ['acme', `${s.name}-${s.when}`, s.name, s.name, `${s.name}-post`, 'fee', s.fee, 'EUR', day(s.days)]),
      ['acme', 't1', 'team', '', '', 'agency', '100.01', 'EUR', day(20)], ['acme', 't2', 'team', '', '', 'paid_media', '77.77', 'EUR', day(50)],
      ['acme', 't3', 'team', 'mia', '', 'fee', 30, 'EUR', day(20)], ['acme', 't4', 'team', 'lisa', '', 'fee', 70, 'USD', day(20)], ['acme', 't5', 'team', 'noah', '', 'product_cogs', 5, 'GBP', day(20)],
      ['acme', 's1', 'solo', 'lisa', '', 'fee', 1000, 'EUR', day(20)], ['acme', 's2', 'solo', 'lisa', '', 'fee', 200, 'EUR', day(50)]]),
    exchange_rate: csv('base,quote,rate,valid_on', [['EUR', 'USD', '1.25', '2020-01-01'], ['EUR', 'USD', '1.5', day(41)]]),
    margin: csv('site,campaign,rate,valid_from', [['acme', '', '0.5', ''], ['acme', 'team', '0.25', '2020-01-01'], ['acme', 'team', '0.75', day(43)]]),
    commission_rule: csv('site,campaign,creator,kind,rate', [['acme', 'team', 'ada', 'percent', '0.1']]),
    benchmark: csv('site,metric,platform,tier,content_type,low,high,source', [['acme', 'ctr_impressions', '', '', '', '0.02', '0.08', 'our own'], ['acme', 'bounce_rate', '', '', '', '', '0.7', 'our own']]),
    placement_note: csv('site,placement,noted_on,kind,value', stories.filter((s) => s.bounce).map((s) => ['acme', `${s.name}-post`, day(s.days), 'bounce_rate', s.bounce])),
    post_metrics: csv(`site,placement,taken_at,scope,mode,${COUNTS}`, [...stories.map((s) => ['acme', `${s.name}-post`, day(s.days), 'total', 'delta', ...COUNTS.map((c) => s[c] ?? '')]),
      ['acme', 'mia-post', day(40), 'total', 'cumulative', 900, 500, 50, '', '', ''], ['acme', 'mia-post', day(10), 'total', 'cumulative', 5900, 2500, 150, '', '', '']]),
  } });
  let n = 0;
  const buy = (days, total, order, who = {}) => purchase({ id: `o-${n += 1}`, total, ...order }, { occurred_at: at(days, 30), email: `c${n}@example.com`, ...who });
  const events = stories.flatMap((s) => [
    ...Array.from({ length: s.clicks }, (_, i) => click(`${s.name}-link`, at(s.days), { visitor_id: `${s.name}-${s.when}-${i}` })),
    ...Array.from({ length: s.sold }, (_, i) => buy(s.days, s.price ?? '50.00', {}, { visitor_id: `${s.name}-${s.when}-${i}` })),
    ...Array.from({ length: s.coded ?? 0 }, () => buy(s.days, s.price ?? '50.00', { codes: [`C-${s.name}`] }))]);
  for (let i = 0; i < events.length; i += 900) await tell(shop, events.slice(i, i + 900));
  await tell(shop, [80, 50, 44, 42, 20, 5].flatMap((days) => [buy(days, '10.00', { codes: ['LISA'] }), buy(days, '20.00', { codes: ['MIA'] }, { email: 'again@example.com' }), buy(days, '33.33', { codes: ['MIA'], currency: 'USD' }),
    ...['noah', 'ada', 'eve'].flatMap((who) => [visit(`https://shop.example/${who === 'noah' ? '?ref=noah' : `?utm_source=insta&utm_medium=story&utm_campaign=${who}`}`, at(days), { visitor_id: `${who}-${days}` }),
      buy(days, '40.00', {}, { visitor_id: `${who}-${days}` })])]));
  await tell(shop, Array.from({ length: 10 }, () => buy(20, '50.00', { codes: ['SOLO'] })), Array.from({ length: 5 }, () => buy(50, '50.00', { codes: ['SOLO'] })),
    refund({ id: 'r', order_id: 'o-1', amount: '25.00' }, { occurred_at: at(2) }));
});
after(() => shop.close());

const close = (value, expected, message) => assert.ok(Math.abs(value - expected) < 1e-9, `${message}: ${value} and not ${expected}`);
async function said(where, sql = 'true') {
  const found = await rows(shop, `select scope_key, rule from attrib.kpi_diagnosis_between('acme', $1, $2) where scope = $3 and ${sql} order by rule`, [...NOW, where]);
  return Object.fromEntries(Object.keys(CASES).map((name) => [name, found.filter((f) => f.scope_key === (where === 'placement' ? `${name}-post` : name)).map((f) => f.rule)]));
}
const expected = Object.fromEntries(Object.entries(CASES).map(([name, c]) => [name, c.says]));

for (const where of ['campaign', 'creator', 'placement'])
  test(`diagnosis by ${where}: every rule speaks in its case and in no other`, async () => {
    assert.deepEqual(await said(where), expected);
    const known = await rows(shop, "select rule from attrib.diagnosis_rule where site = ''");
    assert.deepEqual(known.map((r) => r.rule).filter((r) => !Object.values(expected).flat().includes(r)), [], 'rules without a case');
  });

test('diagnosis: evidence names the counts and where the bound is from', async () => {
  const [few] = await rows(shop, "select * from attrib.kpi_diagnosis_between('acme', $1, $2) where scope = 'creator' and scope_key = 'cvr_low'", NOW);
  assert.equal(few.evidence, 'cvr_clicks 0 = 0 click_orders / 100 clicks is below 0.01 (industry guides); ctr_impressions 0.05 = 100 clicks / 2000 impressions is not below 0.02 (our own, of the site)');
  assert.match(few.advice, /landing page and the offer/);
  const [leaked] = await rows(shop, "select * from attrib.kpi_diagnosis_between('acme', $1, $2) where scope = 'campaign' and scope_key = 'leaked'", NOW);
  assert.deepEqual([leaked.value, leaked.observations, leaked.low, leaked.high, leaked.before], [0.5, 40, 0, 0.2, 0.1]);
  assert.equal(leaked.evidence, 'code_only_share 0.5 = 20 code_only_orders / 40 claims is above 0.2 (own history: 0.1 of 40 claims in the period before)');
  const all = await rows(shop, "select distinct rule from attrib.kpi_diagnosis where scope_key = 'leaked'");
  assert.deepEqual(all, [], 'all time has no history');
});

test('diagnosis: a site replaces a rule, turns one off, adds its own', async () => {
  await shop.import('diagnosis_rule', csv('site,rule,metric,condition,compared_with,advice,minimum,enabled', [
    ['acme', 'low_ctr', 'ctr_impressions', 'low', 'benchmark', 'Ask Lisa.', 5000, 'true'], ['acme', 'high_ctr', 'ctr_impressions', 'high', 'any', '-', '', 'false'],
    ['acme', 'dear_order', 'cpa', 'high', 'benchmark', 'Too dear.', 1, 'true']]));
  await shop.query("insert into attrib.benchmark (site, metric, high, source) values ('acme', 'cpa', 90, 'the controller')");
  const found = await said('campaign');
  assert.deepEqual([found.ctr_low, found.ctr_high, found.spent], [['low_ctr'], [], ['dear_order', 'low_roas']]);
  const [low] = await rows(shop, "select advice from attrib.kpi_diagnosis where scope = 'campaign' and scope_key = 'ctr_low'");
  assert.equal(low.advice, 'Ask Lisa.');
  await shop.query("update attrib.diagnosis_rule set minimum = 20001 where site = 'acme' and rule = 'low_ctr'");
  assert.deepEqual((await said('campaign')).ctr_low, [], 'fewer impressions than the site asks for');
  const kept = await rows(shop, "select minimum, superseded_at = 'infinity' as current from attrib.diagnosis_rule_history where site = 'acme' and rule = 'low_ctr' order by recorded_at");
  assert.deepEqual(kept, [{ minimum: 5000, current: false }, { minimum: 20001, current: true }]);
  await shop.query("delete from attrib.diagnosis_rule where site = 'acme'; delete from attrib.benchmark where site = 'acme' and metric = 'cpa'");
});

// The same figure under the same name is the same number: all creators, periods that cut months, every model and spread.
test('scorecard: its figures are those of kpi_creator', async () => {
  const shared = (await rows(shop, `select m.metric from attrib.metric_list() m
    join pg_attribute a on a.attrelid = 'attrib.kpi_creator'::regclass and a.attname = m.metric`)).map((r) => r.metric);
  assert.ok(shared.length > 20, shared.join());
  const compare = async (period, model) => {
    const differs = await rows(shop, `select k.creator, m.metric, to_jsonb(k) ->> m.metric as kpi, s.value from attrib.kpi_creator_between('acme', $1, $2, $3) k
      cross join unnest($4::text[]) m (metric)
      left join attrib.kpi_scorecard_between('acme', $1, $2, null, $3) s on s.creator = k.creator and s.metric = m.metric
      where k.creator is not null and coalesce((to_jsonb(k) ->> m.metric)::numeric, case when m.metric in ('orders', 'revenue') then 0 end) is distinct from s.value
        and not coalesce(abs((to_jsonb(k) ->> m.metric)::numeric - s.value) < 1e-9, false)`, [...period, model, shared]);
    assert.deepEqual(differs, [], `${period} ${model}`);
  };
  for (const period of [NOW, [day(47), day(43)], [day(95), day(0)], [day(60), day(4)]]) await compare(period, 'policy');
  await compare([null, null], 'policy');
  for (const model of ['last_touch', 'linear', 'time_decay']) await compare([day(95), day(0)], model);
  for (const spread of ['equal', 'revenue', 'none']) {
    await shop.query('update attrib.site set cost_spread = $1', [spread]);
    await compare([day(95), day(0)], 'policy');
  }
  await shop.query("update attrib.site set cost_spread = 'direct_cost'");
  const [ada] = await rows(shop, "select value from attrib.kpi_scorecard where creator = 'ada' and metric = 'orders'");
  assert.equal(ada.value, 6, 'found by a UTM rule');
});

const card = async (creator, period = NOW) => Object.fromEntries((await rows(shop, 'select * from attrib.kpi_scorecard_between($1, $2, $3, $4)', ['acme', ...period, creator])).map((r) => [r.metric, r]));

test('scorecard: break-even, marginal return, own history', async () => {
  const lisa = await card('lisa');
  const [kpi] = await rows(shop, "select cost, revenue, orders from attrib.kpi_creator_between('acme', $1, $2) where creator = 'lisa'", NOW);
  const [was] = await rows(shop, "select cost, revenue from attrib.kpi_creator_between('acme', $1, $2) where creator = 'lisa'", [day(60), day(31)]);
  const earned = 500 * 0.5 + 20 * 0.75; // ten orders of one campaign at its margin, two of another at its own
  assert.equal(kpi.revenue, 520);
  close(lisa.roi_margin.value, earned / kpi.cost - 1, 'margin');
  close(lisa.break_even_orders.value, (kpi.cost - earned) / (earned / 12), 'orders that are missing');
  close(lisa.break_even_revenue.value, (kpi.cost - earned) / (earned / 520), 'revenue that is missing');
  assert.equal(lisa.break_even_orders.verdict, 'high');
  close(lisa.marginal_roi.value, ((kpi.revenue - kpi.cost) - (was.revenue - was.cost)) / (kpi.cost - was.cost), 'marginal');
  assert.deepEqual([lisa.marginal_roi.verdict, lisa.marginal_roi.observations], ['low', 8]);
  assert.deepEqual([lisa.revenue.before, lisa.revenue.change], [was.revenue, (kpi.revenue - was.revenue) / was.revenue]);
  const less = await card('earned_more');
  assert.deepEqual([less.marginal_roi.value, less.marginal_roi.verdict, less.marginal_roi.unknown], [null, 'unknown', 'no cost rise']);
  assert.deepEqual([less.break_even_orders.value, less.break_even_orders.unknown], [0, '2 orders, and it takes 5']);
  assert.deepEqual([less.roi.value, less.roi.verdict, less.roi.before, less.roi.change], [4, 'normal', 1, 3]);
});

test('benchmarks: those of the guides, and a site\'s own before them', async () => {
  const of = async (...what) => Object.values((await rows(shop, 'select low, high from attrib.benchmark_of($1, $2, $3, $4, $5)', ['acme', ...what]))[0] ?? {});
  const guides = [['er_followers', 'instagram', '', '', 0.02, 0.03], ['er_followers', 'instagram', 'macro', '', 0.02, 0.03], ['er_followers', 'instagram', 'mid', '', 0.05, null],
    ['er_followers', 'instagram', 'micro', '', 0.08, 0.1], ['er_followers', 'tiktok', 'micro', '', 0.05, 0.15], ['er_impressions', 'tiktok', '', 'video', 0.05, 0.1], ['er_views', 'youtube', '', '', 0.04, 0.06],
    ['vcr', 'youtube', '', 'short', 0.5, 0.7], ['vcr', 'instagram', '', 'reel', 0.5, 0.7], ['vcr', 'tiktok', '', 'video', 0.5, 0.7], ['vcr', 'youtube', '', 'video', 0.4, 0.6], ['frequency', 'x', '', '', 1.2, 1.5], ['cvr_clicks', '', '', '', 0.01, null]];
  for (const [metric, platform, tier, type, low, high] of guides) assert.deepEqual(await of(metric, platform, tier, type), [low, high], `${metric} ${platform} ${tier} ${type}`);
  assert.deepEqual(await of('er_followers', 'youtube', '', ''), [], 'no guide says so');
  await shop.query("insert into attrib.benchmark (site, metric, platform, low) values ('acme', 'er_followers', 'instagram', 0.07), ('else', 'er_followers', 'instagram', 0.9)");
  assert.deepEqual(await of('er_followers', 'instagram', 'micro', ''), [0.07, null], 'of the site before the more special one of every site');
  await shop.query("delete from attrib.benchmark where metric = 'er_followers' and site <> ''");
});

test('scorecard: verdicts by benchmark, by the tier, and why there is none', async () => {
  const liked = await card('liked');
  assert.deepEqual([liked.er_followers.value, liked.er_followers.verdict, liked.er_followers.benchmark_high, liked.er_followers.benchmark_source], [0.05, 'high', 0.03, 'industry guides, instagram']);
  assert.deepEqual([liked.cvr_clicks.verdict, liked.cvr_clicks.unknown], ['unknown', 'no clicks']);
  assert.deepEqual([liked.er_views.verdict, liked.er_views.unknown], ['unknown', 'no views']);
  const few = await card('cvr_of_few');
  assert.deepEqual([few.cvr_clicks.value, few.cvr_clicks.verdict, few.cvr_clicks.unknown], [0, 'unknown', '99 clicks, and it takes 100']);
  const clicked = await card('steady');
  assert.deepEqual([clicked.ctr_impressions.verdict, clicked.ctr_impressions.benchmark_source], ['normal', 'our own, of the site']);
  const all = (await rows(shop, "select s.value from attrib.kpi_scorecard_between('acme', $1, $2) s join attrib.creator c on c.handle = s.creator where s.tier = 'mid-sized' and c.platform = (select platform from attrib.creator where handle = 'steady') and s.metric = 'revenue' order by 1", NOW)).map((r) => r.value);
  assert.equal(clicked.revenue.tier_creators, all.length);
  const [{ tier }] = await rows(shop, "select count(*)::int as tier from attrib.kpi_scorecard_between('acme', $1, $2) where tier = 'mid-sized' and metric = 'revenue'", NOW);
  assert.ok(tier > all.length, 'what is usual on one platform is not on another');
  assert.equal(clicked.revenue.tier_median, (all[Math.floor((all.length - 1) / 2)] + all[Math.ceil((all.length - 1) / 2)]) / 2);
  assert.deepEqual([clicked.revenue.verdict, (await card('leaked')).revenue.verdict], ['normal', 'high'], 'by the quarters of the tier');
  const mia = await card('mia');
  assert.equal(mia.reach_rate.verdict, 'normal');
  assert.deepEqual([mia.er_impressions.tier_creators, mia.er_impressions.unknown], [1, 'no benchmark, and 1 of the 5 creators of a tier and platform that it takes to compare']);
});

test('scorecard: signals of an audience are shares far from before', async () => {
  const leaked = await card('leaked');
  const pooled = (20 + 4) / 80;
  const z = (0.5 - 0.1) / Math.sqrt(pooled * (1 - pooled) * (2 / 40));
  assert.deepEqual([leaked.code_only_share.z, leaked.code_only_share.signal], [Number(z.toFixed(2)), true]);
  assert.deepEqual([leaked.refund_rate.signal, leaked.new_customer_share.signal, leaked.filtered_share.signal, leaked.roi.signal], [false, false, false, null]);
  const little = await card('leaked_little');
  assert.deepEqual([little.code_only_share.signal, little.code_only_share.z > 0], [false, true]);
  assert.equal((await card('healthy')).code_only_share.signal, null, 'too few');
});

// The guide's example is run, and its tables are what the database says: ATTRIB_WRITE=1 writes them again.
test('docs/scorecard.md: the example gives what it shows, and the lists are those of the database', async () => {
  const file = join(root, 'docs/scorecard.md');
  const before = readFileSync(file, 'utf8');
  const [, script] = /```sh\n([^]*?)```/.exec(before);
  execFileSync('bash', ['-euc', `attribd() { "${attribd}" "$@" -c "${shop.config}" > /dev/null; }\n${script}`]);
  let text = before;
  for (const [all, sql] of before.matchAll(/```sql\n([^]*?)```\n\n```text\n[^]*?```/g)) {
    const found = await shop.query(sql);
    const lines = [Object.keys(found[0]), ...found.map(Object.values)].map((r) => r.map((v) => v ?? '-'));
    const widths = lines[0].map((_, i) => Math.max(...lines.map((l) => String(l[i]).length)));
    const shown = lines.map((l) => l.map((v, i) => (i < l.length - 1 ? String(v).padEnd(widths[i]) : v)).join('  ')).join('\n');
    text = text.replace(all, () => `\`\`\`sql\n${sql}\`\`\`\n\n\`\`\`text\n${shown}\n\`\`\``);
  }
  const table = (header, lines) => `${header}\n${header.split('|').slice(1, -1).map(() => '|---').join('')}|\n${lines.map((l) => `| ${l.join(' | ')} |`).join('\n')}\n`;
  const figures = await rows(shop, 'select * from attrib.metric_list() order by n');
  const rules = await rows(shop, "select * from attrib.diagnosis_rule where site = '' order by rule");
  const put = (header, lines) => { text = text.replace(new RegExp(`${header.replaceAll('|', '\\|')}\n(\\|.*\n)*`), () => table(header, lines)); };
  put('| figure | what it is | observations it takes |', figures.map((f) => [`\`${f.metric}\``, f.formula, f.minimum ? `${f.minimum} ${f.observed}` : '-']));
  put('| rule | figure | against | and | advice |', rules.map((r) => [`\`${r.rule}\``, `${r.metric} ${r.condition}`,
    r.compared_with === 'benchmark' ? 'benchmark' : `${r.compared_with}, ${r.margin * 100} %`, r.also_metric ? `${r.also_metric} ${r.also_condition}` : '-', r.advice]));
  if (process.env.ATTRIB_WRITE) writeFileSync(file, text);
  assert.equal(readFileSync(file, 'utf8'), text);
});

test('reports: by creator, over a period', async () => {
  const report = async (...args) => JSON.parse(await shop.cli('report', ...args, '--site', 'acme', '--from', NOW[0], '--to', NOW[1], '--format', 'json', '-c', shop.config));
  const one = await report('kpi_scorecard', '--creator', 'leaked', '--model', 'last_touch');
  assert.deepEqual([new Set(one.map((r) => r.creator)), one.length], [new Set(['leaked']), (await rows(shop, 'select * from attrib.metric_list()')).length]);
  assert.ok((await report('kpi_scorecard')).length > one.length);
  assert.equal((await report('kpi_diagnosis')).filter((r) => r.scope === 'creator' && r.scope_key === 'leaked')[0].rule, 'code_leaked');
});
