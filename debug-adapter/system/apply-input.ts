/** Host inputs: what each may be, and what it does. An impossible one is refused before anything changes. */
import { isCanonical } from '../machine/addresses';
import { writeMsr } from '../hypervisor/msr-access';
import type { Partition } from '../hypervisor/partition';
import type { VirtualProcessor } from '../hypervisor/virtual-processor';
import { holdWindows } from '../hypervisor/window-controls';
import {
  describeGuestOperation,
  isGuestOperation,
  type GuestOperation,
} from '../machine/guest-operation';
import type { HostInput } from '../machine/host-input';
import type { ParentPartition } from '../parent-partition/parent-partition';
import { vmcsWidthBits } from '../machine/processor-state';
import { vmcsFields } from '../spec/x86/vmcs-fields';
import { unreachable } from '../support/assert';
import { UserError } from '../support/user-error';
import { describeProtection, protectPages } from './protect-pages';
import { hexadecimal } from '../support/hexadecimal';

/** What is done to a guest as a whole. @throws UserError, with nothing changed, where it cannot be done */
export interface GuestActions {
  delete(partition: number): void;
  start(partition: number): void;
  restore(partition: number, file: Uint8Array): void;
}

/** Where inputs go, and the machine's virtual time. */
export interface InputTarget {
  readonly guests: readonly Partition[];
  readonly parent: ParentPartition;
  readonly timeNs: number;
  readonly places: GuestActions;
  /** @throws UserError, with nothing changed, where there is no such disk, or it stays where it is */
  setDiskAttached(partition: number, disk: number, isAttached: boolean): void;
}

const rflagsDefined = 0x3f7fd7;
const rflagsAlwaysSet = 2;

/**
 * Applies an input.
 * @throws UserError, with nothing changed, where the input is impossible
 */
export function applyInput(target: InputTarget, input: HostInput): void {
  if (input.kind === 'pause-partition' || input.kind === 'resume-partition') {
    return setPaused(target, input.partition, input.kind === 'pause-partition');
  }
  const partition = findPartition(target, input.partition);
  if (input.kind === 'restore-partition') return target.places.restore(partition.id, input.file);
  if (input.kind === 'delete-partition') return target.places.delete(partition.id);
  if (input.kind === 'start-partition') return target.places.start(partition.id);
  if (partition.isDeleted) throw deletedGuest(partition);
  if (input.kind === 'console-input') {
    target.parent.receiveConsoleInput(partition.id, input.data, input.port);
    return;
  }
  if (input.kind === 'attach-disk' || input.kind === 'detach-disk') {
    return target.setDiskAttached(partition.id, input.disk, input.kind === 'attach-disk');
  }
  if (isGuestOperation(input)) return target.parent.requestOfGuest(input);
  if (input.kind === 'protect-pages') return protectPages(target.parent, partition, input);
  applyTo(partition, input, partition.time.at(target.timeNs));
  for (const processor of partition.processors) partition.interrupts.reconsider(processor);
  for (const processor of partition.processors) processor.forgetDescription();
}

/** An edit of one guest. */
type Edit = Exclude<
  HostInput,
  | GuestOperation
  | {
      kind:
        | 'console-input'
        | 'attach-disk'
        | 'detach-disk'
        | 'pause-partition'
        | 'resume-partition'
        | 'delete-partition'
        | 'start-partition'
        | 'restore-partition'
        | 'protect-pages';
    }
>;

function deletedGuest({ name }: Partition): UserError {
  return new UserError(
    'guest-deleted',
    `"${name}" has been deleted.`,
    'Restore or start it first.',
  );
}

function setPaused(target: InputTarget, id: number, isPaused: boolean): void {
  const { parent } = target;
  if (id === parent.id) return parent.setPaused(isPaused);
  const { name, end } = findPartition(target, id);
  if (end === undefined) return parent.setGuestPaused(id, isPaused);
  throw new UserError('guest-ended', `"${name}" has ended; there is nothing to pause or resume.`);
}

function applyTo(partition: Partition, input: Edit, timeNs: number): void {
  switch (input.kind) {
    case 'edit-memory':
      return editMemory(partition, input.gpa, input.data);
    case 'edit-gpr':
      return editGeneralRegister(
        findProcessor(partition, input.processor),
        input.register,
        input.value,
      );
    case 'edit-rip':
      return editRip(findProcessor(partition, input.processor), input.value);
    case 'edit-rflags':
      return editRflags(findProcessor(partition, input.processor), input.value);
    case 'edit-vmcs':
      return editVmcs(findProcessor(partition, input.processor), input.encoding, input.value);
    case 'edit-msr':
      return editMsr(
        partition,
        findProcessor(partition, input.processor),
        input.msr,
        input.value,
        timeNs,
      );
    default:
      return unreachable(input);
  }
}

