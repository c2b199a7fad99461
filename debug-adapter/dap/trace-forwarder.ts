/** Tells the client that the trace has grown, in summaries: panels pull the rows they show. */
import { customEvent, type TraceChangedBody } from '../protocol/custom-requests';

/** What is told of: counts since power-on. */
export interface RecordedTrace {
  readonly exitsRecorded: number;
  readonly traffic: { readonly recorded: number };
}

type SendEvent = (name: string, body: TraceChangedBody) => void;

const shortestIntervalMs = 50;

/** Forwards the growth of the exit log and of the VMBus traffic. */
export class TraceForwarder {
  private sent: TraceChangedBody = { recorded: -1, vmbusRecorded: -1 };
  private sentAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly control: RecordedTrace,
    private readonly send: SendEvent,
  ) {}

  /** After a slice: sends a summary if there is something new and the last one is old enough. */
  sliceDone(nowMs: number): void {
    if (nowMs - this.sentAtMs >= shortestIntervalMs) this.flush(nowMs);
  }

  /** At a stop or after a restart: sends a summary if there is something new. */
  flush(nowMs: number): void {
    const { exitsRecorded: recorded, traffic } = this.control;
    const vmbusRecorded = traffic.recorded;
    if (recorded === this.sent.recorded && vmbusRecorded === this.sent.vmbusRecorded) return;
    this.sent = { recorded, vmbusRecorded };
    this.sentAtMs = nowMs;
    this.send(customEvent.traceChanged, this.sent);
  }
}
