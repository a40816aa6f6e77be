// docs/proxy.md, done: its own blocks, with other ports and a certificate of the day, run by real nginx and
// real Caddy in front of the daemon. Who connects is who is counted, whatever they claim.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import { request as httpRequest } from 'node:http';
import { request } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { BROWSER, CATALOG, freePort, root, Shop, sleep, WRITE_KEY } from './support.mjs';
import { delivery, gmt, SITE, shape } from './vendors.mjs';

const HOST = 'go.shop.example';
const MOST = 3;
const FLOOD = 'attribd_events_verdict_total{verdict="flood"}';
const guide = readFileSync(join(root, 'docs/proxy.md'), 'utf8');
const block = (language) => {
  const found = [...guide.matchAll(/```(\w+)\n([\s\S]*?)```/g)].filter(([, name]) => name === language);
  assert.equal(found.length, 1, `one block of ${language}`);
  return found[0][2];
};
// A guide that says something else than this test replaces would be tested by nothing.
const put = (text, pairs) => pairs.reduce((out, [from, to]) => {
  assert.ok(out.includes(from), `the guide says ${from}`);
  return out.replaceAll(from, to);
}, text);

let shop, ca, nginx, caddy, plain;
const running = [];

before(async () => {
  const settings = block('ini').split('[site acme]');
  const kept = settings[0].split('\n').filter((line) => line.startsWith('trusted_proxies')).join('\n');
  shop = await Shop.open({ settings: `${kept}\nflood_clicks = ${MOST}\n`, site: `${settings[1]}too_fast = 0\n${SITE}`, catalog: CATALOG });
  const certificate = join(shop.dir, 'cert.pem'), key = join(shop.dir, 'key.pem');
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', `/CN=${HOST}`, '-addext', `subjectAltName=DNS:${HOST}`, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  ca = readFileSync(certificate);
  nginx = await freePort();
  plain = await freePort();
  caddy = await freePort();
  await startNginx(certificate, key);
  await startCaddy(certificate, key);
});
after(async () => {
  for (const child of running) {
    child.kill('SIGTERM');
    await child.gone;
  }
  await shop.close();
});

async function run(port, command, args, options) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let said = '';
  child.stdout.on('data', (chunk) => { said += chunk; });
  child.stderr.on('data', (chunk) => { said += chunk; });
  child.gone = new Promise((done) => { child.once('exit', done).once('error', (e) => { said += e; done(e); }); });
  running.push(child);
  for (let i = 0; i < 1000 && child.exitCode === null; i++) {
    const open = await new Promise((done) => {
      const socket = connect(port, '127.0.0.1', () => { socket.destroy(); done(true); }).on('error', () => done(false));
    });
    if (open) return;
    await sleep(10);
  }
  throw new Error(`${command} does not listen: ${said}`);
}

