/**
 * The decoder of LZMA as a WebAssembly function: literals and matches behind an adaptive binary range coder (LZMA
 * specification). It decodes one chunk of LZMA2, after which the range coder begins anew; what chunks share stays in
 * the memory.
 */
import { FunctionBody } from '../../cpu/wasm/function-body';
import { op } from '../../cpu/wasm/opcodes';
import { copyLocals, emitMatchCopy } from './match-copy';

const probabilityBits = 11;
const adaptationShift = 5;
const topValue = 1 << 24;

const states = 12;
const positionStateBits = 4;
const positionStatesMax = 1 << positionStateBits;
const alignBits = 4;
const literalStates = 7;
const matchLengthMinimum = 2;
const literalCoderSize = 0x300;

export const literalBitsMax = 4;
export const probabilityStart = 1 << (probabilityBits - 1);

/** Addresses of what chunks share besides probabilities; distances are less by one than what they say. */
export const lzmaVariable = { state: 0, distances: 4 } as const;

export const probabilitiesStart = 32;
let cursor = probabilitiesStart;
function reserve(count: number): number {
  const at = cursor;
  cursor += 2 * count;
  return at;
}

/** A length decoder: two choices, then eight short ones and eight middle ones for each position state, or 256. */
interface LengthPlaces {
  readonly isNotLow: number;
  readonly isNotMiddle: number;
  readonly low: number;
  readonly middle: number;
  readonly high: number;
}

function reserveLength(): LengthPlaces {
  return {
    isNotLow: reserve(1),
    isNotMiddle: reserve(1),
    low: reserve(positionStatesMax * 8),
    middle: reserve(positionStatesMax * 8),
    high: reserve(256),
  };
}

/** Addresses of the probabilities of each decision. */
const decision = {
  isMatch: reserve(states * positionStatesMax),
  isRepeat: reserve(states),
  isRepeat0Not: reserve(states),
  isRepeat1Not: reserve(states),
  isRepeat2Not: reserve(states),
  isRepeat0Long: reserve(states * positionStatesMax),
  distanceSlot: reserve(4 * 64),
  distanceSpecial: reserve(128),
  distanceAlign: reserve(1 << alignBits),
  matchLength: reserveLength(),
  repeatLength: reserveLength(),
  literal: reserve(literalCoderSize << literalBitsMax),
} as const;

export const probabilitiesEnd = cursor;

/** What the function returns. */
export const lzmaOutcome = { ended: 0, damaged: 1 } as const;

class LzmaFunction {
  readonly body = new FunctionBody(
    ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
    ['i32'],
  );
  private readonly parameter = {
    input: 0,
    inputEnd: 1,
    output: 2,
    outputEnd: 3,
    dictionaryStart: 4,
    literalContextBits: 5,
    literalPositionMask: 6,
    positionMask: 7,
  } as const;
  private readonly range = this.body.addLocal('i32');
  private readonly code = this.body.addLocal('i32');
  private readonly state = this.body.addLocal('i32');
  private readonly distances = [
    this.body.addLocal('i32'),
    this.body.addLocal('i32'),
    this.body.addLocal('i32'),
    this.body.addLocal('i32'),
  ] as const;
  /** Of a decision: the address of its probability, the probability, and where it divides the range. */
  private readonly place = this.body.addLocal('i32');
  private readonly probability = this.body.addLocal('i32');
  private readonly bound = this.body.addLocal('i32');
  /** Of a tree of decisions: where its probabilities begin, and the path so far behind a leading one. */
  private readonly base = this.body.addLocal('i32');
  private readonly symbol = this.body.addLocal('i32');
  private readonly positionState = this.body.addLocal('i32');
  private readonly length = this.body.addLocal('i32');
  private readonly count = this.body.addLocal('i32');
  private readonly bits = this.body.addLocal('i32');
  private readonly matched = this.body.addLocal('i32');
  private readonly mask = this.body.addLocal('i32');
  private readonly matchBit = this.body.addLocal('i32');
  private readonly copy = copyLocals(this.body, this.parameter.output);

  constructor() {
    const { body, range, code } = this;
    const { input, inputEnd, output, outputEnd } = this.parameter;
    this.emitVariables('load');
    body.i32(-1).set(range);
    // The first byte is zero, which the caller has seen to; four more are the code.
    body.i32(0).set(code).i32(1).set(this.count).loop('begin');
    body.get(code).i32(8).op(op.i32Shl);
    body.get(input).get(this.count).op(op.i32Add).memory(op.i32Load8U, 0).op(op.i32Or).set(code);
    body.get(this.count).i32(1).op(op.i32Add).tee(this.count).i32(5).op(op.i32LtU).brIf('begin');
    body.end();
    body.get(input).i32(5).op(op.i32Add).set(input);
    body.block('damaged').block('ended').loop('next');
    body.get(output).get(outputEnd).op(op.i32GeU).brIf('ended');
    body.get(input).get(inputEnd).op(op.i32GtU).brIf('damaged');
    this.emitSymbol();
    body.br('next').end().end();
    this.emitNormalize();
    body.get(code).get(input).get(inputEnd).op(op.i32Ne).op(op.i32Or).brIf('damaged');
    this.emitVariables('store');
    body.i32(lzmaOutcome.ended).op(op.return).end();
    body.i32(lzmaOutcome.damaged);
  }

