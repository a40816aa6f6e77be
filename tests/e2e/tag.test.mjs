// The tag in a real browser: who it recognises, what it sends and what it keeps to itself, on pages that
// share a domain with attribd and on pages that do not, and that it never breaks a page.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Web, jar, tagged } from './browser.mjs';
import { BROWSER, Shop, root } from './support.mjs';

const MINTED = /^[\w-]{22}$/;
const SIGNED = /^[\w-]{22}\.[\w-]{22}$/;
const settings = 'trusted_proxies = 127.0.0.1\ntag_path = /static/shop.js\n';
const site = 'cookie_domain = .shop.example\ntoo_fast = 0\naffiliate_params = ref,aff,von';
const global = `[site boutique]
write_key = boutique-key
currency = EUR
own_hosts = www.boutique.example
customer_history = complete
too_fast = 0
[site strict]
cookie_domain = .strict.example
consent = required
`;
const catalog = {
  creator: ['acme', 'boutique', 'strict'].flatMap((s) => [`${s},ann,Ann,instagram,mid,50000`, `${s},bob,Bob,tiktok,micro,9000`])
    .reduce((csv, line) => `${csv}${line}\n`, 'site,handle,name,platform,tier,followers\n'),
  campaign: 'site,name,goal,starts_on,ends_on,currency,budget\nacme,spring,conversion,2026-01-01,2030-01-01,EUR,5000.00\nboutique,spring,conversion,2026-01-01,2030-01-01,EUR,500.00\n',
  tracker: `site,kind,key,creator,campaign,placement,destination
acme,link,ann-link,ann,spring,,https://www.shop.example/landing?x=1
acme,link,bob-link,bob,spring,,https://www.shop.example/landing
acme,affiliate,ann,ann,spring,,
acme,utm,tiktok/video/bob,bob,spring,,
acme,code,ANN10,ann,spring,,
acme,code,BOB10,bob,spring,,
boutique,link,ann-boutique,ann,spring,,https://www.boutique.example/landing
boutique,affiliate,bob,bob,spring,,
boutique,code,BOB5,bob,spring,,
strict,affiliate,ann,ann,,,
`,
  cost: 'site,cost_id,campaign,creator,kind,amount,currency,incurred_on\nacme,1,spring,ann,fee,50.00,EUR,2026-01-02\nboutique,2,spring,ann,fee,20.00,EUR,2026-01-02\n',
};

const ACME = 'data-site="acme"';
const THIRD = { src: 'https://t.attribd.example/a.js' };
let shop;
let web;
before(async () => {
  shop = await Shop.open({ settings, site, global, catalog });
  web = await Web.open(shop);
  web.page('www.shop.example', '/*', tagged(ACME));
  web.page('www.boutique.example', '/*', tagged('data-site="boutique"', THIRD));
  web.page('www.strict.example', '/*', tagged('data-site="strict" data-consent="required"', { src: 'https://go.strict.example/a.js' }));
});
after(async () => { await web?.close(); await shop?.close(); });

const say = (page, ...call) => page.evaluate((args) => window.attr(...args), call);
const ids = (page) => page.evaluate(() => new Promise((done) => window.attr('ids', done)));
const visits = (event) => event.type === 'visit';
// what a page sends at once goes over several connections, and comes in any order
const latestType = (a, b) => (a.type < b.type ? 1 : -1);
const twin = async (context) => (await jar(context)).find((c) => c.name === 'attr_visitor')?.value;
const signed = (body, key) => shop.events(body, { key });

