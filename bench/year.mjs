// How fast a year of a large shop is answered: the questions of year/questions.mjs for a quarter, as reports ask them and
// from the rows of the orders.
//
//   node bench/year.mjs [--orders N] [--runs N] [--keep DIR] [--question WORD]      ATTRIBD names the daemon (its schema is used)
//
// 10,000,000 orders are the whole shop: 1,000 creators, 200 campaigns, 3,000 posts, 500 million clicks in buckets; fewer
// scale all of it down. Makes the shop in a private PostgreSQL, by SQL alone, proves its rollups (up to a million orders)
// and then that both ways give the same rows, before any of them is timed. With --keep the server's directory stays
// and the shop in it is measured again, by the schema of the daemon. Needs `npm ci` in tests/e2e once.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { attribd, pg, root } from '../tests/e2e/support.mjs';
import { questions } from './year/questions.mjs';

const option = (fallback) => ({ type: 'string', default: fallback });
const { values } = parseArgs({ options: { orders: option('200000'), runs: option('15'), keep: option(''), question: option('') } });
const ORDERS = Number(values.orders);
const RUNS = Number(values.runs);
const PROVE_UP_TO = 1000000; // orders: what check_rollups recomputes grows with them
const PERIOD = ['acme', '2025-07-01', '2025-09-30'];
const SERVER = '-c fsync=off -c wal_level=minimal -c max_wal_senders=0 -c max_wal_size=8GB -c checkpoint_timeout=30min'
  + ' -c autovacuum=off -c shared_buffers=1GB -c work_mem=64MB -c maintenance_work_mem=512MB -c timezone=UTC';

const scaled = (whole, least) => Math.max(least, Math.round(whole * ORDERS / 1e7));
const WORDS = {
  orders: ORDERS, creators: scaled(1000, 20), campaigns: scaled(200, 5), posts: scaled(3000, 60), scale: ORDERS / 1e7,
  year_start: '2025-01-01', year_end: '2025-12-31',
};
const PARTS = { orders: [1, ORDERS, 250000], days: [0, 399, 10] };

const scratch = mkdtempSync(join(tmpdir(), 'attribd-year-'));
execFileSync('chmod', ['755', scratch]);
const dir = values.keep ? resolve(values.keep) : join(scratch, 'pg');
const server = (verb) => execFileSync(join(root, 'tools/private-postgres'), [verb, dir], { env: { ...process.env, ATTRIB_PG_OPTIONS: SERVER } }).toString().trim();

async function connect(conninfo) {
  const client = new pg.Client({ host: /host=(\S+)/.exec(conninfo)[1], user: 'attrib', database: 'attrib' });
  await client.connect();
  return client;
}

function say(text) {
  process.stdout.write(process.stdout.isTTY ? `\r\x1b[K${text}` : `${text}\n`);
}

