// The tag in a real browser, from the click to the refund: who it recognises and what is credited, on pages
// that share a domain with attribd and on pages that do not.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { jar, tagged } from './browser.mjs';
import { BROWSER, root } from './support.mjs';
import { MINTED, SIGNED, ids, openStage, say, twin, visits } from './tag.mjs';

let stage;
let shop;
let web;
before(async () => { stage = await openStage(); ({ shop, web } = stage); });
after(() => stage?.close());

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