test('it is served small, with a strong ETag, and under another name', async () => {
  const ask = (headers = {}, { path = '/a.js', ...options } = {}) =>
    fetch(shop.base + path, { ...options, headers: { 'user-agent': BROWSER, 'accept-encoding': 'identity', ...headers } });
  const plain = await ask();
  const script = await plain.text();
  assert.equal(plain.status, 200);
  assert.equal(plain.headers.get('content-type'), 'text/javascript; charset=utf-8');
  assert.match(plain.headers.get('cache-control'), /^public, max-age=86400/);
  assert.equal(plain.headers.get('vary'), 'Accept-Encoding');
  assert.equal(plain.headers.get('content-encoding'), null);
  const etag = plain.headers.get('etag');
  assert.match(etag, /^"[0-9a-f]{32}"$/);
  new Function(script); // it is a script

  const packed = await ask({ 'accept-encoding': 'br, gzip;q=0.8' });
  assert.equal(packed.headers.get('content-encoding'), 'gzip');
  assert.notEqual(packed.headers.get('etag'), etag);
  const size = Number(packed.headers.get('content-length'));
  console.log(`# the tag has ${size} bytes compressed, ${script.length} plain`);
  assert.ok(size < 3 * 1024, `${size} bytes`);
  assert.equal(await packed.text(), script);
  assert.equal((await ask({ 'accept-encoding': 'gzip;q=0, *' })).headers.get('content-encoding'), null);

  for (const known of [etag, `"x", W/${etag}`, '*']) {
    const same = await ask({ 'if-none-match': known });
    assert.equal(same.status, 304, known);
    assert.equal(same.headers.get('etag'), etag);
    assert.equal(await same.text(), '');
  }
  assert.equal((await ask({ 'if-none-match': '"x"' })).status, 200);
  const head = await ask({}, { method: 'HEAD' });
  assert.equal(head.headers.get('content-length'), String(script.length));
  assert.equal((await ask({}, { method: 'PUT' })).headers.get('allow'), 'GET, HEAD, POST, OPTIONS');

  const path = '/static/shop.js';
  assert.equal(await (await ask({}, { path })).text(), script);
  assert.equal((await ask({}, { path: '/static/shop.js/' })).status, 404);
  assert.equal((await ask({}, { path: `${path}?site=acme&e=visit&url=https://www.shop.example/` })).headers.get('content-type'), 'image/gif');
  const body = JSON.stringify({ site: 'acme', type: 'visit', url: 'https://www.shop.example/' });
  assert.equal((await ask({}, { path, method: 'POST', body })).status, 204);
  assert.equal((await ask({}, { method: 'POST', body })).status, 204);
});

test('click, landing, code, order and refund on the shop\'s own domain: exact numbers', async () => {
  await shop.quiet();
  const before = (await shop.query("select coalesce(sum(visits), 0)::int as visits from attrib.traffic_daily where site = 'acme'"))[0].visits;
  const context = await web.visitor();
  const page = await context.newPage();
  await page.goto('https://go.shop.example/c/ann-link');
  assert.match(page.url(), /^https:\/\/www\.shop\.example\/landing\?x=1&attr_click=[\w-]{22}$/);
  const [visit] = await web.events(1, visits);
  const cookies = await jar(context);
  const server = cookies.find((c) => c.name === 'attr_vid');
  assert.match(server.value, SIGNED);
  assert.ok(server.httpOnly && server.secure && server.sameSite === 'Lax');
  assert.equal(server.domain, '.shop.example');
  assert.equal(visit.visitor_id, server.value);
  assert.equal(visit.to, 'go.shop.example/v1/beacon');
  assert.match(visit.headers.cookie, /attr_vid=/);
  assert.match(visit.headers['content-type'], /^text\/plain/);
  assert.equal(visit.status, 204);

  await say(page, 'code', 'BOB10');
  await say(page, 'cart');
  await say(page, 'checkout');
  await page.evaluate(() => { location.href = '/thanks'; });
  await web.events(2, visits);
  await say(page, 'purchase', { id: '5001', currency: 'EUR', total: '119.00', tax: '19.00', codes: ['BOB10'] });
  const [order] = await web.events(1, (e) => e.type === 'purchase');
  assert.equal(order.visitor_id, server.value);
  assert.match(order.click_id, MINTED);
  assert.equal(order.status, 204);
  await shop.quiet();
  const state = (id) => shop.query('select status, gross::text, refunded::text, net::text from attrib.conversion_status where order_id = $1', [id]);
  assert.deepEqual(await state('5001'), [{ status: 'provisional', gross: '100.00', refunded: '0.00', net: '100.00' }]);
  assert.deepEqual(await shop.query("select creator, net::text from attrib.roi where site = 'acme' and creator is not null and model = 'policy' and net <> 0"), []);

  // the shop's own word has no carrier at all: who it was is what the browser said; no code, so the link earns
  await signed({ type: 'purchase', event_id: 'o-5001', order: { id: '5001', currency: 'EUR', total: '119.00', tax: '19.00', codes: [], status: 'paid' } });
  await signed({ type: 'refund', event_id: 'r-5001', refund: { id: 'r1', order_id: '5001', currency: 'EUR', amount: '23.80', tax: '3.80' } });
  await shop.quiet();
  assert.deepEqual(await state('5001'), [{ status: 'partially_refunded', gross: '100.00', refunded: '20.00', net: '80.00' }]);
  assert.deepEqual(await shop.query(`select creator, channel, tracker, share::float as share, gross::text, refunded::text, net::text
    from attrib.order_credit where order_id = '5001' and model = 'policy'`),
  [{ creator: 'ann', channel: 'link', tracker: 'ann-link', share: 1, gross: '100.00', refunded: '20.00', net: '80.00' }]);
  assert.deepEqual(await shop.query(`select creator, cost::text, gross::text, refunded::text, net::text, conversions::int, roi::float as roi
    from attrib.roi where site = 'acme' and model = 'policy' and creator = 'ann'`),
  [{ creator: 'ann', cost: '50.00', gross: '100.00', refunded: '20.00', net: '80.00', conversions: 1, roi: 0.6 }]);
  const [traffic] = await shop.query(`select sum(clicks)::int as clicks, sum(carts)::int as carts, sum(checkouts)::int as checkouts, sum(visits)::int as visits
    from attrib.traffic_daily where site = 'acme'`);
  assert.deepEqual(traffic, { clicks: 1, carts: 1, checkouts: 1, visits: before + 1 }); // the page of thanks is an own-site visit
  await context.close();
});

