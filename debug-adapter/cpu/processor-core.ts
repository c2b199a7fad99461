/** One virtual processor: runs generated code, and does what it leaves to TypeScript. */
import type { GuestVirtualAddress } from '../machine/addresses';
import type { CodeSpace } from '../machine/code-space';
import { frameHoldsCode, type GuestMemory } from '../machine/guest-memory';
import type { PartitionClock } from '../machine/partition-clock';
import type {
  AccessKind,
  PageWalkLevel,
  ProcessorCore,
  ProcessorRun,
  ProcessorStop,
  SystemAccessFailure,
  Translation,
} from '../machine/processor';
import { StopCode, stateOffsets, type ProcessorState } from '../machine/processor-state';
import { guestTimeStamp } from '../machine/time-stamp';
import type { LinearAddressBits } from '../spec/x86/address-widths';
import { assert, present } from '../support/assert';
import { debugTrap, injectedEvent, type Event } from './events/event';
import { EventDelivery, type DeliveryEnd } from './events/event-delivery';
import { SegmentLoader } from './events/segments';
import { flatCode, longCode } from './decode/code-mode';
import { refreshExecutionMode } from './execution-mode';
import { DebugRegisters } from './debug-registers';
import type { CodeCache } from './interpreter/code-cache';
import { runOffsets } from './memory-map';
import { MemoryAccess, wholeAddress, type SystemAccess } from './paging/memory-access';
import { AddressSpaces } from './paging/address-space';
import { causeWalkViolation } from './paging/ept-violation';
import { PageWalker, WalkResult } from './paging/page-walk';
import { TranslationCaches } from './paging/translation-caches';
import type { TranslationSources } from './paging/translation-sources';
import { generalProtection, ProcessorContext, RoutineEnd, vector } from './processor-context';
import { continueWithFlags } from './routines/interrupts';
import { RoutineRecord, type Processor } from './routines/routine';
import { isCodePlain } from './plain-code';
import { flagResume, ResumeFlag } from './resume-flag';
import { routines } from './routines/routine-table';
import { instructionBytesAt, unbuiltName } from './unbuilt-instruction';
import { blockBySti, blockingByMovSs, blockingBySti, endBlocking } from './interruptibility';
import { TimeStampClock } from './time-stamp-clock';
import type { Translator } from './translator/translator';
import {
  addPendingTrap,
  enabledBreakpoint,
  flagTrap,
  hasPendingTrap,
  singleStep,
  takePendingTraps,
} from './pending-traps';
import { mxcsrOffset, mxcsrReset } from './vector-state';
import { segmentOffsets, vmcsOffsets } from './vmcs-offsets';
import { BoundaryExits } from './vmx/boundary-exits';
import { isExitPassed, putControlsAside } from './vmx/passed-exit';
import { causeExit, exitReason } from './vmx/vm-exits';
import { X87Unit } from './x87/x87-unit';

const entryValid = 0x80000000;
/** VM entry can inject a pending exit by the monitor trap flag (SDM vol. 3, 27.6.2). */
const otherEvent = 7;

/** What is shared by the processors of a partition. */
export interface SharedParts {
  readonly space: CodeSpace;
  readonly memory: GuestMemory;
  readonly clock: PartitionClock;
  readonly code: CodeCache;
  readonly translator: Translator;
  readonly sources: TranslationSources;
  readonly tlbEntries: number;
  readonly linearAddressBits: LinearAddressBits;
}

/** After one entry into generated code: a stop to report, or undefined to go on. */
type Outcome = ProcessorStop | undefined;

const vmExit: ProcessorStop = { kind: 'vm-exit' };
const budgetUsed: ProcessorStop = { kind: 'budget' };

const keptAtPowerOn = [stateOffsets.retired, stateOffsets.randomState] as const;

