// Address breakpoints of the debug registers (SDM vol. 3, 17.2 and 17.3.1).
import assert from 'node:assert/strict';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import { GuestKernel, layout } from '../../../support/guest-kernel';
import { machineCode } from '../../../support/machine-code';

const data = BigInt(layout.kernelData);
const code = BigInt(layout.kernelCode);
const debugHandler = BigInt(layout.handlers + 16);
const execute = 0;
const write = 1;
const access = 3;
const lengthBits: Readonly<Record<number, number>> = { 1: 0, 2: 1, 8: 2, 4: 3 };

/** Sets DR0 and DR7 as an entry would, with RBX at the data page. */
function prepare(text: string, address: bigint, kind: number, length: number): GuestKernel {
  const kernel = new GuestKernel();
  kernel.enter(0, machineCode(text));
  kernel.state.setGpr(3, data);
  kernel.state.writeU64(stateOffsets.dr, address);
  const fields = (lengthBits[length] ?? 0) * 4 + kind;
  kernel.setField('GUEST_DR7', BigInt(0x401 | (fields << 16)));
  kernel.core.stateWasEdited();
  return kernel;
}

function status(kernel: GuestKernel): bigint {
  return kernel.state.readU64(stateOffsets.dr + 48);
}

interface Row {
  readonly title: string;
  /** The first instruction; a NOP follows. */
  readonly text: string;
  readonly length: number;
  readonly offset?: bigint;
  readonly kind: number;
  readonly traps: boolean;
}

const rows: readonly Row[] = [
  { title: 'a write to it', text: '88 03', length: 1, kind: write, traps: true },
  { title: 'a read under a write breakpoint', text: '8a 03', length: 1, kind: write, traps: false },
  {
    title: 'a read under an access breakpoint',
    text: '8a 03',
    length: 1,
    kind: access,
    traps: true,
  },
  { title: 'a read-modify-write', text: '00 03', length: 1, kind: write, traps: true },
  { title: 'a write beside it', text: '88 03', length: 1, offset: 1n, kind: write, traps: false },
  {
    title: 'a wider write over it',
    text: '48 89 03',
    length: 1,
    offset: 7n,
    kind: write,
    traps: true,
  },
  {
    title: 'a wider breakpoint under a byte',
    text: '88 43 07',
    length: 8,
    kind: write,
    traps: true,
  },
  {
    title: 'an address is aligned to its length',
    text: '88 03',
    length: 4,
    offset: 3n,
    kind: write,
    traps: true,
  },
  { title: 'a write across the page', text: '48 89 43 fc', length: 1, kind: write, traps: true },
  { title: 'a string store', text: 'aa', length: 1, kind: write, traps: true },
  { title: 'a routine that writes', text: '8f 03', length: 1, kind: write, traps: true },
];

describe('data breakpoints', () => {
  for (const { title, text, length, offset = 0n, kind, traps } of rows) {
    it(`${title}: ${traps ? 'traps behind the instruction' : 'no trap'}`, () => {
      const kernel = prepare(`${text} 90 90`, data + offset, kind, length);
      kernel.state.setGpr(7, data);
      kernel.state.setGpr(0, 0x5an);
      const next = code + BigInt(machineCode(text).length);
      const run = kernel.core.run(2, 0);
      assert.equal(run.steps, 2);
      assert.equal(run.stop.kind, traps ? 'event' : 'budget');
      if (!traps) return assert.equal(kernel.state.rip, next + 1n);
      assert.equal(kernel.state.rip, debugHandler);
      assert.equal(kernel.stack(1)[0], next);
      assert.equal(status(kernel) & 15n, 1n);
    });
  }

  // Such code is not kept: it is looked up before each attempt, also the one that is made alone.
  for (const text of ['88 03', '8f 03']) {
    it(`traps in a page that CS does not reach to the end of: ${text}`, () => {
      const kernel = prepare(`${text} 90`, data, write, 1);
      kernel.setField('GUEST_CS_AR_BYTES', 0x409bn);
      kernel.setField('GUEST_CS_LIMIT', code + 0x10n);
      for (const segment of ['DS', 'SS']) {
        kernel.setField(`GUEST_${segment}_AR_BYTES`, 0xc093n);
        kernel.setField(`GUEST_${segment}_LIMIT`, 0xffffffffn);
      }
      kernel.core.stateWasEdited();
      const run = kernel.core.run(4, 0);
      assert.equal(kernel.state.rip, debugHandler);
      assert.equal(run.steps, 2);
      assert.equal(kernel.stack(1)[0], code + 2n);
    });
  }

  it('each iteration of REP traps', () => {
    const kernel = prepare('f3 aa 90', data + 1n, write, 1);
    kernel.state.setGpr(7, data);
    kernel.state.setGpr(1, 3n);
    const run = kernel.core.run(10, 0);
    assert.equal(run.stop.kind, 'event');
    assert.equal(run.steps, 3);
    assert.equal(kernel.state.gpr(1), 1n);
    assert.equal(kernel.stack(1)[0], code);
  });

  it('an instruction that faults does not trap', () => {
    const kernel = prepare('a4', data, access, 1);
    kernel.state.setGpr(6, data);
    kernel.state.setGpr(7, 1n << 47n);
    assert.equal(kernel.outcome(), 'vector 13 (0x0)');
    assert.equal(status(kernel) & 15n, 0n);
  });

  it('a load of SS holds the trap back for one instruction', () => {
    const kernel = prepare('8e 13 90 90', data, access, 1);
    kernel.writeU64(layout.kernelData, 0x10n);
    const run = kernel.core.run(3, 0);
    assert.equal(run.stop.kind, 'event');
    assert.equal(kernel.stack(1)[0], code + 3n);
  });

  it('MOV DR7 turns one on and off', () => {
    const kernel = prepare('88 03 0f 23 f8 88 03 90', data, write, 1);
    kernel.setField('GUEST_DR7', 0x400n);
    kernel.core.stateWasEdited();
    kernel.state.setGpr(0, 0x10001n);
    const run = kernel.core.run(10, 0);
    assert.equal(run.stop.kind, 'event');
    assert.equal(run.steps, 4);
    assert.equal(kernel.stack(1)[0], code + 7n);
  });

  it('a single step and a data breakpoint tell both', () => {
    const kernel = prepare('88 03 90', data, write, 1);
    kernel.state.rflags = 0x102;
    const run = kernel.core.run(2, 0);
    assert.equal(run.stop.kind, 'event');
    assert.equal(status(kernel) & 0x400fn, 0x4001n);
  });
});

