// What identifies a person reaches the daemon in many fields and may stay nowhere: not in the journal,
// not in PostgreSQL (rows, indexes, WAL), not in the log. Looked for byte by byte.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BROWSER, CATALOG, PUBLIC_KEY, Shop, WRITE_KEY } from './support.mjs';

const EMAIL = 'canary.Person@Mailbox-Zq7.example';
const PHONE = '+4915907770123';
const CUSTOMER = 'customer-Kx93QwZz';
// persons that only imports name, and what a bad row of theirs holds
const IMPORTED = ['Bought.Before@Archive-Qx4.example', '+4915908880456', 'archive-Lm77Yx', 'Own.Orders@Creator-Vb2.example',
  '+4915909990789', 'creator-own-Tz55', 'not-an-address-Hg31', 'number-that-is-none-Wd08'];
const ADDRESS = '203.0.113.77';
const CLIENT_V6 = '2001:db8:7:7:aaaa:bbbb:cccc:dddd';
const ORDER = 'order-may-be-kept-5512';

let shop;
before(async () => {
  shop = await Shop.open({ catalog: CATALOG, settings: 'trusted_proxies = 127.0.0.1' });
});
after(() => shop.close());

// Every spelling in which a value could have been written down.
function spellings(value) {
  const base = [value, value.toLowerCase(), encodeURIComponent(value), encodeURIComponent(value).toLowerCase(),
    Buffer.from(value).toString('base64').replace(/=+$/, ''), Buffer.from(value).toString('hex'),
    Buffer.from(value.toLowerCase()).toString('hex')];
  return [...new Set(base)];
}
const SECRETS = [EMAIL, EMAIL.split('@')[0], PHONE, PHONE.slice(1), CUSTOMER, ADDRESS, CLIENT_V6, ...IMPORTED, IMPORTED[0].split('@')[0], IMPORTED[3].split('@')[0]].flatMap(spellings);

function* files(dir) {
  for (const item of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, item.name);
    if (item.isDirectory()) yield* files(path);
    else if (item.isFile()) yield path;
  }
}

function found(bytes, needles) {
  return needles.filter((needle) => bytes.includes(needle));
}

