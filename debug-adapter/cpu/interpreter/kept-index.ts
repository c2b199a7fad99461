/**
 * The index of all variants inside the interpreter's module, as a custom section (core specification 5.5.3): a process
 * that has the module of an earlier one need not make every variant to know which handlers it has.
 */
import type { VariantIndex } from '../decode/variants';
import { ByteWriter } from '../wasm/byte-writer';
import { decodeAscii } from '../../support/utf8';

const customSection = 0;
const headerBytes = 8;
const sectionName = 'variants';
/** Between the names of variants. */
const separator = '\n';

/** The module with an index at its end. */
export function withVariantIndex(module: Uint8Array, { names, places }: VariantIndex): Uint8Array {
  const content = new ByteWriter().name(sectionName).name(names.join(separator));
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
    return decodeAscii(this.bytes.subarray(from, this.at));
  }
}

/** The index in a module that {@link withVariantIndex} gave; undefined where there is none. */
export function variantIndexOf(module: Uint8Array): VariantIndex | undefined {
  const reader = new SectionReader(module, headerBytes);
  while (!reader.isAtEnd) {
    const id = reader.unsigned();
    const end = reader.unsigned() + reader.at;
    if (id === customSection && reader.name() === sectionName) {
      const names = reader.name().split(separator);
      // The lowest byte first, as every host of WebAssembly has it.
      return { names, places: new Uint16Array(module.slice(reader.at, end).buffer) };
    }
    reader.at = end;
  }
  return undefined;
}
