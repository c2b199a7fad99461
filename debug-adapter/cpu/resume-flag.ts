/**
 * RFLAGS.RF lasts until the next instruction is done, all its iterations included (SDM vol. 3, 17.3.1.1). The run loop
 * takes such an instruction alone. Behind IRET, which ends every page fault, the flag is put aside (decision 130).
 */
import { stateOffsets } from '../machine/processor-state';
import type { CodeCache } from './interpreter/code-cache';
import { runOffsets } from './memory-map';
import type { TranslationCaches } from './paging/translation-caches';
import type { ProcessorContext } from './processor-context';
import { RoutineRecord } from './routines/routine';

export const flagResume = 0x10000;
const none = -1;

export class ResumeFlag {
  /** Steps that were left when IRET set the flag, where it has been put aside. */
  private stepsLeftAtReturn = none;
  /** Set by IRET, which says itself what the flag is. */
  private isDecided = false;
  /** What was begun with the flag may end where it began without being done: iterations do, unlike a jump to itself. */
  private isRepeated = false;

  constructor(
    private readonly context: ProcessorContext,
    private readonly caches: TranslationCaches,
    private readonly code: CodeCache,
  ) {}

  /** Before generated code runs. @returns how many of `limit` steps may be taken at once */
  begin(isSet: boolean, limit: number): number {
    this.stepsLeftAtReturn = none;
    this.isDecided = false;
    if (!isSet) return limit;
    const given = this.context.run32(runOffsets.startRecord);
    const record = given === 0 ? this.recordAhead() : given;
    this.isRepeated = record !== 0 && this.code.isRepeated(record);
    return this.stepsOf(record, limit);
  }

  /** Once generated code has returned, with so many steps left: a flag put aside is back unless a step followed. */
  takeBack(stepsLeft: number): void {
    if (this.stepsLeftAtReturn !== stepsLeft) return;
    const { state } = this.context;
    state.writeU32(stateOffsets.flagsSystem, state.readU32(stateOffsets.flagsSystem) | flagResume);
  }

  /** Steps were taken that began with the flag set; `isStill` where RIP is what it was. */
  end(isStill: boolean): void {
    if (!this.isDecided && !(this.isRepeated && isStill)) this.clear();
  }

  clear(): void {
    const { state } = this.context;
    const flags = state.readU32(stateOffsets.flagsSystem);
    if ((flags & flagResume) !== 0) state.writeU32(stateOffsets.flagsSystem, flags & ~flagResume);
  }

  /**
   * At the end of IRET: where the next instruction is one step, generated code goes on without the flag, which is set
   * again if that instruction turns out not to be done.
   */
  putAside(): void {
    const { context } = this;
    const { state } = context;
    this.isDecided = true;
    const flags = state.readU32(stateOffsets.flagsSystem);
    if ((flags & flagResume) === 0) return;
    const record = this.recordAhead();
    if (record === 0 || this.code.isRepeated(record)) return;
    state.writeU32(stateOffsets.flagsSystem, flags & ~flagResume);
    this.stepsLeftAtReturn = context.run32(runOffsets.remaining);
  }

  /** Whether a routine, whose step has been taken, comes first behind an IRET that put the flag aside. */
  get isMissedByRoutine(): boolean {
    return this.context.run32(runOffsets.remaining) + 1 === this.stepsLeftAtReturn;
  }

  /**
   * Steps at the end of which the instruction is done or not: a string instruction that goes on after a page fault
   * makes all iterations but the last at once.
   */
  private stepsOf(record: number, limit: number): number {
    if (record === 0 || !this.code.endsWithCount(record)) return 1;
    const { context } = this;
    const count = context.state.gpr(1) & new RoutineRecord(context, record).addressMask;
    const before = count > 0xffffffffn ? limit : Number(count) - 1;
    return Math.min(limit, Math.max(before, 1));
  }

  /** The decoded record at RIP, 0 where it is not at hand. */
  private recordAhead(): number {
    const { linearIpLow: low, linearIpHigh: high } = this.context;
    const table = this.caches.codeTableOf(low, high);
    return table === undefined ? 0 : this.code.recordIn(table, low & 0xfff);
  }
}
