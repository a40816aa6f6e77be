// Random histories, played with a copy of the state that is begun at a random point and made in steps between
// groups; then the process ends and another one goes on with the copy. What is in the sink at the end must be
// what it is without: every decision byte by byte, and every count of traffic. PostgreSQL may have less than the
// copy (records behind the last flush are emitted again) or more (they are applied silently).
//
//   ATTRIB_SEED=n                   the first history's seed (default: from the clock; printed)
//   ATTRIB_CHECKPOINT_HISTORIES=n   how many (default 300)

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrival, randomHistory } from '../oracle/history/index.mjs';
import { rng } from '../oracle/random.mjs';
import { Player } from './player.mjs';

const SEED = Number(process.env.ATTRIB_SEED ?? Date.now() % 1e9);
const HISTORIES = Number(process.env.ATTRIB_CHECKPOINT_HISTORIES ?? 300);

// Rows that the sink would hold: the last decision of each order, sums of counts, the rest as a set.
function books(rows) {
  const found = new Map();
  for (const { ticket, ...row } of rows) {
    if (row.kind === 'order' || row.kind === 'lead') {
      found.set(JSON.stringify([row.site, row.kind, row.order_id]), row);
    } else if (row.kind === 'traffic') {
      const { count, uniques, ...name } = row;
      const sum = found.get(JSON.stringify(name)) ?? { count: 0, uniques: 0 };
      found.set(JSON.stringify(name), { count: sum.count + count, uniques: sum.uniques + uniques });
    } else {
      found.set(JSON.stringify(row), true);
    }
  }
  return JSON.stringify([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

// The same lines with flushes, and with starts from copies in between.
function withStarts(r, lines, how) {
  const made = [];
  let copying = 0;
  for (const line of lines) {
    made.push(line);
    if (!line.event && !line.group) continue;
    if (r.chance(0.15)) made.push({ flush: true });
    if (!copying && r.chance(0.25)) {
      made.push({ checkpoint: how });
      copying = 1 + r.int(12);
    } else if (copying) {
      made.push({ group: true });
      copying -= 1;
      if (!copying) made.push({ checkpoint: 'recover' });
    }
  }
  return made;
}

async function play(player, seed, how) {
  const history = randomHistory(seed, {});
  const lines = arrival(history.r, history, { plain: false });
  const started = withStarts(rng(seed), lines, how);
  const [want, got] = await Promise.all([player.play(lines), player.play(started)]);
  return { starts: started.filter((l) => l.checkpoint === 'recover').length, want: books(want), got: books(got), lines: started };
}

test(`${HISTORIES} random histories with starts from copies, from seed ${SEED}`, async (t) => {
  const player = new Player();
  t.after(() => player.close());
  let starts = 0;
  for (let seed = SEED; seed < SEED + HISTORIES; seed++) {
    const played = await play(player, seed, 'begin');
    starts += played.starts;
    assert.equal(played.got, played.want, `seed ${seed}\n${played.lines.map((l) => JSON.stringify(l)).join('\n')}`);
  }
  t.diagnostic(`${starts} starts from copies`);
  assert.ok(starts > HISTORIES / 2, 'the histories are not trivial');
});

test('negative control: what a copy holds is noted at its end', async (t) => {
  const player = new Player();
  t.after(() => player.close());
  let caught = 0;
  for (let seed = 1; seed <= 200 && !caught; seed++) {
    const played = await play(player, seed, 'late');
    caught += played.got !== played.want;
  }
  assert.ok(caught > 0, 'nobody noticed');
});
