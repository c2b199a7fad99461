/**
 * Which virtual processors are on the logical processors: by weight, cap and reserve (TLFS 18, CpuWeight, CpuCap,
 * CpuReserve). Only asked where virtual processors have to share, or have a cap.
 */
import type { SavedPart } from '../machine/saved-part';
import type { Timer, TimerSource } from '../machine/timer-queue';
import { present } from '../support/assert';
import type { StateRecord } from '../support/state-record';
import type { StateNode } from '../support/state-tree';

/** What a virtual processor may have of logical processors. */
export interface ProcessorShare {
  /** Relative to the others, 1 to 10,000. */
  readonly weight: number;
  /** Most and least of one logical processor, in percent; 100 for no cap, 0 for no reserve. */
  readonly cap: number;
  readonly reserve: number;
}

export const defaultShare: ProcessorShare = { weight: 100, cap: 100, reserve: 0 };

/** A virtual processor as the scheduler sees it. */
export interface ScheduledProcessor {
  readonly isRunnable: boolean;
  /** Virtual time at which it stands; moved on where it has waited for a logical processor. */
  timeNs: number;
  /** Time for which it has run. */
  readonly runNs: number;
  /** It is on a logical processor. */
  hasTurn: boolean;
}

/** Why a processor left a logical one. */
export type LeaveReason = 'cap used up' | 'slice over' | 'yielded' | 'not runnable';

/** Told of each run of a processor on a logical one. */
export interface ScheduleObserver {
  didBegin(processor: ScheduledProcessor, logical: number): void;
  didEnd(processor: ScheduledProcessor, logical: number, ranNs: number, reason: LeaveReason): void;
}

/** Caps and reserves hold within each window. */
const windowNs = 10_000_000;
/** How long a processor runs before one with a better claim takes its place. */
const sliceNs = 1_000_000;
/** Rounds in which several processors run, or one of several. */
const quantumNs = 10_000;
/** Weighted time of a processor of weight 1 that has run for a nanosecond. */
const weightScale = 1000;

const version = 2;
const nobody = -1;

interface Claim {
  readonly share: ProcessorShare;
  readonly processor: ScheduledProcessor;
  /** Run time divided by the weight: who has least goes first. */
  weighted: number;
  /** Run time in this window. */
  used: number;
  /** Run time that has been taken into account. */
  accounted: number;
  wasRunnable: boolean;
  /** It has given up its turn, and lets others go first. */
  hasYielded: boolean;
}

interface LogicalProcessor {
  timeNs: number;
  /** Index of the claim that is on it. */
  occupant: number;
  /** Run time of the occupant when it came. */
  since: number;
}

export class ProcessorScheduler implements SavedPart {
  private readonly claims: readonly Claim[];
  private readonly logical: readonly LogicalProcessor[];
  private readonly timer: Timer;
  private windowEndNs = windowNs;
  /** Least weighted time among those that want to run: whoever comes back from a rest does not claim more. */
  private floor = 0;

  /** @param changed called where a new window lets processors run that had used up their caps */
  constructor(
    processors: readonly ScheduledProcessor[],
    shares: readonly ProcessorShare[],
    logicalCount: number,
    timers: TimerSource,
    changed: () => void,
    private readonly observer?: ScheduleObserver,
  ) {
    this.claims = processors.map((processor, index) => ({
      share: present(shares[index], 'share of a processor'),
      processor,
      weighted: 0,
      used: 0,
      accounted: 0,
      wasRunnable: false,
      hasYielded: false,
    }));
    for (const { processor } of this.claims) processor.hasTurn = false;
    this.logical = Array.from({ length: logicalCount }, () => ({
      timeNs: 0,
      occupant: nobody,
      since: 0,
    }));
    this.timer = timers.createTimer('scheduler', (dueNs) => {
      this.beginWindow(dueNs);
      changed();
    });
  }

  /** Earliest time of those that run, or could; Infinity where nobody can before the next window. */
  get earliestNs(): number {
    const running = this.claims.filter(
      ({ processor }) => processor.hasTurn && processor.isRunnable,
    );
    const ready = running.length > 0 ? running : this.claims.filter((claim) => this.isReady(claim));
    return ready.reduce((least, { processor }) => Math.min(least, processor.timeNs), Infinity);
  }

