// Instants are microseconds since 1970 as numbers; texts are RFC 3339 in UTC.

export const MINUTE = 60e6;
export const HOUR = 3600e6;
export const DAY = 86400e6;

// Microseconds of an RFC 3339 time in UTC with up to six digits.
export function micros(text) {
  const m = /^(.{19})(?:\.(\d{1,6}))?Z$/.exec(text);
  return Date.parse(m[1] + 'Z') * 1000 + Number((m[2] ?? '').padEnd(6, '0'));
}

export const iso = (us) =>
  `${new Date(Math.floor(us / 1000)).toISOString().slice(0, 19)}.${String(us % 1e6).padStart(6, '0')}Z`;

export const duration = (text) => {
  const m = /^(\d+)(us|ms|s|m|h|d)?$/.exec(text);
  return Number(m[1]) * { us: 1, ms: 1e3, s: 1e6, m: MINUTE, h: HOUR, d: DAY }[m[2] ?? 's'];
};

const formats = new Map();
function format(zone) {
  if (!formats.has(zone)) {
    formats.set(zone, new Intl.DateTimeFormat('en-GB', { timeZone: zone, hourCycle: 'h23', year: 'numeric',
      month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' }));
  }
  return formats.get(zone);
}

// The wall clock of a zone at an instant, written as if it were UTC.
function wall(us, zone) {
  const parts = Object.fromEntries(format(zone).formatToParts(Math.floor(us / 1000)).map((p) => [p.type, Number(p.value)]));
  return Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second) * 1000 + (us % 1e6);
}

export const localDay = (us, zone) => new Date(wall(us, zone) / 1000).toISOString().slice(0, 10);

// The same local time `months` calendar months later; a day that the month lacks is its last day.
export function monthsLater(us, months, zone) {
  const local = wall(us, zone);
  const d = new Date(local / 1000);
  const year = d.getUTCFullYear();
  const month = d.getUTCMonth() + months;
  const last = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  const target = Date.UTC(year, month, Math.min(d.getUTCDate(), last)) * 1000 + (local % DAY);
  // The instant whose wall clock is that: guess with the offset of then, correct once.
  let guess = target - (wall(target, zone) - target);
  guess = target - (wall(guess, zone) - guess);
  return guess;
}
