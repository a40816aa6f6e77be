// The key figures as a marketer's guide works them out: each example is a campaign of its own, told by events,
// costs and the platforms' counts, and its figure has to be exactly that of the guide.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ago, click, purchase, refund, rows, tell, visit } from './contract.mjs';
import { Shop, root } from './support.mjs';

// What is sold and paid for each: [orders, of how much, fee] of one creator with one code.
const SALES = {
  twohundred: [200, '50.00', '10'], fifteen: [1, '15000.00', '10000'], roas: [1, '12000.00', '4000'],
  cac: [100, '1.00', '5000'], dearer: [150, '1.00', '10000'], quarter: [1, '200.00', '50'], loss: [1, '100.00', '120'],
};
const POSTS = [ // placement, campaign, creator, platform, what the platform tells
  ['p-er', 'er', 'er', 'instagram', { reach: 50, impressions: 100, views: 1000, likes: 400, comments: 60, shares: 25, saves: 15 }],
  ['p-er-big', 'er-big', 'er-big', 'instagram', { likes: 500 }],
  ['p-three-1', 'three', 'three', 'instagram', { likes: 3000 }], ['p-three-2', 'three', 'three', 'instagram', { likes: 3000 }],
  ['p-three-3', 'three', 'three', 'instagram', { likes: 3000 }],
  ['p-tiktok', 'tiktok', 'tiktok', 'tiktok', { likes: 5, comments: 3, shares: 2, saves: 100, views: 100 }],
  ['p-frequency', 'frequency', 'er', 'instagram', { impressions: 144, reach: 120 }],
  ['p-brand', 'brand', 'er', 'instagram', { reach: 100000, new_followers: 5000 }],
  ['p-watched', 'watched', 'er', 'youtube', { views: 10, watch_seconds: 1260, views_completed: 4, impressions: 40, views_6s: 8 }],
  ['p-emv', 'emv', 'emv', 'instagram', { impressions: 1000000, likes: 50000 }],
  ['p-emv-poor', 'emv-poor', 'emv', 'instagram', { impressions: 1000000, likes: 50000 }],
  ['p-emv-rich', 'emv-rich', 'emv', 'instagram', { impressions: 20000000 }],
];
const COUNTS = ['impressions', 'reach', 'likes', 'comments', 'shares', 'saves', 'views', 'views_6s', 'views_completed', 'watch_seconds', 'new_followers'];
const CAMPAIGNS = [...Object.keys(SALES), ...new Set(POSTS.map((p) => p[1])), 'team', 'clicks', 'paid', 'idle', 'foreign'];
const csv = (header, lines) => `${header}\n${lines.map((l) => l.join(',')).join('\n')}\n`;
const at = (days) => `${ago(days).slice(0, 10)}T12:00:00Z`;

