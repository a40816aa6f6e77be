// Many shops on one PostgreSQL, so that a fault's shop costs a moment: each has a copy of one prepared
// database, and a state directory that is empty or a copy of one.

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CATALOG, Shop, freePort, pg, root } from '../e2e/support.mjs';
import { Disk, readLog } from './disk.mjs';

export const SHIM = process.env.ATTRIB_SHIM ?? join(root, 'build/check/tests/fault/attrib-shim.so');
// Each point has a database of its own, whose few rows would be asked for by programs that are compiled anew.
const FAST = '-c jit=off -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c log_min_messages=fatal -c max_connections=60 -c shared_buffers=64MB';

// Small segments, so that the journal begins new ones within a hundred requests.
export const SETTINGS = 'workers = 1\njournal.segment_size = 16K\nflush_interval = 20ms';

export class Stage {
  shops = 0;

  // options: of the server.
  static async open(options = FAST) {
    const stage = new Stage();
    stage.options = options;
    stage.dir = mkdtempSync(join(tmpdir(), 'attribd-fault-'));
    execFileSync('chmod', ['755', stage.dir]);
    stage.postgres('start');
    stage.pool = new pg.Pool({ host: stage.server, user: 'attrib', database: 'postgres', max: 2 });
    stage.pool.on('error', () => {}); // a server that went away: the next query connects again
    const first = await stage.shop({ template: 'attrib' });
    await first.cli('migrate', '-c', first.config);
    for (const [table, csv] of Object.entries(CATALOG)) await first.import(table, csv);
    stage.template = await stage.keep(first);
    return stage;
  }

  get server() { return join(this.dir, 'pg'); }

  postgres(verb) {
    execFileSync(join(root, 'tools/private-postgres'), [verb, this.server], { env: { ...process.env, ATTRIB_PG_OPTIONS: this.options } });
  }

  // template: the database to copy; state: the state directory to copy, empty without; through: a proxy that
  // the daemon goes through.
  async shop({ template = this.template, state, settings = SETTINGS, through } = {}) {
    const shop = new FaultShop();
    this.shops += 1;
    await shop.prepareOn(this, `shop_${this.shops}`, { template, state, settings, through });
    return shop;
  }

  // Ends a shop whose database and state directory shops to come begin with.
  async keep(shop) {
    await shop.end();
    return shop.database;
  }

  async close() {
    await this.pool.end();
    this.postgres('destroy');
    rmSync(this.dir, { recursive: true, force: true });
  }
}

class FaultShop extends Shop {
  async prepareOn(stage, name, { template, state, settings, through }) {
    this.stage = stage;
    this.database = name;
    this.dir = join(stage.dir, name);
    this.state = join(this.dir, 'state');
    mkdirSync(this.dir);
    if (state) cpSync(state, this.state, { recursive: true });
    else mkdirSync(this.state, { mode: 0o700 });
    await stage.pool.query(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY file_copy`);
    this.conninfo = `host=${stage.server} user=attrib dbname=${name}`;
    this.port = await freePort();
    this.adminPort = await freePort();
    this.base = `http://127.0.0.1:${this.port}`;
    this.admin = `http://127.0.0.1:${this.adminPort}`;
    this.config = join(this.dir, 'attribd.conf');
    this.configure(settings, through);
  }

  configure(settings, through) {
    this.writeConfig({ postgres: through ? through.conninfo(this.database) : this.conninfo });
    writeFileSync(this.config, readFileSync(this.config, 'utf8').replace(/workers = .*\nflush_interval = .*\nwebhook_timeout = .*\n/, `${settings}\n`));
  }

  // A start under the shim. point: MODE:GROUP:N; lie: sync:GROUP or syncdir:GROUP; held: what lasts begins at once.
  async startShimmed({ point, lie, held = true } = {}) {
    this.starts = (this.starts ?? 0) + 1;
    this.callLog = join(this.dir, `calls-${this.starts}`);
    this.hold = join(this.dir, 'hold');
    if (held) this.holdBack();
    this.disk = new Disk(this.state);
    await this.start({ ready: false, env: {
      LD_PRELOAD: SHIM, ATTRIB_SHIM_DIR: this.state, ATTRIB_SHIM_LOG: this.callLog, ATTRIB_SHIM_HOLD: this.hold,
      ...(point && { ATTRIB_SHIM_POINT: point }), ...(lie && { ATTRIB_SHIM_LIE: lie }),
      // the shim stands before the sanitizer, which insists on being first
      ASAN_OPTIONS: [process.env.ASAN_OPTIONS, 'verify_asan_link_order=0'].filter(Boolean).join(':'),
    } });
  }

  // Faults that last begin, and end: the disk is full and has room again, syncs hang and return.
  holdBack() {
    writeFileSync(this.hold, '');
  }

  release() {
    rmSync(this.hold, { force: true });
  }

  // The calls of the last start under the shim.
  calls() {
    return existsSync(this.callLog) ? readLog(this.callLog) : [];
  }

  // Those calls happen to the disk as it was at that start.
  replay() {
    const calls = this.calls();
    for (const call of calls) this.disk.apply(call);
    return calls;
  }

  // The state directory becomes what a power cut leaves of it. r: torn.
  powerCut(r) {
    rmSync(this.state, { recursive: true });
    this.disk.cut(this.state, r);
  }

  async query(sql, params = []) {
    const forget = () => { this.client = undefined; }; // a server that went away: the next query connects again
    this.client ??= this.connect().then((client) => client.on('error', forget), (error) => { forget(); throw error; });
    return (await (await this.client).query(sql, params)).rows;
  }

  async connect() {
    const client = new pg.Client({ host: this.stage.server, user: 'attrib', database: this.database });
    await client.connect();
    return client;
  }

  // The daemon and every connection to the database are gone.
  async end() {
    await this.kill('SIGKILL');
    if (this.client) await (await this.client).end();
    this.client = undefined;
  }

  async close() {
    await this.end();
    await this.stage.pool.query(`DROP DATABASE IF EXISTS ${this.database} WITH (FORCE)`);
    rmSync(this.dir, { recursive: true, force: true });
  }
}
