/** Numbers for people: hexadecimal with its prefix. */

/** `0x` and the digits, as many as there are. */
export function hexadecimal(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}
