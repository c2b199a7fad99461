/** The run loop: gives lanes their turns, hands exits to the hypervisor and its messages to the parent. */
import type { HandledExit } from '../hypervisor/exits/exit-handler';
import type { Hypervisor } from '../hypervisor/hypervisor';
import type { ChargedWork, HypervisorServices } from '../hypervisor/services';
import type { Partition } from '../hypervisor/partition';
import {
  defaultShare,
  ProcessorScheduler,
  type ProcessorShare,
  type ScheduledProcessor,
  type ScheduleObserver,
} from '../hypervisor/processor-scheduler';
import type { VirtualProcessor } from '../hypervisor/virtual-processor';
import { describeEntryFailure } from '../hypervisor/vm-entry-checks';
import type { ProcessorStop } from '../machine/processor';
import type { InterceptSink } from '../machine/intercepts';
import type { ScheduleSwitchEvent } from '../machine/trace';
import { TimerQueue, type Timer } from '../machine/timer-queue';
import { assert, present, unreachable } from '../support/assert';
import { StateRecord } from '../support/state-record';
import type { StateNode } from '../support/state-tree';
import { EventOrder, type EventOrderState } from './event-order';
import { Lane } from './lane';
import { GuestSchedule, type GuestScheduleState } from './guest-schedule';
import { LaneSchedule, type LaneObserver } from './lane-schedule';
import { limits } from './limits';
import type { ProcessorAddress, RunOutcome, RunRequest, RunStop } from './run-types';
import type { ExitSink } from './trace-log';
import type { VirtualTimeCosts } from './virtual-time-costs';

/** The parent as the run loop sees it. */
export interface QueuedWork extends InterceptSink {
  runQueuedWork(): void;
}

/** Starts a guest again whose platform was reset. */
export type Restarter = (partition: Partition) => void;

type ProcessorPause = Exclude<ProcessorStop, { readonly kind: 'vm-exit' }>;

/** A processor begins or ends a run on a logical one. */
interface LaneSwitch {
  readonly logical: number;
  readonly begins: boolean;
  readonly ranNs: number;
  readonly reason: ScheduleSwitchEvent['reason'];
}

/** The saved part of the run loop. */
export interface RunLoopState {
  readonly position: number;
  readonly laneTimesNs: readonly number[];
  /** Run time of each lane when its present run began, or {@link notRunning}. */
  readonly runningSinceNs: readonly number[];
  readonly schedule: GuestScheduleState;
  readonly events: EventOrderState;
  /** Absent where no scheduler is asked. */
  readonly scheduler: StateNode | undefined;
}

/** In the place of a moment, for a lane that does not run. */
export const notRunning = -1;

/** How virtual processors share the logical ones. */
export interface Scheduling {
  /** As many as there are virtual processors by default. */
  readonly logicalProcessors?: number;
  readonly shareOf?: (processor: VirtualProcessor) => ProcessorShare;
}

/**
 * Between two steps the machine is *settled*: timers that are due have run, messages have been worked on, interrupts
 * are on their way, and the schedule knows whose turn it is. So a state does not depend on where a run was cut.
 */
export class RunLoop implements HypervisorServices {
  readonly trace: EventOrder;
  readonly timers = new TimerQueue();
  private readonly lanes: Lane[] = [];
  private readonly laneOf = new Map<VirtualProcessor, Lane>();
  /** They end the halt of processors that have halted without a VM exit. */
  private readonly preemptionTimers = new Map<Lane, Timer>();
  /** Whose rounds a partition takes part in: its own, or those of all. */
  private readonly roundsOf = new Map<number, LaneSchedule>();
  private rounds: readonly LaneSchedule[] = [];
  private schedule = new GuestSchedule([]);
  private steps = 0;
  private active: Lane | undefined;
  /** The moment whose timers are running. */
  private momentNs: number | undefined;
  private hypervisor: Hypervisor | undefined;
  private parent: QueuedWork | undefined;
  private restarter: Restarter | undefined;
  private scheduler: ProcessorScheduler | undefined;
  /** Those of a guest that the input which is being taken lets go on with the round under way. None between steps. */
  private keptRounds: LaneSchedule | undefined;
  /** Partitions whose restart has not been told yet. */
  private readonly restarted: number[] = [];
  /** Disks that have become full and have not been told of. */
  private readonly fullDisks: Extract<RunStop, { kind: 'disk-full' }>[] = [];

  constructor(
    private readonly costs: VirtualTimeCosts,
    private readonly sink: ExitSink,
  ) {
    this.trace = new EventOrder(this, sink);
  }

