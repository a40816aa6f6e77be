// The ways in, as clients see them: /v1/events, /c/<link>, /p.gif, /v1/beacon.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BROWSER, CATALOG, PUBLIC_KEY, Shop } from './support.mjs';

let shop;
before(async () => { shop = await Shop.open({
  site: 'own_hosts = www.acme.example',
  global: '[site open]\ncookie_domain = .open.example\n[site listed]\ncookie_domain = .listed.example\n'
    + 'origins = https://app.listed.example:8443, http://partner.example',
  catalog: {
  ...CATALOG,
  tracker: `${CATALOG.tracker}acme,link,utf8-émoji,ann,spring,,https://shop.example/?utm_source=own\n`,
} }); });
after(() => shop.close());

const purchase = (id, more = {}) => ({ type: 'purchase', event_id: `p-${id}`, customer_id: `c-${id}`,
  order: { id, currency: 'EUR', total: '10.00', ...more } });

test('object, array and NDJSON are all taken', async () => {
  for (const [body, type, n] of [
    [purchase('n-1'), 'application/json', 1],
    [[purchase('n-2'), purchase('n-3')], 'application/json', 2],
    [[purchase('n-4'), purchase('n-5')], 'application/x-ndjson', 2],
    [[], 'application/json', 0],
  ]) {
    const response = await shop.events(body, { type });
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), { accepted: n, rejected: [] });
  }
});

test('one bad item is rejected by index, code and field; the good ones are counted', async () => {
  const response = await shop.events([purchase('m-1'), purchase('m-2', { total: '1O.00' }), purchase('m-3')]);
  assert.equal(response.status, 200);
  const body = await response.json();
  assert.equal(body.accepted, 2);
  assert.equal(body.rejected.length, 1);
  assert.equal(body.rejected[0].index, 1);
  assert.equal(body.rejected[0].code, 'bad_amount');
  assert.match(body.rejected[0].message, /order\.total/);
  await shop.quiet();
  const rows = await shop.query("select order_id from attrib.conversion_status where order_id like 'm-%' order by 1");
  assert.deepEqual(rows.map((r) => r.order_id), ['m-1', 'm-3']);
});

test('what is refused, and how', async () => {
  const cases = [
    ['all items bad', [purchase('x', { total: '-' })], 400, 'bad_amount'],
    ['no JSON', '{"type":', 400, 'bad_json'],
    ['trailing bytes', '{"type":"visit"} x', 400, 'bad_json'],
    ['unknown type', { type: 'teleport' }, 400, 'bad_type'],
    ['no order', { type: 'purchase' }, 400, 'bad_id'],
    ['no amount', { type: 'refund', refund: { id: 'r', order_id: 'o' } }, 400, 'missing_field'],
    ['bad currency', purchase('x', { currency: 'EURO' }), 400, 'bad_currency'],
    ['bad status', purchase('x', { status: 'maybe' }), 400, 'bad_status'],
    ['bad time', { ...purchase('x'), occurred_at: 'yesterday' }, 400, 'bad_time'],
    ['NUL in an id', purchase('a\u0000b'), 400, 'bad_id'],
  ];
  for (const [name, body, status, code] of cases) {
    const response = await shop.events(body);
    assert.equal(response.status, status, name);
    const answer = await response.json();
    assert.equal(answer.accepted, 0, name);
    assert.equal(answer.rejected[0].code, code, name);
  }
  const many = await shop.events(Array.from({ length: 2501 }, (_, i) => ({ type: 'visit', event_id: `f-${i}`, url: 'https://s.example/' })));
  assert.equal(many.status, 413);
  assert.equal((await shop.events(`[${' '.repeat(1 << 20)}]`)).status, 413);
});

test('only the secret key opens /v1/events', async () => {
  for (const key of [PUBLIC_KEY, 'wrong', '']) {
    assert.equal((await shop.events(purchase('k-1'), { key })).status, 401, key);
  }
  assert.equal((await fetch(`${shop.base}/v1/events`, { method: 'POST', body: '{}' })).status, 401);
});

