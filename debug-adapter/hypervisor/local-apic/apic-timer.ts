/** The timer of a local APIC: one-shot, periodic, or at a value of the time-stamp counter (SDM vol. 3, 11.5.4). */
import type { Timer } from '../../machine/timer-queue';
import { divideBits, divisorOf, timerMode } from '../../spec/x86/local-apic';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';

/** The timer counts nanoseconds: HV_X64_MSR_APIC_FREQUENCY is 1 GHz. */

/** A shorter period is stretched to this, so that a guest cannot keep its host busy with its timer alone. */
const shortestPeriodNs = 10_000;

/** Deadlines further away than a clock of this machine can count never come. */
const furthestNs = 2n ** 52n;

export class ApicTimer {
  private initialCount = 0;
  private divide = 0;
  private targetTsc = 0n;

  constructor(private readonly timer: Timer) {}

  /** The count that was written last; 0 in TSC-deadline mode. */
  get initial(): number {
    return this.initialCount;
  }

  get divideConfiguration(): number {
    return this.divide;
  }

  /** IA32_TSC_DEADLINE: 0 where no deadline is set. */
  get deadline(): bigint {
    return this.targetTsc;
  }

  /** Starts the countdown; 0 stops it. */
  start(count: number, timeNs: number): void {
    this.initialCount = count;
    if (count === 0) this.timer.cancel();
    else this.timer.setDue(timeNs + count * divisorOf(this.divide));
  }

  /** What is left to count at `timeNs`. */
  count(timeNs: number): number {
    const { dueNs } = this.timer;
    if (this.initialCount === 0 || dueNs === undefined || dueNs <= timeNs) return 0;
    return Math.min(this.initialCount, Math.ceil((dueNs - timeNs) / divisorOf(this.divide)));
  }

  /** A count that is under way goes on at the new rate. */
  setDivide(configuration: number, timeNs: number): void {
    const left = this.count(timeNs);
    this.divide = configuration & divideBits;
    if (left > 0) this.timer.setDue(timeNs + left * divisorOf(this.divide));
  }

  /** @param leftNs nanoseconds from `timeNs` until the guest's time-stamp counter has `value` */
  setDeadline(value: bigint, leftNs: bigint, timeNs: number): void {
    this.targetTsc = value;
    this.timer.cancel();
    if (value === 0n) return;
    if (leftNs < furthestNs) this.timer.setDue(timeNs + (leftNs > 0n ? Number(leftNs) : 0));
  }

  /** Stops: as a change to or from TSC-deadline mode does. */
  disarm(): void {
    this.initialCount = 0;
    this.targetTsc = 0n;
    this.timer.cancel();
  }

  /** After it was due at `dueNs`: a periodic timer goes on. */
  expire(dueNs: number, mode: number): void {
    this.targetTsc = 0n;
    if (mode !== timerMode.periodic || this.initialCount === 0) return;
    const periodNs = this.initialCount * divisorOf(this.divide);
    this.timer.setDue(dueNs + Math.max(periodNs, shortestPeriodNs));
  }

  reset(): void {
    this.disarm();
    this.divide = 0;
  }

  save(): StateNode {
    const { initialCount, divide, targetTsc } = this;
    return { initialCount, divide, targetTsc };
  }

  restore(record: StateRecord): void {
    this.initialCount = record.count('initialCount', 0xffffffff);
    this.divide = record.count('divide', divideBits);
    this.targetTsc = record.bigint('targetTsc');
  }
}