  /** Joins the parts, and is ready to run: {@link join} and {@link begin}. */
  connect(
    hypervisor: Hypervisor,
    parent: QueuedWork,
    restarter?: Restarter,
    scheduling: Scheduling = {},
  ): void {
    this.join(hypervisor, parent, restarter, scheduling);
    this.begin();
  }

  /** Joins the parts; every virtual processor of the hypervisor gets a lane of its own. */
  join(
    hypervisor: Hypervisor,
    parent: QueuedWork,
    restarter: Restarter | undefined,
    scheduling: Scheduling,
  ): void {
    this.hypervisor = hypervisor;
    this.restarter = restarter;
    this.parent = parent;
    for (const partition of hypervisor.partitions) {
      for (const processor of partition.processors) {
        const lane = new Lane(processor, partition.time);
        this.lanes.push(lane);
        this.laneOf.set(processor, lane);
        const name = `preemption of processor ${processor.index} of partition ${partition.id}`;
        const onDue = (): void => {
          if (processor.expirePreemptionTimer()) this.wake(processor);
        };
        this.preemptionTimers.set(lane, partition.time.createTimer(name, onDue));
      }
    }
    if (!this.shareProcessors(scheduling)) this.makeRounds(hypervisor.partitions);
    this.schedule = new GuestSchedule(this.rounds);
  }

  /** Every guest has rounds of its own. */
  private makeRounds(partitions: readonly Partition[]): void {
    const observer: LaneObserver = {
      didBegin: (lane) => {
        lane.runningSince = lane.runNs;
        const logical = this.lanes.indexOf(lane);
        this.traceSwitch(lane, { logical, begins: true, ranNs: 0, reason: 'runnable' });
      },
      didEnd: (lane) => {
        const logical = this.lanes.indexOf(lane);
        const ranNs = lane.runNs - lane.runningSince;
        this.traceSwitch(lane, { logical, begins: false, ranNs, reason: lane.reasonNotToRun });
      },
    };
    this.rounds = partitions.map(({ id, processors, time }) => {
      const lanes = processors.map((processor) => this.laneFor(processor));
      const rounds = new LaneSchedule(lanes, this.timers.timersOf(id), time);
      rounds.observer = observer;
      this.roundsOf.set(id, rounds);
      return rounds;
    });
  }

  private observeSharing(): ScheduleObserver {
    const laneOf = (processor: ScheduledProcessor): Lane =>
      present(
        this.lanes.find((lane) => lane === processor),
        'lane of the processor',
      );
    return {
      didBegin: (processor, logical) =>
        this.traceSwitch(laneOf(processor), {
          logical,
          begins: true,
          ranNs: 0,
          reason: 'runnable',
        }),
      didEnd: (processor, logical, ranNs, why) => {
        const lane = laneOf(processor);
        const reason = why === 'not runnable' ? lane.reasonNotToRun : why;
        this.traceSwitch(lane, { logical, begins: false, ranNs, reason });
      },
    };
  }

  private traceSwitch(lane: Lane, change: LaneSwitch): void {
    this.trace.offer('schedule-switch', () => {
      const { partition, processor } = addressOf(lane);
      const ofPartition = this.lanes.filter((other) => other.processor.partitionId === partition);
      return {
        kind: 'schedule-switch',
        partition,
        processor,
        logicalProcessor: change.logical,
        begins: change.begins,
        reason: change.reason,
        atNs: lane.timeNs,
        ranNs: change.ranNs,
        partitionRunNs: ofPartition.reduce((sum, { runNs }) => sum + runNs, 0),
      };
    });
  }

  yieldTurn(processor: VirtualProcessor): void {
    if (this.scheduler === undefined) return;
    this.scheduler.yieldTurn(this.laneFor(processor));
    this.endRounds();
  }

  /** Does what is due before the first step. */
  begin(): void {
    this.workForGuests();
    this.settleAll();
  }

  /** Steps taken since the start. */
  get position(): number {
    return this.steps;
  }

  /** Something was due before a moment that all that can run have reached: never between steps. */
  get hasMissedTimers(): boolean {
    return this.rounds.some(
      ({ earliestNs, timers }) => earliestNs !== Infinity && timers.nextDueNs < earliestNs,
    );
  }

  /** Virtual time of the lane that is furthest ahead, in nanoseconds. */
  get latestTimeNs(): number {
    return this.lanes.reduce((latest, lane) => Math.max(latest, lane.timeNs), 0);
  }

