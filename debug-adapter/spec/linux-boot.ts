// Table: the Linux/x86 boot protocol: Documentation/x86/boot.rst, zero-page.rst, and uapi/asm/bootparam.h of Linux 6.1.
import { structField, structLayout } from '../support/struct-layout';

/** `struct boot_params`, the "zero page"; the setup header lies at the same offsets as in a bzImage. */
export const bootParams = structLayout(
  'boot_params',
  [
    structField('acpi_rsdp_addr', 'u64', 0x070),
    structField('ext_ramdisk_image', 'u32', 0x0c0),
    structField('ext_ramdisk_size', 'u32', 0x0c4),
    structField('ext_cmd_line_ptr', 'u32', 0x0c8),
    structField('e820_entries', 'u8', 0x1e8),
    structField('sentinel', 'u8', 0x1ef),
    structField('setup_sects', 'u8', 0x1f1),
    structField('syssize', 'u32', 0x1f4),
    structField('vid_mode', 'u16', 0x1fa),
    structField('boot_flag', 'u16', 0x1fe),
    structField('jump', 'u16', 0x200),
    structField('header', 'u32', 0x202),
    structField('version', 'u16', 0x206),
    structField('kernel_version', 'u16', 0x20e),
    structField('type_of_loader', 'u8', 0x210),
    structField('loadflags', 'u8', 0x211),
    structField('code32_start', 'u32', 0x214),
    structField('ramdisk_image', 'u32', 0x218),
    structField('ramdisk_size', 'u32', 0x21c),
    structField('cmd_line_ptr', 'u32', 0x228),
    structField('initrd_addr_max', 'u32', 0x22c),
    structField('kernel_alignment', 'u32', 0x230),
    structField('relocatable_kernel', 'u8', 0x234),
    structField('xloadflags', 'u16', 0x236),
    structField('cmdline_size', 'u32', 0x238),
    structField('payload_offset', 'u32', 0x248),
    structField('payload_length', 'u32', 0x24c),
    structField('setup_data', 'u64', 0x250),
    structField('pref_address', 'u64', 0x258),
    structField('init_size', 'u32', 0x260),
  ],
  4096,
);

export const LinuxBoot = {
  /** First byte of the setup header; its end is 0x202 plus the second byte of `jump`. */
  setupHeaderStart: 0x1f1,
  setupHeaderEndBase: 0x202,
  setupHeaderEndByte: 0x201,
  /** `boot_flag`. */
  bootFlag: 0xaa55,
  /** `header`: "HdrS". */
  headerMagic: 0x53726448,
  /** First protocol version with a 64-bit entry point. */
  version64Bit: 0x020c,
  /** Version written for a kernel that brings no setup header of its own. */
  versionWritten: 0x020f,
  sectorBytes: 512,
  setupSectorsDefault: 4,
  /** Unit of `syssize`. */
  paragraphBytes: 16,
  /** Offset of the 64-bit entry point from the start of the protected-mode code. */
  entry64Offset: 0x200,
  /** `type_of_loader` of loaders without a number of their own. */
  loaderUndefined: 0xff,
  loadedHigh: 1,
  /** `xloadflags`: the kernel has the 64-bit entry point. */
  kernel64: 1,
  e820TableOffset: 0x2d0,
  e820EntriesMaximum: 128,
  /** Link address of a kernel minus its physical address. */
  startKernelMap: 0xffffffff80000000n,
} as const;

/** `struct boot_e820_entry`. */
export const e820Entry = structLayout(
  'boot_e820_entry',
  [structField('addr', 'u64', 0), structField('size', 'u64', 8), structField('type', 'u32', 16)],
  20,
);

/** Types of address ranges (ACPI specification 6.4, 15.1). */
export const E820 = { ram: 1, reserved: 2, acpi: 3, nvs: 4 } as const;

/** How the payload of a bzImage begins, by format. */
export const payloadMagic = {
  elf: [0x7f, 0x45, 0x4c, 0x46],
  gzip: [0x1f, 0x8b],
  xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
  lz4: [0x02, 0x21, 0x4c, 0x18],
  zstd: [0x28, 0xb5, 0x2f, 0xfd],
  bzip2: [0x42, 0x5a, 0x68],
  lzma: [0x5d, 0x00, 0x00],
  lzo: [0x89, 0x4c, 0x5a, 0x4f],
} as const;

/** Segment selectors of the boot protocol, `__BOOT_CS` and `__BOOT_DS`. */
export const linuxBootSelectors = { code: 0x10, data: 0x18 } as const;
