/** What the parts of one processor share: its state, its partition's memory, and how an instruction fails. */
import { linearAddressBits, type LinearAddressBits } from '../spec/x86/address-widths';
import { isCanonical, isCanonicalHalf } from '../machine/addresses';
import type { GuestMemory } from '../machine/guest-memory';
import { ExceptionNumber as vector } from '../spec/x86/exceptions';
import { ProcessorState, StopCode, stateOffsets } from '../machine/processor-state';
import { longCode, type CodeMode } from './decode/code-mode';
import type { DataWatch } from './data-watch';
import { runOffsets } from './memory-map';
import type { TranslationSources } from './paging/translation-sources';
import { segmentOffsets, vmcsOffsets } from './vmcs-offsets';

/** Vectors of exceptions, under the name by which this layer raises them. */
export { vector };

/** A fault that an instruction or a delivery met; a value, never thrown. */
export interface Fault {
  readonly vector: number;
  readonly errorCode: number | undefined;
  /** Linear address of a page fault. */
  readonly address?: bigint | undefined;
  /** DR6 bits of a debug exception. */
  readonly debugStatus?: bigint | undefined;
}

/** A general-protection fault with its error code. */
export function generalProtection(errorCode = 0): Fault {
  return { vector: vector.GP, errorCode };
}

export const undefinedOpcode: Fault = { vector: vector.UD, errorCode: undefined };

/** How a routine ends: its value goes to the generated code. */
export const RoutineEnd = {
  /** On to the next instruction. */
  next: 0,
  /** On at state.rip. */
  lookup: 1,
  /** The instruction is given up; `runOffsets.stop` says why. */
  leave: 2,
  /** The instruction is done, state.rip is the next one's, and generated code returns to its caller. */
  finish: 3,
} as const;

export type RoutineEnd = (typeof RoutineEnd)[keyof typeof RoutineEnd];

const eferLongModeActive = 1 << 10;
const cr0Protection = 1;
const twoTo32 = 2 ** 32;
const flagVirtual8086 = 0x20000;

export class ProcessorContext {
  readonly state: ProcessorState;
  readonly view: DataView;
  /** Why the last `StopCode.fault` happened, where the slow path or a routine raised it. */
  fault: Fault | undefined;
  /** How code at the present CS is decoded; kept by the processor whenever its mode changes. */
  mode: CodeMode = longCode;
  /** Data breakpoints of the debug registers, where any is on. */
  watch: DataWatch | undefined;
  /** Set while an IRET is done that began while NMIs were blocked, and until its exit or its fault has told so. */
  hasLetNmisIn = false;
  /** What is missing, after `StopCode.unimplemented` from a routine. */
  unbuilt: string | undefined;

  /** Bits of linear addresses in the present paging mode; kept by the processor whenever its mode changes. */
  linearAddressBits: LinearAddressBits = linearAddressBits.fourLevels;

  /** Of each segment, by number: rights, limit and base that its checks were derived from, and whether these never bite. */
  readonly checkedSegments = new Int32Array(6 * 4).fill(-1);

  /** @param supportedAddressBits of linear addresses, in any paging mode */
  constructor(
    readonly bytes: Uint8Array,
    readonly vpBase: number,
    readonly memory: GuestMemory,
    readonly sources: TranslationSources,
    readonly supportedAddressBits: LinearAddressBits,
  ) {
    this.state = new ProcessorState(bytes, vpBase);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.setRunU64(runOffsets.unsupportedAddressBits, BigInt(64 - supportedAddressBits));
  }

  /** What accesses and instruction pointers must be (SDM vol. 1, 3.3.7.1). */
  isCanonical(address: bigint): boolean {
    return isCanonical(address, this.linearAddressBits);
  }

  /** The same of the upper half of an address, as a signed 32-bit integer. */
  isCanonicalHalf(high: number): boolean {
    return isCanonicalHalf(high, this.linearAddressBits);
  }

  /** What bases of segments and tables must be, whatever the paging mode (SDM vol. 3, 4.5.2). */
  isCanonicalBase(address: bigint): boolean {
    return isCanonical(address, this.supportedAddressBits);
  }