let shop;
before(async () => {
  const sellers = Object.keys(SALES);
  shop = await Shop.open({ catalog: {
    creator: csv('site,handle,platform,tier,followers', [...sellers, 'lisa', 'mia', 'zoe'].map((h) => ['acme', h, 'instagram', 'micro', ''])
      .concat([['acme', 'er', 'instagram', 'micro', 5000], ['acme', 'er-big', 'instagram', 'mid', 50000], ['acme', 'three', 'instagram', 'macro', 1],
        ['acme', 'tiktok', 'tiktok', 'micro', 100], ['acme', 'emv', 'instagram', 'macro', '']])),
    campaign: csv('site,name', CAMPAIGNS.map((c) => ['acme', c])),
    placement: csv('site,name,campaign,creator,platform,content_type,posted_at,paid,length_seconds', POSTS.map(([name, campaign, creator, platform]) =>
      ['acme', name, campaign, creator, platform, 'video', '2026-03-01 12:00', 'false', 180])
      .concat([['acme', 'p-paid', 'paid', 'zoe', 'instagram', 'story', at(10).slice(0, 10), 'true', ''], ['acme', 'p-own', 'paid', 'zoe', 'instagram', 'post', '', 'false', '']])),
    tracker: csv('site,kind,key,creator,campaign,placement,destination', sellers.map((s) => ['acme', 'code', s.toUpperCase(), s, s, '', ''])
      .concat([['acme', 'code', 'LISA', 'lisa', 'team', '', ''], ['acme', 'code', 'MIA', 'mia', 'team', '', ''], ['acme', 'code', 'CLICKS', 'zoe', 'clicks', '', ''],
        ['acme', 'link', 'zoe-link', 'zoe', 'clicks', '', 'https://shop.example/'], ['acme', 'link', 'paid-link', 'zoe', 'paid', 'p-paid', 'https://shop.example/'],
        ['acme', 'code', 'OWN', 'zoe', 'paid', 'p-own', ''], ['acme', 'code', 'YEN', 'mia', 'foreign', '', '']])),
    cost: csv('site,cost_id,campaign,creator,placement,kind,amount,currency,incurred_on', [
      ...Object.entries(SALES).map(([name, [, , fee]]) => ['acme', name, name, name, '', 'fee', fee, 'EUR', '2026-01-01']),
      ['acme', 't1', 'team', 'lisa', '', 'fee', 3000, 'EUR', '2026-01-01'], ['acme', 't2', 'team', 'mia', '', 'fee', 1000, 'EUR', '2026-01-01'],
      ['acme', 't3', 'team', '', '', 'agency', 2000, 'EUR', '2026-01-01'], ['acme', 'e1', 'emv', 'emv', '', 'fee', 10000, 'EUR', '2026-01-01'],
      ['acme', 'e2', 'emv-poor', 'emv', '', 'fee', 40000, 'EUR', '2026-01-01'], ['acme', 'e3', 'emv-rich', 'emv', '', 'fee', 20000, 'EUR', '2026-01-01'],
      ['acme', 'i', 'idle', '', '', 'fee', 7, 'EUR', '2026-01-01'], ['acme', 'p1', '', '', 'p-paid', 'paid_media', 20, 'EUR', '2026-01-01'],
      ['acme', 'p2', '', '', 'p-own', 'product_cogs', 30, 'EUR', '2026-01-01'], ['acme', 'c', 'clicks', 'zoe', '', 'fee', 100, 'EUR', '2026-01-01'],
      ['acme', 'f1', 'foreign', 'mia', '', 'fee', 5, 'USD', '2026-01-03'], ['acme', 'f2', 'foreign', 'mia', '', 'fee', 5, 'GBP', '2026-01-03']]),
    exchange_rate: csv('base,quote,rate,valid_on', [['EUR', 'USD', '1.25', '2026-01-02'], ['EUR', 'USD', '2', '2026-01-04'], ['JPY', 'EUR', '0.005', '2020-01-01']]),
    rate_card: csv('site,platform,action,value,currency,valid_from', [['acme', 'instagram', 'cpm', 5, 'EUR', '2020-01-01'], ['acme', 'instagram', 'likes', '0.50', 'EUR', '2020-01-01'],
      ['acme', 'instagram', 'likes', '9', 'EUR', '2026-06-01']]),
    margin: csv('site,campaign,rate', [['acme', '', '0.5'], ['acme', 'fifteen', '0.8']]),
    follower_count: csv('site,owner,creator,platform,counted_on,followers', [['acme', 'creator', 'three', 'instagram', '2026-02-01', 100000], ['acme', 'creator', 'three', 'instagram', '2026-04-01', 999999]]),
    post_metrics: csv(`site,placement,taken_at,scope,mode,${COUNTS}`, POSTS.flatMap(([name, , , , counts]) => [
      // an older snapshot counts no more, and paid is no more than a part of the total
      ['acme', name, '2026-03-02', 'total', 'cumulative', ...COUNTS.map((c) => (counts[c] ? 1 : ''))],
      ['acme', name, '2026-03-09', 'total', 'cumulative', ...COUNTS.map((c) => counts[c] ?? '')],
      ['acme', name, '2026-03-09', 'paid', 'cumulative', ...COUNTS.map((c) => (counts[c] ? 1 : ''))]])),
    mention_daily: csv('site,subject,counted_on,mentions,positive,negative', [['acme', '', '2026-03-01', 30, 12, 6], ['acme', 'rival', '2026-03-01', 70, 1, 1]]),
    kpi_target: csv('site,metric,scope,scope_key,target,direction,primary,starts_on,deadline', [
      ['acme', 'roi', 'campaign', 'fifteen', '0.5', 'up', 'true', '', ''], ['acme', 'cac', 'campaign', 'cac', '49.99', 'down', 'true', '', ''],
      ['acme', 'orders', 'creator', 'cac', '300', 'up', 'false', at(29).slice(0, 10), ''], ['acme', 'frobs', 'site', '', '1', 'up', 'false', '', ''],
      ...['aov', 'roi', 'cpa', 'orders'].map((m) => ['acme', m, 'campaign', 'team', '1', 'up', 'true', '', ''])]),
  } });
  let n = 0;
  const buy = (code, total, days, more = {}) => purchase({ id: `o-${n += 1}`, total, codes: [code], ...more.order }, { occurred_at: at(days), email: `c${n}@example.com`, ...more.event });
  const orders = [];
  for (const [name, [count, total]] of Object.entries(SALES)) for (let i = 0; i < count; i += 1) orders.push(buy(name.toUpperCase(), total, 20));
  await tell(shop, orders);
  await tell(shop, buy('LISA', '9000.00', 20), buy('MIA', '1000.00', 20), buy('YEN', '2000', 20, { order: { currency: 'JPY' } }),
    Array.from({ length: 1000 }, (_, i) => click('zoe-link', at(21), { visitor_id: `z${i}` })));
  await tell(shop, Array.from({ length: 50 }, (_, i) => purchase({ id: `z-${i}`, total: '10.00' }, { occurred_at: at(20), visitor_id: `z${i}`, email: `z${i}@example.com` })),
    buy('CLICKS', '10.00', 20), click('paid-link', at(9), { visitor_id: 'ad' }),
    purchase({ id: 'ad', total: '60.00' }, { occurred_at: at(8), visitor_id: 'ad', email: 'ad@example.com' }), buy('OWN', '40.00', 1));
  await tell(shop, purchase({ id: 'ad-2', total: '90.00' }, { occurred_at: at(2), visitor_id: 'other', email: 'ad@example.com' }), refund({ id: 'r', order_id: 'ad', amount: '15.00' }, { occurred_at: at(3) }));
});
after(() => shop.close());

