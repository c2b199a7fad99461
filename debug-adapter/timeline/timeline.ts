/** A machine with its past: records inputs and checkpoints as it runs, and goes to any position it has been at. */
import type { HostInput, RecordedInput } from '../machine/host-input';
import type { InspectedPart } from '../machine/inspect';
import { InvariantError, present } from '../support/assert';
import { UserError } from '../support/user-error';
import { limits } from '../system/limits';
import type { MachineCheckpoint } from '../system/machine-checkpoint';
import type { PhysicalMachine } from '../system/physical-machine';
import type { ProcessorAddress, RunOutcome, RunRequest } from '../system/run-types';
import { CheckpointStore, type CheckpointLimits } from './checkpoint-store';

/** What a timeline may be told; all of it changes only how fast travelling is. */
export interface TimelineOptions {
  /** Steps between checkpoints; Infinity for none but the first. */
  readonly interval?: number;
  readonly limits?: CheckpointLimits;
  /** False where nobody goes back: not even the beginning is kept, which copies all that a guest was loaded with. */
  readonly keepsPast?: boolean;
}

/** A future that was left by an input in its past; kept, so that nothing is lost. */
export interface Branch {
  readonly name: string;
  /** Where the new future began. */
  readonly forkPosition: number;
  /** How far the machine had come. */
  readonly endPosition: number;
  /** All inputs up to its end. */
  readonly inputs: readonly RecordedInput[];
}

/** Work on the way to a position that may take long; each `next` takes a few milliseconds at most. */
export type Travel<Result = void> = Generator<void, Result, void>;

/** Steps between two checks whether travelling is to go on. */
const stepsPerTurn = 100_000;
const intervalDefault = 2_000_000;
/** The closest to each other that checkpoints on the way to a position are; farther back by powers of four. */
const nearestSpacing = 20_000;

export class Timeline {
  private readonly store: CheckpointStore;
  private interval: number;
  /** Every input of this branch, also those that lie ahead of a machine that is in the past. */
  private log: RecordedInput[];
  private end: number;
  private left: Branch[] = [];
  private branchCount = 0;
  /** The position at which {@link passCheckpoint} has nothing left to do. */
  private passedAt = -1;

  constructor(
    readonly machine: PhysicalMachine,
    options: TimelineOptions = {},
  ) {
    const { checkpoints, checkpointBytes: bytes } = limits;
    this.store = new CheckpointStore(
      options.limits ?? { checkpoints, bytes },
      () => machine.disks.checkpointBytes,
    );
    this.interval = options.interval ?? intervalDefault;
    this.log = [...machine.inputs];
    this.end = machine.position;
    if (options.keepsPast !== false) this.keepCheckpoint();
  }

  get position(): number {
    return this.machine.position;
  }

  get timeNs(): number {
    return this.machine.timeNs;
  }

  get guests(): PhysicalMachine['guests'] {
    return this.machine.guests;
  }

  get trace(): PhysicalMachine['trace'] {
    return this.machine.trace;
  }

  /** The farthest position of this branch. */
  get endPosition(): number {
    return this.end;
  }

  /** True where running repeats what has been. */
  get isInPast(): boolean {
    return this.position < this.end;
  }

  /** The first position that can be gone to. */
  get startPosition(): number {
    return this.store.positions[0] ?? this.position;
  }

  /** Positions of the kept checkpoints, ascending. */
  get checkpointPositions(): readonly number[] {
    return this.store.positions;
  }

  /** Bytes of the pages of memories and disks that checkpoints hold. */
  get checkpointBytes(): number {
    return this.store.sizeBytes;
  }

  /** Futures that were left, oldest first. */
  get branches(): readonly Branch[] {
    return this.left;
  }

  /** Steps between checkpoints from here on. */
  set checkpointInterval(steps: number) {
    this.interval = steps;
  }

  readMsr(partition: number, processor: number, number: number): bigint | undefined {
    return this.machine.readMsr(partition, processor, number);
  }

