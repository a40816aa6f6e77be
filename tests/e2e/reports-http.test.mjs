// Reports and imports over the admin listener, beside the commands of the same names.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CATALOG, Shop, root, sleep } from './support.mjs';

let shop;
before(async () => {
  shop = await Shop.open({ catalog: CATALOG });
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
  const one = async ({ name, about, parameters }) => {
    assert.ok(about.length > 10, name);
    const period = parameters.includes('from') ? '&from=2026-01-01&to=2026-12-31' : '';
    assert.ok(Array.isArray(await rowsOf(await get(`/${name}?site=acme${period}`))), name);
  };
  for (let i = 0; i < kinds.length; i += 4) await Promise.all(kinds.slice(i, i + 4).map(one));
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

// How long answers may take from now on. Where the tag is served tells when that is in force.
async function reload(timeout) {
  const tag = `/in-force-${timeout}.js`;
  shop.writeConfig({ settings: `admin_timeout = ${timeout}\ntag_path = ${tag}` });
  shop.process.kill('SIGHUP');
  while ((await fetch(shop.base + tag)).status !== 200) await sleep(5);
}

test('a report that takes long hides nothing, is ended by admin_timeout, and too many are refused', async () => {
  const db = await shop.connect();
  try {
    await reload('500ms');
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
    assert.ok(rest.filter(([status]) => status === 200).length >= 2, JSON.stringify(rest));
    await reload('30s');
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

const bring = (table, csv, type = 'text/csv', headers = {}) => fetch(`${shop.admin}/v1/import/${table}`,
  { method: 'POST', headers: { ...(type && { 'content-type': type }), ...headers }, body: csv });
const counts = async (response) => [response.status, await response.json()];

test('an import over HTTP is the same import: all or nothing, by its natural key', async () => {
  const csv = 'cost_id,creator,kind,amount,currency,incurred_on\r\nh1,ann,fee,10.50,EUR,2026-12-01\r\nh2,ann,fee,"20",EUR,2026-12-02\r\n';
  assert.deepEqual(await counts(await bring('cost', csv)), [200, { table: 'cost', rows: 2, added: 2, replaced: 0 }]);
  assert.deepEqual(await counts(await bring('cost?site=acme', csv, 'text/csv; charset=utf-8')), [200, { table: 'cost', rows: 2, added: 0, replaced: 2 }]);
  assert.deepEqual(await counts(await bring('cost', `${csv}h3,ann,fee,x,EUR,2026-12-03\nh4,ann,gift,1,EUR,\n,,,\n`)), [400, {
    code: 'invalid', message: 'nothing was imported', problems: [
      { line: 4, column: 'amount', message: 'expected a decimal number such as 1500.00, got "x"' },
      { line: 5, column: 'kind', message: 'expected fee, product_retail, product_cogs, paid_media, agency, commission or other, got "gift"' },
      { line: 6, column: null, message: 'expected 6 fields as in the header, got 4' }] }]);
  const bad = await (await bring('cost', 'cost_id,amount\nx,1\n')).json();
  assert.deepEqual(bad.problems.map((p) => [p.line, p.column, p.message]), [
    [1, 'kind', 'expected this column, got none'], [1, 'currency', 'expected this column, got none']]);
  assert.deepEqual(await shop.query("SELECT cost_id, amount FROM attrib.cost WHERE incurred_on >= '2026-12-01' ORDER BY 1"),
    [{ cost_id: 'h1', amount: '10.50' }, { cost_id: 'h2', amount: '20' }]);
});

test('a list of objects is a table as well, and its mistakes are told by object', async () => {
  const json = (table, rows) => bring(table, typeof rows === 'string' ? rows : JSON.stringify(rows), 'application/json');
  const rows = [{ cost_id: 'j1', kind: 'fee', amount: 12.5, currency: 'EUR', placement: 'two\nlines' }, { cost_id: 'j2', amount: '7.00', currency: 'EUR', kind: 'fee', creator: null }];
  assert.deepEqual(await counts(await json('cost', rows)), [200, { table: 'cost', rows: 2, added: 2, replaced: 0 }]);
  assert.deepEqual(await counts(await json('cost', rows[0])), [200, { table: 'cost', rows: 1, added: 0, replaced: 1 }]);
  assert.deepEqual(await shop.query("SELECT cost_id, amount, placement FROM attrib.cost WHERE cost_id LIKE 'j_' ORDER BY 1"),
    [{ cost_id: 'j1', amount: '12.5', placement: 'two\nlines' }, { cost_id: 'j2', amount: '7.00', placement: null }]);
  for (const [body, problem] of [
    [[rows[0], { ...rows[1], amount: 'x' }], { index: 1, column: 'amount', message: 'expected a decimal number such as 1500.00, got "x"' }],
    [[rows[0], { ...rows[1], amount: [7] }], { index: 1, column: 'amount', message: 'expected text, a number, true, false or null, got a list or an object' }],
    [[rows[0], 7], { index: 1, column: null, message: 'expected an object, got something else' }],
    [[], { index: null, column: null, message: 'expected a list of objects, got none with a member' }],
    [[{ cost_id: 'j3', kind: 'fee', currency: 'EUR' }], { index: null, column: 'amount', message: 'expected this column, got none' }],
  ]) assert.deepEqual(await counts(await json('cost', body)), [400, { code: 'invalid', message: 'nothing was imported', problems: [problem] }]);
  const broken = await json('cost', '[{');
  assert.deepEqual([broken.status, (await broken.json()).code], [400, 'bad_json']);
  assert.match((await (await json('cost?preset=meta-ads', rows)).json()).message, /text\/csv with it/);
});

test('an export of a platform is taken as it is, by HTTP and by the command', async () => {
  await shop.import('ad_map', 'platform,ad_id,placement\ntiktok,1790000000000001,ann-post\n');
  const file = join(root, 'tests/data/presets/tiktok-ads.csv');
  const refused = await counts(await bring('cost?preset=tiktok-ads', readFileSync(file)));
  assert.deepEqual(refused, [400, { code: 'invalid', message: 'nothing was imported', problems: [
    { line: 3, column: null, message: 'expected an ad that ad_map has, got "1790000000000002", named "lisa spark 2"' }] }]);
  assert.deepEqual(await counts(await bring('cost?preset=tiktok-ads&skip_unmatched=true', readFileSync(file))), [200, {
    table: 'cost', rows: 2, added: 2, replaced: 0, skipped: 1, unmatched: [
      { line: 3, column: null, message: 'expected an ad that ad_map has, got "1790000000000002", named "lisa spark 2"; skipped' }] }]);
  await shop.import('ad_map', 'platform,ad_id,placement\ntiktok,1790000000000002,ann-post\n');
  assert.match(await shop.cli('import', 'cost', file, '--preset', 'tiktok-ads', '-c', shop.config), /imported 3 rows into cost \(1 new, 2 replaced\)/);
  assert.match(await shop.cli('import', 'post_metrics', file, '--preset', 'tiktok-ads', '-c', shop.config), /imported 3 rows into post_metrics \(2 new, 0 replaced\)/);
  const post = (await rowsOf(await get('/kpi_placement'))).find((r) => r.placement === 'ann-post');
  assert.deepEqual([post.placement, post.cost_paid_media, post.impressions, post.likes], ['ann-post', 1200, 239100, 3600]);
  for (const [args, code, message] of [
    [['--preset', 'myspace'], 64, /expected one of these[^]*youtube-studio/],
    [['--on', '2026-11-01'], 64, /expected --preset as well/],
    [['--preset', 'youtube-studio'], 65, /tiktok-ads or meta-ads for the table cost/],
  ]) {
    await assert.rejects(shop.cli('import', 'cost', file, ...args, '-c', shop.config), (error) => error.code === code && message.test(error.stderr), args.join(' '));
  }
});

test('rows that name persons are hashed before they go anywhere, and no answer quotes them', async () => {
  assert.deepEqual(await counts(await bring('customers', 'email\nlena@example.com\n')), [200, { table: 'customers', rows: 1, added: 1, known: 0 }]);
  assert.deepEqual(await counts(await bring('customers', 'email\nlena@example.com\n')), [200, { table: 'customers', rows: 1, added: 0, known: 1 }]);
  const refused = await (await bring('customers', 'email\nlena at example.com\n')).json();
  assert.deepEqual(refused.problems, [{ line: 2, column: 'email', message: 'expected an address such as ann@example.com, got something else' }]);
  assert.ok(!shop.log.includes('lena'));
});

test('what is no import is refused before it is read', async () => {
  for (const [table, csv, type, status, message] of [
    ['costs', 'a\n', 'text/csv', 404, /one of the tables creator, .*cost/],
    ['cost', 'a\n', 'text/plain', 415, /text\/csv/],
    ['cost', 'a\n', 'application/x-www-form-urlencoded', 415, /text\/csv/],
    ['cost', '', 'text/csv', 400, /first line names columns, got nothing/],
    ['cost?site=other', 'a\n', 'text/csv', 404, /no such site/],
    ['cost?sight=acme', 'a\n', 'text/csv', 400, /expected site/],
    ['cost?preset=myspace', 'a\n', 'text/csv', 400, /expected one of tiktok-ads, .*youtube-studio, got "myspace"/],
    ['cost?on=2026-11-01', 'a\n', 'text/csv', 400, /a preset with as, on or skip_unmatched/],
    ['cost?preset=meta-ads&skip_unmatched=1', 'a\n', 'text/csv', 400, /true or false/],
  ]) {
    const answer = await bring(table, csv, type);
    assert.equal(answer.status, status, table);
    assert.match((await answer.json()).message, message);
  }
  assert.equal((await bring('cost', 'a\n', 'text/csv', { 'content-encoding': 'br' })).status, 415);
  const large = await bring('cost', 'x'.repeat((8 << 20) + 1)).then((r) => r.status, () => 413); // or the door is shut in its face
  assert.equal(large, 413);
  assert.equal((await fetch(`${shop.admin}/v1/import/cost`)).status, 405);
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

test('with a token nobody is let in without it, and no body is read of who is not', async () => {
  await shop.stop();
  shop.writeConfig({ settings: 'admin_token = let-me-in' });
  await shop.start();
  const body = 'x'.repeat(1 << 20);
  for (const [path, options] of [['/v1/status', {}], ['/v1/reports', {}], ['/v1/reports/cac', { headers: { authorization: 'Bearer let-me' } }]]) {
    const answer = await fetch(shop.admin + path, options);
    assert.equal(answer.status, 401, path);
    assert.equal(answer.headers.get('www-authenticate'), 'Bearer');
  }
  assert.equal(await bring('cost', body).then((r) => r.status, () => 401), 401);
  const head = await new Promise((done) => { // nobody waits for the body that is announced
    const socket = connect(shop.adminPort, '127.0.0.1', () => socket.write(
      'POST /v1/import/cost HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nContent-Length: 1000000\r\n\r\n'));
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk) => { text += chunk; }).once('end', () => { socket.destroy(); done(text); });
  });
  assert.match(head, /^HTTP\/1.1 401 [^]*Connection: close\r\n/);
  const authorization = 'Bearer let-me-in';
  assert.equal((await get('/cac', { authorization })).status, 200);
  assert.equal((await bring('cost', 'cost_id,kind,amount,currency\nt1,fee,1,EUR\n', 'text/csv', { authorization })).status, 200);
  assert.equal((await fetch(`${shop.admin}/healthz`)).status, 200);
});
