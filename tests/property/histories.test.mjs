// Random histories of one shop, played through intake, engine and in-memory state in random orders,
// groupings and with repeats; every credit of every model is compared, cent by cent, with the
// independent model in tests/oracle.
//
//   ATTRIB_SEED=n        the first history's seed (default: from the clock; printed)
//   ATTRIB_HISTORIES=n   how many (default 1000; 5 arrivals each)
//   ATTRIB_PLAY=path     the tool that holds engine and state

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { arrival, randomHistory } from '../oracle/history.mjs';
import { MODELS, decideAll, micros } from '../oracle/model.mjs';

const root = resolve(fileURLToPath(new URL('../..', import.meta.url)));
const PLAY = process.env.ATTRIB_PLAY ?? `${root}/build/check/tests/property/attrib-play`;
const SEED = Number(process.env.ATTRIB_SEED ?? Date.now() % 1e9);
const HISTORIES = Number(process.env.ATTRIB_HISTORIES ?? 1000);
const ARRIVALS = 5;

// One engine process for all histories: a history ends with a flush, which is answered by rows.
class Player {
  constructor() {
    this.process = spawn(PLAY, [], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  async play(catalog, groups) {
    const out = [{ reset: true }, { catalog }];
    for (const group of groups) out.push(...group, { group: true });
    out.push({ flush: true });
    this.process.stdin.write(out.map((o) => JSON.stringify(o)).join('\n') + '\n');
    const rows = [];
    for (;;) {
      const { value, done } = await this.lines.next();
      if (done) throw new Error('attrib-play ended');
      const row = JSON.parse(value);
      if (row.flushed !== undefined) return rows;
      rows.push(row);
    }
  }

  close() {
    this.process.kill();
  }
}

// What both sides must agree on, in one canonical form.
const creditText = (c) => `${c.creator || '-'} ${c.channel} ${c.tracker || '-'} ${c.amount} ${c.share}`;

function fromModel(d) {
  return { status: d.status, counted: d.counted, rule: d.rule, gross: String(d.gross), placed_at: d.placed_at,
    claims: d.claims, credits: Object.fromEntries(MODELS.map((m) => [m, d.credits[m].map(creditText)])) };
}

function fromEngine(row) {
  const credits = Object.fromEntries(MODELS.map((m, i) => [m, row.credits
    .filter((c) => BigInt(c.share[i]) > 0n)
    .map((c) => creditText({ ...c, amount: c.amount[i], share: c.share[i] }))]));
  return { status: row.status, counted: row.counted, rule: row.rule, gross: String(row.gross), placed_at: micros(row.placed_at),
    claims: [...new Set(row.steps.filter((s) => s.eligible && s.creator).map((s) => s.creator))].sort(), credits };
}

function byOrder(rows, key, convert) {
  return Object.fromEntries(rows.filter((r) => r.kind === 'order').map((r) => [r[key], convert(r)]).sort(([a], [b]) => (a < b ? -1 : 1)));
}

test(`${HISTORIES} random histories x ${ARRIVALS} arrivals from seed ${SEED}`, async (t) => {
  const player = new Player();
  t.after(() => player.close());
  let orders = 0;
  let split = 0;
  for (let seed = SEED; seed < SEED + HISTORIES; seed++) {
    const { catalog, events, r } = randomHistory(seed);
    const want = byOrder(decideAll(catalog, events), 'order_id', fromModel);
    for (let k = 0; k < ARRIVALS; k++) {
      const groups = k === 0 ? [events] : arrival(r, events);
      const got = byOrder(await player.play(catalog, groups), 'order_id', fromEngine);
      assert.deepEqual(got, want, `seed ${seed}, arrival ${k}: ATTRIB_SEED=${seed} ATTRIB_HISTORIES=1`);
    }
    orders += Object.keys(want).length;
    split += Object.values(want).filter((o) => o.credits.linear.length > 1).length;
  }
  t.diagnostic(`${orders} orders compared, ${split} of them shared by several creators`);
  assert.ok(split > HISTORIES / 10, 'the histories are not trivial');
});

// The harness must be able to catch a lie: the same comparison against a model with a wrong rule.
test('negative control: a wrong tie-break, remainder or window is caught', async (t) => {
  const player = new Player();
  t.after(() => player.close());
  const lies = {
    'remainder to the later touch': (o) => o.credits.linear.length > 1 && o.credits.linear.reverse(),
    'one cent too many': (o) => { o.gross += 1n; return true; },
    'last touch is first touch': (o) => {
      const same = JSON.stringify(o.credits.last_touch, text) === JSON.stringify(o.credits.first_touch, text);
      o.credits.last_touch = o.credits.first_touch;
      return !same;
    },
  };
  const text = (_, v) => (typeof v === 'bigint' ? String(v) : v);
  for (const [name, lie] of Object.entries(lies)) {
    let caught = 0;
    let told = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const { catalog, events } = randomHistory(seed);
      const model = decideAll(catalog, events);
      if (!model.map(lie).some(Boolean)) continue;
      told += 1;
      const got = byOrder(await player.play(catalog, [events]), 'order_id', fromEngine);
      try {
        assert.deepEqual(got, byOrder(model, 'order_id', fromModel));
      } catch {
        caught += 1;
      }
    }
    assert.ok(told > 5, `${name}: the lie was told ${told} times`);
    assert.ok(caught >= told * 0.9, `${name}: caught ${caught} of ${told}`);
  }
});
