// The disk of the state directory fills up while clients send, and is freed, again and again: what needs the
// journal is refused with 503 and Retry-After, redirects and health go on, and by itself it takes events
// again when there is room. What was acknowledged is counted, once.
//
// On a tmpfs, and on an ext4 of its own, which keeps back room for what it has not written yet.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CATALOG, Shop, WRITE_KEY, sleep } from '../e2e/support.mjs';
import { Log, prove } from './checker.mjs';
import { Disk } from './image.mjs';
import { post, workload } from './workload.mjs';

const SEED = Number(process.env.ATTRIB_SEED ?? Date.now() % 1e9);
const ROUNDS = Number(process.env.ATTRIB_FULL_ROUNDS ?? 3);
const SIZE = '24M';
const CONNECTIONS = 4;
const ENOUGH = 20; // batches refused, or acknowledged again
const ELSEWHERE = 'other,link,elsewhere,,,,https://other.example/\n'; // clicks that are not in the log

const tmpfs = (at) => {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE},mode=0700`, 'tmpfs', at], { stdio: 'pipe' });
  return () => execFileSync('umount', [at]);
};
const ext4 = (at) => {
  const disk = Disk.make(SIZE);
  try {
    disk.attach(at);
  } catch (error) {
    disk.close();
    throw error;
  }
  return () => disk.close();
};

for (const [name, mount] of Object.entries({ tmpfs, ext4 })) {
  describe(`a full ${name} (seed ${SEED})`, () => {
    let shop;
    let state;
    let unmount;
    let why;
    let log;
    before(async () => {
      shop = await Shop.open({ catalog: { ...CATALOG, tracker: CATALOG.tracker + ELSEWHERE }, start: false,
        settings: 'journal.segment_size = 16K', global: `[site other]\nwrite_key = ${WRITE_KEY}-2` });
      state = join(shop.dir, 'state');
      log = new Log();
      try {
        unmount = mount(state);
      } catch (error) {
        why = `${error.stderr || error.message}`.trim().split('\n')[0];
        console.log(`full: NOT PROVEN HERE: no mount of ${name} (${why}); that a disk without room is survived is shown here `
          + 'by io.test.mjs alone, whose calls fail with ENOSPC');
        return;
      }
      await shop.start();
    });
    after(async () => {
      await shop?.kill();
      unmount?.();
      await shop?.close();
    });

    function fill() {
      for (const size of [1 << 20, 4096]) {
        const { bfree, bsize } = statfsSync(state);
        for (let left = bfree * bsize; left >= size; left -= size) {
          try {
            writeFileSync(join(state, 'ballast'), Buffer.alloc(size, 'x'), { flag: 'a' });
          } catch (error) {
            if (error.code !== 'ENOSPC') throw error;
            break;
          }
        }
      }
    }
    const free = () => rmSync(join(state, 'ballast'));

    // Clients that send all the time; outcomes counts their answers.
    function clients(seed) {
      const outcomes = { acked: 0, rejected: 0, maybe: 0, unsent: 0 };
      const batches = workload(seed, { orders: 4000, largest: 8, name: `${seed}-` });
      let next = 0;
      let on = true;
      const client = async () => {
        while (on && next < batches.length) {
          const outcome = await post(shop, log, batches[next++]);
          outcomes[outcome] += 1;
          if (outcome !== 'acked') await sleep(5);
        }
      };
      const ended = Promise.all(Array.from({ length: CONNECTIONS }, client));
      return { outcomes, stop: () => { on = false; return ended; } };
    }

    async function more(outcomes, kind) {
      const least = outcomes[kind] + ENOUGH;
      for (let i = 0; i < 2000; i++) {
        if (outcomes[kind] >= least) return;
        await sleep(10);
      }
      assert.fail(`${ENOUGH} more ${kind}: ${JSON.stringify(outcomes)}\n${shop.log}`);
    }

    // Each worker has some room that it prepared: not every request is refused.
    async function refusal() {
      for (;;) {
        const response = await fetch(`${shop.base}/v1/events`, { method: 'POST', headers: { authorization: `Bearer ${WRITE_KEY}` },
          body: JSON.stringify({ type: 'identify', customer_id: 'nobody' }) });
        await response.text();
        if (response.status === 503) return response;
        assert.equal(response.status, 200);
      }
    }

    async function whileFull() {
      assert.match((await refusal()).headers.get('retry-after'), /^[1-9]\d*$/);
      assert.equal((await shop.click('elsewhere')).response.status, 302);
      assert.equal((await fetch(`${shop.admin}/healthz`)).status, 200);
      assert.equal((await fetch(`${shop.admin}/v1/status`)).status, 200);
    }

    test('full and free again under load', async (t) => {
      if (why) return;
      const { outcomes, stop } = clients(SEED);
      for (let round = 0; round < ROUNDS; round++) {
        await more(outcomes, 'acked');
        fill();
        await more(outcomes, 'rejected');
        await whileFull();
        free();
      }
      await more(outcomes, 'acked');
      await stop();
      t.diagnostic(`${ROUNDS} times full: ${JSON.stringify(outcomes)} batches`);
      await prove(shop, log, `seed ${SEED}`);
      await shop.kill('SIGKILL');
      await shop.start();
      await prove(shop, log, `seed ${SEED}, after a kill`);
    });

    test('a start on a full disk redirects, answers health, and takes events once there is room', async () => {
      if (why) return;
      await shop.stop();
      fill();
      await shop.start();
      const { outcomes, stop } = clients(SEED + 1);
      await more(outcomes, 'rejected');
      await whileFull();
      free();
      await more(outcomes, 'acked');
      await stop();
      await prove(shop, log, `seed ${SEED}`);
    });
  });
}
