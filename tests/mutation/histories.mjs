// What mutants play: random histories whose results the independent model has confirmed.

import { writeFileSync } from 'node:fs';
import { randomHistory, arrival } from '../oracle/history/index.mjs';
import { decideAll } from '../oracle/model.mjs';
import { duration } from '../oracle/time.mjs';
import { byOrder, fromEngine, fromModel, same } from '../property/compare.mjs';
import { Player } from '../property/player.mjs';

const ARRIVALS = 2; // in the order of its time, and in another

const maxLate = ({ sites: [site] }) => duration((site.versions?.at(-1) ?? site).settings.max_late ?? '90d');

// Writes the lines of `count` histories for the player; throws when engine and model differ.
export async function record(path, count) {
  const player = new Player(['play']);
  const text = [];
  for (let seed = 1; seed <= count; seed++) {
    const history = randomHistory(seed);
    const want = byOrder(decideAll(history.catalog, history.events), fromModel);
    for (let k = 0; k < ARRIVALS; k++) {
      const lines = arrival(history.r, history, { plain: k === 0, maxLate: maxLate(history.catalog) });
      if (!same(byOrder(await player.play(lines), fromEngine), want)) throw new Error(`engine and model differ on history ${seed}`);
      text.push({ reset: true }, ...lines, { flush: true });
    }
  }
  player.close();
  writeFileSync(path, text.map((line) => `${JSON.stringify(line)}\n`).join(''));
}
