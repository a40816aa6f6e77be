// Links as they are handed out: what is printed works, from the click to the credit, and a code that is
// drawn reads as what was printed.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { attribd, CATALOG, Shop, sleep } from './support.mjs';

const { tracker, ...names } = CATALOG;
let shop;
before(async () => {
  shop = await Shop.open({ catalog: names, start: false, site: 'public_url = https://go.shop.example/\n',
    global: '[site bare]\ntime_zone = UTC\n' });
  await shop.start();
});
after(() => shop.close());

const run = (...args) => new Promise((done) => {
  execFile(attribd, [...args, '-c', shop.config], (error, stdout, stderr) => done({ code: error ? error.code : 0, stdout, stderr }));
});
const link = async (...args) => {
  const result = await run('link', 'add', '--site', 'acme', ...args);
  assert.equal(result.code, 0, result.stderr);
  return result.stdout.trim().split('\n');
};
const file = (name, text) => {
  const path = join(shop.dir, name);
  writeFileSync(path, text);
  return path;
};
const post = (body, headers = { 'content-type': 'application/json' }, query = '') => fetch(`${shop.admin}/v1/links${query}`,
  { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) });

// The daemon hears of it by itself, soon.
async function follow(url) {
  const { pathname, search } = new URL(url);
  for (let i = 0; i < 500; i++) {
    const click = await shop.click(pathname.replace('/c/', ''), { query: search });
    if (click.response.status === 302) return click;
    await sleep(10);
  }
  throw new Error(`nobody knows ${url}`);
}

async function buys(id, { query = '', visitor_id, codes = [], url } = {}) {
  await shop.events({ type: 'purchase', event_id: `e-${id}`, visitor_id, url,
    order: { id, currency: 'EUR', total: '10.00', codes, status: 'paid' } });
  await shop.quiet();
  return shop.query('select creator, campaign, placement, channel, tracker from attrib.order_credit where order_id = $1 and model = $2', [id, 'policy']);
}

