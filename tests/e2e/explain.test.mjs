// Why an order is credited as it is, as people and programs ask it.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { attribd, CATALOG, Shop } from './support.mjs';

let shop;
before(async () => {
  shop = await Shop.open({ catalog: CATALOG, start: false });
  await shop.import('tracker', 'site,kind,key,creator,code_rule\nacme,code,SHY10,bob,if_involved\n');
  await shop.start();
});
after(() => shop.close());

const run = (...args) => new Promise((done) => {
  execFile(attribd, [...args, '-c', shop.config], (error, stdout, stderr) => done({ code: error ? error.code : 0, stdout, stderr }));
});
const explain = async (order, ...more) => {
  const result = await run('explain', order, '--site', 'acme', '--format', 'json', ...more);
  assert.equal(result.code, 0, result.stderr);
  return JSON.parse(result.stdout);
};
const ask = (path) => fetch(`${shop.admin}/v1/orders/${path}`);
let sent = 0;
const tell = async (...events) => {
  const response = await shop.events(events);
  assert.deepEqual(await response.json(), { accepted: events.length, rejected: [] });
  sent += events.length;
};
const purchase = (id, visitor_id, order, more = {}) => ({ type: 'purchase', event_id: `e-${id}`, visitor_id, ...more,
  order: { id, currency: 'EUR', total: '119.00', tax: '19.00', status: 'paid', ...order } });

// Link of ann, a landing with affiliate id and UTM of bob, the code of ann.
test('the worked case: what decided, every touch, who got nothing and why', async () => {
  const click = await shop.click('ann-link');
  const visitor = click.cookie;
  await shop.pixel({ e: 'visit', vid: visitor,
    url: 'https://shop.example/?utm_source=tiktok&utm_medium=video&utm_campaign=bob&ref=bob' });
  sent += 2;
  await tell(purchase('1001', visitor, { codes: ['ANN10'], aliases: { name: '#1001' } }, { email: 'ann.buyer@example.com' }));
  await shop.quiet(sent);

  const e = await explain('1001');
  assert.deepEqual([e.site, e.kind, e.order_id, e.status, e.reason, e.counted, e.late, e.signed],
    ['acme', 'order', '1001', 'paid', null, true, false, true]);
  assert.deepEqual([e.currency, e.gross, e.refunded, e.net, e.total, e.customer_kind], ['EUR', 100, 0, 100, 119, 'new']);
  assert.ok(e.placed_at.endsWith('+00:00') && e.counted_at && e.policy_version >= 1 && e.catalog_version >= 1);
  assert.deepEqual(e.aliases, [{ kind: 'name', value: '#1001' }]);
  assert.deepEqual([e.rule, e.decision, e.creator_claims, e.channel_claims],
    ['code', 'code ANN10 of ann decides by its rule always; credited through its link ann-link', 2, 4]);
  assert.deepEqual(e.path.map((s) => [s.step, s.channel, s.key, s.creator, s.placement, s.eligible, s.suspect]), [
    [1, 'link', 'ann-link', 'ann', 'ann-post', true, true],
    [2, 'utm', e.path[1].key, 'bob', null, true, true],
    [3, 'affiliate', 'bob', 'bob', null, true, true],
    [4, 'code', 'ANN10', 'ann', null, true, false]]);
  assert.deepEqual([e.path[0].flags, e.path[3].flags, e.code, e.code_rule], [['too_fast'], [], 'ANN10', 'always']);
  assert.equal(Date.parse(e.path[0].window_ends_at) - Date.parse(e.path[0].occurred_at), 30 * 86400e3);
  assert.equal(e.path[3].window_ends_at, null);
  assert.match(e.path[0].reason, /^eligible: collapsed into a newer touch of the same creator$/);
  assert.equal(e.path[0].credit, e.path[3].credit);
  assert.deepEqual(e.losers.map((l) => [l.creator, l.touches, l.steps, l.reason]),
    [['bob', 2, [2, 3], 'code ANN10 of ann decides']]);
  const policy = e.models.find((m) => m.model === 'policy').credits;
  assert.deepEqual(policy.map((c) => [c.creator, c.channel, c.tracker, c.placement, c.share, c.gross, c.net]),
    [['ann', 'link', 'ann-link', 'ann-post', 1, 100, 100]]);
  const linear = e.models.find((m) => m.model === 'linear').credits;
  assert.deepEqual(linear.map((c) => [c.creator, c.share, c.gross]).sort(), [['ann', 0.5, 50], ['bob', 0.5, 50]]);
  assert.equal(e.models.length, 6);
  assert.deepEqual(e.adjustments, []);
});

