/** Layout of a decoded instruction, as the generated interpreter reads it. */

/** Byte offsets of a record's fields. Register fields hold byte offsets from `vpBase`. */
export const recordOffsets = {
  /** u16: index into the interpreter's jump table. */
  handler: 0,
  /** u16: the handler that another one stands before: of a breakpoint, of a region, or one that counts. */
  replacedHandler: 2,
  /** u16 each. */
  dst: 4,
  src: 6,
  base: 8,
  index: 10,
  segmentBase: 12,
  /** u16: offset of the instruction in its page. */
  pageOffset: 14,
  displacement: 16,
  immediate: 24,
  addressMask: 32,
  /** u32: record of a relative jump's target in the same page, 0 until it is known. */
  link: 40,
  /** u16: page offset of the following byte; may exceed the page. */
  nextOffset: 44,
  /** u8: 0 to 3. */
  scale: 46,
  /** u8. */
  third: 47,
  /**
   * u32: twice the jumps to this record until it is hot, and 1 where they began at the later number of jumps. Below 2
   * it was hot, or is never to be.
   */
  countdown: 48,
  /** u16 each: table slot of the translated region that starts here, and the block in it. */
  regionSlot: 52,
  regionBlock: 54,
  /** u16, behind a conditional jump: passes until it is known to be worth following. */
  passesLeft: 52,
  /** u32, where an instruction straddles two pages: offset table of the page in which it ends. */
  nextTable: 52,
} as const;

export const recordBytes = 56;

/** Indices of a record's words, each named after what it has; with two words, of the lower. */
export const recordWords = {
  handlers: recordOffsets.handler >>> 2,
  operands: recordOffsets.dst >>> 2,
  addressing: recordOffsets.base >>> 2,
  place: recordOffsets.segmentBase >>> 2,
  displacement: recordOffsets.displacement >>> 2,
  immediate: recordOffsets.immediate >>> 2,
  addressMask: recordOffsets.addressMask >>> 2,
  link: recordOffsets.link >>> 2,
  length: recordOffsets.nextOffset >>> 2,
  countdown: recordOffsets.countdown >>> 2,
  region: recordOffsets.regionSlot >>> 2,
} as const;

/** Handlers that are not instructions; they take no step. */
export const pseudoHandler = {
  /** Execution goes on at this record's page offset, by lookup: end of a run of records, or stale. */
  lookup: 0,
  /** Execution goes on at the record in `link`. */
  goto: 1,
  breakpoint: 2,
  unimplemented: 3,
  /** The translated region in `regionSlot` goes on from here; the handler it replaces is `replacedHandler`. */
  region: 4,
  /** An instruction, whose handler is `replacedHandler` where the page behind is the one it was decoded with. */
  straddling: 5,
  /** An instruction behind a conditional jump, whose handler is `replacedHandler`: that it is passed is counted. */
  counted: 6,
} as const;

/** Number of the first instruction variant. */
export const firstHandler = 7;
