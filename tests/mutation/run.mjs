// Would the tests notice? Every mutant of lib/engine is one changed operator, constant or jump; each is
// compiled, linked with all unit tests of the engine and random histories, and must be noticed.
//
//   node tests/mutation/run.mjs [--sample N] [--seed S] [--file NAME.c] [--jobs N] [--fast] [--resume]
//
// --fast leaves out the second round, in which what lives is run under the sanitizers.
// --resume takes from the run before what it killed; what lived, was not reached, or stands in a function
// that has changed since is asked again.
//
// A mutant is killed by a test that fails, a crash, an error of the sanitizers, another result of a
// history, or by running out of its limits (CPU, memory, wall clock). survivors.txt has those that live
// with the reason. Fails below 90 % killed, and when that list says what is not so.

import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, copyFileSync, existsSync, mkdirSync, openSync, closeSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { mutants } from './mutants.mjs';
import { key, readSurvivors, writeSurvivor } from './survivors.mjs';

const FLOOR = 0.9;
const HISTORIES = 400;
const CPU_SECONDS = 5;
const WALL_MS = 180_000;
const MEMORY_KB = 2_000_000;
const OUTPUT_BLOCKS = 200_000; // of 512 bytes

const { values: options } = parseArgs({ options: {
  sample: { type: 'string' }, seed: { type: 'string', default: '1' }, file: { type: 'string' }, jobs: { type: 'string', default: '2' },
  fast: { type: 'boolean', default: false }, resume: { type: 'boolean', default: false },
} });
const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '../..');
const engine = `${root}/lib/engine`;
const list = `${here}/survivors.txt`;
const killedFile = `${root}/build/mutation-killed.txt`; // what the tests have noticed so far, a name a line

// -- the program that a mutant is linked into --------------------------------------------------------

class Host {
  constructor(name, settings, compile, env, limits) {
    Object.assign(this, { dir: `${root}/build/${name}`, compileOptions: compile, env: { ...process.env, ...env }, limits });
    const run = (...command) => execFileSync('nice', ['-n', '19', ...command], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 });
    run('cmake', '-S', '.', '-B', this.dir, '-G', 'Ninja', '-DCMAKE_BUILD_TYPE=Debug', '-DCMAKE_C_FLAGS=-O1 -g0', '-DCMAKE_CXX_FLAGS=-O1 -g0', ...settings);
    run('ninja', '-j', options.jobs, '-C', this.dir, 'mutation_host');
    this.link = run('ninja', '-C', this.dir, '-t', 'commands', 'mutation_host').trim().split('\n').at(-1);
    this.program = `${this.dir}/tests/mutation/mutation_host`;
  }

  // The mutant's object comes first, so the linker takes nothing of that file from the library.
  async make(source, file, out) {
    const object = `${out}.o`;
    const compiled = await run(this.env, ['cc', '-std=gnu11', '-D_GNU_SOURCE', '-w', ...this.compileOptions, `-I${root}/include`,
      '-iquote', engine, '-c', source, '-o', object]);
    if (compiled.failed) return false;
    const link = this.link.replace(/-o tests\/mutation\/mutation_host/, `-fuse-ld=gold -o ${out} ${object}`);
    const linked = await run(this.env, ['sh', '-c', link], { cwd: this.dir });
    if (linked.failed) throw new Error(`${file} does not link: ${linked.why}`);
    return true;
  }

  limited(...command) {
    return ['sh', '-c', `ulimit -c 0; ulimit -f ${OUTPUT_BLOCKS}; ${this.limits}; exec "$@"`, 'sh', ...command];
  }

  // Why the tests noticed; '' when they did not.
  async test(program, histories, out) {
    const unit = await run(this.env, this.limited(program, 'fast'), { cwd: this.dir });
    if (unit.failed) return `tests: ${unit.why}`;
    const [input, output] = [openSync(histories.input, 'r'), openSync(out, 'w')];
    const play = await run(this.env, this.limited(program, 'play'), { cwd: this.dir, stdio: [input, output, 'ignore'] });
    closeSync(input);
    closeSync(output);
    if (play.failed) return `history: ${play.why}`;
    if (histories.expected && !readFileSync(out).equals(histories.expected)) return 'history';
    const slow = await run(this.env, this.limited(program, 'slow'), { cwd: this.dir });
    return slow.failed ? `slow tests: ${slow.why}` : '';
  }
}

