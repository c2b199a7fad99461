/** String instructions with REP (SDM vol. 2: MOVS, STOS, LODS, CMPS, SCAS, REP). One iteration is one step. */
import { stateOffsets } from '../../machine/processor-state';
import type { Builder, Operand } from '../ir/builder';
import type { Expression, Width } from '../ir/ir';
import { setCompareFlags } from './arithmetic';
import {
  define,
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
  const isDown = b.bit(b.state(stateOffsets.flagsSystem, 4), directionFlag);
  const bytes = BigInt(width / 8);
  return b.let(b.select(isDown, b.i64(-bytes), b.i64(bytes)));
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
  iteration: () => void,
  until?: () => Expression,
): void {
  if (repeat === 'none') return iteration();
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

const move = define('MOVS', (b, operands, context) => {
  const width = widthOf(operandAt(operands, 0));
  repeated(b, context, () => {
    const value = b.load(sourceAddress(b), { width, intent: 'read', stack: false });
    const host = b.translate(targetAddress(b), { width, intent: 'write', stack: false }, 'ES');
    b.store(host, width, value);
    const step = stride(b, width);
    advance(b, RSI, step);
    advance(b, RDI, step);
  });
});

const store = define('STOS', (b, operands, context) => {
  const width = widthOf(operandAt(operands, 0));
  repeated(b, context, () => {
    const host = b.translate(targetAddress(b), { width, intent: 'write', stack: false }, 'ES');
    b.store(host, width, b.register(RAX, width));
    advance(b, RDI, stride(b, width));
  });
});

const load = define('LODS', (b, operands, context) => {
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

const compare = define('CMPS', (b, operands, context) => {
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

const scan = define('SCAS', (b, operands, context) => {
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
