/** The x87 FPU (SDM vol. 1, chapter 8): each instruction checks, brings its operand, and calls the routine that computes. */
import type { Builder, Operand } from '../ir/builder';
import type { ConditionCode } from '../ir/condition-codes';
import type { Width } from '../ir/ir';
import { runOffsets } from '../memory-map';
import { vmcsOffsets } from '../vmcs-offsets';
import { statusBits } from '../x87/rounding';
import { x87Offsets } from '../x87/x87-unit';
import { defineIn, operandAt, type Definition } from './definition';
import { RAX } from './registers';

/** CR0.EM and CR0.TS make every x87 instruction but FWAIT unavailable (SDM vol. 3, table 2-2). */
const unavailable = 0xc;
const monitored = 0xa;
const exceptionMasks = 0x3f;

type Body = (b: Builder, operands: readonly Operand[], operandSize: 16 | 32 | 64) => void;

/** A waiting instruction reports a pending exception before it does anything. */
function waiting(mnemonic: string, body: Body): Definition {
  return defineIn('x87', mnemonic, (b, operands, { operandSize }) => {
    const isPending = b.and(b.state(x87Offsets.status, 2), b.i32(statusBits.ES));
    const isUnavailable = b.and(b.state(vmcsOffsets.cr0, 4), b.i32(unavailable));
    b.if(b.or(isUnavailable, isPending), () => b.routine('x87Blocked'));
    body(b, operands, operandSize);
  });
}

/** FN… instructions do not look for pending exceptions. */
function nonWaiting(mnemonic: string, body: Body): Definition {
  return defineIn('x87', mnemonic, (b, operands, { operandSize }) => {
    const isUnavailable = b.and(b.state(vmcsOffsets.cr0, 4), b.i32(unavailable));
    b.if(isUnavailable, () => b.routine('x87Blocked'));
    body(b, operands, operandSize);
  });
}

/** CR0.TS only counts together with CR0.MP. */
const wait = defineIn('x87', 'FWAIT', (b) => {
  const isPending = b.and(b.state(x87Offsets.status, 2), b.i32(statusBits.ES));
  const bits = b.and(b.state(vmcsOffsets.cr0, 4), b.i32(monitored));
  const isUnavailable = b.compare('eq', bits, b.i32(monitored));
  b.if(b.or(isUnavailable, isPending), () => b.routine('x87BlockedWait'));
});

const realSuffix: Readonly<Record<Width, string>> = { 8: '', 16: '', 32: 'Single', 64: 'Double' };
const integerSuffix: Readonly<Record<Width, string>> = {
  8: '',
  16: 'Word',
  32: 'Doubleword',
  64: 'Quadword',
};

function loadTo(b: Builder, width: Width): void {
  b.setState(runOffsets.operand, 8, b.loadOperand(width));
}

function loadTenBytes(b: Builder): void {
  const low = b.loadOperand(64);
  const high = b.loadOperand(16, b.i64(8));
  b.setState(runOffsets.operand, 8, low);
  b.setState(runOffsets.operandHigh, 8, high);
}

/**
 * Translates the destination; the routine writes through the address it is handed. An unmasked exception comes
 * before any fault of the address, so that with one unmasked the routine does all of it.
 */
function storeTo(b: Builder, width: Width, routine: string): void {
  const masks = b.and(b.state(x87Offsets.control, 2), b.i32(exceptionMasks));
  b.if(b.compare('ne', masks, b.i32(exceptionMasks)), () => b.routine(`${routine}Untranslated`));
  const host = b.translate(b.operandAddress(), { width, intent: 'write', stack: false });
  b.setState(runOffsets.operand, 4, b.valueOf(host));
  b.routine(routine);
}

/** FADD to FDIVR: the destination is ST unless the map names STi first. */
function arithmetic(name: string, operation: string): readonly Definition[] {
  return [
    waiting(`F${name}`, (b, operands) => {
      const first = operandAt(operands, 0);
      if (first.kind === 'memory') {
        loadTo(b, first.width);
        return b.routine(`x87${operation}${realSuffix[first.width]}`);
      }
      const isTop = first.kind === 'stack' && first.isTop;
      b.routine(`x87${operation}${isTop ? 'Register' : 'ToRegister'}`);
    }),
    waiting(`F${name}P`, (b) => b.routine(`x87${operation}AndPop`)),
    integerForm(`FI${name}`, `x87${operation}`, ''),
  ];
}

