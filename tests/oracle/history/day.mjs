// Random events of a small shop: a few orders and what led to them, in the order in which it happened;
// each event says when it was received.

import { major } from '../money.mjs';
import { DAY, HOUR, MINUTE, iso, micros } from '../time.mjs';
import { SITE, START } from './shop.mjs';

const UTMS = [
  { source: 'instagram', medium: 'story', campaign: 'spring' },
  { source: 'instagram', medium: 'reel' },
  { source: 'tiktok', medium: 'video', campaign: 'spring', content: 'clip 1' },
  { source: 'newsletter', medium: 'email' },
];

export class Day {
  constructor(r, features, catalog, size) {
    Object.assign(this, { r, features, catalog, size, events: [], clicks: [], orders: [], aliases: new Map(), serial: 0 });
    this.visitors = Array.from({ length: 1 + r.int(5) }, (_, i) => `v-${i}`);
    this.customers = Array.from({ length: 1 + r.int(3) }, (_, i) => i);
    this.span = r.pick([2, 10, 60, 90]) * DAY;
    this.unique = 0;
  }

  has(feature, chance = 1) {
    return this.features.has(feature) && this.r.chance(chance);
  }

  keysOf(kind) {
    return this.catalog.trackers.filter((t) => t.kind === kind).map((t) => t.key);
  }

  typed(key) {
    return this.r.chance(0.2) ? ` ${key.toLowerCase()} ` : key;
  }

  // Whole minutes, so that equal times are likely. What links people has a moment of its own.
  when() {
    return START + 10 * DAY + Math.floor((this.r.next() * this.span) / MINUTE) * MINUTE;
  }

  apart(at) {
    this.unique += 1;
    return Math.floor(at / 1000) * 1000 + this.unique;
  }

  // Near an order, where windows begin and end.
  nearOrder() {
    const { r } = this;
    const before = r.chance(0.2) ? r.pick([1, 7, 14, 30]) * DAY : r.int(40) * r.pick([MINUTE, HOUR, DAY]);
    return Math.max(START, r.pick(this.orders).at - before);
  }

  delay() {
    return this.r.pick(this.features.has('late') ? [0, 0, 1e6, HOUR, 2 * DAY, 20 * DAY, 40 * DAY] : [0, 0, 1e6, HOUR]);
  }

  push(at, trust, event, more = {}) {
    this.serial += 1;
    const { r } = this;
    const received = at + (more.delay ?? this.delay());
    const line = { received_at: iso(received), trust, site: SITE, ...more.line,
      event: { event_id: `${r.pick('abcxyz'.split(''))}${this.serial}`, occurred_at: iso(at), ...event } };
    this.events.push(line);
    return line;
  }

  someone() {
    const { r } = this;
    const n = r.pick(this.customers);
    return r.pick([{ customer_id: `c${n}` }, { customer_id: `c${n}` }, { email: ` P${n}@Example.com` }, { phone: `+49 (170) 00000${n}` },
      { customer_id: `c${n}`, email: `p${r.pick(this.customers)}@example.com` }]);
  }

  // -- touches -----------------------------------------------------------------------------------

  landing() {
    const { r } = this;
    const q = new URLSearchParams();
    if (r.chance(0.6)) for (const [k, v] of Object.entries(r.pick(UTMS))) q.set(`utm_${k}`, r.chance(0.2) ? v.toUpperCase() : v);
    if (r.chance(0.5) && this.keysOf('affiliate').length) q.set('ref', r.pick(this.keysOf('affiliate')));
    if (this.has('verdicts', 0.15)) q.set(r.pick(['gclid', 'fbclid', 'msclkid']), 'x1');
    return `https://shop.example/?x=1&&flag&${q}`;
  }

  verdicts() {
    if (!this.has('verdicts', 0.35)) return undefined;
    return this.r.pick([['bot'], ['bot'], ['prefetch'], ['head'], ['flood'], ['paid_ad'], ['own_site'], ['bot', 'prefetch'], ['bot', 'flood']]);
  }

  who() {
    const { r } = this;
    if (this.has('customer_touches', 0.3)) return this.someone();
    const visitor = r.chance(0.95) ? { visitor_id: r.pick(this.visitors) } : {};
    return this.has('shared_devices', 0.15) ? { ...visitor, ...this.someone() } : visitor;
  }

