// A lead keeps its creator for the person's first order, over HTTP and in what PostgreSQL says. Signed
// events may be weeks old when they come; a lock of 90 days keeps what they change open.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { ago, click, credits, id, order, path, purchase, rows, tell, winner } from './contract.mjs';
import { attribd, Shop } from './support.mjs';

let shop;
before(async () => {
  shop = await Shop.open({
    site: 'lock_after = 90d\nlead_window = 60d\nrenewals = months:2\n',
    catalog: {
      creator: 'site,handle\nacme,ann\nacme,bob\n',
      tracker: `site,kind,key,creator,destination
acme,link,ann-link,ann,https://shop.example/
acme,link,bob-link,bob,https://shop.example/
acme,affiliate,bob,bob,
acme,code,BOB10,bob,
`,
    },
  });
});
after(() => shop.close());

const lead = (lead_id, occurred_at, who, more = {}) => ({ type: 'lead', event_id: id('lead'), occurred_at, ...who, ...more,
  lead: { id: lead_id, value: '10.00', currency: 'EUR' } });
const bought = (order_id, days, who, more = {}) => purchase({ id: order_id, ...more }, { occurred_at: ago(days), ...who });

test('the first order, 40 days after the lead, is its creator\'s; the second is nobody\'s', async () => {
  await tell(shop, click('ann-link', ago(50), { visitor_id: 'v1' }), lead('L1', ago(45), { visitor_id: 'v1', customer_id: 'c1' }),
    bought('o1', 5, { customer_id: 'c1' }), bought('o1b', 4, { visitor_id: 'v1' }));
  assert.deepEqual((await order(shop, 'L1', 'lead')).status, 'paid');
  assert.deepEqual((await credits(shop, 'L1', 'policy', 'lead')).map((c) => [c.creator, c.channel, c.gross]), [['ann', 'link', 10]]);
  for (const model of ['policy', 'last_touch', 'first_touch', 'linear', 'position', 'time_decay']) {
    assert.equal(await winner(shop, 'o1', model), 'ann:link', model);
    assert.equal(await winner(shop, 'o1b', model), 'null:unattributed', model);
  }
  assert.deepEqual((await path(shop, 'o1')).map((s) => [s.creator, s.eligible, s.reason]), [['ann', true, 'eligible: kept by its lead']]);
  assert.deepEqual((await path(shop, 'o1b')).map((s) => [s.creator, s.eligible, s.reason]), [['ann', false, 'older than the window']]);
});

test('explain shows the touch at its own time, and until when the lead keeps it', async () => {
  const explained = await new Promise((done, failed) => {
    execFile(attribd, ['explain', 'o1', '--site', 'acme', '--format', 'json', '-c', shop.config],
      (error, stdout) => (error ? failed(error) : done(JSON.parse(stdout))));
  });
  const [step] = explained.path;
  assert.equal(explained.rule, 'last owned touch');
  assert.equal(step.reason, 'eligible: kept by its lead');
  const [{ placed_at }] = await rows(shop, "select placed_at from attrib.conversion where order_id = 'L1'");
  assert.equal(Date.parse(step.window_ends_at) - new Date(placed_at).getTime(), 60 * 86400e3);
});

test('a lead that is heard of after its order heals it', async () => {
  await tell(shop, click('ann-link', ago(50), { visitor_id: 'v2' }), bought('o2', 5, { customer_id: 'c2' }));
  assert.equal(await winner(shop, 'o2'), 'null:unattributed');
  await tell(shop, lead('L2', ago(45), { visitor_id: 'v2', customer_id: 'c2' }));
  assert.equal(await winner(shop, 'o2'), 'ann:link');
  // and an order that turns out to have come before takes it
  await tell(shop, bought('o2a', 20, { customer_id: 'c2' }));
  assert.deepEqual([await winner(shop, 'o2a'), await winner(shop, 'o2')], ['ann:link', 'null:unattributed']);
});

test('what only the lead carries comes along; a code on the order has its rule', async () => {
  await tell(shop, lead('L3', ago(45), { customer_id: 'c3' }, { affiliate_id: 'bob' }), bought('o3', 5, { customer_id: 'c3' }));
  assert.equal(await winner(shop, 'o3'), 'bob:affiliate');
  await tell(shop, click('ann-link', ago(50), { visitor_id: 'v4' }), lead('L4', ago(45), { visitor_id: 'v4' }),
    bought('o4', 5, { visitor_id: 'v4' }, { codes: ['BOB10'] }));
  assert.equal(await winner(shop, 'o4'), 'bob:code');
  const [claims] = await rows(shop, "select count(distinct creator)::int as n from attrib.path_step where order_id = 'o4' and eligible");
  assert.equal(claims.n, 2);
});

test('lead_window ends, and a lead that a stranger reports keeps nobody until it is confirmed', async () => {
  await tell(shop, click('ann-link', ago(80), { visitor_id: 'v5' }), lead('L5', ago(66), { visitor_id: 'v5' }), bought('o5', 5, { visitor_id: 'v5' }));
  assert.equal(await winner(shop, 'o5'), 'null:unattributed');
  const pixel = await shop.pixel({ e: 'lead', vid: 'v6', 'lead.id': 'L6', affiliate_id: 'bob' });
  assert.equal(pixel.status, 200);
  await tell(shop, bought('o6', 0, { visitor_id: 'v6' }));
  assert.deepEqual([(await order(shop, 'L6', 'lead')).status, await winner(shop, 'o6')], ['provisional', 'null:unattributed']);
  await tell(shop, lead('L6', ago(1), {}));
  assert.deepEqual([(await order(shop, 'L6', 'lead')).status, await winner(shop, 'o6')], ['paid', 'bob:affiliate']);
});

test('renewals = months:2 earn for two calendar months after the first order', async () => {
  await tell(shop, bought('s1', 80, { customer_id: 'c7' }),
    bought('s2', 40, { customer_id: 'c7' }, { kind: 'renewal', codes: ['BOB10'] }),
    bought('s3', 5, { customer_id: 'c7' }, { kind: 'renewal', codes: ['BOB10'] }));
  assert.deepEqual([await winner(shop, 's2'), await winner(shop, 's3')], ['bob:code', 'null:unattributed']);
  assert.equal((await order(shop, 's3')).reason, 'renewal');
});
