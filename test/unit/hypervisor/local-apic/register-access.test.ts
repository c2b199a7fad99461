/** Registers of the local APIC in both modes: reset values, writable bits, read-only and absent ones (SDM vol. 3, 11.4, 11.12). */
import assert from 'node:assert/strict';
import {
  readPage,
  readX2,
  writePage,
  writeX2,
} from '../../../../debug-adapter/hypervisor/local-apic/register-access';
import { ApicRegister as R, apicError } from '../../../../debug-adapter/spec/x86/local-apic';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import { apicRig, enabledApic, x2Apic } from './apic-rig';

const { cr8 } = stateOffsets;

const hex = (value: number): string => `0x${value.toString(16)}`;

describe('register page of the local APIC', () => {
  const resets: readonly (readonly [string, number, number])[] = [
    ['ID', R.ID, 0x05000000],
    ['version: 0x14, LVT entries 0 to 6', R.VERSION, 0x00060014],
    ['TPR', R.TPR, 0],
    ['APR', R.APR, 0],
    ['PPR', R.PPR, 0],
    ['RRD', R.RRD, 0],
    ['LDR', R.LDR, 0],
    ['DFR', R.DFR, 0xffffffff],
    ['SVR', R.SVR, 0xff],
    ['ISR 0', R.ISR, 0],
    ['TMR 7', R.TMR + 0x70, 0],
    ['IRR 7', R.IRR + 0x70, 0],
    ['ESR', R.ESR, 0],
    ['LVT CMCI', R.LVT_CMCI, 0x10000],
    ['ICR low', R.ICR_LOW, 0],
    ['ICR high', R.ICR_HIGH, 0],
    ['LVT timer', R.LVT_TIMER, 0x10000],
    ['LVT thermal', R.LVT_THERMAL, 0x10000],
    ['LVT performance', R.LVT_PERFORMANCE, 0x10000],
    ['LVT LINT0', R.LVT_LINT0, 0x10000],
    ['LVT LINT1', R.LVT_LINT1, 0x10000],
    ['LVT error', R.LVT_ERROR, 0x10000],
    ['initial count', R.TIMER_INITIAL_COUNT, 0],
    ['current count', R.TIMER_CURRENT_COUNT, 0],
    ['divide', R.TIMER_DIVIDE, 0],
  ];
  for (const [name, register, value] of resets) {
    it(`${name} resets to ${hex(value)}`, () => {
      const { apic } = apicRig(5);
      assert.equal(readPage(apic, register, 0), value);
      assert.equal((writePage(apic, R.ESR, 0, 0), readPage(apic, R.ESR, 0)), 0);
    });
  }

  const writes: readonly (readonly [string, number, number, number])[] = [
    ['TPR has 8 bits', R.TPR, 0xffffff95, 0x95],
    ['LDR has bits 31:24', R.LDR, 0x12345678, 0x12000000],
    ['DFR has bits 31:28', R.DFR, 0x0, 0x0fffffff],
    ['SVR has bits 9:0', R.SVR, 0xffffffff, 0x3ff],
    ['LVT timer', R.LVT_TIMER, 0xffffffff, 0x710ff & ~0x1000],
    ['LVT thermal', R.LVT_THERMAL, 0xffffffff, 0x117ff & ~0x1000],
    ['LVT LINT0 without the read-only bits', R.LVT_LINT0, 0xffffffff, 0x1f7ff & ~0x5000],
    ['LVT error', R.LVT_ERROR, 0xffffffff, 0x110ff & ~0x1000],
    ['divide has bits 3, 1 and 0', R.TIMER_DIVIDE, 0xffffffff, 0xb],
    ['ICR high has bits 31:24', R.ICR_HIGH, 0xffffffff, 0xff000000],
    ['ID is fixed', R.ID, 0x0a000000, 0],
    ['version is fixed', R.VERSION, 0, 0x00060014],
    ['PPR is fixed', R.PPR, 0xff, 0],
    ['ISR is fixed', R.ISR, 0xff, 0],
    ['current count is fixed', R.TIMER_CURRENT_COUNT, 0xff, 0],
  ];
  for (const [name, register, written, expected] of writes) {
    it(name, () => {
      const { apic } = enabledApic();
      writePage(apic, register, written, 0);
      assert.equal(readPage(apic, register, 0), expected);
      writePage(apic, R.ESR, 0, 0);
      assert.equal(readPage(apic, R.ESR, 0), 0, 'no error');
    });
  }

  for (const register of [0x000, 0x010, 0x040, 0x390 + 0x10, 0x3d0, 0x3f0]) {
    it(`there is no register at ${hex(register)}: that is an error, of which ESR tells once`, () => {
      const { apic } = enabledApic();
      assert.equal(readPage(apic, register, 0), 0);
      writePage(apic, register, 1, 0);
      assert.equal(readPage(apic, R.ESR, 0), 0, 'before the write');
      writePage(apic, R.ESR, 0, 0);
      assert.equal(readPage(apic, R.ESR, 0), apicError.illegalRegister);
      writePage(apic, R.ESR, 0, 0);
      assert.equal(readPage(apic, R.ESR, 0), 0);
    });
  }

  it('software-disabling masks every LVT entry and keeps them masked', () => {
    const { apic } = enabledApic();
    writePage(apic, R.LVT_LINT0, 0x700, 0);
    writePage(apic, R.SVR, 0xff, 0);
    assert.equal(readPage(apic, R.LVT_LINT0, 0), 0x10700);
    writePage(apic, R.LVT_LINT0, 0x400, 0);
    assert.equal(readPage(apic, R.LVT_LINT0, 0), 0x10400);
  });

  it('bits 7:4 of TPR are CR8, in both directions', () => {
    const { apic, state } = enabledApic();
    writePage(apic, R.TPR, 0x5a, 0);
    assert.equal(state.readU64(cr8), 5n);
    state.writeU64(cr8, 9n);
    assert.equal(readPage(apic, R.TPR, 0), 0x90);
  });
});

