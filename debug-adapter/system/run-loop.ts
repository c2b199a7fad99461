/** The run loop: gives lanes their turns, hands exits to the hypervisor and its messages to the parent. */
import type { ExitOutcome } from '../hypervisor/exits/exit-handler';
import type { Hypervisor } from '../hypervisor/hypervisor';
import type { ChargedWork, HypervisorServices } from '../hypervisor/services';
import type { ProcessorStop } from '../machine/processor';
import type { InterceptSink } from '../machine/intercepts';
import { assert, present, unreachable } from '../support/assert';
import { EventOrder, type EventOrderState, type EventPlace } from './event-order';
import { Lane } from './lane';
import { LaneSchedule, type LaneScheduleState } from './lane-schedule';
import { limits } from './limits';
import type { ProcessorAddress, RunOutcome, RunRequest, RunStop } from './run-types';
import type { ExitSink } from './trace-log';
import type { VirtualTimeCosts } from './virtual-time-costs';

/** The parent as the run loop sees it. */
export interface QueuedWork extends InterceptSink {
  runQueuedWork(): void;
}

/** The saved part of the run loop. */
export interface RunLoopState {
  readonly position: number;
  readonly laneTimesNs: readonly number[];
  readonly schedule: LaneScheduleState;
  readonly events: EventOrderState;
}

export class RunLoop implements HypervisorServices {
  readonly trace: EventOrder;
  private readonly lanes: Lane[] = [];
  private readonly schedule = new LaneSchedule(this.lanes);
  private steps = 0;
  private active: Lane | undefined;
  private hypervisor: Hypervisor | undefined;
  private parent: QueuedWork | undefined;

  constructor(
    private readonly costs: VirtualTimeCosts,
    private readonly sink: ExitSink,
  ) {
    this.trace = new EventOrder(
      () => ({ position: this.steps, timeNs: this.active?.timeNs ?? this.latestTimeNs }),
      sink,
    );
  }

  /** Joins the parts; every virtual processor of the hypervisor gets a lane of its own. */
  connect(hypervisor: Hypervisor, parent: QueuedWork): void {
    this.hypervisor = hypervisor;
    this.parent = parent;
    for (const partition of hypervisor.partitions) {
      for (const processor of partition.processors) this.lanes.push(new Lane(processor));
    }
  }

  /** Steps taken since the start. */
  get position(): number {
    return this.steps;
  }

  /** Virtual time of the lane that is furthest ahead, in nanoseconds. */
  get latestTimeNs(): number {
    return this.lanes.reduce((latest, lane) => Math.max(latest, lane.timeNs), 0);
  }

  get intercepts(): InterceptSink {
    return present(this.parent, 'parent partition');
  }

  timeNs(): number {
    return present(this.active, 'lane whose exit is handled').timeNs;
  }

  charge(work: ChargedWork): void {
    const { hypercallNs, interceptRoundTripNs } = this.costs;
    const cost = { hypercall: hypercallNs, intercept: interceptRoundTripNs }[work];
    present(this.active, 'lane whose exit is handled').timeNs += cost;
  }

  /** Runs until the request's limit or the first reason to stop. */
  run(request: RunRequest): RunOutcome {
    const start = this.steps;
    for (;;) {
      const left = request.maxSteps - (this.steps - start);
      if (left <= 0) return { stop: { kind: 'budget' }, steps: this.steps - start };
      const lane = this.schedule.next();
      const stop = lane === undefined ? this.idleStop() : this.advance(lane, request, left);
      if (stop !== undefined) return { stop, steps: this.steps - start };
    }
  }

  /** Counts an accepted input as a step; lanes that it woke get their turn in a new round. */
  countInput(): void {
    this.steps++;
    this.schedule.endRound();
  }

  get state(): RunLoopState {
    return {
      position: this.steps,
      laneTimesNs: this.lanes.map((lane) => lane.timeNs),
      schedule: this.schedule.state,
      events: this.trace.state,
    };
  }