test('a readable text', async () => {
  const { code, stdout } = await run('explain', '1001');
  assert.equal(code, 0);
  const lines = stdout.trimEnd().split('\n');
  assert.equal(lines[0], 'order 1001 of acme: paid');
  assert.match(stdout, /^ {2}decision {2,}code ANN10 of ann decides by its rule always; credited through its link ann-link$/m);
  assert.match(stdout, /^ {2}money {2,}100\.00 gross - 0\.00 refunded = 100\.00 net EUR$/m);
  assert.match(stdout, /^ {2}also known as {2,}name #1001$/m);
  assert.match(stdout, /^ {2}1 {2}\S+ \S+ {2,}link {2,}ann-link {2,}ann {2,}spring {2,}ann-post .* eligible: collapsed/m);
  assert.match(stdout, /^eligible, and credited nothing\n {2}bob {2}code ANN10 of ann decides$/m);
  assert.match(stdout, /^ {2}policy {2,}\d {2,}ann {2,}link {2,}ann-link {2,}100 % {2,}100\.00 {2,}0\.00 {2,}100\.00$/m);
  assert.ok(!stdout.includes('refunds and cancels'));
  assert.ok(lines.every((l) => l === l.trimEnd()), 'no blanks at line ends');
});

test('an alias leads to its order, over HTTP percent-encoded', async () => {
  assert.deepEqual(await explain('#1001'), await explain('1001'));
  const response = await ask('%231001/explain?site=acme');
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'application/json');
  assert.deepEqual(await response.json(), await explain('1001'));
  assert.equal((await ask('1001/explain')).status, 200, 'the only site need not be named');
});

test('refunds: what counts and why not; a cancel takes the rest', async () => {
  const refund = (id, amount, more) => ({ type: 'refund', event_id: `ev-${id}`,
    refund: { id, order_id: '#1001', amount, currency: 'EUR', ...more } });
  await tell(refund('r-1', '39.67'), refund('r-2', '5.00', { status: 'void' }), refund('r-3', '20.00', { cumulative: true }));
  await shop.quiet(sent);
  // a second system's word for the same money, as its own reader would leave it
  await shop.query(`insert into attrib.refund_fact select site, order_id, 'stripe', 's-1', 'ev-s', resolved, currency, 3000, 0, 0,
    false, false, false, occurred_at, received_at from attrib.refund_fact where refund_id = 'r-1'`);
  let e = await explain('1001');
  assert.deepEqual([e.status, e.refunded, e.net, e.refund_total], ['partially_refunded', 33.34, 66.66, 39.67]);
  assert.deepEqual(e.adjustments.map((a) => [a.id, a.source, a.order_id, a.amount, a.voided, a.counts, a.reason]).sort(), [
    ['r-1', 'native', '#1001', 39.67, false, true, null],
    ['r-2', 'native', '#1001', 5, true, false, 'taken back'],
    ['r-3', 'native', '#1001', 20, false, false, 'the single refunds and the running total of one source are the same money'],
    ['s-1', 'stripe', '#1001', 30, false, false, 'native reports at least as much: the same money']]);
  const { stdout } = await run('explain', '1001');
  assert.match(stdout, /refund {2}stripe {2}s-1 {2}30\.00 EUR {2}no: native reports at least as much: the same money/);
  assert.match(stdout, /^ {2}39\.67 of the total of 119\.00 EUR: 33\.34 of gross$/m);
  await tell({ type: 'cancel', event_id: 'c-1', order_id: '1001' });
  await shop.quiet(sent);
  e = await explain('1001');
  assert.deepEqual([e.status, e.refunded, e.net, e.cancelled], ['cancelled', 100, 0, true]);
  assert.deepEqual(e.adjustments.filter((a) => a.type === 'cancel').map((a) => a.counts), [true]);
});

