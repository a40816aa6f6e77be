// A proxy between the daemon and PostgreSQL that understands how the protocol (v3) frames its messages, so
// that it can cut a connection exactly between two of them, or in the middle of one. It listens on a port of
// its own and talks to the server's Unix socket.
//
// A flush begins with the query of which FLUSH_BEGINS is the text and ends when the server is ready again
// after COMMIT: what is to happen within a flush is counted from there, per direction, from 1.

import { connect, createServer } from 'node:net';
import { join } from 'node:path';

const FLUSH_BEGINS = /^BEGIN; DISCARD PLANS/;
const LENGTH_BYTES = 4;
export const CLIENT = 'client';
export const SERVER = 'server';

// Cuts a stream into whole messages: a type and a length that counts itself. The first one of a client has
// no type.
class Frames {
  constructor(startup) {
    this.typed = !startup;
    this.rest = Buffer.alloc(0);
  }

  push(chunk) {
    this.rest = this.rest.length ? Buffer.concat([this.rest, chunk]) : chunk;
    const messages = [];
    for (;;) {
      const head = this.typed ? 1 : 0;
      if (this.rest.length < head + LENGTH_BYTES) return messages;
      const size = head + this.rest.readInt32BE(head);
      if (this.rest.length < size) return messages;
      messages.push(this.rest.subarray(0, size));
      this.rest = this.rest.subarray(size);
      this.typed = true;
    }
  }
}

const typeOf = (message) => String.fromCharCode(message[0]);
const textOf = (message) => message.subarray(1 + LENGTH_BYTES, -1).toString();

class Pair {
  constructor(proxy, client) {
    this.proxy = proxy;
    this.sockets = { client, server: connect(proxy.target) };
    this.dead = proxy.swallowing;
    this.left = false; // the daemon has closed it
    client.once('close', () => { this.left = true; });
    this.held = []; // what the client sent while a flush is replayed
    const frames = { client: new Frames(true), server: new Frames(false) };
    for (const [from, to] of [[CLIENT, SERVER], [SERVER, CLIENT]]) {
      const [source, target] = [this.sockets[from], this.sockets[to]];
      source.on('data', (chunk) => { for (const message of frames[from].push(chunk)) this.take(from, message); });
      source.on('end', () => { if (!this.dead) target.end(); });
      source.on('close', () => { if (!this.dead) target.destroy(); proxy.pairs.delete(this); });
      source.on('error', () => this.cut());
    }
  }

  cut() {
    for (const socket of Object.values(this.sockets)) socket.destroy();
  }

  pass(from, bytes) {
    if (this.dead) return;
    const target = this.sockets[from === CLIENT ? SERVER : CLIENT];
    const source = this.sockets[from];
    if (!target.destroyed && !target.write(bytes) && !source.isPaused()) {
      source.pause();
      target.once('drain', () => source.resume());
    }
  }

  take(from, message) {
    if (from === SERVER && typeOf(message) === 'K') this.backend = message.readInt32BE(1 + LENGTH_BYTES);
    if (this.replaying) {
      this.duringReplay(from, message);
      return;
    }
    if (from === CLIENT && typeOf(message) === 'Q' && FLUSH_BEGINS.test(textOf(message))) {
      this.flush = { client: 0, server: 0, sent: [], kinds: { client: [], server: [] } };
      this.isFlush = true;
    }
    if (this.flush && this.cutsAt(from, message)) return;
    this.pass(from, message);
    if (this.flush && this.ends(from, message)) this.flushed();
  }

