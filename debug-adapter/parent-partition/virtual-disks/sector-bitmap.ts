/** Bitmaps that say which sectors of a block are in the file. */

/** In which order a byte holds the bits of eight sectors. */
export type BitOrder = 'most-significant-first' | 'least-significant-first';

/** True where the bit of `sector` is set. */
export function isSectorPresent(bitmap: Uint8Array, sector: number, order: BitOrder): boolean {
  const bit = sector % 8;
  const mask = order === 'least-significant-first' ? 1 << bit : 0x80 >> bit;
  return ((bitmap[sector >>> 3] ?? 0) & mask) !== 0;
}

/** Sets the bits of `count` sectors from `first` on. */
export function markSectors(
  bitmap: Uint8Array,
  first: number,
  count: number,
  order: BitOrder,
): void {
  for (let sector = first; sector < first + count; sector++) {
    const bit = sector % 8;
    const mask = order === 'least-significant-first' ? 1 << bit : 0x80 >> bit;
    bitmap[sector >>> 3] = (bitmap[sector >>> 3] ?? 0) | mask;
  }
}

/** Sectors from `first` up to `end` whose bits equal that of `first`. */
export function equalSectors(
  bitmap: Uint8Array,
  first: number,
  end: number,
  order: BitOrder,
): number {
  const present = isSectorPresent(bitmap, first, order);
  const allEqual = present ? 0xff : 0;
  let sector = first + 1;
  while (sector < end) {
    if (sector % 8 === 0 && sector + 8 <= end && bitmap[sector >>> 3] === allEqual) sector += 8;
    else if (isSectorPresent(bitmap, sector, order) === present) sector++;
    else break;
  }
  return sector - first;
}
