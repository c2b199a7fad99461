/** The physical machine: logical processors, partitions and parent, joined and run. */
import type { BlockFiles } from '../backends/block-source';
import type { Compressor } from '../backends/compressor';
import type { Decompressor } from '../backends/decompressor';
import { warmUpInterpreter } from '../cpu/interpreter-warm-up';
import { createPartitionCores, modulesOfProcessMax } from '../cpu/processor-core-factory';
import { Hypervisor } from '../hypervisor/hypervisor';
import { inspectLocalApic } from '../hypervisor/local-apic/inspect-local-apic';
import { readMsr } from '../hypervisor/msr-access';
import { Partition } from '../hypervisor/partition';
import { inspectSynic } from '../hypervisor/synic/inspect-synic';
import { VirtualProcessor } from '../hypervisor/virtual-processor';
import { pageSizeBytes } from '../machine/addresses';
import type { CodeArchive } from '../machine/code-archive';
import type { CodeHost } from '../machine/code-space';
import type { HostInput, RecordedInput } from '../machine/host-input';
import type { InspectedPart } from '../machine/inspect';
import { MemoryHash } from '../machine/memory-hash';
import type { PageStore } from '../machine/page-store';
import { ParentPartition, parentPartitionId } from '../parent-partition/parent-partition';
import { linearAddressBits } from '../spec/x86/address-widths';
import { assert, present } from '../support/assert';
import { StateHash } from '../support/state-hash';
import { UserError } from '../support/user-error';
import { encodeUtf8 } from '../support/utf8';
import { applyInput, describeInput, type InputTarget } from './apply-input';
import { hashConfiguration } from './configuration-hash';
import { GuestBoot } from './guest-boot';
import { GuestPlaces } from './guest-places';
import { makePlatform } from './guest-platform';
import { limits } from './limits';
import { MachineDisks } from './machine-disks';
import {
  restoreMachine,
  saveInputs,
  saveMachine,
  saveWithoutMemory,
  type MachineParts,
} from './machine.saved-state';
import {
  compareWithCheckpoint,
  restoreCheckpoint,
  takeCheckpoint,
  type MachineCheckpoint,
} from './machine-checkpoint';
import type { GuestConfiguration, MachineConfiguration } from './machine-configuration';
import { encodeMachineFile, restoreMachineFile, type MachineFile } from './machine-file';
import { RunLoop, type Scheduling } from './run-loop';
import type { RunOutcome, RunRequest } from './run-types';
import { TraceLog } from './trace-log';

/** What the machine needs from its host. */
export interface MachinePorts {
  readonly codeHost: CodeHost;
  /** Unpacks compressed kernels; without it they can only unpack themselves. */
  readonly decompressor?: Decompressor;
  /** Needed where partitions are saved and restored one by one. */
  readonly compressor?: Compressor;
  /** Needed where a guest has disks. */
  readonly blockFiles?: BlockFiles;
  /** Jumps to a place until it is translated, 0 for never; changes speed only. */
  readonly hotCount?: number;
  /** Entries of each data TLB, a power of two from 64 to 16384; changes speed only. */
  readonly tlbEntries?: number;
}

const firstGuestId = parentPartitionId + 1;

/** One machine: one state, one order of steps, one clock for each lane. Nothing in it depends on real time. */
export class PhysicalMachine {
  readonly parent: ParentPartition;
  readonly guests: readonly Partition[];
  readonly disks: MachineDisks;
  readonly trace = new TraceLog();
  private readonly loop: RunLoop;
  private readonly parts: MachineParts;
  private readonly places: GuestPlaces;
  private recorded: RecordedInput[] = [];
  private memoryHashes: readonly MemoryHash[] | undefined;