describe('instruction breakpoints', () => {
  it('fault before the instruction', () => {
    const kernel = prepare('90 90 b0 12', code + 2n, execute, 1);
    const run = kernel.core.run(10, 0);
    assert.equal(run.stop.kind, 'event');
    assert.equal(run.steps, 3);
    assert.equal(kernel.stack(1)[0], code + 2n);
    assert.equal(status(kernel) & 15n, 1n);
    assert.equal((kernel.stack(3)[2] ?? 0n) & 0x10000n, 0n, 'RF in the frame');
  });

  it('RF holds them back for one instruction, and ends with it', () => {
    const kernel = prepare('b0 12 eb fc', code, execute, 1);
    kernel.state.rflags = 0x10002;
    const run = kernel.core.run(10, 0);
    assert.equal(run.steps, 3);
    assert.equal(run.stop.kind, 'event');
    assert.equal(kernel.stack(1)[0], code);
  });

  it('an IRET that sets RF goes on behind one', () => {
    const kernel = prepare('90 90', code, execute, 1);
    assert.equal(kernel.outcome(), 'vector 1');
    // The handler sets RF in its frame (OR BYTE [RSP+12h],1) and returns.
    kernel.memory.write(Number(debugHandler), machineCode('80 4c 24 12 01 48 cf'));
    const run = kernel.core.run(4, 0);
    assert.equal(run.stop.kind, 'budget');
    assert.equal(kernel.state.rip, code + 2n);
    assert.equal(kernel.state.rflags & 0x10000, 0);
  });

  it('at the same offset of another page do nothing', () => {
    const kernel = prepare('90 90', code + 0x1000n, execute, 1);
    assert.equal(kernel.core.run(2, 0).stop.kind, 'budget');
  });

  it('come behind a breakpoint of the debugger', () => {
    const kernel = prepare('90 90', code, execute, 1);
    kernel.core.setBreakpoints(new Set([code]));
    assert.equal(kernel.core.run(5, 0).stop.kind, 'breakpoint');
    kernel.core.passBreakpointOnce();
    assert.equal(kernel.outcome(), 'vector 1');
  });

  it('MOV DR7 takes effect with the next instruction', () => {
    const kernel = prepare('0f 23 f8 90', code + 3n, execute, 1);
    kernel.setField('GUEST_DR7', 0x400n);
    kernel.core.stateWasEdited();
    kernel.state.setGpr(0, 1n);
    const run = kernel.core.run(10, 0);
    assert.equal(run.stop.kind, 'event');
    assert.equal(run.steps, 2);
  });
});

describe('general detection', () => {
  it('faults with BD, and clears GD for the handler', () => {
    const kernel = prepare('0f 21 f0', 0n, execute, 1);
    kernel.setField('GUEST_DR7', 0x2400n);
    kernel.core.stateWasEdited();
    assert.equal(kernel.outcome(), 'vector 1');
    assert.equal(kernel.stack(1)[0], code);
    assert.equal(status(kernel) & 0x2000n, 0x2000n);
    assert.equal(kernel.field('GUEST_DR7'), 0x400n);
  });
});

