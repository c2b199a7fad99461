/** The devices of a sample guest: a console port and an exit port, both without state. */
import type { StateRecord } from '../support/state-record';
import type { StateNode } from '../support/state-tree';
import { sampleGuest } from '../spec/sample-guest';
import { UserError } from '../support/user-error';
import { ConsolePort } from './emulated-devices/console-port';
import { ExitPort } from './emulated-devices/exit-port';
import type { PlacedMemory, PlacedPorts, Platform, PlatformServices } from './platform';

const versionOfState = 1;

/** What a sample guest needs of the world. */
export type SampleGuestServices = Pick<PlatformServices, 'writeConsole' | 'endPartition'>;

/** The console port answers a read with its own number, as Bochs' does. */
export class SampleGuestPlatform implements Platform {
  readonly ports: readonly PlacedPorts[];
  readonly memory: readonly PlacedMemory[] = [];

  constructor(services: SampleGuestServices) {
    const { consolePort, exitPort } = sampleGuest;
    const write = (value: number, sizeBytes: number): void =>
      services.writeConsole(consolePort, value, sizeBytes);
    const end = (exitCode: number): void => services.endPartition(exitCode);
    this.ports = [
      { first: consolePort, count: 1, device: new ConsolePort(write, consolePort) },
      { first: exitPort, count: 1, device: new ExitPort(end) },
    ];
  }

  reset(): void {
    // Neither port remembers anything.
  }

  save(): StateNode {
    return { version: versionOfState };
  }

  restore(record: StateRecord): void {
    record.expectVersion(versionOfState);
  }

  endOfInterrupt(): void {
    // There is no interrupt controller that could wait for it.
  }

  acknowledgeInterrupt(): number {
    return 0;
  }

  receiveConsoleInput(): void {
    throw new UserError(
      'console-has-no-input',
      'The console port of a sample guest only writes; there is nothing that could read input.',
    );
  }
}
