/** Finds a place for an initial RAM disk. */
import { UserError } from '../../support/user-error';
import type { GuestConfiguration, ImageFile } from '../machine-configuration';
import type { MemoryPiece } from './boot-plan';

const pageBytes = 4096;

function initrdError(file: ImageFile, id: string, problem: string, hint: string): UserError {
  return new UserError(`initrd-${id}`, `The initial RAM disk ${file.path} ${problem}.`, hint);
}

/**
 * The initial RAM disk as high in memory as it may be, so that it is out of the kernel's way.
 * @param lowest first address that the kernel leaves free
 * @param end first address that may not be used
 * @returns undefined where the guest has none
 * @throws UserError `initrd-…` where there is no room for it
 */
export function placeInitialRamDisk(
  guest: GuestConfiguration,
  lowest: number,
  end: number,
): MemoryPiece | undefined {
  const { initrd, memoryBytes } = guest;
  if (initrd === undefined) return undefined;
  const { bytes } = initrd;
  if (bytes.length === 0) {
    throw initrdError(initrd, 'empty', 'is empty', 'Leave out "initrd", or build the file again.');
  }
  const highest = Math.min(memoryBytes, end) - bytes.length;
  const gpa = Math.floor(highest / pageBytes) * pageBytes;
  if (gpa >= lowest) return { gpa, bytes };
  throw initrdError(
    initrd,
    'too-large',
    `has ${bytes.length} bytes, and above the kernel there are ${Math.max(0, Math.min(memoryBytes, end) - lowest)}`,
    'Give the guest more memory.',
  );
}