test('on somebody else\'s domain the tag makes the id, and the click id comes with the order', async () => {
  const context = await web.visitor();
  const page = await context.newPage();
  await page.goto('https://t.attribd.example/c/ann-boutique');
  const [first] = await web.events(1, visits);
  assert.match(first.visitor_id, MINTED);
  assert.equal(first.to, 't.attribd.example/v1/beacon');
  assert.equal(first.headers.cookie, undefined, 'the cookie of the redirect is none of this page');
  assert.deepEqual(first.cookies, []);
  const own = (await jar(context)).filter((c) => c.domain === 'www.boutique.example');
  assert.deepEqual(own.map((c) => c.name).sort(), ['attr_click', 'attr_landing', 'attr_visitor']);
  assert.equal(own.find((c) => c.name === 'attr_visitor').value, first.visitor_id);
  const click = new URL(page.url()).searchParams.get('attr_click');
  await page.goto('https://www.boutique.example/thanks');
  assert.deepEqual(await ids(page), { visitor: first.visitor_id, click, landing: `attr_click=${click}` });
  await say(page, 'purchase', { id: 'b-1', currency: 'EUR', total: '40.00' });
  const [order] = await web.events(1, (e) => e.type === 'purchase');
  assert.deepEqual([order.visitor_id, order.click_id], [first.visitor_id, click]);
  await signed({ type: 'purchase', event_id: 'o-b-1', order: { id: 'b-1', currency: 'EUR', total: '40.00', status: 'paid' } }, 'boutique-key');

  // the same one again, with somebody else's code
  await say(page, 'code', 'BOB5');
  await say(page, 'purchase', { id: 'b-3', currency: 'EUR', total: '20.00', codes: ['BOB5'] });
  await web.events(2, (e) => e.type === 'purchase');
  await signed({ type: 'purchase', event_id: 'o-b-3', order: { id: 'b-3', currency: 'EUR', total: '20.00', codes: ['BOB5'], status: 'paid' } }, 'boutique-key');

  // another one lands with an affiliate id and buys later
  const other = await web.visitor();
  const second = await other.newPage();
  await second.goto('https://www.boutique.example/?ref=bob&fbclid=x', { referer: 'https://blog.example/' });
  await web.events(1, visits);
  await second.goto('https://www.boutique.example/thanks');
  await say(second, 'purchase', { id: 'b-2', currency: 'EUR', total: '60.00' });
  await web.events(1, (e) => e.type === 'purchase');
  assert.equal((await ids(second)).landing, 'ref=bob&fbclid=x');
  await signed({ type: 'purchase', event_id: 'o-b-2', order: { id: 'b-2', currency: 'EUR', total: '60.00', status: 'paid' } }, 'boutique-key');
  await signed({ type: 'refund', event_id: 'r-b-2', refund: { id: 'r', order_id: 'b-2', currency: 'EUR', amount: '15.00' } }, 'boutique-key');
  await shop.quiet();
  assert.deepEqual(await shop.query(`select order_id, creator, channel, gross::text, refunded::text, net::text from attrib.order_credit
    where site = 'boutique' and model = 'policy' order by 1`), [
    { order_id: 'b-1', creator: 'ann', channel: 'link', gross: '40.00', refunded: '0.00', net: '40.00' },
    { order_id: 'b-2', creator: 'bob', channel: 'affiliate', gross: '60.00', refunded: '15.00', net: '45.00' },
    { order_id: 'b-3', creator: 'bob', channel: 'code', gross: '20.00', refunded: '0.00', net: '20.00' },
  ]);
  assert.deepEqual(await shop.query(`select creator, net::text, conversions::int, roi::float as roi from attrib.roi
    where site = 'boutique' and model = 'policy' and creator is not null order by 1`), [
    { creator: 'ann', net: '40.00', conversions: 1, roi: 1 }, { creator: 'bob', net: '65.00', conversions: 2, roi: null }]);
  await context.close();
  await other.close();
});