// Ends by itself or is ended; one process, which is the one that is waited for.
function run(env, command, { cwd = root, stdio = ['ignore', 'ignore', 'ignore'] } = {}) {
  return new Promise((done) => {
    const child = spawn('nice', ['-n', '19', ...command], { cwd, env, stdio, timeout: WALL_MS, killSignal: 'SIGKILL' });
    child.on('error', (error) => done({ failed: true, why: error.message }));
    child.on('exit', (code, signal) => done({ failed: code !== 0, why: signal ?? `exit ${code}` }));
  });
}

const plain = () => new Host('mutation', [], ['-O0'], {}, `ulimit -t ${CPU_SECONDS}; ulimit -v ${MEMORY_KB}`);
// The address sanitizer reserves more than anybody has: it limits itself.
const sanitized = () =>
  new Host('mutation-asan', ['-DATTRIB_SANITIZE=ON'], ['-O0', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'],
    { ASAN_OPTIONS: `hard_rss_limit_mb=${MEMORY_KB / 1000}:allocator_may_return_null=1` }, `ulimit -t ${8 * CPU_SECONDS}`);

// -- mutants -----------------------------------------------------------------------------------------

function allMutants() {
  return readdirSync(engine).filter((f) => f.endsWith('.c')).sort()
    .flatMap((file) => mutants(file, readFileSync(`${engine}/${file}`, 'utf8')));
}

function choose(all) {
  let chosen = options.file ? all.filter((m) => m.file === options.file) : all;
  if (!options.sample) return chosen;
  let state = Number(options.seed) >>> 0;
  const random = () => { // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  chosen = chosen.map((m) => [random(), m]).sort(([a], [b]) => a - b).slice(0, Number(options.sample)).map(([, m]) => m);
  return chosen.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line));
}

// A mutant by the whole of its function: a changed one has others.
const name = (m) => createHash('sha256').update(`${m.file} ${m.function} ${m.part}`).digest('hex');

// Takes what the run before has killed; gives what is still to be asked.
function resume(rows) {
  const killed = new Set(options.resume && existsSync(killedFile) ? readFileSync(killedFile, 'utf8').split('\n') : []);
  if (!options.resume) rmSync(killedFile, { force: true });
  for (const m of rows) if (killed.has(name(m))) Object.assign(m, { killed: 'before', state: 'killed' });
  return rows.filter((m) => !m.state);
}

// Calls `work` for each, a few at a time.
async function each(rows, what, work) {
  let next = 0;
  let done = 0;
  await Promise.all(Array.from({ length: Number(options.jobs) }, async (_, lane) => {
    while (next < rows.length) {
      await work(rows[next++], lane);
      done += 1;
      if (done % 100 === 0) console.error(`${what}: ${done} of ${rows.length}`);
    }
  }));
}

async function judge(host, rows, histories, work, what) {
  await each(rows, what, async (mutant, lane) => {
    const out = `${work}/${lane}`;
    writeFileSync(`${out}.c`, mutant.text);
    mutant.killed = await host.make(`${out}.c`, mutant.file, out) ? await host.test(out, histories, `${out}.out`) : undefined;
    mutant.state = mutant.killed === undefined ? 'stillborn' : mutant.killed ? 'killed' : 'survived';
    if (mutant.killed) appendFileSync(killedFile, `${name(mutant)}\n`);
    if (mutant.state === 'survived') console.error(`lives: ${mutant.file}:${mutant.line} ${mutant.after}`);
  });
}

