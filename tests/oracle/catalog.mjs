// Who had which key when, by a catalog as it was recorded at some instant.

import { customerKeys } from './events.mjs';
import { fold } from './text.mjs';
import { duration, micros } from './time.mjs';

const visible = (row, asOf) =>
  (row.recorded_at ? micros(row.recorded_at) : -Infinity) <= asOf &&
  asOf < (row.superseded_at ? micros(row.superseded_at) : Infinity);
const from = (row) => (row.valid_from ? micros(row.valid_from) : -Infinity);
const to = (row) => (row.valid_to ? micros(row.valid_to) : Infinity);
const validAt = (row, at) => from(row) <= at && at < to(row);

const UTM_PARTS = ['source', 'medium', 'campaign', 'term', 'content'];

export class Catalog {
  constructor(rows, site) {
    const mine = (list) => (list ?? []).filter((row) => row.site === site);
    this.trackers = mine(rows.trackers);
    this.campaigns = mine(rows.campaigns);
    this.creatorCustomers = mine(rows.creator_customers);
  }

  known(kind, asOf) {
    return this.trackers.filter((t) => t.kind === kind && visible(t, asOf));
  }

  // The tracker of a touch's key at the touch's time.
  owner(touch, asOf) {
    if (touch.channel === 'utm') return this.#utmOwner(touch.key, touch.at, asOf);
    const kind = touch.channel === 'view' ? 'link' : touch.channel;
    const key = fold(touch.key);
    return this.trackers.find((t) => t.kind === kind && fold(t.key) === key && visible(t, asOf) && validAt(t, touch.at));
  }

  #utmOwner(utm, at, asOf) {
    const candidates = [];
    for (const t of this.known('utm', asOf)) {
      if (!validAt(t, at)) continue;
      const pattern = t.key.split('/');
      const stated = UTM_PARTS.map((_, i) => (pattern[i] && pattern[i] !== '*' ? 1 : 0));
      const fits = UTM_PARTS.every((part, i) => !stated[i] || fold(pattern[i]) === fold(utm[part] ?? ''));
      if (fits) candidates.push({ t, score: stated.reduce((a, b) => a + b, 0), stated: stated.join('') });
    }
    candidates.sort((a, b) => b.score - a.score || (a.stated > b.stated ? -1 : 1));
    return candidates[0]?.t;
  }

  // Of a code: whoever has it, else the latest who had it, within the grace.
  codeOwner(code, at, asOf, grace) {
    const rows = this.known('code', asOf).filter((t) => fold(t.key) === fold(code));
    const now = rows.find((t) => validAt(t, at));
    if (now) return now;
    return rows.filter((t) => to(t) <= at && at < to(t) + duration(grace)).sort((a, b) => to(b) - to(a))[0];
  }

  // The tracker's own word, else its campaign's.
  inherited(tracker, name, asOf) {
    if (tracker?.[name]) return tracker[name];
    const campaign = this.campaigns.find((c) => c.name === tracker?.campaign && visible(c, asOf));
    return campaign?.[name] || undefined;
  }

  // The keys by which a creator is a customer.
  keysOfCreator(creator, asOf) {
    return this.creatorCustomers.filter((row) => row.creator === creator && visible(row, asOf)).flatMap(customerKeys);
  }
}
