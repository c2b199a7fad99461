// MSR and I/O bitmaps: what exits, and what the processor does itself (SDM vol. 3, 25.6.4, 25.6.9 and 26.1.3).
import assert from 'node:assert/strict';
import { fillAccessBitmaps } from '../../../../debug-adapter/hypervisor/access-bitmaps';
import { architecturalMsrBehaviour } from '../../../../debug-adapter/hypervisor/architectural-msrs';
import { VirtualProcessor } from '../../../../debug-adapter/hypervisor/virtual-processor';
import { hypervisorPages } from '../../../../debug-adapter/machine/hypervisor-pages';
import { processorMsrs } from '../../../../debug-adapter/machine/processor-msrs';
import { msrByName } from '../../../../debug-adapter/spec/x86/msrs';
import { GuestKernel } from '../../../support/guest-kernel';
import { machineCode } from '../../../support/machine-code';

const control = { ioExiting: 1 << 24, ioBitmaps: 1 << 25, msrBitmaps: 1 << 28 } as const;
const [rax, rcx, rdx] = [0, 1, 2] as const;
const gp = 'vector 13 (0x0)';
const minus = (value: bigint): bigint => BigInt.asUintN(64, value);

function prepared(code: string, controls: number, level: 0 | 3 = 0): GuestKernel {
  const kernel = GuestKernel.again();
  fillAccessBitmaps(kernel.state.bytes);
  kernel.enter(level, machineCode(code));
  kernel.setField('CPU_BASED_VM_EXEC_CONTROL', BigInt(controls));
  kernel.setField('MSR_BITMAP', BigInt(hypervisorPages.msrBitmap));
  kernel.setField('IO_BITMAP_A', BigInt(hypervisorPages.ioBitmapA));
  kernel.setField('IO_BITMAP_B', BigInt(hypervisorPages.ioBitmapB));
  return kernel;
}

function setMsrOperands(kernel: GuestKernel, number: number, value: bigint): void {
  kernel.state.setGpr(rcx, 0xdead_0000_0000n | BigInt(number));
  kernel.state.setGpr(rax, 0xdead_0000_0000_0000n | (value & 0xffffffffn));
  kernel.state.setGpr(rdx, value >> 32n);
}

const msrNumber = (name: string): number => msrByName.get(name)?.number ?? assert.fail(name);

describe('MSR bitmap', () => {
  const exits: readonly (readonly [string, number])[] = [
    ['the first of the low range', 0],
    ['IA32_EFER', 0xc0000080],
    ['an x2APIC register', 0x80b],
    ['the last of the low range', 0x1fff],
    ['the first behind it', 0x2000],
    ['a synthetic MSR, outside both ranges', 0x40000000],
    ['the last below the high range', 0xbfffffff],
    ['the last of the high range', 0xc0001fff],
    ['the first behind it', 0xc0002000],
    ['the last of all', 0xffffffff],
  ];
  for (const [name, number] of exits) {
    for (const [code, reason] of [
      ['0f 32', 31],
      ['0f 30', 32],
    ] as const) {
      it(`${name}, 0x${number.toString(16)}: exit ${reason}`, () => {
        const kernel = prepared(code, control.msrBitmaps);
        setMsrOperands(kernel, number, 0n);
        assert.equal(kernel.outcome(), `exit ${reason}`);
      });
    }
  }

  /** Per rule: values that are stored, and values that raise #GP. */
  const canonical = [
    [0n, 0x7fff_ffff_ffffn, minus(-0x8000_0000_0000n), minus(-1n)],
    [0x8000_0000_0000n, minus(-0x8000_0000_0001n), 1n << 63n],
  ] as const;
  const low = [[0n, 0xffffffffn], [1n << 32n]] as const;
  const rules: Readonly<Record<string, readonly [readonly bigint[], readonly bigint[]]>> = {
    IA32_SYSENTER_CS: low,
    IA32_SYSENTER_ESP: canonical,
    IA32_SYSENTER_EIP: canonical,
    IA32_PAT: [
      [0x0007040600070406n, 0x0706050401000706n],
      [2n, 3n << 56n, 8n << 24n, 0xffn],
    ],
    IA32_STAR: [[0n, minus(-1n)], []],
    IA32_LSTAR: canonical,
    IA32_CSTAR: canonical,
    IA32_FMASK: low,
    IA32_FS_BASE: canonical,
    IA32_GS_BASE: canonical,
    IA32_KERNEL_GS_BASE: canonical,
    IA32_TSC_AUX: low,
    IA32_SPEC_CTRL: [
      [0n, 7n],
      [8n, 1n << 32n],
    ],
  };

  it('the rows are the registers of the table', () => {
    assert.deepEqual(Object.keys(rules).map(msrNumber).sort(), [...processorMsrs.keys()].sort());
  });

  for (const [name, [stored, refused]] of Object.entries(rules)) {
    it(`${name} is written and read without an exit, by the rules of the hypervisor`, () => {
      const number = msrNumber(name);
      for (const value of [...stored, ...refused]) {
        const isStored = stored.includes(value);
        const kernel = prepared('0f 30', control.msrBitmaps);
        setMsrOperands(kernel, number, value);
        assert.equal(kernel.outcome(), isStored ? 'budget' : gp, value.toString(16));
        const behaviour = architecturalMsrBehaviour.get(number) ?? assert.fail(name);
        const processor = new VirtualProcessor(2, 0, kernel.core);
        assert.equal(behaviour.write(processor, value, 0), isStored, value.toString(16));
        if (!isStored) continue;
        kernel.enter(0, machineCode('0f 32'));
        setMsrOperands(kernel, number, 0n);
        assert.equal(kernel.outcome(), 'budget');
        assert.equal((kernel.state.gpr(rdx) << 32n) | kernel.state.gpr(rax), value);
      }
    });
  }

  it('privilege comes first', () => {
    for (const code of ['0f 32', '0f 30']) {
      const kernel = prepared(code, control.msrBitmaps, 3);
      setMsrOperands(kernel, msrNumber('IA32_FS_BASE'), 0n);
      assert.equal(kernel.outcome(), gp);
    }
  });

  it('without the control every MSR exits', () => {
    const kernel = prepared('0f 32', 0);
    setMsrOperands(kernel, msrNumber('IA32_FS_BASE'), 0n);
    assert.equal(kernel.outcome(), 'exit 31');
  });

  it('a field that names no page of the hypervisor makes everything exit', () => {
    for (const address of [0x10000n, 0x1_0000_1000n, 0xffff_f000n]) {
      const kernel = prepared('0f 32', control.msrBitmaps);
      kernel.setField('MSR_BITMAP', address);
      setMsrOperands(kernel, msrNumber('IA32_FS_BASE'), 0n);
      assert.equal(kernel.outcome(), 'exit 31');
    }
  });

  it('an MSR that is let through but is not there raises #GP', () => {
    const kernel = prepared('0f 32', control.msrBitmaps);
    kernel.state.bytes[hypervisorPages.msrBitmap + (0x123 >> 3)] = 0;
    setMsrOperands(kernel, 0x123, 0n);
    assert.equal(kernel.outcome(), gp);
  });
});

