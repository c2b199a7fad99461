/** A processor with descriptor tables, an interrupt table, a task state and stacks, for tests of events and privilege. */
import { stateOffsets } from '../../debug-adapter/machine/processor-state';
import type { ProcessorRun } from '../../debug-adapter/machine/processor';
import { BareProcessor, type BareProcessorOptions } from './bare-processor';

/** Linear addresses, mapped to the same physical ones. Pages from `userCode` on are for user code too. */
export const layout = {
  globalTable: 0x20_000,
  interruptTable: 0x21_000,
  localTable: 0x22_000,
  taskState: 0x23_000,
  handlers: 0x24_000,
  kernelCode: 0x30_000,
  kernelStack: 0x41_000,
  interruptStack: 0x43_000,
  kernelData: 0x44_000,
  userCode: 0x60_000,
  userStack: 0x71_000,
  userData: 0x72_000,
} as const;

/** Selectors of the global table. */
export const selector = {
  kernelCode: 0x08,
  kernelData: 0x10,
  userData: 0x1b,
  userCode: 0x23,
  taskState: 0x28,
  absentCode: 0x38,
  compatibilityCode: 0x40,
  conformingCode: 0x48,
  readOnlyData: 0x50,
  absentData: 0x58,
  executeOnlyCode: 0x60,
  localTable: 0x68,
  absentTaskState: 0x78,
  beyond: 0x1000,
} as const;

const descriptors: readonly (readonly [number, bigint])[] = [
  [selector.kernelCode, 0x00af9b000000ffffn],
  [selector.kernelData, 0x00cf93000000ffffn],
  [selector.userData & ~3, 0x00cff3000000ffffn],
  [selector.userCode & ~3, 0x00affb000000ffffn],
  [selector.absentCode, 0x00af1b000000ffffn],
  [selector.compatibilityCode, 0x00cf9b000000ffffn],
  [selector.conformingCode, 0x00af9f000000ffffn],
  [selector.readOnlyData, 0x00cf91000000ffffn],
  [selector.absentData, 0x00cf13000000ffffn],
  [selector.executeOnlyCode, 0x00af99000000ffffn],
];

/** An entry of the interrupt table (SDM vol. 3, figure 6-8). */
export interface Gate {
  readonly selector?: number;
  readonly offset?: bigint;
  readonly privilege?: number;
  /** 0xe interrupt gate, 0xf trap gate. */
  readonly type?: number;
  readonly present?: boolean;
  readonly stackTable?: number;
}

export class GuestKernel extends BareProcessor {
  constructor(options: BareProcessorOptions = {}) {
    super(options);
    for (let page = layout.globalTable; page < layout.userCode; page += 0x1000) {
      this.map(BigInt(page), page, { user: false });
    }
    for (let page = layout.userCode; page < 0x80_000; page += 0x1000) this.map(BigInt(page), page);
    for (const [at, descriptor] of descriptors) {
      this.writeU64(layout.globalTable + at, descriptor);
    }
    this.writeSystemDescriptor(selector.taskState, layout.taskState, 0x67, 0x8b);
    this.writeSystemDescriptor(selector.localTable, layout.localTable, 0x17, 0x82);
    this.writeSystemDescriptor(selector.absentTaskState, layout.taskState, 0x67, 0x09);
    this.writeU64(layout.taskState + 4, BigInt(layout.kernelStack));
    this.writeU64(layout.taskState + 0x24, BigInt(layout.interruptStack));
    for (let vector = 0; vector < 256; vector++) this.setGate(vector);
    this.setRegisters();
  }

  /** The same kernel each time, as if made anew; one at a time. */
  static again(): GuestKernel {
    shared ??= new SharedKernel();
    return shared.restored();
  }

  /** Where a vector's handler lies unless its gate says otherwise. */
  handler(vector: number): bigint {
    return BigInt(layout.handlers + vector * 16);
  }

