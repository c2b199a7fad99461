/** Runs a machine without a debugger: for the command line and for tests. */
import type { BlockFiles } from '../backends/block-source';
import { present } from '../support/assert';
import { UserError } from '../support/user-error';
import type { TraceEvent } from '../machine/trace';
import { exportDisk, type DiskPlace } from '../system/export-disk';
import type { Timeline } from '../timeline/timeline';
import { ConsoleBuffer, type ConsoleOutput } from './console-buffer';
import { eventFields } from './event-fields';
import { waitMsUntil } from './execution/pace';
import { stopPlace } from './execution/stop-place';
import { describeStop, nameGuest, type MachineStop, type StopText } from './execution/stop-report';
import { exitCodeOf, othersGoOn, threadsOf } from './debugged-machine';
import {
  askGuest,
  guestIntegration,
  type GuestIntegration,
  type GuestRequest,
} from './guest-integration';
import type { GuestPrograms } from './guest-programs';
import { HeadlessTravel } from './headless-travel';
import { registers } from './registers';
import { describeEvent } from './trace-events';
import { isTraffic, TrafficLadder } from './traffic/traffic-ladder';
import { hex } from './value-format';

/** An event of the trace in words. */
export interface TracedEvent {
  readonly kind: TraceEvent['kind'];
  readonly position: number;
  readonly timeNs: number;
  readonly partition: number;
  readonly text: string;
  /** Every decoded field; made when it is asked for. */
  readonly fields: Readonly<Record<string, string>>;
}

const shownRegisters = registers.filter(({ group }) => group === 'general');

/** What a run writes to files and reads from them; writers return bytes. */
export interface RunFiles {
  machine(path: string): number;
  partition(id: number, path: string): number;
  restorePartition(path: string): void;
}

/** A machine that runs, and can be looked at where it ends. */
export class HeadlessRun {
  /** Real milliseconds for which nothing is to be done after {@link advance} with a time limit; undefined where there is. */
  waitMs: number | undefined;
  private readonly console = new ConsoleBuffer();
  private readonly notes: string[] = [];
  private pastTravel: HeadlessTravel | undefined;
  /** Whether names of addresses are wanted while it runs; a kernel's own take long to find. */
  private namesAddresses = false;

  constructor(
    private readonly machine: Timeline,
    private readonly programs: GuestPrograms,
    private readonly files: RunFiles,
  ) {
    machine.trace.forwardConsoleTo(this.console);
  }

  /** Saves one guest. @param name may be absent where there is only one @throws UserError */
  savePartitionTo(name: string | undefined, path: string): number {
    const { guests } = this.machine;
    const named = guests.filter((guest) => name === undefined || guest.name === name);
    const [guest] = named;
    if (guest !== undefined && named.length === 1) return this.files.partition(guest.id, path);
    throw new UserError(
      'no-such-partition',
      name === undefined ? 'There are several guests.' : `There is no guest "${name}".`,
      `Write NAME=FILE with one of: ${guests.map((each) => each.name).join(', ')}.`,
    );
  }

  /** Puts a saved guest into its place. @throws UserError where the file cannot be used */
  restorePartition(path: string): void {
    this.files.restorePartition(path);
  }

  /** Names of the guest partitions by their ids. */
  get guestNames(): ReadonlyMap<number, string> {
    return new Map(this.machine.guests.map(({ id, name }) => [id, name]));
  }

  get position(): number {
    return this.machine.position;
  }

  get timeNs(): number {
    return this.machine.timeNs;
  }

  /** Instructions retired by all guests. */
  get retired(): number {
    let sum = 0;
    for (const { processors } of this.machine.guests) {
      for (const processor of processors) sum += processor.retired;
    }
    return sum;
  }

  get stateHash(): string {
    return this.machine.stateHash();
  }

  /**
   * Takes at most `maxSteps` steps, none behind the virtual moment `maxTimeNs`.
   * @returns why the machine cannot go on, if it cannot
   */
  advance(maxSteps: number, maxTimeNs?: number): MachineStop | undefined {
    const limit = maxTimeNs === undefined ? {} : { maxTimeNs };
    const { stop } = this.machine.run({ maxSteps, ...limit });
    const waits = stop.kind === 'time' && maxTimeNs !== undefined;
    this.waitMs = waits ? waitMsUntil(stop.nextNs, maxTimeNs) : undefined;
    if (this.namesAddresses) this.programs.followKernels(this.machine.guests);
    switch (stop.kind) {
      case 'guest-exit':
      case 'guest-reset':
      case 'guest-deleted':
        if (!othersGoOn(this.machine, stop.at.partition)) return stop;
        this.notes.push(this.describe(stop).text);
        return undefined;
      case 'guest-restart':
        this.programs.restarted(stop.at.partition);
        this.notes.push(this.describe(stop).text);
        return undefined;
      case 'budget':
      case 'time':
      case 'breakpoint':
      case 'exit':
      case 'event':
      case 'trace':
        return undefined;
      default:
        return stop;
    }
  }

