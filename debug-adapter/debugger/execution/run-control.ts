/** Runs the machine in slices until a step is done, a breakpoint stops or the machine itself stops. */
import type { WallClock } from '../../backends/wall-clock';
import type { TraceEvent } from '../../machine/trace';
import { present } from '../../support/assert';
import type { ProcessorAddress, RunOutcome, RunRequest } from '../../system/run-types';
import type { Timeline, Travel } from '../../timeline/timeline';
import type { BreakpointSet, BreakpointVerdict } from '../breakpoints/breakpoint-set';
import { othersGoOn, threadsOf, type DebuggedThread } from '../debugged-machine';
import type { GuestPrograms } from '../guest-programs';
import { evaluationContext } from '../processor-evaluation';
import { registerNamed } from '../registers';
import { hasMoved, ResumePoints } from './resume-points';
import type { Motion, StepPlan } from './step-planner';
import { waitMsUntil, type Pace } from './pace';
import { eventObservers } from './event-observers';
import { endText, type GuestEnding, type StopReason, type StopReport } from './stop-report';
import { addressOf, keyOf, threadNear } from './thread-address';

/** What one slice came to. */
export type SliceOutcome =
  | { readonly kind: 'running' }
  /** Nothing is to be done before real time has caught up with the guest's next moment. */
  | { readonly kind: 'waiting'; readonly forMs: number }
  | { readonly kind: 'stopped'; readonly report: StopReport };

/** What run control works on. */
export interface RunParts {
  readonly machine: Timeline;
  readonly breakpoints: BreakpointSet;
  readonly programs: GuestPrograms;
  readonly clock: WallClock;
  readonly pace: Pace;
  /** Receives the texts of log messages. */
  readonly log: (text: string) => void;
}

/** What the person asked for. */
type Goal =
  | { readonly kind: 'continue' }
  | {
      readonly kind: 'step';
      readonly at: ProcessorAddress;
      readonly plan: StepPlan;
    }
  | {
      readonly kind: 'travel';
      readonly at: ProcessorAddress;
      readonly travel: Travel<StopReport>;
      /** Where to go back to where the person gives up. */
      readonly origin: number;
    };

/**
 * Real time that a call of the machine is meant to take: within one, hot code is translated again and again, which
 * takes time that no speed tells of, and nobody looks at the clock.
 */
const callMs = 3;
const firstStepsPerMs = 5_000;
const fewestSteps = 2_000;
/** At one microsecond for each step, far from any usual speed, a pause still waits only this long. */
const mostSteps = 200_000;
/** What a step back has to run again at most, and so how long it takes. */
const checkpointEveryMs = 25;
const fewestStepsBetweenCheckpoints = 100_000;
/** Exits and delivered events between two looks at the clock; each costs a few microseconds. */
const occurrencesPerLook = 32;
const rsp = registerNamed('rsp');

/** Execution control of one machine. Synchronous; the front end calls {@link slice} again and again. */
export class RunControl {
  private goal: Goal | undefined;
  private motion: Motion | undefined;
  private pauseRequested = false;
  private stepsPerMs = firstStepsPerMs;
  private readonly resumePoints: ResumePoints;
  /** Vectors whose delivery stops. */
  private watchedVectors: ReadonlySet<number> = new Set();
  /** What breakpoints on events have decided in the present run of the machine. */
  private eventStop: Extract<StopReason, { kind: 'event-breakpoint' }> | undefined;
  /** Position up to which each breakpoint has logged: a past that is repeated is not logged again. */
  private readonly loggedUntil = new Map<number, number>();
  /** Position up to which ends of guests have been told. */
  private endsToldUntil = -1;
  private occurrences = 0;
  /** How long nothing is to be done; undefined while there is. */
  private waitMs: number | undefined;

  constructor(private readonly parts: RunParts) {
    this.resumePoints = new ResumePoints(parts.programs);
  }

  get running(): boolean {
    return this.goal !== undefined;
  }

  /** Sets which exceptions stop when the guest takes them. */
  watchVectors(vectors: ReadonlySet<number>): void {
    this.watchedVectors = vectors;
  }

  beginContinue(): void {
    this.begin({ kind: 'continue' });
  }