  /**
   * Builds the machine and loads its guests; no step has been taken then.
   * @throws UserError where the configuration or an image cannot be used
   */
  constructor(configuration: MachineConfiguration, ports: MachinePorts) {
    checkConfiguration(configuration);
    warmUpInterpreter(ports.codeHost, ports.tlbEntries);
    this.loop = new RunLoop(configuration.costs, this.trace);
    const images = configuration.guests.map(({ image }) => image.bytes);
    const archive = ports.codeHost.openArchive?.(images);
    const makePartition = (id: number): Partition | undefined => {
      const guest = configuration.guests[id - firstGuestId];
      return guest === undefined
        ? undefined
        : preparePartition(configuration, guest, id, { ...ports, archive });
    };
    const hypervisor = new Hypervisor(this.loop, makePartition);
    this.parent = new ParentPartition(hypervisor, this.loop.trace);
    this.disks = new MachineDisks(configuration, ports.blockFiles, (guest, path) =>
      this.loop.noteFullDisk(firstGuestId + guest, path),
    );
    const boots = configuration.guests.map((guest) => new GuestBoot(guest, ports.decompressor));
    this.guests = configuration.guests.map((guest, index) => {
      const boot = present(boots[index], 'boot of a guest');
      const { processorCount = 1, share } = guest;
      const id = this.parent.createGuest({
        processorCount,
        ram: boot.ram,
        ...(share === undefined ? {} : { share }),
      });
      const partition = hypervisor.partition(id);
      this.parent.enterGuest(id, boot.load(partition.memory));
      const { providers } = present(this.disks.guests[index], 'disks of a guest');
      this.parent.attachGuest(id, (services, bus) =>
        makePlatform(guest, partition, services, bus, providers),
      );
      boot.connectInterruptController(partition);
      return partition;
    });
    const restart = (partition: Partition): void => {
      this.parent.resetGuest(partition.id);
      const boot = present(boots[partition.id - firstGuestId], 'boot of a guest');
      boot.restart(partition, this.parent);
    };
    this.loop.join(hypervisor, this.parent, restart, schedulingOf(configuration, hypervisor));
    for (const { id } of this.guests) this.parent.startGuest(id);
    this.loop.begin();
    const { loop, guests, parent, disks } = this;
    let hash: string | undefined;
    // Large images take their time, and most runs never ask.
    const configurationHash = (): string =>
      (hash ??= hashConfiguration(configuration, disks.hashImages()));
    this.parts = { configurationHash, loop, guests, parent, overlays: disks.overlays };
    const { compressor } = ports;
    const { parts } = this;
    this.places = new GuestPlaces({ configuration, hypervisor, parts, boots, disks, compressor });
  }

  /** Steps taken since the start: every state has exactly one position. */
  get position(): number {
    return this.loop.position;
  }

  /** Virtual time of the lane that is furthest ahead, in nanoseconds. */
  get timeNs(): number {
    return this.loop.latestTimeNs;
  }

  /** The inputs accepted so far, oldest first. */
  get inputs(): readonly RecordedInput[] {
    return this.recorded;
  }

  /** Runs until the request's limit or the first reason to stop. */
  run(request: RunRequest): RunOutcome {
    return this.loop.run(request);
  }

  /**
   * Records an input with its position and applies it; that is one step.
   * @throws UserError, with nothing changed, where the input is impossible
   */
  accept(input: HostInput): void {
    if (this.recorded.length >= limits.inputs) {
      throw new UserError(
        'too-many-inputs',
        `This machine has accepted ${limits.inputs} inputs, which is its limit.`,
        'Restart the session.',
      );
    }
    const { position, timeNs } = this;
    const { guests, parent, places } = this;
    const setDiskAttached: InputTarget['setDiskAttached'] = (partition, disk, isAttached) =>
      this.disks.guests[partition - firstGuestId]?.setAttached(disk, isAttached);
    applyInput({ guests, parent, places, timeNs, setDiskAttached }, input);
    this.recorded.push({ position, timeNs, input });
    this.loop.countInput();
    this.loop.trace.emit({
      kind: 'input',
      partition: input.partition,
      processor: 'processor' in input ? input.processor : 0,
      input: describeInput(input),
    });
  }