  get intercepts(): InterceptSink {
    return present(this.parent, 'parent partition');
  }

  timeNs(): number {
    return this.active === undefined ? this.timeBetweenTurns() : this.active.timeNs;
  }

  /** Apart from {@link timeNs}, which every event asks and which so stays short. */
  private timeBetweenTurns(): number {
    return this.momentNs ?? this.latestTimeNs;
  }

  charge(work: ChargedWork): void {
    if (this.active === undefined) return;
    const { hypercallNs, interceptRoundTripNs } = this.costs;
    this.active.spend(work === 'hypercall' ? hypercallNs : interceptRoundTripNs);
  }

  wake(processor: VirtualProcessor): void {
    const lane = this.laneFor(processor);
    if (lane === this.active) return;
    lane.reach(this.timeNs());
    this.endRoundOf(processor.partitionId);
  }

  resume(partition: number, missedNs: number): void {
    const rounds = present(this.roundsOf.get(partition), 'rounds of the guest');
    for (const lane of rounds.lanes) {
      if (lane.processor.partitionId === partition) lane.timeNs += missedNs;
    }
    if (this.scheduler !== undefined) return;
    rounds.resume(missedNs);
    this.keptRounds = rounds;
  }

  /** Lanes that can run now get their turn in a new round. */
  private endRoundOf(partition: number): void {
    present(this.roundsOf.get(partition), 'rounds of the guest').endRound();
    this.schedule.endTurn();
  }

  private endRounds(): void {
    for (const rounds of this.rounds) rounds.endRound();
    this.schedule.endTurn();
  }

  /** Runs until the request's limit or the first reason to stop. */
  run(request: RunRequest): RunOutcome {
    this.trace.lookOutFor(request.stopAtTrace);
    const outcome = this.runObserved(request);
    this.trace.lookOutFor(undefined);
    return outcome;
  }

  private runObserved(request: RunRequest): RunOutcome {
    const start = this.steps;
    for (;;) {
      const left = request.maxSteps - (this.steps - start);
      if (left <= 0) return { stop: { kind: 'budget' }, steps: this.steps - start };
      const stop = this.takeTurn(request, left);
      this.settleAll();
      const reason = stop ?? this.takeCaught() ?? this.takeEnd();
      if (reason !== undefined) return { stop: reason, steps: this.steps - start };
    }
  }

  private takeTurn(request: RunRequest, left: number): RunStop | undefined {
    const rounds = this.schedule.next;
    if (rounds === undefined) return this.idleStop();
    const lane = rounds.next;
    return lane === undefined
      ? this.passIdleTime(rounds, request)
      : this.advance(rounds, lane, request, left);
  }

  /**
   * Nobody is asked where every processor has a logical one to itself, and may use all of it. Where they have to share,
   * the guests take part in the same rounds.
   * @returns whether they share
   */
  private shareProcessors({ logicalProcessors = Infinity, shareOf }: Scheduling): boolean {
    const shares = this.lanes.map(({ processor }) => shareOf?.(processor) ?? defaultShare);
    const isShared = logicalProcessors < this.lanes.length;
    if (!isShared && shares.every(({ cap }) => cap === 100)) return false;
    const count = Math.min(logicalProcessors, this.lanes.length);
    const { timers, lanes } = this;
    const rounds = new LaneSchedule(lanes, timers);
    this.rounds = [rounds];
    for (const { processor } of lanes) this.roundsOf.set(processor.partitionId, rounds);
    const observer = this.observeSharing();
    this.scheduler = new ProcessorScheduler(
      lanes,
      shares,
      count,
      timers,
      () => this.endRounds(),
      observer,
    );
    rounds.scheduler = this.scheduler;
    return true;
  }

  /** A guest's disk takes no more writes: the machine stops after the step that did one. */
  noteFullDisk(partition: number, path: string): void {
    this.fullDisks.push({ kind: 'disk-full', at: { partition, processor: 0 }, path });
  }

  /** Counts an accepted input as a step; lanes that it woke get their turn in a new round. */
  countInput(): void {
    this.steps++;
    for (const rounds of this.rounds) {
      if (rounds !== this.keptRounds && !rounds.isStopped) rounds.endRound();
    }
    this.keptRounds = undefined;
    this.schedule.endTurn();
    this.workForGuests();
    this.settleAll();
  }

  /** Where the processors of a guest stand, in its own time. */
  timesOf({ processors }: Partition): readonly number[] {
    return processors.map((processor) => this.laneFor(processor).partitionTimeNs);
  }

