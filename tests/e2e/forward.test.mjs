// Decided conversions at a receiver: what it is told, in which order, and what it takes to tell it.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Receiver } from './receiver.mjs';
import { CATALOG, Shop, freePort, root, sleep } from './support.mjs';

const secret = () => `whsec_${randomBytes(24).toString('base64')}`;
const OLD = secret();
const NEW = secret();
const FAST = 'forward.retry_after = 40ms\nforward.timeout = 1s';

let shop, receiver, reloads = 0;
const site = ({ url = receiver.url, keys = OLD, allow = true, more = FAST } = {}) => ({
  site: `forward.url = ${url}\nforward.secret = ${keys}\nforward.private = ${allow ? 'allow' : 'refuse'}\n${more}` });

async function until(what, ready) {
  for (let i = 0; i < 3000; i++) {
    const found = await ready();
    if (found) return found;
    await sleep(10);
  }
  assert.fail(`${what}\n${shop.log}`);
}

async function reload(settings) {
  const key = `mark-${reloads++}`; // of a site that only this configuration has
  shop.writeConfig({ ...settings, global: `${settings.global ?? ''}\n[site ${key}]\nwrite_key = ${key}` });
  shop.process.kill('SIGHUP');
  await until('a reload', async () => (await shop.events([], { key })).status === 200);
}

const at = (minutes) => new Date(Date.now() - minutes * 60000).toISOString();
const order = (id, more = {}) => ({ type: 'purchase', ...more,
  order: { id, currency: 'EUR', total: '119.00', tax: '19.00', status: 'paid', ...more.order } });
const refund = (id, amount, refundId = `r-${id}`) => ({ type: 'refund', refund: { id: refundId, order_id: id, amount, currency: 'EUR' } });

async function send(...events) {
  const response = await shop.events(events);
  const answer = await response.json();
  assert.deepEqual([response.status, answer.rejected], [200, []]);
}

// To a site that a reload has brought: a worker that had nothing to do hears of it with its next request.
const sendTo = (key, ...events) => until('the site', async () => (await shop.events(events, { key })).status === 200);

// Waits for so many deliveries of an order.
const told = (id, n) => until(`${n} of ${id}`, () => receiver.of(id).length >= n && receiver.of(id));
const confirmed = () => until('an empty outbox', async () => (await shop.query('SELECT FROM attrib.outbox')).length === 0);
const metrics = async (family = 'attribd_forward') => Object.fromEntries((await (await fetch(`${shop.admin}/metrics`)).text()).split('\n')
  .filter((l) => l.startsWith(family)).map((l) => l.split(' ')).map(([k, v]) => [k, Number(v)]));

