/**
 * Code modes: what decides how the bytes of a code page are decoded. Decoded records are kept for each frame and mode,
 * since a kernel alternates between modes.
 */
import { addressingIndex, type AddressingIndex } from '../ir/addressing';

export interface CodeMode {
  /** Position in `codeModes`. */
  readonly index: number;
  /** Default operand and address size: CS.L and CS.D (SDM vol. 3, 5.2.1). */
  readonly codeSize: 16 | 32 | 64;
  readonly stackSize: 16 | 32 | 64;
  /** Addressing of an instruction that names no segment. */
  readonly addressing: AddressingIndex;
}

/** 64-bit mode. */
export const longCode: CodeMode = {
  index: 0,
  codeSize: 64,
  stackSize: 64,
  addressing: addressingIndex.long,
};

/** 32-bit code where CS, DS, ES and SS have base 0 and span 4 GiB. */
export const flatCode: CodeMode = {
  index: 1,
  codeSize: 32,
  stackSize: 32,
  addressing: addressingIndex.flat,
};

function segmented(index: number, codeSize: 16 | 32, stackSize: 16 | 32): CodeMode {
  const addressing = stackSize === 32 ? addressingIndex.checked32 : addressingIndex.checked16;
  return { index, codeSize, stackSize, addressing };
}

/** The mode of code outside 64-bit mode whose segments are not all flat. */
export function segmentedCode(codeSize: 16 | 32, stackSize: 16 | 32): CodeMode {
  return segmentedModes[(codeSize === 32 ? 2 : 0) + (stackSize === 32 ? 1 : 0)] ?? flatCode;
}

const segmentedModes: readonly CodeMode[] = [
  segmented(2, 16, 16),
  segmented(3, 16, 32),
  segmented(4, 32, 16),
  segmented(5, 32, 32),
];

/** All modes, by index. */
export const codeModes: readonly CodeMode[] = [longCode, flatCode, ...segmentedModes];