test('e-mail, phone, customer id and address are nowhere on disk', async () => {
  const [email, phone, customer, ownEmail, ownPhone, ownCustomer, badEmail, badPhone] = IMPORTED;
  const head = 'site,email,phone,customer_id';
  const said = [await shop.import('customers', `${head}\nacme,${email},${phone},${customer}\n`),
    await shop.import('creator_customer', `${head},creator\nacme,${ownEmail},${ownPhone},${ownCustomer},ann\n`)];
  for (const table of ['customers', 'creator_customer']) {
    await assert.rejects(shop.import(table, `${head}\nacme,${badEmail},${badPhone},${customer}\n${ownEmail},,,\n`),
      (error) => said.push(error.stdout, error.stderr) && error.code === 65);
    await assert.rejects(shop.import(table, `${ownEmail},${ownPhone}\n`), (error) => said.push(error.stdout, error.stderr) && error.code === 65);
    rmSync(join(shop.dir, `${table}.csv`));
  }
  assert.equal((await shop.query('select 1 from attrib.customer_key')).length, 3);
  assert.equal((await shop.query('select 1 from attrib.creator_customer_history')).length, 3);
  assert.deepEqual(found(Buffer.from(said.join('\n')), SECRETS), [], 'what the imports said');
  const person = { customer_id: CUSTOMER, email: EMAIL };
  const response = await shop.events([
    { type: 'visit', event_id: 'p-1', visitor_id: 'v-1', ...person,
      url: `https://shop.example/?utm_source=news&email=${encodeURIComponent(EMAIL)}&ref=ann`,
      referrer: `https://mail.example/?to=${encodeURIComponent(EMAIL)}` },
    { type: 'identify', event_id: 'p-2', visitor_id: 'v-1', ...person, phone: PHONE },
    { type: 'purchase', event_id: 'p-3', visitor_id: 'v-1', ...person, phone: PHONE,
      order: { id: ORDER, currency: 'EUR', total: '10.00' } },
    { type: 'lead', event_id: 'p-4', visitor_id: 'v-1', ...person, lead: { id: 'l-1', name: 'newsletter' } },
    { type: 'purchase', event_id: 'p-5', ...person, order: { id: 'bad', currency: 'EUR', total: 'no amount' } },
  ]);
  assert.equal(response.status, 200);
  await shop.events(`{"type":"purchase","email":"${EMAIL}",`);
  await shop.pixel({ e: 'visit', vid: 'v-2', url: `https://shop.example/?mail=${EMAIL}&utm_source=x` },
    { headers: { 'x-forwarded-for': ADDRESS, referer: `https://a.example/?${EMAIL}` } });
  for (const key of [WRITE_KEY, PUBLIC_KEY]) {
    const traits = { email: EMAIL, phone: PHONE };
    const all = { userId: CUSTOMER, anonymousId: EMAIL, traits, context: { traits, ip: ADDRESS, page: { url: `https://shop.example/?mail=${EMAIL}` } } };
    const batch = await fetch(`${shop.base}/v1/batch`, { method: 'POST', headers: { 'x-forwarded-for': ADDRESS }, body: JSON.stringify({ writeKey: key,
      batch: [{ type: 'page', ...all }, { type: 'identify', ...all }, { type: 'alias', previousId: EMAIL, ...all }, { type: 'group', groupId: EMAIL, ...all },
        { type: 'track', event: 'Signed Up', messageId: 's-1', ...all }, { type: 'track', event: CUSTOMER, ...all },
        { type: 'track', event: 'Order Completed', properties: { order_id: `s-${ORDER}`, total: 'none', email: EMAIL }, ...all },
        { type: 'track', event: 'Order Completed', properties: { order_id: `s-${ORDER}`, total: 1, email: EMAIL }, ...all }] }) });
    assert.equal((await batch.json()).accepted, 5);
    const ga4 = await fetch(`${shop.base}/mp/collect?api_secret=${key}`, { method: 'POST', headers: { 'x-forwarded-for': ADDRESS },
      body: JSON.stringify({ client_id: CUSTOMER, user_id: CUSTOMER, user_properties: { mail: { value: EMAIL } },
        events: [{ name: 'sign_up', params: {} }, { name: 'refund', params: { transaction_id: `s-${ORDER}` } },
          { name: 'page_view', params: { page_location: `https://shop.example/?mail=${EMAIL}`, page_referrer: `https://a.example/?${EMAIL}` } }] }) });
    assert.equal(ga4.status, 204);
  }
  await shop.click('ann-link', { headers: { 'x-forwarded-for': CLIENT_V6 }, query: `?email=${encodeURIComponent(EMAIL)}` });
  await fetch(`${shop.base}/v1/beacon`, { method: 'POST', headers: { 'content-type': 'text/plain', 'user-agent': BROWSER,
    'x-forwarded-for': ADDRESS },
  body: JSON.stringify({ site: 'acme', type: 'visit', visitor_id: 'v-3', email: EMAIL, url: 'https://shop.example/?ref=bob' }) });
  await shop.quiet();
  assert.equal((await shop.query('select 1 from attrib.conversion_status where order_id = $1', [ORDER])).length, 1);
  await shop.stop();

  const host = /host=(\S+)/.exec(shop.conninfo)[1];
  await shop.query('checkpoint');
  const dump = execFileSync('pg_dump', ['-h', host, '-U', 'attrib', 'attrib'], { maxBuffer: 256 << 20 });
  assert.deepEqual(found(dump, SECRETS), [], 'pg_dump');
  assert.deepEqual(found(dump, [ORDER]), [ORDER], 'the search finds what is there');
  let kept = 0;
  for (const path of [...files(join(shop.dir, 'state')), ...files(join(host, 'data'))]) {
    const bytes = readFileSync(path);
    assert.deepEqual(found(bytes, SECRETS), [], path);
    kept += found(bytes, [ORDER]).length;
  }
  assert.ok(kept >= 2, 'the search finds what is there, in the journal and in the cluster');
  assert.deepEqual(found(Buffer.from(shop.log), SECRETS), [], 'log');
});

test('the files of the state directory belong to the daemon alone', () => {
  const modes = execFileSync('find', [join(shop.dir, 'state'), '-type', 'f', '-perm', '/077']).toString();
  assert.equal(modes, '');
});

test('negative control: a canary in a file is found', () => {
  const file = join(shop.dir, 'state', 'control');
  writeFileSync(file, Buffer.concat([Buffer.alloc(100), Buffer.from(encodeURIComponent(EMAIL)), Buffer.alloc(100)]));
  assert.equal(found(readFileSync(file), SECRETS).length > 0, true);
});