// The optimizer makes the same code of it: no test could tell.
async function findSame(rows, work) {
  const object = async (source, out) => {
    await run(process.env, ['cc', '-std=gnu11', '-D_GNU_SOURCE', '-w', '-O2', `-I${root}/include`, '-iquote', engine, '-c', source, '-o', out]);
    return readFileSync(out);
  };
  for (const mutant of rows) {
    const source = `${work}/${mutant.file}`;
    copyFileSync(`${engine}/${mutant.file}`, source);
    const original = await object(source, `${work}/same.o`);
    writeFileSync(source, mutant.text);
    if (original.equals(await object(source, `${work}/same.o`))) mutant.state = 'same';
  }
}

// -- report ------------------------------------------------------------------------------------------

const count = (rows, state) => rows.filter((m) => m.state === state).length;

function tell(title, rows) {
  const killed = count(rows, 'killed');
  const all = killed + count(rows, 'survived') + count(rows, 'equivalent') + count(rows, 'accepted');
  const real = all - count(rows, 'equivalent');
  const percent = (of) => `${of ? (Math.floor((killed / of) * 1000) / 10).toFixed(1) : '100.0'} %`.padStart(8);
  console.log(`${title.padEnd(16)}${String(killed).padStart(5)} of ${String(all).padStart(4)} killed${percent(all)}` +
    `   without ${String(all - real).padStart(3)} equivalent${percent(real)}   open ${count(rows, 'survived')}`);
  return real ? killed / real : 1;
}

function explain(rows, known, all) {
  const problems = [];
  const keys = new Set(all.map(key));
  for (const [k, { kind }] of known) {
    if (!keys.has(k)) problems.push(`survivors.txt: there is no such mutant any more:\n${k}`);
    const met = rows.filter((m) => key(m) === k);
    if (met.length && met.every((m) => m.state !== 'survived')) problems.push(`survivors.txt: it does not survive:\n${k}`);
    for (const m of met) if (m.state === 'survived') m.state = kind;
  }
  return problems;
}

async function main() {
  const work = `${root}/build/mutation-work`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const known = readSurvivors(list);
  const all = allMutants();
  const rows = choose(all);

  console.error(`building; ${rows.length} mutants`);
  const host = plain();
  process.env.ATTRIB_PLAY = host.program;
  const histories = { input: `${work}/histories.ndjson` };
  const { record } = await import('./histories.mjs');
  await record(histories.input, HISTORIES);
  const untouched = await host.test(host.program, histories, `${work}/expected`);
  if (untouched) throw new Error(`the tests fail without a mutant: ${untouched}`);
  histories.expected = readFileSync(`${work}/expected`);

  // What changes nothing lives: else everything would seem to be noticed.
  const [{ file }] = all;
  if (!(await host.make(`${engine}/${file}`, file, `${work}/none`)) || (await host.test(`${work}/none`, histories, `${work}/none.out`)))
    throw new Error('a mutant without a change was killed');

  await judge(host, resume(rows), histories, work, 'tests');
  let left = rows.filter((m) => m.state === 'survived' && !known.has(key(m)));
  await findSame(left, work);
  left = left.filter((m) => m.state === 'survived');
  console.error(`${left.length} live${options.fast ? '' : '; again with sanitizers'}`);
  if (left.length && !options.fast) await judge(sanitized(), left, histories, work, 'tests with sanitizers');

  const problems = explain(rows, known, all);
  for (const m of rows.filter((r) => r.state === 'survived')) console.log(`survived: lib/engine/${m.file}:${m.line}\n${writeSurvivor(m)}`);
  writeFileSync(`${root}/build/mutation/results.json`, JSON.stringify(rows.map(({ text, part, ...m }) => m)));
  for (const file of new Set(rows.map((m) => m.file))) tell(file, rows.filter((m) => m.file === file));
  const part = tell('all', rows);
  console.log(`not counted: ${count(rows, 'stillborn')} that do not compile, ${count(rows, 'same')} of the same machine code`);
  for (const p of problems) console.error(p);
  if (part < FLOOR) console.error(`fewer than ${FLOOR * 100} of 100 mutants were noticed`);
  process.exitCode = problems.length || part < FLOOR ? 1 : 0;
  rmSync(work, { recursive: true, force: true });
}

await main();
