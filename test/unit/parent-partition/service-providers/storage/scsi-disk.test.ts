// SCSI commands to a disk, as Linux 6.1 (drivers/scsi) and SBC-4 expect them.
import assert from 'node:assert/strict';
import type { ScsiDisk } from '../../../../../debug-adapter/parent-partition/service-providers/storage/scsi-disk';
import { command, labDisk } from '../../../../support/storage-lab';

const blocks = 0x2000;
const content = Uint8Array.from({ length: blocks * 512 }, (_, at) => (at >>> 9) + at * 3);
const block = (number: number, count = 1): Uint8Array =>
  content.slice(number * 512, (number + count) * 512);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** [command, bytes of room, what is read] */
const reads: readonly (readonly [title: string, text: string, room: number, data: Uint8Array])[] = [
  ['READ(6)', '08 00 00 05 02 00', 1024, block(5, 2)],
  ['READ(6) of 256 blocks', '08 00 01 00 00 00', 256 * 512, block(256, 256)],
  ['READ(10)', '28 00 00 00 1f ff 00 00 01 00', 512, block(0x1fff)],
  ['READ(10) of nothing', '28 00 00 00 20 00 00 00 00 00', 512, block(0, 0)],
  ['READ(12)', 'a8 00 00 00 00 07 00 00 00 03 00 00', 1536, block(7, 3)],
  [
    'READ(16)',
    '88 00 00 00 00 00 00 00 10 00 00 00 08 00 00 00',
    0x800 * 512,
    block(0x1000, 0x800),
  ],
  ['READ CAPACITY(10)', '25', 8, Uint8Array.of(0, 0, 0x1f, 0xff, 0, 0, 2, 0)],
  [
    'READ CAPACITY(16)',
    '9e 10 00 00 00 00 00 00 00 00 00 00 00 20',
    32,
    Uint8Array.of(0, 0, 0, 0, 0, 0, 0x1f, 0xff, 0, 0, 2, 0, 0, 0, 0xc0, ...new Uint8Array(17)),
  ],
  ['MODE SENSE(6), header', '1a 00 08 00 04', 4, Uint8Array.of(23, 0, 0x10, 0)],
  [
    'MODE SENSE(10)',
    '5a 00 3f 00 00 00 00 00 ff',
    255,
    Uint8Array.of(0, 26, 0, 0x10, 0, 0, 0, 0, 8, 18, 4, ...new Uint8Array(17)),
  ],
  [
    'INQUIRY, supported pages',
    '12 01 00 00 ff',
    255,
    Uint8Array.of(0, 0, 0, 6, 0, 0x80, 0x83, 0xb0, 0xb1, 0xb2),
  ],
  ['INQUIRY, provisioning', '12 01 b2 00 ff', 255, Uint8Array.of(0, 0xb2, 0, 4, 0, 0xe4, 2, 0)],
  [
    'REQUEST SENSE',
    '03 00 00 00 12',
    18,
    Uint8Array.of(0x70, 0, 0, 0, 0, 0, 0, 10, ...new Uint8Array(10)),
  ],
];

/** [command, data, SRB status, sense key/code/qualifier] */
const refusals: readonly (readonly [
  title: string,
  text: string,
  room: number,
  srb: number,
  sense: string,
])[] = [
  ['an unknown command', 'ff', 0, 0x86, '5 20 00'],
  ['ATA PASS-THROUGH', '85', 512, 0x86, '5 20 00'],
  ['another service action', '9e 12', 32, 0x86, '5 20 00'],
  ['a block behind the end', '28 00 00 00 20 00 00 00 01 00', 512, 0x84, '5 21 00'],
  ['blocks across the end', '28 00 00 00 1f ff 00 00 02 00', 1024, 0x84, '5 21 00'],
  ['a block beyond all numbers', '88 00 ff ff ff ff ff ff ff ff 00 00 00 01', 512, 0x84, '5 21 00'],
  ['too little room', '28 00 00 00 00 00 00 00 02 00', 1023, 0x92, '5 24 00'],
  ['READ CAPACITY without room', '25', 7, 0x92, '5 24 00'],
  ['a page code without EVPD', '12 00 80 00 ff', 255, 0x86, '5 24 00'],
  ['CMDDT', '12 02 00 00 ff', 255, 0x86, '5 24 00'],
  ['an unknown page of vital product data', '12 01 c0 00 ff', 255, 0x86, '5 24 00'],
  ['an unknown mode page', '1a 00 1c 00 ff', 255, 0x86, '5 24 00'],
  ['saved mode pages', '1a 00 c8 00 ff', 255, 0x86, '5 24 00'],
  ['UNMAP without its list', '42 00 00 00 00 00 00 00 18', 8, 0x86, '5 24 00'],
  [
    'WRITE SAME of more than there may be',
    '93 00 00 00 00 00 00 00 00 00 00 00 00 00',
    512,
    0x86,
    '5 24 00',
  ],
];