/** An integer in memory takes part in an operation on ST. */
function integerForm(mnemonic: string, prefix: string, suffix: string): Definition {
  return waiting(mnemonic, (b, operands) => {
    const operand = operandAt(operands, 0);
    if (operand.kind !== 'memory') return;
    loadTo(b, operand.width);
    b.routine(`${prefix}${integerSuffix[operand.width]}${suffix}`);
  });
}

function comparison(mnemonic: string, suffix: '' | 'AndPop'): Definition {
  return waiting(mnemonic, (b, operands) => {
    const operand = operandAt(operands, 0);
    if (operand.kind !== 'memory') return b.routine(`x87CompareRegister${suffix}`);
    loadTo(b, operand.width);
    b.routine(`x87Compare${realSuffix[operand.width]}${suffix}`);
  });
}

const load = waiting('FLD', (b, operands) => {
  const operand = operandAt(operands, 0);
  if (operand.kind === 'memory80') {
    loadTenBytes(b);
    return b.routine('x87LoadExtended');
  }
  if (operand.kind !== 'memory') return b.routine('x87LoadRegister');
  loadTo(b, operand.width);
  b.routine(`x87Load${realSuffix[operand.width]}`);
});

const loadDecimal = waiting('FBLD', (b) => {
  loadTenBytes(b);
  b.routine('x87LoadDecimal');
});

function storeReal(mnemonic: string, suffix: '' | 'AndPop'): Definition {
  return waiting(mnemonic, (b, operands) => {
    const operand = operandAt(operands, 0);
    if (operand.kind === 'stack') return b.routine(`x87StoreRegister${suffix}`);
    if (operand.kind === 'memory') {
      return storeTo(b, operand.width, `x87Store${realSuffix[operand.width]}${suffix}`);
    }
    b.routine(`x87StoreExtended${suffix}Untranslated`);
  });
}

function storeInteger(mnemonic: string, suffix: '' | 'AndPop'): Definition {
  return waiting(mnemonic, (b, operands) => {
    const operand = operandAt(operands, 0);
    if (operand.kind !== 'memory') return;
    storeTo(b, operand.width, `x87Store${integerSuffix[operand.width]}${suffix}`);
  });
}

const storeDecimal = waiting('FBSTP', (b) => b.routine('x87StoreDecimalAndPopUntranslated'));

function conditionalMove(mnemonic: string, code: ConditionCode): Definition {
  return waiting(mnemonic, (b) => {
    b.setState(runOffsets.operand, 8, b.widen(b.condition(code)));
    b.routine('x87ConditionalMove');
  });
}

function byRoutine(mnemonic: string, routine: string): Definition {
  return waiting(mnemonic, (b) => b.routine(routine));
}

/** Bytes of the environment, and of the registers after it, by operand size. */
const environmentBytes = { 16: 14, 32: 28 } as const;
const registersBytes = 80;

interface Area {
  readonly intent: 'read' | 'write';
  readonly withRegisters: boolean;
  readonly routine: string;
}

/**
 * An area whose layout depends on the operand size: its linear address goes to the routine. The first word is checked
 * first, then the last byte, as processors do.
 */
function area(define: typeof waiting, mnemonic: string, area: Area): Definition {
  return define(mnemonic, (b, _operands, operandSize) => {
    const layout = operandSize === 16 ? 16 : 32;
    const last = environmentBytes[layout] + (area.withRegisters ? registersBytes : 0) - 1;
    const { intent } = area;
    const address = b.operandAddress();
    const access = { intent, stack: false, isProbe: true } as const;
    b.translate(address, { ...access, width: layout });
    b.translate(b.operandAddress(b.i64(last)), { ...access, width: 8 });
    b.setState(runOffsets.operand, 8, address);
    b.routine(`${area.routine}${layout}`);
  });
}

function storeWord(b: Builder, operands: readonly Operand[], offset: number): void {
  const value = b.widen(b.state(offset, 2));
  const [operand] = operands;
  if (operand === undefined) b.setRegister(RAX, value, 16);
  else b.write(operand, value);
}

const loadControlWord = waiting('FLDCW', (b) => {
  loadTo(b, 16);
  b.routine('x87LoadControlWord');
});

