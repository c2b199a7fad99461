/** Loads a file as it is, at an address, and enters its first byte in real, protected or 64-bit mode. */
import { UserError } from '../../support/user-error';
import type { FlatPlacement, GuestConfiguration } from '../machine-configuration';
import type { BootPlan, MemoryPiece } from './boot-plan';
import {
  flatDescriptor,
  flatDescriptorTable,
  identityPageTables,
  identityPageTablesBytes,
  lowMemory,
} from './boot-structures';
import { imageError } from './image-error';
import { longModeEntry, protectedModeEntry, realModeEntry } from './processor-entry';
import { ramRanges } from './memory-map';

/** Where firmware loads a boot sector. */
export const bootSectorPlacement: FlatPlacement = { address: 0x7c00, mode: 'real' };

const codeSelector = 0x08;
const dataSelector = 0x10;
const mappedGigabytes = 4;

/** Stack of a guest that is entered in real mode: below its first byte, as boot sectors expect. */
const realModeStack = 0x7c00;

/** First address that real mode cannot enter. */
const realModeEnd = 0x100000;

/** End of the structures that an entry mode needs in low memory. */
const structuresEnd: Readonly<Record<FlatPlacement['mode'], number>> = {
  real: 0,
  protected: lowMemory.startInfoGpa,
  long: lowMemory.pageTablesGpa + identityPageTablesBytes(mappedGigabytes),
};

/** @throws UserError where the image does not fit where it is to go */
export function planFlatImage(guest: GuestConfiguration): BootPlan {
  const placement = guest.flat ?? bootSectorPlacement;
  checkPlacement(guest, placement);
  const { address, mode } = placement;
  const image: MemoryPiece = { gpa: address, bytes: guest.image.bytes };
  if (mode === 'real') {
    return { pieces: [image], entry: realModeEntry(address, { rsp: realModeStack }) };
  }
  const code = mode === 'long' ? flatDescriptor.code64 : flatDescriptor.code32;
  const { piece, descriptors } = flatDescriptorTable(code, codeSelector, dataSelector);
  if (mode === 'protected') {
    return { pieces: [piece, image], entry: protectedModeEntry(address, descriptors, {}) };
  }
  const { pageTablesGpa } = lowMemory;
  return {
    pieces: [piece, identityPageTables(pageTablesGpa, mappedGigabytes), image],
    entry: longModeEntry(address, pageTablesGpa, descriptors, {}),
  };
}

function checkPlacement(guest: GuestConfiguration, { address, mode }: FlatPlacement): void {
  const { image, memoryBytes } = guest;
  if (image.bytes.length === 0) throw imageError(image, 'empty', 'is empty');
  const end = address + image.bytes.length;
  const place = `at 0x${address.toString(16)} to 0x${end.toString(16)}`;
  const wrong = (problem: string, hint: string): UserError =>
    new UserError('flat-address', `The flat image ${image.path} ${place} ${problem}.`, hint);
  if (!ramRanges('flat', memoryBytes).some((ram) => address >= ram.start && end <= ram.end)) {
    throw wrong('is not in RAM', 'Choose another "address", or give the guest more memory.');
  }
  if (mode === 'real' && address >= realModeEnd) {
    throw wrong('is beyond what real mode reaches', 'Choose an "address" below 1 MiB.');
  }
  if (address < structuresEnd[mode]) {
    const least = `0x${structuresEnd[mode].toString(16)}`;
    throw wrong('lies over the tables of its entry mode', `Choose an "address" from ${least} on.`);
  }
}