function startNginx(certificate, key) {
  const dir = join(shop.dir, 'nginx');
  mkdirSync(dir);
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${dir}/${name};`).join('\n');
  const user = process.getuid() === 0 ? 'user root;\n' : '';
  const config = put(block('nginx'), [['127.0.0.1:8080', `127.0.0.1:${shop.port}`], ['listen 443 ', `listen 127.0.0.1:${nginx} `],
    ['listen 80;', `listen 127.0.0.1:${plain};`], ['/etc/ssl/go.shop.example.pem', certificate], ['/etc/ssl/go.shop.example.key', key]]);
  writeFileSync(join(dir, 'nginx.conf'), `${user}daemon off;\nworker_processes 1;\npid ${dir}/pid;\nerror_log stderr;\nevents {}\nhttp {\n${temp}\n${config}\n}\n`);
  return run(nginx, '/usr/sbin/nginx', ['-p', dir, '-c', join(dir, 'nginx.conf'), '-e', 'stderr']);
}

function startCaddy(certificate, key) {
  const dir = join(shop.dir, 'caddy');
  mkdirSync(dir);
  const config = put(block('caddyfile'), [['go.shop.example {', `${HOST}:${caddy} {\n    bind 127.0.0.1\n    tls ${certificate} ${key}`],
    ['127.0.0.1:8080', `127.0.0.1:${shop.port}`]]);
  writeFileSync(join(dir, 'Caddyfile'), `{\n    admin off\n    auto_https off\n}\n${config}`);
  return run(caddy, 'caddy', ['run', '--adapter', 'caddyfile', '--config', join(dir, 'Caddyfile')],
    { env: { ...process.env, HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir } });
}

// A request from an address of this host's own: all of 127.0.0.0/8 are.
function ask(port, path, { from = '127.0.0.9', method = 'GET', headers = {}, body } = {}) {
  return new Promise((done, fail) => {
    const sent = request({ host: '127.0.0.1', port, path, method, servername: HOST, ca, localAddress: from, agent: false,
      headers: { host: HOST, 'user-agent': BROWSER, ...headers } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => { text += chunk; })
        .on('end', () => done({ status: response.statusCode, headers: response.headers, text }));
    }).on('error', fail);
    sent.end(body);
  });
}

async function click(port, link, options) {
  const answer = await ask(port, `/c/${link}`, options);
  assert.equal(answer.status, 302);
  return { ...answer, cookie: /attr_vid=([^;]+)/.exec(answer.headers['set-cookie'])[1], location: answer.headers.location };
}

async function flooded(work) {
  const then = await shop.metric(FLOOD);
  await work();
  return await shop.metric(FLOOD) - then;
}

const clicks = async (port, link, list) => { for (const options of list) await click(port, link, options); };
const credit = (order) => shop.query('select creator, channel, tracker from attrib.order_credit where order_id = $1 and model = $2', [order, 'policy']);

// WordPress speaks HTTP/1.0 and closes.
function knockAsWordPress(port, { text, headers }) {
  const head = ['POST /webhooks/woocommerce/acme HTTP/1.0', `Host: ${HOST}`, `Content-Length: ${Buffer.byteLength(text)}`, 'Connection: close',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)];
  return new Promise((done, fail) => {
    let answer = '';
    const socket = tls.connect({ host: '127.0.0.1', port, servername: HOST, ca }, () => socket.write(`${head.join('\r\n')}\r\n\r\n${text}`));
    socket.setEncoding('utf8').on('data', (chunk) => { answer += chunk; }).on('error', fail).on('close', () => done(answer));
  });
}

for (const [name, port, serial] of [['nginx', () => nginx, 7001], ['Caddy', () => caddy, 7002]]) {
  test(`${name}: a click, a visit and an order come through and are counted`, async () => {
    const clicked = await click(port(), 'ann-link', { from: '127.0.0.40' });
    assert.match(clicked.location, /^https:\/\/shop\.example\/p\?x=1&attr_click=[\w-]{22}#top$/);
    const cookies = clicked.headers['set-cookie'];
    assert.ok(cookies.some((c) => /^attr_vid=.*; Domain=\.shop\.example; HttpOnly$/.test(c)), cookies.join('\n'));
    // a visit by HTTP/2, which sends each cookie alone
    const visit = new URLSearchParams({ site: 'acme', e: 'visit', url: clicked.location });
    const session = http2.connect(`https://${HOST}`, { createConnection: () => tls.connect({ host: '127.0.0.1', port: port(), servername: HOST,
      ca, ALPNProtocols: ['h2'] }) });
    const status = await new Promise((done, fail) => {
      session.on('error', fail);
      session.request({ ':path': `/p.gif?${visit}`, cookie: ['other=1', `attr_vid=${clicked.cookie}`], 'user-agent': BROWSER })
        .on('response', (headers) => done(headers[':status'])).on('error', fail).end();
    });
    session.destroy();
    assert.equal(status, 200);
    // the order's meta names the visitor
    const order = shape('woocommerce', 'plugin-meta', { id: serial, number: String(serial), order_key: `wc_${serial}`, transaction_id: `t_${serial}`,
      date_created_gmt: gmt(Date.now() + 1000), date_modified_gmt: gmt(Date.now() + 1000), date_paid_gmt: gmt(Date.now() + 1000),
      billing: { email: `buyer-${serial}@example.com` }, customer_id: 0, meta_data: [{ id: 1, key: '_attr_vid', value: clicked.cookie }] });
    const answer = await knockAsWordPress(port(), delivery('woocommerce', order));
    assert.match(answer, /^HTTP\/1\.[01] 200 /);
    await shop.quiet();
    assert.deepEqual(await credit(String(serial)), [{ creator: 'ann', channel: 'link', tracker: 'ann-link' }]);
    const script = await ask(port(), '/a.js', { headers: { 'accept-encoding': 'gzip' } });
    assert.deepEqual([script.status, script.headers['content-encoding']], [200, 'gzip']);
    assert.equal((await ask(port(), '/a.js', { headers: { 'accept-encoding': 'gzip', 'if-none-match': script.headers.etag } })).status, 304);
    // and what has no answer through the proxy: the admin listener, bodies beyond the bound
    assert.equal((await ask(port(), '/v1/status')).status, 404);
    const big = await ask(port(), '/v1/events', { method: 'POST', body: ' '.repeat(1100000),
      headers: { authorization: `Bearer ${WRITE_KEY}`, 'content-type': 'application/json' } });
    assert.ok(big.status === 413 || (name === 'Caddy' && big.status === 502), `${big.status}`); // Caddy may see the body cut off first
    const full = await ask(port(), '/v1/events', { method: 'POST', body: `[${' '.repeat(1 << 19)}]`,
      headers: { authorization: `Bearer ${WRITE_KEY}`, 'content-type': 'application/json' } });
    assert.deepEqual([full.status, full.text.trim()], [200, '{"accepted":0,"rejected":[]}']);
  });

  test(`${name}: visitors are told apart, and nobody hides behind a claim`, async () => {
    const many = Array.from({ length: 3 * MOST }, (_, i) => ({ from: `127.0.${serial % 10}.${i % 3 + 1}` }));
    assert.equal(await flooded(() => clicks(port(), 'bob-link', many)), 0, 'three visitors with as many clicks as one may have');
    // so many that a new minute in the midst of them hides nothing
    const claims = Array.from({ length: 2 * MOST + 1 }, (_, i) => ({ from: `127.0.${serial % 10}.9`,
      headers: { 'x-forwarded-for': `198.51.100.${i + 1}`, 'x-real-ip': `198.51.100.${i + 1}`, forwarded: `for=198.51.100.${i + 1}` } }));
    assert.ok(await flooded(() => clicks(port(), 'bob-link', claims)) > 0, 'one visitor who claims to be many');
  });
}

test('nginx leads from http to https', async () => {
  const location = await new Promise((done, fail) => {
    httpRequest({ host: '127.0.0.1', port: plain, path: '/c/ann-link?sub=a%2Fb', headers: { host: HOST } }, (response) => {
      response.resume();
      done([response.statusCode, response.headers.location]);
    }).on('error', fail).end();
  });
  assert.deepEqual(location, [301, `https://${HOST}/c/ann-link?sub=a%2Fb`]);
});

test('without trusted_proxies all visitors are the proxy: the guide says so, and this test can see it', async () => {
  writeFileSync(shop.config, readFileSync(shop.config, 'utf8').replace(/trusted_proxies.*\n/, ''));
  shop.process.kill('SIGHUP');
  const many = Array.from({ length: MOST + 1 }, (_, i) => ({ from: `127.0.3.${i + 1}` }));
  let flagged = 0;
  for (let i = 0; i < 500 && !flagged; i++) flagged = await flooded(() => clicks(caddy, 'ann-link', many)); // workers take it soon
  assert.ok(flagged > 0);
});
