/** Which registers carry a hypercall (TLFS 3.9): one set in 64-bit mode, another below. */
import type { VirtualProcessor } from '../virtual-processor';

const [rax, rcx, rdx, rbx, rsi, rdi, r8] = [0, 1, 2, 3, 6, 7, 8];
const u32 = 0xffffffffn;

/** A hypercall as its caller wrote it. */
export interface HypercallRegisters {
  /** The hypercall input value (TLFS 3.7). */
  readonly control: bigint;
  /** Address of the input block, or the first eight bytes of a fast call. */
  readonly input: bigint;
  /** Address of the output block, or the second eight bytes of a fast call. */
  readonly output: bigint;
}

/** The hypercall result value, taken apart (TLFS 3.7). */
export interface HypercallResult {
  readonly status: number;
  /** Elements of a rep call that are done, counted from the first. */
  readonly repsCompleted: number;
}

export function readHypercallRegisters(processor: VirtualProcessor): HypercallRegisters {
  const { state } = processor;
  if (processor.is64BitMode) {
    return { control: state.gpr(rcx), input: state.gpr(rdx), output: state.gpr(r8) };
  }
  const pair = (high: number, low: number): bigint =>
    ((state.gpr(high) & u32) << 32n) | (state.gpr(low) & u32);
  return { control: pair(rdx, rax), input: pair(rbx, rcx), output: pair(rdi, rsi) };
}

export function writeHypercallResult(processor: VirtualProcessor, result: HypercallResult): void {
  const { state } = processor;
  const value = BigInt(result.status) | (BigInt(result.repsCompleted) << 32n);
  if (processor.is64BitMode) {
    state.setGpr(rax, value);
    return;
  }
  state.setGpr(rdx, value >> 32n);
  state.setGpr(rax, value & u32);
}