test('an older touch, a touch that is not eligible, nobody', async () => {
  const at = (days) => new Date(Date.now() - days * 86400e3).toISOString();
  const visit = (id, visitor_id, days, ref) => ({ type: 'visit', event_id: id, visitor_id, occurred_at: at(days),
    url: `https://shop.example/?ref=${ref}` });
  await tell(visit('v-1', 'vis-1', 2, 'ann'), visit('v-2', 'vis-1', 1, 'bob'), visit('v-3', 'vis-1', 45, 'ann'),
    purchase('1002', 'vis-1', {}), visit('v-4', 'vis-2', 1, 'carl\u001b[31m'), purchase('1003', 'vis-2', { codes: ['WHO'] }),
    purchase('1004', 'vis-3', {}), purchase('1006', 'vis-6', {}), visit('v-7', 'vis-7', 1, 'ann'),
    purchase('1007', 'vis-7', { codes: ['SHY10'] }), purchase('1008', 'vis-8', { codes: ['SHY10'] }),
    { type: 'visit', event_id: 'v-6', visitor_id: 'vis-6', occurred_at: at(1), url: 'https://shop.example/?utm_source=news&utm_medium=mail' });
  await shop.quiet(sent);
  const older = await explain('1002');
  assert.equal(older.rule, 'last owned touch');
  assert.equal(older.decision, 'the last touch of a creator is of bob; credited through its affiliate bob');
  assert.deepEqual(older.losers.map((l) => [l.creator, l.reason]), [['ann', 'an older touch: the last one is of bob']]);
  assert.deepEqual(older.path.map((s) => [s.eligible, s.reason]),
    [[false, 'older than the window'], [true, 'eligible'], [true, 'eligible']]);
  const nobody = await explain('1003');
  assert.deepEqual([nobody.rule, nobody.decision, nobody.losers], ['unattributed', 'nobody is credited: no touch is eligible', []]);
  assert.deepEqual(nobody.models.map((m) => m.credits.map((c) => [c.creator, c.channel, c.gross])),
    Array(6).fill([[null, 'unattributed', 100]]));
  const text = (await run('explain', '1003')).stdout;
  assert.match(text, /no: nobody owned this key/);
  assert.ok(!text.includes('\u001b'), 'what strangers sent does not reach the terminal');
  assert.equal((await explain('1004')).decision, 'nobody is credited: no touch was found');
  const other = await explain('1006');
  assert.deepEqual([other.rule, other.decision], ['unowned utm', 'no creator\'s touch decides; the last UTM is nobody\'s: news/mail']);
  const rule = 'code SHY10 may not decide: its rule is if_involved';
  assert.deepEqual((await explain('1007')).losers.map((l) => [l.creator, l.reason]), [['bob', rule]]);
  const alone = await explain('1008');
  assert.deepEqual([alone.rule, alone.decision, alone.losers.map((l) => [l.creator, l.reason])],
    ['unattributed', 'nobody is credited: no eligible touch may decide', [['bob', rule]]]);
  assert.match((await run('explain', '1004')).stdout, /^touches\n {2}none$/m);
});

test('several codes, and a lead', async () => {
  await tell(purchase('1005', 'vis-5', { codes: ['BOB10', 'ANN10'] }),
    { type: 'lead', event_id: 'lead-ev', visitor_id: 'vis-1', lead: { id: 'L-1' } });
  await shop.quiet(sent);
  const e = await explain('1005');
  assert.match(e.decision, /^code BOB10 of bob decides by its rule always$/);
  assert.deepEqual(e.losers.map((l) => [l.creator, l.reason]),
    [['ann', 'code BOB10 of bob decides; of several codes the larger discount, then the first listed']]);
  const [lead] = await shop.query("select order_id from attrib.conversion_status where kind = 'lead'");
  const l = await explain(lead.order_id, '--kind', 'lead');
  assert.deepEqual([l.kind, l.rule, l.path.filter((s) => s.eligible).length], ['lead', 'last owned touch', 2]);
  assert.equal((await ask(`${encodeURIComponent(lead.order_id)}/explain?kind=lead&site=acme`)).status, 200);
  assert.match((await run('explain', lead.order_id, '--kind', 'lead')).stdout, /^lead /);
});

test('what is not there or not asked well', async () => {
  const unknown = await run('explain', 'nope', '--site', 'acme');
  assert.deepEqual([unknown.code, unknown.stdout], [65, '']);
  assert.match(unknown.stderr, /no order "nope" of site acme is in the database/);
  assert.equal((await run('explain', '1001', '--kind', 'lead')).code, 65);
  for (const args of [['--kind', 'cart'], ['--format', 'csv'], ['--site', 'other'], ['--model', 'policy']]) {
    assert.equal((await run('explain', '1001', ...args)).code, 64, args.join(' '));
  }
  assert.equal((await run('explain')).code, 64);
  assert.match((await run('explain', '--help')).stdout, /attribd explain '#1001' --format json/);
  const expected = [['nope/explain?site=acme', 404, /no order .*nope.* of site acme/], ['%00%ff/explain', 404, /no order/],
    ['1001/explain?site=other', 404, /no such site/], ['1001/explain?kind=cart', 400, /order or lead/],
    ['1001', 404, /not found/], ['1001/', 404, /not found/], ['/explain', 404, /not found/],
    ['a+b%2Fc/explain', 404, /a\+b\/c/]];
  for (const [path, status, message] of expected) {
    const response = await ask(path);
    assert.equal(response.status, status, path);
    assert.match((await response.json()).message, message, path);
  }
});

test('without PostgreSQL: 503 and 69, and the daemon stays healthy', async () => {
  shop.stopPostgres();
  const response = await ask('1001/explain?site=acme');
  assert.equal(response.status, 503);
  assert.equal(response.headers.get('retry-after'), '5');
  assert.deepEqual(Object.keys(await response.json()), ['code', 'message']);
  assert.equal((await fetch(`${shop.admin}/healthz`)).status, 200);
  assert.equal((await run('explain', '1001')).code, 69);
  shop.startPostgres();
  let answer;
  for (let i = 0; i < 200 && answer?.status !== 200; i++) {
    await new Promise((done) => setTimeout(done, 100));
    answer = await ask('1001/explain?site=acme');
  }
  assert.equal(answer.status, 200);
});