export class VirtualProcessorCore implements ProcessorCore, Processor {
  readonly context: ProcessorContext;
  readonly state: ProcessorState;
  readonly access: MemoryAccess;
  readonly segments: SegmentLoader;
  readonly delivery: EventDelivery;
  readonly caches: TranslationCaches;
  readonly addressSpaces: AddressSpaces;
  private readonly clock: TimeStampClock;
  readonly debugRegisters: DebugRegisters;
  private readonly walker: PageWalker;
  private readonly boundaries: BoundaryExits;
  private readonly resumeFlag: ResumeFlag;
  private pendingTrap: Event | undefined;
  /** Set by an instruction that says itself whether a single-step trap follows it. */
  private isTrapDecided = false;
  /** The start record must not be left for the one behind it. */
  private isSingleRecord = false;
  private breakpoints: ReadonlySet<GuestVirtualAddress> = new Set();
  /** Bounds and clock of the call of `run` in progress. */
  private steps = 0;
  private chunk = 0;
  /** Steps that generated code has taken of the last chunk. */
  private taken = 0;
  private startNs = 0;

  constructor(
    private readonly shared: SharedParts,
    vpBase: number,
    private readonly onBreakpoints: () => void,
  ) {
    const { space, memory, sources, linearAddressBits: bits } = shared;
    this.context = new ProcessorContext(space.bytes, vpBase, memory, sources, bits);
    this.state = this.context.state;
    this.resetFloatingPoint();
    this.clock = new TimeStampClock(this.context, shared.clock);
    this.debugRegisters = new DebugRegisters(this.context);
    this.walker = new PageWalker(this.context);
    this.boundaries = new BoundaryExits(this.context);
    this.caches = new TranslationCaches(this.context, this.walker.known, shared.tlbEntries);
    this.resumeFlag = new ResumeFlag(this.context, this.caches, shared.code);
    this.addressSpaces = new AddressSpaces(this.context, this.caches);
    this.access = new MemoryAccess(this.context, this.walker, this.caches);
    this.segments = new SegmentLoader(this.context, this.access);
    this.delivery = new EventDelivery(this.context, this.access, this.segments, () =>
      this.modeChanged(),
    );
    this.modeChanged();
  }

  powerOn(): void {
    const { state } = this;
    const values = keptAtPowerOn.map((offset) => state.readU64(offset));
    state.architecturalBytes.fill(0);
    keptAtPowerOn.forEach((offset, index) => state.writeU64(offset, values[index] ?? 0n));
    this.resetFloatingPoint();
    this.stateWasEdited();
  }

  /** As FNINIT and the reset leave the floating-point controls (SDM vol. 3, table 9-1). */
  private resetFloatingPoint(): void {
    new X87Unit(this.context).initialize();
    this.state.writeU32(mxcsrOffset, mxcsrReset);
  }

  get linearAddressBits(): LinearAddressBits {
    return this.context.supportedAddressBits;
  }

  run(budget: number, timeNs: number): ProcessorRun {
    const { state } = this;
    assert(state.readU32(stateOffsets.exitPending) === 0, 'the last VM exit was not handled');
    this.steps = 0;
    this.startNs = timeNs;
    this.boundaries.begin(timeNs);
    const information = state.readU32(vmcsOffsets.entryInformation);
    let stop: Outcome = (information & entryValid) === 0 ? undefined : this.enter(information);
    while (stop === undefined) {
      if (this.steps >= budget) stop = budgetUsed;
      else stop = this.isPlain() ? this.runPlain(budget) : this.advance(budget);
    }
    if (stop.kind === 'vm-exit') this.boundaries.end(timeNs + this.steps);
    return { stop, steps: this.steps };
  }

  private isPlain(): boolean {
    return isCodePlain(this.context) && this.boundaries.isIdle && !this.isSingleRecord;
  }

  /** What {@link advance} comes to where {@link isPlain} says so. */
  private runPlain(budget: number): Outcome {
    const { translator } = this.shared;
    const limit = translator.bounded(budget - this.steps);
    const code = this.execute(this.resumeFlag.begin(false, limit));
    this.isTrapDecided = false;
    const stop = this.endChunk(code);
    translator.advance(this.taken);
    return stop;
  }

