/**
 * Names of a Linux kernel from the kernel itself: the compressed symbol table that it keeps for its own messages
 * (CONFIG_KALLSYMS), so that a stock kernel has symbols without its debug package.
 *
 * Layout (linux scripts/kallsyms.c): a table of 256 tokens, an index of their offsets, names as runs of token numbers,
 * a marker for every 256th name, and 32-bit offsets from a base. The tables carry no names of their own, so they are
 * found by their shape: the tokens of the ten digits stand in a row.
 */
import type { ElfSymbol } from '../symbols/elf64';
import { kernelSymbol } from './kernel-symbol';

/** Link-time names and addresses of a kernel, in the order of its table. */
export interface KernelSymbolTable {
  readonly symbols: readonly ElfSymbol[];
}

const namesPerMarker = 256;
const tokenCount = 256;
const digitZero = 0x30;
const sequenceBytes = 3;
const symbolsMax = 4_000_000;
/** A marker of a run that long would not be a table of names. */
const nameBytesMax = 512;
const kernelSpace = 0xffffffff00000000n;

interface TokenTable {
  /** Offset of the first token. */
  readonly start: number;
  readonly tokens: readonly string[];
  /** First byte behind the index. */
  readonly end: number;
}

interface NameTable {
  readonly count: number;
  /** Offset of the 32-bit count. */
  readonly countAt: number;
  readonly start: number;
}

/** Reads the tables out of the loaded image of a kernel, link-time addresses. */
class KallsymsImage {
  private readonly view: DataView;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  read(): KernelSymbolTable | undefined {
    for (let from = 0; ;) {
      const digits = this.findDigits(from);
      if (digits < 0) return undefined;
      from = digits + 1;
      const tokens = this.tokensAround(digits);
      const table = tokens === undefined ? undefined : this.readBefore(tokens);
      if (table !== undefined) return table;
    }
  }

  /** The tokens "0" to "9", each with its final zero. */
  private findDigits(from: number): number {
    const { bytes } = this;
    for (let at = bytes.indexOf(digitZero, from); at >= 0; at = bytes.indexOf(digitZero, at + 1)) {
      let digit = 0;
      while (
        digit < 10 &&
        bytes[at + digit * 2] === digitZero + digit &&
        bytes[at + digit * 2 + 1] === 0
      ) {
        digit++;
      }
      if (digit === 10) return at;
    }
    return -1;
  }

  /** A token is its own character where a single character is one: "0" is token 0x30. */
  private tokensAround(digits: number): TokenTable | undefined {
    const { bytes } = this;
    let start = digits;
    for (let token = digitZero; token > 0; token--) {
      const end = start - 1;
      if (bytes[end] !== 0) return undefined;
      let at = end;
      while (at > 0 && bytes[at - 1] !== 0 && end - at < nameBytesMax) at--;
      start = at;
    }
    const tokens: string[] = [];
    const offsets: number[] = [];
    let at = start;
    for (let token = 0; token < tokenCount; token++) {
      const end = bytes.indexOf(0, at);
      if (end < 0 || end - at > nameBytesMax) return undefined;
      offsets.push(at - start);
      tokens.push(String.fromCharCode(...bytes.subarray(at, end)));
      at = end + 1;
    }
    const index = Math.ceil(at / 8) * 8;
    if (index + tokenCount * 2 > bytes.length) return undefined;
    const matches = offsets.every(
      (offset, token) => this.view.getUint16(index + token * 2, true) === offset,
    );
    return matches ? { start, tokens, end: index + tokenCount * 2 } : undefined;
  }

  private readBefore(tokens: TokenTable): KernelSymbolTable | undefined {
    const names = this.namesOf(tokens.start);
    if (names === undefined) return undefined;
    const addresses = this.addressesBefore(names) ?? this.addressesBehind(names.count, tokens.end);
    if (addresses === undefined) return undefined;
    return { symbols: this.symbols(names, tokens, addresses) };
  }

  /** From Linux 6.1 on, numbers of three bytes that order the names alphabetically stand between markers and tokens. */
  private namesOf(tokens: number): NameTable | undefined {
    const lowest = Math.max(8, tokens - symbolsMax * sequenceBytes);
    for (let end = tokens; end >= lowest; end -= 4) {
      const between = tokens - end;
      const count = Math.ceil(Math.floor(between / sequenceBytes) / namesPerMarker);
      if (between > 0 && !this.isZeroNear(end - count * 4)) continue;
      const markers = this.markersBefore(end);
      const names = markers && this.namesBefore(markers.start, markers.values);
      if (names === undefined) continue;
      if (between === 0 || Math.abs(between - names.count * sequenceBytes) < 16) return names;
    }
    return undefined;
  }

