// Sketches of visitors: which bits a set of visitors must have, from their ids and the installation's secret alone
// (include/attrib/batch.h says what a bit is, include/attrib/id.h how a visitor's id is made).

import { createHmac } from 'node:crypto';
import { localDay } from './time.mjs';
import { strongestKey } from './traffic.mjs';

const MASK = (1n << 64n) - 1n;
const rotl = (x, n) => ((x << n) | (x >> (64n - n))) & MASK;

// SipHash-2-4 with an output of 128 bits.
export function sip128(key, bytes) {
  const at = (p, i) => p.readBigUInt64LE(i);
  const [k0, k1] = [at(key, 0), at(key, 8)];
  let v = [k0 ^ 0x736f6d6570736575n, k1 ^ 0x646f72616e646f6dn ^ 0xeen, k0 ^ 0x6c7967656e657261n, k1 ^ 0x7465646279746573n];
  const round = () => {
    let [a, b, c, d] = v;
    a = (a + b) & MASK; b = rotl(b, 13n) ^ a; a = rotl(a, 32n);
    c = (c + d) & MASK; d = rotl(d, 16n) ^ c;
    a = (a + d) & MASK; d = rotl(d, 21n) ^ a;
    c = (c + b) & MASK; b = rotl(b, 17n) ^ c; c = rotl(c, 32n);
    v = [a, b, c, d];
  };
  const padded = Buffer.alloc(8 * (Math.floor(bytes.length / 8) + 1));
  bytes.copy(padded);
  padded[padded.length - 1] = bytes.length & 255;
  for (let i = 0; i < padded.length; i += 8) {
    v[3] ^= at(padded, i);
    round(); round();
    v[0] ^= at(padded, i);
  }
  v[2] ^= 0xeen;
  const out = Buffer.alloc(16);
  for (let i = 0; i < 2; i += 1) {
    for (let j = 0; j < 4; j += 1) round();
    out.writeBigUInt64LE(v[0] ^ v[1] ^ v[2] ^ v[3], 8 * i);
    v[1] ^= 0xddn;
  }
  return out;
}

const PRIME32_2 = 0x85ebca77n;
const PRIME64_1 = 0x9e3779b185ebca87n;
const PRIME64_2 = 0xc2b2ae3d27d4eb4fn;
const FLIPS = [0x78e5c0cc4ee679cbn ^ 0x2172ffcc7dd05a82n, 0x8e2443f7744608b8n ^ 0x4c263a81e69035e0n]; // of XXH3's default secret
const swapped = (x) => Buffer.from(x.toString(16).padStart(16, '0'), 'hex').readBigUInt64LE();

// The low half of XXH3-128 of 16 bytes.
export function xxh16(seed, bytes) {
  const low = bytes.readBigUInt64LE(0);
  const high = bytes.readBigUInt64LE(8);
  const product = (low ^ high ^ ((FLIPS[0] - seed) & MASK)) * PRIME64_1;
  const flipped = high ^ ((FLIPS[1] + seed) & MASK);
  const upper = ((product >> 64n) + flipped + (flipped & 0xffffffffn) * (PRIME32_2 - 1n)) & MASK;
  const lower = ((product + (15n << 54n)) & MASK) ^ swapped(upper);
  let h = (lower * PRIME64_2) & MASK;
  h ^= h >> 37n;
  h = (h * 0x165667919e3779f9n) & MASK;
  return h ^ (h >> 32n);
}

export const PLAY_SECRET = Buffer.alloc(96, 7); // attrib-play's
const DOMAINS = { visitor: 3, email: 7, phone: 8, customer: 9, sketch: 12 };

// The 16 bytes of a text within site and domain: what names a person by HMAC, a visitor by SipHash.
function idOf(secret, domain, site, text) {
  const name = Buffer.from(site);
  const head = Buffer.alloc(5, DOMAINS[domain]);
  head.writeUInt32LE(name.length, 1);
  const bytes = Buffer.concat([head, name, Buffer.from(text)]);
  if (domain === 'visitor') return sip128(secret, bytes);
  return createHmac('sha256', secret.subarray(32, 64)).update(bytes).digest().subarray(0, 16);
}

// The visitor's place in the bit string. kind: visitor, or that of the customer's key that stands in for it.
export function markOf(secret, site, kind, text) {
  const word = xxh16(secret.readBigUInt64LE(16) + BigInt(DOMAINS.sketch), idOf(secret, kind, site, text));
  let rank = 0;
  for (let rest = word >> 10n; rank < 23 && (rest & 1n) === 0n; rest >>= 1n) rank += 1;
  return 1024 * rank + Number(word & 1023n);
}

// A touch without a visitor is that of the customer, by the first of the keys that name it.
const KINDS = { e: 'email', p: 'phone', c: 'customer' };
function markOfEvent(secret, site, e) {
  if (e.visitor) return markOf(secret, site, 'visitor', e.visitor);
  const key = ['e', 'p', 'c'].map((kind) => e.keys.find((k) => k.startsWith(kind))).find(Boolean);
  return key && markOf(secret, site, KINDS[key[0]], (key[0] === 'p' ? '+' : '') + key.slice(2));
}

const FLAWS = ['bot', 'prefetch', 'head', 'own_site', 'flood', 'paid_ad'];

// The bit string of the visitors of each "day D channel key" and "month D channel key".
export function sketchesOf(world, secret) {
  const zone = world.versions.at(-1).time_zone;
  const sets = new Map();
  for (const e of world.events) {
    const [channel, key] = strongestKey(e);
    if (!['click', 'visit'].includes(e.type) || channel === 'direct' || FLAWS.some((f) => e.verdicts.has(f))) continue;
    const mark = markOfEvent(secret, world.site, e);
    if (mark === undefined) continue;
    const day = localDay(e.at, zone);
    for (const span of [`day ${day}`, `month ${day.slice(0, 7)}-01`]) {
      const name = `${span} ${channel} ${key}`;
      if (!sets.has(name)) sets.set(name, new Set());
      sets.get(name).add(mark);
    }
  }
  return new Map([...sets].map(([name, marks]) => {
    const bits = Array(1024 * (Math.floor(Math.max(...marks) / 1024) + 1)).fill('0');
    for (const mark of marks) bits[mark] = '1';
    return [name, bits.join('')];
  }));
}
