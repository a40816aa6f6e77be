// A real browser in front of a real attribd: Debian's Chromium, one TLS server for all host names of a
// story, which serves pages and passes the rest on to the daemon, and a list of what the pages sent.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { root, sleep } from './support.mjs';

const CHROMIUM = '/usr/bin/chromium';
// The name of the browser without its "Headless", by which it would be a robot.
const PERSON = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0.0.0 Safari/537.36';
// What the guide tells shops to put into their pages.
const SNIPPET = /<!-- snippet -->\s*((?: {4}.*\n)+)/.exec(readFileSync(join(root, 'docs/tag.md'), 'utf8'))[1];

function certificate() {
  const dir = mkdtempSync(join(tmpdir(), 'attribd-tls-'));
  try {
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
      '-subj', '/CN=*.example', '-keyout', join(dir, 'key'), '-out', join(dir, 'cert')], { stdio: 'ignore' });
    return { key: readFileSync(join(dir, 'key')), cert: readFileSync(join(dir, 'cert')) };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function text(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts).toString();
}

// Always `await web.close()`.
export class Web {
  static async open(shop) {
    if (!existsSync(CHROMIUM)) throw new Error(`${CHROMIUM} is missing; the browser tests need it: apt-get install chromium`);
    const web = Object.assign(new Web(), { shop, sent: [], pages: new Map(), got: [] });
    try {
      await web.start();
    } catch (error) {
      await web.close();
      throw error;
    }
    return web;
  }

  async start() {
    this.server = createServer(certificate(), (req, res) => this.serve(req, res).catch(() => res.destroy()));
    await new Promise((done) => { this.server.listen(0, '127.0.0.1', done); });
    this.browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-features=HttpsUpgrades',
      `--host-resolver-rules=MAP * 127.0.0.1:${this.server.address().port}`] });
  }

  async close() {
    await this.browser?.close();
    this.server?.closeAllConnections();
    await new Promise((done) => { this.server ? this.server.close(done) : done(); });
  }

  // What a host serves at a path; '/*' stands for all that has no page of its own.
  page(host, path, body) {
    this.pages.set(host + path, body);
  }

  async serve(req, res) {
    const { host } = req.headers;
    const path = req.url.split('?')[0];
    const page = this.pages.get(host + path) ?? this.pages.get(`${host}/*`);
    if (page === undefined) return this.pass(req, res);
    if (req.method === 'POST') this.got.push({ url: req.url, body: await text(req) });
    res.setHeader('content-type', 'text/html; charset=utf-8');
    res.end(page);
    return undefined;
  }

  // To the daemon, as a proxy would. What pages send is noted: the event, its host and headers.
  async pass(req, res) {
    const body = await text(req);
    const { port } = new URL(this.shop.base);
    const upstream = request({ host: '127.0.0.1', port, method: req.method, path: req.url,
      headers: { ...req.headers, 'content-length': Buffer.byteLength(body), 'x-forwarded-for': '198.51.100.7' } });
    upstream.end(body);
    const answer = await new Promise((done, fail) => { upstream.once('response', done).once('error', fail); });
    const out = [];
    for await (const part of answer) out.push(part);
    if (req.method === 'POST')
      this.sent.push({ ...JSON.parse(body), to: req.headers.host + req.url, headers: req.headers, status: answer.statusCode, cookies: answer.headers['set-cookie'] ?? [] });
    res.writeHead(answer.statusCode, answer.headers);
    res.end(Buffer.concat(out));
  }

  // A browser that has never been anywhere. `before` runs in every page before its own scripts.
  async visitor({ before, ...options } = {}) {
    const context = await this.browser.newContext({ ignoreHTTPSErrors: true, userAgent: PERSON, ...options });
    if (before) await context.addInitScript(before);
    this.sent.length = this.got.length = 0;
    return context;
  }

  // Waits until so many events were sent that pass; they are returned, oldest first.
  async events(n, passes = () => true) {
    let found;
    for (let i = 0; i < 2000; i++) {
      found = this.sent.filter(passes);
      if (found.length >= n) return found;
      await sleep(5);
    }
    throw new Error(`${n} events expected, sent were: ${JSON.stringify(this.sent.map(({ headers, ...event }) => event))}`);
  }

  // Everything that a page has sent until now: a cart behind it has come, and what it overtook on another connection.
  async all(page) {
    const mark = `mark-${Math.random()}`;
    await page.evaluate((token) => window.attr('cart', { cart_token: token }), mark);
    await this.events(1, (event) => event.cart_token === mark);
    for (let before = -1; before !== this.sent.length;) {
      before = this.sent.length;
      await sleep(250);
    }
    return this.sent.filter((event) => event.cart_token !== mark);
  }
}

// A page of a shop with the tag, as the guide says it.
export function tagged(attributes, { src = 'https://go.shop.example/a.js', head = '', body = '' } = {}) {
  const snippet = SNIPPET.replace('https://go.shop.example/a.js', src).replace('data-site="acme"', attributes);
  return `<!doctype html><title>shop</title>${head}${snippet}${body}`;
}

// Cookies of a context by name, with the domains that they stand under.
export async function jar(context) {
  const cookies = await context.cookies();
  return cookies.filter((c) => c.name.startsWith('attr_')).map(({ name, value, domain, httpOnly, secure, sameSite }) => ({ name, value, domain, httpOnly, secure, sameSite }));
}
