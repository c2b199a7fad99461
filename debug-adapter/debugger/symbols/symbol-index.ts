/** Answers what lies at an address and where a name or source line lies, from one ELF image. */
import { readDwarfLines, type LineRow, type LineTable } from './dwarf-line';
import {
  readElf64,
  sectionContents,
  type ByteRanges,
  type ElfImage,
  type ElfSymbol,
} from './elf64';

/** A symbol near an address. */
export interface SymbolHit {
  /** As linked. */
  readonly symbol: ElfSymbol;
  /** Bytes from the symbol to the address. */
  readonly offset: bigint;
}

/** A place in a source file. */
export interface SourcePlace {
  /** Path as recorded in the image. */
  readonly file: string;
  readonly line: number;
  /** First address that belongs to the line here, and the first behind it. */
  readonly start: bigint;
  readonly end: bigint;
}

/** Where a requested source line really is. */
export interface LinePlacement {
  readonly line: number;
  readonly addresses: readonly bigint[];
}

interface Range {
  readonly start: bigint;
  readonly end: bigint;
  readonly file: number;
  readonly line: number;
  readonly isStatement: boolean;
}

/** Run-time addresses from `start` up to, not including, `end` are link-time addresses plus `delta`. */
export interface RelocatedRange {
  readonly start: bigint;
  readonly end: bigint;
  readonly delta: bigint;
}

const maxSymbolReach = 0x10000n;
const symbolRank: Readonly<Record<ElfSymbol['kind'], number>> = { code: 0, label: 1, data: 2 };

