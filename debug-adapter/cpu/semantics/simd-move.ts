/** MMX and SSE data movement, shuffles and bit operations on floating-point registers, and MXCSR (SDM vol. 2). */
import type { Operand } from '../ir/builder';
import type { Expression, VectorExpression } from '../ir/ir';
import type { VectorBuilder } from '../ir/vector-builder';
import type { VectorOperator } from '../ir/vector-operators';
import { frameBase, runOffsets } from '../memory-map';
import { mxcsrMask, mxcsrOffset } from '../vector-state';
import { defineRare, operandAt, widthOf, type Definition } from './definition';
import { defineVector, enterMmx, requireMmx, requireX87 } from './simd-availability';
import { doublewordIndices } from './simd-integer';

const generalProtection = 13;
const saveAreaBytes = 512;
const RDI = 7;

function isMemory(operand: Operand): boolean {
  return operand.kind === 'vectorMemory';
}

/** A store from an MMX register clears TOP even where it faults, as hardware does. */
function storeFault(source: Operand): 'top' | undefined {
  return source.kind === 'vectorRegister' && source.file === 'mmx' ? 'top' : undefined;
}

function copy(mnemonic: string, isAligned: boolean): Definition {
  return defineVector('vectorMove', mnemonic, (v, operands) => {
    const source = operandAt(operands, 1);
    const value = v.read(source, isAligned);
    v.write(operandAt(operands, 0), value, isAligned, storeFault(source));
  });
}

/** MOVSS and MOVSD: registers keep what lies above; a load clears it. */
function copyScalar(mnemonic: string, bits: 32 | 64): Definition {
  return defineVector('vectorMove', mnemonic, (v, operands) => {
    const target = operandAt(operands, 0);
    const source = operandAt(operands, 1);
    const value = v.read(source);
    if (isMemory(target) || isMemory(source)) return v.write(target, value);
    v.write(target, mergeScalar(v, v.read(target), value, bits));
  });
}

/** `old` with its lowest element from `value`. */
export function mergeScalar(
  v: VectorBuilder,
  old: VectorExpression,
  value: VectorExpression,
  bits: 32 | 64,
): VectorExpression {
  if (bits === 64) return v.withLane64(old, 0, v.lane64(value, 0));
  return v.withLane32(old, 0, v.lane32(value, 0));
}

/** MOVLPS and MOVHPS with their kin: one half to or from memory, the other stays. */
function copyHalf(mnemonic: string, half: 0 | 1): Definition {
  return defineVector('vectorMove', mnemonic, (v, operands) => {
    const target = operandAt(operands, 0);
    const value = v.read(operandAt(operands, 1));
    if (isMemory(target)) {
      return v.write(target, v.withLane64(v.zero(), 0, v.lane64(value, half)));
    }
    v.write(target, v.withLane64(v.read(target), half, v.lane64(value, 0)));
  });
}

/** MOVHLPS and MOVLHPS. */
function crossHalves(mnemonic: string, to: 0 | 1): Definition {
  return defineVector('vectorMove', mnemonic, (v, operands) => {
    const target = operandAt(operands, 0);
    const source = v.read(operandAt(operands, 1));
    v.write(target, v.withLane64(v.read(target), to, v.lane64(source, to === 0 ? 1 : 0)));
  });
}

/** MOVQ of MMX registers, and between XMM registers and 64 bits: the upper half becomes zero. */
const moveQuadword = defineVector('vectorMove', 'MOVQ', (v, operands) => {
  const source = operandAt(operands, 1);
  const value = v.withLane64(v.zero(), 0, v.lane64(v.read(source), 0));
  v.write(operandAt(operands, 0), value, true, storeFault(source));
});

/** MOVD and its 64-bit form: between a general register or memory and a vector register. */
const moveDoubleword = defineVector('vectorMove', 'MOVD', (v, operands) => {
  const { b } = v;
  const target = operandAt(operands, 0);
  const source = operandAt(operands, 1);
  if (target.kind === 'vectorRegister') {
    return v.write(target, v.withLane64(v.zero(), 0, b.read(source)));
  }
  const value = v.read(source);
  if (target.kind !== 'memory') {
    return b.write(target, b.truncate(v.lane64(value, 0), widthOf(target)));
  }
  v.write({ kind: 'vectorMemory', width: target.width }, value, true, storeFault(source));
});

