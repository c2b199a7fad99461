/** Maps stops of the debugger to the `stopped` event, so that the client opens the right view. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { isEndOfGuest, type StopReason, type StopReport } from '../debugger/execution/stop-report';
import type { MachineControl } from '../debugger/machine-control';

function reasonWithSource(reason: StopReason): string {
  switch (reason.kind) {
    case 'entry':
      return 'entry';
    case 'step':
    case 'step-back':
      return 'step';
    case 'position':
      return 'goto';
    case 'beginning':
      return 'entry';
    case 'pause':
    case 'edit':
      return 'pause';
    case 'breakpoint':
      return 'breakpoint';
    case 'event-breakpoint':
      return 'function breakpoint';
    case 'exception':
      return 'exception';
    case 'machine':
      if (isEndOfGuest(reason.stop)) return 'exited';
      return reason.stop.kind === 'halted' ? 'pause' : 'exception';
  }
}

function breakpointIds(reason: StopReason): readonly number[] {
  return reason.kind === 'breakpoint' || reason.kind === 'event-breakpoint' ? reason.ids : [];
}

/**
 * Body of the `stopped` event. Without a source VS Code selects a frame and shows the disassembly only for some
 * reasons (a `step` must be one of its own), so `instruction breakpoint` is sent then and the description says what
 * really happened.
 */
export function stoppedEventBody(
  control: MachineControl,
  report: StopReport,
): DebugProtocol.StoppedEvent['body'] {
  const { reason } = report;
  const threadId = control.threadIdOfStop(report);
  const { place } = control.innermostFrame(control.thread(threadId));
  const hasSource = place?.exists === true;
  const { description, text } = control.describeStop(report);
  return {
    reason: hasSource ? reasonWithSource(reason) : 'instruction breakpoint',
    description,
    threadId,
    preserveFocusHint: false,
    allThreadsStopped: true,
    hitBreakpointIds: [...breakpointIds(reason)],
    ...(text === '' ? {} : { text }),
  };
}
