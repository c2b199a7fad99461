/** A lane: a virtual processor with its own virtual time, on a logical processor of its own unless it has to share. */
import type { VirtualProcessor } from '../hypervisor/virtual-processor';
import { stateOffsets } from '../machine/processor-state';
import type { PartitionTime } from '../machine/partition-time';
import { limits } from './limits';

const rcx = stateOffsets.gpr + 1 * 8;

export class Lane {
  /** Virtual time in nanoseconds. */
  timeNs = 0;
  /** It is on a logical processor: always, unless a scheduler says otherwise. */
  hasTurn = true;
  /** It ran when the last round began, on a logical processor of its own; with its run time when that began. */
  isRunning = false;
  runningSince = 0;

  private lastRetired = 0;
  private lastCountLow = 0;
  private lastCountHigh = 0;
  private stepsWithoutProgress = 0;

  /** @param time of its partition, which may be behind the machine's */
  constructor(
    readonly processor: VirtualProcessor,
    private readonly time: PartitionTime,
  ) {}

  /** What the clocks of its partition say where it stands. */
  get partitionTimeNs(): number {
    return this.timeNs - this.time.offsetNs;
  }

  get isRunnable(): boolean {
    return this.processor.isRunnable;
  }

  /** Why the processor is not runnable. */
  get reasonNotToRun(): 'halted' | 'waits for the parent' | 'suspended' | 'ended' {
    const { runState, isSuspended } = this.processor;
    if (runState === 'shutdown') return 'ended';
    if (runState === 'halted') return 'halted';
    return isSuspended ? 'suspended' : 'waits for the parent';
  }

  /** Time for which the processor has run. */
  get runNs(): number {
    return this.processor.runNs;
  }

  /** Its processor has run for `ns` more. */
  spend(ns: number): void {
    this.timeNs += ns;
    this.processor.runNs += ns;
  }

  /** Something happens to its processor at a moment of the machine's time. */
  reach(machineNs: number): void {
    this.timeNs = Math.max(this.timeNs, this.time.reachedAt(machineNs));
  }

  /** Waits for an interrupt or for the scheduler: its time goes on when nothing else runs. */
  get isWaiting(): boolean {
    if (this.time.isStopped) return false;
    const { runState } = this.processor;
    return runState === 'halted' || (runState === 'active' && !this.hasTurn);
  }

  /**
   * Notes steps that were taken. Progress is a retired instruction, or a change of RCX as in a REP instruction. What is
   * counted here depends on how a run was cut into calls, so it is not machine state: it only decides when to stop.
   * @returns the steps without progress, once they are too many; counting then starts anew
   */
  noteSteps(steps: number): number | undefined {
    const { state } = this.processor;
    // The low half tells as well: nobody retires 2^32 instructions within a call.
    const retired = state.readU32(stateOffsets.retired);
    const countLow = state.readU32(rcx);
    const countHigh = state.readHigh(rcx);
    const isSameCount = countLow === this.lastCountLow && countHigh === this.lastCountHigh;
    if (retired !== this.lastRetired || !isSameCount) {
      this.lastRetired = retired;
      this.lastCountLow = countLow;
      this.lastCountHigh = countHigh;
      this.stepsWithoutProgress = 0;
      return undefined;
    }
    this.stepsWithoutProgress += steps;
    if (this.stepsWithoutProgress < limits.stepsWithoutProgress) return undefined;
    const taken = this.stepsWithoutProgress;
    this.stepsWithoutProgress = 0;
    return taken;
  }
}