  touch(near, whose) {
    const { r } = this;
    const trust = this.has('strangers', 0.4) ? 'stranger' : 'signed';
    const who = whose ?? this.who();
    const links = who.visitor_id && Object.keys(who).length > 1;
    let at = links ? this.apart(near) : near;
    const more = { line: { verdicts: this.verdicts() } };
    if (this.has('times', 0.1)) { // dated ahead of its receipt, or far back
      more.delay = r.pick([-HOUR, -DAY, 4 * DAY, 100 * DAY]);
      at = this.apart(at);
    }
    const bare = this.has('times', 0.1) ? { event_id: undefined } : {};
    const dice = r.next();
    const links_ = this.keysOf('link');
    if (this.has('views', 0.3)) {
      this.push(bare.event_id === undefined && 'event_id' in bare ? this.apart(at) : at, trust,
        { type: 'view', ...who, ...bare, link: this.typed(r.pick([...links_, 'l-unknown'])) }, more);
    } else if (dice < 0.4) {
      const click_id = r.chance(0.5) ? `click-${this.serial}` : undefined;
      const line = this.push(at, trust, { type: 'click', ...who, link: this.typed(r.pick([...links_, 'l-unknown'])), click_id }, more);
      if (r.chance(0.6)) this.clicks.push(click_id ?? line.event.event_id);
    } else this.push('event_id' in bare ? this.apart(at) : at, trust, { type: 'visit', ...who, ...bare, url: this.landing() }, more);
  }

  // -- orders ------------------------------------------------------------------------------------

  codes(currency) {
    const { r } = this;
    const known = this.keysOf('code');
    return Array.from({ length: r.int(3) }, () => r.pick([...known, 'NOBODYS']))
      .map((c) => (r.chance(0.4) ? { code: this.typed(c), amount: major(BigInt(r.int(5)), currency) } : this.typed(c)));
  }

  amounts(currency, total) {
    const { r } = this;
    const tax = r.chance(0.3) ? total / 6n : 0n;
    const shipping = this.has('order_groups', 0.3) ? total / 9n : 0n;
    const text = (n) => major(n, currency);
    if (this.has('order_groups', 0.15)) return { currency, subtotal: text(total), ...(tax ? { tax: text(tax) } : {}) };
    return { currency, total: text(total), ...(tax ? { tax: text(tax) } : {}), ...(shipping ? { shipping: text(shipping) } : {}),
      ...(this.has('order_groups', 0.3) ? { subtotal: text(total - total / 5n) } : {}) };
  }

  attributes() {
    return {
      ...(this.has('excludes', 0.3) ? { test: true } : {}), ...(this.has('excludes', 0.4) ? { source: this.r.pick(['web', 'pos', 'draft']) } : {}),
      ...(this.has('excludes', 0.4) ? { tags: this.r.pick([[], ['gift'], ['vip', 'staff'], ['gift', 'vip']]) } : {}),
      ...(this.has('excludes', 0.3) ? { kind: this.r.pick(['draft', 'one_off', 'first']) } : {}),
      ...(this.has('renewals', 0.5) ? { kind: 'renewal' } : {}),
    };
  }

  order(i) {
    const { r } = this;
    const at = this.apart(this.when());
    const currency = r.pick(['EUR', 'EUR', 'EUR', 'JPY', 'KWD']);
    const total = this.has('excludes', 0.2) ? 0n : BigInt(1 + r.int(30000));
    const id = `o-${i}`;
    const order = { id, ...this.amounts(currency, total), codes: this.codes(currency), ...this.attributes(),
      ...(this.has('order_groups', 0.4) ? { status: r.pick(['pending', 'paid']) } : {}),
      ...(this.has('order_groups', 0.2) ? { status: 'paid', paid_at: iso(at + r.int(5) * DAY) } : {}) };
    if (this.has('times', 0.3)) order.placed_at = iso(this.apart(at - r.int(20) * DAY));
    const base = { type: 'purchase', ...(r.chance(0.8) ? { visitor_id: r.pick(this.visitors) } : {}),
      ...(r.chance(0.65) ? this.someone() : {}), ...(this.clicks.length && r.chance(0.3) ? { click_id: r.pick(this.clicks) } : {}), order };
    const source = this.has('sources') ? r.pick(['native', 'shopify', 'stripe']) : undefined;
    const trust = r.chance(this.features.has('strangers') ? 0.8 : 1) ? 'signed' : 'stranger';
    this.orders.push({ id, at, total, currency, source, visitor_id: base.visitor_id });
    this.push(at, trust, base, { line: trust === 'signed' && source ? { source } : {} });
    this.moreWords(base, at);
  }

  // Whom another word on an order names: not both, since two customers of one visitor at one moment are
  // a tie of which the rules say nothing.
  anotherWho() {
    return this.r.pick([{}, {}, { visitor_id: this.r.pick(this.visitors) }, this.someone()]);
  }

