// The log of a VHDX is replayed as QEMU replays it, and refused where it cannot be.
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync } from 'node:fs';
import { MemoryBlockFiles } from '../../../../debug-adapter/backends/block-source';
import { openDiskImage } from '../../../../debug-adapter/parent-partition/virtual-disks/open-image';
import { vhdxChecksum } from '../../../../debug-adapter/parent-partition/virtual-disks/vhdx/vhdx-structures';
import {
  vhdxHeader as header,
  vhdxLogDescriptor as descriptor,
  vhdxLogEntry as entry,
} from '../../../../debug-adapter/spec/disk-images/vhdx';
import { UserError } from '../../../../debug-adapter/support/user-error';
import {
  hasQemuImg,
  ImageFolder,
  readWhole,
  runTool,
  sparseContent,
} from '../../../support/disk-images';
import { SeededRandom } from '../../../support/seeded-random';

const megabyte = 1 << 20;
const sectorBytes = 4096;
const logGuid = new SeededRandom(1).bytes(16);

interface Write {
  readonly fileOffset: number;
  /** A sector, or how many bytes of zeros. */
  readonly data: Uint8Array | number;
}

/** One entry of a log ([MS-VHDX] 2.3.1). */
function makeEntry(
  writes: readonly Write[],
  sequence: bigint,
  tail: number,
  fileBytes: number,
): Uint8Array {
  const data = writes.flatMap((write) => (typeof write.data === 'number' ? [] : [write.data]));
  const bytes = new Uint8Array(sectorBytes * (1 + data.length));
  const view = new DataView(bytes.buffer);
  bytes.set(Buffer.from('loge'));
  view.setUint32(entry.entryLength, bytes.length, true);
  view.setUint32(entry.tail, tail, true);
  view.setBigUint64(entry.sequenceNumber, sequence, true);
  view.setUint32(entry.descriptorCount, writes.length, true);
  bytes.set(logGuid, entry.logGuid);
  view.setBigUint64(entry.flushedFileOffset, BigInt(fileBytes), true);
  view.setBigUint64(entry.lastFileOffset, BigInt(fileBytes), true);
  let sector = 1;
  writes.forEach((write, index) => {
    const at = entry.descriptors + index * descriptor.sizeBytes;
    view.setBigUint64(at + descriptor.fileOffset, BigInt(write.fileOffset), true);
    view.setBigUint64(at + descriptor.sequenceNumber, sequence, true);
    if (typeof write.data === 'number') {
      bytes.set(Buffer.from('zero'), at);
      view.setBigUint64(at + descriptor.leadingBytesOrLength, BigInt(write.data), true);
      return;
    }
    bytes.set(Buffer.from('desc'), at);
    bytes.set(write.data.subarray(0, 8), at + descriptor.leadingBytesOrLength);
    bytes.set(write.data.subarray(4092), at + descriptor.trailingBytes);
    const from = sector++ * sectorBytes;
    bytes.set(write.data, from);
    bytes.set(Buffer.from('data'), from);
    view.setUint32(from + 4, Number(sequence >> 32n), true);
    view.setUint32(from + 4092, Number(sequence & 0xffff_ffffn), true);
  });
  view.setUint32(entry.checksum, vhdxChecksum(bytes, entry.checksum), true);
  return bytes;
}

