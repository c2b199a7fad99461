// Page walks: what each level permits, the error codes, and which accessed and dirty bits they set.
import assert from 'node:assert/strict';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import { BareProcessor } from '../../../support/bare-processor';
import { machineCode } from '../../../support/machine-code';
import { entryBits, LinearPage, tableRoot, type LeafLevel } from '../../../support/page-tables';

const { accessed, dirty, large, noExecute, present, user, writable } = entryBits;
const codeLinear = 0x1000_0000n;
const codeGpa = 0x100_000;
const targetLinear = 0x4020_3000n;
const targetGpa = 0x200_000;

const beyond = (1n << 47n) + 0x100n;
const { exitPending } = stateOffsets;

type Access = 'read' | 'write' | 'fetch';

const instructions: Readonly<Record<Access, string>> = {
  read: '48 8b 03',
  write: '48 89 03',
  fetch: 'ff e3',
};

class Walks {
  readonly processor = new BareProcessor();
  readonly page: LinearPage;

  constructor(readonly leaf: LeafLevel) {
    const { processor } = this;
    // The old root's tables hold the code; the new root reaches both.
    processor.map(codeLinear, codeGpa);
    processor.memory.write(tableRoot, processor.memory.read(0x1000, 8) ?? new Uint8Array());
    this.page = new LinearPage(processor, targetLinear + (1n << 39n), leaf);
    this.page.map(leaf === 1 ? 0n : BigInt(targetGpa));
    processor.setField('GUEST_CR3', BigInt(tableRoot));
    processor.setField('EXCEPTION_BITMAP', 0xffffffffn);
    processor.memory.write(targetGpa + 0x3000, new Uint8Array(16).fill(0x90));
    processor.memory.write(0x203_000, new Uint8Array(16).fill(0x90));
    processor.memory.write(targetGpa, new Uint8Array(16).fill(0x90));
  }

  /** Linear address of the target; it lies in the page that `leaf` maps. */
  get target(): bigint {
    return this.page.linear;
  }

  /** Error code of the page fault, or "done"; other exceptions by vector. */
  access(access: Access, level: 0 | 3, address = this.target): string {
    const { processor } = this;
    processor.memory.write(codeGpa, machineCode(instructions[access]));
    processor.setPrivilege(level);
    processor.state.rip = codeLinear;
    processor.state.setGpr(3, address);
    const steps = access === 'fetch' ? 2 : 1;
    const { stop } = processor.core.run(steps, 0);
    if (stop.kind === 'budget') return 'done';
    processor.state.writeU32(exitPending, 0);
    if (stop.kind !== 'vm-exit') return stop.kind;
    const reason = processor.field('VM_EXIT_REASON');
    if (reason !== 0n) return `exit ${reason}`;
    const vector = processor.field('VM_EXIT_INTR_INFO') & 0xffn;
    const code = processor.field('VM_EXIT_INTR_ERROR_CODE');
    if (vector !== 14n) return `vector ${vector} (${code})`;
    assert.equal(processor.field('EXIT_QUALIFICATION'), address);
    return `#PF ${code.toString(16)}`;
  }
}

const leaves: readonly (readonly [LeafLevel, string])[] = [
  [3, '4 KiB'],
  [2, '2 MiB'],
  [1, '1 GiB'],
];

interface Row {
  readonly title: string;
  readonly change: (walks: Walks, level: number) => void;
  /** Results of read, write and fetch at CPL 0, then at CPL 3. */
  readonly expected: readonly [string, string, string, string, string, string];
}

const done = ['done', 'done', 'done', 'done', 'done', 'done'] as const;

