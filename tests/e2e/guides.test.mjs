// The guides are run as they stand: what a reader pastes is taken out of the document and given to a real
// shell (or node) beside a real daemon, and what the document says is answered is compared with what is.
//
//   ```ini   goes into the configuration, in the section of the guide's own site
//   ```sh    runs in bash -euo pipefail;  ```js  in node, with `order`, `attrClick` and `secret` given
//   ```text  behind one of these is its answer; `...` stands for anything
//   indented code is only shown: SHOWN knows it by its digest and says who tests it
//
// In all of them https://go.shop.example is the daemon, http://127.0.0.1:8081 its admin listener, /etc/attribd/attribd.conf its configuration, the site
// acme the guide's own, $WRITE_KEY its key; <that value>, <the secret>, whsec_... and whsec_<base64> are its secret.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Shop, attribd, root } from './support.mjs';
import { SECRETS } from './vendors.mjs';

const GUIDES = { readme: 'README.md', shopify: 'docs/shopify.md', woocommerce: 'docs/woocommerce.md', stripe: 'docs/stripe.md',
  standard: 'docs/standard-webhooks.md', segment: 'docs/segment.md', ga4: 'docs/ga4.md', tag: 'docs/tag.md',
  commissions: 'docs/commissions.md', reports: 'docs/reports.md' };

// A block that is only shown and has changed: look whether its test still says the same, then note its digest.
const SHOWN = {
  'docs/shopify.md': { '832aa1a51998': 'tag-pages.test.mjs', eb30653bdf26: 'tag.test.mjs' },
  'docs/stripe.md': { '16857696eda6': 'webhooks.test.mjs, stripe-refunds.test.mjs', '77cc3e6843b4': 'webhooks.test.mjs' },
  'docs/segment.md': { '9c2488a4c5cc': 'segment.test.mjs', c2dc848bbd87: 'segment-pages.test.mjs', '199980a7b3e5': 'segment.test.mjs' },
  'docs/ga4.md': { '9eb52daa7c65': 'ga4.test.mjs' },
  'docs/tag.md': { '832aa1a51998': 'tag-pages.test.mjs', '91ec179a3e4e': 'tag.test.mjs' },
};

