/** ACPI power management: PM1 events and control, the PM timer, the reset register. */
import type { InspectedValue } from '../../machine/inspect';
import type { Timer, TimerSource } from '../../machine/timer-queue';
import {
  portCount,
  powerManagement as offsets,
  resetPortValue,
  softOffSleepType,
} from '../../spec/pc/board';
import {
  gpe0EnableMask,
  pm1Control,
  pm1EnableMask,
  pm1Status,
  pmTimerHz,
} from '../../spec/pc/power-management';
import { restoreFlat, saveFlat } from '../../support/flat-state';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import type { Chip } from './chip';
import { nsOfTick, ticksAt } from './clock-ticks';
import type { InterruptLine } from './interrupt-line';
import type { ByteRegisters, PortDevice } from './port-device';
import { ByteWidePorts } from './port-device';

const versionOfState = 1;

/** What power management is wired to. */
export interface PowerManagementWiring {
  readonly timers: TimerSource;
  nowNs(): number;
  /** The system control interrupt. */
  readonly interrupt: InterruptLine;
  /** The guest turns itself off. */
  turnOff(): void;
  resetMachine(): void;
}

const afterReset = {
  status: 0,
  enable: 0,
  /** There is no SMI handler that would switch: the machine is in ACPI mode from the start. */
  control: pm1Control.SCI_EN as number, // with other bits later
  gpe0Enable: 0,
  /** Half periods of the PM timer that status bit 0 has taken into account. */
  halfPeriodsSeen: 0,
};

/** The top bit of the timer toggles every 2^31 ticks, and that is what its status bit reports (ACPI 4.8.3.1.1). */
const halfPeriodTicks = 2 ** 31;

/** The PM timer is a function of virtual time: no reset sets it back. */
export class PowerManagement implements Chip, ByteRegisters {
  readonly name = 'power management';
  /** All but the timer is read and written byte by byte. */
  readonly ports: PortDevice;
  private state = { ...afterReset };
  private readonly timer: Timer;

  constructor(private readonly wiring: PowerManagementWiring) {
    this.timer = wiring.timers.createTimer('PM timer', (dueNs) => {
      this.noticeHalfPeriods(dueNs);
      this.update(dueNs);
    });
    const bytes = new ByteWidePorts(this, portCount.powerManagement);
    this.ports = {
      name: this.name,
      writePort: (offset, sizeBytes, value) => bytes.writePort(offset, sizeBytes, value),
      readPort: (offset, sizeBytes) =>
        offset === offsets.timer && sizeBytes === 4
          ? this.ticks
          : bytes.readPort(offset, sizeBytes),
    };
  }

  /** A person pressed the power button: a guest in ACPI mode decides what that means. */
  pressPowerButton(): void {
    this.state.status |= pm1Status.PWRBTN_STS;
    this.update(this.wiring.nowNs());
  }

  readByte(offset: number): number {
    const { state } = this;
    this.noticeHalfPeriods(this.wiring.nowNs());
    const register = offset & ~1;
    const byteOf = (value: number): number => (value >> (8 * (offset & 1))) & 0xff;
    switch (register) {
      case offsets.pm1Status:
        return byteOf(state.status);
      case offsets.pm1Enable:
        return byteOf(state.enable);
      case offsets.pm1Control:
        return byteOf(state.control);
      case offsets.timer:
      case offsets.timer + 2:
        return (this.ticks >>> (8 * (offset - offsets.timer))) & 0xff;
      case offsets.gpe0Enable:
        return byteOf(state.gpe0Enable);
      default:
        return 0;
    }
  }

  writeByte(offset: number, value: number): void {
    const { state } = this;
    const nowNs = this.wiring.nowNs();
    this.noticeHalfPeriods(nowNs);
    const shift = 8 * (offset & 1);
    const merged = (old: number): number => (old & ~(0xff << shift)) | (value << shift);
    switch (offset & ~1) {
      case offsets.pm1Status:
        state.status &= ~(value << shift);
        break;
      case offsets.pm1Enable:
        state.enable = merged(state.enable) & pm1EnableMask;
        break;
      case offsets.pm1Control:
        this.writeControl(merged(state.control));
        break;
      case offsets.gpe0Enable:
        state.gpe0Enable = merged(state.gpe0Enable) & gpe0EnableMask;
        break;
      default:
        if (offset === offsets.reset && value === resetPortValue) this.wiring.resetMachine();
    }
    this.update(nowNs);
  }

  reset(): void {
    const { halfPeriodsSeen } = this.state;
    this.state = { ...afterReset, halfPeriodsSeen };
    this.timer.cancel();
    this.wiring.interrupt.set(false);
  }

  save(): StateNode {
    return { version: versionOfState, ...saveFlat(this.state) };
  }

  restore(record: StateRecord): void {
    record.expectVersion(versionOfState);
    this.state = restoreFlat(record, afterReset);
  }

  inspect(): readonly InspectedValue[] {
    const { status, enable, control, gpe0Enable } = this.state;
    return [
      { name: 'PM1_STS', value: status },
      { name: 'PM1_EN', value: enable },
      { name: 'PM1_CNT', value: control },
      { name: 'PM_TMR', value: this.ticks },
      { name: 'GPE0_EN', value: gpe0Enable },
    ];
  }

  private get ticks(): number {
    return ticksAt(this.wiring.nowNs(), pmTimerHz) % 2 ** 32;
  }

  private noticeHalfPeriods(nowNs: number): void {
    const halfPeriods = Math.floor(ticksAt(nowNs, pmTimerHz) / halfPeriodTicks);
    if (halfPeriods <= this.state.halfPeriodsSeen) return;
    this.state.halfPeriodsSeen = halfPeriods;
    this.state.status |= pm1Status.TMR_STS;
  }

  private writeControl(value: number): void {
    const { SCI_EN, BM_RLD, SLP_TYP_shift, SLP_TYP_mask, SLP_EN } = pm1Control;
    const sleepType = (value >> SLP_TYP_shift) & SLP_TYP_mask;
    // SCI_EN belongs to the firmware (ACPI 4.8.3.2.1).
    this.state.control = SCI_EN | (value & (BM_RLD | (SLP_TYP_mask << SLP_TYP_shift)));
    if (value & SLP_EN && sleepType === softOffSleepType) this.wiring.turnOff();
  }

  private update(nowNs: number): void {
    const { status, enable, halfPeriodsSeen } = this.state;
    this.wiring.interrupt.set((status & enable) !== 0);
    if (!(enable & pm1Status.TMR_STS)) this.timer.cancel();
    else this.timer.setDue(Math.max(nowNs, this.halfPeriodNs(halfPeriodsSeen + 1)));
  }

  private halfPeriodNs(halfPeriod: number): number {
    return nsOfTick(halfPeriod * halfPeriodTicks, pmTimerHz);
  }
}