test('wrong methods and paths', async () => {
  const get = await fetch(`${shop.base}/v1/events`);
  assert.equal(get.status, 405);
  assert.match(get.headers.get('allow'), /POST/);
  assert.equal((await fetch(`${shop.base}/nothing`)).status, 404);
});

test('the redirect: destination from the catalog only, our click id, a signed cookie', async () => {
  const plain = await shop.click('ann-link', { query: '?gclid=G1&x=2&attr_click=forged&url=https://evil.example/' });
  assert.equal(plain.response.status, 302);
  const url = new URL(plain.location);
  assert.equal(url.host, 'shop.example');
  assert.equal(url.hash, '#top');
  assert.equal(url.searchParams.get('x'), '1', 'the destination\'s own parameters win');
  assert.equal(url.searchParams.get('gclid'), 'G1');
  assert.equal(url.searchParams.getAll('attr_click').length, 1);
  assert.notEqual(url.searchParams.get('attr_click'), 'forged');
  assert.match(plain.response.headers.get('cache-control'), /no-store/);
  const cookie = plain.response.headers.getSetCookie().find((c) => c.startsWith('attr_vid='));
  for (const part of ['Secure', 'HttpOnly', 'SameSite=Lax', 'Path=/', 'Max-Age=2592000']) assert.ok(cookie.includes(part), part);

  const again = await shop.click('ann-link', { headers: { cookie: `attr_vid=${plain.cookie}` } });
  assert.ok(!again.cookie || again.cookie === plain.cookie, 'a valid cookie is kept');
  const forged = `${plain.cookie.slice(0, -3)}AAA`;
  const refused = await shop.click('ann-link', { headers: { cookie: `attr_vid=${forged}` } });
  assert.ok(refused.cookie && refused.cookie !== forged, 'a forged one is replaced');
  const gpc = await shop.click('ann-link', { headers: { 'sec-gpc': '1' } });
  assert.equal(gpc.response.status, 302);
  assert.equal(gpc.cookie, undefined);
  assert.equal((await shop.click('no-such-link')).response.status, 404);
  assert.equal((await shop.click('utf8-%C3%A9moji')).response.status, 302);
});

test('bots and HEAD are redirected and counted apart', async () => {
  const before = await shop.query("select coalesce(sum(clicks),0)::int as clicks, coalesce(sum(filtered),0)::int as filtered from attrib.traffic_daily where tracker = 'bob-link'");
  await shop.click('bob-link');
  await shop.click('bob-link', { headers: { 'user-agent': 'facebookexternalhit/1.1' } });
  await fetch(`${shop.base}/c/bob-link`, { method: 'HEAD', redirect: 'manual', headers: { 'user-agent': BROWSER } });
  await shop.click('bob-link', { headers: { 'sec-purpose': 'prefetch' } });
  await shop.quiet();
  const [row] = await shop.query("select sum(clicks)::int as clicks, sum(filtered)::int as filtered from attrib.traffic_daily where tracker = 'bob-link'");
  assert.deepEqual([row.clicks - before[0].clicks, row.filtered - before[0].filtered], [1, 3]);
});

test('the pixel answers with a 43-byte GIF that nobody caches', async () => {
  const response = await shop.pixel({ e: 'visit', vid: 'v-1', url: 'https://shop.example/?ref=ann' });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'image/gif');
  assert.match(response.headers.get('cache-control'), /no-store/);
  assert.equal(response.headers.get('cross-origin-resource-policy'), 'cross-origin');
  const bytes = Buffer.from(await response.arrayBuffer());
  assert.equal(bytes.length, 43);
  assert.equal(bytes.subarray(0, 6).toString(), 'GIF89a');
  assert.equal((await shop.pixel({ site: 'nobody', e: 'visit' })).status, 404);
});

test('a beacon is text/plain JSON with the site in it', async () => {
  const send = (body) => fetch(`${shop.base}/v1/beacon`, { method: 'POST', body, headers: { 'content-type': 'text/plain;charset=UTF-8', 'user-agent': BROWSER } });
  assert.equal((await send(JSON.stringify({ site: 'acme', type: 'visit', event_id: 'b-1', visitor_id: 'v-b', url: 'https://shop.example/?ref=bob' }))).status, 204);
  assert.equal((await send('not json')).status, 400);
  assert.equal((await send(JSON.stringify({ site: 'nobody', type: 'visit' }))).status, 404);
});