const close = (value, expected, message) => assert.ok(Math.abs(value - expected) < 1e-9, `${message}: ${value} and not ${expected}`);
async function figures(view, key, expected) {
  const [row, ...others] = await rows(shop, `select * from attrib.kpi_${view} where site = 'acme' and ${view} = $1`, [key]);
  assert.deepEqual(others, []);
  for (const [name, value] of Object.entries(expected)) {
    if (value === null) assert.equal(row[name], null, `${key}.${name}`);
    else close(row[name], value, `${key}.${name}`);
  }
}

test('worked examples: engagement, reach and video', async () => {
  await figures('campaign', 'er', { engagements: 500, er_followers: 0.1, er_reach: 10, er_impressions: 5, er_views: 0.5, reach_rate: 0.01, cost: null, cpe: null });
  await figures('campaign', 'er-big', { er_followers: 0.01, er_reach: null });
  await figures('creator', 'three', { engagements: 9000, er_followers: 0.03, posts: 3 });
  await figures('creator', 'tiktok', { engagements: 10, er_followers: 0.1, er_views: 0.1 });
  await figures('campaign', 'frequency', { frequency: 1.2 });
  await figures('campaign', 'brand', { follower_conversion: 0.05 });
  await figures('campaign', 'watched', { avg_percent_viewed: 0.7, avg_watch_seconds: 126, vcr: 0.4, vtr_full: 0.1, vtr_6s: 0.2 });
});

test('worked examples: revenue, return, customers', async () => {
  await figures('campaign', 'twohundred', { orders: 200, aov: 50, revenue: 10000, roi: 999, cpa: 0.05 });
  await figures('campaign', 'fifteen', { roi: 0.5, revenue_cost_ratio: 1.5, roi_margin: 0.2 });
  await figures('campaign', 'roas', { roas_total: 3, roi_margin: 0.5 });
  await figures('campaign', 'cac', { new_customers: 100, unknown_customers: 0, new_customer_coverage: 1, cac: 50 });
  await figures('campaign', 'dearer', { cac: 10000 / 150 });
  await figures('campaign', 'quarter', { clv: null, clv_to_date: 200, cac_to_clv: 0.25 });
  await figures('campaign', 'loss', { cac_to_clv: 1.2 });
  await figures('campaign', 'idle', { cost: 7, roi: -1, cpa: null, cac: null, aov: null });
});

