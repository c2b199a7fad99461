// When MMX and SSE instructions may run, what they do to the x87 state, and FXSAVE (SDM vol. 1, 9.5, 10.5; vol. 3, 13.1).
import assert from 'node:assert/strict';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import { GuestKernel, layout } from '../../../support/guest-kernel';
import { machineCode } from '../../../support/machine-code';

const cr0 = 0x8001_0031n;
const emulation = 4n;
const taskSwitched = 8n;
const cr4 = 0x620n;
const withoutFxSave = 0x420n;
const withoutException = 0x220n;
const area = BigInt(layout.kernelData);
const mxcsrOffset = stateOffsets.fxsave + 24;
const mmxOffset = stateOffsets.fxsave + 32;
const xmmOffset = stateOffsets.fxsave + 160;
const gp = 'vector 13 (0x0)';

function prepare(
  code: string,
  fields: { readonly cr0?: bigint; readonly cr4?: bigint } = {},
): GuestKernel {
  const kernel = new GuestKernel();
  kernel.enter(0, machineCode(code));
  kernel.setField('GUEST_CR0', fields.cr0 ?? cr0);
  kernel.setField('GUEST_CR4', fields.cr4 ?? cr4);
  kernel.core.stateWasEdited();
  kernel.state.setGpr(0, area);
  return kernel;
}

const paddb = { title: 'PADDB xmm', code: '66 0f fc c1' };
const paddbMmx = { title: 'PADDB mm', code: '0f fc c1' };
const addps = { title: 'ADDPS from a misaligned address', code: '0f 58 40 01' };
const convert = { title: 'CVTPS2PI mm, xmm', code: '0f 2d c0' };
const ldmxcsr = { title: 'LDMXCSR', code: '0f ae 10' };
const fxsave = { title: 'FXSAVE', code: '0f ae 00' };
const fxrstor = { title: 'FXRSTOR', code: '0f ae 08' };
const emms = { title: 'EMMS', code: '0f 77' };
const movnti = { title: 'MOVNTI', code: '0f c3 00' };
const sfence = { title: 'SFENCE', code: '0f ae f8' };

describe('availability of MMX and SSE', () => {
  const masked = { cr4: withoutFxSave };
  for (const [{ title, code }, fields, outcome] of [
    [paddb, {}, 'budget'],
    [paddb, { cr0: cr0 | emulation }, 'vector 6'],
    [paddb, masked, 'vector 6'],
    [paddb, { cr0: cr0 | taskSwitched }, 'vector 7'],
    [paddb, { cr0: cr0 | taskSwitched | emulation }, 'vector 6'],
    [paddb, { cr0: cr0 | taskSwitched, ...masked }, 'vector 6'],
    [paddbMmx, {}, 'budget'],
    [paddbMmx, masked, 'budget'],
    [paddbMmx, { cr0: cr0 | emulation }, 'vector 6'],
    [paddbMmx, { cr0: cr0 | taskSwitched }, 'vector 7'],
    [addps, {}, gp],
    [addps, { cr0: cr0 | taskSwitched }, 'vector 7'],
    [convert, masked, 'vector 6'],
    [ldmxcsr, masked, 'vector 6'],
    [ldmxcsr, { cr0: cr0 | taskSwitched }, 'vector 7'],
    [fxsave, masked, 'budget'],
    [fxsave, { cr0: cr0 | emulation }, 'vector 7'],
    [fxrstor, { cr0: cr0 | taskSwitched }, 'vector 7'],
    [emms, { cr0: cr0 | taskSwitched }, 'vector 7'],
    [emms, { cr0: cr0 | emulation }, 'vector 6'],
    [movnti, { cr0: cr0 | taskSwitched | emulation, ...masked }, 'budget'],
    [sfence, { cr0: cr0 | taskSwitched | emulation, ...masked }, 'budget'],
  ] as const) {
    const names = Object.entries(fields).map(([name, value]) => `${name} ${value.toString(16)}`);
    it(`${title}, ${names.join() || 'all available'}: ${outcome}`, () => {
      assert.equal(prepare(code, fields).outcome(), outcome);
    });
  }

  it('a waiting x87 exception comes before an MMX instruction: #MF', () => {
    const kernel = prepare(paddbMmx.code);
    kernel.state.writeU32(stateOffsets.fxsave, 0x0081_037e);
    assert.equal(kernel.outcome(), 'vector 16');
  });

  it('an unmasked SSE exception is #XM, or #UD without CR4.OSXMMEXCPT', () => {
    for (const [control, outcome] of [
      [cr4, 'vector 19'],
      [withoutException, 'vector 6'],
    ] as const) {
      const kernel = prepare('f3 0f 5e c1', { cr4: control });
      kernel.state.writeU32(mxcsrOffset, 0x1f80 & ~0x200);
      kernel.state.writeU32(xmmOffset, 0x3f800000);
      assert.equal(kernel.outcome(), outcome);
      assert.equal(kernel.state.readU32(mxcsrOffset), (0x1f80 & ~0x200) | 4);
      assert.equal(kernel.state.readU32(xmmOffset), 0x3f800000);
    }
  });

  it('MXCSR is 1F80 after reset', () => {
    assert.equal(prepare('90').state.readU32(mxcsrOffset), 0x1f80);
  });
});

