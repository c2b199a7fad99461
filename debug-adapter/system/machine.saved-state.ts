/** Saved state of the whole machine: run loop, partitions and accepted inputs in one tree. */
import type { Partition } from '../hypervisor/partition';
import {
  restorePartition,
  restorePartitionMemory,
  restoreStop,
  savePartition,
  savePartitionMemory,
} from '../hypervisor/partition.saved-state';
import { isGuestOperationKind, restoreGuestOperation } from '../machine/guest-operation';
import type { HostInput, RecordedInput } from '../machine/host-input';
import type { DiskOverlay } from '../parent-partition/virtual-disks/disk-overlay';
import type { ParentPartition } from '../parent-partition/parent-partition';
import { StateRecord } from '../support/state-record';
import { decodeStateTree, encodeStateTree, type StateNode } from '../support/state-tree';
import { UserError } from '../support/user-error';
import { notRunning, type RunLoop } from './run-loop';

const formatName = 'hyperscope-machine';
const version = 9;

/** What is saved. */
export interface MachineParts {
  /** Hash of configuration and images: a state fits one configuration only. */
  readonly configurationHash: () => string;
  readonly loop: RunLoop;
  readonly guests: readonly Partition[];
  readonly parent: ParentPartition;
  /** What guests have written to their disks, all disks of all guests in order. */
  readonly overlays: readonly DiskOverlay[];
}

/** The whole state in one tree, which {@link restoreMachine} reads. */
export function saveMachine(parts: MachineParts, inputs: readonly RecordedInput[]): Uint8Array {
  return encodeStateTree({
    ...saveMachineTree(parts, inputs),
    memories: parts.guests.map(savePartitionMemory),
  });
}

/** What {@link saveMachine} saves, by component, without guest RAM. */
export function saveMachineTree(
  parts: MachineParts,
  inputs: readonly RecordedInput[],
): { readonly [key: string]: StateNode } {
  return {
    format: formatName,
    version,
    configurationHash: parts.configurationHash(),
    ...saveComponents(parts),
    overlays: parts.overlays.map((overlay) => overlay.save()),
    inputs: inputs.map(saveInput),
  };
}

/** The state of everything but guest RAM, the contents of disks and the accepted inputs. */
export function saveWithoutMemory(parts: MachineParts): Uint8Array {
  return encodeStateTree(saveComponents(parts));
}

/** Puts back what {@link saveWithoutMemory} saved of this machine, after its memories. */
export function restoreWithoutMemory(parts: MachineParts, bytes: Uint8Array): void {
  restoreComponents(parts, new StateRecord(decodeStateTree(bytes), 'machine'));
}

/** The accepted inputs as bytes. */
export function saveInputs(inputs: readonly RecordedInput[]): Uint8Array {
  return encodeStateTree(inputs.map(saveInput));
}

/** The one list of the machine's components. */
function saveComponents(parts: MachineParts): { readonly [key: string]: StateNode } {
  const { position, laneTimesNs, runningSinceNs, schedule, events, scheduler } = parts.loop.state;
  return {
    loop: {
      position,
      laneTimes: laneTimesNs,
      runningSince: runningSinceNs,
      schedule: {
        current: schedule.current,
        turnEndNs: schedule.turnEndNs,
        rounds: schedule.rounds.map((each) => ({ ...each })),
      },
      events: { position: events.position, nextOrdinal: events.nextOrdinal },
      scheduler: scheduler === undefined ? [] : [scheduler],
    },
    timers: parts.loop.timers.save(),
    guests: parts.guests.map(savePartition),
    parent: parts.parent.save(),
  };
}

function restoreComponents(parts: MachineParts, root: StateRecord): void {
  restoreLoop(parts, root.record('loop'));
  const saved = root.records('guests');
  const forEachGuest = (restore: (guest: Partition, record: StateRecord) => void): void =>
    parts.guests.forEach((guest, index) => {
      const record = saved[index];
      if (record !== undefined) restore(guest, record);
    });
  forEachGuest(restorePartition);
  parts.parent.restore(root.record('parent'));
  forEachGuest((guest, record) => restoreStop(guest, record, parts.loop.latestTimeNs));
  const timers = root.record('timers');
  parts.loop.timers.restore(timers);
  // A periodic timer would make up for all it has missed before anything else happens.
  if (parts.loop.hasMissedTimers) {
    throw timers.mismatch('set', 'timers that are due behind what has run');
  }
}

/**
 * Puts the machine into a saved state.
 * @returns the inputs that were accepted before it
 * @throws UserError where the bytes are damaged, of another version, or of another machine
 */
export function restoreMachine(parts: MachineParts, bytes: Uint8Array): readonly RecordedInput[] {
  return restoreMachineTree(parts, decodeStateTree(bytes));
}

