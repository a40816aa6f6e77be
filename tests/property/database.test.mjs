// Random histories through intake, engine, sink and SQL into real PostgreSQL. Each arrival of a history
// (shuffled, repeated, flushed in pieces, some batches twice) has a database of its own:
//
//   - all databases show the same, byte for byte;
//   - what they show is what the independent model says: states, money and refunds of every credit of
//     every model, new and returning customers, double counting, traffic, sketches of visitors bit by bit;
//   - the rollups are the sums of the rows, as merges have left them and made anew;
//   - one of them has its state in Redis, over which one, two or three engines split the groups at random;
//   - one of them forwards: it shows the same as those that don't, and what its outbox tells of each order,
//     one event after the other, ends in what is stored.
//
//   ATTRIB_SEED=n                 the first history's seed (default: from the clock; printed)
//   ATTRIB_DATABASE_HISTORIES=n   how many (default 300; 3 arrivals each)

import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { arrival, randomHistory } from '../oracle/history/index.mjs';
import { decideAll } from '../oracle/model.mjs';
import { rng } from '../oracle/random.mjs';
import { NOTHING, differences, only, shownByDatabase, shownByModel } from '../oracle/shown.mjs';
import { duration } from '../oracle/time.mjs';
import { Redis } from '../support/redis.mjs';
import { Player } from './player.mjs';

const root = resolve(fileURLToPath(new URL('../..', import.meta.url)));
const SEED = Number(process.env.ATTRIB_SEED ?? Date.now() % 1e9);
const HISTORIES = Number(process.env.ATTRIB_DATABASE_HISTORIES ?? 300);
const ARRIVALS = 3;
const SHARED = 2; // the arrival whose state is in Redis
const FORWARDS = 1; // the arrival whose sites forward
const TOGETHER = 8; // shops in one engine

const server = join(mkdtempSync('/tmp/attribd-histories-'), 'postgres');
const privatePostgres = (verb) => execFileSync(join(root, 'tools/private-postgres'), [verb, server],
  { env: { ...process.env, ATTRIB_PG_OPTIONS: '-c fsync=off -c synchronous_commit=off -c full_page_writes=off' } }).toString().trim();

let conninfo, redis;
before(async () => {
  conninfo = privatePostgres('start');
  redis = await Redis.open();
});
after(async () => {
  await redis?.close();
  privatePostgres('destroy');
  rmSync(dirname(server), { recursive: true });
});

const database = (k) => `${conninfo.replace(/dbname=\S+/, '')} dbname=arrival_${k}`;
async function rows(k, sql) {
  const { stdout } = await promisify(execFile)('psql', ['-qAtX', '-d', database(k), '-c', `SELECT coalesce(json_agg(r), '[]') FROM (${sql}) r`],
    { maxBuffer: 1 << 30, env: { ...process.env, PGTZ: 'UTC' } });
  return JSON.parse(stdout);
}

const execute = (k, sql) => promisify(execFile)('psql', ['-qAtX', '-v', 'ON_ERROR_STOP=1', '-d', database(k), '-c', sql]);

// The rows of the last statement, after the ones before it, of which nothing stays.
async function afterwards(k, statements, sql) {
  const { stdout } = await promisify(execFile)('psql', ['-qAtX', '-v', 'ON_ERROR_STOP=1', '-d', database(k), '-c', 'BEGIN', ...statements.flatMap((s) => ['-c', s]),
    '-c', `SELECT coalesce(json_agg(r), '[]') FROM (${sql}) r`, '-c', 'ROLLBACK'], { maxBuffer: 1 << 30, env: { ...process.env, PGTZ: 'UTC' } });
  return JSON.parse(stdout);
}

// -- what is played ------------------------------------------------------------------------------

