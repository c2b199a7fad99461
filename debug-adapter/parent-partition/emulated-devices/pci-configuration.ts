/** Ports through which a guest reaches PCI configuration space, by mechanism #1 and #2, and the reset control register. */
import type { InspectedValue } from '../../machine/inspect';
import {
  configAddress,
  configPort,
  configSpaceEnable,
  pciFunctions,
  resetControl,
} from '../../spec/pc/pci';
import { restoreFlat, saveFlat } from '../../support/flat-state';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import type { Chip } from './chip';
import { PciFunction } from './pci-function';
import { ByteWidePorts, openBusByte, type PortDevice } from './port-device';

const versionOfState = 1;

const afterReset = { address: 0, spaceEnable: 0, forward: 0, resetControl: 0 };

/** Bus 0 is the only bus. What is not there reads all ones. */
export class PciConfiguration implements Chip, PortDevice {
  readonly name = 'PCI configuration';
  /** Ports C000h to CFFFh, which mechanism #2 opens. */
  readonly window: PortDevice;
  private state = { ...afterReset };
  private readonly functions = pciFunctions.map((description) => new PciFunction(description));
  private readonly data: PortDevice;

  constructor(private readonly resetMachine: () => void) {
    this.data = new ByteWidePorts(
      {
        name: this.name,
        readByte: (at) => this.selected()?.readByte(this.register + at) ?? openBusByte,
        writeByte: (at, value) => this.selected()?.writeByte(this.register + at, value),
      },
      4,
    );
    this.window = new ByteWidePorts(
      {
        name: 'PCI configuration window',
        readByte: (at) => this.inWindow(at)?.readByte(at & 0xff) ?? openBusByte,
        writeByte: (at, value) => this.inWindow(at)?.writeByte(at & 0xff, value),
      },
      0x1000,
    );
  }

  /** CONFIG_ADDRESS is reached by double words only; bytes there are other registers. */
  readPort(offset: number, sizeBytes: number): number {
    if (offset >= configPort.CONFIG_DATA) {
      return this.data.readPort(offset - configPort.CONFIG_DATA, sizeBytes);
    }
    if (offset === 0 && sizeBytes === 4) return this.state.address;
    if (sizeBytes > 1) return sizeBytes === 2 ? 0xffff : 0xffff_ffff;
    switch (offset) {
      case configPort.CSE:
        return this.state.spaceEnable;
      case configPort.RC:
        return this.state.resetControl;
      case configPort.forward:
        return this.state.forward;
      default:
        return openBusByte;
    }
  }

  writePort(offset: number, sizeBytes: number, value: number): void {
    const { state } = this;
    if (offset >= configPort.CONFIG_DATA) {
      this.data.writePort(offset - configPort.CONFIG_DATA, sizeBytes, value);
    } else if (offset === 0 && sizeBytes === 4) {
      state.address = (value & configAddress.writable) >>> 0;
    } else if (sizeBytes === 1) {
      if (offset === configPort.CSE) state.spaceEnable = value;
      else if (offset === configPort.forward) state.forward = value;
      else if (offset === configPort.RC) this.writeResetControl(value);
    }
  }

  reset(): void {
    this.state = { ...afterReset };
    for (const fn of this.functions) fn.reset();
  }

  save(): StateNode {
    return {
      version: versionOfState,
      ...saveFlat(this.state),
      functions: Object.fromEntries(this.functions.map((fn) => [fn.name, fn.save()])),
    };
  }

  restore(record: StateRecord): void {
    record.expectVersion(versionOfState);
    this.state = restoreFlat(record, afterReset);
    const saved = record.record('functions');
    for (const fn of this.functions) fn.restore(saved.record(fn.name));
  }

  inspect(): readonly InspectedValue[] {
    return [
      { name: 'CONFIG_ADDRESS', value: this.state.address },
      { name: 'reset control', value: this.state.resetControl },
      ...this.functions.flatMap((fn) =>
        fn.inspect().map(({ name, value }) => ({ name: `${fn.name}: ${name}`, value })),
      ),
    ];
  }

  private get register(): number {
    return this.state.address & configAddress.registerMask;
  }

  private find(bus: number, devfn: number): PciFunction | undefined {
    return bus === 0 ? this.functions.find((fn) => fn.devfn === devfn) : undefined;
  }

  private selected(): PciFunction | undefined {
    const { address } = this.state;
    const { enable, busShift, functionShift } = configAddress;
    if ((address & enable) === 0) return undefined;
    return this.find((address >> busShift) & 0xff, (address >> functionShift) & 0xff);
  }

  private inWindow(at: number): PciFunction | undefined {
    const { spaceEnable, forward } = this.state;
    const { keyMask, functionShift, functionMask } = configSpaceEnable;
    if ((spaceEnable & keyMask) === 0) return undefined;
    return this.find(forward, ((at >> 8) << 3) | ((spaceEnable >> functionShift) & functionMask));
  }

  private writeResetControl(value: number): void {
    const before = this.state.resetControl;
    this.state.resetControl = value & resetControl.writable;
    if (value & ~before & resetControl.RCPU) this.resetMachine();
  }
}
