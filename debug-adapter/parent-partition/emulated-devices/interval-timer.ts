/** The 8254 interval timer: three counters, of which the first asks for interrupts. */
import type { InspectedValue } from '../../machine/inspect';
import type { Timer, TimerSource } from '../../machine/timer-queue';
import {
  controlWord,
  controlWordOffset,
  counterAccess,
  counters,
  intervalTimerHz,
  readBack,
} from '../../spec/pc/interval-timer';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import { present } from '../../support/assert';
import { UserError } from '../../support/user-error';
import type { Chip } from './chip';
import { nsOfTick, ticksAt } from './clock-ticks';
import type { InterruptLine } from './interrupt-line';
import { IntervalTimerCounter } from './interval-timer-counter';
import type { ByteRegisters } from './port-device';

const versionOfState = 1;

/** What the timer is wired to. */
export interface IntervalTimerWiring {
  readonly timers: TimerSource;
  nowNs(): number;
  /** The output of counter 0. */
  readonly output: InterruptLine;
}

/** The gates of counters 0 and 1 are always high; that of counter 2 belongs to port 61h. */
export class IntervalTimer implements Chip, ByteRegisters {
  readonly name = 'interval timer';
  private readonly counters = Array.from(
    { length: counters },
    (_, index) => new IntervalTimerCounter(index !== 2),
  );
  private readonly timer: Timer;

  constructor(private readonly wiring: IntervalTimerWiring) {
    this.timer = wiring.timers.createTimer(this.name, (dueNs) => this.rise(dueNs));
  }

  readByte(offset: number): number {
    // The control word cannot be read; its port is not driven.
    if (offset === controlWordOffset) return 0xff;
    return this.counter(offset).readByte(this.tick);
  }

  writeByte(offset: number, value: number): void {
    if (offset === controlWordOffset) this.writeControl(value);
    else this.counter(offset).writeByte(value, this.tick);
    this.followOutput();
  }

  /** Output of counter 2, for port 61h. */
  get speakerOutput(): boolean {
    return this.counter(2).output(this.tick);
  }

  /** Gate of counter 2, from port 61h. */
  set speakerGate(level: boolean) {
    this.counter(2).setGate(level, this.tick);
  }

  reset(): void {
    for (const counter of this.counters) counter.reset();
    this.timer.cancel();
    this.wiring.output.set(false);
  }

  save(): StateNode {
    return { version: versionOfState, counters: this.counters.map((counter) => counter.save()) };
  }

  restore(record: StateRecord): void {
    record.expectVersion(versionOfState);
    const saved = record.records('counters');
    if (saved.length !== counters) {
      throw new UserError('saved-state-timer', 'The saved interval timer has other counters.');
    }
    saved.forEach((counter, index) => this.counter(index).restore(counter));
  }

  inspect(): readonly InspectedValue[] {
    const { tick } = this;
    const copies = this.counters.map((counter) => counter.copy());
    return copies.flatMap((counter, index) => [
      { name: `counter ${index}: mode`, value: counter.mode },
      { name: `counter ${index}: initial count`, value: counter.count },
      { name: `counter ${index}: count`, value: counter.value(tick) },
      { name: `counter ${index}: OUT`, value: counter.output(tick) },
      { name: `counter ${index}: GATE`, value: counter.gate },
    ]);
  }

  private get tick(): number {
    return ticksAt(this.wiring.nowNs(), intervalTimerHz);
  }

  private counter(index: number): IntervalTimerCounter {
    return present(this.counters[index], 'counter of the interval timer');
  }

  private writeControl(value: number): void {
    const selected = value >> controlWord.counterShift;
    if (selected === controlWord.readBack) return this.readBack(value);
    const access = (value >> controlWord.accessShift) & 3;
    if (access === counterAccess.latch) this.counter(selected).latchCount(this.tick);
    else this.counter(selected).writeControl(value);
  }

  private readBack(command: number): void {
    const { tick } = this;
    this.counters.forEach((counter, index) => {
      if (!(command & (1 << (index + readBack.countersShift)))) return;
      if (!(command & readBack.notCount)) counter.latchCount(tick);
      if (!(command & readBack.notStatus)) counter.latchStatus(tick);
    });
  }

  private followOutput(): void {
    const { tick } = this;
    this.wiring.output.set(this.counter(0).output(tick));
    this.setTimer(tick);
  }

  private setTimer(tick: number): void {
    const rise = this.counter(0).nextRise(tick);
    if (rise === undefined) this.timer.cancel();
    else this.timer.setDue(nsOfTick(rise, intervalTimerHz));
  }

  /** Between rises the wire is left as it was; only edges matter to what it is wired to. */
  private rise(dueNs: number): void {
    const tick = ticksAt(dueNs, intervalTimerHz);
    this.wiring.output.set(false);
    this.wiring.output.set(true);
    this.setTimer(tick);
  }
}
