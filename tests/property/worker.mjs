// Plays a share of the random histories. Started by histories.test.mjs with what to do in JSON; tells what
// it saw, or the first history on which engine and model differ, made small.

import { randomHistory, arrival } from '../oracle/history/index.mjs';
import { decideAll } from '../oracle/model.mjs';
import { duration } from '../oracle/time.mjs';
import { byOrder, differences, fromEngine, fromModel, same } from './compare.mjs';
import { Player } from './player.mjs';
import { shrink } from './shrink.mjs';

const IN_FLIGHT = 6;
const { from, to, step, arrivals, only } = JSON.parse(process.argv[2]);
const player = new Player();
const seen = { histories: 0, tied: 0, arrivals: 0, orders: 0, split: 0, features: {} };
let failure;

const maxLate = ({ sites: [site] }) => duration((site.versions?.at(-1) ?? site).settings.max_late ?? '90d');

// The catalog lines of an arrival stand for stages of the history's catalog; a smaller history has one.
async function howItFails({ catalog, lines }) {
  const events = [...new Map(lines.filter((l) => l.event).map((l) => [JSON.stringify(l), l])).values()];
  const notes = {};
  const want = byOrder(decideAll(catalog, events, notes), fromModel);
  if (notes.tied) return undefined;
  const rows = await player.play([{ catalog }, ...lines.filter((l) => !l.catalog)]);
  return differences(byOrder(rows, fromEngine), want);
}

async function small(seed, k, catalog, lines, found) {
  const plain = { catalog, lines };
  const { history, why } = await shrink(plain, howItFails);
  const told = why || `${found}\n(only with the catalog as it grew)`;
  return `seed ${seed}, arrival ${k}; again with ATTRIB_SEED=${seed} ATTRIB_HISTORIES=1${only ? ` ATTRIB_ONLY=${only}` : ''}\n${told}\n`
    + [{ catalog: history.catalog }, ...(why ? history.lines : lines)].map((l) => JSON.stringify(l)).join('\n');
}

async function one(seed) {
  const history = randomHistory(seed, { only });
  const notes = {};
  const want = byOrder(decideAll(history.catalog, history.events, notes), fromModel);
  seen.histories += 1;
  if (notes.tied) {
    seen.tied += 1;
    return;
  }
  const plays = Array.from({ length: arrivals }, (_, k) =>
    arrival(history.r, history, { plain: k === 0, maxLate: maxLate(history.catalog) }));
  const answers = await Promise.all(plays.map((lines) => player.play(lines)));
  for (const [k, rows] of answers.entries()) {
    const got = byOrder(rows, fromEngine);
    if (!same(got, want) && !failure) failure = { seed, k, catalog: history.catalog, lines: plays[k], found: differences(got, want) };
  }
  seen.arrivals += arrivals;
  seen.orders += Object.keys(want).length;
  seen.split += Object.values(want).filter((o) => o.credits?.linear.length > 1).length;
  for (const f of history.features) seen.features[f] = (seen.features[f] ?? 0) + 1;
}

let next = from;
async function lane() {
  for (let seed = next; seed < to && !failure; seed = next) {
    next += step;
    await one(seed);
  }
}

await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
const text = failure && await small(failure.seed, failure.k, failure.catalog, failure.lines, failure.found);
player.close();
process.stdout.write(JSON.stringify({ ...seen, failure: text }));
