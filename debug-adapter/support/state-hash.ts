/** A 128-bit non-cryptographic hash of bytes, the same on every platform; for comparing states, not for security. */

const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by));

function finalMix(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x7feb352d);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x846ca68b);
  return mixed ^ (mixed >>> 16);
}

/** Spreads a word over 32 bits before it meets a lane: without this, single bits of neighbouring words cancel out. */
const spread = (word: number, first: number, by: number, second: number): number =>
  Math.imul(rotate(Math.imul(word, first), by), second);

/**
 * Takes bytes piece by piece. Four 32-bit lanes each take every fourth word and pass what they have to the next lane;
 * each piece is closed with its length, so pieces do not run together.
 */
export class StateHash {
  private a = 0x243f6a88 | 0;
  private b = 0x85a308d3 | 0;
  private c = 0x13198a2e | 0;
  private d = 0x03707344 | 0;

  /** Adds one piece. */
  update(bytes: Uint8Array): this {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const blocks = bytes.length - (bytes.length % 16);
    let { a, b, c, d } = this;
    for (let at = 0; at < blocks; at += 16) {
      a ^= spread(view.getInt32(at, true), 0x9e3779b1, 15, 0x85ebca77);
      a = (Math.imul(rotate(a, 19) + b, 5) + 0x561ccd1b) | 0;
      b ^= spread(view.getInt32(at + 4, true), 0x85ebca77, 16, 0xc2b2ae3d);
      b = (Math.imul(rotate(b, 17) + c, 5) + 0x0bcaa747) | 0;
      c ^= spread(view.getInt32(at + 8, true), 0xc2b2ae3d, 17, 0x27d4eb2f);
      c = (Math.imul(rotate(c, 15) + d, 5) + 0x96cd1c35) | 0;
      d ^= spread(view.getInt32(at + 12, true), 0x27d4eb2f, 18, 0x9e3779b1);
      d = (Math.imul(rotate(d, 13) + a, 5) + 0x32ac3b17) | 0;
    }
    for (let at = blocks; at < bytes.length; at++) {
      a ^= spread(view.getUint8(at) + 1, 0x9e3779b1, 15, 0x85ebca77);
      a = (Math.imul(rotate(a, 19) + b, 5) + 0x561ccd1b) | 0;
    }
    this.a = a;
    this.b = b;
    this.c = c;
    this.d = d ^ spread(bytes.length, 0x27d4eb2f, 18, 0x9e3779b1);
    this.stir();
    return this;
  }

  /** The hash so far: 32 hexadecimal digits. */
  digest(): string {
    return [...this.words()].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  }

  /** The hash so far, as four words. */
  words(): Int32Array {
    return Int32Array.of(this.a, this.b, this.c, this.d).map(finalMix);
  }

  /** Lets every lane depend on every other; each step can be undone, so nothing is lost. */
  private stir(): void {
    for (let round = 0; round < 2; round++) {
      this.b ^= finalMix(this.a);
      this.c ^= finalMix(this.b);
      this.d ^= finalMix(this.c);
      this.a ^= finalMix(this.d);
    }
  }
}
