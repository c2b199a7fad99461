/** String instructions with REP (SDM vol. 2: MOVS, STOS, LODS, CMPS, SCAS, REP). One iteration is one step. */
import { stateOffsets } from '../../machine/processor-state';
import type { Builder, Operand } from '../ir/builder';
import type { Expression, Local, Width } from '../ir/ir';
import { frameBase } from '../memory-map';
import { setCompareFlags } from './arithmetic';
import {
  defineIn,
  defineRare,
  operandAt,
  widthOf,
  type Definition,
  type VariantContext,
} from './definition';
import { RAX, RCX, RDI, RSI, setCounter } from './registers';

const directionFlag = 10;

/** Signed distance to the next element. */
function stride(b: Builder, width: Width): Expression {
  const bytes = BigInt(width / 8);
  return b.let(b.select(isDescending(b), b.i64(-bytes), b.i64(bytes)));
}

function sourceAddress(b: Builder): Expression {
  const offset = b.and(b.register(RSI), b.decoded('addressMask'));
  return b.linear(offset, 'operand');
}

/** The destination is ES, which takes no override. */
function targetAddress(b: Builder): Expression {
  return b.linear(b.and(b.register(RDI), b.decoded('addressMask')), 'ES');
}

function advance(b: Builder, register: number, by: Expression): void {
  setCounter(b, register, b.and(b.add(b.register(register), by), b.decoded('addressMask')));
}

/**
 * Wraps one iteration in REP: nothing with a count of zero, else the iteration, then again unless the count or
 * `until` (an i32) ends it.
 */
function repeated(
  b: Builder,
  { repeat }: VariantContext,
  iteration: () => unknown,
  until?: () => Expression,
): void {
  if (repeat === 'none') return void iteration();
  const mask = b.decoded('addressMask');
  b.if(b.compare('ne', b.and(b.register(RCX), mask), b.i64(0)), () => {
    iteration();
    const count = b.let(b.and(b.sub(b.register(RCX), b.i64(1)), mask));
    setCounter(b, RCX, count);
    const more = b.compare('ne', count, b.i64(0));
    const goesOn = until === undefined ? more : b.and(more, b.isZero(until()));
    b.if(goesOn, () => b.repeat());
  });
}

/** Host addresses of the first iteration's elements: what further iterations at once start from. */
interface Places {
  readonly destination: Local;
  /** Where elements are copied from; else `value` is stored. */
  readonly source?: Local;
  readonly value?: Expression;
}

/** Elements at once at most, so that counts have 32 bits. */
const elementsMax = 0xffff;
const pageMask = 0xfff;

function elementShift(width: Width): number {
  return 31 - Math.clz32(width / 8);
}

function least(b: Builder, counts: readonly Expression[]): Expression {
  return counts.reduce((least, count) =>
    b.let(b.select(b.compare('lt_u', count, least), count, least)),
  );
}

/**
 * Repeats MOVS or STOS. What follows the first iteration in the same pages needs no checks of its own, and is done at
 * once, in as many steps as it has iterations. An address outside the frames is a scratch buffer: there every
 * iteration is made by itself. Checked segments have no such path; they are the segments of old code.
 */
function repeatedInBulk(
  b: Builder,
  context: VariantContext,
  width: Width,
  first: () => Places,
): void {
  if (context.repeat !== 'rep' || b.isChecked) return repeated(b, context, first);
  const mask = b.decoded('addressMask');
  b.if(b.compare('ne', b.and(b.register(RCX), mask), b.i64(0)), () => {
    const places = first();
    const left = b.let(b.and(b.sub(b.register(RCX), b.i64(1)), mask));
    setCounter(b, RCX, left);
    b.if(b.and(b.compare('ne', left, b.i64(0)), areFrames(b, places)), () => {
      const count = bulkCount(b, width, places, left);
      b.if(count, () => doAtOnce(b, width, places, count));
    });
    b.if(b.compare('ne', b.and(b.register(RCX), mask), b.i64(0)), () => b.repeat());
  });
}

/** Offsets wrap at the end of a page, unless the base of FS or GS moves that to elsewhere. */
function areFrames(b: Builder, { destination, source }: Places): Expression {
  const isFrame = (host: Local): Expression => b.compare('ge_u', b.valueOf(host), b.i32(frameBase));
  if (source === undefined) return isFrame(destination);
  const isAligned = b.isZero(b.and(b.decoded('segmentBase'), b.i64(pageMask)));
  return b.and(b.and(isFrame(destination), isFrame(source)), isAligned);
}

function isDescending(b: Builder): Expression {
  return b.bit(b.state(stateOffsets.flagsSystem, 4), directionFlag);
}

