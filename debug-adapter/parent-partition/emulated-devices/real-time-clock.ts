/** The MC146818A real-time clock and the CMOS memory of a PC. */
import type { InspectedValue } from '../../machine/inspect';
import type { Timer, TimerSource } from '../../machine/timer-queue';
import {
  alarmDoesNotCare,
  cmosBytes,
  cmosIndexMask,
  crystalHz,
  initialRegisterA,
  initialRegisterB,
  registerA,
  registerB,
  registerC,
  registerD,
  rtcRegister,
  updateWarningNs,
} from '../../spec/pc/real-time-clock';
import { restoreFlat, saveFlat } from '../../support/flat-state';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import type { Chip } from './chip';
import { nsOfTick, ticksAt } from './clock-ticks';
import type { InterruptLine } from './interrupt-line';
import type { ByteRegisters } from './port-device';
import {
  decodeAlarmByte,
  decodeTime,
  encodeTimeByte,
  nextAlarm,
  timeIndexes,
  type AlarmTime,
} from './time-registers';

const versionOfState = 1;
const second = 1_000_000_000;

/** After the divider is let go, the first update comes half a second later (data sheet, "Divider Control Bits"). */
const firstUpdateNs = second / 2;

/** What the clock is wired to, and what it holds at power-on. */
export interface RealTimeClockWiring {
  readonly timers: TimerSource;
  nowNs(): number;
  readonly interrupt: InterruptLine;
  /** Time of day at virtual time 0, in seconds since 1970-01-01. */
  readonly powerOnUnixSeconds: number;
  /** The battery-backed memory as firmware leaves it; at most 128 bytes count. */
  readonly memory: Uint8Array;
}

/** Flags that can interrupt; they are in the places of their enable bits in register B. */
const interruptFlags = registerC.PF | registerC.AF | registerC.UF;

function dividerRuns(A: number): boolean {
  return ((A >> registerA.dividerShift) & registerA.dividerMask) === registerA.dividerRuns;
}

function isRunning(A: number, B: number): boolean {
  return dividerRuns(A) && !(B & registerB.SET);
}

/**
 * Flags are worked out from the clock when someone looks. Only where an enabled one would interrupt is a timer set.
 * A reset leaves the time, the alarm and the memory as they are: the battery keeps them.
 */
export class RealTimeClock implements Chip, ByteRegisters {
  readonly name = 'real-time clock';
  private state = {
    index: 0,
    A: initialRegisterA,
    B: initialRegisterB as number, // with other bits later
    /** Register C without IRQF. */
    flags: 0,
    /** Flags are right up to this moment. */
    noticedNs: 0,
    /** The moment at which second `baseSeconds` began. While the clock stands, seconds still begin in its rhythm. */
    baseNs: 0,
    baseSeconds: 0,
  };
  /** Time bytes are valid here only while the clock stands. */
  private readonly memory = new Uint8Array(cmosBytes);
  private readonly timer: Timer;

  constructor(private readonly wiring: RealTimeClockWiring) {
    this.timer = wiring.timers.createTimer(this.name, (dueNs) => {
      this.notice(dueNs);
      this.update(dueNs);
    });
    this.state.baseSeconds = wiring.powerOnUnixSeconds;
    this.memory.set(wiring.memory.subarray(0, cmosBytes));
  }

  readByte(offset: number): number {
    // The index cannot be read back.
    if (offset === 0) return 0xff;
    const nowNs = this.wiring.nowNs();
    this.notice(nowNs);
    const { index } = this.state;
    const value = this.registerAt(index, nowNs);
    if (index === rtcRegister.C) {
      this.state.flags = 0;
      this.update(nowNs);
    }
    return value;
  }

  writeByte(offset: number, value: number): void {
    const { state } = this;
    if (offset === 0) {
      state.index = value & cmosIndexMask;
      return;
    }
    const nowNs = this.wiring.nowNs();
    this.notice(nowNs);
    switch (state.index) {
      case rtcRegister.A:
        this.control(value & registerA.writable, state.B, nowNs);
        break;
      case rtcRegister.B:
        // SET switches update interrupts off (data sheet, "Register B").
        this.control(state.A, value & registerB.SET ? value & ~registerB.UIE : value, nowNs);
        break;
      case rtcRegister.C:
      case rtcRegister.D:
        break;
      default:
        this.writeMemory(state.index, value, nowNs);
    }
    this.update(nowNs);
  }

  reset(): void {
    const { state } = this;
    state.index = 0;
    state.B &= ~(registerB.PIE | registerB.AIE | registerB.UIE | registerB.SQWE);
    state.flags = 0;
    this.timer.cancel();
    this.wiring.interrupt.set(false);
  }

  save(): StateNode {
    return { version: versionOfState, ...saveFlat(this.state), memory: this.memory.slice() };
  }

  restore(record: StateRecord): void {
    record.expectVersion(versionOfState);
    this.state = restoreFlat(record, this.state);
    this.memory.set(record.bytes('memory', cmosBytes));
  }

  inspect(): readonly InspectedValue[] {
    const nowNs = this.wiring.nowNs();
    const at = (index: number): number => this.registerAt(index, nowNs);
    return [
      { name: 'index', value: this.state.index },
      { name: 'A', value: at(rtcRegister.A) },
      { name: 'B', value: at(rtcRegister.B) },
      { name: 'C', value: at(rtcRegister.C) },
      { name: 'hours', value: at(rtcRegister.hours) },
      { name: 'minutes', value: at(rtcRegister.minutes) },
      { name: 'seconds', value: at(rtcRegister.seconds) },
      { name: 'day', value: at(rtcRegister.dayOfMonth) },
      { name: 'month', value: at(rtcRegister.month) },
      { name: 'year', value: at(rtcRegister.year) },
    ];
  }

