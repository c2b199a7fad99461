/**
 * The index of all variants inside the interpreter's module, as a custom section (core specification 5.5.3): a process
 * that has the module of an earlier one need not make every variant to know which handlers it has.
 */
import type { VariantIndex } from '../decode/variants';
import { ByteWriter } from '../wasm/byte-writer';

const customSection = 0;
const headerBytes = 8;
const sectionName = 'variants';

/** The module with an index at its end. */
export function withVariantIndex(module: Uint8Array, { names, places }: VariantIndex): Uint8Array {
  const content = new ByteWriter().name(sectionName).unsigned(names.length);
  for (const name of names) content.name(name);
  for (const place of places) content.byte(place & 0xff).byte(place >>> 8);
  const bytes = content.finish();
  const out = new ByteWriter().bytes(module);
  return out.byte(customSection).unsigned(bytes.length).bytes(bytes).finish();
}

/** Reads what {@link ByteWriter} has written. */
class SectionReader {
  constructor(
    private readonly bytes: Uint8Array,
    public at: number,
  ) {}

  get isAtEnd(): boolean {
    return this.at >= this.bytes.length;
  }

  unsigned(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[this.at++] ?? 0;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }

  name(): string {
    const length = this.unsigned();
    const from = this.at;
    this.at += length;
    return String.fromCharCode(...this.bytes.subarray(from, this.at));
  }
}

/** The index in a module that {@link withVariantIndex} gave; undefined where there is none. */
export function variantIndexOf(module: Uint8Array): VariantIndex | undefined {
  const reader = new SectionReader(module, headerBytes);
  while (!reader.isAtEnd) {
    const id = reader.unsigned();
    const end = reader.unsigned() + reader.at;
    if (id === customSection && reader.name() === sectionName) {
      const names = Array.from({ length: reader.unsigned() }, () => reader.name());
      const places = new Uint16Array((end - reader.at) >>> 1);
      for (let index = 0; index < places.length; index++) {
        const at = reader.at + 2 * index;
        places[index] = (module[at] ?? 0) | ((module[at + 1] ?? 0) << 8);
      }
      return { names, places };
    }
    reader.at = end;
  }
  return undefined;
}