  /** What comes first at an instruction boundary (SDM vol. 3, 26.2, 26.5.1 and 26.5.2). */
  private advance(budget: number): Outcome {
    const { boundaries, state, shared } = this;
    const reason = boundaries.exitBeforeTraps();
    if (reason !== 0) return this.exitBetween(reason);
    if (hasPendingTrap(state)) return this.debugTrap();
    const nowNs = this.startNs + this.steps;
    const activity = state.readU32(vmcsOffsets.activityState);
    if (activity !== 0) {
      state.writeU32(stateOffsets.passedExit, 0);
      if (boundaries.restsUntilNs > nowNs) return { kind: 'inactive' };
      return this.exitBetween(exitReason.PREEMPTION_TIMER);
    }
    const waited = boundaries.exitBeforeInstruction(nowNs);
    if (waited !== undefined) return this.exitBetween(waited);
    return this.runChunk(boundaries.limit(shared.translator.bounded(budget - this.steps), nowNs));
  }

  get restsUntilNs(): number {
    return this.boundaries.restsUntilNs;
  }

  setBreakpoints(addresses: ReadonlySet<GuestVirtualAddress>): void {
    this.breakpoints = addresses;
    this.onBreakpoints();
  }

  /** Of the debugger, and of the guest's debug registers. */
  get breakpointAddresses(): readonly GuestVirtualAddress[] {
    return [...this.breakpoints, ...this.debugRegisters.instructionAddresses];
  }

  passBreakpointOnce(): void {
    this.context.setRun32(runOffsets.passBreakpoint, 1);
  }

  stateWasEdited(): void {
    this.debugRegistersChanged();
    this.modeChanged();
  }

  debugRegistersChanged(): void {
    const changesCode = this.debugRegisters.refresh();
    this.caches.flush();
    if (changesCode) this.onBreakpoints();
  }

  completeInstruction(): void {
    const { state } = this;
    state.addToSlot(stateOffsets.rip, state.readU32(vmcsOffsets.exitInstructionLength));
    endBlocking(state);
    this.retire(1);
    state.writeU32(stateOffsets.answerCount, 0);
    this.context.setRun32(runOffsets.passBreakpoint, 0);
    this.resumeFlag.clear();
    const flags = state.readU32(stateOffsets.flagsSystem);
    if ((flags & flagTrap) !== 0) addPendingTrap(state, singleStep);
    this.debugRegisters.trapBehindExit();
  }

  answerAccess(value: bigint): void {
    this.access.answers.add(value);
  }

  readAsSystem(address: GuestVirtualAddress, length: number): Uint8Array | SystemAccessFailure {
    const data = this.access.readSystem(address, length, 'ram only');
    return typeof data === 'string' ? this.systemFailure(data) : data;
  }

  writeAsSystem(address: GuestVirtualAddress, data: Uint8Array): SystemAccessFailure | undefined {
    const end = this.access.writeSystem(address, data, 'ram only');
    return end === 'done' ? undefined : this.systemFailure(end);
  }

  private systemFailure(end: Exclude<SystemAccess, 'done'>): SystemAccessFailure {
    // The exit that an access outside RAM causes is not one of the guest's.
    this.state.writeU32(stateOffsets.exitPending, 0);
    if (end !== 'fault') return { kind: 'refused' };
    const { vector: number, errorCode = 0, address } = this.access.fault;
    return { kind: 'fault', vector: number, errorCode, address };
  }

  translate(gva: GuestVirtualAddress, access: AccessKind): Translation {
    return this.walker.inspect(gva, access);
  }

  walk(gva: GuestVirtualAddress): readonly PageWalkLevel[] {
    return this.walker.path(gva);
  }

  // What routines use

  timeStamp(): bigint {
    return guestTimeStamp(this.state, this.clock.read(this.laneTimeNs()));
  }

  laneTimeNs(): number {
    const remaining = this.context.run32(runOffsets.remaining) + 1;
    return this.startNs + this.steps + this.chunk - remaining;
  }

  modeChanged(): void {
    const { context } = this;
    const rights = context.state.readU32(segmentOffsets.SS.accessRights);
    context.setRun32(runOffsets.cpl, (rights >>> 5) & 3);
    context.mode = refreshExecutionMode(context);
    this.caches.select();
  }