  /** Whether what happens now is of an IRET that has let NMIs in; nothing later is. */
  takeNmisLetIn(): boolean {
    const taken = this.hasLetNmisIn;
    this.hasLetNmisIn = false;
    return taken;
  }

  run32(offset: number): number {
    return this.view.getInt32(this.vpBase + offset, true);
  }

  setRun32(offset: number, value: number): void {
    this.view.setInt32(this.vpBase + offset, value, true);
  }

  /** A count below 2^53 in a field of 64 bits. */
  runCount(offset: number): number {
    const at = this.vpBase + offset;
    return this.view.getUint32(at, true) + this.view.getUint32(at + 4, true) * twoTo32;
  }

  setRunCount(offset: number, count: number): void {
    const at = this.vpBase + offset;
    // Without a remainder, which the engine calls a library for.
    const high = Math.floor(count / twoTo32);
    this.view.setUint32(at, count - high * twoTo32, true);
    this.view.setUint32(at + 4, high, true);
  }

  runU64(offset: number): bigint {
    return this.view.getBigUint64(this.vpBase + offset, true);
  }

  setRunU64(offset: number, value: bigint): void {
    this.view.setBigUint64(this.vpBase + offset, BigInt.asUintN(64, value), true);
  }

  get cpl(): number {
    return this.run32(runOffsets.cpl);
  }

  /** Lower half of the linear address of the instruction at RIP; the base of 64-bit code is 0. */
  get linearIpLow(): number {
    return (this.state.readU32(stateOffsets.rip) + this.run32(runOffsets.codeBase)) | 0;
  }

  /** Its upper half: linear addresses have 32 bits outside 64-bit mode. */
  get linearIpHigh(): number {
    return this.mode === longCode ? this.state.readHigh(stateOffsets.rip) : 0;
  }

  get isLongMode(): boolean {
    return (this.state.readU32(vmcsOffsets.efer) & eferLongModeActive) !== 0;
  }

  /** The stack pointer, cut to the stack's size. */
  get stackPointer(): bigint {
    return BigInt.asUintN(this.mode.stackSize, this.state.gpr(4));
  }

  /** Writes as much of RSP as the stack has; a 16-bit stack leaves the upper part alone. */
  setStackPointer(value: bigint): void {
    const { stackSize } = this.mode;
    const kept = stackSize === 16 ? this.state.gpr(4) & ~0xffffn : 0n;
    this.state.setGpr(4, kept | BigInt.asUintN(stackSize, value));
  }

  /** Protected or IA-32e mode, and not virtual-8086 mode: selectors name descriptors. */
  get isProtected(): boolean {
    return (this.state.readU32(vmcsOffsets.cr0) & cr0Protection) !== 0 && !this.isVirtual8086;
  }

  get isVirtual8086(): boolean {
    return (this.state.readU32(stateOffsets.flagsSystem) & flagVirtual8086) !== 0;
  }

  /** CS.L: 64-bit mode rather than compatibility mode. */
  get is64Bit(): boolean {
    return this.isLongMode && (this.state.readU32(segmentOffsets.CS.accessRights) & 0x2000) !== 0;
  }

  /** Gives the instruction up with a fault. */
  raise(fault: Fault): typeof RoutineEnd.leave {
    this.fault = fault;
    this.setRun32(runOffsets.stop, StopCode.fault);
    return RoutineEnd.leave;
  }

  /** Ends the instruction as done, and returns to the caller before the next one. */
  finish(nextIp: bigint): typeof RoutineEnd.finish {
    this.state.rip = nextIp;
    return this.finishThere();
  }

  /** The same where RIP is that of the next one already. */
  finishThere(): typeof RoutineEnd.finish {
    this.setRun32(runOffsets.stop, StopCode.budget);
    return RoutineEnd.finish;
  }

  /** Gives the instruction up because a part of it is not built. */
  giveUp(text: string): typeof RoutineEnd.leave {
    this.unbuilt = text;
    this.setRun32(runOffsets.stop, StopCode.unimplemented);
    return RoutineEnd.leave;
  }
}
