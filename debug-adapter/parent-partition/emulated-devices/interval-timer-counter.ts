/** One counter of an 8254: what it counts and puts out, as a function of the tick at which it is asked. */
import { controlWord, counterAccess, counterStatus } from '../../spec/pc/interval-timer';
import { restoreFlat, saveFlat } from '../../support/flat-state';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';

/** Stands for a latch that is empty, and for a counter whose gate does not hold it. */
const none = -1;

const afterReset = {
  /** 0 to 5. */
  mode: 0,
  access: counterAccess.bothBytes as number, // one of counterAccess
  isBcd: false,
  gate: true,
  /** The count in effect, 1 to 65,536; 0 where none has been loaded. */
  count: 0,
  /** Tick at which the counting element was loaded with `count`. */
  startTick: 0,
  /** Mode 3: the first half-cycle after `startTick` is the low one. */
  startsLow: false,
  /** Ticks that had passed when the gate stopped the counter. */
  heldElapsed: none,
  /** The count register, 1 to 65,536; 0 where nothing was written since the control word. */
  register: 0,
  /** The register waits for a trigger or the end of a cycle ("null count"), since this tick. */
  pendingTick: none,
  firstByte: 0,
  expectsHighByte: false,
  readsHighByte: false,
  latchedCount: none,
  latchedStatus: none,
};

type State = typeof afterReset;

const toBcd = (value: number): number => Number.parseInt(String(value % 10_000), 16);

function fromBcd(value: number): number {
  return [12, 8, 4, 0].reduce((sum, shift) => sum * 10 + ((value >> shift) & 0xf), 0);
}

/** Modes by what their gate and their count register do (8254 data sheet, "Mode Definitions"). */
const isPeriodic = (mode: number): boolean => mode === 2 || mode === 3;
const isTriggered = (mode: number): boolean => mode === 1 || mode === 5;

export class IntervalTimerCounter {
  private state: State;

  constructor(private readonly initialGate: boolean) {
    this.state = { ...afterReset, gate: initialGate };
  }

  /** Another counter in the same state, for looking ahead without moving this one. */
  copy(): IntervalTimerCounter {
    const copy = new IntervalTimerCounter(this.initialGate);
    copy.state = { ...this.state };
    return copy;
  }

  /** The control word for this counter; the count is undefined until one is written. */
  writeControl(value: number): void {
    const mode = (value >> controlWord.modeShift) & 7;
    this.state = {
      ...afterReset,
      gate: this.state.gate,
      // 110 and 111 are further names of modes 2 and 3.
      mode: mode > 5 ? mode - 4 : mode,
      access: (value >> controlWord.accessShift) & 3,
      isBcd: (value & controlWord.BCD) !== 0,
    };
  }

  writeByte(value: number, tick: number): void {
    const { state } = this;
    this.settle(tick);
    if (state.access === counterAccess.lowByte) return this.writeRegister(value, tick);
    if (state.access === counterAccess.highByte) return this.writeRegister(value << 8, tick);
    state.expectsHighByte = !state.expectsHighByte;
    if (!state.expectsHighByte) return this.writeRegister(state.firstByte | (value << 8), tick);
    state.firstByte = value;
    // The first byte stops a counter in mode 0 and takes its output low.
    if (state.mode === 0) state.count = 0;
  }

  readByte(tick: number): number {
    const { state } = this;
    if (state.latchedStatus !== none) {
      const status = state.latchedStatus;
      state.latchedStatus = none;
      return status;
    }
    const value = state.latchedCount === none ? this.value(tick) : state.latchedCount;
    const isHigh = state.access === counterAccess.highByte || state.readsHighByte;
    if (state.access === counterAccess.bothBytes) state.readsHighByte = !state.readsHighByte;
    if (!state.readsHighByte) state.latchedCount = none;
    return isHigh ? value >> 8 : value & 0xff;
  }

  /** A second latch before the first was read does nothing. */
  latchCount(tick: number): void {
    if (this.state.latchedCount === none) this.state.latchedCount = this.value(tick);
  }

  latchStatus(tick: number): void {
    const { state } = this;
    if (state.latchedStatus !== none) return;
    const output = this.output(tick) ? counterStatus.output : 0;
    const isNull = state.count === 0 || state.pendingTick !== none || tick < state.startTick;
    state.latchedStatus =
      output |
      (isNull ? counterStatus.nullCount : 0) |
      (state.access << controlWord.accessShift) |
      (state.mode << controlWord.modeShift) |
      (state.isBcd ? controlWord.BCD : 0);
  }

  get gate(): boolean {
    return this.state.gate;
  }

  setGate(level: boolean, tick: number): void {
    const { state } = this;
    this.settle(tick);
    if (level === state.gate) return;
    state.gate = level;
    if (isTriggered(state.mode) || isPeriodic(state.mode)) {
      if (level && state.register !== 0) return this.load(tick);
      if (!level && isPeriodic(state.mode)) state.heldElapsed = this.elapsed(tick);
      return;
    }
    if (!level) state.heldElapsed = this.elapsed(tick);
    else if (state.heldElapsed !== none) {
      state.startTick = tick - state.heldElapsed;
      state.heldElapsed = none;
    }
  }

