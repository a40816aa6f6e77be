// A disk that gives back other bytes than it was given: what is damaged is named and copied, all else
// is read, and the segment stays as it is.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { attribd, CATALOG, Shop } from './support.mjs';

let shop;
before(async () => {
  // without checkpoints every start reads all of the journal
  shop = await Shop.open({ catalog: CATALOG, start: false, settings: 'checkpoint_interval = 0' });
  writeFileSync(shop.config, readFileSync(shop.config, 'utf8').replace('workers = 2', 'workers = 1')); // one lane a start
  await shop.start();
});
after(() => shop.close());

const journal = () => join(shop.dir, 'state/journal');
const run = (...args) => new Promise((done) => {
  execFile(attribd, args, { maxBuffer: 1 << 26 }, (error, stdout, stderr) => done({ code: error ? error.code : 0, stdout, stderr }));
});
const dump = async (...args) => {
  const result = await run('journal', 'dump', journal(), '--format', 'json', ...args);
  return { ...result, records: result.stdout.trim().split('\n').filter(Boolean).map((line) => JSON.parse(line)) };
};

async function orders(from, to) {
  for (let i = from; i <= to; i++) {
    const response = await shop.events({ type: 'purchase', event_id: `e-${i}`, customer_id: `c-${i}`, order: { id: `o-${i}`, currency: 'EUR', total: '10.00' } });
    assert.equal(response.status, 200);
  }
}

const ids = async () => (await shop.query("select order_id from attrib.conversion_status where status = 'paid' order by 1")).map((row) => row.order_id);

test('journal dump prints every record of a running daemon, in text and JSON, and takes ranges', async () => {
  await orders(1, 20);
  await shop.quiet();
  const all = await dump();
  assert.equal(all.code, 0, all.stderr);
  assert.deepEqual(all.records.map((r) => [r.number, r.type, r.site, r.order]),
    Array.from({ length: 20 }, (_, i) => [i + 1, 'purchase', 'acme', `o-${i + 1}`]));
  for (const r of all.records) assert.match(r.customer, /^[0-9a-f]{8}$/);
  const { lane } = all.records[0];
  assert.deepEqual((await dump('--lane', lane.slice(0, 6), '--from', '5', '--to', '7')).records.map((r) => r.number), [5, 6, 7]);
  assert.deepEqual((await dump('--lane', lane[0] === '0' ? '1' : '0')).records, []);
  const text = await run('journal', 'dump', shop.dir + '/state', '--from', '3', '--to', '3');
  assert.match(text.stdout, new RegExp(`^${lane.slice(0, 8)} 3 0000000000000001:\\d+ 20\\S+Z purchase acme event=[0-9a-f]{8} .*order="o-3"\\n$`));
  assert.equal((await run('journal', 'dump', journal(), '--from', 'x')).code, 64);
  assert.equal((await run('journal', 'dump', join(shop.dir, 'nowhere'))).code, 74);
});

test('damage that PostgreSQL has not seen costs its records only: named, copied, counted, never repaired', async () => {
  shop.stopPostgres();
  await orders(21, 40);
  await shop.kill();
  const before = await dump();
  const bad = before.records.filter((r) => r.number >= 25 && r.number <= 27);
  const end = before.records.find((r) => r.number === 28).offset;
  const name = `${bad[0].lane}-${bad[0].segment}.seg`;
  const segment = join(journal(), name);
  const bytes = readFileSync(segment);
  bytes.fill(0xff, bad[0].offset, end);
  writeFileSync(segment, bytes);

  const dumped = await dump();
  assert.equal(dumped.code, 65);
  assert.match(dumped.stderr, new RegExp(`${name}: ${end - bad[0].offset} bytes at offset ${bad[0].offset} are damaged, records 25 to 27 are missing between 24 and 28`));
  assert.deepEqual(dumped.records.map((r) => r.number), before.records.map((r) => r.number).filter((i) => i < 25 || i > 27));
  const verified = await run('journal', 'verify', journal());
  assert.equal(verified.code, 65);
  assert.match(verified.stdout, /records 25 to 27 are missing between 24 and 28/);

  shop.startPostgres();
  await shop.start();
  const s = await shop.quiet(40);
  assert.equal(s.quarantined, 1);
  assert.deepEqual(await ids(), Array.from({ length: 40 }, (_, i) => `o-${i + 1}`).filter((_, i) => i < 24 || i > 26).sort());
  assert.match(shop.log, new RegExp(`lane ${bad[0].lane}, segment ${bad[0].segment}: .*records 25 to 27 are missing between 24 and 28; .*a copy is in`));
  const hex = (i) => i.toString(16).padStart(16, '0');
  const copy = join(shop.dir, 'state/quarantine', `${bad[0].lane}-${bad[0].segment}-${hex(bad[0].offset)}-${hex(end - bad[0].offset)}.bad`);
  assert.deepEqual(readFileSync(copy), bytes.subarray(bad[0].offset, end));
  assert.deepEqual(readFileSync(segment), bytes, 'the segment is as it was');
  const metrics = await (await fetch(`${shop.admin}/metrics`)).text();
  for (const line of ['damaged_stretches 1', `damaged_bytes ${end - bad[0].offset}`, 'missing_records 3', 'quarantine_files 1']) assert.ok(metrics.includes(`attribd_journal_${line}\n`), line);
});

