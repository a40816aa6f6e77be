// The tag among other people's scripts: single-page apps, forms, storage that is blocked, errors and copies.
// It never breaks a page.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { jar, tagged } from './browser.mjs';
import { MINTED, THIRD, ids, latestType, openStage, say, visits } from './tag.mjs';

let stage;
let shop;
let web;
before(async () => { stage = await openStage(); ({ shop, web } = stage); });
after(() => stage?.close());

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
  // whether a fetch outlives its page is the browser's luck, but with keepalive
  const strict = 'const real = fetch; window.fetch = (url, options) => (options.keepalive ? real(url, options) : Promise.reject(new Error("no")));';
  for (const before of ['', 'Navigator.prototype.sendBeacon = () => false;', 'delete Navigator.prototype.sendBeacon;']) {
    let code;
    // on a busy machine the browser now and then ends a page before it has heard of its last fetch
    for (let tries = before ? 3 : 1; !code && tries > 0; tries -= 1) {
      const context = await web.visitor({ before: before + strict });
      const page = await context.newPage();
      await page.goto('https://www.boutique.example/');
      await web.events(1, visits);
      await page.waitForLoadState('networkidle'); // else a page that is gone would ask for a handshake
      await page.evaluate(() => {
        addEventListener('pagehide', () => window.attr('code', 'BOB5'));
        window.attr('cart');
        location.href = 'https://elsewhere.example/';
      });
      [code] = await web.events(1, (e) => e.type === 'code_applied').catch((error) => (tries > 1 ? [] : Promise.reject(error)));
      await web.events(1, (e) => e.type === 'cart');
      await context.close();
    }
    assert.equal(code.code, 'BOB5');
  }
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

test('nothing was set aside, and the books add up', async () => {
  const s = await shop.quiet();
  assert.equal(s.quarantined, 0);
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
});
