// Every catalog table of the contract takes all of its columns, replaces by key and keeps history.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { attribd, Shop } from './support.mjs';

let shop;
// two sites: none is the only one
before(async () => { shop = await Shop.open({ start: false, site: '[site beta]\nwrite_key = beta-secret-key\n' }); });
after(() => shop.close());

// table: [header, row, another row with the same key, column that differs, its value then]
const TABLES = {
  creator: ['site,handle,name,platform,tier,followers', 'acme,ann,Ann,instagram,mid,50000', 'acme,ann,Ann,instagram,macro,60000', 'tier', 'macro'],
  creator_account: ['site,creator,platform,handle,tier,valid_from', 'acme,ann,tiktok,ann.t,nano,2026-01-01', 'acme,ann,tiktok,ann.t,micro,2026-01-01', 'tier', 'micro'],
  campaign: ['site,name,goal,starts_on,ends_on,currency,budget,window,code_rule', 'acme,spring,awareness,2026-01-01,2026-06-30,EUR,5000.00,14d,fallback', 'acme,spring,conversion,2026-01-01,2026-06-30,EUR,5000.00,30d,always', 'goal', 'conversion'],
  placement: ['site,name,campaign,creator,platform,content_type,posted_at,url,paid', 'acme,post-1,spring,ann,instagram,reel,2026-02-01T12:00:00,https://i.example/1,true', 'acme,post-1,spring,ann,instagram,story,2026-02-01 12:00,https://i.example/1,false', 'content_type', 'story'],
  tracker: ['site,kind,key,creator,campaign,placement,destination,valid_from,valid_to,window,code_rule,generic', 'acme,code,ANN10,ann,spring,post-1,,2026-01-01,2026-07-01,30d,always,false', 'acme,code,ann10,ann,spring,post-1,,2026-01-01,2026-08-01,36h,never,false', 'code_rule', 'never'],
  cost: ['site,cost_id,campaign,creator,placement,kind,amount,currency,incurred_on,covers_from,covers_to', 'acme,c1,spring,ann,post-1,fee,100.00,EUR,2026-02-01,2026-02-01,2026-02-28', 'acme,c1,spring,ann,post-1,fee,120.50,EUR,2026-02-01,2026-02-01,2026-02-28', 'amount', '120.50'],
  post_metrics: ['site,placement,taken_at,scope,mode,impressions,reach,likes,comments,shares,saves,reactions,clicks,views,views_6s,views_completed,watch_seconds,new_followers', 'acme,post-1,2026-02-03,organic,cumulative,1,2,3,4,5,6,7,8,9,10,11,12.5,13', 'acme,post-1,2026-02-03,organic,cumulative,2,2,3,4,5,6,7,8,9,10,11,12.5,13', 'impressions', '2'],
  follower_count: ['site,owner,creator,platform,counted_on,followers', 'acme,brand,,instagram,2026-01-01,1000', 'acme,brand,,instagram,2026-01-01,1001', 'followers', '1001'],
  rate_card: ['site,platform,action,value,currency,valid_from', 'acme,instagram,cpm,5.00,EUR,2026-01-01', 'acme,instagram,cpm,6.00,EUR,2026-01-01', 'value', '6.00'],
  exchange_rate: ['base,quote,rate,valid_on', 'USD,EUR,0.9,2026-01-01', 'USD,EUR,0.92,2026-01-01', 'rate', '0.92'],
  kpi_target: ['site,metric,scope,scope_key,target,direction,primary,deadline', 'acme,roi,campaign,spring,0.5,up,true,2026-06-30', 'acme,roi,campaign,spring,0.6,up,false,2026-06-30', 'target', '0.6'],
  order_claim: ['site,order_id,platform,creator,amount,currency', 'acme,1001,meta,ann,100.00,EUR', 'acme,1001,meta,ann,90.00,EUR', 'amount', '90.00'],
};

const run = (...args) => new Promise((done) => {
  execFile(attribd, args, (error, stdout, stderr) => done({ code: error ? error.code : 0, stdout, stderr }));
});
const file = (name, text) => {
  const path = join(shop.dir, name);
  writeFileSync(path, text);
  return path;
};

