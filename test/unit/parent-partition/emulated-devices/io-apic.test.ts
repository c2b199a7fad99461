// The I/O APIC: registers, edges, levels, and the end of interrupts.
import assert from 'node:assert/strict';
import type { InterruptRequest } from '../../../../debug-adapter/machine/interrupt-request';
import { IoApic } from '../../../../debug-adapter/parent-partition/emulated-devices/io-apic';

class Rig {
  readonly sent: InterruptRequest[] = [];
  readonly apic = new IoApic((request) => this.sent.push(request));

  write(index: number, value: number): void {
    this.apic.write(0x00, 4, BigInt(index));
    this.apic.write(0x10, 4, BigInt(value));
  }

  read(index: number): number {
    this.apic.write(0x00, 4, BigInt(index));
    return Number(this.apic.read(0x10, 4));
  }

  get vectors(): readonly number[] {
    return this.sent.map(({ vector }) => vector);
  }
}

const level = 0x8000;
const masked = 0x1_0000;
const remoteIrr = 0x4000;

describe('I/O APIC', () => {
  it('has the registers of the reference at reset', () => {
    const rig = new Rig();
    assert.equal(rig.read(0), 0);
    assert.equal(rig.read(1), 0x0017_0020);
    for (let pin = 0; pin < 24; pin++) {
      assert.equal(rig.read(0x10 + 2 * pin), masked);
      assert.equal(rig.read(0x11 + 2 * pin), 0);
    }
    assert.equal(rig.read(0x40), 0, 'behind the last entry');
  });

  const masks: readonly (readonly [string, number, number, number])[] = [
    ['the id', 0x00, 0xffff_ffff, 0x0f00_0000],
    ['the version', 0x01, 0xffff_ffff, 0x0017_0020],
    ['the low half without delivery status and remote IRR', 0x10, 0xffff_ffff, 0x0001_afff],
    ['the destination with its extension', 0x11, 0xffff_ffff, 0xfffe_0000],
  ];
  for (const [name, index, written, expected] of masks) {
    it(`keeps of a write: ${name}`, () => {
      const rig = new Rig();
      rig.write(index, written);
      assert.equal(rig.read(index) >>> 0, expected);
    });
  }

  it('reads parts of a register, and 0 between registers', () => {
    const { apic } = new Rig();
    apic.write(0, 4, 1n);
    assert.equal(apic.read(0x10, 1), 0x20n);
    assert.equal(apic.read(0x12, 2), 0x17n);
    assert.equal(apic.read(0x20, 4), 0n);
    assert.equal(apic.read(0x10, 16), 0x0017_0020n);
  });

  const requests: readonly (readonly [
    string,
    number,
    number,
    Partial<InterruptRequest> | undefined,
  ])[] = [
    [
      'fixed to one',
      0x0000_0031,
      0x0300_0000,
      { mode: 0, vector: 0x31, destination: 3, isLogical: false },
    ],
    [
      'lowest priority to a set',
      0x0000_0931,
      0xff00_0000,
      { mode: 1, destination: 0xff, isLogical: true },
    ],
    ['an extended destination', 0x0000_0031, 0x0102_0000, { destination: 0x101 }],
    ['NMI', 0x0000_0400, 0, { mode: 4 }],
    ['8259', 0x0000_0700, 0, { mode: 7 }],
    ['a reserved mode', 0x0000_0331, 0, undefined],
    ['start-up, which no entry can send', 0x0000_0631, 0, undefined],
  ];
  for (const [name, low, high, expected] of requests) {
    it(`sends on an edge: ${name}`, () => {
      const rig = new Rig();
      rig.write(0x15, high);
      rig.write(0x14, low);
      rig.apic.setInput(2, true);
      if (expected === undefined) assert.deepEqual(rig.sent, []);
      else assert.deepEqual({ ...rig.sent[0], ...expected }, rig.sent[0]);
      assert.equal(rig.sent.length, expected === undefined ? 0 : 1);
    });
  }

  it('sends once for each edge', () => {
    const rig = new Rig();
    rig.write(0x18, 0x41);
    for (const wire of [true, true, false, true]) rig.apic.setInput(4, wire);
    assert.deepEqual(rig.vectors, [0x41, 0x41]);
  });

  it('loses an edge on a masked input', () => {
    const rig = new Rig();
    rig.write(0x18, 0x41 | masked);
    rig.apic.setInput(4, true);
    rig.write(0x18, 0x41);
    assert.deepEqual(rig.vectors, []);
  });

  it('looks at a level again when the mask goes', () => {
    const rig = new Rig();
    rig.write(0x22, 0x49 | level | masked);
    rig.apic.setInput(9, true);
    rig.write(0x22, 0x49 | level);
    assert.deepEqual(rig.vectors, [0x49]);
    assert.equal(rig.read(0x22), 0x49 | level | remoteIrr);
  });

  it('sends a level once until its end, and again while it lasts', () => {
    const rig = new Rig();
    rig.write(0x22, 0x49 | level);
    rig.apic.setInput(9, true);
    rig.apic.setInput(9, false);
    rig.apic.setInput(9, true);
    assert.deepEqual(rig.vectors, [0x49]);
    rig.apic.endOfInterrupt(0x48);
    assert.deepEqual(rig.vectors, [0x49], 'another vector');
    rig.apic.endOfInterrupt(0x49);
    assert.deepEqual(rig.vectors, [0x49, 0x49]);
    rig.apic.setInput(9, false);
    rig.apic.write(0x40, 4, 0x49n);
    assert.deepEqual(rig.vectors, [0x49, 0x49], 'the EOI register ends it too');
    assert.equal(rig.read(0x22), 0x49 | level);
  });

  it('forgets that it waits for an end when the entry becomes edge-triggered', () => {
    const rig = new Rig();
    rig.write(0x22, 0x49 | level);
    rig.apic.setInput(9, true);
    rig.write(0x22, 0x49 | masked);
    rig.write(0x22, 0x49 | level);
    assert.deepEqual(rig.vectors, [0x49, 0x49]);
  });
});