test('a link that is printed leads to the shop, and its order to the creator', async () => {
  const [url, ...more] = await link('--creator', 'ann', '--campaign', 'spring', '--destination', 'https://shop.example/new?a=1#top', '--sub', 'ig story/2');
  assert.deepEqual(more, []);
  assert.match(url, /^https:\/\/go\.shop\.example\/c\/[2-9b-z]{8}\?sub=ig%20story%2F2$/);
  const click = await follow(url);
  assert.match(click.location, /^https:\/\/shop\.example\/new\?a=1&sub=ig%20story%2F2&attr_click=[\w-]{22}#top$/);
  const key = new URL(url).pathname.slice(3);
  assert.deepEqual(await buys('1', { visitor_id: click.cookie }),
    [{ creator: 'ann', campaign: 'spring', placement: null, channel: 'link', tracker: key }]);
});

test('a link for each placement, which says whose and of which campaign it is', async () => {
  await shop.import('placement', 'site,name,creator,campaign\nacme,bob-reel,bob,spring\nacme,bob-story,bob,\n');
  const urls = await link('--placement', 'bob-reel', '--placement', 'bob-story', '--destination', 'https://shop.example/');
  assert.equal(urls.length, 2);
  const seen = [];
  for (const [i, url] of urls.entries()) {
    const { cookie } = await follow(url);
    const [credit] = await buys(`p-${i}`, { visitor_id: cookie });
    seen.push([credit.creator, credit.campaign, credit.placement]);
  }
  assert.deepEqual(seen, [['bob', 'spring', 'bob-reel'], ['bob', null, 'bob-story']]);
});

test('affiliate ids, UTM addresses and codes earn, too', async () => {
  const [affiliate] = await link('--kind', 'affiliate', '--key', 'bob & co', '--creator', 'bob', '--destination', 'https://shop.example/?ref=old&a=1');
  assert.equal(affiliate, 'https://shop.example/?a=1&ref=bob%20%26%20co');
  const [utm] = await link('--kind', 'utm', '--key', 'TikTok/creator/*/*/ann', '--creator', 'ann', '--destination', 'https://shop.example/');
  assert.equal(utm, 'https://shop.example/?utm_source=TikTok&utm_medium=creator&utm_content=ann');
  const [code, joined] = await link('--kind', 'code', '--key', 'BOB 10', '--creator', 'bob', '--destination', 'https://shop.example/discount/{key}?redirect=/new');
  assert.deepEqual([code, joined], ['BOB 10', 'https://shop.example/discount/BOB%2010?redirect=/new']);
  // a link to that address joins click and code: one order, one creator, the click's placement
  const [both] = await link('--creator', 'bob', '--destination', joined);
  const clicked = await follow(both);
  assert.match(clicked.location, /^https:\/\/shop\.example\/discount\/BOB%2010\?redirect=\/new&attr_click=[\w-]{22}$/);
  assert.deepEqual((await buys('6', { visitor_id: clicked.cookie, codes: ['BOB 10'] })).map((r) => [r.creator, r.channel]), [['bob', 'link']]);
  const [made, ...none] = await link('--kind', 'code', '--creator', 'ann');
  assert.match(made, /^[2-9B-Z]{8}$/);
  assert.deepEqual(none, []);
  await follow((await link('--creator', 'ann', '--destination', 'https://shop.example/'))[0]); // so the others are known, too
  const owner = (rows) => rows.map((r) => [r.creator, r.channel]);
  await shop.events({ type: 'visit', event_id: 'v-1', visitor_id: 'by-affiliate', url: affiliate });
  await shop.events({ type: 'visit', event_id: 'v-2', visitor_id: 'by-utm', url: utm });
  await shop.quiet();
  assert.deepEqual(owner(await buys('2', { visitor_id: 'by-affiliate' })), [['bob', 'affiliate']]);
  assert.deepEqual(owner(await buys('3', { visitor_id: 'by-utm' })), [['ann', 'utm']]);
  assert.deepEqual(owner(await buys('4', { codes: ['bob 10'] })), [['bob', 'code']]);
  assert.deepEqual(owner(await buys('5', { codes: [made.toLowerCase()] })), [['ann', 'code']]);
});

// -- QR codes: read by a program that knows nothing of ours ------------------------------------------

const SCALE = 4;
function read(name, dark, width, height) {
  const pixels = Buffer.alloc(width * height * SCALE * SCALE, 255);
  for (let y = 0; y < height * SCALE; y++) {
    for (let x = 0; x < width * SCALE; x++) if (dark(Math.floor(x / SCALE), Math.floor(y / SCALE))) pixels[y * width * SCALE + x] = 0;
  }
  const path = file(name, Buffer.concat([Buffer.from(`P5 ${width * SCALE} ${height * SCALE} 255\n`), pixels]));
  return new Promise((done, fail) => {
    execFile('zbarimg', ['-q', '--raw', path], (error, stdout) => (error ? fail(error) : done(stdout.trim())));
  });
}

test('the drawing in the terminal, and the one for print, read as the address', async () => {
  const svg = join(shop.dir, 'ann.svg');
  const [url, ...drawn] = await link('--creator', 'ann', '--destination', 'https://shop.example/', '--sub', 'poster-7', '--qr', '--qr-svg', svg);
  // two modules in a character: upper and lower half
  const halves = { ' ': [1, 1], '▀': [0, 1], '▄': [1, 0], '█': [0, 0] };
  const rows = drawn.flatMap((line) => [0, 1].map((half) => [...line].map((c) => halves[c][half])));
  assert.equal(await read('text.pgm', (x, y) => rows[y][x], rows[0].length, rows.length), url);
  const image = readFileSync(svg, 'utf8');
  const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(image).map(Number);
  const modules = new Set([...image.matchAll(/M(\d+) (\d+)h1v1h-1z/g)].map(([, x, y]) => `${x},${y}`));
  assert.equal(await read('svg.pgm', (x, y) => modules.has(`${x},${y}`), width, height), url);
});

// -- many --------------------------------------------------------------------------------------------

test('a file of links: all of them, printed as CSV, or none', async () => {
  const wanted = file('wanted.csv', 'site,kind,key,creator,placement,destination,sub\nacme,,csv-1,ann,,https://shop.example/a,s1\n'
    + 'acme,code,CSV2,bob,,,\nbare,code,CSV3,,,,\n');
  const refused = await run('link', 'add', '--csv', wanted);
  assert.equal(refused.code, 65);
  assert.equal(refused.stderr, `${wanted}:4: creator: expected a creator, or a placement that has one, got none\nnothing was added\n`);
  assert.equal(refused.stdout, '');
  assert.deepEqual(await shop.query("select key from attrib.tracker where key ilike 'csv%'"), []);
  await shop.import('creator', 'site,handle\nbare,ann\n');
  writeFileSync(wanted, readFileSync(wanted, 'utf8').replace('CSV3,', 'CSV3,ann'));
  const first = await run('link', 'add', '--csv', wanted);
  assert.equal(first.stdout, `site,kind,key,creator,campaign,placement,destination,valid_from,valid_to,sub,url
acme,link,csv-1,ann,,,https://shop.example/a,,,s1,https://go.shop.example/c/csv-1?sub=s1
acme,code,CSV2,bob,,,,,,,
bare,code,CSV3,ann,,,,,,,
`);
  assert.deepEqual(await run('link', 'add', '--csv', wanted), first, 'said twice it is the same');
  const listed = await run('link', 'list', '--site', 'bare');
  assert.deepEqual(listed.stdout.split('\n').slice(1), ['bare,code,CSV3,ann,,,,,,,', '']);
});

test('what is wrong is named, by option, with the owner of a taken key', async () => {
  await link('--kind', 'code', '--key', 'SUMMER', '--creator', 'ann', '--from', '2026-06-01', '--to', '2026-09-01');
  const cases = [
    [['--kind', 'code', '--key', 'summer', '--creator', 'bob', '--from', '2026-08-31'],
      '--key: expected a key that is free from 2026-08-31 00:00:00, got "SUMMER", which is ann\'s from 2026-06-01 00:00:00 to 2026-09-01 00:00:00'],
    [['--creator', 'carl', '--campaign', 'fall', '--placement', 'x', '--destination', 'https://shop.example/'],
      '--creator: expected a creator of site acme, got "carl"\nattribd: --campaign: expected a campaign of site acme, got "fall"\nattribd: --placement: expected a placement of site acme, got "x"'],
    [['--creator', 'ann', '--destination', 'shop.example'], '--destination: expected an absolute http or https URL, got "shop.example"'],
    [['--creator', 'ann', '--destination', 'https://s.example', '--from', '2026-02-30'],
      '--from: expected a date or a local time such as 2026-11-01 12:30, without zone, got "2026-02-30"'],
  ];
  for (const [args, message] of cases) {
    const result = await run('link', 'add', '--site', 'acme', ...args);
    assert.deepEqual([result.code, result.stderr, result.stdout], [65, `attribd: ${message}\n`, '']);
  }
  const usages = [[['link', 'make'], /add or list/], [['link', 'add', '--csv', 'x', '--creator', 'ann'], /stands in the file/],
    [['link', 'add', '--key', 'k', '--placement', 'a', '--placement', 'b'], /--key is of one link/],
    [['link', 'add', '--kind', 'code', '--creator', 'ann', '--qr'], /no address to draw/], [['link', 'list'], /name one with --site/],
    [['link', 'list', '--key', 'x'], /takes --site and --creator/], [['link', 'add', '--format', 'csv'], /takes no --format/]];
  for (const [args, message] of usages) {
    const result = await run(...args);
    assert.equal(result.code, 64, args.join(' '));
    assert.match(result.stderr, message);
  }
  assert.equal((await run('link', 'add', '--csv', join(shop.dir, 'absent.csv'))).code, 74);
  const [{ n }] = await shop.query("select count(*)::int as n from attrib.tracker where folded = 'summer'");
  assert.equal(n, 1);
});

// -- the admin listener ------------------------------------------------------------------------------

test('POST /v1/links takes each by itself; GET lists them', async () => {
  const response = await post([{ site: 'acme', key: 'api-1', creator: 'ann', destination: 'https://shop.example/', sub: 'x' },
    { site: 'acme', creator: 'carl', kind: 'code' }, { creator: 'ann' }, { site: 'acme', creator: 'bob', kind: 'code', key: 'API2' }]);
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), {
    links: [{ index: 0, site: 'acme', kind: 'link', key: 'api-1', creator: 'ann', destination: 'https://shop.example/', sub: 'x',
      url: 'https://go.shop.example/c/api-1?sub=x' }, { index: 3, site: 'acme', kind: 'code', key: 'API2', creator: 'bob' }],
    rejected: [{ index: 1, code: 'invalid', field: 'creator', message: 'expected a creator of site acme, got "carl"' },
      { index: 2, code: 'invalid', field: 'site', message: 'expected a site of the configuration, got none' }] });
  const { location } = await follow('https://go.shop.example/c/api-1');
  assert.match(location, /^https:\/\/shop\.example\/\?attr_click=/);
  const one = await post({ creator: 'bob', kind: 'code', key: 'API3' }, undefined, '?site=acme');
  assert.deepEqual((await one.json()).links.map((l) => l.key), ['API3']);
  const listed = await (await fetch(`${shop.admin}/v1/links?site=acme&creator=bob`)).json();
  assert.deepEqual(listed.links.slice(0, 2), [{ site: 'acme', kind: 'code', key: 'API3', creator: 'bob' },
    { site: 'acme', kind: 'code', key: 'API2', creator: 'bob' }]);
  assert.ok(listed.links.every((l) => l.creator === 'bob'));
  assert.ok((await (await fetch(`${shop.admin}/v1/links?site=acme`)).json()).links.some((l) => l.creator === 'ann'));
});

