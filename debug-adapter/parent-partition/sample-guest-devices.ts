/** Where the chips of a sample guest sit. */
import { sampleGuest } from '../spec/sample-guest';
import { ConsolePort, type ConsoleSink } from './emulated-devices/console-port';
import { ExitPort } from './emulated-devices/exit-port';
import type { PortDevice } from './emulated-devices/port-device';

/** A chip and its first port. */
export interface PlacedDevice {
  readonly port: number;
  readonly device: PortDevice & { readonly portCount: number };
}

/** The console port answers with its own number, as Bochs' does. */
export function sampleGuestDevices(
  console: ConsoleSink,
  end: (exitCode: number) => void,
): readonly PlacedDevice[] {
  return [
    {
      port: sampleGuest.consolePort,
      device: new ConsolePort(console, sampleGuest.consolePort),
    },
    { port: sampleGuest.exitPort, device: new ExitPort(end) },
  ];
}
