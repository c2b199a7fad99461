/** Data breakpoints of the debug registers: what an access meets (SDM vol. 3, 17.2.5). */

/** The bytes of one breakpoint. */
export interface DataBreakpoint {
  readonly bit: number;
  readonly first: bigint;
  readonly last: bigint;
  readonly isForReads: boolean;
}

/** Data breakpoints that are on. Accesses that meet one are made alone, so that the trap follows at once. */
export class DataWatch {
  /** The instruction is executed alone: what it meets is noted. */
  isArmed = false;
  /** An access met a breakpoint while the instruction was not alone, and gave it up. */
  wantsArming = false;
  /** DR6 bits of what the instruction met. */
  met = 0;

  constructor(private readonly breakpoints: readonly DataBreakpoint[]) {}

  /** Begins an attempt at the next instruction. @returns whether it is made alone */
  begin(): boolean {
    this.isArmed = this.wantsArming;
    this.met = 0;
    return this.isArmed;
  }

  /**
   * The instruction is done. What was wanted lasts until then: code that has to be looked up first is tried again.
   * @returns DR6 bits of what it met
   */
  finish(): number {
    this.wantsArming = false;
    return this.met;
  }

  /** DR6 bits of the breakpoints that an access meets. */
  hits(linear: bigint, length: number, access: 'read' | 'write'): number {
    const last = linear + BigInt(length - 1);
    return this.breakpoints.reduce((bits, { bit, first, last: end, isForReads }) => {
      const isMeant = access === 'write' || isForReads;
      return isMeant && linear <= end && last >= first ? bits | bit : bits;
    }, 0);
  }

  /** Whether a page must stay out of the TLBs. */
  covers(linear: bigint): boolean {
    const page = linear & ~0xfffn;
    return this.breakpoints.some(({ first, last }) => first <= page + 0xfffn && last >= page);
  }
}
