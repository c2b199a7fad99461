// Disks, SCSI commands and channels for tests of storage, without a guest.
import { MemoryBlockFiles } from '../../debug-adapter/backends/block-source';
import { PageStore } from '../../debug-adapter/machine/page-store';
import { ScsiDisk } from '../../debug-adapter/parent-partition/service-providers/storage/scsi-disk';
import type {
  ScsiData,
  ScsiOutcome,
} from '../../debug-adapter/parent-partition/service-providers/storage/scsi-outcome';
import { openDiskImage } from '../../debug-adapter/parent-partition/virtual-disks/open-image';
import { VirtualDisk } from '../../debug-adapter/parent-partition/virtual-disks/virtual-disk';

/** How a disk of a test differs from the usual one. */
export interface LabDiskOptions {
  readonly isReadOnly?: boolean;
  readonly overlayBytesMaximum?: number;
}

/** A SCSI disk on an image in memory. */
export function labDisk(content: Uint8Array, options: LabDiskOptions = {}): ScsiDisk {
  const { isReadOnly = false, overlayBytesMaximum = 1 << 30 } = options;
  const files = new MemoryBlockFiles(new Map([['disk', content]]));
  const image = openDiskImage('disk', files);
  const pages = new PageStore();
  return new ScsiDisk(new VirtualDisk({ image, isReadOnly, pages, overlayBytesMaximum }));
}

/** Memory of a guest for the data of one command. */
export class LabData implements ScsiData {
  constructor(readonly bytes: Uint8Array) {}

  get sizeBytes(): number {
    return this.bytes.length;
  }

  read(offset: number, target: Uint8Array): boolean {
    if (offset + target.length > this.bytes.length) return false;
    target.set(this.bytes.subarray(offset, offset + target.length));
    return true;
  }

  write(offset: number, source: Uint8Array): boolean {
    if (offset + source.length > this.bytes.length) return false;
    this.bytes.set(source, offset);
    return true;
  }
}

/** Bytes of a command, from hexadecimal with blanks, filled up to 16. */
export function cdb(text: string): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(text.split(' ').map((digits) => parseInt(digits, 16)));
  return bytes;
}

/** Sends one command; what the guest gets is the beginning of `data`. */
export function command(
  disk: ScsiDisk,
  text: string,
  data = new Uint8Array(0),
): { readonly outcome: ScsiOutcome; readonly got: Uint8Array } {
  const outcome = disk.execute(cdb(text), new LabData(data));
  return { outcome, got: data.subarray(0, outcome.transferredBytes) };
}