  // Further words on the same order: the page's, another system's, edits, parts only.
  moreWords(base, at) {
    const { r } = this;
    const { id, currency } = base.order;
    const total = () => major(BigInt(1 + r.int(30000)), currency);
    if (r.chance(0.2)) {
      const { currency: c, total: t, subtotal } = base.order;
      this.push(this.apart(at + 1e6), 'stranger', { ...base, customer_id: undefined, email: undefined, phone: undefined,
        order: { id, currency: c, ...(t ? { total: t } : { subtotal }), ...(this.has('order_groups', 0.3) ? { codes: this.codes(c) } : {}) } });
    }
    if (r.chance(0.2)) this.push(this.apart(at + DAY), 'signed', { ...base, order: { ...base.order, updated_at: iso(at + DAY) } });
    while (this.has('order_groups', 0.5)) {
      const updated = at + r.int(4) * HOUR;
      const part = r.pick([{ total: total(), currency }, { status: r.pick(['pending', 'paid']) }, { codes: this.codes('EUR') },
        { status: 'paid', paid_at: iso(at + r.int(9) * DAY) }, { kind: 'one_off' }, { tags: ['gift'] }, { source: 'pos' }]);
      this.push(this.apart(at + r.int(3) * HOUR), r.chance(0.8) ? 'signed' : 'stranger', { type: 'purchase',
        ...this.anotherWho(), order: { id, ...part, ...(r.chance(0.8) ? { updated_at: iso(updated) } : {}) } });
    }
    while (this.has('sources', 0.5)) {
      this.push(this.apart(at + r.int(3) * MINUTE), 'signed', { ...base, order: { ...base.order, ...(base.order.total ? { total: major(BigInt(30000 + r.int(900)), currency) } : {}),
        updated_at: iso(at + r.int(4) * HOUR) } }, { line: { source: r.pick(['native', 'shopify', 'stripe']) } });
    }
  }

  // Other names of orders: also shared, contradictory ones, and those that are another order's id.
  alias() {
    const { r } = this;
    const target = r.pick(this.orders);
    const n = r.int(3);
    const [kind, value] = r.pick([['name', `#${n}`], ['name', `#${n}`], ['checkout_token', `tok-${n}`], ['session', `s-${n}`], ['number', `${n}`],
      ['number', `o-${n}`], ['order_key', `o-${r.int(5)}`], ['payment_intent', `pi-${n}`]]);
    const at = this.apart(r.chance(0.7) ? target.at : this.when());
    if (r.chance(0.4)) { // somebody who knows the order by that name alone
      const id = value;
      this.push(at, r.chance(0.8) ? 'signed' : 'stranger', { type: 'purchase', ...this.anotherWho(),
        order: { id, currency: target.currency, total: major(target.total + BigInt(r.int(50)), target.currency), ...(r.chance(0.3) ? { codes: this.codes(target.currency) } : {}) } });
    }
    const source = r.pick([target.source ?? 'native', 'native', 'shopify', 'stripe']);
    this.state(at, target, kind, value, source);
    const other = r.pick(this.orders);
    if (this.has('alias_conflicts', 0.5) && other !== target) this.state(this.apart(at), other, kind, value, source);
  }

  // A source says that an order has an alias; unless histories want it to, it never says so of two.
  state(at, target, kind, value, source) {
    const { r } = this;
    const said = JSON.stringify([kind, value, source]);
    const first = this.aliases.get(said) ?? target.id;
    this.aliases.set(said, first);
    if (r.chance(0.8) && (first === target.id || this.features.has('alias_conflicts'))) {
      this.push(this.apart(at), 'signed', { type: 'purchase', order: { id: target.id, aliases: { [kind]: value },
        ...(r.chance(0.5) ? { currency: target.currency, total: major(target.total, target.currency) } : {}) } }, { line: { source } });
    }
  }

  // A lead; often that of an order which is placed when the touches before the lead are long too old.
  lead(i) {
    const { r } = this;
    const order = r.pick(this.orders);
    const early = r.chance(0.5) && order.visitor_id;
    const at = this.apart(early ? order.at - r.pick([2, 8, 16, 35]) * DAY : this.nearOrder());
    if (early) this.touch(Math.floor((at - r.int(30) * MINUTE) / 1000) * 1000, { visitor_id: order.visitor_id });
    const value = r.chance(0.6) ? { value: major(BigInt(r.int(2000)), 'EUR'), currency: 'EUR' } : {};
    this.push(at, r.chance(this.features.has('strangers') ? 0.8 : 1) ? 'signed' : 'stranger', { type: 'lead', ...(early ? { visitor_id: order.visitor_id } : r.chance(0.8) ? { visitor_id: r.pick(this.visitors) } : {}),
      ...(r.chance(0.6) ? this.someone() : {}), ...(this.clicks.length && r.chance(0.2) ? { click_id: r.pick(this.clicks) } : {}),
      lead: { id: r.chance(0.1) ? 'o-0' : `L-${i}`, name: 'newsletter', ...value } });
  }

