/** The façade of the debugger: everything a front end does with a machine goes through here. */
import type { AssemblySyntax, Disassembler } from '../backends/disassembler';
import type { WallClock } from '../backends/wall-clock';
import type { HostInput } from '../machine/host-input';
import type { TraceEvent, VmExitEvent } from '../machine/trace';
import type { DiskExport, DiskTarget } from '../system/export-disk';
import type { ProcessorAddress } from '../system/run-types';
import type { Timeline, Travel } from '../timeline/timeline';
import { present } from '../support/assert';
import { UserError } from '../support/user-error';
import { planAssignment } from './assignment';
import { BreakpointSet } from './breakpoints/breakpoint-set';
import { RequestedBreakpoints } from './breakpoints/requested-breakpoints';
import { CodeEpoch } from './code-epoch';
import { completeExpression, type Completion } from './completions';
import { ConsoleBuffer, type ConsoleOutput } from './console-buffer';
import {
  exitCodeOf,
  othersGoOn,
  threadIdOf,
  threadsOf,
  type DebuggedThread,
} from './debugged-machine';
import { RealTimePace, unpaced } from './execution/pace';
import { stopPlace } from './execution/stop-place';
import { PastSearch, stopsOf } from './execution/past-search';
import { RunControl, type SliceOutcome } from './execution/run-control';
import { stepBack } from './execution/step-back';
import { StepPlanner, type StepKind, type StepUnit } from './execution/step-planner';
import {
  describeStop,
  nameGuest,
  type StopReason,
  type StopReport,
  type StopText,
} from './execution/stop-report';
import { addressOf } from './execution/thread-address';
import { ExitLog } from './exits/exit-log';
import { beginExport, guestDisks, type DiskStatus } from './guest-disks';
import { guestIntegration, type GuestIntegration, type GuestRequest } from './guest-integration';
import { GuestPrograms, type GuestProgram } from './guest-programs';
import type { Evaluation } from './expressions/evaluate';
import { Disassembly, type ListingRow } from './inspection/disassembly';
import { linearWriteInputs, readLinear } from './inspection/linear-memory';
import { registerNode } from './inspection/register-scopes';
import { scopesOf } from './inspection/scopes';
import type { VariableNode, VariableScope } from './inspection/variable-node';
import { VmcsInspection } from './inspection/vmcs-inspection';
import { evaluateText, evaluationContext } from './processor-evaluation';
import { pageProtection, type WantedRights } from './page-protection';
import type { Program } from './program';
import { registerByName } from './registers';
import { innermostFrame, namedFrames, type NamedFrame } from './stack-frames';
import { readSavedPartition, saveTarget, writeSavedMachine, type SavePorts } from './saved-machine';
import { askedForKinds, traceKindsOfAll, type EventKind } from './event-log/event-kinds';
import { EventLog } from './event-log/event-log';
import { TrafficLog } from './traffic/traffic-log';
import { formatFully } from './value-format';

/** Services of the host that the debugger uses. */
export interface DebuggerPorts extends SavePorts {
  readonly disassembler: Disassembler;
  readonly clock: WallClock;
}

/** Programs in a machine that has taken no step yet. */
export interface DebugTarget {
  /** One for each guest, in their order. */
  readonly programs: readonly Program[];
  readonly syntax: AssemblySyntax;
  readonly machine: Timeline;
  /** Launch arguments that make this machine again, for a file that it is saved to. */
  readonly origin: object;
  /** Lets virtual time pass no faster than real time while the guest runs. */
  readonly isPaced: boolean;
}

/** What belongs to one target; made anew at each restart. */
interface Attachment {
  readonly machine: Timeline;
  readonly origin: object;
  readonly programs: GuestPrograms;
  readonly execution: RunControl;
  readonly exitLog: ExitLog;
  readonly vmcs: VmcsInspection;
  readonly traffic: TrafficLog;
  readonly events: EventLog;
}

/** Value of an expression, with children where it has parts. */
export interface EvaluatedValue {
  readonly text: string;
  readonly type: string;
  readonly value: bigint;
  readonly address?: bigint;
  readonly node?: VariableNode;
}

