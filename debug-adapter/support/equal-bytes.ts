/** Compares two pieces of bytes. */

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