function moveLowHalf(mnemonic: string): Definition {
  return defineVector('vectorMove', mnemonic, (v, operands) => {
    const low = v.lane64(v.read(operandAt(operands, 1)), 0);
    v.write(operandAt(operands, 0), v.withLane64(v.zero(), 0, low));
  });
}

function bitwise(mnemonic: string, operator: VectorOperator, isReversed = false): Definition {
  return defineVector('vectorMove', mnemonic, (v, operands) => {
    const target = operandAt(operands, 0);
    const source = v.read(operandAt(operands, 1));
    const old = v.read(target);
    v.write(target, isReversed ? v.op(operator, source, old) : v.op(operator, old, source));
  });
}

const bytesOf = (start: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => start + index);

function unpack(mnemonic: string, bytes: 4 | 8, start: number): Definition {
  return defineVector('vectorMove', mnemonic, (v, operands) => {
    const target = operandAt(operands, 0);
    const source = v.read(operandAt(operands, 1));
    const indices = Array.from({ length: 8 / bytes }, (_, index) => [
      ...bytesOf(start + index * bytes, bytes),
      ...bytesOf(16 + start + index * bytes, bytes),
    ]).flat();
    v.write(target, v.shuffle(v.read(target), source, indices));
  });
}

/** Two elements of the destination, then two of the source. */
const shuffleSingles = defineVector('vectorMove', 'SHUFPS', (v, operands) => {
  const target = operandAt(operands, 0);
  const source = v.read(operandAt(operands, 1));
  const indices = v.let(doublewordIndices(v));
  const low = v.op('i8x16.swizzle', v.read(target), indices);
  const high = v.op('i8x16.swizzle', source, indices);
  v.write(target, v.shuffle(low, high, [...bytesOf(0, 8), ...bytesOf(24, 8)]));
});

const shuffleDoubles = defineVector('vectorMove', 'SHUFPD', (v, operands) => {
  const { b } = v;
  const target = operandAt(operands, 0);
  const source = v.read(operandAt(operands, 1));
  const old = v.read(target);
  const chosen = (value: VectorExpression, bit: number) =>
    b.select(b.wrap(b.bit(b.decoded('imm'), bit)), v.lane64(value, 1), v.lane64(value, 0));
  const low = v.withLane64(v.zero(), 0, chosen(old, 0));
  v.write(target, v.withLane64(low, 1, chosen(source, 1)));
});

function moveMask(mnemonic: string, operator: 'i32x4.bitmask' | 'i64x2.bitmask'): Definition {
  return defineVector('vectorMove', mnemonic, (v, operands) => {
    const bits = v.integer(operator, v.read(operandAt(operands, 1)));
    v.b.write(operandAt(operands, 0), v.b.widen(bits));
  });
}

/**
 * MASKMOVQ and MASKMOVDQU: bytes whose mask has its top bit set go to DS:rDI. Hardware checks every half, the upper
 * one first, whatever the mask.
 */
function maskedStore(mnemonic: string, halves: 1 | 2): Definition {
  return defineVector('vectorMove', mnemonic, (v, operands) => {
    const { b } = v;
    const data = v.read(operandAt(operands, 0));
    const mask = v.let(v.op('i8x16.shr_s', v.read(operandAt(operands, 1)), b.i32(7)));
    const access = { width: 64, intent: 'write', stack: false } as const;
    const addressOf = (byte: number): Expression => {
      const offset = b.and(b.add(b.register(RDI), b.i64(byte)), b.decoded('addressMask'));
      return b.linear(offset, 'operand');
    };
    const hosts = Array.from({ length: halves }, (_, index) => halves - 1 - index).map((half) => {
      const isMmx = halves === 1;
      const host = b.translate(
        addressOf(half * 8),
        isMmx ? { ...access, mmxFault: 'all' } : access,
      );
      return { half, host };
    });
    for (const { half, host } of hosts.reverse()) {
      const wanted = b.let(v.lane64(mask, half));
      const value = b.let(v.lane64(data, half));
      const byte = (word: Expression, index: number): Expression =>
        b.binary('shr_u', word, b.i64(index * 8));
      b.if(b.compare('ge_u', b.valueOf(host), b.i32(frameBase)), () => {
        const old = b.let({ kind: 'load', type: 'i64', host, width: 64 });
        const kept = b.and(old, b.xor(wanted, b.i64(-1)));
        b.store(host, 64, b.or(b.and(value, wanted), kept));
      });
      // A device sees the bytes that are written, and no others.
      b.if(b.compare('lt_u', b.valueOf(host), b.i32(frameBase)), () => {
        for (let index = 0; index < 8; index++) {
          b.if(b.wrap(b.and(byte(wanted, index), b.i64(1))), () => {
            const place = b.translate(addressOf(half * 8 + index), { ...access, width: 8 });
            b.store(place, 8, byte(value, index));
          });
        }
      });
    }
  });
}