test('the server keeps the id that the tag made, and both cookies are one visitor', async () => {
  const context = await web.visitor();
  const page = await context.newPage();
  await page.goto('https://www.shop.example/?von=ann');
  const [first] = await web.events(1, visits);
  assert.match(first.visitor_id, MINTED);
  assert.equal(first.cookies.length, 2);
  await page.goto('https://www.shop.example/next');
  const second = (await web.events(2, visits))[1];
  assert.equal(second.visitor_id.split('.')[0], first.visitor_id);
  assert.match(second.visitor_id, SIGNED);
  assert.deepEqual(second.cookies, [], 'only a landing begins the time again');
  assert.deepEqual((await jar(context)).filter((c) => /visitor|vid/.test(c.name)).map(({ name, domain, value }) => ({ name, domain, value })).sort((a, b) => (a.name < b.name ? -1 : 1)), [
    { name: 'attr_vid', domain: '.shop.example', value: second.visitor_id },
    { name: 'attr_visitor', domain: '.shop.example', value: second.visitor_id }]);
  // a later click meets the same visitor
  await page.goto('https://go.shop.example/c/bob-link');
  assert.equal((await web.events(3, visits))[2].visitor_id, second.visitor_id);
  assert.equal(await twin(context), second.visitor_id);
  await page.goto('https://www.shop.example/?utm_source=tiktok&utm_medium=video&utm_campaign=bob');
  assert.equal((await web.events(4, visits))[3].cookies.length, 2);
  // a page of somebody else's chooses nobody's id
  const foreign = await fetch(`${shop.base}/v1/beacon`, { method: 'POST', headers: { 'user-agent': BROWSER, origin: 'https://evil.example' },
    body: JSON.stringify({ site: 'acme', type: 'visit', url: 'https://www.shop.example/?von=ann', visitor_id: first.visitor_id }) });
  assert.deepEqual([foreign.status, foreign.headers.getSetCookie()], [204, []]);
  await context.close();
});

test('options may stand in the address; one visitor on all hosts of a domain', async () => {
  const options = { src: 'https://t.attribd.example/a.js?site=boutique&domain=.boutique.example&params=ref,wer&days=2' };
  web.page('one.boutique.example', '/', tagged('', options));
  web.page('two.boutique.example', '/', tagged('data-days="1"', options));
  const context = await web.visitor();
  const page = await context.newPage();
  const now = Date.now() / 1000;
  await page.goto('https://one.boutique.example/');
  const [first] = await web.events(1, visits);
  assert.deepEqual((await jar(context)).map(({ name, value, domain }) => ({ name, value, domain })),
    [{ name: 'attr_visitor', value: first.visitor_id, domain: '.boutique.example' }]);
  const days = async () => ((await context.cookies()).find((c) => c.name === 'attr_visitor').expires - now) / 86400;
  assert.equal(Math.round(await days()), 2);
  await page.goto('https://two.boutique.example/');
  assert.equal((await web.events(2, visits))[1].visitor_id, first.visitor_id);
  await page.evaluate(() => { history.pushState({}, '', '/?color=red'); history.pushState({}, '', '/?color=red&wer=bob'); });
  await web.events(4, visits);
  assert.equal(Math.round(await days()), 1, 'a landing begins the time again');
  await context.close();
});

test('a page that is rendered ahead is no visit before somebody looks at it', async () => {
  const context = await web.visitor({ before: "Object.defineProperty(Document.prototype, 'prerendering', { get: () => !window.seen });" });
  const page = await context.newPage();
  await page.goto('https://www.boutique.example/?ref=bob', { waitUntil: 'load' });
  assert.deepEqual([web.sent, await jar(context)], [[], []]);
  await page.evaluate(() => { window.seen = true; document.dispatchEvent(new Event('prerenderingchange')); });
  assert.equal((await web.all(page)).length, 1);
  await context.close();
});

test('one visit for each page of a single-page app', async () => {
  const context = await web.visitor();
  const page = await context.newPage();
  await page.goto('https://www.shop.example/spa?utm_source=ig&color=red');
  await web.events(1, visits);
  await page.evaluate(() => {
    history.replaceState({}, '', '/spa?color=red'); // only cleans the address
    history.pushState({}, '', '/spa/shoe#size'); // a page
    history.replaceState({ scroll: 1 }, '', '/spa/shoe#size'); // none
    location.hash = 'reviews'; // none
    history.pushState({}, '', '/spa/shoe?von=ann'); // the same page with a touch
    history.pushState({}, '', '/spa/cart'); // a page
    location.hash = '#/cart/step2'; // a page, by its mark
  });
  await page.goBack();
  await page.goBack(); // to the shoe with the touch
  const urls = (await web.all(page)).filter(visits).map((e) => new URL(e.url));
  assert.deepEqual(urls.map((u) => u.pathname + u.search + u.hash).sort(), ['/spa/cart', '/spa/cart', '/spa/cart#/cart/step2',
    '/spa/shoe#size', '/spa/shoe?von=ann', '/spa/shoe?von=ann', '/spa?utm_source=ig&color=red']);
  const all = web.sent.filter(visits);
  assert.equal(new Set(all.map((e) => e.visitor_id.split('.')[0])).size, 1);
  assert.equal(all.find((e) => e.url.endsWith('#size')).referrer, 'https://www.shop.example/spa?utm_source=ig&color=red');
  await context.close();
});

