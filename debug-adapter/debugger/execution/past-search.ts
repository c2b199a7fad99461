/** Searches the past backwards for the last thing that would have stopped the machine. */
import { stateOffsets } from '../../machine/processor-state';
import type { TraceEvent } from '../../machine/trace';
import type { ProcessorAddress, RunOutcome } from '../../system/run-types';
import type { Timeline, Travel } from '../../timeline/timeline';
import type { BreakpointSet, BreakpointVerdict } from '../breakpoints/breakpoint-set';
import { threadsOf, type DebuggedThread } from '../debugged-machine';
import type { GuestPrograms } from '../guest-programs';
import { evaluationContext } from '../processor-evaluation';
import { eventObservers } from './event-observers';
import { ResumePoints } from './resume-points';
import type { StopReason } from './stop-report';
import { addressOf, threadNear } from './thread-address';

/** A stop in the past. */
export interface PastStop {
  readonly position: number;
  readonly at: ProcessorAddress;
  readonly reason: StopReason;
}

/** What is searched for. */
export interface SearchGoal {
  /** Addresses where processors are to be looked at. */
  readonly addresses: ReadonlySet<bigint>;
  /** Asked when a thread is about to execute the instruction at such an address; undefined goes on. */
  readonly reached: (thread: DebuggedThread, address: bigint) => StopReason | undefined;
  /** Kinds of event that are of interest, and what is asked for each of them. */
  readonly kinds?: ReadonlySet<TraceEvent['kind']>;
  readonly happened?: (thread: DebuggedThread, event: TraceEvent) => StopReason | undefined;
  /** Vectors whose delivery is searched for. */
  readonly vectors: ReadonlySet<number>;
}

/** Steps between two checks whether the search is to go on. */
const stepsPerTurn = 20_000;

/** The goal of a person who continues backwards: whatever stops a machine that runs. */
export function stopsOf(
  breakpoints: BreakpointSet,
  programs: GuestPrograms,
  vectors: ReadonlySet<number>,
): SearchGoal {
  const reached = (thread: DebuggedThread, address: bigint): StopReason | undefined => {
    const { id } = thread.partition;
    const context = evaluationContext(thread, programs.of(id).symbols);
    const verdict = breakpoints.reachedAddress(id, address, context, 'searching');
    const { stopped: ids, notes } = verdict;
    return ids.length === 0 ? undefined : { kind: 'breakpoint', ids, notes };
  };
  const happened = (thread: DebuggedThread, event: TraceEvent): StopReason | undefined => {
    const context = (): ReturnType<typeof evaluationContext> =>
      evaluationContext(thread, programs.of(thread.partition.id).symbols, event);
    return eventReason(event, breakpoints.reachedEvent(event, context, 'searching'));
  };
  const { addresses, watchedKinds: kinds } = breakpoints;
  return { addresses, reached, vectors, kinds, happened };
}

/** One search; each window of the past is run forward, and its last hit counts. */
export class PastSearch {
  private readonly resumePoints: ResumePoints;
  /** The first thing in the present run that is searched for. */
  private eventStop: StopReason | undefined;

  constructor(
    private readonly machine: Timeline,
    programs: GuestPrograms,
    private readonly goal: SearchGoal,
  ) {
    this.resumePoints = new ResumePoints(programs);
  }

  /** The last stop before `limit`; where there is one, the machine stands there, else anywhere. */
  *lastBefore(limit: number): Travel<PastStop | undefined> {
    for (const { processor } of this.threads()) {
      processor.core.setBreakpoints(this.goal.addresses);
    }
    const found = yield* this.machine.lastBefore(limit, (end, isFirst) => this.scan(end, isFirst));
    if (found !== undefined) yield* this.machine.travelTo(found.position);
    return found;
  }

  /** Hits at the very beginning belong to the window before, which looks at its end for them. */
  private *scan(end: number, isFirst: boolean): Travel<PastStop | undefined> {
    const { machine } = this;
    const start = machine.position;
    let last: PastStop | undefined;
    this.beginWindow();
    while (machine.position < end) {
      const outcome = this.run(Math.min(stepsPerTurn, end - machine.position));
      const { position } = machine;
      const stop = this.judge(outcome);
      const isInside = position > start && (isFirst ? position < end : position <= end);
      if (stop !== undefined && isInside) last = stop;
      const isAtEnd = outcome.steps === 0 && outcome.stop.kind !== 'breakpoint';
      if (isAtEnd) break;
      yield;
    }
    if (isFirst) return last;
    const outcome = this.run(1);
    const isHere = outcome.steps === 0 && outcome.stop.kind === 'breakpoint';
    return (isHere ? this.judge(outcome) : undefined) ?? last;
  }

  /** An instruction that has exited before the window is in progress: its breakpoint was met before. */
  private beginWindow(): void {
    this.resumePoints.clear();
    for (const thread of this.threads()) {
      if (isAmidInstruction(thread)) this.resumePoints.note(thread);
    }
  }

  private run(maxSteps: number): RunOutcome {
    this.resumePoints.pass(this.threads());
    this.eventStop = undefined;
    const { kinds = new Set(), vectors } = this.goal;
    const observers = eventObservers(kinds, (event) => this.isWanted(event));
    const { stopAtEvent } = observers;
    return this.machine.run({
      maxSteps,
      ...observers,
      ...(vectors.size === 0
        ? {}
        : {
            stopAtEvent: (delivery, at, place) =>
              stopAtEvent?.(delivery, at, place) === true || vectors.has(delivery.vector),
          }),
    });
  }

  private isWanted(event: TraceEvent): boolean {
    const reason = this.goal.happened?.(this.threadAt(event), event);
    this.eventStop ??= reason;
    return reason !== undefined;
  }

  private judge({ stop }: RunOutcome): PastStop | undefined {
    const { position } = this.machine;
    switch (stop.kind) {
      case 'exit':
      case 'trace':
        return (
          this.eventStop && {
            position,
            at: addressOf(this.threadAt(stop.at)),
            reason: this.eventStop,
          }
        );
      case 'event': {
        const reason = this.eventStop ?? { kind: 'exception', vector: stop.vector };
        return { position, at: stop.at, reason };
      }
      case 'breakpoint': {
        const thread = this.threadAt(stop.at);
        const isInProgress = this.resumePoints.isInProgress(thread, stop.address);
        this.resumePoints.note(thread);
        if (isInProgress) return undefined;
        const reason = this.goal.reached(thread, stop.address);
        return reason === undefined ? undefined : { position, at: stop.at, reason };
      }
      default:
        return undefined;
    }
  }

  private threads(): readonly DebuggedThread[] {
    return threadsOf(this.machine);
  }

  private threadAt(at: ProcessorAddress): DebuggedThread {
    return threadNear(this.threads(), at);
  }
}

/** True where a thread has begun the instruction at RIP: it exited, or its device has answered. */
export function isAmidInstruction({ processor }: DebuggedThread): boolean {
  const { pendingExit, core } = processor;
  return pendingExit !== undefined || core.state.readU32(stateOffsets.answerCount) !== 0;
}

function eventReason(
  event: TraceEvent,
  verdict: BreakpointVerdict | undefined,
): StopReason | undefined {
  if (verdict === undefined || verdict.stopped.length === 0) return undefined;
  const { stopped: ids, titles, notes } = verdict;
  return { kind: 'event-breakpoint', ids, titles, notes, event };
}
