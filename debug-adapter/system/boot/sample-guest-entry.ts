/** Loads a sample guest: the memory and the entry state of `spec/sample-guest.ts`. */
import { bootInformation, sampleGuest } from '../../spec/sample-guest';
import { encodeUtf8 } from '../../support/utf8';
import type { GuestConfiguration } from '../machine-configuration';
import type { BootPlan, MemoryPiece } from './boot-plan';
import { commandLineBytes, flatDescriptor, identityPageTables } from './boot-structures';
import { readElfImage } from './elf-image';
import { longModeEntry } from './processor-entry';

/** Offset of the command line from the boot information; both are in one page. */
const commandLineOffset = 0x100;
/** Offset of the task-state segment from the GDT; both are in one page. */
const taskStateOffset = 0x100;
const taskStateBytes = 0x68;
const taskStateSelector = 0x18;
const availableTaskState = 0x89n;
const gdtBytes = 0x28;

/** @throws UserError where the image is none that can be loaded */
export function planSampleGuest(guest: GuestConfiguration): BootPlan {
  const range = { lowest: sampleGuest.loadGpa, end: guest.memoryBytes };
  const image = readElfImage(guest.image, range);
  const { gdtGpa, codeSelector, dataSelector, pageTablesGpa } = sampleGuest;
  const descriptors = { gdtGpa, gdtBytes, codeSelector, dataSelector };
  return {
    pieces: [
      ...image.segments,
      identityPageTables(pageTablesGpa, 1),
      globalDescriptorTable(),
      bootStructures(guest),
    ],
    entry: longModeEntry(image.entry, pageTablesGpa, descriptors, {
      rsp: sampleGuest.stackTopGpa,
      rdi: sampleGuest.bootInformationGpa,
    }),
  };
}

/** Null, code, data, and a task-state segment of 16 bytes (SDM vol. 3, 7.2.3). */
function globalDescriptorTable(): MemoryPiece {
  const bytes = new Uint8Array(taskStateOffset + taskStateBytes);
  const view = new DataView(bytes.buffer);
  const base = BigInt(sampleGuest.gdtGpa + taskStateOffset);
  view.setBigUint64(sampleGuest.codeSelector, flatDescriptor.code64, true);
  view.setBigUint64(sampleGuest.dataSelector, flatDescriptor.data, true);
  const low =
    BigInt(taskStateBytes - 1) |
    ((base & 0xffffffn) << 16n) |
    (availableTaskState << 40n) |
    ((base >> 24n) << 56n);
  view.setBigUint64(taskStateSelector, low, true);
  return { gpa: sampleGuest.gdtGpa, bytes };
}

function bootStructures(guest: GuestConfiguration): MemoryPiece {
  const commandLine = commandLineBytes(guest);
  const bytes = new Uint8Array(commandLineOffset + commandLine.length);
  const view = new DataView(bytes.buffer);
  bytes.set(encodeUtf8(bootInformation.magicText), bootInformation.magic);
  view.setUint32(bootInformation.version, 1, true);
  view.setUint32(bootInformation.processorCount, guest.processorCount ?? 1, true);
  view.setBigUint64(bootInformation.memoryBytes, BigInt(guest.memoryBytes), true);
  if (commandLine.length > 1) {
    const gpa = BigInt(sampleGuest.bootInformationGpa + commandLineOffset);
    view.setBigUint64(bootInformation.commandLineGpa, gpa, true);
    bytes.set(commandLine, commandLineOffset);
  }
  return { gpa: sampleGuest.bootInformationGpa, bytes };
}