for (const [table, [header, first, second, column, value]] of Object.entries(TABLES)) {
  test(`import ${table}`, async () => {
    for (const row of [first, second]) {
      const got = await run('import', table, file(`${table}.csv`, `${header}\n${row}\n`), '-c', shop.config);
      assert.equal(got.code, 0, got.stderr);
    }
    assert.deepEqual(await shop.query(`select "${column}"::text as v from attrib.${table}`), [{ v: value }]);
    const history = await shop.query(`select "${column}"::text as v from attrib.${table}_history order by recorded_at`);
    assert.equal(history.length, 2);
    assert.equal(history[1].v, value);
  });
}

test('quoted fields, CRLF, a byte order mark and columns in another order', async () => {
  const got = await run('import', 'creator', file('q.csv', '\ufeff"name","handle",site\r\n"Bob ""B"", Jr.",bob,acme\r\n"Line\nbreak",cat,acme\r\n'), '-c', shop.config);
  assert.equal(got.code, 0, got.stderr);
  assert.deepEqual(await shop.query("select handle, name from attrib.creator where handle <> 'ann' order by 1"), [{ handle: 'bob', name: 'Bob "B", Jr.' }, { handle: 'cat', name: 'Line\nbreak' }]);
});

test('periods of one key may follow one another and not overlap', async () => {
  const header = 'site,kind,key,creator,valid_from,valid_to\n';
  const good = await run('import', 'tracker', file('p.csv', `${header}acme,code,SEQ,ann,2026-01-01,2026-02-01\nacme,code,seq,bob,2026-02-01,\n`), '-c', shop.config);
  assert.equal(good.code, 0, good.stderr);
  const bad = await run('import', 'tracker', file('p.csv', `${header}acme,code,SEQ,ann,2026-01-15,2026-01-20\n`), '-c', shop.config);
  assert.equal(bad.code, 65, bad.stderr);
});

test('exit codes', async () => {
  const codes = {};
  const bad = file('bad.conf', '[attribd]\nwat = 1\n');
  const away = file('away.conf', `[attribd]\nlisten = 127.0.0.1:1\nadmin_listen = 127.0.0.1:2\nstate_dir = ${shop.dir}/s2\npostgres = host=127.0.0.1 port=1 dbname=x\n[site acme]\nwrite_key = 0123456789abcdef\n`);
  codes.usage = (await run('import')).code;
  codes.table = (await run('import', 'nonsense', 'x', '-c', shop.config)).code;
  codes.option = (await run('serve', '--wat')).code;
  codes.config = (await run('import', 'creator', 'x', '-c', bad)).code;
  codes.noConfig = (await run('check-config', '-c', '/nonexistent.conf')).code;
  codes.noFile = (await run('import', 'creator', '/nonexistent.csv', '-c', shop.config)).code;
  codes.away = (await run('migrate', '-c', away)).code;
  codes.awayReport = (await run('report', 'roi', '-c', away)).code;
  codes.data = (await run('import', 'creator', file('b.csv', 'site,handle\nnobody,ann\n'), '-c', shop.config)).code;
  codes.header = (await run('import', 'creator', file('b.csv', 'site,handle,wat\nacme,ann,1\n'), '-c', shop.config)).code;
  codes.dates = (await run('report', 'roi', '--from', 'yesterday', '--to', '2026-01-01', '-c', shop.config)).code;
  codes.journal = (await run('journal', 'verify', '/nonexistent')).code;
  codes.format = (await run('report', 'roi', '--format', 'xml', '-c', shop.config)).code;
  assert.deepEqual(codes, { usage: 64, table: 64, option: 64, config: 78, noConfig: 78, noFile: 74, away: 69, awayReport: 69, data: 65, header: 65, dates: 64, journal: 74, format: 64 });
});

test('report knows the views by name', async () => {
  for (const name of ['roi', 'cac', 'double_count', 'double_count_by_channel', 'order_credit', 'conversion_status', 'path_step', 'traffic_daily', 'unknown_tracker']) {
    for (const more of [[], ['--site', 'acme'], ...(/path_step|unknown_tracker/.test(name) ? [] : [['--from', '2026-01-01', '--to', '2026-12-31']])]) {
      const got = await run('report', name, '-c', shop.config, '--format', 'json', ...more);
      assert.equal(got.code, 0, `${name} ${more}: ${got.stderr}`);
      assert.ok(Array.isArray(JSON.parse(got.stdout)));
    }
  }
});
