/** What a TypeScript routine is: the part of an instruction that is too rare or too entangled for generated code. */
import type { DebugRegisters } from '../debug-registers';
import type { Event } from '../events/event';
import type { EventDelivery } from '../events/event-delivery';
import type { SegmentLoader } from '../events/segments';
import { longCode } from '../decode/code-mode';
import { recordOffsets } from '../interpreter/record';
import { checkedAddress } from '../segment-access';
import { stateOffsets } from '../../machine/processor-state';
import { runOffsets, segmentCheckOffset } from '../memory-map';
import type { WordBytes } from '../paging/block-shape';
import type { AddressSpaces } from '../paging/address-space';
import type { MemoryAccess, SystemAccess } from '../paging/memory-access';
import type { TranslationCaches } from '../paging/translation-caches';
import { segmentsByNumber } from '../vmcs-offsets';
import { RoutineEnd, type Fault, type ProcessorContext } from '../processor-context';

/** Services of the processor that runs the routine. */
export interface Processor {
  readonly context: ProcessorContext;
  readonly access: MemoryAccess;
  readonly segments: SegmentLoader;
  readonly delivery: EventDelivery;
  readonly caches: TranslationCaches;
  readonly addressSpaces: AddressSpaces;
  /** Breakpoints of the guest. */
  readonly debugRegisters: DebugRegisters;
  /** Time-stamp counter as the guest reads it at this instruction. */
  timeStamp(): bigint;
  /** The lane's virtual time at this instruction. */
  laneTimeNs(): number;
  /** Breakpoints of the debug registers are taken over. */
  debugRegistersChanged(): void;
  /** Privilege level, mode or paging changed: derived state is made again. */
  modeChanged(): void;
  /** Ends a load of a data segment: outside 64-bit mode what follows is decoded for the new segments. */
  segmentChanged(record: RoutineRecord): RoutineEnd;
  /** Keeps interrupts out for one more instruction, after STI or a load of SS (SDM vol. 3, 6.8.3). */
  blockInterrupts(record: RoutineRecord, by: 'sti' | 'mov-ss'): typeof RoutineEnd.finish;
  /**
   * At the end of IRET: where the next instruction is one step, generated code goes on without RF, which is set again
   * if that instruction turns out not to be done.
   */
  putResumeFlagAside(): void;
  /** Ends SYSCALL and SYSRET, after which the new TF decides about a single-step trap; RIP is the next one's. */
  decideTrap(): RoutineEnd;
  /** Hands a software interrupt or trap to delivery once the instruction, which counts as done, has left. */
  deliverAfterwards(event: Event): typeof RoutineEnd.leave;
}

const dataSegment = 3;
const stackSegment = 2;

/** Number of the general register at an offset from `vpBase`. */
function registerAt(offset: number): number | undefined {
  return offset < stateOffsets.gpr + 16 * 8 ? (offset - stateOffsets.gpr) / 8 : undefined;
}

/** A decoded instruction as a routine sees it. */
export class RoutineRecord {
  constructor(
    private readonly context: ProcessorContext,
    readonly address: number,
  ) {}

  get length(): number {
    return this.field16(recordOffsets.nextOffset) - this.field16(recordOffsets.pageOffset);
  }

  get immediate(): bigint {
    return this.context.view.getBigUint64(this.address + recordOffsets.immediate, true);
  }

  /** Its lower half, unsigned: the number of a vector or of a register. */
  get immediateNumber(): number {
    return this.context.view.getUint32(this.address + recordOffsets.immediate, true);
  }

  get addressMask(): bigint {
    return this.context.view.getBigUint64(this.address + recordOffsets.addressMask, true);
  }

  /** Offset of the destination register from `vpBase`. */
  get dst(): number {
    return this.field16(recordOffsets.dst);
  }

  /** Whether the instruction's operand lies in memory; good for those whose register form has no base. */
  get hasMemoryOperand(): boolean {
    return (
      this.field16(recordOffsets.base) !== stateOffsets.zero ||
      this.context.view.getBigInt64(this.address + recordOffsets.displacement, true) !== 0n
    );
  }

  /** Number of the base register; undefined where the operand has none, or is relative to RIP. */
  get baseRegister(): number | undefined {
    return registerAt(this.field16(recordOffsets.base));
  }

  get indexRegister(): number | undefined {
    return registerAt(this.field16(recordOffsets.index));
  }

