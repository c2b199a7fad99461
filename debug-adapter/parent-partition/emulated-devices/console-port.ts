/** The console port: every byte that is written comes out on the guest's console; there is no input. */
import type { PortDevice } from './port-device';

export class ConsolePort implements PortDevice {
  readonly name = 'console port';
  readonly portCount = 1;

  /**
   * @param write takes what the guest writes: at most four bytes at a time, the first one lowest
   * @param presence what a read answers, by which a guest finds the port
   */
  constructor(
    private readonly write: (value: number, sizeBytes: number) => void,
    private readonly presence: number,
  ) {}

  readPort(): number {
    return this.presence;
  }

  /** A wider access writes its bytes from the lowest to the highest. */
  writePort(_offset: number, sizeBytes: number, value: number): void {
    this.write(value, sizeBytes);
  }
}