test('what happens while a page is left is not lost, also without sendBeacon', async () => {
  for (const before of [undefined, () => { Navigator.prototype.sendBeacon = () => false; }, () => { delete Navigator.prototype.sendBeacon; }]) {
    const context = await web.visitor({ before });
    const page = await context.newPage();
    await page.goto('https://www.boutique.example/');
    await web.events(1, visits);
    await page.evaluate(() => {
      addEventListener('pagehide', () => window.attr('code', 'BOB5'));
      window.attr('cart');
      location.href = 'https://elsewhere.example/';
    });
    const [code] = await web.events(1, (e) => e.type === 'code_applied');
    assert.equal(code.code, 'BOB5');
    await web.events(1, (e) => e.type === 'cart');
    await context.close();
  }
});

test('GPC and DNT: counted, and nobody', async () => {
  for (const [header, property] of [['sec-gpc', 'globalPrivacyControl'], ['dnt', 'doNotTrack']]) {
    for (const headers of [{ [header]: '1' }, undefined]) { // an extension may set the property alone
      const context = await web.visitor({ extraHTTPHeaders: headers,
        before: `Object.defineProperty(Navigator.prototype, '${property}', { get: () => '1', configurable: true })` });
      const page = await context.newPage();
      await context.addCookies([{ name: 'attr_visitor', value: 'of-before', domain: 'www.shop.example', path: '/' },
        { name: 'attr_vid', value: 'of-before', domain: '.shop.example', path: '/', httpOnly: true }]);
      await page.goto('https://www.shop.example/?von=ann&attr_click=abc');
      const [visit] = await web.events(1, visits);
      assert.equal(visit.consent, false);
      assert.equal('visitor_id' in visit, false);
      await say(page, 'consent', true); // the browser's word stands
      await say(page, 'purchase', { id: `gpc-${header}-${!!headers}`, total: '1.00' });
      const [order] = await web.events(1, (e) => e.type === 'purchase');
      assert.deepEqual([order.consent, 'visitor_id' in order, 'click_id' in order], [false, false, false]);
      assert.deepEqual(await jar(context), [], 'what there was has ended');
      assert.equal(await page.evaluate(() => localStorage.length), 0);
      assert.deepEqual(await ids(page), { visitor: '', click: '', landing: '' });
      await context.close();
    }
  }
  await shop.quiet();
  const [{ people }] = await shop.query("select count(*)::int as people from attrib.path_step where order_id like 'gpc-%'");
  assert.equal(people, 0);
});

test('consent = required: nothing is kept or told before it is given, and nothing after it was taken back', async () => {
  const context = await web.visitor();
  const page = await context.newPage();
  await page.goto('https://www.strict.example/?ref=ann&utm_source=ig');
  await say(page, 'code', 'X');
  assert.deepEqual(await jar(context), []);
  assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0);
  assert.deepEqual(web.sent, []);
  await say(page, 'consent', true);
  const [visit, code] = [...await web.events(2)].sort(latestType);
  assert.deepEqual([visit.type, visit.consent, code.type, code.consent], ['visit', true, 'code_applied', true]);
  assert.match(visit.visitor_id, MINTED);
  assert.equal(visit.cookies.length, 2);
  // it is remembered
  await page.goto('https://www.strict.example/next');
  const [, next] = await web.events(2, visits);
  assert.equal(next.visitor_id.split('.')[0], visit.visitor_id);
  assert.equal(next.consent, true);
  // and taken back
  await say(page, 'consent', false);
  const [word] = await web.events(1, (e) => e.type === 'identify');
  assert.equal(word.status, 204);
  assert.ok(word.cookies.every((c) => /Max-Age=0/.test(c)) && word.cookies.length === 2);
  await page.goto('https://www.strict.example/?ref=ann');
  const third = (await web.events(3, visits))[2];
  assert.deepEqual([third.consent, 'visitor_id' in third], [false, false]);
  assert.deepEqual((await jar(context)).map((c) => c.name), ['attr_consent']);
  await context.close();
});

test('who leaves without a word has not agreed: counted once, as nobody', async () => {
  const context = await web.visitor();
  const page = await context.newPage();
  await page.goto('https://www.strict.example/?ref=ann');
  await page.waitForFunction(() => window.attr.q?.push !== Array.prototype.push);
  await page.goto('https://elsewhere.example/');
  const [visit] = await web.events(1, visits);
  assert.deepEqual([visit.consent, 'visitor_id' in visit, visit.status], [false, false, 204]);
  assert.equal(web.sent.length, 1);
  assert.deepEqual(await jar(context), []);
  await context.close();
});

