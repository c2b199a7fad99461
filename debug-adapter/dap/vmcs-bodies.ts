/** What the VMCS inspector is told: bodies of its request, and those that go out with a stop. */
import { threadIdOf, type DebuggedThread } from '../debugger/debugged-machine';
import type { VmcsComparison, VmcsMoment } from '../debugger/inspection/vmcs-inspection';
import type { MachineControl } from '../debugger/machine-control';
import { customEvent } from '../protocol/custom-requests';
import type { VmcsBody, VmcsStopBody } from '../protocol/vmcs-requests';
import { UserError } from '../support/user-error';
import { threadName } from './thread-name';

/** What is compared with, from its text on the wire. */
export function vmcsComparison(text: string): VmcsComparison {
  switch (text) {
    case 'last-stop':
    case 'previous-exit':
      return { kind: text };
    default:
      return { kind: 'exit', id: text };
  }
}

/** @throws UserError where an exit is not kept any more */
export function vmcsBody(
  control: MachineControl,
  thread: DebuggedThread,
  moment: VmcsMoment,
  comparison: VmcsComparison,
): VmcsBody {
  const view = control.vmcs.describe(thread, control.position, moment, comparison);
  return { thread: threadName(thread), ...view };
}

/** Sends the VMCS with each stop, to whoever follows it: asking for it would take its turn behind what the client does at a stop. */
export class VmcsFollower {
  /** What is compared with; undefined while nobody follows. */
  comparedWith: string | undefined;

  constructor(
    private readonly control: MachineControl,
    private readonly send: (event: string, body: VmcsStopBody) => void,
  ) {}

  /** The `stopped` event of a thread comes next. */
  stopsAt(thread: DebuggedThread): void {
    const { comparedWith, control } = this;
    if (comparedWith === undefined) return;
    const now: VmcsMoment = { kind: 'now' };
    const comparison = vmcsComparison(comparedWith);
    try {
      if (control.vmcs.missing(thread, now, comparison).length > 0) return;
      const vmcs = vmcsBody(control, thread, now, comparison);
      const threadId = threadIdOf(thread.partition.id, thread.processor.index);
      this.send(customEvent.vmcs, { threadId, comparedWith, vmcs });
    } catch (error) {
      // An exit that has left the log: the request for it says so.
      if (!(error instanceof UserError)) throw error;
    }
  }
}