  beginStep(at: ProcessorAddress, plan: StepPlan): void {
    this.begin({ kind: 'step', at, plan });
  }

  /** Goes elsewhere in time; the report tells where it ended. */
  beginTravel(at: ProcessorAddress, travel: Travel<StopReport>): void {
    this.begin({ kind: 'travel', at, travel, origin: this.parts.machine.position });
  }

  /** True while the machine is on its way through time, where it takes no input. */
  get isTravelling(): boolean {
    return this.goal?.kind === 'travel';
  }

  /** What lies behind `position` will be another future: it may be logged again. */
  forgetLogsBehind(position: number): void {
    this.endsToldUntil = Math.min(this.endsToldUntil, position);
    for (const [id, until] of this.loggedUntil) {
      this.loggedUntil.set(id, Math.min(until, position));
    }
  }

  /** Stops at the end of the present machine call. */
  requestPause(): void {
    this.pauseRequested = true;
  }

  /** Runs for about `sliceMs` milliseconds of real time. */
  slice(sliceMs: number): SliceOutcome {
    const { clock } = this.parts;
    const deadline = clock.nowMs() + sliceMs;
    do {
      if (this.pauseRequested) {
        this.giveUpTravel();
        return this.stop({ at: this.currentAddress(), reason: { kind: 'pause' } });
      }
      const report = this.advance(deadline);
      if (report !== undefined) return this.stop(report);
      if (this.waitMs !== undefined) return { kind: 'waiting', forMs: this.waitMs };
    } while (clock.nowMs() < deadline);
    return { kind: 'running' };
  }

  /** Forgets what was asked for; the machine stays as it is. */
  abandon(): void {
    this.goal = undefined;
    this.motion = undefined;
    this.pauseRequested = false;
  }

  private begin(goal: Goal): void {
    this.goal = goal;
    this.motion = undefined;
    this.pauseRequested = false;
    this.waitMs = undefined;
    this.parts.pace.restart();
    this.resumePoints.clear();
    for (const thread of this.threads()) this.resumePoints.note(thread);
  }

  private stop(report: StopReport): SliceOutcome {
    this.abandon();
    return { kind: 'stopped', report };
  }

  /** One call of the machine for the present goal. */
  private advance(deadline: number): StopReport | undefined {
    const goal = present(this.goal, 'goal of the run');
    if (goal.kind === 'continue') return this.runFreely([], deadline);
    if (goal.kind === 'travel') {
      const next = goal.travel.next();
      return next.done === true ? next.value : undefined;
    }
    if (this.motion === undefined) {
      const next = goal.plan.next();
      if (next.done === true) {
        return { at: goal.at, reason: { kind: 'step' } };
      }
      this.motion = next.value;
      this.resumePoints.note(this.threadAt(goal.at));
    }
    if (this.motion.kind === 'instruction') return this.runInstruction(goal.at, deadline);
    const addresses = this.motion.places.map((place) => place.address);
    return this.runFreely(addresses, deadline);
  }

  /** A checkpoint was kept near the place where the travel began, so going back is quick. */
  private giveUpTravel(): void {
    if (this.goal?.kind !== 'travel') return;
    const back = this.parts.machine.travelTo(this.goal.origin);
    while (back.next().done !== true);
  }

  private runFreely(temporary: readonly bigint[], deadline: number): StopReport | undefined {
    this.armBreakpoints(temporary);
    const { clock } = this.parts;
    const began = clock.nowMs();
    const forMs = Math.max(0, Math.min(callMs, deadline - began));
    const wanted = Math.floor(this.stepsPerMs * forMs);
    const outcome = this.runMachine(Math.min(mostSteps, Math.max(fewestSteps, wanted)), deadline);
    this.measureSpeed(outcome.steps, clock.nowMs() - began);
    return this.judge(outcome);
  }

