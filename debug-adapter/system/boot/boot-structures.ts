/** Page tables, descriptors and texts that several boot protocols put into memory. */
import { encodeUtf8 } from '../../support/utf8';
import { UserError } from '../../support/user-error';
import { limits } from '../limits';
import type { GuestConfiguration } from '../machine-configuration';
import type { MemoryPiece } from './boot-plan';
import type { FlatDescriptors } from './processor-entry';

const pagePresent = 1n;
const pageWritable = 2n;
const pageSize2MiB = 0x80n;
const tableBytes = 4096;
const entriesPerTable = 512;
const largePageBytes = 0x200000;

/** Low memory of a guest that is entered by a boot protocol of PCs. */
export const lowMemory = {
  gdtGpa: 0x1000,
  /** `boot_params`, or the start information of other protocols. */
  startInfoGpa: 0x2000,
  commandLineGpa: 0x3000,
  pageTablesGpa: 0x4000,
  /** Memory map and module list of protocols that keep them apart. */
  listsGpa: 0xb000,
} as const;

/** Bytes of {@link identityPageTables}. */
export function identityPageTablesBytes(gigabytes: number): number {
  return (2 + gigabytes) * tableBytes;
}

/** PML4, page-directory-pointer table and a page directory for each gigabyte: linear address = physical address. */
export function identityPageTables(gpa: number, gigabytes: number): MemoryPiece {
  const bytes = new Uint8Array(identityPageTablesBytes(gigabytes));
  const view = new DataView(bytes.buffer);
  const table = pagePresent | pageWritable;
  view.setBigUint64(0, BigInt(gpa + tableBytes) | table, true);
  for (let gigabyte = 0; gigabyte < gigabytes; gigabyte++) {
    const directory = (2 + gigabyte) * tableBytes;
    view.setBigUint64(tableBytes + gigabyte * 8, BigInt(gpa + directory) | table, true);
    for (let index = 0; index < entriesPerTable; index++) {
      const page = BigInt((gigabyte * entriesPerTable + index) * largePageBytes);
      view.setBigUint64(directory + index * 8, page | table | pageSize2MiB, true);
    }
  }
  return { gpa, bytes };
}

/** A PML5 table whose first entry leads to a PML4 table (SDM vol. 3, 4.5). */
export function pageMapLevel5(gpa: number, pageMapLevel4: number): MemoryPiece {
  const bytes = new Uint8Array(tableBytes);
  const entry = BigInt(pageMapLevel4) | pagePresent | pageWritable;
  new DataView(bytes.buffer).setBigUint64(0, entry, true);
  return { gpa, bytes };
}

/** Flat descriptors (SDM vol. 3, 3.4.5). */
export const flatDescriptor = {
  code64: 0x00af9b000000ffffn,
  code32: 0x00cf9b000000ffffn,
  data: 0x00cf93000000ffffn,
} as const;

/** A descriptor table with flat code and data at the given selectors. */
export function flatDescriptorTable(
  code: bigint,
  codeSelector: number,
  dataSelector: number,
): { readonly piece: MemoryPiece; readonly descriptors: FlatDescriptors } {
  const gdtBytes = Math.max(codeSelector, dataSelector) + 8;
  const bytes = new Uint8Array(gdtBytes);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(codeSelector, code, true);
  view.setBigUint64(dataSelector, flatDescriptor.data, true);
  const gdtGpa = lowMemory.gdtGpa;
  return {
    piece: { gpa: gdtGpa, bytes },
    descriptors: { gdtGpa, gdtBytes, codeSelector, dataSelector },
  };
}

/**
 * The command line with its final zero.
 * @param mostBytes what the guest accepts, without the zero
 * @throws UserError where it is too long
 */
export function commandLineBytes(
  guest: GuestConfiguration,
  mostBytes: number = limits.commandLineBytes - 1,
): Uint8Array {
  const text = encodeUtf8(guest.commandLine);
  const most = Math.min(mostBytes, limits.commandLineBytes - 1);
  if (text.length > most) {
    throw new UserError(
      'command-line-too-long',
      `The command line of "${guest.name}" has ${text.length} bytes.`,
      `Use at most ${most}.`,
    );
  }
  const bytes = new Uint8Array(text.length + 1);
  bytes.set(text);
  return bytes;
}