  /** A word of zero at an offset or one beside it: the first marker, where padding may follow the last one. */
  private isZeroNear(at: number): boolean {
    return [at - 4, at, at + 4].some(
      (candidate) => candidate >= 0 && this.view.getUint32(candidate, true) === 0,
    );
  }

  /** Ascending offsets that begin with zero, 32 bits each, up to `end`. */
  private markersBefore(
    end: number,
  ): { readonly start: number; readonly values: readonly number[] } | undefined {
    const values: number[] = [];
    let at = end - 4;
    if (at >= 0 && this.view.getUint32(at, true) === 0) at -= 4;
    let following = Infinity;
    for (; at >= 0; at -= 4) {
      const value = this.view.getUint32(at, true);
      if (value >= following || values.length > symbolsMax / namesPerMarker) return undefined;
      values.unshift(value);
      if (value === 0) return values.length > 1 ? { start: at, values } : undefined;
      following = value;
    }
    return undefined;
  }

  /** The count stands before the names; it is right if the names then end at the markers. */
  private namesBefore(end: number, markers: readonly number[]): NameTable | undefined {
    const last = markers[markers.length - 1] ?? 0;
    const least = namesPerMarker * (markers.length - 1);
    const most = namesPerMarker * markers.length;
    const lowest = Math.max(0, end - last - namesPerMarker * nameBytesMax);
    for (let at = (end - last) & ~3; at >= lowest; at -= 4) {
      const count = this.view.getUint32(at, true);
      if (count <= least || count > most) continue;
      for (const start of new Set([at + 4, Math.ceil((at + 4) / 8) * 8])) {
        if (this.namesFit(start, count, end, markers)) return { count, countAt: at, start };
      }
    }
    return undefined;
  }

  private namesFit(start: number, count: number, end: number, markers: readonly number[]): boolean {
    let at = start;
    for (let name = 0; name < count; name++) {
      if (name % namesPerMarker === 0 && markers[name / namesPerMarker] !== at - start)
        return false;
      const [length, first] = this.nameLength(at);
      at = first + length;
      if (at > end) return false;
    }
    return end - at < 8;
  }

  /** Tokens of the name at an offset, and where they begin: a length above 127 takes a second byte. */
  private nameLength(at: number): readonly [number, number] {
    const low = this.bytes[at] ?? 0;
    if ((low & 0x80) === 0) return [low, at + 1];
    return [(low & 0x7f) | ((this.bytes[at + 1] ?? 0) << 7), at + 2];
  }

  /** Up to Linux 6.3: offsets, then their base, then the count. */
  private addressesBefore({ count, countAt }: NameTable): readonly bigint[] | undefined {
    const baseAt = Math.floor((countAt - 8) / 8) * 8;
    const end = baseAt;
    const start = Math.floor((end - count * 4) / 8) * 8;
    return this.addresses(start, count, baseAt);
  }

  /** From Linux 6.4 on: offsets and base follow the token index. */
  private addressesBehind(count: number, end: number): readonly bigint[] | undefined {
    const start = Math.ceil(end / 8) * 8;
    return this.addresses(start, count, Math.ceil((start + count * 4) / 8) * 8);
  }

  /** An offset that is not negative is the address of a per-processor symbol itself. */
  private addresses(start: number, count: number, baseAt: number): readonly bigint[] | undefined {
    if (start < 0 || baseAt + 8 > this.bytes.length) return undefined;
    const base = this.view.getBigUint64(baseAt, true);
    if (base < kernelSpace) return undefined;
    const result: bigint[] = [];
    for (let index = 0; index < count; index++) {
      const offset = this.view.getInt32(start + index * 4, true);
      result.push(offset >= 0 ? BigInt(offset) : base - 1n - BigInt(offset));
    }
    return result.some((address) => address >= kernelSpace) ? result : undefined;
  }

  private symbols(
    names: NameTable,
    { tokens }: TokenTable,
    addresses: readonly bigint[],
  ): readonly ElfSymbol[] {
    const found: ElfSymbol[] = [];
    let at = names.start;
    for (const address of addresses) {
      const [length, first] = this.nameLength(at);
      at = first + length;
      let text = '';
      for (let token = first; token < at; token++) text += tokens[this.bytes[token] ?? 0] ?? '';
      if (address >= kernelSpace) found.push(kernelSymbol(text.charAt(0), text.slice(1), address));
    }
    return found;
  }
}

/**
 * Names and link-time addresses from an uncompressed kernel image.
 * @param image the bytes of the vmlinux file, or of the part that holds its read-only data
 * @returns undefined where there is no such table
 */
export function readKallsyms(image: Uint8Array): KernelSymbolTable | undefined {
  return new KallsymsImage(image).read();
}
