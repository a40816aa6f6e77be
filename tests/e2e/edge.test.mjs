// The HTTP edge as bytes: what two parsers could read differently is refused, the connection is
// closed, nothing after it is parsed and nothing is journaled.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { Shop, sleep } from './support.mjs';

let shop;
before(async () => { shop = await Shop.open(); });
after(() => shop.close());

// Sends bytes, returns {text, closed} after the server has been silent for a while or closed.
function raw(bytes, { wait = 300, pieces = 1 } = {}) {
  return new Promise((done, fail) => {
    const socket = connect(shop.port, '127.0.0.1');
    let text = '';
    let timer;
    const finish = (closed) => { clearTimeout(timer); socket.destroy(); done({ text, closed }); };
    const arm = () => { clearTimeout(timer); timer = setTimeout(() => finish(false), wait); };
    socket.on('data', (d) => { text += d.toString('latin1'); arm(); });
    socket.on('end', () => finish(true));
    socket.on('error', (e) => (text ? finish(true) : fail(e)));
    socket.on('connect', async () => {
      const buffer = Buffer.from(bytes, 'latin1');
      const step = Math.ceil(buffer.length / pieces);
      for (let i = 0; i < buffer.length; i += step) {
        if (socket.destroyed) return;
        socket.write(buffer.subarray(i, i + step));
        if (pieces > 1) await sleep(1);
      }
      arm();
    });
  });
}

const SMUGGLED = 'GET /p.gif?site=acme&e=visit&url=https://smuggled.example/ HTTP/1.1\r\nHost: a\r\n\r\n';
const post = (headers, body = '') => `POST /v1/beacon HTTP/1.1\r\nHost: a\r\n${headers}\r\n${body}`;

const REFUSED = {
  'Content-Length with Transfer-Encoding': post('Content-Length: 3\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
  'two Content-Length': post('Content-Length: 3\r\nContent-Length: 3\r\n', 'abc'),
  'Content-Length +3': post('Content-Length: +3\r\n', 'abc'),
  'Content-Length list': post('Content-Length: 3, 3\r\n', 'abc'),
  'Content-Length -1': post('Content-Length: -1\r\n', 'abc'),
  'Content-Length 0x3': post('Content-Length: 0x3\r\n', 'abc'),
  'empty Content-Length': post('Content-Length: \r\n', 'abc'),
  'Transfer-Encoding xchunked': post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'),
  'Transfer-Encoding gzip, chunked': post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'),
  'space before colon': post('Content-Length : 3\r\n', 'abc'),
  'empty header name': post(': x\r\n'),
  'folded header': post('X-A: b\r\n c\r\n'),
  'NUL in a header': post('X-A: b\0c\r\n'),
  'bare LF': 'GET /p.gif?site=acme HTTP/1.1\nHost: a\n\n',
  'bare CR': 'GET /p.gif?site=acme HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n',
  'no Host': 'GET /p.gif?site=acme HTTP/1.1\r\n\r\n',
  'two Hosts': 'GET /p.gif?site=acme HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n',
  'HTTP/1.9': 'GET /p.gif?site=acme HTTP/1.9\r\nHost: a\r\n\r\n',
  'foreign absolute form': 'GET http://other.example/p.gif?site=acme HTTP/1.1\r\nHost: a\r\n\r\n',
  'control byte in the target': 'GET /p.gif?site=ac\x01me HTTP/1.1\r\nHost: a\r\n\r\n',
  '8-bit byte in the target': 'GET /p.gif?site=ac\xe9me HTTP/1.1\r\nHost: a\r\n\r\n',
  'chunk size +3': post('Transfer-Encoding: chunked\r\n', '+3\r\nabc\r\n0\r\n\r\n'),
  'chunk size 0x3': post('Transfer-Encoding: chunked\r\n', '0x3\r\nabc\r\n0\r\n\r\n'),
  'bad chunk end': post('Transfer-Encoding: chunked\r\n', '3\r\nabcX\r\n0\r\n\r\n'),
  'target over 4 KiB': `GET /p.gif?site=acme&x=${'a'.repeat(5000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
  '65 headers': `GET /p.gif?site=acme HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(65)}\r\n`,
  'head over 8 KiB': `GET /p.gif?site=acme HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(9000)}\r\n\r\n`,
};
const STATUS = { 'HTTP/1.9': 505, 'target over 4 KiB': 414, '65 headers': 431, 'head over 8 KiB': 431,
  'Transfer-Encoding xchunked': 501, 'Transfer-Encoding gzip, chunked': 501 };

for (const [name, bytes] of Object.entries(REFUSED)) {
  test(`${name}: refused, closed, what follows is not parsed`, async () => {
    for (const pieces of [1, 7]) {
      const { text, closed } = await raw(bytes + SMUGGLED, { pieces });
      const statuses = [...text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map((m) => Number(m[1]));
      assert.equal(statuses.length, 1, text);
      const want = STATUS[name];
      if (want === 501) assert.ok([400, 501].includes(statuses[0]));
      else assert.equal(statuses[0], want ?? 400, text);
      assert.ok(closed, 'the connection is closed');
    }
  });
}

test('nothing of it was journaled', async () => {
  assert.equal((await shop.quiet()).journal.committed, 0);
});

test('pipelined requests are answered in order', async () => {
  const get = (path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
  const { text } = await raw(get('/p.gif?site=acme&e=visit&vid=p1') + get('/nothing') + get('/p.gif?site=acme&e=visit&vid=p2') + get('/v1/events'));
  assert.deepEqual([...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((m) => m[1]), ['200', '404', '200', '405']);
});

test('HTTP/1.0 with Content-Length works', async () => {
  const body = JSON.stringify({ type: 'visit', event_id: 'h10', url: 'https://shop.example/' });
  const { text, closed } = await raw(`POST /v1/events HTTP/1.0\r\nAuthorization: Bearer test-secret-key\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  assert.match(text, /^HTTP\/1\.[01] 200/);
  assert.ok(closed);
});

test('a chunked body, byte by byte', async () => {
  const body = JSON.stringify({ type: 'visit', event_id: 'chunk', url: 'https://shop.example/' });
  const half = body.length >> 1;
  const chunks = [body.slice(0, half), body.slice(half)].map((c) => `${c.length.toString(16)}\r\n${c}\r\n`).join('');
  const bytes = `POST /v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer test-secret-key\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`;
  const { text } = await raw(bytes, { pieces: bytes.length, wait: 500 });
  assert.match(text, /^HTTP\/1\.1 200/);
  assert.match(text, /"accepted":1/);
});

test('Expect: 100-continue, and 413 at once when the body would be too large', async () => {
  const ok = await raw('POST /v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer test-secret-key\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n');
  assert.match(ok.text, /^HTTP\/1\.1 100/);
  const large = await raw('POST /v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer test-secret-key\r\nExpect: 100-continue\r\nContent-Length: 2000000\r\n\r\n');
  assert.match(large.text, /^HTTP\/1\.1 413/);
  assert.ok(large.closed);
});