  private get isRunning(): boolean {
    return isRunning(this.state.A, this.state.B);
  }

  private registerAt(index: number, nowNs: number): number {
    const { A, B, flags } = this.state;
    switch (index) {
      case rtcRegister.A:
        return A | (this.isUpdateNear(nowNs) ? registerA.UIP : 0);
      case rtcRegister.B:
        return B;
      case rtcRegister.C:
        return flags | (flags & B & interruptFlags ? registerC.IRQF : 0);
      case rtcRegister.D:
        return registerD.VRT;
      default:
        if (this.isRunning && timeIndexes.includes(index)) {
          return encodeTimeByte(index, this.secondsAt(nowNs), B);
        }
        return this.memory[index] ?? 0;
    }
  }

  private secondsAt(nowNs: number): number {
    return this.state.baseSeconds + Math.floor((nowNs - this.state.baseNs) / second);
  }

  private nsOfSecond(unixSeconds: number): number {
    return this.state.baseNs + (unixSeconds - this.state.baseSeconds) * second;
  }

  private isUpdateNear(nowNs: number): boolean {
    const left = this.nsOfSecond(this.secondsAt(nowNs) + 1) - nowNs;
    return this.isRunning && left <= updateWarningNs;
  }

  /** A running clock takes a new byte between two updates: it stands for that moment. */
  private writeMemory(index: number, value: number, nowNs: number): void {
    const isTime = timeIndexes.includes(index);
    if (isTime && this.isRunning) {
      this.stand(nowNs);
      this.memory[index] = value;
      this.go(nowNs);
    } else this.memory[index] = value;
  }

  /** A clock that runs on keeps its time where B changes the format; one that stands keeps its bytes. */
  private control(A: number, B: number, nowNs: number): void {
    const { state } = this;
    const before = { ...state };
    const runsOn = isRunning(A, B);
    if (isRunning(before.A, before.B) && !runsOn) this.stand(nowNs);
    state.A = A;
    state.B = B;
    if (dividerRuns(A) && !dividerRuns(before.A)) state.baseNs = nowNs - firstUpdateNs;
    if (runsOn && !isRunning(before.A, before.B)) this.go(nowNs);
  }

  /** Puts the time into the bytes. */
  private stand(nowNs: number): void {
    const now = this.secondsAt(nowNs);
    for (const index of timeIndexes) this.memory[index] = encodeTimeByte(index, now, this.state.B);
  }

  /** Takes the time from the bytes; the present second is the one they say. */
  private go(nowNs: number): void {
    const { state } = this;
    const begunSeconds = Math.floor((nowNs - state.baseNs) / second);
    state.baseNs += begunSeconds * second;
    state.baseSeconds = decodeTime((index) => this.memory[index] ?? 0, state.B);
  }

  /** Ticks of the crystal between periodic interrupts; undefined where there are none. */
  private get periodTicks(): number | undefined {
    const rate = this.state.A & registerA.rateMask;
    if (rate === 0 || !dividerRuns(this.state.A)) return undefined;
    // The two fastest rates cannot be had from this crystal and give slower ones (data sheet, table 5).
    return 2 ** ((rate < 3 ? rate + 7 : rate) - 1);
  }

  private get alarm(): AlarmTime {
    const part = (index: number): number | undefined => {
      const byte = this.memory[index] ?? 0;
      return byte >= alarmDoesNotCare ? undefined : decodeAlarmByte(index, byte, this.state.B);
    };
    return {
      hours: part(rtcRegister.hoursAlarm),
      minutes: part(rtcRegister.minutesAlarm),
      seconds: part(rtcRegister.secondsAlarm),
    };
  }

  /** Sets the flags of what has happened since they were last looked at. */
  private notice(nowNs: number): void {
    const { state, periodTicks } = this;
    const before = state.noticedNs;
    if (nowNs <= before) return;
    state.noticedNs = nowNs;
    if (periodTicks !== undefined) {
      const periods = (at: number): number => Math.floor(ticksAt(at, crystalHz) / periodTicks);
      if (periods(nowNs) > periods(before)) state.flags |= registerC.PF;
    }
    if (!this.isRunning) return;
    const [last, now] = [this.secondsAt(before), this.secondsAt(nowNs)];
    if (now === last) return;
    state.flags |= registerC.UF;
    const next = nextAlarm(last, this.alarm);
    if (next !== undefined && next <= now) state.flags |= registerC.AF;
  }

  private update(nowNs: number): void {
    const { flags, B, noticedNs } = this.state;
    const isAsserted = (flags & B & interruptFlags) !== 0;
    this.wiring.interrupt.set(isAsserted);
    // While the wire is up nothing more can interrupt; reading register C brings the next timer.
    const next = isAsserted ? Infinity : this.nextInterruptNs(Math.max(nowNs, noticedNs));
    if (next === Infinity) this.timer.cancel();
    else this.timer.setDue(next);
  }

  private nextInterruptNs(fromNs: number): number {
    const { B } = this.state;
    const { periodTicks } = this;
    let next = Infinity;
    if (B & registerB.PIE && periodTicks !== undefined) {
      const period = Math.floor(ticksAt(fromNs, crystalHz) / periodTicks) + 1;
      next = nsOfTick(period * periodTicks, crystalHz);
    }
    if (!this.isRunning) return next;
    const now = this.secondsAt(fromNs);
    if (B & registerB.UIE) next = Math.min(next, this.nsOfSecond(now + 1));
    if (B & registerB.AIE) {
      const alarm = nextAlarm(now, this.alarm);
      if (alarm !== undefined) next = Math.min(next, this.nsOfSecond(alarm));
    }
    return next;
  }
}
