// What every end-to-end test needs: a private PostgreSQL, the real daemon, and a way to wait until
// what was acknowledged is counted.

import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';

export const root = resolve(fileURLToPath(new URL('../..', import.meta.url)));
export const attribd = process.env.ATTRIBD ?? join(root, 'build/check/daemon/attribd');
const run = promisify(execFile);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
export { pg, sleep };

export const WRITE_KEY = 'test-secret-key';
export const PUBLIC_KEY = 'test-public-key';

// The kernel may name a port again as soon as it is closed; nobody gets one that another has.
const given = new Set();
export function freePort() {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      const taken = given.has(port);
      given.add(port);
      server.close(() => done(taken ? freePort() : port));
    });
  });
}

// As fetch; a failure says of what, and why.
async function ask(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    throw new Error(`${url}: ${error.cause?.message ?? error.message}`, { cause: error.cause });
  }
}

// until(what, holds): asks for a minute or more until it is so. shops(): whose logs tell why it is not.
export const untilFor = (shops) => async (what, holds) => {
  for (let i = 0; i < 6000; i++) {
    if (await holds()) return;
    await sleep(10);
  }
  throw new Error(`${what}\n${shops().map((shop) => shop?.log).join('\n--\n')}`);
};

// A shop: its own directory, database, configuration and daemon. Always `await shop.close()`.
export class Shop {
  static async open(options) {
    const shop = new Shop();
    try {
      await shop.prepare(options ?? {});
    } catch (error) {
      await shop.close();
      throw error;
    }
    return shop;
  }

  async prepare({ settings = '', site = '', catalog = {}, start = true, global = '', program }) {
    this.program = program; // another build of attribd
    this.dir = mkdtempSync(join(tmpdir(), 'attribd-e2e-'));
    this.postgresDir = join(this.dir, 'pg');
    execFileSync('chmod', ['755', this.dir]);
    mkdirSync(join(this.dir, 'state'));
    this.startPostgres();
    this.port = await freePort();
    this.adminPort = await freePort();
    this.base = `http://127.0.0.1:${this.port}`;
    this.admin = `http://127.0.0.1:${this.adminPort}`;
    this.config = join(this.dir, 'attribd.conf');
    this.writeConfig({ settings, site, global });
    await this.cli('migrate', '-c', this.config);
    for (const [table, csv] of Object.entries(catalog)) await this.import(table, csv);
    if (start) await this.start();
  }

  // Where a disk is busy a sync takes longer than webhooks wait by default, and their requests are closed without a status.
  writeConfig({ settings = '', site = '', global = '', postgres = this.conninfo } = {}) {
    writeFileSync(this.config, `[attribd]
listen = 127.0.0.1:${this.port}
admin_listen = 127.0.0.1:${this.adminPort}
state_dir = ${join(this.dir, 'state')}
postgres = ${postgres}
workers = 2
flush_interval = 50ms
webhook_timeout = 30s
${settings}
[site acme]
write_key = ${WRITE_KEY}
public_key = ${PUBLIC_KEY}
time_zone = Europe/Berlin
currency = EUR
customer_history = complete
${site}
${global}
`);
  }

  // A daemon with a state directory and doors of its own on the same database.
  async sibling(name, state) {
    const made = Object.assign(new Shop(), { program: this.program, dir: this.dir, conninfo: this.conninfo, port: await freePort(), adminPort: await freePort() });
    made.base = `http://127.0.0.1:${made.port}`;
    made.admin = `http://127.0.0.1:${made.adminPort}`;
    made.config = join(this.dir, `${name}.conf`);
    writeFileSync(made.config, readFileSync(this.config, 'utf8').replace(`:${this.port}`, `:${made.port}`)
      .replace(`:${this.adminPort}`, `:${made.adminPort}`).replace(/state_dir = .*/, `state_dir = ${state}`));
    return made;
  }

  // A sibling with a directory of that name, in which there is the installation's secret and nothing else yet; change:
  // of its configuration.
  async instance(name, change = (text) => text) {
    const state = join(this.dir, name);
    mkdirSync(state);
    cpSync(join(this.dir, 'state', 'secret'), join(state, 'secret'));
    const made = await this.sibling(name, state);
    writeFileSync(made.config, change(readFileSync(made.config, 'utf8')));
    return made;
  }

  startPostgres() {
    this.conninfo = execFileSync(join(root, 'tools/private-postgres'), ['start', this.postgresDir],
      { env: { ...process.env, ATTRIB_PG_OPTIONS: '-c fsync=off -c log_min_messages=fatal' } }).toString().trim();
  }

  stopPostgres() {
    execFileSync(join(root, 'tools/private-postgres'), ['stop', this.postgresDir]);
  }

  // Runs a subcommand; returns its standard output, throws with .code and .stderr.
  async cli(...args) {
    return (await run(this.program ?? attribd, args, { maxBuffer: 64 << 20 })).stdout;
  }

  async import(table, csv) {
    const file = join(this.dir, `${table}.csv`);
    writeFileSync(file, csv);
    return this.cli('import', table, file, '-c', this.config);
  }

