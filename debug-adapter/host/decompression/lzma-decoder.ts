/** LZMA: literals and matches behind an adaptive binary range coder (LZMA specification; used here by LZMA2). */
import type { OutputBuffer } from './output-buffer';
import { PackedDataError } from './packed-data-error';

const probabilityBits = 11;
const probabilityStart = 1 << (probabilityBits - 1);
const adaptationShift = 5;
const topValue = 1 << 24;

const states = 12;
const positionStatesMax = 16;
const literalStates = 7;
const matchLengthMinimum = 2;

let cursor = 0;
function reserve(count: number): number {
  const at = cursor;
  cursor += count;
  return at;
}

/** A length decoder: two choices, then eight short ones and eight middle ones for each position state, or 256. */
const lengthLow = 2;
const lengthMiddle = lengthLow + positionStatesMax * 8;
const lengthHigh = lengthMiddle + positionStatesMax * 8;
const lengthSize = lengthHigh + 256;

/** Where the probabilities of each decision begin. */
const decision = {
  isMatch: reserve(states * positionStatesMax),
  isRepeat: reserve(states),
  isRepeat0Not: reserve(states),
  isRepeat1Not: reserve(states),
  isRepeat2Not: reserve(states),
  isRepeat0Long: reserve(states * positionStatesMax),
  distanceSlot: reserve(4 * 64),
  distanceSpecial: reserve(128),
  distanceAlign: reserve(16),
  matchLength: reserve(lengthSize),
  repeatLength: reserve(lengthSize),
  literal: cursor,
} as const;

const literalCoderSize = 0x300;
const literalBitsMax = 4;

/** Decodes chunks that share probabilities until a reset. */
export class LzmaDecoder {
  private readonly probabilities = new Uint16Array(
    decision.literal + (literalCoderSize << literalBitsMax),
  );
  private literalContextBits = 0;
  private literalPositionMask = 0;
  private positionMask = 0;

  private state = 0;
  private repeat0 = 0;
  private repeat1 = 0;
  private repeat2 = 0;
  private repeat3 = 0;

  private input: Uint8Array = new Uint8Array(0);
  private inputAt = 0;
  private range = 0;
  private code = 0;

  constructor(private readonly output: OutputBuffer) {}

  /** Sets lc, lp and pb from their byte; a reset of the state must follow. */
  setProperties(byte: number): void {
    const literalContextBits = byte % 9;
    const literalPositionBits = Math.floor(byte / 9) % 5;
    const positionBits = Math.floor(byte / 45);
    if (positionBits > 4 || literalContextBits + literalPositionBits > literalBitsMax) {
      throw new PackedDataError('its LZMA properties are out of range');
    }
    this.literalContextBits = literalContextBits;
    this.literalPositionMask = (1 << literalPositionBits) - 1;
    this.positionMask = (1 << positionBits) - 1;
  }

  resetState(): void {
    this.probabilities.fill(probabilityStart);
    this.state = 0;
    this.repeat0 = this.repeat1 = this.repeat2 = this.repeat3 = 0;
  }

  /**
   * Decodes one chunk.
   * @param unpackedBytes that it yields exactly
   * @param dictionaryStart first byte of the output that matches may reach
   */
  decode(input: Uint8Array, unpackedBytes: number, dictionaryStart: number): void {
    this.beginInput(input);
    const { output } = this;
    output.reserve(unpackedBytes);
    const end = output.length + unpackedBytes;
    while (output.length < end) {
      const positionState = (output.length - dictionaryStart) & this.positionMask;
      const context = this.state * positionStatesMax + positionState;
      if (this.bit(decision.isMatch + context) === 0) {
        this.decodeLiteral(dictionaryStart);
        continue;
      }
      const length = this.decodeMatch(positionState, context);
      const distance = this.repeat0 + 1;
      if (distance > output.length - dictionaryStart || output.length + length > end) {
        throw new PackedDataError('a match reaches outside of the data');
      }
      output.repeat(distance, length);
    }
    this.normalize();
    if (this.code !== 0 || this.inputAt !== input.length) {
      throw new PackedDataError('a chunk does not end where it should');
    }
  }

  private beginInput(input: Uint8Array): void {
    if (input.length < 5 || input[0] !== 0) throw new PackedDataError('a chunk begins wrongly');
    this.input = input;
    this.range = 0xffffffff;
    this.code = new DataView(input.buffer, input.byteOffset).getUint32(1);
    this.inputAt = 5;
  }

