// RFLAGS and VMCS fields of a processor's state come back as they were written.
import assert from 'node:assert/strict';
import {
  ProcessorState,
  stateBytes,
  stateOffsets,
  vmcsEncoding,
  vmcsWidthBits,
} from '../../../debug-adapter/machine/processor-state';
import { vmcsFields } from '../../../debug-adapter/spec/x86/vmcs-fields';

const arithmeticBits = [0, 2, 4, 6, 7, 11];
const systemBits = [8, 9, 10, 12, 13, 14, 16, 17, 18, 19, 20, 21];
const fixed = 2;
const vpBase = 0x1000;
const fresh = (): ProcessorState => new ProcessorState(new Uint8Array(vpBase + stateBytes), vpBase);

describe('RFLAGS (SDM vol. 1, 3.4.3)', () => {
  it('all combinations of arithmetic flags, with and without system flags', () => {
    const state = fresh();
    const system = systemBits.reduce((all, bit) => all | (1 << bit), 0);
    for (let choice = 0; choice < 1 << arithmeticBits.length; choice++) {
      const flags = arithmeticBits.reduce(
        (all, bit, index) => all | (((choice >> index) & 1) << bit),
        fixed,
      );
      for (const value of [flags, flags | system]) {
        state.rflags = value;
        assert.equal(state.rflags, value, value.toString(16));
      }
    }
  });

  for (const bit of systemBits) {
    it(`bit ${bit} alone`, () => {
      const state = fresh();
      state.rflags = (1 << bit) | fixed;
      assert.equal(state.rflags, (1 << bit) | fixed);
    });
  }

  it('bit 1 is always set', () => {
    const state = fresh();
    state.rflags = 0;
    assert.equal(state.rflags, fixed);
  });

  for (const [title, result, carries, expected] of [
    ['zero', 0n, 0, 0x46],
    ['one', 1n, 0, 0x02],
    ['three has even parity', 3n, 0, 0x06],
    ['a negative result', -1n, 0, 0x86],
    ['a carry out without one into the sign', 1n, 0x80000000, 0x803],
    ['a carry out and one into the sign', 1n, 0xc0000000, 0x003],
    ['a carry into the sign alone', 1n, 0x40000000, 0x802],
    ['an auxiliary carry', 1n, 8, 0x12],
  ] as const) {
    it(`lazy fields: ${title}: ${expected.toString(16)}`, () => {
      const state = fresh();
      state.rflags = fixed;
      state.writeU64(stateOffsets.flagResult, result);
      state.writeU32(stateOffsets.flagCarries, carries);
      assert.equal(state.rflags, expected);
    });
  }
});

describe('VMCS fields (SDM vol. 3, 25.11.2)', () => {
  it('all keep what fits their width, and no two share a slot', () => {
    const state = fresh();
    const aliased = new Set([0x6820]);
    vmcsFields.forEach((field, index) => {
      if (!aliased.has(field.encoding)) state.setVmcs(field.encoding, BigInt(index) + 0x1100n);
    });
    vmcsFields.forEach((field, index) => {
      if (aliased.has(field.encoding)) return;
      assert.equal(state.vmcs(field.encoding), BigInt(index) + 0x1100n, field.name);
    });
  });

  it('values are cut to the width', () => {
    const state = fresh();
    for (const field of vmcsFields) {
      if (field.encoding === 0x6820) continue;
      state.setVmcs(field.encoding, (1n << 64n) - 1n);
      const expected = (1n << BigInt(vmcsWidthBits(field.encoding))) - 1n;
      assert.equal(state.vmcs(field.encoding), expected, field.name);
    }
  });

  it('RSP, RIP and RFLAGS are the registers', () => {
    const state = fresh();
    state.setVmcs(vmcsEncoding('GUEST_RSP'), 0x1234n);
    state.setVmcs(vmcsEncoding('GUEST_RIP'), 0x5678n);
    state.setVmcs(vmcsEncoding('GUEST_RFLAGS'), 0x246n);
    assert.deepEqual([state.gpr(4), state.rip, state.rflags], [0x1234n, 0x5678n, 0x246]);
    state.setGpr(4, 0x9999n);
    assert.equal(state.vmcs(vmcsEncoding('GUEST_RSP')), 0x9999n);
  });

  it('a processor writes nothing outside its own state', () => {
    const bytes = new Uint8Array(vpBase + stateBytes + 64);
    const state = new ProcessorState(bytes, vpBase);
    for (const field of vmcsFields) state.setVmcs(field.encoding, (1n << 64n) - 1n);
    for (let index = 0; index < 16; index++) state.setGpr(index, (1n << 64n) - 1n);
    assert.ok(bytes.subarray(0, vpBase).every((byte) => byte === 0));
    assert.ok(bytes.subarray(vpBase + stateBytes).every((byte) => byte === 0));
    assert.equal(state.architecturalBytes.length, stateBytes);
  });
});
