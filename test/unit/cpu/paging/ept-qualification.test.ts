// The exit qualification of EPT violations, bit by bit (SDM vol. 3, table 28-7).
import assert from 'node:assert/strict';
import {
  rightExecute,
  rightRead,
  rightWrite,
} from '../../../../debug-adapter/machine/guest-memory';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import { GuestKernel, layout, selector } from '../../../support/guest-kernel';
import { machineCode } from '../../../support/machine-code';
import { ModeMachine } from '../../../support/mode-machine';

const linearValid = 1n << 7n;
const translated = 1n << 8n;
/** A page of its own for what is refused. */
const refused = layout.kernelData;
const blockedByNmi = 8n;

interface Row {
  readonly title: string;
  readonly code: string;
  readonly rights: number;
  readonly access: bigint;
}

const read = '48 8b 03';
const write = '48 89 03';
const update = '48 01 03';
const push = '50';
const jump = 'ff e3';

/** Bits 2:0, the access, with every set of rights in bits 5:3 that refuses it. */
const rows: readonly Row[] = [
  ...[0, rightExecute].map((rights) => ({ title: 'a read', code: read, rights, access: 1n })),
  ...[0, rightRead, rightExecute, rightRead | rightExecute].map((rights) => ({
    ...{ title: 'a write', code: write, rights, access: 2n },
  })),
  { title: 'the read of a read-modify-write', code: update, rights: 0, access: 1n },
  ...[0, rightRead, rightRead | rightWrite].map((rights) => ({
    ...{ title: 'a fetch', code: jump, rights, access: 4n },
  })),
  { title: 'a push', code: push, rights: rightRead, access: 2n },
];

function prepare({ code, rights }: Pick<Row, 'code' | 'rights'>): GuestKernel {
  const kernel = new GuestKernel();
  kernel.enter(0, machineCode(code));
  kernel.state.setGpr(3, BigInt(refused));
  kernel.state.setGpr(4, BigInt(refused + 0x800));
  if (rights === 0) kernel.memory.unmap(refused >>> 12, 1);
  else kernel.memory.mapRam(refused >>> 12, 1, rights);
  return kernel;
}

/** Runs until the exit. */
function exit(kernel: GuestKernel): string {
  for (let steps = 0; steps < 2; steps++) {
    const outcome = kernel.outcome();
    if (outcome !== 'budget') return outcome;
  }
  return 'budget';
}

