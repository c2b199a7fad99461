/** Base64 with padding (RFC 4648, section 4). */

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const valueByCharacter = new Map([...alphabet].map((character, value) => [character, value]));
const wellFormed = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/** Text of `bytes`. */
export function encodeBase64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const count = Math.min(3, bytes.length - at);
    const word = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    for (let digit = 0; digit < 4; digit++) {
      text += digit <= count ? alphabet.charAt((word >>> (18 - digit * 6)) & 63) : '=';
    }
  }
  return text;
}

/** Bytes of a text, padded or not; undefined where it is no base64. */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (!wellFormed.test(text)) return undefined;
  const digits = text.replace(/=+$/, '');
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let word = 0;
  let bits = 0;
  let at = 0;
  for (const character of digits) {
    word = ((word << 6) | (valueByCharacter.get(character) ?? 0)) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = (word >>> bits) & 0xff;
  }
  return bytes;
}
