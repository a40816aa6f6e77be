// What may go wrong between the daemon and PostgreSQL. Each fault makes it happen, puts everything back, and
// returns whether it really happened. on: {wire, r}, the wire and the schedule's dice.

import assert from 'node:assert/strict';
import { sleep } from '../e2e/support.mjs';
import { CLIENT, SERVER } from './proxy.mjs';

const FLUSH_MESSAGES = 30; // of the client; the smallest flushes have fewer
const ANSWERS = 38;

const kill = (pid, signal) => {
  try {
    return process.kill(pid, signal);
  } catch { return false; } // it was gone already
};

// At a random message of the next flush.
function amidFlush({ wire, r }, act) {
  return r.chance(0.5) ? wire.proxy.meet(CLIENT, 1 + r.int(FLUSH_MESSAGES), act)
    : wire.proxy.meet(SERVER, 1 + r.int(ANSWERS), act);
}

async function signalBackend(on, signal) {
  const fired = await amidFlush(on, ({ backend }) => kill(backend, signal));
  await on.wire.answers();
  return Boolean(fired);
}

// Waits until the daemon has closed one of these connections by itself: true, or until it has nothing to say.
async function givenUp({ wire }, pairs) {
  while (!pairs.some((pair) => pair.left)) {
    if (await wire.idle()) return false;
    await sleep(10);
  }
  return true;
}

// Starts and is killed early, a few times.
async function diesStarting({ wire: { shop }, r }) {
  for (let n = 1 + r.int(3); n > 0; n--) {
    await shop.start({ ready: false });
    await sleep(r.int(400));
    await shop.kill('SIGKILL');
  }
}

export const FAULTS = {
  async 'kill -9 of the daemon'({ wire: { shop } }) {
    const { signal } = await shop.kill('SIGKILL');
    await shop.start();
    return signal === 'SIGKILL';
  },
  async 'kill -9 of the daemon in a flush'(on) {
    const { shop } = on.wire;
    const fired = await amidFlush(on, () => shop.process.kill('SIGKILL'));
    if (!fired) return false;
    await shop.exited;
    await shop.start();
    return true;
  },
  async 'kill -9 of the daemon, and while it starts'(on) {
    await on.wire.shop.kill('SIGKILL');
    await diesStarting(on);
    await on.wire.shop.start();
    return true;
  },
  async 'SIGTERM of the daemon'({ wire: { shop } }) {
    assert.deepEqual(await shop.stop(), { code: 0, signal: null }, shop.log);
    await shop.start();
    return true;
  },
  async 'SIGTERM of the daemon while it starts'({ wire: { shop }, r }) {
    await shop.stop();
    await shop.start({ ready: false });
    await sleep(r.int(400));
    const exit = await shop.stop();
    // before its handlers exist a process dies of any signal
    assert.ok(exit.code === 0 || exit.signal === 'SIGTERM', `${JSON.stringify(exit)}\n${shop.log}`);
    await shop.start();
    return true;
  },
  'kill -9 of the backend in a flush': (on) => signalBackend(on, 'SIGKILL'),
  'the backend is terminated in a flush': (on) => signalBackend(on, 'SIGTERM'),
  async 'immediate stop of PostgreSQL'({ wire }) {
    await wire.stopImmediately();
    await wire.postgres('start');
    return true;
  },
  async 'immediate stop of PostgreSQL in a flush'(on) {
    const stopped = await amidFlush(on, () => on.wire.stopImmediately());
    await stopped;
    if (stopped === null) return false;
    await on.wire.postgres('start');
    return true;
  },
  async 'PostgreSQL away'({ wire, r }) {
    await wire.postgres('stop');
    await sleep(100 + r.int(600));
    await wire.postgres('start');
    return true;
  },
  async 'PostgreSQL away, and kill -9 of the daemon meanwhile'(on) {
    await on.wire.postgres('stop');
    await on.wire.shop.kill('SIGKILL');
    await diesStarting(on);
    await on.wire.shop.start();
    await on.wire.postgres('start');
    return true;
  },
  async 'the backend is stopped in a flush, and goes on later'(on) {
    const pair = await amidFlush(on, (met) => kill(met.backend, 'SIGSTOP') && met);
    if (!pair) return false;
    const fired = await givenUp(on, [pair]);
    await sleep(on.r.int(1500));
    kill(pair.backend, 'SIGCONT');
    return fired;
  },
  async 'a cut in a flush'({ wire, r }) {
    const [from, most] = r.pick([[CLIENT, FLUSH_MESSAGES], [SERVER, ANSWERS]]);
    return Boolean(await wire.proxy.cutAt(from, 1 + r.int(most), r.chance(0.3)));
  },
  async 'the database is set back to an older state'({ wire }) {
    const { shop } = wire;
    await wire.keep();
    const { sink } = await shop.status();
    const flushed = async () => (await shop.status()).sink.flushed > sink.flushed;
    while (!await flushed() && !await wire.idle()) await sleep(10);
    await wire.setBack();
    while (!shop.exit && !await wire.idle()) await sleep(10);
    const fired = Boolean(shop.exit);
    if (fired) {
      assert.deepEqual(shop.exit, { code: 78, signal: null }, shop.log);
      assert.match(shop.log, /set back to an older state.*start it again/);
    } else await shop.kill('SIGKILL');
    await shop.start();
    return fired;
  },
  async 'all connections are cut'({ wire }) {
    return wire.proxy.cutAll() > 0;
  },
  async 'a black hole'(on) {
    const { proxy } = on.wire;
    const swallowed = proxy.swallow();
    const fired = await givenUp(on, swallowed);
    proxy.pass();
    await sleep(on.r.int(1500));
    for (const pair of swallowed) pair.cut(); // the server's keepalives have noticed
    return fired;
  },
};
