/** A 128-bit non-cryptographic hash of bytes, the same on every platform; for comparing states, not for security. */

const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by));

function finalMix(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x7feb352d);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x846ca68b);
  return mixed ^ (mixed >>> 16);
}

/**
 * Takes bytes piece by piece. Four 32-bit lanes each take every fourth word, so that the multiplications of
 * neighbouring words do not wait for one another; each piece is closed with its length, so pieces do not run together.
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
      a = Math.imul(rotate(a ^ view.getInt32(at, true), 13), 0x9e3779b1);
      b = Math.imul(rotate(b ^ view.getInt32(at + 4, true), 15), 0x85ebca77);
      c = Math.imul(rotate(c ^ view.getInt32(at + 8, true), 17), 0xc2b2ae3d);
      d = Math.imul(rotate(d ^ view.getInt32(at + 12, true), 11), 0x27d4eb2f);
    }
    for (let at = blocks; at < bytes.length; at++) {
      a = Math.imul(rotate(a ^ view.getUint8(at), 7), 0x9e3779b1);
    }
    b = Math.imul(rotate(b ^ bytes.length, 15), 0x85ebca77);
    this.a = (a + rotate(b, 5)) | 0;
    this.b = (b + rotate(c, 9)) | 0;
    this.c = (c + rotate(d, 14)) | 0;
    this.d = (d + rotate(this.a, 21)) | 0;
    return this;
  }

  /** The hash so far: 32 hexadecimal digits. */
  digest(): string {
    let a = finalMix(this.a ^ rotate(this.d, 3));
    let b = finalMix(this.b ^ a);
    let c = finalMix(this.c ^ b);
    const d = finalMix(this.d ^ c);
    a = (a + d) | 0;
    b = (b + rotate(d, 8)) | 0;
    c = (c + rotate(d, 16)) | 0;
    return [a, b, c, d].map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('');
  }
}