  /**
   * Decides who runs in the round that begins.
   * @returns how long the round is
   */
  assign(): number {
    this.account();
    this.rollWindow();
    this.logical.forEach((logical, index) => this.review(logical, index));
    this.logical.forEach((logical, index) => {
      if (logical.occupant === nobody) this.fill(logical, index);
    });
    for (const claim of this.claims) claim.hasYielded = false;
    for (const claim of this.claims) claim.wasRunnable = claim.processor.isRunnable;
    const isThrottled = (claim: Claim): boolean =>
      claim.processor.isRunnable && this.isUsedUp(claim);
    if (this.claims.some(isThrottled)) this.timer.setDue(this.windowEndNs);
    return this.roundNs();
  }

  /** A processor lets those go first that wait; where nobody does, it runs on. */
  yieldTurn(processor: ScheduledProcessor): void {
    const claim = this.claims.find((candidate) => candidate.processor === processor);
    if (claim !== undefined) claim.hasYielded = true;
  }

  /** A processor has come back from elsewhere, with a run time of its own: it has used nothing, and claims no more than others. */
  admit(processor: ScheduledProcessor): void {
    const place = this.claims.findIndex((candidate) => candidate.processor === processor);
    const claim = present(this.claims[place], 'claim');
    claim.accounted = processor.runNs;
    claim.used = 0;
    claim.weighted = Math.max(claim.weighted, this.floor);
    claim.wasRunnable = false;
    claim.hasYielded = false;
    for (const logical of this.logical)
      if (logical.occupant === place) logical.since = processor.runNs;
  }

  reset(): void {
    for (const claim of this.claims) {
      claim.weighted = 0;
      claim.used = 0;
      claim.accounted = claim.processor.runNs;
      claim.wasRunnable = false;
      claim.hasYielded = false;
      claim.processor.hasTurn = false;
    }
    for (const logical of this.logical) logical.occupant = nobody;
    this.timer.cancel();
  }

  save(): StateNode {
    return {
      version,
      windowEnd: this.windowEndNs,
      floor: this.floor,
      claims: this.claims.map(
        ({ weighted, used, accounted, wasRunnable, hasYielded, processor }) => ({
          weighted,
          used,
          accounted,
          wasRunnable: Number(wasRunnable),
          hasYielded: Number(hasYielded),
          hasTurn: Number(processor.hasTurn),
        }),
      ),
      logical: this.logical.map((logical) => ({ ...logical })),
    };
  }

  restore(record: StateRecord): void {
    record.expectVersion(version);
    this.windowEndNs = record.count('windowEnd');
    this.floor = record.count('floor', Number.MAX_SAFE_INTEGER);
    for (const [key, list] of [
      ['claims', this.claims],
      ['logical', this.logical],
    ] as const) {
      if (record.records(key).length === list.length) continue;
      throw record.mismatch(key, `${list.length} records`);
    }
    record.records('claims').forEach((saved, index) => {
      const claim = present(this.claims[index], 'claim');
      claim.weighted = saved.count('weighted', Number.MAX_SAFE_INTEGER);
      claim.used = saved.count('used');
      claim.accounted = saved.count('accounted');
      claim.wasRunnable = saved.number('wasRunnable') !== 0;
      claim.hasYielded = saved.number('hasYielded') !== 0;
      claim.processor.hasTurn = saved.number('hasTurn') !== 0;
    });
    const occupants = new Set<number>();
    record.records('logical').forEach((saved, index) => {
      const logical = present(this.logical[index], 'logical processor');
      logical.timeNs = saved.count('timeNs');
      logical.occupant = saved.number('occupant');
      logical.since = saved.count('since');
      if (logical.occupant === nobody) return;
      const isFree = !occupants.has(logical.occupant);
      if (!isFree || this.claims[logical.occupant]?.processor.hasTurn !== true) {
        throw saved.mismatch('occupant', 'a processor that has a turn, on one logical processor');
      }
      occupants.add(logical.occupant);
    });
    if (this.claims.filter(({ processor }) => processor.hasTurn).length !== occupants.size) {
      throw record.mismatch('claims', 'turns of those that are on logical processors');
    }
  }

