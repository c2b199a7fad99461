/** The hypercall input value: call code, form and repetition (TLFS 3.7). */
import { bit, bits, type BitField } from '../../support/bit-field';
import { highHalf, lowHalf } from '../../support/word-halves';

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

/** Where a field lies in its half of the word. */
interface HalfField {
  readonly shift: number;
  readonly mask: number;
}

function inHalf({ low, high }: BitField): HalfField {
  return { shift: low % 32, mask: 2 ** (high - low + 1) - 1 };
}

const f = hypercallInputFields;
const [code, variableHeaderSize] = [inHalf(f.code), inHalf(f.variableHeaderSize)];
const [repCount, repStart] = [inHalf(f.repCount), inHalf(f.repStart)];
const fast = 1 << f.fast.low;

function maskInHalf(...fields: readonly BitField[]): number {
  return fields.map(inHalf).reduce((all, { shift, mask }) => all | (mask << shift), 0);
}

const reservedLow = maskInHalf(f.reserved30, f.nested);
const reservedHigh = maskInHalf(f.reserved47, f.reserved63);

const valueOf = (half: number, { shift, mask }: HalfField): number => (half >>> shift) & mask;

export function decodeControlWord(word: bigint): ControlWord {
  const low = lowHalf(word);
  const high = highHalf(word);
  return {
    code: valueOf(low, code),
    fast: (low & fast) !== 0,
    variableHeaderBytes: valueOf(low, variableHeaderSize) * 8,
    repCount: valueOf(high, repCount),
    repStart: valueOf(high, repStart),
    hasReservedBits: ((low & reservedLow) | (high & reservedHigh)) !== 0,
  };
}
