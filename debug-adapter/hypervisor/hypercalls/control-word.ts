/** The hypercall input value: call code, form and repetition (TLFS 3.7). */
import { bit, bits, extractBits, type BitField } from '../../support/bit-field';

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

export function decodeControlWord(word: bigint): ControlWord {
  const read = (field: BitField): number => Number(extractBits(word, field));
  const f = hypercallInputFields;
  return {
    code: read(f.code),
    fast: read(f.fast) === 1,
    variableHeaderBytes: read(f.variableHeaderSize) * 8,
    repCount: read(f.repCount),
    repStart: read(f.repStart),
    hasReservedBits: [f.reserved30, f.nested, f.reserved47, f.reserved63].some(
      (field) => read(field) !== 0,
    ),
  };
}