// {kind, text, line} of a document's code; in lists it is indented by what the list is.
function blocksOf(file) {
  const found = [];
  let open, indent;
  for (const [i, line] of readFileSync(join(root, file), 'utf8').split('\n').entries()) {
    const fence = /^( *)```(\w*)$/.exec(line);
    if (fence && !open) open = { kind: fence[2], text: '', line: i + 1, indent: fence[1].length };
    else if (fence && open) {
      found.push(open);
      open = undefined;
    } else if (open) open.text += `${line.slice(open.indent)}\n`;
    else if (/^ {4}\S/.test(line) && indent === undefined && found.blank) {
      indent = { kind: 'shown', text: `${line}\n`, line: i + 1 };
      found.push(indent);
    } else if (indent && (/^ {4}/.test(line) || line === '')) indent.text += `${line}\n`;
    else indent = undefined;
    found.blank = line === '';
  }
  assert.equal(open, undefined, `${file}: a fence without end`);
  return [...found].map((b) => ({ ...b, text: b.kind === 'shown' ? b.text.trimEnd() : b.text }));
}
const digest = (text) => createHash('sha256').update(text).digest('hex').slice(0, 12);

const keyOf = (guide) => `key-of-${guide}`;
function inPlace(guide, text) {
  return text.replaceAll('https://go.shop.example', shop.base).replaceAll('http://127.0.0.1:8081', shop.admin).replaceAll('/etc/attribd/attribd.conf', shop.config).replace(/\bacme\b/g, `${guide}-shop`)
    .replace(/<that value>|<the secret>|whsec_\.\.\.|whsec_<base64>/g, SECRETS[guide] ?? '').replace('<value of the attr_vid cookie>', cookie);
}
// Whose keys these are, the test says; all else is the guide's.
const settings = (guide) => blocksOf(GUIDES[guide]).filter((b) => b.kind === 'ini').map((b) => b.text).join('').split('\n')
  .filter((line) => line && !/^\[site acme\]$|^(write|public)_key\b/.test(line)).join('\n');

let shop, cookie, click;
before(async () => {
  shop = await Shop.open({ start: false });
  shop.writeConfig({ global: Object.keys(GUIDES).map((guide) =>
    `[site ${guide}-shop]\nwrite_key = ${keyOf(guide)}\ncustomer_history = complete\n${inPlace(guide, settings(guide))}\n`).join('') });
  await shop.cli('migrate', '-c', shop.config);
  await shop.import('creator', `site,handle,name\n${Object.keys(GUIDES).map((g) => `${g}-shop,lisa,Lisa\n`).join('')}`);
  await shop.import('tracker', `site,kind,key,creator,destination\n${Object.keys(GUIDES).map((g) =>
    `${g}-shop,code,LISA10,lisa,\n${g}-shop,link,link-${g},lisa,https://shop.example/\n`).join('')}`);
  await shop.start();
});
after(() => shop.close());

const PRELUDE = (guide) => `const order = { id: '1001' }, attrClick = ${JSON.stringify(click)}, secret = ${JSON.stringify(SECRETS[guide])};\n`;

async function run(guide, { kind, text }) {
  const [program, args] = kind === 'sh' ? ['bash', ['-euo', 'pipefail', '-c', inPlace(guide, text)]]
    : [process.execPath, ['--input-type=module', '-e', PRELUDE(guide) + inPlace(guide, text)]];
  const { stdout, stderr, code = 0 } = await promisify(execFile)(program, args, { cwd: kind === 'sh' ? shop.dir : join(root, 'tests/e2e'),
    env: { ...process.env, WRITE_KEY: keyOf(guide), PATH: `${dirname(attribd)}:${process.env.PATH}` } }).catch((error) => error);
  assert.equal(code, 0, `${text}\n${stderr}`);
  return stdout.trim();
}

const pattern = (text) => new RegExp(`^${text.trim().split('...').map((s) => s.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('[\\s\\S]*?')}$`);
const credit = (guide, order_id) => shop.query(`select creator, channel, gross from attrib.order_credit where site = $1 and order_id = $2 and model = 'policy'`, [`${guide}-shop`, order_id]);
const state = async (guide, order_id) => (await shop.query('select status, gross from attrib.conversion_status where site = $1 and order_id = $2', [`${guide}-shop`, order_id]))[0];

// What is true once a guide was followed.
const OUTCOMES = {
  readme: async () => assert.deepEqual(await credit('readme', '1001'), [{ creator: 'lisa', channel: 'link', gross: '100.00' }]),
  shopify: async () => assert.equal((await state('shopify', '1')).status, 'excluded'),
  woocommerce: async () => assert.equal(await state('woocommerce', '1'), undefined),
  stripe: async () => {
    assert.equal((await state('stripe', 'cs_test_1')).status, 'excluded');
    assert.equal((await shop.query("select key from attrib.code_alias where site = 'stripe-shop'"))[0].key, 'ANN10');
  },
  standard: async () => assert.deepEqual(await credit('standard', '1001'), [{ creator: 'lisa', channel: 'link', gross: '100.00' }]),
  segment: async () => assert.deepEqual(await credit('segment', '1001'), [{ creator: 'lisa', channel: 'code', gross: '100.00' }]),
  ga4: async () => assert.deepEqual(await credit('ga4', '1001'), [{ creator: 'lisa', channel: 'code', gross: '100.00' }]),
  tag: async () => {},
  commissions: async () => assert.deepEqual(await shop.query('select * from attrib.check_commissions()'), []),
  reports: async () => assert.deepEqual(await shop.query("select sum(amount) from attrib.cost where site = 'reports-shop'"), [{ sum: '2920.06' }]),
};

for (const [guide, file] of Object.entries(GUIDES)) {
  test(file, async () => {
    ({ cookie, click } = await shop.click(`link-${guide}`));
    const blocks = blocksOf(file);
    for (const [i, block] of blocks.entries()) {
      if (block.kind === 'sh' || block.kind === 'js') {
        const answer = await run(guide, block);
        const said = blocks[i + 1]?.kind === 'text' ? inPlace(guide, blocks[i + 1].text) : '';
        assert.match(answer, pattern(said), `${file}:${block.line}`);
        await shop.quiet();
      } else if (block.kind === 'text') assert.match(blocks[i - 1]?.kind ?? '', /^(sh|js)$/, `${file}:${block.line}: an answer to nothing`);
      else if (block.kind === 'shown' && file !== 'README.md') assert.ok(SHOWN[file]?.[digest(block.text)], `${file}:${block.line}: a block that nobody knows: ${digest(block.text)}\n${block.text}`);
      else if (block.kind !== 'shown') assert.equal(block.kind, 'ini', `${file}:${block.line}: what is to be done with it?`);
    }
    const known = blocks.filter((b) => b.kind === 'shown').map((b) => digest(b.text));
    for (const [noted, who] of Object.entries(SHOWN[file] ?? {})) assert.ok(known.includes(noted), `${file} shows no ${noted} (${who}) any more`);
    await OUTCOMES[guide]();
  });
}

test('a stated answer that is not given is noticed', async () => {
  assert.doesNotMatch('{"accepted":0,"rejected":[]}', pattern('{"accepted":1,"rejected":[]}'));
  assert.doesNotMatch('a 1 b', pattern('a ... c'));
  assert.match('a 1\n2 b', pattern('a ... b\n'));
});