test('where consent is required the server sets cookies with a word of it, and ends them without', async () => {
  const send = (event, headers = {}) => fetch(`${shop.base}/v1/beacon`, { method: 'POST', body: JSON.stringify({ site: 'strict', type: 'visit', url: 'https://www.strict.example/', ...event }),
    headers: { 'user-agent': BROWSER, origin: 'https://www.strict.example', ...headers } });
  const visitor_id = 'A'.repeat(22);
  assert.deepEqual((await send({ visitor_id })).headers.getSetCookie(), []);
  assert.deepEqual((await send({ visitor_id, consent: false })).headers.getSetCookie(), []);
  const set = (await send({ visitor_id, consent: true })).headers.getSetCookie();
  assert.match(set[0], /^attr_vid=A{22}\.[\w-]{22}; Max-Age=2592000; Path=\/; Secure; SameSite=Lax; Domain=\.strict\.example; HttpOnly$/);
  assert.match(set[1], /^attr_visitor=A{22}\.[\w-]{22}; Max-Age=2592000; Path=\/; Secure; SameSite=Lax; Domain=\.strict\.example$/);
  const cookie = set.map((line) => line.split(';')[0]).join('; ');
  const metric = async () => Number(/attribd_events_verdict_total\{verdict="no_consent"\} (\d+)/.exec(await (await fetch(`${shop.admin}/metrics`)).text())[1]);
  const from = await metric();
  const ended = (await send({ consent: false }, { cookie })).headers.getSetCookie();
  assert.ok(ended.length === 2 && ended.every((line) => /=; Max-Age=0; /.test(line)));
  assert.equal(await metric() - from, 1);
  for (const bad of ['yes', 2, 'x'.repeat(9)]) assert.equal((await send({ consent: bad })).status, 400, bad);
});

test('Google\'s consent mode is heard, before and after the tag', async () => {
  const gtag = '<script>window.dataLayer=[];function gtag(){dataLayer.push(arguments)}gtag("consent","default",{analytics_storage:"denied"})</script>';
  web.page('www.boutique.example', '/google', tagged('data-site="boutique"', { ...THIRD, head: gtag }));
  const context = await web.visitor();
  const page = await context.newPage();
  await page.goto('https://www.boutique.example/google?ref=bob');
  await page.waitForFunction(() => window.attr.q?.push !== Array.prototype.push);
  assert.deepEqual([await jar(context), web.sent], [[], []]);
  await page.evaluate(() => window.gtag('event', 'page_view'));
  await page.evaluate(() => window.gtag('consent', 'update', { analytics_storage: 'granted', ad_storage: 'denied' }));
  const [visit] = await web.events(1, visits);
  assert.match(visit.visitor_id, MINTED);
  assert.equal(await page.evaluate(() => window.dataLayer.length), 3, 'the page\'s layer has what it had');
  await page.evaluate(() => window.gtag('consent', 'update', { analytics_storage: 'denied' }));
  await say(page, 'cart');
  const [cart] = await web.events(1, (e) => e.type === 'cart');
  assert.equal(cart.consent, false);
  assert.deepEqual((await jar(context)).map((c) => c.name), ['attr_consent']);
  await context.close();
});

test('Shopify: its consent is heard, the cart gets the ids once, and gives them back', async () => {
  const shopify = (allowed) => `<script>window.Shopify={routes:{root:"/de/"},loadFeatures:function(features,done){
    setTimeout(function(){Shopify.customerPrivacy={analyticsProcessingAllowed:function(){return ${allowed}}};done()})}}</script>`;
  web.page('www.boutique.example', '/shopify', tagged('data-site="boutique"', { ...THIRD, head: shopify(false) }));
  web.page('www.boutique.example', '/shopify-free', tagged('data-site="boutique"', { ...THIRD, head: shopify(true) }));
  web.page('www.boutique.example', '/de/cart/update.js', '{}');
  const context = await web.visitor();
  const page = await context.newPage();
  await page.goto('https://www.boutique.example/shopify?attr_click=click-1');
  await page.waitForFunction(() => window.Shopify.customerPrivacy);
  assert.deepEqual([await jar(context), web.sent, web.got], [[], [], []]);
  const consent = (analyticsAllowed) => page.evaluate((detail) => document.dispatchEvent(new CustomEvent('visitorConsentCollected', { detail })), { analyticsAllowed });
  const updates = async (n) => {
    for (let i = 0; i < 1000 && web.got.length < n; i++) await page.waitForTimeout(5);
    assert.equal(web.got.length, n);
    assert.equal(web.got[n - 1].url, '/de/cart/update.js');
    return JSON.parse(web.got[n - 1].body).attributes;
  };
  await consent(true);
  const [visit] = await web.events(1, visits);
  assert.deepEqual(await updates(1), { _attr_visitor: visit.visitor_id, _attr_click: 'click-1' });
  await page.goto('https://www.boutique.example/shopify-free?attr_click=click-1');
  await web.all(page);
  assert.equal(web.got.length, 1, 'they are there already');
  await page.goto('https://www.boutique.example/shopify-free?attr_click=click-2');
  assert.equal((await updates(2))._attr_click, 'click-2');
  await consent(false);
  assert.deepEqual(await updates(3), { _attr_visitor: '', _attr_click: '' });
  await context.close();

  const other = await web.visitor();
  const free = await other.newPage();
  await free.goto('https://www.boutique.example/shopify-free?ref=bob');
  assert.match((await web.events(1, visits))[0].visitor_id, MINTED);
  await other.close();
});