  deliverAfterwards(event: Event): typeof RoutineEnd.leave {
    this.pendingTrap = event;
    this.context.setRun32(runOffsets.stop, StopCode.fault);
    return RoutineEnd.leave;
  }

  segmentChanged(record: RoutineRecord): RoutineEnd {
    const { context } = this;
    if (context.mode === longCode) return RoutineEnd.next;
    context.state.rip += BigInt(record.length);
    this.modeChanged();
    return RoutineEnd.lookup;
  }

  blockInterrupts(record: RoutineRecord, by: 'sti' | 'mov-ss'): typeof RoutineEnd.finish {
    const bit = by === 'sti' ? blockingBySti : blockingByMovSs;
    const blocking = this.state.readU32(vmcsOffsets.interruptibility);
    this.state.writeZeroExtended(vmcsOffsets.interruptibility, blocking | bit);
    if (by === 'mov-ss') this.modeChanged();
    return this.context.finish(this.state.rip + BigInt(record.length));
  }

  decideTrap(): RoutineEnd {
    this.isTrapDecided = true;
    if ((this.state.readU32(stateOffsets.flagsSystem) & flagTrap) !== 0) {
      addPendingTrap(this.state, singleStep);
    }
    return continueWithFlags(this.context);
  }

  putResumeFlagAside(): void {
    this.resumeFlag.putAside();
  }

  /** Import `routine` of generated code. */
  callRoutine(record: number, number: number): RoutineEnd {
    const routine = present(routines[number], 'routine');
    const { watch } = this.context;
    if (this.resumeFlag.isMissedByRoutine) {
      // It may look at RF, which the run loop sets again.
      this.context.setRun32(runOffsets.stop, StopCode.budget);
      return RoutineEnd.leave;
    }
    if (watch !== undefined && !watch.isArmed) {
      // What a routine accesses is only noted: it runs alone.
      watch.wantsArming = true;
      this.context.setRun32(runOffsets.stop, StopCode.budget);
      return RoutineEnd.leave;
    }
    return routine(this, new RoutineRecord(this.context, record));
  }

  // Running

  /** VM entry: delivers what the hypervisor injects (SDM vol. 3, 27.6). */
  private enter(information: number): Outcome {
    const { state } = this;
    state.writeU64(vmcsOffsets.entryInformation, 0n);
    state.writeU64(vmcsOffsets.activityState, 0n);
    const type = (information >>> 8) & 7;
    if (type === otherEvent) {
      state.writeU32(stateOffsets.boundaryExit, exitReason.MONITOR_TRAP_FLAG);
      return undefined;
    }
    const injected = injectedEvent(state, information);
    return this.delivered(this.delivery.deliver(injected, false), injected);
  }

  /** Nothing has happened yet to the instruction at RIP. */
  private exitBetween(reason: number): Outcome {
    this.steps++;
    causeExit(this.context, reason);
    return vmExit;
  }

