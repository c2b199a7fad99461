/** Port 92h: a fast reset, and another gate of address line 20, which has no effect here. */
import type { InspectedValue } from '../../machine/inspect';
import { systemControlA } from '../../spec/pc/keyboard-controller';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import type { Chip } from './chip';
import type { ByteRegisters } from './port-device';

const versionOfState = 1;

export class FastResetPort implements Chip, ByteRegisters {
  readonly name = 'fast reset port';
  private value: number = systemControlA.a20;

  constructor(private readonly resetMachine: () => void) {}

  readByte(): number {
    return this.value;
  }

  writeByte(_offset: number, value: number): void {
    const before = this.value;
    this.value = value & (systemControlA.reset | systemControlA.a20);
    if (value & ~before & systemControlA.reset) this.resetMachine();
  }

  reset(): void {
    this.value = systemControlA.a20;
  }

  save(): StateNode {
    return { version: versionOfState, value: this.value };
  }

  restore(record: StateRecord): void {
    record.expectVersion(versionOfState);
    this.value = record.number('value') & 3;
  }

  inspect(): readonly InspectedValue[] {
    return [{ name: 'port 92h', value: this.value }];
  }
}
