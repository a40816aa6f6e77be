// What a disk holds, as the shim's log tells it: for each file what was written and what of it was synced,
// for each directory the names and those that were synced. From that comes what a power cut leaves.
//
// Strict: nothing that was not synced survives. Names live by the sync of their directory, bytes by that of
// their file. Torn: of what was not synced some survives, page by page and name by name, as a random
// generator says. What a failed sync was to carry is never carried by a later one: the kernel took it for
// written.

import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PAGE = 4096;

class Bytes {
  bytes = Buffer.alloc(0);
  size = 0;

  static of(buffer) {
    return Object.assign(new Bytes(), { bytes: buffer, size: buffer.length });
  }

  resize(size) {
    if (size > this.bytes.length) {
      const more = Buffer.alloc(Math.max(size, 2 * this.bytes.length));
      this.bytes.copy(more, 0, 0, this.size);
      this.bytes = more;
    } else if (size < this.size) this.bytes.fill(0, size, this.size);
    this.size = size;
  }

  apply(change) {
    if ('size' in change) {
      this.resize(change.size);
      return;
    }
    const end = change.at + change.length;
    if (end > this.size) this.resize(end);
    if (change.data) change.data.copy(this.bytes, change.at);
    else this.bytes.fill(0, change.at, end);
  }

  get content() { return this.bytes.subarray(0, this.size); }
}

// A write as pieces that lie in one page each.
function* pages(change) {
  for (let done = 0; done < change.length;) {
    const at = change.at + done;
    const length = Math.min(change.length - done, PAGE - at % PAGE);
    yield { at, length, data: change.data?.subarray(done, done + length), page: Math.floor(at / PAGE) };
    done += length;
  }
}

class File {
  live = new Bytes();
  durable = new Bytes();
  pending = []; // changes since the last sync

  static of(buffer) {
    return Object.assign(new File(), { live: Bytes.of(Buffer.from(buffer)), durable: Bytes.of(Buffer.from(buffer)) });
  }

  change(change) {
    this.live.apply(change);
    this.pending.push(change);
  }

  synced(well) {
    if (well) for (const change of this.pending) this.durable.apply(change);
    this.pending = [];
  }

  // A page on the disk is as it was at some moment since the last sync.
  torn(r) {
    const made = Bytes.of(Buffer.from(this.durable.content));
    const pieces = this.pending.flatMap((change) => ('size' in change ? [change] : [...pages(change)]));
    const versions = new Map();
    for (const { page } of pieces) versions.set(page, (versions.get(page) ?? 0) + 1);
    for (const [page, n] of versions) versions.set(page, r.int(n + 1));
    for (const piece of pieces) {
      const left = versions.get(piece.page);
      if (left > 0) made.apply(piece);
      versions.set(piece.page, left - 1);
    }
    return made.content;
  }
}

class Directory {
  live = new Map();
  durable = new Map();
  pending = [];

  // remove: a name that goes; name, node: one that comes.
  change(change) {
    Directory.apply(this.live, change);
    this.pending.push(change);
  }

  static apply(names, { remove, name, node }) {
    if (remove !== undefined) names.delete(remove);
    if (name !== undefined) names.set(name, node);
  }

  synced(well) {
    if (!well) return;
    this.durable = new Map(this.live);
    this.pending = [];
  }

  // Names change in their order.
  torn(r) {
    const made = new Map(this.durable);
    for (const change of this.pending.slice(0, r.int(this.pending.length + 1))) Directory.apply(made, change);
    return made;
  }
}

function load(path) {
  const made = new Directory();
  for (const item of readdirSync(path, { withFileTypes: true })) {
    made.live.set(item.name, item.isDirectory() ? load(join(path, item.name)) : File.of(readFileSync(join(path, item.name))));
  }
  made.durable = new Map(made.live);
  return made;
}

