// Accesses that cross pages, page tables that change without INVLPG, and pages that the second-level map refuses.
import assert from 'node:assert/strict';
import { dataTlbEntriesMax } from '../../../../debug-adapter/cpu/memory-map';
import {
  rightExecute,
  rightRead,
  rightWrite,
} from '../../../../debug-adapter/machine/guest-memory';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import { BareProcessor } from '../../../support/bare-processor';
import { machineCode } from '../../../support/machine-code';

const codeLinear = 0x1000_0000n;
const codeGpa = 0x100_000;
const dataLinear = 0x2000_0000n;
const dataGpa = 0x110_000;
const secondGpa = 0x120_000;

function prepare(code: string, tlbEntries = 64): BareProcessor {
  const processor = new BareProcessor({ tlbEntries });
  processor.map(codeLinear, codeGpa);
  processor.setField('EXCEPTION_BITMAP', 0xffffffffn);
  processor.memory.write(codeGpa, machineCode(code));
  processor.state.rip = codeLinear;
  return processor;
}

/** Runs `steps` and says how that ended. */
function run(processor: BareProcessor, steps = 1): string {
  processor.state.writeU32(stateOffsets.exitPending, 0);
  const { stop } = processor.core.run(steps, 0);
  if (stop.kind !== 'vm-exit') return stop.kind;
  processor.state.writeU32(stateOffsets.exitPending, 0);
  const reason = processor.field('VM_EXIT_REASON');
  if (reason !== 0n) return `exit ${reason}`;
  const code = processor.field('VM_EXIT_INTR_ERROR_CODE').toString(16);
  return `#PF ${code} at ${processor.field('EXIT_QUALIFICATION').toString(16)}`;
}

/** Every instruction writes, or reads and writes, eight bytes (MOVS one at a time) through RBX or RDI. */
const writers: readonly (readonly [string, string])[] = [
  ['MOV', '48 89 03'],
  ['ADD', '48 01 03'],
  ['XCHG', '48 87 03'],
  ['CMPXCHG', '48 0f b1 03'],
  ['PUSH', '50'],
  ['CALL', 'ff d0'],
  ['STOS', '48 ab'],
  ['MOVS', '48 a5'],
  ['POP to memory', '8f 03'],
  ['CMPXCHG8B', '0f c7 0b'],
  ['BTS', '48 0f ba 2b 05'],
  ['ENTER', 'c8 00 00 00'],
];

describe('accesses that cross a page (SDM vol. 3, 8.1.1)', () => {
  const boundary = dataLinear + 0x1000n;

  function crossing(code: string): BareProcessor {
    const processor = prepare(code);
    const { memory, state } = processor;
    processor.map(dataLinear, dataGpa);
    processor.map(boundary, secondGpa);
    memory.write(dataGpa, new Uint8Array(4096).fill(0x11));
    memory.write(secondGpa, new Uint8Array(4096).fill(0x22));
    processor.map(codeLinear + 0x1000n, codeGpa + 0x1000);
    state.setGpr(0, codeLinear);
    state.setGpr(3, boundary - 3n);
    state.setGpr(7, boundary - 3n);
    state.setGpr(6, codeLinear + 0x1000n);
    const isPush = /^(50|ff d0|c8)/.test(code);
    state.setGpr(4, isPush ? boundary + 5n : codeLinear + 0x1000n);
    return processor;
  }

  const snapshot = ({ memory }: BareProcessor): string =>
    Buffer.concat([
      memory.read(dataGpa, 4096) ?? new Uint8Array(),
      memory.read(secondGpa, 4096) ?? new Uint8Array(),
    ]).toString('hex');

  for (const [name, code] of writers) {
    for (const [title, missing, fault] of [
      ['the first page is missing', dataLinear, boundary - 3n],
      ['the second page is missing', boundary, boundary],
    ] as const) {
      it(`${name}: ${title}: nothing changes`, () => {
        const processor = crossing(code);
        // Fill the TLBs first, so that a stale entry would show.
        run(processor);
        const processorAgain = crossing(code);
        const gpa = missing === dataLinear ? dataGpa : secondGpa;
        processorAgain.map(missing, gpa, { writable: false });
        const before = snapshot(processorAgain);
        const registers = Array.from({ length: 16 }, (_, i) => processorAgain.state.gpr(i));
        assert.equal(run(processorAgain), `#PF 3 at ${fault.toString(16)}`);
        assert.equal(snapshot(processorAgain), before);
        assert.deepEqual(
          Array.from({ length: 16 }, (_, i) => processorAgain.state.gpr(i)),
          registers,
        );
        assert.equal(processorAgain.state.rip, codeLinear);
      });
    }
  }

  it('a read and a write reach both pages', () => {
    const processor = crossing('48 8b 03 48 89 03');
    processor.state.setGpr(3, boundary - 3n);
    assert.equal(run(processor), 'budget');
    assert.equal(processor.state.gpr(0), 0x2222222222111111n);
    processor.state.setGpr(0, 0x0102030405060708n);
    assert.equal(run(processor), 'budget');
    assert.deepEqual([...(processor.memory.read(dataGpa + 0xffd, 3) ?? [])], [8, 7, 6]);
    assert.deepEqual([...(processor.memory.read(secondGpa, 5) ?? [])], [5, 4, 3, 2, 1]);
  });
});

