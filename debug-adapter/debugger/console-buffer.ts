/** Keeps what guests wrote to their consoles until the front end takes it; bounded. */
import type { ConsoleSink } from '../machine/trace';

/** Bytes of one partition's console. */
export interface ConsoleOutput {
  readonly partition: number;
  readonly bytes: Uint8Array;
  /** Bytes that were lost before these because nobody took them in time. */
  readonly droppedBytes: number;
}

/** More than a turn of a guest writes, mostly; what is not written to costs nothing. */
const initialBytes = 1 << 16;
const capacityBytes = 1 << 20;

interface Waiting {
  bytes: Uint8Array;
  length: number;
  dropped: number;
}

/** Listens to a trace and collects console bytes by partition. */
export class ConsoleBuffer implements ConsoleSink {
  private readonly waiting = new Map<number, Waiting>();

  write(partition: number, value: number, sizeBytes: number): void {
    const entry = this.waiting.get(partition) ?? this.begin(partition);
    const needed = entry.length + sizeBytes;
    if (needed > entry.bytes.length && !grow(entry)) {
      entry.dropped += sizeBytes;
      return;
    }
    for (let index = 0; index < sizeBytes; index++) {
      entry.bytes[entry.length + index] = value >>> (8 * index);
    }
    entry.length = needed;
  }

  private begin(partition: number): Waiting {
    const entry = { bytes: new Uint8Array(initialBytes), length: 0, dropped: 0 };
    this.waiting.set(partition, entry);
    return entry;
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

/** @returns false where there is as much room as there may be */
function grow(entry: Waiting): boolean {
  const { bytes } = entry;
  if (bytes.length >= capacityBytes) return false;
  entry.bytes = new Uint8Array(bytes.length * 2);
  entry.bytes.set(bytes);
  return true;
}
