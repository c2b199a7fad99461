/**
 * Decoded instructions of a partition: runs of records in the arena, found through one offset table for each frame
 * that holds code and each mode in which it was decoded. A write to such a frame makes its records stale; a full
 * arena drops everything.
 */
import { frameHoldsCode, type GuestMemory } from '../../machine/guest-memory';
import { decodeInstruction, instructionBytesMax, type DecodedInstruction } from '../decode/decoder';
import { codeModes, type CodeMode } from '../decode/code-mode';
import type { VariantTable } from '../decode/variants';
import { arenaBase, arenaEnd, runOffsets } from '../memory-map';
import { firstHandler, pseudoHandler, recordBytes, recordOffsets } from './record';

const pageBytes = 4096;
const offsetTableBytes = pageBytes * 4;
/** Instructions decoded at once; a longer run goes on by lookup. */
const runLengthMax = 64;
/** Instructions kept that straddle two pages; beyond that all are forgotten. */
const straddlingMax = 4096;

/** What decoding at an address gave. */
export type CodeLookup =
  | { readonly kind: 'record'; readonly address: number }
  | { readonly kind: 'straddles' }
  | { readonly kind: 'too-long' };

/** Why everything is dropped: the arena is full, or other places have breakpoints. */
export type ResetReason = 'full' | 'breakpoints';

/** What the cache is told about its surroundings. */
export interface CodeCacheOptions {
  /** Handler of an instruction that is not defined. */
  readonly undefinedHandler: number;
  /** Jumps to an instruction until it is hot; 0 for never. */
  readonly hotCount: number;
  /** Called when every record and table is dropped, so that processors forget theirs. */
  readonly onReset: (reason: ResetReason) => void;
  /** Called before a frame's code is decoded for the first time since its contents are what they are. */
  readonly onNewCode: (frame: number) => void;
}

/** A page of code, as it is decoded in a mode. */
export interface CodePlace {
  readonly frame: number;
  readonly mode: CodeMode;
}

/** An instruction that straddles two pages, and the records it was decoded to. */
interface StraddlingCode {
  readonly bytes: Uint8Array;
  readonly records: Uint8Array;
}

function isSameCode(one: Uint8Array, other: Uint8Array): boolean {
  for (let at = 0; at < instructionBytesMax; at++) {
    if (one[at] !== other[at]) return false;
  }
  return true;
}

function tableKey(frame: number, mode: CodeMode): number {
  return frame * codeModes.length + mode.index;
}

function frameOfKey(key: number): number {
  return Math.floor(key / codeModes.length);
}

export class CodeCache {
  private readonly view: DataView;
  private readonly tables = new Map<number, number>();
  private readonly straddling = new Map<number, StraddlingCode>();
  private readonly gathered = new Uint8Array(instructionBytesMax);
  private breakpointOffsets: ReadonlySet<number> = new Set();
  private next = arenaBase;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly memory: GuestMemory,
    private readonly variants: VariantTable,
    private readonly options: CodeCacheOptions,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Page offsets at which records get the breakpoint handler. A change drops everything decoded. */
  setBreakpointOffsets(offsets: ReadonlySet<number>): void {
    const isSame =
      offsets.size === this.breakpointOffsets.size &&
      [...offsets].every((offset) => this.breakpointOffsets.has(offset));
    if (isSame) return;
    this.breakpointOffsets = offsets;
    this.reset('breakpoints');
  }

  /** Address of the frame's offset table for a mode; makes it on first use. */
  tableOf(frame: number, mode: CodeMode): number {
    const key = tableKey(frame, mode);
    const known = this.tables.get(key);
    if (known !== undefined) {
      if (!this.noteCode(frame)) return known;
      // What was made of the frame's code before may have filled the arena.
      return this.tables.get(key) ?? this.tableOf(frame, mode);
    }
    const needed = offsetTableBytes + (runLengthMax + 1) * recordBytes;
    if (this.next + needed > arenaEnd) this.reset('full');
    const table = this.allocate(offsetTableBytes);
    this.bytes.fill(0, table, table + offsetTableBytes);
    this.tables.set(key, table);
    if (!this.noteCode(frame)) return table;
    return this.tables.get(key) ?? this.tableOf(frame, mode);
  }

  /** @returns whether the frame held no code before */
  private noteCode(frame: number): boolean {
    if ((this.memory.flagsOf(frame) & frameHoldsCode) !== 0) return false;
    this.memory.addFlag(frame, frameHoldsCode);
    this.options.onNewCode(frame);
    return true;
  }

  /** Record of the instruction at an offset of a code frame, decoded with those after it. */
  recordAt(frame: number, offset: number, mode: CodeMode): CodeLookup {
    if (this.next + (runLengthMax + 1) * recordBytes > arenaEnd) this.reset('full');
    const table = this.tableOf(frame, mode);
    const known = this.view.getUint32(table + offset * 4, true);
    if (known !== 0) return { kind: 'record', address: known };
    return this.decodeRun(frame, table, offset, mode);
  }

