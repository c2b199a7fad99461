/** Travel in time without a front end: what a person asks for on the command line, after the run. */
import { present } from '../support/assert';
import { UserError } from '../support/user-error';
import type { Timeline, Travel } from '../timeline/timeline';
import { BreakpointSet } from './breakpoints/breakpoint-set';
import { RequestedBreakpoints } from './breakpoints/requested-breakpoints';
import { threadsOf, type DebuggedThread } from './debugged-machine';
import { PastSearch, stopsOf } from './execution/past-search';
import { stepBack } from './execution/step-back';
import { stopPlace } from './execution/stop-place';
import { describeStop, type StopText } from './execution/stop-report';
import { threadNear } from './execution/thread-address';
import type { GuestPrograms } from './guest-programs';

function finished<Result>(travel: Travel<Result>): Result {
  for (;;) {
    const step = travel.next();
    if (step.done === true) return step.value;
  }
}

/** Goes through the past of a machine; whoever made it keeps the past. */
export class HeadlessTravel {
  /** The processor that steps go back on: the one that reached what was gone back to last, else the first. */
  private thread: DebuggedThread;

  constructor(
    private readonly machine: Timeline,
    private readonly programs: GuestPrograms,
  ) {
    this.thread = present(threadsOf(machine)[0], 'first processor');
  }

  /** Goes to a position, back or forward. @throws UserError where that is impossible */
  goTo(position: number): void {
    finished(this.machine.travelTo(position));
  }

  /**
   * Goes back to the last moment before this one at which a breakpoint would have stopped.
   * @param name as a function breakpoint is typed: a function, an address, `exit:…`, `hypercall:…`
   * @throws UserError where there is no such place, or it was not reached
   */
  backTo(name: string): StopText {
    const { machine, programs } = this;
    programs.followKernels(machine.guests);
    const set = new BreakpointSet();
    const requested = new RequestedBreakpoints(set, () => programs);
    const [target] = requested.setNamed([{ name, options: {} }]).map((row) => row.target);
    if (target?.kind === 'none') {
      throw new UserError('no-such-place', target.message, 'Check "--back-to".');
    }
    const search = new PastSearch(machine, programs, stopsOf(set, programs, new Set()));
    const from = machine.position;
    const found = finished(search.lastBefore(from));
    if (found === undefined) {
      finished(machine.travelTo(from));
      throw new UserError(
        'place-not-reached',
        `Before position ${from} nothing reached "${name}".`,
      );
    }
    this.thread = threadNear(threadsOf(machine), found.at);
    const { partition, processor } = this.thread;
    const { code, nameOf } = programs.of(partition.id);
    return describeStop(found.reason, stopPlace(processor.core.state.rip, code, nameOf));
  }

  /** Steps back by instructions. @returns how many there were; fewer where the recording begins */
  stepBack(count: number): number {
    const { machine, programs, thread } = this;
    for (let done = 0; done < count; done++) {
      if (finished(stepBack({ machine, programs }, thread, 'instruction'))) continue;
      finished(machine.travelTo(machine.startPosition));
      return done;
    }
    return count;
  }
}