// Each history is a site of its own, so that one database holds them all.
function historyOf(seed) {
  const h = randomHistory(seed, { also: seed % 3 ? ['refunds'] : [] });
  const site = `s${seed}`;
  const mine = (row) => ({ ...row, site });
  const { catalog } = h;
  return { ...h, site, history: seed % 2 ? 'complete' : 'partial', events: h.events.map(mine),
    catalog: { ...catalog, sites: [{ ...catalog.sites[0], name: site, customer_history: seed % 2 ? 'complete' : 'partial' }],
      trackers: catalog.trackers.map(mine), campaigns: catalog.campaigns.map(mine), creator_customers: catalog.creator_customers.map(mine) } };
}

function linesOf(h, k) {
  const settings = (h.catalog.sites[0].versions?.at(-1) ?? h.catalog.sites[0]).settings;
  return arrival(h.r, h, { plain: k === 0, maxLate: duration(settings.max_late ?? '90d') });
}

const LISTS = ['sites', 'trackers', 'campaigns', 'creator_customers'];
const together = (catalogs) => ({ version: 1, ...Object.fromEntries(LISTS.map((name) => [name, catalogs.flatMap((c) => c[name])])) });

// Several shops at once: each one's lines in their order, between those of the others.
function interleave(r, histories, k) {
  const queues = histories.map((h) => linesOf(h, k));
  const catalogs = queues.map((q) => q.shift().catalog);
  const out = [{ catalog: together(catalogs) }];
  for (let left = queues.map((_, i) => i); left.length; left = left.filter((i) => queues[i].length)) {
    const i = k === 0 ? left[0] : r.pick(left);
    const line = queues[i].shift();
    if (!line) continue;
    if (line.catalog) {
      catalogs[i] = line.catalog;
      out.push({ catalog: together(catalogs) });
    } else if (!line.flush) out.push(line);
    else if (r.chance(0.3)) out.push({ flush: r.chance(0.5) ? 'twice' : true });
  }
  return out;
}

// -- what is compared ----------------------------------------------------------------------------

const fromModel = (h) => shownByModel(h.catalog, h.events, h.history);

// Two customers of one visitor at one instant: the rules say nothing of them.
function isTied({ catalog, events }) {
  const notes = {};
  decideAll(catalog, events, notes);
  return notes.tied;
}

// Every view of results, by site; which version of the catalog decided differs with the arrival.
const VIEWS = ['conversion_status', 'order_credit', 'path_step', 'roi', 'cac', 'double_count', 'double_count_by_channel',
  'traffic_daily', 'visitor_day', 'unknown_tracker', 'adjustment', 'adjustment_credit', 'overlap_creators', 'suspect_credit', 'commissions'];
// What stands no more may or may not have stood at some time.
const QUERIES = { commissions: `(SELECT site, kind, order_id, creator, campaign, placement, tracker, day, rule, basis, commission, currency, hold_until
  FROM attrib.commission_status WHERE commission <> 0)` };
const RULES = `INSERT INTO attrib.commission_rule (site, creator, kind, rate, amount, currency) SELECT 's' || n, r.*
  FROM generate_series(${SEED}, ${SEED + HISTORIES}) n CROSS JOIN (VALUES ('', 'percent', 0.07, NULL, ''), ('', 'per_new_customer', NULL, 3.5, 'EUR'),
    ('', 'per_lead', NULL, 1, 'EUR'), ('ada', 'percent', 0.125, NULL, 'EUR'), ('bea', 'per_order', NULL, 2, 'EUR')) r`;

async function dump(k) {
  const all = new Map();
  for (const view of VIEWS) {
    for (const r of await rows(k, `SELECT site, string_agg((to_jsonb(v) - 'catalog_version')::text, E'\\n' ORDER BY (to_jsonb(v) - 'catalog_version')::text COLLATE "C") AS text
      FROM ${QUERIES[view] ?? `attrib.${view}`} v GROUP BY site`)) all.set(`${r.site} ${view}`, r.text);
  }
  return all;
}

