// 32-bit and PAE paging, SMEP and SMAP (SDM vol. 3, 4.3, 4.4, 4.6).
import assert from 'node:assert/strict';
import { littleEndian } from '../../../support/machine-code';
import { ModeMachine } from '../../../support/mode-machine';

const tables = 0x10000;
const linear = 0x40_5000;
const data = 0x20_5000;

interface Setup {
  readonly cr4?: bigint;
  readonly efer?: bigint;
  /** 4-byte or 8-byte entries by address. */
  readonly entries: Readonly<Record<number, bigint>>;
  readonly bytes: 4 | 8;
  readonly cr3?: bigint;
  readonly flags?: number;
  readonly level?: 0 | 3;
}

/** Flat 32-bit code at 7000 reads or writes `linear`; the low 4 MiB are mapped to themselves. */
function prepare(setup: Setup): ModeMachine {
  const machine = new ModeMachine();
  machine.protect([]);
  for (const [address, entry] of Object.entries(setup.entries)) {
    machine.write(Number(address), littleEndian(entry, setup.bytes));
  }
  machine.set('GUEST_CR3', setup.cr3 ?? BigInt(tables));
  machine.set('GUEST_CR4', setup.cr4 ?? 0n);
  machine.set('GUEST_IA32_EFER', setup.efer ?? 0n);
  machine.set('GUEST_CR0', 0x80010031n);
  machine.set('EXCEPTION_BITMAP', 0xffffffffn);
  if (setup.bytes === 8) {
    machine.set('GUEST_PDPTR0', 0x11001n);
  }
  if (setup.level === 3) {
    machine.set('GUEST_SS_AR_BYTES', 0xc0f3n);
    machine.set('GUEST_CS_AR_BYTES', 0xc0fbn);
  }
  machine.state.rflags = setup.flags ?? 2;
  machine.edited();
  machine.registers({ 0: 0x5a, 3: linear });
  return machine;
}

interface Row {
  readonly title: string;
  readonly setup: Setup;
  readonly access: 'read' | 'write' | 'execute';
  /** Physical address that is reached, or the error code of a page fault. */
  readonly reached?: number;
  readonly error?: number;
  /** Entries afterwards. */
  readonly after?: Readonly<Record<number, bigint>>;
}

const low = { [tables]: 0x12007n };
/** Identity of the low 4 MiB for 32-bit paging, by 4 KiB pages. */
const identity: Record<number, bigint> = {};
for (let page = 0; page < 16; page++) identity[0x12000 + page * 4] = BigInt(page * 4096 + 7);
const short = { ...low, ...identity };
const pde = tables + 4;

const pae: Record<number, bigint> = { 0x11000: 0xe7n };
const paeDirectory = 0x11010;
const cr4Pae = 0x20n;
const large = 0x10n;

const rows: readonly Row[] = [
  {
    title: '32-bit paging, 4 KiB page',
    setup: { bytes: 4, entries: { ...short, [pde]: 0x13007n, 0x13014: BigInt(data + 7) } },
    access: 'write',
    reached: data,
    after: { [pde]: 0x13027n, 0x13014: BigInt(data + 0x67) },
  },
  {
    title: '32-bit paging, 4 MiB page',
    setup: { bytes: 4, cr4: large, entries: { ...short, [pde]: 0x400087n } },
    access: 'write',
    reached: 0x40_5000,
    after: { [pde]: 0x4000e7n },
  },
  {
    title: 'without CR4.PSE bit 7 means nothing',
    setup: { bytes: 4, entries: { ...short, [pde]: 0x13087n, 0x13014: BigInt(data + 7) } },
    access: 'read',
    reached: data,
  },
  {
    title: '32-bit paging, 4 MiB page with bit 21: reserved',
    setup: { bytes: 4, cr4: large, entries: { ...short, [pde]: 0x600087n } },
    access: 'read',
    error: 9,
  },
  {
    title: '32-bit paging, absent table',
    setup: { bytes: 4, entries: { ...short, [pde]: 0n } },
    access: 'write',
    error: 2,
  },
  {
    title: '32-bit paging, read-only page',
    setup: { bytes: 4, entries: { ...short, [pde]: 0x13007n, 0x13014: BigInt(data + 5) } },
    access: 'write',
    error: 3,
  },
  {
    title: '32-bit paging, supervisor page for user code',
    setup: {
      bytes: 4,
      level: 3,
      entries: { ...short, [pde]: 0x13007n, 0x13014: BigInt(data + 3) },
    },
    access: 'read',
    error: 5,
  },
  {
    title: '32-bit paging has no execute-disable, and tells no fetch',
    setup: { bytes: 4, efer: 0x800n, entries: { ...short, [pde]: 0x13007n } },
    access: 'execute',
    error: 0,
  },
  {
    title: 'PAE paging, 4 KiB page',
    setup: {
      bytes: 8,
      cr4: cr4Pae,
      entries: { ...pae, [paeDirectory]: 0x13007n, 0x13028: BigInt(data + 7) },
    },
    access: 'write',
    reached: data,
    after: { [paeDirectory]: 0x13027n, 0x13028: BigInt(data + 0x67) },
  },
  {
    title: 'PAE paging, 2 MiB page',
    setup: { bytes: 8, cr4: cr4Pae, entries: { ...pae, [paeDirectory]: 0x200087n } },
    access: 'read',
    reached: data,
    after: { [paeDirectory]: 0x2000a7n },
  },
  {
    title: 'PAE paging, execute-disable',
    setup: {
      bytes: 8,
      cr4: cr4Pae,
      efer: 0x800n,
      entries: { ...pae, [paeDirectory]: (1n << 63n) | 0x200087n },
    },
    access: 'execute',
    error: 0x11,
  },
  {
    title: 'PAE paging, bit 63 without EFER.NXE: reserved',
    setup: {
      bytes: 8,
      cr4: cr4Pae,
      entries: { ...pae, [paeDirectory]: (1n << 63n) | 0x200087n },
    },
    access: 'read',
    error: 9,
  },
  {
    title: 'PAE paging, absent page-directory pointer',
    setup: { bytes: 8, cr4: cr4Pae, entries: pae },
    access: 'read',
    error: 0,
  },
  {
    title: 'SMEP: supervisor code on a user page',
    setup: {
      bytes: 8,
      cr4: cr4Pae | (1n << 20n),
      entries: { 0x11000: 0xe3n, [paeDirectory]: 0x200087n },
    },
    access: 'execute',
    error: 0x11,
  },
  {
    title: 'SMAP: supervisor data on a user page',
    setup: {
      bytes: 8,
      cr4: cr4Pae | (1n << 21n),
      entries: { 0x11000: 0xe3n, [paeDirectory]: 0x200087n },
    },
    access: 'read',
    error: 1,
  },
  {
    title: 'SMAP with AC lets it through',
    setup: {
      bytes: 8,
      cr4: cr4Pae | (1n << 21n),
      flags: 0x40002,
      entries: { 0x11000: 0xe3n, [paeDirectory]: 0x200087n },
    },
    access: 'write',
    reached: data,
  },
];

