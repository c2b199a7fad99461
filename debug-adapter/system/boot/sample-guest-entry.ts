/** Puts a sample guest into memory and its processor into the entry state of `spec/sample-guest.ts`. */
import type { GuestMemory } from '../../machine/guest-memory';
import { stateOffsets, vmcsEncoding, type ProcessorState } from '../../machine/processor-state';
import { bootInformation, sampleGuest } from '../../spec/sample-guest';
import { Cr0, Cr4, Efer } from '../../spec/x86/control-registers';
import { patResetValue } from '../../spec/x86/msrs';
import { encodeUtf8 } from '../../support/utf8';
import { UserError } from '../../support/user-error';
import { limits } from '../limits';
import type { GuestConfiguration } from '../machine-configuration';
import { readElfImage } from './elf-image';

const rsp = 4;
const rdi = 7;

/** Offset of the command line from the boot information; both are in one page. */
const commandLineOffset = 0x100;
/** Offset of the task-state segment from the GDT; both are in one page. */
const taskStateOffset = 0x100;
const taskStateBytes = 0x68;

const pagePresent = 1n;
const pageWritable = 2n;
const pageSize2MiB = 0x80n;
const entriesPerTable = 512;
const largePageBytes = 0x200000;

const codeDescriptor = 0x00af9b000000ffffn;
const dataDescriptor = 0x00cf93000000ffffn;
const availableTaskState = 0x89n;

/** Loads the guest; processor 0 stands at the entry point afterwards. */
export function enterSampleGuest(
  guest: GuestConfiguration,
  memory: GuestMemory,
  state: ProcessorState,
): void {
  const end = guest.memoryBytes;
  const image = readElfImage(guest.image, { lowest: sampleGuest.loadGpa, end });
  for (const { gpa, bytes } of image.segments) store(memory, gpa, bytes);
  store(memory, sampleGuest.pageTablesGpa, identityPageTables());
  store(memory, sampleGuest.gdtGpa, globalDescriptorTable());
  store(memory, sampleGuest.bootInformationGpa, bootStructures(guest));
  setEntryState(state, image.entry);
}

function store(memory: GuestMemory, gpa: number, bytes: Uint8Array): void {
  if (memory.write(gpa, bytes)) return;
  throw new UserError(
    'guest-memory-exhausted',
    `There is no memory left to load the guest at 0x${gpa.toString(16)}.`,
    'Give the guest less memory, or load a smaller image.',
  );
}

/** PML4, page-directory-pointer table and page directory, one page each: the first gigabyte. */
function identityPageTables(): Uint8Array {
  const base = BigInt(sampleGuest.pageTablesGpa);
  const bytes = new Uint8Array(sampleGuest.pageTablesBytes);
  const view = new DataView(bytes.buffer);
  const table = pagePresent | pageWritable;
  view.setBigUint64(0, (base + 0x1000n) | table, true);
  view.setBigUint64(0x1000, (base + 0x2000n) | table, true);
  for (let index = 0; index < entriesPerTable; index++) {
    const page = BigInt(index * largePageBytes) | table | pageSize2MiB;
    view.setBigUint64(0x2000 + index * 8, page, true);
  }
  return bytes;
}

/** Null, code, data, and a task-state segment of 16 bytes (SDM vol. 3, 7.2.3). */
function globalDescriptorTable(): Uint8Array {
  const bytes = new Uint8Array(taskStateOffset + taskStateBytes);
  const view = new DataView(bytes.buffer);
  const base = BigInt(sampleGuest.gdtGpa + taskStateOffset);
  view.setBigUint64(sampleGuest.codeSelector, codeDescriptor, true);
  view.setBigUint64(sampleGuest.dataSelector, dataDescriptor, true);
  const low =
    BigInt(taskStateBytes - 1) |
    ((base & 0xffffffn) << 16n) |
    (availableTaskState << 40n) |
    ((base >> 24n) << 56n);
  view.setBigUint64(0x18, low, true);
  return bytes;
}

