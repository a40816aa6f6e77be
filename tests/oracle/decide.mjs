// From eligible touches to money: collapse, the models, the row of each credit.

import { largestRemainder } from './money.mjs';
import { judge, otherName } from './eligibility.mjs';
import { DAY, duration } from './time.mjs';

export const MODELS = ['policy', 'last_touch', 'first_touch', 'linear', 'position', 'time_decay'];
export const ONE = 10n ** 12n;

const STRENGTH = ['view', 'code', 'utm', 'link', 'affiliate', 'click_id'];

const whoOf = (t) => t.creator ?? `other:${otherName(t)}`;

// The newest touch of the strongest evidence; members come newest first.
function strongest(newestFirst) {
  return newestFirst.reduce((a, b) => (STRENGTH.indexOf(b.evidence) > STRENGTH.indexOf(a.evidence) ? b : a));
}

// Anchored: the newest absorbs what the same creator did less than `collapse` before it; repeat.
function collapse(touches, gap) {
  const rest = [...touches];
  const groups = [];
  while (rest.length) {
    const anchor = rest.pop();
    const members = [anchor];
    for (let i = rest.length - 1; i >= 0; i--) {
      if (rest[i].creator === anchor.creator && whoOf(rest[i]) === whoOf(anchor) && anchor.at - rest[i].at < gap) {
        members.push(...rest.splice(i, 1));
      }
    }
    groups.unshift({ anchor, members, source: strongest(members) });
  }
  return groups;
}

function weights(model, path, order) {
  const n = path.length;
  const at = (i) => path.map((_, j) => (j === i ? 1n : 0n));
  switch (model) {
    case 'last_touch': return at(n - 1);
    case 'first_touch': return at(0);
    case 'linear': return path.map(() => 1n);
    case 'position':
      if (n === 1) return [1n];
      if (n === 2) return [1n, 1n];
      return path.map((_, i) => (i === 0 || i === n - 1 ? 40n * BigInt(n - 2) : 20n));
    case 'time_decay':
      return path.map((g) => {
        const age = (order.T - g.anchor.at) / duration(order.settings['model.half_life']);
        const w = BigInt(Math.round(2 ** -age * 2 ** 32));
        return w > 0n ? w : 1n;
      });
    default: throw new Error(model);
  }
}

const NOBODY = { creator: '', channel: 'unattributed', tracker: '' };
const rowOf = (creator, source) => ({ creator, channel: source.channel, tracker: source.owner.key });

function creditsOf(order, eligible, winner) {
  const { settings } = order;
  const path = collapse(eligible.filter((t) => t.creator || settings['model.scope'] === 'all'), duration(settings.collapse));
  const credits = Object.fromEntries(MODELS.map((m) => [m, []]));
  const give = (model, rows, w) => {
    const amounts = largestRemainder(order.gross, w);
    const shares = largestRemainder(ONE, w);
    rows.forEach((r, i) => { if (shares[i] > 0n) credits[model].push({ ...r, amount: amounts[i], share: shares[i] }); });
  };
  const pathRow = (g) => (g.anchor.creator ? rowOf(g.anchor.creator, g.source)
    : { creator: '', channel: 'other', tracker: otherName(g.anchor) });
  for (const model of MODELS.slice(1)) {
    if (path.length) give(model, path.map(pathRow), weights(model, path, order));
    else give(model, [NOBODY], [1n]);
  }
  if (winner.creator) {
    give('policy', [rowOf(winner.creator, strongest(eligible.filter((t) => t.creator === winner.creator).reverse()))], [1n]);
  } else if (winner.other !== undefined) give('policy', [{ creator: '', channel: 'other', tracker: winner.other }], [1n]);
  else give('policy', [NOBODY], [1n]);
  return credits;
}

const distinct = (list) => [...new Set(list)].sort();

export function decide(world, order) {
  const { eligible, refused, reason, winner } = judge(world, order);
  const claiming = eligible.filter((t) => t.creator);
  return {
    site: world.site, kind: order.kind, order_id: order.id, status: order.state, excluded: order.excluded, late: order.late,
    reason, counted: order.counted, gross: order.gross, total: order.total, currency: order.currency, placed_at: order.T,
    counted_at: order.countedAt, rule: winner.rule, credits: creditsOf(order, eligible, winner), keys: order.keysEver, eligible, refused,
    claims: distinct(claiming.map((t) => t.creator)), channel_claims: distinct(claiming.map((t) => t.channel)),
  };
}
