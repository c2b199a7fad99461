/** The small grammar that event breakpoints share: numbers and access suffixes. */

/** A number in hexadecimal (`0x…`) or decimal, undefined where it is none or above `maximum`. */
export function parseNumber(text: string, maximum: number): number | undefined {
  if (!/^(0[xX][0-9a-fA-F]{1,12}|\d{1,12})$/.test(text)) return undefined;
  const value = Number(text);
  return value <= maximum ? value : undefined;
}

/** Subject and direction of `subject`, `subject:r` or `subject:w`; `access` is undefined where the suffix is wrong. */
export function parseAccess(text: string): {
  readonly subject: string;
  readonly access: 'read' | 'write' | 'both' | undefined;
} {
  const colon = text.indexOf(':');
  if (colon < 0) return { subject: text.trim(), access: 'both' };
  const subject = text.slice(0, colon).trim();
  switch (
    text
      .slice(colon + 1)
      .trim()
      .toLowerCase()
  ) {
    case 'r':
    case 'read':
      return { subject, access: 'read' };
    case 'w':
    case 'write':
      return { subject, access: 'write' };
    case 'rw':
      return { subject, access: 'both' };
    default:
      return { subject, access: undefined };
  }
}
