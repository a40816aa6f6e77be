// A private Redis for a test: no port, nothing on disk but its log. Always `redis.close()`.
//
//   ATTRIB_REDIS   what stands before -server and -cli in the names of its programs (default: redis; a path, as of Valkey's)

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const PROGRAM = process.env.ATTRIB_REDIS ?? 'redis';

export class Redis {
  // options: of the server, at each start of it.
  static async open(...options) {
    const redis = Object.assign(new Redis(), { options });
    redis.dir = mkdtempSync(join(tmpdir(), 'attribd-redis-'));
    redis.socket = join(redis.dir, 'redis.sock');
    redis.url = `unix:${redis.socket}`;
    await redis.start();
    return redis;
  }

  async start(...options) {
    this.process = spawn(`${PROGRAM}-server`, ['--port', '0', '--unixsocket', this.socket, '--dir', this.dir, '--save', '',
      '--logfile', join(this.dir, 'log'), '--maxmemory-policy', 'noeviction', ...this.options, ...options], { stdio: 'ignore' });
    this.exited = new Promise((done) => { this.process.once('exit', done); });
    for (let i = 0; i < 2000; i++) {
      try {
        if (this.cli('ping') === 'PONG') return;
      } catch { /* not listening yet */ }
      await sleep(5);
    }
    throw new Error(`${PROGRAM}-server did not start`);
  }

  cli(...args) {
    return execFileSync(`${PROGRAM}-cli`, ['-s', this.socket, ...args], { stdio: ['ignore', 'pipe', 'ignore'] }).toString().trim();
  }

  async kill(signal = 'SIGKILL') {
    this.process.kill(signal);
    if (signal === 'SIGKILL') await this.exited;
  }

  async close() {
    await this.kill();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