  /**
   * Puts an instruction that goes on at the start of `nextFrame` into two records at `address`: it, and its end. What it
   * was decoded to is kept, and used again while the bytes are the same.
   */
  straddlingAt(
    place: CodePlace,
    offset: number,
    nextFrame: number,
    address: number,
  ): 'done' | 'too-long' {
    const bytes = this.straddlingBytes(place.frame, offset, nextFrame);
    const key = tableKey(place.frame, place.mode) * 16 + (offset % 16);
    const known = this.straddling.get(key);
    if (known !== undefined && isSameCode(known.bytes, bytes)) {
      this.bytes.set(known.records, address);
      return 'done';
    }
    if (this.decodeStraddling(bytes, offset, address, place.mode) === 'too-long') return 'too-long';
    if (this.straddling.size >= straddlingMax) this.straddling.clear();
    const records = this.bytes.slice(address, address + 2 * recordBytes);
    this.straddling.set(key, { bytes: bytes.slice(), records });
    return 'done';
  }

  /** As many bytes as an instruction may have, from the end of one page and the start of another. */
  private straddlingBytes(frame: number, offset: number, nextFrame: number): Uint8Array {
    const { memory, bytes, gathered } = this;
    const from = memory.frameOffset(frame) + offset;
    const nextFrom = memory.frameOffset(nextFrame) - (pageBytes - offset);
    for (let at = 0; at < instructionBytesMax; at++) {
      gathered[at] = bytes[(offset + at < pageBytes ? from : nextFrom) + at] ?? 0;
    }
    return gathered;
  }

  private decodeStraddling(
    bytes: Uint8Array,
    offset: number,
    address: number,
    mode: CodeMode,
  ): 'done' | 'too-long' {
    const result = decodeInstruction(bytes, mode);
    switch (result.kind) {
      case 'instruction':
        this.writeInstruction(address, result.instruction, offset);
        this.writeEnd(address + recordBytes, offset + result.instruction.length);
        return 'done';
      case 'undefined':
        this.writeBare(address, this.options.undefinedHandler, offset, offset + 1);
        return 'done';
      default:
        return 'too-long';
    }
  }

  /** Lets the record of an instruction run a translated region, unless it has a breakpoint or is gone. */
  installRegion({ frame, mode }: CodePlace, offset: number, slot: number, block: number): void {
    const found = this.recordAt(frame, offset, mode);
    if (found.kind !== 'record') return;
    const { view } = this;
    const handlerAt = found.address + recordOffsets.handler;
    const handler = view.getUint16(handlerAt, true);
    if (handler < firstHandler) return;
    view.setUint16(found.address + recordOffsets.replacedHandler, handler, true);
    view.setUint16(found.address + recordOffsets.regionSlot, slot, true);
    view.setUint16(found.address + recordOffsets.regionBlock, block, true);
    view.setUint16(handlerAt, pseudoHandler.region, true);
  }

  /** Takes a region away from the record of an instruction, which may be translated anew. */
  removeRegion(place: CodePlace, offset: number, slot: number): void {
    const record = this.recordOf(place, offset);
    if (record === 0) return;
    const { view } = this;
    if (view.getUint16(record + recordOffsets.handler, true) !== pseudoHandler.region) return;
    if (view.getUint16(record + recordOffsets.regionSlot, true) !== slot) return;
    const handler = view.getUint16(record + recordOffsets.replacedHandler, true);
    view.setUint16(record + recordOffsets.handler, handler, true);
    this.coolDown(place, offset);
  }

  /** Counts the jumps to an instruction anew, without the one that has just made it hot: that is looked up again. */
  coolDown(place: CodePlace, offset: number): void {
    const record = this.recordOf(place, offset);
    if (record === 0) return;
    this.view.setUint32(record + recordOffsets.countdown, this.options.hotCount + 1, true);
  }

  /** Jumps to the instruction at an offset since it was decoded, up to those that make it hot. */
  jumpsTo(place: CodePlace, offset: number): number {
    const record = this.recordOf(place, offset);
    if (record === 0) return 0;
    const countdown = this.view.getUint32(record + recordOffsets.countdown, true);
    const { hotCount } = this.options;
    return countdown === 0 || countdown > hotCount + 1
      ? hotCount
      : Math.max(0, hotCount - countdown);
  }

  /** Record of an instruction if there is one, or 0. */
  private recordOf({ frame, mode }: CodePlace, offset: number): number {
    const table = this.tables.get(tableKey(frame, mode));
    return table === undefined ? 0 : this.view.getUint32(table + offset * 4, true);
  }

  /** Whether a record is of a string instruction that ends with its count; not where it has a breakpoint. */
  endsWithCount(record: number): boolean {
    const { view } = this;
    const handler = view.getUint16(record + recordOffsets.handler, true);
    const replaced = view.getUint16(record + recordOffsets.replacedHandler, true);
    return this.variants.endsWithCount(handler === pseudoHandler.region ? replaced : handler);
  }

  /** Page offsets that the interpreter must see. */
  get interpretedOffsets(): ReadonlySet<number> {
    return this.breakpointOffsets;
  }