const constants = {
  FLD1: 'One',
  FLDL2T: 'Log2Of10',
  FLDL2E: 'Log2OfE',
  FLDPI: 'Pi',
  FLDLG2: 'Log10Of2',
  FLDLN2: 'NaturalLogOf2',
  FLDZ: 'Zero',
} as const;

const plain = {
  FCOMPP: 'CompareAndPopTwice',
  FUCOM: 'CompareUnordered',
  FUCOMP: 'CompareUnorderedAndPop',
  FUCOMPP: 'CompareUnorderedAndPopTwice',
  FCOMI: 'CompareToFlags',
  FCOMIP: 'CompareToFlagsAndPop',
  FUCOMI: 'CompareUnorderedToFlags',
  FUCOMIP: 'CompareUnorderedToFlagsAndPop',
  FTST: 'Test',
  FXAM: 'Examine',
  FXCH: 'Exchange',
  FSTPNCE: 'StoreRegisterUnchecked',
  FCHS: 'ChangeSign',
  FABS: 'AbsoluteValue',
  FSQRT: 'SquareRoot',
  FRNDINT: 'RoundToInteger',
  FSCALE: 'Scale',
  FXTRACT: 'Extract',
  FPREM: 'PartialRemainder',
  FPREM1: 'PartialRemainderNearest',
  FINCSTP: 'IncrementTop',
  FDECSTP: 'DecrementTop',
  FFREE: 'Free',
  FFREEP: 'FreeAndPop',
} as const;

const conditionalMoves = {
  FCMOVB: 'B',
  FCMOVE: 'E',
  FCMOVBE: 'BE',
  FCMOVU: 'P',
  FCMOVNB: 'AE',
  FCMOVNE: 'NE',
  FCMOVNBE: 'A',
  FCMOVNU: 'NP',
} as const;

export const x87Definitions: readonly Definition[] = [
  wait,
  waiting('FNOP', () => undefined),
  // The 8087's and 80287's interrupt and mode control does nothing since the 80387 (SDM vol. 3, 22.18.9).
  nonWaiting('FNENI', () => undefined),
  nonWaiting('FNDISI', () => undefined),
  nonWaiting('FNSETPM', () => undefined),
  ...arithmetic('ADD', 'Add'),
  ...arithmetic('MUL', 'Multiply'),
  ...arithmetic('SUB', 'Subtract'),
  ...arithmetic('SUBR', 'SubtractReversed'),
  ...arithmetic('DIV', 'Divide'),
  ...arithmetic('DIVR', 'DivideReversed'),
  comparison('FCOM', ''),
  comparison('FCOMP', 'AndPop'),
  integerForm('FICOM', 'x87Compare', ''),
  integerForm('FICOMP', 'x87Compare', 'AndPop'),
  load,
  integerForm('FILD', 'x87Load', ''),
  loadDecimal,
  storeReal('FST', ''),
  storeReal('FSTP', 'AndPop'),
  storeInteger('FIST', ''),
  storeInteger('FISTP', 'AndPop'),
  storeDecimal,
  ...Object.entries(conditionalMoves).map(([name, code]) => conditionalMove(name, code)),
  ...Object.entries(constants).map(([name, value]) => byRoutine(name, `x87Load${value}`)),
  ...Object.entries(plain).map(([name, routine]) => byRoutine(name, `x87${routine}`)),
  loadControlWord,
  nonWaiting('FNSTCW', (b, operands) => storeWord(b, operands, x87Offsets.control)),
  nonWaiting('FNSTSW', (b, operands) => storeWord(b, operands, x87Offsets.status)),
  nonWaiting('FNCLEX', (b) => b.routine('x87ClearExceptions')),
  nonWaiting('FNINIT', (b) => b.routine('x87Initialize')),
  area(nonWaiting, 'FNSTENV', {
    intent: 'write',
    withRegisters: false,
    routine: 'x87StoreEnvironment',
  }),
  area(nonWaiting, 'FNSAVE', { intent: 'write', withRegisters: true, routine: 'x87SaveState' }),
  area(waiting, 'FLDENV', { intent: 'read', withRegisters: false, routine: 'x87LoadEnvironment' }),
  area(waiting, 'FRSTOR', { intent: 'read', withRegisters: true, routine: 'x87RestoreState' }),
];
