/** What a loader is given besides the guest. */
import type { Decompressor } from '../../backends/decompressor';
import type { MemoryPiece } from './boot-plan';

export interface BootServices {
  readonly decompressor: Decompressor | undefined;
  /** The RSDP, by which a guest finds its ACPI tables. */
  readonly acpiRootPointer: MemoryPiece;
}