  /** Power of two by which the index is multiplied. */
  get scale(): number {
    return this.context.view.getUint8(this.address + recordOffsets.scale);
  }

  /** Sign-extended to 64 bits; of an operand relative to RIP its address (SDM vol. 3, 28.2.1). */
  get displacement(): bigint {
    const { context } = this;
    const value = context.view.getBigUint64(this.address + recordOffsets.displacement, true);
    const isRelative = this.field16(recordOffsets.base) === runOffsets.ipBase;
    return BigInt.asUintN(64, isRelative ? value + context.runU64(runOffsets.ipBase) : value);
  }

  /** Number of the memory operand's segment; where segments are flat, the one that its base implies. */
  get operandSegment(): number {
    const base = this.baseRegister;
    const isFlat = this.field16(recordOffsets.segmentBase) === stateOffsets.zero;
    return isFlat && (base === 4 || base === 5) ? stackSegment : this.segmentNumber;
  }

  /** Linear address of the memory operand, without checks. */
  memoryAddress(): bigint {
    return this.linear(this.memoryOffset(0n));
  }

  /**
   * Linear address of an access to the memory operand, or the fault of its segment.
   * @param displacement bytes behind the operand's start
   * @param stackAdjustment counts where RSP is the base (POP)
   */
  operandAddress(
    length: number,
    intent: 'read' | 'write',
    displacement = 0n,
    stackAdjustment = 0n,
  ): bigint | Fault {
    const offset = (this.memoryOffset(stackAdjustment) + displacement) & this.addressMask;
    return this.segmentAddress(offset, length, intent);
  }

  /** Linear address of an access to an offset in the segment of the memory operand, or the segment's fault. */
  segmentAddress(offset: bigint, length: number, intent: 'read' | 'write'): bigint | Fault {
    const segment = this.field16(recordOffsets.segmentBase);
    const isChecked = this.context.mode !== longCode && segment !== stateOffsets.zero;
    return isChecked
      ? checkedAddress(this.context, segment, offset, length, intent)
      : this.linear(offset);
  }

  private linear(offset: bigint): bigint {
    return BigInt.asUintN(this.context.mode === longCode ? 64 : 32, offset + this.segmentBase);
  }

  private memoryOffset(stackAdjustment: bigint): bigint {
    const { context } = this;
    const register = (field: number): bigint =>
      context.view.getBigUint64(context.vpBase + this.field16(field), true);
    const scale = BigInt(context.view.getUint8(this.address + recordOffsets.scale));
    const displacement = context.view.getBigInt64(this.address + recordOffsets.displacement, true);
    const usesStack = this.field16(recordOffsets.base) === 4 * 8;
    const offset =
      register(recordOffsets.base) +
      (register(recordOffsets.index) << scale) +
      displacement +
      (usesStack ? stackAdjustment : 0n);
    return offset & this.addressMask;
  }

  /** Base of the source segment of a string instruction. */
  get segmentBase(): bigint {
    const { context } = this;
    const offset = this.field16(recordOffsets.segmentBase);
    return context.view.getBigUint64(context.vpBase + offset, true);
  }

  /** Number of that segment: DS unless FS or GS overrides it. */
  get segmentNumber(): number {
    const offset = this.field16(recordOffsets.segmentBase);
    const number = segmentsByNumber.findIndex(
      ({ base }, index) => base === offset || segmentCheckOffset(index) === offset,
    );
    return number < 0 ? dataSegment : number;
  }

  private field16(offset: number): number {
    return this.context.view.getUint16(this.address + offset, true);
  }
}

export type Routine = (processor: Processor, record: RoutineRecord) => RoutineEnd;

/** Routines by name, with the reason why they are not written in the intermediate representation. */
export interface RoutineFamily {
  readonly reason: string;
  readonly routines: Readonly<Record<string, Routine>>;
}

/** Operand size in bytes, which a `sized` definition hands over as the operand. */
export function operandBytes(processor: Processor): WordBytes {
  const bytes = processor.context.run32(runOffsets.operand);
  return bytes === 8 ? 8 : bytes === 4 ? 4 : 2;
}

/** Gives up with the fault of a system access, or leaves where it already caused an exit. */
export function leaveWith(
  processor: Processor,
  end: Exclude<SystemAccess, 'done'>,
): typeof RoutineEnd.leave {
  return end === 'fault' ? processor.context.raise(processor.access.fault) : RoutineEnd.leave;
}
