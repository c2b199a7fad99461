/** A lane: a logical processor with its own virtual time, which runs one virtual processor. */
import type { VirtualProcessor } from '../hypervisor/virtual-processor';
import { limits } from './limits';

const rcx = 1;

export class Lane {
  /** Virtual time in nanoseconds. */
  timeNs = 0;

  private lastRetired = 0;
  private lastCount = 0n;
  private stepsWithoutProgress = 0;

  constructor(readonly processor: VirtualProcessor) {}

  get isRunnable(): boolean {
    return this.processor.runState === 'active';
  }

  /** Waits for an interrupt: its time goes on when nothing else runs. */
  get isWaiting(): boolean {
    return this.processor.runState === 'halted';
  }

  /**
   * Notes steps that were taken. Progress is a retired instruction, or a change of RCX as in a REP instruction. What is
   * counted here depends on how a run was cut into calls, so it is not machine state: it only decides when to stop.
   * @returns the steps without progress, once they are too many; counting then starts anew
   */
  noteSteps(steps: number): number | undefined {
    const { retired, state } = this.processor;
    const count = state.gpr(rcx);
    if (retired !== this.lastRetired || count !== this.lastCount) {
      this.lastRetired = retired;
      this.lastCount = count;
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
