/** Finds the callers of the instruction at RIP: by the chain of frame pointers, else by return addresses on the stack. */
import type { DebuggedThread } from '../debugged-machine';
import { registerNamed } from '../registers';
import type { SymbolIndex } from '../symbols/symbol-index';
import type { CodeReader } from './code-reader';
import { readLinear, readLinearU64 } from './linear-memory';

/** One activation. */
export interface WalkedFrame {
  /** RIP for the innermost frame, a return address for the others. */
  readonly address: bigint;
  /** Address of the stack slot that holds the return address; undefined for the innermost frame. */
  readonly slot?: bigint;
  /** How the frame was found, in words; empty where it is certain. */
  readonly note: string;
}

const maxFrames = 64;
const maxChainStepBytes = 0x10000n;
const scanBytes = 4096;
const maxScannedFrames = 16;

const rbp = registerNamed('rbp');
const rsp = registerNamed('rsp');

function isReturnAddress(thread: DebuggedThread, code: CodeReader, address: bigint): boolean {
  return address >= 0x1000n && code.followsCall(thread, address);
}

/** Callers by `[rbp]`, `[rbp+8]`; empty where RBP is no frame pointer. */
function walkChain(thread: DebuggedThread, code: CodeReader, top: bigint): readonly WalkedFrame[] {
  const frames: WalkedFrame[] = [];
  let frame = rbp.read(thread.processor.core.state);
  let below = top;
  while (frames.length < maxFrames) {
    if (frame < below || frame - below > maxChainStepBytes || (frame & 7n) !== 0n) break;
    const next = readLinearU64(thread, frame);
    const address = readLinearU64(thread, frame + 8n);
    if (next === undefined || address === undefined) break;
    if (!isReturnAddress(thread, code, address)) break;
    frames.push({ address, slot: frame + 8n, note: '' });
    below = frame + 16n;
    frame = next;
  }
  return frames;
}

/** Callers by looking for return addresses from RSP upwards. */
function scanStack(thread: DebuggedThread, code: CodeReader, top: bigint): readonly WalkedFrame[] {
  const bytes = readLinear(thread, top, scanBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: WalkedFrame[] = [];
  for (let at = 0; at + 8 <= bytes.length && frames.length < maxScannedFrames; at += 8) {
    const address = view.getBigUint64(at, true);
    if (!isReturnAddress(thread, code, address)) continue;
    const certain = at === 0 && frames.length === 0;
    frames.push({ address, slot: top + BigInt(at), note: certain ? '' : 'found on the stack' });
  }
  return frames;
}

/**
 * The frames of a thread, innermost first; never empty, at most 64.
 * Right after a call, before the callee has set up a frame, the return address at RSP is added to the chain.
 */
export function walkStack(
  thread: DebuggedThread,
  code: CodeReader,
  symbols: SymbolIndex,
): readonly WalkedFrame[] {
  const { state } = thread.processor.core;
  const innermost: WalkedFrame = { address: state.rip, note: '' };
  const top = rsp.read(state);
  const chain = walkChain(thread, code, top);
  if (chain.length === 0) return [innermost, ...scanStack(thread, code, top)];
  const atTop = readLinearU64(thread, top);
  const enteredNow = symbols.symbolAt(state.rip)?.offset === 0n;
  if (enteredNow && atTop !== undefined && isReturnAddress(thread, code, atTop)) {
    return [innermost, { address: atTop, slot: top, note: '' }, ...chain].slice(0, maxFrames);
  }
  return [innermost, ...chain];
}

/** A place where control may come back to, and the stack pointer it has then. */
export interface ReturnPlace {
  readonly address: bigint;
  readonly stackPointer: bigint;
}

/** Where the function or handler at RIP may return to: return addresses and interrupt frames above RSP. */
export function returnPlaces(thread: DebuggedThread, code: CodeReader): readonly ReturnPlace[] {
  const { state } = thread.processor.core;
  const top = rsp.read(state);
  const selector = registerNamed('cs').read(state);
  const bytes = readLinear(thread, top, scanBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const places: ReturnPlace[] = [];
  const word = (at: number): bigint => view.getBigUint64(at, true);
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    const address = word(at);
    if (isReturnAddress(thread, code, address)) {
      places.push({ address, stackPointer: top + BigInt(at) + 8n });
    }
    // An interrupt frame: RIP, CS, RFLAGS with bit 1 set, RSP, SS (SDM vol. 3, 6.14.2).
    const framed = at + 40 <= bytes.length && word(at + 8) === selector;
    if (framed && (word(at + 16) & 0xffffffff00000002n) === 2n) {
      places.push({ address, stackPointer: word(at + 24) });
    }
  }
  return places;
}
