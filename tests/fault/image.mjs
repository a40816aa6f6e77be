// A disk whose power can be cut: an ext4 file system in a file on btrfs. A clone of that file (reflink)
// holds what the disk had been given at one instant, and nothing of what was still in the page cache of
// ext4: the kernel replays its journal when the clone is mounted, as after a real power cut.
//
// The clone is an instant because btrfs locks the file for it: writes of the loop device wait.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const BTRFS_SIZE = '768M'; // sparse, in memory: what is really written is a fraction
const EXT4_SIZE = '192M'; // unless told otherwise

const run = (...args) => execFileSync(args[0], args.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
const firstLine = (error) => `${error.stderr || error.message}`.trim().split('\n')[0];

// Why this machine has no such disk; undefined when it has.
export function noDisk() {
  if (process.getuid() !== 0) return 'not root';
  try {
    const disk = Disk.make();
    disk.close();
    return undefined;
  } catch (error) {
    return firstLine(error);
  }
}

export class Disk {
  static make(size = EXT4_SIZE) {
    const disk = new Disk();
    try {
      disk.prepare(size);
    } catch (error) {
      disk.close();
      throw error;
    }
    return disk;
  }

  prepare(size) {
    this.dir = mkdtempSync(join(tmpdir(), 'attribd-disk-'));
    this.mounts = []; // in the order in which they were made
    this.images = 0;
    this.mount('tmpfs', this.path('memory'), '-t', 'tmpfs', '-o', `size=${BTRFS_SIZE}`);
    run('truncate', '-s', BTRFS_SIZE, this.path('memory/btrfs'));
    run('mkfs.btrfs', '-q', this.path('memory/btrfs'));
    this.mount(this.path('memory/btrfs'), this.path('btrfs'), '-o', 'loop');
    this.image = this.path(`btrfs/${this.images++}`);
    run('truncate', '-s', size, this.image);
    run('mkfs.ext4', '-q', '-b', '4096', this.image);
    run('cp', '--reflink=always', this.image, `${this.image}.probe`);
    rmSync(`${this.image}.probe`);
  }

  path(name) {
    return join(this.dir, name);
  }

  mount(what, where, ...options) {
    mkdirSync(where, { recursive: true });
    run('mount', ...options, what, where);
    this.mounts.push(where);
  }

  unmount(where) {
    run('umount', where);
    this.mounts = this.mounts.filter((at) => at !== where);
  }

  // Puts the disk into the machine, at the directory `where`. Nothing comes to it by the mere passing of time.
  attach(where) {
    this.at = where;
    this.mount(this.image, where, '-o', 'loop,commit=300');
  }

  // What the disk holds at this instant, as an image for `swap`.
  snapshot() {
    const copy = this.path(`btrfs/${this.images++}`);
    run('cp', '--reflink=always', this.image, copy);
    return copy;
  }

  // Takes the disk out, whose files nobody has open any more, and puts the one of `image` in; returns the
  // image of the one before.
  swap(image) {
    const old = this.image;
    this.unmount(this.at);
    this.image = image;
    this.attach(this.at);
    return old;
  }

  drop(image) {
    rmSync(image);
  }

  // Everything written so far is on the disk.
  sync() {
    run('sync', '-f', this.at);
  }

  close() {
    for (const where of (this.mounts ?? []).reverse()) run('umount', where);
    if (this.dir && existsSync(this.dir)) rmSync(this.dir, { recursive: true });
  }
}
