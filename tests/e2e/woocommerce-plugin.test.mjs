// plugins/woocommerce, run by PHP: what it stores on an order is read from the shop's webhook and credited.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { jar, tagged, Web } from './browser.mjs';
import { CATALOG, root, Shop } from './support.mjs';
import { gmt, knock, shape, SITE } from './vendors.mjs';

const PLUGIN = join(root, 'plugins/woocommerce/attribd.php');
let shop;
before(async () => { shop = await Shop.open({ site: `${SITE}too_fast = 0\ncookie_domain = .shop.example\n`, catalog: CATALOG }); });
after(() => shop.close());

// The meta data of an order that a browser with these cookies places.
const checkout = (input) => JSON.parse(execFileSync('php', ['-n', join(root, 'tests/e2e/woocommerce.php'), PLUGIN], { input: JSON.stringify(input) }));
const meta = (input) => checkout(input).meta;

let serial = 8000;
async function credited(stored) {
  const id = serial += 1;
  const at = gmt(Date.now() + 1000);
  const meta_data = Object.entries(stored).map(([key, value], i) => ({ id: i + 1, key, value }));
  await knock(shop, 'woocommerce', shape('woocommerce', 'created', { id, number: String(id), order_key: `wc_order_${id}`, transaction_id: '', status: 'processing',
    customer_id: 0, billing: { email: `buyer-${id}@example.com` }, coupon_lines: [], meta_data, date_created_gmt: at, date_modified_gmt: at, date_paid_gmt: at }));
  return shop.query('select creator, channel, tracker from attrib.order_credit where order_id = $1 and model = $2', [String(id), 'policy']);
}

test('it is PHP, and says that orders may be stored in any way', () => {
  assert.match(execFileSync('php', ['-n', '-l', PLUGIN]).toString(), /No syntax errors/);
  assert.deepEqual(checkout({}).declared, [['custom_order_tables', 'attribd.php', true], ['cart_checkout_blocks', 'attribd.php', true]]);
});

for (const kind of ['classic', 'block']) {
  test(`${kind} checkout: the visitor's earlier click earns the order`, async () => {
    const { cookie } = await shop.click('ann-link');
    const stored = meta({ checkout: kind, cookies: { attr_vid: cookie } });
    assert.deepEqual(stored, { _attr_visitor: cookie });
    assert.deepEqual(await credited(stored), [{ creator: 'ann', channel: 'link', tracker: 'ann-link' }]);
  });

  test(`${kind} checkout: so does the click that the tag keeps, where there is no visitor`, async () => {
    const { click } = await shop.click('bob-link');
    const stored = meta({ checkout: kind, cookies: { attr_click: click } });
    assert.deepEqual(stored, { _attr_click: click });
    assert.deepEqual(await credited(stored), [{ creator: 'bob', channel: 'link', tracker: 'bob-link' }]);
  });

  test(`${kind} checkout: whoever opted out leaves nothing, also of before`, () => {
    const cookies = { attr_vid: 'a.b', attr_click: 'c' };
    for (const out of [{ server: { HTTP_SEC_GPC: '1' } }, { server: { HTTP_DNT: '1' } }, { cookies: { ...cookies, attr_consent: 'no' } }]) {
      assert.deepEqual(meta({ checkout: kind, cookies, stored: { _attr_visitor: 'a.b', _attr_click: 'c', other: '1' }, ...out }), { other: '1' });
    }
    assert.deepEqual(meta({ checkout: kind, cookies: { ...cookies, attr_consent: 'yes' }, server: { HTTP_DNT: '0', HTTP_SEC_GPC: '0' } }),
      { _attr_visitor: 'a.b', _attr_click: 'c' });
  });
}

// On another domain than attribd's the shop's server sees what the tag keeps, and nothing else.
test('what the tag keeps in a browser is what the plugin reads', async () => {
  const web = await Web.open(shop);
  try {
    web.page('shop.example', '/*', tagged('data-site="acme"', { src: 'https://t.attribd.example/a.js' }));
    const context = await web.visitor();
    const page = await context.newPage();
    await page.goto('https://t.attribd.example/c/ann-link');
    await web.events(1, (event) => event.type === 'visit');
    await page.goto('https://shop.example/checkout');
    await web.all(page);
    const kept = (await jar(context)).filter((cookie) => cookie.domain.endsWith('shop.example'));
    const stored = meta({ checkout: 'block', cookies: Object.fromEntries(kept.map(({ name, value }) => [name, decodeURIComponent(value)])) });
    assert.deepEqual(Object.keys(stored).sort(), ['_attr_click', '_attr_visitor']);
    assert.deepEqual(await credited(stored), [{ creator: 'ann', channel: 'link', tracker: 'ann-link' }]);
    await page.evaluate(() => window.attr('consent', false));
    const refused = (await jar(context)).filter((cookie) => cookie.domain.endsWith('shop.example'));
    assert.deepEqual(meta({ checkout: 'block', stored, cookies: Object.fromEntries(refused.map(({ name, value }) => [name, value])) }), {});
  } finally {
    await web.close();
  }
});

test('without its cookies nobody is credited: it is the plugin that does it', async () => {
  await shop.click('ann-link');
  const stored = meta({ cookies: { other: 'x' } });
  assert.deepEqual(stored, {});
  assert.deepEqual(await credited(stored), [{ creator: null, channel: 'unattributed', tracker: null }]);
});

test('the server\'s cookie goes before its copy; what is no id is not stored, and takes nothing away', () => {
  assert.deepEqual(meta({ cookies: { attr_vid: 'served', attr_visitor: 'copied' } }), { _attr_visitor: 'served' });
  assert.deepEqual(meta({ cookies: { attr_visitor: 'copied' } }), { _attr_visitor: 'copied' });
  const bad = ['', ' ', 'a b', '<script>', "x'y", 'a\nb', 'ä', 'x'.repeat(256), ['a'], { a: 'b' }];
  for (const value of bad) {
    assert.deepEqual(meta({ cookies: { attr_vid: value, attr_visitor: value, attr_click: value }, stored: { _attr_click: 'kept' } }), { _attr_click: 'kept' });
  }
  assert.deepEqual(meta({ cookies: { attr_vid: '<b>', attr_visitor: 'x'.repeat(255), attr_click: 'x'.repeat(129) } }), { _attr_visitor: 'x'.repeat(255) });
});

test('the tag is put on pages when it is named', () => {
  assert.deepEqual(checkout({}).scripts, {});
  const tag = 'https://go.shop.example/a.js?site=acme';
  assert.deepEqual(checkout({ tag }).scripts, { attribd: [tag, null, { strategy: 'async' }] });
});