describe('page tables that change without INVLPG take effect at once (decision 3)', () => {
  /** Linear address through which the guest itself reaches its page table. */
  const tableLinear = 0x3000_0000n;

  function withTable(code: string, tlbEntries: number): BareProcessor {
    const processor = prepare(code, tlbEntries);
    processor.map(dataLinear, dataGpa);
    processor.writeU64(dataGpa, 0x1111n);
    processor.writeU64(secondGpa, 0x2222n);
    const entry = processor.core.walk(dataLinear)[3];
    assert.ok(entry !== undefined);
    processor.map(tableLinear, entry.entryAddress - (entry.entryAddress % 4096));
    processor.state.setGpr(3, dataLinear);
    processor.state.setGpr(6, tableLinear + BigInt(entry.entryAddress % 4096));
    return processor;
  }

  for (const tlbEntries of [64, dataTlbEntriesMax]) {
    it(`a page that is mapped elsewhere, ${tlbEntries} entries`, () => {
      // mov rax,[rbx]; mov [rsi],rdx; mov rcx,[rbx]
      const processor = withTable('48 8b 03 48 89 16 48 8b 0b', tlbEntries);
      processor.state.setGpr(2, BigInt(secondGpa) | 7n);
      assert.equal(run(processor, 3), 'budget');
      assert.deepEqual([processor.state.gpr(0), processor.state.gpr(1)], [0x1111n, 0x2222n]);
    });

    it(`a page that becomes read-only, ${tlbEntries} entries`, () => {
      // mov [rbx],rax; and byte [rsi],~2; mov [rbx],rax
      const processor = withTable('48 89 03 80 26 fd 48 89 03', tlbEntries);
      assert.equal(run(processor, 3), `#PF 3 at ${dataLinear.toString(16)}`);
    });

    it(`accessed and dirty bits that are cleared come back, ${tlbEntries} entries`, () => {
      // mov [rbx],rax; and byte [rsi],~0x60; mov rcx,[rbx]; mov rdx,[rsi]; mov [rbx],rax; mov rdi,[rsi]
      const code = '48 89 03 80 26 9f 48 8b 0b 48 8b 16 48 89 03 48 8b 3e';
      const processor = withTable(code, tlbEntries);
      assert.equal(run(processor, 6), 'budget');
      assert.equal(processor.state.gpr(2) & 0x60n, 0x20n);
      assert.equal(processor.state.gpr(7) & 0x60n, 0x60n);
    });

    it(`a page that the next instruction lies on, ${tlbEntries} entries`, () => {
      // mov [rsi],rdx remaps the code page; then inc eax is dec eax
      const processor = withTable('48 89 16 ff c0', tlbEntries);
      const entry = processor.core.walk(codeLinear)[3];
      assert.ok(entry !== undefined);
      processor.map(tableLinear, entry.entryAddress - (entry.entryAddress % 4096));
      processor.state.setGpr(6, tableLinear + BigInt(entry.entryAddress % 4096));
      processor.state.setGpr(2, BigInt(secondGpa) | 7n);
      processor.memory.write(secondGpa, machineCode('48 89 16 ff c8'));
      assert.equal(run(processor, 2), 'budget');
      assert.equal(processor.state.gpr(0), 0xffffffffn);
    });
  }

  it('what a device or debugger writes takes effect too', () => {
    const processor = withTable('48 8b 03 48 8b 0b', 64);
    run(processor);
    processor.map(dataLinear, secondGpa);
    run(processor);
    assert.equal(processor.state.gpr(1), 0x2222n);
  });
});