  async start({ ready = true, env = {} } = {}) {
    this.log = '';
    this.exit = undefined;
    const [program, ...args] = [...(this.within ?? []), this.program ?? attribd, 'serve', '-c', this.config]; // within: a command that runs it
    this.process = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    const keep = (chunk) => { this.log += chunk; };
    this.process.stdout.on('data', keep);
    this.process.stderr.on('data', keep);
    this.exited = new Promise((done) => {
      const closed = new Promise((over) => { this.process.once('close', over); });
      this.process.once('exit', async (code, signal) => {
        await Promise.race([closed, sleep(1000)]); // its last words may still be on their way
        this.exit = { code, signal };
        done(this.exit);
      });
    });
    if (!ready) return;
    for (let i = 0; i < 3000; i++) {
      if (this.exit) throw new Error(`attribd exited ${JSON.stringify(this.exit)}:\n${this.log}`);
      try {
        if ((await fetch(`${this.admin}/readyz`)).ok) return;
      } catch { /* not listening yet */ }
      await sleep(10);
    }
    throw new Error(`attribd did not become ready:\n${this.log}`);
  }

  async kill(signal = 'SIGKILL') {
    if (!this.process || this.exit) return this.exit;
    this.process.kill(signal);
    return this.exited;
  }

  async stop() {
    return this.kill('SIGTERM');
  }

  async restart() {
    await this.stop();
    await this.start();
  }

  async status() {
    return (await ask(`${this.admin}/v1/status`)).json();
  }

  // What one line of /metrics counts; sample: its name, with its labels.
  async metric(sample) {
    const text = await (await ask(`${this.admin}/metrics`)).text();
    const number = text.split('\n').find((line) => line.startsWith(`${sample} `))?.slice(sample.length + 1);
    assert.match(number ?? 'nothing', /^\d+$/, sample);
    return Number(number);
  }

  // Everything acknowledged is in PostgreSQL. At least `records` of them, when given.
  async quiet(records = 0) {
    let s;
    for (let i = 0; i < 18000; i++) {
      if (this.exit) throw new Error(`attribd exited ${JSON.stringify(this.exit)}:\n${this.log}`);
      s = await this.status();
      const { committed } = s.journal;
      if (committed >= records && s.engine.applied === committed && s.sink.flushed === committed) return s;
      await sleep(10);
    }
    throw new Error(`not quiet: ${JSON.stringify(s)}\n${this.log}`);
  }

  // A connection of one's own; always `await client.end()`.
  async connect() {
    const host = /host=(\S+)/.exec(this.conninfo)[1];
    const client = new pg.Client({ host, user: 'attrib', database: 'attrib' });
    await client.connect();
    return client;
  }

  async query(sql, params = []) {
    const client = await this.connect();
    try {
      return (await client.query(sql, params)).rows;
    } finally {
      await client.end();
    }
  }

  events(body, { key = WRITE_KEY, type } = {}) {
    const lines = Array.isArray(body) && type === 'application/x-ndjson';
    return ask(`${this.base}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': type ?? 'application/json' },
      body: lines ? body.map((e) => JSON.stringify(e)).join('\n') : typeof body === 'string' ? body : JSON.stringify(body),
    });
  }

  pixel(params, options = {}) {
    return ask(`${this.base}/p.gif?${new URLSearchParams({ site: 'acme', ...params })}`, {
      ...options, headers: { 'user-agent': BROWSER, ...options.headers },
    });
  }

  // Follows a creator's link as far as the shop's door: {response, location, cookie, click}.
  async click(link, { headers = {}, query = '' } = {}) {
    const response = await ask(`${this.base}/c/${link}${query}`, {
      redirect: 'manual', headers: { 'user-agent': BROWSER, ...headers },
    });
    const location = response.headers.get('location');
    const cookies = response.headers.getSetCookie?.() ?? [response.headers.get('set-cookie') ?? ''];
    const cookie = cookies.map((c) => /attr_vid=([^;]+)/.exec(c)?.[1]).find(Boolean);
    return { response, location, cookie, click: location && new URL(location).searchParams.get('attr_click') };
  }

  async close() {
    await this.kill('SIGKILL');
    try {
      execFileSync(join(root, 'tools/private-postgres'), ['destroy', this.postgresDir]);
    } finally {
      rmSync(this.dir, { recursive: true, force: true });
    }
  }
}

export const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0';

// The small catalog that most tests use: two creators, each with a link, an affiliate id and a code.
export const CATALOG = {
  creator: 'site,handle,name,platform,tier,followers\nacme,ann,Ann,instagram,mid,50000\nacme,bob,Bob,tiktok,micro,9000\n',
  campaign: 'site,name,goal,starts_on,ends_on,currency,budget\nacme,spring,conversion,2026-01-01,2030-01-01,EUR,5000.00\n',
  placement: 'site,name,campaign,creator,platform,content_type,url,paid\nacme,ann-post,spring,ann,instagram,post,https://i.example/1,false\n',
  tracker: `site,kind,key,creator,campaign,placement,destination
acme,link,ann-link,ann,spring,ann-post,https://shop.example/p?x=1#top
acme,link,bob-link,bob,spring,,https://shop.example/
acme,affiliate,ann,ann,spring,,
acme,affiliate,bob,bob,spring,,
acme,utm,tiktok/video/bob,bob,spring,,
acme,code,ANN10,ann,spring,,
acme,code,BOB10,bob,spring,,
`,
};