  // -- the rest ----------------------------------------------------------------------------------

  identify() {
    this.push(this.apart(this.when()), 'signed', { type: 'identify', ...(this.r.chance(0.9) ? { visitor_id: this.r.pick(this.visitors) } : {}), ...this.someone() });
  }

  errand() {
    const { r } = this;
    const at = this.apart(this.nearOrder());
    const who = this.who();
    const trust = this.has('strangers', 0.4) ? 'stranger' : 'signed';
    const event = r.pick([{ type: 'cart' }, { type: 'checkout' }, { type: 'code_applied', code: this.typed(r.pick([...this.keysOf('code'), 'NOBODYS'])) }]);
    this.push(at, trust, { ...event, ...who }, { line: { verdicts: this.verdicts() } });
  }

  // What PostgreSQL settles: refunds and cancels, by several systems, also before and under other names.
  money() {
    const { r } = this;
    const target = r.chance(0.6) ? this.orders[0] : r.pick(this.orders);
    const at = this.apart(target.at + r.int(20) * r.pick([-HOUR, HOUR, DAY]));
    const source = r.pick(['native', 'shopify', 'stripe']);
    const order_id = r.chance(0.8) ? target.id : r.pick(['#0', '#1', 'tok-0', 's-0', 'o-9']);
    if (r.chance(0.25)) return this.push(at, 'signed', { type: 'cancel', order_id, ...(r.chance(0.4) ? { reversed: true } : {}) }, { line: { source } });
    const amount = 1n + (target.total * BigInt(r.int(r.pick([4, 12])))) / 10n;
    const text = (n) => major(n, target.currency);
    const currency = r.pick([target.currency, target.currency, target.currency, undefined, 'USD']);
    // Without a currency an amount is read with the site's two decimals.
    const scaled = currency === 'USD' ? '1.50' : currency ? text(amount) : text(target.currency === 'KWD' ? amount * 10n : amount);
    const refund = { id: `r-${r.int(3)}`, order_id, amount: scaled, currency, ...(r.chance(0.15) ? { status: 'void' } : {}),
      ...(source === 'stripe' && r.chance(0.6) ? { cumulative: true } : {}),
      ...(currency === target.currency && r.chance(0.4) ? { tax: text(amount / 6n), shipping: text(amount / 9n) } : {}) };
    return this.push(at, 'signed', { type: 'refund', refund }, { line: { source } });
  }

  // One system that reports the same money twice: single refunds, some of which are taken back, and the running
  // total of what it held after each. Not every word of it arrives.
  charge() {
    const { r } = this;
    const target = r.pick(this.orders);
    const text = (n) => major(n, target.currency);
    const steps = [];
    for (let i = 0, at = target.at; i < 1 + r.int(3); i++) {
      at += (1 + r.int(40)) * r.pick([HOUR, DAY]);
      const amount = 1n + (target.total * BigInt(r.int(6))) / 10n;
      steps.push({ at, id: `re-${i}`, amount });
      if (r.chance(0.4)) steps.push({ at: at + (1 + r.int(60)) * HOUR, id: `re-${i}`, amount, taken: true });
    }
    let held = 0n;
    for (const s of steps.sort((a, b) => a.at - b.at)) {
      const word = (id, amount, more) => this.push(this.apart(s.at), 'signed',
        { type: 'refund', refund: { id, order_id: target.id, amount: text(amount), currency: target.currency, ...more } }, { line: { source: 'stripe' } });
      held += s.taken ? -s.amount : s.amount;
      if (r.chance(0.8)) word(s.id, s.amount, s.taken ? { status: 'void' } : {});
      if (!s.taken && r.chance(0.8)) word(r.chance(0.8) ? 'ch-1' : 'ch-2', held, { cumulative: true });
    }
  }

  run() {
    const { r } = this;
    const orders = 1 + r.int(4);
    for (let i = 0; i < orders; i++) this.order(i);
    if (this.has('leads')) for (let i = 1 + r.int(3); i > 0; i--) this.lead(i);
    if (this.has('aliases')) for (let i = 1 + r.int(4); i > 0; i--) this.alias();
    if (this.has('reports')) for (let i = 1 + r.int(3); i > 0; i--) this.identify();
    if (this.has('traffic')) for (let i = 1 + r.int(6); i > 0; i--) this.errand();
    if (this.has('refunds')) for (let i = 1 + r.int(8); i > 0; i--) this.money();
    while (this.events.length < this.size && !r.chance(0.05)) this.touch(r.chance(0.7) ? this.nearOrder() : this.when());
    if (this.has('refunds', 0.4)) this.charge();
    return JSON.parse(JSON.stringify(this.events)).sort((a, b) => micros(a.received_at) - micros(b.received_at));
  }
}
