/** UTF-8 in both directions without the host's help; malformed bytes become U+FFFD. */

const replacement = 0xfffd;

/** End of the bytes from `at` on that are characters of their own. */
function plainEnd(bytes: Uint8Array, at: number): number {
  let end = at;
  while (end < bytes.length && (bytes[end] ?? 0) < 0x80) end++;
  return end;
}

/** Decodes a stream piece by piece; a sequence may be split between pieces. */
export class Utf8Decoder {
  private codePoint = 0;
  private missing = 0;
  private lowest = 0;

  /** Text of the sequences that are complete so far. */
  decode(bytes: Uint8Array): string {
    let text = '';
    for (let at = 0; at < bytes.length;) {
      const end = this.missing > 0 ? at : plainEnd(bytes, at);
      if (end > at) {
        text += decodeAscii(bytes.subarray(at, end));
        at = end;
      } else text += this.accept(bytes[at++] ?? 0);
    }
    return text;
  }

  /** Ends the stream: U+FFFD where a sequence was left open, otherwise nothing. */
  finish(): string {
    const open = this.missing > 0;
    this.missing = 0;
    return open ? String.fromCodePoint(replacement) : '';
  }

  private accept(byte: number): string {
    if (this.missing > 0) {
      if ((byte & 0xc0) === 0x80) return this.continue(byte);
      this.missing = 0;
      return String.fromCodePoint(replacement) + this.begin(byte);
    }
    return this.begin(byte);
  }

  private begin(byte: number): string {
    if (byte < 0x80) return String.fromCharCode(byte);
    if (byte >= 0xc2 && byte < 0xe0) return this.open(byte & 0x1f, 1, 0x80);
    if (byte >= 0xe0 && byte < 0xf0) return this.open(byte & 0x0f, 2, 0x800);
    if (byte >= 0xf0 && byte < 0xf5) return this.open(byte & 0x07, 3, 0x10000);
    return String.fromCodePoint(replacement);
  }

  private open(bits: number, missing: number, lowest: number): string {
    this.codePoint = bits;
    this.missing = missing;
    this.lowest = lowest;
    return '';
  }

  private continue(byte: number): string {
    this.codePoint = (this.codePoint << 6) | (byte & 0x3f);
    this.missing--;
    if (this.missing > 0) return '';
    const point = this.codePoint;
    const bad = point < this.lowest || point > 0x10ffff || (point >= 0xd800 && point < 0xe000);
    return String.fromCodePoint(bad ? replacement : point);
  }
}

/** Arguments of one call that every engine takes. */
const plainCharacters = 1024;

/** Text of bytes that are all below 0x80. */
export function decodeAscii(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += plainCharacters) {
    const part = bytes.subarray(at, at + plainCharacters);
    text += Reflect.apply(String.fromCharCode, undefined, part);
  }
  return text;
}

/** Text of a complete byte string. */
export function decodeUtf8(bytes: Uint8Array): string {
  if (bytes.length <= plainCharacters && bytes.every((byte) => byte < 0x80)) {
    return decodeAscii(bytes);
  }
  const decoder = new Utf8Decoder();
  return decoder.decode(bytes) + decoder.finish();
}

/** Bytes of a text; lone surrogates become U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    const read = character.codePointAt(0) ?? replacement;
    const point = read >= 0xd800 && read < 0xe000 ? replacement : read;
    if (point < 0x80) bytes.push(point);
    else if (point < 0x800) bytes.push(0xc0 | (point >>> 6), 0x80 | (point & 0x3f));
    else if (point < 0x10000) {
      bytes.push(0xe0 | (point >>> 12), 0x80 | ((point >>> 6) & 0x3f), 0x80 | (point & 0x3f));
    } else {
      bytes.push(0xf0 | (point >>> 18), 0x80 | ((point >>> 12) & 0x3f));
      bytes.push(0x80 | ((point >>> 6) & 0x3f), 0x80 | (point & 0x3f));
    }
  }
  return Uint8Array.from(bytes);
}
