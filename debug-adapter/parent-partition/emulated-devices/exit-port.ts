/** The exit port: a written byte ends the guest with that exit code. */
import type { PortDevice } from './port-device';

export class ExitPort implements PortDevice {
  readonly name = 'exit port';
  readonly portCount = 1;

  /** @param end ends the guest with an exit code, 0 to 255 */
  constructor(private readonly end: (exitCode: number) => void) {}

  readPort(): number {
    return 0;
  }

  writePort(_offset: number, _sizeBytes: number, value: number): void {
    this.end(value & 0xff);
  }
}
