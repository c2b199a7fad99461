/** Hostile variants of a structure's bytes: what a receiver must survive, made from the layout and not from chance. */
import { fieldSizeBytes, writeField, type StructLayout } from './struct-layout';

/** One variant of valid bytes. */
export interface StructVariant {
  /** What has been done to them: `ByteCount = 0xffffffff`. */
  readonly title: string;
  readonly bytes: Uint8Array;
}

/** Values at the edges of what a field of so many bits can hold. */
function edgeValues(bits: number): readonly bigint[] {
  const top = 1n << BigInt(bits);
  return [0n, 1n, top / 2n - 1n, top / 2n, top - 1n];
}

/** Every integer field of the fixed part at the edges of its width, and the bytes cut off at and within every field. */
export function structVariants(layout: StructLayout, valid: Uint8Array): readonly StructVariant[] {
  const variants: StructVariant[] = [];
  const cuts = new Set([0, layout.sizeBytes]);
  for (const { name, type, offset } of layout.fields) {
    const sizeBytes = fieldSizeBytes(type);
    cuts.add(offset).add(offset + sizeBytes - 1);
    if (typeof type !== 'string' || offset + sizeBytes > valid.length) continue;
    for (const value of edgeValues(sizeBytes * 8)) {
      const bytes = valid.slice();
      writeField(layout, bytes, name, value);
      variants.push({ title: `${name} = 0x${value.toString(16)}`, bytes });
    }
  }
  for (const length of [...cuts].sort((a, b) => a - b)) {
    if (length >= valid.length) continue;
    variants.push({ title: `cut off after ${length} bytes`, bytes: valid.slice(0, length) });
  }
  return variants;
}
