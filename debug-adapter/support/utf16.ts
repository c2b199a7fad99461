/** UTF-16LE text in fixed fields, as Windows structures have it. */

/** Text up to the first zero or the end of the bytes. */
export function decodeUtf16(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const units: string[] = [];
  for (let at = 0; at + 1 < bytes.length; at += 2) {
    const unit = view.getUint16(at, true);
    if (unit === 0) break;
    units.push(String.fromCharCode(unit));
  }
  return units.join('');
}

/** Bytes of a text with its final zero. */
export function encodeUtf16(text: string): Uint8Array {
  const bytes = new Uint8Array(2 * text.length + 2);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < text.length; index++) {
    view.setUint16(2 * index, text.charCodeAt(index), true);
  }
  return bytes;
}
