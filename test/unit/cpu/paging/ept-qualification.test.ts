// The exit qualification of EPT violations, bit by bit (SDM vol. 3, table 28-7).
import assert from 'node:assert/strict';
import {
  rightExecute,
  rightRead,
  rightWrite,
} from '../../../../debug-adapter/machine/guest-memory';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import { GuestKernel, layout } from '../../../support/guest-kernel';
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

  it('an IRET that exits has not let NMIs in yet: bit 12 is 0, and they are still blocked', () => {
    const kernel = prepare({ code: '48 cf', rights: 0 });
    kernel.setField('GUEST_INTERRUPTIBILITY_INFO', blockedByNmi);
    assert.equal(exit(kernel), 'exit 48');
    assert.equal((kernel.field('EXIT_QUALIFICATION') >> 12n) & 1n, 0n);
    assert.equal(kernel.field('GUEST_INTERRUPTIBILITY_INFO') & blockedByNmi, blockedByNmi);
    assert.equal(kernel.state.readU64(stateOffsets.retired), 0n);
  });
});