function senseOf(bytes: Uint8Array): string {
  const [key = 0, code = 0, qualifier = 0] = [bytes[2], bytes[12], bytes[13]];
  return `${key.toString(16)} ${hex(Uint8Array.of(code))} ${hex(Uint8Array.of(qualifier))}`;
}

describe('a SCSI disk', () => {
  for (const [title, text, room, expected] of reads) {
    it(`answers ${title}`, () => {
      const { outcome, got } = command(labDisk(content), text, new Uint8Array(room));
      assert.equal(outcome.srbStatus, 1);
      assert.equal(outcome.scsiStatus, 0);
      assert.equal(hex(got), hex(expected));
    });
  }

  for (const [title, text, room, srb, sense] of refusals) {
    it(`refuses ${title}`, () => {
      const { outcome } = command(labDisk(content), text, new Uint8Array(room));
      assert.equal(outcome.srbStatus, srb);
      assert.equal(outcome.scsiStatus, 2);
      assert.equal(senseOf(outcome.sense), sense);
      assert.equal(outcome.transferredBytes, 0);
    });
  }

  it('says who it is', () => {
    const { got } = command(labDisk(content), '12 00 00 00 24', new Uint8Array(36));
    assert.equal(hex(got.subarray(0, 8)), '0000050263000002');
    assert.equal(Buffer.from(got.subarray(8)).toString(), 'Msft    Virtual Disk    1.0 ');
  });

  it('names itself as Microsoft does, with 16 bytes of its own', () => {
    const disk = labDisk(content);
    const { identity } = disk.disk.image;
    const { got } = command(disk, '12 01 83 00 ff', new Uint8Array(255));
    const registered = [0x60, 2, 0x24, 0x80, ...identity.subarray(0, 6), ...identity.subarray(10)];
    assert.equal(
      hex(got.subarray(4)),
      `01010018${hex(Buffer.from('Msft    '))}${hex(identity)}01030010${hex(Uint8Array.from(registered))}`,
    );
    const serial = command(disk, '12 01 80 00 ff', new Uint8Array(255)).got;
    assert.equal(Buffer.from(serial.subarray(4)).toString(), hex(identity));
  });

  /** [command, data that are sent, first block and blocks that are then new] */
  const writes: readonly (readonly [string, string, number, number, number])[] = [
    ['WRITE(6)', '0a 00 00 09 02 00', 1024, 9, 2],
    ['WRITE(10)', '2a 00 00 00 01 03 00 00 07 00', 7 * 512, 0x103, 7],
    ['WRITE(12)', 'aa 00 00 00 00 01 00 00 00 01 00 00', 512, 1, 1],
    ['WRITE(16)', '8a 08 00 00 00 00 00 00 10 00 00 00 08 00 00 00', 0x800 * 512, 0x1000, 0x800],
    ['WRITE AND VERIFY(10)', '2e 00 00 00 00 08 00 00 08 00', 8 * 512, 8, 8],
  ];
  for (const [title, text, room, first, count] of writes) {
    it(`does ${title}, and nothing but that`, () => {
      const disk = labDisk(content);
      const data = Uint8Array.from({ length: room }, (_, at) => 0xa5 ^ at);
      const { outcome } = command(disk, text, data);
      assert.equal(outcome.srbStatus, 1);
      assert.equal(outcome.transferredBytes, room);
      const expected = content.slice();
      expected.set(data, first * 512);
      assert.ok(Buffer.from(wholeOf(disk)).equals(Buffer.from(expected)));
      assert.equal(count * 512, room);
    });
  }

  it('does WRITE SAME with a pattern, with zeros and without data', () => {
    const disk = labDisk(content);
    const pattern = Uint8Array.from({ length: 512 }, (_, at) => at);
    assert.equal(command(disk, '41 00 00 00 00 03 00 00 0b 00', pattern).outcome.srbStatus, 1);
    const zeros = new Uint8Array(512);
    assert.equal(
      command(disk, '93 08 00 00 00 00 00 00 01 01 00 00 02 00', zeros).outcome.srbStatus,
      1,
    );
    assert.equal(command(disk, '93 01 00 00 00 00 00 00 00 00 00 00 00 01').outcome.srbStatus, 1);
    const expected = content.slice();
    for (let number = 3; number < 14; number++) expected.set(pattern, number * 512);
    expected.fill(0, 0x101 * 512, 0x301 * 512);
    expected.fill(0, 0, 512);
    assert.ok(Buffer.from(wholeOf(disk)).equals(Buffer.from(expected)));
  });

  it('unmaps ranges, which then read as zeros', () => {
    const disk = labDisk(content);
    const list = new DataView(new ArrayBuffer(40));
    list.setUint16(0, 38);
    list.setUint16(2, 32);
    list.setBigUint64(8, 0x10n);
    list.setUint32(16, 0x100);
    list.setBigUint64(24, 0x1fffn);
    list.setUint32(32, 1);
    const data = new Uint8Array(list.buffer);
    assert.equal(command(disk, '42 00 00 00 00 00 00 00 28 00', data).outcome.srbStatus, 1);
    const expected = content.slice();
    expected.fill(0, 0x10 * 512, 0x110 * 512);
    expected.fill(0, 0x1fff * 512);
    assert.ok(Buffer.from(wholeOf(disk)).equals(Buffer.from(expected)));
    list.setBigUint64(24, 0x2000n);
    const refused = command(disk, '42 00 00 00 00 00 00 00 28 00', data).outcome;
    assert.equal(senseOf(refused.sense), '5 21 00');
  });

  it('remembers whether it may cache writes', () => {
    const disk = labDisk(content);
    const off = Uint8Array.of(0, 0, 0, 0, 8, 18, 0, ...new Uint8Array(17));
    assert.equal(command(disk, '15 10 00 00 18', off).outcome.srbStatus, 1);
    assert.equal(command(disk, '1a 00 08 00 ff', new Uint8Array(255)).got[6], 0);
    disk.reset();
    assert.equal(command(disk, '1a 00 08 00 ff', new Uint8Array(255)).got[6], 4);
    const unknown = Uint8Array.of(0, 0, 0, 0, 10, 2, 0, 0);
    assert.equal(senseOf(command(disk, '15 10 00 00 08', unknown).outcome.sense), '5 26 00');
  });

  it('takes no writes where it is read-only', () => {
    const disk = labDisk(content, { isReadOnly: true });
    const data = new Uint8Array(512);
    for (const text of ['2a 00 00 00 00 00 00 00 01 00', '41 00 00 00 00 00 00 00 01 00', '42']) {
      assert.equal(senseOf(command(disk, text, data).outcome.sense), '7 27 00');
    }
    assert.equal(command(disk, '1a 00 3f 00 ff', new Uint8Array(255)).got[2], 0x90);
  });

  it('says so where nothing more can be kept', () => {
    const disk = labDisk(content, { overlayBytesMaximum: 4096 });
    const data = new Uint8Array(8192).fill(1);
    const { outcome } = command(disk, '2a 00 00 00 00 00 00 00 10 00', data);
    assert.equal(senseOf(outcome.sense), '7 27 07');
  });
});

function wholeOf({ disk }: ScsiDisk): Uint8Array {
  const bytes = new Uint8Array(disk.sizeBytes);
  assert.ok(disk.read(0, bytes));
  return bytes;
}
