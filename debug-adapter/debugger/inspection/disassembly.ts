/** Disassembly with an exact number of rows around an address, forwards and backwards. */
import type { DisassembledInstruction } from '../../backends/disassembler';
import type { DebuggedThread } from '../debugged-machine';
import type { SymbolIndex } from '../symbols/symbol-index';
import type { CodeReader } from './code-reader';
import { readLinear } from './linear-memory';

/** One row of a listing. */
export interface ListingRow {
  /** Undefined for rows below address 0 or above the last address. */
  readonly address: bigint | undefined;
  readonly bytes: Uint8Array;
  readonly text: string;
  /** False for padding and for bytes that are no instruction. */
  readonly valid: boolean;
  /** Name of the symbol that starts here. */
  readonly symbol?: string;
}

const longestInstructionBytes = 15n;
const lastAddress = (1n << 64n) - 1n;
const resyncBytes = 256n;

/** Makes listings of one thread's code. */
export class Disassembly {
  constructor(
    private readonly thread: DebuggedThread,
    private readonly code: CodeReader,
    private readonly symbols: SymbolIndex,
  ) {}

  /**
   * Exactly `count` rows, of which the one with index `-offset` is at `target`.
   * @param offset rows between `target` and the first wanted row; negative for rows before
   */
  listing(target: bigint, offset: number, count: number): readonly ListingRow[] {
    const before = offset < 0 ? this.rowsBefore(target, -offset) : [];
    const behind = this.rowsFrom(target, Math.max(0, offset + count));
    return [...before, ...behind].slice(Math.max(0, offset)).slice(0, count);
  }

  /** The `count` rows that end at `target`, padded in front where memory or the address space ends. */
  private rowsBefore(target: bigint, count: number): readonly ListingRow[] {
    const reach = BigInt(count) * longestInstructionBytes + resyncBytes;
    const lowest = target > reach ? target - reach : 0n;
    const start = this.mappedStart(lowest, target);
    const rows = this.decodeBetween(this.firstBoundary(start, target), target).slice(-count);
    const firstAddress = rows[0]?.address ?? target;
    const padding: ListingRow[] = [];
    for (let missing = count - rows.length; missing > 0; missing--) {
      const address = firstAddress - BigInt(missing);
      padding.push(unknownRow(address < 0n ? undefined : address));
    }
    return [...padding, ...rows];
  }

  private rowsFrom(target: bigint, count: number): readonly ListingRow[] {
    const rows: ListingRow[] = [];
    let at = target;
    while (rows.length < count && at <= lastAddress) {
      const wanted = BigInt(count - rows.length) * longestInstructionBytes;
      const readable = readLinear(this.thread, at, Number(wanted)).length;
      if (readable === 0) {
        rows.push(unknownRow(at));
        at += 1n;
        continue;
      }
      const decoded = this.decodeBetween(at, at + BigInt(readable)).slice(0, count - rows.length);
      rows.push(...decoded);
      const last = decoded.at(-1);
      at = last?.address === undefined ? at + 1n : last.address + BigInt(last.bytes.length);
    }
    while (rows.length < count) rows.push(unknownRow(undefined));
    return rows;
  }

  /** First address of the mapped memory that reaches without a gap from `lowest` or later up to `target`. */
  private mappedStart(lowest: bigint, target: bigint): bigint {
    const pageMask = 0xfffn;
    let start = target;
    while (start > lowest) {
      const page = (start - 1n) & ~pageMask;
      if (readLinear(this.thread, page, 1).length === 0) break;
      start = page > lowest ? page : lowest;
    }
    return start;
  }

  /** Where decoding towards `target` begins: a known boundary, else wherever the decoding meets `target`. */
  private firstBoundary(start: bigint, target: bigint): bigint {
    const known = this.symbols.boundariesBetween(start, target)[0];
    if (known !== undefined) return known;
    const tries = 16n;
    for (let skip = 0n; skip < tries && start + skip < target; skip++) {
      const rows = this.decodeBetween(start + skip, target);
      if (rows.slice(-4).every((row) => row.valid)) return start + skip;
    }
    return start;
  }

  /** Rows that cover `[start, end)` exactly; decoding begins anew at every known boundary. */
  private decodeBetween(start: bigint, end: bigint): readonly ListingRow[] {
    const bytes = readLinear(this.thread, start, Number(end - start));
    const cuts = [...this.symbols.boundariesBetween(start + 1n, end), end];
    const rows: ListingRow[] = [];
    let from = start;
    for (const cut of cuts) {
      const piece = bytes.subarray(Number(from - start), Number(cut - start));
      for (const instruction of this.code.decode(piece, from, piece.length)) {
        rows.push(this.rowOf(instruction, bytes, start));
      }
      from = cut;
    }
    return rows;
  }

  private rowOf(
    instruction: DisassembledInstruction,
    bytes: Uint8Array,
    start: bigint,
  ): ListingRow {
    const { address, text, valid, length } = instruction;
    const at = Number(address - start);
    const hit = this.symbols.symbolAt(address);
    return {
      address,
      bytes: bytes.slice(at, at + length),
      text,
      valid,
      ...(hit?.offset === 0n ? { symbol: hit.symbol.name } : {}),
    };
  }
}

function unknownRow(address: bigint | undefined): ListingRow {
  return { address, bytes: new Uint8Array(0), text: '??', valid: false };
}
