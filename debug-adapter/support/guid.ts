/** GUIDs: their text, and the mixed-endian bytes in which Windows structures hold them. */

/** Bytes of the text's digit pairs, in the order of the structure: the first three fields are little-endian. */
const byteOrder = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

/** Bytes of a GUID. */
export const guidSizeBytes = 16;

const zeroText = '00000000-0000-0000-0000-000000000000';

/** The 16 bytes of a GUID as a structure holds it; braces around the text are allowed. Undefined where it is none. */
export function parseGuid(text: string): Uint8Array | undefined {
  if (!/^\{?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?$/i.test(text)) return undefined;
  const digits = text.replace(/[{}-]/g, '');
  return Uint8Array.from(byteOrder, (pair) => parseInt(digits.slice(pair * 2, pair * 2 + 2), 16));
}

/** Text of the GUID at `at`, in lower case without braces. */
export function guidText(bytes: Uint8Array, at = 0): string {
  const digits = byteOrder.map((pair) => (bytes[at + pair] ?? 0).toString(16).padStart(2, '0'));
  const lengths = [4, 2, 2, 2, 6];
  let used = 0;
  return lengths.map((count) => digits.slice(used, (used += count)).join('')).join('-');
}

/** True for the text of the GUID that stands for none. */
export function isZeroGuid(text: string): boolean {
  return text === zeroText;
}