describe('MMX and the x87 state', () => {
  it('an MMX instruction empties the stack pointer and fills the tags; EMMS clears them', () => {
    const kernel = prepare('0f 6f 00 0f 77');
    kernel.writeU64(layout.kernelData, 0x1122_3344_5566_7788n);
    kernel.state.writeU32(stateOffsets.fxsave, 0x2800_037f);
    assert.equal(kernel.outcome(), 'budget');
    assert.equal(kernel.state.readU32(stateOffsets.fxsave), 0x037f);
    assert.equal(kernel.state.readU32(stateOffsets.fxsave + 4) & 0xff, 0xff);
    assert.equal(kernel.state.readU64(mmxOffset), 0x1122_3344_5566_7788n);
    assert.equal(kernel.state.readU64(mmxOffset + 8), 0xffffn);
    assert.equal(kernel.outcome(), 'budget');
    assert.equal(kernel.state.readU32(stateOffsets.fxsave + 4) & 0xff, 0);
  });
});

describe('FXSAVE and FXRSTOR', () => {
  it('keep what they saved, in stack order, and leave the end of the image alone', () => {
    const kernel = prepare('0f ae 00 0f ae 08');
    const { state } = kernel;
    for (let offset = 0; offset < 512; offset += 8)
      kernel.writeU64(layout.kernelData + offset, -1n);
    state.writeU32(stateOffsets.fxsave, 0x1800_0340);
    state.writeU32(stateOffsets.fxsave + 4, 0x0f);
    state.writeU32(mxcsrOffset, 0x9fc0);
    for (let index = 0; index < 8; index++) state.writeU64(mmxOffset + 16 * index, BigInt(index));
    for (let index = 0; index < 16; index++)
      state.writeU64(xmmOffset + 16 * index, BigInt(index) << 40n);
    assert.equal(kernel.outcome(), 'budget');
    const read = (at: number): bigint => kernel.readU64(layout.kernelData + at);
    assert.equal(read(0) & 0xffff_ffffn, 0x1800_0340n);
    assert.equal(read(24), 0xffff_0000_9fc0n);
    assert.deepEqual([read(32), read(32 + 16 * 5)], [3n, 0n]);
    assert.equal(read(160 + 16 * 15), 15n << 40n);
    assert.equal(read(416), (1n << 64n) - 1n);
    const saved = state.architecturalBytes.slice(stateOffsets.fxsave, stateOffsets.fxsave + 416);
    state.architecturalBytes.fill(0, stateOffsets.fxsave, stateOffsets.fxsave + 416);
    assert.equal(kernel.outcome(), 'budget');
    const loaded = state.architecturalBytes.slice(stateOffsets.fxsave, stateOffsets.fxsave + 416);
    saved.fill(0, 28, 32);
    loaded.fill(0, 28, 32);
    assert.deepEqual(loaded, saved);
  });

  it('have pointers of 64 bits only with REX.W', () => {
    for (const [code, pointer] of [
      ['48 0f ae 00', 0x1234_5678_9abc_def0n],
      ['0f ae 00', 0x9abc_def0n],
    ] as const) {
      const kernel = prepare(code);
      kernel.state.writeU64(stateOffsets.fxsave + 8, 0x1234_5678_9abc_def0n);
      assert.equal(kernel.outcome(), 'budget');
      assert.equal(kernel.readU64(layout.kernelData + 8), pointer);
    }
  });

  it('demand alignment to 16 bytes', () => {
    for (const code of ['0f ae 40 08', '0f ae 48 08']) assert.equal(prepare(code).outcome(), gp);
  });

  it('FXRSTOR and LDMXCSR refuse bits that MXCSR does not have', () => {
    for (const [code, at] of [
      ['0f ae 08', 24],
      ['0f ae 10', 0],
    ] as const) {
      const kernel = prepare(code);
      kernel.writeU64(layout.kernelData + at, 0x1_0000n);
      assert.equal(kernel.outcome(), gp);
      assert.equal(kernel.state.readU32(mxcsrOffset), 0x1f80);
    }
  });
});

describe('128-bit accesses to a device', () => {
  const device = 0x500_0000;

  function toDevice(code: string): GuestKernel {
    const kernel = prepare(code);
    kernel.map(0x9_0000n, device);
    kernel.state.setGpr(0, 0x9_0000n);
    return kernel;
  }

  it('a load reads twice eight bytes', () => {
    const kernel = toDevice('0f 28 00');
    for (const [at, value] of [
      [0, 0x1111n],
      [8, 0x2222n],
    ] as const) {
      assert.equal(kernel.outcome(), 'exit 48');
      assert.equal(kernel.field('GUEST_PHYSICAL_ADDRESS'), BigInt(device + at));
      assert.equal(kernel.state.readU32(stateOffsets.accessBytes), 8);
      kernel.core.answerAccess(value);
    }
    assert.equal(kernel.outcome(), 'budget');
    assert.equal(kernel.state.readU64(xmmOffset), 0x1111n);
    assert.equal(kernel.state.readU64(xmmOffset + 8), 0x2222n);
  });

  it('a store writes twice eight bytes', () => {
    const kernel = toDevice('0f 29 00');
    kernel.state.writeU64(xmmOffset, 0x3333n);
    kernel.state.writeU64(xmmOffset + 8, 0x4444n);
    for (const [at, value] of [
      [0, 0x3333n],
      [8, 0x4444n],
    ] as const) {
      assert.equal(kernel.outcome(), 'exit 48');
      assert.equal(kernel.field('GUEST_PHYSICAL_ADDRESS'), BigInt(device + at));
      assert.equal(kernel.state.readU64(stateOffsets.accessValue), value);
      kernel.core.answerAccess(0n);
    }
    assert.equal(kernel.outcome(), 'budget');
  });
});
