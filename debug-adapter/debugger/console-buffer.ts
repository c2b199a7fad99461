/** Keeps what guests wrote to their consoles until the front end takes it; bounded. */
import type { TraceEvent, TraceSink } from '../machine/trace';

/** Bytes of one partition's console. */
export interface ConsoleOutput {
  readonly partition: number;
  readonly bytes: Uint8Array;
  /** Bytes that were lost before these because nobody took them in time. */
  readonly droppedBytes: number;
}

const capacityBytes = 1 << 20;

interface Waiting {
  bytes: Uint8Array;
  length: number;
  dropped: number;
}

/** Listens to a trace and collects console bytes by partition. */
export class ConsoleBuffer implements TraceSink {
  private readonly waiting = new Map<number, Waiting>();

  record(event: TraceEvent): void {
    if (event.kind !== 'console') return;
    let entry = this.waiting.get(event.partition);
    if (entry === undefined) {
      entry = { bytes: new Uint8Array(4096), length: 0, dropped: 0 };
      this.waiting.set(event.partition, entry);
    }
    const needed = entry.length + event.data.length;
    if (needed > capacityBytes) {
      entry.dropped += event.data.length;
      return;
    }
    if (needed > entry.bytes.length) {
      const larger = new Uint8Array(
        Math.min(capacityBytes, Math.max(needed, entry.bytes.length * 2)),
      );
      larger.set(entry.bytes.subarray(0, entry.length));
      entry.bytes = larger;
    }
    entry.bytes.set(event.data, entry.length);
    entry.length = needed;
  }

  /** Takes what has come since the last call. */
  take(): readonly ConsoleOutput[] {
    const outputs: ConsoleOutput[] = [];
    for (const [partition, entry] of this.waiting) {
      if (entry.length === 0 && entry.dropped === 0) continue;
      const bytes = entry.bytes.slice(0, entry.length);
      outputs.push({ partition, bytes, droppedBytes: entry.dropped });
      entry.length = 0;
      entry.dropped = 0;
    }
    return outputs;
  }
}
