/** How counts, positions and virtual time read in views, panels and the status bar. */

/** `1234567` → `1,234,567`, the same in every locale. */
export function countText(count: number): string {
  return String(Math.trunc(count)).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** `1 exit`, `2 exits`, `1,024 exits`. */
export function countedText(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Virtual time with the unit that fits: `842 ns`, `12.345 µs`, `1.002000 s`. */
export function virtualTimeText(timeNs: number): string {
  if (timeNs < 1e3) return `${timeNs} ns`;
  if (timeNs < 1e6) return `${(timeNs / 1e3).toFixed(3)} µs`;
  if (timeNs < 1e9) return `${(timeNs / 1e6).toFixed(3)} ms`;
  return `${(timeNs / 1e9).toFixed(6)} s`;
}

/** Virtual time as a column: seconds with nine digits, so that rows align and sort by eye. */
export function virtualTimeColumn(timeNs: number): string {
  const seconds = Math.floor(timeNs / 1e9);
  const rest = String(Math.trunc(timeNs % 1e9)).padStart(9, '0');
  return `${seconds}.${rest.slice(0, 3)} ${rest.slice(3, 6)} ${rest.slice(6)}`;
}

/** Bytes with a binary unit where that is exact: `64 MiB`, `4 KiB`, `1,000 B`. */
export function bytesText(bytes: number): string {
  for (const [unit, size] of [
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ] as const) {
    if (bytes >= size && bytes % size === 0) return `${countText(bytes / size)} ${unit}`;
  }
  return `${countText(bytes)} B`;
}

/** `0x00000000001001a0` → `0x1001a0`: addresses without leading zeros. */
export function addressText(address: string): string {
  return address.replace(/^0x0+(?=[0-9a-f])/i, '0x');
}