// A file is steps, each with a name; one "by orders" or "by days" is run for one part after the other.
async function run(client, file) {
  for (const step of readFileSync(join(root, 'bench/year', file), 'utf8').split(/^-- step: /m).slice(1)) {
    const [name, ...lines] = step.split('\n');
    const began = performance.now();
    const [from, to, size] = PARTS[/, by (\w+)$/.exec(name)?.[1]] ?? [0, 0, 1];
    for (let first = from; first <= to; first += size) {
      if (process.stdout.isTTY && to > from) say(`${name}: ${Math.floor((first - from) * 100 / (to - from + 1))} %`);
      const words = { ...WORDS, first, last: Math.min(to, first + size - 1) };
      await client.query(lines.join('\n').replace(/:([a-z_]+)\b(?!\()/g, (all, word) => words[word] ?? all));
    }
    say(`${name}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
    if (process.stdout.isTTY) process.stdout.write('\n');
  }
}

async function make(client) {
  for (const file of ['catalog.sql', 'orders.sql', 'traffic.sql', 'rollups.sql']) await run(client, file);
  await client.query('DROP TABLE bench.orders, bench.touch');
  say('vacuum and analyze\n');
  await client.query('VACUUM (ANALYZE)');
  if (ORDERS <= PROVE_UP_TO) {
    const { rows } = await client.query('SELECT * FROM attrib.check_rollups() LIMIT 5');
    if (rows.length) throw new Error(`rollups are not what the rows say: ${JSON.stringify(rows)}`);
  }
  await client.query('CREATE TABLE bench.made AS SELECT now() AS at');
}

// What of the one is not in the other, as often.
async function compare(client, question) {
  const [asked, plain] = [`SELECT ${question.columns} FROM (${question.asked}) r${question.where ?? ''}`, `SELECT * FROM (${question.plain}) r`].map(typed);
  const { rows: [{ n }] } = await client.query(`SELECT count(*)::int AS n FROM (${plain}) r`, PERIOD);
  const { rows } = await client.query(`(SELECT 'asked' AS only, d::text AS row FROM (${asked} EXCEPT ALL ${plain}) d LIMIT 5)
    UNION ALL (SELECT 'plain', d::text FROM (${plain} EXCEPT ALL ${asked}) d LIMIT 5)`, PERIOD);
  if (!n || rows.length) throw new Error(`${question.name}: ${n} rows, differences:\n${rows.map((r) => `${r.only}: ${r.row}`).join('\n')}`);
  return n;
}
const typed = (sql) => sql.replace(/\$1\b/g, '$1::text').replace(/\$([23])\b/g, '$$$1::date');

async function once(client, sql) {
  const began = performance.now();
  await client.query({ text: typed(sql), values: PERIOD, rowMode: 'array' });
  return performance.now() - began;
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

// The median of as many runs as fit into a minute, at least three. A fresh session has to read the catalog and plan anew.
async function timed(conninfo, sql, { fresh }) {
  const times = [];
  let client = await connect(conninfo);
  if (!fresh) await once(client, sql);
  for (let spent = 0; times.length < RUNS && (times.length < 3 || spent < 60000); spent += times.at(-1)) {
    if (fresh) {
      await client.end();
      client = await connect(conninfo);
    }
    times.push(await once(client, sql));
  }
  await client.end();
  return median(times);
}

const ms = (n) => n.toFixed(n < 100 ? 1 : 0).padStart(9);

async function measure(conninfo) {
  const client = await connect(conninfo);
  const { rows: [size] } = await client.query(`SELECT (SELECT count(*) FROM attrib.conversion)::text AS orders, (SELECT count(*) FROM attrib.traffic)::text AS buckets,
    (SELECT sum(count) FROM attrib.traffic WHERE type = 1)::text AS clicks, (SELECT count(*) FROM attrib.rollup_money)::text AS money,
    pg_size_pretty(pg_database_size(current_database())) AS size`);
  say(`\n${size.orders} orders, ${size.clicks} clicks in ${size.buckets} rows of traffic, ${size.money} rows of rollup_money, ${size.size}\n`);
  console.log(`${'ms, medians'.padEnd(28)}${'rows'.padStart(7)}${'asked'.padStart(9)}${'fresh'.padStart(9)}${'plain'.padStart(9)}${'ratio'.padStart(8)}`);
  for (const question of questions.filter((q) => q.name.includes(values.question))) {
    const rows = await compare(client, question);
    const asked = await timed(conninfo, question.asked, { fresh: false });
    const fresh = await timed(conninfo, question.asked, { fresh: true });
    const plain = await timed(conninfo, question.plain, { fresh: false });
    console.log(`${question.name.padEnd(28)}${String(rows).padStart(7)}${ms(asked)}${ms(fresh)}${ms(plain)}${(plain / asked).toFixed(1).padStart(8)}`);
  }
  await client.end();
}

process.on('exit', () => {
  server(values.keep ? 'stop' : 'destroy');
  rmSync(scratch, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

const conninfo = server('start');
const config = join(scratch, 'attribd.conf');
writeFileSync(config, `[attribd]\nlisten = 127.0.0.1:18480\nstate_dir = ${scratch}/state\npostgres = ${conninfo}\n`);
execFileSync(attribd, ['migrate', '-c', config]);
const client = await connect(conninfo);
const { rows: [{ begun, made }] } = await client.query("SELECT to_regnamespace('bench') IS NOT NULL AS begun, to_regclass('bench.made') IS NOT NULL AS made");
if (begun && !made) throw new Error(`the shop in ${dir} was left half made: remove it`);
if (!made) await make(client);
await client.end();
await measure(conninfo);