  /** Runs until the thread has advanced by an instruction; other threads run along. */
  private runInstruction(at: ProcessorAddress, deadline: number): StopReport | undefined {
    const thread = this.threadAt(at);
    const start = present(this.resumePoints.of(thread), 'start of the step');
    this.armBreakpoints([]);
    do {
      const outcome = this.runMachine(1, deadline);
      const report = this.judge(outcome);
      if (report !== undefined) return report;
      const { stop } = outcome;
      // A fault whose handler is the faulting instruction moves nothing that hasMoved looks at.
      const tookEvent = stop.kind === 'event' && keyOf(stop.at) === keyOf(at);
      const isBetweenInstructions = thread.processor.pendingExit === undefined;
      if (isBetweenInstructions && (tookEvent || hasMoved(thread, start))) {
        this.motion = undefined;
        return undefined;
      }
    } while (
      this.parts.clock.nowMs() < deadline &&
      !this.pauseRequested &&
      this.waitMs === undefined
    );
    return undefined;
  }

  private runMachine(maxSteps: number, deadline: number): RunOutcome {
    this.resumePoints.pass(this.threads());
    this.eventStop = undefined;
    this.occurrences = 0;
    const { machine, pace } = this.parts;
    // What has been seen once need not be waited for again.
    const maxTimeNs = machine.isInPast
      ? undefined
      : pace.limitNs(machine.timeNs, this.waitMs !== undefined);
    const { watchedKinds } = this.parts.breakpoints;
    const observers = eventObservers(watchedKinds, (event) => this.isWanted(event));
    const { stopAtExit, stopAtEvent } = observers;
    const request: RunRequest = {
      maxSteps,
      ...(maxTimeNs === undefined ? {} : { maxTimeNs }),
      ...observers,
      stopAtExit: (exit) => stopAtExit?.(exit) === true || this.isOutOfTime(deadline),
      stopAtEvent: (delivery, at, place) =>
        stopAtEvent?.(delivery, at, place) === true ||
        this.isEventOfInterest(delivery.vector, deadline),
    };
    const outcome = machine.run(request);
    const { stop } = outcome;
    const waits = stop.kind === 'time' && maxTimeNs !== undefined;
    this.waitMs = waits ? waitMsUntil(stop.nextNs, maxTimeNs) : undefined;
    return outcome;
  }

  /** Asks the breakpoints about an event; several may want one step to be the last. */
  private isWanted(event: TraceEvent): boolean {
    const { breakpoints, programs } = this.parts;
    const verdict = breakpoints.reachedEvent(event, () => {
      const thread = this.threadAt(event);
      return evaluationContext(thread, programs.of(thread.partition.id).symbols, event);
    });
    this.report(verdict);
    if (verdict === undefined || verdict.stopped.length === 0) return false;
    const before = this.eventStop;
    this.eventStop = {
      kind: 'event-breakpoint',
      ids: [...(before?.ids ?? []), ...verdict.stopped],
      titles: [...(before?.titles ?? []), ...verdict.titles],
      notes: [...(before?.notes ?? []), ...verdict.notes],
      event: before?.event ?? event,
    };
    return true;
  }

  private isEventOfInterest(vector: number, deadline: number): boolean {
    const endsStep = this.motion?.kind === 'instruction';
    return endsStep || this.watchedVectors.has(vector) || this.isOutOfTime(deadline);
  }

  /** Ends a call that takes too long because much happens in it besides instructions. */
  private isOutOfTime(deadline: number): boolean {
    this.occurrences++;
    return this.occurrences % occurrencesPerLook === 0 && this.parts.clock.nowMs() >= deadline;
  }

  private judge(outcome: RunOutcome): StopReport | undefined {
    const { programs } = this.parts;
    const { stop } = outcome;
    switch (stop.kind) {
      case 'budget':
      case 'time':
        return undefined;
      case 'exit':
      case 'trace':
        return this.eventReport(stop.at);
      case 'event':
        return (
          this.eventReport(stop.at) ??
          (this.watchedVectors.has(stop.vector)
            ? { at: stop.at, reason: { kind: 'exception', vector: stop.vector } }
            : undefined)
        );
      case 'breakpoint':
        return this.judgeBreakpoint(stop.at, stop.address) ?? this.eventReport(stop.at);
      case 'guest-exit':
      case 'guest-reset':
      case 'guest-deleted':
        if (!this.goesOnWithout(stop)) return { at: stop.at, reason: { kind: 'machine', stop } };
        this.tellEnd(stop, 'The others run on.');
        return undefined;
      case 'guest-restart':
        programs.restarted(stop.at.partition);
        this.tellEnd(stop, '');
        return undefined;
      default:
        return { at: stop.at, reason: { kind: 'machine', stop } };
    }
  }

