/** Reads a bzImage: the setup header, the code that unpacks itself, and the compressed kernel within. */
import { bootParams, LinuxBoot } from '../../spec/linux-boot';
import { readField } from '../../support/struct-layout';
import type { ImageFile } from '../machine-configuration';
import { imageError, truncatedImage } from './image-error';

/** The parts of a bzImage. Offsets and meanings: boot.rst, "The Real-Mode Kernel Header". */
export interface BzImage {
  /** The setup header, to be copied to its offset in `boot_params`. */
  readonly setupHeader: Uint8Array;
  /** What is loaded; the 64-bit entry point is 0x200 behind its start. */
  readonly protectedModeCode: Uint8Array;
  /** The compressed kernel, with the size word that most formats append. */
  readonly payload: Uint8Array;
  readonly preferredAddress: number;
  /** Contiguous memory that the kernel needs from its load address on. */
  readonly initBytes: number;
  /** Highest address that the initial RAM disk may occupy. */
  readonly initrdAddressMaximum: number;
  /** Longest command line, without its final zero. */
  readonly commandLineBytes: number;
}

const field = (bytes: Uint8Array, name: string): number =>
  Number(readField(bootParams, bytes, name));

/** True where the file begins as a bzImage does. */
export function isBzImage(bytes: Uint8Array): boolean {
  return (
    bytes.length >= LinuxBoot.setupHeaderEndBase + 4 &&
    field(bytes, 'boot_flag') === LinuxBoot.bootFlag &&
    field(bytes, 'header') === LinuxBoot.headerMagic
  );
}

/**
 * Reads a file that {@link isBzImage} accepts.
 * @throws UserError `image-…` where it is damaged or cannot be entered in 64-bit mode
 */
export function readBzImage(image: ImageFile): BzImage {
  const { bytes } = image;
  const headerEnd = LinuxBoot.setupHeaderEndBase + (bytes[LinuxBoot.setupHeaderEndByte] ?? 0);
  const headerEndLeast = 0x264;
  if (bytes.length < bootParams.sizeBytes) throw truncatedImage(image, 'its setup code');
  const is64Bit =
    field(bytes, 'version') >= LinuxBoot.version64Bit &&
    headerEnd >= headerEndLeast &&
    (field(bytes, 'xloadflags') & LinuxBoot.kernel64) !== 0;
  if (!is64Bit || (field(bytes, 'loadflags') & LinuxBoot.loadedHigh) === 0) {
    throw imageError(
      image,
      'no-64-bit-entry',
      'is a Linux kernel without a 64-bit entry point',
      'Use an x86-64 kernel, version 3.8 or newer.',
    );
  }
  const setupSectors = field(bytes, 'setup_sects') || LinuxBoot.setupSectorsDefault;
  const codeStart = (setupSectors + 1) * LinuxBoot.sectorBytes;
  const codeEnd = codeStart + field(bytes, 'syssize') * LinuxBoot.paragraphBytes;
  const payloadStart = codeStart + field(bytes, 'payload_offset');
  const payloadEnd = payloadStart + field(bytes, 'payload_length');
  if (codeEnd > bytes.length || codeStart === codeEnd) throw truncatedImage(image, 'its kernel');
  if (payloadEnd > codeEnd)
    throw imageError(image, 'damaged', 'has its kernel outside of its code');
  return {
    setupHeader: bytes.subarray(LinuxBoot.setupHeaderStart, headerEnd),
    protectedModeCode: bytes.subarray(codeStart, codeEnd),
    payload: bytes.subarray(payloadStart, payloadEnd),
    preferredAddress: field(bytes, 'pref_address'),
    initBytes: field(bytes, 'init_size'),
    initrdAddressMaximum: field(bytes, 'initrd_addr_max'),
    commandLineBytes: field(bytes, 'cmdline_size'),
  };
}