const rows: readonly Row[] = [
  { title: 'all rights', change: () => undefined, expected: done },
  {
    title: 'not present',
    change: ({ page }, level) => page.clear(level, present),
    expected: ['#PF 0', '#PF 2', '#PF 10', '#PF 4', '#PF 6', '#PF 14'],
  },
  {
    title: 'read-only',
    change: ({ page }, level) => page.clear(level, writable),
    expected: ['done', '#PF 3', 'done', 'done', '#PF 7', 'done'],
  },
  {
    title: 'read-only without CR0.WP',
    change: ({ page, processor }, level) => {
      page.clear(level, writable);
      processor.setField('GUEST_CR0', processor.field('GUEST_CR0') & ~0x10000n);
    },
    expected: ['done', 'done', 'done', 'done', '#PF 7', 'done'],
  },
  {
    title: 'supervisor',
    change: ({ page }, level) => page.clear(level, user),
    expected: ['done', 'done', 'done', '#PF 5', '#PF 7', '#PF 15'],
  },
  {
    title: 'no-execute',
    change: ({ page }, level) => page.set(level, noExecute),
    expected: ['done', 'done', '#PF 11', 'done', 'done', '#PF 15'],
  },
  {
    title: 'no-execute without EFER.NXE is reserved',
    change: ({ page, processor }, level) => {
      page.set(level, noExecute);
      processor.setField('GUEST_IA32_EFER', 0x500n);
    },
    expected: ['#PF 9', '#PF b', '#PF 9', '#PF d', '#PF f', '#PF d'],
  },
  {
    title: 'not present without EFER.NXE: no bit for fetches',
    change: ({ page, processor }, level) => {
      page.clear(level, present);
      processor.setField('GUEST_IA32_EFER', 0x500n);
    },
    expected: ['#PF 0', '#PF 2', '#PF 0', '#PF 4', '#PF 6', '#PF 4'],
  },
  {
    title: 'an address bit beyond the physical width',
    change: ({ page }, level) => page.set(level, 1n << 45n),
    expected: ['#PF 9', '#PF b', '#PF 19', '#PF d', '#PF f', '#PF 1d'],
  },
  {
    title: 'reserved and not present: only not present counts',
    change: ({ page }, level) => {
      page.set(level, 1n << 45n);
      page.clear(level, present);
    },
    expected: ['#PF 0', '#PF 2', '#PF 10', '#PF 4', '#PF 6', '#PF 14'],
  },
  {
    title: 'reserved and read-only: reserved counts',
    change: ({ page }, level) => {
      page.set(level, 1n << 45n);
      page.clear(level, writable | user);
    },
    expected: ['#PF 9', '#PF b', '#PF 19', '#PF d', '#PF f', '#PF 1d'],
  },
  {
    title: 'bits that software may use',
    change: ({ page }, level) => page.set(level, (0x7fn << 52n) | 0xe00n),
    expected: done,
  },
];

const accesses: readonly Access[] = ['read', 'write', 'fetch'];

describe('4-level page walks (SDM vol. 3, 4.5 to 4.7)', () => {
  for (const [leaf, size] of leaves) {
    for (const row of rows) {
      it(`${size} pages, ${row.title}, at every level`, () => {
        for (let level = 0; level <= leaf; level++) {
          const walks = new Walks(leaf);
          row.change(walks, level);
          const results = ([0, 3] as const).flatMap((privilege) =>
            accesses.map((access) => walks.access(access, privilege)),
          );
          assert.deepEqual(results, row.expected, `level ${level}`);
        }
      });
    }
  }

  for (const [title, leaf, level, bits, expected] of [
    ['PS in a PML4E', 3, 0, large, '#PF 9'],
    ['PAT of a PTE is not PS', 3, 3, large, 'done'],
    ['a 2 MiB page that is not aligned', 2, 2, 1n << 14n, '#PF 9'],
    ['a 1 GiB page that is not aligned', 1, 1, 1n << 22n, '#PF 9'],
    ['PAT of a 2 MiB page', 2, 2, 1n << 12n, 'done'],
    ['PAT of a 1 GiB page', 1, 1, 1n << 12n, 'done'],
  ] as const) {
    it(`${title}: ${expected}`, () => {
      const walks = new Walks(leaf);
      walks.page.set(level, bits);
      assert.equal(walks.access('read', 0), expected);
    });
  }
});