test('worked examples: cost is spread', async () => {
  await figures('creator', 'lisa', { cost: 4500, cost_direct: 3000, cost_shared: 1500, roi: 1, roi_direct: 2 });
  const [mia] = await rows(shop, "select * from attrib.roi where creator = 'mia' and campaign = 'team' and model = 'policy'");
  close(mia.roi, -1 / 3, 'mia');
  await figures('campaign', 'team', { cost: 6000, roi: 2 / 3 });
});

test('worked examples: earned media value', async () => {
  await figures('campaign', 'emv', { emv: 30000, emv_multiple: 3 });
  await figures('campaign', 'emv-poor', { emv_multiple: 0.75 });
  await figures('campaign', 'emv-rich', { emv: 100000, emv_multiple: 5 });
});

test('worked examples: clicks to orders, codes apart', async () => {
  await figures('campaign', 'clicks', { clicks: 1000, click_orders: 50, cvr_clicks: 0.05, orders: 51, claims: 51, code_only_orders: 1, code_only_share: 1 / 51, cpc: 0.1, conflict_rate: 0 });
  // a thousand persons, told within five standard errors of 1.4 %
  const [{ visitors, cvr_visitors }] = await rows(shop, `select visitors, cvr_visitors from attrib.kpi_campaign where campaign = 'clicks'`);
  assert.ok(Math.abs(visitors / 1000 - 1) < 0.07, `${visitors} visitors`);
  assert.ok(Math.abs(cvr_visitors - 50 / visitors) < 1e-9);
});

test('paid media, refunds, what comes after the post, second orders', async () => {
  await figures('placement', 'p-paid', { cost: 20, cost_paid_media: 20, gross: 150, refunded: 15, revenue: 135, refund_rate: 0.1, roas_ads: 6.75, roi: 5.75, share_7d: 1 / 3, share_14d: 1, repeat_rate: 1, clv_to_date: 135, new_customers: 1 });
  await figures('placement', 'p-own', { cost: 30, roas_ads: null, revenue: 40, share_7d: null });
  await figures('campaign', 'paid', { cost: 50, revenue: 175, roi: 2.5, roas_ads: 6.75, new_customers: 2 });
});

test('other currencies by the rate of their day; what has none is listed', async () => {
  await figures('campaign', 'foreign', { cost: 4, revenue: 10, roi: 1.5 });
  assert.deepEqual(await rows(shop, 'select what, currency, into_currency, amount from attrib.kpi_unconverted'), [{ what: 'cost', currency: 'GBP', into_currency: 'EUR', amount: 5 }]);
});

test('the rows of a cut add up to the site', async () => {
  const [site] = await rows(shop, "select * from attrib.kpi_site where site = 'acme'");
  for (const view of ['campaign', 'creator', 'placement']) {
    const [sum] = await rows(shop, `select sum(revenue) as revenue, sum(orders) as orders, sum(clicks) as clicks, sum(cost) as cost, sum(engagements) as engagements from attrib.kpi_${view}`);
    for (const name of Object.keys(sum)) close(sum[name], site[name], `${view}.${name}`);
    for (const row of await rows(shop, `select mer from attrib.kpi_${view}`)) close(row.mer, site.revenue / site.cost, `${view}.mer is the site's`);
  }
  close(site.mer, site.revenue / site.cost, 'mer');
  close(site.share_of_voice, 0.3, 'share of voice');
  close(site.net_sentiment, 0.2, 'net sentiment');
  const [roi] = await rows(shop, "select sum(net) as net from attrib.roi where model = 'policy' and currency = 'EUR'");
  close(site.net_revenue, roi.net + 10, 'revenue of roi, and the converted yen');
});

test('periods: posts by what came in between, weeks add up, cuts of the catalog', async () => {
  const [after] = await rows(shop, "select * from attrib.kpi_creator_between('acme', '2026-03-03', '2026-03-31') where creator = 'er-big'");
  assert.equal(after.engagements, 499, 'the newest snapshot less the one before the period');
  const days = (n) => at(n).slice(0, 10);
  const sum = async (sql) => (await rows(shop, sql))[0];
  const whole = await sum(`select (kpi->>'orders')::numeric as orders, (kpi->>'cost')::numeric as cost from attrib.kpi_between('acme', '${days(40)}', '${days(0)}')`);
  for (const step of ['day', 'week', 'month'])
    assert.deepEqual(await sum(`select sum((kpi->>'orders')::numeric) as orders, sum((kpi->>'cost')::numeric) as cost from attrib.kpi_series('acme', '${days(40)}', '${days(0)}', '${step}')`), whole, step);
  const tiers = await rows(shop, "select cut[1] as tier, cut[2] as platform, (kpi->>'engagements')::numeric as engagements from attrib.kpi_between('acme', null, null, '{tier,platform}') where kpi->>'engagements' is not null order by 1, 2");
  assert.deepEqual(tiers.map((t) => [t.tier, t.platform, t.engagements]), [['macro', 'instagram', 109000], ['micro', 'instagram', 500], ['micro', 'tiktok', 10], ['mid', 'instagram', 500]]);
  await assert.rejects(shop.query("select * from attrib.kpi_between('acme', null, null, '{moon}')"), /unknown dimension "moon"/);
});