// Every try of an event is the same event, signed anew; and whatever has one id has one content.
function check(deliveries, keys = [true]) {
  const bodies = new Map();
  for (const d of deliveries) {
    assert.deepEqual(d.verified.slice(0, keys.length), keys);
    assert.deepEqual([d.method, d.path, d.headers['content-type']], ['POST', '/hook', 'application/json']);
    assert.match(d.headers['user-agent'], /^attribd\//);
    assert.match(d.id, /^msg_[0-9a-f]{32}$/);
    assert.ok(Math.abs(d.at / 1000 - Number(d.headers['webhook-timestamp'])) < 60, 'signed when it was sent');
    assert.equal(bodies.get(d.id) ?? d.body, d.body);
    bodies.set(d.id, d.body);
  }
  return [...bodies.keys()];
}

before(async () => {
  receiver = await Receiver.open({ secrets: [OLD, NEW] });
  shop = await Shop.open({ ...site(), catalog: CATALOG });
});
after(async () => {
  await shop.close();
  await receiver.close();
});

test('a click, an order, a refund, a late touch that moves the credit, a cancel', async () => {
  const placed = at(10);
  const occurred = (minutes, event) => ({ ...event, occurred_at: at(minutes) });
  await send(occurred(60, { type: 'click', visitor_id: 'v-1', link: 'ann-link' }),
    { ...order('1001', { visitor_id: 'v-1', email: 'ann@example.com', order: { placed_at: placed, paid_at: placed } }), occurred_at: placed });
  await told('1001', 1);
  await send(occurred(5, refund('1001', '23.80')));
  await told('1001', 2);
  await send(occurred(30, { type: 'click', visitor_id: 'v-1', link: 'bob-link' }));
  await told('1001', 3);
  await send({ type: 'cancel', order_id: '1001' });
  const all = await told('1001', 4);
  assert.equal(check(all).length, 4);

  const credit = (creator, more) => ({ creator, campaign: 'spring', placement: creator === 'ann' ? 'ann-post' : null, channel: 'link',
    tracker: `${creator}-link`, share: '1', gross: '100.00', refunded: '0.00', net: '100.00', ...more });
  const created = { event_id: 'order:1001', revision: 1, site: 'acme', kind: 'order', order_id: '1001', status: 'paid', currency: 'EUR',
    gross: '100.00', refunded: '0.00', net: '100.00', placed_at: placed, counted_at: placed, customer_kind: 'new', model: 'policy',
    credits: [credit('ann')] };
  const half = { status: 'partially_refunded', refunded: '20.00', net: '80.00' };
  const none = { status: 'cancelled', refunded: '100.00', net: '0.00' };
  const previous = ({ status, currency, gross, refunded, net, credits }) => ({ status, currency, gross, refunded, net, credits });
  const want = [created, { ...created, ...half, credits: [credit('ann', { refunded: '20.00', net: '80.00' })] },
    { ...created, ...half, credits: [credit('bob', { refunded: '20.00', net: '80.00' })] },
    { ...created, ...none, customer_kind: 'unknown', credits: [credit('bob', { refunded: '100.00', net: '0.00' })] }];
  const amounts = [undefined, '-20.00', '0.00', '-80.00'];
  for (const [i, { event }] of all.entries()) {
    const { event_id, ...data } = event.data;
    assert.equal(event.type, i ? 'conversion.adjusted' : 'conversion.created');
    assert.ok(Math.abs(Date.parse(event.timestamp) - all[i].at) < 60000);
    const adjustment = i ? { adjustment: { amount: amounts[i], previous: previous(want[i - 1]) } } : {};
    const { event_id: first, ...rest } = want[i];
    assert.deepEqual(data, { ...rest, revision: i + 1, ...adjustment });
    assert.match(event_id, i ? new RegExp(`^order:1001:${i + 1}-[0-9a-f]{12}$`) : /^order:1001$/);
  }
  await confirmed();
  const later = receiver.deliveries.length;
  await send({ ...order('1001', { visitor_id: 'v-1', email: 'ann@example.com', order: { placed_at: placed, paid_at: placed } }), event_id: 'again', occurred_at: placed });
  await send(order('1002'));
  await told('1002', 1);
  assert.equal(receiver.deliveries.length, later + 1, 'what changes nothing tells nothing');
  assert.equal(JSON.stringify(receiver.deliveries.map((d) => d.body)).includes('example.com'), false);
});

test('failures of every kind are tried again, and no later event goes before', async () => {
  const failures = { 500: 500, 404: 404, moved: (r) => r.writeHead(302, { location: `${receiver.url}/elsewhere` }).end(), never: 'never', reset: 'reset',
    garbage: 'SSH-2.0-receiver\r\n\r\n', 'old form': '\x00\x01\x02', cut: 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot all',
    later: (r) => r.writeHead(429, { 'retry-after': '1' }).end() };
  const ids = Object.keys(failures).map((name) => `fails-${name.replace(' ', '-')}`);
  Object.values(failures).forEach((answer, i) => receiver.answer(ids[i], answer));
  await send(...ids.map((id) => order(id)));
  await until('the first try of each', () => ids.every((id) => receiver.of(id).length));
  await send(...ids.map((id) => refund(id, '11.90')), order('in-between'));
  await told('in-between', 1);
  for (const id of ids) {
    const all = await told(id, 3);
    assert.deepEqual(all.map((d) => d.event.data.revision), [1, 1, 2], id);
    assert.equal(all[0].id, all[1].id, id);
    assert.equal(all[0].body, all[1].body, id);
    check(all);
  }
  const [first, second] = receiver.of('fails-later');
  assert.ok(second.at - first.at >= 900, 'Retry-After is heard');
  assert.notEqual(first.headers['webhook-signature'], second.headers['webhook-signature'], 'signed at the time of the try');
  assert.ok(receiver.of('fails-moved').every((d) => d.path === '/hook'), 'no redirect was followed');
  await confirmed();
  const m = await metrics();
  // libcurl goes again by itself when a connection that it had kept is closed in its face: no try of ours
  assert.ok(m['attribd_forward_tries_total{result="failed"}'] >= ids.length - 2, JSON.stringify(m));
  const lines = shop.log.match(/trying again, later and later/g)?.length;
  assert.ok(lines > 0 && lines < ids.length, `${lines} lines: not one a failure`);
});

test('nobody is there: it goes out when somebody is, at once when told so', async () => {
  const port = await freePort();
  await reload(site({ url: `http://127.0.0.1:${port}/hook`, more: 'forward.retry_after = 1h' }));
  await send(order('refused'));
  await until('a failure', async () => (await shop.query("SELECT FROM attrib.outbox WHERE order_id = 'refused' AND tries = 1 AND error LIKE '%connect%' AND next_at > now() + interval '20 min'")).length);
  const late = await Receiver.open({ secrets: [OLD], port });
  assert.match(await shop.cli('outbox', 'retry', '-c', shop.config, '--site', 'acme'), /order:refused: due again\n1 event is due again/);
  await until('it', () => late.of('refused').length);
  check(late.deliveries);
  await confirmed();
  await late.close();
  await reload(site());
});

test('a large answer is cut, not read, and the event is taken', async () => {
  let asked = 0;
  receiver.answer('large', (r) => {
    asked += 1;
    r.writeHead(200);
    const chunk = Buffer.alloc(65536);
    const pour = () => { while (!r.destroyed && r.write(chunk)); };
    r.on('drain', pour).on('error', () => {});
    pour();
  });
  await send(order('large'));
  await told('large', 1);
  await confirmed();
  assert.equal(asked, 1);
});

test('two secrets sign both, before the old one goes', async () => {
  await reload(site({ keys: `${NEW}, ${OLD}` }));
  await send(order('rotated'));
  check(await told('rotated', 1), [true, true]);
  await reload(site({ keys: NEW }));
  await send(order('rotated-2'));
  check(await told('rotated-2', 1), [false, true]);
  await reload(site());
});

test('kill -9 in the middle of a delivery: it comes again, the same', async () => {
  receiver.answer('killed', 'never');
  await send(order('killed'), order('other'));
  await told('killed', 1);
  await until('the other one', async () => (await shop.query("SELECT FROM attrib.outbox_event WHERE order_id = 'other' AND state = 'sent'")).length);
  await send(refund('killed', '11.90'));
  await until('the refund is counted', async () => (await shop.query("SELECT FROM attrib.outbox WHERE order_id = 'killed'")).length === 2);
  await shop.kill();
  await shop.start();
  const all = await told('killed', 3);
  assert.deepEqual(all.map((d) => d.event.data.revision), [1, 1, 2]);
  assert.equal(check(all).length, 2);
  assert.equal(receiver.of('other').length, 1);
  await confirmed();
});

test('PostgreSQL goes while an event is on its way: it is marked afterwards, and not sent again', async () => {
  await new Promise((taken) => {
    receiver.answer('restarted', (r) => {
      shop.stopPostgres();
      r.writeHead(200).end();
      taken();
    });
    send(order('restarted'));
  });
  await until('the outage is told', () => /forward: .*trying again until it works/.test(shop.log));
  shop.startPostgres();
  await send(refund('restarted', '11.90'));
  const all = await told('restarted', 2);
  await confirmed();
  assert.deepEqual(all.map((d) => d.event.data.revision), [1, 2]);
  assert.match(shop.log, /forward: PostgreSQL answers again/);
});

test('a private address is refused, whatever its name, unless it is allowed', async () => {
  const before = receiver.deliveries.length;
  for (const host of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '2130706433', '0']) {
    await reload(site({ allow: false, url: `http://${host}:${receiver.port}/hook` }));
    const id = `private-${host.replace(/\W/g, '')}`;
    await send(order(id));
    await until('a refusal', async () => (await shop.query("SELECT FROM attrib.outbox WHERE order_id = $1 AND tries > 0 AND error LIKE '%forward.private refuses%'", [id])).length);
  }
  assert.equal(receiver.deliveries.length, before);
  await reload(site());
  await confirmed();
  assert.equal(receiver.deliveries.length, before + 5, 'the control: what was refused is sent once it is allowed');
});

