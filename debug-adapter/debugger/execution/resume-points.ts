/** Where threads resumed, so that the breakpoint of an instruction in progress does not stop a second time. */
import type { DebuggedThread } from '../debugged-machine';
import type { GuestPrograms } from '../guest-programs';
import { registerNamed } from '../registers';
import { addressOf, keyOf } from './thread-address';

/** Where a thread stood. */
export interface ResumePoint {
  readonly rip: bigint;
  readonly retired: number;
  readonly rcx: bigint;
}

const rcx = registerNamed('rcx');

/** One point for each thread. */
export class ResumePoints {
  private readonly points = new Map<number, ResumePoint>();

  constructor(private readonly programs: GuestPrograms) {}

  of(thread: DebuggedThread): ResumePoint | undefined {
    return this.points.get(keyOf(addressOf(thread)));
  }

  clear(): void {
    this.points.clear();
  }

  /** The thread resumes where it stands. */
  note(thread: DebuggedThread): void {
    this.points.set(keyOf(addressOf(thread)), standOf(thread));
  }

  /** Lets every thread that still stands where it resumed pass a breakpoint there. */
  pass(threads: readonly DebuggedThread[]): void {
    for (const thread of threads) {
      const point = this.of(thread);
      const isHere = point !== undefined && isAt(thread, point);
      if (isHere && thread.processor.pendingExit === undefined) {
        thread.processor.core.passBreakpointOnce();
      }
    }
  }

  /** True where the instruction at which the thread resumed came again without having finished: it exited, or repeats. */
  isInProgress(thread: DebuggedThread, address: bigint): boolean {
    const point = this.of(thread);
    if (point?.rip !== address) return false;
    if (isAt(thread, point)) return true;
    const { core, retired } = thread.processor;
    const iterations = point.rcx - rcx.read(core.state);
    const repeating = iterations > 0n && BigInt(retired - point.retired) <= iterations;
    const { code } = this.programs.of(thread.partition.id);
    return repeating && code.instructionAt(thread, point.rip)?.repeats === true;
  }
}

/** True once the thread has advanced by an instruction, or an iteration of one. */
export function hasMoved(thread: DebuggedThread, start: ResumePoint): boolean {
  return !isAt(thread, start) || rcx.read(thread.processor.core.state) !== start.rcx;
}

function standOf({ processor: { core, retired } }: DebuggedThread): ResumePoint {
  return { rip: core.state.rip, retired, rcx: rcx.read(core.state) };
}

function isAt({ processor }: DebuggedThread, point: ResumePoint): boolean {
  return processor.core.state.rip === point.rip && processor.retired === point.retired;
}