const changesCode: ReadonlySet<HostInput['kind']> = new Set([
  'edit-memory',
  'edit-vmcs',
  'delete-partition',
  'start-partition',
  'restore-partition',
]);

/** A debugger attached to one machine. Outlives restarts of the machine. */
export class MachineControl {
  /** What a person wants to stop at. */
  readonly breakpoints: RequestedBreakpoints;
  private readonly breakpointSet = new BreakpointSet();
  private readonly console = new ConsoleBuffer();
  private readonly logs: string[] = [];
  private watchedVectors: ReadonlySet<number> = new Set();
  private recordedKinds: readonly EventKind[] = [];
  private attached: Attachment;
  private report: StopReport;
  /** The machine is elsewhere in time for a moment; see {@link visit}. */
  private isVisiting = false;
  private readonly codeEpoch = new CodeEpoch();

  constructor(
    target: DebugTarget,
    private readonly ports: DebuggerPorts,
  ) {
    this.attached = this.attach(target);
    this.breakpoints = new RequestedBreakpoints(this.breakpointSet, () => this.attached.programs);
    this.report = this.entryReport();
  }

  /** The programs of all guests, in their order. */
  get programs(): readonly Program[] {
    return this.attached.programs.all.map(({ program }) => program);
  }

  /** The program of a guest partition. */
  programOf(partition: number): Program {
    return this.guestOf(partition).program;
  }

  get position(): number {
    return this.machine.position;
  }

  get timeNs(): number {
    return this.machine.timeNs;
  }

  get running(): boolean {
    return this.execution.running;
  }

  /** True while it goes elsewhere in time. */
  get isTravelling(): boolean {
    return this.execution.isTravelling;
  }

  /** Why the machine stands where it stands; of the last stop while it runs. */
  get lastStop(): StopReport {
    return this.report;
  }

  /** The farthest position that the machine has been at, on the present branch. */
  get endPosition(): number {
    return this.machine.endPosition;
  }

  /** Part of memory references; changes when cached disassembly may be stale. */
  get referenceEpoch(): number {
    return this.codeEpoch.current;
  }

  get exits(): ExitLog {
    return this.attached.exitLog;
  }

  get traffic(): TrafficLog {
    return this.attached.traffic;
  }

  get events(): EventLog {
    return this.attached.events;
  }

  /** Events since power-on that are neither VM exits nor VMBus traffic. */
  get othersRecorded(): number {
    return this.attached.events.othersRecorded;
  }

  /** The exit code of all guests together; 0 while none has failed. */
  get exitCode(): number {
    return exitCodeOf(this.machine);
  }

  /** True where some guest other than the one of a stop can still run. */
  othersGoOn({ at }: StopReport): boolean {
    return othersGoOn(this.machine, at.partition);
  }

  get vmcs(): VmcsInspection {
    return this.attached.vmcs;
  }

  /** VM exits recorded since power-on. */
  get exitsRecorded(): number {
    return this.machine.trace.exits.recorded;
  }

  /** Every guest processor. */
  get threads(): readonly DebuggedThread[] {
    return threadsOf(this.machine);
  }

  /** The thread with a DAP thread id. @throws UserError where there is none */
  thread(threadId: number): DebuggedThread {
    const found = this.threads.find((thread) => idOf(thread) === threadId);
    if (found !== undefined) return found;
    throw new UserError('no-such-thread', `There is no thread ${threadId}.`);
  }

  /**
   * Goes on with another machine, whose program may have been built anew. Breakpoints stay: they are resolved
   * against the new program, and their hit counts start again.
   */
  restart(target: DebugTarget): void {
    this.attached = this.attach(target);
    this.breakpoints.resolveAgain();
    this.breakpointSet.resetCounts();
    this.codeEpoch.startAnew();
    this.logs.length = 0;
    this.console.take();
    this.report = this.entryReport();
  }

  continue(): void {
    this.requireStopped();
    this.execution.beginContinue();
  }

  /** @throws UserError where there is nothing to step out of */
  step(threadId: number, kind: StepKind, unit: StepUnit): void {
    this.requireStopped();
    const thread = this.thread(threadId);
    const { code, symbols } = this.guestOf(thread.partition.id);
    const plan = new StepPlanner(code, symbols).plan(kind, unit, thread);
    if (plan === undefined) {
      throw new UserError(
        'no-caller',
        'There is no return address on the stack to step out to.',
        'Set a breakpoint where execution should stop, and continue.',
      );
    }
    this.execution.beginStep(addressOf(thread), plan);
  }

