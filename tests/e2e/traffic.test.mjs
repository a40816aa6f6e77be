// Traffic that is none: robots, prefetches, HEAD, floods of clicks and times that nobody can believe.
// Each is recorded, shown with its reason, and only what is invalid costs its creator the order.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BROWSER, CATALOG, Shop, root, sleep } from './support.mjs';

const INSTAGRAM = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) '
  + 'Mobile/22A3354 Instagram 350.0.0.0.1 (iPhone15,2; iOS 18_0; de_DE; de; scale=3.00; 1179x2556; 600000000)';
const BITS = { bot: 1, prefetch: 2, head: 4, own_site: 8, flood: 256, paid_ad: 512 };
const MOST = 5;
const settings = `trusted_proxies = 127.0.0.1\nflood_clicks = ${MOST}\n`;
const site = 'cookie_domain = .shop.example\ntoo_fast = 0'; // machines buy in no time

let shop;
before(async () => { shop = await Shop.open({ settings, site, catalog: CATALOG }); });
after(() => shop.close());

let n = 0;
const nextAddress = () => `198.51.100.${(n += 1)}`;

async function click(link, { method = 'GET', address = nextAddress(), headers = {}, query = '' } = {}) {
  const response = await fetch(`${shop.base}/c/${link}${query}`, {
    method, redirect: 'manual', headers: { 'user-agent': INSTAGRAM, 'x-forwarded-for': address, ...headers },
  });
  assert.equal(response.status, 302);
  return /attr_vid=([^;]+)/.exec(response.headers.get('set-cookie'))[1];
}

// The step of the path by which an order of this visitor comes to the link's creator, or does not.
async function step(visitor) {
  n += 1;
  const order = { id: `t-${n}`, currency: 'EUR', total: '10.00' };
  assert.equal((await shop.events({ type: 'purchase', event_id: `p-${n}`, visitor_id: visitor, order })).status, 200);
  await shop.quiet();
  const [found] = await shop.query(`select s.eligible, s.reason, s.suspect, s.flags, c.creator
    from attrib.path_step s join attrib.order_credit c using (site, kind, order_id)
    where s.order_id = $1 and s.channel = 'link' and c.model = 'policy'`, [order.id]);
  return found;
}

// Clicks in attrib.traffic by verdict bits.
async function traffic(key) {
  await shop.quiet();
  const rows = await shop.query(`select verdicts, sum(count)::int as count from attrib.traffic
    where type = 1 and key = $1 group by 1 order by 1`, [key]);
  return Object.fromEntries(rows.map((r) => [r.verdicts, r.count]));
}

async function moved(sample, act) {
  const from = await shop.metric(sample);
  await act();
  return await shop.metric(sample) - from;
}

const since = (then, now) => Object.fromEntries(Object.entries(now)
  .map(([bits, count]) => [bits, count - (then[bits] ?? 0)]).filter(([, count]) => count));

test('what is invalid stays on the path with its reason and earns nothing', async () => {
  const cases = [
    ['bot', 'invalid: bot or preview', { headers: { 'user-agent': 'facebookexternalhit/1.1' } }],
    ['prefetch', 'invalid: prefetch', { headers: { 'sec-purpose': 'prefetch;prerender' } }],
    ['prefetch', 'invalid: prefetch', { headers: { purpose: 'prefetch' } }],
    ['prefetch', 'invalid: prefetch', { headers: { 'x-moz': 'prefetch' } }],
    ['head', 'invalid: HEAD request', { method: 'HEAD' }],
    ['own_site', 'invalid: own-site referrer', { headers: { referer: 'https://www.shop.example/blog' } }],
  ];
  for (const [verdict, reason, options] of cases) {
    const then = await traffic('ann-link');
    const visitor = await click('ann-link', options);
    assert.deepEqual(await step(visitor), { eligible: false, reason, suspect: false, flags: [verdict], creator: null });
    assert.deepEqual(since(then, await traffic('ann-link')), { [BITS[verdict]]: 1 });
    assert.equal(await moved(`attribd_events_verdict_total{verdict="${verdict}"}`, () => click('ann-link', options)), 1);
  }
  await shop.quiet();
  const [sum] = await shop.query(`select sum(clicks)::int as clicks, sum(filtered)::int as filtered
    from attrib.traffic_daily where tracker = 'ann-link'`);
  assert.deepEqual(sum, { clicks: 0, filtered: 2 * cases.length });
});

