/** Far control transfers to a code segment: their checks, and the change itself (SDM vol. 3, 5.8). */
import {
  isBig,
  isLongCode,
  isPresent,
  limitOf,
  notPresent,
  privilegeOf,
  typeOf,
  type Descriptor,
} from '../events/segments';
import { generalProtection, type Fault } from '../processor-context';
import { segmentOffsets } from '../vmcs-offsets';
import type { Processor } from './routine';

/** A code segment that may be entered, and where its descriptor lies. */
export interface CodeTarget {
  readonly selector: number;
  readonly descriptor: Descriptor;
  readonly address: bigint;
}

/** Reads the descriptor of a code segment; null is #GP(0). */
export function readCode(processor: Processor, selector: number): CodeTarget | Fault | 'left' {
  if ((selector & 0xfffc) === 0) return generalProtection();
  const load = processor.segments.readDescriptor(selector, 8);
  if (load.kind === 'fault') return load.fault;
  if (load.kind === 'left') return 'left';
  return { selector, descriptor: load.descriptor, address: load.address };
}

export function isCode(descriptor: Descriptor): boolean {
  return (typeOf(descriptor) & 0x18) === 0x18;
}

export function isConforming(descriptor: Descriptor): boolean {
  return (typeOf(descriptor) & 0x1c) === 0x1c;
}

/** L and D together are reserved in IA-32e mode; a segment must be present. */
export function codeFault(processor: Processor, target: CodeTarget): Fault | undefined {
  const { descriptor, selector } = target;
  const isReserved = isLongCode(descriptor) && isBig(descriptor);
  if (processor.context.isLongMode && isReserved) return generalProtection(selector & 0xfffc);
  return isPresent(descriptor) ? undefined : notPresent(selector);
}

/** Privilege of a direct far jump or call (SDM vol. 3, 5.8.1). */
export function directFault(processor: Processor, target: CodeTarget): Fault | undefined {
  const { descriptor, selector } = target;
  const { cpl } = processor.context;
  const privilege = privilegeOf(descriptor);
  const isAllowed = isConforming(descriptor)
    ? privilege <= cpl
    : (selector & 3) <= cpl && privilege === cpl;
  return isAllowed ? codeFault(processor, target) : generalProtection(selector & 0xfffc);
}

export function entersLongCode(processor: Processor, descriptor: Descriptor): boolean {
  return processor.context.isLongMode && isLongCode(descriptor);
}

/** The new instruction pointer must be canonical, or within the segment. */
export function instructionPointerFault(
  processor: Processor,
  descriptor: Descriptor,
  ip: bigint,
): Fault | undefined {
  const isValid = entersLongCode(processor, descriptor)
    ? processor.context.isCanonical(ip)
    : ip <= BigInt(limitOf(descriptor));
  return isValid ? undefined : generalProtection();
}

/** Loads CS with its new privilege level; the accessed bit has been set by {@link markCode}. */
export function loadCode(processor: Processor, target: CodeTarget, cpl: number): void {
  const descriptor = { ...target.descriptor, high: target.descriptor.high | 0x100 };
  processor.segments.load(segmentOffsets.CS, (target.selector & 0xfffc) | cpl, descriptor);
}

/** Sets the accessed bit, which may still fault: before anything else changes. */
export function markCode(processor: Processor, target: CodeTarget): Fault | 'left' | undefined {
  const marked = processor.segments.markAccessed(target.address, target.descriptor);
  if (marked === 'done') return undefined;
  return marked === 'fault' ? processor.access.fault : 'left';
}