test('targets: met, on the way, and what is odd about them', async () => {
  const status = Object.fromEntries((await rows(shop, 'select * from attrib.kpi_target_status')).map((t) => [`${t.scope_key ?? ''}.${t.metric}`, t]));
  assert.deepEqual([status['fifteen.roi'].value, status['fifteen.roi'].met], [0.5, true]);
  assert.deepEqual([status['cac.cac'].value, status['cac.cac'].met], [50, false]);
  assert.deepEqual([status['cac.orders'].value, status['cac.orders'].met, status['cac.orders'].elapsed], [100, false, null]);
  assert.equal(status['.frobs'].warning, 'no such metric');
  assert.equal(status['team.aov'].warning, 'more than three primary targets');
  await shop.query(`update attrib.kpi_target set deadline = current_date + 60 where metric = 'orders' and scope_key = 'cac'`);
  const [orders] = await rows(shop, "select * from attrib.kpi_target_status where scope_key = 'cac' and metric = 'orders'");
  assert.equal(orders.on_track, true, '100 of 300 in a third of the time');
  close(orders.elapsed, 30 / 90, 'elapsed');
});

test('reports: all of them, over a period, by another model', async () => {
  const report = async (...args) => JSON.parse(await shop.cli('report', ...args, '--site', 'acme', '--format', 'json', '-c', shop.config));
  assert.equal((await report('kpi_campaign')).find((r) => r.campaign === 'team').creator, undefined);
  const [campaign] = (await report('kpi_campaign', '--model', 'last_touch')).filter((r) => r.campaign === 'fifteen');
  close(Number(campaign.roi), 0.5, 'roi');
  const [step] = await report('kpi_funnel', '--from', '2026-03-01', '--to', '2026-03-31');
  assert.equal(step.stage, 'impressions');
  for (const name of ['kpi_site', 'kpi_creator', 'kpi_placement', 'kpi_target_status', 'kpi_unconverted']) assert.ok((await report(name)).length, name);
});

