// Memory-type range registers (SDM vol. 3, 12.11): which exist, what they take, and what a guest finds at the start.
import assert from 'node:assert/strict';
import { setUpMemoryTypes } from '../../../debug-adapter/hypervisor/memory-type-msrs';
import { readMsr, writeMsr } from '../../../debug-adapter/hypervisor/msr-access';
import { scriptedPartition } from './scripted-core';

function rig() {
  const { partition, processor } = scriptedPartition();
  setUpMemoryTypes(processor.state);
  return {
    read: (number: number) => readMsr(partition, processor, number, 0),
    write: (number: number, value: bigint) => writeMsr(partition, processor, number, value, 0),
  };
}

const fixed = [0x250, 0x258, 0x259, ...Array.from({ length: 8 }, (_, index) => 0x268 + index)];

describe('memory-type range registers', () => {
  const accepted: readonly (readonly [string, number, bigint])[] = [
    ['default type UC, all off', 0x2ff, 0n],
    ['default type WB, all on', 0x2ff, 0xc06n],
    ['base WC', 0x200, 0xd000_0001n],
    ['base of the last address', 0x20e, 0xff_ffff_f006n],
    ['mask, valid', 0x201, 0xff_f000_0800n],
    ['mask, off', 0x20f, 0n],
    ...fixed.map((number) => ['fixed range', number, 0x0001_0405_0600_0600n] as const),
  ];
  for (const [name, number, value] of accepted) {
    it(`0x${number.toString(16)} keeps ${name}`, () => {
      const { read, write } = rig();
      assert.equal(write(number, value), true);
      assert.equal(read(number), value);
    });
  }

  const refused: readonly (readonly [string, number, bigint])[] = [
    ['IA32_MTRRCAP is read-only', 0xfe, 0x508n],
    ['type 2 as default', 0x2ff, 0xc02n],
    ['UC- as default', 0x2ff, 0xc07n],
    ['a reserved bit of the default', 0x2ff, 0x1c06n],
    ['type 3 of a base', 0x200, 3n],
    ['bit 8 of a base', 0x200, 0x100n],
    ['an address beyond 40 bits', 0x200, 1n << 40n],
    ['bit 10 of a mask', 0x201, 0x400n],
    ['a mask beyond 40 bits', 0x201, 1n << 40n],
    ['type 7 of a fixed range', 0x250, 0x07n],
    ['type 2 of the last fixed range', 0x26f, 0x02n << 56n],
    ['a ninth pair', 0x210, 0n],
    ['no fixed register', 0x251, 0n],
  ];
  for (const [name, number, value] of refused) {
    it(`#GP: ${name}`, () => {
      const { read, write } = rig();
      const before = read(number);
      assert.equal(write(number, value), false);
      assert.equal(read(number), before);
    });
  }

  it('say what there is: eight variable ranges, fixed ranges, write combining', () => {
    assert.equal(rig().read(0xfe), 0x508n);
  });

  it('start as firmware leaves them', () => {
    const { read } = rig();
    assert.equal(read(0x2ff), 0xc06n);
    assert.deepEqual(
      fixed.map((number) => read(number)),
      fixed.map((number) => (number === 0x259 ? 0n : 0x0606060606060606n)),
    );
    assert.deepEqual([read(0x200), read(0x201)], [0xc000_0000n, 0xff_c000_0800n]);
    for (let number = 0x202; number < 0x210; number++) assert.equal(read(number), 0n);
  });
});
