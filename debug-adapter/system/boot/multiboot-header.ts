/** Finds the multiboot header of a kernel, of version 1 or 2. */
import { Multiboot, Multiboot2, multiboot2Header } from '../../spec/multiboot';

/** Where the header is. */
export interface MultibootHeaderPlace {
  readonly version: 1 | 2;
  /** Offset in the file. */
  readonly offset: number;
}

/** Magic, flags and checksum; the rest is optional. */
const headerBytesLeast = 12;

/** The header of version 2 where there is one, else that of version 1. */
export function findMultibootHeader(bytes: Uint8Array): MultibootHeaderPlace | undefined {
  const second = search(bytes, Multiboot2, multiboot2Header.sizeBytes, (word) => {
    // Magic, architecture, length and checksum add up to zero.
    return ((word(0) + word(4) + word(8) + word(12)) | 0) === 0;
  });
  if (second !== undefined) return { version: 2, offset: second };
  const first = search(bytes, Multiboot, headerBytesLeast, (word) => {
    // So do magic, flags and checksum.
    return ((word(0) + word(4) + word(8)) | 0) === 0;
  });
  return first === undefined ? undefined : { version: 1, offset: first };
}

type WordReader = (offset: number) => number;

function search(
  bytes: Uint8Array,
  rules: { readonly headerMagic: number; readonly searchBytes: number; readonly alignment: number },
  headerBytes: number,
  isSound: (word: WordReader) => boolean,
): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = Math.min(bytes.length, rules.searchBytes) - headerBytes;
  for (let at = 0; at <= end; at += rules.alignment) {
    if (view.getUint32(at, true) !== rules.headerMagic) continue;
    if (isSound((offset) => view.getUint32(at + offset, true))) return at;
  }
  return undefined;
}