function save(path, directory, kept) {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  for (const [name, node] of kept.names(directory)) {
    if (node instanceof Directory) save(join(path, name), node, kept);
    else writeFileSync(join(path, name), kept.content(node), { mode: 0o600 });
  }
}

const STRICT = { names: (directory) => directory.durable, content: (file) => file.durable.content };
const torn = (r) => ({ names: (directory) => directory.torn(r), content: (file) => file.torn(r) });

const split = (path) => {
  const parts = path.split('/');
  const name = parts.pop();
  return { parts, name };
};

export class Disk {
  // As it is now, all of it durable.
  constructor(path) {
    this.root = load(path);
  }

  node(path) {
    return path === '.' ? this.root : path.split('/').reduce((node, name) => node?.live?.get?.(name), this.root);
  }

  parent(path) {
    const { parts, name } = split(path);
    return { directory: parts.reduce((node, part) => node.live.get(part), this.root), name };
  }

  put(path, node) {
    const { directory, name } = this.parent(path);
    directory.change({ name, node });
  }

  rename(path, to) {
    const node = this.node(path);
    const from = this.parent(path);
    const { directory, name } = this.parent(to);
    if (directory === from.directory) directory.change({ remove: from.name, name, node });
    else {
      directory.change({ name, node });
      from.directory.change({ remove: from.name });
    }
  }

  unlink(path) {
    const { directory, name } = this.parent(path);
    directory.change({ remove: name });
  }

  apply(call) {
    const well = call.result >= 0;
    if (call.fault === 'lie') return;
    if (call.kind === 'sync' || call.kind === 'syncdir') {
      if (well || call.errno) this.node(call.path).synced(well);
      return;
    }
    if (!well) return;
    switch (call.kind) {
      case 'create': this.put(call.path, new File()); break;
      case 'mkdir': this.put(call.path, new Directory()); break;
      case 'write': this.node(call.path).change({ at: call.offset, length: call.result, data: call.data }); break;
      case 'truncate': this.node(call.path).change({ size: call.length }); break;
      case 'allocate': if (call.length > this.node(call.path).live.size) this.node(call.path).change({ size: call.length }); break;
      case 'rename': this.rename(call.path, call.to); break;
      case 'link': this.put(call.to, this.node(call.path)); break;
      case 'unlink': this.unlink(call.path); break;
      default: break;
    }
  }

  // What a power cut now would leave, into a new directory. r: a random generator, for a torn one.
  cut(path, r) {
    save(path, this.root, r ? torn(r) : STRICT);
  }

  // Files whose bytes the log does not explain: the shim did not see how they came.
  unexplained(path) {
    const wrong = [];
    const compare = (at, directory, seen) => {
      for (const name of new Set([...directory.live.keys(), ...seen.live.keys()])) {
        const [a, b] = [directory.live.get(name), seen.live.get(name)];
        if (a instanceof Directory && b instanceof Directory) compare(join(at, name), a, b);
        else if (!(a instanceof File && b instanceof File && a.live.content.equals(b.live.content))) wrong.push(join(at, name));
      }
    };
    compare('.', this.root, load(path));
    return wrong;
  }
}

const FIELDS = ['group', 'n', 'kind', 'fault', 'result', 'errno', 'path', 'to', 'offset', 'length', 'bytes'];
const NUMBERS = ['n', 'result', 'errno', 'offset', 'length'];

// The calls of a shim's log, in their order.
export function readLog(path) {
  const log = readFileSync(path);
  const calls = [];
  for (let at = 0; at < log.length;) {
    const end = log.indexOf(10, at);
    const words = log.toString('utf8', at, end).split('\t');
    const call = Object.fromEntries(FIELDS.map((name, i) => [name, words[i]]));
    for (const name of NUMBERS) call[name] = Number(call[name]);
    at = end + 1;
    if (call.bytes !== 'z') {
      const length = Number(call.bytes);
      if (length) call.data = log.subarray(at, at + length);
      at += length;
    }
    delete call.bytes;
    calls.push(call);
  }
  return calls;
}