  /** Goes to where the thread was before the instruction or line that it executed last. */
  stepBack(threadId: number, unit: StepUnit): void {
    const { machine, programs } = this.attached;
    const thread = this.thread(threadId);
    const at = addressOf(thread);
    const steps = stepBack({ machine, programs }, thread, unit);
    this.travel(at, function* () {
      const found = yield* steps;
      return found ? { at, reason: { kind: 'step-back' } } : yield* beginning(machine, at);
    });
  }

  /** Goes to the last position before this one at which a breakpoint or a watched exception stops. */
  reverseContinue(threadId: number): void {
    const { breakpointSet, watchedVectors } = this;
    const { machine, programs } = this.attached;
    const thread = this.thread(threadId);
    const at = addressOf(thread);
    const goal = stopsOf(breakpointSet, programs, watchedVectors);
    const search = new PastSearch(machine, programs, goal);
    this.travel(at, function* () {
      const found = yield* search.lastBefore(machine.position);
      return found ?? (yield* beginning(machine, at));
    });
  }

  /**
   * Goes to a position, back or forward; beyond the farthest one that runs the machine, and breakpoints do not stop.
   * @param threadId the thread that is looked at there
   * @throws UserError where there is no such position; later, while it runs, where the machine cannot reach it
   */
  goToPosition(position: number, threadId = this.threadIdOfStop(this.report)): void {
    const { machine } = this;
    const thread = this.thread(threadId);
    if (!Number.isSafeInteger(position) || position < machine.startPosition) {
      throw new UserError(
        'no-such-position',
        `There is no position ${position}.`,
        `The recording begins at ${machine.startPosition}, and the machine has come to ${machine.endPosition}.`,
      );
    }
    const at = addressOf(thread);
    this.travel(at, function* () {
      yield* machine.travelTo(position);
      return { at, reason: { kind: 'position' } };
    });
  }

  pause(): void {
    this.execution.requestPause();
  }

  /** Forgets the goal of the run, after a slice has failed. */
  abandonRun(): void {
    this.isVisiting = false;
    this.execution.abandon();
  }

  /** Runs for about `sliceMs` milliseconds; call again while it says `running`. */
  slice(sliceMs: number): SliceOutcome {
    const outcome = this.execution.slice(sliceMs);
    this.followKernel();
    if (outcome.kind !== 'stopped') return outcome;
    if (this.isVisiting) {
      this.isVisiting = false;
      return outcome;
    }
    this.report = outcome.report;
    this.vmcs.noteStop(this.threadOf(this.report), this.threads, this.position);
    this.codeEpoch.noteStop(this.threads);
    return outcome;
  }

  /**
   * Shows the machine as it was at the moments of some exits, and brings it back; the stop stays what it was. Pausing
   * gives up.
   * @throws UserError where the guest runs; later, while it runs, where a moment cannot be reached
   */
  visit(
    exits: readonly VmExitEvent[],
    look: (exit: VmExitEvent, thread: DebuggedThread) => void,
  ): void {
    this.requireStopped();
    const { machine, report } = this;
    const threadAt = (exit: VmExitEvent): DebuggedThread =>
      this.thread(threadIdOf(exit.partition, exit.processor));
    const origin = machine.position;
    this.execution.beginTravel(
      report.at,
      (function* (): Travel<StopReport> {
        try {
          for (const exit of exits) {
            yield* machine.travelTo(exit.position);
            look(exit, threadAt(exit));
          }
        } finally {
          yield* machine.travelTo(origin);
        }
        return report;
      })(),
    );
    this.isVisiting = true;
  }

  /** A stop in words, with RIP and its symbol. */
  describeStop(report: StopReport): StopText {
    const { partition, processor } = this.threadOf(report);
    const { code, nameOf } = this.guestOf(partition.id);
    const place = stopPlace(processor.core.state.rip, code, nameOf);
    const name = this.machine.guests.length > 1 ? partition.name : undefined;
    const text = nameGuest(describeStop(report.reason, place), name);
    if (!this.machine.isInPast) return text;
    return { ...text, description: `${text.description}, in the past` };
  }