describe('qualification of EPT violations (SDM vol. 3, table 28-7)', () => {
  for (const row of rows) {
    const rights = row.rights.toString(2).padStart(3, '0');
    it(`${row.title} where the rights are ${rights}`, () => {
      const kernel = prepare(row);
      assert.equal(exit(kernel), 'exit 48');
      const qualification = kernel.field('EXIT_QUALIFICATION');
      assert.equal(qualification & 7n, row.access, 'bits 2:0, the access');
      assert.equal((qualification >> 3n) & 7n, BigInt(row.rights), 'bits 5:3, what is allowed');
      assert.equal(qualification & linearValid, linearValid, 'bit 7, a linear address');
      assert.equal(qualification & translated, translated, 'bit 8, its translation');
      // Bit 6 and bits 11:9 need features of IA32_VMX_EPT_VPID_CAP and controls that are not offered, as do 16:13.
      assert.equal(qualification & ~0x1bfn, 0n);
    });
  }

  it('loading page-directory pointers has no linear address: bits 7 and 8 are 0', () => {
    const machine = new ModeMachine();
    machine.protect([]);
    machine.set('GUEST_CR4', 0x20n);
    machine.set('GUEST_CR0', 0x80000031n);
    machine.set('GUEST_PDPTR0', 0x11001n);
    // The first 2 MiB are one page.
    machine.write(0x11000, '87 00 00 00 00 00 00 00');
    machine.edited();
    machine.registers({ 0: 0x3f00_0000 });
    assert.equal(machine.execute(0x7000, '0f 22 d8'), 'exit 48');
    assert.equal(machine.field('EXIT_QUALIFICATION'), 1n);
    assert.equal(machine.field('GUEST_PHYSICAL_ADDRESS'), 0x3f00_0000n);
  });

  const nmiRows: readonly (readonly [string, (kernel: GuestKernel) => void])[] = [
    ['on its stack', (kernel) => kernel.memory.unmap(refused >>> 12, 1)],
    [
      'in the walk to its stack',
      (kernel) => {
        // In the second gigabyte, which has a page directory of its own.
        kernel.map(0x4000_0000n, refused);
        const pointers = Number(kernel.readU64(Number(kernel.field('GUEST_CR3'))) >> 12n);
        const directory = Number(kernel.readU64(pointers * 4096 + 8) >> 12n);
        kernel.memory.unmap(directory, 1);
        kernel.state.setGpr(4, 0x4000_0000n);
      },
    ],
    [
      'in a descriptor table',
      (kernel) => {
        kernel.writeU64(refused + 0x808, BigInt(selector.kernelCode));
        kernel.setField('GUEST_GDTR_BASE', BigInt(layout.userData));
        kernel.memory.unmap(layout.userData >>> 12, 1);
      },
    ],
  ];
  for (const [where, refuse] of nmiRows) {
    for (const wasBlocked of [true, false]) {
      const title = `${where} by an IRET, NMIs ${wasBlocked ? 'blocked' : 'not blocked'}`;
      it(`${title}: bit 12 tells whether it has let them in`, () => {
        const kernel = prepare({ code: '48 cf', rights: rightRead | rightWrite });
        refuse(kernel);
        kernel.setField('GUEST_INTERRUPTIBILITY_INFO', wasBlocked ? blockedByNmi : 0n);
        assert.equal(exit(kernel), 'exit 48');
        assert.equal((kernel.field('EXIT_QUALIFICATION') >> 12n) & 1n, wasBlocked ? 1n : 0n);
        assert.equal(kernel.field('GUEST_INTERRUPTIBILITY_INFO') & blockedByNmi, 0n);
        assert.equal(kernel.state.readU64(stateOffsets.retired), 0n);
      });
    }
  }

  it('of another instruction while NMIs are blocked: bit 12 is 0, and they stay blocked', () => {
    const kernel = prepare({ code: read, rights: 0 });
    kernel.setField('GUEST_INTERRUPTIBILITY_INFO', blockedByNmi);
    assert.equal(exit(kernel), 'exit 48');
    assert.equal((kernel.field('EXIT_QUALIFICATION') >> 12n) & 1n, 0n);
    assert.equal(kernel.field('GUEST_INTERRUPTIBILITY_INFO') & blockedByNmi, blockedByNmi);
  });

  it('of what follows an IRET that let NMIs in: bit 12 is 0', () => {
    const kernel = prepare({ code: '48 cf', rights: 0 });
    const top = layout.kernelStack - 0x100;
    const frame = [layout.kernelCode + 0x80, selector.kernelCode, 2, top, selector.kernelData];
    frame.forEach((value, index) => kernel.writeU64(top + index * 8, BigInt(value)));
    kernel.state.setGpr(4, BigInt(top));
    kernel.memory.write(layout.kernelCode + 0x80, machineCode(read));
    kernel.setField('GUEST_INTERRUPTIBILITY_INFO', blockedByNmi);
    assert.equal(exit(kernel), 'exit 48');
    assert.equal(kernel.state.rip, BigInt(layout.kernelCode + 0x80));
    assert.equal((kernel.field('EXIT_QUALIFICATION') >> 12n) & 1n, 0n);
  });

  it('in the delivery of the fault of an IRET: bit 12 is undefined, and 0', () => {
    const kernel = prepare({ code: '48 cf', rights: rightRead | rightWrite });
    kernel.setField('GUEST_INTERRUPTIBILITY_INFO', blockedByNmi);
    kernel.memory.unmap(layout.interruptTable >>> 12, 1);
    assert.equal(exit(kernel), 'exit 48');
    assert.notEqual(kernel.field('IDT_VECTORING_INFO_FIELD'), 0n);
    assert.equal((kernel.field('EXIT_QUALIFICATION') >> 12n) & 1n, 0n);
    assert.equal(kernel.field('GUEST_INTERRUPTIBILITY_INFO') & blockedByNmi, 0n);
  });
});

describe('interruption information of a fault of IRET that exits (SDM vol. 3, 28.2.3)', () => {
  for (const wasBlocked of [true, false]) {
    it(`NMIs ${wasBlocked ? 'blocked' : 'not blocked'}: bit 12 tells whether it has let them in`, () => {
      const kernel = prepare({ code: '48 cf', rights: rightRead | rightWrite });
      kernel.setField('GUEST_INTERRUPTIBILITY_INFO', wasBlocked ? blockedByNmi : 0n);
      kernel.setField('EXCEPTION_BITMAP', 1n << 13n);
      assert.equal(exit(kernel), 'exit 0');
      const information = kernel.field('VM_EXIT_INTR_INFO');
      assert.equal(information, 0x80000b0dn | (wasBlocked ? 0x1000n : 0n));
      assert.equal(kernel.field('GUEST_INTERRUPTIBILITY_INFO') & blockedByNmi, 0n);
    });
  }

  it('another fault while NMIs are blocked: bit 12 is 0', () => {
    const kernel = prepare({ code: '0f 0b', rights: rightRead });
    kernel.setField('GUEST_INTERRUPTIBILITY_INFO', blockedByNmi);
    kernel.setField('EXCEPTION_BITMAP', 1n << 6n);
    assert.equal(exit(kernel), 'exit 0');
    assert.equal(kernel.field('VM_EXIT_INTR_INFO'), 0x80000306n);
    assert.equal(kernel.field('GUEST_INTERRUPTIBILITY_INFO') & blockedByNmi, blockedByNmi);
  });
});