  /** The records of a frame will no longer match its bytes. */
  invalidateFrame(frame: number): void {
    this.memory.clearFlag(frame, frameHoldsCode);
    for (const mode of codeModes) {
      const table = this.tables.get(tableKey(frame, mode));
      if (table !== undefined) this.invalidateTable(table);
    }
  }

  private invalidateTable(table: number): void {
    for (let offset = 0; offset < pageBytes; offset++) {
      const record = this.view.getUint32(table + offset * 4, true);
      if (record === 0) continue;
      this.view.setUint16(record + recordOffsets.handler, pseudoHandler.lookup, true);
    }
    this.bytes.fill(0, table, table + offsetTableBytes);
  }

  /** Drops every record and table. */
  private reset(reason: ResetReason): void {
    for (const key of this.tables.keys()) this.memory.clearFlag(frameOfKey(key), frameHoldsCode);
    this.tables.clear();
    this.straddling.clear();
    this.next = arenaBase;
    this.options.onReset(reason);
  }

  private allocate(bytes: number): number {
    const at = this.next;
    this.next += bytes;
    return at;
  }

  private decodeRun(frame: number, table: number, start: number, mode: CodeMode): CodeLookup {
    const base = this.memory.frameOffset(frame);
    const first = this.next;
    let offset = start;
    for (let count = 0; count < runLengthMax; count++) {
      const known = offset < pageBytes ? this.view.getUint32(table + offset * 4, true) : 0;
      if (known !== 0) {
        this.writeGoto(this.allocate(recordBytes), known, offset);
        return { kind: 'record', address: first };
      }
      const end = Math.min(offset + instructionBytesMax, pageBytes);
      const result = decodeInstruction(this.bytes.subarray(base + offset, base + end), mode);
      if (result.kind === 'truncated' || result.kind === 'too-long') {
        if (count === 0) return { kind: result.kind === 'truncated' ? 'straddles' : 'too-long' };
        break;
      }
      const record = this.allocate(recordBytes);
      this.view.setUint32(table + offset * 4, record, true);
      if (result.kind === 'undefined') {
        this.writeBare(record, this.options.undefinedHandler, offset, offset + 1);
        return { kind: 'record', address: first };
      }
      this.writeInstruction(record, result.instruction, offset);
      offset += result.instruction.length;
      if (result.instruction.row.attributes.has('end')) break;
    }
    this.writeEnd(this.allocate(recordBytes), offset);
    return { kind: 'record', address: first };
  }

  private writeInstruction(record: number, decoded: DecodedInstruction, offset: number): void {
    const { row, addressing, operandSize, form, repeat } = decoded;
    const handler =
      this.variants.handlerOf(row, addressing, operandSize, form, repeat) ??
      pseudoHandler.unimplemented;
    const { view } = this;
    const nextOffset = offset + decoded.length;
    this.writeBare(record, handler, offset, nextOffset);
    view.setUint16(record + recordOffsets.dst, decoded.dst, true);
    view.setUint16(record + recordOffsets.src, decoded.src, true);
    view.setUint16(record + recordOffsets.base, decoded.base, true);
    view.setUint16(record + recordOffsets.index, decoded.index, true);
    view.setUint16(record + recordOffsets.segmentBase, decoded.segmentBase, true);
    const displacement =
      decoded.displacement + (decoded.base === runOffsets.ipBase ? BigInt(nextOffset) : 0n);
    view.setBigInt64(record + recordOffsets.displacement, displacement, true);
    view.setBigUint64(
      record + recordOffsets.immediate,
      BigInt.asUintN(64, decoded.immediate),
      true,
    );
    view.setBigUint64(record + recordOffsets.addressMask, decoded.addressMask, true);
    view.setUint8(record + recordOffsets.scale, decoded.scale);
    view.setUint8(record + recordOffsets.third, decoded.third);
  }

  private writeEnd(record: number, offset: number): void {
    this.writePseudo(record, pseudoHandler.lookup, offset);
  }

  /** The offset is that of the target: a budget that ends here leaves RIP there. */
  private writeGoto(record: number, target: number, offset: number): void {
    this.writePseudo(record, pseudoHandler.goto, offset);
    this.view.setUint32(record + recordOffsets.link, target, true);
  }

  /** A record that is an instruction, and may therefore carry a breakpoint. */
  private writeBare(record: number, handler: number, offset: number, nextOffset: number): void {
    const isBreakpoint = this.breakpointOffsets.has(offset % pageBytes);
    this.writePseudo(record, isBreakpoint ? pseudoHandler.breakpoint : handler, offset);
    this.view.setUint16(record + recordOffsets.replacedHandler, handler, true);
    this.view.setUint16(record + recordOffsets.nextOffset, nextOffset, true);
    this.view.setUint32(record + recordOffsets.countdown, this.options.hotCount, true);
  }

  private writePseudo(record: number, handler: number, offset: number): void {
    for (let at = 0; at < recordBytes; at += 8) this.view.setFloat64(record + at, 0, true);
    this.view.setUint16(record + recordOffsets.handler, handler, true);
    this.view.setUint16(record + recordOffsets.pageOffset, offset, true);
  }
}
