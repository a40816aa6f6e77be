// The engine behind a pipe: attrib-play, several histories in flight.

import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = resolve(fileURLToPath(new URL('../..', import.meta.url)));
const PLAY = process.env.ATTRIB_PLAY ?? `${root}/build/check/tests/property/attrib-play`;

export class Player {
  #process;
  #waiting = []; // of each arrival: its rows and what to call with them

  constructor(args = []) {
    this.#process = spawn(PLAY, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#process.stdin.on('error', () => {}); // the exit says more
    createInterface({ input: this.#process.stdout }).on('line', (line) => this.#read(line));
    this.#process.on('exit', (code, signal) => this.#end(new Error(`attrib-play ended (${code ?? signal})`)));
  }

  // Plays one arrival in an engine that knows nothing; its rows.
  play(lines) {
    const text = [{ reset: true }, ...lines, { flush: true }, { reset: true }].map((o) => JSON.stringify(o)).join('\n');
    return new Promise((done, fail) => {
      this.#waiting.push({ rows: [], flushes: 1 + lines.filter((l) => l.flush).length, done, fail });
      this.#process.stdin.write(`${text}\n`);
    });
  }

  #read(line) {
    const [first] = this.#waiting;
    if (!first) return; // the end of input is a flush of its own
    const row = JSON.parse(line);
    if (row.rejected) throw new Error(`an event was rejected: ${line}`);
    if (row.flushed === undefined) {
      first.rows.push(row);
      return;
    }
    first.flushes -= 1;
    if (first.flushes > 0) return;
    this.#waiting.shift();
    first.done(first.rows);
  }

  #end(error) {
    for (const { fail } of this.#waiting.splice(0)) fail(error);
  }

  // Lets it write what is left and waits for its end.
  end() {
    const gone = new Promise((done) => { this.#process.on('exit', done); });
    this.#process.stdin.end();
    return gone;
  }

  close() {
    this.#waiting = [];
    this.#process.stdin.end();
  }
}