  private emitVariables(direction: 'load' | 'store'): void {
    const { body } = this;
    const variables = [
      [lzmaVariable.state, this.state],
      ...this.distances.map((local, index) => [lzmaVariable.distances + 4 * index, local] as const),
    ] as const;
    for (const [address, local] of variables) {
      if (direction === 'load') body.i32(address).memory(op.i32Load, 0).set(local);
      else body.i32(address).get(local).memory(op.i32Store, 0);
    }
  }

  // The range coder

  private emitNormalize(): void {
    const { body, range, code } = this;
    const { input } = this.parameter;
    body.get(range).i32(topValue).op(op.i32LtU).if();
    body.get(range).i32(8).op(op.i32Shl).set(range);
    body.get(code).i32(8).op(op.i32Shl).get(input).memory(op.i32Load8U, 0).op(op.i32Or).set(code);
    body.get(input).i32(1).op(op.i32Add).set(input).end();
  }

  /** Decodes the decision whose probability is at the address on the stack. */
  private emitDecision(whenZero: () => void, whenOne: () => void): void {
    const { body, range, code, place, probability, bound } = this;
    body.set(place);
    this.emitNormalize();
    body.get(place).memory(op.i32Load16U, 0).tee(probability);
    body.get(range).i32(probabilityBits).op(op.i32ShrU).op(op.i32Mul).set(bound);
    body.get(code).get(bound).op(op.i32LtU).if();
    body.get(bound).set(range);
    body.get(place).get(probability);
    body
      .i32(1 << probabilityBits)
      .get(probability)
      .op(op.i32Sub);
    body.i32(adaptationShift).op(op.i32ShrU).op(op.i32Add).memory(op.i32Store16, 0);
    whenZero();
    body.else();
    body.get(range).get(bound).op(op.i32Sub).set(range);
    body.get(code).get(bound).op(op.i32Sub).set(code);
    body.get(place).get(probability).get(probability);
    body.i32(adaptationShift).op(op.i32ShrU).op(op.i32Sub).memory(op.i32Store16, 0);
    whenOne();
    body.end();
  }

  /** One step down a tree: the decision at the address on the stack becomes the last bit of `symbol`. */
  private emitStep(whenZero = (): void => undefined, whenOne = (): void => undefined): void {
    const { body, symbol } = this;
    this.emitDecision(
      () => {
        body.get(symbol).i32(1).op(op.i32Shl).set(symbol);
        whenZero();
      },
      () => {
        body.get(symbol).i32(1).op(op.i32Shl).i32(1).op(op.i32Or).set(symbol);
        whenOne();
      },
    );
  }

  /** Walks down the tree at `base` of so many bits; `symbol` has them behind a leading one. */
  private emitTree(bits: number): void {
    const { body, base, symbol } = this;
    const label = `tree ${bits}`;
    body.i32(1).set(symbol).loop(label);
    body.get(base).get(symbol).i32(1).op(op.i32Shl).op(op.i32Add);
    this.emitStep();
    body
      .get(symbol)
      .i32(1 << bits)
      .op(op.i32LtU)
      .brIf(label)
      .end();
  }

  /** Adds the bits of a tree at `base`, of `bits` bits with the lowest first, to the distance. */
  private emitReverseTree(): void {
    const { body, base, symbol, count, bits } = this;
    const [distance] = this.distances;
    body.i32(1).set(symbol).i32(0).set(count).loop('reverse');
    body.get(base).get(symbol).i32(1).op(op.i32Shl).op(op.i32Add);
    this.emitStep(undefined, () =>
      body.get(distance).i32(1).get(count).op(op.i32Shl).op(op.i32Add).set(distance),
    );
    body.get(count).i32(1).op(op.i32Add).tee(count).get(bits).op(op.i32LtU).brIf('reverse').end();
  }

  // Literals and matches