  private runChunk(left: number): Outcome {
    const { state, context } = this;
    const blocking =
      state.readU32(vmcsOffsets.interruptibility) & (blockingBySti | blockingByMovSs);
    const flags = state.readU32(stateOffsets.flagsSystem);
    const isTrapping = (flags & flagTrap) !== 0;
    const isResuming = (flags & flagResume) !== 0;
    const hasAnswers = state.readU32(stateOffsets.answerCount) !== 0;
    const isPassing = context.run32(runOffsets.passBreakpoint) !== 0;
    // Who passes a breakpoint of the debugger may still meet one of the guest.
    const fault = isPassing ? this.instructionBreakpoint() : undefined;
    if (fault !== undefined) return fault;
    // An instruction that met a data breakpoint is executed alone.
    const isArmed = context.watch?.begin() ?? false;
    const isPassed = isExitPassed(context);
    const isSingle =
      blocking !== 0 ||
      isTrapping ||
      hasAnswers ||
      isPassing ||
      isArmed ||
      this.isSingleRecord ||
      this.boundaries.isTrapFlagged ||
      isPassed;
    this.isSingleRecord = false;
    const steps = this.resumeFlag.begin(isResuming, isSingle ? 1 : left);
    const [low, high] = [state.readU32(stateOffsets.rip), state.readHigh(stateOffsets.rip)];
    const restoreControls = isPassed ? putControlsAside(context) : undefined;
    const code = this.execute(steps);
    restoreControls?.();
    if (this.taken > 0) {
      this.afterInstruction(blocking !== 0, isPassing);
      const isStill =
        state.readU32(stateOffsets.rip) === low && state.readHigh(stateOffsets.rip) === high;
      if (isResuming) this.resumeFlag.end(isStill);
      if (isArmed) this.setPendingWatch();
      if (isTrapping && !this.isTrapDecided) this.trapUnlessBlocked();
      this.isTrapDecided = false;
      this.boundaries.noteBoundary();
    } else if (isPassing) {
      // The instruction has not been done: it is passed when it is tried again.
      this.passBreakpointOnce();
    }
    const stop = this.endChunk(code);
    this.shared.translator.advance(this.taken);
    return stop;
  }

  /** Runs generated code for at most so many steps. @returns why it ended, after {@link taken} steps */
  private execute(steps: number): number {
    const { state, context } = this;
    this.chunk = steps;
    this.access.beginInstruction();
    this.clock.begin(this.startNs + this.steps + steps);
    context.setRun32(runOffsets.stepsLeftAtSti, -1);
    const code = this.shared.space.run(context.vpBase, steps);
    this.clock.end();
    // Outside 64-bit mode generated code leaves a carry out of EIP to this place.
    if (context.mode !== longCode) state.writeU32(stateOffsets.rip + 4, 0);
    const remaining = context.run32(runOffsets.remaining);
    this.taken = steps - remaining;
    this.steps += this.taken;
    this.retire(this.taken);
    if (context.run32(runOffsets.stepsLeftAtSti) === remaining) blockBySti(state);
    this.resumeFlag.takeBack(remaining);
    return code;
  }

  private endChunk(code: number): Outcome {
    if (code === StopCode.vmExit) {
      this.steps++;
      return vmExit;
    }
    // A lookup may follow the last step; what it meets belongs to the next one.
    const isOver = code === StopCode.lookup && this.taken === this.chunk;
    return isOver ? undefined : this.handleStop(code);
  }

  /** Data breakpoints trap behind the instruction (SDM vol. 3, 17.2.5). */
  private setPendingWatch(): void {
    const met = this.context.watch?.finish() ?? 0;
    if (met !== 0) addPendingTrap(this.state, BigInt(met) | enabledBreakpoint);
  }

  /** The fault of an instruction breakpoint of the guest, which RF holds back (SDM vol. 3, 17.3.1.1). */
  private instructionBreakpoint(): Outcome {
    if (!this.debugRegisters.hasInstructions) return undefined;
    const hits = this.debugRegisters.instructionHits(this.linearIp());
    if (hits === 0 || (this.state.rflags & flagResume) !== 0) return undefined;
    this.context.fault = {
      vector: vector.DB,
      errorCode: undefined,
      debugStatus: BigInt(hits),
    };
    return this.deliverFault();
  }

  private afterInstruction(endsBlocking: boolean, isPassing: boolean): void {
    if (endsBlocking) endBlocking(this.state);
    if (isPassing) this.context.setRun32(runOffsets.passBreakpoint, 0);
    this.state.writeU32(stateOffsets.answerCount, 0);
    this.state.writeU32(stateOffsets.passedExit, 0);
  }

  /** A load of SS holds the trap back until the next instruction is done (SDM vol. 3, 6.8.3). */
  private trapUnlessBlocked(): void {
    const blocking = this.state.readU32(vmcsOffsets.interruptibility);
    if ((blocking & blockingByMovSs) === 0) addPendingTrap(this.state, singleStep);
  }