  /** The end of a guest stops neither the others nor a step of theirs. */
  private goesOnWithout({ at }: GuestEnding): boolean {
    const { goal } = this;
    const isStepOfGuest = goal?.kind === 'step' && goal.at.partition === at.partition;
    return !isStepOfGuest && othersGoOn(this.parts.machine, at.partition);
  }

  /** A past that is repeated is told once. */
  private tellEnd(stop: GuestEnding, more: string): void {
    const { machine, log } = this.parts;
    if (machine.position <= this.endsToldUntil) return;
    this.endsToldUntil = machine.position;
    const { name } = this.threadAt(stop.at).partition;
    log(`${name}: ${[endText(stop), more].join(' ').trim()}`);
  }

  private judgeBreakpoint(at: ProcessorAddress, address: bigint): StopReport | undefined {
    const thread = this.threadAt(at);
    const again = this.resumePoints.isInProgress(thread, address);
    this.resumePoints.note(thread);
    if (!again) {
      const { breakpoints, programs } = this.parts;
      const context = evaluationContext(thread, programs.of(at.partition).symbols);
      const verdict = breakpoints.reachedAddress(at.partition, address, context);
      this.report(verdict);
      if (verdict.stopped.length > 0) {
        const { stopped: ids, notes } = verdict;
        return { at, reason: { kind: 'breakpoint', ids, notes } };
      }
    }
    this.finishRunTo(thread, address);
    return undefined;
  }

  /** Ends a run-to motion whose place was reached by the thread that steps. */
  private finishRunTo(thread: DebuggedThread, address: bigint): void {
    const { goal, motion } = this;
    if (goal?.kind !== 'step' || motion?.kind !== 'run-to') return;
    if (keyOf(goal.at) !== keyOf(addressOf(thread))) return;
    const stack = rsp.read(thread.processor.core.state);
    const reached = motion.places.some(
      (place) =>
        place.address === address &&
        (motion.exact ? stack === place.stackPointer : stack >= place.stackPointer),
    );
    if (reached) this.motion = undefined;
  }

  private report(verdict: BreakpointVerdict | undefined): void {
    const { position } = this.parts.machine;
    for (const { id, text } of verdict?.logs ?? []) {
      if (position <= (this.loggedUntil.get(id) ?? -1)) continue;
      this.loggedUntil.set(id, position);
      this.parts.log(text);
    }
  }

  private armBreakpoints(temporary: readonly bigint[]): void {
    const addresses = new Set([...this.parts.breakpoints.addresses, ...temporary]);
    for (const thread of this.threads()) thread.processor.core.setBreakpoints(addresses);
  }

  /** Learns how many steps fit into a slice; trusts a gain slowly and a loss at once. */
  private measureSpeed(steps: number, tookMs: number): void {
    if (steps < fewestSteps || tookMs <= 0) return;
    this.stepsPerMs = Math.max(1, Math.min(this.stepsPerMs * 2, steps / tookMs));
    const interval = Math.round(this.stepsPerMs * checkpointEveryMs);
    this.parts.machine.checkpointInterval = Math.max(fewestStepsBetweenCheckpoints, interval);
  }

  private currentAddress(): ProcessorAddress {
    if (this.goal !== undefined && this.goal.kind !== 'continue') return this.goal.at;
    const thread = present(this.threads()[0], 'guest processor');
    return addressOf(thread);
  }

  private threads(): readonly DebuggedThread[] {
    return threadsOf(this.parts.machine);
  }

  private threadAt(at: ProcessorAddress): DebuggedThread {
    return threadNear(this.threads(), at);
  }

  /** The stop at an event, at a processor that can be looked at: the event may be of the parent. */
  private eventReport(at: ProcessorAddress): StopReport | undefined {
    return this.eventStop && { at: addressOf(this.threadAt(at)), reason: this.eventStop };
  }
}
