// Three daemons, each in a network of its own where the system allows that, behind nginx, over one Redis and one PostgreSQL: a
// shop's clients know one address, and one daemon that ends is noticed by nobody.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ago } from './contract.mjs';
import { Redis } from '../support/redis.mjs';
import { CATALOG, freePort, Shop, sleep } from './support.mjs';

const TAG = `at${process.pid % 100000}`;
const ip = (...args) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'ignore'] });
const netOf = (i) => `${TAG}-${i}`;
const daemonAddress = (i) => `10.213.${i}.2`;

const TOKEN = 'a-token-of-this-test-alone-0123456789';
let redis, shop, nginx, separate;
const daemons = [];

// A namespace with a cable to this one; false: the system lets nobody make one.
function makeNetworks() {
  try {
    for (let i = 0; i < 3; i++) {
      ip('netns', 'add', netOf(i));
      ip('link', 'add', `${netOf(i)}a`, 'type', 'veth', 'peer', 'name', `${netOf(i)}b`);
      ip('link', 'set', `${netOf(i)}b`, 'netns', netOf(i));
      ip('addr', 'add', `10.213.${i}.1/24`, 'dev', `${netOf(i)}a`);
      ip('link', 'set', `${netOf(i)}a`, 'up');
      ip('-n', netOf(i), 'addr', 'add', `${daemonAddress(i)}/24`, 'dev', `${netOf(i)}b`);
      ip('-n', netOf(i), 'link', 'set', `${netOf(i)}b`, 'up');
      ip('-n', netOf(i), 'link', 'set', 'lo', 'up');
    }
    return true;
  } catch {
    removeNetworks();
    return false;
  }
}
function removeNetworks() {
  for (let i = 0; i < 3; i++) {
    for (const args of [['link', 'del', `${netOf(i)}a`], ['netns', 'del', netOf(i)]]) {
      try { ip(...args); } catch { /* it was not made */ }
    }
  }
}

async function daemon(i) {
  const name = `d${i}`;
  mkdirSync(join(shop.dir, name));
  if (i) cpSync(join(shop.dir, 'd0', 'secret'), join(shop.dir, name, 'secret'));
  const made = await shop.sibling(name, join(shop.dir, name));
  const address = separate ? daemonAddress(i) : '127.0.0.1';
  writeFileSync(made.config, readFileSync(made.config, 'utf8').replaceAll('127.0.0.1:', `${address}:`)
    .replace('[site acme]', `trusted_proxies = 10.213.0.0/16, 127.0.0.0/8\nadmin_token = ${TOKEN}\n[site acme]`));
  made.base = `http://${address}:${made.port}`;
  made.admin = `http://${address}:${made.adminPort}`;
  made.address = `${address}:${made.port}`;
  if (separate) made.within = ['ip', 'netns', 'exec', netOf(i)];
  made.status = async () => (await fetch(`${made.admin}/v1/status`, { headers: { authorization: `Bearer ${TOKEN}` } })).json();
  daemons.push(made);
  await made.start();
}

async function startNginx() {
  const port = await freePort();
  const config = join(shop.dir, 'nginx.conf');
  writeFileSync(config, `daemon off; error_log stderr; pid ${shop.dir}/nginx.pid;
events {}
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((w) => `${w}_temp_path ${shop.dir}/${w};`).join(' ')}
  upstream attribd { ${daemons.map((d) => `server ${d.address} max_fails=0;`).join(' ')} }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://attribd;
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_next_upstream error timeout non_idempotent;
    }
  }
}
`);
  nginx = spawn('nginx', ['-c', config, '-e', 'stderr'], { stdio: 'ignore' });
  shop.base = `http://127.0.0.1:${port}`;
  for (let i = 0; i < 500; i++) {
    try {
      if ((await fetch(`${shop.base}/`)).status !== 502) return;
    } catch { /* not listening yet */ }
    await sleep(10);
  }
  throw new Error('nginx did not start');
}

before(async () => {
  redis = await Redis.open();
  shop = await Shop.open({ catalog: CATALOG, settings: `state = ${redis.url}`, start: false });
  separate = makeNetworks();
  console.log(separate ? 'each daemon in a network of its own' : 'all in one network: namespaces are not allowed here');
  for (let i = 0; i < 3; i++) await daemon(i);
  await startNginx();
});
after(async () => {
  if (nginx) {
    nginx.kill('SIGTERM');
    await new Promise((done) => { nginx.once('exit', done); });
  }
  for (const made of daemons) await made.kill();
  await shop?.close();
  await redis?.close();
  removeNetworks();
});

let sent = 0;
async function buy(n) {
  await Promise.all(Array.from({ length: n }, async () => {
    const i = (sent += 1);
    const clicked = { type: 'click', event_id: `c-${i}`, visitor_id: `v-${i}`, link: 'ann-link', occurred_at: ago(1) };
    const order = { type: 'purchase', event_id: `p-${i}`, visitor_id: `v-${i}`, customer_id: `k-${i}`, order: { id: `o-${i}`, currency: 'EUR', total: '20.00' } };
    for (const body of [clicked, order, ...(i % 3 ? [] : [clicked, order])]) assert.equal((await shop.events(body)).status, 200);
  }));
}
async function counted() {
  for (const made of daemons) await made.quiet();
  const [row] = await shop.query("select count(*)::int as orders, sum(gross)::text as gross from attrib.order_credit where model = 'policy' and creator = 'ann'");
  assert.deepEqual(row, { orders: sent, gross: `${sent * 20}.00` });
  const [t] = await shop.query("select sum(clicks)::int as clicks from attrib.traffic_daily where tracker = 'ann-link'");
  assert.equal(t.clicks, sent);
}

test('what comes by one address is spread over all and counted once', async () => {
  await buy(60);
  await counted();
  const shares = await shop.query('select records::int as n from attrib.instance');
  assert.equal(shares.length, 3);
  assert.ok(shares.every(({ n }) => n > 10), JSON.stringify(shares));
});

test('each is restarted, and one is killed, while clients buy', async () => {
  for (const made of daemons) await Promise.all([buy(12), made.restart()]);
  const killed = daemons[1];
  await Promise.all([buy(30), killed.kill()]);
  await killed.start();
  await buy(6);
  await counted();
});
