/** Breakpoints of the debug registers (SDM vol. 3, 17.2 and 17.3.1): which are on, and what meets them. */
import { stateOffsets } from '../machine/processor-state';
import { Cr4 } from '../spec/x86/control-registers';
import { DataWatch, type DataBreakpoint } from './data-watch';
import type { ProcessorContext } from './processor-context';
import { addPendingTrap, enabledBreakpoint } from './pending-traps';
import { vmcsOffsets } from './vmcs-offsets';
import { exitReason } from './vmx/vm-exits';

/** R/W field of DR7. */
const kind = { execute: 0, write: 1, port: 2, access: 3 } as const;
const lengths = [1, 2, 8, 4] as const;

/** Ports that a breakpoint asks for. */
interface PortBreakpoint {
  /** DR6 bit. */
  readonly bit: number;
  readonly first: bigint;
  readonly last: bigint;
}

export class DebugRegisters {
  /** DR6 bit by linear address. */
  private instructions: ReadonlyMap<bigint, number> = new Map();
  private ports: readonly PortBreakpoint[] = [];

  constructor(private readonly context: ProcessorContext) {}

  /** Whether any instruction breakpoint is on. */
  get hasInstructions(): boolean {
    return this.instructions.size > 0;
  }

  /** Linear addresses of instruction breakpoints. */
  get instructionAddresses(): readonly bigint[] {
    return [...this.instructions.keys()];
  }

  /**
   * Reads the registers again.
   * @returns whether the set of instruction breakpoints changed
   */
  refresh(): boolean {
    const { state } = this.context;
    const control = state.readU32(vmcsOffsets.dr7);
    const instructions = new Map<bigint, number>();
    const data: DataBreakpoint[] = [];
    const ports: PortBreakpoint[] = [];
    // Without CR4.DE the manual does not define what R/W 10 does: nothing.
    const hasPorts = (state.readU32(vmcsOffsets.cr4) & Cr4.DE) !== 0;
    for (let number = 0; number < 4; number++) {
      if (((control >>> (number * 2)) & 3) === 0) continue;
      const fields = (control >>> (16 + number * 4)) & 15;
      const address = state.readU64(stateOffsets.dr + number * 8);
      const bit = 1 << number;
      const which = fields & 3;
      if (which === kind.execute) {
        instructions.set(address, (instructions.get(address) ?? 0) | bit);
        continue;
      }
      const length = BigInt(lengths[fields >>> 2] ?? 1);
      const first = address & ~(length - 1n);
      const last = first + length - 1n;
      if (which !== kind.port) data.push({ bit, first, last, isForReads: which === kind.access });
      else if (hasPorts) ports.push({ bit, first, last });
    }
    this.ports = ports;
    this.context.watch = data.length === 0 ? undefined : new DataWatch(data);
    const before = this.instructions;
    this.instructions = instructions;
    return (
      before.size !== instructions.size ||
      [...instructions.keys()].some((address) => !before.has(address))
    );
  }

  /** DR6 bits of the breakpoints that an access to `bytes` ports from `port` on meets (SDM vol. 3, 17.2.5). */
  portHits(port: number, bytes: number): number {
    if (this.ports.length === 0) return 0;
    const end = BigInt(port + bytes - 1);
    return this.ports.reduce(
      (hits, { bit, first, last }) => (BigInt(port) <= last && first <= end ? hits | bit : hits),
      0,
    );
  }

  /** The hypervisor has made the access that an exit told of: breakpoints on its ports trap behind the instruction. */
  trapBehindExit(): void {
    const { state } = this.context;
    if (state.readU32(vmcsOffsets.exitReason) !== exitReason.IO_INSTRUCTION) return;
    const qualification = state.readU32(vmcsOffsets.exitQualification);
    const hits = this.portHits(qualification >>> 16, (qualification & 7) + 1);
    if (hits !== 0) addPendingTrap(state, BigInt(hits) | enabledBreakpoint);
  }

  /** DR6 bits of the instruction breakpoints at a linear address. */
  instructionHits(linear: bigint): number {
    return this.instructions.get(linear) ?? 0;
  }
}
