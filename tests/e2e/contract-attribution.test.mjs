// Whose order it is, by the contract: windows, codes and their owners over time, identity, models.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ago, click, credits, id, order, path, purchase, rows, tell, visit, winner } from './contract.mjs';
import { CATALOG, Shop } from './support.mjs';

// A day of the site (Europe/Berlin), as the catalog writes it.
const day = (days) => new Date(Date.now() - days * 86400e3).toLocaleDateString('sv-SE', { timeZone: 'Europe/Berlin' });

let shop;
before(async () => {
  shop = await Shop.open({ catalog: {
    ...CATALOG,
    campaign: `site,name,goal,starts_on,ends_on,currency,budget,window,code_rule
acme,spring,conversion,2026-01-01,2030-01-01,EUR,5000.00,,
acme,short,conversion,2020-01-01,2020-02-01,EUR,,2d,fallback
acme,never,,,,,,,never
`,
    tracker: `site,kind,key,creator,campaign,placement,destination,valid_from,valid_to,window,code_rule,generic
acme,link,ann-link,ann,spring,ann-post,https://shop.example/p?x=1#top,,,,,
acme,link,bob-link,bob,spring,,https://shop.example/,,,,,
acme,link,ann-short,ann,short,,https://shop.example/,,,,,
acme,link,ann-long,ann,short,,https://shop.example/,,,45d,,
acme,affiliate,ann,ann,spring,,,,,,,
acme,affiliate,bob,bob,spring,,,,,,,
acme,utm,tiktok/video/bob,bob,spring,,,,,,,
acme,utm,tiktok/*/*,ann,spring,,,,,,,
acme,utm,*/video,ann,,,,,,,,
acme,code,ANN10,ann,spring,,,,,,,
acme,code,BOB10,bob,spring,,,,,,,
acme,code,Straße10,ann,spring,,,,,,,
acme,code,MOVED,ann,spring,,,,${day(20)},,,
acme,code,MOVED,bob,spring,,,${day(10)},,,,
acme,code,ENDED,ann,spring,,,,${day(50)},,,
acme,code,GRACED,ann,spring,,,,${day(5)},,,
acme,code,FALLBACK,ann,short,,,,,,,
acme,code,INVOLVED,ann,spring,,,,,,if_involved,
acme,code,IFWINNER,ann,spring,,,,,,if_winner,
acme,code,NEVER,ann,never,,,,,,,
acme,code,WELCOME,ann,spring,,,,,,,true
` } });
});
after(() => shop.close());

const consistent = async () => assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);

test('last owned touch; a signed server sends clicks and visits', async () => {
  await tell(shop, click('ann-link', ago(5), { visitor_id: 'v1' }),
    visit('https://shop.example/?utm_source=TikTok&utm_medium=video&utm_campaign=bob', ago(3), { visitor_id: 'v1' }),
    purchase({ id: 'last' }, { visitor_id: 'v1' }));
  assert.equal(await winner(shop, 'last'), 'bob:utm');
  assert.equal(await winner(shop, 'last', 'first_touch'), 'ann:link');
  assert.deepEqual((await credits(shop, 'last', 'linear')).map((c) => [c.creator, c.share, c.gross]), [['ann', 0.5, 50], ['bob', 0.5, 50]]);
  assert.deepEqual((await credits(shop, 'last', 'position')).map((c) => c.share), [0.5, 0.5]);
  const decay = await credits(shop, 'last', 'time_decay');
  assert.ok(Math.abs(decay[0].share / decay[1].share - 2 ** (-2 / 7)) < 1e-6);
  assert.deepEqual((await path(shop, 'last')).map((p) => [p.channel, p.tracker, p.creator, p.eligible]),
    [['link', 'ann-link', 'ann', true], ['utm', 'tiktok/video/bob', 'bob', true]]);
});