const loadControl = defineVector('vectorMove', 'LDMXCSR', (v, operands) => {
  const { b } = v;
  const value = b.let(b.wrap(b.read(operandAt(operands, 0))));
  b.if(b.and(value, b.i32(~mxcsrMask)), () => b.raise(generalProtection, 0));
  b.setState(mxcsrOffset, 4, value);
});

const storeControl = defineVector('vectorMove', 'STMXCSR', (v, operands) => {
  v.b.write(operandAt(operands, 0), v.b.widen(v.b.state(mxcsrOffset, 4)));
});

const leaveMmx = defineRare('EMMS', (b) => {
  requireMmx(b);
  enterMmx(b, true);
});

/** CR0.EM or TS: #NM (not #UD); the image is aligned to 16 bytes, and both its ends can be reached. */
function saveArea(mnemonic: string, intent: 'read' | 'write', routine: string): Definition {
  return defineRare(mnemonic, (b, _operands, { operandSize }) => {
    requireX87(b);
    const address = b.operandAddress();
    b.if(b.compare('ne', b.and(address, b.i64(15)), b.i64(0)), () => b.raise(generalProtection, 0));
    const access = { width: 8, intent, stack: false, isProbe: true } as const;
    b.translate(address, access);
    b.translate(b.operandAddress(b.i64(saveAreaBytes - 1)), access);
    b.setState(runOffsets.operand, 8, address);
    b.routine(operandSize === 64 ? `${routine}64` : routine);
  });
}

export const simdMoveDefinitions: readonly Definition[] = [
  ...['MOVAPS', 'MOVAPD', 'MOVDQA', 'MOVNTPS', 'MOVNTPD', 'MOVNTDQ', 'MOVNTQ'].map((name) =>
    copy(name, true),
  ),
  ...['MOVUPS', 'MOVUPD', 'MOVDQU'].map((name) => copy(name, false)),
  copyScalar('MOVSS', 32),
  copyScalar('MOVSD', 64),
  copyHalf('MOVLPS', 0),
  copyHalf('MOVLPD', 0),
  copyHalf('MOVHPS', 1),
  copyHalf('MOVHPD', 1),
  crossHalves('MOVHLPS', 0),
  crossHalves('MOVLHPS', 1),
  moveQuadword,
  moveDoubleword,
  moveLowHalf('MOVQ2DQ'),
  moveLowHalf('MOVDQ2Q'),
  ...['PS', 'PD'].flatMap((suffix) => [
    bitwise(`AND${suffix}`, 'v128.and'),
    bitwise(`ANDN${suffix}`, 'v128.andnot', true),
    bitwise(`OR${suffix}`, 'v128.or'),
    bitwise(`XOR${suffix}`, 'v128.xor'),
  ]),
  unpack('UNPCKLPS', 4, 0),
  unpack('UNPCKHPS', 4, 8),
  unpack('UNPCKLPD', 8, 0),
  unpack('UNPCKHPD', 8, 8),
  shuffleSingles,
  shuffleDoubles,
  moveMask('MOVMSKPS', 'i32x4.bitmask'),
  moveMask('MOVMSKPD', 'i64x2.bitmask'),
  maskedStore('MASKMOVQ', 1),
  maskedStore('MASKMOVDQU', 2),
  loadControl,
  storeControl,
  leaveMmx,
  saveArea('FXSAVE', 'write', 'saveExtendedState'),
  saveArea('FXRSTOR', 'read', 'restoreExtendedState'),
];
