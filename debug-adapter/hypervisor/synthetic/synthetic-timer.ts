/** Synthetic timers (TLFS 12.5): one-shot at a reference time, or periodic; by an interrupt or by a message. */
import { syntheticTimerConfiguration as fields } from '../../spec/tlfs/synthetic-timers';
import { timerMessage } from '../../spec/tlfs/synic';
import type { Timer } from '../../machine/timer-queue';
import { extractBits, insertBits } from '../../support/bit-field';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import { writeField } from '../../support/struct-layout';
import { referenceTime, referenceUnitNs } from './reference-time';

/** A shorter period is stretched to this, so that a guest cannot keep its host busy with its timers alone. */
const shortestPeriodNs = 10_000;
/** Moments further away than a clock of this machine can count never come. */
const furthestUnits = 2n ** 52n / BigInt(referenceUnitNs);
/** Lower vectors are those of exceptions (SDM vol. 3, 11.5.2). */
const firstVector = 0x10n;

function inNanoseconds(units: bigint): number | undefined {
  return units > furthestUnits ? undefined : Number(units) * referenceUnitNs;
}

const isDirect = (configuration: bigint): boolean =>
  extractBits(configuration, fields.directMode) === 1n;

/** Whether a timer has somewhere to fire: a vector that a local APIC takes, or a SINT other than 0 (TLFS 12.5.1). */
function hasTarget(configuration: bigint): boolean {
  return isDirect(configuration)
    ? extractBits(configuration, fields.apicVector) >= firstVector
    : extractBits(configuration, fields.sint) !== 0n;
}

/** Where a timer fires. */
export interface TimerTarget {
  /** Direct mode. */
  interrupt(vector: number): void;
  /** @param payload of a message of type HvMessageTimerExpired; its delivery time is yet to come */
  message(sint: number, payload: Uint8Array): void;
}

export class SyntheticTimer {
  private configuration = 0n;
  private countValue = 0n;

  /** @param index of the timers of its processor */
  constructor(
    private readonly index: number,
    private readonly timer: Timer,
    private readonly target: TimerTarget,
  ) {}

  /** HV_X64_MSR_STIMERn_CONFIG; the enable bit says whether the timer runs. */
  get config(): bigint {
    return this.configuration;
  }

  /** HV_X64_MSR_STIMERn_COUNT, as it was written. */
  get count(): bigint {
    return this.countValue;
  }

  /** @returns false where a reserved bit is set */
  writeConfig(value: bigint, timeNs: number): boolean {
    const isReserved = [fields.reserved15, fields.reserved63].some(
      (field) => extractBits(value, field) !== 0n,
    );
    if (isReserved) return false;
    this.configuration = value;
    if (!hasTarget(value)) this.setEnabled(false);
    this.start(timeNs);
    return true;
  }

  /** A count of 0 stops the timer; another one starts it where it is enabled, or enables itself. */
  writeCount(value: bigint, timeNs: number): void {
    this.countValue = value;
    const enablesItself = extractBits(this.configuration, fields.autoEnable) === 1n;
    if (value === 0n) this.setEnabled(false);
    else if (enablesItself && hasTarget(this.configuration)) this.setEnabled(true);
    this.start(timeNs);
  }

  /** After the queue has found it due, at `dueNs`. A one-shot timer is no longer enabled then. */
  expire(dueNs: number): void {
    if (this.isPeriodic) {
      const periodNs = inNanoseconds(this.countValue);
      if (periodNs !== undefined) this.timer.setDue(dueNs + Math.max(periodNs, shortestPeriodNs));
    } else this.setEnabled(false);
    this.fire(dueNs);
  }

  /** Stops without a trace in the registers: the partition has ended. */
  stop(): void {
    this.timer.cancel();
  }

  reset(): void {
    this.timer.cancel();
    this.configuration = 0n;
    this.countValue = 0n;
  }

  save(): StateNode {
    return { config: this.configuration, count: this.countValue };
  }

  /** When it is due is the queue's to save. */
  restore(record: StateRecord): void {
    this.configuration = record.bigint('config');
    this.countValue = record.bigint('count');
  }

  private fire(dueNs: number): void {
    const { configuration, target } = this;
    if (isDirect(configuration)) {
      target.interrupt(Number(extractBits(configuration, fields.apicVector)));
      return;
    }
    const payload = new Uint8Array(timerMessage.sizeBytes);
    writeField(timerMessage, payload, 'TimerIndex', BigInt(this.index));
    writeField(timerMessage, payload, 'ExpirationTime', referenceTime(dueNs));
    target.message(Number(extractBits(configuration, fields.sint)), payload);
  }

  private get isPeriodic(): boolean {
    return extractBits(this.configuration, fields.periodic) === 1n;
  }

  private setEnabled(isEnabled: boolean): void {
    this.configuration = insertBits(this.configuration, fields.enabled, isEnabled ? 1n : 0n);
  }

  private start(timeNs: number): void {
    this.timer.cancel();
    const isEnabled = extractBits(this.configuration, fields.enabled) === 1n;
    if (!isEnabled || this.countValue === 0n) return;
    const countNs = inNanoseconds(this.countValue);
    if (countNs === undefined) return;
    this.timer.setDue(this.isPeriodic ? timeNs + countNs : countNs);
  }
}
