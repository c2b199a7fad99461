/**
 * Decoded instructions of a partition: runs of records in the arena, found through one offset table for each frame
 * that holds code and each mode in which it was decoded. A write to such a frame makes its records stale; a full
 * arena drops everything.
 */
import { frameHoldsCode, type GuestMemory } from '../../machine/guest-memory';
import { present } from '../../support/assert';
import { Decoder, instructionBytesMax } from '../decode/decoder';
import { codeModes, type CodeMode } from '../decode/code-mode';
import type { InstructionShape } from '../decode/shape';
import { addressings } from '../ir/addressing';
import type { VariantTable } from '../decode/variants';
import { arenaBase, arenaEnd, runOffsets } from '../memory-map';
import { blockBytes, blocksFor, OffsetTables, offsetTableBytes } from './offset-tables';
import {
  packedIsCounted,
  packedOffset,
  packedWordsMax,
  packedWordsMin,
  packRecord,
  unpackRecord,
} from './packed-records';
import {
  firstHandler,
  pseudoHandler,
  recordBytes,
  recordOffsets,
  recordWords as field,
} from './record';

const pageBytes = 4096;
/** Instructions decoded at once; a longer run goes on by lookup. */
const runLengthMax = 64;
/** Room for what they may need, with their places in the table. */
const runNeeds =
  (runLengthMax + 1) * recordBytes + blocksFor(runLengthMax * instructionBytesMax) * blockBytes;
/** Room for what one instruction that straddles two pages may need: a table for each, and records. */
const straddlingNeeds = 2 * (offsetTableBytes + runNeeds);
/** The arena begins with the block of no records. */
const arenaStart = arenaBase + blockBytes;

/** What decoding at an address gave. */
export type CodeLookup =
  | { readonly kind: 'record'; readonly address: number }
  | { readonly kind: 'straddles' }
  | { readonly kind: 'too-long' };

const straddles: CodeLookup = { kind: 'straddles' };

/** Why everything is dropped: the arena is full, or other places have breakpoints. */
export type ResetReason = 'full' | 'breakpoints';

/** Jumps to an instruction until it is hot; 0 for never. */
export interface HotCounts {
  /** Of instructions that are decoded before {@link CodeCache.raiseHotCount}. */
  readonly first: number;
  readonly later: number;
}

/** What the cache is told about its surroundings. */
export interface CodeCacheOptions {
  /** Handler of an instruction that is not defined. */
  readonly undefinedHandler: number;
  readonly hotCounts: HotCounts;
  /** Called when every record and table is dropped, so that processors forget theirs. */
  readonly onReset: (reason: ResetReason) => void;
  /** Called before a frame's code is decoded for the first time since its contents are what they are. */
  readonly onNewCode: (frame: number) => void;
  /**
   * Called before a page changes that has records by decoding since they were last taken, with what
   * {@link CodeCache.pack} takes: it is to be copied, and good until every record is dropped.
   */
  readonly onDecodedGone: (place: CodePlace, records: Int32Array) => void;
}

/** A page of code, as it is decoded in a mode. */
export interface CodePlace {
  readonly frame: number;
  readonly mode: CodeMode;
}

/** Tables of the two pages that an instruction straddles. */
export interface StraddledTables {
  readonly table: number;
  readonly nextTable: number;
}

/** In a countdown: it began at the later of the two numbers. */
const isOfLater = 1;

/** The part of the jumps that make an instruction hot after which a region goes on there. */
function followedPart(hotCount: number): number {
  return hotCount >>> 3;
}

/** In a list of records, whose addresses have these bits clear: it counts passes, or it is one that straddles pages. */
const listedIsCounted = 1;
const listedStraddles = 2;

function tableKey(frame: number, mode: CodeMode): number {
  return frame * codeModes.length + mode.index;
}

function placeOfKey(key: number): CodePlace {
  const mode = present(codeModes[key % codeModes.length], 'code mode');
  return { frame: frameOfKey(key), mode };
}

function frameOfKey(key: number): number {
  return Math.floor(key / codeModes.length);
}

