// Random shops for the key figures: three sites in three zones and currencies, days around the newest change of Berlin's
// clocks and around local midnights, everything that a marketer fills. Rates are such that an amount of whole minor
// units stays one in every other currency: no rounding hides an error, or is one.

import { rng } from '../oracle/random.mjs';

const DAY = 86400e3;
export const SITES = [
  { name: 'acme', zone: 'Europe/Berlin', currency: 'EUR' },
  { name: 'delhi', zone: 'Asia/Kolkata', currency: 'INR' },
  { name: 'kathmandu', zone: 'Asia/Kathmandu', currency: 'KWD' },
];
const RATES = [ // base, quote, rate, from which day of the story on; nobody says what CHF is worth
  ['USD', 'EUR', '2', -400], ['USD', 'EUR', '3', -3], ['EUR', 'GBP', '0.5', -400], ['JPY', 'EUR', '0.05', -400], ['KWD', 'EUR', '10', -400],
  ['EUR', 'INR', '90', -400], ['USD', 'INR', '80', 1], ['JPY', 'INR', '0.5', -400], ['EUR', 'KWD', '0.5', -400], ['USD', 'KWD', '0.3', -400],
];
const SPREADS = ['direct_cost', 'equal', 'revenue', 'none'];
const MODELS = ['policy', 'last_touch', 'first_touch', 'linear', 'position', 'time_decay'];
const COUNTS = ['impressions', 'reach', 'likes', 'comments', 'shares', 'saves', 'reactions', 'clicks', 'views', 'views_6s', 'views_completed', 'watch_seconds', 'new_followers'];

