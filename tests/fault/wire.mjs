// A stage (stage.mjs) with a proxy before its PostgreSQL: each history has a shop of its own, whose daemon
// goes through the proxy, and the server may be stopped and started while everything else goes on.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root, sleep } from '../e2e/support.mjs';
import { Log } from './checker.mjs';
import { Proxy } from './proxy.mjs';
import { Stage } from './stage.mjs';

// Its processes crash here, its machine does not: what was committed must be there afterwards.
const OPTIONS = '-c fsync=off -c log_min_messages=fatal -c max_connections=60 -c shared_buffers=64MB';

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch { return false; }
}

export class Wire {
  // settings: lines of [attribd] in place of workers and flush_interval; options: of the server.
  static async open(settings = 'workers = 2\nflush_interval = 50ms', options = OPTIONS) {
    const wire = new Wire();
    wire.settings = settings;
    wire.stage = await Stage.open(options);
    wire.proxy = await Proxy.open(wire.stage.server);
    return wire;
  }

  // A daemon that has never run before, a database that has the catalog and nothing else, an empty log.
  async fresh() {
    await this.answers();
    await this.shop?.close();
    this.played = false;
    this.shop = await this.stage.shop({ settings: this.settings, through: this.proxy });
    this.log = new Log();
    await this.shop.start();
  }

  // start or stop (fast: clients are sent away).
  async postgres(verb) {
    await promisify(execFile)(join(root, 'tools/private-postgres'), [verb, this.stage.server],
      { env: { ...process.env, ATTRIB_PG_OPTIONS: this.stage.options } });
  }

  // As a crash: no checkpoint, and a recovery at the next start.
  async stopImmediately() {
    const pid = Number(readFileSync(join(this.stage.server, 'data/postmaster.pid'), 'utf8').split('\n')[0]);
    process.kill(pid, 'SIGQUIT');
    while (isAlive(pid)) await sleep(5);
  }

  // The database as it is now, to be set back to; nobody is in it while it is copied.
  async keep() {
    await this.#alone((name) => [`CREATE DATABASE kept TEMPLATE ${name} STRATEGY file_copy`, `ALTER DATABASE ${name} ALLOW_CONNECTIONS true`]);
  }

  async setBack() {
    await this.#alone((name) => [`DROP DATABASE ${name}`, `ALTER DATABASE kept RENAME TO ${name}`]);
  }

  async #alone(statements) {
    const name = this.shop.database;
    for (const sql of [`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`,
      `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '${name}'`, ...statements(name)]) {
      await this.stage.pool.query(sql);
    }
  }

  // Everything has been sent and written: no flush is to come.
  async idle() {
    return this.played && this.written();
  }

  async written() {
    try {
      const { journal, sink } = await this.shop.status();
      return journal.committed === sink.flushed;
    } catch { return false; }
  }

  // Waits until PostgreSQL answers, whatever it recovers from, on all connections of our own.
  async answers() {
    for (let i = 0; i < 6000; i++) {
      try {
        await Promise.all([this.stage.pool, this.stage.pool].map((pool) => pool.query('SELECT 1')));
        return await this.shop?.query('SELECT 1');
      } catch { await sleep(10); }
    }
    throw new Error('PostgreSQL does not come back');
  }

  async close() {
    try {
      await this.proxy?.close();
      await this.shop?.kill();
      await this.answers();
      await this.shop?.close();
    } finally {
      await this.stage.close();
    }
  }
}