test('the window: [t, t + window); of the tracker, else the campaign, else the site', async () => {
  await tell(shop,
    click('ann-link', ago(31), { visitor_id: 'w1' }), purchase({ id: 'w-site' }, { visitor_id: 'w1' }),
    click('ann-link', ago(29), { visitor_id: 'w2' }), purchase({ id: 'w-in' }, { visitor_id: 'w2' }),
    click('ann-short', ago(3), { visitor_id: 'w3' }), purchase({ id: 'w-campaign' }, { visitor_id: 'w3' }),
    click('ann-long', ago(40), { visitor_id: 'w4' }), purchase({ id: 'w-tracker' }, { visitor_id: 'w4' }));
  assert.equal(await winner(shop, 'w-site'), 'null:unattributed');
  assert.deepEqual((await path(shop, 'w-site')).map((p) => [p.eligible, p.creator]), [[false, 'ann']]);
  assert.equal(await winner(shop, 'w-in'), 'ann:link');
  assert.equal(await winner(shop, 'w-campaign'), 'null:unattributed');
  assert.equal(await winner(shop, 'w-tracker'), 'ann:link');
  const t = ago(4);
  const later = (ms) => new Date(Date.parse(t) + 30 * 86400e3 + ms - 60 * 86400e3).toISOString();
  await tell(shop, click('ann-link', new Date(Date.parse(t) - 60 * 86400e3).toISOString(), { visitor_id: 'w5' }),
    purchase({ id: 'w-edge', placed_at: later(0) }, { visitor_id: 'w5' }));
  assert.equal((await path(shop, 'w-edge')).filter((p) => p.eligible).length, 0, 'the end is not included');
});

test('a click from the redirect counts by the click id that the order carries', async () => {
  const clicked = await shop.click('ann-link');
  await shop.quiet();
  await tell(shop, purchase({ id: 'by-click' }, { click_id: clicked.click }));
  assert.equal(await winner(shop, 'by-click'), 'ann:link');
  await tell(shop, purchase({ id: 'by-url' }, { url: `https://shop.example/thanks?attr_click=${clicked.click}` }));
  assert.equal(await winner(shop, 'by-url'), 'ann:link');
  await tell(shop, purchase({ id: 'by-cookie' }, { visitor_id: clicked.cookie }));
  assert.equal(await winner(shop, 'by-cookie'), 'ann:link', 'visitor_id takes the cookie as it is');
});

test('a purchase event itself may carry the affiliate id and UTM of its session', async () => {
  await tell(shop, purchase({ id: 'own-aff' }, { affiliate_id: 'Bob' }));
  assert.equal(await winner(shop, 'own-aff'), 'bob:affiliate');
  await tell(shop, purchase({ id: 'own-utm' }, { utm: { source: 'tiktok', medium: 'video', campaign: 'bob' } }));
  assert.equal(await winner(shop, 'own-utm'), 'bob:utm');
});

test('UTM: the most specific rule wins, of equal ones the leftmost stated part; unowned is other', async () => {
  const land = (n, query) => [visit(`https://shop.example/?${query}`, ago(1), { visitor_id: `u-${n}` }), purchase({ id: `utm-${n}` }, { visitor_id: `u-${n}` })];
  await tell(shop, ...land(1, 'utm_source=tiktok&utm_medium=video&utm_campaign=bob'), ...land(2, 'utm_source=tiktok&utm_medium=story'),
    ...land(3, 'utm_source=youtube&utm_medium=video'), ...land(4, 'utm_source=News&utm_medium=email'), ...land(5, 'utm_source=tiktok'));
  assert.equal(await winner(shop, 'utm-1'), 'bob:utm');
  assert.equal(await winner(shop, 'utm-2'), 'ann:utm');
  assert.equal(await winner(shop, 'utm-3'), 'ann:utm');
  assert.equal((await credits(shop, 'utm-3'))[0].tracker, '*/video');
  assert.equal(await winner(shop, 'utm-5'), 'ann:utm');
  const [other] = await credits(shop, 'utm-4');
  assert.deepEqual([other.creator, other.channel, other.tracker?.toLowerCase()], [null, 'other', 'news/email']);
});

