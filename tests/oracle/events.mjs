// What an event says, in the words that the rest of the model uses: clamped, with its keys and keys of
// touches, one entry for each id.

import { listed } from './settings.mjs';
import { fold } from './text.mjs';
import { MINUTE, duration, micros } from './time.mjs';

const SEARCH_ADS = ['gclid', 'gbraid', 'wbraid', 'dclid', 'msclkid'];

function parseLanding(url, settings) {
  if (!url) return {};
  const params = new URL(url).searchParams;
  const out = { click: params.get('attr_click') || undefined, ad: SEARCH_ADS.some((name) => params.get(name)) };
  for (const name of listed(settings.affiliate_params)) out.affiliate ??= params.get(name) || undefined;
  const utm = {};
  for (const part of ['source', 'medium', 'campaign', 'term', 'content']) {
    const value = params.get(`utm_${part}`);
    if (value) utm[part] = value;
  }
  if (Object.keys(utm).length) out.utm = utm;
  return out;
}

// Keyed as what they are, so that an e-mail never equals a customer id.
export function customerKeys({ customer_id, email, phone }) {
  const keys = [];
  if (customer_id && customer_id !== '0') keys.push(`c:${customer_id}`);
  if (email?.includes('@')) keys.push(`e:${fold(email)}`);
  if (phone && phone.replace(/\D/g, '').length >= 5) keys.push(`p:${phone.replace(/\D/g, '')}`);
  return keys;
}

function verdictsOf(stated, event, landing, affiliate) {
  const verdicts = new Set(stated);
  if (landing.ad && (affiliate || event.link)) verdicts.add('paid_ad');
  if (event.type === 'visit' && event.referrer && event.url &&
    new URL(event.referrer).host === new URL(event.url).host) verdicts.add('own_site');
  return verdicts;
}

// An order's or a lead's own object in one form.
function observed({ type, order, lead, code }) {
  if (type === 'purchase') return { codes: code !== undefined ? [code] : undefined, ...order, kind: 'order' };
  if (type === 'lead') return { kind: 'lead', id: lead.id, total: lead.value, currency: lead.currency };
  return undefined;
}

function normalise({ received_at, trust, source, verdicts, event }, settings) {
  const received = micros(received_at);
  const signed = trust === 'signed';
  const earliest = signed ? -Infinity : received - duration(settings.max_late);
  const clamp = (text) => (text === undefined ? undefined
    : Math.min(Math.max(micros(text), earliest), received + 5 * MINUTE));
  const landing = parseLanding(event.url, settings);
  const affiliate = event.affiliate_id ?? landing.affiliate;
  const order = observed(event);
  return {
    type: event.type, signed, received, source: source ?? (signed ? 'native' : 'pixel'),
    at: clamp(event.occurred_at) ?? received,
    keys: signed ? customerKeys(event) : [],
    id: event.event_id ?? `derived:${JSON.stringify(event)}`,
    visitor: event.visitor_id,
    click: event.click_id ?? landing.click ?? (event.type === 'click' ? event.event_id : undefined),
    link: event.link, affiliate, utm: event.utm ?? landing.utm,
    verdicts: verdictsOf(verdicts ?? [], event, landing, affiliate),
    landing: Boolean(event.url),
    code: event.code, refund: event.refund, cancel: event.order_id, reversed: event.reversed === true,
    order: order && { ...order, order_kind: event.order?.kind,
      aliases: signed ? order.aliases ?? {} : {},
      placed: clamp(order.placed_at), paid: clamp(order.paid_at), updated: clamp(order.updated_at) },
  };
}

// Copies of one id: an order's content is that of the latest update, anything else is what happened first; the earliest
// receipt.
function once(events) {
  const found = new Map();
  for (const e of events) {
    const name = JSON.stringify([e.signed, e.type, e.id]);
    const old = found.get(name);
    if (!old) found.set(name, e);
    else {
      const other = e.order ? (e.order.updated ?? e.at) > (old.order?.updated ?? old.at) : e.at < old.at;
      found.set(name, { ...(other ? e : old), received: Math.min(old.received, e.received) });
    }
  }
  return [...found.values()];
}

export function readEvents(events, settings) {
  const ignored = (e) => settings.browser_orders === 'ignore' && !e.signed && e.type === 'purchase';
  return once(events.map((e) => normalise(e, settings))).map((e) => (ignored(e) ? { ...e, order: undefined } : e));
}

// One touch for each key that a click, visit or view brings.
export function touchesOf(events) {
  const found = [];
  for (const e of events) {
    if (!['click', 'visit', 'view'].includes(e.type)) continue;
    const add = (channel, rank, key) => found.push({ channel, rank, key, id: e.id, type: e.type, at: e.at, received: e.received,
      signed: e.signed, visitor: e.visitor, keys: e.keys, click: e.type === 'click' ? e.click : undefined, verdicts: e.verdicts });
    if (e.utm) add('utm', 0, e.utm);
    if (e.affiliate) add('affiliate', 1, e.affiliate);
    if (e.link) add(e.type === 'view' ? 'view' : 'link', 2, e.link);
  }
  return found;
}
