/** Which registers carry a hypercall (TLFS 3.9): one set in 64-bit mode, another below. */
import { stateOffsets, type ProcessorState } from '../../machine/processor-state';
import { insertBits } from '../../support/bit-field';
import { highHalf, lowHalf } from '../../support/word-halves';
import { hypercallInputFields } from './control-word';
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

/** XMM0 to XMM5 carry what a fast call has beyond its two registers (TLFS 3.7.2). */
const fastXmmBytes = 6 * 16;
/** Where FXSAVE has XMM0 (SDM vol. 1, 10.5.1). */
const xmmOffset = 160;

/** The most that a fast call can pass. */
export const fastInputBytes = 16 + fastXmmBytes;

/** The hypercall result value, taken apart (TLFS 3.7). */
export interface HypercallResult {
  readonly status: number;
  /** Elements of a rep call that are done, counted from the first. */
  readonly repsCompleted: number;
  /** Set where a rep call is to be made again from the next element on, so that interrupts are not kept waiting. */
  readonly continues?: boolean;
}

function pair(state: ProcessorState, high: number, low: number): bigint {
  return (BigInt(state.gpr32(high)) << 32n) | BigInt(state.gpr32(low));
}

export function readHypercallRegisters({
  state,
  is64BitMode,
}: VirtualProcessor): HypercallRegisters {
  return is64BitMode
    ? { control: state.gpr(rcx), input: state.gpr(rdx), output: state.gpr(r8) }
    : {
        control: pair(state, rdx, rax),
        input: pair(state, rbx, rcx),
        output: pair(state, rdi, rsi),
      };
}

/** The first `sizeBytes` of the input block of a fast call. */
export function readFastInput(
  { state }: VirtualProcessor,
  { input, output }: HypercallRegisters,
  sizeBytes: number,
): Uint8Array {
  // Without a view, which would cost a small array its place on the engine's heap.
  const bytes = new Uint8Array(sizeBytes);
  storeWord(bytes, 0, lowHalf(input));
  storeWord(bytes, 4, highHalf(input));
  storeWord(bytes, 8, lowHalf(output));
  storeWord(bytes, 12, highHalf(output));
  for (let at = 16; at < sizeBytes; at += 4) {
    storeWord(bytes, at, state.readU32(stateOffsets.fxsave + xmmOffset + at - 16));
  }
  return bytes;
}

/** Stores as much of a word as the bytes have room for. */
function storeWord(bytes: Uint8Array, at: number, word: number): void {
  const end = Math.min(at + 4, bytes.length);
  for (let index = at; index < end; index++) bytes[index] = word >>> ((index - at) * 8);
}

/** Changes the control word that the caller repeats, so that a rep call goes on at `repStart`. */
export function writeContinuation(processor: VirtualProcessor, repStart: number): void {
  const { state } = processor;
  const { control } = readHypercallRegisters(processor);
  const next = insertBits(control, hypercallInputFields.repStart, BigInt(repStart));
  if (processor.is64BitMode) {
    state.setGpr(rcx, next);
    return;
  }
  state.setGpr(rdx, next >> 32n);
  state.setGpr(rax, next & u32);
}

export function writeHypercallResult(
  { state, is64BitMode }: VirtualProcessor,
  { status, repsCompleted }: HypercallResult,
): void {
  if (is64BitMode) {
    state.writeHalves(stateOffsets.gpr + rax * 8, status, repsCompleted);
    return;
  }
  state.setGpr32(rdx, repsCompleted);
  state.setGpr32(rax, status);
}