test('codes: folded, owned at T, grace after the end, the next owner beats grace, generic never earns', async () => {
  const coded = (order_id, codes, days = 0, more = {}) => purchase({ id: order_id, codes, placed_at: ago(days) }, more);
  await tell(shop, coded('c-1', [' ann10 ']), coded('c-2', ['STRASSE10']), coded('c-3', ['ＡＮＮ10']),
    coded('c-4', ['MOVED'], 25), coded('c-5', ['MOVED'], 15), coded('c-6', ['MOVED'], 2),
    coded('c-7', ['ENDED']), coded('c-8', ['GRACED']), coded('c-9', ['WELCOME']), coded('c-10', ['NOBODY', 'BOB10']),
    coded('c-11', [{ code: 'ANN10', amount: '1.00' }, { code: 'BOB10', amount: '2.00' }]), coded('c-12', ['ANN10', 'BOB10']));
  assert.equal(await winner(shop, 'c-1'), 'ann:code');
  assert.equal(await winner(shop, 'c-2'), 'ann:code');
  assert.equal(await winner(shop, 'c-3'), 'ann:code');
  assert.equal(await winner(shop, 'c-4'), 'ann:code');
  assert.equal(await winner(shop, 'c-5'), 'ann:code', 'grace: nobody owned it');
  assert.equal(await winner(shop, 'c-6'), 'bob:code');
  assert.equal(await winner(shop, 'c-7'), 'null:unattributed');
  assert.equal(await winner(shop, 'c-8'), 'ann:code');
  assert.equal(await winner(shop, 'c-9'), 'null:unattributed');
  assert.equal(await winner(shop, 'c-10'), 'bob:code');
  assert.equal(await winner(shop, 'c-11'), 'bob:code', 'the larger discount');
  assert.equal(await winner(shop, 'c-12'), 'ann:code', 'the first on the order');
});

test('code rules', async () => {
  const both = (order_id, code, link) => [...(link ? [click(link, ago(1), { visitor_id: `r-${order_id}` })] : []),
    purchase({ id: order_id, codes: [code] }, { visitor_id: `r-${order_id}` })];
  await tell(shop, ...both('always', 'ANN10', 'bob-link'), ...both('fallback-1', 'FALLBACK', 'bob-link'), ...both('fallback-2', 'FALLBACK'),
    ...both('involved-1', 'INVOLVED', 'bob-link'), ...both('involved-2', 'INVOLVED', 'ann-link'), ...both('ifwinner', 'IFWINNER', 'ann-link'),
    ...both('ifwinner-2', 'IFWINNER', 'bob-link'), ...both('never', 'NEVER'));
  assert.equal(await winner(shop, 'always'), 'ann:code');
  assert.equal(await winner(shop, 'fallback-1'), 'bob:link');
  assert.equal(await winner(shop, 'fallback-2'), 'ann:code');
  assert.equal(await winner(shop, 'involved-1'), 'bob:link');
  assert.match(await winner(shop, 'involved-2'), /^ann:/);
  assert.match(await winner(shop, 'ifwinner'), /^ann:/);
  assert.equal(await winner(shop, 'ifwinner-2'), 'bob:link');
  assert.equal(await winner(shop, 'never'), 'null:unattributed');
  assert.equal((await path(shop, 'never'))[0].eligible, true);
  assert.equal(await winner(shop, 'never', 'last_touch'), 'ann:code');
});

test('a click of the code\'s owner shortly before is one touch, and names channel and placement', async () => {
  await tell(shop, click('ann-link', ago(0, 10), { visitor_id: 'col' }), purchase({ id: 'col', codes: ['ANN10'] }, { visitor_id: 'col' }));
  const [credit] = await credits(shop, 'col');
  assert.deepEqual([credit.creator, credit.channel, credit.placement, credit.gross], ['ann', 'link', 'ann-post', 100]);
  assert.equal((await credits(shop, 'col', 'linear')).length, 1);
});

