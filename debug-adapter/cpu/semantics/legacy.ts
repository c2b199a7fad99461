/** Instructions that 64-bit mode does not have (SDM vol. 2: AAA, AAD, AAM, AAS, DAA, DAS, BOUND, INTO, PUSHA, ARPL, LDS). */
import { present } from '../../support/assert';
import type { Builder } from '../ir/builder';
import type { Expression, Local } from '../ir/ir';
import { VectorBuilder } from '../ir/vector-builder';
import { frameBase, runOffsets } from '../memory-map';
import {
  defineIn,
  defineRare,
  operandAt,
  widthOf,
  type Definition,
  type VariantContext,
} from './definition';
import { requireProtectedMode } from './protected-mode';
import { RAX, RBP, RBX, RCX, RDI, RDX, RSI, RSP } from './registers';

const divideError = 0;
const boundRange = 5;

function setResultFlags(
  b: Builder,
  result: Expression,
  carry: Expression,
  auxiliary: Expression,
): void {
  b.setFlags(8, { kind: 'given', result, carry, overflow: b.i32(0), auxiliary });
}

/** The lower digit of AL needs an adjustment: it exceeds 9, or AF is set. */
function lowerDigitExceeds(b: Builder, al: Expression): Expression {
  const digit = b.and(al, b.i64(15));
  return b.let(b.or(b.compare('gt_u', digit, b.i64(9)), b.flag('AF')));
}

function decimalAdjust(mnemonic: 'DAA' | 'DAS'): Definition {
  return defineRare(mnemonic, (b) => {
    const al = b.let(b.register(RAX, 8));
    const low = lowerDigitExceeds(b, al);
    const high = b.let(b.or(b.compare('gt_u', al, b.i64(0x99)), b.flag('CF')));
    const adjustment = b.add(
      b.select(low, b.i64(6), b.i64(0)),
      b.select(high, b.i64(0x60), b.i64(0)),
    );
    const isSum = mnemonic === 'DAA';
    const changed = isSum ? b.add(al, adjustment) : b.sub(al, adjustment);
    const result = b.let(b.truncate(changed, 8));
    const borrows = b.and(low, b.compare('lt_u', al, b.i64(6)));
    const carry = b.let(isSum ? high : b.or(high, borrows));
    b.setRegister(RAX, result, 8);
    setResultFlags(b, result, carry, low);
  });
}

function asciiAdjust(mnemonic: 'AAA' | 'AAS'): Definition {
  return defineRare(mnemonic, (b) => {
    const ax = b.let(b.register(RAX, 16));
    const needed = lowerDigitExceeds(b, ax);
    const step = b.select(needed, b.i64(0x106), b.i64(0));
    const moved = mnemonic === 'AAA' ? b.add(ax, step) : b.sub(ax, step);
    const result = b.let(b.and(moved, b.i64(0xff0f)));
    b.setRegister(RAX, result, 16);
    setResultFlags(b, result, needed, needed);
  });
}

const asciiAdjustMultiply = defineRare('AAM', (b, operands) => {
  const base = b.let(b.read(operandAt(operands, 0)));
  b.if(b.isZero(base), () => b.raise(divideError));
  const al = b.let(b.register(RAX, 8));
  const high = b.binary('shl', b.binary('div_u', al, base), b.i64(8));
  const low = b.let(b.binary('rem_u', al, base));
  b.setRegister(RAX, b.or(high, low), 16);
  setResultFlags(b, low, b.i32(0), b.i32(0));
});

const asciiAdjustDivide = defineRare('AAD', (b, operands) => {
  const ax = b.let(b.register(RAX, 16));
  const high = b.binary('shr_u', ax, b.i64(8));
  const sum = b.add(ax, b.binary('mul', high, b.read(operandAt(operands, 0))));
  const result = b.let(b.truncate(sum, 8));
  b.setRegister(RAX, result, 16);
  setResultFlags(b, result, b.i32(0), b.i32(0));
});

/** Not in the manual, but in every processor: AL becomes FF where CF is set, else 0. */
const setAccumulatorByCarry = defineRare('SALC', (b) => {
  b.setRegister(RAX, b.select(b.flag('CF'), b.i64(0xff), b.i64(0)), 8);
});

/** BOUND: the memory operand holds the lower and the upper bound, signed (SDM vol. 2, BOUND). */
const bound = defineRare('BOUND', (b, operands) => {
  const target = operandAt(operands, 0);
  const width = widthOf(target);
  const index = b.let(b.signed(b.read(target), width));
  const lower = b.signed(b.loadOperand(width), width);
  const upper = b.signed(b.loadOperand(width, b.i64(width / 8)), width);
  const isOutside = b.or(b.compare('lt_s', index, lower), b.compare('gt_s', index, upper));
  b.if(isOutside, () => b.raise(boundRange));
});

const interruptOnOverflow = defineRare('INTO', (b) => {
  b.if(b.flag('OF'), () => b.routine('overflowInterrupt'));
});

