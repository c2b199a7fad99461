/** The contract of chips that are reached through I/O ports. */

/** A chip; `offset` counts from its first port. */
export interface PortDevice {
  readonly name: string;
  /** Ports that the chip occupies. */
  readonly portCount: number;

  /** What an IN reads, zero-extended. */
  readPort(offset: number, sizeBytes: number): number;

  writePort(offset: number, sizeBytes: number, value: number): void;
}