/** As {@link restoreMachine}, from the tree that the bytes encode. */
export function restoreMachineTree(parts: MachineParts, tree: StateNode): readonly RecordedInput[] {
  const root = new StateRecord(tree, 'machine');
  if (root.string('format') !== formatName) {
    throw new UserError('saved-state-foreign', 'This is not a saved state of Hyperscope.');
  }
  root.expectVersion(version);
  const guests = root.records('guests');
  const isThisMachine = root.string('configurationHash') === parts.configurationHash();
  if (!isThisMachine || guests.length !== parts.guests.length) {
    throw new UserError(
      'saved-state-other-machine',
      'The saved state is of a machine with another configuration or another guest image.',
      'Start the machine with the configuration and the images that were saved.',
    );
  }
  const inputs = root.records('inputs').map(restoreInput);
  const memories = root.records('memories');
  parts.guests.forEach((guest, index) => {
    const saved = memories[index];
    if (saved !== undefined) restorePartitionMemory(guest, saved);
  });
  const overlays = root.records('overlays');
  parts.overlays.forEach((overlay, index) => {
    const saved = overlays[index];
    if (saved !== undefined) overlay.restore(saved);
  });
  restoreComponents(parts, root);
  return inputs;
}

function restoreLoop({ loop, guests }: MachineParts, record: StateRecord): void {
  const lanes = guests.reduce((sum, { processors }) => sum + processors.length, 0);
  for (const key of ['laneTimes', 'runningSince']) {
    // A guest from an older machine has processors that stand before the beginning of this one's time.
    const least = key === 'laneTimes' ? -Infinity : notRunning;
    const numbers = record.numbers(key);
    if (numbers.length === lanes && numbers.every((ns) => ns >= least)) continue;
    throw record.mismatch(key, `one moment for each of ${lanes} processors`);
  }
  const schedule = record.record('schedule');
  const rounds = schedule.records('rounds');
  if (rounds.length !== loop.roundCount) {
    throw schedule.mismatch('rounds', `rounds of ${loop.roundCount} guests`);
  }
  const events = record.record('events');
  loop.state = {
    position: record.count('position'),
    laneTimesNs: record.numbers('laneTimes'),
    runningSinceNs: record.numbers('runningSince'),
    schedule: {
      current: schedule.count('current', guests.length),
      turnEndNs: schedule.numberUpTo('turnEndNs', Number.MAX_SAFE_INTEGER),
      rounds: rounds.map((each) => ({
        current: each.count('current', lanes),
        horizonNs: each.numberUpTo('horizonNs', Number.MAX_SAFE_INTEGER),
      })),
    },
    events: { position: events.number('position'), nextOrdinal: events.count('nextOrdinal') },
    scheduler: record.nodes('scheduler')[0],
  };
}

function saveInput({ position, timeNs, input }: RecordedInput): StateNode {
  if (input.kind !== 'restore-partition') return { position, timeNs, input: { ...input } };
  const { kind, partition, digest } = input;
  return { position, timeNs, input: { kind, partition, digest } };
}

function restoreInput(record: StateRecord): RecordedInput {
  return {
    position: record.number('position'),
    timeNs: record.number('timeNs'),
    input: readInput(record.record('input')),
  };
}

function readInput(record: StateRecord): HostInput {
  const kind = record.string('kind');
  const partition = record.number('partition');
  if (kind === 'pause-partition' || kind === 'resume-partition') return { kind, partition };
  if (kind === 'delete-partition' || kind === 'start-partition') return { kind, partition };
  if (kind === 'restore-partition') {
    return { kind, partition, digest: record.string('digest'), file: new Uint8Array(0) };
  }
  if (kind === 'attach-disk' || kind === 'detach-disk') {
    return { kind, partition, disk: record.number('disk') };
  }
  if (kind === 'protect-pages') {
    const range = { gpa: record.number('gpa'), pages: record.number('pages') };
    return { kind, partition, ...range, rights: record.number('rights') };
  }
  if (isGuestOperationKind(kind)) return restoreGuestOperation(kind, record);
  if (kind === 'console-input') {
    const port = record.has('port') ? { port: record.number('port') } : {};
    return { kind, partition, ...port, data: record.bytes('data') };
  }
  if (kind === 'edit-memory') {
    return { kind, partition, gpa: record.number('gpa'), data: record.bytes('data') };
  }
  const processor = record.number('processor');
  if (kind === 'edit-rflags') {
    return { kind, partition, processor, value: record.number('value') };
  }
  const value = record.bigint('value');
  switch (kind) {
    case 'edit-gpr':
      return { kind, partition, processor, register: record.number('register'), value };
    case 'edit-rip':
      return { kind, partition, processor, value };
    case 'edit-vmcs':
      return { kind, partition, processor, encoding: record.number('encoding'), value };
    case 'edit-msr':
      return { kind, partition, processor, msr: record.number('msr'), value };
    default:
      throw new UserError('saved-state-input', `The saved state has an input of kind "${kind}".`);
  }
}