describe('the log of a VHDX', () => {
  let folder = new ImageFolder();
  let file = new Uint8Array(0);
  let logOffset = 0;
  let logLength = 0;
  let payload = 0;
  const random = new SeededRandom(2);

  before(function () {
    // Counted as skipped: QEMU's program for images is not on this machine.
    if (!hasQemuImg) this.skip();
    folder = new ImageFolder();
    const raw = folder.write('raw', sparseContent(5 * megabyte, 3));
    runTool('qemu-img', 'convert', '-f', 'raw', '-O', 'vhdx', raw, folder.place('disk'));
    file = new Uint8Array(readFileSync(folder.place('disk')));
    const view = new DataView(file.buffer);
    logOffset = Number(view.getBigUint64(0x10000 + header.logOffset, true));
    logLength = view.getUint32(0x10000 + header.logLength, true);
    payload = file.length - 8 * megabyte;
  });

  after(() => folder.remove());

  /** The file with entries in its log, which begin at `start`. */
  function withLog(start: number, writes: readonly (readonly Write[])[]): Uint8Array {
    const bytes = file.slice();
    let at = start;
    writes.forEach((each, index) => {
      const made = makeEntry(each, 0x1_0000_0005n + BigInt(index), start, bytes.length);
      made.forEach((byte, offset) => {
        bytes[logOffset + ((at + offset) % logLength)] = byte;
      });
      at = (at + made.length) % logLength;
    });
    for (const offset of [0x10000, 0x20000]) {
      const part = bytes.subarray(offset, offset + sectorBytes);
      part.set(logGuid, header.logGuid);
      const checksum = vhdxChecksum(part, header.checksum);
      new DataView(part.buffer, part.byteOffset).setUint32(header.checksum, checksum, true);
    }
    return bytes;
  }

  const open = (bytes: Uint8Array) =>
    openDiskImage('disk', new MemoryBlockFiles(new Map([['disk', bytes]])));

  /** An entry that goes around the end stands alone: QEMU does not look for those before the first in the file. */
  const places: readonly (readonly [string, start: (length: number) => number, entries: number])[] =
    [
      ['two entries at its start', () => 0, 2],
      ['one around its end', (length) => length - sectorBytes, 1],
    ];
  for (const [title, start, entries] of places) {
    it(`is replayed as QEMU does it: ${title}`, function () {
      this.timeout(20_000);
      const written = [
        [{ fileOffset: payload, data: random.bytes(sectorBytes) }],
        [
          { fileOffset: payload + 8192, data: 3 * sectorBytes },
          { fileOffset: payload + sectorBytes, data: random.bytes(sectorBytes) },
        ],
      ];
      const bytes = withLog(start(logLength), written.slice(0, entries));
      const path = folder.write('dirty', bytes);
      copyFileSync(path, folder.place('replayed'));
      runTool('qemu-img', 'check', '-r', 'all', '-f', 'vhdx', folder.place('replayed'));
      const out = folder.place('out');
      runTool('qemu-img', 'convert', '-f', 'vhdx', '-O', 'raw', folder.place('replayed'), out);
      const before = Buffer.from(readWhole(open(file)));
      const replayed = Buffer.from(readWhole(open(bytes)));
      assert.ok(replayed.equals(readFileSync(out)));
      assert.ok(!replayed.equals(before));
    });
  }

  it('is one sequence where its entries go around its end', () => {
    const writes = [0, 1, 2].map((place) => [
      { fileOffset: payload + place * sectorBytes, data: random.bytes(sectorBytes) },
    ]);
    const expected = readWhole(open(withLog(0, writes)));
    const around = readWhole(open(withLog(logLength - 3 * sectorBytes, writes)));
    assert.ok(Buffer.from(around).equals(Buffer.from(expected)));
  });

  it('counts up to its last valid entry', () => {
    const first = [{ fileOffset: payload, data: random.bytes(sectorBytes) }];
    const second = [{ fileOffset: payload, data: random.bytes(sectorBytes) }];
    const torn = withLog(0, [first, second]);
    torn[logOffset + 3 * sectorBytes + 100] = 1 + (torn[logOffset + 3 * sectorBytes + 100] ?? 0);
    const expected = readWhole(open(withLog(0, [first])));
    assert.ok(Buffer.from(readWhole(open(torn))).equals(Buffer.from(expected)));
  });

  it('is refused where nothing in it is valid, or the file is too short for it', () => {
    const writes = [{ fileOffset: payload, data: random.bytes(sectorBytes) }];
    const bytes = withLog(0, [writes]);
    const damaged = bytes.slice();
    damaged[logOffset + 70] = 0xff;
    assert.throws(
      () => open(damaged),
      (error) => error instanceof UserError && /log says that a write/.test(error.message),
    );
    const short = bytes.subarray(0, bytes.length - megabyte);
    assert.throws(() => open(short), UserError);
  });
});
