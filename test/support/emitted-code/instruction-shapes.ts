// Table: what instructions of emitted code take and give (WebAssembly core specification 2.0, 5.4).
import {
  integerOfVectorOperators,
  vectorOperators,
} from '../../../debug-adapter/cpu/ir/vector-operators';
import { Refusal } from './module-reader';

/** Loads by opcode. */
export const loads: ReadonlyMap<number, { readonly bits: 32 | 64; readonly bytes: number }> =
  new Map([
    [0x28, { bits: 32, bytes: 4 }],
    [0x29, { bits: 64, bytes: 8 }],
    [0x2c, { bits: 32, bytes: 1 }],
    [0x2d, { bits: 32, bytes: 1 }],
    [0x2e, { bits: 32, bytes: 2 }],
    [0x2f, { bits: 32, bytes: 2 }],
    [0x30, { bits: 64, bytes: 1 }],
    [0x31, { bits: 64, bytes: 1 }],
    [0x32, { bits: 64, bytes: 2 }],
    [0x33, { bits: 64, bytes: 2 }],
    [0x34, { bits: 64, bytes: 4 }],
    [0x35, { bits: 64, bytes: 4 }],
  ] as const);

/** Loads that copy the sign: they have no upper bound below their type's. */
export const signedLoads: ReadonlySet<number> = new Set([0x2c, 0x2e, 0x30, 0x32, 0x34]);

/** Bytes of stores by opcode. */
export const stores: ReadonlyMap<number, number> = new Map([
  [0x36, 4],
  [0x37, 8],
  [0x3a, 1],
  [0x3b, 2],
  [0x3c, 1],
  [0x3d, 2],
  [0x3e, 4],
]);

const comparisons = ['eq', 'ne', 'lt_s', 'lt_u', 'gt_s', 'gt_u', 'le_s', 'le_u', 'ge_s', 'ge_u'];
const binaries = [
  ...['add', 'sub', 'mul', 'div_s', 'div_u', 'rem_s', 'rem_u', 'and', 'or', 'xor'],
  ...['shl', 'shr_s', 'shr_u', 'rotl', 'rotr'],
];

function named(first: number, names: readonly string[]): readonly (readonly [number, string])[] {
  return names.map((name, index) => [first + index, name]);
}

export const compareNames: ReadonlyMap<number, string> = new Map([
  ...named(0x46, comparisons),
  ...named(0x51, comparisons),
]);

export const binaryNames: ReadonlyMap<number, string> = new Map([
  ...named(0x6a, binaries),
  ...named(0x7c, binaries),
]);

interface VectorShape {
  readonly operands: number;
  readonly bits: 32 | 64 | 128;
}

const unary =
  /splat|\.not$|abs|sqrt|trunc|nearest|convert|promote|demote|extadd|extract|_true$|bitmask/;

/** The number of a 128-bit instruction, from its bytes. */
function numberOf([, low = 0, high = 0]: readonly number[]): number {
  return low < 0x80 ? low : (low & 0x7f) | (high << 7);
}

const shapes = new Map<number, VectorShape>([[12, { operands: 0, bits: 128 }]]);
for (const [name, code] of Object.entries(vectorOperators)) {
  const operands = name === 'v128.bitselect' ? 3 : unary.test(name) ? 1 : 2;
  shapes.set(numberOf(code), { operands, bits: 128 });
}
for (const { code, type } of Object.values(integerOfVectorOperators)) {
  if (code[0] === 0xfd) shapes.set(numberOf(code), { operands: 1, bits: type === 'i64' ? 64 : 32 });
}

/** @throws Refusal for an instruction that emitted code does not have */
export function vectorShape(sub: number): VectorShape {
  const shape = shapes.get(sub);
  if (shape === undefined) throw new Refusal(`instruction fd ${sub}`);
  return shape;
}
