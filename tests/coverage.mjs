// How much of lib/engine the tests run: lines and branches per file, from gcov's own JSON.
//
//   node tests/coverage.mjs BUILD        after the tests ran in a build with -DATTRIB_COVERAGE=ON
//
// Every line must be run, and 95 of 100 branches taken. What no test can reach is said so at the line, with the
// reason: /* uncovered: why */. It is listed, and neither asked for nor counted.

import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const LINES = 1;
const BRANCHES = 0.95;
const ROOM = 'lib/engine';
const MARKER = /\/\* uncovered: (.*?) \*\//;

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const build = resolve(process.argv[2] ?? `${root}/build/coverage`);
const objects = `${build}/${ROOM}/CMakeFiles/attrib_engine.dir`;

function gcov(name) {
  try {
    return execFileSync('gcov', ['--json-format', '--stdout', '--branch-probabilities', name],
      { cwd: objects, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    throw new Error(`gcov ${name}: ${error.stderr.trim() || error.message}; remove the .gcda files and run the tests again`);
  }
}

// file -> line number -> { count, branches: [count] }; an inline function of a header is met in many objects.
function measure() {
  const files = new Map();
  for (const name of readdirSync(objects).filter((f) => f.endsWith('.gcno'))) {
    for (const file of JSON.parse(gcov(name)).files) {
      const path = relative(root, resolve(build, file.file));
      if (!path.startsWith(`${ROOM}/`)) continue;
      const lines = files.get(path) ?? new Map();
      files.set(path, lines);
      for (const { line_number: number, count, branches } of file.lines) {
        const line = lines.get(number) ?? { count: 0, branches: [] };
        lines.set(number, line);
        line.count += count;
        branches.forEach((b, i) => { line.branches[i] = (line.branches[i] ?? 0) + b.count; });
      }
    }
  }
  return files;
}

function summarize(path, lines) {
  const text = readFileSync(`${root}/${path}`, 'utf8').split('\n');
  const sum = { path, lines: 0, run: 0, branches: 0, taken: 0, missed: [], excused: [] };
  for (const [number, { count, branches }] of [...lines].sort(([a], [b]) => a - b)) {
    const where = `${path}:${number}`;
    const excuse = text[number - 1].match(MARKER);
    if (excuse) {
      sum.excused.push(`${where}: ${excuse[1]}`);
      continue;
    }
    const taken = branches.filter(Boolean).length;
    sum.lines += 1;
    sum.run += count > 0;
    sum.branches += branches.length;
    sum.taken += taken;
    if (!count) sum.missed.push(`${where}: never run: ${text[number - 1].trim()}`);
    else if (taken < branches.length)
      sum.missed.push(`${where}: ${branches.length - taken} of ${branches.length} branches: ${text[number - 1].trim()}`);
  }
  return sum;
}

const part = (n, of) => (of ? n / of : 1);
const percent = (n, of) => `${(Math.floor(part(n, of) * 1000) / 10).toFixed(1)} %`.padStart(8);

function print(sum) {
  console.log(`${sum.path.padEnd(28)} lines ${String(sum.run).padStart(5)}/${String(sum.lines).padEnd(5)}${percent(sum.run, sum.lines)}` +
    `   branches ${String(sum.taken).padStart(5)}/${String(sum.branches).padEnd(5)}${percent(sum.taken, sum.branches)}`);
}

const sums = [...measure()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, lines]) => summarize(path, lines));
const all = { path: 'all', lines: 0, run: 0, branches: 0, taken: 0 };
for (const sum of sums) for (const key of ['lines', 'run', 'branches', 'taken']) all[key] += sum[key];
for (const line of sums.flatMap((sum) => sum.missed)) console.log(line);
for (const line of sums.flatMap((sum) => sum.excused)) console.log(`excused: ${line}`);
[...sums, all].forEach(print);
if (!all.lines || part(all.run, all.lines) < LINES || part(all.taken, all.branches) < BRANCHES) {
  console.error(`coverage: every line and ${BRANCHES * 100} of 100 branches of ${ROOM} must be run`);
  process.exitCode = 1;
}