  threadIdOfStop(report: StopReport): number {
    return idOf(this.threadOf(report));
  }

  /** Texts of log messages since the last call. */
  takeLogs(): readonly string[] {
    return this.logs.splice(0);
  }

  /** What guests wrote to their consoles since the last call. */
  takeConsole(): readonly ConsoleOutput[] {
    return this.console.take();
  }

  /** Name of a guest partition. @throws UserError where there is none */
  partitionName(id: number): string {
    const guest = this.machine.guests.find((candidate) => candidate.id === id);
    if (guest !== undefined) return guest.name;
    throw new UserError('no-such-partition', `There is no guest partition ${id}.`);
  }

  /**
   * Saves the machine as it stands to a file.
   * @returns the bytes of the file
   * @throws UserError where it runs, or the file cannot be written
   */
  saveTo(path: string): number {
    this.requireStopped();
    return writeSavedMachine(path, saveTarget(this.attached, this.ports), this.ports);
  }

  /**
   * Saves one guest as it stands to a file; it goes on.
   * @returns the bytes of the file
   * @throws UserError where the guest has ended or is gone, or the file cannot be written
   */
  savePartitionTo(partition: number, path: string): number {
    this.requireNoTravel();
    const pieces = this.machine.machine.saveGuestFile(partition);
    return writeSavedMachine(path, pieces, this.ports);
  }

  /**
   * Puts a saved guest into its place, as a recorded input; also while the machine runs.
   * @returns the partition that it is
   * @throws UserError, with nothing changed, where the file cannot be used
   */
  restorePartition(path: string, partition?: number): number {
    this.requireNoTravel();
    const input = readSavedPartition(path, this.machine, this.ports, partition);
    this.accept(input);
    return input.partition;
  }

  /** Takes a guest apart, as a recorded input; also while the machine runs. */
  deletePartition(partition: number): void {
    this.accept({ kind: 'delete-partition', partition });
  }

  /** Starts a guest as at power-on that has ended or been deleted, as a recorded input. */
  startPartition(partition: number): void {
    this.accept({ kind: 'start-partition', partition });
  }

  /** Hands a guest what a person typed, as a recorded input; also while the machine runs. */
  sendConsoleInput(partition: number, data: Uint8Array): void {
    this.accept({ kind: 'console-input', partition, data });
  }

  /** The work of the parent partition is stopped. */
  get isParentPaused(): boolean {
    return this.machine.isParentPaused;
  }

  /** Stops a partition by itself or lets it go on, as a recorded input; also while the machine runs. */
  setPartitionPaused(partition: number, isPaused: boolean): void {
    this.accept({ kind: isPaused ? 'pause-partition' : 'resume-partition', partition });
  }

  /** Changes what a guest may do with pages of its RAM, as a recorded input; also while the machine runs. */
  protectPages(partition: number, wanted: WantedRights): void {
    this.accept(pageProtection(partition, wanted));
  }

  /** What the integration components of a guest say. @throws UserError where it has none */
  integrationOf(partition: number): GuestIntegration {
    return guestIntegration(this.machine, partition);
  }

  /** Asks a guest for something through its integration components, as a recorded input; also while it runs. */
  askGuest(partition: number, request: GuestRequest): void {
    this.accept({ ...request, partition });
  }

  /** The disks of a guest. @throws UserError where there is no such guest */
  disksOf(partition: number): readonly DiskStatus[] {
    return guestDisks(this.machine, partition);
  }

  /** Puts a disk in, or takes it out, as a recorded input; also while the machine runs. */
  setDiskAttached(partition: number, disk: number, isAttached: boolean): void {
    this.accept({ kind: isAttached ? 'attach-disk' : 'detach-disk', partition, disk });
  }

  /**
   * Begins to write a disk, as it is now, to a new image.
   * @throws UserError where the machine is on its way through time, or the disk cannot be written there
   */
  beginDiskExport(place: Parameters<typeof beginExport>[1], target: DiskTarget): DiskExport {
    this.requireNoTravel();
    return beginExport(this.machine, place, target, this.ports.blockFiles);
  }