  private emitSymbol(): void {
    const { body, positionState, length, count, copy } = this;
    const { output, outputEnd, positionMask } = this.parameter;
    const [distance] = this.distances;
    this.emitPosition();
    body.get(positionMask).op(op.i32And).set(positionState).block('copy');
    this.emitOfStateAndPosition(decision.isMatch);
    this.emitDecision(
      () => {
        this.emitLiteral();
        body.br('next');
      },
      () => {
        this.emitOfState(decision.isRepeat);
        this.emitDecision(
          () => this.emitNewMatch(),
          () => this.emitRepeatedMatch(),
        );
      },
    );
    body.end();
    this.emitDistanceCheck();
    body.get(length).get(outputEnd).get(output).op(op.i32Sub).op(op.i32GtU).brIf('damaged');
    body.get(output).get(length).op(op.i32Add).set(copy.end);
    body.get(distance).i32(1).op(op.i32Add).set(count);
    emitMatchCopy(body, count, copy);
  }

  /** Leaves on the stack how far the output is behind the start of the dictionary. */
  private emitPosition(): void {
    const { output, dictionaryStart } = this.parameter;
    this.body.get(output).get(dictionaryStart).op(op.i32Sub);
  }

  private emitDistanceCheck(): void {
    this.body.get(this.distances[0]);
    this.emitPosition();
    this.body.op(op.i32GeU).brIf('damaged');
  }

  /** Leaves the address of the probability that belongs to the state. */
  private emitOfState(base: number): void {
    this.body.get(this.state).i32(1).op(op.i32Shl).i32(base).op(op.i32Add);
  }

  private emitOfStateAndPosition(base: number): void {
    const { body, state, positionState } = this;
    body.get(state).i32(positionStateBits).op(op.i32Shl).get(positionState).op(op.i32Add);
    body.i32(1).op(op.i32Shl).i32(base).op(op.i32Add);
  }

  /** The context is made of the lowest bits of the position and the highest bits of the byte before. */
  private emitLiteral(): void {
    const { body, base, symbol, state } = this;
    const { output, dictionaryStart, literalContextBits, literalPositionMask } = this.parameter;
    this.emitPosition();
    body.get(literalPositionMask).op(op.i32And).get(literalContextBits).op(op.i32Shl);
    // Before the first byte there is none: it counts as zero.
    body.get(output).i32(1).op(op.i32Sub).memory(op.i32Load8U, 0);
    body.i32(0).get(output).get(dictionaryStart).op(op.i32Ne).op(op.select);
    body.i32(8).get(literalContextBits).op(op.i32Sub).op(op.i32ShrU).op(op.i32Add);
    body
      .i32(2 * literalCoderSize)
      .op(op.i32Mul)
      .i32(decision.literal)
      .op(op.i32Add)
      .set(base);
    body.get(state).i32(literalStates).op(op.i32GeU).if();
    this.emitMatchedLiteral();
    body.else();
    this.emitTree(8);
    body.end();
    body.get(output).get(symbol).memory(op.i32Store8, 0);
    body.get(output).i32(1).op(op.i32Add).set(output);
    // 0 to 3 become 0, 4 to 9 are less by 3, 10 and 11 by 6.
    body.i32(0).get(state).i32(3).op(op.i32Sub).get(state).i32(6).op(op.i32Sub);
    body.get(state).i32(10).op(op.i32LtU).op(op.select);
    body.get(state).i32(4).op(op.i32LtU).op(op.select).set(state);
  }

  /** Behind a match, the byte at its distance says which probabilities hold, for as long as the literal is like it. */
  private emitMatchedLiteral(): void {
    const { body, base, symbol, matched, mask, matchBit } = this;
    this.emitDistanceCheck();
    body.get(this.parameter.output).get(this.distances[0]).op(op.i32Sub).i32(1).op(op.i32Sub);
    body.memory(op.i32Load8U, 0).set(matched);
    body.i32(0x100).set(mask).i32(1).set(symbol).loop('matched');
    body.get(matched).i32(1).op(op.i32Shl).tee(matched).get(mask).op(op.i32And).tee(matchBit);
    body.get(mask).op(op.i32Add).get(symbol).op(op.i32Add).i32(1).op(op.i32Shl);
    body.get(base).op(op.i32Add);
    this.emitStep(
      () => body.get(mask).get(matchBit).i32(-1).op(op.i32Xor).op(op.i32And).set(mask),
      () => body.get(mask).get(matchBit).op(op.i32And).set(mask),
    );
    body.get(symbol).i32(0x100).op(op.i32LtU).brIf('matched').end();
  }

  /** Sets the state to one of two, by whether it was one behind a literal. */
  private emitNextState(behindLiteral: number, behindMatch: number): void {
    const { body, state } = this;
    body.i32(behindLiteral).i32(behindMatch);
    body.get(state).i32(literalStates).op(op.i32LtU).op(op.select).set(state);
  }

  private emitNewMatch(): void {
    this.emitMoveDistances(3);
    this.emitLength(decision.matchLength);
    this.emitNextState(7, 10);
    this.emitDistance();
  }

  /** The latest distances up to one become those before it. */
  private emitMoveDistances(last: 1 | 2 | 3): void {
    const { body, distances } = this;
    if (last === 3) body.get(distances[2]).set(distances[3]);
    if (last >= 2) body.get(distances[1]).set(distances[2]);
    body.get(distances[0]).set(distances[1]);
  }

