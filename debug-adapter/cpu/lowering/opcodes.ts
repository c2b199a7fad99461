// Table: WebAssembly opcodes of the intermediate representation's operators, by type.
import type { BinaryOperator, CompareOperator, IrType, UnaryOperator, Width } from '../ir/ir';
import { op } from '../wasm/opcodes';

export const binaryOpcodes: Readonly<Record<IrType, Readonly<Record<BinaryOperator, number>>>> = {
  i32: {
    add: op.i32Add,
    sub: op.i32Sub,
    mul: op.i32Mul,
    div_s: op.i32DivS,
    div_u: op.i32DivU,
    rem_s: op.i32RemS,
    rem_u: op.i32RemU,
    and: op.i32And,
    or: op.i32Or,
    xor: op.i32Xor,
    shl: op.i32Shl,
    shr_s: op.i32ShrS,
    shr_u: op.i32ShrU,
    rotl: op.i32Rotl,
    rotr: op.i32Rotr,
  },
  i64: {
    add: op.i64Add,
    sub: op.i64Sub,
    mul: op.i64Mul,
    div_s: op.i64DivS,
    div_u: op.i64DivU,
    rem_s: op.i64RemS,
    rem_u: op.i64RemU,
    and: op.i64And,
    or: op.i64Or,
    xor: op.i64Xor,
    shl: op.i64Shl,
    shr_s: op.i64ShrS,
    shr_u: op.i64ShrU,
    rotl: op.i64Rotl,
    rotr: op.i64Rotr,
  },
};

export const compareOpcodes: Readonly<Record<IrType, Readonly<Record<CompareOperator, number>>>> = {
  i32: {
    eq: op.i32Eq,
    ne: op.i32Ne,
    lt_s: op.i32LtS,
    lt_u: op.i32LtU,
    gt_s: op.i32GtS,
    gt_u: op.i32GtU,
    le_s: op.i32LeS,
    le_u: op.i32LeU,
    ge_s: op.i32GeS,
    ge_u: op.i32GeU,
  },
  i64: {
    eq: op.i64Eq,
    ne: op.i64Ne,
    lt_s: op.i64LtS,
    lt_u: op.i64LtU,
    gt_s: op.i64GtS,
    gt_u: op.i64GtU,
    le_s: op.i64LeS,
    le_u: op.i64LeU,
    ge_s: op.i64GeS,
    ge_u: op.i64GeU,
  },
};

export const unaryOpcodes: Readonly<Record<IrType, Readonly<Record<UnaryOperator, number>>>> = {
  i32: { clz: op.i32Clz, ctz: op.i32Ctz, popcnt: op.i32Popcnt },
  i64: { clz: op.i64Clz, ctz: op.i64Ctz, popcnt: op.i64Popcnt },
};

export const loadOpcodes: Readonly<Record<Width, number>> = {
  8: op.i64Load8U,
  16: op.i64Load16U,
  32: op.i64Load32U,
  64: op.i64Load,
};

export const storeOpcodes: Readonly<Record<Width, number>> = {
  8: op.i64Store8,
  16: op.i64Store16,
  32: op.i64Store32,
  64: op.i64Store,
};

/** Load opcode of a processor-state field: i32 up to four bytes, else i64. */
export function stateLoadOpcode(bytes: 1 | 2 | 4 | 8): number {
  switch (bytes) {
    case 1:
      return op.i32Load8U;
    case 2:
      return op.i32Load16U;
    case 4:
      return op.i32Load;
    case 8:
      return op.i64Load;
  }
}
