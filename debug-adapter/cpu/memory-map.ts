/** Where things lie in a partition's code space: processors, decoded instructions, then guest frames. */
import { hypervisorPagesEnd } from '../machine/hypervisor-pages';
import { stateBytes } from '../machine/processor-state';

/** First processor's state; below lie the hypervisor's pages, and offset 0 means "none". */
export const processorBase = hypervisorPagesEnd;
export const processorStride = 0x200000;
export const processorCountMax = 64;

/** Decoded instructions and the offset tables of code pages. */
export const arenaBase = processorBase + processorCountMax * processorStride;
export const arenaEnd = 0xe000000;

/** First guest frame. Every host address below it is a scratch buffer. */
export const frameBase = arenaEnd;

let cursor = stateBytes;

function reserve(bytes: number): number {
  cursor = Math.ceil(cursor / 8) * 8;
  const at = cursor;
  cursor += bytes;
  return at;
}

/** Offsets, from `vpBase`, of what only lives while a processor runs; never saved or hashed. */
export const runOffsets = {
  /** Instruction pointer that belongs to offset 0 of the current code page. */
  ipBase: reserve(8),
  /** A `StopCode`. */
  stop: reserve(4),
  /** Steps left of the budget. */
  remaining: reserve(4),
  /** Decoded record to begin with instead of a lookup, or 0; consumed. */
  startRecord: reserve(4),
  /** Set to execute one instruction although it has a breakpoint. */
  passBreakpoint: reserve(4),
  /** Current privilege level, derived from SS. */
  cpl: reserve(4),
  /** Base that the code segment adds to an instruction pointer: 0 in 64-bit mode. */
  codeBase: reserve(8),
  /** Last offset of the code segment that may be fetched; not used in 64-bit mode. */
  codeLimit: reserve(8),
  /** What checked accesses obey, for ES, CS, SS, DS, FS, GS; fields in `segmentCheckOffsets`. */
  segmentChecks: reserve(6 * 48),
  /** Absolute addresses of the TLBs for the current privilege level. */
  readTlb: reserve(4),
  writeTlb: reserve(4),
  codeTlb: reserve(4),
  /** Absolute address of the jump cache for the current privilege level, and what its tags are combined with. */
  jumpCache: reserve(4),
  jumpEpoch: reserve(8),
  /** Absolute address of the record cache for the current privilege level; its tags are combined with the same. */
  recordCache: reserve(4),
  /** Second operand of flags that a region has left due (`translator/due-flags.ts`). */
  dueB: reserve(8),
  /** By how many of 64 bits the linear addresses that the processor supports are shorter; constant. */
  unsupportedAddressBits: reserve(8),
  faultVector: reserve(4),
  /** Error code, or -1 where the vector has none. */
  faultErrorCode: reserve(4),
  /** Steps taken in translated regions, modulo 2^32: for tests and statistics. */
  translatedSteps: reserve(4),
  /** The lane's time once the budget is used up, and the last moment read from the partition's clock. */
  clockAtEnd: reserve(8),
  clockRead: reserve(8),
  /** Steps that were left when STI last set IF: no interrupt comes before the next one. */
  stepsLeftAtSti: reserve(4),
  /** Operand handed to a routine. */
  operand: reserve(8),
  /** Vector operands handed to a routine: the destination's old value and the source. */
  vectorA: reserve(16),
  vectorB: reserve(16),
  /** Bytes of the operand beyond the first eight. */
  operandHigh: reserve(8),
  /** Where an access that cannot use a frame directly reads from or writes to. */
  readScratch: reserve(16 * 4),
  writeScratch: reserve(16 * 4),
  /** Records of an instruction that straddles two pages, and the one that ends it. */
  straddleRecords: reserve(128),
} as const;

/** Fields of a segment's entry in `segmentChecks`, each an i64; an empty range has its low end above its high end. */
export const segmentCheckOffsets = {
  base: 0,
  readLow: 8,
  readHigh: 16,
  writeLow: 24,
  writeHigh: 32,
  /** Vector of a violation: #SS for the stack segment, else #GP. */
  fault: 40,
} as const;

export const segmentCheckBytes = 48;

/** Offset from `vpBase` of a segment's entry. */
export function segmentCheckOffset(segment: number): number {
  return runOffsets.segmentChecks + segment * segmentCheckBytes;
}

/** A code-TLB entry: linear page (i64), address of the page's offset table (i32), unused (i32). */
export const tlbEntryBytes = 16;
/** By how much an index is shifted to reach its entry. */
export const tlbEntryShift = 4;
/** As many as there are pages in the text of a kernel, which lie one behind the other. */
export const codeTlbEntries = 4096;
/** A data-TLB entry: linear page (i64), address of its first byte in the space (i32), unused (i32). */
export const dataTlbEntriesMax = 16384;

const codeTlbBytes = codeTlbEntries * tlbEntryBytes;
const dataTlbBytes = dataTlbEntriesMax * tlbEntryBytes;

/** Offsets of the TLBs from `vpBase`: for supervisor (0), user (1), and supervisor that may access user pages (2). */
export const tlbOffsets = {
  code: [0x20000, 0x20000 + codeTlbBytes],
  read: [0x40000, 0x40000 + dataTlbBytes, 0x40000 + 4 * dataTlbBytes],
  write: [0x40000 + 2 * dataTlbBytes, 0x40000 + 3 * dataTlbBytes, 0x40000 + 5 * dataTlbBytes],
} as const;

/** A jump-cache entry says which translated region an instruction pointer begins: its fields. */
export const jumpEntryOffsets = {
  /** i64: the instruction pointer, combined with the cache's epoch. */
  tag: 0,
  /** i32 each: table slot of the region, and block in it. */
  slot: 8,
  block: 12,
} as const;

export const jumpCacheEntries = 2048;
/** By how much an index is shifted to reach its entry. */
export const jumpCacheEntryShift = 4;

/** Offsets of the jump caches from `vpBase`: for supervisor (0) and user (1). */
export const jumpCacheOffsets = [0x8000, 0x10000] as const;

/** A record-cache entry says which record an instruction has that was jumped to: its fields. */
export const recordEntryOffsets = {
  /** i64: the linear address, combined with the jump cache's epoch. */
  tag: 0,
  /** i32. */
  record: 8,
} as const;

export const recordCacheEntries = 4096;
/** By how much an index is shifted to reach its entry. */
export const recordCacheEntryShift = 4;

/** Offsets of the record caches from `vpBase`: for supervisor (0) and user (1). */
export const recordCacheOffsets = [0x1c0000, 0x1d0000] as const;

/** By how much a jump's target is shifted to spread targets: functions of different pages begin at the same offsets. */
export const jumpSpreadShift = 11n;

/** First byte after the run area, for a check that nothing overlaps. */
export const runAreaEnd = cursor;
