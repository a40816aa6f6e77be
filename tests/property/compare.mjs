// What the engine and the independent model must agree on, in one canonical form.

import { MODELS, micros } from '../oracle/model.mjs';

const INVALID = { bot: 'bot or preview', prefetch: 'prefetch', head: 'HEAD request', own_site: 'own-site referrer', self_referral: 'self-referral' };

const EXCLUDED = { test: 'test', zero_total: 'zero total', source: 'excluded source', kind: 'excluded kind', tag: 'excluded tag' };

const creditText = (c) => `${c.creator || '-'} ${c.channel} ${c.tracker || '-'} ${c.amount} ${c.share}`;
const SUSPECT = { flood: 1 << 8, paid_ad: 1 << 9, too_fast: 1 << 12 }; // bits of a step's flags
const stepText = (s, at, suspect) => [s.channel, s.creator || '-', at, ...suspect].join(' ');
// A touch may be invalid and too old at once; which of them its reason names is nobody's business.
const inWindow = (s, row) => s.creator && s.occurred_at <= row.placed_at && row.placed_at < s.window_ends_at;
const distinct = (list) => [...new Set(list)].sort();

export function fromModel(d) {
  if (d.merged_into) return { merged_into: d.merged_into };
  return {
    status: d.status, ...(d.excluded ? { reason: EXCLUDED[d.excluded.split(':')[0]] } : {}), counted: d.counted, late: d.late, rule: d.rule, gross: String(d.gross), total: String(d.total), currency: d.currency,
    placed_at: d.placed_at, counted_at: d.counted_at ?? null, claims: d.claims,
    eligible: d.eligible.filter((t) => t.creator).map((t) => stepText(t, t.at, Object.keys(SUSPECT).filter((name) => t.suspect.includes(name)))),
    invalid: distinct(d.refused.filter((t) => t.creator).map((t) => `${t.channel} ${t.creator || '-'} ${t.at} ${INVALID[t.reason]}`)),
    credits: Object.fromEntries(MODELS.map((m) => [m, d.credits[m].map(creditText)])),
  };
}

export function fromEngine(row) {
  if (row.merged_into) return { merged_into: row.merged_into };
  const eligible = row.steps.filter((s) => s.eligible);
  const credits = Object.fromEntries(MODELS.map((m, i) => [m, row.credits
    .filter((c) => BigInt(c.share[i]) > 0n)
    .map((c) => creditText({ ...c, amount: c.amount[i], share: c.share[i] }))]));
  return {
    status: row.status, ...(row.status === 'excluded' ? { reason: row.reason } : {}), counted: row.counted, late: row.late, rule: row.rule, gross: String(row.gross), total: String(row.total),
    currency: row.currency, placed_at: micros(row.placed_at), counted_at: row.counted_at === null ? null : micros(row.counted_at),
    claims: distinct(eligible.filter((s) => s.creator).map((s) => s.creator)),
    eligible: eligible.filter((s) => s.creator).map((s) => stepText(s, micros(s.occurred_at), Object.keys(SUSPECT).filter((name) => s.flags & SUSPECT[name]))),
    invalid: distinct(row.steps.filter((s) => s.reason.startsWith('invalid:') && s.channel !== 'code' && inWindow(s, row))
      .map((s) => `${s.channel} ${s.creator || '-'} ${micros(s.occurred_at)} ${s.reason.slice(9)}`)),
    credits,
  };
}

// {name: canonical form}, in the order of names. Of several rows of one order the last counts.
export function byOrder(rows, convert) {
  const found = new Map();
  for (const r of rows) if (r.kind === 'order' || r.kind === 'lead') found.set(`${r.kind} ${r.order_id}`, convert(r));
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

export const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

const summary = (d) => (!d ? 'none' : d.merged_into ? `merged into ${d.merged_into}` : `${d.status} ${d.gross} ${d.currency} ${d.rule}`);

// The differences in words, an order a paragraph.
export function differences(got, want) {
  const lines = [];
  for (const name of distinct([...Object.keys(got), ...Object.keys(want)])) {
    if (same(got[name], want[name])) continue;
    lines.push(`${name}:`);
    const other = [got[name], want[name]].find((side) => !side || side.merged_into);
    if (other !== undefined || !got[name] || !want[name]) {
      lines.push(`    engine ${summary(got[name])}`, `    model  ${summary(want[name])}`);
      continue;
    }
    for (const field of distinct([...Object.keys(got[name] ?? {}), ...Object.keys(want[name] ?? {})])) {
      const [g, w] = [got[name]?.[field], want[name]?.[field]];
      if (!same(g, w)) lines.push(`  ${field}`, `    engine ${JSON.stringify(g)}`, `    model  ${JSON.stringify(w)}`);
    }
  }
  return lines.join('\n');
}