  set state(saved: RunLoopState) {
    assert(saved.laneTimesNs.length === this.lanes.length, 'a time for each lane');
    this.steps = saved.position;
    this.lanes.forEach((lane, index) => {
      lane.timeNs = present(saved.laneTimesNs[index], 'lane time');
    });
    this.schedule.state = saved.schedule;
    this.trace.state = saved.events;
  }

  private advance(lane: Lane, request: RunRequest, left: number): RunStop | undefined {
    const before = this.steps;
    this.active = lane;
    const stop = lane.processor.isExitPending
      ? this.handleExit(lane)
      : this.runProcessor(lane, request, left);
    this.active = undefined;
    if (stop !== undefined) return stop;
    const stuck = lane.noteSteps(this.steps - before);
    return stuck === undefined
      ? undefined
      : { kind: 'no-progress', at: addressOf(lane), steps: stuck };
  }

  private count(lane: Lane, steps: number): void {
    this.steps += steps;
    lane.timeNs += steps;
  }

  private runProcessor(lane: Lane, request: RunRequest, left: number): RunStop | undefined {
    const { processor } = lane;
    if (present(this.hypervisor, 'hypervisor').refusesEntry(processor)) {
      this.count(lane, 1);
      return this.recordExit(lane, request);
    }
    const budget = Math.min(left, limits.stepsPerCall, this.schedule.stepsToHorizon(lane));
    const { stop, steps } = processor.core.run(budget, lane.timeNs);
    this.count(lane, steps);
    return this.judge(lane, stop, request);
  }

  private judge(lane: Lane, stop: ProcessorStop, request: RunRequest): RunStop | undefined {
    const at = addressOf(lane);
    const { processor } = lane;
    switch (stop.kind) {
      case 'budget':
        return undefined;
      case 'vm-exit':
        return this.recordExit(lane, request);
      case 'event': {
        const { vector, errorCode, returnRip } = stop;
        this.trace.emit({ kind: 'event', ...at, vector, errorCode, rip: returnRip });
        const stops = request.stopAtEvent?.(vector, at.partition, at.processor) ?? false;
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
    const place = present(lane.processor.exitIdentity, 'place of the recorded exit');
    this.count(lane, 1);
    const outcome = hypervisor.handleExit(lane.processor);
    present(this.parent, 'parent partition').runQueuedWork();
    assert(hypervisor.isQuiet, 'the parent has answered every message');
    lane.timeNs += this.costs.exitNs;
    return this.stopAfterExit(lane, outcome, place);
  }

  private stopAfterExit(lane: Lane, outcome: ExitOutcome, place: EventPlace): RunStop | undefined {
    const at = addressOf(lane);
    switch (outcome.kind) {
      case 'resume':
        return undefined;
      case 'awaits-parent':
        return this.endOf(at);
      case 'triple-fault':
        return { kind: 'triple-fault', at };
      case 'unhandled': {
        const exit = lane.processor.describeExit(place);
        return { kind: 'unhandled-exit', at, exit, message: outcome.message };
      }
      default:
        return unreachable(outcome);
    }
  }

  private endOf(at: ProcessorAddress): RunStop | undefined {
    const code = present(this.hypervisor, 'hypervisor').partition(at.partition).exitCode;
    return code === undefined ? undefined : { kind: 'guest-exit', at, code };
  }

  /** Nothing can run: says again what ended the first lane that did not merely halt. */
  private idleStop(): RunStop {
    for (const lane of this.lanes) {
      const at = addressOf(lane);
      const ended = this.endOf(at);
      if (ended !== undefined) return ended;
      if (lane.processor.runState === 'shutdown') return { kind: 'triple-fault', at };
    }
    return { kind: 'halted', at: addressOf(present(this.lanes[0], 'lane')) };
  }
}

function addressOf({ processor }: Lane): ProcessorAddress {
  return { partition: processor.partitionId, processor: processor.index };
}