// The events of each order: the first is its creation, each later one begins where the one before ended, and
// amounts add up to the net that is stored. Returns how many there are.
async function forwarded(k) {
  for (let other = 0; other < ARRIVALS; other++) {
    const [{ n }] = await rows(other, 'SELECT count(*)::int AS n FROM attrib.outbox_event');
    assert.equal(n > 0, other === k, `arrival ${other} has ${n} events`);
  }
  assert.deepEqual(await rows(k, 'SELECT * FROM attrib.check_outbox()'), []);
  const events = await rows(k, `SELECT e.body::jsonb AS body, e.webhook_id, f.told FROM attrib.outbox_event e
    JOIN attrib.forwarded f USING (site, kind, order_id) ORDER BY e.site, e.kind, e.order_id, e.n`);
  assert.equal(new Set(events.map((e) => e.webhook_id)).size, events.length, 'ids are unique');
  let before, sum;
  const ends = ({ told }, { data }) => {
    assert.deepEqual({ ...told, model: 0 }, { ...stateOf(data), model: 0 });
    assert.ok(Number.isNaN(sum) || Math.abs(sum - Number(data.net)) < 1e-6, `${data.event_id}: ${sum}, stored ${data.net}`);
  };
  for (const [i, e] of events.entries()) {
    const { type, data } = e.body;
    assert.equal(type, data.revision === 1 ? 'conversion.created' : 'conversion.adjusted');
    if (data.revision === 1) {
      sum = Number(data.net);
    } else {
      assert.deepEqual(data.adjustment.previous, stateOf(before));
      sum += Number(data.adjustment.amount ?? NaN); // in another currency: none
    }
    before = data;
    const next = events[i + 1]?.body.data;
    if (next?.revision !== data.revision + 1) ends(e, e.body);
  }
  return events.length;
}
const stateOf = ({ status, currency, gross, refunded, net, credits }) => ({ status, currency, gross, refunded, net, credits });

// What the model hears instead, and must then say something else than the database.
const LIES = {
  'a void takes nothing back': (e) => { if (e.refund) delete e.refund.status; },
  'cumulative refunds are added up': (e) => { if (e.refund) delete e.refund.cumulative; },
  'parts do not matter': (e) => { if (e.refund) delete e.refund.tax, delete e.refund.shipping; },
  'any currency is the order\'s': (e) => { if (e.refund?.currency === 'USD') delete e.refund.currency; },
  'a cancelled order stays cancelled': (e) => { delete e.reversed; },
  'a flooded click brings a visitor': (e, line) => { if (line.verdicts?.join() === 'flood') delete line.verdicts; },
  'systems refund one after the other': (e, line) => { if (e.refund) [line.source, e.refund.id] = ['native', `${line.source} ${e.refund.id}`]; },
};
let shown;

// A shop's neighbours in the engine belong to the run.
function again(site) {
  const seed = Number(site.slice(1));
  return `again with ATTRIB_SEED=${seed - ((seed - SEED) % TOGETHER)} ATTRIB_DATABASE_HISTORIES=${TOGETHER}`;
}