  /** The guest's rounds, where no other takes part in them. */
  private ownRounds({ id, processors }: Partition): LaneSchedule | undefined {
    const rounds = present(this.roundsOf.get(id), 'rounds of the guest');
    return rounds.lanes.length === processors.length ? rounds : undefined;
  }

  /** The round that is under way, in the guest's own time; nothing where others take part in it. */
  roundOf(partition: Partition): readonly number[] {
    return this.ownRounds(partition)?.roundAt(partition.time.offsetNs) ?? [];
  }

  /**
   * A guest that was made again goes on: where its processors stood in its own time, or at the present moment.
   * @param round what {@link roundOf} has said: a guest with rounds of its own goes on with it, as if never stopped
   */
  admit(partition: Partition, timesNs?: readonly number[], round: readonly number[] = []): void {
    const { processors, time } = partition;
    const nowNs = this.latestTimeNs;
    for (const processor of processors) {
      const lane = this.laneFor(processor);
      const ownNs = timesNs?.[processor.index];
      lane.timeNs = ownNs === undefined ? nowNs : ownNs + time.offsetNs;
      lane.runningSince = lane.runNs;
      this.scheduler?.admit(lane);
      if (!processor.isExitPending) continue;
      processor.exitIdentity = this.trace.takePlace();
      this.sink.recordExit(processor);
    }
    this.endRoundOf(partition.id);
    this.keptRounds = round.length > 0 ? this.ownRounds(partition) : undefined;
    this.keptRounds?.goOnWith(round, time.offsetNs);
  }

  private laneFor(processor: VirtualProcessor): Lane {
    return present(this.laneOf.get(processor), 'lane of the processor');
  }

  /** Guests with rounds of their own; 1 where they share logical processors. */
  get roundCount(): number {
    return this.rounds.length;
  }

  get state(): RunLoopState {
    return {
      position: this.steps,
      laneTimesNs: this.lanes.map((lane) => lane.timeNs),
      runningSinceNs: this.lanes.map((lane) => (lane.isRunning ? lane.runningSince : notRunning)),
      schedule: this.schedule.state,
      events: this.trace.state,
      scheduler: this.scheduler?.save(),
    };
  }

  set state(saved: RunLoopState) {
    assert(saved.laneTimesNs.length === this.lanes.length, 'a time for each lane');
    this.steps = saved.position;
    this.lanes.forEach((lane, index) => {
      lane.timeNs = present(saved.laneTimesNs[index], 'lane time');
      const since = present(saved.runningSinceNs[index], 'begin of a run');
      lane.isRunning = since !== notRunning;
      lane.runningSince = since;
    });
    this.schedule.state = saved.schedule;
    this.trace.state = saved.events;
    if (saved.scheduler !== undefined) {
      this.scheduler?.restore(new StateRecord(saved.scheduler, 'scheduler'));
    }
  }

  private settleAll(): void {
    for (const rounds of this.rounds) this.settle(rounds);
  }

  /**
   * Does what is due before the next step of a guest. Its timers run once every runnable lane has reached their moment,
   * earliest first; where no lane is runnable, {@link passIdleTime} takes the guest to the next one.
   */
  private settle(rounds: LaneSchedule): void {
    while (rounds.next === undefined) {
      const { earliestNs } = rounds;
      if (earliestNs === Infinity) return;
      rounds.timers.putOff(earliestNs - limits.missedTimersNs);
      if (rounds.timers.nextDueNs <= earliestNs) this.runTimers(rounds);
      else rounds.beginRound();
    }
  }

  private runTimers({ timers }: LaneSchedule): void {
    const moment = timers.nextDueNs;
    this.momentNs = moment;
    timers.runDue(moment);
    this.workForGuests();
    this.momentNs = undefined;
  }

  /** What interrupts and messages ask for, until nothing is left to do. */
  private workForGuests(): void {
    const hypervisor = present(this.hypervisor, 'hypervisor');
    const parent = present(this.parent, 'parent partition');
    for (;;) {
      do parent.runQueuedWork();
      while (hypervisor.deliverInterrupts());
      const reset = hypervisor.takeReset();
      if (reset === undefined) return;
      this.restart(reset);
    }
  }

  /** Every processor of the guest goes on from the present moment, as far as it runs. */
  private restart(partition: Partition): void {
    present(this.restarter, 'restarter')(partition);
    const timeNs = this.timeNs();
    for (const processor of partition.processors) {
      this.laneFor(processor).reach(timeNs);
    }
    this.endRoundOf(partition.id);
    this.restarted.push(partition.id);
  }

