// RDRAND and RDSEED (SDM vol. 2): deterministic streams, one for each processor, and the flags and widths of the result.
import assert from 'node:assert/strict';
import { createPartitionCores } from '../../../../debug-adapter/cpu/processor-core-factory';
import { webAssemblyCodeHost } from '../../../../debug-adapter/host/web-assembly-code-space';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import { GuestKernel } from '../../../support/guest-kernel';
import { machineCode } from '../../../support/machine-code';

const arithmeticFlags = 0x8d5;

/** RAX after an instruction that started from all ones. */
function resultOf(kernel: GuestKernel, code: string): bigint {
  kernel.enter(0, machineCode(code));
  kernel.state.setGpr(0, 0xffff_ffff_ffff_ffffn);
  assert.equal(kernel.outcome(), 'budget');
  return kernel.state.gpr(0);
}

const streamStart = (randomSeed: bigint, processorCount: number): bigint[] =>
  createPartitionCores(webAssemblyCodeHost, {
    memoryBytes: 1 << 20,
    processorCount,
    randomSeed,
  }).cores.map(({ state }) => state.readU64(stateOffsets.randomState));

describe('random numbers', () => {
  for (const [name, code, bits, kept] of [
    ['RDRAND AX', '66 0f c7 f0', 16n, 0xffff_ffff_ffff_0000n],
    ['RDRAND EAX', '0f c7 f0', 32n, 0n],
    ['RDRAND RAX', '48 0f c7 f0', 64n, 0n],
    ['RDSEED AX', '66 0f c7 f8', 16n, 0xffff_ffff_ffff_0000n],
    ['RDSEED EAX', '0f c7 f8', 32n, 0n],
    ['RDSEED RAX', '48 0f c7 f8', 64n, 0n],
  ] as const) {
    it(`${name} gives ${bits} bits, with CF set and the other flags clear`, () => {
      const kernel = new GuestKernel();
      kernel.state.rflags = arithmeticFlags & ~1;
      const values = Array.from({ length: 32 }, () => resultOf(kernel, code));
      assert.ok(values.every((value) => value >> bits === kept >> bits));
      assert.ok(new Set(values).size > 30);
      const ones = values.reduce((all, value) => all | value, 0n);
      const zeros = values.reduce((all, value) => all & value, 0xffff_ffff_ffff_ffffn);
      assert.equal(BigInt.asUintN(Number(bits), ones), (1n << bits) - 1n);
      assert.equal(BigInt.asUintN(Number(bits), zeros), 0n);
      assert.equal(kernel.state.rflags & arithmeticFlags, 1);
    });
  }

  it('are part of the state: what was saved is drawn again', () => {
    const kernel = new GuestKernel();
    resultOf(kernel, '48 0f c7 f0');
    const saved = kernel.state.architecturalBytes.slice();
    const first = resultOf(kernel, '48 0f c7 f0');
    kernel.state.architecturalBytes.set(saved);
    assert.equal(resultOf(kernel, '48 0f c7 f0'), first);
  });

  it('differ by seed and by processor', () => {
    const starts = [...streamStart(0n, 3), ...streamStart(1n, 3)];
    assert.equal(new Set(starts).size, 6);
    assert.deepEqual(streamStart(1n, 3), starts.slice(3));
  });
});

describe('bases of FS and GS (SDM vol. 2, RDFSBASE)', () => {
  for (const [name, write, read, field] of [
    ['FS', 'f3 48 0f ae d3', 'f3 48 0f ae c1', 'GUEST_FS_BASE'],
    ['GS', 'f3 48 0f ae db', 'f3 48 0f ae c9', 'GUEST_GS_BASE'],
  ] as const) {
    for (const [width, value, expected] of [
      [64, 0xffff_8123_4567_89abn, 0xffff_8123_4567_89abn],
      [32, 0xffff_8123_4567_89abn, 0x4567_89abn],
    ] as const) {
      it(`${name} by ${width} bits, at CPL 3`, () => {
        const kernel = new GuestKernel();
        const narrow = (code: string): string => (width === 32 ? code.replace(' 48', '') : code);
        kernel.enter(3, machineCode(`${narrow(write)} ${narrow(read)}`));
        kernel.setField('GUEST_CR4', 0x10620n);
        kernel.state.setGpr(3, value);
        kernel.state.setGpr(1, 0xffff_ffff_ffff_ffffn);
        kernel.core.run(2, 0);
        assert.equal(kernel.field(field), expected);
        assert.equal(kernel.state.gpr(1), expected);
      });
    }
  }
});
