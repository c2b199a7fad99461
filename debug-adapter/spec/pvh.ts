// Table: the PVH boot ABI of Xen: public/arch-x86/hvm/start_info.h and docs/misc/pvh.pandoc.
import { structField, structLayout } from '../support/struct-layout';

export const Pvh = {
  noteName: 'Xen',
  /** XEN_ELFNOTE_PHYS32_ENTRY: the descriptor is the physical address of the entry point. */
  notePhys32Entry: 18,
  startMagic: 0x336ec578,
  version: 1,
} as const;

export const hvmStartInfo = structLayout('hvm_start_info', [
  structField('magic', 'u32', 0),
  structField('version', 'u32', 4),
  structField('flags', 'u32', 8),
  structField('nr_modules', 'u32', 12),
  structField('modlist_paddr', 'u64', 16),
  structField('cmdline_paddr', 'u64', 24),
  structField('rsdp_paddr', 'u64', 32),
  structField('memmap_paddr', 'u64', 40),
  structField('memmap_entries', 'u32', 48),
]);

export const hvmModlistEntry = structLayout(
  'hvm_modlist_entry',
  [
    structField('paddr', 'u64', 0),
    structField('size', 'u64', 8),
    structField('cmdline_paddr', 'u64', 16),
  ],
  32,
);

export const hvmMemmapTableEntry = structLayout(
  'hvm_memmap_table_entry',
  [structField('addr', 'u64', 0), structField('size', 'u64', 8), structField('type', 'u32', 16)],
  24,
);