interface PortRow {
  readonly title: string;
  readonly text: string;
  readonly address: bigint;
  readonly length: number;
  /** RDX. */
  readonly port?: bigint;
  readonly hasExtensions?: boolean;
  readonly traps: boolean;
}

/** The guest reaches ports without exits; a NOP follows each instruction. */
const portRows: readonly PortRow[] = [
  { title: 'OUT to it', text: 'e6 80', address: 0x80n, length: 1, traps: true },
  { title: 'IN from it', text: 'e4 80', address: 0x80n, length: 1, traps: true },
  { title: 'IN by DX', text: 'ec', address: 0x3f8n, port: 0x3f8n, length: 1, traps: true },
  { title: 'an access below it', text: 'e4 7f', address: 0x80n, length: 1, traps: false },
  { title: 'a wider access over it', text: 'e5 7e', address: 0x80n, length: 1, traps: true },
  {
    title: 'a wider access that ends before it',
    text: 'e5 7c',
    address: 0x80n,
    length: 1,
    traps: false,
  },
  { title: 'the last of its four ports', text: 'e4 83', address: 0x80n, length: 4, traps: true },
  { title: 'a port behind its four', text: 'e4 84', address: 0x80n, length: 4, traps: false },
  {
    title: 'an address that is not aligned',
    text: 'e4 80',
    address: 0x83n,
    length: 4,
    traps: true,
  },
  { title: 'INS', text: '6c', address: 0x80n, port: 0x80n, length: 1, traps: true },
  { title: 'OUTS', text: '6e', address: 0x80n, port: 0x80n, length: 1, traps: true },
  {
    title: 'OUT without CR4.DE',
    text: 'e6 80',
    address: 0x80n,
    length: 1,
    hasExtensions: false,
    traps: false,
  },
];

describe('breakpoints on ports (SDM vol. 3, 17.2.4 and 17.3.1.2)', () => {
  const portAccess = 2;
  const secondary = 0x80000000n;

  function preparePort(row: Omit<PortRow, 'title' | 'traps'>, primary = secondary): GuestKernel {
    const { text, address, length, port = 0n, hasExtensions = true } = row;
    const kernel = prepare(`${text} 90`, address, portAccess, length);
    kernel.setField('CPU_BASED_VM_EXEC_CONTROL', primary);
    kernel.setField('GUEST_CR4', hasExtensions ? 0x628n : 0x620n);
    kernel.state.setGpr(2, port);
    kernel.state.setGpr(6, data);
    kernel.state.setGpr(7, data);
    kernel.core.stateWasEdited();
    return kernel;
  }

  for (const row of portRows) {
    it(`${row.title} ${row.traps ? 'traps behind it' : 'does not trap'}`, () => {
      const kernel = preparePort(row);
      const before = kernel.state.rip;
      const { stop } = kernel.core.run(2, 0);
      assert.equal(stop.kind, row.traps ? 'event' : 'budget');
      assert.equal(status(kernel) & 0xfn, row.traps ? 1n : 0n);
      if (!row.traps) return;
      assert.equal(kernel.state.rip, debugHandler);
      const end = before + BigInt(machineCode(row.text).length);
      assert.equal('returnRip' in stop ? stop.returnRip : 0n, end, 'the access is done');
    });
  }

  it('a repeated instruction traps behind each access', () => {
    const kernel = preparePort({ text: 'f3 6c', address: 0x80n, port: 0x80n, length: 1 });
    kernel.state.setGpr(1, 3n);
    const { stop } = kernel.core.run(10, 0);
    assert.equal('returnRip' in stop ? stop.returnRip : 0n, code);
    assert.equal(kernel.state.gpr(1), 2n);
  });

  it('an access that the hypervisor makes traps behind the instruction', () => {
    const unconditional = 1n << 24n;
    const row = { text: 'e6 80', address: 0x80n, length: 1 };
    const kernel = preparePort(row, secondary | unconditional);
    assert.equal(kernel.outcome(), 'exit 30');
    kernel.state.writeU32(stateOffsets.exitPending, 0);
    kernel.core.completeInstruction();
    assert.equal(kernel.core.run(1, 0).stop.kind, 'event');
    assert.equal(status(kernel) & 0xfn, 1n);
  });

  it('is met once CR4.DE is set', () => {
    const kernel = preparePort({
      ...{ text: '0f 22 e0 e6 80', address: 0x80n, length: 1, hasExtensions: false },
    });
    kernel.state.setGpr(0, 0x628n);
    assert.equal(kernel.core.run(3, 0).stop.kind, 'event');
  });
});