  private handleStop(code: number): Outcome {
    const { context } = this;
    switch (code) {
      case StopCode.budget:
        return undefined;
      case StopCode.lookup:
        return this.findCode();
      case StopCode.fault:
        return this.deliverFault();
      case StopCode.breakpoint:
        if (this.breakpoints.has(this.linearIp())) return { kind: 'breakpoint' };
        context.setRun32(runOffsets.passBreakpoint, 1);
        return undefined;
      case StopCode.hot:
        return this.requestTranslation();
      case StopCode.unimplemented:
        return this.unimplemented();
      default:
        return { kind: 'frames-exhausted' };
    }
  }

  private deliverFault(): Outcome {
    const { state, context } = this;
    const trap = this.pendingTrap;
    this.pendingTrap = undefined;
    if (trap !== undefined) {
      return this.delivered(this.delivery.deliver(trap, true));
    }
    const errorCode = context.run32(runOffsets.faultErrorCode);
    const fault = context.fault ?? {
      vector: context.run32(runOffsets.faultVector),
      errorCode: errorCode < 0 ? undefined : errorCode,
    };
    context.fault = undefined;
    return this.delivered(this.delivery.deliverFault(fault, state.rip));
  }

  private debugTrap(): Outcome {
    const { state } = this;
    const trap = debugTrap(state, takePendingTraps(state));
    state.writeU64(vmcsOffsets.activityState, 0n);
    return this.delivered(this.delivery.deliver(trap, true));
  }

  private delivered(end: DeliveryEnd, injected?: Event): Outcome {
    switch (end.kind) {
      case 'delivered':
        this.steps++;
        endBlocking(this.state);
        this.context.setRun32(runOffsets.passBreakpoint, 0);
        this.state.writeU32(stateOffsets.passedExit, 0);
        this.boundaries.noteBoundary();
        return {
          kind: 'event',
          vector: end.event.vector,
          errorCode: end.event.errorCode,
          returnRip: end.event.returnIp,
          isInjected: end.event === injected,
        };
      case 'exit':
        this.steps++;
        return vmExit;
      case 'exhausted':
        return { kind: 'frames-exhausted' };
    }
  }

  /** The code at RIP has no record yet: translate, decode, and remember both. */
  private findCode(): Outcome {
    const { context, shared } = this;
    // Before the walk: a breakpoint must not set accessed bits that a run without it would not have set yet.
    if (this.isAtBreakpoint()) return { kind: 'breakpoint' };
    const fault = this.instructionBreakpoint();
    if (fault !== undefined) return fault;
    const { linearIpLow: low, linearIpHigh: high } = context;
    if (!context.isCanonicalHalf(high) || this.isBeyondLimit(0)) {
      context.fault = generalProtection();
      return this.deliverFault();
    }
    const frame = this.codeFrame(low, high);
    if (typeof frame === 'object') return frame.outcome;
    const offset = low & 0xfff;
    const found = shared.code.recordAt(frame, offset, context.mode);
    switch (found.kind) {
      case 'record':
        if (this.isPartialPage(offset)) return this.prepareSingle(found.address);
        this.caches.fillCode(low, high, frame, shared.code.tableOf(frame, context.mode));
        return undefined;
      case 'straddles':
        return this.prepareStraddling(frame);
      case 'too-long':
        context.fault = generalProtection();
        return this.deliverFault();
    }
  }

  /** Whether the debugger has a breakpoint at RIP that is not to be passed. */
  private isAtBreakpoint(): boolean {
    if (this.breakpoints.size === 0) return false;
    const isPassing = this.context.run32(runOffsets.passBreakpoint) !== 0;
    return !isPassing && this.breakpoints.has(this.linearIp());
  }

  private requestTranslation(): Outcome {
    const { linearIpLow: low, linearIpHigh: high, mode } = this.context;
    const frame = this.codeFrame(low, high);
    if (typeof frame === 'object') return frame.outcome;
    this.shared.translator.request(frame, low & 0xfff, mode);
    return undefined;
  }