  inspectProcessor(partition: number, processor: number): readonly InspectedPart[] {
    return this.machine.inspectProcessor(partition, processor);
  }

  get isParentPaused(): boolean {
    return this.machine.isParentPaused;
  }

  inspectDevices(partition: number): readonly InspectedPart[] {
    return this.machine.inspectDevices(partition);
  }

  stateHash(): string {
    return this.machine.stateHash();
  }

  /**
   * Runs as the machine does. In the past the recorded inputs are accepted at their positions, and the machine is
   * compared with every checkpoint that it passes.
   * @throws InvariantError where the past does not repeat itself
   */
  run(request: RunRequest): RunOutcome {
    let steps = 0;
    for (;;) {
      const left = request.maxSteps - steps;
      if (left <= 0) return { stop: { kind: 'budget' }, steps };
      if (this.repeatInput()) {
        steps++;
        continue;
      }
      this.passCheckpoint();
      const maxSteps = Math.min(left, this.stepsUndisturbed());
      const outcome = this.machine.run({ ...request, maxSteps });
      steps += outcome.steps;
      this.end = Math.max(this.end, this.position);
      if (outcome.stop.kind !== 'budget') return { stop: outcome.stop, steps };
    }
  }

  /** Takes one step, past breakpoints. @returns false where the machine cannot */
  step(): boolean {
    for (;;) {
      const { stop, steps } = this.run({ maxSteps: 1 });
      if (steps > 0) return true;
      if (stop.kind !== 'breakpoint') return false;
      this.passBreakpoint(stop.at);
    }
  }

  /**
   * Records an input and applies it. In the past it begins a new future; the one that was known is kept as a branch.
   * @returns the branch that was left, if one was
   * @throws UserError, with nothing changed, where the input is impossible
   */
  accept(input: HostInput): Branch | undefined {
    const { position, trace } = this;
    const heard = trace.heardUntil;
    const isFork = this.isInPast;
    if (isFork) trace.hearFrom({ position, ordinal: Number.MAX_SAFE_INTEGER });
    try {
      this.machine.accept(input);
    } catch (problem) {
      trace.hearFrom(heard);
      throw problem;
    }
    const branch = isFork ? this.leaveFuture(position) : undefined;
    if (isFork) this.log = [...this.machine.inputs];
    else this.log.push(present(this.machine.inputs.at(-1), 'accepted input'));
    this.end = this.position;
    return branch;
  }

  /**
   * Goes to a position: back from a checkpoint, forward by running; beyond the end that is new. Reasons to stop are
   * passed. Given up half way, the machine stands in between.
   * @throws UserError `position-unreachable` where the machine ends or waits before it
   */
  *travelTo(target: number): Travel {
    if (!Number.isSafeInteger(target) || target < this.startPosition) {
      throw new UserError(
        'no-such-position',
        `There is no position ${target}; the first is ${this.startPosition}.`,
      );
    }
    if (target < this.position) this.keepCheckpointNearby();
    const nearest = this.store.atOrBefore(target);
    const isBehind = target < this.position;
    if (nearest !== undefined && (nearest.position > this.position || isBehind)) {
      this.restore(nearest);
    }
    yield* this.runTo(target, this.position);
  }

  /**
   * Searches the past from `limit` backwards, in the windows between checkpoints.
   * @param scan runs the machine from the beginning of a window to its end, or to `limit` in the first one, and
   * returns the last place it found; what happens exactly at the beginning belongs to the window before
   */
  *lastBefore<Found>(
    limit: number,
    scan: (end: number, isFirst: boolean) => Travel<Found | undefined>,
  ): Travel<Found | undefined> {
    this.keepCheckpointNearby();
    let end = limit;
    while (end > this.startPosition) {
      const start = present(this.store.atOrBefore(end - 1), 'checkpoint before a window');
      this.restore(start);
      const found = yield* scan(end, end === limit);
      if (found !== undefined) return found;
      end = start.position;
    }
    return undefined;
  }