  /** Sets which exception vectors stop the machine when a guest takes them. */
  watchVectors(vectors: ReadonlySet<number>): void {
    this.watchedVectors = vectors;
    this.execution.watchVectors(vectors);
  }

  frames(thread: DebuggedThread): readonly NamedFrame[] {
    const { code, program } = this.guestOf(thread.partition.id);
    return namedFrames(thread, code, program);
  }

  innermostFrame(thread: DebuggedThread): NamedFrame {
    return innermostFrame(thread, this.guestOf(thread.partition.id).program);
  }

  scopes(thread: DebuggedThread): readonly VariableScope[] {
    const { nameOf } = this.guestOf(thread.partition.id);
    return scopesOf(this.machine, thread, nameOf);
  }

  /** Evaluates an expression. @throws UserError with the reason where it has no value */
  evaluate(thread: DebuggedThread, text: string): EvaluatedValue {
    const result = this.evaluateNumber(thread, text);
    const { nameOf } = this.guestOf(thread.partition.id);
    const register = registerByName.get(text.trim().replace(/^\$/, '').toLowerCase());
    const node = register === undefined ? undefined : registerNode(register, thread, nameOf);
    const withBits = node?.children === undefined ? undefined : node;
    return {
      text: withBits?.value ?? formatFully(result.value, result.bits, nameOf),
      type: `${result.bits} bits`,
      value: result.value,
      address: result.address ?? result.value,
      ...(withBits === undefined ? {} : { node: withBits }),
    };
  }

  /** Sets a register, VMCS field or memory. @throws UserError where that is impossible */
  assign(thread: DebuggedThread, target: string, valueText: string): void {
    this.requireStopped();
    const { value } = this.evaluateNumber(thread, valueText);
    const context = evaluationContext(thread, this.guestOf(thread.partition.id).symbols);
    const assignment = planAssignment(target, value, thread, context);
    if (assignment.kind === 'error') throw cannotSet(assignment.message);
    for (const input of assignment.inputs) this.accept(input);
  }

  /** Sets a node of the Variables view. @throws UserError where that is impossible */
  assignNode(thread: DebuggedThread, node: VariableNode, valueText: string): void {
    this.requireStopped();
    if (node.edit === undefined) throw cannotSet(`${node.name} cannot be set`);
    const { value } = this.evaluateNumber(thread, valueText);
    this.accept(node.edit(value));
  }

  complete(thread: DebuggedThread, textBeforeCursor: string): readonly Completion[] {
    const { symbols } = this.guestOf(thread.partition.id);
    return completeExpression(textBeforeCursor, symbols, thread.processor.pendingExit);
  }

  /** Exactly `count` rows; see {@link Disassembly.listing}. */
  disassemble(
    thread: DebuggedThread,
    target: bigint,
    offset: number,
    count: number,
  ): readonly ListingRow[] {
    const { code, symbols } = this.guestOf(thread.partition.id);
    return new Disassembly(thread, code, symbols).listing(target, offset, count);
  }

  /** As many of `length` bytes as are mapped without a gap. */
  readMemory(thread: DebuggedThread, address: bigint, length: number): Uint8Array {
    return readLinear(thread, address, length);
  }

  /** Writes memory as recorded inputs; returns how many bytes were written. */
  writeMemory(
    thread: DebuggedThread,
    address: bigint,
    data: Uint8Array,
    allowPartial: boolean,
  ): number {
    this.requireStopped();
    const { inputs, writtenBytes } = linearWriteInputs(thread, address, data);
    if (writtenBytes < data.length && !allowPartial) {
      throw cannotSet(`only ${writtenBytes} of ${data.length} bytes are mapped there`);
    }
    for (const input of inputs) this.accept(input);
    return writtenBytes;
  }

  /** Records events of the kinds of {@link askedForKinds} among these from now on, and no others of them. */
  recordEvents(kinds: readonly EventKind[]): void {
    this.recordedKinds = kinds.filter((kind) => askedForKinds.includes(kind));
    this.attached.machine.trace.keptKinds = traceKindsOfAll(this.recordedKinds);
  }

  private get machine(): Timeline {
    return this.attached.machine;
  }

