/** The hypercall input value: call code, form and repetition (TLFS 3.7). */
import { bit, bits, type BitField } from '../../support/bit-field';

export const hypercallInputFields = {
  code: bits(15, 0, 'call code'),
  fast: bit(16, 'fast'),
  variableHeaderSize: bits(26, 17, 'variable header size'),
  reserved30: bits(30, 27, 'reserved'),
  nested: bit(31, 'nested'),
  repCount: bits(43, 32, 'rep count'),
  reserved47: bits(47, 44, 'reserved'),
  repStart: bits(59, 48, 'rep start index'),
  reserved63: bits(63, 60, 'reserved'),
} as const satisfies Readonly<Record<string, BitField>>;

/** A control word, taken apart. */
export interface ControlWord {
  readonly code: number;
  readonly fast: boolean;
  /** Bytes of the variable header. */
  readonly variableHeaderBytes: number;
  readonly repCount: number;
  readonly repStart: number;
  /** True where a bit that must be 0 is 1; calls for a nested hypervisor are among them. */
  readonly hasReservedBits: boolean;
}

/** A field out of the half of the word that it lies in. */
function bitsOf(half: number, { low, high }: BitField): number {
  return (half >>> (low % 32)) & (2 ** (high - low + 1) - 1);
}

export function decodeControlWord(word: bigint): ControlWord {
  const f = hypercallInputFields;
  const low = Number(BigInt.asUintN(32, word));
  const high = Number(BigInt.asUintN(32, word >> 32n));
  return {
    code: bitsOf(low, f.code),
    fast: bitsOf(low, f.fast) === 1,
    variableHeaderBytes: bitsOf(low, f.variableHeaderSize) * 8,
    repCount: bitsOf(high, f.repCount),
    repStart: bitsOf(high, f.repStart),
    hasReservedBits:
      (bitsOf(low, f.reserved30) | bitsOf(low, f.nested)) !== 0 ||
      (bitsOf(high, f.reserved47) | bitsOf(high, f.reserved63)) !== 0,
  };
}
