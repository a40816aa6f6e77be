// The naive receiver: the signature or key is checked, the event is one row of jsonb, and 200 is answered when
// PostgreSQL has committed it. Nothing is attributed, deduplicated or shown.
//
//   CONNINFO="host=... user=... dbname=..." PORT=n SECRET=... WRITE_KEY=... node server.mjs

import { createHmac, timingSafeEqual } from 'node:crypto';
import Fastify from 'fastify';
import pg from 'pg';

const { CONNINFO, PORT, SECRET, WRITE_KEY } = process.env;
const setting = (name) => new RegExp(`${name}=(\\S+)`).exec(CONNINFO)[1];
const pool = new pg.Pool({ host: setting('host'), user: setting('user'), database: setting('dbname'), max: 16 });
await pool.query('create table if not exists event (id bigserial primary key, received_at timestamptz not null default now(), source text not null, body jsonb not null)');

const same = (a, b) => a.length === b.length && timingSafeEqual(a, b);
const app = Fastify({ bodyLimit: 1 << 20 });
app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => done(null, body));

async function keep(source, body, reply) {
  await pool.query({ name: 'keep', text: 'insert into event (source, body) values ($1, $2)', values: [source, JSON.stringify(JSON.parse(body))] });
  return reply.code(200).send({ accepted: 1, rejected: [] });
}
app.post('/webhooks/shopify/acme', (request, reply) => {
  const mac = createHmac('sha256', SECRET).update(request.body).digest();
  if (!same(mac, Buffer.from(request.headers['x-shopify-hmac-sha256'] ?? '', 'base64'))) return reply.code(401).send();
  return keep('shopify', request.body, reply);
});
app.post('/v1/events', (request, reply) => {
  if (!same(Buffer.from(request.headers.authorization ?? ''), Buffer.from(`Bearer ${WRITE_KEY}`))) return reply.code(401).send();
  return keep('native', request.body, reply);
});
await app.listen({ host: '127.0.0.1', port: Number(PORT) });
