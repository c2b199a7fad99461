// What is written to code takes effect with the next instruction, however the bytes were reached; breakpoints change nothing.
import assert from 'node:assert/strict';
import { stateOffsets } from '../../../../debug-adapter/machine/processor-state';
import { GuestKernel, layout } from '../../../support/guest-kernel';
import { littleEndian, machineCode } from '../../../support/machine-code';

const start = layout.kernelCode;
const at = (offset: number): string => littleEndian(start + offset, 4);

interface Row {
  readonly title: string;
  readonly code: string;
  /** Where the code begins, from the page's start. */
  readonly offset?: number;
  readonly registers?: Readonly<Record<number, bigint>>;
  readonly steps: number;
  /** RAX after those steps. */
  readonly expected: bigint;
  /** RCX after them. */
  readonly count?: bigint;
}

const incrementEax = 'ff c0';
const nops = '90 90 90 90';

const rows: readonly Row[] = [
  {
    title: 'a store into the following instruction',
    code: `c7 04 25 ${at(11)} ffc0ffc0 ${nops}`,
    steps: 3,
    expected: 2n,
  },
  {
    title: 'a store into a later instruction of the same run',
    code: `c7 04 25 ${at(13)} ffc0ffc0 90 90 ${nops}`,
    steps: 5,
    expected: 2n,
  },
  {
    title: 'a store into code that was executed before',
    code: `${incrementEax} 66 c7 04 25 ${at(0)} ffc8 eb ${littleEndian(-14, 1)}`,
    steps: 4,
    expected: 0n,
  },
  {
    title: 'a push over code',
    code: `bc ${at(20)} b9 90 90 90 90 51 90 ff c0 ff c0 90 90`,
    steps: 6,
    expected: 0n,
  },
  {
    title: 'REP STOSB over the code behind it',
    code: `f3 aa ${incrementEax} ${incrementEax} 90`,
    registers: { 0: 0x90n, 1: 4n, 7: BigInt(start + 2) },
    steps: 8,
    expected: 0x90n,
  },
  {
    title: 'REP STOSB over itself ends it',
    code: `f3 aa 90 90 90`,
    registers: { 0: 0x90n, 1: 4n, 7: BigInt(start) },
    steps: 5,
    expected: 0x90n,
    count: 3n,
  },
  {
    title: 'a store through another mapping of the page',
    code: `c7 04 25 ${littleEndian(0x9000_000 + 11, 4)} ffc0ffc0 ${nops}`,
    steps: 3,
    expected: 2n,
  },
  {
    title: 'a store into the second half of an instruction that straddles pages',
    offset: 0xff4,
    code: `c6 04 25 ${at(0x1001)} 05 eb 01 90 b8 01 00 00 00`,
    registers: {},
    steps: 3,
    expected: 0x501n,
  },
  {
    title: 'a store into the first half of an instruction that straddles pages',
    offset: 0xff4,
    code: `c6 04 25 ${at(0xfff)} b8 eb 01 90 b9 07 00 00 00`,
    steps: 3,
    expected: 7n,
  },
  {
    title: 'REP STOSB that straddles pages, over its second byte, ends',
    offset: 0xfff,
    code: `f3 aa 90 90 90 90`,
    registers: { 0: 0x90n, 1: 4n, 7: BigInt(start + 0x1000) },
    steps: 4,
    expected: 0x90n,
    count: 3n,
  },
  {
    title: 'a locked exchange into code',
    code: `87 04 25 ${at(7)} ${nops}`,
    registers: { 0: 0xc8ff_c8ffn },
    steps: 3,
    expected: 0x9090_908en,
  },
];

/** Two runs of bytes that a page break divides are written where they belong by linear address. */
function prepare({ code, offset = 0, registers = {} }: Row): GuestKernel {
  const kernel = GuestKernel.again();
  kernel.map(0x9000_000n, start, { user: false });
  kernel.enter(0, new Uint8Array(0));
  kernel.memory.write(start + offset, machineCode(code));
  kernel.state.rip = BigInt(start + offset);
  kernel.state.setGpr(0, 0n);
  for (const [index, value] of Object.entries(registers)) kernel.state.setGpr(Number(index), value);
  return kernel;
}

function finish(kernel: GuestKernel, steps: number, budget: number): void {
  for (let left = steps; left > 0;) {
    const run = kernel.core.run(Math.min(budget, left), 0);
    if (run.stop.kind === 'breakpoint') kernel.core.passBreakpointOnce();
    else assert.equal(run.stop.kind, 'budget');
    left -= run.steps;
  }
}