  output(tick: number): boolean {
    this.settle(tick);
    const { mode, count, startTick, gate } = this.state;
    if (count === 0) return mode !== 0;
    const elapsed = this.elapsed(tick);
    switch (mode) {
      case 0:
        return elapsed >= count;
      case 1:
        return tick < startTick || elapsed >= count;
      case 2:
        return !gate || elapsed % count !== count - 1;
      case 3:
        return !gate || this.isHighHalf(elapsed % count);
      default:
        return elapsed !== count;
    }
  }

  /** The first tick after `tick` at which the output rises, as things stand. */
  nextRise(tick: number): number | undefined {
    this.settle(tick);
    const { mode, count, startTick, heldElapsed } = this.state;
    if (count === 0 || heldElapsed !== none) return undefined;
    if (isPeriodic(mode)) return this.nextPeriodicRise(tick);
    const rise = startTick + count + (mode >= 4 ? 1 : 0);
    return rise > tick ? rise : undefined;
  }

  /** What a read of the counter would find, in binary or BCD. */
  value(tick: number): number {
    this.settle(tick);
    const { mode, count, isBcd } = this.state;
    if (count === 0) return 0;
    const elapsed = this.elapsed(tick);
    const modulus = isBcd ? 10_000 : 0x1_0000;
    let value: number;
    if (mode === 2) value = count - (elapsed % count);
    else if (mode === 3) value = this.squareWaveValue(elapsed % count);
    else value = modulus - ((((elapsed - count) % modulus) + modulus) % modulus);
    return isBcd ? toBcd(value) : value & 0xffff;
  }

  get mode(): number {
    return this.state.mode;
  }

  get count(): number {
    return this.state.count;
  }

  reset(): void {
    this.state = { ...afterReset, gate: this.initialGate };
  }

  save(): StateNode {
    return saveFlat(this.state);
  }

  restore(record: StateRecord): void {
    this.state = restoreFlat(record, afterReset);
  }

  private writeRegister(raw: number, tick: number): void {
    const { state } = this;
    const count = state.isBcd ? fromBcd(raw) : raw;
    const whole = count === 0 ? (state.isBcd ? 10_000 : 0x1_0000) : count;
    // A periodic mode cannot count from 1.
    state.register = isPeriodic(state.mode) ? Math.max(2, whole) : whole;
    const waits = isTriggered(state.mode) || (isPeriodic(state.mode) && state.count !== 0);
    if (waits) state.pendingTick = tick;
    else this.load(tick);
  }

  /** The counting element takes the register at the next tick. */
  private load(tick: number): void {
    const { state } = this;
    state.count = state.register;
    state.startTick = tick + 1;
    state.startsLow = false;
    state.pendingTick = none;
    state.heldElapsed = state.gate || isTriggered(state.mode) ? none : 0;
  }

  private elapsed(tick: number): number {
    const { heldElapsed, startTick } = this.state;
    return heldElapsed === none ? Math.max(0, tick - startTick) : heldElapsed;
  }

  /** Ticks of the first half-cycle of mode 3; the high half has the odd one. */
  private get firstHalf(): number {
    const { count, startsLow } = this.state;
    return startsLow ? count >> 1 : (count + 1) >> 1;
  }

  private isHighHalf(phase: number): boolean {
    return phase < this.firstHalf !== this.state.startsLow;
  }

  /** Counts down by two from the count, or from one less than an odd count, in either half. */
  private squareWaveValue(phase: number): number {
    const { firstHalf } = this;
    const passed = phase < firstHalf ? phase : phase - firstHalf;
    return (this.state.count & ~1) - 2 * passed;
  }

  /** The end of the cycle (mode 2) or half-cycle (mode 3) that runs at `tick`. */
  private cycleEnd(tick: number): number {
    const { mode, count, startTick } = this.state;
    const elapsed = this.elapsed(tick);
    const phase = elapsed % count;
    const isFirstHalf = mode === 3 && phase < this.firstHalf;
    return startTick + elapsed - phase + (isFirstHalf ? this.firstHalf : count);
  }

  /** A count written to a periodic counter takes effect where its cycle ends, if that has been reached. */
  private settle(tick: number): void {
    const { state } = this;
    const { pendingTick, heldElapsed, mode } = state;
    if (pendingTick === none || heldElapsed !== none || !isPeriodic(mode)) return;
    const end = this.cycleEnd(pendingTick);
    if (end > tick) return;
    state.startsLow = mode === 3 && !this.isHighHalf((end - state.startTick) % state.count);
    state.startTick = end;
    state.count = state.register;
    state.pendingTick = none;
  }

  private nextPeriodicRise(tick: number): number {
    const { mode, count, startTick, startsLow, pendingTick, register } = this.state;
    if (mode === 3 && pendingTick !== none) {
      const end = this.cycleEnd(pendingTick);
      const isHighNext = this.isHighHalf((end - startTick) % count);
      return isHighNext ? end : end + (register >> 1);
    }
    const firstRise = startTick + (mode === 3 && startsLow ? count >> 1 : count);
    if (firstRise > tick) return firstRise;
    return firstRise + (Math.floor((tick - firstRise) / count) + 1) * count;
  }
}
