// STAC, CLAC and INVPCID, and what exits tell of the mode (SDM vol. 2; vol. 3, 4.6, 4.10.4 and 28.2).
import assert from 'node:assert/strict';
import { GuestKernel, layout, selector } from '../../../support/guest-kernel';
import { machineCode } from '../../../support/machine-code';

const cr4 = 0x620n;
const accessPrevention = 1n << 21n;
const identifiers = 1n << 17n;
const pageFault = 'vector 14 (0x1)';
const gp = 'vector 13 (0x0)';

function prepare(code: string, level: 0 | 3 = 0): GuestKernel {
  const kernel = new GuestKernel();
  kernel.enter(level, machineCode(code));
  kernel.setField('GUEST_CR4', cr4 | accessPrevention);
  kernel.core.stateWasEdited();
  kernel.state.setGpr(3, BigInt(layout.userData));
  return kernel;
}

describe('STAC and CLAC under SMAP', () => {
  it('supervisor code reaches user pages between them', () => {
    // STAC; MOV AL,[RBX]; CLAC; MOV AL,[RBX].
    const kernel = prepare('0f 01 cb 8a 03 0f 01 ca 8a 03');
    const { stop, steps } = kernel.core.run(10, 0);
    assert.equal(stop.kind, 'event');
    assert.equal(steps, 4);
    assert.equal(kernel.stack(2)[1], BigInt(layout.kernelCode + 8));
    assert.equal(kernel.stack(1)[0], 1n);
  });

  it('supervisor pages stay in reach', () => {
    const kernel = prepare('8a 03');
    kernel.state.setGpr(3, BigInt(layout.kernelData));
    assert.equal(kernel.outcome(), 'budget');
  });

  it('POPF chooses too', () => {
    // PUSH 40002; POPF; MOV AL,[RBX].
    const kernel = prepare('68 02 00 04 00 9d 8a 03');
    assert.equal(kernel.core.run(3, 0).stop.kind, 'budget');
  });

  it('user code is not concerned', () => {
    assert.equal(prepare('8a 03', 3).outcome(), 'budget');
  });

  for (const code of ['0f 01 cb', '0f 01 ca']) {
    it(`${code} at CPL 3 is undefined`, () => {
      assert.equal(prepare(code, 3).outcome(), 'vector 6');
    });
  }

  // FXSAVE, FXRSTOR, FNSAVE and FNSTENV of [RBX]: what routines access obeys the same rule.
  for (const code of ['0f ae 03', '0f ae 0b', 'dd 33', 'd9 33']) {
    it(`${code} reaches user pages after STAC, and faults without`, () => {
      assert.equal(prepare(`0f 01 cb ${code}`).core.run(2, 0).stop.kind, 'budget');
      const { stop } = prepare(code).core.run(1, 0);
      assert.ok(stop.kind === 'event' && stop.vector === 14, stop.kind);
    });
  }

  it('a read without STAC faults', () => {
    assert.equal(prepare('8a 03').outcome(), pageFault);
  });
});