  /**
   * Value that RDMSR would give a guest now, without side effects.
   * @returns undefined where RDMSR would raise #GP, or where there is no such processor
   */
  readMsr(partition: number, processor: number, number: number): bigint | undefined {
    const guest = this.guests.find((candidate) => candidate.id === partition);
    const reader = guest?.processors[processor];
    if (guest === undefined || reader === undefined) return undefined;
    return readMsr(guest, reader, number, guest.time.at(this.timeNs));
  }

  /** Local APIC and SynIC of a processor as they are now; none where there is no such processor. */
  inspectProcessor(partition: number, processor: number): readonly InspectedPart[] {
    const guest = this.guests.find((candidate) => candidate.id === partition);
    const inspected = guest?.processors[processor];
    if (guest === undefined || inspected === undefined) return [];
    return [
      { name: 'Local APIC', values: inspectLocalApic(inspected.apic, guest.time.at(this.timeNs)) },
      { name: 'SynIC', values: inspectSynic(guest.synthetic.synicOf(processor)) },
    ];
  }

  /** The devices of a guest as they are now. */
  get isParentPaused(): boolean {
    return this.parent.isPaused;
  }

  inspectDevices(partition: number): readonly InspectedPart[] {
    return this.parent.inspectDevices(partition);
  }

  /** The whole state, to be put back by {@link restore} on a machine of the same configuration. */
  save(): Uint8Array {
    return saveMachine(this.parts, this.recorded);
  }

  /**
   * Puts the machine into a saved state. Trace rows of the other past are forgotten.
   * @throws UserError, with nothing changed, where the bytes are not a state of this machine
   */
  restore(bytes: Uint8Array): void {
    this.replaceState(() => restoreMachine(this.parts, bytes));
  }

  /**
   * The whole state as a file, to be put back by {@link restoreFile}.
   * @param origin what a person needs to build this machine again; {@link readMachineFile} gives it back
   */
  saveFile(compressor: Compressor, origin: string): readonly Uint8Array[] {
    return encodeMachineFile(this.parts, this.recorded, { compressor, origin });
  }

  /**
   * Puts the machine into the state of a file. Trace rows of the other past are forgotten.
   * @throws UserError, with nothing changed, where the file is not of this machine
   */
  restoreFile(file: MachineFile, compressor: Compressor): void {
    this.replaceState(() => restoreMachineFile(this.parts, file, compressor));
  }

  /**
   * One guest as it stands, as the pieces of a file; an input of kind `restore-partition` puts it back.
   * @throws UserError where it has ended or is gone
   */
  saveGuestFile(partition: number): readonly Uint8Array[] {
    return this.places.save(partition);
  }

  /** The guest that a file is of. @throws UserError where the file cannot be used in this machine */
  guestOfFile(bytes: Uint8Array): number {
    return this.places.guestOf(bytes);
  }

  /** Hash of one guest's own state: equal wherever, and among whatever others, it has come to be so. */
  guestHash(partition: number): string {
    return this.places.hash(partition);
  }

  /**
   * Takes a checkpoint, which shares with `base` what did not change since. No guest can tell.
   * @param store keeps the pages of all checkpoints of this machine
   */
  takeCheckpoint(store: PageStore, base?: MachineCheckpoint): MachineCheckpoint {
    return takeCheckpoint(this.parts, this.recorded.length, store, base);
  }

  /**
   * Puts the machine back to a checkpoint of its own. The trace stays: its rows are of the same past or future.
   * @param inputs those accepted before the checkpoint
   */
  restoreCheckpoint(checkpoint: MachineCheckpoint, inputs: readonly RecordedInput[]): void {
    assert(inputs.length === checkpoint.inputCount, 'the inputs before the checkpoint');
    restoreCheckpoint(this.parts, checkpoint);
    this.recorded = [...inputs];
  }

