// A proxy between the daemon and a Redis that speaks enough of the protocol (RESP2) to know where a request and a
// reply begin and end, and which reply belongs to which request. It listens on a port of its own and talks to the
// server's Unix socket.
//
// `plan` decides what becomes of each reply: plan({ words, reply, pair }) is called with the request's words (Buffers) and
// the reply's bytes, and returns nothing (passed on), or one of
//
//   { bytes }            these bytes instead, and on
//   { bytes, end: true } these bytes, then the connection is cut
//   { dribble: ms }      the reply byte by byte, and whatever follows it
//   { stream: n }        the reply's place is taken by n zero bytes behind `bytes`, as fast as they are taken
//   { hole: true }       nothing any more, and the connection stays open
//
// `ask` does for requests: ask({ words, request, pair }) returns nothing, { bytes, end: true }: so much of it reaches the
// server, then the connection is cut; or { answer }: the server never hears of it, and this is what the client is told.
// It may be a promise: what follows waits.

import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const CR = 13;
const CRLF_BYTES = 2;

// Where the value that begins at `at` ends, or -1: not all of it is there.
export function endOf(buffer, at) {
  const line = buffer.indexOf('\r\n', at);
  if (line < 0) return -1;
  const type = String.fromCharCode(buffer[at]);
  let next = line + CRLF_BYTES;
  if (type !== '$' && type !== '*') return next;
  const n = Number(buffer.toString('latin1', at + 1, line));
  if (type === '$') {
    if (n >= 0) next += n + CRLF_BYTES;
    return next <= buffer.length ? next : -1;
  }
  for (let i = 0; i < n; i++) {
    next = next < buffer.length ? endOf(buffer, next) : -1;
    if (next < 0) return -1;
  }
  return next;
}

// The bulks of a request.
function wordsOf(request) {
  const words = [];
  for (let at = request.indexOf('\r\n') + CRLF_BYTES; at < request.length;) {
    const line = request.indexOf(CR, at);
    const n = Number(request.toString('latin1', at + 1, line));
    words.push(request.subarray(line + CRLF_BYTES, line + CRLF_BYTES + n));
    at = line + n + 2 * CRLF_BYTES;
  }
  return words;
}

// Cuts a stream into whole values.
class Values {
  rest = Buffer.alloc(0);

  push(chunk) {
    this.rest = this.rest.length ? Buffer.concat([this.rest, chunk]) : chunk;
    const values = [];
    for (let end; this.rest.length && (end = endOf(this.rest, 0)) >= 0;) {
      values.push(this.rest.subarray(0, end));
      this.rest = this.rest.subarray(end);
    }
    return values;
  }
}

class Pair {
  constructor(proxy, client) {
    this.proxy = proxy;
    this.client = client;
    this.closed = new Promise((done) => { client.once('close', done); });
    this.server = connect(proxy.target);
    this.asked = []; // words of requests whose replies are to come; { answer }: nobody asked the server
    this.chain = { request: Promise.resolve(), reply: Promise.resolve() };
    client.setNoDelay(true);
    const values = { request: new Values(), reply: new Values() };
    client.on('data', (chunk) => this.each('request', values.request.push(chunk), (value) => this.request(value)));
    this.server.on('data', (chunk) => this.each('reply', values.reply.push(chunk), (value) => this.reply(value)));
    for (const socket of [client, this.server]) {
      socket.on('error', () => this.cut());
      socket.on('close', () => { this.cut(); proxy.pairs.delete(this); });
    }
  }

  // One after the other, also when one takes its time.
  each(what, values, take) {
    for (const value of values) this.chain[what] = this.chain[what].then(() => (this.dead || this.holed ? undefined : take(value)));
  }

  cut() {
    this.dead = true;
    this.client.destroy();
    this.server.destroy();
  }

  async request(request) {
    const words = wordsOf(request);
    const fate = await this.proxy.ask({ words, request, pair: this });
    if (!fate) {
      this.asked.push({ words });
      this.server.write(request);
    } else if (fate.answer) {
      this.asked.push({ answer: fate.answer });
      if (this.asked.length === 1) await this.answers();
    } else {
      this.dead = true;
      this.server.end(fate.bytes, () => this.cut());
    }
  }

  async reply(reply) {
    const { words } = this.asked.shift();
    const fate = await this.proxy.plan({ words, reply, pair: this });
    if (!fate) this.proxy.passed += 1;
    await this.tell(fate ?? { bytes: reply });
    await this.answers();
  }

  // Those that the server was never asked for, in their turn.
  async answers() {
    while (this.asked[0]?.answer) await this.tell({ bytes: this.asked.shift().answer });
  }

  async tell(fate) {
    if (this.dead) return;
    this.holed = fate.hole;
    if (fate.hole) return;
    for (const byte of fate.dribble ? fate.bytes : []) {
      if (this.dead) return;
      this.client.write(Buffer.from([byte]));
      await sleep(fate.dribble);
    }
    if (!fate.dribble) this.client.write(fate.bytes);
    if (fate.stream) await this.stream(fate.stream);
    if (fate.end) {
      this.dead = true;
      this.client.end(() => this.cut());
    }
  }

  async stream(bytes) {
    const zeros = Buffer.alloc(1 << 20);
    for (this.streamed = 0; this.streamed < bytes && !this.dead; this.streamed += zeros.length) {
      if (this.client.write(zeros)) continue;
      await Promise.race([new Promise((done) => { this.client.once('drain', done); }), this.closed]);
    }
  }
}

export class RedisProxy {
  pairs = new Set();
  passed = 0; // replies as they were
  plan = () => undefined;
  ask = () => undefined;

  // socket: the server's.
  static async open(socket) {
    const proxy = new RedisProxy();
    proxy.target = socket;
    proxy.listener = createServer((client) => proxy.pairs.add(new Pair(proxy, client)));
    await new Promise((done) => { proxy.listener.listen(0, '127.0.0.1', done); });
    proxy.url = `redis://127.0.0.1:${proxy.listener.address().port}`;
    return proxy;
  }

  // Whatever is planned is over.
  pass() {
    this.plan = () => undefined;
    this.ask = () => undefined;
  }

  async close() {
    for (const pair of this.pairs) pair.cut();
    await new Promise((done) => { this.listener.close(done); });
  }
}
