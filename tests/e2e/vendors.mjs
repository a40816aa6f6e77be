// Shop systems as they knock: the bodies of tests/data with times of today, signed as their vendors sign
// them (by the vendors' own libraries where those can), and sent to /webhooks/<vendor>/acme.

import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import '@shopify/shopify-api/adapters/node';
import { ApiVersion, shopifyApi } from '@shopify/shopify-api';
import { Webhook } from 'standardwebhooks';
import Stripe from 'stripe';
import { root } from './support.mjs';

export const SECRETS = {
  shopify: 'shpss_0123456789abcdef', woocommerce: 'woo-secret-&-more', stripe: 'whsec_stripe_test',
  standard: 'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3',
};
export const SITE = Object.entries(SECRETS).map(([vendor, secret]) => `webhook_secret.${vendor} = ${secret}\n`).join('');

const stripe = new Stripe('sk_test_unused');
const shopify = shopifyApi({ apiKey: 'key', apiSecretKey: SECRETS.shopify, hostName: 'acme.myshopify.com',
  apiVersion: ApiVersion.January25, isEmbeddedApp: false, scopes: [], logger: { level: 0 } });

// A recorded shape with other values. Numbers beyond 2^53 stay as they are written.
export function shape(vendor, name, changes = {}) {
  return { ...JSON.parse(readFileSync(join(root, 'tests/data', vendor, `${name}.json`), 'utf8')), ...changes };
}

export const seconds = (ms = Date.now()) => Math.floor(ms / 1000);
export const iso = (ms = Date.now()) => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
export const gmt = (ms = Date.now()) => iso(ms).replace('Z', '');
const hmac = (secret, body) => createHmac('sha256', secret).update(body).digest('base64');

const SIGN = {
  shopify: (body, secret) => ({ 'x-shopify-hmac-sha256': hmac(secret, body), 'x-shopify-topic': 'orders/updated',
    'x-shopify-shop-domain': 'acme.myshopify.com', 'x-shopify-api-version': '2025-01', 'x-shopify-webhook-id': 'b1' }),
  woocommerce: (body, secret) => ({ 'x-wc-webhook-signature': hmac(secret, body), 'x-wc-webhook-topic': 'order.updated',
    'x-wc-webhook-source': 'https://shop.example/', 'x-wc-webhook-id': '3', 'x-wc-webhook-delivery-id': String(Math.random()) }),
  stripe: (body, secret, { at }) => ({
    'stripe-signature': stripe.webhooks.generateTestHeaderString({ payload: body, secret, timestamp: seconds(at) }) }),
  standard: (body, secret, { at, id }) => ({ 'webhook-id': id, 'webhook-timestamp': String(seconds(at)),
    'webhook-signature': new Webhook(secret).sign(id, new Date(seconds(at) * 1000), body) }),
};

let serial = 0;

// One delivery: what is sent, so that it can be sent again.
export function delivery(vendor, body, { secret = SECRETS[vendor], at = Date.now(), id = `msg_${++serial}`, headers = {} } = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { vendor, text, headers: { 'content-type': 'application/json', ...SIGN[vendor](text, secret, { at, id }), ...headers } };
}

export function send(shop, { vendor, text, headers }, { site = 'acme' } = {}) {
  return fetch(`${shop.base}/webhooks/${vendor}/${site}`, { method: 'POST', headers, body: text });
}

// A delivery that is accepted and counted.
export async function knock(shop, vendor, body, options) {
  const response = await send(shop, delivery(vendor, body, options));
  const answer = await response.json();
  if (response.status !== 200 || answer.rejected.length) throw new Error(`${response.status} ${JSON.stringify(answer)}`);
  await shop.quiet();
  return answer;
}

// What Shopify's own library says of a delivery.
export async function shopifyAccepts({ text, headers }) {
  return (await shopify.webhooks.validate({ rawBody: text, rawRequest: { method: 'POST', url: '/', headers } })).valid;
}
export const stripeReads = ({ text, headers }) =>
  stripe.webhooks.constructEvent(text, headers['stripe-signature'], SECRETS.stripe);
export const standardReads = ({ text, headers }) => new Webhook(SECRETS.standard).verify(text, headers);

// WordPress speaks HTTP/1.0 and closes.
export function sendAsWordPress(shop, { vendor, text, headers }) {
  const head = [`POST /webhooks/${vendor}/acme HTTP/1.0`, `Host: 127.0.0.1:${shop.port}`, 'User-Agent: WooCommerce/9.4.1 Hookshot (WordPress/6.7)',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), `Content-Length: ${Buffer.byteLength(text)}`, 'Connection: close'];
  return new Promise((done, fail) => {
    const socket = connect(shop.port, '127.0.0.1', () => socket.end(`${head.join('\r\n')}\r\n\r\n${text}`));
    let answer = '';
    socket.on('data', (chunk) => { answer += chunk; }).on('error', fail)
      .on('close', () => done({ status: Number(/^HTTP\/1\.\d (\d+)/.exec(answer)?.[1]), answer }));
  });
}
