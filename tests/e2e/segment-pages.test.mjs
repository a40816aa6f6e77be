// Segment's library for pages (analytics.js) in a real browser, with the site's public key: from the
// creator's link to the order that the shop's server confirms.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Web } from './browser.mjs';
import { credits, order } from './contract.mjs';
import { CATALOG, PUBLIC_KEY, Shop, WRITE_KEY, root } from './support.mjs';

const LIBRARY = join(root, 'tests/e2e/node_modules/@segment/analytics-next/dist/umd');
// As docs/segment.md says it.
const SNIPPET = /<!-- snippet -->\s*((?: {4}.*\n)+)/.exec(readFileSync(join(root, 'docs/segment.md'), 'utf8'))[1]
  .replaceAll('web-acme', PUBLIC_KEY);

let shop;
let web;
before(async () => {
  shop = await Shop.open({ site: 'cookie_domain = .shop.example\n',
    catalog: { ...CATALOG, tracker: CATALOG.tracker.replaceAll('https://shop.example/', 'https://www.shop.example/') } });
  web = await Web.open(shop);
  for (const file of readdirSync(LIBRARY).filter((name) => name.endsWith('.js')))
    web.page('www.shop.example', `/ajs/${file}`, readFileSync(join(LIBRARY, file), 'utf8'));
  web.page('www.shop.example', '/*', `<!doctype html><title>shop</title><script src="/ajs/index.js"></script>
    <script>const { AnalyticsBrowser } = window.AnalyticsNext;\n${SNIPPET}</script>`);
  web.page('www.instagram.com', '/*', '<a href="https://go.shop.example/c/ann-link">my favourite shop</a>');
});
after(async () => { await web?.close(); await shop?.close(); });

test('a click, a page, an order: provisional until the shop confirms it', async () => {
  const context = await web.visitor();
  const page = await context.newPage();
  await page.goto('https://www.instagram.com/');
  await page.click('a');
  const [landing] = await web.events(1, (event) => event.type === 'page');
  assert.equal(landing.to, 'go.shop.example/v1/p');
  assert.equal(landing.status, 200);
  assert.match(landing.properties.search, /attr_click=/);
  await page.evaluate(() => window.analytics.track('Order Completed', { order_id: 'W-1', total: 119, tax: 19, currency: 'EUR' }));
  const [sold] = await web.events(1, (event) => event.event === 'Order Completed');
  assert.deepEqual([sold.to, sold.status], ['go.shop.example/v1/t', 200]);
  await context.close();
  await shop.quiet();
  assert.equal((await order(shop, 'W-1')).status, 'provisional');
  const confirmed = await fetch(`${shop.base}/v1/track`, { method: 'POST', headers: { authorization: `Bearer ${WRITE_KEY}` },
    body: JSON.stringify({ userId: 'u', event: 'Order Completed', properties: { order_id: 'W-1', total: 119, tax: 19, currency: 'EUR' } }) });
  assert.equal(confirmed.status, 200);
  await shop.quiet();
  assert.deepEqual((await credits(shop, 'W-1')).map((c) => [c.creator, c.channel, c.gross]), [['ann', 'link', 100]]);
});
