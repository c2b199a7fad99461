/** Decodes the chunks of LZMA2 that are packed with LZMA. */
import { once } from '../../support/once';
import { compileDecoder, DecoderMemory } from './decoder-memory';
import {
  literalBitsMax,
  lzmaFunction,
  lzmaOutcome,
  lzmaVariable,
  probabilitiesEnd,
  probabilitiesStart,
  probabilityStart,
} from './lzma-function';
import { PackedDataError } from './packed-data-error';

/** Longest chunk, packed. */
const chunkBytesMax = 0x10000;
/** Bytes with which the range coder begins. */
const rangeCoderBytes = 5;

const compiled = once(() => compileDecoder(lzmaFunction()));

/** Chunks share probabilities until a reset. */
export class LzmaDecoder {
  private readonly memory: DecoderMemory;
  private literalContextBits = 0;
  private literalPositionMask = 0;
  private positionMask = 0;

  constructor(limitBytes: number) {
    this.memory = new DecoderMemory(compiled(), probabilitiesEnd, chunkBytesMax, limitBytes);
  }

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
    const { memory } = this;
    memory.fillHalfwords(probabilitiesStart, probabilitiesEnd, probabilityStart);
    memory.fillHalfwords(lzmaVariable.state, probabilitiesStart, 0);
  }

  /** Bytes of output so far. */
  get length(): number {
    return this.memory.length;
  }

  /** The output so far, until more is decoded. */
  get output(): Uint8Array {
    return this.memory.output;
  }

  /** Takes bytes that are not packed. */
  append(bytes: Uint8Array): void {
    this.memory.append(bytes);
  }

  /**
   * Decodes one chunk.
   * @param unpackedBytes that it yields exactly
   * @param dictionaryStart first byte of the output that matches may reach
   */
  decode(input: Uint8Array, unpackedBytes: number, dictionaryStart: number): void {
    if (input.length < rangeCoderBytes || input[0] !== 0) {
      throw new PackedDataError('a chunk begins wrongly');
    }
    const { memory } = this;
    memory.reserve(unpackedBytes);
    const inputEnd = memory.provide(input);
    const outputEnd = memory.end + unpackedBytes;
    const outcome = memory.decode(
      memory.inputStart,
      inputEnd,
      memory.end,
      outputEnd,
      memory.end - memory.length + dictionaryStart,
      this.literalContextBits,
      this.literalPositionMask,
      this.positionMask,
    );
    if (outcome !== lzmaOutcome.ended) {
      throw new PackedDataError('a chunk does not hold what it should');
    }
    memory.end = outputEnd;
  }
}