test('the next start meets the same damage: named again, copied once', async () => {
  await shop.restart();
  await shop.quiet();
  assert.match(shop.log, /records 25 to 27 are missing/);
  assert.equal(readdirSync(join(shop.dir, 'state/quarantine')).length, 1);
});

test('a torn tail is normal', async () => {
  await orders(41, 45);
  await shop.quiet();
  await shop.kill();
  const last = (await dump()).records.find((r) => r.order === 'o-45');
  const segment = join(journal(), `${last.lane}-${last.segment}.seg`);
  const bytes = readFileSync(segment);
  const end = bytes.findLastIndex((b) => b) + 1;
  Buffer.from('torn, torn, torn').copy(bytes, end + 16 - (end % 8));
  writeFileSync(segment, bytes);
  await shop.start();
  await shop.quiet();
  assert.equal((await ids()).length, 42);
  assert.equal(readdirSync(join(shop.dir, 'state/quarantine')).length, 1);
  assert.equal(shop.log.match(/damaged/g).length, 1, shop.log);
});

test('a damaged copy of a head is named and costs nothing', async () => {
  await shop.stop();
  const first = (await dump()).records[0];
  const segment = join(journal(), `${first.lane}-${first.segment}.seg`);
  const bytes = readFileSync(segment);
  bytes[70] ^= 1;
  writeFileSync(segment, bytes);
  await shop.start();
  await shop.quiet();
  assert.match(shop.log, /128 bytes at offset 0 are damaged, no record is missing/);
  assert.equal((await ids()).length, 42);
});

test('segments of another instance are named, counted and left alone', async () => {
  await shop.stop();
  const first = (await dump()).records[0];
  const bytes = readFileSync(join(journal(), `${first.lane}-${first.segment}.seg`));
  const instance = join(shop.dir, 'state/instance');
  const kept = readFileSync(instance);
  // a directory put together from two: the same bytes under the identity of another instance
  writeFileSync(instance, kept.toString().replace(/^./, (c) => (c === '0' ? '1' : '0')));
  await assert.rejects(shop.start(), /attribd exited/);
  assert.equal(shop.exit.code, 78); // the sites are the first instance's
  assert.match(shop.log, new RegExp(`journal: ${first.lane}-${first.segment}\\.seg is of instance ${kept.toString().trim()}`));
  assert.match(shop.log, /journal: \d+ segments of other instances: not read, not counted, not touched/);
  writeFileSync(instance, kept);
  assert.deepEqual(readFileSync(join(journal(), `${first.lane}-${first.segment}.seg`)), bytes);
});

test('a segment of a newer format: serve, verify and dump refuse and name file and versions', async () => {
  const first = (await dump()).records[0];
  const name = `${first.lane}-${first.segment}.seg`;
  const bytes = readFileSync(join(journal(), name));
  bytes[8] = bytes[2048 + 8] = 2;
  writeFileSync(join(journal(), name), bytes);
  const sentence = `${name} has format version 2, this attribd reads up to 1`;
  await assert.rejects(shop.start(), /attribd exited/);
  assert.deepEqual(shop.exit, { code: 78, signal: null });
  assert.ok(shop.log.includes(sentence), shop.log);
  for (const what of ['verify', 'dump']) {
    const result = await run('journal', what, journal());
    assert.equal(result.code, 78);
    assert.ok((result.stdout + result.stderr).includes(sentence), result.stderr);
  }
});
