/** Takes a machine along a recorded past: runs to each input's position, applies it, and checks that the past repeats. */
import type { HostInput, RecordedInput } from '../machine/host-input';
import { InvariantError } from '../support/assert';
import { UserError } from '../support/user-error';
import type { RunOutcome, RunRequest } from '../system/run-types';

/** What replay needs of a machine. */
export interface ReplayedMachine {
  readonly position: number;
  readonly timeNs: number;
  readonly guests: readonly {
    readonly processors: readonly { readonly core: { passBreakpointOnce(): void } }[];
  }[];
  run(request: RunRequest): RunOutcome;
  accept(input: HostInput): void;
}

/**
 * Runs the machine to `target`, accepting on the way those of `inputs` that lie at or behind its present position.
 * Breakpoints and reasons to stop are passed; a stop that nothing can pass before the target ends the replay.
 * @param inputs ascending by position, as `PhysicalMachine.inputs` keeps them
 * @throws UserError `position-unreachable` where the machine ends or waits before `target`
 * @throws InvariantError where an input finds the machine at another virtual time than when it was recorded
 */
export function replay(
  machine: ReplayedMachine,
  inputs: readonly RecordedInput[],
  target: number,
): void {
  const start = machine.position;
  for (const { position, timeNs, input } of inputs) {
    if (position < start) continue;
    if (position >= target) break;
    runTo(machine, position);
    if (machine.timeNs !== timeNs) {
      throw new InvariantError(
        `replay diverged at position ${position}: virtual time ${machine.timeNs} instead of ${timeNs}`,
      );
    }
    machine.accept(input);
  }
  runTo(machine, target);
}

function runTo(machine: ReplayedMachine, target: number): void {
  let idle = false;
  while (machine.position < target) {
    const { stop, steps } = machine.run({ maxSteps: target - machine.position });
    if (stop.kind === 'breakpoint') {
      for (const { processors } of machine.guests) {
        for (const { core } of processors) core.passBreakpointOnce();
      }
    }
    const advanced = steps > 0 || stop.kind === 'breakpoint';
    if (!advanced && idle) {
      throw new UserError(
        'position-unreachable',
        `The machine cannot reach position ${target}: it stays at ${machine.position} (${stop.kind}).`,
      );
    }
    idle = steps === 0;
  }
}
