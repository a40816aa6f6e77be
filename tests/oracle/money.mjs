// Exact money for the independent model: BigInt minor units, nothing shared with the daemon.

const EXPONENT = { JPY: 0, KRW: 0, KWD: 3, BHD: 3 };
export const exponentOf = (currency) => EXPONENT[currency] ?? 2;

export function minor(decimal, currency) {
  const m = /^(-?)(\d+)(?:\.(\d+))?$/.exec(decimal);
  if (!m) throw new Error(`not an amount: ${decimal}`);
  const exponent = exponentOf(currency);
  const fraction = (m[3] ?? '').padEnd(exponent, '0');
  if (/[1-9]/.test(fraction.slice(exponent))) throw new Error(`too many digits: ${decimal}`);
  const value = BigInt(m[2] + fraction.slice(0, exponent));
  return m[1] ? -value : value;
}

export function major(amount, currency) {
  const exponent = exponentOf(currency);
  const sign = amount < 0n ? '-' : '';
  const digits = String(amount < 0n ? -amount : amount).padStart(exponent + 1, '0');
  return exponent ? `${sign}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}` : sign + digits;
}

// Largest remainder: the whole amount is given away, equal remainders favour the earlier index.
export function largestRemainder(amount, weights) {
  const total = weights.reduce((a, w) => a + w, 0n);
  if (total <= 0n) throw new Error('no weight');
  const sign = amount < 0n ? -1n : 1n;
  const abs = amount * sign;
  const parts = weights.map((w, i) => ({ i, floor: (abs * w) / total, rest: (abs * w) % total }));
  let left = abs - parts.reduce((a, p) => a + p.floor, 0n);
  for (const p of [...parts].sort((a, b) => (a.rest === b.rest ? a.i - b.i : a.rest > b.rest ? -1 : 1))) {
    if (left === 0n) break;
    p.floor += 1n;
    left -= 1n;
  }
  return parts.map((p) => p.floor * sign);
}

// a x num / den, rounded half up.
export const scaleHalfUp = (a, num, den) => (2n * a * num + den) / (2n * den);
