/** The console port: every byte that is written comes out on the guest's console; there is no input. */
import type { PortDevice } from './port-device';

/** Takes what the guest writes; at most four bytes at a time. */
export interface ConsoleSink {
  write(data: Uint8Array): void;
}

export class ConsolePort implements PortDevice {
  readonly name = 'console port';
  readonly portCount = 1;

  /** @param presence what a read answers, by which a guest finds the port */
  constructor(
    private readonly sink: ConsoleSink,
    private readonly presence: number,
  ) {}

  readPort(): number {
    return this.presence;
  }

  /** A wider access writes its bytes from the lowest to the highest. */
  writePort(_offset: number, sizeBytes: number, value: number): void {
    const data = Uint8Array.from(
      { length: sizeBytes },
      (_, index) => (value >>> (8 * index)) & 0xff,
    );
    this.sink.write(data);
  }
}
