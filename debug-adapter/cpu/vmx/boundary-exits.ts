/** VM exits between two instructions: trap-like ones, the preemption timer, and windows for events. */
import { stateOffsets } from '../../machine/processor-state';
import type { ProcessorContext } from '../processor-context';
import { vmcsOffsets } from '../vmcs-offsets';
import { openWindow, windowControls } from './event-windows';
import { stepsToPreemption, unloadPreemptionTimer, usesPreemptionTimer } from './preemption-timer';
import { exitReason, primaryControl } from './vm-exits';

const activityHlt = 1;
const boundaryControls = primaryControl.monitorTrapFlag | windowControls;

/** Controls do not change while the guest runs, so they are looked at once for each run. */
export class BoundaryExits {
  /** Each boundary exits: the monitor trap flag is set. */
  isTrapFlagged = false;
  /** No control makes the guest exit between two instructions. */
  isIdle = true;
  private isTimed = false;

  constructor(private readonly context: ProcessorContext) {}

  /** The guest is about to run. */
  begin(nowNs: number): void {
    const controls = this.context.state.readU32(vmcsOffsets.primaryControls);
    this.isTimed = usesPreemptionTimer(this.context, nowNs);
    this.isTrapFlagged = (controls & primaryControl.monitorTrapFlag) !== 0;
    this.isIdle = (controls & boundaryControls) === 0 && !this.isTimed;
  }

  /** A VM exit: what counts from VM entry on begins anew with the next one. */
  end(nowNs: number): void {
    const { state } = this.context;
    if (this.isTimed) unloadPreemptionTimer(this.context, nowNs);
    state.writeU32(stateOffsets.pauseSeen, 0);
    state.writeU32(stateOffsets.boundaryExit, 0);
    state.writeU32(stateOffsets.passedExit, 0);
  }

  /**
   * The monitor trap flag makes the boundary behind an instruction or a delivery exit (SDM vol. 3, 26.5.2). A processor
   * that has halted reaches no boundary until it is woken.
   */
  noteBoundary(): void {
    const { state } = this.context;
    if (!this.isTrapFlagged || state.readU32(vmcsOffsets.activityState) !== 0) return;
    if (state.readU32(stateOffsets.boundaryExit) !== 0) return;
    state.writeU32(stateOffsets.boundaryExit, exitReason.MONITOR_TRAP_FLAG);
  }

  /** Reason of a trap-like exit; 0 where there is none. */
  exitBeforeTraps(): number {
    return this.context.state.readU32(stateOffsets.boundaryExit);
  }

  /** Reason of an exit that comes behind debug traps and before the instruction at RIP. */
  exitBeforeInstruction(nowNs: number): number | undefined {
    if (this.isTimed && stepsToPreemption(this.context, nowNs) <= 0) {
      return exitReason.PREEMPTION_TIMER;
    }
    return openWindow(this.context);
  }

  /**
   * When the preemption timer makes a processor exit that is not active; Infinity where it does not. It counts in the
   * HLT state (SDM vol. 3, 26.5.1). In shutdown and before a start-up IPI only events from outside are met.
   */
  get restsUntilNs(): number {
    const { state } = this.context;
    const isHalted = state.readU32(vmcsOffsets.activityState) === activityHlt;
    if (!isHalted || state.readU32(stateOffsets.preemptionLoaded) === 0) return Infinity;
    return this.context.runCount(stateOffsets.preemptionDeadline);
  }

  /** Of so many steps, those until the preemption timer is zero. */
  limit(steps: number, nowNs: number): number {
    return this.isTimed ? Math.min(steps, stepsToPreemption(this.context, nowNs)) : steps;
  }
}