describe('pages that the second-level map refuses: exit 48 (SDM vol. 3, table 28-7)', () => {
  const linearValid = 0x80;
  const translated = 0x100;
  const read = '48 8b 03';
  const write = '48 89 03';
  const page = dataGpa / 4096;

  function violation(code: string, rights: number): BareProcessor {
    const processor = prepare(code);
    processor.map(dataLinear, dataGpa);
    processor.state.setGpr(3, dataLinear + 0x18n);
    processor.state.setGpr(0, 0x1234n);
    if (rights === 0) processor.memory.unmap(page, 1);
    else processor.memory.mapRam(page, 1, rights);
    return processor;
  }

  for (const [title, code, rights, access] of [
    ['a read of an absent page', read, 0, 1],
    ['a write to an absent page', write, 0, 2],
    ['a write to a read-only page', write, rightRead, 2],
    ['a write to a page of code', write, rightRead | rightExecute, 2],
    ['a read of a page without rights to read', read, rightExecute, 1],
  ] as const) {
    it(title, () => {
      const processor = violation(code, rights);
      assert.equal(run(processor), 'exit 48');
      const expected = access | (rights << 3) | linearValid | translated;
      assert.equal(processor.field('EXIT_QUALIFICATION'), BigInt(expected));
      assert.equal(processor.field('GUEST_PHYSICAL_ADDRESS'), BigInt(dataGpa + 0x18));
      assert.equal(processor.field('GUEST_LINEAR_ADDRESS'), dataLinear + 0x18n);
      assert.equal(processor.state.rip, codeLinear);
    });
  }

  it('a fetch from a page that may not be executed', () => {
    const processor = violation('ff e3', rightRead | rightWrite);
    assert.equal(run(processor, 2), 'exit 48');
    const expected = 4 | ((rightRead | rightWrite) << 3) | linearValid | translated;
    assert.equal(processor.field('EXIT_QUALIFICATION'), BigInt(expected));
    assert.equal(processor.field('GUEST_PHYSICAL_ADDRESS'), BigInt(dataGpa + 0x18));
  });

  it('a paging structure that is absent: a read of the entry, whatever the access', () => {
    const processor = violation(write, rightRead | rightWrite);
    const entry = processor.core.walk(dataLinear)[3];
    assert.ok(entry !== undefined);
    processor.memory.unmap(Math.floor(entry.entryAddress / 4096), 1);
    assert.equal(run(processor), 'exit 48');
    assert.equal(processor.field('EXIT_QUALIFICATION'), BigInt(1 | linearValid));
    assert.equal(processor.field('GUEST_PHYSICAL_ADDRESS'), BigInt(entry.entryAddress));
    assert.equal(processor.field('GUEST_LINEAR_ADDRESS'), dataLinear + 0x18n);
  });

  it('a paging structure that is read-only: a write of the entry, for its accessed bit', () => {
    const processor = violation(read, rightRead | rightWrite);
    const entry = processor.core.walk(dataLinear)[3];
    assert.ok(entry !== undefined);
    processor.memory.mapRam(Math.floor(entry.entryAddress / 4096), 1, rightRead);
    assert.equal(run(processor), 'exit 48');
    assert.equal(processor.field('EXIT_QUALIFICATION'), BigInt(2 | (rightRead << 3) | linearValid));
    assert.equal(processor.field('GUEST_PHYSICAL_ADDRESS'), BigInt(entry.entryAddress));
  });

  it('a device answers a read, and the instruction runs again with the answer', () => {
    const processor = violation(read, 0);
    assert.equal(run(processor), 'exit 48');
    assert.equal(processor.state.readU32(stateOffsets.accessBytes), 8);
    processor.core.answerAccess(0x5566n);
    assert.equal(run(processor), 'budget');
    assert.equal(processor.state.gpr(0), 0x5566n);
    assert.equal(processor.state.rip, codeLinear + 3n);
  });

  it('a device sees what is written, and its answer ends the instruction', () => {
    const processor = violation(write, 0);
    assert.equal(run(processor), 'exit 48');
    assert.equal(processor.state.readU64(stateOffsets.accessValue), 0x1234n);
    processor.core.answerAccess(0n);
    assert.equal(run(processor), 'budget');
    assert.equal(processor.state.rip, codeLinear + 3n);
  });

  it('a read-modify-write asks the device twice', () => {
    const processor = violation('48 01 03', 0);
    assert.equal(run(processor), 'exit 48');
    assert.equal(processor.field('EXIT_QUALIFICATION') & 3n, 1n);
    processor.core.answerAccess(0x1000n);
    assert.equal(run(processor), 'exit 48');
    assert.equal(processor.field('EXIT_QUALIFICATION') & 3n, 2n);
    assert.equal(processor.state.readU64(stateOffsets.accessValue), 0x2234n);
    processor.core.answerAccess(0n);
    assert.equal(run(processor), 'budget');
    assert.equal(processor.state.readU32(stateOffsets.answerCount), 0);
  });
});
