// Disk images of the local file system: opening, reading, and writing whole or not at all.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  hashBlocks,
  MemoryBlockFiles,
  MemoryBlockSource,
} from '../../../debug-adapter/backends/block-source';
import { nodeBlockFiles } from '../../../debug-adapter/host/node-block-files';

describe('disk images of the local file system', () => {
  let folder = '';
  const content = Uint8Array.from({ length: 10_000 }, (_, index) => index * 7);
  const inside = (name: string): string => join(folder, name);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hyperscope-blocks-'));
    writeFileSync(inside('disk.raw'), content);
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it('are read in any part, and not beyond their end', () => {
    const opening = nodeBlockFiles.open(inside('disk.raw'));
    assert.ok(opening.kind === 'opened');
    assert.equal(opening.source.sizeBytes, content.length);
    const part = new Uint8Array(3000);
    assert.ok(opening.source.read(7000, part));
    assert.deepEqual(part, content.subarray(7000));
    assert.ok(!opening.source.read(7001, part));
    assert.ok(!opening.source.read(-1, part));
  });

  it('say where there is none', () => {
    mkdirSync(inside('folder'));
    assert.equal(nodeBlockFiles.open(inside('none.raw')).kind, 'missing');
    assert.equal(nodeBlockFiles.open(inside('disk.raw/none')).kind, 'missing');
    assert.equal(nodeBlockFiles.open(inside('folder')).kind, 'failed');
  });

  it('are found beside another', () => {
    const opening = nodeBlockFiles.openBeside(inside('child.vhd'), 'disk.raw');
    assert.ok(opening.kind === 'opened');
    assert.equal(opening.path, inside('disk.raw'));
    assert.equal(nodeBlockFiles.openBeside('/nowhere/child', inside('disk.raw')).kind, 'opened');
  });

  it('are written whole, with zeros where nothing was written', () => {
    const outcome = nodeBlockFiles.writeWhole(inside('new.raw'), 5000, (sink) => {
      sink.write(4000, Uint8Array.of(1, 2, 3));
      sink.write(0, Uint8Array.of(9));
    });
    assert.equal(outcome.kind, 'written');
    const expected = new Uint8Array(5000);
    expected.set([9]);
    expected.set([1, 2, 3], 4000);
    assert.deepEqual(new Uint8Array(readFileSync(inside('new.raw'))), expected);
    assert.deepEqual(readdirSync(folder).sort(), ['disk.raw', 'new.raw']);
  });

  it('are left as they are where the writing fails', () => {
    const problem = new Error('no more');
    const write = (): void => {
      nodeBlockFiles.writeWhole(inside('disk.raw'), 10, (sink) => {
        sink.write(0, Uint8Array.of(1));
        throw problem;
      });
    };
    assert.throws(write, problem);
    const refused = nodeBlockFiles.writeWhole(inside('no/disk.raw'), 10, () => undefined);
    assert.equal(refused.kind, 'failed');
    assert.deepEqual(new Uint8Array(readFileSync(inside('disk.raw'))), content);
    assert.deepEqual(readdirSync(folder), ['disk.raw']);
  });

  it('have the name of their content that they have in memory', () => {
    const opening = nodeBlockFiles.open(inside('disk.raw'));
    assert.ok(opening.kind === 'opened');
    const name = hashBlocks(opening.source);
    assert.equal(name, hashBlocks(new MemoryBlockSource(content)));
    assert.notEqual(name, hashBlocks(new MemoryBlockSource(content.subarray(1))));
  });
});

describe('disk images in memory', () => {
  it('are opened, and written whole', () => {
    const files = new MemoryBlockFiles();
    assert.equal(files.open('a').kind, 'missing');
    files.writeWhole('a', 3, (sink) => sink.write(1, Uint8Array.of(5)));
    const opening = files.openBeside('b', 'a');
    assert.ok(opening.kind === 'opened');
    const bytes = new Uint8Array(3);
    assert.ok(opening.source.read(0, bytes) && !opening.source.read(1, bytes));
    assert.deepEqual(bytes, Uint8Array.of(0, 5, 0));
  });
});