describe('I/O bitmaps', () => {
  /** Lets ports `first` to `last` through. */
  function letThrough(kernel: GuestKernel, first: number, last: number): void {
    for (let port = first; port <= last; port++) {
      const page = port < 0x8000 ? hypervisorPages.ioBitmapA : hypervisorPages.ioBitmapB;
      const at = page + ((port & 0x7fff) >> 3);
      kernel.state.bytes[at] = (kernel.state.bytes[at] ?? 0) & ~(1 << (port & 7));
    }
  }

  const rows: readonly (readonly [string, string, number, string])[] = [
    ['OUT of one port inside', 'ee', 0x7fff, 'budget'],
    ['OUT of two ports inside, one in each bitmap', '66 ef', 0x7fff, 'budget'],
    ['IN of four ports inside', 'ed', 0x7ffe, 'budget'],
    ['IN of four ports, the last outside', 'ed', 0x7fff, 'exit 30'],
    ['IN below', 'ec', 0x7ffd, 'exit 30'],
    ['IN above', 'ec', 0x8002, 'exit 30'],
  ];
  for (const [name, code, port, expected] of rows) {
    it(`${name}: ${expected}`, () => {
      const kernel = prepared(code, control.ioBitmaps | control.ioExiting);
      letThrough(kernel, 0x7ffe, 0x8001);
      kernel.state.setGpr(rdx, BigInt(port));
      assert.equal(kernel.outcome(), expected);
    });
  }

  it('an access that wraps around behind port 0xffff exits', () => {
    const kernel = prepared('ed', control.ioBitmaps);
    letThrough(kernel, 0xfff0, 0xffff);
    kernel.state.setGpr(rdx, 0xfffen);
    assert.equal(kernel.outcome(), 'exit 30');
  });

  const floating: readonly (readonly [string, string, bigint])[] = [
    ['IN AL', 'ec', 0x1122_3344_5566_77ffn],
    ['IN AX', '66 ed', 0x1122_3344_5566_ffffn],
    ['IN EAX', 'ed', 0xffff_ffffn],
  ];
  for (const [name, code, expected] of floating) {
    it(`${name} without an exit reads a floating bus`, () => {
      const kernel = prepared(code, 0);
      kernel.state.setGpr(rax, 0x1122_3344_5566_7788n);
      kernel.state.setGpr(rdx, 0x80n);
      assert.equal(kernel.outcome(), 'budget');
      assert.equal(kernel.state.gpr(rax), expected);
    });
  }
});