test('a connection that one site was allowed to make is not used for another', async () => {
  const beta = (allow) => `[site beta]\nwrite_key = beta-key\nforward.url = ${receiver.url}\nforward.secret = ${OLD}\nforward.private = ${allow}\n${FAST}`;
  await reload({ ...site(), global: beta('refuse') });
  await send(order('warm'));
  await told('warm', 1);
  await sendTo('beta-key', order('cold'));
  await until('a refusal', async () => (await shop.query("SELECT FROM attrib.outbox WHERE site = 'beta' AND tries > 0 AND error LIKE '%loopback%'")).length);
  assert.equal(receiver.of('cold').length, 0);
  await reload({ ...site(), global: beta('allow') });
  check(await told('cold', 1));
  await confirmed();
});

test('a receiver that never answers stalls no other site', async () => {
  const deaf = await Receiver.open({ secrets: [OLD] });
  const deafOrders = Array.from({ length: 30 }, (_, i) => `deaf-${i}`);
  for (const id of deafOrders) deaf.answer(id, ...Array(100).fill('never'));
  await reload({ ...site({ more: 'forward.timeout = 60s' }), global:
    `[site deaf]\nwrite_key = deaf-key\nforward.url = ${deaf.url}\nforward.secret = ${OLD}\nforward.private = allow\nforward.timeout = 60s` });
  await sendTo('deaf-key', ...deafOrders.map((id) => order(id)));
  await until('all its places are taken', () => deaf.deliveries.length === 8);
  receiver.answer('slow', 'never');
  await send(order('slow'));
  await told('slow', 1);
  await send(...Array.from({ length: 20 }, (_, i) => order(`swift-${i}`)));
  await until('the others', () => receiver.deliveries.filter((d) => d.event.data.order_id.startsWith('swift-')).length === 20);
  assert.equal(deaf.deliveries.length, 8);
  const began = Date.now();
  await shop.stop();
  assert.deepEqual(shop.exit, { code: 0, signal: null });
  assert.ok(Date.now() - began < 45000, 'a stop does not wait for it');
  assert.equal((await shop.query("SELECT FROM attrib.outbox WHERE state = 'sending' OR tries > 0")).length, 0, 'what was on its way is due again');
  await deaf.close();
  shop.writeConfig(site());
  await shop.start();
  await told('slow', 2);
});

