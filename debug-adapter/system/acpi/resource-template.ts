/** Resource descriptors of ACPI devices (ACPI 6.5, chapter 6.4), and the buffer that _CRS is. */
import {
  addressSpace,
  decode16,
  ioEntireRange,
  memoryCacheableReadWrite,
  minAndMaxFixed,
  resourceTag as tag,
} from '../../spec/pc/aml';
import { buffer, type Aml } from './aml-encoder';

/** A window from its first to its last address. */
export interface Window {
  readonly first: number;
  readonly last: number;
}

function fields(width: number, values: readonly number[]): Aml {
  return values.flatMap((value) =>
    Array.from({ length: width }, (_, index) => Math.floor(value / 2 ** (8 * index)) & 0xff),
  );
}

/** Tag, length, resource type, two flag bytes, then granularity, ends, translation and length of the window. */
function addressWindow(
  tagAndWidth: readonly [tag: number, width: number],
  type: number,
  typeFlags: number,
  { first, last }: Window,
): Aml {
  const [first8, width] = tagAndWidth;
  const body = [
    ...[type, minAndMaxFixed, typeFlags],
    ...fields(width, [0, first, last, 0, last - first + 1]),
  ];
  return [first8, ...fields(2, [body.length]), ...body];
}

/** Buses that a bridge leads to. */
export function busNumbers(window: Window): Aml {
  return addressWindow([tag.wordAddressSpace, 2], addressSpace.busNumber, 0, window);
}

/** I/O ports that a bridge passes on. */
export function ioWindow(window: Window): Aml {
  return addressWindow([tag.wordAddressSpace, 2], addressSpace.io, ioEntireRange, window);
}

/** Memory below 4 GiB that a bridge passes on. */
export function memoryWindow32(window: Window): Aml {
  const flags = memoryCacheableReadWrite;
  return addressWindow([tag.dwordAddressSpace, 4], addressSpace.memory, flags, window);
}

/** Memory anywhere that a bridge passes on. */
export function memoryWindow64(window: Window): Aml {
  const flags = memoryCacheableReadWrite;
  return addressWindow([tag.qwordAddressSpace, 8], addressSpace.memory, flags, window);
}

/** I/O ports of a device. */
export function ioPorts(first: number, count: number): Aml {
  return [tag.io, decode16, ...fields(2, [first, first]), 1, count];
}

/** An edge-triggered interrupt request, active high, not shared. */
export function edgeInterrupt(irq: number): Aml {
  return [tag.irqNoFlags, ...fields(2, [1 << irq])];
}

/** Memory of a device, not writable by others. */
export function fixedMemory(gpa: number, bytes: number): Aml {
  return [tag.memory32Fixed, ...fields(2, [9]), 0, ...fields(4, [gpa, bytes])];
}

/** The resources of a device as one buffer; a checksum byte of 0 counts as right. */
export function resourceTemplate(...descriptors: readonly Aml[]): Aml {
  return buffer([...descriptors.flat(), tag.endTag, 0]);
}
