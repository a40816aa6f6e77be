// Reports and imports over the admin listener, beside the commands of the same names.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { CATALOG, Shop, sleep } from './support.mjs';

let shop;
before(async () => {
  shop = await Shop.open({ catalog: CATALOG, settings: 'admin_timeout = 2s' });
  await shop.import('cost', `cost_id,campaign,creator,kind,amount,currency,incurred_on
${Array.from({ length: 25 }, (_, i) => `f${i},spring,${i % 2 ? 'ann' : 'bob'},fee,${10 + i},EUR,2026-11-${String(i + 1).padStart(2, '0')}`).join('\n')}
`);
  const orders = Array.from({ length: 12 }, (_, i) => ({ type: 'purchase', event_id: `e${i}`, email: `p${i}@example.com`,
    order: { id: `o${i}`, currency: 'EUR', total: `${20 + i}.00`, codes: [i % 3 ? 'ANN10' : 'BOB10'], status: 'paid' } }));
  assert.equal((await (await shop.events(orders)).json()).accepted, 12);
  await shop.quiet(12);
});
after(() => shop.close());

const get = (path, headers = {}) => fetch(`${shop.admin}/v1/reports${path}`, { headers });
const rowsOf = async (response) => {
  assert.equal(response.status, 200, await response.clone().text());
  return response.json();
};
const cli = (...args) => shop.cli('report', ...args, '-c', shop.config);

test('every report that there is answers as the command does, as JSON and as CSV', async () => {
  const kinds = await rowsOf(await get(''));
  assert.ok(kinds.length > 25);
  assert.deepEqual(kinds.find((k) => k.name === 'roi').parameters,
    ['site', 'from', 'to', 'by', 'model', 'creator', 'campaign', 'format', 'limit', 'offset']);
  for (const { name, about, parameters } of kinds) {
    assert.ok(about.length > 10, name);
    const period = parameters.includes('from') ? '&from=2020-01-01&to=2030-01-01' : '';
    assert.ok(Array.isArray(await rowsOf(await get(`/${name}?site=acme${period}`))), name);
  }
  for (const [format, type] of [['csv', 'text/csv; charset=utf-8'], ['json', 'application/json']]) {
    const answer = await get(`/order_credit?model=policy&format=${format}`);
    assert.equal(answer.headers.get('content-type'), type);
    const lines = async (text) => (await text).trim().split('\n').sort();
    assert.deepEqual(await lines(answer.text()), await lines(cli('order_credit', '--model', 'policy', '--format', format)));
  }
});

test('filters: period, model, creator, campaign', async () => {
  const credits = await rowsOf(await get('/order_credit?model=linear&creator=bob&campaign=spring'));
  assert.equal(credits.length, 4);
  assert.ok(credits.every((c) => c.creator === 'bob' && c.model === 'linear'));
  assert.deepEqual(await rowsOf(await get('/roi?from=2020-01-01&to=2020-01-31&creator=bob')), []);
  assert.equal((await rowsOf(await get('/roi?model=policy&creator='))).length, 2);
});

test('what is asked wrongly is named, with what was expected', async () => {
  for (const [path, status, parameter, message] of [
    ['/cac?model=policy', 400, 'model', /cac has no model/],
    ['/roi?model=best', 400, 'model', /expected policy, .*time_decay, got "best"/],
    ['/roi?from=2026-11-01', 400, 'to', /both ends/],
    ['/roi?from=2026-11-31&to=2026-12-01', 400, 'from', /dates such as 2026-11-01, got "2026-11-31"/],
    ['/roi?from=2026-11-02&to=2026-11-01', 400, 'to', /ends before it begins/],
    ['/roi?by=day&from=2026-11-01&to=2026-11-01', 400, 'by', /order, touch or refund/],
    ['/roi?limit=0', 400, 'limit', /1 to 10000 rows, got "0"/],
    ['/roi?limit=10001', 400, 'limit', /1 to 10000/],
    ['/roi?offset=-1', 400, 'offset', /number of rows/],
    ['/roi?format=xml', 400, 'format', /json or csv, got "xml"/],
    ['/roi?sight=acme', 400, 'sight', /expected site, from, to/],
    ['/roi?site=acme&site=acme', 400, 'site', /once/],
    ['/roi?site=other', 404, 'site', /no such site/],
    ['/nonsense', 404, undefined, /\/v1\/reports/],
    ['/roi/', 404, undefined, /\/v1\/reports/],
  ]) {
    const answer = await get(path);
    assert.equal(answer.status, status, path);
    assert.equal(answer.headers.get('content-type'), 'application/json');
    const body = await answer.json();
    assert.equal(body.parameter, parameter, path);
    assert.match(body.message, message, path);
  }
  assert.equal((await fetch(`${shop.admin}/v1/reports/roi`, { method: 'POST' })).status, 405);
});

test('JSON or CSV is what is asked for, first by format, then by Accept', async () => {
  const type = async (path, accept) => (await get(path, accept ? { accept } : {})).headers.get('content-type').split(';')[0];
  assert.equal(await type('/cac'), 'application/json');
  assert.equal(await type('/cac', 'text/csv'), 'text/csv');
  assert.equal(await type('/cac', 'text/html, text/csv;q=0.5, */*;q=0.1'), 'text/csv');
  assert.equal(await type('/cac', 'application/json;q=0.5, text/csv;q=0.75'), 'text/csv');
  assert.equal(await type('/cac', 'text/csv;q=0.2,application/json'), 'application/json');
  assert.equal(await type('/cac?format=json', 'text/csv'), 'application/json');
});

