/** Compares pieces of bytes with one another, and with nothing. */

/** True where both have the same length and the same bytes. */
export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  const count = left.length >>> 2;
  let at = 0;
  if (((left.byteOffset | right.byteOffset) & 3) === 0) {
    const a = new Int32Array(left.buffer, left.byteOffset, count);
    const b = new Int32Array(right.buffer, right.byteOffset, count);
    for (let word = 0; word < count; word++) if (a[word] !== b[word]) return false;
    at = count * 4;
  }
  for (; at < left.length; at++) if (left[at] !== right[at]) return false;
  return true;
}

/** True where every byte from one offset up to another is zero. */
export function isAllZero(bytes: Uint8Array, from = 0, end = bytes.length): boolean {
  // Most that are not show it at once.
  if (from < end && bytes[from] !== 0) return false;
  const isAligned = ((bytes.byteOffset + from) & 3) === 0;
  const words = isAligned
    ? new Int32Array(bytes.buffer, bytes.byteOffset + from, (end - from) >>> 2)
    : new Int32Array(0);
  for (let word = 0; word < words.length; word++) if (words[word] !== 0) return false;
  for (let at = from + words.length * 4; at < end; at++) if (bytes[at] !== 0) return false;
  return true;
}