test('a stop sends what is due', async () => {
  await send(...Array.from({ length: 40 }, (_, i) => order(`drained-${i}`)));
  await shop.stop();
  assert.deepEqual(shop.exit, { code: 0, signal: null });
  assert.equal((await shop.query("SELECT FROM attrib.outbox WHERE site = 'acme'")).length, 0);
  assert.equal(receiver.deliveries.filter((d) => d.event.data.order_id.startsWith('drained-')).length, 40);
  await shop.start();
});

test('what fails for too long is given up, and can be tried again', async () => {
  receiver.answer('dying', ...Array(1000).fill(503));
  await reload(site({ more: 'forward.retry_after = 40ms\nforward.give_up = 1s' }));
  await send(order('dying'));
  await until('it is given up', async () => (await shop.query("SELECT FROM attrib.outbox WHERE order_id = 'dying' AND state = 'dead'")).length);
  const tries = receiver.of('dying').length;
  assert.ok(tries > 1 && tries < 40, `${tries} tries`);
  await send(refund('dying', '11.90'));
  await until('the refund waits', async () => (await shop.query("SELECT FROM attrib.outbox WHERE order_id = 'dying' AND state = 'held'")).length);
  const listed = JSON.parse(await shop.cli('outbox', 'list', '-c', shop.config, '--site', 'acme', '--format', 'json'));
  assert.deepEqual(listed.map((r) => [r.order_id, r.state, r.error]), [['dying', 'dead', 'status 503'], ['dying', 'held', null]]);
  await until('the metrics', async () => {
    const m = await metrics();
    return m.attribd_forward_dead === 1 && m.attribd_forward_waiting === 1 && m.attribd_forward_given_up_total === 1;
  });
  assert.equal(receiver.of('dying').length, tries);
  receiver.answer('dying');
  await assert.rejects(shop.cli('outbox', 'retry', 'nobody', '-c', shop.config, '--site', 'acme'), { code: 65 });
  assert.match(await shop.cli('outbox', 'retry', 'dying', '-c', shop.config, '--site', 'acme'), /acme order:dying: due again/);
  const all = await told('dying', tries + 2);
  assert.deepEqual(all.slice(tries).map((d) => d.event.data.revision), [1, 2]);
  assert.equal(check(all).length, 2);
  await confirmed2('acme');
  const m = await until('the metrics', async () => {
    const now = await metrics();
    return now.attribd_forward_dead === 0 && now.attribd_forward_waiting === 0 && now;
  });
  assert.equal(m.attribd_forward_oldest_seconds, 0);
  await reload(site());
});
const confirmed2 = (name) => until('an empty outbox', async () => (await shop.query('SELECT FROM attrib.outbox WHERE site = $1', [name])).length === 0);