  setGate(vector: number, gate: Gate = {}): void {
    const { offset = this.handler(vector), privilege = 0, type = 0xe, present = true } = gate;
    const rights = BigInt(((present ? 0x80 : 0) | (privilege << 5) | type) << 8);
    const low =
      (offset & 0xffffn) |
      (BigInt(gate.selector ?? selector.kernelCode) << 16n) |
      ((BigInt(gate.stackTable ?? 0) | rights | (offset & 0xffff0000n)) << 32n);
    this.writeU64(layout.interruptTable + vector * 16, low);
    this.writeU64(layout.interruptTable + vector * 16 + 8, offset >> 32n);
  }

  writeSystemDescriptor(at: number, base: number, limit: number, type: number): void {
    const low =
      BigInt(limit & 0xffff) |
      (BigInt(base & 0xffffff) << 16n) |
      (BigInt(type) << 40n) |
      (BigInt(base >>> 24) << 56n);
    this.writeU64(layout.globalTable + at, low);
    this.writeU64(layout.globalTable + at + 8, 0n);
  }

  /** Puts `code` where privilege `level` runs, and RIP at its start. */
  enter(level: 0 | 3, code: Uint8Array): void {
    const at = level === 0 ? layout.kernelCode : layout.userCode;
    this.memory.write(at, code);
    this.setPrivilege(level);
    this.setField(
      'GUEST_CS_SELECTOR',
      BigInt(level === 0 ? selector.kernelCode : selector.userCode),
    );
    this.setField(
      'GUEST_SS_SELECTOR',
      BigInt(level === 0 ? selector.kernelData : selector.userData),
    );
    this.state.rip = BigInt(at);
    this.state.setGpr(
      4,
      BigInt(level === 0 ? layout.kernelStack - 0x100 : layout.userStack - 0x100),
    );
  }

  /** Runs one step and gives what `run` gave. */
  step(): ProcessorRun {
    this.state.writeU32(stateOffsets.exitPending, 0);
    return this.core.run(1, 0);
  }

  /** The vector that the next step delivers, with its error code, or what else happened. */
  outcome(): string {
    const { stop } = this.step();
    if (stop.kind === 'vm-exit') return `exit ${this.field('VM_EXIT_REASON')}`;
    if (stop.kind !== 'event') return stop.kind;
    const code = stop.errorCode === undefined ? '' : ` (0x${stop.errorCode.toString(16)})`;
    return `vector ${stop.vector}${code}`;
  }

  /** The quadwords from RSP up. */
  stack(count: number): bigint[] {
    const top = Number(this.state.gpr(4));
    return Array.from({ length: count }, (_, index) => this.readU64(top + index * 8));
  }

  private setRegisters(): void {
    const fields: readonly (readonly [string, number])[] = [
      ['GUEST_GDTR_BASE', layout.globalTable],
      ['GUEST_GDTR_LIMIT', 0xff],
      ['GUEST_IDTR_BASE', layout.interruptTable],
      ['GUEST_IDTR_LIMIT', 0xfff],
      ['GUEST_TR_SELECTOR', selector.taskState],
      ['GUEST_TR_BASE', layout.taskState],
      ['GUEST_TR_LIMIT', 0x67],
      ['GUEST_TR_AR_BYTES', 0x8b],
      ['GUEST_LDTR_AR_BYTES', 0x10000],
    ];
    for (const [name, value] of fields) this.setField(name, BigInt(value));
    for (const name of ['ES', 'DS', 'FS', 'GS']) {
      this.setField(`GUEST_${name}_AR_BYTES`, 0x10000n);
    }
    this.core.stateWasEdited();
  }
}

/** A processor costs a large memory: tests that need one at a time take turns with it. */
class SharedKernel extends GuestKernel {
  private readonly initialMemory = this.memory.save();
  private readonly initialState = this.state.architecturalBytes.slice();
  private readonly initialTable = this.nextTable;

  restored(): this {
    // Ends what the last test left under way, before the state is put back.
    this.core.completeInstruction();
    this.core.setBreakpoints(new Set());
    if (!this.memory.restore(this.initialMemory)) throw new Error('the memory does not fit');
    this.state.architecturalBytes.set(this.initialState);
    this.nextTable = this.initialTable;
    this.clock.latestNs = 0;
    this.core.stateWasEdited();
    return this;
  }
}

let shared: SharedKernel | undefined;