test('hidden fields of forms are filled, also those that come late', async () => {
  web.page('www.boutique.example', '/form', tagged('data-site="boutique"', { ...THIRD,
    body: '<form action="/sent" method="post"><input type="hidden" name="attr_visitor"><input type="hidden" name="attr_click"><input name="other" value="o"></form>' }));
  web.page('www.boutique.example', '/sent', 'ok');
  const context = await web.visitor();
  const page = await context.newPage();
  await page.goto('https://www.boutique.example/form?attr_click=click%2F9');
  const [{ visitor_id: visitor }] = await web.events(1, visits);
  await page.waitForFunction(() => document.querySelector('input[name=attr_click]').value === 'click/9');
  assert.equal(await page.inputValue('input[name=attr_visitor]'), visitor);
  await page.evaluate(() => {
    document.querySelector('form').innerHTML = '<input type="hidden" name="attr_visitor"><input type="hidden" name="attr_click"><button>buy</button>';
  });
  await page.click('button');
  await page.waitForURL('**/sent');
  assert.deepEqual(web.got.map((g) => g.body), [`attr_visitor=${visitor}&attr_click=click%2F9`]);
  await context.close();
});

test('without storage everything is sent and nobody is recognised; without cookies the local storage will do', async () => {
  const cookies = "Object.defineProperty(Document.prototype, 'cookie', { get() { throw new Error('no') }, set() { throw new Error('no') } });";
  const stores = "for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name, { get() { throw new Error('no') } });";
  const blocked = await web.visitor({ before: cookies + stores });
  const page = await blocked.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error));
  await page.goto('https://www.boutique.example/?ref=bob');
  await say(page, 'lead', { id: 'lead-blocked', name: 'newsletter' });
  const all = [...await web.events(2)].sort(latestType);
  assert.deepEqual(all.map((e) => [e.type, e.status, 'visitor_id' in e]), [['visit', 204, false], ['lead', 204, false]]);
  assert.deepEqual(errors, []);
  await blocked.close();

  const half = await web.visitor({ before: cookies });
  const second = await half.newPage();
  await second.goto('https://www.boutique.example/?attr_click=c1');
  await second.goto('https://www.boutique.example/next');
  const [a, b] = await web.events(2, visits);
  assert.match(a.visitor_id, MINTED);
  assert.equal(b.visitor_id, a.visitor_id);
  assert.equal((await ids(second)).click, 'c1');
  await half.close();
});

test('a second copy does nothing; a blocked one breaks nothing', async () => {
  const twice = `<script src="${THIRD.src}" data-site="boutique"></script>`;
  web.page('www.boutique.example', '/twice', tagged('data-site="boutique"', { ...THIRD, head: twice, body: twice }));
  const context = await web.visitor();
  const page = await context.newPage();
  await page.goto('https://www.boutique.example/twice', { waitUntil: 'load' });
  await page.evaluate(() => history.pushState({}, '', '/twice/2'));
  assert.deepEqual((await web.all(page)).map((e) => e.type), ['visit', 'visit']);
  await context.close();

  const other = await web.visitor();
  const blocked = await other.newPage();
  const errors = [];
  blocked.on('pageerror', (error) => errors.push(error));
  await blocked.route(/a\.js/, (route) => route.abort());
  await blocked.goto('https://www.boutique.example/', { waitUntil: 'load' });
  await say(blocked, 'purchase', { id: 'never' });
  assert.deepEqual([errors, web.sent], [[], []]);
  // under its other name it passes, and so does what it sends
  web.page('www.boutique.example', '/renamed', tagged('data-site="boutique"', { src: 'https://t.attribd.example/static/shop.js' }));
  await blocked.route(/v1\/beacon/, (route) => route.abort());
  await blocked.goto('https://www.boutique.example/renamed');
  const [visit] = await web.events(1, visits);
  assert.deepEqual([visit.to, visit.status], ['t.attribd.example/static/shop.js', 204]);
  await other.close();
});