function compareBigint(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Index of the last element whose key is at most `key`, -1 where there is none. */
function lastAtMost<T>(sorted: readonly T[], key: bigint, keyOf: (element: T) => bigint): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const element = sorted[middle];
    if (element !== undefined && keyOf(element) <= key) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function rangesOf(rows: readonly LineRow[]): readonly Range[] {
  const ranges: Range[] = [];
  rows.forEach((row, index) => {
    const next = rows[index + 1];
    if (row.endSequence || next === undefined || next.address <= row.address) return;
    if (!(row.line > 0 && row.line < 10_000_000)) return;
    const { file, line, isStatement } = row;
    ranges.push({ start: row.address, end: next.address, file, line, isStatement });
  });
  return ranges.sort((a, b) => compareBigint(a.start, b.start));
}

interface SortedSymbols {
  readonly byAddress: readonly ElfSymbol[];
  readonly byName: ReadonlyMap<string, ElfSymbol>;
}

function sortSymbols(symbols: readonly ElfSymbol[]): SortedSymbols {
  const byName = new Map<string, ElfSymbol>();
  for (const symbol of symbols) {
    const known = byName.get(symbol.name);
    if (known === undefined || (!known.global && symbol.global)) byName.set(symbol.name, symbol);
  }
  const byAddress = [...symbols].sort(
    (a, b) =>
      compareBigint(a.address, b.address) ||
      symbolRank[b.kind] - symbolRank[a.kind] ||
      Number(a.global) - Number(b.global),
  );
  return { byAddress, byName };
}

/**
 * Symbols and lines of one image. Addresses it takes and gives are those at run time; where the image does not run
 * where it was linked, {@link relocate} says so.
 */
export class SymbolIndex {
  private sorted: SortedSymbols | undefined;
  private readonly ranges: readonly Range[];
  private relocated: readonly RelocatedRange[] = [];

  /**
   * @param given symbols, or what reads them when the first of them is asked for
   * @param files paths of source files as recorded
   * @param problems what could not be read of the line information
   */
  constructor(
    private readonly given: readonly ElfSymbol[] | (() => readonly ElfSymbol[]),
    rows: readonly LineRow[],
    readonly files: readonly string[],
    readonly problems: readonly string[],
  ) {
    this.ranges = rangesOf(rows);
  }

  private get known(): SortedSymbols {
    const { given } = this;
    this.sorted ??= sortSymbols(typeof given === 'function' ? given() : given);
    return this.sorted;
  }

  private get symbols(): readonly ElfSymbol[] {
    return this.known.byAddress;
  }

  /** An index that knows nothing. */
  static readonly empty = new SymbolIndex([], [], [], []);

  /** Every name, in the order of addresses. */
  get names(): readonly ElfSymbol[] {
    return this.symbols;
  }

  get hasLines(): boolean {
    return this.ranges.length > 0;
  }

  /**
   * Says where the image runs; addresses outside of the ranges are as linked.
   * @param ranges the first one that covers a link-time address decides where names are
   */
  relocate(ranges: readonly RelocatedRange[]): void {
    this.relocated = ranges;
  }

  /** Address of a name before any relocation. */
  linkAddressOf(name: string): bigint | undefined {
    return this.known.byName.get(name)?.address;
  }

  /** Address of a name at run time. */
  addressOf(name: string): bigint | undefined {
    const address = this.linkAddressOf(name);
    return address === undefined ? undefined : this.toRunTime(address);
  }

  /** The nearest symbol at or below `address`, as long as it is plausible that it covers it. */
  symbolAt(runTimeAddress: bigint): SymbolHit | undefined {
    const address = this.toLinkTime(runTimeAddress);
    const index = lastAtMost(this.symbols, address, (symbol) => symbol.address);
    for (let at = index; at >= 0 && at > index - 64; at--) {
      const symbol = this.symbols[at];
      if (symbol === undefined) return undefined;
      const offset = address - symbol.address;
      const covers = symbol.sizeBytes === 0 || offset < BigInt(symbol.sizeBytes);
      const inSection = offset === 0n || address < symbol.sectionEnd;
      if (covers && inSection && offset < maxSymbolReach) return { symbol, offset };
    }
    return undefined;
  }

  /** `name`, `name+0x10`, or undefined where nothing is near. */
  nameOf(address: bigint): string | undefined {
    const hit = this.symbolAt(address);
    if (hit === undefined) return undefined;
    return hit.offset === 0n ? hit.symbol.name : `${hit.symbol.name}+0x${hit.offset.toString(16)}`;
  }

  placeAt(runTimeAddress: bigint): SourcePlace | undefined {
    const address = this.toLinkTime(runTimeAddress);
    const range = this.ranges[lastAtMost(this.ranges, address, (candidate) => candidate.start)];
    if (range === undefined || address >= range.end) return undefined;
    const file = this.files[range.file] ?? '?';
    const delta = runTimeAddress - address;
    return { file, line: range.line, start: range.start + delta, end: range.end + delta };
  }

  /**
   * Addresses of a source line; where it has no code, those of the next line that has.
   * @param file path as recorded
   */
  placeLine(file: string, line: number): LinePlacement | undefined {
    const wanted = this.files.indexOf(file);
    let best = Number.POSITIVE_INFINITY;
    for (const range of this.ranges) {
      if (range.file === wanted && range.isStatement && range.line >= line && range.line < best) {
        best = range.line;
      }
    }
    if (best === Number.POSITIVE_INFINITY) return undefined;
    const addresses = this.addressesOf(wanted, best).map((address) => this.toRunTime(address));
    return { line: best, addresses };
  }

  /** Lines of a file that have code, ascending. */
  linesOf(file: string): readonly number[] {
    const wanted = this.files.indexOf(file);
    const lines = new Set<number>();
    for (const range of this.ranges) if (range.file === wanted) lines.add(range.line);
    return [...lines].sort((a, b) => a - b);
  }

  /** Addresses in `[start, end)` at which an instruction is known to begin, ascending. */
  boundariesBetween(runTimeStart: bigint, runTimeEnd: bigint): readonly bigint[] {
    const start = this.toLinkTime(runTimeStart);
    const delta = runTimeStart - start;
    const end = runTimeEnd - delta;
    const found = new Set<bigint>();
    const firstRange = Math.max(
      0,
      lastAtMost(this.ranges, start, (range) => range.start),
    );
    for (let at = firstRange; at < this.ranges.length; at++) {
      const range = this.ranges[at];
      if (range === undefined || range.start >= end) break;
      if (range.start >= start) found.add(range.start);
    }
    const firstSymbol = Math.max(
      0,
      lastAtMost(this.symbols, start - 1n, (symbol) => symbol.address),
    );
    for (let at = firstSymbol; at < this.symbols.length; at++) {
      const symbol = this.symbols[at];
      if (symbol === undefined || symbol.address >= end) break;
      if (symbol.kind !== 'data' && symbol.address >= start) found.add(symbol.address);
    }
    return [...found].sort(compareBigint).map((address) => address + delta);
  }

  private toLinkTime(address: bigint): bigint {
    const range = this.relocated.find(({ start, end }) => address >= start && address < end);
    return range === undefined ? address : address - range.delta;
  }

  private toRunTime(address: bigint): bigint {
    const range = this.relocated.find(
      ({ start, end, delta }) => address + delta >= start && address + delta < end,
    );
    return range === undefined ? address : address + range.delta;
  }

  /** One address for each contiguous run of the line: where its code starts. */
  private addressesOf(file: number, line: number): readonly bigint[] {
    const addresses: bigint[] = [];
    let previousEnd: bigint | undefined;
    for (const range of this.ranges) {
      if (range.file !== file || range.line !== line) continue;
      if (range.start !== previousEnd) addresses.push(range.start);
      previousEnd = range.end;
    }
    return addresses;
  }
}

/** Line information beyond this is left out: that of a whole kernel would take seconds, and 700 MB as objects. */
const maxLineBytes = 8 * 1024 * 1024;

function readLines(file: ByteRanges, image: ElfImage): LineTable {
  const none = { rows: [], files: [] };
  const sections = image.sections.filter(({ name }) => name.startsWith('.debug_line'));
  if (sections.some(({ compressed }) => compressed)) {
    const problem = 'line information is compressed; link with --compress-debug-sections=none';
    return { ...none, problems: [problem] };
  }
  if (sections.some(({ sizeBytes }) => sizeBytes > maxLineBytes)) {
    return { ...none, problems: ['line information is too large, and left out'] };
  }
  const contents = (name: string): Uint8Array => {
    const section = image.sections.find((candidate) => candidate.name === name);
    return section === undefined ? new Uint8Array(0) : sectionContents(file, section);
  };
  return readDwarfLines({
    line: contents('.debug_line'),
    lineStrings: contents('.debug_line_str'),
    strings: contents('.debug_str'),
  });
}

/** What one file says. */
export interface SymbolTable extends LineTable {
  readonly symbols: readonly ElfSymbol[];
}

/**
 * Reads symbols and lines of an ELF image.
 * @throws UserError where the bytes are not a sound x86-64 ELF file
 */
export function readElfSymbols(file: ByteRanges): SymbolTable {
  const image = readElf64(file);
  return { symbols: image.symbols, ...readLines(file, image) };
}

/**
 * Indexes an ELF image.
 * @throws UserError where the bytes are not a sound x86-64 ELF file
 */
export function indexElf(file: ByteRanges): SymbolIndex {
  const { symbols, rows, files, problems } = readElfSymbols(file);
  return new SymbolIndex(symbols, rows, files, problems);
}
