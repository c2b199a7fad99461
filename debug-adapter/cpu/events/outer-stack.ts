/** Stacks of another privilege level: taken from the TSS on the way in (SDM vol. 3, 5.8.5), checked on the way out. */
import { isBig, isPresent, limitOf, privilegeOf, typeOf, type Descriptor } from './segments';
import { farPointers, pushes, type WordBytes } from '../paging/block-shape';
import type { MemoryAccess, SystemAccess } from '../paging/memory-access';
import type { SegmentLoader } from './segments';
import { generalProtection, vector, type Fault, type ProcessorContext } from '../processor-context';
import { segmentOffsets } from '../vmcs-offsets';
import { wordsOf } from './words';

/** Parts of the processor that both routines and event delivery have. */
export interface StackSwitcher {
  readonly context: ProcessorContext;
  readonly access: MemoryAccess;
  readonly segments: SegmentLoader;
}

/** A stack segment with its pointer. */
export interface StackTarget {
  readonly selector: number;
  /** Undefined for the null stack segment of IA-32e mode. */
  readonly descriptor: Descriptor | undefined;
  readonly pointer: bigint;
}

type Left = 'exit' | 'exhausted';

/** A task-state segment of 286 format has type 1 or 3 (SDM vol. 3, table 3-2). */
function isShortTask({ state }: ProcessorContext): boolean {
  return (state.readU32(segmentOffsets.TR.accessRights) & 8) === 0;
}

/** Stack of an inner privilege level outside IA-32e mode; `external` goes into error codes. */
export function innerStack(
  switcher: StackSwitcher,
  cpl: number,
  external = 0,
): StackTarget | Fault | Left {
  const { context, access } = switcher;
  const { state } = context;
  const bytes = isShortTask(context) ? 2 : 4;
  const at = bytes * (1 + 2 * cpl);
  const task = (state.readU32(segmentOffsets.TR.selector) & 0xfffc) | external;
  if (at + 2 * bytes - 1 > state.readU32(segmentOffsets.TR.limit)) return invalidTask(task);
  const base = state.readU64(segmentOffsets.TR.base);
  const data = access.readSystem(base + BigInt(at), 2 * bytes, farPointers[bytes]);
  if (data === 'fault') return access.fault;
  if (typeof data === 'string') return data;
  const [pointer = 0n, word = 0n] = wordsOf(data, bytes);
  const selector = Number(word & 0xffffn);
  const errorCode = (selector & 0xfffc) | external;
  if ((selector & 0xfffc) === 0) return invalidTask(external);
  const load = switcher.segments.readDescriptor(selector, 8, external);
  if (load.kind === 'left') return load.end;
  if (load.kind === 'fault') {
    return load.fault.vector === vector.GP ? invalidTask(errorCode) : load.fault;
  }
  const { descriptor } = load;
  const isRight = (selector & 3) === cpl && privilegeOf(descriptor) === cpl;
  if (!isRight || !isWritableData(descriptor)) return invalidTask(errorCode);
  if (!isPresent(descriptor)) return { vector: vector.SS, errorCode };
  return { selector, descriptor, pointer };
}

function invalidTask(errorCode: number): Fault {
  return { vector: vector.TS, errorCode };
}

export function isWritableData(descriptor: Descriptor): boolean {
  return (typeOf(descriptor) & 0x1a) === 0x12;
}

/** Where a block lies on a stack that is not loaded yet, or the fault of its segment. */
function placeOn(
  { selector, descriptor, pointer }: StackTarget & { readonly descriptor: Descriptor },
  length: number,
  external: number,
): { readonly linear: bigint; readonly bottom: bigint } | Fault {
  const size = isBig(descriptor) ? 32 : 16;
  const bottom = BigInt.asUintN(size, BigInt.asUintN(size, pointer) - BigInt(length));
  const limit = BigInt(limitOf(descriptor));
  const last = bottom + BigInt(length - 1);
  const isExpandDown = (typeOf(descriptor) & 4) !== 0;
  const isInside = isExpandDown ? bottom > limit && last < 1n << BigInt(size) : last <= limit;
  if (!isInside) return { vector: vector.SS, errorCode: (selector & 0xfffc) | external };
  return { linear: BigInt.asUintN(32, baseOf(descriptor) + bottom), bottom };
}

function baseOf({ low, high }: Descriptor): bigint {
  return BigInt(((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff000000)) >>> 0);
}

/**
 * Writes a block below the pointer of a stack that is not loaded yet.
 * @returns the new stack pointer
 */
export function pushOn(
  switcher: StackSwitcher,
  stack: StackTarget & { readonly descriptor: Descriptor },
  data: Uint8Array,
  bytes: WordBytes,
  cpl: number,
  external = 0,
): bigint | Fault | Exclude<SystemAccess, 'done' | 'fault'> {
  const place = placeOn(stack, data.length, external);
  if ('vector' in place) return place;
  const end = switcher.access.writeSystem(place.linear, data, pushes[bytes], cpl === 3);
  if (end === 'fault') return switcher.access.fault;
  return end === 'done' ? place.bottom : end;
}

/** Checks the stack segment that a return to an outer level names (SDM vol. 2, RET). */
export function outerStack(
  switcher: StackSwitcher,
  selector: number,
  level: number,
  isLong: boolean,
): Descriptor | undefined | Fault | 'left' {
  const errorCode = selector & 0xfffc;
  if (errorCode === 0) {
    // Null is allowed in 64-bit mode outside privilege level 3.
    return !isLong || level === 3 || (selector & 3) !== level ? generalProtection() : undefined;
  }
  const load = switcher.segments.readDescriptor(selector, 8);
  if (load.kind === 'fault') return load.fault;
  if (load.kind === 'left') return 'left';
  const { descriptor } = load;
  const isRight = (selector & 3) === level && privilegeOf(descriptor) === level;
  if (!isRight || !isWritableData(descriptor)) return generalProtection(errorCode);
  return isPresent(descriptor) ? descriptor : { vector: vector.SS, errorCode };
}
