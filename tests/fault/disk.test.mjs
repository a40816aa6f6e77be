// The disk that power cuts are computed from: what it keeps and what it loses.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { rng } from '../oracle/random.mjs';
import { Disk } from './disk.mjs';
import { noSyncAgain } from './points.mjs';

const dir = mkdtempSync(join(tmpdir(), 'attribd-disk-'));
after(() => rmSync(dir, { recursive: true }));

let disk;
let cuts = 0;
beforeEach(() => {
  const empty = join(dir, `empty-${cuts++}`);
  mkdirSync(empty);
  disk = new Disk(empty);
});

const call = (kind, path, more = {}) => disk.apply({ kind, path, result: 0, errno: 0, fault: '-', ...more });
const write = (path, offset, text) => call('write', path, { offset, result: text.length, data: Buffer.from(text) });
const failedSync = (path) => call('sync', path, { result: -1, errno: 5, fault: 'eio' });

function cut(r) {
  const made = join(dir, `cut-${cuts++}`);
  disk.cut(made, r);
  return { has: (name) => existsSync(join(made, name)), text: (name) => readFileSync(join(made, name), 'utf8'), names: () => readdirSync(made).sort() };
}

function file(name, text) {
  call('create', name);
  write(name, 0, text);
  call('sync', name);
  call('syncdir', '.');
}

test('bytes live by the sync of their file', () => {
  file('a', 'one');
  write('a', 3, ' two');
  assert.equal(cut().text('a'), 'one');
  call('sync', 'a');
  assert.equal(cut().text('a'), 'one two');
});

test('a name lives by the sync of its directory, without its bytes if they were not synced', () => {
  call('create', 'a');
  write('a', 0, 'one');
  call('sync', 'a');
  assert.deepEqual(cut().names(), []);
  call('create', 'b');
  write('b', 0, 'two');
  call('syncdir', '.');
  assert.equal(cut().text('a'), 'one');
  assert.equal(cut().text('b'), '');
});

test('a rename is undone, an unlink is undone, and the bytes are still there', () => {
  file('a', 'one');
  file('b', 'two');
  call('rename', 'a', { to: 'c' });
  call('unlink', 'b');
  assert.deepEqual(cut().names(), ['a', 'b']);
  assert.equal(cut().text('b'), 'two');
  call('syncdir', '.');
  assert.deepEqual(cut().names(), ['c']);
});

test('a new file of an old name is another file', () => {
  file('a', 'one');
  call('unlink', 'a');
  call('create', 'a');
  write('a', 0, 'two');
  call('sync', 'a');
  assert.equal(cut().text('a'), 'one');
  call('syncdir', '.');
  assert.equal(cut().text('a'), 'two');
});

test('directories hang in their own names', () => {
  call('mkdir', 'd');
  file('d/a', 'one');
  assert.deepEqual(cut().names(), ['d'], 'by the sync of file()');
  call('mkdir', 'e');
  call('create', 'e/b');
  call('syncdir', 'e');
  assert.ok(!cut().has('e'));
});

test('what a failed sync was to carry is lost, whatever later ones say', () => {
  file('a', 'one');
  write('a', 3, ' two');
  failedSync('a');
  write('a', 7, ' six');
  call('sync', 'a');
  assert.equal(cut().text('a'), 'one\0\0\0\0 six');
});

test('a lie carries nothing', () => {
  file('a', 'one');
  write('a', 0, 'two');
  call('sync', 'a', { fault: 'lie' });
  assert.equal(cut().text('a'), 'one');
});

test('truncate and allocate are changes like others', () => {
  file('a', 'one two');
  call('truncate', 'a', { length: 3 });
  assert.equal(cut().text('a'), 'one two');
  call('sync', 'a');
  call('allocate', 'a', { length: 5 });
  call('allocate', 'a', { length: 2 });
  call('sync', 'a');
  assert.equal(cut().text('a'), 'one\0\0');
});

test('a torn disk has each page as it was at some moment, and names in their order', () => {
  const page = (text) => text.repeat(4096);
  file('a', page('0') + page('0'));
  write('a', 0, page('1') + page('1'));
  write('a', 0, page('2') + page('2'));
  call('create', 'b');
  call('create', 'c');
  const pages = new Set();
  const names = new Set();
  for (let seed = 1; seed <= 200; seed++) {
    const seen = cut(rng(seed));
    const [first, second] = [seen.text('a')[0], seen.text('a')[4096]];
    assert.ok(new Set(seen.text('a')).size <= 2);
    pages.add(first + second);
    names.add(seen.names().join(''));
  }
  assert.equal(pages.size, 9);
  assert.deepEqual([...names].sort(), ['a', 'ab', 'abc']);
});

test('a second sync after one that failed is found', () => {
  const synced = (path, errno = 0) => ({ kind: 'sync', path, errno, result: errno ? -1 : 0 });
  noSyncAgain([synced('a'), synced('a', 5), synced('b'), { ...synced('a'), kind: 'create' }, synced('a')]);
  assert.throws(() => noSyncAgain([synced('a', 5), synced('b'), synced('a')]), /a is synced again/);
});
