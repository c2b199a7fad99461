/** Where a guest has RAM, and what its memory map says of it. */
import { E820 } from '../../spec/linux-boot';
import type { GuestFormat } from '../machine-configuration';

/** A range of guest-physical addresses. */
export interface MemoryRange {
  readonly start: number;
  /** First address behind the range. */
  readonly end: number;
}

/** A range with its type of the ACPI address range interface. */
export interface MemoryMapEntry extends MemoryRange {
  readonly type: number;
}

/** The video memory of a PC, which is not RAM. */
const videoMemory: MemoryRange = { start: 0xa0000, end: 0xc0000 };

/** Where programs for a PC expect RAM to go on behind video memory and firmware. */
export const highMemoryStart = 0x100000;

/** Firmware of a PC lies up to the first MiB; its ACPI tables are there. */
export const firmwareMemory: MemoryRange = { start: videoMemory.end, end: highMemoryStart };

/** RAM of a guest: a sample guest's is one piece, a PC has its video memory in between. */
export function ramRanges(format: GuestFormat, memoryBytes: number): readonly MemoryRange[] {
  if (format === 'sample-guest') return [{ start: 0, end: memoryBytes }];
  return [
    { start: 0, end: videoMemory.start },
    { start: firmwareMemory.start, end: memoryBytes },
  ];
}

/** What firmware tells a guest about its memory, ascending. */
export function memoryMap(memoryBytes: number): readonly MemoryMapEntry[] {
  return [
    { start: 0, end: videoMemory.start, type: E820.ram },
    { ...firmwareMemory, type: E820.reserved },
    { start: highMemoryStart, end: memoryBytes, type: E820.ram },
  ];
}