describe('INVPCID (SDM vol. 2)', () => {
  interface Row {
    readonly title: string;
    readonly level?: 0 | 3;
    readonly kind: bigint;
    readonly identifier: bigint;
    readonly linear?: bigint;
    readonly cr4?: bigint;
    readonly control?: bigint;
    readonly outcome: string;
  }

  const rows: readonly Row[] = [
    { title: 'an address', kind: 0n, identifier: 5n, cr4: identifiers, outcome: 'budget' },
    { title: 'everything', kind: 2n, identifier: 0n, outcome: 'budget' },
    { title: 'a kind that does not exist', kind: 4n, identifier: 0n, outcome: gp },
    { title: 'reserved bits', kind: 2n, identifier: 0x1000n, outcome: gp },
    { title: 'an identifier without CR4.PCIDE', kind: 1n, identifier: 5n, outcome: gp },
    {
      title: 'an address that is not canonical',
      kind: 0n,
      identifier: 0n,
      linear: 1n << 47n,
      outcome: gp,
    },
    { title: 'CPL 3', level: 3, kind: 2n, identifier: 0n, outcome: gp },
    { title: 'without the control', control: 0n, kind: 2n, identifier: 0n, outcome: 'vector 6' },
  ];

  for (const { title, level = 0, kind, identifier, linear = 0n, outcome, ...rest } of rows) {
    it(`${title}: ${outcome}`, () => {
      const kernel = prepare('66 0f 38 82 03', level);
      const data = level === 0 ? layout.kernelData : layout.userData;
      kernel.setField('GUEST_CR4', cr4 | (rest.cr4 ?? 0n));
      kernel.setField('SECONDARY_VM_EXEC_CONTROL', rest.control ?? 0x1000n);
      kernel.core.stateWasEdited();
      kernel.writeU64(data, identifier);
      kernel.writeU64(data + 8, linear);
      kernel.state.setGpr(0, kind);
      kernel.state.setGpr(3, BigInt(data));
      assert.equal(kernel.outcome(), outcome);
    });
  }
});

describe('PCIDs (SDM vol. 3, 4.10.1)', () => {
  it('MOV CR3 takes an identifier, and bit 63 is not stored', () => {
    const kernel = prepare('0f 22 d8');
    kernel.setField('GUEST_CR4', cr4 | identifiers);
    kernel.core.stateWasEdited();
    kernel.state.setGpr(0, (1n << 63n) | 0x1005n);
    assert.equal(kernel.outcome(), 'budget');
    assert.equal(kernel.field('GUEST_CR3'), 0x1005n);
  });

  it('CR4.PCIDE cannot be set with an identifier in CR3', () => {
    const kernel = prepare('0f 22 e0');
    kernel.setField('GUEST_CR3', 0x1018n);
    kernel.core.stateWasEdited();
    kernel.state.setGpr(0, cr4 | identifiers);
    assert.equal(kernel.outcome(), gp);
  });
});

describe('compatibility mode and 64-bit mode', () => {
  it('a fault in compatibility mode is delivered as IA-32e mode does it', () => {
    const kernel = prepare('0f 0b');
    kernel.setCompatibilityMode(0);
    kernel.setField('GUEST_CS_SELECTOR', BigInt(selector.compatibilityCode));
    assert.equal(kernel.outcome(), 'vector 6');
    assert.equal(kernel.stack(2)[1], BigInt(selector.compatibilityCode));
    assert.equal(kernel.field('GUEST_CS_AR_BYTES'), 0xa09bn);
    // And the handler's IRET goes back.
    kernel.memory.write(Number(kernel.handler(6)), machineCode('48 cf'));
    assert.equal(kernel.outcome(), 'budget');
    assert.equal(kernel.field('GUEST_CS_AR_BYTES'), 0xc09bn);
  });

  it('SYSRET with a 32-bit operand enters compatibility mode', () => {
    const kernel = prepare('0f 07');
    kernel.setField('GUEST_IA32_EFER', 0xd01n);
    kernel.state.setMsr('IA32_STAR', 0x0013_0008n << 32n);
    kernel.state.setGpr(1, 0xffff_ffff_0006_0000n);
    kernel.state.setGpr(11, 0x202n);
    assert.equal(kernel.outcome(), 'budget');
    assert.equal(kernel.state.rip, 0x60000n);
    assert.equal(kernel.field('GUEST_CS_AR_BYTES'), 0xc0fbn);
    assert.equal(kernel.field('GUEST_CS_SELECTOR'), 0x13n);
    assert.equal(kernel.field('GUEST_SS_SELECTOR'), 0x1bn);
  });

  it('an exit stores EFER.LMA in the entry controls', () => {
    const kernel = prepare('f4');
    kernel.setField('VM_ENTRY_CONTROLS', 0n);
    assert.equal(kernel.outcome(), 'exit 12');
    assert.equal(kernel.field('VM_ENTRY_CONTROLS'), 0x200n);
  });
});
