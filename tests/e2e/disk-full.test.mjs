// The disk of the state directory fills up: events get 503, redirects and health go on, and it takes
// events again by itself when there is room. Nothing that was acknowledged is lost.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CATALOG, Shop, sleep } from './support.mjs';

let shop;
let reason = false;
before(async () => {
  shop = await Shop.open({ catalog: CATALOG, start: false, settings: 'journal.segment_size = 4M' });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=0700', 'tmpfs', join(shop.dir, 'state')], { stdio: 'pipe' });
  } catch (error) {
    reason = `mount of a tmpfs: ${error.message.split('\n')[0]}`;
    return;
  }
  await shop.start();
});
after(async () => {
  await shop.kill();
  if (!reason) execFileSync('umount', [join(shop.dir, 'state')]);
  await shop.close();
});

let n = 0;
const acknowledged = [];
async function buy() {
  const id = `o-${n++}`;
  try {
    const response = await shop.events([
      { type: 'purchase', event_id: `e-${id}`, order: { id, currency: 'EUR', total: '10.00' } },
      ...Array.from({ length: 60 }, (_, i) => ({ type: 'visit', event_id: `v-${id}-${i}`, visitor_id: `v-${id}`, url: 'https://shop.example/',
        utm: { source: 'filler', content: 'x'.repeat(200) } }))]);
    await response.text();
    if (response.status === 200) acknowledged.push(id);
    return response.status;
  } catch {
    return 0; // closed without a status: the record is in doubt
  }
}

function fill() {
  const { bavail, bsize } = statfsSync(join(shop.dir, 'state'));
  let left = bavail * bsize;
  for (const size of [1 << 20, 4096]) {
    for (; left >= size; left -= size) {
      try {
        writeFileSync(join(shop.dir, 'state', 'ballast'), Buffer.alloc(size), { flag: 'a' });
      } catch (error) {
        if (error.code !== 'ENOSPC') throw error;
        return;
      }
    }
  }
}

async function counted() {
  await shop.quiet();
  const rows = await shop.query('select order_id from attrib.conversion_status');
  const have = new Set(rows.map((r) => r.order_id));
  assert.deepEqual(acknowledged.filter((id) => !have.has(id)), [], 'acknowledged and not counted');
  assert.deepEqual(await shop.query('select * from attrib.check_rollups()'), []);
}

test('full, and free again, three times', async (t) => {
  if (reason) {
    t.skip(reason);
    return;
  }
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 20; i++) assert.equal(await buy(), 200);
    fill();
    let refused = 0;
    for (let i = 0; i < 2000 && refused < 20; i++) refused += await buy() === 503;
    assert.equal(refused, 20, 'a full disk is told');
    assert.equal((await shop.click('ann-link')).response.status, 302);
    assert.equal((await fetch(`${shop.admin}/healthz`)).status, 200);
    await counted();
    rmSync(join(shop.dir, 'state', 'ballast'));
    let status = 0;
    for (let i = 0; i < 200 && status !== 200; i++) {
      status = await buy();
      if (status !== 200) await sleep(20);
    }
    assert.equal(status, 200, 'it goes on by itself');
  }
  await counted();
  await shop.kill('SIGKILL');
  await shop.start();
  await counted();
});

test('a start on a full disk redirects and answers health', async (t) => {
  if (reason) {
    t.skip(reason);
    return;
  }
  await shop.stop();
  fill();
  await shop.start();
  assert.equal((await shop.click('ann-link')).response.status, 302);
  assert.equal(await buy(), 503);
  rmSync(join(shop.dir, 'state', 'ballast'));
  let status = 0;
  for (let i = 0; i < 200 && status !== 200; i++) {
    status = await buy();
    if (status !== 200) await sleep(50);
  }
  assert.equal(status, 200);
  await counted();
});
