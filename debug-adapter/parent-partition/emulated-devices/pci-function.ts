/** The configuration space of one PCI function, made from its description. */
import type { InspectedValue } from '../../machine/inspect';
import { configSpaceBytes, type PciFunctionDescription } from '../../spec/pc/pci';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import type { Chip } from './chip';
import { openBusByte } from './port-device';

const versionOfState = 1;

export class PciFunction implements Chip {
  readonly name: string;
  /** Device and function number as one, as buses address them. */
  readonly devfn: number;
  private readonly space = new Uint8Array(configSpaceBytes);
  private readonly writable = new Uint8Array(configSpaceBytes);

  constructor(private readonly description: PciFunctionDescription) {
    this.name = description.name;
    this.devfn = (description.device << 3) | description.function;
    const view = new DataView(this.writable.buffer);
    for (const { offset, writable } of description.words) view.setUint32(offset, writable, true);
    this.reset();
  }

  readByte(register: number): number {
    return this.space[register] ?? openBusByte;
  }

  writeByte(register: number, value: number): void {
    const mask = this.writable[register] ?? 0;
    this.space[register] = (this.readByte(register) & ~mask) | (value & mask);
  }

  reset(): void {
    const view = new DataView(this.space.buffer);
    for (const { offset, value } of this.description.words) view.setUint32(offset, value, true);
  }

  save(): StateNode {
    return { version: versionOfState, space: this.space.slice() };
  }

  restore(record: StateRecord): void {
    record.expectVersion(versionOfState);
    this.space.set(record.bytes('space', configSpaceBytes));
  }

  inspect(): readonly InspectedValue[] {
    const view = new DataView(this.space.buffer);
    return this.description.words.map(({ offset }) => ({
      name: `register 0x${offset.toString(16)}`,
      value: view.getUint32(offset, true),
    }));
  }
}
