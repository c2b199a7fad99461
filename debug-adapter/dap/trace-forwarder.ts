/** Tells the client that the trace has grown, in summaries: panels pull the rows they show. */
import { customEvent, type TraceChangedBody } from '../protocol/custom-requests';

/** What is told of: counts since power-on. */
export interface RecordedTrace {
  readonly exitsRecorded: number;
  readonly traffic: { readonly recorded: number };
  readonly othersRecorded: number;
}

type SendEvent = (name: string, body: TraceChangedBody) => void;

const shortestIntervalMs = 50;

/** Forwards the growth of the exit log, of the VMBus traffic and of the other events. */
export class TraceForwarder {
  private sent: TraceChangedBody = { recorded: -1, vmbusRecorded: -1, othersRecorded: -1 };
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
    const { exitsRecorded: recorded, traffic, othersRecorded } = this.control;
    const vmbusRecorded = traffic.recorded;
    const { sent } = this;
    const isSame = recorded === sent.recorded && vmbusRecorded === sent.vmbusRecorded;
    if (isSame && othersRecorded === sent.othersRecorded) return;
    this.sent = { recorded, vmbusRecorded, othersRecorded };
    this.sentAtMs = nowMs;
    this.send(customEvent.traceChanged, this.sent);
  }
}