  private decodeLiteral(dictionaryStart: number): void {
    const { output } = this;
    const { bytes, length } = output;
    const position = length - dictionaryStart;
    const previous = position === 0 ? 0 : (bytes[length - 1] ?? 0);
    const context =
      ((position & this.literalPositionMask) << this.literalContextBits) +
      (previous >>> (8 - this.literalContextBits));
    const base = decision.literal + literalCoderSize * context;
    let symbol = 1;
    if (this.state >= literalStates) {
      let match = bytes[length - this.repeat0 - 1] ?? 0;
      let offset = 0x100;
      do {
        match <<= 1;
        const matchBit = match & offset;
        const bit = this.bit(base + offset + matchBit + symbol);
        symbol = (symbol << 1) | bit;
        offset &= bit === 0 ? ~matchBit : matchBit;
      } while (symbol < 0x100);
    } else {
      do symbol = (symbol << 1) | this.bit(base + symbol);
      while (symbol < 0x100);
    }
    bytes[length] = symbol;
    output.length = length + 1;
    this.state = this.state < 4 ? 0 : this.state < 10 ? this.state - 3 : this.state - 6;
  }

  /** Length of the match; its distance minus one is `repeat0` afterwards. */
  private decodeMatch(positionState: number, context: number): number {
    const { state } = this;
    const isShort = state < literalStates;
    if (this.bit(decision.isRepeat + state) === 0) {
      this.repeat3 = this.repeat2;
      this.repeat2 = this.repeat1;
      this.repeat1 = this.repeat0;
      this.state = isShort ? 7 : 10;
      const length = this.decodeLength(decision.matchLength, positionState);
      this.repeat0 = this.decodeDistance(length);
      return length;
    }
    if (this.bit(decision.isRepeat0Not + state) === 0) {
      if (this.bit(decision.isRepeat0Long + context) === 0) {
        this.state = isShort ? 9 : 11;
        return 1;
      }
    } else {
      this.takeOlderDistance(state);
    }
    this.state = isShort ? 8 : 11;
    return this.decodeLength(decision.repeatLength, positionState);
  }

  private takeOlderDistance(state: number): void {
    let distance = this.repeat1;
    if (this.bit(decision.isRepeat1Not + state) !== 0) {
      distance = this.repeat2;
      if (this.bit(decision.isRepeat2Not + state) !== 0) {
        distance = this.repeat3;
        this.repeat3 = this.repeat2;
      }
      this.repeat2 = this.repeat1;
    }
    this.repeat1 = this.repeat0;
    this.repeat0 = distance;
  }

  private decodeLength(base: number, positionState: number): number {
    if (this.bit(base) === 0) {
      return matchLengthMinimum + this.tree(base + lengthLow + positionState * 8, 3);
    }
    if (this.bit(base + 1) === 0) {
      return matchLengthMinimum + 8 + this.tree(base + lengthMiddle + positionState * 8, 3);
    }
    return matchLengthMinimum + 16 + this.tree(base + lengthHigh, 8);
  }

  /** Distance minus one. */
  private decodeDistance(length: number): number {
    const lengthState = Math.min(length - matchLengthMinimum, 3);
    const slot = this.tree(decision.distanceSlot + lengthState * 64, 6);
    if (slot < 4) return slot;
    const directBits = (slot >>> 1) - 1;
    const start = (2 | (slot & 1)) << directBits;
    if (slot < 14) {
      const base = decision.distanceSpecial + start - slot;
      return start + this.reverseTree(base, directBits);
    }
    const high = this.direct(directBits - 4) << 4;
    return (start + high + this.reverseTree(decision.distanceAlign, 4)) >>> 0;
  }

  private tree(base: number, bits: number): number {
    let symbol = 1;
    for (let count = 0; count < bits; count++) symbol = (symbol << 1) | this.bit(base + symbol);
    return symbol - (1 << bits);
  }

  private reverseTree(base: number, bits: number): number {
    let symbol = 1;
    let value = 0;
    for (let count = 0; count < bits; count++) {
      const bit = this.bit(base + symbol);
      symbol = (symbol << 1) | bit;
      value |= bit << count;
    }
    return value;
  }

  /** Bits of equal chance. */
  private direct(bits: number): number {
    let value = 0;
    for (let count = 0; count < bits; count++) {
      this.normalize();
      this.range >>>= 1;
      const isSet = this.code >= this.range;
      if (isSet) this.code -= this.range;
      value = (value << 1) | (isSet ? 1 : 0);
    }
    return value;
  }

  private bit(index: number): 0 | 1 {
    this.normalize();
    const { probabilities, range } = this;
    const probability = probabilities[index] ?? 0;
    const bound = Math.imul(range >>> probabilityBits, probability) >>> 0;
    if (this.code < bound) {
      this.range = bound;
      probabilities[index] =
        probability + (((1 << probabilityBits) - probability) >>> adaptationShift);
      return 0;
    }
    this.range = range - bound;
    this.code -= bound;
    probabilities[index] = probability - (probability >>> adaptationShift);
    return 1;
  }

  private normalize(): void {
    if (this.range >= topValue) return;
    const byte = this.input[this.inputAt++];
    if (byte === undefined) throw new PackedDataError('a chunk ends too early');
    this.range = (this.range << 8) >>> 0;
    this.code = ((this.code << 8) | byte) >>> 0;
  }
}