  /** What differs from a checkpoint of the same position, in words; undefined where nothing does. */
  compareWithCheckpoint(checkpoint: MachineCheckpoint): string | undefined {
    return compareWithCheckpoint(this.parts, checkpoint);
  }

  private replaceState(restore: () => readonly RecordedInput[]): void {
    const before = this.save();
    try {
      this.recorded = [...restore()];
    } catch (problem) {
      restoreMachine(this.parts, before);
      throw problem;
    }
    this.trace.clear();
  }

  /** Hash of the whole state; equal states have equal hashes on every platform. */
  stateHash(): string {
    const hash = new StateHash().update(encodeUtf8(this.parts.configurationHash()));
    hash.update(saveWithoutMemory(this.parts)).update(saveInputs(this.recorded));
    this.memoryHashes ??= this.guests.map(({ memory }) => new MemoryHash(memory));
    for (const memoryHash of this.memoryHashes) memoryHash.addTo(hash);
    for (const overlay of this.disks.overlays) overlay.addTo(hash);
    return hash.digest();
  }
}

function checkConfiguration({ guests }: MachineConfiguration): void {
  if (guests.length === 0 || guests.length > limits.guests) {
    throw new UserError(
      'guest-count',
      `A machine has 1 to ${limits.guests} guest partitions, not ${guests.length}.`,
    );
  }
  for (const guest of guests) checkGuest(guest);
}

function checkGuest({ name, memoryBytes, processorCount = 1 }: GuestConfiguration): void {
  const { guestMemoryBytesMinimum: least, guestMemoryBytesMaximum: most } = limits;
  const isWhole = Number.isInteger(memoryBytes / pageSizeBytes);
  if (!isWhole || memoryBytes < least || memoryBytes > most) {
    throw new UserError(
      'guest-memory-size',
      `The guest "${name}" cannot have ${memoryBytes} bytes of memory.`,
      `Give it ${least} to ${most} bytes, a multiple of ${pageSizeBytes}.`,
    );
  }
  const isCount = Number.isInteger(processorCount) && processorCount >= 1;
  if (!isCount || processorCount > limits.guestProcessors) {
    throw new UserError(
      'guest-processors',
      `The guest "${name}" cannot have ${processorCount} virtual processors.`,
      `Give it 1 to ${limits.guestProcessors}.`,
    );
  }
}

/** What a partition is made from: the host has to know its sizes before the parent gives it pages and processors. */
function preparePartition(
  { randomSeed = 0n, guests }: MachineConfiguration,
  guest: GuestConfiguration,
  id: number,
  ports: MachinePorts & { readonly archive: CodeArchive | undefined },
): Partition {
  const { name, memoryBytes, processorCount = 1 } = guest;
  const { codeHost, hotCount, tlbEntries, archive } = ports;
  const { memory, clock, cores } = createPartitionCores(codeHost, {
    memoryBytes,
    processorCount,
    randomSeed: randomSeed ^ (BigInt(id) << 56n),
    modulesMax: Math.floor(modulesOfProcessMax / guests.length),
    ...(guest.la57 === true ? { linearAddressBits: linearAddressBits.fiveLevels } : {}),
    ...(hotCount === undefined ? {} : { hotCount }),
    ...(tlbEntries === undefined ? {} : { tlbEntries }),
    ...(archive === undefined ? {} : { archive }),
  });
  const processors = cores.map((core, index) => new VirtualProcessor(id, index, core));
  const { onReset, onTripleFault } = guest;
  return new Partition({
    id,
    name,
    memoryBytes,
    memory,
    clock,
    processors,
    ...(onReset === undefined ? {} : { onReset }),
    ...(onTripleFault === undefined ? {} : { onTripleFault }),
  });
}

function schedulingOf(
  { logicalProcessors }: MachineConfiguration,
  hypervisor: Hypervisor,
): Scheduling {
  return {
    ...(logicalProcessors === undefined ? {} : { logicalProcessors }),
    shareOf: ({ partitionId }) => hypervisor.partition(partitionId).lifeCycle.share,
  };
}
