// Nothing that PostgreSQL, or something on the way to it, fails to say may hold up the daemon for ever:
// every timeout is set, and each that the server would have to keep is kept by the daemon, too.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CATALOG, Shop, sleep } from '../e2e/support.mjs';
import { Log, prove } from './checker.mjs';
import { CLIENT, Proxy } from './proxy.mjs';
import { play, workload } from './workload.mjs';

const SEED = Number(process.env.ATTRIB_SEED ?? Date.now() % 1e9);
let shop;
let proxy;
const log = new Log();
before(async () => {
  shop = await Shop.open({ catalog: CATALOG, start: false });
  proxy = await Proxy.open(/host=(\S+)/.exec(shop.conninfo)[1]);
  shop.writeConfig({ postgres: proxy.conninfo('attrib'), settings: 'flush_timeout = 1s' });
  await shop.start();
});
after(async () => {
  await proxy?.close();
  await shop.close();
});

let played = 0;
const some = (orders = 20) => play(shop, log, workload(SEED + played, { orders, name: `${played++}-` }), { again: 1 });

test(`a black hole between daemon and database: it gives up the connection and recovers (seed ${SEED})`, async (t) => {
  await some();
  await shop.quiet();
  const swallowed = proxy.swallow().length;
  assert.ok(swallowed >= 2, 'flush and catalog are connected');
  await some();
  while (!/no answer/.test(shop.log)) await sleep(20);
  await some();
  proxy.pass();
  const { acked } = await prove(shop, log);
  t.diagnostic(`${swallowed} connections swallowed, ${acked} events acknowledged`);
});

test('whoever listens for changes of the catalog notices the black hole, too', async () => {
  const swallowed = proxy.swallow();
  proxy.pass();
  assert.ok(swallowed.length >= 2);
  await shop.import('tracker', 'site,kind,key,creator,campaign,placement,destination\nacme,link,late-link,ann,spring,,https://shop.example/late\n');
  while ((await shop.click('late-link')).response.status !== 302) await sleep(20);
  await shop.quiet();
  assert.ok(swallowed.every((pair) => pair.left), 'nobody waits in the hole any more');
});

// In the middle of a COPY no timeout of the server ends its session, which keeps the lock of our row.
test('a hole in the middle of a COPY: the session that is left behind is in nobody\'s way', async () => {
  await some();
  await shop.quiet();
  const { kinds } = proxy.lastFlush;
  const copied = proxy.meet(CLIENT, kinds.client.indexOf('d') + 1, () => proxy.swallow());
  await some();
  const swallowed = await copied;
  assert.ok(swallowed?.length, 'it was met');
  while (!swallowed.some((pair) => pair.left)) await sleep(20);
  proxy.pass();
  await some();
  await shop.quiet();
});