const formats = new Map();
// The wall clock of a zone: "2026-10-25 02:30:00".
export function wall(ms, zone) {
  if (!formats.has(zone)) formats.set(zone, new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' }));
  return formats.get(zone).format(ms);
}
export const dayOf = (ms, zone) => wall(ms, zone).slice(0, 10);
export const plusDays = (day, n) => new Date(Date.parse(day) + n * DAY).toISOString().slice(0, 10);
// The instant at which a wall clock shows that time; of the two of an hour that comes twice, the later.
export function instant(local, zone) {
  const utc = Date.parse(`${local.replace(' ', 'T')}Z`);
  const offset = (at) => Date.parse(`${wall(at, zone).replace(' ', 'T')}Z`) - at;
  return utc - offset(utc - offset(utc));
}

// The newest day on which Berlin's clocks changed and behind which the story has room.
function changeDay(now) {
  for (let at = now - 14 * DAY; ; at -= DAY) {
    const [noon, before] = [instant(`${dayOf(at, 'Europe/Berlin')} 12:00:00`, 'Europe/Berlin'), instant(`${dayOf(at - DAY, 'Europe/Berlin')} 12:00:00`, 'Europe/Berlin')];
    if (noon - before !== DAY) return dayOf(at, 'Europe/Berlin');
  }
}

export function randomShop(seed, now) {
  const r = rng(seed);
  const middle = changeDay(now);
  const on = (n) => plusDays(middle, n);
  const sites = SITES.map((s) => ({ ...s, spread: r.pick(SPREADS), primary: r.pick(MODELS), history: s.name === 'acme' ? 'complete' : r.pick(['complete', 'partial']) }));
  const tables = { creator: [], campaign: [], placement: [], tracker: [], cost: [], post_metrics: [], follower_count: [], rate_card: [], margin: [], mention_daily: [], engagement_count: [], commission_rule: [],
    exchange_rate: RATES.map(([base, quote, rate, n]) => ({ base, quote, rate, valid_on: on(n) })) };
  const events = Object.fromEntries(sites.map((site) => [site.name, story(r, site, tables, on, now)]));
  const config = (s) => `cost_spread = ${s.spread}\nmodel.primary = ${s.primary}\nlock_after = 366d\nmax_late = 366d\n`;
  return { r, middle, sites, tables, events, config };
}

// -- one site --------------------------------------------------------------------------------------

function story(r, site, tables, on, now) {
  const { name, zone } = site;
  const put = (table, row) => tables[table].push({ site: name, ...row });
  const [creators, campaigns, placements] = [['ann', 'bob', 'cyd', 'dee'], ['spring', 'sale', 'idle'], ['p1', 'p2', 'p3', 'p4', 'p5']];
  const maybe = (p, value) => (r.chance(p) ? value : null);
  for (const handle of creators) put('creator', { handle, platform: r.pick(['instagram', 'tiktok', null]), tier: r.pick(['micro', 'mid']), followers: maybe(0.6, 1000 + r.int(9000)) });
  for (const campaign of campaigns) put('campaign', { name: campaign, ...(r.chance(0.5) ? { starts_on: on(-8 + r.int(5)), ends_on: on(3 + r.int(9)) } : {}) });
  for (const placement of placements) put('placement', { name: placement, campaign: maybe(0.8, r.pick(campaigns)), creator: maybe(0.8, r.pick(creators)), platform: maybe(0.7, r.pick(['instagram', 'tiktok'])),
    content_type: r.pick(['reel', 'story']), posted_at: maybe(0.8, `${on(-18 + r.int(24))} ${r.pick(['00:00:00', '12:34:56', '23:59:59'])}`), paid: r.pick([true, false, null]), length_seconds: maybe(0.7, 10 + r.int(60)) });
  // keys that change hands at a local midnight
  const keys = { link: [], affiliate: [], code: [], utm: [] };
  const key = (kind, text) => {
    const owner = () => ({ kind, key: text, creator: maybe(0.9, r.pick(creators)), campaign: maybe(0.8, r.pick(campaigns)), placement: maybe(0.5, r.pick(placements)), destination: kind === 'link' ? 'https://shop.example/' : null, generic: false });
    const at = `${on(-2 + r.int(5))} 00:00:00`;
    if (r.chance(0.3)) put('tracker', { ...owner(), valid_to: at });
    if (r.chance(0.3)) put('tracker', { ...owner(), valid_from: at });
    else if (!tables.tracker.some((t) => t.site === name && t.kind === kind && t.key === text)) put('tracker', owner());
    keys[kind].push(text);
  };
  for (let i = 0; i < 4; i += 1) { key('link', `${name}-l${i}`); key('affiliate', `a${i}`); key('code', `${name.toUpperCase()}${i}`); key('utm', `src/social/c${i}`); }
  put('tracker', { kind: 'utm', key: 'src/*', creator: r.pick(creators), campaign: r.pick(campaigns), generic: false });
  keys.utm.push('src/mail/other', 'else/social/c1'); keys.link.push('nobodys'); keys.affiliate.push('stranger');

  for (let i = 0; i < 14; i += 1) {
    const covers = r.chance(0.4) ? { covers_from: on(-9 + r.int(8)), covers_to: on(r.int(9)) } : {};
    put('cost', { cost_id: `c${i}`, campaign: maybe(0.6, r.pick(campaigns)), creator: maybe(0.4, r.pick(creators)), placement: maybe(0.3, r.pick(placements)), kind: r.pick(['fee', 'paid_media', 'agency', 'product_cogs', 'other']),
      amount: `${r.int(900)}.${10 + r.int(90)}`, currency: r.pick([site.currency, site.currency, 'EUR', 'CHF']), incurred_on: on(-12 + r.int(20)), ...covers });
  }
  for (const placement of placements.slice(0, 4)) {
    const scopes = r.pick([['total'], ['organic', 'paid'], ['total', 'paid']]);
    for (const scope of scopes) {
      const mode = r.pick(['cumulative', 'delta']);
      const told = COUNTS.filter(() => r.chance(0.8));
      const sums = Object.fromEntries(told.map((c) => [c, 0]));
      for (const n of r.shuffle([-9, -6, -3, -1, 0, 1, 3, 6]).slice(0, 4).sort((a, b) => a - b)) {
        for (const c of told) sums[c] = (mode === 'delta' ? 0 : sums[c]) + r.int(c === 'impressions' ? 5000 : 300);
        put('post_metrics', { placement, taken_at: `${on(n)} ${r.pick(['00:00:00', '23:59:59'])}`, scope, mode, ...sums });
      }
    }
  }
  for (const creator of creators.slice(0, 3)) for (const n of [-15, -2, 4]) put('follower_count', { owner: 'creator', creator, platform: r.pick(['instagram', 'tiktok']), counted_on: on(n), followers: 500 + r.int(5000) });
  for (const platform of ['instagram', 'tiktok']) for (const action of ['cpm', 'likes', 'comments']) {
    if (r.chance(0.7)) put('rate_card', { platform, action, value: `${1 + r.int(9)}`, currency: r.pick([site.currency, 'EUR', 'CHF']), valid_from: on(-30) });
    if (r.chance(0.4)) put('rate_card', { platform, action, value: `${1 + r.int(9)}`, currency: site.currency, valid_from: on(-3) });
  }
  if (r.chance(0.7)) put('margin', { campaign: '', rate: '0.4', valid_from: on(-99) });
  if (r.chance(0.7)) put('margin', { campaign: r.pick(campaigns), rate: '0.5', valid_from: on(0) });
  if (r.chance(0.5)) put('engagement_count', { platform: '', count: 'reactions' }); // instead of everything that is listed for all sites
  const rule = (row) => put('commission_rule', { campaign: '', creator: '', rate: null, amount: null, currency: '', valid_from: '-infinity', ...row });
  if (name === 'acme' || r.chance(0.5)) rule({ kind: 'percent', rate: '0.1' });
  if (r.chance(0.6)) rule({ kind: 'per_order', amount: '2', currency: r.pick([site.currency, 'EUR', 'CHF']), campaign: r.pick(campaigns) });
  if (r.chance(0.6)) rule({ kind: 'per_lead', amount: '1', currency: site.currency, creator: r.pick(creators), valid_from: on(-1) });
  for (const n of [-5, 0, 4]) for (const subject of ['', 'rival']) if (r.chance(0.7)) {
    const mentions = 10 + r.int(90);
    put('mention_daily', { subject, campaign: r.pick(['', ...campaigns]), counted_on: on(n), mentions, ...(r.chance(0.8) ? { positive: r.int(mentions / 2), negative: r.int(mentions / 2) } : {}) });
  }

  // -- what happened
  const moment = () => {
    if (r.chance(0.03)) return now - 365.5 * DAY + r.int(3600e3); // a customer of a year ago
    const day = on(r.chance(0.3) ? 0 : -16 + r.int(25));
    if (r.chance(0.4)) return instant(`${day} 00:00:00`, zone) + (r.int(7200) - 3600) * 1000;
    return instant(`${day} 00:00:00`, zone) + r.int(DAY);
  };
  const at = (ms) => new Date(ms).toISOString();
  const visitor = () => ({ visitor_id: `${name}-v${r.int(25)}` });
  let n = 0;
  const event = (type, more) => ({ type, event_id: `${name}-e${n += 1}`, ...more });
  const utm = (text) => { const [source, medium, campaign] = text.split('/'); return { source, medium, campaign }; };
  const touch = (ms, who) => r.pick([
    () => event('click', { link: r.pick(keys.link), occurred_at: at(ms), ...who }),
    () => event('visit', { url: `https://shop.example/?ref=${r.pick(keys.affiliate)}${r.chance(0.2) ? '&gclid=G' : ''}`, occurred_at: at(ms), ...who }),
    () => event('visit', { url: 'https://shop.example/', utm: utm(r.pick(keys.utm)), occurred_at: at(ms), ...who }),
    () => event('code_applied', { code: r.pick(keys.code), occurred_at: at(ms), ...who }),
    () => event('view', { link: r.pick(keys.link), occurred_at: at(ms), ...who }),
  ])();
  const events = [];
  for (let i = 0; i < 90; i += 1) events.push(touch(moment(), visitor()));
  for (let i = 0; i < 30; i += 1) events.push(event(r.pick(['cart', 'checkout', 'visit']), { url: 'https://shop.example/', ...(r.chance(0.6) ? { affiliate_id: r.pick(keys.affiliate) } : {}), occurred_at: at(moment()), ...visitor() }));
  const paid = (order, ms) => ({ order, ms });
  const orders = [];
  for (let i = 0; i < 70; i += 1) {
    const ms = moment();
    const who = visitor();
    // somebody who was sent, most of the time; by several, now and then
    for (let k = r.int(4); k > 0; k -= 1) events.push(touch(ms - r.int(r.pick([3600e3, 6 * DAY, 20 * DAY])), who));
    const currency = r.pick([site.currency, site.currency, site.currency, 'EUR', 'USD', 'GBP', 'JPY', 'CHF']);
    const total = currency === 'JPY' ? `${1 + r.int(90000)}` : `${1 + r.int(900)}.${10 + r.int(90)}`;
    const order = { id: `${name}-o${i}`, currency, total, kind: r.pick(['one_off', 'one_off', 'first']), source: r.pick(['web', 'pos']), status: r.chance(0.08) ? 'pending' : 'paid' };
    if (r.chance(0.3)) order.codes = [r.pick(keys.code)];
    if (r.chance(0.05)) order.test = true;
    orders.push(paid(order, ms));
    events.push(event('purchase', { order, occurred_at: at(ms), ...(r.chance(0.8) ? who : {}), ...(r.chance(0.8) ? { email: `c${r.int(18)}@example.com` } : {}) }));
  }
  for (const { order, ms } of orders) {
    const later = () => at(Math.min(now - 1000, ms + r.int(9 * DAY)));
    if (r.chance(0.2)) events.push(event('refund', { refund: { id: `${order.id}-r`, order_id: order.id, currency: order.currency, amount: r.chance(0.3) ? order.total : order.currency === 'JPY' ? '1' : '0.50' }, occurred_at: later() }));
    if (r.chance(0.07)) events.push(event('cancel', { order_id: order.id, occurred_at: later() }));
  }
  for (let i = 0; i < 12; i += 1) {
    const ms = moment();
    const who = visitor();
    if (r.chance(0.7)) events.push(touch(ms - r.int(DAY), who));
    events.push(event('lead', { lead: { id: `${name}-lead${i}`, value: '10.00', currency: site.currency }, occurred_at: at(ms), ...who }));
  }
  return r.shuffle(events);
}