export class CodeCache {
  private readonly view: DataView;
  private readonly tables = new Map<number, number>();
  /** By frame: records of instructions that end in it, by the place in a table that leads to each. */
  private readonly endingIn = new Map<number, Map<number, number>>();
  /** Keys of tables that got records by decoding since they were taken. */
  private readonly decoded = new Set<number>();
  private readonly decoder = new Decoder();
  private readonly offsets: OffsetTables;
  /** Handlers by shape and addressing. */
  private readonly handlers: number[] = [];
  private readonly words: Int32Array;
  private readonly listed = new Int32Array(pageBytes);
  /** Room for a page of packed records; what is never used of it costs no memory. */
  private readonly packed = new Int32Array(pageBytes * packedWordsMax);
  private readonly gathered = new Uint8Array(instructionBytesMax);
  private breakpointOffsets: ReadonlySet<number> = new Set();
  /** Records are put here, one behind the other; tables go before those that are there. */
  private next = arenaStart;
  private tablesStart = arenaEnd;
  private hotCountIsRaised = false;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly memory: GuestMemory,
    private readonly variants: VariantTable,
    private readonly options: CodeCacheOptions,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.words = new Int32Array(bytes.buffer, bytes.byteOffset, arenaEnd >>> 2);
    this.offsets = new OffsetTables(this.words, (count) => (this.tablesStart -= count), arenaBase);
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
    if (!this.hasRoom(offsetTableBytes + runNeeds)) this.reset('full');
    const table = this.offsets.make();
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
    if (!this.hasRoom(runNeeds)) this.reset('full');
    const table = this.tableOf(frame, mode);
    const known = this.offsets.recordAt(table, offset);
    if (known !== 0) {
      return this.isStraddling(known) ? straddles : { kind: 'record', address: known };
    }
    return this.decodeRun(frame, table, offset, mode);
  }

  /**
   * Keeps the record of an instruction that goes on at the start of `nextFrame`: the interpreter uses it where the page
   * behind is the same, found through the code TLB.
   * @returns undefined where it cannot be kept
   */
  keepStraddling(place: CodePlace, offset: number, nextFrame: number): StraddledTables | undefined {
    const { frame, mode } = place;
    if (this.breakpointOffsets.has(offset)) return undefined;
    if (!this.hasRoom(straddlingNeeds)) this.reset('full');
    const nextTable = this.tableOf(nextFrame, mode);
    const table = this.tableOf(frame, mode);
    const isWhole = this.tables.get(tableKey(nextFrame, mode)) === nextTable;
    // Regions that came back with a page may have filled the arena.
    if (!isWhole || !this.hasRoom(runNeeds)) return undefined;
    const entry = this.offsets.placeOf(table, offset);
    const known = this.view.getUint32(entry, true);
    const record = known === 0 ? this.allocate(2 * recordBytes) : known;
    if (this.straddlingAt(place, offset, nextFrame, record) === 'too-long') return undefined;
    const handler = this.view.getUint16(record + recordOffsets.handler, true);
    this.view.setUint16(record + recordOffsets.replacedHandler, handler, true);
    this.view.setUint16(record + recordOffsets.handler, pseudoHandler.straddling, true);
    this.view.setUint32(record + recordOffsets.nextTable, nextTable, true);
    this.view.setUint32(entry, record, true);
    const ending = this.endingIn.get(nextFrame) ?? new Map<number, number>();
    this.endingIn.set(nextFrame, ending);
    ending.set(entry, record);
    return { table, nextTable };
  }

  private isStraddling(record: number): boolean {
    const handler = this.view.getUint16(record + recordOffsets.handler, true);
    return handler === pseudoHandler.straddling;
  }

  /** Puts an instruction that goes on at the start of `nextFrame` into two records at `address`: it, and its end. */
  straddlingAt(
    { frame, mode }: CodePlace,
    offset: number,
    nextFrame: number,
    address: number,
  ): 'done' | 'too-long' {
    const bytes = this.straddlingBytes(frame, offset, nextFrame);
    switch (this.decoder.decode(bytes, 0, instructionBytesMax, mode)) {
      case 'instruction':
        this.writeInstruction(address, offset, this.decoder.shape);
        this.writeEnd(address + recordBytes, offset + this.decoder.length);
        return 'done';
      case 'undefined':
        this.writeBare(address, this.options.undefinedHandler, offset, offset + 1);
        return 'done';
      default:
        return 'too-long';
    }
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

  /** Pages with records by decoding since they were last taken. */
  get decodedPlaces(): readonly CodePlace[] {
    return [...this.decoded].map(placeOfKey);
  }

  /** The records of a page, for {@link pack}; good until they are taken of another one. */
  takeRecords({ frame, mode }: CodePlace): Int32Array {
    const key = tableKey(frame, mode);
    this.decoded.delete(key);
    return this.listRecords(present(this.tables.get(key), 'offset table'));
  }

  /** Records of a page, stale ones as well, for {@link unpackPage}: by offset, without those that straddle pages. */
  pack(records: Int32Array): Int32Array {
    const { words, packed } = this;
    let end = 0;
    for (const listed of records) {
      if ((listed & listedStraddles) !== 0) continue;
      const isCounted = (listed & listedIsCounted) !== 0;
      end = packRecord(words, listed & ~listedIsCounted, isCounted, packed, end);
    }
    return packed.slice(0, end);
  }

  /** By offset, what a table leads to; good until the next call. */
  private listRecords(table: number): Int32Array {
    const { words, listed } = this;
    const count = this.offsets.list(table, listed);
    for (let at = 0; at < count; at++) {
      const record = listed[at] ?? 0;
      const handler = (words[record >>> 2] ?? 0) & 0xffff;
      const isStraddling = handler === pseudoHandler.straddling;
      const isCounted = handler === pseudoHandler.counted;
      listed[at] =
        record | (isStraddling ? listedStraddles : 0) | (isCounted ? listedIsCounted : 0);
    }
    return listed.subarray(0, count);
  }

  /** Gives a page of the same bytes, which has no records, those that were packed; not where there is no room. */
  unpackPage({ frame, mode }: CodePlace, packed: Int32Array): void {
    // Each record may end a run.
    const records = Math.floor(packed.length / packedWordsMin) * 2;
    const blocks = blocksFor(pageBytes) * blockBytes;
    const needed = offsetTableBytes + blocks + records * recordBytes + runNeeds;
    if (!this.hasRoom(needed)) return;
    const { words } = this;
    const table = this.tableOf(frame, mode);
    let runEnd = -1;
    for (let at = 0; at < packed.length;) {
      const offset = packedOffset(packed, at);
      if (runEnd >= 0 && runEnd !== offset) this.endRun(table, runEnd);
      const record = this.allocate(recordBytes);
      const isCounted = packedIsCounted(packed, at);
      at = unpackRecord(packed, at, words, record);
      this.arm(record, offset);
      if (isCounted) this.countPasses(record);
      this.offsets.setRecord(table, offset, record);
      runEnd = (words[(record >>> 2) + field.length] ?? 0) & 0xffff;
    }
    if (runEnd >= 0) this.endRun(table, runEnd);
  }

  /** Writes what follows a run of records that goes on at an offset. */
  private endRun(table: number, offset: number): void {
    const known = offset < pageBytes ? this.offsets.recordAt(table, offset) : 0;
    if (known === 0) this.writeEnd(this.allocate(recordBytes), offset);
    else this.writeGoto(this.allocate(recordBytes), known, offset);
  }

  /** Lets the record of an instruction run a translated region, unless it has a breakpoint or is gone. */
  installRegion({ frame, mode }: CodePlace, offset: number, slot: number, block: number): void {
    const found = this.recordAt(frame, offset, mode);
    if (found.kind !== 'record') return;
    const { view } = this;
    const handlerAt = found.address + recordOffsets.handler;
    const current = view.getUint16(handlerAt, true);
    const handler = current === pseudoHandler.counted ? this.meant(found.address) : current;
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

  /** Whether the record of an instruction runs a translated region. */
  hasRegion(place: CodePlace, offset: number): boolean {
    const record = this.recordOf(place, offset);
    if (record === 0) return false;
    return this.view.getUint16(record + recordOffsets.handler, true) === pseudoHandler.region;
  }

  /** What is decoded from now on is hot after the later number of jumps. */
  raiseHotCount(): void {
    this.hotCountIsRaised = true;
  }

  /** Counts the jumps to an instruction anew, without the one that has just made it hot: that is looked up again. */
  coolDown(place: CodePlace, offset: number): void {
    const record = this.recordOf(place, offset);
    if (record === 0) return;
    this.setCountdown(record, this.hotCount + 1);
  }

  /** Counts the jumps to an instruction that has been hot anew; it stays worth following. */
  heatAgain(place: CodePlace, offset: number): void {
    const record = this.recordOf(place, offset);
    if (record === 0) return;
    this.setCountdown(record, this.hotCount - followedPart(this.hotCount));
  }

  /** Whether jumps to the instruction at an offset are worth following. */
  isJumpedTo(place: CodePlace, offset: number): boolean {
    const record = this.recordOf(place, offset);
    if (record === 0) return this.followedCount === 0;
    const countdown = this.view.getUint32(record + recordOffsets.countdown, true);
    const left = countdown >>> 1;
    const { first, later } = this.options.hotCounts;
    const hotCount = (countdown & isOfLater) === 0 ? first : later;
    return left === 0 || left > hotCount + 1 || hotCount - left >= followedPart(hotCount);
  }

  /** Whether it is worth following a conditional jump that is not made to the instruction behind it, at an offset. */
  isPassedTo(place: CodePlace, offset: number): boolean {
    const record = this.recordOf(place, offset);
    if (record === 0) return this.followedCount === 0;
    const handler = this.view.getUint16(record + recordOffsets.handler, true);
    return handler !== pseudoHandler.counted || this.isJumpedTo(place, offset);
  }

  /** Record of an instruction if there is one, or 0. */
  private recordOf({ frame, mode }: CodePlace, offset: number): number {
    const table = this.tables.get(tableKey(frame, mode));
    return table === undefined ? 0 : this.offsets.recordAt(table, offset);
  }

  /** Record of the instruction at an offset of a page, which a processor knows by its table; 0 where there is none. */
  recordIn(table: number, offset: number): number {
    return this.offsets.recordAt(table, offset);
  }

  /** Whether a record is of a string instruction that ends with its count; not where it has a breakpoint. */
  endsWithCount(record: number): boolean {
    const handler = this.view.getUint16(record + recordOffsets.handler, true);
    return handler !== pseudoHandler.breakpoint && this.variants.endsWithCount(this.meant(record));
  }

  /** Whether a record is of an instruction with a REP prefix, which may take several steps. */
  isRepeated(record: number): boolean {
    return this.variants.isRepeated(this.meant(record));
  }

  /** The handler of a record, also where another one comes before it. */
  private meant(record: number): number {
    const handler = this.view.getUint16(record + recordOffsets.handler, true);
    return handler === pseudoHandler.region ||
      handler === pseudoHandler.straddling ||
      handler === pseudoHandler.breakpoint ||
      handler === pseudoHandler.counted
      ? this.view.getUint16(record + recordOffsets.replacedHandler, true)
      : handler;
  }

  /** Page offsets that the interpreter must see. */
  get interpretedOffsets(): ReadonlySet<number> {
    return this.breakpointOffsets;
  }

  /** The records of a frame will no longer match its bytes. */
  invalidateFrame(frame: number): void {
    this.memory.clearFlag(frame, frameHoldsCode);
    for (const mode of codeModes) {
      const key = tableKey(frame, mode);
      const table = this.tables.get(key);
      if (table === undefined) continue;
      const records = this.listRecords(table);
      if (this.decoded.delete(key)) this.options.onDecodedGone({ frame, mode }, records);
      this.invalidateTable(table, records);
    }
    const ending = this.endingIn.get(frame);
    if (ending === undefined) return;
    this.endingIn.delete(frame);
    for (const [entry, record] of ending) {
      if (this.view.getUint32(entry, true) !== record) continue;
      this.view.setUint16(record + recordOffsets.handler, pseudoHandler.lookup, true);
      this.view.setUint32(entry, 0, true);
    }
  }

  private invalidateTable(table: number, records: Int32Array): void {
    const { words } = this;
    for (const listed of records) {
      const word = listed >>> 2;
      words[word] = ((words[word] ?? 0) & ~0xffff) | pseudoHandler.lookup;
    }
    this.offsets.clear(table);
  }

  /** Drops every record and table. */
  private reset(reason: ResetReason): void {
    for (const key of this.tables.keys()) this.memory.clearFlag(frameOfKey(key), frameHoldsCode);
    this.tables.clear();
    this.decoded.clear();
    this.endingIn.clear();
    this.next = arenaStart;
    this.tablesStart = arenaEnd;
    this.options.onReset(reason);
  }

  private hasRoom(bytes: number): boolean {
    return this.next + bytes <= this.tablesStart;
  }

  private allocate(bytes: number): number {
    const at = this.next;
    this.next += bytes;
    return at;
  }

  private decodeRun(frame: number, table: number, start: number, mode: CodeMode): CodeLookup {
    const { decoder, offsets } = this;
    const base = this.memory.frameOffset(frame);
    const first = this.next;
    this.decoded.add(tableKey(frame, mode));
    let offset = start;
    let isBehindJump = false;
    for (let count = 0; count < runLengthMax; count++) {
      const known = offset < pageBytes ? offsets.recordAt(table, offset) : 0;
      if (known !== 0) {
        this.writeGoto(this.allocate(recordBytes), known, offset);
        return { kind: 'record', address: first };
      }
      const end = Math.min(offset + instructionBytesMax, pageBytes);
      const kind = decoder.decode(this.bytes, base + offset, base + end, mode);
      if (kind === 'truncated' || kind === 'too-long') {
        if (count === 0) return kind === 'truncated' ? straddles : { kind };
        break;
      }
      const record = this.allocate(recordBytes);
      offsets.setRecord(table, offset, record);
      if (kind === 'undefined') {
        this.writeBare(record, this.options.undefinedHandler, offset, offset + 1);
        return { kind: 'record', address: first };
      }
      const { shape } = decoder;
      this.writeInstruction(record, offset, shape);
      if (isBehindJump) this.countPasses(record);
      offset += decoder.length;
      if (shape.isEnd && !shape.isCall) break;
      isBehindJump = shape.isConditional;
    }
    this.writeEnd(this.allocate(recordBytes), offset);
    return { kind: 'record', address: first };
  }

  /** Writes the instruction that was decoded last; fields of 16 and 8 bits go in words, the lowest first. */
  private writeInstruction(record: number, offset: number, shape: InstructionShape): void {
    const { decoder, words } = this;
    const { base, addressSize, displacementLow } = decoder;
    const nextOffset = offset + decoder.length;
    const word = record >>> 2;
    const handler = this.handler(shape);
    words[word] = handler | (handler << 16);
    words[word + field.operands] = decoder.dst | (decoder.src << 16);
    words[word + field.addressing] = base | (decoder.index << 16);
    words[word + field.place] = decoder.segmentBase | (offset << 16);
    if (base === runOffsets.ipBase) {
      const sum = displacementLow + nextOffset;
      words[word + field.displacement] = sum;
      words[word + field.displacement + 1] = Math.floor(sum / 2 ** 32);
    } else {
      words[word + field.displacement] = displacementLow;
      words[word + field.displacement + 1] = decoder.displacementHigh;
    }
    words[word + field.immediate] = decoder.immediateLow;
    words[word + field.immediate + 1] = decoder.immediateHigh;
    words[word + field.addressMask] = addressSize === 16 ? 0xffff : -1;
    words[word + field.addressMask + 1] = addressSize === 64 ? -1 : 0;
    words[word + field.link] = 0;
    words[word + field.length] = nextOffset | (decoder.scale << 16) | (decoder.third << 24);
    words[word + field.region] = 0;
    this.arm(record, offset);
  }

  /** Handler of the instruction that was decoded last. */
  private handler(shape: InstructionShape): number {
    const { addressing } = this.decoder;
    const index = shape.number * addressings.length + addressing;
    const known = this.handlers[index];
    if (known !== undefined) return known;
    const { row, operandSize, form, repeat } = shape;
    const handler = this.variants.handlerOf(row, addressing, operandSize, form, repeat);
    return (this.handlers[index] = handler ?? pseudoHandler.unimplemented);
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
    const { words } = this;
    this.writePseudo(record, handler, offset);
    const word = record >>> 2;
    words[word] = handler | (handler << 16);
    words[word + field.length] = nextOffset;
    this.arm(record, offset);
  }

  /** Gives the record of an instruction its breakpoint and its count of jumps. */
  private arm(record: number, offset: number): void {
    const { words, breakpointOffsets } = this;
    if (breakpointOffsets.size > 0 && breakpointOffsets.has(offset % pageBytes)) {
      this.view.setUint16(record + recordOffsets.handler, pseudoHandler.breakpoint, true);
    }
    words[(record >>> 2) + field.countdown] = this.countdownOf(this.hotCount);
  }

  private setCountdown(record: number, left: number): void {
    this.view.setUint32(record + recordOffsets.countdown, this.countdownOf(left), true);
  }

  private countdownOf(left: number): number {
    return (left << 1) | (this.hotCountIsRaised ? isOfLater : 0);
  }

  private get hotCount(): number {
    const { first, later } = this.options.hotCounts;
    return this.hotCountIsRaised ? later : first;
  }

  /** Jumps to an instruction, or passes of a conditional jump before it, that make it worth following. */
  private get followedCount(): number {
    return followedPart(this.hotCount);
  }

  /** Counts passes through the record of an instruction behind a conditional jump, unless it has a breakpoint. */
  private countPasses(record: number): void {
    const { followedCount } = this;
    const handlerAt = record + recordOffsets.handler;
    if (followedCount === 0 || this.view.getUint16(handlerAt, true) < firstHandler) return;
    this.view.setUint16(handlerAt, pseudoHandler.counted, true);
    this.view.setUint16(record + recordOffsets.passesLeft, Math.min(followedCount, 0xffff), true);
  }

  private writePseudo(record: number, handler: number, offset: number): void {
    const { words } = this;
    const word = record >>> 2;
    for (let at = 0; at < recordBytes >>> 2; at++) words[word + at] = 0;
    words[word] = handler;
    words[word + field.place] = offset << 16;
  }
}