test('pages, followed by their links, are the report', async () => {
  for (const format of ['json', 'csv']) {
    let path = `/order_credit?format=${format}&offset=0&limit=7`, all = [], pages = 0;
    while (path) {
      const answer = await get(path);
      assert.equal(answer.status, 200);
      const page = format === 'json' ? await answer.json() : (await answer.text()).trim().split('\n').slice(1);
      assert.ok(page.length <= 7);
      all = all.concat(page);
      pages++;
      path = /^<\/v1\/reports(.*)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1];
    }
    assert.equal(all.length, 72);
    assert.equal(pages, 11);
    assert.equal(new Set(all.map((r) => JSON.stringify(r))).size, 72);
  }
  assert.deepEqual(await rowsOf(await get('/order_credit?offset=1000')), []);
});

test('a tag for what was answered; nothing is sent again, and a change is', async () => {
  const first = await get('/cac');
  const tag = first.headers.get('etag');
  assert.match(tag, /^"[0-9a-f]{32}"$/);
  for (const known of [tag, `"x", ${tag}`, `W/${tag}`, '*']) {
    const again = await get('/cac', { 'if-none-match': known });
    assert.equal(again.status, 304);
    assert.equal(again.headers.get('etag'), tag);
    assert.equal(await again.text(), '');
  }
  assert.equal((await get('/cac?format=csv', { 'if-none-match': tag })).status, 200);
  const head = await fetch(`${shop.admin}/v1/reports/cac`, { method: 'HEAD' });
  assert.deepEqual([head.status, head.headers.get('etag'), head.headers.get('content-length')],
    [200, tag, first.headers.get('content-length')]);
  await shop.import('cost', 'cost_id,campaign,creator,kind,amount,currency,incurred_on\nf0,spring,bob,fee,11,EUR,2026-11-01\n');
  const changed = await get('/cac', { 'if-none-match': tag });
  assert.equal(changed.status, 200);
  assert.notEqual(changed.headers.get('etag'), tag);
});

test('a report that takes long hides nothing, is ended by admin_timeout, and too many are refused', async () => {
  const db = await shop.connect();
  try {
    await db.query('BEGIN; LOCK TABLE attrib.cost IN ACCESS EXCLUSIVE MODE');
    const slow = Array.from({ length: 14 }, () => get('/cac').then(async (r) => [r.status, await r.json()]));
    for (let waiting = 0; waiting < 2;) { // both threads are at the database
      ({ waiting } = (await shop.query(`SELECT count(*)::int AS waiting FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND query LIKE '%attrib.cac%'`))[0]);
      await sleep(5);
    }
    assert.equal((await fetch(`${shop.admin}/healthz`)).status, 200);
    assert.equal((await fetch(`${shop.admin}/v1/status`)).status, 200);
    const refused = await Promise.any(slow.map((one) => one.then((r) => (r[1].message.startsWith('overloaded') ? r : Promise.reject(r)))));
    assert.equal(refused[0], 503);
    const late = await Promise.any(slow.map((one) => one.then((r) => (/longer than admin_timeout/.test(r[1].message) ? r : Promise.reject(r)))));
    assert.equal(late[0], 503);
    await db.query('COMMIT');
    const rest = await Promise.all(slow);
    assert.ok(rest.filter(([status]) => status === 200).length >= 6, JSON.stringify(rest));
  } finally {
    await db.end();
  }
});

test('behind a report come the answers to what was asked behind it, and who has gone is no harm', async () => {
  const socket = connect(shop.adminPort, '127.0.0.1');
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk) => { text += chunk; });
  socket.end(['/v1/reports/cac', '/healthz', '/v1/reports/nonsense', '/readyz'].map((path, i) => (
    `GET ${path} HTTP/1.1\r\nHost: x\r\n${i === 3 ? 'Connection: close\r\n' : ''}\r\n`)).join(''));
  await new Promise((done) => socket.once('close', done));
  assert.deepEqual(text.match(/^HTTP\/1.1 \d+/gm), ['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 404', 'HTTP/1.1 200']);
  assert.match(text, /ok\n[^]*ready\n$/);
  for (let i = 0; i < 20; i++) {
    const gone = connect(shop.adminPort, '127.0.0.1', () => {
      gone.write('GET /v1/reports/cac HTTP/1.1\r\nHost: x\r\n\r\n', () => gone.resetAndDestroy());
    });
    await new Promise((done) => gone.on('error', () => {}).once('close', done));
  }
  let answer; // as soon as there is room
  do answer = await get('/cac'); while (answer.status === 503);
  assert.equal(answer.status, 200);
});

test('who asks while the daemon stops is answered or let go, and the stop waits for nobody', async () => {
  const db = await shop.connect();
  try {
    await db.query('BEGIN; LOCK TABLE attrib.cost IN ACCESS EXCLUSIVE MODE');
    const asked = get('/cac').then((r) => r.status, () => 'gone');
    for (let waiting = 0; waiting < 1;) {
      ({ waiting } = (await shop.query(`SELECT count(*)::int AS waiting FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND query LIKE '%attrib.cac%'`))[0]);
      await sleep(5);
    }
    assert.deepEqual(await shop.stop(), { code: 0, signal: null });
    assert.equal(await asked, 503);
  } finally {
    await db.end();
  }
});
