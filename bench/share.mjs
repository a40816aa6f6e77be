// A processor's share for a process: a control group of the kernel, of version 1 or 2, that stops all of its threads for
// the rest of each period in which they have used their part of it. Needs a writable hierarchy with the `cpu` controller:
// root, mostly.

import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const LEAST_US = 1000; // what the kernel lets a quota be
const PERIOD_US = 5000;

const has = (file, word) => existsSync(file) && readFileSync(file, 'utf8').split(/\s+/).includes(word);

// Where groups with a quota are made, and of which version.
function hierarchy() {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').trim().split('\n').map((line) => line.split(' '));
  const second = mounts.find(([, at, type]) => type === 'cgroup2' && has(join(at, 'cgroup.controllers'), 'cpu'));
  if (second) return { at: second[1], version: 2 };
  const first = mounts.find(([, , type, options]) => type === 'cgroup' && options.split(',').includes('cpu'));
  if (first) return { at: first[1], version: 1 };
  throw new Error('the kernel shows no hierarchy of control groups with the cpu controller: neither cgroup v2 nor v1 is mounted with it');
}

export class Share {
  // share: of one core, at most.
  constructor(name, share) {
    const { at, version } = hierarchy();
    const period = Math.max(PERIOD_US, Math.ceil(LEAST_US / share)), quota = Math.round(share * period);
    this.at = join(at, name);
    try {
      if (version === 2 && !has(join(at, 'cgroup.subtree_control'), 'cpu')) writeFileSync(join(at, 'cgroup.subtree_control'), '+cpu');
      mkdirSync(this.at);
      if (version === 2) this.write('cpu.max', `${quota} ${period}`);
      else {
        this.write('cpu.cfs_period_us', period);
        this.write('cpu.cfs_quota_us', quota);
      }
    } catch (error) {
      this.close();
      throw new Error(`no share of a processor can be given: ${error.message}; the control groups of version ${version} below ${at} have to be writable, which is root's mostly`);
    }
  }

  write(file, value) {
    writeFileSync(join(this.at, file), `${value}`);
  }

  // All threads of the process.
  take(pid) {
    this.write('cgroup.procs', pid);
  }

  // Periods in which any of it ran, and those in which all of it was stopped.
  figures() {
    const stat = readFileSync(join(this.at, 'cpu.stat'), 'utf8');
    const [periods, throttled] = ['nr_periods', 'nr_throttled'].map((name) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(stat)[1]));
    return { periods, throttled };
  }

  // The kernel keeps a group until its processes are gone.
  close() {
    if (existsSync(this.at)) rmdirSync(this.at);
  }
}