  private guestOf(partition: number): GuestProgram {
    return this.attached.programs.of(partition);
  }

  private get execution(): RunControl {
    return this.attached.execution;
  }

  private attach(target: DebugTarget): Attachment {
    const { machine, syntax, isPaced, origin } = target;
    const { breakpointSet: breakpoints } = this;
    const { clock, disassembler } = this.ports;
    machine.trace.forwardConsoleTo(this.console);
    const programs = new GuestPrograms(machine.guests, target.programs, disassembler, syntax);
    const pace = isPaced ? new RealTimePace(clock) : unpaced;
    const log = (text: string): void => void this.logs.push(text);
    const execution = new RunControl({ machine, breakpoints, programs, clock, pace, log });
    execution.watchVectors(this.watchedVectors);
    const exitLog = new ExitLog(machine.trace.exits, programs.nameOf);
    const vmcs = new VmcsInspection(exitLog, programs.nameOf);
    const traffic = new TrafficLog(machine, programs.nameOf);
    const events = new EventLog(machine.trace, programs.nameOf);
    machine.trace.keptKinds = traceKindsOfAll(this.recordedKinds);
    return { machine, origin, programs, execution, exitLog, vmcs, traffic, events };
  }

  private followKernel(): void {
    const { machine, programs } = this.attached;
    if (programs.followKernels(machine.guests)) this.breakpoints.resolveAgain();
  }

  private evaluateNumber(
    thread: DebuggedThread,
    text: string,
  ): Extract<Evaluation, { kind: 'value' }> {
    const context = evaluationContext(
      thread,
      this.guestOf(thread.partition.id).symbols,
      this.eventAt(thread),
    );
    const result = evaluateText(text, context);
    if (result.kind === 'value') return result;
    throw new UserError('expression', `${capitalized(result.message)}.`);
  }

  /** What the thread stands at: the event that stopped it, else the exit that waits to be handled. */
  private eventAt(thread: DebuggedThread): TraceEvent | undefined {
    const { at, reason } = this.report;
    const isHere = !this.running && idOf(thread) === threadIdOf(at.partition, at.processor);
    const isEvent = isHere && reason.kind === 'event-breakpoint';
    return isEvent ? reason.event : thread.processor.pendingExit;
  }

  private travel(at: ProcessorAddress, travel: () => Travel<StopReport>): void {
    this.requireStopped();
    this.execution.beginTravel(at, travel());
  }

  private requireNoTravel(): void {
    if (!this.execution.isTravelling) return;
    throw new UserError('travelling', 'The machine is on its way through time.', 'Wait for it.');
  }

  private accept(input: HostInput): void {
    this.requireNoTravel();
    const left = this.machine.accept(input);
    if (left !== undefined) {
      this.vmcs.forgetExits();
      this.execution.forgetLogsBehind(left.forkPosition);
      this.logs.push(
        `A new future begins at position ${left.forkPosition}. The one up to position ${left.endPosition} is kept as "${left.name}".`,
      );
    }
    // Registers do not change what lies at an address; memory and the state that translates addresses may.
    if (changesCode.has(input.kind)) this.codeEpoch.advance();
  }

  private requireStopped(): void {
    if (this.running) throw new UserError('running', 'The guest is running.', 'Pause it first.');
  }

  private threadOf({ at }: StopReport): DebuggedThread {
    return this.thread(threadIdOf(at.partition, at.processor));
  }

  private entryReport(): StopReport {
    const thread = present(this.threads[0], 'guest processor');
    const reason: StopReason = { kind: 'entry' };
    this.vmcs.noteStop(thread, this.threads, this.position);
    return { at: addressOf(thread), reason };
  }
}

/** Goes to the first position that is known. */
function* beginning(machine: Timeline, at: ProcessorAddress): Travel<StopReport> {
  yield* machine.travelTo(machine.startPosition);
  return { at, reason: { kind: 'beginning' } };
}

function idOf({ partition, processor }: DebuggedThread): number {
  return threadIdOf(partition.id, processor.index);
}

function cannotSet(message: string): UserError {
  return new UserError('cannot-set', `${capitalized(message)}.`);
}

function capitalized(message: string): string {
  return message.charAt(0).toUpperCase() + message.slice(1);
}
