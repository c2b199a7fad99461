/** Reads what a person types as a position. */

/**
 * A whole number, digits grouped or not, or a distance from `here` with a sign.
 * @returns undefined where it is no position
 */
export function parsePosition(text: string, here: number): number | undefined {
  const match = /^([+-]?)(\d[\d,_'\s]*)$/.exec(text.trim());
  if (match === null) return undefined;
  const count = Number((match[2] ?? '').replace(/\D/g, ''));
  const position = { '+': here + count, '-': here - count }[match[1] ?? ''] ?? count;
  return Number.isSafeInteger(position) && position >= 0 ? position : undefined;
}
