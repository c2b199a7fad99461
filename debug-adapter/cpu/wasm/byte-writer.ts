/** A growing byte buffer with the LEB128 encodings of WebAssembly (core specification 5.2.2). */

export class ByteWriter {
  private buffer = new Uint8Array(256);
  private length = 0;

  get size(): number {
    return this.length;
  }

  byte(value: number): this {
    if (this.length === this.buffer.length) this.grow(1);
    this.buffer[this.length++] = value;
    return this;
  }

  bytes(values: Uint8Array): this {
    if (this.length + values.length > this.buffer.length) this.grow(values.length);
    this.buffer.set(values, this.length);
    this.length += values.length;
    return this;
  }

  unsigned(value: number): this {
    let rest = value >>> 0;
    do {
      const low = rest & 0x7f;
      rest >>>= 7;
      this.byte(rest === 0 ? low : low | 0x80);
    } while (rest !== 0);
    return this;
  }

  signed(value: number): this {
    let rest = value;
    for (;;) {
      const low = rest & 0x7f;
      rest >>= 7;
      const last = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
      this.byte(last ? low : low | 0x80);
      if (last) return this;
    }
  }

  /** A number of 64 bits in halves, each an i32. */
  signedHalves(low: number, high: number): this {
    let [rest, above] = [low, high];
    while (above !== rest >> 31) {
      this.byte((rest & 0x7f) | 0x80);
      rest = (rest >>> 7) | (above << 25);
      above >>= 7;
    }
    return this.signed(rest);
  }

  signed64(value: bigint): this {
    const small = Number(value);
    // Most are; arithmetic with others allocates.
    if (small === (small | 0)) return this.signed(small);
    let rest = BigInt.asIntN(64, value);
    for (;;) {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      const last = (rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0);
      this.byte(last ? low : low | 0x80);
      if (last) return this;
    }
  }

  name(text: string): this {
    this.unsigned(text.length);
    for (let index = 0; index < text.length; index++) this.byte(text.charCodeAt(index) & 0x7f);
    return this;
  }

  /** The bytes written so far, as a copy. */
  finish(): Uint8Array {
    return this.buffer.slice(0, this.length);
  }

  private grow(extra: number): void {
    const bigger = new Uint8Array(Math.max(this.buffer.length * 2, this.length + extra));
    bigger.set(this.buffer.subarray(0, this.length));
    this.buffer = bigger;
  }
}