test(`${HISTORIES} random histories x ${ARRIVALS} databases from seed ${SEED}`, async (t) => {
  const histories = Array.from({ length: HISTORIES }, (_, i) => historyOf(SEED + i)).filter((h) => !isTied(h));
  const groups = [];
  for (const h of histories) (groups[Math.floor((h.seed - SEED) / TOGETHER)] ??= []).push(h);
  const arrivals = Array.from({ length: ARRIVALS }, (_, k) => groups.map((group, i) => interleave(rng(ARRIVALS * (SEED + i * TOGETHER) + k), group, k)));
  await Promise.all(arrivals.map(async (all, k) => {
    execFileSync('createdb', ['-h', /host=(\S+)/.exec(conninfo)[1], '-U', 'attrib', `arrival_${k}`]);
    const player = new Player(['--postgres', database(k), ...(k === FORWARDS ? ['--forward'] : []),
      ...(k === SHARED ? ['--redis', redis.url, '--engines', '3'] : [])]);
    for (const [i, lines] of all.entries()) {
      if (lines) await player.play(lines);
      if (i === 0) await execute(k, RULES); // for those that are played already, too
    }
    await player.end();
  }));

  for (let k = 0; k < ARRIVALS; k++) {
    for (const check of ['rollups', 'visitors']) assert.deepEqual(await rows(k, `SELECT * FROM attrib.check_${check}()`), [], `${check} of arrival ${k}`);
  }
  for (let k = 0; k < ARRIVALS; k++) assert.deepEqual(await rows(k, 'SELECT * FROM attrib.check_commissions()'), [], `commissions of arrival ${k}`);
  const [{ n }] = await rows(0, 'SELECT count(*)::int AS n FROM attrib.commission WHERE earned > 0');
  assert.ok(n > HISTORIES / 3, `${n} commissions`);
  t.diagnostic(`${await forwarded(FORWARDS)} events for receivers, ${n} commissions`);
  const first = await dump(0);
  for (let k = 1; k < ARRIVALS; k++) {
    const other = await dump(k);
    for (const name of new Set([...first.keys(), ...other.keys()])) {
      const [a, b] = [first, other].map((d) => (d.get(name) ?? '').split('\n'));
      assert.ok(first.get(name) === other.get(name), `${name}; ${again(name.split(' ')[0])}
arrival 0:\n${only(a, b).join('\n')}\narrival ${k}:\n${only(b, a).join('\n')}`);
    }
  }
  const got = await shownByDatabase((sql) => rows(0, sql));
  let refunded = 0;
  for (const h of histories) {
    const want = fromModel(h);
    const wrong = differences(got.get(h.site) ?? NOTHING, want);
    assert.ok(!wrong, `${again(h.site)}\n${wrong}`);
    refunded += want.orders.filter((o) => /refunded|cancelled/.test(o)).length;
  }
  shown = { got, histories };
  t.diagnostic(`${[...got.values()].reduce((n, s) => n + s.orders.length, 0)} orders compared, ${refunded} of them refunded or cancelled`);
  assert.ok(HISTORIES < 100 || refunded > HISTORIES / 3, 'the histories have refunds');
});

test('rollups made anew are the same', async () => {
  const [{ n }] = await rows(0, 'SELECT count(*)::int AS n FROM attrib.rollup_path WHERE grain > 0 AND claims < 0');
  assert.ok(n > 0, 'there are orders of several scopes');
  const emptied = ['TRUNCATE attrib.rollup_month, attrib.rollup_path, attrib.rollup_path_month'];
  const made = ['DO $$ BEGIN PERFORM attrib.rebuild_paths(); PERFORM attrib.rebuild_months(); END $$'];
  const check = 'SELECT DISTINCT what FROM attrib.check_rollups() ORDER BY what';
  assert.deepEqual((await afterwards(0, emptied, check)).map((r) => r.what), ['rollup_month', 'rollup_path', 'rollup_path_month']);
  assert.deepEqual(await afterwards(0, [...emptied, ...made], check), []);
});

for (const [table, change] of Object.entries({
  rollup_month: 'gross[3] = gross[3] + 1',
  rollup_path: 'code_only = code_only + 1',
  rollup_path_month: 'contested = contested - 1',
})) {
  test(`negative control: one row of ${table}`, async () => {
    const lie = `UPDATE attrib.${table} SET ${change} WHERE ctid = (SELECT min(ctid) FROM attrib.${table})`;
    assert.deepEqual((await afterwards(0, [lie], 'SELECT what FROM attrib.check_rollups()')).map((r) => r.what), [table]);
  });
}

for (const [name, lie] of Object.entries(LIES)) {
  test(`negative control: ${name}`, () => {
    let told = 0;
    for (const h of shown.histories) {
      const events = structuredClone(h.events);
      for (const line of events) lie(line.event, line);
      const wrong = fromModel({ ...h, events });
      if (!differences(wrong, fromModel(h))) continue;
      told += 1;
      assert.ok(differences(shown.got.get(h.site), wrong), `${h.site}: the lie went unnoticed`);
    }
    assert.ok(HISTORIES < 100 || told >= 3, `told ${told} times`);
  });
}
