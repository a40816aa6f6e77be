// The checker of every fault programme. A log holds what clients were told of each event:
//
//   ACKED     a 2xx was read, and its item was not rejected
//   MAYBE     sent, no full answer read
//   REJECTED  4xx or 503, of the request or of the item
//   COUNTED   in PostgreSQL
//
// and the check proves, once all is quiet: ACKED is in COUNTED; COUNTED is in ACKED or MAYBE; nothing counts
// twice; and where no MAYBE is left all sums (orders, revenue, refunds and statuses, the credits of all
// models, double counting, traffic, and the sketches of its visitors bit by bit) are what the independent model says of the acknowledged events.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NOTHING, differences as differing, only, shownByDatabase, shownByModel, sorted } from '../oracle/shown.mjs';
import { CATALOG, sleep } from '../e2e/support.mjs';
import { post } from './workload.mjs';

const rowsOf = (csv) => {
  const [head, ...lines] = csv.trim().split('\n').map((line) => line.split(','));
  return lines.map((words) => Object.fromEntries(head.map((name, i) => [name, words[i]])));
};
// The catalog and settings of a Shop.open({ catalog: CATALOG }), as the model reads them.
const MODEL_CATALOG = { sites: [{ name: 'acme', settings: { affiliate_params: 'ref,aff', time_zone: 'Europe/Berlin' } }],
  trackers: rowsOf(CATALOG.tracker), campaigns: [{ site: 'acme', name: 'spring' }] };
const HISTORY = 'complete';

export class Log {
  entries = new Map(); // event id -> { event, acked, open, rejected }: how many copies ended so

  // A request with these events goes out: until it has ended nobody knows.
  sending(events) {
    const mine = events.map((event) => {
      let entry = this.entries.get(event.event_id);
      if (!entry) this.entries.set(event.event_id, entry = { event, acked: 0, open: 0, rejected: 0 });
      entry.open += 1;
      return entry;
    });
    return {
      // One of acked, rejected, maybe, unsent for each event.
      ended: (outcomes) => mine.forEach((entry, i) => {
        if (outcomes[i] === 'maybe') return;
        entry.open -= 1;
        if (outcomes[i] !== 'unsent') entry[outcomes[i]] += 1;
      }),
    };
  }

  static stateOf(entry) {
    if (entry.acked) return 'ACKED';
    if (entry.open) return 'MAYBE';
    return entry.rejected ? 'REJECTED' : 'UNSENT';
  }

  // The events in one of the states.
  in(state) {
    return [...this.entries.values()].filter((entry) => Log.stateOf(entry) === state).map((entry) => entry.event);
  }

  get acked() { return this.in('ACKED'); }
  get maybe() { return this.in('MAYBE'); }

  copy() {
    const made = new Log();
    for (const [id, entry] of this.entries) made.entries.set(id, { ...entry });
    return made;
  }

  // What clients knew of a moment between `earlier` (a copy) and now: what was acknowledged by then is
  // ACKED, everything sent since is MAYBE.
  since(earlier) {
    const made = this.copy();
    for (const [id, entry] of made.entries) {
      const { acked, rejected } = earlier.entries.get(id) ?? { acked: 0, rejected: 0 };
      entry.open += entry.acked - acked + (entry.rejected - rejected);
      Object.assign(entry, { acked, rejected });
    }
    return made;
  }
}

// -- what PostgreSQL has, event by event, as far as it keeps them ----------------------------------------------

const NAMED = {
  orders: { of: (e) => e.order?.id, sql: "SELECT order_id FROM attrib.conversion WHERE site = 'acme' AND kind = 1 AND ticket > 0" },
  refunds: { of: (e) => e.refund && e.event_id, sql: "SELECT event_id FROM attrib.refund_fact WHERE site = 'acme'" },
  cancels: { of: (e) => (e.type === 'cancel' ? e.event_id : undefined), sql: "SELECT event_id FROM attrib.cancel_fact WHERE site = 'acme'" },
};
const TRAFFIC = { click: 'clicks', visit: 'visits' };

const namesOf = (events, of) => sorted([...new Set(events.map(of).filter((name) => name !== undefined))]);

// ACKED is in COUNTED is in ACKED or MAYBE. repeats: of traffic there may be more.
async function bounds(query, log, repeats) {
  const { acked, maybe } = log;
  const wrong = [];
  for (const [what, { of, sql }] of Object.entries(NAMED)) {
    const counted = sorted((await query(sql)).map((row) => Object.values(row)[0]));
    const [least, most] = [namesOf(acked, of), namesOf([...acked, ...maybe], of)];
    wrong.push(...only(least, counted).map((name) => `lost: ${what} ${name} was acknowledged and is not counted`));
    wrong.push(...only(counted, most).map((name) => `strange: ${what} ${name} is counted and was neither acknowledged nor in doubt, or twice`));
  }
  const [sum] = await query(`SELECT coalesce(sum(clicks), 0)::int AS clicks, coalesce(sum(visits), 0)::int AS visits
    FROM attrib.traffic_daily WHERE site = 'acme'`);
  for (const [type, column] of Object.entries(TRAFFIC)) {
    const of = (events) => events.filter((e) => e.type === type).length;
    const [least, most] = [of(acked), repeats ? Infinity : of(acked) + of(maybe)];
    if (sum[column] < least || sum[column] > most) wrong.push(`traffic: ${sum[column]} ${column}, not within [${least}, ${most}]`);
  }
  return wrong;
}

// -- the books -----------------------------------------------------------------------------------------------------

