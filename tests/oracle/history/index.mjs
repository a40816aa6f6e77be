// Random histories of one small shop: a catalog and up to forty events around a few orders.

import { rng } from '../random.mjs';
import { Day } from './day.mjs';
import { chooseFeatures } from './features.mjs';
import { randomShop } from './shop.mjs';

export { arrival } from './arrival.mjs';

export function randomHistory(seed, { only, also, size = 40 } = {}) {
  const r = rng(seed);
  const features = chooseFeatures(r, only, also);
  const catalog = randomShop(r, features);
  return { seed, features, catalog, events: new Day(r, features, catalog, size).run(), r };
}