const codeOf = { read: '8b 0b', write: '89 03', execute: 'ff e3' } as const;

describe('paging modes (SDM vol. 3, 4.3, 4.4, 4.6)', () => {
  for (const { title, setup, access, reached, error, after } of rows) {
    it(title, () => {
      const machine = prepare(setup);
      if (reached !== undefined) machine.write(reached, '78 56 34 12');
      const outcome = machine.execute(0x7000, codeOf[access], access === 'execute' ? 2 : 1);
      if (error !== undefined) {
        assert.equal(outcome, 'exit 0');
        assert.equal(machine.field('VM_EXIT_INTR_INFO') & 0xffn, 14n);
        assert.equal(machine.field('VM_EXIT_INTR_ERROR_CODE'), BigInt(error));
        assert.equal(machine.field('EXIT_QUALIFICATION'), BigInt(linear));
        return;
      }
      assert.equal(outcome, 'budget');
      if (access === 'read') assert.equal(machine.gpr(1), 0x12345678n);
      else assert.equal(machine.read(reached ?? 0, 4), 0x5an);
      for (const [address, entry] of Object.entries(after ?? {})) {
        assert.equal(machine.read(Number(address), setup.bytes), entry, `entry ${address}`);
      }
    });
  }

  it('a cached translation does not survive a change of AC under SMAP', () => {
    const machine = prepare({
      bytes: 8,
      cr4: cr4Pae | (1n << 21n),
      flags: 0x40002,
      entries: { 0x11000: 0xe3n, [paeDirectory]: 0x200087n },
    });
    // MOV ECX,[EBX]; PUSH 2; POPFD; MOV ECX,[EBX].
    machine.registers({ 4: 0x9000 });
    assert.equal(machine.execute(0x7000, '8b 0b 6a 02 9d 8b 0b', 4), 'exit 0');
    assert.equal(machine.state.rip, 0x7005n);
  });

  it('MOV CR3 loads the page-directory pointers, and refuses reserved bits', () => {
    const machine = prepare({ bytes: 8, cr4: cr4Pae, entries: pae });
    machine.write(0x15000, littleEndian(0x11001n, 8) + littleEndian(0x12001n, 8));
    machine.registers({ 0: 0x15000 });
    assert.equal(machine.execute(0x7000, '0f 22 d8'), 'budget');
    assert.equal(machine.field('GUEST_PDPTR1'), 0x12001n);
    machine.write(0x16000, littleEndian(0x11003n, 8));
    machine.registers({ 0: 0x16000 });
    assert.equal(machine.execute(0x7000, '0f 22 d8'), 'exit 0');
    assert.equal(machine.field('VM_EXIT_INTR_INFO') & 0xffn, 13n);
    assert.equal(machine.field('GUEST_CR3'), 0x15000n);
  });
});