  /** The exit code of all guests together; 0 while none has failed. */
  get exitCode(): number {
    return exitCodeOf(this.machine);
  }

  /** What happened that did not end the run, since the last call. */
  takeNotes(): readonly string[] {
    return this.notes.splice(0);
  }

  /** Hands the first guest what a person typed. @throws UserError where it cannot read */
  type(data: Uint8Array): void {
    const guest = present(this.machine.guests[0], 'guest');
    this.machine.accept({ kind: 'console-input', partition: guest.id, data });
  }

  /** What the integration components of the first guest say. @throws UserError where it has none */
  get integration(): GuestIntegration {
    return guestIntegration(this.machine, present(this.machine.guests[0], 'guest').id);
  }

  /** Asks the first guest for something. @throws UserError where it cannot be asked, or not yet */
  ask(request: GuestRequest): void {
    askGuest(this.machine, present(this.machine.guests[0], 'guest').id, request);
  }

  /** Puts a disk of the first guest in, or takes it out. @throws UserError where that is impossible */
  setDiskAttached(disk: number, isAttached: boolean): void {
    const partition = present(this.machine.guests[0], 'guest').id;
    this.machine.accept({ kind: isAttached ? 'attach-disk' : 'detach-disk', partition, disk });
  }

  /** Saves the machine as it stands to a file; returns its bytes. @throws UserError where that is impossible */
  saveTo(path: string): number {
    return this.files.machine(path);
  }

  /** Ways into the past, where one is kept. */
  get travel(): HeadlessTravel {
    this.pastTravel ??= new HeadlessTravel(this.machine, this.programs);
    return this.pastTravel;
  }

  /** Writes a disk to a new file. @throws UserError where there is none, or it cannot be written there */
  exportDisk(place: DiskPlace, path: string, files: BlockFiles): void {
    exportDisk(this.machine.machine, place, { path }, files);
  }

  /** Every guest processor's general registers, RIP and RFLAGS, a text for each processor. */
  describeRegisters(): readonly string[] {
    return threadsOf(this.machine).map(({ partition, processor }) => {
      const { state } = processor.core;
      const values = shownRegisters.map((row) => `${row.name}=${hex(row.read(state))}`);
      return `p${partition.id} processor ${processor.index}: ${values.join(' ')}`;
    });
  }

  /** What guests wrote to their consoles since the last call. */
  takeConsole(): readonly ConsoleOutput[] {
    return this.console.take();
  }

  /** Hears of every event of the kinds in `kinds`, in words. */
  trace(kinds: ReadonlySet<TraceEvent['kind']>, listener: (event: TracedEvent) => void): void {
    this.namesAddresses = true;
    const ladder = new TrafficLadder();
    const record = (event: TraceEvent): void => {
      const { kind, position, timeNs, partition } = event;
      const text = isTraffic(event)
        ? ladder.describe(event)
        : describeEvent(event, this.programs.nameOf(partition));
      listener({
        ...{ kind, position, timeNs, partition, text },
        get fields(): Readonly<Record<string, string>> {
          return Object.fromEntries(
            [...eventFields(event)].map(([name, value]) => [
              name,
              typeof value === 'string' ? value : hex(value),
            ]),
          );
        },
      });
    };
    this.machine.trace.forwardTo({ record }, [...kinds]);
  }

  /** A stop in words. */
  describe(stop: MachineStop): StopText {
    const { partition, processor } = stop.at;
    const guest = this.machine.guests.find((candidate) => candidate.id === partition);
    const core = present(guest?.processors[processor], 'stopped processor').core;
    this.programs.followKernels(this.machine.guests);
    const { code, nameOf } = this.programs.of(partition);
    const text = describeStop({ kind: 'machine', stop }, stopPlace(core.state.rip, code, nameOf));
    return nameGuest(text, this.machine.guests.length > 1 ? guest?.name : undefined);
  }
}