/** Iterations that stay in the pages, within the budget, and read nothing that an earlier one of them writes. */
function bulkCount(b: Builder, width: Width, places: Places, left: Expression): Expression {
  const { destination, source } = places;
  const shift = b.i32(elementShift(width));
  const isDown = b.let(isDescending(b));
  const room = (host: Local): Expression => {
    const below = b.let(b.and(b.valueOf(host), b.i32(pageMask)));
    const above = b.sub(b.i32(pageMask + 1 - width / 8), below);
    return b.let(b.binary('shr_u', b.select(isDown, below, above), shift));
  };
  const isMany = b.compare('gt_u', left, b.i64(elementsMax));
  const counts = [
    b.let(b.select(isMany, b.i32(elementsMax), b.wrap(left))),
    b.let(b.stepsLeft()),
    room(destination),
  ];
  if (source === undefined) return least(b, counts);
  const ahead = b.let(b.sub(b.valueOf(destination), b.valueOf(source)));
  const distance = b.let(b.select(isDown, b.sub(b.i32(0), ahead), ahead));
  const apart = b.select(distance, b.binary('shr_u', distance, shift), b.i32(elementsMax));
  return least(b, [...counts, room(source), b.let(apart)]);
}

function doAtOnce(b: Builder, width: Width, places: Places, count: Expression): void {
  const { destination, source, value } = places;
  const bytes = b.let(b.binary('shl', count, b.i32(elementShift(width))));
  const isDown = b.let(isDescending(b));
  const start = (host: Local): Expression =>
    b.add(b.valueOf(host), b.select(isDown, b.sub(b.i32(0), bytes), b.i32(width / 8)));
  const distance = b.let(b.widen(bytes));
  const by = b.let(b.select(isDown, b.sub(b.i64(0), distance), distance));
  if (source !== undefined) {
    b.copyMemory(start(destination), start(source), bytes);
    advance(b, RSI, by);
  } else if (value !== undefined) {
    b.fillMemory(b.let(start(destination)), bytes, width, value);
  }
  advance(b, RDI, by);
  advance(b, RCX, b.sub(b.i64(0), b.widen(count)));
  b.takeSteps(count);
}

const move = defineIn('string', 'MOVS', (b, operands, context) => {
  const width = widthOf(operandAt(operands, 0));
  repeatedInBulk(b, context, width, () => {
    const access = { width, stack: false } as const;
    const source = b.translate(sourceAddress(b), { ...access, intent: 'read' });
    const value = b.let({ kind: 'load', type: 'i64', host: source, width });
    const destination = b.translate(targetAddress(b), { ...access, intent: 'write' }, 'ES');
    b.store(destination, width, value);
    const step = stride(b, width);
    advance(b, RSI, step);
    advance(b, RDI, step);
    return { destination, source };
  });
});

const store = defineIn('string', 'STOS', (b, operands, context) => {
  const width = widthOf(operandAt(operands, 0));
  repeatedInBulk(b, context, width, () => {
    const access = { width, intent: 'write', stack: false } as const;
    const destination = b.translate(targetAddress(b), access, 'ES');
    const value = b.register(RAX, width);
    b.store(destination, width, value);
    advance(b, RDI, stride(b, width));
    return { destination, value };
  });
});

const load = defineIn('string', 'LODS', (b, operands, context) => {
  const width = widthOf(operandAt(operands, 0));
  repeated(b, context, () => {
    const value = b.load(sourceAddress(b), { width, intent: 'read', stack: false });
    b.setRegister(RAX, value, width);
    advance(b, RSI, stride(b, width));
  });
});

/** REPE goes on while equal, REPNE while not. */
function comparisonEnd(b: Builder, { repeat }: VariantContext): () => Expression {
  return () => (repeat === 'rep' ? b.isZero(b.flag('ZF')) : b.flag('ZF'));
}

const compare = defineIn('string', 'CMPS', (b, operands, context) => {
  const width = widthOf(operandAt(operands, 0));
  const iteration = (): void => {
    const access = { width, intent: 'read', stack: false } as const;
    // Hardware reads the second operand first, which shows where both fault.
    const right = b.load(targetAddress(b), access, 'ES');
    const left = b.load(sourceAddress(b), access);
    setCompareFlags(b, width, left, right);
    const step = stride(b, width);
    advance(b, RSI, step);
    advance(b, RDI, step);
  };
  repeated(b, context, iteration, comparisonEnd(b, context));
});

const scan = defineIn('string', 'SCAS', (b, operands, context) => {
  const width = widthOf(operandAt(operands, 0));
  const iteration = (): void => {
    const right = b.load(targetAddress(b), { width, intent: 'read', stack: false }, 'ES');
    setCompareFlags(b, width, b.let(b.register(RAX, width)), right);
    advance(b, RDI, stride(b, width));
  };
  repeated(b, context, iteration, comparisonEnd(b, context));
});

/** The routine makes one iteration, with its VM exit; the repetition is the same as everywhere. */
function portString(
  mnemonic: 'INS' | 'OUTS',
  memory: (operands: readonly Operand[]) => Operand,
): Definition {
  return defineRare(mnemonic, (b, operands, context) => {
    const bytes = widthOf(memory(operands)) / 8;
    const name = `${mnemonic === 'INS' ? 'inputString' : 'outputString'}${bytes * 8}`;
    b.routine(context.repeat === 'none' ? name : `${name}Repeated`);
  });
}

export const stringDefinitions: readonly Definition[] = [
  move,
  store,
  load,
  compare,
  scan,
  portString('INS', (operands) => operandAt(operands, 0)),
  portString('OUTS', (operands) => operandAt(operands, 1)),
];