/** An input in one line, for the trace. */
export function describeInput(input: HostInput): string {
  if (isGuestOperation(input)) return describeGuestOperation(input);
  switch (input.kind) {
    case 'console-input':
      return `console input, ${input.data.length} bytes`;
    case 'attach-disk':
      return `disk ${input.disk} attached`;
    case 'detach-disk':
      return `disk ${input.disk} detached`;
    case 'pause-partition':
      return `partition ${input.partition} paused`;
    case 'resume-partition':
      return `partition ${input.partition} resumed`;
    case 'delete-partition':
      return `partition ${input.partition} deleted`;
    case 'start-partition':
      return `partition ${input.partition} started`;
    case 'restore-partition':
      return `partition ${input.partition} restored, ${input.digest}`;
    case 'protect-pages':
      return describeProtection(input);
    case 'edit-memory':
      return `memory ${hexadecimal(input.gpa)}, ${input.data.length} bytes`;
    case 'edit-gpr':
      return `general register ${input.register} = ${hexadecimal(input.value)}`;
    case 'edit-rip':
      return `RIP = ${hexadecimal(input.value)}`;
    case 'edit-rflags':
      return `RFLAGS = ${hexadecimal(input.value)}`;
    case 'edit-vmcs':
      return `VMCS ${hexadecimal(input.encoding)} = ${hexadecimal(input.value)}`;
    case 'edit-msr':
      return `MSR ${hexadecimal(input.msr)} = ${hexadecimal(input.value)}`;
    default:
      return unreachable(input);
  }
}

function findPartition({ guests }: InputTarget, id: number): Partition {
  const partition = guests.find((candidate) => candidate.id === id);
  if (partition !== undefined) return partition;
  throw new UserError('no-such-partition', `There is no guest partition ${id}.`);
}

function findProcessor(partition: Partition, index: number): VirtualProcessor {
  const processor = partition.processors[index];
  if (processor !== undefined) return processor;
  throw new UserError('no-such-processor', `"${partition.name}" has no processor ${index}.`);
}

function refuseWide(what: string, value: bigint, widthBits: number): void {
  if (value === BigInt.asUintN(widthBits, value)) return;
  throw new UserError(
    'value-too-wide',
    `${hexadecimal(value)} does not fit into ${what}, which has ${widthBits} bits.`,
  );
}

function editGeneralRegister(processor: VirtualProcessor, register: number, value: bigint): void {
  if (!Number.isInteger(register) || register < 0 || register > 15) {
    throw new UserError('no-such-register', `There is no general register ${register}.`);
  }
  refuseWide('a general register', value, 64);
  processor.state.setGpr(register, value);
}

/** A pending exit belongs to the instruction at the old RIP; it had no effect, so it is forgotten (D4). */
function editRip(processor: VirtualProcessor, value: bigint): void {
  refuseWide('RIP', value, 64);
  if (!isCanonical(value, processor.core.linearAddressBits)) {
    throw new UserError('not-canonical', `${hexadecimal(value)} is not a canonical address.`);
  }
  if (processor.awaited === 'port' || processor.awaited === 'memory') {
    throw new UserError(
      'awaits-parent',
      'RIP cannot be edited while the instruction there waits for the parent partition to answer its access.',
      'Resume the parent partition, or step back to before the instruction.',
    );
  }
  if (processor.isExitPending) processor.clearPendingExit();
  processor.state.rip = value;
  processor.state.forgetAnswers();
  processor.core.stateWasEdited();
}

function editRflags(processor: VirtualProcessor, value: number): void {
  const isValid = (value & ~rflagsDefined) === 0 && (value & rflagsAlwaysSet) !== 0;
  if (!isValid) {
    throw new UserError(
      'rflags-reserved',
      `${hexadecimal(value)} is no value of RFLAGS: bit 1 is always set, reserved bits never.`,
    );
  }
  processor.state.rflags = value;
  processor.core.stateWasEdited();
}

/** Guest state and controls can be edited; what is then not valid is found by VM entry. */
function editVmcs(processor: VirtualProcessor, encoding: number, value: bigint): void {
  const field = vmcsFields.find((candidate) => candidate.encoding === encoding);
  if (field === undefined) {
    throw new UserError('no-such-vmcs-field', `There is no VMCS field ${hexadecimal(encoding)}.`);
  }
  if (field.group === 'exitInformation' || field.group === 'host') {
    const why = field.group === 'host' ? 'host state is not used here' : 'it reports an exit';
    throw new UserError('vmcs-read-only', `${field.name} cannot be edited: ${why}.`);
  }
  refuseWide(field.name, value, vmcsWidthBits(encoding));
  if (field.name === 'GUEST_RIP') return editRip(processor, value);
  if (field.name === 'GUEST_RFLAGS') return editRflags(processor, Number(value));
  if (field.name === 'CPU_BASED_VM_EXEC_CONTROL') holdWindows(processor.state, Number(value));
  processor.state.setVmcs(encoding, value);
  processor.enterAnew();
  processor.core.stateWasEdited();
}

function editMsr(
  partition: Partition,
  processor: VirtualProcessor,
  number: number,
  value: bigint,
  timeNs: number,
): void {
  refuseWide('an MSR', value, 64);
  if (writeMsr(partition, processor, number, value, timeNs)) return;
  throw new UserError(
    'msr-refused',
    `MSR ${hexadecimal(number)} does not take ${hexadecimal(value)}: a guest's WRMSR would raise #GP.`,
  );
}

function editMemory(partition: Partition, gpa: number, data: Uint8Array): void {
  const end = gpa + data.length;
  const isAddress = Number.isSafeInteger(gpa) && gpa >= 0 && data.length > 0;
  if (isAddress && end <= partition.memoryBytes && partition.memory.write(gpa, data)) return;
  throw new UserError(
    'memory-not-there',
    `${data.length} bytes at guest-physical ${hexadecimal(gpa)} are not all RAM of "${partition.name}".`,
    `RAM ends at ${hexadecimal(partition.memoryBytes)}.`,
  );
}