  // Counts a message of a flush; true: this was the one.
  cutsAt(from, message) {
    const { flush, proxy } = this;
    flush[from] += 1;
    flush.kinds[from].push(from === SERVER || typeOf(message) !== 'Q' ? typeOf(message) : `Q ${textOf(message)}`);
    if (proxy.recording && from === CLIENT) flush.sent.push(message);
    const { plan } = proxy;
    if (!plan || plan.from !== from || plan.n !== flush[from]) return false;
    proxy.plan = undefined;
    if (plan.act) {
      plan.act(this);
      return false;
    }
    if (plan.half) this.pass(from, message.subarray(0, Math.ceil(message.length / 2)));
    const last = flush.kinds.client.at(-1);
    // A half must have left before its connection goes.
    setImmediate(() => this.cut());
    this.dead = true;
    plan.fired({ kind: flush.kinds[from].at(-1), last });
    return true;
  }

  ends(from, message) {
    const commits = this.flush.kinds.client.at(-1) === 'Q COMMIT';
    return from === SERVER && commits && typeOf(message) === 'Z';
  }

  flushed() {
    const { flush, proxy } = this;
    this.flush = undefined;
    proxy.flushes += 1;
    proxy.lastFlush = flush;
    if (proxy.recording && flush.sent.length) {
      proxy.recording = false;
      proxy.replays += 1;
      this.replaying = flush.sent.length;
      for (const message of flush.sent) this.pass(CLIENT, message);
    }
  }

  // The server's answers to what it hears for the second time are nobody's.
  duringReplay(from, message) {
    if (from === CLIENT) {
      this.held.push(message);
      return;
    }
    if (typeOf(message) === 'C' && textOf(message) === 'COMMIT') this.committed = true;
    if (!(this.committed && typeOf(message) === 'Z')) return;
    this.replaying = undefined;
    this.committed = false;
    for (const held of this.held.splice(0)) this.take(CLIENT, held);
  }
}

export class Proxy {
  pairs = new Set();
  flushes = 0;
  replays = 0;
  swallowing = false;

  // server: the directory of its socket.
  static async open(server) {
    const proxy = new Proxy();
    proxy.target = join(server, '.s.PGSQL.5432');
    proxy.server = createServer((socket) => {
      const pair = new Pair(proxy, socket);
      proxy.pairs.add(pair);
      if (proxy.swallowing) proxy.swallowed.push(pair);
    });
    await new Promise((done) => { proxy.server.listen(0, '127.0.0.1', done); });
    return proxy;
  }

  conninfo(database) {
    const { port } = this.server.address();
    return `host=127.0.0.1 port=${port} user=attrib dbname=${database} sslmode=disable gssencmode=disable connect_timeout=2`;
  }

  // Cuts at message n from that side (CLIENT, SERVER) of the next flush that has so many, before it is passed
  // on, or after half of it. What the server says has happened by then. Resolves with what was cut:
  // {kind: type of that message, last: the client's last message}.
  cutAt(from, n, half = false) {
    return new Promise((fired) => { this.plan = { from, n, half, fired }; });
  }

  // Resolves with what act(pair) returned, called when message n of a flush arrives there. pair.backend is the
  // server's process, pair.left says whether the daemon has closed the connection.
  meet(from, n, act) {
    return new Promise((fired) => { this.plan = { from, n, act: (pair) => fired(act(pair)), fired }; });
  }

  // What has not happened will not: its promise resolves with undefined.
  disarm() {
    this.plan?.fired(undefined);
    this.plan = undefined;
  }

  // Cuts everything that is open; returns how many connections there were.
  cutAll() {
    const n = this.pairs.size;
    for (const pair of this.pairs) pair.cut();
    return n;
  }

  // The black hole: connections stay open, and what is written into them goes nowhere. pass() lets new ones
  // through; those that fell in stay there. Returns them, and whoever falls in later is added.
  swallow() {
    this.swallowing = true;
    this.swallowed = [...this.pairs];
    for (const pair of this.swallowed) pair.dead = true;
    return this.swallowed;
  }

  pass() { this.swallowing = false; }

  // The next whole flush is played to the server a second time, whatever it answers.
  replayNext() { this.recording = true; }

  async close() {
    this.cutAll();
    await new Promise((done) => { this.server.close(done); });
  }
}
