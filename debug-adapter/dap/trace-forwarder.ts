/** Tells the client that the trace has grown, in summaries: panels pull the rows they show. */
import type { MachineControl } from '../debugger/machine-control';
import { customEvent, type TraceChangedBody } from '../protocol/custom-requests';

type SendEvent = (name: string, body: TraceChangedBody) => void;

const shortestIntervalMs = 50;

/** Forwards the growth of the exit log. */
export class TraceForwarder {
  private sentCount = -1;
  private sentAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly control: MachineControl,
    private readonly send: SendEvent,
  ) {}

  /** After a slice: sends a summary if there is something new and the last one is old enough. */
  sliceDone(nowMs: number): void {
    if (nowMs - this.sentAtMs >= shortestIntervalMs) this.flush(nowMs);
  }

  /** At a stop or after a restart: sends a summary if there is something new. */
  flush(nowMs: number): void {
    const recorded = this.control.exitsRecorded;
    if (recorded === this.sentCount) return;
    this.sentCount = recorded;
    this.sentAtMs = nowMs;
    this.send(customEvent.traceChanged, { recorded });
  }
}
