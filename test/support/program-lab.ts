/** Runs a program on a fresh machine in a given manner, and tells all that happened and what state it left. */
import type { ProcessorCore } from '../../debug-adapter/machine/processor';
import {
  stateOffsets,
  vmcsEncoding,
  type ProcessorState,
} from '../../debug-adapter/machine/processor-state';
import type { GuestMemorySavedState } from '../../debug-adapter/machine/guest-memory';
import { StateHash } from '../../debug-adapter/support/state-hash';
import { GuestKernel, layout } from './guest-kernel';
import { littleEndian, machineCode } from './machine-code';
import { places } from './random-program';

/** How a program is run: none of it may change what happens. */
export interface Manner {
  /** Steps asked for at once, given those left. */
  readonly budget: (left: number) => number;
  readonly breakpoints?: ReadonlySet<bigint>;
  /** Everything cached is dropped before each run: then nothing can be out of date. */
  readonly forgets?: boolean;
}

/** Steps of one processor before the next has its turn. */
export interface Turn {
  readonly processor: number;
  readonly steps: number;
}

export interface Outcome {
  readonly steps: number;
  /** Every stop but the ends of budgets and breakpoints, with the step it happened at. */
  readonly events: readonly string[];
  readonly registers: readonly string[];
  /** Of all architectural state and memory. */
  readonly hash: string;
}

/** Exits that the lab answers by going on behind the instruction. */
const completed: ReadonlySet<bigint> = new Set([10n, 12n, 28n, 30n]);

const tableMask = 0xffff_ffff_f000n;

function describe(state: ProcessorState, kind: string): string {
  const field = (name: string): bigint => state.vmcs(vmcsEncoding(name));
  if (kind !== 'vm-exit') return `${kind} ${field('VM_EXIT_INTR_INFO')}`;
  return `exit ${field('VM_EXIT_REASON')} ${field('EXIT_QUALIFICATION')}`;
}

function answerExit(core: ProcessorCore): boolean {
  if (!completed.has(core.state.vmcs(vmcsEncoding('VM_EXIT_REASON')))) return false;
  core.state.writeU32(stateOffsets.exitPending, 0);
  core.completeInstruction();
  return true;
}

export class ProgramLab {
  private readonly kernel: GuestKernel;
  private readonly initialState: Uint8Array;
  private readonly initialMemory: GuestMemorySavedState;

  /** @param hotCount jumps to a place until it is translated, 0 for never */
  constructor(tlbEntries: number, hotCount = 0, processorCount = 1) {
    const kernel = new GuestKernel({ tlbEntries, hotCount, processorCount });
    this.kernel = kernel;
    for (const alias of places.aliases) {
      for (let page = 0; page < places.dataPages; page++) {
        const gpa = places.data + page * 0x1000;
        kernel.map(BigInt(alias + page * 0x1000), gpa, { user: false });
      }
    }
    for (let page = 0; page < places.dataPages; page++) {
      const alias = BigInt.asIntN(32, BigInt(places.upperAlias + page * 0x1000));
      const gpa = places.data + page * 0x1000;
      kernel.map(BigInt.asUintN(64, alias), gpa, { user: false });
    }
    kernel.map(BigInt(places.readOnly), places.readOnly, { writable: false, user: false });
    kernel.map(BigInt(places.tableAlias), this.lowestTable(), { user: false });
    this.writeHandlers();
    this.addSpace(places.spaces[1], [0n]);
    this.addSpace(places.spaces[2], [0n, 0xffff_ffff_8000_0000n]);
    kernel.enter(0, new Uint8Array(0));
    kernel.state.setGpr(3, BigInt(places.data));
    kernel.state.setGpr(15, 0n);
    this.initialState = kernel.state.architecturalBytes.slice();
    this.initialMemory = kernel.memory.save();
  }

  /** Every page that holds something, by its number: tables, handlers, descriptors. */
  *pages(): Iterable<readonly [page: number, bytes: Uint8Array]> {
    const { memory } = this.kernel;
    for (const [page] of memory.touchedPages()) {
      yield [page, memory.read(page * 0x1000, 0x1000) ?? new Uint8Array(0x1000)];
    }
  }

  /** A field of the VMCS before the first instruction. */
  field(name: string): bigint {
    return this.kernel.field(name);
  }

  /** Steps that translated code has taken since the lab was made, modulo 2^32. */
  get translatedSteps(): number {
    return this.kernel.translatedSteps;
  }

  run(program: Uint8Array, steps: number, manner: Manner): Outcome {
    return this.runTogether(program, [{ processor: 0, steps }], manner);
  }

