// Random traffic through the merge, asked of days and months, and of the buckets alone: of days, cuts and periods, in time
// zones that are no whole hours off, or set their clocks at midnight, while keys change hands at any minute and sites move
// to other zones. The rows of both must be the same.
//
//   ATTRIB_SEED=n             the seed (default: from the clock; printed)
//   ATTRIB_TRAFFIC_ROUNDS=n   how many batches of changes, traffic and questions (default 6)

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { attribd, pg, root } from '../e2e/support.mjs';
import { rng } from '../oracle/random.mjs';

const SEED = Number(process.env.ATTRIB_SEED ?? Date.now() % 1e9);
const ROUNDS = Number(process.env.ATTRIB_TRAFFIC_ROUNDS ?? 6);
const ZONES = ['Europe/Berlin', 'Asia/Kolkata', 'Asia/Kathmandu', 'America/Havana', 'Asia/Beirut', 'Pacific/Chatham', 'America/New_York', 'UTC'];
const random = rng(SEED);
const { pick } = random;

const server = join(mkdtempSync('/tmp/attribd-traffic-'), 'postgres');
const privatePostgres = (verb) => execFileSync(join(root, 'tools/private-postgres'), [verb, server],
  { env: { ...process.env, ATTRIB_PG_OPTIONS: '-c fsync=off -c jit=off -c timezone=UTC' } }).toString().trim();

let client;
before(async () => {
  const conninfo = privatePostgres('start');
  const config = join(dirname(server), 'attribd.conf');
  writeFileSync(config, `[attribd]\nlisten = 127.0.0.1:18480\nstate_dir = ${dirname(server)}/state\npostgres = ${conninfo}\n`);
  execFileSync(attribd, ['migrate', '-c', config]);
  client = new pg.Client({ host: /host=(\S+)/.exec(conninfo)[1], user: 'attrib', database: 'attrib' });
  await client.connect();
  for (const zone of ZONES) await client.query("INSERT INTO attrib.site (name, time_zone, currency, customer_history) VALUES ($1, $1, 'EUR', 'partial')", [zone]);
});
after(async () => {
  await client?.end();
  privatePostgres('destroy');
  rmSync(dirname(server), { recursive: true });
});

const rows = async (sql, values = []) => (await client.query({ text: sql, values, rowMode: 'array' })).rows.map((r) => r.join('|')).sort();

// What traffic_rows was before there were days: each bucket by itself, under its owner of that instant.
const BUCKETS = `
  SELECT t.site, d.day, o.campaign, o.creator, o.placement, attrib.channel_name(t.channel) AS channel,
    coalesce(o.key, nullif(t.key, '')) AS tracker, t.type, t.verdicts, t.count, t.uniques
  FROM attrib.traffic t
  JOIN attrib.site s ON s.name = t.site
  CROSS JOIN LATERAL (SELECT (t.bucket_at AT TIME ZONE s.time_zone)::date AS day) d
  LEFT JOIN LATERAL attrib.tracker_at(t.site, t.channel, t.key, t.bucket_at, s.time_zone) o ON true
  WHERE ($1::text IS NULL OR t.site = $1) AND ($2::date IS NULL OR d.day >= $2) AND ($3::date IS NULL OR d.day <= $3)`;
const DAYS = 'SELECT * FROM attrib.traffic_rows($1, $2, $3)';
const byDay = (from) => `SELECT site, day::text, campaign, creator, placement, channel, tracker, type, verdicts, sum(count), sum(uniques)
  FROM (${from}) r GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9`;
const CELLS = 'SELECT site, cut::text, clicks_raw, clicks_valid, clicks_suspect, clicks_filtered, visits, carts, checkouts FROM attrib.traffic_cells($1, $2, $3, $4::text[])';
const SUMS = `SELECT site, (SELECT array_agg(CASE b WHEN 'creator' THEN creator WHEN 'campaign' THEN campaign WHEN 'channel' THEN channel END)
      FROM unnest($4::text[]) b)::text,
    sum(count * (type = 1)::int), sum(count * (type = 1 AND verdicts = 0)::int), sum(count * (type = 1 AND verdicts = 256)::int),
    sum(count * (type = 1 AND verdicts = 1)::int), sum(count * (type = 2 AND verdicts <> 1)::int), sum(count * (type = 5 AND verdicts <> 1)::int),
    sum(count * (type = 6 AND verdicts <> 1)::int)
  FROM (${BUCKETS}) r GROUP BY 1, 2`;

const KEYS = [[1, 'link-a'], [1, 'link-b'], [5, 'link-a'], [2, 'ref'], [4, 'code'], [3, 'x/y/z//'], [3, 'x/w///'], [7, ''], [1, '(other)']];

// From the autumn before the clocks are changed to the summer behind: most of it about midnight and at those days.
let horizon = '2025-11-05'; // days go by
function instant() {
  const day = pick(['2025-10-25', '2025-10-26', '2025-11-01', '2025-11-02', '2025-11-30', '2026-03-07', '2026-03-08', '2026-03-28', '2026-03-29', '2026-04-04',
    '2026-04-05', '2025-12-31', `2026-0${1 + random.int(6)}-${10 + random.int(19)}`]);
  const at = new Date(Date.parse(`${day}T00:00:00Z`) + (random.int(96 * 2) - 48) * 900000).toISOString();
  return at < horizon ? at : instant();
}
const local = () => (random.int(3) ? `${instant().slice(0, 10)} ${pick(['00:00', '00:00', '00:30', '01:00', '02:30', '12:07', '23:45', '23:59:59.999999'])}` : null);