test('people in apps, and phones that are called Cubot, are no robots', async () => {
  const cubot = 'Mozilla/5.0 (Linux; Android 11; CUBOT X30) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0 Mobile';
  for (const agent of [INSTAGRAM, cubot]) {
    const visitor = await click('ann-link', { headers: { 'user-agent': agent, referer: 'https://l.instagram.com/' } });
    assert.deepEqual(await step(visitor), { eligible: true, reason: 'eligible', suspect: false, flags: [], creator: 'ann' });
  }
});

test('a search ad in front of a link is suspect, the ids that apps append are not', async () => {
  for (const [query, suspect] of [['?gclid=1', true], ['?gbraid=1', true], ['?wbraid=1', true], ['?dclid=1', true],
    ['?msclkid=1', true], ['?fbclid=1', false], ['?igshid=1', false], ['?ttclid=1', false]]) {
    const visitor = await click('ann-link', { query });
    assert.deepEqual(await step(visitor), { eligible: true, reason: 'eligible', suspect, flags: suspect ? ['paid_ad'] : [], creator: 'ann' }, query);
  }
});

test('a flood is flagged, by whatever door it comes, and its creator keeps the order', async () => {
  const address = '203.0.113.7';
  const from = { headers: { 'x-forwarded-for': address, 'user-agent': BROWSER } };
  const then = await traffic('bob-link');
  const flagged = await moved('attribd_events_verdict_total{verdict="flood"}', async () => {
    for (let i = 0; i < 2; i++) await click('bob-link', { address });
    for (let i = 0; i < 2; i++) assert.equal((await shop.pixel({ e: 'click', link: 'Bob-LINK' }, from)).status, 200);
    const beacon = JSON.stringify({ site: 'acme', type: 'click', link: 'bob-link' });
    for (let i = 0; i < 2; i++) {
      const response = await fetch(`${shop.base}/v1/beacon`, { method: 'POST', body: beacon,
        headers: { ...from.headers, 'content-type': 'text/plain' } });
      assert.equal(response.status, 204);
    }
  });
  assert.equal(flagged, 6 - MOST);
  assert.deepEqual(await step(await click('bob-link', { address })),
    { eligible: true, reason: 'eligible', suspect: true, flags: ['flood'], creator: 'bob' });
  assert.deepEqual(since(then, await traffic('bob-link')), { 0: MOST, [BITS.flood]: 2 });
  // the same address on another link, and another address on the same link
  assert.equal((await step(await click('ann-link', { address }))).suspect, false);
  assert.equal((await step(await click('bob-link'))).suspect, false);
});

test('an IPv6 network is one address; a header that no proxy wrote is none', async () => {
  const flood = 'attribd_events_verdict_total{verdict="flood"}';
  assert.equal(await moved(flood, async () => {
    for (let i = 0; i < MOST + 3; i++) await click('bob-link', { address: `2001:db8:1:2::${i + 1}` });
    for (let i = 0; i < MOST; i++) await click('bob-link', { address: `2001:db8:1:${i + 3}::1` });
  }), 3);
  // whoever forges the left end of the list is counted by the right one
  assert.equal(await moved(flood, async () => {
    for (let i = 0; i < MOST + 2; i++) await click('bob-link', { address: `${nextAddress()}, 192.0.2.77` });
  }), 2);
});

test('clicks that the shop itself reports are no flood', async () => {
  const clicks = Array.from({ length: 4 * MOST }, (_, i) => (
    { type: 'click', event_id: `s-${i}`, visitor_id: `s-${i}`, link: 'bob-link' }));
  assert.equal(await moved('attribd_events_verdict_total{verdict="flood"}', async () => {
    assert.equal((await shop.events(clicks)).status, 200);
  }), 0);
});

