// The disk hangs in a sync. Nobody is told a 2xx before that sync returns, also no sender of a duplicate;
// and nobody waits for it who has no use of it: visitors are redirected, health is answered, deadlines hold.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { sleep } from '../e2e/support.mjs';
import { Log, check } from './checker.mjs';
import { startedOrEnded } from './points.mjs';
import { SETTINGS, Stage } from './stage.mjs';
import { post } from './workload.mjs';

let stage;
before(async () => { stage = await Stage.open(); });
after(() => stage.close());

const order = (n) => ({ type: 'purchase', event_id: `e-${n}`, customer_id: `c-${n}`, occurred_at: new Date(Date.now() - 1000 * n).toISOString(),
  order: { id: `o-${n}`, currency: 'EUR', total: `${n}.00` } });

// What may become of a visitor's click on ann-link: it is recorded unless the queue is too old for that.
const CLICK = { type: 'click', event_id: 'a-visitor', visitor_id: 'a-visitor', link: 'ann-link', occurred_at: new Date().toISOString() };

// The bytes that a connection gets until it is closed.
function rest(port, bytes) {
  return new Promise((done) => {
    let got = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (data) => { got += data; });
    socket.on('error', () => {});
    socket.on('close', () => done(got));
  });
}

async function shopThatHangs(settings, lie) {
  const shop = await stage.shop({ settings: `${SETTINGS}\n${settings}` });
  const log = new Log();
  await shop.startShimmed({ point: 'hang-on:journal:1', lie, held: false });
  await startedOrEnded(shop);
  for (let n = 1; n <= 60; n++) assert.equal(await post(shop, log, [order(n)]), 'acked');
  await shop.quiet();
  shop.holdBack();
  return { shop, log };
}

// Where syncs are fast the worker may wait for them itself; where they are slow it does not.
for (const [disk, lie] of [['as it is', undefined], ['with the fastest syncs', 'sync:journal']]) {
  test(`a duplicate waits for the first copy's sync, on a disk ${disk}`, async () => {
    const { shop, log } = await shopThatHangs('webhook_timeout = 60s', lie);
    try {
      const answered = [];
      const send = (what) => post(shop, log, [order(61)]).then((outcome) => { answered.push(what); return outcome; });
      const first = send('first');
      const duplicate = send('duplicate');
      assert.equal((await shop.click('ann-link')).response.status, 302);
      log.sending([CLICK]).ended(['maybe']);
      assert.equal((await fetch(`${shop.admin}/healthz`)).status, 200);
      const { committed } = (await shop.status()).journal;
      assert.equal(committed, 60, 'the sync hangs');
      assert.deepEqual(answered, []);
      shop.release();
      assert.equal(await first, 'acked');
      const copies = await duplicate === 'acked' ? 2 : 1; // a slow machine may have shed it
      const clicks = (await shop.quiet()).journal.committed - 60 - copies;
      assert.ok(clicks === 0 || clicks === 1);
      await check(shop, log);
      assert.ok(shop.calls().some(({ fault }) => fault === 'hang-on'));
    } finally {
      await shop.close();
    }
  });

  test(`a hanging sync stalls no deadline, on a disk ${disk}`, async () => {
    const { shop, log } = await shopThatHangs('head_timeout = 1s', lie);
    try {
      const doubtful = post(shop, log, [order(61)]);
      const slow = rest(shop.port, 'GET /c/ann-link HT');
      assert.equal((await shop.click('ann-link')).response.status, 302);
      log.sending([CLICK]).ended(['maybe']);
      assert.equal(await doubtful, 'maybe', 'appended, and closed without a status');
      assert.match(await slow, /^HTTP\/1.1 408 /);
      const refused = await post(shop, log, [order(62)]);
      assert.equal(refused, 'rejected', 'behind a queue of that age: 503, and not appended');
      assert.equal((await shop.click('bob-link')).response.status, 302);
      shop.release();
      await shop.quiet();
      await check(shop, log);
    } finally {
      await shop.close();
    }
  });
}

// The worker itself is in the sync, so that nobody can end it.
test('a hanging sync holds up no stop for ever', async () => {
  const { shop, log } = await shopThatHangs('', 'sync:journal');
  try {
    const doubtful = post(shop, log, [order(61)]);
    assert.equal((await shop.click('ann-link')).response.status, 302);
    log.sending([CLICK]).ended(['maybe']);
    assert.deepEqual(await shop.stop(), { code: 74, signal: null }, shop.log);
    assert.match(shop.log, /journal: a write or sync hangs; ending without it/);
    assert.equal(await doubtful, 'maybe');
    shop.release();
    await shop.start();
    await shop.quiet();
    await check(shop, log);
  } finally {
    await shop.close();
  }
});