async function merge(count) {
  await client.query('BEGIN');
  await client.query('SELECT attrib.stage_v1()');
  for (let i = 0; i < count; i++) {
    const [channel, key] = pick(KEYS);
    await client.query('INSERT INTO stage_traffic VALUES ($1, $2, $3, $4, $5, $6, $7, $8)',
      [pick(ZONES), instant(), channel, key, pick([1, 1, 2, 5, 6]), pick([0, 0, 1, 256]), 1 + random.int(9), random.int(2)]);
  }
  await client.query('SELECT attrib.merge_v1_rows()');
  await client.query('COMMIT');
}

// Keys are given and taken away, for periods with any ends; who would share a period with another gets none.
async function handOver() {
  const [kind, key] = pick([['link', 'link-a'], ['link', 'link-b'], ['affiliate', 'ref'], ['code', 'code'], ['utm', 'x/*/*'], ['utm', 'x/y/*'], ['utm', '*/w/*']]);
  const site = pick(ZONES);
  if (random.int(4) === 0) await client.query('DELETE FROM attrib.tracker WHERE site = $1 AND kind = $2 AND key = $3', [site, kind, key]);
  const [from, to] = [local(), local()].sort();
  await client.query(`INSERT INTO attrib.tracker (site, kind, key, creator, campaign, valid_from, valid_to) VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT DO NOTHING`, [site, kind, key, pick(['ann', 'bob', 'eve']), pick(['spring', 'autumn', null]), from, from !== null && to === from ? null : to]);
}

const periods = () => [[null, null], ...Array.from({ length: 2 }, () => [instant().slice(0, 10), instant().slice(0, 10)].sort()),
  ['2025-10-01', '2026-03-31'], pick([['2026-03-08', '2026-03-08'], ['2025-11-02', null], [null, '2026-03-29']])];

async function compare() {
  for (const [from, to] of periods()) {
    const site = random.int(2) ? pick(ZONES) : null;
    const what = `seed ${SEED}, site ${site}, ${from} to ${to}`;
    assert.deepEqual(await rows(byDay(DAYS), [site, from, to]), await rows(byDay(BUCKETS), [site, from, to]), what);
    const cut = pick([['creator'], ['campaign'], ['creator', 'channel']]);
    assert.deepEqual(await rows(CELLS, [site, from, to, cut]), await rows(SUMS, [site, from, to, cut]), `${what}, by ${cut}`);
  }
}
const check = async () => assert.deepEqual(await rows('SELECT what, key FROM attrib.check_rollups()'), []);

test(`seed ${SEED}: days and months of traffic are its buckets`, async () => {
  for (let i = 0; i < ROUNDS; i++) {
    horizon = ['2025-11-15', '2025-12-31', '2026-03-08', '2026-03-29', '2026-04-05', '2026-09-01'][Math.floor(i * 6 / ROUNDS)];
    for (let n = random.int(4); n > 0; n--) await handOver();
    await merge(120);
    await compare();
    await check();
  }
  const [crossed] = await rows(`SELECT count(*) FROM attrib.tracker t JOIN attrib.site s ON s.name = t.site
    CROSS JOIN LATERAL attrib.spans_across(t.valid_from AT TIME ZONE s.time_zone, s.time_zone, 'day')`);
  assert.ok(Number(crossed) > 0, 'keys change hands within a day');
});

test(`seed ${SEED}: a site moves to another zone, and its days are those of the new one`, async () => {
  for (const zone of ['Asia/Kathmandu', 'America/Havana']) {
    await client.query("UPDATE attrib.site SET time_zone = $1 WHERE name IN ('Europe/Berlin', 'UTC')", [zone]);
    await compare();
    await merge(120); // behind the move and before
    await compare();
    await check();
  }
  const behind = "SELECT count(*) FROM attrib.site_traffic_zone WHERE since <> '-infinity'";
  assert.deepEqual(await rows(behind), ['2']);
  await client.query('SELECT attrib.rebuild_traffic()');
  assert.deepEqual(await rows(behind), ['0']);
  await compare();
  await check();
});

test('buckets of an older release are brought in by the migration\'s function', async () => {
  await client.query('BEGIN');
  await client.query("TRUNCATE attrib.rollup_traffic, attrib.rollup_traffic_month");
  await client.query("UPDATE attrib.site_traffic_zone SET since = 'infinity', until = 'infinity'");
  await compare();
  await client.query('SELECT attrib.rebuild_traffic()');
  await compare();
  await check();
  await client.query('ROLLBACK');
});

for (const [what, lie] of Object.entries({
  'a day counts one more': 'UPDATE attrib.rollup_traffic SET count = count + 1 WHERE ctid = (SELECT min(ctid) FROM attrib.rollup_traffic)',
  'a month is missing': 'DELETE FROM attrib.rollup_traffic_month WHERE ctid = (SELECT min(ctid) FROM attrib.rollup_traffic_month)',
  'the days are those of another zone': "UPDATE attrib.site_traffic_zone SET time_zone = 'Asia/Kolkata' WHERE site = 'UTC'",
})) {
  test(`negative control: ${what}`, async () => {
    await client.query('BEGIN');
    await client.query(lie);
    await assert.rejects(check());
    await client.query('ROLLBACK');
  });
}