  /** One step, an idle jump: the clocks of waiting lanes move to the next moment at which something of them is due. */
  private passIdleTime(
    rounds: LaneSchedule,
    { maxTimeNs = Infinity }: RunRequest,
  ): RunStop | undefined {
    const { nextDueNs } = rounds.timers;
    if (nextDueNs > maxTimeNs) return { kind: 'time', nextNs: nextDueNs };
    this.steps++;
    for (const lane of rounds.lanes) {
      if (lane.isWaiting) lane.timeNs = Math.max(lane.timeNs, nextDueNs);
    }
    this.runTimers(rounds);
    return undefined;
  }

  /** Turns of a lane for as long as nothing else comes first. An exit that a turn ends with is handled in the next one. */
  private advance(
    rounds: LaneSchedule,
    lane: Lane,
    request: RunRequest,
    left: number,
  ): RunStop | undefined {
    const { maxTimeNs = Infinity } = request;
    if (lane.timeNs >= maxTimeNs) return { kind: 'time', nextNs: lane.timeNs };
    const end = this.steps + left;
    const untilNs = Math.min(maxTimeNs, this.schedule.turnEndNs);
    let stop: RunStop | undefined;
    this.active = lane;
    do {
      const before = this.steps;
      if (lane.processor.isExitPending) stop = this.handleExit(lane);
      else {
        const ns = Math.min(untilNs - lane.timeNs, rounds.stepsToHorizon(lane));
        stop = this.runProcessor(lane, request, Math.min(end - before, ns));
      }
      stop ??= this.noteProgress(lane, this.steps - before);
    } while (
      stop === undefined &&
      this.steps < end &&
      lane.timeNs < maxTimeNs &&
      rounds.givesAgain(lane) &&
      this.schedule.isTurnOf(rounds, lane.timeNs) &&
      !this.hasReasonToStop
    );
    this.active = undefined;
    return stop;
  }

  private noteProgress(lane: Lane, steps: number): RunStop | undefined {
    const stuck = lane.noteSteps(steps);
    return stuck === undefined
      ? undefined
      : { kind: 'no-progress', at: addressOf(lane), steps: stuck };
  }

  private count(lane: Lane, steps: number): void {
    this.steps += steps;
    lane.spend(steps);
  }

  private runProcessor(lane: Lane, request: RunRequest, left: number): RunStop | undefined {
    const { processor } = lane;
    const failure = present(this.hypervisor, 'hypervisor').failedEntry(processor);
    if (failure !== undefined) {
      this.count(lane, 1);
      if (failure.ends === 'exit') return this.recordExit(lane, request);
      return { kind: 'entry-failed', at: addressOf(lane), problem: describeEntryFailure(failure) };
    }
    const budget = Math.min(left, limits.stepsPerCall);
    const { stop, steps } = processor.core.run(budget, lane.partitionTimeNs);
    this.count(lane, steps);
    if (stop.kind === 'vm-exit') return this.recordExit(lane, request);
    if (!lane.isRunnable) this.awaitPreemption(lane);
    return this.judge(lane, stop, request);
  }

  /** A processor that has halted without a VM exit may be one that exits by itself after a time. */
  private awaitPreemption(lane: Lane): void {
    const { restsUntilNs } = lane.processor.core;
    if (restsUntilNs !== Infinity) this.preemptionTimers.get(lane)?.setDue(restsUntilNs);
  }

  private judge(lane: Lane, stop: ProcessorPause, request: RunRequest): RunStop | undefined {
    if (stop.kind === 'budget') return undefined;
    const at = addressOf(lane);
    const { processor } = lane;
    switch (stop.kind) {
      case 'event': {
        const { vector } = stop;
        const place = this.trace.takePlace();
        this.sink.recordDelivery(place, at, stop);
        const stops = request.stopAtEvent?.(stop, at, place) ?? false;
        return stops ? { kind: 'event', at, vector } : undefined;
      }
      case 'breakpoint':
        return { kind: 'breakpoint', at, address: processor.state.rip };
      case 'inactive':
        assert(!lane.isRunnable, 'an inactive processor is halted or shut down');
        return undefined;
      case 'unimplemented':
        return { kind: 'unimplemented', at, bytes: stop.bytes, text: stop.text };
      case 'frames-exhausted':
        return { kind: 'frames-exhausted', at };
      default:
        return unreachable(stop);
    }
  }