test('a page of another origin reads the answer when the site takes it for its own', async () => {
  const allowed = async (site, origin, method = 'POST') => {
    const response = await fetch(`${shop.base}/v1/beacon`, { method, headers: { 'user-agent': BROWSER, ...origin && { origin } },
      body: method === 'POST' ? JSON.stringify({ site, type: 'visit', url: 'https://x.example/' }) : undefined });
    assert.equal(response.headers.get('vary'), 'Origin');
    assert.equal(response.headers.get('access-control-allow-credentials'), null);
    const answer = response.headers.get('access-control-allow-origin');
    assert.ok(answer === null || answer === origin, `${answer} for ${origin}`);
    return answer === origin;
  };
  for (const [site, origin, expected] of [
    ['acme', 'https://www.acme.example', true],
    ['acme', 'http://www.acme.example:8080', true],
    ['acme', 'https://acme.example', false],
    ['acme', 'https://www.acme.example.evil.example', false],
    ['acme', 'https://evilwww.acme.example', false],
    ['acme', 'null', false],
    ['acme', undefined, false],
    ['acme', 'https://open.example', false],
    ['open', 'https://open.example', true],
    ['open', 'https://shop.open.example', true],
    ['open', 'https://notopen.example', false],
    ['listed', 'https://app.listed.example:8443', true],
    ['listed', 'http://partner.example', true],
    ['listed', 'https://app.listed.example', false],
    ['listed', 'https://partner.example', false],
    ['listed', 'https://www.listed.example', false],
    ['nobody', 'https://www.acme.example', false],
  ]) assert.equal(await allowed(site, origin), expected, `${site}: ${origin}`);
  // a preflight names no site
  for (const [origin, expected] of [['https://www.acme.example', true], ['http://partner.example', true], ['https://evil.example', false], [undefined, false]])
    assert.equal(await allowed('', origin, 'OPTIONS'), expected, `preflight of ${origin}`);
});

test('a stranger can neither refund nor cancel nor touch a signed order', async () => {
  await shop.events(purchase('s-1'));
  await shop.quiet();
  const send = (event) => fetch(`${shop.base}/v1/beacon`, { method: 'POST', headers: { 'user-agent': BROWSER },
    body: JSON.stringify({ site: 'acme', ...event }) });
  assert.notEqual((await send({ type: 'refund', refund: { id: 'r', order_id: 's-1', amount: '10.00' } })).status, 204);
  assert.notEqual((await send({ type: 'cancel', order_id: 's-1' })).status, 204);
  await send({ type: 'purchase', event_id: 'p-s-1', order: { id: 's-1', currency: 'EUR', total: '999.00', status: 'pending', updated_at: '2099-01-01T00:00:00Z' } });
  await shop.quiet();
  const [row] = await shop.query("select status, gross::text, refunded::text from attrib.conversion_status where order_id = 's-1'");
  assert.deepEqual(row, { status: 'paid', gross: '10.00', refunded: '0.00' });
});

test('UTM of the real world survives', async () => {
  for (const query of ['flag', 'a=1&&b=2', 'utm_source=%zz&utm_medium=x', 'utm_source=a%00b', '%%%=%%%', 'utm_source=A%20B&utm_source=C',
    'mtm_source=tiktok&mtm_medium=video&mtm_campaign=bob', `utm_source=${'%F0%9F%98%80'.repeat(20)}`, ';;&=&==']) {
    assert.equal((await shop.pixel({ e: 'visit', vid: 'v-utm', url: `https://shop.example/?${query}` })).status, 200, query);
  }
  const s = await shop.quiet();
  assert.equal(s.quarantined, 0);
  const rows = await shop.query("select creator, sum(visits)::int as visits from attrib.traffic_daily where channel = 'utm' and creator is not null group by 1");
  assert.deepEqual(rows, [{ creator: 'bob', visits: 1 }]);
});