describe('addresses that are not canonical (SDM vol. 1, 3.3.7.1)', () => {
  const walks = new Walks(3);
  for (const [address, access, expected] of [
    [0x8000_0000_0000n, 'read', 'vector 13 (0)'],
    [0xffff_7fff_ffff_ffffn, 'write', 'vector 13 (0)'],
    [0x7fff_ffff_fffcn, 'read', 'vector 13 (0)'],
    [0x7fff_ffff_fff8n, 'read', '#PF 0'],
    [0xffff_8000_0000_0000n, 'write', '#PF 2'],
    [0xffff_ffff_ffff_fff8n, 'read', '#PF 0'],
    [0x8000_0000_0000n, 'fetch', 'vector 13 (0)'],
  ] as const) {
    it(`${access} at ${address.toString(16)}: ${expected}`, () => {
      assert.equal(walks.access(access, 0, address), expected);
    });
  }

  for (const [title, code, registers, vector] of [
    ['RSP as base', '48 8b 04 24', { 4: 1n << 47n }, 12n],
    ['RBP as base', '48 8b 45 00', { 5: 1n << 47n }, 12n],
    ['RBP as index', '48 8b 04 28', { 0: 0n, 5: 1n << 47n }, 13n],
    ['R13 as base is DS', '49 8b 45 00', { 13: 1n << 47n }, 13n],
    ['PUSH', '50', { 4: beyond }, 12n],
    ['POP', '58', { 4: 1n << 47n }, 12n],
    ['POP to memory', '8f 00', { 0: codeLinear, 4: 1n << 47n }, 12n],
    ['POPF', '9d', { 4: 1n << 47n }, 12n],
    ['CALL', 'e8 00 00 00 00', { 4: beyond }, 12n],
    ['RET', 'c3', { 4: 1n << 47n }, 12n],
    ['RETF', 'cb', { 4: 1n << 47n }, 12n],
    ['IRET', '48 cf', { 4: 1n << 47n }, 12n],
    ['LEAVE', 'c9', { 5: 1n << 47n }, 12n],
    ['ENTER', 'c8 00 00 00', { 4: beyond }, 12n],
    ['ENTER, nested', 'c8 00 00 03', { 4: beyond, 5: codeLinear + 64n }, 12n],
    ['MOVS', 'a4', { 6: 1n << 47n }, 13n],
  ] as const) {
    it(`${title}: vector ${vector}`, () => {
      const { processor } = walks;
      processor.memory.write(codeGpa, machineCode(code));
      processor.setPrivilege(0);
      processor.state.rip = codeLinear;
      for (const [index, value] of Object.entries(registers)) {
        processor.state.setGpr(Number(index), value);
      }
      assert.equal(processor.core.run(1, 0).stop.kind, 'vm-exit');
      processor.state.writeU32(exitPending, 0);
      assert.equal(processor.field('VM_EXIT_INTR_INFO') & 0xffn, vector);
      assert.equal(processor.field('VM_EXIT_INTR_ERROR_CODE'), 0n);
    });
  }
});

describe('accessed and dirty bits (SDM vol. 3, 4.8)', () => {
  for (const [leaf, size] of leaves) {
    for (const access of accesses) {
      it(`${size}, ${access}: accessed at every level, dirty only in the leaf of a write`, () => {
        const walks = new Walks(leaf);
        walks.access(access, 0);
        for (let level = 0; level <= leaf; level++) {
          const bits = walks.page.read(level) & (accessed | dirty);
          const isDirty = access === 'write' && level === leaf;
          assert.equal(bits, accessed | (isDirty ? dirty : 0n), `level ${level}`);
        }
      });
    }
  }

  it('a fault sets none', () => {
    const walks = new Walks(3);
    walks.page.clear(3, writable);
    assert.equal(walks.access('write', 3), '#PF 7');
    for (let level = 0; level <= 3; level++) {
      assert.equal(walks.page.read(level) & (accessed | dirty), 0n);
    }
  });

  it('a write after a read sets dirty, and cleared bits come back with the next access', () => {
    const walks = new Walks(3);
    walks.access('read', 0);
    walks.access('write', 0);
    assert.equal(walks.page.read(3) & dirty, dirty);
    walks.page.clear(3, accessed | dirty);
    walks.access('read', 0);
    assert.equal(walks.page.read(3) & (accessed | dirty), accessed);
    walks.access('write', 0);
    assert.equal(walks.page.read(3) & (accessed | dirty), accessed | dirty);
  });

  it('translation for a debugger sets none', () => {
    const walks = new Walks(3);
    const found = walks.processor.core.translate(walks.target, 'write');
    assert.deepEqual(found, { kind: 'mapped', gpa: targetGpa });
    assert.equal(walks.page.read(3) & (accessed | dirty), 0n);
    assert.deepEqual(
      walks.processor.core.walk(walks.target).map(({ name }) => name),
      ['PML4E', 'PDPTE', 'PDE', 'PTE'],
    );
  });
});
