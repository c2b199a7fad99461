/** The contract of chips that are reached through I/O ports. */

/** What sits behind a range of ports; `offset` counts from the first port of the range. */
export interface PortDevice {
  readonly name: string;

  /** What an IN of 1, 2 or 4 bytes reads, zero-extended. */
  readPort(offset: number, sizeBytes: number): number;

  /** An OUT of 1, 2 or 4 bytes; `value` has no bits beyond them. */
  writePort(offset: number, sizeBytes: number, value: number): void;
}

/** A chip with byte-wide registers, as all of the ISA bus are. */
export interface ByteRegisters {
  readonly name: string;
  /** 0 to 255. */
  readByte(offset: number): number;
  writeByte(offset: number, value: number): void;
}

/** What a read finds where nothing drives the bus. */
export const openBusByte = 0xff;

/** The bus cuts a wide access into bytes, lowest port first. Bytes beyond the chip's last port reach nobody. */
export class ByteWidePorts implements PortDevice {
  readonly name: string;
  /** Bound to the chip, so that the ways through here are the same code for every chip. */
  private readonly readByte: ByteRegisters['readByte'];
  private readonly writeByte: ByteRegisters['writeByte'];

  /** @param count ports of the range */
  constructor(
    registers: ByteRegisters,
    private readonly count: number,
  ) {
    this.name = registers.name;
    this.readByte = registers.readByte.bind(registers);
    this.writeByte = registers.writeByte.bind(registers);
  }

  readPort(offset: number, sizeBytes: number): number {
    return sizeBytes === 1 ? this.readByte(offset) & 0xff : this.readWide(offset, sizeBytes);
  }

  writePort(offset: number, sizeBytes: number, value: number): void {
    if (sizeBytes === 1) this.writeByte(offset, value & 0xff);
    else this.writeWide(offset, sizeBytes, value);
  }

  private readWide(offset: number, sizeBytes: number): number {
    let value = 0;
    for (let index = 0; index < sizeBytes; index++) {
      const at = offset + index;
      const byte = at < this.count ? this.readByte(at) & 0xff : openBusByte;
      value |= byte << (8 * index);
    }
    return value >>> 0;
  }

  private writeWide(offset: number, sizeBytes: number, value: number): void {
    for (let index = 0; index < sizeBytes && offset + index < this.count; index++) {
      this.writeByte(offset + index, (value >>> (8 * index)) & 0xff);
    }
  }
}
