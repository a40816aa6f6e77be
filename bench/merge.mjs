// What a merge costs PostgreSQL: batches as a daemon stages them, of orders of a shop with so many creators, merged by one
// session. Per order, processor time of the backend in merge_v1_rows alone; the median of the batches.
//
//   ATTRIBD=build/daemon/attribd node bench/merge.mjs [--creators N] [--orders N] [--batches N]
//
// A quarter of the orders has one to three touches, the others one; each creator has two posts and a campaign; one in ten
// orders of the batch before is refunded; five rows of traffic for each order. With 2 creators sums meet in few rows,
// with 1,000 nearly each order has rows of its own. Needs `npm ci` in tests/e2e once.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Shop } from '../tests/e2e/support.mjs';

const option = (fallback) => ({ type: 'string', default: fallback });
const { values } = parseArgs({ options: { creators: option('1000'), orders: option('1000'), batches: option('12') } });
const [CREATORS, ORDERS, BATCHES] = [values.creators, values.orders, values.batches].map(Number);

// $1 batch, $2 orders, $3 creators
const STAGE = [
  `INSERT INTO stage_decision
   SELECT 'acme', 1, 'o-' || $1::int || '-' || i, '', $1::bigint * 1000000 + i, 1, '', true, false, true, 'EUR', 2, 4990, 5990,
     t, t + interval '7 days', t, t, 'new', 'web', 'native', 'policy', '', '', 1, 1, true
   FROM generate_series(1, $2::int) i CROSS JOIN LATERAL (SELECT timestamptz '2026-03-01 10:00Z' + make_interval(days => $1 / 4, secs => i) AS t) x
   WHERE $3::int > 0`,
  `INSERT INTO stage_step
   SELECT 'acme', 1, 'o-' || $1::int || '-' || i, s, CASE WHEN (i + s) % 4 = 0 THEN 4 ELSE 1 END, 'k-' || c, 'k-' || c, 'creator-' || c,
     'campaign-' || c * 7 % 200, 'post-' || c || '-' || i % 2, 'k-' || c, t, t + interval '30 days', true, false, false, '', s,
     'e-' || i || '-' || s, 0, 0
   FROM generate_series(1, $2::int) i
   CROSS JOIN LATERAL generate_series(1, CASE WHEN i % 4 = 0 THEN 1 + i % 3 ELSE 1 END) s
   CROSS JOIN LATERAL (SELECT (hashint4(i * 31 + s * 7 + $1 * 1009) & 2147483647) % $3::int AS c,
     timestamptz '2026-03-01 09:00Z' + make_interval(days => $1 / 4, secs => i) AS t) x`,
  `INSERT INTO stage_credit
   SELECT site, kind, order_id, step, channel, creator, campaign, placement, tracker, occurred_at,
     array_fill(1000000000000 / n + CASE WHEN step = 1 THEN 1000000000000 % n ELSE 0 END, ARRAY[6]),
     array_fill(4990 / n + CASE WHEN step = 1 THEN 4990 % n ELSE 0 END, ARRAY[6])
   FROM (SELECT *, count(*) OVER (PARTITION BY order_id) AS n FROM stage_step) s WHERE $1::int + $2::int + $3::int > 0`,
  `INSERT INTO stage_key SELECT i, 'acme', 'o-' || $1::int || '-' || i, 3, decode(md5(($1 * 700 + i)::text), 'hex')
   FROM generate_series(1, $2::int) i WHERE $3::int > 0`,
  `INSERT INTO stage_refund
   SELECT 'acme', 'o-' || $1::int - 1 || '-' || i, 'native', 'r', 'e', 'EUR', 990, 0, 0, false, false, false, t, t
   FROM generate_series(10, $2::int, 10) i CROSS JOIN LATERAL (SELECT timestamptz '2026-03-01 11:00Z' + make_interval(days => $1 / 4, secs => i) AS t) x
   WHERE $1 > 0 AND $3::int > 0`,
  `INSERT INTO stage_traffic (site, bucket_at, channel, key, type, verdicts, count, uniques)
   SELECT 'acme', timestamptz '2026-03-01 10:00Z' + make_interval(days => $1::int / 4, mins => 15 * ($1 % 4)), 1, 'k-' || i % $3::int,
     1 + i / $3 % 5, i / $3 / 5 % 8, 10, 5
   FROM generate_series(1, $2::int * 5) i`,
];

const shop = await Shop.open({ start: false });
const client = await shop.connect();
try {
  await client.query("SET jit = off; SET client_min_messages = warning; UPDATE attrib.site SET currency = 'EUR', customer_history = 'complete'");
  const { rows: [{ pid }] } = await client.query('SELECT pg_backend_pid() AS pid');
  const spent = () => Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1000;
  const costs = [];
  for (let batch = 0; batch <= BATCHES; batch++) {
    await client.query('BEGIN');
    await client.query('SELECT attrib.stage_v1()');
    for (const sql of STAGE) await client.query(sql, [batch, ORDERS, CREATORS]);
    const before = spent();
    await client.query('SELECT attrib.merge_v1_rows()');
    if (batch) costs.push((spent() - before) / ORDERS); // the first one makes plans
    await client.query('COMMIT');
  }
  const { rows } = await client.query('SELECT what, key FROM attrib.check_rollups() LIMIT 3');
  if (rows.length) throw new Error(`wrong sums: ${JSON.stringify(rows)}`);
  console.log(`${CREATORS} creators: ${costs.sort((a, b) => a - b)[Math.floor(costs.length / 2)].toFixed(0)} us of PostgreSQL's processor time an order`);
} finally {
  await client.end();
  await shop.close();
}
