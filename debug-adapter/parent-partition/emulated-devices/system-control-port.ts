/** Port 61h: the gate of the speaker's counter, its output, and the refresh toggle. */
import type { InspectedValue } from '../../machine/inspect';
import { refreshPeriodNs, systemControl } from '../../spec/pc/interval-timer';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import type { Chip } from './chip';
import type { IntervalTimer } from './interval-timer';
import type { ByteRegisters } from './port-device';

const versionOfState = 1;

const writable = systemControl.timer2Gate | systemControl.speakerData | systemControl.checkDisables;

/** No parity or channel check ever happens, so an NMI handler finds bits 7:6 clear. */
export class SystemControlPort implements Chip, ByteRegisters {
  readonly name = 'system control port';
  private control = 0;

  constructor(
    private readonly timer: Pick<IntervalTimer, 'speakerGate' | 'speakerOutput'>,
    private readonly nowNs: () => number,
  ) {}

  readByte(): number {
    const refreshes = Math.floor(this.nowNs() / refreshPeriodNs);
    return (
      this.control |
      (refreshes % 2 === 1 ? systemControl.refreshToggle : 0) |
      (this.timer.speakerOutput ? systemControl.timer2Output : 0)
    );
  }

  writeByte(_offset: number, value: number): void {
    this.control = value & writable;
    this.timer.speakerGate = (value & systemControl.timer2Gate) !== 0;
  }

  reset(): void {
    this.control = 0;
  }

  save(): StateNode {
    return { version: versionOfState, control: this.control };
  }

  restore(record: StateRecord): void {
    record.expectVersion(versionOfState);
    this.control = record.number('control') & writable;
  }

  inspect(): readonly InspectedValue[] {
    return [
      { name: 'counter 2 gate', value: (this.control & systemControl.timer2Gate) !== 0 },
      { name: 'speaker', value: (this.control & systemControl.speakerData) !== 0 },
    ];
  }
}
