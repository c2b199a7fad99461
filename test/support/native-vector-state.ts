/** x87, MMX and SSE state of instruction cases recorded on a physical processor. */
import { stateOffsets, type ProcessorState } from '../../debug-adapter/machine/processor-state';

/** The part of a case's state that instructions with such registers have; numbers are hex strings. */
export interface NativeVectorState {
  readonly mxcsr?: string;
  /** YMM registers, lowest byte first: all sixteen before, and the changed ones after. */
  readonly y?: Readonly<Record<number, string>>;
  readonly fcw?: string;
  readonly fsw?: string;
  /** Abridged tag word: bit n is set where register Rn is in use. */
  readonly ftw?: string;
  /** ST0 to ST7, ten bytes each. */
  readonly st?: Readonly<Record<number, string>>;
}

const mxcsrOffset = stateOffsets.fxsave + 24;
const registersOffset = stateOffsets.fxsave + 32;
const xmmOffset = stateOffsets.fxsave + 160;
const registerBytes = 16;
const extendedBytes = 10;
const mxcsrDefault = '1f80';
const controlDefault = '37f';

function setBytes(state: ProcessorState, offset: number, hex: string, length: number): void {
  const bytes = state.architecturalBytes;
  for (let index = 0; index < length; index++) {
    bytes[offset + index] = Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16) || 0;
  }
}

function hexAt(state: ProcessorState, offset: number, length: number): string {
  const bytes = state.architecturalBytes.subarray(offset, offset + length);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function topOf(state: ProcessorState): number {
  return (state.readU32(stateOffsets.fxsave) >>> 27) & 7;
}

/** Offset of ST(index): the state keeps registers by their physical number. */
function stackOffset(state: ProcessorState, index: number): number {
  return registersOffset + ((topOf(state) + index) & 7) * registerBytes;
}

/** Puts a case's state into the processor; what the case leaves out gets its reset value. */
export function loadVectorState(state: ProcessorState, initial: NativeVectorState): void {
  const number = (hex: string | undefined, otherwise: string): number =>
    Number.parseInt(hex ?? otherwise, 16);
  const status = number(initial.fsw, '0');
  state.writeU32(stateOffsets.fxsave, number(initial.fcw, controlDefault) | (status << 16));
  state.writeU32(stateOffsets.fxsave + 4, number(initial.ftw, '0'));
  // The last instruction's and its operand's addresses.
  state.writeU64(stateOffsets.fxsave + 8, 0n);
  state.writeU64(stateOffsets.fxsave + 16, 0n);
  state.writeU32(mxcsrOffset, number(initial.mxcsr, mxcsrDefault));
  for (let index = 0; index < 8; index++) {
    const hex = initial.st?.[index] ?? '';
    setBytes(state, stackOffset(state, index), hex, registerBytes);
  }
  for (let index = 0; index < 16; index++) {
    const hex = initial.y?.[index] ?? '';
    setBytes(state, xmmOffset + index * registerBytes, hex, registerBytes);
  }
}

/** What an instruction left in the x87, MMX and SSE registers. */
export interface VectorOutcome {
  readonly mxcsr: number;
  readonly fcw: number;
  readonly fsw: number;
  /** Abridged tag word. */
  readonly ftw: number;
  /** ST0 to ST7 in hex, ten bytes each. */
  readonly st: readonly string[];
  /** In hex, lowest byte first. */
  readonly xmm: readonly string[];
}

/** Reads what {@link vectorDifferences} compares. */
export function readVectorState(state: ProcessorState): VectorOutcome {
  const control = state.readU32(stateOffsets.fxsave);
  return {
    mxcsr: state.readU32(mxcsrOffset),
    fcw: control & 0xffff,
    fsw: control >>> 16,
    ftw: state.readU32(stateOffsets.fxsave + 4) & 0xff,
    st: Array.from({ length: 8 }, (_, index) =>
      hexAt(state, stackOffset(state, index), extendedBytes),
    ),
    xmm: Array.from({ length: 16 }, (_, index) =>
      hexAt(state, xmmOffset + index * registerBytes, registerBytes),
    ),
  };
}

/** Differences between what an instruction left and what a case recorded, as text. */
export function vectorDifferences(
  outcome: VectorOutcome,
  initial: NativeVectorState,
  final: NativeVectorState,
): string[] {
  const found: string[] = [];
  const check = (name: string, got: string, wanted: string): void => {
    if (got !== wanted) found.push(`${name} ${got} instead of ${wanted}`);
  };
  const at = (list: NativeVectorState['y'], index: number): string | undefined => list?.[index];
  if (initial.y !== undefined) {
    check('MXCSR', outcome.mxcsr.toString(16), final.mxcsr ?? '');
    outcome.xmm.forEach((got, index) => {
      const wanted = at(final.y, index) ?? at(initial.y, index) ?? '';
      check(`XMM${index}`, got, wanted.slice(0, registerBytes * 2));
    });
  }
  if (initial.st !== undefined) {
    check('FCW', outcome.fcw.toString(16), final.fcw ?? '');
    check('FSW', outcome.fsw.toString(16), final.fsw ?? '');
    check('FTW', outcome.ftw.toString(16), final.ftw ?? '');
    outcome.st.forEach((got, index) => check(`ST${index}`, got, at(final.st, index) ?? ''));
  }
  return found;
}