test('identify links a visitor to a customer, later too', async () => {
  await tell(shop, click('bob-link', ago(2), { visitor_id: 'idv' }), purchase({ id: 'idy' }, { customer_id: 'idc' }));
  assert.equal(await winner(shop, 'idy'), 'null:unattributed');
  await tell(shop, { type: 'identify', event_id: id('idy'), visitor_id: 'idv', customer_id: 'idc' });
  assert.equal(await winner(shop, 'idy'), 'bob:link');
  await consistent();
});

test('a touch that arrives late re-credits the order', async () => {
  await tell(shop, purchase({ id: 'late' }, { visitor_id: 'latev', email: 'late@example.com' }));
  await tell(shop, click('bob-link', ago(2), { visitor_id: 'latev' }));
  assert.equal(await winner(shop, 'late'), 'bob:link');
  await tell(shop, click('ann-link', ago(1), { email: ' LATE@example.com' }));
  assert.equal(await winner(shop, 'late'), 'ann:link', 'a server knows touches of a customer without visitor');
  await consistent();
});

test('an order first received after lock_after is unattributed and makes no claim', async () => {
  await tell(shop, purchase({ id: 'old', codes: ['ANN10'], placed_at: ago(45) }));
  assert.equal(await winner(shop, 'old'), 'null:unattributed');
  assert.deepEqual((await path(shop, 'old')).filter((p) => p.eligible), []);
  assert.equal((await order(shop, 'old')).status, 'paid');
});

test('customers: new, returning, and an older order moves the flag', async () => {
  await tell(shop, purchase({ id: 'k-2', placed_at: ago(2) }, { email: 'Kim@Example.com' }),
    purchase({ id: 'k-3', placed_at: ago(1) }, { email: 'kim@example.com', customer_id: 'kim' }), purchase({ id: 'k-x' }));
  const kind = async (order_id) => (await order(shop, order_id)).customer_kind;
  assert.deepEqual([await kind('k-2'), await kind('k-3'), await kind('k-x')], ['new', 'returning', 'unknown']);
  await tell(shop, purchase({ id: 'k-1', placed_at: ago(5) }, { customer_id: 'kim' }));
  assert.deepEqual([await kind('k-1'), await kind('k-2'), await kind('k-3')], ['new', 'returning', 'returning']);
  await tell(shop, { type: 'cancel', event_id: id('k'), order_id: 'k-1' });
  assert.deepEqual([await kind('k-1'), await kind('k-2'), await kind('k-3')], ['unknown', 'new', 'returning']);
  await consistent();
});

test('a lead is a conversion of its own kind', async () => {
  await tell(shop, click('ann-link', ago(1), { visitor_id: 'lv' }),
    { type: 'lead', event_id: id('lead'), visitor_id: 'lv', email: 'lead@example.com', lead: { id: 'L-1', name: 'newsletter', value: '5.00' } });
  const row = await order(shop, 'L-1', 'lead');
  assert.ok(row, 'conversion_status has the lead');
  assert.equal(row.status, 'paid');
  const [credit] = await credits(shop, 'L-1', 'policy', 'lead');
  assert.deepEqual([credit.creator, credit.channel, credit.share], ['ann', 'link', 1]);
});

test('every model sums to the order, to the cent', async () => {
  await tell(shop, click('ann-link', ago(9), { visitor_id: 'sum' }), click('bob-link', ago(6), { visitor_id: 'sum' }),
    visit('https://shop.example/?ref=ann', ago(3), { visitor_id: 'sum' }), purchase({ id: 'sum', total: '100.01', codes: ['BOB10'] }, { visitor_id: 'sum' }),
    { type: 'refund', event_id: id('sum'), refund: { id: 'sum', order_id: 'sum', amount: '33.34', currency: 'EUR' } });
  for (const r of await rows(shop, "select model, sum(gross) as gross, sum(refunded) as refunded, sum(share) as share from attrib.order_credit where order_id = 'sum' group by model"))
    assert.deepEqual([r.gross, r.refunded, r.share], [100.01, 33.34, 1], r.model);
  assert.deepEqual((await credits(shop, 'sum', 'position')).map((c) => c.share), [0.4, 0.1, 0.1, 0.4]);
  await consistent();
});