describe('x2APIC registers', () => {
  const reads: readonly (readonly [string, number, bigint | undefined])[] = [
    ['ID has 32 bits', R.ID, 0x25n],
    ['LDR is cluster and member', R.LDR, 0x0002_0020n],
    ['SVR', R.SVR, 0x1ffn],
    ['ICR is one register', R.ICR_LOW, 0n],
    ['LVT CMCI', R.LVT_CMCI, 0x10000n],
    ['APR is not there', R.APR, undefined],
    ['DFR is not there', R.DFR, undefined],
    ['ICR high is not there', R.ICR_HIGH, undefined],
    ['EOI is write-only', R.EOI, undefined],
    ['self IPI is write-only', R.SELF_IPI, undefined],
    ['RRD is not there', R.RRD, undefined],
    ['0x000 is not there', 0, undefined],
    ['0x3a0 is not there', 0x3a0, undefined],
  ];
  for (const [name, register, expected] of reads) {
    it(`RDMSR: ${name}`, () => assert.equal(readX2(x2Apic(0x25).apic, register, 0), expected));
  }

  const writes: readonly (readonly [string, number, bigint, boolean])[] = [
    ['TPR', R.TPR, 0xffn, true],
    ['TPR above bit 7', R.TPR, 0x100n, false],
    ['EOI 0', R.EOI, 0n, true],
    ['EOI 1', R.EOI, 1n, false],
    ['ESR 0', R.ESR, 0n, true],
    ['ESR 1', R.ESR, 1n, false],
    ['SVR', R.SVR, 0x1ffn, true],
    ['SVR bit 12, which goes with directed EOI', R.SVR, 0x11ffn, false],
    ['ID', R.ID, 0n, false],
    ['version', R.VERSION, 0n, false],
    ['LDR', R.LDR, 0n, false],
    ['DFR', R.DFR, 0n, false],
    ['PPR', R.PPR, 0n, false],
    ['ISR', R.ISR, 0n, false],
    ['current count', R.TIMER_CURRENT_COUNT, 0n, false],
    ['initial count', R.TIMER_INITIAL_COUNT, 0xffffffffn, true],
    ['initial count above bit 31', R.TIMER_INITIAL_COUNT, 1n << 32n, false],
    ['divide', R.TIMER_DIVIDE, 0xbn, true],
    ['divide bit 2', R.TIMER_DIVIDE, 4n, false],
    ['LVT timer in TSC-deadline mode', R.LVT_TIMER, 0x400ecn, true],
    ['LVT timer bit 8', R.LVT_TIMER, 0x1ecn, false],
    ['LVT LINT0', R.LVT_LINT0, 0x10700n, true],
    ['LVT error bit 8', R.LVT_ERROR, 0x101fen, false],
    ['self IPI', R.SELF_IPI, 0x40n, true],
    ['self IPI above bit 7', R.SELF_IPI, 0x140n, false],
    ['ICR', R.ICR_LOW, (7n << 32n) | 0x40n, true],
    ['ICR bit 13', R.ICR_LOW, 0x2040n, false],
    ['ICR bit 20', R.ICR_LOW, 0x100040n, false],
    ['ICR high', R.ICR_HIGH, 0n, false],
  ];
  for (const [name, register, value, accepted] of writes) {
    it(`WRMSR: ${name} ${accepted ? 'is taken' : 'raises #GP'}`, () => {
      assert.equal(writeX2(x2Apic().apic, register, value, 0), accepted);
    });
  }

  it('ICR sends to 32-bit destinations and reads back', () => {
    const { apic, sent } = x2Apic();
    writeX2(apic, R.ICR_LOW, (0x1234n << 32n) | 0x8840n, 0);
    assert.equal(readX2(apic, R.ICR_LOW, 0), (0x1234n << 32n) | 0x8840n);
    const [message] = sent;
    assert.deepEqual(message, {
      request: { mode: 0, vector: 0x40, destination: 0x1234, isLogical: true, isLevel: false },
      shorthand: 0,
    });
  });

  it('a self IPI is requested at once', () => {
    const { apic } = x2Apic();
    writeX2(apic, R.SELF_IPI, 0x40n, 0);
    assert.equal(apic.deliverable, 0x40);
  });
});