  private recordExit(lane: Lane, request: RunRequest): RunStop | undefined {
    const { processor } = lane;
    processor.recordExit(this.trace.takePlace());
    this.sink.recordExit(processor);
    if (request.stopAtExit === undefined) return undefined;
    const exit = present(processor.pendingExit, 'recorded exit');
    return request.stopAtExit(exit) ? { kind: 'exit', at: addressOf(lane), exit } : undefined;
  }

  /** One step: the hypervisor's handling, the parent's answer, and the way back into the guest. */
  private handleExit(lane: Lane): RunStop | undefined {
    const hypervisor = present(this.hypervisor, 'hypervisor');
    this.count(lane, 1);
    const outcome = hypervisor.handleExit(lane.processor);
    this.workForGuests();
    lane.spend(this.costs.exitNs);
    return outcome.kind === 'resume' || outcome.kind === 'awaits-parent'
      ? undefined
      : this.stopAfterExit(lane, outcome);
  }

  private stopAfterExit(
    lane: Lane,
    outcome: Exclude<HandledExit, { readonly kind: 'resume' | 'awaits-parent' }>,
  ): RunStop | undefined {
    const at = addressOf(lane);
    switch (outcome.kind) {
      case 'triple-fault':
        return { kind: 'triple-fault', at };
      case 'guest-crash':
        return { kind: 'guest-crash', at, ...outcome.report };
      case 'access-refused': {
        const { kind, gpaPage, message } = outcome;
        return { kind, at, gpaPage, message };
      }
      case 'unhandled': {
        const exit = lane.processor.describeExit(lane.processor.lastExitIdentity);
        return { kind: 'unhandled-exit', at, exit, message: outcome.message };
      }
      default:
        return unreachable(outcome);
    }
  }

  /** {@link takeCaught} or {@link takeEnd} has something. */
  private get hasReasonToStop(): boolean {
    return (
      this.trace.hasCaught ||
      this.fullDisks.length + this.restarted.length > 0 ||
      this.hypervisor?.hasEnd === true
    );
  }

  private takeCaught(): RunStop | undefined {
    const event = this.trace.takeCaught();
    if (event === undefined) return undefined;
    const { partition, processor } = event;
    return { kind: 'trace', at: { partition, processor }, event };
  }

  /** The end of a guest, its new beginning, or a disk that is full, told once when it happens. */
  private takeEnd(): RunStop | undefined {
    if (this.fullDisks.length > 0) return this.fullDisks.shift();
    if (this.restarted.length > 0) {
      const partition = present(this.restarted.shift(), 'restarted partition');
      return { kind: 'guest-restart', at: { partition, processor: 0 } };
    }
    const ended = this.hypervisor?.takeEnd();
    return ended === undefined ? undefined : this.endOf({ partition: ended.id, processor: 0 });
  }

  private endOf(at: ProcessorAddress): RunStop | undefined {
    const { end } = present(this.hypervisor, 'hypervisor').partition(at.partition);
    if (end === undefined) return undefined;
    if (end.kind === 'exit') return { kind: 'guest-exit', at, code: end.code };
    return { kind: end.kind === 'reset' ? 'guest-reset' : 'guest-deleted', at };
  }

  /**
   * Nothing can run: says why a guest rests that could still go on, and only where every guest has ended, how the
   * first one did. Within a guest it is the first processor that did not merely halt that tells.
   */
  private idleStop(): RunStop {
    const { partitions } = present(this.hypervisor, 'hypervisor');
    const rests = partitions.map((partition) => this.restOf(partition));
    const goesOn: readonly RunStop['kind'][] = ['parent-paused', 'guest-paused', 'halted'];
    const live = rests.find(({ kind }) => goesOn.includes(kind));
    return live ?? present(rests[0], 'guest partition');
  }

  private restOf({ id, processors }: Partition): RunStop {
    const ended = this.endOf({ partition: id, processor: 0 });
    if (ended !== undefined) return ended;
    for (const { index, runState, isSuspended } of processors) {
      const at = { partition: id, processor: index };
      if (runState === 'shutdown') return { kind: 'triple-fault', at };
      if (isSuspended) return { kind: 'guest-paused', at };
      if (runState === 'suspended') return { kind: 'parent-paused', at };
    }
    return { kind: 'halted', at: { partition: id, processor: 0 } };
  }
}

function addressOf({ processor }: Lane): ProcessorAddress {
  return { partition: processor.partitionId, processor: processor.index };
}