test('a page with an error and a frozen attr goes on, and is heard', async () => {
  const frozen = `<script>window.attr=function(){(attr.q=attr.q||[]).push(arguments)};attr('cart',{cart_token:'early'});Object.freeze(attr);
    Object.defineProperty(window,'attr',{value:attr,writable:false,configurable:false});</script><script>nothing.at.all()</script>`;
  web.page('www.boutique.example', '/frozen', tagged('data-site="boutique"', { ...THIRD, head: frozen, body: '<script>window.after=1</script>' }));
  const context = await web.visitor();
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto('https://www.boutique.example/frozen?ref=bob', { waitUntil: 'load' });
  assert.deepEqual([...await web.events(2)].sort(latestType).map((e) => e.type), ['visit', 'cart']);
  await say(page, 'code', 'LATE');
  assert.equal((await web.events(1, (e) => e.type === 'code_applied'))[0].code, 'LATE');
  assert.equal(await page.evaluate(() => window.after), 1);
  assert.deepEqual(errors, ['nothing is not defined']);
  // nonsense stays silent, and window has one name more
  web.page('www.boutique.example', '/junk', tagged('data-site="boutique"', { ...THIRD,
    head: "<script>window.attr=function(){attr.q.push(arguments)};attr.q=[null,5,{},['cart',{cart_token:'after junk'}]]</script>" }));
  const junk = await context.newPage();
  await junk.goto('https://www.boutique.example/junk');
  await web.events(1, (e) => e.cart_token === 'after junk');
  await web.events(2, visits);
  await page.evaluate(() => { window.attr(); window.attr('nonsense', 1); window.attr('ids'); window.attr('purchase', () => 1); window.attr('lead', (function () { const a = {}; a.a = a; return a; })()); });
  assert.equal(errors.length, 1);
  const names = await page.evaluate(() => {
    const frame = document.body.appendChild(document.createElement('iframe'));
    const fresh = new Set(Object.getOwnPropertyNames(frame.contentWindow));
    return Object.getOwnPropertyNames(window).filter((name) => !fresh.has(name) && !/^\d+$|^__playwright|^__pw/.test(name));
  });
  assert.deepEqual(names.sort(), ['after', 'attr']);
  await context.close();
});

test('the custom pixel of the Shopify guide joins order and visitor, and says nothing else', async () => {
  const guide = readFileSync(join(root, 'docs/shopify.md'), 'utf8');
  const snippet = /<!-- custom pixel -->\s*((?: {4}.*\n|\n)+)/.exec(guide)[1].replace(/https:\/\/go\.shop\.example/g, 'https://t.attribd.example').replace(/'acme'/, "'boutique'");
  const context = await web.visitor();
  const page = await context.newPage();
  await page.goto('https://www.boutique.example/?ref=bob');
  const [{ visitor_id: visitor }] = await web.events(1, visits);
  // what Shopify gives a custom pixel: analytics, browser
  await page.evaluate((code) => {
    const seen = {};
    const analytics = { subscribe: (name, act) => { seen[name] = act; } };
    const browser = { cookie: { get: async (name) => document.cookie.split('; ').map((c) => c.split('=')).find(([n]) => n === name)?.[1] ?? '' },
      sendBeacon: async (url, body) => navigator.sendBeacon(url, body) };
    new Function('analytics', 'browser', code)(analytics, browser);
    return seen.checkout_completed({ data: { checkout: { token: 'ct-77', email: 'ann@example.com', totalPrice: { amount: 999 },
      order: { id: 'gid://shopify/OrderIdentity/7000000000000000077' } } } });
  }, snippet);
  const [word] = await web.events(1, (e) => e.type === 'purchase');
  const { to, headers, status, cookies, ...event } = word;
  assert.deepEqual(event, { site: 'boutique', type: 'purchase', visitor_id: visitor, checkout_token: 'ct-77', order: { id: '7000000000000000077' } });
  assert.equal(status, 204);
  await signed({ type: 'purchase', event_id: 'o-77', order: { id: '7000000000000000077', currency: 'EUR', total: '30.00', status: 'paid' } }, 'boutique-key');
  await shop.quiet();
  assert.deepEqual(await shop.query("select creator, channel, gross::text from attrib.order_credit where order_id = '7000000000000000077' and model = 'policy'"),
    [{ creator: 'bob', channel: 'affiliate', gross: '30.00' }]);
  await context.close();
});

test('nothing was set aside, and the books add up', async () => {
  const s = await shop.quiet();
  assert.equal(s.quarantined, 0);
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
});