  private emitRepeatedMatch(): void {
    const { body, length } = this;
    this.emitOfState(decision.isRepeat0Not);
    this.emitDecision(
      () => {
        this.emitOfStateAndPosition(decision.isRepeat0Long);
        this.emitDecision(
          () => {
            this.emitNextState(9, 11);
            body.i32(1).set(length).br('copy');
          },
          () => undefined,
        );
      },
      () => {
        this.emitOfState(decision.isRepeat1Not);
        this.emitDecision(
          () => this.emitTakeDistance(1),
          () => {
            this.emitOfState(decision.isRepeat2Not);
            this.emitDecision(
              () => this.emitTakeDistance(2),
              () => this.emitTakeDistance(3),
            );
          },
        );
      },
    );
    this.emitLength(decision.repeatLength);
    this.emitNextState(8, 11);
  }

  private emitTakeDistance(index: 1 | 2 | 3): void {
    const { body, distances, count } = this;
    body.get(distances[index]).set(count);
    this.emitMoveDistances(index);
    body.get(count).set(distances[0]);
  }

  private emitLength({ isNotLow, isNotMiddle, low, middle, high }: LengthPlaces): void {
    const { body } = this;
    body.i32(isNotLow);
    this.emitDecision(
      () => this.emitShortLength(low, matchLengthMinimum),
      () => {
        body.i32(isNotMiddle);
        this.emitDecision(
          () => this.emitShortLength(middle, matchLengthMinimum + 8),
          () => {
            body.i32(high).set(this.base);
            this.emitTree(8);
            this.emitLengthOfSymbol(matchLengthMinimum + 16 - 256);
          },
        );
      },
    );
  }

  private emitShortLength(places: number, minimum: number): void {
    const { body, positionState, base } = this;
    body.get(positionState).i32(4).op(op.i32Shl).i32(places).op(op.i32Add).set(base);
    this.emitTree(3);
    this.emitLengthOfSymbol(minimum - 8);
  }

  private emitLengthOfSymbol(added: number): void {
    this.body.get(this.symbol).i32(added).op(op.i32Add).set(this.length);
  }

  /** A slot is the two highest bits of a distance and how many follow; the length has a say in how likely it is. */
  private emitDistance(): void {
    const { body, base, symbol, length, count, bits } = this;
    const [distance] = this.distances;
    const slot = this.matched;
    body.get(length).i32(matchLengthMinimum).op(op.i32Sub).i32(3);
    body
      .get(length)
      .i32(matchLengthMinimum + 3)
      .op(op.i32LtU)
      .op(op.select);
    body.i32(7).op(op.i32Shl).i32(decision.distanceSlot).op(op.i32Add).set(base);
    this.emitTree(6);
    body.get(symbol).i32(64).op(op.i32Sub).tee(slot).set(distance);
    body.get(slot).i32(4).op(op.i32GeU).if();
    body.get(slot).i32(1).op(op.i32ShrU).i32(1).op(op.i32Sub).set(bits);
    body.get(slot).i32(1).op(op.i32And).i32(2).op(op.i32Or).get(bits).op(op.i32Shl).set(distance);
    body.get(slot).i32(14).op(op.i32LtU).if();
    body.get(distance).get(slot).op(op.i32Sub).i32(1).op(op.i32Shl);
    body.i32(decision.distanceSpecial).op(op.i32Add).set(base);
    body.else();
    body.get(bits).i32(alignBits).op(op.i32Sub).set(bits);
    this.emitDirectBits();
    body.get(distance).get(count).i32(alignBits).op(op.i32Shl).op(op.i32Add).set(distance);
    body.i32(decision.distanceAlign).set(base).i32(alignBits).set(bits);
    body.end();
    this.emitReverseTree();
    body.end();
  }

  /** Reads `bits` bits of equal chance into `count`. */
  private emitDirectBits(): void {
    const { body, range, code, bits, count, mask } = this;
    body.i32(0).set(count).loop('direct');
    this.emitNormalize();
    body.get(range).i32(1).op(op.i32ShrU).set(range);
    // All ones where the code lies in the lower half, from which then nothing is to be taken.
    body.get(code).get(range).op(op.i32Sub).tee(code).i32(31).op(op.i32ShrS).set(mask);
    body.get(code).get(range).get(mask).op(op.i32And).op(op.i32Add).set(code);
    body.get(count).i32(1).op(op.i32Shl).get(mask).op(op.i32Add).i32(1).op(op.i32Add).set(count);
    body.get(bits).i32(1).op(op.i32Sub).tee(bits).brIf('direct').end();
  }
}

/** The decoder of a chunk. */
export function lzmaFunction(): FunctionBody {
  return new LzmaFunction().body;
}