describe('self-modifying code (SDM vol. 3, 8.1.3 and 11.6)', () => {
  for (const row of rows) {
    for (const [manner, budget, breakpoints] of [
      ['at once', 1000, false],
      ['step by step', 1, false],
      ['with a breakpoint on every byte', 1000, true],
    ] as const) {
      it(`${row.title}: ${manner}`, () => {
        const kernel = prepare(row);
        const addresses = Array.from(
          { length: 64 },
          (_, index) => kernel.state.rip + BigInt(index),
        );
        if (breakpoints) kernel.core.setBreakpoints(new Set(addresses));
        finish(kernel, row.steps, budget);
        assert.equal(kernel.state.gpr(0), row.expected);
        if (row.count !== undefined) assert.equal(kernel.state.gpr(1), row.count);
      });
    }
  }

  it('what a debugger or device writes takes effect', () => {
    const kernel = prepare({ title: '', code: 'ff c0 eb fc', steps: 0, expected: 0n });
    finish(kernel, 20, 20);
    assert.equal(kernel.state.gpr(0), 10n);
    kernel.memory.write(start, machineCode('ff c8'));
    finish(kernel, 20, 20);
    assert.equal(kernel.state.gpr(0), 0n);
  });

  it('code on a page that is mapped anew is the code of the new page', () => {
    const kernel = prepare({ title: '', code: 'ff c0 90 90', steps: 0, expected: 0n });
    finish(kernel, 2, 2);
    kernel.memory.write(layout.kernelCode + 0x5000, machineCode('ff c8 90 90'));
    kernel.map(BigInt(start), layout.kernelCode + 0x5000, { user: false });
    kernel.state.rip = BigInt(start);
    finish(kernel, 1, 1);
    assert.equal(kernel.state.gpr(0), 0n);
  });
});

describe('breakpoints', () => {
  const loop = 'ff c0 ff c3 eb fa';

  function kernelWith(addresses: readonly number[]): GuestKernel {
    const kernel = prepare({ title: '', code: loop, steps: 0, expected: 0n });
    kernel.core.setBreakpoints(new Set(addresses.map((offset) => BigInt(start + offset))));
    return kernel;
  }

  it('stop before the instruction, without a step', () => {
    const kernel = kernelWith([2]);
    const { stop, steps } = kernel.core.run(100, 0);
    assert.deepEqual([stop.kind, steps, kernel.state.rip], ['breakpoint', 1, BigInt(start + 2)]);
    assert.deepEqual(kernel.core.run(100, 0).stop.kind, 'breakpoint');
    assert.equal(kernel.state.gpr(3) & 0xffn, 0n);
  });

  it('are passed once', () => {
    const kernel = kernelWith([2]);
    kernel.core.run(100, 0);
    kernel.core.passBreakpointOnce();
    const { stop, steps } = kernel.core.run(100, 0);
    assert.deepEqual([stop.kind, steps], ['breakpoint', 3]);
  });

  it('passing one does not pass the first instruction of a handler', () => {
    const kernel = kernelWith([]);
    kernel.memory.write(start, machineCode('0f 0b'));
    kernel.core.setBreakpoints(new Set([kernel.handler(6)]));
    kernel.core.passBreakpointOnce();
    assert.equal(kernel.core.run(100, 0).stop.kind, 'event');
    assert.equal(kernel.core.run(100, 0).stop.kind, 'breakpoint');
  });

  it('that an intercepted instruction carries are passed when it runs again', () => {
    const kernel = kernelWith([0]);
    kernel.memory.write(start, machineCode('0f a2'));
    assert.equal(kernel.core.run(100, 0).stop.kind, 'breakpoint');
    kernel.core.passBreakpointOnce();
    assert.equal(kernel.core.run(100, 0).stop.kind, 'vm-exit');
    kernel.state.writeU32(stateOffsets.exitPending, 0);
    assert.equal(kernel.core.run(100, 0).stop.kind, 'vm-exit');
  });

  it('behind an intercepted instruction are not passed with it', () => {
    const kernel = kernelWith([2]);
    kernel.memory.write(start, machineCode('0f a2'));
    kernel.core.passBreakpointOnce();
    assert.equal(kernel.core.run(100, 0).stop.kind, 'vm-exit');
    kernel.state.writeU32(stateOffsets.exitPending, 0);
    kernel.core.completeInstruction();
    assert.equal(kernel.core.run(100, 0).stop.kind, 'breakpoint');
  });

  it('at the same offset of another page do nothing', () => {
    const kernel = kernelWith([0x1002, 0x2000]);
    const { stop, steps } = kernel.core.run(100, 0);
    assert.deepEqual([stop.kind, steps], ['budget', 100]);
  });

  it('that are removed no longer stop', () => {
    const kernel = kernelWith([2]);
    kernel.core.run(100, 0);
    kernel.core.setBreakpoints(new Set());
    assert.equal(kernel.core.run(100, 0).stop.kind, 'budget');
  });

  it('stop at an instruction that straddles pages', () => {
    const kernel = kernelWith([0xffe]);
    kernel.memory.write(start + 0xffe, machineCode('b8 01 00 00 00 90'));
    kernel.state.rip = BigInt(start + 0xffe);
    assert.equal(kernel.core.run(10, 0).stop.kind, 'breakpoint');
    kernel.core.passBreakpointOnce();
    finish(kernel, 1, 1);
    assert.equal(kernel.state.gpr(0), 1n);
  });
});