// The dictionary is what the comments in the database say: ATTRIB_WRITE=1 writes it again.
test('docs/kpis.md says what the database says', async () => {
  const columns = await rows(shop, `select a.attname as name, col_description(a.attrelid, a.attnum) as text from pg_attribute a
    where a.attrelid = 'attrib.kpi_site'::regclass and a.attnum > 1 order by a.attnum`);
  const table = `| figure | what it is |\n|---|---|\n${columns.map((c) => `| \`${c.name}\` | ${c.text} |`).join('\n')}\n`;
  const file = join(root, 'docs/kpis.md');
  const [before] = readFileSync(file, 'utf8').split('| figure |');
  if (process.env.ATTRIB_WRITE) writeFileSync(file, before + table);
  assert.equal(readFileSync(file, 'utf8'), before + table);
});

test('who owns the revenue, what was claimed twice, which keys nobody registered', async () => {
  const [own] = await rows(shop, "select * from attrib.kpi_attribution where site = 'acme'");
  const [site] = await rows(shop, "select revenue, refund_rate from attrib.kpi_site where site = 'acme'");
  close(own.attributed_revenue + own.other_revenue + own.unattributed_revenue, site.revenue, 'the three add up');
  assert.deepEqual([own.other_revenue, own.unattributed_revenue, own.attributed_share, own.conflict_rate, own.avoided_double_count, own.unmapped_share], [0, 0, 1, 0, 0, 0]);
  const [day, hour] = [at(6).slice(0, 10), (h) => `${at(6).slice(0, 10)}T${h}:00:00Z`];
  await tell(shop, click('zoe-link', hour('08'), { visitor_id: 'both' }), purchase({ id: 'both', total: '30.00', codes: ['LISA'] }, { visitor_id: 'both', occurred_at: hour('09') }),
    visit('https://shop.example/?utm_source=paper&utm_medium=print', hour('08'), { visitor_id: 'print' }), purchase({ id: 'print', total: '20.00' }, { visitor_id: 'print', occurred_at: hour('09') }),
    purchase({ id: 'none', total: '50.00' }, { occurred_at: hour('09') }), click('nobodys-link', hour('08'), { visitor_id: 'lost' }), click('zoe-link', hour('08'), { visitor_id: 'third' }));
  const [mixed] = await rows(shop, 'select * from attrib.kpi_attribution_between($1, $2, $2)', ['acme', day]);
  assert.deepEqual([mixed.attributed_revenue, mixed.other_revenue, mixed.unattributed_revenue, mixed.attributed_share], [30, 20, 50, 0.3]);
  assert.deepEqual([mixed.orders, mixed.contested_orders, mixed.claimed_revenue, mixed.credited_revenue, mixed.avoided_double_count], [3, 1, 60, 30, 30]);
  close(mixed.conflict_rate, 1 / 3, 'conflict rate');
  close(mixed.unmapped_share, 2 / 4, 'the print and the link of nobody');
});

test('what people say, by term, beside the time before', async () => {
  await shop.query(`insert into attrib.mention_daily (site, term, counted_on, mentions, positive, negative) values ('acme', '#ad', '2026-05-03', 40, 10, 5), ('acme', '#ad', '2026-05-05', 50, 20, 2), ('acme', '#ad', '2026-05-06', 10, 2, 2), ('acme', '#ad', '2026-04-30', 999, 0, 0)`);
  const [tag, ...others] = await rows(shop, "select * from attrib.kpi_mention_between('acme', '2026-05-05', '2026-05-06')");
  assert.deepEqual(others, []);
  assert.deepEqual([tag.term, tag.mentions, tag.net_sentiment, tag.share_of_voice, tag.mentions_before, tag.change], ['#ad', 60, 0.3, null, 40, 0.5]);
  const [all] = await rows(shop, "select * from attrib.kpi_mention where term is null");
  assert.deepEqual([all.mentions, all.share_of_voice, all.mentions_before], [30, 0.3, null]);
});

// What a marketer may ask for by name: each is a documented column of the view that answers it.
const ASKED = {
  kpi_site: `reach_rate frequency engagements er_followers er_reach er_impressions er_views cpe cpm cpc cpl follower_conversion ctr_impressions ctr_views cvr_clicks code_only_orders
    lead_rate vtr_6s vtr_full vcr avg_percent_viewed avg_watch_seconds revenue aov roi revenue_cost_ratio roas_total roas_ads roi_margin mer cpa cac nc_roas new_customer_coverage clv clv_to_date
    cac_to_clv repeat_rate emv emv_multiple refund_rate net_revenue mentions net_sentiment share_of_voice conflict_rate code_only_share click_only_share time_to_conversion_p50
    time_to_conversion_p90 share_7d share_14d share_30d clicks_raw clicks clicks_suspect clicks_filtered cost_direct cost_shared roi_direct`,
  kpi_attribution: 'attributed_revenue other_revenue unattributed_revenue conflict_rate avoided_double_count unmapped_share',
  kpi_mention: 'term mentions net_sentiment share_of_voice mentions_before change',
  kpi_cohort: 'cohort customers orders net_revenue repeat_rate month_0 month_12',
  kpi_funnel: 'stage count of_stage_before of_first',
  double_count: 'claims avoided_claims avoided_revenue',
  traffic_reason: 'class reason events',
  forecast: 'expected low high own_posts tier_posts reason',
};
test('every figure has a name and a comment', async () => {
  for (const [view, names] of Object.entries(ASKED)) {
    const comments = Object.fromEntries((await rows(shop, `select attname as name, col_description(attrelid, attnum) as text from pg_attribute where attrelid = 'attrib.${view}'::regclass and attnum > 0`)).map((c) => [c.name, c.text]));
    for (const name of names.split(/\s+/)) assert.ok(comments[name], `${view}.${name}`);
    for (const [name, text] of Object.entries(comments)) assert.ok(text, `${view}.${name} has no comment`);
  }
});