test('times that are clamped are counted', async () => {
  const late = 'attribd_events_clamped_total{edge="late"}';
  const future = 'attribd_events_clamped_total{edge="future"}';
  const at = (days) => new Date(Date.now() + days * 86400e3).toISOString();
  const cart = (days) => ({ type: 'cart', event_id: `c-${n += 1}`, visitor_id: 'c', occurred_at: at(days) });
  assert.equal(await moved(late, () => shop.pixel({ e: 'cart', vid: 'c', occurred_at: at(-100) })), 1);
  assert.equal(await moved(future, () => shop.pixel({ e: 'cart', vid: 'c', occurred_at: at(1) })), 1);
  assert.equal(await moved(late, () => shop.pixel({ e: 'cart', vid: 'c', occurred_at: at(-80) })), 0);
  assert.equal(await moved(future, () => shop.events([cart(1), cart(2), cart(-1)])), 2);
  assert.equal(await moved(late, () => shop.events(cart(-100))), 0);
});

// -- the bot list -----------------------------------------------------------------------------------

const require = createRequire(import.meta.url);
const isBot = (agent) => moved('attribd_events_verdict_total{verdict="bot"}',
  () => click('ann-link', { headers: { 'user-agent': agent } })).then((by) => by === 1);

async function reload(done) {
  const seen = shop.log.split(done).length;
  shop.process.kill('SIGHUP');
  while (shop.log.split(done).length === seen) {
    assert.equal(shop.exit, undefined);
    await sleep(5);
  }
}

test('a list of the well-known packages is taken at a reload; a bad one is refused with its line', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'bots-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const file = join(dir, 'bots.list');
  const isbot = require.resolve('isbot').replace(/index\.js$/, 'index.mjs');
  const list = execFileSync(join(root, 'tools/bot-list'),
    [join(root, 'etc/bots.list'), require.resolve('crawler-user-agents'), isbot],
    { stdio: ['ignore', 'pipe', 'pipe'] }).toString();
  assert.ok(list.split('\n').length > 1000);
  writeFileSync(file, list);

  const odd = 'Taringa UGC/2.0';
  assert.equal(await isBot(odd), false);
  shop.writeConfig({ settings: `${settings}bot_list = ${file}\n`, site });
  await shop.cli('check-config', '-c', shop.config);
  await reload('configuration reloaded');
  while (!await isBot(odd)) await sleep(5); // workers take it with their next pass
  for (const agent of [BROWSER, INSTAGRAM]) assert.equal(await isBot(agent), false, agent);

  // every robot that the package itself gives as an example, through its own expressions
  const crawlers = require('crawler-user-agents');
  const examples = crawlers.flatMap((c) => c.instances).filter((a) => /^[\x20-\x7e]+$/.test(a) && a.trim() === a && a.length <= 512);
  for (let i = 0; i < examples.length; i += 50) assert.equal(await isBot(examples[i]), true, examples[i]);

  writeFileSync(file, 'good\n(?<!look)behind\n');
  await assert.rejects(shop.cli('check-config', '-c', shop.config),
    (error) => error.code === 78 && error.stderr.startsWith(`${file}:2: expected a regular expression`));
  await reload('reload refused');
  assert.ok(shop.log.includes(`${file}:2: expected a regular expression`), shop.log);
  assert.equal(await isBot(odd), true);

  writeFileSync(file, '^only this$\n');
  await reload('configuration reloaded');
  while (await isBot(odd)) await sleep(5);
  assert.equal(await isBot('only this'), true);
  assert.equal(await isBot('Googlebot/2.1'), false);
});

test('the tool leaves out what RE2 does not have, and says so', () => {
  const dir = mkdtempSync(join(tmpdir(), 'bots-'));
  try {
    const file = join(dir, 'list.json');
    writeFileSync(file, JSON.stringify(['a(?!b)', 'a(?<=b)', '(a)\\1', 'a\\(?=b', '#5', { pattern: 'x\\/' }, 'x\\/']));
    const script = `"${join(root, 'tools/bot-list')}" "${file}" 2>&1`;
    assert.equal(execFileSync('sh', ['-c', script]).toString(), `list.json: left out (look-around): a(?!b)
list.json: left out (look-around): a(?<=b)
list.json: left out (a reference back): (a)\\1
# Made by bot-list from list.json.
a\\(?=b
\\#5
x\\/
3 expressions, 3 left out
`);
    writeFileSync(file, '{"no":"list"}');
    assert.throws(() => execFileSync('sh', ['-c', script]), (error) => error.status === 65);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
