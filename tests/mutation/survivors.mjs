// The list of mutants that live, each with its reason.
//
//   equivalent: why no test can tell it from the original; such mutants are left out of the figure
//   accepted: why it is not worth a test; such mutants count as survivors
//
// A reason holds for the mutants below it, until the next one. A mutant is its file and function, the
// line as it is and the line as it is changed: it is found wherever the line moves.

import { readFileSync } from 'node:fs';

export const key = (m) => `${m.file} ${m.function}\n- ${m.before}\n+ ${m.after}`;
export const writeSurvivor = (m) => `${key(m)}\n`;

// key -> { kind, reason }
export function readSurvivors(path) {
  const known = new Map();
  let reason;
  let rows = [];
  const end = () => {
    if (rows.length && (rows.length !== 3 || !reason)) throw new Error(`${path}: not a mutant under a reason: ${rows.join(' ')}`);
    if (rows.length) known.set(rows.join('\n'), reason);
    rows = [];
  };
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const head = line.match(/^(equivalent|accepted): (.+)/);
    if (head || !line.trim() || line.startsWith('#')) end();
    if (head) reason = { kind: head[1], reason: head[2] };
    else if (line.trim() && !line.startsWith('#')) rows.push(line.trim());
  }
  end();
  return known;
}
