/** Single-bit operations and bit scans (SDM vol. 2: BT, BTS, BTR, BTC, BSF, BSR). */
import type { Builder, Modification, Operand } from '../ir/builder';
import type { Expression, Width } from '../ir/ir';
import { define, operandAt, widthOf, type Definition } from './definition';

type Change = (b: Builder, value: Expression, mask: Expression) => Expression;

/** A register bit offset reaches beyond a memory operand: it selects the element before the bit in it. */
function elementDisplacement(b: Builder, offset: Expression, width: Width): Expression {
  const element = b.binary('shr_s', offset, b.i64(bitOffsetBits[width]));
  return b.binary('shl', element, b.i64(bitOffsetBits[width] - 3));
}

/** Bits of an offset that select a bit within an element. */
const bitOffsetBits: Readonly<Record<Width, number>> = { 8: 3, 16: 4, 32: 5, 64: 6 };

function bitTest(mnemonic: string, change: Change | undefined): Definition {
  return define(mnemonic, (b, operands) => {
    const target = operandAt(operands, 0);
    const offset = operandAt(operands, 1);
    const width = widthOf(target);
    const raw = b.read(offset);
    const position = b.let(b.and(raw, b.i64(width - 1)));
    const displacement =
      target.kind === 'memory' && offset.kind === 'register'
        ? elementDisplacement(b, b.signed(raw, width), width)
        : undefined;
    const access = openBitOperand(b, target, displacement, change !== undefined);
    const carry = b.let(b.wrap(b.and(b.binary('shr_u', access.value, position), b.i64(1))));
    if (change !== undefined) {
      const mask = b.binary('shl', b.i64(1), position);
      access.write(change(b, access.value, mask));
    }
    b.setFlags(width, { kind: 'carry', carry });
  });
}

function openBitOperand(
  b: Builder,
  target: Operand,
  displacement: Expression | undefined,
  isChanged: boolean,
): Modification {
  if (target.kind !== 'memory') return b.modify(target);
  const { width } = target;
  const intent = isChanged ? 'modify' : 'read';
  const host = b.translate(b.operandAddress(displacement), { width, intent, stack: false });
  const value = b.let({ kind: 'load', type: 'i64', host, width });
  return { value, write: (result) => b.store(host, width, result) };
}

/** A zero source sets ZF and leaves the target alone, as hardware does. */
function bitScan(mnemonic: 'BSF' | 'BSR'): Definition {
  return define(mnemonic, (b, operands) => {
    const target = operandAt(operands, 0);
    const source = b.read(operandAt(operands, 1));
    const index =
      mnemonic === 'BSF' ? b.unary('ctz', source) : b.sub(b.i64(63), b.unary('clz', source));
    b.if(b.compare('ne', source, b.i64(0)), () => b.write(target, index));
    b.setFlags(widthOf(target), { kind: 'logic', result: source });
  });
}

export const bitDefinitions: readonly Definition[] = [
  bitTest('BT', undefined),
  bitTest('BTS', (b, value, mask) => b.or(value, mask)),
  bitTest('BTR', (b, value, mask) => b.and(value, b.xor(mask, b.i64(-1)))),
  bitTest('BTC', (b, value, mask) => b.xor(value, mask)),
  bitScan('BSF'),
  bitScan('BSR'),
];