/** ARPL: the destination gets the privilege level of the source where its own is lower (SDM vol. 2, ARPL). */
const adjustPrivilege = defineRare('ARPL', (b, operands) => {
  requireProtectedMode(b);
  const old = b.modify(operandAt(operands, 0));
  const level = b.let(b.and(b.read(operandAt(operands, 1)), b.i64(3)));
  const isLower = b.let(b.compare('lt_u', b.and(old.value, b.i64(3)), level));
  const raised = b.or(b.and(old.value, b.i64(0xfffc)), level);
  old.write(b.select(isLower, raised, old.value));
  b.setFlags(16, { kind: 'zeroOnly', zero: isLower });
});

/** LES, LDS, LSS, LFS, LGS: an offset and a selector from memory. */
function loadFarPointer(mnemonic: string, segment: number): Definition {
  return defineRare(mnemonic, (b, operands) => {
    const bytes = widthOf(operandAt(operands, 0)) / 8;
    b.setState(runOffsets.operand, 8, b.i64(bytes | (segment << 8)));
    b.routine('loadFarPointer');
  });
}

/** Registers that PUSHA leaves in memory, by ascending addresses. */
const lowerRegisters = [RDI, RSI, RBP, RSP] as const;
const upperRegisters = [RBX, RDX, RCX, RAX] as const;
const allRegistersBytes = 32;
const halfBytes = 16;
const pageMask = 0xfff;

/**
 * Places of the halves, unless the routine is left to do it: where 32-bit registers do not lie in one page of a flat
 * stack, or that page is not for direct access (a device wants each register by itself).
 */
function translateHalves(
  b: Builder,
  { operandSize }: VariantContext,
  bottom: Expression,
  intent: 'read' | 'write',
): readonly Local[] | undefined {
  const toRoutine = (): void => {
    b.setState(runOffsets.operand, 8, b.i64(operandSize / 8));
    b.routine(intent === 'write' ? 'pushAll' : 'popAll');
  };
  if (operandSize !== 32 || b.isChecked) {
    toRoutine();
    return undefined;
  }
  const room = b.i64(pageMask + 1 - allRegistersBytes);
  b.if(b.compare('gt_u', b.and(bottom, b.i64(pageMask)), room), toRoutine);
  const access = { width: 128, intent, stack: true, isProbe: true } as const;
  const hosts = [0, halfBytes].map((at) => b.translate(b.let(b.add(bottom, b.i64(at))), access));
  const [first] = hosts;
  b.if(b.compare('lt_u', b.valueOf(present(first, 'half')), b.i32(frameBase)), toRoutine);
  return hosts;
}

/** PUSHA: eight registers, with the stack pointer as it was (SDM vol. 2, PUSHA). */
const pushAll = defineIn('vectorMove', 'PUSHA', (b, _operands, context) => {
  const bottom = b.stackOffset(b.sub(b.stackPointer(), b.i64(allRegistersBytes)));
  const hosts = translateHalves(b, context, bottom, 'write');
  if (hosts === undefined) return;
  const v = new VectorBuilder(b);
  const pair = (low: number, high: number): Expression =>
    b.or(b.register(low, 32), b.binary('shl', b.register(high, 32), b.i64(32)));
  [lowerRegisters, upperRegisters].forEach(([first, second, third, fourth], half) => {
    const low = v.withLane64(v.zero(), 0, pair(first, second));
    v.store(present(hosts[half], 'half'), v.withLane64(low, 1, pair(third, fourth)));
  });
  b.setStackPointer(bottom);
});

/** POPA: the stored stack pointer is skipped. */
const popAll = defineIn('vectorMove', 'POPA', (b, _operands, context) => {
  const bottom = b.let(b.stackPointer());
  const hosts = translateHalves(b, context, bottom, 'read');
  if (hosts === undefined) return;
  const v = new VectorBuilder(b);
  const halves = hosts.map((host) => v.load(host));
  [lowerRegisters, upperRegisters].forEach((registers, half) => {
    registers.forEach((register, lane) => {
      if (register === RSP) return;
      const value = v.lane32(present(halves[half], 'half'), lane);
      b.setRegister(register, b.widen(value), 32);
    });
  });
  b.setStackPointer(b.add(bottom, b.i64(allRegistersBytes)));
});

export const legacyDefinitions: readonly Definition[] = [
  decimalAdjust('DAA'),
  decimalAdjust('DAS'),
  asciiAdjust('AAA'),
  asciiAdjust('AAS'),
  asciiAdjustMultiply,
  asciiAdjustDivide,
  setAccumulatorByCarry,
  bound,
  interruptOnOverflow,
  adjustPrivilege,
  pushAll,
  popAll,
  loadFarPointer('LES', 0),
  loadFarPointer('LSS', 2),
  loadFarPointer('LDS', 3),
  loadFarPointer('LFS', 4),
  loadFarPointer('LGS', 5),
];