  /** Adds what has been run since the last round, and keeps the claims of those that rested in bounds. */
  private account(): void {
    for (const claim of this.claims) {
      const ran = claim.processor.runNs - claim.accounted;
      claim.accounted = claim.processor.runNs;
      claim.used += ran;
      claim.weighted += Math.floor((ran * weightScale) / claim.share.weight);
    }
    const wanting = this.claims.filter((claim) => claim.wasRunnable && claim.processor.isRunnable);
    const least = wanting.reduce((min, { weighted }) => Math.min(min, weighted), Infinity);
    if (least !== Infinity) this.floor = Math.max(this.floor, least);
    for (const claim of this.claims) {
      const isBack = claim.processor.isRunnable && !claim.wasRunnable;
      if (isBack) claim.weighted = Math.max(claim.weighted, this.floor);
    }
  }

  private rollWindow(): void {
    const now = this.earliestNs;
    if (now === Infinity || now < this.windowEndNs) return;
    this.beginWindow(now);
  }

  private beginWindow(nowNs: number): void {
    for (const claim of this.claims) {
      // Who had to wait for the window stands at its beginning.
      if (claim.processor.isRunnable && !claim.processor.hasTurn && this.isUsedUp(claim)) {
        claim.processor.timeNs = Math.max(claim.processor.timeNs, nowNs);
      }
      claim.used = 0;
    }
    this.windowEndNs = (Math.floor(nowNs / windowNs) + 1) * windowNs;
    this.timer.cancel();
  }

  private isUsedUp({ share, used }: Claim): boolean {
    return share.cap < 100 && used >= (share.cap * windowNs) / 100;
  }

  private isReady(claim: Claim): boolean {
    return claim.processor.isRunnable && !this.isUsedUp(claim);
  }

  private hasReserve({ share, used }: Claim): boolean {
    return used < (share.reserve * windowNs) / 100;
  }

  /** Takes a processor off that cannot run, or has to make room. */
  private review(logical: LogicalProcessor, index: number): void {
    if (logical.occupant === nobody) return;
    const claim = present(this.claims[logical.occupant], 'claim');
    const { processor } = claim;
    logical.timeNs = Math.max(logical.timeNs, processor.timeNs);
    if (this.isReady(claim) && !this.mustYield(claim, logical)) return;
    processor.hasTurn = false;
    logical.occupant = nobody;
    const reason = this.reasonToLeave(claim);
    this.observer?.didEnd(processor, index, processor.runNs - logical.since, reason);
  }

  private reasonToLeave(claim: Claim): LeaveReason {
    if (!claim.processor.isRunnable) return 'not runnable';
    if (this.isUsedUp(claim)) return 'cap used up';
    return claim.hasYielded ? 'yielded' : 'slice over';
  }

  private mustYield(claim: Claim, { since }: LogicalProcessor): boolean {
    const next = this.bestWaiting();
    if (next === undefined) return false;
    if (claim.hasYielded) return true;
    if (this.hasReserve(claim) !== this.hasReserve(next)) return this.hasReserve(next);
    return claim.processor.runNs - since >= sliceNs && next.weighted < claim.weighted;
  }

  private fill(logical: LogicalProcessor, index: number): void {
    const claim = this.bestWaiting();
    if (claim === undefined) return;
    const { processor } = claim;
    processor.hasTurn = true;
    processor.timeNs = Math.max(processor.timeNs, logical.timeNs);
    logical.occupant = this.claims.indexOf(claim);
    logical.since = processor.runNs;
    this.observer?.didBegin(processor, index);
  }

  /** Who has the best claim of those that wait: one that has not yielded, an unmet reserve, then the least weighted time, then the order. */
  private bestWaiting(): Claim | undefined {
    let best: Claim | undefined;
    for (const claim of this.claims) {
      if (claim.processor.hasTurn || !this.isReady(claim)) continue;
      if (best === undefined || this.isBetter(claim, best)) best = claim;
    }
    return best;
  }

  private isBetter(claim: Claim, other: Claim): boolean {
    if (claim.hasYielded !== other.hasYielded) return other.hasYielded;
    if (this.hasReserve(claim) !== this.hasReserve(other)) return this.hasReserve(claim);
    return claim.weighted < other.weighted;
  }

  /** A single processor that nobody waits for runs to the end of its cap, or as long as it likes. */
  private roundNs(): number {
    const running = this.claims.filter(({ processor }) => processor.hasTurn);
    const [only] = running;
    if (running.length !== 1 || only === undefined || this.bestWaiting() !== undefined) {
      return quantumNs;
    }
    if (only.share.cap === 100) return Infinity;
    return Math.max(1, Math.ceil((only.share.cap * windowNs) / 100) - only.used);
  }
}