  private codeFrame(low: number, high: number): number | { readonly outcome: Outcome } {
    const { walker, context, caches } = this;
    const known = caches.codeFrameOf(low, high);
    if (known !== undefined) return known;
    switch (walker.walk(low, high, 'execute', context.cpl === 3 ? 'user' : 'supervisor')) {
      case WalkResult.mapped:
        caches.noteCodeFrame(low, high, walker.frame);
        return walker.frame;
      case WalkResult.pageFault:
        context.fault = {
          vector: vector.PF,
          errorCode: walker.errorCode,
          address: wholeAddress(low, high),
        };
        return { outcome: this.deliverFault() };
      case WalkResult.framesExhausted:
        return { outcome: { kind: 'frames-exhausted' } };
      default:
        causeWalkViolation(context, walker, wholeAddress(low, high), 'execute');
        this.steps++;
        return { outcome: vmExit };
    }
  }

  /** An instruction whose bytes lie in two pages is kept, or gets a record for this one execution. */
  private prepareStraddling(frame: number): Outcome {
    const { context, shared } = this;
    const { linearIpLow: low, linearIpHigh: high, mode } = context;
    const offset = low & 0xfff;
    const nextLow = ((low | 0xfff) + 1) | 0;
    const nextHigh = nextLow === 0 && mode === longCode ? (high + 1) | 0 : high;
    const nextFrame = this.codeFrame(nextLow, nextHigh);
    if (typeof nextFrame === 'object') return nextFrame.outcome;
    const place = { frame, mode };
    // Where the next page is the first of all, or one whose limit is to be checked, nothing is kept.
    const isKept = (mode === longCode || mode === flatCode) && (nextLow !== 0 || nextHigh !== 0);
    const tables = isKept ? shared.code.keepStraddling(place, offset, nextFrame) : undefined;
    if (tables !== undefined) {
      this.caches.fillCode(low, high, frame, tables.table);
      this.caches.fillCode(nextLow, nextHigh, nextFrame, tables.nextTable);
      return undefined;
    }
    // A repeated instruction that writes over its own second part is looked up again.
    shared.memory.addFlag(nextFrame, frameHoldsCode);
    const records = context.vpBase + runOffsets.straddleRecords;
    if (shared.code.straddlingAt(place, offset, nextFrame, records) === 'too-long') {
      context.fault = generalProtection();
      return this.deliverFault();
    }
    return this.prepareSingle(records);
  }

  /** Executes one record by itself, outside the code TLB, where the segment's limit has room for all of it. */
  private prepareSingle(record: number): Outcome {
    const { context } = this;
    const length = new RoutineRecord(context, record).length;
    if (this.isBeyondLimit(length - 1)) {
      context.fault = generalProtection();
      return this.deliverFault();
    }
    context.setRunU64(runOffsets.ipBase, this.state.rip - BigInt(context.linearIpLow & 0xfff));
    context.setRun32(runOffsets.startRecord, record);
    this.isSingleRecord = true;
    return undefined;
  }

  /** Whether RIP, plus so many bytes, is beyond the code segment, which has no limit in 64-bit mode (SDM vol. 3, 5.3.1). */
  private isBeyondLimit(bytes: number): boolean {
    const { context, state } = this;
    if (context.mode === longCode) return false;
    return state.readU32(stateOffsets.rip) + bytes > context.runCount(runOffsets.codeLimit);
  }

  /** A page that the code segment covers only in part is executed instruction by instruction. */
  private isPartialPage(offset: number): boolean {
    const { mode, state } = this.context;
    if (mode === longCode || mode === flatCode) return false;
    return state.readU32(stateOffsets.rip) < offset || this.isBeyondLimit(0xfff - offset);
  }

  private unimplemented(): Outcome {
    const { context } = this;
    const bytes = instructionBytesAt(this.walker, this.shared.memory, this.linearIp());
    const text = context.unbuilt ?? unbuiltName(bytes);
    context.unbuilt = undefined;
    return { kind: 'unimplemented', bytes, text };
  }

  private linearIp(): bigint {
    return wholeAddress(this.context.linearIpLow, this.context.linearIpHigh);
  }

  private retire(count: number): void {
    this.state.addToSlot(stateOffsets.retired, count);
  }
}