test('POST /v1/links refuses what it can not read, and pages of other origins', async () => {
  const bad = await post({ creator: 'carl', kind: 'code', site: 'acme' });
  assert.deepEqual([bad.status, (await bad.json()).links], [400, []]);
  for (const body of ['[{', '{"creator":"\\u0000"}', Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d])]) {
    const response = await fetch(`${shop.admin}/v1/links`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    assert.deepEqual([response.status, await response.json()], [400, { code: 'bad_json', message: 'the body is not valid JSON' }]);
  }
  assert.equal((await post('[]', { 'content-type': 'text/plain' })).status, 415);
  assert.equal((await post('[]', { 'content-type': 'application/json; charset=utf-8' })).status, 200);
  assert.equal((await post(' '.repeat(16385))).status, 413);
  assert.equal((await fetch(`${shop.admin}/v1/links`)).status, 400, 'two sites: which?');
  assert.equal((await fetch(`${shop.admin}/v1/links?site=none`)).status, 404);
  assert.equal((await fetch(`${shop.base}/v1/links?site=acme`)).status, 404, 'not on the public listener');
});

test('a table that somebody holds, or no PostgreSQL: 503 soon, and the daemon is healthy', async () => {
  const client = await shop.connect();
  await client.query('begin; lock table attrib.tracker in share row exclusive mode');
  const held = await post({ site: 'acme', creator: 'ann', kind: 'code', key: 'HELD' });
  assert.deepEqual([held.status, held.headers.get('retry-after')], [503, '5']);
  assert.equal((await fetch(`${shop.admin}/healthz`)).status, 200);
  await client.query('rollback');
  await client.end();
  assert.deepEqual(await shop.query("select key from attrib.tracker where key = 'HELD'"), []);
  shop.stopPostgres();
  assert.equal((await post([])).status, 503);
  assert.equal((await fetch(`${shop.admin}/v1/links?site=acme`)).status, 503);
  assert.equal((await run('link', 'list', '--site', 'acme')).code, 69);
  shop.startPostgres();
});
