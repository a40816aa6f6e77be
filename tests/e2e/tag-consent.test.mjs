// Consent: what a browser, a banner, Google's consent mode and Shopify's customer privacy say to the tag, what
// it keeps and tells before, and what is left after it was taken back.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { jar, tagged } from './browser.mjs';
import { BROWSER } from './support.mjs';
import { MINTED, THIRD, ids, latestType, openStage, say, visits } from './tag.mjs';

let stage;
let shop;
let web;
before(async () => { stage = await openStage(); ({ shop, web } = stage); });
after(() => stage?.close());

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
  const metric = () => shop.metric('attribd_events_verdict_total{verdict="no_consent"}');
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

  // where its consent can't be loaded there is none to ask
  web.page('www.boutique.example', '/shopify-old', tagged('data-site="boutique"', { ...THIRD,
    head: '<script>window.Shopify={loadFeatures:function(features,done){setTimeout(function(){done(new Error("none"))})}}</script>' }));
  const third = await web.visitor();
  const old = await third.newPage();
  await old.goto('https://www.boutique.example/shopify-old?ref=bob');
  assert.match((await web.events(1, visits))[0].visitor_id, MINTED);
  await third.close();
});

test('nothing was set aside, and the books add up', async () => {
  const s = await shop.quiet();
  assert.equal(s.quarantined, 0);
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
});
