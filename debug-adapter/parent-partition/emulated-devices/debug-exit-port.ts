/** The exit port of test kernels: a written value v ends the guest with exit code 2v + 1, as QEMU's does. */
import type { PortDevice } from './port-device';

export class DebugExitPort implements PortDevice {
  readonly name = 'debug exit port';

  /** @param end ends the guest with an exit code, 0 to 255 */
  constructor(private readonly end: (exitCode: number) => void) {}

  readPort(): number {
    return 0;
  }

  writePort(_offset: number, _sizeBytes: number, value: number): void {
    this.end(((value << 1) | 1) & 0xff);
  }
}