  /** Runs forward, leaving checkpoints that make the surroundings of the target quick to reach. */
  private *runTo(target: number, start: number): Travel {
    let isStuck = false;
    while (this.position < target) {
      const spot = nextSpot(this.position, start, target);
      const maxSteps = Math.min(stepsPerTurn, spot - this.position);
      const { stop, steps } = this.run({ maxSteps });
      if (stop.kind === 'breakpoint') this.passBreakpoint(stop.at);
      if (this.position === spot && spot < target) this.keepCheckpoint();
      const advanced = steps > 0 || stop.kind === 'breakpoint';
      if (!advanced && isStuck) {
        throw new UserError(
          'position-unreachable',
          `The machine cannot reach position ${target}: it stays at ${this.position} (${stop.kind}).`,
        );
      }
      isStuck = steps === 0;
      yield;
    }
  }

  private passBreakpoint({ partition, processor }: ProcessorAddress): void {
    const guest = this.guests.find(({ id }) => id === partition);
    guest?.processors[processor]?.core.passBreakpointOnce();
  }

  /** Accepts the input that was recorded at this position, if one was. */
  private repeatInput(): boolean {
    const next = this.log[this.machine.inputs.length];
    if (next?.position !== this.position) return false;
    if (next.timeNs !== this.timeNs) {
      throw diverged(this.position, `virtual time ${this.timeNs} instead of ${next.timeNs}`);
    }
    this.machine.accept(next.input);
    return true;
  }

  /** Steps until an input, a checkpoint to compare with, or a checkpoint to be taken. */
  private stepsUndisturbed(): number {
    const { position } = this;
    const input = this.log[this.machine.inputs.length];
    const ahead = this.store.behind(position);
    const due = (this.store.atOrBefore(position)?.position ?? position) + this.interval;
    const next = Math.min(input?.position ?? Infinity, ahead?.position ?? Infinity, due);
    return Math.max(1, next - position);
  }

  /** Compares the machine with the checkpoint of this position, or takes one that is due. */
  private passCheckpoint(): void {
    const { position } = this;
    if (position === this.passedAt) return;
    this.passedAt = position;
    const last = this.store.atOrBefore(position);
    if (last?.position === position) {
      const difference = this.machine.compareWithCheckpoint(last);
      if (difference !== undefined) throw diverged(position, `${difference} differs`);
      return;
    }
    if (position - (last?.position ?? position) >= this.interval) this.keepCheckpoint();
  }

  private keepCheckpointNearby(): void {
    const last = this.store.atOrBefore(this.position);
    if (last === undefined || this.position - last.position > nearestSpacing) this.keepCheckpoint();
  }

  private keepCheckpoint(): void {
    const last = this.store.atOrBefore(this.position);
    if (last?.position === this.position) return;
    this.store.add(this.machine.takeCheckpoint(this.store.pages, last));
    this.passedAt = this.position;
  }

  private restore(checkpoint: MachineCheckpoint): void {
    this.machine.restoreCheckpoint(checkpoint, this.log.slice(0, checkpoint.inputCount));
    this.passedAt = checkpoint.position;
  }

  private leaveFuture(forkPosition: number): Branch {
    const name = `branch ${++this.branchCount}`;
    const branch = { name, forkPosition, endPosition: this.end, inputs: this.log };
    this.left = [...this.left, branch].slice(-limits.branches);
    this.store.dropBehind(forkPosition);
    this.passedAt = this.position;
    return branch;
  }
}

/** The next place for a checkpoint on the way to `target`: one nearest spacing before it, four before that, and so on. */
function nextSpot(position: number, start: number, target: number): number {
  let spot = target;
  for (let back = nearestSpacing; target - back > position; back *= 4) spot = target - back;
  return spot - start < nearestSpacing && spot < target ? nextSpot(spot, start, target) : spot;
}

function diverged(position: number, what: string): InvariantError {
  return new InvariantError(`replay diverged at position ${position}: ${what}`);
}