describe('interrupt command register', () => {
  // ICR low, what is sent: [mode, vector, shorthand, logical], or an error, or nothing.
  const rows: readonly (readonly [string, number, readonly unknown[] | number | undefined])[] = [
    ['fixed', 0x00040, [0, 0x40, 0, false]],
    ['lowest priority to logical', 0x00940, [1, 0x40, 0, true]],
    ['NMI to all', 0x80400, [4, 0, 2, false]],
    ['INIT to all others', 0xc4500, [5, 0, 3, false]],
    ['INIT, level, asserted', 0xc500, [5, 0, 0, false]],
    ['INIT level de-assert', 0x8500, undefined],
    ['start-up', 0x0069a, [6, 0x9a, 0, false]],
    ['SMI', 0x00200, undefined],
    ['reserved mode 3', 0x00340, undefined],
    ['reserved mode 7', 0x00740, undefined],
    ['fixed with vector 15', 0x0000f, apicError.sendIllegalVector],
    ['lowest priority with vector 0', 0x00100, apicError.sendIllegalVector],
  ];
  for (const [name, low, expected] of rows) {
    it(name, () => {
      const { apic, sent } = enabledApic();
      writePage(apic, R.ICR_HIGH, 0x03000000, 0);
      writePage(apic, R.ICR_LOW, low, 0);
      writePage(apic, R.ESR, 0, 0);
      assert.equal(readPage(apic, R.ESR, 0), typeof expected === 'number' ? expected : 0);
      const messages = sent.map(({ request, shorthand }) => {
        assert.equal(request.destination, 3);
        return [request.mode, request.vector, shorthand, request.isLogical];
      });
      assert.deepEqual(messages, typeof expected === 'object' ? [expected] : []);
    });
  }
});