// Money of the reports, from their rollups: the sums of the credits that are shown.
function revenueOf(credits) {
  const sums = new Map();
  for (const line of credits) {
    const [, , model, creator, , gross, refunded] = line.split(' ');
    const name = `${model} ${creator}`;
    const old = sums.get(name) ?? [0, 0];
    sums.set(name, [old[0] + Math.round(100 * gross), old[1] + Math.round(100 * refunded)]);
  }
  return sorted([...sums].map(([name, [gross, refunded]]) => `${name} ${gross} ${refunded}`));
}

// A line of traffic names a day, a channel and a key, and then counts.
const COUNTS = /^(.*?)((?: \d+)+)$/;
function countsOf(line) {
  const [, name, counts] = COUNTS.exec(line);
  return { name, counts: counts.trim().split(' ').map(Number) };
}

// What the database shows, with those of its lines that count more than the model's in the model's place.
function withoutRepeats(got, want) {
  const wanted = new Map(want.map((line) => [countsOf(line).name, { line, counts: countsOf(line).counts }]));
  return got.map((line) => {
    const { name, counts } = countsOf(line);
    const told = wanted.get(name);
    return told && told.counts.every((n, i) => n <= counts[i]) ? told.line : line;
  });
}

const asJson = (query) => async (sql) => (await query(`SELECT coalesce(json_agg(r), '[]') AS rows FROM (${sql}) r`))[0].rows;

async function sums(query, log, secret, repeats) {
  const received = new Date().toISOString().replace('Z', '000Z');
  const told = log.acked.map((event) => ({ received_at: received, trust: 'signed', site: 'acme', event }));
  const want = shownByModel(MODEL_CATALOG, told, HISTORY, secret);
  const got = (await shownByDatabase(asJson(query))).get('acme') ?? NOTHING;
  want.revenue = revenueOf(want.credits);
  got.revenue = (await query(`SELECT model || ' ' || coalesce(creator, '-') || ' ' || round(100 * sum(gross)) || ' ' || round(100 * sum(refunded)) AS line
    FROM attrib.roi WHERE site = 'acme' GROUP BY model, creator HAVING sum(conversions) > 0`)).map((row) => row.line);
  if (repeats) got.traffic = withoutRepeats(got.traffic, want.traffic);
  const text = differing({ ...got, revenue: sorted(got.revenue) }, want);
  return text ? [text] : [];
}

// Everything that is wrong with what a quiet database shows; empty = nothing. query(sql) returns its rows.
// Where something is still in doubt the sums are not compared: settle first. secret: the daemon's; without it sketches
// of visitors are not compared. repeats: Redis has lost facts, so traffic that was told again may count again; it may
// not count less, and who its visitors were stays exact.
export async function differences(query, log, secret = null, { repeats = false } = {}) {
  const wrong = await bounds(query, log, repeats);
  for (const name of ['check_rollups', 'check_adjustments', 'check_visitors']) {
    wrong.push(...(await query(`SELECT * FROM attrib.${name}()`)).map((row) => `${name}: ${JSON.stringify(row)}`));
  }
  if (!log.maybe.length) wrong.push(...await sums(query, log, secret, repeats));
  return wrong;
}

// For controls: from now on PostgreSQL takes what any master of a shared state has decided.
export async function withoutFence(query) {
  await query(`CREATE OR REPLACE FUNCTION attrib.meet_master_v1(p_instance bytea, p_state bytea, p_master text, p_former text)
    RETURNS text LANGUAGE sql AS 'SELECT NULL::text'`);
  await query(`CREATE OR REPLACE FUNCTION attrib.begin_v3(p_instance bytea, p_epoch bigint, p_lanes bytea[], p_from bigint[], p_numbers bigint[],
    p_state bytea, p_master text) RETURNS text LANGUAGE sql AS 'SELECT attrib.begin_v2(p_instance, p_epoch, p_lanes, p_from, p_numbers)'`);
}

const linesOf = async (shop, log, secret, options) =>
  (await differences((sql) => shop.query(sql), log, secret, options)).flatMap((text) => text.split('\n'));

// The lines of what is wrong once all of a state's instances are quiet. What one of them decides again, after it has said that
// it is quiet, may take a moment: so many looks are taken, a tenth of a second apart. options: of differences.
export async function lastingDifferences(instances, log, { looks = 60, ...options } = {}) {
  const [shop] = instances;
  const secret = readFileSync(join(shop.dir, 'state', 'secret'));
  let lines;
  for (let i = 0; i < looks; i++) {
    for (const instance of instances) await instance.quiet();
    lines = await linesOf(shop, log, secret, options);
    if (!lines.length) break;
    await sleep(100);
  }
  return lines;
}

const FEW = 40;

// Fails when a quiet shop shows anything wrong.
export async function check(shop, log, what = '') {
  const file = join(shop.state ?? join(shop.dir, 'state'), 'secret');
  const secret = existsSync(file) ? readFileSync(file) : null;
  const wrong = await linesOf(shop, log, secret);
  assert.ok(!wrong.length, `${what}: ${wrong.length} lines of differences\n${wrong.slice(0, FEW).join('\n')}`);
}

// Clients send again what got no answer. What they were told already is not touched: a loss stays a loss.
export async function settle(shop, log) {
  const open = log.maybe;
  for (let i = 0; i < open.length; i += 100) assert.equal(await post(shop, log, open.slice(i, i + 100)), 'acked');
}

// The whole proof, with a daemon that runs: quiet, no loss and nothing strange; then what was in doubt is
// told again, and all sums are exact. Returns {acked, maybe}: how many events there were, before that.
export async function prove(shop, log, what = '') {
  const before = { acked: log.acked.length, maybe: log.maybe.length };
  await shop.quiet();
  await check(shop, log, what);
  if (before.maybe) {
    await settle(shop, log);
    await shop.quiet();
    await check(shop, log, `${what}, after the doubtful ones were sent again`);
  }
  return before;
}
