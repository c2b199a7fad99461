/** What the ACPI tables of a guest say that differs from guest to guest. */

export interface AcpiConfiguration {
  readonly processorCount: number;
  /** First guest-physical address after the RAM that lies below 4 GiB. */
  readonly lowMemoryEnd: number;
  /** First guest-physical address after all RAM; absent where there is none above 4 GiB. */
  readonly highMemoryEnd?: number;
  /** Where there is RAM, ascending: start, and first address behind it. */
  readonly memory: readonly { readonly start: number; readonly end: number }[];
  /** The guest finds no VMBus where this is false. */
  readonly hasVmbus?: boolean;
  /** By processor; without it a processor's id is its index. */
  readonly apicIds?: readonly number[];
}

/** The UID by which MADT and DSDT name one processor; Hyper-V's count from 1. */
export function processorUid(index: number): number {
  return index + 1;
}