  /** Runs the processors of a partition in turns, each from a block of its own; one that is over takes no further turn. */
  runTogether(program: Uint8Array, turns: readonly Turn[], manner: Manner): Outcome {
    this.reset(program);
    const { cores } = this.kernel;
    const events: string[] = [];
    const over = new Set<number>();
    let taken = 0;
    for (const { processor, steps } of turns) {
      const core = cores[processor];
      if (core === undefined || over.has(processor)) continue;
      core.setBreakpoints(manner.breakpoints ?? new Set());
      const end = taken + steps;
      while (taken < end && !over.has(processor)) {
        const budget = manner.budget(end - taken);
        if (manner.forgets === true) core.stateWasEdited();
        const run = core.run(budget, taken);
        if (run.steps > budget) throw new Error(`${run.steps} steps of a budget of ${budget}`);
        taken += run.steps;
        const { stop } = run;
        if (stop.kind === 'breakpoint') core.passBreakpointOnce();
        else if (stop.kind !== 'budget') {
          const ip = core.state.rip.toString(16);
          events.push(`${taken}: ${processor} ${describe(core.state, stop.kind)} at ${ip}`);
          const isOver = stop.kind === 'vm-exit' ? !answerExit(core) : stop.kind !== 'event';
          if (isOver) over.add(processor);
        }
      }
    }
    return { steps: taken, events, registers: this.registers(), hash: this.hash() };
  }

  private reset(program: Uint8Array): void {
    const { kernel } = this;
    if (!kernel.memory.restore(this.initialMemory)) throw new Error('restore');
    kernel.clock.latestNs = 0;
    kernel.memory.write(places.program, program);
    kernel.cores.forEach((core, index) => {
      core.state.architecturalBytes.set(this.initialState);
      const block = (index * 5) % places.blocks;
      if (index > 0) core.state.rip = BigInt(places.program + block * places.blockBytes);
      core.state.setGpr(4, core.state.gpr(4) - BigInt(index * 0x20));
      core.stateWasEdited();
    });
  }

  private registers(): string[] {
    return this.kernel.cores.flatMap(({ state }) => {
      const general = Array.from({ length: 16 }, (_, index) => state.gpr(index));
      return [...general, state.rip, BigInt(state.rflags)].map((value) => value.toString(16));
    });
  }

  private hash(): string {
    const { kernel } = this;
    const hash = new StateHash();
    for (const { state } of kernel.cores) hash.update(state.architecturalBytes);
    for (const [page, frame] of kernel.memory.touchedPages()) {
      hash.update(machineCode(littleEndian(page, 4) + littleEndian(frame, 4)));
      hash.update(kernel.memory.read(page * 0x1000, 0x1000) ?? new Uint8Array());
    }
    return hash.digest();
  }

  /** Guest-physical address of the page table of the lowest 2 MiB. */
  private lowestTable(): number {
    let table = Number(this.kernel.field('GUEST_CR3'));
    for (let level = 0; level < 3; level++) table = Number(this.kernel.readU64(table) & tableMask);
    return table;
  }

  /** Makes the tables of another address space, where the data pages at some addresses are in another order. */
  private addSpace(root: number, changedFrom: readonly bigint[]): void {
    const { kernel } = this;
    let next = root;
    const copy = (table: number): number => {
      const at = next;
      next += 0x1000;
      kernel.memory.write(at, kernel.memory.read(table, 0x1000) ?? new Uint8Array());
      return at;
    };
    copy(places.spaces[0]);
    for (const linear of changedFrom) {
      let table = root;
      for (const shift of [39n, 30n, 21n]) {
        const at = table + Number((linear >> shift) & 511n) * 8;
        const entry = kernel.readU64(at);
        table = copy(Number(entry & tableMask));
        kernel.writeU64(at, (entry & ~tableMask) | BigInt(table));
      }
      const firstAt = table + ((places.data >>> 12) & 511) * 8;
      const entries = Array.from({ length: places.dataPages }, (_, page) =>
        kernel.readU64(firstAt + page * 8),
      );
      entries.forEach((entry, page) => {
        kernel.writeU64(firstAt + ((page + 1) % entries.length) * 8, entry);
      });
    }
  }

  /** Every handler goes on with the next block: it counts in R15, and makes RSP, RBX and DF good again. */
  private writeHandlers(): void {
    const common = layout.handlers + 0x2000;
    const code = [
      '41 ff c7',
      '44 89 f8',
      `25 ${littleEndian(places.blocks - 1, 4)}`,
      'c1 e0 06',
      `05 ${littleEndian(places.program, 4)}`,
      `bc ${littleEndian(layout.kernelStack - 0x100, 4)}`,
      `bb ${littleEndian(places.data, 4)}`,
      'fc',
      'ff e0',
    ];
    this.kernel.memory.write(common, machineCode(code.join('')));
    for (let vector = 0; vector < 256; vector++) {
      const at = Number(this.kernel.handler(vector));
      const jump = `e9 ${littleEndian(common - at - 5, 4)}`;
      this.kernel.memory.write(at, machineCode(jump));
    }
  }
}