test('what had counted before forwarding was configured is history', async () => {
  await reload({ site: '' });
  await send(order('history'));
  await shop.quiet();
  await until('counted', async () => (await shop.query("SELECT FROM attrib.conversion_status WHERE order_id = 'history'")).length);
  await reload(site());
  await send(refund('history', '11.90'), order('present'));
  await told('present', 1);
  await shop.quiet();
  assert.deepEqual(await shop.query("SELECT FROM attrib.outbox_event WHERE order_id = 'history'"), []);
  assert.equal(receiver.of('history').length, 0);
});

test('over TLS, by the authorities that were named', async () => {
  const file = (name) => join(shop.dir, name);
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=receiver',
    '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', file('key.pem'), '-out', file('cert.pem')], { stdio: 'ignore' });
  const secure = await Receiver.open({ secrets: [OLD], tls: { key: readFileSync(file('key.pem')), cert: readFileSync(file('cert.pem')) } });
  await reload(site({ url: secure.url }));
  await send(order('tls'));
  await until('it is not trusted', async () => (await shop.query("SELECT FROM attrib.outbox WHERE order_id = 'tls' AND error LIKE '%certificate%'")).length);
  assert.equal(secure.deliveries.length, 0);
  await reload(site({ url: secure.url, more: `${FAST}\nforward.ca_file = ${file('cert.pem')}` }));
  await until('it is', () => secure.deliveries.length === 1);
  check(secure.deliveries);
  await confirmed2('acme');
  await secure.close();
});

test('the guide\'s receiver takes them, once', async () => {
  const guide = /```js\n([\s\S]*?)```/.exec(readFileSync(join(root, 'docs/forwarding.md'), 'utf8'))[1];
  const port = await freePort();
  const child = spawn(process.execPath, ['--input-type=module', '-e', guide], { cwd: join(root, 'tests/e2e'), stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PORT: port, FORWARD_SECRET: NEW } });
  let printed = '';
  child.stdout.on('data', (chunk) => { printed += chunk; });
  await reload(site({ url: `http://127.0.0.1:${port}/`, keys: OLD }));
  await send(order('guided'));
  await until('it is no receiver of ours', async () => (await shop.query("SELECT FROM attrib.outbox WHERE order_id = 'guided' AND error = 'status 401'")).length);
  await reload(site({ url: `http://127.0.0.1:${port}/`, keys: `${NEW},${OLD}` }));
  await until('it is told', () => printed);
  await confirmed2('acme');
  await shop.query("UPDATE attrib.outbox_event SET state = 'waiting', next_at = now() WHERE order_id = 'guided'");
  await confirmed2('acme');
  child.kill();
  assert.equal(printed, 'conversion.created order:guided paid 100.00 EUR \n');
});

test('settings that can\'t be meant are refused by name', async () => {
  const problem = async (settings) => {
    shop.writeConfig({ site: settings });
    return shop.cli('check-config', '-c', shop.config).then(() => 'none', (e) => e.stderr);
  };
  assert.match(await problem('forward.url = https://shop.example/'), /forward\.secret: expected base64.*none beside forward\.url/);
  assert.match(await problem('forward.url = https://shop.example/\nforward.secret = not base64!'), /forward\.secret: expected/);
  for (const url of ['ftp://shop.example/', 'https://', 'https://user:pass@shop.example/', 'shop.example', 'https://shop.example/a b']) {
    assert.match(await problem(`forward.url = ${url}\nforward.secret = ${OLD}`), /forward\.url: expected http:\/\/ or https:\/\//, url);
  }
  assert.match(await problem('forward.events = conversion.deleted'), /forward\.events: expected conversion\.created/);
  assert.match(await problem('forward.private = maybe'), /forward\.private: expected/);
  assert.equal(await problem(`forward.url = https://shop.example/x?y=1\nforward.secret = ${OLD},${NEW}\nforward.events = conversion.created`), 'none');
});