const descriptorTableLimit = 0x28 - 1;

function bootStructures(guest: GuestConfiguration): Uint8Array {
  const commandLine = encodeUtf8(guest.commandLine);
  if (commandLine.length + 1 > limits.commandLineBytes) {
    throw new UserError(
      'command-line-too-long',
      `The command line of "${guest.name}" has ${commandLine.length} bytes.`,
      `Use at most ${limits.commandLineBytes - 1}.`,
    );
  }
  const bytes = new Uint8Array(commandLineOffset + commandLine.length + 1);
  const view = new DataView(bytes.buffer);
  bytes.set(encodeUtf8(bootInformation.magicText), bootInformation.magic);
  view.setUint32(bootInformation.version, 1, true);
  view.setUint32(bootInformation.processorCount, 1, true);
  view.setBigUint64(bootInformation.memoryBytes, BigInt(guest.memoryBytes), true);
  if (commandLine.length > 0) {
    const gpa = BigInt(sampleGuest.bootInformationGpa + commandLineOffset);
    view.setBigUint64(bootInformation.commandLineGpa, gpa, true);
    bytes.set(commandLine, commandLineOffset);
  }
  return bytes;
}

const codeAccessRights = 0xa09bn;
const dataAccessRights = 0xc093n;
const flatLimit = 0xffffffffn;
const busyTaskState = 0x8bn;
const unusable = 0x10000n;

/** Guest-state fields at entry; what is absent is zero. */
function entryFields(): Readonly<Record<string, bigint>> {
  const code = BigInt(sampleGuest.codeSelector);
  const data = BigInt(sampleGuest.dataSelector);
  const fields: Record<string, bigint> = {
    GUEST_CS_SELECTOR: code,
    GUEST_CS_LIMIT: flatLimit,
    GUEST_CS_AR_BYTES: codeAccessRights,
    GUEST_LDTR_AR_BYTES: unusable,
    GUEST_TR_LIMIT: 0xffffn,
    GUEST_TR_AR_BYTES: busyTaskState,
    GUEST_GDTR_BASE: BigInt(sampleGuest.gdtGpa),
    GUEST_GDTR_LIMIT: BigInt(descriptorTableLimit),
    GUEST_CR0: BigInt(Cr0.PE | Cr0.ET | Cr0.NE | Cr0.WP) | BigInt(Cr0.PG),
    GUEST_CR3: BigInt(sampleGuest.pageTablesGpa),
    GUEST_CR4: BigInt(Cr4.PAE),
    GUEST_IA32_EFER: BigInt(Efer.LME | Efer.LMA),
    GUEST_IA32_PAT: patResetValue,
    GUEST_DR7: 0x400n,
  };
  for (const segment of ['DS', 'ES', 'SS', 'FS', 'GS']) {
    fields[`GUEST_${segment}_SELECTOR`] = data;
    fields[`GUEST_${segment}_LIMIT`] = flatLimit;
    fields[`GUEST_${segment}_AR_BYTES`] = dataAccessRights;
  }
  return fields;
}

const dr6ResetValue = 0xffff0ff0n;
const rflagsResetValue = 2;

function setEntryState(state: ProcessorState, entry: number): void {
  for (const [name, value] of Object.entries(entryFields())) {
    state.setVmcs(vmcsEncoding(name), value);
  }
  state.writeU64(stateOffsets.dr + 6 * 8, dr6ResetValue);
  state.writeU64(stateOffsets.dr + 7 * 8, 0x400n);
  state.writeU64(stateOffsets.xcr0, 1n);
  state.rip = BigInt(entry);
  state.rflags = rflagsResetValue;
  state.setGpr(rsp, BigInt(sampleGuest.stackTopGpa));
  state.setGpr(rdi, BigInt(sampleGuest.bootInformationGpa));
}
